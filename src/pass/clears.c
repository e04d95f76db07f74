/* A tile that is filled with zero only to be added to by a product:
 *
 *   fill C = 0                         gemm A, B -> C clear
 *   ...        (does not touch C)  ->
 *   gemm A, B -> C
 *
 * The product then starts from zero by itself, and neither writes the tile nor reads it first. For
 * targets whose products take that as an operand, also by the products of a loop:
 *
 *   fill C = 0                         if n <= 0 { fill C = 0 }
 *   for k = 0 to n {               ->  for k = 0 to n {
 *     gemm A, B -> C                     gemm A, B -> C clear_if k == 0
 *   }                                  }
 */
#include "ir/build.h"
#include "ir/walk.h"
#include "pass/effects.h"
#include "pass/pass.h"

#include <math.h>

/* +0: adding to -0 may give -0. */
static bool is_zero(const tc_ir *ir, tc_value v) {
  int64_t i;
  double f;
  if (tc_const_of(ir, v, &i)) return i == 0;
  return tc_const_float_of(ir, v, &f) && f == 0 && !signbit(f);
}

/* The product that adds to `slice`, all of it, and uses its storage for nothing else. */
static bool adds_to(tc_ir *ir, tc_value stmt, tc_value slice) {
  const tc_op *op = tc_op_at(ir, stmt);
  if (op->opcode != TC_OP_gemm || op->n_in != 3 || tc_input(ir, op, 2).id != slice.id) return false;
  tc_buf root = tc_root_of(ir, tc_slice_buf(ir, slice));
  for (uint32_t k = 0; k < 2; k++)
    if (tc_root_of(ir, tc_slice_buf(ir, tc_input(ir, op, k))).id == root.id) return false;
  return !tc_gemm_of(ir, stmt)->clear;
}

/* Where control may go elsewhere, the zeros may be what is read there. */
static bool leaves(const tc_ir *ir, tc_value stmt) {
  return tc_is_jump(ir, stmt, TC_OP_break) || tc_is_jump(ir, stmt, TC_OP_continue);
}

/* The product, at once in the loop's body, that is the first there to touch the tile; 0: none. */
static tc_value first_in_loop(tc_ir *ir, tc_value loop, tc_value slice) {
  const tc_block *body = tc_block_at(ir, tc_child(ir, tc_op_at(ir, loop), 0));
  tc_buf root = tc_root_of(ir, tc_slice_buf(ir, slice));
  for (uint32_t i = 0; i < body->ops.n; i++) {
    if (adds_to(ir, body->ops.at[i], slice)) return body->ops.at[i];
    if (leaves(ir, body->ops.at[i]) || tc_touch_below(ir, body->ops.at[i], root)) break;
  }
  return (tc_value){0};
}

static void insert(tc_ir *ir, tc_block *block, uint32_t at, tc_value stmt) {
  tc_vec_push(ir->arena, &block->ops, stmt);
  for (uint32_t i = block->ops.n - 1; i > at; i--)
    block->ops.at[i] = block->ops.at[i - 1];
  block->ops.at[at] = stmt;
}

/* The fill stays for a loop without iterations: right before it, as what says how often it runs may
 * be known only there. */
static void keep_for_none(tc_ir *ir, tc_block *block, uint32_t at, tc_value fill) {
  const tc_op *loop = tc_op_at(ir, block->ops.at[at]);
  tc_value lo = tc_input(ir, loop, 0), hi = tc_input(ir, loop, 1);
  int64_t step = 1, known;
  tc_const_of(ir, tc_input(ir, loop, 2), &step);
  tc_value none = step > 0 ? tc_binary(ir, TC_OP_le, hi, lo) : tc_binary(ir, TC_OP_le, lo, hi);
  if (tc_const_of(ir, none, &known) && !known) return;
  tc_value choice = tc_if(ir, tc_region_new(ir), none, tc_op_at(ir, fill)->span);
  tc_region then = tc_child(ir, tc_op_at(ir, choice), 0);
  tc_vec_push(ir->arena, &tc_block_at(ir, then)->ops, fill);
  insert(ir, block, at, choice);
}

static bool merge_loop(tc_ir *ir, tc_block *block, uint32_t at, tc_value fill) {
  tc_value slice = tc_input(ir, tc_op_at(ir, fill), 0), in[4], loop = block->ops.at[at];
  const tc_op *op = tc_op_at(ir, loop);
  tc_value gemm = op->opcode == TC_OP_for ? first_in_loop(ir, loop, slice) : (tc_value){0};
  if (!gemm.id) return false;
  for (uint32_t k = 0; k < 3; k++)
    in[k] = tc_input(ir, tc_op_at(ir, gemm), k);
  tc_value var = tc_var_value(ir, tc_loop_of(ir, loop)->var);
  in[3] = tc_binary(ir, TC_OP_eq, var, tc_input(ir, op, 0));
  tc_set_inputs(ir, gemm, in, 4);
  keep_for_none(ir, block, at, fill);
  return true;
}

/* True when the fill is to go: what is left of it stands elsewhere. */
static bool merge(tc_ir *ir, tc_block *block, uint32_t at, bool loops) {
  const tc_op *fill = tc_op_at(ir, block->ops.at[at]);
  tc_value slice = tc_input(ir, fill, 0);
  tc_buf buf = tc_slice_buf(ir, slice);
  if (tc_buf_at(ir, buf)->scope == TC_SCOPE_global || !is_zero(ir, tc_input(ir, fill, 1)))
    return false;
  for (uint32_t i = at + 1; i < block->ops.n; i++) {
    if (adds_to(ir, block->ops.at[i], slice)) {
      tc_gemm_of(ir, block->ops.at[i])->clear = true;
      return true;
    }
    if (loops && merge_loop(ir, block, i, block->ops.at[at])) return true;
    if (leaves(ir, block->ops.at[i])) return false;
    if (tc_touch_below(ir, block->ops.at[i], tc_root_of(ir, buf))) return false;
  }
  return false;
}

static void visit_block(tc_ir *ir, tc_region region, bool loops) {
  tc_block *block = tc_block_at(ir, region);
  uint32_t kept = 0;
  for (uint32_t i = 0; i < block->ops.n; i++) {
    const tc_op *op = tc_op_at(ir, block->ops.at[i]);
    uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
    for (uint32_t r = 0; r < n; r++)
      visit_block(ir, tc_child(ir, op, r), loops);
    if (op->opcode == TC_OP_fill && merge(ir, block, i, loops)) continue;
    block->ops.at[kept++] = block->ops.at[i];
  }
  block->ops.n = kept;
}

void tc_pass_clears(tc_ir *ir, const tc_pass_context *cx) {
  visit_block(ir, ir->body, cx->caps & TC_CAP_BIT(lanes));
}
