/* Memory and processors of this machine, as far as this process may use them. */
#ifndef TC_RT_MEMORY_H
#define TC_RT_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tilec/tilec.h"

/* From the hooks, or with NULL from the C library. NULL when there is none. */
void *tc_rt_alloc(const tilec_allocator *allocator, size_t size_b, size_t align_b);
/* NULL is fine. */
void tc_rt_free(const tilec_allocator *allocator, void *at, size_t size_b);

/* Processors this process may use at once: the affinity mask, cut by the quota of its control group
 * (cgroup v2 cpu.max, v1 cpu.cfs_quota_us) and of those above it, rounded up; at least 1. `root` is
 * put before /proc and /sys: "", or a directory with test data. */
uint32_t tc_rt_cpu_count(const char *root);
/* Bytes of memory this process may use: physical memory, cut by its control groups. Swap does not
 * count. */
uint64_t tc_rt_memory_b(const char *root);

#endif
