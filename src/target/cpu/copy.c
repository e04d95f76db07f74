/* Copies and fills: loop nests over the destination whose innermost loop is a row. Where tiles may
 * leave their buffers, the rows are cut to the part inside once per tile, not once per element, and
 * a tile that lies wholly inside, as almost all do, takes a nest of constant bounds. */
#include "target/cpu/cpu_impl.h"

#include <inttypes.h>
#include <string.h>

typedef struct rows {
  tc_cpu *c;
  tc_value stmt;
  tc_side to, from; /* `from.b` NULL: a fill */
  int map[TC_CPU_RANK];
  const char *safe;            /* stored bits for what lies outside the source, or the fill's */
  uint32_t loops[TC_CPU_RANK]; /* dimensions of `to`, outermost first; the last is the row */
  uint32_t n;
  const char *to_lo[TC_CPU_RANK], *to_hi[TC_CPU_RANK]; /* windows by dimension of `to` */
  const char *from_lo[TC_CPU_RANK], *from_hi[TC_CPU_RANK];
} rows;

static const char *counter(tc_cemit *e, uint32_t d) {
  return tc_ce_text(e, "i%u", d);
}

static void choose_loops(rows *r) {
  for (uint32_t d = 0; d < r->to.rank; d++)
    if (r->to.d[d].extent_k != 1) r->loops[r->n++] = d;
}

/* Loop counters as the point of a side. */
static void point_of_to(rows *r, const char **at) {
  for (uint32_t d = 0; d < r->to.rank; d++)
    at[d] = NULL;
  for (uint32_t k = 0; k < r->n; k++)
    at[r->loops[k]] = counter(r->c->e, r->loops[k]);
}

static void point_of_from(rows *r, const char **at) {
  for (uint32_t d = 0; d < r->from.rank; d++)
    at[d] = NULL;
  for (uint32_t k = 0; k < r->n; k++)
    if (r->map[r->loops[k]] >= 0) at[r->map[r->loops[k]]] = counter(r->c->e, r->loops[k]);
}

/* ---- one element, one row ---- */

/* Types of which several patterns mean one value: reading and writing brings them to one. */
static bool has_free_bits(tc_type elem) {
  return tc_is_bool(elem) || elem.dtype == TC_DT_tfloat32;
}

/* The stored bits of the source's element for the destination. */
static const char *moved(rows *r, const char *at) {
  tc_cemit *e = r->c->e;
  tc_type from = r->from.b->elem, to = r->to.b->elem;
  from.lanes = to.lanes = 1;
  uint32_t bits = tc_type_bits(from);
  if (tc_type_equal(from, to) && tc_ce_is_packed(from))
    return tc_ce_text(e, "tc_get%u(%s, %s)", bits, r->from.ptr, at);
  if (tc_type_equal(from, to) && has_free_bits(from)) return tc_ce_get(e, r->from.buf, at);
  if (tc_type_equal(from, to)) return tc_ce_text(e, "%s[%s]", r->from.ptr, at);
  return tc_ce_converted(e, from, to, tc_ce_get(e, r->from.buf, at));
}

static void put_element(rows *r, const char *bits) {
  const char *at[TC_CPU_RANK];
  point_of_to(r, at);
  tc_cw_line(&r->c->e->w, "%s",
             tc_ce_put(r->c->e, r->to.buf, tc_cpu_point(r->c, &r->to, at), bits));
}

static const char *source_element(rows *r) {
  const char *at[TC_CPU_RANK];
  point_of_from(r, at);
  return moved(r, tc_cpu_point(r->c, &r->from, at));
}

/* Unit steps on both sides and nothing to convert: the row is a run of bytes. Packed rows also need
 * to begin and end at whole bytes. */
static bool is_plain_side(rows *r, const tc_side *s, uint32_t row) {
  if (s->d[row].stride_k != 1) return false;
  if (!tc_ce_is_packed(s->b->elem)) return true;
  uint32_t bits = tc_type_bits((tc_type){s->b->elem.dtype, 0, 1});
  if (bits == 6 || s->d[row].extent_k < 0 || s->d[row].extent_k * bits % 8) return false;
  for (uint32_t d = 0; d < s->rank; d++) {
    bool whole = s->d[d].stride_k >= 0 && s->d[d].stride_k * bits % 8 == 0;
    if (!whole
        && (d != row || !s->d[d].base_v.id
            || !tc_is_multiple(&r->c->e->ranges, s->d[d].base_v, 8 / bits)))
      return false;
  }
  return true;
}

static bool is_plain(rows *r) {
  if (!r->from.b || r->n == 0) return false;
  uint32_t row = r->loops[r->n - 1];
  bool same = r->from.b->elem.dtype == r->to.b->elem.dtype && !has_free_bits(r->to.b->elem);
  return same && r->map[row] >= 0 && is_plain_side(r, &r->to, row)
         && is_plain_side(r, &r->from, (uint32_t)r->map[row]);
}

/* Contiguous rows between float16 and float32. */
static const char *row_converter(rows *r) {
  if (!r->from.b || r->n == 0) return NULL;
  uint32_t row = r->loops[r->n - 1];
  if (r->map[row] < 0 || r->to.d[row].stride_k != 1 || r->from.d[r->map[row]].stride_k != 1)
    return NULL;
  return tc_cpu_row_converter(r->from.b->elem, r->to.b->elem);
}

/* The points of one row: in full, but for the place of its first element, `lo`. */
static void points_of_row(rows *r, const char *lo, const char **to, const char **from) {
  uint32_t row = r->loops[r->n - 1];
  point_of_to(r, to);
  point_of_from(r, from);
  to[row] = from[r->map[row]] = strcmp(lo, "0") ? lo : NULL;
}

static void converted_row(rows *r, const char *converter, const char *lo, const char *hi) {
  tc_cemit *e = r->c->e;
  const char *to[TC_CPU_RANK], *from[TC_CPU_RANK];
  points_of_row(r, lo, to, from);
  tc_cw_line(&e->w, "%s(%s + %s, %s + %s, %s - %s);", converter, r->to.ptr,
             tc_cpu_point(r->c, &r->to, to), r->from.ptr, tc_cpu_point(r->c, &r->from, from), hi,
             lo);
}

static void plain_row(rows *r, const char *lo, const char *hi) {
  tc_cemit *e = r->c->e;
  const char *to[TC_CPU_RANK], *from[TC_CPU_RANK];
  points_of_row(r, lo, to, from);
  uint32_t bits = tc_type_bits((tc_type){r->to.b->elem.dtype, 0, 1});
  const char *a = tc_cpu_point(r->c, &r->to, to), *b = tc_cpu_point(r->c, &r->from, from);
  const char *n = strcmp(lo, "0") ? tc_ce_text(e, "(%s - %s)", hi, lo) : hi;
  if (bits >= 8)
    tc_cw_line(&e->w, "__builtin_memcpy(%s + %s, %s + %s, %s * %u);", r->to.ptr, a, r->from.ptr, b,
               n, bits / 8);
  else
    tc_cw_line(&e->w, "__builtin_memcpy(%s + (%s) / %u, %s + (%s) / %u, %s / %u);", r->to.ptr, a,
               8 / bits, r->from.ptr, b, 8 / bits, n, 8 / bits);
}

static void open_row(rows *r, const char *lo, const char *hi) {
  tc_cemit *e = r->c->e;
  const char *i = counter(e, r->loops[r->n - 1]);
  if (!tc_ce_is_packed(r->to.b->elem)) tc_cw_prefix(&e->w, e->target->independent);
  tc_cw_open(&e->w, "for (tc_i64 %s = %s; %s < %s; %s++)", i, lo, i, hi, i);
}

static void copy_row(rows *r, const char *lo, const char *hi, bool whole) {
  bool packed = tc_ce_is_packed(r->to.b->elem);
  if (is_plain(r) && (whole || !packed)) {
    plain_row(r, lo, hi);
    return;
  }
  const char *converter = row_converter(r);
  if (converter) {
    converted_row(r, converter, lo, hi);
    return;
  }
  open_row(r, lo, hi);
  put_element(r, r->from.b ? source_element(r) : r->safe);
  tc_cw_close(&r->c->e->w);
}

static void fill_row(rows *r, const char *lo, const char *hi) {
  open_row(r, lo, hi);
  put_element(r, r->safe);
  tc_cw_close(&r->c->e->w);
}

/* ---- the nest ---- */

static void open_outer(rows *r, bool windows) {
  tc_cemit *e = r->c->e;
  for (uint32_t k = 0; k + 1 < r->n; k++) {
    uint32_t d = r->loops[k];
    const char *i = counter(e, d);
    tc_cw_open(&e->w, "for (tc_i64 %s = %s; %s < %s; %s++)", i, windows ? r->to_lo[d] : "0", i,
               windows ? r->to_hi[d] : r->to.d[d].extent, i);
  }
}

static void close_outer(rows *r) {
  for (uint32_t k = 0; k + 1 < r->n; k++)
    tc_cw_close(&r->c->e->w);
}

static void whole_nest(rows *r) {
  if (r->n == 0) {
    put_element(r, r->from.b ? source_element(r) : r->safe);
    return;
  }
  open_outer(r, false);
  copy_row(r, "0", r->to.d[r->loops[r->n - 1]].extent, true);
  close_outer(r);
}

static void find_windows(rows *r) {
  for (uint32_t d = 0; d < r->to.rank; d++) {
    tc_cpu_window(r->c, &r->to, d, &r->to_lo[d], &r->to_hi[d]);
  }
  for (uint32_t d = 0; r->from.b && d < r->from.rank; d++)
    tc_cpu_window(r->c, &r->from, d, &r->from_lo[d], &r->from_hi[d]);
}

/* True text when the window of a dimension is all of it; NULL: it always is. */
static const char *full_window(tc_cemit *e, const tc_side *s, uint32_t d, const char *lo,
                               const char *hi, const char *also) {
  const char *text = also;
  if (s->d[d].below) text = tc_ce_text(e, "%s%s%s == 0", text ? text : "", text ? " & " : "", lo);
  if (s->d[d].below || s->d[d].above)
    text = tc_ce_text(e, "%s%s%s == %s", text ? text : "", text ? " & " : "", hi, s->d[d].extent);
  return text;
}

static const char *all_inside(rows *r) {
  const char *text = NULL;
  for (uint32_t d = 0; d < r->to.rank; d++)
    text = full_window(r->c->e, &r->to, d, r->to_lo[d], r->to_hi[d], text);
  for (uint32_t d = 0; r->from.b && d < r->from.rank; d++)
    text = full_window(r->c->e, &r->from, d, r->from_lo[d], r->from_hi[d], text);
  return text;
}

/* Whether the row lies in the source as far as the other dimensions say; NULL: it does. A dimension
 * that no loop walks along stays at its base, the window's index 0. */
static const char *row_in_source(rows *r, uint32_t row) {
  tc_cemit *e = r->c->e;
  const char *text = NULL, *at[TC_CPU_RANK];
  point_of_from(r, at);
  for (uint32_t d = 0; d < r->from.rank; d++) {
    if ((int)d == r->map[row] || (!r->from.d[d].below && !r->from.d[d].above)) continue;
    const char *i = at[d] ? at[d] : "0";
    const char *part = tc_ce_text(e, "%s < %s", i, r->from_hi[d]);
    if (r->from.d[d].below) part = tc_ce_text(e, "%s >= %s & %s", i, r->from_lo[d], part);
    text = text ? tc_ce_text(e, "%s & %s", text, part) : part;
  }
  return text;
}

static void cut_row(rows *r) {
  tc_cemit *e = r->c->e;
  uint32_t row = r->loops[r->n - 1];
  const char *lo = r->to_lo[row], *hi = r->to_hi[row];
  if (!r->from.b) {
    fill_row(r, lo, hi);
    return;
  }
  const char *first = lo, *last = hi, *in = row_in_source(r, row);
  if (r->map[row] >= 0 && (r->from.d[r->map[row]].below || r->from.d[r->map[row]].above)) {
    if (r->from.d[r->map[row]].below || strcmp(lo, "0"))
      first = tc_ce_text(e, "tc_between(%s, %s, %s)", r->from_lo[r->map[row]], lo, hi);
    last = tc_ce_text(e, "tc_between(%s, %s, %s)", r->from_hi[r->map[row]], lo, hi);
  }
  if (in) { /* else the whole row is outside */
    first = strcmp(first, hi) ? tc_ce_text(e, "%s ? %s : %s", in, first, hi) : hi;
    last = strcmp(last, hi) ? tc_ce_text(e, "%s ? %s : %s", in, last, hi) : hi;
  }
  if (first != lo) {
    first = tc_cw_temp(&e->w, "tc_i64", "%s", first);
    fill_row(r, lo, first);
  }
  if (last != hi) last = tc_cw_temp(&e->w, "tc_i64", "%s", last);
  copy_row(r, first, last, false);
  if (last != hi) fill_row(r, last, hi);
}

/* Some elements may lie outside: rows are cut. */
static void cut_nest(rows *r) {
  tc_cemit *e = r->c->e;
  const char *outside = NULL;
  for (uint32_t d = 0; d < r->to.rank; d++) {
    if (r->to.d[d].extent_k != 1 || (!r->to.d[d].below && !r->to.d[d].above)) continue;
    const char *part = tc_ce_text(e, "%s == 0 & %s == 1", r->to_lo[d], r->to_hi[d]);
    outside = outside ? tc_ce_text(e, "%s & %s", outside, part) : part;
  }
  if (outside) tc_cw_open(&e->w, "if (%s)", outside);
  if (r->n) {
    open_outer(r, true);
    cut_row(r);
    close_outer(r);
  } else { /* a single element, and the destination has it */
    put_element(r, r->safe);
  }
  if (outside) tc_cw_close(&e->w);
}

static void print_rows(rows *r) {
  tc_cemit *e = r->c->e;
  choose_loops(r);
  if (!tc_cpu_guarded(&r->to) && !(r->from.b && tc_cpu_guarded(&r->from))) {
    whole_nest(r);
    return;
  }
  find_windows(r);
  tc_cw_open(&e->w, "if (%s)", all_inside(r));
  whole_nest(r);
  tc_cw_else(&e->w);
  cut_nest(r);
  tc_cw_close(&e->w);
}

/* ---- copies within one storage: everything is read before anything is written ---- */

static bool may_overlap(const tc_side *a, const tc_side *b) {
  if (a->b->root.id == b->b->root.id) return true;
  bool global = a->b->scope == TC_SCOPE_global && b->b->scope == TC_SCOPE_global;
  return global && (a->b->address.id || b->b->address.id);
}

static int64_t count_of(const tc_side *s) {
  int64_t n = 1;
  for (uint32_t d = 0; d < s->rank; d++) {
    if (s->d[d].extent_k < 0) return -1;
    n *= s->d[d].extent_k;
    if (n > INT64_C(1) << 32) return -1;
  }
  return n;
}

/* `buffer[k++] = element` or the reverse, over the destination's box. */
static void through_nest(rows *r, bool reading, const char *store) {
  tc_cemit *e = r->c->e;
  tc_cw_line(&e->w, "k = 0;");
  for (uint32_t k = 0; k < r->n; k++) {
    const char *i = counter(e, r->loops[k]);
    tc_cw_open(&e->w, "for (tc_i64 %s = 0; %s < %s; %s++)", i, i, r->to.d[r->loops[k]].extent, i);
  }
  const char *at[TC_CPU_RANK];
  if (reading) {
    point_of_from(r, at);
    const char *in = tc_cpu_inside(r->c, &r->from, at);
    const char *x = source_element(r);
    if (in) x = tc_ce_text(e, "%s ? %s : %s", in, x, r->safe);
    tc_cw_line(&e->w, "%s[k++] = %s;", store, x);
  } else {
    point_of_to(r, at);
    const char *in = tc_cpu_inside(r->c, &r->to, at);
    if (in) tc_cw_open(&e->w, "if (%s)", in);
    put_element(r, tc_ce_text(e, "%s[k]", store));
    if (in) tc_cw_close(&e->w);
    tc_cw_line(&e->w, "k++;");
  }
  for (uint32_t k = 0; k < r->n; k++)
    tc_cw_close(&e->w);
}

static void copy_through(rows *r) {
  tc_cemit *e = r->c->e;
  int64_t n = count_of(&r->to);
  if (n < 0) tc_ce_refuse(e, r->stmt, "a copy of unknown extent within one buffer");
  choose_loops(r);
  tc_type elem = {r->to.b->elem.dtype, 0, 1};
  uint32_t bits = tc_type_bits(elem);
  tc_cpu_work(r->c, 0, (uint64_t)n * (bits < 8 ? 1 : bits / 8));
  tc_cw_line(&e->w, "%s *const all = (%s *)work;", tc_ce_storage(elem), tc_ce_storage(elem));
  tc_cw_line(&e->w, "tc_i64 k;");
  through_nest(r, true, "all");
  through_nest(r, false, "all");
}

/* ---- statements ---- */

/* Stored bits of a scalar value converted to the buffer's element type. */
static const char *stored_as(tc_cemit *e, tc_type elem, tc_value v, uint32_t lane) {
  tc_type from = {tc_value_type(e->ir, v).dtype, 0, 1};
  elem.lanes = 1;
  if (tc_type_equal(from, elem)) return tc_ce_stored(e, elem, v, lane);
  return tc_ce_converted(e, from, elem, tc_ce_ref(e, v, lane));
}

void tc_cpu_copy(tc_cpu *c, tc_value stmt) {
  tc_cemit *e = c->e;
  const tc_op *op = tc_op_at(e->ir, stmt);
  tc_cw_open(&e->w, "%s", "");
  rows r = {.c = c,
            .stmt = stmt,
            .from = tc_cpu_side(c, tc_input(e->ir, op, 0)),
            .to = tc_cpu_side(c, tc_input(e->ir, op, 1))};
  if (r.from.b->elem.lanes != r.to.b->elem.lanes)
    tc_ce_refuse(e, stmt, "a copy between vectors of different lengths");
  tc_cpu_match(c, stmt, &r.to, &r.from, r.map);
  tc_type lane = {r.to.b->elem.dtype, 0, 1};
  bool has_zero = lane.dtype != TC_DT_float8_e8m0fnu; /* as a pattern of zero bits */
  r.safe = has_zero ? "0" : tc_ce_converted(e, tc_scalar_type(TC_DT_int32), lane, "0");
  if (tc_copy_of(e->ir, stmt)->flags & TC_COPY_SAFE)
    r.safe = stored_as(e, lane, tc_input(e->ir, op, 2), 0);
  r.safe = tc_cw_temp(&e->w, tc_ce_storage(lane), "%s", r.safe);
  if (may_overlap(&r.from, &r.to))
    copy_through(&r);
  else
    print_rows(&r);
  tc_cw_close(&e->w);
}

void tc_cpu_fill(tc_cpu *c, tc_value stmt) {
  tc_cemit *e = c->e;
  const tc_op *op = tc_op_at(e->ir, stmt);
  tc_value value = tc_input(e->ir, op, 1);
  uint32_t lanes = tc_value_type(e->ir, value).lanes;
  for (uint32_t l = 0; l < lanes; l++) {
    tc_cw_open(&e->w, "%s", "");
    rows r = {.c = c, .stmt = stmt, .to = tc_cpu_side(c, tc_input(e->ir, op, 0))};
    uint32_t last = r.to.rank - 1;
    if (lanes > 1) { /* each lane of a vector by itself */
      r.to.d[last].base = tc_ce_text(e, "%u", l);
      r.to.d[last].extent = "1";
      r.to.d[last].extent_k = 1;
    }
    tc_type lane = {r.to.b->elem.dtype, 0, 1};
    r.safe = tc_cw_temp(&e->w, tc_ce_storage(lane), "%s", stored_as(e, lane, value, l));
    print_rows(&r);
    tc_cw_close(&e->w);
  }
}
