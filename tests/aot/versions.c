/* One object of this program was made by another version, which shares threads differently: the
 * first that needs threads has them, the other says what is wrong. */
#include "gemm.h"
#include "two_steps.h"

#include <stdio.h>

enum { N = 500, SIDE = 96 };

int main(void) {
  static float x[N], y[N], a[SIDE * SIDE], c[SIDE * SIDE];
  int first = two_steps_raw(x, y, N), second = gemm_raw(a, a, c, SIDE, SIDE, SIDE);
  printf("%d %d %s\n", first, second, gemm_error());
  second = gemm_raw(a, a, c, 1, 1, 1); /* the same, though one block needs no threads */
  printf("%d %d\n", first, second);
  return 0;
}
