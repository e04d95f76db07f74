/* Strands: what the machine holds for them, the scheduler, and the statements that begin and end
 * them (kernel, group, perthread). */
#include "ir/interp_threads.h"

#include <string.h>

enum {
  STACK_B = 192 << 10,
  MAX_STRANDS = 16384, /* at one time: each has a stack */
  SPIN_ROUNDS =
      1 << 12, /* in which nothing but spinning happens before that is called a deadlock */
};

tc_range tc_interp_threads(const tc_machine *m) {
  const tc_crew *crew = m->crew;
  return crew->single >= 0 ? (tc_range){crew->single, 1} : crew->now->range;
}

/* ---- what the machine holds ---- */

static void swap_storages(tc_machine *m, const tc_buf *bufs, uint32_t n, tc_storage *with) {
  for (uint32_t i = 0; i < n; i++) {
    tc_storage *s = &m->storages[bufs[i].id], here = *s;
    *s = with[i];
    with[i] = here;
  }
}

/* The copy of varying buffer `i` that thread `t` of the gang has. */
static tc_storage *copy_of(const tc_crew *crew, const tc_gang *gang, uint32_t i, int64_t t) {
  return &gang->copies[i * (uint64_t)crew->plan->threads + (uint64_t)t];
}

/* Exchanges the region's varying buffers in the machine with those of a thread. */
static void swap_copies(tc_crew *crew, const tc_gang *gang, const tc_perthread_code *region,
                        int64_t thread) {
  for (uint32_t i = 0; i < region->n_own; i++) {
    uint32_t which = region->own[i];
    swap_storages(crew->m, &crew->plan->varying[which], 1, copy_of(crew, gang, which, thread));
  }
}

static void put_thread(tc_crew *crew) {
  tc_strand *s = crew->thread;
  const tc_perthread_code *r = s ? s->region : NULL;
  crew->thread = NULL;
  if (!s) return;
  memcpy(s->regs, crew->m->regs + r->first_slot, r->n_slots * sizeof *s->regs);
  s->thread_reg = crew->m->regs[r->thread_slot];
  swap_copies(crew, s->gang, r, s->range.first);
}

static void get_thread(tc_crew *crew, tc_strand *s) {
  const tc_perthread_code *r = s->region;
  memcpy(crew->m->regs + r->first_slot, s->regs, r->n_slots * sizeof *s->regs);
  crew->m->regs[r->thread_slot] = s->thread_reg;
  swap_copies(crew, s->gang, r, s->range.first);
  crew->thread = s;
}

static void put_atom(tc_crew *crew) {
  tc_strand *s = crew->atom;
  put_thread(crew);
  if (s) swap_storages(crew->m, crew->plan->uniform, crew->plan->n_uniform, s->locals);
  crew->atom = NULL;
}

static void get_atom(tc_crew *crew, tc_strand *s) {
  if (crew->gang != s->gang) {
    tc_gang *old = crew->gang;
    if (old) swap_storages(crew->m, crew->plan->chip, crew->plan->n_chip, old->chip);
    swap_storages(crew->m, crew->plan->chip, crew->plan->n_chip, s->gang->chip);
    crew->gang = s->gang;
  }
  swap_storages(crew->m, crew->plan->uniform, crew->plan->n_uniform, s->locals);
  crew->m->regs = s->regs;
  crew->atom = s;
}

static void take(tc_crew *crew, tc_strand *s) {
  tc_strand *atom = s->parent ? s->parent : s;
  if (crew->atom != atom) {
    put_atom(crew);
    get_atom(crew, atom);
  }
  if (crew->thread != s) put_thread(crew);
  if (s->parent && crew->thread != s) get_thread(crew, s);
  crew->m->frames = s->frames;
}

/* ---- ready and waiting ---- */

void tc_interp_ready(tc_crew *crew, tc_strand *s) {
  s->stand = TC_STAND_READY;
  tc_vec_push(&crew->m->arena, &crew->ready, s);
  crew->events++;
}

void tc_interp_wake(tc_crew *crew, tc_strand **list) {
  for (tc_strand *s = *list, *next; s; s = next) {
    next = s->next_waiting;
    tc_interp_ready(crew, s);
  }
  *list = NULL;
}

void tc_interp_stand(tc_crew *crew, enum tc_stand stand, tc_value stmt, tc_strand **list) {
  tc_strand *s = crew->now;
  s->stand = stand;
  s->stmt = stmt;
  s->frames = crew->m->frames;
  if (list) {
    tc_strand **end = list; /* in order of arrival */
    while (*end && stand != TC_STAND_SPIN)
      end = &(*end)->next_waiting;
    s->next_waiting = *end;
    *end = s;
  }
  tc_rt_fiber_switch(crew->fibers, NULL);
}

/* The strand to run next, or NULL. */
static tc_strand *next_ready(tc_crew *crew) {
  uint32_t n = crew->ready.n - crew->head;
  if (!n) return NULL;
  if (crew->m->seed) {
    crew->m->seed = tc_hash_u64(crew->m->seed + UINT64_C(0x9E3779B97F4A7C15)) | 1;
    uint32_t pick = crew->head + (uint32_t)(crew->m->seed >> 16) % n;
    tc_strand *s = crew->ready.at[pick];
    crew->ready.at[pick] = crew->ready.at[crew->head];
    crew->ready.at[crew->head] = s;
  }
  tc_strand *s = crew->ready.at[crew->head++];
  if (crew->head == crew->ready.n) {
    crew->head = crew->ready.n = 0;
  } else if (crew->head > 1024 && crew->head > crew->ready.n / 2) {
    memmove(crew->ready.at, crew->ready.at + crew->head,
            (crew->ready.n - crew->head) * sizeof *crew->ready.at);
    crew->ready.n -= crew->head;
    crew->head = 0;
  }
  return s;
}

/* Those who look at memory look again. False when that did not help for too long. */
static bool retry(tc_crew *crew) {
  bool spins = false;
  if (!crew->polling) return false;
  if (crew->events != crew->seen_events) crew->idle_rounds = 0;
  for (const tc_strand *s = crew->polling; s; s = s->next_waiting)
    spins = spins || s->stand == TC_STAND_SPIN;
  if (crew->idle_rounds++ >= (spins ? SPIN_ROUNDS : 1)) return false;
  tc_interp_wake(crew, &crew->polling);
  crew->seen_events = crew->events;
  return true;
}

/* ---- the scheduler ---- */

static void unlink_live(tc_crew *crew, tc_strand *s) {
  if (s->last_live) {
    s->last_live->next_live = s->next_live;
  } else {
    crew->live = s->next_live;
  }
  if (s->next_live) s->next_live->last_live = s->last_live;
  crew->n_live--;
}

static void link_live(tc_crew *crew, tc_strand *s) {
  s->last_live = NULL;
  s->next_live = crew->live;
  if (crew->live) crew->live->last_live = s;
  crew->live = s;
  crew->n_live++;
}

static void retire(tc_crew *crew, tc_strand *s) {
  s->stand = TC_STAND_DONE;
  crew->events++;
  tc_rt_fiber_free(s->fiber);
  s->fiber = NULL;
  unlink_live(crew, s);
  if (!s->parent) {
    if (--s->gang->left == 0) tc_interp_land(crew, s->gang);
    return;
  }
  put_thread(crew);
  s->next_free = crew->free_threads;
  crew->free_threads = s;
  if (--s->parent->left == 0) tc_interp_ready(crew, s->parent);
}

/* Hands an error of a strand on to who called for the run. */
static void pass_on(tc_crew *crew, const tc_strand *s) {
  tc_unwind_to(s->caller_why ? crew->caller_home : crew->home,
               (enum tc_why)(s->caller_why ? s->caller_why : s->why));
}

static void schedule(tc_crew *crew) {
  while (crew->n_live) {
    tc_strand *s = next_ready(crew);
    if (!s) {
      if (retry(crew)) continue;
      tc_interp_deadlock(crew);
    }
    take(crew, s);
    crew->now = s;
    tc_interp_unwind_at(crew->m, &s->unwind, &s->caller_unwind);
    tc_rt_fiber_switch(crew->fibers, s->fiber);
    tc_interp_unwind_at(crew->m, crew->home, crew->caller_home);
    crew->now = NULL;
    if (s->why || s->caller_why) {
      memcpy(crew->caller_home->text, s->caller_unwind.text, sizeof s->caller_unwind.text);
      pass_on(crew, s);
    }
    if (tc_rt_fiber_is_finished(s->fiber)) retire(crew, s);
  }
  put_atom(crew);
}

/* ---- one strand ---- */

/* What a strand does, in its own frame: what the call below needs must survive a longjmp. */
static void do_work(tc_strand *s) {
  tc_machine *m = s->machine;
  tc_interp_region(m, s->body);
}

static tc_rt_fiber *work(void *data) {
  tc_strand *s = data;
  int why = setjmp(s->caller_unwind.at);
  if (why) {
    s->caller_why = why;
    return NULL;
  }
  why = setjmp(s->unwind.at);
  if (why) {
    s->why = why;
    return NULL;
  }
  do_work(s);
  return NULL;
}

static void begin(tc_crew *crew, tc_strand *s) {
  if (crew->n_live >= MAX_STRANDS) {
    TC_DIAG(crew->m->ir->diags, D_too_many_strands, tc_op_at(crew->m->ir, crew->stmt)->span,
            (int)MAX_STRANDS);
    tc_interp_stop(crew->m);
  }
  s->machine = crew->m;
  s->why = s->caller_why = 0;
  s->fiber = tc_rt_fiber_new(crew->fibers, work, s);
  if (!s->fiber) tc_interp_out_of_memory(crew->m, crew->stmt);
  link_live(crew, s);
  tc_interp_ready(crew, s);
}

/* ---- single threads ---- */

/* The threads of a range that the running strand has. */
static tc_range own_threads(const tc_machine *m, const tc_group *group) {
  tc_range mine = tc_interp_threads(m);
  int64_t first = group->first > mine.first ? group->first : mine.first;
  int64_t end = mine.first + mine.count, other_end = group->first + group->count;
  if (other_end < end) end = other_end;
  return (tc_range){first, end > first ? end - first : 0};
}

static tc_strand *new_thread(tc_machine *m, const tc_insn *p, int64_t thread) {
  tc_crew *crew = m->crew;
  const tc_perthread_code *region = p->record;
  tc_strand *s = crew->free_threads;
  if (s) {
    crew->free_threads = s->next_free;
  } else {
    s = tc_interp_room(m, 1, sizeof *s, p->at);
  }
  if (region->n_slots > s->regs_cap) {
    s->regs = tc_interp_room(m, region->n_slots, sizeof *s->regs, p->at);
    s->regs_cap = region->n_slots;
  }
  const tc_group *group = tc_group_of(m->ir, p->at);
  s->parent = crew->now;
  s->gang = crew->now->gang;
  s->team = crew->now->team;
  s->range = (tc_range){thread, 1};
  s->region = region;
  s->body = tc_child(m->ir, tc_op_at(m->ir, p->at), 0);
  memcpy(s->regs, m->regs + region->first_slot, region->n_slots * sizeof *s->regs);
  s->thread_reg = (tc_reg){.x = {.i = thread}};
  s->thread_frame = (tc_frame){m->frames, &group->thread, 1};
  s->frames = &s->thread_frame;
  return s;
}

static void run_as_strands(tc_machine *m, const tc_insn *p, tc_range range) {
  tc_crew *crew = m->crew;
  tc_strand *me = crew->now;
  tc_sequence o = tc_interp_order(m, (uint64_t)range.count);
  for (uint64_t i = 0; i < o.n; i++) {
    tc_strand *s = new_thread(m, p, range.first + (int64_t)tc_sequence_next(&o));
    me->left++;
    begin(crew, s);
  }
  tc_interp_spend(m, o.n, p->at);
  if (me->left) tc_interp_stand(crew, TC_STAND_JOIN, p->at, NULL);
}

/* One thread after another, instructions `from` to `to` of the region. */
static void run_part(tc_machine *m, const tc_insn *p, tc_range range, uint32_t from, uint32_t to,
                     tc_reg *windows, tc_lane_values *values) {
  const tc_perthread_code *region = p->record;
  const tc_group *group = tc_group_of(m->ir, p->at);
  const tc_code *code = &m->codes[tc_child(m->ir, tc_op_at(m->ir, p->at), 0).id];
  tc_gang *gang = m->crew->gang;
  tc_sequence o = tc_interp_order(m, (uint64_t)range.count);
  size_t window_b = region->n_slots * sizeof *windows;
  for (uint64_t i = 0; i < o.n; i++) {
    uint64_t k = tc_sequence_next(&o);
    tc_reg *window = windows ? windows + k * region->n_slots : NULL;
    int64_t thread = range.first + (int64_t)k;
    swap_copies(m->crew, gang, region, thread);
    if (from && window) memcpy(m->regs + region->first_slot, window, window_b);
    tc_interp_set_var(m, group->thread, thread);
    m->crew->single = thread;
    if (from) {
      const tc_insn *at = &code->at[from - 1];
      if (at->out) m->regs[at->out] = values[k].result;
    }
    tc_interp_spend(m, 1, p->at);
    tc_interp_range(m, code->at + from, code->at + to);
    if (!from && values) {
      const tc_collective_code *x = code->at[to].record;
      values[k] = (tc_lane_values){
          .value = m->regs[x->value], .lane = m->regs[x->lane], .mask = m->regs[x->mask]};
    }
    if (!from && window) memcpy(window, m->regs + region->first_slot, window_b);
    swap_copies(m->crew, gang, region, thread);
  }
  m->crew->single = -1;
}

static void run_in_step(tc_machine *m, const tc_insn *p, tc_range range) {
  const tc_perthread_code *region = p->record;
  const tc_code *code = &m->codes[tc_child(m->ir, tc_op_at(m->ir, p->at), 0).id];
  tc_strand *s = m->crew->now;
  uint64_t n = (uint64_t)range.count * region->n_slots;
  if (n > s->windows_cap) {
    s->windows_cap = n;
    s->windows = tc_interp_room(m, n, sizeof *s->windows, p->at);
  }
  run_part(m, p, range, 0, region->split - 1, s->windows, s->values);
  tc_interp_collective_of(m, &code->at[region->split - 1], range, s->values);
  run_part(m, p, range, region->split, code->n, s->windows, s->values);
}

void tc_interp_perthread(tc_machine *m, const tc_insn *p) {
  const tc_perthread_code *region = p->record;
  const tc_group *group = tc_group_of(m->ir, p->at);
  tc_range range = own_threads(m, group);
  const tc_code *code = &m->codes[tc_child(m->ir, tc_op_at(m->ir, p->at), 0).id];
  tc_frame frame = {m->frames, &group->thread, 1};
  if (!range.count || !code->n) return;
  if (region->meets) {
    run_as_strands(m, p, range);
    return;
  }
  m->frames = &frame;
  if (region->split) {
    run_in_step(m, p, range);
  } else {
    run_part(m, p, range, 0, code->n, NULL, NULL);
  }
  m->frames = frame.up;
}

void tc_interp_alloc_copies(tc_machine *m, const tc_insn *p) {
  tc_crew *crew = m->crew;
  tc_range range = tc_interp_threads(m);
  tc_buf root = tc_buf_at(m->ir, (tc_buf){tc_op_at(m->ir, p->at)->payload})->root;
  int64_t which = tc_interp_index_of(m->ir, crew->plan->varying, crew->plan->n_varying, root);
  for (int64_t t = range.first; t < range.first + range.count; t++) {
    tc_storage *copy = copy_of(crew, crew->gang, (uint32_t)which, t);
    swap_storages(m, &root, 1, copy);
    tc_interp_alloc(m, p, root);
    swap_storages(m, &root, 1, copy);
  }
}

/* ---- groups and teams ---- */

enum tc_flow tc_interp_group(tc_machine *m, const tc_insn *p) {
  const tc_group_code *code = p->record;
  tc_strand *s = m->crew->now;
  tc_team *outer = s->team, *team = &s->gang->teams[code->team];
  int64_t end = team->range.first + team->range.count;
  if (s->range.first < team->range.first || s->range.first >= end) return TC_FLOW_END;
  s->team = team;
  enum tc_flow flow = tc_interp_region(m, tc_child(m->ir, tc_op_at(m->ir, p->at), 0));
  s->team = outer;
  return flow;
}

/* Runs the instructions between two meetings of all threads of the team: the compiler orders tile
 * operations with what is around them. */
static void do_together(tc_machine *m, const tc_insn *p, tc_team *team) {
  const tc_team_code *code = p->record;
  tc_crew *crew = m->crew;
  tc_interp_join(crew, team->range, UINT32_MAX);
  tc_interp_range(m, code->at, code->at + code->n);
  tc_interp_join(crew, team->range, UINT32_MAX);
  crew->events++;
}

/* The last strand to arrive does the work, with its own registers; the others get the result. */
void tc_interp_team(tc_machine *m, const tc_insn *p) {
  tc_crew *crew = m->crew;
  tc_strand *s = crew->now;
  tc_meeting *meeting = &s->team->together;
  if (meeting->arrived && meeting->stmt.id != p->at.id)
    tc_interp_divergent(m, p->at, meeting->waiting);
  meeting->stmt = p->at;
  meeting->arrived += s->range.count;
  if (meeting->arrived < s->team->range.count) {
    tc_interp_stand(crew, TC_STAND_TEAM, p->at, &meeting->waiting);
    return;
  }
  meeting->arrived = 0;
  do_together(m, p, s->team);
  for (tc_strand *other = meeting->waiting; p->out && other; other = other->next_waiting)
    memcpy(other->regs + p->out, m->regs + p->out, p->lanes * sizeof *m->regs);
  tc_interp_wake(crew, &meeting->waiting);
}

/* ---- gangs ---- */

static void make_atoms(tc_crew *crew, tc_gang *gang) {
  tc_machine *m = crew->m;
  const tc_kernel_plan *plan = crew->plan;
  gang->atoms = tc_interp_room(m, plan->n_atoms, sizeof *gang->atoms, crew->stmt);
  for (uint32_t i = 0; i < plan->n_atoms; i++) {
    tc_strand *s = &gang->atoms[i];
    s->gang = gang;
    s->range = plan->atoms[i];
    s->body = crew->body;
    s->regs = tc_interp_room(m, m->n_slots, sizeof *s->regs, crew->stmt);
    s->locals = tc_interp_room(m, plan->n_uniform, sizeof *s->locals, crew->stmt);
    s->values = tc_interp_room(m, (uint64_t)s->range.count, sizeof *s->values, crew->stmt);
  }
}

static void make_gang(tc_crew *crew, tc_gang *gang) {
  tc_machine *m = crew->m;
  const tc_kernel_plan *plan = crew->plan;
  uint64_t threads = (uint64_t)plan->threads, warps = (threads + TC_WARP - 1) / TC_WARP;
  make_atoms(crew, gang);
  gang->teams = tc_interp_room(m, plan->n_teams, sizeof *gang->teams, crew->stmt);
  for (uint32_t i = 0; i < plan->n_teams; i++)
    gang->teams[i].range = plan->teams[i];
  gang->warps = tc_interp_room(m, warps, sizeof *gang->warps, crew->stmt);
  gang->lanes = tc_interp_room(m, threads, sizeof(tc_strand *), crew->stmt);
  gang->chip = tc_interp_room(m, plan->n_chip, sizeof *gang->chip, crew->stmt);
  gang->copies = tc_interp_room(m, plan->n_varying * threads, sizeof *gang->copies, crew->stmt);
  gang->commits = tc_interp_room(m, TC_QUEUES * threads, sizeof *gang->commits, crew->stmt);
  gang->last_flight = &gang->flights;
}

/* Lets the gang begin with block `number`. */
static void start_gang(tc_crew *crew, tc_gang *gang, uint64_t number, const int64_t *grid) {
  tc_machine *m = crew->m;
  uint64_t at = number, cluster = 0;
  gang->number = number;
  for (uint32_t d = 0; d < crew->kernel->n_grid; d++) {
    int64_t size = crew->kernel->cluster[d];
    gang->block[d] = (int64_t)(at % (uint64_t)grid[d]);
    at /= (uint64_t)grid[d];
    cluster = cluster * (uint64_t)grid[d] + (uint64_t)(gang->block[d] / size);
  }
  gang->cluster = cluster;
  memset(gang->named, 0, sizeof gang->named);
  for (int64_t w = 0; w * TC_WARP < crew->plan->threads; w++)
    gang->warps[w] = (tc_meeting){0};
  gang->left = crew->plan->n_atoms;
  tc_interp_clocks_start(crew, gang);
  for (uint32_t i = 0; i < crew->plan->n_atoms; i++) {
    tc_strand *s = &gang->atoms[i];
    memcpy(s->regs, crew->regs, m->n_slots * sizeof *s->regs);
    for (uint32_t d = 0; d < crew->kernel->n_grid; d++) {
      tc_var var = crew->kernel->block[d];
      if (var.id)
        s->regs[m->var_slot[var.id]] =
            (tc_reg){tc_imm_int(tc_var_at(m->ir, var)->type, gang->block[d]), 0};
    }
    s->team = &gang->teams[0];
    s->frames = crew->frames;
    begin(crew, s);
  }
}

static void run_gangs(tc_crew *crew, const int64_t *grid, uint64_t n) {
  tc_machine *m = crew->m;
  const tc_kernel_plan *plan = crew->plan;
  tc_sequence o = tc_interp_order(m, n);
  uint64_t n_gangs = plan->coresident ? n : 1;
  if (n_gangs > MAX_STRANDS / plan->n_atoms) {
    TC_DIAG(m->ir->diags, D_too_many_strands, tc_op_at(m->ir, crew->stmt)->span, (int)MAX_STRANDS);
    tc_interp_stop(m);
  }
  crew->gangs = tc_interp_room(m, n_gangs, sizeof *crew->gangs, crew->stmt);
  crew->n_gangs = (uint32_t)n_gangs;
  for (uint64_t i = 0; i < n_gangs; i++)
    make_gang(crew, &crew->gangs[i]);
  for (uint64_t i = 0; i < n; i++) {
    tc_interp_spend(m, 1, crew->stmt);
    start_gang(crew, &crew->gangs[plan->coresident ? i : 0], tc_sequence_next(&o), grid);
    if (!plan->coresident) schedule(crew);
  }
  if (plan->coresident) schedule(crew);
}

void tc_interp_gangs(tc_machine *m, const tc_insn *p, const tc_kernel_plan *plan,
                     const int64_t *grid) {
  tc_crew crew = {.m = m,
                  .plan = plan,
                  .kernel = tc_kernel_of(m->ir, p->at),
                  .stmt = p->at,
                  .body = tc_child(m->ir, tc_op_at(m->ir, p->at), 0),
                  .regs = m->regs,
                  .frames = m->frames,
                  .single = -1,
                  .atomics = tc_map_in(&m->arena),
                  .home = m->arena.unwind,
                  .caller_home = m->ir->arena->unwind};
  uint64_t blocks = (uint64_t)grid[0] * (uint64_t)grid[1] * (uint64_t)grid[2];
  if (!m->fibers) m->fibers = tc_rt_fibers_new(NULL, STACK_B);
  if (!m->fibers) tc_interp_out_of_memory(m, p->at);
  crew.fibers = m->fibers;
  crew.blocks = blocks;
  if (plan->coresident && blocks < MAX_STRANDS)
    crew.clusters = tc_interp_room(m, blocks, sizeof *crew.clusters, p->at);
  m->crew = &crew;
  run_gangs(&crew, grid, blocks);
  m->crew = NULL;
  m->regs = crew.regs;
}
