/* A tile that is filled with zero only to be added to by a product:
 *
 *   fill C = 0                         gemm A, B -> C clear
 *   ...        (does not touch C)  ->
 *   gemm A, B -> C
 *
 * The product then starts from zero by itself, and neither writes the tile nor reads it first. */
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

static bool merge(tc_ir *ir, const tc_block *block, uint32_t at) {
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
    if (leaves(ir, block->ops.at[i])) return false;
    if (tc_touch_below(ir, block->ops.at[i], tc_root_of(ir, buf))) return false;
  }
  return false;
}

static void visit_block(tc_ir *ir, tc_region region) {
  tc_block *block = tc_block_at(ir, region);
  uint32_t kept = 0;
  for (uint32_t i = 0; i < block->ops.n; i++) {
    const tc_op *op = tc_op_at(ir, block->ops.at[i]);
    uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
    for (uint32_t r = 0; r < n; r++)
      visit_block(ir, tc_child(ir, op, r));
    if (op->opcode == TC_OP_fill && merge(ir, block, i)) continue;
    block->ops.at[kept++] = block->ops.at[i];
  }
  block->ops.n = kept;
}

void tc_pass_clears(tc_ir *ir, const tc_pass_context *cx) {
  (void)cx;
  visit_block(ir, ir->body);
}
