/* Layouts from tables and from other layouts, against what each step is to mean, point by point. */
#include "layout_kit.h"

/* ---- table rows: facts that do not come from the table ---- */

typedef void place_fn(int64_t lane, int64_t i, int64_t *row, int64_t *column);

/* Formulas of the PTX manual, with groupID = lane / 4 and threadID_in_group = lane % 4. */
static void ptx_c(int64_t lane, int64_t i, int64_t *row, int64_t *column) {
  *row = lane / 4 + (i < 2 ? 0 : 8), *column = lane % 4 * 2 + (i & 1);
}
static void ptx_a16(int64_t lane, int64_t i, int64_t *row, int64_t *column) {
  *row = i < 2 || (i >= 4 && i < 6) ? lane / 4 : lane / 4 + 8;
  *column = lane % 4 * 2 + (i & 1) + (i >= 4 ? 8 : 0);
}
static void ptx_b16(int64_t lane, int64_t i, int64_t *row, int64_t *column) {
  *column = lane % 4 * 2 + (i & 1) + (i >= 2 ? 8 : 0), *row = lane / 4;
}
static void ptx_a8(int64_t lane, int64_t i, int64_t *row, int64_t *column) {
  *row = i < 4 || (i >= 8 && i < 12) ? lane / 4 : lane / 4 + 8;
  *column = lane % 4 * 4 + (i & 3) + (i >= 8 ? 16 : 0);
}
static void ptx_b8(int64_t lane, int64_t i, int64_t *row, int64_t *column) {
  *column = lane % 4 * 4 + (i & 3) + (i >= 4 ? 16 : 0), *row = lane / 4;
}
static void ptx_a_tf32(int64_t lane, int64_t i, int64_t *row, int64_t *column) {
  *row = i == 0 || i == 2 ? lane / 4 : lane / 4 + 8;
  *column = i < 2 ? lane % 4 : lane % 4 + 4;
}
static void ptx_b_tf32(int64_t lane, int64_t i, int64_t *row, int64_t *column) {
  *column = i < 1 ? lane % 4 : lane % 4 + 4, *row = lane / 4;
}
static void ptx_a_f64(int64_t lane, int64_t i, int64_t *row, int64_t *column) {
  *row = lane / 4, *column = lane % 4 + i;
}
static void ptx_c_f64(int64_t lane, int64_t i, int64_t *row, int64_t *column) {
  *row = lane / 4, *column = lane % 4 * 2 + i;
}
static void ptx_b16_n16(int64_t lane, int64_t i, int64_t *row, int64_t *column) {
  ptx_b16(lane, i % 4, row, column);
  *row += i / 4 * 8;
}
static void ptx_wgmma_d(int64_t lane, int64_t i, int64_t *row, int64_t *column) {
  ptx_c(lane % 32, i, row, column);
  *row += lane / 32 * 16;
}
static void ptx_wgmma_a16(int64_t lane, int64_t i, int64_t *row, int64_t *column) {
  ptx_a16(lane % 32, i, row, column);
  *row += lane / 32 * 16;
}
static void ptx_wgmma_a8(int64_t lane, int64_t i, int64_t *row, int64_t *column) {
  ptx_a8(lane % 32, i, row, column);
  *row += lane / 32 * 16;
}
static void ptx_wgmma_a_tf32(int64_t lane, int64_t i, int64_t *row, int64_t *column) {
  ptx_a_tf32(lane % 32, i, row, column);
  *row += lane / 32 * 16;
}

static void fragments_are_the_manuals(struct law *w) {
  static place_fn *const MANUAL[TC_N_FRAGMENTS] = {
      [TC_FRAGMENT_mma_c] = ptx_c,
      [TC_FRAGMENT_mma_a16] = ptx_a16,
      [TC_FRAGMENT_mma_b16] = ptx_b16,
      [TC_FRAGMENT_mma_b16_n16] = ptx_b16_n16,
      [TC_FRAGMENT_mma_a8] = ptx_a8,
      [TC_FRAGMENT_mma_b8] = ptx_b8,
      [TC_FRAGMENT_mma_a_tf32] = ptx_a_tf32,
      [TC_FRAGMENT_mma_b_tf32] = ptx_b_tf32,
      [TC_FRAGMENT_mma_a_f64] = ptx_a_f64,
      [TC_FRAGMENT_mma_c_f64] = ptx_c_f64,
      [TC_FRAGMENT_matrix_b16] = ptx_c_f64,
      [TC_FRAGMENT_wgmma_d] = ptx_wgmma_d,
      [TC_FRAGMENT_wgmma_a16] = ptx_wgmma_a16,
      [TC_FRAGMENT_wgmma_a8] = ptx_wgmma_a8,
      [TC_FRAGMENT_wgmma_a_tf32] = ptx_wgmma_a_tf32,
  };
  for (int row = 0; row < TC_N_FRAGMENTS; row++) {
    const tc_layout *l = tc_layout_fragment(&w->arena, (enum tc_fragment)row);
    if (!CHECK(l != NULL) || !CHECK(MANUAL[row] != NULL)) continue;
    bool same = true;
    for (int64_t i = 0; i < law_points(l); i++) {
      tc_hw hw = tc_layout_hw(l, i);
      int64_t x[2], want[2];
      same &= tc_layout_apply(l, &hw, x);
      MANUAL[row](hw.at[TC_SPACE_thread], hw.at[TC_SPACE_slot], &want[0], &want[1]);
      same &= x[0] == want[0] && x[1] == want[1];
    }
    LAW_CHECK(w, l, same);
    LAW_CHECK(w, l, law_points(l) == tc_layout_elements(l));
    LAW_CHECK(w, l, tc_layout_is_injective(l) && tc_layout_is_surjective(l));
  }
}

/* ---- memory ---- */

/* Panel, row, chunk and what is in it; chunks move by the table of bank-conflict-free orders. */
static int64_t swizzle_by_rows(int64_t row, int64_t column_b, int64_t rows, int64_t span) {
  int64_t chunk = column_b % span / 16, moved = chunk;
  if (span == 128) moved ^= row % 8;
  if (span == 64) moved ^= row / 2 % 4;
  if (span == 32) moved ^= row / 4 % 2;
  return column_b / span * rows * span + row * span + moved * 16 + column_b % 16;
}

static int64_t swizzle_by_bits(int64_t byte, int64_t bits) {
  for (int64_t k = 0; k < bits; k++)
    if (byte >> (7 + k) & 1) byte ^= INT64_C(16) << k;
  return byte;
}

static void check_swizzle(struct law *w, enum tc_swizzle s, int64_t rows, int64_t panels,
                          uint32_t bits) {
  int64_t span = tc_swizzle_info(s)->span_b, eb = bits / 8;
  int64_t extents[] = {rows, panels * span / eb};
  const tc_layout *l = tc_layout_swizzled(&w->arena, 2, extents, bits, s);
  if (!CHECK(l != NULL)) return;
  bool by_rows = true, by_bits = true, inverse = true;
  for (int64_t i = 0; i < l->size[TC_SPACE_offset]; i++) {
    tc_hw hw = tc_layout_hw(l, i);
    int64_t x[2];
    inverse &= tc_layout_apply(l, &hw, x) && tc_layout_offset(l, x) == i;
    by_rows &= swizzle_by_rows(x[0], x[1] * eb, rows, span) == i * eb;
    int64_t plain = x[1] * eb / span * rows * span + x[0] * span + x[1] * eb % span;
    by_bits &= swizzle_by_bits(plain, tc_swizzle_info(s)->bits) == i * eb;
  }
  LAW_CHECK(w, l, inverse);
  LAW_CHECK(w, l, by_rows);
  LAW_CHECK(w, l, by_bits);
  LAW_CHECK(w, l, l->size[TC_SPACE_offset] == tc_layout_elements(l) && tc_layout_is_injective(l));
}

static void swizzles_are_the_byte_rule(struct law *w) {
  for (int s = 1; s < TC_N_SWIZZLES; s++)
    for (int64_t rows = 8; rows <= 64; rows += 8)
      for (int64_t panels = 1; panels <= 5; panels += 2)
        for (uint32_t bits = 8; bits <= 64; bits *= 2)
          check_swizzle(w, (enum tc_swizzle)s, rows, panels, bits);
  int64_t odd_rows[] = {12, 64}, odd_columns[] = {16, 60};
  CHECK(!tc_layout_swizzled(&w->arena, 2, odd_rows, 16, TC_SWIZZLE_b128));
  CHECK(!tc_layout_swizzled(&w->arena, 2, odd_columns, 16, TC_SWIZZLE_b128));
}

static void rows_are_padded(struct law *w) {
  int64_t extents[] = {3, 5, 7};
  for (int64_t pitch = 7; pitch < 20; pitch++) {
    const tc_layout *l = tc_layout_row_major(&w->arena, 3, extents, pitch);
    int64_t x[3];
    bool right = l->size[TC_SPACE_offset] == 15 * pitch;
    for (x[0] = 0; x[0] < 3; x[0]++)
      for (x[1] = 0; x[1] < 5; x[1]++)
        for (x[2] = 0; x[2] < 7; x[2]++)
          right &= tc_layout_offset(l, x) == (x[0] * 5 + x[1]) * pitch + x[2];
    LAW_CHECK(w, l, right && tc_layout_is_surjective(l));
    int64_t n_valid = 0;
    for (int64_t i = 0; i < law_points(l); i++) {
      tc_hw hw = tc_layout_hw(l, i);
      n_valid += tc_layout_apply(l, &hw, x);
    }
    LAW_CHECK(w, l, n_valid == 105);
  }
  CHECK(!tc_layout_row_major(&w->arena, 3, extents, 6));
  int64_t large[] = {INT64_C(1) << 31, INT64_C(1) << 30, 2};
  CHECK(!tc_layout_row_major(&w->arena, 3, large, 3));
  const tc_layout *big = tc_layout_row_major(&w->arena, 2, large, 0);
  int64_t last[] = {(INT64_C(1) << 31) - 1, (INT64_C(1) << 30) - 1}, x[2];
  tc_hw hw;
  CHECK(tc_layout_offset(big, last) == (INT64_C(1) << 61) - 1);
  CHECK(tc_layout_find(big, last, 0, &hw) && tc_layout_apply(big, &hw, x) && x[0] == last[0]);
}

static void one_element_needs_no_modes(struct law *w) {
  int64_t extents[] = {1, 1}, at[] = {0, 0}, x[2] = {7, 7};
  const tc_layout *l = tc_layout_row_major(&w->arena, 2, extents, 0);
  tc_hw hw;
  LAW_CHECK(w, l, tc_layout_offset(l, at) == 0 && l->size[TC_SPACE_offset] == 1);
  LAW_CHECK(w, l, tc_layout_find(l, at, 0, &hw) && tc_layout_apply(l, &hw, x) && !x[0] && !x[1]);
}

/* ---- from layouts ---- */

/* The new digit is known by what the other digits' inputs become without it. */
static void check_tile(struct law *w, const tc_layout *l, uint32_t dim, int64_t count,
                       enum tc_space space, enum tc_tile_order order) {
  const tc_layout *t = tc_layout_tile(&w->arena, l, dim, count, space, order);
  if (!CHECK(t != NULL)) return;
  bool right = t->size[space] == l->size[space] * count;
  for (int64_t i = 0; i < law_points(t); i++) {
    tc_hw hw = tc_layout_hw(t, i), inner = hw;
    int64_t x[TC_LAYOUT_DIMS], y[TC_LAYOUT_DIMS], copy;
    if (order == TC_TILE_OUTER)
      copy = hw.at[space] / l->size[space], inner.at[space] %= l->size[space];
    else
      copy = hw.at[space] % count, inner.at[space] /= count;
    bool valid = tc_layout_apply(t, &hw, x);
    right &= valid == tc_layout_apply(l, &inner, y);
    y[dim] += copy * l->bound[dim];
    right &= memcmp(x, y, l->n_dims * sizeof *x) == 0;
  }
  LAW_CHECK(w, t, right);
}

static void tiling_repeats(struct law *w) {
  static const int64_t COUNTS[] = {1, 2, 3, 8, 11, 25};
  for (int i = 0; i < 600; i++) {
    const tc_layout *l = law_random(w, 2, (int)law_roll(w, 4));
    check_tile(w, l, law_roll(w, 2), COUNTS[law_roll(w, 6)],
               law_roll(w, 2) ? TC_SPACE_slot : TC_SPACE_thread,
               law_roll(w, 2) ? TC_TILE_OUTER : TC_TILE_INNER);
  }
}

/* Every element exactly once, whatever the tile and the number of warps. */
static void check_cover(struct law *w, enum tc_fragment row, int64_t m, int64_t n, int64_t warps_m,
                        int64_t warps_n) {
  const tc_layout *atom = tc_layout_fragment(&w->arena, row);
  int64_t extents[] = {m, n}, warps[] = {warps_m, warps_n};
  const tc_layout *l = tc_layout_cover(&w->arena, atom, extents, warps);
  if (!CHECK(l != NULL)) return;
  uint8_t *seen = tc_arena_alloc(&w->arena, (size_t)(m * n));
  int64_t n_valid = 0;
  bool once = true;
  for (int64_t i = 0; i < law_points(l); i++) {
    tc_hw hw = tc_layout_hw(l, i);
    int64_t x[2];
    if (!tc_layout_apply(l, &hw, x)) continue;
    once &= !seen[x[0] * n + x[1]]++;
    n_valid++;
    /* A warp's rows and columns are a block of its own. */
    int64_t warp = hw.at[TC_SPACE_thread] / atom->size[TC_SPACE_thread];
    once &= x[0] / (tc_layout_box(l, 0) / warps_m) == warp % warps_m;
    once &= x[1] / (tc_layout_box(l, 1) / warps_n) == warp / warps_m;
  }
  LAW_CHECK(w, l, once && n_valid == m * n);
  LAW_CHECK(w, l, l->size[TC_SPACE_thread] == atom->size[TC_SPACE_thread] * warps_m * warps_n);
  LAW_CHECK(w, l, tc_layout_is_surjective(l) && tc_layout_is_injective(l));
}

static void covers_are_exact(struct law *w) {
  check_cover(w, TC_FRAGMENT_wgmma_d, 192, 176, 3, 1); /* 384 threads */
  check_cover(w, TC_FRAGMENT_wgmma_d, 128, 176, 2, 1);
  check_cover(w, TC_FRAGMENT_wgmma_d, 256, 200, 2, 1);
  check_cover(w, TC_FRAGMENT_wgmma_d, 64, 8, 1, 1);
  check_cover(w, TC_FRAGMENT_wgmma_d, 64, 256, 1, 2);
  check_cover(w, TC_FRAGMENT_mma_c, 128, 128, 2, 2);
  check_cover(w, TC_FRAGMENT_mma_c, 48, 88, 3, 11);
  check_cover(w, TC_FRAGMENT_mma_c, 16, 200, 1, 25);
  check_cover(w, TC_FRAGMENT_mma_c, 100, 60, 2, 2); /* padded */
  check_cover(w, TC_FRAGMENT_mma_a16, 96, 80, 3, 1);
  check_cover(w, TC_FRAGMENT_mma_c_f64, 24, 40, 3, 5);
}

static void wgmma_slots_run_over_columns(struct law *w) {
  int64_t extents[] = {64, 176}, warps[] = {1, 1}, x[2];
  const tc_layout *l = tc_layout_cover(
      &w->arena, tc_layout_fragment(&w->arena, TC_FRAGMENT_wgmma_d), extents, warps);
  bool right = l->size[TC_SPACE_slot] == 88;
  for (int64_t i = 0; i < 88; i++) {
    tc_hw hw = {{0}};
    hw.at[TC_SPACE_slot] = i;
    right &= tc_layout_apply(l, &hw, x) && x[0] == i / 2 % 2 * 8 && x[1] == i / 4 * 8 + i % 2;
  }
  LAW_CHECK(w, l, right);
}

static void reducing_forgets_a_dim(struct law *w) {
  for (int i = 0; i < 600; i++) {
    const tc_layout *l = law_random(w, 3, (int)law_roll(w, 8));
    uint32_t dim = law_roll(w, 3);
    const tc_layout *r = tc_layout_reduce(&w->arena, l, dim);
    if (!CHECK(r != NULL)) continue;
    /* Each thread holds, of the result, exactly what it holds of the source. */
    bool right = r->size[TC_SPACE_thread] == l->size[TC_SPACE_thread];
    for (int64_t k = 0; k < law_points(l); k++) {
      tc_hw hw = tc_layout_hw(l, k), at;
      int64_t x[TC_LAYOUT_DIMS], y[TC_LAYOUT_DIMS];
      if (!tc_layout_apply(l, &hw, x)) continue;
      for (uint32_t d = 0, n = 0; d < 3; d++)
        if (d != dim) y[n++] = x[d];
      bool found = false;
      for (int64_t c = 0; tc_layout_find(r, y, c, &at); c++)
        found |= at.at[TC_SPACE_thread] == hw.at[TC_SPACE_thread];
      right &= found;
    }
    LAW_CHECK(w, l, right);
    LAW_CHECK(w, l, r->size[TC_SPACE_slot] <= l->size[TC_SPACE_slot]);
  }
}

/* The row maximum of an accumulator: two slots a thread, four copies of each. */
static void rows_of_accumulators(struct law *w) {
  int64_t extents[] = {64, 176}, warps[] = {1, 1};
  const tc_layout *l = tc_layout_cover(
      &w->arena, tc_layout_fragment(&w->arena, TC_FRAGMENT_wgmma_d), extents, warps);
  const tc_layout *r = tc_layout_reduce(&w->arena, l, 1);
  LAW_CHECK(w, r, r->n_dims == 1 && r->size[TC_SPACE_slot] == 2);
  LAW_CHECK(w, r, r->size[TC_SPACE_thread] == 128 && tc_layout_replicas(r) == 4);
  LAW_CHECK(w, r, tc_layout_is_replicated(r) && !tc_layout_is_replicated(l));
}

static void dims_move(struct law *w) {
  for (int i = 0; i < 400; i++) {
    const tc_layout *l = law_random(w, 3, (int)law_roll(w, 8));
    static const uint32_t ORDERS[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                         {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    const uint32_t *order = ORDERS[law_roll(w, 6)], at = law_roll(w, 4);
    const tc_layout *p = tc_layout_permute(&w->arena, l, order);
    const tc_layout *a = tc_layout_add_dim(&w->arena, l, at);
    if (!CHECK(p && a)) continue;
    bool right = a->bound[at] == 1 && a->n_dims == 4;
    for (int64_t k = 0; k < law_points(l); k++) {
      tc_hw hw = tc_layout_hw(l, k);
      int64_t x[TC_LAYOUT_DIMS], y[TC_LAYOUT_DIMS], z[TC_LAYOUT_DIMS];
      bool valid = tc_layout_apply(l, &hw, x);
      right &= tc_layout_apply(p, &hw, y) == valid && tc_layout_apply(a, &hw, z) == valid;
      for (uint32_t d = 0; d < 3; d++)
        right &= y[d] == x[order[d]] && z[d < at ? d : d + 1] == x[d];
      right &= z[at] == 0;
    }
    LAW_CHECK(w, l, right);
    LAW_CHECK(w, l, tc_layout_equal(tc_layout_reduce(&w->arena, a, at), l));
  }
}

static void check_reshape(struct law *w, const tc_layout *l, const tc_layout *r) {
  bool right = true;
  for (int64_t k = 0; k < law_points(l); k++) {
    tc_hw hw = tc_layout_hw(l, k);
    int64_t x[TC_LAYOUT_DIMS], y[TC_LAYOUT_DIMS], flat_x = 0, flat_y = 0;
    bool valid = tc_layout_apply(l, &hw, x);
    right &= tc_layout_apply(r, &hw, y) == valid;
    for (uint32_t d = 0; d < l->n_dims; d++)
      flat_x = flat_x * l->bound[d] + x[d];
    for (uint32_t d = 0; d < r->n_dims; d++)
      flat_y = flat_y * r->bound[d] + y[d];
    right &= !valid || flat_x == flat_y;
  }
  LAW_CHECK(w, l, right);
}

static void reshaping_keeps_row_major_order(struct law *w) {
  int n_done = 0;
  for (int i = 0; i < 3000; i++) {
    tc_arena_mark mark = tc_arena_here(&w->arena);
    const tc_layout *l = law_random(w, 1 + law_roll(w, 3), (int)law_roll(w, 8));
    int64_t rest = tc_layout_elements(l), extents[3];
    for (int d = 2; d >= 0; d--) {
      static const int64_t TRY[] = {1, 2, 4, 8, 16, 3, 6, 5};
      extents[d] = d == 0 ? rest : TRY[law_roll(w, 8)];
      if (rest % extents[d]) extents[d] = 1;
      rest /= extents[d];
    }
    const tc_layout *r = tc_layout_reshape(&w->arena, l, 3, extents);
    if (r) check_reshape(w, l, r), n_done++;
    tc_arena_rewind(&w->arena, mark);
  }
  CHECK(n_done > 800);
  int64_t extents[] = {64, 128}, split[] = {64, 2, 64}, wrong[] = {64, 2, 63};
  const tc_layout *m = tc_layout_swizzled(&w->arena, 2, extents, 16, TC_SWIZZLE_b128);
  const tc_layout *s = tc_layout_reshape(&w->arena, m, 3, split);
  CHECK(s && tc_layout_equal(tc_layout_reshape(&w->arena, s, 2, extents), m));
  CHECK(!tc_layout_reshape(&w->arena, m, 3, wrong));
}

/* Equal functions, however they were made, are equal as records. */
static void equality_is_of_functions(struct law *w) {
  int n_equal = 0;
  for (int i = 0; i < 40000; i++) {
    tc_arena_mark mark = tc_arena_here(&w->arena);
    int64_t bound[] = {8, 12};
    tc_mode modes[2][4] = {{{0}}};
    const tc_layout *l[2];
    for (int k = 0; k < 2; k++) {
      static const int64_t EXTENTS[] = {2, 3, 4, 6, 2}, STEPS[] = {0, 1, 2, 3, 4, 6, 1};
      for (int j = 0; j < 4; j++) {
        modes[k][j].space = TC_SPACE_slot, modes[k][j].dim = (uint8_t)law_roll(w, 2);
        modes[k][j].extent = EXTENTS[law_roll(w, 5)], modes[k][j].step = STEPS[law_roll(w, 7)];
        if (law_roll(w, 3)) continue;
        modes[k][j] = (tc_mode){.kind = TC_MODE_BIT, .space = TC_SPACE_slot, .extent = 2};
        modes[k][j].mask[0] = law_roll(w, 4), modes[k][j].mask[1] = law_roll(w, 4);
      }
      l[k] = tc_layout_make(&w->arena, 2, bound, modes[k], 1 + law_roll(w, 2));
    }
    if (l[0] && l[1] && law_points(l[0]) == law_points(l[1])) {
      bool same = true;
      for (int64_t k = 0; k < law_points(l[0]) && same; k++) {
        tc_hw hw = tc_layout_hw(l[0], k);
        int64_t x[2], y[2];
        tc_layout_apply(l[0], &hw, x), tc_layout_apply(l[1], &hw, y);
        same = x[0] == y[0] && x[1] == y[1];
      }
      LAW_CHECK(w, l[0], tc_layout_equal(l[0], l[1]) == same);
      n_equal += same;
    }
    tc_arena_rewind(&w->arena, mark);
  }
  CHECK(n_equal > 200);
}

static bool brute_contains(const tc_layout *have, const tc_layout *need) {
  for (int64_t i = 0; i < law_points(need); i++) {
    tc_hw hw = tc_layout_hw(need, i), at;
    int64_t x[TC_LAYOUT_DIMS];
    bool found = false;
    if (!tc_layout_apply(need, &hw, x)) continue;
    for (int64_t r = 0; tc_layout_find(have, x, r, &at); r++)
      found |= at.at[TC_SPACE_thread] == hw.at[TC_SPACE_thread];
    if (!found) return false;
  }
  return true;
}

static void containment(struct law *w) {
  int n_true = 0;
  for (int i = 0; i < 1500; i++) {
    tc_arena_mark mark = tc_arena_here(&w->arena);
    const tc_layout *a = law_random(w, 2, (int)law_roll(w, 8)), *b = a;
    uint32_t what = law_roll(w, 6);
    if (what == 0) b = law_random(w, 2, (int)law_roll(w, 8));
    if (what == 1) b = tc_layout_replicated(&w->arena, 2, a->bound, a->size[TC_SPACE_thread]);
    if (what == 2) b = tc_layout_condense(&w->arena, a);
    if (what == 3 && a->size[TC_SPACE_thread] > 1) { /* thread digits in another order */
      tc_mode *modes = tc_arena_copy(&w->arena, a->modes, a->n_modes * sizeof *modes);
      uint32_t k = law_roll(w, a->n_modes), j = law_roll(w, a->n_modes);
      tc_mode m = modes[k];
      modes[k] = modes[j], modes[j] = m;
      b = tc_layout_make(&w->arena, 2, a->bound, modes, a->n_modes);
    }
    if (what == 4) { /* one bound less */
      int64_t bound[TC_LAYOUT_DIMS];
      memcpy(bound, a->bound, sizeof bound);
      bound[law_roll(w, 2)] = 1;
      b = tc_layout_bounded(&w->arena, a, bound);
    }
    if (what == 5) { /* a digit counts further, over the end */
      tc_mode *modes = tc_arena_copy(&w->arena, a->modes, a->n_modes * sizeof *modes);
      for (uint32_t k = 0; k < a->n_modes; k++)
        if (modes[k].kind == TC_MODE_STEP && law_roll(w, 2)) modes[k].extent += 2;
      const tc_layout *longer = tc_layout_make(&w->arena, 2, a->bound, modes, a->n_modes);
      if (longer) {
        const int64_t box[] = {tc_layout_box(longer, 0), tc_layout_box(longer, 1)};
        b = tc_layout_bounded(&w->arena, longer, box);
      }
    }
    if (!CHECK(a && b)) continue;
    LAW_CHECK(w, a, tc_layout_contains(a, b) == brute_contains(a, b));
    LAW_CHECK(w, b, tc_layout_contains(b, a) == brute_contains(b, a));
    n_true += tc_layout_contains(a, b);
    tc_arena_rewind(&w->arena, mark);
  }
  CHECK(n_true > 300 && n_true < 1400);
}

static void warps_are_shared_out(struct law *w) {
  (void)w;
  int64_t m, n;
  CHECK(tc_warp_partition(4, 128, 128, 16, 8, 1, TC_WARPS_SQUARE, &m, &n) && m == 2 && n == 2);
  CHECK(tc_warp_partition(8, 128, 128, 16, 8, 1, TC_WARPS_SQUARE, &m, &n) && m == 2 && n == 4);
  CHECK(tc_warp_partition(4, 128, 128, 16, 8, 1, TC_WARPS_ROWS, &m, &n) && m == 4 && n == 1);
  CHECK(tc_warp_partition(8, 64, 128, 16, 8, 1, TC_WARPS_ROWS, &m, &n) && m == 4 && n == 2);
  CHECK(tc_warp_partition(8, 256, 128, 16, 8, 1, TC_WARPS_SQUARE, &m, &n) && m == 4 && n == 2);
  CHECK(tc_warp_partition(4, 128, 128, 16, 8, 1, TC_WARPS_COLUMNS, &m, &n) && m == 1 && n == 4);
  CHECK(tc_warp_partition(8, 128, 256, 16, 8, 4, TC_WARPS_SQUARE, &m, &n) && m == 4 && n == 2);
  CHECK(tc_warp_partition(12, 192, 176, 16, 8, 4, TC_WARPS_ROWS, &m, &n) && m == 12 && n == 1);
  CHECK(tc_warp_partition(11, 16, 176, 16, 8, 1, TC_WARPS_SQUARE, &m, &n) && m == 1 && n == 11);
  CHECK(!tc_warp_partition(8, 16, 24, 16, 8, 1, TC_WARPS_SQUARE, &m, &n));
  CHECK(!tc_warp_partition(4, 100, 128, 16, 8, 1, TC_WARPS_SQUARE, &m, &n));
}

/* What is not a layout is NULL. */
static void nonsense_is_refused(struct law *w) {
  int64_t bound[] = {8, 8}, zero[] = {0, 8};
  tc_mode same[] = {{.extent = 2, .step = 1}, {.space = TC_SPACE_slot, .extent = 3, .step = 1}};
  tc_mode overlap[] = {{.extent = 3, .step = 1}, {.extent = 2, .step = 2}};
  tc_mode uneven[] = {{.extent = 2, .step = 2}, {.extent = 2, .step = 5}};
  tc_mode no_dim[] = {{.extent = 2, .step = 1, .dim = 2}}, no_space[] = {{.space = 9, .extent = 2}};
  tc_mode negative[] = {{.extent = 2, .step = -1}}, none[] = {{.extent = 0, .step = 1}};
  tc_mode huge[] = {{.extent = INT64_C(1) << 40, .step = 1}, {.extent = INT64_C(1) << 40}};
  tc_mode bit[] = {{.kind = TC_MODE_BIT, .extent = 4, .mask = {1}}};
  tc_mode far[] = {{.kind = TC_MODE_BIT, .extent = 2, .mask = {0, 0, 1}}};
  CHECK(!tc_layout_make(&w->arena, 2, bound, same, 2));
  CHECK(!tc_layout_make(&w->arena, 2, bound, overlap, 2));
  CHECK(!tc_layout_make(&w->arena, 2, bound, uneven, 2));
  CHECK(!tc_layout_make(&w->arena, 2, bound, no_dim, 1));
  CHECK(!tc_layout_make(&w->arena, 2, bound, no_space, 1));
  CHECK(!tc_layout_make(&w->arena, 2, bound, negative, 1));
  CHECK(!tc_layout_make(&w->arena, 2, bound, none, 1));
  CHECK(!tc_layout_make(&w->arena, 2, bound, huge, 2));
  CHECK(!tc_layout_make(&w->arena, 2, bound, bit, 1));
  CHECK(!tc_layout_make(&w->arena, 2, bound, far, 1));
  CHECK(!tc_layout_make(&w->arena, 2, zero, NULL, 0));
  CHECK(!tc_layout_make(&w->arena, 7, bound, NULL, 0));
  CHECK(tc_layout_make(&w->arena, 0, NULL, NULL, 0) != NULL);
}

int main(void) {
  LAW(fragments_are_the_manuals);
  LAW(swizzles_are_the_byte_rule);
  LAW(rows_are_padded);
  LAW(one_element_needs_no_modes);
  LAW(tiling_repeats);
  LAW(covers_are_exact);
  LAW(wgmma_slots_run_over_columns);
  LAW(reducing_forgets_a_dim);
  LAW(rows_of_accumulators);
  LAW(dims_move);
  LAW(reshaping_keeps_row_major_order);
  LAW(equality_is_of_functions);
  LAW(containment);
  LAW(warps_are_shared_out);
  LAW(nonsense_is_refused);
  return check_report();
}
