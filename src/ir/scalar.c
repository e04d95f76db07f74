/* Floats are computed in double and rounded once to their own type. That is the correctly rounded
 * result of + - * / and sqrt in every narrower type: double has 53 >= 2 * 24 + 2 significant bits,
 * so rounding twice is the same as rounding once (Figueroa, "When is double rounding innocuous?",
 * SIGNUM 1995). Products are exact; a subnormal result keeps fewer bits, which only widens the
 * margin. fma has no such margin and is computed by fmaf. */
#include "ir/scalar.h"

#include "base/floats.h"

#include <math.h>
#include <string.h>

static const tc_dtype_info *row_of(tc_type type) {
  return tc_dtype_row((enum tc_dtype)type.dtype);
}

static tc_scalar poison(void) {
  return (tc_scalar){.poison = true};
}
static tc_scalar scalar(tc_imm x) {
  return (tc_scalar){.x = x};
}
static tc_scalar truth(bool x) {
  return (tc_scalar){.x.i = x};
}

/* The low `bits` bits, sign- or zero-extended. Conversion of an unsigned value that does not fit is
 * implementation-defined in C11 and modular on every compiler we support. */
static int64_t wrap(const tc_dtype_info *row, uint64_t x) {
  if (row->kind == TC_K_BOOL) return x != 0;
  if (row->bits >= 64 || row->bits == 0) return (int64_t)x;
  uint64_t mask = (UINT64_C(1) << row->bits) - 1, sign = UINT64_C(1) << (row->bits - 1);
  x &= mask;
  return (int64_t)(row->kind == TC_K_INT ? (x ^ sign) - sign : x);
}

static double round_to(const tc_dtype_info *row, double x, bool saturate) {
  if (row->bits == 64) return x;
  if (row->format == TC_FORMAT_FLOAT32) return (double)(float)x;
  return tc_float_round((enum tc_float_format)row->format, x, saturate);
}

/* The language's conversion: saturating for formats of 8 bits or fewer. Arithmetic in such a format
 * ends with it too, so it means arithmetic in float32 followed by a cast. */
static tc_scalar rounded(const tc_dtype_info *row, double x) {
  return (tc_scalar){.x.f = round_to(row, x, row->bits <= 8)};
}

tc_imm tc_imm_int(tc_type type, int64_t x) {
  return (tc_imm){.i = wrap(row_of(type), (uint64_t)x)};
}

tc_imm tc_imm_float(tc_type type, double x) {
  return (tc_imm){.f = round_to(row_of(type), x, false)};
}

bool tc_imm_equal(tc_type type, tc_imm a, tc_imm b) {
  if (!tc_is_float(type)) return a.i == b.i;
  if (isnan(a.f) || isnan(b.f)) return isnan(a.f) && isnan(b.f);
  return a.f == b.f && !signbit(a.f) == !signbit(b.f);
}

uint64_t tc_imm_to_bits(tc_type type, tc_imm x) {
  const tc_dtype_info *row = row_of(type);
  if (row->kind == TC_K_BOOL) return x.i != 0;
  if (row->kind == TC_K_FLOAT) {
    if (row->bits == 64) return tc_double_bits(x.f);
    if (row->format == TC_FORMAT_FLOAT32) {
      float f = (float)x.f;
      uint32_t bits;
      memcpy(&bits, &f, sizeof bits);
      return bits;
    }
    return tc_float_encode((enum tc_float_format)row->format, x.f, false);
  }
  return row->bits >= 64 ? (uint64_t)x.i : (uint64_t)x.i & ((UINT64_C(1) << row->bits) - 1);
}

tc_imm tc_imm_from_bits(tc_type type, uint64_t bits) {
  const tc_dtype_info *row = row_of(type);
  if (row->kind != TC_K_FLOAT) return (tc_imm){.i = wrap(row, bits)};
  if (row->bits == 64) return (tc_imm){.f = tc_double_from_bits(bits)};
  if (row->format == TC_FORMAT_FLOAT32) {
    uint32_t low = (uint32_t)bits;
    float f;
    memcpy(&f, &low, sizeof f);
    return (tc_imm){.f = (double)f};
  }
  return (tc_imm){.f = tc_float_decode((enum tc_float_format)row->format, (uint32_t)bits)};
}

static double max_finite(const tc_dtype_info *row) {
  return row->bits == 64 ? 0x1.fffffffffffffp+1023
                         : tc_float_info((enum tc_float_format)row->format)->max_finite;
}

tc_imm tc_imm_highest(tc_type type) {
  const tc_dtype_info *row = row_of(type);
  if (row->kind == TC_K_FLOAT) return (tc_imm){.f = max_finite(row)};
  if (row->kind == TC_K_BOOL) return (tc_imm){.i = 1};
  uint32_t bits = row->bits ? row->bits : 64;
  uint64_t ones = UINT64_MAX >> (64 - bits);
  return (tc_imm){.i = (int64_t)(row->kind == TC_K_UINT ? ones : ones >> 1)};
}

tc_imm tc_imm_lowest(tc_type type) {
  const tc_dtype_info *row = row_of(type);
  if (row->kind == TC_K_FLOAT) {
    bool is_signed = row->bits == 64 || tc_float_info((enum tc_float_format)row->format)->sign_bits;
    return (tc_imm){.f = is_signed ? -max_finite(row) : tc_imm_from_bits(type, 0).f};
  }
  if (row->kind == TC_K_UINT || row->kind == TC_K_BOOL) return (tc_imm){.i = 0};
  return (tc_imm){.i = -tc_imm_highest(type).i - 1};
}

tc_imm tc_imm_neutral(enum tc_opcode op, tc_type type) {
  bool low = op == TC_OP_max, high = op == TC_OP_min;
  if (low || high) {
    const tc_dtype_info *row = row_of(type);
    bool infinite =
        row->kind == TC_K_FLOAT
        && (row->bits == 64
            || tc_float_info((enum tc_float_format)row->format)->inf == TC_FLOAT_INF_IEEE);
    if (infinite) return (tc_imm){.f = low ? -(double)INFINITY : (double)INFINITY};
    return low ? tc_imm_lowest(type) : tc_imm_highest(type);
  }
  if (tc_is_float(type)) return tc_imm_float(type, 0);
  return op == TC_OP_and ? tc_imm_int(type, -1) : (tc_imm){.i = 0};
}

/* ---- integers: everything is computed modulo 2^64 on unsigned numbers, then wrapped ---- */

/* Quotient and remainder towards zero of two numbers that are neither zero nor smallest / -1. */
typedef struct division {
  uint64_t quotient, remainder;
} division;

static division divide(bool is_signed, int64_t a, int64_t b) {
  if (!is_signed) return (division){(uint64_t)a / (uint64_t)b, (uint64_t)a % (uint64_t)b};
  if (b == -1) return (division){0 - (uint64_t)a, 0}; /* INT64_MIN / -1 wraps to itself */
  return (division){(uint64_t)(a / b), (uint64_t)(a % b)};
}

static uint64_t shift_right(bool is_signed, int64_t a, int64_t by) {
  if (is_signed && a < 0) return ~(~(uint64_t)a >> by);
  return (uint64_t)a >> by;
}

static bool int_less(bool is_signed, int64_t a, int64_t b) {
  return is_signed ? a < b : (uint64_t)a < (uint64_t)b;
}

static tc_scalar int_division(enum tc_opcode op, const tc_dtype_info *row, int64_t a, int64_t b) {
  if (b == 0) return poison();
  bool is_signed = row->kind == TC_K_INT;
  division d = divide(is_signed, a, b);
  if (op == TC_OP_floordiv || op == TC_OP_floormod) {
    if (is_signed && d.remainder != 0 && ((int64_t)d.remainder < 0) != (b < 0)) {
      d.quotient -= 1;
      d.remainder += (uint64_t)b;
    }
  }
  bool wants_quotient = op == TC_OP_floordiv || op == TC_OP_truncdiv;
  return scalar((tc_imm){.i = wrap(row, wants_quotient ? d.quotient : d.remainder)});
}

static tc_scalar int_shift(enum tc_opcode op, const tc_dtype_info *row, int64_t a, int64_t b) {
  if ((uint64_t)b >= row->bits) return poison();
  uint64_t x = op == TC_OP_shl ? (uint64_t)a << b : shift_right(row->kind == TC_K_INT, a, b);
  return scalar((tc_imm){.i = wrap(row, x)});
}

static tc_scalar wrapped(const tc_dtype_info *row, uint64_t x) {
  return (tc_scalar){.x.i = wrap(row, x)};
}

/* table */
static tc_scalar int_binary(enum tc_opcode op, const tc_dtype_info *row, int64_t a, int64_t b) {
  bool is_signed = row->kind == TC_K_INT;
  uint64_t ua = (uint64_t)a, ub = (uint64_t)b;
  switch ((int)op) {
  case TC_OP_add:
    return wrapped(row, ua + ub);
  case TC_OP_sub:
    return wrapped(row, ua - ub);
  case TC_OP_mul:
    return wrapped(row, ua * ub);
  case TC_OP_floordiv:
  case TC_OP_floormod:
  case TC_OP_truncdiv:
  case TC_OP_truncmod:
    return int_division(op, row, a, b);
  case TC_OP_min:
    return wrapped(row, int_less(is_signed, b, a) ? ub : ua);
  case TC_OP_max:
    return wrapped(row, int_less(is_signed, a, b) ? ub : ua);
  case TC_OP_and:
    return wrapped(row, ua & ub);
  case TC_OP_or:
    return wrapped(row, ua | ub);
  case TC_OP_xor:
    return wrapped(row, ua ^ ub);
  case TC_OP_shl:
  case TC_OP_shr:
    return int_shift(op, row, a, b);
  case TC_OP_eq:
    return truth(a == b);
  case TC_OP_ne:
    return truth(a != b);
  case TC_OP_lt:
    return truth(int_less(is_signed, a, b));
  case TC_OP_le:
    return truth(!int_less(is_signed, b, a));
  default:
    return poison(); /* not an integer op: the verifier refuses it */
  }
}

/* ---- floats ---- */

/* -0 counts as less than +0, so that min and max do not depend on the order of their operands. */
static bool float_less(double a, double b) {
  return a < b || (a == b && signbit(a) && !signbit(b));
}

static double float_min(double a, double b) {
  if (isnan(a)) return b;
  return isnan(b) || !float_less(b, a) ? a : b;
}

static double float_max(double a, double b) {
  if (isnan(a)) return b;
  return isnan(b) || !float_less(a, b) ? a : b;
}

/* The exact remainder brought to the sign of b, so the result does not lose its meaning when a / b
 * needs more digits than the type has. */
static double float_mod(double a, double b) {
  double r = fmod(a, b);
  if (r == 0) return copysign(0.0, b);
  return signbit(r) != signbit(b) ? r + b : r;
}

/* table */
static tc_scalar float_binary(enum tc_opcode op, const tc_dtype_info *row, double a, double b) {
  switch ((int)op) {
  case TC_OP_add:
    return rounded(row, a + b);
  case TC_OP_sub:
    return rounded(row, a - b);
  case TC_OP_mul:
    return rounded(row, a * b);
  case TC_OP_div:
    return rounded(row, a / b);
  case TC_OP_floordiv:
    return rounded(row, floor(round_to(row, a / b, row->bits <= 8)));
  case TC_OP_floormod:
    return rounded(row, float_mod(a, b));
  case TC_OP_min:
    return scalar((tc_imm){.f = float_min(a, b)});
  case TC_OP_max:
    return scalar((tc_imm){.f = float_max(a, b)});
  case TC_OP_eq:
    return truth(a == b);
  case TC_OP_ne:
    return truth(a != b);
  case TC_OP_lt:
    return truth(a < b);
  case TC_OP_le:
    return truth(a <= b);
  default:
    return poison(); /* not a float op: the verifier refuses it */
  }
}

tc_scalar tc_scalar_binary(enum tc_opcode op, tc_type type, tc_scalar a, tc_scalar b) {
  if (a.poison || b.poison) return poison();
  const tc_dtype_info *row = row_of(type);
  return row->kind == TC_K_FLOAT ? float_binary(op, row, a.x.f, b.x.f)
                                 : int_binary(op, row, a.x.i, b.x.i);
}

tc_scalar tc_scalar_unary(enum tc_opcode op, tc_type type, tc_scalar a) {
  if (a.poison) return poison();
  const tc_dtype_info *row = row_of(type);
  if (row->kind == TC_K_FLOAT) {
    /* Exact, except where the format has no negative values or no negative zero. */
    if (op == TC_OP_neg) return scalar((tc_imm){.f = round_to(row, -a.x.f, false)});
    return op == TC_OP_abs ? scalar((tc_imm){.f = fabs(a.x.f)}) : poison();
  }
  if (op == TC_OP_neg) return wrapped(row, 0 - (uint64_t)a.x.i);
  if (op == TC_OP_abs)
    return wrapped(row, row->kind == TC_K_INT && a.x.i < 0 ? 0 - (uint64_t)a.x.i : (uint64_t)a.x.i);
  if (op != TC_OP_not) return poison();
  return row->kind == TC_K_BOOL ? truth(a.x.i == 0) : wrapped(row, ~(uint64_t)a.x.i);
}

/* ---- conversions ---- */

/* An integer as a double that every format of at most 51 significant bits rounds correctly: what
 * does not fit is kept as a sticky last bit (round to odd; Boldo and Melquiond, "Emulation of FMA
 * and correctly rounded sums", IEEE TC 2008). */
static double odd_double(bool negative, uint64_t magnitude) {
  double x = (double)magnitude;
  if (magnitude >> 53) x = (double)(magnitude >> 11 | ((magnitude & 0x7ff) != 0)) * 2048.0;
  return negative ? -x : x;
}

static tc_scalar int_to_float(const tc_dtype_info *from, const tc_dtype_info *to, int64_t x) {
  bool negative = from->kind != TC_K_UINT && x < 0;
  uint64_t magnitude = negative ? 0 - (uint64_t)x : (uint64_t)x;
  if (to->bits == 64)
    return scalar((tc_imm){.f = negative ? -(double)magnitude : (double)magnitude});
  return rounded(to, odd_double(negative, magnitude));
}

static int64_t float_to_int(tc_type to, double x) {
  if (isnan(x)) return 0;
  bool is_unsigned = tc_type_kind(to) == TC_K_UINT;
  int64_t low = tc_imm_lowest(to).i, high = tc_imm_highest(to).i;
  x = trunc(x);
  if (x <= (double)low) return low;
  /* (double)high may be rounded up to the first value that does not fit. */
  if (x >= (is_unsigned ? (double)(uint64_t)high : (double)high)) return high;
  return is_unsigned ? (int64_t)(uint64_t)x : (int64_t)x;
}

tc_scalar tc_scalar_cast(tc_type from, tc_type to, tc_scalar a) {
  if (a.poison || from.dtype == to.dtype) return a;
  const tc_dtype_info *source = row_of(from), *target = row_of(to);
  bool from_float = source->kind == TC_K_FLOAT;
  if (target->kind == TC_K_BOOL) return truth(from_float ? a.x.f != 0 : a.x.i != 0);
  if (target->kind == TC_K_FLOAT)
    return from_float ? rounded(target, a.x.f) : int_to_float(source, target, a.x.i);
  if (from_float) return scalar((tc_imm){.i = float_to_int(to, a.x.f)});
  return wrapped(target, (uint64_t)a.x.i);
}

tc_scalar tc_scalar_reinterpret(tc_type from, tc_type to, tc_scalar a) {
  if (a.poison || from.dtype == to.dtype) return a;
  return scalar(tc_imm_from_bits(to, tc_imm_to_bits(from, a.x)));
}

/* ---- functions ---- */

static uint32_t count_ones(uint64_t x) {
  uint32_t n = 0;
  for (; x; x &= x - 1)
    n++;
  return n;
}

static uint32_t leading_zeros(uint64_t x, uint32_t width) {
  uint32_t n = width;
  for (; x; x >>= 1)
    n--;
  return n;
}

/* The next pattern: formats other than double count magnitudes up from zero. */
static double next_narrow(enum tc_float_format format, double x, double towards) {
  const tc_float_row *row = tc_float_info(format);
  /* The pattern of tfloat32 lives in the upper bits of a word. */
  uint32_t step = format == TC_FORMAT_TFLOAT32 ? UINT32_C(1) << 13 : 1;
  uint32_t sign = row->sign_bits ? UINT32_C(1) << (row->bits - 1) : 0;
  if (x == 0) return tc_float_decode(format, step | (towards < 0 ? sign : 0));
  bool away = row->sign_bits ? (towards > x) == (x > 0) : towards > x;
  uint32_t bits = tc_float_encode(format, x, false);
  bits = away ? bits + step : bits - step;
  /* Without a negative zero its pattern is the NaN. */
  if (row->nan == TC_FLOAT_NAN_NEG_ZERO && bits == sign) return 0.0;
  return tc_float_decode(format, bits);
}

static double next_after(const tc_dtype_info *row, double x, double towards) {
  if (isnan(x) || isnan(towards)) return (double)NAN;
  if (x == towards) return towards;
  if (row->bits == 64) return nextafter(x, towards);
  return next_narrow((enum tc_float_format)row->format, x, towards);
}

/* The function in double; narrower types round its result. table */
static double in_double(enum tc_mathfn fn, double x, double y) {
  switch ((int)fn) {
  case TC_MATH_sqrt:
    return sqrt(x);
  case TC_MATH_rsqrt:
    return 1.0 / sqrt(x);
  case TC_MATH_exp:
    return exp(x);
  case TC_MATH_exp2:
    return exp2(x);
  case TC_MATH_exp10:
    return pow(10.0, x);
  case TC_MATH_expm1:
    return expm1(x);
  case TC_MATH_log:
    return log(x);
  case TC_MATH_log2:
    return log2(x);
  case TC_MATH_log10:
    return log10(x);
  case TC_MATH_log1p:
    return log1p(x);
  case TC_MATH_sin:
    return sin(x);
  case TC_MATH_cos:
    return cos(x);
  case TC_MATH_tan:
    return tan(x);
  case TC_MATH_asin:
    return asin(x);
  case TC_MATH_acos:
    return acos(x);
  case TC_MATH_atan:
    return atan(x);
  case TC_MATH_sinh:
    return sinh(x);
  case TC_MATH_cosh:
    return cosh(x);
  case TC_MATH_tanh:
    return tanh(x);
  case TC_MATH_asinh:
    return asinh(x);
  case TC_MATH_acosh:
    return acosh(x);
  case TC_MATH_atanh:
    return atanh(x);
  case TC_MATH_erf:
    return erf(x);
  case TC_MATH_sigmoid:
    return 1.0 / (1.0 + exp(-x));
  case TC_MATH_floor:
    return floor(x);
  case TC_MATH_ceil:
    return ceil(x);
  case TC_MATH_trunc:
    return trunc(x);
  case TC_MATH_round:
    return rint(x);
  case TC_MATH_round_away:
    return round(x);
  case TC_MATH_fmod:
    return fmod(x, y);
  case TC_MATH_pow:
    return pow(x, y);
  case TC_MATH_atan2:
    return atan2(x, y);
  case TC_MATH_hypot:
    return hypot(x, y);
  case TC_MATH_copysign:
    return copysign(x, y);
  default:
    return (double)NAN; /* predicates, integer functions, fma, nextafter: not here */
  }
}

/* Types narrower than float32 go through float32, as mathfns.def says. */
static tc_scalar math_result(const tc_dtype_info *row, double x) {
  return rounded(row, row->bits == 64 ? x : (double)(float)x);
}

static tc_scalar fused(const tc_dtype_info *row, double x, double y, double z) {
  if (row->bits == 64) return scalar((tc_imm){.f = fma(x, y, z)});
  return math_result(row, (double)fmaf((float)x, (float)y, (float)z));
}

tc_scalar tc_scalar_math(enum tc_mathfn fn, tc_type type, const tc_scalar *args) {
  const tc_dtype_info *row = row_of(type);
  uint32_t arity = tc_math_row(fn)->arity;
  for (uint32_t i = 0; i < arity; i++)
    if (args[i].poison) return poison();
  double x = args[0].x.f, y = arity > 1 ? args[1].x.f : 0;
  switch ((int)fn) {
  case TC_MATH_popcount:
    return scalar((tc_imm){.i = count_ones(tc_imm_to_bits(type, args[0].x))});
  case TC_MATH_clz:
    return scalar((tc_imm){.i = leading_zeros(tc_imm_to_bits(type, args[0].x), row->bits)});
  case TC_MATH_isnan:
    return truth(isnan(x));
  case TC_MATH_isinf:
    return truth(isinf(x));
  case TC_MATH_isfinite:
    return truth(isfinite(x));
  case TC_MATH_nextafter:
    return scalar((tc_imm){.f = next_after(row, x, y)});
  case TC_MATH_fma:
    return fused(row, x, y, args[2].x.f);
  default:
    return math_result(row, in_double(fn, x, y));
  }
}
