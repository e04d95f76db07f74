/* Vector width and bank conflicts against their definitions. */
#include "layout_kit.h"

/* -1: not valid. */
static int64_t offset_of(const tc_layout *m, const tc_layout *f, const int64_t *origin, int64_t t,
                         int64_t slot) {
  tc_hw hw = {{0}};
  int64_t x[TC_LAYOUT_DIMS];
  hw.at[TC_SPACE_thread] = t, hw.at[TC_SPACE_slot] = slot;
  if (!tc_layout_apply(f, &hw, x)) return -1;
  for (uint32_t d = 0; d < f->n_dims; d++)
    x[d] += origin ? origin[d] : 0;
  return tc_layout_offset(m, x);
}

static bool is_vector(const tc_layout *m, const tc_layout *f, const int64_t *origin, int64_t v) {
  if (f->size[TC_SPACE_slot] % v) return false;
  for (int64_t t = 0; t < f->size[TC_SPACE_thread]; t++)
    for (int64_t slot = 0; slot < f->size[TC_SPACE_slot]; slot += v) {
      int64_t first = offset_of(m, f, origin, t, slot);
      if (first >= 0 && first % v) return false;
      for (int64_t i = 1; i < v; i++)
        if (offset_of(m, f, origin, t, slot + i) != (first < 0 ? -1 : first + i)) return false;
    }
  return true;
}

static int64_t brute_vector(const tc_layout *m, const tc_layout *f, const int64_t *origin,
                            int64_t most) {
  int64_t v = most;
  while (v > 1 && !is_vector(m, f, origin, v))
    v /= 2;
  return v;
}

/* ---- random ---- */

static void random_vectors_are_sound(struct law *w) {
  int n_wide = 0, n_short = 0;
  for (int i = 0; i < 6000; i++) {
    tc_arena_mark mark = tc_arena_here(&w->arena);
    uint32_t n_dims = 1 + law_roll(w, 2);
    const tc_layout *f = law_random(w, n_dims, (int)law_roll(w, 8));
    const tc_layout *m = law_random(w, n_dims, LAW_MEMORY | (int)law_roll(w, 8));
    if (!CHECK(f && m)) continue;
    int64_t v = tc_layout_vector(&w->arena, m, f, NULL, 8);
    int64_t brute = brute_vector(m, f, NULL, 8);
    LAW_CHECK(w, f, v <= brute);
    n_wide += v > 1, n_short += v < brute;
    tc_arena_rewind(&w->arena, mark);
  }
  CHECK(n_wide > 150 && n_short * 10 < n_wide);
}

/* ---- the cases of kernels ---- */

/* A copy of a tile by 128 threads, rows of `columns`. */
static void vectors_of_copies(struct law *w) {
  static const struct {
    int64_t rows, columns, pitch, vector, want;
  } CASES[] = {
      {64, 64, 0, 8, 8},  {64, 64, 72, 8, 8}, {64, 64, 68, 8, 4}, {64, 64, 66, 8, 2},
      {64, 64, 65, 8, 1}, {64, 200, 0, 8, 8}, {64, 100, 0, 4, 4}, {16, 176, 184, 8, 8},
      {7, 24, 0, 8, 8},   {64, 64, 0, 4, 4},  {100, 36, 0, 4, 4},
  };
  for (size_t i = 0; i < TC_COUNT(CASES); i++) {
    int64_t extents[] = {CASES[i].rows, CASES[i].columns};
    const tc_layout *m = tc_layout_row_major(&w->arena, 2, extents, CASES[i].pitch);
    const tc_layout *f = tc_layout_partition(&w->arena, 2, extents, 128, CASES[i].vector, false);
    if (!CHECK(m && f)) continue;
    LAW_CHECK(w, f, tc_layout_vector(&w->arena, m, f, NULL, 16) == CASES[i].want);
    LAW_CHECK(w, f, brute_vector(m, f, NULL, 16) == CASES[i].want);
  }
}

/* ---- banks: words asked for, counted per bank another way ---- */

static int32_t simulate(const int64_t *byte_at, uint32_t active, uint32_t size_b) {
  uint32_t together = size_b == 16 ? 8 : size_b == 8 ? 16 : 32;
  int32_t total = 0;
  for (uint32_t first = 0; first < 32; first += together) {
    int32_t most = 0;
    for (int64_t bank = 0; bank < 32; bank++) {
      uint8_t asked[1024] = {0};
      int32_t n = 0;
      for (uint32_t lane = first; lane < first + together; lane++)
        for (uint32_t b = 0; b < size_b && (active >> lane & 1); b++) {
          int64_t at = byte_at[lane] + b;
          if (at / 4 % 32 == bank) n += !asked[at / 128]++;
        }
      most = n > most ? n : most;
    }
    total += most;
  }
  return total;
}

static void wavefronts_of_random_addresses(struct law *w) {
  static const uint32_t SIZES[] = {1, 2, 4, 8, 16};
  for (int i = 0; i < 2000; i++) {
    int64_t byte_at[32];
    uint32_t size_b = SIZES[law_roll(w, 5)], stride = law_roll(w, 40);
    uint32_t active = law_roll(w, 2) ? UINT32_MAX : law_roll(w, 1u << 30);
    for (uint32_t lane = 0; lane < 32; lane++)
      byte_at[lane] = (int64_t)size_b * (law_roll(w, 2) ? lane * stride : law_roll(w, 256));
    CHECK(tc_bank_wavefronts(byte_at, active, size_b) == simulate(byte_at, active, size_b));
  }
}

static tc_bank_cost brute_banks(const tc_layout *m, const tc_layout *f, uint32_t bits, int64_t v) {
  tc_bank_cost cost = {0, 0};
  for (int64_t t = 0; t < f->size[TC_SPACE_thread]; t += 32)
    for (int64_t slot = 0; slot < f->size[TC_SPACE_slot]; slot += v) {
      int64_t byte_at[32] = {0};
      uint32_t active = 0;
      for (uint32_t lane = 0; lane < 32 && t + lane < f->size[TC_SPACE_thread]; lane++) {
        int64_t offset = offset_of(m, f, NULL, t + lane, slot);
        if (offset < 0) continue;
        byte_at[lane] = offset * bits / 8;
        active |= 1u << lane;
      }
      cost.wavefronts += simulate(byte_at, active, (uint32_t)v * bits / 8);
    }
  return cost;
}

static void banks_of_random_layouts(struct law *w) {
  for (int i = 0; i < 400; i++) {
    tc_arena_mark mark = tc_arena_here(&w->arena);
    const tc_layout *f = law_random(w, 2, (int)law_roll(w, 8));
    const tc_layout *m = law_random(w, 2, LAW_MEMORY | (int)law_roll(w, 8));
    if (!CHECK(f && m)) continue;
    int64_t v = tc_layout_vector(&w->arena, m, f, NULL, 4);
    LAW_CHECK(w, f,
              tc_layout_banks(&w->arena, m, f, NULL, 32, v).wavefronts
                  == brute_banks(m, f, 32, v).wavefronts);
    tc_arena_rewind(&w->arena, mark);
  }
}

/* Rows of 16 bytes, one a lane, in a column of chunks: swizzled memory has no conflict, for any
 * column, and plain memory of 128-byte rows has all of them. */
static void swizzles_have_no_conflicts(struct law *w) {
  for (int s = 0; s < TC_N_SWIZZLES; s++) {
    int64_t columns = s ? tc_swizzle_info((enum tc_swizzle)s)->span_b / 2 : 64;
    int64_t extents[] = {64, columns}, one[] = {32, 8};
    const tc_layout *m = tc_layout_swizzled(&w->arena, 2, extents, 16, (enum tc_swizzle)s);
    const tc_layout *f = tc_layout_partition(&w->arena, 2, one, 32, 8, false);
    for (int64_t column = 0; column < columns; column += 8) {
      int64_t origin[] = {0, column};
      tc_bank_cost cost = tc_layout_banks(&w->arena, m, f, origin, 16, 8);
      LAW_CHECK(w, m, cost.wavefronts == (s ? 4 : 32) && cost.least == 4);
    }
  }
}

int main(void) {
  LAW(random_vectors_are_sound);
  LAW(vectors_of_copies);
  LAW(wavefronts_of_random_addresses);
  LAW(banks_of_random_layouts);
  LAW(swizzles_have_no_conflicts);
  return check_report();
}
