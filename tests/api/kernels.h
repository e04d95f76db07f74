/* Small kernels for the tests of the API, and running them in a few lines. */
#ifndef TESTS_API_KERNELS_H
#define TESTS_API_KERNELS_H

#include "check_kit.h"
#include "tilec/tilec.h"

#include <stdlib.h>

/* C = A + s over n elements; n is read from the arrays. */
static const char ADD[] =
    "import tilec\n"
    "import tilec.language as T\n"
    "\n"
    "@tilec.jit\n"
    "def add(dtype=T.float32, block=64):\n"
    "    n = T.dynamic('n')\n"
    "    @T.prim_func\n"
    "    def main(A: T.Tensor((n,), dtype), s: T.float32, C: T.Tensor((n,), dtype)):\n"
    "        with T.Kernel(T.ceildiv(n, block), threads=64) as bx:\n"
    "            for i in T.Parallel(block):\n"
    "                C[bx * block + i] = A[bx * block + i] + s\n"
    "    return main\n";

static inline const char *test_folder(void) {
  const char *folder = getenv("TMPDIR");
  return folder && *folder ? folder : "/tmp";
}

/* A context that keeps nothing on disk. */
static inline tilec_context *new_context(void) {
  tilec_context_options o = {.size = sizeof o};
  tilec_context *context = NULL;
  if (tilec_context_new(&o, &context, NULL) != TILEC_OK) return NULL;
  tilec_context_set(context, "cache", "off", NULL);
  return context;
}

static inline tilec_status new_program(tilec_context *context, const char *text,
                                       tilec_program **program, tilec_error **error) {
  tilec_program_options o = {.size = sizeof o, .path = "test.py", .text = text};
  o.text_size = strlen(text);
  return tilec_program_new(context, &o, program, error);
}

static inline tilec_kernel *new_kernel(tilec_context *context, const char *text,
                                       const char *target) {
  tilec_program *program = NULL;
  tilec_kernel *kernel = NULL;
  tilec_error *error = NULL;
  if (new_program(context, text, &program, &error) == TILEC_OK)
    tilec_kernel_new(program, target, &kernel, &error);
  if (error) printf("%s", tilec_error_diagnostics(error, TILEC_FORMAT_TEXT));
  tilec_error_release(error);
  tilec_program_release(program);
  return kernel;
}

typedef struct add_args {
  _Alignas(16) float a[1000]; /* what launches on GPUs demand */
  _Alignas(16) float c[1000];
  int64_t n;
  tilec_tensor ta, tc;
  tilec_arg args[3];
} add_args;

static inline void set_add_args(add_args *x, int64_t n) {
  x->n = n;
  for (int i = 0; i < 1000; i++)
    x->a[i] = (float)i, x->c[i] = -1;
  tilec_tensor t = {.size = sizeof t, .shape = &x->n, .rank = 1, .dtype = TILEC_FLOAT32};
  x->ta = x->tc = t;
  x->ta.data = x->a;
  x->tc.data = x->c;
  x->args[0] = (tilec_arg){.kind = TILEC_ARG_TENSOR, .as.tensor = &x->ta};
  x->args[1] = (tilec_arg){.kind = TILEC_ARG_FLOAT, .as.f = 0.5};
  x->args[2] = (tilec_arg){.kind = TILEC_ARG_TENSOR, .as.tensor = &x->tc};
}

static inline int added(const add_args *x) {
  for (int i = 0; i < 1000; i++)
    if (x->c[i] != (i < x->n ? (float)i + 0.5f : -1.0f)) return 0;
  return 1;
}

#endif
