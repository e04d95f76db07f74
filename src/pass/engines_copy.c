#include "pass/engines.h"

#include "ir/build.h"
#include "ir/form.h"
#include "ir/walk.h"
#include "pass/tiles.h"

/* Facts of the bulk copy engine (PTX: cp.async.bulk.tensor; driver: cuTensorMapEncodeTiled). */
enum {
  BOX_EXTENT = 256, /* elements along one dimension  */
  BOX_RANK = 5,     /* dimensions of a tensor        */
  STRIDE_B = 16,    /* other strides, row of a box   */
  SWIZZLE_ROWS = 8, /* rows after which a swizzle repeats */
};

bool tc_copy_between(const tc_ir *ir, tc_value stmt, enum tc_scope from, enum tc_scope to) {
  const tc_op *op = tc_op_at(ir, stmt);
  return op->opcode == TC_OP_copy && tc_tile_scope(ir, tc_input(ir, op, 0)) == from
         && tc_tile_scope(ir, tc_input(ir, op, 1)) == to;
}

static bool same_type(const tc_ir *ir, tc_value a, tc_value b) {
  return tc_type_equal(tc_tile_elem(ir, a), tc_tile_elem(ir, b));
}

static int64_t element_b(const tc_ir *ir, tc_value slice) {
  return (int64_t)tc_type_bits(tc_tile_elem(ir, slice)) / 8;
}

/* Elements out of range become 0, as the engines do it. */
static bool fills_with_zero(const tc_ir *ir, tc_value stmt) {
  tc_value safe = tc_copy_safe(ir, stmt);
  int64_t i;
  double f;
  if (!safe.id || tc_slice_in_bounds(ir, tc_input(ir, tc_op_at(ir, stmt), 0))) return true;
  if (tc_const_of(ir, safe, &i) && i == 0) return true;
  return tc_const_float_of(ir, safe, &f) && f == 0;
}

static bool multiple(tc_ir *ir, tc_prover *p, tc_value v, int64_t element, int64_t bytes) {
  tc_type wide = tc_scalar_type(TC_DT_int64);
  int64_t n = element >= bytes ? 1 : bytes / element;
  return n == 1 || tc_prove_multiple(p, tc_cast(ir, v, wide), n);
}

/* The extents other than 1 of the two sides, in order, are equal. */
static bool same_box(const tc_ir *ir, tc_value a, tc_value b) {
  int64_t x[TC_TILE_RANK], y[TC_TILE_RANK];
  uint32_t n, m, i = 0, j = 0;
  if (!tc_tile_extents(ir, a, x, &n) || !tc_tile_extents(ir, b, y, &m)) return false;
  for (;; i++, j++) {
    while (i < n && x[i] == 1)
      i++;
    while (j < m && y[j] == 1)
      j++;
    if (i == n || j == m) return i == n && j == m;
    if (x[i] != y[j]) return false;
  }
}

/* ---- the tensor's side ---- */

/* Innermost stride 1, the others multiples of `bytes`, the first element's offset too. */
static const char *refuse_strides(tc_ir *ir, tc_prover *p, tc_value slice, int64_t bytes) {
  tc_buf buf = tc_slice_buf(ir, slice);
  const tc_buffer *b = tc_buf_at(ir, buf);
  const char *name = tc_tile_name(ir, slice);
  int64_t one, element = element_b(ir, slice);
  if (b->rank == 0) return tc_format(ir->arena, "%s has no dimensions", name);
  if (!tc_const_of(ir, tc_tile_stride(ir, b, b->rank - 1), &one) || one != 1)
    return tc_format(ir->arena, "the elements of %s do not follow each other", name);
  for (uint32_t d = 0; d + 1 < b->rank; d++)
    if (!multiple(ir, p, tc_tile_stride(ir, b, d), element, bytes))
      return tc_format(ir->arena, "rows of %s are not known to begin at multiples of %d bytes",
                       name, (int)bytes);
  if (b->offset.id && !multiple(ir, p, b->offset, element, bytes))
    return tc_format(ir->arena, "%s is not known to begin at a multiple of %d bytes", name,
                     (int)bytes);
  return NULL;
}

static const char *refuse_tensor(tc_ir *ir, tc_prover *p, tc_value slice) {
  const tc_buffer *b = tc_buf_at(ir, tc_slice_buf(ir, slice));
  const char *name = tc_tile_name(ir, slice);
  int64_t extents[TC_TILE_RANK], element = element_b(ir, slice);
  uint32_t rank;
  if (tc_type_bits(b->elem) % 8 || b->elem.lanes != 1 || element > 8)
    return tc_format(ir->arena, "the elements of %s are no 1, 2, 4 or 8 bytes", name);
  bool param = tc_buf_at(ir, b->root)->flags & TC_BUF_PARAM;
  if (b->address.id || !param)
    return tc_format(ir->arena, "%s is no argument whose place is known at launch", name);
  for (uint32_t k = 0; k < tc_buf_n_exprs(b); k++)
    if (!tc_is_host_value(ir, tc_buf_expr(b, k), ir->arena))
      return tc_format(ir->arena, "the shape of %s is not known at launch", name);
  if (!tc_tile_extents(ir, slice, extents, &rank) || rank > BOX_RANK)
    return tc_format(ir->arena, "the tile of %s is no box of up to %d dimensions", name,
                     (int)BOX_RANK);
  for (uint32_t d = 0; d + 1 < rank; d++)
    if (extents[d] > BOX_EXTENT)
      return tc_format(ir->arena, "a box has no extent of %d", (int)extents[d]);
  if (extents[rank - 1] * element % STRIDE_B)
    return tc_format(ir->arena, "rows of the tile of %s have %d bytes, no multiple of %d", name,
                     (int)(extents[rank - 1] * element), (int)STRIDE_B);
  return refuse_strides(ir, p, slice, STRIDE_B);
}

/* ---- the tile's side ---- */

/* Whole rows, one behind the other, from a multiple of the swizzle's period on. */
static const char *refuse_tile(tc_ir *ir, tc_prover *p, tc_value slice) {
  const tc_buffer *b = tc_buf_at(ir, tc_slice_buf(ir, slice));
  bool begun = false;
  if (b->root.id != tc_slice_buf(ir, slice).id) return "the tile is a view of another";
  for (uint32_t d = 0; d < b->rank; d++) {
    tc_value extent = tc_slice_extent(ir, slice, d), base = tc_slice_base(ir, slice, d);
    bool whole = extent.id == b->shape[d].id;
    int64_t n;
    if (begun && !whole) return "it fills parts of rows only";
    if (!begun && !whole && !tc_tile_is_one(ir, extent)) {
      bool rows = tc_const_of(ir, extent, &n) && n % SWIZZLE_ROWS == 0
                  && tc_prove_multiple(p, base, SWIZZLE_ROWS) && d + 1 < b->rank;
      if (!rows) return "it fills parts of rows only";
    }
    begun = begun || !tc_tile_is_one(ir, extent);
  }
  return NULL;
}

static const char *refuse_tma(tc_ir *ir, tc_prover *p, tc_value stmt) {
  const tc_op *op = tc_op_at(ir, stmt);
  tc_value from = tc_input(ir, op, 0), to = tc_input(ir, op, 1);
  if (!tc_copy_between(ir, stmt, TC_SCOPE_global, TC_SCOPE_shared)) return "it does not go there";
  if (tc_copy_of(ir, stmt)->flags & TC_COPY_NO_TMA) return "the source forbids it";
  if (!same_type(ir, from, to)) return "it converts";
  if (!fills_with_zero(ir, stmt)) return "elements out of range are not 0";
  if (!same_box(ir, from, to)) return "the tile is repeated, or its extents are not known";
  const char *tile = refuse_tile(ir, p, to);
  return tile ? tile : refuse_tensor(ir, p, from);
}

static const char *refuse_cp_async(tc_ir *ir, tc_prover *p, tc_value stmt) {
  const tc_op *op = tc_op_at(ir, stmt);
  tc_value from = tc_input(ir, op, 0), to = tc_input(ir, op, 1);
  enum { LEAST_B = 4 };
  int64_t extents[TC_TILE_RANK], element = element_b(ir, from);
  uint32_t rank;
  if (!tc_copy_between(ir, stmt, TC_SCOPE_global, TC_SCOPE_shared)) return "it does not go there";
  if (!same_type(ir, from, to)) return "it converts";
  if (tc_type_bits(tc_tile_elem(ir, from)) % 8) return "elements are parts of bytes";
  if (!fills_with_zero(ir, stmt)) return "elements out of range are not 0";
  if (!same_box(ir, from, to) || !tc_tile_extents(ir, from, extents, &rank) || !rank)
    return "the tile is repeated, or its extents are not known";
  const char *strides = refuse_strides(ir, p, from, LEAST_B);
  if (strides) return strides;
  if (extents[rank - 1] * element % LEAST_B
      || !multiple(ir, p, tc_slice_base(ir, from, rank - 1), element, LEAST_B))
    return tc_format(ir->arena, "pieces of rows of %s are not known to be multiples of %d bytes",
                     tc_tile_name(ir, from), (int)LEAST_B);
  return NULL;
}

/* Written from a fragment by way of shared memory. */
static const char *refuse_stage(tc_ir *ir, tc_prover *p, tc_value stmt) {
  const tc_op *op = tc_op_at(ir, stmt);
  tc_value from = tc_input(ir, op, 0), to = tc_input(ir, op, 1);
  int64_t m, n;
  if (!tc_copy_between(ir, stmt, TC_SCOPE_fragment, TC_SCOPE_global)) return "it does not go there";
  if (tc_copy_of(ir, stmt)->flags & TC_COPY_NO_TMA) return "the source forbids it";
  if (tc_type_bits(tc_tile_elem(ir, to)) != 16 || !tc_is_float(tc_tile_elem(ir, to)))
    return "only elements of 16 bits are laid down as matrices";
  if (!tc_is_float(tc_tile_elem(ir, from)) || !tc_tile_is_whole(ir, from))
    return "it is no whole fragment of floats";
  if (!tc_tile_matrix(ir, from, &m, &n) || m % 16 || n % 8 || !same_box(ir, from, to))
    return "the tile is not made of blocks of 16 x 8";
  return refuse_tensor(ir, p, to);
}

/* Written from a fragment by way of shared memory, by the threads. */
static const char *refuse_relay(tc_ir *ir, tc_value stmt) {
  const tc_op *op = tc_op_at(ir, stmt);
  tc_value from = tc_input(ir, op, 0), to = tc_input(ir, op, 1);
  int64_t m, n, extents[TC_TILE_RANK];
  uint32_t rank;
  if (!tc_copy_between(ir, stmt, TC_SCOPE_fragment, TC_SCOPE_global)) return "it does not go there";
  if (tc_type_bits(tc_tile_elem(ir, to)) != 16 || !tc_is_float(tc_tile_elem(ir, to)))
    return "pieces of rows are of 16 bytes for elements of 16 bits only";
  if (!tc_is_float(tc_tile_elem(ir, from)) || !tc_tile_is_whole(ir, from))
    return "it is no whole fragment of floats";
  if (!tc_tile_matrix(ir, from, &m, &n) || m % 16 || n % 8 || !same_box(ir, from, to))
    return "the tile is not made of blocks of 16 x 8";
  if (!tc_tile_extents(ir, to, extents, &rank) || extents[rank - 1] != n)
    return "its columns do not lie along the last dimension";
  return NULL;
}

/* table */
const char *tc_engine_refuses_copy(tc_ir *ir, tc_prover *p, uint64_t caps, enum tc_engine engine,
                                   tc_value stmt) {
  uint64_t stage = TC_CAP_BIT(tma) | TC_CAP_BIT(stmatrix);
  switch ((int)engine) {
  case TC_ENGINE_tma:
    return caps & TC_CAP_BIT(tma) ? refuse_tma(ir, p, stmt) : "the target has none";
  case TC_ENGINE_cp_async:
    return caps & TC_CAP_BIT(cp_async) ? refuse_cp_async(ir, p, stmt) : "the target has none";
  case TC_ENGINE_stage:
    return (caps & stage) == stage ? refuse_stage(ir, p, stmt) : "the target has none";
  case TC_ENGINE_relay:
    return caps & TC_CAP_BIT(mma_sync) ? refuse_relay(ir, stmt) : "the target has none";
  case TC_ENGINE_simt:
    return NULL;
  default:
    return "it copies nothing";
  }
}
