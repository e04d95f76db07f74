/* Strands: the threads of a block when they wait for each other.
 *
 * A strand is a range of threads with one control flow; it runs the kernel function on a fiber of
 * its own and asks for what needs others through tc_strand_ops: meeting the strands of its group,
 * barriers, mbarriers, exchanges within a warp. The strands of a block, or of all blocks of a grid
 * whose blocks wait for blocks (resident), run in turn on one thread, so that memory needs no lock
 * and a run is the same every time. When none can go on, the launch ends with a report of where
 * each stands; a strand that looks at memory until it changes gives way each time it looks, and
 * when nobody has got anywhere for long enough that is reported as well. */
#ifndef TC_RT_STRAND_H
#define TC_RT_STRAND_H

#include "rt/env.h"
#include "rt/pool.h"

/* ---- what emitted text knows; target/cpu/prelude.c declares the same ---- */

typedef struct tc_strand tc_strand;

/* A barrier in memory. All 0: not initialised. */
typedef struct tc_mbar {
  int64_t bytes;             /* pending in this phase           */
  int32_t expected, pending; /* arrivals of a phase and of this */
  uint32_t phase, is_set;
} tc_mbar;

/* `site` is a number of tc_rt_strands.sites: where the strand stands. No call returns to a strand
 * whose launch has failed. */
typedef struct tc_strand_ops {
  /* Waits for the strands of the group to come to the same site. Returns 1 in the last one, which
   * then does what is to be done once and calls `met`; 0 in the others, after that. */
  int32_t (*meet)(tc_strand *strand, uint32_t group, uint32_t site);
  void (*met)(tc_strand *strand, uint32_t group);
  /* Waits for all threads of the group. */
  void (*barrier)(tc_strand *strand, uint32_t group, uint32_t site);
  /* Barrier `id`: counts the threads of the strand, then waits, unless it only arrives, until
   * `count` have come. */
  void (*named)(tc_strand *strand, int32_t id, int32_t count, int32_t arrives, uint32_t site);
  /* Waits for all threads of all blocks. */
  void (*grid)(tc_strand *strand, uint32_t site);
  /* `n` threads add `bytes` each, then arrive `arrivals` times each. */
  void (*arrive)(tc_strand *strand, tc_mbar *bar, int32_t n, int64_t arrivals, int64_t bytes,
                 uint32_t site);
  void (*init)(tc_strand *strand, tc_mbar *bar, int64_t arrivals, uint32_t site);
  /* Waits until the phase of that parity has ended. */
  void (*wait)(tc_strand *strand, const tc_mbar *bar, int64_t parity, uint32_t site);
  /* A strand of one thread exchanges `value` with the lanes of its warp that the mask names, 0:
   * all, when they have come to the site with the same mask. lanes[i] is lane i's value; returns
   * the mask of the lanes that came, 0 to one that does not name itself. */
  uint32_t (*warp)(tc_strand *strand, uint64_t value, uint32_t mask, uint64_t *lanes,
                   uint32_t site);
  /* `bits`, seen at `at`, are not what the strand waits for: others may go on. With a deadline
   * (not 0) the launch fails when they have not changed for so long. */
  void (*look)(tc_strand *strand, const void *at, uint64_t bits, int64_t deadline_ns,
               uint32_t site);
} tc_strand_ops;

struct tc_strand {
  const tc_strand_ops *ops;
  int32_t first, end; /* threads */
  int32_t index;      /* among the strands of the block */
};

/* As a kernel function of target/cpu/cpu.h, run by one strand. */
typedef int32_t tc_rt_strand_fn(void *const *ptr, const int64_t *word, const int32_t *block,
                                const int32_t *grid, unsigned char *scratch, const tc_env *env,
                                tc_strand *strand);

/* ---- running ---- */

/* One run of a kernel over its grid. */
typedef struct tc_rt_strand_call {
  const tc_rt_strands *plan;
  tc_rt_strand_fn *fn;
  void *const *ptr;
  const int64_t *word;
  const int32_t *grid; /* 3 extents */
  const tc_env *env;
  uint64_t scratch_b; /* of a block, a multiple of 64 */
  const tilec_allocator *allocator;
} tc_rt_strand_call;

/* Who runs blocks: the contract is that of tc_rt_pool_run. */
typedef uint32_t tc_rt_run_fn(void *pool, tc_rt_block *block, void *data, int64_t n_blocks,
                              uint64_t scratch_b, int32_t *result, tc_rt_error *error);

/* As `run`; besides, what strands do wrong ends it with TC_RT_E_DEADLOCK, _RESIDENT, _BARRIER or
 * _DEADLINE. */
uint32_t tc_rt_strand_run(tc_rt_run_fn *run, void *pool, const tc_rt_strand_call *call,
                          int32_t *result, tc_rt_error *error);

#endif
