/* The laws of layouts, by looking at every point: table rows, and many random layouts. */
#include "layout_kit.h"

enum { N_RANDOM = 1500 };

/* ---- a layout by itself ---- */

static bool same_hw(const tc_hw *a, const tc_hw *b) {
  return memcmp(a->at, b->at, sizeof a->at) == 0;
}

static bool same_x(const tc_layout *l, const int64_t *a, const int64_t *b) {
  return memcmp(a, b, l->n_dims * sizeof *a) == 0;
}

static int64_t flat_x(const tc_layout *l, const int64_t *x) {
  int64_t flat = 0;
  for (uint32_t d = 0; d < l->n_dims; d++)
    flat = flat * l->bound[d] + x[d];
  return flat;
}

/* Whether `hw` is among the copies of x that find gives, all of which must hold x, differ, and
 * begin with the owner. */
static bool is_found(const tc_layout *l, const tc_hw *hw, const int64_t *x) {
  int64_t n = tc_layout_replicas(l), y[TC_LAYOUT_DIMS];
  tc_hw at, before = {{-1, -1, -1}};
  bool found = false;
  for (int64_t r = 0; r < n; r++) {
    if (!tc_layout_find(l, x, r, &at) || !tc_layout_apply(l, &at, y) || !same_x(l, x, y))
      return false;
    if (same_hw(&at, &before) || tc_layout_is_owner(l, &at) != (r == 0)) return false;
    found |= same_hw(&at, hw);
    before = at;
  }
  return found && !tc_layout_find(l, x, n, &at);
}

static bool is_lowest(const tc_layout *l, const tc_hw *hw, const int64_t *x) {
  tc_hw first;
  if (!tc_layout_find(l, x, 0, &first)) return false;
  for (uint32_t s = 0; s < TC_N_SPACES; s++)
    if (first.at[s] != hw->at[s]) return first.at[s] < hw->at[s];
  return true;
}

/* What no input holds is not found. */
static bool is_missing_elsewhere(const tc_layout *l, const uint8_t *seen) {
  int64_t n = tc_layout_elements(l), x[TC_LAYOUT_DIMS];
  tc_hw hw;
  for (int64_t i = 0; i < n; i++) {
    int64_t rest = i;
    for (uint32_t d = l->n_dims; d-- > 0; rest /= l->bound[d])
      x[d] = rest % l->bound[d];
    if (tc_layout_find(l, x, 0, &hw) != (seen[i] != 0)) return false;
  }
  return true;
}

static void check_points(struct law *w, const tc_layout *l) {
  int64_t n = law_points(l), n_elements = tc_layout_elements(l), x[TC_LAYOUT_DIMS];
  uint8_t *seen = tc_arena_alloc(&w->arena, (size_t)n_elements);
  int64_t most[TC_LAYOUT_DIMS] = {0}, n_seen = 0;
  bool found = true, lowest = true, boxed = true;
  for (int64_t i = 0; i < n; i++) {
    tc_hw hw = tc_layout_hw(l, i);
    bool valid = tc_layout_apply(l, &hw, x), below = true;
    for (uint32_t d = 0; d < l->n_dims; d++) {
      below &= x[d] < l->bound[d];
      most[d] = x[d] > most[d] ? x[d] : most[d];
    }
    boxed &= valid == below;
    if (!valid) continue;
    n_seen += !seen[flat_x(l, x)]++;
    found &= is_found(l, &hw, x);
    lowest &= is_lowest(l, &hw, x);
  }
  LAW_CHECK(w, l, found);
  LAW_CHECK(w, l, is_missing_elsewhere(l, seen));
  LAW_CHECK(w, l, lowest);
  LAW_CHECK(w, l, boxed);
  LAW_CHECK(w, l, tc_layout_is_surjective(l) == (n_seen == n_elements));
  bool box = true;
  for (uint32_t d = 0; d < l->n_dims; d++)
    box &= tc_layout_box(l, d) >= most[d] + 1;
  LAW_CHECK(w, l, box);
}

static bool brute_replicated(struct law *w, const tc_layout *l) {
  int64_t n = law_points(l), n_elements = 1, x[TC_LAYOUT_DIMS];
  for (uint32_t d = 0; d < l->n_dims; d++)
    n_elements *= tc_layout_box(l, d);
  int64_t *thread = TC_NEW_ARRAY(&w->arena, (size_t)n_elements, int64_t);
  for (int64_t i = 0; i < n; i++) {
    tc_hw hw = tc_layout_hw(l, i);
    int64_t flat = 0;
    tc_layout_apply(l, &hw, x);
    for (uint32_t d = 0; d < l->n_dims; d++)
      flat = flat * tc_layout_box(l, d) + x[d];
    if (thread[flat] && thread[flat] != hw.at[TC_SPACE_thread] + 1) return true;
    thread[flat] = hw.at[TC_SPACE_thread] + 1;
  }
  return false;
}

static bool brute_injective(struct law *w, const tc_layout *l) {
  int64_t n = law_points(l), n_elements = 1, x[TC_LAYOUT_DIMS];
  for (uint32_t d = 0; d < l->n_dims; d++)
    n_elements *= tc_layout_box(l, d);
  uint8_t *seen = tc_arena_alloc(&w->arena, (size_t)n_elements);
  for (int64_t i = 0; i < n; i++) {
    tc_hw hw = tc_layout_hw(l, i);
    int64_t flat = 0;
    tc_layout_apply(l, &hw, x);
    for (uint32_t d = 0; d < l->n_dims; d++)
      flat = flat * tc_layout_box(l, d) + x[d];
    if (seen[flat]++) return false;
  }
  return true;
}

static void points_of_random_layouts(struct law *w) {
  tc_arena_mark mark = tc_arena_here(&w->arena);
  for (int i = 0; i < N_RANDOM; i++, tc_arena_rewind(&w->arena, mark)) {
    const tc_layout *l = law_random(w, 1 + law_roll(w, 3), (int)law_roll(w, 16));
    if (!CHECK(l != NULL)) continue;
    check_points(w, l);
    LAW_CHECK(w, l, tc_layout_is_replicated(l) == brute_replicated(w, l));
    LAW_CHECK(w, l, tc_layout_is_injective(l) == brute_injective(w, l));
  }
}

/* Dependent columns: copies that are not a digit of their own. */
static void points_of_dependent_columns(struct law *w) {
  const int64_t bound[] = {4, 8};
  for (int i = 0; i < 400; i++) {
    tc_mode modes[9];
    for (int k = 0; k < 9; k++) {
      modes[k] = (tc_mode){.kind = TC_MODE_BIT, .extent = 2};
      modes[k].space = (uint8_t)law_roll(w, 3);
      modes[k].mask[0] = law_roll(w, 4), modes[k].mask[1] = law_roll(w, 8);
    }
    const tc_layout *l = tc_layout_make(&w->arena, 2, bound, modes, 1 + law_roll(w, 9));
    if (!CHECK(l != NULL)) continue;
    check_points(w, l);
    LAW_CHECK(w, l, tc_layout_is_replicated(l) == brute_replicated(w, l));
    LAW_CHECK(w, l, tc_layout_is_injective(l) == brute_injective(w, l));
  }
}

/* Modes as they were given, summed and XORed: what make returns is that function. */
static void made_is_what_was_asked(struct law *w) {
  int n_made = 0;
  for (int i = 0; i < 20000; i++) {
    tc_arena_mark mark = tc_arena_here(&w->arena);
    static const int64_t EXTENTS[] = {2, 3, 4, 6, 8}, STEPS[] = {0, 1, 2, 3, 4, 6, 8, 12};
    const int64_t bound[] = {16, 16};
    tc_mode modes[4];
    uint32_t n = 1 + law_roll(w, 4);
    for (uint32_t k = 0; k < n; k++) {
      modes[k] = (tc_mode){.space = (uint8_t)law_roll(w, 2), .dim = (uint8_t)law_roll(w, 2)};
      modes[k].extent = EXTENTS[law_roll(w, 5)], modes[k].step = STEPS[law_roll(w, 8)];
      if (law_roll(w, 2)) continue;
      modes[k] = (tc_mode){.kind = TC_MODE_BIT, .space = modes[k].space, .extent = 2};
      modes[k].mask[0] = law_roll(w, 4), modes[k].mask[1] = law_roll(w, 8);
    }
    const tc_layout *l = tc_layout_make(&w->arena, 2, bound, modes, n);
    for (int64_t at = 0; l && at < law_points(l); at++) {
      tc_hw hw = tc_layout_hw(l, at), rest = hw;
      int64_t x[2], sum[2] = {0, 0};
      uint64_t bits[2] = {0, 0};
      for (uint32_t k = 0; k < n; k++) {
        int64_t digit = rest.at[modes[k].space] % modes[k].extent;
        rest.at[modes[k].space] /= modes[k].extent;
        if (modes[k].kind == TC_MODE_STEP) sum[modes[k].dim] += digit * modes[k].step;
        if (modes[k].kind == TC_MODE_BIT && digit)
          bits[0] ^= modes[k].mask[0], bits[1] ^= modes[k].mask[1];
      }
      tc_layout_apply(l, &hw, x);
      LAW_CHECK(w, l, x[0] == (int64_t)bits[0] + sum[0] && x[1] == (int64_t)bits[1] + sum[1]);
    }
    n_made += l != NULL;
    tc_arena_rewind(&w->arena, mark);
  }
  CHECK(n_made > 5000);
}

int main(void) {
  LAW(made_is_what_was_asked);
  LAW(points_of_random_layouts);
  LAW(points_of_dependent_columns);
  return check_report();
}
