#include "tape.h"

#include <stdlib.h>
#include <string.h>

static void *grow(void *at, uint32_t n, uint32_t *capacity, size_t size_b) {
  if (n < *capacity) return at;
  *capacity = *capacity ? 2 * *capacity : 256;
  at = realloc(at, *capacity * size_b);
  if (!at) abort();
  return at;
}

uint64_t tape_mix(uint64_t *state) {
  uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

void tape_record(tape *t, uint64_t seed) {
  t->n = t->given = t->n_spans = 0;
  t->fresh = true;
  t->seed = seed;
}

void tape_replay(tape *t, const uint32_t *at, uint32_t n) {
  t->n = t->n_spans = 0;
  t->given = n;
  t->fresh = false;
  while (t->capacity < n)
    t->at = grow(t->at, t->capacity, &t->capacity, sizeof *t->at);
  if (n) memmove(t->at, at, n * sizeof *at);
}

void tape_free(tape *t) {
  free(t->at);
  free(t->spans);
  memset(t, 0, sizeof *t);
}

uint32_t tape_choose(tape *t, uint32_t n) {
  uint32_t x = 0;
  if (t->n < t->given)
    x = t->at[t->n] % n;
  else if (t->fresh)
    x = (uint32_t)((tape_mix(&t->seed) >> 32) * n >> 32);
  t->at = grow(t->at, t->n, &t->capacity, sizeof *t->at);
  t->at[t->n++] = x;
  return x;
}

bool tape_chance(tape *t, uint32_t n, uint32_t of) {
  return tape_choose(t, of) >= of - n;
}

uint32_t tape_begin(tape *t) {
  t->spans = grow(t->spans, t->n_spans, &t->span_capacity, sizeof *t->spans);
  t->spans[t->n_spans] = (tape_span){t->n, t->n};
  return t->n_spans++;
}

void tape_end(tape *t, uint32_t span) {
  t->spans[span].end = t->n;
}
