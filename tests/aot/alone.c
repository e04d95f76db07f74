/* What a C program sees that has nothing but headers and objects made by `tilec build`. Prints a
 * line for each thing that is not as it should be. */
#include "gemm.h"
#include "scale.h"
#include "strided.h"
#include "talk.h"
#include "two_steps.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static int n_bad;

static void check(int good, const char *what) {
  if (good) return;
  n_bad++;
  printf("wrong: %s\n", what);
}

static void check_error(int code, int wanted, const char *text, const char *part) {
  if (code == wanted && strstr(text, part)) return;
  n_bad++;
  printf("wrong: %d %s\n  wanted %d ...%s...\n", code, text, wanted, part);
}

static void products(void) {
  static float a[70 * 33], b[33 * 45], c[70 * 45], d[70 * 45];
  const int64_t mk[] = {70, 33}, kn[] = {33, 45}, mn[] = {70, 45};
  const tilec_aot_tensor A = tilec_aot_tensor_of(a, TILEC_AOT_FLOAT32, 2, mk);
  const tilec_aot_tensor B = tilec_aot_tensor_of(b, TILEC_AOT_FLOAT32, 2, kn);
  const tilec_aot_tensor C = tilec_aot_tensor_of(c, TILEC_AOT_FLOAT32, 2, mn);
  for (int i = 0; i < 70 * 33; i++)
    a[i] = (float)(i % 7);
  for (int i = 0; i < 33 * 45; i++)
    b[i] = (float)(i % 5);
  check(gemm(&A, &B, &C) == 0, gemm_error());
  check(gemm_raw(a, b, d, 70, 45, 33) == 0, gemm_error());
  check(memcmp(c, d, sizeof c) == 0, "gemm and gemm_raw");
  for (int i = 0; i < 70; i++)
    for (int j = 0; j < 45; j++) {
      float sum = 0;
      for (int k = 0; k < 33; k++)
        sum += a[i * 33 + k] * b[k * 45 + j];
      if (c[i * 45 + j] != sum) check(0, "a sum");
    }
  check(strcmp(gemm_error(), "") == 0, "no error yet");
}

/* E0665 and E0667 are told of no other way. */
static void refusals(void) {
  float x[64];
  const int64_t n[] = {8, 8};
  tilec_aot_tensor t = tilec_aot_tensor_of(x, TILEC_AOT_FLOAT32, 2, n), u = t, v = t;
  u.data = x, v.data = x + 32;
  check_error(gemm(&t, NULL, &v), 631, gemm_error(), "argument 'B' is nothing, expected a tensor");
  t.device_type = 2;
  check_error(gemm(&t, &u, &v), 665, gemm_error(), "'A' lies on a device of DLPack type 2");
  t.device_type = 1;
  t.type_lanes = 4;
  check_error(gemm(&t, &u, &v), 632, gemm_error(), "32 bits, 4 lanes, expected float32");
  t.type_lanes = 1;
  t.type_code = 5;
  check_error(gemm(&t, &u, &v), 632, gemm_error(), "DLPack type code 5");
  check_error(gemm_raw(x, x, x, -1, 1, 1), 634, gemm_error(), "'A'");
  check_error(gemm_raw(NULL, x, x, 1, 1, 1), 637, gemm_error(), "'A' is a null pointer");
  check_error(gemm_raw(x, x + 1, x, 1, 1, 1), 638, gemm_error(), "shares memory");
  check_error(gemm_raw(x, x + 16, x + 32, 0, 4, 4), 642, gemm_error(), "grid extent");
  check_error(gemm_call(GEMM_ABI + 1, &t, &u, &v), 667, gemm_error(), "gemm.h");
}

static void scalars(void) {
  float x[100], y[100];
  for (int i = 0; i < 100; i++)
    x[i] = 1;
  check(scale_raw(x, y, 1.0004f, 0.5f, 2, 1, 100) == 0, scale_error());
  check(y[0] == -3.5f && y[99] == -3.5f, "alpha rounded to float16");
  check(scale_raw(x, y, 1.0009765625f, 0, 0, 0, 100) == 0, scale_error());
  check(y[50] == 1.0009765625f, "a float16 as alpha");
  check_error(scale_raw(x, y, 1, 1, 100, 0, 100), 641, scale_error(), "shift is too large");
}

static void strides(void) {
  int32_t x[3 * 10], y[6 * 3];
  for (int i = 0; i < 30; i++)
    x[i] = i;
  check(strided_raw(x, y, 3, 10) == 0, strided_error());
  check(y[1 * 3 + 2] == 12 && y[(3 + 1) * 3 + 2] == 21, "strided");
  const int64_t nn[] = {3, 3}, mn[] = {6, 3}, steps[] = {10, 1}, bad[] = {10, 2};
  tilec_aot_tensor X = tilec_aot_tensor_of(x, TILEC_AOT_INT32, 2, nn);
  tilec_aot_tensor Y = tilec_aot_tensor_of(y, TILEC_AOT_INT32, 2, mn);
  X.strides = steps;
  check(strided(&X, &Y) == 0, strided_error());
  X.strides = bad;
  check_error(strided(&X, &Y), 635, strided_error(), "stride 1 of strides [10, 2] is 2");
}

static void output(void) {
  int32_t x[] = {1, 2, 33, 7};
  check(talk_raw(x) == 0, talk_error());
  x[3] = 8;
  check_error(talk_raw(x), 644, talk_error(), "the last must be seven");
  float a[50], b[50];
  for (int i = 0; i < 50; i++)
    a[i] = (float)i;
  check(two_steps_raw(a, b, 50) == 0, two_steps_error());
  check(b[0] == 50 && b[49] == 1, "two kernels");
}

int main(void) {
  products();
  refusals();
  scalars();
  strides();
  output();
  return n_bad != 0;
}
