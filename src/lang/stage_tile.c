/* Tile operations that move data: copy, fill, transpose, im2col. */
#include "lang/stage_private.h"

#include <inttypes.h>

/* ---- copy ---- */

static bool is_one(tc_eval *ev, tc_value v) {
  int64_t x;
  return tc_const_of(ev->ir, v, &x) && x == 1;
}

/* An origin operand takes its extents from the other side, aligned from the right. */
static void close_box(tc_eval *ev, stage_box *open, const stage_box *other) {
  tc_value extent[STAGE_MAX_RANK];
  uint32_t n = other->rank;
  for (uint32_t d = 0; d < n; d++)
    extent[d] = other->extent[d];
  /* More extents than dimensions: those of 1 are dropped from the left until it fits. */
  uint32_t first = 0;
  while (n - first > open->rank && is_one(ev, extent[first]))
    first++;
  if (n - first > open->rank) n = tc_stage_box_dims(ev, other, extent, NULL), first = 0;
  if (n - first > open->rank) {
    TC_DIAG(ev->diags, D_copy_rank, open->span, tc_stage_buf_name(ev, open->buf), open->rank,
            n - first);
    tc_stage_note_buf(ev, open->buf);
    tc_stage_note_buf(ev, other->buf);
    tc_diag_stop(ev->diags);
  }
  for (uint32_t k = 0; k < n - first; k++)
    open->extent[open->rank - 1 - k] = extent[n - 1 - k];
  open->open = false;
}

static void copy_mismatch(tc_eval *ev, const stage_box *src, const stage_box *dst, tc_span span) {
  TC_DIAG(ev->diags, D_copy_extents, span, tc_stage_show_shape(ev, src->extent, src->rank),
          tc_stage_show_shape(ev, dst->extent, dst->rank));
  tc_stage_note_buf(ev, src->buf);
  tc_stage_note_buf(ev, dst->buf);
  tc_diag_help(ev->diags, "give both sides the same extents, or slice the larger one");
  tc_diag_stop(ev->diags);
}

/* Which side's extents rule when they differ: registers before shared before global. */
static int level(enum tc_scope scope) {
  switch (scope) {
  case TC_SCOPE_global:
  case TC_SCOPE_tensor_map:
    return 0;
  case TC_SCOPE_shared:
  case TC_SCOPE_tmem:
  case TC_SCOPE_barrier:
    return 1;
  case TC_SCOPE_fragment:
  case TC_SCOPE_local:
  case TC_SCOPE_var:
  case TC_SCOPE_COUNT:
    break;
  }
  return 2;
}

/* One matching pair of dimensions whose extents are not the same value: the lower-level side's
 * extent is used on both and the other side is guarded; a destination that is provably smaller than
 * the source would drop data and is refused. */
static void match_extent(tc_eval *ev, stage_box *src, uint32_t s, stage_box *dst, uint32_t d,
                         bool src_rules, tc_span span) {
  int64_t a, b;
  bool known = tc_const_of(ev->ir, src->extent[s], &a) && tc_const_of(ev->ir, dst->extent[d], &b);
  if (known && a > b) copy_mismatch(ev, src, dst, span);
  if (src_rules)
    dst->extent[d] = src->extent[s];
  else
    src->extent[s] = dst->extent[d];
}

static void match_boxes(tc_eval *ev, stage_box *src, stage_box *dst, tc_span span) {
  tc_value extent[STAGE_MAX_RANK];
  uint32_t src_at[STAGE_MAX_RANK], dst_at[STAGE_MAX_RANK];
  uint32_t n_src = tc_stage_box_dims(ev, src, extent, src_at);
  uint32_t n_dst = tc_stage_box_dims(ev, dst, extent, dst_at);
  bool both_whole = src->whole && dst->whole;
  /* Fewer real dimensions in the source: it is stretched along the missing leading ones. */
  if (n_src < n_dst) {
    bool same_rank = src->rank == dst->rank;
    for (uint32_t d = 0; same_rank && d < src->rank; d++)
      same_rank = is_one(ev, src->extent[d]) || src->extent[d].id == dst->extent[d].id;
    for (uint32_t k = 0; !same_rank && k < n_src; k++)
      if (src->extent[src_at[n_src - 1 - k]].id != dst->extent[dst_at[n_dst - 1 - k]].id)
        copy_mismatch(ev, src, dst, span);
    return;
  }
  if (n_src > n_dst) copy_mismatch(ev, src, dst, span);
  bool src_rules =
      level(tc_buf_at(ev->ir, src->buf)->scope) >= level(tc_buf_at(ev->ir, dst->buf)->scope);
  for (uint32_t k = 0; k < n_src; k++) {
    if (src->extent[src_at[k]].id == dst->extent[dst_at[k]].id) continue;
    if (both_whole) copy_mismatch(ev, src, dst, span);
    match_extent(ev, src, src_at[k], dst, dst_at[k], src_rules, span);
  }
}

static bool is_scalar_element(tc_eval *ev, tc_val v) {
  return v.kind == TC_V_VAR
         || (v.kind == TC_V_ELEMENT && v.element->n == tc_buf_at(ev->ir, v.element->buf)->rank);
}

void tc_stage_copy_boxes(tc_eval *ev, const stage_args *a, stage_box *src, stage_box *dst) {
  if (tc_stage_frame(ev, F_PARALLEL))
    STAGE_FAIL(ev, D_wrong_place, a->span, a->row->name,
               "outside T.Parallel: it works on whole tiles");
  *src = tc_stage_box(ev, a->v[0], "src", a->at[0]);
  *dst = tc_stage_box(ev, a->v[1], "dst", a->at[1]);
  if (src->open && !dst->open)
    close_box(ev, src, dst);
  else if (dst->open && !src->open)
    close_box(ev, dst, src);
  match_boxes(ev, src, dst, a->span);
}

void tc_stage_emit_copy(tc_eval *ev, const stage_box *src, const stage_box *dst, tc_copy payload,
                        tc_value signal, tc_span span) {
  tc_value in[4] = {tc_stage_box_slice(ev, src), tc_stage_box_slice(ev, dst)};
  tc_value safe = tc_stage_safe_of(ev, src->buf, span);
  uint32_t n = 2;
  if (safe.id) in[n++] = safe, payload.flags |= TC_COPY_SAFE;
  if (signal.id) in[n++] = signal, payload.flags |= TC_COPY_SIGNAL;
  tc_stage_tile_stmt(ev, TC_OP_copy, in, n, tc_pl_copy(ev->ir, payload), span);
}

tc_val tc_do_copy(tc_eval *ev, stage_args *a) {
  tc_val src_val = a->v[0], dst_val = a->v[1];
  if (is_scalar_element(ev, src_val) && is_scalar_element(ev, dst_val)) {
    tc_stage_store(ev, dst_val, src_val, a->span);
    return tc_val_none();
  }
  stage_box src, dst;
  tc_stage_copy_boxes(ev, a, &src, &dst);
  tc_copy payload = {
      .flags = tc_stage_bool(ev, a->v[3], "disable_tma", a->at[3]) ? (uint32_t)TC_COPY_NO_TMA : 0u};
  tc_stage_emit_copy(ev, &src, &dst, payload, (tc_value){0}, a->span);
  return tc_val_none();
}

/* ---- fill, transpose, im2col ---- */

tc_val tc_do_fill(tc_eval *ev, stage_args *a) {
  tc_val value = a->row->aux ? a->v[1] : tc_val_int(0);
  if (is_scalar_element(ev, a->v[0])) {
    tc_stage_store(ev, a->v[0], value, a->span);
    return tc_val_none();
  }
  if (tc_stage_frame(ev, F_PARALLEL))
    STAGE_FAIL(ev, D_wrong_place, a->span, a->row->name,
               "outside T.Parallel: it works on whole tiles");
  bool whole = a->v[0].kind == TC_V_BUFFER;
  if (whole && tc_stage_reducer_fill(ev, a->v[0].buf, value, a->row->name, a->span))
    return tc_val_none();
  stage_box box = tc_stage_box(ev, a->v[0], "buffer", a->at[0]);
  tc_type elem = tc_buf_at(ev->ir, box.buf)->elem;
  tc_value in[2] = {tc_stage_box_slice(ev, &box),
                    tc_stage_convert(ev, value, elem, a->row->aux ? a->at[1] : a->span)};
  tc_stage_tile_stmt(ev, TC_OP_fill, in, 2, 0, a->span);
  return tc_val_none();
}

/* The last two dimensions of `to` are those of `from`, swapped; the others are the same, but for 1s
 * that one side has more. */
static bool is_transposed(tc_eval *ev, const stage_box *from, const stage_box *to) {
  uint32_t r = from->rank, q = to->rank, rank = r > q ? r : q;
  if (r < 2 || q < 2 || from->extent[r - 2].id != to->extent[q - 1].id
      || from->extent[r - 1].id != to->extent[q - 2].id)
    return false;
  for (uint32_t k = 3; k <= rank; k++) { /* from the right */
    bool both = k <= r && k <= q;
    if (both ? from->extent[r - k].id != to->extent[q - k].id
             : !is_one(ev, k <= r ? from->extent[r - k] : to->extent[q - k]))
      return false;
  }
  return true;
}

/* A loop over dimension d of `from`, which is dimension e of `to`: both stand at its turn then. */
static void open_leading(tc_eval *ev, stage_box *from, uint32_t d, stage_box *to, uint32_t e,
                         tc_span span) {
  tc_value zero = tc_i32(ev->ir, 0), one = tc_i32(ev->ir, 1);
  tc_type type = tc_value_type(ev->ir, from->extent[d]);
  tc_loop loop = {.var = tc_var_new(ev->ir, "i", TC_VAR_LOOP, type, span)};
  tc_value stmt = tc_for(ev->ir, ev->cursor.at, loop, tc_cast(ev->ir, zero, type), from->extent[d],
                         tc_cast(ev->ir, one, type), span);
  tc_stage_open(ev, tc_child(ev->ir, tc_op_at(ev->ir, stmt), 0));
  tc_value turn = tc_var_value(ev->ir, loop.var);
  from->base[d] = tc_stage_arith(ev, TC_OP_add, from->base[d], turn);
  to->base[e] = tc_stage_arith(ev, TC_OP_add, to->base[e], turn);
  from->extent[d] = to->extent[e] = one;
}

/* A matrix for each point of the leading dimensions, one after another. */
static void emit_transpose(tc_eval *ev, stage_box src, stage_box dst, tc_span span) {
  tc_cursor before = ev->cursor;
  tc_stage_effect(ev, span);
  for (uint32_t k = src.rank < dst.rank ? src.rank : dst.rank; k > 2; k--)
    if (!is_one(ev, src.extent[src.rank - k]))
      open_leading(ev, &src, src.rank - k, &dst, dst.rank - k, span);
  tc_value in[2] = {tc_stage_box_slice(ev, &src), tc_stage_box_slice(ev, &dst)};
  tc_stage_tile_stmt(ev, TC_OP_transpose, in, 2, 0, span);
  tc_stage_close(ev, before);
}

tc_val tc_do_transpose(tc_eval *ev, stage_args *a) {
  stage_box src = tc_stage_box(ev, a->v[0], "src", a->at[0]);
  stage_box dst = tc_stage_box(ev, a->v[1], "dst", a->at[1]);
  if (!is_transposed(ev, &src, &dst)) {
    TC_DIAG(ev->diags, D_transpose_shape, a->span, tc_stage_show_shape(ev, src.extent, src.rank),
            tc_stage_show_shape(ev, dst.extent, dst.rank));
    tc_stage_note_buf(ev, src.buf);
    tc_stage_note_buf(ev, dst.buf);
    tc_diag_stop(ev->diags);
  }
  emit_transpose(ev, src, dst, a->span);
  return tc_val_none();
}

tc_val tc_do_im2col(tc_eval *ev, stage_args *a) {
  stage_box img = tc_stage_box(ev, a->v[0], "img", a->at[0]);
  stage_box col = tc_stage_box(ev, a->v[1], "col", a->at[1]);
  if (img.rank != 4 || col.rank != 2) {
    TC_DIAG(ev->diags, D_im2col_shape, a->span, img.rank, col.rank);
    tc_stage_note_buf(ev, img.buf);
    tc_stage_note_buf(ev, col.buf);
    tc_diag_stop(ev->diags);
  }
  tc_im2col p = {
      tc_stage_int(ev, a->v[4], "kernel", a->at[4]), tc_stage_int(ev, a->v[5], "stride", a->at[5]),
      tc_stage_int(ev, a->v[6], "dilation", a->at[6]), tc_stage_int(ev, a->v[7], "pad", a->at[7])};
  if (p.kernel < 1 || p.stride < 1 || p.dilation < 1 || p.pad < 0)
    STAGE_FAIL(ev, D_argument_value, a->span, a->row->name, "kernel, stride, dilation, pad",
               "positive numbers (pad may be 0)", "a smaller one");
  tc_value in[4] = {tc_stage_box_slice(ev, &img), tc_stage_box_slice(ev, &col),
                    tc_stage_index(ev, a->v[2], "nhw_step", a->at[2]),
                    tc_stage_index(ev, a->v[3], "c_step", a->at[3])};
  tc_stage_tile_stmt(ev, TC_OP_im2col, in, 4, tc_pl_im2col(ev->ir, p), a->span);
  return tc_val_none();
}
