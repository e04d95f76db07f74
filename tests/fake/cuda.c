#include "fake/cuda.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEVICES = 8, LOG_B = 1 << 18, FUNCTIONS = 64, MAX_DEPTH = 16 };

#define PUBLIC __attribute__((visibility("default")))

typedef struct function {
  char name[64];
} function;

static struct {
  char log[LOG_B];
  size_t n_log;
  int n_devices, cc, capturing, shared_b, threads, n_live;
  char failing[64];
  int fail_after, fail_result;
  char contexts[MAX_DEVICES];
  function functions[FUNCTIONS];
  int n_functions;
  double clock_ms;
  void (*on_launch)(const char *name, const tc_cuda_config *config, void **params, void *data);
  void *data;
} state;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local void *stack[MAX_DEPTH];
static _Thread_local int depth, capture_mode;

/* ---- recording ---- */

/* Records a call; not 0 when it is to fail. */
__attribute__((format(printf, 2, 3))) static int call(const char *symbol, const char *fmt, ...) {
  int result = 0;
  va_list args;
  pthread_mutex_lock(&lock);
  size_t room = sizeof state.log - state.n_log;
  if (room > 512) {
    state.n_log += (size_t)snprintf(state.log + state.n_log, room, "%s", symbol);
    va_start(args, fmt);
    state.n_log += (size_t)vsnprintf(state.log + state.n_log, room - 64, fmt, args);
    va_end(args);
    state.n_log += (size_t)snprintf(state.log + state.n_log, 2, "\n");
  }
  if (state.fail_after && strcmp(state.failing, symbol) == 0 && --state.fail_after == 0)
    result = state.fail_result;
  pthread_mutex_unlock(&lock);
  return result;
}

/* The same for calls that are not allowed while a stream records, unless the thread says so. */
#define UNSAFE(...)                                                                                \
  (state.capturing && capture_mode != TC_CUDA_CAPTURE_RELAXED ? 900 : call(__VA_ARGS__))

static const char *get_log(void) {
  return state.log;
}
static void clear_log(void) {
  state.n_log = 0;
  state.log[0] = 0;
}
static void reset(int n_devices, int cc) {
  pthread_mutex_lock(&lock);
  clear_log();
  state.n_devices = n_devices;
  state.cc = cc;
  state.capturing = 0;
  state.shared_b = 1024;
  state.threads = 1024;
  state.fail_after = 0;
  state.on_launch = NULL;
  state.n_functions = 0;
  pthread_mutex_unlock(&lock);
  depth = 0;
}
static void fail(const char *symbol, int n, int result) {
  snprintf(state.failing, sizeof state.failing, "%s", symbol);
  state.fail_after = n;
  state.fail_result = result;
}
static void set_current(int id) {
  depth = 0;
  if (id >= 0) stack[depth++] = &state.contexts[id];
}
static void set_capturing(int id) {
  state.capturing = id;
}
static void set_function(int shared_b, int threads) {
  state.shared_b = shared_b;
  state.threads = threads;
}
static void on_launch(void (*fn)(const char *, const tc_cuda_config *, void **, void *),
                      void *data) {
  state.on_launch = fn;
  state.data = data;
}
static int n_live(void) {
  return state.n_live;
}

static const fake_cuda CONTROLS = {get_log,       clear_log,    reset,     fail,  set_current,
                                   set_capturing, set_function, on_launch, n_live};
PUBLIC const fake_cuda *fake_cuda_get(void);
const fake_cuda *fake_cuda_get(void) {
  return &CONTROLS;
}

/* ---- the driver ---- */

#define DRIVER(symbol, ...)                                                                        \
  PUBLIC int symbol(__VA_ARGS__);                                                                  \
  int symbol(__VA_ARGS__)

DRIVER(cuInit, unsigned flags) {
  if (!state.cc && !state.n_devices) reset(1, 90);
  return call("cuInit", " %u", flags);
}
DRIVER(cuGetErrorName, int result, const char **text) {
  *text = result == 2     ? "CUDA_ERROR_OUT_OF_MEMORY"
          : result == 100 ? "CUDA_ERROR_NO_DEVICE"
          : result == 200 ? "CUDA_ERROR_INVALID_IMAGE"
          : result == 719 ? "CUDA_ERROR_LAUNCH_FAILED"
          : result == 906 ? "CUDA_ERROR_STREAM_CAPTURE_IMPLICIT"
                          : NULL;
  return *text ? 0 : 1;
}
DRIVER(cuGetErrorString, int result, const char **text) {
  *text = result == 100   ? "no CUDA-capable device is detected"
          : result == 200 ? "device kernel image is invalid"
                          : "the driver's words";
  return 0;
}
DRIVER(cuDriverGetVersion, int *version) {
  *version = 13000;
  return call("cuDriverGetVersion", "%s", "");
}
DRIVER(cuDeviceGetCount, int *n) {
  *n = state.n_devices;
  return call("cuDeviceGetCount", "%s", "");
}
DRIVER(cuDeviceGet, int *device, int ordinal) {
  *device = 100 + ordinal; /* a handle is not the number */
  return call("cuDeviceGet", " %d", ordinal);
}
DRIVER(cuDeviceGetName, char *name, int size_b, int device) {
  snprintf(name, (size_t)size_b, "Fake %d", device - 100);
  return 0;
}
DRIVER(cuDeviceGetAttribute, int *x, int attribute, int device) {
  (void)device;
  switch (attribute) {
  case 75:
    return *x = state.cc / 10, 0;
  case 76:
    return *x = state.cc % 10, 0;
  case 16:
    return *x = 4, 0;
  case 38:
    return *x = 1 << 20, 0;
  case 97:
    return *x = state.cc >= 90 ? 227 * 1024 : state.cc == 80 ? 163 * 1024 : 99 * 1024, 0;
  default:
    return *x = 65536, 0;
  }
}
DRIVER(cuDevicePrimaryCtxRetain, void **context, int device) {
  *context = &state.contexts[device - 100];
  return call("cuDevicePrimaryCtxRetain", " %d", device - 100);
}
DRIVER(cuDevicePrimaryCtxRelease_v2, int device) {
  return call("cuDevicePrimaryCtxRelease", " %d", device - 100);
}
DRIVER(cuCtxGetCurrent, void **context) {
  *context = depth ? stack[depth - 1] : NULL;
  return 0;
}
DRIVER(cuCtxPushCurrent_v2, void *context) {
  stack[depth++] = context;
  return call("cuCtxPushCurrent", " %d", (int)((char *)context - state.contexts));
}
DRIVER(cuCtxPopCurrent_v2, void **context) {
  *context = stack[--depth];
  return call("cuCtxPopCurrent", "%s", "");
}
DRIVER(cuCtxGetDevice, int *device) {
  if (!depth) return 201;
  *device = 100 + (int)((char *)stack[depth - 1] - state.contexts);
  return 0;
}
DRIVER(cuMemAlloc_v2, uint64_t *at, size_t size_b) {
  int result = UNSAFE("cuMemAlloc", " %zu", size_b);
  if (result) return result;
  char *memory = aligned_alloc(256, (size_b + 255) / 256 * 256);
  if (!memory) return 2;
  memset(memory, 0xAB, size_b);
  pthread_mutex_lock(&lock);
  state.n_live++;
  pthread_mutex_unlock(&lock);
  *at = (uint64_t)(uintptr_t)memory;
  return 0;
}
DRIVER(cuMemFree_v2, uint64_t at) {
  free((void *)(uintptr_t)at);
  pthread_mutex_lock(&lock);
  state.n_live--;
  pthread_mutex_unlock(&lock);
  return call("cuMemFree", "%s", "");
}
DRIVER(cuMemcpyHtoD_v2, uint64_t to, const void *from, size_t size_b) {
  memcpy((void *)(uintptr_t)to, from, size_b);
  return call("cuMemcpyHtoD", " %zu", size_b);
}
DRIVER(cuMemcpyDtoH_v2, void *to, uint64_t from, size_t size_b) {
  memcpy(to, (void *)(uintptr_t)from, size_b);
  return call("cuMemcpyDtoH", " %zu", size_b);
}
DRIVER(cuMemcpyDtoD_v2, uint64_t to, uint64_t from, size_t size_b) {
  memcpy((void *)(uintptr_t)to, (void *)(uintptr_t)from, size_b);
  return call("cuMemcpyDtoD", " %zu", size_b);
}
DRIVER(cuMemsetD8Async, uint64_t at, unsigned char x, size_t n, void *stream) {
  memset((void *)(uintptr_t)at, x, n);
  return call("cuMemsetD8Async", " %d %zu %p", x, n, stream);
}
DRIVER(cuModuleLoadData, void **module, const void *image) {
  *module = &state;
  if (state.capturing && capture_mode != TC_CUDA_CAPTURE_RELAXED) return 900;
  if (memcmp(image, "\177ELF", 4) != 0) return call("cuModuleLoadData", " bad"), 200;
  return call("cuModuleLoadData", "%s", "");
}
DRIVER(cuModuleUnload, void *module) {
  (void)module;
  return call("cuModuleUnload", "%s", "");
}
DRIVER(cuModuleGetFunction, void **out, void *module, const char *name) {
  (void)module;
  pthread_mutex_lock(&lock);
  function *f = &state.functions[state.n_functions++ % FUNCTIONS];
  snprintf(f->name, sizeof f->name, "%s", name);
  pthread_mutex_unlock(&lock);
  *out = f;
  return call("cuModuleGetFunction", " %s", name);
}
DRIVER(cuFuncLoad, void *f) {
  return call("cuFuncLoad", " %s", ((function *)f)->name);
}
DRIVER(cuFuncGetAttribute, int *x, int attribute, void *f) {
  *x = attribute == TC_CUDA_FUNCTION_THREADS ? state.threads : state.shared_b;
  return call("cuFuncGetAttribute", " %s %d", ((function *)f)->name, attribute);
}
DRIVER(cuFuncSetAttribute, void *f, int attribute, int x) {
  return call("cuFuncSetAttribute", " %s %d %d", ((function *)f)->name, attribute, x);
}
DRIVER(cuLaunchKernelEx, const tc_cuda_config *c, void *f, void **params, void **extra) {
  (void)extra;
  const char *name = ((function *)f)->name;
  int result = call("cuLaunchKernelEx", " %s grid %u %u %u block %u %u %u shared %u stream %p",
                    name, c->grid[0], c->grid[1], c->grid[2], c->block[0], c->block[1], c->block[2],
                    c->shared_b, c->stream);
  for (uint32_t i = 0; i < c->n_attributes; i++)
    call("attribute", " %d %u %u %u", c->attributes[i].id, c->attributes[i].as.three[0],
         c->attributes[i].as.three[1], c->attributes[i].as.three[2]);
  if (!result && state.on_launch) state.on_launch(name, c, params, state.data);
  return result;
}
DRIVER(cuTensorMapEncodeTiled, void *map, int type, uint32_t rank, void *at, const uint64_t *dims,
       const uint64_t *strides_b, const uint32_t *box, const uint32_t *step, int interleave,
       int swizzle, int l2_promotion, int oob_fill) {
  char text[300];
  size_t n = 0;
  text[0] = 0;
  for (uint32_t i = 0; i < rank; i++)
    n += (size_t)snprintf(text + n, sizeof text - n, " dim %llu box %u step %u",
                          (unsigned long long)dims[i], box[i], step[i]);
  for (uint32_t i = 0; i + 1 < rank; i++)
    n += (size_t)snprintf(text + n, sizeof text - n, " stride %llu",
                          (unsigned long long)strides_b[i]);
  memset(map, 0x5A, TC_RT_MAP_B);
  memcpy(map, &at, sizeof at);
  if ((uintptr_t)map % 64) return 1;
  return call("cuTensorMapEncodeTiled", " type %d rank %u%s modes %d %d %d %d", type, rank, text,
              interleave, swizzle, l2_promotion, oob_fill);
}
DRIVER(cuStreamSynchronize, void *stream) {
  return UNSAFE("cuStreamSynchronize", " %p", stream);
}
DRIVER(cuStreamCreate, void **stream, unsigned flags) {
  int result = call("cuStreamCreate", " %u", flags);
  if (!result) *stream = &state.n_live;
  return result;
}
DRIVER(cuStreamDestroy_v2, void *stream) {
  return call("cuStreamDestroy", "%s", stream == &state.n_live ? "" : " no stream");
}
DRIVER(cuStreamGetCaptureInfo, void *stream, int *status, uint64_t *id) {
  *status = state.capturing != 0;
  if (state.capturing) *id = (uint64_t)state.capturing;
  return call("cuStreamGetCaptureInfo", " %p", stream);
}
DRIVER(cuThreadExchangeStreamCaptureMode, int *mode) {
  int before = capture_mode;
  capture_mode = *mode;
  *mode = before;
  return 0;
}
DRIVER(cuEventCreate, void **event, unsigned flags) {
  (void)flags;
  *event = calloc(1, sizeof(double));
  return call("cuEventCreate", "%s", "");
}
DRIVER(cuEventDestroy_v2, void *event) {
  free(event);
  return call("cuEventDestroy", "%s", "");
}
DRIVER(cuEventRecord, void *event, void *stream) {
  pthread_mutex_lock(&lock);
  *(double *)event = state.clock_ms += 0.25;
  pthread_mutex_unlock(&lock);
  return call("cuEventRecord", " %p", stream);
}
DRIVER(cuEventSynchronize, void *event) {
  (void)event;
  return call("cuEventSynchronize", "%s", "");
}
DRIVER(cuEventElapsedTime, float *ms, void *first, void *second) {
  *ms = (float)(*(double *)second - *(double *)first);
  return call("cuEventElapsedTime", "%s", "");
}
