#include "base/source.h"

#include "base/map.h"

typedef struct file {
  const char *name;
  tc_str text;
  uint32_t first, first_line; /* global offset of byte 0; number of the first line */
  uint32_t *line_starts, n_lines;
} file;

typedef struct range {
  uint32_t start, size_b, caller;
} range;

struct tc_source {
  tc_arena *arena;
  TC_VEC(file) files;
  TC_VEC(range) ranges;
  tc_map known; /* start and size -> span, for spans without a caller */
  uint32_t end;
};

tc_source *tc_source_new(tc_arena *arena) {
  tc_source *source = TC_NEW(arena, tc_source);
  source->arena = arena;
  source->known = tc_map_in(arena);
  source->end = 1;
  tc_vec_push(arena, &source->ranges, (range){0});
  return source;
}

static void index_lines(tc_source *source, file *f) {
  TC_VEC(uint32_t) starts = {0};
  tc_vec_push(source->arena, &starts, 0);
  for (uint32_t i = 0; i < f->text.n; i++)
    if (f->text.at[i] == '\n') tc_vec_push(source->arena, &starts, i + 1);
  f->line_starts = starts.at;
  f->n_lines = starts.n;
}

uint32_t tc_source_add(tc_source *source, const char *name, tc_str text, uint32_t first_line) {
  if (text.n >= UINT32_C(0x7fffffff) - source->end)
    tc_unwind_to(source->arena->unwind, TC_WHY_MEMORY);
  file f = {.name = tc_str_dup(source->arena, tc_str_of(name)),
            .text = {tc_str_dup(source->arena, text), text.n},
            .first = source->end,
            .first_line = first_line};
  index_lines(source, &f);
  tc_vec_push(source->arena, &source->files, f);
  source->end += text.n + 1;
  return f.first;
}

static const file *file_at(const tc_source *source, uint32_t at) {
  for (uint32_t i = source->files.n; i-- > 0;)
    if (at >= source->files.at[i].first) return &source->files.at[i];
  return NULL;
}

tc_str tc_source_text(const tc_source *source, uint32_t at, uint32_t *first) {
  const file *f = file_at(source, at);
  *first = f ? f->first : 0;
  return f ? f->text : TC_STR("");
}

tc_span tc_source_span(tc_source *source, uint32_t start, uint32_t size_b) {
  uint64_t key = (uint64_t)start << 32 | size_b;
  uint32_t id;
  if (tc_map_get(&source->known, key, &id)) return (tc_span){id};
  id = source->ranges.n;
  tc_vec_push(source->arena, &source->ranges, ((range){start, size_b, 0}));
  tc_map_put(&source->known, key, id);
  return (tc_span){id};
}

tc_span tc_source_join(tc_source *source, tc_span a, tc_span b) {
  if (!a.id) return b;
  if (!b.id) return a;
  range ra = source->ranges.at[a.id], rb = source->ranges.at[b.id];
  uint32_t end = rb.start + rb.size_b;
  if (end < ra.start) return a;
  return tc_source_span(source, ra.start, end - ra.start);
}

tc_span tc_source_inlined(tc_source *source, tc_span span, tc_span call) {
  if (!span.id || !call.id) return span;
  range r = source->ranges.at[span.id];
  r.caller = call.id;
  tc_vec_push(source->arena, &source->ranges, r);
  return (tc_span){source->ranges.n - 1};
}

tc_span tc_source_caller(const tc_source *source, tc_span span) {
  return (tc_span){source->ranges.at[span.id].caller};
}

static uint32_t line_index(const file *f, uint32_t at) {
  uint32_t lo = 0, hi = f->n_lines;
  while (hi - lo > 1) {
    uint32_t mid = lo + (hi - lo) / 2;
    if (f->line_starts[mid] <= at) {
      lo = mid;
    } else {
      hi = mid;
    }
  }
  return lo;
}

bool tc_source_place(const tc_source *source, tc_span span, tc_place *place) {
  range r = source->ranges.at[span.id];
  const file *f = span.id ? file_at(source, r.start) : NULL;
  if (!f) return false;
  uint32_t at = r.start - f->first, end = at + r.size_b;
  if (end > f->text.n) end = f->text.n;
  uint32_t line = line_index(f, at), last = line_index(f, end);
  uint32_t line_end = line + 1 < f->n_lines ? f->line_starts[line + 1] - 1 : f->text.n;
  uint32_t from = f->line_starts[line];
  if (line_end > from && f->text.at[line_end - 1] == '\r') line_end--;
  *place = (tc_place){.file = f->name,
                      .line = f->first_line + line,
                      .column = at - from + 1,
                      .end_line = f->first_line + last,
                      .end_column = end - f->line_starts[last] + 1,
                      .line_text = {f->text.at + from, line_end > from ? line_end - from : 0}};
  return true;
}
