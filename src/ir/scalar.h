/* What one pure op does to one lane: the only definition of arithmetic in tilec. The builder's
 * constant folding, the interpreter and the prover's exact evaluation all call it, and emitted code
 * is tested against it. */
#ifndef TC_IR_SCALAR_H
#define TC_IR_SCALAR_H

#include "ir/ir.h"

/* Both false-poison and payload: `poison` marks a value that does not exist (uninitialised memory,
 * division by zero, an oversized shift). Poison spreads through ops; select passes the chosen side.
 */
typedef struct tc_scalar {
  tc_imm x;
  bool poison;
} tc_scalar;

/* Binary and comparison ops, on operands of scalar type `type` (the operands' type). */
tc_scalar tc_scalar_binary(enum tc_opcode op, tc_type type, tc_scalar a, tc_scalar b);
/* neg abs not */
tc_scalar tc_scalar_unary(enum tc_opcode op, tc_type type, tc_scalar a);
tc_scalar tc_scalar_cast(tc_type from, tc_type to, tc_scalar a);
tc_scalar tc_scalar_reinterpret(tc_type from, tc_type to, tc_scalar a);
/* A row of mathfns.def; `type` is the first operand's. */
tc_scalar tc_scalar_math(enum tc_mathfn fn, tc_type type, const tc_scalar *args);
/* x brought to the type: ints wrapped, floats rounded to nearest even (no saturation of inf). */
tc_imm tc_imm_int(tc_type type, int64_t x);
tc_imm tc_imm_float(tc_type type, double x);
/* Equality of representation (used by hash-consing): NaNs of any payload are equal, -0 != 0. */
bool tc_imm_equal(tc_type type, tc_imm a, tc_imm b);
/* Memory form: the element's bits in the low bits of the result, and back. */
uint64_t tc_imm_to_bits(tc_type type, tc_imm x);
tc_imm tc_imm_from_bits(tc_type type, uint64_t bits);
/* Smallest and largest finite value of a type. */
tc_imm tc_imm_lowest(tc_type type);
tc_imm tc_imm_highest(tc_type type);
/* The number with which add, and, or, xor, min or max gives every other number back. For min and
 * max it is an infinity where the type has one. */
tc_imm tc_imm_neutral(enum tc_opcode op, tc_type type);

#endif
