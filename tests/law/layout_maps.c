/* Partitions of loops, maps of users, and the text form. */
#include "layout_kit.h"

/* ---- partitions ---- */

/* Every element is in one thread (or in as many as copies are asked for), v at a time. */
static void check_partition(struct law *w, uint32_t n_dims, const int64_t *extents, int64_t threads,
                            int64_t v, bool copies) {
  const tc_layout *l = tc_layout_partition(&w->arena, n_dims, extents, threads, v, copies);
  if (!CHECK(l != NULL)) return;
  int64_t x[TC_LAYOUT_DIMS], y[TC_LAYOUT_DIMS];
  bool vectors = true;
  LAW_CHECK(w, l, l->size[TC_SPACE_thread] == threads && l->size[TC_SPACE_slot] % v == 0);
  LAW_CHECK(w, l, tc_layout_is_surjective(l) && (copies || tc_layout_is_injective(l)));
  for (uint32_t d = 0; d < n_dims; d++)
    LAW_CHECK(w, l, l->bound[d] == extents[d]);
  for (int64_t i = 0; i < law_points(l); i++) {
    tc_hw hw = tc_layout_hw(l, i), first = hw;
    first.at[TC_SPACE_slot] -= hw.at[TC_SPACE_slot] % v;
    vectors &= tc_layout_apply(l, &hw, x) == tc_layout_apply(l, &first, y);
    if (n_dims) y[n_dims - 1] += hw.at[TC_SPACE_slot] % v;
    vectors &= memcmp(x, y, n_dims * sizeof *x) == 0;
  }
  LAW_CHECK(w, l, vectors);
}

static void partitions_of_any_extents(struct law *w) {
  static const int64_t THREADS[] = {1, 32, 96, 128, 256, 384, 100};
  for (int i = 0; i < 500; i++) {
    tc_arena_mark mark = tc_arena_here(&w->arena);
    int64_t v = INT64_C(1) << law_roll(w, 4), extents[3];
    uint32_t n_dims = law_roll(w, 4);
    for (uint32_t d = 0; d < n_dims; d++)
      extents[d] = 1 + law_roll(w, d ? 20 : 70);
    bool copies = n_dims == 0 || law_roll(w, 2);
    if (n_dims)
      extents[n_dims - 1] *= v;
    else
      v = 1;
    check_partition(w, n_dims, extents, THREADS[law_roll(w, 7)], v, copies);
    tc_arena_rewind(&w->arena, mark);
  }
}

/* Where it comes out even, it is the row-major formula. */
static void even_partitions_are_row_major(struct law *w) {
  static const struct {
    int64_t rows, columns, threads, v;
  } CASES[] = {
      {64, 64, 128, 8}, {128, 32, 128, 4}, {64, 192, 96, 4}, {96, 64, 384, 8}, {12, 8, 32, 1}};
  for (size_t c = 0; c < TC_COUNT(CASES); c++) {
    int64_t extents[] = {CASES[c].rows, CASES[c].columns}, n = extents[0] * extents[1], x[2];
    int64_t v = CASES[c].v, threads = CASES[c].threads;
    const tc_layout *l = tc_layout_partition(&w->arena, 2, extents, threads, v, false);
    bool right = law_points(l) == n;
    for (int64_t f = 0; f < n; f++) {
      tc_hw hw = {{0}};
      hw.at[TC_SPACE_thread] = f / v % threads;
      hw.at[TC_SPACE_slot] = f / v / threads * v + f % v;
      right &= tc_layout_apply(l, &hw, x) && x[0] * extents[1] + x[1] == f;
    }
    LAW_CHECK(w, l, right);
  }
}

static void small_partitions_make_copies(struct law *w) {
  int64_t extents[] = {4, 8}, too_wide[] = {4, 6};
  const tc_layout *l = tc_layout_partition(&w->arena, 2, extents, 128, 1, true);
  LAW_CHECK(w, l, tc_layout_replicas(l) == 4 && l->size[TC_SPACE_slot] == 1);
  l = tc_layout_partition(&w->arena, 2, extents, 128, 1, false);
  LAW_CHECK(w, l, tc_layout_replicas(l) == 1 && l->size[TC_SPACE_slot] == 1);
  CHECK(!tc_layout_partition(&w->arena, 2, too_wide, 128, 4, false));
  CHECK(!tc_layout_partition(&w->arena, 2, extents, 0, 1, false));
}

/* ---- users' maps ---- */

static bool of_layout(void *context, const int64_t *x, int64_t replica, tc_hw *hw) {
  return tc_layout_find(context, x, replica, hw);
}

static void *no_const(const tc_layout *l) {
  return (void *)(uintptr_t)l;
}

/* The same elements in the same places, whatever the form. */
static void check_same_places(struct law *w, const tc_layout *a, const tc_layout *b) {
  bool same = true;
  for (int64_t i = 0; i < law_points(a); i++) {
    tc_hw hw = tc_layout_hw(a, i);
    int64_t x[TC_LAYOUT_DIMS], y[TC_LAYOUT_DIMS];
    bool inside = true;
    for (uint32_t s = 0; s < TC_N_SPACES; s++)
      inside &= hw.at[s] < b->size[s];
    bool valid = tc_layout_apply(a, &hw, x);
    same &= valid == (inside && tc_layout_apply(b, &hw, y));
    same &= !valid || memcmp(x, y, a->n_dims * sizeof *x) == 0;
  }
  LAW_CHECK(w, a, same);
}

static void layouts_are_found_again(struct law *w) {
  int n_modes = 0, n_all = 0;
  for (int i = 0; i < 1500; i++) {
    tc_arena_mark mark = tc_arena_here(&w->arena);
    int flags = (int)law_roll(w, 16);
    const tc_layout *l = law_random(w, 1 + law_roll(w, 3), flags);
    const tc_layout *f = tc_layout_fit(&w->arena, l->n_dims, l->bound, tc_layout_replicas(l),
                                       l->size, of_layout, no_const(l));
    if (!tc_layout_is_surjective(l)) { /* it has no place for some element */
      LAW_CHECK(w, l, f == NULL);
      continue;
    }
    if (!CHECK(f != NULL)) continue;
    check_same_places(w, l, f);
    check_same_places(w, f, l);
    LAW_CHECK(w, l, tc_layout_replicas(f) == tc_layout_replicas(l));
    if (!(flags & LAW_PAD)) n_modes += !f->table, n_all++;
    tc_arena_rewind(&w->arena, mark);
  }
  CHECK(n_modes * 10 > n_all * 9);
}

static void table_rows_are_found_again(struct law *w) {
  for (int row = 0; row < TC_N_FRAGMENTS; row++) {
    const tc_layout *l = tc_layout_fragment(&w->arena, (enum tc_fragment)row);
    const tc_layout *f = tc_layout_fit(&w->arena, 2, l->bound, 1, NULL, of_layout, no_const(l));
    LAW_CHECK(w, l, f && tc_layout_equal(f, l));
  }
  for (int s = 0; s < TC_N_SWIZZLES; s++)
    for (int64_t rows = 8; rows <= 64; rows += 8) {
      int64_t extents[] = {rows, 192};
      const tc_layout *l = tc_layout_swizzled(&w->arena, 2, extents, 16, (enum tc_swizzle)s);
      const tc_layout *f = tc_layout_fit(&w->arena, 2, extents, 1, NULL, of_layout, no_const(l));
      LAW_CHECK(w, l, f && tc_layout_equal(f, l));
    }
}

static bool padded_rows(void *context, const int64_t *x, int64_t replica, tc_hw *hw) {
  (void)replica;
  hw->at[TC_SPACE_offset] = x[0] * *(const int64_t *)context + x[1];
  return true;
}
static bool reversed(void *context, const int64_t *x, int64_t replica, tc_hw *hw) {
  (void)context, (void)replica;
  hw->at[TC_SPACE_offset] = 63 - (x[0] * 8 + x[1]);
  return true;
}
static bool all_the_same(void *context, const int64_t *x, int64_t replica, tc_hw *hw) {
  (void)context, (void)x, (void)replica;
  hw->at[TC_SPACE_offset] = 5;
  return true;
}
static bool negative(void *context, const int64_t *x, int64_t replica, tc_hw *hw) {
  (void)context, (void)replica;
  hw->at[TC_SPACE_offset] = 3 - x[0];
  return true;
}
static bool undecided(void *context, const int64_t *x, int64_t replica, tc_hw *hw) {
  (void)context, (void)replica, (void)hw;
  return x[0] < 3;
}

static void maps_of_users(struct law *w) {
  int64_t extents[] = {8, 8}, large[] = {1 << 11, 1 << 10}, pitch = 11;
  const tc_layout *l = tc_layout_fit(&w->arena, 2, extents, 1, NULL, padded_rows, &pitch);
  CHECK(l && tc_layout_equal(l, tc_layout_row_major(&w->arena, 2, extents, 11)));
  const tc_layout *table = tc_layout_fit(&w->arena, 2, extents, 1, NULL, reversed, NULL);
  if (CHECK(table && table->table)) {
    int64_t x[] = {2, 3}, y[2];
    tc_hw hw;
    CHECK(tc_layout_offset(table, x) == 63 - 19);
    CHECK(tc_layout_find(table, x, 0, &hw) && tc_layout_apply(table, &hw, y) && y[1] == 3);
    CHECK(tc_layout_is_owner(table, &hw) && tc_layout_is_injective(table));
    CHECK(!tc_layout_compose(&w->arena, table, l, NULL));
    CHECK(!tc_layout_tile(&w->arena, table, 0, 2, TC_SPACE_offset, TC_TILE_OUTER));
    const tc_layout *f = tc_layout_partition(&w->arena, 2, extents, 8, 8, false);
    CHECK(tc_layout_vector(&w->arena, table, f, NULL, 8) == 1);
    tc_bank_cost cost = tc_layout_banks(&w->arena, table, f, NULL, 32, 1);
    CHECK(cost.least == 8 && cost.wavefronts == 8 * 2);
    CHECK(tc_layout_contains(table, table) && tc_layout_equal(table, table));
  }
  CHECK(!tc_layout_fit(&w->arena, 2, extents, 1, NULL, all_the_same, NULL));
  CHECK(!tc_layout_fit(&w->arena, 2, extents, 1, NULL, negative, NULL));
  CHECK(!tc_layout_fit(&w->arena, 2, extents, 1, NULL, undecided, NULL));
  CHECK(!tc_layout_fit(&w->arena, 2, large, 1, NULL, padded_rows, &pitch));
}

/* ---- text ---- */

static void check_round_trip(struct law *w, const tc_layout *l) {
  const char *text = law_text(w, l);
  tc_str rest = tc_str_of(text);
  const tc_layout *back = tc_layout_parse(&w->arena, &rest);
  LAW_CHECK(w, l, back && rest.n == 0 && tc_layout_equal(back, l));
  LAW_CHECK(w, l, back && strcmp(law_text(w, back), text) == 0);
}

static void text_is_read_back(struct law *w) {
  int64_t extents[] = {8, 8};
  for (int i = 0; i < 2000; i++) {
    tc_arena_mark mark = tc_arena_here(&w->arena);
    check_round_trip(w, law_random(w, law_roll(w, 4), (int)law_roll(w, 16)));
    tc_arena_rewind(&w->arena, mark);
  }
  check_round_trip(w, tc_layout_fit(&w->arena, 2, extents, 1, NULL, reversed, NULL));
  for (int row = 0; row < TC_N_FRAGMENTS; row++)
    check_round_trip(w, tc_layout_fragment(&w->arena, (enum tc_fragment)row));
}

static void text_looks_like(struct law *w) {
  int64_t extents[] = {64, 176}, warps[] = {1, 1}, square[] = {64, 64};
  const tc_layout *l = tc_layout_cover(
      &w->arena, tc_layout_fragment(&w->arena, TC_FRAGMENT_wgmma_d), extents, warps);
  CHECK_TEXT(law_text(w, l), "layout(thread:[4(0,2), 8(1,0), 4(16,0)], "
                             "slot:[2(0,1), 2(8,0), 22(0,8)] -> [64, 176])");
  l = tc_layout_swizzled(&w->arena, 2, square, 16, TC_SWIZZLE_b128);
  CHECK_TEXT(law_text(w, l), "layout(offset:[8(0,1), 8^(0,8), 8^(1,8), 8(8,0)] -> [64, 64])");
  l = tc_layout_replicated(&w->arena, 1, extents, 3);
  CHECK_TEXT(law_text(w, l), "layout(thread:[3(0)], slot:[64(1)] -> [64])");
  CHECK_TEXT(law_text(w, tc_layout_make(&w->arena, 0, NULL, NULL, 0)), "layout(-> [])");
}

static void bad_text_is_refused(struct law *w) {
  static const char *const BAD[] = {
      "",
      "layout",
      "layout(",
      "layout(-> [4)",
      "layout(-> [0])",
      "layout(-> [1, 1, 1, 1, 1, 1, 1])",
      "layout(thread:[] -> [4])",
      "layout(thread:[4(1)] -> [4, 4])",
      "layout(thread:[4(1,1)] -> [4, 4])",
      "layout(thread:[4(1)], slot:[2(1)] -> [4])",
      "layout(slot:[2(1)], thread:[4(2)] -> [8])",
      "layout(thread:[3^(1)] -> [4])",
      "layout(thread:[1(1)] -> [4])",
      "layout(thread:[99999999999999999999(1)] -> [4])",
      "layout(thread:[4611686018427387904(1)], slot:[2(0)], slot:[2(0)] -> [4])",
      "layout(thread:[4(4611686018427387904)] -> [4])",
      "layout(thread:[2^(4611686018427387904), 2^(1)] -> [4])",
      "layout(thread:[4611686018427387904^(4611686018427387903)] -> [4])",
      "layout(warp:[4(1)] -> [4])",
      "layout(thread:[4(-1)] -> [4])",
      "layout(table copies:1, thread:1, slot:1, offset:4 -> [4] {0+3})",
      "layout(table copies:1, thread:1, slot:1, offset:4 -> [4] {0+5})",
      "layout(table copies:1, thread:1, slot:1, offset:4 -> [4] {0+2, 1+2})",
      "layout(table copies:1, thread:1, slot:1, offset:4 -> [4] {9+4})",
      "layout(table copies:0, thread:1, slot:1, offset:4 -> [4] {0+4})",
      "layout(table copies:1, thread:1, slot:1, offset:4611686018427387904 -> [4] {0+4})",
      "layout(table copies:4611686018427387904, thread:1, slot:1, offset:4 -> [4] {0+4})",
      "layout(table copies:1, thread:1, slot:1, offset:4 -> [4611686018427387904, 4] {0+4})",
  };
  for (size_t i = 0; i < TC_COUNT(BAD); i++) {
    tc_str text = tc_str_of(BAD[i]);
    if (!CHECK(!tc_layout_parse(&w->arena, &text))) printf("  %s\n", BAD[i]);
  }
}

/* Any bytes: a layout or NULL, and what is read is written back. */
static void damaged_text(struct law *w) {
  static const char LETTERS[] = "layout(thread:[0123456789^,)]slot -> {+}";
  for (int i = 0; i < 20000; i++) {
    tc_arena_mark mark = tc_arena_here(&w->arena);
    char *text =
        tc_str_dup(&w->arena, tc_str_of(law_text(w, law_random(w, 2, (int)law_roll(w, 8)))));
    size_t n = strlen(text);
    for (uint32_t k = 1 + law_roll(w, 3); k; k--)
      text[law_roll(w, (uint32_t)n)] = LETTERS[law_roll(w, sizeof LETTERS - 1)];
    tc_str rest = tc_str_of(text);
    const tc_layout *l = tc_layout_parse(&w->arena, &rest);
    if (l) check_round_trip(w, l);
    tc_arena_rewind(&w->arena, mark);
  }
}

int main(void) {
  LAW(partitions_of_any_extents);
  LAW(even_partitions_are_row_major);
  LAW(small_partitions_make_copies);
  LAW(layouts_are_found_again);
  LAW(table_rows_are_found_again);
  LAW(maps_of_users);
  LAW(text_is_read_back);
  LAW(text_looks_like);
  LAW(bad_text_is_refused);
  LAW(damaged_text);
  return check_report();
}
