/* The object made by `tilec build` and the kernel compiled by the library refuse the same arguments
 * with the same words and the same number, and compute the same bits. */
#include "gemm.h"

#include "tilec/tilec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static float memory[3][64 * 64 + 16];
static tilec_kernel *kernel;
static int n_checks, n_bad;

static void start(void) {
  tilec_context *context;
  tilec_program *program;
  tilec_error *error;
  const tilec_program_options o = {
      .size = sizeof o, .path = "tests/aot/kernels.py", .entry = "gemm"};
  if (tilec_context_new(NULL, &context, &error) || tilec_program_new(context, &o, &program, &error)
      || tilec_kernel_new(program, "cpu", &kernel, &error)) {
    fputs(tilec_error_diagnostics(error, TILEC_FORMAT_TEXT), stderr);
    exit(1);
  }
}

/* The same call on both sides; "" for none. */
static void compare(const char *what, const tilec_aot_tensor *const t[3], const char *wanted) {
  tilec_tensor tensors[3];
  tilec_arg args[3];
  for (int i = 0; i < 3; i++) {
    args[i] = (tilec_arg){.kind = t[i] ? TILEC_ARG_TENSOR : TILEC_ARG_NONE};
    if (!t[i]) continue;
    tensors[i] = (tilec_tensor){.size = sizeof *tensors,
                                .data = t[i]->data,
                                .shape = t[i]->shape,
                                .strides = t[i]->strides,
                                .byte_offset = t[i]->byte_offset,
                                .rank = (uint32_t)t[i]->ndim,
                                .dtype = t[i]->type_bits == 32 ? TILEC_FLOAT32 : TILEC_FLOAT64};
    args[i].as.tensor = &tensors[i];
  }
  tilec_error *error;
  tilec_launch(kernel, args, 3, &error);
  int code = gemm(t[0], t[1], t[2]);
  char text[16] = "";
  if (code) snprintf(text, sizeof text, "E%04d", code);
  const char *said = code ? gemm_error() : "";
  n_checks++;
  if (strcmp(text, wanted) == 0 && strcmp(text, tilec_error_code(error)) == 0
      && strcmp(said, tilec_error_text(error)) == 0) {
    tilec_error_release(error);
    return;
  }
  n_bad++;
  printf("%s: wanted %s\n  object:  %s %s\n  library: %s %s\n", what, wanted, text, said,
         tilec_error_code(error), tilec_error_text(error));
  tilec_error_release(error);
}

/* Runs with argument `i` replaced, and as it should be. */
static void vary(const char *what, int i, const tilec_aot_tensor *other, const char *wanted) {
  static const int64_t mk[] = {40, 20}, kn[] = {20, 50}, mn[] = {40, 50};
  const tilec_aot_tensor right[3] = {tilec_aot_tensor_of(memory[0], TILEC_AOT_FLOAT32, 2, mk),
                                     tilec_aot_tensor_of(memory[1], TILEC_AOT_FLOAT32, 2, kn),
                                     tilec_aot_tensor_of(memory[2], TILEC_AOT_FLOAT32, 2, mn)};
  const tilec_aot_tensor *t[3] = {&right[0], &right[1], &right[2]};
  t[i] = other;
  compare(what, t, wanted);
  t[i] = &right[i];
  compare("the right arguments", t, "");
}

static tilec_aot_tensor matrix(void *data, int64_t rows, int64_t columns, int64_t shape[2]) {
  shape[0] = rows, shape[1] = columns;
  return tilec_aot_tensor_of(data, TILEC_AOT_FLOAT32, 2, shape);
}

static void results(void) {
  static float sums[2][40 * 50];
  static const int64_t mk[] = {40, 20}, kn[] = {20, 50}, mn[] = {40, 50};
  tilec_tensor tensors[3] = {{.data = memory[0], .shape = mk},
                             {.data = memory[1], .shape = kn},
                             {.data = sums[0], .shape = mn}};
  tilec_arg args[3];
  for (int i = 0; i < 3; i++) {
    tensors[i].size = sizeof *tensors, tensors[i].rank = 2, tensors[i].dtype = TILEC_FLOAT32;
    args[i] = (tilec_arg){.kind = TILEC_ARG_TENSOR, .as.tensor = &tensors[i]};
  }
  for (int i = 0; i < 40 * 20; i++)
    memory[0][i] = (float)(i % 17) / 7, memory[1][i] = (float)(i % 13) / 3;
  int failed = (int)tilec_launch(kernel, args, 3, NULL);
  failed |= gemm_raw(memory[0], memory[1], sums[1], 40, 50, 20);
  n_checks++;
  if (!failed && memcmp(sums[0], sums[1], sizeof sums[0]) == 0 && sums[0][0] > 0) return;
  n_bad++;
  puts("the results differ");
}

int main(void) {
  int64_t s[2];
  start();
  vary("nothing", 0, NULL, "E0631");
  tilec_aot_tensor t = matrix(memory[0], 40, 20, s);
  t.type_bits = 64;
  vary("float64", 0, &t, "E0632");
  t = matrix(memory[0], 40, 20, s);
  t.ndim = 1;
  vary("rank 1", 0, &t, "E0633");
  t.ndim = -1;
  vary("a negative rank", 0, &t, "E0633");
  t = matrix(memory[1], 21, 50, s);
  vary("another K", 1, &t, "E0634");
  t = matrix(memory[1], -20, 50, s);
  vary("a negative extent", 1, &t, "E0634");
  const int64_t strides[] = {51, 1};
  t = matrix(memory[2], 40, 50, s);
  t.strides = strides;
  vary("rows apart", 2, &t, "E0635");
  t = matrix(memory[1], 20, 50, s);
  t.byte_offset = 2;
  vary("a crooked address", 1, &t, "E0636");
  t = matrix(NULL, 20, 50, s);
  vary("no memory", 1, &t, "E0637");
  t = matrix(memory[0] + 5, 40, 50, s);
  vary("an overlap", 2, &t, "E0638");
  t = matrix(memory[0], INT64_C(1) << 40, 20, s);
  vary("an extent beyond int32", 0, &t, "E0639");
  t = matrix(memory[0], 0, 20, s);
  vary("other rows", 0, &t, "E0634");
  results();
  printf("%d of %d\n", n_checks - n_bad, n_checks);
  return n_bad != 0;
}
