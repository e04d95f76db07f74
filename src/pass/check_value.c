#include "pass/check.h"

#include "ir/build.h"
#include "pass/deps.h"
#include "pass/guard.h"

/* ---- divisions and shifts ---- */

static void report_poison(tc_check *c, tc_value stmt, tc_value culprit, const tc_model *model) {
  tc_span span = tc_op_at(c->ir, stmt)->span;
  const tc_op *op = tc_op_at(c->ir, culprit);
  bool shifts = op->opcode == TC_OP_shl || op->opcode == TC_OP_shr;
  if (!tc_check_is_news(c, (tc_buf){0}, span)) return;
  if (shifts)
    TC_DIAG(c->ir->diags, D_shift_amount, span,
            tc_check_value_text(c, tc_input(c->ir, op, 1), model), tc_type_name(c->arena, op->type),
            tc_type_bits(op->type));
  else
    TC_DIAG(c->ir->diags, D_zero_divisor, span);
  tc_check_note_model(c, model, span);
}

static void check_defined(tc_check *c, tc_value stmt, tc_value v) {
  tc_model model;
  tc_value culprit;
  if (tc_value_type(c->ir, v).lanes != 1) return;
  if (tc_prove_defined(c->p, TC_PROVE_check, v, &model, &culprit) != TC_REFUTED) return;
  report_poison(c, stmt, culprit, &model);
}

static void check_operands(tc_check *c, tc_value stmt, tc_value of) {
  uint32_t n = tc_op_at(c->ir, of)->n_in;
  for (uint32_t i = 0; i < n; i++) {
    tc_value in = tc_input(c->ir, tc_op_at(c->ir, of), i);
    if (tc_is(c->ir, in, TC_OP_slice))
      check_operands(c, stmt, in);
    else
      check_defined(c, stmt, in);
  }
}

/* ---- int32 indices that wrap ---- */

enum { MAX_SUMS = 64 };

static bool is_sum(const tc_op *op) {
  return op->opcode == TC_OP_add || op->opcode == TC_OP_sub || op->opcode == TC_OP_mul;
}

static bool has_sizes(tc_check *c, tc_value v) {
  tc_deps deps = {0};
  tc_deps_add(c->ir, c->arena, v, &deps);
  for (uint32_t i = 0; i < deps.vars.n; i++) {
    enum tc_var_kind kind = tc_var_at(c->ir, deps.vars.at[i])->kind;
    if (kind == TC_VAR_DIM || kind == TC_VAR_SCALAR) return true;
  }
  return deps.stmts.n > 0;
}

/* Is the sum in 64 bits another one at some point, whatever the sizes of the launch? */
static bool wraps(tc_check *c, tc_value v, tc_model *model) {
  const tc_op *op = tc_op_at(c->ir, v);
  tc_type wide = tc_scalar_type(TC_DT_int64), type = op->type;
  if (type.dtype != TC_DT_int32) return false;
  tc_value exact =
      tc_binary(c->ir, (enum tc_opcode)op->opcode, tc_cast(c->ir, tc_input(c->ir, op, 0), wide),
                tc_cast(c->ir, tc_input(c->ir, op, 1), wide));
  tc_interval r = tc_prove_interval(c->p, exact), all = tc_interval_of_type(type);
  if ((r.lo >= all.lo && r.hi <= all.hi) || has_sizes(c, v)) return false;
  tc_value same = tc_binary(c->ir, TC_OP_eq, exact, tc_cast(c->ir, v, wide));
  return tc_prove(c->p, TC_PROVE_check, same, model) == TC_REFUTED && !model->chosen;
}

/* Sums that reach the index through sums and widening alone: what passes through a remainder or a
 * mask may be meant to wrap. */
static bool find_wrap(tc_check *c, tc_value index, tc_value *found, tc_model *model) {
  tc_value work[MAX_SUMS];
  uint32_t n = 0;
  work[n++] = index;
  for (uint32_t i = 0; i < n; i++) {
    const tc_op *op = tc_op_at(c->ir, work[i]);
    if (!is_sum(op) && op->opcode != TC_OP_cast) continue;
    if (is_sum(op) && wraps(c, work[i], model)) return *found = work[i], true;
    for (uint32_t k = 0; k < op->n_in && n < MAX_SUMS; k++)
      work[n++] = tc_input(c->ir, op, k);
  }
  return false;
}

static void check_index(tc_check *c, tc_value stmt, tc_buf buf, tc_value index) {
  tc_span span = tc_op_at(c->ir, stmt)->span;
  tc_model model;
  tc_value sum;
  if (tc_value_type(c->ir, index).lanes != 1 || !find_wrap(c, index, &sum, &model)) return;
  if (!tc_check_is_news(c, buf, span)) return;
  const tc_op *op = tc_op_at(c->ir, sum);
  static const char SIGNS[] = {'+', '-', '*'};
  const char *text = tc_format(
      c->arena, "%s %c %s becomes %s", tc_check_value_text(c, tc_input(c->ir, op, 0), &model),
      SIGNS[op->opcode == TC_OP_mul ? 2 : op->opcode == TC_OP_sub],
      tc_check_value_text(c, tc_input(c->ir, op, 1), &model), tc_check_value_text(c, sum, &model));
  TC_DIAG(c->ir->diags, D_index_overflow, span, tc_check_buf_name(c, buf), text);
  tc_check_note_model(c, &model, span);
}

static void check_indices(tc_check *c, tc_value stmt) {
  if (tc_guard_is_access(c->ir, stmt)) {
    tc_buf buf = tc_access_buf(c->ir, stmt);
    for (uint32_t d = 0; d < tc_buf_at(c->ir, buf)->rank; d++)
      check_index(c, stmt, buf, tc_input(c->ir, tc_op_at(c->ir, stmt), d));
    return;
  }
  for (uint32_t i = 0; i < tc_op_at(c->ir, stmt)->n_in; i++) {
    tc_value in = tc_input(c->ir, tc_op_at(c->ir, stmt), i);
    if (!tc_is(c->ir, in, TC_OP_slice)) continue;
    for (uint32_t d = 0; d < tc_op_at(c->ir, in)->n_in / 2u; d++)
      check_index(c, stmt, tc_slice_buf(c->ir, in), tc_slice_base(c->ir, in, d));
  }
}

/* ---- statements ---- */

void tc_check_values(tc_check *c, tc_value stmt) {
  tc_value pred = {0};
  bool guarded = false;
  if (tc_guard_is_access(c->ir, stmt)) {
    pred = tc_access_pred(c->ir, stmt);
    guarded = *tc_guard_flags(c->ir, stmt) & TC_ACCESS_GUARDED;
  }
  if (pred.id) check_defined(c, stmt, pred);
  /* A guard catches the index that wrapped: the mistake is there all the same. */
  if (guarded) check_indices(c, stmt);
  tc_prove_push(c->p);
  if (pred.id && tc_value_type(c->ir, pred).lanes == 1) tc_prove_assume(c->p, pred);
  check_operands(c, stmt, stmt);
  if (!guarded) check_indices(c, stmt);
  tc_prove_pop(c->p);
}
