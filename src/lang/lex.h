/* The lexer: UTF-8 text to tokens, one at a time, with Python's layout rules (indentation, logical
 * lines, joining by brackets and backslash). Tokens are byte ranges; nothing is copied or decoded
 * here, but everything that can be wrong with a token's spelling is reported here, so the parser
 * may decode names, numbers and escapes without checking them again.
 *
 * A token of kind BAD stands where a report was made: the parser gives up its statement silently.
 * A lexer is a small value. A copy may run ahead and be thrown away if the original stands at the
 * beginning of a statement (no bracket open); set `quiet` in the copy. */
#ifndef TC_LANG_LEX_H
#define TC_LANG_LEX_H

#include "base/diag.h"

enum tc_token_kind {
#define CLASS(kind, text)           TC_TOKEN_##kind,
#define KEYWORD(kind, text, begins) TC_TOKEN_##kind,
#define PUNCT(kind, text)           TC_TOKEN_##kind,
#include "lang/tokens.def"
  TC_TOKEN_COUNT
};

/* Bits of a STRING token. */
enum {
  TC_STRING_RAW = 1,
  TC_STRING_BYTES = 2,
  TC_STRING_FORMAT = 4, /* it has fields: an f-string or a t-string */
  TC_STRING_TRIPLE = 8,
  TC_STRING_TEMPLATE = 16, /* a t-string */
};

typedef struct tc_token {
  enum tc_token_kind kind;
  uint32_t at, end; /* byte offsets in the text of the file */
  uint32_t string;  /* STRING: its bits; the first quote is at `at` + the length of the prefix */
} tc_token;

typedef struct tc_lex_file tc_lex_file; /* what copies of a lexer share: text, reports, stacks */

typedef struct tc_lexer {
  tc_lex_file *file;
  uint32_t at, end;              /* not yet read: [at, end) */
  uint32_t n_brackets, bottom;   /* open brackets; those below `bottom` belong to an outer lexer */
  uint32_t n_indents, n_dedents; /* open blocks; DEDENT tokens owed */
  bool line_start;               /* the next token begins a logical line                        */
  bool owes_line;                /* tokens were handed out since the last NEWLINE               */
  bool in_field;                 /* in {} of an f-string: line ends are blanks, `!` is a token  */
  bool quiet;                    /* nothing is reported                                         */
  bool recovering;               /* brackets end where a line is indented like a statement      */
} tc_lexer;

/* Starts at the file that tc_source_add placed at `file_at`. Text that is not UTF-8 or holds NUL is
 * reported here and reads as an empty file. With `indented` the first line sets the margin. */
tc_lexer tc_lex_open(tc_arena *arena, tc_source *source, tc_diags *diags, uint32_t file_at,
                     bool indented);
/* The next token; after the last one END, for ever. */
tc_token tc_lex_next(tc_lexer *lex);
/* A lexer of the expression in an f-string field, [at, end) of the same file. */
tc_lexer tc_lex_field(const tc_lexer *lex, uint32_t at, uint32_t end);
/* Drops open brackets and goes on with the line that holds offset `at`, as the beginning of a
 * logical line; the next token is the NEWLINE that ends the line before. */
void tc_lex_restart(tc_lexer *lex, uint32_t at);
/* Reads as END from now on. */
void tc_lex_stop(tc_lexer *lex);

tc_str tc_lex_text(const tc_lexer *lex);
tc_span tc_lex_span(const tc_lexer *lex, uint32_t at, uint32_t end);
/* Reports made by this lexer and its copies. */
uint32_t tc_lex_errors(const tc_lexer *lex);
/* Counts a report of the parser. False when it must not be made: enough were, and the lexer stops.
 */
bool tc_lex_count_error(tc_lexer *lex);
/* Offset of the innermost open bracket that stands before offset `before`. False when there is
 * none. */
bool tc_lex_opener(const tc_lexer *lex, uint32_t before, uint32_t *at);
/* True when the line of `at` is not indented deeper than the current block and does not begin with
 * a closing bracket: a statement would begin there. *first is its first non-blank. */
bool tc_lex_at_margin(const tc_lexer *lex, uint32_t at, uint32_t *first);

/* "a name", "'lambda'", "'+='" without quotes for classes: how reports name a kind. */
const char *tc_token_text(enum tc_token_kind kind);
bool tc_token_is_keyword(enum tc_token_kind kind);

#endif
