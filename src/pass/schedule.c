/* schedule: which versions of a tile exist, and when each is filled and used.
 *
 * Input       engines are chosen; loops with the kind `pipelined`.
 * Output      tiles that asynchronous copies fill in such a loop are rings; products of wgmma are
 *             asynchronous and waited for; no loop has that kind any more.
 * Invariants  in program order nothing changes: what is waited for was filled in the same
 * iteration. Example     for k pipelined stages 3 {      ring r (A_s) depth 3 copy A[k] -> A_s tma
 * for k { gemm A_s, ...             ->    ring_acquire r }                                 copy
 * A[k] -> A_s async tma ring_commit r ring_wait r gemm A_s, ... ring_release r
 *                                             }
 *
 * Tiles with the same first and last reader share a ring. The number of stages is the most versions
 * there may be. The passes roles and rotate then let versions be filled ahead of their use. */
#include "ir/build.h"
#include "ir/walk.h"
#include "pass/effects.h"
#include "pass/engines.h"
#include "pass/rings.h"
#include "pass/tiles.h"

/* A copy in the body of a loop, and who reads its tile there; numbers of the body's statements. */
typedef struct filler {
  uint32_t at, first, last;
  tc_buf buf;
  uint32_t ring; /* payload index + 1; 0: none */
} filler;

typedef struct planner {
  tc_ir *ir;
  const tc_pass_context *cx;
  tc_value kernel;
  tc_region front;       /* what goes before the kernel's statements: allocations and rings */
  const char *own;       /* what the source synchronises itself; NULL: nothing */
  TC_VEC(tc_buf) inside; /* buffers of rings */
  bool steady;           /* other threads can find out whether and when control comes here */
} planner;

static tc_value sync(tc_ir *ir, tc_region at, enum tc_opcode op, uint32_t ring, tc_span span) {
  return tc_ring_stmt(ir, at, op, ring, 0, span);
}

static void move(tc_ir *ir, tc_region to, tc_value stmt) {
  tc_vec_push(ir->arena, &tc_block_at(ir, to)->ops, stmt);
}

/* ---- what a ring can hold ---- */

static bool is_candidate(const planner *w, tc_value stmt) {
  const tc_ir *ir = w->ir;
  if (!tc_copy_between(ir, stmt, TC_SCOPE_global, TC_SCOPE_shared)) return false;
  const tc_copy *copy = tc_copy_of(ir, stmt);
  tc_value to = tc_input(ir, tc_op_at(ir, stmt), 1);
  bool engine = copy->engine == TC_ENGINE_tma || copy->engine == TC_ENGINE_cp_async;
  bool own = tc_root_of(ir, tc_slice_buf(ir, to)).id == tc_slice_buf(ir, to).id;
  return engine && own && !(copy->flags & TC_COPY_ASYNC) && tc_tile_is_whole(ir, to);
}

/* Who reads the tile: false when anything but this copy, before its readers, has to do with it. */
static bool find_readers(const planner *w, const tc_block *body, filler *f) {
  for (uint32_t i = 0; i < body->ops.n; i++) {
    uint32_t kinds = i == f->at ? 0 : tc_touch_below(w->ir, body->ops.at[i], f->buf);
    if (kinds & TC_TOUCH_WRITE) return false;
    if (kinds && i < f->at) return false;
    if (kinds && !f->first) f->first = i;
    if (kinds) f->last = i;
  }
  return f->first != 0;
}

static uint32_t touches(tc_ir *ir, tc_region region, tc_buf root) {
  const tc_block *block = tc_block_at(ir, region);
  uint32_t n = 0;
  for (uint32_t i = 0; i < block->ops.n; i++)
    n += tc_touch_count(ir, block->ops.at[i], root, TC_TOUCH_READ | TC_TOUCH_WRITE);
  return n;
}

/* Do the operands come from nothing but variables and loads of memory that keeps its contents? Then
 * they can be found out at another time, and by other threads, as well. */
static bool is_steady(const planner *w, tc_value stmt) {
  tc_values loads = {0};
  return tc_ring_inputs(w->ir, w->kernel, stmt, w->cx->scratch, &loads);
}

static bool examine(const planner *w, tc_region inside, const tc_block *body, filler *f) {
  tc_ir *ir = w->ir;
  tc_value copy = body->ops.at[f->at];
  if (!is_candidate(w, copy) || !is_steady(w, copy)) return false;
  if (!w->steady && tc_copy_of(ir, copy)->engine == TC_ENGINE_tma) return false;
  const tc_op *op = tc_op_at(ir, copy);
  tc_region all = tc_child(ir, tc_op_at(ir, w->kernel), 0);
  tc_buf source = tc_root_of(ir, tc_slice_buf(ir, tc_input(ir, op, 0)));
  f->buf = tc_slice_buf(ir, tc_input(ir, op, 1));
  if (touches(ir, all, f->buf) != touches(ir, inside, f->buf)) return false;
  if (tc_touch_below(ir, w->kernel, source) & TC_TOUCH_WRITE) return false;
  return find_readers(w, body, f);
}

/* ---- making rings ---- */

static void new_ring(planner *w, const filler *all, uint32_t n, filler *first, uint32_t depth,
                     tc_span span) {
  tc_ir *ir = w->ir;
  tc_ring ring = {.depth = depth, .bufs = TC_NEW_ARRAY(ir->arena, n, tc_buf)};
  for (uint32_t i = 0; i < n; i++) {
    const filler *f = &all[i];
    if (f->first == first->first && f->last == first->last) ring.bufs[ring.n_bufs++] = f->buf;
  }
  const char *name = tc_name_of(ir, tc_buf_at(ir, first->buf)->name);
  ring.name = tc_names_add(ir->names, tc_str_of(tc_format(ir->arena, "%s_ring", name)));
  uint32_t index = tc_pl_ring(ir, ring);
  for (uint32_t i = 0; i < ring.n_bufs; i++) {
    tc_alloc(ir, w->front, ring.bufs[i], tc_buf_at(ir, ring.bufs[i])->span);
    tc_vec_push(w->cx->scratch, &w->inside, ring.bufs[i]);
  }
  tc_stmt(ir, w->front, TC_OP_ring, tc_scalar_type(TC_DT_void), NULL, 0, index, span);
  first->ring = index + 1;
}

static void make_rings(planner *w, filler *all, uint32_t n, uint32_t depth, tc_span span) {
  for (uint32_t i = 0; i < n; i++) {
    for (uint32_t j = 0; j < i && !all[i].ring; j++)
      if (all[j].first == all[i].first && all[j].last == all[i].last) all[i].ring = all[j].ring;
    if (!all[i].ring) new_ring(w, all, n, &all[i], depth, span);
  }
}

/* The last of the copies of a ring: where all of them are issued. */
static bool is_last_of_ring(const filler *all, uint32_t n, uint32_t i) {
  for (uint32_t j = i + 1; j < n; j++)
    if (all[j].ring == all[i].ring) return false;
  return true;
}

static void issue(planner *w, const tc_block *old, const filler *all, uint32_t i, tc_region to) {
  tc_ir *ir = w->ir;
  tc_span span = tc_op_at(ir, old->ops.at[all[i].at])->span;
  sync(ir, to, TC_OP_ring_acquire, all[i].ring - 1, span);
  for (uint32_t j = 0; j <= i; j++) {
    if (all[j].ring != all[i].ring) continue;
    tc_copy_of(ir, old->ops.at[all[j].at])->flags |= TC_COPY_ASYNC;
    move(ir, to, old->ops.at[all[j].at]);
  }
  sync(ir, to, TC_OP_ring_commit, all[i].ring - 1, span);
}

/* Waits before, or releases after, statement `at` of the body, of each ring once. */
static void around(planner *w, const filler *all, uint32_t n, uint32_t at, bool before,
                   tc_region to, tc_span span) {
  for (uint32_t i = 0; i < n; i++) {
    if (!is_last_of_ring(all, n, i)) continue;
    if (before && all[i].first == at) sync(w->ir, to, TC_OP_ring_wait, all[i].ring - 1, span);
    if (!before && all[i].last == at) sync(w->ir, to, TC_OP_ring_release, all[i].ring - 1, span);
  }
}

static void rewrite(planner *w, tc_region body, const filler *all, uint32_t n) {
  tc_ir *ir = w->ir;
  tc_region to = tc_region_new(ir);
  tc_block *old = tc_block_at(ir, body);
  for (uint32_t i = 0; i < old->ops.n; i++) {
    tc_value stmt = old->ops.at[i];
    tc_span span = tc_op_at(ir, stmt)->span;
    uint32_t f = 0;
    while (f < n && all[f].at != i)
      f++;
    if (f < n) {
      if (is_last_of_ring(all, n, f)) issue(w, old, all, f, to);
      continue;
    }
    around(w, all, n, i, true, to, span);
    move(ir, to, stmt);
    around(w, all, n, i, false, to, span);
  }
  old->ops = tc_block_at(ir, to)->ops;
}

static void say(planner *w, tc_value loop, const char *text) {
  tc_choice_hint(w->ir, w->front, tc_op_at(w->ir, loop)->span, text);
}

/* Why the loop as a whole cannot be one that runs ahead. */
static const char *refuse_loop(const planner *w, tc_value loop) {
  tc_region body = tc_child(w->ir, tc_op_at(w->ir, loop), 0);
  if (tc_has_jump(w->ir, body, TC_OP_break) || tc_has_jump(w->ir, body, TC_OP_continue))
    return "the loop may end early";
  return w->own;
}

static void plan_region(planner *w, tc_region region, uint32_t depth, tc_span span) {
  const tc_block *body = tc_block_at(w->ir, region);
  filler *all = TC_NEW_ARRAY(w->cx->scratch, body->ops.n, filler);
  uint32_t n = 0;
  for (uint32_t i = 0; i < body->ops.n; i++) {
    all[n] = (filler){.at = i};
    if (examine(w, region, body, &all[n])) n++;
  }
  make_rings(w, all, n, depth, span);
  rewrite(w, region, all, n);
}

static void plan_loop(planner *w, tc_value loop) {
  tc_ir *ir = w->ir;
  tc_loop *payload = tc_loop_of(ir, loop);
  uint32_t depth = payload->num_stages > 1 ? (uint32_t)payload->num_stages : 0;
  payload->kind = TC_LOOP_SERIAL;
  payload->num_stages = 0;
  if (!depth) return;
  const char *why = refuse_loop(w, loop);
  if (why) {
    say(w, loop, tc_format(ir->arena, "no versions of tiles, because %s", why));
    return;
  }
  plan_region(w, tc_child(ir, tc_op_at(ir, loop), 0), depth, tc_op_at(ir, loop)->span);
}

/* What the bulk copy engine fetches outside of such loops. Two versions of what is small, so that
 * the next one is there in time; of a large tile there is one. */
static void plan_rest(planner *w, tc_region region) {
  enum { SMALL_B = 4096 };
  const tc_block *body = tc_block_at(w->ir, region);
  for (uint32_t i = 0; i < body->ops.n && !w->own; i++) {
    tc_value stmt = body->ops.at[i];
    if (!is_candidate(w, stmt) || tc_copy_of(w->ir, stmt)->engine != TC_ENGINE_tma) continue;
    tc_value to = tc_input(w->ir, tc_op_at(w->ir, stmt), 1);
    bool small = tc_tile_buf_bytes(w->ir, tc_slice_buf(w->ir, to)) <= SMALL_B;
    plan_region(w, region, small ? 2 : 1, tc_op_at(w->ir, stmt)->span);
    return;
  }
}

/* ---- products that go on by themselves ---- */

static void wait_for_products(tc_ir *ir, tc_region region) {
  tc_region to = tc_region_new(ir);
  tc_block *old = tc_block_at(ir, region);
  for (uint32_t i = 0; i < old->ops.n; i++) {
    tc_value stmt = old->ops.at[i];
    const tc_op *op = tc_op_at(ir, stmt);
    uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
    for (uint32_t r = 0; r < n; r++)
      wait_for_products(ir, tc_child(ir, op, r));
    move(ir, to, stmt);
    if (op->opcode != TC_OP_gemm) continue;
    tc_gemm *gemm = tc_gemm_of(ir, stmt);
    if (gemm->engine != TC_ENGINE_wgmma || gemm->async || tc_gemm_holds_a(ir, stmt)) continue;
    gemm->async = true;
    tc_async mma = {.queue = TC_ASYNC_MMA};
    tc_async_stmt(ir, to, TC_OP_async_commit, mma, op->span);
    tc_async_stmt(ir, to, TC_OP_async_wait, mma, op->span);
  }
  old->ops = tc_block_at(ir, to)->ops;
}

/* ---- the kernel ---- */

/* `own`: the region is the body of a pipelined loop, which has a plan of its own. */
static void plan_in(planner *w, tc_region region, bool own) {
  const tc_block *block = tc_block_at(w->ir, region);
  for (uint32_t i = 0; i < block->ops.n; i++) {
    tc_value stmt = block->ops.at[i];
    const tc_op *op = tc_op_at(w->ir, stmt);
    uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
    bool pipelined = op->opcode == TC_OP_for && tc_loop_of(w->ir, stmt)->kind == TC_LOOP_PIPELINED;
    bool around = w->steady;
    w->steady = around && is_steady(w, stmt);
    for (uint32_t r = 0; r < n; r++)
      plan_in(w, tc_child(w->ir, op, r), pipelined);
    if (pipelined) plan_loop(w, stmt);
    w->steady = around;
  }
  if (!own) plan_rest(w, region);
}

static bool is_inside(tc_ir *ir, tc_value stmt, void *data) {
  const planner *w = data;
  const tc_op *op = tc_op_at(ir, stmt);
  for (uint32_t i = 0; op->opcode == TC_OP_alloc && i < w->inside.n; i++)
    if (w->inside.at[i].id == op->payload) return true;
  return false;
}

/* What no ring gives time is copied by the threads themselves. */
static bool copy_at_once(tc_ir *ir, tc_value stmt, void *data) {
  (void)data;
  if (!tc_is(ir, stmt, TC_OP_copy)) return true;
  tc_copy *copy = tc_copy_of(ir, stmt);
  bool engine = copy->engine == TC_ENGINE_tma || copy->engine == TC_ENGINE_cp_async;
  if (engine && !(copy->flags & TC_COPY_ASYNC)) copy->engine = TC_ENGINE_simt;
  return true;
}

static void plan_kernel(tc_ir *ir, const tc_pass_context *cx, tc_value kernel) {
  planner w = {.ir = ir,
               .cx = cx,
               .kernel = kernel,
               .front = tc_region_new(ir),
               .own = tc_ring_user_sync(ir, kernel),
               .steady = true};
  tc_region body = tc_child(ir, tc_op_at(ir, kernel), 0);
  plan_in(&w, body, false);
  tc_drop_stmts(ir, body, is_inside, &w);
  tc_ring_put_first(ir, body, w.front);
  wait_for_products(ir, body);
  tc_walk(ir, body, copy_at_once, NULL);
}

void tc_pass_schedule(tc_ir *ir, const tc_pass_context *cx) {
  for (uint32_t i = 0; i < tc_block_at(ir, ir->body)->ops.n; i++) {
    tc_value stmt = tc_block_at(ir, ir->body)->ops.at[i];
    if (tc_is(ir, stmt, TC_OP_kernel)) plan_kernel(ir, cx, stmt);
  }
}
