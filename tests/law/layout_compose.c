/* Digit forms give what applying and finding gives, at every point. */
#include "layout_kit.h"

static bool digits_agree(struct law *w, const tc_layout *m, const tc_layout *f,
                         const int64_t *origin, const tc_layout_digits *d) {
  int64_t n = law_points(f), x[TC_LAYOUT_DIMS];
  bool agree = true;
  for (int64_t i = 0; i < n && agree; i++) {
    tc_hw hw = tc_layout_hw(f, i);
    if (!tc_layout_apply(f, &hw, x)) continue;
    for (uint32_t k = 0; k < f->n_dims; k++)
      x[k] += origin ? origin[k] : 0;
    int64_t offset = tc_layout_offset(m, x);
    if (offset < 0) continue;
    const tc_layout_digits *fixed =
        tc_layout_digits_fix(&w->arena, d, TC_SPACE_slot, hw.at[TC_SPACE_slot]);
    agree = tc_layout_digits_at(d, &hw) == offset && tc_layout_digits_at(fixed, &hw) == offset;
    for (uint32_t k = 0; k < fixed->n_terms; k++)
      agree &= fixed->terms[k].space != TC_SPACE_slot;
  }
  if (!agree) printf("  into %s\n", law_text(w, m));
  return agree;
}

/* Table rows, tiled, in memory of every kind. */
static void table_rows_in_memory(struct law *w) {
  static const int64_t PITCH[] = {0, 8, 1, 40};
  for (int row = 0; row < TC_N_FRAGMENTS; row++)
    for (int s = 0; s < TC_N_SWIZZLES; s++)
      for (int p = 0; p < (s ? 1 : 4); p++) {
        const tc_layout *atom = tc_layout_fragment(&w->arena, (enum tc_fragment)row);
        uint32_t bits = tc_fragment_info((enum tc_fragment)row)->bits;
        bits = bits ? bits : 32;
        int64_t extents[] = {64, 1024 / bits * 3}, warps[] = {1, 1},
                buffer[] = {128, 1024 / bits * 6};
        if (row < TC_FRAGMENT_wgmma_d) warps[0] = 64 / atom->bound[0] < 4 ? 64 / atom->bound[0] : 4;
        const tc_layout *f = tc_layout_cover(&w->arena, atom, extents, warps);
        const tc_layout *m =
            s ? tc_layout_swizzled(&w->arena, 2, buffer, bits, (enum tc_swizzle)s)
              : tc_layout_row_major(&w->arena, 2, buffer, PITCH[p] ? buffer[1] + PITCH[p] : 0);
        int64_t origin[] = {64, extents[1]};
        const tc_layout_digits *d = f && m ? tc_layout_compose(&w->arena, m, f, origin) : NULL;
        if (CHECK(d != NULL)) LAW_CHECK(w, f, digits_agree(w, m, f, origin, d));
      }
}

static void check_coordinates(struct law *w, const tc_layout *l) {
  int64_t n = law_points(l), x[TC_LAYOUT_DIMS];
  const tc_layout_digits *copy = tc_layout_copy(&w->arena, l), *at[TC_LAYOUT_DIMS];
  for (uint32_t d = 0; d < l->n_dims; d++)
    at[d] = tc_layout_coordinate(&w->arena, l, d);
  bool agree = true, copies = true;
  for (int64_t i = 0; i < n; i++) {
    tc_hw hw = tc_layout_hw(l, i);
    tc_layout_apply(l, &hw, x);
    for (uint32_t d = 0; d < l->n_dims; d++)
      agree &= tc_layout_digits_at(at[d], &hw) == x[d];
    copies &= (tc_layout_digits_at(copy, &hw) == 0) == tc_layout_is_owner(l, &hw);
  }
  LAW_CHECK(w, l, agree);
  LAW_CHECK(w, l, copies);
}

static void random_coordinates(struct law *w) {
  for (int i = 0; i < 600; i++) {
    const tc_layout *l = law_random(w, 1 + law_roll(w, 3), (int)law_roll(w, 8));
    if (CHECK(l != NULL)) check_coordinates(w, l);
  }
}

static void random_composition(struct law *w) {
  int n_known = 0;
  for (int i = 0; i < 6000; i++) {
    tc_arena_mark mark = tc_arena_here(&w->arena);
    uint32_t n_dims = 1 + law_roll(w, 3);
    const tc_layout *f = law_random(w, n_dims, (int)law_roll(w, 8));
    const tc_layout *m = law_random(w, n_dims, LAW_MEMORY | (int)law_roll(w, 8));
    if (!CHECK(f && m)) continue;
    int64_t origin[TC_LAYOUT_DIMS];
    for (uint32_t d = 0; d < n_dims; d++)
      origin[d] = m->bound[d] > 1 ? law_roll(w, (uint32_t)m->bound[d]) : 0;
    const int64_t *from = law_roll(w, 2) ? origin : NULL;
    const tc_layout_digits *d = tc_layout_compose(&w->arena, m, f, from);
    if (d) LAW_CHECK(w, f, digits_agree(w, m, f, from, d));
    n_known += d != NULL;
    tc_arena_rewind(&w->arena, mark);
  }
  CHECK(n_known > 2000);
}

/* What the text of a kernel will show: few terms. */
static void store_of_accumulators_is_short(struct law *w) {
  const int64_t extents[] = {64, 64}, warps[] = {1, 1};
  const tc_layout *f = tc_layout_cover(
      &w->arena, tc_layout_fragment(&w->arena, TC_FRAGMENT_wgmma_d), extents, warps);
  const tc_layout *m = tc_layout_swizzled(&w->arena, 2, extents, 16, TC_SWIZZLE_b128);
  const tc_layout_digits *d = tc_layout_compose(&w->arena, m, f, NULL);
  if (!CHECK(d != NULL)) return;
  static const tc_layout_term WANT[] = {
      {.space = TC_SPACE_thread, .is_xor = true, .div = 4, .mod = 8, .step = 72},
      {.space = TC_SPACE_slot, .is_xor = true, .div = 4, .mod = 0, .step = 8},
      {.space = TC_SPACE_thread, .is_xor = false, .div = 1, .mod = 4, .step = 2},
      {.space = TC_SPACE_thread, .is_xor = false, .div = 32, .mod = 0, .step = 1024},
      {.space = TC_SPACE_slot, .is_xor = false, .div = 1, .mod = 2, .step = 1},
      {.space = TC_SPACE_slot, .is_xor = false, .div = 2, .mod = 2, .step = 512},
  };
  CHECK(d->n_terms == TC_COUNT(WANT) && d->xor_base == 0 && d->add_base == 0);
  for (uint32_t i = 0; i < d->n_terms && i < TC_COUNT(WANT); i++) {
    const tc_layout_term *t = &d->terms[i], *want = &WANT[i];
    CHECK(t->space == want->space && t->is_xor == want->is_xor && t->div == want->div
          && t->mod == want->mod && t->step == want->step && t->inner_div == 1
          && t->inner_mod == 0);
  }
}

int main(void) {
  LAW(table_rows_in_memory);
  LAW(random_coordinates);
  LAW(random_composition);
  LAW(store_of_accumulators_is_short);
  return check_report();
}
