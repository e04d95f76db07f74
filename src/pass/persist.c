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
#include "pass/choose.h"
#include "pass/clone.h"
#include "pass/cost.h"
#include "pass/deps.h"
#include "pass/rings.h"
#include "pass/tiles.h"

typedef struct raster {
  uint32_t x, y;          /* grid dimensions within a panel and across panels */
  tc_value nx, ny, outer; /* tiles along them, and the others' product */
  int64_t panel;          /* tiles of y in a panel */
  enum tc_choice_word order;
} raster;

typedef struct persister {
  tc_ir *ir;
  const tc_pass_context *cx;
  tc_value kernel, made; /* the old one and the new one */
  tc_region front;       /* of the new kernel: allocations */
  int64_t bytes[3];      /* that one tile of a grid dimension loads by itself */
  int64_t hint_panel;
  bool hint_columns;
  tc_choices choices;
} persister;

enum { BLOCK = 4 }; /* tiles along each side of a block, of a raster in blocks */

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

static bool asks(const persister *p, enum tc_choice_name name, enum tc_choice_word word) {
  return tc_choice_is(&p->choices, name, word);
}

/* Something is asked for that only blocks which go from tile to tile can do. */
static bool asks_for_waves(const persister *p) {
  return asks(p, TC_CHOICE_persistent, TC_CHOOSE_on) || asks(p, TC_CHOICE_roles, TC_CHOOSE_pingpong)
         || asks(p, TC_CHOICE_lockstep, TC_CHOOSE_number)
         || asks(p, TC_CHOICE_k_serpentine, TC_CHOOSE_on);
}

static const char *refuse(const persister *p) {
  tc_ir *ir = p->ir;
  bool persistent = false;
  const tc_kernel *kernel = tc_kernel_of(ir, p->kernel);
  tc_walk(ir, tc_child(ir, tc_op_at(ir, p->kernel), 0), has_persistent, &persistent);
  if (persistent) return "the source does it";
  if (asks(p, TC_CHOICE_persistent, TC_CHOOSE_off)) return "tilec.persistent=off";
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
  bool waves = tiles > p->cx->options->limits->sms || asks_for_waves(p);
  return waves ? NULL : "one wave of blocks does all tiles";
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

/* What decided the panel's height. */
static const char *choose_panel(persister *p, raster *r) {
  tc_ir *ir = p->ir;
  int64_t sms = p->cx->options->limits->sms, ny = sms, bytes;
  const tc_choice *asked = &p->choices.of[TC_CHOICE_panel];
  tc_const_of(ir, r->ny, &ny);
  r->panel = asked->word == TC_CHOOSE_number ? asked->number : p->hint_panel;
  if (r->panel > 0) return "it is asked for";
  r->panel = tc_cost_panel(sms, ny, p->bytes[r->y], p->bytes[r->x], &bytes);
  if (r->order == TC_CHOOSE_blocked) r->panel = (r->panel + BLOCK - 1) / BLOCK * BLOCK;
  return tc_format(ir->arena, "%d tiles then load the least, %lld KB, in a step", (int)sms,
                   (long long)((bytes + 1023) / 1024));
}

static raster choose_raster(persister *p, const char **why) {
  tc_ir *ir = p->ir;
  const tc_op *op = tc_op_at(ir, p->kernel);
  raster r = {.order = p->choices.of[TC_CHOICE_raster].word};
  if (r.order == TC_CHOOSE_auto) r.order = TC_CHOOSE_serpentine;
  bool columns = p->hint_columns && r.order != TC_CHOOSE_linear;
  r.x = columns ? 1 : 0, r.y = columns ? 0 : 1;
  tc_value one = tc_i32(ir, 1);
  r.nx = r.x < op->n_in ? tc_input(ir, op, r.x) : one;
  r.ny = r.y < op->n_in ? tc_input(ir, op, r.y) : one;
  r.outer = op->n_in > 2 ? tc_input(ir, op, 2) : one;
  *why = choose_panel(p, &r);
  int64_t ny;
  if (tc_const_of(ir, r.ny, &ny) && r.panel > ny) r.panel = ny;
  return r;
}

static const char *raster_text(tc_arena *arena, const raster *r, const char *why) {
  const char *way = r->order == TC_CHOOSE_panels    ? ""
                    : r->order == TC_CHOOSE_blocked ? ", back and forth in blocks of 4 x 4"
                                                    : ", back and forth";
  if (r->order == TC_CHOOSE_linear) return "row after row, because it is asked for";
  return tc_format(arena, "in panels of %d%s, because %s", (int)r->panel, way, why);
}

/* Tile number `in` of `rows` x nx tiles: column after column. */
static void place_in_columns(tc_ir *ir, tc_value in, tc_value rows, tc_value *column,
                             tc_value *row) {
  *column = op2(ir, TC_OP_floordiv, in, rows);
  *row = op2(ir, TC_OP_floormod, in, rows);
}

/* The extent of block number `at` of those that divide n tiles. */
static tc_value block_extent(tc_ir *ir, tc_value n, tc_value at) {
  tc_value block = tc_i32(ir, BLOCK);
  int64_t known;
  if (tc_const_of(ir, n, &known) && known % BLOCK == 0) return block;
  return op2(ir, TC_OP_min, block, op2(ir, TC_OP_sub, n, op2(ir, TC_OP_mul, at, block)));
}

/* The same, in blocks of 4 x 4 tiles: down a strip of four columns, then down the next. */
static void place_in_blocks(tc_ir *ir, tc_value in, tc_value rows, tc_value nx, tc_value *column,
                            tc_value *row) {
  tc_value block = tc_i32(ir, BLOCK), strip = op2(ir, TC_OP_mul, rows, block);
  tc_value s = op2(ir, TC_OP_floordiv, in, strip), width = block_extent(ir, nx, s);
  tc_value in_strip = op2(ir, TC_OP_floormod, in, strip), full = op2(ir, TC_OP_mul, width, block);
  tc_value b = op2(ir, TC_OP_floordiv, in_strip, full), height = block_extent(ir, rows, b);
  tc_value in_block = op2(ir, TC_OP_floormod, in_strip, full);
  place_in_columns(ir, in_block, height, column, row);
  *column = op2(ir, TC_OP_add, *column, op2(ir, TC_OP_mul, s, block));
  *row = op2(ir, TC_OP_add, *row, op2(ir, TC_OP_mul, b, block));
}

static void place_in_panel(tc_ir *ir, const raster *r, tc_value in, tc_value rows, tc_value *column,
                           tc_value *row) {
  if (r->order == TC_CHOOSE_blocked) {
    place_in_blocks(ir, in, rows, r->nx, column, row);
  } else {
    place_in_columns(ir, in, rows, column, row);
  }
}

/* The tile's place: *x and *y within the first two grid dimensions of the raster. Panels are
 * `panel` tiles of y high, the last one what is left; odd ones go back. Divisors are constants
 * when the grid is. */
static void place_tile(tc_ir *ir, const raster *r, tc_value t, tc_value *x, tc_value *y) {
  if (r->order == TC_CHOOSE_linear) {
    *x = op2(ir, TC_OP_floormod, t, r->nx), *y = op2(ir, TC_OP_floordiv, t, r->nx);
    return;
  }
  tc_value g = tc_i32(ir, r->panel), one = tc_i32(ir, 1), two = tc_i32(ir, 2), column, row;
  tc_value per = op2(ir, TC_OP_mul, r->nx, g), panel = op2(ir, TC_OP_floordiv, t, per);
  tc_value in = op2(ir, TC_OP_sub, t, op2(ir, TC_OP_mul, panel, per));
  tc_value first = op2(ir, TC_OP_mul, panel, g);
  place_in_panel(ir, r, in, g, &column, &row);
  int64_t ny;
  if (!tc_const_of(ir, r->ny, &ny) || ny % r->panel) {
    tc_value panels = ceil_div(ir, r->ny, g), last_column, last_row;
    tc_value before = op2(ir, TC_OP_mul, op2(ir, TC_OP_sub, panels, one), g);
    tc_value left = op2(ir, TC_OP_sub, r->ny, before), last = op2(ir, TC_OP_eq, first, before);
    place_in_panel(ir, r, in, left, &last_column, &last_row);
    column = tc_select(ir, last, last_column, column);
    row = tc_select(ir, last, last_row, row);
  }
  tc_value odd = op2(ir, TC_OP_eq, op2(ir, TC_OP_floormod, panel, two), one);
  tc_value back = op2(ir, TC_OP_sub, op2(ir, TC_OP_sub, r->nx, one), column);
  *x = r->order == TC_CHOOSE_panels ? column : tc_select(ir, odd, back, column);
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
  tc_value ny = tc_cast(ir, r->ny, wide);
  tc_value product = op2(ir, TC_OP_mul, tc_cast(ir, r->nx, wide), ny);
  product = op2(ir, TC_OP_mul, product, tc_cast(ir, r->outer, wide));
  tc_value ok = op2(ir, TC_OP_le, product, tc_const_int(ir, wide, INT32_MAX / 2));
  tc_stmt(ir, before, TC_OP_assert, tc_scalar_type(TC_DT_void), &ok, 1,
          tc_pl_text(ir, "the grid has too many tiles"), tc_op_at(ir, p->kernel)->span);
  return tiles;
}

static void say(persister *p, const char *text) {
  tc_choice_hint(p->ir, p->front, tc_op_at(p->ir, p->kernel)->span, text);
}

static void say_single(persister *p, const char *why) {
  say(p, tc_format(p->ir->arena, "one block for each tile, because %s", why));
}

static void say_waves(persister *p, tc_value tiles, tc_value grid, const raster *r,
                      const char *why) {
  tc_ir *ir = p->ir;
  int64_t n, blocks;
  bool known = tc_const_of(ir, tiles, &n) && tc_const_of(ir, grid, &blocks);
  const char *waves = known ? tc_format(ir->arena, "%d tiles make %d waves of %d", (int)n,
                                        (int)((n + blocks - 1) / blocks), (int)blocks)
                            : "there may be more tiles than multiprocessors";
  if (asks_for_waves(p)) waves = "what is asked for needs it";
  say(p, tc_format(ir->arena, "blocks go from tile to tile, because %s", waves));
  say(p, tc_format(ir->arena, "tiles %s", raster_text(ir->arena, r, why)));
}

static void make_kernel(persister *p, tc_region function) {
  tc_ir *ir = p->ir;
  tc_span span = tc_op_at(ir, p->kernel)->span;
  tc_kernel kernel = *tc_kernel_of(ir, p->kernel);
  const char *why;
  raster r = choose_raster(p, &why);
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
  say_waves(p, tiles, grid, &r, why);
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

static bool asks_for_order(const persister *p) {
  return asks(p, TC_CHOICE_panel, TC_CHOOSE_number) || p->choices.of[TC_CHOICE_raster].word;
}

/* Can the tiles of the first two dimensions be dealt out anew? */
static const char *refuse_order(const persister *p, int64_t *tiles) {
  tc_ir *ir = p->ir;
  const tc_kernel *kernel = tc_kernel_of(ir, p->kernel);
  *tiles = INT32_MAX;
  if (kernel->n_grid < 2) return "the grid has one dimension";
  if (tc_kernel_cluster(kernel) != 1) return "blocks form clusters";
  if (has_op_below(p, TC_OP_wait)) return "blocks wait for blocks";
  if (has_block_buffer(p)) return "a buffer's place depends on the block";
  int64_t n, product = 1;
  for (uint32_t d = 0; d < kernel->n_grid; d++) {
    tc_value extent = tc_input(ir, tc_op_at(ir, p->kernel), d);
    if (tc_value_type(ir, extent).dtype != TC_DT_int32
        || tc_var_at(ir, kernel->block[d])->type.dtype != TC_DT_int32)
      return "the grid counts in other integers than int32";
    if (product && !tc_const_of(ir, extent, &n)) product = 0;
    if (!product) continue;
    if (n < 1 || n > INT32_MAX / product) return "there are no tiles, or too many";
    product *= n;
  }
  if (product) *tiles = product;
  return NULL;
}

/* Is there anything to gain: tiles for more than one wave, of which each dimension loads something
 * of its own? Or is it asked for? */
static bool wants_order(const persister *p) {
  int64_t tiles;
  if (refuse_order(p, &tiles)) return false;
  if (asks_for_order(p)) return true;
  return (p->hint_panel || (p->bytes[0] && p->bytes[1])) && tiles > p->cx->options->limits->sms;
}

/* One block for each tile as before, in another order: the grid's first two dimensions, counted
 * as the hardware starts blocks, are dealt out anew. */
static void order_kernel(persister *p, tc_region function, const char *no_waves) {
  tc_ir *ir = p->ir;
  const tc_op *op = tc_op_at(ir, p->kernel);
  tc_kernel kernel = *tc_kernel_of(ir, p->kernel);
  tc_value grid[3] = {{0}}, place[3];
  const char *why;
  raster r = choose_raster(p, &why);
  for (uint32_t d = 0; d < op->n_in; d++)
    grid[d] = tc_input(ir, op, d);
  p->made = tc_kernel_stmt(ir, function, &kernel, grid, op->span);
  tc_region body = tc_child(ir, tc_op_at(ir, p->made), 0);
  tc_value x = tc_var_value(ir, kernel.block[0]), y = tc_var_value(ir, kernel.block[1]);
  tc_value t = op2(ir, TC_OP_add, op2(ir, TC_OP_mul, y, grid[0]), x);
  p->front = tc_region_new(ir);
  if (no_waves) say_single(p, no_waves);
  say(p, tc_format(ir->arena, "blocks %s", raster_text(ir->arena, &r, why)));
  place_tile(ir, &r, t, &place[r.x], &place[r.y]);
  tc_clone c = tc_clone_new(ir, p->cx->scratch, keep_in_front, p);
  for (uint32_t d = 0; d < 2; d++)
    tc_clone_bind(&c, kernel.block[d], place[d]);
  tc_clone_region(&c, tc_child(ir, op, 0), body);
  tc_ring_put_first(ir, body, p->front);
}

/* Reports what was asked for and will not be. */
static void check_requests(const persister *p, bool bulk, const char *no_waves) {
  int64_t tiles;
  const char *no_order = bulk && !no_waves ? NULL : refuse_order(p, &tiles);
  bool linear = asks(p, TC_CHOICE_raster, TC_CHOOSE_linear);
  if (bulk && !no_waves && tc_kernel_of(p->ir, p->kernel)->n_grid < 2)
    no_order = "the grid has one dimension";
  if (asks(p, TC_CHOICE_persistent, TC_CHOOSE_on) && (!bulk || no_waves))
    tc_choice_refuse(p->ir, p->kernel, &p->choices, TC_CHOICE_persistent,
                     bulk ? no_waves : "the bulk copy engine fills no tile ahead of its use");
  if (no_order && p->choices.of[TC_CHOICE_raster].word && !linear)
    tc_choice_refuse(p->ir, p->kernel, &p->choices, TC_CHOICE_raster, no_order);
  if (no_order && asks(p, TC_CHOICE_panel, TC_CHOOSE_number))
    tc_choice_refuse(p->ir, p->kernel, &p->choices, TC_CHOICE_panel, no_order);
}

static void visit_kernel(tc_ir *ir, const tc_pass_context *cx, tc_value kernel, tc_region to) {
  persister p = {.ir = ir, .cx = cx, .kernel = kernel};
  tc_region body = tc_child(ir, tc_op_at(ir, kernel), 0);
  p.choices = tc_choices_of(ir, cx, kernel);
  if (!cx->options->limits) {
    tc_vec_push(ir->arena, &tc_block_at(ir, to)->ops, kernel);
    return;
  }
  tc_walk(ir, body, add_bytes, &p);
  tc_walk(ir, body, read_hint, &p);
  bool bulk = tc_ring_has_bulk(ir, kernel);
  const char *why = bulk ? refuse(&p) : NULL;
  check_requests(&p, bulk, why);
  if (bulk && !why) {
    make_kernel(&p, to);
    return;
  }
  bool off = asks(&p, TC_CHOICE_persistent, TC_CHOOSE_off);
  if ((!bulk || off || asks_for_order(&p)) && wants_order(&p)) {
    order_kernel(&p, to, why);
    return;
  }
  if (bulk) {
    p.front = tc_region_new(ir);
    say_single(&p, why);
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
