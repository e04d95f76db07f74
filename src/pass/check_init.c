/* Reads of memory on the chip to which nothing can have been written, and variables that parallel
 * iterations would have to hand to each other.
 *
 * One walk in program order keeps a state per storage root. Paths that meet are joined in favour of
 * `written`, and a write to one element counts for all, so whatever is reported holds on every
 * path. In a loop, an earlier iteration may have written what a later one reads; then only a read
 * that every first iteration comes to is reported. */
#include "pass/check.h"

#include "pass/effects.h"

#include <string.h>

enum state {
  UNWRITTEN,
  WRITTEN,
  CARRIED, /* a variable with its value from before the parallel loop around */
  LOST,    /* a variable written in a parallel loop, behind it */
};

/* A for or while around the current statement. */
typedef struct loop {
  uint32_t depth;
  bool *writes; /* by root: somewhere in it */
} loop;

typedef struct flow {
  tc_check *c;
  tc_ir *ir;
  uint32_t n_bufs, depth;
  uint8_t *states;       /* enum state by root */
  uint32_t *alloc_depth; /* by root */
  tc_value *lost_in;     /* by root: the parallel loop */
  bool *grouped;         /* by root: written by some group of threads */
  bool *told;            /* by root: something was reported, once is enough */
  TC_VEC(loop) loops;
  TC_VEC(uint32_t) conditions; /* depths of what may not be executed */
} flow;

/* ---- what a region writes ---- */

static void collect_writes(const flow *f, tc_region region, bool *writes) {
  const tc_block *block = tc_block_at(f->ir, region);
  for (uint32_t i = 0; i < block->ops.n; i++) {
    const tc_op *op = tc_op_at(f->ir, block->ops.at[i]);
    tc_touch t[TC_MAX_TOUCHES];
    uint32_t n = tc_touches_of(f->ir, block->ops.at[i], t);
    for (uint32_t k = 0; k < n; k++)
      if (t[k].kind & TC_TOUCH_WRITE) writes[tc_root_of(f->ir, t[k].buf).id] = true;
    n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
    for (uint32_t r = 0; r < n; r++)
      collect_writes(f, tc_child(f->ir, op, r), writes);
  }
}

static void collect_group_writes(flow *f, tc_region region) {
  const tc_block *block = tc_block_at(f->ir, region);
  for (uint32_t i = 0; i < block->ops.n; i++) {
    const tc_op *op = tc_op_at(f->ir, block->ops.at[i]);
    bool group = op->opcode == TC_OP_group || op->opcode == TC_OP_perthread;
    uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
    for (uint32_t r = 0; r < n; r++) {
      if (group)
        collect_writes(f, tc_child(f->ir, op, r), f->grouped);
      else
        collect_group_writes(f, tc_child(f->ir, op, r));
    }
  }
}

/* ---- reads ---- */

static bool is_watched(const flow *f, tc_buf root) {
  return tc_check_is_on_chip(f->ir, root) || tc_buf_at(f->ir, root)->scope == TC_SCOPE_var;
}

/* Could an earlier iteration of a loop around have written it before this read? */
static bool maybe_later(const flow *f, tc_buf root) {
  uint32_t n = f->conditions.n;
  for (uint32_t i = 0; i < f->loops.n; i++) {
    const loop *l = &f->loops.at[i];
    if (l->depth < f->alloc_depth[root.id] || !l->writes[root.id]) continue;
    if (n && f->conditions.at[n - 1] > l->depth) return true;
  }
  return false;
}

static void report_var(flow *f, tc_span span, tc_buf buf, tc_value lost_in) {
  tc_diags *diags = f->ir->diags;
  const char *name = tc_check_buf_name(f->c, buf);
  if (lost_in.id) {
    TC_DIAG(diags, D_lost_var, span, name);
    tc_diag_note(diags, tc_op_at(f->ir, lost_in)->span, "the loop");
  } else {
    TC_DIAG(diags, D_carried_var, span, name);
  }
  tc_check_note_buf(f->c, buf);
  tc_diag_help(diags, "to combine values, store them in a fragment and use T.reduce_sum, use "
                      "T.atomic_add, or make the loop T.serial");
}

static void report(flow *f, tc_value stmt, const tc_touch *t, tc_buf root) {
  tc_buf buf = t->buf;
  tc_span span = tc_op_at(f->ir, stmt)->span;
  enum state state = (enum state)f->states[root.id];
  if (f->told[root.id] || !tc_check_is_news(f->c, buf, span)) return;
  f->told[root.id] = true;
  if (state != UNWRITTEN) {
    report_var(f, span, buf, state == LOST ? f->lost_in[root.id] : (tc_value){0});
    return;
  }
  TC_DIAG(f->ir->diags, D_never_written, span, tc_check_buf_name(f->c, buf));
  tc_check_note_buf(f->c, buf);
  if (tc_is(f->ir, stmt, TC_OP_gemm) && t->slice.id == tc_input(f->ir, tc_op_at(f->ir, stmt), 2).id)
    tc_diag_help(f->ir->diags,
                 "T.gemm adds to its result: T.clear it first, or pass clear_accum=True");
}

static void see_read(flow *f, tc_value stmt, const tc_touch *t, bool conditional) {
  tc_buf root = tc_root_of(f->ir, t->buf);
  if (!is_watched(f, root) || f->states[root.id] == WRITTEN || (t->kind & TC_TOUCH_MAYBE)) return;
  if (conditional) tc_vec_push(f->c->arena, &f->conditions, f->depth + 1);
  bool later = maybe_later(f, root);
  if (conditional) f->conditions.n--;
  if (!later) report(f, stmt, t, root);
}

static bool is_conditional(const flow *f, tc_value stmt) {
  uint32_t op = tc_op_at(f->ir, stmt)->opcode;
  if (op != TC_OP_load && op != TC_OP_store && op != TC_OP_atomic) return false;
  return tc_access_pred(f->ir, stmt).id != 0;
}

static void see_touches(flow *f, tc_value stmt) {
  tc_touch t[TC_MAX_TOUCHES];
  uint32_t n = tc_touches_of(f->ir, stmt, t);
  bool conditional = is_conditional(f, stmt);
  if (tc_is(f->ir, stmt, TC_OP_print)) return; /* showing undefined memory is no mistake */
  for (uint32_t k = 0; k < n; k++)
    if (t[k].kind & TC_TOUCH_READ) see_read(f, stmt, &t[k], conditional);
  for (uint32_t k = 0; k < n; k++)
    if (t[k].kind & TC_TOUCH_WRITE) f->states[tc_root_of(f->ir, t[k].buf).id] = WRITTEN;
}

/* ---- control ---- */

static void walk(flow *f, tc_region region);

static uint8_t *copy_states(const flow *f) {
  return tc_arena_copy(f->c->arena, f->states, f->n_bufs);
}

/* What holds after either path: written wins, then what is better than nothing. */
static void join(flow *f, const uint8_t *other) {
  for (uint32_t i = 0; i < f->n_bufs; i++) {
    bool written = f->states[i] == WRITTEN || other[i] == WRITTEN;
    if (f->states[i] != other[i]) f->states[i] = written ? WRITTEN : UNWRITTEN;
  }
}

/* Every trip count is positive, whatever the launch. */
static bool surely_runs(const tc_ir *ir, const tc_op *op) {
  int64_t lo = 0, hi, step = 1;
  if (op->opcode == TC_OP_parallel) {
    for (uint32_t i = 0; i < op->n_in; i++)
      if (!tc_const_of(ir, tc_input(ir, op, i), &hi) || hi <= 0) return false;
    return true;
  }
  return tc_const_of(ir, tc_input(ir, op, 0), &lo) && tc_const_of(ir, tc_input(ir, op, 1), &hi)
         && tc_const_of(ir, tc_input(ir, op, 2), &step) && (step > 0 ? lo < hi : lo > hi);
}

static void walk_conditional(flow *f, tc_region region) {
  tc_vec_push(f->c->arena, &f->conditions, f->depth);
  walk(f, region);
  f->conditions.n--;
}

static void walk_if(flow *f, const tc_op *op) {
  uint8_t *before = copy_states(f), *after;
  walk_conditional(f, tc_child(f->ir, op, 0));
  after = f->states;
  f->states = before;
  walk_conditional(f, tc_child(f->ir, op, 1));
  join(f, after);
}

static void push_loop(flow *f, const tc_op *op) {
  loop l = {f->depth, TC_NEW_ARRAY(f->c->arena, f->n_bufs, bool)};
  uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
  for (uint32_t r = 0; r < n; r++)
    collect_writes(f, tc_child(f->ir, op, r), l.writes);
  tc_vec_push(f->c->arena, &f->loops, l);
}

/* A loop that may not run is itself a condition, seen from the loops around it. */
static void walk_for(flow *f, const tc_op *op) {
  uint8_t *before = copy_states(f);
  bool sure = surely_runs(f->ir, op);
  if (!sure) tc_vec_push(f->c->arena, &f->conditions, f->depth);
  push_loop(f, op);
  walk(f, tc_child(f->ir, op, 0));
  f->loops.n--;
  if (!sure) f->conditions.n--;
  if (!sure) join(f, before);
}

static void walk_while(flow *f, const tc_op *op) {
  push_loop(f, op);
  walk(f, tc_child(f->ir, op, 0));
  uint8_t *before = copy_states(f);
  walk_conditional(f, tc_child(f->ir, op, 1));
  f->loops.n--;
  join(f, before);
}

static bool is_var(const flow *f, uint32_t root) {
  return root && tc_buf_at(f->ir, (tc_buf){root})->scope == TC_SCOPE_var;
}

static void walk_parallel(flow *f, tc_value stmt, const tc_op *op) {
  uint8_t *before = copy_states(f);
  bool *writes = TC_NEW_ARRAY(f->c->arena, f->n_bufs, bool);
  collect_writes(f, tc_child(f->ir, op, 0), writes);
  for (uint32_t i = 1; i < f->n_bufs; i++)
    if (writes[i] && is_var(f, i) && f->states[i] == WRITTEN) f->states[i] = CARRIED;
  bool sure = surely_runs(f->ir, op);
  if (!sure) tc_vec_push(f->c->arena, &f->conditions, f->depth);
  walk(f, tc_child(f->ir, op, 0));
  if (!sure) f->conditions.n--;
  for (uint32_t i = 1; i < f->n_bufs; i++) {
    if (!writes[i] || !is_var(f, i) || f->alloc_depth[i] > f->depth) continue;
    f->states[i] = LOST;
    f->lost_in[i] = stmt;
  }
  if (!sure) join(f, before);
}

/* Groups run side by side: what any of them writes may be there. */
static void enter_groups(flow *f) {
  for (uint32_t i = 0; i < f->n_bufs; i++)
    if (f->grouped[i]) f->states[i] = WRITTEN;
}

static void walk_stmt(flow *f, tc_value stmt) {
  const tc_op *op = tc_op_at(f->ir, stmt);
  switch (op->opcode) {
  case TC_OP_alloc:
    f->told[op->payload] = false;
    f->states[op->payload] = UNWRITTEN;
    f->alloc_depth[op->payload] = f->depth;
    return;
  case TC_OP_if:
    walk_if(f, op);
    return;
  case TC_OP_for:
    walk_for(f, op);
    return;
  case TC_OP_while:
    walk_while(f, op);
    return;
  case TC_OP_parallel:
    walk_parallel(f, stmt, op);
    return;
  case TC_OP_group:
  case TC_OP_perthread:
    enter_groups(f);
    walk(f, tc_child(f->ir, op, 0));
    return;
  case TC_OP_kernel:
    collect_group_writes(f, tc_child(f->ir, op, 0));
    walk(f, tc_child(f->ir, op, 0));
    return;
  default:
    see_touches(f, stmt);
  }
}

static void walk(flow *f, tc_region region) {
  const tc_block *block = tc_block_at(f->ir, region);
  f->depth++;
  for (uint32_t i = 0; i < block->ops.n; i++)
    walk_stmt(f, block->ops.at[i]);
  f->depth--;
}

/* ---- results ---- */

/* What is done to the results of T.empty, whose memory starts undefined as well. Blocks run in no
 * order, and one may set what another adds to: so a result is reported only where nothing in the
 * function sets an element of it, and each write builds on the value before. */
typedef struct updates {
  bool set;
  tc_value first; /* the first update */
  tc_buf buf;     /* as it names the result */
} updates;

/* The value does not depend on the one before. */
static bool is_set(const tc_ir *ir, tc_value stmt, const tc_touch *t) {
  if (!(t->kind & TC_TOUCH_READ) || t->kind & TC_TOUCH_MAYBE) return true;
  uint32_t kind = t->kind & TC_TOUCH_ATOMIC ? tc_atomic_of(ir, stmt)->kind : TC_ATOMIC_ADD;
  return kind == TC_ATOMIC_EXCHANGE || kind == TC_ATOMIC_CAS;
}

static void collect_updates(const flow *f, tc_region region, updates *of) {
  const tc_block *block = tc_block_at(f->ir, region);
  for (uint32_t i = 0; i < block->ops.n; i++) {
    tc_value stmt = block->ops.at[i];
    const tc_op *op = tc_op_at(f->ir, stmt);
    tc_touch t[TC_MAX_TOUCHES];
    uint32_t n = tc_touches_of(f->ir, stmt, t);
    for (uint32_t k = 0; k < n; k++) {
      if (!(t[k].kind & TC_TOUCH_WRITE)) continue;
      updates *u = &of[tc_root_of(f->ir, t[k].buf).id];
      u->set = u->set || is_set(f->ir, stmt, &t[k]);
      if (!u->first.id) u->first = stmt, u->buf = t[k].buf;
    }
    n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
    for (uint32_t r = 0; r < n; r++)
      collect_updates(f, tc_child(f->ir, op, r), of);
  }
}

static void check_results(flow *f) {
  updates *of = TC_NEW_ARRAY(f->c->arena, f->n_bufs, updates);
  collect_updates(f, f->ir->body, of);
  for (uint32_t i = 1; i < f->n_bufs; i++) {
    if (!(tc_buf_at(f->ir, (tc_buf){i})->flags & TC_BUF_RESULT)) continue;
    tc_value stmt = of[i].first;
    if (!stmt.id || of[i].set) continue;
    TC_DIAG(f->ir->diags, D_never_written, tc_op_at(f->ir, stmt)->span,
            tc_check_buf_name(f->c, of[i].buf));
    tc_check_note_buf(f->c, of[i].buf);
    tc_diag_help(f->ir->diags,
                 "a result of T.empty is not zero: set it in a kernel before this one, "
                 "or take it as a parameter");
  }
}

void tc_check_init(tc_check *c) {
  uint32_t n = c->ir->bufs.n;
  flow f = {.c = c,
            .ir = c->ir,
            .n_bufs = n,
            .states = TC_NEW_ARRAY(c->arena, n, uint8_t),
            .alloc_depth = TC_NEW_ARRAY(c->arena, n, uint32_t),
            .lost_in = TC_NEW_ARRAY(c->arena, n, tc_value),
            .grouped = TC_NEW_ARRAY(c->arena, n, bool),
            .told = TC_NEW_ARRAY(c->arena, n, bool)};
  walk(&f, c->ir->body);
  check_results(&f);
}
