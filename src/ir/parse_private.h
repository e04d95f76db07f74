/* Inside of the IR text reader. After the first mistake the current token is END for good, so every
 * loop ends and no caller needs to look at a status: values read from then on are 0 or meaningless,
 * and the function is thrown away. */
#ifndef TC_IR_PARSE_PRIVATE_H
#define TC_IR_PARSE_PRIVATE_H

#include "ir/build.h"
#include "ir/form.h"
#include "ir/typing.h"

enum tc_tir_token_kind {
  TC_TIR_END,
  TC_TIR_NEWLINE,
  TC_TIR_WORD,   /* name or keyword; `suffix` after a dot */
  TC_TIR_STRING, /* unescaped; maybe a suffix             */
  TC_TIR_VAR,    /* %name or %"name"; maybe a suffix      */
  TC_TIR_VALUE,  /* %12                                   */
  TC_TIR_AT,     /* @name or @"name"                      */
  TC_TIR_INT,
  TC_TIR_FLOAT,
  TC_TIR_PUNCT
};

typedef struct tc_tir_token {
  enum tc_tir_token_kind kind;
  uint32_t start, size_b; /* in the text */
  tc_str text;            /* of names without sigil and quotes */
  uint32_t suffix;
  uint64_t number;
} tc_tir_token;

/* A name as a map key: its text and its suffix. */
typedef uint64_t tc_name_key;

typedef struct tc_reader {
  tc_ir *ir;
  tc_diags *diags;
  tc_str text;
  uint32_t base; /* global offset of the text */
  uint32_t at, brackets, last_end;
  tc_tir_token token, ahead; /* the current one and the next */
  bool failed;
  uint32_t nesting, depth;          /* of the expression; of regions */
  tc_map vars, bufs, rings, values; /* name -> id; absent or 0: unknown */
} tc_reader;

/* Records the first mistake only. */
#define TC_FAIL(r, id, span, ...)                                                                  \
  do {                                                                                             \
    if (!(r)->failed) TC_DIAG((r)->diags, id, span, __VA_ARGS__);                                  \
    tc_reader_stop(r);                                                                             \
  } while (0)
void tc_reader_stop(tc_reader *r);

/* ---- tokens (parse_lex.c) ---- */
void tc_reader_next(tc_reader *r);
tc_span tc_reader_span(tc_reader *r, uint32_t start, uint32_t end);
tc_span tc_reader_span_here(tc_reader *r);
/* Reports that the current token is not `what`. */
void tc_reader_expected(tc_reader *r, const char *what);
bool tc_reader_is(const tc_reader *r, const char *text); /* word or punctuation */
bool tc_reader_ahead_is(const tc_reader *r, const char *text);
/* Skips the word or punctuation if it is there. */
bool tc_reader_take(tc_reader *r, const char *text);
void tc_reader_want(tc_reader *r, const char *text);
void tc_reader_want_line_end(tc_reader *r);
/* `-`? integer. */
int64_t tc_reader_int(tc_reader *r, const char *what);
/* Key of the current token's name, after which the token is skipped. */
tc_name_key tc_reader_name(tc_reader *r, enum tc_tir_token_kind kind, const char *what,
                           tc_name *name);

/* ---- expressions and names (parse_expr.c) ---- */
tc_type tc_reader_type(tc_reader *r);
tc_value tc_reader_expr(tc_reader *r);
/* An expression or a slice. */
tc_value tc_reader_operand(tc_reader *r);
/* A defined buffer; the token may be a word or a string. */
tc_buf tc_reader_buf(tc_reader *r);
/* "..."; empty after a mistake. */
const char *tc_reader_text(tc_reader *r);
/* [a, b, ...] of exactly n expressions. */
void tc_reader_list(tc_reader *r, tc_value *out, uint32_t n, const char *what);
/* NAME: scope type[shape] ...; makes the buffer. */
tc_buf tc_reader_declaration(tc_reader *r, uint32_t flags);

/* ---- statements (parse_stmt.c) ---- */
/* Statements up to the closing brace, which is left. */
void tc_reader_region(tc_reader *r, tc_region region);
void tc_reader_statement(tc_reader *r, tc_region region);

#endif
