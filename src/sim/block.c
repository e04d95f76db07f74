/* Taking turns: threads that can go on stand in a ring; the one that runs hands over to the first
 * of it, or to a random one. When the ring is empty, something that is on its way is delivered;
 * when nothing is, nobody will ever go on. */
#include "sim/sim_private.h"

#include "rt/os.h"

#include <string.h>

/* ---- memory of a team ---- */

typedef struct sim_chunk {
  struct sim_chunk *next;
  size_t size_b, used_b;
} sim_chunk;
enum { CHUNK_HEAD_B = 64, CHUNK_B = 1 << 20 };

void *tc_sim_alloc(sim_team *team, size_t size_b) {
  size_b = (size_b + 63) & ~(size_t)63;
  sim_chunk *chunk = team->chunks;
  if (!chunk || chunk->size_b - chunk->used_b < size_b) {
    size_t whole_b = CHUNK_HEAD_B + (size_b > CHUNK_B ? size_b : CHUNK_B);
    chunk = tc_rt_alloc(team->run->allocator, whole_b, 64);
    if (!chunk) return NULL;
    *chunk = (sim_chunk){team->chunks, whole_b, CHUNK_HEAD_B};
    team->chunks = chunk;
  }
  void *at = (unsigned char *)chunk + chunk->used_b;
  chunk->used_b += size_b;
  return memset(at, 0, size_b);
}

void *tc_sim_need(tc_sim_thread *t, size_t size_b) {
  void *at = tc_sim_alloc(t->block->team, size_b);
  if (!at) tc_sim_fault(t, TC_SIM_KIND_memory, 0, "no memory for %zu bytes", size_b);
  return at;
}

static void free_chunks(sim_team *team) {
  while (team->chunks) {
    sim_chunk *chunk = team->chunks;
    team->chunks = chunk->next;
    tc_rt_free(team->run->allocator, chunk, chunk->size_b);
  }
}

/* ---- order ---- */

uint32_t tc_sim_random(sim_team *team, uint32_t n) {
  uint64_t z = team->random += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return (uint32_t)((z >> 32) * n >> 32);
}

void tc_sim_ready(tc_sim_thread *t) {
  sim_team *team = t->block->team;
  t->state = SIM_READY;
  team->ready[(team->ready_first + team->n_ready++) % team->max_ready] = t;
}

static tc_sim_thread *take_ready(sim_team *team) {
  tc_sim_thread **first = &team->ready[team->ready_first];
  if (team->run->options->seed) {
    uint32_t other = tc_sim_random(team, team->n_ready);
    tc_sim_thread **at = &team->ready[(team->ready_first + other) % team->max_ready];
    tc_sim_thread *t = *at;
    *at = *first;
    *first = t;
  }
  team->ready_first = (team->ready_first + 1) % team->max_ready;
  team->n_ready--;
  return *first;
}

static bool goes_on(sim_team *team) {
  if (team->failed) return false;
  if (++team->steps % 4096 != 0) return true;
  if (atomic_load(&team->run->stopped)) return false;
  if (tc_rt_now_ns() < team->run->end_ns) return true;
  tc_sim_found(team, TC_SIM_KIND_endless, 0, 0,
               "the run takes longer than its limit; threads still change places");
  return false;
}

/* Who runs next: NULL when the team is done, or stopped. */
static tc_sim_thread *next_thread(sim_team *team) {
  if (!goes_on(team)) return NULL;
  if (team->run->options->delivery == TC_SIM_RANDOM && tc_sim_random(team, 4) == 0)
    (void)tc_sim_deliver(team);
  while (!team->n_ready && !team->failed)
    if (!tc_sim_deliver(team)) return NULL;
  return team->failed ? NULL : take_ready(team);
}

static void hand_over(tc_sim_thread *t) {
  sim_team *team = t->block->team;
  tc_sim_thread *next = next_thread(team);
  if (next != t) tc_rt_fiber_switch(team->fibers, next ? next->fiber : NULL);
}

void tc_sim_block_thread(tc_sim_thread *t, enum sim_state state, int line) {
  t->state = state;
  t->line = line;
  hand_over(t);
}

void tc_sim_yield(tc_sim_thread *t, int line) {
  t->line = line;
  tc_sim_ready(t);
  hand_over(t);
}

void tc_sim_maybe_yield(tc_sim_thread *t, int line) {
  sim_team *team = t->block->team;
  if (team->run->options->seed && tc_sim_random(team, 4) == 0) tc_sim_yield(t, line);
}

/* ---- a thread's life ---- */

static tc_rt_fiber *thread_main(void *data) {
  tc_sim_thread *t = data;
  sim_team *team = t->block->team;
  team->run->entry(t, team->run->launch->args);
  tc_sim_finish_copies(t, t->cp_groups);
  t->state = SIM_ENDED;
  t->block->n_ended++;
  tc_sim_thread *next = next_thread(team);
  return next ? next->fiber : NULL;
}

/* ---- a team's life ---- */

static void start_thread(sim_block *block, uint32_t tid) {
  const tc_sim_launch *launch = block->team->run->launch;
  tc_sim_thread *t = &block->threads[tid];
  t->tid = (int)tid;
  for (int d = 0; d < 3; d++) {
    t->bid[d] = block->bid[d];
    t->grid[d] = (int)launch->grid[d];
  }
  t->shared = TC_SIM_SHARED_BASE;
  t->block = block;
  t->warp = &block->warps[tid / SIM_WARP];
  t->fences = 1;
  t->copies_end = &t->copies;
  t->stores_end = &t->stores;
}

static bool set_up_memory(sim_block *block, const tc_sim_launch *launch) {
  sim_team *team = block->team;
  block->shared_b = launch->shared_b;
  block->shared = tc_sim_alloc(team, block->shared_b + 1);
  block->generic = tc_sim_alloc(team, (block->shared_b / 4 + 1) * sizeof(sim_generic));
  block->barrier_at = tc_sim_alloc(team, (block->shared_b / 8 + 1) * sizeof(uint16_t));
  block->max_barriers = block->shared_b / 8 < 1024 ? block->shared_b / 8 : 1024;
  block->barriers = tc_sim_alloc(team, block->max_barriers * sizeof(sim_mbarrier) + 1);
  if (!block->shared || !block->generic || !block->barrier_at || !block->barriers) return false;
  memset(block->shared, 0xff, block->shared_b);
  if (!team->run->options->race) return true;
  block->cells = tc_sim_alloc(team, (block->shared_b + 1) * sizeof(sim_cell));
  return block->cells != NULL;
}

static bool set_up_threads(sim_block *block) {
  sim_team *team = block->team;
  block->threads = tc_sim_alloc(team, block->n_threads * sizeof(tc_sim_thread));
  block->warps = tc_sim_alloc(team, block->n_warps * sizeof(sim_warp));
  block->groups = tc_sim_alloc(team, block->n_groups * sizeof(sim_warpgroup));
  if (!block->threads || !block->warps || !block->groups) return false;
  uint32_t registers = SIM_REGISTERS / block->n_threads / 8 * 8;
  if (registers > 255) registers = 255;
  for (uint32_t w = 0; w < block->n_warps; w++) {
    uint32_t left = block->n_threads - w * SIM_WARP;
    block->warps[w] = (sim_warp){.block = block,
                                 .first = w * SIM_WARP,
                                 .n = left < SIM_WARP ? left : SIM_WARP,
                                 .registers = registers};
  }
  for (uint32_t g = 0; g < block->n_groups; g++)
    block->groups[g].products_end = &block->groups[g].products;
  for (uint32_t i = 0; i < block->n_threads; i++)
    start_thread(block, i);
  return true;
}

static bool start_block(sim_team *team, sim_block *block, uint64_t number) {
  const tc_sim_launch *launch = team->run->launch;
  uint64_t row = launch->grid[0], plane = row * launch->grid[1];
  block->team = team;
  block->number = (uint32_t)number;
  block->bid[0] = (int32_t)(number % row);
  block->bid[1] = (int32_t)(number % plane / row);
  block->bid[2] = (int32_t)(number / plane);
  block->n_threads = launch->block[0] * launch->block[1] * launch->block[2];
  block->n_warps = (block->n_threads + SIM_WARP - 1) / SIM_WARP;
  block->n_groups = (block->n_warps + SIM_GROUP_WARPS - 1) / SIM_GROUP_WARPS;
  if (!set_up_memory(block, launch) || !set_up_threads(block)) return false;
  if (team->run->options->race) tc_sim_race_start(block);
  for (uint32_t i = 0; i < block->n_threads; i++) {
    tc_sim_thread *t = &block->threads[i];
    t->fiber = tc_rt_fiber_new(team->fibers, thread_main, t);
    if (!t->fiber) return false;
    tc_sim_ready(t);
  }
  return !team->failed;
}

/* What must not be left when a block ends. */
static void end_block(sim_block *block) {
  sim_team *team = block->team;
  tc_sim_copies_at_end(block);
  if (!team->failed) tc_sim_products_at_end(block);
  if (!team->failed) tc_sim_barriers_at_end(block);
}

static void run_threads(sim_team *team) {
  tc_sim_thread *first = next_thread(team);
  if (first) tc_rt_fiber_switch(team->fibers, first->fiber);
  bool ended = true;
  for (uint32_t b = 0; b < team->n_blocks; b++)
    ended = ended && team->blocks[b].n_ended == team->blocks[b].n_threads;
  if (!ended && !team->failed && !atomic_load(&team->run->stopped)) tc_sim_deadlock(team);
  for (uint32_t b = 0; b < team->n_blocks && ended && !team->failed; b++)
    end_block(&team->blocks[b]);
}

/* Blocks first to first + team->n_blocks - 1. */
static bool run_blocks(sim_team *team, uint64_t first) {
  const tc_sim_launch *launch = team->run->launch;
  team->max_ready = launch->block[0] * launch->block[1] * launch->block[2] * team->n_blocks;
  team->blocks = tc_sim_alloc(team, team->n_blocks * sizeof(sim_block));
  team->ready = tc_sim_alloc(team, team->max_ready * sizeof(tc_sim_thread *));
  bool fine = team->blocks && team->ready;
  for (uint32_t b = 0; b < team->n_blocks && fine; b++)
    fine = start_block(team, &team->blocks[b], first + b);
  if (fine) run_threads(team);
  if (!fine && !team->failed)
    tc_sim_found(team, TC_SIM_KIND_memory, 0, 0, "no memory for the threads of a block");
  for (uint32_t b = 0; team->blocks && b < team->n_blocks; b++)
    for (uint32_t i = 0; team->blocks[b].threads && i < team->blocks[b].n_threads; i++)
      tc_rt_fiber_free(team->blocks[b].threads[i].fiber);
  return !team->failed;
}

bool tc_sim_run_team(sim_run *run, uint64_t first, uint32_t n_blocks) {
  enum { STACK_B = 256 << 10 };
  sim_team team = {.run = run, .n_blocks = n_blocks, .random = run->options->seed + first * 977};
  team.loads_end = &team.loads;
  team.fibers = tc_rt_fibers_new(run->allocator, STACK_B);
  if (!team.fibers)
    tc_sim_found(&team, TC_SIM_KIND_memory, 0, 0, "no memory for the threads of a block");
  bool fine = team.fibers && run_blocks(&team, first);
  tc_rt_fibers_free(team.fibers);
  free_chunks(&team);
  return fine;
}
