#include "pass/guard.h"

#include "ir/build.h"

/* ---- comparisons ---- */

static tc_type with_lanes(tc_type type, uint16_t lanes) {
  return (tc_type){type.dtype, 0, lanes};
}

static tc_type wider(tc_type a, tc_type b) {
  tc_type x = with_lanes(a, 1), y = with_lanes(b, 1);
  return with_lanes(tc_type_bits(x) >= tc_type_bits(y) ? x : y, a.lanes);
}

tc_value tc_guard_lower(tc_ir *ir, tc_value index) {
  tc_type type = tc_value_type(ir, index);
  if (tc_type_kind(type) == TC_K_UINT) return tc_const_bool(ir, true);
  tc_value zero = tc_zero(ir, with_lanes(type, 1));
  return tc_binary(ir, TC_OP_le, tc_broadcast(ir, zero, type.lanes), index);
}

tc_value tc_guard_upper(tc_ir *ir, tc_value index, tc_value extent) {
  tc_type type = wider(tc_value_type(ir, index), tc_value_type(ir, extent));
  tc_value n = tc_cast(ir, extent, with_lanes(type, 1));
  return tc_binary(ir, TC_OP_lt, tc_cast(ir, index, type), tc_broadcast(ir, n, type.lanes));
}

tc_value tc_guard_slice_upper(tc_ir *ir, tc_value base, tc_value extent, tc_value size) {
  tc_type type = tc_scalar_type(TC_DT_int64);
  tc_value n = tc_cast(ir, extent, type);
  tc_value end = tc_binary(ir, TC_OP_add, tc_cast(ir, base, type), n);
  return tc_binary(ir, TC_OP_le, end, tc_cast(ir, size, type));
}

/* ---- accesses ---- */

bool tc_guard_is_access(const tc_ir *ir, tc_value stmt) {
  uint32_t op = tc_op_at(ir, stmt)->opcode;
  return op == TC_OP_load || op == TC_OP_store || op == TC_OP_atomic;
}

void tc_guard_replace_slices(tc_ir *ir, tc_value stmt, tc_guard_remake *fn, void *data) {
  const tc_op *op = tc_op_at(ir, stmt);
  tc_value in[8];
  bool any = false;
  if (op->n_in > TC_COUNT(in)) return;
  for (uint32_t i = 0; i < op->n_in; i++) {
    tc_value old = tc_input(ir, op, i);
    in[i] = tc_is(ir, old, TC_OP_slice) ? fn(ir, old, data) : old;
    any = any || in[i].id != old.id;
  }
  if (any) tc_set_inputs(ir, stmt, in, op->n_in);
}

bool tc_guard_is_global(const tc_ir *ir, tc_buf buf) {
  return tc_buf_at(ir, buf)->scope == TC_SCOPE_global;
}

uint8_t *tc_guard_flags(const tc_ir *ir, tc_value stmt) {
  if (tc_op_at(ir, stmt)->opcode == TC_OP_atomic) return &tc_atomic_of(ir, stmt)->flags;
  return &tc_access_of(ir, stmt)->flags;
}

uint32_t tc_guard_bounds(tc_ir *ir, tc_value stmt, tc_value bounds[2 * TC_GUARD_RANK]) {
  const tc_buffer *b = tc_buf_at(ir, tc_access_buf(ir, stmt));
  uint32_t n = 0;
  for (uint32_t d = 0; d < b->rank; d++) {
    tc_value index = tc_input(ir, tc_op_at(ir, stmt), d);
    tc_value two[2] = {tc_guard_lower(ir, index), tc_guard_upper(ir, index, b->shape[d])};
    for (int i = 0; i < 2; i++) {
      int64_t always;
      if (!tc_const_of(ir, two[i], &always) || !always) bounds[n++] = two[i];
    }
  }
  return n;
}

/* Inputs behind the indices that are neither predicate nor else value. */
static uint32_t n_values(const tc_ir *ir, tc_value stmt) {
  switch (tc_op_at(ir, stmt)->opcode) {
  case TC_OP_store:
    return 1;
  case TC_OP_atomic:
    return tc_atomic_of(ir, stmt)->kind == TC_ATOMIC_CAS ? 2 : 1;
  default:
    return 0;
  }
}

void tc_guard_set_pred(tc_ir *ir, tc_value stmt, tc_value pred) {
  const tc_op *op = tc_op_at(ir, stmt);
  uint8_t *flags = tc_guard_flags(ir, stmt);
  tc_value in[TC_GUARD_RANK + 4], other = {0};
  uint32_t n = tc_buf_at(ir, tc_access_buf(ir, stmt))->rank + n_values(ir, stmt);
  if (op->opcode == TC_OP_load) other = tc_access_else(ir, stmt);
  for (uint32_t i = 0; i < n; i++)
    in[i] = tc_input(ir, op, i);
  *flags = (uint8_t)(*flags & ~(TC_ACCESS_PRED | TC_ACCESS_ELSE));
  if (pred.id) {
    in[n++] = pred;
    *flags |= TC_ACCESS_PRED;
    if (other.id) in[n++] = other, *flags |= TC_ACCESS_ELSE;
  }
  tc_set_inputs(ir, stmt, in, n);
}
