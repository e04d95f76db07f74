/* Inside the strand scheduler: strand.c runs, strand_report.c says why it cannot go on. */
#ifndef TC_RT_STRAND_PRIVATE_H
#define TC_RT_STRAND_PRIVATE_H

#include "rt/fiber.h"
#include "rt/strand.h"

enum strand_state {
  STRAND_READY, /* in the queue, or running        */
  STRAND_LOOKS, /* in the queue, to look again     */
  STRAND_MEETS, /* at a meeting of its group       */
  STRAND_NAMED, /* at a numbered barrier           */
  STRAND_GRID,  /* at the barrier of all blocks    */
  STRAND_MBAR,  /* for a phase of an mbarrier      */
  STRAND_WARP,  /* for the other lanes of its warp */
  STRAND_ENDED
};

typedef struct strand_block strand_block;
typedef struct strand_machine strand_machine;

typedef struct strand {
  tc_strand shown; /* first: what the kernel has a pointer to */
  strand_block *block;
  tc_rt_fiber *fiber;
  struct strand *next; /* in the queue, or among those that wait for the same thing */
  enum strand_state state;
  uint32_t site;
  union {
    uint32_t group; /* MEETS */
    int32_t id;     /* NAMED */
    struct {
      const tc_mbar *bar;
      uint32_t parity;
    } mbar; /* MBAR */
    struct {
      uint64_t value;
      uint64_t *lanes;
      uint32_t mask, came;
    } warp; /* WARP */
  } on;
  struct {
    const void *at;
    uint64_t bits, since_ns;
    uint32_t site;
  } seen; /* by `look` */
} strand;

typedef struct strand_list {
  strand *first, **last;
} strand_list;

typedef struct strand_group {
  uint32_t first, n; /* strands of the block */
  uint32_t n_came, key;
  strand_list waiting;
} strand_group;

typedef struct strand_named {
  int32_t count, came; /* threads; count 0: nobody is there */
  strand_list waiting;
} strand_named;

enum { STRAND_NAMED_BARRIERS = 16, STRAND_LANES = 32 };

struct strand_block {
  strand_machine *machine;
  int32_t at[3];
  unsigned char *scratch;
  strand *strands;
  strand_group *groups;
  strand_named named[STRAND_NAMED_BARRIERS];
  strand_list on_mbar;
};

typedef struct strand_grid strand_grid;

/* The strands that one thread of the system runs in turn. */
struct strand_machine {
  const tc_rt_strand_call *call;
  strand_machine *next; /* among those without work */
  tc_rt_fibers *fibers;
  strand_block *blocks;
  uint32_t n_blocks, n_live; /* strands that have not ended */
  size_t size_b;
  strand_list queue, on_grid;
  strand *running;
  uint32_t n_on_grid;
  uint64_t n_idle, idle_since_ns; /* looks since something last changed */
  struct {
    const char *text;
    uint64_t n;
    bool asked;
  } print;
  tc_env env; /* that the kernel gets */
  int32_t result;
  tc_rt_error error;
};

/* Sets the machine's error to what its strands wait for; `why` opens the sentence. */
void tc_rt_strand_report(strand_machine *machine, uint32_t code, const char *why);
const char *tc_rt_strand_site(const strand_machine *machine, uint32_t site);

#endif
