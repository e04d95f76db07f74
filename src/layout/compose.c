/* Digit forms: coordinates, copies, and memory^-1 after fragment as sums and XORs of digits.
 *
 * Composition cuts each digit of the fragment where it passes from one place of the memory's
 * coordinates to the next, so that each part meets one digit of the offset.  It is right as long as
 * what meets in one place cannot carry into the next, which is checked. */
#include "layout/layout_private.h"

enum { N_RAW = 160, N_DIGITS = 64 };

/* ---- terms under construction ---- */

typedef struct raw_term {
  tc_layout_term t;
  int64_t extent; /* of the digit */
} raw_term;

typedef struct raw_terms {
  int64_t xor_base, add_base;
  uint32_t n;
  raw_term at[N_RAW];
  bool bad;
} raw_terms;

/* A whole digit of a space; `div` is its place there. */
static raw_term digit_of(const tc_layout *l, const tc_mode *mode, int64_t div) {
  raw_term r = {.t = {.space = mode->space, .div = div, .mod = mode->extent, .inner_div = 1},
                .extent = mode->extent};
  if (div * mode->extent == l->size[mode->space]) r.t.mod = 0;
  return r;
}

static void add_term(raw_terms *terms, raw_term r, int64_t step, bool is_xor) {
  if (step == 0 || r.extent == 1) return;
  if (terms->n == N_RAW) {
    terms->bad = true;
    return;
  }
  r.t.step = step;
  r.t.is_xor = is_xor;
  terms->at[terms->n++] = r;
}

/* The parts of a digit below and above n.  Only upper parts are cut again, so inner_mod is 0. */
static void cut(raw_term r, int64_t n, raw_term *low, raw_term *high) {
  *low = *high = r;
  low->extent = n;
  high->extent = (r.extent - 1) / n + 1;
  if (r.t.inner_div == 1 && (r.t.mod == 0 || r.t.mod % n == 0)) {
    low->t.mod = n;
    high->t.div = r.t.div * n;
    high->t.mod = r.t.mod / n;
  } else {
    low->t.inner_mod = n;
    high->t.inner_div = r.t.inner_div * n;
  }
}

/* ---- from raw terms to the form ---- */

/* An XOR with bits of its own is a sum. */
static void make_sums(raw_terms *terms) {
  uint64_t seen = (uint64_t)terms->xor_base, shared = 0;
  for (uint32_t i = 0; i < terms->n; i++) {
    if (!terms->at[i].t.is_xor) continue;
    shared |= seen & (uint64_t)terms->at[i].t.step;
    seen |= (uint64_t)terms->at[i].t.step;
  }
  for (uint32_t i = 0; i < terms->n; i++)
    if (terms->at[i].t.is_xor && !((uint64_t)terms->at[i].t.step & shared))
      terms->at[i].t.is_xor = false;
  if (!((uint64_t)terms->xor_base & shared))
    terms->add_base += terms->xor_base, terms->xor_base = 0;
}

/* Whether digit * step is the XOR of the step's multiples by powers of two. */
static bool stays_apart(int64_t step, int64_t extent) {
  uint64_t seen = 0;
  for (; extent > 1; extent /= 2, step *= 2) {
    if ((uint64_t)step & seen || step >= TC_LAYOUT_MOST) return false;
    seen |= (uint64_t)step;
  }
  return true;
}

static bool joins(const raw_term *low, const raw_term *high) {
  const tc_layout_term *a = &low->t, *b = &high->t;
  int64_t next;
  return a->space == b->space && a->is_xor == b->is_xor && a->inner_div == 1 && b->inner_div == 1
         && a->inner_mod == 0 && b->inner_mod == 0 && a->div * low->extent == b->div
         && tc_mul_fits(a->step, low->extent, &next) && next == b->step
         && (!a->is_xor || stays_apart(a->step, low->extent * high->extent));
}

/* Joins `r` with a term that it continues or that continues it, until there is none. */
static void add_joined(raw_term *at, uint32_t *n, raw_term r) {
  for (uint32_t i = 0; i < *n; i++) {
    bool above = joins(&at[i], &r);
    if (!above && !joins(&r, &at[i])) continue;
    raw_term low = above ? at[i] : r, high = above ? r : at[i];
    low.extent *= high.extent;
    low.t.mod = high.t.mod ? low.extent : 0;
    at[i] = at[--*n];
    add_joined(at, n, low);
    return;
  }
  at[(*n)++] = r;
}

/* Sums after XORs, and by space and place, so that equal questions have equal answers. */
static bool comes_before(const tc_layout_term *a, const tc_layout_term *b) {
  if (a->is_xor != b->is_xor) return a->is_xor;
  if (a->space != b->space) return a->space < b->space;
  if (a->div != b->div) return a->div < b->div;
  if (a->inner_div != b->inner_div) return a->inner_div < b->inner_div;
  return a->step < b->step;
}

static const tc_layout_digits *finish(tc_arena *arena, raw_terms *terms) {
  if (terms->bad) return NULL;
  raw_term *joined = TC_NEW_ARRAY(arena, terms->n + 1, raw_term);
  tc_layout_digits *out = TC_NEW(arena, tc_layout_digits);
  make_sums(terms);
  for (uint32_t i = 0; i < terms->n; i++)
    add_joined(joined, &out->n_terms, terms->at[i]);
  tc_layout_term *at = TC_NEW_ARRAY(arena, out->n_terms + 1, tc_layout_term);
  for (uint32_t i = 0; i < out->n_terms; i++) {
    uint32_t to = i;
    for (; to && comes_before(&joined[i].t, &at[to - 1]); to--)
      at[to] = at[to - 1];
    at[to] = joined[i].t;
  }
  out->xor_base = terms->xor_base, out->add_base = terms->add_base;
  out->terms = at;
  return out;
}

/* ---- the memory's side ---- */

typedef struct memory_digit {
  int64_t place, span; /* of the coordinate; span 0: the highest */
  int64_t step;        /* of the offset, if it is a STEP there */
  int32_t row;         /* else its row in the solver */
  int64_t used;        /* greatest digit that may be asked for so far */
} memory_digit;

typedef struct composition {
  raw_terms out;
  const tc_layout *memory;
  memory_digit digits[TC_LAYOUT_DIMS][N_DIGITS];
  uint32_t n_digits[TC_LAYOUT_DIMS];
} composition;

static void add_digit(composition *c, uint32_t dim, memory_digit digit) {
  if (c->n_digits[dim] == N_DIGITS) {
    c->out.bad = true;
    return;
  }
  uint32_t i = c->n_digits[dim]++;
  for (; i && c->digits[dim][i - 1].place > digit.place; i--)
    c->digits[dim][i] = c->digits[dim][i - 1];
  c->digits[dim][i] = digit;
}

static int32_t row_of(const tc_solver *s, uint32_t dim, int64_t place) {
  for (uint32_t i = 0; i < s->n_places[dim]; i++)
    if (s->places[dim][i].place == place) return s->places[dim][i].row;
  return -1;
}

static void find_memory_digits(composition *c, const tc_layout *memory) {
  tc_mode runs[TC_LAYOUT_MODES];
  uint32_t n = tc_layout_runs(memory, runs);
  int64_t step = 1;
  uint64_t bits[TC_LAYOUT_DIMS] = {0};
  c->memory = memory;
  for (uint32_t i = 0; i < n; step *= runs[i++].extent)
    if (runs[i].kind == TC_MODE_STEP && runs[i].step)
      add_digit(c, runs[i].dim, (memory_digit){runs[i].step, 0, step, -1, 0});
    else
      for (uint32_t d = 0; d < memory->n_dims; d++)
        bits[d] |= runs[i].mask[d];
  for (uint32_t d = 0; d < memory->n_dims; d++) {
    for (; bits[d]; bits[d] &= bits[d] - 1) {
      int64_t place = (int64_t)(bits[d] & -bits[d]);
      add_digit(c, d, (memory_digit){place, 0, 0, row_of(memory->solver, d, place), 0});
    }
    for (uint32_t i = 0; i + 1 < c->n_digits[d]; i++)
      c->digits[d][i].span = c->digits[d][i + 1].place / c->digits[d][i].place;
  }
}

/* What setting these rows does to the offset; false if that is not an XOR of a mask. */
static bool offset_mask(const tc_layout *memory, uint64_t rows, int64_t *mask) {
  uint64_t columns;
  *mask = 0;
  if (!tc_solver_solve(memory->solver, rows, &columns)) return false;
  for (uint32_t k = 0; k < memory->solver->n_columns; k++) {
    if (!(columns >> k & 1)) continue;
    int64_t place = 1;
    for (uint32_t i = 0; i < memory->solver->column_mode[k]; i++)
      place *= memory->modes[i].extent;
    if (!tc_is_power_of_two(place)) return false;
    *mask ^= place;
  }
  return true;
}

static memory_digit *digit_for(composition *c, uint32_t dim, int64_t step) {
  memory_digit *found = NULL;
  for (uint32_t i = 0; i < c->n_digits[dim] && c->digits[dim][i].place <= step; i++)
    found = &c->digits[dim][i];
  return found;
}

/* ---- the fragment's side ---- */

/* Adds up to `most` to a digit; false if that may carry. */
static bool use(memory_digit *digit, int64_t most) {
  if (!tc_add_fits(digit->used, most, &digit->used)) return false;
  if (digit->row >= 0) return digit->used <= 1;
  return digit->span == 0 || digit->used < digit->span;
}

static bool deposit(composition *c, memory_digit *digit, raw_term r, int64_t by) {
  int64_t most, step;
  if (!tc_mul_fits(r.extent - 1, by, &most) || !use(digit, most)) return false;
  if (digit->row >= 0) {
    if (!offset_mask(c->memory, UINT64_C(1) << digit->row, &step)) return false;
    add_term(&c->out, r, step, true);
    return true;
  }
  if (!tc_mul_fits(by, digit->step, &step)) return false;
  add_term(&c->out, r, step, false);
  return true;
}

/* Digit `r` of the fragment adds multiples of `step` to coordinate `dim`. */
static bool add_multiples(composition *c, uint32_t dim, raw_term r, int64_t step) {
  while (r.extent > 1) {
    memory_digit *digit = digit_for(c, dim, step);
    if (!digit) return c->n_digits[dim] == 0; /* then 0 is the only valid coordinate */
    if (step % digit->place != 0) return false;
    int64_t by = step / digit->place, most;
    if (!tc_mul_fits(r.extent - 1, by, &most)) return false;
    if (digit->span == 0 || most < digit->span) return deposit(c, digit, r, by);
    raw_term low, high;
    if (digit->span % by != 0) return false;
    cut(r, digit->span / by, &low, &high);
    if (!deposit(c, digit, low, by)) return false;
    r = high, step = digit->place * digit->span;
  }
  return true;
}

/* One bit of a mask that meets other masks there: an XOR in the offset, or nothing is known. */
static bool add_shared_bit(composition *c, uint32_t dim, uint64_t bit, bool is_first,
                           uint64_t *rows, int64_t *mask) {
  memory_digit *digit = digit_for(c, dim, (int64_t)bit);
  if (!digit) return c->n_digits[dim] == 0;
  int64_t by = (int64_t)bit / digit->place, step;
  if ((int64_t)bit % digit->place != 0 || (is_first && !use(digit, by))) return false;
  if (digit->row >= 0) {
    *rows ^= UINT64_C(1) << digit->row;
    return by == 1;
  }
  if (!tc_is_power_of_two(digit->step) || !tc_mul_fits(by, digit->step, &step)) return false;
  *mask ^= step;
  return true;
}

typedef struct bit_use {
  uint64_t seen[TC_LAYOUT_DIMS], shared[TC_LAYOUT_DIMS];
} bit_use;

static bool add_bits(composition *c, raw_term r, const tc_mode *mode, bit_use *use_of) {
  uint64_t rows = 0;
  int64_t mask = 0, solved = 0;
  for (uint32_t d = 0; d < TC_LAYOUT_DIMS; d++)
    for (uint64_t bits = mode->mask[d]; bits; bits &= bits - 1) {
      uint64_t bit = bits & -bits;
      bool is_first = !(use_of->seen[d] & bit);
      use_of->seen[d] |= bit;
      if (use_of->shared[d] & bit ? !add_shared_bit(c, d, bit, is_first, &rows, &mask)
                                  : !add_multiples(c, d, r, (int64_t)bit))
        return false;
    }
  if (!offset_mask(c->memory, rows, &solved)) return false;
  add_term(&c->out, r, mask ^ solved, true);
  return true;
}

static void find_shared_bits(const tc_mode *modes, uint32_t n, bit_use *use_of) {
  uint64_t seen[TC_LAYOUT_DIMS] = {0};
  for (uint32_t i = 0; i < n; i++)
    for (uint32_t d = 0; d < TC_LAYOUT_DIMS && modes[i].kind == TC_MODE_BIT; d++) {
      use_of->shared[d] |= seen[d] & modes[i].mask[d];
      seen[d] |= modes[i].mask[d];
    }
}

static bool add_fragment(composition *c, const tc_layout *fragment) {
  tc_mode runs[TC_LAYOUT_MODES];
  int64_t place[TC_N_SPACES];
  bit_use use_of = {{0}, {0}};
  uint32_t n = tc_layout_runs(fragment, runs);
  for (uint32_t s = 0; s < TC_N_SPACES; s++)
    place[s] = 1;
  find_shared_bits(runs, n, &use_of);
  for (uint32_t i = 0; i < n; i++) {
    raw_term r = digit_of(fragment, &runs[i], place[runs[i].space]);
    place[runs[i].space] *= runs[i].extent;
    if (runs[i].kind == TC_MODE_BIT) {
      if (!add_bits(c, r, &runs[i], &use_of)) return false;
    } else if (runs[i].step && !add_multiples(c, runs[i].dim, r, runs[i].step)) {
      return false;
    }
  }
  return true;
}

static bool add_origin(composition *c, const int64_t *origin) {
  uint64_t rows = 0;
  for (uint32_t d = 0; d < c->memory->n_dims; d++) {
    int64_t rest = origin[d];
    if (rest < 0 || rest >= c->memory->bound[d]) return false;
    for (uint32_t i = c->n_digits[d]; i-- > 0;) {
      memory_digit *digit = &c->digits[d][i];
      int64_t here = rest / digit->place;
      rest %= digit->place;
      if (!use(digit, here)) return false;
      if (digit->row >= 0)
        rows ^= (uint64_t)here << digit->row;
      else
        c->out.add_base += here * digit->step;
    }
    if (rest) return false;
  }
  return offset_mask(c->memory, rows, &c->out.xor_base);
}

const tc_layout_digits *tc_layout_compose(tc_arena *arena, const tc_layout *memory,
                                          const tc_layout *fragment, const int64_t *origin) {
  if (memory->table || fragment->table || memory->n_dims != fragment->n_dims) return NULL;
  if (memory->size[TC_SPACE_thread] > 1 || memory->size[TC_SPACE_slot] > 1) return NULL;
  composition c;
  memset(&c, 0, sizeof c);
  find_memory_digits(&c, memory);
  if (origin && !add_origin(&c, origin)) return NULL;
  if (!add_fragment(&c, fragment)) return NULL;
  return finish(arena, &c.out);
}

/* ---- coordinates and copies ---- */

const tc_layout_digits *tc_layout_coordinate(tc_arena *arena, const tc_layout *l, uint32_t dim) {
  if (l->table || dim >= l->n_dims) return NULL;
  tc_mode runs[TC_LAYOUT_MODES];
  int64_t place[TC_N_SPACES];
  raw_terms terms;
  uint32_t n = tc_layout_runs(l, runs);
  memset(&terms, 0, sizeof terms);
  for (uint32_t s = 0; s < TC_N_SPACES; s++)
    place[s] = 1;
  for (uint32_t i = 0; i < n; place[runs[i].space] *= runs[i].extent, i++) {
    raw_term r = digit_of(l, &runs[i], place[runs[i].space]);
    if (runs[i].kind == TC_MODE_BIT)
      add_term(&terms, r, (int64_t)runs[i].mask[dim], true);
    else if (runs[i].dim == dim)
      add_term(&terms, r, runs[i].step, false);
  }
  return finish(arena, &terms);
}

const tc_layout_digits *tc_layout_copy(tc_arena *arena, const tc_layout *l) {
  if (l->table) return NULL;
  int64_t place[TC_N_SPACES];
  bool is_free[TC_LAYOUT_MODES] = {false};
  raw_terms terms;
  memset(&terms, 0, sizeof terms);
  for (uint32_t s = 0; s < TC_N_SPACES; s++)
    place[s] = 1;
  for (uint32_t i = 0; i < l->solver->n_free; i++)
    is_free[l->solver->column_mode[l->solver->free_column[i]]] = true;
  for (uint32_t i = 0; i < l->n_modes; i++) {
    const tc_mode *m = &l->modes[i];
    raw_term r = digit_of(l, m, place[m->space]);
    place[m->space] *= m->extent;
    if (is_free[i] || (m->kind == TC_MODE_STEP && m->step == 0)) add_term(&terms, r, 1, false);
  }
  return finish(arena, &terms);
}

/* ---- values ---- */

static int64_t term_at(const tc_layout_term *t, int64_t input) {
  int64_t digit = input / t->div;
  if (t->mod) digit %= t->mod;
  digit /= t->inner_div;
  if (t->inner_mod) digit %= t->inner_mod;
  return digit * t->step;
}

int64_t tc_layout_digits_at(const tc_layout_digits *d, const tc_hw *hw) {
  int64_t bits = d->xor_base, sum = d->add_base;
  for (uint32_t i = 0; i < d->n_terms; i++) {
    int64_t value = term_at(&d->terms[i], hw->at[d->terms[i].space]);
    if (d->terms[i].is_xor)
      bits ^= value;
    else
      sum += value;
  }
  return bits + sum;
}

void tc_layout_digits_part(const tc_layout_digits *d, enum tc_space space, int64_t input,
                           int64_t *bits, int64_t *sum) {
  *bits = *sum = 0;
  for (uint32_t i = 0; i < d->n_terms; i++) {
    if ((enum tc_space)d->terms[i].space != space) continue;
    int64_t value = term_at(&d->terms[i], input);
    if (d->terms[i].is_xor)
      *bits ^= value;
    else
      *sum += value;
  }
}

const tc_layout_digits *tc_layout_digits_fix(tc_arena *arena, const tc_layout_digits *d,
                                             enum tc_space space, int64_t value) {
  tc_layout_digits *out = TC_NEW(arena, tc_layout_digits);
  tc_layout_term *at = TC_NEW_ARRAY(arena, d->n_terms + 1, tc_layout_term);
  out->xor_base = d->xor_base, out->add_base = d->add_base;
  out->terms = at;
  for (uint32_t i = 0; i < d->n_terms; i++) {
    const tc_layout_term *t = &d->terms[i];
    if (t->space != space)
      at[out->n_terms++] = *t;
    else if (t->is_xor)
      out->xor_base ^= term_at(t, value);
    else
      out->add_base += term_at(t, value);
  }
  return out;
}
