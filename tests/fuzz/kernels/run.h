/* Runs cases: each alone in the oracle, and many together as one program for target cpu. */
#ifndef FUZZ_RUN_H
#define FUZZ_RUN_H

#include "case.h"

/* Another way to the same results, all in the interpreter but the last. */
#define FUZZ_WAYS(X)                                                                               \
  X(ORACLE, "interp")                                                                              \
  X(SEED, "interp, blocks in another order")                                                       \
  X(NO_FACTS, "interp, -fno-facts")                                                                \
  X(NO_PROVER, "interp, prover off")                                                               \
  X(TEXT, "interp, from the printed tile IR")                                                      \
  X(CPU, "cpu")
enum fuzz_way {
#define WAY(id, text) FUZZ_##id,
  FUZZ_WAYS(WAY)
#undef WAY
      FUZZ_N_WAYS
};
const char *fuzz_way_name(enum fuzz_way way);

/* How the program for target cpu is made. */
typedef struct fuzz_build {
  const char *cc, *isa, *disable, *jobs, *checked; /* options of these names; NULL: default */
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
/* Runs it in another way of the interpreter and compares. */
fuzz_outcome fuzz_run_way(const fuzz_case *c, tc_str text, enum fuzz_way way,
                          const fuzz_result *want, tc_arena *arena);
/* Runs all cases as one program for target cpu, compares each: `mismatch[i]` is NULL or why. */
fuzz_outcome fuzz_run_cpu(const fuzz_case *const *cases, const fuzz_result *want, uint32_t n,
                          const fuzz_build *build, const char **mismatch, tc_arena *arena);

#endif
