/* Removing what has no effect and no user. */
#ifndef TC_PASS_DEAD_H
#define TC_PASS_DEAD_H

#include "ir/ir.h"

/* Removes plain loads whose value nobody uses, accesses that never happen, expression statements,
 * and control statements that are left without statements. */
void tc_drop_dead(tc_ir *ir, tc_arena *scratch);

#endif
