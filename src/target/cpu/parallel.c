/* T.Parallel as loops.
 *
 *   for i, j in T.Parallel(M, N):            for (i = 0; i < M; i++) {
 *     C[y + i, x + j] = A[y + i, x + j]        row = y + i < rows          values of i only
 *                                      ->      if (row) {                  guards of i only
 *                                                lo, hi from x + j < columns
 *                                                independent: for (j = lo; j < hi; j++) C[..] =
 * A[..];
 *
 * Iterations have no order, so the loops are nested with that variable innermost for which most
 * accesses are contiguous. A condition without which an iteration has no effect at all cuts the
 * iteration space: it becomes an `if` around the inner loops, or a bound of the innermost one.
 * Conditions of loads alone (a load outside its buffer yields a value, so the iteration counts) are
 * tested for the whole innermost loop, which is then printed with and without them. Values and
 * loads that do not depend on the inner variables are moved out. */
#include "ir/build.h"
#include "target/cpu/cpu_impl.h"

#include <inttypes.h>

enum { MAX_VARS = 16 };
/* What a value depends on: bit k for variable k of the loop, and: */
enum {
  ON_BODY_LOAD = 1 << 30, /* a load of the body                                   */
  ON_BODY = 1 << 29       /* something of the body that cannot move out           */
};

typedef struct nest {
  tc_cpu *c;
  tc_value stmt;
  tc_region body;
  const tc_parallel *p;
  uint32_t order[MAX_VARS]; /* loop position -> variable, innermost last */
  tc_value var[MAX_VARS];   /* the variable as a value, 0: never used */
  tc_map mask;              /* value -> what it depends on, + 1 */
  tc_map inside;            /* statement of the body -> 1: of its top level, 2: deeper */
  tc_map bound;             /* variables bound inside the body */
  tc_map written;           /* roots written in the body */
  bool writes_global, writes_address, plain;
  tc_value_vec needed;   /* conditions without which nothing happens */
  tc_value_vec hoisted;  /* values and loads moved out, to be forgotten afterwards */
  tc_value_vec privates; /* stores whose `var` is private (one per buffer) */
} nest;

/* ---- what is in the body ---- */

static bool has(const tc_map *map, uint32_t id) {
  uint32_t x;
  return tc_map_get(map, id, &x);
}

static void note_write(nest *n, tc_ir *ir, tc_value stmt, tc_buf buf) {
  const tc_buffer *b = tc_buf_at(ir, buf);
  if (b->scope == TC_SCOPE_var && !has(&n->written, b->root.id))
    tc_vec_push(n->c->e->arena, &n->privates, stmt);
  tc_map_put(&n->written, b->root.id, 1);
  if (b->scope == TC_SCOPE_global) n->writes_global = true;
  if (b->address.id) n->writes_address = true;
  /* Iterations reuse the elements of a local array, so they are not independent. */
  if (b->scope == TC_SCOPE_local || tc_ce_is_packed(b->elem)) n->plain = false;
}

static bool note_statement(tc_ir *ir, tc_value stmt, void *data) {
  nest *n = data;
  const tc_op *op = tc_op_at(ir, stmt);
  if (!has(&n->inside, stmt.id)) tc_map_put(&n->inside, stmt.id, 2);
  switch ((int)op->opcode) {
  case TC_OP_store:
  case TC_OP_atomic:
    note_write(n, ir, stmt, tc_access_buf(ir, stmt));
    if (op->opcode == TC_OP_atomic) n->plain = false;
    break;
  case TC_OP_alloc:
    n->plain = n->plain && tc_buf_at(ir, (tc_buf){op->payload})->scope == TC_SCOPE_var;
    break;
  case TC_OP_for:
    tc_map_put(&n->bound, tc_loop_of(ir, stmt)->var.id, 1);
    n->plain = false;
    break;
  case TC_OP_load:
  case TC_OP_if:
  case TC_OP_eval:
  case TC_OP_assume:
  case TC_OP_hint:
    break;
  default:
    n->plain = false;
  }
  return true;
}

/* ---- dependences ---- */

static uint32_t mask_of(nest *n, tc_value v);

static uint32_t mask_of_inputs(nest *n, const tc_op *op) {
  uint32_t mask = 0;
  for (uint32_t i = 0; i < op->n_in; i++)
    mask |= mask_of(n, tc_input(n->c->e->ir, op, i));
  return mask;
}

static uint32_t mask_of_var(nest *n, uint32_t var) {
  for (uint32_t k = 0; k < n->p->n; k++)
    if (n->p->vars[k].id == var) return 1u << k;
  return has(&n->bound, var) ? (uint32_t)ON_BODY : 0;
}

/* A load at the body's top level moves out if nothing in the body can change what it reads. */
static uint32_t mask_of_statement(nest *n, tc_value v, const tc_op *op) {
  uint32_t where;
  if (!tc_map_get(&n->inside, v.id, &where)) return 0;
  if (where != 1 || op->opcode != TC_OP_load) return ON_BODY | ON_BODY_LOAD;
  const tc_access *a = tc_access_of(n->c->e->ir, v);
  const tc_buffer *b = tc_buf_at(n->c->e->ir, a->buf);
  bool changes = has(&n->written, b->root.id) || a->order != TC_ORDER_NONE
                 || (n->writes_address && b->scope == TC_SCOPE_global)
                 || (n->writes_global && b->address.id);
  return changes ? (uint32_t)(ON_BODY | ON_BODY_LOAD) : mask_of_inputs(n, op) | ON_BODY_LOAD;
}

static uint32_t mask_of(nest *n, tc_value v) {
  uint32_t mask;
  if (!v.id) return 0;
  if (tc_map_get(&n->mask, v.id, &mask)) return mask - 1;
  const tc_op *op = tc_op_at(n->c->e->ir, v);
  if (op->opcode == TC_OP_var)
    mask = mask_of_var(n, op->payload);
  else if (tc_op_is_pure(op))
    mask = mask_of_inputs(n, op);
  else
    mask = mask_of_statement(n, v, op);
  tc_map_put(&n->mask, v.id, mask + 1);
  return mask;
}

/* The number of loops, from the outermost, that must be open before the value can be computed. */
static uint32_t level_of(nest *n, uint32_t mask) {
  if (mask & ON_BODY) return n->p->n + 1;
  uint32_t level = 0;
  for (uint32_t k = 0; k < n->p->n; k++)
    if (mask >> n->order[k] & 1) level = k + 1;
  return level;
}

/* ---- which variable goes innermost ---- */

typedef struct score {
  nest *n;
  int points[MAX_VARS];
} score;

/* How well one access runs along variable k. */
static int access_points(nest *n, tc_value stmt, tc_buf buf, uint32_t k) {
  tc_cemit *e = n->c->e;
  const tc_value *index = tc_inputs_of(e->ir, tc_op_at(e->ir, stmt));
  uint32_t rank = tc_buf_at(e->ir, buf)->rank;
  int64_t step = 0;
  for (uint32_t d = 0; d < rank; d++) {
    if (!(mask_of(n, index[d]) >> k & 1)) continue;
    tc_linear l = tc_linear_of(&e->ranges, index[d]);
    int64_t by = tc_linear_by(&l, n->var[k]), stride;
    if (!tc_ce_stride_const(e, buf, d, &stride)) stride = 1 << 20;
    for (uint32_t t = 0; t < l.n; t++)
      if (l.terms[t].leaf.id != n->var[k].id && (mask_of(n, l.terms[t].leaf) >> k & 1)) return -3;
    step += by * stride;
  }
  bool store = !tc_is(e->ir, stmt, TC_OP_load);
  if (step == 0) return store ? -3 : 2;
  if (step == 1 || step == -1) return store ? 5 : 4;
  return step < 5 && step > -5 ? 0 : -2;
}

static bool add_score(tc_ir *ir, tc_value stmt, void *data) {
  score *s = data;
  const tc_op *op = tc_op_at(ir, stmt);
  if (op->opcode != TC_OP_load && op->opcode != TC_OP_store && op->opcode != TC_OP_atomic)
    return true;
  tc_buf buf = tc_access_buf(ir, stmt);
  if (tc_buf_at(ir, buf)->scope == TC_SCOPE_var) return true;
  for (uint32_t k = 0; k < s->n->p->n; k++)
    s->points[k] += access_points(s->n, stmt, buf, k);
  return true;
}

static void choose_order(nest *n) {
  tc_cemit *e = n->c->e;
  score s = {.n = n};
  tc_walk(e->ir, n->body, add_score, &s);
  uint32_t best = n->p->n - 1;
  for (uint32_t k = n->p->n; k-- > 0;) {
    tc_range extent = tc_range_of(&e->ranges, tc_input(e->ir, tc_op_at(e->ir, n->stmt), k));
    if (extent.hi < 4) s.points[k] -= 8; /* a loop this short is not worth vectors */
    if (s.points[k] > s.points[best]) best = k;
  }
  uint32_t at = 0;
  for (uint32_t k = 0; k < n->p->n; k++)
    if (k != best) n->order[at++] = k;
  n->order[at] = best;
}

/* ---- conditions ---- */

/* False when the statement has an effect whatever the conditions say. */
static bool condition_of(tc_ir *ir, tc_value stmt, tc_value *cond, bool *effect) {
  const tc_op *op = tc_op_at(ir, stmt);
  *effect = true;
  switch ((int)op->opcode) {
  case TC_OP_store:
  case TC_OP_atomic:
    *effect =
        op->opcode == TC_OP_atomic || tc_buf_at(ir, tc_access_buf(ir, stmt))->scope != TC_SCOPE_var;
    *cond = tc_access_pred(ir, stmt);
    return true;
  case TC_OP_if:
    *cond = tc_input(ir, op, 0);
    return tc_block_at(ir, tc_child(ir, op, 1))->ops.n == 0;
  case TC_OP_load:
  case TC_OP_alloc:
  case TC_OP_eval:
  case TC_OP_assume:
  case TC_OP_hint:
    *effect = false;
    return true;
  default:
    return false;
  }
}

static bool contains(const tc_value_vec *v, tc_value x) {
  for (uint32_t i = 0; i < v->n; i++)
    if (v->at[i].id == x.id) return true;
  return false;
}

static void keep_common(tc_value_vec *all, const tc_value_vec *some) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < all->n; i++)
    if (contains(some, all->at[i])) all->at[n++] = all->at[i];
  all->n = n;
}

/* The conditions that every effect of an iteration has in common. */
static void find_needed(nest *n) {
  tc_cemit *e = n->c->e;
  const tc_block *block = tc_block_at(e->ir, n->body);
  bool any = false;
  for (uint32_t i = 0; i < block->ops.n; i++) {
    tc_value cond = {0};
    bool effect;
    tc_value_vec parts = {0};
    if (!condition_of(e->ir, block->ops.at[i], &cond, &effect)) {
      n->needed.n = 0;
      return;
    }
    if (!effect) continue;
    tc_ce_conjuncts(e, cond, &parts);
    if (any)
      keep_common(&n->needed, &parts);
    else
      n->needed = parts;
    any = true;
  }
}

/* ---- conditions as bounds ---- */

typedef struct limit {
  bool upper;
  const char *text; /* 64 bits: x < text, or x >= text */
} limit;

/* Both 0 <= index and index < something are among the conditions. Then, and only then, an int32
 * index that may wrap can be compared in 64 bits instead (see tc_ce_index). */
static bool has_both_bounds(tc_ir *ir, const tc_value_vec *conds, tc_value index) {
  bool below = false, above = false;
  for (uint32_t i = 0; i < conds->n; i++) {
    const tc_op *op = tc_op_at(ir, conds->at[i]);
    if (op->opcode != TC_OP_lt && op->opcode != TC_OP_le) continue;
    int64_t x;
    tc_value left = tc_input(ir, op, 0), right = tc_input(ir, op, 1);
    if (right.id == index.id && tc_const_of(ir, left, &x) && x >= 0) below = true;
    if (left.id == index.id) above = true;
  }
  return below && above;
}

/* `side` as rest + by * x over the integers, by = 1 or -1. */
static bool split(nest *n, const tc_value_vec *conds, tc_value side, tc_value x, int *by,
                  const char **rest) {
  tc_cemit *e = n->c->e;
  tc_type type = tc_value_type(e->ir, side);
  if (type.dtype != TC_DT_int32 && type.dtype != TC_DT_int64) return false;
  tc_linear l = tc_linear_of(&e->ranges, side), without = tc_linear_without(&l, x);
  int64_t k = tc_linear_by(&l, x);
  if (k != 1 && k != -1) return false;
  for (uint32_t t = 0; t < without.n; t++)
    if (mask_of(n, without.terms[t].leaf) >> n->order[n->p->n - 1] & 1) return false;
  if (!l.exact && (k != 1 || !has_both_bounds(e->ir, conds, side))) return false;
  *by = (int)k;
  *rest = l.exact ? tc_ce_linear(e, &without) : tc_ce_linear32(e, &without);
  return true;
}

static const char *wide(tc_cemit *e, tc_value v) {
  int64_t x;
  if (tc_const_of(e->ir, v, &x)) return tc_ce_text(e, "%" PRId64, x);
  return tc_ce_text(e, "(tc_i64)%s", tc_ce_ref(e, v, 0));
}

/* The comparison, one of `conds` that hold together, as a bound of the innermost variable. */
static bool limit_of(nest *n, const tc_value_vec *conds, tc_value cond, limit *out) {
  tc_cemit *e = n->c->e;
  const tc_op *op = tc_op_at(e->ir, cond);
  uint32_t inner = n->order[n->p->n - 1];
  if ((op->opcode != TC_OP_lt && op->opcode != TC_OP_le) || op->type.lanes != 1) return false;
  tc_value left = tc_input(e->ir, op, 0), right = tc_input(e->ir, op, 1);
  bool in_left = mask_of(n, left) >> inner & 1, in_right = mask_of(n, right) >> inner & 1;
  if (in_left == in_right) return false;
  int by;
  const char *rest;
  if (!split(n, conds, in_left ? left : right, n->var[inner], &by, &rest)) return false;
  const char *other = wide(e, in_left ? right : left);
  bool strict = op->opcode == TC_OP_lt;
  /* left: rest + x < other; right: other < rest + x; and with -x. */
  out->upper = in_left == (by == 1);
  int add = out->upper ? !strict : strict;
  const char *more = add ? " + 1" : "";
  out->text = by == 1 ? tc_ce_text(e, "%s - (%s)%s", other, rest, more)
                      : tc_ce_text(e, "(%s) - %s%s", rest, other, more);
  return true;
}

/* ---- moving out ---- */

/* Defines what can be computed at `level` and is not yet. `loads`: values that depend on loads of
 * the body too. */
static void define_at(nest *n, tc_value v, uint32_t level, bool loads);

static void define_inputs_at(nest *n, const tc_op *op, uint32_t level, bool loads) {
  for (uint32_t i = 0; i < op->n_in; i++)
    define_at(n, tc_input(n->c->e->ir, op, i), level, loads);
}

static bool is_placed_here(nest *n, tc_value v) {
  uint32_t where;
  return tc_map_get(&n->inside, v.id, &where) && where == 1;
}

static void define_at(nest *n, tc_value v, uint32_t level, bool loads) {
  tc_cemit *e = n->c->e;
  uint32_t mask = mask_of(n, v);
  if (e->defined[v.id] || !is_placed_here(n, v) || level_of(n, mask) > level) return;
  if (!loads && (mask & ON_BODY_LOAD)) return;
  const tc_op *op = tc_op_at(e->ir, v);
  define_inputs_at(n, op, level, loads);
  if (tc_op_is_pure(op))
    tc_ce_define(e, v);
  else
    tc_ce_statement(e, v);
  e->defined[v.id] = true;
  tc_vec_push(e->arena, &n->hoisted, v);
}

/* A load may run although an inner loop turns out empty: only where its guards come along. */
static bool may_hoist_loads(nest *n, uint32_t level) {
  tc_cemit *e = n->c->e;
  for (uint32_t k = level; k < n->p->n; k++) {
    tc_value extent = tc_input(e->ir, tc_op_at(e->ir, n->stmt), n->order[k]);
    if (tc_range_of(&e->ranges, extent).lo < 1) return false;
  }
  return true;
}

static void define_level(nest *n, uint32_t level, bool loads) {
  tc_cemit *e = n->c->e;
  const tc_block *block = tc_block_at(e->ir, n->body);
  for (uint32_t i = 0; i < block->ops.n; i++) {
    uint32_t first, count = tc_placed_before(&e->placed, n->body, i, &first);
    for (uint32_t k = 0; k < count; k++)
      define_at(n, e->placed.at[first + k].value, level, loads);
    if (loads && tc_is(e->ir, block->ops.at[i], TC_OP_load))
      define_at(n, block->ops.at[i], level, true);
  }
}

/* Values placed before statements of the body's top level count as inside it. */
static void note_placed(nest *n) {
  tc_cemit *e = n->c->e;
  const tc_block *block = tc_block_at(e->ir, n->body);
  for (uint32_t i = 0; i < block->ops.n; i++) {
    tc_map_put(&n->inside, block->ops.at[i].id, 1);
    uint32_t first, count = tc_placed_before(&e->placed, n->body, i, &first);
    for (uint32_t k = 0; k < count; k++)
      tc_map_put(&n->inside, e->placed.at[first + k].value.id, 1);
  }
}

/* ---- printing ---- */

static void name_var(nest *n, uint32_t k) {
  tc_cemit *e = n->c->e;
  tc_var var = n->p->vars[k];
  tc_type type = tc_var_at(e->ir, var)->type;
  const char *name = tc_ce_name_var(e, var);
  e->var_wide[var.id] = name;
  if (type.dtype != TC_DT_int64)
    e->var_names[var.id] = tc_ce_text(e, "((%s)%s)", tc_ce_type(type), name);
}

static const char *extent_text(nest *n, uint32_t k) {
  return wide(n->c->e, tc_input(n->c->e->ir, tc_op_at(n->c->e->ir, n->stmt), k));
}

/* A fresh copy of each variable that the body writes: iterations begin with the value from before
 * the loop. */
static void open_privates(nest *n, const char **outer) {
  tc_cemit *e = n->c->e;
  for (uint32_t i = 0; i < n->privates.n; i++) {
    tc_buf buf = tc_access_buf(e->ir, n->privates.at[i]);
    const tc_buffer *b = tc_buf_at(e->ir, buf);
    outer[i] = e->buf_names[buf.id];
    if (!outer[i]) continue; /* allocated in the body */
    const char *name = tc_ce_text(e, "own_%s", outer[i]), *type = tc_ce_type(b->elem);
    if (b->elem.lanes > 1) {
      tc_cw_line(&e->w, "%s %s[%u];", type, name, b->elem.lanes);
      tc_cw_line(&e->w, "__builtin_memcpy(%s, %s, sizeof %s);", name, outer[i], name);
    } else {
      tc_cw_line(&e->w, "%s %s = %s;", type, name, outer[i]);
    }
    e->buf_names[buf.id] = name;
  }
}

static void close_privates(nest *n, const char **outer) {
  tc_cemit *e = n->c->e;
  for (uint32_t i = 0; i < n->privates.n; i++)
    e->buf_names[tc_access_buf(e->ir, n->privates.at[i]).id] = outer[i];
}

static void inner_loop(nest *n, const char *lo, const char *hi) {
  tc_cemit *e = n->c->e;
  const char *name = e->var_wide[n->p->vars[n->order[n->p->n - 1]].id];
  if (n->plain) tc_cw_prefix(&e->w, e->target->independent);
  tc_cw_open(&e->w, "for (tc_i64 %s = %s; %s < %s; %s++)", name, lo, name, hi, name);
  const char **outer = TC_NEW_ARRAY(e->arena, n->privates.n + 1, const char *);
  bool was = e->in_parallel;
  e->in_parallel = true;
  open_privates(n, outer);
  tc_ce_region(e, n->body);
  close_privates(n, outer);
  e->in_parallel = was;
  tc_cw_close(&e->w);
}

static void know(nest *n, const tc_value_vec *conds, int by) {
  for (uint32_t i = 0; i < conds->n; i++)
    n->c->e->known[conds->at[i].id] = (uint16_t)(n->c->e->known[conds->at[i].id] + by);
}

/* The conditions of single accesses that can be tested once for the whole innermost loop, and that
 * test. */
static const char *loose_conditions(nest *n, const char *lo, const char *hi, tc_value_vec *out) {
  tc_cemit *e = n->c->e;
  const tc_block *block = tc_block_at(e->ir, n->body);
  tc_value_vec all = {0};
  for (uint32_t i = 0; i < block->ops.n; i++)
    if (tc_is(e->ir, block->ops.at[i], TC_OP_load) || tc_is(e->ir, block->ops.at[i], TC_OP_store))
      tc_ce_conjuncts(e, tc_access_pred(e->ir, block->ops.at[i]), &all);
  const char *test = NULL;
  for (uint32_t i = 0; i < all.n; i++) {
    tc_value cond = all.at[i];
    limit l;
    uint32_t mask = mask_of(n, cond);
    if (e->known[cond.id] || (mask & (ON_BODY | ON_BODY_LOAD))) continue;
    const char *part;
    if (level_of(n, mask) < n->p->n)
      part = tc_ce_ref(e, cond, 0);
    else if (limit_of(n, &all, cond, &l))
      part =
          l.upper ? tc_ce_text(e, "%s <= %s", hi, l.text) : tc_ce_text(e, "%s >= %s", lo, l.text);
    else
      continue;
    test = test ? tc_ce_text(e, "%s & (%s)", test, part) : tc_ce_text(e, "(%s)", part);
    tc_vec_push(e->arena, out, cond);
  }
  return test;
}

static void print_inner(nest *n) {
  tc_cemit *e = n->c->e;
  uint32_t inner = n->order[n->p->n - 1];
  const char *lo = "0", *hi = extent_text(n, inner);
  tc_value_vec bounds = {0}, loose = {0};
  for (uint32_t i = 0; i < n->needed.n; i++) {
    limit l;
    if (e->known[n->needed.at[i].id] || !limit_of(n, &n->needed, n->needed.at[i], &l)) continue;
    if (l.upper)
      hi = tc_cw_temp(&e->w, "tc_i64", "tc_min64(%s, %s)", hi, l.text);
    else
      lo = tc_cw_temp(&e->w, "tc_i64", "tc_max64(%s, %s)", lo, l.text);
    tc_vec_push(e->arena, &bounds, n->needed.at[i]);
  }
  know(n, &bounds, 1);
  const char *test = loose_conditions(n, lo, hi, &loose);
  if (test) {
    tc_cw_open(&e->w, "if (%s)", test);
    know(n, &loose, 1);
    inner_loop(n, lo, hi);
    know(n, &loose, -1);
    tc_cw_else(&e->w);
  }
  inner_loop(n, lo, hi);
  if (test) tc_cw_close(&e->w);
  know(n, &bounds, -1);
}

/* The loops from position `level` inwards. */
static void print_level(nest *n, uint32_t level) {
  tc_cemit *e = n->c->e;
  define_level(n, level, false);
  const char *test = NULL;
  tc_value_vec here = {0};
  for (uint32_t i = 0; i < n->needed.n; i++) {
    tc_value cond = n->needed.at[i];
    uint32_t mask = mask_of(n, cond);
    if (e->known[cond.id] || (mask & ON_BODY_LOAD) || level_of(n, mask) != level) continue;
    const char *part = tc_ce_ref(e, cond, 0);
    test = test ? tc_ce_text(e, "%s & %s", test, part) : part;
    tc_vec_push(e->arena, &here, cond);
  }
  if (test) tc_cw_open(&e->w, "if (%s)", test);
  know(n, &here, 1);
  if (may_hoist_loads(n, level)) define_level(n, level, true);
  if (level + 1 == n->p->n) {
    print_inner(n);
  } else {
    const char *name = e->var_wide[n->p->vars[n->order[level]].id];
    tc_cw_open(&e->w, "for (tc_i64 %s = 0; %s < %s; %s++)", name, name,
               extent_text(n, n->order[level]), name);
    print_level(n, level + 1);
    tc_cw_close(&e->w);
  }
  know(n, &here, -1);
  if (test) tc_cw_close(&e->w);
}

void tc_cpu_parallel(tc_cpu *c, tc_value stmt) {
  tc_cemit *e = c->e;
  tc_arena *a = e->arena;
  nest n = {.c = c,
            .stmt = stmt,
            .body = tc_child(e->ir, tc_op_at(e->ir, stmt), 0),
            .p = tc_parallel_of(e->ir, stmt),
            .mask = tc_map_in(a),
            .inside = tc_map_in(a),
            .bound = tc_map_in(a),
            .written = tc_map_in(a),
            .plain = true};
  if (n.p->n > MAX_VARS || n.p->n == 0)
    tc_ce_refuse(e, stmt, "a parallel loop of more than 16 dimensions");
  for (uint32_t k = 0; k < n.p->n; k++) {
    n.var[k] = tc_var_value(e->ir, n.p->vars[k]);
    name_var(&n, k);
  }
  note_placed(&n);
  tc_walk(e->ir, n.body, note_statement, &n);
  choose_order(&n);
  find_needed(&n);
  tc_cw_open(&e->w, "%s", "");
  print_level(&n, 0);
  tc_cw_close(&e->w);
  for (uint32_t i = 0; i < n.hoisted.n; i++)
    e->defined[n.hoisted.at[i].id] = false;
}
