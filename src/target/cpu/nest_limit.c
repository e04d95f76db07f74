/* Conditions as bounds of the innermost loop. */
#include "target/cpu/nest.h"

#include <inttypes.h>

/* Both 0 <= index and index < something are among the conditions. Then, and only then, an int32
 * index that may wrap can be compared in 64 bits instead (see tc_ce_index). */
static bool has_both_bounds(tc_ir *ir, const tc_value_vec *conds, tc_value index) {
  bool below = false, above = false;
  for (uint32_t i = 0; i < conds->n; i++) {
    const tc_op *op = tc_op_at(ir, conds->at[i]);
    if (op->opcode != TC_OP_lt && op->opcode != TC_OP_le) continue;
    int64_t x;
    tc_value left = tc_input(ir, op, 0), right = tc_input(ir, op, 1);
    if (right.id == index.id && tc_const_of(ir, left, &x) && x >= 0) below = true;
    if (left.id == index.id) above = true;
  }
  return below && above;
}

/* `side` as rest + by * x over the integers, by = 1 or -1. */
static bool split(tc_nest *n, const tc_value_vec *conds, tc_value side, tc_value x, int *by,
                  const char **rest) {
  tc_cemit *e = n->c->e;
  tc_type type = tc_value_type(e->ir, side);
  if (type.dtype != TC_DT_int32 && type.dtype != TC_DT_int64) return false;
  tc_linear l = tc_linear_of(&e->ranges, side), without = tc_linear_without(&l, x);
  int64_t k = tc_linear_by(&l, x);
  if (k != 1 && k != -1) return false;
  for (uint32_t t = 0; t < without.n; t++)
    if (tc_nest_mask(n, without.terms[t].leaf) >> n->order[n->p->n - 1] & 1) return false;
  if (!l.exact && (k != 1 || !has_both_bounds(e->ir, conds, side))) return false;
  *by = (int)k;
  *rest = l.exact ? tc_ce_linear(e, &without) : tc_ce_linear32(e, &without);
  return true;
}

const char *tc_nest_wide(tc_nest *n, tc_value v) {
  tc_cemit *e = n->c->e;
  int64_t x;
  if (tc_const_of(e->ir, v, &x)) return tc_ce_text(e, "%" PRId64, x);
  return tc_ce_text(e, "(tc_i64)%s", tc_ce_ref(e, v, 0));
}

bool tc_nest_limit(tc_nest *n, const tc_value_vec *conds, tc_value cond, tc_limit *out) {
  tc_cemit *e = n->c->e;
  const tc_op *op = tc_op_at(e->ir, cond);
  uint32_t inner = n->order[n->p->n - 1];
  if ((op->opcode != TC_OP_lt && op->opcode != TC_OP_le) || op->type.lanes != 1) return false;
  tc_value left = tc_input(e->ir, op, 0), right = tc_input(e->ir, op, 1);
  bool in_left = tc_nest_mask(n, left) >> inner & 1, in_right = tc_nest_mask(n, right) >> inner & 1;
  if (in_left == in_right) return false;
  int by;
  const char *rest;
  if (!split(n, conds, in_left ? left : right, n->var[inner], &by, &rest)) return false;
  const char *other = tc_nest_wide(n, in_left ? right : left);
  bool strict = op->opcode == TC_OP_lt;
  /* left: rest + x < other; right: other < rest + x; and with -x. */
  out->upper = in_left == (by == 1);
  int add = out->upper ? !strict : strict;
  const char *more = add ? " + 1" : "";
  out->text = by == 1 ? tc_ce_text(e, "%s - (%s)%s", other, rest, more)
                      : tc_ce_text(e, "(%s) - %s%s", rest, other, more);
  return true;
}
