/* Atomic updates, scalar and tile, and ordered loads and stores. */
#include "lang/stage_private.h"

#include <string.h>

/* ---- operands ---- */

static const struct {
  const char *text;
  enum tc_order order;
} ORDERS[] = {
    {"relaxed", TC_ORDER_RELAXED}, {"consume", TC_ORDER_ACQUIRE}, {"acquire", TC_ORDER_ACQUIRE},
    {"release", TC_ORDER_RELEASE}, {"acq_rel", TC_ORDER_ACQ_REL}, {"seq_cst", TC_ORDER_SEQ_CST},
};

static enum tc_order read_order(tc_eval *ev, const stage_args *a, tc_val v, tc_span span) {
  if (v.kind == TC_V_NONE) return TC_ORDER_RELAXED;
  tc_str text = v.kind == TC_V_STR ? v.str->text : TC_STR("");
  for (size_t i = 0; i < TC_COUNT(ORDERS); i++)
    if (tc_str_is(text, ORDERS[i].text)) return ORDERS[i].order;
  STAGE_FAIL(ev, D_argument_value, span, a->row->name, "memory_order",
             "relaxed, acquire, release, acq_rel or seq_cst", tc_val_kind_name(v));
}

static bool scalar_target(tc_eval *ev, tc_val v, tc_buf *buf, const tc_value **index) {
  if (v.kind == TC_V_VAR) return *buf = v.buf, *index = NULL, true;
  if (v.kind != TC_V_ELEMENT) return false;
  if (v.element->n != tc_buf_at(ev->ir, v.element->buf)->rank) return false;
  *buf = v.element->buf;
  *index = v.element->index;
  return true;
}

static void check_atomic_scope(tc_eval *ev, const stage_args *a, tc_buf buf) {
  const tc_buffer *b = tc_buf_at(ev->ir, buf);
  if (b->scope != TC_SCOPE_fragment) return;
  TC_DIAG(ev->diags, D_atomic_scope, a->span, tc_name_of(ev->ir, b->name));
  tc_stage_note_buf(ev, buf);
  tc_diag_stop(ev->diags);
}

static void check_atomic_type(tc_eval *ev, const stage_args *a, enum tc_atomic_kind kind,
                              tc_buf buf) {
  const tc_buffer *b = tc_buf_at(ev->ir, buf);
  bool bits = kind == TC_ATOMIC_OR;
  bool ok = b->elem.lanes == 1 && (tc_is_int(b->elem) || (tc_is_float(b->elem) && !bits));
  if (!ok || tc_type_bits(b->elem) < 8) {
    TC_DIAG(ev->diags, D_operator_type, a->span, a->row->name, tc_type_name(ev->arena, b->elem));
    tc_stage_note_buf(ev, buf);
    tc_diag_stop(ev->diags);
  }
  check_atomic_scope(ev, a, buf);
}

/* Outside of T.Parallel every thread does it. Where the source says how many there are, that is a
 * use of their index; where it does not, it thinks of the block as one. */
static void each_thread(tc_eval *ev, tc_buf buf, tc_span span) {
  const tc_frame *kernel = tc_stage_frame(ev, F_KERNEL);
  enum tc_scope scope = tc_buf_at(ev->ir, buf)->scope;
  bool shared = scope == TC_SCOPE_global || scope == TC_SCOPE_shared;
  if (kernel && kernel->says_threads && shared && !tc_stage_frame(ev, F_PARALLEL))
    tc_stage_thread(ev, span);
}

static tc_value emit_scalar(tc_eval *ev, const stage_args *a, enum tc_atomic_kind kind, tc_buf buf,
                            const tc_value *index, tc_val value, enum tc_order order) {
  tc_atomic what = {
      .buf = buf, .kind = (uint8_t)kind, .order = (uint8_t)order, .sync_scope = TC_SYNC_DEVICE};
  tc_value x = tc_stage_convert(ev, value, tc_buf_at(ev->ir, buf)->elem, a->span);
  tc_stage_effect(ev, a->span);
  each_thread(ev, buf, a->span);
  return tc_atomic_stmt(ev->ir, ev->cursor.at, what, index, x, (tc_value){0}, ev->cursor.pred,
                        a->span);
}

/* ---- T.atomic_add and friends ---- */

static tc_val flag_of(const stage_args *a, const char *name) {
  for (uint32_t i = 0; i < a->n; i++)
    if (tc_str_is(a->names[i], name)) return a->v[i];
  return tc_val_none();
}

/* The value of a tile update as a box of the same extents: a scalar is broadcast through a
 * one-element tile of its own. */
static stage_box value_box(tc_eval *ev, const stage_args *a, const stage_box *dst) {
  tc_val v = a->v[1];
  if (v.kind == TC_V_BUFFER || v.kind == TC_V_REGION) {
    stage_box src = tc_stage_box(ev, v, "value", a->at[1]);
    return src;
  }
  tc_type elem = tc_buf_at(ev->ir, dst->buf)->elem;
  tc_value x = tc_stage_convert(ev, v, elem, a->at[1]);
  tc_value one = tc_i32(ev->ir, 1), zero = tc_i32(ev->ir, 0);
  tc_buf buf = tc_buf_new(ev->ir, "update", elem, TC_SCOPE_local, 1, &one, a->span);
  tc_alloc(ev->ir, ev->cursor.at, buf, a->span);
  tc_store(ev->ir, ev->cursor.at, buf, &zero, x, (tc_value){0}, a->span);
  return tc_stage_box(ev, tc_val_buffer(buf), "value", a->at[1]);
}

static void tile_extents(tc_eval *ev, const stage_args *a, stage_box *dst, stage_box *src) {
  tc_value have[STAGE_MAX_RANK], want[STAGE_MAX_RANK];
  if (dst->open) { /* an element is a tile origin */
    for (uint32_t k = 0; k < src->rank && k < dst->rank; k++)
      dst->extent[dst->rank - 1 - k] = src->extent[src->rank - 1 - k];
  }
  uint32_t n_want = tc_stage_box_dims(ev, dst, want, NULL);
  uint32_t n_have = tc_stage_box_dims(ev, src, have, NULL);
  bool same = n_have == 0 || n_have == n_want;
  for (uint32_t d = 0; same && d < n_have; d++)
    same = have[d].id == want[d].id;
  if (same) return;
  TC_DIAG(ev->diags, D_copy_extents, a->span, tc_stage_show_shape(ev, src->extent, src->rank),
          tc_stage_show_shape(ev, dst->extent, dst->rank));
  tc_stage_note_buf(ev, src->buf);
  tc_stage_note_buf(ev, dst->buf);
  tc_diag_stop(ev->diags);
}

static tc_val emit_tile(tc_eval *ev, const stage_args *a, enum tc_order order) {
  if (tc_stage_frame(ev, F_PARALLEL))
    STAGE_FAIL(ev, D_wrong_place, a->span, a->row->name,
               "outside T.Parallel when it updates a whole tile");
  stage_box dst = tc_stage_box(ev, a->v[0], "dst", a->at[0]);
  check_atomic_type(ev, a, (enum tc_atomic_kind)a->row->aux, dst.buf);
  stage_box src = value_box(ev, a, &dst);
  tile_extents(ev, a, &dst, &src);
  tc_atomic what = {
      .kind = (uint8_t)a->row->aux, .order = (uint8_t)order, .sync_scope = TC_SYNC_DEVICE};
  tc_value in[2] = {tc_stage_box_slice(ev, &dst), tc_stage_box_slice(ev, &src)};
  tc_stage_tile_stmt(ev, TC_OP_atomic_tile, in, 2, tc_pl_atomic(ev->ir, what), a->span);
  return tc_val_none();
}

tc_val tc_do_atomic(tc_eval *ev, stage_args *a) {
  tc_buf buf;
  const tc_value *index;
  enum tc_order order = read_order(ev, a, a->v[2], a->at[2]);
  bool prev = tc_stage_bool(ev, flag_of(a, "return_prev"), "return_prev", a->span);
  bool tile_value =
      a->v[1].kind == TC_V_BUFFER || (a->v[1].kind == TC_V_REGION && !a->v[1].region->loaded.id);
  if (!tile_value && scalar_target(ev, a->v[0], &buf, &index)) {
    enum tc_atomic_kind kind = (enum tc_atomic_kind)a->row->aux;
    check_atomic_type(ev, a, kind, buf);
    tc_value old = emit_scalar(ev, a, kind, buf, index, a->v[1], order);
    return prev ? tc_val_expr(old) : tc_val_none();
  }
  if (prev)
    STAGE_FAIL(ev, D_argument_value, a->span, a->row->name, "return_prev",
               "False for a tile update", "True");
  return emit_tile(ev, a, order);
}

/* The first of n neighbouring elements of the last dimension: an element, or a buffer or region of
 * that shape. */
static bool vector_target(tc_eval *ev, tc_val v, tc_span span, uint32_t n, tc_buf *buf,
                          tc_value *at) {
  const tc_value *index;
  if (scalar_target(ev, v, buf, &index)) {
    if (index) memcpy(at, index, tc_buf_at(ev->ir, *buf)->rank * sizeof *at);
    return index != NULL;
  }
  bool tile = v.kind == TC_V_BUFFER || v.kind == TC_V_ELEMENT;
  if (!tile && (v.kind != TC_V_REGION || v.region->loaded.id)) return false;
  stage_box box = tc_stage_box(ev, v, "dst", span);
  int64_t extent;
  for (uint32_t d = 0; d < box.rank; d++)
    if (!tc_const_of(ev->ir, box.extent[d], &extent) || extent != (d + 1 < box.rank ? 1 : n))
      return false;
  *buf = box.buf;
  memcpy(at, box.base, box.rank * sizeof *at);
  return box.rank > 0;
}

static void step_last(tc_eval *ev, tc_buf buf, const tc_value *from, uint32_t i, tc_value *at) {
  uint32_t rank = tc_buf_at(ev->ir, buf)->rank;
  memcpy(at, from, rank * sizeof *at);
  at[rank - 1] = tc_stage_arith(ev, TC_OP_add, at[rank - 1], tc_i32(ev->ir, i));
}

/* What is added to each of the n elements: neighbours of one, the lanes of a vector, or one scalar.
 */
static void vector_parts(tc_eval *ev, const stage_args *a, uint32_t n, tc_value *parts) {
  tc_buf from;
  tc_value first[STAGE_MAX_RANK], at[STAGE_MAX_RANK];
  if (vector_target(ev, a->v[1], a->at[1], n, &from, first)
      && tc_buf_at(ev->ir, from)->elem.lanes == 1) {
    for (uint32_t i = 0; i < n; i++) {
      step_last(ev, from, first, i, at);
      parts[i] = tc_stage_load(ev, from, at, a->at[1]).value;
    }
    return;
  }
  tc_value vector = tc_stage_value(ev, a->v[1], a->at[1]);
  uint32_t lanes = tc_value_type(ev->ir, vector).lanes;
  if (lanes != n && lanes != 1)
    STAGE_FAIL(ev, D_lanes_differ, a->at[1], tc_type_name(ev->arena, tc_value_type(ev->ir, vector)),
               a->row->name);
  for (uint32_t i = 0; i < n; i++)
    parts[i] = tc_lane(ev->ir, vector, lanes == 1 ? 0 : i);
}

/* T.atomic_addx2 / x4. */
tc_val tc_do_atomic_vector(tc_eval *ev, stage_args *a) {
  tc_buf buf;
  uint32_t n = (uint32_t)a->row->aux;
  tc_value first[STAGE_MAX_RANK], at[STAGE_MAX_RANK], parts[4], old[4];
  if (!vector_target(ev, a->v[0], a->at[0], n, &buf, first))
    STAGE_FAIL(ev, D_argument_value, a->at[0], a->row->name, "dst",
               tc_format(ev->arena, "an element, or %u neighbours in the last dimension", n),
               tc_val_kind_name(a->v[0]));
  check_atomic_type(ev, a, TC_ATOMIC_ADD, buf);
  vector_parts(ev, a, n, parts);
  for (uint32_t i = 0; i < n; i++) {
    step_last(ev, buf, first, i, at);
    old[i] = emit_scalar(ev, a, TC_ATOMIC_ADD, buf, at, tc_val_expr(parts[i]), TC_ORDER_RELAXED);
  }
  bool prev = tc_stage_bool(ev, a->v[2], "return_prev", a->at[2]);
  return prev ? tc_val_expr(tc_pack(ev->ir, old, n)) : tc_val_none();
}

/* A load releases nothing, a store acquires nothing. */
static enum tc_order read_half_order(tc_eval *ev, const stage_args *a, uint32_t i,
                                     enum tc_order other, const char *allowed) {
  enum tc_order order = read_order(ev, a, a->v[i], a->at[i]);
  if (order == other || order == TC_ORDER_ACQ_REL)
    STAGE_FAIL(ev, D_argument_value, a->at[i], a->row->name, "memory_order", allowed,
               tc_str_dup(ev->arena, a->v[i].str->text));
  return order;
}

tc_val tc_do_atomic_load(tc_eval *ev, stage_args *a) {
  tc_buf buf;
  const tc_value *index;
  if (!scalar_target(ev, a->v[0], &buf, &index))
    STAGE_FAIL(ev, D_argument_value, a->at[0], a->row->name, "src", "an element",
               tc_val_kind_name(a->v[0]));
  check_atomic_scope(ev, a, buf);
  enum tc_order order =
      read_half_order(ev, a, 1, TC_ORDER_RELEASE, "relaxed, consume, acquire or seq_cst");
  tc_val v = tc_stage_load(ev, buf, index, a->span);
  tc_access *access = tc_access_of(ev->ir, v.value);
  access->order = (uint8_t)order;
  access->sync_scope = TC_SYNC_DEVICE;
  return v;
}

tc_val tc_do_atomic_store(tc_eval *ev, stage_args *a) {
  tc_buf buf;
  const tc_value *index;
  if (!scalar_target(ev, a->v[0], &buf, &index))
    STAGE_FAIL(ev, D_argument_value, a->at[0], a->row->name, "dst", "an element",
               tc_val_kind_name(a->v[0]));
  check_atomic_scope(ev, a, buf);
  enum tc_order order = read_half_order(ev, a, 2, TC_ORDER_ACQUIRE, "relaxed, release or seq_cst");
  tc_stage_store(ev, a->v[0], a->v[1], a->span);
  const tc_block *block = tc_block_at(ev->ir, ev->cursor.at);
  tc_access *access = tc_access_of(ev->ir, block->ops.at[block->ops.n - 1]);
  access->order = (uint8_t)order;
  access->sync_scope = TC_SYNC_DEVICE;
  return tc_val_none();
}
