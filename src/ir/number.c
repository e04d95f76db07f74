#include "ir/number.h"

#include "ir/scalar.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* strtod and printf write the point of the current locale, so neither is ever shown one: literals
 * are handed over as an integer with an exponent, and digits are picked out of what printf writes.
 */

enum { MAX_LITERAL = 400 };

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/* Appends digits of text[*at ...) to `out`; returns how many. */
static uint32_t take_digits(tc_str text, uint32_t *at, char *out, uint32_t n) {
  uint32_t first = *at;
  while (*at < text.n && is_digit(text.at[*at]))
    out[n++] = text.at[(*at)++];
  return *at - first;
}

bool tc_number_parse(tc_str text, double *x) {
  char plain[MAX_LITERAL + 16];
  if (!text.n || text.n > MAX_LITERAL) return false;
  uint32_t at = 0, n = take_digits(text, &at, plain, 0), n_fraction = 0;
  if (at < text.n && text.at[at] == '.') {
    at++;
    n_fraction = take_digits(text, &at, plain, n);
  }
  if (!n) return false;
  int exponent = 0;
  if (at < text.n && text.at[at] == 'e') {
    bool negative = ++at < text.n && text.at[at] == '-';
    if (at < text.n && (text.at[at] == '-' || text.at[at] == '+')) at++;
    if (at == text.n) return false;
    for (; at < text.n && is_digit(text.at[at]); at++)
      if (exponent < 100000) exponent = exponent * 10 + (text.at[at] - '0');
    if (negative) exponent = -exponent;
  }
  if (at != text.n) return false;
  snprintf(plain + n + n_fraction, 16, "e%d", exponent - (int)n_fraction);
  *x = strtod(plain, NULL);
  return true;
}

/* A float as sign, decimal digits d.ddd and an exponent of ten. */
typedef struct decimal {
  bool negative;
  char digits[20];
  int n, exponent;
} decimal;

static decimal to_decimal(double x, int n_digits) {
  char text[64];
  snprintf(text, sizeof text, "%.*e", n_digits - 1, x);
  decimal d = {0};
  const char *at = text;
  d.negative = *at == '-';
  for (; *at && *at != 'e'; at++)
    if (is_digit(*at)) d.digits[d.n++] = *at;
  d.exponent = *at ? atoi(at + 1) : 0;
  return d;
}

/* The forms 0.00123, 12.5, 1250.0 for moderate exponents and 1.25e-9 for the rest. */
static void layout(char out[TC_NUMBER_MAX], const decimal *d) {
  int n = d->n;
  while (n > 1 && d->digits[n - 1] == '0')
    n--;
  char *at = out;
  if (d->negative) *at++ = '-';
  if (d->exponent < -4 || d->exponent > 15) {
    snprintf(at, TC_NUMBER_MAX - 1, "%c.%.*se%d", d->digits[0], n > 1 ? n - 1 : 1,
             n > 1 ? d->digits + 1 : "0", d->exponent);
    return;
  }
  int point = d->exponent + 1; /* digits before the point */
  if (point <= 0) *at++ = '0', *at++ = '.';
  for (int i = point; i < 0; i++)
    *at++ = '0';
  for (int i = 0; i < n || i < point; i++) {
    if (i == point && i) *at++ = '.';
    *at++ = i < n ? d->digits[i] : '0';
  }
  if (point > 0 && n <= point) *at++ = '.', *at++ = '0';
  *at = 0;
}

static void print_float(char out[TC_NUMBER_MAX], tc_type type, double x) {
  if (isnan(x) || isinf(x)) {
    snprintf(out, TC_NUMBER_MAX, "%s", isnan(x) ? "nan" : x < 0 ? "-inf" : "inf");
    return;
  }
  for (int n_digits = 1; n_digits <= 17; n_digits++) {
    decimal d = to_decimal(x, n_digits);
    layout(out, &d);
    double back;
    if (!tc_number_parse(tc_str_of(out + d.negative), &back)) continue;
    tc_imm got = tc_imm_float(type, d.negative ? -back : back);
    if (tc_imm_equal(type, got, (tc_imm){.f = x})) return;
  }
}

void tc_number_print(char out[TC_NUMBER_MAX], tc_type type, tc_imm x) {
  type.lanes = 1;
  switch (tc_type_kind(type)) {
  case TC_K_FLOAT:
    print_float(out, type, x.f);
    return;
  case TC_K_BOOL:
    snprintf(out, TC_NUMBER_MAX, "%s", x.i ? "true" : "false");
    return;
  case TC_K_UINT:
    snprintf(out, TC_NUMBER_MAX, "%" PRIu64, (uint64_t)x.i);
    return;
  case TC_K_INT:
  case TC_K_HANDLE:
  case TC_K_VOID:
  case TC_K_SLICE:
    snprintf(out, TC_NUMBER_MAX, "%" PRId64, x.i);
  }
}

bool tc_number_fits(tc_type type, uint64_t magnitude, bool negative, int64_t *x) {
  type.lanes = 1;
  if (negative && magnitude > UINT64_C(1) << 63) return false;
  *x = (int64_t)(negative ? 0 - magnitude : magnitude);
  bool is_unsigned = tc_type_kind(type) == TC_K_UINT;
  if (is_unsigned ? negative && magnitude : !negative && magnitude > INT64_MAX) return false;
  if (tc_type_kind(type) == TC_K_HANDLE) return true;
  return tc_imm_int(type, *x).i == *x;
}
