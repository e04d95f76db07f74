/* Tile operations, element by element. A tile is a slice with its numbers; every access goes
 * through tc_interp_locate, which knows what a guard is. */
#include "ir/interp_private.h"

#include <inttypes.h>

/* ---- boxes and tiles ---- */

tc_odometer tc_odometer_in(uint32_t rank, const int64_t *extent) {
  tc_odometer o = {.rank = rank, .extent = extent, .more = true};
  for (uint32_t d = 0; d < rank; d++)
    if (extent[d] <= 0) o.more = false;
  return o;
}

void tc_odometer_next(tc_odometer *o) {
  for (uint32_t d = o->rank; d-- > 0;) {
    if (++o->at[d] < o->extent[d]) return;
    o->at[d] = 0;
  }
  o->more = false;
}

uint64_t tc_interp_count(tc_machine *m, uint32_t rank, const int64_t *extent, tc_value stmt) {
  uint64_t n = 1;
  for (uint32_t d = 0; d < rank; d++)
    if (extent[d] <= 0) return 0;
  for (uint32_t d = 0; d < rank; d++) {
    if ((uint64_t)extent[d] > m->max_steps / n) tc_interp_out_of_steps(m, stmt);
    n *= (uint64_t)extent[d];
  }
  tc_interp_spend(m, n, stmt);
  return n;
}

void tc_interp_tile(tc_machine *m, const tc_slice_code *code, tc_value stmt, tc_tile *tile) {
  tile->view = tc_interp_view(m, code->buf, stmt);
  tile->stmt = stmt;
  tile->rank = code->rank;
  for (uint32_t d = 0; d < code->rank; d++) {
    tile->base[d] = tc_interp_int(m, code->base[d], stmt, "the start of a tile");
    tile->extent[d] = tc_interp_int(m, code->extent[d], stmt, "the extent of a tile");
    bool guard = tile->view->scope == TC_SCOPE_global || tile->extent[d] != 1;
    tile->guarded[d] = guard && !code->in_bounds;
  }
}

bool tc_interp_locate(tc_machine *m, const tc_tile *tile, const int64_t *at, uint64_t *bit) {
  const tc_view *v = tile->view;
  uint64_t where = (uint64_t)v->offset;
  int64_t bad_index = 0;
  uint32_t bad = UINT32_MAX;
  for (uint32_t d = 0; d < tile->rank; d++) {
    uint64_t index = (uint64_t)tile->base[d] + (uint64_t)at[d];
    if (index >= (uint64_t)v->shape[d]) {
      if (tile->guarded[d]) return false;
      bad = d;
      bad_index = (int64_t)index;
    }
    where += index * (uint64_t)v->stride[d];
  }
  if (bad != UINT32_MAX) tc_interp_out_of_bounds(m, tile->stmt, v, bad, bad_index);
  *bit = where * v->elem_bits;
  const tc_storage *s = v->storage;
  if (!s->trusted && (*bit > s->size_b * 8 || v->elem_bits > s->size_b * 8 - *bit))
    tc_interp_outside(m, tile->stmt, v);
  return true;
}

void tc_interp_want_scalars(tc_machine *m, const tc_tile *tile) {
  if (tile->view->lanes != 1)
    tc_interp_unsupported(m, tile->stmt, "this operation on a buffer of vectors");
}

tc_reg tc_interp_tile_get(tc_machine *m, const tc_tile *tile, const int64_t *at) {
  uint64_t bit;
  if (!tc_interp_locate(m, tile, at, &bit)) return (tc_reg){0};
  return tc_interp_get(tile->view, bit, tile->stmt);
}

static void put_at(tc_machine *m, const tc_tile *tile, uint64_t bit, tc_reg x) {
  if (x.poison && tile->view->scope == TC_SCOPE_global)
    tc_interp_undefined_store(m, tile->stmt, tile->view, x);
  tc_interp_put(tile->view, bit, x);
}

void tc_interp_tile_put(tc_machine *m, const tc_tile *tile, const int64_t *at, tc_reg x) {
  uint64_t bit;
  if (tc_interp_locate(m, tile, at, &bit)) put_at(m, tile, bit, x);
}

tc_reg tc_interp_convert(tc_type from, tc_type to, tc_reg x, tc_value stmt) {
  if (from.dtype == to.dtype) return x;
  tc_scalar r = tc_scalar_cast(from, to, tc_reg_scalar(x));
  return (tc_reg){r.x, r.poison ? (x.poison ? x.poison : stmt.id) : 0};
}

static uint32_t next_long(const tc_tile *t, uint32_t d, uint32_t skip) {
  while (d < t->rank && (d == skip || t->extent[d] == 1))
    d++;
  return d;
}

bool tc_interp_pair(const tc_tile *a, uint32_t skip_a, const tc_tile *b, int *map) {
  for (uint32_t d = 0; d < a->rank; d++)
    map[d] = -1;
  uint32_t x = next_long(a, 0, skip_a), y = next_long(b, 0, UINT32_MAX);
  while (x < a->rank && y < b->rank) {
    if (a->extent[x] != b->extent[y]) return false;
    map[x] = (int)y;
    x = next_long(a, x + 1, skip_a);
    y = next_long(b, y + 1, UINT32_MAX);
  }
  return x >= a->rank && y >= b->rank;
}

/* Dimensions of `from` stretched over `to`, aligned from the right. */
static bool stretch(const tc_tile *to, const tc_tile *from, int *map) {
  for (uint32_t d = 0; d < to->rank; d++)
    map[d] = -1;
  for (uint32_t k = 1; k <= from->rank; k++) {
    uint32_t s = from->rank - k;
    if (from->extent[s] == 1) continue;
    if (k > to->rank || to->extent[to->rank - k] != from->extent[s]) return false;
    map[to->rank - k] = (int)s;
  }
  return true;
}

/* What dimension of `from` each dimension of `to` walks along; -1: none. */
static void match(tc_machine *m, const tc_tile *to, const tc_tile *from, int *map) {
  if (!tc_interp_pair(to, UINT32_MAX, from, map) && !stretch(to, from, map))
    tc_interp_extents(m, to->stmt, from, to);
}

static void follow(const tc_odometer *o, const int *map, int64_t *at) {
  for (uint32_t d = 0; d < o->rank; d++)
    if (map[d] >= 0) at[map[d]] = o->at[d];
}

/* ---- copy and fill ---- */

typedef struct copier {
  tc_tile to, from;
  int map[TC_INTERP_RANK];
  tc_reg safe; /* read where the source is out of range; of the destination's type */
} copier;

static void read_element(tc_machine *m, const copier *c, const int64_t *at, tc_reg *lanes) {
  const tc_view *v = c->from.view;
  uint64_t bit;
  bool inside = tc_interp_locate(m, &c->from, at, &bit);
  for (uint32_t l = 0; l < v->lanes; l++) {
    lanes[l] = c->safe;
    if (!inside) continue;
    tc_reg x = tc_interp_get(v, bit + (uint64_t)l * v->lane_bits, c->from.stmt);
    lanes[l] = tc_interp_convert(v->lane, c->to.view->lane, x, c->from.stmt);
  }
}

static void write_element(tc_machine *m, const copier *c, const int64_t *at, const tc_reg *lanes) {
  uint64_t bit;
  if (!tc_interp_locate(m, &c->to, at, &bit)) return;
  for (uint32_t l = 0; l < c->to.view->lanes; l++)
    put_at(m, &c->to, bit + (uint64_t)l * c->to.view->lane_bits, lanes[l]);
}

static bool may_overlap(const copier *c) {
  const tc_storage *a = c->to.view->storage, *b = c->from.view->storage;
  return a == b || a->trusted || b->trusted;
}

static void copy_through(tc_machine *m, const copier *c, uint64_t n) {
  tc_room_mark mark = tc_interp_mark(m);
  uint32_t lanes = c->to.view->lanes;
  tc_reg *all = tc_interp_room(m, n, lanes * sizeof *all, c->to.stmt), *p = all;
  for (tc_odometer o = tc_odometer_in(c->to.rank, c->to.extent); o.more; tc_odometer_next(&o)) {
    int64_t at[TC_INTERP_RANK] = {0};
    follow(&o, c->map, at);
    read_element(m, c, at, p);
    p += lanes;
  }
  p = all;
  for (tc_odometer o = tc_odometer_in(c->to.rank, c->to.extent); o.more; tc_odometer_next(&o)) {
    write_element(m, c, o.at, p);
    p += lanes;
  }
  tc_interp_drop(m, mark);
}

enum { MAX_LANES = 64 };

static void want_lanes(tc_machine *m, const tc_tile *a, const tc_tile *b) {
  if (a->view->lanes != b->view->lanes || a->view->lanes > MAX_LANES)
    tc_interp_unsupported(m, a->stmt, "a tile operation between vectors of different lengths");
}

void tc_interp_copy(tc_machine *m, const tc_insn *p) {
  const tc_tile_code *code = p->record;
  copier c = {0};
  tc_interp_tile(m, &code->slice[0], p->at, &c.from);
  tc_interp_tile(m, &code->slice[1], p->at, &c.to);
  want_lanes(m, &c.to, &c.from);
  match(m, &c.to, &c.from, c.map);
  if (code->extra[0])
    c.safe = tc_interp_convert(tc_lane_type(code->extra_type), c.to.view->lane,
                               m->regs[code->extra[0]], p->at);
  uint64_t n = tc_interp_count(m, c.to.rank, c.to.extent, p->at);
  if (may_overlap(&c)) {
    copy_through(m, &c, n);
    return;
  }
  for (tc_odometer o = tc_odometer_in(c.to.rank, c.to.extent); o.more; tc_odometer_next(&o)) {
    int64_t at[TC_INTERP_RANK] = {0};
    tc_reg lanes[MAX_LANES];
    follow(&o, c.map, at);
    read_element(m, &c, at, lanes);
    write_element(m, &c, o.at, lanes);
  }
}

void tc_interp_fill(tc_machine *m, const tc_insn *p) {
  const tc_tile_code *code = p->record;
  tc_tile to;
  tc_interp_tile(m, &code->slice[0], p->at, &to);
  tc_interp_count(m, to.rank, to.extent, p->at);
  bool wide = code->extra_type.lanes > 1;
  for (tc_odometer o = tc_odometer_in(to.rank, to.extent); o.more; tc_odometer_next(&o)) {
    uint64_t bit;
    if (!tc_interp_locate(m, &to, o.at, &bit)) continue;
    for (uint32_t l = 0; l < to.view->lanes; l++)
      put_at(m, &to, bit + (uint64_t)l * to.view->lane_bits,
             m->regs[code->extra[0] + (wide ? l : 0)]);
  }
}

/* ---- transpose ---- */

void tc_interp_transpose(tc_machine *m, const tc_insn *p) {
  const tc_tile_code *code = p->record;
  tc_tile from, to;
  tc_interp_tile(m, &code->slice[0], p->at, &from);
  tc_interp_tile(m, &code->slice[1], p->at, &to);
  tc_interp_want_scalars(m, &from);
  tc_interp_want_scalars(m, &to);
  uint32_t r = from.rank, q = to.rank;
  bool fits = r >= 2 && q >= 2 && from.extent[r - 2] == to.extent[q - 1]
              && from.extent[r - 1] == to.extent[q - 2];
  for (uint32_t d = 0; d + 2 < r; d++)
    fits = fits && from.extent[d] == 1;
  for (uint32_t d = 0; d + 2 < q; d++)
    fits = fits && to.extent[d] == 1;
  if (!fits) tc_interp_extents(m, p->at, &from, &to);
  uint64_t n = tc_interp_count(m, r, from.extent, p->at);
  tc_room_mark mark = tc_interp_mark(m);
  tc_reg *all = tc_interp_room(m, n, sizeof *all, p->at), *x = all;
  for (tc_odometer o = tc_odometer_in(r, from.extent); o.more; tc_odometer_next(&o))
    *x++ = tc_interp_convert(from.view->lane, to.view->lane, tc_interp_tile_get(m, &from, o.at),
                             p->at);
  x = all;
  for (tc_odometer o = tc_odometer_in(r, from.extent); o.more; tc_odometer_next(&o)) {
    int64_t at[TC_INTERP_RANK] = {0};
    at[q - 1] = o.at[r - 2];
    at[q - 2] = o.at[r - 1];
    tc_interp_tile_put(m, &to, at, *x++);
  }
  tc_interp_drop(m, mark);
}

/* ---- im2col ---- */

/* One row of the im2col matrix is an output position (n, oh, ow), one column a kernel position and
 * channel (kh, kw, c). */
typedef struct im2col {
  tc_tile image;
  int64_t kernel, stride, dilation, pad;
  int64_t out_h, out_w;
} im2col;

static int64_t output_extent(const im2col *x, int64_t image) {
  int64_t span = image + 2 * x->pad - x->dilation * (x->kernel - 1) - 1;
  return span < 0 ? 0 : span / x->stride + 1;
}

static tc_reg im2col_element(tc_machine *m, const im2col *x, int64_t row, int64_t column) {
  int64_t n = x->image.extent[0], channels = x->image.extent[3];
  int64_t per_image = x->out_h * x->out_w;
  if (row < 0 || column < 0 || per_image == 0 || channels <= 0) return (tc_reg){0};
  if (row / per_image >= n || column / channels >= x->kernel * x->kernel) return (tc_reg){0};
  int64_t tap = column / channels, position = row % per_image;
  int64_t h = position / x->out_w * x->stride + tap / x->kernel * x->dilation - x->pad;
  int64_t w = position % x->out_w * x->stride + tap % x->kernel * x->dilation - x->pad;
  if (h < 0 || h >= x->image.extent[1] || w < 0 || w >= x->image.extent[2]) return (tc_reg){0};
  int64_t at[TC_INTERP_RANK] = {row / per_image, h, w, column % channels};
  return tc_interp_tile_get(m, &x->image, at);
}

/* Numbers this large cannot come from a real convolution, and products of them stay in range. */
static bool is_sane(int64_t x, int64_t least) {
  return x >= least && x < INT64_C(1) << 20;
}

void tc_interp_im2col(tc_machine *m, const tc_insn *p) {
  const tc_tile_code *code = p->record;
  const tc_im2col *how = &m->ir->im2cols.at[tc_op_at(m->ir, p->at)->payload];
  im2col x = {
      .kernel = how->kernel, .stride = how->stride, .dilation = how->dilation, .pad = how->pad};
  tc_tile to;
  tc_interp_tile(m, &code->slice[0], p->at, &x.image);
  tc_interp_tile(m, &code->slice[1], p->at, &to);
  tc_interp_want_scalars(m, &x.image);
  tc_interp_want_scalars(m, &to);
  bool fits = x.image.rank == 4 && to.rank >= 2;
  for (uint32_t d = 0; d + 2 < to.rank; d++)
    fits = fits && to.extent[d] == 1;
  for (uint32_t d = 0; d < x.image.rank; d++)
    fits = fits && x.image.extent[d] < INT64_C(1) << 31;
  if (!fits) tc_interp_extents(m, p->at, &x.image, &to);
  if (!is_sane(x.kernel, 1) || !is_sane(x.stride, 1) || !is_sane(x.dilation, 1)
      || !is_sane(x.pad, 0))
    tc_interp_unsupported(m, p->at, "this window of im2col");
  x.out_h = output_extent(&x, x.image.extent[1]);
  x.out_w = output_extent(&x, x.image.extent[2]);
  uint64_t row_0 = (uint64_t)tc_interp_int(m, code->extra[0], p->at, "the row of im2col");
  uint64_t column_0 = (uint64_t)tc_interp_int(m, code->extra[1], p->at, "the column of im2col");
  uint32_t r = to.rank;
  row_0 *= (uint64_t)to.extent[r - 2];
  column_0 *= (uint64_t)to.extent[r - 1];
  tc_interp_count(m, r, to.extent, p->at);
  for (tc_odometer o = tc_odometer_in(r, to.extent); o.more; tc_odometer_next(&o)) {
    tc_reg e = im2col_element(m, &x, (int64_t)(row_0 + (uint64_t)o.at[r - 2]),
                              (int64_t)(column_0 + (uint64_t)o.at[r - 1]));
    tc_interp_tile_put(m, &to, o.at,
                       tc_interp_convert(x.image.view->lane, to.view->lane, e, p->at));
  }
}

/* ---- atomic update of a tile ---- */

void tc_interp_atomic_tile(tc_machine *m, const tc_insn *p) {
  const tc_tile_code *code = p->record;
  enum tc_atomic_kind kind = (enum tc_atomic_kind)tc_atomic_of(m->ir, p->at)->kind;
  if (kind == TC_ATOMIC_CAS) tc_interp_unsupported(m, p->at, "compare-and-swap of a tile");
  tc_tile to, from = {0};
  int map[TC_INTERP_RANK];
  tc_interp_tile(m, &code->slice[0], p->at, &to);
  tc_interp_want_scalars(m, &to);
  bool scalar = code->n < 2; /* one value for all elements */
  if (!scalar) {
    tc_interp_tile(m, &code->slice[1], p->at, &from);
    tc_interp_want_scalars(m, &from);
    match(m, &to, &from, map);
  }
  tc_type type = scalar ? tc_lane_type(code->extra_type) : from.view->lane;
  tc_interp_count(m, to.rank, to.extent, p->at);
  for (tc_odometer o = tc_odometer_in(to.rank, to.extent); o.more; tc_odometer_next(&o)) {
    int64_t at[TC_INTERP_RANK] = {0};
    uint64_t bit;
    if (!tc_interp_locate(m, &to, o.at, &bit)) continue;
    if (!scalar) follow(&o, map, at);
    tc_reg x = scalar ? m->regs[code->extra[0]] : tc_interp_tile_get(m, &from, at);
    x = tc_interp_convert(type, to.view->lane, x, p->at);
    tc_reg old = tc_interp_get(to.view, bit, p->at);
    put_at(m, &to, bit, tc_interp_update(kind, to.view->lane, old, x, (tc_reg){0}));
  }
}

/* ---- print ---- */

static void print_value(tc_sb *sb, tc_type type, tc_reg x) {
  if (x.poison) {
    tc_sb_adds(sb, "undefined");
  } else if (tc_is_float(type)) {
    tc_sb_printf(sb, "%.*g", tc_type_bits(tc_lane_type(type)) == 64 ? 17 : 9, x.x.f);
  } else if (tc_is_bool(type)) {
    tc_sb_adds(sb, x.x.i ? "true" : "false");
  } else if (tc_type_kind(type) == TC_K_UINT) {
    tc_sb_printf(sb, "%" PRIu64, (uint64_t)x.x.i);
  } else {
    tc_sb_printf(sb, "%" PRId64, x.x.i);
  }
}

enum { PRINTED_B = 32 }; /* more than the text of one number */

static void print_buffer(tc_machine *m, tc_sb *sb, tc_buf buf, tc_value stmt) {
  tc_tile all = {.view = tc_interp_view(m, buf, stmt), .stmt = stmt};
  all.rank = all.view->rank;
  for (uint32_t d = 0; d < all.rank; d++)
    all.extent[d] = all.view->shape[d];
  uint64_t n = tc_interp_count(m, all.rank, all.extent, stmt);
  if (n > (m->max_memory_b - m->memory_b) / PRINTED_B) tc_interp_out_of_memory(m, stmt);
  tc_sb_printf(sb, "%s = [", tc_interp_name(m, buf));
  bool first = true;
  for (tc_odometer o = tc_odometer_in(all.rank, all.extent); o.more; tc_odometer_next(&o)) {
    uint64_t bit;
    if (!tc_interp_locate(m, &all, o.at, &bit)) continue;
    for (uint32_t l = 0; l < all.view->lanes; l++, first = false) {
      if (!first) tc_sb_adds(sb, ", ");
      print_value(sb, all.view->lane,
                  tc_interp_get(all.view, bit + (uint64_t)l * all.view->lane_bits, stmt));
    }
  }
  tc_sb_adds(sb, "]");
}

void tc_interp_print(tc_machine *m, const tc_insn *p) {
  const tc_print_code *code = p->record;
  tc_room_mark mark = tc_interp_mark(m);
  tc_sb sb = tc_sb_in(&m->arena);
  if (code->text && *code->text) tc_sb_printf(&sb, "%s", code->text);
  for (uint32_t i = 0; i < code->n; i++) {
    uint32_t lanes = code->type[i].lanes > 1 ? code->type[i].lanes : 1;
    for (uint32_t l = 0; l < lanes; l++) {
      if (sb.n) tc_sb_char(&sb, ' ');
      print_value(&sb, code->type[i], m->regs[code->value[i] + l]);
    }
  }
  if (code->buf.id) {
    if (sb.n) tc_sb_char(&sb, ' ');
    print_buffer(m, &sb, code->buf, p->at);
  }
  tc_sb_char(&sb, '\n');
  m->print(m->print_data, sb.at, sb.n);
  tc_interp_drop(m, mark);
}
