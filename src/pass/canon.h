/* Inside canon. */
#ifndef TC_PASS_CANON_H
#define TC_PASS_CANON_H

#include "pass/pass.h"

/* Merges the parallel loops nested in `outer` into it. What stands between them may only look at
 * things, and moves inwards; an extent that depends on an outer index becomes its largest value
 * with a condition inside. Refuses what cannot be merged (E0512). The prover is at `outer`. */
void tc_canon_parallel(tc_prover *p, tc_ir *ir, tc_value outer);

#endif
