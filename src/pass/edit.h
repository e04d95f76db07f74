/* Statements put beside others: first they are collected, then all go in at once, so that nothing
 * that walks the region meets them. */
#ifndef TC_PASS_EDIT_H
#define TC_PASS_EDIT_H

#include "base/map.h"
#include "ir/ir.h"

typedef struct tc_edit {
  tc_ir *ir;
  tc_region first; /* goes to the beginning of the region */
  tc_map before, after;
} tc_edit;

/* Nothing to put in yet. */
tc_edit tc_edit_new(tc_ir *ir, tc_arena *scratch);
/* What goes right before, or after, the statement. */
tc_region tc_edit_before(tc_edit *e, tc_value stmt);
tc_region tc_edit_after(tc_edit *e, tc_value stmt);
void tc_edit_apply(const tc_edit *e, tc_region region);

#endif
