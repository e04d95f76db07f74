#include "lang/parse_impl.h"

#include <string.h>

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
  return tc_parse_at(p, TC_TOKEN_NEWLINE) || tc_parse_at(p, TC_TOKEN_SEMICOLON)
         || tc_parse_at(p, TC_TOKEN_END);
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
#define CLASS(kind, text)           {false, 0},
#define KEYWORD(kind, text, begins) {false, 0},
#define PUNCT(kind, text)           {false, 0},
#define AUGMENT(kind, text, op)     {true, TC_BINOP_##op},
#include "lang/tokens.def"
};

static bool is_place(const tc_ast *node) {
  return node->kind == TC_AST_NAME || node->kind == TC_AST_ATTRIBUTE
         || node->kind == TC_AST_SUBSCRIPT;
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

/* `type` is a name unless a name follows, and then = or [. */
static bool is_type_alias(const tc_parser *p) {
  if (!tc_parse_at(p, TC_TOKEN_NAME) || !tc_str_is(tc_parse_token_text(p, &p->token), "type"))
    return false;
  tc_lexer ahead = p->lex;
  ahead.quiet = true;
  if (tc_lex_next(&ahead).kind != TC_TOKEN_NAME) return false;
  enum tc_token_kind kind = tc_lex_next(&ahead).kind;
  return kind == TC_TOKEN_ASSIGN || kind == TC_TOKEN_LBRACKET;
}

static tc_ast *type_alias(tc_parser *p) {
  uint32_t start = p->token.at;
  tc_parse_advance(p);
  tc_name name = tc_parse_name(p, NULL);
  tc_parse_skip_type_params(p);
  tc_parse_expect(p, TC_TOKEN_ASSIGN);
  tc_parse_expr(p);
  tc_ast *node = tc_parse_node(p, TC_AST_UNSUPPORTED, start, 0);
  node->unsupported.what = TC_STR("type");
  node->unsupported.name = name;
  if (name.id) tc_parse_bind(p, name);
  return node;
}

static void simple_statement(tc_parser *p) { /* table */
  switch ((int)p->token.kind) {
  case TC_TOKEN_PASS:
    tc_parse_push(p, leaf(p, TC_AST_PASS));
    break;
  case TC_TOKEN_BREAK:
    tc_parse_push(p, loop_leaf(p, TC_AST_BREAK, "break"));
    break;
  case TC_TOKEN_CONTINUE:
    tc_parse_push(p, loop_leaf(p, TC_AST_CONTINUE, "continue"));
    break;
  case TC_TOKEN_RETURN:
    tc_parse_push(p, return_statement(p));
    break;
  case TC_TOKEN_RAISE:
    tc_parse_push(p, raise_statement(p));
    break;
  case TC_TOKEN_ASSERT:
    tc_parse_push(p, assert_statement(p));
    break;
  case TC_TOKEN_DEL:
    tc_parse_push(p, del_statement(p));
    break;
  case TC_TOKEN_GLOBAL:
    tc_parse_push(p, declaration(p, TC_AST_GLOBAL));
    break;
  case TC_TOKEN_NONLOCAL:
    tc_parse_push(p, declaration(p, TC_AST_NONLOCAL));
    break;
  case TC_TOKEN_IMPORT:
    import_statement(p);
    break;
  case TC_TOKEN_FROM:
    from_statement(p);
    break;
  case TC_TOKEN_ELIF:
  case TC_TOKEN_ELSE:
  case TC_TOKEN_EXCEPT:
  case TC_TOKEN_FINALLY:
    tc_parse_unexpected(p, "a statement");
    break;
  default:
    tc_parse_push(p, is_type_alias(p) ? type_alias(p) : expression_statement(p));
    break;
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

void tc_parse_simple_line(tc_parser *p) {
  uint32_t mark = p->stack.n;
  do {
    simple_statement(p);
  } while (tc_parse_accept(p, TC_TOKEN_SEMICOLON) && !tc_parse_at(p, TC_TOKEN_NEWLINE));
  if (!tc_parse_accept(p, TC_TOKEN_NEWLINE) && !tc_parse_at(p, TC_TOKEN_END)) no_line_end(p, mark);
}
