/* Copies, fills and the like by the threads themselves: a loop over the destination with a load and
 * a store in it, lowered like any loop; and copies that go on behind the threads' backs. */
#include "pass/lower.h"

#include "ir/form.h"
#include "pass/guard.h"

/* ---- sides ---- */

typedef struct side {
  tc_buf buf;
  uint32_t rank;
  tc_value base[TC_LOWER_RANK]; /* new values, int32 */
  int64_t extent[TC_LOWER_RANK];
  bool guarded; /* what is out of range is not touched */
} side;

static side side_of(tc_lower *lw, tc_value slice) {
  tc_ir *ir = lw->ir;
  side s = {.buf = tc_slice_buf(ir, slice)};
  const tc_buffer *b = tc_buf_at(ir, s.buf);
  s.rank = b->rank;
  s.guarded = !tc_slice_in_bounds(ir, slice);
  if (s.rank > TC_LOWER_RANK)
    tc_lower_refuse_help(lw, "a tile of so many dimensions", "merge dimensions");
  for (uint32_t d = 0; d < s.rank; d++) {
    s.base[d] = tc_lower_int(lw, tc_lower_value(lw, tc_slice_base(ir, slice, d)));
    tc_value extent = tc_lower_value(lw, tc_slice_extent(ir, slice, d));
    if (!tc_const_of(ir, extent, &s.extent[d]))
      tc_lower_refuse_help(
          lw, "a tile whose size is known only at run time",
          "give the tile the largest size, and guard what lies beyond the real one");
  }
  return s;
}

static uint32_t next_long(uint32_t n, const int64_t *extent, uint32_t d) {
  while (d < n && extent[d] == 1)
    d++;
  return d;
}

static bool pair(uint32_t n_to, const int64_t *to, uint32_t n_from, const int64_t *from, int *map) {
  uint32_t x = next_long(n_to, to, 0), y = next_long(n_from, from, 0);
  for (uint32_t d = 0; d < n_to; d++)
    map[d] = -1;
  while (x < n_to && y < n_from) {
    if (to[x] != from[y]) return false;
    map[x] = (int)y;
    x = next_long(n_to, to, x + 1);
    y = next_long(n_from, from, y + 1);
  }
  return x >= n_to && y >= n_from;
}

/* Dimensions of `from` stretched over `to`, aligned from the right. */
static bool stretch(uint32_t n_to, const int64_t *to, uint32_t n_from, const int64_t *from,
                    int *map) {
  for (uint32_t d = 0; d < n_to; d++)
    map[d] = -1;
  for (uint32_t k = 1; k <= n_from; k++) {
    uint32_t s = n_from - k;
    if (from[s] == 1) continue;
    if (k > n_to || to[n_to - k] != from[s]) return false;
    map[n_to - k] = (int)s;
  }
  return true;
}

void tc_lower_pair(tc_lower *lw, uint32_t n_to, const int64_t *to, uint32_t n_from,
                   const int64_t *from, int *map) {
  if (!pair(n_to, to, n_from, from, map) && !stretch(n_to, to, n_from, from, map))
    tc_lower_refuse_help(lw, "a copy between tiles of different shapes",
                         "give both sides the same extents");
}

/* ---- the loop ---- */

typedef struct loop {
  tc_lower *lw;
  uint32_t n;
  tc_var vars[TC_LOWER_RANK];
  int64_t extent[TC_LOWER_RANK];
  int of[TC_LOWER_RANK]; /* by dimension of the destination: its variable, -1: none */
  tc_region body;
} loop;

/* A variable for each dimension of the destination that is longer than one. */
static loop loop_over(tc_lower *lw, const side *to) {
  loop l = {.lw = lw, .body = tc_region_new(lw->ir)};
  for (uint32_t d = 0; d < to->rank; d++) {
    l.of[d] = -1;
    if (to->extent[d] == 1) continue;
    l.of[d] = (int)l.n;
    l.extent[l.n] = to->extent[d];
    l.vars[l.n++] = tc_var_new(lw->ir, "i", TC_VAR_PARALLEL, tc_scalar_type(TC_DT_int32), lw->span);
  }
  if (l.n) return l;
  l.extent[0] = 1;
  l.vars[l.n++] = tc_var_new(lw->ir, "i", TC_VAR_PARALLEL, tc_scalar_type(TC_DT_int32), lw->span);
  return l;
}

static void run(loop *l, const tc_layout *map) {
  tc_lower_loop(l->lw, l->vars, l->extent, l->n, l->body, map);
}

/* The element of a side, `map` giving the variable of each of its dimensions or -1. */
static void point(const loop *l, const side *s, const int *map, tc_value *at) {
  for (uint32_t d = 0; d < s->rank; d++) {
    at[d] = s->base[d];
    if (map[d] >= 0) at[d] = tc_lower_add(l->lw, at[d], tc_var_value(l->lw->ir, l->vars[map[d]]));
  }
}

static bool proved(tc_lower *lw, tc_value fact) {
  return tc_prove(lw->prover, TC_PROVE_lower, fact, NULL) == TC_PROVED;
}

/* What must hold for the element to be in range; 0: nothing. */
static tc_value in_range(loop *l, const side *s, const tc_value *at) {
  tc_ir *ir = l->lw->ir;
  tc_value cond = {0};
  if (!s->guarded) return cond;
  tc_prove_push(l->lw->prover);
  for (uint32_t k = 0; k < l->n; k++)
    tc_prove_bind(l->lw->prover, l->vars[k], tc_i32(ir, 0), tc_i32(ir, l->extent[k]));
  for (uint32_t d = 0; d < s->rank; d++) {
    tc_value size = tc_lower_value(l->lw, tc_buf_at(ir, s->buf)->shape[d]);
    tc_value lower = tc_guard_lower(ir, at[d]), upper = tc_guard_upper(ir, at[d], size);
    if (!proved(l->lw, lower)) cond = tc_and(ir, cond, lower);
    if (!proved(l->lw, upper)) cond = tc_and(ir, cond, upper);
  }
  tc_prove_pop(l->lw->prover);
  return cond;
}

static tc_type element_type(const tc_lower *lw, const side *s) {
  return tc_buf_at(lw->ir, s->buf)->elem;
}

/* The source's element as one of the destination. */
static tc_value read_source(loop *l, const side *from, const int *map, tc_type to, tc_value safe) {
  tc_ir *ir = l->lw->ir;
  tc_value at[TC_LOWER_RANK], other = {0};
  point(l, from, map, at);
  tc_value pred = in_range(l, from, at);
  bool same = tc_type_equal(element_type(l->lw, from), to);
  if (safe.id && pred.id && same) other = tc_cast(ir, safe, to);
  tc_value x = tc_load(ir, l->body, from->buf, at, pred, other, l->lw->span);
  if (same) return x;
  x = tc_cast(ir, x, to);
  return safe.id && pred.id ? tc_select(ir, pred, x, tc_cast(ir, safe, to)) : x;
}

static void check_sides(tc_lower *lw, const side *to, const side *from) {
  if (tc_buf_at(lw->ir, to->buf)->root.id == tc_buf_at(lw->ir, from->buf)->root.id)
    tc_lower_refuse_help(lw, "a copy within one buffer", "copy to another buffer first");
  if (element_type(lw, to).lanes != element_type(lw, from).lanes)
    tc_lower_refuse_help(lw, "a copy between vectors of different lengths",
                         "give both buffers the same number of lanes");
}

/* The thread map of a copy between two memories counts the dimensions longer than one. */
static const tc_layout *copy_map(tc_lower *lw, tc_value stmt, const side *to) {
  const char *text = tc_copy_of(lw->ir, stmt)->layout;
  if (!text) return NULL;
  tc_str rest = tc_str_of(text);
  const tc_layout *l = tc_layout_parse(lw->arena, &rest);
  if (!l) tc_bug(lw->ir->arena->unwind, "not a layout: %.80s", text);
  uint32_t n = 0;
  for (uint32_t d = 0; d < to->rank; d++)
    n += to->extent[d] != 1;
  return n == l->n_dims ? l : NULL;
}

static void copy_through_registers(tc_lower *lw, tc_value stmt) {
  tc_ir *ir = lw->ir;
  const tc_op *op = tc_op_at(ir, stmt);
  side from = side_of(lw, tc_input(ir, op, 0)), to = side_of(lw, tc_input(ir, op, 1));
  int map[TC_LOWER_RANK], of_from[TC_LOWER_RANK];
  tc_value safe = tc_copy_safe(ir, stmt), at[TC_LOWER_RANK];
  check_sides(lw, &to, &from);
  if (safe.id) safe = tc_lower_value(lw, safe);
  loop l = loop_over(lw, &to);
  tc_lower_pair(lw, to.rank, to.extent, from.rank, from.extent, map);
  for (uint32_t d = 0; d < from.rank; d++)
    of_from[d] = -1;
  for (uint32_t d = 0; d < to.rank; d++)
    if (map[d] >= 0) of_from[map[d]] = l.of[d];
  tc_value x = read_source(&l, &from, of_from, element_type(lw, &to), safe);
  point(&l, &to, l.of, at);
  tc_store(ir, l.body, to.buf, at, x, in_range(&l, &to, at), lw->span);
  run(&l, copy_map(lw, stmt, &to));
}

void tc_lower_fill_slots(tc_lower *lw, tc_lower_buf *b, tc_value x) {
  tc_ir *ir = lw->ir;
  if (b->wgmma) tc_lower_pin(lw, b);
  for (uint32_t i = 0; i < b->n_arrays; i++) {
    tc_var var = tc_var_new(ir, "slot", TC_VAR_LOOP, tc_scalar_type(TC_DT_int32), lw->span);
    tc_value at = tc_var_value(ir, var);
    tc_value all = tc_for(ir, lw->at, (tc_loop){.var = var, .kind = TC_LOOP_UNROLL}, tc_i32(ir, 0),
                          tc_i32(ir, b->per_array), tc_i32(ir, 1), lw->span);
    tc_store(ir, tc_child(ir, tc_op_at(ir, all), 0), b->arrays[i], &at, x, (tc_value){0}, lw->span);
  }
}

/* Then what a thread has beyond the tile may be filled, too. */
static bool is_whole_fragment(tc_lower *lw, const side *s) {
  if (tc_buf_at(lw->ir, s->buf)->scope != TC_SCOPE_fragment) return false;
  const tc_lower_buf *b = tc_lower_buffer(lw, s->buf);
  if (b->words || !b->n_arrays) return false;
  for (uint32_t d = 0; d < s->rank; d++) {
    int64_t first, extent;
    if (!tc_const_of(lw->ir, s->base[d], &first) || first
        || !tc_const_of(lw->ir, tc_buf_at(lw->ir, s->buf)->shape[d], &extent)
        || extent != s->extent[d])
      return false;
  }
  return true;
}

void tc_lower_fill(tc_lower *lw, tc_value stmt) {
  tc_ir *ir = lw->ir;
  const tc_op *op = tc_op_at(ir, stmt);
  side to = side_of(lw, tc_input(ir, op, 0));
  tc_value at[TC_LOWER_RANK], x = tc_lower_value(lw, tc_input(ir, op, 1));
  if (!lw->nest && is_whole_fragment(lw, &to)) {
    tc_lower_fill_slots(lw, tc_lower_buffer(lw, to.buf), x);
    return;
  }
  loop l = loop_over(lw, &to);
  point(&l, &to, l.of, at);
  tc_store(ir, l.body, to.buf, at, x, in_range(&l, &to, at), lw->span);
  run(&l, NULL);
}

void tc_lower_transpose(tc_lower *lw, tc_value stmt) {
  tc_ir *ir = lw->ir;
  const tc_op *op = tc_op_at(ir, stmt);
  side from = side_of(lw, tc_input(ir, op, 0)), to = side_of(lw, tc_input(ir, op, 1));
  int of_from[TC_LOWER_RANK];
  tc_value at[TC_LOWER_RANK];
  uint32_t r = from.rank, q = to.rank;
  check_sides(lw, &to, &from);
  if (r < 2 || q < 2 || from.extent[r - 2] != to.extent[q - 1]
      || from.extent[r - 1] != to.extent[q - 2])
    tc_lower_refuse_help(lw, "a transposition between tiles of different shapes",
                         "give the destination the extents of the source, swapped");
  loop l = loop_over(lw, &to);
  for (uint32_t d = 0; d < r; d++)
    of_from[d] = -1;
  of_from[r - 2] = l.of[q - 1];
  of_from[r - 1] = l.of[q - 2];
  tc_value x = read_source(&l, &from, of_from, element_type(lw, &to), (tc_value){0});
  point(&l, &to, l.of, at);
  tc_store(ir, l.body, to.buf, at, x, in_range(&l, &to, at), lw->span);
  run(&l, NULL);
}

void tc_lower_atomic_tile(tc_lower *lw, tc_value stmt) {
  tc_ir *ir = lw->ir;
  const tc_op *op = tc_op_at(ir, stmt);
  tc_atomic what = *tc_atomic_of(ir, stmt);
  side to = side_of(lw, tc_input(ir, op, 0)), from = side_of(lw, tc_input(ir, op, 1));
  int map[TC_LOWER_RANK], of_from[TC_LOWER_RANK];
  tc_value at[TC_LOWER_RANK];
  check_sides(lw, &to, &from);
  loop l = loop_over(lw, &to);
  tc_lower_pair(lw, to.rank, to.extent, from.rank, from.extent, map);
  for (uint32_t d = 0; d < from.rank; d++)
    of_from[d] = -1;
  for (uint32_t d = 0; d < to.rank; d++)
    if (map[d] >= 0) of_from[map[d]] = l.of[d];
  tc_value x = read_source(&l, &from, of_from, element_type(lw, &to), (tc_value){0});
  point(&l, &to, l.of, at);
  what.buf = to.buf;
  tc_atomic_stmt(ir, l.body, what, at, x, (tc_value){0}, in_range(&l, &to, at), lw->span);
  run(&l, NULL);
}

/* ---- cp_async ---- */

typedef struct async_copy {
  tc_lower *lw;
  side from;
  tc_lower_tile to;
  int map[TC_LAYOUT_DIMS]; /* dimension of `from` by dimension of the tile; -1: none */
  tc_nest nest;
  const tc_layout *map_given; /* NULL: none */
  const tc_layout_digits *digits;
  int64_t vector; /* elements of one step */
  uint32_t bits;
} async_copy;

/* Where a step begins in the source. */
static void source_point(async_copy *c, tc_lower_access *a) {
  a->rank = c->from.rank;
  a->n = 1;
  a->buf = tc_lower_other(c->lw, c->from.buf);
  for (uint32_t d = 0; d < a->rank; d++)
    a->index[0][d] = c->from.base[d];
  for (uint32_t d = 0; d < c->to.b->layout->n_dims; d++)
    if (c->map[d] >= 0)
      a->index[0][c->map[d]] = tc_lower_add(c->lw, c->from.base[c->map[d]], c->nest.coord[0][d]);
}

/* How many bytes of a step are in range; the source of what is not is the buffer's begin. */
static tc_value bytes_in_range(async_copy *c, tc_lower_access *a) {
  tc_lower *lw = c->lw;
  tc_ir *ir = lw->ir;
  tc_type u32 = tc_scalar_type(TC_DT_uint32);
  tc_value cond = {0}, bytes = tc_const_int(ir, u32, c->vector * c->bits / 8);
  if (!c->from.guarded) return bytes;
  for (uint32_t d = 0; d < a->rank; d++) {
    tc_value size = tc_buf_at(ir, a->buf)->shape[d], at = a->index[0][d];
    tc_value lower = tc_guard_lower(ir, at), upper = tc_guard_upper(ir, at, size);
    if (d + 1 == a->rank && !tc_prove_multiple(lw->prover, size, c->vector)) {
      tc_value left = tc_binary(ir, TC_OP_sub, tc_lower_int(lw, size), at);
      left = tc_lower_mul(lw, tc_binary(ir, TC_OP_min, left, tc_i32(ir, c->vector)), c->bits / 8);
      bytes = tc_cast(ir, left, u32);
    }
    if (proved(lw, lower)) lower = (tc_value){0};
    if (proved(lw, upper)) upper = (tc_value){0};
    tc_value here = tc_and(ir, lower, upper);
    cond = tc_and(ir, cond, here);
  }
  if (!cond.id) return bytes;
  for (uint32_t d = 0; d < a->rank; d++)
    a->index[0][d] = tc_select(ir, cond, a->index[0][d], tc_i32(ir, 0));
  return tc_select(ir, cond, bytes, tc_const_int(ir, u32, 0));
}

static void one_step(async_copy *c) {
  tc_lower *lw = c->lw;
  tc_ir *ir = lw->ir;
  tc_lower_access *a = TC_NEW(lw->arena, tc_lower_access);
  const tc_layout_digits *at =
      tc_layout_digits_fix(lw->arena, c->digits, TC_SPACE_slot, c->nest.slot);
  tc_value in[TC_N_SPACES] = {lw->single ? tc_i32(ir, 0) : tc_lower_local(lw), {0}, {0}};
  source_point(c, a);
  tc_value bytes = bytes_in_range(c, a), extent[TC_LOWER_RANK];
  for (uint32_t d = 0; d < a->rank; d++)
    extent[d] = tc_i32(ir, d + 1 == a->rank ? c->vector : 1);
  tc_value to = tc_lower_add(lw, c->to.version, tc_lower_digits(lw, at, in));
  tc_value operands[3] = {tc_lower_slice(lw, c->to.b->arrays[0], to, c->vector),
                          tc_slice(ir, a->buf, a->index[0], extent, true), bytes};
  tc_lower_prim(lw, TC_PRIM_cp_async, (uint32_t)(c->vector * c->bits / 8), operands, 3);
}

static void each_step(async_copy *c) {
  tc_lower *lw = c->lw;
  const tc_layout *map = c->nest.map;
  for (c->nest.slot = 0; c->nest.slot < map->size[TC_SPACE_slot]; c->nest.slot += c->vector) {
    int64_t x;
    for (uint32_t d = 0; d < map->n_dims; d++)
      c->nest.coord[0][d] = tc_lower_coordinate(lw, map, d, c->nest.slot);
    tc_value cond = tc_lower_group_condition(lw, &c->nest);
    if (cond.id && tc_const_of(lw->ir, cond, &x) && !x) continue;
    tc_lower_mark mark = tc_lower_if(lw, cond);
    one_step(c);
    tc_lower_leave(lw, mark);
  }
}

/* Is every step's source aligned? Steps are alike but for constants that the map puts in, so that
 * each is asked about. */
static bool sources_aligned(async_copy *c) {
  tc_lower *lw = c->lw;
  for (int64_t s = 0; s < c->nest.map->size[TC_SPACE_slot]; s += c->vector) {
    tc_lower_access *a = TC_NEW(lw->arena, tc_lower_access);
    for (uint32_t d = 0; d < c->nest.n_dims; d++)
      c->nest.coord[0][d] = tc_lower_coordinate(lw, c->nest.map, d, s);
    source_point(c, a);
    if (!tc_lower_is_aligned(lw, a, 0, c->vector)) return false;
  }
  return true;
}

/* The widest step that memory on both sides allows; false: less than 4 bytes. */
static bool choose_vector(async_copy *c) {
  tc_lower *lw = c->lw;
  uint32_t n = c->to.b->layout->n_dims;
  c->nest.n_dims = n;
  for (uint32_t d = 0; d < n; d++)
    c->nest.extent[d] = c->to.extent[d];
  for (c->vector = 128 / c->bits; c->vector * c->bits >= 32; c->vector /= 2) {
    if (c->to.extent[n - 1] % c->vector) continue;
    int64_t count = lw->single ? 1 : lw->count;
    c->nest.map = c->map_given;
    if (!c->map_given)
      c->nest.map = tc_layout_partition(lw->arena, n, c->to.extent, count, c->vector, false);
    if (!c->nest.map || c->nest.map->size[TC_SPACE_slot] % c->vector) continue;
    c->digits = tc_layout_compose(lw->arena, c->to.b->layout, c->nest.map, c->to.origin);
    if (!c->digits
        || tc_layout_vector(lw->arena, c->to.b->layout, c->nest.map, c->to.origin, c->vector)
               < c->vector)
      continue;
    if (sources_aligned(c)) return true;
  }
  return false;
}

static bool is_zero(const tc_ir *ir, tc_value v) {
  int64_t i;
  double f;
  if (tc_const_of(ir, v, &i)) return i == 0;
  return tc_const_float_of(ir, v, &f) && f == 0;
}

/* False when the threads have to copy by themselves; that it is done at once does no harm. */
static bool copy_async(tc_lower *lw, tc_value stmt) {
  tc_ir *ir = lw->ir;
  const tc_op *op = tc_op_at(ir, stmt);
  tc_value safe = tc_copy_safe(ir, stmt);
  async_copy *c = TC_NEW(lw->arena, async_copy);
  c->lw = lw;
  c->from = side_of(lw, tc_input(ir, op, 0));
  c->to = tc_lower_tile_of(lw, tc_input(ir, op, 1));
  tc_type from = element_type(lw, &c->from), to = c->to.old->elem;
  c->bits = tc_type_bits(to);
  if (tc_copy_signal(ir, stmt).id)
    tc_lower_refuse(lw, "a copy by the threads that signals a barrier");
  if (!tc_type_equal(from, to) || c->bits < 8 || to.lanes != 1) return false;
  if (safe.id && !is_zero(ir, tc_lower_value(lw, safe))) return false;
  tc_lower_pair(lw, c->to.b->layout->n_dims, c->to.extent, c->from.rank, c->from.extent, c->map);
  if (c->from.rank == 0 || c->map[c->to.b->layout->n_dims - 1] != (int)c->from.rank - 1)
    return false;
  side to_side = side_of(lw, tc_input(ir, op, 1));
  c->map_given = copy_map(lw, stmt, &to_side);
  if (c->map_given && c->map_given->n_dims != c->to.b->layout->n_dims) c->map_given = NULL;
  if (!choose_vector(c)) return false;
  each_step(c);
  return true;
}

void tc_lower_copy(tc_lower *lw, tc_value stmt) {
  switch ((enum tc_engine)tc_copy_of(lw->ir, stmt)->engine) { /* table */
  case TC_ENGINE_tma:
    tc_lower_tma(lw, stmt);
    return;
  case TC_ENGINE_stage:
    tc_lower_stage(lw, stmt);
    return;
  case TC_ENGINE_relay:
    tc_lower_relay(lw, stmt);
    return;
  case TC_ENGINE_ldmatrix:
    tc_lower_matrices(lw, stmt);
    return;
  case TC_ENGINE_cp_async:
    if (copy_async(lw, stmt)) return;
    break;
  case TC_ENGINE_none:
  case TC_ENGINE_simt:
  case TC_ENGINE_mma_sync:
  case TC_ENGINE_wgmma:
  case TC_ENGINE_fma:
  case TC_ENGINE_COUNT:
    break;
  }
  copy_through_registers(lw, stmt);
}
