/* What an object made by `tilec build` for GPUs holds: its binary, and the driver once it was
 * needed. Both stay until the process ends. */
#ifndef TC_RUNTIME_CUDA_AOT_H
#define TC_RUNTIME_CUDA_AOT_H

#include "runtime/cuda.h"

#include <pthread.h>
#include <stdatomic.h>

typedef struct tc_cuda_aot {
  tc_cuda_code code;
  const tc_rt_table *table;
  pthread_mutex_t lock; /* of opening */
  _Atomic(tc_cuda *) driver;
  _Atomic(tc_cuda_module *) module;
} tc_cuda_aot;

/* As tc_cuda_launch. The driver is the one that TILEC_LIBCUDA names, or the system's. */
uint32_t tc_cuda_aot_launch(tc_cuda_aot *aot, void *stream, const tilec_arg *args,
                            tc_rt_error *error);
/* The device of the calling thread's context; 0 when there is none. */
int32_t tc_cuda_aot_current(tc_cuda_aot *aot);

#endif
