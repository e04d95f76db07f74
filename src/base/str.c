#include "base/str.h"

#include "base/format.h"
#include "base/map.h"

#include <string.h>

tc_str tc_str_of(const char *text) {
  return (tc_str){text, (uint32_t)strlen(text)};
}

bool tc_str_equal(tc_str a, tc_str b) {
  return a.n == b.n && (a.n == 0 || memcmp(a.at, b.at, a.n) == 0);
}

bool tc_str_is(tc_str a, const char *text) {
  return tc_str_equal(a, tc_str_of(text));
}

bool tc_str_starts(tc_str a, const char *prefix) {
  size_t n = strlen(prefix);
  return a.n >= n && memcmp(a.at, prefix, n) == 0;
}

char *tc_str_dup(tc_arena *arena, tc_str s) {
  char *copy = tc_arena_text(arena, (size_t)s.n + 1);
  if (s.n) memcpy(copy, s.at, s.n);
  copy[s.n] = 0;
  return copy;
}

/* Unicode 15, table 3-7. */
uint32_t tc_utf8_size(tc_str text) {
  const unsigned char *at = (const unsigned char *)text.at;
  if (!text.n) return 0;
  if (at[0] < 0x80) return 1;
  uint32_t size = at[0] >= 0xC2 && at[0] <= 0xDF   ? 2
                  : (at[0] & 0xF0) == 0xE0         ? 3
                  : at[0] >= 0xF0 && at[0] <= 0xF4 ? 4
                                                   : 0;
  if (!size || size > text.n) return 0;
  unsigned char low = at[0] == 0xE0 ? 0xA0 : at[0] == 0xF0 ? 0x90 : 0x80;
  unsigned char high = at[0] == 0xED ? 0x9F : at[0] == 0xF4 ? 0x8F : 0xBF;
  if (at[1] < low || at[1] > high) return 0;
  for (uint32_t i = 2; i < size; i++)
    if ((at[i] & 0xC0) != 0x80) return 0;
  return size;
}

uint64_t tc_hash_bytes(const void *bytes, size_t size_b, uint64_t seed) {
  const unsigned char *at = bytes;
  uint64_t h = seed ^ (size_b * UINT64_C(0x9E3779B97F4A7C15));
  while (size_b >= 8) {
    uint64_t word;
    memcpy(&word, at, 8);
    h = tc_hash_u64(h ^ word);
    at += 8, size_b -= 8;
  }
  uint64_t tail = 0;
  for (size_t i = 0; i < size_b; i++)
    tail |= (uint64_t)at[i] << (8 * i);
  return tc_hash_u64(h ^ tail ^ ((uint64_t)size_b << 56));
}

uint32_t tc_str_distance(tc_str a, tc_str b, uint32_t limit) {
  enum { MAX = 64 };
  if (a.n > MAX || b.n > MAX) return limit;
  uint32_t gap = a.n > b.n ? a.n - b.n : b.n - a.n;
  if (gap >= limit) return limit;
  uint32_t row[MAX + 1];
  for (uint32_t j = 0; j <= b.n; j++)
    row[j] = j;
  for (uint32_t i = 1; i <= a.n; i++) {
    uint32_t diagonal = row[0];
    row[0] = i;
    for (uint32_t j = 1; j <= b.n; j++) {
      uint32_t best = diagonal + (a.at[i - 1] != b.at[j - 1]);
      if (row[j] + 1 < best) best = row[j] + 1;
      if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
      diagonal = row[j];
      row[j] = best;
    }
  }
  return row[b.n] < limit ? row[b.n] : limit;
}

tc_near tc_near_to(tc_str name, uint32_t limit) {
  return (tc_near){.name = name, .least = limit};
}

void tc_near_offer(tc_near *near, tc_str candidate) {
  uint32_t d = tc_str_distance(near->name, candidate, near->least);
  if (d < near->least) near->least = d, near->best = candidate;
}

struct tc_names {
  tc_arena *arena;
  TC_VEC(tc_str) texts;
  uint32_t *slots; /* name id + 1 */
  uint32_t cap;
};

tc_names *tc_names_new(tc_arena *arena) {
  tc_names *names = TC_NEW(arena, tc_names);
  names->arena = arena;
  names->cap = 256;
  names->slots = TC_NEW_ARRAY(arena, names->cap, uint32_t);
  tc_names_add(names, TC_STR(""));
  return names;
}

static uint32_t *find_slot(const tc_names *names, tc_str text) {
  uint32_t at = (uint32_t)tc_hash_bytes(text.at, text.n, 1) & (names->cap - 1);
  while (names->slots[at] && !tc_str_equal(names->texts.at[names->slots[at] - 1], text))
    at = (at + 1) & (names->cap - 1);
  return &names->slots[at];
}

static void names_grow(tc_names *names) {
  names->cap *= 2;
  names->slots = TC_NEW_ARRAY(names->arena, names->cap, uint32_t);
  for (uint32_t i = 0; i < names->texts.n; i++)
    *find_slot(names, names->texts.at[i]) = i + 1;
}

tc_name tc_names_add(tc_names *names, tc_str text) {
  uint32_t *slot = find_slot(names, text);
  if (*slot) return (tc_name){*slot - 1};
  tc_str copy = {tc_str_dup(names->arena, text), text.n};
  tc_vec_push(names->arena, &names->texts, copy);
  *slot = names->texts.n;
  tc_name name = {names->texts.n - 1};
  if (names->texts.n * 2 > names->cap) names_grow(names);
  return name;
}

tc_str tc_names_text(const tc_names *names, tc_name name) {
  return names->texts.at[name.id];
}

tc_sb tc_sb_in(tc_arena *arena) {
  return (tc_sb){.arena = arena};
}

void tc_sb_room(tc_sb *sb, size_t more) {
  if (sb->n + more + 1 <= sb->cap) return;
  size_t cap = sb->cap * 2 > sb->n + more + 1 ? sb->cap * 2 : sb->n + more + 1;
  if (cap < 256) cap = 256;
  char *grown = tc_arena_text(sb->arena, cap);
  if (sb->n) memcpy(grown, sb->at, sb->n);
  sb->at = grown;
  sb->cap = cap;
}

void tc_sb_add(tc_sb *sb, tc_str text) {
  tc_sb_room(sb, text.n);
  if (text.n) memcpy(sb->at + sb->n, text.at, text.n);
  sb->n += text.n;
  sb->at[sb->n] = 0;
}

void tc_sb_adds(tc_sb *sb, const char *text) {
  tc_sb_add(sb, tc_str_of(text));
}

void tc_sb_char(tc_sb *sb, char c) {
  tc_sb_add(sb, (tc_str){&c, 1});
}

void tc_sb_vprintf(tc_sb *sb, const char *fmt, va_list args) {
  va_list again;
  va_copy(again, args);
  size_t room = sb->cap - sb->n; /* mostly there is enough */
  int n = tc_vsnprintf(room ? sb->at + sb->n : NULL, room, fmt, args);
  if (n > 0 && (size_t)n >= room) {
    tc_sb_room(sb, (size_t)n);
    tc_vsnprintf(sb->at + sb->n, (size_t)n + 1, fmt, again);
  }
  if (n > 0) sb->n += (size_t)n;
  va_end(again);
}

void tc_sb_printf(tc_sb *sb, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  tc_sb_vprintf(sb, fmt, args);
  va_end(args);
}

tc_str tc_sb_str(const tc_sb *sb) {
  return (tc_str){sb->at ? sb->at : "", (uint32_t)sb->n};
}

char *tc_vformat(tc_arena *arena, const char *fmt, va_list args) {
  char small[400]; /* most texts fit, so that they are made only once */
  va_list again;
  va_copy(again, args);
  int n = tc_vsnprintf(small, sizeof small, fmt, args);
  size_t size_b = n > 0 ? (size_t)n + 1 : 1;
  char *text = tc_arena_text(arena, size_b);
  *text = 0;
  if (n > 0 && size_b <= sizeof small) memcpy(text, small, size_b);
  if (size_b > sizeof small) tc_vsnprintf(text, size_b, fmt, again);
  va_end(again);
  return text;
}

char *tc_format(tc_arena *arena, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  char *text = tc_vformat(arena, fmt, args);
  va_end(args);
  return text;
}

void tc_sb_quoted(tc_sb *sb, tc_str text) {
  tc_sb_char(sb, '"');
  for (uint32_t i = 0; i < text.n; i++) {
    unsigned char c = (unsigned char)text.at[i];
    if (c == '"' || c == '\\') {
      tc_sb_printf(sb, "\\%c", c);
    } else if (c == '\n') {
      tc_sb_adds(sb, "\\n");
    } else if (c < 0x20 || c == 0x7f) {
      tc_sb_printf(sb, "\\x%02x", c);
    } else {
      tc_sb_char(sb, (char)c);
    }
  }
  tc_sb_char(sb, '"');
}

void tc_sb_json(tc_sb *sb, tc_str text) {
  for (uint32_t i = 0, size; i < text.n; i += size ? size : 1) {
    tc_str rest = {text.at + i, text.n - i};
    unsigned char c = (unsigned char)*rest.at;
    size = tc_utf8_size(rest);
    if (!size) {
      tc_sb_adds(sb, "\\ufffd");
    } else if (c == '"' || c == '\\') {
      tc_sb_printf(sb, "\\%c", c);
    } else if (c == '\n') {
      tc_sb_adds(sb, "\\n");
    } else if (c < 0x20 || c == 0x7f) {
      tc_sb_printf(sb, "\\u%04x", c);
    } else {
      tc_sb_add(sb, (tc_str){rest.at, size});
    }
  }
}
