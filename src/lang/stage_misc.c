/* Observation, hints, and the values that only annotate: T.print, T.assume, T.annotate_*, ... */
#include "ir/walk.h"
#include "lang/foreign.h"
#include "lang/stage_private.h"
#include "layout/layout.h"

#include <inttypes.h>
#include <string.h>

/* ---- observation ---- */

tc_val tc_do_print(tc_eval *ev, stage_args *a) {
  tc_str msg = a->v[1].kind == TC_V_STR ? a->v[1].str->text : TC_STR("");
  tc_print p = {0};
  tc_value in[1];
  uint32_t n = 0;
  tc_val obj = a->v[0];
  if (obj.kind == TC_V_STR)
    msg = obj.str->text;
  else if (obj.kind == TC_V_BUFFER)
    tc_stage_not_reducer(ev, obj.buf, "printed", a->at[0]), p.buf = obj.buf;
  else if (obj.kind != TC_V_NONE)
    in[n++] = tc_stage_value(ev, obj, a->at[0]);
  p.text = tc_pl_text(ev->ir, tc_str_dup(ev->arena, msg));
  tc_stage_tile_stmt(ev, TC_OP_print, in, n, tc_pl_print(ev->ir, p), a->span);
  return tc_val_none();
}

tc_val tc_do_device_assert(tc_eval *ev, stage_args *a) {
  tc_str msg = a->v[1].kind == TC_V_STR ? a->v[1].str->text : TC_STR("");
  if (!msg.n) msg = TC_STR("device assertion failed");
  tc_value c = tc_stage_condition(ev, a->v[0], a->at[0]);
  if (ev->cursor.pred.id) /* not reached: not asserted */
    c = tc_binary(ev->ir, TC_OP_or, c, tc_unary(ev->ir, TC_OP_not, ev->cursor.pred));
  tc_stage_tile_stmt(ev, TC_OP_assert, &c, 1, tc_pl_text(ev->ir, tc_str_dup(ev->arena, msg)),
                     a->span);
  return tc_val_none();
}

tc_val tc_do_assume(tc_eval *ev, stage_args *a) {
  if (!tc_val_is_staged(a->v[0])) {
    if (!tc_eval_truth(ev, a->v[0])) STAGE_FAIL(ev, D_false_assume, a->span);
    return tc_val_none();
  }
  tc_value c = tc_stage_condition(ev, a->v[0], a->at[0]);
  tc_stage_tile_stmt(ev, TC_OP_assume, &c, 1, 0, a->span);
  return tc_val_none();
}

tc_val tc_do_evaluate(tc_eval *ev, stage_args *a) {
  if (tc_val_is_staged(a->v[0])) tc_stage_expression(ev, a->v[0], a->span);
  return tc_val_none();
}

/* ---- frames ---- */

static tc_val frame_val(tc_frame *f) {
  return (tc_val){.kind = TC_V_FRAME, .frame = f};
}

tc_val tc_do_if_frame(tc_eval *ev, stage_args *a) {
  tc_frame *f = tc_stage_frame_new(ev, F_IF, a->span);
  f->test = tc_stage_condition(ev, a->v[0], a->at[0]);
  return frame_val(f);
}

tc_val tc_do_side_frame(tc_eval *ev, stage_args *a) {
  tc_frame *f = tc_stage_frame_new(ev, F_SIDE, a->span);
  f->side = (uint32_t)a->row->aux;
  return frame_val(f);
}

tc_val tc_do_assert_frame(tc_eval *ev, stage_args *a) {
  tc_stage_assert(ev, a->v[0], a->v[1], a->span);
  return frame_val(tc_stage_plain_frame(ev, a->span));
}

tc_val tc_do_plain_frame(tc_eval *ev, stage_args *a) {
  return frame_val(tc_stage_plain_frame(ev, a->span));
}

/* ---- hints ---- */

tc_val tc_do_ignore(tc_eval *ev, stage_args *a) {
  (void)ev;
  (void)a;
  return tc_val_none();
}

tc_val tc_do_foreign(tc_eval *ev, stage_args *a) {
  if (!a->row->aux && a->v[0].kind == TC_V_NONE) return tc_val_none();
  STAGE_FAIL(ev, D_foreign_source, a->span, a->row->name);
}

static void add_hint(tc_eval *ev, enum tc_hint_kind kind, tc_buf buf, const char *text,
                     int64_t number, tc_span span) {
  tc_hint hint = {
      .kind = (uint8_t)kind, .buf = buf, .text = tc_pl_text(ev->ir, text), .number = number};
  tc_stmt(ev->ir, ev->cursor.at, TC_OP_hint, tc_scalar_type(TC_DT_void), NULL, 0,
          tc_pl_hint(ev->ir, hint), span);
}

tc_val tc_do_swizzle(tc_eval *ev, stage_args *a) {
  int64_t panel = tc_stage_int(ev, a->v[0], "panel_size", a->at[0]);
  tc_str order = a->v[1].kind == TC_V_STR ? a->v[1].str->text : TC_STR("");
  bool known = tc_str_is(order, "row") || tc_str_is(order, "column") || tc_str_is(order, "mlx");
  if (!known)
    STAGE_FAIL(ev, D_argument_value, a->at[1], a->row->name, "order",
               "\"row\", \"column\" or \"mlx\"", tc_val_kind_name(a->v[1]));
  if (tc_stage_bool(ev, a->v[2], "enable", a->at[2]))
    add_hint(ev, TC_HINT_SWIZZLE, (tc_buf){0}, tc_str_dup(ev->arena, order), panel, a->span);
  return tc_val_none();
}

/* A value of a configuration as the command line would spell it. */
static tc_str config_text(tc_eval *ev, tc_val v) {
  if (v.kind == TC_V_STR) return v.str->text;
  if (v.kind == TC_V_BOOL) return tc_str_of(v.i ? "on" : "off");
  if (v.kind == TC_V_NONE) return TC_STR("auto");
  if (v.kind == TC_V_INT) return tc_str_of(tc_format(ev->arena, "%lld", (long long)v.i));
  return tc_str_of(tc_val_kind_name(v));
}

/* Was the same choice asked for further outside? */
static bool is_outer(const tc_eval *ev, const char *text) {
  size_t n = strcspn(text, "=");
  for (uint32_t i = 0; i < ev->outer.n; i++)
    if (strncmp(ev->outer.at[i], text, n + 1) == 0) return true;
  return false;
}

/* A choice of the schedule becomes a request; what else the dialect has is accepted. */
static void add_config(tc_eval *ev, tc_str key, tc_str value, bool truth, tc_span span) {
  const char *text;
  if (!tc_choices_key(ev->diags, key, value, truth, span, &text)) tc_diag_stop(ev->diags);
  if (text && !is_outer(ev, text)) add_hint(ev, TC_HINT_CONFIG, (tc_buf){0}, text, 0, span);
}

/* A key is a text, or a member of an enumeration of texts in the program around the kernel. */
static tc_str config_key(tc_eval *ev, tc_val key, const char *what, tc_span span) {
  tc_val text = key;
  if (key.kind == TC_V_FOREIGN) text = tc_foreign_ask_text(ev, TILEC_OP_GETATTR, key, "value");
  if (text.kind != TC_V_STR)
    STAGE_FAIL(ev, D_argument_value, span, what, "a key", "a text", tc_val_kind_name(key));
  return text.str->text;
}

static void add_configs(tc_eval *ev, tc_val configs, const char *what, tc_span span) {
  const tc_val *keys, *values;
  if (configs.kind == TC_V_NONE || configs.kind == TC_V_UNBOUND || configs.kind == TC_V_DEFERRED)
    return;
  if (configs.kind != TC_V_DICT)
    STAGE_FAIL(ev, D_argument_value, span, what, "configs", "a dict {key: value}",
               tc_val_kind_name(configs));
  uint32_t n = tc_eval_dict_entries(configs.dict, &keys, &values);
  for (uint32_t i = 0; i < n; i++) {
    if (keys[i].kind == TC_V_DEFERRED) continue;
    tc_str key = config_key(ev, keys[i], what, span);
    bool truth = (values[i].kind == TC_V_BOOL || values[i].kind == TC_V_INT) && values[i].i;
    add_config(ev, key, config_text(ev, values[i]), truth, span);
  }
}

/* The requests that the function has so far are around all that follows. */
static bool keep_outer(tc_ir *ir, tc_value stmt, void *data) {
  tc_eval *ev = data;
  if (tc_is(ir, stmt, TC_OP_hint) && tc_hint_of(ir, stmt)->kind == TC_HINT_CONFIG)
    tc_vec_push(ev->arena, &ev->outer, ir->texts.at[tc_hint_of(ir, stmt)->text]);
  return true;
}

void tc_stage_outer_configs(tc_eval *ev, const tc_lang_define *given, uint32_t n, tc_val configs,
                            tc_span span) {
  for (uint32_t i = 0; i < n; i++) {
    tc_str text = tc_str_of(given[i].text);
    bool truth = !tc_str_is(text, "off") && !tc_str_is(text, "0") && !tc_str_is(text, "auto");
    add_config(ev, tc_str_of(given[i].name), text, truth, span);
  }
  tc_walk(ev->ir, ev->ir->body, keep_outer, ev);
  add_configs(ev, configs, "pass_configs", span);
  ev->outer.n = 0;
  tc_walk(ev->ir, ev->ir->body, keep_outer, ev);
}

tc_val tc_do_pass_configs(tc_eval *ev, stage_args *a) {
  add_configs(ev, a->v[0], a->row->name, a->at[0]);
  return tc_val_none();
}

/* The argument, a dict whose keys are buffers. */
static uint32_t buffer_entries(tc_eval *ev, const stage_args *a, const char *what, const char *form,
                               const tc_val **keys, const tc_val **values) {
  if (a->v[0].kind != TC_V_DICT)
    STAGE_FAIL(ev, D_argument_value, a->at[0], a->row->name, what, form, tc_val_kind_name(a->v[0]));
  uint32_t n = tc_eval_dict_entries(a->v[0].dict, keys, values);
  for (uint32_t i = 0; i < n; i++)
    if ((*keys)[i].kind != TC_V_BUFFER)
      STAGE_FAIL(ev, D_argument_value, a->at[0], a->row->name, "a key", "a buffer",
                 tc_val_kind_name((*keys)[i]));
  return n;
}

tc_val tc_do_safe_value(tc_eval *ev, stage_args *a) {
  const tc_val *keys, *values;
  uint32_t n = buffer_entries(ev, a, "values", "a dict {buffer: value}", &keys, &values);
  for (uint32_t i = 0; i < n; i++) {
    stage_safe safe = {keys[i].buf, values[i]};
    tc_vec_push(ev->arena, &ev->cursor.frames->safe, safe);
  }
  return tc_val_none();
}

/* ---- layouts ---- */

struct tc_layout_val {
  const char *name; /* "Layout", "make_swizzled_layout", ... */
  uint32_t rank;
  int64_t shape[STAGE_MAX_RANK];
  tc_val forward; /* index map of Layout, or none */
};

static tc_val layout_val(tc_eval *ev, tc_layout_val v) {
  tc_layout_val *copy = tc_arena_copy(ev->arena, &v, sizeof v);
  return (tc_val){.kind = TC_V_LAYOUT, .layout = copy};
}

tc_val tc_do_layout(tc_eval *ev, stage_args *a) {
  tc_layout_val v = {.name = a->row->name, .forward = a->v[1]};
  tc_value shape[STAGE_MAX_RANK];
  v.rank = tc_stage_shape(ev, a->v[0], shape, "the shape of a layout", a->at[0]);
  for (uint32_t d = 0; d < v.rank; d++)
    v.shape[d] = tc_stage_int(ev, tc_val_expr(shape[d]), "the shape of a layout", a->at[0]);
  return layout_val(ev, v);
}

bool tc_stage_layout_map(tc_val layout, tc_val *map) {
  *map = layout.layout->forward;
  return map->kind != TC_V_UNBOUND && map->kind != TC_V_NONE;
}

bool tc_stage_layout_shape(tc_eval *ev, tc_val layout, tc_val *shape) {
  tc_val items[STAGE_MAX_RANK];
  for (uint32_t d = 0; d < layout.layout->rank; d++)
    items[d] = tc_val_int(layout.layout->shape[d]);
  *shape = tc_val_tuple(ev->arena, items, layout.layout->rank);
  return layout.layout->rank != 0;
}

tc_val tc_do_named_layout(tc_eval *ev, stage_args *a) {
  return layout_val(ev, (tc_layout_val){.name = a->row->name});
}

/* A user's index map must send different elements to different places. The map is called once with
 * variables; its result is then evaluated at every point of the domain. */
typedef struct injectivity {
  tc_eval *ev;
  tc_var vars[STAGE_MAX_RANK];
  int64_t at[STAGE_MAX_RANK], shape[STAGE_MAX_RANK];
  uint32_t rank, n_out;
  tc_value out[STAGE_MAX_RANK];
} injectivity;

static tc_value point_value(injectivity *j, tc_value v) {
  tc_map map = tc_map_in(j->ev->arena);
  for (uint32_t d = 0; d < j->rank; d++)
    tc_map_put(&map, tc_var_value(j->ev->ir, j->vars[d]).id, tc_i32(j->ev->ir, j->at[d]).id);
  return tc_substitute(j->ev->ir, v, &map);
}

static uint64_t point_hash(injectivity *j) {
  uint64_t h = 0;
  for (uint32_t k = 0; k < j->n_out; k++)
    h = tc_hash_u64(h ^ point_value(j, j->out[k]).id);
  return h;
}

static void unflatten(injectivity *j, uint64_t linear) {
  for (uint32_t d = j->rank; d-- > 0;) {
    j->at[d] = (int64_t)(linear % (uint64_t)j->shape[d]);
    linear /= (uint64_t)j->shape[d];
  }
}

static const char *show_point(injectivity *j, uint64_t linear) {
  tc_sb sb = tc_sb_in(j->ev->arena);
  unflatten(j, linear);
  for (uint32_t d = 0; d < j->rank; d++)
    tc_sb_printf(&sb, "%s%" PRId64, d ? ", " : "(", j->at[d]);
  tc_sb_char(&sb, ')');
  return sb.at;
}

static const uint64_t MAX_POINTS = UINT64_C(1) << 20;

static void check_injective(tc_eval *ev, tc_buf buf, const tc_layout_val *layout, tc_span span) {
  injectivity j = {.ev = ev, .rank = tc_buf_at(ev->ir, buf)->rank};
  tc_val args[STAGE_MAX_RANK];
  uint64_t points = 1;
  for (uint32_t d = 0; d < j.rank; d++) {
    j.shape[d] = tc_stage_int(ev, tc_val_expr(tc_buf_at(ev->ir, buf)->shape[d]), "shape", span);
    points = points > MAX_POINTS ? points : points * (uint64_t)j.shape[d];
    j.vars[d] = tc_var_new(ev->ir, "i", TC_VAR_PARALLEL, tc_i32_type(), span);
    args[d] = tc_val_expr(tc_var_value(ev->ir, j.vars[d]));
  }
  tc_val result = tc_eval_apply(ev, layout->forward, args, j.rank);
  const tc_val *items = &result;
  j.n_out = 1;
  if (result.kind == TC_V_TUPLE || result.kind == TC_V_LIST)
    tc_eval_items(ev, result, &items, &j.n_out);
  if (j.n_out > STAGE_MAX_RANK) STAGE_FAIL(ev, D_rank_limit, span, "a layout", j.n_out, 16u);
  for (uint32_t k = 0; k < j.n_out; k++)
    j.out[k] = tc_stage_index(ev, items[k], "the result of a layout", span);
  tc_map seen = tc_map_in(ev->arena);
  /* Beyond the limit the map only affects storage on other targets, which check it themselves. */
  for (uint64_t p = 0; points <= MAX_POINTS && p < points; p++) {
    uint32_t other;
    unflatten(&j, p);
    uint64_t h = point_hash(&j);
    if (tc_map_get(&seen, h, &other)) {
      const char *first = show_point(&j, other), *second = show_point(&j, p);
      STAGE_FAIL(ev, D_layout_not_injective, span, tc_stage_buf_name(ev, buf), first, second);
    }
    tc_map_put(&seen, h, (uint32_t)p);
  }
}

/* What the source asks for, as a hint has it: the name of a layout, or the text of a layout object,
 * which is one of the program around the kernel. NULL: it is neither. */
static const char *layout_text(tc_eval *ev, const stage_args *a, tc_buf buf, tc_val value) {
  const tc_buffer *b = tc_buf_at(ev->ir, buf);
  if (value.kind == TC_V_LAYOUT) return value.layout->name;
  if (value.kind == TC_V_FUNCTION || value.kind == TC_V_METHOD) return "Layout";
  if (value.kind != TC_V_FOREIGN) return NULL;
  tc_str rest = tc_foreign_text(ev, TILEC_OP_STR, value);
  const char *text = tc_str_dup(ev->arena, rest);
  const tc_layout *layout = tc_layout_parse(ev->arena, &rest);
  if (!layout || rest.n) return NULL;
  bool fits = layout->n_dims == b->rank && tc_layout_is_surjective(layout);
  for (uint32_t d = 0; fits && d < b->rank; d++) {
    int64_t extent;
    fits = tc_const_of(ev->ir, b->shape[d], &extent) && extent == layout->bound[d];
  }
  if (!fits)
    STAGE_FAIL(ev, D_argument_value, a->at[0], a->row->name,
               tc_format(ev->arena, "the value for '%s'", tc_stage_buf_name(ev, buf)),
               tc_format(ev->arena, "a layout of all its %s elements",
                         tc_stage_show_shape(ev, b->shape, b->rank)),
               text);
  return text;
}

tc_val tc_do_annotate_layout(tc_eval *ev, stage_args *a) {
  const tc_val *keys, *values;
  uint32_t n = buffer_entries(ev, a, "layouts", "a dict {buffer: layout}", &keys, &values);
  for (uint32_t i = 0; i < n; i++) {
    const char *text = layout_text(ev, a, keys[i].buf, values[i]);
    if (!text)
      STAGE_FAIL(ev, D_argument_value, a->at[0], a->row->name,
                 tc_format(ev->arena, "the value for '%s'", tc_stage_buf_name(ev, keys[i].buf)),
                 "a layout or a function of the indices", tc_val_kind_name(values[i]));
    tc_layout_val lambda = {.name = "Layout", .forward = values[i]};
    const tc_layout_val *layout = values[i].kind == TC_V_LAYOUT ? values[i].layout : &lambda;
    bool user = tc_str_is(tc_str_of(text), "Layout");
    if (user && tc_buf_at(ev->ir, keys[i].buf)->scope == TC_SCOPE_shared)
      check_injective(ev, keys[i].buf, layout, a->span);
    add_hint(ev, TC_HINT_LAYOUT, keys[i].buf, text, 0, a->span);
  }
  return tc_val_none();
}

/* ---- markers and dtype calls ---- */

tc_val tc_do_marker(tc_eval *ev, stage_args *a) {
  /* Decorators are recognised where a function is defined; calling one elsewhere is a mistake. */
  if (a->n && a->v[0].kind == TC_V_FUNCTION) return a->v[0];
  STAGE_FAIL(ev, D_wrong_place, a->span, a->row->name, "as a decorator or annotation");
}

tc_val tc_stage_dtype_call(tc_eval *ev, tc_type type, const tc_call_args *args) {
  tc_value parts[64];
  tc_stage_ensure_ir(ev);
  if (args->n < 1 || (args->n != 1 && args->n != type.lanes))
    STAGE_FAIL(ev, D_lanes_differ, args->span, tc_type_name(ev->arena, type),
               tc_format(ev->arena, "%u values", args->n));
  if (args->n == 1) return tc_val_expr(tc_stage_convert(ev, args->at[0].value, type, args->span));
  tc_type lane = tc_scalar_type((enum tc_dtype)type.dtype);
  for (uint32_t i = 0; i < args->n; i++)
    parts[i] = tc_stage_convert(ev, args->at[i].value, lane, args->span);
  return tc_val_expr(tc_pack(ev->ir, parts, args->n));
}
