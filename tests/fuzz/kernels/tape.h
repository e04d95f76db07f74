/* The decisions of a generator, on a tape. A generator asks `tape_choose` for everything it may
 * decide, and 0 is always the simplest answer; so a program is its tape, and a smaller tape (pieces
 * taken out, numbers made smaller) is a smaller program. Past its end a replayed tape gives 0. */
#ifndef FUZZ_TAPE_H
#define FUZZ_TAPE_H

#include <stdbool.h>
#include <stdint.h>

/* Decisions [first, end) made one part of the program: a statement, an expression. */
typedef struct tape_span {
  uint32_t first, end;
} tape_span;

typedef struct tape {
  uint32_t *at;
  uint32_t n, capacity;
  uint32_t given; /* so many are replayed */
  bool fresh;     /* what follows them is random, not 0 */
  uint64_t seed;
  tape_span *spans;
  uint32_t n_spans, span_capacity;
} tape;

/* An empty tape that is filled at random. */
void tape_record(tape *t, uint64_t seed);
/* A tape that replays `n` decisions. */
void tape_replay(tape *t, const uint32_t *at, uint32_t n);
void tape_free(tape *t);

/* A number below `n`, which is not 0. */
uint32_t tape_choose(tape *t, uint32_t n);
/* True in `n` of `of` cases; false is the simpler answer. */
bool tape_chance(tape *t, uint32_t n, uint32_t of);

/* Spans may nest; `begin` gives what `end` takes. */
uint32_t tape_begin(tape *t);
void tape_end(tape *t, uint32_t span);

/* A step of splitmix64 (Steele, Lea, Flood 2014). */
uint64_t tape_mix(uint64_t *state);

#endif
