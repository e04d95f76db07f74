/* What cuda.c, cuda_module.c and cuda_map.c share. */
#ifndef TC_RUNTIME_CUDA_PRIVATE_H
#define TC_RUNTIME_CUDA_PRIVATE_H

#include "runtime/cuda.h"

#include <pthread.h>
#include <stdatomic.h>

/* Memory for workspaces and counters on one stream. It is never freed before the module is: a
 * kernel that was launched, or recorded in a graph, may still use it. */
typedef struct tc_cuda_space {
  struct tc_cuda_space *next;
  void *stream;
  uint64_t address, zeroed_b, rest_b; /* the counters, then the workspaces */
} tc_cuda_space;

/* The code in one context. */
typedef struct tc_cuda_instance {
  struct tc_cuda_instance *next;
  void *context;
  unsigned long long context_id; /* an address may be used again after a context is destroyed */
  int32_t device;
  void *module;
  _Atomic(tc_cuda_space *) spaces; /* newest first; only ever added to */
  size_t size_b;
  void *functions[];
} tc_cuda_instance;

struct tc_cuda_module {
  tc_cuda *cuda;
  const tc_cuda_calls *calls;
  tc_cuda_code code;
  const tc_rt_table *table;
  const tilec_allocator *allocator;
  pthread_mutex_t lock;                  /* of adding to either list */
  _Atomic(tc_cuda_instance *) instances; /* only ever added to       */
  uint32_t n_maps, n_states, most_args;  /* of all kernels; of all; of one */
};

/* ---- cuda_module.c ---- */

/* The code in the context that is current, which belongs to `device`; loads it when it must. NULL
 * with an error. */
tc_cuda_instance *tc_cuda_instance_in(tc_cuda_module *module, void *context, int32_t device,
                                      tc_rt_error *error);
/* On a stream, at least zeroed_b bytes that are 0 between launches, and rest_b bytes after those of
 * them that the space has. NULL with an error, TC_RT_E_CAPTURE among them. */
const tc_cuda_space *tc_cuda_space_on(tc_cuda_module *module, tc_cuda_instance *instance,
                                      void *stream, uint64_t zeroed_b, uint64_t rest_b,
                                      tc_rt_error *error);

/* ---- cuda_map.c ---- */

/* Makes a tensor map from its recipe into 128 bytes aligned to 64. `ptr` are the pointers of the
 * launch. A map of a tensor without elements is all 0: nothing is read through it. */
uint32_t tc_cuda_map(const tc_cuda_module *module, const tc_rt_map *map, const tc_rt_frame *frame,
                     void *const *ptr, void *out, tc_rt_error *error);

#endif
