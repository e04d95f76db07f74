/* The example of README.md: a kernel file compiled and run from C. */
#include "tilec/tilec.h"

#include <stdio.h>

static float data[3][64][64]; /* A, B and C */

/* Multiplies data[0] and data[1] into data[2] with the kernel `matmul` of examples/gemm.py. */
static tilec_status multiply(tilec_error **error) {
  tilec_context *context = NULL;
  tilec_program *program = NULL;
  tilec_kernel *kernel = NULL;
  const tilec_define dtype = {"dtype", "float32"};
  const tilec_program_options options = {.size = sizeof options,
                                         .path = "examples/gemm.py",
                                         .entry = "matmul",
                                         .defines = &dtype,
                                         .n_defines = 1};
  const int64_t shape[] = {64, 64};
  tilec_tensor tensors[3];
  tilec_arg args[3];
  for (int i = 0; i < 3; i++) {
    tensors[i] = (tilec_tensor){.size = sizeof *tensors,
                                .data = data[i],
                                .shape = shape,
                                .rank = 2,
                                .dtype = TILEC_FLOAT32};
    args[i] = (tilec_arg){.kind = TILEC_ARG_TENSOR, .as.tensor = &tensors[i]};
  }
  tilec_status status = tilec_context_new(NULL, &context, error);
  if (!status) status = tilec_program_new(context, &options, &program, error);
  if (!status) status = tilec_kernel_new(program, "cpu", &kernel, error);
  if (!status) status = tilec_launch(kernel, args, 3, error);
  tilec_kernel_release(kernel);
  tilec_program_release(program);
  tilec_context_release(context);
  return status;
}

int main(void) {
  for (int i = 0; i < 64; i++)
    for (int j = 0; j < 64; j++)
      data[0][i][j] = (float)(i + j), data[1][i][j] = (float)(i == j) * 2;
  tilec_error *error = NULL;
  tilec_status status = multiply(&error);
  if (status) fputs(tilec_error_diagnostics(error, TILEC_FORMAT_TEXT), stderr);
  tilec_error_release(error);
  for (int i = 0; !status && i < 64; i++)
    for (int j = 0; !status && j < 64; j++)
      status = data[2][i][j] != (float)(i + j) * 2;
  return status != TILEC_OK;
}
