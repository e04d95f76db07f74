/* The CUDA target: a function becomes CUDA text for one architecture, and a record of how each of
 * its kernels is launched (target/common/emitted.h). */
#ifndef TC_TARGET_CUDA_CUDA_H
#define TC_TARGET_CUDA_CUDA_H

#include "ir/target.h"
#include "pass/pass.h"
#include "target/common/emitted.h"

/* What is true of this target, for the passes. */
#define TC_CUDA_CAPS (TC_CAP_BIT(compiled))

typedef struct tc_cuda_options {
  const tc_target_row *target;
} tc_cuda_options;

/* What cannot be run ends in a diagnostic and unwinds with TC_WHY_ERROR. */
tc_emitted tc_cuda_emit(tc_ir *ir, const tc_cuda_options *options, tc_arena *arena);

/* What results depend on, for the assembler of the text: no contraction, as in the interpreter,
 * where the text does not ask for it. Separated by blanks; the architecture is not among them. */
const char *tc_cuda_flags(const tc_cuda_options *options, tc_arena *arena);

#endif
