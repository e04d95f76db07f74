/* A user's map as a layout: guess modes from a few points, check them at all of them. */
#include "layout/layout_private.h"

/* ---- the table ---- */

typedef struct fitting {
  tc_arena *arena;
  tc_layout *l;           /* the table, as a layout */
  tc_layout_table *table; /* the same, to write */
  int64_t *at, *element;
  int64_t n, n_places; /* entries; inputs */
} fitting;

static bool next_x(const tc_layout *l, int64_t *x) {
  for (uint32_t d = l->n_dims; d-- > 0;) {
    if (++x[d] < l->bound[d]) return true;
    x[d] = 0;
  }
  return false;
}

/* Asks for every point; sizes grow to hold what is said. */
static bool tabulate(fitting *f, tc_layout_fn *fn, void *context) {
  int64_t x[TC_LAYOUT_DIMS] = {0}, i = 0;
  do {
    for (int64_t r = 0; r < f->table->n_replicas; r++, i++) {
      tc_hw hw = {{0}};
      if (!fn(context, x, r, &hw)) return false;
      for (uint32_t s = 0; s < TC_N_SPACES; s++) {
        if (hw.at[s] < 0 || hw.at[s] >= TC_LAYOUT_POINTS) return false;
        if (hw.at[s] >= f->l->size[s]) f->l->size[s] = hw.at[s] + 1;
      }
      memcpy(f->at + i * TC_N_SPACES, hw.at, sizeof hw.at);
    }
  } while (next_x(f->l, x));
  return true;
}

static bool invert(fitting *f) {
  f->n_places = 1;
  for (uint32_t s = 0; s < TC_N_SPACES; s++)
    if (!tc_mul_fits(f->n_places, f->l->size[s], &f->n_places) || f->n_places > TC_LAYOUT_POINTS)
      return false;
  f->element = TC_NEW_ARRAY(f->arena, (size_t)f->n_places, int64_t);
  f->table->element = f->element;
  for (int64_t i = 0; i < f->n_places; i++)
    f->element[i] = -1;
  for (int64_t i = 0; i < f->n; i++) {
    int64_t flat = 0;
    for (uint32_t s = 0; s < TC_N_SPACES; s++)
      flat = flat * f->l->size[s] + f->at[i * TC_N_SPACES + s];
    if (f->element[flat] >= 0) return false;
    f->element[flat] = i / f->table->n_replicas;
  }
  return true;
}

/* ---- guessing ---- */

/* The coordinates at input `at` of one space, 0 in the others; false: padding. */
static bool value_at(const fitting *f, enum tc_space space, int64_t at, int64_t *x) {
  tc_hw hw = {{0}};
  hw.at[space] = at;
  return tc_layout_apply(f->l, &hw, x);
}

/* How often the value at `place` adds up before the map says otherwise; padding agrees with all. */
static int64_t run_of(const fitting *f, enum tc_space space, int64_t place, const int64_t *step) {
  int64_t most = (f->l->size[space] - 1) / place + 1, x[TC_LAYOUT_DIMS];
  for (int64_t i = 2; i < most; i++) {
    if (!value_at(f, space, i * place, x)) continue;
    for (uint32_t d = 0; d < f->l->n_dims; d++)
      if (x[d] != i * step[d]) return i;
  }
  return most;
}

/* What a digit is taken for when its value has one dim: the longest run; a bit if the value is no
 * power of two; a bit if the size has that power of two. */
enum guess_mode { GUESS_RUNS, GUESS_ODD_BITS, GUESS_BITS, N_GUESSES };

/* Adds the digit at *place, whose dims must be one or its extent two, and moves *place past it. */
static bool guess_digit(const fitting *f, tc_draft *draft, enum tc_space space, int64_t *place,
                        enum guess_mode mode_of) {
  int64_t x[TC_LAYOUT_DIMS];
  uint32_t n_dims = 0, dim = 0;
  if (!value_at(f, space, *place, x)) return false;
  for (uint32_t d = 0; d < f->l->n_dims; d++)
    if (x[d]) n_dims++, dim = d;
  bool as_bit = mode_of == GUESS_BITS && *place < tc_power_in(f->l->size[space]);
  as_bit |= mode_of == GUESS_ODD_BITS && n_dims == 1 && !tc_is_power_of_two(x[dim]);
  if (n_dims <= 1 && !as_bit) {
    int64_t extent = run_of(f, space, *place, x);
    tc_draft_run(draft, space, dim, extent, n_dims ? x[dim] : 0);
    *place *= extent;
    return true;
  }
  tc_mode mode = {.kind = TC_MODE_BIT, .space = (uint8_t)space, .extent = 2};
  for (uint32_t d = 0; d < f->l->n_dims; d++)
    mode.mask[d] = (uint64_t)x[d];
  tc_draft_mode(draft, mode);
  *place *= 2;
  return true;
}

static const tc_layout *guess(const fitting *f, enum guess_mode mode_of) {
  tc_draft *draft = tc_draft_new(f->arena, f->l->n_dims, f->l->bound);
  for (uint32_t s = 0; s < TC_N_SPACES; s++)
    for (int64_t place = 1; place < f->l->size[s];)
      if (draft->bad || !guess_digit(f, draft, (enum tc_space)s, &place, mode_of)) return NULL;
  return tc_draft_finish(draft);
}

/* The guess says at each input what the table says, and padding beyond it. */
static bool is_right(const fitting *f, const tc_layout *l) {
  int64_t n = 1, x[TC_LAYOUT_DIMS], y[TC_LAYOUT_DIMS];
  for (uint32_t s = 0; s < TC_N_SPACES; s++)
    if (!tc_mul_fits(n, l->size[s], &n) || n > 4 * TC_LAYOUT_POINTS) return false;
  for (int64_t i = 0; i < n; i++) {
    tc_hw hw = tc_layout_hw(l, i);
    bool valid = tc_layout_apply(l, &hw, x), inside = true;
    for (uint32_t s = 0; s < TC_N_SPACES; s++)
      inside &= hw.at[s] < f->l->size[s];
    if (valid != (inside && tc_layout_apply(f->l, &hw, y))) return false;
    if (valid && memcmp(x, y, l->n_dims * sizeof *x) != 0) return false;
  }
  return true;
}

const tc_layout *tc_layout_fit(tc_arena *arena, uint32_t n_dims, const int64_t *extents,
                               int64_t n_replicas, const int64_t *size, tc_layout_fn *fn,
                               void *context) {
  fitting f = {.arena = arena, .l = TC_NEW(arena, tc_layout), .n = n_replicas};
  if (n_dims > TC_LAYOUT_DIMS || n_replicas < 1 || n_replicas > TC_LAYOUT_POINTS) return NULL;
  f.l->n_dims = n_dims;
  for (uint32_t d = 0; d < TC_LAYOUT_DIMS; d++) {
    f.l->bound[d] = d < n_dims ? extents[d] : 1;
    if (f.l->bound[d] < 1 || !tc_mul_fits(f.n, f.l->bound[d], &f.n) || f.n > TC_LAYOUT_POINTS)
      return NULL;
  }
  for (uint32_t s = 0; s < TC_N_SPACES; s++)
    f.l->size[s] = size && size[s] > 1 ? size[s] : 1;
  f.table = TC_NEW(arena, tc_layout_table);
  f.l->table = f.table;
  f.table->n_replicas = n_replicas;
  f.table->at = f.at = TC_NEW_ARRAY(arena, (size_t)f.n * TC_N_SPACES, int64_t);
  if (!tabulate(&f, fn, context) || !invert(&f)) return NULL;
  for (int mode_of = 0; mode_of < N_GUESSES; mode_of++) {
    const tc_layout *l = guess(&f, (enum guess_mode)mode_of);
    if (l && is_right(&f, l)) return l;
  }
  return f.l;
}
