/* Two iterations of one parallel loop that meet in memory, or two threads between barriers.
 *
 * A buffer is left alone when its accesses use one index that is different for different
 * iterations, or such indices that stay apart: the usual case, seen in linear forms (race.h).
 * Otherwise iterations are run, on
 * addresses only: the variables around the loop get one set of values that the conditions allow,
 * every access that is certain to be executed leaves a mark at its element, and a mark of another
 * iteration is the witness. Values are compared by the names that prove/eval.h gives them, so two
 * iterations that store what they read from one place do not race. An index read from memory has
 * such a name, too: iterations that store to B[I[0]] meet, wherever that is. Other accesses that
 * depend on data are left to run time; where one of them may have written an element, who reads
 * whose value there is not known, and no read is reported. Large loops are run at some indices: the
 * first ones and those near the constants in the code.
 *
 * The threads of a region of code per thread are its iterations, where nothing in it orders them.
 */
#include "pass/race.h"

#include "base/map.h"
#include "ir/build.h"
#include "ir/walk.h"
#include "pass/deps.h"
#include "pass/effects.h"
#include "prove/eval.h"

#include <inttypes.h>
#include <stdlib.h>

enum { MAX_ACCESSES = 64, MAX_LOOPS = TC_RACE_LOOPS, MAX_AXES = TC_RACE_AXES };
enum { WHOLE_LOOP = 1 << 10, MAX_PICKS = 20, INNER_TRIPS = 16 };

typedef tc_race_access access;

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
  tc_race_loop in;
  tc_check *c;
  tc_ir *ir;
  bool threads; /* iterations are threads */
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
  bool vague;   /* some write to the root cannot be followed: who wrote an element is not known */
  bool private; /* the root is a local array, which an iteration may use for itself */
  tc_map elements;
  TC_VEC(element) marks;
  TC_VEC(int64_t) points;       /* indices of iterations, parallel->n each */
  tc_cell index[TC_GUARD_RANK]; /* of the element looked at last */
  mark first, second;           /* the race found, at that element */
  bool found, reads;
} race;

/* ---- collecting accesses ---- */

static bool is_shared_between_iterations(const race *r, tc_buf buf) {
  enum tc_scope scope = tc_buf_at(r->ir, buf)->scope;
  if (scope == TC_SCOPE_local) return !r->threads; /* each thread has its own */
  return scope == TC_SCOPE_global || scope == TC_SCOPE_shared || scope == TC_SCOPE_fragment;
}

static void add_access(race *r, tc_value stmt) {
  tc_touch t[TC_MAX_TOUCHES];
  uint32_t n = tc_touches_of(r->ir, stmt, t);
  for (uint32_t i = 0; i < n; i++) {
    if (!is_shared_between_iterations(r, t[i].buf)) continue;
    r->too_many |= r->n_accesses == MAX_ACCESSES;
    if (r->too_many) return;
    access *a = &r->accesses[r->n_accesses++];
    *a = (access){.stmt = stmt, .buf = t[i].buf, .kind = t[i].kind, .n_loops = r->n_loops};
    a->element = tc_guard_is_access(r->ir, stmt);
    a->certain = a->element && !r->doubtful;
    for (uint32_t k = 0; k < r->n_loops; k++)
      a->loops[k] = r->loops[k];
    for (uint32_t k = 0; k < r->conditions.n; k++)
      tc_vec_push(r->c->arena, &a->conditions, r->conditions.at[k]);
    tc_value pred = a->element ? tc_access_pred(r->ir, stmt) : (tc_value){0};
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

static void collect(race *r, tc_region region) {
  const tc_block *block = tc_block_at(r->ir, region);
  if (r->n_loops && tc_has_op(r->ir, region, TC_OP_break)) r->doubtful = true;
  for (uint32_t i = 0; i < block->ops.n; i++)
    collect_stmt(r, block->ops.at[i]);
}

/* ---- what depends on data ---- */

static bool is_written(const race *r, tc_buf root) {
  for (uint32_t i = 0; i < r->n_accesses; i++) {
    const access *a = &r->accesses[i];
    if ((a->kind & TC_TOUCH_WRITE) && tc_root_of(r->ir, a->buf).id == root.id) return true;
  }
  return false;
}

/* Does this statement yield one value whenever its operands do, all through the loop? */
static bool is_stable(const race *r, tc_value stmt) {
  if (!tc_is(r->ir, stmt, TC_OP_load)) return false;
  tc_buf buf = tc_access_buf(r->ir, stmt);
  enum tc_scope scope = tc_buf_at(r->ir, buf)->scope;
  bool private = scope == TC_SCOPE_local || scope == TC_SCOPE_var;
  return !private && !is_written(r, tc_root_of(r->ir, buf));
}

static void classify(race *r, access *a) {
  const tc_op *op = tc_op_at(r->ir, a->stmt);
  uint32_t rank = a->element ? tc_buf_at(r->ir, a->buf)->rank : 0;
  tc_deps deps = {0};
  for (uint32_t d = 0; d < rank; d++)
    tc_deps_add(r->ir, r->c->arena, tc_input(r->ir, op, d), &deps);
  for (uint32_t k = 0; k < a->conditions.n; k++)
    tc_deps_add(r->ir, r->c->arena, a->conditions.at[k], &deps);
  for (uint32_t k = 0; k < 2 * a->n_loops; k++) {
    tc_value bound = tc_input(r->ir, tc_op_at(r->ir, a->loops[k / 2]), k % 2);
    tc_deps_add(r->ir, r->c->arena, bound, &deps);
  }
  a->guessed = deps.stmts.n != 0;
  a->stable = true;
  for (uint32_t i = 0; i < deps.stmts.n; i++)
    a->stable = a->stable && is_stable(r, deps.stmts.at[i]);
}

/* ---- the usual case ---- */

/* No two iterations can meet in this storage, or none of them writes. */
static bool is_peaceful(race *r, tc_buf root) {
  bool writes = false, all_atomic = true;
  for (uint32_t i = 0; i < r->n_accesses; i++) {
    const access *a = &r->accesses[i];
    if (tc_root_of(r->ir, a->buf).id != root.id) continue;
    writes |= (a->kind & TC_TOUCH_WRITE) != 0;
    all_atomic &= (a->kind & TC_TOUCH_ATOMIC) != 0;
  }
  if (!writes || all_atomic) return true;
  for (uint32_t i = 0; i < r->n_accesses; i++) {
    const access *a = &r->accesses[i];
    bool known = false; /* to be injective, since an access with the same index is */
    if (tc_root_of(r->ir, a->buf).id != root.id) continue;
    for (uint32_t k = 0; k < i; k++) {
      const access *b = &r->accesses[k];
      if (tc_root_of(r->ir, b->buf).id != root.id) continue;
      if (tc_race_same_index(&r->in, a, b))
        known = true;
      else if (!tc_race_apart(&r->in, a, b))
        return false;
    }
    if (!known && !(a->element && tc_race_injective(&r->in, a))) return false;
  }
  return true;
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
  for (uint32_t k = 0; k < r->in.n; k++)
    vars[p.n_vars++] = r->in.vars[k];
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

/* A cell as part of a place: a number, or the name of a value that the loop leaves alone. False
 * when it is neither. */
static bool follow(const access *a, tc_cell c, uint64_t *names) {
  if (c.state == TC_CELL_KNOWN) return true;
  if (c.state == TC_CELL_POISON || !a->stable || !(a->kind & TC_TOUCH_WRITE)) return false;
  *names = tc_hash_u64(*names + (uint64_t)c.x.i + 1);
  return true;
}

/* The element that the access meets now. False when that is not certain, or there is none. A
 * condition of unknown truth is part of the place: under the same one, both or neither get there.
 */
static bool place_of(race *r, const access *a, const program *p, uint64_t *key) {
  const tc_buffer *b = tc_buf_at(r->ir, a->buf);
  uint64_t at = 0, names = 0;
  int64_t n, offset = 0;
  for (uint32_t i = 0; i < p->n_conditions; i++) {
    tc_cell c = tc_eval_root(p->e, i);
    if (!follow(a, c, &names) || (c.state == TC_CELL_KNOWN && !c.x.i)) return false;
  }
  for (uint32_t d = 0; d < p->rank; d++) {
    tc_cell x = tc_eval_root(p->e, p->index + d);
    bool known = x.state == TC_CELL_KNOWN;
    if (!follow(a, x, &names) || !number_of(p, p->shape + d, &n)) return false;
    if (known && (x.x.i < 0 || x.x.i >= n)) return false;
    r->index[d] = x;
    at = at * (uint64_t)n + (known ? (uint64_t)x.x.i : 0);
  }
  /* With strides of its own a buffer meets itself only; otherwise views meet where they overlap. */
  uint64_t space = b->strides || (b->offset.id && !tc_const_of(r->ir, b->offset, &offset))
                       ? tc_hash_u64(a->buf.id)
                       : 0;
  *key = (at + (uint64_t)offset) * tc_type_bits(b->elem) + space + names;
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
      if (other_write && e->last_writer != m->iteration && !r->vague) found(r, w, m, true);
    } else {
      if (other_write && !same_value(w, m) && !r->private) found(r, w, m, false);
      if (other_read && !r->found && !r->vague) found(r, q, m, true);
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
  uint32_t level = r->outer.n + r->in.n + loop;
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
  uint64_t iteration = r->points.n / r->in.n + 1;
  for (uint32_t k = 0; k < r->in.n; k++)
    tc_vec_push(r->c->arena, &r->points, r->at[k]);
  for (uint32_t i = 0; i < r->n_accesses && !r->found; i++) {
    mark m = {.iteration = iteration, .access = i};
    if (!programs[i].e) continue;
    if (r->c->points) r->c->points--;
    for (uint32_t k = 0; k < r->in.n; k++) {
      tc_eval_set(programs[i].e, r->outer.n + k, r->at[k]);
      tc_eval_run(programs[i].e, r->outer.n + k + 1);
    }
    run_access(r, i, &programs[i], 0, &m);
  }
}

static void run_axes(race *r, const program *programs, uint32_t k) {
  const axis *a = &r->axes[k];
  if (k == r->in.n) {
    run_iteration(r, programs);
    return;
  }
  for (uint32_t i = 0; i < a->n && !r->found && r->c->points; i++) {
    r->at[k] = r->in.first + (a->whole ? i : a->at[i]);
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
  tc_eval *e = tc_eval_new(r->ir, r->c->arena, r->outer.var, r->outer.n, r->in.extents, r->in.n, 0);
  uint64_t n = 1;
  for (uint32_t k = 0; k < r->outer.n; k++)
    tc_eval_set(e, k, r->outer.x[k]);
  for (uint32_t level = 0; level <= r->outer.n; level++)
    tc_eval_run(e, level);
  for (int pass = 0; pass < 2; pass++) {
    for (uint32_t k = 0; k < r->in.n; k++) {
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
  r->private = tc_buf_at(r->ir, root)->scope == TC_SCOPE_local;
  r->vague = false;
  r->elements = tc_map_in(r->c->arena);
  r->marks.n = r->points.n = 0;
  r->found = false;
  if (!set_axes(r)) return false;
  for (uint32_t i = 0; i < r->n_accesses; i++) {
    const access *a = &r->accesses[i];
    if (tc_root_of(r->ir, a->buf).id != root.id) continue;
    r->vague |= (a->kind & TC_TOUCH_WRITE) && (!a->certain || a->guessed);
    if (a->certain) programs[i] = make_program(r, a);
  }
  run_axes(r, programs, 0);
  return r->found;
}

/* ---- reports ---- */

static const char *iteration_text(race *r, const mark *m) {
  tc_sb sb = tc_sb_in(r->c->arena);
  const int64_t *at = &r->points.at[(m->iteration - 1) * r->in.n];
  if (r->threads) return tc_format(r->c->arena, "thread %" PRId64, at[0]);
  tc_sb_adds(&sb, "iteration ");
  for (uint32_t k = 0; k < r->in.n; k++)
    tc_sb_printf(&sb, "%s%s = %" PRId64, k ? ", " : "",
                 tc_name_of(r->ir, tc_var_at(r->ir, r->in.vars[k])->name), at[k]);
  return sb.at;
}

static tc_span span_of(const race *r, const mark *m) {
  return tc_op_at(r->ir, r->accesses[m->access].stmt)->span;
}

static const char *verb_of(const race *r, const mark *m) {
  return r->accesses[m->access].kind & TC_TOUCH_WRITE ? "writes" : "reads";
}

/* "I[...]" for an index that is computed from what is read there. */
static void add_source(race *r, tc_value index, tc_sb *sb) {
  tc_deps deps = {0};
  tc_deps_add(r->ir, r->c->arena, index, &deps);
  if (deps.stmts.n && tc_is(r->ir, deps.stmts.at[0], TC_OP_load))
    tc_sb_printf(sb, "%s[...]", tc_check_buf_name(r->c, tc_access_buf(r->ir, deps.stmts.at[0])));
  else
    tc_sb_adds(sb, "...");
}

/* "3, 0": the element that the two iterations share. */
static const char *element_text(race *r) {
  const access *a = &r->accesses[r->second.access];
  tc_sb sb = tc_sb_in(r->c->arena);
  for (uint32_t d = 0; d < tc_buf_at(r->ir, a->buf)->rank; d++) {
    if (d) tc_sb_adds(&sb, ", ");
    if (r->index[d].state == TC_CELL_KNOWN)
      tc_sb_printf(&sb, "%" PRId64, r->index[d].x.i);
    else
      add_source(r, tc_input(r->ir, tc_op_at(r->ir, a->stmt), d), &sb);
  }
  return sb.at ? sb.at : "";
}

static const char *way_out(const race *r) {
  if (r->threads && r->reads) return "order them by T.sync_threads(), where all threads come by";
  if (r->threads) return "let one thread write it, or use T.atomic_add";
  if (r->private)
    return "an iteration reads its own value only after it has written one: use a fragment, or a "
           "T.alloc_var in the loop";
  if (r->reads)
    return "read in one T.Parallel and write in the next one, or write to another buffer";
  return "combine the values with T.reduce_sum or T.atomic_add, or make the loop over the shared "
         "element T.serial";
}

static void report(race *r) {
  tc_diags *diags = r->ir->diags;
  tc_buf buf = r->accesses[r->second.access].buf;
  tc_span span = span_of(r, &r->second);
  bool second_writes = r->accesses[r->second.access].kind & TC_TOUCH_WRITE;
  tc_span read = second_writes ? span_of(r, &r->first) : span;
  if (!tc_check_is_news(r->c, buf, r->reads ? read : span)) return;
  const char *name = tc_check_buf_name(r->c, buf);
  if (r->threads && r->reads)
    TC_DIAG(diags, D_thread_read_race, read, name);
  else if (r->threads)
    TC_DIAG(diags, D_thread_write_race, span, name);
  else if (r->reads)
    TC_DIAG(diags, D_read_race, read, name);
  else
    TC_DIAG(diags, D_write_race, span, name);
  tc_diag_note(diags, span_of(r, &r->first), "%s %s %s[%s]", iteration_text(r, &r->first),
               verb_of(r, &r->first), name, element_text(r));
  tc_diag_note(diags, span, "%s %s it%s", iteration_text(r, &r->second), verb_of(r, &r->second),
               r->reads ? "" : " too");
  if (r->outer.n) tc_check_note_model(r->c, &r->outer, tc_op_at(r->ir, r->in.stmt)->span);
  tc_diag_help(diags, "%s", way_out(r));
}

/* ---- the loop ---- */

/* Is the variable bound by the loop, or inside it? */
static bool is_inner(const race *r, const access *a, tc_var var) {
  for (uint32_t k = 0; k < r->in.n; k++)
    if (r->in.vars[k].id == var.id) return true;
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
  tc_values about = {0};
  for (uint32_t i = 0; i < r->in.n; i++)
    add_outer(r, &none, r->in.extents[i], &about);
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

static void check_loop(tc_check *c, tc_race_loop in, bool threads) {
  race r = {.c = c, .ir = c->ir, .in = in, .threads = threads};
  tc_value stmt = in.stmt;
  r.accesses = TC_NEW_ARRAY(c->arena, MAX_ACCESSES, access);
  /* Linear forms are wanted as they are inside. */
  tc_prove_enter(c->p, stmt, 0);
  collect(&r, tc_child(c->ir, tc_op_at(c->ir, stmt), 0));
  tc_values roots = {0};
  for (uint32_t i = 0; i < r.n_accesses && !r.too_many; i++)
    classify(&r, &r.accesses[i]);
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

void tc_check_parallel(tc_check *c, tc_value stmt) {
  const tc_parallel *p = tc_parallel_of(c->ir, stmt);
  const tc_op *op = tc_op_at(c->ir, stmt);
  if (p->n > MAX_AXES) return;
  const tc_value *extents =
      tc_arena_copy(c->arena, tc_inputs_of(c->ir, op), op->n_in * sizeof *extents);
  check_loop(c, (tc_race_loop){c, stmt, p->n, p->vars, extents, 0}, false);
}

/* Something by which threads may wait for each other, or go on together. */
static bool note_order(tc_ir *ir, tc_value stmt, void *data) {
  const tc_op *op = tc_op_at(ir, stmt);
  bool *ordered = data, plain = false;
  switch ((int)op->opcode) {
  case TC_OP_load:
  case TC_OP_store:
    plain = tc_access_of(ir, stmt)->order == TC_ORDER_NONE;
    break;
  case TC_OP_atomic:
    plain = tc_atomic_of(ir, stmt)->order <= TC_ORDER_RELAXED;
    break;
  case TC_OP_if:
  case TC_OP_for:
  case TC_OP_while:
  case TC_OP_yield:
  case TC_OP_break:
  case TC_OP_continue:
  case TC_OP_alloc:
  case TC_OP_assume:
  case TC_OP_assert:
  case TC_OP_hint:
  case TC_OP_print:
    plain = true;
  }
  *ordered |= !plain;
  return true;
}

void tc_check_threads(tc_check *c, tc_value stmt) {
  const tc_group *g = tc_group_of(c->ir, stmt);
  bool ordered = false;
  tc_walk(c->ir, tc_child(c->ir, tc_op_at(c->ir, stmt), 0), note_order, &ordered);
  if (ordered || !g->thread.id) return;
  tc_var thread = g->thread;
  int64_t first = g->first;
  tc_value extent = tc_i32(c->ir, g->count);
  check_loop(c, (tc_race_loop){c, stmt, 1, &thread, &extent, first}, true);
}
