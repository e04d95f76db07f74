#include "ir/interp_private.h"

#include "ir/build.h"

#include <inttypes.h>

/* ---- values that the host can know ---- */

static uint32_t lookup(const tc_map *map, tc_value v) {
  uint32_t at = 0;
  tc_map_get(map, v.id, &at);
  return at;
}

/* One pure op of scalar type; `in` are its operands' values. */
static tc_scalar host_op(const tc_ir *ir, tc_value v, const tc_imm *by_var, const tc_scalar *in) {
  const tc_op *op = tc_op_at(ir, v);
  const tc_scalar unknown = {.poison = true};
  if (!tc_op_is_pure(op) || op->type.lanes != 1) return unknown;
  enum tc_opcode opcode = (enum tc_opcode)op->opcode;
  tc_type type = op->n_in ? tc_value_type(ir, tc_input(ir, op, 0)) : op->type;
  if (type.lanes != 1) return unknown;
  if (opcode == TC_OP_const) return (tc_scalar){ir->imms.at[op->payload], false};
  if (opcode == TC_OP_var) {
    enum tc_var_kind kind = tc_var_at(ir, (tc_var){op->payload})->kind;
    if (kind != TC_VAR_DIM && kind != TC_VAR_SCALAR) return unknown;
    return (tc_scalar){by_var[op->payload], false};
  }
  if (opcode >= TC_OP_add && opcode <= TC_OP_le)
    return tc_scalar_binary(opcode, type, in[0], in[1]);
  if (opcode == TC_OP_neg || opcode == TC_OP_abs || opcode == TC_OP_not)
    return tc_scalar_unary(opcode, type, in[0]);
  if (opcode == TC_OP_select) return in[0].poison ? in[0] : in[0].x.i ? in[1] : in[2];
  if (opcode == TC_OP_cast) return tc_scalar_cast(type, op->type, in[0]);
  if (opcode == TC_OP_reinterpret) return tc_scalar_reinterpret(type, op->type, in[0]);
  if (opcode == TC_OP_math) return tc_scalar_math((enum tc_mathfn)op->payload, type, in);
  return unknown;
}

void tc_interp_host(tc_ir *ir, tc_value v, const tc_imm *by_var, tc_scalar *out) {
  tc_arena_mark mark = tc_arena_here(ir->arena);
  tc_value_list list = tc_operands_of(ir, v, ir->arena);
  tc_scalar *values = TC_NEW_ARRAY(ir->arena, list.n, tc_scalar);
  tc_map index = tc_map_in(ir->arena);
  for (uint32_t i = 0; i < list.n; i++) {
    const tc_op *op = tc_op_at(ir, list.at[i]);
    tc_scalar in[3] = {{.poison = true}, {.poison = true}, {.poison = true}};
    bool pure = tc_op_is_pure(op);
    for (uint32_t k = 0; pure && k < op->n_in && k < TC_COUNT(in); k++)
      in[k] = values[lookup(&index, tc_input(ir, op, k))];
    values[i] = host_op(ir, list.at[i], by_var, in);
    tc_map_put(&index, list.at[i].id, i);
  }
  *out = values[list.n - 1];
  tc_arena_rewind(ir->arena, mark);
}

/* ---- equations: what the IR says an extent or stride is, and what it is ---- */

typedef struct equation {
  tc_value value;
  int64_t actual;
  uint32_t param, dim;
  bool is_stride;
  bool weak; /* the stride of at most one element: may define, need not agree */
} equation;

typedef struct binder {
  tc_machine *m;
  tc_ir *ir;
  TC_VEC(equation) all;
} binder;

TC_NORETURN static void mismatch(binder *b, uint32_t param, const char *what) {
  const tc_param *p = &b->ir->params.at[param];
  bool is_buffer = p->kind == TC_PARAM_BUFFER;
  tc_span span = is_buffer ? tc_buf_at(b->ir, p->buf)->span : tc_var_at(b->ir, p->var)->span;
  tc_name name = is_buffer ? tc_buf_at(b->ir, p->buf)->name : tc_var_at(b->ir, p->var)->name;
  TC_DIAG(b->ir->diags, D_argument_mismatch, span, param + 1, tc_name_of(b->ir, name), what);
  tc_interp_stop(b->m);
}

#define TEXT(...) tc_format(b->ir->diags->arena, __VA_ARGS__)

TC_NORETURN static void wrong_number(binder *b, const equation *e, int64_t wanted) {
  const char *of = "";
  if (tc_is(b->ir, e->value, TC_OP_var)) {
    tc_var var = {tc_op_at(b->ir, e->value)->payload};
    of = TEXT(" (%s)", tc_name_of(b->ir, tc_var_at(b->ir, var)->name));
  }
  mismatch(b, e->param,
           TEXT("%s %u is %" PRId64 ", expected %" PRId64 "%s",
                e->is_stride ? "the stride of dimension" : "the extent of dimension", e->dim,
                e->actual, wanted, of));
}

static void define(binder *b, equation *e, tc_var var, int64_t x) {
  tc_type type = tc_var_at(b->ir, var)->type;
  if (x < 0)
    mismatch(b, e->param,
             TEXT("the %s of dimension %u is %" PRId64 ", which makes '%s' %" PRId64,
                  e->is_stride ? "stride" : "extent", e->dim, e->actual,
                  tc_name_of(b->ir, tc_var_at(b->ir, var)->name), x));
  b->m->by_var[var.id] = tc_imm_int(type, x);
  b->m->known[var.id] = true;
  if (b->m->by_var[var.id].i != x)
    mismatch(b, e->param,
             TEXT("%" PRId64 " does not fit the type %s of '%s'", x,
                  tc_type_name(b->ir->diags->arena, type),
                  tc_name_of(b->ir, tc_var_at(b->ir, var)->name)));
}

/* The only unknown dimension of an expression that is linear in it; 0 when there is no such. */
static tc_var unknown_of(const binder *b, const tc_value_list *list) {
  tc_var found = {0};
  for (uint32_t i = 0; i < list->n; i++) {
    const tc_op *op = tc_op_at(b->ir, list->at[i]);
    if (op->opcode != TC_OP_var || b->m->known[op->payload]) continue;
    if (found.id) return (tc_var){0};
    found.id = op->payload;
  }
  return found;
}

static bool is_linear(const binder *b, const tc_value_list *list, tc_var var) {
  tc_map degree = tc_map_in(&b->m->arena);
  for (uint32_t i = 0; i < list->n; i++) {
    const tc_op *op = tc_op_at(b->ir, list->at[i]);
    uint32_t sum = op->opcode == TC_OP_var && op->payload == var.id;
    for (uint32_t k = 0; k < op->n_in; k++)
      sum += lookup(&degree, tc_input(b->ir, op, k));
    if (sum) {
      bool adds = op->opcode == TC_OP_add || op->opcode == TC_OP_sub;
      bool keeps = op->opcode == TC_OP_var || op->opcode == TC_OP_neg
                   || (op->opcode == TC_OP_cast && tc_is_int(op->type))
                   || (op->opcode == TC_OP_mul && sum == 1);
      if (!adds && !keeps) return false;
    }
    tc_map_put(&degree, list->at[i].id, sum ? 1 : 0);
  }
  return true;
}

static int64_t value_with(binder *b, tc_value v, tc_var var, int64_t x) {
  tc_scalar r;
  b->m->by_var[var.id] = tc_imm_int(tc_var_at(b->ir, var)->type, x);
  tc_interp_host(b->ir, v, b->m->by_var, &r);
  return r.poison ? 0 : r.x.i;
}

/* True when the equation defined a dimension. A solution is checked like every equation afterwards,
 * so wrapping arithmetic cannot slip a wrong one through. */
static bool solve(binder *b, equation *e) {
  tc_value_list list = tc_operands_of(b->ir, e->value, &b->m->arena);
  tc_var var = unknown_of(b, &list);
  if (!var.id || !is_linear(b, &list, var)) return false;
  uint64_t at_0 = (uint64_t)value_with(b, e->value, var, 0);
  int64_t slope = (int64_t)((uint64_t)value_with(b, e->value, var, 1) - at_0);
  int64_t rest = (int64_t)((uint64_t)e->actual - at_0);
  if (slope == 0) return false;
  if (slope == -1) {
    define(b, e, var, (int64_t)(0 - (uint64_t)rest));
    return true;
  }
  if (rest % slope != 0)
    mismatch(b, e->param,
             TEXT("no whole number '%s' gives %s %u the %s %" PRId64,
                  tc_name_of(b->ir, tc_var_at(b->ir, var)->name), "dimension", e->dim,
                  e->is_stride ? "stride" : "extent", e->actual));
  define(b, e, var, rest / slope);
  return true;
}

static void solve_all(binder *b) {
  for (uint32_t i = 0; i < b->all.n; i++) {
    equation *e = &b->all.at[i];
    if (!tc_is(b->ir, e->value, TC_OP_var)) continue;
    tc_var var = {tc_op_at(b->ir, e->value)->payload};
    if (!b->m->known[var.id]) define(b, e, var, e->actual);
  }
  for (bool more = true; more;) {
    more = false;
    for (uint32_t i = 0; i < b->all.n; i++)
      more = solve(b, &b->all.at[i]) || more;
  }
}

static void check_all(binder *b) {
  for (uint32_t i = 0; i < b->all.n; i++) {
    const equation *e = &b->all.at[i];
    tc_value_list list = tc_operands_of(b->ir, e->value, &b->m->arena);
    for (uint32_t k = 0; k < list.n; k++) {
      const tc_op *op = tc_op_at(b->ir, list.at[k]);
      if (op->opcode != TC_OP_var || b->m->known[op->payload]) continue;
      tc_var_info *var = tc_var_at(b->ir, (tc_var){op->payload});
      TC_DIAG(b->ir->diags, D_dimension_unknown, var->span, tc_name_of(b->ir, var->name));
      tc_interp_stop(b->m);
    }
    tc_scalar wanted;
    tc_interp_host(b->ir, e->value, b->m->by_var, &wanted);
    if (wanted.poison)
      mismatch(b, e->param, TEXT("the extent of dimension %u is undefined", e->dim));
    if (wanted.x.i != e->actual && !e->weak) wrong_number(b, e, wanted.x.i);
  }
}

/* ---- arguments ---- */

static void check_array(binder *b, uint32_t i, const tc_buffer *buf, const tc_array *a) {
  tc_arena *text = b->ir->diags->arena;
  if (!tc_type_equal(a->elem, buf->elem))
    mismatch(b, i,
             TEXT("the element type is %s, expected %s", tc_type_name(text, a->elem),
                  tc_type_name(text, buf->elem)));
  if (a->rank != buf->rank)
    mismatch(
        b, i,
        TEXT("it has %u dimension%s, expected %u", a->rank, a->rank == 1 ? "" : "s", buf->rank));
  for (uint32_t d = 0; d < a->rank; d++) {
    if (a->shape[d] < 0) mismatch(b, i, TEXT("the extent of dimension %u is negative", d));
    if (a->strides && a->strides[d] < 0)
      mismatch(b, i, TEXT("the stride of dimension %u is negative", d));
  }
}

/* Number of elements from the first to behind the last; stops when memory cannot be that large. */
static uint64_t reach(binder *b, uint32_t param, const tc_array *a, const int64_t *stride) {
  const uint64_t limit = UINT64_MAX >> 14;
  uint64_t n = 1;
  for (uint32_t d = 0; d < a->rank; d++)
    if (a->shape[d] == 0) return 0;
  for (uint32_t d = 0; d < a->rank; d++) {
    uint64_t steps = (uint64_t)a->shape[d] - 1;
    if (steps && (uint64_t)stride[d] > (limit - n) / steps)
      mismatch(b, param, "it is larger than any memory");
    n += steps * (uint64_t)stride[d];
  }
  return n;
}

static void check_strides(binder *b, uint32_t i, const tc_buffer *buf, const tc_array *a) {
  int64_t stride[TC_INTERP_RANK];
  uint64_t next = 1;
  for (uint32_t d = a->rank; d-- > 0;) {
    bool contiguous = !a->strides || a->shape[d] <= 1;
    stride[d] = contiguous ? (int64_t)next : a->strides[d];
    if (!buf->strides && a->shape[d] > 1 && stride[d] != (int64_t)next)
      mismatch(b, i,
               TEXT("the stride of dimension %u is %" PRId64
                    ", but the parameter is declared without strides (row-major)",
                    d, stride[d]));
    if (a->shape[d] && next > (uint64_t)INT64_MAX / (uint64_t)a->shape[d])
      mismatch(b, i, "it is larger than any memory");
    next *= (uint64_t)a->shape[d];
    if (!buf->strides) continue;
    if (a->strides) stride[d] = a->strides[d];
    equation e = {buf->strides[d], stride[d], i, d, true, a->shape[d] <= 1};
    tc_vec_push(&b->m->arena, &b->all, e);
  }
  tc_storage *s = &b->m->storages[b->ir->params.at[i].buf.id];
  uint64_t bits = reach(b, i, a, stride) * tc_type_bits(buf->elem);
  s->size_b = (bits + 7) / 8;
  if (s->size_b && !a->data) mismatch(b, i, "it has no data");
  s->data = a->data;
  s->live = true;
  if (!a->poisoned || !s->size_b) return;
  s->shadow = tc_arena_alloc(&b->m->arena, (size_t)s->size_b);
  for (uint64_t k = 0; k < s->size_b; k++)
    s->shadow[k] = 0xff;
}

/* True for an argument whose extents count. */
static bool has_shape(const binder *b, uint32_t i) {
  if (b->ir->params.at[i].kind != TC_PARAM_BUFFER) return false;
  const tc_buffer *buf = tc_buf_at(b->ir, b->ir->params.at[i].buf);
  const tc_array *a = &b->m->args[i].array;
  bool absent = !a->data && a->rank == 0 && (buf->flags & TC_BUF_NULLABLE);
  return !absent && !(buf->flags & TC_BUF_POINTER);
}

static void check_shape(binder *b, uint32_t i) {
  const tc_buffer *buf = tc_buf_at(b->ir, b->ir->params.at[i].buf);
  const tc_array *a = &b->m->args[i].array;
  check_array(b, i, buf, a);
  for (uint32_t d = 0; d < a->rank; d++) {
    equation e = {buf->shape[d], a->shape[d], i, d, false, false};
    tc_vec_push(&b->m->arena, &b->all, e);
  }
}

static void bind_scalar(binder *b, uint32_t i) {
  tc_var var = b->ir->params.at[i].var;
  tc_type type = tc_var_at(b->ir, var)->type;
  tc_imm x = b->m->args[i].scalar;
  b->m->by_var[var.id] = tc_is_float(type) ? tc_imm_float(type, x.f) : tc_imm_int(type, x.i);
  b->m->known[var.id] = true;
}

void tc_interp_bind(tc_machine *m, uint32_t n_args) {
  tc_ir *ir = m->ir;
  binder b = {.m = m, .ir = ir};
  m->by_var = TC_NEW_ARRAY(&m->arena, ir->vars.n, tc_imm);
  m->known = TC_NEW_ARRAY(&m->arena, ir->vars.n, bool);
  if (n_args != ir->params.n) {
    TC_DIAG(ir->diags, D_argument_count, (tc_span){0}, tc_name_of(ir, ir->name), ir->params.n,
            ir->params.n == 1 ? "" : "s", n_args, n_args == 1 ? "was" : "were");
    tc_interp_stop(m);
  }
  for (uint32_t i = 0; i < n_args; i++) {
    const tc_param *p = &ir->params.at[i];
    if (p->kind == TC_PARAM_SCALAR) bind_scalar(&b, i);
    if (has_shape(&b, i)) check_shape(&b, i);
    if (p->kind == TC_PARAM_BUFFER && (tc_buf_at(ir, p->buf)->flags & TC_BUF_POINTER))
      m->storages[p->buf.id] = (tc_storage){
          .data = m->args[i].array.data, .live = m->args[i].array.data != NULL, .trusted = true};
  }
  /* Extents before strides: an extent is the better definition of a dimension. */
  for (uint32_t i = 0; i < n_args; i++) {
    if (has_shape(&b, i))
      check_strides(&b, i, tc_buf_at(ir, ir->params.at[i].buf), &m->args[i].array);
  }
  solve_all(&b);
  check_all(&b);
  for (uint32_t id = 1; id < ir->vars.n; id++)
    if (m->known[id] && m->var_slot[id]) m->regs[m->var_slot[id]] = (tc_reg){m->by_var[id], 0};
}
