#include "runtime/cuda_driver.h"

#include "rt/os.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { MAX_DEVICES = 64 };

struct tc_cuda {
  const tilec_allocator *allocator;
  void *library;
  tc_cuda_calls calls;
  uint32_t n_devices;
  int handles[MAX_DEVICES];
  tc_cuda_device devices[MAX_DEVICES];
  pthread_mutex_t lock;       /* of the next line */
  void *primary[MAX_DEVICES]; /* contexts that were retained, or NULL */
  char path[TC_PATH_B];
};

/* ---- opening ---- */

static bool take(void *library, const char *symbol, void *place, bool needed) {
  void *at = dlsym(library, symbol);
  memcpy(place, &at, sizeof at); /* a function pointer, which ISO C does not convert */
  return at || !needed;
}

/* The first function that is missing, or NULL. */
static const char *take_all(tc_cuda *cuda) {
#define CUDA_CALL(name, symbol, needed, parameters)                                                \
  if (!take(cuda->library, symbol, &cuda->calls.name, needed)) return symbol;
#include "runtime/cuda_calls.def"
#undef CUDA_CALL
  return NULL;
}

static bool open_one(tc_cuda *cuda, const char *path, char *tried, size_t tried_b) {
  size_t n = strlen(tried);
  cuda->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  const char *why = cuda->library ? NULL : dlerror();
  const char *missing = cuda->library ? take_all(cuda) : NULL;
  if (cuda->library && !missing) {
    snprintf(cuda->path, sizeof cuda->path, "%s", path);
    return true;
  }
  if (missing) {
    snprintf(tried + n, tried_b - n, "%s%s has no %s", n ? "; " : "", path, missing);
    dlclose(cuda->library);
    cuda->library = NULL;
  } else { /* the loader's text names the file */
    snprintf(tried + n, tried_b - n, "%s%s", n ? "; " : "", why ? why : path);
  }
  return false;
}

static bool open_library(tc_cuda *cuda, const char *wanted, char *tried, size_t tried_b) {
  static const char *const PATHS[] = {"libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1"};
  if (wanted && *wanted) return open_one(cuda, wanted, tried, tried_b);
  for (size_t i = 0; i < sizeof PATHS / sizeof *PATHS; i++)
    if (open_one(cuda, PATHS[i], tried, tried_b)) return true;
  return false;
}

/* ---- devices ---- */

static const struct {
  int attribute; /* CUdevice_attribute */
  size_t at;
} FACTS[] = {
    {16, offsetof(tc_cuda_device, n_sms)},       {97, offsetof(tc_cuda_device, block_shared_b)},
    {81, offsetof(tc_cuda_device, sm_shared_b)}, {82, offsetof(tc_cuda_device, sm_regs)},
    {39, offsetof(tc_cuda_device, sm_threads)},
};
enum { CC_MAJOR = 75, CC_MINOR = 76, L2_SIZE = 38 };

static int ask(const tc_cuda *cuda, int attribute, int handle) {
  int x = 0;
  return cuda->calls.device_attribute(&x, attribute, handle) ? 0 : x;
}

static void describe_device(tc_cuda *cuda, uint32_t i) {
  tc_cuda_device *d = &cuda->devices[i];
  int handle = cuda->handles[i];
  if (cuda->calls.device_name(d->name, (int)sizeof d->name, handle)) d->name[0] = 0;
  d->name[sizeof d->name - 1] = 0;
  d->cc = (uint32_t)(ask(cuda, CC_MAJOR, handle) * 10 + ask(cuda, CC_MINOR, handle));
  d->l2_b = (uint64_t)ask(cuda, L2_SIZE, handle);
  for (size_t k = 0; k < sizeof FACTS / sizeof *FACTS; k++) {
    uint32_t x = (uint32_t)ask(cuda, FACTS[k].attribute, handle);
    memcpy((char *)d + FACTS[k].at, &x, sizeof x);
  }
}

/* "CUDA_ERROR_NO_DEVICE (100): no CUDA-capable device is detected" */
static const char *words_of(const tc_cuda *cuda, int result, char *text, size_t size_b) {
  const char *name = NULL, *string = NULL;
  if (cuda->calls.error_name(result, &name) || !name) name = "unknown error";
  if (cuda->calls.error_string(result, &string) || !string) string = "";
  snprintf(text, size_b, "%s (%d)%s%s", name, result, *string ? ": " : "", string);
  return text;
}

static bool find_devices(tc_cuda *cuda, tc_rt_error *error) {
  char words[200];
  const char *call = "cuInit";
  int n = 0, result = cuda->calls.init(0);
  if (!result) call = "cuDeviceGetCount", result = cuda->calls.device_count(&n);
  if (!result && n <= 0) result = TC_CUDA_NO_DEVICE;
  if (result) {
    tc_rt_fail(error, TC_RT_E_NO_CUDA, "no CUDA device: %s of %s returned %s", call, cuda->path,
               words_of(cuda, result, words, sizeof words));
    return false;
  }
  for (int i = 0; i < n && i < MAX_DEVICES; i++) {
    if (cuda->calls.device_get(&cuda->handles[i], i)) break;
    describe_device(cuda, cuda->n_devices++);
  }
  if (cuda->n_devices) return true;
  tc_rt_fail(error, TC_RT_E_NO_CUDA, "no CUDA device: cuDeviceGet of %s failed", cuda->path);
  return false;
}

tc_cuda *tc_cuda_open(const char *library, const tilec_allocator *allocator, tc_rt_error *error) {
  char tried[sizeof error->text - 40] = "";
  tc_cuda *cuda = tc_rt_alloc(allocator, sizeof *cuda, _Alignof(max_align_t));
  if (!cuda || (memset(cuda, 0, sizeof *cuda), pthread_mutex_init(&cuda->lock, NULL))) {
    tc_rt_fail(error, TC_RT_E_WORKSPACE, "out of memory for the CUDA driver");
    tc_rt_free(allocator, cuda, sizeof *cuda);
    return NULL;
  }
  cuda->allocator = allocator;
  if (!open_library(cuda, library, tried, sizeof tried)) {
    tc_rt_fail(error, TC_RT_E_NO_CUDA, "no CUDA driver: %s", tried);
  } else if (find_devices(cuda, error)) {
    return cuda;
  }
  tc_cuda_close(cuda);
  return NULL;
}

/* What the driver says now does not matter: at the end of a process it may be gone already. */
void tc_cuda_close(tc_cuda *cuda) {
  if (!cuda) return;
  for (uint32_t i = 0; i < cuda->n_devices; i++)
    if (cuda->primary[i]) cuda->calls.primary_release(cuda->handles[i]);
  if (cuda->library) dlclose(cuda->library);
  pthread_mutex_destroy(&cuda->lock);
  tc_rt_free(cuda->allocator, cuda, sizeof *cuda);
}

const tc_cuda_calls *tc_cuda_table(const tc_cuda *cuda) {
  return &cuda->calls;
}
const char *tc_cuda_path(const tc_cuda *cuda) {
  return cuda->path;
}
uint32_t tc_cuda_count(const tc_cuda *cuda) {
  return cuda->n_devices;
}
const tc_cuda_device *tc_cuda_device_at(const tc_cuda *cuda, int32_t id) {
  return id >= 0 && (uint32_t)id < cuda->n_devices ? &cuda->devices[id] : NULL;
}

uint32_t tc_cuda_fail(const tc_cuda *cuda, tc_rt_error *error, int result, const char *call,
                      const char *about) {
  char words[200];
  bool recording = result >= TC_CUDA_CAPTURE_FIRST && result <= TC_CUDA_CAPTURE_LAST;
  uint32_t code = result == TC_CUDA_OUT_OF_MEMORY ? TC_RT_E_WORKSPACE
                  : result == TC_CUDA_NO_BINARY   ? TC_RT_E_GPU
                  : recording                     ? TC_RT_E_CAPTURE
                                                  : TC_RT_E_CUDA;
  words_of(cuda, result, words, sizeof words);
  return tc_rt_fail(error, code, "%s%s%s returned %s", about, *about ? ": " : "", call, words);
}

/* ---- contexts ---- */

/* The number of the device of the current context; -1 when there is none. */
static int32_t current_device(const tc_cuda *cuda, void **context) {
  int handle;
  *context = NULL;
  if (cuda->calls.ctx_current(context) || !*context || cuda->calls.ctx_device(&handle)) return -1;
  for (uint32_t i = 0; i < cuda->n_devices; i++)
    if (cuda->handles[i] == handle) return (int32_t)i;
  return -1;
}

int32_t tc_cuda_current(const tc_cuda *cuda) {
  void *context;
  int32_t id = current_device(cuda, &context);
  return id < 0 ? 0 : id;
}

static uint32_t primary_of(tc_cuda *cuda, int32_t id, void **context, tc_rt_error *error) {
  int result = 0;
  pthread_mutex_lock(&cuda->lock);
  if (!cuda->primary[id])
    result = cuda->calls.primary_retain(&cuda->primary[id], cuda->handles[id]);
  *context = cuda->primary[id];
  pthread_mutex_unlock(&cuda->lock);
  return result ? tc_cuda_fail(cuda, error, result, "cuDevicePrimaryCtxRetain", "") : TC_RT_OK;
}

uint32_t tc_cuda_enter_context(tc_cuda *cuda, void *context, tc_cuda_scope *scope,
                               tc_rt_error *error) {
  *scope = (tc_cuda_scope){context, false};
  int result = cuda->calls.ctx_push(context);
  if (result) return tc_cuda_fail(cuda, error, result, "cuCtxPushCurrent", "");
  scope->pushed = true;
  return TC_RT_OK;
}

uint32_t tc_cuda_enter(tc_cuda *cuda, int32_t id, tc_cuda_scope *scope, tc_rt_error *error) {
  void *context;
  *scope = (tc_cuda_scope){NULL, false};
  if (!tc_cuda_device_at(cuda, id))
    return tc_rt_fail(error, TC_RT_E_DEVICE, "there is no CUDA device %d, only %u", (int)id,
                      cuda->n_devices);
  if (current_device(cuda, &context) == id) {
    scope->context = context;
    return TC_RT_OK;
  }
  if (primary_of(cuda, id, &context, error)) return error->code;
  return tc_cuda_enter_context(cuda, context, scope, error);
}

void tc_cuda_leave(tc_cuda *cuda, const tc_cuda_scope *scope) {
  void *context;
  if (scope->pushed) cuda->calls.ctx_pop(&context);
}

/* ---- memory ---- */

uint32_t tc_cuda_alloc(tc_cuda *cuda, int32_t id, uint64_t size_b, void **at, tc_rt_error *error) {
  tc_cuda_scope scope;
  uint64_t address = 0;
  *at = NULL;
  if (tc_cuda_enter(cuda, id, &scope, error)) return error->code;
  const char *call = "cuMemAlloc";
  int result = cuda->calls.mem_alloc(&address, size_b ? (size_t)size_b : 1);
  if (!result && size_b) {
    call = "cuMemsetD8Async";
    result = cuda->calls.fill(address, 0, (size_t)size_b, NULL);
    if (result) cuda->calls.mem_free(address);
  }
  tc_cuda_leave(cuda, &scope);
  if (result) {
    char about[64];
    snprintf(about, sizeof about, "%llu bytes on device %d", (unsigned long long)size_b, (int)id);
    return tc_cuda_fail(cuda, error, result, call, about);
  }
  *at = (void *)(uintptr_t)address;
  return TC_RT_OK;
}

void tc_cuda_free(tc_cuda *cuda, int32_t id, void *at) {
  tc_cuda_scope scope;
  tc_rt_error ignored;
  ignored.code = 0;
  if (!at || tc_cuda_enter(cuda, id, &scope, &ignored)) return;
  cuda->calls.mem_free((uint64_t)(uintptr_t)at);
  tc_cuda_leave(cuda, &scope);
}

uint32_t tc_cuda_copy(tc_cuda *cuda, int32_t id, void *to, bool to_device, const void *from,
                      bool from_device, uint64_t size_b, tc_rt_error *error) {
  tc_cuda_scope scope;
  if (!size_b) return TC_RT_OK;
  if (tc_cuda_enter(cuda, id, &scope, error)) return error->code;
  uint64_t there = (uint64_t)(uintptr_t)to, here = (uint64_t)(uintptr_t)from;
  int result;
  const char *call;
  if (to_device && from_device) {
    call = "cuMemcpyDtoD";
    result = cuda->calls.copy_on_device(there, here, (size_t)size_b);
    if (!result) result = cuda->calls.stream_wait(NULL); /* between devices it does not wait */
  } else if (to_device) {
    call = "cuMemcpyHtoD";
    result = cuda->calls.copy_to_device(there, from, (size_t)size_b);
  } else {
    call = "cuMemcpyDtoH";
    result = cuda->calls.copy_to_host(to, here, (size_t)size_b);
  }
  tc_cuda_leave(cuda, &scope);
  return result ? tc_cuda_fail(cuda, error, result, call, "") : TC_RT_OK;
}

uint32_t tc_cuda_wait(tc_cuda *cuda, int32_t id, void *stream, tc_rt_error *error) {
  tc_cuda_scope scope;
  if (tc_cuda_enter(cuda, id, &scope, error)) return error->code;
  int result = cuda->calls.stream_wait(stream);
  tc_cuda_leave(cuda, &scope);
  return result ? tc_cuda_fail(cuda, error, result, "cuStreamSynchronize", "") : TC_RT_OK;
}
