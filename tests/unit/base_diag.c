/* Diagnostics: what notes belong to, and that any text, however long or broken, prints as text. */
#include "base/diag.h"

#include "check_kit.h"

#include <stdlib.h>

typedef struct kit {
  tc_unwind unwind;
  tc_arena arena;
  tc_source *source;
  tc_diags *diags;
} kit;

typedef void test_case(kit *k);

static void run_case(test_case *fn) {
  kit *k = calloc(1, sizeof *k);
  if (!k) abort();
  tc_arena_init(&k->arena, &k->unwind, 0);
  int why = setjmp(k->unwind.at);
  CHECK(why == 0);
  if (why == 0) {
    k->source = tc_source_new(&k->arena);
    k->diags = tc_diags_new(&k->arena, k->source);
    fn(k);
  }
  tc_arena_free(&k->arena);
  free(k);
}

static tc_span place(kit *k, const char *text, uint32_t at, uint32_t size_b) {
  return tc_source_span(k->source, tc_source_add(k->source, "f.py", tc_str_of(text), 1) + at,
                        size_b);
}

static const char *rendered(kit *k, enum tc_diag_format format) {
  tc_sb out = tc_sb_in(&k->arena);
  tc_diags_render(k->diags, format, &out);
  return out.at ? out.at : "";
}

static tc_str repeated(kit *k, const char *text, uint32_t n) {
  tc_sb sb = tc_sb_in(&k->arena);
  for (uint32_t i = 0; i < n; i++)
    tc_sb_adds(&sb, text);
  return tc_sb_str(&sb);
}

static void notes_of_a_dropped_report(kit *k) {
  tc_span first = place(k, "one\n", 0, 3), second = place(k, "two\n", 0, 3);
  CHECK(TC_DIAG(k->diags, D_undefined_name, first, "one"));
  tc_diag_note(k->diags, second, "kept");
  CHECK(TC_DIAG(k->diags, D_undefined_name, second, "two"));
  CHECK(!TC_DIAG(k->diags, D_undefined_name, first, "one")); /* said before */
  tc_diag_note(k->diags, first, "dropped");
  tc_diag_help(k->diags, "dropped");
  CHECK(k->diags->all.n == 2);
  CHECK(k->diags->all.at[0].notes.n == 1);
  CHECK(k->diags->all.at[1].notes.n == 0);
  CHECK(!k->diags->all.at[1].help);
  CHECK(TC_DIAG(k->diags, D_undefined_name, second, "three"));
  tc_diag_help(k->diags, "kept");
  CHECK(k->diags->all.at[2].help != NULL);
}

static void notes_past_the_limit(kit *k) {
  for (uint32_t i = 0; i < TC_DIAG_LIMIT + 1; i++) {
    tc_span at = place(k, "x\n", 0, 1);
    CHECK(TC_DIAG(k->diags, D_undefined_name, at, "x") == (i < TC_DIAG_LIMIT));
    tc_diag_note(k->diags, at, "one each");
  }
  CHECK(k->diags->all.at[TC_DIAG_LIMIT - 1].notes.n == 1);
}

/* A byte that is no character takes the four cells of its escape, and the caret stands under it. */
static void broken_bytes_in_a_line(kit *k) {
  TC_DIAG(k->diags, D_undefined_name, place(k, "\xc3\xa9\xff = \x80 + bad\n", 9, 3), "bad");
  CHECK_TEXT(rendered(k, TC_DIAG_TEXT), "    1 | \xc3\xa9\\xff = \\x80 + bad\n"
                                        "      |               ^^^\n");
}

static void mark_on_a_broken_byte(kit *k) {
  TC_DIAG(k->diags, D_undefined_name, place(k, "a\xe2\x82 b\n", 1, 1), "x");
  CHECK_TEXT(rendered(k, TC_DIAG_TEXT), "    1 | a\\xe2\\x82 b\n"
                                        "      |  ^^^^\n");
}

/* A window into a long line neither begins nor ends inside a character. */
static void window_of_characters(kit *k) {
  tc_str line = repeated(k, "\xe2\x82\xac", 200);
  for (uint32_t at = 0; at < 6; at++) {
    TC_DIAG(k->diags, D_undefined_name, place(k, line.at, 300 + at, 1), "x");
    CHECK(!strstr(rendered(k, TC_DIAG_TEXT), "\\x"));
  }
}

static void broken_bytes_in_a_message(kit *k) {
  tc_span at = place(k, "x\n", 0, 1);
  TC_DIAG(k->diags, D_undefined_name, at, "a\xff\x1b");
  tc_diag_note(k->diags, at, "b\xfe\ttab\nline");
  CHECK_TEXT(rendered(k, TC_DIAG_TEXT), "'a\\xff\\x1b'");
  CHECK_TEXT(rendered(k, TC_DIAG_TEXT), "b\\xfe\ttab\nline");
}

static void broken_bytes_in_json(kit *k) {
  tc_sb out = tc_sb_in(&k->arena);
  tc_sb_json(&out, TC_STR("a\xff\xc3\xa9"));
  CHECK_TEXT(out.at, "a\\ufffd\xc3\xa9");
}

static void long_words(kit *k) {
  tc_str name = repeated(k, "n", 1000000);
  TC_DIAG(k->diags, D_undefined_name, place(k, "x\n", 0, 1), name.at);
  const char *text = k->diags->all.at[0].text;
  CHECK(strlen(text) < 120);
  CHECK_TEXT(text, "nnn...' is not defined");
  tc_str accents = repeated(k, "\xc3\xa9", 1000);
  tc_diag_help(k->diags, "%s, %s", accents.at, name.at);
  const char *help = k->diags->all.at[0].help;
  CHECK_TEXT(help, "\xc3\xa9..., nn");
  CHECK(!strstr(help, "\\x"));
}

static void long_messages(kit *k) {
  tc_str list = repeated(k, "1, ", 100000);
  TC_DIAG(k->diags, D_undefined_name, place(k, "x\n", 0, 1), list.at);
  CHECK(strlen(k->diags->all.at[0].text) < 5000);
}

int main(void) {
  run_case(notes_of_a_dropped_report);
  run_case(notes_past_the_limit);
  run_case(broken_bytes_in_a_line);
  run_case(mark_on_a_broken_byte);
  run_case(window_of_characters);
  run_case(broken_bytes_in_a_message);
  run_case(broken_bytes_in_json);
  run_case(long_words);
  run_case(long_messages);
  return check_report();
}
