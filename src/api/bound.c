/* How far the result of a kernel may be from the oracle's.
 *
 * Every target rounds after each operation as the oracle does, so results agree bit for bit, except
 * where the language leaves the order or the last digits open: sums (gemm, reduce, scan, atomics)
 * and mathematical functions. A sum of K terms in another order differs by about sqrt(K) rounding
 * errors of the accumulator, relative to the size of its terms, which the greatest result stands
 * for; if it is then stored on chip in a narrower type, one rounding of that type may turn out the
 * other way. Tensor cores keep fewer bits of sums of 8-bit floats; how few is allowed for by what
 * products with k up to 1000 showed on an H200. */
#include "api/api_impl.h"

#include "base/floats.h"
#include "ir/walk.h"

#include <math.h>

static const double TERMS = 4096, SAFETY = 8;

typedef struct survey {
  tc_ir *ir;
  bool inexact;
  double ulp;    /* the worst mathematical function */
  double narrow; /* relative rounding error of the narrowest float written on chip */
  bool wide;     /* all floats are float64 */
  bool fp8;      /* products of 8-bit floats */
} survey;

double tc_kernel_epsilon(tc_type type) {
  if (!tc_is_float(type)) return 0;
  if (type.dtype == TC_DT_float64) return 0x1p-53;
  int format = tc_dtype_row((enum tc_dtype)type.dtype)->format;
  return ldexp(1, -(int)tc_float_info((enum tc_float_format)format)->mantissa_bits - 1);
}

double tc_kernel_spacing(tc_type type) {
  if (!tc_is_float(type) || tc_type_bits(type) >= 32) return 0;
  int format = tc_dtype_row((enum tc_dtype)type.dtype)->format;
  const tc_float_row *row = tc_float_info((enum tc_float_format)format);
  return ldexp(1, 1 - row->bias - row->mantissa_bits);
}

static tc_type elem_of(const tc_ir *ir, tc_value slice) {
  return tc_buf_at(ir, tc_slice_buf(ir, slice))->elem;
}

static bool is_sum(uint32_t kind) {
  return kind == TC_RED_SUM || kind == TC_RED_ABSSUM;
}

/* True when the op sums floats in an order of its own. */
static bool reorders(tc_ir *ir, tc_value stmt) {
  const tc_op *op = tc_op_at(ir, stmt);
  switch (op->opcode) {
  case TC_OP_gemm:
    return tc_is_float(elem_of(ir, tc_input(ir, op, 2)));
  case TC_OP_reduce:
    return is_sum(tc_reduce_of(ir, stmt)->kind) && tc_is_float(elem_of(ir, tc_input(ir, op, 0)));
  case TC_OP_scan:
    return is_sum(tc_scan_of(ir, stmt)->kind) && tc_is_float(elem_of(ir, tc_input(ir, op, 0)));
  case TC_OP_atomic_tile:
    return tc_atomic_of(ir, stmt)->kind == TC_ATOMIC_ADD
           && tc_is_float(elem_of(ir, tc_input(ir, op, 0)));
  case TC_OP_atomic:
    return tc_atomic_of(ir, stmt)->kind == TC_ATOMIC_ADD
           && tc_is_float(tc_buf_at(ir, tc_atomic_of(ir, stmt)->buf)->elem);
  default:
    return false;
  }
}

/* The on-chip buffer a statement rounds into, or 0. */
static tc_buf rounded_into(tc_ir *ir, tc_value stmt) {
  const tc_op *op = tc_op_at(ir, stmt);
  tc_buf none = {0}, buf = none;
  if (op->opcode == TC_OP_store) buf = tc_access_buf(ir, stmt);
  if (op->opcode == TC_OP_gemm) buf = tc_slice_buf(ir, tc_input(ir, op, 2));
  if (op->opcode == TC_OP_reduce) buf = tc_slice_buf(ir, tc_input(ir, op, 1));
  if (op->opcode == TC_OP_copy) {
    tc_value from = tc_input(ir, op, 0), to = tc_input(ir, op, 1);
    if (!tc_type_equal(elem_of(ir, from), elem_of(ir, to))) buf = tc_slice_buf(ir, to);
  }
  return buf.id && tc_buf_at(ir, buf)->scope != TC_SCOPE_global ? buf : none;
}

static bool look(tc_ir *ir, tc_value stmt, void *data) {
  survey *s = data;
  if (reorders(ir, stmt)) s->inexact = true;
  if (tc_is(ir, stmt, TC_OP_gemm)) {
    tc_type a = elem_of(ir, tc_input(ir, tc_op_at(ir, stmt), 0));
    if (tc_is_float(a) && tc_type_bits(a) <= 8) s->fp8 = true;
  }
  tc_buf buf = rounded_into(ir, stmt);
  double e = buf.id ? tc_kernel_epsilon(tc_buf_at(ir, buf)->elem) : 0;
  if (e > 0x1p-24 && e > s->narrow) s->narrow = e;
  return true;
}

tc_bound tc_kernel_bound(tc_ir *ir, bool tensor_cores) {
  survey s = {.ir = ir, .wide = true};
  tc_walk(ir, ir->body, look, &s);
  for (uint32_t id = 1; id < ir->n_ops; id++) {
    const tc_op *op = tc_op_at(ir, (tc_value){id});
    if (tc_is_float(op->type) && op->type.dtype != TC_DT_float64) s.wide = false;
    if (op->opcode != TC_OP_math) continue;
    double ulp = tc_math_row((enum tc_mathfn)op->payload)->ulp;
    if (ulp > s.ulp) s.ulp = ulp;
  }
  for (uint32_t i = 1; i < ir->bufs.n; i++) {
    tc_type elem = ir->bufs.at[i]->elem;
    if (tc_is_float(elem) && elem.dtype != TC_DT_float64) s.wide = false;
  }
  double eps = s.wide ? 0x1p-53 : 0x1p-24;
  if (!s.inexact && s.ulp == 0) return (tc_bound){.exact = true};
  double few_bits = tensor_cores && s.fp8 ? SAFETY * 0x1p-13 : 0;
  return (tc_bound){.rtol = 2 * eps * (1 + SAFETY * s.ulp),
                    .atol_scale =
                        SAFETY * eps * (s.inexact ? sqrt(TERMS) : s.ulp) + 4 * s.narrow + few_bits};
}
