/* How a launch finds the symbolic dimensions: steps that solve extents and strides for them. */
#include "ir/build.h"
#include "target/common/table_private.h"

typedef tc_table_builder builder;

/* Where a dimension may come from, in this order. */
enum { FROM_INPUT, FROM_RESULT, FROM_NULLABLE, N_SOURCES };

static uint32_t source_of(const tc_rt_param *p) {
  if (p->flags & TILEC_PARAM_NULLABLE) return FROM_NULLABLE;
  return p->flags & TILEC_PARAM_RESULT ? FROM_RESULT : FROM_INPUT;
}

/* How many dimensions in `v` are not bound, and the last one found. */
static uint32_t unknowns(builder *b, tc_value v, uint32_t *var) {
  tc_map seen = tc_map_in(b->arena);
  uint32_t n = 0, known;
  b->stack.n = 0;
  tc_vec_push(b->arena, &b->stack, v.id);
  while (b->stack.n) {
    uint32_t id = b->stack.at[--b->stack.n];
    if (tc_map_get(&seen, id, &known)) continue;
    tc_map_put(&seen, id, 1);
    const tc_op *op = tc_op_at(b->ir, (tc_value){id});
    bool is_var = op->opcode == TC_OP_var;
    if (is_var && tc_var_at(b->ir, (tc_var){op->payload})->kind == TC_VAR_DIM
        && !b->bound[op->payload]) {
      *var = op->payload;
      n++;
    }
    for (uint32_t i = 0; i < op->n_in; i++)
      tc_vec_push(b->arena, &b->stack, tc_input(b->ir, op, i).id);
  }
  return n;
}

/* v = factor * var + something without var. False when it is not of this form, or when that takes
 * more than *budget steps to see. */
static bool linear(const builder *b, tc_value v, uint32_t var, int64_t *factor, uint32_t *budget) {
  const tc_op *op = tc_op_at(b->ir, v);
  int64_t x[3] = {0}, c;
  *factor = 0;
  if (!*budget || !tc_op_is_pure(op) || op->n_in > TC_COUNT(x)) return false;
  --*budget;
  if (op->opcode == TC_OP_var) return *factor = op->payload == var, true;
  const int64_t most = INT32_MAX; /* so that sums and products of factors stay within 64 bits */
  for (uint32_t i = 0; i < op->n_in; i++)
    if (!linear(b, tc_input(b->ir, op, i), var, &x[i], budget) || x[i] > most || x[i] < -most)
      return false;
  if (!x[0] && !x[1] && !x[2]) return true;
  switch (op->opcode) {
  case TC_OP_add:
    return *factor = x[0] + x[1], true;
  case TC_OP_sub:
    return *factor = x[0] - x[1], true;
  case TC_OP_neg:
    return *factor = -x[0], true;
  case TC_OP_cast:
    return *factor = x[0], tc_is_int(op->type);
  case TC_OP_mul:
    for (uint32_t i = 0; i < 2; i++)
      if (tc_const_of(b->ir, tc_input(b->ir, op, 1 - i), &c) && c <= most && c >= -most)
        return *factor = x[i] * c, true;
    return false;
  default:
    return false;
  }
}

static int64_t highest_of(tc_type type) {
  return type.dtype == TC_DT_int32 ? INT32_MAX : INT64_MAX;
}

/* The step that finds `var` in one extent or stride; false when there is none. */
static bool make_step(builder *b, uint32_t param, uint32_t axis, bool is_stride, uint32_t var,
                      tc_rt_step *step) {
  const tc_buffer *buf = tc_buf_at(b->ir, b->ir->params.at[param].buf);
  tc_value v = is_stride ? buf->strides[axis] : buf->shape[axis];
  int64_t factor, rest;
  uint32_t budget = 256;
  if (!linear(b, v, var, &factor, &budget) || !factor) return false;
  *step = (tc_rt_step){.word = b->words[var] - 1,
                       .param = (uint16_t)param,
                       .axis = (uint8_t)axis,
                       .is_stride = is_stride,
                       .optional = !b->used[var],
                       .factor = factor,
                       .highest = highest_of(tc_var_at(b->ir, (tc_var){var})->type)};
  tc_map map = tc_map_in(b->arena);
  tc_value x = tc_var_value(b->ir, (tc_var){var});
  tc_map_put(&map, x.id, tc_zero(b->ir, tc_value_type(b->ir, x)).id);
  tc_value at_zero = tc_substitute(b->ir, v, &map);
  const char *why;
  if (!tc_const_of(b->ir, at_zero, &rest) || rest) {
    if (!tc_table_lower(b, at_zero, &step->rest, &why)) return false;
    step->has_rest = true;
  }
  step->code_end = b->code.n;
  return true;
}

/* The dimensions that the source names: the lanes of a vector are one more to the caller. */
static uint32_t declared_rank(const builder *b, uint32_t param) {
  return tc_buf_at(b->ir, b->ir->params.at[param].buf)->rank;
}

/* Any of the parameters that may be left out can tell the dimension: steps for one word stand
 * together, and the first whose argument is there counts. */
static void add_alternatives(builder *b, uint32_t var, uint32_t first) {
  for (uint32_t i = 0; i < b->ir->params.n; i++) {
    const tc_rt_param *p = &b->params[i];
    if (i == first || p->flags & TC_RT_SCALAR || source_of(p) != FROM_NULLABLE) continue;
    for (uint32_t axis = 0; axis < declared_rank(b, i); axis++) {
      tc_value v = tc_buf_at(b->ir, b->ir->params.at[i].buf)->shape[axis];
      uint32_t other;
      tc_rt_step step;
      if (unknowns(b, v, &other) || !make_step(b, i, axis, false, var, &step)) continue;
      tc_vec_push(b->arena, &b->steps, step);
      break;
    }
  }
}

/* Tries one axis. `alone`: only when the dimension stands there alone. */
static bool try_axis(builder *b, uint32_t param, uint32_t axis, bool is_stride, bool alone) {
  const tc_buffer *buf = tc_buf_at(b->ir, b->ir->params.at[param].buf);
  tc_value v = is_stride ? buf->strides[axis] : buf->shape[axis];
  if (alone && !tc_is(b->ir, v, TC_OP_var)) return false;
  uint32_t var;
  tc_rt_step step;
  if (unknowns(b, v, &var) != 1 || !make_step(b, param, axis, is_stride, var, &step)) return false;
  b->bound[var] = true;
  tc_vec_push(b->arena, &b->steps, step);
  if (source_of(&b->params[param]) == FROM_NULLABLE) add_alternatives(b, var, param);
  return true;
}

static bool bind_one(builder *b) {
  for (uint32_t how = 0; how < 2 * N_SOURCES; how++)
    for (uint32_t i = 0; i < b->ir->params.n; i++) {
      const tc_rt_param *p = &b->params[i];
      if (p->flags & TC_RT_SCALAR || source_of(p) != how / 2) continue;
      uint32_t rank = declared_rank(b, i);
      for (uint32_t axis = 0; axis < rank; axis++)
        if (try_axis(b, i, axis, false, how % 2 == 0)) return true;
      for (uint32_t axis = 0; axis < rank && p->flags & TILEC_PARAM_STRIDED; axis++)
        if (try_axis(b, i, axis, true, how % 2 == 0)) return true;
    }
  return false;
}

void tc_table_bind_dims(builder *b) {
  while (bind_one(b))
    continue;
  for (uint32_t id = 1; id < b->ir->vars.n; id++) {
    const tc_var_info *var = &b->ir->vars.at[id];
    if (var->kind != TC_VAR_DIM || b->bound[id] || !b->used[id]) continue;
    if (b->strict)
      TC_DIAG(b->ir->diags, D_dimension_unsolvable, var->span, tc_name_of(b->ir, var->name));
    b->failed = true;
  }
}

void tc_table_more_steps(builder *b) {
  for (uint32_t var = 1; var < b->ir->vars.n; var++) {
    if (b->ir->vars.at[var].kind != TC_VAR_DIM) continue;
    for (uint32_t i = 0; i < b->ir->params.n; i++) {
      bool is_buffer = b->ir->params.at[i].kind == TC_PARAM_BUFFER;
      uint32_t rank = is_buffer ? tc_buf_at(b->ir, b->ir->params.at[i].buf)->rank : 0;
      for (uint32_t axis = 0; axis < rank; axis++) {
        tc_rt_step step;
        if (make_step(b, i, axis, false, var, &step)) tc_vec_push(b->arena, &b->more, step);
      }
    }
  }
}
