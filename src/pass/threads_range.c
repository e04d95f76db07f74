/* Which threads a condition selects, and groups.
 *
 * A condition that depends on nothing but thread indices is evaluated for every thread. When those
 * that satisfy it are neighbours, and what stands under it needs all of them at once (tile
 * operations, barriers, waits), it becomes a group. A condition without such content stays: it
 * costs nothing in code per thread. */
#include "pass/threads.h"

#include "base/map.h"
#include "ir/build.h"
#include "pass/deps.h"
#include "pass/guard.h"
#include "prove/eval.h"

typedef struct selection {
  int64_t first, last, n; /* threads of the range that satisfy the condition */
} selection;

static bool is_range(selection s) {
  return s.n && s.last - s.first + 1 == s.n;
}

/* The other threads, when they are neighbours too. */
static selection complement(selection s, tc_thread_range in) {
  int64_t end = in.first + in.count - 1;
  if (!is_range(s)) return (selection){0, 0, -1};
  if (s.first == in.first) return (selection){s.last + 1, end, end - s.last};
  if (s.last == end) return (selection){in.first, s.first - 1, s.first - in.first};
  return (selection){0, 0, -1};
}

/* ---- conditions ---- */

/* Nothing but thread indices, at least one. */
static bool is_of_threads(const tc_threads *t, tc_value v) {
  const tc_kernel *k = tc_kernel_of(t->ir, t->kernel);
  tc_deps deps = {0};
  tc_deps_add(t->ir, t->arena, v, &deps);
  for (uint32_t i = 0; i < deps.vars.n; i++) {
    uint32_t var = deps.vars.at[i].id;
    if (var != k->thread[0].id && var != k->thread[1].id && var != k->thread[2].id) return false;
  }
  return deps.vars.n && !deps.stmts.n;
}

/* Splits the operands of a chain of `and` into those about threads alone and the rest; 0 stands for
 * true. */
static void split(tc_threads *t, tc_value v, tc_value *threads, tc_value *rest) {
  bool is_and = tc_is(t->ir, v, TC_OP_and) && tc_is_bool(tc_value_type(t->ir, v));
  if (is_of_threads(t, v)) {
    *threads = tc_and(t->ir, *threads, v);
  } else if (is_and) {
    split(t, tc_input(t->ir, tc_op_at(t->ir, v), 0), threads, rest);
    split(t, tc_input(t->ir, tc_op_at(t->ir, v), 1), threads, rest);
  } else {
    *rest = tc_and(t->ir, *rest, v);
  }
}

/* Values as programs of the thread indices. */
typedef struct program {
  tc_eval *e;
  int64_t stride[3], extent[3];
  uint32_t n;
} program;

static program make_program(tc_threads *t, const tc_value *roots, uint32_t n_roots) {
  const tc_kernel *k = tc_kernel_of(t->ir, t->kernel);
  program p = {.n = 0};
  tc_var vars[3];
  int64_t stride = 1;
  for (uint32_t d = 0; d < 3; d++) {
    if (k->thread[d].id) {
      p.stride[p.n] = stride, p.extent[p.n] = k->threads[d];
      vars[p.n++] = k->thread[d];
    }
    stride *= k->threads[d];
  }
  p.e = tc_eval_new(t->ir, t->arena, vars, p.n, roots, n_roots, 0);
  tc_eval_run(p.e, 0);
  return p;
}

static void run_program(program *p, int64_t thread) {
  for (uint32_t i = 0; i < p->n; i++)
    tc_eval_set(p->e, i, thread / p->stride[i] % p->extent[i]);
  for (uint32_t level = 1; level <= p->n; level++)
    tc_eval_run(p->e, level);
}

static selection select_threads(tc_threads *t, tc_value v, tc_thread_range in) {
  selection s = {0, 0, 0};
  program p = make_program(t, &v, 1);
  for (int64_t x = in.first; x < in.first + in.count; x++) {
    run_program(&p, x);
    tc_cell c = tc_eval_root(p.e, 0);
    if (c.state != TC_CELL_KNOWN) return (selection){0, 0, -1};
    if (!c.x.i) continue;
    if (!s.n++) s.first = x;
    s.last = x;
  }
  return s;
}

/* ---- what needs a group ---- */

static bool has_meeting(const tc_threads *t, tc_region region) {
  const tc_block *block = tc_block_at(t->ir, region);
  for (uint32_t i = 0; i < block->ops.n; i++) {
    tc_value stmt = block->ops.at[i];
    const tc_op *op = tc_op_at(t->ir, stmt);
    if (op->opcode == TC_OP_group || tc_threads_is_tile(t->ir, stmt)
        || tc_threads_is_sync(t->ir, stmt))
      return true;
    uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
    for (uint32_t r = 0; r < n; r++)
      if (has_meeting(t, tc_child(t->ir, op, r))) return true;
  }
  return false;
}

enum { MAX_ACCESSES = 64 };

typedef struct accesses {
  tc_value at[MAX_ACCESSES];
  uint32_t n;
} accesses;

/* Accesses to shared memory; too many are as good as none that are known. */
static void collect(const tc_threads *t, tc_region region, accesses *out) {
  const tc_block *block = tc_block_at(t->ir, region);
  for (uint32_t i = 0; i < block->ops.n; i++) {
    tc_value stmt = block->ops.at[i];
    const tc_op *op = tc_op_at(t->ir, stmt);
    uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
    for (uint32_t r = 0; r < n; r++)
      collect(t, tc_child(t->ir, op, r), out);
    if (!tc_guard_is_access(t->ir, stmt)) continue;
    if (!tc_threads_is_shared(t->ir, tc_access_buf(t->ir, stmt))) continue;
    if (out->n < MAX_ACCESSES) out->at[out->n++] = stmt;
  }
}

static bool is_known(const tc_threads *t, tc_value v) {
  int64_t x;
  return tc_const_of(t->ir, v, &x) || is_of_threads(t, v);
}

/* Does a thread of the range come to an element by `b` that another one comes to by `a`? */
static bool may_meet(tc_threads *t, tc_value a, tc_value b, selection in) {
  tc_ir *ir = t->ir;
  tc_buf buf = tc_access_buf(ir, a);
  uint32_t rank = tc_buf_at(ir, buf)->rank;
  tc_value roots[2 * TC_GUARD_RANK];
  bool same = true;
  if (tc_access_buf(ir, b).id != buf.id) return true;
  for (uint32_t d = 0; d < rank; d++) {
    roots[d] = tc_input(ir, tc_op_at(ir, a), d);
    roots[rank + d] = tc_input(ir, tc_op_at(ir, b), d);
    same &= roots[d].id == roots[rank + d].id;
  }
  if (same) return false;
  for (uint32_t d = 0; d < 2 * rank; d++)
    if (!is_known(t, roots[d])) return true;
  program p = make_program(t, roots, 2 * rank);
  tc_map owner = tc_map_in(t->arena);
  for (int turn = 0; turn < 2; turn++) {
    for (int64_t x = in.first; x <= in.last; x++) {
      uint64_t key = 0;
      uint32_t other;
      run_program(&p, x);
      for (uint32_t d = 0; d < rank; d++)
        key = tc_hash_u64(key ^ (uint64_t)tc_eval_root(p.e, (uint32_t)turn * rank + d).x.i);
      if (turn == 0)
        tc_map_put(&owner, key, (uint32_t)x);
      else if (tc_map_get(&owner, key, &other) && other != (uint32_t)x)
        return true;
    }
  }
  return false;
}

/* Threads hand something to each other through shared memory: a barrier will stand in between. */
static bool has_handover(tc_threads *t, tc_region region, selection in) {
  accesses all = {.n = 0};
  collect(t, region, &all);
  for (uint32_t i = 0; i < all.n; i++) {
    for (uint32_t k = i + 1; k < all.n; k++) {
      bool root = tc_buf_at(t->ir, tc_access_buf(t->ir, all.at[i]))->root.id
                  == tc_buf_at(t->ir, tc_access_buf(t->ir, all.at[k]))->root.id;
      bool reads = tc_is(t->ir, all.at[i], TC_OP_load) && tc_is(t->ir, all.at[k], TC_OP_load);
      bool atomic = tc_is(t->ir, all.at[i], TC_OP_atomic) && tc_is(t->ir, all.at[k], TC_OP_atomic);
      if (root && !reads && !atomic && may_meet(t, all.at[i], all.at[k], in)) return true;
    }
  }
  return false;
}

static bool needs_group(tc_threads *t, tc_region region, selection in) {
  if (has_meeting(t, region)) return true;
  return in.n > 1 && is_range(in) && has_handover(t, region, in);
}

/* ---- rewriting ---- */

static void group_region(tc_threads *t, tc_region region, tc_thread_range in);
static void group_list(tc_threads *t, const tc_block *block, tc_thread_range in, tc_values *out);

static void inline_region(tc_threads *t, tc_region region, tc_thread_range in, tc_values *out) {
  const tc_block *block = tc_block_at(t->ir, region);
  group_list(t, block, in, out);
}

/* A statement that is in no list yet. */
static tc_value make(tc_threads *t, enum tc_opcode op, const tc_value *in, uint32_t n,
                     uint32_t payload, tc_span span) {
  tc_region nowhere = tc_region_new(t->ir);
  return tc_stmt(t->ir, nowhere, op, tc_scalar_type(TC_DT_void), in, n, payload, span);
}

static void set_child(tc_ir *ir, tc_value stmt, uint32_t r, tc_region region) {
  ir->child_regions.at[tc_op_at(ir, stmt)->regions + r] = region;
}

static void add_if(tc_threads *t, tc_value cond, tc_region body, tc_span span, tc_values *out) {
  tc_value stmt = make(t, TC_OP_if, &cond, 1, 0, span);
  set_child(t->ir, stmt, 0, body);
  tc_vec_push(t->ir->arena, out, stmt);
}

static bool all_are(const tc_threads *t, const tc_block *block, enum tc_opcode op) {
  for (uint32_t i = 0; i < block->ops.n; i++)
    if (!tc_is(t->ir, block->ops.at[i], op)) return false;
  return true;
}

static void set_list(tc_block *block, tc_values list) {
  block->ops.at = list.at;
  block->ops.n = list.n;
  block->ops.cap = list.cap;
}

/* Groups that have nothing beside them need no group around them: an `elif` stands beside its `if`.
 */
static void add_group(tc_threads *t, selection s, tc_value rest, tc_region body, tc_span span,
                      tc_values *out) {
  tc_group payload = {.first = s.first, .count = s.n};
  tc_region inside = body;
  if (rest.id) {
    tc_values list = {0};
    add_if(t, rest, body, span, &list);
    inside = tc_region_new(t->ir);
    set_list(tc_block_at(t->ir, inside), list);
  }
  group_region(t, inside, (tc_thread_range){s.first, s.n});
  const tc_block *block = tc_block_at(t->ir, inside);
  if (all_are(t, block, TC_OP_group)) {
    for (uint32_t i = 0; i < block->ops.n; i++)
      tc_vec_push(t->ir->arena, out, block->ops.at[i]);
    return;
  }
  tc_value group = make(t, TC_OP_group, NULL, 0, tc_pl_group(t->ir, payload), span);
  set_child(t->ir, group, 0, inside);
  tc_vec_push(t->ir->arena, out, group);
}

static void add_side(tc_threads *t, tc_value cond, tc_region body, tc_thread_range in, tc_span span,
                     tc_values *out);

/* Threads on both sides of a range: the conditions inside may tell them apart. */
static void add_inner_sides(tc_threads *t, tc_value cond, tc_region body, tc_thread_range in,
                            tc_values *out) {
  const tc_block *block = tc_block_at(t->ir, body);
  for (uint32_t i = 0; i < block->ops.n; i++) {
    const tc_op *op = tc_op_at(t->ir, block->ops.at[i]);
    tc_span span = op->span;
    tc_value inner = tc_input(t->ir, op, 0);
    tc_region yes = tc_child(t->ir, op, 0), no = tc_child(t->ir, op, 1);
    add_side(t, tc_and(t->ir, cond, inner), yes, in, span, out);
    add_side(t, tc_and(t->ir, cond, tc_unary(t->ir, TC_OP_not, inner)), no, in, span, out);
  }
}

/* One side of a condition as a statement of its own. */
static void add_side(tc_threads *t, tc_value cond, tc_region body, tc_thread_range in, tc_span span,
                     tc_values *out) {
  tc_value threads = {0}, rest = {0};
  if (!tc_block_at(t->ir, body)->ops.n) return;
  split(t, cond, &threads, &rest);
  selection s = threads.id ? select_threads(t, threads, in) : (selection){0, 0, -1};
  if (s.n == in.count && !rest.id) {
    inline_region(t, body, in, out);
  } else if (s.n == in.count) {
    group_region(t, body, in);
    add_if(t, rest, body, span, out);
  } else if (s.n == 0) {
    return;
  } else if (is_range(s) && needs_group(t, body, s)) {
    add_group(t, s, rest, body, span, out);
  } else if (s.n > 0 && has_meeting(t, body) && all_are(t, tc_block_at(t->ir, body), TC_OP_if)) {
    add_inner_sides(t, cond, body, in, out);
  } else {
    group_region(t, body, in);
    add_if(t, cond, body, span, out);
  }
}

/* The sides of a condition belong to different threads, so they need not stay one statement. They
 * do when a uniform part decides too, because then the threads of both may be the same. */
static void group_if(tc_threads *t, tc_value stmt, tc_thread_range in, tc_values *out) {
  tc_ir *ir = t->ir;
  tc_value cond = tc_input(ir, tc_op_at(ir, stmt), 0), threads = {0}, rest = {0};
  tc_region yes = tc_child(ir, tc_op_at(ir, stmt), 0), no = tc_child(ir, tc_op_at(ir, stmt), 1);
  tc_span span = tc_op_at(ir, stmt)->span;
  split(t, cond, &threads, &rest);
  bool both = tc_block_at(ir, no)->ops.n != 0;
  selection none = {0, 0, -1};
  selection s = threads.id ? select_threads(t, threads, in) : none;
  bool worth = s.n >= 0 && (needs_group(t, yes, s) || needs_group(t, no, complement(s, in)));
  bool known = !rest.id && (s.n == 0 || s.n == in.count);
  if (s.n < 0 || (both && rest.id) || !(worth || known)) {
    group_region(t, yes, in);
    group_region(t, no, in);
    tc_vec_push(ir->arena, out, stmt);
    return;
  }
  add_side(t, cond, yes, in, span, out);
  add_side(t, tc_unary(ir, TC_OP_not, cond), no, in, span, out);
}

static void group_list(tc_threads *t, const tc_block *block, tc_thread_range in, tc_values *out) {
  for (uint32_t i = 0; i < block->ops.n; i++) {
    tc_value stmt = block->ops.at[i];
    uint32_t opcode = tc_op_at(t->ir, stmt)->opcode;
    if (opcode == TC_OP_if) {
      group_if(t, stmt, in, out);
      continue;
    }
    tc_thread_range inner = in;
    if (opcode == TC_OP_group)
      inner = (tc_thread_range){tc_group_of(t->ir, stmt)->first, tc_group_of(t->ir, stmt)->count};
    uint32_t n = tc_op_row((enum tc_opcode)opcode)->n_regions;
    bool inside = opcode != TC_OP_parallel && opcode != TC_OP_perthread;
    for (uint32_t r = 0; inside && r < n; r++)
      group_region(t, tc_child(t->ir, tc_op_at(t->ir, stmt), r), inner);
    tc_vec_push(t->ir->arena, out, stmt);
  }
}

static void group_region(tc_threads *t, tc_region region, tc_thread_range in) {
  tc_values out = {0};
  tc_block *block = tc_block_at(t->ir, region);
  group_list(t, block, in, &out);
  set_list(block, out);
}

void tc_threads_group(tc_threads *t) {
  group_region(t, tc_child(t->ir, tc_op_at(t->ir, t->kernel), 0), (tc_thread_range){0, t->count});
}
