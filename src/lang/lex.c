#include "lang/lex.h"

#include "lang/ast.h"

#include <string.h>

enum { TAB_COLUMNS = 8, KEYWORD_SLOTS = 128 };

/* An indentation measured twice, with tabs to the next multiple of 8 and with tabs of one column:
 * two indentations compare reliably only if both measures agree. */
typedef struct indent {
  uint32_t column, narrow;
} indent;

struct tc_lex_file {
  tc_source *source;
  tc_diags *diags;
  tc_str text;
  uint32_t first; /* global offset of byte 0 */
  uint32_t n_errors;
  uint32_t brackets[TC_AST_MAX_NESTING];
  indent indents[TC_AST_MAX_BLOCKS + 1];
  uint8_t keywords[KEYWORD_SLOTS]; /* token kind by hash; 0 (END) is an empty slot */
  uint8_t signs[128];              /* the longest sign by first character, or 0 */
  uint8_t shorter[TC_TOKEN_COUNT]; /* the next sign with the same first character, or 0 */
};

typedef struct kind_info {
  const char *text;
  uint8_t n;
  bool keyword, begins, sign;
} kind_info;

static const kind_info KINDS[] = {
#define CLASS(kind, text)           {text, sizeof(text) - 1, false, false, false},
#define KEYWORD(kind, text, begins) {"'" text "'", sizeof(text) - 1, true, begins, false},
#define PUNCT(kind, text)           {"'" text "'", sizeof(text) - 1, false, false, true},
#include "lang/tokens.def"
};

const char *tc_token_text(enum tc_token_kind kind) {
  return KINDS[kind].text;
}
bool tc_token_is_keyword(enum tc_token_kind kind) {
  return KINDS[kind].keyword;
}

tc_str tc_lex_text(const tc_lexer *lex) {
  return lex->file->text;
}
uint32_t tc_lex_errors(const tc_lexer *lex) {
  return lex->file->n_errors;
}

tc_span tc_lex_span(const tc_lexer *lex, uint32_t at, uint32_t end) {
  return tc_source_span(lex->file->source, lex->file->first + at, end - at);
}

/* A macro, so that TC_DIAG still checks the arguments against the format. */
#define REPORT(lex, id, ...)                                                                       \
  do {                                                                                             \
    if (may_report(lex)) TC_DIAG((lex)->file->diags, id, __VA_ARGS__);                             \
  } while (0)

/* Counts a mistake. After the last one that is shown the text is not worth reading. */
static bool may_report(tc_lexer *lex) {
  if (lex->quiet) return false;
  lex->file->n_errors++;
  if (lex->file->diags->n_errors < TC_DIAG_LIMIT) return true;
  tc_lex_stop(lex);
  lex->quiet = true;
  return false;
}

static void help(tc_lexer *lex, const char *text) {
  if (!lex->quiet) tc_diag_help(lex->file->diags, "%s", text);
}

/* --- opening a file --- */

static uint32_t keyword_hash(const char *at, uint32_t n) {
  return ((uint32_t)(unsigned char)at[0] * 7 + (uint32_t)(unsigned char)at[1] * 3 + n)
         % KEYWORD_SLOTS;
}

static const char *spelling(enum tc_token_kind kind) {
  return KINDS[kind].text + 1;
}

static void add_keyword(tc_lex_file *file, enum tc_token_kind kind) {
  uint32_t slot = keyword_hash(spelling(kind), KINDS[kind].n);
  while (file->keywords[slot])
    slot = (slot + 1) % KEYWORD_SLOTS;
  file->keywords[slot] = (uint8_t)kind;
}

static void add_sign(tc_lex_file *file, enum tc_token_kind kind) {
  uint8_t *link = &file->signs[spelling(kind)[0] & 127];
  while (*link && KINDS[*link].n > KINDS[kind].n)
    link = &file->shorter[*link];
  file->shorter[kind] = *link;
  *link = (uint8_t)kind;
}

static void index_kinds(tc_lex_file *file) {
  for (uint32_t kind = 0; kind < TC_TOKEN_COUNT; kind++) {
    if (KINDS[kind].keyword) add_keyword(file, kind);
    if (KINDS[kind].sign) add_sign(file, kind);
  }
}

/* Size of the well-formed UTF-8 character at `at` (Unicode 15, table 3-7), or 0. */
static uint32_t utf8_size(const unsigned char *at, uint32_t n) {
  if (at[0] < 0x80) return 1;
  uint32_t size = at[0] >= 0xC2 && at[0] <= 0xDF   ? 2
                  : (at[0] & 0xF0) == 0xE0         ? 3
                  : at[0] >= 0xF0 && at[0] <= 0xF4 ? 4
                                                   : 0;
  if (!size || size > n) return 0;
  unsigned char low = at[0] == 0xE0 ? 0xA0 : at[0] == 0xF0 ? 0x90 : 0x80;
  unsigned char high = at[0] == 0xED ? 0x9F : at[0] == 0xF4 ? 0x8F : 0xBF;
  if (at[1] < low || at[1] > high) return 0;
  for (uint32_t i = 2; i < size; i++)
    if ((at[i] & 0xC0) != 0x80) return 0;
  return size;
}

/* Eight bytes at a time while they are ASCII other than NUL. */
static bool plain_word(const char *at) {
  uint64_t word;
  memcpy(&word, at, sizeof word);
  const uint64_t high = UINT64_C(0x8080808080808080), ones = UINT64_C(0x0101010101010101);
  return ((word | (word - ones)) & high) == 0;
}

static bool check_text(tc_lexer *lex) {
  const char *text = lex->file->text.at;
  uint32_t n = lex->file->text.n;
  for (uint32_t i = 0; i < n;) {
    if (n - i >= 8 && plain_word(text + i)) {
      i += 8;
      continue;
    }
    uint32_t size = utf8_size((const unsigned char *)text + i, n - i);
    if (!size) {
      REPORT(lex, D_not_utf8, tc_lex_span(lex, i, i + 1), (unsigned)(unsigned char)text[i]);
      return false;
    }
    if (!text[i]) {
      REPORT(lex, D_nul_byte, tc_lex_span(lex, i, i + 1));
      return false;
    }
    i += size;
  }
  return true;
}

static bool measure_indent(tc_lexer *lex, indent *in);

tc_lexer tc_lex_open(tc_arena *arena, tc_source *source, tc_diags *diags, uint32_t file_at,
                     bool indented) {
  tc_lex_file *file = TC_NEW(arena, tc_lex_file);
  file->source = source;
  file->diags = diags;
  file->text = tc_source_text(source, file_at, &file->first);
  index_kinds(file);
  tc_lexer lex = {.file = file, .end = file->text.n, .n_indents = 1, .line_start = true};
  if (!check_text(&lex)) tc_lex_stop(&lex);
  if (lex.end >= 3 && memcmp(file->text.at, "\xEF\xBB\xBF", 3) == 0) lex.at = 3;
  if (indented) {
    tc_lexer ahead = lex;
    ahead.quiet = true;
    measure_indent(&ahead, &file->indents[0]);
  }
  return lex;
}

void tc_lex_stop(tc_lexer *lex) {
  lex->end = lex->at;
  lex->n_brackets = lex->bottom;
}

bool tc_lex_count_error(tc_lexer *lex) {
  return may_report(lex);
}

tc_lexer tc_lex_field(const tc_lexer *lex, uint32_t at, uint32_t end) {
  tc_lexer field = *lex;
  field.at = at;
  field.end = end;
  field.bottom = field.n_brackets;
  field.n_dedents = 0;
  field.in_field = true;
  field.line_start = field.owes_line = false;
  return field;
}

/* --- characters --- */

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

static bool is_name_start(char c) {
  char lower = (char)(c | 0x20);
  return (lower >= 'a' && lower <= 'z') || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_name_char(char c) {
  return is_name_start(c) || is_digit(c);
}

/* The text ends in a NUL that is not part of it, so looking one byte ahead is always safe; beyond
 * `end` (of a field) it reads as NUL too. */
static char peek(const tc_lexer *lex, uint32_t ahead) {
  return lex->end - lex->at > ahead ? lex->file->text.at[lex->at + ahead] : 0;
}

/* Bytes of the line end at `at`: 0, 1 (LF or a lone CR) or 2. */
static uint32_t line_end_size(const tc_lexer *lex) {
  char c = peek(lex, 0);
  if (c == '\n') return 1;
  if (c != '\r') return 0;
  return peek(lex, 1) == '\n' ? 2 : 1;
}

static void skip_comment(tc_lexer *lex) {
  const char *text = lex->file->text.at;
  while (lex->at < lex->end && text[lex->at] != '\n' && text[lex->at] != '\r')
    lex->at++;
}

static tc_token make(const tc_lexer *lex, enum tc_token_kind kind, uint32_t at) {
  return (tc_token){.kind = kind, .at = at, .end = lex->at};
}

static tc_token bad_character(tc_lexer *lex, uint32_t n, const char *way_out) {
  const unsigned char *c = (const unsigned char *)lex->file->text.at + lex->at;
  uint32_t code = n == 1   ? c[0]
                  : n == 2 ? (c[0] & 0x1Fu) << 6 | (c[1] & 0x3Fu)
                           : (c[0] & 0x0Fu) << 12 | (c[1] & 0x3Fu) << 6 | (c[2] & 0x3Fu);
  char shown[16] = {'\'', (char)code, '\''};
  static const char HEX[] = "0123456789ABCDEF";
  if (code <= ' ' || code >= 0x7F) {
    memcpy(shown, "U+", 2);
    for (int i = 0; i < 4; i++)
      shown[2 + i] = HEX[code >> (12 - 4 * i) & 15];
  }
  uint32_t at = lex->at;
  lex->at += n;
  REPORT(lex, D_bad_character, tc_lex_span(lex, at, lex->at), shown);
  if (way_out) help(lex, way_out);
  return make(lex, TC_TOKEN_BAD, at);
}

/* --- layout: lines, indentation, brackets --- */

bool tc_lex_opener(const tc_lexer *lex, uint32_t before, uint32_t *at) {
  for (uint32_t i = lex->n_brackets; i-- > lex->bottom;) {
    *at = lex->file->brackets[i];
    if (*at < before) return true;
  }
  return false;
}

static uint32_t line_begin(const tc_lexer *lex, uint32_t at) {
  const char *text = lex->file->text.at;
  while (at && text[at - 1] != '\n' && text[at - 1] != '\r')
    at--;
  return at;
}

static void add_blank(indent *in, char c) {
  in->column = c == '\t'   ? (in->column / TAB_COLUMNS + 1) * TAB_COLUMNS
               : c == '\f' ? 0
                           : in->column + 1;
  in->narrow = c == '\f' ? 0 : in->narrow + 1;
}

bool tc_lex_at_margin(const tc_lexer *lex, uint32_t at, uint32_t *first) {
  const char *text = lex->file->text.at;
  indent in = {0};
  uint32_t i = line_begin(lex, at);
  for (; text[i] == ' ' || text[i] == '\t' || text[i] == '\f'; i++) add_blank(&in, text[i]);
  *first = i;
  return i <= at && in.column <= lex->file->indents[lex->n_indents - 1].column && text[i] != ')' &&
         text[i] != ']' && text[i] != '}';
}

void tc_lex_restart(tc_lexer *lex, uint32_t at) {
  lex->at = line_begin(lex, at);
  lex->n_brackets = lex->bottom;
  lex->owes_line = true;
  lex->line_start = true;
}

/* Skips blank lines and measures the first other one; false at the end of the text. */
static bool measure_indent(tc_lexer *lex, indent *in) {
  *in = (indent){0};
  while (lex->at < lex->end) {
    char c = peek(lex, 0);
    uint32_t size;
    if (c == ' ' || c == '\t' || c == '\f') {
      add_blank(in, c);
      lex->at++;
    } else if (c == '#') {
      skip_comment(lex);
    } else if ((size = line_end_size(lex)) != 0) {
      lex->at += size;
      *in = (indent){0};
    } else {
      return true;
    }
  }
  return false;
}

/* Opens a block or counts the blocks that end before the line at `at`. */
static void change_indent(tc_lexer *lex, indent in) {
  indent *top = &lex->file->indents[lex->n_indents - 1];
  tc_span span = tc_lex_span(lex, line_begin(lex, lex->at), lex->at);
  bool mixed = in.column > top->column ? in.narrow <= top->narrow : false;
  if (in.column > top->column) {
    top[1] = in;
    lex->n_indents++;
  }
  while (lex->n_indents > 1 && in.column < lex->file->indents[lex->n_indents - 1].column) {
    lex->n_indents--;
    lex->n_dedents++;
  }
  top = &lex->file->indents[lex->n_indents - 1];
  if (mixed || (in.column == top->column && in.narrow != top->narrow)) {
    REPORT(lex, D_mixed_tabs, span);
  } else if (in.column != top->column) {
    REPORT(lex, D_bad_dedent, span, in.column + 1);
  }
}

static tc_token begin_line(tc_lexer *lex, bool *is_token) {
  indent in;
  bool more = measure_indent(lex, &in);
  lex->line_start = false;
  *is_token = true;
  if (!more) {
    lex->n_dedents = lex->n_indents - 1;
    lex->n_indents = 1;
  } else if (lex->n_indents > TC_AST_MAX_BLOCKS
             && in.column > lex->file->indents[lex->n_indents - 1].column) {
    REPORT(lex, D_deep_nesting, tc_lex_span(lex, lex->at, lex->at + 1), TC_AST_MAX_BLOCKS,
           "blocks");
    tc_lex_stop(lex);
    return make(lex, TC_TOKEN_BAD, lex->at);
  } else {
    uint32_t before = lex->n_indents;
    change_indent(lex, in);
    if (lex->n_indents > before) return make(lex, TC_TOKEN_INDENT, lex->at);
  }
  *is_token = false;
  return make(lex, TC_TOKEN_END, lex->at);
}

/* In brackets a line was crossed: does the statement that holds the brackets end here unclosed?
 * After a report the indentation decides; before one, only keywords that are errors inside brackets
 * in any case (see read_name). */
static bool ends_brackets(const tc_lexer *lex) {
  uint32_t first;
  return lex->recovering && !lex->in_field && tc_lex_at_margin(lex, lex->at, &first);
}

/* Skips blanks, comments, joined lines. True when a line was crossed inside brackets. */
static bool skip_blanks(tc_lexer *lex) {
  bool crossed = false, joined = lex->n_brackets > lex->bottom || lex->in_field;
  for (;;) {
    char c = peek(lex, 0);
    uint32_t size;
    if (c == ' ' || c == '\t' || c == '\f') {
      lex->at++;
    } else if (c == '#' && !lex->in_field) {
      skip_comment(lex);
    } else if (joined && (size = line_end_size(lex)) != 0) {
      lex->at += size;
      crossed = true;
    } else if (c == '\\' && !lex->in_field && (peek(lex, 1) == '\n' || peek(lex, 1) == '\r')) {
      lex->at++;
      lex->at += line_end_size(lex);
    } else {
      return crossed;
    }
  }
}

static tc_token open_bracket(tc_lexer *lex, enum tc_token_kind kind) {
  uint32_t at = lex->at++;
  if (lex->n_brackets == TC_AST_MAX_NESTING) {
    REPORT(lex, D_deep_nesting, tc_lex_span(lex, at, lex->at), TC_AST_MAX_NESTING, "brackets");
    tc_lex_stop(lex);
    return make(lex, TC_TOKEN_BAD, at);
  }
  lex->file->brackets[lex->n_brackets++] = at;
  return make(lex, kind, at);
}

static tc_token close_bracket(tc_lexer *lex, enum tc_token_kind kind, char opener) {
  uint32_t at = lex->at, from;
  char closer = peek(lex, 0);
  bool open = tc_lex_opener(lex, lex->at, &from);
  if (!open && lex->in_field) { /* the brace that ends the field, or an error for the parser */
    lex->at++;
    return make(lex, kind, at);
  }
  lex->at++;
  if (open) lex->n_brackets--;
  if (open && lex->file->text.at[from] == opener) return make(lex, kind, at);
  char text[32] = "closes no open bracket";
  if (open) {
    memcpy(text, "does not close '?'", 19);
    text[16] = lex->file->text.at[from];
  }
  REPORT(lex, D_wrong_bracket, tc_lex_span(lex, at, lex->at), closer, text);
  if (open && !lex->quiet)
    tc_diag_note(lex->file->diags, tc_lex_span(lex, from, from + 1), "opened here");
  return make(lex, TC_TOKEN_BAD, at);
}

static tc_token report_unclosed(tc_lexer *lex, tc_token found, const char *why) {
  uint32_t from = 0;
  tc_lex_opener(lex, lex->at, &from);
  REPORT(lex, D_unclosed_bracket, tc_lex_span(lex, from, from + 1), lex->file->text.at[from]);
  if (why && !lex->quiet)
    tc_diag_note(lex->file->diags, tc_lex_span(lex, found.at, found.end), "%s", why);
  return (tc_token){.kind = TC_TOKEN_BAD, .at = found.at, .end = found.end};
}

/* --- names and keywords --- */

static enum tc_token_kind name_kind(const tc_lex_file *file, const char *at, uint32_t n) {
  if (n < 2 || n > 8) return TC_TOKEN_NAME;
  for (uint32_t slot = keyword_hash(at, n); file->keywords[slot];
       slot = (slot + 1) % KEYWORD_SLOTS) {
    enum tc_token_kind kind = (enum tc_token_kind)file->keywords[slot];
    if (KINDS[kind].n == n && memcmp(spelling(kind), at, n) == 0) return kind;
  }
  return TC_TOKEN_NAME;
}

/* Any character from U+0080 on may stand in a name, except those that are invisible or look like
 * ASCII punctuation: C1 controls, no-break space, general punctuation, ideographic space, BOM. */
static uint32_t foreign_size(const unsigned char *c) {
  if (c[0] == 0xC2 && c[1] <= 0xA0) return 2;
  if (c[0] == 0xE2 && (c[1] == 0x80 || (c[1] == 0x81 && c[2] <= 0xAF))) return 3;
  if (c[0] == 0xE3 && c[1] == 0x80 && c[2] == 0x80) return 3;
  return c[0] == 0xEF && c[1] == 0xBB && c[2] == 0xBF ? 3 : 0;
}

/* String bits of a prefix such as rb, or -1. */
static int string_prefix(const char *at, uint32_t n) {
  int bits = 0, kinds = 0; /* at most one of b, f, u; u alone */
  for (uint32_t i = 0; i < n; i++) {
    char c = (char)(at[i] | 0x20);
    int bit = c == 'r'   ? TC_STRING_RAW
              : c == 'b' ? TC_STRING_BYTES
              : c == 'f' ? TC_STRING_FORMAT
                         : 0;
    if ((!bit && (c != 'u' || n > 1)) || (bits & bit)) return -1;
    bits |= bit;
    kinds += c != 'r';
  }
  return kinds > 1 ? -1 : bits;
}

static tc_token read_string(tc_lexer *lex, uint32_t at, uint32_t bits);

static tc_token read_name(tc_lexer *lex, bool crossed) {
  const char *text = lex->file->text.at;
  uint32_t at = lex->at;
  while (lex->at < lex->end && is_name_char(text[lex->at])) {
    if ((unsigned char)text[lex->at] >= 0xC2) {
      uint32_t foreign = foreign_size((const unsigned char *)text + lex->at);
      if (foreign)
        return bad_character(lex, foreign, "it looks like a blank or a quote but is none");
    }
    lex->at++;
  }
  uint32_t n = lex->at - at;
  if (n <= 2 && (peek(lex, 0) == '"' || peek(lex, 0) == '\'')) {
    int bits = string_prefix(text + at, n);
    if (bits >= 0) return read_string(lex, at, (uint32_t)bits);
  }
  tc_token token = make(lex, name_kind(lex->file, text + at, n), at);
  if (crossed && KINDS[token.kind].begins && lex->n_brackets > lex->bottom && !lex->in_field) {
    token = report_unclosed(lex, token, "this line begins a new statement");
    tc_lex_restart(lex, at);
    token.end = token.at = lex->at;
  }
  return token;
}

/* --- numbers --- */

static bool is_digit_of(char c, int base) {
  if (base <= 10) return c >= '0' && c < '0' + base;
  char lower = (char)(c | 0x20);
  return is_digit(c) || (lower >= 'a' && lower <= 'f');
}

/* Digits with single underscores between them. Returns how many digits; an underscore that does not
 * stand between digits is left for the caller to stumble over. */
static uint32_t skip_digits(tc_lexer *lex, int base) {
  uint32_t n = 0;
  while (is_digit_of(peek(lex, 0), base)
         || (n && peek(lex, 0) == '_' && is_digit_of(peek(lex, 1), base))) {
    n += peek(lex, 0) != '_';
    lex->at++;
  }
  return n;
}

static tc_token bad_number(tc_lexer *lex, uint32_t at, const char *why) {
  while (lex->at < lex->end && is_name_char(peek(lex, 0)))
    lex->at++;
  REPORT(lex, D_bad_number, tc_lex_span(lex, at, lex->at), why);
  return make(lex, TC_TOKEN_BAD, at);
}

/* Python allows `1if x else 2`: a few keywords may follow a number directly. */
static bool keyword_follows(const tc_lexer *lex) {
  uint32_t n = 0;
  while (n < 9 && is_name_char(peek(lex, n)))
    n++;
  switch ((int)name_kind(lex->file, lex->file->text.at + lex->at, n)) {
  case TC_TOKEN_AND:
  case TC_TOKEN_ELSE:
  case TC_TOKEN_FOR:
  case TC_TOKEN_IF:
  case TC_TOKEN_IN:
  case TC_TOKEN_IS:
  case TC_TOKEN_NOT:
  case TC_TOKEN_OR:
    return true;
  default:
    return false;
  }
}

/* `digits` names what the number is made of, with its article. */
static tc_token end_number(tc_lexer *lex, enum tc_token_kind kind, uint32_t at,
                           const char *digits) {
  char c = peek(lex, 0);
  if ((c | 0x20) == 'j' && !is_name_char(peek(lex, 1)) && !strcmp(digits, "a decimal")) {
    lex->at++;
    REPORT(lex, D_imaginary_number, tc_lex_span(lex, at, lex->at));
    return make(lex, TC_TOKEN_BAD, at);
  }
  if (!is_name_char(c) || (c != '_' && keyword_follows(lex))) return make(lex, kind, at);
  if (c == '_') return bad_number(lex, at, "an underscore must stand between digits");
  if ((unsigned char)c >= 0x80) return bad_number(lex, at, "a letter follows the digits");
  return bad_number(lex, at,
                    tc_format(lex->file->diags->arena, "'%c' is not %s digit", c, digits));
}

static tc_token read_based(tc_lexer *lex, int base, const char *digits) {
  uint32_t at = lex->at;
  lex->at += 2;
  if (peek(lex, 0) == '_') lex->at++; /* 0x_ff */
  if (!skip_digits(lex, base) && !is_name_char(peek(lex, 0)))
    return bad_number(lex, at, "digits are missing after the prefix");
  return end_number(lex, TC_TOKEN_INT, at, digits);
}

static tc_token read_number(tc_lexer *lex) {
  uint32_t at = lex->at;
  char second = (char)(peek(lex, 1) | 0x20);
  if (peek(lex, 0) == '0' && second == 'x') return read_based(lex, 16, "a hexadecimal");
  if (peek(lex, 0) == '0' && second == 'o') return read_based(lex, 8, "an octal");
  if (peek(lex, 0) == '0' && second == 'b') return read_based(lex, 2, "a binary");
  bool zero = peek(lex, 0) == '0', is_float = false;
  skip_digits(lex, 10);
  uint32_t whole_end = lex->at;
  if (peek(lex, 0) == '.') {
    lex->at++;
    is_float = true;
    skip_digits(lex, 10);
  }
  if ((peek(lex, 0) | 0x20) == 'e') {
    bool sign = peek(lex, 1) == '+' || peek(lex, 1) == '-';
    if (is_digit(peek(lex, sign ? 2 : 1))) {
      lex->at += sign ? 2 : 1;
      is_float = true;
      skip_digits(lex, 10);
    } else if (!keyword_follows(lex)) {
      lex->at += sign ? 2 : 1;
      return bad_number(lex, at, "the exponent has no digits");
    }
  }
  if (zero && !is_float && (peek(lex, 0) | 0x20) != 'j') {
    for (uint32_t i = at; i < whole_end; i++)
      if (lex->file->text.at[i] != '0' && lex->file->text.at[i] != '_')
        return bad_number(lex, at, "a decimal integer begins with 0 (octal is written 0o17)");
  }
  return end_number(lex, is_float ? TC_TOKEN_FLOAT : TC_TOKEN_INT, at, "a decimal");
}

/* --- strings --- */

/* Moves to the closing quote, or false at the end of the line or text. */
static bool find_quote(tc_lexer *lex, char quote, bool triple) {
  const char *text = lex->file->text.at;
  while (lex->at < lex->end) {
    char c = text[lex->at];
    if (c == '\\') {
      lex->at++;
      uint32_t size = line_end_size(lex);
      lex->at += size ? size : lex->at < lex->end ? 1 : 0;
    } else if (c == quote && (!triple || (peek(lex, 1) == quote && peek(lex, 2) == quote))) {
      return true;
    } else if (!triple && (c == '\n' || c == '\r')) {
      return false;
    } else {
      lex->at++;
    }
  }
  return false;
}

static tc_token read_string(tc_lexer *lex, uint32_t at, uint32_t bits) {
  char quote = peek(lex, 0);
  bool triple = peek(lex, 1) == quote && peek(lex, 2) == quote;
  uint32_t n_quotes = triple ? 3 : 1, open = lex->at + n_quotes;
  lex->at = open;
  if (!find_quote(lex, quote, triple)) {
    tc_span span = tc_lex_span(lex, at, triple ? open : lex->at);
    REPORT(lex, D_unclosed_string, span, triple ? "file" : "line");
    if (lex->in_field) help(lex, "a field of an f-string cannot hold the quote of the f-string");
    return make(lex, TC_TOKEN_BAD, at);
  }
  lex->at += n_quotes;
  tc_token token = make(lex, TC_TOKEN_STRING, at);
  token.string = bits | (triple ? TC_STRING_TRIPLE : 0);
  return token;
}

/* --- signs --- */

static tc_token bad_backslash(tc_lexer *lex) {
  uint32_t at = lex->at++;
  if (lex->in_field) {
    REPORT(lex, D_bad_fstring, tc_lex_span(lex, at, lex->at), "a field cannot hold a backslash");
  } else {
    REPORT(lex, D_bad_continuation, tc_lex_span(lex, at, lex->at));
  }
  return make(lex, TC_TOKEN_BAD, at);
}

static tc_token comment_in_field(tc_lexer *lex) {
  uint32_t at = lex->at;
  lex->at = lex->end;
  REPORT(lex, D_bad_fstring, tc_lex_span(lex, at, at + 1), "a field cannot hold a comment");
  return make(lex, TC_TOKEN_BAD, at);
}

static tc_token longest_sign(tc_lexer *lex) {
  const tc_lex_file *file = lex->file;
  uint32_t at = lex->at, left = lex->end - at;
  uint8_t kind = (unsigned char)file->text.at[at] < 128 ? file->signs[file->text.at[at] & 127] : 0;
  for (; kind; kind = file->shorter[kind]) {
    if (KINDS[kind].n > left || memcmp(file->text.at + at, spelling(kind), KINDS[kind].n) != 0)
      continue;
    if (kind == TC_TOKEN_BANG && !lex->in_field) break;
    lex->at += KINDS[kind].n;
    return make(lex, (enum tc_token_kind)kind, at);
  }
  const char *way_out = NULL;
  if (file->text.at[at] == '!') way_out = "negation is written `not x`";
  if (file->text.at[at] == '?') way_out = "a choice is written `a if condition else b`";
  return bad_character(lex, 1, way_out);
}

static tc_token read_sign(tc_lexer *lex) {
  switch (peek(lex, 0)) {
  case '(':
    return open_bracket(lex, TC_TOKEN_LPAREN);
  case '[':
    return open_bracket(lex, TC_TOKEN_LBRACKET);
  case '{':
    return open_bracket(lex, TC_TOKEN_LBRACE);
  case ')':
    return close_bracket(lex, TC_TOKEN_RPAREN, '(');
  case ']':
    return close_bracket(lex, TC_TOKEN_RBRACKET, '[');
  case '}':
    return close_bracket(lex, TC_TOKEN_RBRACE, '{');
  case '\\':
    return bad_backslash(lex);
  case '#':
    return comment_in_field(lex);
  case '.':
    return is_digit(peek(lex, 1)) ? read_number(lex) : longest_sign(lex);
  default:
    return longest_sign(lex);
  }
}

/* --- the next token --- */

static tc_token read_end(tc_lexer *lex) {
  uint32_t from;
  if (lex->in_field) return make(lex, TC_TOKEN_END, lex->at);
  if (tc_lex_opener(lex, lex->at, &from)) {
    tc_token token = report_unclosed(lex, make(lex, TC_TOKEN_BAD, lex->at), NULL);
    lex->n_brackets = lex->bottom;
    return token;
  }
  if (lex->owes_line || lex->n_indents > 1) {
    lex->line_start = true;
    return tc_lex_next(lex);
  }
  return make(lex, TC_TOKEN_END, lex->at);
}

static tc_token read_token(tc_lexer *lex) {
  bool crossed = skip_blanks(lex);
  if (lex->at >= lex->end) return read_end(lex);
  char c = peek(lex, 0);
  uint32_t at = lex->at, size = line_end_size(lex);
  if (size || (crossed && ends_brackets(lex))) {
    if (!size) tc_lex_restart(lex, at);
    lex->at = size ? at + size : lex->at;
    lex->line_start = true;
    lex->owes_line = false;
    return (tc_token){.kind = TC_TOKEN_NEWLINE, .at = size ? at : lex->at, .end = lex->at};
  }
  lex->owes_line = true;
  if (is_name_start(c)) return read_name(lex, crossed);
  if (is_digit(c)) return read_number(lex);
  if (c == '"' || c == '\'') return read_string(lex, at, 0);
  return read_sign(lex);
}

tc_token tc_lex_next(tc_lexer *lex) {
  if (lex->line_start && lex->owes_line) {
    lex->owes_line = false;
    return make(lex, TC_TOKEN_NEWLINE, lex->at);
  }
  if (lex->line_start) {
    bool is_token;
    tc_token token = begin_line(lex, &is_token);
    if (is_token) return token;
  }
  if (lex->n_dedents) {
    lex->n_dedents--;
    return make(lex, TC_TOKEN_DEDENT, lex->at);
  }
  return read_token(lex);
}
