/* Conversion between double and the formats of floats.def.
 *
 * Everything works on magnitude codes: the exponent and mantissa fields read as one integer.
 * Within a format codes grow with the value, also across the step from subnormal to normal, so a
 * rounding carry is a plain addition and overflow is one comparison with the code of max_finite. */
#include "base/floats.h"

#include <assert.h>
#include <string.h>

enum { DOUBLE_MANTISSA = 52, DOUBLE_BIAS = 1023 };

#define DOUBLE_SIGN     ((uint64_t)1 << 63)
#define DOUBLE_INFINITY ((uint64_t)0x7ff << DOUBLE_MANTISSA)
#define DOUBLE_QUIET    ((uint64_t)1 << (DOUBLE_MANTISSA - 1))
#define DOUBLE_FRACTION (((uint64_t)1 << DOUBLE_MANTISSA) - 1)

static const tc_float_row rows[TC_N_FLOAT_FORMATS] = {
#define FLOAT_FORMAT(id, spelling, width, s, e, m, exponent_bias, inf_rule, nan_rule, round, max,  \
                     text)                                                                         \
  [TC_FORMAT_##id] = {.name = spelling,                                                            \
                      .doc = text,                                                                 \
                      .max_finite = max,                                                           \
                      .bias = exponent_bias,                                                       \
                      .bits = width,                                                               \
                      .sign_bits = s,                                                              \
                      .exponent_bits = e,                                                          \
                      .mantissa_bits = m,                                                          \
                      .inf = TC_FLOAT_INF_##inf_rule,                                              \
                      .nan = TC_FLOAT_NAN_##nan_rule,                                              \
                      .rounding = TC_FLOAT_ROUND_##round},
#include "base/floats.def"
#undef FLOAT_FORMAT
};

static uint32_t float_bits(float x) {
  uint32_t u;
  memcpy(&u, &x, sizeof u);
  return u;
}

static float float_from_bits(uint32_t u) {
  float x;
  memcpy(&x, &u, sizeof x);
  return x;
}

const tc_float_row *tc_float_info(enum tc_float_format f) {
  assert((uint32_t)f < TC_N_FLOAT_FORMATS);
  return &rows[f];
}

/* Bits below the pattern's lowest meaningful bit; only tfloat32 has any. */
static int padding(const tc_float_row *row) {
  return row->bits - row->sign_bits - row->exponent_bits - row->mantissa_bits;
}

static int sign_at(const tc_float_row *row) {
  return row->exponent_bits + row->mantissa_bits;
}

static uint32_t all_ones_code(const tc_float_row *row) {
  return ((uint32_t)1 << sign_at(row)) - 1;
}

/* Exponent all ones, mantissa zero: infinity by the IEEE rule. */
static uint32_t infinity_code(const tc_float_row *row) {
  return (((uint32_t)1 << row->exponent_bits) - 1) << row->mantissa_bits;
}

static uint32_t max_code(const tc_float_row *row) {
  switch (row->nan) {
  case TC_FLOAT_NAN_IEEE:
    return infinity_code(row) - 1;
  case TC_FLOAT_NAN_ALL_ONES:
    return all_ones_code(row) - 1;
  case TC_FLOAT_NAN_NEG_ZERO:
  case TC_FLOAT_NAN_NONE:
    break;
  }
  return all_ones_code(row);
}

static bool is_nan_code(const tc_float_row *row, uint32_t sign, uint32_t code) {
  switch (row->nan) {
  case TC_FLOAT_NAN_IEEE:
    return code > infinity_code(row);
  case TC_FLOAT_NAN_ALL_ONES:
    return code == all_ones_code(row);
  case TC_FLOAT_NAN_NEG_ZERO:
    return sign && code == 0;
  case TC_FLOAT_NAN_NONE:
    break;
  }
  return false;
}

static double decode_nan(const tc_float_row *row, uint32_t sign, uint32_t code) {
  uint64_t nan = DOUBLE_INFINITY | DOUBLE_QUIET;
  if (row->nan == TC_FLOAT_NAN_NEG_ZERO) return tc_double_from_bits(nan);
  if (row->nan == TC_FLOAT_NAN_IEEE)
    nan |= ((uint64_t)code << (DOUBLE_MANTISSA - row->mantissa_bits)) & DOUBLE_FRACTION;
  return tc_double_from_bits(nan | (sign ? DOUBLE_SIGN : 0));
}

/* 2^e for the exponents of normal doubles. */
static double power_of_two(int e) {
  return tc_double_from_bits((uint64_t)(e + DOUBLE_BIAS) << DOUBLE_MANTISSA);
}

double tc_float_decode(enum tc_float_format f, uint32_t bits) {
  const tc_float_row *row = tc_float_info(f);
  uint32_t pattern = bits >> padding(row);
  uint32_t code = pattern & all_ones_code(row);
  uint32_t sign = row->sign_bits ? pattern >> sign_at(row) & 1 : 0;
  if (is_nan_code(row, sign, code)) return decode_nan(row, sign, code);
  if (row->inf == TC_FLOAT_INF_IEEE && code == infinity_code(row))
    return tc_double_from_bits(DOUBLE_INFINITY | (sign ? DOUBLE_SIGN : 0));
  int field = (int)(code >> row->mantissa_bits);
  uint32_t significand = code & (((uint32_t)1 << row->mantissa_bits) - 1);
  if (field > 0 || row->mantissa_bits == 0)
    significand |= (uint32_t)1 << row->mantissa_bits;
  else
    field = 1;
  /* Both factors and the product are normal doubles (or zero), so the product is exact. */
  double magnitude = (double)significand * power_of_two(field - row->bias - row->mantissa_bits);
  return sign ? -magnitude : magnitude;
}

/* Moves sign and code into place. */
static uint32_t assemble(const tc_float_row *row, uint32_t sign, uint32_t code) {
  if (row->sign_bits == 0 || (row->nan == TC_FLOAT_NAN_NEG_ZERO && code == 0)) sign = 0;
  return (sign << sign_at(row) | code) << padding(row);
}

static uint32_t encode_nan(const tc_float_row *row, uint32_t sign, uint64_t fraction) {
  switch (row->nan) {
  case TC_FLOAT_NAN_IEEE: {
    uint32_t payload = (uint32_t)(fraction >> (DOUBLE_MANTISSA - row->mantissa_bits));
    uint32_t quiet = (uint32_t)1 << (row->mantissa_bits - 1);
    return assemble(row, sign, infinity_code(row) | quiet | payload);
  }
  case TC_FLOAT_NAN_ALL_ONES:
    return assemble(row, sign, all_ones_code(row));
  case TC_FLOAT_NAN_NEG_ZERO:
    return (uint32_t)1 << sign_at(row);
  case TC_FLOAT_NAN_NONE:
    break;
  }
  return assemble(row, 0, max_code(row));
}

/* Code of the representable magnitude nearest to a finite or infinite one, ties to the even code,
 * as if the exponent field had no upper bound. */
static uint64_t nearest_code(const tc_float_row *row, uint64_t magnitude) {
  /* Zero and the subnormal doubles, far below half of any format's least value. */
  if (magnitude >> DOUBLE_MANTISSA == 0) return 0;
  int exponent = (int)(magnitude >> DOUBLE_MANTISSA) - DOUBLE_BIAS;
  uint64_t significand = (magnitude & DOUBLE_FRACTION) | ((uint64_t)1 << DOUBLE_MANTISSA);
  int least = 1 - row->bias;
  int binade = exponent < least ? least : exponent;
  int n_dropped = DOUBLE_MANTISSA - row->mantissa_bits + (binade - exponent);
  if (n_dropped > DOUBLE_MANTISSA + 1) return 0; /* below half of the least value */
  uint64_t kept = significand >> n_dropped;
  uint64_t rest = significand & (((uint64_t)1 << n_dropped) - 1);
  uint64_t half = (uint64_t)1 << (n_dropped - 1);
  if (rest > half || (rest == half && (kept & 1))) kept++;
  /* In a normal binade `kept` holds the leading one, which adds the missing 1 to the exponent. */
  return kept + ((uint64_t)(binade - least) << row->mantissa_bits);
}

/* Code of the least power of two that is not below the magnitude, for formats without mantissa. */
static uint64_t covering_code(const tc_float_row *row, uint64_t magnitude) {
  int64_t exponent = (int64_t)(magnitude >> DOUBLE_MANTISSA) - DOUBLE_BIAS;
  int64_t code = exponent + row->bias + ((magnitude & DOUBLE_FRACTION) != 0);
  return code < 0 ? 0 : (uint64_t)code;
}

static uint64_t unbounded_code(const tc_float_row *row, uint64_t magnitude) {
  switch (row->rounding) {
  case TC_FLOAT_ROUND_NEAREST_EVEN:
    return nearest_code(row, magnitude);
  case TC_FLOAT_ROUND_UP:
    break;
  }
  return covering_code(row, magnitude);
}

uint32_t tc_float_encode(enum tc_float_format f, double x, bool saturate) {
  const tc_float_row *row = tc_float_info(f);
  uint64_t u = tc_double_bits(x);
  uint64_t magnitude = u & ~DOUBLE_SIGN;
  uint32_t sign = (uint32_t)(u >> 63);
  if (magnitude > DOUBLE_INFINITY) return encode_nan(row, sign, u & DOUBLE_FRACTION);
  /* An infinity has a greater exponent than any finite double, so it needs no case of its own. */
  uint64_t code = unbounded_code(row, magnitude);
  if (code <= max_code(row)) return assemble(row, sign, (uint32_t)code);
  if (saturate || row->nan == TC_FLOAT_NAN_NONE) return assemble(row, sign, max_code(row));
  if (row->inf == TC_FLOAT_INF_IEEE) return assemble(row, sign, infinity_code(row));
  return encode_nan(row, sign, 0);
}

double tc_float_round(enum tc_float_format f, double x, bool saturate) {
  return tc_float_decode(f, tc_float_encode(f, x, saturate));
}

/* The fast paths below know their two formats; the constants are patterns of binary32 and of the
 * narrow format. */

static bool is_nan32(uint32_t magnitude) {
  return magnitude > 0x7f800000u;
}

/* `value` / 2^n_dropped to the nearest integer, ties to even. */
static uint32_t shift_nearest(uint32_t value, int n_dropped) {
  uint32_t odd = value >> n_dropped & 1;
  return (value + (((uint32_t)1 << (n_dropped - 1)) - 1) + odd) >> n_dropped;
}

float tc_f16_to_f32(uint16_t bits) {
  uint32_t sign = (uint32_t)(bits & 0x8000u) << 16;
  uint32_t code = bits & 0x7fffu;
  if (code > 0x7c00u) return float_from_bits(sign | 0x7fc00000u | code << 13);
  if (code == 0x7c00u) return float_from_bits(sign | 0x7f800000u);
  if (code >= 0x0400u) return float_from_bits(sign | ((code << 13) + ((127u - 15u) << 23)));
  float magnitude = (float)code * 0x1p-24f;
  return sign ? -magnitude : magnitude;
}

uint16_t tc_f32_to_f16(float x) {
  uint32_t u = float_bits(x);
  uint32_t sign = u >> 16 & 0x8000u;
  uint32_t magnitude = u & 0x7fffffffu;
  uint32_t code;
  if (is_nan32(magnitude)) {
    code = 0x7e00u | (magnitude >> 13 & 0x3ffu);
  } else if (magnitude >= 0x477ff000u) { /* 65520, half way from max_finite to the next binade */
    code = 0x7c00u;
  } else if (magnitude >= 0x38800000u) { /* 2^-14 */
    code = shift_nearest(magnitude - ((127u - 15u) << 23), 13);
  } else if (magnitude > 0x33000000u) { /* 2^-25, half of the least subnormal */
    code = shift_nearest((magnitude & 0x7fffffu) | 0x800000u, 126 - (int)(magnitude >> 23));
  } else {
    code = 0;
  }
  return (uint16_t)(sign | code);
}

float tc_bf16_to_f32(uint16_t bits) {
  uint32_t u = (uint32_t)bits << 16;
  return float_from_bits(is_nan32(u & 0x7fffffffu) ? u | 0x400000u : u);
}

uint16_t tc_f32_to_bf16(float x) {
  uint32_t u = float_bits(x);
  if (is_nan32(u & 0x7fffffffu)) return (uint16_t)(u >> 16 | 0x40u);
  return (uint16_t)shift_nearest(u, 16);
}

float tc_round_tf32(float x) {
  uint32_t u = float_bits(x);
  if (is_nan32(u & 0x7fffffffu)) return float_from_bits((u | 0x400000u) & ~0x1fffu);
  return float_from_bits(shift_nearest(u, 13) << 13);
}

uint8_t tc_nibble_get(const uint8_t *base, int64_t index) {
  return (uint8_t)(base[index >> 1] >> ((index & 1) * 4) & 0xf);
}

void tc_nibble_set(uint8_t *base, int64_t index, uint8_t value) {
  int shift = (int)(index & 1) * 4;
  uint8_t *byte = &base[index >> 1];
  *byte = (uint8_t)((*byte & ~(0xf << shift)) | (value & 0xf) << shift);
}

uint8_t tc_crumb_get(const uint8_t *base, int64_t index) {
  return (uint8_t)(base[index >> 2] >> ((index & 3) * 2) & 0x3);
}

void tc_crumb_set(uint8_t *base, int64_t index, uint8_t value) {
  int shift = (int)(index & 3) * 2;
  uint8_t *byte = &base[index >> 2];
  *byte = (uint8_t)((*byte & ~(0x3 << shift)) | (value & 0x3) << shift);
}

int32_t tc_int4_extend(uint8_t bits) {
  return ((bits & 0xf) ^ 0x8) - 0x8;
}

int32_t tc_int2_extend(uint8_t bits) {
  return ((bits & 0x3) ^ 0x2) - 0x2;
}
