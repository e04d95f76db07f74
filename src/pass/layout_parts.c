/* Operands that must be whole fragments, and are not: the operation works on one that is.
 *
 *   reduce S -> r (S in shared memory)   copy S -> t; reduce t -> r
 *   gemm A, B -> C[..]                   copy C[..] -> t; gemm A, B -> t; copy t -> C[..] */
#include "ir/build.h"
#include "pass/edit.h"
#include "pass/layouts.h"

/* Does the operation want a fragment here? */
static bool wants_fragment(const tc_ir *ir, const tc_work *work, uint32_t operand) {
  tc_value slice = tc_input(ir, tc_op_at(ir, work->stmt), operand);
  bool held = tc_onchip_scope(ir, slice) == TC_SCOPE_fragment;
  if (tc_is(ir, work->stmt, TC_OP_reduce)) return !held || !tc_onchip_is_whole(ir, slice);
  return held && !tc_onchip_is_whole(ir, slice) && !tc_gemm_of(ir, work->stmt)->async;
}

static bool is_read(const tc_ir *ir, tc_value stmt, uint32_t operand) {
  if (tc_is(ir, stmt, TC_OP_reduce)) return operand == 0 || !tc_reduce_of(ir, stmt)->clear;
  return operand < 2 || !tc_gemm_of(ir, stmt)->clear;
}

static void copy(tc_ir *ir, tc_region at, tc_value from, tc_value to, tc_span span) {
  tc_value in[2] = {from, to};
  tc_stmt(ir, at, TC_OP_copy, tc_scalar_type(TC_DT_void), in, 2,
          tc_pl_copy(ir, (tc_copy){.engine = TC_ENGINE_simt}), span);
}

static void replace(tc_edit *e, const tc_work *work, uint32_t operand, bool result) {
  enum { MOST = 16 };
  tc_ir *ir = e->ir;
  const tc_op *op = tc_op_at(ir, work->stmt);
  tc_value in[MOST], old = tc_input(ir, op, operand), shape[TC_LAYOUT_DIMS];
  uint32_t rank = tc_op_at(ir, old)->n_in / 2u, n_in = op->n_in;
  tc_span span = op->span;
  const tc_buffer *b = tc_buf_at(ir, tc_slice_buf(ir, old));
  if (rank > TC_LAYOUT_DIMS) return; /* said later */
  for (uint32_t d = 0; d < rank; d++) {
    int64_t extent;
    shape[d] = tc_slice_extent(ir, old, d);
    if (!tc_const_of(ir, shape[d], &extent)) return;
  }
  tc_buf made = tc_buf_new(ir, tc_format(ir->arena, "%s_part", tc_name_of(ir, b->name)), b->elem,
                           TC_SCOPE_fragment, rank, shape, span);
  tc_region before = tc_edit_before(e, work->stmt);
  tc_alloc(ir, before, made, span);
  tc_value whole = tc_slice_whole(ir, made);
  if (is_read(ir, work->stmt, operand)) copy(ir, before, old, whole, span);
  if (result) copy(ir, tc_edit_after(e, work->stmt), whole, old, span);
  for (uint32_t i = 0; i < n_in; i++)
    in[i] = i == operand ? whole : tc_input(ir, tc_op_at(ir, work->stmt), i);
  tc_set_inputs(ir, work->stmt, in, n_in);
}

void tc_layouts_parts(tc_ir *ir, tc_value kernel, tc_arena *scratch) {
  tc_works works = {.at = NULL};
  tc_edit edit = tc_edit_new(ir, scratch);
  tc_works_of(ir, kernel, scratch, &works);
  for (uint32_t i = 0; i < works.n; i++) {
    const tc_work *work = &works.at[i];
    bool reduce = tc_is(ir, work->stmt, TC_OP_reduce), gemm = tc_is(ir, work->stmt, TC_OP_gemm);
    for (uint32_t k = 0; k < (gemm ? 3u : reduce ? 2u : 0u) && !work->single; k++)
      if (wants_fragment(ir, work, k)) replace(&edit, work, k, k == (gemm ? 2 : 1));
  }
  tc_edit_apply(&edit, tc_child(ir, tc_op_at(ir, kernel), 0));
}
