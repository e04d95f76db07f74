/* Tests that work on IR text: each case gets a fresh arena; what unwinds out of it, or any failed
 * check, is a failure of the program. */
#ifndef TESTS_UNIT_TEXT_KIT_H
#define TESTS_UNIT_TEXT_KIT_H

#include "ir/parse.h"
#include "ir/print.h"
#include "ir/verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct text_kit {
  const char *name;
  uint64_t n_passed, n_failed;
  tc_unwind unwind;
  tc_arena arena;
  tc_diags *diags;
  tc_names *names;
};

typedef void text_case(struct text_kit *k);

static TC_UNUSED void text_run_case(struct text_kit *totals, const char *name, text_case *fn) {
  struct text_kit *k = calloc(1, sizeof *k);
  if (!k) abort();
  k->name = name;
  tc_arena_init(&k->arena, &k->unwind, 0);
  int why = setjmp(k->unwind.at);
  if (why == 0) {
    k->diags = tc_diags_new(&k->arena, tc_source_new(&k->arena));
    k->names = tc_names_new(&k->arena);
    fn(k);
  } else {
    printf("%s: unwound with %d: %s\n", name, why, k->unwind.text);
    k->n_failed++;
  }
  totals->n_passed += k->n_passed;
  totals->n_failed += k->n_failed;
  tc_arena_free(&k->arena);
  free(k);
}
#define TEXT_CASE(totals, fn) text_run_case(totals, #fn, fn)

static TC_UNUSED int text_report(const struct text_kit *totals, const char *program) {
  printf("%s: %" PRIu64 " passed, %" PRIu64 " failed\n", program, totals->n_passed,
         totals->n_failed);
  return totals->n_failed != 0;
}

static TC_UNUSED bool text_check(struct text_kit *k, bool ok, const char *what) {
  if (ok) {
    k->n_passed++;
  } else {
    k->n_failed++;
    printf("%s: %s\n", k->name, what);
  }
  return ok;
}

static TC_UNUSED bool text_equal(struct text_kit *k, const char *what, const char *saw,
                                 const char *wanted) {
  bool ok = strcmp(saw, wanted) == 0;
  text_check(k, ok, what);
  if (!ok) printf("--- saw\n%s--- expected\n%s---\n", saw, wanted);
  return ok;
}

/* Fresh diagnostics, so that one case can hold several readings. */
static TC_UNUSED tc_ir *text_parse(struct text_kit *k, const char *text) {
  k->diags = tc_diags_new(&k->arena, tc_source_new(&k->arena));
  return tc_ir_parse(&k->arena, k->diags, k->names, "t.tir", tc_str_of(text));
}

static TC_UNUSED const char *text_diags(struct text_kit *k) {
  tc_sb out = tc_sb_in(&k->arena);
  tc_diags_render(k->diags, TC_DIAG_TEXT, &out);
  return out.at ? out.at : "";
}

static TC_UNUSED const char *text_print(struct text_kit *k, tc_ir *ir) {
  tc_sb out = tc_sb_in(&k->arena);
  tc_ir_print(ir, 0, &k->arena, &out);
  return out.at;
}

/* Parses text that must be well formed; unwinds out of the case when it is not. */
static TC_UNUSED tc_ir *text_must_parse(struct text_kit *k, const char *text) {
  tc_ir *ir = text_parse(k, text);
  if (!ir) tc_bug(&k->unwind, "the text does not parse:\n%s", text_diags(k));
  return ir;
}

/* print(parse(print(ir))) == print(ir). */
static TC_UNUSED bool text_round_trip(struct text_kit *k, const char *what, tc_ir *ir) {
  const char *first = text_print(k, ir);
  tc_ir *again = text_parse(k, first);
  if (!text_check(k, again != NULL, what)) {
    printf("--- text\n%s--- does not parse\n%s", first, text_diags(k));
    return false;
  }
  return text_equal(k, what, text_print(k, again), first);
}

/* A small deterministic generator (splitmix64). */
static TC_UNUSED uint32_t text_random(uint64_t *state, uint32_t below) {
  uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
  return (uint32_t)((z ^ z >> 31) >> 32) % below;
}

#endif
