#include "base/arena.h"

#include "tilec/tilec.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* With AddressSanitizer memory ends where its user says so, that stale pointers be found. */
#ifdef __SANITIZE_ADDRESS__
enum { KEEPS = 0 };
#else
enum { KEEPS = 1 };
#endif
enum { CHUNK_B = 64 * 1024, ALIGN_B = 16 };
static const size_t DEFAULT_LIMIT_B = (size_t)4 << 30;

static size_t header_b(void) {
  return (sizeof(tc_chunk) + ALIGN_B - 1) / ALIGN_B * ALIGN_B;
}

void tc_arena_init(tc_arena *arena, tc_unwind *unwind, size_t limit_b) {
  *arena = (tc_arena){
      .limit_b = limit_b ? limit_b : DEFAULT_LIMIT_B, .unwind = unwind, .chunk_b = CHUNK_B};
}

void tc_arena_init_like(tc_arena *arena, const tc_arena *like, tc_unwind *unwind, size_t limit_b) {
  tc_arena_init(arena, unwind, limit_b);
  arena->hooks = like->hooks;
  arena->chunk_b = like->chunk_b;
}

static tc_chunk *chunk_new(tc_arena *arena, size_t whole_b) {
  const tilec_allocator *hooks = arena->hooks;
  tc_chunk *spare = arena->spare;
  if (spare && spare->size_b == whole_b) {
    arena->spare = spare->next;
    return spare;
  }
  return hooks ? hooks->alloc(hooks->data, whole_b, ALIGN_B) : malloc(whole_b);
}

static void chunk_end(const tc_arena *arena, tc_chunk *chunk) {
  const tilec_allocator *hooks = arena->hooks;
  if (hooks)
    hooks->free(hooks->data, chunk, chunk->size_b);
  else
    free(chunk);
}

static void end_all(const tc_arena *arena, tc_chunk *chunk) {
  for (tc_chunk *next; chunk; chunk = next) {
    next = chunk->next;
    chunk_end(arena, chunk);
  }
}

void tc_arena_free(tc_arena *arena) {
  end_all(arena, arena->first);
  end_all(arena, arena->spare);
  arena->first = arena->spare = NULL;
  arena->total_b = 0;
}

static bool may_keep(const tc_arena *arena, const tc_chunk *chunk) {
  return KEEPS && chunk->size_b == arena->chunk_b + header_b();
}

tc_arena_mark tc_arena_here(const tc_arena *arena) {
  return (tc_arena_mark){arena->first, arena->first ? arena->first->used_b : 0};
}

void tc_arena_rewind(tc_arena *arena, tc_arena_mark mark) {
  while (arena->first && arena->first != mark.chunk) {
    tc_chunk *chunk = arena->first;
    arena->first = chunk->next;
    arena->total_b -= chunk->size_b;
    if (may_keep(arena, chunk)) {
      chunk->next = arena->spare;
      arena->spare = chunk;
    } else {
      chunk_end(arena, chunk);
    }
  }
  if (arena->first) arena->first->used_b = mark.used_b;
}

static void add_chunk(tc_arena *arena, size_t size_b) {
  size_t payload_b = size_b > arena->chunk_b ? size_b : arena->chunk_b;
  size_t whole_b = payload_b + header_b();
  if (whole_b < size_b || arena->total_b + whole_b > arena->limit_b)
    tc_unwind_to(arena->unwind, TC_WHY_MEMORY);
  tc_chunk *chunk = chunk_new(arena, whole_b);
  if (!chunk) tc_unwind_to(arena->unwind, TC_WHY_MEMORY);
  *chunk = (tc_chunk){.next = arena->first, .size_b = whole_b, .used_b = header_b()};
  arena->first = chunk;
  arena->total_b += whole_b;
}

/* What is in it is left as it is. */
static void *take(tc_arena *arena, size_t size_b) {
  if (size_b > arena->limit_b) tc_unwind_to(arena->unwind, TC_WHY_MEMORY);
  size_t rounded_b = (size_b + ALIGN_B - 1) / ALIGN_B * ALIGN_B;
  if (!arena->first || arena->first->size_b - arena->first->used_b < rounded_b)
    add_chunk(arena, rounded_b);
  char *at = (char *)arena->first + arena->first->used_b;
  arena->first->used_b += rounded_b;
  return at;
}

void *tc_arena_alloc(tc_arena *arena, size_t size_b) {
  void *at = take(arena, size_b);
  memset(at, 0, size_b);
  return at;
}

char *tc_arena_text(tc_arena *arena, size_t size_b) {
  return take(arena, size_b);
}

void *tc_arena_array(tc_arena *arena, size_t n, size_t size_b) {
  if (size_b && n > SIZE_MAX / size_b) tc_unwind_to(arena->unwind, TC_WHY_MEMORY);
  return tc_arena_alloc(arena, n * size_b);
}

void *tc_arena_copy(tc_arena *arena, const void *from, size_t size_b) {
  void *to = take(arena, size_b);
  if (size_b) memcpy(to, from, size_b);
  return to;
}

void tc_unwind_to(tc_unwind *unwind, enum tc_why why) {
  /* Without an entry to return to there is nobody to tell: that is a bug of the caller. */
  if (!unwind) abort();
  longjmp(unwind->at, (int)why);
}

void tc_bug(tc_unwind *unwind, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  if (unwind) vsnprintf(unwind->text, sizeof unwind->text, fmt, args);
  va_end(args);
  tc_unwind_to(unwind, TC_WHY_BUG);
}

void *tc_vec_room(tc_arena *arena, void *at, uint32_t n, uint32_t *cap, uint32_t more,
                  size_t size_b) {
  if (more <= *cap - n) return at;
  uint64_t want = (uint64_t)n + more, doubled = (uint64_t)*cap * 2;
  if (want < doubled) want = doubled;
  if (want < 8) want = 8;
  if (want > UINT32_MAX) tc_unwind_to(arena->unwind, TC_WHY_MEMORY);
  void *grown = tc_arena_array(arena, (size_t)want, size_b);
  if (n) memcpy(grown, at, n * size_b);
  *cap = (uint32_t)want;
  return grown;
}
