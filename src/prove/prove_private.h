/* Inside the prover. One `fact` per value is memoised with the epoch in which it was computed: an
 * epoch names one state of the environment, so leaving a scope makes its facts stale by itself.
 *
 * interval.c  arithmetic on intervals          facts.c   facts of values
 * affine.c    linear forms                     linear.c  inequalities between them
 * env.c       environment and statements       decide.c  the entry; and, or, not, case splits
 * eval.c      expressions as programs          finite.c  evaluation over domains
 * switches.c  options                                                                            */
#ifndef TC_PROVE_PRIVATE_H
#define TC_PROVE_PRIVATE_H

#include "prove/prove.h"

/* ---- facts ---- */

/* What is known of the 64-bit pattern that represents a value (sign- or zero-extended). */
typedef struct tc_fact {
  tc_interval range;
  uint64_t zeros, ones; /* bits known to be 0, to be 1 */
  int64_t modulus;      /* >= 1; 0: the constant `residue` */
  int64_t residue;      /* 0 <= residue < modulus, or the constant */
} tc_fact;

static inline bool tc_fact_is_const(const tc_fact *f) {
  return f->range.lo == f->range.hi;
}

/* The result of a binary op or a comparison on operands of `type` in these intervals. */
tc_interval tc_interval_binary(enum tc_opcode op, tc_type type, tc_interval a, tc_interval b);
tc_interval tc_interval_unary(enum tc_opcode op, tc_type type, tc_interval a);
tc_interval tc_interval_cast(tc_type from, tc_type to, tc_interval a);
/* Can add, sub or mul of operands of `type` in these intervals leave the type's range? */
bool tc_interval_may_wrap(enum tc_opcode op, tc_type type, tc_interval a, tc_interval b);
/* Takes exact results to what they are in `type`; false when not all wrap equally far. */
bool tc_interval_unwrap(tc_type type, tc_interval *r);
tc_interval tc_interval_join(tc_interval a, tc_interval b);
/* The common part, or `a` when there is none. */
tc_interval tc_interval_meet(tc_interval a, tc_interval b);
static inline bool tc_interval_inside(tc_interval a, tc_interval b) {
  return a.lo >= b.lo && a.hi <= b.hi;
}

/* ---- the environment ---- */

/* sum of terms + constant <= 0, over leaves of linear forms. */
typedef TC_VEC(tc_affine) tc_constraints;

/* What a condition says of one value. */
typedef struct tc_refinement {
  uint32_t value, before; /* number + 1 of the refinement of the same value before this one, or 0 */
  tc_fact fact;
} tc_refinement;

typedef struct tc_scope_mark {
  uint32_t n_conditions, n_constraints, n_refinements;
  bool doubtful;
  uint64_t epoch;
} tc_scope_mark;

/* Per value id. */
typedef struct tc_slot {
  tc_fact fact;
  uint64_t fact_epoch, affine_epoch, verdict_epoch, defined_epoch;
  uint64_t seen;       /* number of the last walk that came here */
  uint32_t affine;     /* number in p->affines */
  uint32_t refinement; /* number + 1 of the newest, or 0 */
  uint8_t verdict;     /* enum tc_proof, of a bool asked in verdict_epoch */
} tc_slot;

typedef struct tc_affine_ref {
  int64_t constant;
  uint32_t n, first; /* in p->terms */
} tc_affine_ref;

typedef struct tc_term {
  tc_value leaf;
  int64_t by;
} tc_term;

enum { TC_SLOT_CHUNK = 256 };
struct tc_prover {
  tc_ir *ir;
  tc_arena *arena;
  tc_prove_options options;
  tc_prove_stats *stats, own_stats;

  tc_slot **slots; /* chunks of TC_SLOT_CHUNK, by value id */
  uint32_t n_chunks;

  TC_VEC(tc_value) conditions;
  tc_constraints constraints;
  tc_constraints pool; /* constraints and the definitions of the leaves in them */
  TC_VEC(tc_refinement) refinements;
  TC_VEC(tc_scope_mark) marks;
  uint64_t epoch, n_epochs, n_walks;
  bool doubtful; /* whether control comes here is not only a matter of the conditions */

  TC_VEC(tc_affine_ref) affines;
  TC_VEC(tc_term) terms;
  tc_values work; /* values on the way to their facts */
  uint32_t affine_depth;
  uint32_t linear_steps; /* left for the comparison at hand */
  struct tc_finite_state *finite;
  uint64_t budget; /* evaluations left for this kernel */
};

tc_slot *tc_slot_at(tc_prover *p, tc_value v);
/* The fact of a value of an integer type or bool; of another, that nothing is known. */
const tc_fact *tc_fact_of(tc_prover *p, tc_value v);
/* Everything that is known of a value of this type without looking. */
tc_fact tc_fact_of_type(tc_type type);
tc_fact tc_fact_of_const(int64_t x, tc_type type);
/* Lets each part of a fact sharpen the others. */
tc_fact tc_fact_tighten(tc_fact f, tc_type type);
/* Records that v also has `fact` until the scope ends; starts a new epoch if that is news. */
void tc_env_refine(tc_prover *p, tc_value v, tc_fact fact);

/* ---- linear forms ---- */

tc_affine tc_affine_const(int64_t x);
/* *r = a + by * b; false when a coefficient or the number of terms does not fit. */
bool tc_affine_add(const tc_affine *a, const tc_affine *b, int64_t by, tc_affine *r);
tc_affine tc_affine_of(tc_prover *p, tc_value v);
int64_t tc_affine_by(const tc_affine *a, tc_value leaf);
/* Bounds of the sum; false when they do not fit 64 bits. */
bool tc_affine_range(tc_prover *p, const tc_affine *a, tc_interval *r);
/* The product; false when it does not fit. */
bool tc_affine_multiply(tc_prover *p, const tc_affine *a, const tc_affine *b, tc_affine *r);
/* Is this leaf a product of unknowns? Its operands are then int64 values. */
bool tc_affine_is_product(tc_prover *p, tc_value v);
/* True when an integer of this type is what its pattern says: not a uint64 that may be large. */
bool tc_is_plain(tc_prover *p, tc_value v);

/* True when `form` <= 0 follows from the environment. Spends p->linear_steps. */
bool tc_linear_proves(tc_prover *p, const tc_affine *form);
/* Adds `form` <= 0 to the environment. */
void tc_linear_assume(tc_prover *p, const tc_affine *form);

/* ---- layers ---- */

enum { TC_LINEAR_STEPS = 64 }; /* per comparison */
/* Layer `facts`: TC_PROVED, TC_REFUTED when the negation was proved, or TC_UNKNOWN. */
enum tc_proof tc_decide(tc_prover *p, tc_value fact, uint32_t depth);
/* Layer `finite`. `defined`: the question is whether `goal` is poison, not whether it is true. */
typedef struct tc_question {
  tc_value goal;
  bool defined;
  bool refuted; /* the negation is known, so only a model is wanted */
  tc_model *model;
  tc_value *culprit;
  uint64_t *count; /* count points where the goal is true instead */
} tc_question;
enum tc_proof tc_finite(tc_prover *p, const tc_question *q);

#endif
