/* What the verifier says about code for GPUs: arrays of a thread are registers, threads come
 * together where they must, and nobody touches what a matrix engine still adds to. */
#include "ir/verify_private.h"

#include "ir/converge.h"
#include "ir/form.h"
#include "ir/walk.h"

#define FAIL tc_verifier_fail

static tc_buf root_of(const tc_ir *ir, tc_buf buf) {
  return tc_buf_at(ir, buf)->root;
}

/* ---- registers ---- */

/* An array that a primitive takes lives in registers, which have no addresses. */
typedef struct registers {
  tc_verifier *v;
  bool *taken;   /* by buffer id */
  bool *counter; /* by variable: of a loop that is written out */
} registers;

static bool note_taken(tc_ir *ir, tc_value stmt, void *data) {
  registers *r = data;
  const tc_op *op = tc_op_at(ir, stmt);
  for (uint32_t k = 0; op->opcode == TC_OP_prim && k < op->n_in; k++) {
    tc_value in = tc_input(ir, op, k);
    if (!tc_is(ir, in, TC_OP_slice)) continue;
    tc_buf root = root_of(ir, tc_slice_buf(ir, in));
    if (tc_buf_at(ir, root)->scope == TC_SCOPE_local) r->taken[root.id] = true;
  }
  return true;
}

/* The counter of a loop that is written out is a number each time. */
static void note_counter(registers *r, tc_value loop) {
  const tc_op *op = tc_op_at(r->v->ir, loop);
  int64_t lo, hi, step;
  if (tc_loop_of(r->v->ir, loop)->kind == TC_LOOP_UNROLL
      && tc_const_of(r->v->ir, tc_input(r->v->ir, op, 0), &lo)
      && tc_const_of(r->v->ir, tc_input(r->v->ir, op, 1), &hi)
      && tc_const_of(r->v->ir, tc_input(r->v->ir, op, 2), &step))
    r->counter[tc_loop_of(r->v->ir, loop)->var.id] = true;
}

static bool is_number(const registers *r, tc_value v) {
  int64_t x;
  const tc_ir *ir = r->v->ir;
  return tc_const_of(ir, v, &x)
         || (tc_is(ir, v, TC_OP_var) && r->counter[tc_op_at(ir, v)->payload]);
}

static void check_constant(registers *r, tc_value stmt, tc_buf buf, tc_value index) {
  tc_ir *ir = r->v->ir;
  tc_value first = index;
  if (tc_is(ir, index, TC_OP_ramp)) first = tc_input(ir, tc_op_at(ir, index), 0);
  if (!r->taken[root_of(ir, buf).id] || is_number(r, first)) return;
  r->v->stmt = stmt;
  FAIL(r->v, TC_RULE_registers, "element of %s, whose number is not known",
       tc_name_of(ir, tc_buf_at(ir, buf)->name));
}

enum { DEPTH = 8 };

/* v modulo a power of two, seen through some additions; -1: not known. */
static int64_t residue(const tc_ir *ir, tc_value v, int64_t n, int depth) {
  int64_t x, y;
  const tc_op *op = tc_op_at(ir, v);
  if (tc_const_of(ir, v, &x)) return x & (n - 1);
  if (op->opcode == TC_OP_mul)
    return tc_const_of(ir, tc_input(ir, op, 1), &x) && x % n == 0 ? 0 : -1;
  if (op->opcode != TC_OP_add || !depth) return -1;
  x = residue(ir, tc_input(ir, op, 0), n, depth - 1);
  y = residue(ir, tc_input(ir, op, 1), n, depth - 1);
  return x < 0 || y < 0 ? -1 : (x + y) & (n - 1);
}

/* Memory is accessed in words of the size of what lies side by side in it. */
static void check_vector(tc_verifier *v, tc_value stmt) {
  tc_ir *ir = v->ir;
  const tc_buffer *b = tc_buf_at(ir, tc_access_buf(ir, stmt));
  if (!b->rank || b->scope == TC_SCOPE_local || b->scope == TC_SCOPE_fragment) return;
  tc_value last = tc_input(ir, tc_op_at(ir, stmt), b->rank - 1);
  int64_t lanes = tc_value_type(ir, last).lanes, by;
  if (!tc_is(ir, last, TC_OP_ramp) || (lanes & (lanes - 1))) return;
  const tc_op *ramp = tc_op_at(ir, last);
  if (!tc_const_of(ir, tc_input(ir, ramp, 1), &by) || by != 1) return;
  v->stmt = stmt;
  if (residue(ir, tc_input(ir, ramp, 0), lanes, DEPTH) > 0)
    FAIL(v, TC_RULE_vectors, "%lld elements of %s, from no multiple of their number on",
         (long long)lanes, tc_name_of(ir, b->name));
}

static bool check_indices(tc_ir *ir, tc_value stmt, void *data) {
  registers *r = data;
  const tc_op *op = tc_op_at(ir, stmt);
  if (op->opcode == TC_OP_for) note_counter(r, stmt);
  bool access = op->opcode == TC_OP_load || op->opcode == TC_OP_store || op->opcode == TC_OP_atomic;
  if (access) {
    tc_buf buf = tc_access_buf(ir, stmt);
    for (uint32_t d = 0; d < tc_buf_at(ir, buf)->rank; d++)
      check_constant(r, stmt, buf, tc_input(ir, op, d));
    if (op->opcode != TC_OP_atomic) check_vector(r->v, stmt);
  }
  for (uint32_t k = 0; op->opcode == TC_OP_prim && k < op->n_in; k++) {
    tc_value in = tc_input(ir, op, k);
    if (!tc_is(ir, in, TC_OP_slice)) continue;
    tc_buf buf = tc_slice_buf(ir, in);
    for (uint32_t d = 0; d < tc_buf_at(ir, buf)->rank; d++)
      check_constant(r, stmt, buf, tc_slice_base(ir, in, d));
  }
  return !r->v->failed;
}

/* ---- what is in flight ---- */

enum { OPEN = 0 }; /* age of what no group holds yet; 1 in the last group that was closed, ... */

typedef struct flying {
  uint32_t root, age;
} flying;
typedef TC_VEC(flying) flight;

static void launch(tc_verifier *v, flight *f, uint32_t root, uint32_t age) {
  for (uint32_t i = 0; i < f->n; i++) {
    if (f->at[i].root != root) continue;
    if (age < f->at[i].age) f->at[i].age = age;
    return;
  }
  tc_vec_push(v->ir->arena, f, ((flying){root, age}));
}

static void close_group(flight *f) {
  for (uint32_t i = 0; i < f->n; i++)
    f->at[i].age++;
}

static void land(flight *f, uint32_t pending) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < f->n; i++)
    if (f->at[i].age <= pending) f->at[kept++] = f->at[i];
  f->n = kept;
}

static void join(tc_verifier *v, flight *f, const flight *other) {
  for (uint32_t i = 0; i < other->n; i++)
    launch(v, f, other->at[i].root, other->at[i].age);
}

static flight copy_of(tc_verifier *v, const flight *f) {
  flight copy = {0};
  join(v, &copy, f);
  return copy;
}

/* The operand that a product of the matrix engine adds to; -1: it is none. */
static int sum_of(const tc_ir *ir, tc_value stmt) {
  if (tc_is(ir, stmt, TC_OP_gemm)) {
    const tc_gemm *g = tc_gemm_of(ir, stmt);
    return g->async && g->engine == TC_ENGINE_wgmma ? 2 : -1;
  }
  if (!tc_is(ir, stmt, TC_OP_prim)) return -1;
  const tc_prim_info *row = tc_prim_info_of((enum tc_prim_row)tc_prim_of(ir, stmt)->row);
  return row->who == TC_WHO_WARPGROUP && row->operands[0] == 'x' ? 0 : -1;
}

static void check_touch(tc_verifier *v, const flight *f, tc_value stmt, tc_buf buf) {
  uint32_t root = root_of(v->ir, buf).id;
  for (uint32_t i = 0; i < f->n; i++) {
    if (f->at[i].root != root) continue;
    v->stmt = stmt;
    FAIL(v, TC_RULE_flight, "%s is still being added to",
         tc_name_of(v->ir, tc_buf_at(v->ir, buf)->name));
  }
}

static void check_touches(tc_verifier *v, const flight *f, tc_value stmt, int sum) {
  const tc_op *op = tc_op_at(v->ir, stmt);
  tc_buf buf;
  for (uint32_t k = 0; op->opcode != TC_OP_alloc && (buf = tc_stmt_buf(v->ir, op, k)).id; k++)
    check_touch(v, f, stmt, buf);
  for (uint32_t k = 0; k < op->n_in; k++) {
    tc_value in = tc_input(v->ir, op, k);
    if (tc_is(v->ir, in, TC_OP_slice) && (int)k != sum)
      check_touch(v, f, stmt, tc_slice_buf(v->ir, in));
  }
}

static void step(tc_verifier *v, flight *f, tc_value stmt) {
  const tc_op *op = tc_op_at(v->ir, stmt);
  int sum = sum_of(v->ir, stmt);
  if (f->n) check_touches(v, f, stmt, sum);
  if (sum >= 0)
    launch(v, f, root_of(v->ir, tc_slice_buf(v->ir, tc_input(v->ir, op, (uint32_t)sum))).id, OPEN);
  if (op->opcode == TC_OP_async_commit && tc_async_of(v->ir, stmt)->queue == TC_ASYNC_MMA)
    close_group(f);
  if (op->opcode == TC_OP_async_wait && tc_async_of(v->ir, stmt)->queue == TC_ASYNC_MMA
      && !tc_async_of(v->ir, stmt)->read)
    land(f, tc_async_of(v->ir, stmt)->pending);
  if (op->opcode != TC_OP_prim) return;
  const tc_prim *prim = tc_prim_of(v->ir, stmt);
  if (prim->row == TC_PRIM_wgmma_commit) close_group(f);
  if (prim->row == TC_PRIM_wgmma_wait) land(f, prim->n);
}

static bool same(const flight *a, const flight *b) {
  if (a->n != b->n) return false;
  for (uint32_t i = 0; i < a->n; i++)
    if (a->at[i].root != b->at[i].root || a->at[i].age != b->at[i].age) return false;
  return true;
}

/* Loops inside each other are walked again and again: what takes too long is not looked at. */
enum { MOST_STEPS = 1 << 20 };

static void fly(tc_verifier *v, tc_region region, flight *f, uint32_t *steps);

/* What one turn leaves in flight the next one finds. */
static void fly_loop(tc_verifier *v, const tc_op *op, uint32_t n, flight *f, uint32_t *steps) {
  flight before;
  do {
    before = copy_of(v, f);
    for (uint32_t r = 0; r < n; r++)
      fly(v, tc_child(v->ir, op, r), f, steps);
    flight after = *f;
    *f = copy_of(v, &before);
    join(v, f, &after);
  } while (!same(f, &before) && !v->failed && *steps < MOST_STEPS);
}

static void fly(tc_verifier *v, tc_region region, flight *f, uint32_t *steps) {
  const tc_block *block = tc_block_at(v->ir, region);
  for (uint32_t i = 0; i < block->ops.n && !v->failed && *steps < MOST_STEPS; i++) {
    tc_value stmt = block->ops.at[i];
    const tc_op *op = tc_op_at(v->ir, stmt);
    uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
    ++*steps;
    step(v, f, stmt);
    if (op->opcode == TC_OP_if) {
      flight other = copy_of(v, f);
      fly(v, tc_child(v->ir, op, 0), f, steps);
      fly(v, tc_child(v->ir, op, 1), &other, steps);
      join(v, f, &other);
    } else if (op->opcode == TC_OP_for || op->opcode == TC_OP_while) {
      fly_loop(v, op, n, f, steps);
    } else if (n) {
      fly(v, tc_child(v->ir, op, 0), f, steps);
    }
  }
}

/* ---- the whole ---- */

void tc_verify_kernel(tc_verifier *v, tc_value kernel) {
  tc_region body = tc_child(v->ir, tc_op_at(v->ir, kernel), 0);
  flight none = {0};
  uint32_t steps = 0;
  if (v->state != TC_STATE_placed && v->state != TC_STATE_lane) return;
  fly(v, body, &none, &steps);
  if (v->state != TC_STATE_lane || v->failed) return;
  registers r = {v, TC_NEW_ARRAY(v->ir->arena, v->ir->bufs.n, bool),
                 TC_NEW_ARRAY(v->ir->arena, v->ir->vars.n, bool)};
  tc_walk(v->ir, body, note_taken, &r);
  tc_walk(v->ir, body, check_indices, &r);
  if (v->failed) return;
  const char *who;
  tc_value some = tc_converge_find(v->ir, kernel, v->ir->arena, &who);
  if (!some.id) return;
  v->stmt = some;
  FAIL(v, TC_RULE_converged, "only some threads of a %s come here", who);
}
