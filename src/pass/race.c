#include "pass/race.h"

#include "ir/build.h"
#include "pass/deps.h"

#include <stdlib.h>

bool tc_race_same_index(const tc_race_loop *r, const tc_race_access *a, const tc_race_access *b) {
  uint32_t rank = tc_buf_at(r->c->ir, a->buf)->rank;
  if (a->buf.id != b->buf.id || !a->element || !b->element) return false;
  for (uint32_t d = 0; d < rank; d++)
    if (tc_input(r->c->ir, tc_op_at(r->c->ir, a->stmt), d).id
        != tc_input(r->c->ir, tc_op_at(r->c->ir, b->stmt), d).id)
      return false;
  return true;
}

/* Number + 1 of the loop's variable that a leaf is; 0: another leaf. */
static uint32_t loop_var(const tc_race_loop *r, tc_value leaf) {
  const tc_op *op = tc_op_at(r->c->ir, leaf);
  for (uint32_t k = 0; op->opcode == TC_OP_var && k < r->n; k++)
    if (r->vars[k].id == op->payload) return k + 1;
  return 0;
}

/* Does a leaf have one value in all iterations? Known for variables from outside and what is
 * computed from them. */
static bool is_fixed(tc_race_loop *r, tc_value leaf, const tc_race_access *a) {
  tc_deps deps = {0};
  tc_deps_add(r->c->ir, r->c->arena, leaf, &deps);
  if (deps.stmts.n) return false;
  for (uint32_t k = 0; k < r->n; k++)
    if (tc_deps_has_var(&deps, r->vars[k])) return false;
  for (uint32_t k = 0; k < a->n_loops; k++)
    if (tc_deps_has_var(&deps, tc_loop_of(r->c->ir, a->loops[k])->var)) return false;
  return true;
}

typedef struct digit {
  uint32_t var; /* number in the loop */
  uint64_t by;
} digit;

static int by_weight(const void *a, const void *b) {
  const digit *x = a, *y = b;
  return x->by < y->by ? -1 : x->by > y->by;
}

/* The terms of an index in loop variables not yet told apart. False when something else in it
 * varies between iterations. */
static bool digits_of(tc_race_loop *r, tc_value index, const tc_race_access *a, const bool *known,
                      digit *out, uint32_t *n) {
  tc_affine f = tc_prove_affine(r->c->p, index);
  *n = 0;
  for (uint32_t i = 0; i < f.n; i++) {
    uint32_t k = loop_var(r, f.leaf[i]);
    if (!k && !is_fixed(r, f.leaf[i], a)) return false;
    if (!k || known[k - 1]) continue;
    if (f.by[i] > INT32_MAX || f.by[i] < -INT32_MAX) return false;
    out[(*n)++] = (digit){k - 1, (uint64_t)(f.by[i] < 0 ? -f.by[i] : f.by[i])};
  }
  return true;
}

/* One index tells its variables apart when each weight exceeds what the smaller ones can sum up to,
 * as in a number. The largest may be open. */
static void tell_apart(tc_race_loop *r, tc_value index, const tc_race_access *a, bool *known) {
  digit digits[TC_AFFINE_TERMS];
  uint64_t reach = 0;
  uint32_t n;
  if (!digits_of(r, index, a, known, digits, &n)) return;
  qsort(digits, n, sizeof digits[0], by_weight);
  for (uint32_t i = 0; i < n; i++) {
    int64_t extent;
    if (digits[i].by <= reach) return;
    if (i + 1 == n) break;
    if (!tc_const_of(r->c->ir, r->extents[digits[i].var], &extent) || extent < 1
        || extent > INT32_MAX)
      return;
    reach += digits[i].by * (uint64_t)(extent - 1);
  }
  for (uint32_t i = 0; i < n; i++)
    known[digits[i].var] = true;
}

static bool all_known(const tc_race_loop *r, const bool *known) {
  for (uint32_t k = 0; k < r->n; k++)
    if (!known[k]) return false;
  return true;
}

static void know_single(const tc_race_loop *r, bool *known) {
  for (uint32_t k = 0; k < r->n; k++) {
    int64_t extent;
    known[k] = tc_const_of(r->c->ir, r->extents[k], &extent) && extent <= 1;
  }
}

/* The number of the element in row-major order, in 64 bits; 0 when an extent is not constant. What
 * a flat index was split into comes together again in its linear form. */
static tc_value flat_index(const tc_race_loop *r, const tc_race_access *a) {
  const tc_buffer *b = tc_buf_at(r->c->ir, a->buf);
  tc_type wide = tc_scalar_type(TC_DT_int64);
  tc_value sum = tc_const_int(r->c->ir, wide, 0);
  for (uint32_t d = 0; d < b->rank; d++) {
    tc_value index = tc_input(r->c->ir, tc_op_at(r->c->ir, a->stmt), d);
    int64_t extent;
    if (!tc_const_of(r->c->ir, b->shape[d], &extent) || tc_value_type(r->c->ir, index).lanes != 1)
      return (tc_value){0};
    sum = tc_binary(r->c->ir, TC_OP_mul, sum, tc_const_int(r->c->ir, wide, extent));
    sum = tc_binary(r->c->ir, TC_OP_add, sum, tc_cast(r->c->ir, index, wide));
  }
  return sum;
}

bool tc_race_injective(tc_race_loop *r, const tc_race_access *a) {
  bool known[TC_RACE_AXES];
  uint32_t rank = tc_buf_at(r->c->ir, a->buf)->rank;
  know_single(r, known);
  /* Indices that do not help now may help once others have. */
  for (uint32_t round = 0; round < rank; round++)
    for (uint32_t d = 0; d < rank; d++)
      tell_apart(r, tc_input(r->c->ir, tc_op_at(r->c->ir, a->stmt), d), a, known);
  if (all_known(r, known)) return true;
  tc_value flat = flat_index(r, a);
  know_single(r, known);
  if (flat.id) tell_apart(r, flat, a, known);
  return all_known(r, known);
}

/* Does every leaf have one value in all iterations? */
static bool is_fixed_form(tc_race_loop *r, const tc_affine *f, const tc_race_access *a) {
  for (uint32_t i = 0; i < f->n; i++)
    if (!is_fixed(r, f->leaf[i], a)) return false;
  return true;
}

bool tc_race_apart(tc_race_loop *r, const tc_race_access *a, const tc_race_access *b) {
  const tc_ir *ir = r->c->ir;
  uint32_t rank = tc_buf_at(ir, a->buf)->rank;
  if (a->buf.id != b->buf.id || !a->element || !b->element) return false;
  for (uint32_t d = 0; d < rank; d++) {
    tc_affine x = tc_prove_affine(r->c->p, tc_input(ir, tc_op_at(ir, a->stmt), d));
    tc_affine y = tc_prove_affine(r->c->p, tc_input(ir, tc_op_at(ir, b->stmt), d));
    bool same = x.n == y.n && x.constant != y.constant;
    for (uint32_t i = 0; same && i < x.n; i++)
      same = x.leaf[i].id == y.leaf[i].id && x.by[i] == y.by[i];
    if (same && is_fixed_form(r, &x, a) && is_fixed_form(r, &y, b)) return true;
  }
  return false;
}
