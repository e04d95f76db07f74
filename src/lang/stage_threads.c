/* Threads: their indices, barriers, exchanges between lanes, T.ws. */
#include "lang/stage_private.h"

/* ---- indices ---- */

static tc_kernel *kernel_of(tc_eval *ev) {
  return tc_kernel_of(ev->ir, ev->cursor.kernel);
}

/* The index variable exists from its first use on. */
tc_value tc_stage_thread_index(tc_eval *ev, uint32_t d, tc_span span) {
  static const char *const NAMES[] = {"tx", "ty", "tz"};
  tc_kernel *k = kernel_of(ev);
  if (k->threads[d] == 1) return tc_i32(ev->ir, 0);
  if (!k->thread[d].id) {
    tc_var var = tc_var_new(ev->ir, NAMES[d], TC_VAR_THREAD, tc_i32_type(), span);
    kernel_of(ev)->thread[d] = var;
  }
  return tc_var_value(ev->ir, kernel_of(ev)->thread[d]);
}

tc_value tc_stage_thread(tc_eval *ev, tc_span span) {
  tc_value sum = tc_i32(ev->ir, 0);
  int64_t stride = 1;
  for (uint32_t d = 0; d < 3; d++) {
    tc_value x = tc_stage_thread_index(ev, d, span);
    sum = tc_stage_arith(ev, TC_OP_add, sum,
                         tc_stage_arith(ev, TC_OP_mul, x, tc_i32(ev->ir, stride)));
    stride *= kernel_of(ev)->threads[d];
  }
  return sum;
}

static uint32_t dims_of_threads(tc_eval *ev) {
  const tc_kernel *k = kernel_of(ev);
  return k->threads[2] > 1 ? 3 : k->threads[1] > 1 ? 2 : 1;
}

static uint32_t read_dim(tc_eval *ev, const stage_args *a, uint32_t n) {
  int64_t d = tc_stage_int(ev, a->v[0], "dim", a->at[0]);
  if (d < 0 || d >= n) STAGE_FAIL(ev, D_dim_range, a->at[0], d, n);
  return (uint32_t)d;
}

tc_val tc_do_thread_binding(tc_eval *ev, stage_args *a) {
  tc_val all[3];
  uint32_t n = dims_of_threads(ev);
  if (!a->row->aux) return tc_val_expr(tc_stage_thread_index(ev, read_dim(ev, a, 3), a->span));
  for (uint32_t d = 0; d < n; d++)
    all[d] = tc_val_expr(tc_stage_thread_index(ev, d, a->span));
  return tc_val_tuple(ev->arena, all, n);
}

tc_val tc_do_block_binding(tc_eval *ev, stage_args *a) {
  tc_val all[3];
  const tc_kernel *k = kernel_of(ev);
  if (!a->row->aux) return tc_val_expr(tc_var_value(ev->ir, k->block[read_dim(ev, a, k->n_grid)]));
  for (uint32_t d = 0; d < k->n_grid; d++)
    all[d] = tc_val_expr(tc_var_value(ev->ir, k->block[d]));
  return tc_val_tuple(ev->arena, all, k->n_grid);
}

tc_val tc_do_thread_extent(tc_eval *ev, stage_args *a) {
  tc_val all[3];
  uint32_t n = dims_of_threads(ev);
  if (!a->row->aux) return tc_val_int(kernel_of(ev)->threads[read_dim(ev, a, 3)]);
  for (uint32_t d = 0; d < n; d++)
    all[d] = tc_val_int(kernel_of(ev)->threads[d]);
  return tc_val_tuple(ev->arena, all, n);
}

tc_val tc_do_block_extent(tc_eval *ev, stage_args *a) {
  tc_val all[3];
  uint32_t n = kernel_of(ev)->n_grid;
  const tc_op *op = tc_op_at(ev->ir, ev->cursor.kernel);
  for (uint32_t d = 0; d < n; d++)
    all[d] = tc_stage_fold(ev, tc_input(ev->ir, op, d));
  return a->row->aux ? tc_val_tuple(ev->arena, all, n) : all[read_dim(ev, a, n)];
}

/* ---- warps ---- */

enum { AUX_LANE, AUX_WARP, AUX_GROUP };

static int64_t size_or(tc_eval *ev, const stage_args *a, uint32_t i, int64_t otherwise) {
  if (i >= a->n || a->v[i].kind == TC_V_NONE) return otherwise;
  int64_t x = tc_stage_int(ev, a->v[i], "the number of threads", a->at[i]);
  if (x < 1)
    STAGE_FAIL(ev, D_argument_value, a->at[i], a->row->name, "a number of threads", "1 or more",
               "less");
  return x;
}

tc_val tc_do_warp_index(tc_eval *ev, stage_args *a) {
  int64_t size = size_or(ev, a, 0, TC_WARP);
  if (a->row->aux == AUX_GROUP) size *= size_or(ev, a, 1, 4);
  enum tc_opcode op = a->row->aux == AUX_LANE ? TC_OP_floormod : TC_OP_floordiv;
  tc_value thread = tc_stage_thread(ev, a->span);
  return tc_stage_fold(ev, tc_stage_arith(ev, op, thread, tc_i32(ev->ir, size)));
}

tc_val tc_do_elect(tc_eval *ev, stage_args *a) {
  int64_t n = tc_stage_int(ev, a->v[0], "thread_extent", a->at[0]);
  tc_value thread = tc_stage_thread(ev, a->span);
  if (n < 0)
    STAGE_FAIL(ev, D_argument_value, a->at[0], a->row->name, "thread_extent", "0 or more", "less");
  if (n) thread = tc_stage_arith(ev, TC_OP_floormod, thread, tc_i32(ev->ir, n));
  return tc_val_expr(tc_stage_arith(ev, TC_OP_eq, thread, tc_i32(ev->ir, 0)));
}

/* ---- barriers ---- */

static void refuse_lazy(tc_eval *ev, const stage_args *a) {
  if (ev->lazy_operand || ev->cursor.pred.id)
    STAGE_FAIL(ev, D_lazy_statement, a->span, tc_format(ev->arena, "T.%s", a->row->name));
}

static void emit_barrier(tc_eval *ev, const stage_args *a, tc_barrier barrier) {
  refuse_lazy(ev, a);
  tc_stage_tile_stmt(ev, TC_OP_barrier, NULL, 0, tc_pl_barrier(ev->ir, barrier), a->span);
}

/* Number and threads of a named barrier: what the hardware has. */
static tc_barrier named_barrier(tc_eval *ev, const stage_args *a) {
  tc_barrier b = {.id = -1, .sync_scope = TC_SYNC_BLOCK};
  int64_t id = tc_stage_int(ev, a->v[0], "barrier_id", a->at[0]);
  if (id < 0 || id >= TC_NAMED_BARRIERS)
    STAGE_FAIL(ev, D_argument_value, a->at[0], a->row->name, "barrier_id", "0 to 15",
               tc_format(ev->arena, "%lld", (long long)id));
  b.id = (int32_t)id;
  if (a->v[1].kind == TC_V_NONE) return b;
  b.count = tc_stage_int(ev, a->v[1], "the number of threads", a->at[1]);
  int64_t most = tc_kernel_threads(kernel_of(ev));
  if (b.count < 1 || b.count > most || b.count % TC_WARP)
    STAGE_FAIL(ev, D_argument_value, a->at[1], a->row->name, "the number of threads",
               tc_format(ev->arena, "a multiple of 32 up to %lld", (long long)most),
               tc_format(ev->arena, "%lld", (long long)b.count));
  return b;
}

tc_val tc_do_sync_threads(tc_eval *ev, stage_args *a) {
  tc_barrier b = {.id = -1, .sync_scope = TC_SYNC_BLOCK};
  if (a->v[0].kind != TC_V_NONE)
    b = named_barrier(ev, a);
  else if (a->v[1].kind != TC_V_NONE)
    STAGE_FAIL(ev, D_argument_value, a->at[1], a->row->name, "arrive_count",
               "a number together with barrier_id", "a number alone");
  b.arrive = a->row->aux != 0;
  emit_barrier(ev, a, b);
  return tc_val_none();
}

tc_val tc_do_sync(tc_eval *ev, stage_args *a) {
  emit_barrier(ev, a, (tc_barrier){.id = -1, .sync_scope = (uint8_t)a->row->aux});
  return tc_val_none();
}

tc_val tc_do_storage_sync(tc_eval *ev, stage_args *a) {
  static const struct {
    const char *text;
    enum tc_sync_scope scope;
  } SCOPES[] = {{"shared", TC_SYNC_BLOCK},
                {"shared.dyn", TC_SYNC_BLOCK},
                {"warp", TC_SYNC_WARP},
                {"global", TC_SYNC_DEVICE}};
  tc_str text = a->v[0].kind == TC_V_STR ? a->v[0].str->text : TC_STR("");
  for (size_t i = 0; i < TC_COUNT(SCOPES); i++) {
    if (!tc_str_is(text, SCOPES[i].text)) continue;
    emit_barrier(ev, a, (tc_barrier){.id = -1, .sync_scope = (uint8_t)SCOPES[i].scope});
    return tc_val_none();
  }
  STAGE_FAIL(ev, D_argument_value, a->at[0], a->row->name, "scope",
             "\"shared\", \"warp\" or \"global\"", tc_val_kind_name(a->v[0]));
}

/* ---- exchanges ---- */

static tc_val arg_named(const stage_args *a, const char *name) {
  for (uint32_t i = 0; i < a->n; i++)
    if (tc_str_is(a->names[i], name)) return a->v[i];
  return tc_val_none();
}

/* 0 when all lanes of the warp take part. */
static tc_value read_mask(tc_eval *ev, const stage_args *a) {
  tc_val v = arg_named(a, "mask");
  int64_t x;
  if (v.kind == TC_V_NONE) return (tc_value){0};
  tc_value mask = tc_stage_convert(ev, v, tc_scalar_type(TC_DT_uint32), a->span);
  if (tc_const_of(ev->ir, mask, &x) && (uint32_t)x == UINT32_MAX) return (tc_value){0};
  return mask;
}

static tc_value exchange(tc_eval *ev, const stage_args *a, tc_collective what, tc_value value,
                         tc_value lane) {
  refuse_lazy(ev, a);
  tc_type type = tc_value_type(ev->ir, value);
  bool bits = what.kind >= TC_COLL_BITAND;
  if (type.lanes != 1 || (bits && tc_is_float(type)))
    STAGE_FAIL(ev, D_operator_type, a->span, a->row->name, tc_type_name(ev->arena, type));
  tc_stage_effect(ev, a->span);
  if (!what.width) what.width = TC_WARP;
  return tc_collective_stmt(ev->ir, ev->cursor.at, what, value, lane, read_mask(ev, a), a->span);
}

/* T.shfl_sync(value, lane, width=32, mask=full) and its kin. */
tc_val tc_do_lane_shuffle(tc_eval *ev, stage_args *a) {
  tc_collective what = {.kind = (uint8_t)a->row->aux, .sync_scope = TC_SYNC_WARP};
  tc_value value = tc_stage_value(ev, arg_named(a, "value"), a->span);
  tc_value lane = tc_stage_index(ev, arg_named(a, "lane"), "the lane", a->span);
  tc_val width = arg_named(a, "width");
  int64_t w = width.kind == TC_V_NONE ? TC_WARP : tc_stage_int(ev, width, "width", a->span);
  if (w < 1 || w > TC_WARP || (w & (w - 1)))
    STAGE_FAIL(ev, D_argument_value, a->span, a->row->name, "width", "1, 2, 4, 8, 16 or 32",
               tc_format(ev->arena, "%lld", (long long)w));
  what.width = (uint32_t)w;
  return tc_val_expr(exchange(ev, a, what, value, lane));
}

tc_val tc_do_warp_reduce(tc_eval *ev, stage_args *a) {
  tc_collective what = {.kind = (uint8_t)a->row->aux, .sync_scope = TC_SYNC_WARP};
  tc_value value = tc_stage_value(ev, a->v[0], a->at[0]);
  return tc_val_expr(exchange(ev, a, what, value, (tc_value){0}));
}

/* Votes give numbers, as on the device: 0 or 1, a count, a mask of lanes. */
tc_val tc_do_vote(tc_eval *ev, stage_args *a) {
  bool block = a->row->aux >= VOTE_BLOCK, wide = a->row->aux == VOTE_BALLOT64;
  enum tc_collective_kind kind = (enum tc_collective_kind)(a->row->aux % VOTE_BLOCK);
  if (wide) kind = TC_COLL_BALLOT;
  tc_collective what = {.kind = (uint8_t)kind,
                        .sync_scope = !wide && block ? TC_SYNC_BLOCK : TC_SYNC_WARP};
  tc_value value = a->n && tc_str_is(a->names[0], "predicate")
                       ? tc_stage_condition(ev, a->v[0], a->at[0])
                       : tc_const_bool(ev->ir, true);
  tc_value result = exchange(ev, a, what, value, (tc_value){0});
  bool truth = tc_is_bool(tc_value_type(ev->ir, result));
  if (truth) result = tc_cast(ev->ir, result, tc_i32_type());
  if (wide) result = tc_cast(ev->ir, result, tc_scalar_type(TC_DT_uint64));
  return tc_val_expr(result);
}

tc_val tc_do_match(tc_eval *ev, stage_args *a) {
  tc_collective what = {.kind = (uint8_t)a->row->aux, .sync_scope = TC_SYNC_WARP};
  tc_value value = tc_stage_value(ev, a->v[0], a->at[0]);
  return tc_val_expr(exchange(ev, a, what, value, (tc_value){0}));
}

/* Position of the lowest one bit, counted from 1; 0 when there is none. */
tc_val tc_do_ffs(tc_eval *ev, stage_args *a) {
  tc_value x = tc_stage_value(ev, a->v[0], a->at[0]);
  tc_type type = tc_value_type(ev->ir, x);
  if (!tc_is_int(type) || type.lanes != 1)
    STAGE_FAIL(ev, D_operator_type, a->span, a->row->name, tc_type_name(ev->arena, type));
  tc_value one = tc_const_int(ev->ir, type, 1), zero = tc_zero(ev->ir, type);
  tc_value low = tc_binary(ev->ir, TC_OP_and, x, tc_unary(ev->ir, TC_OP_neg, x));
  tc_value below = tc_binary(ev->ir, TC_OP_sub, low, one);
  tc_value count = tc_math(ev->ir, TC_MATH_popcount, &below, 1);
  tc_value at = tc_stage_arith(ev, TC_OP_add, count, tc_i32(ev->ir, 1));
  tc_value none = tc_binary(ev->ir, TC_OP_eq, x, zero);
  return tc_val_expr(tc_select(ev->ir, none, tc_zero(ev->ir, tc_value_type(ev->ir, at)), at));
}

/* ---- fences, hints ---- */

tc_val tc_do_fence(tc_eval *ev, stage_args *a) {
  tc_fence fence = {.order = TC_ORDER_ACQ_REL, .sync_scope = (uint8_t)a->row->aux};
  refuse_lazy(ev, a);
  tc_stmt(ev->ir, ev->cursor.at, TC_OP_fence, tc_scalar_type(TC_DT_void), NULL, 0,
          tc_pl_fence(ev->ir, fence), a->span);
  return tc_val_none();
}

/* T.set_max_nreg(count, is_inc): a register budget from here on. */
tc_val tc_do_registers(tc_eval *ev, stage_args *a) {
  int64_t n = tc_stage_int(ev, a->v[0], "the number of registers", a->at[0]);
  if (n < 24 || n > 256 || n % 8)
    STAGE_FAIL(ev, D_argument_value, a->at[0], a->row->name, "the number of registers",
               "a multiple of 8 from 24 to 256", tc_format(ev->arena, "%lld", (long long)n));
  int64_t inc = a->row->aux == 2 ? tc_stage_int(ev, a->v[1], "is_inc", a->at[1]) : a->row->aux;
  tc_hint hint = {.kind = TC_HINT_REGISTERS,
                  .text = tc_pl_text(ev->ir, inc ? "increase" : "decrease"),
                  .number = n};
  tc_stmt(ev->ir, ev->cursor.at, TC_OP_hint, tc_scalar_type(TC_DT_void), NULL, 0,
          tc_pl_hint(ev->ir, hint), a->span);
  return tc_val_none();
}

/* ---- T.ws ---- */

tc_val tc_do_ws(tc_eval *ev, stage_args *a) {
  tc_frame *f = tc_stage_frame_new(ev, F_GROUP, a->span);
  int64_t groups = tc_kernel_threads(kernel_of(ev)) / 128;
  if (a->rest.n < 1)
    STAGE_FAIL(ev, D_missing_argument, a->span, a->row->name, 14, "warp_group_idx",
               a->row->signature);
  for (uint32_t i = 0; i < a->rest.n; i++) {
    int64_t g = tc_stage_int(ev, a->rest.at[i], "a warp group", a->span);
    if (g < 0 || g >= groups)
      STAGE_FAIL(ev, D_argument_value, a->span, a->row->name, "a warp group",
                 tc_format(ev->arena, "0 to %lld, groups of 128 threads", (long long)groups - 1),
                 tc_format(ev->arena, "%lld", (long long)g));
    tc_value group =
        tc_stage_arith(ev, TC_OP_floordiv, tc_stage_thread(ev, a->span), tc_i32(ev->ir, 128));
    tc_value is = tc_stage_arith(ev, TC_OP_eq, group, tc_i32(ev->ir, g));
    f->extent[0] = i ? tc_binary(ev->ir, TC_OP_or, f->extent[0], is) : is;
  }
  return (tc_val){.kind = TC_V_FRAME, .frame = f};
}

/* T.attr(node, key, value): the keys that mean something to us open a scope, others do nothing. */
tc_val tc_do_attr(tc_eval *ev, stage_args *a) {
  tc_str key = a->v[1].kind == TC_V_STR ? a->v[1].str->text : TC_STR("");
  tc_frame *f = tc_stage_frame_new(ev, F_BLOCK, a->span);
  if (tc_str_is(key, "async_scope"))
    f->kind = F_ASYNC;
  else if (tc_str_is(key, "reduce_scope"))
    f->kind = F_REDUCE, f->wave = a->v[0];
  return (tc_val){.kind = TC_V_FRAME, .frame = f};
}
