/* Runs cases: each alone in the interpreter, and many together as one program for a target. */
#ifndef FUZZ_RUN_H
#define FUZZ_RUN_H

#include "case.h"

/* Another way to the same results. X(id, kind, name); of kind
 *
 *   INTERP   the interpreter, with other options
 *   PLACED   what the passes for a GPU made, up to state placed, in the interpreter
 *   PROGRAM  code, some cases together */
#define FUZZ_WAYS(X)                                                                               \
  X(ORACLE, INTERP, "interp")                                                                      \
  X(SEED, INTERP, "interp, blocks in another order")                                               \
  X(NO_FACTS, INTERP, "interp, -fno-facts")                                                        \
  X(NO_PROVER, INTERP, "interp, prover off")                                                       \
  X(TEXT, INTERP, "interp, from the printed tile IR")                                              \
  X(PLACED_80, PLACED, "placed:sm_80")                                                             \
  X(PLACED_90A, PLACED, "placed:sm_90a")                                                           \
  X(CPU, PROGRAM, "cpu")                                                                           \
  X(SIM_80, PROGRAM, "sim:cuda:sm_80")                                                             \
  X(SIM_90A, PROGRAM, "sim:cuda:sm_90a")
enum fuzz_way {
#define WAY(id, kind, name) FUZZ_##id,
  FUZZ_WAYS(WAY)
#undef WAY
      FUZZ_N_WAYS
};
const char *fuzz_way_name(enum fuzz_way way);
bool fuzz_is_interp(enum fuzz_way way);  /* of kind INTERP  */
bool fuzz_is_program(enum fuzz_way way); /* of kind PROGRAM */
/* Of a GPU: its passes may refuse a case. */
bool fuzz_is_gpu(enum fuzz_way way);
/* The ways of a list of targets, separated by commas, as bits; "interp" stands for all of kind
 * INTERP. 0: there is a word that is none, and `*bad` begins with it. */
uint32_t fuzz_ways_of(const char *targets, const char **bad);

/* How programs are made and run. */
typedef struct fuzz_build {
  const char *cc, *isa, *disable, *jobs, *checked; /* options of these names; NULL: default */
  const char *delivery;                            /* option sim_delivery */
  uint64_t seed;                                   /* option seed of the simulator */
} fuzz_build;

typedef struct fuzz_outcome {
  tilec_status status;
  const char *code, *text; /* of what failed */
  const char *mismatch;    /* NULL: all agree */
} fuzz_outcome;

/* The arrays of a case after a run. */
typedef struct fuzz_result {
  fuzz_array *arrays; /* one per argument; scalars have none */
} fuzz_result;

/* Runs `c` in the oracle; arrays come from the arena. */
fuzz_outcome fuzz_run_oracle(const fuzz_case *c, tc_str text, fuzz_result *result, tc_arena *arena);
/* Whether it is a refusal by the passes for a GPU: an error with a code for that. */
bool fuzz_is_refusal(const fuzz_outcome *o);
/* Runs it in another way of the interpreter and compares. */
fuzz_outcome fuzz_run_way(const fuzz_case *c, tc_str text, enum fuzz_way way,
                          const fuzz_result *want, tc_arena *arena);
/* Whether a target takes the case, without the C compiler. */
fuzz_outcome fuzz_try_way(tc_str text, enum fuzz_way way, const fuzz_build *build, tc_arena *arena);
/* Runs all cases as one program, compares each: `mismatch[i]` is NULL or why. */
fuzz_outcome fuzz_run_program(const fuzz_case *const *cases, const fuzz_result *want, uint32_t n,
                              enum fuzz_way way, const fuzz_build *build, const char **mismatch,
                              tc_arena *arena);

#endif
