#include "pass/tiles.h"

#include "ir/build.h"

tc_value tc_tile_stride(tc_ir *ir, const tc_buffer *b, uint32_t d) {
  tc_type wide = tc_scalar_type(TC_DT_int64);
  if (b->strides) return tc_cast(ir, b->strides[d], wide);
  tc_value stride = tc_const_int(ir, wide, 1);
  for (uint32_t k = b->rank; k-- > d + 1;)
    stride = tc_binary(ir, TC_OP_mul, stride, tc_cast(ir, b->shape[k], wide));
  return stride;
}

bool tc_tile_is_whole(const tc_ir *ir, tc_value slice) {
  const tc_buffer *b = tc_buf_at(ir, tc_slice_buf(ir, slice));
  for (uint32_t d = 0; d < b->rank; d++) {
    int64_t base;
    if (!tc_const_of(ir, tc_slice_base(ir, slice, d), &base) || base != 0) return false;
    if (tc_slice_extent(ir, slice, d).id != b->shape[d].id) return false;
  }
  return true;
}

bool tc_tile_is_one(const tc_ir *ir, tc_value extent) {
  int64_t x;
  return tc_const_of(ir, extent, &x) && x == 1;
}

bool tc_tile_extents(const tc_ir *ir, tc_value slice, int64_t out[TC_TILE_RANK], uint32_t *rank) {
  *rank = tc_buf_at(ir, tc_slice_buf(ir, slice))->rank;
  if (*rank > TC_TILE_RANK) return false;
  for (uint32_t d = 0; d < *rank; d++)
    if (!tc_const_of(ir, tc_slice_extent(ir, slice, d), &out[d]) || out[d] < 1
        || out[d] > INT32_MAX)
      return false;
  return true;
}

bool tc_tile_matrix(const tc_ir *ir, tc_value slice, int64_t *rows, int64_t *columns) {
  int64_t extents[TC_TILE_RANK];
  uint32_t rank;
  if (!tc_tile_extents(ir, slice, extents, &rank) || rank < 2) return false;
  for (uint32_t d = 0; d + 2 < rank; d++)
    if (extents[d] != 1) return false;
  *rows = extents[rank - 2];
  *columns = extents[rank - 1];
  return true;
}

int64_t tc_tile_elements(const tc_ir *ir, tc_value slice) {
  int64_t extents[TC_TILE_RANK], n = 1;
  uint32_t rank;
  if (!tc_tile_extents(ir, slice, extents, &rank)) return 0;
  for (uint32_t d = 0; d < rank; d++) {
    if (n > INT32_MAX / extents[d]) return 0;
    n *= extents[d];
  }
  return n;
}

int64_t tc_tile_buf_bytes(const tc_ir *ir, tc_buf buf) {
  const tc_buffer *b = tc_buf_at(ir, buf);
  int64_t n = 1;
  for (uint32_t d = 0; d < b->rank; d++) {
    int64_t extent;
    if (!tc_const_of(ir, b->shape[d], &extent) || extent < 1 || n > INT32_MAX / extent) return 0;
    n *= extent;
  }
  return (n * (int64_t)tc_type_bits(b->elem) + 7) / 8;
}

enum tc_scope tc_tile_scope(const tc_ir *ir, tc_value slice) {
  return tc_buf_at(ir, tc_slice_buf(ir, slice))->scope;
}

tc_type tc_tile_elem(const tc_ir *ir, tc_value slice) {
  return tc_buf_at(ir, tc_slice_buf(ir, slice))->elem;
}

const char *tc_tile_name(const tc_ir *ir, tc_value slice) {
  return tc_name_of(ir, tc_buf_at(ir, tc_slice_buf(ir, slice))->name);
}
