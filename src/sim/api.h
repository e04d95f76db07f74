/* What the simulator and the text it runs have in common. The text gets its half as text, printed
 * by prelude.c from the same rows. */
#ifndef TC_SIM_API_H
#define TC_SIM_API_H

/* The part of a thread that the text reads itself. */
#define TC_SIM_THREAD_FIELDS                                                                       \
  int tid;                                                                                         \
  int bid[3], grid[3];                                                                             \
  unsigned shared;

typedef struct tc_sim_thread tc_sim_thread;

typedef struct tc_sim_calls {
#define CALL(result, name, parameters) result(*name) parameters;
#include "sim/calls.def"
#undef CALL
} tc_sim_calls;

/* Element types of matrix instructions: X(id, bits, doc). */
#define TC_SIM_TYPES(X)                                                                            \
  X(f16, 16)                                                                                       \
  X(bf16, 16)                                                                                      \
  X(tf32, 32)                                                                                      \
  X(e4m3, 8)                                                                                       \
  X(e5m2, 8)                                                                                       \
  X(s8, 8)                                                                                         \
  X(u8, 8)
enum tc_sim_type {
#define X(id, bits) TC_SIM_##id,
  TC_SIM_TYPES(X)
#undef X
};

/* Shared memory does not begin at 0, so that an address that was never set is not in it. */
enum { TC_SIM_SHARED_BASE = 1024 };

#endif
