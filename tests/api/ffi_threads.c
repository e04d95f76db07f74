/* Threads in the adapter to tvm-ffi, over the double of that runtime: each compiles kernels of its
 * own, and calls them and a shared one with arguments that are right and wrong. Results are right,
 * and an error is that of the thread that made it. (Here, and not in Python, so that it runs under
 * ThreadSanitizer.) */
#include "ffi/abi.h"

#include "check_kit.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

enum { N_THREADS = 8, N_KERNELS = 3, N_CALLS = 60, N = 5, HEADER_B = sizeof(tc_ffi_header) };

/* ---- the runtime ---- */

static struct runtime {
  int (*FunctionGetGlobal)(const tc_ffi_bytes *name, void **out);
  int (*FunctionCall)(void *function, const tc_ffi_any *args, int32_t n, tc_ffi_any *result);
  void (*ErrorMoveFromRaised)(void **error);
  int (*ObjectDecRef)(void *object);
  int (*get_field)(void *object, const char *name, tc_ffi_any *result);
  void *(*method)(int32_t type, const char *name);
  int64_t (*live)(void);
} rt;
static void *module_function;

static void find(void *library, const char *name, void *to) {
  void *symbol = dlsym(library, name);
  if (!CHECK(symbol != NULL)) printf("%s\n", dlerror());
  memcpy(to, &symbol, sizeof symbol);
}

static bool open_all(const char *program) {
  char folder[2048], text[1024] = "", *slash;
  int (*attach)(const char *library, char *text, size_t size_b);
  snprintf(folder, sizeof folder - 64, "%s", program);
  for (int up = 0; up < 2; up++) /* from tests/api to tests */
    if ((slash = strrchr(folder, '/')) != NULL) *slash = 0;
  strcat(folder, "/ffi/double.so");
  void *runtime = dlopen(folder, RTLD_NOW | RTLD_LOCAL);
  if (!CHECK(runtime != NULL)) return printf("%s\n", dlerror()), false;
  find(runtime, "TVMFFIFunctionGetGlobal", &rt.FunctionGetGlobal);
  find(runtime, "TVMFFIFunctionCall", &rt.FunctionCall);
  find(runtime, "TVMFFIErrorMoveFromRaised", &rt.ErrorMoveFromRaised);
  find(runtime, "TVMFFIObjectDecRef", &rt.ObjectDecRef);
  find(runtime, "double_get_field", &rt.get_field);
  find(runtime, "double_method", &rt.method);
  find(runtime, "double_live", &rt.live);
  char library[2048 + 32];
  snprintf(library, sizeof library, "%.*s/../libtilec_ffi.so",
           (int)(strlen(folder) - strlen("/ffi/double.so")), folder);
  void *adapter = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (!CHECK(adapter != NULL)) return printf("%s\n", dlerror()), false;
  find(adapter, "tilec_ffi_attach", &attach);
  if (!CHECK(attach(folder, text, sizeof text) == 0)) return printf("%s\n", text), false;
  static const char NAME[] = "tilec.module";
  return CHECK(rt.FunctionGetGlobal(&(tc_ffi_bytes){NAME, sizeof NAME - 1}, &module_function) == 0
               && module_function);
}

/* ---- values ---- */

static tc_ffi_any text_value(const char *text) {
  return (tc_ffi_any){TC_FFI_RAW_STR, 0, {.str = text}};
}
static void drop(tc_ffi_any *value) {
  if (value->type_index >= TC_FFI_OBJECT) rt.ObjectDecRef(value->as.ptr);
}

/* The message of the error that this thread's call left. */
static void take_error(char *text, size_t size_b) {
  void *error = NULL;
  rt.ErrorMoveFromRaised(&error);
  snprintf(text, size_b, "%s", "no error");
  if (!CHECK(error != NULL)) return;
  const tc_ffi_bytes *cell = (const tc_ffi_bytes *)(void *)((char *)error + HEADER_B);
  snprintf(text, size_b, "%.*s", (int)cell[1].n, cell[1].data);
  rt.ObjectDecRef(error);
}

/* ---- kernels ---- */

/* A Kernel, or NULL; its function goes to *function. Both are owned. */
static void *compile(const char *name, int factor, void **function) {
  char text[600];
  snprintf(text, sizeof text,
           "import tilec.language as T\n"
           "@T.prim_func\n"
           "def %s(X: T.Tensor((%d,), 'int32'), Y: T.Tensor((%d,), 'int32')):\n"
           "    with T.Kernel(1, threads=1):\n"
           "        for i in T.serial(%d):\n"
           "            Y[i] = X[i] * %d\n",
           name, N, N, N, factor);
  tc_ffi_any module = {0}, kernel = {0}, field = {0};
  tc_ffi_any args[2] = {text_value(text), text_value("kernel.py")};
  if (!CHECK(rt.FunctionCall(module_function, args, 2, &module) == 0)) return NULL;
  tc_ffi_any call[2] = {module, text_value("interp")};
  void *method = rt.method(module.type_index, "compile");
  bool good = CHECK(rt.FunctionCall(method, call, 2, &kernel) == 0);
  drop(&module);
  if (!good || !CHECK(rt.get_field(kernel.as.ptr, "function", &field) == 0)) return NULL;
  *function = field.as.ptr;
  return kernel.as.ptr;
}

static tc_dl_tensor tensor_of(int32_t *values, int64_t *shape) {
  return (tc_dl_tensor){.data = values,
                        .device = {1, 0},
                        .ndim = 1,
                        .dtype = {.code = 0, .bits = 32, .lanes = 1},
                        .shape = shape};
}

static void call_right(void *function, int factor) {
  int32_t x[N], y[N] = {0};
  int64_t shape[1] = {N};
  for (int i = 0; i < N; i++)
    x[i] = i + 1;
  tc_dl_tensor X = tensor_of(x, shape), Y = tensor_of(y, shape);
  tc_ffi_any result = {0},
             args[2] = {{TC_FFI_DLTENSOR, 0, {.ptr = &X}}, {TC_FFI_DLTENSOR, 0, {.ptr = &Y}}};
  CHECK(rt.FunctionCall(function, args, 2, &result) == 0);
  for (int i = 0; i < N; i++)
    CHECK(y[i] == (i + 1) * factor);
}

/* With a shape that no other thread has. */
static void call_wrong(void *function, const char *name, int64_t extent) {
  int32_t values[N] = {0}, more[64] = {0};
  int64_t right[1] = {N}, wrong[1] = {extent};
  char text[600], part[64];
  tc_dl_tensor X = tensor_of(more, wrong), Y = tensor_of(values, right);
  tc_ffi_any result = {0},
             args[2] = {{TC_FFI_DLTENSOR, 0, {.ptr = &X}}, {TC_FFI_DLTENSOR, 0, {.ptr = &Y}}};
  CHECK(rt.FunctionCall(function, args, 2, &result) == -1);
  take_error(text, sizeof text);
  CHECK_TEXT(text, name);
  snprintf(part, sizeof part, "is %d, expected %d", (int)extent, N);
  CHECK_TEXT(text, part);
  CHECK(rt.FunctionCall(function, args, 1, &result) == -1);
  take_error(text, sizeof text);
  CHECK_TEXT(text, "takes 2 arguments, got 1");
}

/* ---- threads ---- */

static void *shared_function;
static atomic_int next_thread;

static void *work(void *data) {
  int me = atomic_fetch_add(&next_thread, 1);
  (void)data;
  for (int k = 0; k < N_KERNELS; k++) {
    char name[32];
    void *function = NULL;
    int factor = 2 + me * N_KERNELS + k;
    snprintf(name, sizeof name, "kernel_%d_%d", me, k);
    void *kernel = compile(name, factor, &function);
    for (int i = 0; kernel && i < N_CALLS; i++) {
      call_right(i % 3 ? function : shared_function, i % 3 ? factor : 1);
      if (i % 2)
        call_wrong(i % 4 == 1 ? function : shared_function, i % 4 == 1 ? name : "shared", 20 + me);
    }
    if (function) rt.ObjectDecRef(function);
    if (kernel) rt.ObjectDecRef(kernel);
  }
  return NULL;
}

int main(int argc, char **argv) {
  pthread_t threads[N_THREADS];
  (void)argc;
  if (!open_all(argv[0])) return check_report();
  int64_t before = rt.live();
  void *kernel = compile("shared", 1, &shared_function);
  if (!kernel) return check_report();
  for (int i = 0; i < N_THREADS; i++)
    CHECK(pthread_create(&threads[i], NULL, work, NULL) == 0);
  for (int i = 0; i < N_THREADS; i++)
    pthread_join(threads[i], NULL);
  rt.ObjectDecRef(shared_function);
  rt.ObjectDecRef(kernel);
  CHECK(rt.live() == before);
  return check_report();
}
