/* How the threads of a kernel become C.
 *
 * As long as threads wait for each other only where all of them come together anyway, statement
 * after statement for all threads is a legal schedule: the kernel function runs a block by itself,
 * per-thread code is a loop over the threads, barriers vanish, and what a thread keeps from one
 * region to the next lies in an array with a place for each.
 *
 * Other kernels (mbarriers, barriers that part of the threads pass, waits for memory) run as
 * strands: the same function, called once per strand and told which threads it is (rt/strand.h).
 * A strand is the threads between two bounds of groups, which have one control flow; if threads
 * wait for each other in per-thread code, each is a strand of its own. */
#ifndef TC_TARGET_CPU_STRANDS_H
#define TC_TARGET_CPU_STRANDS_H

#include "ir/ir.h"
#include "rt/table.h"

typedef struct tc_strands {
  tc_rt_range block;
  bool needed;                /* the kernel runs as strands                   */
  bool single;                /* each is one thread                           */
  bool resident;              /* all blocks at once                           */
  bool *looks;                /* by statement: looks at memory until it changes */
  bool *own;                  /* by buffer: a root that is an array with a place for each thread */
  TC_VEC(tc_rt_range) ranges; /* of the strands, when not single */
  TC_VEC(tc_rt_range) groups; /* [0] is the block */
  TC_VEC(const char *) sites;
} tc_strands;

/* What the kernel needs. Refuses what cannot be run. */
tc_strands *tc_strands_plan(tc_ir *ir, tc_value kernel, tc_arena *arena);
/* The number of strands, and how many of them a group has. */
uint32_t tc_strands_count(const tc_strands *s);
uint32_t tc_strands_of(const tc_strands *s, tc_rt_range group);
/* The strand that begins with the thread. */
uint32_t tc_strands_at(const tc_strands *s, int32_t thread);
uint32_t tc_strands_group(const tc_strands *s, tc_rt_range group);
static inline tc_rt_range tc_strands_range(const tc_group *g) {
  return (tc_rt_range){(int32_t)g->first, (int32_t)(g->first + g->count)};
}
/* The statement in a per-thread region that is its only exchange between threads, and stands so
 * that the region can be cut there: all threads up to it, the exchange, all threads from it on.
 * UINT32_MAX: there is none. */
uint32_t tc_strands_cut(tc_ir *ir, tc_region region);

#endif
