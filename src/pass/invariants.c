/* invariants: what only the first turn of a loop does stands before the loop. State lane.
 *
 * Input       loops with `if %k == FIRST { stores of constants to arrays of the thread }`.
 * Output      the stores before the loop, under the condition that there is a first turn where that
 *             is not known.
 * Invariants  nothing of the loop may touch the arrays, or leave the turn, before the stores.
 * Example     for %k = 0 to 8 { ...; if %k == 0 { store f[0] = 0.0 } prim mma(f, ...) }
 *             ->  store f[0] = 0.0   for %k = 0 to 8 { ...; prim mma(f, ...) }
 *
 * A product that a matrix engine can start from zero costs nothing when it says so in each turn.
 * One by mma.sync has to clear its sums, and assemblers make of the condition a select for each of
 * them, in every turn.
 *
 * Pure values that do not change in a loop are not this pass's business: they have no place in the
 * IR, and get one outside of the loop when they are printed (ir/walk.h). */
#include "pass/pass.h"

#include "ir/build.h"
#include "ir/form.h"
#include "ir/walk.h"

typedef struct invariants {
  tc_ir *ir;
  tc_prover *prover;
  bool moved; /* something left its loop */
} invariants;

static bool is_local(const tc_ir *ir, tc_buf buf) {
  return tc_buf_at(ir, buf)->scope == TC_SCOPE_local;
}

/* Stores that may be done at another time: of constants to constant places. */
static bool only_clears(const tc_ir *ir, tc_region region) {
  const tc_block *block = tc_block_at(ir, region);
  for (uint32_t i = 0; i < block->ops.n; i++) {
    tc_value stmt = block->ops.at[i];
    const tc_op *op = tc_op_at(ir, stmt);
    if (op->opcode != TC_OP_store || !is_local(ir, tc_access_buf(ir, stmt))) return false;
    for (uint32_t k = 0; k < op->n_in; k++)
      if (!tc_is(ir, tc_input(ir, op, k), TC_OP_const)) return false;
  }
  return block->ops.n != 0;
}

typedef struct touching {
  tc_region clears;
  bool found;
} touching;

static bool is_cleared(const tc_ir *ir, tc_region clears, tc_buf buf) {
  const tc_block *block = tc_block_at(ir, clears);
  for (uint32_t i = 0; i < block->ops.n; i++)
    if (tc_buf_at(ir, tc_access_buf(ir, block->ops.at[i]))->root.id == tc_buf_at(ir, buf)->root.id)
      return true;
  return false;
}

/* Uses, and allocations: what is made in the loop cannot be cleared before it. */
static bool see_touch(tc_ir *ir, tc_value stmt, void *data) {
  touching *t = data;
  const tc_op *op = tc_op_at(ir, stmt);
  tc_buf buf;
  for (uint32_t k = 0; (buf = tc_stmt_buf(ir, op, k)).id; k++)
    t->found = t->found || is_cleared(ir, t->clears, buf);
  for (uint32_t k = 0; k < op->n_in; k++) {
    tc_value in = tc_input(ir, op, k);
    if (tc_is(ir, in, TC_OP_slice))
      t->found = t->found || is_cleared(ir, t->clears, tc_slice_buf(ir, in));
  }
  return !t->found;
}

/* Does anything before statement `end` of the loop's body stand in the way? */
static bool is_in_the_way(tc_ir *ir, const tc_block *body, uint32_t end, tc_region clears) {
  touching t = {.clears = clears};
  for (uint32_t i = 0; i < end; i++) {
    tc_value stmt = body->ops.at[i];
    const tc_op *op = tc_op_at(ir, stmt);
    if (tc_is_jump(ir, stmt, TC_OP_break) || tc_is_jump(ir, stmt, TC_OP_continue)) return true;
    see_touch(ir, stmt, &t);
    for (uint32_t r = 0; r < tc_op_row((enum tc_opcode)op->opcode)->n_regions; r++)
      tc_walk(ir, tc_child(ir, op, r), see_touch, &t);
  }
  return t.found;
}

static bool is_first_turn(const tc_ir *ir, tc_value loop, tc_value cond) {
  tc_value first = tc_input(ir, tc_op_at(ir, loop), 0);
  if (!tc_is(ir, cond, TC_OP_eq)) return false;
  tc_value a = tc_input(ir, tc_op_at(ir, cond), 0), b = tc_input(ir, tc_op_at(ir, cond), 1);
  uint32_t var = tc_loop_of(ir, loop)->var.id;
  for (int turn = 0; turn < 2; turn++) {
    if (tc_is(ir, a, TC_OP_var) && tc_op_at(ir, a)->payload == var && b.id == first.id) return true;
    tc_value other = a;
    a = b, b = other;
  }
  return false;
}

/* Appends the clears of a loop that is about to be appended. */
static void bring_out(invariants *v, tc_value loop, tc_region clears, tc_region out) {
  tc_ir *ir = v->ir;
  const tc_op *op = tc_op_at(ir, loop);
  int64_t step = 0;
  tc_const_of(ir, tc_input(ir, op, 2), &step);
  tc_value lo = tc_input(ir, op, 0), hi = tc_input(ir, op, 1);
  tc_value any = step > 0 ? tc_binary(ir, TC_OP_lt, lo, hi) : tc_binary(ir, TC_OP_lt, hi, lo);
  if (tc_prove(v->prover, TC_PROVE_lower, any, NULL) != TC_PROVED)
    out = tc_child(ir, tc_op_at(ir, tc_if(ir, out, any, op->span)), 0);
  const tc_block *block = tc_block_at(ir, clears);
  for (uint32_t i = 0; i < block->ops.n; i++)
    tc_vec_push(ir->arena, &tc_block_at(ir, out)->ops, block->ops.at[i]);
}

static void leave_loop(invariants *v, tc_value loop, tc_region out) {
  tc_ir *ir = v->ir;
  tc_block *body = tc_block_at(ir, tc_child(ir, tc_op_at(ir, loop), 0));
  for (uint32_t i = 0; i < body->ops.n; i++) {
    tc_value stmt = body->ops.at[i];
    const tc_op *op = tc_op_at(ir, stmt);
    if (op->opcode != TC_OP_if || !is_first_turn(ir, loop, tc_input(ir, op, 0))) continue;
    tc_region clears = tc_child(ir, op, 0);
    if (tc_block_at(ir, tc_child(ir, op, 1))->ops.n || !only_clears(ir, clears)) continue;
    if (is_in_the_way(ir, body, i, clears)) continue;
    bring_out(v, loop, clears, out);
    v->moved = true;
    for (uint32_t k = i--; k + 1 < body->ops.n; k++)
      body->ops.at[k] = body->ops.at[k + 1];
    body->ops.n--;
  }
}

/* Inner loops first: what leaves one may leave the next. */
static void run_region(invariants *v, tc_region region) {
  tc_ir *ir = v->ir;
  tc_region out = tc_region_new(ir);
  uint32_t n = tc_block_at(ir, region)->ops.n;
  for (uint32_t i = 0; i < n; i++) {
    tc_value stmt = tc_block_at(ir, region)->ops.at[i];
    for (uint32_t r = 0; r < tc_op_row((enum tc_opcode)tc_op_at(ir, stmt)->opcode)->n_regions;
         r++) {
      tc_prove_enter(v->prover, stmt, r);
      run_region(v, tc_child(ir, tc_op_at(ir, stmt), r));
      tc_prove_pop(v->prover);
    }
    if (tc_is(ir, stmt, TC_OP_for)) leave_loop(v, stmt, out);
    tc_vec_push(ir->arena, &tc_block_at(ir, out)->ops, stmt);
    tc_prove_after(v->prover, stmt);
  }
  *tc_block_at(ir, region) = *tc_block_at(ir, out);
  *tc_block_at(ir, out) = (tc_block){.ops = {0}};
}

void tc_pass_invariants(tc_ir *ir, const tc_pass_context *cx) {
  invariants v = {.ir = ir, .prover = cx->prover};
  tc_prove_push(v.prover);
  run_region(&v, ir->body);
  tc_prove_pop(v.prover);
  *cx->idle = !v.moved;
}
