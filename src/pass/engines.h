/* Which engine can do a tile operation, and why a better one cannot. What is legal depends on
 * types, extents, scopes and the target's capabilities alone. */
#ifndef TC_PASS_ENGINES_H
#define TC_PASS_ENGINES_H

#include "layout/layout.h"
#include "pass/pass.h"

/* Refusals: NULL when it can be done, else the reason why not, in the arena of the IR.
 *
 * A product done by `warps` warps, that is warps / 4 warpgroups. */
const char *tc_engine_refuses_gemm(const tc_ir *ir, uint64_t caps, enum tc_engine engine,
                                   tc_value gemm, int64_t warps);
/* A copy; what is known about integers must hold in the prover's environment. */
const char *tc_engine_refuses_copy(tc_ir *ir, tc_prover *p, uint64_t caps, enum tc_engine engine,
                                   tc_value copy);
/* The same of a copy of global memory that goes on by itself: what else the kernel does to its
 * tensor does not allow that. */
const char *tc_engine_refuses_order(tc_ir *ir, tc_prover *p, tc_value kernel, tc_value copy);
/* Is it between these two scopes? */
bool tc_copy_between(const tc_ir *ir, tc_value stmt, enum tc_scope from, enum tc_scope to);
/* A hint that says what was decided about a statement, and why. */
tc_value tc_choice_hint(tc_ir *ir, tc_region at, tc_span span, const char *text);

/* How the warps share a product's tile. */
enum tc_warp_policy tc_gemm_sharing(const tc_gemm *g);

/* ---- kernels ---- */

/* May the passes give a kernel's threads to producers and consumers? Why not. */
const char *tc_roles_refuse(tc_ir *ir, uint64_t caps, tc_value kernel);

/* A product whose first operand wgmma may take from registers. */
bool tc_gemm_holds_a(const tc_ir *ir, tc_value stmt);

#endif
