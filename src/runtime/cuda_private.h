/* What the files cuda*.c share. */
#ifndef TC_RUNTIME_CUDA_PRIVATE_H
#define TC_RUNTIME_CUDA_PRIVATE_H

#include "runtime/cuda.h"

#include <pthread.h>
#include <stdatomic.h>

/* Whose launches come one after another, so that they may share memory: those on one stream, and
 * those that one stream puts into one graph while it records. A graph may run beside the stream it
 * came from, and beside other graphs. */
typedef struct tc_cuda_queue {
  void *stream;
  uint64_t thread;  /* of the handle that means another stream in each thread, else 0 */
  uint64_t capture; /* 0: nothing is recorded; numbers of captures are not used again */
} tc_cuda_queue;

/* Memory for workspaces and counters of one queue. It is never freed before the module is: a kernel
 * that was launched, or recorded in a graph, may still use it. */
typedef struct tc_cuda_space {
  struct tc_cuda_space *next;
  tc_cuda_queue queue;
  uint64_t zeroed, zeroed_b; /* address and bytes of the counters; they are part of a stock */
  uint64_t rest, rest_b;     /* of the workspaces                                           */
} tc_cuda_space;

/* Memory of zeros, from which spaces take their counters. */
typedef struct tc_cuda_stock_block {
  struct tc_cuda_stock_block *next;
  uint64_t address, size_b, used_b;
} tc_cuda_stock_block;

/* The code in one context. */
typedef struct tc_cuda_instance {
  struct tc_cuda_instance *next;
  void *context;
  unsigned long long context_id; /* an address may be used again after a context is destroyed */
  int32_t device;
  void *module;
  /* Of streams, and of graphs; newest first, only ever added to. */
  _Atomic(tc_cuda_space *) spaces[2];
  tc_cuda_stock_block *stock; /* newest first; under the module's lock */
  size_t size_b;
  void *functions[];
} tc_cuda_instance;

/* Tensor maps that were made before, each under what it was made from: the driver takes longer than
 * a look here. Readers take no lock: an entry is good when its number was even, and the same before
 * and after it was read. */
enum { TC_CUDA_MAP_WAYS = 8, TC_CUDA_MAP_KEY = 2 * TC_RT_MAP_RANK, TC_CUDA_MAP_WORDS = 16 };
_Static_assert(TC_CUDA_MAP_WORDS * sizeof(uint64_t) == TC_RT_MAP_B, "words of a tensor map");
typedef struct tc_cuda_known_map {
  _Atomic uint64_t number; /* 0: empty; odd: being written */
  _Atomic uint64_t key[TC_CUDA_MAP_KEY];
  _Atomic uint64_t words[TC_CUDA_MAP_WORDS];
} tc_cuda_known_map;
typedef tc_cuda_known_map tc_cuda_known_maps[TC_CUDA_MAP_WAYS];

struct tc_cuda_module {
  tc_cuda *cuda;
  const tc_cuda_calls *calls;
  tc_cuda_code code;
  const tc_rt_table *table;
  const tilec_allocator *allocator;
  pthread_mutex_t lock;                  /* of adding to either list */
  _Atomic(tc_cuda_instance *) instances; /* only ever added to       */
  uint32_t n_maps, n_states, most_args;  /* of all kernels; of all; of one */
  uint64_t usual_zeroed_b;               /* of the states whose size is known */
  tc_cuda_known_maps *known;             /* n_maps; NULL for none */
};

/* ---- cuda_module.c ---- */

/* The code in the context that is current, which belongs to `device`; loads it when it must. NULL
 * with an error. */
tc_cuda_instance *tc_cuda_instance_in(tc_cuda_module *module, void *context, int32_t device,
                                      tc_rt_error *error);
/* ---- cuda_space.c ---- */

/* What an object in a space takes: kernels may count on the alignment. */
enum { TC_CUDA_SPACE_ALIGN_B = 256 };
static inline uint64_t tc_cuda_padded(uint64_t size_b) {
  return (size_b + TC_CUDA_SPACE_ALIGN_B - 1) / TC_CUDA_SPACE_ALIGN_B * TC_CUDA_SPACE_ALIGN_B;
}

/* Counters for the first launches, in the context that is current, so that they ask the driver for
 * nothing. */
uint32_t tc_cuda_stock(tc_cuda_module *module, tc_cuda_instance *instance, tc_rt_error *error);
/* For what is launched on a stream now: zeroed_b bytes that are 0 between launches, and rest_b
 * others. NULL with an error. */
const tc_cuda_space *tc_cuda_space_on(tc_cuda_module *module, tc_cuda_instance *instance,
                                      void *stream, uint64_t zeroed_b, uint64_t rest_b,
                                      tc_rt_error *error);
/* `alive`: the context is current, and its memory is given back. */
void tc_cuda_free_spaces(const tc_cuda_module *module, tc_cuda_instance *instance, bool alive);

/* ---- cuda_map.c ---- */

/* Makes a tensor map from its recipe into 128 bytes aligned to 64. `known` are those made from it
 * before, `ptr` the pointers of the launch. A map of a tensor without elements is all 0: nothing is
 * read through it. */
uint32_t tc_cuda_map(const tc_cuda_module *module, const tc_rt_map *map, tc_cuda_known_map *known,
                     const tc_rt_frame *frame, void *const *ptr, void *out, tc_rt_error *error);

#endif
