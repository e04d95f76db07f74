/* A pool of worker threads that run the blocks of a grid.
 *
 * A run hands out block numbers from an atomic counter to the calling thread and to as many workers
 * as are free, and returns when all blocks are done. Several threads may run at once, and a block
 * may itself start a run: the caller always works on its own blocks, so nobody waits for a free
 * worker. Idle workers sleep. Threads start with the first run that can use them. */
#ifndef TC_RT_POOL_H
#define TC_RT_POOL_H

#include "rt/check.h"

typedef struct tc_rt_pool tc_rt_pool;

/* `n_threads` counts the caller; 0 means tc_rt_cpu_count. `allocator` may be NULL and is copied.
 * NULL when out of memory. */
tc_rt_pool *tc_rt_pool_new(const tilec_allocator *allocator, uint32_t n_threads);
/* No run may be in progress. In a child of fork() the threads do not exist and are not waited for.
 */
void tc_rt_pool_free(tc_rt_pool *pool);
uint32_t tc_rt_pool_threads(const tc_rt_pool *pool);

/* Runs one block; not 0 stops the run. `scratch` is 64-byte aligned, private to the call. */
typedef int32_t tc_rt_block(void *data, int64_t block, unsigned char *scratch);

/* Runs blocks 0 to n_blocks - 1. Returns TC_RT_OK, *result being 0 or the first value that was not
 * 0; or TC_RT_E_WORKSPACE, nothing run. The floating-point environment of each thread is the
 * default one during a block, and afterwards what it was. A child of fork() runs on one thread. */
uint32_t tc_rt_pool_run(tc_rt_pool *pool, tc_rt_block *block, void *data, int64_t n_blocks,
                        uint64_t scratch_b, int32_t *result, tc_rt_error *error);

/* Runs block 0 alone, in the calling thread and with at most this much scratch memory, which lies
 * on its stack: needs no pool, no lock and no allocation. Returns what the block returned. */
enum { TC_RT_SMALL_SCRATCH_B = 16 << 10 };
int32_t tc_rt_run_one(tc_rt_block *block, void *data);

#endif
