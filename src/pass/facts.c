/* facts: tile -> tile, with the guards that are not needed gone.
 *
 * Input       canonical IR: the bounds of every global access are conjuncts of its predicate.
 * Output      conjuncts that are proved dropped; an access whose bounds are all proved is IN_BOUNDS,
 *             a slice of a global buffer that is proved to lie inside carries TC_SLICE_IN_BOUNDS.
 * Invariants  an unknown answer keeps the guard.
 * Example     load A[i] if 0 <= i and i < 64 guarded, in parallel (i < 64)  ->  load A[i] inbounds */
#include "pass/pass.h"

#include "ir/build.h"
#include "ir/walk.h"

enum { MAX_RANK = 16 };

static bool proved(tc_prover *p, tc_value fact) {
  return tc_prove(p, TC_PROVE_facts, fact, NULL) == TC_PROVED;
}

/* The conjuncts of `pred` that are not proved; 0 when none is left. */
static tc_value unproved(tc_prover *p, tc_ir *ir, tc_value pred) {
  if (tc_is(ir, pred, TC_OP_and)) {
    tc_value a = tc_input(ir, tc_op_at(ir, pred), 0), b = tc_input(ir, tc_op_at(ir, pred), 1);
    return tc_and(ir, unproved(p, ir, a), unproved(p, ir, b));
  }
  return proved(p, pred) ? (tc_value){0} : pred;
}

static tc_value bound(tc_ir *ir, tc_value low, tc_value high, enum tc_opcode op) {
  tc_type a = tc_value_type(ir, low), b = tc_value_type(ir, high);
  tc_type type = tc_type_bits(a) >= tc_type_bits(b) ? a : b;
  return tc_binary(ir, op, tc_cast(ir, low, type), tc_cast(ir, high, type));
}

static bool access_inside(tc_prover *p, tc_ir *ir, tc_value stmt) {
  const tc_buffer *b = tc_buf_at(ir, tc_access_buf(ir, stmt));
  for (uint32_t d = 0; d < b->rank; d++) {
    tc_value i = tc_input(ir, tc_op_at(ir, stmt), d);
    if (tc_value_type(ir, i).lanes != 1) return false;
    if (!proved(p, bound(ir, tc_zero(ir, tc_value_type(ir, i)), i, TC_OP_le))) return false;
    if (!proved(p, bound(ir, i, b->shape[d], TC_OP_lt))) return false;
  }
  return true;
}

static void weaken_access(tc_prover *p, tc_ir *ir, tc_value stmt) {
  const tc_op *op = tc_op_at(ir, stmt);
  bool atomic = op->opcode == TC_OP_atomic;
  uint8_t *flags = atomic ? &tc_atomic_of(ir, stmt)->flags : &tc_access_of(ir, stmt)->flags;
  if (!(*flags & TC_ACCESS_GUARDED)) return;
  bool inside = access_inside(p, ir, stmt);
  tc_value pred = tc_access_pred(ir, stmt);
  if (pred.id) {
    tc_value left = unproved(p, ir, pred), in[MAX_RANK + 4];
    uint32_t n = 0, at = op->opcode == TC_OP_load ? tc_buf_at(ir, tc_access_buf(ir, stmt))->rank
                                                  : op->n_in - 1u;
    for (uint32_t i = 0; i < op->n_in; i++) {
      if (i != at) in[n++] = tc_input(ir, op, i);
      else if (left.id) in[n++] = left;
    }
    if (!left.id) *flags = (uint8_t)(*flags & ~TC_ACCESS_PRED);
    tc_set_inputs(ir, stmt, in, n);
  }
  if (inside) *flags = (uint8_t)((*flags & ~TC_ACCESS_GUARDED) | TC_ACCESS_IN_BOUNDS);
}

static bool slice_inside(tc_prover *p, tc_ir *ir, tc_value slice) {
  const tc_buffer *b = tc_buf_at(ir, tc_slice_buf(ir, slice));
  for (uint32_t d = 0; d < b->rank; d++) {
    tc_value base = tc_slice_base(ir, slice, d), extent = tc_slice_extent(ir, slice, d);
    tc_type wide = tc_scalar_type(TC_DT_int64);
    tc_value end = tc_binary(ir, TC_OP_add, tc_cast(ir, base, wide), tc_cast(ir, extent, wide));
    if (!proved(p, bound(ir, tc_zero(ir, tc_value_type(ir, base)), base, TC_OP_le))) return false;
    if (!proved(p, bound(ir, end, b->shape[d], TC_OP_le))) return false;
  }
  return true;
}

static void weaken_slices(tc_prover *p, tc_ir *ir, tc_value stmt) {
  const tc_op *op = tc_op_at(ir, stmt);
  tc_value in[8];
  bool any = false;
  if (op->n_in > TC_COUNT(in)) return;
  for (uint32_t i = 0; i < op->n_in; i++) {
    in[i] = tc_input(ir, op, i);
    if (!tc_is(ir, in[i], TC_OP_slice) || tc_slice_in_bounds(ir, in[i])) continue;
    tc_buf buf = tc_slice_buf(ir, in[i]);
    uint32_t rank = tc_buf_at(ir, buf)->rank;
    if (tc_buf_at(ir, buf)->scope != TC_SCOPE_global || !slice_inside(p, ir, in[i])) continue;
    tc_value base[MAX_RANK], extent[MAX_RANK];
    for (uint32_t d = 0; d < rank; d++) {
      base[d] = tc_slice_base(ir, in[i], d);
      extent[d] = tc_slice_extent(ir, in[i], d);
    }
    in[i] = tc_slice(ir, buf, base, extent, true);
    any = true;
  }
  if (any) tc_set_inputs(ir, stmt, in, op->n_in);
}

static bool weaken(tc_prover *p, tc_value stmt, void *data) {
  tc_ir *ir = data;
  switch (tc_op_at(ir, stmt)->opcode) {
  case TC_OP_load:
  case TC_OP_store:
  case TC_OP_atomic:
    weaken_access(p, ir, stmt);
    break;
  default:
    if (tc_op_row((enum tc_opcode)tc_op_at(ir, stmt)->opcode)->n_regions == 0)
      weaken_slices(p, ir, stmt);
  }
  return true;
}

void tc_pass_facts(tc_ir *ir, const tc_pass_context *cx) {
  tc_prove_walk(cx->prover, ir->body, weaken, ir);
}
