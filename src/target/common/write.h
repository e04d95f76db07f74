/* Lines of C text while a program is being written.
 *
 * A line either does something or defines a value; a definition that no later kept line mentions is
 * left out when the text is joined, so whoever writes may define generously. Values are named v<id>
 * (IR values, v<id>_<lane> for vectors) and t<id> (temporaries of the writer); no other identifier
 * has that form, which is what makes finding the mentions a plain scan. */
#ifndef TC_TARGET_COMMON_WRITE_H
#define TC_TARGET_COMMON_WRITE_H

#include "base/str.h"

typedef struct tc_cline {
  const char *text;
  uint32_t indent;
  uint32_t def;  /* key of the defined value + 1, 0: a line that does something */
  uint32_t note; /* source line, 0: none */
} tc_cline;

typedef struct tc_cw {
  tc_arena *arena;
  TC_VEC(tc_cline) lines;
  uint32_t indent;
  uint32_t n_temps;
  uint32_t note;    /* the next line that does something carries this source line, then 0 */
  uint32_t last_id; /* v<id> with a greater id does not exist */
} tc_cw;

tc_cw tc_cw_in(tc_arena *arena, uint32_t last_value_id);
void tc_cw_line(tc_cw *w, const char *fmt, ...) TC_PRINTF(2, 3);
/* A line that belongs to the next one (an annotation): the note waits for that. */
void tc_cw_prefix(tc_cw *w, const char *text);
/* A line, then everything up to the matching close one step deeper. `{` is added. */
void tc_cw_open(tc_cw *w, const char *fmt, ...) TC_PRINTF(2, 3);
/* `}`, then the text (" else {" reopens by hand with tc_cw_else). */
void tc_cw_close(tc_cw *w);
void tc_cw_else(tc_cw *w);
/* The definition of IR value `id`. */
void tc_cw_def(tc_cw *w, uint32_t id, const char *fmt, ...) TC_PRINTF(3, 4);
/* Defines a temporary and returns its name; `fmt` is what stands behind `const type name = `. */
const char *tc_cw_temp(tc_cw *w, const char *type, const char *fmt, ...) TC_PRINTF(3, 4);
/* Appends the text without unused definitions. */
void tc_cw_join(const tc_cw *w, tc_sb *out);

/* A character of identifiers. */
static inline bool tc_is_c_word(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

#endif
