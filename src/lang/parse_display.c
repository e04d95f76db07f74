#include "lang/parse_impl.h"

/* --- comprehensions and displays --- */

static bool at_for(const tc_parser *p) {
  return tc_parse_at(p, TC_TOKEN_FOR) || tc_parse_at(p, TC_TOKEN_ASYNC);
}

static const tc_ast *awaited(tc_parser *p, const tc_ast *value, uint32_t start) {
  tc_ast *node = tc_parse_node(p, TC_AST_AWAIT, start, p->height);
  node->await.value = value;
  return node;
}

static const tc_ast *comp_for(tc_parser *p) {
  uint32_t start = p->token.at, mark = p->stack.n;
  bool async = tc_parse_accept(p, TC_TOKEN_ASYNC);
  tc_parse_expect(p, TC_TOKEN_FOR);
  const tc_ast *target = tc_parse_targets(p);
  uint32_t height = p->height;
  tc_parse_expect(p, TC_TOKEN_IN);
  uint32_t iter_at = p->token.at;
  const tc_ast *iter = tc_parse_disjunction(p);
  if (async) iter = awaited(p, iter, iter_at);
  height = tc_parse_taller(height, p->height);
  while (tc_parse_accept(p, TC_TOKEN_IF))
    tc_parse_push(p, tc_parse_disjunction(p));
  const tc_ast_list *conditions = tc_parse_list(p, mark, &height);
  tc_ast *node = tc_parse_node(p, TC_AST_COMP_FOR, start, height);
  node->comp_for.target = target;
  node->comp_for.iter = iter;
  node->comp_for.conditions = conditions;
  return node;
}

typedef struct clauses {
  const tc_ast_list *list;
  const tc_ast_scope *scope;
  uint32_t height;
} clauses;

/* The `for` clauses after an element, which has been parsed. */
static clauses comp_clauses(tc_parser *p, const tc_ast *element) {
  tc_parse_unstarred(p, element, "the element of a comprehension");
  clauses c = {.height = p->height};
  tc_parse_scope scope;
  tc_parse_open_scope(p, &scope, TC_IN_COMPREHENSION);
  uint32_t mark = p->stack.n;
  while (at_for(p))
    tc_parse_push(p, comp_for(p));
  c.list = tc_parse_list(p, mark, &c.height);
  c.scope = tc_parse_close_scope(p);
  return c;
}

static const tc_ast *star_or_named(tc_parser *p) {
  uint32_t start = p->token.at;
  if (!tc_parse_accept(p, TC_TOKEN_STAR)) return tc_parse_named(p);
  return tc_parse_starred(p, tc_parse_operand(p), start);
}

/* Items with commas up to `closer`, which stays. The first one has been pushed. */
static void more_items(tc_parser *p, enum tc_token_kind closer, const char *wanted) {
  while (tc_parse_accept(p, TC_TOKEN_COMMA) && !tc_parse_at(p, closer))
    tc_parse_push(p, star_or_named(p));
  if (!tc_parse_at(p, closer)) tc_parse_unexpected(p, wanted);
}

/* The generator that `element` begins; the bracket that opens it is at `start` and its closing one
 * is consumed here. */
static const tc_ast *generator(tc_parser *p, const tc_ast *element, uint32_t start) {
  clauses c = comp_clauses(p, element);
  tc_parse_expect(p, TC_TOKEN_RPAREN);
  tc_ast *node = tc_parse_node(p, TC_AST_GENERATOR, start, c.height);
  node->generator.element = element;
  node->generator.clauses = c.list;
  node->generator.scope = c.scope;
  return node;
}

const tc_ast *tc_parse_paren(tc_parser *p) {
  uint32_t start = p->token.at, mark = p->stack.n, height = 0;
  tc_parse_advance(p);
  if (tc_parse_at(p, TC_TOKEN_YIELD)) {
    const tc_ast *yield = tc_parse_value(p);
    tc_parse_expect(p, TC_TOKEN_RPAREN);
    return yield;
  }
  if (!tc_parse_at(p, TC_TOKEN_RPAREN)) {
    const tc_ast *first = star_or_named(p);
    if (at_for(p)) return generator(p, first, start);
    if (!tc_parse_at(p, TC_TOKEN_COMMA)) {
      if (!tc_parse_accept(p, TC_TOKEN_RPAREN)) tc_parse_unexpected(p, "',' or ')'");
      return tc_parse_unstarred(p, first, "an expression in parentheses");
    }
    tc_parse_push(p, first);
    more_items(p, TC_TOKEN_RPAREN, "',' or ')'");
  }
  tc_parse_accept(p, TC_TOKEN_RPAREN);
  const tc_ast_list *items = tc_parse_list(p, mark, &height);
  tc_ast *node = tc_parse_node(p, TC_AST_TUPLE, start, height);
  node->tuple.items = items;
  return node;
}

const tc_ast *tc_parse_list_display(tc_parser *p) {
  uint32_t start = p->token.at, mark = p->stack.n, height = 0;
  tc_parse_advance(p);
  if (!tc_parse_at(p, TC_TOKEN_RBRACKET)) {
    const tc_ast *first = star_or_named(p);
    if (at_for(p)) {
      clauses c = comp_clauses(p, first);
      tc_parse_expect(p, TC_TOKEN_RBRACKET);
      tc_ast *node = tc_parse_node(p, TC_AST_LIST_COMP, start, c.height);
      node->list_comp.element = first;
      node->list_comp.clauses = c.list;
      node->list_comp.scope = c.scope;
      return node;
    }
    tc_parse_push(p, first);
    more_items(p, TC_TOKEN_RBRACKET, "',' or ']'");
  }
  tc_parse_accept(p, TC_TOKEN_RBRACKET);
  const tc_ast_list *items = tc_parse_list(p, mark, &height);
  tc_ast *node = tc_parse_node(p, TC_AST_LIST, start, height);
  node->list.items = items;
  return node;
}

static const tc_ast *set_tail(tc_parser *p, const tc_ast *first, uint32_t start) {
  uint32_t mark = p->stack.n, height = 0;
  if (at_for(p)) {
    clauses c = comp_clauses(p, first);
    tc_parse_expect(p, TC_TOKEN_RBRACE);
    tc_ast *node = tc_parse_node(p, TC_AST_SET_COMP, start, c.height);
    node->set_comp.element = first;
    node->set_comp.clauses = c.list;
    node->set_comp.scope = c.scope;
    return node;
  }
  tc_parse_push(p, first);
  more_items(p, TC_TOKEN_RBRACE, "',' or '}'");
  tc_parse_accept(p, TC_TOKEN_RBRACE);
  const tc_ast_list *items = tc_parse_list(p, mark, &height);
  tc_ast *node = tc_parse_node(p, TC_AST_SET, start, height);
  node->set.items = items;
  return node;
}

/* key: value or **value; `key` NULL when it is still to be read. */
static const tc_ast *pair(tc_parser *p, const tc_ast *key, uint32_t start) {
  uint32_t height = key ? p->height : 0;
  if (!key && !tc_parse_accept(p, TC_TOKEN_STARSTAR)) {
    key = tc_parse_expr(p);
    height = p->height;
  }
  if (key) tc_parse_expect(p, TC_TOKEN_COLON);
  const tc_ast *value = key ? tc_parse_expr(p) : tc_parse_operand(p);
  tc_ast *node = tc_parse_node(p, TC_AST_PAIR, start, tc_parse_taller(height, p->height));
  node->pair.key = key;
  node->pair.value = value;
  return node;
}

static const tc_ast *dict_tail(tc_parser *p, const tc_ast *first, uint32_t start) {
  uint32_t mark = p->stack.n, height = 0;
  if (first && first->pair.key && at_for(p)) {
    clauses c = comp_clauses(p, first);
    tc_parse_expect(p, TC_TOKEN_RBRACE);
    tc_ast *node = tc_parse_node(p, TC_AST_DICT_COMP, start, c.height);
    node->dict_comp.key = first->pair.key;
    node->dict_comp.value = first->pair.value;
    node->dict_comp.clauses = c.list;
    node->dict_comp.scope = c.scope;
    return node;
  }
  if (first) {
    tc_parse_push(p, first);
    while (tc_parse_accept(p, TC_TOKEN_COMMA) && !tc_parse_at(p, TC_TOKEN_RBRACE))
      tc_parse_push(p, pair(p, NULL, p->token.at));
  }
  if (!tc_parse_accept(p, TC_TOKEN_RBRACE)) tc_parse_unexpected(p, "',' or '}'");
  const tc_ast_list *pairs = tc_parse_list(p, mark, &height);
  tc_ast *node = tc_parse_node(p, TC_AST_DICT, start, height);
  node->dict.pairs = pairs;
  return node;
}

const tc_ast *tc_parse_braces(tc_parser *p) {
  uint32_t start = p->token.at;
  tc_parse_advance(p);
  if (tc_parse_at(p, TC_TOKEN_RBRACE)) return dict_tail(p, NULL, start);
  uint32_t item = p->token.at;
  if (tc_parse_at(p, TC_TOKEN_STARSTAR)) return dict_tail(p, pair(p, NULL, item), start);
  const tc_ast *first = star_or_named(p);
  if (!tc_parse_at(p, TC_TOKEN_COLON)) return set_tail(p, first, start);
  first = tc_parse_unstarred(p, first, "the key of a dict");
  return dict_tail(p, pair(p, first, item), start);
}

/* --- calls and subscripts --- */

typedef struct arg_state {
  tc_name_set keywords;
  bool keyword, double_star; /* seen before this argument */
} arg_state;

static void bad_argument(tc_parser *p, tc_span span, const char *what) {
  if (tc_parse_may_report(p)) TC_DIAG(p->cx.diags, D_bad_argument, span, what);
}

static const tc_ast *keyword_arg(tc_parser *p, const tc_ast *name, arg_state *state,
                                 uint32_t start) {
  tc_parse_advance(p);
  const tc_ast *value = tc_parse_expr(p);
  tc_ast *node = tc_parse_node(p, TC_AST_KEYWORD, start, p->height);
  node->keyword.name = name->name.name;
  node->keyword.name_span = name->span;
  node->keyword.value = value;
  state->keyword = true;
  if (!tc_name_set_add(p->cx.arena, &state->keywords, name->name.name))
    bad_argument(p, name->span, "this keyword is given twice");
  return node;
}

static const tc_ast *starred_arg(tc_parser *p, arg_state *state, bool twice) {
  uint32_t start = p->token.at;
  tc_parse_advance(p);
  const tc_ast *value = tc_parse_expr(p);
  if (!twice) {
    const tc_ast *star = tc_parse_starred(p, value, start);
    if (state->double_star) bad_argument(p, star->span, "*args follows **kwargs");
    return star;
  }
  tc_ast *node = tc_parse_node(p, TC_AST_KEYWORD, start, p->height);
  node->keyword.value = value;
  state->double_star = true;
  return node;
}

/* x for x in y: the one argument, whose bracket it closes, or a mistake. */
static const tc_ast *generator_arg(tc_parser *p, const tc_ast *element, uint32_t start, bool first,
                                   bool *closed) {
  clauses c = comp_clauses(p, element);
  *closed = first && tc_parse_accept(p, TC_TOKEN_RPAREN);
  tc_ast *node = tc_parse_node(p, TC_AST_GENERATOR, start, c.height);
  node->generator.element = element;
  node->generator.clauses = c.list;
  node->generator.scope = c.scope;
  if (!*closed && (!first || tc_parse_at(p, TC_TOKEN_COMMA)) && tc_parse_may_report(p))
    TC_DIAG(p->cx.diags, D_bare_generator, node->span);
  return node;
}

static const tc_ast *arg(tc_parser *p, arg_state *state, bool first, bool *closed) {
  uint32_t start = p->token.at, opener = p->end - 1;
  if (tc_parse_at(p, TC_TOKEN_STAR)) return starred_arg(p, state, false);
  if (tc_parse_at(p, TC_TOKEN_STARSTAR)) return starred_arg(p, state, true);
  bool name = tc_parse_at(p, TC_TOKEN_NAME);
  const tc_ast *node = tc_parse_named(p);
  if (tc_parse_at(p, TC_TOKEN_ASSIGN) && name && node->kind == TC_AST_NAME)
    return keyword_arg(p, node, state, start);
  if (at_for(p)) return generator_arg(p, node, first ? opener : start, first, closed);
  if (state->double_star) {
    bad_argument(p, node->span, "a positional argument follows **kwargs");
  } else if (state->keyword) {
    bad_argument(p, node->span, "a positional argument follows keyword arguments");
  }
  return node;
}

const tc_ast_list *tc_parse_args(tc_parser *p, uint32_t *height) {
  uint32_t mark = p->stack.n;
  arg_state state = {0};
  bool closed = false;
  while (!closed && !p->failed && !tc_parse_at(p, TC_TOKEN_RPAREN)) {
    tc_parse_push(p, arg(p, &state, p->stack.n == mark, &closed));
    if (closed || tc_parse_at(p, TC_TOKEN_RPAREN)) break;
    if (!tc_parse_accept(p, TC_TOKEN_COMMA)) tc_parse_unexpected(p, "',' or ')'");
  }
  if (!closed) tc_parse_accept(p, TC_TOKEN_RPAREN);
  return tc_parse_list(p, mark, height);
}

/* One index: an expression, *expression or lower:upper:step. */
static const tc_ast *index_item(tc_parser *p) {
  uint32_t start = p->token.at, height = 0;
  const tc_ast *part[3] = {NULL, NULL, NULL};
  if (!tc_parse_at(p, TC_TOKEN_COLON)) {
    part[0] = star_or_named(p);
    if (!tc_parse_at(p, TC_TOKEN_COLON)) return part[0];
    height = p->height;
  }
  for (int i = 1; i < 3 && tc_parse_accept(p, TC_TOKEN_COLON); i++) {
    if (tc_parse_at(p, TC_TOKEN_COLON) || tc_parse_at(p, TC_TOKEN_COMMA)
        || tc_parse_at(p, TC_TOKEN_RBRACKET))
      continue;
    part[i] = tc_parse_expr(p);
    height = tc_parse_taller(height, p->height);
  }
  if (part[0]) part[0] = tc_parse_unstarred(p, part[0], "a bound of a slice");
  tc_ast *node = tc_parse_node(p, TC_AST_SLICE, start, height);
  node->slice.lower = part[0];
  node->slice.upper = part[1];
  node->slice.step = part[2];
  return node;
}

const tc_ast *tc_parse_index(tc_parser *p) {
  uint32_t start = p->token.at, mark = p->stack.n, height = 0;
  const tc_ast *first = index_item(p);
  if (!tc_parse_at(p, TC_TOKEN_COMMA) && first->kind != TC_AST_STARRED) return first;
  tc_parse_push(p, first);
  while (tc_parse_accept(p, TC_TOKEN_COMMA) && !tc_parse_at(p, TC_TOKEN_RBRACKET))
    tc_parse_push(p, index_item(p));
  const tc_ast_list *items = tc_parse_list(p, mark, &height);
  tc_ast *node = tc_parse_node(p, TC_AST_TUPLE, start, height);
  node->tuple.items = items;
  return node;
}
