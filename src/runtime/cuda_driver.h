/* NVIDIA's driver, opened when it is first needed, and its devices.
 *
 * Work on a device happens in the context that is current, when it belongs to that device, and else
 * in the device's primary context, which is what the CUDA runtime and the frameworks on top of it
 * use. Every failure becomes a tc_rt_error with the name of the call and the driver's words. */
#ifndef TC_RUNTIME_CUDA_DRIVER_H
#define TC_RUNTIME_CUDA_DRIVER_H

#include "rt/check.h"

/* ---- the driver's structs and numbers, as cuda.h lays them out ---- */

typedef struct tc_cuda_attribute {
  int id;
  char pad[4];
  union {
    char room[64];
    int number;
    uint32_t three[3];
  } as;
} tc_cuda_attribute;
_Static_assert(sizeof(tc_cuda_attribute) == 72, "CUlaunchAttribute");

typedef struct tc_cuda_config {
  uint32_t grid[3], block[3], shared_b;
  void *stream;
  tc_cuda_attribute *attributes;
  uint32_t n_attributes;
} tc_cuda_config;
_Static_assert(sizeof(tc_cuda_config) == 56, "CUlaunchConfig");

enum tc_cuda_number {
  TC_CUDA_OUT_OF_MEMORY = 2, /* results */
  TC_CUDA_NO_DEVICE = 100,
  TC_CUDA_NO_BINARY = 209,
  TC_CUDA_CAPTURE_FIRST = 900, /* those that are about streams that record a graph */
  TC_CUDA_CAPTURE_LAST = 908,
  TC_CUDA_LAUNCH_COOPERATIVE = 2, /* attributes of launches */
  TC_CUDA_LAUNCH_CLUSTER = 4,
  TC_CUDA_FUNCTION_THREADS = 0, /* attributes of functions */
  TC_CUDA_FUNCTION_SHARED = 1,
  TC_CUDA_FUNCTION_DYNAMIC = 8,
  TC_CUDA_FUNCTION_ANY_CLUSTER = 14,
  TC_CUDA_CAPTURE_RELAXED = 2,
  TC_CUDA_STREAM_ALONE = 1,     /* flags of streams: the default stream does not wait for it */
  TC_CUDA_STREAM_OF_THREAD = 2, /* a handle: each thread's own default stream */
};

typedef struct tc_cuda_calls {
#define CUDA_CALL(name, symbol, needed, parameters) int(*name) parameters;
#include "runtime/cuda_calls.def"
#undef CUDA_CALL
} tc_cuda_calls;

/* ---- the driver ---- */

typedef struct tc_cuda tc_cuda;

/* Opens `library`, or with NULL or "" libcuda.so.1 where the system has it. NULL with
 * TC_RT_E_NO_CUDA, and what was tried, when there is no driver or no device. */
tc_cuda *tc_cuda_open(const char *library, const tilec_allocator *allocator, tc_rt_error *error);
/* After everything made with it. */
void tc_cuda_close(tc_cuda *cuda);

/* The driver's functions, and the library they are from; they live as long as `cuda`. */
const tc_cuda_calls *tc_cuda_table(const tc_cuda *cuda);
const char *tc_cuda_path(const tc_cuda *cuda);

typedef struct tc_cuda_device {
  char name[96];
  uint32_t cc; /* compute capability, 10 * major + minor */
  uint32_t n_sms, block_shared_b, sm_shared_b, sm_regs, sm_threads;
  uint64_t l2_b;
} tc_cuda_device;
/* How many devices there were when the driver was opened. */
uint32_t tc_cuda_count(const tc_cuda *cuda);
/* NULL when there is no such device. */
const tc_cuda_device *tc_cuda_device_at(const tc_cuda *cuda, int32_t id);
/* The device of the current context, else 0. */
int32_t tc_cuda_current(const tc_cuda *cuda);

/* Records the failure of `call`; `about` is put before it, or "". Returns the code. */
uint32_t tc_cuda_fail(const tc_cuda *cuda, tc_rt_error *error, int result, const char *call,
                      const char *about);

typedef struct tc_cuda_scope {
  void *context;
  bool pushed;
} tc_cuda_scope;
/* Makes a context of the device current until tc_cuda_leave. */
uint32_t tc_cuda_enter(tc_cuda *cuda, int32_t id, tc_cuda_scope *scope, tc_rt_error *error);
/* The same for a context that is known. */
uint32_t tc_cuda_enter_context(tc_cuda *cuda, void *context, tc_cuda_scope *scope,
                               tc_rt_error *error);
void tc_cuda_leave(tc_cuda *cuda, const tc_cuda_scope *scope);

/* ---- memory and time, for the API ---- */

/* Memory of zeros. */
uint32_t tc_cuda_alloc(tc_cuda *cuda, int32_t id, uint64_t size_b, void **at, tc_rt_error *error);
void tc_cuda_free(tc_cuda *cuda, int32_t id, void *at);
/* Waits until it is done. Either side may be NULL-free host memory or memory of the device. */
uint32_t tc_cuda_copy(tc_cuda *cuda, int32_t id, void *to, bool to_device, const void *from,
                      bool from_device, uint64_t size_b, tc_rt_error *error);
/* Waits for a stream. */
uint32_t tc_cuda_wait(tc_cuda *cuda, int32_t id, void *stream, tc_rt_error *error);

#endif
