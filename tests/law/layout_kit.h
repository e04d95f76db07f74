/* For tests of layouts: random ones, all their points, and an arena for each case. */
#ifndef TESTS_LAW_LAYOUT_KIT_H
#define TESTS_LAW_LAYOUT_KIT_H

#include "check_kit.h"
#include "layout/layout.h"

#include <inttypes.h>
#include <stdlib.h>

struct law {
  tc_unwind unwind;
  tc_arena arena;
  uint64_t seed;
};

typedef void law_case(struct law *w);

static TC_UNUSED void law_run(const char *name, law_case *fn) {
  struct law *w = calloc(1, sizeof *w);
  if (!w) abort();
  w->seed = 0x9e3779b97f4a7c15u;
  tc_arena_init(&w->arena, &w->unwind, 0);
  int why = setjmp(w->unwind.at);
  int before = atomic_load(&n_failed);
  if (why == 0)
    fn(w);
  else
    check_that(0, w->unwind.text, __FILE__, __LINE__);
  if (atomic_load(&n_failed) != before) printf("in %s\n", name);
  tc_arena_free(&w->arena);
  free(w);
}
#define LAW(fn) law_run(#fn, fn)

static TC_UNUSED uint32_t law_roll(struct law *w, uint32_t below) {
  w->seed ^= w->seed << 13, w->seed ^= w->seed >> 7, w->seed ^= w->seed << 17;
  return (uint32_t)((w->seed * UINT64_C(0x2545f4914f6cdd1d)) >> 33) % below;
}

static TC_UNUSED const char *law_text(struct law *w, const tc_layout *l) {
  tc_sb out = tc_sb_in(&w->arena);
  tc_layout_print(&out, l);
  return out.at;
}

/* As CHECK, and on failure shows the layout. */
#define LAW_CHECK(w, l, condition) law_check(w, l, condition, #condition, __FILE__, __LINE__)
static TC_UNUSED void law_check(struct law *w, const tc_layout *l, int holds, const char *text,
                                const char *file, int line) {
  if (!check_that(holds, text, file, line)) printf("  %s\n", law_text(w, l));
}

static TC_UNUSED int64_t law_points(const tc_layout *l) {
  return tc_layout_inputs(l);
}

/* ---- random layouts ---- */

enum { LAW_MIX = 1, LAW_COPIES = 2, LAW_PAD = 4, LAW_MEMORY = 8 };

struct law_draft {
  tc_mode at[16];
  uint32_t n;
  int64_t total, box[TC_LAYOUT_DIMS];
};

/* Digits for one dim, from its place 1 up, each in a random space. */
static TC_UNUSED void law_digits(struct law *w, struct law_draft *d, uint32_t dim, int flags) {
  static const int64_t EXTENTS[] = {2, 2, 4, 8, 3, 5, 11, 6, 12};
  int64_t place = 1;
  for (uint32_t n = law_roll(w, 4); n > 0 && d->n < 14; n--) {
    int64_t extent = EXTENTS[law_roll(w, TC_COUNT(EXTENTS))];
    if (d->total * extent > 2048) break;
    tc_mode m = {.kind = TC_MODE_STEP, .dim = (uint8_t)dim, .extent = extent, .step = place};
    m.space = flags & LAW_MEMORY ? TC_SPACE_offset
              : law_roll(w, 2)   ? TC_SPACE_slot
                                 : TC_SPACE_thread;
    d->at[d->n++] = m;
    d->total *= extent, place *= extent;
    if (law_roll(w, 12) == 0) place *= 2; /* a gap: nothing holds what lies there */
  }
  d->box[dim] = place;
}

/* XORs bits of other modes into bits, so that the matrix stays invertible (row operations). */
static TC_UNUSED void law_mix(struct law *w, tc_mode *modes, uint32_t n) {
  for (uint32_t tries = 0; tries < 6 && n; tries++) {
    tc_mode *a = &modes[law_roll(w, n)], *b = &modes[law_roll(w, n)];
    if (a == b || a->kind != TC_MODE_BIT || b->kind != TC_MODE_BIT) continue;
    for (uint32_t d = 0; d < TC_LAYOUT_DIMS; d++)
      a->mask[d] ^= b->mask[d];
  }
}

static TC_UNUSED const tc_layout *law_random(struct law *w, uint32_t n_dims, int flags) {
  struct law_draft d = {.total = 1};
  int64_t bound[TC_LAYOUT_DIMS] = {1, 1, 1, 1, 1, 1};
  for (uint32_t i = 0; i < n_dims; i++)
    law_digits(w, &d, i, flags);
  if ((flags & LAW_COPIES) && d.total < 512)
    d.at[d.n++] = (tc_mode){.space = law_roll(w, 2) ? TC_SPACE_thread : TC_SPACE_slot,
                            .extent = 2 + law_roll(w, 2)};
  for (uint32_t i = d.n; i > 1; i--) {
    uint32_t j = law_roll(w, i);
    tc_mode m = d.at[i - 1];
    d.at[i - 1] = d.at[j], d.at[j] = m;
  }
  for (uint32_t i = 0; i < n_dims; i++)
    bound[i] = (flags & LAW_PAD) && d.box[i] > 1 && law_roll(w, 2)
                   ? 1 + law_roll(w, (uint32_t)d.box[i])
                   : d.box[i];
  const tc_layout *l = tc_layout_make(&w->arena, n_dims, bound, d.at, d.n);
  if (!l || !(flags & LAW_MIX)) return l;
  tc_mode *modes = tc_arena_copy(&w->arena, l->modes, l->n_modes * sizeof *modes);
  law_mix(w, modes, l->n_modes);
  return tc_layout_make(&w->arena, n_dims, bound, modes, l->n_modes);
}

#endif
