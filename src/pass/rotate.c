/* rotate: in a single group of threads, tiles are fetched some steps before they are used.
 *
 * Input       rings that the threads who use them also fill, in one loop.
 * Output      the same rings, filled `depth - 1` steps ahead: before the loop the first steps, in
 *             each step one more, as long as there is one. Every step closes a group of the queue,
 *             an empty one at the end, so that counts of groups in flight stay the same.
 * Invariants  versions are filled and used in the order of the program, each once.
 * Example     for k = 0 to n {               for p = 0 to 2 { if p < n { acquire; copy A[p];
 *               acquire; copy A[k]; commit                               commit }; async_commit }
 *               wait; gemm; release     ->   for k = 0 to n {
 *             }                                wait; if k + 2 < n { acquire; copy A[k + 2]; commit
 * } async_commit; gemm; release
 *                                            }
 *
 * A version is filled right after the wait for another one: the same barrier says that all threads
 * have done with what was in it. */
#include "ir/build.h"
#include "ir/walk.h"
#include "pass/clone.h"
#include "pass/dead.h"
#include "pass/rings.h"

typedef struct rotation {
  tc_ir *ir;
  const tc_pass_context *cx;
  tc_value kernel, loop;
  tc_block *body; /* of the loop, before */
  uint32_t ring;  /* at hand */
} rotation;

/* acquire and the copies and the commit of one ring stand together. */
static uint32_t end_of_filling(const rotation *r, uint32_t at) {
  while (!tc_is(r->ir, r->body->ops.at[at], TC_OP_ring_commit))
    at++;
  return at;
}

static bool is_step_of(const rotation *r, tc_value stmt, enum tc_opcode op, uint32_t ring) {
  return tc_is(r->ir, stmt, op) && tc_ring_ref_of(r->ir, stmt)->ring == ring;
}

static uint32_t find_step(const rotation *r, enum tc_opcode op, uint32_t ring) {
  uint32_t i = 0;
  while (i < r->body->ops.n && !is_step_of(r, r->body->ops.at[i], op, ring))
    i++;
  return i;
}

static tc_value later(const rotation *r, tc_value k, uint32_t steps) {
  tc_ir *ir = r->ir;
  tc_value step = tc_input(ir, tc_op_at(ir, r->loop), 2);
  int64_t by = 0;
  tc_const_of(ir, step, &by);
  tc_type type = tc_value_type(ir, step);
  return tc_binary(ir, TC_OP_add, k, tc_const_int(ir, type, by * (int64_t)steps));
}

/* The filling of step `k`, with the loads that its addresses come from. */
static void fill(rotation *r, tc_value k, tc_region to) {
  tc_ir *ir = r->ir;
  uint32_t from = find_step(r, TC_OP_ring_acquire, r->ring), end = end_of_filling(r, from);
  tc_values loads = {0};
  tc_clone c = tc_clone_new(ir, r->cx->scratch, NULL, NULL);
  tc_clone_bind(&c, tc_loop_of(ir, r->loop)->var, k);
  for (uint32_t i = from; i <= end; i++)
    tc_ring_inputs(ir, r->kernel, r->body->ops.at[i], r->cx->scratch, &loads);
  for (uint32_t i = 0; i < r->body->ops.n; i++)
    for (uint32_t j = 0; j < loads.n; j++)
      if (loads.at[j].id == r->body->ops.at[i].id) tc_clone_stmt(&c, loads.at[j], to);
  for (uint32_t i = from; i <= end; i++)
    tc_clone_stmt(&c, r->body->ops.at[i], to);
}

static void close_group(rotation *r, tc_region to, tc_span span) {
  uint32_t from = find_step(r, TC_OP_ring_acquire, r->ring), end = end_of_filling(r, from);
  bool queued = false;
  for (uint32_t i = from + 1; i < end; i++)
    queued = queued || tc_copy_of(r->ir, r->body->ops.at[i])->engine == TC_ENGINE_cp_async;
  if (!queued) return;
  tc_async_stmt(r->ir, to, TC_OP_async_commit, (tc_async){.queue = TC_ASYNC_CP}, span);
}

/* Steps may go down; `hi` is where they end. */
static tc_value is_inside(const rotation *r, tc_value k) {
  tc_ir *ir = r->ir;
  const tc_op *op = tc_op_at(ir, r->loop);
  int64_t by = 1;
  tc_const_of(ir, tc_input(ir, op, 2), &by);
  tc_value hi = tc_input(ir, op, 1);
  return by > 0 ? tc_binary(ir, TC_OP_lt, k, hi) : tc_binary(ir, TC_OP_lt, hi, k);
}

static void fill_if(rotation *r, tc_value k, bool sure, tc_region to, tc_span span) {
  tc_value choice = sure ? (tc_value){0} : tc_if(r->ir, to, is_inside(r, k), span);
  fill(r, k, sure ? to : tc_child(r->ir, tc_op_at(r->ir, choice), 0));
  close_group(r, to, span);
}

/* ---- before the loop ---- */

static bool has_steps(const rotation *r, int64_t n) {
  const tc_op *op = tc_op_at(r->ir, r->loop);
  int64_t lo, hi, by;
  return tc_const_of(r->ir, tc_input(r->ir, op, 0), &lo)
         && tc_const_of(r->ir, tc_input(r->ir, op, 1), &hi)
         && tc_const_of(r->ir, tc_input(r->ir, op, 2), &by)
         && (by > 0 ? lo + n * by < hi + by : lo + n * by > hi + by);
}

/* The rings have one depth and are filled together, so that groups of the queue are closed in the
 * order in which they are waited for. */
static void prologue(rotation *r, const uint32_t *rings, uint32_t n, tc_region to) {
  tc_ir *ir = r->ir;
  const tc_op *op = tc_op_at(ir, r->loop);
  tc_span span = op->span;
  uint32_t ahead = ir->rings.at[rings[0]].depth - 1;
  tc_type type = tc_value_type(ir, tc_input(ir, op, 0));
  tc_loop loop = {.var = tc_var_new(ir, "p", TC_VAR_LOOP, type, span)};
  tc_value p = tc_var_value(ir, loop.var);
  tc_value made = tc_for(ir, to, loop, tc_zero(ir, type), tc_const_int(ir, type, ahead),
                         tc_const_int(ir, type, 1), span);
  tc_region body = tc_child(ir, tc_op_at(ir, made), 0);
  tc_value k = tc_binary(ir, TC_OP_add, tc_input(ir, op, 0),
                         tc_binary(ir, TC_OP_mul, p, tc_input(ir, op, 2)));
  for (uint32_t i = 0; i < n; i++) {
    r->ring = rings[i];
    fill_if(r, k, has_steps(r, ahead), body, span);
  }
}

/* ---- in the loop ---- */

static bool is_moved(const rotation *r, const uint32_t *rings, uint32_t n, uint32_t at) {
  for (uint32_t i = 0; i < n; i++) {
    uint32_t from = find_step(r, TC_OP_ring_acquire, rings[i]);
    if (at >= from && at <= end_of_filling(r, from)) return true;
  }
  return false;
}

static void steady(rotation *r, const uint32_t *rings, uint32_t n, tc_region to) {
  tc_ir *ir = r->ir;
  tc_value k = tc_var_value(ir, tc_loop_of(ir, r->loop)->var);
  for (uint32_t i = 0; i < r->body->ops.n; i++) {
    tc_value stmt = r->body->ops.at[i];
    if (is_moved(r, rings, n, i)) continue;
    tc_vec_push(ir->arena, &tc_block_at(ir, to)->ops, stmt);
    for (uint32_t j = 0; j < n; j++) {
      if (!is_step_of(r, stmt, TC_OP_ring_wait, rings[j])) continue;
      r->ring = rings[j];
      tc_value ahead = later(r, k, ir->rings.at[rings[j]].depth - 1);
      fill_if(r, ahead, false, to, tc_op_at(ir, stmt)->span);
    }
  }
}

/* ---- finding loops ---- */

enum { MOST_RINGS = 16 };

/* The rings that are filled and waited for in this very body, in the order of their waits. They get
 * one depth. */
static uint32_t find_rings(const rotation *r, uint32_t out[MOST_RINGS]) {
  uint32_t n = 0, least = UINT32_MAX;
  for (uint32_t i = 0; i < r->body->ops.n; i++) {
    tc_value stmt = r->body->ops.at[i];
    if (!tc_is(r->ir, stmt, TC_OP_ring_wait)) continue;
    uint32_t ring = tc_ring_ref_of(r->ir, stmt)->ring;
    bool here = find_step(r, TC_OP_ring_acquire, ring) < i
                && find_step(r, TC_OP_ring_release, ring) < r->body->ops.n;
    if (here && n < MOST_RINGS && r->ir->rings.at[ring].depth > 1) out[n++] = ring;
  }
  for (uint32_t i = 0; i < n; i++)
    if (r->ir->rings.at[out[i]].depth < least) least = r->ir->rings.at[out[i]].depth;
  for (uint32_t i = 0; i < n; i++)
    r->ir->rings.at[out[i]].depth = least;
  return n;
}

static void rotate_in(tc_ir *ir, const tc_pass_context *cx, tc_value kernel, tc_region region) {
  tc_region to = tc_region_new(ir);
  tc_block *block = tc_block_at(ir, region);
  for (uint32_t i = 0; i < block->ops.n; i++) {
    tc_value stmt = block->ops.at[i];
    const tc_op *op = tc_op_at(ir, stmt);
    uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions, rings[MOST_RINGS];
    for (uint32_t k = 0; k < n; k++)
      rotate_in(ir, cx, kernel, tc_child(ir, op, k));
    rotation r = {.ir = ir, .cx = cx, .kernel = kernel, .loop = stmt};
    if (op->opcode == TC_OP_for) r.body = tc_block_at(ir, tc_child(ir, op, 0));
    uint32_t n_rings = r.body ? find_rings(&r, rings) : 0;
    if (n_rings) {
      tc_region body = tc_region_new(ir);
      prologue(&r, rings, n_rings, to);
      steady(&r, rings, n_rings, body);
      r.body->ops = tc_block_at(ir, body)->ops;
    }
    tc_vec_push(ir->arena, &tc_block_at(ir, to)->ops, stmt);
  }
  block->ops = tc_block_at(ir, to)->ops;
}

void tc_pass_rotate(tc_ir *ir, const tc_pass_context *cx) {
  for (uint32_t i = 0; i < tc_block_at(ir, ir->body)->ops.n; i++) {
    tc_value stmt = tc_block_at(ir, ir->body)->ops.at[i];
    if (!tc_is(ir, stmt, TC_OP_kernel)) continue;
    tc_ring_fit(ir, cx->options->limits, stmt);
    rotate_in(ir, cx, stmt, tc_child(ir, tc_op_at(ir, stmt), 0));
  }
  tc_drop_dead(ir, cx->scratch);
}
