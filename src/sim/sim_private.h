/* The state of a run. A team is the blocks that take turns on one thread of the machine; all of
 * this but the module and the run belongs to one team and needs no locks. */
#ifndef TC_SIM_PRIVATE_H
#define TC_SIM_PRIVATE_H

#include "base/compiler.h"
#include "rt/fiber.h"
#include "sim/api.h"
#include "sim/sim.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
  SIM_WARP = 32,
  SIM_GROUP_WARPS = 4, /* of a warpgroup */
  SIM_NAMED = 16,      /* barriers of a block; 0 is the block's own */
  SIM_REGISTERS = 65536,
};

typedef void sim_entry(tc_sim_thread *t, void *const *args);

struct tc_sim_module {
  const tilec_allocator *allocator;
  void *library;
  char *text;
  uint32_t text_n;
};

typedef struct sim_run {
  const tc_sim_module *module;
  const tc_sim_launch *launch;
  const tc_sim_options *options;
  const tilec_allocator *allocator;
  sim_entry *entry;
  uint64_t end_ns;
  pthread_mutex_t atomics; /* held during an atomic update of global memory */
  atomic_flag reported;
  atomic_bool stopped;
  tc_sim_report *report;
  struct sim_shadow *global; /* of each region, with `race` */
} sim_run;

/* A vector of clocks, one per component: the threads of a block, then agents that work for them. */
typedef struct sim_clocks {
  uint32_t *seen;   /* what happened before                                      */
  uint32_t *fenced; /* of that, what the asynchronous engines may rely on        */
} sim_clocks;

typedef struct sim_block sim_block;
typedef struct sim_warp sim_warp;
typedef struct sim_team sim_team;

/* What threads come together for. */
typedef enum sim_meeting {
  SIM_MEET_NONE,
  SIM_MEET_ELECT,
  SIM_MEET_UNIFORM,
  SIM_MEET_SHUFFLE,
  SIM_MEET_VOTE,
  SIM_MEET_WARP,
  SIM_MEET_NAMED,
  SIM_MEET_ARRIVE,
  SIM_MEET_REGISTERS,
  SIM_MEET_LDMATRIX,
  SIM_MEET_STMATRIX,
  SIM_MEET_MMA,
  SIM_MEET_WGMMA_FENCE,
  SIM_MEET_WGMMA,
  SIM_MEET_WGMMA_COMMIT,
  SIM_MEET_WGMMA_WAIT,
} sim_meeting;

enum sim_state { SIM_READY, SIM_MEETING, SIM_WAITING, SIM_ENDED };

typedef struct sim_copy { /* one cp.async */
  struct sim_copy *next;
  const void *from;
  uint32_t to, size_b, read_b, group;
  bool done;
  int line;
} sim_copy;

typedef struct sim_bulk { /* one box, to or from shared memory */
  struct sim_bulk *next;
  tc_sim_thread *thread;
  uint64_t map[TC_SIM_MAP_B / 8]; /* a copy: the thread may end before the box is there */
  uint32_t shared, bar, group;
  int at[TC_SIM_MAP_RANK];
  bool done;
  int line;
} sim_bulk;

struct tc_sim_thread {
  TC_SIM_THREAD_FIELDS
  sim_block *block;
  sim_warp *warp;
  tc_rt_fiber *fiber;
  enum sim_state state;
  int line;              /* where it stands */
  void *meet_arg;        /* what it brings to a meeting */
  uint32_t wait_bar;     /* SIM_WAITING: address of the mbarrier */
  uint32_t wait_phase;   /* and the number of the phase that must have ended */
  tc_sim_thread *waiter; /* next one that waits for the same */
  uint32_t fences;       /* fence_async so far, from 1 */
  sim_copy *copies, **copies_end;
  uint32_t cp_groups, bulk_groups; /* closed so far */
  sim_bulk *stores, **stores_end;
  bool in_atomic;
  uint32_t site;                 /* of an assertion that failed */
  uint32_t cp_agent, bulk_agent; /* components, 0: none yet */
  sim_clocks clocks;
};

struct sim_warp {
  sim_block *block;
  uint32_t first, n, arrived, meeting_line;
  sim_meeting meeting;
  uint32_t meet_a, meet_b; /* what must be equal in all lanes: a barrier and a count, for example */
  uint32_t registers;
};

typedef struct sim_product sim_product;
typedef struct sim_accumulator sim_accumulator;

typedef struct sim_warpgroup {
  uint32_t arrived; /* warps */
  sim_meeting meeting;
  int line;
  uint32_t meet_a, meet_b;
  uint32_t committed, agent;
  bool fenced; /* since the last wait */
  sim_product *products, **products_end, *free_products;
  sim_accumulator *accumulators, *settled;
} sim_warpgroup;

typedef struct sim_named {
  uint32_t arrived, count;
  int line;
  tc_sim_thread *waiters;
  sim_clocks clocks;
} sim_named;

typedef struct sim_mbarrier {
  uint32_t addr, count, agent, phase; /* phase: how many have ended */
  int64_t pending, bytes;
  int line;
  uint32_t owner, init_clock; /* the thread that initialised it, and when */
  bool fenced;
  tc_sim_thread *waiters;
  sim_clocks open, ended; /* what arrivals of the phase bring; what those of the last one brought */
} sim_mbarrier;

/* What the generic proxy wrote last, for each 4 bytes of shared memory. */
typedef struct sim_generic {
  uint16_t thread, line; /* thread + 1, 0: nobody since the asynchronous engines wrote it */
  uint32_t fences;
} sim_generic;

/* Who touched a byte last, for race reports. */
typedef struct sim_touch {
  uint32_t clock;
  uint16_t who, line; /* component + 1, 0: nobody */
} sim_touch;
typedef struct sim_cell {
  sim_touch wrote, read[2];
} sim_cell;
typedef struct sim_global_cell {
  sim_touch wrote, read;
  uint32_t wrote_block, read_block;
} sim_global_cell;
typedef struct sim_shadow {
  sim_global_cell *cells;
} sim_shadow;

struct sim_block {
  sim_team *team;
  int32_t bid[3];
  uint32_t number, n_threads, n_warps, n_groups, n_ended, shared_b;
  tc_sim_thread *threads;
  sim_warp *warps;
  sim_warpgroup *groups;
  sim_named named[SIM_NAMED];
  sim_mbarrier *barriers;
  uint32_t n_barriers, max_barriers;
  uint16_t *barrier_at; /* by address / 8: index + 1 */
  unsigned char *shared;
  sim_generic *generic;
  tc_sim_thread *issuer; /* of a product: the thread that runs */
  uint32_t free_registers;
  tc_sim_thread *register_waiters;
  /* race */
  sim_cell *cells;
  uint32_t n_components, max_components;
  sim_clocks scratch;
};

struct sim_team {
  sim_run *run;
  struct sim_chunk *chunks; /* memory of the blocks that run now */
  tc_rt_fibers *fibers;
  sim_block *blocks;
  uint32_t n_blocks;
  tc_sim_thread **ready; /* a ring */
  uint32_t ready_first, n_ready, max_ready;
  uint64_t random;
  uint32_t steps;
  sim_bulk *loads, **loads_end;
  sim_bulk *free_bulk;
  sim_copy *free_copy;
  bool failed;
};

extern const tc_sim_calls tc_sim_call_table;

/* ---- block.c: taking turns ---- */

/* Puts the thread behind those that can go on. */
void tc_sim_ready(tc_sim_thread *t);
/* Leaves the thread until somebody makes it ready again. */
void tc_sim_block_thread(tc_sim_thread *t, enum sim_state state, int line);
/* Lets others go first. */
void tc_sim_yield(tc_sim_thread *t, int line);
/* At random, where the order of threads is. */
void tc_sim_maybe_yield(tc_sim_thread *t, int line);
uint32_t tc_sim_random(sim_team *team, uint32_t n);
/* Runs blocks first to first + n - 1 together. */
bool tc_sim_run_team(sim_run *run, uint64_t first, uint32_t n_blocks);

/* Zeroed bytes, aligned to 64, that live as long as the team's blocks. NULL: out of memory. */
void *tc_sim_alloc(sim_team *team, size_t size_b);
/* The same for a running thread, which is left when there is no memory. */
void *tc_sim_need(tc_sim_thread *t, size_t size_b);

/* ---- report.c ---- */

/* Records a finding and leaves the thread for ever. `other` is a second line of the text, or 0. */
TC_NORETURN void tc_sim_fault(tc_sim_thread *t, enum tc_sim_kind kind, int other, const char *fmt,
                              ...) TC_PRINTF(4, 5);
/* The same without leaving, for where no thread runs. `line` of the text, or 0. */
void tc_sim_found(sim_team *team, enum tc_sim_kind kind, int line, int other, const char *fmt, ...)
    TC_PRINTF(5, 6);
void tc_sim_deadlock(sim_team *team);
const char *tc_sim_meeting_word(sim_meeting meeting);
/* Line of the kernel file for a line of the text; 0: unknown. */
int tc_sim_kernel_line(const tc_sim_module *module, int line);

/* ---- meet.c ---- */

/* Runs when everybody is there, once, in the last one that came. */
typedef void sim_meet_fn(sim_block *block, uint32_t first, uint32_t n, int line);
/* All lanes of the warp; a and b must be the same in all. `fn` may be NULL. */
void tc_sim_meet_warp(tc_sim_thread *t, int line, sim_meeting meeting, uint32_t a, uint32_t b,
                      void *arg, sim_meet_fn *fn);
/* All threads of the warpgroup. */
void tc_sim_meet_group(tc_sim_thread *t, int line, sim_meeting meeting, uint32_t a, uint32_t b,
                       void *arg, sim_meet_fn *fn);

/* ---- memory.c ---- */

/* Bytes of shared memory after checks of place and alignment. */
unsigned char *tc_sim_shared_at(tc_sim_thread *t, const char *what, uint32_t addr, uint32_t size_b,
                                uint32_t align_b);
void tc_sim_check_global(tc_sim_thread *t, const char *what, const void *at, uint64_t size_b,
                         bool writes);
/* Notes that threads wrote, or engines wrote, or are about to read. */
void tc_sim_generic_wrote(tc_sim_thread *t, uint32_t addr, uint32_t size_b);
void tc_sim_async_wrote(sim_block *block, uint32_t addr, uint32_t size_b);
void tc_sim_async_reads(tc_sim_thread *t, const char *what, uint32_t addr, uint32_t size_b);
/* What is on its way looks like NaN. */
void tc_sim_poison(sim_block *block, uint32_t addr, uint32_t size_b);
/* Accesses of threads and copies leave mbarriers alone. */
void tc_sim_check_no_barrier(tc_sim_thread *t, uint32_t addr, uint32_t size_b);
/* Completes a thread's groups of cp.async before number `end`. */
void tc_sim_finish_copies(tc_sim_thread *t, uint32_t end);

/* ---- mbarrier.c ---- */

/* The barrier at an address of shared memory; ends the run when there is none. */
sim_mbarrier *tc_sim_mbarrier(tc_sim_thread *t, uint32_t addr);
/* So many bytes that its phase waits for have come. */
void tc_sim_mbarrier_bytes(tc_sim_thread *t, sim_mbarrier *bar, uint32_t bytes);
/* After the last thread: what is left open. */
void tc_sim_barriers_at_end(sim_block *block);

/* ---- tma.c ---- */

/* Delivers one load that is on its way; false when there is none. */
bool tc_sim_deliver(sim_team *team);
/* After the last thread: what is still on its way. */
void tc_sim_copies_at_end(sim_block *block);

/* ---- race.c ---- */

static inline bool tc_sim_races(const sim_block *block) {
  return block->cells != NULL;
}
void tc_sim_race_start(sim_block *block);
/* What is known about global memory. False: no memory. */
bool tc_sim_race_open(sim_run *run);
void tc_sim_race_close(sim_run *run);
/* A component for something that works behind a thread's back. */
uint32_t tc_sim_race_agent(sim_block *block);
/* `x`: what is written; NULL: it is a read; TC_SIM_ANY: bytes that are not known yet. Writing what
 * is there already is no race with another write: all threads may store one value. */
extern const unsigned char TC_SIM_ANY[1];
void tc_sim_race_access(tc_sim_thread *t, uint32_t addr, uint32_t size_b, const void *x, int line);
/* By an agent that works with what `seen` and, unless NULL, `fenced` say happened before. */
void tc_sim_race_agent_access(tc_sim_thread *t, const sim_clocks *by, bool through_proxy,
                              uint32_t agent, uint32_t clock, uint32_t addr, uint32_t size_b,
                              bool writes, int line);
void tc_sim_race_global(tc_sim_thread *t, const void *at, uint64_t size_b, const void *x, int line);
void tc_sim_race_global_agent(tc_sim_thread *t, const sim_clocks *by, uint32_t agent,
                              uint32_t clock, const void *at, uint64_t size_b, bool writes,
                              int line);
sim_clocks tc_sim_clocks_new(sim_block *block);
/* What all of some threads have seen. */
void tc_sim_clocks_meet(const sim_block *block, sim_clocks *to, uint32_t first, uint32_t n);
void tc_sim_clocks_join(const sim_block *block, sim_clocks *to, const sim_clocks *from);
void tc_sim_clocks_copy(const sim_block *block, sim_clocks *to, const sim_clocks *from);
/* What the thread did so far is known to who joins `to`; what follows is not. */
void tc_sim_release(tc_sim_thread *t, sim_clocks *to);
void tc_sim_acquire(tc_sim_thread *t, const sim_clocks *from);
/* Everybody knows what everybody did. */
void tc_sim_race_meet(sim_block *block, uint32_t first, uint32_t n);

/* ---- matrix.c ---- */

uint32_t tc_sim_type_bits(int type);
/* `n` elements as floats. */
void tc_sim_decode(int type, const void *from, uint32_t n, float *to);

/* ---- wgmma.c ---- */

void tc_sim_products_at_end(sim_block *block);

/* ---- the calls ---- */

#define CALL(result, name, parameters) result tc_sim_##name parameters;
#include "sim/calls.def"
#undef CALL

#endif
