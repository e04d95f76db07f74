/* The parser: golden pairs of tests/lang/parse (run with TILEC_BLESS=1 to write them anew), spans,
 * limits, recovery, the entry for one expression, and what happens when memory runs out. */
#include "lang/parse.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GOLDEN "tests/lang/parse/"
enum { MAX_PRINTED = 40 };

typedef struct tally {
  uint32_t n_passed, n_failed;
} tally;

static void check(tally *t, bool ok, const char *what, const char *text) {
  if (ok) {
    t->n_passed++;
  } else if (t->n_failed++ < MAX_PRINTED) {
    printf("lang_parse: %s: %.400s\n", what, text);
  }
}

/* One parse in a fresh arena. */
typedef struct bench {
  tc_unwind unwind;
  tc_arena arena;
  tc_parse_cx cx;
  const tc_ast *tree;
  int why; /* what unwound, or 0 */
} bench;

enum entry { MODULE, INDENTED, EXPRESSION };

static bench *parse_in(const char *name, const char *text, size_t n, enum entry entry,
                       size_t limit_b, uint32_t first_line) {
  bench *b = calloc(1, sizeof *b);
  if (!b) exit(1);
  tc_arena_init(&b->arena, &b->unwind, limit_b);
  b->why = setjmp(b->unwind.at);
  if (b->why) return b;
  b->cx.arena = &b->arena;
  b->cx.source = tc_source_new(&b->arena);
  b->cx.names = tc_names_new(&b->arena);
  b->cx.diags = tc_diags_new(&b->arena, b->cx.source);
  tc_source_add(b->cx.source, "other.py", TC_STR("unrelated text"), 1);
  uint32_t at = tc_source_add(b->cx.source, name, (tc_str){text, (uint32_t)n}, first_line);
  b->tree =
      entry == EXPRESSION
          ? tc_parse_expression(&b->cx, at)
          : tc_parse_module(&b->cx, at, entry == INDENTED ? TC_PARSE_INDENTED : TC_PARSE_WHOLE);
  return b;
}

static bench *parse(const char *text) {
  return parse_in("t.py", text, strlen(text), MODULE, 0, 1);
}

static void done(bench *b) {
  tc_arena_free(&b->arena);
  free(b);
}

/* The tree, or the reports. */
static tc_str shown(bench *b) {
  tc_sb out = tc_sb_in(&b->arena);
  if (b->tree) {
    tc_ast_print(b->tree, b->cx.names, &out);
  } else {
    tc_diags_render(b->cx.diags, TC_DIAG_TEXT, &out);
  }
  return tc_sb_str(&out);
}

static const char *code_of(const bench *b, uint32_t i) {
  return i < b->cx.diags->all.n ? tc_diag_row(b->cx.diags->all.at[i].id)->code : "none";
}

/* ---- golden pairs ---- */

static char *read_whole(const char *path, size_t *n) {
  FILE *file = fopen(path, "rb");
  if (!file) return NULL;
  size_t cap = 1 << 16;
  char *text = malloc(cap);
  *n = 0;
  while (text) {
    size_t got = fread(text + *n, 1, cap - *n, file);
    *n += got;
    if (!got) break;
    if (*n == cap) text = realloc(text, cap *= 2);
  }
  fclose(file);
  if (!text) exit(1);
  return text;
}

static void write_whole(const char *path, tc_str text) {
  FILE *file = fopen(path, "wb");
  if (!file || fwrite(text.at, 1, text.n, file) != text.n || fclose(file)) {
    printf("lang_parse: cannot write %s\n", path);
    exit(1);
  }
}

/* No expression is higher than promised. */
typedef struct measure {
  uint32_t height, tallest;
} measure;

static void climb(void *cx, const tc_ast *node) {
  measure *m = cx;
  uint32_t height = m->height;
  m->height = tc_ast_is_stmt(node) ? 0 : height + 1;
  if (m->height > m->tallest) m->tallest = m->height;
  tc_ast_each_child(node, climb, m);
  m->height = height;
}

static bool low_enough(const tc_ast *tree) {
  measure m = {0};
  climb(&m, tree);
  return m.tallest > 0 && m.tallest <= TC_AST_MAX_HEIGHT;
}

static void golden(tally *t, const char *name) {
  char path[512], wanted_path[512], stem[256];
  snprintf(stem, sizeof stem, "%.*s", (int)(strlen(name) - 3), name);
  snprintf(path, sizeof path, GOLDEN "%s", name);
  size_t n = 0, n_wanted = 0;
  char *text = read_whole(path, &n);
  if (!text) exit(1);
  bench *b = parse_in(name, text, n, MODULE, 0, 1);
  tc_str saw = shown(b);
  check(t, !b->tree == (b->cx.diags->n_errors > 0), "NULL means errors", name);
  snprintf(wanted_path, sizeof wanted_path, GOLDEN "%s.%s", stem, b->tree ? "ast" : "err");
  if (getenv("TILEC_BLESS")) write_whole(wanted_path, saw);
  char *wanted = read_whole(wanted_path, &n_wanted);
  bool same = wanted && n_wanted == saw.n && memcmp(wanted, saw.at, saw.n) == 0;
  check(t, same, wanted ? "differs from its golden" : "has no golden", wanted_path);
  if (!same) printf("%.*s\n", TC_ARG_STR(saw));
  const tc_diag_info *row = tc_diag_find(stem);
  if (row && row->code[1] == '0' && row->code[2] == '1')
    check(t, strcmp(code_of(b, 0), row->code) == 0, "does not show the mistake in its name", name);
  if (b->tree) check(t, low_enough(b->tree), "the tree is too high", name);
  free(text);
  free(wanted);
  done(b);
}

static void test_golden(tally *t) {
  DIR *folder = opendir(GOLDEN);
  uint32_t n = 0;
  if (!folder) {
    check(t, false, "run me in the root of the tree; no folder", GOLDEN);
    return;
  }
  for (struct dirent *entry; (entry = readdir(folder));) {
    size_t length = strlen(entry->d_name);
    if (length < 4 || strcmp(entry->d_name + length - 3, ".py") != 0) continue;
    golden(t, entry->d_name);
    n++;
  }
  closedir(folder);
  check(t, n >= 40, "golden pairs are missing", GOLDEN);
}

/* Every diagnostic of text and syntax has a golden named after it; where what is wrong may stand
 * and is only not evaluated, among those of evaluation. */
static void test_coverage(tally *t) {
  for (int id = 0; id < TC_DIAG_COUNT; id++) {
    const tc_diag_info *row = tc_diag_row((enum tc_diag_id)id);
    if (strncmp(row->code, "E01", 3) != 0) continue;
    char path[512], code[16];
    snprintf(path, sizeof path, GOLDEN "%s.err", row->name);
    if (access(path, F_OK) != 0) snprintf(path, sizeof path, GOLDEN "../eval/%s.err", row->name);
    snprintf(code, sizeof code, "[%s]", row->code);
    size_t n = 0;
    char *text = read_whole(path, &n);
    check(t, text && memmem(text, n, code, strlen(code)), "no golden shows", row->name);
    free(text);
  }
}

/* ---- one expression ---- */

static void test_expression(tally *t) {
  static const char *const CASES[][2] = {
      {"1", "1\n"},
      {" \n  -3 \n\n", "(unary - 3)\n"},
      {"(1, 2)", "(tuple [1 2])\n"},
      {"1, 2", "(tuple [1 2])\n"},
      {"{'a': [T.float16, None]}", "(dict [(pair \"a\" (list [(attribute T float16) none]))])\n"},
      {"1 # comment", "1\n"},
      {"lambda x: x", "(lambda [(param plain x - -)] x {x})\n"},
      {"", "E0117"},
      {"\n", "E0117"},
      {"1 2", "E0116"},
      {"1\n2", "E0116"},
      {"x = 1", "E0119"},
      {"(1", "E0114"},
      {"yield 1", "E0117"},
      {"pass", "E0117"},
      {"*a", "E0129"},
      {"'a", "E0104"},
  };
  for (size_t i = 0; i < TC_COUNT(CASES); i++) {
    bench *b = parse_in("-D", CASES[i][0], strlen(CASES[i][0]), EXPRESSION, 0, 1);
    const char *saw = b->tree ? shown(b).at : code_of(b, 0);
    check(t, strcmp(saw, CASES[i][1]) == 0, CASES[i][0], saw);
    done(b);
  }
}

static const tc_ast *value_of(const bench *b) {
  return b->tree ? b->tree->module.body->at[0]->expr_stmt.value : NULL;
}

static void test_numbers(tally *t) {
  static const struct {
    const char *text;
    uint64_t value;
    bool overflow;
  } INTS[] = {
      {"0", 0, false},
      {"1_000", 1000, false},
      {"0xFFFF_FFFF_FFFF_FFFF", UINT64_MAX, false},
      {"0x1_0000_0000_0000_0000", 0, true},
      {"18446744073709551615", UINT64_MAX, false},
      {"18446744073709551616", 0, true},
      {"99999999999999999999999999", 0, true},
      {"0b1010", 10, false},
      {"0o777", 511, false},
      {"0O1_7", 15, false},
      {"00_0", 0, false},
      {"184467440737095516150", 0, true},
  };
  static const struct {
    const char *text;
    double value;
  } FLOATS[] = {
      {"1.", 1.0},
      {".5", 0.5},
      {"1e3", 1000.0},
      {"1_0.2_5", 10.25},
      {"0.1", 0.1},
      {"1e400", INFINITY},
      {"1e-400", 0.0},
      {"4.9406564584124654e-324", 0x1p-1074},
      {"1e22", 1e22},
      {"123456789012345678901234567890.0", 123456789012345678901234567890.0},
      {"1e99999999999", INFINITY},
      {"0.000001e6", 1.0},
      {"0e99999999999", 0.0},
      {"2.2250738585072011e-308", 2.2250738585072011e-308},
      {"9007199254740993.0", 9007199254740992.0},
      {"1e-99999999999", 0.0},
  };
  for (size_t i = 0; i < TC_COUNT(INTS); i++) {
    bench *b = parse(INTS[i].text);
    const tc_ast *node = value_of(b);
    check(t,
          node && node->kind == TC_AST_INT && node->int_.value == INTS[i].value
              && node->int_.overflow == INTS[i].overflow
              && tc_str_is(node->int_.text, INTS[i].text),
          "int", INTS[i].text);
    done(b);
  }
  for (size_t i = 0; i < TC_COUNT(FLOATS); i++) {
    bench *b = parse(FLOATS[i].text);
    const tc_ast *node = value_of(b);
    check(t,
          node && node->kind == TC_AST_FLOAT && node->float_.value == FLOATS[i].value
              && tc_str_is(node->float_.text, FLOATS[i].text),
          "float", FLOATS[i].text);
    done(b);
  }
}

/* ---- spans ---- */

static bool covers(const bench *b, tc_span span, const char *wanted) {
  tc_place place;
  if (!tc_source_place(b->cx.source, span, &place)) return false;
  const char *at = place.line_text.at + place.column - 1;
  return strncmp(at, wanted, strlen(wanted)) == 0
         && (place.end_line > place.line
             || place.end_column - place.column == (uint32_t)strlen(wanted));
}

typedef struct search {
  const bench *b;
  enum tc_ast_kind kind;
  const char *text;
  bool found;
} search;

static void look(void *cx, const tc_ast *node) {
  search *s = cx;
  if (node->kind == s->kind && covers(s->b, node->span, s->text)) s->found = true;
  tc_ast_each_child(node, look, s);
}

static void test_spans(tally *t) {
  const char *text = "import a.b as c, d\n"
                     "@jit(x)\n"
                     "def f(a: int = 1, *b) -> T.x[0]:\n"
                     "  if a < b and not c: return (a, b)[1:2]\n"
                     "  for i, j in g(k=1, **m): pass\n"
                     "  with (h() as n): x.y = f'{q!r:>{w}} {z=}' 'tail'\n"
                     "  return [u for v in w if -x ** 2]\n"
                     "p = (1 +\n  2) * {'k': 3}\n";
  static const struct {
    enum tc_ast_kind kind;
    const char *text;
  } WANTED[] = {
      {TC_AST_IMPORT, "import a.b as c, d"},
      {TC_AST_ALIAS, "a.b as c"},
      {TC_AST_CALL, "jit(x)"},
      {TC_AST_DEF, "def f(a: int = 1, *b) -> T.x[0]:"},
      {TC_AST_PARAM, "a: int = 1"},
      {TC_AST_PARAM, "*b"},
      {TC_AST_SUBSCRIPT, "T.x[0]"},
      {TC_AST_IF, "if a < b and not c:"},
      {TC_AST_BRANCH, "if a < b and not c:"},
      {TC_AST_BOOLEAN, "a < b and not c"},
      {TC_AST_COMPARE, "a < b"},
      {TC_AST_UNARY, "not c"},
      {TC_AST_RETURN, "return (a, b)[1:2]"},
      {TC_AST_TUPLE, "(a, b)"},
      {TC_AST_SLICE, "1:2"},
      {TC_AST_FOR, "for i, j in g(k=1, **m):"},
      {TC_AST_TUPLE, "i, j"},
      {TC_AST_KEYWORD, "k=1"},
      {TC_AST_KEYWORD, "**m"},
      {TC_AST_PASS, "pass"},
      {TC_AST_WITH, "with (h() as n):"},
      {TC_AST_WITH_ITEM, "h() as n"},
      {TC_AST_ATTRIBUTE, "x.y"},
      {TC_AST_FSTRING, "f'{q!r:>{w}} {z=}' 'tail'"},
      {TC_AST_FIELD, "{q!r:>{w}}"},
      {TC_AST_FIELD, "{w}"},
      {TC_AST_FIELD, "{z=}"},
      {TC_AST_NAME, "q"},
      {TC_AST_NAME, "w"},
      {TC_AST_NAME, "z"},
      {TC_AST_LIST_COMP, "[u for v in w if -x ** 2]"},
      {TC_AST_COMP_FOR, "for v in w if -x ** 2"},
      {TC_AST_UNARY, "-x ** 2"},
      {TC_AST_BINARY, "x ** 2"},
      {TC_AST_BINARY, "(1 +\n  2) * {'k': 3}"},
      {TC_AST_PAIR, "'k': 3"},
  };
  bench *b = parse(text);
  check(t, b->tree != NULL, "spans parse", text);
  for (size_t i = 0; b->tree && i < TC_COUNT(WANTED); i++) {
    search s = {b, WANTED[i].kind, WANTED[i].text, false};
    look(&s, b->tree);
    check(t, s.found, "span", WANTED[i].text);
  }
  const tc_ast *def = b->tree ? b->tree->module.body->at[1] : NULL;
  check(t, def && covers(b, def->def.name_span, "f"), "name span", "def f");
  done(b);
}

/* ---- limits ---- */

/* `before` n times, `middle`, `after` n times. */
static char *repeated(const char *before, const char *middle, const char *after, uint32_t n) {
  size_t size = n * (strlen(before) + strlen(after)) + strlen(middle) + 8;
  char *text = malloc(size), *at = text;
  if (!text) exit(1);
  at += sprintf(at, "x = ");
  for (uint32_t i = 0; i < n; i++)
    at = stpcpy(at, before);
  at = stpcpy(at, middle);
  for (uint32_t i = 0; i < n; i++)
    at = stpcpy(at, after);
  return text;
}

static void limit(tally *t, const char *before, const char *middle, const char *after, uint32_t n,
                  const char *code) {
  char *text = repeated(before, middle, after, n);
  bench *b = parse(text);
  char what[128];
  snprintf(what, sizeof what, "%u times %s..%s: %s, wanted", n, before, after, code_of(b, 0));
  check(t, strcmp(code_of(b, 0), code) == 0, what, code);
  if (b->tree) check(t, low_enough(b->tree), "the tree is too high", what);
  done(b);
  free(text);
}

static void test_limits(tally *t) {
  static const struct {
    const char *before, *middle, *after;
    uint32_t fits, breaks; /* 0: never */
  } CASES[] = {
      {"(", "1", ")", 199, 201},
      {"[", "", "]", 199, 201},
      {"{", "1", "}", 199, 201},
      {"f(", "", ")", 199, 201},
      {"-", "1", "", 199, 201},
      {"not ", "1", "", 199, 201},
      {"lambda: ", "1", "", 199, 201},
      {"a if b else ", "c", "", 199, 201},
      {"a ** ", "b", "", 199, 201},
      {"a[", "b", "]", 199, 201},
      {"[c for c in ", "b", "]", 199, 201},
      {"", "a", ".b", 499, 501},
      {"", "a", "()", 499, 501},
      {"", "a", "[0]", 499, 501},
      {"", "a", " + a", 499, 501},
      {"", "a", " @ a", 499, 501},
      {"", "a", " and a", 100000, 0},
      {"", "a", " < a", 100000, 0},
      {"", "a", ", a", 100000, 0},
      {"a = ", "a", "", 100000, 0},
      {"'a' ", "'b'", "", 100000, 0},
      {"f'{a}' ", "'b'", "", 50000, 0},
      {"", "a", "; a", 100000, 0},
      {"", "a", "\na", 100000, 0},
      {"(", "a", "", 1000000, 1000000},
      {"(-", "a", ")", 99, 101},
  };
  for (size_t i = 0; i < TC_COUNT(CASES); i++) {
    if (CASES[i].fits != CASES[i].breaks)
      limit(t, CASES[i].before, CASES[i].middle, CASES[i].after, CASES[i].fits, "none");
    if (CASES[i].breaks)
      limit(t, CASES[i].before, CASES[i].middle, CASES[i].after, CASES[i].breaks, "E0113");
  }
}

/* ---- recovery ---- */

static void test_recovery(tally *t) {
  const char *text = "x = 1 +\n"
                     "def f(:\n"
                     "    return 1\n"
                     "y = foo(a b)\n"
                     "if z\n"
                     "    w = [1, 2\n"
                     "    v = 3 3\n"
                     "class A\n"
                     "    def g(self):\n"
                     "        return = 1\n"
                     "    pass\n"
                     "dfe h():\n"
                     "    return 2\n"
                     "q = )\n"
                     "for i in range(3): print(i) i\n"
                     "r = f(a b, [\n"
                     "s = = 1\n";
  static const uint32_t LINES[] = {1, 2, 4, 5, 6, 7, 8, 10, 12, 14, 15, 16, 17};
  bench *b = parse(text);
  const tc_diags *diags = b->cx.diags;
  check(t, !b->tree, "no tree", text);
  check(t, diags->all.n == TC_COUNT(LINES), "one report for each mistake", shown(b).at);
  for (uint32_t i = 0; i < diags->all.n && i < TC_COUNT(LINES); i++) {
    tc_place place;
    bool known = tc_source_place(b->cx.source, diags->all.at[i].span, &place);
    check(t, known && place.line == LINES[i], "line of the report", diags->all.at[i].text);
  }
  done(b);
}

static void test_many_errors(tally *t) {
  size_t n = 0;
  char *text = malloc(200 * 16);
  if (!text) exit(1);
  for (int i = 0; i < 200; i++)
    n += (size_t)sprintf(text + n, "x = %d 2 $\n", i);
  bench *b = parse(text);
  check(t, b->cx.diags->all.n == TC_DIAG_LIMIT && !b->tree, "reports are limited", "");
  /* A second file of a session that has had its errors still fails. */
  uint32_t at = tc_source_add(b->cx.source, "more.py", TC_STR("y = = 1\n"), 1);
  check(t, tc_parse_module(&b->cx, at, TC_PARSE_WHOLE) == NULL, "errors beyond the limit count",
        "");
  at = tc_source_add(b->cx.source, "good.py", TC_STR("y = 1\n"), 1);
  check(t, tc_parse_module(&b->cx, at, TC_PARSE_WHOLE) != NULL, "errors of other files do not", "");
  done(b);
  free(text);
}

/* ---- text cut out of a file ---- */

static void test_indented(tally *t) {
  const char *text =
      "    @jit\n    def f(x):\n        s = '''\n  text'''\n        return x\n    # end\n";
  bench *b = parse_in("t.py", text, strlen(text), INDENTED, 0, 41);
  check(t, b->tree != NULL, "indented text", shown(b).at);
  tc_place place = {0};
  if (b->tree) tc_source_place(b->cx.source, b->tree->module.body->at[0]->span, &place);
  check(t, place.line == 42 && place.column == 5, "its place in the file", text);
  done(b);
  b = parse(text);
  check(t, strcmp(code_of(b, 0), "E0111") == 0, "indented text as a file", shown(b).at);
  done(b);
  text = "    x = 1\n  y = 2\n";
  b = parse_in("t.py", text, strlen(text), INDENTED, 0, 1);
  check(t, strcmp(code_of(b, 0), "E0110") == 0, "left of the margin", shown(b).at);
  done(b);
}

/* ---- memory ---- */

static void test_memory(tally *t) {
  size_t n = 0;
  char *text = read_whole(GOLDEN "kernel.py", &n);
  if (!text) {
    check(t, false, "cannot read", GOLDEN "kernel.py");
    return;
  }
  size_t big = 400 * n;
  char *many = malloc(big);
  if (!many) exit(1);
  for (int i = 0; i < 400; i++)
    memcpy(many + (size_t)i * n, text, n);
  uint32_t n_unwound = 0, n_parsed = 0;
  for (size_t limit_b = 64 * 1024; limit_b < (size_t)64 << 20; limit_b += limit_b / 3) {
    bench *b = parse_in("t.py", many, big, MODULE, limit_b, 1);
    check(t, b->why == TC_WHY_MEMORY || (!b->why && b->tree), "unwinds or parses", "");
    n_unwound += b->why != 0;
    n_parsed += b->why == 0;
    done(b);
  }
  check(t, n_unwound > 3 && n_parsed > 0, "both were seen", "");
  free(text);
  free(many);
}

int main(void) {
  tally t = {0};
  test_golden(&t);
  test_coverage(&t);
  test_expression(&t);
  test_numbers(&t);
  test_spans(&t);
  test_limits(&t);
  test_recovery(&t);
  test_many_errors(&t);
  test_indented(&t);
  test_memory(&t);
  printf("%u passed, %u failed\n", t.n_passed, t.n_failed);
  return t.n_failed != 0;
}
