/* Software number formats: the floating-point types of the language that are narrower than double.
 *
 * A format is a row of floats.def.  A value travels as a double, which holds each value of each
 * format exactly; a stored element travels as its bit pattern in the low bits of a uint32_t.
 * Decoding is therefore exact, and encoding is the only place where a number is rounded, once.
 * All of it is integer arithmetic or exact, so neither the rounding mode nor flush-to-zero of the
 * floating-point unit can change a result.
 *
 * Conversions make signalling NaNs quiet; sign and leading payload bits of a NaN survive where the
 * format has room.  Hardware differs here, so compare NaNs as a class, and copy elements whose type
 * does not change as bits.  The end of the header holds the packing of 4-bit and 2-bit elements. */
#ifndef TC_BASE_FLOATS_H
#define TC_BASE_FLOATS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum tc_float_format {
#define FLOAT_FORMAT(id, ...) TC_FORMAT_##id,
#include "base/floats.def"
#undef FLOAT_FORMAT
};

enum {
  TC_N_FLOAT_FORMATS = 0
#define FLOAT_FORMAT(...) +1
#include "base/floats.def"
#undef FLOAT_FORMAT
};

enum tc_float_inf { TC_FLOAT_INF_NONE, TC_FLOAT_INF_IEEE };

enum tc_float_nan {
  TC_FLOAT_NAN_NONE,
  TC_FLOAT_NAN_IEEE,
  TC_FLOAT_NAN_ALL_ONES,
  TC_FLOAT_NAN_NEG_ZERO
};

/* TC_FLOAT_ROUND_UP goes to the next greater magnitude: a block scale must never come out smaller
 * than what it has to cover. */
enum tc_float_rounding { TC_FLOAT_ROUND_NEAREST_EVEN, TC_FLOAT_ROUND_UP };

/* A row of floats.def, whose legend explains the columns. */
typedef struct tc_float_row {
  const char *name;
  const char *doc;
  double max_finite;
  int16_t bias;
  uint8_t bits;
  uint8_t sign_bits;
  uint8_t exponent_bits;
  uint8_t mantissa_bits;
  enum tc_float_inf inf;
  enum tc_float_nan nan;
  enum tc_float_rounding rounding;
} tc_float_row;

/* Returns the row of `f`; static storage. */
const tc_float_row *tc_float_info(enum tc_float_format f);

/* Returns the value of the pattern in the low `bits` bits; higher bits are ignored. */
double tc_float_decode(enum tc_float_format f, uint32_t bits);

/* Returns the pattern of `x` in format `f`, rounded once by the row's rule.  A value is out of
 * range when, rounded with an unbounded exponent, its magnitude exceeds max_finite; infinity always
 * is.  By row, the result keeping the sign of x unless one is given:
 *
 *                     out of range,     out of range,
 *   row has           saturate          not saturate     x is NaN
 *   infinity          max_finite        infinity         quiet NaN, leading payload bits of x
 *   NaN ALL_ONES      max_finite        NaN              NaN
 *   NaN NEG_ZERO      max_finite        the NaN          the NaN
 *   neither           max_finite        max_finite       +max_finite
 *
 * This is CUDA's conversion (__NV_SATFINITE, __NV_NOSAT), also for the NaN of the last line, which
 * the MX specification leaves open.  A cast in the language saturates for formats of 8 bits or
 * fewer.  Zero keeps its sign unless -0 is the NaN.
 *
 * float8_e8m0fnu encodes the magnitude and drops the sign: between two powers of two the greater
 * one is taken; 0 and everything below 2^-127 become 2^-127. */
uint32_t tc_float_encode(enum tc_float_format f, double x, bool saturate);

/* Returns the value that `x` becomes when it is stored in format `f` and read back. */
double tc_float_round(enum tc_float_format f, double x, bool saturate);

/* Same bits as tc_float_decode and as tc_float_encode without saturation, for the types that
 * kernels convert all the time. */
float tc_f16_to_f32(uint16_t bits);
uint16_t tc_f32_to_f16(float x);
float tc_bf16_to_f32(uint16_t bits);
uint16_t tc_f32_to_bf16(float x);
float tc_round_tf32(float x);

/* Packed elements: `index` counts elements from `base` and is not negative; the element with the
 * lower index sits in the lower bits of its byte (the order of CUDA's fp4x2 and of torch's
 * float4_e2m1fn_x2).  Setting takes the low bits of `value` and leaves the other elements of the
 * byte as they are, by reading and writing the byte: not atomic. */
uint8_t tc_nibble_get(const uint8_t *base, int64_t index);
void tc_nibble_set(uint8_t *base, int64_t index, uint8_t value);
uint8_t tc_crumb_get(const uint8_t *base, int64_t index); /* 2 bits: uint2, int2 */
void tc_crumb_set(uint8_t *base, int64_t index, uint8_t value);

/* Return the two's complement reading of the low 4 (2) bits of `bits`. */
int32_t tc_int4_extend(uint8_t bits);
int32_t tc_int2_extend(uint8_t bits);

/* The IEEE 754 pattern of a double, and the double of a pattern. */
static inline uint64_t tc_double_bits(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}
static inline double tc_double_from_bits(uint64_t bits) {
  double x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

#endif
