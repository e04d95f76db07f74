/* Coming together. All lanes of a warp come first; a warp that is whole then counts for its
 * warpgroup or for a barrier of the block. So lanes that part where the machine wants them together
 * are found the moment they do. */
#include "sim/sim_private.h"

static void check_lanes(tc_sim_thread *t, sim_warp *warp, int line, sim_meeting meeting, uint32_t a,
                        uint32_t b) {
  if (warp->meeting != meeting || (int)warp->meeting_line != line)
    tc_sim_fault(t, TC_SIM_KIND_divergence, (int)warp->meeting_line,
                 "comes to %s while lanes of its warp are at %s", tc_sim_meeting_word(meeting),
                 tc_sim_meeting_word(warp->meeting));
  if (warp->meet_a != a || warp->meet_b != b)
    tc_sim_fault(t, TC_SIM_KIND_divergence, 0,
                 "the operands (%u, %u) are not those of other lanes of its warp (%u, %u)", a, b,
                 warp->meet_a, warp->meet_b);
}

/* True for the lane that completes the warp, which does not wait. */
static bool warp_is_whole(tc_sim_thread *t, int line, sim_meeting meeting, uint32_t a, uint32_t b,
                          void *arg) {
  sim_warp *warp = t->warp;
  t->line = line;
  t->meet_arg = arg;
  if (warp->arrived == 0) {
    warp->meeting = meeting;
    warp->meeting_line = (uint32_t)line;
    warp->meet_a = a;
    warp->meet_b = b;
  }
  check_lanes(t, warp, line, meeting, a, b);
  return ++warp->arrived == warp->n;
}

/* Everybody of the range but `t` goes on. */
static void disperse(tc_sim_thread *t, uint32_t first, uint32_t n) {
  sim_block *block = t->block;
  for (uint32_t i = first; i < first + n; i++)
    if (&block->threads[i] != t && block->threads[i].state == SIM_MEETING)
      tc_sim_ready(&block->threads[i]);
}

static void end_meeting(sim_warp *warp) {
  warp->arrived = 0;
  warp->meeting = SIM_MEET_NONE;
}

void tc_sim_meet_warp(tc_sim_thread *t, int line, sim_meeting meeting, uint32_t a, uint32_t b,
                      void *arg, sim_meet_fn *fn) {
  sim_warp *warp = t->warp;
  if (!warp_is_whole(t, line, meeting, a, b, arg)) {
    tc_sim_block_thread(t, SIM_MEETING, line);
    return;
  }
  if (fn) fn(t->block, warp->first, warp->n, line);
  end_meeting(warp);
  disperse(t, warp->first, warp->n);
}

static void check_warps(tc_sim_thread *t, const sim_warpgroup *group, int line, sim_meeting meeting,
                        uint32_t a, uint32_t b) {
  if (group->meeting != meeting || group->line != line)
    tc_sim_fault(t, TC_SIM_KIND_divergence, group->line,
                 "comes to %s while warps of its warpgroup are at %s", tc_sim_meeting_word(meeting),
                 tc_sim_meeting_word(group->meeting));
  if (group->meet_a != a || group->meet_b != b)
    tc_sim_fault(t, TC_SIM_KIND_divergence, 0,
                 "the operands (%u, %u) are not those of other warps of its warpgroup (%u, %u)", a,
                 b, group->meet_a, group->meet_b);
}

void tc_sim_meet_group(tc_sim_thread *t, int line, sim_meeting meeting, uint32_t a, uint32_t b,
                       void *arg, sim_meet_fn *fn) {
  enum { GROUP = SIM_WARP * SIM_GROUP_WARPS };
  sim_block *block = t->block;
  uint32_t at = (uint32_t)t->tid / GROUP, first = at * GROUP;
  sim_warpgroup *group = &block->groups[at];
  if (!warp_is_whole(t, line, meeting, a, b, arg)) {
    tc_sim_block_thread(t, SIM_MEETING, line);
    return;
  }
  if (first + GROUP > block->n_threads)
    tc_sim_fault(t, TC_SIM_KIND_divergence, 0, "the block ends within this warpgroup");
  if (group->arrived == 0) {
    group->meeting = meeting;
    group->line = line;
    group->meet_a = a;
    group->meet_b = b;
  }
  check_warps(t, group, line, meeting, a, b);
  if (++group->arrived < SIM_GROUP_WARPS) {
    tc_sim_block_thread(t, SIM_MEETING, line);
    return;
  }
  if (fn) fn(block, first, GROUP, line);
  group->arrived = 0;
  group->meeting = SIM_MEET_NONE;
  for (uint32_t w = first / SIM_WARP; w < (first + GROUP) / SIM_WARP; w++)
    end_meeting(&block->warps[w]);
  disperse(t, first, GROUP);
}

/* ---- within a warp ---- */

enum { SHUFFLE_IDX, SHUFFLE_UP, SHUFFLE_DOWN, SHUFFLE_XOR }; /* calls.def */

static void deal_first(sim_block *block, uint32_t first, uint32_t n, int line) {
  (void)line;
  int value = *(int *)block->threads[first].meet_arg;
  for (uint32_t i = first; i < first + n; i++)
    *(int *)block->threads[i].meet_arg = value;
}

int tc_sim_elect(tc_sim_thread *t, int line) {
  tc_sim_meet_warp(t, line, SIM_MEET_ELECT, 0, 0, NULL, NULL);
  return t->tid % SIM_WARP == 0;
}

int tc_sim_uniform(tc_sim_thread *t, int line, int x) {
  tc_sim_meet_warp(t, line, SIM_MEET_UNIFORM, 0, 0, &x, deal_first);
  return x;
}

typedef struct word {
  uint32_t x, result;
  int32_t i;
} word;

/* What lane `i` of the warp that begins at `first` brought; lanes that are not there, anything. */
static uint32_t word_of(const sim_block *block, uint32_t first, uint32_t n, int64_t i) {
  return i < (int64_t)n ? ((const word *)block->threads[first + (uint32_t)i].meet_arg)->x
                        : UINT32_MAX;
}

static void deal_words(sim_block *block, uint32_t first, uint32_t n, int line) {
  (void)line;
  const sim_warp *warp = block->threads[first].warp;
  int64_t width = warp->meet_b;
  for (uint32_t lane = 0; lane < n; lane++) {
    word *w = block->threads[first + lane].meet_arg;
    int64_t at = lane % width, base = lane - at;
    if (warp->meet_a == SHUFFLE_IDX) at = w->i & (width - 1);
    if (warp->meet_a == SHUFFLE_UP) at -= w->i & (SIM_WARP - 1);
    if (warp->meet_a == SHUFFLE_DOWN) at += w->i & (SIM_WARP - 1);
    if (warp->meet_a == SHUFFLE_XOR) at ^= w->i & (SIM_WARP - 1);
    w->result = at < 0 || at >= width ? w->x : word_of(block, first, n, base + at);
  }
}

static void deal_votes(sim_block *block, uint32_t first, uint32_t n, int line) {
  uint32_t yes = 0;
  (void)line;
  for (uint32_t lane = 0; lane < n; lane++)
    yes |= (uint32_t)(word_of(block, first, n, lane) != 0) << lane;
  for (uint32_t lane = 0; lane < n; lane++)
    ((word *)block->threads[first + lane].meet_arg)->result = yes;
}

static void deal_matches(sim_block *block, uint32_t first, uint32_t n, int line) {
  (void)line;
  for (uint32_t lane = 0; lane < n; lane++) {
    word *w = block->threads[first + lane].meet_arg;
    for (uint32_t other = 0; other < n; other++)
      w->result |= (uint32_t)(word_of(block, first, n, other) == w->x) << other;
  }
}

unsigned tc_sim_shuffle(tc_sim_thread *t, int line, int how, unsigned n, unsigned x, int i) {
  word w = {.x = x, .i = i};
  tc_sim_meet_warp(t, line, SIM_MEET_SHUFFLE, (uint32_t)how, n, &w, deal_words);
  return w.result;
}

unsigned tc_sim_ballot(tc_sim_thread *t, int line, int x) {
  word w = {.x = x != 0};
  tc_sim_meet_warp(t, line, SIM_MEET_VOTE, 0, 0, &w, deal_votes);
  return w.result;
}

unsigned tc_sim_match_any(tc_sim_thread *t, int line, unsigned x) {
  word w = {.x = x};
  tc_sim_meet_warp(t, line, SIM_MEET_VOTE, 1, 0, &w, deal_matches);
  return w.result;
}

static void order_warp(sim_block *block, uint32_t first, uint32_t n, int line) {
  (void)line;
  if (tc_sim_races(block)) tc_sim_race_meet(block, first, n);
}

void tc_sim_sync_warp(tc_sim_thread *t, int line) {
  tc_sim_maybe_yield(t, line);
  tc_sim_meet_warp(t, line, SIM_MEET_WARP, 0, 0, NULL, order_warp);
}

/* ---- barriers of the block ---- */

static void check_named(tc_sim_thread *t, sim_named *bar, uint32_t id, uint32_t count) {
  const sim_warp *warp = t->warp;
  if (bar->arrived && bar->count != count)
    tc_sim_fault(t, TC_SIM_KIND_barrier, bar->line,
                 "barrier %u is for %u threads here, for %u where others arrived", id, count,
                 bar->count);
  if (bar->arrived + warp->n > count)
    tc_sim_fault(t, TC_SIM_KIND_barrier, bar->line, "more than %u threads come to barrier %u",
                 count, id);
}

/* The warp is whole and counts. True: the barrier is complete, and everybody who waited goes on. */
static bool count_warp(tc_sim_thread *t, uint32_t id, uint32_t count, int line) {
  sim_block *block = t->block;
  sim_named *bar = &block->named[id];
  check_named(t, bar, id, count);
  bar->count = count;
  bar->line = line;
  if (tc_sim_races(block))
    for (uint32_t i = t->warp->first; i < t->warp->first + t->warp->n; i++)
      tc_sim_release(&block->threads[i], &bar->clocks);
  bar->arrived += t->warp->n;
  return bar->arrived == count;
}

static void release_named(tc_sim_thread *t, sim_named *bar) {
  sim_block *block = t->block;
  for (tc_sim_thread *w = bar->waiters, *next; w; w = next) {
    next = w->waiter;
    if (tc_sim_races(block)) {
      for (uint32_t i = w->warp->first; i < w->warp->first + w->warp->n; i++)
        tc_sim_acquire(&block->threads[i], &bar->clocks);
    }
    end_meeting(w->warp);
    disperse(t, w->warp->first, w->warp->n);
  }
  bar->waiters = NULL;
  bar->arrived = 0;
}

static void check_numbers(tc_sim_thread *t, int line, uint32_t id, uint32_t count) {
  t->line = line;
  if (id >= SIM_NAMED)
    tc_sim_fault(t, TC_SIM_KIND_barrier, 0, "there is no barrier %u: a block has %d", id,
                 SIM_NAMED);
  if (count == 0 || (count % SIM_WARP && count != t->block->n_threads))
    tc_sim_fault(t, TC_SIM_KIND_barrier, 0, "a barrier is for whole warps, not for %u threads",
                 count);
}

void tc_sim_sync_named(tc_sim_thread *t, int line, unsigned id, unsigned count) {
  check_numbers(t, line, id, count);
  tc_sim_maybe_yield(t, line);
  if (!warp_is_whole(t, line, SIM_MEET_NAMED, id, count, NULL)) {
    tc_sim_block_thread(t, SIM_MEETING, line);
    return;
  }
  sim_named *bar = &t->block->named[id];
  t->waiter = bar->waiters;
  bar->waiters = t;
  if (count_warp(t, id, count, line)) {
    bar->waiters = t;
    release_named(t, bar);
  } else {
    tc_sim_block_thread(t, SIM_MEETING, line);
  }
}

void tc_sim_sync_block(tc_sim_thread *t, int line) {
  tc_sim_sync_named(t, line, 0, t->block->n_threads);
}

void tc_sim_arrive_named(tc_sim_thread *t, int line, unsigned id, unsigned count) {
  check_numbers(t, line, id, count);
  if (!warp_is_whole(t, line, SIM_MEET_ARRIVE, id, count, NULL)) {
    tc_sim_block_thread(t, SIM_MEETING, line);
    return;
  }
  if (count_warp(t, id, count, line)) release_named(t, &t->block->named[id]);
  end_meeting(t->warp);
  disperse(t, t->warp->first, t->warp->n);
}

/* ---- registers ---- */

typedef struct register_wish {
  bool more;
  uint32_t n;
} register_wish;

static void wake_register_waiters(sim_block *block) {
  tc_sim_thread *t = block->register_waiters;
  block->register_waiters = NULL;
  for (tc_sim_thread *next; t; t = next) {
    next = t->waiter;
    tc_sim_ready(t);
  }
}

void tc_sim_registers(tc_sim_thread *t, int line, int more, unsigned n) {
  sim_block *block = t->block;
  t->line = line;
  if (n < 24 || n > 256 || n % 8)
    tc_sim_fault(t, TC_SIM_KIND_registers, 0,
                 "%u registers: expected a multiple of 8 from 24 to 256", n);
  tc_sim_meet_group(t, line, SIM_MEET_REGISTERS, n, (uint32_t)more, NULL, NULL);
  sim_warp *warp = t->warp;
  if ((uint32_t)t->tid != warp->first) return; /* one lane accounts for its warp */
  if (more ? n < warp->registers : n > warp->registers)
    tc_sim_fault(t, TC_SIM_KIND_registers, 0, "the warp has %u registers a thread, and is to %s %u",
                 warp->registers, more ? "get up to" : "keep", n);
  while (more && block->free_registers < (n - warp->registers) * warp->n) {
    t->waiter = block->register_waiters;
    block->register_waiters = t;
    t->wait_bar = 0;
    tc_sim_block_thread(t, SIM_WAITING, line);
  }
  block->free_registers += warp->registers * warp->n;
  block->free_registers -= n * warp->n;
  warp->registers = n;
  wake_register_waiters(block);
}
