/* The bounds of accesses as values: what canon writes into predicates and facts takes out again.
 * Both must make the same values, so they make them here. */
#ifndef TC_PASS_GUARD_H
#define TC_PASS_GUARD_H

#include "ir/ir.h"

enum { TC_GUARD_RANK = 16 };

/* `0 <= index` and `index < extent`, compared in the wider of their types; one bool per lane.
 * Either may be the constant true. */
tc_value tc_guard_lower(tc_ir *ir, tc_value index);
tc_value tc_guard_upper(tc_ir *ir, tc_value index, tc_value extent);
/* The same for a tile: `0 <= base` and `base + extent <= size`, in 64 bits. */
tc_value tc_guard_slice_upper(tc_ir *ir, tc_value base, tc_value extent, tc_value size);
/* All bounds of a load, store or atomic: at most two per dimension, trivial ones left out. Returns
 * how many. */
uint32_t tc_guard_bounds(tc_ir *ir, tc_value stmt, tc_value bounds[2 * TC_GUARD_RANK]);
/* Gives an access another predicate (0: none, and then no else value either). */
void tc_guard_set_pred(tc_ir *ir, tc_value stmt, tc_value pred);
uint8_t *tc_guard_flags(const tc_ir *ir, tc_value stmt); /* enum tc_access_flags */
/* True for load, store and atomic. */
bool tc_guard_is_access(const tc_ir *ir, tc_value stmt);
/* Gives a statement what `fn` makes of each of its slices. */
typedef tc_value tc_guard_remake(tc_ir *ir, tc_value slice, void *data);
void tc_guard_replace_slices(tc_ir *ir, tc_value stmt, tc_guard_remake *fn, void *data);
/* What an access does not say: its buffer, when that lies in global memory, can be out of range. */
bool tc_guard_is_global(const tc_ir *ir, tc_buf buf);

#endif
