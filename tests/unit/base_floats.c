/* Number formats against three independent judges: patterns copied from the specifications, a
 * search in the sorted list of representable values, and the compiler's own double to float. */
#include "base/floats.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))
#define INF          ((double)INFINITY)
#define NOT_A_NUMBER ((double)NAN)

enum { MAX_PRINTED = 40 };

struct tally {
  uint64_t n_checks, n_failures;
};

static uint64_t bits_of(double x) {
  uint64_t u;
  memcpy(&u, &x, sizeof u);
  return u;
}

static double double_from(uint64_t u) {
  double x;
  memcpy(&x, &u, sizeof x);
  return x;
}

static uint32_t bits_of_float(float x) {
  uint32_t u;
  memcpy(&u, &x, sizeof u);
  return u;
}

static float float_from(uint32_t u) {
  float x;
  memcpy(&x, &u, sizeof x);
  return x;
}

/* The neighbour of a positive double, `steps` representable doubles further. */
static double nudge(double x, int steps) {
  return double_from(bits_of(x) + (uint64_t)steps);
}

static void expect(struct tally *t, const char *what, const char *format, uint64_t input,
                   uint64_t saw, uint64_t wanted) {
  t->n_checks++;
  if (saw == wanted || t->n_failures++ >= MAX_PRINTED) return;
  printf("base_floats: %s %s of 0x%" PRIx64 ": saw 0x%" PRIx64 ", expected 0x%" PRIx64 "\n", format,
         what, input, saw, wanted);
}

static void expect_encoded(struct tally *t, enum tc_float_format f, double x, bool saturate,
                           uint32_t wanted) {
  expect(t, saturate ? "saturating encode" : "encode", tc_float_info(f)->name, bits_of(x),
         tc_float_encode(f, x, saturate), wanted);
}

/* Any NaN equals any other. */
static void expect_decoded(struct tally *t, enum tc_float_format f, uint32_t bits, double wanted) {
  double saw = tc_float_decode(f, bits);
  if (isnan(saw) && isnan(wanted)) saw = wanted;
  expect(t, "decode", tc_float_info(f)->name, bits, bits_of(saw), bits_of(wanted));
}

/* 1. Patterns from the specifications: one, the greatest and least values, specials. */

struct pattern {
  enum tc_float_format format;
  uint32_t bits;
  double value;
};

static const struct pattern patterns[] = {
    {TC_FORMAT_FLOAT16, 0x3c00, 1},
    {TC_FORMAT_FLOAT16, 0x7bff, 65504},
    {TC_FORMAT_FLOAT16, 0x0400, 0x1p-14},
    {TC_FORMAT_FLOAT16, 0x03ff, 0x1.ff8p-15},
    {TC_FORMAT_FLOAT16, 0x0001, 0x1p-24},
    {TC_FORMAT_FLOAT16, 0x8000, -0.0},
    {TC_FORMAT_FLOAT16, 0x7c00, INF},
    {TC_FORMAT_FLOAT16, 0xfc00, -INF},
    {TC_FORMAT_FLOAT16, 0x7c01, NOT_A_NUMBER},
    {TC_FORMAT_FLOAT16, 0x7e00, NOT_A_NUMBER},
    {TC_FORMAT_BFLOAT16, 0x3f80, 1},
    {TC_FORMAT_BFLOAT16, 0xc049, -3.140625},
    {TC_FORMAT_BFLOAT16, 0x7f7f, 0x1.fep+127},
    {TC_FORMAT_BFLOAT16, 0x0080, 0x1p-126},
    {TC_FORMAT_BFLOAT16, 0x0001, 0x1p-133},
    {TC_FORMAT_BFLOAT16, 0x7f80, INF},
    {TC_FORMAT_BFLOAT16, 0x7fc0, NOT_A_NUMBER},
    {TC_FORMAT_TFLOAT32, 0x3f800000, 1},
    {TC_FORMAT_TFLOAT32, 0x3f801fff, 1},
    {TC_FORMAT_TFLOAT32, 0x3f802000, 0x1.004p+0},
    {TC_FORMAT_TFLOAT32, 0x7f7fe000, 0x1.ffcp+127},
    {TC_FORMAT_TFLOAT32, 0x00002000, 0x1p-136},
    {TC_FORMAT_TFLOAT32, 0xff800000, -INF},
    {TC_FORMAT_TFLOAT32, 0x7fc00000, NOT_A_NUMBER},
    {TC_FORMAT_FLOAT32, 0x3f800000, 1},
    {TC_FORMAT_FLOAT32, 0x7f7fffff, 0x1.fffffep+127},
    {TC_FORMAT_FLOAT32, 0x00800000, 0x1p-126},
    {TC_FORMAT_FLOAT32, 0x80000001, -0x1p-149},
    {TC_FORMAT_FLOAT32, 0x7f800000, INF},
    {TC_FORMAT_FLOAT32, 0x7fc00000, NOT_A_NUMBER},
    {TC_FORMAT_FLOAT8_E4M3FN, 0x38, 1},
    {TC_FORMAT_FLOAT8_E4M3FN, 0x7e, 448},
    {TC_FORMAT_FLOAT8_E4M3FN, 0xfe, -448},
    {TC_FORMAT_FLOAT8_E4M3FN, 0x08, 0x1p-6},
    {TC_FORMAT_FLOAT8_E4M3FN, 0x01, 0x1p-9},
    {TC_FORMAT_FLOAT8_E4M3FN, 0x80, -0.0},
    {TC_FORMAT_FLOAT8_E4M3FN, 0x7f, NOT_A_NUMBER},
    {TC_FORMAT_FLOAT8_E4M3FN, 0xff, NOT_A_NUMBER},
    {TC_FORMAT_FLOAT8_E4M3FNUZ, 0x40, 1},
    {TC_FORMAT_FLOAT8_E4M3FNUZ, 0x7f, 240},
    {TC_FORMAT_FLOAT8_E4M3FNUZ, 0xff, -240},
    {TC_FORMAT_FLOAT8_E4M3FNUZ, 0x08, 0x1p-7},
    {TC_FORMAT_FLOAT8_E4M3FNUZ, 0x01, 0x1p-10},
    {TC_FORMAT_FLOAT8_E4M3FNUZ, 0x80, NOT_A_NUMBER},
    {TC_FORMAT_FLOAT8_E4M3B11FNUZ, 0x58, 1},
    {TC_FORMAT_FLOAT8_E4M3B11FNUZ, 0x7f, 30},
    {TC_FORMAT_FLOAT8_E4M3B11FNUZ, 0x08, 0x1p-10},
    {TC_FORMAT_FLOAT8_E4M3B11FNUZ, 0x01, 0x1p-13},
    {TC_FORMAT_FLOAT8_E4M3B11FNUZ, 0x80, NOT_A_NUMBER},
    {TC_FORMAT_FLOAT8_E5M2, 0x3c, 1},
    {TC_FORMAT_FLOAT8_E5M2, 0x7b, 57344},
    {TC_FORMAT_FLOAT8_E5M2, 0x04, 0x1p-14},
    {TC_FORMAT_FLOAT8_E5M2, 0x01, 0x1p-16},
    {TC_FORMAT_FLOAT8_E5M2, 0x7c, INF},
    {TC_FORMAT_FLOAT8_E5M2, 0xfc, -INF},
    {TC_FORMAT_FLOAT8_E5M2, 0x7d, NOT_A_NUMBER},
    {TC_FORMAT_FLOAT8_E5M2, 0xff, NOT_A_NUMBER},
    {TC_FORMAT_FLOAT8_E5M2FNUZ, 0x40, 1},
    {TC_FORMAT_FLOAT8_E5M2FNUZ, 0x7f, 57344},
    {TC_FORMAT_FLOAT8_E5M2FNUZ, 0x04, 0x1p-15},
    {TC_FORMAT_FLOAT8_E5M2FNUZ, 0x01, 0x1p-17},
    {TC_FORMAT_FLOAT8_E5M2FNUZ, 0x80, NOT_A_NUMBER},
    {TC_FORMAT_FLOAT8_E3M4, 0x30, 1},
    {TC_FORMAT_FLOAT8_E3M4, 0x6f, 15.5},
    {TC_FORMAT_FLOAT8_E3M4, 0x10, 0.25},
    {TC_FORMAT_FLOAT8_E3M4, 0x01, 0x1p-6},
    {TC_FORMAT_FLOAT8_E3M4, 0xf0, -INF},
    {TC_FORMAT_FLOAT8_E3M4, 0x71, NOT_A_NUMBER},
    {TC_FORMAT_FLOAT8_E3M4, 0x7f, NOT_A_NUMBER},
    {TC_FORMAT_FLOAT8_E8M0FNU, 0x7f, 1},
    {TC_FORMAT_FLOAT8_E8M0FNU, 0x00, 0x1p-127},
    {TC_FORMAT_FLOAT8_E8M0FNU, 0x01, 0x1p-126},
    {TC_FORMAT_FLOAT8_E8M0FNU, 0xfe, 0x1p+127},
    {TC_FORMAT_FLOAT8_E8M0FNU, 0xff, NOT_A_NUMBER},
    {TC_FORMAT_FLOAT6_E2M3FN, 0x08, 1},
    {TC_FORMAT_FLOAT6_E2M3FN, 0x1f, 7.5},
    {TC_FORMAT_FLOAT6_E2M3FN, 0x3f, -7.5},
    {TC_FORMAT_FLOAT6_E2M3FN, 0x01, 0.125},
    {TC_FORMAT_FLOAT6_E2M3FN, 0x20, -0.0},
    {TC_FORMAT_FLOAT6_E3M2FN, 0x0c, 1},
    {TC_FORMAT_FLOAT6_E3M2FN, 0x1f, 28},
    {TC_FORMAT_FLOAT6_E3M2FN, 0x3f, -28},
    {TC_FORMAT_FLOAT6_E3M2FN, 0x04, 0.25},
    {TC_FORMAT_FLOAT6_E3M2FN, 0x01, 0.0625},
    {TC_FORMAT_FLOAT4_E2M1FN, 0x0, 0},
    {TC_FORMAT_FLOAT4_E2M1FN, 0x1, 0.5},
    {TC_FORMAT_FLOAT4_E2M1FN, 0x2, 1},
    {TC_FORMAT_FLOAT4_E2M1FN, 0x3, 1.5},
    {TC_FORMAT_FLOAT4_E2M1FN, 0x4, 2},
    {TC_FORMAT_FLOAT4_E2M1FN, 0x5, 3},
    {TC_FORMAT_FLOAT4_E2M1FN, 0x6, 4},
    {TC_FORMAT_FLOAT4_E2M1FN, 0x7, 6},
    {TC_FORMAT_FLOAT4_E2M1FN, 0x8, -0.0},
    {TC_FORMAT_FLOAT4_E2M1FN, 0xf, -6},
};

static void check_patterns(struct tally *t) {
  bool max_seen[TC_N_FLOAT_FORMATS] = {false};
  for (int i = 0; i < COUNT(patterns); i++) {
    const struct pattern *p = &patterns[i];
    expect_decoded(t, p->format, p->bits, p->value);
    max_seen[p->format] |= p->value == tc_float_info(p->format)->max_finite;
  }
  for (int f = 0; f < TC_N_FLOAT_FORMATS; f++)
    expect(t, "max_finite column", tc_float_info((enum tc_float_format)f)->name, 0, max_seen[f], 1);
}

/* 2. The encoder's contract where formats differ: edges of the range, specials, zeros, ties. */

struct conversion {
  enum tc_float_format format;
  double value;
  uint32_t plain, saturated; /* patterns */
};

static const struct conversion conversions[] = {
    {TC_FORMAT_FLOAT16, 65520, 0x7c00, 0x7bff},
    {TC_FORMAT_FLOAT16, 0x1.ffdffffffffffp+15, 0x7bff, 0x7bff},
    {TC_FORMAT_FLOAT16, -INF, 0xfc00, 0xfbff},
    {TC_FORMAT_FLOAT16, NOT_A_NUMBER, 0x7e00, 0x7e00},
    /* Rounding to float first would make these ties, and the wrong neighbour. */
    {TC_FORMAT_FLOAT16, 1 + 0x1p-11 + 0x1p-40, 0x3c01, 0x3c01},
    {TC_FORMAT_BFLOAT16, 1 + 0x1p-8 + 0x1p-40, 0x3f81, 0x3f81},
    {TC_FORMAT_FLOAT16, 0x1p-25, 0x0000, 0x0000},
    {TC_FORMAT_FLOAT16, -0x1.0000000000001p-25, 0x8001, 0x8001},
    {TC_FORMAT_FLOAT16, -0x1p-1060, 0x8000, 0x8000},
    {TC_FORMAT_BFLOAT16, 0x1.ffp+127, 0x7f80, 0x7f7f},
    {TC_FORMAT_BFLOAT16, NOT_A_NUMBER, 0x7fc0, 0x7fc0},
    {TC_FORMAT_TFLOAT32, -0x1.ffep+127, 0xff800000, 0xff7fe000},
    {TC_FORMAT_TFLOAT32, NOT_A_NUMBER, 0x7fc00000, 0x7fc00000},
    {TC_FORMAT_FLOAT32, 0x1.ffffffp+127, 0x7f800000, 0x7f7fffff},
    {TC_FORMAT_FLOAT32, INF, 0x7f800000, 0x7f7fffff},
    {TC_FORMAT_FLOAT32, NOT_A_NUMBER, 0x7fc00000, 0x7fc00000},
    {TC_FORMAT_FLOAT8_E4M3FN, 464, 0x7e, 0x7e},
    {TC_FORMAT_FLOAT8_E4M3FN, 0x1.d000000000001p+8, 0x7f, 0x7e},
    {TC_FORMAT_FLOAT8_E4M3FN, -1e300, 0xff, 0xfe},
    {TC_FORMAT_FLOAT8_E4M3FN, INF, 0x7f, 0x7e},
    {TC_FORMAT_FLOAT8_E4M3FN, -INF, 0xff, 0xfe},
    {TC_FORMAT_FLOAT8_E4M3FN, NOT_A_NUMBER, 0x7f, 0x7f},
    {TC_FORMAT_FLOAT8_E4M3FN, -0.0, 0x80, 0x80},
    {TC_FORMAT_FLOAT8_E4M3FN, 0x1p-10, 0x00, 0x00},
    {TC_FORMAT_FLOAT8_E4M3FN, 0x1.8p-9, 0x02, 0x02},
    {TC_FORMAT_FLOAT8_E4M3FNUZ, 248, 0x80, 0x7f},
    {TC_FORMAT_FLOAT8_E4M3FNUZ, 247.99, 0x7f, 0x7f},
    {TC_FORMAT_FLOAT8_E4M3FNUZ, -INF, 0x80, 0xff},
    {TC_FORMAT_FLOAT8_E4M3FNUZ, NOT_A_NUMBER, 0x80, 0x80},
    {TC_FORMAT_FLOAT8_E4M3FNUZ, -0.0, 0x00, 0x00},
    {TC_FORMAT_FLOAT8_E4M3FNUZ, -1e-30, 0x00, 0x00},
    {TC_FORMAT_FLOAT8_E4M3B11FNUZ, -31, 0x80, 0xff},
    {TC_FORMAT_FLOAT8_E4M3B11FNUZ, NOT_A_NUMBER, 0x80, 0x80},
    {TC_FORMAT_FLOAT8_E5M2, 61440, 0x7c, 0x7b},
    {TC_FORMAT_FLOAT8_E5M2, 61439.99, 0x7b, 0x7b},
    {TC_FORMAT_FLOAT8_E5M2, -INF, 0xfc, 0xfb},
    {TC_FORMAT_FLOAT8_E5M2, NOT_A_NUMBER, 0x7e, 0x7e},
    {TC_FORMAT_FLOAT8_E5M2FNUZ, INF, 0x80, 0x7f},
    {TC_FORMAT_FLOAT8_E5M2FNUZ, NOT_A_NUMBER, 0x80, 0x80},
    {TC_FORMAT_FLOAT8_E3M4, 15.75, 0x70, 0x6f},
    {TC_FORMAT_FLOAT8_E3M4, INF, 0x70, 0x6f},
    {TC_FORMAT_FLOAT8_E3M4, NOT_A_NUMBER, 0x78, 0x78},
    {TC_FORMAT_FLOAT8_E8M0FNU, 0, 0x00, 0x00},
    {TC_FORMAT_FLOAT8_E8M0FNU, 1e-300, 0x00, 0x00},
    {TC_FORMAT_FLOAT8_E8M0FNU, 0x1.0000000000001p-127, 0x01, 0x01},
    {TC_FORMAT_FLOAT8_E8M0FNU, 1, 0x7f, 0x7f},
    {TC_FORMAT_FLOAT8_E8M0FNU, 0x1.0000000000001p+0, 0x80, 0x80},
    {TC_FORMAT_FLOAT8_E8M0FNU, -3, 0x81, 0x81},
    {TC_FORMAT_FLOAT8_E8M0FNU, 0x1.0000000000001p+127, 0xff, 0xfe},
    {TC_FORMAT_FLOAT8_E8M0FNU, INF, 0xff, 0xfe},
    {TC_FORMAT_FLOAT8_E8M0FNU, NOT_A_NUMBER, 0xff, 0xff},
    {TC_FORMAT_FLOAT6_E2M3FN, 1e9, 0x1f, 0x1f},
    {TC_FORMAT_FLOAT6_E2M3FN, -INF, 0x3f, 0x3f},
    {TC_FORMAT_FLOAT6_E2M3FN, NOT_A_NUMBER, 0x1f, 0x1f},
    {TC_FORMAT_FLOAT6_E3M2FN, -30, 0x3f, 0x3f},
    {TC_FORMAT_FLOAT6_E3M2FN, NOT_A_NUMBER, 0x1f, 0x1f},
    {TC_FORMAT_FLOAT4_E2M1FN, 0.25, 0x0, 0x0},
    {TC_FORMAT_FLOAT4_E2M1FN, 0.75, 0x2, 0x2},
    {TC_FORMAT_FLOAT4_E2M1FN, 2.5, 0x4, 0x4},
    {TC_FORMAT_FLOAT4_E2M1FN, -5, 0xe, 0xe},
    {TC_FORMAT_FLOAT4_E2M1FN, 7, 0x7, 0x7},
    {TC_FORMAT_FLOAT4_E2M1FN, -INF, 0xf, 0xf},
    {TC_FORMAT_FLOAT4_E2M1FN, NOT_A_NUMBER, 0x7, 0x7},
};

static void check_conversions(struct tally *t) {
  for (int i = 0; i < COUNT(conversions); i++) {
    const struct conversion *c = &conversions[i];
    expect_encoded(t, c->format, c->value, false, c->plain);
    expect_encoded(t, c->format, c->value, true, c->saturated);
    expect(t, "tc_float_round", tc_float_info(c->format)->name, bits_of(c->value),
           bits_of(tc_float_round(c->format, c->value, true)),
           bits_of(tc_float_decode(c->format, c->saturated)));
  }
}

/* 3. Every pattern of a format, and every gap between neighbours, against a sorted list. */

/* Finite values by code, ascending, from exponent and mantissa by repeated doubling and halving. */
struct ladder {
  enum tc_float_format format;
  const tc_float_row *row;
  double *values;
  uint32_t n_values; /* value n_values - 1 is max_finite */
  uint32_t n_codes;  /* without sign */
  int pad;           /* unused low bits of the pattern */
};

static double slow_value(const tc_float_row *row, uint32_t code) {
  uint32_t one = 1u << row->mantissa_bits;
  uint32_t field = code / one;
  double value = code % one;
  if (row->mantissa_bits == 0) {
    value = 1;
  } else if (field == 0) {
    field = 1;
  } else {
    value += one;
  }
  int exponent = (int)field - row->bias - row->mantissa_bits;
  for (; exponent > 0; exponent--)
    value *= 2;
  for (; exponent < 0; exponent++)
    value /= 2;
  return value;
}

static struct ladder build_ladder(enum tc_float_format f) {
  const tc_float_row *row = tc_float_info(f);
  uint32_t n_codes = 1u << (row->exponent_bits + row->mantissa_bits);
  int pad = row->bits - row->sign_bits - row->exponent_bits - row->mantissa_bits;
  struct ladder l = {f, row, malloc(n_codes * sizeof(double)), 0, n_codes, pad};
  if (!l.values) {
    fputs("base_floats: out of memory\n", stderr);
    exit(1);
  }
  double value = slow_value(row, 0);
  while (value <= row->max_finite) {
    l.values[l.n_values++] = value;
    if (l.n_values == n_codes) break;
    value = slow_value(row, l.n_values);
  }
  return l;
}

static uint32_t pattern_of(const struct ladder *l, bool negative, uint32_t code) {
  return (negative ? l->n_codes | code : code) << l->pad;
}

static uint32_t nan_pattern(const struct ladder *l, bool negative) {
  if (l->row->nan == TC_FLOAT_NAN_NEG_ZERO) return pattern_of(l, true, 0);
  return pattern_of(l, negative && l->row->sign_bits, l->n_codes - 1);
}

static uint32_t slow_overflow(const struct ladder *l, bool negative, bool saturate) {
  if (saturate || l->row->nan == TC_FLOAT_NAN_NONE) return pattern_of(l, negative, l->n_values - 1);
  if (l->row->inf == TC_FLOAT_INF_IEEE) return pattern_of(l, negative, l->n_values);
  return nan_pattern(l, negative);
}

/* Encoding of a finite x by search. All sums and differences of representable values are exact. */
static uint32_t slow_encode(const struct ladder *l, double x, bool saturate) {
  bool negative = x < 0 && l->row->sign_bits;
  double magnitude = x < 0 ? -x : x;
  uint32_t low = 0, high = l->n_values; /* the first value >= magnitude is in [low, high] */
  while (low < high) {
    uint32_t middle = (low + high) / 2;
    if (l->values[middle] >= magnitude)
      high = middle;
    else
      low = middle + 1;
  }
  uint32_t code = low;
  if (l->row->rounding == TC_FLOAT_ROUND_NEAREST_EVEN && low > 0) {
    double below = l->values[low - 1];
    double above = low < l->n_values ? l->values[low] : 2 * below - l->values[low - 2];
    double half_way = (below + above) / 2;
    if (magnitude < half_way || (magnitude == half_way && low % 2 == 1)) code = low - 1;
  }
  if (code >= l->n_values) return slow_overflow(l, negative, saturate);
  if (code == 0 && l->row->nan == TC_FLOAT_NAN_NEG_ZERO) negative = false;
  return pattern_of(l, negative, code);
}

static void check_against_search(struct tally *t, const struct ladder *l, double x) {
  for (int saturate = 0; saturate <= 1; saturate++) {
    expect_encoded(t, l->format, x, saturate, slow_encode(l, x, saturate));
    expect_encoded(t, l->format, -x, saturate, slow_encode(l, -x, saturate));
  }
}

/* Decode of every pattern, and the way back. */
static void check_every_pattern(struct tally *t, const struct ladder *l) {
  for (uint32_t negative = 0; negative <= l->row->sign_bits; negative++) {
    for (uint32_t code = 0; code < l->n_codes; code++) {
      uint32_t bits = pattern_of(l, negative, code);
      bool is_zero_nan = l->row->nan == TC_FLOAT_NAN_NEG_ZERO && negative && code == 0;
      double value = NOT_A_NUMBER;
      if (code < l->n_values && !is_zero_nan)
        value = l->values[code];
      else if (code == l->n_values && l->row->inf == TC_FLOAT_INF_IEEE)
        value = INF;
      expect_decoded(t, l->format, bits, negative ? -value : value);
      uint32_t back = bits; /* a signalling NaN comes back quiet */
      if (isnan(value) && l->row->nan == TC_FLOAT_NAN_IEEE)
        back |= 1u << (l->row->mantissa_bits - 1 + l->pad);
      expect_encoded(t, l->format, tc_float_decode(l->format, bits), false, back);
    }
  }
}

static void check_every_gap(struct tally *t, const struct ladder *l) {
  for (uint32_t code = 0; code + 1 < l->n_values; code++) {
    double below = l->values[code], above = l->values[code + 1];
    double half_way = (below + above) / 2;
    expect(t, "order", l->row->name, code, below < above, true);
    check_against_search(t, l, half_way);
    check_against_search(t, l, nudge(half_way, 1));
    check_against_search(t, l, nudge(half_way, -1));
    check_against_search(t, l, nudge(above, 1));
    check_against_search(t, l, nudge(above, -1));
  }
}

static void check_range_ends(struct tally *t, const struct ladder *l) {
  double max = l->values[l->n_values - 1], step = max - l->values[l->n_values - 2];
  expect(t, "greatest value", l->row->name, 0, bits_of(max), bits_of(l->row->max_finite));
  const double large[] = {max + step / 4, max + step / 2, max + step, 2 * max, 1e200, 0x1p+1023};
  for (int i = 0; i < COUNT(large); i++)
    for (int steps = -1; steps <= 1; steps++)
      check_against_search(t, l, nudge(large[i], steps));
  const double small[] = {l->values[1] / 2, l->values[1] / 4, 0x1p-149, 1e-300, 0x1p-1060};
  for (int i = 0; i < COUNT(small); i++)
    for (int steps = -1; steps <= 1; steps++)
      check_against_search(t, l, nudge(small[i], steps));
  for (int saturate = 0; saturate <= 1; saturate++) {
    expect_encoded(t, l->format, INF, saturate, slow_overflow(l, false, saturate));
    expect_encoded(t, l->format, -INF, saturate, slow_overflow(l, l->row->sign_bits, saturate));
  }
}

/* Negative, with payload, and signalling with a payload too low for any format: never infinity,
 * never a number where the format has a NaN. */
static void check_nans(struct tally *t, const struct ladder *l) {
  uint32_t quiet = nan_pattern(l, false), negative = nan_pattern(l, true);
  if (l->row->nan == TC_FLOAT_NAN_NONE) quiet = negative = pattern_of(l, false, l->n_values - 1);
  if (l->row->nan == TC_FLOAT_NAN_IEEE) {
    uint32_t payload = (1u << (l->row->mantissa_bits - 1)) - 1;
    quiet = pattern_of(l, false, l->n_codes - 1 - payload);
    negative = pattern_of(l, true, l->n_codes - 1 - payload);
  }
  for (int saturate = 0; saturate <= 1; saturate++) {
    expect_encoded(t, l->format, double_from(0x7ff8000000000000u), saturate, quiet);
    expect_encoded(t, l->format, double_from(0xfff8000000000000u), saturate, negative);
    expect_encoded(t, l->format, double_from(0x7ff0000000000001u), saturate, quiet);
    expect_encoded(t, l->format, double_from(0xfff8000000000001u), saturate, negative);
  }
}

static void check_ladders(struct tally *t) {
  for (int i = 0; i < TC_N_FLOAT_FORMATS; i++) {
    enum tc_float_format f = (enum tc_float_format)i;
    if (f == TC_FORMAT_FLOAT32) continue; /* judged by the compiler below */
    struct ladder l = build_ladder(f);
    check_every_pattern(t, &l);
    check_every_gap(t, &l);
    check_range_ends(t, &l);
    check_nans(t, &l);
    free(l.values);
  }
}

/* 4. float32 and the fast paths. */

/* xorshift64 (Marsaglia 2003); any source of varied bits would do. */
static uint64_t next_random(uint64_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state;
}

static void check_fast_encode(struct tally *t, uint32_t u) {
  float x = float_from(u);
  expect(t, "fast encode", "float16", u, tc_f32_to_f16(x),
         tc_float_encode(TC_FORMAT_FLOAT16, x, false));
  expect(t, "fast encode", "bfloat16", u, tc_f32_to_bf16(x),
         tc_float_encode(TC_FORMAT_BFLOAT16, x, false));
  expect(t, "fast round", "tfloat32", u, bits_of_float(tc_round_tf32(x)),
         tc_float_encode(TC_FORMAT_TFLOAT32, x, false));
  expect(t, "encode", "float32", u, tc_float_encode(TC_FORMAT_FLOAT32, x, false),
         isnan(x) ? u | 0x400000u : u);
  expect_decoded(t, TC_FORMAT_FLOAT32, u, x);
}

/* Each sign and exponent with mantissas around half of every bit position (a rounding point of some
 * format at some subnormal depth), the ends of the mantissa range, and random ones. */
static void check_fast_encodes(struct tally *t) {
  uint64_t state = 0x9e3779b97f4a7c15u;
  for (uint32_t top = 0; top < 512; top++) {
    for (uint32_t m = 0; m < 3; m++) {
      check_fast_encode(t, top << 23 | m);
      check_fast_encode(t, top << 23 | (0x7fffff - m));
    }
    for (int position = 0; position < 23; position++) {
      for (uint32_t upper = 0; upper < 8; upper++) {
        uint32_t random = (uint32_t)next_random(&state);
        uint32_t m = (random << 3 | upper) << (position + 1 < 31 ? position + 1 : 31);
        uint32_t half_way = (m | 1u << position) & 0x7fffff;
        check_fast_encode(t, top << 23 | half_way);
        check_fast_encode(t, top << 23 | ((half_way + 1) & 0x7fffff));
        check_fast_encode(t, top << 23 | (half_way - 1));
      }
    }
    for (int i = 0; i < 200; i++)
      check_fast_encode(t, top << 23 | (next_random(&state) & 0x7fffff));
  }
}

/* Compared as floats: widening a float to double would make a signalling NaN quiet. */
static void check_fast_decodes(struct tally *t) {
  for (uint32_t bits = 0; bits <= 0xffff; bits++) {
    expect(t, "fast decode", "float16", bits, bits_of_float(tc_f16_to_f32((uint16_t)bits)),
           bits_of_float((float)tc_float_decode(TC_FORMAT_FLOAT16, bits)));
    expect(t, "fast decode", "bfloat16", bits, bits_of_float(tc_bf16_to_f32((uint16_t)bits)),
           bits_of_float((float)tc_float_decode(TC_FORMAT_BFLOAT16, bits)));
  }
}

static void check_float32(struct tally *t, double x) {
  expect_encoded(t, TC_FORMAT_FLOAT32, x, false, bits_of_float((float)x));
}

/* double to float as the machine does it: all float exponents and the ones just outside. */
static void check_float32_by_cast(struct tally *t) {
  const uint64_t fraction = (UINT64_C(1) << 52) - 1;
  uint64_t state = 0x2545f4914f6cdd1du;
  for (uint64_t exponent = 1023 - 160; exponent <= 1023 + 130; exponent++) {
    for (int i = 0; i < 400; i++) {
      uint64_t random = next_random(&state);
      uint64_t top = (random & UINT64_C(1) << 63) | exponent << 52;
      int position = 20 + (int)(random & 31); /* of the lowest bit kept in half_way */
      uint64_t half_way = (random >> 8 | 1) << position & fraction;
      check_float32(t, double_from(top | (random & fraction)));
      check_float32(t, double_from(top | half_way));
      check_float32(t, double_from((top | half_way) + 1));
      check_float32(t, double_from((top | half_way) - 1));
    }
  }
}

/* 5. Packed elements. */

static void check_packing(struct tally *t) {
  static const uint8_t bytes[] = {0x21, 0xf8};
  static const int nibbles[] = {1, 2, -8, -1};
  static const int crumbs[] = {1, 0, -2, 0, 0, -2, -1, -1};
  for (int i = 0; i < COUNT(nibbles); i++)
    expect(t, "signed", "int4", (uint64_t)i, (uint32_t)tc_int4_extend(tc_nibble_get(bytes, i)),
           (uint32_t)nibbles[i]);
  for (int i = 0; i < COUNT(crumbs); i++)
    expect(t, "signed", "int2", (uint64_t)i, (uint32_t)tc_int2_extend(tc_crumb_get(bytes, i)),
           (uint32_t)crumbs[i]);
  for (uint8_t value = 0; value < 16; value++) {
    uint8_t packed[3] = {0xa5, 0x5a, 0xc3};
    tc_nibble_set(packed, 2, (uint8_t)(value | 0xf0));
    tc_nibble_set(packed, 5, value);
    uint32_t saw = packed[0] | (uint32_t)packed[1] << 8 | (uint32_t)packed[2] << 16;
    expect(t, "set", "int4", value, saw, 0x0350a5u | (uint32_t)value << 8 | (uint32_t)value << 20);
    expect(t, "get", "int4", value, tc_nibble_get(packed, 5), value);
  }
  for (int64_t index = 0; index < 8; index++) {
    for (uint8_t value = 0; value < 4; value++) {
      uint8_t packed[2] = {0x1b, 0xe4};
      uint32_t keep = 0xe41bu & ~(3u << (2 * index));
      tc_crumb_set(packed, index, (uint8_t)(value | 0x54));
      expect(t, "set", "int2", value, packed[0] | (uint32_t)packed[1] << 8,
             keep | (uint32_t)value << (2 * index));
      expect(t, "get", "int2", value, tc_crumb_get(packed, index), value);
    }
  }
}

int main(void) {
  struct tally t = {0, 0};
  check_patterns(&t);
  check_conversions(&t);
  check_ladders(&t);
  check_fast_encodes(&t);
  check_fast_decodes(&t);
  check_float32_by_cast(&t);
  check_packing(&t);
  if (t.n_failures > MAX_PRINTED)
    printf("base_floats: %" PRIu64 " failures, the first %d shown\n", t.n_failures, MAX_PRINTED);
  printf("base_floats: %" PRIu64 " checks\n", t.n_checks);
  return t.n_failures != 0;
}
