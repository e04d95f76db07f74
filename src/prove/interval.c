/* Intervals of 64-bit patterns. For every type but uint64 a pattern is the value itself; a uint64
 * interval that reaches below 0 says nothing about the value and makes every result unknown. An
 * exact result that leaves the type's range may have wrapped anywhere, so it becomes the whole
 * type. */
#include "base/checked.h"
#include "prove/prove_private.h"

static tc_interval whole(void) {
  return (tc_interval){INT64_MIN, INT64_MAX};
}

tc_interval tc_interval_of_type(tc_type type) {
  const tc_dtype_info *row = tc_dtype_row((enum tc_dtype)type.dtype);
  if (type.lanes != 1) return whole();
  if (row->kind == TC_K_BOOL) return (tc_interval){0, 1};
  if (row->bits == 0 || row->bits >= 64) return whole();
  int64_t half = INT64_C(1) << (row->bits - 1);
  if (row->kind == TC_K_INT) return (tc_interval){-half, half - 1};
  if (row->kind == TC_K_UINT) return (tc_interval){0, 2 * half - 1};
  return whole();
}

tc_interval tc_interval_join(tc_interval a, tc_interval b) {
  return (tc_interval){a.lo < b.lo ? a.lo : b.lo, a.hi > b.hi ? a.hi : b.hi};
}

tc_interval tc_interval_meet(tc_interval a, tc_interval b) {
  tc_interval r = {a.lo > b.lo ? a.lo : b.lo, a.hi < b.hi ? a.hi : b.hi};
  return r.lo <= r.hi ? r : a;
}

static bool is_wide_unsigned(tc_type type) {
  return type.dtype == TC_DT_uint64;
}

/* Exact results [lo, hi] wrapped to the type; not exact when the bounds do not fit 64 bits. */
static tc_interval fit(tc_type type, bool exact, int64_t lo, int64_t hi) {
  tc_interval all = tc_interval_of_type(type), r = {lo, hi};
  if (!exact) return all;
  if (is_wide_unsigned(type)) return lo >= 0 ? r : all;
  if (tc_interval_inside(r, all)) return r;
  return tc_interval_unwrap(type, &r) ? r : all;
}

bool tc_interval_unwrap(tc_type type, tc_interval *r) {
  tc_interval all = tc_interval_of_type(type);
  uint32_t bits = tc_is_bool(type) ? 1 : tc_type_bits(type);
  int64_t lo, hi;
  if (bits > 32) return tc_interval_inside(*r, all);
  int64_t size = INT64_C(1) << bits;
  if (!tc_sub_fits(r->lo, all.lo, &lo) || !tc_sub_fits(r->hi, all.lo, &hi)) return false;
  if (tc_floor_div(lo, size) != tc_floor_div(hi, size)) return false;
  *r = (tc_interval){all.lo + tc_floor_mod(lo, size), all.lo + tc_floor_mod(hi, size)};
  return true;
}

/* ---- products and quotients: extremes are at corners ---- */

typedef struct corners {
  tc_interval r;
  bool any, exact;
} corners;

static void corner(corners *c, bool fits, int64_t x) {
  c->exact = c->exact && fits;
  if (!c->any || x < c->r.lo) c->r.lo = x;
  if (!c->any || x > c->r.hi) c->r.hi = x;
  c->any = true;
}

static corners product_corners(tc_interval a, tc_interval b) {
  corners c = {.exact = true};
  const int64_t as[] = {a.lo, a.hi}, bs[] = {b.lo, b.hi};
  for (int i = 0; i < 4; i++) {
    int64_t x;
    bool fits = tc_mul_fits(as[i / 2], bs[i % 2], &x);
    corner(&c, fits, x);
  }
  return c;
}

static tc_interval product(tc_type type, tc_interval a, tc_interval b) {
  corners c = product_corners(a, b);
  return fit(type, c.exact, c.r.lo, c.r.hi);
}

static int64_t rounded_quotient(bool floors, int64_t a, int64_t b) {
  int64_t q = a / b, r = a % b;
  return floors && r != 0 && (r < 0) != (b < 0) ? q - 1 : q;
}

/* Divisors of one sign, not 0. */
static void quotient_corners(corners *c, bool floors, tc_interval a, tc_interval b) {
  const int64_t as[] = {a.lo, a.hi}, bs[] = {b.lo, b.hi};
  for (int i = 0; i < 4; i++) {
    int64_t x = as[i / 2], y = bs[i % 2];
    bool fits = !(x == INT64_MIN && y == -1);
    corner(c, fits, fits ? rounded_quotient(floors, x, y) : 0);
  }
}

/* Towards zero, the quotient of numbers around zero reaches 0 between the corners: still inside. */
static tc_interval quotient(tc_type type, bool floors, tc_interval a, tc_interval b) {
  corners c = {.exact = true};
  if (b.lo < 0) quotient_corners(&c, floors, a, (tc_interval){b.lo, b.hi < 0 ? b.hi : -1});
  if (b.hi > 0) quotient_corners(&c, floors, a, (tc_interval){b.lo > 0 ? b.lo : 1, b.hi});
  if (!c.any) return tc_interval_of_type(type); /* poison */
  return fit(type, c.exact, c.r.lo, c.r.hi);
}

static tc_interval floor_remainder(tc_type type, tc_interval a, tc_interval b) {
  if (b.lo == INT64_MIN) return tc_interval_of_type(type);
  tc_interval r = {b.lo < 0 ? b.lo + 1 : 0, b.hi > 0 ? b.hi - 1 : 0};
  if (b.lo > 0 && b.lo == b.hi && tc_floor_div(a.lo, b.lo) == tc_floor_div(a.hi, b.lo))
    return (tc_interval){tc_floor_mod(a.lo, b.lo), tc_floor_mod(a.hi, b.lo)};
  if (b.lo > 0 && a.lo >= 0) {
    if (a.hi < b.lo) return a;
    if (a.hi < r.hi) r.hi = a.hi;
  }
  return r;
}

static tc_interval trunc_remainder(tc_type type, tc_interval a, tc_interval b) {
  if (a.lo >= 0 && b.lo > 0) return floor_remainder(type, a, b);
  if (b.lo == INT64_MIN || a.lo == INT64_MIN) return tc_interval_of_type(type);
  int64_t largest = b.hi > -b.lo ? b.hi : -b.lo;
  if (largest == 0) return tc_interval_of_type(type); /* poison */
  largest -= 1;
  tc_interval r = {a.lo < 0 ? -largest : 0, a.hi > 0 ? largest : 0};
  if (r.lo < a.lo) r.lo = a.lo < 0 ? a.lo : r.lo;
  if (r.hi > a.hi) r.hi = a.hi > 0 ? a.hi : r.hi;
  return r;
}

/* ---- bits ---- */

/* The smallest 2^k - 1 that is not less than x >= 0. */
static int64_t ones_to(int64_t x) {
  uint64_t m = (uint64_t)x;
  for (unsigned s = 1; s < 64; s *= 2)
    m |= m >> s;
  return (int64_t)m;
}

static tc_interval bitwise(enum tc_opcode op, tc_type type, tc_interval a, tc_interval b) {
  tc_interval all = tc_interval_of_type(type);
  if (op == TC_OP_and && (a.lo >= 0 || b.lo >= 0)) {
    int64_t hi = a.lo >= 0 && (b.lo < 0 || a.hi < b.hi) ? a.hi : b.hi;
    return (tc_interval){0, hi};
  }
  if (a.lo < 0 || b.lo < 0) return all;
  int64_t hi = ones_to(a.hi > b.hi ? a.hi : b.hi);
  int64_t lo = op == TC_OP_or ? (a.lo > b.lo ? a.lo : b.lo) : 0;
  return tc_interval_meet((tc_interval){lo, hi}, all);
}

static tc_interval shift(enum tc_opcode op, tc_type type, tc_interval a, tc_interval by) {
  uint32_t bits = tc_type_bits(type);
  tc_interval all = tc_interval_of_type(type);
  /* Amounts outside [0, bits) give poison. */
  by = tc_interval_meet(by, (tc_interval){0, (int64_t)bits - 1});
  if (by.lo < 0 || by.hi >= (int64_t)bits) return all;
  if (op == TC_OP_shl) {
    if (by.hi > 62) return all;
    return product(type, a, (tc_interval){INT64_C(1) << by.lo, INT64_C(1) << by.hi});
  }
  /* Shifted by 63, only the sign is left. */
  tc_interval sign = {a.lo < 0 ? -1 : 0, a.hi < 0 ? -1 : 0};
  if (by.lo > 62) return sign;
  bool only_sign = by.hi > 62;
  tc_interval two = {INT64_C(1) << by.lo, INT64_C(1) << (only_sign ? 62 : by.hi)};
  tc_interval r = quotient(type, true, a, two);
  return only_sign ? tc_interval_join(r, sign) : r;
}

/* ---- comparisons ---- */

static tc_interval truth(bool known, bool value) {
  if (!known) return (tc_interval){0, 1};
  return (tc_interval){value, value};
}

static tc_interval compare(enum tc_opcode op, tc_interval a, tc_interval b) {
  bool apart = a.hi < b.lo || b.hi < a.lo;
  bool same = a.lo == a.hi && b.lo == b.hi && a.lo == b.lo;
  switch ((int)op) {
  case TC_OP_eq:
    return truth(apart || same, same);
  case TC_OP_ne:
    return truth(apart || same, apart);
  case TC_OP_lt:
    return truth(a.hi < b.lo || a.lo >= b.hi, a.hi < b.lo);
  default:
    return truth(a.hi <= b.lo || a.lo > b.hi, a.hi <= b.lo);
  }
}

/* ---- ops ---- */

static corners sum_corners(tc_interval a, tc_interval b) {
  corners c = {.exact = true};
  int64_t lo, hi;
  bool lo_fits = tc_add_fits(a.lo, b.lo, &lo), hi_fits = tc_add_fits(a.hi, b.hi, &hi);
  corner(&c, lo_fits, lo);
  corner(&c, hi_fits, hi);
  return c;
}

static corners difference_corners(tc_interval a, tc_interval b) {
  corners c = {.exact = true};
  int64_t lo, hi;
  bool lo_fits = tc_sub_fits(a.lo, b.hi, &lo), hi_fits = tc_sub_fits(a.hi, b.lo, &hi);
  corner(&c, lo_fits, lo);
  corner(&c, hi_fits, hi);
  return c;
}

static tc_interval sum(tc_type type, tc_interval a, tc_interval b) {
  corners c = sum_corners(a, b);
  return fit(type, c.exact, c.r.lo, c.r.hi);
}

static tc_interval difference(tc_type type, tc_interval a, tc_interval b) {
  corners c = difference_corners(a, b);
  return fit(type, c.exact, c.r.lo, c.r.hi);
}

bool tc_interval_may_wrap(enum tc_opcode op, tc_type type, tc_interval a, tc_interval b) {
  tc_interval all = tc_interval_of_type(type);
  if (is_wide_unsigned(type)) all.lo = 0;
  corners c = op == TC_OP_add   ? sum_corners(a, b)
              : op == TC_OP_sub ? difference_corners(a, b)
                                : product_corners(a, b);
  return !c.exact || !tc_interval_inside(c.r, all);
}

/* table */
tc_interval tc_interval_binary(enum tc_opcode op, tc_type type, tc_interval a, tc_interval b) {
  bool compares = op >= TC_OP_eq && op <= TC_OP_le;
  if ((!tc_is_int(type) && !tc_is_bool(type)) || type.lanes != 1
      || (is_wide_unsigned(type) && (a.lo < 0 || b.lo < 0)))
    return compares ? (tc_interval){0, 1} : tc_interval_of_type(type);
  if (compares) return compare(op, a, b);
  switch ((int)op) {
  case TC_OP_add:
    return sum(type, a, b);
  case TC_OP_sub:
    return difference(type, a, b);
  case TC_OP_mul:
    return product(type, a, b);
  case TC_OP_floordiv:
  case TC_OP_truncdiv:
    return quotient(type, op == TC_OP_floordiv, a, b);
  case TC_OP_floormod:
    return floor_remainder(type, a, b);
  case TC_OP_truncmod:
    return trunc_remainder(type, a, b);
  case TC_OP_min:
    return (tc_interval){a.lo < b.lo ? a.lo : b.lo, a.hi < b.hi ? a.hi : b.hi};
  case TC_OP_max:
    return (tc_interval){a.lo > b.lo ? a.lo : b.lo, a.hi > b.hi ? a.hi : b.hi};
  case TC_OP_and:
  case TC_OP_or:
  case TC_OP_xor:
    return bitwise(op, type, a, b);
  case TC_OP_shl:
  case TC_OP_shr:
    return shift(op, type, a, b);
  default:
    return tc_interval_of_type(type);
  }
}

tc_interval tc_interval_unary(enum tc_opcode op, tc_type type, tc_interval a) {
  tc_interval zero = {0, 0}, all = tc_interval_of_type(type);
  if ((!tc_is_int(type) && !tc_is_bool(type)) || type.lanes != 1) return all;
  if (is_wide_unsigned(type)) return all;
  if (op == TC_OP_neg) return difference(type, zero, a);
  if (op == TC_OP_abs) {
    if (a.lo >= 0) return a;
    tc_interval n = difference(type, zero, a);
    if (a.hi <= 0) return n;
    return a.lo == all.lo ? all : (tc_interval){0, n.hi > a.hi ? n.hi : a.hi};
  }
  if (tc_is_bool(type)) return (tc_interval){1 - a.hi, 1 - a.lo};
  if (tc_type_kind(type) == TC_K_INT) return (tc_interval){-1 - a.hi, -1 - a.lo};
  return (tc_interval){all.hi - a.hi, all.hi - a.lo};
}

tc_interval tc_interval_cast(tc_type from, tc_type to, tc_interval a) {
  tc_interval all = tc_interval_of_type(to);
  bool known = (tc_is_int(from) || tc_is_bool(from)) && from.lanes == 1
               && !(is_wide_unsigned(from) && a.lo < 0);
  if (!known || !(tc_is_int(to) || tc_is_bool(to))) return all;
  if (tc_is_bool(to)) {
    bool zero = a.lo == 0 && a.hi == 0, apart = a.lo > 0 || a.hi < 0;
    return truth(zero || apart, apart);
  }
  return fit(to, true, a.lo, a.hi);
}
