#include "pass/edit.h"

#include "ir/build.h"

tc_edit tc_edit_new(tc_ir *ir, tc_arena *scratch) {
  return (tc_edit){.ir = ir,
                   .first = tc_region_new(ir),
                   .before = tc_map_in(scratch),
                   .after = tc_map_in(scratch)};
}

static tc_region beside(tc_ir *ir, tc_map *map, tc_value stmt) {
  uint32_t id;
  if (tc_map_get(map, stmt.id, &id)) return (tc_region){id};
  tc_region made = tc_region_new(ir);
  tc_map_put(map, stmt.id, made.id);
  return made;
}

tc_region tc_edit_before(tc_edit *e, tc_value stmt) {
  return beside(e->ir, &e->before, stmt);
}

tc_region tc_edit_after(tc_edit *e, tc_value stmt) {
  return beside(e->ir, &e->after, stmt);
}

static void append(tc_ir *ir, tc_block *to, tc_region from) {
  const tc_block *more = tc_block_at(ir, from);
  for (uint32_t i = 0; i < more->ops.n; i++)
    tc_vec_push(ir->arena, &to->ops, more->ops.at[i]);
}

static void apply(const tc_edit *e, tc_region region, tc_region first) {
  tc_ir *ir = e->ir;
  tc_block *block = tc_block_at(ir, region), made = *block;
  uint32_t id;
  made.ops.at = NULL;
  made.ops.n = made.ops.cap = 0;
  if (first.id) append(ir, &made, first);
  for (uint32_t i = 0; i < block->ops.n; i++) {
    tc_value stmt = block->ops.at[i];
    const tc_op *op = tc_op_at(ir, stmt);
    uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
    for (uint32_t r = 0; r < n; r++)
      apply(e, tc_child(ir, op, r), (tc_region){0});
    if (tc_map_get(&e->before, stmt.id, &id)) append(ir, &made, (tc_region){id});
    tc_vec_push(ir->arena, &made.ops, stmt);
    if (tc_map_get(&e->after, stmt.id, &id)) append(ir, &made, (tc_region){id});
  }
  block->ops = made.ops;
}

void tc_edit_apply(const tc_edit *e, tc_region region) {
  apply(e, region, e->first);
}
