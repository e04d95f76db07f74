#include "ir/walk.h"

#include "base/map.h"
#include "ir/build.h"
#include "ir/form.h"

#include <stdlib.h>

void tc_walk(tc_ir *ir, tc_region at, tc_visit *visit, void *data) {
  const tc_block *block = tc_block_at(ir, at);
  for (uint32_t i = 0; i < block->ops.n; i++) {
    tc_value stmt = block->ops.at[i];
    if (!visit(ir, stmt, data)) continue;
    const tc_op *op = tc_op_at(ir, stmt);
    uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
    for (uint32_t r = 0; r < n; r++)
      tc_walk(ir, tc_child(ir, op, r), visit, data);
  }
}

void tc_drop_stmts(tc_ir *ir, tc_region at, tc_visit *drop, void *data) {
  tc_block *block = tc_block_at(ir, at);
  uint32_t kept = 0;
  for (uint32_t i = 0; i < block->ops.n; i++) {
    tc_value stmt = block->ops.at[i];
    const tc_op *op = tc_op_at(ir, stmt);
    uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
    for (uint32_t r = 0; r < n; r++)
      tc_drop_stmts(ir, tc_child(ir, op, r), drop, data);
    if (!drop(ir, stmt, data)) block->ops.at[kept++] = stmt;
  }
  block->ops.n = kept;
}

bool tc_has_op(const tc_ir *ir, tc_region at, enum tc_opcode opcode) {
  const tc_block *block = tc_block_at(ir, at);
  for (uint32_t i = 0; i < block->ops.n; i++) {
    const tc_op *op = tc_op_at(ir, block->ops.at[i]);
    uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
    if (op->opcode == opcode) return true;
    for (uint32_t r = 0; r < n; r++)
      if (tc_has_op(ir, tc_child(ir, op, r), opcode)) return true;
  }
  return false;
}

/* Without recursion: expressions of unrolled loops can be very deep. */
tc_value_list tc_operands_of(const tc_ir *ir, tc_value v, tc_arena *arena) {
  typedef struct visit {
    tc_value value;
    uint32_t next;
  } visit;
  TC_VEC(visit) stack = {0};
  TC_VEC(tc_value) list = {0};
  tc_map seen = tc_map_in(arena);
  tc_map_put(&seen, v.id, 0);
  tc_vec_push(arena, &stack, ((visit){v, 0}));
  while (stack.n) {
    visit *top = &stack.at[stack.n - 1];
    const tc_op *op = tc_op_at(ir, top->value);
    if (!tc_op_is_pure(op) || top->next >= op->n_in) {
      tc_vec_push(arena, &list, top->value);
      stack.n--;
      continue;
    }
    tc_value in = tc_input(ir, op, top->next++);
    uint32_t known;
    if (tc_map_get(&seen, in.id, &known)) continue;
    tc_map_put(&seen, in.id, 0);
    tc_vec_push(arena, &stack, ((visit){in, 0}));
  }
  return (tc_value_list){list.at, list.n};
}

bool tc_is_host_value(const tc_ir *ir, tc_value v, tc_arena *scratch) {
  tc_value_list list = tc_operands_of(ir, v, scratch);
  for (uint32_t i = 0; i < list.n; i++) {
    const tc_op *op = tc_op_at(ir, list.at[i]);
    if (!tc_op_is_pure(op)) return false;
    if (op->opcode != TC_OP_var) continue;
    enum tc_var_kind kind = tc_var_at(ir, (tc_var){op->payload})->kind;
    if (kind != TC_VAR_DIM && kind != TC_VAR_SCALAR) return false;
  }
  return true;
}

/* ---- spots ---- */

static tc_spot climb(const tc_hook *hooks, tc_spot at) {
  return (tc_spot){hooks[at.region].parent, hooks[at.region].index};
}

tc_spot tc_spot_meet(const tc_hook *hooks, tc_spot a, tc_spot b) {
  while (hooks[a.region].depth > hooks[b.region].depth)
    a = climb(hooks, a);
  while (hooks[b.region].depth > hooks[a.region].depth)
    b = climb(hooks, b);
  while (a.region != b.region)
    a = climb(hooks, a), b = climb(hooks, b);
  return a.before < b.before ? a : b;
}

/* ---- placement ---- */

typedef struct placer {
  tc_ir *ir;
  tc_hook *hooks; /* by region id */
  tc_spot *spots; /* by value id; region 0: not needed */
  uint32_t *uses;
  /* Of values that leave loops; NULL: none do. */
  uint32_t *depth, *var_depth; /* by value and variable id: of the region that it comes from */
  bool *safe;                  /* by value id */
} placer;

static void need(placer *p, tc_value v, tc_spot at) {
  if (!v.id) return;
  p->uses[v.id]++;
  if (!tc_op_is_pure(tc_op_at(p->ir, v))) return;
  tc_spot *old = &p->spots[v.id];
  *old = old->region ? tc_spot_meet(p->hooks, *old, at) : at;
}

static void need_buf(placer *p, tc_buf buf, tc_spot at) {
  const tc_buffer *b = tc_buf_at(p->ir, buf);
  for (uint32_t i = 0; i < tc_buf_n_exprs(b); i++)
    need(p, tc_buf_expr(b, i), at);
}

static void scan_stmt(placer *p, const tc_op *op, tc_spot here) {
  tc_buf buf;
  for (uint32_t k = 0; (buf = tc_stmt_buf(p->ir, op, k)).id; k++)
    need_buf(p, buf, here);
  for (uint32_t k = 0; k < op->n_in; k++) {
    tc_value in = tc_input(p->ir, op, k);
    need(p, in, here);
    if (tc_is(p->ir, in, TC_OP_slice)) need_buf(p, tc_slice_buf(p->ir, in), here);
  }
}

static void note_depth(placer *p, tc_value stmt, uint32_t depth) {
  const tc_op *op = tc_op_at(p->ir, stmt);
  uint32_t n;
  p->depth[stmt.id] = depth;
  tc_stmt_var(p->ir, op, 0, &n);
  for (uint32_t k = 0; k < n; k++)
    p->var_depth[tc_stmt_var(p->ir, op, k, &n).id] = depth + 1;
}

static void scan_region(placer *p, tc_region region, uint32_t depth) {
  const tc_block *block = tc_block_at(p->ir, region);
  p->hooks[region.id].depth = depth;
  for (uint32_t i = 0; i < block->ops.n; i++) {
    const tc_op *op = tc_op_at(p->ir, block->ops.at[i]);
    scan_stmt(p, op, (tc_spot){region.id, i});
    if (p->depth) note_depth(p, block->ops.at[i], depth);
    uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
    for (uint32_t r = 0; r < n; r++) {
      tc_region child = tc_child(p->ir, op, r);
      p->hooks[child.id].parent = region.id;
      p->hooks[child.id].index = i;
      scan_region(p, child, depth + 1);
    }
  }
}

static int by_spot(const void *a, const void *b) {
  const tc_placed *x = a, *y = b;
  if (x->region.id != y->region.id) return x->region.id < y->region.id ? -1 : 1;
  if (x->before != y->before) return x->before < y->before ? -1 : 1;
  return x->value.id < y->value.id ? -1 : x->value.id > y->value.id;
}

static bool needs_no_place(const tc_op *op) {
  return op->opcode == TC_OP_const || op->opcode == TC_OP_var || op->opcode == TC_OP_slice;
}

/* May an op be done although control never comes to where it is wanted? Integers only: what floats
 * would cost in registers is not known here. */
static bool is_safe_op(const tc_ir *ir, const tc_op *op) {
  int64_t by;
  if (op->type.lanes != 1 || !tc_is_int(op->type)) return false;
  switch ((int)op->opcode) { /* table */
  case TC_OP_add:
  case TC_OP_sub:
  case TC_OP_mul:
  case TC_OP_min:
  case TC_OP_max:
  case TC_OP_and:
  case TC_OP_or:
  case TC_OP_xor:
  case TC_OP_neg:
    return true;
  case TC_OP_cast:
    return tc_is_int(tc_value_type(ir, tc_input(ir, op, 0)));
  case TC_OP_floordiv:
  case TC_OP_floormod:
  case TC_OP_truncdiv:
  case TC_OP_truncmod:
    return tc_const_of(ir, tc_input(ir, op, 1), &by) && by > 0;
  case TC_OP_shl:
  case TC_OP_shr:
    return tc_const_of(ir, tc_input(ir, op, 1), &by) && by >= 0
           && by < (int64_t)tc_type_bits(op->type);
  default:
    return false;
  }
}

/* Does it take more than an instruction or two? What is cheaper than a register from before the
 * loop to its use stays there; an assembler that has registers left moves it. */
static bool is_dear(const tc_ir *ir, const tc_op *op) {
  int64_t by;
  bool division = op->opcode == TC_OP_floordiv || op->opcode == TC_OP_floormod
                  || op->opcode == TC_OP_truncdiv || op->opcode == TC_OP_truncmod;
  return division && tc_const_of(ir, tc_input(ir, op, 1), &by) && (by & (by - 1));
}

static void find_safe(placer *p) {
  for (uint32_t id = 1; id < p->ir->n_ops; id++) {
    const tc_op *op = tc_op_at(p->ir, (tc_value){id});
    if (!tc_op_is_pure(op)) {
      p->safe[id] = true;
      continue;
    }
    bool leaf = op->opcode == TC_OP_const || op->opcode == TC_OP_var;
    p->safe[id] = leaf || is_safe_op(p->ir, op);
    if (op->opcode == TC_OP_var) p->depth[id] = p->var_depth[op->payload];
    for (uint32_t k = 0; k < op->n_in; k++) {
      uint32_t in = tc_input(p->ir, op, k).id;
      p->safe[id] = p->safe[id] && p->safe[in];
      if (p->depth[in] > p->depth[id]) p->depth[id] = p->depth[in];
    }
  }
}

/* Before the outermost loop around in which the value does not change. */
static tc_spot leave_loops(const placer *p, tc_value v, tc_spot at) {
  tc_spot best = at;
  while (p->hooks[at.region].depth > p->depth[v.id]) {
    at = climb(p->hooks, at);
    tc_value stmt = tc_block_at(p->ir, (tc_region){at.region})->ops.at[at.before];
    uint32_t opcode = tc_op_at(p->ir, stmt)->opcode;
    bool loop = opcode == TC_OP_for || opcode == TC_OP_while;
    if (!loop && opcode != TC_OP_if) break;
    if (loop) best = at;
  }
  return best;
}

static tc_placement place(placer *p, tc_region body, tc_arena *scratch) {
  tc_ir *ir = p->ir;
  p->hooks = TC_NEW_ARRAY(scratch, ir->blocks.n, tc_hook);
  p->spots = TC_NEW_ARRAY(scratch, ir->n_ops, tc_spot);
  p->uses = TC_NEW_ARRAY(scratch, ir->n_ops, uint32_t);
  scan_region(p, body, 0);
  if (p->safe) find_safe(p);
  TC_VEC(tc_placed) placed = {0};
  /* Operands have smaller handles than their users, so by the time a value is reached here all its
   * users have their final place. */
  for (uint32_t id = ir->n_ops; id-- > 1;) {
    tc_value v = {id};
    const tc_op *op = tc_op_at(ir, v);
    if (!tc_op_is_pure(op) || !p->spots[id].region) continue;
    if (p->safe && p->safe[id] && is_dear(ir, op)) p->spots[id] = leave_loops(p, v, p->spots[id]);
    for (uint32_t k = 0; k < op->n_in; k++)
      need(p, tc_input(ir, op, k), p->spots[id]);
    if (!needs_no_place(op))
      tc_vec_push(scratch, &placed, ((tc_placed){v, {p->spots[id].region}, p->spots[id].before}));
  }
  if (placed.n) qsort(placed.at, placed.n, sizeof *placed.at, by_spot);
  return (tc_placement){placed.at, placed.n, p->uses};
}

tc_placement tc_place_values(tc_ir *ir, tc_region body, tc_arena *scratch) {
  placer p = {.ir = ir};
  return place(&p, body, scratch);
}

tc_placement tc_place_values_early(tc_ir *ir, tc_region body, tc_arena *scratch) {
  placer p = {.ir = ir,
              .depth = TC_NEW_ARRAY(scratch, ir->n_ops, uint32_t),
              .var_depth = TC_NEW_ARRAY(scratch, ir->vars.n, uint32_t),
              .safe = TC_NEW_ARRAY(scratch, ir->n_ops, bool)};
  return place(&p, body, scratch);
}

uint32_t tc_placed_before(const tc_placement *p, tc_region region, uint32_t before,
                          uint32_t *first) {
  uint32_t lo = 0, hi = p->n;
  while (lo < hi) {
    uint32_t mid = lo + (hi - lo) / 2;
    const tc_placed *at = &p->at[mid];
    bool less = at->region.id < region.id || (at->region.id == region.id && at->before < before);
    if (less) {
      lo = mid + 1;
    } else {
      hi = mid;
    }
  }
  *first = lo;
  uint32_t n = 0;
  while (lo + n < p->n && p->at[lo + n].region.id == region.id && p->at[lo + n].before == before)
    n++;
  return n;
}

bool tc_is_jump(const tc_ir *ir, tc_value stmt, enum tc_opcode what) {
  const tc_op *op = tc_op_at(ir, stmt);
  uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
  bool is_loop = op->opcode == TC_OP_for || op->opcode == TC_OP_while;
  if (op->opcode == what) return true;
  for (uint32_t k = 0; !is_loop && k < n; k++)
    if (tc_has_jump(ir, tc_child(ir, op, k), what)) return true;
  return false;
}

bool tc_has_jump(const tc_ir *ir, tc_region region, enum tc_opcode what) {
  const tc_block *block = tc_block_at(ir, region);
  for (uint32_t i = 0; i < block->ops.n; i++)
    if (tc_is_jump(ir, block->ops.at[i], what)) return true;
  return false;
}
