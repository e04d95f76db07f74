/* Subscripts, loads, stores and what binding a staged value to a name means. */
#include "lang/stage_private.h"

#include <inttypes.h>
#include <string.h>

const tc_buffer *tc_stage_buffer(const tc_eval *ev, tc_buf buf) {
  return tc_buf_at(ev->ir, buf);
}

const char *tc_stage_buf_name(const tc_eval *ev, tc_buf buf) {
  return tc_name_of(ev->ir, tc_buf_at(ev->ir, buf)->name);
}

void tc_stage_note_buf(tc_eval *ev, tc_buf buf) {
  const tc_buffer *b = tc_buf_at(ev->ir, buf);
  tc_diag_note(ev->diags, b->span, "%s is %s %s of %s", tc_name_of(ev->ir, b->name),
               tc_scope_name(b->scope), tc_stage_show_shape(ev, b->shape, b->rank),
               tc_type_name(ev->arena, b->elem));
}

/* ---- loads and stores ---- */

/* Device memory cannot be read while the launch is still being prepared. */
static void need_kernel(tc_eval *ev, tc_buf buf, const char *what, tc_span span) {
  if (!tc_stage_in_kernel(ev))
    STAGE_FAIL(ev, D_outside_kernel, span, what, tc_stage_buf_name(ev, buf));
}

static void check_local_index(tc_eval *ev, const tc_buffer *b, const tc_value *index,
                              tc_span span) {
  if (b->scope != TC_SCOPE_local) return;
  for (uint32_t d = 0; d < b->rank; d++) {
    const tc_op *op = tc_op_at(ev->ir, index[d]);
    if (op->opcode != TC_OP_var) continue;
    if (tc_var_at(ev->ir, (tc_var){op->payload})->kind != TC_VAR_PARALLEL) continue;
    TC_DIAG(ev->diags, D_local_parallel_index, span, tc_name_of(ev->ir, b->name),
            tc_stage_show_value(ev, index[d]));
    tc_diag_help(ev->diags, "allocate it with T.alloc_fragment, which is one tile per block");
    tc_diag_stop(ev->diags);
  }
}

/* The same load, if there is nothing but loads between it and here. */
static tc_value earlier_load(tc_eval *ev, tc_buf buf, const tc_value *index, tc_value other) {
  const tc_block *block = tc_block_at(ev->ir, ev->cursor.at);
  uint32_t rank = tc_buf_at(ev->ir, buf)->rank;
  for (uint32_t i = block->ops.n; i-- > 0 && tc_is(ev->ir, block->ops.at[i], TC_OP_load);) {
    tc_value stmt = block->ops.at[i];
    const tc_access *a = tc_access_of(ev->ir, stmt);
    bool same = a->buf.id == buf.id && a->order == TC_ORDER_NONE
                && tc_access_pred(ev->ir, stmt).id == ev->cursor.pred.id
                && tc_access_else(ev->ir, stmt).id == other.id;
    for (uint32_t d = 0; same && d < rank; d++)
      same = tc_input(ev->ir, tc_op_at(ev->ir, stmt), d).id == index[d].id;
    if (same) return stmt;
  }
  return (tc_value){0};
}

tc_val tc_stage_load(tc_eval *ev, tc_buf buf, const tc_value *index, tc_span span) {
  const tc_buffer *b = tc_buf_at(ev->ir, buf);
  need_kernel(ev, buf, "read", span);
  check_local_index(ev, b, index, span);
  tc_value other = {0}, earlier = {0};
  if (b->scope == TC_SCOPE_global) other = tc_stage_safe_of(ev, buf, span);
  /* So that in A[w : w + 4] both ends are of one w, and the extent is 4. */
  if (ev->slices) earlier = earlier_load(ev, buf, index, other);
  if (earlier.id) return tc_val_expr(earlier);
  tc_value x = tc_load(ev->ir, ev->cursor.at, buf, index, ev->cursor.pred, other, span);
  tc_stage_reducer_read(ev, buf, x, span);
  return tc_val_expr(x);
}

void tc_stage_store_at(tc_eval *ev, tc_buf buf, const tc_value *index, tc_val value, tc_span span) {
  const tc_buffer *b = tc_buf_at(ev->ir, buf);
  need_kernel(ev, buf, "write", span);
  check_local_index(ev, b, index, span);
  if (tc_stage_reducer_store(ev, buf, index, value, span)) return;
  tc_stage_effect(ev, span);
  tc_value x = tc_stage_convert(ev, value, b->elem, span);
  tc_store(ev->ir, ev->cursor.at, buf, index, x, ev->cursor.pred, span);
}

/* A[vector] is a region whose base holds the vector: one element per lane. Gives their number, 0
 * for a box. */
static uint32_t scattered_lanes(const tc_eval *ev, const tc_region_val *r) {
  for (uint32_t d = 0; d < r->n; d++) {
    uint32_t lanes = tc_value_type(ev->ir, r->base[d]).lanes;
    if (lanes > 1) return lanes;
  }
  return 0;
}

/* Element positions of a constant box, last dimension fastest: the lanes of a vector value. */
static uint32_t region_lanes(tc_eval *ev, const tc_region_val *r) {
  int64_t lanes = 1, extent;
  if (scattered_lanes(ev, r)) return scattered_lanes(ev, r);
  for (uint32_t d = 0; d < r->n; d++) {
    if (!tc_const_of(ev->ir, r->extent[d], &extent) || extent < 1 || extent > 64)
      STAGE_FAIL(ev, D_region_as_value, r->span, tc_stage_buf_name(ev, r->buf));
    lanes *= extent;
  }
  if (lanes > 64) STAGE_FAIL(ev, D_region_as_value, r->span, tc_stage_buf_name(ev, r->buf));
  return (uint32_t)lanes;
}

/* Vector indices wrap lane by lane where they are negative (language rule; scalars do not). */
static tc_value wrapped_lane(tc_eval *ev, tc_value vector, uint32_t lane, tc_value extent) {
  tc_value x = tc_lane(ev->ir, vector, lane);
  tc_stage_promote(ev, &x, &extent, ev->here);
  tc_value negative = tc_binary(ev->ir, TC_OP_lt, x, tc_zero(ev->ir, tc_value_type(ev->ir, x)));
  return tc_select(ev->ir, negative, tc_binary(ev->ir, TC_OP_add, x, extent), x);
}

static void scattered_index(tc_eval *ev, const tc_region_val *r, uint32_t lane, tc_value *index) {
  for (uint32_t d = 0; d < r->n; d++) {
    bool vector = tc_value_type(ev->ir, r->base[d]).lanes > 1;
    tc_value extent = tc_buf_at(ev->ir, r->buf)->shape[d];
    index[d] = vector ? wrapped_lane(ev, r->base[d], lane, extent) : r->base[d];
  }
}

static void lane_index(tc_eval *ev, const tc_region_val *r, uint32_t lane, tc_value *index) {
  if (scattered_lanes(ev, r)) {
    scattered_index(ev, r, lane, index);
    return;
  }
  for (uint32_t d = r->n; d-- > 0;) {
    int64_t extent = 1;
    tc_const_of(ev->ir, r->extent[d], &extent);
    int64_t at = lane % (uint32_t)extent;
    lane /= (uint32_t)extent;
    tc_value step = tc_const_int(ev->ir, tc_value_type(ev->ir, r->base[d]), at);
    index[d] = tc_binary(ev->ir, TC_OP_add, r->base[d], step);
  }
}

static void store_region(tc_eval *ev, const tc_region_val *r, tc_val value, tc_span span) {
  uint32_t lanes = region_lanes(ev, r);
  tc_value x = tc_stage_value(ev, value, span);
  tc_type type = tc_value_type(ev->ir, x);
  if (type.lanes != 1 && type.lanes != lanes)
    STAGE_FAIL(ev, D_lanes_differ, span, tc_type_name(ev->arena, type),
               tc_format(ev->arena, "a region of %u elements", lanes));
  for (uint32_t i = 0; i < lanes; i++) {
    tc_value index[STAGE_MAX_RANK];
    lane_index(ev, r, i, index);
    tc_value part = type.lanes == 1 ? x : tc_lane(ev->ir, x, i);
    tc_stage_store_at(ev, r->buf, index, tc_val_expr(part), span);
  }
}

/* What is stored is read where it is written down, not where it is stored. */
static tc_val read_in_place(tc_eval *ev, tc_val value) {
  if (value.kind == TC_V_ELEMENT)
    return tc_val_expr(tc_stage_value(ev, value, value.element->span));
  if (value.kind == TC_V_REGION) return tc_val_expr(tc_stage_value(ev, value, value.region->span));
  return value;
}

void tc_stage_store(tc_eval *ev, tc_val target, tc_val value, tc_span span) {
  value = read_in_place(ev, value);
  switch (target.kind) {
  case TC_V_VAR:
    tc_stage_store_at(ev, target.buf, NULL, value, span);
    return;
  case TC_V_ELEMENT:
    if (target.element->n != tc_buf_at(ev->ir, target.element->buf)->rank) {
      TC_DIAG(ev->diags, D_index_count, span, tc_stage_buf_name(ev, target.element->buf),
              tc_buf_at(ev->ir, target.element->buf)->rank, target.element->n);
      tc_stage_note_buf(ev, target.element->buf);
      tc_diag_stop(ev->diags);
    }
    if (!tc_stage_async_store(ev, target, value, span))
      tc_stage_store_at(ev, target.element->buf, target.element->index, value, span);
    return;
  case TC_V_REGION:
    store_region(ev, target.region, value, span);
    return;
  default:
    STAGE_FAIL(ev, D_not_assignable, span, tc_val_kind_name(target));
  }
}

/* ---- binding ---- */

static tc_val bind_region(tc_eval *ev, tc_region_val *r, tc_span span) {
  uint32_t lanes = region_lanes(ev, r);
  tc_value parts[64];
  for (uint32_t i = 0; i < lanes; i++) {
    tc_value index[STAGE_MAX_RANK];
    lane_index(ev, r, i, index);
    parts[i] = tc_stage_load(ev, r->buf, index, span).value;
  }
  tc_region_val *bound = tc_arena_copy(ev->arena, r, sizeof *r);
  bound->loaded = tc_pack(ev->ir, parts, lanes);
  return (tc_val){.kind = TC_V_REGION, .region = bound};
}

static bool small_region(tc_eval *ev, const tc_region_val *r) {
  int64_t lanes = 1, extent;
  for (uint32_t d = 0; d < r->n; d++) {
    if (!tc_const_of(ev->ir, r->extent[d], &extent) || extent < 1 || extent > 64) return false;
    lanes *= extent;
  }
  return lanes <= 64;
}

tc_val tc_stage_bind(tc_eval *ev, tc_val v, tc_name name, tc_span span) {
  switch (v.kind) {
  case TC_V_EXPR:
    return tc_stage_fold(ev, v.value);
  case TC_V_VAR:
    return tc_stage_load(ev, v.buf, NULL, span);
  case TC_V_ELEMENT: {
    /* Fewer indices than dimensions: only a tile origin, nothing to load. So are elements bound
     * before any kernel is open. */
    if (v.element->loaded.id || v.element->n != tc_buf_at(ev->ir, v.element->buf)->rank
        || !tc_stage_in_kernel(ev) || tc_buf_at(ev->ir, v.element->buf)->scope == TC_SCOPE_barrier)
      return v;
    tc_element *bound = tc_arena_copy(ev->arena, v.element, sizeof *v.element);
    bound->loaded = tc_stage_load(ev, bound->buf, bound->index, span).value;
    return (tc_val){.kind = TC_V_ELEMENT, .element = bound};
  }
  case TC_V_REGION:
    /* A large box bound to a name can only be a tile operand later. */
    return v.region->loaded.id || !tc_stage_in_kernel(ev) || !small_region(ev, v.region)
               ? v
               : bind_region(ev, v.region, span);
  case TC_V_BUFFER:
    /* Buffers take the name they are first bound to. */
    if (name.id && tc_buf_at(ev->ir, v.buf)->name.id == 0) tc_buf_at(ev->ir, v.buf)->name = name;
    return v;
  case TC_V_FRAME:
    return tc_stage_bound_index(ev, v);
  default:
    return v;
  }
}

/* ---- subscripts ---- */

static tc_val vector_lane(tc_eval *ev, tc_value vector, tc_val index, tc_span span) {
  tc_type type = tc_value_type(ev->ir, vector);
  int64_t lane = tc_stage_int(ev, index, "the lane of a vector", span);
  if (lane < 0) lane += type.lanes;
  if (lane < 0 || lane >= type.lanes)
    STAGE_FAIL(ev, D_lane_range, span, lane, tc_type_name(ev->arena, type));
  return tc_stage_fold(ev, tc_lane(ev->ir, vector, (uint32_t)lane));
}

/* A sum of by * leaf and a constant, modulo 2^64; what it represents wraps to the index type, so
 * the algebra is exact. */
enum { LINEAR_TERMS = 8 };
typedef struct linear {
  uint64_t constant, by[LINEAR_TERMS];
  uint32_t leaf[LINEAR_TERMS], n;
  bool ok;
} linear;

static void add_term(linear *l, uint32_t leaf, uint64_t by) {
  uint32_t i = 0;
  while (i < l->n && l->leaf[i] != leaf)
    i++;
  if (i == LINEAR_TERMS) {
    l->ok = false;
    return;
  }
  if (i == l->n) l->leaf[l->n++] = leaf, l->by[i] = 0;
  l->by[i] += by;
}

static void add_linear(tc_eval *ev, linear *l, tc_value v, uint64_t by) {
  const tc_op *op = tc_op_at(ev->ir, v);
  int64_t c;
  if (tc_const_of(ev->ir, v, &c)) {
    l->constant += by * (uint64_t)c;
  } else if (op->opcode == TC_OP_add || op->opcode == TC_OP_sub) {
    add_linear(ev, l, tc_input(ev->ir, op, 0), by);
    add_linear(ev, l, tc_input(ev->ir, op, 1), op->opcode == TC_OP_add ? by : 0 - by);
  } else if (op->opcode == TC_OP_mul && tc_const_of(ev->ir, tc_input(ev->ir, op, 1), &c)) {
    add_linear(ev, l, tc_input(ev->ir, op, 0), by * (uint64_t)c);
  } else {
    add_term(l, v.id, by);
  }
}

/* hi - lo, as a constant when the variables cancel: (b + 1) * 64 - b * 64 is 64. */
static tc_value difference(tc_eval *ev, tc_value hi, tc_value lo) {
  tc_value plain = tc_stage_arith(ev, TC_OP_sub, hi, lo);
  linear l = {.ok = tc_type_equal(tc_value_type(ev->ir, hi), tc_value_type(ev->ir, lo))
                    || tc_is(ev->ir, hi, TC_OP_const) || tc_is(ev->ir, lo, TC_OP_const)};
  add_linear(ev, &l, hi, 1);
  add_linear(ev, &l, lo, UINT64_MAX);
  for (uint32_t i = 0; i < l.n; i++)
    l.ok = l.ok && l.by[i] == 0;
  return l.ok ? tc_const_int(ev->ir, tc_value_type(ev->ir, plain), (int64_t)l.constant) : plain;
}

/* buf[a:b]: base and extent of one dimension. */
static void slice_bounds(tc_eval *ev, const tc_buffer *b, uint32_t d, const tc_val *parts,
                         tc_value *base, tc_value *extent, tc_span span) {
  if (parts[2].kind != TC_V_NONE && !(parts[2].kind == TC_V_INT && parts[2].i == 1))
    STAGE_FAIL(ev, D_slice_step, span, tc_name_of(ev->ir, b->name));
  tc_value lo = parts[0].kind == TC_V_NONE ? tc_i32(ev->ir, 0)
                                           : tc_stage_index(ev, parts[0], "a slice bound", span);
  tc_value hi = parts[1].kind == TC_V_NONE ? b->shape[d]
                                           : tc_stage_index(ev, parts[1], "a slice bound", span);
  int64_t x;
  /* Constant negative bounds count from the end, as in Python. */
  if (tc_const_of(ev->ir, lo, &x) && x < 0) lo = tc_stage_arith(ev, TC_OP_add, b->shape[d], lo);
  if (tc_const_of(ev->ir, hi, &x) && x < 0) hi = tc_stage_arith(ev, TC_OP_add, b->shape[d], hi);
  *base = lo;
  *extent = difference(ev, hi, lo);
  if (tc_const_of(ev->ir, *extent, &x) && x <= 0)
    STAGE_FAIL(ev, D_empty_slice, span, tc_name_of(ev->ir, b->name), d, tc_stage_show_value(ev, lo),
               tc_stage_show_value(ev, hi));
}

static tc_val make_element(tc_eval *ev, tc_buf buf, const tc_value *index, uint32_t n,
                           tc_span span) {
  tc_element *e = TC_NEW(ev->arena, tc_element);
  tc_value *copy = tc_arena_copy(ev->arena, index, n * sizeof *index);
  *e = (tc_element){.buf = buf, .n = n, .index = copy, .span = span};
  return (tc_val){.kind = TC_V_ELEMENT, .element = e};
}

/* `at` holds the values of the indices that are no slices. */
static tc_val make_region(tc_eval *ev, tc_buf buf, const tc_val *index, const tc_value *at,
                          uint32_t n, tc_span span) {
  const tc_buffer *b = tc_buf_at(ev->ir, buf);
  tc_region_val *r = TC_NEW(ev->arena, tc_region_val);
  *r = (tc_region_val){.buf = buf,
                       .n = b->rank,
                       .base = TC_NEW_ARRAY(ev->arena, b->rank, tc_value),
                       .extent = TC_NEW_ARRAY(ev->arena, b->rank, tc_value),
                       .scalar = TC_NEW_ARRAY(ev->arena, b->rank, bool),
                       .span = span};
  for (uint32_t d = 0; d < b->rank; d++) {
    if (d >= n) { /* missing trailing indices mean all of the dimension */
      r->base[d] = tc_i32(ev->ir, 0);
      r->extent[d] = b->shape[d];
    } else if (index[d].kind == TC_V_SLICE) {
      slice_bounds(ev, b, d, index[d].slice, &r->base[d], &r->extent[d], span);
    } else {
      r->base[d] = at[d];
      r->extent[d] = tc_i32(ev->ir, 1);
      r->scalar[d] = true;
    }
  }
  return (tc_val){.kind = TC_V_REGION, .region = r};
}

/* The lanes of the vectors among the indices, 1 without any. */
static uint32_t index_lanes(tc_eval *ev, const tc_value *at, uint32_t n, tc_span span) {
  uint32_t lanes = 1;
  for (uint32_t d = 0; d < n; d++) {
    if (!at[d].id) continue;
    tc_type type = tc_value_type(ev->ir, at[d]);
    if (type.lanes > 1 && lanes > 1 && type.lanes != lanes)
      STAGE_FAIL(ev, D_lanes_differ, span, tc_type_name(ev->arena, type),
                 "the vector index before it");
    if (type.lanes > 1) lanes = type.lanes;
  }
  return lanes;
}

static void check_index_count(tc_eval *ev, tc_buf buf, uint32_t n, bool ok, tc_span span) {
  const tc_buffer *b = tc_buf_at(ev->ir, buf);
  if (ok) return;
  TC_DIAG(ev->diags, D_index_count, span, tc_name_of(ev->ir, b->name), b->rank, n);
  tc_stage_note_buf(ev, buf);
  tc_diag_stop(ev->diags);
}

static tc_val subscript_buffer(tc_eval *ev, tc_buf buf, const tc_val *index, uint32_t n,
                               tc_span span) {
  const tc_buffer *b = tc_buf_at(ev->ir, buf);
  if (b->flags & TC_BUF_POINTER)
    STAGE_FAIL(ev, D_pointer_subscript, span, tc_name_of(ev->ir, b->name));
  check_index_count(ev, buf, n, n <= b->rank, span);
  bool boxed = false;
  tc_value at[STAGE_MAX_RANK] = {0};
  for (uint32_t d = 0; d < n; d++) {
    if (index[d].kind == TC_V_SLICE)
      boxed = true;
    else
      at[d] = tc_stage_index(ev, index[d], "an index", span);
  }
  bool vector = index_lanes(ev, at, n, span) > 1;
  if (vector && boxed) STAGE_FAIL(ev, D_index_type, span, "an index beside a slice", "a vector");
  if (vector) check_index_count(ev, buf, n, n == tc_buf_at(ev->ir, buf)->rank, span);
  if (boxed || vector) return make_region(ev, buf, index, at, n, span);
  return make_element(ev, buf, at, n, span);
}

/* All indices given, and the buffer's elements are vectors: what follows picks a lane. */
static bool is_vector_element(const tc_eval *ev, const tc_element *e) {
  const tc_buffer *b = tc_buf_at(ev->ir, e->buf);
  return e->n == b->rank && b->elem.lanes > 1;
}

tc_val tc_stage_subscript(tc_eval *ev, tc_val object, const tc_val *index, uint32_t n,
                          tc_span span) {
  switch (object.kind) {
  case TC_V_BUFFER:
    return subscript_buffer(ev, object.buf, index, n, span);
  case TC_V_VAR:
    /* v[0] is a spelling of v. */
    if (n == 1 && index[0].kind == TC_V_INT && index[0].i == 0) return object;
    STAGE_FAIL(ev, D_index_count, span, tc_stage_buf_name(ev, object.buf), 0u, n);
  case TC_V_REGION:
    if (object.region->loaded.id && n == 1)
      return vector_lane(ev, object.region->loaded, index[0], span);
    if (scattered_lanes(ev, object.region) && n == 1)
      return vector_lane(ev, tc_stage_value(ev, object, span), index[0], span);
    break;
  case TC_V_ELEMENT:
    if (n == 1 && is_vector_element(ev, object.element))
      return vector_lane(ev, tc_stage_value(ev, object, span), index[0], span);
    /* buf[i][j] is buf[i, j] while indices are missing. */
    if (object.element->n + n <= tc_buf_at(ev->ir, object.element->buf)->rank) {
      tc_val all[STAGE_MAX_RANK];
      for (uint32_t d = 0; d < object.element->n; d++)
        all[d] = tc_val_expr(object.element->index[d]);
      memcpy(all + object.element->n, index, n * sizeof *index);
      return subscript_buffer(ev, object.element->buf, all, object.element->n + n, span);
    }
    break;
  case TC_V_EXPR:
    if (n == 1 && tc_value_type(ev->ir, object.value).lanes > 1)
      return vector_lane(ev, object.value, index[0], span);
    break;
  case TC_V_TENSOR: {
    /* T.Tensor[...] is the call form with brackets; reached through stage_func.c. */
    break;
  }
  default:
    break;
  }
  STAGE_FAIL(ev, D_not_subscriptable, span, tc_val_kind_name(object));
}

/* ---- tile operands ---- */

static void box_open(tc_eval *ev, stage_box *box, const tc_value *index, uint32_t n) {
  const tc_buffer *b = tc_buf_at(ev->ir, box->buf);
  for (uint32_t d = 0; d < b->rank; d++) {
    box->base[d] = d < n ? index[d] : tc_i32(ev->ir, 0);
    /* Closed later from the right; until then one element, or the whole of a missing dimension. */
    box->extent[d] = d < n ? tc_i32(ev->ir, 1) : b->shape[d];
  }
  box->open = n == b->rank;
}

stage_box tc_stage_box(tc_eval *ev, tc_val v, const char *what, tc_span span) {
  stage_box box = {.span = span};
  switch (v.kind) {
  case TC_V_BUFFER:
  case TC_V_VAR: {
    box.buf = v.buf;
    const tc_buffer *b = tc_buf_at(ev->ir, v.buf);
    if (b->flags & TC_BUF_POINTER)
      STAGE_FAIL(ev, D_pointer_subscript, span, tc_name_of(ev->ir, b->name));
    for (uint32_t d = 0; d < b->rank; d++) {
      box.base[d] = tc_i32(ev->ir, 0);
      box.extent[d] = b->shape[d];
    }
    box.whole = true;
    break;
  }
  case TC_V_ELEMENT:
    box.buf = v.element->buf;
    box_open(ev, &box, v.element->index, v.element->n);
    break;
  case TC_V_REGION:
    if (scattered_lanes(ev, v.region))
      STAGE_FAIL(ev, D_not_a_tile, span, what, "the elements at a vector index");
    box.buf = v.region->buf;
    memcpy(box.base, v.region->base, v.region->n * sizeof *box.base);
    memcpy(box.extent, v.region->extent, v.region->n * sizeof *box.extent);
    break;
  default:
    STAGE_FAIL(ev, D_not_a_tile, span, what, tc_val_kind_name(v));
  }
  tc_stage_not_reducer(ev, box.buf, "an operand of a tile operation", span);
  box.rank = tc_buf_at(ev->ir, box.buf)->rank;
  return box;
}

tc_value tc_stage_box_slice(tc_eval *ev, const stage_box *box) {
  return tc_slice(ev->ir, box->buf, box->base, box->extent, false);
}

uint32_t tc_stage_box_dims(tc_eval *ev, const stage_box *box, tc_value *extent, uint32_t *at) {
  uint32_t n = 0;
  for (uint32_t d = 0; d < box->rank; d++) {
    int64_t x;
    if (tc_const_of(ev->ir, box->extent[d], &x) && x == 1) continue;
    if (at) at[n] = d;
    extent[n++] = box->extent[d];
  }
  return n;
}

tc_value tc_stage_tile_stmt(tc_eval *ev, enum tc_opcode op, const tc_value *in, uint32_t n,
                            uint32_t payload, tc_span span) {
  tc_stage_effect(ev, span);
  return tc_stmt(ev->ir, ev->cursor.at, op, tc_scalar_type(TC_DT_void), in, n, payload, span);
}
