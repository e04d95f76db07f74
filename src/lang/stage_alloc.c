/* Allocations, views, and the frames' constructors: T.alloc_*, T.view, T.Kernel, T.Parallel, ... */
#include "lang/stage_private.h"

#include "ir/poly.h"
#include "ir/walk.h"

#include <inttypes.h>

/* ---- allocations ---- */

/* A tile larger than this is a mistake long before it is a lack of memory. */
static const int64_t MAX_TILE = INT64_C(1) << 40;

static void check_tile_shape(tc_eval *ev, const tc_value *shape, uint32_t rank, tc_span span) {
  int64_t total = 1, extent;
  for (uint32_t d = 0; d < rank; d++) {
    if (!tc_const_of(ev->ir, shape[d], &extent)) {
      TC_DIAG(ev->diags, D_tile_shape, span, d, tc_stage_show_value(ev, shape[d]));
      tc_diag_help(ev->diags, "give it a value with -D, or use T.alloc_global");
      tc_diag_stop(ev->diags);
    }
    if (extent < 1) STAGE_FAIL(ev, D_bad_extent, span, "an on-chip tile", d, extent);
    if (extent > MAX_TILE / total)
      STAGE_FAIL(ev, D_tile_too_large, span, tc_stage_show_shape(ev, shape, rank));
    total *= extent;
  }
}

tc_val tc_stage_alloc(tc_eval *ev, const stage_args *a, enum tc_scope scope, tc_type elem) {
  tc_val shape_arg = a->v[0];
  tc_span shape_at = a->at[0], span = a->span;
  tc_value shape[STAGE_MAX_RANK];
  uint32_t rank = tc_stage_shape(ev, shape_arg, shape, "the shape of an allocation", shape_at);
  if (scope != TC_SCOPE_global) check_tile_shape(ev, shape, rank, shape_at);
  if (scope != TC_SCOPE_global && tc_stage_frame(ev, F_PARALLEL))
    STAGE_FAIL(ev, D_wrong_place, span, "alloc", "outside T.Parallel: tiles belong to the block");
  for (uint32_t d = 0; scope == TC_SCOPE_global && d < rank; d++)
    tc_stage_assert_no_wrap(ev, shape[d], 0, "an extent of the workspace", span);
  tc_buf buf = tc_buf_new(ev->ir, "", elem, scope, rank, shape, span);
  /* A workspace belongs to the launch, wherever it is written. */
  tc_region at = ev->cursor.at;
  if (scope == TC_SCOPE_global && tc_stage_in_kernel(ev))
    STAGE_FAIL(ev, D_wrong_place, span, a->row->name, "before the kernel that uses it");
  tc_alloc(ev->ir, at, buf, span);
  return tc_val_buffer(buf);
}

tc_val tc_do_alloc(tc_eval *ev, stage_args *a) {
  tc_type elem = tc_stage_dtype(ev, a->v[1], a->at[1]);
  return tc_stage_alloc(ev, a, (enum tc_scope)a->row->aux, elem);
}

static const struct {
  const char *text;
  enum tc_scope scope;
} SCOPES[] = {
    {"global", TC_SCOPE_global},     {"shared", TC_SCOPE_shared},
    {"shared.dyn", TC_SCOPE_shared}, {"local.fragment", TC_SCOPE_fragment},
    {"local", TC_SCOPE_local},       {"fragment", TC_SCOPE_fragment},
};

tc_val tc_do_alloc_buffer(tc_eval *ev, stage_args *a) {
  tc_type elem = tc_stage_dtype(ev, a->v[1], a->at[1]);
  tc_str text = a->v[2].kind == TC_V_STR ? a->v[2].str->text : TC_STR("");
  for (size_t i = 0; i < TC_COUNT(SCOPES); i++)
    if (tc_str_is(text, SCOPES[i].text)) return tc_stage_alloc(ev, a, SCOPES[i].scope, elem);
  STAGE_FAIL(ev, D_argument_value, a->at[2], a->row->name, "scope",
             "\"global\", \"shared\", \"local\" or \"local.fragment\"",
             tc_str_dup(ev->arena, text));
}

/* T.alloc_var(dtype, [init], [scope], *, init=None) */
tc_val tc_do_alloc_var(tc_eval *ev, stage_args *a) {
  tc_type elem = tc_stage_dtype(ev, a->v[0], a->at[0]);
  tc_val init = a->v[1];
  for (uint32_t i = 0; i < a->rest.n; i++)
    if (a->rest.at[i].kind != TC_V_STR) init = a->rest.at[i];
  tc_value x =
      init.kind == TC_V_NONE ? tc_zero(ev->ir, elem) : tc_stage_convert(ev, init, elem, a->span);
  tc_buf buf = tc_buf_new(ev->ir, "", elem, TC_SCOPE_var, 0, NULL, a->span);
  tc_alloc(ev->ir, ev->cursor.at, buf, a->span);
  tc_store(ev->ir, ev->cursor.at, buf, NULL, x, (tc_value){0}, a->span);
  return tc_val_var(buf);
}

/* ---- views ---- */

tc_value tc_stage_bits(tc_eval *ev, const tc_value *shape, uint32_t rank, tc_type elem) {
  tc_value total = tc_const_int(ev->ir, tc_scalar_type(TC_DT_int64), tc_type_bits(elem));
  for (uint32_t d = 0; d < rank; d++)
    total = tc_stage_arith(ev, TC_OP_mul, total, shape[d]);
  return total;
}

static bool is_host_shape(tc_eval *ev, const tc_value *shape, uint32_t rank) {
  for (uint32_t d = 0; d < rank; d++)
    if (!tc_is_host_value(ev->ir, shape[d], ev->arena)) return false;
  return true;
}

bool tc_stage_same_size(tc_eval *ev, const tc_buffer *b, const tc_value *shape, uint32_t rank,
                        tc_type elem, tc_span span) {
  tc_value have = tc_stage_bits(ev, b->shape, b->rank, b->elem);
  tc_value want = tc_stage_bits(ev, shape, rank, elem);
  tc_poly rest;
  if (tc_poly_difference(ev->ir, TC_POLY_WRAPPING, have, want, &rest) && rest.n == 0) return true;
  if (!tc_poly_difference(ev->ir, TC_POLY_EXACT, have, want, &rest) || rest.n) return false;
  if (!is_host_shape(ev, shape, rank) || !is_host_shape(ev, b->shape, b->rank)) return false;
  for (uint32_t d = 0; d < b->rank; d++)
    tc_stage_assert_no_wrap(ev, b->shape[d], INT32_MIN, "an extent of what is viewed", span);
  for (uint32_t d = 0; d < rank; d++)
    tc_stage_assert_no_wrap(ev, shape[d], INT32_MIN, "an extent of the view", span);
  return true;
}

/* Without a shape, a view of another dtype scales the last dimension. */
static uint32_t rescaled_shape(tc_eval *ev, const tc_buffer *b, tc_type elem, tc_value *shape,
                               tc_span span) {
  for (uint32_t d = 0; d < b->rank; d++)
    shape[d] = b->shape[d];
  int64_t from = tc_type_bits(b->elem), to = tc_type_bits(elem), last;
  if (from == to || !b->rank) return b->rank;
  tc_value *end = &shape[b->rank - 1];
  if (from % to == 0) {
    *end = tc_stage_arith(ev, TC_OP_mul, *end, tc_i32(ev->ir, from / to));
    return b->rank;
  }
  if (!tc_const_of(ev->ir, *end, &last) || last * from % to) {
    const char *had = tc_stage_show_shape(ev, b->shape, b->rank);
    *end = tc_stage_arith(ev, TC_OP_floordiv, *end, tc_i32(ev->ir, to / from));
    STAGE_FAIL(ev, D_view_size, span, tc_name_of(ev->ir, b->name), had,
               tc_type_name(ev->arena, b->elem), tc_stage_show_shape(ev, shape, b->rank),
               tc_type_name(ev->arena, elem));
  }
  *end = tc_i32(ev->ir, last * from / to);
  return b->rank;
}

tc_val tc_do_view(tc_eval *ev, stage_args *a) {
  if (a->v[0].kind != TC_V_BUFFER)
    STAGE_FAIL(ev, D_not_a_tile, a->at[0], "src", tc_val_kind_name(a->v[0]));
  tc_stage_not_reducer(ev, a->v[0].buf, "viewed", a->at[0]);
  const tc_buffer *b = tc_buf_at(ev->ir, a->v[0].buf);
  tc_value shape[STAGE_MAX_RANK];
  bool typed = a->row->aux == 0 && a->v[2].kind != TC_V_NONE;
  tc_type elem = typed ? tc_stage_dtype(ev, a->v[2], a->at[2]) : b->elem;
  uint32_t rank = a->v[1].kind == TC_V_NONE
                      ? rescaled_shape(ev, b, elem, shape, a->span)
                      : tc_stage_shape(ev, a->v[1], shape, "the shape of a view", a->at[1]);
  if (b->strides || !tc_stage_same_size(ev, b, shape, rank, elem, a->span)) {
    TC_DIAG(ev->diags, D_view_size, a->span, tc_name_of(ev->ir, b->name),
            tc_stage_show_shape(ev, b->shape, b->rank), tc_type_name(ev->arena, b->elem),
            tc_stage_show_shape(ev, shape, rank), tc_type_name(ev->arena, elem));
    tc_stage_note_buf(ev, a->v[0].buf);
    tc_diag_stop(ev->diags);
  }
  return tc_val_buffer(tc_buf_view(ev->ir, "", a->v[0].buf, elem, rank, shape, a->span));
}

tc_val tc_do_match_buffer(tc_eval *ev, stage_args *a) {
  a->extra.n = 0;
  return tc_do_make_tensor(ev, a);
}

/* ---- frames ---- */

static tc_val frame_val(tc_frame *f) {
  return (tc_val){.kind = TC_V_FRAME, .frame = f};
}

static void read_threads(tc_eval *ev, tc_frame *f, tc_val v, tc_span span) {
  f->threads[0] = 128;
  f->threads[1] = f->threads[2] = 1;
  if (v.kind == TC_V_NONE) return;
  f->says_threads = true;
  const tc_val *items = &v;
  uint32_t n = 1;
  if (v.kind == TC_V_TUPLE || v.kind == TC_V_LIST) tc_eval_items(ev, v, &items, &n);
  if (n < 1 || n > 3) STAGE_FAIL(ev, D_threads, span, "1 to 3 extents", (int64_t)n);
  for (uint32_t d = 0; d < n; d++) {
    f->threads[d] = tc_stage_int(ev, items[d], "the number of threads", span);
    if (f->threads[d] < 1 || f->threads[d] > 1024)
      STAGE_FAIL(ev, D_threads, span, "1 to 1024", f->threads[d]);
  }
}

tc_val tc_do_kernel(tc_eval *ev, stage_args *a) {
  tc_frame *f = tc_stage_frame_new(ev, F_KERNEL, a->span);
  read_threads(ev, f, a->v[0], a->at[0]);
  f->cluster[0] = f->cluster[1] = f->cluster[2] = 1;
  if (a->v[1].kind != TC_V_NONE) STAGE_FAIL(ev, D_foreign_source, a->at[1], "Kernel(prelude=...)");
  if (a->rest.n > 3) STAGE_FAIL(ev, D_rank_limit, a->span, "the grid", a->rest.n, 3u);
  f->n = a->rest.n ? a->rest.n : 1;
  f->extent[0] = tc_i32(ev->ir, 1);
  for (uint32_t d = 0; d < a->rest.n; d++) {
    f->extent[d] = tc_stage_index(ev, a->rest.at[d], "a grid extent", a->span);
    int64_t x;
    if (tc_const_of(ev->ir, f->extent[d], &x) && x < 1)
      STAGE_FAIL(ev, D_grid_extent, a->span, d, x);
  }
  return frame_val(f);
}

static void parallel_extents(tc_eval *ev, tc_frame *f, const tc_val *items, uint32_t n,
                             tc_span span) {
  if (n < 1 || n > STAGE_MAX_RANK)
    STAGE_FAIL(ev, D_rank_limit, span, "the loop nest", n, (uint32_t)STAGE_MAX_RANK);
  f->n = n;
  for (uint32_t d = 0; d < n; d++)
    f->extent[d] = tc_stage_index(ev, items[d], "a loop extent", span);
}

tc_val tc_do_parallel(tc_eval *ev, stage_args *a) {
  tc_frame *f = tc_stage_frame_new(ev, F_PARALLEL, a->span);
  if (a->row->aux) { /* T.parallel(stop) */
    if (a->v[1].kind != TC_V_NONE && !(a->v[0].kind == TC_V_INT && a->v[0].i == 0))
      STAGE_FAIL(ev, D_argument_value, a->at[0], a->row->name, "start", "0",
                 tc_val_kind_name(a->v[0]));
    parallel_extents(ev, f, a->v[1].kind == TC_V_NONE ? &a->v[0] : &a->v[1], 1, a->span);
  } else {
    parallel_extents(ev, f, a->rest.at, a->rest.n, a->span);
  }
  return frame_val(f);
}

static tc_val arg_named(const stage_args *a, const char *name) {
  for (uint32_t i = 0; i < a->n; i++)
    if (tc_str_is(a->names[i], name)) return a->v[i];
  return tc_val_none();
}

/* A manual schedule: a number for each statement of the body, -1 for one that is left alone. Places
 * in the order differ. It never changes results, so it is checked and no more. */
static uint32_t read_schedule(tc_eval *ev, const stage_args *a, const char *name, bool distinct) {
  tc_val v = arg_named(a, name);
  const tc_val *items;
  uint32_t n = 0;
  if (v.kind == TC_V_NONE) return 0;
  if (!tc_eval_items(ev, v, &items, &n))
    STAGE_FAIL(ev, D_argument_value, a->span, a->row->name, name, "a list", tc_val_kind_name(v));
  for (uint32_t i = 0; i < n; i++) {
    int64_t x = tc_stage_int(ev, items[i], name, a->span);
    if (x < -1)
      STAGE_FAIL(ev, D_argument_value, a->span, a->row->name, name, "numbers from -1 on", "less");
    for (uint32_t k = 0; distinct && x >= 0 && k < i; k++)
      if (tc_stage_int(ev, items[k], name, a->span) == x)
        STAGE_FAIL(ev, D_argument_value, a->span, a->row->name, name, "different numbers",
                   tc_format(ev->arena, "%lld twice", (long long)x));
  }
  return n;
}

static void pipeline_hints(tc_eval *ev, tc_frame *f, const stage_args *a) {
  f->loop.num_stages = (int32_t)tc_stage_int(ev, arg_named(a, "num_stages"), "num_stages", a->span);
  if (f->loop.num_stages < 0)
    STAGE_FAIL(ev, D_argument_value, a->span, a->row->name, "num_stages", "0 or more",
               "a negative number");
  uint32_t n_order = read_schedule(ev, a, "order", true);
  uint32_t n_stage = read_schedule(ev, a, "stage", false);
  if (n_order != n_stage)
    STAGE_FAIL(ev, D_argument_value, a->span, a->row->name, "order and stage",
               "lists of one length", "lists of two lengths");
}

tc_val tc_do_loop(tc_eval *ev, stage_args *a) {
  static const enum tc_loop_kind KINDS[] = {TC_LOOP_SERIAL, TC_LOOP_UNROLL, TC_LOOP_VECTORIZED,
                                            TC_LOOP_PIPELINED};
  tc_val one = tc_val_int(1), step = arg_named(a, "step");
  bool two = a->v[1].kind != TC_V_NONE;
  tc_range range = {.staged = true};
  range.lo = tc_stage_index(ev, two ? a->v[0] : tc_val_int(0), "a loop bound", a->at[0]);
  range.hi = tc_stage_index(ev, two ? a->v[1] : a->v[0], "a loop bound", a->at[0]);
  range.by = tc_stage_index(ev, step.kind == TC_V_NONE ? one : step, "a loop step", a->span);
  tc_frame *f = tc_stage_loop_of_range(ev, &range, a->span);
  f->loop.kind = (uint8_t)KINDS[a->row->aux];
  tc_val factor = arg_named(a, "unroll_factor");
  if (factor.kind != TC_V_NONE) {
    if (tc_stage_bool(ev, arg_named(a, "explicit"), "explicit", a->span))
      STAGE_FAIL(ev, D_argument_value, a->span, a->row->name, "explicit and unroll_factor",
                 "one of the two", "both");
    f->loop.unroll_factor = (int32_t)tc_stage_int(ev, factor, "unroll_factor", a->span);
  }
  if (a->row->aux == 3) pipeline_hints(ev, f, a);
  return frame_val(f);
}

tc_val tc_do_grid(tc_eval *ev, stage_args *a) {
  tc_frame *f = tc_stage_frame_new(ev, F_LOOP, a->span);
  if (a->rest.n < 1 || a->rest.n > STAGE_MAX_RANK)
    STAGE_FAIL(ev, D_rank_limit, a->span, "the loop nest", a->rest.n, (uint32_t)STAGE_MAX_RANK);
  f->n = a->rest.n;
  for (uint32_t d = 0; d < f->n; d++) {
    f->lo[d] = tc_i32(ev->ir, 0);
    f->hi[d] = tc_stage_index(ev, a->rest.at[d], "a loop extent", a->span);
    f->step[d] = tc_i32(ev->ir, 1);
  }
  return frame_val(f);
}

tc_val tc_do_persistent(tc_eval *ev, stage_args *a) {
  tc_frame *f = tc_stage_frame_new(ev, F_PERSISTENT, a->span);
  f->n = tc_stage_shape(ev, a->v[0], f->extent, "the domain of T.Persistent", a->at[0]);
  f->wave = a->v[1];
  f->index = a->v[2];
  f->group = tc_stage_int(ev, a->v[3], "group_size", a->at[3]);
  return frame_val(f);
}
