#include "pass/onchip.h"

#include "ir/walk.h"

/* ---- who ---- */

static void add_region(tc_ir *ir, tc_region region, tc_work around, tc_arena *arena,
                       tc_works *out) {
  const tc_block *block = tc_block_at(ir, region);
  for (uint32_t i = 0; i < block->ops.n; i++) {
    tc_work work = around;
    work.stmt = block->ops.at[i];
    tc_vec_push(arena, out, work);
    const tc_op *op = tc_op_at(ir, work.stmt);
    if (op->opcode == TC_OP_group || op->opcode == TC_OP_perthread) {
      const tc_group *group = tc_group_of(ir, work.stmt);
      work.team = (tc_team){group->first, group->count};
      work.single = op->opcode == TC_OP_perthread;
      if (!work.single) work.group = work.stmt;
    }
    if (op->opcode == TC_OP_parallel) work.loop = work.stmt;
    uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
    for (uint32_t r = 0; r < n; r++)
      add_region(ir, tc_child(ir, tc_op_at(ir, work.stmt), r), work, arena, out);
  }
}

void tc_works_of(tc_ir *ir, tc_value kernel, tc_arena *arena, tc_works *out) {
  tc_work around = {.team = {0, tc_kernel_threads(tc_kernel_of(ir, kernel))}, .group = kernel};
  add_region(ir, tc_child(ir, tc_op_at(ir, kernel), 0), around, arena, out);
}

void tc_kernels_of(tc_ir *ir, tc_arena *arena, tc_kernels *out) {
  const tc_block *block = tc_block_at(ir, ir->body);
  for (uint32_t i = 0; i < block->ops.n; i++)
    if (tc_is(ir, block->ops.at[i], TC_OP_kernel)) tc_vec_push(arena, out, block->ops.at[i]);
}

/* ---- boxes ---- */

bool tc_onchip_extents(const tc_ir *ir, tc_buf buf, int64_t out[TC_LAYOUT_DIMS]) {
  const tc_buffer *b = tc_buf_at(ir, buf);
  if (b->rank > TC_LAYOUT_DIMS) return false;
  for (uint32_t d = 0; d < b->rank; d++)
    if (!tc_const_of(ir, b->shape[d], &out[d]) || out[d] < 1) return false;
  return true;
}

bool tc_onchip_box(const tc_ir *ir, tc_value slice, int64_t out[TC_LAYOUT_DIMS], uint32_t *n) {
  uint32_t rank = tc_op_at(ir, slice)->n_in / 2u;
  *n = 0;
  for (uint32_t d = 0; d < rank; d++) {
    int64_t extent;
    if (!tc_const_of(ir, tc_slice_extent(ir, slice, d), &extent) || extent < 1) return false;
    if (extent == 1) continue;
    if (*n == TC_LAYOUT_DIMS) return false;
    out[(*n)++] = extent;
  }
  if (!*n) out[(*n)++] = 1;
  return true;
}

bool tc_onchip_is_whole(const tc_ir *ir, tc_value slice) {
  const tc_buffer *b = tc_buf_at(ir, tc_slice_buf(ir, slice));
  for (uint32_t d = 0; d < b->rank; d++) {
    int64_t base, extent, shape;
    if (!tc_const_of(ir, tc_slice_base(ir, slice, d), &base) || base != 0) return false;
    if (!tc_const_of(ir, tc_slice_extent(ir, slice, d), &extent)) return false;
    if (!tc_const_of(ir, b->shape[d], &shape) || shape != extent) return false;
  }
  return true;
}

enum tc_scope tc_onchip_scope(const tc_ir *ir, tc_value slice) {
  return tc_buf_at(ir, tc_slice_buf(ir, slice))->scope;
}

uint32_t tc_onchip_bits(const tc_ir *ir, tc_buf buf) {
  return tc_type_bits(tc_buf_at(ir, buf)->elem);
}

const char *tc_onchip_name(const tc_ir *ir, tc_buf buf) {
  return tc_name_of(ir, tc_buf_at(ir, buf)->name);
}

/* ---- layouts ---- */

const tc_layout *tc_onchip_layout(const tc_ir *ir, tc_buf buf, tc_arena *arena) {
  const char *text = tc_buf_at(ir, buf)->layout;
  if (!text) return NULL;
  tc_str rest = tc_str_of(text);
  return tc_layout_parse(arena, &rest);
}

const char *tc_onchip_text(tc_ir *ir, const tc_layout *layout) {
  tc_sb out = tc_sb_in(ir->arena);
  tc_layout_print(&out, layout);
  return out.at;
}

int64_t tc_onchip_align_b(tc_arena *arena, const tc_layout *layout, uint32_t element_bits) {
  for (int s = TC_N_SWIZZLES - 1; s > 0; s--) {
    const tc_layout *like =
        tc_layout_swizzled(arena, layout->n_dims, layout->bound, element_bits, (enum tc_swizzle)s);
    if (like && tc_layout_equal(like, layout)) return tc_swizzle_info((enum tc_swizzle)s)->align_b;
  }
  return tc_swizzle_info(TC_SWIZZLE_none)->align_b;
}

int64_t tc_onchip_size_b(tc_arena *arena, const tc_layout *layout, uint32_t element_bits) {
  int64_t align_b = tc_onchip_align_b(arena, layout, element_bits);
  int64_t bytes = tc_layout_bytes(layout, TC_SPACE_offset, element_bits);
  return (bytes + align_b - 1) / align_b * align_b;
}

const tc_layout *tc_onchip_share(tc_arena *arena, uint32_t n, const int64_t *extents,
                                 int64_t threads, int64_t vector, bool copies) {
  int64_t total = 1, fallback = 0;
  for (uint32_t d = 0; d < n; d++)
    total *= extents[d];
  for (int64_t v = vector; v > 0; v /= 2) {
    if (extents[n - 1] % v != 0) continue;
    if (total % (threads * v) == 0)
      return tc_layout_partition(arena, n, extents, threads, v, copies);
    if (!fallback && total >= threads * v) fallback = v;
  }
  return tc_layout_partition(arena, n, extents, threads, fallback ? fallback : 1, copies);
}
