/* One test: the text of a kernel function and the arguments it is called with. As a file it is the
 * text alone, with the arguments in comments, so a case runs without the generator that made it:
 *
 *   # arg A float16 small 7 exact 3 5        (name dtype fill seed compare extents...)
 *   # arg B float16 small 7 exact 3 5 / 9 1  (the same with strides)
 *   # scalar k int32 -3
 *   # runs on placed:sm_90a,sim:cuda:sm_90a  (targets that must not refuse it) */
#ifndef FUZZ_CASE_H
#define FUZZ_CASE_H

#include "base/str.h"
#include "tilec/tilec.h"

enum { FUZZ_RANK = 4 };

/* What an array is filled with. */
enum fuzz_fill {
  FUZZ_SMALL, /* whole numbers from -4 to 4, from 0 to 4 for types without a sign      */
  FUZZ_PLAIN, /* ints of any size; floats of moderate magnitude                       */
  FUZZ_WILD,  /* any bits: also infinities, NaN, subnormal numbers                     */
  FUZZ_POISON /* the oracle gets it as undefined memory                                */
};

/* How an array is compared. */
enum fuzz_compare {
  FUZZ_EXACT, /* bit for bit, but that all NaN are one                        */
  FUZZ_BOUND  /* within what the kernel declares (tilec_param: rtol, atol)    */
};

typedef struct fuzz_arg {
  const char *name;
  bool is_scalar;
  tilec_dtype dtype;
  enum fuzz_fill fill;
  enum fuzz_compare compare;
  uint64_t seed;
  uint32_t rank;
  int64_t shape[FUZZ_RANK];
  int64_t strides[FUZZ_RANK]; /* all 0: row-major */
  double value;               /* of a scalar */
} fuzz_arg;

typedef struct fuzz_case {
  tc_str whole;       /* of a file: all of the text; what follows is empty then */
  const char *module; /* lines before the function: dimensions and macros */
  const char *params; /* "A: T.Tensor(...), k: T.int32"                   */
  const char *body;   /* lines of the function, indented by 4             */
  TC_VEC(fuzz_arg) args;
  const char *runs_on;   /* targets, or NULL     */
  uint32_t n_kernels;    /* T.Kernel in the body */
  uint32_t n_statements; /* lines in the body    */
} fuzz_case;

/* A source file that runs all cases in one function; their names must differ. */
tc_str fuzz_case_text(const fuzz_case *const *cases, uint32_t n, tc_arena *arena);
/* The lines that describe the arguments. */
tc_str fuzz_case_header(const fuzz_case *c, tc_arena *arena);
/* Reads the description from the comments of a file. False, with a line in `*why`, when it is none.
 */
bool fuzz_case_parse(tc_str text, fuzz_case *c, tc_arena *arena, const char **why);

/* ---- types ---- */

enum fuzz_kind { FUZZ_BOOL, FUZZ_INT, FUZZ_UINT, FUZZ_FLOAT };
enum fuzz_kind fuzz_kind_of(tilec_dtype dtype);
uint32_t fuzz_bits_of(tilec_dtype dtype);

/* ---- arrays ---- */

typedef struct fuzz_array {
  unsigned char *data;
  size_t size_b;
  int64_t n; /* elements, with what lies between them */
  tilec_tensor tensor;
} fuzz_array;

/* Makes and fills the array of an argument. */
fuzz_array fuzz_array_new(const fuzz_arg *arg, tc_arena *arena);
/* True when they agree; else `why` says where they do not. `param` has the bound for FUZZ_BOUND. */
bool fuzz_array_agrees(const fuzz_arg *arg, const fuzz_array *got, const fuzz_array *want,
                       const tilec_param *param, const char **why, tc_arena *arena);

#endif
