/* Normal form and elimination: how a list of modes becomes a layout. */
#include "layout/layout_private.h"

/* ---- drafts ---- */

tc_draft *tc_draft_new(tc_arena *arena, uint32_t n_dims, const int64_t *bound) {
  tc_draft *d = TC_NEW(arena, tc_draft);
  d->arena = arena;
  d->bad = n_dims > TC_LAYOUT_DIMS;
  d->n_dims = d->bad ? 0 : n_dims;
  for (uint32_t i = 0; i < TC_LAYOUT_DIMS; i++) {
    d->bound[i] = i < d->n_dims ? bound[i] : 1;
    if (d->bound[i] < 1 || d->bound[i] >= TC_LAYOUT_MOST) d->bad = true;
  }
  return d;
}

static void append(tc_draft *d, tc_mode mode) {
  d->at = tc_vec_room(d->arena, d->at, d->n, &d->cap, 1, sizeof *d->at);
  d->at[d->n++] = mode;
}

tc_draft *tc_draft_of(tc_arena *arena, const tc_layout *l) {
  tc_draft *d = tc_draft_new(arena, l->n_dims, l->bound);
  for (uint32_t i = 0; i < l->n_modes; i++)
    append(d, l->modes[i]);
  if (l->table) d->bad = true;
  return d;
}

void tc_draft_mode(tc_draft *d, tc_mode mode) {
  if (d->n == TC_LAYOUT_MODES || mode.extent < 1) d->bad = true;
  if (d->bad || mode.extent == 1) return;
  append(d, mode);
}

static tc_mode step_mode(enum tc_space space, uint32_t dim, int64_t extent, int64_t step) {
  return (tc_mode){.kind = TC_MODE_STEP,
                   .space = (uint8_t)space,
                   .dim = (uint8_t)dim,
                   .extent = extent,
                   .step = step};
}

void tc_draft_step(tc_draft *d, enum tc_space space, uint32_t dim, int64_t extent, int64_t step) {
  tc_draft_mode(d, step_mode(space, dim, extent, step));
}

void tc_draft_run(tc_draft *d, enum tc_space space, uint32_t dim, int64_t extent, int64_t step) {
  for (; tc_is_power_of_two(step) && extent % 2 == 0 && !d->bad; extent /= 2, step *= 2) {
    tc_mode bit = {.kind = TC_MODE_BIT, .space = (uint8_t)space, .extent = 2};
    bit.mask[dim] = (uint64_t)step;
    tc_draft_mode(d, bit);
  }
  tc_draft_step(d, space, dim, extent, step);
}

void tc_draft_step_below(tc_draft *d, enum tc_space space, uint32_t dim, int64_t extent,
                         int64_t step) {
  uint32_t n = d->n;
  tc_draft_step(d, space, dim, extent, step);
  if (d->bad || d->n == n) return;
  tc_mode mode = d->at[n];
  memmove(&d->at[1], &d->at[0], n * sizeof d->at[0]);
  d->at[0] = mode;
}

/* ---- normal form ---- */

/* Bits of each dim that more than one mask has. */
static void find_shared(const tc_mode *modes, uint32_t n, uint64_t *shared) {
  uint64_t seen[TC_LAYOUT_DIMS] = {0};
  memset(shared, 0, TC_LAYOUT_DIMS * sizeof *shared);
  for (uint32_t i = 0; i < n; i++) {
    if (modes[i].kind != TC_MODE_BIT) continue;
    for (uint32_t d = 0; d < TC_LAYOUT_DIMS; d++) {
      shared[d] |= seen[d] & modes[i].mask[d];
      seen[d] |= modes[i].mask[d];
    }
  }
}

/* A BIT of one dim, or of none, that shares no bit with other masks is a STEP. */
static tc_mode as_step(const tc_mode *bit, const uint64_t *shared) {
  uint32_t n = 0, dim = 0;
  for (uint32_t d = 0; d < TC_LAYOUT_DIMS; d++) {
    uint64_t mask = bit->mask[d];
    if (!mask) continue;
    if ((mask & shared[d]) || n++) return *bit;
    dim = d;
  }
  return step_mode((enum tc_space)bit->space, dim, 2, (int64_t)bit->mask[dim]);
}

static bool continues(const tc_mode *low, const tc_mode *high) {
  if (low->kind != TC_MODE_STEP || high->kind != TC_MODE_STEP || low->space != high->space)
    return false;
  if (low->step == 0 || high->step == 0) return low->step == high->step;
  int64_t next;
  return low->dim == high->dim && tc_mul_fits(low->step, low->extent, &next) && next == high->step;
}

/* Joins runs in place, in the order of spaces; returns the new count. */
static uint32_t join_runs(tc_mode *modes, uint32_t n) {
  uint64_t shared[TC_LAYOUT_DIMS];
  tc_mode out[TC_LAYOUT_MODES];
  uint32_t n_out = 0;
  find_shared(modes, n, shared);
  for (uint32_t space = 0; space < TC_N_SPACES; space++)
    for (uint32_t i = 0; i < n; i++) {
      if (modes[i].space != space || modes[i].extent == 1) continue;
      tc_mode mode = modes[i].kind == TC_MODE_BIT ? as_step(&modes[i], shared) : modes[i];
      if (mode.kind == TC_MODE_STEP && mode.step == 0) mode.dim = 0;
      if (n_out && continues(&out[n_out - 1], &mode))
        out[n_out - 1].extent *= mode.extent;
      else
        out[n_out++] = mode;
    }
  if (n_out) memcpy(modes, out, n_out * sizeof *out);
  return n_out;
}

uint32_t tc_layout_runs(const tc_layout *l, tc_mode *modes) {
  for (uint32_t i = 0; i < l->n_modes; i++)
    modes[i] = l->modes[i];
  return join_runs(modes, l->n_modes);
}

typedef struct splitting {
  tc_mode *at;
  uint32_t n;
  uint64_t used[TC_LAYOUT_DIMS]; /* bits of the masks and, so far, of the runs */
} splitting;

/* Appends `run`, the power of two in its extent as bits if its step is one, too.  False where such
 * a bit meets another: that would be a sum with a carry, and must not become an XOR. */
static bool split_run(splitting *s, const tc_mode *run) {
  tc_mode rest = *run;
  while (rest.kind == TC_MODE_STEP && tc_is_power_of_two(rest.step) && rest.extent % 2 == 0) {
    tc_mode bit = {.kind = TC_MODE_BIT, .space = rest.space, .extent = 2};
    bit.mask[rest.dim] = (uint64_t)rest.step;
    if (s->n == TC_LAYOUT_MODES || (s->used[rest.dim] & bit.mask[rest.dim])) return false;
    if (rest.step == TC_LAYOUT_MOST) return false;
    s->used[rest.dim] |= bit.mask[rest.dim];
    s->at[s->n++] = bit;
    rest.extent /= 2, rest.step *= 2;
  }
  if (rest.extent == 1) return true;
  if (s->n == TC_LAYOUT_MODES) return false;
  s->at[s->n++] = rest;
  return true;
}

static bool split_runs(const tc_mode *runs, uint32_t n, splitting *s) {
  for (uint32_t i = 0; i < n; i++)
    for (uint32_t d = 0; d < TC_LAYOUT_DIMS; d++)
      if (runs[i].kind == TC_MODE_BIT) s->used[d] |= runs[i].mask[d];
  for (uint32_t i = 0; i < n; i++)
    if (!split_run(s, &runs[i])) return false;
  return true;
}

/* Extents, steps, masks and dims in range, and the size of each space. */
static bool in_range(const tc_draft *d, int64_t *size) {
  int64_t all = 1;
  for (uint32_t s = 0; s < TC_N_SPACES; s++)
    size[s] = 1;
  for (uint32_t i = 0; i < d->n; i++) {
    const tc_mode *m = &d->at[i];
    if (m->space >= TC_N_SPACES || m->extent < 1 || m->step < 0 || m->step > TC_LAYOUT_MOST)
      return false;
    if (m->kind == TC_MODE_BIT && m->extent != 2) return false;
    if (m->kind == TC_MODE_STEP && m->step && m->dim >= d->n_dims) return false;
    for (uint32_t k = 0; k < TC_LAYOUT_DIMS && m->kind == TC_MODE_BIT; k++)
      if (m->mask[k] >= (k < d->n_dims ? (uint64_t)TC_LAYOUT_MOST : 1)) return false;
    if (!tc_mul_fits(all, m->extent, &all) || all > TC_LAYOUT_MOST) return false;
    size[m->space] *= m->extent;
  }
  return true;
}

const tc_layout *tc_draft_finish(tc_draft *d) {
  tc_layout *l = TC_NEW(d->arena, tc_layout);
  if (d->bad || !in_range(d, l->size)) return NULL;
  uint32_t n = join_runs(d->at, d->n);
  tc_mode modes[TC_LAYOUT_MODES];
  splitting s = {.at = modes};
  if (!split_runs(d->at, n, &s)) return NULL;
  l->n_modes = s.n;
  l->n_dims = d->n_dims;
  memcpy(l->bound, d->bound, sizeof l->bound);
  l->modes = tc_arena_copy(d->arena, modes, l->n_modes * sizeof *modes);
  l->solver = tc_solver_new(d->arena, l);
  return l->solver ? l : NULL;
}

const tc_layout *tc_layout_make(tc_arena *arena, uint32_t n_dims, const int64_t *bound,
                                const tc_mode *modes, uint32_t n_modes) {
  tc_draft *d = tc_draft_new(arena, n_dims, bound);
  for (uint32_t i = 0; i < n_modes; i++)
    tc_draft_mode(d, modes[i]);
  return tc_draft_finish(d);
}

/* ---- places ---- */

static void add_place(tc_place *places, uint32_t *n, tc_place p) {
  p.shift = tc_is_power_of_two(p.place) ? (int32_t)tc_low_bit((uint64_t)p.place) : -1;
  uint32_t i = (*n)++;
  for (; i && places[i - 1].place > p.place; i--)
    places[i] = places[i - 1];
  places[i] = p;
}

/* Places of one dim, sorted; `row` counts bits of all dims.  NULL: more rows than fit. */
static const tc_place *dim_places(tc_arena *arena, const tc_layout *l, uint32_t dim, uint32_t *n,
                                  uint32_t *row) {
  tc_place places[TC_LAYOUT_MODES + TC_LAYOUT_ROWS];
  uint64_t bits = 0;
  *n = 0;
  for (uint32_t i = 0; i < l->n_modes; i++) {
    const tc_mode *m = &l->modes[i];
    if (m->kind == TC_MODE_BIT) bits |= m->mask[dim];
    if (m->kind == TC_MODE_STEP && m->step && m->dim == dim)
      add_place(places, n, (tc_place){m->step, m->extent, (int32_t)i, -1, 0});
  }
  for (; bits; bits &= bits - 1) {
    if (*row == TC_LAYOUT_ROWS) return NULL;
    int64_t place = (int64_t)(bits & -bits);
    add_place(places, n, (tc_place){place, 2, -1, (int32_t)(*row)++, 0});
  }
  return tc_arena_copy(arena, places, *n * sizeof *places);
}

static bool nest(const tc_place *places, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) {
    int64_t end;
    if (!tc_mul_fits(places[i].place, places[i].extent, &end) || end > TC_LAYOUT_MOST) return false;
    if (i + 1 < n && (places[i + 1].place < end || places[i + 1].place % places[i].place != 0))
      return false;
  }
  return true;
}

/* ---- elimination ---- */

static uint64_t column_of(const tc_solver *s, const tc_mode *m) {
  uint64_t rows = 0;
  for (uint32_t d = 0; d < TC_LAYOUT_DIMS; d++)
    for (uint32_t i = 0; i < s->n_places[d]; i++)
      if (s->places[d][i].row >= 0 && (m->mask[d] & (uint64_t)s->places[d][i].place))
        rows |= UINT64_C(1) << s->places[d][i].row;
  return rows;
}

static void reduce(const tc_solver *s, uint64_t *rows, uint64_t *columns) {
  for (uint32_t i = 0; i < s->n_basis; i++)
    if (*rows & s->pivot[i]) {
      *rows ^= s->basis[i];
      *columns ^= s->combination[i];
    }
}

static void add_column(tc_solver *s, uint32_t mode, uint64_t rows) {
  uint32_t c = s->n_columns++;
  uint64_t columns = UINT64_C(1) << c;
  s->column_mode[c] = (uint8_t)mode;
  s->column[c] = rows;
  reduce(s, &rows, &columns);
  if (!rows) {
    s->free_column[s->n_free] = (uint8_t)c;
    s->kernel[s->n_free++] = columns;
    return;
  }
  s->basis[s->n_basis] = rows;
  s->combination[s->n_basis] = columns;
  s->pivot[s->n_basis++] = rows & -rows;
}

static tc_solver *solver_of(tc_arena *arena, const tc_layout *l) {
  tc_solver *s = TC_NEW(arena, tc_solver);
  uint32_t n = 0;
  for (uint32_t i = 0; i < l->n_modes; i++)
    n += l->modes[i].kind == TC_MODE_BIT;
  uint64_t *words = TC_NEW_ARRAY(arena, 5 * n, uint64_t);
  uint8_t *bytes = TC_NEW_ARRAY(arena, 2 * n, uint8_t);
  s->column = words;
  s->basis = words + n;
  s->combination = words + 2 * n;
  s->pivot = words + 3 * n;
  s->kernel = words + 4 * n;
  s->column_mode = bytes;
  s->free_column = bytes + n;
  return s;
}

const tc_solver *tc_solver_new(tc_arena *arena, const tc_layout *l) {
  tc_solver *s = solver_of(arena, l);
  for (uint32_t d = 0; d < TC_LAYOUT_DIMS; d++) {
    s->places[d] = dim_places(arena, l, d, &s->n_places[d], &s->n_rows);
    if (!s->places[d] || !nest(s->places[d], s->n_places[d])) return NULL;
  }
  for (uint32_t space = TC_N_SPACES; space-- > 0;)
    for (uint32_t i = 0; i < l->n_modes; i++) {
      if (l->modes[i].kind != TC_MODE_BIT || l->modes[i].space != space) continue;
      if (s->n_columns == TC_LAYOUT_ROWS) return NULL;
      add_column(s, i, column_of(s, &l->modes[i]));
    }
  return s;
}

bool tc_solver_solve(const tc_solver *s, uint64_t rows, uint64_t *columns) {
  *columns = 0;
  reduce(s, &rows, columns);
  return rows == 0;
}
