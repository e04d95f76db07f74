#include "target/cuda/cuda.h"

tc_emitted tc_cuda_emit(tc_ir *ir, const tc_cuda_options *options, tc_arena *arena) {
  (void)arena;
  TC_DIAG(ir->diags, D_not_on_gpu, (tc_span){0}, options->target->api, options->target->name,
          "its code generator");
  tc_diag_stop(ir->diags);
}
