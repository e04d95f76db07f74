/* Reductions and scans along one dimension.
 *
 * Order of float additions: a row that is contiguous in memory is summed in 64 lanes that are then
 * added pairwise, anything else in order of the index. A lane adds n / 64 terms and the tree has 6
 * levels, so the result differs from the exact sum by at most (n / 64 + 7) * 2^-24 * sum |x|, which
 * is less than what is allowed for adding in order. Scans add in order and are bit-exact. */
#include "target/cpu/cpu_impl.h"

#include "ir/typing.h"

#include "ir/scalar.h"

enum { LANES = 64 };

typedef struct lines {
  tc_cpu *c;
  tc_value stmt;
  tc_side from, to;
  int map[TC_CPU_RANK];
  uint32_t dim; /* of `from` */
  enum tc_reduce_kind kind;
  tc_type sum; /* in which elements are combined */
  bool nan_propagate;
  uint32_t loops[TC_CPU_RANK], n; /* the other dimensions of `from` */
  int lane_dim;                   /* the one among them that is contiguous, or -1 */
} lines;

static tc_type scalar_of(tc_type elem) {
  return (tc_type){elem.dtype, 0, 1};
}

static tc_type sum_type(const lines *l) {
  tc_type a = scalar_of(l->from.b->elem), b = scalar_of(l->to.b->elem);
  if (!tc_is_float(a) && !tc_is_float(b)) return b;
  bool wide = a.dtype == TC_DT_float64 || b.dtype == TC_DT_float64;
  return tc_scalar_type(wide ? TC_DT_float64 : TC_DT_float32);
}

static const char *neutral_text(const lines *l) {
  return tc_ce_const(l->c->e, l->sum, tc_reduce_neutral(l->kind, l->sum));
}

static bool is_bits(enum tc_reduce_kind kind) {
  return kind == TC_RED_BITAND || kind == TC_RED_BITOR || kind == TC_RED_BITXOR;
}

static bool is_ordered(enum tc_reduce_kind kind) {
  return kind == TC_RED_MAX || kind == TC_RED_MIN || kind == TC_RED_ABSMAX;
}

/* ---- elements ---- */

/* a and b combined, as a value of the sum's type. */
static const char *combine(const lines *l, const char *a, const char *b) {
  tc_cemit *e = l->c->e;
  const char *x = tc_ce_binary(e, tc_reduce_op(l->kind, l->sum), l->sum, a, b);
  if (!l->nan_propagate || !is_ordered(l->kind) || !tc_is_float(l->sum)) return x;
  return tc_ce_text(e, "%s != %s ? %s : %s != %s ? %s : %s", a, a, a, b, b, b, x);
}

/* An element of `from` at a point, in the sum's type, 0 outside the buffer. */
static const char *element(const lines *l, const char *const *at) {
  tc_cemit *e = l->c->e;
  tc_type elem = scalar_of(l->from.b->elem);
  const char *x =
      tc_ce_cast(e, elem, l->sum, tc_ce_get(e, l->from.buf, tc_cpu_point(l->c, &l->from, at)));
  const char *in = tc_cpu_inside(l->c, &l->from, at);
  if (in) x = tc_ce_text(e, "(%s ? %s : 0)", in, x);
  if (l->kind != TC_RED_ABSMAX && l->kind != TC_RED_ABSSUM) return x;
  if (tc_is_float(l->sum))
    return tc_ce_text(e, "tc_abs_%s(%s)", l->sum.dtype == TC_DT_float64 ? "f64" : "f32", x);
  if (tc_type_kind(l->sum) != TC_K_INT) return x;
  uint32_t bits = tc_type_bits(l->sum);
  const char *cast =
      bits >= 8 ? tc_ce_text(e, "(%s)", tc_ce_type(l->sum)) : tc_ce_text(e, "tc_sign%u", bits);
  return tc_ce_text(e, "%s((%s) < 0 ? -(%s) : (%s))", cast, x, x, x);
}

static const char *counter(tc_cemit *e, uint32_t d) {
  return tc_ce_text(e, "i%u", d);
}

static void point_of_from(const lines *l, const char *along, const char **at) {
  for (uint32_t d = 0; d < l->from.rank; d++)
    at[d] = NULL;
  for (uint32_t k = 0; k < l->n; k++)
    at[l->loops[k]] = counter(l->c->e, l->loops[k]);
  at[l->dim] = along;
}

static void point_of_to(const lines *l, const char *along, const char **at) {
  for (uint32_t d = 0; d < l->to.rank; d++)
    at[d] = NULL;
  for (uint32_t d = 0; d < l->from.rank; d++) {
    if (l->map[d] < 0) continue;
    at[l->map[d]] = d == l->dim ? along : counter(l->c->e, d);
  }
}

/* Writes a value of the sum's type at a point of `to`. */
static void put(const lines *l, const char *along, const char *x) {
  tc_cemit *e = l->c->e;
  const char *at[TC_CPU_RANK];
  point_of_to(l, along, at);
  const char *in = tc_cpu_inside(l->c, &l->to, at);
  const char *bits = tc_ce_converted(e, l->sum, scalar_of(l->to.b->elem), x);
  const char *set = tc_ce_put(e, l->to.buf, tc_cpu_point(l->c, &l->to, at), bits);
  tc_cw_line(&e->w, in ? "if (%s) %s" : "%s%s", in ? in : "", set);
}

/* ---- loops ---- */

static void choose_loops(lines *l) {
  l->lane_dim = -1;
  for (uint32_t d = 0; d < l->from.rank; d++) {
    if (d == l->dim || l->from.d[d].extent_k == 1) continue;
    l->loops[l->n++] = d;
    if (l->from.d[d].stride_k == 1) l->lane_dim = (int)d;
  }
}

/* Opens the loops over the other dimensions but `except` (-1: none). */
static void open_loops(const lines *l, int except) {
  tc_cemit *e = l->c->e;
  for (uint32_t k = 0; k < l->n; k++) {
    if ((int)l->loops[k] == except) continue;
    const char *i = counter(e, l->loops[k]);
    tc_cw_open(&e->w, "for (tc_i64 %s = 0; %s < %s; %s++)", i, i, l->from.d[l->loops[k]].extent, i);
  }
}

static void close_loops(const lines *l, int except) {
  for (uint32_t k = 0; k < l->n; k++)
    if ((int)l->loops[k] != except) tc_cw_close(&l->c->e->w);
}

/* ---- reduce ---- */

/* Combines the sum `s` with the old value unless the reduction clears, and writes it. */
static void finish(const lines *l, const char *s) {
  tc_cemit *e = l->c->e;
  if (!tc_reduce_of(e->ir, l->stmt)->clear) {
    const char *at[TC_CPU_RANK];
    point_of_to(l, NULL, at);
    const char *in = tc_cpu_inside(l->c, &l->to, at);
    const char *old = tc_ce_cast(e, scalar_of(l->to.b->elem), l->sum,
                                 tc_ce_get(e, l->to.buf, tc_cpu_point(l->c, &l->to, at)));
    if (in) old = tc_ce_text(e, "%s ? %s : 0", in, old);
    tc_cw_line(&e->w, "const %s old = %s;", tc_ce_type(l->sum), old);
    tc_cw_line(&e->w, "const %s both = %s;", tc_ce_type(l->sum), combine(l, "old", s));
    s = "both";
  }
  put(l, NULL, s);
}

static const char *const row_function[] = {
    [TC_RED_SUM] = "tc_row_sum",       [TC_RED_MAX] = "tc_row_max",
    [TC_RED_MIN] = "tc_row_min",       [TC_RED_ABSMAX] = "tc_row_absmax",
    [TC_RED_ABSSUM] = "tc_row_abssum",
};

/* Contiguous floats: `s` becomes the sum of the row. Other element types go through a line of
 * floats. */
static void float_row(const lines *l) {
  tc_cemit *e = l->c->e;
  const char *at[TC_CPU_RANK], *n = l->from.d[l->dim].extent, *function = row_function[l->kind];
  const char *last = l->nan_propagate ? ", 1" : ", 0";
  if (!is_ordered(l->kind)) last = "";
  if (l->from.b->elem.dtype == TC_DT_float32) {
    point_of_from(l, NULL, at);
    tc_cw_line(&e->w, "const float s = %s(%s + %s, %s%s);", function, l->from.ptr,
               tc_cpu_point(l->c, &l->from, at), n, last);
    return;
  }
  point_of_from(l, "(k0 + k)", at);
  enum tc_reduce_kind kind = l->kind;
  lines plain = *l; /* the row function takes absolute values itself */
  if (kind == TC_RED_ABSMAX) plain.kind = TC_RED_MAX;
  if (kind == TC_RED_ABSSUM) plain.kind = TC_RED_SUM;
  tc_cw_line(&e->w, "float s = %s;", neutral_text(l));
  tc_cw_open(&e->w, "for (tc_i64 k0 = 0; k0 < %s; k0 += 512)", n);
  tc_cw_line(&e->w, "float line[512];");
  tc_cw_line(&e->w, "const tc_i64 n = tc_min64(512, %s - k0);", n);
  const char *converter = tc_cpu_row_converter(l->from.b->elem, l->sum);
  if (converter) {
    const char *first[TC_CPU_RANK];
    point_of_from(l, "k0", first);
    tc_cw_line(&e->w, "%s(line, %s + %s, n);", converter, l->from.ptr,
               tc_cpu_point(l->c, &l->from, first));
  } else {
    const char *x = element(&plain, at); /* may print what it needs, so before the prefix */
    tc_cw_prefix(&e->w, e->target->independent);
    tc_cw_line(&e->w, "for (tc_i64 k = 0; k < n; k++) line[k] = %s;", x);
  }
  tc_cw_line(&e->w, "const float part = %s(line, n%s);", function, last);
  tc_cw_line(&e->w, "s = %s;", combine(l, "s", "part"));
  tc_cw_close(&e->w);
}

static void scalar_row(const lines *l) {
  tc_cemit *e = l->c->e;
  const char *at[TC_CPU_RANK];
  point_of_from(l, "k", at);
  const char *type = tc_ce_type(l->sum);
  tc_cw_line(&e->w, "%s s = %s;", type, neutral_text(l));
  tc_cw_open(&e->w, "for (tc_i64 k = 0; k < %s; k++)", l->from.d[l->dim].extent);
  tc_cw_line(&e->w, "const %s x = %s;", type, element(l, at));
  tc_cw_line(&e->w, "s = %s;", combine(l, "s", "x"));
  tc_cw_close(&e->w);
}

static void reduce_rows(const lines *l, bool floats) {
  open_loops(l, -1);
  tc_cw_open(&l->c->e->w, "%s", "");
  if (floats)
    float_row(l);
  else
    scalar_row(l);
  finish(l, "s");
  tc_cw_close(&l->c->e->w);
  close_loops(l, -1);
}

/* The loop over a run of at most LANES neighbours of the contiguous dimension. */
static void open_lanes(const lines *l) {
  tc_cemit *e = l->c->e;
  const char *i = counter(e, (uint32_t)l->lane_dim);
  tc_cw_prefix(&e->w, e->target->independent);
  tc_cw_open(&e->w, "for (tc_i64 %s = j0; %s < j1; %s++)", i, i, i);
}

static void open_runs(const lines *l) {
  tc_cemit *e = l->c->e;
  const char *extent = l->from.d[l->lane_dim].extent, *type = tc_ce_type(l->sum);
  open_loops(l, l->lane_dim);
  tc_cw_open(&e->w, "for (tc_i64 j0 = 0; j0 < %s; j0 += %d)", extent, LANES);
  bool even = l->from.d[l->lane_dim].extent_k > 0 && l->from.d[l->lane_dim].extent_k % LANES == 0;
  tc_cw_line(&e->w,
             even ? "const tc_i64 j1 = j0 + %d;" : "const tc_i64 j1 = tc_min64(j0 + %d, %s);",
             LANES, extent);
  tc_cw_line(&e->w, "%s sum[%d];", type, LANES);
  tc_cw_line(&e->w, "for (tc_i64 j = 0; j < %d; j++) sum[j] = %s;", LANES, neutral_text(l));
}

static void close_runs(const lines *l) {
  tc_cw_close(&l->c->e->w);
  close_loops(l, l->lane_dim);
}

/* sum[lane] combined with the element at `along`. */
static void step_lane(const lines *l, const char *along) {
  tc_cemit *e = l->c->e;
  const char *at[TC_CPU_RANK], *i = counter(e, (uint32_t)l->lane_dim), *type = tc_ce_type(l->sum);
  point_of_from(l, along, at);
  tc_cw_line(&e->w, "const %s x = %s, s = sum[%s - j0];", type, element(l, at), i);
  tc_cw_line(&e->w, "sum[%s - j0] = %s;", i, combine(l, "s", "x"));
}

static void reduce_lanes(const lines *l) {
  tc_cemit *e = l->c->e;
  open_runs(l);
  tc_cw_open(&e->w, "for (tc_i64 k = 0; k < %s; k++)", l->from.d[l->dim].extent);
  open_lanes(l);
  step_lane(l, "k");
  tc_cw_close(&e->w);
  tc_cw_close(&e->w);
  if (!tc_ce_is_packed(l->to.b->elem)) tc_cw_prefix(&e->w, e->target->independent);
  const char *i = counter(e, (uint32_t)l->lane_dim);
  tc_cw_open(&e->w, "for (tc_i64 %s = j0; %s < j1; %s++)", i, i, i);
  tc_cw_line(&e->w, "const %s s = sum[%s - j0];", tc_ce_type(l->sum), i);
  finish(l, "s");
  tc_cw_close(&e->w);
  close_runs(l);
}

static void refuse_unfit(const lines *l) {
  tc_cemit *e = l->c->e;
  if (l->from.b->elem.lanes != 1 || l->to.b->elem.lanes != 1)
    tc_ce_refuse(e, l->stmt, "this operation on a buffer of vectors");
  if (is_bits(l->kind) && tc_is_float(l->sum))
    tc_ce_refuse(e, l->stmt, "a bitwise reduction of floats");
}

static void refuse_shapes(const lines *l, const char *what) {
  tc_ir *ir = l->c->e->ir;
  TC_DIAG(ir->diags, D_extents_differ, tc_op_at(ir, l->stmt)->span, what, "their extents differ");
  tc_diag_stop(ir->diags);
}

static void check_extents(const lines *l) {
  for (uint32_t d = 0; d < l->from.rank; d++)
    if (l->map[d] >= 0 && l->from.d[d].extent_v.id != l->to.d[l->map[d]].extent_v.id)
      tc_cpu_check_equal(l->c, l->stmt, l->from.d[d].extent, l->to.d[l->map[d]].extent);
}

/* The result may lie in the buffer that is reduced; the order is then that of the oracle, line by
 * line. */
static bool shares_storage(const lines *l) {
  return l->from.b->root.id == l->to.b->root.id;
}

void tc_cpu_reduce(tc_cpu *c, tc_value stmt) {
  tc_cemit *e = c->e;
  const tc_op *op = tc_op_at(e->ir, stmt);
  const tc_reduce *how = tc_reduce_of(e->ir, stmt);
  tc_cw_open(&e->w, "%s", "");
  lines l = {.c = c,
             .stmt = stmt,
             .from = tc_cpu_side(c, tc_input(e->ir, op, 0)),
             .to = tc_cpu_side(c, tc_input(e->ir, op, 1)),
             .dim = how->dim,
             .kind = (enum tc_reduce_kind)how->kind,
             .nan_propagate = how->nan_propagate};
  l.sum = sum_type(&l);
  refuse_unfit(&l);
  if (l.dim >= l.from.rank || !tc_cpu_pair(c, &l.from, l.dim, &l.to, l.map))
    refuse_shapes(&l, "reduce");
  check_extents(&l);
  choose_loops(&l);
  bool inside = !tc_cpu_guarded(&l.from), row = l.from.d[l.dim].stride_k == 1;
  if (inside && row && l.sum.dtype == TC_DT_float32 && !is_bits(l.kind))
    reduce_rows(&l, true);
  else if (inside && !row && l.lane_dim >= 0 && !shares_storage(&l))
    reduce_lanes(&l);
  else
    reduce_rows(&l, false);
  tc_cw_close(&e->w);
}

/* ---- scan ---- */

static const char *position(const lines *l, bool reverse) {
  return reverse ? tc_ce_text(l->c->e, "(%s - 1 - k)", l->from.d[l->dim].extent) : "k";
}

static void scan_rows(const lines *l, bool reverse) {
  tc_cemit *e = l->c->e;
  const char *at[TC_CPU_RANK], *along = position(l, reverse), *type = tc_ce_type(l->sum);
  open_loops(l, -1);
  tc_cw_line(&e->w, "%s s = %s;", type, neutral_text(l));
  tc_cw_open(&e->w, "for (tc_i64 k = 0; k < %s; k++)", l->from.d[l->dim].extent);
  point_of_from(l, along, at);
  tc_cw_line(&e->w, "const %s x = %s;", type, element(l, at));
  tc_cw_line(&e->w, "s = %s;", combine(l, "s", "x"));
  put(l, along, "s");
  tc_cw_close(&e->w);
  close_loops(l, -1);
}

static void scan_lanes(const lines *l, bool reverse) {
  tc_cemit *e = l->c->e;
  const char *along = position(l, reverse);
  open_runs(l);
  tc_cw_open(&e->w, "for (tc_i64 k = 0; k < %s; k++)", l->from.d[l->dim].extent);
  open_lanes(l);
  step_lane(l, along);
  put(l, along, tc_ce_text(e, "sum[%s - j0]", counter(e, (uint32_t)l->lane_dim)));
  tc_cw_close(&e->w);
  tc_cw_close(&e->w);
  close_runs(l);
}

void tc_cpu_scan(tc_cpu *c, tc_value stmt) {
  tc_cemit *e = c->e;
  const tc_op *op = tc_op_at(e->ir, stmt);
  const tc_scan *how = tc_scan_of(e->ir, stmt);
  tc_value source = tc_input(e->ir, op, 0), target = tc_input(e->ir, op, 1);
  tc_cw_open(&e->w, "%s", "");
  lines l = {.c = c,
             .stmt = stmt,
             .from = tc_cpu_side(c, source),
             .to = tc_cpu_side(c, target),
             .dim = how->dim,
             .kind = (enum tc_reduce_kind)how->kind};
  l.sum = sum_type(&l);
  refuse_unfit(&l);
  if (l.dim >= l.from.rank || !tc_cpu_pair(c, &l.from, UINT32_MAX, &l.to, l.map))
    refuse_shapes(&l, "scan");
  check_extents(&l);
  choose_loops(&l);
  if (shares_storage(&l) && source.id != target.id)
    tc_ce_refuse(e, stmt, "a scan from one part of a buffer to another");
  bool packed = tc_ce_is_packed(l.to.b->elem) || tc_ce_is_packed(l.from.b->elem);
  bool lanes = !tc_cpu_guarded(&l.from) && !tc_cpu_guarded(&l.to) && l.lane_dim >= 0 && !packed;
  if (lanes && l.from.d[l.dim].stride_k != 1)
    scan_lanes(&l, how->reverse);
  else
    scan_rows(&l, how->reverse);
  tc_cw_close(&e->w);
}
