/* Any bytes as the text of a layout: what is read is written back as it was, and the questions that
 * look at single points answer each other. */
#include "layout/layout.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_b);

static void must(bool holds) {
  if (!holds) abort();
}

static void look_at(tc_arena *arena, const tc_layout *l) {
  int64_t n = tc_layout_inputs(l), x[TC_LAYOUT_DIMS], y[TC_LAYOUT_DIMS];
  tc_sb once = tc_sb_in(arena), twice = tc_sb_in(arena);
  tc_layout_print(&once, l);
  tc_str rest = tc_sb_str(&once);
  const tc_layout *back = tc_layout_parse(arena, &rest);
  must(back && rest.n == 0 && tc_layout_equal(back, l));
  tc_layout_print(&twice, back);
  must(strcmp(once.at, twice.at) == 0);
  for (int64_t i = 0; i < 64; i++) {
    tc_hw hw = tc_layout_hw(l, i < 32 ? i % n : n - 1 - i % n), at;
    if (!tc_layout_apply(l, &hw, x)) continue;
    must(tc_layout_find(l, x, 0, &at) && tc_layout_apply(l, &at, y));
    must(memcmp(x, y, l->n_dims * sizeof *x) == 0 && tc_layout_is_owner(l, &at));
  }
  must(!tc_layout_is_injective(l) || tc_layout_replicas(l) == 1);
  tc_layout_is_surjective(l);
  for (uint32_t d = 0; d < l->n_dims; d++) {
    tc_layout_coordinate(arena, l, d);
    const tc_layout *r = tc_layout_reduce(arena, l, d);
    must(!r || r->n_dims + 1 == l->n_dims);
  }
  const tc_layout_digits *d = tc_layout_compose(arena, l, l, NULL);
  for (int64_t i = 0; d && i < 64 && i < n; i++) {
    tc_hw hw = tc_layout_hw(l, i);
    if (tc_layout_apply(l, &hw, x)) must(tc_layout_digits_at(d, &hw) == tc_layout_offset(l, x));
  }
  tc_tma_boxes boxes;
  tc_layout_tma(arena, l, 16, NULL, &boxes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_b) {
  if (size_b > 4096) return 0;
  tc_unwind *unwind = calloc(1, sizeof *unwind);
  if (!unwind) abort();
  tc_arena arena;
  tc_arena_init(&arena, unwind, (size_t)256 << 20);
  if (setjmp(unwind->at) == 0) {
    tc_str text = {(const char *)data, (uint32_t)size_b};
    const tc_layout *l = tc_layout_parse(&arena, &text);
    if (l) look_at(&arena, l);
  }
  tc_arena_free(&arena);
  free(unwind);
  return 0;
}
