/* Reductions and scans: floats are summed in float32 (float64 for that type) in order of the index
 * and rounded once to the result's type; integers wrap in the result's type. */
#include "ir/interp_private.h"

#include "ir/typing.h"

#include <math.h>

typedef struct reducer {
  enum tc_reduce_kind kind;
  tc_type type; /* in which elements are combined */
  bool nan_propagate;
} reducer;

static tc_type type_of_sum(const tc_tile *from, const tc_tile *to) {
  tc_type a = from->view->lane, b = to->view->lane;
  if (!tc_is_float(a) && !tc_is_float(b)) return b;
  bool wide = a.dtype == TC_DT_float64 || b.dtype == TC_DT_float64;
  return tc_scalar_type(wide ? TC_DT_float64 : TC_DT_float32);
}

static tc_reg combine(const reducer *r, tc_reg a, tc_reg b) {
  if (a.poison || b.poison) return (tc_reg){.poison = a.poison ? a.poison : b.poison};
  enum tc_opcode op = tc_reduce_op(r->kind, r->type);
  bool ordered = op == TC_OP_max || op == TC_OP_min;
  if (ordered && r->nan_propagate && tc_is_float(r->type) && (isnan(a.x.f) || isnan(b.x.f)))
    return (tc_reg){.x.f = (double)NAN};
  return (tc_reg){tc_scalar_binary(op, r->type, tc_reg_scalar(a), tc_reg_scalar(b)).x, 0};
}

static tc_reg element(const reducer *r, tc_type from, tc_reg x, tc_value stmt) {
  x = tc_interp_convert(from, r->type, x, stmt);
  if (r->kind != TC_RED_ABSMAX && r->kind != TC_RED_ABSSUM) return x;
  tc_scalar s = tc_scalar_unary(TC_OP_abs, r->type, tc_reg_scalar(x));
  return (tc_reg){s.x, x.poison};
}

static void refuse_bits_of_floats(tc_machine *m, const reducer *r, tc_value stmt) {
  bool bits = r->kind == TC_RED_BITAND || r->kind == TC_RED_BITOR || r->kind == TC_RED_BITXOR;
  if (bits && tc_is_float(r->type)) tc_interp_unsupported(m, stmt, "a bitwise reduction of floats");
}

/* Steps through everything but dimension `dim` of `from`. */
static tc_odometer lines_of(const tc_tile *from, uint32_t dim, int64_t *extent) {
  for (uint32_t d = 0; d < from->rank; d++)
    extent[d] = d == dim ? 1 : from->extent[d];
  return tc_odometer_in(from->rank, extent);
}

static void point_along(const tc_odometer *o, const int *map, int64_t *at) {
  for (uint32_t d = 0; d < TC_INTERP_RANK; d++)
    at[d] = 0;
  for (uint32_t d = 0; d < o->rank; d++)
    if (map[d] >= 0) at[map[d]] = o->at[d];
}

void tc_interp_reduce(tc_machine *m, const tc_insn *p) {
  const tc_tile_code *code = p->record;
  const tc_reduce *how = tc_reduce_of(m->ir, p->at);
  tc_tile from, to;
  int map[TC_INTERP_RANK];
  tc_interp_tile(m, &code->slice[0], p->at, &from);
  tc_interp_tile(m, &code->slice[1], p->at, &to);
  tc_interp_want_scalars(m, &from);
  tc_interp_want_scalars(m, &to);
  if (how->dim >= from.rank || !tc_interp_pair(&from, how->dim, &to, map))
    tc_interp_extents(m, p->at, &from, &to);
  reducer r = {(enum tc_reduce_kind)how->kind, type_of_sum(&from, &to), how->nan_propagate};
  refuse_bits_of_floats(m, &r, p->at);
  tc_interp_count(m, from.rank, from.extent, p->at);
  int64_t extent[TC_INTERP_RANK], at[TC_INTERP_RANK];
  for (tc_odometer o = lines_of(&from, how->dim, extent); o.more; tc_odometer_next(&o)) {
    tc_reg sum = {tc_reduce_neutral(r.kind, r.type), 0};
    tc_interp_spend(m, 1, p->at);
    for (int64_t i = 0; i < from.extent[how->dim]; i++) {
      for (uint32_t d = 0; d < from.rank; d++)
        at[d] = o.at[d];
      at[how->dim] = i;
      tc_reg x = tc_interp_tile_get(m, &from, at);
      sum = combine(&r, sum, element(&r, from.view->lane, x, p->at));
    }
    point_along(&o, map, at);
    if (!how->clear) {
      tc_reg old = tc_interp_convert(to.view->lane, r.type, tc_interp_tile_get(m, &to, at), p->at);
      sum = combine(&r, old, sum);
    }
    tc_interp_tile_put(m, &to, at, tc_interp_convert(r.type, to.view->lane, sum, p->at));
  }
}

/* Line by line into `line`, so that a scan in place reads nothing that it has written; when the
 * tiles share storage but differ, all of the source is read first. */
typedef struct scanner {
  tc_tile from, to;
  int map[TC_INTERP_RANK];
  reducer r;
  uint32_t dim;
  bool reverse;
} scanner;

static void scan_line(tc_machine *m, const scanner *s, const tc_odometer *o, tc_reg *line) {
  int64_t n = s->from.extent[s->dim], at[TC_INTERP_RANK];
  for (uint32_t d = 0; d < o->rank; d++)
    at[d] = o->at[d];
  tc_reg sum = {tc_reduce_neutral(s->r.kind, s->r.type), 0};
  for (int64_t k = 0; k < n; k++) {
    int64_t i = s->reverse ? n - 1 - k : k;
    at[s->dim] = i;
    tc_reg x = tc_interp_tile_get(m, &s->from, at);
    sum = combine(&s->r, sum, element(&s->r, s->from.view->lane, x, s->from.stmt));
    line[i] = tc_interp_convert(s->r.type, s->to.view->lane, sum, s->from.stmt);
  }
}

static void write_line(tc_machine *m, const scanner *s, const tc_odometer *o, const tc_reg *line) {
  int64_t at[TC_INTERP_RANK];
  point_along(o, s->map, at);
  for (int64_t i = 0; i < s->from.extent[s->dim]; i++) {
    if (s->map[s->dim] >= 0) at[s->map[s->dim]] = i;
    tc_interp_tile_put(m, &s->to, at, line[i]);
  }
}

void tc_interp_scan(tc_machine *m, const tc_insn *p) {
  const tc_tile_code *code = p->record;
  const tc_scan *how = tc_scan_of(m->ir, p->at);
  scanner s = {.dim = how->dim, .reverse = how->reverse};
  tc_interp_tile(m, &code->slice[0], p->at, &s.from);
  tc_interp_tile(m, &code->slice[1], p->at, &s.to);
  tc_interp_want_scalars(m, &s.from);
  tc_interp_want_scalars(m, &s.to);
  if (s.dim >= s.from.rank || !tc_interp_pair(&s.from, UINT32_MAX, &s.to, s.map))
    tc_interp_extents(m, p->at, &s.from, &s.to);
  s.r = (reducer){(enum tc_reduce_kind)how->kind, type_of_sum(&s.from, &s.to), false};
  uint64_t n = tc_interp_count(m, s.from.rank, s.from.extent, p->at);
  if (!n) return;
  bool all_first = s.from.view->storage == s.to.view->storage || s.from.view->storage->trusted
                   || s.to.view->storage->trusted;
  uint64_t line_n = (uint64_t)s.from.extent[s.dim];
  tc_room_mark mark = tc_interp_mark(m);
  tc_reg *lines = tc_interp_room(m, all_first ? n : line_n, sizeof *lines, p->at), *line = lines;
  int64_t extent[TC_INTERP_RANK];
  for (tc_odometer o = lines_of(&s.from, s.dim, extent); o.more; tc_odometer_next(&o)) {
    scan_line(m, &s, &o, line);
    if (all_first) {
      line += line_n;
    } else {
      write_line(m, &s, &o, line);
    }
  }
  line = lines;
  for (tc_odometer o = lines_of(&s.from, s.dim, extent); all_first && o.more;
       tc_odometer_next(&o)) {
    write_line(m, &s, &o, line);
    line += line_n;
  }
  tc_interp_drop(m, mark);
}
