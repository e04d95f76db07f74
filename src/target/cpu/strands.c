#include "target/cpu/strands.h"

#include "ir/form.h"
#include "ir/walk.h"
#include "prove/eval.h"

#include <stdlib.h>

/* Where a statement stands. */
typedef struct place {
  tc_rt_range group;
  tc_value perthread; /* 0: outside */
  bool in_while, in_parallel;
  bool cut;  /* in a region that tc_strands_cut has cut */
  bool lone; /* in a region where one thread waits for all, see waits_alone */
  bool last; /* what follows the region that is walked is silent up to a barrier of all */
} place;

typedef struct home { /* of a local buffer: where it is allocated */
  tc_rt_range group;
  tc_value perthread;
} home;

typedef struct planner {
  tc_ir *ir;
  tc_arena *arena;
  tc_strands *s;
  home *homes;           /* by root */
  tc_value *used_by_all; /* by root: a statement outside per-thread code that uses it */
  TC_VEC(int32_t) cuts;
  bool has_lanes; /* lanes of a warp exchange values */
} planner;

/* ---- what a statement does ---- */

static bool is_local(const tc_ir *ir, tc_buf buf) {
  enum tc_scope scope = tc_buf_at(ir, buf)->scope;
  return scope == TC_SCOPE_local || scope == TC_SCOPE_var;
}

static enum tc_order order_of(const tc_ir *ir, tc_value stmt) {
  bool is_load = tc_is(ir, stmt, TC_OP_load);
  return (enum tc_order)(is_load ? tc_access_of(ir, stmt)->order : tc_atomic_of(ir, stmt)->order);
}

static uint32_t n_regions(const tc_op *op) {
  return tc_op_row((enum tc_opcode)op->opcode)->n_regions;
}

/* ---- regions that can be cut ---- */

static bool note_exchange(tc_ir *ir, tc_value stmt, void *data) {
  uint32_t *n = data;
  const tc_op *op = tc_op_at(ir, stmt);
  *n += op->opcode == TC_OP_collective || op->opcode == TC_OP_barrier || op->opcode == TC_OP_wait
        || op->opcode == TC_OP_mbarrier;
  return true;
}

/* A buffer that a statement before the cut loads from. */
static bool is_loaded(const tc_ir *ir, tc_region region, uint32_t cut, tc_buf buf) {
  const tc_block *block = tc_block_at(ir, region);
  const tc_buffer *b = tc_buf_at(ir, buf);
  for (uint32_t i = 0; i < cut; i++) {
    if (!tc_is(ir, block->ops.at[i], TC_OP_load)) continue;
    const tc_buffer *from = tc_buf_at(ir, tc_access_buf(ir, block->ops.at[i]));
    if (from->root.id == b->root.id || from->address.id || b->address.id) return true;
  }
  return false;
}

/* Before the cut are loads and asserts only, which are done again after it; so what they read must
 * not be written by another thread behind the cut. */
uint32_t tc_strands_cut(tc_ir *ir, tc_region region) {
  const tc_block *block = tc_block_at(ir, region);
  uint32_t n = 0, cut = UINT32_MAX;
  tc_walk(ir, region, note_exchange, &n);
  if (n != 1) return UINT32_MAX;
  for (uint32_t i = 0; i < block->ops.n; i++) {
    tc_value stmt = block->ops.at[i];
    uint16_t opcode = tc_op_at(ir, stmt)->opcode;
    bool quiet = opcode == TC_OP_load || opcode == TC_OP_eval || opcode == TC_OP_assume
                 || opcode == TC_OP_assert;
    bool store = opcode == TC_OP_store && cut != UINT32_MAX;
    if (opcode == TC_OP_collective) {
      cut = i;
    } else if (store) {
      tc_buf buf = tc_access_buf(ir, stmt);
      if (!is_local(ir, buf) && is_loaded(ir, region, cut, buf)) return UINT32_MAX;
    } else if (!quiet) {
      return UINT32_MAX;
    }
  }
  return cut;
}

/* ---- one thread that waits for all ---- */

static bool note_sound(tc_ir *ir, tc_value stmt, void *data) {
  bool *sound = data;
  const tc_op *op = tc_op_at(ir, stmt);
  bool access = op->opcode == TC_OP_load || op->opcode == TC_OP_store;
  if (access && tc_access_of(ir, stmt)->order != TC_ORDER_NONE) *sound = true;
  if (op->opcode == TC_OP_atomic || op->opcode == TC_OP_atomic_tile) *sound = true;
  if (tc_op_row((enum tc_opcode)op->opcode)->effect & TC_SYNC) *sound = true;
  return true;
}

/* Nobody else may notice when the statement is done: it only touches memory, without order. */
static bool is_silent(tc_ir *ir, tc_value stmt) {
  bool sound = false;
  const tc_op *op = tc_op_at(ir, stmt);
  note_sound(ir, stmt, &sound);
  for (uint32_t r = 0; r < n_regions(op); r++)
    tc_walk(ir, tc_child(ir, op, r), note_sound, &sound);
  return !sound;
}

/* From statement `i` of a region on: silent up to a barrier of all, or to the kernel's end. */
static bool is_silent_from(tc_ir *ir, const tc_block *block, uint32_t i, place at) {
  for (; i < block->ops.n; i++) {
    tc_value stmt = block->ops.at[i];
    if (tc_is(ir, stmt, TC_OP_barrier) && tc_barrier_of(ir, stmt)->id < 0
        && tc_barrier_of(ir, stmt)->sync_scope != TC_SYNC_WARP)
      return true;
    if (!is_silent(ir, stmt)) return false;
  }
  return at.last;
}

/* The condition holds for at most one of the threads. */
static bool picks_one(tc_ir *ir, tc_arena *arena, tc_value cond, const tc_group *g) {
  const tc_op *op = tc_op_at(ir, cond);
  if (op->opcode == TC_OP_and
      && (picks_one(ir, arena, tc_input(ir, op, 0), g)
          || picks_one(ir, arena, tc_input(ir, op, 1), g)))
    return true;
  if (!g->thread.id) return g->count <= 1;
  tc_eval *e = tc_eval_new(ir, arena, &g->thread, 1, &cond, 1, 0);
  int64_t n = 0;
  tc_eval_run(e, 0);
  for (int64_t t = g->first; t < g->first + g->count; t++) {
    tc_eval_set(e, 0, t);
    tc_eval_run(e, 1);
    tc_cell cell = tc_eval_root(e, 0);
    n += cell.state != TC_CELL_KNOWN || cell.x.i;
  }
  return n <= 1;
}

/* `if tx == 0: wait`, and nothing that others could notice until all threads meet again. Then the
 * strand may wait as a whole: what its other threads would do meanwhile makes no difference. */
static bool waits_alone(planner *p, tc_value perthread) {
  const tc_group *g = tc_group_of(p->ir, perthread);
  tc_region region = tc_child(p->ir, tc_op_at(p->ir, perthread), 0);
  const tc_block *block = tc_block_at(p->ir, region);
  uint32_t n = 0;
  for (uint32_t i = 0; i < block->ops.n; i++) {
    tc_value stmt = block->ops.at[i];
    const tc_op *op = tc_op_at(p->ir, stmt);
    if (is_silent(p->ir, stmt)) continue;
    if (op->opcode != TC_OP_if || tc_block_at(p->ir, tc_child(p->ir, op, 1))->ops.n) return false;
    if (n++ || !picks_one(p->ir, p->arena, tc_input(p->ir, op, 0), g)) return false;
  }
  return true;
}

/* ---- the walk ---- */

static void plan_refuse(planner *p, tc_value stmt, const char *what) {
  TC_DIAG(p->ir->diags, D_not_on_target, tc_op_at(p->ir, stmt)->span, what);
  tc_diag_stop(p->ir->diags);
}

static void add_group(planner *p, tc_rt_range group) {
  for (uint32_t i = 0; i < p->s->groups.n; i++)
    if (p->s->groups.at[i].first == group.first && p->s->groups.at[i].end == group.end) return;
  tc_vec_push(p->arena, &p->s->groups, group);
  tc_vec_push(p->arena, &p->cuts, group.first);
  tc_vec_push(p->arena, &p->cuts, group.end);
}

/* Threads wait here for something that other threads do. */
static void add_wait(planner *p, place at) {
  p->s->needed = true;
  if (at.perthread.id && !at.lone) p->s->single = true;
}

/* Threads meet here: one of them alone cannot. */
static void add_meeting(planner *p, place at) {
  at.lone = false;
  add_wait(p, at);
}

static void add_barrier(planner *p, tc_value stmt, place at) {
  const tc_barrier *b = tc_barrier_of(p->ir, stmt);
  bool all = !b->arrive && (!b->count || b->count == at.group.end - at.group.first);
  if (at.perthread.id || (b->id >= 0 && !all)) add_meeting(p, at);
  if (b->sync_scope == TC_SYNC_DEVICE || b->sync_scope == TC_SYNC_SYSTEM) {
    add_meeting(p, at);
    p->s->resident = true;
  }
}

/* An access in a loop that may wait for what others write: a load with an order, an atomic update.
 * An update without one that all threads do together takes work from a queue, as a rule, and alone
 * does not make strands. */
static void add_look(planner *p, tc_value stmt, place at) {
  enum tc_scope scope = tc_buf_at(p->ir, tc_access_buf(p->ir, stmt))->scope;
  enum tc_order order = order_of(p->ir, stmt);
  bool is_load = tc_is(p->ir, stmt, TC_OP_load);
  bool acquires = order > TC_ORDER_RELAXED && order != TC_ORDER_RELEASE;
  if (is_load && order == TC_ORDER_NONE) return;
  if (scope != TC_SCOPE_global && scope != TC_SCOPE_shared) return;
  if (at.in_parallel) {
    if (is_load) plan_refuse(p, stmt, "a parallel loop that waits until memory changes");
    return;
  }
  p->s->looks[stmt.id] = true;
  if (is_load || acquires || at.perthread.id) add_wait(p, at);
  if (scope == TC_SCOPE_global && (is_load || acquires)) p->s->resident = true;
}

/* table */
static void add_stmt(planner *p, tc_value stmt, place at) {
  const tc_op *op = tc_op_at(p->ir, stmt);
  switch ((int)op->opcode) {
  case TC_OP_group:
    add_group(p, tc_strands_range(tc_group_of(p->ir, stmt)));
    return;
  case TC_OP_barrier:
    add_barrier(p, stmt, at);
    return;
  case TC_OP_collective:
    if (!at.cut) add_meeting(p, at);
    if (tc_collective_of(p->ir, stmt)->sync_scope == TC_SYNC_WARP) p->has_lanes = true;
    return;
  case TC_OP_mbarrier:
    p->s->needed = true;
    if (tc_mbarrier_of(p->ir, stmt)->kind == TC_MBAR_WAIT) add_wait(p, at);
    return;
  case TC_OP_wait:
    if (at.in_parallel) plan_refuse(p, stmt, "a wait in a parallel loop");
    add_wait(p, at);
    p->s->resident = true;
    return;
  case TC_OP_load:
  case TC_OP_atomic:
    if (at.in_while) add_look(p, stmt, at);
    return;
  default:
    return;
  }
}

/* A local buffer is each thread's own when per-thread code writes it and it outlives that code; it
 * is each strand's own when only some threads of those for whom it was made write it. */
static void add_use(planner *p, tc_value stmt, tc_buf buf, bool written, place at) {
  tc_buf root = tc_buf_at(p->ir, buf)->root;
  const home *h = &p->homes[root.id];
  if (!is_local(p->ir, root)) return;
  if (!at.perthread.id) {
    p->used_by_all[root.id] = stmt;
    bool inner = at.group.first != h->group.first || at.group.end != h->group.end;
    if (written && inner && !at.in_parallel) p->s->needed = true;
  } else if (written && h->perthread.id != at.perthread.id) {
    p->s->own[root.id] = true;
  }
}

static void add_uses(planner *p, tc_value stmt, place at) {
  const tc_op *op = tc_op_at(p->ir, stmt);
  tc_buf buf, written = tc_written_buf(p->ir, stmt);
  if (op->opcode == TC_OP_alloc) {
    p->homes[tc_buf_at(p->ir, (tc_buf){op->payload})->root.id] = (home){at.group, at.perthread};
    return;
  }
  if (op->opcode == TC_OP_hint) return;
  for (uint32_t k = 0; (buf = tc_stmt_buf(p->ir, op, k)).id; k++)
    add_use(p, stmt, buf, buf.id == written.id, at);
  for (uint32_t k = 0; k < op->n_in; k++) {
    if (!tc_is(p->ir, tc_input(p->ir, op, k), TC_OP_slice)) continue;
    buf = tc_slice_buf(p->ir, tc_input(p->ir, op, k));
    add_use(p, stmt, buf, buf.id == written.id, at);
  }
}

static void plan_region(planner *p, tc_region region, place at) {
  const tc_block *block = tc_block_at(p->ir, region);
  for (uint32_t i = 0; i < block->ops.n; i++) {
    tc_value stmt = block->ops.at[i];
    const tc_op *op = tc_op_at(p->ir, stmt);
    place below = at;
    add_uses(p, stmt, at);
    add_stmt(p, stmt, at);
    if (op->opcode == TC_OP_group) below.group = tc_strands_range(tc_group_of(p->ir, stmt));
    if (op->opcode == TC_OP_while) below.in_while = true;
    below.last = (op->opcode == TC_OP_group || op->opcode == TC_OP_if)
                 && is_silent_from(p->ir, block, i + 1, at);
    if (op->opcode == TC_OP_parallel) below.in_parallel = true;
    if (op->opcode == TC_OP_perthread) {
      below.perthread = stmt;
      below.cut = tc_strands_cut(p->ir, tc_child(p->ir, op, 0)) != UINT32_MAX;
      below.lone = waits_alone(p, stmt) && is_silent_from(p->ir, block, i + 1, at);
    }
    for (uint32_t r = 0; r < n_regions(op); r++)
      plan_region(p, tc_child(p->ir, op, r), below);
  }
}

/* ---- the result ---- */

static int by_number(const void *a, const void *b) {
  int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
  return x < y ? -1 : x > y;
}

static void cut_ranges(planner *p) {
  tc_strands *s = p->s;
  tc_vec_push(p->arena, &p->cuts, 0);
  tc_vec_push(p->arena, &p->cuts, s->block.end);
  qsort(p->cuts.at, p->cuts.n, sizeof *p->cuts.at, by_number);
  for (uint32_t i = 0; i + 1 < p->cuts.n; i++) {
    tc_rt_range range = {p->cuts.at[i], p->cuts.at[i + 1]};
    if (range.first == range.end) continue;
    tc_vec_push(p->arena, &s->ranges, range);
    /* Lanes of one warp in two strands. */
    if (p->has_lanes && s->needed && range.end != s->block.end && range.end % TC_WARP)
      s->single = true;
  }
}

static void want_separate(planner *p) {
  for (uint32_t id = 1; id < p->ir->bufs.n; id++) {
    if (!p->s->own[id] || !p->used_by_all[id].id) continue;
    tc_name name = tc_buf_at(p->ir, (tc_buf){id})->name;
    plan_refuse(p, p->used_by_all[id],
                tc_format(p->ir->diags->arena,
                          "'%s', which single threads write and all of them together use",
                          tc_name_of(p->ir, name)));
  }
}

tc_strands *tc_strands_plan(tc_ir *ir, tc_value kernel, tc_arena *arena) {
  tc_strands *s = TC_NEW(arena, tc_strands);
  planner p = {.ir = ir,
               .arena = arena,
               .s = s,
               .homes = TC_NEW_ARRAY(arena, ir->bufs.n, home),
               .used_by_all = TC_NEW_ARRAY(arena, ir->bufs.n, tc_value)};
  s->block = (tc_rt_range){0, (int32_t)tc_kernel_threads(tc_kernel_of(ir, kernel))};
  s->looks = TC_NEW_ARRAY(arena, ir->n_ops, bool);
  s->own = TC_NEW_ARRAY(arena, ir->bufs.n, bool);
  add_group(&p, s->block);
  plan_region(&p, tc_child(ir, tc_op_at(ir, kernel), 0), (place){.group = s->block, .last = true});
  want_separate(&p);
  cut_ranges(&p);
  return s;
}

uint32_t tc_strands_at(const tc_strands *s, int32_t thread) {
  uint32_t i = 0;
  if (s->single) return (uint32_t)thread;
  while (i < s->ranges.n && s->ranges.at[i].first < thread)
    i++;
  return i;
}

uint32_t tc_strands_count(const tc_strands *s) {
  return s->single ? (uint32_t)s->block.end : s->ranges.n;
}

uint32_t tc_strands_of(const tc_strands *s, tc_rt_range group) {
  return tc_strands_at(s, group.end) - tc_strands_at(s, group.first);
}

uint32_t tc_strands_group(const tc_strands *s, tc_rt_range group) {
  uint32_t i = 0;
  while (i < s->groups.n
         && (s->groups.at[i].first != group.first || s->groups.at[i].end != group.end))
    i++;
  return i;
}
