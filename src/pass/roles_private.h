/* What the files of pass roles share: the plan of a kernel. */
#ifndef TC_PASS_ROLES_PRIVATE_H
#define TC_PASS_ROLES_PRIVATE_H

#include "pass/choose.h"
#include "pass/clone.h"
#include "pass/rings.h"

/* Loops and products that the schedule depends on; 0 where there is none of that form. */
typedef struct tc_role_plan {
  tc_ir *ir;
  const tc_pass_context *cx;
  tc_value kernel;
  tc_value waves; /* the loop over tiles that pass persist made */
  tc_value sum;   /* inside it, at once, and the only loop with rings: adds up one product */
  int64_t steps;  /* of `sum`; -1: not known */
  tc_choices choices;

  int64_t warpgroups; /* of each consumer group */
  bool turns;         /* two consumer groups, each with its own tiles, in turn */
  int64_t lockstep;   /* 0: none */
  bool back;          /* odd waves walk the sum backwards */
  int64_t producer_registers, consumer_registers;
  const char *why_turns, *why_lockstep, *why_back;
} tc_role_plan;

/* Decides; false, with a diagnostic, when no distribution of threads holds the accumulators. */
bool tc_role_decide(tc_role_plan *plan);
/* Writes the groups in place of the kernel's statements. */
void tc_role_build(tc_role_plan *plan);
/* Does a product in asynchronous steps stand in this loop, and nothing else but its ring? Then its
 * steps may be added up in any order. */
bool tc_role_is_sum(tc_ir *ir, tc_value loop, tc_arena *scratch);

#endif
