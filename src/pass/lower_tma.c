/* Copies by the bulk copy engine: one thread asks for the boxes that make up a tile. */
#include "pass/lower.h"

#include "ir/form.h"

#include <string.h>

enum { TENSOR_RANK = 5 };

/* ---- tensor maps ---- */

static const char *swizzle_text(tc_lower *lw, enum tc_swizzle swizzle) {
  const tc_swizzle_row *row = tc_swizzle_info(swizzle);
  return row->bits ? tc_format(lw->ir->arena, "swizzle%u", row->span_b) : "linear";
}

static bool same_map(tc_lower *lw, tc_buf map, tc_buf global, const int64_t *box,
                     const char *layout) {
  const tc_buffer *b = tc_buf_at(lw->ir, map);
  if (b->root.id != global.id || strcmp(b->layout, layout) != 0) return false;
  for (uint32_t d = 0; d < b->rank; d++) {
    int64_t extent;
    if (!tc_const_of(lw->ir, b->shape[d], &extent) || extent != box[d]) return false;
  }
  return true;
}

tc_buf tc_lower_tensor_map(tc_lower *lw, tc_buf global, const int64_t *box,
                           enum tc_swizzle swizzle) {
  tc_buffer b = *tc_buf_at(lw->ir, global);
  const char *layout = swizzle_text(lw, swizzle);
  tc_value shape[TENSOR_RANK];
  if (b.scope != TC_SCOPE_global || b.root.id != global.id || b.rank > TENSOR_RANK || !b.rank)
    tc_lower_refuse(lw, "a bulk copy from or to this buffer");
  for (uint32_t i = 0; i < lw->maps.n; i++)
    if (same_map(lw, lw->maps.at[i], global, box, layout)) return lw->maps.at[i];
  for (uint32_t d = 0; d < b.rank; d++)
    shape[d] = tc_i32(lw->ir, box[d]);
  const char *name = tc_format(lw->ir->arena, "%s_map", tc_name_of(lw->ir, b.name));
  tc_buf map = tc_buf_view(lw->ir, name, global, b.elem, b.rank, shape, b.span);
  tc_buf_at(lw->ir, map)->scope = TC_SCOPE_tensor_map;
  tc_buf_at(lw->ir, map)->layout = layout;
  tc_vec_push(lw->arena, &lw->maps, map);
  return map;
}

tc_value tc_lower_box(tc_lower *lw, tc_buf map, const tc_value *base) {
  return tc_slice(lw->ir, map, base, tc_buf_at(lw->ir, map)->shape, true);
}

/* ---- boxes of a tile ---- */

typedef struct tma_copy {
  tc_lower *lw;
  tc_value global; /* slice */
  tc_lower_tile tile;
  tc_tma_boxes boxes;
  int dim[TENSOR_RANK]; /* of the tile, by dimension of the tensor; -1: extent 1 */
  tc_buf map;
} tma_copy;

static void pair_dims(tma_copy *c) {
  tc_ir *ir = c->lw->ir;
  uint32_t rank = tc_buf_at(ir, tc_slice_buf(ir, c->global))->rank;
  int64_t extent[TENSOR_RANK];
  if (rank > TENSOR_RANK)
    tc_lower_refuse_help(c->lw, "a bulk copy of a tensor of more than 5 dimensions",
                         "merge dimensions, or use a T.copy that is not asynchronous");
  for (uint32_t d = 0; d < rank; d++)
    if (!tc_const_of(ir, tc_slice_extent(ir, c->global, d), &extent[d]))
      tc_lower_refuse(c->lw, "a bulk copy whose size is known only at run time");
  tc_lower_pair(c->lw, rank, extent, c->tile.b->layout->n_dims, c->tile.extent, c->dim);
}

static tma_copy prepare(tc_lower *lw, tc_value global, tc_value shared) {
  tma_copy c = {.lw = lw, .global = global, .tile = tc_lower_tile_of(lw, shared)};
  const tc_layout *memory = c.tile.b->layout;
  tc_buf buf = tc_slice_buf(lw->ir, global);
  const tc_buffer *b = tc_buf_at(lw->ir, buf);
  int64_t box[TENSOR_RANK];
  for (uint32_t d = 0; d < memory->n_dims; d++)
    if (c.tile.origin[d] || c.tile.extent[d] != memory->bound[d])
      tc_lower_refuse(lw, "a bulk copy of a part of a tile");
  if (!tc_type_equal(b->elem, c.tile.old->elem))
    tc_lower_refuse(lw, "a bulk copy that converts elements");
  pair_dims(&c);
  enum tc_legal legal = tc_layout_tma(lw->arena, memory, tc_type_bits(b->elem), NULL, &c.boxes);
  if (legal != TC_LEGAL_ok)
    tc_lower_refuse(lw, tc_format(lw->ir->arena, "a bulk copy of a tile with this layout: %s",
                                  tc_legal_text(legal)));
  for (uint32_t d = 0; d < b->rank; d++)
    box[d] = c.dim[d] < 0 ? 1 : c.boxes.extent[c.dim[d]];
  c.map = tc_lower_tensor_map(lw, buf, box, c.boxes.swizzle);
  return c;
}

/* The slices of box number `i`, row-major over the boxes of each dimension. */
static void box_slices(tma_copy *c, int64_t i, tc_value *global, tc_value *shared) {
  tc_lower *lw = c->lw;
  tc_ir *ir = lw->ir;
  const tc_layout *memory = c->tile.b->layout;
  int64_t at[TC_LAYOUT_DIMS], rest = i;
  uint32_t bits = tc_type_bits(c->tile.old->elem);
  for (uint32_t d = memory->n_dims; d-- > 0;) {
    at[d] = rest % c->boxes.count[d] * c->boxes.extent[d];
    rest /= c->boxes.count[d];
  }
  tc_value base[TENSOR_RANK];
  for (uint32_t d = 0; d < tc_buf_at(ir, c->map)->rank; d++) {
    base[d] = tc_lower_int(lw, tc_lower_value(lw, tc_slice_base(ir, c->global, d)));
    if (c->dim[d] >= 0) base[d] = tc_lower_add(lw, base[d], tc_i32(ir, at[c->dim[d]]));
  }
  *global = tc_lower_box(lw, c->map, base);
  tc_value first = tc_i32(ir, c->boxes.start_b[i] * 8 / bits);
  *shared = tc_lower_slice(lw, c->tile.b->arrays[0], tc_lower_add(lw, c->tile.version, first),
                           c->boxes.box_b * 8 / bits);
}

static void load(tc_lower *lw, tc_value stmt) {
  if (!(tc_copy_of(lw->ir, stmt)->flags & TC_COPY_EXPECTED))
    tc_lower_refuse_help(
        lw, "a bulk copy whose bytes no arrive_expect_tx announces",
        "announce the bytes with T.ptx_arrive_barrier_expect_tx, or use T.copy alone, which "
        "does so by itself");
  tc_ir *ir = lw->ir;
  const tc_op *op = tc_op_at(ir, stmt);
  tc_value signal = tc_copy_signal(ir, stmt), in[3];
  if (!signal.id) tc_lower_refuse(lw, "a bulk copy into shared memory without a barrier");
  if (tc_copy_safe(ir, stmt).id) tc_lower_refuse(lw, "a bulk copy with a safe value");
  tma_copy c = prepare(lw, tc_input(ir, op, 0), tc_input(ir, op, 1));
  tc_value barrier = tc_lower_value(lw, signal);
  tc_lower_mark mark = tc_lower_one(lw);
  for (int64_t i = 0; i < c.boxes.n_boxes; i++) {
    box_slices(&c, i, &in[1], &in[0]);
    in[2] = barrier;
    tc_lower_prim(lw, TC_PRIM_tma_load, 0, in, 3);
  }
  tc_lower_leave(lw, mark);
}

static void store(tc_lower *lw, tc_value stmt) {
  tc_ir *ir = lw->ir;
  const tc_op *op = tc_op_at(ir, stmt);
  tma_copy c = prepare(lw, tc_input(ir, op, 1), tc_input(ir, op, 0));
  tc_value in[2];
  tc_lower_mark mark = tc_lower_one(lw);
  for (int64_t i = 0; i < c.boxes.n_boxes; i++) {
    box_slices(&c, i, &in[0], &in[1]);
    tc_lower_prim(lw, TC_PRIM_tma_store, 0, in, 2);
  }
  if (!(tc_copy_of(ir, stmt)->flags & TC_COPY_ASYNC)) {
    tc_lower_prim(lw, TC_PRIM_bulk_commit, 0, NULL, 0);
    tc_lower_prim(lw, TC_PRIM_bulk_wait, 0, NULL, 0);
  }
  tc_lower_leave(lw, mark);
}

void tc_lower_tma(tc_lower *lw, tc_value stmt) {
  tc_value to = tc_input(lw->ir, tc_op_at(lw->ir, stmt), 1);
  if (tc_buf_at(lw->ir, tc_slice_buf(lw->ir, to))->scope == TC_SCOPE_shared)
    load(lw, stmt);
  else
    store(lw, stmt);
}
