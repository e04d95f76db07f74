/* What the parser's files share: parse.c (tokens, reports, nodes, entries), parse_text.c (numbers,
 * strings, f-strings), parse_expr.c and parse_display.c (expressions; those in brackets),
 * parse_bind.c (names, scopes, parameters, targets), parse_simple.c (statements of one line) and
 * parse_stmt.c (blocks and recovery).
 *
 * After a mistake the parser is poisoned rather than unwound: `failed` is set and the current token
 * reads as BAD, which nothing accepts, so every loop and every call returns at once with a tree
 * nobody looks at; the statement loop then restores the token and skips the rest of the line.
 *
 * Each parse function leaves the height of its tree in `height`. Lists under construction are on
 * `stack`: remember its size, push, and cut the list off with tc_parse_list. */
#ifndef TC_LANG_PARSE_IMPL_H
#define TC_LANG_PARSE_IMPL_H

#include "base/map.h"
#include "lang/lex.h"
#include "lang/parse.h"

typedef struct tc_name_set {
  TC_VEC(tc_name) names; /* in order of insertion */
  tc_map index;          /* used once there are more than a few */
} tc_name_set;

enum tc_parse_in { TC_IN_MODULE, TC_IN_CLASS, TC_IN_FUNCTION, TC_IN_COMPREHENSION };

typedef struct tc_parse_scope {
  struct tc_parse_scope *outer;
  enum tc_parse_in kind;
  tc_name_set bound, globals, nonlocals;
  uint32_t n_params, n_loops; /* parameters are the first in `bound`; loops around the statement */
  bool is_generator;
} tc_parse_scope;

typedef struct tc_parse_item {
  const tc_ast *node;
  uint32_t height;
} tc_parse_item;

typedef struct tc_parser {
  tc_parse_cx cx;
  tc_lexer lex;
  tc_token token;   /* the next one; BAD while failed            */
  tc_token stopped; /* while failed: the token it failed at      */
  uint32_t end;     /* where the last consumed token ends        */
  bool failed;
  bool lenient;   /* after a broken header: its block may hold what belongs to the header */
  uint32_t depth; /* of recursion in one expression            */
  uint32_t height;
  tc_parse_scope *scope;
  TC_VEC(tc_parse_item) stack;
  tc_ast *pool; /* nodes are allocated by the dozen */
  uint32_t n_pool;
  tc_sb text; /* decoded literals, used like `stack` */
  bool named; /* the literal being decoded holds \N{...}: what it says is not known */
} tc_parser;

/* ---- tokens ---- */
static inline bool tc_parse_at(const tc_parser *p, enum tc_token_kind kind) {
  return p->token.kind == kind;
}
void tc_parse_advance(tc_parser *p);
bool tc_parse_accept(tc_parser *p, enum tc_token_kind kind);
/* Accepts `kind` or reports it missing. */
void tc_parse_expect(tc_parser *p, enum tc_token_kind kind);
/* Accepts a name; `span` may be NULL. Name 0 after a report. */
tc_name tc_parse_name(tc_parser *p, tc_span *span);
tc_name tc_parse_intern(tc_parser *p, const tc_token *token);
tc_str tc_parse_token_text(const tc_parser *p, const tc_token *token);

/* ---- reports ---- */
/* True when a report may be made now; it is counted. False also poisons the parser. */
bool tc_parse_may_report(tc_parser *p);
void tc_parse_fail(tc_parser *p);
tc_span tc_parse_here(tc_parser *p);
/* "name 'x'", "'+'", "the end of the line". */
const char *tc_parse_found(tc_parser *p);
/* Reports that `wanted` was expected, and fails. */
void tc_parse_unexpected(tc_parser *p, const char *wanted);
/* Reports an unclosed bracket and fails when the current token stands where a statement would
 * begin; parsing goes on with that statement. */
bool tc_parse_unclosed(tc_parser *p);
/* Counts one more recursion or reports; pair with tc_parse_leave when true. */
bool tc_parse_enter(tc_parser *p);
void tc_parse_leave(tc_parser *p);

/* ---- nodes ---- */
static inline uint32_t tc_parse_taller(uint32_t a, uint32_t b) {
  return a > b ? a : b;
}
/* A node over the bytes from `start` to the last consumed token, `height` the tallest child's. */
tc_ast *tc_parse_node(tc_parser *p, enum tc_ast_kind kind, uint32_t start, uint32_t height);
void tc_parse_push(tc_parser *p, const tc_ast *node);
/* The nodes pushed since the stack held `mark`; *height grows to the tallest. */
const tc_ast_list *tc_parse_list(tc_parser *p, uint32_t mark, uint32_t *height);

/* ---- names and scopes ---- */
/* False when the set held the name. */
bool tc_name_set_add(tc_arena *arena, tc_name_set *set, tc_name name);
bool tc_name_set_has(const tc_name_set *set, tc_name name);
const tc_name_list *tc_parse_names(tc_parser *p, const tc_name_set *set);
void tc_parse_bind(tc_parser *p, tc_name name);
/* The builder is the caller's and must live until the scope is closed. */
void tc_parse_open_scope(tc_parser *p, tc_parse_scope *scope, enum tc_parse_in kind);
const tc_ast_scope *tc_parse_close_scope(tc_parser *p);

/* ---- expressions, from loose to tight ---- */
bool tc_parse_begins_expression(enum tc_token_kind kind);
/* tc_parse_tuple or a yield. */
const tc_ast *tc_parse_value(tc_parser *p);
/* One or more expressions with commas, starred ones allowed: a TUPLE when there is a comma. */
const tc_ast *tc_parse_tuple(tc_parser *p);
/* tc_parse_expr or name := value. */
const tc_ast *tc_parse_named(tc_parser *p);
/* A ternary, lambda or anything that binds tighter. */
const tc_ast *tc_parse_expr(tc_parser *p);
const tc_ast *tc_parse_disjunction(tc_parser *p);
/* What binds tighter than a comparison, so that `in` ends it. */
const tc_ast *tc_parse_operand(tc_parser *p);
/* What may be a target, one or several. Not checked. */
const tc_ast *tc_parse_target(tc_parser *p);
const tc_ast *tc_parse_target_tuple(tc_parser *p);
/* *value, whose star is at `start`. */
const tc_ast *tc_parse_starred(tc_parser *p, const tc_ast *value, uint32_t start);
/* `node` where no star may stand: reports one and drops it. `what` begins the report. */
const tc_ast *tc_parse_unstarred(tc_parser *p, const tc_ast *node, const char *what);

/* ---- brackets; the current token is the opening one ---- */
const tc_ast *tc_parse_paren(tc_parser *p);
const tc_ast *tc_parse_list_display(tc_parser *p);
const tc_ast *tc_parse_braces(tc_parser *p);
/* The same, but the opening one was consumed: all arguments and the closing one; the index, without
 * the closing one. */
const tc_ast_list *tc_parse_args(tc_parser *p, uint32_t *height);
const tc_ast *tc_parse_index(tc_parser *p);

/* ---- parameters and targets ---- */
/* Parameters up to the token `closer`, which stays. Binds nothing. */
const tc_ast_list *tc_parse_params(tc_parser *p, enum tc_token_kind closer, uint32_t *height);
/* Skips the parameters [T, *Ts = int] of a generic function, class or alias, if there are any. */
void tc_parse_skip_type_params(tc_parser *p);
void tc_parse_bind_params(tc_parser *p, const tc_ast_list *params);
/* Reports what is not a place; binds its names. `verb` completes "cannot ... a call". */
void tc_parse_check_target(tc_parser *p, const tc_ast *node, const char *verb);
/* The targets of `for`, the target after `as`: checked and bound. */
const tc_ast *tc_parse_targets(tc_parser *p);
const tc_ast *tc_parse_as_target(tc_parser *p);

/* ---- statements ---- */
/* Simple statements up to the end of the line, pushed on the stack. */
void tc_parse_simple_line(tc_parser *p);
/* All statements up to the end of the text, pushed on the stack. */
void tc_parse_statements(tc_parser *p);

/* ---- literals ---- */
const tc_ast *tc_parse_number(tc_parser *p);
/* Adjacent string literals, joined. */
const tc_ast *tc_parse_strings(tc_parser *p);

#endif
