/* Calls of kernels in Python.
 *
 * A JITKernel holds what calls go to as its __call__, so that no Python runs in between. The
 * function that tvm-ffi has takes no keywords, so this one chooses: without keywords a call goes
 * straight on, with its tuple of arguments as it is; with keywords it goes to a function in Python
 * that puts them in order. What is used of the C API of Python is a part of its stable ABI; it is
 * handed over by Python, as nothing here is linked with it. */
#include "ffi/ffi.h"

#include <string.h>

enum { METH_VARARGS = 1, METH_KEYWORDS = 2 };
typedef struct method_def { /* PyMethodDef */
  const char *name;
  void *(*call)(void *self, void *args, void *kwargs);
  int flags;
  const char *doc;
} method_def;

/* Written once, when the package is imported. */
static struct {
  void *(*call)(void *callable, void *args, void *kwargs); /* PyObject_Call */
  void *(*item)(void *tuple, ptrdiff_t i);                 /* PyTuple_GetItem */
} python;

/* self: (called without keywords, called with keywords) */
static void *call_either(void *self, void *args, void *kwargs) {
  void *callable = python.item(self, kwargs != NULL);
  return callable ? python.call(callable, args, kwargs) : NULL;
}

static const method_def METHOD = {"kernel", call_either, METH_VARARGS | METH_KEYWORDS,
                                  "Launches the kernel."};

int tc_ffi_python_method(void *self, const tc_ffi_any *args, int32_t n, tc_ffi_any *result) {
  tc_ffi_args a;
  (void)self;
  if (!tc_ffi_args_start(&a, "tilec.python_method", args, n, 2, 2)) return -1;
  const intptr_t call = (intptr_t)tc_ffi_take_int(&a, 0), item = (intptr_t)tc_ffi_take_int(&a, 0);
  if (a.failed) return -1;
  if (!call || !item) return tc_ffi_raise("ValueError", "tilec.python_method: a function is NULL");
  memcpy(&python.call, &call, sizeof call);
  memcpy(&python.item, &item, sizeof item);
  *result = (tc_ffi_any){TC_FFI_POINTER, 0, {.ptr = (void *)(uintptr_t)&METHOD}};
  return 0;
}
