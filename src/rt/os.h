/* What the operating system gives: memory, processors, locks, time, files. */
#ifndef TC_RT_OS_H
#define TC_RT_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tilec/tilec.h"

#include <pthread.h>

enum { TC_PATH_B = 4096 }; /* room for a path with its terminator */

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

/* A mutex that its owner may lock again. */
bool tc_rt_lock_init_recursive(pthread_mutex_t *lock);
/* Monotonic. */
uint64_t tc_rt_now_ns(void);

/* Size of a plain file, or -1 with errno set (directories, devices and pipes are refused). */
int64_t tc_rt_file_size(const char *path);
/* Up to size_b bytes of the file; how many, or -1 with errno set. */
int64_t tc_rt_file_read(const char *path, void *buffer, size_t size_b);
/* Writes a file anew, or leaves none. False with errno set. */
bool tc_rt_file_write(const char *path, const void *bytes, size_t size_b);
/* True when the path names something that exists. */
bool tc_rt_file_exists(const char *path);

#endif
