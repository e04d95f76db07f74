/* Making IR. Constructors of pure values fold constants and the identities that hold exactly in
 * every dtype (x + 0 of integers, x * 1, select of equal sides, ...); they never change a result,
 * so what was folded need not be known later. Types must already agree: promotion is the front
 * end's business. A wrong combination is our bug and unwinds as one. */
#ifndef TC_IR_BUILD_H
#define TC_IR_BUILD_H

#include "ir/ir.h"

/* ---- records ---- */
tc_region tc_region_new(tc_ir *ir);
tc_var tc_var_new(tc_ir *ir, const char *name, enum tc_var_kind kind, tc_type type, tc_span span);
/* A buffer whose root is itself; shape is copied. */
tc_buf tc_buf_new(tc_ir *ir, const char *name, tc_type elem, enum tc_scope scope, uint32_t rank,
                  const tc_value *shape, tc_span span);
/* A buffer that shares `of`'s storage with another shape or element type. */
tc_buf tc_buf_view(tc_ir *ir, const char *name, tc_buf of, tc_type elem, uint32_t rank,
                   const tc_value *shape, tc_span span);

/* ---- pure values ---- */
tc_value tc_const_int(tc_ir *ir, tc_type type, int64_t x);  /* wraps x to the type */
tc_value tc_const_float(tc_ir *ir, tc_type type, double x); /* rounds x to the type */
tc_value tc_const_bool(tc_ir *ir, bool x);
tc_value tc_const_imm(tc_ir *ir, tc_type type, tc_imm x); /* x is a number of the type */
tc_value tc_i32(tc_ir *ir, int64_t x);
/* A constant of any scalar type: ints get (int64_t)x. */
tc_value tc_zero(tc_ir *ir, tc_type type);
tc_value tc_var_value(tc_ir *ir, tc_var var);
/* add .. xor, shifts, min, max: operands and result of one type; eq .. le: result bool. */
tc_value tc_binary(tc_ir *ir, enum tc_opcode op, tc_value a, tc_value b);
tc_value tc_unary(tc_ir *ir, enum tc_opcode op, tc_value a); /* neg abs not */
tc_value tc_select(tc_ir *ir, tc_value c, tc_value a, tc_value b);
tc_value tc_cast(tc_ir *ir, tc_value a, tc_type to);
tc_value tc_reinterpret(tc_ir *ir, tc_value a, tc_type to);
tc_value tc_math(tc_ir *ir, enum tc_mathfn fn, const tc_value *args, uint32_t n);
tc_value tc_ramp(tc_ir *ir, tc_value base, tc_value stride, uint32_t lanes);
tc_value tc_broadcast(tc_ir *ir, tc_value a, uint32_t lanes);
tc_value tc_lane(tc_ir *ir, tc_value vector, uint32_t lane);
tc_value tc_pack(tc_ir *ir, const tc_value *scalars, uint32_t n);
/* base and extent: rank(buf) values each. */
tc_value tc_slice(tc_ir *ir, tc_buf buf, const tc_value *base, const tc_value *extent,
                  bool in_bounds);
tc_value tc_slice_whole(tc_ir *ir, tc_buf buf);
/* a and b of bool type with the constants folded; 0 stands for true. */
tc_value tc_and(tc_ir *ir, tc_value a, tc_value b);
/* Any pure op again with other inputs (same count); folds like the constructors. */
tc_value tc_rebuild(tc_ir *ir, tc_value pure, const tc_value *inputs);

/* ---- statements: appended to `at` ---- */
/* The general form: regions are made for the row's n_regions. `payload` is an index already pushed
 * (tc_pl_* below) or a plain number, as the row says. */
tc_value tc_stmt(tc_ir *ir, tc_region at, enum tc_opcode op, tc_type type, const tc_value *inputs,
                 uint32_t n, uint32_t payload, tc_span span);
/* index: rank(buf) values; pred and other may be 0. */
tc_value tc_load(tc_ir *ir, tc_region at, tc_buf buf, const tc_value *index, tc_value pred,
                 tc_value other, tc_span span);
void tc_store(tc_ir *ir, tc_region at, tc_buf buf, const tc_value *index, tc_value value,
              tc_value pred, tc_span span);
tc_value tc_atomic_stmt(tc_ir *ir, tc_region at, tc_atomic what, const tc_value *index,
                        tc_value value, tc_value expected, tc_value pred, tc_span span);
/* `what.flags` follow from lane and mask, which may be 0. */
tc_value tc_collective_stmt(tc_ir *ir, tc_region at, tc_collective what, tc_value value,
                            tc_value lane, tc_value mask, tc_span span);
/* index: rank(what.buf) values; operand may be 0. */
void tc_mbarrier_stmt(tc_ir *ir, tc_region at, tc_mbarrier what, const tc_value *index,
                      tc_value operand, tc_span span);
/* async_commit or async_wait. */
void tc_async_stmt(tc_ir *ir, tc_region at, enum tc_opcode op, tc_async what, tc_span span);
void tc_alloc(tc_ir *ir, tc_region at, tc_buf buf, tc_span span);
/* Control: the child regions are reached with tc_child(ir, tc_op_at(ir, v), i). */
tc_value tc_for(tc_ir *ir, tc_region at, tc_loop loop, tc_value lo, tc_value hi, tc_value step,
                tc_span span);
tc_value tc_parallel_stmt(tc_ir *ir, tc_region at, const tc_var *vars, const tc_value *extents,
                          uint32_t n, tc_span span);
tc_value tc_if(tc_ir *ir, tc_region at, tc_value cond, tc_span span);
tc_value tc_kernel_stmt(tc_ir *ir, tc_region at, const tc_kernel *kernel, const tc_value *grid,
                        tc_span span);

/* A primitive with its operands; its value, when the row has one. */
tc_value tc_prim_stmt(tc_ir *ir, tc_region at, tc_prim what, const tc_value *inputs, uint32_t n,
                      tc_span span);
/* A group or a perthread. */
tc_value tc_group_stmt(tc_ir *ir, tc_region at, enum tc_opcode op, tc_group what, tc_span span);

/* Payload records: pushed, index returned. */
uint32_t tc_pl_text(tc_ir *ir, const char *text);
uint32_t tc_pl_copy(tc_ir *ir, tc_copy x);
uint32_t tc_pl_gemm(tc_ir *ir, tc_gemm x);
uint32_t tc_pl_reduce(tc_ir *ir, tc_reduce x);
uint32_t tc_pl_scan(tc_ir *ir, tc_scan x);
uint32_t tc_pl_im2col(tc_ir *ir, tc_im2col x);
uint32_t tc_pl_print(tc_ir *ir, tc_print x);
uint32_t tc_pl_hint(tc_ir *ir, tc_hint x);
uint32_t tc_pl_atomic(tc_ir *ir, tc_atomic x);
uint32_t tc_pl_access(tc_ir *ir, tc_access x);
uint32_t tc_pl_barrier(tc_ir *ir, tc_barrier x);
uint32_t tc_pl_group(tc_ir *ir, tc_group x);
uint32_t tc_pl_collective(tc_ir *ir, tc_collective x);
uint32_t tc_pl_mbarrier(tc_ir *ir, tc_mbarrier x);
uint32_t tc_pl_async(tc_ir *ir, tc_async x);
uint32_t tc_pl_wait(tc_ir *ir, tc_wait x);
uint32_t tc_pl_fence(tc_ir *ir, tc_fence x);
uint32_t tc_pl_ring(tc_ir *ir, tc_ring x); /* the ring's number, for ring references */
uint32_t tc_pl_ring_ref(tc_ir *ir, tc_ring_ref x);
uint32_t tc_pl_prim(tc_ir *ir, tc_prim x);
uint32_t tc_pl_kernel(tc_ir *ir, tc_kernel x);
uint32_t tc_pl_loop(tc_ir *ir, tc_loop x);

/* ---- editing ---- */
/* Replaces the inputs of a statement (any count). */
void tc_set_inputs(tc_ir *ir, tc_value stmt, const tc_value *inputs, uint32_t n);
/* `v` with pure leaves replaced: map is value id -> replacement value id. Memoised in `map`. */
tc_value tc_substitute(tc_ir *ir, tc_value v, tc_map *map);

#endif
