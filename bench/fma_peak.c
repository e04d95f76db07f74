/* Prints the float32 multiply-add rate of one core in GFLOP/s: what is left of the machine's peak
 * when nothing but registers is used. Ten independent chains hide the latency of every x86-64 and
 * AArch64 core with two or fewer vector multiply-add units of latency up to five. The best of many
 * short rounds is printed, because a peak is not an average. */
#define _GNU_SOURCE
#include <stdio.h>
#include <time.h>

#if defined(__AVX512F__)
#define VECTOR_B 64
#elif defined(__AVX__)
#define VECTOR_B 32
#else
#define VECTOR_B 16
#endif
typedef float vector __attribute__((vector_size(VECTOR_B)));

enum { CHAINS = 10, STEPS = 2000000, ROUNDS = 100 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The factor is below 1, so that the values stay finite; the chains start differently, so that they
 * cannot be merged. */
static double round_gflops(float factor, float *sink) {
  const vector m = factor - (vector){0}, c = m;
  vector a = m + 1, b = m + 2, d = m + 3, e = m + 4, f = m + 5;
  vector g = m + 6, h = m + 7, i = m + 8, j = m + 9, k = m + 10;
  const double start = now();
  for (int step = 0; step < STEPS; step++) {
    a = a * m + c, b = b * m + c, d = d * m + c, e = e * m + c, f = f * m + c;
    g = g * m + c, h = h * m + c, i = i * m + c, j = j * m + c, k = k * m + c;
  }
  const double seconds = now() - start;
  const vector sum = a + b + d + e + f + g + h + i + j + k;
  *sink += sum[0];
  return 2.0 * (VECTOR_B / 4) * CHAINS * STEPS / seconds * 1e-9;
}

int main(int argc, char **argv) {
  (void)argv;
  double best = 0;
  float sink = 0;
  for (int round = 0; round < ROUNDS; round++) {
    const double rate = round_gflops(0.5F / (float)argc, &sink);
    if (rate > best) best = rate;
  }
  printf("%.1f\n", best);
  return sink == 12345.0F; /* keeps the sums alive */
}
