/* The prover: is this bool value of the IR true whenever control is here?
 *
 * A prover holds an environment: ranges of variables, and conditions known to be true (T.assume,
 * enclosing ifs, predicates). tc_prove answers `proved`, `refuted` with a model, or `unknown`,
 * which always means the safe path. Integers wrap as ops.def says: nothing is ever proved by
 * pretending that an addition does not overflow. A fact that is poison (divides by zero) at some
 * point counts as true there, because using it is an error anyway; conditions that are in force are
 * not poison.
 *
 * Layers (layers.def): facts, memoised per value and environment; then evaluation over a finite
 * domain, or at chosen points to refute. All work is counted and bounded by budgets that depend on
 * nothing but the kernel, so verdicts do not vary between runs.
 *
 * The environment is a stack. tc_prove_enter and tc_prove_after follow the statements of a region
 * for a pass that walks it; tc_prove_walk does both. Values made meanwhile may be asked about too.
 */
#ifndef TC_PROVE_PROVE_H
#define TC_PROVE_PROVE_H

#include "ir/ir.h"

enum tc_proof { TC_UNKNOWN, TC_PROVED, TC_REFUTED };

enum tc_prove_user {
#define USER(name, doc) TC_PROVE_##name,
#include "prove/users.def"
#undef USER
  TC_PROVE_USERS
};
enum tc_prove_layer {
#define LAYER(name, doc) TC_LAYER_##name,
#include "prove/layers.def"
#undef LAYER
  TC_PROVE_LAYERS
};
const char *tc_prove_user_name(enum tc_prove_user user);
const char *tc_prove_layer_name(enum tc_prove_layer layer);

/* All zero: everything on. */
typedef struct tc_prove_options {
  bool off;            /* every question is answered `unknown` */
  bool deep;           /* 2^24 evaluations per kernel instead of 2^20 */
  uint32_t users_off;  /* bit per tc_prove_user */
  uint32_t layers_off; /* bit per tc_prove_layer */
  uint64_t budget;     /* evaluations per kernel; 0: as `deep` says */
} tc_prove_options;

/* Reads the value of TILEC_PROVE: words separated by commas or blanks, `on`, `off`, `deep`,
 * `budget=N`, and `no-X` for a user or a layer X. False and *bad set to a word it does not know. */
bool tc_prove_parse_switches(tc_str text, tc_prove_options *options, tc_str *bad);
/* Reads TILELANG_DISABLE_Z3=1, which is `off`, and TILELANG_DISABLE_Z3_<PASS>=1, which switches one
 * user off. False when `name` is no such variable; a value of "",
 * "0", "false" or "off" changes nothing. */
bool tc_prove_parse_z3(tc_str name, tc_str value, tc_prove_options *options);

typedef struct tc_prove_counts {
  uint64_t asked, proved, refuted;
} tc_prove_counts;
typedef struct tc_prove_stats {
  tc_prove_counts by[TC_PROVE_USERS][TC_PROVE_LAYERS];
  uint64_t evaluations; /* points visited by the layer `finite` */
  uint64_t exhausted;   /* questions cut off by the budget */
} tc_prove_stats;
/* A line for each user and layer that were asked; nothing when none was. */
void tc_prove_print_stats(const tc_prove_stats *stats, tc_sb *out);

/* ---- models ---- */

/* Values of variables under which all conditions in force hold and the fact does not. */
enum { TC_MODEL_VARS = 24 };
typedef struct tc_model {
  uint32_t n;
  tc_var var[TC_MODEL_VARS];
  int64_t x[TC_MODEL_VARS];
  bool chosen; /* it names dimensions or scalar parameters: not every launch has such values */
} tc_model;
/* "i = 3, j = 0", in the arena. */
const char *tc_model_text(tc_ir *ir, const tc_model *model, tc_arena *arena);

/* ---- the prover ---- */

typedef struct tc_prover tc_prover;
/* `options` and `stats` may be NULL. Lives as long as `arena`. */
tc_prover *tc_prover_new(tc_ir *ir, const tc_prove_options *options, tc_prove_stats *stats,
                         tc_arena *arena);

/* `fact` is a bool of one lane. *model is set when refuted; without a `model` a fact over a large
 * domain is unknown rather than refuted. */
enum tc_proof tc_prove(tc_prover *p, enum tc_prove_user user, tc_value fact, tc_model *model);
/* The same for "`v` is not poison". *culprit is the op that makes it poison in the model. What
 * depends on dimensions or scalar parameters is unknown: any of them may be 0. */
enum tc_proof tc_prove_defined(tc_prover *p, enum tc_prove_user user, tc_value v, tc_model *model,
                               tc_value *culprit);
/* Number of points of the domain of the variables of `fact` at which it is true. False when it
 * cannot be counted within the budget. */
bool tc_prove_count(tc_prover *p, enum tc_prove_user user, tc_value fact, uint64_t *n);

/* Values of the variables that `about` depends on, also through the conditions in force, under
 * which all conditions hold: small ones, or large ones when `high`; dimensions of usual sizes.
 * False when none was found, or when control might not come here in spite of them. */
bool tc_prove_point(tc_prover *p, const tc_value *about, uint32_t n, bool high, tc_model *model);

/* Inclusive bounds of a value of an integer type or bool; of a uint64 that may exceed INT64_MAX,
 * and of anything else, all of int64. These do not depend on any switch. */
typedef struct tc_interval {
  int64_t lo, hi;
} tc_interval;
tc_interval tc_prove_interval(tc_prover *p, tc_value v);
/* The values of a type. */
tc_interval tc_interval_of_type(tc_type type);
/* v = residue modulo *modulus (1 when nothing is known, 0 when v is the constant *residue). */
void tc_prove_residue(tc_prover *p, tc_value v, int64_t *modulus, int64_t *residue);
/* True when v is proved to be a multiple of n > 0. */
bool tc_prove_multiple(tc_prover *p, tc_value v, int64_t n);

/* constant + sum of by * leaf, equal to the value as integers: nothing wraps on the way. */
enum { TC_AFFINE_TERMS = 16 };
typedef struct tc_affine {
  int64_t constant;
  uint32_t n;
  tc_value leaf[TC_AFFINE_TERMS]; /* by ascending id */
  int64_t by[TC_AFFINE_TERMS];    /* not 0 */
} tc_affine;
/* A value with no other form is its own leaf. */
tc_affine tc_prove_affine(tc_prover *p, tc_value v);

/* ---- the environment ---- */

/* What is assumed and bound from here on ends with the matching pop. */
void tc_prove_push(tc_prover *p);
void tc_prove_pop(tc_prover *p);
/* From here to the matching pop `condition` is true. */
void tc_prove_assume(tc_prover *p, tc_value condition);
/* From here to the matching pop lo <= var < hi; either may be 0. */
void tc_prove_bind(tc_prover *p, tc_var var, tc_value lo, tc_value hi);
/* Pushes what holds inside region `r` of `stmt`; end with tc_prove_pop. A kernel restores the
 * budget of evaluations. */
void tc_prove_enter(tc_prover *p, tc_value stmt, uint32_t r);
/* What holds after `stmt`, up to the pop of the region that `stmt` is in: assumes, asserts, and
 * the condition of an `if` one side of which always leaves. */
void tc_prove_after(tc_prover *p, tc_value stmt);
/* Visits every statement below `at` in order with the environment right before it; returning false
 * skips its regions. */
typedef bool tc_prove_visit(tc_prover *p, tc_value stmt, void *data);
void tc_prove_walk(tc_prover *p, tc_region at, tc_prove_visit *visit, void *data);
/* Appends the conditions in force to `out` (a vector of tc_value), outermost first. */
typedef TC_VEC(tc_value) tc_values;
void tc_prove_conditions(const tc_prover *p, tc_arena *arena, tc_values *out);

#endif
