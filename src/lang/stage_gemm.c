/* gemm, dp4a, reductions and scans: shape and dtype rules. */
#include "lang/stage_private.h"

#include <inttypes.h>

/* ---- gemm ---- */

/* The last two dimensions of an operand; the leading ones must be 1. */
static void matrix_of(tc_eval *ev, const stage_box *box, const char *what, tc_value *rows,
                      tc_value *cols) {
  int64_t x;
  bool ok = box->rank >= 2;
  for (uint32_t d = 0; ok && d + 2 < box->rank; d++)
    ok = tc_const_of(ev->ir, box->extent[d], &x) && x == 1;
  for (uint32_t d = 0; ok && d < 2; d++)
    ok = tc_const_of(ev->ir, box->extent[box->rank - 1 - d], &x) && x >= 1;
  if (!ok) {
    TC_DIAG(ev->diags, D_gemm_operand, box->span, what,
            tc_stage_show_shape(ev, box->extent, box->rank));
    tc_stage_note_buf(ev, box->buf);
    tc_diag_help(ev->diags, "an operand is a matrix of constant extents; leading ones must be 1");
    tc_diag_stop(ev->diags);
  }
  *rows = box->extent[box->rank - 2];
  *cols = box->extent[box->rank - 1];
}

static void gemm_mismatch(tc_eval *ev, const stage_args *a, const stage_box *x, const stage_box *y,
                          const char *what, tc_value have, tc_value want, bool could_flip) {
  TC_DIAG(ev->diags, D_gemm_inner, a->span, what, tc_stage_show_value(ev, have),
          tc_stage_show_value(ev, want));
  tc_stage_note_buf(ev, x->buf);
  tc_stage_note_buf(ev, y->buf);
  if (could_flip) tc_diag_help(ev->diags, "did you mean transpose_A=True or transpose_B=True?");
  tc_diag_stop(ev->diags);
}

static void check_gemm_shapes(tc_eval *ev, const stage_args *a, const stage_box box[3],
                              const tc_gemm *p) {
  tc_value r[3], c[3];
  for (int i = 0; i < 3; i++) {
    static const char *const WHAT[] = {"A", "B", "C"};
    matrix_of(ev, &box[i], WHAT[i], &r[i], &c[i]);
  }
  tc_value m = p->trans_a ? c[0] : r[0], ka = p->trans_a ? r[0] : c[0];
  tc_value kb = p->trans_b ? c[1] : r[1], n = p->trans_b ? r[1] : c[1];
  if (ka.id != kb.id) gemm_mismatch(ev, a, &box[0], &box[1], "inner extents", ka, kb, true);
  if (m.id != r[2].id) gemm_mismatch(ev, a, &box[0], &box[2], "rows of A and C", m, r[2], true);
  if (n.id != c[2].id) gemm_mismatch(ev, a, &box[1], &box[2], "columns of B and C", n, c[2], true);
}

/* float operands accumulate in a float, integers in int32 or wider. */
static void check_gemm_types(tc_eval *ev, const stage_args *a, const stage_box box[3]) {
  tc_type t[3];
  for (int i = 0; i < 3; i++)
    t[i] = tc_buf_at(ev->ir, box[i].buf)->elem;
  bool floats = tc_is_float(t[0]) && tc_is_float(t[1]) && tc_is_float(t[2]);
  bool ints = tc_is_int(t[0]) && tc_is_int(t[1]) && tc_is_int(t[2]) && tc_type_bits(t[2]) >= 32;
  bool lanes = t[0].lanes == 1 && t[1].lanes == 1 && t[2].lanes == 1;
  if ((floats || ints) && lanes) return;
  TC_DIAG(ev->diags, D_gemm_types, a->span, tc_type_name(ev->arena, t[0]),
          tc_type_name(ev->arena, t[1]), tc_type_name(ev->arena, t[2]));
  for (int i = 0; i < 3; i++)
    tc_stage_note_buf(ev, box[i].buf);
  tc_diag_help(ev->diags, "use three float types, or integers with an int32 accumulator");
  tc_diag_stop(ev->diags);
}

void tc_stage_gemm(tc_eval *ev, const stage_args *a, const stage_box box[3], tc_gemm p,
                   tc_val clear_accum, tc_span clear_at) {
  check_gemm_shapes(ev, a, box, &p);
  check_gemm_types(ev, a, box);
  tc_value in[4];
  uint32_t n = 3;
  for (int i = 0; i < 3; i++)
    in[i] = tc_stage_box_slice(ev, &box[i]);
  int64_t clear;
  tc_value c = tc_stage_condition(ev, clear_accum, clear_at);
  if (tc_const_of(ev->ir, c, &clear))
    p.clear = clear != 0;
  else
    in[n++] = c;
  tc_stage_tile_stmt(ev, TC_OP_gemm, in, n, tc_pl_gemm(ev->ir, p), a->span);
  if (p.async)
    tc_async_stmt(ev->ir, ev->cursor.at, TC_OP_async_commit, (tc_async){.queue = TC_ASYNC_MMA},
                  a->span);
}

/* What only T.gemm takes: k_pack, mbar, and wg_wait=-1 for a product that is waited for later. */
static void read_gemm_extras(tc_eval *ev, const stage_args *a, tc_gemm *p) {
  p->k_pack = (int32_t)tc_stage_int(ev, a->v[7], "k_pack", a->at[7]);
  if (a->v[8].kind != TC_V_NONE) STAGE_FAIL(ev, D_not_yet, a->at[8], "gemm(mbar=...)");
  p->async = tc_stage_int(ev, a->v[10], "wg_wait", a->at[10]) < 0;
}

tc_val tc_do_gemm(tc_eval *ev, stage_args *a) {
  stage_box box[3] = {tc_stage_box(ev, a->v[0], "A", a->at[0]),
                      tc_stage_box(ev, a->v[1], "B", a->at[1]),
                      tc_stage_box(ev, a->v[2], "C", a->at[2])};
  tc_gemm p = {.trans_a = tc_stage_bool(ev, a->v[3], "transpose_A", a->at[3]),
               .trans_b = tc_stage_bool(ev, a->v[4], "transpose_B", a->at[4]),
               .k_pack = 1,
               .async = a->row->aux != 0};
  if (a->v[5].kind != TC_V_NONE) p.policy = (uint8_t)tc_stage_int(ev, a->v[5], "policy", a->at[5]);
  if (!p.async) read_gemm_extras(ev, a, &p);
  tc_stage_gemm(ev, a, box, p, a->v[6], a->at[6]);
  return tc_val_none();
}

/* ---- dp4a ---- */

/* The 4 lanes of an operand: of a vector, or 4 neighbours along the last dimension. */
static void dp4a_lanes(tc_eval *ev, const stage_args *a, uint32_t operand, tc_value lanes[4]) {
  tc_val v = a->v[operand];
  bool tile = v.kind == TC_V_BUFFER || (v.kind == TC_V_ELEMENT && !v.element->loaded.id);
  tc_value vector = tile ? (tc_value){0} : tc_stage_value(ev, v, a->at[operand]);
  stage_box box = {.rank = 0};
  tc_type elem = vector.id ? tc_value_type(ev->ir, vector) : tc_i32_type();
  if (tile) {
    box = tc_stage_box(ev, v, operand ? "B" : "A", a->at[operand]);
    elem = tc_stage_buffer(ev, box.buf)->elem;
    if (elem.lanes > 1) vector = tc_stage_load(ev, box.buf, box.base, a->at[operand]).value;
  }
  if (elem.dtype != TC_DT_int8 || elem.lanes != (vector.id ? 4 : 1))
    STAGE_FAIL(ev, D_operator_type, a->at[operand], a->row->name, tc_type_name(ev->arena, elem));
  for (uint32_t k = 0; k < 4; k++) {
    tc_value x = vector;
    if (vector.id) {
      x = tc_lane(ev->ir, vector, k);
    } else {
      tc_value at[STAGE_MAX_RANK];
      for (uint32_t d = 0; d < box.rank; d++)
        at[d] = box.base[d];
      if (box.rank)
        at[box.rank - 1] = tc_stage_arith(ev, TC_OP_add, at[box.rank - 1], tc_i32(ev->ir, k));
      x = tc_stage_load(ev, box.buf, at, a->at[operand]).value;
    }
    lanes[k] = tc_cast(ev->ir, x, tc_i32_type());
  }
}

tc_val tc_do_dp4a(tc_eval *ev, stage_args *a) {
  tc_value x[4], y[4];
  tc_val c = a->v[2];
  dp4a_lanes(ev, a, 0, x);
  dp4a_lanes(ev, a, 1, y);
  if (c.kind == TC_V_BUFFER) { /* its first element */
    tc_val zeros[STAGE_MAX_RANK];
    uint32_t rank = tc_stage_buffer(ev, c.buf)->rank;
    for (uint32_t d = 0; d < rank; d++)
      zeros[d] = tc_val_int(0);
    c = tc_stage_subscript(ev, c, zeros, rank, a->at[2]);
  }
  tc_value sum = tc_stage_value(ev, c, a->at[2]);
  tc_type type = tc_value_type(ev->ir, sum);
  if (!tc_type_equal(type, tc_i32_type()))
    STAGE_FAIL(ev, D_operator_type, a->at[2], "dp4a's accumulator", tc_type_name(ev->arena, type));
  for (uint32_t k = 0; k < 4; k++)
    sum = tc_binary(ev->ir, TC_OP_add, sum, tc_binary(ev->ir, TC_OP_mul, x[k], y[k]));
  tc_stage_store(ev, c, tc_val_expr(sum), a->span);
  return tc_val_none();
}

/* ---- reductions ---- */

static void reduce_mismatch(tc_eval *ev, const stage_box *src, const stage_box *dst, uint32_t dim,
                            tc_span span) {
  TC_DIAG(ev->diags, D_reduce_shape, span, tc_stage_show_shape(ev, src->extent, src->rank), dim,
          tc_stage_show_shape(ev, dst->extent, dst->rank));
  tc_stage_note_buf(ev, src->buf);
  tc_stage_note_buf(ev, dst->buf);
  tc_diag_help(ev->diags, "the result lacks the reduced dimension, or has extent 1 there");
  tc_diag_stop(ev->diags);
}

/* A whole vector reduced to one number may be stored in a buffer of one element. */
static bool shapes_fit(tc_eval *ev, const stage_box *src, const stage_box *dst, uint32_t dim) {
  int64_t x;
  if (dst->rank == src->rank) {
    for (uint32_t d = 0; d < src->rank; d++) {
      if (d == dim ? !(tc_const_of(ev->ir, dst->extent[d], &x) && x == 1)
                   : dst->extent[d].id != src->extent[d].id)
        return false;
    }
    return true;
  }
  if (dst->rank + 1 != src->rank) return false;
  for (uint32_t d = 0, s = 0; d < dst->rank; d++, s++) {
    if (s == dim) s++;
    if (dst->extent[d].id != src->extent[s].id) return false;
  }
  return true;
}

static tc_val emit_reduce(tc_eval *ev, stage_args *a, enum tc_reduce_kind kind, int64_t dim,
                          bool clear, bool nan) {
  stage_box src = tc_stage_box(ev, a->v[0], "buffer", a->at[0]);
  stage_box dst = tc_stage_box(ev, a->v[1], "out", a->at[1]);
  if (dim < 0) dim += src.rank;
  if (dim < 0 || dim >= (int64_t)src.rank) STAGE_FAIL(ev, D_dim_range, a->span, dim, src.rank);
  if (!shapes_fit(ev, &src, &dst, (uint32_t)dim))
    reduce_mismatch(ev, &src, &dst, (uint32_t)dim, a->span);
  tc_type type = tc_buf_at(ev->ir, src.buf)->elem;
  bool bits = kind == TC_RED_BITAND || kind == TC_RED_BITOR || kind == TC_RED_BITXOR;
  if (bits && tc_is_float(type))
    STAGE_FAIL(ev, D_operator_type, a->span, a->row->name, tc_type_name(ev->arena, type));
  tc_reduce p = {.kind = (uint8_t)kind, .dim = (uint32_t)dim, .clear = clear, .nan_propagate = nan};
  tc_value in[2] = {tc_stage_box_slice(ev, &src), tc_stage_box_slice(ev, &dst)};
  tc_stage_tile_stmt(ev, TC_OP_reduce, in, 2, tc_pl_reduce(ev->ir, p), a->span);
  return tc_val_none();
}

static bool flag_named(tc_eval *ev, const stage_args *a, const char *name, bool otherwise) {
  for (uint32_t i = 0; i < a->n; i++)
    if (tc_str_is(a->names[i], name)) return tc_stage_bool(ev, a->v[i], name, a->at[i]);
  return otherwise;
}

tc_val tc_do_reduce(tc_eval *ev, stage_args *a) {
  int64_t dim = tc_stage_int(ev, a->v[2], "dim", a->at[2]);
  return emit_reduce(ev, a, (enum tc_reduce_kind)a->row->aux, dim, flag_named(ev, a, "clear", true),
                     flag_named(ev, a, "nan_propagate", false));
}

tc_val tc_do_reduce_named(tc_eval *ev, stage_args *a) {
  static const char *const NAMES[] = {"sum",    "max",    "min",   "absmax",
                                      "abssum", "bitand", "bitor", "bitxor"};
  tc_str name = a->v[2].kind == TC_V_STR ? a->v[2].str->text : TC_STR("");
  int64_t dim = tc_stage_int(ev, a->v[3], "dim", a->at[3]);
  if (dim < 0) STAGE_FAIL(ev, D_argument_value, a->at[3], "reduce", "dim", "0 or more", "less");
  for (size_t i = 0; i < TC_COUNT(NAMES); i++)
    if (tc_str_is(name, NAMES[i]))
      return emit_reduce(ev, a, (enum tc_reduce_kind)i, dim, flag_named(ev, a, "clear", true),
                         flag_named(ev, a, "nan_propagate", false));
  STAGE_FAIL(ev, D_argument_value, a->at[2], "reduce", "reduce_type",
             "sum, max, min, absmax, abssum, bitand, bitor or bitxor", tc_str_dup(ev->arena, name));
}

/* T.any_of, and with aux T.all_of: loops over the elements. They may stand in a T.Parallel, where a
 * tile operation may not. */
tc_val tc_do_any_of(tc_eval *ev, stage_args *a) {
  bool all = a->row->aux, row = a->v[0].kind == TC_V_BUFFER || a->v[0].kind == TC_V_REGION;
  if (a->v[0].kind == TC_V_ELEMENT)
    row = a->v[0].element->n < tc_stage_buffer(ev, a->v[0].element->buf)->rank;
  if (!row)
    STAGE_FAIL(ev, D_argument_value, a->at[0], a->row->name, "buffer", "a buffer or a region",
               tc_val_kind_name(a->v[0]));
  stage_box box = tc_stage_box(ev, a->v[0], "buffer", a->at[0]);
  tc_type bit = tc_scalar_type(TC_DT_bool);
  tc_buf found = tc_buf_new(ev->ir, a->row->name, bit, TC_SCOPE_var, 0, NULL, a->span);
  tc_value none = {0}, zero = tc_i32(ev->ir, 0), one = tc_i32(ev->ir, 1), index[STAGE_MAX_RANK];
  tc_stage_effect(ev, a->span);
  tc_alloc(ev->ir, ev->cursor.at, found, a->span);
  tc_store(ev->ir, ev->cursor.at, found, NULL, tc_const_bool(ev->ir, all), none, a->span);
  tc_cursor before = ev->cursor;
  for (uint32_t d = 0; d < box.rank; d++) {
    int64_t extent;
    index[d] = box.base[d];
    if (tc_const_of(ev->ir, box.extent[d], &extent) && extent == 1) continue;
    tc_type type = tc_value_type(ev->ir, box.extent[d]);
    tc_loop loop = {.var = tc_var_new(ev->ir, "i", TC_VAR_LOOP, type, a->span)};
    tc_value stmt = tc_for(ev->ir, ev->cursor.at, loop, tc_cast(ev->ir, zero, type), box.extent[d],
                           tc_cast(ev->ir, one, type), a->span);
    tc_stage_open(ev, tc_child(ev->ir, tc_op_at(ev->ir, stmt), 0));
    index[d] = tc_stage_arith(ev, TC_OP_add, index[d], tc_var_value(ev->ir, loop.var));
  }
  tc_value x = tc_cast(ev->ir, tc_stage_load(ev, box.buf, index, a->span).value, bit);
  tc_value so_far = tc_stage_load(ev, found, NULL, a->span).value;
  x = tc_binary(ev->ir, all ? TC_OP_and : TC_OP_or, so_far, x);
  tc_store(ev->ir, ev->cursor.at, found, NULL, x, none, a->span);
  tc_stage_close(ev, before);
  return tc_stage_load(ev, found, NULL, a->span);
}

tc_val tc_do_scan(tc_eval *ev, stage_args *a) {
  stage_box src = tc_stage_box(ev, a->v[0], "src", a->at[0]);
  bool in_place = a->v[1].kind == TC_V_NONE;
  stage_box dst = in_place ? src : tc_stage_box(ev, a->v[1], "dst", a->at[1]);
  int64_t dim = tc_stage_int(ev, a->v[2], "dim", a->at[2]);
  if (dim < 0) dim += src.rank;
  if (dim < 0 || dim >= (int64_t)src.rank) STAGE_FAIL(ev, D_dim_range, a->span, dim, src.rank);
  bool same = src.rank == dst.rank;
  for (uint32_t d = 0; same && d < src.rank; d++)
    same = src.extent[d].id == dst.extent[d].id;
  if (!same) {
    TC_DIAG(ev->diags, D_copy_extents, a->span, tc_stage_show_shape(ev, src.extent, src.rank),
            tc_stage_show_shape(ev, dst.extent, dst.rank));
    tc_diag_stop(ev->diags);
  }
  tc_scan p = {.kind = (uint8_t)a->row->aux,
               .dim = (uint32_t)dim,
               .reverse = tc_stage_bool(ev, a->v[3], "reverse", a->at[3])};
  tc_value in[2] = {tc_stage_box_slice(ev, &src), tc_stage_box_slice(ev, &dst)};
  tc_stage_tile_stmt(ev, TC_OP_scan, in, 2, tc_pl_scan(ev->ir, p), a->span);
  return tc_val_none();
}
