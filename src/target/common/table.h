/* The host part of a function as a launch table (rt/table.h).
 *
 * Everything outside of kernels must be something the host can compute before the first kernel:
 * extents, asserts, assumes, workspaces and grids over symbolic dimensions and scalar parameters.
 * A symbolic dimension is bound where it stands alone in a shape or stride, or else by solving an
 * expression linear in it whose other variables are known by then; inputs are asked before results,
 * and those before parameters that may be left out. */
#ifndef TC_TARGET_COMMON_TABLE_H
#define TC_TARGET_COMMON_TABLE_H

#include "ir/ir.h"
#include "rt/table.h"
#include "target/common/emitted.h"

/* The public code of an element type; TILEC_DTYPE_NONE for void and slices. */
tilec_dtype tc_table_code(enum tc_dtype dtype);
/* And back; TC_DT_void for codes out of range. */
enum tc_dtype tc_table_dtype(uint32_t code);

/* The table of a function in state tile or later. `emitted` has a row per kernel statement of the
 * body, in order, or is NULL. What the host cannot compute is reported in ir->diags (E0647, E0648),
 * all of it, and NULL returned. */
const tc_rt_table *tc_table_build(tc_ir *ir, const tc_emitted *emitted, tc_arena *arena);

/* The same for functions that the oracle runs, which needs no table: parameters and what can be
 * known about their shapes; asserts and grids are left out. Extents that cannot be computed have no
 * value, and *complete is false then. */
const tc_rt_table *tc_table_shapes(tc_ir *ir, tc_arena *arena, bool *complete);

#endif
