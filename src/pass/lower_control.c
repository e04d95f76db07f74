/* Threads: groups become branches, what threads wait for becomes primitives. */
#include "pass/lower.h"

#include "ir/form.h"
#include "ir/walk.h"

/* ---- groups ---- */

enum { REGISTERS = 65536, REGISTER_STEP = 8 };

/* Registers are handed over by whole warpgroups; a block starts with equal shares. */
static void hand_registers(tc_lower *lw, const tc_group *group) {
  int64_t share = REGISTERS / lw->n_threads / REGISTER_STEP * REGISTER_STEP;
  if (!group->registers || group->registers == share) return;
  tc_lower_prim(lw, group->registers < share ? TC_PRIM_registers_less : TC_PRIM_registers_more,
                group->registers, NULL, 0);
}

static tc_value in_range(tc_lower *lw, int64_t first, int64_t count, int64_t lo, int64_t hi) {
  tc_ir *ir = lw->ir;
  tc_value cond = {0};
  if (count == 1 && hi - lo > 1) return tc_binary(ir, TC_OP_eq, lw->tx, tc_i32(ir, first));
  if (first > lo) cond = tc_binary(ir, TC_OP_le, tc_i32(ir, first), lw->tx);
  if (first + count < hi)
    cond = tc_and(ir, cond, tc_binary(ir, TC_OP_lt, lw->tx, tc_i32(ir, first + count)));
  return cond;
}

typedef struct range {
  int64_t first, count;
} range;

static range narrow(tc_lower *lw, int64_t first, int64_t count) {
  range old = {lw->first, lw->count};
  lw->first = first;
  lw->count = count;
  return old;
}

static void group_body(tc_lower *lw, tc_value stmt) {
  const tc_op *op = tc_op_at(lw->ir, stmt);
  tc_group group = *tc_group_of(lw->ir, stmt);
  range old = narrow(lw, group.first, group.count);
  hand_registers(lw, &group);
  tc_lower_threads(lw, tc_child(lw->ir, op, 0));
  narrow(lw, old.first, old.count);
}

static bool apart(const tc_lower *lw, const tc_block *block, uint32_t from, uint32_t to) {
  const tc_group *b = tc_group_of(lw->ir, block->ops.at[to]);
  for (uint32_t i = from; i < to; i++) {
    const tc_group *a = tc_group_of(lw->ir, block->ops.at[i]);
    if (a->first < b->first + b->count && b->first < a->first + a->count) return false;
  }
  return true;
}

/* Groups of different threads, one after the other, are arms of one chain: roles then never meet
 * at the end of each arm, and the assembler sees that each has registers of its own. */
uint32_t tc_lower_groups(tc_lower *lw, const tc_block *block, uint32_t i) {
  uint32_t end = i + 1;
  int64_t lo = lw->first, hi = lw->first + lw->count;
  if (lw->single) tc_lower_refuse(lw, "a range of threads inside the code of one thread");
  while (end < block->ops.n && tc_is(lw->ir, block->ops.at[end], TC_OP_group)
         && apart(lw, block, i, end))
    end++;
  tc_region at = lw->at;
  uint32_t depth = 0;
  for (uint32_t k = i; k < end; k++) {
    const tc_group *g = tc_group_of(lw->ir, block->ops.at[k]);
    lw->span = tc_op_at(lw->ir, block->ops.at[k])->span;
    tc_value cond = in_range(lw, g->first, g->count, lo, hi);
    if (!cond.id) {
      group_body(lw, block->ops.at[k]);
      break;
    }
    tc_value branch = tc_if(lw->ir, lw->at, cond, lw->span);
    tc_lower_mark mark = tc_lower_enter(lw, branch, 0);
    if (g->first == lo && k + 1 < end) lo = g->first + g->count;
    group_body(lw, block->ops.at[k]);
    tc_lower_leave(lw, mark);
    if (k + 1 == end) break;
    tc_lower_enter(lw, branch, 1);
    depth++;
  }
  while (depth--)
    tc_prove_pop(lw->prover);
  lw->at = at;
  return end;
}

void tc_lower_perthread(tc_lower *lw, tc_value stmt) {
  tc_ir *ir = lw->ir;
  const tc_op *op = tc_op_at(ir, stmt);
  tc_group group = *tc_group_of(ir, stmt);
  if (group.thread.id) tc_lower_map(lw, tc_var_value(ir, group.thread), lw->tx);
  tc_value cond = in_range(lw, group.first, group.count, lw->first, lw->first + lw->count);
  tc_lower_mark mark = tc_lower_if(lw, cond);
  range old = narrow(lw, group.first, group.count);
  bool single = lw->single;
  lw->single = true;
  tc_lower_region(lw, tc_child(ir, op, 0));
  lw->single = single;
  narrow(lw, old.first, old.count);
  tc_lower_leave(lw, mark);
}

/* ---- meeting ---- */

static tc_value constant_i32(tc_lower *lw, int64_t x) {
  return tc_i32(lw->ir, x);
}

/* The number of the barrier of the threads around, each range having one. */
static int32_t named_barrier(tc_lower *lw) {
  for (uint32_t i = 0; i + 1 < lw->named.n; i += 2)
    if (lw->named.at[i] == lw->first && lw->named.at[i + 1] == lw->count)
      return lw->next_named + (int32_t)(i / 2);
  tc_vec_push(lw->arena, &lw->named, lw->first);
  tc_vec_push(lw->arena, &lw->named, lw->count);
  int32_t id = lw->next_named + (int32_t)(lw->named.n / 2 - 1);
  if (id >= TC_NAMED_BARRIERS)
    tc_lower_refuse_help(lw, "more than 15 ranges of threads that meet",
                         "let the ranges of threads be the same in more places");
  return id;
}

static void meet(tc_lower *lw) {
  if (lw->count == 1) return;
  if (lw->count == lw->n_threads) {
    tc_lower_prim(lw, TC_PRIM_sync_block, 0, NULL, 0);
  } else if (lw->count == TC_WARP && lw->first % TC_WARP == 0) {
    tc_lower_prim(lw, TC_PRIM_sync_warp, 0, NULL, 0);
  } else if (lw->count % TC_WARP || lw->first % TC_WARP) {
    tc_lower_refuse_help(lw, "a barrier of a part of a warp",
                         "let groups of threads begin and end at multiples of 32");
  } else {
    tc_value in[2] = {constant_i32(lw, named_barrier(lw)), constant_i32(lw, lw->count)};
    tc_lower_prim(lw, TC_PRIM_sync_named, 0, in, 2);
  }
}

static void barrier(tc_lower *lw, tc_barrier b) {
  if (b.sync_scope == TC_SYNC_WARP) {
    tc_lower_prim(lw, TC_PRIM_sync_warp, 0, NULL, 0);
    return;
  }
  if (b.sync_scope != TC_SYNC_BLOCK)
    tc_lower_refuse_help(lw, "a barrier of more than the block",
                         "split the kernel: what follows runs in a second T.Kernel");
  if (b.id < 0) {
    meet(lw);
    return;
  }
  int64_t count = b.count ? b.count : lw->count;
  if (count % TC_WARP)
    tc_lower_refuse_help(lw, "a barrier of a part of a warp",
                         "let groups of threads begin and end at multiples of 32");
  tc_value in[2] = {constant_i32(lw, b.id), constant_i32(lw, count)};
  tc_lower_prim(lw, b.arrive ? TC_PRIM_arrive_named : TC_PRIM_sync_named, 0, in, 2);
}

void tc_lower_barrier(tc_lower *lw, tc_value stmt) {
  tc_barrier b = *tc_barrier_of(lw->ir, stmt);
  lw->reason = b.reason;
  barrier(lw, b);
  lw->reason = 0;
}

void tc_lower_meet(tc_lower *lw, const char *reason) {
  lw->reason = tc_pl_text(lw->ir, reason);
  meet(lw);
  lw->reason = 0;
}

void tc_lower_lanes_meet(tc_lower *lw, const char *reason) {
  lw->reason = tc_pl_text(lw->ir, reason);
  tc_lower_prim(lw, TC_PRIM_sync_warp, 0, NULL, 0);
  lw->reason = 0;
}

/* ---- mbarriers ---- */

static tc_value barrier_slice(tc_lower *lw, tc_value stmt) {
  tc_ir *ir = lw->ir;
  const tc_op *op = tc_op_at(ir, stmt);
  tc_buf buf = tc_mbarrier_of(ir, stmt)->buf;
  uint32_t rank = tc_buf_at(ir, buf)->rank;
  tc_value base[TC_LOWER_RANK], extent[TC_LOWER_RANK];
  for (uint32_t d = 0; d < rank && d < TC_LOWER_RANK; d++) {
    base[d] = tc_lower_value(lw, tc_input(ir, op, d));
    extent[d] = tc_const_int(ir, tc_value_type(ir, base[d]), 1);
  }
  return tc_slice(ir, buf, base, extent, true);
}

static tc_value as_u32(tc_lower *lw, tc_value old) {
  return tc_cast(lw->ir, tc_lower_value(lw, old), tc_scalar_type(TC_DT_uint32));
}

/* One thread sets barriers up; a fence after the last of them shows them to everybody. */
uint32_t tc_lower_inits(tc_lower *lw, const tc_block *block, uint32_t i) {
  tc_lower_mark mark = tc_lower_one(lw);
  for (; i < block->ops.n && tc_lower_is_init(lw->ir, block->ops.at[i]); i++) {
    tc_value stmt = block->ops.at[i];
    tc_value in[2] = {barrier_slice(lw, stmt), as_u32(lw, tc_mbarrier_operand(lw->ir, stmt))};
    tc_lower_prim(lw, TC_PRIM_mbarrier_init, 0, in, 2);
  }
  tc_lower_prim(lw, TC_PRIM_mbarrier_fence, 0, NULL, 0);
  tc_lower_leave(lw, mark);
  return i;
}

bool tc_lower_is_init(const tc_ir *ir, tc_value stmt) {
  return tc_is(ir, stmt, TC_OP_mbarrier) && tc_mbarrier_of(ir, stmt)->kind == TC_MBAR_INIT;
}

void tc_lower_mbarrier(tc_lower *lw, tc_value stmt) {
  tc_ir *ir = lw->ir;
  tc_value operand = tc_mbarrier_operand(ir, stmt);
  tc_value in[2] = {barrier_slice(lw, stmt), {0}};
  int64_t n;
  if (operand.id) in[1] = tc_cast(ir, tc_lower_value(lw, operand), tc_scalar_type(TC_DT_uint32));
  switch ((enum tc_mbarrier_kind)tc_mbarrier_of(ir, stmt)->kind) {
  case TC_MBAR_ARRIVE:
    if (operand.id && !(tc_const_of(ir, in[1], &n) && n == 1))
      tc_lower_refuse_help(lw, "several arrivals at once", "let as many threads arrive");
    tc_lower_prim(lw, TC_PRIM_mbarrier_arrive, 0, in, 1);
    return;
  case TC_MBAR_ARRIVE_EXPECT_TX:
    tc_lower_prim(lw, TC_PRIM_mbarrier_expect, 0, in, 2);
    return;
  case TC_MBAR_WAIT:
    in[1] = tc_binary(ir, TC_OP_and, in[1], tc_const_int(ir, tc_value_type(ir, in[1]), 1));
    tc_lower_prim(lw, TC_PRIM_mbarrier_wait, 0, in, 2);
    return;
  case TC_MBAR_INIT: /* tc_lower_inits */
  case TC_MBAR_ASYNC_ARRIVE:
    break;
  case TC_MBAR_EXPECT_TX:
    tc_lower_refuse_help(lw, "bytes announced without an arrival",
                         "announce them with one: T.ptx_arrive_barrier_expect_tx");
  }
  tc_lower_refuse_help(lw, "an arrival that copies make (cp.async)",
                       "wait for the copies with T.ptx_wait_group, and arrive then");
}

/* ---- queues ---- */

void tc_lower_async(tc_lower *lw, tc_value stmt) {
  tc_async x = *tc_async_of(lw->ir, stmt);
  bool commit = tc_is(lw->ir, stmt, TC_OP_async_commit);
  enum tc_prim_row row = TC_PRIM_cp_async_commit;
  switch ((enum tc_async_queue)x.queue) { /* table */
  case TC_ASYNC_CP:
    row = commit ? TC_PRIM_cp_async_commit : TC_PRIM_cp_async_wait;
    break;
  case TC_ASYNC_MMA:
    row = commit ? TC_PRIM_wgmma_commit : TC_PRIM_wgmma_wait;
    break;
  case TC_ASYNC_BULK:
    row = commit ? TC_PRIM_bulk_commit : x.read ? TC_PRIM_bulk_wait_read : TC_PRIM_bulk_wait;
    break;
  }
  tc_lower_prim(lw, row, commit ? 0 : x.pending, NULL, 0);
}

void tc_lower_fence(tc_lower *lw, tc_value stmt) {
  tc_fence f = lw->ir->fences.at[tc_op_at(lw->ir, stmt)->payload];
  if (f.proxy)
    tc_lower_prim(lw, TC_PRIM_fence_async, 0, NULL, 0);
  else
    tc_stmt(lw->ir, lw->at, TC_OP_fence, tc_scalar_type(TC_DT_void), NULL, 0,
            tc_pl_fence(lw->ir, f), lw->span);
}

/* ---- lockstep ---- */

enum { POLLS = 64, PAUSE_NS = 100 };

static tc_value u32(tc_lower *lw, int64_t x) {
  return tc_const_int(lw->ir, tc_scalar_type(TC_DT_uint32), x);
}

static tc_value counter_slice(tc_lower *lw, int64_t i) {
  return tc_lower_slice(lw, lw->lockstep, tc_i32(lw->ir, i), 1);
}

/* Two counters that all blocks see: arrivals, and blocks that are done. */
static void make_counters(tc_lower *lw) {
  tc_value two = tc_i32(lw->ir, 2);
  lw->lockstep = tc_buf_new(lw->ir, "lockstep", tc_scalar_type(TC_DT_uint32), TC_SCOPE_global, 1,
                            &two, lw->span);
  tc_alloc(lw->ir, lw->before, lw->lockstep, lw->span);
}

static tc_value load_var(tc_lower *lw, tc_buf buf) {
  return tc_load(lw->ir, lw->at, buf, NULL, (tc_value){0}, (tc_value){0}, lw->span);
}

static void store_var(tc_lower *lw, tc_buf buf, tc_value x) {
  tc_store(lw->ir, lw->at, buf, NULL, x, (tc_value){0}, lw->span);
}

static void poll(tc_lower *lw) {
  tc_ir *ir = lw->ir;
  tc_var i = tc_var_new(ir, "poll", TC_VAR_LOOP, tc_scalar_type(TC_DT_int32), lw->span);
  tc_value loop = tc_for(ir, lw->at, (tc_loop){.var = i, .kind = TC_LOOP_SERIAL}, tc_i32(ir, 0),
                         tc_i32(ir, POLLS), tc_i32(ir, 1), lw->span);
  tc_lower_mark in_loop = tc_lower_enter(lw, loop, 0);
  tc_value slice = counter_slice(lw, 0);
  tc_value seen = tc_lower_prim(lw, TC_PRIM_counter_read, 0, &slice, 1);
  tc_value ahead = tc_lower_int(lw, tc_binary(ir, TC_OP_sub, seen, load_var(lw, lw->target)));
  tc_lower_mark mark = tc_lower_if(lw, tc_binary(ir, TC_OP_le, tc_i32(ir, 0), ahead));
  tc_stmt(ir, lw->at, TC_OP_break, tc_scalar_type(TC_DT_void), NULL, 0, 0, lw->span);
  tc_lower_leave(lw, mark);
  tc_lower_prim(lw, TC_PRIM_sleep, PAUSE_NS, NULL, 0);
  tc_lower_leave(lw, in_loop);
}

/* Every `payload` iterations of the loop around, in waves in which every block has a tile: one
 * more arrival, and a short wait until the others have come as far. */
void tc_lower_lockstep(tc_lower *lw, tc_value stmt) {
  tc_ir *ir = lw->ir;
  int64_t every = tc_op_at(ir, stmt)->payload;
  if (!lw->step.id || every < 1) return; /* a hint: nothing to count */
  tc_value cond =
      tc_binary(ir, TC_OP_eq, tc_lower_mod(lw, tc_lower_int(lw, lw->step), every), tc_i32(ir, 0));
  if (lw->wave.id) cond = tc_and(ir, cond, lw->wave);
  tc_lower_mark mark = tc_lower_one(lw), then = tc_lower_if(lw, cond);
  tc_value next = tc_binary(ir, TC_OP_add, load_var(lw, lw->target),
                            tc_cast(ir, lw->blocks, tc_scalar_type(TC_DT_uint32)));
  store_var(lw, lw->target, next);
  tc_value in[2] = {counter_slice(lw, 0), u32(lw, 1)};
  tc_lower_prim(lw, TC_PRIM_counter_add, 0, in, 2);
  poll(lw);
  tc_lower_leave(lw, then);
  tc_lower_leave(lw, mark);
}

static void reset_counters(tc_lower *lw) {
  tc_ir *ir = lw->ir;
  tc_lower_mark mark = tc_lower_one(lw);
  tc_value in[2] = {counter_slice(lw, 1), u32(lw, 1)};
  tc_value before = tc_lower_prim(lw, TC_PRIM_counter_take, 0, in, 2);
  tc_value last =
      tc_binary(ir, TC_OP_sub, tc_cast(ir, lw->blocks, tc_scalar_type(TC_DT_uint32)), u32(lw, 1));
  tc_lower_mark then = tc_lower_if(lw, tc_binary(ir, TC_OP_eq, before, last));
  for (int64_t i = 0; i < 2; i++) {
    tc_lower_access a = {.buf = lw->lockstep, .n = 1, .rank = 1};
    a.index[0][0] = tc_i32(ir, i);
    a.value[0] = u32(lw, 0);
    tc_lower_store(lw, &a);
  }
  tc_lower_leave(lw, then);
  tc_lower_leave(lw, mark);
}

/* Is there one in the region, those of groups inside aside? */
static bool find_lockstep(tc_ir *ir, tc_value stmt, void *data) {
  bool *found = data;
  if (tc_is(ir, stmt, TC_OP_lockstep)) *found = true;
  return !*found && !tc_is(ir, stmt, TC_OP_group);
}

static bool has_lockstep(tc_lower *lw, tc_region old) {
  bool found = false;
  tc_walk(lw->ir, old, find_lockstep, &found);
  return found;
}

/* The iteration of a loop, counted from 0. */
static tc_value iteration(tc_lower *lw, tc_value loop) {
  tc_ir *ir = lw->ir;
  const tc_op *op = tc_op_at(ir, loop);
  tc_value v = tc_var_value(ir, tc_loop_of(ir, loop)->var);
  tc_value from0 = tc_binary(ir, TC_OP_sub, v, tc_input(ir, op, 0));
  int64_t step = 1;
  tc_const_of(ir, tc_input(ir, op, 2), &step);
  return step == 1 ? from0 : tc_binary(ir, TC_OP_floordiv, from0, tc_input(ir, op, 2));
}

/* Does the last block have this tile, too? Then so have all. */
static tc_value full_wave(tc_lower *lw, tc_value loop) {
  tc_ir *ir = lw->ir;
  const tc_op *op = tc_op_at(ir, loop);
  tc_map map = tc_map_in(lw->arena);
  tc_value block = tc_var_value(ir, lw->block);
  tc_map_put(&map, block.id, tc_binary(ir, TC_OP_sub, lw->blocks, tc_i32(ir, 1)).id);
  tc_value v = tc_var_value(ir, tc_loop_of(ir, loop)->var);
  tc_value lo = tc_input(ir, op, 0), last_lo = tc_substitute(ir, lo, &map);
  tc_value hi = tc_substitute(ir, tc_input(ir, op, 1), &map);
  tc_value there = tc_binary(ir, TC_OP_add, tc_binary(ir, TC_OP_sub, v, lo), last_lo);
  return tc_binary(ir, TC_OP_lt, there, hi);
}

/* Around a loop that has been made: what a lockstep in it counts. */
tc_lower_wave tc_lower_wave_enter(tc_lower *lw, tc_value loop, tc_region old) {
  tc_lower_wave before = {lw->step, lw->wave};
  if (!tc_is(lw->ir, loop, TC_OP_for) || !lw->lockstep.id || !has_lockstep(lw, old)) return before;
  if (tc_loop_of(lw->ir, loop)->kind == TC_LOOP_PERSISTENT && lw->block.id)
    lw->wave = full_wave(lw, loop);
  else
    lw->step = iteration(lw, loop);
  return before;
}

void tc_lower_wave_leave(tc_lower *lw, tc_lower_wave before) {
  lw->step = before.step;
  lw->wave = before.wave;
}

/* ---- all that a range of threads does ---- */

static void end_stores(tc_lower *lw) {
  tc_lower_mark mark = tc_lower_if(lw, tc_lower_lane0(lw));
  tc_lower_prim(lw, TC_PRIM_bulk_wait, 0, NULL, 0);
  tc_lower_leave(lw, mark);
}

void tc_lower_threads(tc_lower *lw, tc_region old) {
  bool counts = has_lockstep(lw, old), stores = lw->stores_bulk;
  tc_buf lockstep = lw->lockstep, target = lw->target;
  lw->stores_bulk = false;
  if (counts) {
    make_counters(lw);
    lw->target = tc_buf_new(lw->ir, "lockstep_target", tc_scalar_type(TC_DT_uint32), TC_SCOPE_var,
                            0, NULL, lw->span);
    tc_alloc(lw->ir, lw->at, lw->target, lw->span);
    store_var(lw, lw->target, u32(lw, 0));
  }
  tc_lower_region(lw, old);
  if (counts) reset_counters(lw);
  if (lw->stores_bulk) end_stores(lw);
  lw->stores_bulk = stores;
  lw->lockstep = lockstep;
  lw->target = target;
}
