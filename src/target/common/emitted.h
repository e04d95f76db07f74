/* What an emitter of C-like text gives back: the text, and how each of its kernels is launched. The
 * launch table (target/common/table.h) is made from it.
 *
 * Numbers of a launch are IR values that the host can compute: constants, symbolic dimensions,
 * scalar parameters, and arithmetic on them. Sizes and strides in bytes are best made in int64. */
#ifndef TC_TARGET_COMMON_EMITTED_H
#define TC_TARGET_COMMON_EMITTED_H

#include "ir/ir.h"
#include "rt/table.h"

/* As tc_rt_map; `dims` and `strides_b` are of its rank and one less. */
typedef struct tc_emitted_map {
  tc_buf buf; /* a parameter, or a workspace of the function */
  uint8_t rank, type, swizzle, interleave, l2_promotion, oob_fill;
  tc_value dims[TC_RT_MAP_RANK], strides_b[TC_RT_MAP_RANK - 1];
  tc_value offset_b; /* no value: 0 */
  uint32_t box[TC_RT_MAP_RANK], step[TC_RT_MAP_RANK];
} tc_emitted_map;

typedef struct tc_emitted_state {
  const char *name;
  tc_value size_b;
} tc_emitted_state;

typedef struct tc_emitted_arg {
  uint32_t kind;    /* tc_rt_gpu_arg_kind                */
  tc_buf buf;       /* TC_RT_GPU_POINTER                 */
  tc_value value;   /* TC_RT_GPU_I32, I64, F32, F64      */
  uint32_t index;   /* TC_RT_GPU_MAP, TC_RT_GPU_STATE    */
  uint32_t align_b; /* TC_RT_GPU_POINTER: what the kernel relies on; 0: the element's */
} tc_emitted_arg;

/* As tc_rt_gpu. */
typedef struct tc_emitted_gpu {
  uint32_t block[3], cluster[3], shared_b, min_blocks;
  bool cooperative;
  const tc_emitted_arg *args;
  const tc_emitted_map *maps;
  const tc_emitted_state *states;
  uint32_t n_args, n_maps, n_states;
} tc_emitted_gpu;

typedef struct tc_emitted_kernel {
  const char *name; /* C identifier, unique within the text */
  uint64_t scratch_b;
  const tc_rt_site *sites; /* by number - 1 */
  uint32_t n_sites;
  tc_value stmt;                /* the kernel statement */
  const tc_rt_strands *strands; /* NULL: a call runs a whole block */
  const tc_emitted_gpu *gpu;    /* NULL: it runs on the host */
} tc_emitted_kernel;

typedef struct tc_emitted {
  tc_str text;
  tc_emitted_kernel *kernels; /* in order of the function body */
  uint32_t n_kernels;
} tc_emitted;

#endif
