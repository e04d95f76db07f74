#include "target/common/rt_sources.h"
#include "target/common/write.h"

#include <string.h>

enum { MAX_SOURCES = 64, MAX_DEPTH = 8 };

typedef struct amalgam {
  tc_sb *out;
  bool done[MAX_SOURCES];
  int depth;
} amalgam;

static bool ends_with(const char *text, const char *end) {
  size_t n = strlen(text), k = strlen(end);
  return n >= k && strcmp(text + n - k, end) == 0;
}

static const tc_rt_source *find_source(tc_str path, uint32_t *at) {
  for (uint32_t i = 0; i < tc_rt_n_sources; i++)
    if (tc_str_is(path, tc_rt_sources[i].path)) return *at = i, &tc_rt_sources[i];
  return NULL;
}

tc_str tc_rt_source_text(const char *path) {
  uint32_t at;
  const tc_rt_source *source = find_source(tc_str_of(path), &at);
  return source ? (tc_str){(const char *)source->bytes, source->n} : (tc_str){"", 0};
}

/* The path of `#include "path"`, or an empty string. */
static tc_str included(tc_str line) {
  static const char HEAD[] = "#include \"";
  const uint32_t n = sizeof HEAD - 1;
  if (line.n <= n || memcmp(line.at, HEAD, n) != 0) return (tc_str){"", 0};
  const char *end = memchr(line.at + n, '"', line.n - n);
  return (tc_str){line.at + n, end ? (uint32_t)(end - line.at) - n : 0};
}

/* A line that begins the declaration of a function: its type stands in column 0, and the first word
 * before a parenthesis is a name of these folders. */
static bool declares_function(tc_str line) {
  static const char *const OTHERS[] = {"typedef ", "static ", "enum ", "extern "};
  if (!line.n || line.at[0] < 'a' || line.at[0] > 'z') return false;
  for (uint32_t i = 0; i < TC_COUNT(OTHERS); i++)
    if (tc_str_starts(line, OTHERS[i])) return false;
  const char *round = memchr(line.at, '(', line.n);
  if (!round) return false;
  const char *name = round;
  while (name > line.at && tc_is_c_word(name[-1]))
    name--;
  tc_str word = {name, (uint32_t)(round - name)};
  return name > line.at && (tc_str_starts(word, "tc_rt_") || tc_str_starts(word, "tc_cuda_"));
}

static void add_source(amalgam *a, const tc_rt_source *source, uint32_t at) {
  bool header = ends_with(source->path, ".h");
  if (header && a->done[at]) return;
  if (a->depth == MAX_DEPTH || at >= MAX_SOURCES) return;
  a->done[at] = true;
  a->depth++;
  const char *text = (const char *)source->bytes, *end = text + source->n;
  while (text < end) {
    const char *stop = memchr(text, '\n', (size_t)(end - text));
    tc_str line = {text, (uint32_t)((stop ? stop : end) - text)}, path = included(line);
    uint32_t below;
    const tc_rt_source *other = path.n ? find_source(path, &below) : NULL;
    if (other) {
      add_source(a, other, below);
    } else {
      if (header && declares_function(line)) tc_sb_adds(a->out, "static ");
      tc_sb_add(a->out, line);
      tc_sb_char(a->out, '\n');
    }
    text = stop ? stop + 1 : end;
  }
  a->depth--;
}

void tc_rt_amalgam(bool gpu, tc_sb *out) {
  amalgam a = {.out = out};
  for (uint32_t i = 0; i < tc_rt_n_sources; i++) {
    const char *path = tc_rt_sources[i].path;
    bool wanted = gpu || !tc_str_starts(tc_str_of(path), "runtime/");
    if (wanted && ends_with(path, ".c")) add_source(&a, &tc_rt_sources[i], i);
  }
}
