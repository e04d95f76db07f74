/* The lexer: every row of tokens.def, layout, the spelling of numbers and UTF-8 against independent
 * judges, and the promise that tokens are ordered pieces of the text with only blanks between. */
#include "lang/ast.h"
#include "lang/lex.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PRINTED = 40 };

typedef struct tally {
  uint32_t n_passed, n_failed;
} tally;

/* One text in a fresh arena. */
typedef struct bench {
  tc_unwind unwind;
  tc_arena arena;
  tc_source *source;
  tc_diags *diags;
  tc_lexer lex;
} bench;

static void open_text(bench *b, const char *text, size_t n, bool indented) {
  tc_arena_init(&b->arena, &b->unwind, 0);
  if (setjmp(b->unwind.at)) {
    printf("lang_lex: unwound\n");
    exit(1);
  }
  b->source = tc_source_new(&b->arena);
  b->diags = tc_diags_new(&b->arena, b->source);
  uint32_t at = tc_source_add(b->source, "t.py", (tc_str){text, (uint32_t)n}, 1);
  b->lex = tc_lex_open(&b->arena, b->source, b->diags, at, indented);
}

static void close_text(bench *b) {
  tc_arena_free(&b->arena);
}

static void check(tally *t, bool ok, const char *what, const char *text) {
  if (ok) {
    t->n_passed++;
  } else if (t->n_failed++ < MAX_PRINTED) {
    printf("lang_lex: %s: %.200s\n", what, text);
  }
}

static const char *code_of(const bench *b, uint32_t i) {
  return i < b->diags->all.n ? tc_diag_row(b->diags->all.at[i].id)->code : "none";
}

/* ---- kinds ---- */

static const char *const KIND_NAMES[] = {
#define CLASS(kind, text)           #kind,
#define KEYWORD(kind, text, begins) #kind,
#define PUNCT(kind, text)           #kind,
#include "lang/tokens.def"
};

static void test_rows(tally *t) {
  static const struct {
    enum tc_token_kind kind;
    const char *text;
    bool keyword;
  } ROWS[] = {
#define CLASS(kind, text)
#define KEYWORD(kind, text, begins) {TC_TOKEN_##kind, text, true},
#define PUNCT(kind, text)           {TC_TOKEN_##kind, text, false},
#include "lang/tokens.def"
  };
  for (size_t i = 0; i < TC_COUNT(ROWS); i++) {
    if (ROWS[i].kind == TC_TOKEN_BANG) continue; /* only in fields */
    char shown[32];
    snprintf(shown, sizeof shown, "'%s'", ROWS[i].text);
    bench b;
    open_text(&b, ROWS[i].text, strlen(ROWS[i].text), false);
    tc_token token = tc_lex_next(&b.lex);
    bool closer = strchr(")]}", ROWS[i].text[0]) != NULL;
    check(t, closer ? token.kind == TC_TOKEN_BAD : token.kind == ROWS[i].kind, "kind", shown);
    check(t, token.at == 0 && token.end == strlen(ROWS[i].text), "extent", shown);
    check(t, strcmp(tc_token_text(ROWS[i].kind), shown) == 0, "text", shown);
    check(t, tc_token_is_keyword(ROWS[i].kind) == ROWS[i].keyword, "keyword", shown);
    close_text(&b);
    if (!ROWS[i].keyword) continue;
    snprintf(shown, sizeof shown, "%s_", ROWS[i].text);
    open_text(&b, shown, strlen(shown), false);
    check(t, tc_lex_next(&b.lex).kind == TC_TOKEN_NAME, "longer than a keyword", shown);
    close_text(&b);
  }
}

/* The kinds of all tokens, with blanks between. */
static void kinds_of(bench *b, char *out, size_t size) {
  size_t n = 0;
  out[0] = 0;
  for (;;) {
    tc_token token = tc_lex_next(&b->lex);
    n += (size_t)snprintf(out + n, n < size ? size - n : 0, "%s%s", n ? " " : "",
                          KIND_NAMES[token.kind]);
    if (token.kind == TC_TOKEN_END || n + 32 > size) return;
  }
}

static void expect_kinds(tally *t, const char *text, const char *wanted, const char *code) {
  bench b;
  char saw[512];
  open_text(&b, text, strlen(text), false);
  kinds_of(&b, saw, sizeof saw);
  check(t, strcmp(saw, wanted) == 0, text, saw);
  check(t, strcmp(code_of(&b, 0), code) == 0, text, code_of(&b, 0));
  check(t, tc_lex_errors(&b.lex) == b.diags->all.n, "errors are counted", text);
  check(t, tc_lex_next(&b.lex).kind == TC_TOKEN_END, "the end repeats", text);
  close_text(&b);
}

static void test_layout(tally *t) {
  static const char *const OK[][2] = {
      {"", "END"},
      {"\n\n  # c\n\t\n", "END"},
      {"x", "NAME NEWLINE END"},
      {"x\n", "NAME NEWLINE END"},
      {"x\r\n\r\ny\r", "NAME NEWLINE NAME NEWLINE END"},
      {"\xEF\xBB\xBFx", "NAME NEWLINE END"},
      {"if a:\n  b\n  c\nd",
       "IF NAME COLON NEWLINE INDENT NAME NEWLINE NAME NEWLINE DEDENT NAME NEWLINE END"},
      {"a\n b\n  c", "NAME NEWLINE INDENT NAME NEWLINE INDENT NAME NEWLINE DEDENT DEDENT END"},
      {"a\n b\n  c\n\n # x\nd",
       "NAME NEWLINE INDENT NAME NEWLINE INDENT NAME NEWLINE DEDENT DEDENT NAME NEWLINE END"},
      {"(\n a\n)", "LPAREN NAME RPAREN NEWLINE END"},
      {"[ # c\n\n{\n1}\n]", "LBRACKET LBRACE INT RBRACE RBRACKET NEWLINE END"},
      {"a \\\n  b", "NAME NAME NEWLINE END"},
      {"a \\\r\n  b", "NAME NAME NEWLINE END"},
      {"a\n\f  b", "NAME NEWLINE INDENT NAME NEWLINE DEDENT END"},
      {"a;b", "NAME SEMICOLON NAME NEWLINE END"},
      {"a # comment", "NAME NEWLINE END"},
      {"'''a\nb''' c", "STRING NAME NEWLINE END"},
      {"'a\\\nb' c", "STRING NAME NEWLINE END"},
      {"a.b...c....d", "NAME DOT NAME ELLIPSIS NAME ELLIPSIS DOT NAME NEWLINE END"},
      {"a<<=b>>c**=d",
       "NAME SHIFTLEFT_ASSIGN NAME SHIFTRIGHT NAME STARSTAR_ASSIGN NAME NEWLINE END"},
      {"a:=b->c!=d", "NAME WALRUS NAME ARROW NAME NOT_EQUAL NAME NEWLINE END"},
      {"rb'' BR\"\" f'' Rf'' u'' b'' fr''",
       "STRING STRING STRING STRING STRING STRING STRING NEWLINE END"},
      {"1j 0j 09J 1_0.5e3j", "IMAGINARY IMAGINARY IMAGINARY IMAGINARY NEWLINE END"},
      {"f'{'a'}' f'{f'{'a'}'}' t'{a['b']:{'c'}}' tr''", "STRING STRING STRING STRING NEWLINE END"},
      {"f'{\na # \'}\n}' b", "STRING NAME NEWLINE END"},
      {"f'{a' b", "STRING NAME NEWLINE END"},
      {"bu'' ", "NAME STRING NEWLINE END"},
      {"ur'' ff'' bb'' fb'' uf''",
       "NAME STRING NAME STRING NAME STRING NAME STRING NAME STRING NEWLINE END"},
  };
  for (size_t i = 0; i < TC_COUNT(OK); i++)
    expect_kinds(t, OK[i][0], OK[i][1], "none");
}

static void test_mistakes(tally *t) {
  static const char *const BAD[][3] = {
      {"a$", "NAME BAD NEWLINE END", "E0103"},
      {"\x01", "BAD NEWLINE END", "E0103"},
      {"a\xC2\xA0", "BAD NEWLINE END", "E0103"},
      {"'a\nb", "BAD NEWLINE NAME NEWLINE END", "E0104"},
      {"'a\\", "BAD NEWLINE END", "E0104"},
      {"\"\"\"a\nb\"\"", "BAD NEWLINE END", "E0104"},
      {"a\n\tb\n        c", "NAME NEWLINE INDENT NAME NEWLINE NAME NEWLINE DEDENT END", "E0109"},
      {"a\n        b\n\t\tc",
       "NAME NEWLINE INDENT NAME NEWLINE INDENT NAME NEWLINE DEDENT DEDENT END", "E0109"},
      {"a\n  b\n c", "NAME NEWLINE INDENT NAME NEWLINE DEDENT NAME NEWLINE END", "E0110"},
      {"(a", "LPAREN NAME BAD NEWLINE END", "E0114"},
      {"(a\ndef f", "LPAREN NAME BAD NEWLINE DEF NAME NEWLINE END", "E0114"},
      {"(a\n  return", "LPAREN NAME BAD NEWLINE INDENT RETURN NEWLINE DEDENT END", "E0114"},
      {"(a return\nb)", "LPAREN NAME RETURN NAME RPAREN NEWLINE END", "none"},
      {")a", "BAD NAME NEWLINE END", "E0115"},
      {"(]a", "LPAREN BAD NAME NEWLINE END", "E0115"},
      {"a \\ b", "NAME BAD NAME NEWLINE END", "E0128"},
      {"a \\", "NAME BAD NEWLINE END", "E0128"},
  };
  for (size_t i = 0; i < TC_COUNT(BAD); i++)
    expect_kinds(t, BAD[i][0], BAD[i][1], BAD[i][2]);
}

/* ---- numbers: all short texts against the grammar of the language reference, 2.4.5 and 2.4.6 ----
 */

static bool in(char c, const char *set) {
  return c && strchr(set, c);
}

/* digits (_? digits)*, at least one; returns the end or NULL. */
static const char *digits(const char *s, const char *set) {
  if (!in(*s, set)) return NULL;
  for (;;) {
    if (in(s[1], set)) {
      s++;
    } else if (s[1] == '_' && in(s[2], set)) {
      s += 2;
    } else {
      return s + 1;
    }
  }
}

static bool is_integer(const char *s) {
  static const char *const SETS[] = {"01", "01234567", "0123456789abcdefABCDEF"};
  for (int i = 0; i < 3; i++) {
    if (s[0] == '0' && in(s[1], i == 0 ? "bB" : i == 1 ? "oO" : "xX")) {
      const char *end = digits(s + 2 + (s[2] == '_'), SETS[i]);
      return end && !*end;
    }
  }
  const char *end = digits(s, "0123456789");
  if (!end || *end) return false;
  return s[0] != '0' || strspn(s, "0_") == strlen(s);
}

static bool is_float(const char *s) {
  const char *whole = digits(s, "0123456789"), *at = whole ? whole : s;
  bool point = *at == '.';
  if (point) {
    const char *fraction = digits(at + 1, "0123456789");
    if (!whole && !fraction) return false;
    at = fraction ? fraction : at + 1;
  } else if (!whole) {
    return false;
  }
  if (!in(*at, "eE")) return point && !*at;
  at++;
  if (in(*at, "+-")) at++;
  const char *end = digits(at, "0123456789");
  return end && !*end;
}

/* The text as the only token of its line: INT, FLOAT, or anything else. */
static enum tc_token_kind lexed_alone(const char *text) {
  bench b;
  open_text(&b, text, strlen(text), false);
  tc_token token = tc_lex_next(&b.lex);
  bool alone = token.end == strlen(text) && tc_lex_next(&b.lex).kind == TC_TOKEN_NEWLINE;
  close_text(&b);
  return alone ? token.kind : TC_TOKEN_BAD;
}

static void test_numbers(tally *t) {
  static const char ALPHABET[] = "017_.eE+xbog";
  enum { LETTERS = sizeof ALPHABET - 1, LENGTH = 5 };
  uint32_t n = 1;
  for (int i = 0; i < LENGTH; i++)
    n *= LETTERS;
  for (uint32_t i = 0; i < n; i++) {
    char text[LENGTH + 1] = "";
    uint32_t rest = i;
    for (int k = 0; k < LENGTH; k++, rest /= LETTERS)
      text[k] = ALPHABET[rest % LETTERS];
    if (!in(text[0], "017.")) continue;
    for (int k = LENGTH; k > 0; text[--k] = 0) { /* the text and its prefixes */
      if (k < LENGTH && i >= n / LETTERS) break;
      enum tc_token_kind saw = lexed_alone(text);
      check(t, (saw == TC_TOKEN_INT) == is_integer(text), "integer", text);
      check(t, (saw == TC_TOKEN_FLOAT) == is_float(text), "float", text);
    }
  }
}

/* ---- UTF-8: against a decoder that works on code points ---- */

static bool well_formed(const unsigned char *s, size_t n) {
  static const uint32_t LEAST[] = {0, 0, 0x80, 0x800, 0x10000};
  for (size_t i = 0; i < n;) {
    size_t size = s[i] < 0x80       ? 1
                  : s[i] >> 5 == 6  ? 2
                  : s[i] >> 4 == 14 ? 3
                  : s[i] >> 3 == 30 ? 4
                                    : 0;
    if (!size || i + size > n) return false;
    uint32_t code = size == 1 ? s[i] : s[i] & (0x7Fu >> size);
    for (size_t k = 1; k < size; k++) {
      if (s[i + k] >> 6 != 2) return false;
      code = code << 6 | (s[i + k] & 0x3Fu);
    }
    if (code < LEAST[size] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return false;
    i += size;
  }
  return true;
}

static void test_utf8(tally *t) {
  static const unsigned char EDGES[] = {0x01, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF,
                                        0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE,
                                        0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xF8, 0xFF};
  enum { N = sizeof EDGES };
  for (uint32_t i = 0; i < N * N * N * N; i++) {
    /* In a comment, and far enough in that the eight-byte path runs first. */
    char text[] = "#2345678????";
    for (uint32_t k = 0, rest = i; k < 4; k++, rest /= N)
      text[8 + k] = (char)EDGES[rest % N];
    bench b;
    open_text(&b, text, 12, false);
    bool ok = well_formed((const unsigned char *)text, 12);
    check(t, (b.diags->n_errors == 0) == ok, "UTF-8", text);
    close_text(&b);
  }
  for (size_t at = 0; at < 20; at++) {
    char text[] = "# a comment of 20 bytes";
    text[at] = 0;
    bench b;
    open_text(&b, text, sizeof text - 1, false);
    check(t, strcmp(code_of(&b, 0), "E0102") == 0, "NUL", text);
    check(t, tc_lex_next(&b.lex).kind == TC_TOKEN_END, "reads as empty", text);
    close_text(&b);
  }
}

/* ---- the interface ---- */

/* Tokens of random soup are ordered and leave out only blanks, comments and joined line ends. */
static void test_extents(tally *t) {
  static const char *const PIECES[] = {"a",   "if",  "(",   ")",    "[",      "]",  "{",  "}",
                                       "'s'", "\"",  "'''", "1",    "1.",     "#",  "\n", "\r\n",
                                       " ",   "  ",  "\t",  "\\\n", "\\",     "+=", ":",  "$",
                                       "é",   "def", "0x",  "1j",   "f'{a}'", "\f"};
  uint32_t seed = 12345;
  for (int round = 0; round < 20000; round++) {
    char text[256] = "";
    for (int k = 0; k < 24; k++) {
      seed = seed * 1664525u + 1013904223u;
      strcat(text, PIECES[(seed >> 16) % TC_COUNT(PIECES)]);
    }
    bench b;
    open_text(&b, text, strlen(text), false);
    uint32_t end = 0, n_tokens = 0;
    int depth = 0;
    bool ordered = true;
    for (tc_token k = tc_lex_next(&b.lex); k.kind != TC_TOKEN_END && n_tokens < 1000;
         k = tc_lex_next(&b.lex), n_tokens++) {
      depth += (k.kind == TC_TOKEN_INDENT) - (k.kind == TC_TOKEN_DEDENT);
      ordered = ordered && k.at <= k.end && k.end <= strlen(text) && depth >= 0;
      if (k.at > end && !memchr(text + end, '#', k.at - end))
        ordered = ordered && strspn(text + end, " \t\f\r\n\\") >= k.at - end;
      ordered = ordered && (k.at >= end || k.kind == TC_TOKEN_BAD || tc_lex_errors(&b.lex));
      end = k.end > end ? k.end : end;
    }
    check(t, ordered && depth == 0 && n_tokens < 1000, "extents", text);
    close_text(&b);
  }
}

static void test_copies(tally *t) {
  const char *text = "with (a,\nb): x\nif y:\n  z $\n";
  bench b;
  char whole[256], after[256];
  open_text(&b, text, strlen(text), false);
  kinds_of(&b, whole, sizeof whole);
  close_text(&b);
  open_text(&b, text, strlen(text), false);
  tc_lexer ahead = b.lex;
  ahead.quiet = true;
  while (tc_lex_next(&ahead).kind != TC_TOKEN_END)
    continue;
  check(t, tc_lex_errors(&b.lex) == 0 && b.diags->all.n == 0, "a quiet copy reports nothing", text);
  kinds_of(&b, after, sizeof after);
  check(t, strcmp(whole, after) == 0, "a copy leaves the original alone", after);
  check(t, tc_lex_errors(&b.lex) == 1, "the original reports", text);
  close_text(&b);
}

static void test_field(tally *t) {
  const char *text = "f'{ a !r:>{w}}' (b";
  bench b;
  uint32_t at;
  open_text(&b, text, strlen(text), false);
  check(t, tc_lex_next(&b.lex).kind == TC_TOKEN_STRING, "f-string", text);
  tc_lexer field = tc_lex_field(&b.lex, 3, 14);
  static const enum tc_token_kind WANTED[] = {
      TC_TOKEN_NAME,   TC_TOKEN_BANG, TC_TOKEN_NAME,   TC_TOKEN_COLON,  TC_TOKEN_GREATER,
      TC_TOKEN_LBRACE, TC_TOKEN_NAME, TC_TOKEN_RBRACE, TC_TOKEN_RBRACE, TC_TOKEN_END};
  for (size_t i = 0; i < TC_COUNT(WANTED); i++)
    check(t, tc_lex_next(&field).kind == WANTED[i], "field", KIND_NAMES[WANTED[i]]);
  check(t, tc_lex_next(&b.lex).kind == TC_TOKEN_LPAREN, "after the field", text);
  check(t, tc_lex_opener(&b.lex, 99, &at) && at == 16, "opener", text);
  check(t, !tc_lex_opener(&b.lex, 16, &at), "no opener before it", text);
  tc_lex_stop(&b.lex);
  check(t, tc_lex_next(&b.lex).kind == TC_TOKEN_NEWLINE, "stop ends the line", text);
  check(t, tc_lex_next(&b.lex).kind == TC_TOKEN_END, "stop", text);
  close_text(&b);
}

static void test_restart(tally *t) {
  const char *text = "if x:\n  f(a,\n  b = 3\nc\n";
  bench b;
  uint32_t first;
  char rest[256];
  open_text(&b, text, strlen(text), false);
  tc_token token = tc_lex_next(&b.lex);
  while (token.at < 15)
    token = tc_lex_next(&b.lex);
  check(t, tc_lex_at_margin(&b.lex, 17, &first) && first == 15, "margin", text);
  check(t, !tc_lex_at_margin(&b.lex, 10, &first) == false, "the statement itself", text);
  tc_lex_restart(&b.lex, 15);
  kinds_of(&b, rest, sizeof rest);
  check(t, strcmp(rest, "NEWLINE NAME ASSIGN INT NEWLINE DEDENT NAME NEWLINE END") == 0, "restart",
        rest);
  close_text(&b);
  text = "\n    a\n    b\n      c\n";
  open_text(&b, text, strlen(text), true);
  kinds_of(&b, rest, sizeof rest);
  check(t, strcmp(rest, "NAME NEWLINE NAME NEWLINE INDENT NAME NEWLINE DEDENT END") == 0,
        "indented text", rest);
  close_text(&b);
}

static void test_limits(tally *t) {
  bench b;
  char *text = malloc(1 << 16);
  if (!text) exit(1);
  for (uint32_t n = TC_AST_MAX_NESTING; n <= TC_AST_MAX_NESTING + 1; n++) {
    memset(text, '[', n);
    memset(text + n, ']', n);
    open_text(&b, text, 2 * n, false);
    while (tc_lex_next(&b.lex).kind != TC_TOKEN_END)
      continue;
    check(t, strcmp(code_of(&b, 0), n > TC_AST_MAX_NESTING ? "E0113" : "none") == 0, "brackets",
          code_of(&b, 0));
    close_text(&b);
  }
  for (uint32_t n = TC_AST_MAX_BLOCKS; n <= TC_AST_MAX_BLOCKS + 1; n++) {
    size_t at = 0;
    for (uint32_t i = 0; i <= n; i++) {
      memset(text + at, ' ', i);
      at += i;
      text[at++] = 'x';
      text[at++] = '\n';
    }
    open_text(&b, text, at, false);
    int depth = 0;
    for (tc_token k = tc_lex_next(&b.lex); k.kind != TC_TOKEN_END; k = tc_lex_next(&b.lex))
      depth += (k.kind == TC_TOKEN_INDENT) - (k.kind == TC_TOKEN_DEDENT);
    check(t, depth == 0, "indents and dedents pair", "");
    check(t, strcmp(code_of(&b, 0), n > TC_AST_MAX_BLOCKS ? "E0113" : "none") == 0, "blocks",
          code_of(&b, 0));
    close_text(&b);
  }
  memset(text, '$', 1 << 16);
  open_text(&b, text, 1 << 16, false);
  uint32_t n_tokens = 0;
  while (tc_lex_next(&b.lex).kind != TC_TOKEN_END)
    n_tokens++;
  check(t, b.diags->n_errors <= TC_DIAG_LIMIT && n_tokens <= TC_DIAG_LIMIT + 2,
        "the lexer stops after the last report that is shown", "");
  close_text(&b);
  free(text);
}

int main(void) {
  tally t = {0};
  test_rows(&t);
  test_layout(&t);
  test_mistakes(&t);
  test_numbers(&t);
  test_utf8(&t);
  test_extents(&t);
  test_copies(&t);
  test_field(&t);
  test_restart(&t);
  test_limits(&t);
  printf("%u passed, %u failed\n", t.n_passed, t.n_failed);
  return t.n_failed != 0;
}
