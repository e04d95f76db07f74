/* A parallel loop while it is printed: what its body reads, writes and depends on.
 *
 * Positions are those of the printed loops, outermost first; the innermost one may be cut into
 * stripes (nest_stripe.c), within which a quotient such as j / 32 does not change. */
#ifndef TC_TARGET_CPU_NEST_H
#define TC_TARGET_CPU_NEST_H

#include "target/cpu/cpu_impl.h"

enum { TC_NEST_VARS = 16 };
/* What a value depends on: bit k for variable k of the loop, and: */
enum {
  TC_ON_BODY_LOAD = 1 << 30, /* a load of the body                          */
  TC_ON_BODY = 1 << 29,      /* something of the body that cannot move out  */
  TC_ON_STRIPE = 1 << 28     /* the stripe of the innermost loop            */
};

/* (x + rest) / by or (x + rest) % by, with x the innermost variable and rest a multiple of
 * `granule`. */
typedef struct tc_quotient {
  tc_value v;
  bool is_rest; /* the remainder */
  int64_t by, granule;
  tc_linear rest;
} tc_quotient;

typedef struct tc_nest {
  tc_cpu *c;
  tc_value stmt;
  tc_region body;
  const tc_parallel *p;
  uint32_t order[TC_NEST_VARS]; /* loop position -> variable, innermost last */
  tc_value var[TC_NEST_VARS];   /* the variable as a value */
  tc_map mask;                  /* value -> what it depends on, + 1 */
  tc_map inside;  /* statement or value of the body -> 1: of its top level, 2: deeper */
  tc_map bound;   /* variables bound inside the body */
  tc_map written; /* roots written in the body */
  bool writes_global, writes_address;
  bool may_stop; /* an assert of the body: what comes after it may not be executed before */
  bool plain;    /* iterations of the innermost loop are independent for a C compiler */
  bool plain_but_atomics; /* they would be, but for the atomics */
  tc_value_vec atomics;   /* of the body, nested ones included */
  tc_value_vec sums;      /* those among them that are kept in lanes (nest_sums.c) */
  tc_value_vec calls;     /* of functions that are applied to many arguments (nest_lanes.c) */
  tc_value_vec needed;    /* conditions without which nothing happens */
  tc_value_vec hoisted;   /* values and loads moved out, to be forgotten afterwards */
  tc_value_vec privates;  /* stores whose `var` is private (one per buffer) */
  bool in_stripe;         /* a stripe is open */
  int64_t stripe, phases; /* 0: none; length of a stripe; iterations printed per step */
  TC_VEC(tc_quotient) quotients;
} tc_nest;

/* ---- nest.c ---- */

/* Everything about the body that does not depend on the order of the loops, then the order. */
void tc_nest_analyse(tc_nest *n);
uint32_t tc_nest_mask(tc_nest *n, tc_value v);
/* The number of loops, from the outermost, that must be open before the value can be computed. */
uint32_t tc_nest_level(tc_nest *n, uint32_t mask);
static inline uint32_t tc_nest_inner(const tc_nest *n) {
  return n->order[n->p->n - 1];
}
/* The value is placed at the top level of the body, or is a statement there. */
bool tc_nest_is_placed(const tc_nest *n, tc_value v);

/* ---- nest_limit.c ---- */

/* A condition on the innermost variable: x < text or x >= text, in 64 bits. */
typedef struct tc_limit {
  bool upper;
  const char *text;
} tc_limit;
/* `cond`, one of `conds` that hold together, as a bound; false when it is none. */
bool tc_nest_limit(tc_nest *n, const tc_value_vec *conds, tc_value cond, tc_limit *out);
/* A value in 64 bits. */
const char *tc_nest_wide(tc_nest *n, tc_value v);

/* ---- nest_stripe.c ---- */

/* Finds the quotients and remainders of the innermost variable; sets stripe and phases. */
void tc_nest_find_stripes(tc_nest *n);
/* Gives the quotients of a stripe that begins at `first` their names, and takes them back. */
void tc_nest_open_stripe(tc_nest *n, const char *first);
void tc_nest_close_stripe(tc_nest *n);
/* The same for iteration number `phase` of those of step `step` (a name): x = step * phases +
 * phase. */
void tc_nest_open_phase(tc_nest *n, const char *step, int64_t phase);
void tc_nest_close_phase(tc_nest *n);

/* ---- nest_sums.c ---- */

enum { TC_SUM_LANES = 64 };

/* Finds the on-chip atomics that need no memory order between iterations; may set plain. */
void tc_nest_find_sums(tc_nest *n);
/* Around the loops over chunks and lanes: declares the lanes, and adds them up. In between the
 * atomics update lane `lane` (a name). */
void tc_nest_open_sums(tc_nest *n, const char *lane);
void tc_nest_close_sums(tc_nest *n);

/* ---- nest_lanes.c ---- */

enum { TC_CALL_LANES = 64 };

/* Finds calls in the body that are worth to be made for many iterations at once. */
bool tc_nest_find_calls(tc_nest *n);
/* The innermost loop from lo to hi, with those calls made chunk by chunk; `whole`: in chunks of
 * TC_CALL_LANES. */
void tc_nest_calling_loop(tc_nest *n, const char *lo, const char *hi, bool whole,
                          void (*print_body)(tc_nest *n));

#endif
