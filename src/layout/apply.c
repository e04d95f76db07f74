/* Layouts as functions: values, inverses, copies, containment. */
#include "layout/layout_private.h"

/* ---- one point ---- */

static int64_t flat_hw(const tc_layout *l, const tc_hw *hw) {
  int64_t flat = 0;
  for (uint32_t s = 0; s < TC_N_SPACES; s++)
    flat = flat * l->size[s] + hw->at[s];
  return flat;
}

static tc_hw hw_of_flat(const tc_layout *l, int64_t flat) {
  tc_hw hw;
  for (uint32_t s = TC_N_SPACES; s-- > 0; flat /= l->size[s])
    hw.at[s] = flat % l->size[s];
  return hw;
}

static bool apply_table(const tc_layout *l, const tc_hw *hw, int64_t *x) {
  int64_t element = l->table->element[flat_hw(l, hw)], rest = element < 0 ? 0 : element;
  for (uint32_t d = l->n_dims; d-- > 0; rest /= l->bound[d])
    x[d] = rest % l->bound[d];
  return element >= 0;
}

bool tc_layout_apply(const tc_layout *l, const tc_hw *hw, int64_t *x) {
  uint64_t bits[TC_LAYOUT_DIMS] = {0};
  int64_t sum[TC_LAYOUT_DIMS] = {0};
  tc_hw rest = *hw;
  bool valid = true;
  if (l->table) return apply_table(l, hw, x);
  for (uint32_t i = 0; i < l->n_modes; i++) {
    const tc_mode *m = &l->modes[i];
    int64_t *from = &rest.at[m->space];
    if (m->kind == TC_MODE_STEP) {
      sum[m->dim] += *from % m->extent * m->step;
      *from /= m->extent;
      continue;
    }
    uint64_t all = (uint64_t)0 - (*from & 1); /* divisions are what this would spend its time on */
    *from >>= 1;
    for (uint32_t d = 0; d < l->n_dims; d++)
      bits[d] ^= m->mask[d] & all;
  }
  for (uint32_t d = 0; d < l->n_dims; d++) {
    x[d] = (int64_t)bits[d] + sum[d];
    valid &= x[d] < l->bound[d];
  }
  return valid;
}

/* ---- inverse ---- */

static bool is_valid(const tc_layout *l, const int64_t *x) {
  for (uint32_t d = 0; d < l->n_dims; d++)
    if (x[d] < 0 || x[d] >= l->bound[d]) return false;
  return true;
}

static bool find_table(const tc_layout *l, const int64_t *x, int64_t replica, tc_hw *hw) {
  int64_t element = 0;
  if (replica < 0 || replica >= l->table->n_replicas) return false;
  for (uint32_t d = 0; d < l->n_dims; d++)
    element = element * l->bound[d] + x[d];
  memcpy(hw->at, l->table->at + (element * l->table->n_replicas + replica) * TC_N_SPACES,
         sizeof hw->at);
  return true;
}

/* Digits of x at the places of each dim: those of STEPs to `digit`, by mode, and bits to *rows.
 * False if x is not a sum of such digits. */
static bool split_x(const tc_layout *l, const int64_t *x, int64_t *digit, uint64_t *rows) {
  const tc_solver *s = l->solver;
  *rows = 0;
  for (uint32_t d = 0; d < l->n_dims; d++) {
    int64_t rest = x[d];
    for (uint32_t i = s->n_places[d]; i-- > 0;) {
      const tc_place *p = &s->places[d][i];
      int64_t here = p->shift >= 0 ? rest >> p->shift : rest / p->place;
      if (here >= p->extent) return false;
      rest -= here * p->place;
      if (p->mode >= 0) digit[p->mode] = here;
      if (p->row >= 0) *rows |= (uint64_t)here << p->row;
    }
    if (rest) return false;
  }
  return true;
}

/* Writes the digits that tell copies apart; false if there is no copy of that number. */
static bool choose_copy(const tc_layout *l, int64_t replica, int64_t *digit, uint64_t *columns) {
  const tc_solver *s = l->solver;
  for (uint32_t i = 0; i < s->n_free; i++, replica >>= 1)
    if (replica & 1) *columns ^= s->kernel[i];
  for (uint32_t i = l->n_modes; i-- > 0;) {
    if (l->modes[i].kind != TC_MODE_STEP || l->modes[i].step != 0) continue;
    digit[i] = replica % l->modes[i].extent;
    replica /= l->modes[i].extent;
  }
  return replica == 0;
}

bool tc_layout_find(const tc_layout *l, const int64_t *x, int64_t replica, tc_hw *hw) {
  int64_t digit[TC_LAYOUT_MODES], place[TC_N_SPACES];
  uint64_t rows, columns;
  if (!is_valid(l, x) || replica < 0) return false;
  if (l->table) return find_table(l, x, replica, hw);
  if (!split_x(l, x, digit, &rows) || !tc_solver_solve(l->solver, rows, &columns)) return false;
  if (!choose_copy(l, replica, digit, &columns)) return false;
  for (uint32_t c = 0; c < l->solver->n_columns; c++)
    digit[l->solver->column_mode[c]] = columns >> c & 1;
  for (uint32_t s = 0; s < TC_N_SPACES; s++)
    place[s] = 1, hw->at[s] = 0;
  for (uint32_t i = 0; i < l->n_modes; i++) {
    hw->at[l->modes[i].space] += digit[i] * place[l->modes[i].space];
    place[l->modes[i].space] *= l->modes[i].extent;
  }
  return true;
}

int64_t tc_layout_offset(const tc_layout *l, const int64_t *x) {
  tc_hw hw;
  return tc_layout_find(l, x, 0, &hw) ? hw.at[TC_SPACE_offset] : -1;
}

/* ---- counting ---- */

int64_t tc_layout_replicas(const tc_layout *l) {
  if (l->table) return l->table->n_replicas;
  int64_t n = INT64_C(1) << l->solver->n_free;
  for (uint32_t i = 0; i < l->n_modes; i++)
    if (l->modes[i].kind == TC_MODE_STEP && l->modes[i].step == 0) n *= l->modes[i].extent;
  return n;
}

int64_t tc_layout_inputs(const tc_layout *l) {
  int64_t n = 1; /* all sizes together are at most 2^62 */
  for (uint32_t s = 0; s < TC_N_SPACES; s++)
    n *= l->size[s];
  return n;
}

int64_t tc_layout_elements(const tc_layout *l) {
  int64_t n = 1;
  for (uint32_t d = 0; d < l->n_dims; d++)
    if (!tc_mul_fits(n, l->bound[d], &n)) return INT64_MAX;
  return n;
}

int64_t tc_layout_bytes(const tc_layout *l, enum tc_space space, uint32_t element_bits) {
  int64_t bits;
  return tc_mul_fits(l->size[space], element_bits, &bits) && bits <= INT64_MAX - 7 ? (bits + 7) / 8
                                                                                   : INT64_MAX;
}

int64_t tc_layout_box(const tc_layout *l, uint32_t dim) {
  int64_t most = 0;
  if (l->table) return l->bound[dim];
  for (uint32_t i = 0; i < l->solver->n_places[dim]; i++)
    most += l->solver->places[dim][i].place * (l->solver->places[dim][i].extent - 1);
  return most + 1;
}

bool tc_layout_is_injective(const tc_layout *l) {
  if (!l->table) return tc_layout_replicas(l) == 1;
  int64_t n = l->table->n_replicas * tc_layout_elements(l);
  return l->table->n_replicas == 1
         && n == l->size[TC_SPACE_thread] * l->size[TC_SPACE_slot] * l->size[TC_SPACE_offset];
}

/* The places of a dim, below its bound, leave no gap, and each bit can be had on its own. */
bool tc_layout_is_surjective(const tc_layout *l) {
  if (l->table) return true;
  for (uint32_t d = 0; d < l->n_dims; d++) {
    int64_t next = 1;
    for (uint32_t i = 0; i < l->solver->n_places[d] && next < l->bound[d]; i++) {
      const tc_place *p = &l->solver->places[d][i];
      uint64_t columns;
      if (p->place != next) return false;
      if (p->row >= 0 && !tc_solver_solve(l->solver, UINT64_C(1) << p->row, &columns)) return false;
      next *= p->extent;
    }
    if (next < l->bound[d]) return false;
  }
  return true;
}

static bool table_is_replicated(const tc_layout *l) {
  int64_t n = tc_layout_elements(l);
  for (int64_t x = 0; x < n; x++) {
    const int64_t *at = l->table->at + x * l->table->n_replicas * TC_N_SPACES;
    for (int64_t r = 1; r < l->table->n_replicas; r++)
      if (at[r * TC_N_SPACES + TC_SPACE_thread] != at[TC_SPACE_thread]) return true;
  }
  return false;
}

bool tc_layout_is_replicated(const tc_layout *l) {
  if (l->table) return table_is_replicated(l);
  for (uint32_t i = 0; i < l->n_modes; i++)
    if (l->modes[i].kind == TC_MODE_STEP && l->modes[i].step == 0
        && l->modes[i].space == TC_SPACE_thread)
      return true;
  for (uint32_t i = 0; i < l->solver->n_free; i++)
    for (uint32_t c = 0; c < l->solver->n_columns; c++)
      if ((l->solver->kernel[i] >> c & 1)
          && l->modes[l->solver->column_mode[c]].space == TC_SPACE_thread)
        return true;
  return false;
}

bool tc_layout_is_owner(const tc_layout *l, const tc_hw *hw) {
  int64_t x[TC_LAYOUT_DIMS];
  tc_hw first;
  if (l->table)
    return tc_layout_apply(l, hw, x) && tc_layout_find(l, x, 0, &first)
           && flat_hw(l, &first) == flat_hw(l, hw);
  uint64_t free = 0;
  tc_hw rest = *hw;
  for (uint32_t i = 0; i < l->solver->n_free; i++)
    free |= UINT64_C(1) << l->solver->free_column[i];
  uint64_t free_modes[(TC_LAYOUT_MODES + 63) / 64] = {0};
  for (uint32_t c = 0; c < l->solver->n_columns; c++)
    if (free >> c & 1)
      free_modes[l->solver->column_mode[c] / 64] |= UINT64_C(1) << l->solver->column_mode[c] % 64;
  for (uint32_t i = 0; i < l->n_modes; i++) {
    const tc_mode *m = &l->modes[i];
    bool copies = m->kind == TC_MODE_STEP ? m->step == 0 : free_modes[i / 64] >> i % 64 & 1;
    if (copies && rest.at[m->space] % m->extent) return false;
    rest.at[m->space] /= m->extent;
  }
  return true;
}

/* ---- two layouts ---- */

bool tc_layout_equal(const tc_layout *a, const tc_layout *b) {
  if (a->n_dims != b->n_dims || a->n_modes != b->n_modes || !a->table != !b->table) return false;
  if (memcmp(a->bound, b->bound, sizeof a->bound) != 0) return false;
  if (memcmp(a->size, b->size, sizeof a->size) != 0) return false;
  if (a->table) {
    int64_t n = tc_layout_elements(a) * a->table->n_replicas * TC_N_SPACES;
    return a->table->n_replicas == b->table->n_replicas
           && memcmp(a->table->at, b->table->at, (size_t)n * sizeof *a->table->at) == 0;
  }
  for (uint32_t i = 0; i < a->n_modes; i++) {
    const tc_mode *m = &a->modes[i], *o = &b->modes[i];
    if (m->kind != o->kind || m->space != o->space || m->dim != o->dim || m->extent != o->extent
        || m->step != o->step || memcmp(m->mask, o->mask, sizeof m->mask) != 0)
      return false;
  }
  return true;
}

/* ---- any number of points ---- */

tc_hw tc_layout_hw(const tc_layout *l, int64_t flat) {
  return hw_of_flat(l, flat);
}
