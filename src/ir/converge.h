/* Do all threads come to what they do together?
 *
 * In state lane conditions on the thread's index are ordinary values. What a warp, a warpgroup or
 * the block does as one (column `who` of prims.def, exchanges without a mask) must not stand where
 * only some of its threads come by: a GPU would hang there, or compute with what is not there.
 * Conditions made of the index and constants are evaluated for every thread; others, which may
 * depend on data, count as the same for all, so what is found is wrong for sure. */
#ifndef TC_IR_CONVERGE_H
#define TC_IR_CONVERGE_H

#include "ir/ir.h"

/* The first statement of a kernel that only some of its threads come to; 0: there is none. *who is
 * "warp", "warpgroup" or "block". */
tc_value tc_converge_find(tc_ir *ir, tc_value kernel, tc_arena *arena, const char **who);

#endif
