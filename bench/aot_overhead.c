/* Measures one call of a function made by `tilec build`: three tensors of rank 2 whose three
 * dimensions follow from their shapes, a grid of one block, and a kernel that adds two numbers.
 * Prints the medians of many rounds in nanoseconds; bench.py builds and runs it. */
#define _POSIX_C_SOURCE 200809L
#include "tiny.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 401, CALLS = 20000 };

static float a[8 * 4], b[4 * 8], c[8 * 8];

static double now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_value(const void *x, const void *y) {
  double d = *(const double *)x - *(const double *)y;
  return d < 0 ? -1 : d > 0;
}

static double median(double *at) {
  qsort(at, ROUNDS, sizeof *at, by_value);
  return at[ROUNDS / 2];
}

int main(void) {
  static double tensors[ROUNDS], raw[ROUNDS];
  const int64_t mk[] = {8, 4}, kn[] = {4, 8}, mn[] = {8, 8};
  const tilec_aot_tensor A = tilec_aot_tensor_of(a, TILEC_AOT_FLOAT32, 2, mk);
  const tilec_aot_tensor B = tilec_aot_tensor_of(b, TILEC_AOT_FLOAT32, 2, kn);
  const tilec_aot_tensor C = tilec_aot_tensor_of(c, TILEC_AOT_FLOAT32, 2, mn);
  int failed = 0;
  for (int round = 0; round < ROUNDS; round++) {
    double start = now_ns();
    for (int i = 0; i < CALLS; i++)
      failed |= tiny(&A, &B, &C);
    double middle = now_ns();
    for (int i = 0; i < CALLS; i++)
      failed |= tiny_raw(a, b, c, 8, 8, 4);
    tensors[round] = (middle - start) / CALLS;
    raw[round] = (now_ns() - middle) / CALLS;
  }
  if (failed) return fprintf(stderr, "%s\n", tiny_error()), 1;
  printf("%.1f %.1f\n", median(tensors), median(raw));
  return 0;
}
