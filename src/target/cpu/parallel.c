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
#include "target/cpu/nest.h"

#include <inttypes.h>
#include <string.h>

/* ---- moving out ---- */

/* Defines what can be computed at `level` and is not yet. `loads`: values that depend on loads of
 * the body too. */
static void define_at(tc_nest *n, tc_value v, uint32_t level, bool loads);

static void define_inputs_at(tc_nest *n, const tc_op *op, uint32_t level, bool loads) {
  for (uint32_t i = 0; i < op->n_in; i++)
    define_at(n, tc_input(n->c->e->ir, op, i), level, loads);
}

static bool is_open(tc_nest *n, uint32_t mask, uint32_t level) {
  return !(mask & TC_ON_BODY) && tc_nest_level(n, mask) <= level
         && (!(mask & TC_ON_STRIPE) || n->in_stripe);
}

static void define_at(tc_nest *n, tc_value v, uint32_t level, bool loads) {
  tc_cemit *e = n->c->e;
  uint32_t mask = tc_nest_mask(n, v);
  if (e->defined[v.id] || !tc_nest_is_placed(n, v) || !is_open(n, mask, level)) return;
  if (!loads && (mask & TC_ON_BODY_LOAD)) return;
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
static bool may_hoist_loads(tc_nest *n, uint32_t level) {
  tc_cemit *e = n->c->e;
  if (n->may_stop) return false;
  for (uint32_t k = level; k < n->p->n; k++) {
    tc_value extent = tc_input(e->ir, tc_op_at(e->ir, n->stmt), n->order[k]);
    if (tc_range_of(&e->ranges, extent).lo < 1) return false;
  }
  return true;
}

static void define_level(tc_nest *n, uint32_t level, bool loads) {
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

/* ---- printing ---- */

static void name_var(tc_nest *n, uint32_t k) {
  tc_cemit *e = n->c->e;
  tc_var var = n->p->vars[k];
  tc_type type = tc_var_at(e->ir, var)->type;
  const char *name = tc_ce_name_var(e, var);
  e->var_wide[var.id] = name;
  if (type.dtype != TC_DT_int64)
    e->var_names[var.id] = tc_ce_text(e, "((%s)%s)", tc_ce_type(type), name);
}

static const char *extent_text(tc_nest *n, uint32_t k) {
  return tc_nest_wide(n, tc_input(n->c->e->ir, tc_op_at(n->c->e->ir, n->stmt), k));
}

/* A fresh copy of each variable that the body writes: iterations begin with the value from before
 * the loop. */
static void open_privates(tc_nest *n, const char **outer) {
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

static void close_privates(tc_nest *n, const char **outer) {
  tc_cemit *e = n->c->e;
  for (uint32_t i = 0; i < n->privates.n; i++)
    e->buf_names[tc_access_buf(e->ir, n->privates.at[i]).id] = outer[i];
}

static void print_body(tc_nest *n) {
  tc_cemit *e = n->c->e;
  const char **outer = TC_NEW_ARRAY(e->arena, n->privates.n + 1, const char *);
  bool was = e->in_parallel;
  e->in_parallel = true;
  open_privates(n, outer);
  tc_ce_region(e, n->body);
  close_privates(n, outer);
  e->in_parallel = was;
}

static const char *inner_name(tc_nest *n) {
  return n->c->e->var_wide[n->p->vars[tc_nest_inner(n)].id];
}

static void plain_loop(tc_nest *n, const char *lo, const char *hi) {
  tc_cemit *e = n->c->e;
  const char *name = inner_name(n);
  if (n->plain) tc_cw_prefix(&e->w, e->target->independent);
  tc_cw_open(&e->w, "for (tc_i64 %s = %s; %s < %s; %s++)", name, lo, name, hi, name);
  print_body(n);
  tc_cw_close(&e->w);
}

/* Chunks of as many iterations as a sum has lanes. */
static void summing_loop(tc_nest *n, const char *lo, const char *hi, bool whole) {
  tc_cemit *e = n->c->e;
  const char *name = inner_name(n), *lane = tc_ce_text(e, "lane_%s", name);
  const char *first = tc_ce_text(e, "first_%s", name), *count = tc_ce_text(e, "%d", TC_SUM_LANES);
  tc_cw_open(&e->w, "if (%s < %s)", lo, hi);
  tc_nest_open_sums(n, lane);
  tc_cw_open(&e->w, "for (tc_i64 %s = %s; %s < %s; %s += %s)", first, lo, first, hi, first, count);
  if (!whole) count = tc_cw_temp(&e->w, "tc_i64", "tc_min64(%s, %s - %s)", count, hi, first);
  tc_cw_prefix(&e->w, e->target->independent);
  tc_cw_open(&e->w, "for (tc_i64 %s = 0; %s < %s; %s++)", lane, lane, count, lane);
  tc_cw_line(&e->w, "const tc_i64 %s = %s + %s;", name, first, lane);
  print_body(n);
  tc_cw_close(&e->w);
  tc_cw_close(&e->w);
  tc_nest_close_sums(n);
  tc_cw_close(&e->w);
}

/* `phases` iterations per step. */
static void phased_loop(tc_nest *n, const char *lo, const char *hi) {
  tc_cemit *e = n->c->e;
  const char *name = inner_name(n), *step = tc_ce_text(e, "step_%s", name);
  tc_cw_prefix(&e->w, e->target->independent);
  tc_cw_open(&e->w, "for (tc_i64 %s = %s / %" PRId64 "; %s < %s / %" PRId64 "; %s++)", step, lo,
             n->phases, step, hi, n->phases, step);
  for (int64_t phase = 0; phase < n->phases; phase++) {
    tc_cw_open(&e->w, "%s", "");
    tc_cw_line(&e->w, "const tc_i64 %s = %s * %" PRId64 " + %" PRId64 ";", name, step, n->phases,
               phase);
    tc_nest_open_phase(n, step, phase);
    print_body(n);
    tc_nest_close_phase(n);
    tc_cw_close(&e->w);
  }
  tc_cw_close(&e->w);
}

/* True when the text is a number that is a multiple of n. */
static bool is_multiple_text(const char *text, int64_t n) {
  int64_t x = 0;
  for (; *text; text++) {
    if (*text < '0' || *text > '9' || x > INT32_MAX) return false;
    x = x * 10 + (*text - '0');
  }
  return x % n == 0;
}

/* `aligned`: both ends are multiples of the phases. */
static void phased_or_plain(tc_nest *n, const char *lo, const char *hi, bool aligned) {
  tc_cemit *e = n->c->e;
  if (!n->phases) {
    plain_loop(n, lo, hi);
    return;
  }
  if (!aligned)
    tc_cw_open(&e->w, "if (%s %% %" PRId64 " == 0 & %s %% %" PRId64 " == 0)", lo, n->phases, hi,
               n->phases);
  phased_loop(n, lo, hi);
  if (aligned) return;
  tc_cw_else(&e->w);
  plain_loop(n, lo, hi);
  tc_cw_close(&e->w);
}

/* Stripe after stripe; the first and the last one may be cut. */
static void striped_loop(tc_nest *n, const char *lo, const char *hi, bool whole) {
  tc_cemit *e = n->c->e;
  const char *name = tc_ce_text(e, "stripe_%s", inner_name(n)), *first = name;
  const char *last = tc_ce_text(e, "(%s + %" PRId64 ")", name, n->stripe);
  uint32_t before = n->hoisted.n;
  tc_cw_open(&e->w, "for (tc_i64 %s = %s / %" PRId64 " * %" PRId64 "; %s < %s; %s += %" PRId64 ")",
             name, lo, n->stripe, n->stripe, name, hi, name, n->stripe);
  if (!whole) {
    first = tc_cw_temp(&e->w, "tc_i64", "tc_max64(%s, %s)", first, lo);
    last = tc_cw_temp(&e->w, "tc_i64", "tc_min64(%s, %s)", last, hi);
  }
  tc_nest_open_stripe(n, name);
  define_level(n, n->p->n - 1, !n->may_stop);
  phased_or_plain(n, first, last, whole);
  tc_nest_close_stripe(n);
  while (n->hoisted.n > before)
    e->defined[n->hoisted.at[--n->hoisted.n].id] = false;
  tc_cw_close(&e->w);
}

/* The innermost loop from lo to hi (numbers or names), in stripes if that helps. */
static void inner_loop(tc_nest *n, const char *lo, const char *hi) {
  tc_cw *w = &n->c->e->w;
  int64_t length = n->stripe ? n->stripe : n->phases ? n->phases : 1;
  bool whole = is_multiple_text(lo, length) && is_multiple_text(hi, length);
  bool from_0 = strcmp(lo, "0") == 0; /* else the first stripe might be empty and still load */
  if (n->sums.n) {
    bool chunks = is_multiple_text(lo, TC_SUM_LANES) && is_multiple_text(hi, TC_SUM_LANES);
    summing_loop(n, lo, hi, chunks);
    return;
  }
  if (!n->stripe && tc_nest_find_calls(n)) {
    bool chunks = is_multiple_text(lo, TC_CALL_LANES) && is_multiple_text(hi, TC_CALL_LANES);
    tc_nest_calling_loop(n, lo, hi, chunks, print_body);
    return;
  }
  if (!n->stripe) {
    phased_or_plain(n, lo, hi, whole);
    return;
  }
  if (!from_0) tc_cw_open(w, "if (%s < %s)", lo, hi);
  striped_loop(n, lo, hi, whole);
  if (!from_0) tc_cw_close(w);
}

static void know(tc_nest *n, const tc_value_vec *conds, int by) {
  for (uint32_t i = 0; i < conds->n; i++)
    n->c->e->known[conds->at[i].id] = (uint16_t)(n->c->e->known[conds->at[i].id] + by);
}

/* The conditions of single accesses that can be tested once for the whole innermost loop, and that
 * test. */
static const char *loose_conditions(tc_nest *n, const char *lo, const char *hi, tc_value_vec *out) {
  tc_cemit *e = n->c->e;
  const tc_block *block = tc_block_at(e->ir, n->body);
  tc_value_vec all = {0};
  for (uint32_t i = 0; i < block->ops.n; i++)
    if (tc_is(e->ir, block->ops.at[i], TC_OP_load) || tc_is(e->ir, block->ops.at[i], TC_OP_store))
      tc_ce_conjuncts(e, tc_access_pred(e->ir, block->ops.at[i]), &all);
  const char *test = NULL;
  for (uint32_t i = 0; i < all.n; i++) {
    tc_value cond = all.at[i];
    tc_limit l;
    uint32_t mask = tc_nest_mask(n, cond);
    if (e->known[cond.id] || (mask & (TC_ON_BODY | TC_ON_BODY_LOAD | TC_ON_STRIPE))) continue;
    const char *part;
    if (tc_nest_level(n, mask) < n->p->n)
      part = tc_ce_ref(e, cond, 0);
    else if (tc_nest_limit(n, &all, cond, &l))
      part =
          l.upper ? tc_ce_text(e, "%s <= %s", hi, l.text) : tc_ce_text(e, "%s >= %s", lo, l.text);
    else
      continue;
    test = test ? tc_ce_text(e, "%s & (%s)", test, part) : tc_ce_text(e, "(%s)", part);
    tc_vec_push(e->arena, out, cond);
  }
  return test;
}

/* Everything in the condition but the innermost variable is known where that loop begins. */
static bool is_ready(tc_nest *n, tc_value cond) {
  uint32_t level = n->p->n - 1, mask = tc_nest_mask(n, cond) & ~(1u << tc_nest_inner(n));
  return is_open(n, mask, level) && (!(mask & TC_ON_BODY_LOAD) || may_hoist_loads(n, level));
}

static void print_inner(tc_nest *n) {
  tc_cemit *e = n->c->e;
  uint32_t inner = n->order[n->p->n - 1];
  const char *lo = "0", *hi = extent_text(n, inner);
  tc_value_vec bounds = {0}, loose = {0};
  for (uint32_t i = 0; i < n->needed.n; i++) {
    tc_value cond = n->needed.at[i];
    tc_limit l;
    if (e->known[cond.id] || !is_ready(n, cond) || !tc_nest_limit(n, &n->needed, cond, &l))
      continue;
    if (l.upper)
      hi = tc_cw_temp(&e->w, "tc_i64", "tc_min64(%s, %s)", hi, l.text);
    else
      lo = tc_cw_temp(&e->w, "tc_i64", "tc_max64(%s, %s)", lo, l.text);
    tc_vec_push(e->arena, &bounds, cond);
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
static void print_level(tc_nest *n, uint32_t level) {
  tc_cemit *e = n->c->e;
  define_level(n, level, false);
  const char *test = NULL;
  tc_value_vec here = {0};
  for (uint32_t i = 0; i < n->needed.n; i++) {
    tc_value cond = n->needed.at[i];
    uint32_t mask = tc_nest_mask(n, cond);
    if (e->known[cond.id] || (mask & (TC_ON_BODY_LOAD | TC_ON_STRIPE))
        || tc_nest_level(n, mask) != level)
      continue;
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
  tc_nest n = {.c = c,
               .stmt = stmt,
               .body = tc_child(e->ir, tc_op_at(e->ir, stmt), 0),
               .p = tc_parallel_of(e->ir, stmt),
               .mask = tc_map_in(a),
               .inside = tc_map_in(a),
               .bound = tc_map_in(a),
               .written = tc_map_in(a),
               .plain = true};
  if (n.p->n > TC_NEST_VARS || n.p->n == 0)
    tc_ce_refuse(e, stmt, "a parallel loop of more than 16 dimensions");
  for (uint32_t k = 0; k < n.p->n; k++)
    name_var(&n, k);
  tc_nest_analyse(&n);
  tc_nest_find_stripes(&n);
  tc_nest_find_sums(&n);
  tc_cw_open(&e->w, "%s", "");
  print_level(&n, 0);
  tc_cw_close(&e->w);
  for (uint32_t i = 0; i < n.hoisted.n; i++)
    e->defined[n.hoisted.at[i].id] = false;
}
