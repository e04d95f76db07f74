/* The CUDA target: a function in state `lane` becomes CUDA text for one architecture, and a record
 * of how each of its kernels is launched (target/common/emitted.h).
 *
 * The text is a subset of C11 and C++17 plus the macros and functions of a prelude; the device's
 * (prelude.c) makes of them inline PTX, the simulator's calls of its own, so what is simulated is
 * what is shipped. Shared memory is addressed by 32-bit numbers, global memory by pointers. A
 * kernel:
 *
 *   TC_KERNEL(name, threads, min_blocks)(TC_KERNEL_SELF tc_u16 *A, TC_TENSOR_MAP mA, tc_i32 M) {
 *     const tc_u32 smem = TC_SMEM;
 *     const tc_i32 tx = TC_TID, bx = TC_BID_X;
 *     ... TC_LDS(type, address), TC_STS(type, address, x), TC_LDG(type, pointer), TC_STG(...) ...
 *     TC_ARRAY(tc_f32, C_local, 96); ... of the thread, which holds NaNs in the simulator
 *     ... a call tc_<name> for each primitive of ir/prims.def ...
 *   } */
#ifndef TC_TARGET_CUDA_CUDA_H
#define TC_TARGET_CUDA_CUDA_H

#include "ir/target.h"
#include "pass/pass.h"
#include "target/common/emitted.h"

typedef struct tc_cuda_options {
  const tc_target_row *target;
  bool simulated; /* the text without a prelude */
} tc_cuda_options;

/* What is true of an instruction set, for the passes (caps.def). */
uint64_t tc_cuda_caps(const tc_target_row *target);
tc_target_limits tc_cuda_limits(const tc_target_row *target);

/* `ir` is in state lane. What cannot be run ends in a diagnostic and unwinds with TC_WHY_ERROR. */
tc_emitted tc_cuda_emit(tc_ir *ir, const tc_cuda_options *options, tc_arena *arena);

/* What results depend on, for the assembler of the text: no contraction, as in the interpreter,
 * where the text does not ask for it. Separated by blanks; the architecture is not among them. */
const char *tc_cuda_flags(const tc_cuda_options *options, tc_arena *arena);

#endif
