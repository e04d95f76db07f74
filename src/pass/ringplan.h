/* How each ring of a kernel is kept: what place must make room for, and what sync makes of it. */
#ifndef TC_PASS_RINGPLAN_H
#define TC_PASS_RINGPLAN_H

#include "pass/onchip.h"

enum tc_ring_kind {
  TC_RING_QUEUE,  /* the same threads fill and use it: queue cp and barriers                     */
  TC_RING_BULK,   /* the bulk copy engine fills it: barriers in memory count its bytes           */
  TC_RING_HANDED, /* other threads fill it themselves: barriers in memory count their warps       */
  TC_RING_BATON   /* no versions: a turn that groups take one after the other                     */
};

enum { TC_RING_GROUPS = 8 };

typedef struct tc_ring_plan {
  uint32_t ring; /* number of the ring's record */
  tc_value stmt; /* its op */
  enum tc_ring_kind kind;
  tc_value producer; /* the group (or kernel) that fills it; 0: none */
  tc_team filling;
  tc_value consumer[TC_RING_GROUPS]; /* in the order of the text */
  tc_team using[TC_RING_GROUPS];
  uint32_t n_consumers;
  bool shared_out; /* consumers skip versions: each version is one group's */
  /* Who reads its versions: threads by themselves, or an engine (wgmma) for them. */
  bool read_by_threads, read_by_engine;
} tc_ring_plan;
typedef TC_VEC(tc_ring_plan) tc_ring_plans;

/* The plans of a kernel's rings. Reports what cannot be kept. */
void tc_ring_plans_of(tc_ir *ir, const tc_works *works, tc_arena *arena, tc_ring_plans *out);
/* The plan of a ring's number, or of the ring that a buffer belongs to; NULL: none. */
const tc_ring_plan *tc_ring_plan_of(const tc_ring_plans *plans, uint32_t ring);
const tc_ring_plan *tc_ring_plan_of_buf(const tc_ir *ir, const tc_ring_plans *plans, tc_buf buf);
/* Barriers in memory that the ring needs: arrays of how many, one after the other. */
uint32_t tc_ring_barriers(const tc_ir *ir, const tc_ring_plan *plan, uint32_t counts[2]);
/* Arrivals that free a version. */
int64_t tc_ring_releases(const tc_ring_plan *plan);
int64_t tc_team_warps(tc_team team);

#endif
