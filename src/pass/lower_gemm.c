/* Matrix products by wgmma: operands stay in shared memory, descriptors say where; A of 16-bit
 * elements may be a fragment.
 *
 *   gemm A[*], B[*] -> C[*] clear_if %k == 0 wgmma        (C: two blocks of 64 rows a warpgroup)
 *   ->  fence; a, b = descriptors; for each step of k, for each block: wgmma C_block, a + .., b +
 * ..
 */
#include "pass/lower.h"

#include "ir/form.h"

enum { WARPGROUP = 4 * TC_WARP, BLOCK_ROWS = 64, STEP_B = 32 };

typedef struct product {
  tc_lower *lw;
  tc_value stmt;
  tc_gemm what;
  tc_lower_tile a, b;
  tc_lower_buf *c;
  int64_t m, n, k; /* of one warpgroup */
  uint32_t bits;
  tc_value clear; /* bool: overwrite; 0: never */
  tc_buf words;   /* A, when it is a fragment; 0: it is in shared memory */
} product;

static int wgmma_row(enum tc_dtype dtype) {
  switch ((int)dtype) { /* table */
  case TC_DT_float16:
    return TC_PRIM_wgmma_f16;
  case TC_DT_bfloat16:
    return TC_PRIM_wgmma_bf16;
  case TC_DT_tfloat32:
    return TC_PRIM_wgmma_tf32;
  case TC_DT_float8_e4m3fn:
    return TC_PRIM_wgmma_e4m3;
  case TC_DT_float8_e5m2:
    return TC_PRIM_wgmma_e5m2;
  case TC_DT_int8:
    return TC_PRIM_wgmma_s8;
  default:
    return -1;
  }
}

static void want_whole(tc_lower *lw, tc_value slice, const tc_layout *l) {
  for (uint32_t d = 0; d < l->n_dims; d++) {
    int64_t base, extent;
    if (!tc_const_of(lw->ir, tc_slice_base(lw->ir, slice, d), &base) || base
        || !tc_const_of(lw->ir, tc_slice_extent(lw->ir, slice, d), &extent)
        || extent != l->bound[d])
      tc_lower_refuse(lw, "a product into a part of a fragment");
  }
}

/* An operand as one legal tile: start of each step by descriptor, for rows (or columns) from
 * `first` of the whole operand on. */
static tc_wgmma_operand operand_at(product *p, const tc_lower_tile *t, bool k_first, int64_t first,
                                   int64_t mn) {
  tc_lower *lw = p->lw;
  const tc_layout *memory = t->b->layout;
  uint32_t last = memory->n_dims - 1;
  int64_t origin[TC_LAYOUT_DIMS];
  tc_wgmma_operand operand;
  for (uint32_t d = 0; d <= last; d++)
    origin[d] = t->origin[d];
  tc_wgmma_tile tile = {.mn_dim = k_first ? last : last - 1,
                        .k_dim = k_first ? last - 1 : last,
                        .mn = mn,
                        .n_steps = p->k * p->bits / 8 / STEP_B,
                        .origin = origin,
                        .element_bits = p->bits};
  origin[tile.mn_dim] += first;
  enum tc_legal legal = tc_layout_wgmma(lw->arena, memory, &tile, &operand);
  if (legal != TC_LEGAL_ok)
    tc_lower_refuse(lw, tc_format(lw->ir->arena, "a product of a tile with this layout: %s",
                                  tc_legal_text(legal)));
  return operand;
}

/* The descriptor of what begins `start` bytes into the version, plus `by` bytes times `index`. */
static tc_value descriptor(product *p, const tc_lower_tile *t, const tc_wgmma_operand *o,
                           tc_value index, int64_t by) {
  tc_lower *lw = p->lw;
  int64_t per_b = 8; /* bits */
  tc_value at = tc_i32(lw->ir, o->start_b[0] * per_b / p->bits);
  at = tc_lower_add(lw, at, tc_lower_mul(lw, index, by * per_b / p->bits));
  at = tc_lower_add(lw, t->version, at);
  tc_value in[4] = {tc_lower_slice(lw, t->b->arrays[0], at, 128 / p->bits),
                    tc_i32(lw->ir, o->leading_b), tc_i32(lw->ir, o->stride_b),
                    tc_i32(lw->ir, tc_swizzle_info(o->swizzle)->wgmma)};
  return tc_lower_prim(lw, TC_PRIM_matrix_descriptor, 0, in, 4);
}

/* Addresses in descriptors count units of 16 bytes. */
static tc_value moved(product *p, tc_value descriptor_value, int64_t bytes) {
  tc_ir *ir = p->lw->ir;
  return tc_binary(ir, TC_OP_add, descriptor_value,
                   tc_const_int(ir, tc_scalar_type(TC_DT_uint64), bytes / 16));
}

/* Distance in bytes between what warpgroups `count` apart read; the same for all. */
static int64_t uniform_step(product *p, const tc_lower_tile *t, bool k_first, int64_t count,
                            int64_t each, const tc_wgmma_operand *first) {
  int64_t by = 0;
  for (int64_t i = 1; i < count; i++) {
    tc_wgmma_operand o = operand_at(p, t, k_first, i * each, each < BLOCK_ROWS ? each : BLOCK_ROWS);
    int64_t distance = o.start_b[0] - first->start_b[0];
    if (i == 1) by = distance;
    if (distance != i * by) tc_lower_refuse(p->lw, "operands at uneven distances");
  }
  return by;
}

static tc_value warpgroup(product *p) {
  return tc_lower_div(p->lw, tc_lower_local(p->lw), WARPGROUP);
}

static tc_value scale_d(product *p, int64_t step) {
  tc_ir *ir = p->lw->ir;
  if (step || !p->clear.id) return tc_const_bool(ir, true);
  if (!tc_is(ir, p->clear, TC_OP_eq)) return tc_unary(ir, TC_OP_not, p->clear);
  const tc_op *op = tc_op_at(ir, p->clear);
  return tc_binary(ir, TC_OP_ne, tc_input(ir, op, 0), tc_input(ir, op, 1));
}

/* ---- A in registers ---- */

/* Words of all steps: none may change before the product is done. Steps of k come first, blocks of
 * rows after them. */
static void take_a(product *p) {
  tc_lower *lw = p->lw;
  const int64_t extents[2] = {p->m * p->c->rows, p->k}, groups[2] = {p->c->rows, 1};
  const tc_layout *l = tc_layout_cover(
      lw->arena, tc_layout_fragment(lw->arena, TC_FRAGMENT_wgmma_a16), extents, groups);
  if (l && p->c->columns > 1)
    l = tc_layout_replicate(lw->arena, l, p->c->columns, TC_SPACE_thread, TC_TILE_OUTER);
  if (p->bits != 16 || p->what.async || !l || !tc_layout_equal(l, p->a.b->layout))
    tc_lower_refuse(lw, tc_format(lw->ir->arena,
                                  "a product by wgmma of '%s', which lies in other "
                                  "registers than the instructions take it from",
                                  tc_name_of(lw->ir, p->a.old->name)));
  int64_t per_word = 32 / p->bits, n = l->size[TC_SPACE_slot] / per_word;
  tc_value extent = tc_i32(lw->ir, n);
  p->words =
      tc_buf_new(lw->ir, "a", tc_scalar_type(TC_DT_uint32), TC_SCOPE_local, 1, &extent, lw->span);
  tc_alloc(lw->ir, lw->at, p->words, lw->span);
  for (int64_t i = 0; i < n; i++) {
    tc_value at = tc_i32(lw->ir, i);
    tc_store(lw->ir, lw->at, p->words, &at, tc_lower_word(lw, p->a.b, p->bits, i * per_word),
             (tc_value){0}, lw->span);
  }
}

static void issue_held(product *p) {
  enum { WORDS = 4 };
  tc_lower *lw = p->lw;
  tc_ir *ir = lw->ir;
  tc_wgmma_operand b = operand_at(p, &p->b, !p->what.trans_b, 0, p->n);
  int64_t n_steps = p->k * p->bits / 8 / STEP_B, next = 0;
  if (p->c->columns > 1)
    next = operand_at(p, &p->b, !p->what.trans_b, p->n, p->n).start_b[0] - b.start_b[0];
  if (p->c->columns > 2) tc_lower_refuse(lw, "more than two warpgroups side by side");
  tc_value column = p->c->columns > 1 ? tc_lower_div(lw, warpgroup(p), p->c->rows) : tc_i32(ir, 0);
  tc_value db = descriptor(p, &p->b, &b, column, next);
  bool f16 = p->a.old->elem.dtype == TC_DT_float16;
  for (int64_t step = 0; step < n_steps; step++)
    for (int64_t block = 0; block < p->m / BLOCK_ROWS; block++) {
      tc_value at = tc_i32(ir, (block * n_steps + step) * WORDS);
      tc_value in[4] = {tc_slice_whole(ir, p->c->arrays[block]),
                        tc_lower_slice(lw, p->words, at, WORDS),
                        moved(p, db, b.start_b[step] - b.start_b[0]), scale_d(p, step)};
      tc_prim prim = {.row = (uint16_t)(f16 ? TC_PRIM_wgmma_rs_f16 : TC_PRIM_wgmma_rs_bf16),
                      .n = (uint32_t)p->n,
                      .trans_b = b.mn_major};
      tc_prim_stmt(ir, lw->at, prim, in, 4, lw->span);
    }
}

/* All steps of k, the blocks inside: the same descriptor of B serves them in a row. */
static void issue(product *p) {
  tc_lower *lw = p->lw;
  const tc_gemm *w = &p->what;
  tc_wgmma_operand a = operand_at(p, &p->a, w->trans_a, 0, BLOCK_ROWS);
  tc_wgmma_operand b = operand_at(p, &p->b, !w->trans_b, 0, p->n);
  int64_t next_a = uniform_step(p, &p->a, w->trans_a, p->c->rows, p->m, &a);
  int64_t next_b = 0;
  if (p->c->columns > 1) {
    tc_wgmma_operand second = operand_at(p, &p->b, !w->trans_b, p->n, p->n);
    next_b = second.start_b[0] - b.start_b[0];
    if (p->c->columns > 2) tc_lower_refuse(lw, "more than two warpgroups side by side");
  }
  tc_value zero = tc_i32(lw->ir, 0), group = warpgroup(p);
  tc_value row = p->c->rows > 1 ? tc_lower_mod(lw, group, p->c->rows) : zero;
  if (p->c->columns == 1) row = p->c->rows > 1 ? group : zero;
  tc_value column = p->c->columns > 1 ? tc_lower_div(lw, group, p->c->rows) : zero;
  tc_value da = descriptor(p, &p->a, &a, row, next_a);
  tc_value db = descriptor(p, &p->b, &b, column, next_b);
  int64_t n_steps = p->k * p->bits / 8 / STEP_B;
  for (int64_t step = 0; step < n_steps; step++)
    for (int64_t block = 0; block < p->m / BLOCK_ROWS; block++) {
      tc_wgmma_operand at = operand_at(p, &p->a, w->trans_a, block * BLOCK_ROWS, BLOCK_ROWS);
      tc_value in[4] = {tc_slice_whole(lw->ir, p->c->arrays[block]),
                        moved(p, da, at.start_b[step] - a.start_b[0]),
                        moved(p, db, b.start_b[step] - b.start_b[0]), scale_d(p, step)};
      tc_prim prim = {.row = (uint16_t)wgmma_row((enum tc_dtype)p->a.old->elem.dtype),
                      .n = (uint32_t)p->n,
                      .trans_a = a.mn_major,
                      .trans_b = b.mn_major};
      tc_prim_stmt(lw->ir, lw->at, prim, in, 4, lw->span);
    }
}

static void check(product *p) {
  tc_lower *lw = p->lw;
  enum tc_dtype dtype = (enum tc_dtype)p->a.old->elem.dtype;
  if (wgmma_row(dtype) < 0 || p->b.old->elem.dtype != dtype)
    tc_lower_refuse(lw, "a product of these element types by wgmma");
  if (lw->count != p->c->rows * p->c->columns * WARPGROUP || lw->first % WARPGROUP)
    tc_lower_refuse(lw, "a product by threads that are no warpgroups");
  if (p->m % BLOCK_ROWS || p->n % 8 || p->n > 256 || p->k * p->bits / 8 % STEP_B)
    tc_lower_refuse(lw, "a product of this shape by wgmma");
}

void tc_lower_wgmma(tc_lower *lw, tc_value stmt) {
  tc_ir *ir = lw->ir;
  const tc_op *op = tc_op_at(ir, stmt);
  product p = {.lw = lw, .stmt = stmt, .what = *tc_gemm_of(ir, stmt)};
  tc_buf a = tc_slice_buf(ir, tc_input(ir, op, 0));
  bool held = tc_buf_at(ir, a)->scope == TC_SCOPE_fragment;
  if (held)
    p.a = (tc_lower_tile){.b = tc_lower_buffer(lw, a), .old = tc_buf_at(ir, a)};
  else
    p.a = tc_lower_tile_of(lw, tc_input(ir, op, 0));
  p.b = tc_lower_tile_of(lw, tc_input(ir, op, 1));
  p.c = tc_lower_buffer(lw, tc_slice_buf(ir, tc_input(ir, op, 2)));
  want_whole(lw, tc_input(ir, op, 2), p.c->layout);
  p.bits = tc_type_bits(p.a.old->elem);
  p.m = p.c->layout->bound[0] / p.c->rows;
  p.n = p.c->layout->bound[1] / p.c->columns;
  uint32_t last = p.a.b->layout->n_dims - 1;
  p.k = held ? p.a.b->layout->bound[last] : p.a.extent[p.what.trans_a ? last - 1 : last];
  if (p.what.clear) p.clear = tc_const_bool(ir, true);
  if (op->n_in == 4) p.clear = tc_lower_value(lw, tc_input(ir, op, 3));
  check(&p);
  if (held) take_a(&p);
  tc_lower_prim(lw, TC_PRIM_wgmma_fence, 0, NULL, 0);
  if (held)
    issue_held(&p);
  else
    issue(&p);
  if (p.what.async) return;
  tc_lower_prim(lw, TC_PRIM_wgmma_commit, 0, NULL, 0);
  tc_lower_prim(lw, TC_PRIM_wgmma_wait, 0, NULL, 0);
}

void tc_lower_gemm(tc_lower *lw, tc_value stmt) {
  const tc_gemm *gemm = tc_gemm_of(lw->ir, stmt);
  if (lw->single)
    tc_lower_refuse_help(lw, "a product inside the code of one thread",
                         "let all threads come to the product");
  if (gemm->engine == TC_ENGINE_wgmma)
    tc_lower_wgmma(lw, stmt);
  else if (gemm->engine == TC_ENGINE_mma_sync)
    tc_lower_mma(lw, stmt);
  else
    tc_lower_fma(lw, stmt);
}
