#include "target/common/table_private.h"

#include "ir/walk.h"

/* ---- element types ---- */

static const uint8_t CODES[TC_DTYPE_COUNT] = {
#define X(id, code, name, bits) [TC_DT_##name] = code,
    TILEC_DTYPES(X)
#undef X
};

static const uint8_t DTYPES[TILEC_DTYPE_COUNT] = {
#define X(id, code, name, bits) [code] = TC_DT_##name,
    TILEC_DTYPES(X)
#undef X
};

/* The public list and dtypes.def must name the same types: all but void and slice, and as wide. */
enum {
  N_CODES = 0
#define X(id, code, name, bits) +1
  TILEC_DTYPES(X)
#undef X
};
_Static_assert(N_CODES + 2 == TC_DTYPE_COUNT, "TILEC_DTYPES lacks a row of dtypes.def");
enum {
#define DTYPE(name, kind, bits, format, c_type, descr, storage) BITS_##name = bits,
#include "ir/dtypes.def"
#undef DTYPE
};
#define X(id, code, name, bits) _Static_assert(BITS_##name == bits, "width of " #name);
TILEC_DTYPES(X)
#undef X

tilec_dtype tc_table_code(enum tc_dtype dtype) {
  return (tilec_dtype)CODES[dtype];
}

enum tc_dtype tc_table_dtype(uint32_t code) {
  return code < TILEC_DTYPE_COUNT ? (enum tc_dtype)DTYPES[code] : TC_DT_void;
}

typedef tc_table_builder builder;

/* ---- what is read, written and used ---- */

static void touch(builder *b, tc_buf buf, uint32_t how) {
  if (buf.id) b->access[tc_buf_at(b->ir, buf)->root.id] |= how;
}

static uint32_t slice_access(enum tc_opcode op, uint32_t input) {
  enum { R = TILEC_PARAM_READ, W = TILEC_PARAM_WRITTEN };
  switch (op) { /* table */
  case TC_OP_copy:
  case TC_OP_transpose:
  case TC_OP_im2col:
    return input == 0 ? R : W;
  case TC_OP_fill:
    return W;
  case TC_OP_gemm:
    return input == 2 ? R | W : R;
  case TC_OP_reduce:
  case TC_OP_scan:
    return input == 1 ? R | W : R;
  case TC_OP_atomic_tile:
    return input == 0 ? R | W : R;
  default:
    return R | W; /* an op this table does not know: the safe side */
  }
}

typedef struct use_walk {
  builder *b;
  bool *needed; /* by value id */
} use_walk;

static bool visit_use(tc_ir *ir, tc_value stmt, void *data) {
  use_walk *walk = data;
  const tc_op *op = tc_op_at(ir, stmt);
  for (uint32_t i = 0; i < op->n_in; i++) {
    tc_value in = tc_input(ir, op, i);
    walk->needed[in.id] = true;
    if (tc_is(ir, in, TC_OP_slice))
      touch(walk->b, tc_slice_buf(ir, in), slice_access((enum tc_opcode)op->opcode, i));
  }
  if (op->opcode == TC_OP_load) touch(walk->b, tc_access_buf(ir, stmt), TILEC_PARAM_READ);
  if (op->opcode == TC_OP_store) touch(walk->b, tc_access_buf(ir, stmt), TILEC_PARAM_WRITTEN);
  if (op->opcode == TC_OP_atomic)
    touch(walk->b, tc_access_buf(ir, stmt), TILEC_PARAM_READ | TILEC_PARAM_WRITTEN);
  if (op->opcode == TC_OP_wait) touch(walk->b, ir->waits.at[op->payload].buf, TILEC_PARAM_READ);
  if (op->opcode == TC_OP_print) touch(walk->b, tc_print_of(ir, stmt)->buf, TILEC_PARAM_READ);
  return true;
}

static void need_shapes(const builder *b, bool *needed) {
  for (uint32_t i = 1; i < b->ir->bufs.n; i++) {
    const tc_buffer *buf = b->ir->bufs.at[i];
    if (tc_buf_at(b->ir, buf->root)->flags & TC_BUF_NULLABLE) continue;
    for (uint32_t axis = 0; axis < buf->rank; axis++) {
      needed[buf->shape[axis].id] = true;
      if (buf->strides) needed[buf->strides[axis].id] = true;
    }
    needed[buf->offset.id] = true;
    needed[buf->address.id] = true;
  }
}

static void find_uses(builder *b) {
  use_walk walk = {b, TC_NEW_ARRAY(b->arena, b->ir->n_ops, bool)};
  tc_walk(b->ir, b->ir->body, visit_use, &walk);
  need_shapes(b, walk.needed);
  /* Operands have smaller numbers than the pure op that uses them. */
  for (uint32_t id = b->ir->n_ops; id-- > 1;) {
    const tc_op *op = tc_op_at(b->ir, (tc_value){id});
    if (!walk.needed[id] || !tc_op_is_pure(op)) continue;
    if (op->opcode == TC_OP_var) b->used[op->payload] = true;
    for (uint32_t i = 0; i < op->n_in; i++)
      walk.needed[tc_input(b->ir, op, i).id] = true;
  }
}

/* ---- words and parameters ---- */

static void number_words(builder *b) {
  for (uint32_t id = 1; id < b->ir->vars.n; id++) {
    const tc_var_info *var = &b->ir->vars.at[id];
    if (var->kind != TC_VAR_DIM && var->kind != TC_VAR_SCALAR) continue;
    b->words[id] = ++b->n_words;
    b->bound[id] = var->kind == TC_VAR_SCALAR;
    if (var->kind == TC_VAR_DIM)
      tc_vec_push(b->arena, &b->dims,
                  ((tc_rt_dim){.name = tc_name_of(b->ir, var->name),
                               .word = b->n_words - 1,
                               .dtype = CODES[var->type.dtype]}));
  }
}

/* The types an argument may have that are stored like the declared one. */
static void set_accepted(tc_rt_param *p, enum tc_dtype dtype) {
  const tc_dtype_info *row = tc_dtype_row(dtype);
  uint32_t stored = UINT32_C(1) << CODES[row->storage];
  if (row->storage == TC_DT_uint8) stored |= UINT32_C(1) << TILEC_INT8;
  if (dtype == TC_DT_handle) stored |= UINT32_C(1) << TILEC_UINT64;
  p->accepts = UINT32_C(1) << CODES[dtype];
  if (row->storage == dtype && dtype != TC_DT_handle) stored = 0;
  if (p->pack > 1) {
    p->accepts_packed = stored;
  } else {
    p->accepts |= stored;
  }
}

static void describe_elements(builder *b, tc_rt_param *p, tc_type type, tc_span span) {
  uint32_t bits = tc_dtype_row((enum tc_dtype)type.dtype)->bits;
  bool scalar = p->flags & TC_RT_SCALAR;
  if (scalar && type.lanes != 1)
    tc_table_refuse(b, span, "a vector as an argument", "pass a tensor");
  p->dtype = CODES[type.dtype];
  p->pack = (uint8_t)(bits == 2 || bits == 4 ? 8 / bits : 1);
  p->bits = (uint8_t)(bits == 6 ? 8 : bits);
  p->align_b = (uint16_t)(p->bits < 8 ? 1 : p->bits / 8);
  set_accepted(p, (enum tc_dtype)type.dtype);
}

/* The lanes of a tensor of vectors are one more dimension of its array, the last one. */
static void describe_lanes(builder *b, tc_rt_param *p, const tc_buffer *buf) {
  if (buf->elem.lanes == 1) return;
  p->rank++;
  if (buf->strides)
    tc_table_refuse(b, buf->span, "a strided tensor of vectors", "declare it with scalar elements");
  if (buf->elem.lanes % p->pack)
    tc_table_refuse(b, buf->span, "a tensor of vectors",
                    "a vector of it does not fill its last byte");
}

static void describe_param(builder *b, uint32_t i) {
  tc_param param = b->ir->params.at[i];
  tc_rt_param *p = &b->params[i];
  if (param.kind == TC_PARAM_SCALAR) {
    const tc_var_info *var = tc_var_at(b->ir, param.var);
    p->name = tc_name_of(b->ir, var->name);
    p->flags = TC_RT_SCALAR | TILEC_PARAM_READ;
    describe_elements(b, p, var->type, var->span);
    p->word = b->words[param.var.id] - 1;
    return;
  }
  const tc_buffer *buf = tc_buf_at(b->ir, param.buf);
  uint32_t flags = b->access[param.buf.id];
  b->slots[param.buf.id] = ++b->n_tensors;
  if (buf->flags & TC_BUF_RESULT) flags |= TILEC_PARAM_RESULT;
  if (buf->flags & TC_BUF_NULLABLE) flags |= TILEC_PARAM_NULLABLE;
  if (buf->flags & TC_BUF_POINTER) flags |= TILEC_PARAM_POINTER;
  if (buf->strides) flags |= TILEC_PARAM_STRIDED;
  p->name = tc_name_of(b->ir, buf->name);
  p->flags = (uint16_t)flags;
  p->rank = (uint8_t)buf->rank;
  describe_elements(b, p, buf->elem, buf->span);
  describe_lanes(b, p, buf);
  if (p->rank > TILEC_MAX_RANK)
    tc_table_refuse(b, buf->span, "a tensor of more than 16 dimensions", "no argument has so many");
}

static void lower_shapes(builder *b) {
  for (uint32_t i = 0; i < b->ir->params.n; i++) {
    if (b->ir->params.at[i].kind != TC_PARAM_BUFFER) continue;
    const tc_buffer *buf = tc_buf_at(b->ir, b->ir->params.at[i].buf);
    tc_rt_number *shape = TC_NEW_ARRAY(b->arena, buf->rank + 1, tc_rt_number), *strides = NULL;
    if (buf->strides) strides = TC_NEW_ARRAY(b->arena, buf->rank, tc_rt_number);
    for (uint32_t axis = 0; axis < buf->rank; axis++) {
      shape[axis] = tc_table_number(b, buf->shape[axis], buf->span, "an extent");
      if (strides) strides[axis] = tc_table_number(b, buf->strides[axis], buf->span, "a stride");
    }
    if (buf->elem.lanes > 1)
      shape[buf->rank] = (tc_rt_number){.constant = buf->elem.lanes, .is_constant = true};
    b->params[i].shape = shape;
    b->params[i].strides = strides;
  }
}

/* ---- the body ---- */

static const char *place_text(builder *b, tc_span span, const char *what, const char *text) {
  tc_place place;
  tc_sb sb = tc_sb_in(b->arena);
  if (!tc_source_place(b->ir->diags->source, span, &place))
    return tc_format(b->arena, "%s%s%s", what, *text ? ": " : "", text);
  tc_sb_printf(&sb, "%s:%u: %s: ", place.file, place.line, what);
  if (*text) {
    tc_sb_adds(&sb, text);
  } else { /* the line itself, without its indentation */
    tc_str line = place.line_text;
    while (line.n && (*line.at == ' ' || *line.at == '\t'))
      line.at++, line.n--;
    tc_sb_add(&sb, line);
  }
  return sb.at;
}

static void add_assert(builder *b, tc_value stmt) {
  const tc_op *op = tc_op_at(b->ir, stmt);
  bool is_assert = op->opcode == TC_OP_assert;
  uint32_t value;
  const char *why;
  if (!tc_table_lower(b, tc_input(b->ir, op, 0), &value, &why)) {
    if (is_assert) tc_table_refuse(b, op->span, "an assert outside of kernels", why);
    return; /* an assume that the host cannot check is a promise all the same */
  }
  const char *text = is_assert ? tc_text_of(b->ir, stmt) : "";
  text = place_text(b, op->span, is_assert ? "assertion failed" : "assumption does not hold", text);
  tc_vec_push(b->arena, &b->asserts, ((tc_rt_assert){text, value}));
}

static void add_workspace(builder *b, tc_value stmt) {
  tc_buf at = {tc_op_at(b->ir, stmt)->payload};
  const tc_buffer *buf = tc_buf_at(b->ir, at);
  if (buf->scope != TC_SCOPE_global) return;
  tc_rt_number *shape = TC_NEW_ARRAY(b->arena, buf->rank, tc_rt_number);
  for (uint32_t axis = 0; axis < buf->rank; axis++)
    shape[axis] = tc_table_number(b, buf->shape[axis], buf->span, "an extent");
  uint32_t bits = tc_type_bits(buf->elem);
  tc_rt_workspace space = {tc_name_of(b->ir, buf->name), bits == 6 ? 8 : bits, buf->rank, shape};
  tc_vec_push(b->arena, &b->workspaces, space);
  b->slots[at.id] = b->n_tensors + b->workspaces.n;
}

/* What a kernel assumes whatever happens in it is checked as if it stood before the kernel, when
 * the host knows it; what depends on the block or on data stays a promise. */
static void add_assumptions(builder *b, tc_value kernel) {
  const tc_block *body = tc_block_at(b->ir, tc_child(b->ir, tc_op_at(b->ir, kernel), 0));
  for (uint32_t i = 0; i < body->ops.n; i++)
    if (tc_is(b->ir, body->ops.at[i], TC_OP_assume)) add_assert(b, body->ops.at[i]);
}

static void add_kernel(builder *b, tc_value stmt, const tc_emitted *emitted) {
  const tc_op *op = tc_op_at(b->ir, stmt);
  const tc_kernel *kernel = tc_kernel_of(b->ir, stmt);
  tc_rt_kernel row = {.name = tc_name_of(b->ir, kernel->name)};
  if (emitted && b->kernels.n < emitted->n_kernels) {
    const tc_emitted_kernel *k = &emitted->kernels[b->kernels.n];
    row = (tc_rt_kernel){.name = k->name,
                         .scratch_b = k->scratch_b,
                         .sites = k->sites,
                         .n_sites = k->n_sites,
                         .strands = k->strands};
    if (k->gpu) row.gpu = tc_table_gpu(b, k->gpu, op->span);
  }
  row.n_grid = op->n_in;
  for (uint32_t i = 0; i < op->n_in && i < 3; i++)
    row.grid[i] = tc_table_number(b, tc_input(b->ir, op, i), op->span, "a grid extent");
  tc_vec_push(b->arena, &b->kernels, row);
}

static void add_body(builder *b, const tc_emitted *emitted) {
  const tc_block *body = tc_block_at(b->ir, b->ir->body);
  for (uint32_t i = 0; i < body->ops.n; i++) {
    tc_value stmt = body->ops.at[i];
    const tc_op *op = tc_op_at(b->ir, stmt);
    switch (op->opcode) {
    case TC_OP_assert:
    case TC_OP_assume:
      add_assert(b, stmt);
      break;
    case TC_OP_alloc:
      add_workspace(b, stmt);
      break;
    case TC_OP_kernel:
      add_assumptions(b, stmt);
      add_kernel(b, stmt, emitted);
      break;
    case TC_OP_hint:
    case TC_OP_eval:
      break;
    default:
      tc_table_refuse(b, op->span, tc_op_row((enum tc_opcode)op->opcode)->name,
                      "it stands outside of kernels");
    }
  }
}

/* ---- the table ---- */

static builder start(tc_ir *ir, tc_arena *arena, bool strict) {
  builder b = {.ir = ir, .arena = arena, .strict = strict, .numbers = tc_map_in(arena)};
  b.params = TC_NEW_ARRAY(arena, ir->params.n, tc_rt_param);
  b.words = TC_NEW_ARRAY(arena, ir->vars.n, uint32_t);
  b.bound = TC_NEW_ARRAY(arena, ir->vars.n, bool);
  b.used = TC_NEW_ARRAY(arena, ir->vars.n, bool);
  b.access = TC_NEW_ARRAY(arena, ir->bufs.n, uint32_t);
  b.slots = TC_NEW_ARRAY(arena, ir->bufs.n, uint32_t);
  number_words(&b);
  find_uses(&b);
  for (uint32_t i = 0; i < ir->params.n; i++)
    describe_param(&b, i);
  return b;
}

static bool is_plain(const builder *b) {
  for (uint32_t i = 0; i < b->ir->params.n; i++) {
    const tc_rt_param *p = &b->params[i];
    uint32_t special = TILEC_PARAM_NULLABLE | TILEC_PARAM_POINTER | TILEC_PARAM_STRIDED;
    if (!(p->flags & TC_RT_SCALAR) && (p->flags & special || p->pack != 1)) return false;
  }
  for (uint32_t i = 0; i < b->steps.n; i++) {
    const tc_rt_step *s = &b->steps.at[i];
    if (s->factor != 1 || s->has_rest || s->is_stride || s->code_end) return false;
  }
  return true;
}

static const tc_rt_table *finish(builder *b) {
  tc_rt_table *table = TC_NEW(b->arena, tc_rt_table);
  table->n_steps = b->steps.n;
  table->is_plain = is_plain(b);
  for (uint32_t i = 0; i < b->more.n; i++)
    tc_vec_push(b->arena, &b->steps, b->more.at[i]);
  table->n_more = b->more.n;
  table->version = TC_RT_VERSION;
  table->name = tc_name_of(b->ir, b->ir->name);
  table->params = b->params;
  table->steps = b->steps.at;
  table->code = b->code.at;
  table->dims = b->dims.at;
  table->asserts = b->asserts.at;
  table->workspaces = b->workspaces.at;
  table->kernels = b->kernels.at;
  table->n_params = b->ir->params.n;
  table->n_code = b->code.n;
  table->n_dims = b->dims.n;
  table->n_asserts = b->asserts.n;
  table->n_workspaces = b->workspaces.n;
  table->n_kernels = b->kernels.n;
  table->n_words = b->n_words;
  table->n_tensors = b->n_tensors;
  for (uint32_t i = 0; i < b->kernels.n; i++)
    if (b->kernels.at[i].gpu) table->device = TILEC_DEVICE_CUDA;
  return table;
}

const tc_rt_table *tc_table_build(tc_ir *ir, const tc_emitted *emitted, tc_arena *arena) {
  builder b = start(ir, arena, true);
  if (ir->params.n > TC_RT_MAX_PARAMS)
    tc_table_refuse(&b, (tc_span){0}, "a function of more than 256 parameters",
                    "no launch takes so many");
  if (b.failed) return NULL;
  tc_table_bind_dims(&b);
  lower_shapes(&b);
  add_body(&b, emitted);
  tc_table_more_steps(&b);
  return b.failed || b.n_words + b.code.n > TC_RT_MAX_VALUES ? NULL : finish(&b);
}

const tc_rt_table *tc_table_shapes(tc_ir *ir, tc_arena *arena, bool *complete) {
  builder b = start(ir, arena, false);
  tc_table_bind_dims(&b);
  lower_shapes(&b);
  tc_table_more_steps(&b);
  *complete = !b.failed && b.n_words + b.code.n <= TC_RT_MAX_VALUES;
  return finish(&b);
}
