/* CUDA kernels: a device binary, loaded in each context that launches it.
 *
 * A launch checks the arguments, the grids and the tensor maps of all kernels of the function, and
 * only then launches the first one, so an argument that is wrong leaves nothing half done. It does
 * not wait, takes no lock and asks the driver for no memory. What a launch needs once is made by
 * the first one: the module in its context, and for each stream the memory for the function's
 * workspaces and the kernels' counters. All of this may happen while a stream records a graph; each
 * graph gets memory of its own, so that it may run beside others and beside the stream. */
#ifndef TC_RUNTIME_CUDA_H
#define TC_RUNTIME_CUDA_H

#include "runtime/cuda_driver.h"

typedef struct tc_cuda_code {
  const void *bytes; /* cubin; must outlive the module */
  size_t size_b;
  const char *arch; /* "sm_90a" */
  uint32_t cc;      /* its compute capability */
  bool exact;       /* it runs on this one only */
} tc_cuda_code;

typedef struct tc_cuda_module tc_cuda_module;

/* `table`, and what it points to, must outlive the module; all its kernels have their `gpu`. NULL
 * with an error when there is no memory. Nothing is loaded yet. */
tc_cuda_module *tc_cuda_load(tc_cuda *cuda, const tc_cuda_code *code, const tc_rt_table *table,
                             const tilec_allocator *allocator, tc_rt_error *error);
/* When no launch is running and no kernel of it is still to run. */
void tc_cuda_unload(tc_cuda_module *module);

/* Loads the code on a device now instead of at the first launch: it must fit the device, and the
 * kernels must not ask for more than it has (TC_RT_E_GPU, TC_RT_E_LIMIT). */
uint32_t tc_cuda_prepare(tc_cuda_module *module, int32_t device, tc_rt_error *error);

/* Checks the arguments and launches all kernels in order on the stream (NULL: the default one), on
 * the device where the tensors are. Kernels whose grid is empty are left out. Any number of threads
 * at once; launches on one stream share its workspaces, which the order of the stream keeps apart,
 * and so do those that one stream records into one graph. */
uint32_t tc_cuda_launch(tc_cuda_module *module, void *stream, const tilec_arg *args, size_t n_args,
                        tc_rt_error *error);
typedef struct tc_cuda_timing {
  const tilec_arg *const *sets; /* run i takes set i % n_sets */
  size_t n_sets, n_args, n_warm, n_runs;
  bool flush;       /* writes twice the L2 before each run */
  tilec_peer *peer; /* is launched instead, or NULL        */
} tc_cuda_timing;
/* Times launches on the default stream by events, into times_ns[n_runs]. */
uint32_t tc_cuda_time(tc_cuda_module *module, const tc_cuda_timing *timing, uint64_t *times_ns,
                      tc_rt_error *error);

/* The device such a launch would run on. */
int32_t tc_cuda_device_of(const tc_cuda *cuda, const tc_rt_table *table, const tilec_arg *args,
                          size_t n_args);

#endif
