/* Expressions as programs, to be run at many points.
 *
 * The variables are ordered, outermost first. Every op is placed at the level of the last variable
 * that it depends on, so changing variable k runs levels k and up again and nothing else. What an
 * op does is tc_scalar_* (ir/scalar.h), with short cuts for integers.
 *
 * A cell is a number, poison, or a value that is not known here: a load, a vector, a variable that
 * is not among those given. An unknown cell carries a 64-bit name. Equal names mean equal values;
 * in programs that name loads, a load is named after its buffer and the values of its operands. */
#ifndef TC_PROVE_EVAL_H
#define TC_PROVE_EVAL_H

#include "ir/scalar.h"

enum tc_cell_state { TC_CELL_KNOWN, TC_CELL_OPAQUE, TC_CELL_POISON };
typedef struct tc_cell {
  tc_imm x;      /* KNOWN: the value; OPAQUE: x.i is the name; POISON: x.i is the op's value id */
  uint8_t state; /* enum tc_cell_state */
} tc_cell;

typedef struct tc_eval tc_eval;
enum { TC_EVAL_NAME_LOADS = 1 };
tc_eval *tc_eval_new(tc_ir *ir, tc_arena *arena, const tc_var *vars, uint32_t n_vars,
                     const tc_value *roots, uint32_t n_roots, uint32_t flags);
/* Sets variable number k. */
void tc_eval_set(tc_eval *e, uint32_t k, int64_t x);
/* Runs level `level`: 0 is what depends on no variable, k + 1 what depends on variable k last. */
void tc_eval_run(tc_eval *e, uint32_t level);
/* Root number i, after its level was run. */
tc_cell tc_eval_root(const tc_eval *e, uint32_t i);
uint32_t tc_eval_level(const tc_eval *e, uint32_t i);
/* Ops of a level. */
uint32_t tc_eval_size(const tc_eval *e, uint32_t level);

#endif
