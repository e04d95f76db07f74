#include "pass/canon.h"

#include "ir/build.h"
#include "ir/walk.h"
#include "pass/deps.h"
#include "pass/effects.h"

/* ---- what stands between two loops ---- */

static bool only_looks(const tc_ir *ir, tc_value stmt) {
  const tc_op *op = tc_op_at(ir, stmt);
  if (op->opcode == TC_OP_load) return tc_access_of(ir, stmt)->order == TC_ORDER_NONE;
  return op->opcode == TC_OP_eval || op->opcode == TC_OP_assume || op->opcode == TC_OP_assert;
}

static bool writes(const tc_ir *ir, tc_region region, tc_buf root) {
  const tc_block *block = tc_block_at(ir, region);
  for (uint32_t i = 0; i < block->ops.n; i++) {
    const tc_op *op = tc_op_at(ir, block->ops.at[i]);
    tc_touch t[TC_MAX_TOUCHES];
    uint32_t n = tc_touches_of(ir, block->ops.at[i], t);
    for (uint32_t k = 0; k < n; k++)
      if ((t[k].kind & TC_TOUCH_WRITE) && tc_root_of(ir, t[k].buf).id == root.id) return true;
    n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
    for (uint32_t r = 0; r < n; r++)
      if (writes(ir, tc_child(ir, op, r), root)) return true;
  }
  return false;
}

TC_NORETURN static void refuse(tc_ir *ir, tc_value outer, tc_value at, const char *why) {
  TC_DIAG(ir->diags, D_parallel_merge, tc_op_at(ir, at)->span, why);
  tc_diag_note(ir->diags, tc_op_at(ir, outer)->span, "the outer loop");
  tc_diag_help(ir->diags, "write one T.Parallel(a, b), or make one of the loops T.serial");
  tc_diag_stop(ir->diags);
}

/* The parallel loop that ends the body of `outer`; 0 when there is none below it at all. */
static tc_value inner_of(tc_ir *ir, tc_value outer) {
  tc_region body = tc_child(ir, tc_op_at(ir, outer), 0);
  const tc_block *block = tc_block_at(ir, body);
  if (!tc_has_op(ir, body, TC_OP_parallel)) return (tc_value){0};
  tc_value last = block->ops.at[block->ops.n - 1];
  if (!tc_is(ir, last, TC_OP_parallel))
    refuse(ir, outer, last, "a statement stands beside the inner loop, or around it");
  for (uint32_t i = 0; i + 1 < block->ops.n; i++) {
    tc_value stmt = block->ops.at[i];
    if (!only_looks(ir, stmt)) refuse(ir, outer, stmt, "a statement stands between the two loops");
    if (!tc_is(ir, stmt, TC_OP_load)) continue;
    if (writes(ir, tc_child(ir, tc_op_at(ir, last), 0), tc_root_of(ir, tc_access_buf(ir, stmt))))
      refuse(ir, outer, stmt,
             "a value is read between the two loops, and the inner one writes there");
  }
  return last;
}

/* ---- extents ---- */

static bool is_known_outside(const tc_ir *ir, tc_value outer, tc_value extent, tc_arena *arena) {
  const tc_parallel *p = tc_parallel_of(ir, outer);
  const tc_block *body = tc_block_at(ir, tc_child(ir, tc_op_at(ir, outer), 0));
  tc_deps deps = {0};
  tc_deps_add(ir, arena, extent, &deps);
  for (uint32_t i = 0; i < p->n; i++)
    if (tc_deps_has_var(&deps, p->vars[i])) return false;
  for (uint32_t i = 0; i + 1 < body->ops.n; i++)
    if (tc_deps_has_stmt(&deps, body->ops.at[i])) return false;
  return true;
}

/* The largest value of an extent that depends on outer indices, and in *inside the condition for an
 * index to be below the real one. */
static tc_value largest(tc_prover *p, tc_ir *ir, tc_value outer, tc_value inner, uint32_t d,
                        tc_value *inside) {
  tc_value extent = tc_input(ir, tc_op_at(ir, inner), d);
  tc_prove_enter(p, outer, 0);
  tc_interval r = tc_prove_interval(p, extent);
  tc_prove_pop(p);
  if (r.hi >= INT32_MAX)
    refuse(ir, outer, inner,
           "the extent of the inner loop depends on the outer one without a bound");
  tc_value index = tc_var_value(ir, tc_parallel_of(ir, inner)->vars[d]);
  *inside = tc_and(ir, *inside, tc_binary(ir, TC_OP_lt, index, extent));
  return tc_const_int(ir, tc_value_type(ir, extent), r.hi > 0 ? r.hi : 0);
}

/* ---- merging ---- */

/* The inner loop's statements behind what stood between, under the condition when there is one. */
static void move_body(tc_ir *ir, tc_value outer, tc_value inner, tc_value inside) {
  tc_region body = tc_child(ir, tc_op_at(ir, outer), 0);
  tc_region from = tc_child(ir, tc_op_at(ir, inner), 0);
  tc_block_at(ir, body)->ops.n--;
  if (inside.id) {
    tc_value condition = tc_if(ir, body, inside, tc_op_at(ir, inner)->span);
    *tc_block_at(ir, tc_child(ir, tc_op_at(ir, condition), 0)) = *tc_block_at(ir, from);
  } else {
    for (uint32_t i = 0; i < tc_block_at(ir, from)->ops.n; i++)
      tc_vec_push(ir->arena, &tc_block_at(ir, body)->ops, tc_block_at(ir, from)->ops.at[i]);
  }
  tc_block_at(ir, from)->ops.n = 0;
}

static void merge(tc_prover *p, tc_ir *ir, tc_value outer, tc_value inner) {
  tc_parallel *a = tc_parallel_of(ir, outer);
  const tc_parallel *b = tc_parallel_of(ir, inner);
  uint32_t n = a->n + b->n;
  tc_var *vars = TC_NEW_ARRAY(ir->arena, n, tc_var);
  tc_value *extents = TC_NEW_ARRAY(ir->arena, n, tc_value), inside = {0};
  for (uint32_t d = 0; d < n; d++) {
    uint32_t k = d < a->n ? d : d - a->n;
    tc_value extent = tc_input(ir, tc_op_at(ir, d < a->n ? outer : inner), k);
    vars[d] = d < a->n ? a->vars[k] : b->vars[k];
    if (d >= a->n && !is_known_outside(ir, outer, extent, ir->arena))
      extent = largest(p, ir, outer, inner, k, &inside);
    extents[d] = extent;
  }
  move_body(ir, outer, inner, inside);
  a->n = n;
  a->vars = vars;
  tc_set_inputs(ir, outer, extents, n);
}

/* Innermost first, so that conditions of the inner nest are in its body already. */
void tc_canon_parallel(tc_prover *p, tc_ir *ir, tc_value outer) {
  tc_value inner = inner_of(ir, outer);
  if (!inner.id) return;
  tc_prove_enter(p, outer, 0);
  tc_canon_parallel(p, ir, inner);
  tc_prove_pop(p);
  merge(p, ir, outer, inner);
}
