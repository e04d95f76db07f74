/* Walking and placing. */
#ifndef TC_IR_WALK_H
#define TC_IR_WALK_H

#include "ir/ir.h"

/* Calls `visit` for every statement below `at`, in order, parents first. Return false to skip the
 * statement's regions. */
typedef bool tc_visit(tc_ir *ir, tc_value stmt, void *data);
void tc_walk(tc_ir *ir, tc_region at, tc_visit *visit, void *data);
/* Takes out every statement below `at` for which `drop` holds, asked after those inside it. */
void tc_drop_stmts(tc_ir *ir, tc_region at, tc_visit *drop, void *data);
/* Is there a `what`, break or continue, that belongs to the loop around the region? */
bool tc_has_jump(const tc_ir *ir, tc_region region, enum tc_opcode what);
/* The same of one statement: may control leave the block here? */
bool tc_is_jump(const tc_ir *ir, tc_value stmt, enum tc_opcode what);

/* Is there a statement of this op in the region, or below? */
bool tc_has_op(const tc_ir *ir, tc_region at, enum tc_opcode opcode);

/* The values that `v` is computed from, each once, operands first and `v` last; results of
 * statements are at the bottom. */
typedef struct tc_value_list {
  tc_value *at;
  uint32_t n;
} tc_value_list;
tc_value_list tc_operands_of(const tc_ir *ir, tc_value v, tc_arena *arena);
/* Is `v` computed from dimensions and scalar parameters alone, so that it is known at launch? */
bool tc_is_host_value(const tc_ir *ir, tc_value v, tc_arena *scratch);

/* Before statement `before` of a region. */
typedef struct tc_spot {
  uint32_t region, before;
} tc_spot;
/* Where a region hangs: the statement with it is number `index` of `parent`. */
typedef struct tc_hook {
  uint32_t parent, index, depth;
  bool seen; /* for those who fill in the hooks */
} tc_hook;
/* The innermost spot from which both are reached; `hooks` by region id. */
tc_spot tc_spot_meet(const tc_hook *hooks, tc_spot a, tc_spot b);

/* Where shared pure values are computed.
 *
 * A pure value has no position; who executes or prints statements needs one. tc_place gives each
 * pure value that some statement below `body` needs, as an operand or in the declaration of a
 * buffer that it accesses (constants, variables and slices excepted: they are always at hand), one
 * place: the innermost region that contains all its uses, just before the first of them. So a value
 * used only inside one branch is computed only there, and nothing is computed twice. Values are
 * listed in an order in which operands come first. */
typedef struct tc_placed {
  tc_value value;
  tc_region region;
  uint32_t before; /* index in the region's ops */
} tc_placed;
typedef struct tc_placement {
  tc_placed *at; /* sorted by region id, then before, then value id */
  uint32_t n;
  uint32_t *uses; /* per value id: how many ops (placed values or statements) use it; n_ops long */
} tc_placement;
tc_placement tc_place_values(tc_ir *ir, tc_region body, tc_arena *scratch);
/* The same, but divisions of integers that do not change in a loop, and cannot go wrong, are
 * computed before it, whether or not control comes to their uses. */
tc_placement tc_place_values_early(tc_ir *ir, tc_region body, tc_arena *scratch);
/* The values to compute before statement number `before` of `region`: at[*first .. *first + n). */
uint32_t tc_placed_before(const tc_placement *p, tc_region region, uint32_t before,
                          uint32_t *first);

#endif
