/* Copies out of registers through a stage: each warp lays a panel of its 16 rows down in a slot of
 * shared memory of its own, and the bulk copy engine takes it from there while the warp goes on.
 *
 *   wait until the slot has been read; pack; stmatrix; fence; one lane: tma_store, bulk_commit
 *
 * A relay is the same without the engine: the lanes read the slot back, neighbours in a row next to
 * each other, and store what they read. Stores from the fragment itself would be of 4 bytes, in
 * pieces of 16 bytes.
 *
 * No warp waits for another. The last panel of a tile whose columns are no multiple of a panel's
 * overlaps the one before it; rows and columns outside of the tensor are skipped by the engine. */
#include "pass/lower.h"

#include "ir/form.h"
#include "pass/guard.h"

enum { STAGE_RANK = 4, WARPGROUP = 4 * TC_WARP, PANEL_ROWS = 16, BLOCK_ROWS = 64, VECTOR_B = 16 };

/* L2 keeps what others read; the result is read by nobody soon. */
static const int64_t EVICT_FIRST = INT64_C(0x12F0000000000000);

typedef struct stage {
  tc_lower *lw;
  tc_lower_buf *fragment, *slots;
  tc_type from, to;
  uint32_t bits; /* of an element in the stage */
  bool relay;
  int64_t rows, columns;  /* warpgroups over the tile; of a relay: warps */
  int64_t m, n;           /* of one of them */
  int64_t n_slots, width; /* of a warp; columns of a panel */
  const tc_layout *panel; /* fragment of one panel, as a part of the stage */
  tc_value warp, base[2]; /* this thread's warp; first row and column of its warpgroup */
  tc_buf map;
  uint32_t rank, row_dim, column_dim;
  tc_value at[TC_LOWER_RANK]; /* the destination's base */
} stage;

static tc_value constant(const stage *s, int64_t x) {
  return tc_i32(s->lw->ir, x);
}

static void read_fragment(stage *s, tc_value slice) {
  tc_lower *lw = s->lw;
  tc_buf buf = tc_slice_buf(lw->ir, slice);
  const tc_buffer *b = tc_buf_at(lw->ir, buf);
  if (b->scope != TC_SCOPE_fragment) tc_lower_refuse(lw, "a staged copy that is not of a fragment");
  s->fragment = tc_lower_buffer(lw, buf);
  s->from = b->elem;
  if (!tc_lower_cover(lw, s->fragment->layout, s->relay ? TC_FRAGMENT_mma_c : TC_FRAGMENT_wgmma_d,
                      s->relay ? TC_WARP : WARPGROUP, &s->rows, &s->columns))
    tc_lower_refuse(lw, "a staged copy of a fragment with this layout");
  s->m = s->fragment->layout->bound[0] / s->rows;
  s->n = s->fragment->layout->bound[1] / s->columns;
  for (uint32_t d = 0; d < 2; d++) {
    int64_t base, extent;
    if (!tc_const_of(lw->ir, tc_slice_base(lw->ir, slice, d), &base) || base
        || !tc_const_of(lw->ir, tc_slice_extent(lw->ir, slice, d), &extent)
        || extent != s->fragment->layout->bound[d])
      tc_lower_refuse(lw, "a staged copy of a part of a fragment");
  }
}

static enum tc_swizzle swizzle_of(stage *s, const tc_layout *memory) {
  for (int k = TC_N_SWIZZLES - 1; k > 0; k--) {
    const tc_layout *l =
        tc_layout_swizzled(s->lw->arena, STAGE_RANK, memory->bound, s->bits, (enum tc_swizzle)k);
    bool one = s->width * s->bits / 8 == tc_swizzle_info((enum tc_swizzle)k)->span_b;
    if (l && one && tc_layout_equal(l, memory)) return (enum tc_swizzle)k;
  }
  const tc_layout *plain = tc_layout_row_major(s->lw->arena, STAGE_RANK, memory->bound, 0);
  if (!tc_layout_equal(plain, memory)) tc_lower_refuse(s->lw, "a stage with this layout");
  return TC_SWIZZLE_none;
}

static void read_slots(stage *s, tc_value slice) {
  tc_lower *lw = s->lw;
  tc_buf buf = tc_slice_buf(lw->ir, slice);
  s->slots = tc_lower_buffer(lw, buf);
  const tc_layout *memory = s->slots->layout;
  int64_t one[2] = {1, 1};
  if (memory->n_dims != STAGE_RANK || memory->bound[2] != PANEL_ROWS
      || memory->bound[0] < lw->count / TC_WARP)
    tc_lower_refuse(lw, "a stage of this shape");
  s->to = tc_buf_at(lw->ir, buf)->elem;
  s->bits = tc_type_bits(s->to);
  s->n_slots = memory->bound[1];
  s->width = memory->bound[3];
  if (s->width > s->n || s->width % 8) tc_lower_refuse(lw, "a stage that is wider than the tile");
  int64_t extent[2] = {PANEL_ROWS, s->width};
  const tc_layout *l =
      tc_layout_cover(lw->arena, tc_layout_fragment(lw->arena, TC_FRAGMENT_mma_c), extent, one);
  l = tc_layout_add_dim(lw->arena, l, 0);
  s->panel = tc_layout_add_dim(lw->arena, l, 0);
}

/* The two dimensions of the destination along which the tile lies. */
static void read_destination(stage *s, tc_value slice) {
  tc_lower *lw = s->lw;
  tc_ir *ir = lw->ir;
  tc_buf buf = tc_slice_buf(ir, slice);
  int64_t extent[TC_LOWER_RANK], box[TC_LOWER_RANK];
  int map[TC_LOWER_RANK];
  s->rank = tc_buf_at(ir, buf)->rank;
  if (s->rank > TC_LOWER_RANK || s->rank < 2)
    tc_lower_refuse(lw, "a staged copy to a tensor of so many dimensions");
  for (uint32_t d = 0; d < s->rank; d++) {
    s->at[d] = tc_lower_int(lw, tc_lower_value(lw, tc_slice_base(ir, slice, d)));
    if (!tc_const_of(ir, tc_slice_extent(ir, slice, d), &extent[d]))
      tc_lower_refuse_help(
          lw, "a tile whose size is known only at run time",
          "give the tile the largest size, and guard what lies beyond the real one");
    box[d] = 1;
  }
  if (!tc_type_equal(tc_buf_at(ir, buf)->elem, s->to))
    tc_lower_refuse(lw, "a stage of another element type than the destination's");
  tc_lower_pair(lw, s->rank, extent, 2, s->fragment->layout->bound, map);
  s->row_dim = s->column_dim = s->rank;
  for (uint32_t d = 0; d < s->rank; d++) {
    if (map[d] == 0) s->row_dim = d;
    if (map[d] == 1) s->column_dim = d;
  }
  if (s->row_dim == s->rank || s->column_dim != s->rank - 1)
    tc_lower_refuse(lw, "a staged copy to these dimensions of a tensor");
  box[s->row_dim] = PANEL_ROWS;
  box[s->column_dim] = s->width;
  if (!s->relay) s->map = tc_lower_tensor_map(lw, buf, box, swizzle_of(s, s->slots->layout));
}

static void locate_warp(stage *s) {
  tc_lower *lw = s->lw;
  tc_value local = tc_lower_local(lw);
  tc_value group = lw->count > WARPGROUP ? tc_lower_div(lw, local, WARPGROUP) : constant(s, 0);
  s->warp = tc_lower_div(lw, local, TC_WARP);
  if (s->relay) {
    s->base[0] = tc_lower_mul(lw, tc_lower_mod(lw, s->warp, s->rows), s->m);
    s->base[1] = tc_lower_mul(lw, tc_lower_div(lw, s->warp, s->rows), s->n);
    return;
  }
  tc_value row = s->columns > 1 ? tc_lower_mod(lw, group, s->rows) : group;
  s->base[0] =
      tc_lower_add(lw, tc_lower_mul(lw, row, s->m),
                   tc_lower_mul(lw, tc_lower_mod(lw, s->warp, WARPGROUP / TC_WARP), PANEL_ROWS));
  s->base[1] =
      s->columns > 1 ? tc_lower_mul(lw, tc_lower_div(lw, group, s->rows), s->n) : constant(s, 0);
}

/* ---- one panel ---- */

typedef struct panel {
  int64_t block, column; /* rows [64 block, ..), columns [column, ..) of the warpgroup */
  int64_t slot;
  int64_t pending; /* copies that may still read their slots */
} panel;

static void one_lane(stage *s, enum tc_prim_row row, uint32_t n) {
  tc_lower_mark mark = tc_lower_if(s->lw, tc_lower_lane0(s->lw));
  tc_lower_prim(s->lw, row, n, NULL, 0);
  tc_lower_leave(s->lw, mark);
}

/* Slot j of the panel as an element of the stage. */
static tc_value element(stage *s, const panel *p, int64_t j) {
  tc_lower *lw = s->lw;
  int64_t index, slot = (p->block * s->n + p->column) / 8 * 4 + j;
  tc_lower_access a = {.n = 1, .rank = 1};
  a.buf = tc_lower_slot(lw, s->fragment, slot, &index);
  a.index[0][0] = constant(s, index);
  tc_lower_load(lw, &a);
  return tc_cast(lw->ir, a.value[0], s->to);
}

static tc_value slot_base(stage *s, int64_t slot) {
  int64_t next_warp[STAGE_RANK] = {1, 0, 0, 0}, at[STAGE_RANK] = {0, slot, 0, 0};
  int64_t stride =
      s->slots->layout->bound[0] > 1 ? tc_layout_offset(s->slots->layout, next_warp) : 0;
  return tc_lower_add(s->lw, tc_lower_mul(s->lw, s->warp, stride),
                      constant(s, tc_layout_offset(s->slots->layout, at)));
}

/* The place of `in` in the first slot. */
static tc_value in_slot(stage *s, const tc_layout_digits *at, const tc_value *in) {
  tc_value inside = tc_lower_digits(s->lw, at, in);
  return tc_lower_add(s->lw, slot_base(s, 0), inside);
}

static tc_value lane(stage *s) {
  return tc_lower_mod(s->lw, tc_lower_local(s->lw), TC_WARP);
}

static tc_value word_of(stage *s, const tc_value *x, uint32_t n) {
  tc_lower *lw = s->lw;
  tc_value word = tc_lower_pack_words(lw, (enum tc_dtype)s->to.dtype, x, n);
  if (word.id) return word;
  return tc_reinterpret(lw->ir, n > 1 ? tc_pack(lw->ir, x, n) : x[0], tc_scalar_type(TC_DT_uint32));
}

/* Whole 8 x 8 matrices at once. */
static void put_matrices(stage *s, const panel *p, const tc_matrix_move *move) {
  tc_lower *lw = s->lw;
  tc_ir *ir = lw->ir;
  int64_t n_slots = s->panel->size[TC_SPACE_slot];
  uint32_t per_word = 32 / s->bits;
  tc_value extent = constant(s, 4), zero = constant(s, 0);
  for (int64_t first = 0; first < n_slots; first += move->slots) {
    tc_buf words =
        tc_buf_new(ir, "words", tc_scalar_type(TC_DT_uint32), TC_SCOPE_local, 1, &extent, lw->span);
    tc_alloc(ir, lw->at, words, lw->span);
    for (uint32_t w = 0; w < move->n_matrices; w++) {
      tc_value x[4], at = constant(s, w);
      for (uint32_t k = 0; k < per_word; k++)
        x[k] = element(s, p, first + w * per_word + k);
      tc_store(ir, lw->at, words, &at, word_of(s, x, per_word), (tc_value){0}, lw->span);
    }
    const tc_layout_digits *to =
        tc_layout_digits_fix(lw->arena, move->address, TC_SPACE_slot, first);
    tc_value in[TC_N_SPACES] = {lane(s), {0}, {0}};
    tc_value base = in_slot(s, to, in);
    tc_value operands[2] = {tc_lower_slice(lw, s->slots->arrays[0], base, 128 / s->bits),
                            tc_lower_slice(lw, words, zero, move->n_matrices)};
    tc_prim_stmt(ir, lw->at,
                 (tc_prim){.row = TC_PRIM_stmatrix, .n = move->n_matrices, .trans_a = move->trans},
                 operands, 2, lw->span);
  }
}

/* Elements that are not of 16 bits: what lies side by side at once. */
static void put_elements(stage *s, const panel *p) {
  tc_lower *lw = s->lw;
  const tc_layout *memory = s->slots->layout;
  int64_t origin[STAGE_RANK] = {0, p->slot, 0, 0}, n = s->panel->size[TC_SPACE_slot];
  const tc_layout_digits *digits = tc_layout_compose(lw->arena, memory, s->panel, origin);
  int64_t run = tc_layout_vector(lw->arena, memory, s->panel, origin, 4);
  if (!digits) tc_lower_refuse(lw, "a stage with this layout");
  for (int64_t first = 0; first < n; first += run) {
    tc_lower_access *a = TC_NEW(lw->arena, tc_lower_access);
    const tc_layout_digits *to = tc_layout_digits_fix(lw->arena, digits, TC_SPACE_slot, first);
    tc_value in[TC_N_SPACES] = {lane(s), {0}, {0}};
    tc_value base = in_slot(s, to, in);
    a->buf = s->slots->arrays[0];
    a->n = (uint32_t)run;
    a->known = (uint32_t)run;
    a->rank = 1;
    for (int64_t k = 0; k < run; k++) {
      a->index[k][0] = tc_lower_add(lw, base, constant(s, k));
      a->value[k] = element(s, p, first + k);
    }
    tc_lower_store(lw, a);
  }
}

/* Where the panel goes. */
static void place_panel(stage *s, const panel *p, tc_value base[TC_LOWER_RANK]) {
  tc_lower *lw = s->lw;
  int64_t row = p->block * (s->relay ? PANEL_ROWS : BLOCK_ROWS);
  for (uint32_t d = 0; d < s->rank; d++)
    base[d] = s->at[d];
  base[s->row_dim] =
      tc_lower_add(lw, base[s->row_dim], tc_lower_add(lw, s->base[0], constant(s, row)));
  base[s->column_dim] =
      tc_lower_add(lw, base[s->column_dim], tc_lower_add(lw, s->base[1], constant(s, p->column)));
}

static void send(stage *s, const panel *p) {
  tc_lower *lw = s->lw;
  tc_value base[TC_LOWER_RANK], in[3];
  place_panel(s, p, base);
  in[0] = tc_lower_box(lw, s->map, base);
  in[1] = tc_lower_slice(lw, s->slots->arrays[0], slot_base(s, p->slot), PANEL_ROWS * s->width);
  in[2] = tc_const_int(lw->ir, tc_scalar_type(TC_DT_uint64), EVICT_FIRST);
  tc_lower_mark mark = tc_lower_if(lw, tc_lower_lane0(lw));
  tc_lower_prim(lw, TC_PRIM_tma_store_hint, 0, in, 3);
  tc_lower_prim(lw, TC_PRIM_bulk_commit, 0, NULL, 0);
  tc_lower_leave(lw, mark);
}

static void do_panel(stage *s, const panel *p) {
  tc_lower *lw = s->lw;
  int64_t origin[STAGE_RANK] = {0, p->slot, 0, 0};
  tc_matrix_move move;
  one_lane(s, TC_PRIM_bulk_wait_read, (uint32_t)p->pending);
  tc_lower_lanes_meet(lw, "the slot was sent on, and is filled again");
  enum tc_legal legal =
      tc_layout_matrix_move(lw->arena, s->slots->layout, s->panel, origin, s->bits, 4, &move);
  if (legal == TC_LEGAL_ok && s->bits == 16)
    put_matrices(s, p, &move);
  else
    put_elements(s, p);
  tc_lower_prim(lw, TC_PRIM_fence_async, 0, NULL, 0);
  tc_lower_lanes_meet(lw, "all lanes have filled their part of the slot");
  send(s, p);
}

/* The copies that may be in flight when panel i of `n` begins, so that its slot has been read: the
 * slot was last used by panel i - slots, or by the copy before, of which nothing is known when
 * there are several. */
static int64_t pending_at(const stage *s, int64_t i, int64_t n) {
  int64_t most = s->n_slots - 1;
  if (i >= s->n_slots) return most;
  if (s->lw->n_stages > 1) return 0;
  int64_t last = n - 1 - (n - 1 - i) % s->n_slots; /* of the copy before, in the same slot */
  int64_t after = i < n ? n - 1 - last + i : 0;
  return after < most ? after : most;
}

void tc_lower_stage(tc_lower *lw, tc_value stmt) {
  tc_ir *ir = lw->ir;
  const tc_op *op = tc_op_at(ir, stmt);
  stage s = {.lw = lw};
  if (lw->count % WARPGROUP || lw->single)
    tc_lower_refuse(lw, "a staged copy by a part of a warpgroup");
  read_fragment(&s, tc_input(ir, op, 0));
  read_slots(&s, tc_copy_stage(ir, stmt));
  read_destination(&s, tc_input(ir, op, 1));
  locate_warp(&s);
  tc_lower_pin(lw, s.fragment);
  int64_t per_block = (s.n + s.width - 1) / s.width, blocks = s.m / BLOCK_ROWS;
  int64_t n = per_block * blocks;
  for (int64_t i = 0; i < n; i++) {
    int64_t column = i % per_block * s.width;
    panel p = {.block = i / per_block,
               .column = column > s.n - s.width ? s.n - s.width : column,
               .slot = i % s.n_slots,
               .pending = pending_at(&s, i, n)};
    do_panel(&s, &p);
  }
  lw->stores_bulk = true;
}

/* ---- relays ---- */

typedef struct relay {
  stage s;
  tc_buf to;
  bool guarded;           /* what is out of range is not stored */
  int64_t vector;         /* elements that a lane stores at once */
  const tc_layout *share; /* lane, slot -> row and column of a panel */
} relay;

/* Whole vectors of each lane, none left over. */
static void share_panel(relay *r) {
  stage *s = &r->s;
  const int64_t extents[2] = {PANEL_ROWS, s->width};
  r->vector = VECTOR_B * 8 / s->bits;
  while (r->vector > 1 && (s->width % r->vector || PANEL_ROWS * s->width / r->vector % TC_WARP))
    r->vector /= 2;
  r->share = tc_layout_partition(s->lw->arena, 2, extents, TC_WARP, r->vector, false);
  if (!r->share || r->share->size[TC_SPACE_thread] != TC_WARP
      || r->share->size[TC_SPACE_slot] * TC_WARP != PANEL_ROWS * s->width)
    tc_lower_refuse(s->lw, "a relay of panels of this width");
}

static tc_value is_inside(relay *r, const tc_value *at) {
  tc_lower *lw = r->s.lw;
  tc_value all = {0};
  for (uint32_t d = 0; r->guarded && d < r->s.rank; d++) {
    tc_value size = tc_lower_value(lw, tc_buf_at(lw->ir, r->to)->shape[d]);
    tc_value lower = tc_guard_lower(lw->ir, at[d]), upper = tc_guard_upper(lw->ir, at[d], size);
    if (tc_prove(lw->prover, TC_PROVE_lower, lower, NULL) != TC_PROVED)
      all = tc_and(lw->ir, all, lower);
    if (tc_prove(lw->prover, TC_PROVE_lower, upper, NULL) != TC_PROVED)
      all = tc_and(lw->ir, all, upper);
  }
  return all;
}

static tc_value coordinate(relay *r, uint32_t d, int64_t slot) {
  tc_arena *arena = r->s.lw->arena;
  const tc_layout_digits *digits = tc_lower_coordinate_form(r->s.lw, r->share, d);
  tc_value in[TC_N_SPACES] = {lane(&r->s), {0}, {0}};
  return tc_lower_digits(r->s.lw, tc_layout_digits_fix(arena, digits, TC_SPACE_slot, slot), in);
}

/* One vector: from its place in the slot to its place in the tensor. */
static void pass_on(relay *r, const tc_value *base, tc_value from, int64_t slot) {
  tc_lower *lw = r->s.lw;
  tc_lower_access *in = TC_NEW(lw->arena, tc_lower_access);
  tc_lower_access *out = TC_NEW(lw->arena, tc_lower_access);
  *in = (tc_lower_access){.buf = r->s.slots->arrays[0], .rank = 1};
  *out = (tc_lower_access){.buf = tc_lower_other(lw, r->to), .rank = r->s.rank};
  in->n = in->known = out->n = (uint32_t)r->vector;
  for (int64_t k = 0; k < r->vector; k++) {
    in->index[k][0] = tc_lower_add(lw, from, constant(&r->s, k));
    for (uint32_t d = 0; d < r->s.rank; d++)
      out->index[k][d] = base[d];
    for (uint32_t d = 0; d < 2; d++) {
      uint32_t dim = d ? r->s.column_dim : r->s.row_dim;
      out->index[k][dim] = tc_lower_add(lw, base[dim], coordinate(r, d, slot + k));
    }
    out->pred[k] = is_inside(r, out->index[k]);
  }
  tc_lower_load(lw, in);
  for (int64_t k = 0; k < r->vector; k++)
    out->value[k] = in->value[k];
  tc_lower_store(lw, out);
}

static void read_back(relay *r, const panel *p) {
  tc_lower *lw = r->s.lw;
  int64_t origin[STAGE_RANK] = {0, p->slot, 0, 0};
  tc_value base[TC_LOWER_RANK];
  const tc_layout *l = tc_layout_add_dim(lw->arena, r->share, 0);
  l = tc_layout_add_dim(lw->arena, l, 0);
  const tc_layout_digits *digits = tc_layout_compose(lw->arena, r->s.slots->layout, l, origin);
  if (!digits) tc_lower_refuse(lw, "a stage with this layout");
  place_panel(&r->s, p, base);
  for (int64_t slot = 0; slot < r->share->size[TC_SPACE_slot]; slot += r->vector) {
    const tc_layout_digits *at = tc_layout_digits_fix(lw->arena, digits, TC_SPACE_slot, slot);
    tc_value in[TC_N_SPACES] = {lane(&r->s), {0}, {0}};
    pass_on(r, base, in_slot(&r->s, at, in), slot);
  }
}

void tc_lower_relay(tc_lower *lw, tc_value stmt) {
  tc_ir *ir = lw->ir;
  const tc_op *op = tc_op_at(ir, stmt);
  tc_value to = tc_input(ir, op, 1);
  relay r = {.s = {.lw = lw, .relay = true}, .to = tc_slice_buf(ir, to)};
  stage *s = &r.s;
  r.guarded = !tc_slice_in_bounds(ir, to);
  if (lw->count % TC_WARP || lw->single) tc_lower_refuse(lw, "a relay by a part of a warp");
  read_fragment(s, tc_input(ir, op, 0));
  read_slots(s, tc_copy_stage(ir, stmt));
  read_destination(s, to);
  share_panel(&r);
  locate_warp(s);
  if (s->n % s->width) tc_lower_refuse(lw, "a relay of panels of this width");
  int64_t per_block = s->n / s->width, n = per_block * s->m / PANEL_ROWS;
  for (int64_t i = 0; i < n; i++) {
    panel p = {.block = i / per_block, .column = i % per_block * s->width, .slot = i % s->n_slots};
    if (i >= s->n_slots || lw->n_stages > 1)
      tc_lower_lanes_meet(lw, "the slot was read, and is filled again");
    put_elements(s, &p);
    tc_lower_lanes_meet(lw, "all lanes have filled their part of the slot");
    read_back(&r, &p);
  }
}
