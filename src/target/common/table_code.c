/* Values of the host part as instructions of the launch table. */
#include "target/common/table_private.h"

#include <stdlib.h>
#include <string.h>

typedef tc_table_builder builder;

static const uint8_t RT_OPS[TC_OP_COUNT] = {
#define RT_OP(name, n) [TC_OP_##name] = TC_RT_OP_##name + 1,
#include "rt/ops.def"
#undef RT_OP
};

static bool host_type(tc_type type) {
  if (type.lanes != 1) return false;
  switch (tc_type_kind(type)) {
  case TC_K_BOOL:
  case TC_K_INT:
  case TC_K_UINT:
  case TC_K_HANDLE:
    return true;
  case TC_K_FLOAT:
    return type.dtype == TC_DT_float32 || type.dtype == TC_DT_float64;
  case TC_K_VOID:
  case TC_K_SLICE:
    return false;
  }
  return false;
}

/* Why an op alone cannot be an instruction, or NULL. */
static const char *obstacle(const builder *b, tc_value v) {
  const tc_op *op = tc_op_at(b->ir, v);
  if (op->opcode == TC_OP_load) return "it reads memory";
  if (!tc_op_is_pure(op)) return "it is the result of a statement";
  if (op->opcode == TC_OP_var)
    return b->words[op->payload] ? NULL : "it uses an index that exists only inside a kernel";
  if (!host_type(op->type)) return "it has a type the host does not compute with";
  bool divides = op->opcode >= TC_OP_floordiv && op->opcode <= TC_OP_truncmod;
  if (!RT_OPS[op->opcode] || (divides && tc_is_float(op->type)))
    return "it uses an operation the host does not compute";
  for (uint32_t i = 0; i < op->n_in; i++) {
    tc_value in = tc_input(b->ir, op, i);
    if (!host_type(tc_value_type(b->ir, in)))
      return "it uses a type the host does not compute with";
  }
  return NULL;
}

static int by_id(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

/* All values that `v` needs and that have no number yet, operands first. NULL when all can be
 * instructions, else why not. */
static const char *collect(builder *b, tc_value v, uint32_t **ids, uint32_t *n) {
  tc_map seen = tc_map_in(b->arena);
  TC_VEC(uint32_t) found = {0};
  b->stack.n = 0;
  tc_vec_push(b->arena, &b->stack, v.id);
  while (b->stack.n) {
    uint32_t id = b->stack.at[--b->stack.n], known;
    if (tc_map_get(&seen, id, &known) || tc_map_get(&b->numbers, id, &known)) continue;
    tc_map_put(&seen, id, 1);
    const char *why = obstacle(b, (tc_value){id});
    if (why) return why;
    tc_vec_push(b->arena, &found, id);
    const tc_op *op = tc_op_at(b->ir, (tc_value){id});
    for (uint32_t i = 0; i < op->n_in; i++)
      tc_vec_push(b->arena, &b->stack, tc_input(b->ir, op, i).id);
  }
  if (found.n) qsort(found.at, found.n, sizeof *found.at, by_id);
  *ids = found.at;
  *n = found.n;
  return NULL;
}

static uint32_t number_of(const builder *b, tc_value v) {
  uint32_t number = 0;
  if (!tc_map_get(&b->numbers, v.id, &number))
    tc_bug(b->arena->unwind, "launch table: operand %u has no number", v.id);
  return number;
}

static tc_rt_instr make_instr(const builder *b, const tc_op *op) {
  tc_rt_instr in = {.op = (uint8_t)(RT_OPS[op->opcode] - 1),
                    .type = (uint8_t)tc_table_code((enum tc_dtype)op->type.dtype)};
  if (op->opcode == TC_OP_const) {
    in.as.constant = b->ir->imms.at[op->payload].i;
    if (tc_is_float(op->type)) {
      double x = b->ir->imms.at[op->payload].f;
      memcpy(&in.as.constant, &x, sizeof x);
    }
    return in;
  }
  in.a = number_of(b, tc_input(b->ir, op, 0));
  in.as.of.b = op->n_in > 1 ? number_of(b, tc_input(b->ir, op, 1)) : in.a;
  in.as.of.c = op->n_in > 2 ? number_of(b, tc_input(b->ir, op, 2)) : in.a;
  tc_type operand = tc_value_type(b->ir, tc_input(b->ir, op, 0));
  in.from = (uint8_t)tc_table_code((enum tc_dtype)operand.dtype);
  if (op->opcode >= TC_OP_eq && op->opcode <= TC_OP_le) in.type = in.from;
  return in;
}

bool tc_table_lower(builder *b, tc_value v, uint32_t *number, const char **why) {
  uint32_t *ids = NULL, n = 0;
  *why = collect(b, v, &ids, &n);
  if (!*why && b->n_words + b->code.n + n > TC_RT_MAX_VALUES)
    *why = "the expressions of the host part are too large";
  if (*why) return false;
  for (uint32_t i = 0; i < n; i++) {
    const tc_op *op = tc_op_at(b->ir, (tc_value){ids[i]});
    if (op->opcode == TC_OP_var) {
      tc_map_put(&b->numbers, ids[i], b->words[op->payload] - 1);
    } else {
      tc_rt_instr in = make_instr(b, op);
      tc_map_put(&b->numbers, ids[i], b->n_words + b->code.n);
      tc_vec_push(b->arena, &b->code, in);
    }
  }
  *number = number_of(b, v);
  return true;
}

void tc_table_refuse(builder *b, tc_span span, const char *what, const char *why) {
  if (b->strict) TC_DIAG(b->ir->diags, D_host_expression, span, what, why);
  b->failed = true;
}

/* A value that never exists: what a lenient table has in place of the impossible. */
static uint32_t no_value(builder *b) {
  tc_rt_instr zero = {.op = TC_RT_OP_const, .type = TILEC_INT32};
  uint32_t at = b->n_words + b->code.n;
  tc_rt_instr bad = {.op = TC_RT_OP_floordiv, .type = TILEC_INT32, .a = at};
  bad.as.of.b = bad.as.of.c = at;
  tc_vec_push(b->arena, &b->code, zero);
  tc_vec_push(b->arena, &b->code, bad);
  return at + 1;
}

tc_rt_number tc_table_number(builder *b, tc_value v, tc_span span, const char *what) {
  tc_rt_number number = {0};
  const char *why;
  if (tc_const_of(b->ir, v, &number.constant)) {
    number.is_constant = true;
  } else if (!tc_table_lower(b, v, &number.value, &why)) {
    tc_table_refuse(b, span, what, why);
    number.value = no_value(b);
  }
  return number;
}

uint32_t tc_table_value(builder *b, tc_value v, tc_span span, const char *what) {
  uint32_t number;
  const char *why;
  if (tc_table_lower(b, v, &number, &why)) return number;
  tc_table_refuse(b, span, what, why);
  return no_value(b);
}
