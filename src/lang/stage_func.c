/* Functions: dimensions, parameters, tensor annotations, results. */
#include "lang/stage_private.h"

#include <string.h>

void tc_stage_ensure_ir(tc_eval *ev) {
  if (!ev->ir) ev->ir = tc_ir_new(ev->arena, ev->diags, ev->names);
}

void tc_stage_begin_function(tc_eval *ev, tc_name name, tc_span span) {
  (void)span;
  tc_stage_ensure_ir(ev);
  ev->ir->name = name;
  ev->reducers = NULL;
  ev->cursor = (tc_cursor){.at = ev->ir->body, .block = ++ev->n_blocks};
}

/* ---- dimensions ---- */

tc_value tc_stage_dim(tc_eval *ev, tc_str name, tc_type type, tc_span span) {
  tc_stage_ensure_ir(ev);
  tc_name id = tc_names_add(ev->names, name);
  for (uint32_t i = 1; i < ev->ir->vars.n; i++) {
    const tc_var_info *v = &ev->ir->vars.at[i];
    if (v->kind != TC_VAR_DIM || v->name.id != id.id) continue;
    if (!tc_type_equal(v->type, type))
      STAGE_FAIL(ev, D_dim_type, span, TC_ARG_STR(name), tc_type_name(ev->arena, v->type),
                 tc_type_name(ev->arena, type));
    return tc_var_value(ev->ir, (tc_var){i});
  }
  return tc_var_value(ev->ir,
                      tc_var_new(ev->ir, tc_str_dup(ev->arena, name), TC_VAR_DIM, type, span));
}

/* "M, N" or "M N": the names in a text. */
static uint32_t split_names(tc_eval *ev, tc_val text, tc_str *names, tc_span span) {
  uint32_t n = 0;
  if (text.kind != TC_V_STR) STAGE_FAIL(ev, D_need_name, span, tc_val_kind_name(text));
  tc_str s = text.str->text;
  for (uint32_t i = 0; i < s.n;) {
    while (i < s.n && (s.at[i] == ' ' || s.at[i] == ',' || s.at[i] == '\t'))
      i++;
    uint32_t from = i;
    while (i < s.n && s.at[i] != ' ' && s.at[i] != ',' && s.at[i] != '\t')
      i++;
    if (i == from) break;
    if (n == STAGE_MAX_RANK) STAGE_FAIL(ev, D_rank_limit, span, "the list of names", n + 1, n);
    names[n++] = (tc_str){s.at + from, i - from};
  }
  if (!n) STAGE_FAIL(ev, D_need_name, span, "an empty text");
  return n;
}

/* T.dynamic and T.const; aux 1: const, whose value the shapes of arguments may give. With -D either
 * is that number. */
tc_val tc_do_dims(tc_eval *ev, stage_args *a) {
  tc_str names[STAGE_MAX_RANK];
  tc_val values[STAGE_MAX_RANK];
  uint32_t n = split_names(ev, a->v[0], names, a->at[0]);
  tc_type type = tc_stage_dtype(ev, a->v[1], a->at[1]);
  if (!tc_is_int(type))
    STAGE_FAIL(ev, D_index_type, a->at[1], "a dimension", tc_type_name(ev->arena, type));
  for (uint32_t i = 0; i < n; i++) {
    tc_name name = tc_names_add(ev->names, names[i]);
    bool may_have = a->row->aux || tc_eval_is_defined(ev, name);
    if (!may_have || !tc_eval_define(ev, name, &values[i]))
      values[i] = tc_val_expr(tc_stage_dim(ev, names[i], type, a->span));
    else if (values[i].kind != TC_V_INT)
      STAGE_FAIL(ev, D_bad_value, a->at[0],
                 tc_format(ev->arena, "dimension '%.*s' must be an integer; -D gives %s",
                           TC_ARG_STR(names[i]), tc_val_kind_name(values[i])));
  }
  return n == 1 ? values[0] : tc_val_tuple(ev->arena, values, n);
}

/* ---- tensor annotations ---- */

static bool is_pointer_marker(tc_val v) {
  if (v.kind == TC_V_BUILTIN) return tc_stage_row((uint32_t)v.i)->run == tc_do_ptr;
  return v.kind == TC_V_TENSOR && v.tensor->kind == TC_TENSOR_POINTER;
}

static tc_val tensor_val(tc_eval *ev, tc_tensor_val t) {
  tc_tensor_val *copy = tc_arena_copy(ev->arena, &t, sizeof t);
  return (tc_val){.kind = TC_V_TENSOR, .tensor = copy};
}

static void check_alias(tc_eval *ev, tc_buf of, const tc_value *shape, uint32_t rank, tc_type elem,
                        bool strided, tc_span span) {
  const tc_buffer *b = tc_buf_at(ev->ir, of);
  tc_value have = tc_stage_bits(ev, b->shape, b->rank, b->elem);
  tc_value want = tc_stage_bits(ev, shape, rank, elem);
  int64_t x, y;
  bool known = tc_const_of(ev->ir, have, &x) && tc_const_of(ev->ir, want, &y);
  bool fits = (known && y <= x) || (b->flags & TC_BUF_POINTER)
              || tc_stage_same_size(ev, b, shape, rank, elem, span);
  if (fits && !b->strides && !strided) return;
  TC_DIAG(ev->diags, D_view_size, span, tc_name_of(ev->ir, b->name),
          tc_stage_show_shape(ev, b->shape, b->rank), tc_type_name(ev->arena, b->elem),
          tc_stage_show_shape(ev, shape, rank), tc_type_name(ev->arena, elem));
  tc_stage_note_buf(ev, of);
  tc_diag_stop(ev->diags);
}

/* T.Tensor(shape, dtype, data=buf.data): the storage of buf from its start, as another shape. It
 * may be smaller than buf, not larger: index guards follow the new shape. Sizes known only at run
 * time must be the same product. */
static tc_val alias_of(tc_eval *ev, const stage_args *a, const tc_tensor_val *t) {
  if (a->v[2].kind != TC_V_BUFFER)
    STAGE_FAIL(ev, D_argument_value, a->at[2], a->row->name, "data", "buffer.data",
               tc_val_kind_name(a->v[2]));
  check_alias(ev, a->v[2].buf, t->shape, t->rank, t->elem, t->strides != NULL, a->span);
  return tc_val_buffer(tc_buf_view(ev->ir, "", a->v[2].buf, t->elem, t->rank, t->shape, a->span));
}

static void tensor_strides(tc_eval *ev, const stage_args *a, tc_tensor_val *t, uint32_t at) {
  t->kind = TC_TENSOR_STRIDED;
  t->strides = TC_NEW_ARRAY(ev->arena, STAGE_MAX_RANK, tc_value);
  uint32_t n = tc_stage_shape(ev, a->v[at], t->strides, "the strides of a tensor", a->at[at]);
  if (n != t->rank) STAGE_FAIL(ev, D_stride_count, a->at[at], n, t->rank);
}

static bool is_zero(tc_val v) {
  return v.kind == TC_V_NONE || (v.kind == TC_V_INT && v.i == 0);
}

/* T.Tensor(shape, dtype, data, scope), T.Buffer (aux 3: strides and offset follow the data),
 * T.StridedTensor (aux 1: strides stand second), and the per-scope annotations of macro parameters
 * (aux 2). With data=buf.data it is a view. */
tc_val tc_do_tensor(tc_eval *ev, stage_args *a) {
  enum { TENSOR, STRIDED, SCOPED, BUFFER };
  tc_tensor_val t = {.kind = TC_TENSOR_DENSE, .scope = TC_SCOPE_global};
  tc_value *shape = TC_NEW_ARRAY(ev->arena, STAGE_MAX_RANK, tc_value);
  t.rank = tc_stage_shape(ev, a->v[0], shape, "the shape of a tensor", a->at[0]);
  t.shape = shape;
  uint32_t dtype_at = a->row->aux == STRIDED ? 2 : 1;
  tc_val dtype = a->v[dtype_at];
  t.elem = is_pointer_marker(dtype) ? tc_scalar_type(TC_DT_handle)
                                    : tc_stage_dtype(ev, dtype, a->at[dtype_at]);
  if (a->row->aux == STRIDED) tensor_strides(ev, a, &t, 1);
  if (a->row->aux == BUFFER && a->v[3].kind != TC_V_NONE) tensor_strides(ev, a, &t, 3);
  if (a->row->aux == BUFFER && !is_zero(a->v[4]))
    STAGE_FAIL(ev, D_not_yet, a->at[4], "Buffer(elem_offset=...)");
  bool may_alias = a->row->aux == TENSOR || a->row->aux == BUFFER;
  if (may_alias && a->v[2].kind != TC_V_NONE) return alias_of(ev, a, &t);
  return tensor_val(ev, t);
}

tc_val tc_do_ptr(tc_eval *ev, stage_args *a) {
  tc_tensor_val t = {
      .kind = TC_TENSOR_POINTER, .elem = tc_scalar_type(TC_DT_uint8), .scope = TC_SCOPE_global};
  if (a->n && a->v[0].kind != TC_V_NONE) t.elem = tc_stage_dtype(ev, a->v[0], a->at[0]);
  return tensor_val(ev, t);
}

/* ---- parameters ---- */

static tc_val tensor_parameter(tc_eval *ev, tc_name name, const tc_tensor_val *t, tc_span span) {
  const char *text = tc_names_text(ev->names, name).at;
  tc_buf buf = tc_buf_new(ev->ir, text, t->elem, TC_SCOPE_global, t->rank, t->shape, span);
  tc_buffer *b = tc_buf_at(ev->ir, buf);
  b->flags = TC_BUF_PARAM | (t->kind == TC_TENSOR_POINTER ? (uint32_t)TC_BUF_POINTER : 0u);
  if (t->strides) b->strides = tc_arena_copy(ev->arena, t->strides, t->rank * sizeof *t->strides);
  tc_vec_push(ev->arena, &ev->ir->params, ((tc_param){.kind = TC_PARAM_BUFFER, .buf = buf}));
  return tc_val_buffer(buf);
}

static void check_duplicate(tc_eval *ev, tc_name name, tc_span span) {
  for (uint32_t i = 0; i < ev->ir->params.n; i++) {
    const tc_param *p = &ev->ir->params.at[i];
    tc_name other = p->kind == TC_PARAM_BUFFER ? tc_buf_at(ev->ir, p->buf)->name
                                               : tc_var_at(ev->ir, p->var)->name;
    if (other.id == name.id)
      STAGE_FAIL(ev, D_duplicate_parameter, span, tc_names_text(ev->names, name).at);
  }
}

tc_val tc_stage_parameter(tc_eval *ev, tc_name name, tc_val annotation, tc_span span) {
  check_duplicate(ev, name, span);
  if (annotation.kind == TC_V_TENSOR) return tensor_parameter(ev, name, annotation.tensor, span);
  /* `p: T.ptr` without a call. */
  if (annotation.kind == TC_V_BUILTIN && tc_stage_row((uint32_t)annotation.i)->run == tc_do_ptr) {
    tc_tensor_val t = {.kind = TC_TENSOR_POINTER, .elem = tc_scalar_type(TC_DT_uint8)};
    return tensor_parameter(ev, name, &t, span);
  }
  if (annotation.kind == TC_V_NONE || annotation.kind == TC_V_UNBOUND) {
    TC_DIAG(ev->diags, D_parameter_annotation, span, tc_names_text(ev->names, name).at);
    tc_diag_stop(ev->diags);
  }
  tc_type type = tc_stage_dtype(ev, annotation, span);
  tc_var var = tc_var_new(ev->ir, tc_names_text(ev->names, name).at, TC_VAR_SCALAR, type, span);
  tc_vec_push(ev->arena, &ev->ir->params, ((tc_param){.kind = TC_PARAM_SCALAR, .var = var}));
  return tc_val_expr(tc_var_value(ev->ir, var));
}

/* T.empty(*shape, dtype) or T.empty(shape, dtype): an output tensor, a hidden trailing parameter.
 */
tc_val tc_do_empty(tc_eval *ev, stage_args *a) {
  tc_value shape[STAGE_MAX_RANK];
  bool packed = a->rest.n == 2 && !a->given[0]
                && (a->rest.at[0].kind == TC_V_TUPLE || a->rest.at[0].kind == TC_V_LIST);
  if (packed) a->v[0] = a->rest.at[1], a->rest.n = 1;
  tc_val given = a->rest.n == 1 ? a->rest.at[0] : tc_val_tuple(ev->arena, a->rest.at, a->rest.n);
  uint32_t rank = tc_stage_shape(ev, given, shape, "the shape of T.empty", a->span);
  tc_type elem = tc_stage_dtype(ev, a->v[0], a->at[0]);
  tc_buf buf = tc_buf_new(ev->ir, "", elem, TC_SCOPE_global, rank, shape, a->span);
  tc_buf_at(ev->ir, buf)->flags = TC_BUF_PARAM | TC_BUF_RESULT;
  tc_vec_push(ev->arena, &ev->ir->params, ((tc_param){.kind = TC_PARAM_BUFFER, .buf = buf}));
  return tc_val_buffer(buf);
}

/* ---- results ---- */

static void add_result(tc_eval *ev, tc_val v, tc_span span) {
  if (v.kind != TC_V_BUFFER || !(tc_buf_at(ev->ir, v.buf)->flags & TC_BUF_RESULT))
    STAGE_FAIL(ev, D_return_value, span, tc_val_kind_name(v));
  for (uint32_t i = 0; i < ev->ir->results.n; i++)
    if (ev->ir->results.at[i].id == v.buf.id)
      STAGE_FAIL(ev, D_return_value, span, "a buffer twice");
  tc_vec_push(ev->arena, &ev->ir->results, v.buf);
}

void tc_stage_return(tc_eval *ev, tc_val value, tc_span span) {
  if (value.kind == TC_V_NONE) return;
  if (ev->ir->results.n) STAGE_FAIL(ev, D_return_value, span, "a second return");
  if (value.kind != TC_V_TUPLE && value.kind != TC_V_LIST) {
    add_result(ev, value, span);
    return;
  }
  for (uint32_t i = 0; i < value.seq->items.n; i++)
    add_result(ev, value.seq->items.at[i], span);
}

void tc_stage_out_idx(tc_eval *ev, tc_val out_idx, tc_span span) {
  if (out_idx.kind == TC_V_NONE || out_idx.kind == TC_V_UNBOUND) return;
  if (ev->ir->results.n) STAGE_FAIL(ev, D_out_idx, span, "the function returns T.empty tensors");
  const tc_val *items = &out_idx;
  uint32_t n = 1;
  if (out_idx.kind != TC_V_INT) tc_eval_items(ev, out_idx, &items, &n);
  for (uint32_t i = 0; i < n; i++) {
    int64_t at = tc_stage_int(ev, items[i], "an entry of out_idx", span);
    int64_t n_params = ev->ir->params.n;
    if (at < 0) at += n_params;
    if (at < 0 || at >= n_params) STAGE_FAIL(ev, D_out_idx, span, "an index names no parameter");
    const tc_param *p = &ev->ir->params.at[at];
    if (p->kind != TC_PARAM_BUFFER) STAGE_FAIL(ev, D_out_idx, span, "it names a scalar parameter");
    tc_buffer *b = tc_buf_at(ev->ir, p->buf);
    if (b->flags & TC_BUF_RESULT) STAGE_FAIL(ev, D_out_idx, span, "it names a parameter twice");
    b->flags |= TC_BUF_RESULT;
    tc_vec_push(ev->arena, &ev->ir->results, p->buf);
  }
}

static bool count_kernels(tc_ir *ir, uint32_t *n) {
  const tc_block *block = tc_block_at(ir, ir->body);
  for (uint32_t i = 0; i < block->ops.n; i++)
    *n += tc_op_at(ir, block->ops.at[i])->opcode == TC_OP_kernel;
  return *n > 0;
}

/* The buffer that an op of the function reads, writes or takes the address of, or 0. */
static tc_buf touched_by(tc_ir *ir, tc_value id) {
  const tc_op *op = tc_op_at(ir, id);
  switch ((int)tc_op_row((enum tc_opcode)op->opcode)->payload) {
  case TC_PL_SLICE:
    return tc_slice_buf(ir, id);
  case TC_PL_BUF:
    return (tc_buf){op->payload};
  case TC_PL_ACCESS:
  case TC_PL_ATOMIC:
    return op->opcode == TC_OP_atomic_tile ? (tc_buf){0} : tc_access_buf(ir, id);
  case TC_PL_WAIT:
    return ir->waits.at[op->payload].buf;
  case TC_PL_PRINT:
    return tc_print_of(ir, id)->buf;
  default:
    return (tc_buf){0};
  }
}

/* A tensor that the function names nowhere may be left out of a launch. */
static void mark_untouched(tc_eval *ev) {
  tc_ir *ir = ev->ir;
  bool *touched = TC_NEW_ARRAY(ev->arena, ir->bufs.n, bool);
  for (uint32_t id = 1; id < ir->n_ops; id++) {
    tc_buf buf = touched_by(ir, (tc_value){id});
    if (buf.id) touched[tc_buf_at(ir, buf)->root.id] = true;
  }
  for (uint32_t i = 0; i < ir->params.n; i++) {
    const tc_param *p = &ir->params.at[i];
    if (p->kind != TC_PARAM_BUFFER || touched[p->buf.id]) continue;
    tc_buffer *b = tc_buf_at(ir, p->buf);
    if (!(b->flags & (TC_BUF_RESULT | TC_BUF_POINTER))) b->flags |= TC_BUF_NULLABLE;
  }
}

tc_ir *tc_stage_end_function(tc_eval *ev, tc_span span) {
  uint32_t n_kernels = 0;
  if (!count_kernels(ev->ir, &n_kernels))
    STAGE_FAIL(ev, D_no_kernel, span, tc_name_of(ev->ir, ev->ir->name));
  for (uint32_t i = 0; i < ev->ir->params.n; i++) {
    const tc_param *p = &ev->ir->params.at[i];
    if (p->kind != TC_PARAM_BUFFER) continue;
    const tc_buffer *b = tc_buf_at(ev->ir, p->buf);
    if (!(b->flags & TC_BUF_RESULT)) continue;
    bool returned = false;
    for (uint32_t k = 0; k < ev->ir->results.n; k++)
      returned = returned || ev->ir->results.at[k].id == p->buf.id;
    if (!returned) STAGE_FAIL(ev, D_empty_not_returned, b->span, tc_name_of(ev->ir, b->name));
  }
  tc_stage_check_reducers(ev);
  mark_untouched(ev);
  ev->cursor = (tc_cursor){0};
  return ev->ir;
}

/* T.make_tensor(ptr, shape, dtype, strides): a global buffer at an address. */
tc_val tc_do_make_tensor(tc_eval *ev, stage_args *a) {
  tc_value shape[STAGE_MAX_RANK], strides[STAGE_MAX_RANK];
  uint32_t rank = tc_stage_shape(ev, a->v[1], shape, "the shape of make_tensor", a->at[1]);
  tc_type elem = tc_stage_dtype(ev, a->v[2], a->at[2]);
  tc_buf buf;
  if (a->v[0].kind == TC_V_BUFFER) {
    /* What stands behind a pointer is not known; a tensor must be large enough. */
    bool pointer = tc_buf_at(ev->ir, a->v[0].buf)->flags & TC_BUF_POINTER;
    if (!pointer)
      check_alias(ev, a->v[0].buf, shape, rank, elem, a->v[3].kind != TC_V_NONE, a->span);
    buf = tc_buf_view(ev->ir, "", a->v[0].buf, elem, rank, shape, a->span);
  } else {
    tc_value address = tc_stage_value(ev, a->v[0], a->at[0]);
    tc_type type = tc_value_type(ev->ir, address);
    if (type.dtype != TC_DT_int64 && type.dtype != TC_DT_uint64 && type.dtype != TC_DT_handle)
      STAGE_FAIL(ev, D_argument_value, a->at[0], a->row->name, "ptr", "a T.ptr or a 64-bit address",
                 tc_type_name(ev->arena, type));
    buf = tc_buf_new(ev->ir, "", elem, TC_SCOPE_global, rank, shape, a->span);
    tc_type word = tc_scalar_type(TC_DT_int64);
    tc_buf_at(ev->ir, buf)->address = tc_reinterpret(ev->ir, address, word);
  }
  if (a->v[3].kind != TC_V_NONE) {
    uint32_t n = tc_stage_shape(ev, a->v[3], strides, "the strides of make_tensor", a->at[3]);
    if (n != rank) STAGE_FAIL(ev, D_stride_count, a->at[3], n, rank);
    tc_buf_at(ev->ir, buf)->strides = tc_arena_copy(ev->arena, strides, n * sizeof *strides);
  }
  return tc_val_buffer(buf);
}
