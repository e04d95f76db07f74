/* sync: who waits for whom.
 *
 * Input       state scheduled with layouts and places; rings say which versions of buffers are
 *             handed from the threads that fill them to those that use them.
 * Output      state placed: no rings. Their buffers have a first dimension of `depth` versions, the
 *             groups count versions in variables, and barriers in memory, or queue cp and barriers
 *             of the block, keep them apart. Between any two statements that touch the same memory,
 *             one of them writing, stands a barrier that says so.
 * Invariants  the interpreter runs what comes out, and gives what the function in state tile does.
 * Example     ring_wait r                         %s = load slot[]
 *             gemm A_s[*], B_s[*] -> C            %p = load phase[]
 *             ring_release r                      mbarrier wait r_full[%s], %p
 *                                                 gemm A_s[%s :+ 1, ...], B_s[%s :+ 1, ...] -> C
 *                                                 perthread %t { if %t % 32 == 0 {
 *                                                     mbarrier arrive r_empty[%s] } }
 *                                                 store slot[] = ...   store phase[] = ...
 *
 * Versions are counted by (version, parity of the round), as CUTLASS does: no divisions. */
#include "pass/sync.h"

void tc_sync_insert(tc_ir *ir, tc_region region, uint32_t at, tc_value stmt) {
  tc_block *block = tc_block_at(ir, region);
  tc_vec_push(ir->arena, &block->ops, stmt);
  for (uint32_t i = block->ops.n - 1; i > at; i--)
    block->ops.at[i] = block->ops.at[i - 1];
  block->ops.at[at] = stmt;
}

uint32_t tc_sync_line(const tc_ir *ir, tc_value stmt) {
  tc_place place;
  if (!ir->diags || !ir->diags->source) return 0;
  if (!tc_source_place(ir->diags->source, tc_op_at(ir, stmt)->span, &place)) return 0;
  return place.line;
}

void tc_pass_sync(tc_ir *ir, const tc_pass_context *cx) {
  tc_kernels kernels = {.at = NULL};
  tc_kernels_of(ir, cx->scratch, &kernels);
  for (uint32_t i = 0; i < kernels.n; i++) {
    uint32_t n_errors = ir->diags->n_errors;
    tc_sync s = {.ir = ir, .cx = cx, .arena = cx->scratch, .kernel = kernels.at[i]};
    tc_works_of(ir, s.kernel, s.arena, &s.works);
    tc_ring_plans_of(ir, &s.works, s.arena, &s.rings);
    s.in_flight = TC_NEW_ARRAY(s.arena, ir->rings.n + 1, uint32_t);
    if (ir->diags->n_errors == n_errors) tc_sync_run(&s);
    if (ir->diags->n_errors != n_errors) continue;
    tc_sync_barriers(&s);
    tc_sync_rings(&s);
  }
}
