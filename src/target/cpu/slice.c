#include "rt/check.h"
#include "target/cpu/cpu_impl.h"

#include <inttypes.h>
#include <string.h>

/* The number as 64-bit text: a literal, or a temporary. */
static const char *number(tc_cpu *c, tc_value v) {
  tc_cemit *e = c->e;
  int64_t x;
  if (tc_const_of(e->ir, v, &x)) return tc_ce_text(e, "%" PRId64, x);
  tc_linear l = tc_linear_of(&e->ranges, v);
  const char *text =
      l.exact ? tc_ce_linear(e, &l) : tc_ce_text(e, "(tc_i64)%s", tc_ce_ref(e, v, 0));
  return tc_cw_temp(&e->w, "tc_i64", "%s", text);
}

static const char *shape_text(tc_cemit *e, tc_value v) {
  int64_t x;
  if (tc_const_of(e->ir, v, &x)) return tc_ce_text(e, "%" PRId64, x);
  return tc_ce_text(e, "(tc_i64)%s", tc_ce_ref(e, v, 0));
}

static void note_guards(tc_cpu *c, tc_side *s, uint32_t d, bool in_bounds) {
  tc_cemit *e = c->e;
  if (in_bounds || (s->b->scope != TC_SCOPE_global && s->d[d].extent_k == 1)) return;
  tc_range base = tc_range_of(&e->ranges, s->d[d].base_v);
  tc_range extent = tc_range_of(&e->ranges, s->d[d].extent_v);
  tc_range shape = tc_range_of(&e->ranges, s->b->shape[d]);
  s->d[d].below = base.lo < 0;
  s->d[d].above = base.hi > shape.lo - extent.hi;
}

/* Lanes of vector elements become one more dimension, in which everything is in range. */
static void add_lanes(tc_cpu *c, tc_side *s) {
  uint32_t lanes = s->b->elem.lanes, d = s->rank;
  if (lanes == 1) return;
  for (uint32_t k = 0; k < d; k++) {
    s->d[k].stride = tc_ce_product(c->e, s->d[k].stride, tc_ce_text(c->e, "%u", lanes));
    if (s->d[k].stride_k >= 0) s->d[k].stride_k *= lanes;
  }
  const char *n = tc_ce_text(c->e, "%u", lanes);
  s->d[d].base = "0";
  s->d[d].extent = s->d[d].shape = n;
  s->d[d].stride = "1";
  s->d[d].extent_k = lanes;
  s->d[d].stride_k = 1;
  s->rank++;
}

tc_side tc_cpu_side(tc_cpu *c, tc_value slice) {
  tc_cemit *e = c->e;
  tc_side s = {.buf = tc_slice_buf(e->ir, slice)};
  s.b = tc_buf_at(e->ir, s.buf);
  s.rank = s.b->rank;
  if (s.rank >= TC_CPU_RANK) {
    TC_DIAG(e->ir->diags, D_not_on_target, s.b->span, "a buffer of 16 or more dimensions");
    tc_diag_stop(e->ir->diags);
  }
  s.ptr = tc_ce_base(e, s.buf);
  for (uint32_t d = 0; d < s.rank; d++) {
    tc_value base = tc_slice_base(e->ir, slice, d), extent = tc_slice_extent(e->ir, slice, d);
    s.d[d].base_v = base;
    s.d[d].extent_v = extent;
    s.d[d].base = number(c, base);
    s.d[d].extent = number(c, extent);
    s.d[d].shape = shape_text(e, s.b->shape[d]);
    s.d[d].stride = tc_ce_stride(e, s.buf, d);
    s.d[d].extent_k = s.d[d].stride_k = -1;
    tc_const_of(e->ir, extent, &s.d[d].extent_k);
    tc_ce_stride_const(e, s.buf, d, &s.d[d].stride_k);
    note_guards(c, &s, d, tc_slice_in_bounds(e->ir, slice));
  }
  add_lanes(c, &s);
  return s;
}

/* ---- pairing dimensions ---- */

static uint32_t next_long(const tc_side *s, uint32_t d, uint32_t skip) {
  while (d < s->rank && (d == skip || s->d[d].extent_k == 1))
    d++;
  return d;
}

static bool may_equal(const tc_side *a, uint32_t x, const tc_side *b, uint32_t y) {
  int64_t p = a->d[x].extent_k, q = b->d[y].extent_k;
  return p < 0 || q < 0 || p == q;
}

bool tc_cpu_pair(tc_cpu *c, const tc_side *a, uint32_t skip, const tc_side *b, int *map) {
  (void)c;
  for (uint32_t d = 0; d < a->rank; d++)
    map[d] = -1;
  uint32_t x = next_long(a, 0, skip), y = next_long(b, 0, UINT32_MAX);
  while (x < a->rank && y < b->rank) {
    if (!may_equal(a, x, b, y)) return false;
    map[x] = (int)y;
    x = next_long(a, x + 1, skip);
    y = next_long(b, y + 1, UINT32_MAX);
  }
  return x >= a->rank && y >= b->rank;
}

/* Dimensions of `from` stretched over `to`, aligned from the right. */
static bool stretch(const tc_side *to, const tc_side *from, int *map) {
  for (uint32_t d = 0; d < to->rank; d++)
    map[d] = -1;
  for (uint32_t k = 1; k <= from->rank; k++) {
    uint32_t s = from->rank - k;
    if (from->d[s].extent_k == 1) continue;
    if (k > to->rank || !may_equal(to, to->rank - k, from, s)) return false;
    map[to->rank - k] = (int)s;
  }
  return true;
}

void tc_cpu_check_equal(tc_cpu *c, tc_value stmt, const char *a, const char *b) {
  tc_cemit *e = c->e;
  if (strcmp(a, b) == 0) return;
  const char *op = tc_op_row((enum tc_opcode)tc_op_at(e->ir, stmt)->opcode)->name;
  const char *number =
      tc_ce_site(e, stmt, TC_RT_E_DEVICE_ASSERT, tc_ce_text(e, "the extents of a %s differ", op));
  tc_cw_line(&e->w, "if (%s != %s) %s%s;", a, b, e->target->fail, number);
}

void tc_cpu_match(tc_cpu *c, tc_value stmt, const tc_side *to, const tc_side *from, int *map) {
  if (!tc_cpu_pair(c, to, UINT32_MAX, from, map) && !stretch(to, from, map)) {
    const char *op = tc_op_row((enum tc_opcode)tc_op_at(c->e->ir, stmt)->opcode)->name;
    TC_DIAG(c->e->ir->diags, D_extents_differ, tc_op_at(c->e->ir, stmt)->span, op,
            "their extents differ");
    tc_diag_stop(c->e->ir->diags);
  }
  for (uint32_t d = 0; d < to->rank; d++) {
    if (map[d] < 0) continue;
    bool same = to->d[d].extent_v.id && to->d[d].extent_v.id == from->d[map[d]].extent_v.id;
    if (!same) tc_cpu_check_equal(c, stmt, to->d[d].extent, from->d[map[d]].extent);
  }
}

/* ---- points and windows ---- */

const char *tc_cpu_point(tc_cpu *c, const tc_side *s, const char *const *at) {
  const char *text = "0";
  for (uint32_t d = 0; d < s->rank; d++) {
    const char *i = at[d] ? tc_ce_sum(c->e, s->d[d].base, at[d]) : s->d[d].base;
    text = tc_ce_sum(c->e, text, tc_ce_product(c->e, i, s->d[d].stride));
  }
  return text;
}

const char *tc_cpu_inside(tc_cpu *c, const tc_side *s, const char *const *at) {
  tc_cemit *e = c->e;
  const char *text = NULL;
  for (uint32_t d = 0; d < s->rank; d++) {
    if (!s->d[d].below && !s->d[d].above) continue;
    /* One unsigned comparison says both bounds. */
    const char *i = tc_ce_text(e, "(tc_u64)(%s + %s) < (tc_u64)%s", s->d[d].base,
                               at[d] ? at[d] : "0", s->d[d].shape);
    text = text ? tc_ce_text(e, "%s & %s", text, i) : i;
  }
  return text;
}

void tc_cpu_window(tc_cpu *c, const tc_side *s, uint32_t d, const char **lo, const char **hi) {
  tc_cw *w = &c->e->w;
  *lo = "0";
  *hi = s->d[d].extent;
  if (s->d[d].below)
    *lo = tc_cw_temp(w, "tc_i64", "tc_between(-(%s), 0, %s)", s->d[d].base, s->d[d].extent);
  if (s->d[d].above || s->d[d].below)
    *hi = tc_cw_temp(w, "tc_i64", "tc_between(%s - (%s), 0, %s)", s->d[d].shape, s->d[d].base,
                     s->d[d].extent);
}

bool tc_cpu_guarded(const tc_side *s) {
  for (uint32_t d = 0; d < s->rank; d++)
    if (s->d[d].below || s->d[d].above) return true;
  return false;
}

const char *tc_cpu_row_converter(tc_type from, tc_type to) {
  if (from.dtype == TC_DT_float16 && to.dtype == TC_DT_float32) return "tc_row_of_float16";
  return from.dtype == TC_DT_float32 && to.dtype == TC_DT_float16 ? "tc_row_to_float16" : NULL;
}
