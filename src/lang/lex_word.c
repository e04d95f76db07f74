#include "lang/lex_impl.h"

#include <string.h>

/* --- names and keywords --- */

uint32_t tc_lex_keyword_hash(const char *at, uint32_t n) {
  return ((uint32_t)(unsigned char)at[0] * 7 + (uint32_t)(unsigned char)at[1] * 3 + n)
         % TC_LEX_KEYWORD_SLOTS;
}

static enum tc_token_kind name_kind(const tc_lex_file *file, const char *at, uint32_t n) {
  if (n < 2 || n > 8) return TC_TOKEN_NAME;
  for (uint32_t slot = tc_lex_keyword_hash(at, n); file->keywords[slot];
       slot = (slot + 1) % TC_LEX_KEYWORD_SLOTS) {
    enum tc_token_kind kind = (enum tc_token_kind)file->keywords[slot];
    if (tc_token_table[kind].n == n && memcmp(tc_token_spelling(kind), at, n) == 0) return kind;
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
  int bits = 0, kinds = 0; /* at most one of b, f, t, u; u alone */
  for (uint32_t i = 0; i < n; i++) {
    char c = (char)(at[i] | 0x20);
    int bit = c == 'r'   ? TC_STRING_RAW
              : c == 'b' ? TC_STRING_BYTES
              : c == 'f' ? TC_STRING_FORMAT
              : c == 't' ? TC_STRING_FORMAT | TC_STRING_TEMPLATE
                         : 0;
    if ((!bit && (c != 'u' || n > 1)) || (bits & bit)) return -1;
    bits |= bit;
    kinds += c != 'r';
  }
  return kinds > 1 ? -1 : bits;
}

tc_token tc_lex_name(tc_lexer *lex, bool crossed) {
  const char *text = lex->file->text.at;
  uint32_t at = lex->at;
  while (lex->at < lex->end && tc_lex_is_name_char(text[lex->at])) {
    if ((unsigned char)text[lex->at] >= 0xC2) {
      uint32_t foreign = foreign_size((const unsigned char *)text + lex->at);
      if (foreign)
        return tc_lex_bad_character(lex, foreign, "it looks like a blank or a quote but is none");
    }
    lex->at++;
  }
  uint32_t n = lex->at - at;
  if (n <= 2 && (tc_lex_peek(lex, 0) == '"' || tc_lex_peek(lex, 0) == '\'')) {
    int bits = string_prefix(text + at, n);
    if (bits >= 0) return tc_lex_string(lex, at, (uint32_t)bits);
  }
  tc_token token = tc_lex_token(lex, name_kind(lex->file, text + at, n), at);
  if (crossed && tc_token_table[token.kind].begins && lex->n_brackets > lex->bottom
      && !lex->in_field) {
    token = tc_lex_unclosed(lex, token, "this line begins a new statement");
    tc_lex_restart(lex, at);
    token.end = token.at = lex->at;
  }
  return token;
}

/* --- numbers --- */

static bool is_digit_of(char c, int base) {
  if (base <= 10) return c >= '0' && c < '0' + base;
  char lower = (char)(c | 0x20);
  return tc_lex_is_digit(c) || (lower >= 'a' && lower <= 'f');
}

/* Digits with single underscores between them. Returns how many digits; an underscore that does not
 * stand between digits is left for the caller to stumble over. */
static uint32_t skip_digits(tc_lexer *lex, int base) {
  uint32_t n = 0;
  while (is_digit_of(tc_lex_peek(lex, 0), base)
         || (n && tc_lex_peek(lex, 0) == '_' && is_digit_of(tc_lex_peek(lex, 1), base))) {
    n += tc_lex_peek(lex, 0) != '_';
    lex->at++;
  }
  return n;
}

static tc_token bad_number(tc_lexer *lex, uint32_t at, const char *why) {
  while (lex->at < lex->end && tc_lex_is_name_char(tc_lex_peek(lex, 0)))
    lex->at++;
  TC_LEX_REPORT(lex, D_bad_number, tc_lex_span(lex, at, lex->at), why);
  return tc_lex_token(lex, TC_TOKEN_BAD, at);
}

/* Python allows `1if x else 2`: a few keywords may follow a number directly. */
static bool keyword_follows(const tc_lexer *lex) {
  uint32_t n = 0;
  while (n < 9 && tc_lex_is_name_char(tc_lex_peek(lex, n)))
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
  char c = tc_lex_peek(lex, 0);
  if ((c | 0x20) == 'j' && !tc_lex_is_name_char(tc_lex_peek(lex, 1))
      && !strcmp(digits, "a decimal")) {
    lex->at++;
    return tc_lex_token(lex, TC_TOKEN_IMAGINARY, at);
  }
  if (!tc_lex_is_name_char(c) || (c != '_' && keyword_follows(lex)))
    return tc_lex_token(lex, kind, at);
  if (c == '_') return bad_number(lex, at, "an underscore must stand between digits");
  if ((unsigned char)c >= 0x80) return bad_number(lex, at, "a letter follows the digits");
  return bad_number(lex, at, tc_format(lex->file->diags->arena, "'%c' is not %s digit", c, digits));
}

static tc_token read_based(tc_lexer *lex, int base, const char *digits) {
  uint32_t at = lex->at;
  lex->at += 2;
  if (tc_lex_peek(lex, 0) == '_') lex->at++; /* 0x_ff */
  if (!skip_digits(lex, base) && !tc_lex_is_name_char(tc_lex_peek(lex, 0)))
    return bad_number(lex, at, "digits are missing after the prefix");
  return end_number(lex, TC_TOKEN_INT, at, digits);
}

tc_token tc_lex_number(tc_lexer *lex) {
  uint32_t at = lex->at;
  char second = (char)(tc_lex_peek(lex, 1) | 0x20);
  if (tc_lex_peek(lex, 0) == '0' && second == 'x') return read_based(lex, 16, "a hexadecimal");
  if (tc_lex_peek(lex, 0) == '0' && second == 'o') return read_based(lex, 8, "an octal");
  if (tc_lex_peek(lex, 0) == '0' && second == 'b') return read_based(lex, 2, "a binary");
  bool zero = tc_lex_peek(lex, 0) == '0', is_float = false;
  skip_digits(lex, 10);
  uint32_t whole_end = lex->at;
  if (tc_lex_peek(lex, 0) == '.') {
    lex->at++;
    is_float = true;
    skip_digits(lex, 10);
  }
  if ((tc_lex_peek(lex, 0) | 0x20) == 'e') {
    bool sign = tc_lex_peek(lex, 1) == '+' || tc_lex_peek(lex, 1) == '-';
    if (tc_lex_is_digit(tc_lex_peek(lex, sign ? 2 : 1))) {
      lex->at += sign ? 2 : 1;
      is_float = true;
      skip_digits(lex, 10);
    } else if (!keyword_follows(lex)) {
      lex->at += sign ? 2 : 1;
      return bad_number(lex, at, "the exponent has no digits");
    }
  }
  if (zero && !is_float && (tc_lex_peek(lex, 0) | 0x20) != 'j') {
    for (uint32_t i = at; i < whole_end; i++)
      if (lex->file->text.at[i] != '0' && lex->file->text.at[i] != '_')
        return bad_number(lex, at, "a decimal integer begins with 0 (octal is written 0o17)");
  }
  return end_number(lex, is_float ? TC_TOKEN_FLOAT : TC_TOKEN_INT, at, "a decimal");
}

/* --- strings --- */

static bool closes_string(const tc_lexer *lex, char quote, bool triple) {
  return tc_lex_peek(lex, 0) == quote
         && (!triple || (tc_lex_peek(lex, 1) == quote && tc_lex_peek(lex, 2) == quote));
}

/* The backslash, and the character or line end it escapes. */
static void skip_escape(tc_lexer *lex) {
  lex->at++;
  uint32_t size = tc_lex_line_end(lex);
  lex->at += size ? size : lex->at < lex->end ? 1 : 0;
}

/* Moves to the closing quote, or false at the end of the line or text. */
static bool find_quote(tc_lexer *lex, char quote, bool triple) {
  while (lex->at < lex->end) {
    if (closes_string(lex, quote, triple)) return true;
    if (!triple && tc_lex_line_end(lex)) return false;
    if (tc_lex_peek(lex, 0) == '\\') {
      skip_escape(lex);
    } else {
      lex->at++;
    }
  }
  return false;
}

/* --- strings with fields: what stands in a field may hold any quote, line ends and comments --- */

enum { MAX_FIELDS = 20 }; /* in each other */

typedef struct quoted {
  char quote;
  bool triple, raw;
  uint32_t n_fields; /* around it, those of outer strings included */
} quoted;

static bool find_format_quote(tc_lexer *lex, quoted in);
static bool skip_field(tc_lexer *lex, quoted in);

/* A backslash escapes no brace, but the braces of \N{...} are no field. */
static void skip_format_escape(tc_lexer *lex, bool raw) {
  char c = tc_lex_peek(lex, 1);
  if (c == '{' || c == '}') {
    lex->at++;
    return;
  }
  bool named = !raw && c == 'N' && tc_lex_peek(lex, 2) == '{';
  skip_escape(lex);
  while (named && lex->at < lex->end && !tc_lex_line_end(lex) && tc_lex_peek(lex, 0) != '}')
    lex->at++;
}

/* The string in a field whose opening quote is next; its prefix stands before that. */
static bool skip_inner_string(tc_lexer *lex, uint32_t n_fields) {
  const char *text = lex->file->text.at;
  uint32_t first = lex->at;
  while (first && tc_lex_is_name_char(text[first - 1]))
    first--;
  int bits = lex->at - first <= 2 ? string_prefix(text + first, lex->at - first) : 0;
  quoted in = {
      .quote = text[lex->at], .raw = bits > 0 && bits & TC_STRING_RAW, .n_fields = n_fields};
  in.triple = tc_lex_peek(lex, 1) == in.quote && tc_lex_peek(lex, 2) == in.quote;
  uint32_t n_quotes = in.triple ? 3 : 1;
  lex->at += n_quotes;
  bool found = bits > 0 && bits & TC_STRING_FORMAT ? find_format_quote(lex, in)
                                                   : find_quote(lex, in.quote, in.triple);
  lex->at += found ? n_quotes : 0;
  return found;
}

/* Behind the colon of a field: moves behind its closing brace. */
static bool skip_spec(tc_lexer *lex, quoted in) {
  while (lex->at < lex->end && !closes_string(lex, in.quote, in.triple)
         && (in.triple || !tc_lex_line_end(lex))) {
    char c = tc_lex_peek(lex, 0);
    if (c == '\\') {
      skip_format_escape(lex, in.raw);
      continue;
    }
    lex->at++;
    if (c == '}') return true;
    if (c == '{' && !skip_field(lex, in)) return false;
  }
  return false;
}

/* Behind the opening brace of a field: moves behind its closing one. */
static bool skip_field(tc_lexer *lex, quoted in) {
  uint32_t n_open = 0;
  if (++in.n_fields > MAX_FIELDS) return false;
  while (lex->at < lex->end) {
    char c = tc_lex_peek(lex, 0);
    if (c == '"' || c == '\'') {
      if (!skip_inner_string(lex, in.n_fields)) return false;
      continue;
    }
    if (c == '#') {
      while (lex->at < lex->end && !tc_lex_line_end(lex))
        lex->at++;
      continue;
    }
    lex->at++;
    if (!n_open && c == '}') return true;
    if (!n_open && c == ':') return skip_spec(lex, in);
    n_open += c == '(' || c == '[' || c == '{' ? 1u : 0u;
    n_open -= n_open && (c == ')' || c == ']' || c == '}') ? 1u : 0u;
  }
  return false;
}

/* As find_quote, for a string with fields. */
static bool find_format_quote(tc_lexer *lex, quoted in) {
  while (lex->at < lex->end) {
    char c = tc_lex_peek(lex, 0);
    if (closes_string(lex, in.quote, in.triple)) return true;
    if (!in.triple && tc_lex_line_end(lex)) return false;
    if (c == '\\') {
      skip_format_escape(lex, in.raw);
    } else if (c == '{' && tc_lex_peek(lex, 1) != '{') {
      lex->at++;
      if (!skip_field(lex, in)) return false;
    } else {
      lex->at += c == '{' ? 2 : 1;
    }
  }
  return false;
}

/* Where braces do not match, the string ends at the first quote, for the parser to say so. */
static bool find_end(tc_lexer *lex, uint32_t bits, char quote, bool triple) {
  uint32_t at = lex->at;
  quoted in = {quote, triple, (bits & TC_STRING_RAW) != 0, 0};
  if (bits & TC_STRING_FORMAT && find_format_quote(lex, in)) return true;
  lex->at = at;
  return find_quote(lex, quote, triple);
}

tc_token tc_lex_string(tc_lexer *lex, uint32_t at, uint32_t bits) {
  char quote = tc_lex_peek(lex, 0);
  bool triple = tc_lex_peek(lex, 1) == quote && tc_lex_peek(lex, 2) == quote;
  uint32_t n_quotes = triple ? 3 : 1, open = lex->at + n_quotes;
  lex->at = open;
  if (!find_end(lex, bits, quote, triple)) {
    tc_span span = tc_lex_span(lex, at, triple ? open : lex->at);
    TC_LEX_REPORT(lex, D_unclosed_string, span, triple ? "file" : "line");
    return tc_lex_token(lex, TC_TOKEN_BAD, at);
  }
  lex->at += n_quotes;
  tc_token token = tc_lex_token(lex, TC_TOKEN_STRING, at);
  token.string = bits | (triple ? TC_STRING_TRIPLE : 0);
  return token;
}
