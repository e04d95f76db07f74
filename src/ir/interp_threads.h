/* Threads in the oracle. A kernel in which threads matter (interp_plan.c says which those are) is
 * run in strands. A strand is a range of threads with one control flow: an `atom` lies between two
 * bounds of the kernel's groups and runs the kernel's body; where threads of a perthread wait for
 * each other, each becomes a strand of its own until the end of that region. Strands are fibers, so
 * a strand that must wait simply leaves the processor in the middle of the walk; the scheduler
 * (interp_strands.c) runs the next one that can go on, and reports when there is none.
 *
 * The machine holds the registers and the storage of the running strand: `atom` ones are exchanged
 * by pointer and by storage record, those of a thread by copying the registers that its region
 * computes. Blocks are one `gang` of strands each, one after another, or all together when blocks
 * wait for blocks.
 *
 * An asynchronous operation is carried out when it is issued, and the bytes it reads and writes are
 * marked as in flight until its end (interp_async.c). Touching a marked byte is an error, so nobody
 * can tell that the bytes came early, and a missing wait always shows. */
#ifndef TC_IR_INTERP_THREADS_H
#define TC_IR_INTERP_THREADS_H

#include "ir/interp_private.h"
#include "rt/fiber.h"

typedef struct tc_strand tc_strand;
typedef struct tc_gang tc_gang;
typedef struct tc_flight tc_flight;

/* ---- records of instructions ---- */

/* TC_INSN_TEAM: what the strands of a team do once, together. */
typedef struct tc_team_code {
  const tc_insn *at;
  uint32_t n;
} tc_team_code;

typedef struct tc_group_code {
  uint32_t team; /* index in the plan */
} tc_group_code;

typedef struct tc_perthread_code {
  bool meets; /* the threads wait for each other: every one is a strand */
  /* The only meeting is one collective, statement number `split - 1` of the region's code, which
   * all threads reach: they go to it one after another, and on from it. 0: not so. */
  uint32_t split;
  uint32_t first_slot, n_slots; /* registers that the region computes */
  uint32_t thread_slot;
  const uint32_t *own; /* indices into the plan's `varying` */
  uint32_t n_own;
} tc_perthread_code;

typedef struct tc_collective_code {
  enum tc_collective_kind kind;
  bool block;
  uint32_t width, value, lane, mask;
  tc_type type; /* of the value */
} tc_collective_code;

typedef struct tc_mbarrier_code {
  enum tc_mbarrier_kind kind;
  tc_slice_code place; /* base: the indices; extents are 1 */
  uint32_t operand;
} tc_mbarrier_code;

typedef struct tc_wait_code {
  tc_access_code access; /* value: what the element is compared with */
  enum tc_opcode compare;
  bool swap; /* the value stands on the left */
} tc_wait_code;

/* TC_INSN_RING: the buffers of rings that a statement touches. */
typedef struct tc_ring_use {
  uint32_t ring, buf; /* number in the ring */
  bool writes;
} tc_ring_use;
typedef struct tc_ring_code {
  const tc_ring_use *use;
  uint32_t n;
} tc_ring_code;

/* ---- the plan of a kernel ---- */

typedef struct tc_range {
  int64_t first, count;
} tc_range;

struct tc_kernel_plan {
  bool threaded;    /* runs in strands */
  bool coresident;  /* all blocks at once */
  bool flies;       /* something is asynchronous: accesses are watched */
  int64_t threads;  /* of a block */
  int64_t clusters; /* blocks of a cluster */
  tc_range *teams;  /* the block, then the groups */
  uint32_t n_teams;
  tc_range *atoms;
  uint32_t n_atoms;
  /* Root buffers: of the block; local, one per atom; local, one per thread. */
  tc_buf *chip, *uniform, *varying;
  uint32_t n_chip, n_uniform, n_varying;
};

/* ---- meetings ---- */

enum tc_stand { /* why a strand does not run */
                TC_STAND_READY,
                TC_STAND_TEAM,    /* for the team, to do something together */
                TC_STAND_BARRIER, /* for others at a barrier, or a collective of the block */
                TC_STAND_LANES,   /* for the lanes of a collective */
                TC_STAND_MBARRIER,
                TC_STAND_RING,   /* for a version to be full or free, or for a baton */
                TC_STAND_MEMORY, /* for an element of memory */
                TC_STAND_SPIN,   /* gave way inside a loop that looks at memory again and again */
                TC_STAND_JOIN,   /* for its threads */
                TC_STAND_DONE
};

typedef struct tc_meeting {
  int64_t arrived, expected; /* threads; expected 0: nobody is here yet */
  tc_value stmt;             /* of the first to arrive */
  tc_strand *waiting;
  uint32_t *clock; /* what those who came knew (interp_race.c) */
} tc_meeting;

typedef struct tc_team {
  tc_range range;
  tc_meeting together, barrier, vote;
  int64_t votes;
  uint32_t poison; /* of a vote */
  tc_reg result;
} tc_team;

/* An element of a barrier buffer. */
struct tc_mbar {
  bool live;
  tc_buf buf;
  uint64_t phase;
  int64_t count, pending; /* arrivals of every phase, and still missing in this one */
  int64_t n_async;        /* of the missing ones: will come when copies are done */
  int64_t bytes, in_flight_b;
  tc_strand *waiting;
  uint32_t *clock;
};

/* Threads arrive at `bar` when their copies up to flight number `before` are done. */
typedef struct tc_async_arrival {
  tc_mbar *bar;
  tc_range threads;
  uint64_t before;
  struct tc_async_arrival *next;
} tc_async_arrival;

/* ---- strands and gangs ---- */

/* What a thread brings to a collective, and what it gets. */
typedef struct tc_lane_values {
  tc_reg value, lane, mask, result;
} tc_lane_values;

struct tc_strand {
  tc_machine *machine;
  tc_gang *gang;
  tc_strand *parent; /* of a thread: the atom */
  tc_range range;
  tc_team *team;
  tc_rt_fiber *fiber;
  tc_unwind unwind, caller_unwind;
  int why, caller_why; /* how it failed, or 0 */
  /* What it does: the kernel's body, or one thread of a perthread. */
  tc_region body;
  const tc_perthread_code *region;
  tc_value region_stmt;

  tc_reg *regs; /* atom: all; thread: those of its region */
  uint32_t regs_cap;
  tc_reg thread_reg;
  tc_storage *locals;     /* atom: of the plan's uniform buffers */
  tc_lane_values *values; /* atom: room for those of its threads, and for their registers */
  tc_reg *windows;
  uint64_t windows_cap;
  tc_frame *frames, thread_frame;

  enum tc_stand stand;
  tc_value stmt;      /* where it waits */
  const tc_insn *at;  /* TC_STAND_LANES, TC_STAND_MEMORY */
  const tc_mbar *bar; /* TC_STAND_MBARRIER */
  const tc_meeting *meeting;
  tc_lane_values lane;
  uint32_t left; /* its threads that are not done */
  tc_strand *next_waiting, *next_free, *next_live, *last_live;
};

enum { TC_QUEUES = TC_ASYNC_MMA + 1 };
struct tc_gang {
  uint64_t number;
  int64_t block[3];
  uint64_t cluster;
  tc_strand *atoms;
  tc_team *teams;
  tc_meeting named[TC_NAMED_BARRIERS];
  tc_meeting *warps;  /* by warp: for barriers of a warp */
  tc_strand **lanes;  /* by thread: waits at a collective of its warp */
  tc_storage *chip;   /* while another gang runs */
  tc_storage *copies; /* of varying buffers: [buffer][thread] */
  uint32_t *commits;  /* closed groups: [queue][thread] */
  tc_flight *flights; /* oldest first */
  tc_flight **last_flight;
  tc_async_arrival *arrivals;
  struct tc_ring_state *rings; /* by the ring's number */
  uint32_t left;               /* atoms that are not done */
  uint32_t serial;             /* of this run of the gang, when races are looked for */
  uint32_t *clocks;            /* vector clocks: [thread][thread] */
};

struct tc_crew {
  tc_machine *m;
  const tc_kernel_plan *plan;
  const tc_kernel *kernel;
  tc_value stmt; /* the kernel */
  tc_region body;
  tc_rt_fibers *fibers;
  tc_reg *regs; /* of the machine outside the kernel */
  tc_unwind *home, *caller_home;
  tc_frame *frames;
  tc_strand *now; /* NULL: the scheduler runs */
  int64_t single; /* the thread that `now` runs of a perthread, -1: none */
  /* Whose registers and storage the machine holds. */
  tc_gang *gang;
  tc_strand *atom, *thread;
  TC_VEC(tc_strand *) ready; /* from `head` on */
  uint32_t head;
  tc_strand *polling; /* TC_STAND_MEMORY and TC_STAND_SPIN */
  tc_strand *live, *free_threads;
  uint64_t n_live, events, seen_events, idle_rounds;
  tc_gang *gangs;
  uint32_t n_gangs;
  tc_meeting grid, *clusters;
  tc_flight *free_flights;
  tc_async_arrival *free_arrivals;
  uint64_t n_flights, next_flight;
  uint64_t blocks;
  uint32_t first_serial;
  uint32_t *sum;  /* room for one clock */
  tc_map atomics; /* address -> index of its clock */
  TC_VEC(uint32_t *) atomic_clocks;
};

/* ---- interp_plan.c ---- */

/* What threads mean in a kernel. */
const tc_kernel_plan *tc_interp_plan(tc_machine *m, tc_value kernel);
/* True when threads that run this region one by one could wait for each other. */
bool tc_interp_meets(tc_ir *ir, tc_region body);
/* The index in the region's statements of the collective that is its only meeting, or -1. */
int64_t tc_interp_lone_collective(tc_ir *ir, tc_region body);
/* The root of the storage that a kernel accesses through `buf` when it is one of `list`, as an
 * index, or -1. */
int64_t tc_interp_index_of(const tc_ir *ir, const tc_buf *list, uint32_t n, tc_buf buf);

/* ---- interp_strands.c ---- */

void tc_interp_gangs(tc_machine *m, const tc_insn *p, const tc_kernel_plan *plan,
                     const int64_t *grid);
void tc_interp_team(tc_machine *m, const tc_insn *p);
enum tc_flow tc_interp_group(tc_machine *m, const tc_insn *p);
void tc_interp_perthread(tc_machine *m, const tc_insn *p);
/* Allocates a varying buffer for all threads of the running strand. */
void tc_interp_alloc_copies(tc_machine *m, const tc_insn *p);
/* The threads of the running strand. */
tc_range tc_interp_threads(const tc_machine *m);

/* Leaves the processor until somebody wakes the running strand. */
void tc_interp_stand(tc_crew *crew, enum tc_stand stand, tc_value stmt, tc_strand **list);
/* Makes all of a list ready. */
void tc_interp_wake(tc_crew *crew, tc_strand **list);
void tc_interp_ready(tc_crew *crew, tc_strand *s);

/* ---- interp_sync.c ---- */

void tc_interp_barrier(tc_machine *m, const tc_insn *p);
void tc_interp_collective(tc_machine *m, const tc_insn *p);
/* The same for a range of threads of the running strand at once: values[t - first]. */
void tc_interp_collective_of(tc_machine *m, const tc_insn *p, tc_range range,
                             tc_lane_values *values);
/* Ends the phase if it only waits for what is in flight; true when the phase is another one now. */
bool tc_interp_settle(tc_crew *crew, tc_mbar *bar);
/* More is in flight now: who waits may look again. */
void tc_interp_poke(tc_crew *crew, tc_mbar *bar);
void tc_interp_mbarrier(tc_machine *m, const tc_insn *p);
void tc_interp_wait(tc_machine *m, const tc_insn *p);
void tc_interp_spin(tc_machine *m, const tc_insn *p);

/* ---- interp_async.c ---- */

/* After an asynchronous copy or gemm was carried out. */
void tc_interp_fly(tc_machine *m, const tc_insn *p);
void tc_interp_async(tc_machine *m, const tc_insn *p);
/* TC_INSN_WATCH: complains when what the instruction after it touches is in flight. */
void tc_interp_watch(tc_machine *m, const tc_insn *p);
/* The element of a barrier buffer. */
tc_mbar *tc_interp_mbar(tc_machine *m, const tc_slice_code *place, tc_value stmt);
void tc_interp_async_arrive(tc_machine *m, const tc_insn *p, tc_mbar *bar);
/* Ends what is in flight for a barrier. */
void tc_interp_deliver(tc_crew *crew, tc_gang *gang, tc_mbar *bar);
/* A block has ended: nothing of it is in flight any more. */
void tc_interp_land(tc_crew *crew, tc_gang *gang);

/* ---- interp_ring.c ---- */

void tc_interp_ring(tc_machine *m, const tc_insn *p);
/* acquire, commit, wait, release, skip. */
void tc_interp_ring_step(tc_machine *m, const tc_insn *p);
void tc_interp_ring_select(tc_machine *m, const tc_insn *p);

/* ---- interp_race.c: all of it does nothing unless races are looked for ---- */

void tc_interp_clocks_start(tc_crew *crew, tc_gang *gang);
/* The threads put what they know into a clock, and learn from it. */
void tc_interp_release(tc_crew *crew, uint32_t **clock, tc_range threads);
void tc_interp_acquire(tc_crew *crew, uint32_t *const *clock, tc_range threads);
/* Those of the threads whose bit is set learn from each other; of a warp, or all of a range. */
void tc_interp_join(tc_crew *crew, tc_range threads, uint32_t mask);
void tc_interp_touch_atomic(tc_machine *m, const tc_view *view, uint64_t bit);
/* The running strand or thread accesses an element: reports a race, else remembers the access. */
typedef struct tc_seen_access {
  bool writes, atomic;
  bool same;   /* writes what is there already */
  bool unseen; /* is not remembered: asynchronous operations are watched by other means */
} tc_seen_access;
void tc_interp_visit(tc_machine *m, const tc_view *view, uint64_t bit, const int64_t *index,
                     tc_value stmt, const tc_seen_access *how);

/* ---- interp_report.c ---- */

/* No strand can go on. */
TC_NORETURN void tc_interp_deadlock(tc_crew *crew);
/* The running strand came to `stmt` while another one of its team waits elsewhere. */
TC_NORETURN void tc_interp_divergent(tc_machine *m, tc_value stmt, const tc_strand *other);
/* `other`, which `thread` needs for a collective, does not come to it. */
TC_NORETURN void tc_interp_missing_lane(tc_machine *m, tc_value stmt, int64_t thread,
                                        int64_t other);
/* `stmt` touches what the statement `issue` still reads or writes. */
TC_NORETURN void tc_interp_in_flight(tc_machine *m, tc_value stmt, tc_buf buf, bool writes,
                                     tc_value issue, bool signal);
TC_NORETURN void tc_interp_bad_mbarrier(tc_machine *m, tc_value stmt, tc_buf buf, const char *what);

#endif
