/* Source map: every file of a compilation lies in one 32-bit offset space, and a `tc_span` names a
 * byte range of it. A span of inlined code (a macro, a helper) also names the span of the call, so
 * a diagnostic can walk outwards. Spans are never semantic: equality of IR ignores them. */
#ifndef TC_BASE_SOURCE_H
#define TC_BASE_SOURCE_H

#include "base/str.h"

typedef struct tc_span {
  uint32_t id; /* 0: no place */
} tc_span;

typedef struct tc_source tc_source;

/* Lines and columns count from 1. */
typedef struct tc_place {
  const char *file;
  uint32_t line, column, end_line, end_column;
  tc_str line_text; /* of the first line, without the line end */
} tc_place;

/* A source map without files, which lives as long as the arena. */
tc_source *tc_source_new(tc_arena *arena);
/* Adds a file; `text` is copied with a terminating NUL. `first_line` is the number of its first
 * line (1 for a whole file). Returns the global offset of its first byte. Offsets never exceed
 * 2^31. */
uint32_t tc_source_add(tc_source *source, const char *file, tc_str text, uint32_t first_line);
/* The text of the file that holds global offset `at`, and the offset of its first byte. */
tc_str tc_source_text(const tc_source *source, uint32_t at, uint32_t *first);
/* [start, start + size_b) in global offsets. Equal ranges give equal ids. */
tc_span tc_source_span(tc_source *source, uint32_t start, uint32_t size_b);
/* From the start of `a` to the end of `b`. */
tc_span tc_source_join(tc_source *source, tc_span a, tc_span b);
/* The same range, reached through the call at `call`. */
tc_span tc_source_inlined(tc_source *source, tc_span span, tc_span call);
/* The call this span was inlined through, or id 0. */
tc_span tc_source_caller(const tc_source *source, tc_span span);
/* False when the span is 0. */
bool tc_source_place(const tc_source *source, tc_span span, tc_place *place);

#endif
