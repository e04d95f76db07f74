/* Linear inequalities. A goal `form <= 0` is proved by adding multiples of known inequalities that
 * cancel its leaves, newest leaf first, until intervals decide: Fourier-Motzkin elimination driven
 * by the goal, with a bound on the steps. All numbers are integers, so a goal scaled by m needs
 * only to stay below m, and a common factor of all terms rounds the constant.
 *
 * Known inequalities are the assumed ones and, for leaves that are divisions, minima and the like,
 * those that define them: c * (x // c) lies between x - (c - 1) and x. */
#include "base/checked.h"
#include "prove/prove_private.h"

/* ---- definitions ---- */

enum { MAX_POOL = 96 };

static void round_known(tc_prover *p, tc_affine *e);

static void add_to_pool(tc_prover *p, const tc_affine *x) {
  if (p->pool.n == MAX_POOL) return;
  tc_affine known = *x;
  round_known(p, &known);
  tc_vec_push(p->arena, &p->pool, known);
}

/* by_a * a + by_b * b + constant <= 0 */
static void relate(tc_prover *p, const tc_affine *a, int64_t by_a, const tc_affine *b, int64_t by_b,
                   int64_t constant) {
  tc_affine r = tc_affine_const(constant);
  if (tc_affine_add(&r, a, by_a, &r) && tc_affine_add(&r, b, by_b, &r)) add_to_pool(p, &r);
}

/* What x mod c may be, given the residue that is known of x. */
static tc_interval remainders(const tc_fact *x, int64_t c) {
  if (x->modulus % c == 0) {
    int64_t r = tc_floor_mod(x->residue, c);
    return (tc_interval){r, r};
  }
  int64_t g = tc_gcd(x->modulus, c), r = tc_floor_mod(x->residue, g);
  return (tc_interval){r, c - g + r};
}

static void define_division(tc_prover *p, const tc_op *op, const tc_affine *leaf) {
  tc_value a = tc_input(p->ir, op, 0), b = tc_input(p->ir, op, 1);
  const tc_fact *x = tc_fact_of(p, a), *y = tc_fact_of(p, b);
  int64_t c = y->range.lo;
  if (c <= 0) return;
  tc_affine form = tc_affine_of(p, a);
  if (op->opcode == TC_OP_floormod) {
    if (x->range.lo >= 0) relate(p, leaf, 1, &form, -1, 0);
  } else if (tc_fact_is_const(y)) {
    tc_interval rest = remainders(x, c);
    relate(p, leaf, c, &form, -1, rest.lo);
    relate(p, leaf, -c, &form, 1, -rest.hi);
  } else if (x->range.lo >= 0) {
    relate(p, leaf, 1, &form, -1, 0);
  }
}

/* min: not above either operand; max: not below. Likewise for bits of numbers >= 0. */
static void define_bounded(tc_prover *p, const tc_op *op, const tc_affine *leaf, int64_t sign) {
  for (uint32_t i = 0; i < 2; i++) {
    tc_affine side = tc_affine_of(p, tc_input(p->ir, op, i));
    relate(p, leaf, sign, &side, -sign, 0);
  }
}

/* factor * other, where other >= 0: an inequality that holds of the factor holds of the product. */
static void define_scaled(tc_prover *p, tc_value factor, tc_value other) {
  tc_affine x = tc_affine_of(p, factor), y = tc_affine_of(p, other), r;
  if (x.n != 1 || x.constant != 0 || x.by[0] != 1 || tc_fact_of(p, other)->range.lo < 0) return;
  for (uint32_t i = p->constraints.n; i-- > 0;) {
    tc_affine known = p->constraints.at[i];
    if (tc_affine_by(&known, x.leaf[0]) && tc_affine_multiply(p, &known, &y, &r))
      add_to_pool(p, &r);
  }
}

static void define_product(tc_prover *p, const tc_op *op) {
  define_scaled(p, tc_input(p->ir, op, 0), tc_input(p->ir, op, 1));
  define_scaled(p, tc_input(p->ir, op, 1), tc_input(p->ir, op, 0));
}

static void define(tc_prover *p, tc_value v) {
  const tc_op *op = tc_op_at(p->ir, v);
  if (!tc_op_is_pure(op) || op->n_in != 2 || !tc_is_int(op->type)) return;
  tc_value a = tc_input(p->ir, op, 0), b = tc_input(p->ir, op, 1);
  if (!tc_is_plain(p, a) || !tc_is_plain(p, b)) return;
  bool natural = tc_fact_of(p, a)->range.lo >= 0 && tc_fact_of(p, b)->range.lo >= 0;
  tc_affine leaf = tc_affine_const(0);
  leaf.n = 1, leaf.leaf[0] = v, leaf.by[0] = 1;
  switch (op->opcode) {
  case TC_OP_floordiv:
  case TC_OP_floormod:
    define_division(p, op, &leaf);
    return;
  case TC_OP_mul:
    if (tc_affine_is_product(p, v)) define_product(p, op);
    return;
  case TC_OP_min:
    define_bounded(p, op, &leaf, 1);
    return;
  case TC_OP_max:
    define_bounded(p, op, &leaf, -1);
    return;
  case TC_OP_and:
    if (natural) define_bounded(p, op, &leaf, 1);
    return;
  case TC_OP_or:
    if (natural) define_bounded(p, op, &leaf, -1);
    return;
  default:
    return;
  }
}

static void define_leaves(tc_prover *p, const tc_affine *a) {
  for (uint32_t i = 0; i < a->n; i++) {
    tc_slot *slot = tc_slot_at(p, a->leaf[i]);
    if (slot->seen == p->n_walks) continue;
    slot->seen = p->n_walks;
    define(p, a->leaf[i]);
  }
}

/* The assumed inequalities, and the definitions of all leaves in them and in the goal. */
static void fill_pool(tc_prover *p, const tc_affine *goal) {
  p->n_walks++;
  p->pool.n = 0;
  define_leaves(p, goal);
  for (uint32_t i = p->constraints.n; i-- > 0;)
    add_to_pool(p, &p->constraints.at[i]);
  for (uint32_t i = 0; i < p->pool.n; i++) {
    tc_affine known = p->pool.at[i];
    define_leaves(p, &known);
  }
}

/* ---- elimination ---- */

/* The sum is `*rest` modulo `*step` whatever its leaves are; step 0: it is the constant. */
static bool residue_of(tc_prover *p, const tc_affine *e, int64_t *step, int64_t *rest) {
  *step = 0;
  *rest = e->constant;
  for (uint32_t i = 0; i < e->n; i++) {
    const tc_fact *f = tc_fact_of(p, e->leaf[i]);
    int64_t by, shift;
    if (!tc_mul_fits(e->by[i], f->modulus, &by) || !tc_mul_fits(e->by[i], f->residue, &shift)
        || !tc_add_fits(*rest, shift, rest))
      return false;
    *step = tc_gcd(*step, by);
  }
  return true;
}

/* The sum skips numbers: a goal may be met just below the smallest positive one, and what is known
 * to be <= 0 is at most the largest such one. */
static void round_goal(tc_prover *p, tc_affine *e) {
  int64_t step, rest;
  if (!residue_of(p, e, &step, &rest) || step < 2) return;
  int64_t first = tc_floor_mod(rest, step), by = (first ? first : step) - 1;
  if (!tc_sub_fits(e->constant, by, &e->constant)) e->constant += by;
}

static void round_known(tc_prover *p, tc_affine *e) {
  int64_t step, rest, sharper;
  if (!residue_of(p, e, &step, &rest) || step < 2) return;
  int64_t last = tc_floor_mod(rest, step) ? step - tc_floor_mod(rest, step) : 0;
  if (tc_add_fits(e->constant, last, &sharper)) e->constant = sharper;
}

/* m * e - l * known without `leaf`, for m, l > 0; minus the slack m - 1. */
static bool cancel(const tc_affine *e, const tc_affine *known, tc_value leaf, tc_affine *r) {
  int64_t x = tc_affine_by(e, leaf), y = tc_affine_by(known, leaf);
  if (y == 0 || (x > 0) != (y > 0) || y == INT64_MIN || x == INT64_MIN) return false;
  int64_t g = tc_gcd(x, y);
  int64_t m = (y > 0 ? y : -y) / g, l = (x > 0 ? x : -x) / g;
  tc_affine zero = tc_affine_const(1 - m);
  return tc_affine_add(&zero, e, m, r) && tc_affine_add(r, known, -l, r);
}

/* e with its newest leaf at the interval's far end. */
static bool at_far_end(tc_prover *p, const tc_affine *e, tc_affine *r) {
  *r = *e;
  r->n--;
  tc_interval x = tc_fact_of(p, e->leaf[r->n])->range;
  int64_t by = e->by[r->n], most;
  return tc_mul_fits(by > 0 ? x.hi : x.lo, by, &most)
         && tc_add_fits(r->constant, most, &r->constant);
}

static bool has_newer(const tc_affine *a, tc_value leaf) {
  return a->n && a->leaf[a->n - 1].id > leaf.id;
}

static bool eliminate(tc_prover *p, const tc_affine *goal, uint32_t depth) {
  tc_affine e = *goal, next;
  tc_interval r;
  round_goal(p, &e);
  if (p->linear_steps == 0) return false;
  p->linear_steps--;
  if (tc_affine_range(p, &e, &r)) {
    if (r.hi <= 0) return true;
    if (r.lo > 0) return false;
  }
  if (depth == 0 || e.n == 0) return false;
  tc_value leaf = e.leaf[e.n - 1];
  /* First by what refers to older leaves only: that must come to an end. */
  for (int newer = 0; newer < 2; newer++) {
    for (uint32_t i = 0; i < p->pool.n; i++) {
      if (has_newer(&p->pool.at[i], leaf) != (newer == 1)) continue;
      if (cancel(&e, &p->pool.at[i], leaf, &next) && eliminate(p, &next, depth - 1)) return true;
    }
    if (newer == 0 && at_far_end(p, &e, &next) && eliminate(p, &next, depth - 1)) return true;
  }
  return false;
}

enum { MAX_DEPTH = 8 };

bool tc_linear_proves(tc_prover *p, const tc_affine *form) {
  tc_interval r;
  if (form->n == 0) return form->constant <= 0;
  if (tc_affine_range(p, form, &r)) {
    if (r.hi <= 0) return true;
    if (r.lo > 0) return false;
  }
  fill_pool(p, form);
  return p->pool.n && eliminate(p, form, MAX_DEPTH);
}

/* ---- assuming ---- */

/* Bounds leaf i from the intervals of the others: by * x <= -(the least the rest can be). */
static void sharpen_leaf(tc_prover *p, const tc_affine *form, uint32_t i) {
  tc_affine rest = *form;
  int64_t by = form->by[i];
  for (uint32_t k = i; k + 1 < rest.n; k++)
    rest.leaf[k] = rest.leaf[k + 1], rest.by[k] = rest.by[k + 1];
  rest.n--;
  tc_interval r;
  if (!tc_affine_range(p, &rest, &r) || r.lo == INT64_MIN || by == INT64_MIN) return;
  tc_fact f = {.range = {INT64_MIN, INT64_MAX}, .modulus = 1};
  if (by > 0)
    f.range.hi = tc_floor_div(-r.lo, by);
  else
    f.range.lo = -tc_floor_div(-r.lo, -by);
  tc_env_refine(p, form->leaf[i], f);
}

static bool same_form(const tc_affine *a, const tc_affine *b) {
  bool same = a->n == b->n && a->constant == b->constant;
  for (uint32_t i = 0; same && i < a->n; i++)
    same = a->leaf[i].id == b->leaf[i].id && a->by[i] == b->by[i];
  return same;
}

static bool is_assumed(const tc_prover *p, const tc_affine *form) {
  for (uint32_t i = p->constraints.n; i-- > 0;)
    if (same_form(&p->constraints.at[i], form)) return true;
  return false;
}

void tc_linear_assume(tc_prover *p, const tc_affine *form) {
  tc_affine e = *form;
  round_known(p, &e);
  if (e.n == 0) return;
  if (e.n > 1 && !is_assumed(p, &e)) tc_vec_push(p->arena, &p->constraints, e);
  for (uint32_t i = 0; i < e.n; i++)
    sharpen_leaf(p, &e, i);
}
