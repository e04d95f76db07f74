/* The math module, as far as it is not one C function of one float. */
#include "lang/eval_private.h"

#include <math.h>

static double real(tc_eval *ev, tc_val v) {
  return tc_py_as_float(ev, v, "the argument");
}
static int64_t whole(tc_eval *ev, tc_val v) {
  return tc_py_need_int(ev, v, "the argument");
}

TC_NORETURN static void undefined(tc_eval *ev, const char *name) {
  EVAL_FAIL(ev, D_bad_value, tc_eval_here(ev),
            tc_format(ev->arena, "math.%s is not defined for this argument", name));
}

/* A float that is an integer, as an int; ints stay as they are. */
static tc_val to_int(tc_eval *ev, tc_val v, double (*rounded)(double)) {
  tc_py_need_known(ev, v, "the argument");
  if (v.kind != TC_V_FLOAT) return tc_val_int(whole(ev, v));
  return tc_py_int(ev, (tc_val[]){tc_val_float(rounded(v.f)), {0}});
}

tc_val tc_py_math_ceil(tc_eval *ev, const tc_val *a) {
  return to_int(ev, a[0], ceil);
}
tc_val tc_py_math_floor(tc_eval *ev, const tc_val *a) {
  return to_int(ev, a[0], floor);
}
tc_val tc_py_math_trunc(tc_eval *ev, const tc_val *a) {
  return to_int(ev, a[0], trunc);
}

tc_val tc_py_math_isqrt(tc_eval *ev, const tc_val *a) {
  int64_t n = whole(ev, a[0]);
  if (n < 0) undefined(ev, "isqrt");
  int64_t r = (int64_t)sqrt((double)n);
  while (r > 3037000499 || r * r > n)
    r--;
  while (r < 3037000499 && (r + 1) * (r + 1) <= n)
    r++;
  return tc_val_int(r);
}

static int64_t gcd(int64_t a, int64_t b) {
  uint64_t x = a < 0 ? 0 - (uint64_t)a : (uint64_t)a, y = b < 0 ? 0 - (uint64_t)b : (uint64_t)b;
  while (y) {
    uint64_t rest = x % y;
    x = y;
    y = rest;
  }
  return x > INT64_MAX ? -1 : (int64_t)x;
}

tc_val tc_py_math_gcd(tc_eval *ev, const tc_val *a) {
  int64_t r = 0;
  for (uint32_t i = 0; i < a[0].seq->items.n; i++) {
    r = gcd(r, whole(ev, a[0].seq->items.at[i]));
    if (r < 0) EVAL_FAIL(ev, D_wide_int, tc_eval_here(ev), "math.gcd");
  }
  return tc_val_int(r);
}

tc_val tc_py_math_lcm(tc_eval *ev, const tc_val *a) {
  tc_val r = tc_val_int(1);
  for (uint32_t i = 0; i < a[0].seq->items.n; i++) {
    int64_t x = whole(ev, a[0].seq->items.at[i]);
    if (x == 0) return tc_val_int(0);
    int64_t g = gcd(r.i, x);
    if (g < 0) EVAL_FAIL(ev, D_wide_int, tc_eval_here(ev), "math.lcm");
    r = tc_py_binary(ev, TC_BINOP_MUL, r, tc_py_abs(ev, (tc_val[]){tc_val_int(x / g)}));
  }
  return r;
}

tc_val tc_py_math_factorial(tc_eval *ev, const tc_val *a) {
  int64_t n = whole(ev, a[0]);
  tc_val r = tc_val_int(1);
  if (n < 0) undefined(ev, "factorial");
  for (int64_t i = 2; i <= n; i++)
    r = tc_py_binary(ev, TC_BINOP_MUL, r, tc_val_int(i));
  return r;
}

tc_val tc_py_math_comb(tc_eval *ev, const tc_val *a) {
  int64_t n = whole(ev, a[0]), k = whole(ev, a[1]), r = 1;
  if (n < 0 || k < 0) undefined(ev, "comb");
  if (k > n) return tc_val_int(0);
  if (k > n - k) k = n - k;
  for (int64_t i = 1; i <= k; i++) {
    /* r * (n - k + i) / i is an integer; dividing by common factors first keeps it small. */
    int64_t top = n - k + i, g = gcd(top, i), bottom = i / g;
    top /= g;
    r = tc_py_binary(ev, TC_BINOP_MUL, tc_val_int(r / bottom), tc_val_int(top)).i;
  }
  return tc_val_int(r);
}

tc_val tc_py_math_prod(tc_eval *ev, const tc_val *a) {
  const tc_val *items;
  uint32_t n;
  tc_val r = a[1];
  tc_py_need_items(ev, a[0], &items, &n);
  for (uint32_t i = 0; i < n; i++)
    r = tc_eval_binary(ev, TC_BINOP_MUL, r, items[i]);
  return r;
}

/* Neumaier's compensated sum (1974): exact enough for every list a kernel file holds. */
tc_val tc_py_math_fsum(tc_eval *ev, const tc_val *a) {
  const tc_val *items;
  uint32_t n;
  double sum = 0, lost = 0;
  tc_py_need_items(ev, a[0], &items, &n);
  for (uint32_t i = 0; i < n; i++) {
    double x = real(ev, items[i]), next = sum + x;
    lost += fabs(sum) >= fabs(x) ? (sum - next) + x : (x - next) + sum;
    sum = next;
  }
  return tc_val_float(sum + lost);
}

tc_val tc_py_math_pow(tc_eval *ev, const tc_val *a) {
  return tc_py_power(ev, tc_val_float(real(ev, a[0])), tc_val_float(real(ev, a[1])));
}

static double logarithm(tc_eval *ev, tc_val v, double (*log_of)(double), const char *name) {
  double x = real(ev, v);
  if (!(x > 0) && !isnan(x)) undefined(ev, name);
  return log_of(x);
}

tc_val tc_py_math_log(tc_eval *ev, const tc_val *a) {
  double x = logarithm(ev, a[0], log, "log");
  if (a[1].kind == TC_V_UNBOUND) return tc_val_float(x);
  double base = logarithm(ev, a[1], log, "log");
  if (base == 0) EVAL_FAIL(ev, D_zero_division, tc_eval_here(ev), "logarithm to base 1: division");
  return tc_val_float(x / base);
}

tc_val tc_py_math_log2(tc_eval *ev, const tc_val *a) {
  return tc_val_float(logarithm(ev, a[0], log2, "log2"));
}
tc_val tc_py_math_log10(tc_eval *ev, const tc_val *a) {
  return tc_val_float(logarithm(ev, a[0], log10, "log10"));
}
tc_val tc_py_math_atan2(tc_eval *ev, const tc_val *a) {
  return tc_val_float(atan2(real(ev, a[0]), real(ev, a[1])));
}
tc_val tc_py_math_hypot(tc_eval *ev, const tc_val *a) {
  return tc_val_float(hypot(real(ev, a[0]), real(ev, a[1])));
}
tc_val tc_py_math_copysign(tc_eval *ev, const tc_val *a) {
  return tc_val_float(copysign(real(ev, a[0]), real(ev, a[1])));
}

tc_val tc_py_math_fmod(tc_eval *ev, const tc_val *a) {
  double x = real(ev, a[0]), y = real(ev, a[1]), r = fmod(x, y);
  if (isnan(r) && !isnan(x) && !isnan(y)) undefined(ev, "fmod");
  return tc_val_float(r);
}

tc_val tc_py_math_isnan(tc_eval *ev, const tc_val *a) {
  return tc_val_bool(isnan(real(ev, a[0])));
}
tc_val tc_py_math_isinf(tc_eval *ev, const tc_val *a) {
  return tc_val_bool(isinf(real(ev, a[0])));
}
tc_val tc_py_math_isfinite(tc_eval *ev, const tc_val *a) {
  return tc_val_bool(isfinite(real(ev, a[0])));
}
