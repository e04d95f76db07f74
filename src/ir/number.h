/* Constants as text, exactly and in every locale: what is printed reads back as the same value of
 * the same type, and no shorter decimal does. Integers are decimal; floats always hold a point or
 * an exponent; `inf`, `nan`, `true` and `false` stand for themselves. */
#ifndef TC_IR_NUMBER_H
#define TC_IR_NUMBER_H

#include "ir/ir.h"

/* A double has at most 17 significant digits, and a literal at most this many characters. */
enum { TC_NUMBER_MAX = 48 };

/* Writes the element value `x` of `type` (lanes are ignored). */
void tc_number_print(char out[TC_NUMBER_MAX], tc_type type, tc_imm x);
/* The double nearest to an unsigned decimal literal such as 12, 1.5 or 2.0e-7. Infinity when it is
 * out of range; false when `text` is no such literal or too long. */
bool tc_number_parse(tc_str text, double *x);
/* True when the integer or bool type has the value (-1)^negative * magnitude, stored in *x. */
bool tc_number_fits(tc_type type, uint64_t magnitude, bool negative, int64_t *x);

#endif
