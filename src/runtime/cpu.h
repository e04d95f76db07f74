/* CPU kernels: a shared object made by the C compiler, loaded, and run block by block on the pool.
 *
 * The calling convention of the kernel functions is the one of target/cpu/cpu.h; what a launch
 * takes and checks is the launch table's business (rt/table.h). */
#ifndef TC_RUNTIME_CPU_H
#define TC_RUNTIME_CPU_H

#include "rt/launch.h"

typedef struct tc_cpu_module tc_cpu_module;

/* Loads `path` and finds the kernels of `table`, which must outlive the module. The file may be
 * removed afterwards; whoever calls this has made sure that only this user could write it.
 * returns NULL, and up to `size_b` bytes of why in `why`, when the loader refuses or a kernel is
 * missing; with nothing in `why` when there is no memory. */
tc_cpu_module *tc_cpu_load(const char *path, const tc_rt_table *table,
                           const tilec_allocator *allocator, char *why, size_t size_b);
void tc_cpu_unload(tc_cpu_module *module);

/* tc_rt_launch with the module's kernels. */
uint32_t tc_cpu_launch(const tc_cpu_module *module, tc_rt_pool *pool, const tilec_arg *args,
                       size_t n_args, const tc_env *env, tc_rt_error *error);

#endif
