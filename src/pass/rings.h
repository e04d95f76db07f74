/* What the passes about rings share. */
#ifndef TC_PASS_RINGS_H
#define TC_PASS_RINGS_H

#include "pass/engines.h"

/* acquire, commit, wait or release. */
tc_value tc_ring_stmt(tc_ir *ir, tc_region at, enum tc_opcode op, uint32_t ring, uint32_t lag,
                      tc_span span);
/* Is it one of those? */
bool tc_ring_is_step(const tc_ir *ir, tc_value stmt);
/* A copy that belongs to a ring's version, and the commit of its queue. */
bool tc_ring_is_filling(const tc_ir *ir, tc_value stmt);
/* A load of memory that the kernel does not write: it may be done at any time. */
bool tc_ring_is_steady_load(tc_ir *ir, tc_value kernel, tc_value stmt);
/* Adds the loads that a statement's operands come from, through other loads too, each once. False
 * when something else than such loads is among them. */
bool tc_ring_inputs(tc_ir *ir, tc_value kernel, tc_value stmt, tc_arena *scratch, tc_values *loads);
/* The source's own threads, or its own order of asynchronous steps: why passes leave them alone. */
const char *tc_ring_user_sync(tc_ir *ir, tc_value kernel);
/* Does the bulk copy engine fill a ring of the kernel? */
bool tc_ring_has_bulk(tc_ir *ir, tc_value kernel);
/* The statements of `front` go before those of `body`. */
void tc_ring_put_first(tc_ir *ir, tc_region body, tc_region front);
/* Takes versions away, of the largest rings first, until the kernel's shared memory should do; 2
 * are left at least. */
void tc_ring_fit(tc_ir *ir, const tc_target_limits *limits, tc_value kernel);

/* Each warp's slots on the way out of the kernel: two of 16 rows and up to 64 columns. */
enum { TC_STAGE_SLOTS = 2, TC_STAGE_ROWS = 16, TC_STAGE_COLUMNS = 64 };

#endif
