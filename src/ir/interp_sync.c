/* How threads meet: barriers, collectives, barriers in memory, waits for memory. */
#include "ir/interp_threads.h"

/* ---- barriers ---- */

TC_NORETURN static void bad_barrier(tc_machine *m, const tc_insn *p, const tc_meeting *meeting,
                                    const char *what) {
  TC_DIAG(m->ir->diags, D_bad_barrier, tc_op_at(m->ir, p->at)->span, what);
  tc_diag_note(m->ir->diags, tc_op_at(m->ir, meeting->stmt)->span, "the first came to it here");
  tc_interp_stop(m);
}

/* Counts the threads of the running strand; waits, unless told not to, until all are there. */
static void meet(tc_machine *m, const tc_insn *p, tc_meeting *meeting, int64_t expected,
                 bool stays) {
  /* Blocks are not compared, so that each keeps a clock of its own for a meeting of several. */
  tc_gang *gang = m->crew->now->gang;
  bool wide = expected > m->crew->plan->threads;
  uint32_t **clock = wide ? &gang->teams[0].barrier.clock : &meeting->clock;
  if (!meeting->arrived) meeting->expected = expected, meeting->stmt = p->at;
  if (meeting->expected != expected)
    bad_barrier(m, p, meeting,
                tc_format(m->ir->diags->arena,
                          "%lld threads are said to meet here, and %lld before",
                          (long long)expected, (long long)meeting->expected));
  meeting->arrived += tc_interp_threads(m).count;
  if (meeting->arrived > expected)
    bad_barrier(m, p, meeting,
                tc_format(m->ir->diags->arena, "%lld threads come to a barrier of %lld",
                          (long long)meeting->arrived, (long long)expected));
  m->crew->events++;
  tc_interp_release(m->crew, clock, tc_interp_threads(m));
  if (meeting->arrived == expected) {
    meeting->arrived = 0;
    tc_interp_wake(m->crew, &meeting->waiting);
  } else if (stays) {
    m->crew->now->meeting = meeting;
    tc_interp_stand(m->crew, TC_STAND_BARRIER, p->at, &meeting->waiting);
  }
  if (stays) tc_interp_acquire(m->crew, clock, tc_interp_threads(m));
}

static int64_t lanes_of_warp(const tc_crew *crew, int64_t warp) {
  int64_t left = crew->plan->threads - warp * TC_WARP;
  return left < TC_WARP ? left : TC_WARP;
}

void tc_interp_barrier(tc_machine *m, const tc_insn *p) {
  const tc_barrier *b = tc_barrier_of(m->ir, p->at);
  tc_crew *crew = m->crew;
  tc_strand *s = crew->now;
  int64_t all = crew->plan->threads, team = s->team->range.count;
  if (b->sync_scope == TC_SYNC_WARP && !s->parent) {
    for (int64_t t = s->range.first; t < s->range.first + s->range.count; t += TC_WARP)
      tc_interp_join(crew, (tc_range){t, lanes_of_warp(crew, t / TC_WARP)}, UINT32_MAX);
  } else if (b->sync_scope == TC_SYNC_WARP) {
    int64_t warp = s->range.first / TC_WARP;
    meet(m, p, &s->gang->warps[warp], lanes_of_warp(crew, warp), true);
  } else if (b->sync_scope == TC_SYNC_DEVICE || b->sync_scope == TC_SYNC_SYSTEM) {
    meet(m, p, &crew->grid, all * (int64_t)crew->blocks, true);
  } else if (b->sync_scope == TC_SYNC_CLUSTER && crew->plan->clusters > 1) {
    meet(m, p, &crew->clusters[s->gang->cluster], all * crew->plan->clusters, true);
  } else if (b->id >= 0) {
    meet(m, p, &s->gang->named[b->id], b->count ? b->count : team, !b->arrive);
  } else {
    meet(m, p, &s->team->barrier, team, true);
  }
}

/* ---- what a collective computes ---- */

typedef struct warp {
  const tc_collective_code *code;
  tc_value stmt;
  uint32_t mask;                 /* the lanes that take part */
  tc_lane_values *lane[TC_WARP]; /* theirs */
} warp;

static bool has(const warp *w, uint32_t lane) {
  return w->mask >> lane & 1;
}

/* The lane that a shuffle reads. */
static uint32_t source_lane(tc_machine *m, const warp *w, uint32_t lane) {
  tc_reg operand = w->lane[lane]->lane;
  if (operand.poison) tc_interp_undefined(m, w->stmt, operand, "the lane of the shuffle");
  int64_t width = w->code->width, base = lane & ~(w->code->width - 1), at = lane - base;
  int64_t d = operand.x.i < -TC_WARP ? -TC_WARP : operand.x.i;
  if (w->code->kind == TC_COLL_SHFL_IDX)
    return (uint32_t)(base + (int64_t)((uint64_t)operand.x.i & (uint64_t)(width - 1)));
  if (d > TC_WARP) d = TC_WARP;
  if (w->code->kind == TC_COLL_SHFL_UP) at -= d;
  if (w->code->kind == TC_COLL_SHFL_DOWN) at += d;
  if (w->code->kind == TC_COLL_SHFL_XOR) at = d < 0 ? width : at ^ d;
  return at < 0 || at >= width ? lane : (uint32_t)(base + at);
}

static void shuffle(tc_machine *m, const warp *w) {
  for (uint32_t l = 0; l < TC_WARP; l++) {
    if (!has(w, l)) continue;
    uint32_t from = source_lane(m, w, l);
    w->lane[l]->result = has(w, from) ? w->lane[from]->value : (tc_reg){.poison = w->stmt.id};
  }
}

/* Halving distances, as ops.def says; a lane that does not take part passes values on. */
static void combine(const warp *w) {
  enum tc_opcode op = tc_collective_combine(w->code->kind);
  tc_reg x[TC_WARP], y[TC_WARP];
  bool full[TC_WARP], then[TC_WARP];
  for (uint32_t l = 0; l < TC_WARP; l++) {
    full[l] = has(w, l);
    x[l] = full[l] ? w->lane[l]->value : (tc_reg){0};
  }
  for (uint32_t d = w->code->width / 2; d; d /= 2) {
    for (uint32_t l = 0; l < TC_WARP; l++) {
      uint32_t o = l ^ d;
      y[l] = full[l] ? x[l] : x[o];
      then[l] = full[l] || full[o];
      if (full[l] && full[o]) y[l] = tc_interp_combine(op, w->code->type, x[l], x[o]);
    }
    for (uint32_t l = 0; l < TC_WARP; l++)
      x[l] = y[l], full[l] = then[l];
  }
  for (uint32_t l = 0; l < TC_WARP; l++)
    if (has(w, l)) w->lane[l]->result = x[l];
}

/* The lanes of the segment of `lane` for which `what` holds: with a true value, or with the same
 * one. *poison is set when one of them is undefined. */
static uint32_t lanes_with(const warp *w, uint32_t lane, bool same, uint32_t *poison) {
  uint32_t base = lane & ~(w->code->width - 1), found = 0;
  uint64_t bits = tc_imm_to_bits(w->code->type, w->lane[lane]->value.x);
  for (uint32_t l = base; l < base + w->code->width; l++) {
    if (!has(w, l)) continue;
    tc_reg x = w->lane[l]->value;
    if (x.poison && !*poison) *poison = x.poison;
    if (same ? tc_imm_to_bits(w->code->type, x.x) == bits : x.x.i != 0) found |= UINT32_C(1) << l;
  }
  return found;
}

static uint32_t segment(const warp *w, uint32_t lane) {
  uint32_t width = w->code->width, base = lane & ~(width - 1);
  uint32_t all = width == TC_WARP ? UINT32_MAX : ((UINT32_C(1) << width) - 1) << base;
  return all & w->mask;
}

static int64_t vote(enum tc_collective_kind kind, int64_t yes, int64_t all) {
  if (kind == TC_COLL_ANY) return yes != 0;
  return kind == TC_COLL_ALL ? yes == all : yes;
}

static int64_t ones(uint32_t x) {
  int64_t n = 0;
  for (; x; x &= x - 1)
    n++;
  return n;
}

static void ask(const warp *w) {
  enum tc_collective_kind kind = w->code->kind;
  bool match = kind == TC_COLL_MATCH_ANY || kind == TC_COLL_MATCH_ALL;
  for (uint32_t l = 0; l < TC_WARP; l++) {
    if (!has(w, l)) continue;
    uint32_t poison = 0, lanes = lanes_with(w, l, match, &poison), all = segment(w, l);
    int64_t x = lanes;
    if (kind == TC_COLL_MATCH_ALL) x = lanes == all ? all : 0;
    if (!match && kind != TC_COLL_BALLOT) x = vote(kind, ones(lanes), ones(all));
    w->lane[l]->result = (tc_reg){{.i = x}, poison};
  }
}

static void exchange(tc_machine *m, const warp *w) {
  switch (w->code->kind) {
  case TC_COLL_SHFL_IDX:
  case TC_COLL_SHFL_UP:
  case TC_COLL_SHFL_DOWN:
  case TC_COLL_SHFL_XOR:
    shuffle(m, w);
    break;
  case TC_COLL_ANY:
  case TC_COLL_ALL:
  case TC_COLL_BALLOT:
  case TC_COLL_MATCH_ANY:
  case TC_COLL_MATCH_ALL:
  case TC_COLL_COUNT:
    ask(w);
    break;
  case TC_COLL_SUM:
  case TC_COLL_MIN:
  case TC_COLL_MAX:
  case TC_COLL_BITAND:
  case TC_COLL_BITOR:
  case TC_COLL_BITXOR:
    combine(w);
    break;
  }
}

/* ---- who takes part ---- */

/* The lanes that a thread names, of those that the warp has. */
static uint32_t mask_of(tc_machine *m, const tc_insn *p, int64_t warp_number, tc_reg mask) {
  const tc_collective_code *code = p->record;
  int64_t n = lanes_of_warp(m->crew, warp_number);
  uint32_t all = n == TC_WARP ? UINT32_MAX : (UINT32_C(1) << n) - 1;
  if (!code->mask) return all;
  if (mask.poison) tc_interp_undefined(m, p->at, mask, "the mask of the collective");
  return all & (uint32_t)mask.x.i;
}

/* Adds the votes of `n` threads; waits until the whole team has voted. */
static tc_reg vote_of_team(tc_machine *m, const tc_insn *p, int64_t yes, uint32_t poison) {
  const tc_collective_code *code = p->record;
  tc_strand *s = m->crew->now;
  tc_team *team = s->team;
  if (team->vote.arrived && team->vote.stmt.id != p->at.id)
    tc_interp_divergent(m, p->at, team->vote.waiting);
  if (!team->vote.arrived) team->votes = 0, team->poison = 0;
  team->votes += yes;
  if (poison) team->poison = poison;
  if (team->vote.arrived + s->range.count == team->range.count)
    team->result = (tc_reg){{.i = vote(code->kind, team->votes, team->range.count)}, team->poison};
  meet(m, p, &team->vote, team->range.count, true);
  return team->result;
}

/* All lanes of `mask` of the thread's warp, if they are at this collective with that mask. */
static bool gather(tc_machine *m, const tc_insn *p, uint32_t mask, int64_t warp_number, warp *w) {
  tc_strand **lanes = &m->crew->now->gang->lanes[warp_number * TC_WARP];
  *w = (warp){.code = p->record, .stmt = p->at, .mask = mask};
  for (uint32_t l = TC_WARP; l-- > 0;) { /* the last lanes usually come last */
    if (!has(w, l)) continue;
    tc_strand *s = lanes[l];
    if (!s || s->at != p) return false;
    w->lane[l] = &s->lane;
  }
  for (uint32_t l = 0; l < TC_WARP && w->code->mask; l++)
    if (has(w, l) && mask_of(m, p, warp_number, w->lane[l]->mask) != mask) return false;
  return true;
}

static void collective_of_warp(tc_machine *m, const tc_insn *p) {
  tc_crew *crew = m->crew;
  tc_strand *s = crew->now, **lanes = s->gang->lanes;
  int64_t warp_number = s->range.first / TC_WARP;
  uint32_t lane = (uint32_t)(s->range.first % TC_WARP);
  uint32_t mask = mask_of(m, p, warp_number, s->lane.mask);
  warp w;
  if (!(mask >> lane & 1)) {
    s->lane.result = (tc_reg){.poison = p->at.id};
    return;
  }
  s->at = p;
  lanes[s->range.first] = s;
  if (!gather(m, p, mask, warp_number, &w)) {
    tc_interp_stand(crew, TC_STAND_LANES, p->at, NULL);
    return;
  }
  exchange(m, &w);
  tc_interp_join(crew, (tc_range){warp_number * TC_WARP, lanes_of_warp(crew, warp_number)}, mask);
  for (uint32_t l = 0; l < TC_WARP; l++) {
    tc_strand **other = &lanes[warp_number * TC_WARP + l];
    if (!has(&w, l)) continue;
    if (*other != s) tc_interp_ready(crew, *other);
    *other = NULL;
  }
}

void tc_interp_collective(tc_machine *m, const tc_insn *p) {
  const tc_collective_code *code = p->record;
  tc_strand *s = m->crew->now;
  s->lane = (tc_lane_values){
      .value = m->regs[code->value], .lane = m->regs[code->lane], .mask = m->regs[code->mask]};
  if (code->block) {
    tc_reg x = s->lane.value;
    s->lane.result = vote_of_team(m, p, x.x.i != 0, x.poison);
  } else {
    collective_of_warp(m, p);
  }
  if (p->out) m->regs[p->out] = s->lane.result;
}

/* One exchange for every mask that lanes of this warp name. */
static void exchange_by_mask(tc_machine *m, const tc_insn *p, tc_range range, int64_t warp_number,
                             tc_lane_values *values) {
  uint32_t done = 0;
  for (uint32_t l = 0; l < TC_WARP; l++) {
    int64_t thread = warp_number * TC_WARP + l;
    if (thread < range.first || thread >= range.first + range.count || (done >> l & 1)) continue;
    tc_lane_values *mine = &values[thread - range.first];
    warp w = {.code = p->record, .stmt = p->at, .mask = mask_of(m, p, warp_number, mine->mask)};
    done |= UINT32_C(1) << l;
    mine->result = (tc_reg){.poison = p->at.id};
    if (!has(&w, l)) continue;
    for (uint32_t k = 0; k < TC_WARP; k++) {
      int64_t other = warp_number * TC_WARP + k;
      if (!has(&w, k)) continue;
      if (other < range.first || other >= range.first + range.count)
        tc_interp_missing_lane(m, p->at, thread, other);
      w.lane[k] = &values[other - range.first];
      if (mask_of(m, p, warp_number, w.lane[k]->mask) != w.mask)
        tc_interp_missing_lane(m, p->at, thread, other);
    }
    exchange(m, &w);
    tc_interp_join(m->crew, (tc_range){warp_number * TC_WARP, lanes_of_warp(m->crew, warp_number)},
                   w.mask);
    done |= w.mask;
  }
}

void tc_interp_collective_of(tc_machine *m, const tc_insn *p, tc_range range,
                             tc_lane_values *values) {
  const tc_collective_code *code = p->record;
  if (!code->block) {
    int64_t last = (range.first + range.count - 1) / TC_WARP;
    for (int64_t warp_number = range.first / TC_WARP; warp_number <= last; warp_number++)
      exchange_by_mask(m, p, range, warp_number, values);
    return;
  }
  int64_t yes = 0;
  uint32_t poison = 0;
  for (int64_t i = 0; i < range.count; i++) {
    yes += values[i].value.x.i != 0;
    if (values[i].value.poison) poison = values[i].value.poison;
  }
  if (range.count != tc_interp_threads(m).count)
    tc_interp_missing_lane(m, p->at, range.first, range.first ? 0 : range.count);
  tc_reg result = vote_of_team(m, p, yes, poison);
  for (int64_t i = 0; i < range.count; i++)
    values[i].result = result;
}

/* ---- barriers in memory ---- */

static void end_phase(tc_crew *crew, tc_mbar *bar) {
  bar->phase++;
  bar->pending = bar->count;
  crew->events++;
  tc_interp_wake(crew, &bar->waiting);
}

static bool may_settle(const tc_mbar *bar) {
  return bar->pending == bar->n_async && bar->bytes == bar->in_flight_b
         && (bar->n_async || bar->in_flight_b);
}

bool tc_interp_settle(tc_crew *crew, tc_mbar *bar) {
  if (!may_settle(bar)) return false;
  tc_interp_deliver(crew, crew->now->gang, bar);
  end_phase(crew, bar);
  return true;
}

void tc_interp_poke(tc_crew *crew, tc_mbar *bar) {
  if (bar->waiting && may_settle(bar)) tc_interp_wake(crew, &bar->waiting);
}

static void init(tc_machine *m, const tc_insn *p, tc_mbar *bar, tc_buf buf, int64_t count) {
  if (count < 1 || count > (1 << 20) - 1)
    tc_interp_bad_mbarrier(m, p->at, buf, "it cannot count that many arrivals");
  if (bar->waiting || bar->in_flight_b || bar->n_async)
    tc_interp_bad_mbarrier(m, p->at, buf, "it is set up again while it is in use");
  *bar = (tc_mbar){.live = true, .buf = buf, .count = count, .pending = count, .clock = bar->clock};
}

static void arrive(tc_machine *m, const tc_insn *p, tc_mbar *bar, int64_t n) {
  if (n < 1) tc_interp_bad_mbarrier(m, p->at, bar->buf, "fewer than one thread arrives");
  if (n > bar->pending - bar->n_async) tc_interp_settle(m->crew, bar);
  if (n > bar->pending - bar->n_async)
    tc_interp_bad_mbarrier(
        m, p->at, bar->buf,
        tc_format(m->ir->diags->arena,
                  "%lld more arrive, but its phase lacks only %lld of %lld arrivals", (long long)n,
                  (long long)(bar->pending - bar->n_async), (long long)bar->count));
  bar->pending -= n;
  tc_interp_release(m->crew, &bar->clock, tc_interp_threads(m));
  if (!bar->pending && !bar->bytes) {
    end_phase(m->crew, bar);
  } else {
    tc_interp_poke(m->crew, bar);
  }
}

static void expect(tc_machine *m, const tc_insn *p, tc_mbar *bar, int64_t bytes) {
  if (bytes < 0 || bytes > INT32_MAX)
    tc_interp_bad_mbarrier(m, p->at, bar->buf, "it cannot count that many bytes");
  bar->bytes += bytes * tc_interp_threads(m).count;
}

static void wait_for_phase(tc_machine *m, const tc_insn *p, tc_mbar *bar, uint64_t parity) {
  while ((bar->phase & 1) == (parity & 1)) {
    if (tc_interp_settle(m->crew, bar)) continue;
    m->crew->now->bar = bar;
    tc_interp_stand(m->crew, TC_STAND_MBARRIER, p->at, &bar->waiting);
  }
  tc_interp_acquire(m->crew, &bar->clock, tc_interp_threads(m));
}

void tc_interp_mbarrier(tc_machine *m, const tc_insn *p) {
  const tc_mbarrier_code *code = p->record;
  tc_mbar *bar = tc_interp_mbar(m, &code->place, p->at);
  int64_t n = tc_interp_threads(m).count, x = 1;
  if (code->operand) x = tc_interp_int(m, code->operand, p->at, "the operand of the barrier");
  if (!bar->live && code->kind != TC_MBAR_INIT)
    tc_interp_bad_mbarrier(m, p->at, code->place.buf, "it has not been set up yet");
  switch (code->kind) {
  case TC_MBAR_INIT:
    init(m, p, bar, code->place.buf, x);
    break;
  case TC_MBAR_ARRIVE:
    arrive(m, p, bar, x > INT32_MAX ? INT32_MAX : x * n);
    break;
  case TC_MBAR_EXPECT_TX:
    expect(m, p, bar, x);
    break;
  case TC_MBAR_ARRIVE_EXPECT_TX:
    expect(m, p, bar, x);
    arrive(m, p, bar, n);
    break;
  case TC_MBAR_WAIT:
    wait_for_phase(m, p, bar, (uint64_t)x);
    break;
  case TC_MBAR_ASYNC_ARRIVE:
    tc_interp_async_arrive(m, p, bar);
    break;
  }
}

/* ---- memory ---- */

static bool holds(tc_machine *m, const tc_insn *p) {
  const tc_wait_code *code = p->record;
  const tc_view *v = tc_interp_view(m, code->access.buf, p->at);
  tc_reg value = m->regs[code->access.value];
  uint64_t bit;
  if (!tc_interp_place(m, p, &code->access, v, 0, &bit)) return true;
  tc_interp_touch_atomic(m, v, bit);
  tc_reg x = tc_interp_get(v, bit, p->at);
  if (x.poison) tc_interp_undefined(m, p->at, x, "the element waited for");
  if (value.poison) tc_interp_undefined(m, p->at, value, "the value waited for");
  tc_scalar a = tc_reg_scalar(code->swap ? value : x), b = tc_reg_scalar(code->swap ? x : value);
  return tc_scalar_binary(code->compare, v->lane, a, b).x.i != 0;
}

void tc_interp_wait(tc_machine *m, const tc_insn *p) {
  while (!holds(m, p)) {
    tc_interp_spend(m, 1, p->at);
    tc_interp_stand(m->crew, TC_STAND_MEMORY, p->at, &m->crew->polling);
  }
  m->crew->events++;
}

void tc_interp_spin(tc_machine *m, const tc_insn *p) {
  tc_interp_stand(m->crew, TC_STAND_SPIN, p->at, &m->crew->polling);
}
