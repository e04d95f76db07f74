/* What matrix engines ask of layouts. */
#include "pass/engines.h"
#include "pass/layouts.h"

/* The tiles that an engine's operands are made of: rows of fragments.def by width of an element. */
typedef struct atom {
  enum tc_engine engine;
  char operand;  /* a, b or c */
  uint32_t bits; /* 0: any other */
  enum tc_fragment fragment;
} atom;

/* clang-format off */
static const atom ATOMS[] = {
    {TC_ENGINE_wgmma,    'c',  0, TC_FRAGMENT_wgmma_d},
    {TC_ENGINE_wgmma,    'a', 16, TC_FRAGMENT_wgmma_a16},
    {TC_ENGINE_wgmma,    'a',  8, TC_FRAGMENT_wgmma_a8},
    {TC_ENGINE_wgmma,    'a', 32, TC_FRAGMENT_wgmma_a_tf32},
    {TC_ENGINE_mma_sync, 'c', 64, TC_FRAGMENT_mma_c_f64},
    {TC_ENGINE_mma_sync, 'c',  0, TC_FRAGMENT_mma_c},
    {TC_ENGINE_mma_sync, 'a', 16, TC_FRAGMENT_mma_a16},
    {TC_ENGINE_mma_sync, 'a',  8, TC_FRAGMENT_mma_a8},
    {TC_ENGINE_mma_sync, 'a', 32, TC_FRAGMENT_mma_a_tf32},
    {TC_ENGINE_mma_sync, 'a', 64, TC_FRAGMENT_mma_a_f64},
    {TC_ENGINE_mma_sync, 'b', 16, TC_FRAGMENT_mma_b16},
    {TC_ENGINE_mma_sync, 'b',  8, TC_FRAGMENT_mma_b8},
    {TC_ENGINE_mma_sync, 'b', 32, TC_FRAGMENT_mma_b_tf32},
    {TC_ENGINE_mma_sync, 'b', 64, TC_FRAGMENT_mma_a_f64},
};
/* clang-format on */

static const atom *find_atom(enum tc_engine engine, char operand, uint32_t bits) {
  for (size_t i = 0; i < TC_COUNT(ATOMS); i++)
    if (ATOMS[i].engine == engine && ATOMS[i].operand == operand
        && (ATOMS[i].bits == bits || !ATOMS[i].bits))
      return &ATOMS[i];
  return NULL;
}

/* How the warps share C: `rows` x `columns` groups, each of one atom's threads. */
typedef struct sharing {
  int64_t m, n, k;
  int64_t rows, columns;
} sharing;

static bool matrix_of(const tc_ir *ir, tc_value slice, int64_t *rows, int64_t *columns) {
  uint32_t rank = tc_op_at(ir, slice)->n_in / 2u;
  return rank >= 2 && tc_const_of(ir, tc_slice_extent(ir, slice, rank - 2), rows)
         && tc_const_of(ir, tc_slice_extent(ir, slice, rank - 1), columns);
}

/* NULL, or why not. */
static const char *share(tc_layouts *l, const tc_work *work, sharing *s) {
  const tc_op *op = tc_op_at(l->ir, work->stmt);
  const tc_gemm *g = tc_gemm_of(l->ir, work->stmt);
  int64_t a_rows, a_columns;
  if (!matrix_of(l->ir, tc_input(l->ir, op, 2), &s->m, &s->n)
      || !matrix_of(l->ir, tc_input(l->ir, op, 0), &a_rows, &a_columns))
    return "its extents are known only at run time";
  s->k = g->trans_a ? a_rows : a_columns;
  uint32_t bits = tc_onchip_bits(l->ir, tc_slice_buf(l->ir, tc_input(l->ir, op, 2)));
  const atom *c = find_atom((enum tc_engine)g->engine, 'c', bits);
  const tc_fragment_row *row = tc_fragment_info(c->fragment);
  bool wgmma = g->engine == TC_ENGINE_wgmma;
  int64_t unit = wgmma ? 4 : 1; /* warps of an atom */
  if (work->team.count % (unit * TC_WARP) != 0)
    return tc_format(l->ir->arena, "%lld threads are no whole number of %s",
                     (long long)work->team.count, wgmma ? "warpgroups" : "warps");
  if (!tc_warp_partition(work->team.count / TC_WARP, s->m, s->n, row->rows / unit, row->columns,
                         unit, tc_gemm_sharing(g), &s->rows, &s->columns))
    return tc_format(l->ir->arena,
                     "%lld warps cannot share %lld x %lld elements in tiles of %u x %u",
                     (long long)(work->team.count / TC_WARP), (long long)s->m, (long long)s->n,
                     row->rows, row->columns);
  s->rows /= unit;
  return NULL;
}

/* The columns of warps hold the same rows of A. */
static const tc_layout *layout_a(tc_layouts *l, const atom *a, const sharing *s, bool trans_a) {
  const uint32_t swapped[2] = {1, 0};
  const int64_t extents[2] = {s->m, s->k}, groups[2] = {s->rows, 1};
  const tc_layout *tile =
      tc_layout_cover(l->arena, tc_layout_fragment(l->arena, a->fragment), extents, groups);
  if (tile && s->columns > 1)
    tile = tc_layout_replicate(l->arena, tile, s->columns, TC_SPACE_thread, TC_TILE_OUTER);
  return tile && trans_a ? tc_layout_permute(l->arena, tile, swapped) : tile;
}

/* The rows of warps hold the same columns of B; atoms are (n, k). */
static const tc_layout *layout_b(tc_layouts *l, const atom *a, const sharing *s, bool trans_b) {
  const int64_t extents[2] = {s->n / s->columns, s->k}, groups[2] = {1, 1};
  const uint32_t swapped[2] = {1, 0};
  const tc_layout *tile =
      tc_layout_cover(l->arena, tc_layout_fragment(l->arena, a->fragment), extents, groups);
  if (tile && s->rows > 1)
    tile = tc_layout_replicate(l->arena, tile, s->rows, TC_SPACE_thread, TC_TILE_OUTER);
  if (tile && s->columns > 1)
    tile = tc_layout_tile(l->arena, tile, 0, s->columns, TC_SPACE_thread, TC_TILE_OUTER);
  return tile && !trans_b ? tc_layout_permute(l->arena, tile, swapped) : tile;
}

static void ask(tc_layouts *l, const tc_work *work, uint32_t operand, const sharing *s) {
  const tc_gemm *g = tc_gemm_of(l->ir, work->stmt);
  tc_value slice = tc_input(l->ir, tc_op_at(l->ir, work->stmt), operand);
  tc_buf buf = tc_slice_buf(l->ir, slice);
  if (!tc_layouts_is_fragment(l, buf)) return;
  const atom *a = find_atom((enum tc_engine)g->engine, "abc"[operand], tc_onchip_bits(l->ir, buf));
  if (tc_buf_at(l->ir, buf)->rank != 2 || !tc_onchip_is_whole(l->ir, slice)) {
    tc_layouts_refuse(l, work->stmt, buf, "the product uses a part of the fragment");
  } else if (!a || (operand == 0 && g->trans_a && g->engine == TC_ENGINE_wgmma)) {
    tc_layouts_refuse(l, work->stmt, buf, "the engine does not take this operand from registers");
  } else {
    const int64_t extents[2] = {s->m, s->n}, groups[2] = {s->rows, s->columns};
    const tc_layout *layout = NULL;
    if (operand == 0) layout = layout_a(l, a, s, g->trans_a);
    if (operand == 1) layout = layout_b(l, a, s, g->trans_b);
    if (operand == 2)
      layout =
          tc_layout_cover(l->arena, tc_layout_fragment(l->arena, a->fragment), extents, groups);
    if (layout && l->of[buf.id] && !g->async && !tc_layout_equal(l->of[buf.id], layout)) {
      tc_layouts_wish(l, work, (int)operand, buf, layout);
    } else if (layout) {
      tc_layouts_set(l, buf, layout, work->stmt);
    } else {
      tc_layouts_refuse(l, work->stmt, buf, "the tile is too large");
    }
  }
}

/* Multiply-adds of each thread: it needs whole rows of A and columns of B. */
static void ask_for_memory(tc_layouts *l, const tc_work *work) {
  for (uint32_t k = 0; k < 2; k++) {
    tc_buf buf = tc_slice_buf(l->ir, tc_input(l->ir, tc_op_at(l->ir, work->stmt), k));
    if (tc_layouts_is_fragment(l, buf)) tc_layouts_wish(l, work, (int)k, buf, NULL);
  }
}

void tc_layouts_gemm(tc_layouts *l, const tc_work *work) {
  const tc_gemm *g = tc_gemm_of(l->ir, work->stmt);
  sharing s;
  if (!find_atom((enum tc_engine)g->engine, 'c', 0)) {
    ask_for_memory(l, work);
    return;
  }
  const char *why = share(l, work, &s);
  if (why) {
    tc_value c = tc_input(l->ir, tc_op_at(l->ir, work->stmt), 2);
    tc_layouts_refuse(l, work->stmt, tc_slice_buf(l->ir, c), why);
    return;
  }
  for (uint32_t k = 0; k < 3; k++)
    ask(l, work, k, &s);
}

/* ---- shared memory ---- */

enum { CHUNK_B = 16 }; /* what ldmatrix, descriptors and asynchronous copies move at once */

/* Panels of one chunk: what descriptors can say of rows that no swizzle divides. */
static const tc_layout *panels(tc_arena *arena, uint32_t n, const int64_t *extents, uint32_t bits) {
  int64_t width = CHUNK_B * 8 / bits, panel[TC_LAYOUT_DIMS];
  if (extents[n - 1] % width != 0) return NULL;
  for (uint32_t d = 0; d < n; d++)
    panel[d] = d + 2 >= n ? extents[d] : 1;
  panel[n - 1] = width;
  const tc_layout *p = tc_layout_row_major(arena, n, panel, 0);
  p = p ? tc_layout_tile(arena, p, n - 1, extents[n - 1] / width, TC_SPACE_offset, TC_TILE_OUTER)
        : NULL;
  for (uint32_t d = n - 2; d-- > 0 && p;)
    p = tc_layout_tile(arena, p, d, extents[d], TC_SPACE_offset, TC_TILE_OUTER);
  return p;
}

/* Rows an odd number of chunks apart, so that eight of them meet all banks. */
static const tc_layout *padded(tc_arena *arena, uint32_t n, const int64_t *extents, uint32_t bits) {
  int64_t row_b = (extents[n - 1] * bits + 7) / 8, pitch_b = (row_b + CHUNK_B - 1) / CHUNK_B;
  if (pitch_b % 2 == 0) pitch_b++;
  pitch_b *= CHUNK_B;
  return tc_layout_row_major(arena, n, extents, bits >= 8 ? pitch_b * 8 / bits : 0);
}

/* Where parts of warps meet within a panel, an address is no sum of digits. */
static bool is_seamless(enum tc_swizzle swizzle, int64_t part, uint32_t bits) {
  int64_t span = (int64_t)tc_swizzle_info(swizzle)->span_b * 8 / bits;
  return !part || part % span == 0;
}

int64_t tc_layouts_part(tc_layouts *l, const tc_work *work, uint32_t operand) {
  const tc_gemm *g = tc_gemm_of(l->ir, work->stmt);
  sharing s;
  if (!find_atom((enum tc_engine)g->engine, 'c', 0) || share(l, work, &s)) return 0;
  if (operand == 0) return g->trans_a ? s.m / s.rows : 0;
  return g->trans_b ? 0 : s.n / s.columns;
}

const tc_layout *tc_layouts_shared(tc_layouts *l, tc_buf buf, bool wgmma, int64_t part) {
  int64_t extents[TC_LAYOUT_DIMS];
  uint32_t n = tc_buf_at(l->ir, buf)->rank, bits = tc_onchip_bits(l->ir, buf);
  if (!tc_onchip_extents(l->ir, buf, extents)) return NULL;
  if (n < 2) return tc_layout_row_major(l->arena, n, extents, 0);
  for (int s = TC_N_SWIZZLES - 1; s > 0; s--) {
    if (!is_seamless((enum tc_swizzle)s, part, bits)) continue;
    const tc_layout *layout = tc_layout_swizzled(l->arena, n, extents, bits, (enum tc_swizzle)s);
    if (layout) return layout;
  }
  return wgmma ? panels(l->arena, n, extents, bits) : padded(l->arena, n, extents, bits);
}

const tc_layout *tc_layouts_stage(tc_layouts *l, tc_buf buf) {
  int64_t extents[TC_LAYOUT_DIMS];
  uint32_t n = tc_buf_at(l->ir, buf)->rank, bits = tc_onchip_bits(l->ir, buf);
  if (!tc_onchip_extents(l->ir, buf, extents)) return NULL;
  for (int s = TC_N_SWIZZLES - 1; s > 0; s--)
    if (extents[n - 1] * bits == (int64_t)tc_swizzle_info((enum tc_swizzle)s)->span_b * 8)
      return tc_layout_swizzled(l->arena, n, extents, bits, (enum tc_swizzle)s);
  return tc_layout_row_major(l->arena, n, extents, 0);
}
