/* Steps of rings become counters and barriers in memory.
 *
 * Each group that fills or uses a ring counts versions in a variable: the next one to take, and the
 * parity of its round. A step that takes a version reads the counter; what follows in the region
 * names the version by that value, and the counter moves on after the last of them, or at once when
 * some other part of the group's code takes versions before. Code that does not see the value finds
 * the version by going back from the counter. */
#include "ir/build.h"
#include "ir/walk.h"
#include "pass/effects.h"
#include "pass/sync.h"

enum side { FILL, USE };

/* Of one ring, one side and one group. */
typedef struct counter {
  const tc_ring_plan *plan;
  enum side side;
  tc_value group;
  tc_buf slot, phase;   /* variables: phase only where barriers in memory are waited for */
  tc_value now, parity; /* the version taken last, where it is known: values */
  bool is_new;          /* nobody has used it yet: `slot` and `phase` are */
  int64_t first_slot, first_phase;
} counter;

typedef struct expander {
  tc_sync *s;
  tc_ir *ir;
  TC_VEC(counter) counters;
  tc_buf *full, *empty; /* by ring: barriers; a baton's are in full */
  bool *expected;       /* by ring: the bytes of the version at hand were announced */
  uint32_t n_barriers;  /* rings with barriers that were not set up yet */
  tc_value group;       /* around */
  tc_team team;
} expander;

static tc_type int32_type(void) {
  return tc_scalar_type(TC_DT_int32);
}

static tc_value add(tc_ir *ir, tc_value a, int64_t b) {
  return tc_binary(ir, TC_OP_add, a, tc_i32(ir, b));
}

/* ---- counters ---- */

static counter *counter_of(expander *e, const tc_ring_plan *plan, enum side side) {
  for (uint32_t i = 0; i < e->counters.n; i++) {
    counter *c = &e->counters.at[i];
    if (c->plan == plan && c->side == side && c->group.id == e->group.id) return c;
  }
  return NULL;
}

static tc_buf new_variable(expander *e, tc_region at, const char *name, int64_t first,
                           tc_span span) {
  tc_buf buf = tc_buf_new(e->ir, name, int32_type(), TC_SCOPE_var, 0, NULL, span);
  tc_alloc(e->ir, at, buf, span);
  tc_store(e->ir, at, buf, NULL, tc_i32(e->ir, first), (tc_value){0}, span);
  return buf;
}

/* The first turn of a baton, and all versions, are free without anybody's doing. */
static int64_t first_phase(const counter *c) {
  if (c->plan->kind == TC_RING_BATON) return c->group.id == c->plan->consumer[0].id;
  return c->side == FILL;
}

static void new_counter(expander *e, tc_region at, const tc_ring_plan *plan, enum side side) {
  counter c = {.plan = plan, .side = side, .group = e->group, .is_new = true};
  tc_span span = tc_op_at(e->ir, plan->stmt)->span;
  if (plan->kind != TC_RING_BATON) c.slot = new_variable(e, at, "slot", 0, span);
  c.first_phase = first_phase(&c);
  if (plan->kind != TC_RING_QUEUE) c.phase = new_variable(e, at, "phase", c.first_phase, span);
  tc_vec_push(e->s->arena, &e->counters, c);
}

/* The counters of a group, or those of one ring only (`only`). */
static void new_counters(expander *e, tc_region at, const tc_ring_plan *only) {
  for (uint32_t i = 0; i < e->s->rings.n; i++) {
    const tc_ring_plan *plan = &e->s->rings.at[i];
    if (only && plan != only) continue;
    if (plan->producer.id == e->group.id) new_counter(e, at, plan, FILL);
    for (uint32_t k = 0; k < plan->n_consumers; k++)
      if (plan->consumer[k].id == e->group.id) new_counter(e, at, plan, USE);
  }
}

static tc_value load(expander *e, tc_region at, tc_buf buf, tc_span span) {
  return tc_load(e->ir, at, buf, NULL, (tc_value){0}, (tc_value){0}, span);
}

/* `slot` versions back in the ring. */
static tc_value back(expander *e, const counter *c, tc_value slot, int64_t by) {
  int64_t depth = e->ir->rings.at[c->plan->ring].depth;
  by %= depth;
  if (!by) return slot;
  tc_value wraps = tc_binary(e->ir, TC_OP_lt, slot, tc_i32(e->ir, by));
  return tc_select(e->ir, wraps, add(e->ir, slot, depth - by), add(e->ir, slot, -by));
}

/* The version taken `lag` before the last one. */
static tc_value version(expander *e, tc_region at, const counter *c, int64_t lag, tc_span span) {
  if (c->now.id) return back(e, c, c->now, lag);
  return back(e, c, load(e, at, c->slot, span), lag + 1);
}

static void take(expander *e, tc_region at, counter *c, tc_span span) {
  c->is_new = false;
  c->now = load(e, at, c->slot, span);
  if (c->phase.id) c->parity = load(e, at, c->phase, span);
}

/* The counter goes to the version after the one taken last. */
static void move_on(expander *e, tc_region at, const counter *c, tc_span span) {
  int64_t depth = e->ir->rings.at[c->plan->ring].depth;
  tc_value none = {0};
  tc_value last = tc_binary(e->ir, TC_OP_eq, c->now, tc_i32(e->ir, depth - 1));
  tc_store(e->ir, at, c->slot, NULL,
           tc_select(e->ir, last, tc_i32(e->ir, 0), add(e->ir, c->now, 1)), none, span);
  if (!c->phase.id) return;
  tc_value other = tc_binary(e->ir, TC_OP_xor, c->parity, tc_i32(e->ir, 1));
  tc_store(e->ir, at, c->phase, NULL, tc_select(e->ir, last, other, c->parity), none, span);
}

/* The same of a counter that nobody has used: numbers instead of others. */
static bool skip_first(expander *e, tc_region at, counter *c, tc_value count, tc_span span) {
  int64_t n, depth = e->ir->rings.at[c->plan->ring].depth;
  tc_value none = {0};
  if (!c->is_new || !tc_const_of(e->ir, count, &n) || n < 0 || n > INT32_MAX) return false;
  c->first_phase ^= (c->first_slot + n) / depth & 1;
  c->first_slot = (c->first_slot + n) % depth;
  tc_store(e->ir, at, c->slot, NULL, tc_i32(e->ir, c->first_slot), none, span);
  if (c->phase.id) tc_store(e->ir, at, c->phase, NULL, tc_i32(e->ir, c->first_phase), none, span);
  return true;
}

static void skip(expander *e, tc_region at, counter *c, tc_value count, tc_span span) {
  if (skip_first(e, at, c, count, span)) return;
  tc_value depth = tc_i32(e->ir, e->ir->rings.at[c->plan->ring].depth), none = {0};
  tc_value sum =
      tc_binary(e->ir, TC_OP_add, load(e, at, c->slot, span), tc_cast(e->ir, count, int32_type()));
  tc_value rounds = tc_binary(e->ir, TC_OP_floordiv, sum, depth);
  tc_store(e->ir, at, c->slot, NULL, tc_binary(e->ir, TC_OP_floormod, sum, depth), none, span);
  if (!c->phase.id) return;
  tc_value odd = tc_binary(e->ir, TC_OP_and, rounds, tc_i32(e->ir, 1));
  tc_store(e->ir, at, c->phase, NULL, tc_binary(e->ir, TC_OP_xor, load(e, at, c->phase, span), odd),
           none, span);
}

/* ---- barriers in memory ---- */

static void mbarrier(expander *e, tc_region at, enum tc_mbarrier_kind kind, tc_buf buf,
                     tc_value index, tc_value operand, tc_span span) {
  tc_mbarrier_stmt(e->ir, at, (tc_mbarrier){.buf = buf, .kind = (uint8_t)kind}, &index, operand,
                   span);
}

/* The region of code for one thread of the team, or of each of its warps. */
static tc_region for_one(expander *e, tc_region at, bool per_warp, tc_span span) {
  if (e->team.count == 1) return at;
  tc_var t = tc_var_new(e->ir, "t", TC_VAR_THREAD, int32_type(), span);
  tc_group g = {.first = e->team.first, .count = e->team.count, .thread = t};
  tc_value stmt = tc_group_stmt(e->ir, at, TC_OP_perthread, g, span);
  tc_region body = tc_child(e->ir, tc_op_at(e->ir, stmt), 0);
  tc_value thread = tc_var_value(e->ir, t), first = tc_i32(e->ir, e->team.first);
  if (per_warp) {
    thread = tc_binary(e->ir, TC_OP_floormod, thread, tc_i32(e->ir, TC_WARP));
    first = tc_i32(e->ir, e->team.first % TC_WARP);
  }
  tc_value one = tc_if(e->ir, body, tc_binary(e->ir, TC_OP_eq, thread, first), span);
  return tc_child(e->ir, tc_op_at(e->ir, one), 0);
}

static void arrive(expander *e, tc_region at, bool per_warp, tc_buf buf, tc_value index,
                   tc_span span) {
  mbarrier(e, for_one(e, at, per_warp, span), TC_MBAR_ARRIVE, buf, index, (tc_value){0}, span);
}

static tc_buf new_barriers(expander *e, tc_region at, const tc_ring_plan *plan, const char *what,
                           uint32_t n) {
  tc_kernel *kernel = tc_kernel_of(e->ir, e->s->kernel);
  const char *ring = tc_name_of(e->ir, e->ir->rings.at[plan->ring].name);
  tc_value shape = tc_i32(e->ir, n);
  tc_span span = tc_op_at(e->ir, plan->stmt)->span;
  tc_buf buf = tc_buf_new(e->ir, tc_format(e->ir->arena, "%s_%s", ring, what),
                          tc_scalar_type(TC_DT_uint64), TC_SCOPE_barrier, 1, &shape, span);
  kernel->shared_b = (kernel->shared_b + 7) / 8 * 8;
  tc_buf_at(e->ir, buf)->is_placed = true;
  tc_buf_at(e->ir, buf)->arena_b = kernel->shared_b;
  kernel->shared_b += (int64_t)n * 8;
  tc_alloc(e->ir, at, buf, span);
  return buf;
}

static void set_up(expander *e, tc_region at, tc_buf buf, tc_value index, int64_t arrivals,
                   tc_span span) {
  mbarrier(e, at, TC_MBAR_INIT, buf, index, tc_i32(e->ir, arrivals), span);
}

static void set_up_ring(expander *e, tc_region at, const tc_ring_plan *plan) {
  tc_span span = tc_op_at(e->ir, plan->stmt)->span;
  uint32_t depth = e->ir->rings.at[plan->ring].depth;
  if (plan->kind == TC_RING_QUEUE) return;
  e->n_barriers++;
  if (plan->kind == TC_RING_BATON) {
    e->full[plan->ring] = new_barriers(e, at, plan, "turn", plan->n_consumers);
    for (uint32_t i = 0; i < plan->n_consumers; i++) {
      uint32_t from = (i + plan->n_consumers - 1) % plan->n_consumers;
      set_up(e, at, e->full[plan->ring], tc_i32(e->ir, i), tc_team_warps(plan->using[from]), span);
    }
    return;
  }
  tc_buf full = e->full[plan->ring] = new_barriers(e, at, plan, "full", depth);
  tc_buf empty = e->empty[plan->ring] = new_barriers(e, at, plan, "empty", depth);
  tc_var i = tc_var_new(e->ir, "i", TC_VAR_LOOP, int32_type(), span);
  tc_value loop = tc_for(e->ir, at, (tc_loop){.var = i, .kind = TC_LOOP_UNROLL}, tc_i32(e->ir, 0),
                         tc_i32(e->ir, depth), tc_i32(e->ir, 1), span);
  tc_region body = tc_child(e->ir, tc_op_at(e->ir, loop), 0);
  bool handed = plan->kind == TC_RING_HANDED;
  set_up(e, body, full, tc_var_value(e->ir, i), handed ? tc_team_warps(plan->filling) : 1, span);
  set_up(e, body, empty, tc_var_value(e->ir, i), tc_ring_releases(plan), span);
}

static void meet(expander *e, tc_region at, enum tc_sync_scope scope, const char *reason,
                 tc_span span) {
  tc_barrier b = {.id = -1, .sync_scope = (uint8_t)scope, .reason = tc_pl_text(e->ir, reason)};
  tc_stmt(e->ir, at, TC_OP_barrier, tc_scalar_type(TC_DT_void), NULL, 0, tc_pl_barrier(e->ir, b),
          span);
}

/* ---- bytes ---- */

/* Bytes that the copies right in the region bring to a ring, from number `from` to the commit. 0
 * when some are done elsewhere, or perhaps not. */
static int64_t bytes_ahead(expander *e, const tc_block *block, uint32_t from,
                           const tc_ring_plan *plan) {
  int64_t bytes = 0;
  for (uint32_t i = from; i < block->ops.n; i++) {
    tc_value stmt = block->ops.at[i];
    const tc_op *op = tc_op_at(e->ir, stmt);
    if (op->opcode == TC_OP_ring_commit && tc_ring_ref_of(e->ir, stmt)->ring == plan->ring)
      return bytes;
    const tc_ring *ring = &e->ir->rings.at[plan->ring];
    uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
    for (uint32_t k = 0; k < ring->n_bufs && n; k++)
      if (tc_touch_below(e->ir, stmt, ring->bufs[k])) return 0;
    if (op->opcode != TC_OP_copy) continue;
    tc_buf to = tc_slice_buf(e->ir, tc_input(e->ir, op, 1));
    int64_t box[TC_LAYOUT_DIMS], elements = 1;
    uint32_t dims;
    if (tc_ring_plan_of_buf(e->ir, &e->s->rings, to) != plan) continue;
    if (!tc_onchip_box(e->ir, tc_input(e->ir, op, 1), box, &dims)) return 0;
    for (uint32_t d = 0; d < dims; d++)
      elements *= box[d];
    bytes += elements * tc_onchip_bits(e->ir, to) / 8;
  }
  return 0;
}

/* ---- operands ---- */

/* The same box in one version. */
static tc_value in_version(expander *e, tc_value slice, tc_value which) {
  tc_value base[TC_LAYOUT_DIMS + 1], extent[TC_LAYOUT_DIMS + 1];
  uint32_t rank = tc_op_at(e->ir, slice)->n_in / 2u;
  base[0] = which;
  extent[0] = tc_i32(e->ir, 1);
  for (uint32_t d = 0; d < rank; d++) {
    base[d + 1] = tc_slice_base(e->ir, slice, d);
    extent[d + 1] = tc_slice_extent(e->ir, slice, d);
  }
  return tc_slice(e->ir, tc_slice_buf(e->ir, slice), base, extent,
                  tc_slice_in_bounds(e->ir, slice));
}

static const tc_ring_plan *plan_of(expander *e, tc_buf buf) {
  return tc_ring_plan_of_buf(e->ir, &e->s->rings, buf);
}

static tc_value version_for(expander *e, tc_region at, const tc_ring_plan *plan, bool writes,
                            tc_value stmt) {
  tc_span span = tc_op_at(e->ir, stmt)->span;
  counter *c = counter_of(e, plan, writes ? FILL : USE);
  if (c) return version(e, at, c, 0, span);
  TC_DIAG(e->ir->diags, D_ring_use, span,
          writes ? "a group that takes no versions writes its buffers"
                 : "a group that waits for no versions reads its buffers");
  return tc_i32(e->ir, 0);
}

static bool writes_slice(const tc_ir *ir, tc_value stmt, tc_value slice) {
  tc_touch touch[TC_MAX_TOUCHES];
  uint32_t n = tc_touches_of(ir, stmt, touch);
  bool writes = false;
  for (uint32_t i = 0; i < n; i++)
    if (touch[i].slice.id == slice.id && (touch[i].kind & TC_TOUCH_WRITE)) writes = true;
  return writes;
}

/* Loads and stores of elements name the version first. */
static void version_access(expander *e, tc_region at, tc_value stmt) {
  enum tc_opcode op = (enum tc_opcode)tc_op_at(e->ir, stmt)->opcode;
  if (op != TC_OP_load && op != TC_OP_store && op != TC_OP_atomic) return;
  const tc_ring_plan *plan = plan_of(e, tc_access_buf(e->ir, stmt));
  if (!plan) return;
  uint32_t n = tc_op_at(e->ir, stmt)->n_in;
  tc_value *in = TC_NEW_ARRAY(e->s->arena, n + 1, tc_value);
  in[0] = version_for(e, at, plan, op != TC_OP_load, stmt);
  for (uint32_t k = 0; k < n; k++)
    in[k + 1] = tc_input(e->ir, tc_op_at(e->ir, stmt), k);
  tc_set_inputs(e->ir, stmt, in, n + 1);
}

/* A copy by the bulk engine reports to its version's barrier. */
static void signal_copy(expander *e, tc_value stmt, const tc_ring_plan *plan, tc_value which) {
  const tc_op *op = tc_op_at(e->ir, stmt);
  tc_copy *copy = tc_copy_of(e->ir, stmt);
  tc_value in[5], one = tc_i32(e->ir, 1);
  uint32_t n = op->n_in, at = 2u + ((copy->flags & TC_COPY_SAFE) != 0);
  for (uint32_t k = 0; k < n; k++)
    in[k < at ? k : k + 1] = tc_input(e->ir, op, k);
  in[at] = tc_slice(e->ir, e->full[plan->ring], &which, &one, true);
  copy->flags |= TC_COPY_ASYNC | TC_COPY_SIGNAL;
  if (e->expected[plan->ring]) copy->flags |= TC_COPY_EXPECTED;
  tc_set_inputs(e->ir, stmt, in, n + 1);
}

/* The dimension that a statement names is one of its first operand, which has one more now. */
static void shift_dimension(const tc_ir *ir, tc_value stmt) {
  if (tc_is(ir, stmt, TC_OP_reduce)) tc_reduce_of(ir, stmt)->dim++;
  if (tc_is(ir, stmt, TC_OP_scan)) tc_scan_of(ir, stmt)->dim++;
}

static void version_operands(expander *e, tc_region at, tc_value stmt) {
  uint32_t n = tc_op_at(e->ir, stmt)->n_in;
  tc_value in[8];
  const tc_ring_plan *filled = NULL;
  tc_value which = {0};
  bool changed = false;
  version_access(e, at, stmt);
  if (n > TC_COUNT(in)) return;
  for (uint32_t k = 0; k < n; k++) {
    in[k] = tc_input(e->ir, tc_op_at(e->ir, stmt), k);
    if (!tc_is(e->ir, in[k], TC_OP_slice)) continue;
    const tc_ring_plan *plan = plan_of(e, tc_slice_buf(e->ir, in[k]));
    if (!plan) continue;
    bool writes = writes_slice(e->ir, stmt, in[k]);
    tc_value v = version_for(e, at, plan, writes, stmt);
    in[k] = in_version(e, in[k], v);
    if (k == 0) shift_dimension(e->ir, stmt);
    changed = true;
    if (writes && plan->kind == TC_RING_BULK) filled = plan, which = v;
  }
  if (changed) tc_set_inputs(e->ir, stmt, in, n);
  if (filled) signal_copy(e, stmt, filled, which);
}

/* ---- steps ---- */

static bool is_step(const tc_ir *ir, tc_value stmt) {
  return tc_op_row((enum tc_opcode)tc_op_at(ir, stmt)->opcode)->payload == TC_PL_RINGREF;
}

static enum side side_of(const tc_ir *ir, tc_value stmt) {
  return tc_is(ir, stmt, TC_OP_ring_acquire) || tc_is(ir, stmt, TC_OP_ring_commit) ? FILL : USE;
}

/* Acquire, wait and skip move the counter. */
static bool takes(const tc_ir *ir, tc_value stmt) {
  return tc_is(ir, stmt, TC_OP_ring_acquire) || tc_is(ir, stmt, TC_OP_ring_wait)
         || tc_is(ir, stmt, TC_OP_ring_skip);
}

typedef struct question {
  const tc_ring_plan *plan;
  enum side side;
  bool takes, mentions;
} question;

static bool ask(tc_ir *ir, tc_value stmt, void *data) {
  question *q = data;
  const tc_ring *ring = &ir->rings.at[q->plan->ring];
  if (is_step(ir, stmt) && tc_ring_ref_of(ir, stmt)->ring == q->plan->ring
      && side_of(ir, stmt) == q->side) {
    q->mentions = true;
    q->takes = q->takes || takes(ir, stmt);
  }
  tc_touch touch[TC_MAX_TOUCHES];
  uint32_t n = tc_touches_of(ir, stmt, touch);
  for (uint32_t i = 0; i < n; i++)
    for (uint32_t k = 0; k < ring->n_bufs; k++)
      if (touch[i].buf.id == ring->bufs[k].id) q->mentions = true;
  return true;
}

static question ask_below(expander *e, tc_value stmt, const counter *c) {
  question q = {.plan = c->plan, .side = c->side};
  const tc_op *op = tc_op_at(e->ir, stmt);
  ask(e->ir, stmt, &q);
  for (uint32_t r = 0; r < tc_op_row((enum tc_opcode)op->opcode)->n_regions; r++)
    tc_walk(e->ir, tc_child(e->ir, op, r), ask, &q);
  return q;
}

/* After which statement the counter moves on: the last that mentions the ring, or number `at`
 * itself when the code goes elsewhere, or takes another version, before. */
static uint32_t last_use(expander *e, const tc_block *block, uint32_t at, const counter *c) {
  uint32_t last = at;
  for (uint32_t i = at + 1; i < block->ops.n; i++) {
    tc_value stmt = block->ops.at[i];
    question q = ask_below(e, stmt, c);
    if (q.takes)
      return last == at || tc_op_row((enum tc_opcode)tc_op_at(e->ir, stmt)->opcode)->n_regions
                 ? at
                 : last;
    if (tc_is_jump(e->ir, stmt, TC_OP_break) || tc_is_jump(e->ir, stmt, TC_OP_continue)) return at;
    if (q.mentions) last = i;
  }
  return last;
}

static void begin_version(expander *e, tc_region at, counter *c, const tc_block *block, uint32_t i,
                          tc_span span) {
  const tc_ring_plan *plan = c->plan;
  take(e, at, c, span);
  if (plan->kind != TC_RING_QUEUE)
    mbarrier(e, at, TC_MBAR_WAIT, (c->side == FILL ? e->empty : e->full)[plan->ring], c->now,
             c->parity, span);
  if (c->side == USE || plan->kind != TC_RING_BULK) return;
  int64_t bytes = bytes_ahead(e, block, i + 1, plan);
  e->expected[plan->ring] = bytes != 0;
  if (bytes)
    mbarrier(e, for_one(e, at, false, span), TC_MBAR_ARRIVE_EXPECT_TX, e->full[plan->ring], c->now,
             tc_i32(e->ir, bytes), span);
}

static void commit(expander *e, tc_region at, const counter *c, tc_span span) {
  const tc_ring_plan *plan = c->plan;
  tc_fence fence = {.order = TC_ORDER_ACQ_REL, .sync_scope = TC_SYNC_BLOCK, .proxy = true};
  if (plan->kind == TC_RING_BULK && !e->expected[plan->ring])
    arrive(e, at, false, e->full[plan->ring], version(e, at, c, 0, span), span);
  if (plan->kind != TC_RING_HANDED) return;
  if (plan->read_by_engine)
    tc_stmt(e->ir, at, TC_OP_fence, tc_scalar_type(TC_DT_void), NULL, 0, tc_pl_fence(e->ir, fence),
            span);
  if (e->team.count > 1)
    meet(e, at, TC_SYNC_WARP, "all lanes have filled their part of the version", span);
  arrive(e, at, true, e->full[plan->ring], version(e, at, c, 0, span), span);
}

static void step_of_baton(expander *e, tc_region at, tc_value stmt, const counter *c) {
  tc_span span = tc_op_at(e->ir, stmt)->span;
  const tc_ring_plan *plan = c->plan;
  uint32_t own = 0;
  tc_value one = tc_i32(e->ir, 1), none = {0};
  while (plan->consumer[own].id != e->group.id)
    own++;
  if (tc_is(e->ir, stmt, TC_OP_ring_release))
    arrive(e, at, true, e->full[plan->ring], tc_i32(e->ir, (own + 1) % plan->n_consumers), span);
  if (!tc_is(e->ir, stmt, TC_OP_ring_wait)) return;
  tc_value phase = load(e, at, c->phase, span);
  mbarrier(e, at, TC_MBAR_WAIT, e->full[plan->ring], tc_i32(e->ir, own), phase, span);
  tc_store(e->ir, at, c->phase, NULL, tc_binary(e->ir, TC_OP_xor, phase, one), none, span);
}

static void expand_step(expander *e, tc_region at, const tc_block *block, uint32_t i) {
  tc_value stmt = block->ops.at[i];
  const tc_ring_ref *ref = tc_ring_ref_of(e->ir, stmt);
  counter *c = counter_of(e, tc_ring_plan_of(&e->s->rings, ref->ring), side_of(e->ir, stmt));
  tc_span span = tc_op_at(e->ir, stmt)->span;
  if (c->plan->kind == TC_RING_BATON) {
    step_of_baton(e, at, stmt, c);
    return;
  }
  switch ((int)tc_op_at(e->ir, stmt)->opcode) { /* table */
  case TC_OP_ring_acquire:
  case TC_OP_ring_wait:
    begin_version(e, at, c, block, i, span);
    break;
  case TC_OP_ring_commit:
    commit(e, at, c, span);
    break;
  case TC_OP_ring_release:
    if (c->plan->kind == TC_RING_QUEUE) break;
    if (c->plan->read_by_threads && e->team.count > 1)
      meet(e, at, TC_SYNC_WARP, "all lanes have read their part of the version", span);
    arrive(e, at, true, e->empty[ref->ring], version(e, at, c, ref->lag, span), span);
    break;
  case TC_OP_ring_skip:
    skip(e, at, c, tc_input(e->ir, tc_op_at(e->ir, stmt), 0), span);
    c->now = (tc_value){0};
  }
}

/* ---- the walk ---- */

static void expand_region(expander *e, tc_region region, bool own_group);

static void expand_children(expander *e, tc_value stmt) {
  tc_value group = e->group;
  tc_team team = e->team;
  const tc_op *op = tc_op_at(e->ir, stmt);
  bool own = op->opcode == TC_OP_group;
  if (own) {
    e->group = stmt;
    e->team = (tc_team){tc_group_of(e->ir, stmt)->first, tc_group_of(e->ir, stmt)->count};
  }
  bool loops = op->opcode == TC_OP_for || op->opcode == TC_OP_while;
  bool *changes = TC_NEW_ARRAY(e->s->arena, e->counters.n + 1, bool);
  uint32_t n = e->counters.n;
  for (uint32_t i = 0; i < n; i++) {
    changes[i] = ask_below(e, stmt, &e->counters.at[i]).takes;
    if (changes[i]) e->counters.at[i].is_new = false;
  }
  for (uint32_t r = 0; r < tc_op_row((enum tc_opcode)op->opcode)->n_regions; r++) {
    counter *outer = tc_arena_array(e->s->arena, n + 1, sizeof *outer);
    for (uint32_t i = 0; i < n; i++) {
      outer[i] = e->counters.at[i];
      if (loops && changes[i]) e->counters.at[i].now = (tc_value){0};
    }
    expand_region(e, tc_child(e->ir, tc_op_at(e->ir, stmt), r), own);
    for (uint32_t i = 0; i < n; i++)
      e->counters.at[i] = outer[i];
  }
  for (uint32_t i = 0; i < n; i++)
    if (changes[i]) e->counters.at[i].now = (tc_value){0};
  e->group = group;
  e->team = team;
}

typedef struct move {
  counter *counter;
  uint32_t after;
} move;

static void finish_rings(expander *e, tc_region at, const tc_block *block, uint32_t i) {
  for (uint32_t k = i + 1; k < block->ops.n; k++)
    if (tc_is(e->ir, block->ops.at[k], TC_OP_ring)) return;
  if (e->n_barriers)
    meet(e, at, TC_SYNC_BLOCK, "the barriers of rings are set up before they are used",
         tc_op_at(e->ir, block->ops.at[i])->span);
  e->n_barriers = 0;
}

static void expand_stmt(expander *e, tc_region region, const tc_block *old, uint32_t i) {
  tc_value stmt = old->ops.at[i];
  if (tc_is(e->ir, stmt, TC_OP_ring)) {
    const tc_ring_plan *plan = tc_ring_plan_of(&e->s->rings, tc_op_at(e->ir, stmt)->payload);
    set_up_ring(e, region, plan);
    if (e->group.id == e->s->kernel.id) new_counters(e, region, plan);
    finish_rings(e, region, old, i);
  } else if (is_step(e->ir, stmt)) {
    expand_step(e, region, old, i);
  } else {
    version_operands(e, region, stmt);
    tc_vec_push(e->ir->arena, &tc_block_at(e->ir, region)->ops, stmt);
    expand_children(e, stmt);
  }
}

static void expand_region(expander *e, tc_region region, bool own_group) {
  tc_block *block = tc_block_at(e->ir, region);
  tc_block old = *block;
  TC_VEC(move) moves = {0};
  *block = (tc_block){0};
  if (own_group) new_counters(e, region, NULL);
  for (uint32_t i = 0; i < old.ops.n; i++) {
    tc_value stmt = old.ops.at[i];
    tc_span span = tc_op_at(e->ir, stmt)->span;
    expand_stmt(e, region, &old, i);
    if (is_step(e->ir, stmt) && takes(e->ir, stmt) && !tc_is(e->ir, stmt, TC_OP_ring_skip)) {
      uint32_t ring = tc_ring_ref_of(e->ir, stmt)->ring;
      counter *c = counter_of(e, tc_ring_plan_of(&e->s->rings, ring), side_of(e->ir, stmt));
      if (c->plan->kind != TC_RING_BATON)
        tc_vec_push(e->s->arena, &moves, ((move){c, last_use(e, &old, i, c)}));
    }
    for (uint32_t k = 0; k < moves.n; k++)
      if (moves.at[k].after == i) move_on(e, region, moves.at[k].counter, span);
  }
}

/* ---- the whole ---- */

static void add_versions(expander *e, const tc_ring_plan *plan) {
  const tc_ring *ring = &e->ir->rings.at[plan->ring];
  for (uint32_t k = 0; k < ring->n_bufs; k++) {
    tc_buffer *b = tc_buf_at(e->ir, ring->bufs[k]);
    tc_value *shape = TC_NEW_ARRAY(e->ir->arena, b->rank + 1u, tc_value);
    shape[0] = tc_i32(e->ir, ring->depth);
    for (uint32_t d = 0; d < b->rank; d++)
      shape[d + 1] = b->shape[d];
    b->shape = shape;
    b->rank++;
  }
}

static bool has_view(expander *e, const tc_ring_plan *plan) {
  const tc_ring *ring = &e->ir->rings.at[plan->ring];
  for (uint32_t k = 0; k < ring->n_bufs; k++)
    for (uint32_t id = 1; id < e->ir->bufs.n; id++)
      if (id != ring->bufs[k].id && e->ir->bufs.at[id]->root.id == ring->bufs[k].id) return true;
  return false;
}

void tc_sync_rings(tc_sync *s) {
  expander e = {.s = s, .ir = s->ir, .group = s->kernel};
  if (!s->rings.n) return;
  e.team = (tc_team){0, tc_kernel_threads(tc_kernel_of(s->ir, s->kernel))};
  /* Pointers to counters stay good. */
  tc_vec_reserve(s->arena, &e.counters, s->rings.n * (1 + TC_RING_GROUPS));
  e.full = TC_NEW_ARRAY(s->arena, s->ir->rings.n, tc_buf);
  e.empty = TC_NEW_ARRAY(s->arena, s->ir->rings.n, tc_buf);
  e.expected = TC_NEW_ARRAY(s->arena, s->ir->rings.n, bool);
  for (uint32_t i = 0; i < s->rings.n; i++)
    if (has_view(&e, &s->rings.at[i])) {
      TC_DIAG(s->ir->diags, D_ring_use, tc_op_at(s->ir, s->rings.at[i].stmt)->span,
              "a buffer of it has another shape elsewhere");
      return;
    }
  for (uint32_t i = 0; i < s->rings.n; i++)
    add_versions(&e, &s->rings.at[i]);
  expand_region(&e, tc_child(s->ir, tc_op_at(s->ir, s->kernel), 0), false);
}
