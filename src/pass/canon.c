/* canon: surface -> tile.
 *
 * Input       IR as evaluated: implicit guards, negative indices, nested parallel loops.
 * Output      the same function with
 *               - directly nested parallel loops merged into one (canon_parallel.c),
 *               - branches with a constant condition and loops without iterations gone,
 *               - indices that are negative wherever control comes, wrapped by + extent,
 *               - the bounds of every access to a global buffer in its predicate (GUARDED), or
 *                 IN_BOUNDS when they are trivial,
 *               - loads that nobody uses, and expression statements, gone.
 * Invariants  the order of effects, and the value of every load that survives. What counts as
 *             negative depends on intervals only, never on the switches of the prover.
 * Example     B[i] = A[i - 10]   ->   x = load A[i - 10] if 0 <= i - 10 and i - 10 < N
 *                                     store B[i] = x if 0 <= i and i < N                         */
#include "pass/canon.h"

#include "ir/build.h"
#include "pass/dead.h"
#include "pass/guard.h"

/* ---- negative indices ---- */

static tc_value plus_extent(tc_ir *ir, tc_value index, tc_value extent) {
  tc_type x = tc_value_type(ir, index), y = tc_value_type(ir, extent);
  tc_type type = tc_type_bits(x) >= tc_type_bits(y) ? x : y;
  tc_value n = tc_cast(ir, extent, type);
  return tc_binary(ir, TC_OP_add, tc_cast(ir, index, type), n);
}

static bool is_negative(tc_prover *p, tc_ir *ir, tc_value index) {
  return tc_is_int(tc_value_type(ir, index)) && tc_value_type(ir, index).lanes == 1
         && tc_prove_interval(p, index).hi < 0;
}

static void wrap_indices(tc_prover *p, tc_ir *ir, tc_value stmt) {
  const tc_op *op = tc_op_at(ir, stmt);
  const tc_buffer *b = tc_buf_at(ir, tc_access_buf(ir, stmt));
  tc_value in[TC_GUARD_RANK + 4];
  bool any = false;
  for (uint32_t i = 0; i < op->n_in; i++) {
    in[i] = tc_input(ir, op, i);
    if (i >= b->rank || !is_negative(p, ir, in[i])) continue;
    in[i] = plus_extent(ir, in[i], b->shape[i]);
    any = true;
  }
  if (any) tc_set_inputs(ir, stmt, in, op->n_in);
}

/* A tile is meant from the end when all of it lies before the start; one that only begins there
 * reaches over the edge, like the halo of a convolution, and is guarded. */
static tc_value wrap_slice(tc_ir *ir, tc_value slice, void *data) {
  (void)data;
  tc_buf buf = tc_slice_buf(ir, slice);
  const tc_buffer *b = tc_buf_at(ir, buf);
  tc_value base[TC_GUARD_RANK], extent[TC_GUARD_RANK];
  bool any = false;
  for (uint32_t d = 0; d < b->rank; d++) {
    int64_t from, n;
    base[d] = tc_slice_base(ir, slice, d);
    extent[d] = tc_slice_extent(ir, slice, d);
    if (!tc_const_of(ir, base[d], &from) || !tc_const_of(ir, extent[d], &n)) continue;
    if (from >= 0 || n < 0 || n + from > 0) continue;
    base[d] = plus_extent(ir, base[d], b->shape[d]);
    any = true;
  }
  return any ? tc_slice(ir, buf, base, extent, tc_slice_in_bounds(ir, slice)) : slice;
}

/* ---- guards ---- */

/* A condition of one bool per index lane, brought to the lanes of what is accessed. */
static tc_value spread(tc_ir *ir, tc_value c, uint32_t lanes, uint32_t elem_lanes) {
  tc_type type = tc_value_type(ir, c);
  tc_value all[1024];
  if (type.lanes == lanes || lanes > TC_COUNT(all)) return c;
  if (type.lanes == 1) return tc_broadcast(ir, c, lanes);
  for (uint32_t i = 0; i < lanes; i++)
    all[i] = tc_lane(ir, c, i / elem_lanes);
  return tc_pack(ir, all, lanes);
}

/* Lanes that the predicate needs: 1 unless an index is a vector. */
static uint32_t pred_lanes(const tc_ir *ir, tc_value stmt) {
  const tc_buffer *b = tc_buf_at(ir, tc_access_buf(ir, stmt));
  uint32_t lanes = 1;
  for (uint32_t d = 0; d < b->rank; d++) {
    uint32_t n = tc_value_type(ir, tc_input(ir, tc_op_at(ir, stmt), d)).lanes;
    if (n > lanes) lanes = n;
  }
  return lanes == 1 ? 1 : lanes * b->elem.lanes;
}

static void guard_access(tc_ir *ir, tc_value stmt) {
  uint8_t *flags = tc_guard_flags(ir, stmt);
  tc_buf buf = tc_access_buf(ir, stmt);
  tc_value bounds[2 * TC_GUARD_RANK], pred = tc_access_pred(ir, stmt);
  if (*flags & (TC_ACCESS_GUARDED | TC_ACCESS_IN_BOUNDS)) return;
  if (!tc_guard_is_global(ir, buf)) {
    if (!pred.id && (*flags & TC_ACCESS_ELSE)) tc_guard_set_pred(ir, stmt, pred);
    return;
  }
  uint32_t n = tc_guard_bounds(ir, stmt, bounds), lanes = pred_lanes(ir, stmt);
  for (uint32_t i = 0; i < n; i++) {
    tc_value one = spread(ir, bounds[i], lanes, tc_buf_at(ir, buf)->elem.lanes);
    pred = pred.id ? tc_and(ir, spread(ir, pred, lanes, 1), one) : one;
  }
  int64_t always;
  if (tc_const_of(ir, pred, &always) && always) pred.id = 0;
  tc_guard_set_pred(ir, stmt, pred);
  *flags = (uint8_t)(*flags | (n ? TC_ACCESS_GUARDED : TC_ACCESS_IN_BOUNDS));
}

/* ---- structure ---- */

static bool never_runs(const tc_ir *ir, const tc_op *op) {
  int64_t lo, hi, step;
  if (op->opcode == TC_OP_parallel) {
    for (uint32_t i = 0; i < op->n_in; i++)
      if (tc_const_of(ir, tc_input(ir, op, i), &hi) && hi <= 0) return true;
  }
  if (op->opcode != TC_OP_for) return false;
  bool known = tc_const_of(ir, tc_input(ir, op, 0), &lo)
               && tc_const_of(ir, tc_input(ir, op, 1), &hi)
               && tc_const_of(ir, tc_input(ir, op, 2), &step);
  return known && (step > 0 ? lo >= hi : lo <= hi);
}

static void clean_region(tc_prover *p, tc_ir *ir, tc_region region);

static void clean_regions(tc_prover *p, tc_ir *ir, tc_value stmt) {
  const tc_op *op = tc_op_at(ir, stmt);
  uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
  for (uint32_t r = 0; r < n; r++) {
    tc_prove_enter(p, stmt, r);
    clean_region(p, ir, tc_child(ir, op, r));
    tc_prove_pop(p);
  }
}

static void clean_list(tc_prover *p, tc_ir *ir, const tc_block *block, tc_values *out) {
  for (uint32_t i = 0; i < block->ops.n; i++) {
    tc_value stmt = block->ops.at[i];
    const tc_op *op = tc_op_at(ir, stmt);
    int64_t known;
    if (never_runs(ir, op)) continue;
    if (op->opcode == TC_OP_if && tc_const_of(ir, tc_input(ir, op, 0), &known)) {
      clean_list(p, ir, tc_block_at(ir, tc_child(ir, op, known ? 0 : 1)), out);
      continue;
    }
    if (op->opcode == TC_OP_parallel) tc_canon_parallel(p, ir, stmt);
    if (tc_guard_is_access(ir, stmt)) {
      wrap_indices(p, ir, stmt);
      guard_access(ir, stmt);
    } else {
      tc_guard_replace_slices(ir, stmt, wrap_slice, NULL);
    }
    clean_regions(p, ir, stmt);
    tc_prove_after(p, stmt);
    tc_vec_push(ir->arena, out, stmt);
  }
}

static void clean_region(tc_prover *p, tc_ir *ir, tc_region region) {
  tc_block *block = tc_block_at(ir, region);
  tc_values out = {0};
  clean_list(p, ir, block, &out);
  block->ops.at = out.at;
  block->ops.n = out.n;
  block->ops.cap = out.cap;
}

void tc_pass_canon(tc_ir *ir, const tc_pass_context *cx) {
  tc_prove_push(cx->prover);
  clean_region(cx->prover, ir, ir->body);
  tc_prove_pop(cx->prover);
  if (!ir->diags->n_errors) tc_drop_dead(ir, cx->scratch);
}
