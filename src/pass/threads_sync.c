/* Barriers that the language implies: code per thread sees what other threads wrote to shared
 * memory before.
 *
 * One walk in program order keeps the accesses to shared memory since the last barrier. An access
 * that may meet an earlier one of another thread, one of them writing, gets a barrier before it, at
 * the innermost place that all threads of the group come to. Loops are walked twice, for what one
 * turn leaves to the next. Two accesses of one element by its own thread need none, which is seen
 * when the index is the same and different for different threads; between turns also for different
 * numbers of the loops, as in s[k * 128 + tx], but not s[k + tx]. What lies under a condition that
 * differs between threads is asked of the prover; what may need a barrier there is taken apart
 * first.
 *
 * Groups run side by side and are ordered by what their authors wrote; a barrier between two of
 * them would stop both. */
#include "pass/threads.h"

#include "base/map.h"
#include "ir/build.h"
#include "pass/effects.h"
#include "pass/guard.h"

#include <stdlib.h>

enum { MAX_PENDING = 256, MAX_DIGITS = 8 };

typedef struct pending {
  tc_value stmt;
  uint32_t root, kind; /* tc_touch_kind */
  uint32_t number;     /* in the order of the walk */
  uint32_t level;      /* of groups around it */
  uint32_t visit;      /* of the statement around where threads part; 0: outside of one */
  bool closed;         /* its group has ended */
  tc_value loop;       /* the outermost loop that has begun another turn since; 0: none */
} pending;

typedef TC_VEC(pending) pendings;

/* A statement around the current one. */
typedef struct outer {
  tc_value stmt;
  uint32_t number; /* of the first access that could come inside */
  uint32_t level;
} outer;

typedef struct sync {
  tc_threads *t;
  tc_ir *ir;
  pendings open;
  TC_VEC(outer) around;
  uint32_t level, number;
  uint32_t visits,
      visit;            /* of statements where threads part; each comes as often as it is walked */
  tc_value parts;       /* that statement */
  tc_threads_pair pair; /* found in such a statement, with no place for a barrier between */
  tc_map apart;         /* pairs that were found not to meet */
  tc_map wanted;        /* statement id: a barrier before it */
  tc_map parent;        /* statement id: that of the statement around it */
  tc_map binder;        /* id of the variable of a loop: the loop's id */
  /* Between the accesses that are compared, this loop has begun another turn; 0: none. */
  tc_value loop;
  tc_map changes;              /* value id: 1 + whether it may differ between the turns */
  tc_value digits[MAX_DIGITS]; /* which loop each is of, after those of the thread indices */
  uint32_t n_digits;
} sync;

/* ---- indices ---- */

static bool is_inside(const sync *s, uint32_t stmt, tc_value loop) {
  while (stmt && stmt != loop.id)
    if (!tc_map_get(&s->parent, stmt, &stmt)) return false;
  return stmt != 0;
}

/* May the value be another one in another turn of s->loop? */
static bool changes(sync *s, tc_value v) {
  uint32_t known, loop;
  if (!s->loop.id) return false;
  if (tc_map_get(&s->changes, v.id, &known)) return known == 2;
  const tc_op *op = tc_op_at(s->ir, v);
  bool yes = false;
  if (op->opcode == TC_OP_var)
    yes = tc_map_get(&s->binder, op->payload, &loop) && is_inside(s, loop, s->loop);
  else if (!tc_op_is_pure(op))
    yes = is_inside(s, v.id, s->loop);
  for (uint32_t i = 0; !yes && tc_op_is_pure(op) && i < op->n_in; i++)
    yes = changes(s, tc_input(s->ir, op, i));
  tc_map_put(&s->changes, v.id, 1 + yes);
  return yes;
}

/* v = sum of by[d] * digit d + something that is the same for both accesses. The digits are the
 * thread indices and, between turns, the variables of loops. */
typedef struct linear {
  int64_t by[MAX_DIGITS];
  bool ok;
} linear;

static linear linear_of(sync *s, tc_value v);

static linear combine(linear a, linear b, int64_t factor) {
  linear r = {.ok = a.ok && b.ok};
  for (int d = 0; d < MAX_DIGITS; d++) {
    if (b.by[d] > INT32_MAX || b.by[d] < -INT32_MAX || factor > INT32_MAX || factor < -INT32_MAX)
      r.ok = false;
    else
      r.by[d] = a.by[d] + factor * b.by[d];
  }
  return r;
}

static linear digit_of(sync *s, uint32_t var) {
  const tc_kernel *k = tc_kernel_of(s->ir, s->t->kernel);
  linear one = {.ok = true}, none = {.ok = false};
  uint32_t loop, d = 3;
  for (int i = 0; i < 3; i++)
    if (k->thread[i].id == var) return one.by[i] = 1, one;
  if (!tc_map_get(&s->binder, var, &loop)) return none;
  while (d < s->n_digits && s->digits[d].id != loop)
    d++;
  if (d == MAX_DIGITS) return none;
  if (d == s->n_digits) s->digits[s->n_digits++] = (tc_value){loop};
  return one.by[d] = 1, one;
}

/* table */
static linear linear_of(sync *s, tc_value v) {
  const tc_op *op = tc_op_at(s->ir, v);
  linear none = {.ok = false}, zero = {.ok = true};
  int64_t c;
  if (!tc_threads_varies(s->t, v) && !changes(s, v)) return zero;
  switch (op->opcode) {
  case TC_OP_var:
    return digit_of(s, op->payload);
  case TC_OP_add:
    return combine(linear_of(s, tc_input(s->ir, op, 0)), linear_of(s, tc_input(s->ir, op, 1)), 1);
  case TC_OP_sub:
    return combine(linear_of(s, tc_input(s->ir, op, 0)), linear_of(s, tc_input(s->ir, op, 1)), -1);
  case TC_OP_mul:
    if (!tc_const_of(s->ir, tc_input(s->ir, op, 1), &c)) return none;
    return combine(zero, linear_of(s, tc_input(s->ir, op, 0)), c);
  case TC_OP_cast:
    return tc_is_int(tc_value_type(s->ir, tc_input(s->ir, op, 0)))
               ? linear_of(s, tc_input(s->ir, op, 0))
               : none;
  default:
    return none;
  }
}

typedef struct digit {
  int64_t by, extent;
  uint32_t number;
} digit;

static int by_weight(const void *a, const void *b) {
  const digit *x = a, *y = b;
  return x->by < y->by ? -1 : x->by > y->by;
}

/* How many numbers a digit has; of a loop with run-time bounds as many as there are. */
static int64_t extent_of(const sync *s, uint32_t d) {
  if (d < 3) return tc_kernel_of(s->ir, s->t->kernel)->threads[d];
  const tc_op *op = tc_op_at(s->ir, s->digits[d]);
  int64_t lo, hi;
  bool known = tc_const_of(s->ir, tc_input(s->ir, op, 0), &lo)
               && tc_const_of(s->ir, tc_input(s->ir, op, 1), &hi);
  int64_t most = INT32_MAX, least = -most;
  if (!known || lo < least || lo > most || hi < least || hi > most) return most;
  int64_t n = hi > lo ? hi - lo : lo - hi + 1; /* steps may be negative */
  return n < most ? n : most;
}

/* Which digits an index tells apart: each weight exceeds what the smaller ones sum up to. */
static void tell_apart(sync *s, tc_value index, bool known[MAX_DIGITS]) {
  linear l = linear_of(s, index);
  digit digits[MAX_DIGITS];
  int64_t reach = 0;
  size_t n = 0;
  if (!l.ok) return;
  for (uint32_t d = 0; d < s->n_digits; d++)
    if (l.by[d] && !known[d])
      digits[n++] = (digit){l.by[d] < 0 ? -l.by[d] : l.by[d], extent_of(s, d), d};
  qsort(digits, n, sizeof digits[0], by_weight);
  for (size_t i = 0; i < n; i++) {
    if (digits[i].by <= reach) return;
    if (digits[i].by > INT32_MAX) return;
    reach += digits[i].by * (digits[i].extent - 1);
  }
  for (size_t i = 0; i < n; i++)
    known[digits[i].number] = true;
}

/* Two accesses of one element, by this statement or one with the same index: which digits are then
 * the same for both? `loop`: see sync. */
static void same_digits(sync *s, tc_value stmt, tc_value loop, bool known[MAX_DIGITS]) {
  uint32_t rank = tc_buf_at(s->ir, tc_access_buf(s->ir, stmt))->rank;
  if (s->loop.id != loop.id) s->changes = tc_map_in(s->t->arena);
  s->loop = loop;
  s->n_digits = 3;
  for (uint32_t d = 0; d < MAX_DIGITS; d++)
    known[d] = d < 3 && extent_of(s, d) == 1;
  for (uint32_t round = 0; round < rank; round++)
    for (uint32_t d = 0; d < rank; d++)
      tell_apart(s, tc_input(s->ir, tc_op_at(s->ir, stmt), d), known);
}

/* ---- conflicts ---- */

static bool any_index_varies(const sync *s, tc_value stmt) {
  uint32_t rank = tc_buf_at(s->ir, tc_access_buf(s->ir, stmt))->rank;
  for (uint32_t d = 0; d < rank; d++)
    if (tc_threads_varies(s->t, tc_input(s->ir, tc_op_at(s->ir, stmt), d))) return true;
  return false;
}

/* All threads write one value, so each finds it there whatever the others have done. */
static bool written_by_all(const sync *s, const pending *a) {
  tc_value pred = tc_access_pred(s->ir, a->stmt);
  return tc_is(s->ir, a->stmt, TC_OP_store) && !a->visit && !a->closed
         && !(pred.id && tc_threads_varies(s->t, pred))
         && !tc_threads_varies(s->t, tc_access_value(s->ir, a->stmt));
}

/* Both are elements of one buffer. */
static bool conflict_in_buffer(sync *s, const pending *a, const pending *b) {
  uint32_t rank = tc_buf_at(s->ir, tc_access_buf(s->ir, a->stmt))->rank;
  bool same = true;
  for (uint32_t d = 0; d < rank; d++) {
    tc_value x = tc_input(s->ir, tc_op_at(s->ir, a->stmt), d);
    tc_value y = tc_input(s->ir, tc_op_at(s->ir, b->stmt), d);
    int64_t i, k;
    if (tc_const_of(s->ir, x, &i) && tc_const_of(s->ir, y, &k) && i != k) return false;
    same &= x.id == y.id;
  }
  if (!same) return true;
  bool known[MAX_DIGITS];
  same_digits(s, a->stmt, a->loop, known);
  if (any_index_varies(s, a->stmt)) return !(known[0] && known[1] && known[2]);
  for (uint32_t d = 3; d < s->n_digits; d++)
    if (known[d] && s->digits[d].id == a->loop.id) return false; /* every turn has its own */
  return !(written_by_all(s, a) && b->kind == TC_TOUCH_READ);
}

static bool conflict(sync *s, const pending *a, const pending *b) {
  if (a->root != b->root || !((a->kind | b->kind) & TC_TOUCH_WRITE)) return false;
  if (a->kind & b->kind & TC_TOUCH_ATOMIC) return false;
  bool elements = tc_guard_is_access(s->ir, a->stmt) && tc_guard_is_access(s->ir, b->stmt);
  if (!elements) return false; /* asynchronous copies are waited for */
  if (tc_access_buf(s->ir, a->stmt).id != tc_access_buf(s->ir, b->stmt).id) return true;
  return conflict_in_buffer(s, a, b);
}

/* ---- the walk ---- */

/* A barrier of the group at `level`: what came before access `number` is ordered. */
static void drop(sync *s, uint32_t level, uint32_t number) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < s->open.n; i++)
    if (s->open.at[i].level < level || s->open.at[i].number >= number)
      s->open.at[kept++] = s->open.at[i];
  s->open.n = kept;
}

/* As far out as the access before it allows: there the fewest threads' turns come to it. */
static void want_barrier(sync *s, tc_value access, uint32_t before) {
  outer at = {access, s->number, s->level};
  for (uint32_t i = s->around.n; i-- > 0;)
    if (s->around.at[i].number > before) at = s->around.at[i];
  tc_map_put(&s->wanted, at.stmt.id, 1);
  drop(s, at.level, at.number);
}

/* Where threads part no barrier can stand: is one wanted there? */
static void see_together(sync *s, const pending *p, const pending *now) {
  uint64_t key = (uint64_t)p->stmt.id << 32 | now->stmt.id;
  uint32_t known;
  if (s->pair.first.id || p->closed || !conflict(s, p, now)) return;
  if (tc_map_get(&s->apart, key, &known)) return;
  tc_map_put(&s->apart, key, 1);
  if (!tc_threads_apart(s->t, s->parts, p->stmt, now->stmt))
    s->pair = (tc_threads_pair){p->stmt, now->stmt};
}

static void see_access(sync *s, tc_value stmt) {
  tc_buf buf = tc_access_buf(s->ir, stmt);
  tc_touch touch[TC_MAX_TOUCHES];
  if (!tc_threads_is_shared(s->ir, buf)) return;
  if (!tc_touches_of(s->ir, stmt, touch)) return;
  pending now = {.stmt = stmt, .root = tc_root_of(s->ir, buf).id, .number = s->number++};
  now.kind = touch[0].kind, now.level = s->level, now.visit = s->visit;
  for (uint32_t i = 0; i < s->open.n;) {
    const pending *p = &s->open.at[i++];
    bool together = s->visit && p->visit == s->visit;
    if (together) see_together(s, p, &now);
    if (together || (p->closed && s->level > p->level) || !conflict(s, p, &now)) continue;
    want_barrier(s, stmt, p->number);
    i = 0;
  }
  if (s->open.n >= MAX_PENDING && !s->visit) want_barrier(s, stmt, now.number);
  tc_vec_push(s->t->arena, &s->open, now);
}

static pendings copy_open(const sync *s) {
  pendings copy = {0};
  for (uint32_t i = 0; i < s->open.n; i++)
    tc_vec_push(s->t->arena, &copy, s->open.at[i]);
  return copy;
}

static void join(sync *s, const pendings *other) {
  for (uint32_t i = 0; i < other->n; i++) {
    bool there = false;
    for (uint32_t k = 0; k < s->open.n; k++)
      there |= s->open.at[k].stmt.id == other->at[i].stmt.id;
    if (!there) tc_vec_push(s->t->arena, &s->open, other->at[i]);
  }
}

static void walk(sync *s, tc_region region);

static void enter(sync *s, tc_value stmt) {
  tc_vec_push(s->t->arena, &s->around, ((outer){stmt, s->number + 1, s->level}));
  s->number++;
}

static void walk_control(sync *s, tc_value stmt) {
  const tc_op *op = tc_op_at(s->ir, stmt);
  uint32_t visit = s->visit;
  enter(s, stmt);
  if (!visit && s->t->diverges[stmt.id]) s->visit = ++s->visits, s->parts = stmt;
  pendings before = copy_open(s);
  if (op->opcode == TC_OP_if) {
    walk(s, tc_child(s->ir, op, 0));
    pendings after = copy_open(s);
    s->open = before;
    walk(s, tc_child(s->ir, op, 1));
    join(s, &after);
  } else {
    uint32_t number = s->number;
    for (int turn = 0; turn < 2; turn++) {
      for (uint32_t r = 0; r < (op->opcode == TC_OP_for ? 1 : 2); r++)
        walk(s, tc_child(s->ir, op, r));
      for (uint32_t i = 0; turn == 0 && i < s->open.n; i++)
        if (s->open.at[i].number >= number) s->open.at[i].loop = stmt;
    }
    join(s, &before);
  }
  s->visit = visit;
  s->around.n--;
}

static void walk_group(sync *s, tc_value stmt) {
  enter(s, stmt);
  s->level++;
  walk(s, tc_child(s->ir, tc_op_at(s->ir, stmt), 0));
  s->level--;
  s->around.n--;
  for (uint32_t i = 0; i < s->open.n; i++)
    if (s->open.at[i].level > s->level) s->open.at[i].level = s->level, s->open.at[i].closed = true;
}

/* Do all threads of the group meet here, as far as this file needs to know? */
static bool meets(const sync *s, tc_value stmt) {
  if (tc_is(s->ir, stmt, TC_OP_barrier))
    return !s->ir->barriers.at[tc_op_at(s->ir, stmt)->payload].arrive;
  if (tc_is(s->ir, stmt, TC_OP_collective))
    return tc_collective_of(s->ir, stmt)->sync_scope == TC_SYNC_BLOCK;
  return tc_threads_is_tile(s->ir, stmt) && !tc_threads_is_own_tile(s->t, stmt)
         && !(tc_is(s->ir, stmt, TC_OP_copy)
              && (tc_copy_of(s->ir, stmt)->flags & (TC_COPY_OWN | TC_COPY_ASYNC)));
}

static void walk(sync *s, tc_region region) {
  const tc_block *block = tc_block_at(s->ir, region);
  for (uint32_t i = 0; i < block->ops.n; i++) {
    tc_value stmt = block->ops.at[i];
    const tc_op *op = tc_op_at(s->ir, stmt);
    bool waits = op->opcode == TC_OP_mbarrier && tc_mbarrier_of(s->ir, stmt)->kind == TC_MBAR_WAIT;
    if (tc_guard_is_access(s->ir, stmt))
      see_access(s, stmt);
    else if (op->opcode == TC_OP_group)
      walk_group(s, stmt);
    else if (op->opcode == TC_OP_if || op->opcode == TC_OP_for || op->opcode == TC_OP_while)
      walk_control(s, stmt);
    else if (waits)
      s->open.n = 0; /* ordered by the author */
    else if (meets(s, stmt))
      drop(s, s->level, UINT32_MAX);
  }
}

/* ---- insertion ---- */

static void insert(sync *s, tc_region region) {
  tc_block *block = tc_block_at(s->ir, region);
  tc_values out = {0};
  for (uint32_t i = 0; i < block->ops.n; i++) {
    tc_value stmt = block->ops.at[i];
    const tc_op *op = tc_op_at(s->ir, stmt);
    uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions, wanted;
    for (uint32_t r = 0; op->opcode != TC_OP_parallel && r < n; r++)
      insert(s, tc_child(s->ir, tc_op_at(s->ir, stmt), r));
    if (tc_map_get(&s->wanted, stmt.id, &wanted)) {
      tc_barrier payload = {.id = -1, .sync_scope = TC_SYNC_BLOCK};
      tc_value barrier =
          tc_stmt(s->ir, tc_region_new(s->ir), TC_OP_barrier, tc_scalar_type(TC_DT_void), NULL, 0,
                  tc_pl_barrier(s->ir, payload), tc_op_at(s->ir, stmt)->span);
      tc_vec_push(s->ir->arena, &out, barrier);
    }
    tc_vec_push(s->ir->arena, &out, stmt);
  }
  block->ops.at = out.at;
  block->ops.n = out.n;
  block->ops.cap = out.cap;
}

static void note_places(sync *s, tc_region region, tc_value around) {
  const tc_block *block = tc_block_at(s->ir, region);
  for (uint32_t i = 0; i < block->ops.n; i++) {
    tc_value stmt = block->ops.at[i];
    const tc_op *op = tc_op_at(s->ir, stmt);
    tc_map_put(&s->parent, stmt.id, around.id);
    if (op->opcode == TC_OP_for) tc_map_put(&s->binder, tc_loop_of(s->ir, stmt)->var.id, stmt.id);
    uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
    for (uint32_t r = 0; r < n; r++)
      note_places(s, tc_child(s->ir, op, r), stmt);
  }
}

bool tc_threads_sync(tc_threads *t, tc_threads_pair *pair) {
  sync s = {.t = t,
            .ir = t->ir,
            .wanted = tc_map_in(t->arena),
            .parent = tc_map_in(t->arena),
            .binder = tc_map_in(t->arena),
            .apart = tc_map_in(t->arena),
            .changes = tc_map_in(t->arena)};
  tc_region body = tc_child(t->ir, tc_op_at(t->ir, t->kernel), 0);
  note_places(&s, body, t->kernel);
  walk(&s, body);
  *pair = s.pair;
  if (!pair->first.id) insert(&s, body);
  return !pair->first.id;
}
