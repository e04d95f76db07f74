/* Finding libtvm_ffi, and being registered there. */
#include "ffi/ffi.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

tc_ffi_runtime tc_ffi;

/* Which library it was; attaching is rare, so one lock is enough. */
static struct {
  pthread_mutex_t lock;
  void *library;
} attached = {.lock = PTHREAD_MUTEX_INITIALIZER};

#if defined(__APPLE__)
static const char LIBRARY[] = "libtvm_ffi.dylib";
#else
static const char LIBRARY[] = "libtvm_ffi.so";
#endif

enum { LEAST_PATCH = 9 }; /* of 0.1: since then lists have a published layout */

typedef struct answer {
  char *text;
  size_t size_b;
} answer;

static int fail(const answer *a, const char *fmt, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;
static int fail(const answer *a, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  if (a->size_b) vsnprintf(a->text, a->size_b, fmt, args);
  va_end(args);
  return 1;
}

/* ---- resolving ---- */

typedef struct symbol {
  const char *name;
  size_t place; /* in tc_ffi_runtime */
  bool required;
} symbol;

enum { OPTIONAL, REQUIRED };
static const symbol SYMBOLS[] = {
#define CALL(need, result, name, parameters) {"TVMFFI" #name, offsetof(tc_ffi_runtime, name), need},
#include "ffi/calls.def"
#undef CALL
};

/* POSIX has functions and pointers to data of one size; ISO C does not convert one to the other. */
static void put_address(tc_ffi_runtime *runtime, size_t place, void *address) {
  memcpy((char *)runtime + place, &address, sizeof address);
}

static int resolve(void *library, tc_ffi_runtime *runtime, const answer *a) {
  for (size_t i = 0; i < sizeof SYMBOLS / sizeof *SYMBOLS; i++) {
    const symbol *s = &SYMBOLS[i];
    void *address = dlsym(library, s->name);
    if (!address && s->required)
      return fail(a, "%s has no function %s: apache-tvm-ffi 0.1.%d or a later 0.1 is needed",
                  LIBRARY, s->name, LEAST_PATCH);
    put_address(runtime, s->place, address);
  }
  runtime->GetVersion(&runtime->version);
  const tc_ffi_version *v = &runtime->version;
  if (v->major != 0 || v->minor != 1 || v->patch < LEAST_PATCH)
    return fail(a, "apache-tvm-ffi %u.%u.%u is loaded, but tilec works with 0.1.%d and later 0.1",
                v->major, v->minor, v->patch, LEAST_PATCH);
  runtime->make_array = NULL;
  runtime->has_extra = runtime->ErrorCreateWithCauseAndExtraContext != NULL;
  return 0;
}

static void *open_library(const char *path, const answer *a) {
  void *library =
      path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : dlopen(LIBRARY, RTLD_NOW | RTLD_NOLOAD);
  if (library) return library;
  if (path)
    fail(a, "%s", dlerror());
  else
    fail(a, "%s is not loaded: import tvm_ffi (apache-tvm-ffi) before tilec", LIBRARY);
  return NULL;
}

/* ---- registering ---- */

/* The text of the error that is set. */
static int fail_raised(const answer *a) {
  void *error = NULL;
  tc_ffi.ErrorMoveFromRaised(&error);
  const tc_ffi_bytes *cell = error ? tc_ffi_body(error) : NULL; /* kind, message */
  fail(a, "tilec cannot be registered: %.*s", cell ? (int)cell[1].n : 0, cell ? cell[1].data : "");
  if (error) tc_ffi.ObjectDecRef(error);
  return 1;
}

/* Another copy of this library may have come first; all its functions are found by name, so it
 * serves this one's users as well. */
static int find_other(bool *found, const answer *a) {
  const tc_ffi_bytes name = tc_ffi_text("tilec.version");
  void *function = NULL;
  if (tc_ffi.FunctionGetGlobal(&name, &function)) return fail_raised(a);
  *found = function != NULL;
  if (!function) return 0;
  tc_ffi_any result = {0};
  tc_ffi_bytes version;
  int status = tc_ffi.FunctionCall(function, NULL, 0, &result);
  tc_ffi.ObjectDecRef(function);
  if (status) return fail_raised(a);
  bool same = tc_ffi_is_text(&result, &version) && version.n == strlen(tilec_version())
              && memcmp(version.data, tilec_version(), version.n) == 0;
  if (!same)
    fail(a, "another version of tilec is in this process; this one is %s", tilec_version());
  tc_ffi_drop(&result);
  return !same;
}

/* Kept for ever: arrays are made all the time. */
static int find_array(const answer *a) {
  const tc_ffi_bytes name = tc_ffi_text("ffi.Array");
  if (tc_ffi.FunctionGetGlobal(&name, &tc_ffi.make_array)) return fail_raised(a);
  return tc_ffi.make_array ? 0 : fail(a, "%s has no function ffi.Array", LIBRARY);
}

static int attach(const char *path, const answer *a) {
  void *library = open_library(path, a);
  if (!library) return 1;
  if (attached.library) {
    bool same = attached.library == library;
    dlclose(library);
    return same ? 0 : fail(a, "tilec is attached to another copy of %s already", LIBRARY);
  }
  tc_ffi_runtime runtime;
  if (resolve(library, &runtime, a)) return dlclose(library), 1;
  tc_ffi = runtime;
  bool other = false;
  if (find_array(a)) return 1;
  if (find_other(&other, a)) return 1;
  if (!other && (tc_ffi_register_types() || tc_ffi_register_functions())) return fail_raised(a);
  attached.library = library;
  return 0;
}

int tilec_ffi_attach(const char *library, char *text, size_t size_b) {
  const answer a = {text, size_b};
  pthread_mutex_lock(&attached.lock);
  int status = attach(library, &a);
  pthread_mutex_unlock(&attached.lock);
  return status;
}

/* ---- functions ---- */

typedef struct function_row {
  const char *name, *doc;
  tc_ffi_call *call;
} function_row;
static const function_row FUNCTIONS[] = {
#define FUNCTION(name, function, doc) {"tilec." #name, doc, function},
#include "ffi/functions.def"
#undef FUNCTION
};

int tc_ffi_register_functions(void) {
  /* "version" says that all are there, so it comes last. */
  for (size_t i = sizeof FUNCTIONS / sizeof *FUNCTIONS; i-- > 0;) {
    void *function = NULL;
    const tc_ffi_bytes name = tc_ffi_text(FUNCTIONS[i].name);
    if (tc_ffi.FunctionCreate(NULL, FUNCTIONS[i].call, NULL, &function)) return -1;
    int status = tc_ffi.FunctionSetGlobal(&name, function, 0);
    tc_ffi.ObjectDecRef(function);
    if (status) return -1;
  }
  return 0;
}
