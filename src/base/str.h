/* Text: slices that do not own their bytes, interned names, and a builder that grows in an arena.
 */
#ifndef TC_BASE_STR_H
#define TC_BASE_STR_H

#include "base/arena.h"

#include <stdarg.h>

typedef struct tc_str {
  const char *at; /* not terminated in general */
  uint32_t n;     /* bytes */
} tc_str;

#define TC_STR(literal) ((tc_str){literal, (uint32_t)sizeof(literal) - 1})
/* For "%.*s": printf(TC_FMT_STR, TC_ARG_STR(s)). */
#define TC_ARG_STR(s) (int)(s).n, (s).at

tc_str tc_str_of(const char *text);
bool tc_str_equal(tc_str a, tc_str b);
bool tc_str_is(tc_str a, const char *text);
bool tc_str_starts(tc_str a, const char *prefix);
/* A terminated copy in the arena. */
char *tc_str_dup(tc_arena *arena, tc_str s);
/* Size of the well-formed UTF-8 character that the text begins with, or 0. */
uint32_t tc_utf8_size(tc_str text);
/* 64-bit hash of bytes (wyhash-like mixing; not for security). */
uint64_t tc_hash_bytes(const void *bytes, size_t size_b, uint64_t seed);
/* Edit distance of two names, at most `limit`: what it is for names of over 64 bytes, too. */
uint32_t tc_str_distance(tc_str a, tc_str b, uint32_t limit);

/* The search for a name like another, for "did you mean": offer the names there are, then read
 * `best`, the first of the nearest among those less than `limit` from the name, or empty. */
typedef struct tc_near {
  tc_str name, best;
  uint32_t least; /* what a name must be nearer than to become the best */
} tc_near;
tc_near tc_near_to(tc_str name, uint32_t limit);
void tc_near_offer(tc_near *near, tc_str candidate);

/* Interned names: equal text, equal id. id 0 is the empty name. */
typedef struct tc_name {
  uint32_t id;
} tc_name;
typedef struct tc_names tc_names;
tc_names *tc_names_new(tc_arena *arena);
tc_name tc_names_add(tc_names *names, tc_str text);
/* Terminated text of a name; lives as long as the table. */
tc_str tc_names_text(const tc_names *names, tc_name name);

/* String builder. `at` is always terminated once something was added. */
typedef struct tc_sb {
  tc_arena *arena;
  char *at;
  size_t n, cap;
} tc_sb;
tc_sb tc_sb_in(tc_arena *arena);
/* Room for so many more bytes, so that the text need not move as it grows. */
void tc_sb_room(tc_sb *sb, size_t more);
void tc_sb_add(tc_sb *sb, tc_str text);
void tc_sb_adds(tc_sb *sb, const char *text);
void tc_sb_char(tc_sb *sb, char c);
void tc_sb_printf(tc_sb *sb, const char *fmt, ...) TC_PRINTF(2, 3);
void tc_sb_vprintf(tc_sb *sb, const char *fmt, va_list args) TC_PRINTF(2, 0);
tc_str tc_sb_str(const tc_sb *sb);
/* printf into the arena. */
char *tc_format(tc_arena *arena, const char *fmt, ...) TC_PRINTF(2, 3);
char *tc_vformat(tc_arena *arena, const char *fmt, va_list args) TC_PRINTF(2, 0);
/* Appends `text` in double quotes; of the bytes that cannot stand there, ", \ and a new line are
 * escaped as in C, other control characters as \xNN. */
void tc_sb_quoted(tc_sb *sb, tc_str text);
/* Appends `text` as the inside of a JSON string (no quotes added); a byte that is not part of a
 * character becomes U+FFFD. */
void tc_sb_json(tc_sb *sb, tc_str text);

#endif
