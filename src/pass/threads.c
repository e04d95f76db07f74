/* threads: code of single threads becomes regions of its own. State tile.
 *
 * Input       thread indices anywhere in a kernel.
 * Output      the same function with
 *               - conditions that select a range of threads around tile operations, barriers and
 *                 waits turned into `group`,
 *               - conditions that differ between threads taken apart around hand-overs through
 *                 shared memory, so that the barrier these need has a place,
 *               - what differs between threads inside `perthread` regions, as few and as large as
 *                 order and control flow allow; in them the thread index is one linear variable,
 *               - values that cross from one such region to another kept in a `var` per thread.
 * Invariants  every thread executes what it executed before, in its order. Code outside perthread
 *             is the same for all threads of a strand; a collective exchange under uniform control
 *             has a region of its own. Kernels without code for threads are not touched.
 * Example     s[tx] = a[tx]; barrier; b[tx] = s[127 - tx]
 *             -> perthread %t { s[%t] = a[%t] } barrier perthread %u { b[%u] = s[127 - %u] }     */
#include "pass/threads.h"

#include "ir/walk.h"
#include "pass/deps.h"

bool tc_threads_in(const tc_threads *t, tc_value v) {
  const tc_kernel *k = tc_kernel_of(t->ir, t->kernel);
  tc_deps deps = {0};
  tc_deps_add(t->ir, t->arena, v, &deps);
  for (uint32_t d = 0; d < 3; d++)
    if (k->thread[d].id && tc_deps_has_var(&deps, k->thread[d])) return true;
  return false;
}

/* table */
bool tc_threads_is_tile(const tc_ir *ir, tc_value stmt) {
  switch (tc_op_at(ir, stmt)->opcode) {
  case TC_OP_parallel:
  case TC_OP_copy:
  case TC_OP_fill:
  case TC_OP_gemm:
  case TC_OP_reduce:
  case TC_OP_scan:
  case TC_OP_transpose:
  case TC_OP_im2col:
  case TC_OP_atomic_tile:
    return true;
  default:
    return false;
  }
}

/* table */
bool tc_threads_is_sync(const tc_ir *ir, tc_value stmt) {
  switch (tc_op_at(ir, stmt)->opcode) {
  case TC_OP_barrier:
  case TC_OP_wait:
  case TC_OP_collective:
  case TC_OP_async_commit:
  case TC_OP_async_wait:
    return true;
  case TC_OP_mbarrier: {
    enum tc_mbarrier_kind kind = (enum tc_mbarrier_kind)tc_mbarrier_of(ir, stmt)->kind;
    return kind == TC_MBAR_INIT || kind == TC_MBAR_WAIT || kind == TC_MBAR_ASYNC_ARRIVE;
  }
  default:
    return false;
  }
}

/* ---- is there anything to do? ---- */

static bool sees_threads(tc_ir *ir, tc_value stmt, void *data) {
  bool *found = data;
  uint32_t op = tc_op_at(ir, stmt)->opcode;
  *found |= op == TC_OP_group || op == TC_OP_collective;
  return !*found;
}

static bool has_threads(tc_ir *ir, tc_value kernel) {
  const tc_kernel *k = tc_kernel_of(ir, kernel);
  bool found = k->thread[0].id || k->thread[1].id || k->thread[2].id;
  if (!found) tc_walk(ir, tc_child(ir, tc_op_at(ir, kernel), 0), sees_threads, &found);
  return found;
}

static void run_kernel(tc_ir *ir, const tc_pass_context *cx, tc_value kernel) {
  const tc_kernel *k = tc_kernel_of(ir, kernel);
  tc_threads t = {.ir = ir, .arena = cx->scratch, .kernel = kernel, .prover = cx->prover};
  tc_threads_pair pair;
  t.count = tc_kernel_threads(k);
  tc_threads_group(&t);
  tc_threads_fragments(&t);
  tc_threads_analyse(&t);
  while (!tc_threads_sync(&t, &pair)) {
    tc_threads_part(&t, pair);
    tc_threads_analyse(&t);
  }
  tc_threads_place(&t);
}

void tc_pass_threads(tc_ir *ir, const tc_pass_context *cx) {
  const tc_block *body = tc_block_at(ir, ir->body);
  for (uint32_t i = 0; i < body->ops.n; i++)
    if (tc_is(ir, body->ops.at[i], TC_OP_kernel) && has_threads(ir, body->ops.at[i]))
      run_kernel(ir, cx, body->ops.at[i]);
}
