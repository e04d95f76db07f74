/* Asynchronous copies and what they are waited for with: mbarriers and queues. */
#include "lang/stage_private.h"

/* ---- mbarriers ---- */

/* One counter of a barrier buffer. */
typedef struct counter {
  tc_buf buf;
  tc_value index[STAGE_MAX_RANK];
} counter;

static counter read_counter(tc_eval *ev, const stage_args *a, tc_val v, tc_span span) {
  counter c = {0};
  const tc_buffer *b = NULL;
  int64_t n;
  if (v.kind == TC_V_BUFFER || v.kind == TC_V_ELEMENT)
    c.buf = v.kind == TC_V_BUFFER ? v.buf : v.element->buf, b = tc_buf_at(ev->ir, c.buf);
  if (!b || b->scope != TC_SCOPE_barrier)
    STAGE_FAIL(ev, D_argument_value, span, a->row->name, "mbarrier", "a barrier of T.alloc_barrier",
               tc_val_kind_name(v));
  if (v.kind == TC_V_ELEMENT) {
    for (uint32_t d = 0; d < v.element->n; d++)
      c.index[d] = v.element->index[d];
    return c;
  }
  if (!tc_const_of(ev->ir, b->shape[0], &n) || n != 1)
    STAGE_FAIL(ev, D_argument_value, span, a->row->name, "mbarrier", "one barrier of them, b[i]",
               tc_format(ev->arena, "all %s", tc_stage_show_shape(ev, b->shape, b->rank)));
  c.index[0] = tc_i32(ev->ir, 0);
  return c;
}

static void emit_mbarrier(tc_eval *ev, const stage_args *a, enum tc_mbarrier_kind kind,
                          const counter *c, tc_value operand) {
  if (ev->lazy_operand || ev->cursor.pred.id)
    STAGE_FAIL(ev, D_lazy_statement, a->span, tc_format(ev->arena, "T.%s", a->row->name));
  tc_stage_effect(ev, a->span);
  tc_mbarrier_stmt(ev->ir, ev->cursor.at, (tc_mbarrier){.buf = c->buf, .kind = (uint8_t)kind},
                   c->index, operand, a->span);
}

static int64_t read_count(tc_eval *ev, const stage_args *a, tc_val v, tc_span span) {
  int64_t n = tc_stage_int(ev, v, "the number of arrivals", span);
  if (n < 1 || n > (1 << 20) - 1)
    STAGE_FAIL(ev, D_argument_value, span, a->row->name, "the number of arrivals",
               "1 or more (and fewer than 2^20)", tc_format(ev->arena, "%lld", (long long)n));
  return n;
}

tc_val tc_do_alloc_barrier(tc_eval *ev, stage_args *a) {
  const tc_val *items = &a->v[0];
  uint32_t n = 1;
  tc_eval_items(ev, a->v[0], &items, &n);
  if (n < 1)
    STAGE_FAIL(ev, D_argument_value, a->at[0], a->row->name, "arrive_count", "1 or more numbers",
               "none");
  tc_value shape = tc_i32(ev->ir, n);
  tc_type elem = tc_scalar_type(TC_DT_uint64);
  tc_buf buf = tc_buf_new(ev->ir, "", elem, TC_SCOPE_barrier, 1, &shape, a->span);
  tc_alloc(ev->ir, ev->cursor.at, buf, a->span);
  for (uint32_t i = 0; i < n; i++) {
    counter c = {buf, {tc_i32(ev->ir, i)}};
    int64_t count = read_count(ev, a, items[i], a->at[0]);
    emit_mbarrier(ev, a, TC_MBAR_INIT, &c, tc_i32(ev->ir, count));
  }
  return tc_val_buffer(buf);
}

/* Every step of a barrier: aux is the kind, the operand the second argument, if any. */
tc_val tc_do_mbarrier(tc_eval *ev, stage_args *a) {
  enum tc_mbarrier_kind kind = (enum tc_mbarrier_kind)a->row->aux;
  counter c = read_counter(ev, a, a->v[0], a->at[0]);
  tc_value operand = {0};
  if (kind == TC_MBAR_INIT)
    operand = tc_i32(ev->ir, read_count(ev, a, a->v[1], a->at[1]));
  else if (kind == TC_MBAR_ARRIVE && a->n > 1 && a->v[1].kind != TC_V_NONE)
    STAGE_FAIL(ev, D_not_yet, a->at[1], "mbarrier_arrive(cta_id=...)");
  else if (kind != TC_MBAR_ARRIVE && kind != TC_MBAR_ASYNC_ARRIVE)
    operand = tc_stage_index(ev, a->v[1], tc_str_dup(ev->arena, a->names[1]), a->at[1]);
  int64_t x;
  if (kind == TC_MBAR_EXPECT_TX || kind == TC_MBAR_ARRIVE_EXPECT_TX)
    if (tc_const_of(ev->ir, operand, &x) && x < 0)
      STAGE_FAIL(ev, D_argument_value, a->at[1], a->row->name, "tx", "0 or more bytes", "less");
  emit_mbarrier(ev, a, kind, &c, operand);
  return tc_val_none();
}

/* ---- queues ---- */

/* aux: the queue of a commit. */
tc_val tc_do_async_commit(tc_eval *ev, stage_args *a) {
  tc_async what = {.queue = (uint8_t)a->row->aux};
  tc_stage_effect(ev, a->span);
  tc_async_stmt(ev->ir, ev->cursor.at, TC_OP_async_commit, what, a->span);
  return tc_val_none();
}

tc_val tc_do_async_wait(tc_eval *ev, stage_args *a) {
  tc_async what = {.queue = (uint8_t)a->row->aux};
  int64_t n = tc_stage_int(ev, a->v[0], "the number of groups in flight", a->at[0]);
  if (n < 0 || n > INT32_MAX)
    STAGE_FAIL(ev, D_argument_value, a->at[0], a->row->name, "the number of groups in flight",
               "0 or more", "less");
  what.pending = (uint32_t)n;
  if (what.queue == TC_ASYNC_BULK) what.read = tc_stage_bool(ev, a->v[1], "read", a->at[1]);
  tc_stage_effect(ev, a->span);
  tc_async_stmt(ev->ir, ev->cursor.at, TC_OP_async_wait, what, a->span);
  return tc_val_none();
}

/* ---- copies of tiles ---- */

static void want_scopes(tc_eval *ev, const stage_args *a, const stage_box *src,
                        const stage_box *dst, bool may_store) {
  const tc_buffer *s = tc_buf_at(ev->ir, src->buf), *d = tc_buf_at(ev->ir, dst->buf);
  bool load = s->scope == TC_SCOPE_global && d->scope == TC_SCOPE_shared;
  bool store = s->scope == TC_SCOPE_shared && d->scope == TC_SCOPE_global;
  if (!load && !(store && may_store)) {
    TC_DIAG(ev->diags, D_argument_value, a->span, a->row->name, "src and dst",
            may_store ? "one global and one shared buffer" : "a global and a shared buffer",
            tc_format(ev->arena, "%s and %s", tc_scope_name(s->scope), tc_scope_name(d->scope)));
    tc_stage_note_buf(ev, src->buf);
    tc_stage_note_buf(ev, dst->buf);
    tc_diag_stop(ev->diags);
  }
  if (tc_type_equal(s->elem, d->elem)) return;
  TC_DIAG(ev->diags, D_argument_value, a->span, a->row->name, "src and dst",
          "buffers of one dtype: nothing is converted on the way",
          tc_format(ev->arena, "%s and %s", tc_type_name(ev->arena, s->elem),
                    tc_type_name(ev->arena, d->elem)));
  tc_stage_note_buf(ev, src->buf);
  tc_stage_note_buf(ev, dst->buf);
  tc_diag_stop(ev->diags);
}

tc_val tc_do_async_copy(tc_eval *ev, stage_args *a) {
  stage_box src, dst;
  tc_stage_copy_boxes(ev, a, &src, &dst);
  want_scopes(ev, a, &src, &dst, false);
  tc_copy payload = {.flags = TC_COPY_ASYNC, .queue = TC_ASYNC_CP};
  tc_stage_emit_copy(ev, &src, &dst, payload, (tc_value){0}, a->span);
  tc_async_stmt(ev->ir, ev->cursor.at, TC_OP_async_commit, (tc_async){.queue = TC_ASYNC_CP},
                a->span);
  return tc_val_none();
}

static tc_value signal_of(tc_eval *ev, const stage_args *a, tc_val v, tc_span span) {
  counter c = read_counter(ev, a, v, span);
  tc_value one[STAGE_MAX_RANK];
  for (uint32_t d = 0; d < tc_buf_at(ev->ir, c.buf)->rank; d++)
    one[d] = tc_i32(ev->ir, 1);
  return tc_slice(ev->ir, c.buf, c.index, one, false);
}

/* A load counts its bytes down on the barrier; a store is a group of its queue by itself. */
tc_val tc_do_tma_copy(tc_eval *ev, stage_args *a) {
  stage_box src, dst;
  tc_stage_copy_boxes(ev, a, &src, &dst);
  want_scopes(ev, a, &src, &dst, true);
  if (a->v[3].kind != TC_V_NONE) STAGE_FAIL(ev, D_not_yet, a->at[3], "tma_copy(cluster_mask=...)");
  tc_copy payload = {.flags = TC_COPY_ASYNC, .queue = TC_ASYNC_BULK};
  bool store = tc_buf_at(ev->ir, dst.buf)->scope == TC_SCOPE_global;
  bool barrier = a->v[2].kind != TC_V_NONE;
  if (store == barrier)
    STAGE_FAIL(ev, D_argument_value, barrier ? a->at[2] : a->span, a->row->name, "barrier",
               store ? "None for a copy to global memory: T.tma_store_wait waits for it"
                     : "a barrier for a copy to shared memory",
               barrier ? "one" : "None");
  if (!store) payload.queue = TC_ASYNC_CP;
  tc_value signal = store ? (tc_value){0} : signal_of(ev, a, a->v[2], a->at[2]);
  tc_stage_emit_copy(ev, &src, &dst, payload, signal, a->span);
  if (store)
    tc_async_stmt(ev->ir, ev->cursor.at, TC_OP_async_commit, (tc_async){.queue = TC_ASYNC_BULK},
                  a->span);
  return tc_val_none();
}

/* ---- copies of threads ---- */

/* T.access_ptr(A[i, j], "r", ...): where a thread's own copy begins. */
tc_val tc_do_access_ptr(tc_eval *ev, stage_args *a) {
  tc_val v = a->v[0];
  if (v.kind != TC_V_BUFFER && v.kind != TC_V_ELEMENT && v.kind != TC_V_REGION)
    STAGE_FAIL(ev, D_not_a_tile, a->at[0], "base", tc_val_kind_name(v));
  return v;
}

/* `n` elements of the last dimension from where the operand begins. */
static tc_value own_slice(tc_eval *ev, tc_val v, const char *what, tc_value n, tc_span span) {
  stage_box box = tc_stage_box(ev, v, what, span);
  for (uint32_t d = 0; d < box.rank; d++)
    box.extent[d] = d + 1 == box.rank ? n : tc_i32(ev->ir, 1);
  return tc_stage_box_slice(ev, &box);
}

static void emit_own_copy(tc_eval *ev, tc_region at, tc_val src, tc_val dst, tc_value n,
                          tc_span span) {
  tc_copy payload = {.flags = TC_COPY_ASYNC | TC_COPY_OWN, .queue = TC_ASYNC_CP};
  tc_value in[2] = {own_slice(ev, src, "src", n, span), own_slice(ev, dst, "dst", n, span)};
  tc_stmt(ev->ir, at, TC_OP_copy, tc_scalar_type(TC_DT_void), in, 2, tc_pl_copy(ev->ir, payload),
          span);
}

/* Where the predicate is false, the elements become 0. */
static void emit_zeros(tc_eval *ev, tc_region at, tc_val dst, int64_t n, tc_span span) {
  stage_box box = tc_stage_box(ev, dst, "dst", span);
  tc_value zero = tc_zero(ev->ir, tc_buf_at(ev->ir, box.buf)->elem);
  for (int64_t i = 0; i < n; i++) {
    tc_value index[STAGE_MAX_RANK];
    for (uint32_t d = 0; d < box.rank; d++)
      index[d] = d + 1 == box.rank ? tc_stage_arith(ev, TC_OP_add, box.base[d], tc_i32(ev->ir, i))
                                   : box.base[d];
    tc_store(ev->ir, at, box.buf, index, zero, (tc_value){0}, span);
  }
}

tc_val tc_do_cp_async(tc_eval *ev, stage_args *a) {
  stage_box dst = tc_stage_box(ev, a->v[0], "dst_ptr", a->at[0]);
  stage_box src = tc_stage_box(ev, a->v[1], "src_ptr", a->at[1]);
  int64_t n = tc_stage_int(ev, a->v[2], "num_elems", a->at[2]);
  want_scopes(ev, a, &src, &dst, false);
  uint32_t bits = tc_type_bits(tc_buf_at(ev->ir, src.buf)->elem);
  if (n < 1 || (n * bits != 32 && n * bits != 64 && n * bits != 128))
    STAGE_FAIL(ev, D_argument_value, a->at[2], a->row->name, "num_elems",
               "the elements of 4, 8 or 16 bytes", tc_format(ev->arena, "%lld", (long long)n));
  tc_region at = ev->cursor.at;
  tc_stage_effect(ev, a->span);
  if (a->v[3].kind != TC_V_NONE) {
    tc_value pred = tc_stage_condition(ev, a->v[3], a->at[3]);
    tc_value stmt = tc_if(ev->ir, at, pred, a->span);
    at = tc_child(ev->ir, tc_op_at(ev->ir, stmt), 0);
    emit_zeros(ev, tc_child(ev->ir, tc_op_at(ev->ir, stmt), 1), a->v[0], n, a->span);
  }
  emit_own_copy(ev, at, a->v[1], a->v[0], tc_i32(ev->ir, n), a->span);
  return tc_val_none();
}

bool tc_stage_async_store(tc_eval *ev, tc_val target, tc_val value, tc_span span) {
  if (!tc_stage_frame(ev, F_ASYNC) || value.kind != TC_V_ELEMENT || value.element->loaded.id)
    return false;
  const tc_buffer *s = tc_buf_at(ev->ir, value.element->buf);
  const tc_buffer *d = tc_buf_at(ev->ir, target.element->buf);
  bool fits = s->scope == TC_SCOPE_global && d->scope == TC_SCOPE_shared
              && tc_type_equal(s->elem, d->elem) && value.element->n == s->rank;
  if (!fits || ev->cursor.pred.id || tc_stage_frame(ev, F_PARALLEL)) return false;
  tc_stage_effect(ev, span);
  emit_own_copy(ev, ev->cursor.at, value, target, tc_i32(ev->ir, 1), span);
  return true;
}
