/* What lex.c (files, layout, signs) and lex_word.c (names, numbers, strings) share. */
#ifndef TC_LANG_LEX_IMPL_H
#define TC_LANG_LEX_IMPL_H

#include "lang/ast.h"
#include "lang/lex.h"

enum { TC_LEX_KEYWORD_SLOTS = 128 };

/* An indentation measured twice, with tabs to the next multiple of 8 and with tabs of one column:
 * two indentations compare reliably only if both measures agree. */
typedef struct tc_indent {
  uint32_t column, narrow;
} tc_indent;

struct tc_lex_file {
  tc_source *source;
  tc_diags *diags;
  tc_str text;
  uint32_t first; /* global offset of byte 0 */
  uint32_t n_errors;
  uint32_t brackets[TC_AST_MAX_NESTING];
  tc_indent indents[TC_AST_MAX_BLOCKS + 1];
  uint8_t keywords[TC_LEX_KEYWORD_SLOTS]; /* token kind by hash; 0 (END) is an empty slot */
  uint8_t signs[128];                     /* the longest sign by first character, or 0 */
  uint8_t shorter[TC_TOKEN_COUNT];        /* the next sign with the same first character, or 0 */
};

/* Rows of tokens.def; a keyword or sign is spelled inside the quotes of `text`. */
typedef struct tc_token_info {
  const char *text;
  uint8_t n; /* bytes of its spelling */
  bool keyword, begins, sign;
} tc_token_info;

extern const tc_token_info tc_token_table[TC_TOKEN_COUNT];

static inline const char *tc_token_spelling(enum tc_token_kind kind) {
  return tc_token_table[kind].text + 1;
}

/* A macro, so that TC_DIAG still checks the arguments against the format. */
#define TC_LEX_REPORT(lex, id, ...)                                                                \
  do {                                                                                             \
    if (tc_lex_count_error(lex)) TC_DIAG((lex)->file->diags, id, __VA_ARGS__);                     \
  } while (0)

void tc_lex_help(tc_lexer *lex, const char *text);

/* ---- characters ---- */
static inline bool tc_lex_is_digit(char c) {
  return c >= '0' && c <= '9';
}

static inline bool tc_lex_is_name_start(char c) {
  char lower = (char)(c | 0x20);
  return (lower >= 'a' && lower <= 'z') || c == '_' || (unsigned char)c >= 0x80;
}

static inline bool tc_lex_is_name_char(char c) {
  return tc_lex_is_name_start(c) || tc_lex_is_digit(c);
}

/* The text ends in a NUL that is not part of it, so looking one byte ahead is always safe; beyond
 * `end` (of a field) it reads as NUL too. */
static inline char tc_lex_peek(const tc_lexer *lex, uint32_t ahead) {
  return lex->end - lex->at > ahead ? lex->file->text.at[lex->at + ahead] : 0;
}

/* Bytes of the line end at `at`: 0, 1 (LF or a lone CR) or 2. */
static inline uint32_t tc_lex_line_end(const tc_lexer *lex) {
  char c = tc_lex_peek(lex, 0);
  if (c == '\n') return 1;
  if (c != '\r') return 0;
  return tc_lex_peek(lex, 1) == '\n' ? 2 : 1;
}

static inline tc_token tc_lex_token(const tc_lexer *lex, enum tc_token_kind kind, uint32_t at) {
  return (tc_token){.kind = kind, .at = at, .end = lex->at};
}

/* Reports the character of `n` bytes at the current offset and skips it. */
tc_token tc_lex_bad_character(tc_lexer *lex, uint32_t n, const char *way_out);
/* Reports the innermost open bracket; `why`, when given, is noted at the token that shows it. */
tc_token tc_lex_unclosed(tc_lexer *lex, tc_token found, const char *why);

/* ---- words; the lexer stands at the first character ---- */
uint32_t tc_lex_keyword_hash(const char *at, uint32_t n);
/* A name, keyword or prefixed string. `crossed`: a line was crossed inside brackets just before. */
tc_token tc_lex_name(tc_lexer *lex, bool crossed);
tc_token tc_lex_number(tc_lexer *lex);
/* The token begins at `at`, its quote is at the current offset. */
tc_token tc_lex_string(tc_lexer *lex, uint32_t at, uint32_t bits);

#endif
