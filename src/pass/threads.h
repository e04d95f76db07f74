/* Inside threads. Its steps, each in a file of its own:
 *
 *   threads_range.c   conditions that select a range of threads around what needs a group
 *   threads_fragment.c  fragments that groups use each for themselves
 *   threads_vary.c    what differs between the threads of a strand
 *   threads_sync.c    barriers that the language implies
 *   threads_part.c    conditions taken apart where a barrier is implied inside
 *   threads_place.c   regions of per-thread code, and the values that cross from one to another
 *
 * A strand is a set of threads with one control flow: the block, or what groups cut it into. Code
 * outside perthread runs once per strand, so whatever it computes must be the same for its threads:
 * *uniform*. Everything else is *varying*. */
#ifndef TC_PASS_THREADS_H
#define TC_PASS_THREADS_H

#include "pass/pass.h"

typedef struct tc_threads {
  tc_ir *ir;
  tc_arena *arena;
  tc_value kernel;
  tc_prover *prover;
  int64_t count; /* threads of the block */
  /* By value id, up to n_values: those made later are not varying. */
  uint32_t n_values;
  bool *varies;   /* values, pure ones included */
  bool *diverges; /* if, for, while: threads take different paths */
  /* By buffer id. */
  bool *private_; /* local and var storage of which each thread has a copy */
} tc_threads;

typedef struct tc_thread_range {
  int64_t first, count;
} tc_thread_range;

/* Does the value depend on a thread index of the kernel? */
bool tc_threads_in(const tc_threads *t, tc_value v);
/* An operation that all threads of a strand's group do together: a tile operation or a parallel
 * loop. */
bool tc_threads_is_tile(const tc_ir *ir, tc_value stmt);
/* Memory in which threads of a block see what others wrote. */
static inline bool tc_threads_is_shared(const tc_ir *ir, tc_buf buf) {
  enum tc_scope scope = tc_buf_at(ir, buf)->scope;
  return scope == TC_SCOPE_shared || scope == TC_SCOPE_fragment;
}
/* Something that lets threads wait for each other: a barrier, an exchange of values, a wait. */
bool tc_threads_is_sync(const tc_ir *ir, tc_value stmt);

/* Turns conditions on thread indices into groups where what stands under them needs one. */
void tc_threads_group(tc_threads *t); /* threads_range.c */
/* Gives groups without a common thread fragments of their own. */
void tc_threads_fragments(tc_threads *t); /* threads_fragment.c */
/* Fills in varies, diverges and private_. */
void tc_threads_analyse(tc_threads *t); /* threads_vary.c */
/* Is the tile operation one of each thread by itself: does it touch a private buffer? */
bool tc_threads_is_own_tile(const tc_threads *t, tc_value stmt);
static inline bool tc_threads_varies(const tc_threads *t, tc_value v) {
  return v.id < t->n_values && t->varies[v.id];
}
/* Two accesses to shared memory, of which one thread's second must wait for another's first. */
typedef struct tc_threads_pair {
  tc_value first, then;
} tc_threads_pair;
/* Puts barriers where threads read what others wrote to shared memory. False, and nothing is put,
 * when one would have to stand where threads take different paths, between *pair. */
bool tc_threads_sync(tc_threads *t, tc_threads_pair *pair); /* threads_sync.c */
/* Below `around`, does no thread come to an element by `b` that another one comes to by `a`? */
bool tc_threads_apart(tc_threads *t, tc_value around, tc_value a, tc_value b); /* threads_part.c */
/* Takes what stands around the pair apart, a step, or refuses. What was analysed holds no more. */
void tc_threads_part(tc_threads *t, tc_threads_pair pair);
/* Makes the regions. */
void tc_threads_place(tc_threads *t); /* threads_place.c */

#endif
