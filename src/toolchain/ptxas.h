/* Device binaries, and what the assembler says about them. */
#ifndef TC_TOOLCHAIN_PTXAS_H
#define TC_TOOLCHAIN_PTXAS_H

#include "base/diag.h"

typedef struct tc_cubin_kernel {
  const char *name;
  uint32_t registers, barriers;                    /* of a thread; of a block */
  uint32_t stack_b, spill_stores_b, spill_loads_b; /* of a thread, in local memory */
  uint32_t shared_b;                               /* static, of a block           */
} tc_cubin_kernel;

typedef struct tc_cubin {
  const unsigned char *bytes; /* in the arena */
  size_t size_b;
  const tc_cubin_kernel
      *kernels; /* in the order the assembler names them; empty when it says nothing */
  uint32_t n_kernels;
  tc_str messages;             /* of all tools */
  uint64_t spent_ns, ptxas_ns; /* of all tools; of it, the assembler's, 0 when it does not say */
} tc_cubin;

/* Reads the kernels' figures from what ptxas -v says; `messages` stays as it is. */
void tc_ptxas_read(tc_cubin *cubin, tc_str messages, tc_arena *arena);
/* False: ptxas gave up on what the text asks for (ptxas.def); E0708 was recorded. */
bool tc_ptxas_is_content(tc_str messages, tc_diags *diags, tc_arena *arena);

#endif
