/* Runs a function whose kernels are machine code in this process: checks the arguments, takes the
 * workspaces, and runs the grid of each kernel in order on whatever threads the caller has. */
#ifndef TC_RT_LAUNCH_H
#define TC_RT_LAUNCH_H

#include "rt/env.h"
#include "rt/pool.h"

/* One block of one kernel; the convention is explained in target/cpu/cpu.h. */
typedef int32_t tc_rt_kernel_fn(void *const *ptr, const int64_t *word, const int32_t *block,
                                const int32_t *grid, unsigned char *scratch, const tc_env *env);

/* Who runs the blocks of a grid: a pool of ours, or one that another object of this program made.
 * The contract of `run` is tc_rt_pool_run's. */
typedef struct tc_rt_runner {
  uint32_t (*run)(void *pool, tc_rt_block *block, void *data, int64_t n_blocks, uint64_t scratch_b,
                  int32_t *result, tc_rt_error *error);
  void *pool;
} tc_rt_runner;

/* The pool as a runner; it must outlive what is run. */
tc_rt_runner tc_rt_pool_runner(tc_rt_pool *pool);

/* A function: its table and one entry per kernel of it. */
typedef struct tc_rt_function {
  const tc_rt_table *table;
  tc_rt_kernel_fn *const *kernels;
  const tilec_allocator *allocator; /* of workspaces and large frames; may be NULL */
} tc_rt_function;

/* Checks the arguments and runs all kernels in order. Any number of threads at once. Returns
 * TC_RT_OK or error->code; before TC_RT_E_DEVICE_ASSERT nothing but arguments was touched. */
uint32_t tc_rt_launch(const tc_rt_function *function, const tc_rt_runner *runner,
                      const tilec_arg *args, size_t n_args, const tc_env *env, tc_rt_error *error);

#endif
