/* What differs between threads: a fixpoint over data and control.
 *
 * Threads differ by their index, and by what is read from storage of their own. `local` and `var`
 * storage belongs to each thread in the language; as long as all threads of a strand keep the same
 * in it, one copy per strand is enough, and loops and conditions that depend on it stay uniform.
 * It becomes private when something that varies is stored in it, when it is written where threads
 * take different paths, or when it is used at an element that varies. */
#include "pass/threads.h"

#include "ir/build.h"
#include "pass/effects.h"
#include "pass/guard.h"

typedef struct vary {
  tc_threads *t;
  tc_ir *ir;
  bool *vars; /* by variable id */
  tc_value loop;
  bool loop_diverges; /* the paths differ already around the loop, or by its bounds */
  bool changed;
} vary;

static void set(vary *a, bool *flag) {
  a->changed |= !*flag;
  *flag = true;
}

static bool is_own_scope(const tc_ir *ir, tc_buf root) {
  enum tc_scope scope = tc_buf_at(ir, root)->scope;
  return scope == TC_SCOPE_local || scope == TC_SCOPE_var;
}

static void make_private(vary *a, tc_buf buf) {
  tc_buf root = tc_root_of(a->ir, buf);
  if (is_own_scope(a->ir, root)) set(a, &a->t->private_[root.id]);
}

static bool any_input_varies(const vary *a, const tc_op *op) {
  for (uint32_t i = 0; i < op->n_in; i++)
    if (tc_threads_varies(a->t, tc_input(a->ir, op, i))) return true;
  return false;
}

/* Operands have smaller handles than the pure values made of them. */
static void spread(vary *a) {
  for (uint32_t id = 1; id < a->t->n_values; id++) {
    const tc_op *op = tc_op_at(a->ir, (tc_value){id});
    if (a->t->varies[id] || !tc_op_is_pure(op)) continue;
    bool yes = op->opcode == TC_OP_var ? a->vars[op->payload] : any_input_varies(a, op);
    if (yes) set(a, &a->t->varies[id]);
  }
}

/* ---- accesses ---- */

static void see_access(vary *a, tc_value stmt, bool diverges) {
  const tc_op *op = tc_op_at(a->ir, stmt);
  tc_buf buf = tc_access_buf(a->ir, stmt), root = tc_root_of(a->ir, buf);
  bool differs = any_input_varies(a, op);
  bool is_var = tc_buf_at(a->ir, root)->scope == TC_SCOPE_var;
  /* What all threads agree on can be read before they part; only of arrays it is not known where.
   */
  if (differs || (diverges && !(is_var && op->opcode == TC_OP_load))) make_private(a, buf);
  /* Other blocks may write between one thread's turn to read and the next one's. */
  bool ordered = op->opcode == TC_OP_load && tc_access_of(a->ir, stmt)->order != TC_ORDER_NONE
                 && tc_buf_at(a->ir, root)->scope == TC_SCOPE_global;
  if (op->opcode == TC_OP_load && (differs || ordered || a->t->private_[root.id]))
    set(a, &a->t->varies[stmt.id]);
  if (op->opcode == TC_OP_atomic) {
    make_private(a, buf);
    set(a, &a->t->varies[stmt.id]);
  }
}

bool tc_threads_is_own_tile(const tc_threads *t, tc_value stmt) {
  tc_touch touch[TC_MAX_TOUCHES];
  uint32_t n = tc_touches_of(t->ir, stmt, touch);
  for (uint32_t i = 0; i < n; i++)
    if (t->private_[tc_root_of(t->ir, touch[i].buf).id]) return true;
  return false;
}

/* A tile operation on storage of single threads is done by each of them. */
static void see_tile(vary *a, tc_value stmt, bool diverges) {
  tc_touch touch[TC_MAX_TOUCHES];
  uint32_t n = tc_touches_of(a->ir, stmt, touch);
  bool own = diverges || any_input_varies(a, tc_op_at(a->ir, stmt));
  if (!own && !tc_threads_is_own_tile(a->t, stmt)) return;
  for (uint32_t i = 0; i < n; i++)
    make_private(a, touch[i].buf);
}

/* ---- control ---- */

static void walk(vary *a, tc_region region, bool diverges);

/* Everything of a region that is executed per thread already. */
static void see_perthread(vary *a, tc_region region) {
  const tc_block *block = tc_block_at(a->ir, region);
  for (uint32_t i = 0; i < block->ops.n; i++) {
    const tc_op *op = tc_op_at(a->ir, block->ops.at[i]);
    tc_touch touch[TC_MAX_TOUCHES];
    uint32_t n = tc_touches_of(a->ir, block->ops.at[i], touch);
    for (uint32_t k = 0; k < n; k++)
      make_private(a, touch[k].buf);
    n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
    for (uint32_t r = 0; r < n; r++)
      see_perthread(a, tc_child(a->ir, op, r));
  }
}

static void walk_loop(vary *a, tc_value stmt, bool diverges) {
  const tc_op *op = tc_op_at(a->ir, stmt);
  tc_value outer = a->loop;
  bool outer_diverges = a->loop_diverges;
  bool *own = &a->t->diverges[stmt.id];
  if (op->opcode == TC_OP_for) {
    if (any_input_varies(a, op)) set(a, own);
    uint32_t var = tc_loop_of(a->ir, stmt)->var.id;
    if (tc_threads_varies(a->t, tc_input(a->ir, op, 0)) && !a->vars[var]) set(a, &a->vars[var]);
  } else {
    const tc_block *cond = tc_block_at(a->ir, tc_child(a->ir, op, 0));
    tc_value yield = cond->ops.n ? cond->ops.at[cond->ops.n - 1] : (tc_value){0};
    if (yield.id && any_input_varies(a, tc_op_at(a->ir, yield))) set(a, own);
  }
  a->loop = stmt;
  a->loop_diverges = diverges || *own;
  for (uint32_t r = 0; r < (op->opcode == TC_OP_for ? 1 : 2); r++)
    walk(a, tc_child(a->ir, op, r), a->loop_diverges);
  a->loop = outer;
  a->loop_diverges = outer_diverges;
}

static void walk_if(vary *a, tc_value stmt, bool diverges) {
  const tc_op *op = tc_op_at(a->ir, stmt);
  if (any_input_varies(a, op)) set(a, &a->t->diverges[stmt.id]);
  diverges |= a->t->diverges[stmt.id];
  walk(a, tc_child(a->ir, op, 0), diverges);
  walk(a, tc_child(a->ir, op, 1), diverges);
}

/* table */
static void walk_stmt(vary *a, tc_value stmt, bool diverges) {
  const tc_op *op = tc_op_at(a->ir, stmt);
  switch (op->opcode) {
  case TC_OP_load:
  case TC_OP_store:
  case TC_OP_atomic:
    see_access(a, stmt, diverges);
    return;
  case TC_OP_for:
  case TC_OP_while:
    walk_loop(a, stmt, diverges);
    return;
  case TC_OP_if:
    walk_if(a, stmt, diverges);
    return;
  case TC_OP_break:
  case TC_OP_continue:
    /* Some threads leave, others go on. */
    if (diverges && a->loop.id && !a->loop_diverges) set(a, &a->t->diverges[a->loop.id]);
    return;
  case TC_OP_group:
    walk(a, tc_child(a->ir, op, 0), diverges);
    return;
  case TC_OP_perthread:
    see_perthread(a, tc_child(a->ir, op, 0));
    return;
  case TC_OP_parallel:
    return;
  case TC_OP_collective:
    set(a, &a->t->varies[stmt.id]);
    return;
  default:
    if (tc_threads_is_tile(a->ir, stmt)) see_tile(a, stmt, diverges);
  }
}

static void walk(vary *a, tc_region region, bool diverges) {
  const tc_block *block = tc_block_at(a->ir, region);
  for (uint32_t i = 0; i < block->ops.n; i++)
    walk_stmt(a, block->ops.at[i], diverges);
}

/* ---- the fixpoint ---- */

/* Reading a variable cannot go wrong, and a value that a condition excludes is not used. */
static void read_vars_always(tc_ir *ir, tc_region region) {
  const tc_block *block = tc_block_at(ir, region);
  for (uint32_t i = 0; i < block->ops.n; i++) {
    tc_value stmt = block->ops.at[i];
    const tc_op *op = tc_op_at(ir, stmt);
    uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
    if (op->opcode == TC_OP_load && tc_access_pred(ir, stmt).id
        && tc_buf_at(ir, tc_access_buf(ir, stmt))->scope == TC_SCOPE_var)
      tc_guard_set_pred(ir, stmt, (tc_value){0});
    for (uint32_t r = 0; op->opcode != TC_OP_parallel && r < n; r++)
      read_vars_always(ir, tc_child(ir, tc_op_at(ir, stmt), r));
  }
}

void tc_threads_analyse(tc_threads *t) {
  tc_ir *ir = t->ir;
  const tc_kernel *k = tc_kernel_of(ir, t->kernel);
  vary a = {.t = t, .ir = ir, .vars = TC_NEW_ARRAY(t->arena, ir->vars.n, bool)};
  tc_region body = tc_child(ir, tc_op_at(ir, t->kernel), 0);
  read_vars_always(ir, body);
  t->n_values = ir->n_ops;
  t->varies = TC_NEW_ARRAY(t->arena, ir->n_ops, bool);
  t->diverges = TC_NEW_ARRAY(t->arena, ir->n_ops, bool);
  t->private_ = TC_NEW_ARRAY(t->arena, ir->bufs.n, bool);
  for (uint32_t d = 0; d < 3; d++)
    if (k->thread[d].id) a.vars[k->thread[d].id] = true;
  do {
    a.changed = false;
    spread(&a);
    walk(&a, body, false);
  } while (a.changed);
}
