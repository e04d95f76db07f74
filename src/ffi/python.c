/* Calls in Python.
 *
 * A JITKernel, and what @tilec.jit makes, hold what calls go to as their __call__, so that no
 * Python runs on the usual way. The function that tvm-ffi has takes no keywords and knows one
 * kernel, so there is a function of ours before it, which chooses between two callables: it has a
 * tuple of them as its self. What is used of the C API of Python is a part of its stable ABI;
 * Python hands it over, as nothing here is linked with it. */
#include "ffi/ffi.h"

#include <string.h>

enum { METH_VARARGS = 1, METH_KEYWORDS = 2 };
typedef struct method_def { /* PyMethodDef */
  const char *name;
  void *(*call)(void *self, void *args, void *kwargs);
  int flags;
  const char *doc;
} method_def;

/* Written once, when the package is imported. In the order of python_methods. */
static struct {
  void *(*call)(void *callable, void *args, void *kwargs); /* PyObject_Call   */
  void *(*item)(void *tuple, ptrdiff_t i);                 /* PyTuple_GetItem */
  void *(*raised)(void);                                   /* PyErr_Occurred  */
  void (*clear)(void);                                     /* PyErr_Clear     */
  void *type_error, *value_error;                          /* the classes     */
} python;

enum { N_PYTHON = sizeof python / sizeof(void *) };
_Static_assert(sizeof(void *) == sizeof(void (*)(void)), "as POSIX has it");

static void *call_item(void *self, ptrdiff_t i, void *args, void *kwargs) {
  void *callable = python.item(self, i);
  return callable ? python.call(callable, args, kwargs) : NULL;
}

/* self: (called without keywords, called with keywords) */
static void *call_by_form(void *self, void *args, void *kwargs) {
  return call_item(self, kwargs != NULL, args, kwargs);
}

/* self: (called first, called with keywords or when the first refuses its arguments). A refusal is
 * a TypeError or ValueError and none of their subclasses, like those that a kernel raises while it
 * runs. */
static void *call_or_else(void *self, void *args, void *kwargs) {
  if (kwargs) return call_item(self, 1, args, kwargs);
  void *result = call_item(self, 0, args, NULL);
  if (result) return result;
  const void *class = python.raised();
  if (class != python.type_error && class != python.value_error) return NULL;
  python.clear();
  return call_item(self, 1, args, NULL);
}

static const method_def METHODS[] = {
    {"kernel", call_by_form, METH_VARARGS | METH_KEYWORDS, "Launches the kernel."},
    {"function", call_or_else, METH_VARARGS | METH_KEYWORDS, "Launches a kernel that fits."},
};
enum { N_METHODS = sizeof METHODS / sizeof *METHODS };

int tc_ffi_python_methods(void *self, const tc_ffi_any *args, int32_t n, tc_ffi_any *result) {
  intptr_t given[N_PYTHON];
  tc_ffi_any items[N_METHODS];
  tc_ffi_args a;
  (void)self;
  if (!tc_ffi_args_start(&a, "tilec.python_methods", args, n, N_PYTHON, N_PYTHON)) return -1;
  for (int i = 0; i < N_PYTHON; i++) {
    given[i] = (intptr_t)tc_ffi_take_int(&a, 0);
    if (!a.failed && !given[i])
      return tc_ffi_raise("ValueError", "tilec.python_methods: argument %d is NULL", i);
  }
  if (a.failed) return -1;
  memcpy(&python, given, sizeof python);
  for (int i = 0; i < N_METHODS; i++)
    items[i] = (tc_ffi_any){TC_FFI_POINTER, 0, {.ptr = (void *)(uintptr_t)&METHODS[i]}};
  return tc_ffi_array(items, N_METHODS, result);
}
