/* Races: accesses to the same byte, one of them a write, that nothing orders.
 *
 * Threads, and agents that work for them (an mbarrier's copies, a thread's cp.async or bulk groups,
 * a warpgroup's products), are components with a clock each. A vector of clocks says what happened
 * before; barriers, arrivals and waits join vectors. Each byte keeps who wrote it last and two of
 * those who read it since (after FastTrack, Flanagan and Freund 2009, whose whole set of readers
 * would be too large here). A second vector holds what was followed by a fence_async, which is all
 * that the asynchronous engines may rely on. */
#include "sim/sim_private.h"

#include "rt/os.h"

#include <string.h>

void tc_sim_race_start(sim_block *block) {
  enum { MORE = 128 };
  sim_team *team = block->team;
  block->n_components = block->n_threads;
  block->max_components = 3 * block->n_threads + block->n_groups + MORE;
  bool fine = true;
  for (uint32_t i = 0; i < block->n_threads && fine; i++) {
    block->threads[i].clocks = tc_sim_clocks_new(block);
    fine = block->threads[i].clocks.seen != NULL;
    if (fine) block->threads[i].clocks.seen[i] = 1;
  }
  for (uint32_t i = 0; i < SIM_NAMED && fine; i++) {
    block->named[i].clocks = tc_sim_clocks_new(block);
    fine = block->named[i].clocks.seen != NULL;
  }
  block->scratch = tc_sim_clocks_new(block);
  if (!fine || !block->scratch.seen)
    tc_sim_found(team, TC_SIM_KIND_memory, 0, 0, "no memory for the clocks of a block");
}

uint32_t tc_sim_race_agent(sim_block *block) {
  if (block->n_components < block->max_components) block->n_components++;
  return block->n_components - 1; /* beyond the limit, the last one is shared */
}

sim_clocks tc_sim_clocks_new(sim_block *block) {
  uint32_t *seen = tc_sim_alloc(block->team, 2 * block->max_components * sizeof(uint32_t));
  return (sim_clocks){seen, seen ? seen + block->max_components : NULL};
}

/* ---- what happened before ---- */

static uint32_t greater(uint32_t a, uint32_t b) {
  return a > b ? a : b;
}

void tc_sim_clocks_join(const sim_block *block, sim_clocks *to, const sim_clocks *from) {
  for (uint32_t i = 0; i < block->n_components; i++) {
    to->seen[i] = greater(to->seen[i], from->seen[i]);
    to->fenced[i] = greater(to->fenced[i], from->fenced[i]);
  }
}

void tc_sim_clocks_copy(const sim_block *block, sim_clocks *to, const sim_clocks *from) {
  for (uint32_t i = 0; i < block->n_components; i++) {
    to->seen[i] = from->seen[i];
    to->fenced[i] = from->fenced[i];
  }
}

void tc_sim_clocks_meet(const sim_block *block, sim_clocks *to, uint32_t first, uint32_t n) {
  tc_sim_clocks_copy(block, to, &block->threads[first].clocks);
  for (uint32_t i = first + 1; i < first + n; i++) {
    const sim_clocks *from = &block->threads[i].clocks;
    for (uint32_t k = 0; k < block->n_components; k++) {
      if (from->seen[k] < to->seen[k]) to->seen[k] = from->seen[k];
      if (from->fenced[k] < to->fenced[k]) to->fenced[k] = from->fenced[k];
    }
  }
}

void tc_sim_release(tc_sim_thread *t, sim_clocks *to) {
  tc_sim_clocks_join(t->block, to, &t->clocks);
  t->clocks.seen[t->tid]++;
}

void tc_sim_acquire(tc_sim_thread *t, const sim_clocks *from) {
  tc_sim_clocks_join(t->block, &t->clocks, from);
}

void tc_sim_race_meet(sim_block *block, uint32_t first, uint32_t n) {
  tc_sim_clocks_copy(block, &block->scratch, &block->threads[first].clocks);
  for (uint32_t i = first + 1; i < first + n; i++)
    tc_sim_clocks_join(block, &block->scratch, &block->threads[i].clocks);
  for (uint32_t i = first; i < first + n; i++) {
    tc_sim_clocks_copy(block, &block->threads[i].clocks, &block->scratch);
    block->threads[i].clocks.seen[i]++;
  }
}

/* ---- accesses ---- */

/* Who touches what, with what it knows. */
typedef struct toucher {
  tc_sim_thread *t;
  const uint32_t *seen, *writes_seen; /* of writes, an engine sees those that are fenced */
  sim_touch touch;
  bool writes;
  const unsigned char *x,
      *now; /* bytes that are written, and those that are there; NULL: unknown */
} toucher;

const unsigned char TC_SIM_ANY[1] = {0};

static toucher toucher_of(tc_sim_thread *t, const sim_clocks *by, bool through_proxy,
                          uint32_t component, uint32_t clock, bool writes, int line) {
  uint16_t short_line = (uint16_t)(line < UINT16_MAX ? line : UINT16_MAX);
  return (toucher){t,
                   by->seen,
                   through_proxy ? by->fenced : by->seen,
                   {clock, (uint16_t)(component + 1), short_line},
                   writes,
                   NULL,
                   NULL};
}

/* Nothing orders the earlier access before this one. */
static bool unordered(const sim_touch *before, const uint32_t *seen) {
  return before->who && before->clock > seen[before->who - 1];
}

TC_NORETURN static void report(const toucher *x, const sim_touch *before, bool wrote,
                               const char *where, uint64_t offset) {
  tc_sim_thread *t = x->t;
  uint32_t who = before->who - 1u;
  t->line = x->touch.line;
  if (x->writes_seen != x->seen && wrote && !unordered(before, x->seen))
    tc_sim_fault(t, TC_SIM_KIND_proxy, before->line,
                 "%s + %llu was written without a fence_async that comes before this access", where,
                 (unsigned long long)offset);
  const char *what = x->writes ? "writes" : "reads", *did = wrote ? "wrote" : "reads";
  if (who < t->block->n_threads)
    tc_sim_fault(t, TC_SIM_KIND_race, before->line,
                 "%s %s + %llu, which thread %u %s with nothing to order them", what, where,
                 (unsigned long long)offset, who, did);
  tc_sim_fault(t, TC_SIM_KIND_race, before->line,
               "%s %s + %llu, which a copy or product on its way %s with nothing to order them",
               what, where, (unsigned long long)offset, did);
}

/* Byte `i` of the access. A write that changes nothing is no race, whoever else wrote or reads the
 * byte; who did is forgotten then. */
static void touch_byte(const toucher *x, sim_cell *cell, uint32_t i, uint64_t offset) {
  bool same = x->writes && cell->wrote.who == x->touch.who, idle = x->x && x->x[i] == x->now[i];
  bool before = !same && unordered(&cell->wrote, x->writes_seen);
  if (before && !idle) report(x, &cell->wrote, true, "shared", offset);
  if (!x->writes) {
    uint32_t slot = unordered(&cell->read[0], x->seen) ? 1 : 0;
    if (cell->read[1].who == x->touch.who) slot = 1;
    if (cell->read[0].who == x->touch.who) slot = 0;
    cell->read[slot] = x->touch;
    return;
  }
  for (int r = 0; r < 2; r++) {
    if (cell->read[r].who == x->touch.who || !unordered(&cell->read[r], x->seen)) continue;
    if (!idle) report(x, &cell->read[r], false, "shared", offset);
    before = true;
  }
  if (before) cell->wrote.who = 0;
  if (!before) *cell = (sim_cell){.wrote = x->touch};
}

static void touch_shared(const toucher *x, uint32_t addr, uint32_t size_b) {
  uint32_t at = addr - TC_SIM_SHARED_BASE;
  for (uint32_t i = 0; i < size_b; i++)
    touch_byte(x, &x->t->block->cells[at + i], i, at + i);
}

static toucher thread_toucher(tc_sim_thread *t, const void *x, const void *now, int line) {
  uint32_t self = (uint32_t)t->tid;
  toucher who = toucher_of(t, &t->clocks, false, self, t->clocks.seen[self], x != NULL, line);
  who.x = x == TC_SIM_ANY ? NULL : x;
  who.now = now;
  return who;
}

void tc_sim_race_access(tc_sim_thread *t, uint32_t addr, uint32_t size_b, const void *x, int line) {
  toucher who = thread_toucher(t, x, t->block->shared + (addr - TC_SIM_SHARED_BASE), line);
  touch_shared(&who, addr, size_b);
}

void tc_sim_race_agent_access(tc_sim_thread *t, const sim_clocks *by, bool through_proxy,
                              uint32_t agent, uint32_t clock, uint32_t addr, uint32_t size_b,
                              bool writes, int line) {
  toucher x = toucher_of(t, by, through_proxy, agent, clock, writes, line);
  touch_shared(&x, addr, size_b);
}

/* ---- global memory: within a block by clocks; between blocks nothing orders ---- */

/* True when another block was there, which is a race unless the byte stays as it is. */
static bool touch_of_others(const toucher *x, const sim_global_cell *cell, bool idle,
                            const char *name, uint64_t offset) {
  uint32_t block = x->t->block->number + 1;
  bool wrote = cell->wrote_block && cell->wrote_block != block;
  bool read = x->writes && cell->read_block && cell->read_block != block;
  if ((wrote || read) && !idle)
    tc_sim_fault(x->t, TC_SIM_KIND_race, wrote ? cell->wrote.line : cell->read.line,
                 "%s %s + %llu, which another block (number %u) %s", x->writes ? "writes" : "reads",
                 name, (unsigned long long)offset,
                 (wrote ? cell->wrote_block : cell->read_block) - 1, wrote ? "wrote" : "reads");
  return wrote || read;
}

static void touch_global_byte(const toucher *x, sim_global_cell *cell, uint64_t i, const char *name,
                              uint64_t offset) {
  uint32_t block = x->t->block->number + 1;
  bool same = x->writes && cell->wrote.who == x->touch.who, idle = x->x && x->x[i] == x->now[i];
  x->t->line = x->touch.line;
  bool before = touch_of_others(x, cell, idle, name, offset);
  if (!before && !same && unordered(&cell->wrote, x->seen)) {
    if (!idle) report(x, &cell->wrote, true, name, offset);
    before = true;
  }
  if (!x->writes) {
    cell->read = x->touch;
    cell->read_block = block;
    return;
  }
  if (!before && cell->read.who != x->touch.who && unordered(&cell->read, x->seen)) {
    if (!idle) report(x, &cell->read, false, name, offset);
    before = true;
  }
  if (before) cell->wrote.who = 0;
  if (!before) *cell = (sim_global_cell){.wrote = x->touch, .wrote_block = block};
}

static void touch_global(const toucher *x, const void *at, uint64_t size_b) {
  const sim_run *run = x->t->block->team->run;
  for (uint32_t r = 0; r < run->launch->n_regions; r++) {
    const tc_sim_region *region = &run->launch->regions[r];
    uint64_t offset = (uintptr_t)at - (uintptr_t)region->base;
    if (offset >= region->size_b || !run->global || !run->global[r].cells) continue;
    for (uint64_t i = offset; i < offset + size_b; i++)
      touch_global_byte(x, &run->global[r].cells[i], i - offset, region->name, i);
    return;
  }
}

void tc_sim_race_global(tc_sim_thread *t, const void *at, uint64_t size_b, const void *x,
                        int line) {
  toucher who = thread_toucher(t, x, at, line);
  touch_global(&who, at, size_b);
}

void tc_sim_race_global_agent(tc_sim_thread *t, const sim_clocks *by, uint32_t agent,
                              uint32_t clock, const void *at, uint64_t size_b, bool writes,
                              int line) {
  toucher x = toucher_of(t, by, false, agent, clock, writes, line);
  touch_global(&x, at, size_b);
}

/* ---- a run's shadows ---- */

/* Larger tensors are not watched. */
static size_t watched_b(const tc_sim_region *region) {
  enum { MOST_B = 64 << 20 };
  return region->size_b <= MOST_B ? (size_t)region->size_b * sizeof(sim_global_cell) : 0;
}

bool tc_sim_race_open(sim_run *run) {
  const tc_sim_launch *launch = run->launch;
  run->global = tc_rt_alloc(run->allocator, launch->n_regions * sizeof(sim_shadow) + 1, 16);
  if (!run->global) return false;
  for (uint32_t i = 0; i < launch->n_regions; i++) {
    size_t size_b = watched_b(&launch->regions[i]);
    run->global[i].cells = size_b ? tc_rt_alloc(run->allocator, size_b, 16) : NULL;
    if (run->global[i].cells) memset(run->global[i].cells, 0, size_b);
  }
  return true;
}

void tc_sim_race_close(sim_run *run) {
  const tc_sim_launch *launch = run->launch;
  for (uint32_t i = 0; run->global && i < launch->n_regions; i++)
    if (run->global[i].cells)
      tc_rt_free(run->allocator, run->global[i].cells, watched_b(&launch->regions[i]));
  tc_rt_free(run->allocator, run->global, launch->n_regions * sizeof(sim_shadow) + 1);
}
