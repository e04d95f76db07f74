/* What the interpreter finds out while it runs a kernel, as asserts in the program: in-kernel
 * assumptions, integer divisions by zero, shifts by too many bits, and indices outside on-chip
 * buffers (those of global ones are guarded anyway).
 *
 * A value is defined when no operation it depends on had a divisor of 0 or a bad shift; of a select
 * only the chosen side counts. The assert stands before the statement that uses the value, and
 * under the statement's own predicate. So a mistake whose result is dropped in the same expression
 * is none. One that is stored is reported at the store; the interpreter waits until it is used. */
#include "target/cpu/cpu_impl.h"

#include "ir/build.h"
#include "pass/guard.h"
#include "rt/check.h"

enum kind { DIVISIONS, SHIFTS, N_KINDS };

typedef struct checker {
  tc_ir *ir;
  tc_arena *arena;
  tc_map *codes;
  tc_map known[N_KINDS]; /* value and lane -> its condition, 0: always defined */
  tc_region at;
  tc_span span;
} checker;

/* ---- when a value is defined ---- */

/* 0 stands for true, here and below. */
static tc_value defined(checker *c, enum kind kind, tc_value v, uint32_t lane);

static tc_value lane_of(tc_ir *ir, tc_value v, uint32_t lane) {
  return tc_value_type(ir, v).lanes > 1 ? tc_lane(ir, v, lane) : v;
}

static tc_value unless_true(const tc_ir *ir, tc_value condition) {
  int64_t x;
  return tc_const_of(ir, condition, &x) && x ? (tc_value){0} : condition;
}

/* The condition that the operation itself adds. */
static tc_value own_condition(checker *c, enum kind kind, const tc_op *op, uint32_t lane) {
  tc_ir *ir = c->ir;
  bool divides = op->opcode >= TC_OP_floordiv && op->opcode <= TC_OP_truncmod;
  bool shifts = op->opcode == TC_OP_shl || op->opcode == TC_OP_shr;
  if (!(kind == DIVISIONS ? divides : shifts) || tc_is_float(op->type)) return (tc_value){0};
  tc_value b = lane_of(ir, tc_input(ir, op, 1), lane);
  tc_type type = tc_value_type(ir, b);
  if (divides) return unless_true(ir, tc_binary(ir, TC_OP_ne, b, tc_zero(ir, type)));
  uint32_t bits = tc_type_bits(tc_scalar_type((enum tc_dtype)op->type.dtype));
  tc_value low = tc_binary(ir, TC_OP_le, tc_zero(ir, type), b);
  /* The last good amount fits the type where the number of bits does not: int2 ends at 1. */
  tc_value high = tc_binary(ir, TC_OP_le, b, tc_const_int(ir, type, bits - 1));
  return tc_and(ir, unless_true(ir, low), unless_true(ir, high));
}

static tc_value select_condition(checker *c, enum kind kind, const tc_op *op, uint32_t lane) {
  tc_ir *ir = c->ir;
  tc_value chosen = lane_of(ir, tc_input(ir, op, 0), lane);
  tc_value a = defined(c, kind, tc_input(ir, op, 1), lane);
  tc_value b = defined(c, kind, tc_input(ir, op, 2), lane);
  tc_value all = defined(c, kind, tc_input(ir, op, 0), lane), yes = tc_const_bool(ir, true);
  if (a.id || b.id) all = tc_and(ir, all, tc_select(ir, chosen, a.id ? a : yes, b.id ? b : yes));
  return all;
}

static tc_value condition_of(checker *c, enum kind kind, const tc_op *op, uint32_t lane) {
  tc_ir *ir = c->ir;
  uint32_t first = 0, end = op->n_in;
  if (op->opcode == TC_OP_select) return select_condition(c, kind, op, lane);
  if (op->opcode == TC_OP_lane) lane = op->payload;
  if (op->opcode == TC_OP_pack) first = lane, end = lane + 1;
  bool mixes = op->opcode == TC_OP_reinterpret; /* lanes of another size */
  tc_value all = own_condition(c, kind, op, lane);
  for (uint32_t i = first; i < end; i++) {
    tc_value in = tc_input(ir, op, i);
    uint32_t lanes = tc_value_type(ir, in).lanes;
    for (uint32_t k = 0; mixes && k < lanes; k++)
      all = tc_and(ir, all, defined(c, kind, in, k));
    if (!mixes) all = tc_and(ir, all, defined(c, kind, in, lane));
  }
  return all;
}

static tc_value defined(checker *c, enum kind kind, tc_value v, uint32_t lane) {
  const tc_op *op = tc_op_at(c->ir, v);
  tc_value condition = {0};
  if (!tc_op_is_pure(op) || op->n_in == 0) return condition;
  if (op->type.lanes <= 1) lane = 0;
  uint64_t key = (uint64_t)v.id << 16 | lane;
  if (tc_map_get(&c->known[kind], key, &condition.id)) return condition;
  const tc_op copy = *op; /* building values may move the record */
  condition = condition_of(c, kind, &copy, lane);
  tc_map_put(&c->known[kind], key, condition.id);
  return condition;
}

/* ---- asserts ---- */

static void require(checker *c, tc_value condition, uint32_t code, const char *text) {
  int64_t x;
  if (!condition.id || (tc_const_of(c->ir, condition, &x) && x)) return;
  tc_value stmt = tc_stmt(c->ir, c->at, TC_OP_assert, tc_scalar_type(TC_DT_void), &condition, 1,
                          tc_pl_text(c->ir, text), c->span);
  tc_map_put(c->codes, stmt.id, code);
}

static void require_kind(checker *c, enum kind kind, tc_value condition) {
  if (kind == DIVISIONS)
    require(c, condition, TC_RT_E_DIVISION, "a value depends on an integer division by zero");
  else
    require(c, condition, TC_RT_E_UNDEFINED,
            "a value is undefined: it depends on a shift by as many bits as the type has");
}

/* All lanes of an operand, or all numbers of a slice. */
static tc_value operand_condition(checker *c, enum kind kind, tc_value v) {
  tc_value all = {0};
  if (tc_is(c->ir, v, TC_OP_slice)) {
    for (uint32_t i = 0; i < tc_op_at(c->ir, v)->n_in; i++)
      all = tc_and(c->ir, all, defined(c, kind, tc_input(c->ir, tc_op_at(c->ir, v), i), 0));
    return all;
  }
  for (uint32_t k = 0; k < tc_value_type(c->ir, v).lanes; k++)
    all = tc_and(c->ir, all, defined(c, kind, v, k));
  return all;
}

/* `condition` where the predicate of lane `lane` holds. */
static tc_value under(checker *c, tc_value pred, uint32_t lane, tc_value condition) {
  if (!pred.id || !condition.id) return condition;
  tc_value skipped = tc_unary(c->ir, TC_OP_not, lane_of(c->ir, pred, lane));
  return tc_binary(c->ir, TC_OP_or, skipped, condition);
}

static uint32_t lanes_of(const tc_ir *ir, tc_value stmt) {
  uint32_t lanes = 1;
  for (uint32_t i = 0; i < tc_op_at(ir, stmt)->n_in; i++) {
    uint32_t n = tc_value_type(ir, tc_input(ir, tc_op_at(ir, stmt), i)).lanes;
    lanes = n > lanes ? n : lanes;
  }
  return lanes;
}

static void check_access(checker *c, tc_value stmt) {
  tc_ir *ir = c->ir;
  tc_value pred = tc_access_pred(ir, stmt), bounds[2 * TC_GUARD_RANK], inside = {0};
  uint32_t lanes = lanes_of(ir, stmt), n_bounds = 0;
  bool guarded = *tc_guard_flags(ir, stmt) & (TC_ACCESS_IN_BOUNDS | TC_ACCESS_GUARDED);
  const tc_buffer *b = tc_buf_at(ir, tc_access_buf(ir, stmt));
  for (int kind = 0; kind < N_KINDS; kind++) {
    tc_value all = {0};
    for (uint32_t k = 0; k < lanes; k++) {
      tc_value rest = {0};
      for (uint32_t i = 0; i < tc_op_at(ir, stmt)->n_in; i++) {
        tc_value in = tc_input(ir, tc_op_at(ir, stmt), i);
        if (in.id != pred.id) rest = tc_and(ir, rest, defined(c, (enum kind)kind, in, k));
      }
      if (pred.id) all = tc_and(ir, all, defined(c, (enum kind)kind, pred, k));
      all = tc_and(ir, all, under(c, pred, k, rest));
    }
    require_kind(c, (enum kind)kind, all);
  }
  if (!guarded && b->scope != TC_SCOPE_global) n_bounds = tc_guard_bounds(ir, stmt, bounds);
  for (uint32_t i = 0; i < n_bounds; i++)
    for (uint32_t k = 0; k < tc_value_type(ir, bounds[i]).lanes; k++)
      inside = tc_and(ir, inside, under(c, pred, k, lane_of(ir, bounds[i], k)));
  require(c, inside, TC_RT_E_OUTSIDE,
          tc_format(c->arena, "an index is outside %s buffer '%s'", tc_scope_name(b->scope),
                    tc_name_of(ir, b->name)));
}

static void check_statement(checker *c, tc_value stmt) {
  const tc_op op = *tc_op_at(c->ir, stmt);
  if (tc_guard_is_access(c->ir, stmt)) {
    check_access(c, stmt);
    return;
  }
  /* What is dropped or shown may be undefined. */
  if (op.opcode == TC_OP_eval || op.opcode == TC_OP_print) return;
  for (int kind = 0; kind < N_KINDS; kind++) {
    tc_value all = {0};
    for (uint32_t i = 0; i < op.n_in; i++)
      all = tc_and(c->ir, all, operand_condition(c, (enum kind)kind, tc_input(c->ir, &op, i)));
    require_kind(c, (enum kind)kind, all);
  }
  if (op.opcode == TC_OP_assume)
    require(c, tc_input(c->ir, &op, 0), TC_RT_E_ASSUME, "an assumption does not hold");
}

static void check_region(checker *c, tc_region region) {
  tc_block *block = tc_block_at(c->ir, region);
  uint32_t n = block->ops.n;
  tc_value *ops = tc_arena_copy(c->arena, block->ops.at, n * sizeof *ops);
  block->ops.n = 0;
  for (uint32_t i = 0; i < n; i++) {
    c->at = region;
    c->span = tc_op_at(c->ir, ops[i])->span;
    check_statement(c, ops[i]);
    block = tc_block_at(c->ir, region);
    tc_vec_push(c->ir->arena, &block->ops, ops[i]);
    const tc_op op = *tc_op_at(c->ir, ops[i]);
    for (uint32_t k = 0; k < tc_op_row((enum tc_opcode)op.opcode)->n_regions; k++)
      check_region(c, tc_child(c->ir, &op, k));
  }
}

void tc_cpu_insert_checks(tc_ir *ir, tc_map *codes, tc_arena *arena) {
  checker c = {.ir = ir, .arena = arena, .codes = codes};
  for (int kind = 0; kind < N_KINDS; kind++)
    c.known[kind] = tc_map_in(arena);
  const tc_block *body = tc_block_at(ir, ir->body);
  for (uint32_t i = 0; i < body->ops.n; i++)
    if (tc_is(ir, body->ops.at[i], TC_OP_kernel))
      check_region(&c, tc_child(ir, tc_op_at(ir, body->ops.at[i]), 0));
}
