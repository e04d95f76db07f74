#include "ir/parse_private.h"

#include <string.h>

static const char *const PUNCTUATION[] = {
    /* longer ones first */
    "->", ":+", "==", "!=", "<=", "<<", ">>", "(", ")", "[", "]", "{", "}", ",",
    ":",  "=",  "<",  ">",  "+",  "-",  "*",  "/", "%", "&", "|", "^", "~", "?"};

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
static bool starts_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* The byte at an offset, 0 behind the end. */
static char byte_at(const tc_reader *r, uint32_t at) {
  return at < r->text.n ? r->text.at[at] : 0;
}

tc_span tc_reader_span(tc_reader *r, uint32_t start, uint32_t end) {
  return tc_source_span(r->diags->source, r->base + start, end > start ? end - start : 0);
}

tc_span tc_reader_span_here(tc_reader *r) {
  return tc_reader_span(r, r->token.start, r->token.start + r->token.size_b);
}

void tc_reader_stop(tc_reader *r) {
  r->failed = true;
  r->token = (tc_tir_token){.kind = TC_TIR_END, .start = r->token.start};
  r->ahead = r->token;
}

/* ---- scanning ---- */

static tc_str scan_word(tc_reader *r) {
  uint32_t first = r->at;
  while (starts_word(byte_at(r, r->at)) || is_digit(byte_at(r, r->at)))
    r->at++;
  return (tc_str){r->text.at + first, r->at - first};
}

static int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/* The character after a backslash; 0 when it is no escape. */
static char scan_escape(tc_reader *r) {
  char c = byte_at(r, r->at++);
  if (c == 'n') return '\n';
  if (c == '"' || c == '\\') return c;
  if (c != 'x') return 0;
  int hi = hex_digit(byte_at(r, r->at)), lo = hex_digit(byte_at(r, r->at + 1));
  if (hi < 0 || lo < 0) return 0;
  r->at += 2;
  return (char)(hi * 16 + lo);
}

static tc_str scan_string(tc_reader *r) {
  uint32_t first = r->at++;
  tc_sb sb = tc_sb_in(r->ir->arena);
  for (;;) {
    char c = byte_at(r, r->at);
    if (r->at >= r->text.n || c == '\n') {
      TC_FAIL(r, D_tir_character, tc_reader_span(r, first, r->at), "the string is not closed");
      break;
    }
    r->at++;
    if (c == '"') break;
    if (c == '\\') c = scan_escape(r);
    if (!c) {
      TC_FAIL(r, D_tir_character, tc_reader_span(r, first, r->at),
              "the string holds an unknown escape or a NUL byte");
      break;
    }
    tc_sb_char(&sb, c);
  }
  return tc_sb_str(&sb);
}

static void scan_suffix(tc_reader *r, tc_tir_token *t) {
  if (byte_at(r, r->at) != '.' || !is_digit(byte_at(r, r->at + 1))) return;
  uint32_t first = r->at++;
  uint64_t n = 0;
  for (; is_digit(byte_at(r, r->at)); r->at++)
    if (n <= UINT32_MAX) n = n * 10 + (uint64_t)(byte_at(r, r->at) - '0');
  if (n > UINT32_MAX)
    TC_FAIL(r, D_tir_range, tc_reader_span(r, first, r->at), "the number", "a name");
  t->suffix = (uint32_t)n;
}

static void scan_digits(tc_reader *r, tc_tir_token *t) {
  uint32_t first = r->at;
  bool overflow = false;
  for (; is_digit(byte_at(r, r->at)); r->at++) {
    uint64_t digit = (uint64_t)(byte_at(r, r->at) - '0');
    overflow = overflow || t->number > (UINT64_MAX - digit) / 10;
    t->number = t->number * 10 + digit;
  }
  if (overflow) TC_FAIL(r, D_tir_range, tc_reader_span(r, first, r->at), "the number", "64 bits");
}

static void scan_number(tc_reader *r, tc_tir_token *t) {
  uint32_t first = r->at, at = r->at;
  while (is_digit(byte_at(r, at)))
    at++;
  bool is_float = byte_at(r, at) == '.' || byte_at(r, at) == 'e';
  t->kind = is_float ? TC_TIR_FLOAT : TC_TIR_INT;
  if (!is_float) {
    scan_digits(r, t);
    return;
  }
  if (byte_at(r, at) == '.') at++;
  while (is_digit(byte_at(r, at)))
    at++;
  if (byte_at(r, at) == 'e') {
    at++;
    if (byte_at(r, at) == '-' || byte_at(r, at) == '+') at++;
    while (is_digit(byte_at(r, at)))
      at++;
  }
  r->at = at;
  t->text = (tc_str){r->text.at + first, at - first};
}

/* `%` begins a name when a name follows at once, else it is the operator. */
static void scan_percent(tc_reader *r, tc_tir_token *t) {
  char c = byte_at(r, ++r->at);
  if (is_digit(c)) {
    t->kind = TC_TIR_VALUE;
    scan_digits(r, t);
  } else if (starts_word(c) || c == '"') {
    t->kind = TC_TIR_VAR;
    t->text = c == '"' ? scan_string(r) : scan_word(r);
    scan_suffix(r, t);
  } else {
    t->kind = TC_TIR_PUNCT;
    t->text = TC_STR("%");
  }
}

static void scan_at(tc_reader *r, tc_tir_token *t) {
  char c = byte_at(r, ++r->at);
  t->kind = TC_TIR_AT;
  if (c == '"') {
    t->text = scan_string(r);
  } else if (starts_word(c)) {
    t->text = scan_word(r);
  } else {
    TC_FAIL(r, D_tir_character, tc_reader_span(r, r->at - 1, r->at), "@ is followed by no name");
  }
}

static void scan_punctuation(tc_reader *r, tc_tir_token *t) {
  t->kind = TC_TIR_PUNCT;
  for (size_t i = 0; i < TC_COUNT(PUNCTUATION); i++) {
    size_t n = strlen(PUNCTUATION[i]);
    if (r->at + n > r->text.n || memcmp(r->text.at + r->at, PUNCTUATION[i], n) != 0) continue;
    t->text = tc_str_of(PUNCTUATION[i]);
    r->at += (uint32_t)n;
    if (t->text.at[0] == '(' || t->text.at[0] == '[') r->brackets++;
    if ((t->text.at[0] == ')' || t->text.at[0] == ']') && r->brackets) r->brackets--;
    return;
  }
  TC_FAIL(r, D_tir_character, tc_reader_span(r, r->at, r->at + 1), "unexpected character");
}

static void skip_blanks(tc_reader *r) {
  for (;; r->at++) {
    char c = byte_at(r, r->at);
    if (c == '/' && byte_at(r, r->at + 1) == '/')
      while (r->at < r->text.n && byte_at(r, r->at) != '\n')
        r->at++;
    c = byte_at(r, r->at);
    bool blank = c == ' ' || c == '\t' || c == '\r' || (c == '\n' && r->brackets);
    if (!blank || r->at >= r->text.n) return;
  }
}

static tc_tir_token scan(tc_reader *r) {
  skip_blanks(r);
  tc_tir_token t = {.kind = TC_TIR_END, .start = r->at};
  char c = byte_at(r, r->at);
  if (r->failed || r->at >= r->text.n) return t;
  if (c == '\n') {
    t.kind = TC_TIR_NEWLINE;
    r->at++;
  } else if (starts_word(c)) {
    t.kind = TC_TIR_WORD;
    t.text = scan_word(r);
    scan_suffix(r, &t);
  } else if (c == '"') {
    t.kind = TC_TIR_STRING;
    t.text = scan_string(r);
    scan_suffix(r, &t);
  } else if (is_digit(c)) {
    scan_number(r, &t);
  } else if (c == '%') {
    scan_percent(r, &t);
  } else if (c == '@') {
    scan_at(r, &t);
  } else {
    scan_punctuation(r, &t);
  }
  t.size_b = r->at - t.start;
  return t;
}

void tc_reader_next(tc_reader *r) {
  if (r->failed) return;
  if (r->token.kind != TC_TIR_NEWLINE) r->last_end = r->token.start + r->token.size_b;
  r->token = r->ahead;
  tc_tir_token t = scan(r);
  if (!r->failed) r->ahead = t;
}

/* ---- small readers ---- */

static const char *describe(tc_reader *r) {
  const tc_tir_token *t = &r->token;
  if (t->kind == TC_TIR_END) return "the end of the text";
  if (t->kind == TC_TIR_NEWLINE) return "the end of the line";
  uint32_t n = t->size_b < 40 ? t->size_b : 40;
  return tc_format(r->ir->arena, "'%.*s'", (int)n, r->text.at + t->start);
}

void tc_reader_expected(tc_reader *r, const char *what) {
  if (!r->failed) TC_FAIL(r, D_tir_syntax, tc_reader_span_here(r), what, describe(r));
}

static bool token_is(const tc_tir_token *t, const char *text) {
  return (t->kind == TC_TIR_PUNCT || (t->kind == TC_TIR_WORD && !t->suffix))
         && tc_str_is(t->text, text);
}

bool tc_reader_is(const tc_reader *r, const char *text) {
  return token_is(&r->token, text);
}

bool tc_reader_ahead_is(const tc_reader *r, const char *text) {
  return token_is(&r->ahead, text);
}

bool tc_reader_take(tc_reader *r, const char *text) {
  if (!tc_reader_is(r, text)) return false;
  tc_reader_next(r);
  return true;
}

void tc_reader_want(tc_reader *r, const char *text) {
  if (!tc_reader_take(r, text)) tc_reader_expected(r, tc_format(r->ir->arena, "'%s'", text));
}

void tc_reader_want_line_end(tc_reader *r) {
  if (r->token.kind != TC_TIR_NEWLINE) {
    tc_reader_expected(r, "the end of the line");
    return;
  }
  while (r->token.kind == TC_TIR_NEWLINE)
    tc_reader_next(r);
}

int64_t tc_reader_int(tc_reader *r, const char *what) {
  bool negative = tc_reader_take(r, "-");
  if (r->token.kind != TC_TIR_INT) {
    tc_reader_expected(r, what);
    return 0;
  }
  uint64_t n = r->token.number;
  if (n > (uint64_t)INT64_MAX + negative)
    TC_FAIL(r, D_tir_range, tc_reader_span_here(r), "the number", "64 bits");
  tc_reader_next(r);
  return (int64_t)(negative ? 0 - n : n);
}

tc_name_key tc_reader_name(tc_reader *r, enum tc_tir_token_kind kind, const char *what,
                           tc_name *name) {
  bool quoted = kind == TC_TIR_WORD && r->token.kind == TC_TIR_STRING;
  if (r->token.kind != kind && !quoted) {
    tc_reader_expected(r, what);
    return 0;
  }
  tc_name found = tc_names_add(r->ir->names, r->token.text);
  tc_name_key key = (tc_name_key)found.id << 32 | r->token.suffix;
  if (name) *name = found;
  tc_reader_next(r);
  return key;
}
