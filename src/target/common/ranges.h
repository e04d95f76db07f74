/* What an emitter must know about integers: bounds, and linear form.
 *
 * Kernel arithmetic on int32 wraps, addresses are 64 bits wide, and a C compiler vectorises an
 * access only if the 64-bit address visibly advances by a constant. An interval for each integer
 * value says where nothing wraps; the linear form of an index says how it advances. Both are
 * cheap, forward only and sound: every value of a run lies in its interval. They see nothing
 * flow-sensitive; proofs that need more are made by earlier passes and arrive as access flags. */
#ifndef TC_TARGET_COMMON_RANGES_H
#define TC_TARGET_COMMON_RANGES_H

#include "ir/ir.h"

typedef struct tc_range {
  int64_t lo, hi; /* both inclusive; both far when nothing is known */
} tc_range;
#define TC_RANGE_FAR ((int64_t)1 << 61)

typedef struct tc_ranges {
  tc_ir *ir;
  tc_range *of_var;   /* by variable id; set before values that use the variable are asked for */
  tc_range *of_value; /* by value id, filled on demand */
  bool *known;
} tc_ranges;

/* Also sets the range of each variable bound by a statement below `body`. */
tc_ranges tc_ranges_new(tc_ir *ir, tc_region body, tc_arena *arena);
/* The interval of an integer or bool value of one lane. */
tc_range tc_range_of(tc_ranges *r, tc_value v);
/* The values of an integer type. */
tc_range tc_range_of_type(tc_type type);
static inline bool tc_range_inside(tc_range a, tc_range b) {
  return a.lo >= b.lo && a.hi <= b.hi;
}

/* constant + sum of coefficient * leaf, equal to the value modulo 2^bits of its type. */
enum { TC_LINEAR_TERMS = 10 };
typedef struct tc_linear_term {
  tc_value leaf;
  int64_t by; /* not 0 */
} tc_linear_term;
typedef struct tc_linear {
  int64_t constant;
  uint32_t n;
  bool exact; /* the sum, taken over the integers, is the value itself */
  tc_linear_term terms[TC_LINEAR_TERMS];
} tc_linear;
/* The linear form of an int32 or int64 value (a leaf of its own when it has no other). */
tc_linear tc_linear_of(tc_ranges *r, tc_value v);
/* Coefficient of a leaf, 0 when absent. */
int64_t tc_linear_by(const tc_linear *l, tc_value leaf);
/* The form without that leaf. */
tc_linear tc_linear_without(const tc_linear *l, tc_value leaf);
/* Adds `by` times another exact form; false when there are too many terms. */
bool tc_linear_add(tc_linear *l, const tc_linear *other, int64_t by);
/* The greatest number that divides the constant, every coefficient and `n`. */
int64_t tc_linear_gcd(const tc_linear *l, int64_t n);
/* Interval of the sum over the integers. */
tc_range tc_linear_range(tc_ranges *r, const tc_linear *l);
/* True when the value is proved to be a multiple of n. */
bool tc_is_multiple(tc_ranges *r, tc_value v, int64_t n);

#endif
