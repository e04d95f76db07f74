/* Transposition and im2col. */
#include "target/cpu/cpu_impl.h"

#include <inttypes.h>

static tc_type scalar_of(tc_type elem) {
  return (tc_type){elem.dtype, 0, 1};
}

static void refuse_shapes(tc_cpu *c, tc_value stmt, const char *why) {
  tc_ir *ir = c->e->ir;
  const char *op = tc_op_row((enum tc_opcode)tc_op_at(ir, stmt)->opcode)->name;
  TC_DIAG(ir->diags, D_extents_differ, tc_op_at(ir, stmt)->span, op, why);
  tc_diag_stop(ir->diags);
}

/* The last two dimensions are the matrix, the others have extent 1. */
static void want_matrix(tc_cpu *c, tc_value stmt, const tc_side *s) {
  if (s->b->elem.lanes != 1) tc_ce_refuse(c->e, stmt, "this operation on a buffer of vectors");
  bool fits = s->rank >= 2;
  for (uint32_t d = 0; d + 2 < s->rank; d++)
    fits = fits && s->d[d].extent_k == 1;
  if (!fits) refuse_shapes(c, stmt, "a matrix was expected");
}

/* Element of a tile in the type it is moved to, 0 where it lies outside. */
static const char *element(tc_cpu *c, const tc_side *s, const char *const *at, tc_type to) {
  tc_cemit *e = c->e;
  const char *x =
      tc_ce_converted(e, scalar_of(s->b->elem), to, tc_ce_get(e, s->buf, tc_cpu_point(c, s, at)));
  const char *in = tc_cpu_inside(c, s, at);
  if (!in) return x;
  return tc_ce_text(e, "(%s ? %s : %s)", in, x,
                    tc_ce_converted(e, tc_scalar_type(TC_DT_int32), to, "0"));
}

static void put(tc_cpu *c, const tc_side *s, const char *const *at, const char *bits) {
  tc_cemit *e = c->e;
  const char *in = tc_cpu_inside(c, s, at);
  const char *set = tc_ce_put(e, s->buf, tc_cpu_point(c, s, at), bits);
  tc_cw_line(&e->w, in ? "if (%s) %s" : "%s%s", in ? in : "", set);
}

/* Blocks of 16 x 16 touch 16 lines on either side, which stay in the first-level cache. */
static void open_blocks(tc_cemit *e, const char *m, const char *n) {
  tc_cw_open(&e->w, "for (tc_i64 ib = 0; ib < %s; ib += 16)", m);
  tc_cw_open(&e->w, "for (tc_i64 jb = 0; jb < %s; jb += 16)", n);
  tc_cw_open(&e->w, "for (tc_i64 i = ib; i < tc_min64(ib + 16, %s); i++)", m);
  tc_cw_open(&e->w, "for (tc_i64 j = jb; j < tc_min64(jb + 16, %s); j++)", n);
}

static void close_blocks(tc_cemit *e) {
  for (int k = 0; k < 4; k++)
    tc_cw_close(&e->w);
}

void tc_cpu_transpose(tc_cpu *c, tc_value stmt) {
  tc_cemit *e = c->e;
  const tc_op *op = tc_op_at(e->ir, stmt);
  tc_cw_open(&e->w, "%s", "");
  tc_side from = tc_cpu_side(c, tc_input(e->ir, op, 0)),
          to = tc_cpu_side(c, tc_input(e->ir, op, 1));
  want_matrix(c, stmt, &from);
  want_matrix(c, stmt, &to);
  uint32_t r = from.rank, q = to.rank;
  const char *m = from.d[r - 2].extent, *n = from.d[r - 1].extent;
  tc_cpu_check_equal(c, stmt, m, to.d[q - 1].extent);
  tc_cpu_check_equal(c, stmt, n, to.d[q - 2].extent);
  tc_type elem = scalar_of(to.b->elem);
  const char *from_at[TC_CPU_RANK] = {0}, *to_at[TC_CPU_RANK] = {0};
  from_at[r - 2] = to_at[q - 1] = "i";
  from_at[r - 1] = to_at[q - 2] = "j";
  bool same = from.b->root.id == to.b->root.id;
  if (same) { /* in place: everything is read first */
    int64_t rows = from.d[r - 2].extent_k, columns = from.d[r - 1].extent_k;
    if (rows < 0 || columns < 0)
      tc_ce_refuse(e, stmt, "a transposition in place of unknown extent");
    tc_cpu_work(c, 0, (uint64_t)rows * (uint64_t)columns * 8);
    tc_cw_line(&e->w, "%s *const all = (%s *)work;", tc_ce_storage(elem), tc_ce_storage(elem));
    open_blocks(e, m, n);
    tc_cw_line(&e->w, "all[i * (%s) + j] = %s;", n, element(c, &from, from_at, elem));
    close_blocks(e);
  }
  open_blocks(e, m, n);
  put(c, &to, to_at,
      same ? tc_ce_text(e, "all[i * (%s) + j]", n) : element(c, &from, from_at, elem));
  close_blocks(e);
  tc_cw_close(&e->w);
}

/* ---- im2col ---- */

/* One row of the im2col matrix is an output position (n, oh, ow), one column a kernel position and
 * channel (kh, kw, c). */
static const char *output_extent(tc_cemit *e, const tc_im2col *x, const char *image) {
  const char *span = tc_cw_temp(&e->w, "tc_i64", "%s + %" PRId64, image,
                                2 * x->pad - x->dilation * (x->kernel - 1) - 1);
  return tc_cw_temp(&e->w, "tc_i64", "%s < 0 ? 0 : %s / %" PRId64 " + 1", span, span, x->stride);
}

static bool is_sane(int64_t x, int64_t least) {
  return x >= least && x < INT64_C(1) << 20;
}

static void column_loop(tc_cpu *c, const tc_side *image, const tc_side *to, const tc_im2col *x) {
  tc_cemit *e = c->e;
  uint32_t r = to->rank;
  const char *channels = image->d[3].extent;
  tc_cw_open(&e->w, "for (tc_i64 j = 0; j < %s; j++)", to->d[r - 1].extent);
  tc_cw_line(&e->w, "const tc_i64 column = column_0 + j;");
  tc_cw_line(&e->w, "const tc_i64 tap = %s > 0 ? column / %s : 0, ch = %s > 0 ? column %% %s : 0;",
             channels, channels, channels, channels);
  tc_cw_line(&e->w,
             "const tc_i64 h = oh * %" PRId64 " + tap / %" PRId64 " * %" PRId64 " - %" PRId64 ";",
             x->stride, x->kernel, x->dilation, x->pad);
  tc_cw_line(&e->w,
             "const tc_i64 w = ow * %" PRId64 " + tap %% %" PRId64 " * %" PRId64 " - %" PRId64 ";",
             x->stride, x->kernel, x->dilation, x->pad);
  tc_cw_line(&e->w,
             "const tc_bool in = row_in & column >= 0 & %s > 0 & tap < %" PRId64
             " & h >= 0 & h < %s & w >= 0 & w < %s;",
             channels, x->kernel * x->kernel, image->d[1].extent, image->d[2].extent);
  const char *at[TC_CPU_RANK] = {"image", "h", "w", "ch"}, *to_at[TC_CPU_RANK] = {0};
  to_at[r - 2] = "i";
  to_at[r - 1] = "j";
  tc_type elem = scalar_of(to->b->elem);
  const char *zero = tc_ce_converted(e, tc_scalar_type(TC_DT_int32), elem, "0");
  tc_cw_line(&e->w, "const %s bits = in ? (%s) : %s;", tc_ce_storage(elem),
             element(c, image, at, elem), zero);
  put(c, to, to_at, "bits");
  tc_cw_close(&e->w);
}

static void im2col_rows(tc_cpu *c, tc_value stmt, const tc_side *image, const tc_side *to,
                        const tc_im2col *x) {
  tc_cemit *e = c->e;
  const tc_op *op = tc_op_at(e->ir, stmt);
  uint32_t r = to->rank;
  const char *out_h = output_extent(e, x, image->d[1].extent);
  const char *out_w = output_extent(e, x, image->d[2].extent);
  const char *per_image = tc_cw_temp(&e->w, "tc_i64", "%s * %s", out_h, out_w);
  tc_cw_line(&e->w, "const tc_i64 row_0 = (tc_i64)%s * %s, column_0 = (tc_i64)%s * %s;",
             tc_ce_ref(e, tc_input(e->ir, op, 2), 0), to->d[r - 2].extent,
             tc_ce_ref(e, tc_input(e->ir, op, 3), 0), to->d[r - 1].extent);
  tc_cw_open(&e->w, "for (tc_i64 i = 0; i < %s; i++)", to->d[r - 2].extent);
  tc_cw_line(&e->w, "const tc_i64 row = row_0 + i;");
  tc_cw_line(&e->w, "const tc_i64 image = %s > 0 ? row / %s : 0;", per_image, per_image);
  tc_cw_line(&e->w, "const tc_i64 position = %s > 0 ? row %% %s : 0;", per_image, per_image);
  tc_cw_line(&e->w,
             "const tc_i64 oh = %s > 0 ? position / %s : 0, ow = %s > 0 ? position %% %s : 0;",
             out_w, out_w, out_w, out_w);
  tc_cw_line(&e->w, "const tc_bool row_in = row >= 0 & %s > 0 & image < %s;", per_image,
             image->d[0].extent);
  column_loop(c, image, to, x);
  tc_cw_close(&e->w);
}

void tc_cpu_im2col(tc_cpu *c, tc_value stmt) {
  tc_cemit *e = c->e;
  const tc_op *op = tc_op_at(e->ir, stmt);
  const tc_im2col *x = tc_im2col_of(e->ir, stmt);
  tc_cw_open(&e->w, "%s", "");
  tc_side image = tc_cpu_side(c, tc_input(e->ir, op, 0)),
          to = tc_cpu_side(c, tc_input(e->ir, op, 1));
  want_matrix(c, stmt, &to);
  if (image.b->elem.lanes != 1) tc_ce_refuse(e, stmt, "this operation on a buffer of vectors");
  if (image.rank != 4) refuse_shapes(c, stmt, "an image of 4 dimensions was expected");
  if (image.b->root.id == to.b->root.id) tc_ce_refuse(e, stmt, "im2col within one buffer");
  if (!is_sane(x->kernel, 1) || !is_sane(x->stride, 1) || !is_sane(x->dilation, 1)
      || !is_sane(x->pad, 0))
    tc_ce_refuse(e, stmt, "this window of im2col");
  im2col_rows(c, stmt, &image, &to, x);
  tc_cw_close(&e->w);
}
