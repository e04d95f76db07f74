/* Makes a failing case small: takes pieces out of its tape for as long as the failure stays. */
#ifndef FUZZ_SHRINK_H
#define FUZZ_SHRINK_H

#include "batch.h"

/* Shrinks the case of `f->seed`, which failed in a run of `plan`, until nothing more helps or so
 * many tries are used up. Leaves the tape of what is left in `t`, and what it says now in `f`.
 * False when the failure did not come again. */
bool fuzz_shrink(fuzz_failure *f, const fuzz_plan *plan, uint32_t tries, tape *t);

#endif
