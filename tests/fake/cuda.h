/* A libcuda for tests: it records calls, fails when told to, and keeps "device memory" in the
 * host's. The test opens tests/fake/cuda.so itself and gets these functions by dlsym. */
#ifndef TESTS_FAKE_CUDA_H
#define TESTS_FAKE_CUDA_H

#include "runtime/cuda_driver.h"

typedef struct fake_cuda {
  /* All calls since the last reset, a line each: the symbol, then what matters of its arguments. */
  const char *(*log)(void);
  void (*clear_log)(void);
  /* Devices of one compute capability; forgets all that was set. */
  void (*reset)(int n_devices, int cc);
  /* From now on the n-th call (1: the next) of a symbol returns `result`, once. */
  void (*fail)(const char *symbol, int n, int result);
  /* Makes device `id`'s context current in this thread, as another library would; -1: none. */
  void (*set_current)(int id);
  /* Every stream records graph number `id`, and unsafe calls fail in the usual mode; 0: none does.
   */
  void (*set_capturing)(int id);
  /* Static shared memory and threads of every function. */
  void (*set_function)(int shared_b, int threads);
  /* Called for each launch with the function's name: runs the kernel, or looks at it. */
  void (*on_launch)(void (*fn)(const char *name, const tc_cuda_config *config, void **params,
                               void *data),
                    void *data);
  /* Allocations that were not freed. */
  int (*n_live)(void);
} fake_cuda;

typedef const fake_cuda *fake_cuda_get_fn(void);

#endif
