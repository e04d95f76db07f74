/* Regions of per-thread code.
 *
 * The statements of a uniform region fall into kinds. Those that need threads and those that may as
 * well be done per thread form runs; each run becomes one perthread region. What belongs to the
 * strand ends a run. A uniform loop or condition that contains such a statement stays outside and
 * is taken apart the same way; one that does not goes into the run as a whole. An exchange between
 * threads has a region of its own.
 *
 * A value that is made in one region and used in another one goes through a variable that each
 * thread has. */
#include "pass/threads.h"

#include "ir/build.h"
#include "pass/deps.h"
#include "pass/effects.h"
#include "pass/guard.h"

enum kind {
  K_STRAND,  /* once per strand: tile operations, barriers, uniform variables */
  K_READ,    /* a load of a uniform variable: of the strand, but it need not end a run */
  K_EITHER,  /* uniform, and no matter who does it */
  K_THREADS, /* per thread */
  K_ALONE,   /* an exchange: per thread, in a region of its own */
  K_SPLIT,   /* uniform control around something of the strand */
  K_FIRST,   /* a uniform load of a run that may be done before all of it */
};

typedef struct user {
  tc_value stmt;
  uint32_t next; /* index + 1 into users */
} user;

typedef struct region {
  tc_value stmt;
  tc_var thread;
  tc_map map;      /* value id -> what stands for it inside */
  tc_values loads; /* of values that come from other regions */
} region;

typedef struct place {
  tc_threads *t;
  tc_ir *ir;
  tc_arena *arena;
  TC_VEC(user) users;
  uint32_t *first_user; /* by value id: index + 1 into users */
  uint32_t *home;       /* by value id: number of the region a statement is in, 0 for none */
  TC_VEC(region) regions;
  tc_values reads; /* of uniform variables, on their way out of the statement being checked */
  tc_values carriers;
} place;

/* ---- what a statement is ---- */

static bool is_private(const place *p, tc_buf buf) {
  return p->t->private_[tc_root_of(p->ir, buf).id];
}

static bool varies(const place *p, const tc_op *op) {
  for (uint32_t i = 0; i < op->n_in; i++)
    if (tc_threads_varies(p->t, tc_input(p->ir, op, i))) return true;
  return false;
}

static bool is_own_scope(const place *p, tc_buf buf) {
  enum tc_scope scope = tc_buf_at(p->ir, tc_root_of(p->ir, buf))->scope;
  return scope == TC_SCOPE_local || scope == TC_SCOPE_var;
}

static bool is_own_tile(const place *p, tc_value stmt) {
  if (tc_is(p->ir, stmt, TC_OP_parallel)) return false;
  if (tc_is(p->ir, stmt, TC_OP_copy) && (tc_copy_of(p->ir, stmt)->flags & TC_COPY_OWN)) return true;
  return tc_threads_is_own_tile(p->t, stmt);
}

static enum kind kind_of(const place *p, tc_value stmt, bool in_loop);

static enum kind kind_of_regions(const place *p, const tc_op *op, bool in_loop) {
  uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
  enum kind all = K_EITHER;
  for (uint32_t r = 0; r < n; r++) {
    const tc_block *block = tc_block_at(p->ir, tc_child(p->ir, op, r));
    for (uint32_t i = 0; i < block->ops.n; i++) {
      enum kind k = kind_of(p, block->ops.at[i], in_loop);
      if (k == K_STRAND || k == K_READ || k == K_ALONE || k == K_SPLIT) return K_SPLIT;
      if (k == K_THREADS) all = K_THREADS;
    }
  }
  return all;
}

static enum kind kind_of_access(const place *p, tc_value stmt) {
  tc_buf buf = tc_access_buf(p->ir, stmt);
  const tc_op *op = tc_op_at(p->ir, stmt);
  if (op->opcode == TC_OP_atomic || varies(p, op) || is_private(p, buf)) return K_THREADS;
  if (!is_own_scope(p, buf)) return K_EITHER;
  return op->opcode == TC_OP_load ? K_READ : K_STRAND;
}

static enum kind kind_of_print(const place *p, tc_value stmt) {
  tc_buf buf = tc_print_of(p->ir, stmt)->buf;
  if (varies(p, tc_op_at(p->ir, stmt))) return K_THREADS;
  if (!buf.id) return K_EITHER;
  return is_private(p, buf) ? K_THREADS : K_STRAND;
}

/* table */
static enum kind kind_of(const place *p, tc_value stmt, bool in_loop) {
  const tc_op *op = tc_op_at(p->ir, stmt);
  if (tc_threads_is_tile(p->ir, stmt)) return is_own_tile(p, stmt) ? K_THREADS : K_STRAND;
  switch (op->opcode) {
  case TC_OP_load:
  case TC_OP_store:
  case TC_OP_atomic:
    return kind_of_access(p, stmt);
  case TC_OP_alloc:
    return is_private(p, (tc_buf){op->payload}) ? K_EITHER : K_STRAND;
  case TC_OP_if:
    return p->t->diverges[stmt.id] ? K_THREADS : kind_of_regions(p, op, in_loop);
  case TC_OP_for:
  case TC_OP_while:
    return p->t->diverges[stmt.id] ? K_THREADS : kind_of_regions(p, op, true);
  case TC_OP_break:
  case TC_OP_continue:
  case TC_OP_yield:
    return in_loop ? K_EITHER : K_STRAND;
  case TC_OP_fence:
    return K_EITHER;
  case TC_OP_assert:
  case TC_OP_assume:
  case TC_OP_eval:
    return varies(p, op) ? K_THREADS : K_EITHER;
  case TC_OP_print:
    return kind_of_print(p, stmt);
  case TC_OP_collective:
    return K_ALONE;
  case TC_OP_mbarrier:
  case TC_OP_wait:
    return varies(p, op) ? K_THREADS : K_STRAND;
  default:
    return K_STRAND;
  }
}

/* ---- what cannot be ---- */

TC_NORETURN static void refuse_path(place *p, tc_value stmt, tc_value around) {
  bool tile = tc_threads_is_tile(p->ir, stmt) || tc_is(p->ir, stmt, TC_OP_mbarrier);
  const char *what = tile ? "a tile operation" : "a group of threads";
  TC_DIAG(p->ir->diags, D_tile_diverges, tc_op_at(p->ir, stmt)->span, what);
  tc_diag_note(p->ir->diags, tc_op_at(p->ir, around)->span, "threads take different paths here");
  tc_diag_help(p->ir->diags, "a condition that selects neighbouring threads, as in `if tx < 128:`, "
                             "makes them a group that works on tiles by itself");
  tc_diag_stop(p->ir->diags);
}

TC_NORETURN static void refuse_operand(place *p, tc_value stmt, tc_value culprit) {
  TC_DIAG(p->ir->diags, D_tile_varies, tc_op_at(p->ir, stmt)->span);
  if (culprit.id != stmt.id)
    tc_diag_note(p->ir->diags, tc_op_at(p->ir, culprit)->span, "this differs between threads");
  tc_diag_help(p->ir->diags, "all threads do a tile operation together; for work of each thread by "
                             "itself use T.serial or T.vectorized and a T.alloc_local");
  tc_diag_stop(p->ir->diags);
}

/* Lanes beyond the end of the block are nobody's. */
static void check_warps(place *p, tc_value stmt, tc_thread_range in) {
  const tc_collective *c = tc_collective_of(p->ir, stmt);
  bool whole =
      in.first % TC_WARP == 0 && (in.count % TC_WARP == 0 || in.first + in.count == p->t->count);
  if (c->sync_scope != TC_SYNC_WARP || (c->flags & TC_COLLECTIVE_MASK) || whole) return;
  TC_DIAG(p->ir->diags, D_partial_warp, tc_op_at(p->ir, stmt)->span, in.first,
          in.first + in.count - 1);
  tc_diag_stop(p->ir->diags);
}

/* A statement below that depends on the thread; 0 when there is none. */
static tc_value find_varying(const place *p, tc_value stmt) {
  const tc_op *op = tc_op_at(p->ir, stmt);
  tc_touch touch[TC_MAX_TOUCHES];
  uint32_t n = tc_touches_of(p->ir, stmt, touch);
  if (varies(p, op)) return stmt;
  for (uint32_t i = 0; i < n; i++)
    if (is_private(p, touch[i].buf)) return stmt;
  n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
  for (uint32_t r = 0; r < n; r++) {
    const tc_block *block = tc_block_at(p->ir, tc_child(p->ir, op, r));
    for (uint32_t i = 0; i < block->ops.n; i++) {
      tc_value found = find_varying(p, block->ops.at[i]);
      if (found.id) return found;
    }
  }
  return (tc_value){0};
}

static bool is_mbarrier(const place *p, tc_value stmt, enum tc_mbarrier_kind kind) {
  return tc_is(p->ir, stmt, TC_OP_mbarrier) && tc_mbarrier_of(p->ir, stmt)->kind == kind;
}

/* Of the strand: its operands must be uniform. */
static void check_strand(place *p, tc_value stmt) {
  bool whole = tc_threads_is_tile(p->ir, stmt) || is_mbarrier(p, stmt, TC_MBAR_INIT);
  tc_value culprit = whole ? find_varying(p, stmt) : (tc_value){0};
  if (culprit.id) refuse_operand(p, stmt, culprit);
}

/* ---- statements that go into a region as a whole ---- */

static void keep_reads_and_allocs_out(place *p, tc_region at, tc_value around);

/* Under `around` threads take different paths. Uniform variables are read before it: they do not
 * change in it, or they would not be uniform. */
static bool belongs_outside(place *p, tc_value stmt, tc_value around) {
  const tc_op *op = tc_op_at(p->ir, stmt);
  bool tile = tc_threads_is_tile(p->ir, stmt) && !is_own_tile(p, stmt);
  bool range = op->opcode == TC_OP_group || op->opcode == TC_OP_perthread;
  if (tile || range || is_mbarrier(p, stmt, TC_MBAR_INIT)) refuse_path(p, stmt, around);
  if (op->opcode == TC_OP_alloc) return !is_private(p, (tc_buf){op->payload});
  if (op->opcode != TC_OP_load) return false;
  tc_buf buf = tc_access_buf(p->ir, stmt);
  return is_own_scope(p, buf) && !is_private(p, buf);
}

static void look_inside(place *p, tc_value stmt, tc_value around) {
  const tc_op *op = tc_op_at(p->ir, stmt);
  uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
  bool control = op->opcode == TC_OP_if || op->opcode == TC_OP_for || op->opcode == TC_OP_while;
  if (control && p->t->diverges[stmt.id]) around = stmt;
  for (uint32_t r = 0; r < n; r++)
    keep_reads_and_allocs_out(p, tc_child(p->ir, tc_op_at(p->ir, stmt), r), around);
}

static void keep_reads_and_allocs_out(place *p, tc_region at, tc_value around) {
  tc_block *block = tc_block_at(p->ir, at);
  uint32_t kept = 0;
  for (uint32_t i = 0; i < block->ops.n; i++) {
    tc_value stmt = block->ops.at[i];
    if (belongs_outside(p, stmt, around)) {
      tc_vec_push(p->arena, &p->reads, stmt);
      continue;
    }
    look_inside(p, stmt, around);
    block->ops.at[kept++] = stmt;
  }
  block->ops.n = kept;
}

/* ---- runs ---- */

static void set_home(place *p, tc_value stmt, uint32_t home) {
  const tc_op *op = tc_op_at(p->ir, stmt);
  uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
  p->home[stmt.id] = home;
  for (uint32_t r = 0; r < n; r++) {
    const tc_block *block = tc_block_at(p->ir, tc_child(p->ir, op, r));
    for (uint32_t i = 0; i < block->ops.n; i++)
      set_home(p, block->ops.at[i], home);
  }
}

static bool diverges_inside(const place *p, tc_value stmt) {
  const tc_op *op = tc_op_at(p->ir, stmt);
  uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
  if (n && p->t->diverges[stmt.id]) return true;
  for (uint32_t r = 0; r < n; r++) {
    const tc_block *block = tc_block_at(p->ir, tc_child(p->ir, op, r));
    for (uint32_t i = 0; i < block->ops.n; i++)
      if (diverges_inside(p, block->ops.at[i])) return true;
  }
  return false;
}

static void emit_region(place *p, tc_thread_range in, const tc_value *at, uint32_t n,
                        tc_values *out) {
  tc_span span = tc_op_at(p->ir, at[0])->span;
  tc_var thread = tc_var_new(p->ir, "t", TC_VAR_THREAD, tc_scalar_type(TC_DT_int32), span);
  tc_group payload = {.first = in.first, .count = in.count, .thread = thread, .uniform = true};
  for (uint32_t i = 0; i < n; i++)
    payload.uniform &= !diverges_inside(p, at[i]);
  tc_value stmt = tc_stmt(p->ir, tc_region_new(p->ir), TC_OP_perthread, tc_scalar_type(TC_DT_void),
                          NULL, 0, tc_pl_group(p->ir, payload), span);
  tc_block *body = tc_block_at(p->ir, tc_child(p->ir, tc_op_at(p->ir, stmt), 0));
  for (uint32_t i = 0; i < n; i++)
    tc_vec_push(p->ir->arena, &body->ops, at[i]);
  tc_vec_push(p->arena, &p->regions,
              ((region){.stmt = stmt, .thread = thread, .map = tc_map_in(p->arena)}));
  tc_vec_push(p->ir->arena, out, stmt);
}

/* Is the value used by a statement that is not in region `home`? */
static bool is_used_outside(const place *p, tc_value v, uint32_t home) {
  for (uint32_t u = p->first_user[v.id]; u; u = p->users.at[u - 1].next)
    if (p->home[p->users.at[u - 1].stmt.id] != home) return true;
  return false;
}

typedef struct run {
  tc_values stmts;
  TC_VEC(enum kind) kinds;
} run;

static bool writes(const place *p, tc_value stmt, tc_buf root) {
  const tc_op *op = tc_op_at(p->ir, stmt);
  tc_touch touch[TC_MAX_TOUCHES];
  uint32_t n = tc_touches_of(p->ir, stmt, touch);
  for (uint32_t i = 0; i < n; i++)
    if ((touch[i].kind & TC_TOUCH_WRITE) && tc_root_of(p->ir, touch[i].buf).id == root.id)
      return true;
  n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
  for (uint32_t r = 0; r < n; r++) {
    const tc_block *block = tc_block_at(p->ir, tc_child(p->ir, op, r));
    for (uint32_t i = 0; i < block->ops.n; i++)
      if (writes(p, block->ops.at[i], root)) return true;
  }
  return false;
}

/* Can load number i go before the run? Then so can those its operands come from. */
static bool can_be_first(const place *p, const run *r, uint32_t i) {
  tc_value stmt = r->stmts.at[i];
  if (!tc_is(p->ir, stmt, TC_OP_load) || r->kinds.at[i] == K_STRAND) return false;
  if (r->kinds.at[i] == K_FIRST) return true;
  if (r->kinds.at[i] == K_THREADS || tc_access_of(p->ir, stmt)->order != TC_ORDER_NONE)
    return false;
  tc_buf root = tc_root_of(p->ir, tc_access_buf(p->ir, stmt));
  const tc_op *op = tc_op_at(p->ir, stmt);
  tc_deps deps = {0};
  for (uint32_t k = 0; k < op->n_in; k++)
    tc_deps_add(p->ir, p->arena, tc_input(p->ir, op, k), &deps);
  for (uint32_t k = 0; k < i; k++) {
    if (writes(p, r->stmts.at[k], root) || tc_is(p->ir, r->stmts.at[k], TC_OP_fence)) return false;
    if (tc_deps_has_stmt(&deps, r->stmts.at[k]) && !can_be_first(p, r, k)) return false;
  }
  return true;
}

static const uint32_t BEFORE_RUN = UINT32_MAX; /* home of what is done before all of the run */

/* Numbers the parts of a run that strand statements separate. What a part begins or ends with and
 * needs no threads stays with the strand, as `flush` leaves it. */
static void set_parts(place *p, const run *r) {
  uint32_t part = p->regions.n + 1, i = 0;
  while (i < r->stmts.n) {
    uint32_t end = i, first, last = i;
    while (end < r->stmts.n && r->kinds.at[end] != K_STRAND) {
      if (r->kinds.at[end++] == K_THREADS) last = end;
    }
    for (first = i; first < last && r->kinds.at[first] != K_THREADS; first++) {
    }
    for (; i < end; i++) {
      uint32_t home = i >= first && i < last ? part : 0;
      set_home(p, r->stmts.at[i], r->kinds.at[i] == K_FIRST ? BEFORE_RUN : home);
    }
    if (end < r->stmts.n) set_home(p, r->stmts.at[i++], 0);
    part++;
  }
}

/* A uniform load whose value is wanted outside of its part is the strand's. It goes before the run,
 * or else divides the part. */
static void pin_loads(place *p, run *r) {
  for (bool changed = true; changed;) {
    changed = false;
    set_parts(p, r);
    for (uint32_t i = r->stmts.n; i-- > 0;) {
      tc_value stmt = r->stmts.at[i];
      bool either = r->kinds.at[i] == K_EITHER && tc_is(p->ir, stmt, TC_OP_load);
      bool wanted = either && is_used_outside(p, stmt, p->home[stmt.id]);
      if (!wanted && r->kinds.at[i] != K_READ) continue;
      r->kinds.at[i] = can_be_first(p, r, i) ? K_FIRST : K_STRAND;
      set_home(p, stmt, 0);
      changed = true;
    }
  }
}

static void take_first(place *p, run *r, tc_values *out) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < r->stmts.n; i++) {
    if (r->kinds.at[i] == K_FIRST) {
      set_home(p, r->stmts.at[i], 0);
      tc_vec_push(p->ir->arena, out, r->stmts.at[i]);
      continue;
    }
    r->stmts.at[kept] = r->stmts.at[i];
    r->kinds.at[kept++] = r->kinds.at[i];
  }
  r->stmts.n = r->kinds.n = kept;
}

/* Turns a run into regions; uniform statements at their ends stay with the strand. */
static void flush(place *p, run *r, tc_thread_range in, tc_values *out) {
  uint32_t n, from = 0;
  pin_loads(p, r);
  take_first(p, r, out);
  n = r->stmts.n;
  while (from < n) {
    uint32_t to = from, last = from;
    if (r->kinds.at[from] != K_THREADS) {
      set_home(p, r->stmts.at[from], 0);
      tc_vec_push(p->ir->arena, out, r->stmts.at[from++]);
      continue;
    }
    for (; to < n && r->kinds.at[to] != K_STRAND; to++)
      if (r->kinds.at[to] == K_THREADS) last = to;
    for (uint32_t i = from; i <= last; i++)
      set_home(p, r->stmts.at[i], p->regions.n + 1);
    emit_region(p, in, r->stmts.at + from, last + 1 - from, out);
    from = last + 1;
  }
  r->stmts.n = r->kinds.n = 0;
}

static void place_region(place *p, tc_region at, tc_thread_range in);

/* A region that was written as one. */
static void adopt(place *p, tc_value stmt) {
  tc_group *g = tc_group_of(p->ir, stmt);
  if (!g->thread.id) {
    tc_span span = tc_op_at(p->ir, stmt)->span;
    tc_var thread = tc_var_new(p->ir, "t", TC_VAR_THREAD, tc_scalar_type(TC_DT_int32), span);
    g->thread = thread;
  }
  set_home(p, stmt, p->regions.n + 1);
  tc_vec_push(p->arena, &p->regions,
              ((region){.stmt = stmt, .thread = g->thread, .map = tc_map_in(p->arena)}));
}

/* A statement that ends a run. */
static void place_other(place *p, tc_value stmt, enum kind kind, tc_thread_range in,
                        tc_values *out) {
  const tc_op *op = tc_op_at(p->ir, stmt);
  if (kind == K_ALONE) {
    check_warps(p, stmt, in);
    set_home(p, stmt, p->regions.n + 1);
    emit_region(p, in, &stmt, 1, out);
    return;
  }
  check_strand(p, stmt);
  if (op->opcode == TC_OP_perthread) adopt(p, stmt);
  if (op->opcode == TC_OP_group) {
    const tc_group *g = tc_group_of(p->ir, stmt);
    in = (tc_thread_range){g->first, g->count};
  }
  uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
  bool open = kind == K_SPLIT || op->opcode == TC_OP_group;
  for (uint32_t r = 0; open && r < n; r++)
    place_region(p, tc_child(p->ir, tc_op_at(p->ir, stmt), r), in);
  tc_vec_push(p->ir->arena, out, stmt);
}

static void place_region(place *p, tc_region at, tc_thread_range in) {
  tc_block *block = tc_block_at(p->ir, at);
  tc_values out = {0};
  run r = {.stmts = {0}};
  for (uint32_t i = 0; i < block->ops.n; i++) {
    tc_value stmt = block->ops.at[i];
    enum kind kind = kind_of(p, stmt, false);
    if (tc_is(p->ir, stmt, TC_OP_alloc)) {
      tc_vec_push(p->ir->arena, &out, stmt); /* an allocation may come earlier */
    } else if (kind == K_THREADS || kind == K_EITHER || kind == K_READ) {
      look_inside(p, stmt, (tc_value){0});
      for (uint32_t k = 0; k < p->reads.n; k++)
        tc_vec_push(p->ir->arena, &out, p->reads.at[k]);
      p->reads.n = 0;
      tc_vec_push(p->arena, &r.stmts, stmt);
      tc_vec_push(p->arena, &r.kinds, kind);
    } else {
      flush(p, &r, in, &out);
      place_other(p, stmt, kind, in, &out);
    }
  }
  flush(p, &r, in, &out);
  block = tc_block_at(p->ir, at);
  block->ops.at = out.at;
  block->ops.n = out.n;
  block->ops.cap = out.cap;
}

/* ---- who uses what ---- */

static void collect_users(place *p, tc_region at) {
  const tc_block *block = tc_block_at(p->ir, at);
  for (uint32_t i = 0; i < block->ops.n; i++) {
    tc_value stmt = block->ops.at[i];
    const tc_op *op = tc_op_at(p->ir, stmt);
    tc_deps deps = {0};
    for (uint32_t k = 0; k < op->n_in; k++)
      tc_deps_add(p->ir, p->arena, tc_input(p->ir, op, k), &deps);
    for (uint32_t k = 0; k < deps.stmts.n; k++) {
      uint32_t def = deps.stmts.at[k].id;
      tc_vec_push(p->arena, &p->users, ((user){stmt, p->first_user[def]}));
      p->first_user[def] = p->users.n;
    }
    uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
    for (uint32_t r = 0; r < n; r++)
      collect_users(p, tc_child(p->ir, op, r));
  }
}

/* ---- values between regions ---- */

/* The index in dimension d, of the linear one. */
static tc_value thread_index(const place *p, tc_var linear, uint32_t d) {
  const tc_kernel *k = tc_kernel_of(p->ir, p->t->kernel);
  tc_type type = tc_scalar_type(TC_DT_int32);
  tc_value v = tc_var_value(p->ir, linear);
  int64_t below = d == 0 ? 1 : d == 1 ? k->threads[0] : k->threads[0] * k->threads[1];
  bool last = d == 2 || (d == 1 && k->threads[2] == 1)
              || (d == 0 && k->threads[1] == 1 && k->threads[2] == 1);
  if (below > 1) v = tc_binary(p->ir, TC_OP_floordiv, v, tc_const_int(p->ir, type, below));
  if (!last) v = tc_binary(p->ir, TC_OP_floormod, v, tc_const_int(p->ir, type, k->threads[d]));
  return v;
}

/* Indices of which the program makes the linear one again are that. */
static void map_threads(place *p, region *r) {
  const tc_kernel *k = tc_kernel_of(p->ir, p->t->kernel);
  tc_type type = tc_scalar_type(TC_DT_int32);
  tc_value sum = tc_const_int(p->ir, type, 0);
  int64_t stride = 1, all = 1;
  for (uint32_t d = 0; d < 3; d++) {
    if (k->thread[d].id) {
      tc_value x = tc_var_value(p->ir, k->thread[d]);
      tc_map_put(&r->map, x.id, thread_index(p, r->thread, d).id);
      x = tc_binary(p->ir, TC_OP_mul, x, tc_const_int(p->ir, type, stride));
      sum = tc_binary(p->ir, TC_OP_add, sum, x);
      all *= k->threads[d];
    }
    stride *= k->threads[d];
  }
  if (all == p->t->count) tc_map_put(&r->map, sum.id, tc_var_value(p->ir, r->thread).id);
}

/* Keeps the value in a variable, right behind the statement that makes it. */
static tc_buf carry(place *p, tc_value def) {
  const tc_op *op = tc_op_at(p->ir, def);
  tc_span span = op->span;
  tc_buf buf = tc_buf_new(p->ir, "carried", op->type, TC_SCOPE_var, 0, NULL, span);
  tc_value alloc = tc_stmt(p->ir, tc_region_new(p->ir), TC_OP_alloc, tc_scalar_type(TC_DT_void),
                           NULL, 0, buf.id, span);
  tc_vec_push(p->arena, &p->carriers, alloc);
  tc_region nowhere = tc_region_new(p->ir);
  tc_store(p->ir, nowhere, buf, NULL, def, (tc_value){0}, span);
  tc_value store = tc_block_at(p->ir, nowhere)->ops.at[0];
  tc_value home = p->regions.at[p->home[def.id] - 1].stmt;
  tc_block *body = tc_block_at(p->ir, tc_child(p->ir, tc_op_at(p->ir, home), 0));
  tc_values list = {0};
  for (uint32_t i = 0; i < body->ops.n; i++) {
    tc_vec_push(p->ir->arena, &list, body->ops.at[i]);
    if (body->ops.at[i].id == def.id) tc_vec_push(p->ir->arena, &list, store);
  }
  if (list.n == body->ops.n)
    tc_bug(p->ir->arena->unwind, "a value leaves the branch that makes it");
  body->ops.at = list.at, body->ops.n = list.n, body->ops.cap = list.cap;
  return buf;
}

static void bring(place *p, region *to, tc_value def, tc_buf buf) {
  uint32_t seen;
  if (tc_map_get(&to->map, def.id, &seen)) return;
  tc_region nowhere = tc_region_new(p->ir);
  tc_value load =
      tc_load(p->ir, nowhere, buf, NULL, (tc_value){0}, (tc_value){0}, tc_op_at(p->ir, def)->span);
  tc_vec_push(p->arena, &to->loads, load);
  tc_map_put(&to->map, def.id, load.id);
}

static void carry_values(place *p) {
  for (uint32_t id = 1; id < p->t->n_values; id++) {
    tc_value def = {id};
    uint32_t home = p->home[id];
    if (!home || !p->first_user[id] || !is_used_outside(p, def, home)) continue;
    tc_buf buf = carry(p, def);
    for (uint32_t u = p->first_user[id]; u; u = p->users.at[u - 1].next) {
      uint32_t to = p->home[p->users.at[u - 1].stmt.id];
      if (!to) tc_bug(p->ir->arena->unwind, "a value of single threads is used by their strand");
      if (to != home) bring(p, &p->regions.at[to - 1], def, buf);
    }
  }
}

static void rewrite(place *p, tc_region at, tc_map *map) {
  const tc_block *block = tc_block_at(p->ir, at);
  for (uint32_t i = 0; i < block->ops.n; i++) {
    tc_value stmt = block->ops.at[i];
    uint32_t n = tc_op_at(p->ir, stmt)->n_in;
    tc_value *in = TC_NEW_ARRAY(p->arena, n + 1, tc_value);
    bool any = false;
    for (uint32_t k = 0; k < n; k++) {
      tc_value old = tc_input(p->ir, tc_op_at(p->ir, stmt), k);
      in[k] = tc_substitute(p->ir, old, map);
      any |= in[k].id != old.id;
    }
    if (any) tc_set_inputs(p->ir, stmt, in, n);
    const tc_op_info *row = tc_op_row((enum tc_opcode)tc_op_at(p->ir, stmt)->opcode);
    for (uint32_t r = 0; r < row->n_regions; r++)
      rewrite(p, tc_child(p->ir, tc_op_at(p->ir, stmt), r), map);
  }
}

static void put_before(place *p, tc_block *block, const tc_values *first) {
  tc_values list = {0};
  for (uint32_t i = 0; i < first->n; i++)
    tc_vec_push(p->ir->arena, &list, first->at[i]);
  for (uint32_t i = 0; i < block->ops.n; i++)
    tc_vec_push(p->ir->arena, &list, block->ops.at[i]);
  block->ops.at = list.at, block->ops.n = list.n, block->ops.cap = list.cap;
}

static void finish_region(place *p, region *r) {
  tc_region body = tc_child(p->ir, tc_op_at(p->ir, r->stmt), 0);
  map_threads(p, r);
  rewrite(p, body, &r->map);
  if (r->loads.n) put_before(p, tc_block_at(p->ir, body), &r->loads);
}

void tc_threads_place(tc_threads *t) {
  tc_ir *ir = t->ir;
  tc_region body = tc_child(ir, tc_op_at(ir, t->kernel), 0);
  place p = {.t = t, .ir = ir, .arena = t->arena};
  p.first_user = TC_NEW_ARRAY(t->arena, ir->n_ops, uint32_t);
  p.home = TC_NEW_ARRAY(t->arena, ir->n_ops, uint32_t);
  collect_users(&p, body);
  place_region(&p, body, (tc_thread_range){0, t->count});
  carry_values(&p);
  for (uint32_t i = 0; i < p.regions.n; i++)
    finish_region(&p, &p.regions.at[i]);
  if (p.carriers.n) put_before(&p, tc_block_at(ir, body), &p.carriers);
  for (uint32_t d = 0; d < 3; d++)
    tc_kernel_of(ir, t->kernel)->thread[d] = (tc_var){0};
}
