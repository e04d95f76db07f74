/* facts: what is proved in range says so.
 *
 * Input       accesses to global buffers with their bounds in the predicate (GUARDED), slices that
 *             are guarded by definition.
 * Output      conditions of a predicate that hold wherever control comes are gone; an access all of
 *             whose bounds hold, given the rest of its predicate, is IN_BOUNDS; so are slices.
 * Invariants  the same elements are accessed.
 * Example     for i in 0..8: x = load A[i] if i < 64 and i < n guarded
 *             ->             x = load A[i] if i < n guarded */
#include "ir/build.h"
#include "pass/guard.h"
#include "pass/pass.h"

/* ---- predicates ---- */

enum { MAX_CONJUNCTS = 64 };
_Static_assert((int)MAX_CONJUNCTS >= 2 * (int)TC_GUARD_RANK, "all bounds fit");

typedef struct conjuncts {
  tc_value at[MAX_CONJUNCTS];
  uint32_t n;
} conjuncts;

static bool holds(const conjuncts *c, tc_value v) {
  for (uint32_t i = 0; i < c->n; i++)
    if (c->at[i].id == v.id) return true;
  return false;
}

/* The operands of a chain of `and`. False when there are too many. */
static bool take_apart(const tc_ir *ir, tc_value v, conjuncts *out) {
  tc_value work[MAX_CONJUNCTS];
  uint32_t n = 0;
  work[n++] = v;
  while (n) {
    tc_value top = work[--n];
    if (tc_is(ir, top, TC_OP_and) && tc_is_bool(tc_value_type(ir, top))) {
      if (n + 2 > MAX_CONJUNCTS) return false;
      work[n++] = tc_input(ir, tc_op_at(ir, top), 1);
      work[n++] = tc_input(ir, tc_op_at(ir, top), 0);
    } else if (!holds(out, top)) {
      if (out->n == MAX_CONJUNCTS) return false;
      out->at[out->n++] = top;
    }
  }
  return true;
}

static bool proved(tc_prover *p, tc_value fact) {
  return tc_prove(p, TC_PROVE_facts, fact, NULL) == TC_PROVED;
}

/* ---- accesses ---- */

/* Keeps of `all` what does not hold anyway. */
static conjuncts needed(tc_prover *p, const conjuncts *all) {
  conjuncts r = {.n = 0};
  for (uint32_t i = 0; i < all->n; i++)
    if (!proved(p, all->at[i])) r.at[r.n++] = all->at[i];
  return r;
}

/* Moves the bounds out of `left` into the result, those left out that follow from the rest of it.
 */
static conjuncts needed_bounds(tc_prover *p, const conjuncts *bounds, conjuncts *left) {
  conjuncts r = {.n = 0}, others = {.n = 0};
  for (uint32_t i = 0; i < left->n; i++)
    if (!holds(bounds, left->at[i])) others.at[others.n++] = left->at[i];
  tc_prove_push(p);
  for (uint32_t i = 0; i < others.n; i++)
    tc_prove_assume(p, others.at[i]);
  for (uint32_t i = 0; i < left->n; i++)
    if (holds(bounds, left->at[i]) && !proved(p, left->at[i])) r.at[r.n++] = left->at[i];
  tc_prove_pop(p);
  *left = others;
  return r;
}

static void improve_access(tc_prover *p, tc_ir *ir, tc_value stmt) {
  uint8_t *flags = tc_guard_flags(ir, stmt);
  tc_value pred = tc_access_pred(ir, stmt), rest = {0};
  conjuncts all = {.n = 0}, bounds;
  if (!(*flags & TC_ACCESS_GUARDED) || !pred.id || tc_value_type(ir, pred).lanes != 1) return;
  if (!take_apart(ir, pred, &all)) return;
  bounds.n = tc_guard_bounds(ir, stmt, bounds.at);
  conjuncts left = needed(p, &all), missing = needed_bounds(p, &bounds, &left);
  if (left.n + missing.n == all.n) return;
  for (uint32_t i = 0; i < left.n; i++)
    rest = tc_and(ir, rest, left.at[i]);
  for (uint32_t i = 0; i < missing.n; i++)
    rest = tc_and(ir, rest, missing.at[i]);
  if (!missing.n) *flags = (uint8_t)((*flags & ~TC_ACCESS_GUARDED) | TC_ACCESS_IN_BOUNDS);
  tc_guard_set_pred(ir, stmt, rest);
}

/* ---- slices ---- */

static bool slice_is_inside(tc_prover *p, tc_ir *ir, tc_value slice) {
  const tc_buffer *b = tc_buf_at(ir, tc_slice_buf(ir, slice));
  for (uint32_t d = 0; d < b->rank; d++) {
    tc_value base = tc_slice_base(ir, slice, d), extent = tc_slice_extent(ir, slice, d);
    if (!proved(p, tc_guard_slice_upper(ir, base, extent, b->shape[d]))) return false;
    if (!proved(p, tc_guard_lower(ir, base))) return false;
  }
  return true;
}

static tc_value improve_slice(tc_ir *ir, tc_value slice, void *data) {
  tc_prover *p = data;
  if (tc_slice_in_bounds(ir, slice) || !slice_is_inside(p, ir, slice)) return slice;
  const tc_op *op = tc_op_at(ir, slice);
  uint32_t rank = op->n_in / 2u;
  tc_value in[2 * TC_GUARD_RANK];
  for (uint32_t i = 0; i < op->n_in; i++)
    in[i] = tc_input(ir, op, i);
  return tc_slice(ir, tc_slice_buf(ir, slice), in, in + rank, true);
}

static bool improve(tc_prover *p, tc_value stmt, void *data) {
  tc_ir *ir = data;
  if (tc_guard_is_access(ir, stmt))
    improve_access(p, ir, stmt);
  else
    tc_guard_replace_slices(ir, stmt, improve_slice, p);
  return true;
}

void tc_pass_facts(tc_ir *ir, const tc_pass_context *cx) {
  tc_prove_walk(cx->prover, ir->body, improve, ir);
}
