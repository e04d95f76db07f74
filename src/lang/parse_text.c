#include "lang/parse_impl.h"

#include <stdlib.h>
#include <string.h>

/* --- numbers; the lexer has checked their spelling --- */

static uint64_t digit_value(char c) {
  if (c >= '0' && c <= '9') return (uint64_t)(c - '0');
  return (uint64_t)((c | 0x20) - 'a') + 10;
}

static void read_int(tc_ast *node) {
  tc_str text = node->int_.text;
  uint64_t base = 10, value = 0;
  uint32_t i = 0;
  if (text.n > 1 && text.at[0] == '0') {
    char letter = (char)(text.at[1] | 0x20);
    base = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 10;
    if (base != 10) i = 2;
  }
  for (; i < text.n && !node->int_.overflow; i++) {
    if (text.at[i] == '_') continue;
    uint64_t digit = digit_value(text.at[i]);
    node->int_.overflow = value > (UINT64_MAX - digit) / base;
    value = value * base + digit;
  }
  node->int_.value = node->int_.overflow ? 0 : value;
}

enum { EXPONENT_LIMIT = 1 << 30 }; /* far beyond any text that fits in the source map */

/* The exponent at text[i], clamped to what cannot matter. */
static int64_t read_exponent(tc_str text, uint32_t i) {
  bool negative = text.at[i] == '-';
  int64_t value = 0;
  if (negative || text.at[i] == '+') i++;
  for (; i < text.n; i++) {
    if (text.at[i] == '_') continue;
    value = value * 10 + (text.at[i] - '0');
    if (value > (int64_t)4 * EXPONENT_LIMIT) value = (int64_t)4 * EXPONENT_LIMIT;
  }
  return negative ? -value : value;
}

/* strtod rounds correctly, but reads the decimal point of the current locale; so the point is
 * removed and the exponent adjusted: 1.25e3 is read as 125e1. */
static double read_float(tc_parser *p, tc_str text) {
  size_t mark = p->text.n;
  int64_t exponent = 0;
  bool fraction = false;
  for (uint32_t i = 0; i < text.n; i++) {
    char c = text.at[i];
    if (c == '.') {
      fraction = true;
    } else if (c >= '0' && c <= '9') {
      tc_sb_char(&p->text, c);
      exponent -= fraction;
    } else if (c != '_') {
      exponent += read_exponent(text, i + 1);
      break;
    }
  }
  if (exponent > EXPONENT_LIMIT) exponent = EXPONENT_LIMIT;
  if (exponent < -EXPONENT_LIMIT) exponent = -EXPONENT_LIMIT;
  tc_sb_printf(&p->text, "e%lld", (long long)exponent);
  double value = strtod(p->text.at + mark, NULL);
  p->text.n = mark;
  return value;
}

const tc_ast *tc_parse_number(tc_parser *p) {
  uint32_t start = p->token.at;
  bool is_int = tc_parse_at(p, TC_TOKEN_INT);
  tc_str text = tc_parse_token_text(p, &p->token);
  tc_parse_advance(p);
  tc_ast *node = tc_parse_node(p, is_int ? TC_AST_INT : TC_AST_FLOAT, start, 0);
  if (is_int) {
    node->int_.text = text;
    read_int(node);
  } else {
    node->float_.text = text;
    node->float_.value = read_float(p, text);
  }
  return node;
}

/* --- escapes --- */

/* One literal while it is decoded: where it is in the file, and what its prefix said. */
typedef struct literal {
  uint32_t start, end; /* of its content */
  uint32_t bits;       /* TC_STRING_*    */
} literal;

static void add_code_point(tc_sb *out, uint32_t c) {
  if (c < 0x80) {
    tc_sb_char(out, (char)c);
  } else if (c < 0x800) {
    tc_sb_char(out, (char)(0xC0 | c >> 6));
    tc_sb_char(out, (char)(0x80 | (c & 0x3F)));
  } else if (c < 0x10000) {
    tc_sb_char(out, (char)(0xE0 | c >> 12));
    tc_sb_char(out, (char)(0x80 | (c >> 6 & 0x3F)));
    tc_sb_char(out, (char)(0x80 | (c & 0x3F)));
  } else {
    tc_sb_char(out, (char)(0xF0 | c >> 18));
    tc_sb_char(out, (char)(0x80 | (c >> 12 & 0x3F)));
    tc_sb_char(out, (char)(0x80 | (c >> 6 & 0x3F)));
    tc_sb_char(out, (char)(0x80 | (c & 0x3F)));
  }
}

/* A mistake inside a literal: the statement is still parsed, for more mistakes to show. */
#define TEXT_REPORT(p, id, ...)                                                                    \
  do {                                                                                             \
    if (tc_parse_may_report(p)) TC_DIAG((p)->cx.diags, id, __VA_ARGS__);                           \
  } while (0)

static bool is_hex(char c) {
  char lower = (char)(c | 0x20);
  return (c >= '0' && c <= '9') || (lower >= 'a' && lower <= 'f');
}

/* \x, \u, \U with `n` digits; `at` is behind the letter. Returns where the text goes on. */
static uint32_t hex_escape(tc_parser *p, literal lit, uint32_t at, uint32_t n) {
  const char *text = tc_lex_text(&p->lex).at;
  uint32_t code = 0, i = 0;
  for (; i < n && at + i < lit.end && is_hex(text[at + i]); i++)
    code = code << 4 | (uint32_t)digit_value(text[at + i]);
  tc_span span = tc_lex_span(&p->lex, at - 2, at + i);
  if (i < n) {
    TEXT_REPORT(p, D_bad_escape, span,
                tc_format(p->cx.arena, "\\%c wants %u hexadecimal digits", text[at - 1], n));
  } else if (code > 0x10FFFF) {
    TEXT_REPORT(p, D_bad_escape, span, "no character has a number above 10ffff");
  } else if (lit.bits & TC_STRING_BYTES) {
    tc_sb_char(&p->text, (char)code);
  } else {
    add_code_point(&p->text, code);
  }
  return at + i;
}

static uint32_t octal_escape(tc_parser *p, literal lit, uint32_t at) {
  const char *text = tc_lex_text(&p->lex).at;
  uint32_t code = 0;
  for (int i = 0; i < 3 && at < lit.end && text[at] >= '0' && text[at] <= '7'; i++)
    code = code * 8 + (uint32_t)(text[at++] - '0');
  if (lit.bits & TC_STRING_BYTES) {
    tc_sb_char(&p->text, (char)(code & 0xFF));
  } else {
    add_code_point(&p->text, code);
  }
  return at;
}

static uint32_t named_escape(tc_parser *p, literal lit, uint32_t at) {
  const char *text = tc_lex_text(&p->lex).at;
  uint32_t end = at + 1;
  if (end < lit.end && text[end] == '{') {
    while (end < lit.end && text[end] != '}')
      end++;
    if (end < lit.end) end++;
  }
  p->named = true;
  return end;
}

/* The escape whose backslash is at `at`. An unknown one stands for itself, as in Python. */
static uint32_t escape(tc_parser *p, literal lit, uint32_t at) {
  static const char LETTERS[] = "\\'\"abfnrtv", VALUES[] = "\\'\"\a\b\f\n\r\t\v";
  const char *text = tc_lex_text(&p->lex).at;
  char c = text[at + 1];
  const char *known = c ? strchr(LETTERS, c) : NULL;
  if (known) {
    tc_sb_char(&p->text, VALUES[known - LETTERS]);
    return at + 2;
  }
  if (c == '\n') return at + 2;
  if (c == '\r') return at + (at + 2 < lit.end && text[at + 2] == '\n' ? 3 : 2);
  if (c >= '0' && c <= '7') return octal_escape(p, lit, at + 1);
  if (c == 'x') return hex_escape(p, lit, at + 2, 2);
  if (!(lit.bits & TC_STRING_BYTES)) {
    if (c == 'u') return hex_escape(p, lit, at + 2, 4);
    if (c == 'U') return hex_escape(p, lit, at + 2, 8);
    if (c == 'N') return named_escape(p, lit, at + 1);
  }
  tc_sb_char(&p->text, '\\');
  return at + 1;
}

/* Decodes from `at` to the end of the literal or the next brace, whichever is sooner when `braces`.
 * Line ends become LF. */
static uint32_t decode(tc_parser *p, literal lit, uint32_t at, bool braces) {
  const char *text = tc_lex_text(&p->lex).at;
  bool raw = lit.bits & TC_STRING_RAW;
  while (at < lit.end) {
    uint32_t run = at;
    while (at < lit.end && text[at] != '\r' && (raw || text[at] != '\\')
           && (!braces || (text[at] != '{' && text[at] != '}')))
      at++;
    tc_sb_add(&p->text, (tc_str){text + run, at - run});
    if (at == lit.end) break;
    if (text[at] == '\\') {
      at = escape(p, lit, at);
    } else if (text[at] == '\r') {
      tc_sb_char(&p->text, '\n');
      at += at + 1 < lit.end && text[at + 1] == '\n' ? 2 : 1;
    } else {
      break;
    }
  }
  return at;
}

/* --- f-strings --- */

static tc_ast *text_node(tc_parser *p, size_t mark, enum tc_ast_kind kind, uint32_t start,
                         uint32_t end) {
  p->end = end;
  tc_ast *node = tc_parse_node(p, kind, start, 0);
  uint32_t n = (uint32_t)(p->text.n - mark);
  tc_str value = {n ? tc_arena_copy(p->cx.arena, p->text.at + mark, n) : "", n};
  if (kind == TC_AST_BYTES) {
    node->bytes.value = value;
  } else {
    node->string.value = value;
  }
  p->text.n = mark;
  return node;
}

static void fstring_error(tc_parser *p, uint32_t at, uint32_t end, const char *what) {
  TEXT_REPORT(p, D_bad_fstring, tc_lex_span(&p->lex, at, end), what);
  tc_parse_fail(p);
}

/* Text and fields from `at` on. Text stays pending in p->text since `mark`, until a field comes or
 * the caller takes it; fields are pushed. Inside a spec it stops at the closing brace. */
static uint32_t fstring_parts(tc_parser *p, literal lit, uint32_t at, size_t mark,
                              uint32_t spec_level);

/* `!r`, with the current token the `!`. */
static enum tc_ast_conversion conversion(tc_parser *p) {
  tc_parse_advance(p);
  tc_str text = tc_parse_token_text(p, &p->token);
  enum tc_ast_conversion found = tc_str_is(text, "r")   ? TC_CONVERSION_REPR
                                 : tc_str_is(text, "s") ? TC_CONVERSION_STR
                                 : tc_str_is(text, "a") ? TC_CONVERSION_ASCII
                                                        : TC_CONVERSION_NONE;
  if (found == TC_CONVERSION_NONE) {
    fstring_error(p, p->token.at, p->token.end, "the conversions are !r, !s and !a");
  } else {
    tc_parse_advance(p);
  }
  return found;
}

/* The spec that begins at *at, which moves to the brace that ends the field. */
static const tc_ast *format_spec(tc_parser *p, literal lit, uint32_t *at, uint32_t level) {
  uint32_t start = *at, mark = p->stack.n, height = 0;
  size_t text_mark = p->text.n;
  *at = fstring_parts(p, lit, start, text_mark, level + 1);
  bool has_text = p->text.n > text_mark;
  if (p->stack.n == mark) {
    p->height = 0;
    return has_text ? text_node(p, text_mark, TC_AST_STRING, start, *at) : NULL;
  }
  if (has_text) tc_parse_push(p, text_node(p, text_mark, TC_AST_STRING, start, *at));
  const tc_ast_list *parts = tc_parse_list(p, mark, &height);
  p->end = *at;
  tc_ast *spec = tc_parse_node(p, TC_AST_FSTRING, start, height);
  spec->fstring.parts = parts;
  return spec;
}

typedef struct field_tail {
  enum tc_ast_conversion conversion;
  const tc_ast *spec;
  uint32_t end; /* offset of the brace that closes the field */
} field_tail;

/* What follows the expression of the field that begins at `start`: = !r :spec and the brace. The
 * height it leaves is that of the spec. */
static field_tail read_tail(tc_parser *p, literal lit, uint32_t start, uint32_t level) {
  field_tail tail = {0};
  p->height = 0;
  bool debug = tc_parse_accept(p, TC_TOKEN_ASSIGN);
  if (debug && !p->failed) {
    const char *text = tc_lex_text(&p->lex).at;
    tc_sb_add(&p->text, (tc_str){text + start + 1, p->token.at - start - 1});
  }
  if (tc_parse_at(p, TC_TOKEN_BANG)) tail.conversion = conversion(p);
  tail.end = p->token.at;
  bool has_spec = tc_parse_at(p, TC_TOKEN_COLON) || tc_parse_at(p, TC_TOKEN_WALRUS);
  if (has_spec) { /* {x:=5} has the spec "=5" */
    tail.end++;
    tail.spec = format_spec(p, lit, &tail.end, level);
    if (tail.end == lit.end) fstring_error(p, start, start + 1, "'{' is never closed");
  } else if (tc_parse_at(p, TC_TOKEN_END)) {
    fstring_error(p, start, start + 1, "'{' is never closed");
  } else if (!tc_parse_at(p, TC_TOKEN_RBRACE)) {
    tc_parse_unexpected(p, "'}', '!', ':' or '=' after the expression");
  }
  if (debug && !has_spec && tail.conversion == TC_CONVERSION_NONE)
    tail.conversion = TC_CONVERSION_REPR;
  return tail;
}

/* The field whose brace is at `start`: parsed by the parser itself, over a lexer of the field.
 * Returns the offset behind it. */
static uint32_t field(tc_parser *p, literal lit, uint32_t start, size_t mark, uint32_t level) {
  tc_lexer outer_lex = p->lex;
  tc_token outer_token = p->token;
  p->lex = tc_lex_field(&outer_lex, start + 1, lit.end);
  p->token = tc_lex_next(&p->lex);
  enum tc_token_kind first = p->token.kind;
  if (first == TC_TOKEN_RBRACE || first == TC_TOKEN_BANG || first == TC_TOKEN_COLON)
    fstring_error(p, start, p->token.end, "a field holds no expression");
  const tc_ast *value = tc_parse_value(p);
  uint32_t height = p->height;
  field_tail tail = read_tail(p, lit, start, level);
  p->lex = outer_lex;
  if (p->failed) {
    p->stopped = outer_token;
    return lit.end;
  }
  p->token = outer_token;
  if (p->height > height) height = p->height;
  if (p->text.n > mark) tc_parse_push(p, text_node(p, mark, TC_AST_STRING, lit.start, start));
  p->end = tail.end + 1;
  tc_ast *node = tc_parse_node(p, TC_AST_FIELD, start, height);
  node->field.value = value;
  node->field.conversion = tail.conversion;
  node->field.spec = tail.spec;
  tc_parse_push(p, node);
  return tail.end + 1;
}

static uint32_t fstring_parts(tc_parser *p, literal lit, uint32_t at, size_t mark,
                              uint32_t spec_level) {
  const char *text = tc_lex_text(&p->lex).at;
  while (!p->failed) {
    at = decode(p, lit, at, true);
    if (at >= lit.end || p->failed) break;
    if (!spec_level && at + 1 < lit.end && text[at + 1] == text[at]) {
      tc_sb_char(&p->text, text[at]);
      at += 2;
    } else if (text[at] == '}' && spec_level) {
      return at;
    } else if (text[at] == '}') {
      fstring_error(p, at, at + 1, "a single '}' closes nothing (a brace is written }})");
    } else if (spec_level > 1) {
      fstring_error(p, at, at + 1, "fields are nested too deeply");
    } else {
      at = field(p, lit, at, mark, spec_level);
    }
  }
  return lit.end;
}

/* --- strings --- */

static literal open_literal(tc_parser *p, const tc_token *token) {
  const char *text = tc_lex_text(&p->lex).at;
  uint32_t at = token->at, n_quotes = token->string & TC_STRING_TRIPLE ? 3 : 1;
  while (text[at] != '"' && text[at] != '\'')
    at++;
  return (literal){.start = at + n_quotes, .end = token->end - n_quotes, .bits = token->string};
}

static void check_bytes(tc_parser *p, literal lit) {
  const char *text = tc_lex_text(&p->lex).at;
  uint32_t at = lit.start;
  while (at < lit.end && (unsigned char)text[at] < 0x80)
    at++;
  if (at == lit.end) return;
  uint32_t end = at + 1;
  while (end < lit.end && ((unsigned char)text[end] & 0xC0) == 0x80)
    end++;
  TEXT_REPORT(p, D_bytes_not_ascii, tc_lex_span(&p->lex, at, end));
}

static void add_literal(tc_parser *p, size_t mark) {
  literal lit = open_literal(p, &p->token);
  if (lit.bits & TC_STRING_BYTES) check_bytes(p, lit);
  if (lit.bits & TC_STRING_FORMAT) {
    fstring_parts(p, lit, lit.start, mark, 0);
  } else {
    decode(p, lit, lit.start, false);
  }
  tc_parse_advance(p);
}

/* Most literals are one token without escapes: their value is a slice of the source. */
static bool is_plain(tc_parser *p, literal lit) {
  const char *text = tc_lex_text(&p->lex).at + lit.start;
  uint32_t n = lit.end - lit.start;
  return !(lit.bits & (TC_STRING_BYTES | TC_STRING_FORMAT))
         && (lit.bits & TC_STRING_RAW || !memchr(text, '\\', n)) && !memchr(text, '\r', n);
}

const tc_ast *tc_parse_strings(tc_parser *p) {
  uint32_t start = p->token.at, mark = p->stack.n, kind_bit = p->token.string & TC_STRING_BYTES;
  size_t text_mark = p->text.n;
  literal first = open_literal(p, &p->token);
  if (is_plain(p, first)) {
    tc_parse_advance(p);
    if (!tc_parse_at(p, TC_TOKEN_STRING)) {
      tc_ast *node = tc_parse_node(p, TC_AST_STRING, start, 0);
      node->string.value = (tc_str){tc_lex_text(&p->lex).at + first.start, first.end - first.start};
      return node;
    }
    decode(p, first, first.start, false);
  }
  bool named = p->named, template = false;
  p->named = false;
  while (tc_parse_at(p, TC_TOKEN_STRING)) {
    if ((p->token.string & TC_STRING_BYTES) != kind_bit)
      TEXT_REPORT(p, D_mixed_strings, tc_lex_span(&p->lex, start, p->token.end));
    template = template || p->token.string &TC_STRING_TEMPLATE;
    add_literal(p, text_mark);
  }
  bool unknown = p->named;
  p->named = named;
  if (unknown || template) {
    p->stack.n = mark;
    p->text.n = text_mark;
    return tc_parse_node(p, template ? TC_AST_TEMPLATE : TC_AST_NAMED_TEXT, start, 0);
  }
  enum tc_ast_kind kind = kind_bit ? TC_AST_BYTES : TC_AST_STRING;
  if (p->stack.n == mark) return text_node(p, text_mark, kind, start, p->end);
  if (p->text.n > text_mark)
    tc_parse_push(p, text_node(p, text_mark, TC_AST_STRING, first.start, p->end));
  uint32_t height = 0;
  const tc_ast_list *parts = tc_parse_list(p, mark, &height);
  tc_ast *node = tc_parse_node(p, TC_AST_FSTRING, start, height);
  node->fstring.parts = parts;
  return node;
}
