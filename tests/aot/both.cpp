// The headers in C++, several of them in one file.
#include "gemm.h"
#include "scale.h"

#include <cstdio>
#include <vector>

int main() {
  std::vector<float> a(6, 2), b(6, 3), c(4);
  const int64_t mk[] = {2, 3}, kn[] = {3, 2}, mn[] = {2, 2};
  const tilec_aot_tensor A = tilec_aot_tensor_of(a.data(), TILEC_AOT_FLOAT32, 2, mk);
  const tilec_aot_tensor B = tilec_aot_tensor_of(b.data(), TILEC_AOT_FLOAT32, 2, kn);
  const tilec_aot_tensor C = tilec_aot_tensor_of(c.data(), TILEC_AOT_FLOAT32, 2, mn);
  if (gemm(&A, &B, &C) != 0 || c[3] != 18) return std::puts(gemm_error()), 1;
  if (scale_raw(c.data(), a.data(), 0.5f, 1, 0, 0, 4) != 0 || a[0] != 10) return 1;
  return scale(&A, &C, 1, 1, 1, 1) == 633 ? 0 : 1;
}
