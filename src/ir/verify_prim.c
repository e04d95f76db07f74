/* What the verifier says about primitives: prims.def names their operands, this holds them to it.
 */
#include "ir/verify_private.h"

#include "ir/typing.h"

#define FAIL tc_verifier_fail

/* The scope of memory that an operand letter names; TC_SCOPE_COUNT: the operand is a value. */
static enum tc_scope letter_scope(char letter) {
  switch (letter) { /* table */
  case 'S':
  case 's':
    return TC_SCOPE_shared;
  case 'G':
  case 'g':
    return TC_SCOPE_global;
  case 'r':
  case 'w':
  case 'x':
    return TC_SCOPE_local;
  case 'B':
    return TC_SCOPE_barrier;
  case 'M':
    return TC_SCOPE_tensor_map;
  default:
    return TC_SCOPE_COUNT;
  }
}

static enum tc_dtype letter_type(char letter) {
  switch (letter) { /* table */
  case 'u':
    return TC_DT_uint32;
  case 'U':
    return TC_DT_uint64;
  case 'f':
    return TC_DT_float32;
  case 'b':
    return TC_DT_bool;
  default:
    return TC_DT_int32;
  }
}

bool tc_verify_prim_takes_slice(const tc_op *op, const tc_ir *ir, uint32_t k) {
  const char *letters = tc_prim_info_of((enum tc_prim_row)ir->prims.at[op->payload].row)->operands;
  for (uint32_t i = 0; letters[i]; i++)
    if (i == k) return letter_scope(letters[i]) != TC_SCOPE_COUNT;
  return false;
}

static void check_memory(tc_verifier *v, const tc_op *op, uint32_t k, enum tc_scope scope) {
  tc_value in = tc_input(v->ir, op, k);
  if (!tc_is(v->ir, in, TC_OP_slice)) {
    FAIL(v, TC_RULE_slices, "operand %u is no slice", k);
    return;
  }
  const tc_buffer *b = tc_buf_at(v->ir, tc_slice_buf(v->ir, in));
  if (b->scope != scope)
    FAIL(v, scope == TC_SCOPE_barrier ? TC_RULE_barriers : TC_RULE_operands,
         "operand %u lies in %s memory, wanted %s", k, tc_scope_name(b->scope),
         tc_scope_name(scope));
}

static void check_value(tc_verifier *v, const tc_op *op, uint32_t k, char letter) {
  tc_value in = tc_input(v->ir, op, k);
  int64_t x;
  tc_type found = tc_value_type(v->ir, in), wanted = tc_scalar_type(letter_type(letter));
  if (!tc_type_equal(found, wanted))
    FAIL(v, TC_RULE_operands, "operand %u has type %s, wanted %s", k,
         tc_type_name(v->ir->arena, found), tc_type_name(v->ir->arena, wanted));
  if (letter == '#' && !tc_const_of(v->ir, in, &x))
    FAIL(v, TC_RULE_operands, "operand %u is no constant", k);
}

void tc_verify_prim(tc_verifier *v, const tc_op *op) {
  const tc_prim_info *row = tc_prim_info_of((enum tc_prim_row)v->ir->prims.at[op->payload].row);
  uint32_t k = 0;
  for (const char *letter = row->operands; *letter && !v->failed; letter++, k++) {
    if (k >= op->n_in) break;
    enum tc_scope scope = letter_scope(*letter);
    if (scope == TC_SCOPE_COUNT)
      check_value(v, op, k, *letter);
    else
      check_memory(v, op, k, scope);
  }
  if (!v->failed && (row->operands[k] || op->n_in != k))
    FAIL(v, TC_RULE_operands, "%s has %u operands, its row says \"%s\"", row->name, op->n_in,
         row->operands);
  tc_type result = tc_scalar_type(row->result);
  if (!tc_type_equal(op->type, result) && op->type.dtype != TC_DT_void)
    FAIL(v, TC_RULE_operands, "the result has type %s, wanted %s",
         tc_type_name(v->ir->arena, op->type), tc_type_name(v->ir->arena, result));
}
