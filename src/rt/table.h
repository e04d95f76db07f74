/* Launch tables: the host side of a function as data instead of generated code.
 *
 * A table says what arguments a function takes, how its symbolic dimensions follow from their
 * shapes, what must hold, how large the grids and workspaces are. tc_rt_check interprets it against
 * one set of arguments. What the host computes are 64-bit values: first the words (one per symbolic
 * dimension and scalar parameter, passed on to the kernels), then one value per instruction of the
 * code, in order. Tables are constant data without pointers into anything else, so that they can
 * be printed into an object file; nothing here allocates, locks or calls more than libc. */
#ifndef TC_RT_TABLE_H
#define TC_RT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tilec/tilec.h"

enum {
  TC_RT_MAX_PARAMS = 256,
  TC_RT_MAX_VALUES = 4096, /* words and instructions of one table */
};

/* Instructions work on ints sign- or zero-extended to 64 bits, on bools 0 or 1, and on the bits of
 * doubles. `type` is a tilec_dtype: the operands' for comparisons and casts, else the result's.
 * A value that does not exist (division by 0, oversized shift) is marked bad and spreads. */
enum tc_rt_opcode {
#define RT_OP(name, n) TC_RT_OP_##name,
#include "rt/ops.def"
#undef RT_OP
  TC_RT_N_OPS
};

typedef struct tc_rt_instr {
  uint8_t op, type, from; /* from: cast only, the operand's type */
  uint8_t zero;
  uint32_t a; /* operands are value numbers */
  union {
    struct {
      uint32_t b, c;
    } of;
    int64_t constant;
  } as;
} tc_rt_instr;

/* A number that is known now or computed at launch. */
typedef struct tc_rt_number {
  int64_t constant;
  uint32_t value; /* value number; used unless is_constant */
  bool is_constant;
} tc_rt_number;

enum tc_rt_param_flags {                        /* the low bits are tilec_param_flags */
                         TC_RT_SCALAR = 1 << 8, /* a scalar, else a tensor            */
};

typedef struct tc_rt_param {
  const char *name;
  uint16_t flags; /* tilec_param_flags, tc_rt_param_flags                                     */
  uint8_t rank;
  uint8_t dtype;               /* tilec_dtype, as declared                                  */
  uint8_t bits;                /* of one element                                            */
  uint8_t pack;                /* elements per byte, 1 for whole bytes                      */
  uint16_t align_b;            /* the address of the first element is a multiple of it      */
  uint32_t accepts;            /* 1 << code: types whose extents count elements             */
  uint32_t accepts_packed;     /* 1 << code: types whose last extent counts bytes           */
  uint32_t word;               /* scalar: the word that holds it                            */
  const tc_rt_number *shape;   /* tensor: rank extents                                      */
  const tc_rt_number *strides; /* rank strides in elements, or NULL: row-major              */
} tc_rt_param;

/* What one dimension of one argument says about a word: word * factor + rest = what is found there.
 * rest is a value computed by the code before `code_end`. */
typedef struct tc_rt_step {
  uint32_t word;
  uint16_t param;
  uint8_t axis;
  bool is_stride; /* looks at the stride of the axis, not its extent                        */
  bool optional;  /* nothing else needs the word: it is 0 when the parameter is left out    */
  bool has_rest;
  uint32_t rest, code_end;
  int64_t factor;  /* not 0 */
  int64_t highest; /* that the dimension's type holds */
} tc_rt_step;

typedef struct tc_rt_dim { /* a word that is a symbolic dimension */
  const char *name;
  uint32_t word;
  uint8_t dtype;
} tc_rt_dim;

typedef struct tc_rt_assert {
  const char *text; /* "gemm.py:12: assert M % 128 == 0" */
  uint32_t value;   /* a bool */
} tc_rt_assert;

typedef struct tc_rt_workspace {
  const char *name;
  uint32_t bits, rank;
  const tc_rt_number *shape;
} tc_rt_workspace;

/* A place in a kernel where it may stop. */
typedef struct tc_rt_site {
  const char *text; /* "gemm.py:12: assertion failed: too large" */
  uint32_t code;    /* TC_RT_E_DEVICE_ASSERT, ... */
} tc_rt_site;

typedef struct tc_rt_range {
  int32_t first, end;
} tc_rt_range;

/* How the threads of a block are run when they wait for each other (rt/strand.h). */
typedef struct tc_rt_strands {
  uint32_t n;                /* strands of a block, in order of their threads             */
  const tc_rt_range *ranges; /* their threads; NULL: strand i is thread i                 */
  uint32_t n_groups;         /* sets of threads that meet                                 */
  const tc_rt_range *groups; /* made of whole strands; group 0 is the block               */
  uint32_t n_sites;
  const char *const *sites; /* "k.py:12: barrier"                                        */
  uint64_t zeroed_b;        /* bytes at the start of a block's scratch that are 0 at first */
  uint32_t stack_b;         /* what the function needs on a strand's stack                */
  bool resident;            /* blocks wait for blocks                                     */
} tc_rt_strands;

/* ---- what a launch on a GPU needs besides ---- */

enum { TC_RT_MAP_RANK = 5, TC_RT_MAP_B = 128 };

/* How a tensor map (the 128 bytes a tensor memory accelerator works from) is made at launch. Codes
 * are those of the driver's encoder, which docs of cuTensorMapEncodeTiled list. Dimension 0 is the
 * one whose elements lie side by side, so dimensions stand in the reverse of a tensor's order. */
typedef struct tc_rt_map {
  uint32_t ptr; /* whose memory: tensors in order, then the function's workspaces        */
  uint8_t rank; /* 1 to 5                                                                */
  uint8_t type, swizzle, interleave, l2_promotion, oob_fill;
  const tc_rt_number *dims;      /* rank extents, in elements                              */
  const tc_rt_number *strides_b; /* rank - 1: from one index of dimension i + 1 to the next */
  tc_rt_number offset_b;         /* of the first element from the tensor's                 */
  uint32_t box[TC_RT_MAP_RANK];  /* elements that one copy moves, in each dimension        */
  uint32_t step[TC_RT_MAP_RANK]; /* between the elements that are moved; 0 is 1            */
} tc_rt_map;

/* Memory of a kernel's own that is 0 before its first launch on a stream and is not touched between
 * launches: counters that a kernel leaves as it found them. */
typedef struct tc_rt_state {
  const char *name;
  tc_rt_number size_b;
} tc_rt_state;

enum tc_rt_gpu_arg_kind {
  TC_RT_GPU_POINTER, /* address: tensor `index`, or past those, workspace of the function   */
  TC_RT_GPU_I32,     /* value number `index`, its low 32 bits; 0 when it does not exist     */
  TC_RT_GPU_I64,     /* all of it                                                           */
  TC_RT_GPU_F32,     /* the bits of a double, rounded                                       */
  TC_RT_GPU_F64,
  TC_RT_GPU_MAP,   /* tensor map `index` of the kernel, by value                          */
  TC_RT_GPU_STATE, /* address of state `index` of the kernel                              */
};
typedef struct tc_rt_gpu_arg {
  uint32_t kind, index;
} tc_rt_gpu_arg;

typedef struct tc_rt_gpu {
  uint32_t block[3];   /* threads                                       */
  uint32_t cluster[3]; /* blocks of a cluster; all 0: no clusters       */
  uint32_t shared_b;   /* dynamic shared memory of a block              */
  uint32_t min_blocks; /* that were to fit one multiprocessor; 0: any   */
  uint32_t n_args, n_maps, n_states;
  const tc_rt_gpu_arg *args; /* parameters of the function, in order    */
  const tc_rt_map *maps;
  const tc_rt_state *states;
  bool cooperative; /* blocks wait for blocks: all must be resident  */
} tc_rt_gpu;

/* Whether code for compute capability `cc` runs on a device of another; `exact`: on its own only.
 */
static inline bool tc_rt_gpu_runs(uint32_t cc, bool exact, uint32_t device_cc) {
  return exact ? cc == device_cc : cc / 10 == device_cc / 10 && cc <= device_cc;
}

typedef struct tc_rt_kernel {
  const char *name; /* symbol */
  uint32_t n_grid;
  tc_rt_number grid[3];
  uint64_t scratch_b;
  const tc_rt_site *sites; /* in the order of their numbers */
  uint32_t n_sites;
  const tc_rt_strands *strands; /* NULL: the function runs a whole block as one thread */
  const tc_rt_gpu *gpu;         /* NULL: the function runs on the host                 */
} tc_rt_kernel;

enum { TC_RT_VERSION = 2 };

typedef struct tc_rt_table {
  uint32_t version; /* TC_RT_VERSION */
  const char *name;
  const tc_rt_param *params;
  const tc_rt_step *steps;
  const tc_rt_instr *code;
  const tc_rt_dim *dims;
  const tc_rt_assert *asserts;
  const tc_rt_workspace *workspaces;
  const tc_rt_kernel *kernels;
  uint32_t n_params, n_code, n_dims, n_asserts, n_workspaces, n_kernels;
  /* steps[0 .. n_steps) bind each dimension once, in order, from a full set of arguments; the
   * n_more that follow are the other ways, for tc_rt_bind, and ignore code_end. */
  uint32_t n_steps, n_more;
  /* All tensors are of whole elements without declared strides, none may be left out or is a bare
   * pointer, and every step is one where the dimension stands alone. */
  bool is_plain;
  uint32_t n_words;   /* values [0, n_words) are words; instruction i makes value n_words + i */
  uint32_t n_tensors; /* parameters that are tensors: the first pointers a kernel gets         */
  uint32_t device;    /* tilec_device of the tensors; 0: the host                              */
} tc_rt_table;

#endif
