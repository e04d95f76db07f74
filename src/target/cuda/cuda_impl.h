/* Inside of the CUDA target: its state while a kernel is written. */
#ifndef TC_TARGET_CUDA_CUDA_IMPL_H
#define TC_TARGET_CUDA_CUDA_IMPL_H

#include "target/common/cemit.h"
#include "target/cuda/cuda.h"

/* A primitive as a program uses it; what of this its name says depends on prims.def. */
typedef struct tc_cudatext_use {
  tc_prim prim;
  uint32_t rank;      /* of the tensor map                     */
  enum tc_dtype elem; /* of the array of the thread            */
  const char *name;   /* tc_wgmma_bf16_n256, ...               */
} tc_cudatext_use;

typedef struct tc_cudatext {
  tc_cemit *e;
  TC_VEC(tc_cudatext_use) uses; /* each name once; of all kernels  */
  tc_map used;                  /* by hash of the name             */
  uint64_t atomics;             /* kinds of updates, type by type  */
  bool simulated;
} tc_cudatext;

/* ---- prims.c ---- */
/* Fills in `name`. */
void tc_cudatext_name_prim(tc_arena *arena, tc_cudatext_use *use);
/* Appends the device's function. */
void tc_cudatext_prim_text(tc_sb *out, const tc_cudatext_use *use);

/* ---- memory.c ---- */
/* The address of an element: of shared memory a number, of global memory a pointer. */
const char *tc_cudatext_address(tc_cemit *e, tc_buf buf, const tc_value *index);
/* A load or store that the common emitter would not know: true when printed. */
bool tc_cudatext_load(tc_cemit *e, tc_value stmt);
bool tc_cudatext_store(tc_cemit *e, tc_value stmt);

/* The same of one lane of a vector of places. */
const char *tc_cudatext_place(tc_cemit *e, tc_buf buf, const tc_value *index, uint32_t lane);

/* The fence that an access of this order needs before it, or after it. */
void tc_cudatext_order(tc_cemit *e, uint8_t order, uint8_t sync_scope, bool after);

/* ---- atomic.c ---- */
/* True when printed. */
bool tc_cudatext_atomic(tc_cudatext *c, tc_value stmt);
/* The device's functions for the updates of a program. */
void tc_cudatext_atomics(tc_sb *out, const tc_cudatext *c);

/* ---- launch.c ---- */
/* The parameters of the kernel whose text is in `body`, as C; *gpu gets what the launch must know.
 */
const char *tc_cudatext_parameters(tc_cudatext *c, tc_value kernel, tc_str body,
                                   tc_emitted_gpu *gpu);
/* Names the parameters, before the body is printed. */
void tc_cudatext_name_parameters(tc_cudatext *c, tc_value kernel);

/* ---- prelude.c ---- */
/* Types, macros, and the functions that `text` mentions. */
void tc_cudatext_prelude(tc_sb *out, const tc_cudatext *c, tc_str text);

#endif
