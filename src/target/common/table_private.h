/* What the files that build launch tables share. table.c goes through the function: parameters,
 * body and the table they give; table_code.c makes instructions of values, table_bind.c finds
 * dimensions, table_gpu.c describes launches on GPUs. */
#ifndef TC_TARGET_COMMON_TABLE_PRIVATE_H
#define TC_TARGET_COMMON_TABLE_PRIVATE_H

#include "base/map.h"
#include "target/common/table.h"

typedef struct tc_table_builder {
  tc_ir *ir;
  tc_arena *arena;
  bool strict; /* report what the host cannot compute; else leave it without a value */
  bool failed;
  TC_VEC(tc_rt_instr) code;
  TC_VEC(tc_rt_step) steps, more;
  TC_VEC(tc_rt_dim) dims;
  TC_VEC(tc_rt_assert) asserts;
  TC_VEC(tc_rt_workspace) workspaces;
  TC_VEC(tc_rt_kernel) kernels;
  TC_VEC(uint32_t) stack;
  tc_rt_param *params;
  tc_map numbers;   /* IR value -> value number */
  uint32_t *words;  /* by variable id: word + 1, or 0 */
  bool *bound;      /* by variable id: known when the code built now runs */
  bool *used;       /* by variable id: more than the shape of a parameter nobody touches needs it */
  uint32_t *access; /* by buffer id: TILEC_PARAM_READ and _WRITTEN of what is stored there */
  uint32_t *slots;  /* by buffer id: place among the pointers + 1, or 0                    */
  uint32_t n_words, n_tensors;
} tc_table_builder;

/* The value number of `v`, with code for it appended; false, and *why, when the host cannot. */
bool tc_table_lower(tc_table_builder *b, tc_value v, uint32_t *number, const char **why);
/* Code for `v` is appended. What the host cannot compute is refused as `what` at `span`, and has no
 * value then. */
tc_rt_number tc_table_number(tc_table_builder *b, tc_value v, tc_span span, const char *what);
/* The same as a value number, also for constants. */
uint32_t tc_table_value(tc_table_builder *b, tc_value v, tc_span span, const char *what);
/* Reports E0647. */
void tc_table_refuse(tc_table_builder *b, tc_span span, const char *what, const char *why);

/* A step for each dimension; one that is used and cannot be found is reported as E0648. */
void tc_table_bind_dims(tc_table_builder *b);
/* Every other way to find one: for shapes of results when only some arguments are known. */
void tc_table_more_steps(tc_table_builder *b);

/* The launch of a kernel on a GPU; demands alignments of the parameters on the way. */
const tc_rt_gpu *tc_table_gpu(tc_table_builder *b, const tc_emitted_gpu *gpu, tc_span span);

#endif
