#include "double_all.h"

#include <stdio.h>

int main(void) {
  const int32_t x[] = {1, 2, 3};
  int32_t y[3];
  if (double_all_raw(x, y, 3)) return fprintf(stderr, "%s\n", double_all_error()), 1;
  return y[2] != 6;
}
