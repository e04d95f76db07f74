#include "lang/parse_impl.h"

static void statement(tc_parser *p);

/* --- recovery and blocks --- */

/* Heals a failed parser: the current token becomes the end of the broken line. */
static void skip_line(tc_parser *p) {
  p->failed = false;
  p->token = p->stopped;
  p->lex.quiet = p->lex.recovering = true;
  while (!tc_parse_at(p, TC_TOKEN_NEWLINE) && !tc_parse_at(p, TC_TOKEN_END)
         && !tc_parse_at(p, TC_TOKEN_INDENT) && !tc_parse_at(p, TC_TOKEN_DEDENT))
    p->token = tc_lex_next(&p->lex);
  p->lex.quiet = p->lex.recovering = false;
}

static void indented_block(tc_parser *p) {
  tc_parse_advance(p);
  while (!tc_parse_at(p, TC_TOKEN_DEDENT) && !tc_parse_at(p, TC_TOKEN_END))
    statement(p);
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
    tc_parse_simple_line(p);
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

/* `with (a as b, c as d):` against `with (a, b) as c:` and `with (x for x in y):`: are the
 * parentheses after `with` (the current token) around the whole list of items? Looks ahead to their
 * end. */
static bool with_is_grouped(const tc_parser *p) {
  tc_lexer ahead = p->lex;
  ahead.quiet = true;
  enum tc_token_kind kind = tc_lex_next(&ahead).kind, before = kind;
  uint32_t depth = kind == TC_TOKEN_LPAREN;
  while (depth) {
    kind = tc_lex_next(&ahead).kind;
    if (kind == TC_TOKEN_END || kind == TC_TOKEN_NEWLINE || kind == TC_TOKEN_BAD) return false;
    bool begins = before == TC_TOKEN_LPAREN || before == TC_TOKEN_COMMA;
    if (depth == 1
        && (kind == TC_TOKEN_FOR || kind == TC_TOKEN_WALRUS || kind == TC_TOKEN_YIELD
            || (kind == TC_TOKEN_STAR && begins)
            || (kind == TC_TOKEN_RPAREN && before == TC_TOKEN_LPAREN)))
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
  bool is_group = tc_parse_accept(p, TC_TOKEN_STAR);
  uint32_t first = p->token.at;
  const tc_ast *type = !is_group && tc_parse_at(p, TC_TOKEN_COLON) ? NULL : tc_parse_tuple(p);
  if (type && type->kind == TC_AST_TUPLE && tc_lex_text(&p->lex).at[first] != '('
      && tc_parse_at(p, TC_TOKEN_AS)) {
    bad_except(p, type->span, "several exception types with a name need parentheses");
    tc_parse_fail(p);
  }
  if (type && tc_parse_accept(p, TC_TOKEN_AS)) {
    name = tc_parse_name(p, NULL);
    if (name.id) tc_parse_bind(p, name);
  }
  bool good = end_header(p);
  tc_ast *node = tc_parse_node(p, TC_AST_HANDLER, start, 0);
  node->handler.is_group = is_group;
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
  while (tc_parse_at(p, TC_TOKEN_EXCEPT))
    handler(p);
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
  tc_parse_skip_type_params(p);
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
  tc_parse_skip_type_params(p);
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
  if (!tc_parse_at(p, TC_TOKEN_NAME) || !tc_str_is(tc_parse_token_text(p, &p->token), "match"))
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
  while (!tc_parse_at(p, TC_TOKEN_NEWLINE) && !tc_parse_at(p, TC_TOKEN_END))
    tc_parse_advance(p);
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
  case TC_TOKEN_DEF:
    def_statement(p, decorators);
    break;
  case TC_TOKEN_CLASS:
    class_statement(p, decorators);
    break;
  case TC_TOKEN_ASYNC:
    async_statement(p);
    break;
  default:
    tc_parse_unexpected(p, "'def' or 'class' after a decorator");
    break;
  }
}

/* --- any statement --- */

static void stray_indent(tc_parser *p) {
  if (tc_parse_may_report(p)) TC_DIAG(p->cx.diags, D_unexpected_indent, tc_parse_here(p));
  indented_block(p);
}

static void statement(tc_parser *p) { /* table */
  uint32_t mark = p->stack.n;
  switch ((int)p->token.kind) {
  case TC_TOKEN_IF:
    if_statement(p);
    break;
  case TC_TOKEN_WHILE:
    while_statement(p);
    break;
  case TC_TOKEN_FOR:
    for_statement(p);
    break;
  case TC_TOKEN_WITH:
    with_statement(p);
    break;
  case TC_TOKEN_TRY:
    try_statement(p);
    break;
  case TC_TOKEN_DEF:
    def_statement(p, no_block(p));
    break;
  case TC_TOKEN_CLASS:
    class_statement(p, no_block(p));
    break;
  case TC_TOKEN_AT:
    decorated(p);
    break;
  case TC_TOKEN_ASYNC:
    async_statement(p);
    break;
  case TC_TOKEN_NEWLINE:
    tc_parse_advance(p);
    break;
  case TC_TOKEN_INDENT:
    stray_indent(p);
    break;
  default:
    if (is_match(p)) {
      skip_statement(p, "match", (tc_name){0}, p->token.at);
    } else {
      tc_parse_simple_line(p);
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
