/* The oracle: runs a function in `tile` state exactly as ops.def says, one scalar at a time, with
 * every integer wrapped and every float rounded to its own type. It is simple on purpose: all other
 * targets are tested against it.
 *
 * Memory carries a poison bit per element. Poison may be computed with, but storing it to a global
 * buffer, branching on it or using it in an address is an error, as is an unguarded access out of
 * range, a division by zero that is used, a failed assert and an exceeded limit. Blocks run one
 * after another in a seeded order; results must not depend on it. */
#ifndef TC_IR_INTERP_H
#define TC_IR_INTERP_H

#include "ir/ir.h"

typedef struct tc_array {
  void *data;             /* host memory, dtypes.def storage form                    */
  tc_type elem;           /* declared element type of the parameter                  */
  uint32_t rank;          /* 0 with data NULL: absent (nullable parameter)           */
  const int64_t *shape;   /* logical extents (a packed 4-bit last dimension counts elements) */
  const int64_t *strides; /* in elements; NULL: row-major contiguous                 */
  bool poisoned;          /* contents are undefined until written                    */
} tc_array;

typedef struct tc_arg { /* one per tc_ir.params, in order */
  tc_array array;       /* TC_PARAM_BUFFER */
  tc_imm scalar;        /* TC_PARAM_SCALAR */
} tc_arg;

typedef struct tc_interp_limits {
  uint64_t steps;    /* scalar operations; 0: 10^12 */
  uint64_t memory_b; /* on-chip and workspace bytes; 0: 4 GiB */
  uint64_t seed;     /* order of blocks, iterations and threads; 0: ascending */
  bool races;        /* stop at data races between threads, iterations and blocks: slow */
} tc_interp_limits;

typedef struct tc_interp_result {
  bool ok; /* false: a diagnostic was recorded in ir->diags */
  uint64_t steps;
} tc_interp_result;

/* Where T.print goes. NULL: standard output. */
typedef void tc_print_to(void *data, const char *text, size_t n);

/* Runs a verified function and writes to the arrays of `args`. It has memory of its own, from where
 * that of ir->arena comes, and gives it back; when there is none, or we have a bug, it unwinds to
 * where ir->arena does. Not for two threads at once on one function. */
tc_interp_result tc_interp_run(tc_ir *ir, const tc_arg *args, uint32_t n_args,
                               const tc_interp_limits *limits, tc_print_to *print,
                               void *print_data);

/* The value of a pure expression over dims and scalar parameters, given as word per variable id
 * (only DIM and SCALAR variables are read). Poison when it cannot be known. */
struct tc_scalar;
void tc_interp_host(tc_ir *ir, tc_value v, const tc_imm *by_var, struct tc_scalar *out);

#endif
