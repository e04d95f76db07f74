/* The rings of a kernel, played on numbers: each group's steps are listed by running its loops with
 * some sizes, then all groups go on together until they are done or stuck. Steps that depend on
 * data, or are too many, are not played.
 *
 * Iterations of a loop that do the same steps are not all played at first, but as many as any ring
 * has versions and some more, in loops of one length the same number; how often each step is taken
 * is still counted exactly. Where something is wrong then, all of them are played, which says
 * what. */
#include "ir/walk.h"
#include "pass/effects.h"
#include "pass/sync.h"

#include <string.h>

enum { MOST_STEPS = 1 << 18, SIZES = 4, LENGTHS = 8 };

typedef struct step {
  tc_value stmt;
  int64_t count; /* ring_skip */
} step;

/* How often one group does the steps of one ring, in all. */
typedef struct tally {
  int64_t acquired, committed, waited, released; /* waited: those skipped, too */
} tally;

typedef struct actor {
  tc_value group;
  TC_VEC(step) steps;
  uint32_t at;
  tally *tallies; /* by ring */
} actor;

typedef struct number {
  bool known;
  int64_t x;
} number;

typedef struct memo {
  uint32_t epoch;
  number number;
} memo;

typedef struct run {
  tc_sync *s;
  tc_ir *ir;
  actor *now;
  int64_t size; /* of dimensions and scalars */
  int64_t *var; /* by variable id */
  bool *bound;
  memo *memo; /* by value id */
  uint32_t epoch;
  tc_value *group_of; /* by value id: of steps */
  uint32_t budget;
  bool lost; /* something is not known */
  /* the short play */
  int64_t longest;  /* of a loop that is played whole; INT64_MAX: all are */
  uint32_t n_short; /* loops that were longer       */
  bool doubtful;    /* something looked wrong       */
  bool *used;       /* by variable id: a choice of the steps was made by it */
  int64_t weight;   /* how often what is played now happens */
  /* queue cp */
  uint32_t commits;
  uint32_t *filled_in;        /* by ring: the group of queue cp that its newest copies belong to */
  TC_VEC(uint32_t) * closing; /* by ring: that of each version */
  uint32_t *waited;           /* by ring: versions waited for */
} run;

/* ---- values ---- */

static number eval(run *r, tc_value v);

static number known(int64_t x) {
  return (number){true, x};
}

static int64_t floor_div(int64_t a, int64_t b) {
  int64_t q = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? q - 1 : q;
}

/* table */
static number binary(enum tc_opcode op, int64_t a, int64_t b) {
  switch ((int)op) {
  case TC_OP_add:
    return known((int64_t)((uint64_t)a + (uint64_t)b));
  case TC_OP_sub:
    return known((int64_t)((uint64_t)a - (uint64_t)b));
  case TC_OP_mul:
    return known((int64_t)((uint64_t)a * (uint64_t)b));
  case TC_OP_floordiv:
    return (number){b > 0, b > 0 ? floor_div(a, b) : 0};
  case TC_OP_floormod:
    return (number){b > 0, b > 0 ? a - floor_div(a, b) * b : 0};
  case TC_OP_truncdiv:
    return (number){b > 0, b > 0 ? a / b : 0};
  case TC_OP_truncmod:
    return (number){b > 0, b > 0 ? a % b : 0};
  case TC_OP_min:
    return known(a < b ? a : b);
  case TC_OP_max:
    return known(a > b ? a : b);
  case TC_OP_and:
    return known(a & b);
  case TC_OP_or:
    return known(a | b);
  case TC_OP_xor:
    return known(a ^ b);
  case TC_OP_eq:
    return known(a == b);
  case TC_OP_ne:
    return known(a != b);
  case TC_OP_lt:
    return known(a < b);
  case TC_OP_le:
    return known(a <= b);
  default:
    return (number){false, 0};
  }
}

static number variable(run *r, tc_var var) {
  const tc_var_info *info = tc_var_at(r->ir, var);
  if (r->bound[var.id]) {
    r->used[var.id] = true;
    return known(r->var[var.id]);
  }
  if (info->kind == TC_VAR_DIM || info->kind == TC_VAR_SCALAR) return known(r->size);
  return (number){info->kind == TC_VAR_BLOCK, 0};
}

static number compute(run *r, tc_value v) {
  const tc_op *op = tc_op_at(r->ir, v);
  int64_t x;
  if (tc_const_of(r->ir, v, &x)) return known(x);
  if (op->type.lanes != 1 || tc_is_float(op->type)) return (number){false, 0};
  if (op->opcode == TC_OP_var) return variable(r, (tc_var){op->payload});
  if (op->opcode == TC_OP_select) {
    number c = eval(r, tc_input(r->ir, op, 0));
    return c.known ? eval(r, tc_input(r->ir, op, c.x ? 1 : 2)) : c;
  }
  if (!tc_op_is_pure(op) || op->n_in < 1 || op->n_in > 2) return (number){false, 0};
  number a = eval(r, tc_input(r->ir, op, 0));
  if (op->n_in == 1) {
    bool logical = op->opcode == TC_OP_not && tc_is_bool(op->type);
    if (logical) a.x = !a.x;
    bool plain = tc_is_int(tc_value_type(r->ir, tc_input(r->ir, op, 0)))
                 || tc_is_bool(tc_value_type(r->ir, tc_input(r->ir, op, 0)));
    if (op->opcode == TC_OP_neg) a.x = (int64_t)(0 - (uint64_t)a.x);
    if (!logical && op->opcode != TC_OP_neg && (op->opcode != TC_OP_cast || !plain))
      a.known = false;
    return a;
  }
  number b = eval(r, tc_input(r->ir, op, 1));
  return a.known && b.known ? binary((enum tc_opcode)op->opcode, a.x, b.x) : (number){false, 0};
}

static number eval(run *r, tc_value v) {
  memo *m = &r->memo[v.id];
  if (m->epoch != r->epoch) *m = (memo){r->epoch, compute(r, v)};
  return m->number;
}

/* ---- the steps of one group ---- */

static void complain(run *r, tc_value stmt, const char *what) {
  r->doubtful = true;
  if (!r->n_short) TC_DIAG(r->ir->diags, D_ring_use, tc_op_at(r->ir, stmt)->span, what);
}

static bool is_step(const tc_ir *ir, tc_value stmt) {
  return tc_op_row((enum tc_opcode)tc_op_at(ir, stmt)->opcode)->payload == TC_PL_RINGREF;
}

static bool note_step(tc_ir *ir, tc_value stmt, void *data) {
  if (is_step(ir, stmt) || tc_is(ir, stmt, TC_OP_async_commit)) *(bool *)data = true;
  return true;
}

static bool matters(tc_ir *ir, tc_region region) {
  bool found = false;
  tc_walk(ir, region, note_step, &found);
  return found;
}

/* How many of n iterations that do the same are played. Loops of different lengths should differ
 * then, too. */
static int64_t short_of(const run *r, int64_t n) {
  return n <= r->longest || n - r->longest <= LENGTHS ? n : r->longest + n % LENGTHS;
}

static void play_region(run *r, tc_region region);

static void play_for(run *r, tc_value stmt) {
  const tc_op *op = tc_op_at(r->ir, stmt);
  tc_region body = tc_child(r->ir, op, 0);
  tc_var var = tc_loop_of(r->ir, stmt)->var;
  if (!matters(r->ir, body)) return;
  number lo = eval(r, tc_input(r->ir, op, 0)), hi = eval(r, tc_input(r->ir, op, 1));
  number by = eval(r, tc_input(r->ir, op, 2));
  bool jumps = tc_has_jump(r->ir, body, TC_OP_break) || tc_has_jump(r->ir, body, TC_OP_continue);
  if (!lo.known || !hi.known || !by.known || jumps) {
    r->lost = true;
    return;
  }
  int64_t n =
      by.x > 0 ? floor_div(hi.x - lo.x + by.x - 1, by.x) : floor_div(lo.x - hi.x - by.x - 1, -by.x);
  int64_t n_played = n, weight = r->weight;
  uint32_t n_short = r->n_short;
  r->used[var.id] = false;
  for (int64_t i = 0; i < n_played && !r->lost; i++) {
    r->var[var.id] = lo.x + i * by.x;
    r->bound[var.id] = true;
    r->epoch++;
    r->weight = i == 1 ? weight * (n - n_played + 1) : weight;
    play_region(r, body);
    if (i == 0 && !r->used[var.id] && r->n_short == n_short) n_played = short_of(r, n);
  }
  r->weight = weight;
  r->n_short += n_played != n;
  r->bound[var.id] = false;
  r->epoch++;
}

static void play_if(run *r, tc_value stmt) {
  const tc_op *op = tc_op_at(r->ir, stmt);
  tc_region then = tc_child(r->ir, op, 0), other = tc_child(r->ir, op, 1);
  if (!matters(r->ir, then) && !matters(r->ir, other)) return;
  number c = eval(r, tc_input(r->ir, op, 0));
  if (!c.known) r->lost = true;
  if (c.known) play_region(r, c.x ? then : other);
}

/* The group of queue cp in which a version's copies are closed, and how many are closed after it
 * before the version is waited for. */
static void play_queue(run *r, tc_value stmt) {
  uint32_t ring = tc_ring_ref_of(r->ir, stmt)->ring;
  const tc_ring_plan *plan = tc_ring_plan_of(&r->s->rings, ring);
  if (!plan || plan->kind != TC_RING_QUEUE) return;
  if (tc_is(r->ir, stmt, TC_OP_ring_commit))
    tc_vec_push(r->s->arena, &r->closing[ring], r->filled_in[ring]);
  if (!tc_is(r->ir, stmt, TC_OP_ring_wait)) return;
  uint32_t version = r->waited[ring]++;
  if (version >= r->closing[ring].n) return; /* said when all groups are played */
  uint32_t group = r->closing[ring].at[version];
  if (group == UINT32_MAX) return; /* no asynchronous copies */
  if (group >= r->commits) {
    complain(r, stmt, "its copies are waited for before their group of queue cp is closed");
    r->lost = true;
    return;
  }
  uint32_t later = r->commits - group - 1;
  if (later < r->s->in_flight[ring]) r->s->in_flight[ring] = later;
}

static void play_copy(run *r, tc_value stmt) {
  const tc_copy *copy = tc_copy_of(r->ir, stmt);
  tc_value dst = tc_input(r->ir, tc_op_at(r->ir, stmt), 1);
  const tc_ring_plan *plan = tc_ring_plan_of_buf(r->ir, &r->s->rings, tc_slice_buf(r->ir, dst));
  if (plan && (copy->flags & TC_COPY_ASYNC)) r->filled_in[plan->ring] = r->commits;
}

static bool leads_to(const run *r, tc_value group) {
  const tc_group *outer = tc_group_of(r->ir, group);
  if (group.id == r->now->group.id) return true;
  if (!tc_is(r->ir, r->now->group, TC_OP_group)) return false;
  const tc_group *inner = tc_group_of(r->ir, r->now->group);
  return inner->first >= outer->first && inner->first + inner->count <= outer->first + outer->count;
}

static void count_step(run *r, const step *x) {
  tally *t = &r->now->tallies[tc_ring_ref_of(r->ir, x->stmt)->ring];
  switch ((int)tc_op_at(r->ir, x->stmt)->opcode) { /* table */
  case TC_OP_ring_acquire:
    t->acquired += r->weight;
    return;
  case TC_OP_ring_commit:
    t->committed += r->weight;
    return;
  case TC_OP_ring_wait:
    t->waited += r->weight;
    return;
  case TC_OP_ring_skip:
    t->waited += r->weight * x->count;
    return;
  case TC_OP_ring_release:
    t->released += r->weight;
    return;
  }
}

static void play_stmt(run *r, tc_value stmt) {
  const tc_op *op = tc_op_at(r->ir, stmt);
  if (!r->budget--) r->lost = true, r->budget = 0;
  switch ((int)op->opcode) { /* table */
  case TC_OP_for:
    play_for(r, stmt);
    return;
  case TC_OP_if:
    play_if(r, stmt);
    return;
  case TC_OP_while:
    if (matters(r->ir, tc_child(r->ir, op, 1))) r->lost = true;
    return;
  case TC_OP_group:
    if (leads_to(r, stmt)) play_region(r, tc_child(r->ir, op, 0));
    return;
  case TC_OP_copy:
    play_copy(r, stmt);
    return;
  case TC_OP_async_commit:
    if (tc_async_of(r->ir, stmt)->queue == TC_ASYNC_CP) r->commits++;
    return;
  }
  if (!is_step(r->ir, stmt) || r->group_of[stmt.id].id != r->now->group.id) return;
  step x = {.stmt = stmt};
  if (op->opcode == TC_OP_ring_skip) {
    number n = eval(r, tc_input(r->ir, op, 0));
    if (!n.known) r->lost = true;
    x.count = n.x;
  }
  count_step(r, &x);
  x.count = short_of(r, x.count);
  tc_vec_push(r->s->arena, &r->now->steps, x);
  play_queue(r, stmt);
}

static void play_region(run *r, tc_region region) {
  const tc_block *block = tc_block_at(r->ir, region);
  for (uint32_t i = 0; i < block->ops.n && !r->lost; i++)
    play_stmt(r, block->ops.at[i]);
}

/* ---- all groups together ---- */

typedef struct ring_state {
  uint32_t depth, n_users;
  int64_t acquired, full;
  int64_t next[TC_RING_GROUPS];    /* version that each user waits for next; turns of a baton */
  int64_t granted[TC_RING_GROUPS]; /* turns of a baton given to each user */
  TC_VEC(uint32_t) free;           /* by version: releases */
} ring_state;

static uint32_t user_of(const tc_ring_plan *plan, tc_value group) {
  for (uint32_t i = 0; i < plan->n_consumers; i++)
    if (plan->consumer[i].id == group.id) return i;
  return 0;
}

static bool release(run *r, ring_state *state, int64_t version) {
  if (version < 0) return false;
  while (state->free.n <= version)
    tc_vec_push(r->s->arena, &state->free, 0u);
  state->free.at[version]++;
  return true;
}

static bool is_free(const ring_state *state, int64_t version) {
  return version < 0 || (version < state->free.n && state->free.at[version] >= state->n_users);
}

enum outcome { DONE, WAITS, WRONG };

static enum outcome baton(ring_state *state, enum tc_opcode op, uint32_t user, uint32_t n) {
  if (op == TC_OP_ring_release) state->granted[(user + 1) % n]++;
  if (op != TC_OP_ring_wait) return DONE;
  if (state->granted[user] <= state->next[user]) return WAITS;
  state->next[user]++;
  return DONE;
}

static enum outcome take(run *r, ring_state *states, const actor *a, const step *x) {
  const tc_ring_ref *ref = tc_ring_ref_of(r->ir, x->stmt);
  const tc_ring_plan *plan = tc_ring_plan_of(&r->s->rings, ref->ring);
  ring_state *state = &states[ref->ring];
  enum tc_opcode op = (enum tc_opcode)tc_op_at(r->ir, x->stmt)->opcode;
  uint32_t user = user_of(plan, a->group);
  if (plan->kind == TC_RING_BATON) return baton(state, op, user, plan->n_consumers);
  switch ((int)op) { /* table */
  case TC_OP_ring_acquire:
    if (!is_free(state, state->acquired - state->depth)) return WAITS;
    state->acquired++;
    return DONE;
  case TC_OP_ring_commit:
    return ++state->full <= state->acquired ? DONE : WRONG;
  case TC_OP_ring_wait:
    if (state->next[user] >= state->full) return WAITS;
    state->next[user]++;
    return DONE;
  case TC_OP_ring_skip:
    state->next[user] += x->count;
    return x->count >= 0 ? DONE : WRONG;
  default:
    return release(r, state, state->next[user] - 1 - ref->lag) ? DONE : WRONG;
  }
}

/* Each user has come as far as the producer. */
static void check_ends(run *r, const ring_state *states) {
  for (uint32_t i = 0; i < r->s->rings.n; i++) {
    const tc_ring_plan *plan = &r->s->rings.at[i];
    const ring_state *state = &states[plan->ring];
    for (uint32_t k = 0; k < plan->n_consumers && !plan->shared_out; k++)
      if (plan->kind != TC_RING_BATON && state->next[k] != state->full)
        complain(r, plan->stmt, "it is filled more often than it is used");
  }
}

/* The same with the steps that were not played, and that enough versions are given back for the
 * producer to get to its end. */
static void check_tallies(run *r, const actor *actors, uint32_t n) {
  for (uint32_t i = 0; i < r->s->rings.n; i++) {
    const tc_ring_plan *plan = &r->s->rings.at[i];
    int64_t n_users = plan->shared_out ? 1 : plan->n_consumers;
    tally all = {0};
    if (plan->kind == TC_RING_BATON) continue;
    for (uint32_t k = 0; k < n; k++) {
      const tally *t = &actors[k].tallies[plan->ring];
      all.acquired += t->acquired;
      all.committed += t->committed;
      all.released += t->released;
    }
    for (uint32_t k = 0; k < n && !plan->shared_out; k++) {
      int64_t waited = actors[k].tallies[plan->ring].waited;
      if (waited && waited != all.committed) r->doubtful = true;
    }
    int64_t back = (all.acquired - r->ir->rings.at[plan->ring].depth) * n_users;
    if (all.committed > all.acquired || all.released < back) r->doubtful = true;
  }
}

static void play_together(run *r, actor *actors, uint32_t n) {
  ring_state *states = TC_NEW_ARRAY(r->s->arena, r->ir->rings.n + 1, ring_state);
  for (uint32_t i = 0; i < r->s->rings.n; i++) {
    const tc_ring_plan *plan = &r->s->rings.at[i];
    states[plan->ring].depth = r->ir->rings.at[plan->ring].depth;
    states[plan->ring].n_users = plan->shared_out ? 1 : plan->n_consumers;
    states[plan->ring].granted[0] = 1;
  }
  bool moved = true;
  while (moved) {
    moved = false;
    for (uint32_t i = 0; i < n; i++) {
      enum outcome o = DONE;
      while (actors[i].at < actors[i].steps.n && o == DONE) {
        const step *x = &actors[i].steps.at[actors[i].at];
        o = take(r, states, &actors[i], x);
        if (o == WRONG) complain(r, x->stmt, "more versions are handed on than were taken");
        if (o == WRONG) return;
        if (o == DONE) actors[i].at++, moved = true;
      }
    }
  }
  for (uint32_t i = 0; i < n; i++)
    if (actors[i].at < actors[i].steps.n) {
      complain(r, actors[i].steps.at[actors[i].at].stmt, "this step waits for ever");
      return;
    }
  check_ends(r, states);
  if (r->n_short) check_tallies(r, actors, n);
}

/* ---- the whole ---- */

static void find_actors(run *r, actor *actors, uint32_t *n) {
  for (uint32_t i = 0; i < r->s->works.n; i++) {
    const tc_work *work = &r->s->works.at[i];
    if (!is_step(r->ir, work->stmt)) continue;
    r->group_of[work->stmt.id] = work->group;
    uint32_t k = 0;
    while (k < *n && actors[k].group.id != work->group.id)
      k++;
    if (k < *n) continue;
    actors[(*n)++] = (actor){
        .group = work->group,
        .tallies = TC_NEW_ARRAY(r->s->arena, r->ir->rings.n, tally),
    };
  }
}

static void play_loops(run *r, int64_t longest) {
  tc_arena *arena = r->s->arena;
  uint32_t n = 0;
  actor *actors = TC_NEW_ARRAY(arena, r->s->works.n + 1, actor);
  r->longest = longest;
  r->weight = 1;
  r->n_short = 0;
  r->lost = r->doubtful = false;
  r->budget = MOST_STEPS;
  find_actors(r, actors, &n);
  for (uint32_t i = 0; i < n && !r->lost; i++) {
    r->now = &actors[i];
    r->epoch++;
    r->commits = 0;
    r->filled_in = TC_NEW_ARRAY(arena, r->ir->rings.n + 1, uint32_t);
    r->waited = TC_NEW_ARRAY(arena, r->ir->rings.n + 1, uint32_t);
    r->closing = tc_arena_array(arena, r->ir->rings.n + 1, sizeof *r->closing);
    for (uint32_t k = 0; k < r->ir->rings.n; k++)
      r->filled_in[k] = UINT32_MAX;
    play_region(r, tc_child(r->ir, tc_op_at(r->ir, r->s->kernel), 0));
  }
  if (!r->lost) play_together(r, actors, n);
}

/* With short loops, and when there is a doubt, with whole ones. */
static void play(run *r, int64_t size) {
  uint32_t n = r->ir->rings.n;
  size_t size_b = n * sizeof *r->s->in_flight;
  uint32_t *in_flight = tc_arena_copy(r->s->arena, r->s->in_flight, size_b);
  int64_t deepest = 0;
  for (uint32_t i = 0; i < n; i++)
    if (r->ir->rings.at[i].depth > deepest) deepest = r->ir->rings.at[i].depth;
  r->size = size;
  play_loops(r, 2 * deepest + 4);
  if (!r->n_short || (!r->doubtful && !r->lost)) return;
  memcpy(r->s->in_flight, in_flight, size_b);
  play_loops(r, INT64_MAX);
}

void tc_sync_run(tc_sync *s) {
  static const int64_t sizes[SIZES] = {1, 129, 700, 2049};
  run r = {.s = s, .ir = s->ir};
  if (!s->rings.n) return;
  r.var = TC_NEW_ARRAY(s->arena, s->ir->vars.n, int64_t);
  r.bound = TC_NEW_ARRAY(s->arena, s->ir->vars.n, bool);
  r.used = TC_NEW_ARRAY(s->arena, s->ir->vars.n, bool);
  r.memo = TC_NEW_ARRAY(s->arena, s->ir->n_ops, memo);
  r.group_of = TC_NEW_ARRAY(s->arena, s->ir->n_ops, tc_value);
  for (uint32_t i = 0; i < s->ir->rings.n; i++)
    s->in_flight[i] = s->ir->rings.at[i].depth;
  uint32_t n_errors = s->ir->diags->n_errors;
  bool lost = false, one = true; /* size is like any other */
  for (uint32_t i = 1; i < s->ir->vars.n; i++)
    if (s->ir->vars.at[i].kind == TC_VAR_DIM || s->ir->vars.at[i].kind == TC_VAR_SCALAR)
      one = false;
  for (int i = 0; i < (one ? 1 : SIZES) && s->ir->diags->n_errors == n_errors; i++) {
    play(&r, sizes[i]);
    lost = lost || r.lost;
  }
  for (uint32_t i = 0; i < s->ir->rings.n; i++)
    if (lost || s->in_flight[i] == s->ir->rings.at[i].depth) s->in_flight[i] = 0;
}
