#include "target/cuda/cuda.h"

const char *tc_cuda_flags(const tc_cuda_options *options, tc_arena *arena) {
  (void)options;
  return tc_format(arena, "-std=c++17 -fmad=false -prec-div=true -prec-sqrt=true -ftz=false");
}
