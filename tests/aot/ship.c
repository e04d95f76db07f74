/* The example of docs/aot.md. */
#include "gemm.h"

#include <stdio.h>

static float a[64 * 32], b[32 * 48], c[64 * 48];

int main(void) {
  /* The short way: memory and dimensions. */
  if (gemm_raw(a, b, c, 64, 48, 32) != 0) return fprintf(stderr, "%s\n", gemm_error()), 1;

  /* Tensors with shapes of their own, which may have strides. */
  const int64_t mk[] = {64, 32}, kn[] = {32, 48}, mn[] = {64, 48};
  const tilec_aot_tensor A = tilec_aot_tensor_of(a, TILEC_AOT_FLOAT32, 2, mk);
  const tilec_aot_tensor B = tilec_aot_tensor_of(b, TILEC_AOT_FLOAT32, 2, kn);
  const tilec_aot_tensor C = tilec_aot_tensor_of(c, TILEC_AOT_FLOAT32, 2, mn);
  return gemm(&A, &B, &C);
}
