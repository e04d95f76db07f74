#include "lang/parse_impl.h"

/* --- tokens --- */

/* Line ends and changes of indentation do not belong to a node's text. */
static bool is_layout(enum tc_token_kind kind) {
  return kind == TC_TOKEN_NEWLINE || kind == TC_TOKEN_INDENT || kind == TC_TOKEN_DEDENT;
}

void tc_parse_advance(tc_parser *p) {
  if (p->failed) return;
  if (!is_layout(p->token.kind)) p->end = p->token.end;
  p->token = tc_lex_next(&p->lex);
}

bool tc_parse_accept(tc_parser *p, enum tc_token_kind kind) {
  if (p->token.kind != kind) return false;
  tc_parse_advance(p);
  return true;
}

void tc_parse_expect(tc_parser *p, enum tc_token_kind kind) {
  if (!tc_parse_accept(p, kind)) tc_parse_unexpected(p, tc_token_text(kind));
}

tc_str tc_parse_token_text(const tc_parser *p, const tc_token *token) {
  return (tc_str){tc_lex_text(&p->lex).at + token->at, token->end - token->at};
}

tc_name tc_parse_intern(tc_parser *p, const tc_token *token) {
  return tc_names_add(p->cx.names, tc_parse_token_text(p, token));
}

tc_name tc_parse_name(tc_parser *p, tc_span *span) {
  tc_name name = {0};
  if (tc_parse_at(p, TC_TOKEN_NAME)) {
    name = tc_parse_intern(p, &p->token);
    if (span) *span = tc_parse_here(p);
    tc_parse_advance(p);
  } else {
    tc_parse_unexpected(p, "a name");
  }
  return name;
}

/* --- reports --- */

void tc_parse_fail(tc_parser *p) {
  if (p->failed) return;
  p->failed = true;
  p->stopped = p->token;
  p->token.kind = TC_TOKEN_BAD;
}

bool tc_parse_may_report(tc_parser *p) {
  if (p->failed) return false;
  if (p->token.kind != TC_TOKEN_BAD && tc_lex_count_error(&p->lex)) return true;
  tc_parse_fail(p);
  return false;
}

tc_span tc_parse_here(tc_parser *p) {
  return tc_lex_span(&p->lex, p->token.at, p->token.end);
}

const char *tc_parse_found(tc_parser *p) {
  enum { SHOWN = 40 };
  tc_str text = tc_parse_token_text(p, &p->token);
  const char *more = "";
  if (text.n > SHOWN) {
    text.n = SHOWN;
    while (text.n && ((unsigned char)text.at[text.n] & 0xC0) == 0x80)
      text.n--;
    more = "...";
  }
  enum tc_token_kind kind = p->token.kind;
  const char *what = kind == TC_TOKEN_NAME ? "name"
                     : kind == TC_TOKEN_INT || kind == TC_TOKEN_FLOAT || kind == TC_TOKEN_IMAGINARY
                         ? "number"
                     : tc_token_is_keyword(kind) ? "keyword"
                                                 : NULL;
  if (!what) return tc_token_text(kind);
  return tc_format(p->cx.arena, "%s '%.*s%s'", what, TC_ARG_STR(text), more);
}

bool tc_parse_unclosed(tc_parser *p) {
  uint32_t opener, first;
  enum tc_token_kind kind = p->token.kind;
  if (p->failed || p->lex.in_field || is_layout(kind) || kind == TC_TOKEN_END
      || !tc_lex_at_margin(&p->lex, p->token.at, &first)
      || !tc_lex_opener(&p->lex, p->token.at, &opener) || opener >= first
      || !tc_parse_may_report(p))
    return false;
  TC_DIAG(p->cx.diags, D_unclosed_bracket, tc_lex_span(&p->lex, opener, opener + 1),
          tc_lex_text(&p->lex).at[opener]);
  tc_diag_note(p->cx.diags, tc_lex_span(&p->lex, first, p->token.end),
               "this line does not continue it");
  tc_parse_fail(p);
  tc_lex_restart(&p->lex, first);
  return true;
}

static bool same_line(const tc_parser *p, uint32_t from, uint32_t to) {
  const char *text = tc_lex_text(&p->lex).at;
  while (from < to && text[from] != '\n' && text[from] != '\r')
    from++;
  return from == to;
}

void tc_parse_unexpected(tc_parser *p, const char *wanted) {
  if (tc_parse_unclosed(p) || !tc_parse_may_report(p)) return;
  uint32_t opener;
  bool in_brackets = tc_lex_opener(&p->lex, p->token.at, &opener);
  if (tc_parse_at(p, TC_TOKEN_ASSIGN)) {
    TC_DIAG(p->cx.diags, D_assign_in_expression, tc_parse_here(p));
    tc_diag_help(p->cx.diags, "to compare, write ==");
  } else {
    TC_DIAG(p->cx.diags, D_unexpected, tc_parse_here(p), wanted, tc_parse_found(p));
    if (in_brackets && wanted[1] == ',' && tc_parse_begins_expression(p->token.kind))
      tc_diag_help(p->cx.diags, "is a comma missing before it?");
    if (in_brackets && !same_line(p, opener, p->token.at))
      tc_diag_note(p->cx.diags, tc_lex_span(&p->lex, opener, opener + 1), "inside this bracket");
  }
  tc_parse_fail(p);
}

static void too_deep(tc_parser *p, tc_span span, int limit, const char *what) {
  if (tc_parse_may_report(p)) TC_DIAG(p->cx.diags, D_deep_nesting, span, limit, what);
  tc_parse_fail(p);
}

bool tc_parse_enter(tc_parser *p) {
  if (p->depth >= TC_AST_MAX_NESTING) {
    too_deep(p, tc_parse_here(p), TC_AST_MAX_NESTING, "levels of one expression");
    return false;
  }
  p->depth++;
  return true;
}

void tc_parse_leave(tc_parser *p) {
  p->depth--;
}

/* --- nodes --- */

enum { POOL_NODES = 32 };

tc_ast *tc_parse_node(tc_parser *p, enum tc_ast_kind kind, uint32_t start, uint32_t height) {
  if (!p->n_pool) {
    p->n_pool = POOL_NODES;
    p->pool = TC_NEW_ARRAY(p->cx.arena, p->n_pool, tc_ast);
  }
  tc_ast *node = &p->pool[--p->n_pool];
  node->kind = kind;
  node->span = tc_lex_span(&p->lex, start, p->end > start ? p->end : start);
  p->height = height + 1;
  if (p->height > TC_AST_MAX_HEIGHT)
    too_deep(p, node->span, TC_AST_MAX_HEIGHT, "operations in a row");
  return node;
}

void tc_parse_push(tc_parser *p, const tc_ast *node) {
  tc_vec_push(p->cx.arena, &p->stack, ((tc_parse_item){node, p->height}));
}

const tc_ast_list *tc_parse_list(tc_parser *p, uint32_t mark, uint32_t *height) {
  static const tc_ast_list NO_NODES = {0};
  uint32_t n = p->stack.n - mark;
  if (!n) return &NO_NODES;
  tc_ast_list *list = tc_arena_alloc(p->cx.arena, sizeof(tc_ast_list) + n * sizeof(const tc_ast *));
  list->n = n;
  for (uint32_t i = 0; i < n; i++) {
    list->at[i] = p->stack.at[mark + i].node;
    if (p->stack.at[mark + i].height > *height) *height = p->stack.at[mark + i].height;
  }
  p->stack.n = mark;
  return list;
}

/* --- entries --- */

static tc_parser *open_parser(const tc_parse_cx *cx, uint32_t file_at, bool indented) {
  tc_parser *p = TC_NEW(cx->arena, tc_parser);
  p->cx = *cx;
  p->text = tc_sb_in(cx->arena);
  p->lex = tc_lex_open(cx->arena, cx->source, cx->diags, file_at, indented);
  p->token = tc_lex_next(&p->lex);
  return p;
}

const tc_ast *tc_parse_module(const tc_parse_cx *cx, uint32_t file_at, enum tc_parse_flags flags) {
  tc_parser *p = open_parser(cx, file_at, flags & TC_PARSE_INDENTED);
  tc_parse_scope scope;
  tc_parse_open_scope(p, &scope, TC_IN_MODULE);
  tc_parse_statements(p);
  uint32_t height = 0;
  const tc_ast_list *body = tc_parse_list(p, 0, &height);
  tc_ast *module = tc_parse_node(p, TC_AST_MODULE, 0, 0);
  module->module.body = body;
  module->module.scope = tc_parse_close_scope(p);
  return tc_lex_errors(&p->lex) ? NULL : module;
}

const tc_ast *tc_parse_expression(const tc_parse_cx *cx, uint32_t file_at) {
  tc_parser *p = open_parser(cx, file_at, true);
  tc_parse_scope scope;
  tc_parse_open_scope(p, &scope, TC_IN_MODULE);
  const tc_ast *node = tc_parse_tuple(p);
  tc_parse_accept(p, TC_TOKEN_NEWLINE);
  if (!tc_parse_at(p, TC_TOKEN_END)) tc_parse_unexpected(p, "the end of the text");
  tc_parse_close_scope(p);
  return tc_lex_errors(&p->lex) ? NULL : node;
}
