#include "lang/parse_impl.h"

/* --- sets of names --- */

enum { SMALL_SET = 8 };

bool tc_name_set_add(tc_arena *arena, tc_name_set *set, tc_name name) {
  uint32_t seen;
  if (set->names.n <= SMALL_SET) {
    for (uint32_t i = 0; i < set->names.n; i++)
      if (set->names.at[i].id == name.id) return false;
  } else if (tc_map_get(&set->index, name.id, &seen)) {
    return false;
  }
  tc_vec_push(arena, &set->names, name);
  if (set->names.n == SMALL_SET + 1) {
    set->index = tc_map_in(arena);
    for (uint32_t i = 0; i < set->names.n; i++)
      tc_map_put(&set->index, set->names.at[i].id, 0);
  } else if (set->names.n > SMALL_SET) {
    tc_map_put(&set->index, name.id, 0);
  }
  return true;
}

bool tc_name_set_has(const tc_name_set *set, tc_name name) {
  uint32_t seen;
  if (set->names.n > SMALL_SET) return tc_map_get(&set->index, name.id, &seen);
  for (uint32_t i = 0; i < set->names.n; i++)
    if (set->names.at[i].id == name.id) return true;
  return false;
}

static const tc_name_list NO_NAMES = {0};

static tc_name_list *name_list(tc_parser *p, uint32_t n) {
  return tc_arena_alloc(p->cx.arena, sizeof(tc_name_list) + n * sizeof(tc_name));
}

const tc_name_list *tc_parse_names(tc_parser *p, const tc_name_set *set) {
  if (!set->names.n) return &NO_NAMES;
  tc_name_list *list = name_list(p, set->names.n);
  for (uint32_t i = 0; i < set->names.n; i++)
    list->at[list->n++] = set->names.at[i];
  return list;
}

/* --- scopes --- */

void tc_parse_bind(tc_parser *p, tc_name name) {
  tc_name_set_add(p->cx.arena, &p->scope->bound, name);
}

void tc_parse_open_scope(tc_parser *p, tc_parse_scope *scope, enum tc_parse_in kind) {
  *scope = (tc_parse_scope){.outer = p->scope, .kind = kind};
  p->scope = scope;
}

const tc_ast_scope *tc_parse_close_scope(tc_parser *p) {
  const tc_parse_scope *from = p->scope;
  p->scope = from->outer;
  tc_ast_scope *scope = TC_NEW(p->cx.arena, tc_ast_scope);
  scope->is_generator = from->is_generator;
  scope->globals = tc_parse_names(p, &from->globals);
  scope->nonlocals = tc_parse_names(p, &from->nonlocals);
  scope->bound = &NO_NAMES;
  if (!from->bound.names.n) return scope;
  tc_name_list *bound = name_list(p, from->bound.names.n);
  for (uint32_t i = 0; i < from->bound.names.n; i++) {
    tc_name name = from->bound.names.at[i];
    if (!tc_name_set_has(&from->globals, name) && !tc_name_set_has(&from->nonlocals, name))
      bound->at[bound->n++] = name;
  }
  scope->bound = bound;
  return scope;
}

/* --- parameters --- */

typedef struct param_state {
  tc_name_set names;
  bool defaults;    /* a plain parameter had one: the next needs one too        */
  bool slash, star; /* `/` and `*` were seen                                    */
  bool lone_star;   /* `*` stands just before: a keyword-only one must follow   */
  bool starstar;
  bool annotated; /* of a def, not of a lambda                                */
} param_state;

static void bad_param(tc_parser *p, tc_span span, const char *what) {
  if (tc_parse_may_report(p)) TC_DIAG(p->cx.diags, D_bad_parameter, span, what);
}

static const tc_ast *param(tc_parser *p, param_state *state, enum tc_ast_paramkind kind,
                           uint32_t start) {
  uint32_t height = 0;
  tc_span span = {0};
  const tc_ast *annotation = NULL, *value = NULL;
  bool starred = kind == TC_PARAMKIND_STAR || kind == TC_PARAMKIND_STARSTAR;
  tc_name name = tc_parse_name(p, &span);
  if (state->annotated && tc_parse_accept(p, TC_TOKEN_COLON)) {
    if (kind == TC_PARAMKIND_STAR) tc_parse_accept(p, TC_TOKEN_STAR); /* *args: *Ts */
    annotation = tc_parse_expr(p);
    height = p->height;
  }
  if (tc_parse_at(p, TC_TOKEN_ASSIGN) && starred) {
    bad_param(p, tc_parse_here(p), "a starred parameter has no default");
    tc_parse_fail(p);
  }
  if (tc_parse_accept(p, TC_TOKEN_ASSIGN)) {
    value = tc_parse_expr(p);
    height = p->height > height ? p->height : height;
  }
  if (state->starstar) bad_param(p, span, "nothing follows **kwargs");
  if (kind == TC_PARAMKIND_PLAIN && !value && state->defaults)
    bad_param(p, span, "a parameter without a default follows one with a default");
  if (kind == TC_PARAMKIND_PLAIN && value) state->defaults = true;
  if (!p->failed && !tc_name_set_add(p->cx.arena, &state->names, name))
    bad_param(p, span, "two parameters have the same name");
  tc_ast *node = tc_parse_node(p, TC_AST_PARAM, start, height);
  node->param.kind = kind;
  node->param.name = name;
  node->param.annotation = annotation;
  node->param.default_ = value;
  return node;
}

/* `/`: what has been pushed since `mark` was positional-only. */
static void slash(tc_parser *p, param_state *state, uint32_t mark) {
  if (state->slash || state->star || state->starstar || p->stack.n == mark)
    bad_param(p, tc_parse_here(p),
              "`/` stands once, after at least one parameter and before any star");
  state->slash = true;
  tc_parse_advance(p);
  for (uint32_t i = mark; i < p->stack.n; i++) {
    tc_ast *node = tc_arena_copy(p->cx.arena, p->stack.at[i].node, sizeof *node);
    node->param.kind = TC_PARAMKIND_POSITIONAL;
    p->stack.at[i].node = node;
  }
}

/* `*` alone or `*args`. */
static void star(tc_parser *p, param_state *state, enum tc_token_kind closer) {
  uint32_t start = p->token.at;
  if (state->star || state->starstar)
    bad_param(p, tc_parse_here(p), "`*` stands once, and before **kwargs");
  tc_parse_advance(p);
  state->star = true;
  state->lone_star = tc_parse_at(p, TC_TOKEN_COMMA) || tc_parse_at(p, closer);
  if (!state->lone_star) tc_parse_push(p, param(p, state, TC_PARAMKIND_STAR, start));
}

static void one_param(tc_parser *p, param_state *state, uint32_t mark, enum tc_token_kind closer) {
  uint32_t start = p->token.at;
  if (tc_parse_at(p, TC_TOKEN_SLASH)) {
    slash(p, state, mark);
  } else if (tc_parse_at(p, TC_TOKEN_STAR)) {
    star(p, state, closer);
  } else if (tc_parse_accept(p, TC_TOKEN_STARSTAR)) {
    tc_parse_push(p, param(p, state, TC_PARAMKIND_STARSTAR, start));
    state->starstar = true;
  } else {
    enum tc_ast_paramkind kind = state->star ? TC_PARAMKIND_KEYWORD : TC_PARAMKIND_PLAIN;
    tc_parse_push(p, param(p, state, kind, start));
    state->lone_star = false;
  }
}

void tc_parse_skip_type_params(tc_parser *p) {
  uint32_t depth = 0;
  if (!tc_parse_at(p, TC_TOKEN_LBRACKET)) return;
  do {
    depth += tc_parse_at(p, TC_TOKEN_LBRACKET) ? 1u : 0u;
    depth -= tc_parse_at(p, TC_TOKEN_RBRACKET) ? 1u : 0u;
    tc_parse_advance(p);
  } while (depth && !p->failed && !tc_parse_unclosed(p) && !tc_parse_at(p, TC_TOKEN_END)
           && !tc_parse_at(p, TC_TOKEN_NEWLINE));
}

const tc_ast_list *tc_parse_params(tc_parser *p, enum tc_token_kind closer, uint32_t *height) {
  param_state state = {.annotated = closer == TC_TOKEN_RPAREN};
  uint32_t mark = p->stack.n;
  while (!p->failed && !tc_parse_at(p, closer)) {
    one_param(p, &state, mark, closer);
    if (!tc_parse_accept(p, TC_TOKEN_COMMA)) break;
  }
  if (!tc_parse_at(p, closer))
    tc_parse_unexpected(p, closer == TC_TOKEN_RPAREN ? "',' or ')'" : "',' or ':'");
  if (state.lone_star)
    bad_param(p, tc_parse_here(p), "`*` is followed by at least one keyword-only parameter");
  return tc_parse_list(p, mark, height);
}

void tc_parse_bind_params(tc_parser *p, const tc_ast_list *params) {
  for (uint32_t i = 0; i < params->n; i++)
    tc_parse_bind(p, params->at[i]->param.name);
  p->scope->n_params = p->scope->bound.names.n;
}

/* --- targets --- */

static const char *describe(const tc_ast *node) { /* table */
  switch ((int)node->kind) {
  case TC_AST_INT:
  case TC_AST_FLOAT:
  case TC_AST_STRING:
  case TC_AST_BYTES:
  case TC_AST_ELLIPSIS:
    return "a literal";
  case TC_AST_FSTRING:
    return "an f-string";
  case TC_AST_NONE:
    return "None";
  case TC_AST_TRUE:
    return "True";
  case TC_AST_FALSE:
    return "False";
  case TC_AST_CALL:
    return "the result of a call";
  case TC_AST_COMPARE:
    return "a comparison";
  case TC_AST_TERNARY:
    return "a conditional expression";
  case TC_AST_LAMBDA:
    return "a lambda";
  case TC_AST_WALRUS:
    return "a := expression";
  case TC_AST_YIELD:
  case TC_AST_YIELD_FROM:
    return "a yield";
  case TC_AST_SET:
    return "a set display";
  case TC_AST_DICT:
    return "a dict display";
  case TC_AST_GENERATOR:
    return "a generator expression";
  case TC_AST_LIST_COMP:
  case TC_AST_SET_COMP:
  case TC_AST_DICT_COMP:
    return "a comprehension";
  case TC_AST_TUPLE:
    return "a tuple";
  case TC_AST_LIST:
    return "a list";
  case TC_AST_STARRED:
    return "a starred expression";
  default:
    return "an operation";
  }
}

static void bad_target(tc_parser *p, const tc_ast *node, const char *verb) {
  if (!tc_parse_may_report(p)) return;
  TC_DIAG(p->cx.diags, D_bad_target, node->span, verb, describe(node));
  if (verb[0] == 'a' && tc_parse_at(p, TC_TOKEN_ASSIGN))
    tc_diag_help(p->cx.diags, "to compare, write ==");
}

static void check_targets(tc_parser *p, const tc_ast_list *items, const char *verb) {
  bool starred = false, deleting = verb[0] == 'd';
  for (uint32_t i = 0; i < items->n; i++) {
    const tc_ast *item = items->at[i];
    if (item->kind == TC_AST_STARRED && !deleting) {
      if (starred && tc_parse_may_report(p))
        TC_DIAG(p->cx.diags, D_bad_star, item->span, "a second target");
      starred = true;
      item = item->starred.value;
    }
    tc_parse_check_target(p, item, verb);
  }
}

void tc_parse_check_target(tc_parser *p, const tc_ast *node, const char *verb) {
  if (p->failed) return;
  switch ((int)node->kind) {
  case TC_AST_NAME:
    tc_parse_bind(p, node->name.name);
    break;
  case TC_AST_ATTRIBUTE:
  case TC_AST_SUBSCRIPT:
    break;
  case TC_AST_TUPLE:
    check_targets(p, node->tuple.items, verb);
    break;
  case TC_AST_LIST:
    check_targets(p, node->list.items, verb);
    break;
  default:
    bad_target(p, node, verb);
    break;
  }
}

const tc_ast *tc_parse_targets(tc_parser *p) {
  const tc_ast *node = tc_parse_target_tuple(p);
  tc_parse_check_target(p, node, "assign to");
  return node;
}

const tc_ast *tc_parse_as_target(tc_parser *p) {
  const tc_ast *node = tc_parse_target(p);
  tc_parse_check_target(p, node, "assign to");
  return node;
}
