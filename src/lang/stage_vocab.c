/* T.<name>: looking names up, binding arguments to signatures, attributes of staged values. */
#include "lang/stage_private.h"

#include <stdlib.h>
#include <string.h>

static const stage_builtin ROWS[] = {
#define BUILTIN(name, signature, where, handler, aux, doc)                                         \
  {name, signature, doc, where, tc_do_##handler, aux},
#define MISSING(name) {name, "", "", W_ANY, NULL, 0},
#include "lang/builtins.def"
#undef BUILTIN
#undef MISSING
};

const stage_builtin *tc_stage_row(uint32_t row) {
  return &ROWS[row];
}

const char *tc_stage_row_name(uint32_t row) {
  return ROWS[row].name;
}

uint32_t tc_lang_n_words(void) {
  return TC_COUNT(ROWS);
}

tc_lang_word tc_lang_word_at(uint32_t i) {
  const stage_builtin *row = &ROWS[i];
  return (tc_lang_word){row->name, row->signature, row->doc, !row->run,
                        row->run && row->where == W_ANY};
}

/* ---- names ---- */

static bool dtype_by_name(tc_str name, tc_type *type) {
  enum tc_dtype dtype;
  if (tc_dtype_find(name, &dtype)) return *type = tc_scalar_type(dtype), true;
  /* A vector form: <scalar>x{2,4,8,16,32,64}. */
  for (uint32_t lanes = 2; lanes <= 64; lanes *= 2) {
    char suffix[4] = {'x', (char)('0' + lanes), 0, 0};
    uint32_t n = 2;
    if (lanes >= 10) {
      suffix[1] = (char)('0' + lanes / 10);
      suffix[2] = (char)('0' + lanes % 10);
      n = 3;
    }
    if (name.n <= n || memcmp(name.at + name.n - n, suffix, n) != 0) continue;
    if (!tc_dtype_find((tc_str){name.at, name.n - n}, &dtype)) continue;
    *type = tc_scalar_type(dtype);
    type->lanes = (uint16_t)lanes;
    return true;
  }
  return false;
}

static tc_val warp_policy(tc_eval *ev) {
  /* A namespace of three members: reached as an attribute of this enum value. */
  static const tc_enum_val FAMILY = {"GemmWarpPolicy", NULL, 0};
  (void)ev;
  return (tc_val){.kind = TC_V_ENUM, .enum_ = &FAMILY};
}

static bool policy_member(tc_str name, tc_val *value) {
  static const tc_enum_val MEMBERS[] = {{"GemmWarpPolicy", "Square", TC_POLICY_SQUARE},
                                        {"GemmWarpPolicy", "FullRow", TC_POLICY_FULL_ROW},
                                        {"GemmWarpPolicy", "FullCol", TC_POLICY_FULL_COL}};
  for (size_t i = 0; i < TC_COUNT(MEMBERS); i++) {
    if (!tc_str_is(name, MEMBERS[i].member)) continue;
    *value = (tc_val){.kind = TC_V_ENUM, .enum_ = &MEMBERS[i]};
    return true;
  }
  return false;
}

static void unknown_name(tc_eval *ev, tc_str name, tc_span span) {
  tc_near near = tc_near_to(name, 4);
  for (size_t i = 0; i < TC_COUNT(ROWS); i++)
    if (ROWS[i].run) tc_near_offer(&near, tc_str_of(ROWS[i].name));
  TC_DIAG(ev->diags, D_unknown_name, span, TC_ARG_STR(name));
  if (near.best.n) tc_diag_help(ev->diags, "did you mean T.%s?", near.best.at);
  tc_diag_stop(ev->diags);
}

tc_val tc_stage_vocabulary(tc_eval *ev, tc_str name, tc_span span) {
  for (uint32_t i = 0; i < TC_COUNT(ROWS); i++) {
    if (!tc_str_is(name, ROWS[i].name)) continue;
    if (!ROWS[i].run) STAGE_FAIL(ev, D_not_yet, span, ROWS[i].name);
    return (tc_val){.kind = TC_V_BUILTIN, .i = i};
  }
  tc_type type;
  if (dtype_by_name(name, &type)) return tc_val_dtype(type);
  if (tc_str_is(name, "GemmWarpPolicy")) return warp_policy(ev);
  unknown_name(ev, name, span);
  return tc_val_none();
}

tc_type tc_stage_dtype(tc_eval *ev, tc_val v, tc_span span) {
  tc_type type;
  if (v.kind == TC_V_DTYPE) return v.type;
  if (v.kind == TC_V_STR) {
    if (dtype_by_name(v.str->text, &type)) return type;
    TC_DIAG(ev->diags, D_unknown_dtype, span, TC_ARG_STR(v.str->text));
    tc_diag_stop(ev->diags);
  }
  /* Python's own int, float and bool. */
  if (v.kind == TC_V_PYBUILTIN || v.kind == TC_V_CLASS) {
    tc_str name = tc_eval_repr(ev, v);
    if (tc_str_is(name, "<class 'int'>")) return tc_scalar_type(TC_DT_int32);
    if (tc_str_is(name, "<class 'float'>")) return tc_scalar_type(TC_DT_float32);
    if (tc_str_is(name, "<class 'bool'>")) return tc_scalar_type(TC_DT_bool);
  }
  if (v.kind == TC_V_DEFERRED) tc_py_need_known(ev, v, "the dtype");
  STAGE_FAIL(ev, D_need_dtype, span, tc_val_kind_name(v));
}

/* ---- signatures ---- */

typedef struct sig_cursor {
  const char *at;
} sig_cursor;

static tc_str sig_word(sig_cursor *c) {
  while (*c->at == ' ' || *c->at == ',' || *c->at == '(')
    c->at++;
  const char *from = c->at;
  while (*c->at && *c->at != ',' && *c->at != '=' && *c->at != ')' && *c->at != ' ')
    c->at++;
  return (tc_str){from, (uint32_t)(c->at - from)};
}

/* Defaults are None, True, False, a number, a quoted text, or a dtype's name. */
static tc_val sig_default(tc_eval *ev, sig_cursor *c) {
  c->at++;
  const char *from = c->at;
  if (*from == '"') {
    c->at = strchr(from + 1, '"') + 1;
    return tc_val_str(ev->arena, (tc_str){from + 1, (uint32_t)(c->at - from - 2)});
  }
  while (*c->at != ',' && *c->at != ')')
    c->at++;
  tc_str word = {from, (uint32_t)(c->at - from)};
  tc_type type;
  if (tc_str_is(word, "None")) return tc_val_none();
  if (tc_str_is(word, "True")) return tc_val_bool(true);
  if (tc_str_is(word, "False")) return tc_val_bool(false);
  if (dtype_by_name(word, &type)) return tc_val_dtype(type);
  return memchr(from, '.', word.n) ? tc_val_float(strtod(from, NULL))
                                   : tc_val_int(strtoll(from, NULL, 10));
}

typedef struct sig_info {
  bool required[STAGE_MAX_ARGS];
  uint32_t n_positional;
  bool rest, extra;
} sig_info;

static void read_signature(tc_eval *ev, const stage_builtin *row, stage_args *out, sig_info *info) {
  sig_cursor c = {row->signature};
  bool keyword_only = false;
  while (*c.at && *c.at != ')') {
    tc_str word = sig_word(&c);
    if (!word.n) break;
    if (word.n >= 2 && word.at[0] == '*' && word.at[1] == '*') {
      info->extra = true;
    } else if (word.at[0] == '*') {
      info->rest = info->rest || word.n > 1;
      keyword_only = true;
    } else {
      uint32_t i = out->n++;
      out->names[i] = word;
      out->at[i] = out->span;
      info->required[i] = *c.at != '=';
      if (!info->required[i]) out->v[i] = sig_default(ev, &c);
      if (!keyword_only) info->n_positional = out->n;
    }
  }
}

static void bad_keyword(tc_eval *ev, const stage_args *a, tc_str name, tc_span span) {
  tc_near near = tc_near_to(name, 4);
  for (uint32_t i = 0; i < a->n; i++)
    tc_near_offer(&near, a->names[i]);
  TC_DIAG(ev->diags, D_unknown_keyword, span, a->row->name, TC_ARG_STR(name));
  if (near.best.n)
    tc_diag_help(ev->diags, "did you mean %.*s=?", TC_ARG_STR(near.best));
  else
    tc_diag_help(ev->diags, "it takes %s", a->row->signature);
  tc_diag_stop(ev->diags);
}

static void bind_keyword(tc_eval *ev, stage_args *out, const sig_info *info, tc_call_arg arg) {
  tc_str name = tc_names_text(ev->names, arg.name);
  for (uint32_t i = 0; i < out->n; i++) {
    if (!tc_str_equal(out->names[i], name)) continue;
    if (out->given[i]) STAGE_FAIL(ev, D_argument_twice, arg.span, out->row->name, TC_ARG_STR(name));
    out->v[i] = arg.value;
    out->at[i] = arg.span;
    out->given[i] = true;
    return;
  }
  if (!info->extra) bad_keyword(ev, out, name, arg.span);
  tc_vec_push(ev->arena, &out->extra, arg);
}

static void bind_positional(tc_eval *ev, stage_args *out, const sig_info *info, uint32_t *next,
                            tc_call_arg arg) {
  if (*next < info->n_positional) {
    uint32_t i = (*next)++;
    out->v[i] = arg.value;
    out->at[i] = arg.span;
    out->given[i] = true;
  } else if (info->rest) {
    tc_vec_push(ev->arena, &out->rest, arg.value);
  } else {
    STAGE_FAIL(ev, D_too_many_arguments, arg.span, out->row->name, info->n_positional,
               out->row->signature);
  }
}

void tc_stage_bind_args(tc_eval *ev, const stage_builtin *row, const tc_call_args *args,
                        stage_args *out) {
  sig_info info = {0};
  memset(out, 0, sizeof *out);
  out->row = row;
  out->span = args->span;
  read_signature(ev, row, out, &info);
  uint32_t next = 0;
  for (uint32_t i = 0; i < args->n; i++) {
    if (args->at[i].name.id)
      bind_keyword(ev, out, &info, args->at[i]);
    else
      bind_positional(ev, out, &info, &next, args->at[i]);
  }
  for (uint32_t i = 0; i < out->n; i++)
    if (info.required[i] && !out->given[i])
      STAGE_FAIL(ev, D_missing_argument, args->span, row->name, TC_ARG_STR(out->names[i]),
                 row->signature);
}

/* ---- calls ---- */

bool tc_stage_is_lazy(uint32_t row) {
  return ROWS[row].run == tc_do_if_then_else && ROWS[row].aux == 0;
}

static void check_where(tc_eval *ev, const stage_builtin *row, tc_span span) {
  const char *want = NULL;
  bool kernel = tc_stage_in_kernel(ev);
  switch (row->where) {
  case W_ANY:
    return;
  case W_FUNC:
    if (!ev->cursor.at.id) want = "inside a prim_func or eager function";
    break;
  case W_PROLOGUE:
    if (!ev->cursor.at.id || kernel) want = "inside a function, before or between its kernels";
    break;
  case W_KERNEL:
    if (!kernel) want = "inside `with T.Kernel(...)`";
    break;
  case W_TILE:
    if (!kernel)
      want = "inside `with T.Kernel(...)`";
    else if (tc_stage_frame(ev, F_PARALLEL))
      want = "outside T.Parallel: it works on whole tiles";
    break;
  case W_THREAD:
    if (!kernel)
      want = "inside `with T.Kernel(...)`";
    else if (tc_stage_frame(ev, F_PARALLEL))
      want = "outside T.Parallel: its iterations are no threads";
    break;
  }
  if (want) STAGE_FAIL(ev, D_wrong_place, span, row->name, want);
}

tc_val tc_stage_call(tc_eval *ev, uint32_t row, const tc_call_args *args) {
  const stage_builtin *b = &ROWS[row];
  stage_args bound;
  tc_stage_ensure_ir(ev);
  check_where(ev, b, args->span);
  tc_stage_bind_args(ev, b, args, &bound);
  return b->run(ev, &bound);
}

/* ---- attributes ---- */

static bool buffer_attribute(tc_eval *ev, tc_buf buf, tc_str name, tc_val *value) {
  const tc_buffer *b = tc_buf_at(ev->ir, buf);
  if (tc_str_is(name, "shape"))
    *value = tc_stage_shape_tuple(ev, b->shape, b->rank);
  else if (tc_str_is(name, "dtype"))
    *value = tc_val_dtype(b->elem);
  else if (tc_str_is(name, "data"))
    *value = tc_val_buffer(buf);
  else if (tc_str_is(name, "ndim"))
    *value = tc_val_int(b->rank);
  else if (tc_str_is(name, "strides") && b->strides)
    *value = tc_stage_shape_tuple(ev, b->strides, b->rank);
  else if (tc_str_is(name, "name"))
    *value = tc_val_str(ev->arena, tc_names_text(ev->names, b->name));
  else if (tc_str_is(name, "scope"))
    *value = tc_val_str(ev->arena, tc_str_of(tc_scope_name(b->scope)));
  else
    return false;
  return true;
}

static bool dtype_attribute(tc_type type, tc_str name, tc_val *value) {
  uint32_t bits = tc_type_bits(type);
  if (tc_str_is(name, "bits"))
    *value = tc_val_int(bits / type.lanes);
  else if (tc_str_is(name, "bytes"))
    *value = tc_val_int((bits + 7) / 8);
  else if (tc_str_is(name, "lanes"))
    *value = tc_val_int(type.lanes);
  else
    return false;
  return true;
}

/* x.astype(dtype): a method whose callee is the cast row. */
static bool astype(tc_eval *ev, tc_val object, tc_str name, tc_val *value, tc_span span) {
  if (!tc_str_is(name, "astype")) return false;
  tc_method *m = TC_NEW(ev->arena, tc_method);
  *m = (tc_method){.self = object,
                   .callee = tc_stage_vocabulary(ev, TC_STR("cast"), span),
                   .name = tc_names_add(ev->names, name)};
  *value = (tc_val){.kind = TC_V_METHOD, .method = m};
  return true;
}

/* Of a loop, a dimension, T.alloc_var. */
static bool name_of_variable(tc_eval *ev, tc_val v, tc_val *value) {
  tc_name name = {0};
  if (v.kind == TC_V_VAR) name = tc_buf_at(ev->ir, v.buf)->name;
  if (v.kind == TC_V_EXPR && tc_is(ev->ir, v.value, TC_OP_var))
    name = tc_var_at(ev->ir, (tc_var){tc_op_at(ev->ir, v.value)->payload})->name;
  if (name.id) *value = tc_val_str(ev->arena, tc_names_text(ev->names, name));
  return name.id != 0;
}

static tc_type type_of_operand(tc_eval *ev, tc_val v) {
  if (v.kind == TC_V_EXPR) return tc_value_type(ev->ir, v.value);
  if (v.kind == TC_V_ELEMENT) return tc_buf_at(ev->ir, v.element->buf)->elem;
  if (v.kind == TC_V_REGION) return tc_buf_at(ev->ir, v.region->buf)->elem;
  return tc_buf_at(ev->ir, v.buf)->elem;
}

bool tc_stage_attribute(tc_eval *ev, tc_val object, tc_str name, tc_val *value, tc_span span) {
  switch (object.kind) {
  case TC_V_BUFFER:
    return buffer_attribute(ev, object.buf, name, value);
  case TC_V_DTYPE:
    return dtype_attribute(object.type, name, value);
  case TC_V_ENUM:
    return policy_member(name, value);
  case TC_V_LAYOUT:
    return tc_str_is(name, "shape") && tc_stage_layout_shape(ev, object, value);
  case TC_V_TENSOR:
    if (tc_str_is(name, "shape"))
      return *value = tc_stage_shape_tuple(ev, object.tensor->shape, object.tensor->rank), true;
    if (tc_str_is(name, "dtype")) return *value = tc_val_dtype(object.tensor->elem), true;
    return false;
  case TC_V_EXPR:
  case TC_V_VAR:
  case TC_V_ELEMENT:
  case TC_V_REGION:
    if (tc_str_is(name, "dtype")) return *value = tc_val_dtype(type_of_operand(ev, object)), true;
    if (tc_str_is(name, "name") && name_of_variable(ev, object, value)) return true;
    if (tc_str_is(name, "buffer") && object.kind == TC_V_ELEMENT)
      return *value = tc_val_buffer(object.element->buf), true;
    if (tc_str_is(name, "buffer") && object.kind == TC_V_REGION)
      return *value = tc_val_buffer(object.region->buf), true;
    return astype(ev, object, name, value, span);
  default:
    return false;
  }
}
