/* What instructions can do, against their definitions: the answers' numbers are played through as
 * the hardware would, and where the answer is no, all numbers it could have given are tried. */
#include "layout_kit.h"

static int64_t swizzled_byte(int64_t byte, int bits) { /* bit by bit */
  for (int k = 0; k < bits; k++)
    if (byte >> (7 + k) & 1) byte ^= INT64_C(16) << k;
  return byte;
}

static int64_t swizzle_bits(enum tc_swizzle s) {
  return s == TC_SWIZZLE_b128 ? 3 : s == TC_SWIZZLE_b64 ? 2 : s == TC_SWIZZLE_b32 ? 1 : 0;
}

/* ---- ldmatrix ---- */

static int64_t held_at(const tc_layout *m, const tc_layout *f, const int64_t *origin, int64_t t,
                       int64_t slot) {
  tc_hw hw = {{0}};
  int64_t x[TC_LAYOUT_DIMS];
  hw.at[TC_SPACE_thread] = t, hw.at[TC_SPACE_slot] = slot;
  if (!tc_layout_apply(f, &hw, x)) return -1;
  for (uint32_t d = 0; d < f->n_dims; d++)
    x[d] += origin ? origin[d] : 0;
  return tc_layout_offset(m, x);
}

/* What lane `lane` gets in element `e` of register `r`, from the row addresses that lanes give. */
static int64_t loaded(const int64_t *row, uint32_t bits, bool trans, int64_t lane, int64_t r,
                      int64_t e) {
  int64_t in_register = 32 / bits;
  if (trans) return row[8 * r + 2 * (lane % 4) + e] + lane / 4;
  return row[8 * r + lane / 4] + lane % 4 * in_register + e;
}

static bool move_is_right(const tc_layout *m, const tc_layout *f, const int64_t *origin,
                          uint32_t bits, const tc_matrix_move *move) {
  int64_t in_register = 32 / bits;
  for (int64_t warp = 0; warp < f->size[TC_SPACE_thread] / 32; warp++)
    for (int64_t first = 0; first < f->size[TC_SPACE_slot]; first += move->slots) {
      int64_t row[32];
      for (int64_t lane = 0; lane < 32; lane++) {
        tc_hw hw = {{0}};
        hw.at[TC_SPACE_thread] = warp * 32 + lane, hw.at[TC_SPACE_slot] = first;
        row[lane] = tc_layout_digits_at(move->address, &hw);
        if (row[lane] * bits % 128) return false;
      }
      for (int64_t lane = 0; lane < 32; lane++)
        for (int64_t i = 0; i < move->slots; i++)
          if (held_at(m, f, origin, warp * 32 + lane, first + i)
              != loaded(row, bits, move->trans, lane, i / in_register, i % in_register))
            return false;
    }
  return true;
}

/* Whether one matrix could be loaded for each register, with addresses that are free to choose. */
static bool could_move(const tc_layout *m, const tc_layout *f, const int64_t *origin, uint32_t bits,
                       bool trans) {
  int64_t in_register = 32 / bits;
  if (trans && bits != 16) return false;
  for (int64_t t = 0; t < f->size[TC_SPACE_thread]; t += 32)
    for (int64_t first = 0; first < f->size[TC_SPACE_slot]; first += in_register) {
      int64_t row[8];
      for (int64_t i = 0; i < 8; i++) {
        row[i] = trans ? held_at(m, f, origin, t + i / 2, first + i % 2)
                       : held_at(m, f, origin, t + 4 * i, first);
        if (row[i] < 0 || row[i] * bits % 128) return false;
      }
      for (int64_t lane = 0; lane < 32; lane++)
        for (int64_t e = 0; e < in_register; e++)
          if (held_at(m, f, origin, t + lane, first + e) != loaded(row, bits, trans, lane, 0, e))
            return false;
    }
  return true;
}

static bool check_move(struct law *w, const tc_layout *m, const tc_layout *f, const int64_t *origin,
                       uint32_t bits, uint32_t *n) {
  tc_matrix_move move = {0};
  enum tc_legal why = tc_layout_matrix_move(&w->arena, m, f, origin, bits, 4, &move);
  bool could = could_move(m, f, origin, bits, false) || could_move(m, f, origin, bits, true);
  *n = why == TC_LEGAL_ok ? move.n_matrices : 0;
  if (why == TC_LEGAL_ok) LAW_CHECK(w, f, move_is_right(m, f, origin, bits, &move));
  if (!could) LAW_CHECK(w, f, why != TC_LEGAL_ok);
  return could == (why == TC_LEGAL_ok);
}

/* Operands of mma in every memory that GEMMs use, straight and transposed. */
static void matrices_of_operands(struct law *w) {
  static const enum tc_fragment ROWS[] = {
      TC_FRAGMENT_mma_a16, TC_FRAGMENT_mma_b16,    TC_FRAGMENT_mma_b16_n16, TC_FRAGMENT_mma_a8,
      TC_FRAGMENT_mma_b8,  TC_FRAGMENT_mma_a_tf32, TC_FRAGMENT_mma_b_tf32,  TC_FRAGMENT_wgmma_a16};
  static const uint32_t SWAP[] = {1, 0};
  for (size_t i = 0; i < TC_COUNT(ROWS); i++)
    for (int s = -1; s < TC_N_SWIZZLES; s++)
      for (int swap = 0; swap < 2; swap++) {
        uint32_t bits = tc_fragment_info(ROWS[i])->bits, n;
        int64_t extents[] = {64, 512 / bits}, warps[] = {1, 1}, origin[] = {64, 0};
        if (tc_fragment_info(ROWS[i])->rows < 64) warps[0] = 2;
        int64_t buffer[] = {128, swap ? 128 : 1024 / bits};
        const tc_layout *f =
            tc_layout_cover(&w->arena, tc_layout_fragment(&w->arena, ROWS[i]), extents, warps);
        const tc_layout *m =
            s < 0 ? tc_layout_row_major(&w->arena, 2, buffer, buffer[1] + 128 / bits)
                  : tc_layout_swizzled(&w->arena, 2, buffer, bits, (enum tc_swizzle)s);
        if (m && swap) m = tc_layout_permute(&w->arena, m, SWAP);
        if (!CHECK(f && m)) continue;
        LAW_CHECK(w, f, check_move(w, m, f, swap ? NULL : origin, bits, &n));
        /* Four registers at a time, but where a tile of B has two; transposed only 16 bits. */
        LAW_CHECK(w, f, n == (swap && bits != 16 ? 0u : 4u));
      }
}

static void matrices_of_odd_tiles(struct law *w) {
  int64_t extents[] = {64, 176}, warps[] = {1, 1}, buffer[] = {64, 192};
  const tc_layout *f = tc_layout_cover(
      &w->arena, tc_layout_fragment(&w->arena, TC_FRAGMENT_wgmma_d), extents, warps);
  const tc_layout *m = tc_layout_swizzled(&w->arena, 2, buffer, 16, TC_SWIZZLE_b128);
  uint32_t n;
  LAW_CHECK(w, f, check_move(w, m, f, NULL, 16, &n) && n == 4);
  extents[1] = 200; /* 25 eights: pairs of registers, no more */
  buffer[1] = 256;
  f = tc_layout_cover(&w->arena, tc_layout_fragment(&w->arena, TC_FRAGMENT_wgmma_d), extents,
                      warps);
  m = tc_layout_swizzled(&w->arena, 2, buffer, 16, TC_SWIZZLE_b128);
  LAW_CHECK(w, f, check_move(w, m, f, NULL, 16, &n) && n == 2);
  extents[1] = 100; /* padding is not for these instructions */
  f = tc_layout_cover(&w->arena, tc_layout_fragment(&w->arena, TC_FRAGMENT_wgmma_d), extents,
                      warps);
  LAW_CHECK(w, f, check_move(w, m, f, NULL, 16, &n) && n == 0);
}

/* Rows that do not begin at 16 bytes. */
static void matrices_off_their_grid(struct law *w) {
  int64_t extents[] = {64, 16}, warps[] = {1, 1}, buffer[] = {128, 64};
  const tc_layout *f = tc_layout_cover(
      &w->arena, tc_layout_fragment(&w->arena, TC_FRAGMENT_mma_a16), extents, warps);
  const tc_layout *m = tc_layout_row_major(&w->arena, 2, buffer, 72);
  for (int64_t column = 0; column < 48; column++) {
    int64_t origin[] = {3, column};
    uint32_t n;
    LAW_CHECK(w, f, check_move(w, m, f, origin, 16, &n) && (n == 4) == (column % 8 == 0));
  }
}

static void random_matrices(struct law *w) {
  int n_legal = 0, n_missed = 0;
  const tc_layout *atom = tc_layout_fragment(&w->arena, TC_FRAGMENT_mma_a16);
  for (int i = 0; i < 3000; i++) {
    tc_arena_mark mark = tc_arena_here(&w->arena);
    tc_mode *modes = tc_arena_copy(&w->arena, atom->modes, atom->n_modes * sizeof *modes);
    const int64_t bound[] = {16, 16}, warps[] = {1, 1}, pitch[] = {0, 24, 20};
    if (law_roll(w, 2)) { /* two of the atom's digits change places */
      uint32_t a = law_roll(w, atom->n_modes), b = law_roll(w, atom->n_modes);
      memcpy(modes[a].mask, atom->modes[b].mask, sizeof modes->mask);
      memcpy(modes[b].mask, atom->modes[a].mask, sizeof modes->mask);
    }
    if (law_roll(w, 2)) law_mix(w, modes, atom->n_modes);
    int64_t tile[] = {16 * (1 + law_roll(w, 2)), 16 * (1 + law_roll(w, 3))};
    const tc_layout *f = tc_layout_cover(
        &w->arena, tc_layout_make(&w->arena, 2, bound, modes, atom->n_modes), tile, warps);
    int64_t buffer[] = {32, 64};
    const tc_layout *m =
        law_roll(w, 2) ? tc_layout_swizzled(&w->arena, 2, buffer, 16,
                                            (enum tc_swizzle)law_roll(w, TC_N_SWIZZLES))
                       : tc_layout_row_major(&w->arena, 2, buffer, 64 + pitch[law_roll(w, 3)]);
    uint32_t n;
    if (CHECK(f && m)) n_missed += !check_move(w, m, f, NULL, 16, &n), n_legal += n > 0;
    tc_arena_rewind(&w->arena, mark);
  }
  CHECK(n_legal > 300 && n_missed * 20 < n_legal);
}

/* ---- wgmma ---- */

/* Address of (mn, k) by the canonical forms, in the words of the table in the PTX manual. */
static int64_t operand_byte(int64_t start, enum tc_swizzle s, bool mn_major, int64_t lbo,
                            int64_t sbo, int64_t eb, int64_t mn, int64_t k) {
  int64_t t = 16 / eb, wide = t << swizzle_bits(s), at;
  if (s == TC_SWIZZLE_none && !mn_major)
    at = (mn % 8 * t + k % t) * eb + mn / 8 * sbo + k / t * lbo;
  else if (s == TC_SWIZZLE_none)
    at = (mn % t + k % 8 * t) * eb + mn / t * sbo + k / 8 * lbo;
  else if (!mn_major)
    at = (mn % 8 * wide + k) * eb + mn / 8 * sbo;
  else
    at = (mn % wide + k % 8 * wide) * eb + mn / wide * lbo + k / 8 * sbo;
  return swizzled_byte(start + at, (int)swizzle_bits(s));
}

static int64_t memory_byte(const tc_layout *m, const tc_wgmma_tile *t, int64_t mn, int64_t k) {
  int64_t x[TC_LAYOUT_DIMS] = {0};
  for (uint32_t d = 0; d < m->n_dims; d++)
    x[d] = t->origin ? t->origin[d] : 0;
  x[t->mn_dim] += mn, x[t->k_dim] += k;
  return tc_layout_offset(m, x) * t->element_bits / 8;
}

static bool operand_is_right(const tc_layout *m, const tc_wgmma_tile *t, enum tc_swizzle s,
                             bool mn_major, int64_t lbo, int64_t sbo, const int64_t *start) {
  int64_t eb = t->element_bits / 8, k_step = 32 / eb;
  for (int64_t k = 0; k < t->n_steps * k_step; k++)
    for (int64_t mn = 0; mn < t->mn; mn++)
      if (memory_byte(m, t, mn, k)
          != operand_byte(start[k / k_step], s, mn_major, lbo, sbo, eb, mn, k % k_step))
        return false;
  return true;
}

/* Some swizzle, major and distances would do for one step. */
static bool could_read(const tc_layout *m, const tc_wgmma_tile *t) {
  tc_wgmma_tile one = *t;
  one.n_steps = 1;
  for (int s = 0; s < TC_N_SWIZZLES; s++)
    for (int mn_major = 0; mn_major < (t->element_bits == 16 ? 2 : 1); mn_major++)
      for (int64_t lbo = 0; lbo <= 16384; lbo = lbo ? lbo * 2 : 16)
        for (int64_t sbo = 0; sbo <= 16384; sbo = sbo ? sbo * 2 : 16) {
          int64_t start =
              swizzled_byte(memory_byte(m, t, 0, 0), (int)swizzle_bits((enum tc_swizzle)s));
          if (operand_is_right(m, &one, (enum tc_swizzle)s, mn_major, lbo, sbo, &start))
            return true;
        }
  return false;
}

static enum tc_legal check_operand(struct law *w, const tc_layout *m, const tc_wgmma_tile *t,
                                   tc_wgmma_operand *o) {
  enum tc_legal why = tc_layout_wgmma(&w->arena, m, t, o);
  if (why == TC_LEGAL_ok)
    LAW_CHECK(
        w, m,
        operand_is_right(m, t, o->swizzle, o->mn_major, o->leading_b, o->stride_b, o->start_b));
  return why;
}

/* The worked values of the reference: 16-bit, 128 bytes, k of 64 and 128. */
static void operand_numbers(struct law *w) {
  int64_t extents[] = {128, 128}, origin[] = {64, 0};
  const tc_layout *m = tc_layout_swizzled(&w->arena, 2, extents, 16, TC_SWIZZLE_b128);
  tc_wgmma_tile t = {.mn_dim = 0, .k_dim = 1, .mn = 64, .n_steps = 8, .element_bits = 16};
  tc_wgmma_operand o;
  CHECK(check_operand(w, m, &t, &o) == TC_LEGAL_ok);
  CHECK(o.swizzle == TC_SWIZZLE_b128 && !o.mn_major && o.stride_b == 1024);
  CHECK(o.start_b[0] == 0 && o.start_b[1] == 32 && o.start_b[3] == 96);
  CHECK(o.start_b[4] == 128 * 128 && o.start_b[5] == 128 * 128 + 32);
  CHECK(tc_wgmma_descriptor(&o) == (UINT64_C(1) << 62 | UINT64_C(64) << 32));
  t.origin = origin;
  CHECK(check_operand(w, m, &t, &o) == TC_LEGAL_ok && o.start_b[0] == 8192);
  tc_wgmma_tile n = {.mn_dim = 1, .k_dim = 0, .mn = 128, .n_steps = 4, .element_bits = 16};
  CHECK(check_operand(w, m, &n, &o) == TC_LEGAL_ok);
  CHECK(o.mn_major && o.stride_b == 1024 && o.leading_b == 128 * 128);
  CHECK(o.start_b[1] == 2048 && o.start_b[3] == 6144);
}

static void operands_of_all_kinds(struct law *w) {
  static const uint32_t BITS[] = {8, 16, 32};
  static const int64_t MN[] = {8, 64, 96, 176, 200, 256};
  for (int s = 1; s < TC_N_SWIZZLES; s++)
    for (size_t b = 0; b < 3; b++)
      for (size_t i = 0; i < TC_COUNT(MN); i++)
        for (int mn_major = 0; mn_major < 2; mn_major++) {
          int64_t span = tc_swizzle_info((enum tc_swizzle)s)->span_b * 8 / BITS[b];
          int64_t k = 512 / BITS[b] * 2, mn = (MN[i] + span - 1) / span * span;
          int64_t extents[] = {mn_major ? k : MN[i], mn_major ? mn : k < span ? span : k};
          const tc_layout *m =
              tc_layout_swizzled(&w->arena, 2, extents, BITS[b], (enum tc_swizzle)s);
          tc_wgmma_tile t = {.mn_dim = mn_major ? 1 : 0,
                             .k_dim = mn_major ? 0 : 1,
                             .mn = MN[i],
                             .n_steps = 4,
                             .element_bits = BITS[b]};
          tc_wgmma_operand o;
          if (!CHECK(m != NULL)) continue;
          enum tc_legal want = mn_major && BITS[b] != 16 ? TC_LEGAL_element : TC_LEGAL_ok;
          LAW_CHECK(w, m, check_operand(w, m, &t, &o) == want);
          if (want == TC_LEGAL_ok && MN[i] > 8)
            LAW_CHECK(w, m, (int)o.swizzle == s && o.mn_major == mn_major);
        }
}

/* Without a swizzle, 8 x 16-byte blocks: the form of CUTLASS's interleaved layouts. */
static void operands_without_swizzle(struct law *w) {
  const int64_t bound[] = {64, 32};
  tc_mode modes[] = {{.space = TC_SPACE_offset, .dim = 1, .extent = 8, .step = 1},
                     {.space = TC_SPACE_offset, .dim = 0, .extent = 64, .step = 1},
                     {.space = TC_SPACE_offset, .dim = 1, .extent = 4, .step = 8}};
  const tc_layout *m = tc_layout_make(&w->arena, 2, bound, modes, 3);
  tc_wgmma_tile t = {.mn_dim = 0, .k_dim = 1, .mn = 64, .n_steps = 2, .element_bits = 16};
  tc_wgmma_operand o;
  CHECK(check_operand(w, m, &t, &o) == TC_LEGAL_ok && o.swizzle == TC_SWIZZLE_none);
  CHECK(o.leading_b == 1024 && o.stride_b == 128 && o.start_b[1] == 2048);
}

static void operands_that_are_refused(struct law *w) {
  int64_t extents[] = {64, 64}, row[] = {4, 0}, edge[] = {32, 0};
  tc_wgmma_tile t = {.mn_dim = 0, .k_dim = 1, .mn = 64, .n_steps = 4, .element_bits = 16};
  tc_wgmma_operand o;
  const tc_layout *rows = tc_layout_row_major(&w->arena, 2, extents, 0);
  const tc_layout *padded = tc_layout_row_major(&w->arena, 2, extents, 72);
  const tc_layout *good = tc_layout_swizzled(&w->arena, 2, extents, 16, TC_SWIZZLE_b128);
  CHECK(check_operand(w, rows, &t, &o) == TC_LEGAL_swizzle && !could_read(rows, &t));
  CHECK(check_operand(w, padded, &t, &o) != TC_LEGAL_ok && !could_read(padded, &t));
  t.origin = edge;
  CHECK(check_operand(w, good, &t, &o) == TC_LEGAL_bounds);
  t.origin = row, t.mn = 8;
  CHECK(check_operand(w, good, &t, &o) == TC_LEGAL_align);
  t.mn = 12;
  CHECK(check_operand(w, good, &t, &o) == TC_LEGAL_shape);
  t.element_bits = 64;
  CHECK(check_operand(w, good, &t, &o) == TC_LEGAL_element);
}

static void random_operands(struct law *w) {
  int n_legal = 0;
  for (int i = 0; i < 400; i++) {
    tc_arena_mark mark = tc_arena_here(&w->arena);
    int64_t extents[] = {16, 64};
    const tc_layout *base =
        tc_layout_swizzled(&w->arena, 2, extents, 16, (enum tc_swizzle)law_roll(w, TC_N_SWIZZLES));
    tc_mode *modes = tc_arena_copy(&w->arena, base->modes, base->n_modes * sizeof *modes);
    for (uint32_t n = law_roll(w, 3); n; n--) {
      uint32_t a = 3 + law_roll(w, base->n_modes - 3), b = 3 + law_roll(w, base->n_modes - 3);
      tc_mode m = modes[a];
      modes[a] = modes[b], modes[b] = m;
    }
    const tc_layout *m = tc_layout_make(&w->arena, 2, extents, modes, base->n_modes);
    tc_wgmma_tile t = {.mn_dim = 0, .k_dim = 1, .mn = 16, .n_steps = 1, .element_bits = 16};
    tc_wgmma_operand o;
    if (law_roll(w, 2)) t.mn_dim = 1, t.k_dim = 0;
    enum tc_legal why = check_operand(w, m, &t, &o);
    LAW_CHECK(w, m, could_read(m, &t) == (why == TC_LEGAL_ok));
    n_legal += why == TC_LEGAL_ok;
    tc_arena_rewind(&w->arena, mark);
  }
  CHECK(n_legal > 40 && n_legal < 360);
}

/* A swizzled buffer with a few digits exchanged or mixed: mostly right, but not quite. */
static const tc_layout *damaged(struct law *w, int64_t rows, int64_t columns, uint32_t bits) {
  int64_t extents[] = {rows, columns};
  const tc_layout *base =
      tc_layout_swizzled(&w->arena, 2, extents, bits, (enum tc_swizzle)law_roll(w, TC_N_SWIZZLES));
  tc_mode *modes = tc_arena_copy(&w->arena, base->modes, base->n_modes * sizeof *modes);
  uint32_t n = base->n_modes;
  for (uint32_t k = law_roll(w, 3); k; k--) {
    tc_mode *a = &modes[3 + law_roll(w, n - 3)], *b = &modes[3 + law_roll(w, n - 3)], m = *a;
    if (law_roll(w, 2) && a != b && a->kind == TC_MODE_BIT && b->kind == TC_MODE_BIT)
      a->mask[0] ^= b->mask[0], a->mask[1] ^= b->mask[1];
    else
      *a = *b, *b = m;
  }
  return tc_layout_make(&w->arena, 2, extents, modes, n);
}

static void damaged_operands(struct law *w) {
  int n_legal = 0;
  for (int i = 0; i < 3000; i++) {
    tc_arena_mark mark = tc_arena_here(&w->arena);
    const tc_layout *m = damaged(w, 64, 64, 16);
    tc_wgmma_tile t = {.mn_dim = 0, .k_dim = 1, .n_steps = 2, .element_bits = 16};
    tc_wgmma_operand o;
    if (law_roll(w, 2)) t.mn_dim = 1, t.k_dim = 0;
    t.mn = 64;
    if (m && check_operand(w, m, &t, &o) == TC_LEGAL_ok) n_legal++;
    tc_arena_rewind(&w->arena, mark);
  }
  CHECK(n_legal > 300 && n_legal < 2700);
}

/* ---- TMA ---- */

/* Writes element by element what the boxes write, and compares where things come to lie. */
static bool boxes_are_right(struct law *w, const tc_layout *m, uint32_t bits, const uint32_t *order,
                            const tc_tma_boxes *b) {
  int64_t eb = bits / 8, x[TC_LAYOUT_DIMS], n = 0;
  uint8_t *seen = tc_arena_alloc(&w->arena, (size_t)m->size[TC_SPACE_offset]);
  for (int64_t box = 0; box < b->n_boxes; box++)
    for (int64_t i = 0; i < b->box_b / eb; i++) {
      int64_t in_box = i, at = box;
      for (uint32_t k = 0; k < m->n_dims; k++) {
        uint32_t d = order ? order[k] : m->n_dims - 1 - k;
        x[d] = in_box % b->extent[d], in_box /= b->extent[d];
      }
      for (uint32_t d = m->n_dims; d-- > 0; at /= b->count[d])
        x[d] += at % b->count[d] * b->extent[d];
      int64_t byte = swizzled_byte(b->start_b[box] + i * eb, (int)swizzle_bits(b->swizzle));
      if (byte != tc_layout_offset(m, x) * eb || seen[byte / eb]++) return false;
      n++;
    }
  return n == tc_layout_elements(m);
}

static void check_boxes(struct law *w, const tc_layout *m, uint32_t bits, enum tc_legal want,
                        enum tc_swizzle swizzle, int64_t n_boxes) {
  tc_tma_boxes b;
  enum tc_legal why = tc_layout_tma(&w->arena, m, bits, NULL, &b);
  LAW_CHECK(w, m, why == want);
  if (why != TC_LEGAL_ok) return;
  LAW_CHECK(w, m, boxes_are_right(w, m, bits, NULL, &b));
  LAW_CHECK(w, m, b.swizzle == swizzle && b.n_boxes == n_boxes);
  for (uint32_t d = 0; d < m->n_dims; d++)
    LAW_CHECK(w, m, b.extent[d] >= 1 && b.extent[d] <= 256);
  for (int64_t i = 0; i < b.n_boxes; i++)
    LAW_CHECK(w, m, b.start_b[i] % tc_swizzle_info(b.swizzle)->align_b == 0);
}

static void boxes_of_buffers(struct law *w) {
  static const struct {
    int64_t rows, columns, pitch;
    int swizzle;
    uint32_t bits;
    enum tc_legal want;
    int64_t n_boxes;
  } CASES[] = {
      {128, 64, 0, TC_SWIZZLE_b128, 16, TC_LEGAL_ok, 1},
      {128, 128, 0, TC_SWIZZLE_b128, 16, TC_LEGAL_ok, 2},
      {176, 192, 0, TC_SWIZZLE_b128, 16, TC_LEGAL_ok, 3},
      {512, 64, 0, TC_SWIZZLE_b128, 16, TC_LEGAL_ok, 2},
      {64, 96, 0, TC_SWIZZLE_b64, 16, TC_LEGAL_ok, 3},
      {64, 16, 0, TC_SWIZZLE_b32, 16, TC_LEGAL_ok, 1},
      {64, 256, 0, TC_SWIZZLE_b128, 8, TC_LEGAL_ok, 2},
      {64, 32, 0, TC_SWIZZLE_b128, 32, TC_LEGAL_ok, 1},
      {64, 200, 0, TC_SWIZZLE_none, 16, TC_LEGAL_ok, 1},
      {4, 512, 0, TC_SWIZZLE_none, 16, TC_LEGAL_ok, 8},
      {8, 64, 128, TC_SWIZZLE_none, 16, TC_LEGAL_ok, 8},
      {8, 64, 72, TC_SWIZZLE_none, 16, TC_LEGAL_align, 0},
      {64, 100, 0, TC_SWIZZLE_none, 8, TC_LEGAL_contiguous, 0},
  };
  for (size_t i = 0; i < TC_COUNT(CASES); i++) {
    int64_t extents[] = {CASES[i].rows, CASES[i].columns};
    const tc_layout *m = CASES[i].swizzle
                             ? tc_layout_swizzled(&w->arena, 2, extents, CASES[i].bits,
                                                  (enum tc_swizzle)CASES[i].swizzle)
                             : tc_layout_row_major(&w->arena, 2, extents, CASES[i].pitch);
    if (CHECK(m != NULL))
      check_boxes(w, m, CASES[i].bits, CASES[i].want, (enum tc_swizzle)CASES[i].swizzle,
                  CASES[i].n_boxes);
  }
  int64_t cube[] = {3, 8, 64};
  check_boxes(w, tc_layout_swizzled(&w->arena, 3, cube, 16, TC_SWIZZLE_b128), 16, TC_LEGAL_ok,
              TC_SWIZZLE_b128, 1);
}

static void random_boxes(struct law *w) {
  int n_legal = 0;
  for (int i = 0; i < 1500; i++) {
    tc_arena_mark mark = tc_arena_here(&w->arena);
    const tc_layout *m = law_random(w, 1 + law_roll(w, 3), LAW_MEMORY | (int)law_roll(w, 2));
    tc_tma_boxes b;
    uint32_t order[TC_LAYOUT_DIMS], bits = 8u << law_roll(w, 4);
    for (uint32_t d = 0; m && d < m->n_dims; d++)
      order[d] = d;
    const uint32_t *by = law_roll(w, 2) ? order : NULL;
    if (CHECK(m != NULL) && tc_layout_tma(&w->arena, m, bits, by, &b) == TC_LEGAL_ok) {
      n_legal++;
      LAW_CHECK(w, m, boxes_are_right(w, m, bits, by, &b));
    }
    tc_arena_rewind(&w->arena, mark);
  }
  CHECK(n_legal > 50);
}

static void damaged_boxes(struct law *w) {
  int n_legal = 0;
  for (int i = 0; i < 2000; i++) {
    tc_arena_mark mark = tc_arena_here(&w->arena);
    const tc_layout *m = damaged(w, 32, 128, 16);
    tc_tma_boxes b;
    if (m && tc_layout_tma(&w->arena, m, 16, NULL, &b) == TC_LEGAL_ok) {
      LAW_CHECK(w, m, boxes_are_right(w, m, 16, NULL, &b));
      n_legal++;
    }
    tc_arena_rewind(&w->arena, mark);
  }
  CHECK(n_legal > 200 && n_legal < 1800);
}

int main(void) {
  LAW(matrices_of_operands);
  LAW(matrices_of_odd_tiles);
  LAW(matrices_off_their_grid);
  LAW(random_matrices);
  LAW(operand_numbers);
  LAW(operands_of_all_kinds);
  LAW(operands_without_swizzle);
  LAW(operands_that_are_refused);
  LAW(random_operands);
  LAW(damaged_operands);
  LAW(boxes_of_buffers);
  LAW(random_boxes);
  LAW(damaged_boxes);
  return check_report();
}
