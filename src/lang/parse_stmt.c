#include "lang/parse_impl.h"

#include <string.h>

static void statement(tc_parser *p);
static void simple_line(tc_parser *p);

/* --- recovery and blocks --- */

/* Heals a failed parser: the current token becomes the end of the broken line. */
static void skip_line(tc_parser *p) {
  p->failed = false;
  p->token = p->stopped;
  p->lex.quiet = p->lex.recovering = true;
  while (!tc_parse_at(p, TC_TOKEN_NEWLINE) && !tc_parse_at(p, TC_TOKEN_END) &&
         !tc_parse_at(p, TC_TOKEN_INDENT) && !tc_parse_at(p, TC_TOKEN_DEDENT))
    p->token = tc_lex_next(&p->lex);
  p->lex.quiet = p->lex.recovering = false;
}

static void indented_block(tc_parser *p) {
  tc_parse_advance(p);
  while (!tc_parse_at(p, TC_TOKEN_DEDENT) && !tc_parse_at(p, TC_TOKEN_END)) statement(p);
  tc_parse_accept(p, TC_TOKEN_DEDENT);
}

/* After a statement: if it failed, drops it and what is indented below it. */
static void recover(tc_parser *p, uint32_t mark) {
  if (!p->failed) return;
  skip_line(p);
  tc_parse_accept(p, TC_TOKEN_NEWLINE);
  if (tc_parse_at(p, TC_TOKEN_INDENT)) {
    bool lenient = p->lenient;
    p->lenient = true;
    indented_block(p);
    p->lenient = lenient;
  }
  p->stack.n = mark;
  p->text.n = 0;
}

/* The colon that ends a header. False after a report: the block is still read, for its mistakes. */
static bool end_header(tc_parser *p) {
  if (tc_parse_accept(p, TC_TOKEN_COLON)) return true;
  if (tc_parse_at(p, TC_TOKEN_ASSIGN)) tc_parse_unexpected(p, "':'");
  if (!tc_parse_unclosed(p) && tc_parse_may_report(p)) {
    bool at_end = tc_parse_at(p, TC_TOKEN_NEWLINE);
    tc_span span = at_end ? tc_lex_span(&p->lex, p->end, p->end) : tc_parse_here(p);
    TC_DIAG(p->cx.diags, D_missing_colon, span, tc_parse_found(p));
    if (at_end) return true;
    tc_parse_fail(p);
  }
  skip_line(p);
  return false;
}

/* What belongs to a header that ended well or not; `header` is its span. */
static const tc_ast_list *block(tc_parser *p, bool good, tc_span header) {
  uint32_t mark = p->stack.n, height = 0;
  bool lenient = p->lenient;
  p->lenient = lenient || !good;
  if (!tc_parse_accept(p, TC_TOKEN_NEWLINE)) {
    simple_line(p);
    recover(p, mark);
  } else if (tc_parse_at(p, TC_TOKEN_INDENT)) {
    indented_block(p);
  } else if (good && tc_parse_may_report(p)) {
    TC_DIAG(p->cx.diags, D_missing_block, header, tc_parse_found(p));
  }
  p->lenient = lenient;
  return tc_parse_list(p, mark, &height);
}

static const tc_ast_list *no_block(tc_parser *p) {
  uint32_t height = 0;
  return tc_parse_list(p, p->stack.n, &height);
}

static const tc_ast_list *else_block(tc_parser *p) {
  uint32_t start = p->token.at;
  if (!tc_parse_accept(p, TC_TOKEN_ELSE)) return no_block(p);
  bool else_if = tc_parse_at(p, TC_TOKEN_IF), good = end_header(p);
  if (else_if && !good) tc_diag_help(p->cx.diags, "write elif");
  return block(p, good, tc_lex_span(&p->lex, start, p->end > start ? p->end : start));
}

/* --- if, while, for --- */

static void if_statement(tc_parser *p) {
  uint32_t start = p->token.at, mark = p->stack.n, height = 0;
  uint32_t end = start;
  do {
    uint32_t at = p->token.at;
    tc_parse_advance(p);
    const tc_ast *test = tc_parse_named(p);
    bool good = end_header(p);
    tc_ast *branch = tc_parse_node(p, TC_AST_BRANCH, at, 0);
    if (at == start) end = p->end;
    branch->branch.test = test;
    branch->branch.body = block(p, good, branch->span);
    tc_parse_push(p, branch);
  } while (tc_parse_at(p, TC_TOKEN_ELIF));
  const tc_ast_list *branches = tc_parse_list(p, mark, &height);
  const tc_ast_list *orelse = else_block(p);
  p->end = end;
  tc_ast *node = tc_parse_node(p, TC_AST_IF, start, 0);
  node->if_.branches = branches;
  node->if_.orelse = orelse;
  tc_parse_push(p, node);
}

static const tc_ast_list *loop_block(tc_parser *p, bool good, tc_span header) {
  p->scope->n_loops++;
  const tc_ast_list *body = block(p, good, header);
  p->scope->n_loops--;
  return body;
}

static void while_statement(tc_parser *p) {
  uint32_t start = p->token.at;
  tc_parse_advance(p);
  const tc_ast *test = tc_parse_named(p);
  bool good = end_header(p);
  tc_ast *node = tc_parse_node(p, TC_AST_WHILE, start, 0);
  node->while_.test = test;
  node->while_.body = loop_block(p, good, node->span);
  node->while_.orelse = else_block(p);
  tc_parse_push(p, node);
}

static void for_statement(tc_parser *p) {
  uint32_t start = p->token.at;
  tc_parse_advance(p);
  const tc_ast *target = tc_parse_targets(p);
  tc_parse_expect(p, TC_TOKEN_IN);
  const tc_ast *iter = tc_parse_tuple(p);
  bool good = end_header(p);
  tc_ast *node = tc_parse_node(p, TC_AST_FOR, start, 0);
  node->for_.target = target;
  node->for_.iter = iter;
  node->for_.body = loop_block(p, good, node->span);
  node->for_.orelse = else_block(p);
  tc_parse_push(p, node);
}

/* --- with --- */

static bool opens(enum tc_token_kind kind) {
  return kind == TC_TOKEN_LPAREN || kind == TC_TOKEN_LBRACKET || kind == TC_TOKEN_LBRACE;
}

static bool closes(enum tc_token_kind kind) {
  return kind == TC_TOKEN_RPAREN || kind == TC_TOKEN_RBRACKET || kind == TC_TOKEN_RBRACE;
}

/* `with (a as b, c as d):` against `with (a, b) as c:` and `with (x for x in y):`: are the parentheses
 * after `with` (the current token) around the whole list of items? Looks ahead to their end. */
static bool with_is_grouped(const tc_parser *p) {
  tc_lexer ahead = p->lex;
  ahead.quiet = true;
  enum tc_token_kind kind = tc_lex_next(&ahead).kind, before = kind;
  uint32_t depth = kind == TC_TOKEN_LPAREN;
  while (depth) {
    kind = tc_lex_next(&ahead).kind;
    if (kind == TC_TOKEN_END || kind == TC_TOKEN_NEWLINE || kind == TC_TOKEN_BAD) return false;
    bool begins = before == TC_TOKEN_LPAREN || before == TC_TOKEN_COMMA;
    if (depth == 1 && (kind == TC_TOKEN_FOR || kind == TC_TOKEN_WALRUS || kind == TC_TOKEN_YIELD ||
                       (kind == TC_TOKEN_STAR && begins) ||
                       (kind == TC_TOKEN_RPAREN && before == TC_TOKEN_LPAREN)))
      return false;
    depth += opens(kind) ? 1u : 0u;
    depth -= closes(kind) ? 1u : 0u;
    before = kind;
  }
  return before == TC_TOKEN_RPAREN && tc_lex_next(&ahead).kind == TC_TOKEN_COLON;
}

static void with_statement(tc_parser *p) {
  uint32_t start = p->token.at, mark = p->stack.n, height = 0;
  bool grouped = with_is_grouped(p);
  tc_parse_advance(p);
  if (grouped) tc_parse_advance(p);
  do {
    uint32_t at = p->token.at;
    const tc_ast *value = tc_parse_expr(p);
    const tc_ast *target = tc_parse_accept(p, TC_TOKEN_AS) ? tc_parse_as_target(p) : NULL;
    tc_ast *item = tc_parse_node(p, TC_AST_WITH_ITEM, at, 0);
    item->with_item.value = value;
    item->with_item.target = target;
    tc_parse_push(p, item);
  } while (tc_parse_accept(p, TC_TOKEN_COMMA) && !(grouped && tc_parse_at(p, TC_TOKEN_RPAREN)));
  if (grouped && !tc_parse_accept(p, TC_TOKEN_RPAREN)) tc_parse_unexpected(p, "',' or ')'");
  bool good = end_header(p);
  const tc_ast_list *items = tc_parse_list(p, mark, &height);
  tc_ast *node = tc_parse_node(p, TC_AST_WITH, start, 0);
  node->with.items = items;
  node->with.body = block(p, good, node->span);
  tc_parse_push(p, node);
}

/* --- try --- */

static void bad_except(tc_parser *p, tc_span span, const char *what) {
  if (tc_parse_may_report(p)) TC_DIAG(p->cx.diags, D_bad_except, span, what);
}

static void handler(tc_parser *p) {
  uint32_t start = p->token.at;
  tc_name name = {0};
  tc_parse_advance(p);
  if (tc_parse_at(p, TC_TOKEN_STAR)) {
    bad_except(p, tc_parse_here(p), "exception groups (except*) are not supported");
    tc_parse_fail(p);
  }
  const tc_ast *type = tc_parse_at(p, TC_TOKEN_COLON) ? NULL : tc_parse_expr(p);
  if (type && tc_parse_at(p, TC_TOKEN_COMMA)) {
    bad_except(p, tc_parse_here(p), "several exception types need parentheses");
    tc_parse_fail(p);
  }
  if (type && tc_parse_accept(p, TC_TOKEN_AS)) {
    name = tc_parse_name(p, NULL);
    if (name.id) tc_parse_bind(p, name);
  }
  bool good = end_header(p);
  tc_ast *node = tc_parse_node(p, TC_AST_HANDLER, start, 0);
  node->handler.type = type;
  node->handler.name = name;
  node->handler.body = block(p, good, node->span);
  if (!type && tc_parse_at(p, TC_TOKEN_EXCEPT))
    bad_except(p, node->span, "a bare 'except:' must be the last handler");
  tc_parse_push(p, node);
}

static const tc_ast_list *finally_block(tc_parser *p) {
  uint32_t start = p->token.at;
  if (!tc_parse_accept(p, TC_TOKEN_FINALLY)) return no_block(p);
  bool good = end_header(p);
  return block(p, good, tc_lex_span(&p->lex, start, p->end > start ? p->end : start));
}

static void try_statement(tc_parser *p) {
  uint32_t start = p->token.at, mark, height = 0;
  tc_parse_advance(p);
  bool good = end_header(p);
  tc_ast *node = tc_parse_node(p, TC_AST_TRY, start, 0);
  node->try_.body = block(p, good, node->span);
  mark = p->stack.n;
  while (tc_parse_at(p, TC_TOKEN_EXCEPT)) handler(p);
  node->try_.handlers = tc_parse_list(p, mark, &height);
  bool complete = node->try_.handlers->n || tc_parse_at(p, TC_TOKEN_FINALLY);
  if (!complete) bad_except(p, node->span, "a try statement needs an 'except' or a 'finally'");
  node->try_.orelse = else_block(p);
  node->try_.finally = finally_block(p);
  tc_parse_push(p, node);
}

/* --- def and class --- */

static void def_statement(tc_parser *p, const tc_ast_list *decorators) {
  uint32_t start = p->token.at, height = 0;
  tc_span name_span = {0};
  tc_parse_advance(p);
  tc_name name = tc_parse_name(p, &name_span);
  tc_parse_expect(p, TC_TOKEN_LPAREN);
  const tc_ast_list *params = tc_parse_params(p, TC_TOKEN_RPAREN, &height);
  tc_parse_expect(p, TC_TOKEN_RPAREN);
  const tc_ast *returns = tc_parse_accept(p, TC_TOKEN_ARROW) ? tc_parse_expr(p) : NULL;
  bool good = end_header(p);
  if (name.id) tc_parse_bind(p, name);
  tc_parse_scope scope;
  tc_parse_open_scope(p, &scope, TC_IN_FUNCTION);
  tc_parse_bind_params(p, params);
  tc_ast *node = tc_parse_node(p, TC_AST_DEF, start, 0);
  node->def.name = name;
  node->def.name_span = name_span;
  node->def.decorators = decorators;
  node->def.params = params;
  node->def.returns = returns;
  node->def.body = block(p, good, node->span);
  node->def.scope = tc_parse_close_scope(p);
  tc_parse_push(p, node);
}

static void class_statement(tc_parser *p, const tc_ast_list *decorators) {
  uint32_t start = p->token.at, height = 0;
  tc_span name_span = {0};
  tc_parse_advance(p);
  tc_name name = tc_parse_name(p, &name_span);
  const tc_ast_list *args =
      tc_parse_accept(p, TC_TOKEN_LPAREN) ? tc_parse_args(p, &height) : no_block(p);
  bool good = end_header(p);
  if (name.id) tc_parse_bind(p, name);
  tc_parse_scope scope;
  tc_parse_open_scope(p, &scope, TC_IN_CLASS);
  tc_ast *node = tc_parse_node(p, TC_AST_CLASS, start, 0);
  node->class_.name = name;
  node->class_.name_span = name_span;
  node->class_.decorators = decorators;
  node->class_.args = args;
  node->class_.body = block(p, good, node->span);
  node->class_.scope = tc_parse_close_scope(p);
  tc_parse_push(p, node);
}

/* --- what is skipped: match and async --- */

/* match is a name unless its line ends in a colon and a block of cases follows. */
static bool is_match(const tc_parser *p) {
  if (!tc_parse_at(p, TC_TOKEN_NAME) ||
      !tc_str_is(tc_parse_token_text(p, &p->token), "match"))
    return false;
  tc_lexer ahead = p->lex;
  ahead.quiet = true;
  tc_token token = p->token;
  enum tc_token_kind before = token.kind;
  while (token.kind != TC_TOKEN_NEWLINE && token.kind != TC_TOKEN_END) {
    before = token.kind;
    token = tc_lex_next(&ahead);
  }
  if (before != TC_TOKEN_COLON || tc_lex_next(&ahead).kind != TC_TOKEN_INDENT) return false;
  token = tc_lex_next(&ahead);
  return token.kind == TC_TOKEN_NAME && tc_str_is(tc_parse_token_text(p, &token), "case");
}

static void skip_statement(tc_parser *p, const char *what, tc_name name, uint32_t start) {
  while (!tc_parse_at(p, TC_TOKEN_NEWLINE) && !tc_parse_at(p, TC_TOKEN_END)) tc_parse_advance(p);
  tc_ast *node = tc_parse_node(p, TC_AST_UNSUPPORTED, start, 0);
  node->unsupported.what = tc_str_of(what);
  node->unsupported.name = name;
  tc_parse_accept(p, TC_TOKEN_NEWLINE);
  uint32_t depth = 0;
  if (tc_parse_at(p, TC_TOKEN_INDENT)) {
    do {
      depth += tc_parse_at(p, TC_TOKEN_INDENT) ? 1u : 0u;
      depth -= tc_parse_at(p, TC_TOKEN_DEDENT) ? 1u : 0u;
      tc_parse_advance(p);
    } while (depth && !tc_parse_at(p, TC_TOKEN_END));
  }
  if (name.id) tc_parse_bind(p, name);
  tc_parse_push(p, node);
}

static void async_statement(tc_parser *p) {
  uint32_t start = p->token.at;
  tc_name name = {0};
  tc_parse_advance(p);
  if (tc_parse_accept(p, TC_TOKEN_DEF)) {
    name = tc_parse_name(p, NULL);
    if (!p->failed) skip_statement(p, "async def", name, start);
  } else if (tc_parse_at(p, TC_TOKEN_FOR)) {
    skip_statement(p, "async for", name, start);
  } else if (tc_parse_at(p, TC_TOKEN_WITH)) {
    skip_statement(p, "async with", name, start);
  } else {
    tc_parse_unexpected(p, "'def', 'for' or 'with' after 'async'");
  }
}

static void decorated(tc_parser *p) {
  uint32_t mark = p->stack.n, height = 0;
  while (tc_parse_accept(p, TC_TOKEN_AT)) {
    tc_parse_push(p, tc_parse_named(p));
    tc_parse_expect(p, TC_TOKEN_NEWLINE);
  }
  const tc_ast_list *decorators = tc_parse_list(p, mark, &height);
  switch ((int)p->token.kind) {
  case TC_TOKEN_DEF: def_statement(p, decorators); break;
  case TC_TOKEN_CLASS: class_statement(p, decorators); break;
  case TC_TOKEN_ASYNC: async_statement(p); break;
  default: tc_parse_unexpected(p, "'def' or 'class' after a decorator"); break;
  }
}

/* --- imports --- */

/* a.b.c as one name; *first is a. Blanks around the dots are dropped. */
static tc_name dotted_name(tc_parser *p, tc_name *first) {
  size_t mark = p->text.n;
  *first = tc_parse_name(p, NULL);
  if (!tc_parse_at(p, TC_TOKEN_DOT)) return *first;
  tc_sb_add(&p->text, tc_names_text(p->cx.names, *first));
  while (tc_parse_accept(p, TC_TOKEN_DOT)) {
    tc_sb_char(&p->text, '.');
    tc_sb_add(&p->text, tc_names_text(p->cx.names, tc_parse_name(p, NULL)));
  }
  tc_str whole = {p->text.at + mark, (uint32_t)(p->text.n - mark)};
  tc_name name = tc_names_add(p->cx.names, whole);
  p->text.n = mark;
  return name;
}

static void push_alias(tc_parser *p, tc_name name, tc_name bound, uint32_t start) {
  tc_name as_name = {0};
  if (tc_parse_accept(p, TC_TOKEN_AS)) bound = as_name = tc_parse_name(p, NULL);
  tc_ast *node = tc_parse_node(p, TC_AST_ALIAS, start, 0);
  node->alias.name = name;
  node->alias.as_name = as_name;
  node->alias.bound = bound;
  if (bound.id) tc_parse_bind(p, bound);
  tc_parse_push(p, node);
}

static void import_statement(tc_parser *p) {
  uint32_t start = p->token.at, mark = p->stack.n, height = 0;
  tc_parse_advance(p);
  do {
    uint32_t at = p->token.at;
    tc_name first, name = dotted_name(p, &first);
    push_alias(p, name, first, at);
  } while (tc_parse_accept(p, TC_TOKEN_COMMA));
  const tc_ast_list *aliases = tc_parse_list(p, mark, &height);
  tc_ast *node = tc_parse_node(p, TC_AST_IMPORT, start, 0);
  node->import.aliases = aliases;
  tc_parse_push(p, node);
}

static void from_aliases(tc_parser *p) {
  uint32_t at = p->token.at;
  if (tc_parse_accept(p, TC_TOKEN_STAR)) {
    push_alias(p, tc_names_add(p->cx.names, TC_STR("*")), (tc_name){0}, at);
    return;
  }
  bool grouped = tc_parse_accept(p, TC_TOKEN_LPAREN);
  do {
    at = p->token.at;
    tc_name name = tc_parse_name(p, NULL);
    push_alias(p, name, name, at);
  } while (tc_parse_accept(p, TC_TOKEN_COMMA) && !(grouped && tc_parse_at(p, TC_TOKEN_RPAREN)));
  if (grouped && !tc_parse_accept(p, TC_TOKEN_RPAREN)) tc_parse_unexpected(p, "',' or ')'");
}

static void from_statement(tc_parser *p) {
  uint32_t start = p->token.at, mark = p->stack.n, level = 0, height = 0;
  tc_name module = {0}, first;
  tc_parse_advance(p);
  while (tc_parse_at(p, TC_TOKEN_DOT) || tc_parse_at(p, TC_TOKEN_ELLIPSIS)) {
    level += tc_parse_at(p, TC_TOKEN_DOT) ? 1 : 3;
    tc_parse_advance(p);
  }
  if (!level || !tc_parse_at(p, TC_TOKEN_IMPORT)) module = dotted_name(p, &first);
  tc_parse_expect(p, TC_TOKEN_IMPORT);
  from_aliases(p);
  const tc_ast_list *aliases = tc_parse_list(p, mark, &height);
  tc_ast *node = tc_parse_node(p, TC_AST_FROM_IMPORT, start, 0);
  node->from_import.module = module;
  node->from_import.level = level;
  node->from_import.aliases = aliases;
  tc_parse_push(p, node);
}

/* --- simple statements --- */

static bool ends_simple(const tc_parser *p) {
  return tc_parse_at(p, TC_TOKEN_NEWLINE) || tc_parse_at(p, TC_TOKEN_SEMICOLON) ||
         tc_parse_at(p, TC_TOKEN_END);
}

static void misplaced(tc_parser *p, const char *what, const char *where) {
  if (!p->lenient && tc_parse_may_report(p))
    TC_DIAG(p->cx.diags, D_out_of_place, tc_parse_here(p), what, where);
}

static tc_ast *leaf(tc_parser *p, enum tc_ast_kind kind) {
  uint32_t start = p->token.at;
  tc_parse_advance(p);
  return tc_parse_node(p, kind, start, 0);
}

static tc_ast *loop_leaf(tc_parser *p, enum tc_ast_kind kind, const char *what) {
  if (!p->scope->n_loops) misplaced(p, what, "a loop");
  return leaf(p, kind);
}

static tc_ast *return_statement(tc_parser *p) {
  uint32_t start = p->token.at;
  if (p->scope->kind != TC_IN_FUNCTION) misplaced(p, "return", "a function");
  tc_parse_advance(p);
  const tc_ast *value = ends_simple(p) ? NULL : tc_parse_tuple(p);
  tc_ast *node = tc_parse_node(p, TC_AST_RETURN, start, 0);
  node->return_.value = value;
  return node;
}

static tc_ast *raise_statement(tc_parser *p) {
  uint32_t start = p->token.at;
  tc_parse_advance(p);
  const tc_ast *value = ends_simple(p) ? NULL : tc_parse_expr(p);
  const tc_ast *cause = value && tc_parse_accept(p, TC_TOKEN_FROM) ? tc_parse_expr(p) : NULL;
  tc_ast *node = tc_parse_node(p, TC_AST_RAISE, start, 0);
  node->raise.value = value;
  node->raise.cause = cause;
  return node;
}

static tc_ast *assert_statement(tc_parser *p) {
  uint32_t start = p->token.at;
  tc_parse_advance(p);
  const tc_ast *test = tc_parse_expr(p);
  const tc_ast *message = tc_parse_accept(p, TC_TOKEN_COMMA) ? tc_parse_expr(p) : NULL;
  tc_ast *node = tc_parse_node(p, TC_AST_ASSERT, start, 0);
  node->assert_.test = test;
  node->assert_.message = message;
  return node;
}

static tc_ast *del_statement(tc_parser *p) {
  uint32_t start = p->token.at, mark = p->stack.n, height = 0;
  tc_parse_advance(p);
  do {
    const tc_ast *target = tc_parse_target(p);
    tc_parse_check_target(p, target, "delete");
    tc_parse_push(p, target);
  } while (tc_parse_accept(p, TC_TOKEN_COMMA) && !ends_simple(p));
  const tc_ast_list *targets = tc_parse_list(p, mark, &height);
  tc_ast *node = tc_parse_node(p, TC_AST_DEL, start, 0);
  node->del.targets = targets;
  return node;
}

static bool is_param(const tc_parse_scope *scope, tc_name name) {
  for (uint32_t i = 0; i < scope->n_params; i++)
    if (scope->bound.names.at[i].id == name.id) return true;
  return false;
}

static tc_ast *declaration(tc_parser *p, enum tc_ast_kind kind) {
  uint32_t start = p->token.at;
  bool is_global = kind == TC_AST_GLOBAL;
  tc_name_set names = {0};
  tc_parse_advance(p);
  do {
    tc_span span = {0};
    tc_name name = tc_parse_name(p, &span);
    if (p->failed) break;
    const char *why = is_param(p->scope, name) ? "is a parameter of this function"
                      : !is_global && p->scope->kind == TC_IN_MODULE
                          ? "cannot be nonlocal: there is no enclosing function"
                          : NULL;
    if (why && tc_parse_may_report(p))
      TC_DIAG(p->cx.diags, D_bad_declaration, span, tc_names_text(p->cx.names, name).at, why);
    tc_name_set_add(p->cx.arena, &names, name);
    if (p->scope->kind != TC_IN_MODULE) /* there it says nothing */
      tc_name_set_add(p->cx.arena, is_global ? &p->scope->globals : &p->scope->nonlocals, name);
  } while (tc_parse_accept(p, TC_TOKEN_COMMA));
  tc_ast *node = tc_parse_node(p, kind, start, 0);
  if (is_global) {
    node->global.names = tc_parse_names(p, &names);
  } else {
    node->nonlocal.names = tc_parse_names(p, &names);
  }
  return node;
}

/* --- assignments --- */

static const struct {
  bool assigns;
  uint8_t op;
} AUGMENTS[] = {
#define CLASS(kind, text) {false, 0},
#define KEYWORD(kind, text, begins) {false, 0},
#define PUNCT(kind, text) {false, 0},
#define AUGMENT(kind, text, op) {true, TC_BINOP_##op},
#include "lang/tokens.def"
};

static bool is_place(const tc_ast *node) {
  return node->kind == TC_AST_NAME || node->kind == TC_AST_ATTRIBUTE ||
         node->kind == TC_AST_SUBSCRIPT;
}

/* A single place, for an augmented or annotated assignment. */
static void check_place(tc_parser *p, const tc_ast *node, const char *verb) {
  if (!is_place(node) && (node->kind == TC_AST_TUPLE || node->kind == TC_AST_LIST)) {
    const char *what = node->kind == TC_AST_TUPLE ? "a tuple" : "a list";
    if (tc_parse_may_report(p)) TC_DIAG(p->cx.diags, D_bad_target, node->span, verb, what);
  } else {
    tc_parse_check_target(p, node, verb);
  }
}

static tc_ast *assignment(tc_parser *p, const tc_ast *first, uint32_t start) {
  uint32_t mark = p->stack.n, height = 0;
  const tc_ast *value = first;
  while (tc_parse_at(p, TC_TOKEN_ASSIGN)) {
    tc_parse_check_target(p, value, "assign to");
    tc_parse_push(p, value);
    tc_parse_advance(p);
    value = tc_parse_value(p);
  }
  const tc_ast_list *targets = tc_parse_list(p, mark, &height);
  tc_ast *node = tc_parse_node(p, TC_AST_ASSIGN, start, 0);
  node->assign.targets = targets;
  node->assign.value = value;
  return node;
}

static tc_ast *augmented(tc_parser *p, const tc_ast *target, uint32_t start) {
  enum tc_ast_binop op = (enum tc_ast_binop)AUGMENTS[p->token.kind].op;
  check_place(p, target, "update");
  tc_parse_advance(p);
  const tc_ast *value = tc_parse_value(p);
  tc_ast *node = tc_parse_node(p, TC_AST_AUG_ASSIGN, start, 0);
  node->aug_assign.op = op;
  node->aug_assign.target = target;
  node->aug_assign.value = value;
  return node;
}

static tc_ast *annotated(tc_parser *p, const tc_ast *target, uint32_t start) {
  check_place(p, target, "annotate");
  tc_parse_advance(p);
  const tc_ast *annotation = tc_parse_expr(p);
  const tc_ast *value = tc_parse_accept(p, TC_TOKEN_ASSIGN) ? tc_parse_value(p) : NULL;
  tc_ast *node = tc_parse_node(p, TC_AST_ANN_ASSIGN, start, 0);
  node->ann_assign.target = target;
  node->ann_assign.annotation = annotation;
  node->ann_assign.value = value;
  return node;
}

static tc_ast *expression_statement(tc_parser *p) {
  uint32_t start = p->token.at;
  const tc_ast *value = tc_parse_value(p);
  bool tuple = value->kind == TC_AST_TUPLE || value->kind == TC_AST_LIST;
  if (tc_parse_at(p, TC_TOKEN_ASSIGN)) return assignment(p, value, start);
  if (AUGMENTS[p->token.kind].assigns) return augmented(p, value, start);
  if (tc_parse_at(p, TC_TOKEN_COLON) && (tuple || is_place(value)))
    return annotated(p, value, start);
  tc_ast *node = tc_parse_node(p, TC_AST_EXPR_STMT, start, 0);
  node->expr_stmt.value = value;
  return node;
}

static void simple_statement(tc_parser *p) { /* table */
  switch ((int)p->token.kind) {
  case TC_TOKEN_PASS: tc_parse_push(p, leaf(p, TC_AST_PASS)); break;
  case TC_TOKEN_BREAK: tc_parse_push(p, loop_leaf(p, TC_AST_BREAK, "break")); break;
  case TC_TOKEN_CONTINUE: tc_parse_push(p, loop_leaf(p, TC_AST_CONTINUE, "continue")); break;
  case TC_TOKEN_RETURN: tc_parse_push(p, return_statement(p)); break;
  case TC_TOKEN_RAISE: tc_parse_push(p, raise_statement(p)); break;
  case TC_TOKEN_ASSERT: tc_parse_push(p, assert_statement(p)); break;
  case TC_TOKEN_DEL: tc_parse_push(p, del_statement(p)); break;
  case TC_TOKEN_GLOBAL: tc_parse_push(p, declaration(p, TC_AST_GLOBAL)); break;
  case TC_TOKEN_NONLOCAL: tc_parse_push(p, declaration(p, TC_AST_NONLOCAL)); break;
  case TC_TOKEN_IMPORT: import_statement(p); break;
  case TC_TOKEN_FROM: from_statement(p); break;
  case TC_TOKEN_ELIF:
  case TC_TOKEN_ELSE:
  case TC_TOKEN_EXCEPT:
  case TC_TOKEN_FINALLY: tc_parse_unexpected(p, "a statement"); break;
  default: tc_parse_push(p, expression_statement(p)); break;
  }
}

/* --- lines --- */

/* A keyword close to the text of `node`, or NULL: for `retrun x`. */
static const char *near_keyword(const tc_parser *p, const tc_ast *node) {
  static const char *const KEYWORDS[] = {
#define CLASS(kind, text)
#define KEYWORD(kind, text, begins) text,
#define PUNCT(kind, text)
#include "lang/tokens.def"
  };
  if (node->kind != TC_AST_EXPR_STMT || node->expr_stmt.value->kind != TC_AST_NAME) return NULL;
  tc_str text = tc_names_text(p->cx.names, node->expr_stmt.value->name.name);
  for (size_t i = 0; i < TC_COUNT(KEYWORDS); i++) {
    uint32_t n = (uint32_t)strlen(KEYWORDS[i]);
    if (n > 2 && tc_str_distance(text, tc_str_of(KEYWORDS[i]), 3) < (n > 4 ? 3u : 2u))
      return KEYWORDS[i];
  }
  return NULL;
}

/* Something stands behind a statement. */
static void no_line_end(tc_parser *p, uint32_t mark) {
  const tc_ast *last = p->stack.n > mark ? p->stack.at[p->stack.n - 1].node : NULL;
  bool name = last && last->kind == TC_AST_EXPR_STMT && last->expr_stmt.value->kind == TC_AST_NAME;
  tc_str text = name ? tc_names_text(p->cx.names, last->expr_stmt.value->name.name) : TC_STR("");
  bool operand = tc_parse_begins_expression(p->token.kind);
  if (operand && (tc_str_is(text, "print") || tc_str_is(text, "exec"))) {
    if (!tc_parse_may_report(p)) return;
    TC_DIAG(p->cx.diags, D_print_statement, tc_parse_here(p), text.at);
    tc_parse_fail(p);
    return;
  }
  const char *near = last && operand ? near_keyword(p, last) : NULL;
  tc_parse_unexpected(p, "the end of the line");
  if (near) tc_diag_help(p->cx.diags, "did you mean '%s'?", near);
}

static void simple_line(tc_parser *p) {
  uint32_t mark = p->stack.n;
  do {
    simple_statement(p);
  } while (tc_parse_accept(p, TC_TOKEN_SEMICOLON) && !tc_parse_at(p, TC_TOKEN_NEWLINE));
  if (!tc_parse_accept(p, TC_TOKEN_NEWLINE) && !tc_parse_at(p, TC_TOKEN_END)) no_line_end(p, mark);
}

static void stray_indent(tc_parser *p) {
  if (tc_parse_may_report(p)) TC_DIAG(p->cx.diags, D_unexpected_indent, tc_parse_here(p));
  indented_block(p);
}

static void statement(tc_parser *p) {
  uint32_t mark = p->stack.n;
  switch ((int)p->token.kind) {
  case TC_TOKEN_IF: if_statement(p); break;
  case TC_TOKEN_WHILE: while_statement(p); break;
  case TC_TOKEN_FOR: for_statement(p); break;
  case TC_TOKEN_WITH: with_statement(p); break;
  case TC_TOKEN_TRY: try_statement(p); break;
  case TC_TOKEN_DEF: def_statement(p, no_block(p)); break;
  case TC_TOKEN_CLASS: class_statement(p, no_block(p)); break;
  case TC_TOKEN_AT: decorated(p); break;
  case TC_TOKEN_ASYNC: async_statement(p); break;
  case TC_TOKEN_NEWLINE: tc_parse_advance(p); break;
  case TC_TOKEN_INDENT: stray_indent(p); break;
  default:
    if (is_match(p)) {
      skip_statement(p, "match", (tc_name){0}, p->token.at);
    } else {
      simple_line(p);
    }
    break;
  }
  recover(p, mark);
}

void tc_parse_statements(tc_parser *p) {
  while (!tc_parse_at(p, TC_TOKEN_END)) {
    if (!tc_parse_accept(p, TC_TOKEN_DEDENT)) statement(p);
  }
}
