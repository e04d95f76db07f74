/* The entry point, and the layer `facts`: a bool is taken apart at and, or, not and select; integer
 * comparisons become inequalities; a minimum, maximum or select in the way splits the case. */
#include "base/checked.h"
#include "prove/prove_private.h"

#include "ir/build.h"
#include "ir/poly.h"

#include <inttypes.h>

/* ---- inequalities with case splits ---- */

enum { MAX_SPLITS = 3, MAX_DEPTH = 64 };

/* A leaf that is one of two values, and the condition for the first. */
static bool choice_of(tc_prover *p, const tc_affine *e, tc_value *leaf, tc_value *c,
                      tc_value side[2]) {
  for (uint32_t i = e->n; i-- > 0;) {
    const tc_op *op = tc_op_at(p->ir, e->leaf[i]);
    *leaf = e->leaf[i];
    if (op->opcode == TC_OP_select) {
      *c = tc_input(p->ir, op, 0);
      side[0] = tc_input(p->ir, op, 1), side[1] = tc_input(p->ir, op, 2);
      if (tc_is_plain(p, side[0]) && tc_is_plain(p, side[1])) return true;
    } else if (op->opcode == TC_OP_min || op->opcode == TC_OP_max) {
      side[0] = tc_input(p->ir, op, 0), side[1] = tc_input(p->ir, op, 1);
      bool min = op->opcode == TC_OP_min;
      *c = tc_binary(p->ir, TC_OP_le, side[!min], side[min]);
      return true;
    }
  }
  return false;
}

/* e <= 0, by cases where a choice is in the way. */
static bool never_positive(tc_prover *p, const tc_affine *e, uint32_t splits) {
  tc_value leaf, c, side[2];
  if (tc_linear_proves(p, e)) return true;
  if (splits == 0 || !choice_of(p, e, &leaf, &c, side)) return false;
  for (int k = 0; k < 2; k++) {
    tc_prove_push(p);
    tc_prove_assume(p, k == 0 ? c : tc_unary(p->ir, TC_OP_not, c));
    tc_affine one = tc_affine_const(0), chosen = tc_affine_of(p, side[k]), next;
    int64_t by = tc_affine_by(e, leaf);
    one.n = 1, one.leaf[0] = leaf, one.by[0] = 1;
    bool fits = by != INT64_MIN && tc_affine_add(e, &one, -by, &next)
                && tc_affine_add(&next, &chosen, by, &next);
    bool proved = fits && never_positive(p, &next, splits - 1);
    tc_prove_pop(p);
    if (!proved) return false;
  }
  return true;
}

/* by * (a - b) + gap <= 0 */
static bool ordered(tc_prover *p, const tc_affine *difference, int64_t by, int64_t gap) {
  tc_affine e = tc_affine_const(gap);
  p->linear_steps = TC_LINEAR_STEPS;
  return tc_affine_add(&e, difference, by, &e) && never_positive(p, &e, MAX_SPLITS);
}

/* No integers make a - b zero: the terms have a common factor that the constant lacks. */
static bool never_zero(tc_prover *p, const tc_affine *e) {
  int64_t g = 0, constant = e->constant;
  for (uint32_t i = 0; i < e->n; i++) {
    const tc_fact *f = tc_fact_of(p, e->leaf[i]);
    int64_t step, shift;
    if (!tc_mul_fits(e->by[i], f->modulus, &step) || !tc_mul_fits(e->by[i], f->residue, &shift)
        || !tc_add_fits(constant, shift, &constant))
      return false;
    g = tc_gcd(g, step);
  }
  return g == 0 ? constant != 0 : tc_floor_mod(constant, g) != 0;
}

static enum tc_proof verdict(bool proved, bool refuted) {
  return proved ? TC_PROVED : refuted ? TC_REFUTED : TC_UNKNOWN;
}

static enum tc_proof opposite(enum tc_proof v) {
  return v == TC_PROVED ? TC_REFUTED : v == TC_REFUTED ? TC_PROVED : TC_UNKNOWN;
}

/* What polynomials say of a - b, modulo 2^bits: that it is always 0, or never. */
static enum tc_proof decide_by_ring(const tc_prover *p, const tc_op *op) {
  tc_poly rest;
  tc_value a = tc_input(p->ir, op, 0), b = tc_input(p->ir, op, 1);
  if (op->opcode != TC_OP_eq && op->opcode != TC_OP_ne) return TC_UNKNOWN;
  if (!tc_is_int(tc_value_type(p->ir, a)) || tc_value_type(p->ir, a).lanes != 1) return TC_UNKNOWN;
  if (!tc_poly_difference(p->ir, TC_POLY_WRAPPING, a, b, &rest)) return TC_UNKNOWN;
  if (rest.n > 1 || (rest.n == 1 && rest.term[0].n != 0)) return TC_UNKNOWN;
  return (rest.n == 0) == (op->opcode == TC_OP_eq) ? TC_PROVED : TC_REFUTED;
}

static enum tc_proof decide_by_order(tc_prover *p, const tc_op *op) {
  tc_value a = tc_input(p->ir, op, 0), b = tc_input(p->ir, op, 1);
  if (!tc_is_plain(p, a) || !tc_is_plain(p, b)) return TC_UNKNOWN;
  tc_affine x = tc_affine_of(p, a), y = tc_affine_of(p, b), e;
  if (!tc_affine_add(&x, &y, -1, &e)) return TC_UNKNOWN;
  switch (op->opcode) {
  case TC_OP_lt:
    if (ordered(p, &e, 1, 1)) return TC_PROVED;
    return verdict(false, ordered(p, &e, -1, 0));
  case TC_OP_le:
    if (ordered(p, &e, 1, 0)) return TC_PROVED;
    return verdict(false, ordered(p, &e, -1, 1));
  case TC_OP_eq:
    if (never_zero(p, &e)) return TC_REFUTED;
    if (ordered(p, &e, 1, 0) && ordered(p, &e, -1, 0)) return TC_PROVED;
    return verdict(false, ordered(p, &e, 1, 1) || ordered(p, &e, -1, 1));
  default:
    if (never_zero(p, &e)) return TC_PROVED;
    if (ordered(p, &e, 1, 1) || ordered(p, &e, -1, 1)) return TC_PROVED;
    return verdict(false, ordered(p, &e, 1, 0) && ordered(p, &e, -1, 0));
  }
}

static enum tc_proof decide_comparison(tc_prover *p, const tc_op *op) {
  enum tc_proof r = decide_by_order(p, op);
  return r == TC_UNKNOWN ? decide_by_ring(p, op) : r;
}

/* ---- bools ---- */

static enum tc_proof decide_under(tc_prover *p, tc_value condition, tc_value fact, uint32_t depth);

/* a == b of bools, by cases of a. */
static enum tc_proof decide_same(tc_prover *p, const tc_op *op, uint32_t depth) {
  tc_value a = tc_input(p->ir, op, 0), b = tc_input(p->ir, op, 1);
  enum tc_proof x = decide_under(p, a, b, depth);
  if (x == TC_UNKNOWN) return x;
  enum tc_proof y = opposite(decide_under(p, tc_unary(p->ir, TC_OP_not, a), b, depth));
  return x == y ? x : TC_UNKNOWN;
}

static enum tc_proof decide_under(tc_prover *p, tc_value condition, tc_value fact, uint32_t depth) {
  tc_prove_push(p);
  tc_prove_assume(p, condition);
  enum tc_proof r = tc_decide(p, fact, depth);
  tc_prove_pop(p);
  return r;
}

static enum tc_proof decide_or(tc_prover *p, tc_value a, tc_value b, uint32_t depth) {
  enum tc_proof x = tc_decide(p, a, depth), y = tc_decide(p, b, depth);
  if (x == TC_PROVED || y == TC_PROVED) return TC_PROVED;
  if (x == TC_REFUTED && y == TC_REFUTED) return TC_REFUTED;
  return verdict(decide_under(p, tc_unary(p->ir, TC_OP_not, a), b, depth) == TC_PROVED, false);
}

static enum tc_proof decide_and(tc_prover *p, tc_value a, tc_value b, uint32_t depth) {
  enum tc_proof x = tc_decide(p, a, depth), y = tc_decide(p, b, depth);
  if (x == TC_REFUTED || y == TC_REFUTED) return TC_REFUTED;
  return verdict(x == TC_PROVED && y == TC_PROVED, false);
}

static enum tc_proof decide_select(tc_prover *p, const tc_op *op, uint32_t depth) {
  tc_value c = tc_input(p->ir, op, 0);
  enum tc_proof x = decide_under(p, c, tc_input(p->ir, op, 1), depth);
  if (x == TC_UNKNOWN) return x;
  enum tc_proof y = decide_under(p, tc_unary(p->ir, TC_OP_not, c), tc_input(p->ir, op, 2), depth);
  return x == y ? x : TC_UNKNOWN;
}

enum tc_proof tc_decide(tc_prover *p, tc_value fact, uint32_t depth) {
  const tc_op *op = tc_op_at(p->ir, fact);
  if (!tc_is_bool(op->type) || op->type.lanes != 1) return TC_UNKNOWN;
  const tc_fact *f = tc_fact_of(p, fact);
  if (tc_fact_is_const(f)) return f->range.lo ? TC_PROVED : TC_REFUTED;
  if (depth == 0 || !tc_op_is_pure(op)) return TC_UNKNOWN;
  bool of_bools = op->n_in == 2 && tc_is_bool(tc_value_type(p->ir, tc_input(p->ir, op, 0)));
  if (of_bools && op->opcode == TC_OP_eq) return decide_same(p, op, depth - 1);
  if (of_bools && (op->opcode == TC_OP_ne || op->opcode == TC_OP_xor))
    return opposite(decide_same(p, op, depth - 1));
  if (op->opcode >= TC_OP_eq && op->opcode <= TC_OP_le) return decide_comparison(p, op);
  switch (op->opcode) {
  case TC_OP_and:
    return decide_and(p, tc_input(p->ir, op, 0), tc_input(p->ir, op, 1), depth - 1);
  case TC_OP_or:
    return decide_or(p, tc_input(p->ir, op, 0), tc_input(p->ir, op, 1), depth - 1);
  case TC_OP_not:
    return opposite(tc_decide(p, tc_input(p->ir, op, 0), depth - 1));
  case TC_OP_select:
    return decide_select(p, op, depth - 1);
  default:
    return TC_UNKNOWN;
  }
}

/* ---- the entry ---- */

tc_prover *tc_prover_new(tc_ir *ir, const tc_prove_options *options, tc_prove_stats *stats,
                         tc_arena *arena) {
  tc_prover *p = TC_NEW(arena, tc_prover);
  p->ir = ir;
  p->arena = arena;
  if (options) p->options = *options;
  p->stats = stats ? stats : &p->own_stats;
  p->epoch = p->n_epochs = 1;
  p->budget = p->options.budget;
  if (!p->budget) p->budget = UINT64_C(1) << (p->options.deep ? 24 : 20);
  return p;
}

static bool is_on(const tc_prover *p, enum tc_prove_user user, enum tc_prove_layer layer) {
  return !p->options.off && !(p->options.users_off >> user & 1)
         && !(p->options.layers_off >> layer & 1);
}

static void record(tc_prover *p, enum tc_prove_user user, enum tc_prove_layer layer,
                   enum tc_proof r) {
  tc_prove_counts *c = &p->stats->by[user][layer];
  c->asked++;
  c->proved += r == TC_PROVED;
  c->refuted += r == TC_REFUTED;
}

/* A layer's refutation is a proof of the negation, which is vacuous when the place cannot be
 * reached: only a model makes it one. */
static enum tc_proof ask(tc_prover *p, enum tc_prove_user user, tc_value fact, tc_model *model) {
  enum tc_proof r = TC_UNKNOWN;
  if (is_on(p, user, TC_LAYER_facts)) {
    r = tc_decide(p, fact, MAX_DEPTH);
    record(p, user, TC_LAYER_facts, r);
    if (r == TC_PROVED) return r;
  }
  if (!is_on(p, user, TC_LAYER_finite)) return TC_UNKNOWN;
  tc_question q = {.goal = fact, .refuted = r == TC_REFUTED, .model = model};
  r = tc_finite(p, &q);
  record(p, user, TC_LAYER_finite, r);
  return r;
}

enum tc_proof tc_prove(tc_prover *p, enum tc_prove_user user, tc_value fact, tc_model *model) {
  if (model) model->n = 0, model->chosen = false;
  if (p->options.off || p->options.users_off >> user & 1) return TC_UNKNOWN;
  tc_slot *slot = tc_slot_at(p, fact);
  enum tc_proof known = (enum tc_proof)slot->verdict;
  if (slot->verdict_epoch == p->epoch && !(model && known == TC_REFUTED)) return known;
  enum tc_proof r = ask(p, user, fact, model);
  slot->verdict = (uint8_t)r;
  slot->verdict_epoch = p->epoch;
  return r;
}

/* ---- poison ---- */

/* Can this op alone make poison? */
static bool is_risky(tc_prover *p, const tc_op *op) {
  bool divides = op->opcode >= TC_OP_floordiv && op->opcode <= TC_OP_truncmod;
  bool shifts = op->opcode == TC_OP_shl || op->opcode == TC_OP_shr;
  if ((!divides && !shifts) || !tc_is_int(op->type)) return false;
  tc_value b = tc_input(p->ir, op, 1);
  if (op->type.lanes != 1) return true;
  tc_interval r = tc_fact_of(p, b)->range;
  if (divides) return r.lo <= 0 && r.hi >= 0;
  return r.lo < 0 || r.hi >= (int64_t)tc_type_bits(op->type);
}

/* No op that `v` is computed from can make poison. */
static bool is_safe(tc_prover *p, tc_value v) {
  uint32_t bottom = p->work.n;
  bool safe = true;
  if (tc_slot_at(p, v)->defined_epoch == p->epoch) return true;
  p->n_walks++;
  tc_vec_push(p->arena, &p->work, v);
  while (p->work.n > bottom && safe) {
    tc_value top = p->work.at[--p->work.n];
    const tc_op *op = tc_op_at(p->ir, top);
    tc_slot *slot = tc_slot_at(p, top);
    if (slot->seen == p->n_walks || !tc_op_is_pure(op)) continue;
    slot->seen = p->n_walks;
    safe = !is_risky(p, op);
    for (uint32_t i = 0; i < op->n_in; i++)
      tc_vec_push(p->arena, &p->work, tc_input(p->ir, op, i));
  }
  p->work.n = bottom;
  if (safe) tc_slot_at(p, v)->defined_epoch = p->epoch;
  return safe;
}

enum tc_proof tc_prove_defined(tc_prover *p, enum tc_prove_user user, tc_value v, tc_model *model,
                               tc_value *culprit) {
  if (model) model->n = 0, model->chosen = false;
  if (culprit) *culprit = (tc_value){0};
  if (is_on(p, user, TC_LAYER_facts)) {
    bool safe = is_safe(p, v);
    record(p, user, TC_LAYER_facts, safe ? TC_PROVED : TC_UNKNOWN);
    if (safe) return TC_PROVED;
  }
  if (!is_on(p, user, TC_LAYER_finite)) return TC_UNKNOWN;
  tc_question q = {.goal = v, .defined = true, .model = model, .culprit = culprit};
  enum tc_proof r = tc_finite(p, &q);
  record(p, user, TC_LAYER_finite, r);
  return r;
}

bool tc_prove_count(tc_prover *p, enum tc_prove_user user, tc_value fact, uint64_t *n) {
  if (!is_on(p, user, TC_LAYER_finite)) return false;
  tc_question q = {.goal = fact, .count = n};
  return tc_finite(p, &q) == TC_PROVED;
}

/* ---- names ---- */

const char *tc_prove_user_name(enum tc_prove_user user) {
  static const char *const NAMES[] = {
#define USER(name, doc) #name,
#include "prove/users.def"
#undef USER
  };
  return NAMES[user];
}

const char *tc_prove_layer_name(enum tc_prove_layer layer) {
  static const char *const NAMES[] = {
#define LAYER(name, doc) #name,
#include "prove/layers.def"
#undef LAYER
  };
  return NAMES[layer];
}

void tc_prove_print_stats(const tc_prove_stats *stats, tc_sb *out) {
  for (int user = 0; user < TC_PROVE_USERS; user++) {
    for (int layer = 0; layer < TC_PROVE_LAYERS; layer++) {
      const tc_prove_counts *c = &stats->by[user][layer];
      if (!c->asked) continue;
      tc_sb_printf(out,
                   "prover for %-8s layer %-8s %6" PRIu64 " asked %6" PRIu64 " proved %6" PRIu64
                   " refuted\n",
                   tc_prove_user_name((enum tc_prove_user)user),
                   tc_prove_layer_name((enum tc_prove_layer)layer), c->asked, c->proved,
                   c->refuted);
    }
  }
  if (stats->evaluations)
    tc_sb_printf(out, "prover: %" PRIu64 " evaluations, %" PRIu64 " questions cut off\n",
                 stats->evaluations, stats->exhausted);
}
