/* Barriers between accesses of the same memory.
 *
 * One walk in the order of execution, with the accesses since the last barrier. An access that may
 * meet one of those, one of the two writing, gets a barrier before it. Loops are walked until
 * nothing is added: the end of one iteration comes before the start of the next. Accesses of
 * different elements are not told apart, only buffers are. Writes of global memory by groups of
 * which neither is a part of the other are not ordered: that is up to the source. Nor are those of
 * one statement in several iterations of a persistent loop, which once were blocks.
 *
 * A ring of queue cp is part of this: what its threads have read is open from the release on, and
 * the next acquire writes there; a wait brings the copies of all threads, so it is a barrier.
 * Other rings look after themselves.
 *
 * What groups that wait for each other by the source's own barriers hand to each other is left to
 * the source.
 *
 * Memory that threads wrote and an engine reads (wgmma, the bulk copy engine) needs a fence, too,
 * before the barrier: it stays on a list of its own until there was one. */
#include "ir/build.h"
#include "ir/walk.h"
#include "pass/effects.h"
#include "pass/sync.h"

typedef struct open_access {
  tc_buf root;
  uint32_t kind; /* tc_touch_kind */
  tc_value stmt;
  tc_team team;
} open_access;
typedef TC_VEC(open_access) open_list;

typedef struct state {
  open_list open;     /* since the last barrier */
  open_list unfenced; /* writes of threads since the last fence */
} state;

typedef struct flow {
  tc_sync *s;
  tc_ir *ir;
  tc_arena *arena;
  uint32_t n_put;  /* barriers, so that loops know when to stop */
  uint8_t *global; /* by root of global memory: tc_touch_kind of the kernel */
  tc_map tiles;    /* variables of persistent loops */
  tc_map ids;      /* group -> named barrier + 1 */
  uint32_t taken;  /* bits: numbers of barriers in use */
  bool *by_user;   /* by root: groups hand it to each other in ways of their own */
} flow;

typedef struct place {
  tc_value group; /* or the kernel */
  tc_team team;
} place;

/* ---- accesses ---- */

static bool matters(const flow *f, const tc_touch *touch) {
  const tc_buffer *b = tc_buf_at(f->ir, touch->buf);
  if (b->scope == TC_SCOPE_global) return f->global[b->root.id] & TC_TOUCH_WRITE;
  if (b->scope == TC_SCOPE_barrier) return true;
  return b->scope == TC_SCOPE_shared && !f->by_user[b->root.id]
         && !tc_ring_plan_of_buf(f->ir, &f->s->rings, b->root);
}

/* The engine reads what it works on past the caches of threads. */
static bool is_engine_read(const tc_ir *ir, tc_value stmt, const tc_touch *touch) {
  if (touch->kind & TC_TOUCH_WRITE) return false;
  if (tc_is(ir, stmt, TC_OP_gemm)) return tc_gemm_of(ir, stmt)->engine == TC_ENGINE_wgmma;
  return tc_is(ir, stmt, TC_OP_copy) && tc_copy_of(ir, stmt)->engine == TC_ENGINE_tma;
}

static bool is_thread_write(const tc_ir *ir, tc_value stmt, uint32_t kind) {
  if (!(kind & TC_TOUCH_WRITE)) return false;
  return !tc_is(ir, stmt, TC_OP_copy) || tc_copy_of(ir, stmt)->engine != TC_ENGINE_tma;
}

static bool inside(tc_team a, tc_team b) {
  return a.first >= b.first && a.first + a.count <= b.first + b.count;
}

/* Does the statement find its elements anew each time, by a loop's variable or by what it reads? */
static bool moves(const flow *f, tc_value stmt) {
  const tc_op *op = tc_op_at(f->ir, stmt);
  for (uint32_t k = 0; k < op->n_in; k++) {
    tc_value_list on = tc_operands_of(f->ir, tc_input(f->ir, op, k), f->arena);
    for (uint32_t i = 0; i < on.n; i++) {
      const tc_op *x = tc_op_at(f->ir, on.at[i]);
      uint32_t known;
      if (x->opcode == TC_OP_load) return true;
      if (x->opcode == TC_OP_var && tc_var_at(f->ir, (tc_var){x->payload})->kind == TC_VAR_LOOP
          && !tc_map_get(&f->tiles, x->payload, &known))
        return true;
    }
  }
  return false;
}

static bool is_staged(const tc_ir *ir, tc_value stmt) {
  return tc_is(ir, stmt, TC_OP_copy) && tc_copy_of(ir, stmt)->engine == TC_ENGINE_stage;
}

/* Two writes of global memory. What passes through a stage was found to be apart from the rest. */
static bool writes_meet(const flow *f, const open_access *a, tc_team team, tc_value stmt) {
  if (is_staged(f->ir, a->stmt) || is_staged(f->ir, stmt)) return false;
  if (!inside(a->team, team) && !inside(team, a->team)) return false;
  return a->stmt.id != stmt.id || moves(f, stmt);
}

static bool meets(const flow *f, const open_access *a, tc_team team, const tc_touch *touch,
                  tc_value stmt) {
  if (a->root.id != tc_root_of(f->ir, touch->buf).id) return false;
  if (!((a->kind | touch->kind) & TC_TOUCH_WRITE)) return false;
  if ((a->kind & touch->kind) & TC_TOUCH_ATOMIC) return false;
  enum tc_scope scope = tc_buf_at(f->ir, a->root)->scope;
  /* Its own steps are what a barrier is for; only setting it up is a write. */
  if (scope == TC_SCOPE_barrier) return (a->kind ^ touch->kind) & TC_TOUCH_WRITE;
  if (scope == TC_SCOPE_global && a->kind & touch->kind & TC_TOUCH_WRITE)
    return writes_meet(f, a, team, stmt);
  return true;
}

static void add_open(flow *f, open_list *list, open_access a) {
  for (uint32_t i = 0; i < list->n; i++)
    if (list->at[i].root.id == a.root.id && list->at[i].stmt.id == a.stmt.id
        && list->at[i].kind == a.kind)
      return;
  tc_vec_push(f->arena, list, a);
}

static void add_all(flow *f, open_list *to, const open_list *from) {
  for (uint32_t i = 0; i < from->n; i++)
    add_open(f, to, from->at[i]);
}

static state copy_of(flow *f, const state *s) {
  state copy = {.open = {0}};
  add_all(f, &copy.open, &s->open);
  add_all(f, &copy.unfenced, &s->unfenced);
  return copy;
}

/* ---- putting barriers ---- */

/* The threads have met: what those of the team did is done. */
static void clear(open_list *list, tc_team team) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < list->n; i++)
    if (!inside(list->at[i].team, team)) list->at[kept++] = list->at[i];
  list->n = kept;
}

/* A group's own barrier has a number. */
static int32_t number_of(flow *f, const place *p) {
  uint32_t id;
  if (!tc_is(f->ir, p->group, TC_OP_group)) return -1;
  if (p->team.count == tc_kernel_threads(tc_kernel_of(f->ir, f->s->kernel))) return -1;
  if (tc_map_get(&f->ids, p->group.id, &id)) return (int32_t)id;
  for (id = 1; id < TC_NAMED_BARRIERS && f->taken >> id & 1;)
    id++;
  if (id == TC_NAMED_BARRIERS || p->team.count % TC_WARP != 0) {
    TC_DIAG(f->ir->diags, D_group_barrier, tc_op_at(f->ir, p->group)->span,
            id == TC_NAMED_BARRIERS ? "all sixteen barriers are taken"
                                    : "it is no whole number of warps");
    id = 0;
  }
  f->taken |= 1u << id;
  tc_map_put(&f->ids, p->group.id, id);
  return (int32_t)id;
}

static tc_value new_stmt(flow *f, enum tc_opcode op, uint32_t payload, tc_span span) {
  return tc_stmt(f->ir, tc_region_new(f->ir), op, tc_scalar_type(TC_DT_void), NULL, 0, payload,
                 span);
}

static tc_value new_barrier(flow *f, const place *p, const char *reason, tc_span span) {
  tc_barrier b = {.id = -1, .reason = tc_pl_text(f->ir, reason)};
  bool one_warp = p->team.count <= TC_WARP
                  && p->team.first / TC_WARP == (p->team.first + p->team.count - 1) / TC_WARP;
  if (one_warp) {
    b.sync_scope = TC_SYNC_WARP;
  } else {
    b.id = number_of(f, p);
    if (b.id >= 0) b.count = p->team.count;
  }
  f->n_put++;
  return new_stmt(f, TC_OP_barrier, tc_pl_barrier(f->ir, b), span);
}

static const char *does(uint32_t kind) {
  return kind & TC_TOUCH_WRITE ? "written" : "read";
}

static const char *reason_of(flow *f, tc_buf buf, uint32_t before, tc_value first, uint32_t after,
                             tc_value then) {
  const char *name = tc_onchip_name(f->ir, buf);
  uint32_t a = tc_sync_line(f->ir, first), b = tc_sync_line(f->ir, then);
  if (a && b)
    return tc_format(f->ir->arena, "%s: %s at line %u, %s at line %u", name, does(before), a,
                     does(after), b);
  return tc_format(f->ir->arena, "%s: %s before, %s after", name, does(before), does(after));
}

static void put_fence(flow *f, tc_region region, uint32_t *at, state *st, tc_span span) {
  tc_fence fence = {.order = TC_ORDER_ACQ_REL, .sync_scope = TC_SYNC_BLOCK, .proxy = true};
  tc_sync_insert(f->ir, region, (*at)++, new_stmt(f, TC_OP_fence, tc_pl_fence(f->ir, fence), span));
  st->unfenced.n = 0;
}

static void put_barrier(flow *f, const place *p, tc_region region, uint32_t *at, state *st,
                        const char *reason, tc_span span) {
  if (p->team.count > 1) tc_sync_insert(f->ir, region, (*at)++, new_barrier(f, p, reason, span));
  clear(&st->open, p->team);
}

/* ---- one statement ---- */

typedef struct touched {
  tc_touch touch;
  tc_value stmt;
} touched;
typedef TC_VEC(touched) touched_list;

typedef struct collector {
  const flow *f;
  touched_list *list;
} collector;

/* Barriers in memory count as written where they are set up, and as read elsewhere. */
static void collect_barrier(collector *c, tc_value stmt) {
  tc_touch touch = {.kind = TC_TOUCH_READ};
  tc_value signal = {0};
  if (tc_is(c->f->ir, stmt, TC_OP_mbarrier)) {
    const tc_mbarrier *x = tc_mbarrier_of(c->f->ir, stmt);
    touch.buf = x->buf;
    if (x->kind == TC_MBAR_INIT) touch.kind = TC_TOUCH_WRITE;
  }
  if (tc_is(c->f->ir, stmt, TC_OP_copy)) signal = tc_copy_signal(c->f->ir, stmt);
  if (signal.id) touch.buf = tc_slice_buf(c->f->ir, signal);
  if (touch.buf.id) tc_vec_push(c->f->arena, c->list, ((touched){touch, stmt}));
}

static bool collect(tc_ir *ir, tc_value stmt, void *data) {
  collector *c = data;
  tc_touch touch[TC_MAX_TOUCHES];
  uint32_t n = tc_touches_of(ir, stmt, touch);
  for (uint32_t i = 0; i < n; i++)
    if (matters(c->f, &touch[i])) tc_vec_push(c->f->arena, c->list, ((touched){touch[i], stmt}));
  collect_barrier(c, stmt);
  return true;
}

static touched_list touches_below(flow *f, tc_value stmt) {
  touched_list list = {0};
  collector c = {f, &list};
  const tc_op *op = tc_op_at(f->ir, stmt);
  collect(f->ir, stmt, &c);
  for (uint32_t r = 0; r < tc_op_row((enum tc_opcode)op->opcode)->n_regions; r++)
    tc_walk(f->ir, tc_child(f->ir, op, r), collect, &c);
  return list;
}

/* Puts what must stand before number *at of the region, where the team does all of `list`. */
static void before(flow *f, const place *p, tc_team team, tc_region region, uint32_t *at, state *st,
                   const touched_list *list) {
  bool fence = false;
  const open_access *first = NULL;
  const touched *then = NULL;
  for (uint32_t i = 0; i < list->n; i++) {
    const touched *t = &list->at[i];
    for (uint32_t k = 0; k < st->unfenced.n; k++)
      if (is_engine_read(f->ir, t->stmt, &t->touch)
          && st->unfenced.at[k].root.id == tc_root_of(f->ir, t->touch.buf).id) {
        fence = true;
        if (!first) first = &st->unfenced.at[k], then = t;
      }
    for (uint32_t k = 0; k < st->open.n; k++) {
      if (!meets(f, &st->open.at[k], team, &t->touch, t->stmt)) continue;
      if (!first || fence) first = &st->open.at[k], then = t;
    }
  }
  if (!first) return;
  const char *reason =
      reason_of(f, then->touch.buf, first->kind, first->stmt, then->touch.kind, then->stmt);
  tc_span span = tc_op_at(f->ir, then->stmt)->span;
  if (fence) put_fence(f, region, at, st, span);
  put_barrier(f, p, region, at, st, reason, span);
}

static void after(flow *f, const place *p, state *st, const touched_list *list) {
  for (uint32_t i = 0; i < list->n; i++) {
    const touched *t = &list->at[i];
    open_access a = {tc_root_of(f->ir, t->touch.buf), t->touch.kind, t->stmt, p->team};
    add_open(f, &st->open, a);
    if (tc_buf_at(f->ir, a.root)->scope == TC_SCOPE_shared
        && is_thread_write(f->ir, t->stmt, a.kind))
      add_open(f, &st->unfenced, a);
  }
}

/* ---- rings of queue cp ---- */

typedef struct reader {
  const tc_ring *ring;
  bool found;
} reader;

static bool find_engine_read(tc_ir *ir, tc_value stmt, void *data) {
  reader *r = data;
  tc_touch touch[TC_MAX_TOUCHES];
  uint32_t n = tc_touches_of(ir, stmt, touch);
  for (uint32_t i = 0; i < n && !r->found; i++)
    for (uint32_t k = 0; k < r->ring->n_bufs; k++)
      r->found = r->found
                 || (is_engine_read(ir, stmt, &touch[i])
                     && tc_root_of(ir, touch[i].buf).id == tc_root_of(ir, r->ring->bufs[k]).id);
  return true;
}

/* What threads copied into a version reaches an engine through a fence of each of them. */
static void queue_fence(flow *f, const tc_ring *ring, tc_region region, uint32_t *at, state *st,
                        tc_span span) {
  reader r = {.ring = ring};
  tc_walk(f->ir, f->ir->body, find_engine_read, &r);
  if (r.found) put_fence(f, region, at, st, span);
}

static void queue_step(flow *f, const place *p, tc_region region, uint32_t *at, state *st,
                       tc_value stmt) {
  const tc_ring_plan *plan = tc_ring_plan_of(&f->s->rings, tc_ring_ref_of(f->ir, stmt)->ring);
  if (!plan || plan->kind != TC_RING_QUEUE) return;
  const tc_ring *ring = &f->ir->rings.at[plan->ring];
  const char *name = tc_name_of(f->ir, ring->name);
  tc_span span = tc_op_at(f->ir, stmt)->span;
  if (tc_is(f->ir, stmt, TC_OP_ring_release)) {
    for (uint32_t k = 0; k < ring->n_bufs; k++)
      add_open(f, &st->open, (open_access){ring->bufs[k], TC_TOUCH_READ, stmt, p->team});
  } else if (tc_is(f->ir, stmt, TC_OP_ring_acquire)) {
    for (uint32_t i = 0; i < st->open.n; i++)
      if (tc_ring_plan_of_buf(f->ir, &f->s->rings, st->open.at[i].root) == plan) {
        put_barrier(f, p, region, at, st,
                    tc_format(f->ir->arena, "%s: a version was read and is filled again", name),
                    span);
        return;
      }
  } else if (tc_is(f->ir, stmt, TC_OP_ring_wait)) {
    tc_async wait = {.queue = TC_ASYNC_CP, .pending = f->s->in_flight[plan->ring]};
    tc_sync_insert(f->ir, region, (*at)++,
                   new_stmt(f, TC_OP_async_wait, tc_pl_async(f->ir, wait), span));
    queue_fence(f, ring, region, at, st, span);
    put_barrier(f, p, region, at, st,
                tc_format(f->ir->arena, "%s: a version was filled and is read", name), span);
  }
}

/* ---- the walk ---- */

static void flow_region(flow *f, const place *p, tc_region region, state *st);

/* What the loop only reads was written before it: so is the barrier. */
static void before_loop(flow *f, const place *p, tc_region region, uint32_t *at, state *st,
                        tc_value stmt) {
  touched_list all = touches_below(f, stmt), reads = {0};
  for (uint32_t i = 0; i < all.n; i++) {
    bool written = false;
    for (uint32_t k = 0; k < all.n; k++)
      if (tc_root_of(f->ir, all.at[k].touch.buf).id == tc_root_of(f->ir, all.at[i].touch.buf).id)
        written = written || (all.at[k].touch.kind & TC_TOUCH_WRITE);
    if (!written) tc_vec_push(f->arena, &reads, all.at[i]);
  }
  before(f, p, p->team, region, at, st, &reads);
}

static void flow_loop(flow *f, const place *p, tc_region region, uint32_t *at, state *st,
                      tc_value stmt) {
  uint32_t n = tc_op_row((enum tc_opcode)tc_op_at(f->ir, stmt)->opcode)->n_regions;
  uint32_t put, known;
  before_loop(f, p, region, at, st, stmt);
  do {
    state now = copy_of(f, st);
    put = f->n_put;
    known = st->open.n + st->unfenced.n;
    for (uint32_t r = 0; r < n; r++)
      flow_region(f, p, tc_child(f->ir, tc_op_at(f->ir, stmt), r), &now);
    add_all(f, &st->open, &now.open);
    add_all(f, &st->unfenced, &now.unfenced);
  } while (f->n_put != put || st->open.n + st->unfenced.n != known);
}

static void flow_if(flow *f, const place *p, tc_value stmt, state *st) {
  state other = copy_of(f, st);
  flow_region(f, p, tc_child(f->ir, tc_op_at(f->ir, stmt), 0), st);
  flow_region(f, p, tc_child(f->ir, tc_op_at(f->ir, stmt), 1), &other);
  add_all(f, &st->open, &other.open);
  add_all(f, &st->unfenced, &other.unfenced);
}

/* The threads of the group have met nobody when they begin. */
static void flow_group(flow *f, const place *p, tc_region region, uint32_t *at, state *st,
                       tc_value stmt) {
  const tc_group *group = tc_group_of(f->ir, stmt);
  place own = {stmt, {group->first, group->count}};
  touched_list list = touches_below(f, stmt);
  state inner = {.open = {0}};
  before(f, p, own.team, region, at, st, &list);
  add_all(f, &inner.unfenced, &st->unfenced);
  flow_region(f, &own, tc_child(f->ir, tc_op_at(f->ir, stmt), 0), &inner);
  after(f, &own, st, &list);
  add_all(f, &st->unfenced, &inner.unfenced);
}

static bool is_full_barrier(const tc_ir *ir, tc_value stmt) {
  if (!tc_is(ir, stmt, TC_OP_barrier)) return false;
  const tc_barrier *b = tc_barrier_of(ir, stmt);
  return b->id < 0 && b->sync_scope != TC_SYNC_WARP;
}

/* A barrier put into the loop at an earlier walk is found again here. */
static bool is_own_barrier(const flow *f, const place *p, tc_value stmt) {
  uint32_t id;
  if (!tc_is(f->ir, stmt, TC_OP_barrier)) return false;
  const tc_barrier *b = tc_barrier_of(f->ir, stmt);
  if (p->team.count <= TC_WARP) return b->sync_scope == TC_SYNC_WARP;
  return b->id > 0 && tc_map_get(&f->ids, p->group.id, &id) && (int32_t)id == b->id;
}

/* async_wait, maybe a fence, and a barrier stand before it already. */
static bool is_queue_wait(const tc_ir *ir, const tc_block *block, uint32_t at) {
  if (at < 2 || !tc_is(ir, block->ops.at[at - 1], TC_OP_barrier)) return false;
  if (at >= 3 && tc_is(ir, block->ops.at[at - 2], TC_OP_fence)) at--;
  return tc_is(ir, block->ops.at[at - 2], TC_OP_async_wait);
}

static void flow_stmt(flow *f, const place *p, tc_region region, uint32_t *at, state *st) {
  tc_value stmt = tc_block_at(f->ir, region)->ops.at[*at];
  const tc_op *op = tc_op_at(f->ir, stmt);
  touched_list list;
  switch ((int)op->opcode) { /* table */
  case TC_OP_for:
  case TC_OP_while:
    flow_loop(f, p, region, at, st, stmt);
    return;
  case TC_OP_if:
    flow_if(f, p, stmt, st);
    return;
  case TC_OP_group:
    flow_group(f, p, region, at, st, stmt);
    return;
  case TC_OP_barrier:
    if (is_full_barrier(f->ir, stmt) || is_own_barrier(f, p, stmt)) clear(&st->open, p->team);
    return;
  case TC_OP_fence:
    if (f->ir->fences.at[op->payload].proxy) st->unfenced.n = 0;
    return;
  case TC_OP_ring_wait:
    if (is_queue_wait(f->ir, tc_block_at(f->ir, region), *at)) return; /* walked before */
    queue_step(f, p, region, at, st, stmt);
    return;
  case TC_OP_ring_acquire:
  case TC_OP_ring_release:
    queue_step(f, p, region, at, st, stmt);
    return;
  }
  list = touches_below(f, stmt);
  before(f, p, p->team, region, at, st, &list);
  after(f, p, st, &list);
}

static void flow_region(flow *f, const place *p, tc_region region, state *st) {
  for (uint32_t i = 0; i < tc_block_at(f->ir, region)->ops.n; i++)
    flow_stmt(f, p, region, &i, st);
}

/* ---- the whole ---- */

/* Which barriers have numbers. True when the source has barriers of its own that groups use. */
static bool survey_barriers(flow *f) {
  bool found = false;
  for (uint32_t i = 0; i < f->s->works.n; i++) {
    tc_value stmt = f->s->works.at[i].stmt;
    if (tc_is(f->ir, stmt, TC_OP_mbarrier)) found = true;
    if (!tc_is(f->ir, stmt, TC_OP_barrier)) continue;
    int32_t id = tc_barrier_of(f->ir, stmt)->id;
    if (id >= 0) f->taken |= 1u << id, found = true;
  }
  return found;
}

/* What the kernel does to global memory, and what groups hand to each other. */
static void survey_buffers(flow *f, bool own_barriers) {
  tc_team *by = TC_NEW_ARRAY(f->arena, f->ir->bufs.n, tc_team);
  for (uint32_t i = 0; i < f->s->works.n; i++) {
    const tc_work *work = &f->s->works.at[i];
    tc_touch touch[TC_MAX_TOUCHES];
    if (tc_is(f->ir, work->stmt, TC_OP_for)
        && tc_loop_of(f->ir, work->stmt)->kind == TC_LOOP_PERSISTENT)
      tc_map_put(&f->tiles, tc_loop_of(f->ir, work->stmt)->var.id, 1);
    uint32_t n = tc_touches_of(f->ir, work->stmt, touch);
    for (uint32_t k = 0; k < n; k++) {
      uint32_t root = tc_root_of(f->ir, touch[k].buf).id;
      f->global[root] |= (uint8_t)touch[k].kind;
      if (!by[root].count) by[root] = work->team;
      bool apart = !inside(by[root], work->team) && !inside(work->team, by[root]);
      if (apart && own_barriers) f->by_user[root] = true;
    }
  }
}

void tc_sync_barriers(tc_sync *s) {
  flow f = {.s = s, .ir = s->ir, .arena = s->arena, .ids = tc_map_in(s->arena)};
  f.tiles = tc_map_in(s->arena);
  state st = {.open = {0}};
  place all = {s->kernel, {0, tc_kernel_threads(tc_kernel_of(s->ir, s->kernel))}};
  f.global = TC_NEW_ARRAY(s->arena, s->ir->bufs.n, uint8_t);
  f.by_user = TC_NEW_ARRAY(s->arena, s->ir->bufs.n, bool);
  survey_buffers(&f, survey_barriers(&f));
  flow_region(&f, &all, tc_child(s->ir, tc_op_at(s->ir, s->kernel), 0), &st);
}
