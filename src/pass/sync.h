/* The parts of pass sync. */
#ifndef TC_PASS_SYNC_H
#define TC_PASS_SYNC_H

#include "pass/ringplan.h"

typedef struct tc_sync {
  tc_ir *ir;
  const tc_pass_context *cx;
  tc_arena *arena;
  tc_value kernel;
  tc_works works;
  tc_ring_plans rings;
  uint32_t *in_flight; /* by ring of queue cp: groups that may stay open when it is waited for */
} tc_sync;

/* A statement that was made elsewhere goes before number `at` of the region. */
void tc_sync_insert(tc_ir *ir, tc_region region, uint32_t at, tc_value stmt);
/* The line a statement comes from; 0: not known. */
uint32_t tc_sync_line(const tc_ir *ir, tc_value stmt);

/* Plays all groups' steps of all rings, for some sizes; reports steps that do not match or wait for
 * each other, and fills in_flight. (sync_run.c) */
void tc_sync_run(tc_sync *s);
/* Puts barriers, fences and waits for queue cp where memory needs them. (sync_barriers.c) */
void tc_sync_barriers(tc_sync *s);
/* Turns steps of rings into counters and barriers in memory. (sync_rings.c) */
void tc_sync_rings(tc_sync *s);

#endif
