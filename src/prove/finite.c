/* Evaluation over the domain of a question's variables.
 *
 * The conditions in force that share variables with the question, directly or through each other,
 * limit its domain; the others only have to be satisfiable. The domain is first searched at some
 * points (ends of intervals, constants that occur), which finds most counterexamples at once, then
 * completely when it is small enough. Every point visited counts against the kernel's budget. */
#include "base/checked.h"
#include "prove/eval.h"
#include "prove/prove_private.h"

#include "ir/build.h"

#include <inttypes.h>
#include <stdlib.h>

enum { MAX_PICKS = 24, MAX_CONSTANTS = 48, SAMPLES = 1 << 12, FEW_POINTS = 64 };
enum { OPS_PER_POINT = 64 };

typedef struct axis {
  tc_var var;
  tc_interval range;
  uint32_t n_picks; /* 0: every value of the range */
  int64_t pick[MAX_PICKS];
} axis;

typedef struct domain {
  axis axes[TC_MODEL_VARS];
  uint32_t n;
  tc_values filters;
  bool too_wide; /* more variables than can be handled */
} domain;

/* ---- which variables ---- */

typedef struct reach { /* what a value depends on */
  tc_var vars[TC_MODEL_VARS];
  uint32_t n;
  bool too_many;
  int64_t constants[MAX_CONSTANTS];
  uint32_t n_constants;
} reach;

static void reach_leaf(tc_prover *p, const tc_op *op, reach *r) {
  if (op->opcode == TC_OP_const && tc_is_int(op->type) && r->n_constants < MAX_CONSTANTS)
    r->constants[r->n_constants++] = p->ir->imms.at[op->payload].i;
  if (op->opcode != TC_OP_var || tc_is_float(op->type) || op->type.lanes != 1) return;
  if (r->n == TC_MODEL_VARS)
    r->too_many = true;
  else
    r->vars[r->n++] = (tc_var){op->payload};
}

static void reach_value(tc_prover *p, tc_value v, reach *r) {
  uint32_t bottom = p->work.n;
  p->n_walks++;
  tc_vec_push(p->arena, &p->work, v);
  while (p->work.n > bottom) {
    tc_value top = p->work.at[--p->work.n];
    tc_slot *slot = tc_slot_at(p, top);
    const tc_op *op = tc_op_at(p->ir, top);
    if (slot->seen == p->n_walks || !tc_op_is_pure(op)) continue;
    slot->seen = p->n_walks;
    reach_leaf(p, op, r);
    for (uint32_t i = 0; i < op->n_in; i++)
      tc_vec_push(p->arena, &p->work, tc_input(p->ir, op, i));
  }
}

static bool has_var(const reach *r, tc_var var) {
  for (uint32_t i = 0; i < r->n; i++)
    if (r->vars[i].id == var.id) return true;
  return false;
}

static bool meets(const reach *a, const reach *b) {
  for (uint32_t i = 0; i < a->n; i++)
    if (has_var(b, a->vars[i])) return true;
  return false;
}

static void merge(reach *into, const reach *from) {
  for (uint32_t i = 0; i < from->n; i++) {
    if (has_var(into, from->vars[i])) continue;
    if (into->n == TC_MODEL_VARS)
      into->too_many = true;
    else
      into->vars[into->n++] = from->vars[i];
  }
  into->too_many |= from->too_many;
  for (uint32_t i = 0; i < from->n_constants && into->n_constants < MAX_CONSTANTS; i++)
    into->constants[into->n_constants++] = from->constants[i];
}

/* ---- axes ---- */

static bool is_chosen(const tc_ir *ir, tc_var var) {
  enum tc_var_kind kind = tc_var_at(ir, var)->kind;
  return kind == TC_VAR_DIM || kind == TC_VAR_SCALAR;
}

static int by_value(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return x < y ? -1 : x > y;
}

static void add_pick(axis *a, int64_t x) {
  if (x < a->range.lo || x > a->range.hi || a->n_picks == MAX_PICKS) return;
  for (uint32_t i = 0; i < a->n_picks; i++)
    if (a->pick[i] == x) return;
  a->pick[a->n_picks++] = x;
}

/* Number of values, at most 2^62. */
static uint64_t extent_of(const axis *a) {
  uint64_t n = (uint64_t)a->range.hi - (uint64_t)a->range.lo;
  return n >= UINT64_C(1) << 62 ? UINT64_C(1) << 62 : n + 1;
}

/* The ends; of a dimension, sizes as they occur. */
static void pick_corners(const tc_ir *ir, axis *a) {
  a->n_picks = 0;
  add_pick(a, a->range.lo);
  if (is_chosen(ir, a->var)) {
    add_pick(a, 1);
    add_pick(a, 1031);
  } else {
    add_pick(a, a->range.hi);
  }
}

static void pick_points(const tc_ir *ir, axis *a, const reach *r) {
  pick_corners(ir, a);
  const tc_interval x = a->range;
  add_pick(a, x.hi);
  add_pick(a, x.lo < INT64_MAX ? x.lo + 1 : x.lo);
  add_pick(a, x.hi > INT64_MIN ? x.hi - 1 : x.hi);
  add_pick(a, x.lo / 2 + x.hi / 2);
  add_pick(a, 0);
  add_pick(a, 2);
  for (uint32_t i = 0; i < r->n_constants; i++) {
    int64_t c = r->constants[i];
    add_pick(a, c);
    if (c < INT64_MAX) add_pick(a, c + 1);
    if (c > INT64_MIN) add_pick(a, c - 1);
  }
  qsort(a->pick, a->n_picks, sizeof a->pick[0], by_value);
}

/* Sizes as they occur, different ones for different dimensions; other variables at one end, and in
 * the middle when that is excluded. */
static void pick_usual(const tc_ir *ir, axis *a, const reach *r, uint32_t number, bool high) {
  axis points = {.range = a->range, .var = a->var};
  a->n_picks = 0;
  if (is_chosen(ir, a->var)) {
    add_pick(a, 1031 + 6 * (int64_t)number);
    add_pick(a, 4096 * (1 + (int64_t)number));
    add_pick(a, 64);
  }
  pick_points(ir, &points, r);
  for (uint32_t i = 0; i < points.n_picks; i++)
    add_pick(a, points.pick[high ? points.n_picks - 1 - i : i]);
}

/* Dimensions first, then as variables were made: outer ones before inner ones. */
static int by_order(const tc_ir *ir, tc_var a, tc_var b) {
  bool x = is_chosen(ir, a), y = is_chosen(ir, b);
  if (x != y) return x ? -1 : 1;
  return a.id < b.id ? -1 : a.id > b.id;
}

static void make_axes(tc_prover *p, domain *d, const reach *r) {
  d->n = 0;
  d->too_wide = r->too_many;
  for (uint32_t i = 0; i < r->n; i++) {
    uint32_t at = d->n++;
    for (; at > 0 && by_order(p->ir, r->vars[i], d->axes[at - 1].var) < 0; at--)
      d->axes[at] = d->axes[at - 1];
    d->axes[at] = (axis){.var = r->vars[i]};
    d->axes[at].range = tc_fact_of(p, tc_var_value(p->ir, r->vars[i]))->range;
  }
}

static uint64_t points_of(const domain *d) {
  const uint64_t most = UINT64_C(1) << 62;
  uint64_t n = 1;
  for (uint32_t i = 0; i < d->n; i++) {
    uint64_t extent = extent_of(&d->axes[i]);
    n = extent > most / n ? most : n * extent;
  }
  return n;
}

/* ---- the search ---- */

typedef struct search {
  tc_prover *p;
  const tc_question *q;
  const domain *d;
  tc_eval *e;
  int64_t at[TC_MODEL_VARS];
  uint64_t left;   /* points */
  bool cut;        /* the points ran out */
  bool open;       /* some point could not be decided */
  bool found;      /* `at` is a counterexample */
  uint64_t n_true; /* when counting */
} search;

enum outcome { HOLDS, FAILS, UNDECIDED };

/* Is the question answered by `yes` at this point? */
static enum outcome outcome_of(const search *s) {
  tc_cell goal = tc_eval_root(s->e, 0);
  if (s->q->defined) return goal.state == TC_CELL_POISON ? FAILS : HOLDS;
  if (goal.state == TC_CELL_POISON) return HOLDS;
  if (goal.state == TC_CELL_OPAQUE) return UNDECIDED;
  return goal.x.i ? HOLDS : FAILS;
}

/* False when a condition of this level excludes the point. */
static bool passes(const search *s, uint32_t level, bool *certain) {
  for (uint32_t i = 0; i < s->d->filters.n; i++) {
    if (tc_eval_level(s->e, i + 1) != level) continue;
    tc_cell c = tc_eval_root(s->e, i + 1);
    if (c.state == TC_CELL_OPAQUE)
      *certain = false;
    else if (c.state == TC_CELL_POISON || !c.x.i)
      return false;
  }
  return true;
}

static void finish_point(search *s, bool certain) {
  enum outcome r = outcome_of(s);
  if (s->q->count) {
    s->n_true += r == HOLDS && tc_eval_root(s->e, 0).state == TC_CELL_KNOWN;
    s->open |= r == UNDECIDED || !certain;
  } else if (r == FAILS && certain) {
    s->found = true;
  } else if (r != HOLDS) {
    s->open = true;
  }
}

static bool is_over(const search *s) {
  return s->found || s->cut || (s->open && (s->q->count || !s->q->model));
}

/* Variables 0 .. level - 1 are set. */
static void visit(search *s, uint32_t level, bool certain) {
  tc_eval_run(s->e, level);
  if (!passes(s, level, &certain)) return;
  if (tc_eval_level(s->e, 0) == level && !s->q->count && outcome_of(s) == HOLDS) return;
  if (level == s->d->n) {
    finish_point(s, certain);
    return;
  }
  const axis *a = &s->d->axes[level];
  uint64_t n = a->n_picks ? a->n_picks : extent_of(a);
  /* A point is as dear as the ops that it takes. */
  uint64_t price = 1 + tc_eval_size(s->e, level + 1) / OPS_PER_POINT;
  for (uint64_t i = 0; i < n && !is_over(s); i++) {
    s->cut = s->left < price;
    if (s->cut) return;
    s->left -= price;
    s->at[level] = a->n_picks ? a->pick[i] : (int64_t)((uint64_t)a->range.lo + i);
    tc_eval_set(s->e, level, s->at[level]);
    visit(s, level + 1, certain);
  }
}

static search run(tc_prover *p, const tc_question *q, const domain *d, uint64_t points) {
  search s = {.p = p, .q = q, .d = d, .left = points < p->budget ? points : p->budget};
  uint64_t before = s.left;
  tc_arena_mark mark = tc_arena_here(p->arena);
  uint32_t n = d->filters.n + 1;
  tc_value *roots = TC_NEW_ARRAY(p->arena, n, tc_value);
  tc_var vars[TC_MODEL_VARS];
  roots[0] = q->goal;
  for (uint32_t i = 0; i < d->filters.n; i++)
    roots[i + 1] = d->filters.at[i];
  for (uint32_t k = 0; k < d->n; k++)
    vars[k] = d->axes[k].var;
  s.e = tc_eval_new(p->ir, p->arena, vars, d->n, roots, n, 0);
  visit(&s, 0, true);
  if (s.found && q->culprit) *q->culprit = (tc_value){(uint32_t)tc_eval_root(s.e, 0).x.i};
  s.e = NULL;
  tc_arena_rewind(p->arena, mark);
  p->budget -= before - s.left;
  p->stats->evaluations += before - s.left;
  return s;
}

/* ---- the question ---- */

/* What the conditions in force depend on, kept while they stay the same. */
struct tc_finite_state {
  uint64_t epoch;
  TC_VEC(reach) of;
  TC_VEC(bool) taken;
  tc_values filters, rest;
};

static struct tc_finite_state *state_of(tc_prover *p) {
  if (!p->finite) p->finite = TC_NEW(p->arena, struct tc_finite_state);
  struct tc_finite_state *s = p->finite;
  if (s->epoch != p->epoch || s->of.n != p->conditions.n) {
    s->epoch = p->epoch;
    s->of.n = 0;
    for (uint32_t i = 0; i < p->conditions.n; i++) {
      reach r = {0};
      reach_value(p, p->conditions.at[i], &r);
      tc_vec_push(p->arena, &s->of, r);
    }
  }
  s->taken.n = s->filters.n = s->rest.n = 0;
  return s;
}

/* Filters of `d` become the conditions that bear on `all`, which grows by their variables; `rest`
 * gets the others. */
static void split_conditions(tc_prover *p, reach *all, domain *d, domain *rest) {
  struct tc_finite_state *s = state_of(p);
  for (uint32_t i = 0; i < s->of.n; i++)
    tc_vec_push(p->arena, &s->taken, false);
  for (bool more = true; more;) {
    more = false;
    for (uint32_t i = 0; i < s->of.n; i++) {
      if (s->taken.at[i] || !meets(all, &s->of.at[i])) continue;
      s->taken.at[i] = more = true;
      merge(all, &s->of.at[i]);
    }
  }
  reach others = {0};
  for (uint32_t i = 0; i < s->of.n; i++) {
    tc_vec_push(p->arena, s->taken.at[i] ? &s->filters : &s->rest, p->conditions.at[i]);
    if (!s->taken.at[i]) merge(&others, &s->of.at[i]);
  }
  d->filters = s->filters;
  rest->filters = s->rest;
  make_axes(p, rest, &others);
  for (uint32_t k = 0; k < rest->n; k++)
    pick_points(p->ir, &rest->axes[k], &others);
}

/* Can the conditions that do not bear on the question hold? */
static bool is_reached(tc_prover *p, const domain *rest) {
  tc_model none;
  tc_question q = {.goal = tc_const_bool(p->ir, false), .model = &none};
  if (rest->filters.n == 0) return true;
  return !rest->too_wide && run(p, &q, rest, SAMPLES).found;
}

static void fill_model(const tc_prover *p, const search *s, tc_model *model) {
  model->n = s->d->n;
  model->chosen = false;
  for (uint32_t k = 0; k < s->d->n; k++) {
    model->var[k] = s->d->axes[k].var;
    model->x[k] = s->at[k];
    model->chosen |= is_chosen(p->ir, s->d->axes[k].var);
  }
}

/* Points first, then the whole domain when that is affordable. */
static search examine(tc_prover *p, const tc_question *q, domain *d, const reach *r, bool *all) {
  search s = {.d = d};
  uint64_t points = points_of(d);
  *all = points <= p->budget / 4;
  if (!q->count && points > FEW_POINTS) {
    for (uint32_t k = 0; k < d->n; k++)
      pick_corners(p->ir, &d->axes[k]);
    s = run(p, q, d, SAMPLES / 4);
    if (s.found) return s;
    for (uint32_t k = 0; k < d->n; k++)
      pick_points(p->ir, &d->axes[k], r);
    s = run(p, q, d, SAMPLES);
    if (s.found || (s.open && !q->model)) return s;
  }
  if (!*all || (q->refuted && points > FEW_POINTS)) return s;
  for (uint32_t k = 0; k < d->n; k++)
    d->axes[k].n_picks = 0;
  /* Inner nodes count too: a domain of n points takes at most 2 n + depth visits. */
  return run(p, q, d, 2 * points + TC_MODEL_VARS);
}

static bool has_chosen(const tc_ir *ir, const domain *d) {
  for (uint32_t k = 0; k < d->n; k++)
    if (is_chosen(ir, d->axes[k].var)) return true;
  return false;
}

static enum tc_proof answer(tc_prover *p, const tc_question *q) {
  domain d = {0}, rest = {0};
  reach r = {0};
  bool all;
  reach_value(p, q->goal, &r);
  split_conditions(p, &r, &d, &rest);
  make_axes(p, &d, &r);
  if (d.too_wide || (q->defined && has_chosen(p->ir, &d))) return TC_UNKNOWN;
  /* Without a model to fill, a counterexample only saves the search of the whole domain. */
  if (!q->model && !q->count && points_of(&d) > p->budget / 4) return TC_UNKNOWN;
  search s = examine(p, q, &d, &r, &all);
  p->stats->exhausted += s.cut && all;
  if (q->count) {
    *q->count = s.n_true;
    return all && !s.cut && !s.open ? TC_PROVED : TC_UNKNOWN;
  }
  if (s.found) {
    if (q->model) fill_model(p, &s, q->model);
    return !p->doubtful && is_reached(p, &rest) ? TC_REFUTED : TC_UNKNOWN;
  }
  return all && !q->refuted && !s.cut && !s.open ? TC_PROVED : TC_UNKNOWN;
}

bool tc_prove_point(tc_prover *p, const tc_value *about, uint32_t n, bool high, tc_model *model) {
  domain d = {0}, rest = {0};
  reach r = {0};
  tc_question q = {.goal = tc_const_bool(p->ir, false), .model = model};
  for (uint32_t i = 0; i < n; i++)
    reach_value(p, about[i], &r);
  split_conditions(p, &r, &d, &rest);
  make_axes(p, &d, &r);
  for (uint32_t k = 0; k < d.n; k++)
    pick_usual(p->ir, &d.axes[k], &r, k, high);
  model->n = 0;
  if (d.too_wide || p->doubtful) return false;
  search s = run(p, &q, &d, SAMPLES);
  if (!s.found || !is_reached(p, &rest)) return false;
  fill_model(p, &s, model);
  return true;
}

enum tc_proof tc_finite(tc_prover *p, const tc_question *q) {
  enum tc_proof r = answer(p, q);
  if (r != TC_REFUTED && q->model) q->model->n = 0, q->model->chosen = false;
  return r;
}

/* ---- text ---- */

const char *tc_model_text(tc_ir *ir, const tc_model *model, tc_arena *arena) {
  tc_sb sb = tc_sb_in(arena);
  for (uint32_t k = 0; k < model->n; k++)
    tc_sb_printf(&sb, "%s%s = %" PRId64, k ? ", " : "",
                 tc_name_of(ir, tc_var_at(ir, model->var[k])->name), model->x[k]);
  return sb.at ? sb.at : "";
}
