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

/* ---- arrays of the thread ---- */

typedef struct array_row {
  enum tc_prim_row prim;
  uint32_t operand;
  enum tc_dtype dtype;
} array_row;

static const array_row ARRAYS[] = {
#define ARRAY(prim, operand, dtype, elements) {TC_PRIM_##prim, operand, TC_DT_##dtype},
#include "ir/arrays.def"
#undef ARRAY
};

static int64_t elements_of(uint32_t row, int64_t n) {
  const int64_t all[] = {
#define ARRAY(prim, operand, dtype, elements) (elements),
#include "ir/arrays.def"
#undef ARRAY
  };
  (void)n;
  return all[row];
}

static void check_array(tc_verifier *v, const tc_prim *prim, uint32_t k, tc_value slice) {
  const tc_buffer *b = tc_buf_at(v->ir, tc_slice_buf(v->ir, slice));
  for (uint32_t i = 0; i < sizeof ARRAYS / sizeof ARRAYS[0]; i++) {
    int64_t found, wanted = elements_of(i, prim->n);
    if (ARRAYS[i].prim != prim->row || ARRAYS[i].operand != k) continue;
    if (!tc_type_equal(b->elem, tc_scalar_type(ARRAYS[i].dtype)) || b->rank != 1)
      FAIL(v, TC_RULE_registers, "operand %u is no array of %s", k,
           tc_type_name(v->ir->arena, tc_scalar_type(ARRAYS[i].dtype)));
    else if (!tc_const_of(v->ir, tc_slice_extent(v->ir, slice, 0), &found) || found != wanted)
      FAIL(v, TC_RULE_registers, "operand %u has not the %lld elements that it must have", k,
           (long long)wanted);
  }
}

/* Barriers with numbers: which of them, and how many threads. */
static void check_named(tc_verifier *v, const tc_op *op, const tc_prim *prim) {
  int64_t id, count;
  if (prim->row != TC_PRIM_sync_named && prim->row != TC_PRIM_arrive_named) return;
  if (!tc_const_of(v->ir, tc_input(v->ir, op, 0), &id) || id < 0 || id >= TC_NAMED_BARRIERS)
    FAIL(v, TC_RULE_payloads, "there is no barrier with this number");
  if (!tc_const_of(v->ir, tc_input(v->ir, op, 1), &count) || count < TC_WARP || count % TC_WARP
      || count > TC_MAX_THREADS)
    FAIL(v, TC_RULE_payloads, "the threads that meet are no whole warps");
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
    if (!v->failed && scope == TC_SCOPE_local)
      check_array(v, &v->ir->prims.at[op->payload], k, tc_input(v->ir, op, k));
  }
  if (!v->failed && (row->operands[k] || op->n_in != k))
    FAIL(v, TC_RULE_operands, "%s has %u operands, its row says \"%s\"", row->name, op->n_in,
         row->operands);
  tc_type result = tc_scalar_type(row->result);
  if (!tc_type_equal(op->type, result) && op->type.dtype != TC_DT_void)
    FAIL(v, TC_RULE_operands, "the result has type %s, wanted %s",
         tc_type_name(v->ir->arena, op->type), tc_type_name(v->ir->arena, result));
  if (!v->failed) check_named(v, op, &v->ir->prims.at[op->payload]);
}
