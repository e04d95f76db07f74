/* Shared and global memory: bounds, alignment, what is on its way, and cp.async. */
#include "sim/sim_private.h"

#include "rt/os.h"

#include <string.h>

/* ---- shared memory ---- */

unsigned char *tc_sim_shared_at(tc_sim_thread *t, const char *what, uint32_t addr, uint32_t size_b,
                                uint32_t align_b) {
  const sim_block *block = t->block;
  uint32_t at = addr - TC_SIM_SHARED_BASE;
  if (addr < TC_SIM_SHARED_BASE || at > block->shared_b || size_b > block->shared_b - at)
    tc_sim_fault(t, TC_SIM_KIND_shared_bounds, 0,
                 "%s of %u bytes at shared + %lld, which has %u bytes", what, size_b,
                 (long long)addr - TC_SIM_SHARED_BASE, block->shared_b);
  if (addr % align_b)
    tc_sim_fault(t, TC_SIM_KIND_alignment, 0, "%s at shared + %u is not aligned to %u bytes", what,
                 at, align_b);
  return block->shared + at;
}

void tc_sim_check_no_barrier(tc_sim_thread *t, uint32_t addr, uint32_t size_b) {
  const sim_block *block = t->block;
  if (!block->n_barriers || !size_b) return;
  uint32_t first = (addr - TC_SIM_SHARED_BASE) / 8;
  uint32_t last = (addr - TC_SIM_SHARED_BASE + size_b - 1) / 8;
  for (uint32_t i = first; i <= last; i++)
    if (block->barrier_at[i])
      tc_sim_fault(t, TC_SIM_KIND_barrier, block->barriers[block->barrier_at[i] - 1].line,
                   "the access reaches the mbarrier at shared + %u", 8 * i);
}

void tc_sim_generic_wrote(tc_sim_thread *t, uint32_t addr, uint32_t size_b) {
  uint32_t first = (addr - TC_SIM_SHARED_BASE) / 4;
  uint32_t last = (addr - TC_SIM_SHARED_BASE + size_b - 1) / 4;
  int line = t->line < UINT16_MAX ? t->line : UINT16_MAX;
  for (uint32_t i = first; i <= last; i++)
    t->block->generic[i] = (sim_generic){(uint16_t)(t->tid + 1), (uint16_t)line, t->fences};
}

void tc_sim_async_wrote(sim_block *block, uint32_t addr, uint32_t size_b) {
  memset(&block->generic[(addr - TC_SIM_SHARED_BASE) / 4], 0,
         (size_b + 3) / 4 * sizeof(sim_generic));
}

void tc_sim_async_reads(tc_sim_thread *t, const char *what, uint32_t addr, uint32_t size_b) {
  const sim_block *block = t->block;
  uint32_t first = (addr - TC_SIM_SHARED_BASE) / 4;
  uint32_t last = (addr - TC_SIM_SHARED_BASE + size_b - 1) / 4;
  for (uint32_t i = first; i <= last; i++) {
    const sim_generic *g = &block->generic[i];
    if (g->thread && block->threads[g->thread - 1].fences == g->fences)
      tc_sim_fault(t, TC_SIM_KIND_proxy, g->line,
                   "%s reads shared + %u, which thread %d wrote without a fence_async since", what,
                   4 * i, g->thread - 1);
  }
}

void tc_sim_poison(sim_block *block, uint32_t addr, uint32_t size_b) {
  memset(block->shared + (addr - TC_SIM_SHARED_BASE), 0xff, size_b);
}

const void *tc_sim_shared_read(tc_sim_thread *t, int line, unsigned addr, unsigned size_b) {
  t->line = line;
  const void *at = tc_sim_shared_at(t, "read", addr, size_b, size_b);
  tc_sim_check_no_barrier(t, addr, size_b);
  if (tc_sim_races(t->block)) tc_sim_race_access(t, addr, size_b, NULL, line);
  return at;
}

void tc_sim_shared_write(tc_sim_thread *t, int line, unsigned addr, const void *x,
                         unsigned size_b) {
  t->line = line;
  void *at = tc_sim_shared_at(t, "write", addr, size_b, size_b);
  tc_sim_check_no_barrier(t, addr, size_b);
  tc_sim_generic_wrote(t, addr, size_b);
  if (tc_sim_races(t->block)) tc_sim_race_access(t, addr, size_b, x, line);
  memcpy(at, x, size_b);
}

void *tc_sim_shared_atomic(tc_sim_thread *t, int line, unsigned addr, unsigned size_b) {
  t->line = line;
  void *at = tc_sim_shared_at(t, "atomic update", addr, size_b, size_b);
  tc_sim_check_no_barrier(t, addr, size_b);
  tc_sim_generic_wrote(t, addr, size_b);
  return at;
}

/* ---- global memory ---- */

/* A bare pointer's has no end, so the one that begins last counts. */
static const tc_sim_region *region_of(const tc_sim_launch *launch, const void *at) {
  const tc_sim_region *best = NULL;
  for (uint32_t i = 0; i < launch->n_regions; i++) {
    const tc_sim_region *r = &launch->regions[i];
    if ((uintptr_t)at - (uintptr_t)r->base >= r->size_b) continue;
    if (!best || (uintptr_t)best->base < (uintptr_t)r->base) best = r;
  }
  return best;
}

/* The region that lies nearest, for the message. */
static const tc_sim_region *nearest(const tc_sim_launch *launch, const void *at,
                                    long long *offset) {
  const tc_sim_region *best = NULL;
  uint64_t least = UINT64_MAX;
  for (uint32_t i = 0; i < launch->n_regions; i++) {
    const tc_sim_region *r = &launch->regions[i];
    uintptr_t p = (uintptr_t)at, base = (uintptr_t)r->base, end = base + r->size_b;
    uint64_t away = p < base ? base - p : p - end;
    if (away >= least) continue;
    least = away;
    best = r;
    *offset = (long long)((int64_t)p - (int64_t)base);
  }
  return best;
}

void tc_sim_check_global(tc_sim_thread *t, const char *what, const void *at, uint64_t size_b,
                         bool writes) {
  const tc_sim_launch *launch = t->block->team->run->launch;
  const tc_sim_region *r = region_of(launch, at);
  if (!r || size_b > r->size_b - ((uintptr_t)at - (uintptr_t)r->base)) {
    long long offset = 0;
    const tc_sim_region *near = r ? r : nearest(launch, at, &offset);
    if (r) offset = (long long)((uintptr_t)at - (uintptr_t)r->base);
    if (!near) tc_sim_fault(t, TC_SIM_KIND_global_bounds, 0, "%s of no tensor", what);
    tc_sim_fault(t, TC_SIM_KIND_global_bounds, 0,
                 "%s of %llu bytes at %s + %lld, which has %llu bytes", what,
                 (unsigned long long)size_b, near->name, offset, (unsigned long long)near->size_b);
  }
  if (writes && r->read_only)
    tc_sim_fault(t, TC_SIM_KIND_global_bounds, 0, "%s of %s, which is only read", what, r->name);
}

static void check_access(tc_sim_thread *t, int line, const char *what, const void *at,
                         uint32_t size_b, bool writes) {
  t->line = line;
  tc_sim_check_global(t, what, at, size_b, writes);
  if ((uintptr_t)at % size_b)
    tc_sim_fault(t, TC_SIM_KIND_alignment, 0, "%s of %u bytes at an address that is no multiple",
                 what, size_b);
}

const void *tc_sim_global_read(tc_sim_thread *t, int line, const void *at, unsigned size_b) {
  check_access(t, line, "read", at, size_b, false);
  if (tc_sim_races(t->block)) tc_sim_race_global(t, at, size_b, NULL, line);
  return at;
}

void tc_sim_global_write(tc_sim_thread *t, int line, void *at, const void *x, unsigned size_b) {
  check_access(t, line, "write", at, size_b, true);
  if (tc_sim_races(t->block)) tc_sim_race_global(t, at, size_b, x, line);
  memcpy(at, x, size_b);
}

/* Blocks run on several threads of the machine, and what is updated may be of any type. */
void *tc_sim_global_atomic(tc_sim_thread *t, int line, void *at, unsigned size_b) {
  check_access(t, line, "atomic update", at, size_b, true);
  pthread_mutex_lock(&t->block->team->run->atomics);
  t->in_atomic = true;
  return at;
}

const void *tc_sim_shared_alone(tc_sim_thread *t, int line, unsigned addr, unsigned size_b) {
  t->line = line;
  const void *at = tc_sim_shared_at(t, "read", addr, size_b, size_b);
  tc_sim_check_no_barrier(t, addr, size_b);
  return at;
}

const void *tc_sim_global_alone(tc_sim_thread *t, int line, const void *at, unsigned size_b) {
  check_access(t, line, "read", at, size_b, false);
  pthread_mutex_lock(&t->block->team->run->atomics);
  t->in_atomic = true;
  return at;
}

void tc_sim_atomic_end(tc_sim_thread *t) {
  if (t->in_atomic) pthread_mutex_unlock(&t->block->team->run->atomics);
  t->in_atomic = false;
}

unsigned tc_sim_counter(tc_sim_thread *t, int line, void *at, unsigned add) {
  unsigned *counter = tc_sim_global_atomic(t, line, at, sizeof *counter);
  unsigned before = *counter;
  *counter = before + add;
  tc_sim_atomic_end(t);
  tc_sim_yield(t, line);
  return before;
}

void tc_sim_sleep(tc_sim_thread *t, int line) {
  tc_sim_yield(t, line);
}

/* ---- cp.async ---- */

static void copy_now(tc_sim_thread *t, const sim_copy *c) {
  unsigned char *to = t->block->shared + (c->to - TC_SIM_SHARED_BASE);
  memcpy(to, c->from, c->read_b);
  memset(to + c->read_b, 0, c->size_b - c->read_b);
}

static void note_copy(tc_sim_thread *t, const sim_copy *c) {
  sim_block *block = t->block;
  if (!t->cp_agent) t->cp_agent = tc_sim_race_agent(block);
  tc_sim_race_agent_access(t, &t->clocks, false, t->cp_agent, c->group + 1, c->to, c->size_b, true,
                           c->line);
  if (c->read_b)
    tc_sim_race_global_agent(t, &t->clocks, t->cp_agent, c->group + 1, c->from, c->read_b, false,
                             c->line);
}

void tc_sim_cp_async(tc_sim_thread *t, int line, unsigned size_b, unsigned to, const void *from,
                     unsigned read_b) {
  sim_team *team = t->block->team;
  t->line = line;
  if (read_b > size_b)
    tc_sim_fault(t, TC_SIM_KIND_copy, 0, "cp_async of %u bytes is to read %u", size_b, read_b);
  (void)tc_sim_shared_at(t, "cp_async", to, size_b, size_b);
  tc_sim_check_no_barrier(t, to, size_b);
  if (read_b) tc_sim_check_global(t, "cp_async", from, read_b, false);
  if (read_b && (uintptr_t)from % size_b)
    tc_sim_fault(t, TC_SIM_KIND_alignment, 0,
                 "cp_async of %u bytes from an address that is no multiple", size_b);
  sim_copy *c = team->free_copy;
  if (c) team->free_copy = c->next;
  if (!c) c = tc_sim_need(t, sizeof *c);
  *c = (sim_copy){.from = from,
                  .to = to,
                  .size_b = size_b,
                  .read_b = read_b,
                  .group = t->cp_groups,
                  .line = line};
  *t->copies_end = c;
  t->copies_end = &c->next;
  /* cp.async without .bulk writes through the generic proxy. */
  tc_sim_generic_wrote(t, to, size_b);
  if (tc_sim_races(t->block)) note_copy(t, c);
  enum tc_sim_delivery delivery = team->run->options->delivery;
  c->done = delivery == TC_SIM_EARLY || (delivery == TC_SIM_RANDOM && tc_sim_random(team, 2));
  if (c->done) copy_now(t, c);
  if (!c->done) tc_sim_poison(t->block, to, size_b);
}

void tc_sim_cp_async_commit(tc_sim_thread *t, int line) {
  t->line = line;
  t->cp_groups++;
}

void tc_sim_finish_copies(tc_sim_thread *t, uint32_t end) {
  sim_team *team = t->block->team;
  while (t->copies && t->copies->group < end) {
    sim_copy *c = t->copies;
    if (!c->done) copy_now(t, c);
    t->copies = c->next;
    c->next = team->free_copy;
    team->free_copy = c;
  }
  if (!t->copies) t->copies_end = &t->copies;
}

void tc_sim_cp_async_wait(tc_sim_thread *t, int line, unsigned n) {
  t->line = line;
  uint32_t end = t->cp_groups > n ? t->cp_groups - n : 0;
  tc_sim_finish_copies(t, end);
  if (!tc_sim_races(t->block) || !t->cp_agent) return;
  if (t->clocks.seen[t->cp_agent] < end) t->clocks.seen[t->cp_agent] = end;
}

/* ---- the kernel gives up ---- */

void tc_sim_fail(tc_sim_thread *t, int line, unsigned site) {
  t->line = line;
  t->site = site;
  tc_sim_fault(t, TC_SIM_KIND_fail, 0, "the kernel stopped at its check number %u", site);
}
