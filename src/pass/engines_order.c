/* Copies that go on behind the threads' backs, and what else the kernel does to their tensor.
 * Inside a block an engine's reads and writes of global memory are not ordered with those of
 * threads, nor its writes with each other, so a copy stays with the threads where the order could
 * matter. Blocks are not ordered at all, and neither are the iterations of persistent loops. */
#include "pass/engines.h"

#include "ir/build.h"
#include "ir/walk.h"
#include "pass/effects.h"
#include "pass/tiles.h"

typedef struct search {
  tc_ir *ir;
  tc_prover *p;
  tc_value copy, slice; /* its tile in global memory */
  bool writes;
  bool seen;       /* the copy lies behind */
  uint32_t around; /* loops around both whose iterations have an order */
  tc_value other;  /* what was found */
} search;

static tc_affine place(search *s, tc_value slice, uint32_t d) {
  tc_type wide = tc_scalar_type(TC_DT_int64);
  return tc_prove_affine(s->p, tc_cast(s->ir, tc_slice_base(s->ir, slice, d), wide));
}

/* Two tiles of one buffer lie side by side in some dimension, in whatever iteration. */
static bool are_apart(search *s, tc_value other) {
  tc_ir *ir = s->ir;
  if (!other.id || tc_slice_buf(ir, other).id != tc_slice_buf(ir, s->slice).id || s->around)
    return false;
  for (uint32_t d = 0; d < tc_buf_at(ir, tc_slice_buf(ir, other))->rank; d++) {
    tc_affine a = place(s, s->slice, d), b = place(s, other, d);
    int64_t a_n, b_n;
    bool same = a.n == b.n && tc_const_of(ir, tc_slice_extent(ir, s->slice, d), &a_n)
                && tc_const_of(ir, tc_slice_extent(ir, other, d), &b_n);
    for (uint32_t k = 0; k < a.n && same; k++)
      same = a.leaf[k].id == b.leaf[k].id && a.by[k] == b.by[k];
    if (same && (a.constant + a_n <= b.constant || b.constant + b_n <= a.constant)) return true;
  }
  return false;
}

/* What would have to come before the copy or after it, and is not made to. */
static bool look_at(tc_ir *ir, tc_value stmt, void *data) {
  search *s = data;
  tc_touch touch[TC_MAX_TOUCHES];
  tc_buf root = tc_root_of(ir, tc_slice_buf(ir, s->slice));
  uint32_t n = tc_touches_of(ir, stmt, touch);
  for (uint32_t i = 0; i < n && stmt.id != s->copy.id; i++) {
    bool write = touch[i].kind & TC_TOUCH_WRITE;
    bool late = s->seen || s->around, early = !s->seen || s->around;
    bool matters = s->writes ? write || late : write && early;
    if (tc_root_of(ir, touch[i].buf).id == root.id && matters && !are_apart(s, touch[i].slice))
      s->other = stmt;
  }
  return true;
}

/* Each iteration of the loop writes other elements than the others. */
static bool moves_on(search *s, tc_value loop) {
  tc_ir *ir = s->ir;
  tc_value var = tc_var_value(ir, tc_loop_of(ir, loop)->var);
  for (uint32_t d = 0; d < tc_buf_at(ir, tc_slice_buf(ir, s->slice))->rank; d++) {
    tc_affine a = place(s, s->slice, d);
    int64_t n, step;
    if (!tc_const_of(ir, tc_slice_extent(ir, s->slice, d), &n)
        || !tc_const_of(ir, tc_input(ir, tc_op_at(ir, loop), 2), &step))
      continue;
    for (uint32_t k = 0; k < a.n; k++)
      if (a.leaf[k].id == var.id && (a.by[k] * step >= n || a.by[k] * step <= -n)) return true;
  }
  return false;
}

static bool holds(search *s, tc_value stmt) {
  const tc_op *op = tc_op_at(s->ir, stmt);
  for (uint32_t r = 0; r < tc_op_row((enum tc_opcode)op->opcode)->n_regions; r++) {
    const tc_block *block = tc_block_at(s->ir, tc_child(s->ir, op, r));
    for (uint32_t i = 0; i < block->ops.n; i++)
      if (block->ops.at[i].id == s->copy.id || holds(s, block->ops.at[i])) return true;
  }
  return false;
}

static void look_below(search *s, tc_region region);

static void look_inside(search *s, tc_value stmt) {
  const tc_op *op = tc_op_at(s->ir, stmt);
  bool counted = op->opcode == TC_OP_for, loop = counted || op->opcode == TC_OP_while;
  if (counted && tc_loop_of(s->ir, stmt)->kind == TC_LOOP_PERSISTENT) loop = false;
  if (loop && s->writes && (!counted || s->around || !moves_on(s, stmt))) s->other = s->copy;
  s->around += loop;
  for (uint32_t r = 0; r < tc_op_row((enum tc_opcode)op->opcode)->n_regions; r++)
    look_below(s, tc_child(s->ir, op, r));
  s->around -= loop;
}

static void look_below(search *s, tc_region region) {
  const tc_block *block = tc_block_at(s->ir, region);
  for (uint32_t i = 0; i < block->ops.n && !s->other.id; i++) {
    tc_value stmt = block->ops.at[i];
    const tc_op *op = tc_op_at(s->ir, stmt);
    if (stmt.id == s->copy.id) {
      s->seen = true;
    } else if (holds(s, stmt)) {
      look_inside(s, stmt);
    } else if (look_at(s->ir, stmt, s)) {
      for (uint32_t r = 0; r < tc_op_row((enum tc_opcode)op->opcode)->n_regions; r++)
        tc_walk(s->ir, tc_child(s->ir, op, r), look_at, s);
    }
  }
}

const char *tc_engine_refuses_order(tc_ir *ir, tc_prover *p, tc_value kernel, tc_value copy) {
  const tc_op *op = tc_op_at(ir, copy);
  search s = {.ir = ir, .p = p, .copy = copy, .slice = tc_input(ir, op, 0)};
  if (tc_tile_scope(ir, s.slice) != TC_SCOPE_global) {
    s.slice = tc_input(ir, op, 1);
    s.writes = true;
  }
  if (tc_tile_scope(ir, s.slice) != TC_SCOPE_global) return NULL;
  look_below(&s, tc_child(ir, tc_op_at(ir, kernel), 0));
  if (!s.other.id) return NULL;
  const char *name = tc_tile_name(ir, s.slice);
  if (s.other.id == copy.id)
    return tc_format(ir->arena, "elements of %s may be written more than once", name);
  return tc_format(ir->arena, "other statements of the kernel %s %s", s.writes ? "use" : "write",
                   name);
}
