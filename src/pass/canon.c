/* canon: surface -> tile.
 *
 * Input       IR as evaluated: implicit guards, negative indices, nested parallel loops.
 * Output      the same function with
 *               - directly nested parallel loops merged into one,
 *               - branches with a known condition and loops without iterations gone,
 *               - indices of global buffers that are provably negative wrapped by + extent,
 *               - the bounds of every access to a global buffer in its predicate (GUARDED),
 *               - loads whose value nobody uses, and expression statements, gone.
 * Invariants  the order of effects and the value of every surviving load.
 * Example     B[i] = A[i - 10]   ->   x = load A[i - 10] if 0 <= i - 10 and i - 10 < N else 0
 *                                     store B[i] = x if 0 <= i and i < N                        */
#include "pass/pass.h"

#include "ir/build.h"
#include "ir/walk.h"
#include "prove/prove.h"

/* ---- structure ---- */

typedef TC_VEC(tc_value) stmt_list;

static void clean_region(tc_ir *ir, tc_region region);

/* parallel(a) { parallel(b) { body } } -> parallel(a, b) { body }, when nothing stands beside the
 * inner loop (the front end refuses extents that depend on the outer index). */
static void merge_parallel(tc_ir *ir, tc_value outer) {
  for (;;) {
    const tc_op *op = tc_op_at(ir, outer);
    tc_block *body = tc_block_at(ir, tc_child(ir, op, 0));
    if (body->ops.n != 1 || tc_op_at(ir, body->ops.at[0])->opcode != TC_OP_parallel) return;
    tc_value inner = body->ops.at[0];
    const tc_op *in = tc_op_at(ir, inner);
    tc_parallel *a = tc_parallel_of(ir, outer), *b = tc_parallel_of(ir, inner);
    tc_var *vars = TC_NEW_ARRAY(ir->arena, a->n + b->n, tc_var);
    tc_value *extents = TC_NEW_ARRAY(ir->arena, a->n + b->n, tc_value);
    for (uint32_t d = 0; d < a->n; d++) vars[d] = a->vars[d], extents[d] = tc_input(ir, op, d);
    for (uint32_t d = 0; d < b->n; d++) {
      vars[a->n + d] = b->vars[d];
      extents[a->n + d] = tc_input(ir, in, d);
    }
    uint32_t n = a->n + b->n;
    *tc_block_at(ir, tc_child(ir, op, 0)) = *tc_block_at(ir, tc_child(ir, in, 0));
    a->n = n;
    a->vars = vars;
    tc_set_inputs(ir, outer, extents, n);
  }
}

static void splice(tc_ir *ir, stmt_list *out, tc_region region) {
  clean_region(ir, region);
  const tc_block *block = tc_block_at(ir, region);
  for (uint32_t i = 0; i < block->ops.n; i++) tc_vec_push(ir->arena, out, block->ops.at[i]);
}

static bool never_runs(tc_ir *ir, const tc_op *op) {
  int64_t lo, hi, step;
  if (op->opcode != TC_OP_for) return false;
  if (!tc_const_of(ir, tc_input(ir, op, 0), &lo) || !tc_const_of(ir, tc_input(ir, op, 1), &hi) ||
      !tc_const_of(ir, tc_input(ir, op, 2), &step))
    return false;
  return step > 0 ? lo >= hi : lo <= hi;
}

static void clean_statement(tc_ir *ir, tc_value stmt, stmt_list *out) {
  const tc_op *op = tc_op_at(ir, stmt);
  int64_t known;
  if (op->opcode == TC_OP_eval || never_runs(ir, op)) return;
  if (op->opcode == TC_OP_if && tc_const_of(ir, tc_input(ir, op, 0), &known)) {
    splice(ir, out, tc_child(ir, op, known ? 0 : 1));
    return;
  }
  if (op->opcode == TC_OP_parallel) merge_parallel(ir, stmt);
  op = tc_op_at(ir, stmt);
  uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
  for (uint32_t r = 0; r < n; r++) clean_region(ir, tc_child(ir, op, r));
  tc_vec_push(ir->arena, out, stmt);
}

static void clean_region(tc_ir *ir, tc_region region) {
  tc_block *block = tc_block_at(ir, region);
  stmt_list out = {0};
  for (uint32_t i = 0; i < block->ops.n; i++) clean_statement(ir, block->ops.at[i], &out);
  block->ops.at = out.at;
  block->ops.n = out.n;
  block->ops.cap = out.cap;
}

/* ---- guards ---- */

enum { MAX_RANK = 16 };

static tc_value widen(tc_ir *ir, tc_value v, tc_type type) { return tc_cast(ir, v, type); }

static tc_type wider(tc_ir *ir, tc_value a, tc_value b) {
  tc_type x = tc_value_type(ir, a), y = tc_value_type(ir, b);
  return tc_type_bits(x) >= tc_type_bits(y) ? x : y;
}

/* A[-1] and A[-i] with i >= 1 count from the end; an index of unknown sign stays as written. */
static tc_value wrap_negative(tc_prover *p, tc_ir *ir, tc_value index, tc_value extent) {
  if (tc_value_type(ir, index).lanes != 1 || tc_prove_interval(p, index).hi >= 0) return index;
  tc_type type = wider(ir, index, extent);
  return tc_binary(ir, TC_OP_add, widen(ir, index, type), widen(ir, extent, type));
}

static tc_value bounds_of(tc_ir *ir, tc_value index, tc_value extent) {
  tc_type type = wider(ir, index, extent);
  tc_value i = widen(ir, index, type), n = widen(ir, extent, type);
  tc_value low = tc_binary(ir, TC_OP_le, tc_zero(ir, type), i);
  return tc_and(ir, low, tc_binary(ir, TC_OP_lt, i, n));
}

static void guard_access(tc_prover *p, tc_ir *ir, tc_value stmt) {
  const tc_op *op = tc_op_at(ir, stmt);
  const tc_buffer *b = tc_buf_at(ir, tc_access_buf(ir, stmt));
  if (b->scope != TC_SCOPE_global) return;
  tc_value in[MAX_RANK + 4], pred = tc_access_pred(ir, stmt), other = {0};
  bool atomic = op->opcode == TC_OP_atomic, load = op->opcode == TC_OP_load;
  uint8_t *flags = atomic ? &tc_atomic_of(ir, stmt)->flags : &tc_access_of(ir, stmt)->flags;
  if (*flags & (TC_ACCESS_GUARDED | TC_ACCESS_IN_BOUNDS)) return;
  if (load) other = tc_access_else(ir, stmt);
  uint32_t n_values = (load ? 0u : 1u);
  if (atomic && tc_atomic_of(ir, stmt)->kind == TC_ATOMIC_CAS) n_values = 2;
  tc_value bounds = pred;
  for (uint32_t d = 0; d < b->rank; d++) {
    in[d] = wrap_negative(p, ir, tc_input(ir, op, d), b->shape[d]);
    bounds = tc_and(ir, bounds, bounds_of(ir, in[d], b->shape[d]));
  }
  uint32_t n = b->rank;
  for (uint32_t k = 0; k < n_values; k++) in[n++] = tc_input(ir, op, b->rank + k);
  /* A rank-0 buffer has one element: nothing to guard. */
  int64_t always;
  bool guard = bounds.id && !(tc_const_of(ir, bounds, &always) && always);
  *flags = (uint8_t)((*flags & ~TC_ACCESS_PRED) | TC_ACCESS_GUARDED);
  if (guard) in[n++] = bounds, *flags |= TC_ACCESS_PRED;
  if (other.id) in[n++] = other;
  tc_set_inputs(ir, stmt, in, n);
}

/* Slices of global buffers: constant negative origins count from the end. */
static tc_value wrap_slice(tc_prover *p, tc_ir *ir, tc_value slice) {
  tc_buf buf = tc_slice_buf(ir, slice);
  const tc_buffer *b = tc_buf_at(ir, buf);
  tc_value base[MAX_RANK], extent[MAX_RANK];
  bool changed = false;
  for (uint32_t d = 0; d < b->rank; d++) {
    tc_value from = tc_slice_base(ir, slice, d);
    extent[d] = tc_slice_extent(ir, slice, d);
    tc_value end = tc_binary(ir, TC_OP_add, widen(ir, from, wider(ir, from, extent[d])),
                             widen(ir, extent[d], wider(ir, from, extent[d])));
    /* Only a tile that lies before the start as a whole is meant from the end. */
    base[d] = tc_prove_interval(p, end).hi <= 0 ? wrap_negative(p, ir, from, b->shape[d]) : from;
    changed = changed || base[d].id != from.id;
  }
  return changed ? tc_slice(ir, buf, base, extent, tc_slice_in_bounds(ir, slice)) : slice;
}

static void wrap_slices(tc_prover *p, tc_ir *ir, tc_value stmt) {
  const tc_op *op = tc_op_at(ir, stmt);
  tc_value in[8];
  uint32_t n = op->n_in;
  bool any = false;
  if (n > TC_COUNT(in)) return;
  for (uint32_t i = 0; i < n; i++) {
    in[i] = tc_input(ir, op, i);
    if (!tc_is(ir, in[i], TC_OP_slice)) continue;
    if (tc_buf_at(ir, tc_slice_buf(ir, in[i]))->scope != TC_SCOPE_global) continue;
    tc_value wrapped = wrap_slice(p, ir, in[i]);
    any = any || wrapped.id != in[i].id;
    in[i] = wrapped;
  }
  if (any) tc_set_inputs(ir, stmt, in, n);
}

typedef struct guard_cx {
  tc_ir *ir;
} guard_cx;

static bool guard_statement(tc_prover *p, tc_value stmt, void *data) {
  tc_ir *ir = ((guard_cx *)data)->ir;
  switch (tc_op_at(ir, stmt)->opcode) {
  case TC_OP_load:
  case TC_OP_store:
  case TC_OP_atomic:
    guard_access(p, ir, stmt);
    break;
  default:
    if (tc_op_row((enum tc_opcode)tc_op_at(ir, stmt)->opcode)->n_regions == 0)
      wrap_slices(p, ir, stmt);
  }
  return true;
}

/* ---- dead loads ---- */

typedef struct liveness {
  tc_ir *ir;
  bool *needed; /* by value id */
} liveness;

static void need(liveness *l, tc_value v) {
  if (!v.id || l->needed[v.id]) return;
  l->needed[v.id] = true;
  const tc_op *op = tc_op_at(l->ir, v);
  for (uint32_t i = 0; i < op->n_in; i++) need(l, tc_input(l->ir, op, i));
}

static bool is_plain_load(const tc_ir *ir, tc_value stmt) {
  return tc_op_at(ir, stmt)->opcode == TC_OP_load &&
         tc_access_of(ir, stmt)->order == TC_ORDER_NONE;
}

static bool need_effects(tc_ir *ir, tc_value stmt, void *data) {
  liveness *l = data;
  if (!is_plain_load(ir, stmt)) need(l, stmt);
  return true;
}

static void drop_dead(liveness *l, tc_region region) {
  tc_block *block = tc_block_at(l->ir, region);
  uint32_t kept = 0;
  for (uint32_t i = 0; i < block->ops.n; i++) {
    tc_value stmt = block->ops.at[i];
    if (is_plain_load(l->ir, stmt) && !l->needed[stmt.id]) continue;
    block->ops.at[kept++] = stmt;
    const tc_op *op = tc_op_at(l->ir, stmt);
    uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
    for (uint32_t r = 0; r < n; r++) drop_dead(l, tc_child(l->ir, op, r));
  }
  block->ops.n = kept;
}

static void remove_dead_loads(tc_ir *ir, tc_arena *scratch) {
  liveness l = {ir, TC_NEW_ARRAY(scratch, ir->n_ops, bool)};
  tc_walk(ir, ir->body, need_effects, &l);
  /* Shapes and addresses are read by whoever uses the buffer. */
  for (uint32_t i = 1; i < ir->bufs.n; i++) {
    const tc_buffer *b = ir->bufs.at[i];
    for (uint32_t d = 0; d < b->rank; d++) {
      need(&l, b->shape[d]);
      if (b->strides) need(&l, b->strides[d]);
    }
    need(&l, b->address);
    need(&l, b->offset);
  }
  drop_dead(&l, ir->body);
}

void tc_pass_canon(tc_ir *ir, const tc_pass_context *cx) {
  clean_region(ir, ir->body);
  guard_cx guard = {ir};
  tc_prove_walk(cx->prover, ir->body, guard_statement, &guard);
  remove_dead_loads(ir, cx->scratch);
  ir->state = TC_STATE_tile;
}
