/* T.tvm_thread_allreduce: a reduction over some of the thread indices, with any combiner.
 *
 * The values meet in shared memory and every thread combines those it wants, in the order of their
 * indices; the barriers around are the language's (pass threads). And T.thread_binding, which gives
 * a thread index the name of a loop variable. */
#include "lang/stage_private.h"

/* ---- the combiner ---- */

/* T.comm_reducer(lambda x, y: x + y, [0]): a pair, as T.attr takes it. */
tc_val tc_do_comm_reducer(tc_eval *ev, stage_args *a) {
  const tc_val *items = &a->v[1];
  uint32_t n = 1;
  tc_eval_items(ev, a->v[1], &items, &n);
  if (n != 1)
    STAGE_FAIL(ev, D_argument_value, a->at[1], a->row->name, "identity",
               "one value, or a list of it", tc_format(ev->arena, "%u values", n));
  tc_val pair[2] = {a->v[0], items[0]};
  return tc_val_tuple(ev->arena, pair, 2);
}

typedef struct allreduce {
  const stage_args *a;
  tc_val combiner, identity;
  tc_type elem;
  tc_buf all, sum; /* the values of all threads; the thread's own accumulator */
  tc_value base;   /* where its values begin, the reduced indices being 0 */
  bool reduced[3];
} allreduce;

static void read_combiner(tc_eval *ev, allreduce *r) {
  const tc_frame *f = tc_stage_frame(ev, F_REDUCE);
  const tc_val *items;
  uint32_t n;
  if (!f)
    STAGE_FAIL(ev, D_wrong_place, r->a->span, r->a->row->name,
               "inside `with T.attr(T.comm_reducer(...), \"reduce_scope\", ...)`");
  if (!tc_eval_items(ev, f->wave, &items, &n) || n != 2)
    STAGE_FAIL(ev, D_argument_value, f->span, "attr", "node", "a T.comm_reducer(...)",
               tc_val_kind_name(f->wave));
  r->combiner = items[0];
  r->identity = items[1];
}

static void read_threads(tc_eval *ev, allreduce *r) {
  const tc_kernel *k = tc_kernel_of(ev->ir, ev->cursor.kernel);
  for (uint32_t i = 0; i < r->a->rest.n; i++) {
    bool found = false;
    for (uint32_t d = 0; d < 3 && r->a->rest.at[i].kind == TC_V_EXPR; d++) {
      const tc_op *op = tc_op_at(ev->ir, r->a->rest.at[i].value);
      if (!k->thread[d].id || op->opcode != TC_OP_var || op->payload != k->thread[d].id) continue;
      r->reduced[d] = found = true;
    }
    if (!found && r->a->rest.at[i].kind != TC_V_INT) /* the index of a single thread is 0 */
      STAGE_FAIL(ev, D_argument_value, r->a->span, r->a->row->name, "thread_vars",
                 "indices of T.get_thread_binding", tc_val_kind_name(r->a->rest.at[i]));
  }
}

static void store_at(tc_eval *ev, tc_buf buf, const tc_value *index, tc_value x, tc_span span) {
  tc_store(ev->ir, ev->cursor.at, buf, index, x, (tc_value){0}, span);
}

static tc_value load_at(tc_eval *ev, tc_buf buf, const tc_value *index, tc_span span) {
  return tc_load(ev->ir, ev->cursor.at, buf, index, (tc_value){0}, (tc_value){0}, span);
}

/* ---- the loops ---- */

static void combine(tc_eval *ev, const allreduce *r, uint32_t d, tc_value at) {
  const tc_kernel *k = tc_kernel_of(ev->ir, ev->cursor.kernel);
  tc_span span = r->a->span;
  if (d == 3) {
    tc_val pair[2] = {tc_val_expr(load_at(ev, r->sum, NULL, span)),
                      tc_val_expr(load_at(ev, r->all, &at, span))};
    tc_val both = tc_eval_apply(ev, r->combiner, pair, 2);
    store_at(ev, r->sum, NULL, tc_stage_convert(ev, both, r->elem, span), span);
    return;
  }
  if (!r->reduced[d]) {
    combine(ev, r, d + 1, at);
    return;
  }
  int64_t stride = d == 0 ? 1 : d == 1 ? k->threads[0] : k->threads[0] * k->threads[1];
  tc_loop loop = {.var = tc_var_new(ev->ir, "r", TC_VAR_LOOP, tc_i32_type(), span)};
  tc_value i = tc_var_value(ev->ir, loop.var);
  tc_value stmt = tc_for(ev->ir, ev->cursor.at, loop, tc_i32(ev->ir, 0),
                         tc_i32(ev->ir, k->threads[d]), tc_i32(ev->ir, 1), span);
  tc_cursor before = tc_stage_open(ev, tc_child(ev->ir, tc_op_at(ev->ir, stmt), 0));
  i = tc_stage_arith(ev, TC_OP_mul, i, tc_i32(ev->ir, stride));
  combine(ev, r, d + 1, tc_stage_arith(ev, TC_OP_add, at, i));
  tc_stage_close(ev, before);
}

static void set_base(tc_eval *ev, allreduce *r, tc_value thread) {
  const tc_kernel *k = tc_kernel_of(ev->ir, ev->cursor.kernel);
  int64_t stride = 1;
  r->base = thread;
  for (uint32_t d = 0; d < 3; d++) {
    if (r->reduced[d]) {
      tc_value x = tc_var_value(ev->ir, k->thread[d]);
      x = tc_stage_arith(ev, TC_OP_mul, x, tc_i32(ev->ir, stride));
      r->base = tc_stage_arith(ev, TC_OP_sub, r->base, x);
    }
    stride *= k->threads[d];
  }
}

tc_val tc_do_allreduce(tc_eval *ev, stage_args *a) {
  allreduce r = {.a = a};
  tc_val out = a->v[3];
  if (out.kind != TC_V_ELEMENT && out.kind != TC_V_VAR)
    STAGE_FAIL(ev, D_argument_value, a->at[3], a->row->name, "out", "an element",
               tc_val_kind_name(out));
  r.elem = tc_buf_at(ev->ir, out.kind == TC_V_VAR ? out.buf : out.element->buf)->elem;
  read_combiner(ev, &r);
  read_threads(ev, &r);
  tc_value thread = tc_stage_thread(ev, a->span);
  tc_value n = tc_i32(ev->ir, tc_kernel_threads(tc_kernel_of(ev->ir, ev->cursor.kernel)));
  tc_value identity = tc_stage_convert(ev, r.identity, r.elem, a->span);
  tc_value x = tc_stage_convert(ev, a->v[1], r.elem, a->at[1]);
  x = tc_select(ev->ir, tc_stage_condition(ev, a->v[2], a->at[2]), x, identity);
  tc_stage_effect(ev, a->span);
  r.all = tc_buf_new(ev->ir, "values", r.elem, TC_SCOPE_shared, 1, &n, a->span);
  r.sum = tc_buf_new(ev->ir, "combined", r.elem, TC_SCOPE_var, 0, NULL, a->span);
  tc_alloc(ev->ir, ev->cursor.at, r.all, a->span);
  tc_alloc(ev->ir, ev->cursor.at, r.sum, a->span);
  store_at(ev, r.all, &thread, x, a->span);
  store_at(ev, r.sum, NULL, identity, a->span);
  set_base(ev, &r, thread);
  combine(ev, &r, 0, r.base);
  tc_stage_store(ev, out, tc_val_expr(load_at(ev, r.sum, NULL, a->span)), a->span);
  return tc_val_none();
}

/* ---- T.thread_binding ---- */

tc_val tc_do_bound_loop(tc_eval *ev, stage_args *a) {
  static const char *const NAMES[6] = {"threadIdx.x", "threadIdx.y", "threadIdx.z",
                                       "blockIdx.x",  "blockIdx.y",  "blockIdx.z"};
  bool two = a->v[1].kind != TC_V_NONE && a->v[1].kind != TC_V_STR;
  tc_val name = a->v[1].kind == TC_V_STR ? a->v[1] : a->v[2];
  tc_str text = name.kind == TC_V_STR ? name.str->text : TC_STR("");
  tc_frame *f = tc_stage_frame_new(ev, F_BOUND, a->span);
  uint32_t d = 0;
  while (d < 6 && !tc_str_is(text, NAMES[d]))
    d++;
  const tc_kernel *k = tc_kernel_of(ev->ir, ev->cursor.kernel);
  if (d == 6 || (d >= 3 && d - 3 >= k->n_grid))
    STAGE_FAIL(ev, D_argument_value, a->span, a->row->name, "thread",
               "\"threadIdx.x\", \"blockIdx.x\" and so on, as the kernel has them",
               tc_str_dup(ev->arena, text));
  f->lo[0] = tc_stage_index(ev, two ? a->v[0] : tc_val_int(0), "a loop bound", a->at[0]);
  f->hi[0] = tc_stage_index(ev, two ? a->v[1] : a->v[0], "a loop bound", a->at[0]);
  int64_t lo, hi, extent;
  bool known = tc_const_of(ev->ir, f->lo[0], &lo) && tc_const_of(ev->ir, f->hi[0], &hi);
  if (d < 3 && (!known || hi - lo > k->threads[d]))
    STAGE_FAIL(ev, D_argument_value, a->at[0], a->row->name, "the extent",
               tc_format(ev->arena, "a number up to %lld, the threads of the kernel",
                         (long long)k->threads[d]),
               known ? "more" : "one that is not known");
  tc_value grid =
      d < 3 ? (tc_value){0} : tc_input(ev->ir, tc_op_at(ev->ir, ev->cursor.kernel), d - 3);
  bool same = d < 3 || grid.id == f->hi[0].id
              || (tc_const_of(ev->ir, grid, &extent) && known && hi - lo == extent);
  if (!same)
    STAGE_FAIL(ev, D_argument_value, a->at[0], a->row->name, "the extent",
               "the one of the kernel's grid", tc_stage_show_value(ev, f->hi[0]));
  f->extent[0] =
      d < 3 ? tc_stage_thread_index(ev, d, a->span) : tc_var_value(ev->ir, k->block[d - 3]);
  f->group = d < 3 ? k->threads[d] : 0;
  return (tc_val){.kind = TC_V_FRAME, .frame = f};
}
