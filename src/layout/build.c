/* Layouts from tables and extents, and layouts from layouts. */
#include "layout/layout_private.h"

/* ---- tables ---- */

typedef struct bit_pair {
  uint8_t row, column;
} bit_pair;

enum { SLOT_BITS = 4, THREAD_BITS = 7 };

static const struct fragment_bits {
  bit_pair slot[SLOT_BITS], thread[THREAD_BITS];
} fragment_bits[TC_N_FRAGMENTS] = {
#define FRAGMENT(id, bits, rows, columns, slots, threads, doc) {slots, threads},
#include "layout/fragments.def"
#undef FRAGMENT
};

static const tc_fragment_row fragments[TC_N_FRAGMENTS] = {
#define FRAGMENT(id, bits, rows, columns, slots, threads, doc) {#id, doc, bits, rows, columns},
#include "layout/fragments.def"
#undef FRAGMENT
};

static const tc_swizzle_row swizzles[TC_N_SWIZZLES] = {
#define SWIZZLE(id, bits, span, align, wgmma, tma) {#id, bits, span, align, wgmma, tma},
#include "layout/swizzles.def"
#undef SWIZZLE
};

const tc_fragment_row *tc_fragment_info(enum tc_fragment fragment) {
  return &fragments[fragment];
}

const tc_swizzle_row *tc_swizzle_info(enum tc_swizzle swizzle) {
  return &swizzles[swizzle];
}

static void draft_bits(tc_draft *d, enum tc_space space, const bit_pair *bits, uint32_t most) {
  for (uint32_t i = 0; i < most && (bits[i].row || bits[i].column); i++) {
    tc_mode mode = {.kind = TC_MODE_BIT, .space = (uint8_t)space, .extent = 2};
    mode.mask[0] = bits[i].row;
    mode.mask[1] = bits[i].column;
    tc_draft_mode(d, mode);
  }
}

const tc_layout *tc_layout_fragment(tc_arena *arena, enum tc_fragment fragment) {
  const int64_t bound[] = {fragments[fragment].rows, fragments[fragment].columns};
  tc_draft *d = tc_draft_new(arena, 2, bound);
  draft_bits(d, TC_SPACE_slot, fragment_bits[fragment].slot, SLOT_BITS);
  draft_bits(d, TC_SPACE_thread, fragment_bits[fragment].thread, THREAD_BITS);
  return tc_draft_finish(d);
}

/* ---- memory ---- */

/* Dims below `n`, the last fastest, above what the draft has. */
static void draft_dims(tc_draft *d, enum tc_space space, uint32_t n, const int64_t *extents) {
  for (uint32_t i = n; i-- > 0;)
    tc_draft_step(d, space, i, extents[i], 1);
}

const tc_layout *tc_layout_row_major(tc_arena *arena, uint32_t n_dims, const int64_t *extents,
                                     int64_t pitch) {
  tc_draft *d = tc_draft_new(arena, n_dims, extents);
  if (d->bad || (pitch && (n_dims == 0 || pitch < extents[n_dims - 1]))) return NULL;
  if (n_dims == 0) return tc_draft_finish(d);
  tc_draft_step(d, TC_SPACE_offset, n_dims - 1, pitch ? pitch : extents[n_dims - 1], 1);
  draft_dims(d, TC_SPACE_offset, n_dims - 1, extents);
  return tc_draft_finish(d);
}

const tc_layout *tc_layout_replicated(tc_arena *arena, uint32_t n_dims, const int64_t *extents,
                                      int64_t n_threads) {
  tc_draft *d = tc_draft_new(arena, n_dims, extents);
  if (d->bad) return NULL;
  draft_dims(d, TC_SPACE_slot, n_dims, extents);
  tc_draft_step(d, TC_SPACE_thread, 0, n_threads, 0);
  return tc_draft_finish(d);
}

static bool has_whole_bytes(uint32_t element_bits) {
  return element_bits == 8 || element_bits == 16 || element_bits == 32 || element_bits == 64;
}

const tc_layout *tc_layout_swizzled(tc_arena *arena, uint32_t n_dims, const int64_t *extents,
                                    uint32_t element_bits, enum tc_swizzle swizzle) {
  const tc_swizzle_row *row = &swizzles[swizzle];
  if (row->span_b == 0) return tc_layout_row_major(arena, n_dims, extents, 0);
  tc_draft *d = tc_draft_new(arena, n_dims, extents);
  if (d->bad || n_dims < 2 || !has_whole_bytes(element_bits)) return NULL;
  uint32_t column_dim = n_dims - 1, row_dim = n_dims - 2;
  int64_t span = row->span_b * 8 / element_bits, chunk = 16 * 8 / element_bits;
  if (extents[column_dim] % span != 0 || extents[row_dim] % 8 != 0) return NULL;
  /* Address bits 4.. are the chunk; bits 7.. are what chunks are XORed with, which are rows, as a
   * row of a panel is `span` bytes: row bit 3 - bits is address bit 7. */
  tc_draft_run(d, TC_SPACE_offset, column_dim, span, 1);
  for (uint32_t bit = 0; bit < 3; bit++) {
    tc_mode mode = {.kind = TC_MODE_BIT, .space = TC_SPACE_offset, .extent = 2};
    mode.mask[row_dim] = UINT64_C(1) << bit;
    if (bit >= 3u - row->bits) mode.mask[column_dim] = (uint64_t)chunk << (bit - (3u - row->bits));
    tc_draft_mode(d, mode);
  }
  tc_draft_step(d, TC_SPACE_offset, row_dim, extents[row_dim] / 8, 8);
  tc_draft_step(d, TC_SPACE_offset, column_dim, extents[column_dim] / span, span);
  draft_dims(d, TC_SPACE_offset, n_dims - 2, extents);
  return tc_draft_finish(d);
}

/* ---- repeating ---- */

static void draft_digit(tc_draft *d, enum tc_space space, uint32_t dim, int64_t count, int64_t step,
                        enum tc_tile_order order) {
  if (count < 1) d->bad = true;
  if (order == TC_TILE_INNER)
    tc_draft_step_below(d, space, dim, count, step);
  else
    tc_draft_step(d, space, dim, count, step);
}

const tc_layout *tc_layout_tile(tc_arena *arena, const tc_layout *l, uint32_t dim, int64_t count,
                                enum tc_space space, enum tc_tile_order order) {
  tc_draft *d = tc_draft_of(arena, l);
  if (d->bad || dim >= l->n_dims || tc_layout_box(l, dim) > l->bound[dim]) return NULL;
  draft_digit(d, space, dim, count, l->bound[dim], order);
  if (d->bad || !tc_mul_fits(l->bound[dim], count, &d->bound[dim])) return NULL;
  return tc_draft_finish(d);
}

const tc_layout *tc_layout_replicate(tc_arena *arena, const tc_layout *l, int64_t count,
                                     enum tc_space space, enum tc_tile_order order) {
  tc_draft *d = tc_draft_of(arena, l);
  draft_digit(d, space, 0, count, 0, order);
  return tc_draft_finish(d);
}

const tc_layout *tc_layout_cover(tc_arena *arena, const tc_layout *atom, const int64_t *extents,
                                 const int64_t *warps) {
  tc_draft *d = tc_draft_of(arena, atom);
  int64_t step[TC_LAYOUT_DIMS] = {0};
  for (uint32_t i = atom->n_dims; i-- > 0;) {
    int64_t span;
    if (d->bad || extents[i] < 1 || warps[i] < 1 || tc_layout_box(atom, i) > atom->bound[i])
      return NULL;
    if (!tc_mul_fits(atom->bound[i], warps[i], &span) || span > TC_LAYOUT_MOST) return NULL;
    int64_t count = (extents[i] - 1) / span + 1;
    tc_draft_step(d, TC_SPACE_slot, i, count, atom->bound[i]);
    if (!tc_mul_fits(atom->bound[i], count, &step[i])) return NULL;
    d->bound[i] = extents[i];
  }
  for (uint32_t i = 0; i < atom->n_dims; i++)
    tc_draft_step(d, TC_SPACE_thread, i, warps[i], step[i]);
  return tc_draft_finish(d);
}

/* ---- dims ---- */

/* The digits of `mode` that are left when dims move: dim d becomes to[d], or goes if that is
 * TC_LAYOUT_DIMS. */
static tc_mode move_dims(const tc_mode *mode, const uint32_t *to) {
  tc_mode out = *mode;
  memset(out.mask, 0, sizeof out.mask);
  for (uint32_t d = 0; d < TC_LAYOUT_DIMS; d++)
    if (to[d] < TC_LAYOUT_DIMS) out.mask[to[d]] = mode->mask[d];
  if (mode->kind == TC_MODE_BIT || mode->step == 0) return out;
  out.dim = (uint8_t)to[mode->dim];
  if (to[mode->dim] == TC_LAYOUT_DIMS) out.dim = 0, out.step = 0;
  return out;
}

static bool has_effect(const tc_mode *mode) {
  uint64_t any = mode->kind == TC_MODE_STEP ? (uint64_t)mode->step : 0;
  for (uint32_t d = 0; d < TC_LAYOUT_DIMS && mode->kind == TC_MODE_BIT; d++)
    any |= mode->mask[d];
  return any != 0;
}

const tc_layout *tc_layout_reduce(tc_arena *arena, const tc_layout *l, uint32_t dim) {
  if (dim >= l->n_dims) return NULL;
  uint32_t to[TC_LAYOUT_DIMS], n = 0;
  int64_t bound[TC_LAYOUT_DIMS];
  for (uint32_t d = 0; d < TC_LAYOUT_DIMS; d++) {
    to[d] = d == dim || d >= l->n_dims ? TC_LAYOUT_DIMS : n++;
    if (to[d] < TC_LAYOUT_DIMS) bound[to[d]] = l->bound[d];
  }
  tc_draft *draft = tc_draft_new(arena, n, bound);
  draft->bad |= l->table != NULL;
  for (uint32_t i = 0; i < l->n_modes; i++) {
    tc_mode mode = move_dims(&l->modes[i], to);
    if (mode.space != TC_SPACE_slot || has_effect(&mode) || !has_effect(&l->modes[i]))
      tc_draft_mode(draft, mode);
  }
  return tc_draft_finish(draft);
}

const tc_layout *tc_layout_condense(tc_arena *arena, const tc_layout *l) {
  tc_draft *draft = tc_draft_new(arena, l->n_dims, l->bound);
  draft->bad |= l->table != NULL;
  for (uint32_t i = 0; i < l->n_modes; i++)
    if (l->modes[i].space != TC_SPACE_slot || has_effect(&l->modes[i]))
      tc_draft_mode(draft, l->modes[i]);
  return tc_draft_finish(draft);
}

static const tc_layout *with_dims_moved(tc_arena *arena, const tc_layout *l, uint32_t n_dims,
                                        const uint32_t *to) {
  int64_t bound[TC_LAYOUT_DIMS] = {1, 1, 1, 1, 1, 1};
  for (uint32_t d = 0; d < l->n_dims; d++)
    bound[to[d]] = l->bound[d];
  tc_draft *draft = tc_draft_new(arena, n_dims, bound);
  for (uint32_t i = 0; i < l->n_modes; i++)
    tc_draft_mode(draft, move_dims(&l->modes[i], to));
  return tc_draft_finish(draft);
}

const tc_layout *tc_layout_add_dim(tc_arena *arena, const tc_layout *l, uint32_t dim) {
  if (l->n_dims == TC_LAYOUT_DIMS || dim > l->n_dims || l->table) return NULL;
  uint32_t to[TC_LAYOUT_DIMS];
  for (uint32_t d = 0; d < TC_LAYOUT_DIMS; d++)
    to[d] = d >= l->n_dims ? TC_LAYOUT_DIMS : d < dim ? d : d + 1;
  return with_dims_moved(arena, l, l->n_dims + 1, to);
}

const tc_layout *tc_layout_permute(tc_arena *arena, const tc_layout *l, const uint32_t *order) {
  uint32_t to[TC_LAYOUT_DIMS];
  for (uint32_t d = 0; d < TC_LAYOUT_DIMS; d++)
    to[d] = TC_LAYOUT_DIMS;
  for (uint32_t d = 0; d < l->n_dims; d++) {
    if (order[d] >= l->n_dims || to[order[d]] != TC_LAYOUT_DIMS) return NULL;
    to[order[d]] = d;
  }
  return l->table ? NULL : with_dims_moved(arena, l, l->n_dims, to);
}

const tc_layout *tc_layout_bounded(tc_arena *arena, const tc_layout *l, const int64_t *bound) {
  tc_draft *d = tc_draft_of(arena, l);
  for (uint32_t i = 0; i < l->n_dims; i++) {
    if (bound[i] < 1 || (bound[i] > l->bound[i] && bound[i] > tc_layout_box(l, i))) return NULL;
    d->bound[i] = bound[i];
  }
  return tc_draft_finish(d);
}

/* ---- reshaping: to one dim, and from one dim ---- */

/* Row-major strides of the dims; false when they exceed 2^62. */
static bool strides_of(uint32_t n, const int64_t *extents, int64_t *stride, int64_t *total) {
  *total = 1;
  for (uint32_t d = n; d-- > 0;) {
    if (extents[d] < 1) return false;
    stride[d] = *total;
    if (!tc_mul_fits(*total, extents[d], total) || *total >= TC_LAYOUT_MOST) return false;
  }
  return true;
}

/* The digit in the only dim of a flat layout.  A mask survives where strides are powers of two. */
static bool flatten_mode(tc_mode *mode, uint32_t n_dims, const int64_t *stride) {
  uint64_t mask = 0;
  for (uint32_t d = 0; d < n_dims; d++)
    if (mode->mask[d]) {
      if (!tc_is_power_of_two(stride[d])) return false;
      mask |= mode->mask[d] * (uint64_t)stride[d];
    }
  memset(mode->mask, 0, sizeof mode->mask);
  mode->mask[0] = mask;
  if (mode->kind == TC_MODE_BIT) return true;
  bool fits = mode->step == 0 || tc_mul_fits(mode->step, stride[mode->dim], &mode->step);
  mode->dim = 0;
  return fits;
}

/* No padding but in the slowest dim: elsewhere it would be read as the next row. */
static bool fits_inner_dims(const tc_layout *l) {
  for (uint32_t d = 1; d < l->n_dims; d++)
    if (tc_layout_box(l, d) > l->bound[d]) return false;
  return true;
}

static const tc_layout *flattened(tc_arena *arena, const tc_layout *l) {
  int64_t stride[TC_LAYOUT_DIMS], total;
  tc_mode runs[TC_LAYOUT_MODES];
  if (!strides_of(l->n_dims, l->bound, stride, &total)) return NULL;
  if (!fits_inner_dims(l)) return NULL;
  tc_draft *draft = tc_draft_new(arena, 1, &total);
  uint32_t n = tc_layout_runs(l, runs);
  for (uint32_t i = 0; i < n; i++) {
    if (!flatten_mode(&runs[i], l->n_dims, stride)) return NULL;
    tc_draft_mode(draft, runs[i]);
  }
  return tc_draft_finish(draft);
}

static bool unflatten_mask(tc_mode *mode, uint32_t n_dims, const int64_t *stride) {
  uint64_t mask = mode->mask[0];
  mode->mask[0] = 0;
  for (uint32_t d = 0; d < n_dims && mask; d++) {
    if (mask < (uint64_t)stride[d]) continue;
    if (!tc_is_power_of_two(stride[d])) return false;
    mode->mask[d] = mask / (uint64_t)stride[d];
    mask %= (uint64_t)stride[d];
  }
  return true;
}

/* Splits a run where it leaves one dim for the next slower one. */
static bool unflatten_run(tc_draft *draft, const tc_mode *run, uint32_t n_dims,
                          const int64_t *stride, const int64_t *extents) {
  int64_t step = run->step, extent = run->extent;
  if (step == 0) return tc_draft_mode(draft, *run), true;
  for (uint32_t d = n_dims; d-- > 0 && extent > 1;) {
    int64_t end = stride[d] * extents[d]; /* at which the next dim begins */
    if (d > 0 && step >= end) continue;
    if (step % stride[d] != 0) return false;
    int64_t here = d == 0 || (extent - 1) * (step / stride[d]) < extents[d] ? extent : end / step;
    if (here < extent && (end % step != 0 || extent % here != 0)) return false;
    tc_draft_step(draft, (enum tc_space)run->space, d, here, step / stride[d]);
    extent /= here, step *= here;
  }
  return true;
}

const tc_layout *tc_layout_reshape(tc_arena *arena, const tc_layout *l, uint32_t n_dims,
                                   const int64_t *extents) {
  int64_t stride[TC_LAYOUT_DIMS], total;
  tc_mode runs[TC_LAYOUT_MODES];
  if (n_dims > TC_LAYOUT_DIMS || !strides_of(n_dims, extents, stride, &total)) return NULL;
  const tc_layout *flat = l->table ? NULL : flattened(arena, l);
  if (!flat || flat->bound[0] != total) return NULL;
  tc_draft *draft = tc_draft_new(arena, n_dims, extents);
  uint32_t n = tc_layout_runs(flat, runs);
  for (uint32_t i = 0; i < n; i++) {
    if (runs[i].kind == TC_MODE_STEP) {
      if (!unflatten_run(draft, &runs[i], n_dims, stride, extents)) return NULL;
    } else {
      if (!unflatten_mask(&runs[i], n_dims, stride)) return NULL;
      tc_draft_mode(draft, runs[i]);
    }
  }
  const tc_layout *reshaped = tc_draft_finish(draft);
  return reshaped && fits_inner_dims(reshaped) ? reshaped : NULL;
}

/* ---- warps ---- */

bool tc_warp_partition(int64_t n_warps, int64_t m, int64_t n, int64_t m_step, int64_t n_step,
                       int64_t row_unit, enum tc_warp_policy policy, int64_t *rows,
                       int64_t *columns) {
  int64_t best = 0;
  bool found = false;
  if (n_warps < 1 || m < 1 || n < 1 || m_step < 1 || n_step < 1 || row_unit < 1) return false;
  if (m % m_step != 0 || n % n_step != 0) return false;
  for (int64_t r = row_unit; r <= n_warps; r += row_unit) {
    int64_t c = n_warps / r;
    if (r * c != n_warps || (m / m_step) % r != 0 || (n / n_step) % c != 0) continue;
    int64_t loads = m / r + n / c;
    if (found && policy == TC_WARPS_COLUMNS) continue;
    if (found && policy == TC_WARPS_SQUARE && loads >= best) continue;
    *rows = r, *columns = c, best = loads, found = true;
  }
  return found;
}
