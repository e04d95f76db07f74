/* The environment: what is assumed, and what statements say of their regions. A condition is kept
 * as it is, for evaluation, and taken apart into inequalities, intervals and residues. */
#include "base/checked.h"
#include "prove/prove_private.h"

#include "ir/build.h"
#include "ir/walk.h"

/* ---- scopes ---- */

void tc_prove_push(tc_prover *p) {
  tc_scope_mark mark = {p->conditions.n, p->constraints.n, p->refinements.n, p->doubtful, p->epoch};
  tc_vec_push(p->arena, &p->marks, mark);
}

void tc_prove_pop(tc_prover *p) {
  tc_scope_mark mark = p->marks.at[--p->marks.n];
  p->conditions.n = mark.n_conditions;
  p->constraints.n = mark.n_constraints;
  while (p->refinements.n > mark.n_refinements) {
    tc_refinement *r = &p->refinements.at[--p->refinements.n];
    tc_slot_at(p, (tc_value){r->value})->refinement = r->before;
  }
  p->doubtful = mark.doubtful;
  p->epoch = mark.epoch;
}

static void new_epoch(tc_prover *p) {
  p->epoch = ++p->n_epochs;
}

/* Whether control comes here is no longer decided by the conditions alone. */
static void doubt(tc_prover *p) {
  if (p->doubtful) return;
  p->doubtful = true;
  new_epoch(p);
}

static bool adds(const tc_fact *old, const tc_fact *more) {
  return more->range.lo > old->range.lo || more->range.hi < old->range.hi
         || (more->zeros & ~old->zeros) || (more->ones & ~old->ones)
         || (old->modulus != 0 && more->modulus != old->modulus
             && more->modulus % old->modulus == 0);
}

/* Nothing can be both: control does not come here. Proofs may say anything then, models may not. */
static bool is_contradiction(const tc_fact *a, const tc_fact *b) {
  bool apart = a->range.lo > b->range.hi || a->range.hi < b->range.lo;
  return apart || (b->modulus == 0 && (b->residue < a->range.lo || b->residue > a->range.hi));
}

static void refine_operands(tc_prover *p, tc_value v);

void tc_env_refine(tc_prover *p, tc_value v, tc_fact fact) {
  tc_fact f = *tc_fact_of(p, v);
  bool is_int = tc_is_int(tc_value_type(p->ir, v)) || tc_is_bool(tc_value_type(p->ir, v));
  /* Of a uint64 that may be large, only that it is not large is news. */
  if (!is_int || (!tc_is_plain(p, v) && fact.range.lo < 0) || !adds(&f, &fact)) return;
  if (is_contradiction(&f, &fact)) {
    doubt(p);
    return;
  }
  f.range = tc_interval_meet(f.range, fact.range);
  if (fact.modulus == 0 || (f.modulus && fact.modulus % f.modulus == 0))
    f.modulus = fact.modulus, f.residue = fact.residue;
  f.zeros |= fact.zeros & ~f.ones;
  f.ones |= fact.ones & ~f.zeros;
  tc_slot *slot = tc_slot_at(p, v);
  tc_refinement r = {v.id, slot->refinement, tc_fact_tighten(f, tc_value_type(p->ir, v))};
  tc_vec_push(p->arena, &p->refinements, r);
  slot->refinement = p->refinements.n;
  new_epoch(p);
  refine_operands(p, v);
}

static void refine_range(tc_prover *p, tc_value v, int64_t lo, int64_t hi) {
  if (lo <= hi) tc_env_refine(p, v, (tc_fact){.range = {lo, hi}, .modulus = 1});
}

/* A bound of a + k bounds a, and shows that the sum did not wrap, if wrapping would have led
 * elsewhere: a launch with (M + 127) // 128 > 0 blocks has an M that is not close to the limit. */
static void refine_addend(tc_prover *p, tc_value v, tc_value a, int64_t k) {
  tc_type type = tc_value_type(p->ir, v);
  tc_interval all = tc_interval_of_type(type), sum = tc_fact_of(p, v)->range;
  tc_interval x = tc_fact_of(p, a)->range;
  int64_t lo, hi, size;
  if (!tc_sub_fits(all.hi, all.lo, &size) || size == INT64_MAX || k == INT64_MIN) return;
  size += 1;
  bool wraps_down = k < 0 && x.lo + k < all.lo && x.lo + k + size <= sum.hi;
  bool wraps_up = k > 0 && x.hi + k > all.hi && x.hi + k - size >= sum.lo;
  if (wraps_down || wraps_up) return;
  if (tc_sub_fits(sum.lo, k, &lo) && tc_sub_fits(sum.hi, k, &hi)) refine_range(p, a, lo, hi);
}

static void refine_dividend(tc_prover *p, tc_value v, tc_value a, int64_t c) {
  tc_interval q = tc_fact_of(p, v)->range;
  int64_t lo, hi;
  if (!tc_mul_fits(q.lo, c, &lo)) lo = INT64_MIN;
  if (!tc_mul_fits(q.hi, c, &hi) || !tc_add_fits(hi, c - 1, &hi)) hi = INT64_MAX;
  refine_range(p, a, lo, hi);
}

/* What the range of v says of the values it is computed from. */
static void refine_operands(tc_prover *p, tc_value v) {
  const tc_op *op = tc_op_at(p->ir, v);
  if (!tc_op_is_pure(op) || op->n_in == 0 || !tc_is_int(op->type)) return;
  tc_value a = tc_input(p->ir, op, 0), b = tc_input(p->ir, op, op->n_in - 1u);
  tc_interval r = tc_fact_of(p, v)->range;
  int64_t c;
  if (!tc_is_plain(p, a) || !tc_is_plain(p, b)) return;
  bool constant = op->n_in == 2 && tc_const_of(p->ir, b, &c);
  if (op->opcode == TC_OP_add && constant) refine_addend(p, v, a, c);
  if (op->opcode == TC_OP_floordiv && constant && c > 0) refine_dividend(p, v, a, c);
  if (op->opcode == TC_OP_min) {
    refine_range(p, a, r.lo, INT64_MAX);
    refine_range(p, b, r.lo, INT64_MAX);
  }
  if (op->opcode == TC_OP_max) {
    refine_range(p, a, INT64_MIN, r.hi);
    refine_range(p, b, INT64_MIN, r.hi);
  }
  if (op->opcode == TC_OP_abs && r.hi >= 0
      && tc_fact_of(p, a)->range.lo > tc_interval_of_type(op->type).lo)
    refine_range(p, a, -r.hi, r.hi);
  if (op->opcode == TC_OP_cast
      && tc_interval_inside(tc_fact_of(p, a)->range, tc_interval_of_type(op->type)))
    refine_range(p, a, r.lo, r.hi);
}

/* ---- conditions ---- */

static void assume_order(tc_prover *p, tc_value a, tc_value b, int64_t gap) {
  tc_affine x = tc_affine_of(p, a), y = tc_affine_of(p, b), gap_form = tc_affine_const(gap);
  if (tc_affine_add(&x, &y, -1, &x) && tc_affine_add(&x, &gap_form, 1, &x)) tc_linear_assume(p, &x);
}

/* x % c == r says the residue of x, and of a variable that x differs from by a constant. */
static void assume_residue(tc_prover *p, tc_value a, tc_value b) {
  int64_t c, r = tc_fact_of(p, b)->range.lo;
  if (!tc_is(p->ir, a, TC_OP_floormod) || !tc_fact_is_const(tc_fact_of(p, b))) return;
  tc_value x = tc_input(p->ir, tc_op_at(p->ir, a), 0);
  if (!tc_const_of(p->ir, tc_input(p->ir, tc_op_at(p->ir, a), 1), &c) || c < 2) return;
  if (r < 0 || r >= c) return;
  tc_fact f = {.range = {INT64_MIN, INT64_MAX}, .modulus = c, .residue = r};
  tc_env_refine(p, x, f);
  tc_affine form = tc_affine_of(p, x);
  if (form.n != 1 || form.by[0] != 1) return;
  f.residue = tc_floor_mod(r - tc_floor_mod(form.constant, c), c);
  tc_env_refine(p, form.leaf[0], f);
}

static void assume_equal(tc_prover *p, tc_value a, tc_value b) {
  assume_residue(p, a, b);
  assume_residue(p, b, a);
  tc_fact x = *tc_fact_of(p, a), y = *tc_fact_of(p, b);
  tc_env_refine(p, a, y);
  tc_env_refine(p, b, x);
  assume_order(p, a, b, 0);
  assume_order(p, b, a, 0);
}

/* a != b helps at the end of an interval. */
static void assume_different(tc_prover *p, tc_value a, tc_value b) {
  const tc_fact *x = tc_fact_of(p, a), *y = tc_fact_of(p, b);
  if (!tc_fact_is_const(y) || tc_fact_is_const(x)) return;
  tc_fact f = {.range = x->range, .modulus = 1};
  if (f.range.lo == y->range.lo)
    f.range.lo++;
  else if (f.range.hi == y->range.lo)
    f.range.hi--;
  tc_env_refine(p, a, f);
}

static void assume_comparison(tc_prover *p, const tc_op *op, bool holds) {
  tc_value a = tc_input(p->ir, op, 0), b = tc_input(p->ir, op, 1);
  bool below = holds && (op->opcode == TC_OP_lt || op->opcode == TC_OP_le);
  if (below && tc_value_type(p->ir, a).dtype == TC_DT_uint64 && tc_is_plain(p, b))
    refine_range(p, a, 0, tc_fact_of(p, b)->range.hi);
  if (!tc_is_plain(p, a) || !tc_is_plain(p, b)) return;
  switch (op->opcode) {
  case TC_OP_lt:
    if (holds)
      assume_order(p, a, b, 1);
    else
      assume_order(p, b, a, 0);
    return;
  case TC_OP_le:
    if (holds)
      assume_order(p, a, b, 0);
    else
      assume_order(p, b, a, 1);
    return;
  case TC_OP_eq:
  case TC_OP_ne:
    if (holds == (op->opcode == TC_OP_eq)) {
      assume_equal(p, a, b);
    } else {
      assume_different(p, a, b);
      assume_different(p, b, a);
    }
    return;
  default:
    return;
  }
}

enum { MAX_DEPTH = 64 };

/* Takes a condition known to be `holds` apart. */
static void derive(tc_prover *p, tc_value v, bool holds, uint32_t depth) {
  tc_type type = tc_value_type(p->ir, v);
  if (depth == 0 || !tc_is_bool(type) || type.lanes != 1) return;
  tc_env_refine(p, v, tc_fact_of_const(holds, type));
  const tc_op *op = tc_op_at(p->ir, v);
  if (!tc_op_is_pure(op)) return;
  if (op->opcode == TC_OP_not) derive(p, tc_input(p->ir, op, 0), !holds, depth - 1);
  if (op->opcode == (holds ? TC_OP_and : TC_OP_or)) {
    derive(p, tc_input(p->ir, op, 0), holds, depth - 1);
    derive(p, tc_input(p->ir, op, 1), holds, depth - 1);
  }
  if (op->opcode >= TC_OP_eq && op->opcode <= TC_OP_le) assume_comparison(p, op, holds);
}

void tc_prove_assume(tc_prover *p, tc_value condition) {
  const tc_fact *f = tc_fact_of(p, condition);
  if (tc_fact_is_const(f) && f->range.lo == 1) return;
  if (tc_fact_is_const(f)) doubt(p);
  tc_vec_push(p->arena, &p->conditions, condition);
  derive(p, condition, true, MAX_DEPTH);
  /* What the second half says may let the first one say more. */
  if (tc_is(p->ir, condition, TC_OP_and)) derive(p, condition, true, MAX_DEPTH);
}

void tc_prove_conditions(const tc_prover *p, tc_arena *arena, tc_values *out) {
  for (uint32_t i = 0; i < p->conditions.n; i++)
    tc_vec_push(arena, out, p->conditions.at[i]);
}

/* ---- variables ---- */

static tc_value compare(tc_ir *ir, enum tc_opcode op, tc_value a, tc_value b) {
  tc_type x = tc_value_type(ir, a), y = tc_value_type(ir, b);
  tc_type type = tc_type_equal(x, y) ? x : tc_scalar_type(TC_DT_int64);
  return tc_binary(ir, op, tc_cast(ir, a, type), tc_cast(ir, b, type));
}

static void bind_range(tc_prover *p, tc_value v, int64_t lo, int64_t hi) {
  if (lo > hi) return; /* never executed */
  tc_env_refine(p, v, (tc_fact){.range = {lo, hi}, .modulus = 1});
}

void tc_prove_bind(tc_prover *p, tc_var var, tc_value lo, tc_value hi) {
  tc_value v = tc_var_value(p->ir, var);
  if (lo.id && tc_is_plain(p, lo)) bind_range(p, v, tc_fact_of(p, lo)->range.lo, INT64_MAX);
  if (hi.id && tc_is_plain(p, hi)) {
    int64_t most = tc_fact_of(p, hi)->range.hi;
    if (most > INT64_MIN) bind_range(p, v, INT64_MIN, most - 1);
  }
  if (lo.id) tc_prove_assume(p, compare(p->ir, TC_OP_le, lo, v));
  if (hi.id) tc_prove_assume(p, compare(p->ir, TC_OP_lt, v, hi));
}

/* ---- statements ---- */

static void enter_kernel(tc_prover *p, tc_value stmt) {
  const tc_kernel *k = tc_kernel_of(p->ir, stmt);
  const tc_op *op = tc_op_at(p->ir, stmt);
  p->budget = p->options.budget;
  if (!p->budget) p->budget = UINT64_C(1) << (p->options.deep ? 24 : 20);
  for (uint32_t d = 0; d < k->n_grid; d++) {
    tc_value extent = tc_input(p->ir, op, d), zero = tc_zero(p->ir, tc_value_type(p->ir, extent));
    tc_prove_assume(p, tc_binary(p->ir, TC_OP_lt, zero, extent)); /* else the launch is refused */
    tc_prove_bind(p, k->block[d], zero, extent);
  }
  for (uint32_t d = 0; d < 3; d++)
    if (k->thread[d].id) bind_range(p, tc_var_value(p->ir, k->thread[d]), 0, k->threads[d] - 1);
}

static void enter_parallel(tc_prover *p, tc_value stmt) {
  const tc_op *op = tc_op_at(p->ir, stmt);
  for (uint32_t i = 0; i < op->n_in; i++) {
    tc_value extent = tc_input(p->ir, op, i);
    tc_value zero = tc_zero(p->ir, tc_value_type(p->ir, extent));
    tc_prove_bind(p, tc_parallel_of(p->ir, stmt)->vars[i], zero, extent);
  }
}

/* v differs from lo by a multiple of stride, said in 64 bits and only where that cannot wrap. */
static void bind_stride(tc_prover *p, tc_value v, tc_value lo, int64_t stride) {
  tc_type wide = tc_scalar_type(TC_DT_int64);
  const tc_fact *first = tc_fact_of(p, lo);
  int64_t modulus = tc_gcd(first->modulus, stride), difference;
  tc_fact f = {.range = {INT64_MIN, INT64_MAX}, .modulus = modulus};
  f.residue = tc_floor_mod(first->residue, modulus);
  tc_interval x = tc_fact_of(p, v)->range, y = first->range;
  bool fits = tc_sub_fits(x.hi, y.lo, &difference) && tc_sub_fits(x.lo, y.hi, &difference);
  tc_env_refine(p, v, f);
  if (!fits) return;
  tc_value apart = tc_binary(p->ir, TC_OP_sub, tc_cast(p->ir, v, wide), tc_cast(p->ir, lo, wide));
  tc_value rest = tc_binary(p->ir, TC_OP_floormod, apart, tc_const_int(p->ir, wide, stride));
  tc_prove_assume(p, tc_binary(p->ir, TC_OP_eq, rest, tc_const_int(p->ir, wide, 0)));
}

/* An induction variable never wraps: it stops at `hi`. */
static void enter_for(tc_prover *p, tc_value stmt) {
  const tc_op *op = tc_op_at(p->ir, stmt);
  tc_var var = tc_loop_of(p->ir, stmt)->var;
  tc_value lo = tc_input(p->ir, op, 0), hi = tc_input(p->ir, op, 1), v = tc_var_value(p->ir, var);
  int64_t step = 1;
  tc_const_of(p->ir, tc_input(p->ir, op, 2), &step);
  if (step > 0) {
    tc_prove_bind(p, var, lo, hi);
  } else {
    bind_range(p, v, INT64_MIN, tc_fact_of(p, lo)->range.hi);
    tc_prove_assume(p, compare(p->ir, TC_OP_le, v, lo));
    tc_prove_assume(p, compare(p->ir, TC_OP_lt, hi, v));
  }
  int64_t stride = step > 0 ? step : -step;
  if (stride > 1 && step != INT64_MIN) bind_stride(p, v, lo, stride);
}

/* The last statement of a region, or 0. */
static tc_value last_of(const tc_ir *ir, tc_region r) {
  const tc_block *block = tc_block_at(ir, r);
  return block->ops.n ? block->ops.at[block->ops.n - 1] : (tc_value){0};
}

void tc_prove_enter(tc_prover *p, tc_value stmt, uint32_t r) {
  tc_ir *ir = p->ir;
  const tc_op *op = tc_op_at(ir, stmt);
  tc_prove_push(p);
  switch (op->opcode) {
  case TC_OP_kernel:
    enter_kernel(p, stmt);
    return;
  case TC_OP_for:
    enter_for(p, stmt);
    if (tc_has_jump(ir, tc_child(ir, op, 0), TC_OP_break)) doubt(p);
    return;
  case TC_OP_parallel:
    enter_parallel(p, stmt);
    return;
  case TC_OP_while: {
    tc_value yield = last_of(ir, tc_child(ir, op, 0));
    if (r == 1 && tc_is(ir, yield, TC_OP_yield))
      tc_prove_assume(p, tc_input(ir, tc_op_at(ir, yield), 0));
    if (tc_has_jump(ir, tc_child(ir, op, 1), TC_OP_break)) doubt(p);
    return;
  }
  case TC_OP_if: {
    tc_value c = tc_input(ir, op, 0);
    tc_prove_assume(p, r == 0 ? c : tc_unary(ir, TC_OP_not, c));
    return;
  }
  case TC_OP_group:
  case TC_OP_perthread: {
    const tc_group *g = tc_group_of(ir, stmt);
    if (g->thread.id) bind_range(p, tc_var_value(ir, g->thread), g->first, g->first + g->count - 1);
    return;
  }
  default:
    return;
  }
}

/* Does control never reach the end of the region? */
static bool leaves(const tc_ir *ir, tc_region r) {
  tc_value last = last_of(ir, r);
  if (!last.id) return false;
  const tc_op *op = tc_op_at(ir, last);
  if (op->opcode == TC_OP_if)
    return leaves(ir, tc_child(ir, op, 0)) && leaves(ir, tc_child(ir, op, 1));
  return op->opcode == TC_OP_break || op->opcode == TC_OP_continue;
}

void tc_prove_after(tc_prover *p, tc_value stmt) {
  tc_ir *ir = p->ir;
  const tc_op *op = tc_op_at(ir, stmt);
  if (op->opcode == TC_OP_assume || op->opcode == TC_OP_assert)
    tc_prove_assume(p, tc_input(ir, op, 0));
  if (op->opcode != TC_OP_if) return;
  for (uint32_t r = 0; r < 2; r++) {
    tc_region side = tc_child(ir, op, r);
    tc_value c = tc_input(ir, op, 0);
    if (leaves(ir, side))
      tc_prove_assume(p, r == 0 ? tc_unary(ir, TC_OP_not, c) : c);
    else if (tc_has_jump(ir, side, TC_OP_continue))
      doubt(p);
  }
}

void tc_prove_walk(tc_prover *p, tc_region at, tc_prove_visit *visit, void *data) {
  tc_prove_push(p);
  for (uint32_t i = 0; i < tc_block_at(p->ir, at)->ops.n; i++) {
    tc_value stmt = tc_block_at(p->ir, at)->ops.at[i];
    bool inside = visit(p, stmt, data);
    const tc_op *op = tc_op_at(p->ir, stmt);
    uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
    for (uint32_t r = 0; inside && r < n; r++) {
      tc_prove_enter(p, stmt, r);
      tc_prove_walk(p, tc_child(p->ir, op, r), visit, data);
      tc_prove_pop(p);
    }
    tc_prove_after(p, stmt);
  }
  tc_prove_pop(p);
}
