/* Arenas: all compiler memory lives in one of three (context, compilation, scratch) and dies with
 * it.
 *
 * Nothing in the compiler frees a single object. Allocation never returns NULL: when memory, or the
 * arena's byte limit, is exhausted, control unwinds to the one setjmp of the API entry that owns
 * the arena's `tc_unwind`. So compiler code holds no file, lock or driver handle across an
 * allocation. An arena belongs to one thread at a time. */
#ifndef TC_BASE_ARENA_H
#define TC_BASE_ARENA_H

#include "base/compiler.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Why an entry was left early. The numbers are what setjmp returns there. */
enum tc_why {
  TC_WHY_MEMORY = 1, /* no chunk was to be had or the arena's limit was reached */
  TC_WHY_ERROR = 2,  /* a user error was recorded in the diagnostics and nothing can go on */
  TC_WHY_BUG = 3,    /* our bug; `text` says where                                        */
  TC_WHY_BUDGET = 4, /* a step or time budget ran out (a diagnostic was recorded)          */
};

typedef struct tc_unwind {
  jmp_buf at;
  char text[320]; /* filled for TC_WHY_BUG */
} tc_unwind;

typedef struct tc_chunk {
  struct tc_chunk *next;
  size_t size_b, used_b;
} tc_chunk;

typedef struct tc_arena {
  tc_chunk *first;
  tc_chunk *spare;                     /* of the usual size, to be used again */
  size_t total_b, limit_b;             /* bytes in use; limit_b == 0 means 4 GiB */
  tc_unwind *unwind;                   /* where exhaustion goes; set before the first allocation */
  const struct tilec_allocator *hooks; /* where chunks come from; NULL: malloc */
  size_t chunk_b;                      /* least payload of a chunk; tests make it small */
} tc_arena;

/* Position to which tc_arena_rewind returns; everything allocated later is gone then. */
typedef struct tc_arena_mark {
  tc_chunk *chunk;
  size_t used_b;
} tc_arena_mark;

/* An empty arena. Too much memory, or none to be had, unwinds to `unwind`; limit_b 0: 4 GiB. */
void tc_arena_init(tc_arena *arena, tc_unwind *unwind, size_t limit_b);
/* The same, with chunks from where those of `like` come from. */
void tc_arena_init_like(tc_arena *arena, const tc_arena *like, tc_unwind *unwind, size_t limit_b);
void tc_arena_free(tc_arena *arena);
tc_arena_mark tc_arena_here(const tc_arena *arena);
/* Keeps the memory, so that what comes next need not ask the system for it again. */
void tc_arena_rewind(tc_arena *arena, tc_arena_mark mark);

/* `size_b` zeroed bytes aligned to 16. Never NULL; unwinds with TC_WHY_MEMORY. */
void *tc_arena_alloc(tc_arena *arena, size_t size_b);
/* `n` elements of `size_b` bytes, overflow checked. */
void *tc_arena_array(tc_arena *arena, size_t n, size_t size_b);
/* The same for text that is written at once: nothing is in it yet. */
char *tc_arena_text(tc_arena *arena, size_t size_b);
/* A copy of `size_b` bytes. */
void *tc_arena_copy(tc_arena *arena, const void *from, size_t size_b);

#define TC_NEW(arena, type)          ((type *)tc_arena_alloc(arena, sizeof(type)))
#define TC_NEW_ARRAY(arena, n, type) ((type *)tc_arena_array(arena, n, sizeof(type)))

/* Leaves for the API entry. `tc_bug` formats the place into the unwind record first. */
TC_NORETURN void tc_unwind_to(tc_unwind *unwind, enum tc_why why);
TC_NORETURN void tc_bug(tc_unwind *unwind, const char *fmt, ...) TC_PRINTF(2, 3);

/* Growable arrays in an arena: TC_VEC(int) xs = {0}; tc_vec_push(arena, &xs, 3); xs.at[0]. Growth
 * leaves the old block to the arena, so pointers into a vector are stale after a push. */
#define TC_VEC(type)                                                                               \
  struct {                                                                                         \
    type *at;                                                                                      \
    uint32_t n, cap;                                                                               \
  }
void *tc_vec_room(tc_arena *arena, void *at, uint32_t n, uint32_t *cap, uint32_t more,
                  size_t size_b);
#define tc_vec_reserve(arena, v, more)                                                             \
  ((v)->at = tc_vec_room(arena, (v)->at, (v)->n, &(v)->cap, more, sizeof *(v)->at))
#define tc_vec_push(arena, v, x) (tc_vec_reserve(arena, v, 1), (v)->at[(v)->n++] = (x))

#endif
