/* What the linear forms of indices say about two iterations of a parallel loop: the cheap half of
 * the race check, with no iteration run. */
#ifndef TC_PASS_RACE_H
#define TC_PASS_RACE_H

#include "pass/check.h"
#include "pass/guard.h"

enum { TC_RACE_LOOPS = 6, TC_RACE_AXES = TC_GUARD_RANK };

typedef struct tc_race_access {
  tc_value stmt;
  tc_buf buf;
  uint32_t kind; /* tc_touch_kind */
  tc_values conditions;
  tc_value loops[TC_RACE_LOOPS]; /* serial loops between the parallel loop and the access */
  uint32_t n_loops;
  bool element; /* one element; else a tile operation, whose slice is not followed        */
  bool certain; /* executed when its conditions hold                                      */
  bool guessed; /* where it goes, or whether, depends on data                             */
  bool stable;  /* ... on data that the loop leaves alone, so equal loads give one value  */
} tc_race_access;

/* A parallel loop, or a region of code per thread, whose iterations are the threads. */
typedef struct tc_race_loop {
  tc_check *c;
  tc_value stmt;
  uint32_t n;
  const tc_var *vars;
  const tc_value *extents;
  int64_t first; /* number of the first thread; 0 in a loop */
} tc_race_loop;

/* Both name an element, by the same indices of the same buffer. */
bool tc_race_same_index(const tc_race_loop *r, const tc_race_access *a, const tc_race_access *b);
/* Different iterations use different indices. The prover is inside the loop. */
bool tc_race_injective(tc_race_loop *r, const tc_race_access *a);
/* No iteration's index of `a` is any iteration's index of `b`: they differ where neither depends on
 * the iteration. The prover is inside the loop. */
bool tc_race_apart(tc_race_loop *r, const tc_race_access *a, const tc_race_access *b);

#endif
