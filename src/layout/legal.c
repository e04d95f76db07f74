/* What ldmatrix, wgmma and TMA can do with a layout, and the numbers they then want.
 *
 * Each answer is made from a few points and then checked against the instruction's definition: for
 * descriptors and boxes at every element, for matrices on the digits of slots and threads. */
#include "layout/layout_private.h"

static const char *const reasons[TC_N_LEGAL] = {
#define REASON(id, text) text,
#include "layout/reasons.def"
#undef REASON
};

const char *tc_legal_text(enum tc_legal reason) {
  return reasons[reason];
}

/* ---- ldmatrix and stmatrix ---- */

typedef struct matrix_query {
  const tc_layout *memory, *fragment;
  const int64_t *origin;
  int64_t in_register, in_row; /* elements of 32 bits, of 16 bytes */
} matrix_query;

static bool is_inside(const tc_layout *memory, const tc_layout *fragment, const int64_t *origin) {
  if (!tc_layout_is_surjective(memory)) return false;
  for (uint32_t d = 0; d < fragment->n_dims; d++) {
    int64_t box = tc_layout_box(fragment, d);
    if (box > fragment->bound[d] || box > memory->bound[d] - (origin ? origin[d] : 0)) return false;
  }
  return true;
}

/* XORs and sums of the terms of one space for one input. */
typedef struct part {
  int64_t input, bits, sum;
} part;

static part part_of(const tc_layout_digits *d, enum tc_space space, int64_t input) {
  part p = {.input = input};
  tc_layout_digits_part(d, space, input, &p.bits, &p.sum);
  return p;
}

/* The input adds `low` to those of `without`, which are multiples of `unit`. */
static bool adds(const tc_layout_digits *d, enum tc_space space, int64_t input, const part *without,
                 int64_t unit, int64_t low) {
  part p = input == without->input ? *without : part_of(d, space, input);
  return p.bits % unit == 0 && p.bits == without->bits && without->sum % unit == 0
         && p.sum == without->sum + low;
}

/* Runs of `n` inputs add 0, by, 2 by, ... to a multiple of `unit`. */
static bool adds_runs(const matrix_query *q, const tc_layout_digits *d, enum tc_space space,
                      int64_t n, int64_t unit, int64_t by) {
  part first = {0};
  for (int64_t i = 0; i < q->fragment->size[space]; i++) {
    if (i % n == 0) first = part_of(d, space, i);
    if (!adds(d, space, i, &first, unit, i % n * by)) return false;
  }
  return true;
}

/* Lanes 4i .. 4i+3 hold 16 bytes that lie side by side, a register each. */
static bool is_plain(const matrix_query *q, const tc_layout_digits *d) {
  int64_t r = q->in_register;
  return adds_runs(q, d, TC_SPACE_slot, r, q->in_row, 1)
         && adds_runs(q, d, TC_SPACE_thread, 4, q->in_row, r);
}

/* Lanes i, 4+i, .. 28+i hold elements that lie side by side. */
static bool is_transposed(const matrix_query *q, const tc_layout_digits *d) {
  if (!adds_runs(q, d, TC_SPACE_slot, 1, q->in_row, 0)) return false;
  for (int64_t t = 0; t < q->fragment->size[TC_SPACE_thread]; t++) {
    part first = part_of(d, TC_SPACE_thread, t & ~INT64_C(28));
    if (!adds(d, TC_SPACE_thread, t, &first, q->in_row, t / 4 % 8)) return false;
  }
  return true;
}

/* The place of each mode of a space, up to `most`, must be a bit; returns how many are. */
static uint32_t leading_bits(const tc_layout *l, enum tc_space space, uint32_t most,
                             const tc_mode **bits) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < l->n_modes && n < most; i++) {
    if (l->modes[i].space != space) continue;
    if (l->modes[i].extent != 2) break;
    bits[n++] = &l->modes[i];
  }
  return n;
}

static void draft_at(tc_draft *d, enum tc_space space, const tc_mode *mode) {
  tc_mode moved = *mode;
  moved.space = (uint8_t)space;
  tc_draft_mode(d, moved);
}

/* What each lane points to: the lane's bits 0-2 take the role of the digits that tell rows apart,
 * bits 3-4 that of the register's number. */
static const tc_layout *pointers(tc_arena *arena, const matrix_query *q, bool trans,
                                 uint32_t n_slot_bits, uint32_t n_matrix_bits,
                                 const tc_mode *const *lane, const tc_mode *const *slot) {
  const tc_layout *f = q->fragment;
  const tc_mode *row[3] = {lane[2], lane[3], lane[4]};
  uint32_t n_lane = 0, n_slot = 0;
  if (trans) row[0] = slot[0], row[1] = lane[0], row[2] = lane[1];
  tc_draft *d = tc_draft_new(arena, f->n_dims, f->bound);
  for (uint32_t i = 0; i < 3; i++)
    draft_at(d, TC_SPACE_thread, row[i]);
  for (uint32_t i = 0; i < 2; i++)
    if (i < n_matrix_bits)
      draft_at(d, TC_SPACE_thread, slot[n_slot_bits + i]);
    else
      tc_draft_step(d, TC_SPACE_thread, 0, 2, 0);
  tc_draft_step(d, TC_SPACE_slot, 0, INT64_C(1) << (n_slot_bits + n_matrix_bits), 0);
  for (uint32_t i = 0; i < f->n_modes; i++) {
    const tc_mode *m = &f->modes[i];
    if (m->space == TC_SPACE_thread && n_lane++ >= 5) tc_draft_mode(d, *m);
    if (m->space == TC_SPACE_slot && n_slot++ >= n_slot_bits + n_matrix_bits) tc_draft_mode(d, *m);
  }
  return tc_draft_finish(d);
}

enum tc_legal tc_layout_matrix_move(tc_arena *arena, const tc_layout *memory,
                                    const tc_layout *fragment, const int64_t *origin,
                                    uint32_t element_bits, uint32_t most, tc_matrix_move *move) {
  const tc_mode *lane[5], *slot[8];
  if (memory->table || fragment->table) return TC_LEGAL_table;
  if (memory->n_dims != fragment->n_dims) return TC_LEGAL_shape;
  if (element_bits != 8 && element_bits != 16 && element_bits != 32) return TC_LEGAL_element;
  if (!is_inside(memory, fragment, origin)) return TC_LEGAL_bounds;
  if (tc_layout_inputs(fragment) > TC_LAYOUT_POINTS) return TC_LEGAL_range;
  matrix_query q = {memory, fragment, origin, 32 / element_bits, 128 / element_bits};
  uint32_t n_slot_bits = tc_low_bit((uint64_t)q.in_register), n_matrix_bits = 0;
  if (leading_bits(fragment, TC_SPACE_thread, 5, lane) < 5) return TC_LEGAL_registers;
  uint32_t n_bits = leading_bits(fragment, TC_SPACE_slot, n_slot_bits + 2, slot);
  if (n_bits < n_slot_bits) return TC_LEGAL_registers;
  const tc_layout_digits *d = tc_layout_compose(arena, memory, fragment, origin);
  if (!d) return TC_LEGAL_stride;
  bool plain = is_plain(&q, d), trans = !plain && element_bits == 16 && is_transposed(&q, d);
  if (!plain && !trans) return TC_LEGAL_contiguous;
  if (d->xor_base % q.in_row != 0 || d->add_base % q.in_row != 0) return TC_LEGAL_align;
  while (n_slot_bits + n_matrix_bits < n_bits && 2u << n_matrix_bits <= most)
    n_matrix_bits++;
  const tc_layout *p = pointers(arena, &q, trans, n_slot_bits, n_matrix_bits, lane, slot);
  move->n_matrices = 1u << n_matrix_bits;
  move->trans = trans;
  move->slots = q.in_register << n_matrix_bits;
  move->address = p ? tc_layout_compose(arena, memory, p, origin) : NULL;
  return move->address ? TC_LEGAL_ok : TC_LEGAL_stride;
}

/* ---- swizzled addresses ---- */

/* The rule of swizzles.def, which is its own inverse. */
static int64_t swizzled(int64_t byte, const tc_swizzle_row *row) {
  return byte ^ ((byte >> 7 & ((INT64_C(1) << row->bits) - 1)) << 4);
}

static bool is_byte_width(uint32_t element_bits) {
  return element_bits == 8 || element_bits == 16 || element_bits == 32 || element_bits == 64;
}

/* ---- wgmma ---- */

typedef struct wgmma_query {
  const tc_layout *memory;
  const tc_wgmma_tile *tile;
  const tc_layout_digits *offset; /* thread: mn, slot: k; NULL: ask the layout */
  int64_t element_b, chunk;       /* bytes; elements in 16 bytes */
  int64_t k_step;                 /* elements of k in 32 bytes */
} wgmma_query;

static int64_t byte_of(const wgmma_query *q, int64_t mn, int64_t k) {
  int64_t x[TC_LAYOUT_DIMS] = {0};
  if (q->offset) {
    tc_hw hw = {{0}};
    hw.at[TC_SPACE_thread] = mn, hw.at[TC_SPACE_slot] = k;
    return tc_layout_digits_at(q->offset, &hw) * q->element_b;
  }
  for (uint32_t d = 0; d < q->memory->n_dims; d++)
    x[d] = q->tile->origin ? q->tile->origin[d] : 0;
  x[q->tile->mn_dim] += mn, x[q->tile->k_dim] += k;
  return tc_layout_offset(q->memory, x) * q->element_b;
}

/* Bytes from the start to (mn, k) before swizzling, as the instruction counts them. */
static int64_t canonical(const wgmma_query *q, const tc_wgmma_operand *o, int64_t mn, int64_t k) {
  int64_t t = q->chunk, span = tc_swizzle_info(o->swizzle)->span_b / q->element_b;
  if (!o->mn_major && o->swizzle == TC_SWIZZLE_none)
    return (mn % 8 * t + k % t) * q->element_b + mn / 8 * o->stride_b + k / t * o->leading_b;
  if (!o->mn_major) return (mn % 8 * span + k) * q->element_b + mn / 8 * o->stride_b;
  if (o->swizzle == TC_SWIZZLE_none)
    return (mn % t + k % 8 * t) * q->element_b + mn / t * o->stride_b + k / 8 * o->leading_b;
  return (mn % span + k % 8 * span) * q->element_b + mn / span * o->leading_b + k / 8 * o->stride_b;
}

/* Reads the two distances off the points where they are first used; unused ones stay 0. */
static void read_distances(const wgmma_query *q, tc_wgmma_operand *o) {
  const tc_swizzle_row *row = tc_swizzle_info(o->swizzle);
  int64_t start = swizzled(byte_of(q, 0, 0), row), mn_group = 8, k_group = q->chunk;
  if (o->mn_major) {
    mn_group = row->span_b ? row->span_b / q->element_b : q->chunk;
    k_group = 8;
  }
  int64_t next_mn = 0, next_k = 0;
  if (q->tile->mn > mn_group) next_mn = swizzled(byte_of(q, mn_group, 0), row) - start;
  if (q->k_step > k_group) next_k = swizzled(byte_of(q, 0, k_group), row) - start;
  bool stride_is_mn = !o->mn_major || o->swizzle == TC_SWIZZLE_none;
  o->stride_b = stride_is_mn ? next_mn : next_k;
  o->leading_b = stride_is_mn ? next_k : next_mn;
  if (!o->mn_major && o->swizzle != TC_SWIZZLE_none) o->leading_b = 0;
}

static bool fits_field(int64_t bytes) {
  return bytes >= 0 && bytes % 16 == 0 && bytes < INT64_C(1) << 18;
}

/* Whether groups of rows (of columns) are copies of the first one, moved by whole periods of the
 * swizzle: then what holds for the first group holds for all. */
static bool has_equal_groups(const wgmma_query *q, const tc_wgmma_operand *o, int64_t *group) {
  const tc_swizzle_row *row = tc_swizzle_info(o->swizzle);
  bool is_swizzled = o->swizzle != TC_SWIZZLE_none;
  int64_t by = o->mn_major && is_swizzled ? o->leading_b : o->stride_b;
  *group = !o->mn_major ? 8 : is_swizzled ? row->span_b / q->element_b : q->chunk;
  if (!q->offset || (is_swizzled && by % row->align_b != 0)) return false;
  for (int64_t mn = 0; mn < q->tile->mn; mn++) {
    int64_t bits, sum, first_bits, first_sum;
    tc_layout_digits_part(q->offset, TC_SPACE_thread, mn, &bits, &sum);
    tc_layout_digits_part(q->offset, TC_SPACE_thread, mn % *group, &first_bits, &first_sum);
    if (bits != first_bits || (sum - first_sum) * q->element_b != mn / *group * by) return false;
  }
  return true;
}

/* Sets the starts and compares every element, or every one of the first group. */
static enum tc_legal try_operand(const wgmma_query *q, tc_wgmma_operand *o, int64_t *starts) {
  const tc_swizzle_row *row = tc_swizzle_info(o->swizzle);
  read_distances(q, o);
  if (!fits_field(o->leading_b) || !fits_field(o->stride_b)) return TC_LEGAL_stride;
  int64_t n_mn;
  if (!has_equal_groups(q, o, &n_mn) || n_mn > q->tile->mn) n_mn = q->tile->mn;
  for (int64_t step = 0; step < q->tile->n_steps; step++) {
    int64_t start = swizzled(byte_of(q, 0, step * q->k_step), row);
    if (start % 16 != 0 || (row->span_b && start % row->align_b >= row->span_b))
      return TC_LEGAL_align;
    if (start >= INT64_C(1) << 18) return TC_LEGAL_range;
    for (int64_t mn = 0; mn < n_mn; mn++)
      for (int64_t k = 0; k < q->k_step; k++)
        if (byte_of(q, mn, step * q->k_step + k) != swizzled(start + canonical(q, o, mn, k), row))
          return TC_LEGAL_swizzle;
    starts[step] = start;
  }
  return TC_LEGAL_ok;
}

static enum tc_legal check_tile(const tc_layout *memory, const tc_wgmma_tile *t, int64_t k_step) {
  int64_t k;
  if (t->mn_dim >= memory->n_dims || t->k_dim >= memory->n_dims || t->mn_dim == t->k_dim)
    return TC_LEGAL_shape;
  if (t->mn < 8 || t->mn > 256 || t->mn % 8 != 0 || t->n_steps < 1) return TC_LEGAL_shape;
  if (!tc_mul_fits(t->n_steps, k_step, &k) || k > TC_LAYOUT_POINTS) return TC_LEGAL_range;
  if (memory->size[TC_SPACE_offset] > TC_LAYOUT_MOST >> 8) return TC_LEGAL_range;
  if (!tc_layout_is_surjective(memory)) return TC_LEGAL_bounds;
  for (uint32_t d = 0; d < memory->n_dims; d++) {
    int64_t from = t->origin ? t->origin[d] : 0;
    int64_t extent = d == t->mn_dim ? t->mn : d == t->k_dim ? k : 1;
    if (from < 0 || from > memory->bound[d] || extent > memory->bound[d] - from)
      return TC_LEGAL_bounds;
  }
  return TC_LEGAL_ok;
}

/* (mn, k) as (thread, slot), so that offsets have a digit form. */
static const tc_layout_digits *tile_offsets(tc_arena *arena, const tc_layout *memory,
                                            const tc_wgmma_tile *t, int64_t k_step) {
  int64_t bound[TC_LAYOUT_DIMS] = {1, 1, 1, 1, 1, 1};
  bound[t->mn_dim] = t->mn, bound[t->k_dim] = t->n_steps * k_step;
  tc_draft *d = tc_draft_new(arena, memory->n_dims, bound);
  tc_draft_step(d, TC_SPACE_thread, t->mn_dim, t->mn, 1);
  tc_draft_step(d, TC_SPACE_slot, t->k_dim, bound[t->k_dim], 1);
  const tc_layout *l = tc_draft_finish(d);
  return l ? tc_layout_compose(arena, memory, l, t->origin) : NULL;
}

enum tc_legal tc_layout_wgmma(tc_arena *arena, const tc_layout *memory, const tc_wgmma_tile *tile,
                              tc_wgmma_operand *operand) {
  uint32_t bits = tile->element_bits;
  if (bits != 8 && bits != 16 && bits != 32) return TC_LEGAL_element;
  wgmma_query q = {memory, tile, NULL, bits / 8, 128 / bits, 256 / bits};
  enum tc_legal why = check_tile(memory, tile, q.k_step);
  if (why != TC_LEGAL_ok) return why;
  q.offset = tile_offsets(arena, memory, tile, q.k_step);
  int64_t first = byte_of(&q, 0, 0);
  operand->mn_major = byte_of(&q, 0, 1) - first != q.element_b;
  if (operand->mn_major && byte_of(&q, 1, 0) - first != q.element_b) return TC_LEGAL_contiguous;
  if (operand->mn_major && bits != 16) return TC_LEGAL_element;
  int64_t *starts = TC_NEW_ARRAY(arena, (size_t)tile->n_steps, int64_t);
  operand->start_b = starts;
  why = TC_LEGAL_swizzle;
  for (int s = TC_N_SWIZZLES; s-- > 0;) {
    operand->swizzle = (enum tc_swizzle)s;
    enum tc_legal one = try_operand(&q, operand, starts);
    if (one == TC_LEGAL_ok) return one;
    if (one == TC_LEGAL_align || one == TC_LEGAL_range) why = one;
  }
  return why;
}

uint64_t tc_wgmma_descriptor(const tc_wgmma_operand *operand) {
  return (uint64_t)(operand->leading_b >> 4) << 16 | (uint64_t)(operand->stride_b >> 4) << 32
         | (uint64_t)tc_swizzle_info(operand->swizzle)->wgmma << 62;
}

/* ---- TMA ---- */

enum { MOST_BOX = 256, MOST_BOXES = 1 << 16, MOST_RANK = 5 };

typedef struct tma_query {
  const tc_layout *memory;
  const tc_layout_digits *offset; /* thread: box, slot: element of it; NULL: ask the layout */
  const uint32_t *order;
  int64_t element_b;
} tma_query;

static int64_t largest_divisor(int64_t of, int64_t most) {
  int64_t n = of < most ? of : most;
  while (of % n != 0)
    n--;
  return n;
}

static int64_t plain_byte(const tma_query *q, const int64_t *x, const tc_swizzle_row *row) {
  return swizzled(tc_layout_offset(q->memory, x) * q->element_b, row);
}

/* The longest box along each dim that continues the packed order of the ones before. */
static void find_extents(const tma_query *q, tc_tma_boxes *b) {
  const tc_swizzle_row *row = tc_swizzle_info(b->swizzle);
  int64_t x[TC_LAYOUT_DIMS] = {0}, first = plain_byte(q, x, row), packed_b = q->element_b;
  b->n_boxes = 1;
  for (uint32_t i = 0; i < q->memory->n_dims; i++) {
    uint32_t d = q->order[i];
    int64_t most = q->memory->bound[d] < MOST_BOX ? q->memory->bound[d] : MOST_BOX, run = 1;
    if (i == 0 && row->span_b && most > row->span_b / q->element_b)
      most = row->span_b / q->element_b;
    for (; run < most; run++) {
      x[d] = run;
      if (plain_byte(q, x, row) != first + run * packed_b) break;
    }
    x[d] = 0;
    b->extent[d] = largest_divisor(q->memory->bound[d], run);
    b->count[d] = q->memory->bound[d] / b->extent[d];
    packed_b *= b->extent[d];
    if (b->n_boxes <= MOST_BOXES) b->n_boxes *= b->count[d];
  }
  b->box_b = packed_b;
}

/* (box, element) as (thread, slot), both in the order in which they are counted. */
static const tc_layout_digits *box_offsets(tc_arena *arena, const tma_query *q,
                                           const tc_tma_boxes *b) {
  tc_draft *d = tc_draft_new(arena, q->memory->n_dims, q->memory->bound);
  for (uint32_t i = 0; i < q->memory->n_dims; i++)
    tc_draft_step(d, TC_SPACE_slot, q->order[i], b->extent[q->order[i]], 1);
  for (uint32_t i = q->memory->n_dims; i-- > 0;)
    tc_draft_step(d, TC_SPACE_thread, i, b->count[i], b->extent[i]);
  const tc_layout *l = tc_draft_finish(d);
  return l ? tc_layout_compose(arena, q->memory, l, NULL) : NULL;
}

static int64_t box_byte(const tma_query *q, const tc_tma_boxes *b, int64_t box, int64_t element) {
  int64_t x[TC_LAYOUT_DIMS];
  if (q->offset) {
    tc_hw hw = {{0}};
    hw.at[TC_SPACE_thread] = box, hw.at[TC_SPACE_slot] = element;
    return tc_layout_digits_at(q->offset, &hw) * q->element_b;
  }
  for (uint32_t i = 0; i < q->memory->n_dims; i++) {
    x[q->order[i]] = element % b->extent[q->order[i]];
    element /= b->extent[q->order[i]];
  }
  for (uint32_t d = q->memory->n_dims; d-- > 0; box /= b->count[d])
    x[d] += box % b->count[d] * b->extent[d];
  return tc_layout_offset(q->memory, x) * q->element_b;
}

/* How many of the boxes, and of the elements of a box, tell of all: boxes that only differ by a sum
 * are alike, and so are periods of the swizzle that follow each other in the box. */
static void find_alike(const tma_query *q, const tc_tma_boxes *b, int64_t *n_boxes, int64_t *n) {
  int64_t period = tc_swizzle_info(b->swizzle)->align_b / q->element_b, bits, sum;
  bool boxes_alike = true, periods_alike = true;
  *n_boxes = b->n_boxes, *n = b->box_b / q->element_b;
  for (uint32_t i = 0; q->offset && i < q->offset->n_terms; i++) {
    const tc_layout_term *t = &q->offset->terms[i];
    bool is_plain = t->inner_div == 1 && t->inner_mod == 0;
    bool is_low = t->mod && is_plain && period % (t->div * t->mod) == 0;
    if (t->space == TC_SPACE_thread) boxes_alike &= !t->is_xor;
    if (t->space == TC_SPACE_slot) periods_alike &= is_low || t->div % period == 0;
  }
  for (int64_t i = 0; q->offset && i < *n && periods_alike; i += period) {
    tc_layout_digits_part(q->offset, TC_SPACE_slot, i, &bits, &sum);
    periods_alike = bits == 0 && sum == i;
  }
  if (q->offset && boxes_alike && *n_boxes > 1) *n_boxes = 1;
  if (q->offset && periods_alike && *n > period) *n = period;
}

static enum tc_legal try_boxes(tc_arena *arena, tma_query *q, tc_tma_boxes *b) {
  const tc_swizzle_row *row = tc_swizzle_info(b->swizzle);
  find_extents(q, b);
  int64_t inner_b = b->extent[q->order[0]] * q->element_b;
  if (inner_b % 16 != 0) return TC_LEGAL_contiguous;
  if (row->span_b && inner_b != row->span_b) return TC_LEGAL_swizzle;
  if (b->n_boxes > MOST_BOXES) return TC_LEGAL_range;
  int64_t *starts = TC_NEW_ARRAY(arena, (size_t)b->n_boxes, int64_t);
  int64_t n_boxes, n;
  q->offset = box_offsets(arena, q, b);
  find_alike(q, b, &n_boxes, &n);
  for (int64_t box = 0; box < b->n_boxes; box++) {
    starts[box] = swizzled(box_byte(q, b, box, 0), row);
    if (starts[box] % row->align_b != 0) return TC_LEGAL_align;
    for (int64_t i = 0; i < n && box < n_boxes; i++)
      if (box_byte(q, b, box, i) != swizzled(starts[box] + i * q->element_b, row))
        return TC_LEGAL_swizzle;
  }
  b->start_b = starts;
  return TC_LEGAL_ok;
}

enum tc_legal tc_layout_tma(tc_arena *arena, const tc_layout *memory, uint32_t element_bits,
                            const uint32_t *order, tc_tma_boxes *boxes) {
  uint32_t n = memory->n_dims, last_first[TC_LAYOUT_DIMS], seen = 0;
  if (!is_byte_width(element_bits)) return TC_LEGAL_element;
  if (n < 1 || n > MOST_RANK) return TC_LEGAL_shape;
  for (uint32_t i = 0; i < n; i++) {
    last_first[i] = order ? order[i] : n - 1 - i;
    if (last_first[i] < n) seen |= 1u << last_first[i];
  }
  if (seen != (1u << n) - 1) return TC_LEGAL_shape;
  if (!tc_layout_is_surjective(memory)) return TC_LEGAL_bounds;
  if (tc_layout_elements(memory) > TC_LAYOUT_POINTS) return TC_LEGAL_range;
  if (memory->size[TC_SPACE_offset] > TC_LAYOUT_MOST >> 8) return TC_LEGAL_range;
  tma_query q = {memory, NULL, last_first, element_bits / 8};
  enum tc_legal why = TC_LEGAL_swizzle;
  bool found = false;
  for (int s = 0; s < TC_N_SWIZZLES; s++) {
    tc_tma_boxes one = {.swizzle = (enum tc_swizzle)s};
    enum tc_legal answer = try_boxes(arena, &q, &one);
    if (answer == TC_LEGAL_ok && (!found || one.n_boxes < boxes->n_boxes))
      *boxes = one, found = true;
    if (answer != TC_LEGAL_swizzle && s == 0) why = answer;
  }
  return found ? TC_LEGAL_ok : why;
}
