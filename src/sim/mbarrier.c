/* mbarriers. A phase ends when no arrival and no byte is pending; whoever waits for it is then made
 * ready. Their state lies beside shared memory, not in it, so nothing can overwrite it unseen. */
#include "sim/sim_private.h"

static uint16_t *slot_of(tc_sim_thread *t, uint32_t addr) {
  (void)tc_sim_shared_at(t, "mbarrier", addr, 8, 8);
  return &t->block->barrier_at[(addr - TC_SIM_SHARED_BASE) / 8];
}

sim_mbarrier *tc_sim_mbarrier(tc_sim_thread *t, uint32_t addr) {
  uint16_t index = *slot_of(t, addr);
  if (!index)
    tc_sim_fault(t, TC_SIM_KIND_barrier, 0, "shared + %u holds no initialised mbarrier",
                 addr - TC_SIM_SHARED_BASE);
  sim_mbarrier *bar = &t->block->barriers[index - 1];
  if (tc_sim_races(t->block) && t->clocks.seen[bar->owner] < bar->init_clock)
    tc_sim_fault(t, TC_SIM_KIND_race, bar->line,
                 "uses an mbarrier that was initialised by thread %u with nothing to order them",
                 bar->owner);
  return bar;
}

static sim_mbarrier *new_barrier(tc_sim_thread *t, uint32_t addr) {
  sim_block *block = t->block;
  uint16_t *slot = slot_of(t, addr);
  if (*slot) return &block->barriers[*slot - 1];
  if (block->n_barriers == block->max_barriers)
    tc_sim_fault(t, TC_SIM_KIND_barrier, 0, "more than %u mbarriers", block->max_barriers);
  sim_mbarrier *bar = &block->barriers[block->n_barriers++];
  *slot = (uint16_t)block->n_barriers;
  if (!tc_sim_races(block)) return bar;
  bar->open = tc_sim_clocks_new(block);
  bar->ended = tc_sim_clocks_new(block);
  if (!bar->open.seen || !bar->ended.seen)
    tc_sim_fault(t, TC_SIM_KIND_memory, 0, "no memory for an mbarrier");
  bar->agent = tc_sim_race_agent(block);
  return bar;
}

void tc_sim_mbarrier_init(tc_sim_thread *t, int line, unsigned addr, unsigned count) {
  t->line = line;
  if (count == 0 || count >= 1u << 20)
    tc_sim_fault(t, TC_SIM_KIND_barrier, 0, "an mbarrier for %u arrivals: expected 1 to 1048575",
                 count);
  sim_mbarrier *bar = new_barrier(t, addr);
  if (bar->waiters || bar->bytes)
    tc_sim_fault(t, TC_SIM_KIND_barrier, bar->line,
                 "the mbarrier is in use, and is initialised again");
  bar->addr = addr;
  bar->count = count;
  bar->pending = count;
  bar->phase = 0;
  bar->line = line;
  bar->owner = (uint32_t)t->tid;
  bar->fenced = false;
  if (tc_sim_races(t->block)) bar->init_clock = t->clocks.seen[t->tid];
}

void tc_sim_mbarrier_fence(tc_sim_thread *t, int line) {
  t->line = line;
  sim_block *block = t->block;
  for (uint32_t i = 0; i < block->n_barriers; i++)
    if (block->barriers[i].owner == (uint32_t)t->tid) block->barriers[i].fenced = true;
}

static void end_phase(sim_block *block, sim_mbarrier *bar) {
  bar->phase++;
  bar->pending = bar->count;
  if (tc_sim_races(block)) {
    tc_sim_clocks_copy(block, &bar->ended, &bar->open);
    bar->ended.seen[bar->agent] = bar->phase;
    bar->ended.fenced[bar->agent] = bar->phase;
  }
  tc_sim_thread *t = bar->waiters;
  bar->waiters = NULL;
  for (tc_sim_thread *next; t; t = next) {
    next = t->waiter;
    tc_sim_ready(t);
  }
}

static void maybe_end(sim_block *block, sim_mbarrier *bar) {
  if (bar->pending == 0 && bar->bytes == 0) end_phase(block, bar);
}

static void arrive(tc_sim_thread *t, sim_mbarrier *bar) {
  if (bar->pending == 0)
    tc_sim_fault(t, TC_SIM_KIND_barrier, bar->line,
                 "one arrival more than the %u that the mbarrier expects in a phase; %lld bytes of "
                 "it are still on their way",
                 bar->count, (long long)bar->bytes);
  if (tc_sim_races(t->block)) tc_sim_release(t, &bar->open);
  bar->pending--;
  maybe_end(t->block, bar);
}

void tc_sim_mbarrier_arrive(tc_sim_thread *t, int line, unsigned addr) {
  t->line = line;
  arrive(t, tc_sim_mbarrier(t, addr));
  tc_sim_maybe_yield(t, line);
}

static void check_bytes(tc_sim_thread *t, const sim_mbarrier *bar) {
  if (bar->bytes <= -(1 << 20) || bar->bytes >= 1 << 20)
    tc_sim_fault(t, TC_SIM_KIND_barrier, bar->line,
                 "%lld bytes are pending at the mbarrier, which counts to 1048575",
                 (long long)bar->bytes);
}

void tc_sim_mbarrier_expect(tc_sim_thread *t, int line, unsigned addr, unsigned bytes) {
  t->line = line;
  sim_mbarrier *bar = tc_sim_mbarrier(t, addr);
  bar->bytes += bytes;
  check_bytes(t, bar);
  arrive(t, bar);
  tc_sim_maybe_yield(t, line);
}

/* A copy's bytes are there. */
void tc_sim_mbarrier_bytes(tc_sim_thread *t, sim_mbarrier *bar, uint32_t bytes) {
  bar->bytes -= bytes;
  if (bar->bytes < 0 && bar->pending == 0) {
    tc_sim_found(t->block->team, TC_SIM_KIND_barrier, bar->line, 0,
                 "%lld bytes more arrived at the mbarrier at shared + %u than its phase %u expects",
                 -(long long)bar->bytes, bar->addr - TC_SIM_SHARED_BASE, bar->phase);
    return;
  }
  maybe_end(t->block, bar);
}

void tc_sim_mbarrier_wait(tc_sim_thread *t, int line, unsigned addr, unsigned parity) {
  t->line = line;
  sim_mbarrier *bar = tc_sim_mbarrier(t, addr);
  if (parity > 1)
    tc_sim_fault(t, TC_SIM_KIND_barrier, 0, "a phase has parity 0 or 1, not %u", parity);
  tc_sim_maybe_yield(t, line);
  if ((bar->phase & 1) == parity) { /* the phase of this parity goes on */
    t->wait_bar = addr;
    t->wait_phase = bar->phase;
    t->waiter = bar->waiters;
    bar->waiters = t;
    tc_sim_block_thread(t, SIM_WAITING, line);
    if ((bar->phase & 1) == parity)
      tc_sim_fault(t, TC_SIM_KIND_barrier, bar->line,
                   "the phase it waited for ended, and so did the next one before it could go on");
  }
  if (tc_sim_races(t->block)) tc_sim_acquire(t, &bar->ended);
}

void tc_sim_fence_async(tc_sim_thread *t, int line) {
  t->line = line;
  t->fences++;
  if (!tc_sim_races(t->block)) return;
  t->clocks.fenced[t->tid] = t->clocks.seen[t->tid];
  if (t->cp_agent) t->clocks.fenced[t->cp_agent] = t->clocks.seen[t->cp_agent];
  t->clocks.seen[t->tid]++;
}

void tc_sim_barriers_at_end(sim_block *block) {
  for (uint32_t i = 0; i < block->n_barriers; i++) {
    const sim_mbarrier *bar = &block->barriers[i];
    if (!bar->bytes) continue;
    tc_sim_found(block->team, TC_SIM_KIND_barrier, bar->line, 0,
                 "the block ends while %lld bytes are pending at the mbarrier at shared + %u",
                 (long long)bar->bytes, bar->addr - TC_SIM_SHARED_BASE);
    return;
  }
}
