/* Arithmetic on int64_t that says when it overflowed, and division that rounds down. */
#ifndef TC_BASE_CHECKED_H
#define TC_BASE_CHECKED_H

#include <stdbool.h>
#include <stdint.h>

/* True and *r set when the result fits. */
static inline bool tc_add_fits(int64_t a, int64_t b, int64_t *r) {
  uint64_t sum = (uint64_t)a + (uint64_t)b;
  *r = (int64_t)sum;
  return (b >= 0) == (*r >= a);
}

static inline bool tc_sub_fits(int64_t a, int64_t b, int64_t *r) {
  *r = (int64_t)((uint64_t)a - (uint64_t)b);
  return (b >= 0) == (*r <= a);
}

static inline bool tc_mul_fits(int64_t a, int64_t b, int64_t *r) {
  const int64_t half = INT64_C(1) << 31;
  *r = (int64_t)((uint64_t)a * (uint64_t)b);
  if (a >= -half && a <= half && b >= -half && b <= half) return true;
  if (a == 0 || b == 0) return true;
  if ((a == -1 && b == INT64_MIN) || (b == -1 && a == INT64_MIN)) return false;
  return *r / b == a && *r % b == 0;
}

/* Quotient and remainder of the division that rounds down; b > 0. */
static inline int64_t tc_floor_div(int64_t a, int64_t b) {
  return a / b - (a % b < 0);
}

static inline int64_t tc_floor_mod(int64_t a, int64_t b) {
  int64_t r = a % b;
  return r < 0 ? r + b : r;
}

/* Greatest common divisor of magnitudes; gcd(0, 0) = 0. INT64_MIN counts as 2^62. */
static inline int64_t tc_gcd(int64_t a, int64_t b) {
  if (a == INT64_MIN) a = INT64_C(1) << 62;
  if (b == INT64_MIN) b = INT64_C(1) << 62;
  if (a < 0) a = -a;
  if (b < 0) b = -b;
  while (b) {
    int64_t r = a % b;
    a = b, b = r;
  }
  return a;
}

#endif
