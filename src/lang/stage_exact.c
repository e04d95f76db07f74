/* Arithmetic with a chosen rounding, made of ordinary operations, so that it is the same on every
 * target: the exact result is carried as a float64 and the sign of what is missing from it, and
 * rounded to float32 once. Products and sums of two float32 differ from their float64 by less than
 * its last bit, whose sign an error-free transformation gives (Dekker 1971; Boldo and Melquiond
 * 2008). */
#include "lang/stage_private.h"

#include <math.h>

/* hi + lo with hi the float64 nearest to the exact result; of lo only the sign counts. */
typedef struct exact {
  tc_value hi, lo;
  tc_value minus; /* of a sum: when it is zero, rounding down makes it -0; or none */
} exact;

enum exact_op { EXACT_ADD, EXACT_SUB, EXACT_MUL, EXACT_FMA, EXACT_RCP, EXACT_SQRT, EXACT_DIV };

static tc_value bin(tc_eval *ev, enum tc_opcode op, tc_value a, tc_value b) {
  return tc_binary(ev->ir, op, a, b);
}

static tc_value fma_of(tc_eval *ev, tc_value a, tc_value b, tc_value c) {
  const tc_value x[] = {a, b, c};
  return tc_math(ev->ir, TC_MATH_fma, x, 3);
}

static tc_value negated(tc_eval *ev, tc_value x) {
  return tc_unary(ev->ir, TC_OP_neg, x);
}

static tc_value has_minus(tc_eval *ev, tc_value x) {
  tc_type type = tc_value_type(ev->ir, x);
  const tc_value one[] = {tc_const_float(ev->ir, type, 1.0), x};
  return bin(ev, TC_OP_lt, tc_math(ev->ir, TC_MATH_copysign, one, 2), tc_zero(ev->ir, type));
}

/* Knuth's two-sum: lo is the exact error. */
static exact sum_of(tc_eval *ev, tc_value a, tc_value b) {
  tc_value s = bin(ev, TC_OP_add, a, b), t = bin(ev, TC_OP_sub, s, a);
  tc_value da = bin(ev, TC_OP_sub, a, bin(ev, TC_OP_sub, s, t));
  return (exact){.hi = s,
                 .lo = bin(ev, TC_OP_add, da, bin(ev, TC_OP_sub, b, t)),
                 .minus = bin(ev, TC_OP_or, has_minus(ev, a), has_minus(ev, b))};
}

/* a / b, from the remainder a - hi * b, which fma gives without error. */
static exact quotient_of(tc_eval *ev, tc_value a, tc_value b) {
  tc_value q = bin(ev, TC_OP_div, a, b), zero = tc_zero(ev->ir, tc_value_type(ev->ir, a));
  tc_value rest = fma_of(ev, negated(ev, q), b, a);
  tc_value flip = bin(ev, TC_OP_lt, b, zero);
  return (exact){.hi = q, .lo = tc_select(ev->ir, flip, negated(ev, rest), rest)};
}

static exact root_of(tc_eval *ev, tc_value a) {
  tc_value s = tc_math(ev->ir, TC_MATH_sqrt, &a, 1);
  return (exact){.hi = s, .lo = fma_of(ev, negated(ev, s), s, a)};
}

static exact compute(tc_eval *ev, enum exact_op op, const tc_value *x) {
  tc_value zero = tc_zero(ev->ir, tc_scalar_type(TC_DT_float64));
  switch (op) {
  case EXACT_ADD:
    return sum_of(ev, x[0], x[1]);
  case EXACT_SUB:
    return sum_of(ev, x[0], negated(ev, x[1]));
  case EXACT_MUL:
    return (exact){.hi = bin(ev, TC_OP_mul, x[0], x[1]), .lo = zero};
  case EXACT_FMA:
    return sum_of(ev, bin(ev, TC_OP_mul, x[0], x[1]), x[2]);
  case EXACT_RCP:
    return quotient_of(ev, tc_const_float(ev->ir, tc_scalar_type(TC_DT_float64), 1.0), x[0]);
  case EXACT_SQRT:
    return root_of(ev, x[0]);
  case EXACT_DIV:
    return quotient_of(ev, x[0], x[1]);
  }
  return (exact){.hi = zero, .lo = zero};
}

static tc_value next_towards(tc_eval *ev, tc_value x, double where) {
  const tc_value both[] = {x, tc_const_float(ev->ir, tc_value_type(ev->ir, x), where)};
  return tc_math(ev->ir, TC_MATH_nextafter, both, 2);
}

/* The float32 next to `e` below, above, or towards zero. Comparisons with NaN fail, which leaves
 * NaN and the quotient by zero as they are. */
static tc_value round_exact(tc_eval *ev, exact e, char mode) {
  tc_type f64 = tc_scalar_type(TC_DT_float64), f32 = tc_scalar_type(TC_DT_float32);
  tc_value q = tc_cast(ev->ir, e.hi, f32), zero = tc_zero(ev->ir, f64);
  tc_value d = bin(ev, TC_OP_sub, e.hi, tc_cast(ev->ir, q, f64));
  tc_value tied = bin(ev, TC_OP_eq, d, zero);
  tc_value off = tc_select(ev->ir, tied, e.lo, d); /* of the sign of exact - q */
  tc_value above = bin(ev, TC_OP_lt, zero, off), below = bin(ev, TC_OP_lt, off, zero);
  tc_value up = next_towards(ev, q, (double)INFINITY),
           down = next_towards(ev, q, -(double)INFINITY);
  tc_value positive = bin(ev, TC_OP_lt, zero, e.hi), negative = bin(ev, TC_OP_lt, e.hi, zero);
  tc_value r = q;
  if (mode == 'z') above = bin(ev, TC_OP_and, above, negative);
  if (mode == 'z') below = bin(ev, TC_OP_and, below, positive);
  if (mode != 'd') r = tc_select(ev->ir, above, up, r);
  if (mode != 'u') r = tc_select(ev->ir, below, down, r);
  if (mode == 'd' && e.minus.id) {
    tc_value cancelled = bin(ev, TC_OP_and, e.minus, bin(ev, TC_OP_eq, e.hi, zero));
    r = tc_select(ev->ir, cancelled, tc_const_float(ev->ir, f32, -0.0), r);
  }
  return r;
}

static char mode_of(tc_eval *ev, const stage_args *a, uint32_t i) {
  tc_str text = a->v[i].kind == TC_V_STR ? a->v[i].str->text : TC_STR("");
  bool known = text.n == 2 && text.at[0] == 'r';
  known =
      known && (text.at[1] == 'n' || text.at[1] == 'z' || text.at[1] == 'u' || text.at[1] == 'd');
  if (!known)
    STAGE_FAIL(ev, D_argument_value, a->at[i], a->row->name, "rounding_mode",
               "\"rn\", \"rz\", \"ru\" or \"rd\"", tc_str_dup(ev->arena, text));
  return text.at[1];
}

static tc_value to_nearest(tc_eval *ev, enum exact_op op, const tc_value *x) {
  tc_type type = tc_value_type(ev->ir, x[0]);
  switch (op) {
  case EXACT_ADD:
    return bin(ev, TC_OP_add, x[0], x[1]);
  case EXACT_SUB:
    return bin(ev, TC_OP_sub, x[0], x[1]);
  case EXACT_MUL:
    return bin(ev, TC_OP_mul, x[0], x[1]);
  case EXACT_FMA:
    return fma_of(ev, x[0], x[1], x[2]);
  case EXACT_RCP:
    return bin(ev, TC_OP_div, tc_const_float(ev->ir, type, 1.0), x[0]);
  case EXACT_SQRT:
    return tc_math(ev->ir, TC_MATH_sqrt, x, 1);
  case EXACT_DIV:
    return bin(ev, TC_OP_div, x[0], x[1]);
  }
  return x[0];
}

static uint32_t float_operands(tc_eval *ev, const stage_args *a, uint32_t n, tc_value *x) {
  for (uint32_t i = 0; i < n; i++) {
    x[i] = tc_stage_value(ev, a->v[i], a->at[i]);
    if (i) tc_stage_promote(ev, &x[0], &x[i], a->span);
  }
  for (uint32_t i = 1; i < n; i++)
    x[i] = tc_stage_cast(ev, x[i], tc_value_type(ev->ir, x[0]), a->span);
  tc_type type = tc_value_type(ev->ir, x[0]);
  if (type.lanes != 1 || (type.dtype != TC_DT_float32 && type.dtype != TC_DT_float64))
    STAGE_FAIL(ev, D_operator_type, a->span, a->row->name, tc_type_name(ev->arena, type));
  return n;
}

tc_val tc_do_ieee(tc_eval *ev, stage_args *a) {
  enum exact_op op = (enum exact_op)a->row->aux;
  tc_value x[3];
  uint32_t n = float_operands(ev, a, a->n - 1, x);
  char mode = mode_of(ev, a, a->n - 1);
  if (mode == 'n') return tc_stage_fold(ev, to_nearest(ev, op, x));
  tc_type type = tc_value_type(ev->ir, x[0]);
  if (type.dtype != TC_DT_float32)
    STAGE_FAIL(ev, D_argument_value, a->at[n], a->row->name, "rounding_mode", "\"rn\" for float64",
               "another one");
  for (uint32_t i = 0; i < n; i++)
    x[i] = tc_cast(ev->ir, x[i], tc_scalar_type(TC_DT_float64));
  return tc_stage_fold(ev, round_exact(ev, compute(ev, op, x), mode));
}

/* 1 / sqrt(x) in float64, rounded once more. */
tc_val tc_do_ieee_rsqrt(tc_eval *ev, stage_args *a) {
  tc_value x;
  tc_type f64 = tc_scalar_type(TC_DT_float64);
  float_operands(ev, a, 1, &x);
  tc_type type = tc_value_type(ev->ir, x);
  x = tc_cast(ev->ir, x, f64);
  tc_value one = tc_const_float(ev->ir, f64, 1.0), root = tc_math(ev->ir, TC_MATH_sqrt, &x, 1);
  return tc_stage_fold(ev, tc_cast(ev->ir, bin(ev, TC_OP_div, one, root), type));
}

/* ---- near relatives ---- */

tc_val tc_do_ieee_plain(tc_eval *ev, stage_args *a) {
  tc_value x[2];
  float_operands(ev, a, 2, x);
  return tc_stage_fold(ev, to_nearest(ev, EXACT_MUL, x));
}

tc_val tc_do_reciprocal(tc_eval *ev, stage_args *a) {
  tc_value x = tc_stage_value(ev, a->v[0], a->at[0]);
  tc_type type = tc_value_type(ev->ir, x);
  if (!tc_is_float(type))
    STAGE_FAIL(ev, D_operator_type, a->span, a->row->name, tc_type_name(ev->arena, type));
  return tc_stage_fold(ev, bin(ev, TC_OP_div, tc_const_float(ev->ir, type, 1.0), x));
}

/* x * 2^n. In float64 the product of a narrower float is exact for every n that matters, so one
 * rounding is left. */
tc_val tc_do_ldexp(tc_eval *ev, stage_args *a) {
  tc_value x = tc_stage_value(ev, a->v[0], a->at[0]), n = tc_stage_value(ev, a->v[1], a->at[1]);
  tc_type type = tc_value_type(ev->ir, x), count = tc_value_type(ev->ir, n);
  tc_type f64 = tc_scalar_type(TC_DT_float64), i64 = tc_scalar_type(TC_DT_int64);
  if (type.lanes != 1 || !tc_is_float(type) || type.dtype == TC_DT_float64)
    STAGE_FAIL(ev, D_operator_type, a->at[0], a->row->name, tc_type_name(ev->arena, type));
  if (count.lanes != 1 || !tc_is_int(count))
    STAGE_FAIL(ev, D_operator_type, a->at[1], a->row->name, tc_type_name(ev->arena, count));
  n = tc_cast(ev->ir, n, i64);
  n = bin(ev, TC_OP_max, n, tc_const_int(ev->ir, i64, -400));
  n = bin(ev, TC_OP_min, n, tc_const_int(ev->ir, i64, 400));
  n = bin(ev, TC_OP_add, n, tc_const_int(ev->ir, i64, 1023));
  tc_value power =
      tc_reinterpret(ev->ir, bin(ev, TC_OP_shl, n, tc_const_int(ev->ir, i64, 52)), f64);
  tc_value wide = bin(ev, TC_OP_mul, tc_cast(ev->ir, x, f64), power);
  return tc_stage_fold(ev, tc_cast(ev->ir, wide, type));
}

/* (x * y + 2^(q + s - 1)) >> (q + s): a product of fixed-point numbers, rounded half up. */
tc_val tc_do_q_multiply(tc_eval *ev, stage_args *a) {
  tc_value v[4];
  tc_type i64 = tc_scalar_type(TC_DT_int64);
  for (uint32_t i = 0; i < 4; i++) {
    v[i] = tc_stage_value(ev, a->v[i], a->at[i]);
    tc_type type = tc_value_type(ev->ir, v[i]);
    if (type.dtype != TC_DT_int32 || type.lanes != 1)
      STAGE_FAIL(ev, D_operator_type, a->at[i], a->row->name, tc_type_name(ev->arena, type));
    v[i] = tc_cast(ev->ir, v[i], i64);
  }
  tc_value one = tc_const_int(ev->ir, i64, 1), total = bin(ev, TC_OP_add, v[2], v[3]);
  tc_value half = bin(ev, TC_OP_shl, one, bin(ev, TC_OP_sub, total, one));
  tc_value sum = bin(ev, TC_OP_add, bin(ev, TC_OP_mul, v[0], v[1]), half);
  return tc_stage_fold(ev, tc_cast(ev->ir, bin(ev, TC_OP_shr, sum, total), tc_i32_type()));
}

tc_val tc_do_likely(tc_eval *ev, stage_args *a) {
  (void)ev;
  return a->v[0];
}
