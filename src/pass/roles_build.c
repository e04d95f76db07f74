/* Writing the groups of pass roles. */
#include "ir/build.h"
#include "ir/walk.h"
#include "pass/effects.h"
#include "pass/roles_private.h"
#include "pass/tiles.h"

enum { WARPGROUP = 4 * TC_WARP };

typedef struct builder {
  tc_role_plan *p;
  tc_region front, own; /* first in the kernel, and in the group at hand */
  bool *needed;         /* by statement: the producer has it, too */
  uint32_t turn;        /* of the consumer group at hand */
  uint32_t baton;       /* ring */
  tc_value wave;        /* the tile loop's variable in the copy at hand */
  tc_value stage_of[8]; /* whole slices of buffers on the way out, of the group at hand */
  uint32_t n_stages;
} builder;

static tc_value stmt0(tc_ir *ir, tc_region at, enum tc_opcode op, uint32_t payload, tc_span span) {
  return tc_stmt(ir, at, op, tc_scalar_type(TC_DT_void), NULL, 0, payload, span);
}

/* A loop of its own in the place of `stmt`; its variable is bound by the caller. */
static tc_value open_loop(tc_clone *c, tc_value stmt, tc_region to, tc_value lo, int64_t step,
                          tc_region *body) {
  tc_ir *ir = c->ir;
  const tc_op *op = tc_op_at(ir, stmt);
  tc_loop loop = *tc_loop_of(ir, stmt);
  tc_var_info var = *tc_var_at(ir, loop.var);
  loop.var = tc_var_new(ir, tc_name_of(ir, var.name), TC_VAR_LOOP, var.type, var.span);
  tc_value hi = tc_clone_value(c, tc_input(ir, op, 1));
  tc_value made = tc_for(ir, to, loop, lo, hi, tc_const_int(ir, var.type, step), op->span);
  *body = tc_child(ir, tc_op_at(ir, made), 0);
  return tc_var_value(ir, loop.var);
}

static tc_value binary(tc_ir *ir, enum tc_opcode op, tc_value a, tc_value b) {
  return tc_binary(ir, op, a, b);
}

static bool stays_in_front(const tc_ir *ir, tc_value stmt) {
  const tc_op *op = tc_op_at(ir, stmt);
  if (op->opcode == TC_OP_ring || op->opcode == TC_OP_hint) return true;
  return op->opcode == TC_OP_alloc
         && tc_buf_at(ir, (tc_buf){op->payload})->scope == TC_SCOPE_shared;
}

/* ---- the producer ---- */

static bool mark(tc_ir *ir, tc_value stmt, void *data);

static bool mark_region(builder *b, tc_region region) {
  const tc_block *block = tc_block_at(b->p->ir, region);
  bool any = false;
  for (uint32_t i = 0; i < block->ops.n; i++)
    any = mark(b->p->ir, block->ops.at[i], b) || any;
  return any;
}

/* Marks what fills rings, what stands around it and what its operands come from. */
static bool mark(tc_ir *ir, tc_value stmt, void *data) {
  builder *b = data;
  const tc_op *op = tc_op_at(ir, stmt);
  uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
  bool any = tc_ring_is_filling(ir, stmt);
  for (uint32_t r = 0; r < n; r++)
    any = mark_region(b, tc_child(ir, op, r)) || any;
  if (!any) return false;
  tc_values loads = {0};
  tc_ring_inputs(ir, b->p->kernel, stmt, b->p->cx->scratch, &loads);
  for (uint32_t i = 0; i < loads.n; i++)
    b->needed[loads.at[i].id] = true;
  b->needed[stmt.id] = true;
  return true;
}

/* The sum's steps in the order in which they are fetched. */
static void produce_sum(builder *b, tc_clone *c, tc_value stmt, tc_region to) {
  tc_ir *ir = c->ir;
  tc_region body;
  const tc_op *op = tc_op_at(ir, stmt);
  tc_type type = tc_var_at(ir, tc_loop_of(ir, stmt)->var)->type;
  tc_value one = tc_const_int(ir, type, 1), k = open_loop(c, stmt, to, tc_zero(ir, type), 1, &body);
  tc_value place = k;
  if (b->p->back) {
    tc_value last = binary(ir, TC_OP_sub, tc_clone_value(c, tc_input(ir, op, 1)), one);
    tc_value odd =
        binary(ir, TC_OP_eq, binary(ir, TC_OP_floormod, b->wave, tc_i32(ir, 2)), tc_i32(ir, 1));
    place = tc_select(ir, odd, binary(ir, TC_OP_sub, last, k), k);
  }
  tc_clone_bind(c, tc_loop_of(ir, stmt)->var, place);
  if (b->p->lockstep)
    stmt0(ir, body, TC_OP_lockstep, (uint32_t)b->p->lockstep, tc_op_at(ir, stmt)->span);
  tc_clone_region(c, tc_child(ir, op, 0), body);
}

static bool produce(tc_clone *c, tc_value stmt, tc_region to) {
  builder *b = c->data;
  if (!b->needed[stmt.id]) return true;
  if (stmt.id == b->p->waves.id) {
    tc_region body;
    tc_value zero = tc_i32(c->ir, 0);
    b->wave = open_loop(c, stmt, to, zero, 1, &body);
    tc_clone_bind(c, tc_loop_of(c->ir, stmt)->var, b->wave);
    tc_clone_region(c, tc_child(c->ir, tc_op_at(c->ir, stmt), 0), body);
    return true;
  }
  if (stmt.id != b->p->sum.id) return false;
  produce_sum(b, c, stmt, to);
  return true;
}

/* ---- consumers ---- */

/* Room of its own for each warp of the group, shared by copies of one type and width. */
static tc_value stage_for(builder *b, tc_value dst, tc_span span) {
  tc_ir *ir = b->p->ir;
  int64_t rows, columns, warps = b->p->warpgroups * 4;
  tc_type elem = tc_tile_elem(ir, dst);
  tc_tile_matrix(ir, dst, &rows, &columns);
  if (columns > TC_STAGE_COLUMNS) columns = TC_STAGE_COLUMNS;
  tc_value shape[4] = {tc_i32(ir, warps), tc_i32(ir, TC_STAGE_SLOTS), tc_i32(ir, TC_STAGE_ROWS),
                       tc_i32(ir, columns)};
  for (uint32_t i = 0; i < b->n_stages; i++) {
    const tc_buffer *old = tc_buf_at(ir, tc_slice_buf(ir, b->stage_of[i]));
    if (tc_type_equal(old->elem, elem) && old->shape[3].id == shape[3].id) return b->stage_of[i];
  }
  const char *name = tc_format(ir->arena, "%s_stage", tc_tile_name(ir, dst));
  tc_buf buf = tc_buf_new(ir, name, elem, TC_SCOPE_shared, 4, shape, span);
  tc_alloc(ir, b->front, buf, span);
  tc_value whole = tc_slice_whole(ir, buf);
  if (b->n_stages < TC_COUNT(b->stage_of)) b->stage_of[b->n_stages++] = whole;
  return whole;
}

static void consume_out(builder *b, tc_clone *c, tc_value stmt, tc_region to) {
  tc_ir *ir = c->ir;
  const tc_op *op = tc_op_at(ir, stmt);
  tc_value in[8];
  uint32_t n = op->n_in;
  for (uint32_t i = 0; i < n; i++)
    in[i] = tc_clone_value(c, tc_input(ir, op, i));
  in[n++] = stage_for(b, in[1], op->span);
  tc_copy copy = *tc_copy_of(ir, stmt);
  copy.flags |= TC_COPY_STAGE;
  tc_stmt(ir, to, TC_OP_copy, tc_scalar_type(TC_DT_void), in, n, tc_pl_copy(ir, copy), op->span);
}

/* The steps of `n` waves are not this group's. */
static void skip_waves(builder *b, tc_region to, uint32_t n, tc_span span) {
  tc_ir *ir = b->p->ir;
  const tc_block *kernel = tc_block_at(ir, tc_child(ir, tc_op_at(ir, b->p->kernel), 0));
  tc_value count = tc_i32(ir, n * b->p->steps);
  for (uint32_t i = 0; i < kernel->ops.n; i++) {
    if (!tc_is(ir, kernel->ops.at[i], TC_OP_ring)) continue;
    tc_ring_ref ref = {.ring = tc_op_at(ir, kernel->ops.at[i])->payload};
    tc_stmt(ir, to, TC_OP_ring_skip, tc_scalar_type(TC_DT_void), &count, 1, tc_pl_ring_ref(ir, ref),
            span);
  }
}

/* Every other wave is this group's. Both groups do the same with other numbers. */
static void consume_waves(builder *b, tc_clone *c, tc_value stmt, tc_region to) {
  tc_ir *ir = c->ir;
  tc_span span = tc_op_at(ir, stmt)->span;
  tc_region body;
  tc_value lo = tc_i32(ir, b->p->turns ? b->turn : 0);
  if (b->p->turns) skip_waves(b, to, b->turn, span);
  b->wave = open_loop(c, stmt, to, lo, b->p->turns ? 2 : 1, &body);
  tc_clone_bind(c, tc_loop_of(ir, stmt)->var, b->wave);
  tc_clone_region(c, tc_child(ir, tc_op_at(ir, stmt), 0), body);
  if (b->p->turns) skip_waves(b, body, 1, span);
}

static uint32_t ring_of_sum(const tc_role_plan *p) {
  const tc_block *body = tc_block_at(p->ir, tc_child(p->ir, tc_op_at(p->ir, p->sum), 0));
  uint32_t i = 0;
  while (!tc_is(p->ir, body->ops.at[i], TC_OP_ring_release))
    i++;
  return tc_ring_ref_of(p->ir, body->ops.at[i])->ring;
}

/* One product stays in flight while the next is issued; its tiles are given back a step later. */
static void end_step(builder *b, tc_region body, tc_value k, tc_span span) {
  tc_ir *ir = b->p->ir;
  tc_value zero = tc_i32(ir, 0), late = tc_i32(ir, b->p->steps > 1 ? b->p->steps - 2 : 0);
  tc_async one = {.queue = TC_ASYNC_MMA, .pending = 1};
  tc_async_stmt(ir, body, TC_OP_async_wait, one, span);
  tc_value later = tc_if(ir, body, binary(ir, TC_OP_lt, zero, k), span);
  tc_ring_stmt(ir, tc_child(ir, tc_op_at(ir, later), 0), TC_OP_ring_release, ring_of_sum(b->p), 1,
               span);
  tc_value last = tc_if(ir, body, binary(ir, TC_OP_eq, k, late), span);
  tc_ring_stmt(ir, tc_child(ir, tc_op_at(ir, last), 0), TC_OP_ring_release, b->baton, 0, span);
}

static void consume_sum(builder *b, tc_clone *c, tc_value stmt, tc_region to) {
  tc_ir *ir = c->ir;
  tc_span span = tc_op_at(ir, stmt)->span;
  tc_region from = tc_child(ir, tc_op_at(ir, stmt), 0), body;
  tc_async all = {.queue = TC_ASYNC_MMA};
  tc_ring_stmt(ir, to, TC_OP_ring_wait, b->baton, 0, span);
  tc_value k = open_loop(c, stmt, to, tc_i32(ir, 0), 1, &body);
  tc_clone_bind(c, tc_loop_of(ir, stmt)->var, k);
  const tc_block *block = tc_block_at(ir, from);
  for (uint32_t i = 0; i < block->ops.n; i++) {
    uint16_t op = tc_op_at(ir, block->ops.at[i])->opcode;
    if (op != TC_OP_async_wait && op != TC_OP_ring_release)
      tc_clone_stmt(c, block->ops.at[i], body);
  }
  end_step(b, body, k, span);
  tc_async_stmt(ir, to, TC_OP_async_wait, all, span);
  tc_ring_stmt(ir, to, TC_OP_ring_release, ring_of_sum(b->p), 0, span);
}

static bool consume(tc_clone *c, tc_value stmt, tc_region to) {
  builder *b = c->data;
  tc_ir *ir = c->ir;
  const tc_op *op = tc_op_at(ir, stmt);
  if (tc_ring_is_filling(ir, stmt) || stays_in_front(ir, stmt)) return true;
  if (op->opcode == TC_OP_alloc && b->own.id) { /* fragments stay through all tiles */
    tc_buf buf = {op->payload};
    if (tc_buf_at(ir, buf)->scope != TC_SCOPE_fragment) return false;
    tc_region own = b->own;
    b->own = (tc_region){0};
    tc_clone_stmt(c, stmt, own);
    b->own = own;
    return true;
  }
  if (op->opcode == TC_OP_copy && tc_copy_of(ir, stmt)->engine == TC_ENGINE_stage) {
    consume_out(b, c, stmt, to);
  } else if (stmt.id == b->p->waves.id) {
    consume_waves(b, c, stmt, to);
  } else if (stmt.id == b->p->sum.id && b->p->turns) {
    consume_sum(b, c, stmt, to);
  } else {
    return false;
  }
  return true;
}

/* ---- the kernel ---- */

static bool take_front(tc_ir *ir, tc_value stmt, void *data) {
  builder *b = data;
  if (stays_in_front(ir, stmt)) tc_vec_push(ir->arena, &tc_block_at(ir, b->front)->ops, stmt);
  return true;
}

static tc_region open_group(builder *b, tc_region at, tc_group group) {
  tc_ir *ir = b->p->ir;
  tc_span span = tc_op_at(ir, b->p->kernel)->span;
  tc_value made = tc_group_stmt(ir, at, TC_OP_group, group, span);
  return tc_child(ir, tc_op_at(ir, made), 0);
}

static void build_producer(builder *b, tc_region from, tc_region to) {
  tc_group all = {.count = WARPGROUP,
                  .role = TC_ROLE_PRODUCER,
                  .registers = (uint32_t)b->p->producer_registers};
  tc_region inside = open_group(b, open_group(b, to, all), (tc_group){.count = 1});
  b->needed = TC_NEW_ARRAY(b->p->cx->scratch, b->p->ir->n_ops, bool);
  mark_region(b, from);
  tc_clone c = tc_clone_new(b->p->ir, b->p->cx->scratch, produce, b);
  tc_clone_region(&c, from, inside);
}

static void build_consumer(builder *b, tc_region from, tc_region to, uint32_t turn) {
  int64_t count = b->p->warpgroups * WARPGROUP;
  tc_group group = {.first = WARPGROUP + turn * count,
                    .count = count,
                    .role = TC_ROLE_CONSUMER,
                    .registers = (uint32_t)b->p->consumer_registers};
  tc_ir *ir = b->p->ir;
  tc_region inside = open_group(b, to, group), rest = tc_region_new(ir);
  b->turn = turn;
  b->n_stages = 0;
  b->own = tc_region_new(ir);
  tc_clone c = tc_clone_new(ir, b->p->cx->scratch, consume, b);
  tc_clone_region(&c, from, rest);
  tc_ring_put_first(ir, rest, b->own);
  tc_block_at(ir, inside)->ops = tc_block_at(ir, rest)->ops;
}

static void make_baton(builder *b, tc_span span) {
  tc_ir *ir = b->p->ir;
  tc_ring ring = {.name = tc_names_add(ir->names, TC_STR("turn"))};
  b->baton = tc_pl_ring(ir, ring);
  stmt0(ir, b->front, TC_OP_ring, b->baton, span);
}

static void say_one(builder *b, const char *what, const char *why) {
  tc_ir *ir = b->p->ir;
  if (!why) return;
  tc_choice_hint(ir, b->front, tc_op_at(ir, b->p->kernel)->span,
                 tc_format(ir->arena, "%s, because %s", what, why));
}

static void say(builder *b) {
  tc_role_plan *p = b->p;
  tc_arena *arena = p->ir->arena;
  const char *share = tc_format(arena, "%d warpgroups share each tile", (int)p->warpgroups);
  say_one(b,
          p->turns             ? "two warpgroups take turns with tiles of their own"
          : p->warpgroups == 1 ? "one warpgroup does each tile"
                               : share,
          p->why_turns);
  say_one(b,
          p->lockstep ? tc_format(arena, "loads of all blocks in step every %d", (int)p->lockstep)
                      : "loads of blocks not in step",
          p->why_lockstep);
  say_one(b, p->back ? "odd waves sum backwards" : "all waves sum forwards", p->why_back);
}

void tc_role_build(tc_role_plan *p) {
  tc_ir *ir = p->ir;
  builder b = {.p = p, .front = tc_region_new(ir)};
  tc_region body = tc_child(ir, tc_op_at(ir, p->kernel), 0), to = tc_region_new(ir);
  tc_kernel *kernel = tc_kernel_of(ir, p->kernel);
  int64_t groups = p->turns ? 2 : 1;
  tc_walk(ir, body, take_front, &b);
  if (p->turns) make_baton(&b, tc_op_at(ir, p->kernel)->span);
  say(&b);
  build_producer(&b, body, to);
  for (uint32_t turn = 0; turn < groups; turn++)
    build_consumer(&b, body, to, turn);
  tc_ring_put_first(ir, to, b.front);
  tc_block_at(ir, body)->ops = tc_block_at(ir, to)->ops;
  kernel->threads[0] = WARPGROUP * (1 + groups * p->warpgroups);
  kernel->threads[1] = kernel->threads[2] = 1;
}
