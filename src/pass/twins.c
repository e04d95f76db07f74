/* twins: two branches that do the same with other numbers become one. State lane.
 *
 * Input       if c { A } else { B }, where B is A but for constants, and for the arrays and
 * variables that each has of its own. Output      A, with select(c, its constant, that of B)
 * wherever they differ. Invariants  each thread does what it did, in the same order: threads of the
 * two branches never waited for each other by being in different ones. Constants stay constants
 * where instructions want them: operands of primitives, elements of registers. Example     if tx <
 * 256 { wait bar[0]; store w = 0 } else { wait bar[1]; store w = 1 }
 *             ->  wait bar[select(tx < 256, 0, 1)]; store w = select(tx < 256, 0, 1)
 *
 * Consumers that take turns with tiles differ in nothing else. Assemblers take twice as long for
 * both, and a multiprocessor fetches twice the instructions. */
#include "pass/pass.h"

#include "base/map.h"
#include "ir/build.h"
#include "ir/form.h"
#include "ir/typing.h"
#include "ir/walk.h"

/* Less is not worth the selects. */
enum { LEAST = 32 };

typedef struct change {
  tc_value stmt, *in;
} change;

/* Two arrays in shared memory, side by side, that become one: the elements before each. */
typedef struct joined {
  tc_buf a, b;
  int64_t before_a, before_b;
} joined;

typedef struct twins {
  tc_ir *ir;
  tc_arena *arena;
  tc_value cond;
  tc_map values, bufs; /* results, counters and buffers of B -> those of A */
  tc_map merged;       /* value of A, value of B -> both */
  TC_VEC(change) changes;
  TC_VEC(joined) joined;
  uint32_t n; /* statements compared */
} twins;

/* ---- values ---- */

static tc_value merge(twins *t, tc_value a, tc_value b);

static tc_buf other_buf(const twins *t, tc_buf buf) {
  uint32_t id;
  return tc_map_get(&t->bufs, buf.id, &id) ? (tc_buf){id} : buf;
}

/* Numbers of registers are part of instructions. */
static bool is_register(const tc_ir *ir, tc_buf buf) {
  return tc_buf_at(ir, buf)->scope == TC_SCOPE_local;
}

/* Plain arrays of one kind, of which one ends where the other begins. */
static bool may_join(const tc_ir *ir, tc_buf a, tc_buf b, int64_t *n_a, int64_t *n_b) {
  const tc_buffer *x = tc_buf_at(ir, a), *y = tc_buf_at(ir, b);
  if (x->scope != TC_SCOPE_shared || y->scope != TC_SCOPE_shared || !x->is_placed || !y->is_placed
      || x->rank != 1 || y->rank != 1 || x->root.id != a.id || y->root.id != b.id
      || !tc_type_equal(x->elem, y->elem) || !tc_const_of(ir, x->shape[0], n_a)
      || !tc_const_of(ir, y->shape[0], n_b))
    return false;
  int64_t bits = tc_type_bits(x->elem);
  return *n_a * bits == (y->arena_b - x->arena_b) * 8
         || *n_b * bits == (x->arena_b - y->arena_b) * 8;
}

static const joined *join(twins *t, tc_buf a, tc_buf b) {
  int64_t n_a, n_b;
  for (uint32_t i = 0; i < t->joined.n; i++) {
    const joined *j = &t->joined.at[i];
    if (j->a.id == a.id && j->b.id == b.id) return j;
    if (j->a.id == a.id || j->b.id == b.id || j->a.id == b.id || j->b.id == a.id) return NULL;
  }
  if (a.id == b.id || !may_join(t->ir, a, b, &n_a, &n_b)) return NULL;
  bool a_first = tc_buf_at(t->ir, a)->arena_b < tc_buf_at(t->ir, b)->arena_b;
  tc_vec_push(t->arena, &t->joined, ((joined){a, b, a_first ? 0 : n_b, a_first ? n_a : 0}));
  return &t->joined.at[t->joined.n - 1];
}

static tc_value merge_slices(twins *t, tc_value a, tc_value b) {
  tc_ir *ir = t->ir;
  tc_buf buf = tc_slice_buf(ir, a), other = other_buf(t, tc_slice_buf(ir, b));
  uint32_t rank = tc_buf_at(ir, buf)->rank;
  tc_value base[TC_MAX_RANK], extent[TC_MAX_RANK];
  const joined *j = buf.id == other.id ? NULL : join(t, buf, other);
  if ((buf.id != other.id && !j) || tc_slice_in_bounds(ir, a) != tc_slice_in_bounds(ir, b))
    return (tc_value){0};
  for (uint32_t d = 0; d < rank; d++) {
    base[d] = merge(t, tc_slice_base(ir, a, d), tc_slice_base(ir, b, d));
    extent[d] = tc_slice_extent(ir, a, d);
    if (!base[d].id || extent[d].id != tc_slice_extent(ir, b, d).id) return (tc_value){0};
    if (is_register(ir, buf) && base[d].id != tc_slice_base(ir, a, d).id) return (tc_value){0};
  }
  if (j) {
    tc_type type = tc_value_type(ir, base[0]);
    tc_value before = tc_select(ir, t->cond, tc_const_int(ir, type, j->before_a),
                                tc_const_int(ir, type, j->before_b));
    base[0] = tc_binary(ir, TC_OP_add, base[0], before);
  }
  return tc_slice(ir, buf, base, extent, tc_slice_in_bounds(ir, a));
}

static tc_value merge_pure(twins *t, tc_value a, tc_value b) {
  tc_ir *ir = t->ir;
  const tc_op *x = tc_op_at(ir, a), *y = tc_op_at(ir, b);
  if (x->opcode != y->opcode || x->n_in != y->n_in || !tc_type_equal(x->type, y->type))
    return (tc_value){0};
  if (x->opcode == TC_OP_const) return tc_select(ir, t->cond, a, b);
  if (x->opcode == TC_OP_slice) return merge_slices(t, a, b);
  if (!tc_op_is_pure(x) || !x->n_in || x->payload != y->payload) return (tc_value){0};
  tc_value *in = TC_NEW_ARRAY(t->arena, x->n_in, tc_value);
  bool changed = false;
  for (uint32_t i = 0; i < x->n_in; i++) {
    in[i] = merge(t, tc_input(ir, tc_op_at(ir, a), i), tc_input(ir, tc_op_at(ir, b), i));
    if (!in[i].id) return in[i];
    changed = changed || in[i].id != tc_input(ir, tc_op_at(ir, a), i).id;
  }
  return changed ? tc_rebuild(ir, a, in) : a;
}

/* What is `a` under the condition and `b` otherwise; 0: that is not known to be one computation. */
static tc_value merge(twins *t, tc_value a, tc_value b) {
  uint32_t id;
  if (tc_map_get(&t->values, b.id, &id)) return (tc_value){id == a.id ? id : 0};
  if (a.id == b.id) return a;
  uint64_t key = (uint64_t)a.id << 32 | b.id;
  if (tc_map_get(&t->merged, key, &id)) return (tc_value){id};
  tc_value both = a.id && b.id ? merge_pure(t, a, b) : (tc_value){0};
  tc_map_put(&t->merged, key, both.id);
  return both;
}

/* ---- statements ---- */

static bool same_regions(twins *t, tc_region a, tc_region b);

static bool same_bufs(twins *t, tc_buf a, tc_buf b) {
  const tc_buffer *x = tc_buf_at(t->ir, a), *y = tc_buf_at(t->ir, b);
  if (x->scope != y->scope || x->rank != y->rank || x->root.id != a.id || y->root.id != b.id
      || !tc_type_equal(x->elem, y->elem) || x->strides || y->strides || x->address.id
      || y->address.id || x->is_placed || y->is_placed)
    return false;
  for (uint32_t d = 0; d < x->rank; d++)
    if (x->shape[d].id != y->shape[d].id) return false;
  tc_map_put(&t->bufs, b.id, a.id);
  return true;
}

static bool same_loops(twins *t, tc_value a, tc_value b) {
  tc_loop x = *tc_loop_of(t->ir, a), y = *tc_loop_of(t->ir, b);
  if (x.kind != y.kind || x.num_stages != y.num_stages || x.unroll_factor != y.unroll_factor
      || !tc_type_equal(tc_var_at(t->ir, x.var)->type, tc_var_at(t->ir, y.var)->type))
    return false;
  tc_map_put(&t->values, tc_var_value(t->ir, y.var).id, tc_var_value(t->ir, x.var).id);
  return true;
}

static bool same_payloads(twins *t, tc_value a, tc_value b) {
  tc_ir *ir = t->ir;
  switch ((int)tc_op_at(ir, a)->opcode) { /* table */
  case TC_OP_alloc:
    return same_bufs(t, (tc_buf){tc_op_at(ir, a)->payload}, (tc_buf){tc_op_at(ir, b)->payload});
  case TC_OP_load:
  case TC_OP_store: {
    const tc_access *x = tc_access_of(ir, a), *y = tc_access_of(ir, b);
    return x->buf.id == other_buf(t, y->buf).id && x->flags == y->flags && x->order == y->order
           && x->sync_scope == y->sync_scope;
  }
  case TC_OP_prim: {
    const tc_prim *x = tc_prim_of(ir, a), *y = tc_prim_of(ir, b);
    return x->row == y->row && x->n == y->n && x->trans_a == y->trans_a && x->trans_b == y->trans_b;
  }
  case TC_OP_for:
    return same_loops(t, a, b);
  case TC_OP_if:
  case TC_OP_while:
  case TC_OP_break:
  case TC_OP_continue:
    return true;
  }
  return false;
}

/* May this operand differ? */
static bool may_vary(const tc_ir *ir, tc_value stmt, tc_value operand) {
  const tc_op *op = tc_op_at(ir, stmt);
  bool access = op->opcode == TC_OP_load || op->opcode == TC_OP_store;
  if (op->opcode == TC_OP_prim) return !tc_is(ir, operand, TC_OP_const);
  return !(access && is_register(ir, tc_access_buf(ir, stmt)));
}

static bool same_operands(twins *t, tc_value a, tc_value b) {
  tc_ir *ir = t->ir;
  uint32_t n = tc_op_at(ir, a)->n_in;
  tc_value *in = TC_NEW_ARRAY(t->arena, n + 1, tc_value);
  bool changed = false;
  for (uint32_t i = 0; i < n; i++) {
    tc_value x = tc_input(ir, tc_op_at(ir, a), i), y = tc_input(ir, tc_op_at(ir, b), i);
    in[i] = merge(t, x, y);
    if (in[i].id == x.id) continue;
    if (!in[i].id || !may_vary(ir, a, x)) return false;
    changed = true;
  }
  if (changed) tc_vec_push(t->arena, &t->changes, ((change){a, in}));
  return true;
}

static bool same_stmts(twins *t, tc_value a, tc_value b) {
  const tc_op *x = tc_op_at(t->ir, a), *y = tc_op_at(t->ir, b);
  if (x->opcode != y->opcode || x->n_in != y->n_in || !tc_type_equal(x->type, y->type))
    return false;
  uint32_t n_regions = tc_op_row((enum tc_opcode)x->opcode)->n_regions;
  t->n++;
  if (!same_payloads(t, a, b) || !same_operands(t, a, b)) return false;
  tc_map_put(&t->values, b.id, a.id);
  for (uint32_t r = 0; r < n_regions; r++)
    if (!same_regions(t, tc_child(t->ir, tc_op_at(t->ir, a), r),
                      tc_child(t->ir, tc_op_at(t->ir, b), r)))
      return false;
  return true;
}

static bool same_regions(twins *t, tc_region a, tc_region b) {
  const tc_block *x = tc_block_at(t->ir, a), *y = tc_block_at(t->ir, b);
  if (x->ops.n != y->ops.n) return false;
  for (uint32_t i = 0; i < x->ops.n; i++)
    if (!same_stmts(t, x->ops.at[i], y->ops.at[i])) return false;
  return true;
}

/* ---- shared memory of both ---- */

typedef struct mentions {
  tc_buf buf;
  uint32_t n;
} mentions;

static bool count(tc_ir *ir, tc_value stmt, void *data) {
  mentions *m = data;
  const tc_op *op = tc_op_at(ir, stmt);
  tc_buf buf;
  for (uint32_t k = 0; op->opcode != TC_OP_alloc && (buf = tc_stmt_buf(ir, op, k)).id; k++)
    m->n += tc_buf_at(ir, buf)->root.id == m->buf.id;
  for (uint32_t k = 0; k < op->n_in; k++)
    if (tc_is(ir, tc_input(ir, op, k), TC_OP_slice))
      m->n += tc_buf_at(ir, tc_slice_buf(ir, tc_input(ir, op, k)))->root.id == m->buf.id;
  return true;
}

static bool is_only_in(tc_ir *ir, tc_buf buf, tc_region region) {
  mentions all = {.buf = buf}, inside = {.buf = buf};
  tc_walk(ir, ir->body, count, &all);
  tc_walk(ir, region, count, &inside);
  return all.n == inside.n;
}

/* The first array becomes both; the other one is left without uses. */
static void do_join(tc_ir *ir, const joined *j) {
  tc_buffer *a = tc_buf_at(ir, j->a), *b = tc_buf_at(ir, j->b);
  int64_t n_a = 0, n_b = 0;
  tc_const_of(ir, a->shape[0], &n_a);
  tc_const_of(ir, b->shape[0], &n_b);
  a->shape = TC_NEW(ir->arena, tc_value);
  a->shape[0] = tc_i32(ir, n_a + n_b);
  if (b->arena_b < a->arena_b) a->arena_b = b->arena_b;
}

static void drop_alloc(tc_ir *ir, tc_region region, tc_buf buf) {
  tc_block *block = tc_block_at(ir, region);
  uint32_t n = 0;
  for (uint32_t i = 0; i < block->ops.n; i++) {
    const tc_op *op = tc_op_at(ir, block->ops.at[i]);
    if (op->opcode == TC_OP_alloc && op->payload == buf.id) continue;
    for (uint32_t r = 0; r < tc_op_row((enum tc_opcode)op->opcode)->n_regions; r++)
      drop_alloc(ir, tc_child(ir, op, r), buf);
    block->ops.at[n++] = block->ops.at[i];
  }
  block->ops.n = n;
}

/* ---- the pass ---- */

typedef struct found {
  TC_VEC(tc_buf) gone; /* arrays that became parts of others */
  bool any;
} found;

/* Makes the first branch do for both; false: they differ. */
static bool unite(const tc_pass_context *cx, tc_ir *ir, tc_value choice, found *f) {
  const tc_op *op = tc_op_at(ir, choice);
  twins t = {.ir = ir, .arena = cx->scratch, .cond = tc_input(ir, op, 0)};
  t.values = tc_map_in(cx->scratch);
  t.bufs = tc_map_in(cx->scratch);
  t.merged = tc_map_in(cx->scratch);
  if (!same_regions(&t, tc_child(ir, op, 0), tc_child(ir, op, 1)) || t.n < LEAST) return false;
  for (uint32_t i = 0; i < t.joined.n; i++)
    if (!is_only_in(ir, t.joined.at[i].a, tc_child(ir, op, 0))
        || !is_only_in(ir, t.joined.at[i].b, tc_child(ir, op, 1)))
      return false;
  for (uint32_t i = 0; i < t.joined.n; i++) {
    do_join(ir, &t.joined.at[i]);
    tc_vec_push(cx->scratch, &f->gone, t.joined.at[i].b);
  }
  for (uint32_t i = 0; i < t.changes.n; i++)
    tc_set_inputs(ir, t.changes.at[i].stmt, t.changes.at[i].in,
                  tc_op_at(ir, t.changes.at[i].stmt)->n_in);
  f->any = true;
  return true;
}

/* What was united stands in the region itself. */
static void run_region(const tc_pass_context *cx, tc_ir *ir, tc_region region, found *f) {
  tc_block out = {.ops = {0}};
  for (uint32_t i = 0; i < tc_block_at(ir, region)->ops.n; i++) {
    tc_value stmt = tc_block_at(ir, region)->ops.at[i];
    uint32_t n_regions = tc_op_row((enum tc_opcode)tc_op_at(ir, stmt)->opcode)->n_regions;
    for (uint32_t r = 0; r < n_regions; r++)
      run_region(cx, ir, tc_child(ir, tc_op_at(ir, stmt), r), f);
    if (!tc_is(ir, stmt, TC_OP_if) || !unite(cx, ir, stmt, f)) {
      tc_vec_push(ir->arena, &out.ops, stmt);
      continue;
    }
    const tc_block *both = tc_block_at(ir, tc_child(ir, tc_op_at(ir, stmt), 0));
    for (uint32_t k = 0; k < both->ops.n; k++)
      tc_vec_push(ir->arena, &out.ops, both->ops.at[k]);
  }
  *tc_block_at(ir, region) = out;
}

void tc_pass_twins(tc_ir *ir, const tc_pass_context *cx) {
  found f = {.any = false};
  run_region(cx, ir, ir->body, &f);
  for (uint32_t i = 0; i < f.gone.n; i++)
    drop_alloc(ir, ir->body, f.gone.at[i]);
  *cx->idle = !f.any;
}
