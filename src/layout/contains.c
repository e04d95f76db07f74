/* Does a thread already hold what it needs? */
#include "layout/layout_private.h"

/* ---- sets of vectors over GF(2) ---- */

typedef struct vector {
  uint64_t bits[TC_LAYOUT_DIMS];
} vector;

typedef struct span {
  vector at[TC_LAYOUT_MODES]; /* each has a leading bit that the later ones lack */
  uint32_t n;
} span;

static vector plus(vector a, const vector *b) {
  for (uint32_t d = 0; d < TC_LAYOUT_DIMS; d++)
    a.bits[d] ^= b->bits[d];
  return a;
}

/* The lowest dim with a bit, or TC_LAYOUT_DIMS. */
static uint32_t leading_dim(const vector *v) {
  uint32_t d = 0;
  while (d < TC_LAYOUT_DIMS && !v->bits[d])
    d++;
  return d;
}

/* What is left of v; nothing if the span has it. */
static vector reduced(const span *s, vector v) {
  for (uint32_t i = 0; i < s->n; i++) {
    uint32_t d = leading_dim(&s->at[i]);
    if (v.bits[d] & s->at[i].bits[d] & -s->at[i].bits[d]) v = plus(v, &s->at[i]);
  }
  return v;
}

static bool spans(const span *s, const vector *v) {
  vector left = reduced(s, *v);
  return leading_dim(&left) == TC_LAYOUT_DIMS;
}

static void add_vector(span *s, const vector *v) {
  vector left = reduced(s, *v);
  if (leading_dim(&left) < TC_LAYOUT_DIMS) s->at[s->n++] = left;
}

static vector vector_of(const tc_mode *bit) {
  vector v;
  memcpy(v.bits, bit->mask, sizeof v.bits);
  return v;
}

/* ---- digit by digit ----
 *
 * Enough, but not needed: thread digits of both layouts pair up, the difference of each pair lies
 * in what the slots of `have` reach, and so does each slot digit of `need`. */

/* Reads thread digits, lowest first, copies in twos as long as that goes. */
typedef struct digit_reader {
  const tc_layout *l;
  uint32_t i;
  int64_t left; /* of a mode of copies: what is not read yet */
} digit_reader;

static bool next_thread_digit(digit_reader *r, tc_mode *digit) {
  while (r->i < r->l->n_modes && r->l->modes[r->i].space != TC_SPACE_thread)
    r->i++;
  if (r->i == r->l->n_modes) return false;
  *digit = r->l->modes[r->i];
  if (digit->kind == TC_MODE_BIT || digit->step != 0) return r->i++, true;
  if (r->left == 0) r->left = digit->extent;
  if (r->left % 2 == 0) {
    *digit = (tc_mode){.kind = TC_MODE_BIT, .space = TC_SPACE_thread, .extent = 2};
    r->left /= 2;
  } else {
    digit->extent = r->left, r->left = 1;
  }
  if (r->left == 1) r->left = 0, r->i++;
  return true;
}

static bool threads_pair_up(const span *slots, const tc_layout *have, const tc_layout *need) {
  digit_reader h = {have, 0, 0}, n = {need, 0, 0};
  tc_mode a, b;
  while (next_thread_digit(&n, &b)) {
    if (!next_thread_digit(&h, &a) || a.kind != b.kind || a.extent != b.extent) return false;
    if (a.kind == TC_MODE_STEP && (a.dim != b.dim || a.step != b.step)) return false;
    if (a.kind == TC_MODE_STEP) continue;
    vector other = vector_of(&b), v = plus(vector_of(&a), &other);
    if (!spans(slots, &v)) return false;
  }
  return true;
}

static bool slots_reach(const span *slots, const tc_layout *have, const tc_mode *need) {
  if (need->kind == TC_MODE_BIT) {
    vector v = vector_of(need);
    return spans(slots, &v);
  }
  bool found = need->step == 0;
  for (uint32_t i = 0; i < have->n_modes && !found; i++) {
    const tc_mode *m = &have->modes[i];
    found = m->kind == TC_MODE_STEP && m->space != TC_SPACE_thread && m->dim == need->dim
            && m->step == need->step && m->extent >= need->extent;
  }
  return found;
}

static bool contains_by_digits(const tc_layout *have, const tc_layout *need) {
  span slots = {.n = 0};
  for (uint32_t d = 0; d < have->n_dims; d++)
    if (need->bound[d] > have->bound[d]) return false;
  for (uint32_t i = 0; i < have->n_modes; i++) {
    if (have->modes[i].kind != TC_MODE_BIT || have->modes[i].space == TC_SPACE_thread) continue;
    vector v = vector_of(&have->modes[i]);
    add_vector(&slots, &v);
  }
  for (uint32_t i = 0; i < need->n_modes; i++)
    if (need->modes[i].space != TC_SPACE_thread && !slots_reach(&slots, have, &need->modes[i]))
      return false;
  return threads_pair_up(&slots, have, need);
}

/* ---- point by point ---- */

/* Whether some copy of x is in thread t. */
static bool has_in_thread(const tc_layout *l, const int64_t *x, int64_t t, int64_t replicas) {
  tc_hw hw;
  for (int64_t r = 0; r < replicas; r++)
    if (tc_layout_find(l, x, r, &hw) && hw.at[TC_SPACE_thread] == t) return true;
  return false;
}

bool tc_layout_contains(const tc_layout *have, const tc_layout *need) {
  if (have->n_dims != need->n_dims) return false;
  if (!have->table && !need->table && contains_by_digits(have, need)) return true;
  if (tc_layout_inputs(need) > TC_LAYOUT_POINTS) return false;
  int64_t replicas = tc_layout_replicas(have), n_slots = need->size[TC_SPACE_slot];
  int64_t n_memory = need->size[TC_SPACE_offset], x[TC_LAYOUT_DIMS];
  for (int64_t t = 0; t < need->size[TC_SPACE_thread]; t++)
    for (int64_t i = 0; i < n_slots * n_memory; i++) {
      tc_hw hw = {{0}};
      hw.at[TC_SPACE_thread] = t;
      hw.at[TC_SPACE_slot] = i % n_slots;
      hw.at[TC_SPACE_offset] = i / n_slots;
      if (tc_layout_apply(need, &hw, x) && !has_in_thread(have, x, t, replicas)) return false;
    }
  return true;
}

/* ---- slot by slot ---- */

int64_t tc_layout_same_slot(const tc_layout *have, const tc_layout *need, int64_t slot, int drop) {
  int64_t found = -2;
  for (int64_t t = 0; t < need->size[TC_SPACE_thread]; t++) {
    tc_hw hw = {{t, slot, 0}}, there = {{t, found, 0}};
    int64_t x[TC_LAYOUT_DIMS], want[TC_LAYOUT_DIMS], y[TC_LAYOUT_DIMS];
    uint32_t n = 0;
    if (!tc_layout_apply(need, &hw, x)) continue;
    for (uint32_t d = 0; d < need->n_dims; d++)
      if ((int)d != drop) want[n++] = x[d];
    for (int64_t r = 0; found == -2 && tc_layout_find(have, want, r, &hw); r++)
      if (hw.at[TC_SPACE_thread] == t) found = hw.at[TC_SPACE_slot];
    if (found < 0) return -1;
    there.at[TC_SPACE_slot] = found;
    if (!tc_layout_apply(have, &there, y)) return -1;
    for (uint32_t d = 0; d < n; d++)
      if (y[d] != want[d]) return -1;
  }
  return found;
}

bool tc_layout_in_registers(const tc_layout *have, const tc_layout *need) {
  if (have->n_dims != need->n_dims) return false;
  if (tc_layout_equal(have, need)) return true;
  if (have->size[TC_SPACE_thread] != need->size[TC_SPACE_thread]) return false;
  for (int64_t slot = 0; slot < need->size[TC_SPACE_slot]; slot++)
    if (tc_layout_same_slot(have, need, slot, -1) == -1) return false;
  return true;
}
