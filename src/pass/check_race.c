/* Two iterations of one parallel loop that meet in memory.
 *
 * A loop is left alone when all accesses to a buffer use one index, and that index is different for
 * different iterations: the usual case, seen in linear forms. Otherwise iterations are run, on
 * addresses only: the variables around the loop get one set of values that the conditions allow,
 * every access that is certain to be executed leaves a mark at its element, and a mark of another
 * iteration is the witness. Values are compared by the names that prove/eval.h gives them, so two
 * iterations that store what they read from one place do not race, and what depends on data is left
 * to run time. Large loops are run at some indices: the first ones and those near the constants in
 * the code. */
#include "pass/check.h"

#include "base/map.h"
#include "ir/build.h"
#include "pass/deps.h"
#include "pass/effects.h"
#include "pass/guard.h"
#include "prove/eval.h"

#include <inttypes.h>
#include <stdlib.h>

enum { MAX_LOOPS = 6, MAX_ACCESSES = 64, MAX_AXES = TC_GUARD_RANK };
enum { WHOLE_LOOP = 1 << 10, MAX_PICKS = 20, INNER_TRIPS = 16 };

typedef struct access {
  tc_value stmt;
  tc_buf buf;
  uint32_t kind; /* tc_touch_kind */
  tc_values conditions;
  tc_value loops[MAX_LOOPS]; /* serial loops between the parallel loop and the access */
  uint32_t n_loops;
  bool certain; /* executed when its conditions hold */
} access;

typedef struct axis {
  uint32_t n;
  int64_t at[MAX_PICKS]; /* when n is not the extent */
  bool whole;
} axis;

typedef struct mark {
  uint64_t iteration; /* + 1; 0: none */
  uint32_t access;
  tc_cell value;
} mark;

/* At one element. */
typedef struct element {
  mark write[2], read[2];
  uint64_t last_writer;
} element;

typedef struct race {
  tc_check *c;
  tc_ir *ir;
  tc_value loop;
  const tc_parallel *parallel;
  access *accesses;
  uint32_t n_accesses;
  bool too_many;
  /* while collecting */
  tc_values conditions;
  tc_value loops[MAX_LOOPS];
  uint32_t n_loops;
  bool doubtful;
  /* while running */
  tc_model outer;
  axis axes[MAX_AXES];
  int64_t at[MAX_AXES];
  tc_buf root;
  tc_map elements;
  TC_VEC(element) marks;
  TC_VEC(int64_t) points;       /* indices of iterations, parallel->n each */
  int64_t index[TC_GUARD_RANK]; /* of the element looked at last */
  mark first, second;           /* the race found, at that element */
  bool found, reads;
} race;

/* ---- collecting accesses ---- */

static bool is_shared_between_iterations(const tc_ir *ir, tc_buf buf) {
  enum tc_scope scope = tc_buf_at(ir, buf)->scope;
  return scope == TC_SCOPE_global || scope == TC_SCOPE_shared || scope == TC_SCOPE_fragment;
}

static void add_access(race *r, tc_value stmt) {
  tc_touch t[TC_MAX_TOUCHES];
  uint32_t n = tc_touches_of(r->ir, stmt, t);
  for (uint32_t i = 0; i < n; i++) {
    if (!is_shared_between_iterations(r->ir, t[i].buf)) continue;
    r->too_many |= r->n_accesses == MAX_ACCESSES || !tc_guard_is_access(r->ir, stmt);
    if (r->too_many) return;
    access *a = &r->accesses[r->n_accesses++];
    *a = (access){.stmt = stmt, .buf = t[i].buf, .kind = t[i].kind, .n_loops = r->n_loops};
    a->certain = !r->doubtful;
    for (uint32_t k = 0; k < r->n_loops; k++)
      a->loops[k] = r->loops[k];
    for (uint32_t k = 0; k < r->conditions.n; k++)
      tc_vec_push(r->c->arena, &a->conditions, r->conditions.at[k]);
    tc_value pred = tc_access_pred(r->ir, stmt);
    if (pred.id) tc_vec_push(r->c->arena, &a->conditions, pred);
  }
}

static void collect(race *r, tc_region region);

static void collect_under(race *r, tc_region region, tc_value condition) {
  tc_vec_push(r->c->arena, &r->conditions, condition);
  collect(r, region);
  r->conditions.n--;
}

static void collect_stmt(race *r, tc_value stmt) {
  const tc_op *op = tc_op_at(r->ir, stmt);
  bool before = r->doubtful;
  tc_value c;
  switch (op->opcode) {
  case TC_OP_if:
    c = tc_input(r->ir, op, 0);
    collect_under(r, tc_child(r->ir, op, 0), c);
    collect_under(r, tc_child(r->ir, op, 1), tc_unary(r->ir, TC_OP_not, c));
    return;
  case TC_OP_for:
    r->too_many |= r->n_loops == MAX_LOOPS;
    if (r->too_many) return;
    r->loops[r->n_loops++] = stmt;
    collect(r, tc_child(r->ir, op, 0));
    r->n_loops--;
    r->doubtful = before;
    return;
  case TC_OP_while:
    r->doubtful = true;
    collect(r, tc_child(r->ir, op, 0));
    collect(r, tc_child(r->ir, op, 1));
    r->doubtful = before;
    return;
  case TC_OP_break:
  case TC_OP_continue:
    r->doubtful = true; /* for the rest of the loop; what came before may have been the last time */
    return;
  default:
    add_access(r, stmt);
  }
}

static bool has_break(const tc_ir *ir, tc_region region) {
  const tc_block *block = tc_block_at(ir, region);
  for (uint32_t i = 0; i < block->ops.n; i++) {
    const tc_op *op = tc_op_at(ir, block->ops.at[i]);
    uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
    if (op->opcode == TC_OP_break) return true;
    for (uint32_t k = 0; k < n; k++)
      if (has_break(ir, tc_child(ir, op, k))) return true;
  }
  return false;
}

static void collect(race *r, tc_region region) {
  const tc_block *block = tc_block_at(r->ir, region);
  if (r->n_loops && has_break(r->ir, region)) r->doubtful = true;
  for (uint32_t i = 0; i < block->ops.n; i++)
    collect_stmt(r, block->ops.at[i]);
}

/* ---- the usual case ---- */

static bool same_index(const race *r, const access *a, const access *b) {
  uint32_t rank = tc_buf_at(r->ir, a->buf)->rank;
  if (a->buf.id != b->buf.id) return false;
  for (uint32_t d = 0; d < rank; d++)
    if (tc_input(r->ir, tc_op_at(r->ir, a->stmt), d).id
        != tc_input(r->ir, tc_op_at(r->ir, b->stmt), d).id)
      return false;
  return true;
}

/* Number + 1 of the loop's variable that a leaf is; 0: another leaf. */
static uint32_t loop_var(const race *r, tc_value leaf) {
  const tc_op *op = tc_op_at(r->ir, leaf);
  for (uint32_t k = 0; op->opcode == TC_OP_var && k < r->parallel->n; k++)
    if (r->parallel->vars[k].id == op->payload) return k + 1;
  return 0;
}

/* Does a leaf have one value in all iterations? Known for variables from outside and what is
 * computed from them. */
static bool is_fixed(race *r, tc_value leaf, const access *a) {
  tc_deps deps = {0};
  tc_deps_add(r->ir, r->c->arena, leaf, &deps);
  if (deps.stmts.n) return false;
  for (uint32_t k = 0; k < r->parallel->n; k++)
    if (tc_deps_has_var(&deps, r->parallel->vars[k])) return false;
  for (uint32_t k = 0; k < a->n_loops; k++)
    if (tc_deps_has_var(&deps, tc_loop_of(r->ir, a->loops[k])->var)) return false;
  return true;
}

typedef struct digit {
  uint32_t var; /* number in the loop */
  uint64_t by;
} digit;

static int by_weight(const void *a, const void *b) {
  const digit *x = a, *y = b;
  return x->by < y->by ? -1 : x->by > y->by;
}

/* The terms of an index in loop variables not yet told apart. False when something else in it
 * varies between iterations. */
static bool digits_of(race *r, tc_value index, const access *a, const bool *known, digit *out,
                      uint32_t *n) {
  tc_affine f = tc_prove_affine(r->c->p, index);
  *n = 0;
  for (uint32_t i = 0; i < f.n; i++) {
    uint32_t k = loop_var(r, f.leaf[i]);
    if (!k && !is_fixed(r, f.leaf[i], a)) return false;
    if (!k || known[k - 1]) continue;
    if (f.by[i] > INT32_MAX || f.by[i] < -INT32_MAX) return false;
    out[(*n)++] = (digit){k - 1, (uint64_t)(f.by[i] < 0 ? -f.by[i] : f.by[i])};
  }
  return true;
}

/* One index tells its variables apart when each weight exceeds what the smaller ones can sum up to,
 * as in a number. The largest may be open. */
static void tell_apart(race *r, tc_value index, const access *a, bool *known) {
  digit digits[TC_AFFINE_TERMS];
  uint64_t reach = 0;
  uint32_t n;
  if (!digits_of(r, index, a, known, digits, &n)) return;
  qsort(digits, n, sizeof digits[0], by_weight);
  for (uint32_t i = 0; i < n; i++) {
    int64_t extent;
    if (digits[i].by <= reach) return;
    if (i + 1 == n) break;
    tc_value e = tc_input(r->ir, tc_op_at(r->ir, r->loop), digits[i].var);
    if (!tc_const_of(r->ir, e, &extent) || extent < 1 || extent > INT32_MAX) return;
    reach += digits[i].by * (uint64_t)(extent - 1);
  }
  for (uint32_t i = 0; i < n; i++)
    known[digits[i].var] = true;
}

static bool all_known(const race *r, const bool *known) {
  for (uint32_t k = 0; k < r->parallel->n; k++)
    if (!known[k]) return false;
  return true;
}

static void know_single(const race *r, bool *known) {
  for (uint32_t k = 0; k < r->parallel->n; k++) {
    int64_t extent;
    known[k] =
        tc_const_of(r->ir, tc_input(r->ir, tc_op_at(r->ir, r->loop), k), &extent) && extent <= 1;
  }
}

/* The number of the element in row-major order, in 64 bits; 0 when an extent is not constant. What
 * a flat index was split into comes together again in its linear form. */
static tc_value flat_index(const race *r, const access *a) {
  const tc_buffer *b = tc_buf_at(r->ir, a->buf);
  tc_type wide = tc_scalar_type(TC_DT_int64);
  tc_value sum = tc_const_int(r->ir, wide, 0);
  for (uint32_t d = 0; d < b->rank; d++) {
    tc_value index = tc_input(r->ir, tc_op_at(r->ir, a->stmt), d);
    int64_t extent;
    if (!tc_const_of(r->ir, b->shape[d], &extent) || tc_value_type(r->ir, index).lanes != 1)
      return (tc_value){0};
    sum = tc_binary(r->ir, TC_OP_mul, sum, tc_const_int(r->ir, wide, extent));
    sum = tc_binary(r->ir, TC_OP_add, sum, tc_cast(r->ir, index, wide));
  }
  return sum;
}

static bool is_injective(race *r, const access *a) {
  bool known[MAX_AXES];
  uint32_t rank = tc_buf_at(r->ir, a->buf)->rank;
  know_single(r, known);
  /* Indices that do not help now may help once others have. */
  for (uint32_t round = 0; round < rank; round++)
    for (uint32_t d = 0; d < rank; d++)
      tell_apart(r, tc_input(r->ir, tc_op_at(r->ir, a->stmt), d), a, known);
  if (all_known(r, known)) return true;
  tc_value flat = flat_index(r, a);
  know_single(r, known);
  if (flat.id) tell_apart(r, flat, a, known);
  return all_known(r, known);
}

/* No two iterations can meet in this storage, or none of them writes. */
static bool is_peaceful(race *r, tc_buf root) {
  const access *first = NULL;
  bool writes = false, same = true, all_atomic = true;
  for (uint32_t i = 0; i < r->n_accesses; i++) {
    const access *a = &r->accesses[i];
    if (tc_root_of(r->ir, a->buf).id != root.id) continue;
    if (!first) first = a;
    writes |= (a->kind & TC_TOUCH_WRITE) != 0;
    all_atomic &= (a->kind & TC_TOUCH_ATOMIC) != 0;
    same = same && same_index(r, first, a);
  }
  return !writes || all_atomic || (same && is_injective(r, first));
}

/* ---- programs ---- */

typedef struct program {
  tc_eval *e;
  uint32_t n_outer, n_vars, n_conditions, rank;
  uint32_t index, shape, value, bounds; /* first root of each kind */
} program;

/* Roots: conditions, then indices, extents, the stored value if any, and lo and hi of loops. */
static program make_program(race *r, const access *a) {
  const tc_buffer *b = tc_buf_at(r->ir, a->buf);
  program p = {.n_outer = r->outer.n, .n_conditions = a->conditions.n, .rank = b->rank};
  tc_var vars[TC_MODEL_VARS + MAX_AXES + MAX_LOOPS];
  tc_values roots = {0};
  for (uint32_t k = 0; k < r->outer.n; k++)
    vars[p.n_vars++] = r->outer.var[k];
  for (uint32_t k = 0; k < r->parallel->n; k++)
    vars[p.n_vars++] = r->parallel->vars[k];
  for (uint32_t k = 0; k < a->n_loops; k++)
    vars[p.n_vars++] = tc_loop_of(r->ir, a->loops[k])->var;
  tc_arena *arena = r->c->arena;
  for (uint32_t k = 0; k < a->conditions.n; k++)
    tc_vec_push(arena, &roots, a->conditions.at[k]);
  p.index = roots.n;
  for (uint32_t d = 0; d < b->rank; d++)
    tc_vec_push(arena, &roots, tc_input(r->ir, tc_op_at(r->ir, a->stmt), d));
  p.shape = roots.n;
  for (uint32_t d = 0; d < b->rank; d++)
    tc_vec_push(arena, &roots, b->shape[d]);
  p.bounds = roots.n;
  for (uint32_t k = 0; k < 2 * a->n_loops; k++)
    tc_vec_push(arena, &roots, tc_input(r->ir, tc_op_at(r->ir, a->loops[k / 2]), k % 2));
  p.value = roots.n;
  if (tc_is(r->ir, a->stmt, TC_OP_store))
    tc_vec_push(arena, &roots, tc_access_value(r->ir, a->stmt));
  p.e = tc_eval_new(r->ir, arena, vars, p.n_vars, roots.at, roots.n, TC_EVAL_NAME_LOADS);
  for (uint32_t k = 0; k < r->outer.n; k++)
    tc_eval_set(p.e, k, r->outer.x[k]);
  for (uint32_t level = 0; level <= r->outer.n; level++)
    tc_eval_run(p.e, level);
  return p;
}

static bool number_of(const program *p, uint32_t root, int64_t *x) {
  tc_cell c = tc_eval_root(p->e, root);
  *x = c.x.i;
  return c.state == TC_CELL_KNOWN;
}

/* ---- marks ---- */

/* The element that the access meets now. False when that is not certain, or there is none. */
static bool place_of(race *r, const access *a, const program *p, uint64_t *key) {
  const tc_buffer *b = tc_buf_at(r->ir, a->buf);
  uint64_t at = 0;
  int64_t x, n, offset = 0;
  for (uint32_t i = 0; i < p->n_conditions; i++)
    if (!number_of(p, i, &x) || !x) return false;
  for (uint32_t d = 0; d < p->rank; d++) {
    if (!number_of(p, p->index + d, &x) || !number_of(p, p->shape + d, &n)) return false;
    if (x < 0 || x >= n) return false;
    r->index[d] = x;
    at = at * (uint64_t)n + (uint64_t)x;
  }
  /* With strides of its own a buffer meets itself only; otherwise views meet where they overlap. */
  uint64_t space = b->strides || (b->offset.id && !tc_const_of(r->ir, b->offset, &offset))
                       ? tc_hash_u64(a->buf.id)
                       : 0;
  *key = (at + (uint64_t)offset) * tc_type_bits(b->elem) + space;
  return true;
}

static element *element_at(race *r, uint64_t key) {
  uint32_t n;
  if (!tc_map_get(&r->elements, key, &n)) {
    n = r->marks.n;
    tc_map_put(&r->elements, key, n);
    tc_vec_push(r->c->arena, &r->marks, (element){.last_writer = 0});
  }
  return &r->marks.at[n];
}

static bool same_value(const mark *a, const mark *b) {
  return a->value.state == b->value.state && a->value.x.i == b->value.x.i;
}

static bool both_atomic(const race *r, const mark *a, const mark *b) {
  return r->accesses[a->access].kind & r->accesses[b->access].kind & TC_TOUCH_ATOMIC;
}

/* Two marks are enough. As long as there is no race, either all marks are of one iteration, and two
 * different values of it disagree with any other iteration; or all values are one, and two
 * iterations that wrote it disagree with any other value. */
static void keep(mark two[2], const mark *m) {
  if (!two[0].iteration)
    two[0] = *m;
  else if (!two[1].iteration && (two[0].iteration != m->iteration || !same_value(&two[0], m)))
    two[1] = *m;
}

static void found(race *r, const mark *first, const mark *second, bool reads) {
  r->found = true;
  r->reads = reads;
  r->first = *first;
  r->second = *second;
}

static void leave_mark(race *r, uint64_t key, const mark *m) {
  element *e = element_at(r, key);
  uint32_t kind = r->accesses[m->access].kind;
  for (int i = 0; i < 2 && !r->found; i++) {
    const mark *w = &e->write[i], *q = &e->read[i];
    bool other_write = w->iteration && w->iteration != m->iteration && !both_atomic(r, w, m);
    bool other_read = q->iteration && q->iteration != m->iteration && !both_atomic(r, q, m);
    if (!(kind & TC_TOUCH_WRITE)) {
      /* An iteration that wrote the element itself reads its own value, or the writes race. */
      if (other_write && e->last_writer != m->iteration) found(r, w, m, true);
    } else {
      if (other_write && !same_value(w, m)) found(r, w, m, false);
      if (other_read && !r->found) found(r, q, m, true);
    }
  }
  if (kind & TC_TOUCH_WRITE) {
    keep(e->write, m);
    e->last_writer = m->iteration;
  } else if (e->last_writer != m->iteration) {
    keep(e->read, m);
  }
}

/* ---- running iterations ---- */

/* The access in this iteration, for all turns of the serial loops around it. */
static void run_access(race *r, uint32_t number, const program *p, uint32_t loop, mark *m) {
  const access *a = &r->accesses[number];
  uint32_t level = r->outer.n + r->parallel->n + loop;
  int64_t lo, hi, step = 1;
  if (loop == a->n_loops) {
    uint64_t key;
    bool stores = tc_is(r->ir, a->stmt, TC_OP_store);
    if (stores) m->value = tc_eval_root(p->e, p->value);
    if (!stores) m->value = (tc_cell){.x.i = (int64_t)m->iteration};
    if (m->value.state != TC_CELL_POISON && place_of(r, a, p, &key)) leave_mark(r, key, m);
    return;
  }
  if (!number_of(p, p->bounds + 2 * loop, &lo) || !number_of(p, p->bounds + 2 * loop + 1, &hi))
    return;
  tc_const_of(r->ir, tc_input(r->ir, tc_op_at(r->ir, a->loops[loop]), 2), &step);
  for (int turn = 0; turn < INNER_TRIPS && !r->found && (step > 0 ? lo < hi : lo > hi); turn++) {
    if (r->c->points) r->c->points--;
    tc_eval_set(p->e, level, lo);
    tc_eval_run(p->e, level + 1);
    run_access(r, number, p, loop + 1, m);
    lo += step;
  }
}

static void run_iteration(race *r, const program *programs) {
  uint64_t iteration = r->points.n / r->parallel->n + 1;
  for (uint32_t k = 0; k < r->parallel->n; k++)
    tc_vec_push(r->c->arena, &r->points, r->at[k]);
  for (uint32_t i = 0; i < r->n_accesses && !r->found; i++) {
    mark m = {.iteration = iteration, .access = i};
    if (!programs[i].e) continue;
    if (r->c->points) r->c->points--;
    for (uint32_t k = 0; k < r->parallel->n; k++) {
      tc_eval_set(programs[i].e, r->outer.n + k, r->at[k]);
      tc_eval_run(programs[i].e, r->outer.n + k + 1);
    }
    run_access(r, i, &programs[i], 0, &m);
  }
}

static void run_axes(race *r, const program *programs, uint32_t k) {
  const axis *a = &r->axes[k];
  if (k == r->parallel->n) {
    run_iteration(r, programs);
    return;
  }
  for (uint32_t i = 0; i < a->n && !r->found && r->c->points; i++) {
    r->at[k] = a->whole ? i : a->at[i];
    run_axes(r, programs, k + 1);
  }
}

static void pick(axis *a, int64_t x, int64_t extent) {
  if (x < 0 || x >= extent || a->n == MAX_PICKS) return;
  for (uint32_t i = 0; i < a->n; i++)
    if (a->at[i] == x) return;
  a->at[a->n++] = x;
}

/* Indices to try of a loop that is too large: small ones, ends, and powers of two, at which tiles
 * and rows begin. */
static void pick_indices(axis *a, int64_t extent) {
  for (int64_t x = 0; x < 5; x++)
    pick(a, x, extent);
  for (int64_t x = 8; x < extent && a->n < MAX_PICKS - 2; x *= 2)
    pick(a, x, extent);
  pick(a, extent / 2, extent);
  pick(a, extent - 1, extent);
}

/* The extents at the chosen values of the variables around. False when they are not known. */
static bool set_axes(race *r) {
  const tc_op *op = tc_op_at(r->ir, r->loop);
  tc_eval *e = tc_eval_new(r->ir, r->c->arena, r->outer.var, r->outer.n, tc_inputs_of(r->ir, op),
                           op->n_in, 0);
  uint64_t n = 1;
  for (uint32_t k = 0; k < r->outer.n; k++)
    tc_eval_set(e, k, r->outer.x[k]);
  for (uint32_t level = 0; level <= r->outer.n; level++)
    tc_eval_run(e, level);
  for (int pass = 0; pass < 2; pass++) {
    for (uint32_t k = 0; k < op->n_in; k++) {
      tc_cell extent = tc_eval_root(e, k);
      if (extent.state != TC_CELL_KNOWN || extent.x.i < 1) return false;
      bool small = extent.x.i <= WHOLE_LOOP;
      n = small && pass == 0 ? n * (uint64_t)extent.x.i : n;
      if (!small || n > WHOLE_LOOP) n = WHOLE_LOOP + 1;
      if (pass == 0) continue;
      r->axes[k] = (axis){.whole = n <= WHOLE_LOOP || extent.x.i <= 4};
      if (r->axes[k].whole)
        r->axes[k].n = (uint32_t)extent.x.i;
      else
        pick_indices(&r->axes[k], extent.x.i);
    }
  }
  return true;
}

static bool search(race *r, tc_buf root) {
  program *programs = TC_NEW_ARRAY(r->c->arena, r->n_accesses, program);
  r->root = root;
  r->elements = tc_map_in(r->c->arena);
  r->marks.n = r->points.n = 0;
  r->found = false;
  if (!set_axes(r)) return false;
  for (uint32_t i = 0; i < r->n_accesses; i++) {
    const access *a = &r->accesses[i];
    if (a->certain && tc_root_of(r->ir, a->buf).id == root.id) programs[i] = make_program(r, a);
  }
  run_axes(r, programs, 0);
  return r->found;
}

/* ---- reports ---- */

static const char *iteration_text(race *r, const mark *m) {
  tc_sb sb = tc_sb_in(r->c->arena);
  const int64_t *at = &r->points.at[(m->iteration - 1) * r->parallel->n];
  for (uint32_t k = 0; k < r->parallel->n; k++)
    tc_sb_printf(&sb, "%s%s = %" PRId64, k ? ", " : "",
                 tc_name_of(r->ir, tc_var_at(r->ir, r->parallel->vars[k])->name), at[k]);
  return sb.at;
}

static tc_span span_of(const race *r, const mark *m) {
  return tc_op_at(r->ir, r->accesses[m->access].stmt)->span;
}

static const char *verb_of(const race *r, const mark *m) {
  return r->accesses[m->access].kind & TC_TOUCH_WRITE ? "writes" : "reads";
}

/* "3, 0": the element that the two iterations share. */
static const char *element_text(race *r) {
  uint32_t rank = tc_buf_at(r->ir, r->accesses[r->second.access].buf)->rank;
  tc_sb sb = tc_sb_in(r->c->arena);
  for (uint32_t d = 0; d < rank; d++)
    tc_sb_printf(&sb, "%s%" PRId64, d ? ", " : "", r->index[d]);
  return sb.at ? sb.at : "";
}

static void report(race *r) {
  tc_diags *diags = r->ir->diags;
  tc_buf buf = r->accesses[r->second.access].buf;
  tc_span span = span_of(r, &r->second);
  if (!tc_check_is_news(r->c, buf, span)) return;
  const char *name = tc_check_buf_name(r->c, buf);
  if (r->reads)
    TC_DIAG(diags, D_read_race, span, name);
  else
    TC_DIAG(diags, D_write_race, span, name);
  tc_diag_note(diags, span_of(r, &r->first), "iteration %s %s %s[%s]", iteration_text(r, &r->first),
               verb_of(r, &r->first), name, element_text(r));
  tc_diag_note(diags, span, "iteration %s %s it%s", iteration_text(r, &r->second),
               verb_of(r, &r->second), r->reads ? "" : " too");
  if (r->outer.n) tc_check_note_model(r->c, &r->outer, tc_op_at(r->ir, r->loop)->span);
  tc_diag_help(diags, r->reads
                          ? "read in one T.Parallel and write in the next one, or write to "
                            "another buffer"
                          : "combine the values with T.reduce_sum or T.atomic_add, or make the "
                            "loop over the shared element T.serial");
}

/* ---- the loop ---- */

/* Is the variable bound by the loop, or inside it? */
static bool is_inner(const race *r, const access *a, tc_var var) {
  for (uint32_t k = 0; k < r->parallel->n; k++)
    if (r->parallel->vars[k].id == var.id) return true;
  for (uint32_t k = 0; k < a->n_loops; k++)
    if (tc_loop_of(r->ir, a->loops[k])->var.id == var.id) return true;
  return false;
}

static void add_outer(race *r, const access *a, tc_value v, tc_values *about) {
  tc_deps deps = {0};
  tc_deps_add(r->ir, r->c->arena, v, &deps);
  for (uint32_t i = 0; i < deps.vars.n; i++) {
    tc_value x = tc_var_value(r->ir, deps.vars.at[i]);
    bool seen = is_inner(r, a, deps.vars.at[i]);
    for (uint32_t k = 0; k < about->n; k++)
      seen |= about->at[k].id == x.id;
    if (!seen) tc_vec_push(r->c->arena, about, x);
  }
}

/* The variables from outside that decide where the accesses to a buffer go. */
static tc_values outer_vars(race *r, tc_buf root) {
  const access none = {.n_loops = 0};
  const tc_op *op = tc_op_at(r->ir, r->loop);
  tc_values about = {0};
  for (uint32_t i = 0; i < op->n_in; i++)
    add_outer(r, &none, tc_input(r->ir, op, i), &about);
  for (uint32_t i = 0; i < r->n_accesses; i++) {
    const access *a = &r->accesses[i];
    const tc_buffer *b = tc_buf_at(r->ir, a->buf);
    const tc_op *stmt = tc_op_at(r->ir, a->stmt);
    if (b->root.id != root.id) continue;
    for (uint32_t k = 0; k < stmt->n_in; k++)
      add_outer(r, a, tc_input(r->ir, stmt, k), &about);
    for (uint32_t k = 0; k < a->conditions.n; k++)
      add_outer(r, a, a->conditions.at[k], &about);
    for (uint32_t k = 0; k < b->rank; k++)
      add_outer(r, a, b->shape[k], &about);
    for (uint32_t k = 0; k < 2 * a->n_loops; k++)
      add_outer(r, a, tc_input(r->ir, tc_op_at(r->ir, a->loops[k / 2]), k % 2), &about);
  }
  return about;
}

static void check_root(race *r, tc_buf root) {
  tc_values about = outer_vars(r, root);
  for (int high = 0; high < 2 && r->c->points; high++) {
    if (!tc_prove_point(r->c->p, about.at, about.n, high, &r->outer)) return;
    if (!search(r, root)) continue;
    report(r);
    return;
  }
}

void tc_check_parallel(tc_check *c, tc_value stmt) {
  race r = {.c = c, .ir = c->ir, .loop = stmt, .parallel = tc_parallel_of(c->ir, stmt)};
  r.accesses = TC_NEW_ARRAY(c->arena, MAX_ACCESSES, access);
  if (r.parallel->n > MAX_AXES) return;
  /* Linear forms are wanted as they are inside. */
  tc_prove_enter(c->p, stmt, 0);
  collect(&r, tc_child(c->ir, tc_op_at(c->ir, stmt), 0));
  tc_values roots = {0};
  for (uint32_t i = 0; i < r.n_accesses && !r.too_many; i++) {
    tc_buf root = tc_root_of(c->ir, r.accesses[i].buf);
    bool seen = false;
    for (uint32_t k = 0; k < roots.n; k++)
      seen |= roots.at[k].id == root.id;
    if (seen) continue;
    tc_vec_push(c->arena, &roots, (tc_value){root.id});
    if (is_peaceful(&r, root)) roots.at[roots.n - 1].id |= UINT32_C(1) << 31;
  }
  tc_prove_pop(c->p);
  for (uint32_t k = 0; k < roots.n; k++)
    if (!(roots.at[k].id >> 31)) check_root(&r, (tc_buf){roots.at[k].id});
}
