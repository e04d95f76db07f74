/* Polynomials: the normal form of sums and products of integers. Two values with equal polynomials
 * are equal, however they were written: (n + 1) * m is n * m + m. What is not a sum, a difference,
 * a product, a shift by a constant or a cast that keeps the value is an unknown of its own.
 *
 * There are two rings. TC_POLY_WRAPPING is what the machine computes, the integers modulo
 * 2^bits of the value's type: equal polynomials are equal values, whatever wraps. TC_POLY_EXACT
 * supposes that nothing wraps: the same sum over all integers, also through casts to wider types.
 */
#ifndef TC_IR_POLY_H
#define TC_IR_POLY_H

#include "ir/ir.h"

enum tc_poly_ring { TC_POLY_WRAPPING, TC_POLY_EXACT };
enum { TC_POLY_TERMS = 24, TC_POLY_DEGREE = 6 };

typedef struct tc_monomial {
  int64_t by;                      /* not 0 */
  uint32_t n;                      /* 0: the constant */
  tc_value factor[TC_POLY_DEGREE]; /* by ascending id */
} tc_monomial;

typedef struct tc_poly {
  uint32_t n;
  tc_monomial term[TC_POLY_TERMS]; /* each product of unknowns once, in no order that matters */
} tc_poly;

/* a - b, two scalar integers: of one type in the wrapping ring. False when the polynomial is too
 * large, or the coefficients are. */
bool tc_poly_difference(const tc_ir *ir, enum tc_poly_ring ring, tc_value a, tc_value b,
                        tc_poly *out);

#endif
