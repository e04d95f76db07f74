/* persist: blocks that go from tile to tile, in an order that suits the L2 cache.
 *
 * Input       engines are chosen; rings that the bulk copy engine fills belong to kernels whose
 *             threads will have roles.
 * Output      of those: at most as many blocks as multiprocessors, and a loop over the tiles of a
 *             block, in waves, whose body is the old kernel with block variables that are
 *             arithmetic of the tile's number: panels of tiles, and back and forth within them.
 *             Other kernels keep a block for each tile, in that order.
 * Invariants  each tile of the old grid is done once, by some block.
 * Example     kernel (bx < 16, by < 32)    kernel (b < 128)
 *               body(bx, by)            ->   for w = 0 to (512 - b + 127) / 128 persistent
 *                                              t = w * 128 + b; body(column(t), row(t))
 *
 * All blocks of a wave load their tiles at the same time, and what they load in common comes from
 * the L2 cache once. A wave of S tiles in panels g tiles high reads g rows of A and S / g columns
 * of B: g is chosen for the fewest bytes. The grid is tiles / waves rounded up, not all
 * multiprocessors: the waves are as many, and the blocks of the last one are not fewer. */
#include "ir/build.h"
#include "ir/form.h"
#include "ir/walk.h"
#include "pass/clone.h"
#include "pass/deps.h"
#include "pass/rings.h"
#include "pass/tiles.h"

typedef struct raster {
  uint32_t x, y;          /* grid dimensions within a panel and across panels */
  tc_value nx, ny, outer; /* tiles along them, and the others' product */
  int64_t panel;          /* tiles of y in a panel */
} raster;

typedef struct persister {
  tc_ir *ir;
  const tc_pass_context *cx;
  tc_value kernel, made; /* the old one and the new one */
  tc_region front;       /* of the new kernel: allocations */
  int64_t bytes[3];      /* that one tile of a grid dimension loads by itself */
  int64_t hint_panel;
  bool hint_columns;
} persister;

static tc_value op2(tc_ir *ir, enum tc_opcode op, tc_value a, tc_value b) {
  return tc_binary(ir, op, a, b);
}

static tc_value ceil_div(tc_ir *ir, tc_value a, tc_value b) {
  tc_value one = tc_i32(ir, 1);
  return op2(ir, TC_OP_floordiv, op2(ir, TC_OP_sub, op2(ir, TC_OP_add, a, b), one), b);
}

/* ---- is it allowed? ---- */

static bool fills_by_itself(tc_ir *ir, tc_value stmt, void *data) {
  if (tc_ring_is_filling(ir, stmt) && tc_is(ir, stmt, TC_OP_copy)
      && tc_copy_of(ir, stmt)->engine == TC_ENGINE_tma)
    *(bool *)data = true;
  return true;
}

bool tc_ring_has_bulk(tc_ir *ir, tc_value kernel) {
  bool found = false;
  tc_walk(ir, tc_child(ir, tc_op_at(ir, kernel), 0), fills_by_itself, &found);
  return found;
}

static bool is_block_buffer(const persister *p, tc_buf buf) {
  const tc_buffer *b = tc_buf_at(p->ir, buf);
  const tc_kernel *kernel = tc_kernel_of(p->ir, p->kernel);
  tc_deps deps = {.vars = {0}};
  for (uint32_t k = 0; k < tc_buf_n_exprs(b); k++)
    tc_deps_add(p->ir, p->cx->scratch, tc_buf_expr(b, k), &deps);
  for (uint32_t i = 0; i < kernel->n_grid; i++)
    if (tc_deps_has_var(&deps, kernel->block[i])) return true;
  return false;
}

static bool has_block_buffer(const persister *p) {
  for (uint32_t i = 1; i < p->ir->bufs.n; i++)
    if (is_block_buffer(p, (tc_buf){i})) return true;
  return false;
}

static bool has_op_below(const persister *p, enum tc_opcode op) {
  return tc_has_op(p->ir, tc_child(p->ir, tc_op_at(p->ir, p->kernel), 0), op);
}

static bool has_persistent(tc_ir *ir, tc_value stmt, void *data) {
  if (tc_is(ir, stmt, TC_OP_for) && tc_loop_of(ir, stmt)->kind == TC_LOOP_PERSISTENT)
    *(bool *)data = true;
  return true;
}

static const char *refuse(const persister *p) {
  tc_ir *ir = p->ir;
  bool persistent = false;
  const tc_kernel *kernel = tc_kernel_of(ir, p->kernel);
  tc_walk(ir, tc_child(ir, tc_op_at(ir, p->kernel), 0), has_persistent, &persistent);
  if (persistent) return "the source does it";
  if (tc_kernel_cluster(kernel) != 1) return "blocks form clusters";
  if (has_block_buffer(p)) return "a buffer's place depends on the block";
  int64_t tiles = 1;
  for (uint32_t d = 0; d < kernel->n_grid; d++)
    if (tc_value_type(ir, tc_input(ir, tc_op_at(ir, p->kernel), d)).dtype != TC_DT_int32
        || tc_var_at(ir, kernel->block[d])->type.dtype != TC_DT_int32)
      return "the grid counts in other integers than int32";
  for (uint32_t d = 0; d < kernel->n_grid; d++) {
    int64_t n;
    if (!tc_const_of(ir, tc_input(ir, tc_op_at(ir, p->kernel), d), &n)) return NULL;
    if (n < 1 || n > INT32_MAX / tiles) return "there are no tiles, or too many";
    tiles *= n;
  }
  return tiles > p->cx->options->limits->sms ? NULL : "one wave of blocks does all tiles";
}

/* ---- the order of tiles ---- */

/* Adds the bytes of a copy into shared memory to the only grid dimension its address depends on. */
static bool add_bytes(tc_ir *ir, tc_value stmt, void *data) {
  persister *p = data;
  if (!tc_copy_between(ir, stmt, TC_SCOPE_global, TC_SCOPE_shared)) return true;
  const tc_kernel *kernel = tc_kernel_of(ir, p->kernel);
  tc_deps deps = {.vars = {0}};
  tc_value from = tc_input(ir, tc_op_at(ir, stmt), 0);
  uint32_t n = 0, dim = 0;
  tc_deps_add(ir, p->cx->scratch, from, &deps);
  for (uint32_t d = 0; d < kernel->n_grid; d++)
    if (tc_deps_has_var(&deps, kernel->block[d])) dim = d, n++;
  if (n == 1)
    p->bytes[dim] += tc_tile_elements(ir, from) * tc_type_bits(tc_tile_elem(ir, from)) / 8;
  return true;
}

static bool read_hint(tc_ir *ir, tc_value stmt, void *data) {
  persister *p = data;
  if (!tc_is(ir, stmt, TC_OP_hint) || tc_hint_of(ir, stmt)->kind != TC_HINT_SWIZZLE) return true;
  const tc_hint *hint = tc_hint_of(ir, stmt);
  p->hint_panel = hint->number;
  p->hint_columns = tc_str_is(tc_str_of(ir->texts.at[hint->text]), "column");
  return true;
}

static int64_t best_panel(const persister *p, const raster *r) {
  int64_t sms = p->cx->options->limits->sms, best = 1, least = INT64_MAX, ny = sms;
  tc_const_of(p->ir, r->ny, &ny);
  for (int64_t g = 1; g <= sms && g <= ny; g++) {
    int64_t cost = g * p->bytes[r->y] + (sms + g - 1) / g * p->bytes[r->x];
    if (cost < least) least = cost, best = g;
  }
  return best;
}

static raster choose_raster(persister *p) {
  tc_ir *ir = p->ir;
  const tc_op *op = tc_op_at(ir, p->kernel);
  raster r = {.x = p->hint_columns ? 1 : 0, .y = p->hint_columns ? 0 : 1};
  tc_value one = tc_i32(ir, 1);
  r.nx = r.x < op->n_in ? tc_input(ir, op, r.x) : one;
  r.ny = r.y < op->n_in ? tc_input(ir, op, r.y) : one;
  r.outer = op->n_in > 2 ? tc_input(ir, op, 2) : one;
  r.panel = p->hint_panel > 0 ? p->hint_panel : best_panel(p, &r);
  int64_t ny;
  if (tc_const_of(ir, r.ny, &ny) && r.panel > ny) r.panel = ny;
  return r;
}

/* The tile's place: *x and *y within the first two grid dimensions of the raster. Panels are
 * `panel` tiles of y high, the last one what is left; odd ones go back. Divisors are constants
 * when the grid is. */
static void place_tile(tc_ir *ir, const raster *r, tc_value t, tc_value *x, tc_value *y) {
  tc_value g = tc_i32(ir, r->panel), one = tc_i32(ir, 1), two = tc_i32(ir, 2);
  tc_value per = op2(ir, TC_OP_mul, r->nx, g), panel = op2(ir, TC_OP_floordiv, t, per);
  tc_value in = op2(ir, TC_OP_sub, t, op2(ir, TC_OP_mul, panel, per));
  tc_value first = op2(ir, TC_OP_mul, panel, g), column = op2(ir, TC_OP_floordiv, in, g);
  tc_value row = op2(ir, TC_OP_floormod, in, g);
  int64_t ny;
  if (!tc_const_of(ir, r->ny, &ny) || ny % r->panel) {
    tc_value panels = ceil_div(ir, r->ny, g);
    tc_value before = op2(ir, TC_OP_mul, op2(ir, TC_OP_sub, panels, one), g);
    tc_value left = op2(ir, TC_OP_sub, r->ny, before), last = op2(ir, TC_OP_eq, first, before);
    column = tc_select(ir, last, op2(ir, TC_OP_floordiv, in, left), column);
    row = tc_select(ir, last, op2(ir, TC_OP_floormod, in, left), row);
  }
  tc_value odd = op2(ir, TC_OP_eq, op2(ir, TC_OP_floormod, panel, two), one);
  tc_value back = op2(ir, TC_OP_sub, op2(ir, TC_OP_sub, r->nx, one), column);
  *x = tc_select(ir, odd, back, column);
  *y = op2(ir, TC_OP_add, first, row);
}

/* Values of the old block variables for tile number t. */
static void find_tile(persister *p, const raster *r, tc_value t, tc_value out[3]) {
  tc_ir *ir = p->ir;
  uint32_t n_grid = tc_op_at(ir, p->kernel)->n_in;
  tc_value plane = op2(ir, TC_OP_mul, r->nx, r->ny);
  if (n_grid > 2) {
    out[2] = op2(ir, TC_OP_floordiv, t, plane);
    t = op2(ir, TC_OP_sub, t, op2(ir, TC_OP_mul, out[2], plane));
  }
  if (n_grid > 1) {
    place_tile(ir, r, t, &out[r->x], &out[r->y]);
  } else {
    out[0] = t;
  }
}

/* ---- the new kernel ---- */

/* Shared memory and rings stay through all tiles, as do requests. */
static bool keep_in_front(tc_clone *c, tc_value stmt, tc_region to) {
  persister *p = c->data;
  const tc_op *op = tc_op_at(p->ir, stmt);
  bool shared = op->opcode == TC_OP_alloc
                && tc_buf_at(p->ir, (tc_buf){op->payload})->scope == TC_SCOPE_shared;
  (void)to;
  if (op->opcode == TC_OP_hint && tc_hint_of(p->ir, stmt)->kind == TC_HINT_SWIZZLE) return true;
  if (!shared && op->opcode != TC_OP_ring && op->opcode != TC_OP_hint) return false;
  tc_vec_push(p->ir->arena, &tc_block_at(p->ir, p->front)->ops, stmt);
  return true;
}

/* A product of grid extents that must not overflow: asserted before the kernel unless known. */
static tc_value count_tiles(persister *p, const raster *r, tc_region before) {
  tc_ir *ir = p->ir;
  tc_type wide = tc_scalar_type(TC_DT_int64);
  tc_value tiles = op2(ir, TC_OP_mul, op2(ir, TC_OP_mul, r->nx, r->ny), r->outer);
  int64_t known;
  if (tc_const_of(ir, tiles, &known)) return tiles;
  tc_value product = op2(ir, TC_OP_mul, tc_cast(ir, r->nx, wide), tc_cast(ir, r->ny, wide));
  product = op2(ir, TC_OP_mul, product, tc_cast(ir, r->outer, wide));
  tc_value ok = op2(ir, TC_OP_le, product, tc_const_int(ir, wide, INT32_MAX / 2));
  tc_stmt(ir, before, TC_OP_assert, tc_scalar_type(TC_DT_void), &ok, 1,
          tc_pl_text(ir, "the grid has too many tiles"), tc_op_at(ir, p->kernel)->span);
  return tiles;
}

static void say(persister *p, const char *why, const raster *r) {
  tc_ir *ir = p->ir;
  const char *text =
      why ? tc_format(ir->arena, "one block for each tile, because %s", why)
          : tc_format(ir->arena, "blocks go from tile to tile, in panels of %d", (int)r->panel);
  tc_choice_hint(ir, p->front, tc_op_at(ir, p->kernel)->span, text);
}

static void make_kernel(persister *p, tc_region function) {
  tc_ir *ir = p->ir;
  tc_span span = tc_op_at(ir, p->kernel)->span;
  tc_kernel kernel = *tc_kernel_of(ir, p->kernel);
  raster r = choose_raster(p);
  tc_value tiles = count_tiles(p, &r, function), sms = tc_i32(ir, p->cx->options->limits->sms);
  tc_value waves = op2(ir, TC_OP_max, ceil_div(ir, tiles, sms), tc_i32(ir, 1));
  tc_value grid = ceil_div(ir, tiles, waves), inside[3];
  tc_type index = tc_scalar_type(TC_DT_int32);
  kernel.n_grid = 1;
  kernel.block[0] = tc_var_new(ir, "b", TC_VAR_BLOCK, index, span);
  kernel.block[1] = kernel.block[2] = (tc_var){0};
  p->made = tc_kernel_stmt(ir, function, &kernel, &grid, span);
  tc_region body = tc_child(ir, tc_op_at(ir, p->made), 0);
  tc_value b = tc_var_value(ir, kernel.block[0]);
  tc_loop loop = {.kind = TC_LOOP_PERSISTENT, .var = tc_var_new(ir, "w", TC_VAR_LOOP, index, span)};
  tc_value w = tc_var_value(ir, loop.var);
  tc_value end = op2(ir, TC_OP_sub, op2(ir, TC_OP_add, tiles, grid), tc_i32(ir, 1));
  tc_value n = op2(ir, TC_OP_floordiv, op2(ir, TC_OP_sub, end, b), grid);
  tc_value t = op2(ir, TC_OP_add, op2(ir, TC_OP_mul, w, grid), b);
  tc_value over = tc_for(ir, body, loop, tc_i32(ir, 0), n, tc_i32(ir, 1), span);
  p->front = tc_region_new(ir);
  say(p, NULL, &r);
  tc_clone c = tc_clone_new(ir, p->cx->scratch, keep_in_front, p);
  find_tile(p, &r, t, inside);
  const tc_kernel *old = tc_kernel_of(ir, p->kernel);
  for (uint32_t d = 0; d < old->n_grid; d++)
    tc_clone_bind(&c, old->block[d], inside[d]);
  tc_clone_region(&c, tc_child(ir, tc_op_at(ir, p->kernel), 0),
                  tc_child(ir, tc_op_at(ir, over), 0));
  tc_ring_put_first(ir, body, p->front);
}

/* ---- the order alone ---- */

/* Is there anything to gain, and does the grid have two dimensions of which each loads something of
 * its own, or a request? */
static bool wants_order(const persister *p) {
  const tc_kernel *kernel = tc_kernel_of(p->ir, p->kernel);
  int64_t tiles = 1, n;
  if (kernel->n_grid < 2 || tc_kernel_cluster(kernel) != 1) return false;
  if (!p->hint_panel && !(p->bytes[0] && p->bytes[1])) return false;
  if (has_op_below(p, TC_OP_wait)) return false;
  for (uint32_t d = 0; d < kernel->n_grid; d++) {
    tc_value extent = tc_input(p->ir, tc_op_at(p->ir, p->kernel), d);
    if (tc_value_type(p->ir, extent).dtype != TC_DT_int32) return false;
    if (tc_var_at(p->ir, kernel->block[d])->type.dtype != TC_DT_int32) return false;
    if (!tc_const_of(p->ir, extent, &n)) return !has_block_buffer(p);
    if (n < 1 || n > INT32_MAX / tiles) return false;
    tiles *= n;
  }
  return tiles > p->cx->options->limits->sms && !has_block_buffer(p);
}

/* One block for each tile as before, in another order: the grid's first two dimensions, counted
 * as the hardware starts blocks, are dealt out anew. */
static void order_kernel(persister *p, tc_region function) {
  tc_ir *ir = p->ir;
  const tc_op *op = tc_op_at(ir, p->kernel);
  tc_kernel kernel = *tc_kernel_of(ir, p->kernel);
  tc_value grid[3] = {{0}}, place[3];
  raster r = choose_raster(p);
  for (uint32_t d = 0; d < op->n_in; d++)
    grid[d] = tc_input(ir, op, d);
  p->made = tc_kernel_stmt(ir, function, &kernel, grid, op->span);
  tc_region body = tc_child(ir, tc_op_at(ir, p->made), 0);
  tc_value x = tc_var_value(ir, kernel.block[0]), y = tc_var_value(ir, kernel.block[1]);
  tc_value t = op2(ir, TC_OP_add, op2(ir, TC_OP_mul, y, grid[0]), x);
  p->front = tc_region_new(ir);
  tc_choice_hint(ir, p->front, op->span,
                 tc_format(ir->arena, "blocks in panels of %d", (int)r.panel));
  place_tile(ir, &r, t, &place[r.x], &place[r.y]);
  tc_clone c = tc_clone_new(ir, p->cx->scratch, keep_in_front, p);
  for (uint32_t d = 0; d < 2; d++)
    tc_clone_bind(&c, kernel.block[d], place[d]);
  tc_clone_region(&c, tc_child(ir, op, 0), body);
  tc_ring_put_first(ir, body, p->front);
}

static void visit_kernel(tc_ir *ir, const tc_pass_context *cx, tc_value kernel, tc_region to) {
  persister p = {.ir = ir, .cx = cx, .kernel = kernel};
  tc_region body = tc_child(ir, tc_op_at(ir, kernel), 0);
  if (!cx->options->limits) {
    tc_vec_push(ir->arena, &tc_block_at(ir, to)->ops, kernel);
    return;
  }
  tc_walk(ir, body, add_bytes, &p);
  tc_walk(ir, body, read_hint, &p);
  bool bulk = tc_ring_has_bulk(ir, kernel);
  const char *why = bulk ? refuse(&p) : NULL;
  if (bulk && !why) {
    make_kernel(&p, to);
    return;
  }
  if (!bulk && wants_order(&p)) {
    order_kernel(&p, to);
    return;
  }
  if (bulk) {
    p.front = tc_region_new(ir);
    say(&p, why, NULL);
    tc_ring_put_first(ir, body, p.front);
  }
  tc_vec_push(ir->arena, &tc_block_at(ir, to)->ops, kernel);
}

void tc_pass_persist(tc_ir *ir, const tc_pass_context *cx) {
  tc_region to = tc_region_new(ir);
  tc_block *body = tc_block_at(ir, ir->body);
  for (uint32_t i = 0; i < body->ops.n; i++) {
    tc_value stmt = body->ops.at[i];
    if (tc_is(ir, stmt, TC_OP_kernel)) {
      visit_kernel(ir, cx, stmt, to);
    } else {
      tc_vec_push(ir->arena, &tc_block_at(ir, to)->ops, stmt);
    }
  }
  tc_block_at(ir, ir->body)->ops = tc_block_at(ir, to)->ops;
}
