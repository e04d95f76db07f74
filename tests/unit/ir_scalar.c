/* Scalar arithmetic against judges that share no code with it: small integers exhaustively against
 * wide arithmetic, float16 against exact comparison with the midpoints of neighbouring values,
 * float32 against the machine, and tables of edge cases. */
#include "ir/scalar.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PRINTED = 40 };
#define INF ((double)INFINITY)

struct tally {
  uint64_t n_checks, n_failures;
};

static void fail(struct tally *t, const char *what, const char *type, double a, double b,
                 double saw, double wanted) {
  if (t->n_failures++ < MAX_PRINTED)
    printf("ir_scalar: %s of %s (%.17g, %.17g): saw %.17g, expected %.17g\n", what, type, a, b, saw,
           wanted);
}

static tc_scalar of_int(int64_t x) {
  return (tc_scalar){.x.i = x};
}
static tc_scalar of_float(double x) {
  return (tc_scalar){.x.f = x};
}
static const char *name_of(enum tc_dtype type) {
  return tc_dtype_row(type)->name;
}

static bool same(double a, double b) {
  return (isnan(a) && isnan(b)) || (a == b && !signbit(a) == !signbit(b));
}

static void expect_int(struct tally *t, const char *what, enum tc_dtype type, int64_t a, int64_t b,
                       tc_scalar saw, bool poison, int64_t wanted) {
  t->n_checks++;
  if (saw.poison == poison && (poison || saw.x.i == wanted)) return;
  fail(t, what, name_of(type), (double)a, (double)b, saw.poison ? NAN : (double)saw.x.i,
       poison ? NAN : (double)wanted);
}

static void expect_float(struct tally *t, const char *what, enum tc_dtype type, double a, double b,
                         tc_scalar saw, double wanted) {
  t->n_checks++;
  if (!saw.poison && same(saw.x.f, wanted)) return;
  fail(t, what, name_of(type), a, b, saw.x.f, wanted);
}

/* ---- 1. small integers, every pair of operands ---- */

/* x modulo 2^bits, in the type's range. */
static int64_t wrapped(int64_t x, int bits, bool is_signed) {
  int64_t n = INT64_C(1) << bits;
  x %= n;
  if (x < 0) x += n;
  return is_signed && x >= n / 2 ? x - n : x;
}

/* The definition in ops.def, on numbers small enough for int64 and double to be exact. table */
static bool wanted_of(enum tc_opcode op, int64_t a, int64_t b, int bits, int64_t *r) {
  int64_t mask = (INT64_C(1) << bits) - 1;
  switch ((int)op) {
  case TC_OP_add:
    return *r = a + b, true;
  case TC_OP_sub:
    return *r = a - b, true;
  case TC_OP_mul:
    return *r = a * b, true;
  case TC_OP_floordiv:
    return *r = b ? (int64_t)floor((double)a / (double)b) : 0, b != 0;
  case TC_OP_floormod:
    return *r = b ? a - (int64_t)floor((double)a / (double)b) * b : 0, b != 0;
  case TC_OP_truncdiv:
    return *r = b ? (int64_t)trunc((double)a / (double)b) : 0, b != 0;
  case TC_OP_truncmod:
    return *r = b ? a - (int64_t)trunc((double)a / (double)b) * b : 0, b != 0;
  case TC_OP_min:
    return *r = a < b ? a : b, true;
  case TC_OP_max:
    return *r = a > b ? a : b, true;
  case TC_OP_and:
    return *r = (a & mask) & (b & mask), true;
  case TC_OP_or:
    return *r = (a & mask) | (b & mask), true;
  case TC_OP_xor:
    return *r = (a & mask) ^ (b & mask), true;
  case TC_OP_shl:
    return *r = b >= 0 && b < bits ? a * (INT64_C(1) << b) : 0, b >= 0 && b < bits;
  case TC_OP_shr:
    *r = b >= 0 && b < bits ? (int64_t)floor((double)a / (double)(INT64_C(1) << b)) : 0;
    return b >= 0 && b < bits;
  case TC_OP_eq:
    return *r = a == b, true;
  case TC_OP_ne:
    return *r = a != b, true;
  case TC_OP_lt:
    return *r = a < b, true;
  case TC_OP_le:
    return *r = a <= b, true;
  }
  return false;
}

static void check_small_type(struct tally *t, enum tc_dtype type, int bits, bool is_signed) {
  int64_t low = is_signed ? -(INT64_C(1) << (bits - 1)) : 0, high = low + (INT64_C(1) << bits);
  tc_type scalar = tc_scalar_type(type);
  for (int op = TC_OP_add; op <= TC_OP_le; op++) {
    if (op == TC_OP_div) continue;
    bool compares = op >= TC_OP_eq;
    for (int64_t a = low; a < high; a++) {
      for (int64_t b = low; b < high; b++) {
        int64_t wanted = 0;
        bool defined = wanted_of((enum tc_opcode)op, a, b, bits, &wanted);
        if (!compares) wanted = wrapped(wanted, bits, is_signed);
        tc_scalar saw = tc_scalar_binary((enum tc_opcode)op, scalar, of_int(a), of_int(b));
        expect_int(t, tc_op_row((enum tc_opcode)op)->name, type, a, b, saw, !defined, wanted);
      }
    }
  }
  for (int64_t a = low; a < high; a++) {
    expect_int(t, "neg", type, a, 0, tc_scalar_unary(TC_OP_neg, scalar, of_int(a)), false,
               wrapped(-a, bits, is_signed));
    expect_int(t, "abs", type, a, 0, tc_scalar_unary(TC_OP_abs, scalar, of_int(a)), false,
               wrapped(llabs(a), bits, is_signed));
    expect_int(t, "not", type, a, 0, tc_scalar_unary(TC_OP_not, scalar, of_int(a)), false,
               wrapped(-1 - a, bits, is_signed));
    int ones = 0, zeros = 0;
    for (int i = 0; i < bits; i++)
      ones += (int)(a >> i & 1);
    while (zeros < bits && !(a >> (bits - 1 - zeros) & 1))
      zeros++;
    tc_scalar x = of_int(a);
    expect_int(t, "popcount", type, a, 0, tc_scalar_math(TC_MATH_popcount, scalar, &x), false,
               ones);
    expect_int(t, "clz", type, a, 0, tc_scalar_math(TC_MATH_clz, scalar, &x), false, zeros);
  }
}

static void check_small_integers(struct tally *t) {
  check_small_type(t, TC_DT_int8, 8, true);
  check_small_type(t, TC_DT_uint8, 8, false);
  check_small_type(t, TC_DT_int4, 4, true);
  check_small_type(t, TC_DT_uint4, 4, false);
  check_small_type(t, TC_DT_int2, 2, true);
  check_small_type(t, TC_DT_uint2, 2, false);
}

/* ---- 2. wide integers and bools, edges ---- */

struct int_case {
  enum tc_dtype type;
  enum tc_opcode op;
  int64_t a, b;
  bool poison;
  int64_t wanted;
};

#define I32_MIN INT64_C(-2147483648)
static const struct int_case int_cases[] = {
    {TC_DT_int32, TC_OP_add, INT32_MAX, 1, false, I32_MIN},
    {TC_DT_int32, TC_OP_mul, 65536, 65536, false, 0},
    {TC_DT_int32, TC_OP_floordiv, I32_MIN, -1, false, I32_MIN},
    {TC_DT_int32, TC_OP_floormod, I32_MIN, -1, false, 0},
    {TC_DT_int32, TC_OP_truncdiv, -7, 2, false, -3},
    {TC_DT_int32, TC_OP_floordiv, -7, 2, false, -4},
    {TC_DT_int32, TC_OP_floormod, -7, 2, false, 1},
    {TC_DT_int32, TC_OP_floormod, 7, -2, false, -1},
    {TC_DT_int32, TC_OP_shl, 1, 31, false, I32_MIN},
    {TC_DT_int32, TC_OP_shl, 1, 32, true, 0},
    {TC_DT_int32, TC_OP_shr, -1, 31, false, -1},
    {TC_DT_int32, TC_OP_shr, 1, -1, true, 0},
    {TC_DT_int64, TC_OP_add, INT64_MAX, 1, false, INT64_MIN},
    {TC_DT_int64, TC_OP_sub, INT64_MIN, 1, false, INT64_MAX},
    {TC_DT_int64, TC_OP_mul, INT64_MIN, -1, false, INT64_MIN},
    {TC_DT_int64, TC_OP_floordiv, INT64_MIN, -1, false, INT64_MIN},
    {TC_DT_int64, TC_OP_truncdiv, INT64_MIN, -1, false, INT64_MIN},
    {TC_DT_int64, TC_OP_floormod, INT64_MIN, -1, false, 0},
    {TC_DT_int64, TC_OP_truncmod, INT64_MIN, -1, false, 0},
    {TC_DT_int64, TC_OP_floordiv, INT64_MIN, 3, false, INT64_C(-3074457345618258603)},
    {TC_DT_int64, TC_OP_floordiv, 1, 0, true, 0},
    {TC_DT_int64, TC_OP_truncmod, 1, 0, true, 0},
    {TC_DT_int64, TC_OP_shl, 1, 63, false, INT64_MIN},
    {TC_DT_int64, TC_OP_shl, 1, 64, true, 0},
    {TC_DT_int64, TC_OP_shr, INT64_MIN, 63, false, -1},
    {TC_DT_uint64, TC_OP_floordiv, -1, 2, false, INT64_MAX},
    {TC_DT_uint64, TC_OP_floormod, -1, 10, false, 5}, /* 2^64 - 1 = ...615 */
    {TC_DT_uint64, TC_OP_lt, -1, 1, false, 0},
    {TC_DT_uint64, TC_OP_max, -1, 1, false, -1},
    {TC_DT_uint64, TC_OP_min, -1, 1, false, 1},
    {TC_DT_uint64, TC_OP_shr, -1, 63, false, 1},
    {TC_DT_uint32, TC_OP_sub, 0, 1, false, INT64_C(0xffffffff)},
    {TC_DT_uint32, TC_OP_lt, INT64_C(0xffffffff), 1, false, 0},
    {TC_DT_uint32, TC_OP_shl, INT64_C(0x80000001), 1, false, 2},
    {TC_DT_uint16, TC_OP_mul, 65535, 65535, false, 1},
    {TC_DT_int16, TC_OP_mul, -32768, -1, false, -32768},
    {TC_DT_bool, TC_OP_and, 1, 0, false, 0},
    {TC_DT_bool, TC_OP_or, 1, 0, false, 1},
    {TC_DT_bool, TC_OP_xor, 1, 1, false, 0},
    {TC_DT_bool, TC_OP_eq, 0, 0, false, 1},
    {TC_DT_bool, TC_OP_ne, 0, 1, false, 1},
    {TC_DT_bool, TC_OP_lt, 0, 1, false, 1},
};

static void check_int_cases(struct tally *t) {
  for (size_t i = 0; i < TC_COUNT(int_cases); i++) {
    const struct int_case *c = &int_cases[i];
    tc_scalar saw = tc_scalar_binary(c->op, tc_scalar_type(c->type), of_int(c->a), of_int(c->b));
    expect_int(t, tc_op_row(c->op)->name, c->type, c->a, c->b, saw, c->poison, c->wanted);
  }
  tc_type b = tc_scalar_type(TC_DT_bool);
  expect_int(t, "not", TC_DT_bool, 1, 0, tc_scalar_unary(TC_OP_not, b, of_int(1)), false, 0);
  expect_int(t, "not", TC_DT_bool, 0, 0, tc_scalar_unary(TC_OP_not, b, of_int(0)), false, 1);
}

/* ---- 3. float16: the nearest value, found by exact comparisons ---- */

enum { N_HALVES = 0x7c00 }; /* finite values without sign; one more stands for the overflow limit */

static double halves[N_HALVES + 1];

static void fill_halves(void) {
  for (int i = 0; i <= N_HALVES; i++) {
    int exponent = i >> 10, mantissa = i & 0x3ff;
    halves[i] = exponent ? ldexp(1024 + mantissa, exponent - 25) : ldexp(mantissa, -24);
  }
}

/* Nearest float16 of num / den, both exact and not negative, den not 0. Products of a midpoint (12
 * bits) and den (at most 11 bits) are exact. */
static double nearest_half(double num, double den) {
  int low = 0, high = N_HALVES;
  if (num >= halves[N_HALVES] * den) return INF;
  while (high - low > 1) {
    int mid = (low + high) / 2;
    if (halves[mid] * den <= num) {
      low = mid;
    } else {
      high = mid;
    }
  }
  double middle = (halves[low] + halves[low + 1]) / 2 * den;
  int chosen = num > middle || (num == middle && low % 2 == 1) ? low + 1 : low;
  return chosen == N_HALVES ? INF : halves[chosen];
}

static double signed_half(double exact) {
  return copysign(nearest_half(fabs(exact), 1), exact);
}

static void check_half_pair(struct tally *t, double a, double b) {
  tc_type half = tc_scalar_type(TC_DT_float16);
  tc_scalar x = of_float(a), y = of_float(b);
  expect_float(t, "add", TC_DT_float16, a, b, tc_scalar_binary(TC_OP_add, half, x, y),
               signed_half(a + b));
  expect_float(t, "sub", TC_DT_float16, a, b, tc_scalar_binary(TC_OP_sub, half, x, y),
               signed_half(a - b));
  expect_float(t, "mul", TC_DT_float16, a, b, tc_scalar_binary(TC_OP_mul, half, x, y),
               signed_half(a * b));
  if (b == 0) return;
  double quotient = nearest_half(fabs(a), fabs(b));
  expect_float(t, "div", TC_DT_float16, a, b, tc_scalar_binary(TC_OP_div, half, x, y),
               signbit(a) == signbit(b) ? quotient : -quotient);
}

static void check_halves(struct tally *t) {
  static const uint16_t partners[] = {0x0000, 0x8000, 0x0001, 0x03ff, 0x0400, 0x0401,
                                      0x3555, 0x3c00, 0xbc01, 0x3fff, 0x4248, 0x5640,
                                      0x7bff, 0xfbff, 0x1234, 0x9876, 0x6bcd};
  tc_type half = tc_scalar_type(TC_DT_float16);
  for (uint32_t a = 0; a < 0x10000; a++) {
    if ((a & 0x7c00) == 0x7c00) continue;
    double x = tc_imm_from_bits(half, a).f;
    for (size_t i = 0; i < TC_COUNT(partners); i++)
      check_half_pair(t, x, tc_imm_from_bits(half, partners[i]).f);
    /* A partner of similar size, where sums cancel and quotients are near 1. */
    uint32_t near = (a * 2654435761u >> 7) & 0x83ff;
    check_half_pair(t, x, tc_imm_from_bits(half, (a & 0x7c00) ^ near).f);
  }
}

/* ---- 4. float32 and float64 against the machine ---- */

static uint64_t next_random(uint64_t *state) {
  *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return *state ^ *state >> 29;
}

static float float_of(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static void check_float32(struct tally *t) {
  tc_type single = tc_scalar_type(TC_DT_float32);
  uint64_t state = 7;
  for (int i = 0; i < 200000; i++) {
    float a = float_of((uint32_t)next_random(&state)), b = float_of((uint32_t)next_random(&state));
    if (i % 4 == 0) b = float_of((uint32_t)(next_random(&state) % 0x00900000)); /* subnormal */
    float c = float_of((uint32_t)next_random(&state));
    volatile float sum = a + b, difference = a - b, product = a * b, quotient = a / b;
    tc_scalar args[3] = {of_float((double)a), of_float((double)b), of_float((double)c)};
    expect_float(t, "add", TC_DT_float32, (double)a, (double)b,
                 tc_scalar_binary(TC_OP_add, single, args[0], args[1]), (double)sum);
    expect_float(t, "sub", TC_DT_float32, (double)a, (double)b,
                 tc_scalar_binary(TC_OP_sub, single, args[0], args[1]), (double)difference);
    expect_float(t, "mul", TC_DT_float32, (double)a, (double)b,
                 tc_scalar_binary(TC_OP_mul, single, args[0], args[1]), (double)product);
    expect_float(t, "div", TC_DT_float32, (double)a, (double)b,
                 tc_scalar_binary(TC_OP_div, single, args[0], args[1]), (double)quotient);
    expect_float(t, "sqrt", TC_DT_float32, (double)a, 0, tc_scalar_math(TC_MATH_sqrt, single, args),
                 (double)sqrtf(a));
    expect_float(t, "fma", TC_DT_float32, (double)a, (double)b,
                 tc_scalar_math(TC_MATH_fma, single, args), (double)fmaf(a, b, c));
  }
}

/* Cases in which fma through double would round twice. */
static void check_fused(struct tally *t) {
  tc_scalar args[3] = {of_float(0x1.000002p+0), of_float(0x1.000002p+0), of_float(0x1p-80)};
  expect_float(t, "fma", TC_DT_float32, args[0].x.f, args[1].x.f,
               tc_scalar_math(TC_MATH_fma, tc_scalar_type(TC_DT_float32), args), 0x1.000004p+0);
  tc_scalar tie[3] = {of_float(1.0 + 0x1p-12), of_float(1.0 + 0x1p-12), of_float(0x1p-70)};
  /* (1 + 2^-12)^2 = 1 + 2^-11 + 2^-24: half an ulp above an even float, and 2^-70 decides. */
  expect_float(t, "fma", TC_DT_float32, tie[0].x.f, tie[1].x.f,
               tc_scalar_math(TC_MATH_fma, tc_scalar_type(TC_DT_float32), tie),
               1.0 + 0x1p-11 + 0x1p-23);
}

struct float_case {
  enum tc_dtype type;
  enum tc_opcode op;
  double a, b, wanted;
};

#define NOT_A_NUMBER ((double)NAN)
static const struct float_case float_cases[] = {
    {TC_DT_float32, TC_OP_min, 0.0, -0.0, -0.0},
    {TC_DT_float32, TC_OP_min, -0.0, 0.0, -0.0},
    {TC_DT_float32, TC_OP_max, 0.0, -0.0, 0.0},
    {TC_DT_float32, TC_OP_max, -0.0, 0.0, 0.0},
    {TC_DT_float32, TC_OP_max, NOT_A_NUMBER, 2, 2},
    {TC_DT_float32, TC_OP_min, 2, NOT_A_NUMBER, 2},
    {TC_DT_float32, TC_OP_max, NOT_A_NUMBER, NOT_A_NUMBER, NOT_A_NUMBER},
    {TC_DT_float8_e5m2, TC_OP_max, -INF, -1, -1},
    {TC_DT_float8_e5m2, TC_OP_min, -INF, -1, -INF},
    {TC_DT_float32, TC_OP_floordiv, -7, 2, -4},
    {TC_DT_float32, TC_OP_floordiv, 1, 0, INF},
    {TC_DT_float32, TC_OP_floormod, -7, 2, 1},
    {TC_DT_float32, TC_OP_floormod, 7, -2, -1},
    {TC_DT_float32, TC_OP_floormod, 6, -2, -0.0},
    {TC_DT_float32, TC_OP_floormod, -1, INF, INF},
    {TC_DT_float32, TC_OP_floormod, 1, 0, NOT_A_NUMBER},
    {TC_DT_float32, TC_OP_div, 1, 0, INF},
    {TC_DT_float32, TC_OP_div, 0, 0, NOT_A_NUMBER},
    {TC_DT_float32, TC_OP_add, 0x1p24, 1, 0x1p24},
    {TC_DT_float64, TC_OP_add, 0x1p53, 1, 0x1p53},
    {TC_DT_bfloat16, TC_OP_add, 256, 1, 256},
    {TC_DT_bfloat16, TC_OP_add, 256, 3, 260},
    {TC_DT_tfloat32, TC_OP_mul, 1.0 + 0x1p-10, 1.0 + 0x1p-10, 1.0 + 0x1p-9},
    {TC_DT_float8_e4m3fn, TC_OP_add, 448, 448, 448},
    {TC_DT_float8_e4m3fn, TC_OP_mul, 1.125, 1.125, 1.25},
    {TC_DT_float4_e2m1fn, TC_OP_add, 6, 6, 6},
    {TC_DT_float4_e2m1fn, TC_OP_add, 2, 0.5, 2},
    {TC_DT_float16, TC_OP_add, 65504, 16, INF},
    {TC_DT_float16, TC_OP_add, 65504, 15, 65504},
};

static void check_float_cases(struct tally *t) {
  for (size_t i = 0; i < TC_COUNT(float_cases); i++) {
    const struct float_case *c = &float_cases[i];
    tc_scalar saw =
        tc_scalar_binary(c->op, tc_scalar_type(c->type), of_float(c->a), of_float(c->b));
    expect_float(t, tc_op_row(c->op)->name, c->type, c->a, c->b, saw, c->wanted);
  }
  tc_type single = tc_scalar_type(TC_DT_float32);
  tc_scalar nan = of_float(NOT_A_NUMBER), one = of_float(1);
  expect_int(t, "eq", TC_DT_float32, 0, 0, tc_scalar_binary(TC_OP_eq, single, nan, nan), false, 0);
  expect_int(t, "ne", TC_DT_float32, 0, 0, tc_scalar_binary(TC_OP_ne, single, nan, nan), false, 1);
  expect_int(t, "lt", TC_DT_float32, 0, 0, tc_scalar_binary(TC_OP_lt, single, nan, one), false, 0);
  expect_int(t, "le", TC_DT_float32, 0, 0, tc_scalar_binary(TC_OP_le, single, one, nan), false, 0);
  expect_float(t, "neg", TC_DT_float8_e5m2, INF, 0,
               tc_scalar_unary(TC_OP_neg, tc_scalar_type(TC_DT_float8_e5m2), of_float(INF)), -INF);
  expect_float(t, "abs", TC_DT_float16, -0.0, 0,
               tc_scalar_unary(TC_OP_abs, tc_scalar_type(TC_DT_float16), of_float(-0.0)), 0);
}

/* ---- 5. casts ---- */

struct to_int_case {
  enum tc_dtype to;
  double from;
  int64_t wanted;
};
static const struct to_int_case to_int_cases[] = {
    {TC_DT_int8, 127.9, 127},
    {TC_DT_int8, 128, 127},
    {TC_DT_int8, -128.9, -128},
    {TC_DT_int8, -1e30, -128},
    {TC_DT_uint8, -0.9, 0},
    {TC_DT_uint8, -5, 0},
    {TC_DT_uint8, 255.9, 255},
    {TC_DT_uint8, 256, 255},
    {TC_DT_int4, 7.5, 7},
    {TC_DT_int4, -9, -8},
    {TC_DT_int32, 2147483647.0, 2147483647},
    {TC_DT_int32, 2147483648.0, 2147483647},
    {TC_DT_int32, -2147483649.0, I32_MIN},
    {TC_DT_int32, INF, 2147483647},
    {TC_DT_int32, -INF, I32_MIN},
    {TC_DT_int32, NOT_A_NUMBER, 0},
    {TC_DT_int64, 0x1p63, INT64_MAX},
    {TC_DT_int64, -0x1p63, INT64_MIN},
    {TC_DT_int64, 0x1.fffffffffffffp62, INT64_C(0x7ffffffffffffc00)},
    {TC_DT_int64, NOT_A_NUMBER, 0},
    {TC_DT_uint64, 0x1p64, -1},
    {TC_DT_uint64, 0x1.fffffffffffffp63, INT64_C(-2048)},
    {TC_DT_uint64, 0x1p63, INT64_MIN},
    {TC_DT_uint64, -1, 0},
    {TC_DT_uint64, NOT_A_NUMBER, 0},
    {TC_DT_bool, NOT_A_NUMBER, 1},
    {TC_DT_bool, -0.0, 0},
    {TC_DT_bool, 0x1p-1070, 1},
};

struct from_int_case {
  enum tc_dtype from, to;
  int64_t x;
  double wanted;
};
static const struct from_int_case from_int_cases[] = {
    {TC_DT_int32, TC_DT_float32, 16777217, 16777216},
    {TC_DT_int64, TC_DT_float64, INT64_MAX, 0x1p63},
    {TC_DT_int64, TC_DT_float32, INT64_C(0x4000004000000001), 0x1.000002p62},
    {TC_DT_int64, TC_DT_bfloat16, INT64_C(0x4040000000000001), 0x1.02p62},
    {TC_DT_int64, TC_DT_bfloat16, INT64_C(0x4040000000000000), 0x1p62},
    {TC_DT_int64, TC_DT_bfloat16, -INT64_C(0x4040000000000001), -0x1.02p62},
    {TC_DT_uint64, TC_DT_float64, -1, 0x1p64},
    {TC_DT_uint64, TC_DT_float32, -1, 0x1p64},
    {TC_DT_int64, TC_DT_float32, -1, -1},
    {TC_DT_int32, TC_DT_float16, 65520, INF},
    {TC_DT_int32, TC_DT_float16, 65519, 65504},
    {TC_DT_int32, TC_DT_float8_e4m3fn, 100000, 448},
    {TC_DT_int32, TC_DT_float8_e4m3fn, -100000, -448},
    {TC_DT_bool, TC_DT_float32, 1, 1},
};

struct to_float_case {
  enum tc_dtype from, to;
  double x, wanted;
};
static const struct to_float_case to_float_cases[] = {
    {TC_DT_float64, TC_DT_float32, 1 + 0x1p-24 + 0x1p-50, 1 + 0x1p-23},
    {TC_DT_float64, TC_DT_float32, 1 + 0x1p-24, 1},
    {TC_DT_float64, TC_DT_float16, 1 + 0x1p-11 + 0x1p-40, 1 + 0x1p-10},
    {TC_DT_float64, TC_DT_float32, 1e300, INF},
    {TC_DT_float32, TC_DT_float16, 1e6, INF},
    {TC_DT_float32, TC_DT_float8_e4m3fn, 1e6, 448},
    {TC_DT_float32, TC_DT_float8_e4m3fn, -INF, -448},
    {TC_DT_float32, TC_DT_float8_e4m3fn, NOT_A_NUMBER, NOT_A_NUMBER},
    {TC_DT_float32, TC_DT_float8_e5m2, INF, 57344},
    {TC_DT_float32, TC_DT_float4_e2m1fn, 100, 6},
    {TC_DT_float32, TC_DT_float4_e2m1fn, 2.5, 2},
    {TC_DT_float32, TC_DT_float6_e3m2fn, -1000, -28},
    {TC_DT_float32, TC_DT_float8_e8m0fnu, 3, 4},
    {TC_DT_float8_e5m2, TC_DT_float8_e5m2, INF, INF},
    {TC_DT_float16, TC_DT_bfloat16, 1 + 0x1p-8, 1},
    {TC_DT_float32, TC_DT_tfloat32, 1 + 0x1p-11 + 0x1p-20, 1 + 0x1p-10},
};

static void check_casts(struct tally *t) {
  for (size_t i = 0; i < TC_COUNT(to_int_cases); i++) {
    const struct to_int_case *c = &to_int_cases[i];
    tc_scalar saw =
        tc_scalar_cast(tc_scalar_type(TC_DT_float64), tc_scalar_type(c->to), of_float(c->from));
    expect_int(t, "cast from float64", c->to, (int64_t)i, 0, saw, false, c->wanted);
  }
  for (size_t i = 0; i < TC_COUNT(from_int_cases); i++) {
    const struct from_int_case *c = &from_int_cases[i];
    tc_scalar saw = tc_scalar_cast(tc_scalar_type(c->from), tc_scalar_type(c->to), of_int(c->x));
    expect_float(t, "cast from integer", c->to, (double)c->x, 0, saw, c->wanted);
  }
  for (size_t i = 0; i < TC_COUNT(to_float_cases); i++) {
    const struct to_float_case *c = &to_float_cases[i];
    tc_scalar saw = tc_scalar_cast(tc_scalar_type(c->from), tc_scalar_type(c->to), of_float(c->x));
    expect_float(t, "cast from float", c->to, c->x, 0, saw, c->wanted);
  }
  for (int64_t x = -300; x < 300; x++) { /* integer to integer */
    tc_type from = tc_scalar_type(TC_DT_int32);
    expect_int(t, "cast", TC_DT_int8, x, 0,
               tc_scalar_cast(from, tc_scalar_type(TC_DT_int8), of_int(x)), false,
               wrapped(x, 8, true));
    expect_int(t, "cast", TC_DT_uint4, x, 0,
               tc_scalar_cast(from, tc_scalar_type(TC_DT_uint4), of_int(x)), false,
               wrapped(x, 4, false));
    expect_int(t, "cast", TC_DT_bool, x, 0,
               tc_scalar_cast(from, tc_scalar_type(TC_DT_bool), of_int(x)), false, x != 0);
  }
  expect_int(t, "cast", TC_DT_uint64, -1, 0,
             tc_scalar_cast(tc_scalar_type(TC_DT_int32), tc_scalar_type(TC_DT_uint64), of_int(-1)),
             false, -1);
  expect_int(t, "cast", TC_DT_int64, -1, 0,
             tc_scalar_cast(tc_scalar_type(TC_DT_uint32), tc_scalar_type(TC_DT_int64),
                            of_int(INT64_C(0xffffffff))),
             false, INT64_C(0xffffffff));
}

/* ---- 6. bits ---- */

/* What a sum, a minimum and so on begin with leaves every number as it is. -0 counts as 0. */
static void check_neutral(struct tally *t, tc_type type, tc_imm x) {
  static const enum tc_opcode OPS[] = {TC_OP_min, TC_OP_max, TC_OP_add,
                                       TC_OP_and, TC_OP_or,  TC_OP_xor};
  const tc_dtype_info *row = tc_dtype_row((enum tc_dtype)type.dtype);
  bool is_float = row->kind == TC_K_FLOAT;
  bool has_zero = tc_imm_from_bits(type, 0).f == 0;
  for (size_t k = 0; k < TC_COUNT(OPS); k++) {
    if (is_float && (k > 2 || isnan(x.f))) continue;
    if (is_float && OPS[k] == TC_OP_add && (!has_zero || isinf(x.f))) continue;
    if (row->kind == TC_K_BOOL && OPS[k] == TC_OP_add) continue;
    tc_scalar r = tc_scalar_binary(OPS[k], type, (tc_scalar){.x = tc_imm_neutral(OPS[k], type)},
                                   (tc_scalar){.x = x});
    t->n_checks++;
    if (r.poison || (is_float ? r.x.f != x.f : r.x.i != x.i))
      fail(t, "neutral", row->name, is_float ? x.f : (double)x.i, (double)k, r.x.f, x.f);
  }
}

/* Every pattern of every type of at most 16 bits survives value and back; NaNs as a class. */
static void check_bits(struct tally *t) {
  for (int type = TC_DT_bool; type < TC_DT_handle; type++) {
    const tc_dtype_info *row = tc_dtype_row((enum tc_dtype)type);
    if (row->bits > 16) continue;
    tc_type scalar = tc_scalar_type((enum tc_dtype)type);
    uint32_t n = row->kind == TC_K_BOOL ? 2 : 1u << row->bits;
    for (uint32_t bits = 0; bits < n; bits++) {
      tc_imm x = tc_imm_from_bits(scalar, bits);
      uint64_t back = tc_imm_to_bits(scalar, x);
      bool is_nan = row->kind == TC_K_FLOAT && isnan(x.f);
      t->n_checks++;
      if (back != bits && !(is_nan && isnan(tc_imm_from_bits(scalar, back).f)))
        fail(t, "bits", row->name, bits, 0, (double)back, bits);
      check_neutral(t, scalar, x);
      tc_imm low = tc_imm_lowest(scalar), high = tc_imm_highest(scalar);
      bool inside = row->kind == TC_K_FLOAT
                        ? is_nan || isinf(x.f) || (x.f >= low.f && x.f <= high.f)
                        : x.i >= low.i && x.i <= high.i;
      if (!inside) fail(t, "range", row->name, bits, 0, 0, 0);
    }
  }
  tc_type single = tc_scalar_type(TC_DT_float32), word = tc_scalar_type(TC_DT_uint32);
  expect_int(t, "reinterpret", TC_DT_uint32, 1, 0, tc_scalar_reinterpret(single, word, of_float(1)),
             false, 0x3f800000);
  expect_int(t, "reinterpret", TC_DT_int32, 1, 0,
             tc_scalar_reinterpret(single, tc_scalar_type(TC_DT_int32), of_float(-0.0)), false,
             I32_MIN);
  expect_float(t, "reinterpret", TC_DT_bfloat16, 0, 0,
               tc_scalar_reinterpret(tc_scalar_type(TC_DT_float16), tc_scalar_type(TC_DT_bfloat16),
                                     of_float(1)),
               0x1p-7);
  expect_float(t, "reinterpret", TC_DT_float64, 0, 0,
               tc_scalar_reinterpret(tc_scalar_type(TC_DT_int64), tc_scalar_type(TC_DT_float64),
                                     of_int(INT64_C(0x4000000000000000))),
               2.0);
}

/* ---- 7. functions ---- */

/* nextafter walks through every finite value of the type once, from the lowest to the highest. */
static void check_steps(struct tally *t, enum tc_dtype type) {
  tc_type scalar = tc_scalar_type(type);
  const tc_dtype_info *row = tc_dtype_row(type);
  uint32_t finite = 0;
  double low = tc_imm_lowest(scalar).f, high = tc_imm_highest(scalar).f;
  for (uint32_t bits = 0; bits < 1u << row->bits; bits++) {
    double x = tc_imm_from_bits(scalar, bits).f;
    finite += isfinite(x) && !(x == 0 && signbit(x));
  }
  uint32_t seen = 1;
  double x = low;
  while (x != high && seen <= finite) {
    tc_scalar up[2] = {of_float(x), of_float(high)};
    double next = tc_scalar_math(TC_MATH_nextafter, scalar, up).x.f;
    tc_scalar down[2] = {of_float(next), of_float(low)};
    double back = tc_scalar_math(TC_MATH_nextafter, scalar, down).x.f;
    t->n_checks++;
    if (!(next > x) || back != x) {
      fail(t, "nextafter", row->name, x, high, next, back);
      return;
    }
    x = next;
    seen++;
  }
  if (seen != finite) fail(t, "nextafter", row->name, low, high, seen, finite);
}

struct math_case {
  enum tc_mathfn fn;
  double x, y, wanted;
};
/* Values of tables of functions, to more digits than float32 has. */
static const struct math_case math_cases[] = {
    {TC_MATH_sqrt, 2, 0, 1.4142135623730951},
    {TC_MATH_rsqrt, 4, 0, 0.5},
    {TC_MATH_exp, 1, 0, 2.718281828459045},
    {TC_MATH_exp2, 3, 0, 8},
    {TC_MATH_exp10, 2, 0, 100},
    {TC_MATH_expm1, 1, 0, 1.718281828459045},
    {TC_MATH_log, 10, 0, 2.302585092994046},
    {TC_MATH_log2, 8, 0, 3},
    {TC_MATH_log10, 1000, 0, 3},
    {TC_MATH_log1p, 1, 0, 0.6931471805599453},
    {TC_MATH_sin, 1, 0, 0.8414709848078965},
    {TC_MATH_cos, 1, 0, 0.5403023058681398},
    {TC_MATH_tan, 1, 0, 1.5574077246549023},
    {TC_MATH_asin, 1, 0, 1.5707963267948966},
    {TC_MATH_acos, 0, 0, 1.5707963267948966},
    {TC_MATH_atan, 1, 0, 0.7853981633974483},
    {TC_MATH_sinh, 1, 0, 1.1752011936438014},
    {TC_MATH_cosh, 1, 0, 1.5430806348152437},
    {TC_MATH_tanh, 1, 0, 0.7615941559557649},
    {TC_MATH_asinh, 1, 0, 0.881373587019543},
    {TC_MATH_acosh, 2, 0, 1.3169578969248166},
    {TC_MATH_atanh, 0.5, 0, 0.5493061443340548},
    {TC_MATH_erf, 1, 0, 0.8427007929497149},
    {TC_MATH_sigmoid, 1, 0, 0.7310585786300049},
    {TC_MATH_sigmoid, -100, 0, 3.7200759760208361e-44},
    {TC_MATH_floor, -1.5, 0, -2},
    {TC_MATH_ceil, -1.5, 0, -1},
    {TC_MATH_trunc, -1.5, 0, -1},
    {TC_MATH_round, 2.5, 0, 2},
    {TC_MATH_round, -3.5, 0, -4},
    {TC_MATH_round_away, 2.5, 0, 3},
    {TC_MATH_round_away, -0.5, 0, -1},
    {TC_MATH_fmod, 7, -3, 1},
    {TC_MATH_fmod, -7, 3, -1},
    {TC_MATH_pow, 2, 10, 1024},
    {TC_MATH_atan2, 1, -1, 2.356194490192345},
    {TC_MATH_hypot, 3, 4, 5},
    {TC_MATH_copysign, 3, -0.0, -3},
};

static void check_functions(struct tally *t) {
  static const enum tc_dtype types[] = {TC_DT_float64, TC_DT_float32, TC_DT_float16,
                                        TC_DT_bfloat16};
  for (size_t i = 0; i < TC_COUNT(math_cases); i++) {
    const struct math_case *c = &math_cases[i];
    for (size_t k = 0; k < TC_COUNT(types); k++) {
      tc_type type = tc_scalar_type(types[k]);
      tc_scalar args[2] = {of_float(c->x), of_float(c->y)};
      tc_scalar saw = tc_scalar_math(c->fn, type, args);
      double wanted = tc_imm_float(type, c->wanted).f;
      t->n_checks++;
      double slack = types[k] == TC_DT_float64 ? fabs(wanted) * 0x1p-50 : 0;
      if (fabs(saw.x.f - wanted) <= slack && signbit(saw.x.f) == signbit(wanted)) continue;
      fail(t, tc_math_row(c->fn)->name, name_of(types[k]), c->x, c->y, saw.x.f, wanted);
    }
  }
  bool covered[TC_MATH_COUNT] = {false};
  for (size_t i = 0; i < TC_COUNT(math_cases); i++)
    covered[math_cases[i].fn] = true;
  for (int fn = 0; fn < TC_MATH_COUNT; fn++)
    if (!covered[fn] && tc_math_row((enum tc_mathfn)fn)->result == TC_MATH_SAME && fn != TC_MATH_fma
        && fn != TC_MATH_nextafter)
      fail(t, tc_math_row((enum tc_mathfn)fn)->name, "any type: no test", 0, 0, 0, 0);
  static const double specials[] = {0, 1, -INF, INF, NOT_A_NUMBER};
  static const int is_nan[] = {0, 0, 0, 0, 1}, is_inf[] = {0, 0, 1, 1, 0};
  for (size_t i = 0; i < TC_COUNT(specials); i++) {
    tc_scalar x = of_float(specials[i]);
    tc_type type = tc_scalar_type(TC_DT_float32);
    expect_int(t, "isnan", TC_DT_float32, (int64_t)i, 0, tc_scalar_math(TC_MATH_isnan, type, &x),
               false, is_nan[i]);
    expect_int(t, "isinf", TC_DT_float32, (int64_t)i, 0, tc_scalar_math(TC_MATH_isinf, type, &x),
               false, is_inf[i]);
    expect_int(t, "isfinite", TC_DT_float32, (int64_t)i, 0,
               tc_scalar_math(TC_MATH_isfinite, type, &x), false, !is_nan[i] && !is_inf[i]);
  }
  for (int type = TC_DT_float16; type < TC_DT_handle; type++)
    if (tc_dtype_row((enum tc_dtype)type)->bits <= 16) check_steps(t, (enum tc_dtype)type);
  tc_scalar step[2] = {of_float(1), of_float(2)};
  expect_float(t, "nextafter", TC_DT_float32, 1, 2,
               tc_scalar_math(TC_MATH_nextafter, tc_scalar_type(TC_DT_float32), step), 1 + 0x1p-23);
  expect_float(t, "nextafter", TC_DT_tfloat32, 1, 2,
               tc_scalar_math(TC_MATH_nextafter, tc_scalar_type(TC_DT_tfloat32), step),
               1 + 0x1p-10);
  expect_float(t, "nextafter", TC_DT_float64, 1, 2,
               tc_scalar_math(TC_MATH_nextafter, tc_scalar_type(TC_DT_float64), step), 1 + 0x1p-52);
}

/* ---- 8. poison and equality ---- */

static void check_poison(struct tally *t) {
  tc_scalar bad = {.poison = true}, one = of_int(1);
  tc_type word = tc_scalar_type(TC_DT_int32), single = tc_scalar_type(TC_DT_float32);
  expect_int(t, "add poison", TC_DT_int32, 0, 0, tc_scalar_binary(TC_OP_add, word, bad, one), true,
             0);
  expect_int(t, "mul poison", TC_DT_int32, 0, 0, tc_scalar_binary(TC_OP_mul, word, of_int(0), bad),
             true, 0);
  expect_int(t, "neg poison", TC_DT_int32, 0, 0, tc_scalar_unary(TC_OP_neg, word, bad), true, 0);
  expect_int(t, "cast poison", TC_DT_int32, 0, 0, tc_scalar_cast(word, single, bad), true, 0);
  expect_int(t, "reinterpret poison", TC_DT_int32, 0, 0, tc_scalar_reinterpret(word, single, bad),
             true, 0);
  tc_scalar args[3] = {of_float(1), of_float(1), bad};
  expect_int(t, "fma poison", TC_DT_float32, 0, 0, tc_scalar_math(TC_MATH_fma, single, args), true,
             0);
  struct {
    double a, b;
    bool equal;
  } pairs[] = {{0.0, -0.0, false}, {1, 1, true}, {NAN, NAN, true}, {NAN, 1, false}, {1, 2, false}};
  for (size_t i = 0; i < TC_COUNT(pairs); i++) {
    t->n_checks++;
    if (tc_imm_equal(single, (tc_imm){.f = pairs[i].a}, (tc_imm){.f = pairs[i].b})
        != pairs[i].equal)
      fail(t, "equality", "float32", pairs[i].a, pairs[i].b, !pairs[i].equal, pairs[i].equal);
  }
}

int main(void) {
  struct tally t = {0, 0};
  fill_halves();
  check_small_integers(&t);
  check_int_cases(&t);
  check_halves(&t);
  check_float32(&t);
  check_fused(&t);
  check_float_cases(&t);
  check_casts(&t);
  check_bits(&t);
  check_functions(&t);
  check_poison(&t);
  if (t.n_failures > MAX_PRINTED)
    printf("ir_scalar: %" PRIu64 " failures, the first %d shown\n", t.n_failures, MAX_PRINTED);
  printf("ir_scalar: %" PRIu64 " checks\n", t.n_checks);
  return t.n_failures != 0;
}
