#include "target/common/write.h"

#include <string.h>

tc_cw tc_cw_in(tc_arena *arena, uint32_t last_value_id) {
  return (tc_cw){.arena = arena, .indent = 1, .last_id = last_value_id};
}

static void push(tc_cw *w, const char *text, uint32_t def) {
  uint32_t note = def ? 0 : w->note;
  if (!def) w->note = 0;
  tc_vec_push(w->arena, &w->lines, ((tc_cline){text, w->indent, def, note}));
}

static const char *format(tc_cw *w, const char *fmt, va_list args) {
  return tc_vformat(w->arena, fmt, args);
}

void tc_cw_line(tc_cw *w, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  push(w, format(w, fmt, args), 0);
  va_end(args);
}

void tc_cw_prefix(tc_cw *w, const char *text) {
  uint32_t note = w->note;
  w->note = 0;
  push(w, text, 0);
  w->note = note;
}

void tc_cw_open(tc_cw *w, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  const char *head = format(w, fmt, args);
  va_end(args);
  push(w, tc_format(w->arena, "%s%s{", head, *head ? " " : ""), 0);
  w->indent++;
}

void tc_cw_close(tc_cw *w) {
  w->indent--;
  tc_cw_prefix(w, "}");
}

void tc_cw_else(tc_cw *w) {
  w->indent--;
  push(w, "} else {", 0);
  w->indent++;
}

void tc_cw_def(tc_cw *w, uint32_t id, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  push(w, format(w, fmt, args), id + 1);
  va_end(args);
}

const char *tc_cw_temp(tc_cw *w, const char *type, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  const char *value = format(w, fmt, args);
  va_end(args);
  uint32_t id = w->n_temps++;
  push(w, tc_format(w->arena, "const %s t%u = %s;", type, id, value), w->last_id + id + 2);
  return tc_format(w->arena, "t%u", id);
}

/* Marks each v<id> and t<id> of the text. */
static void mark(const tc_cw *w, const char *text, bool *used) {
  uint32_t n = w->last_id + 1 + w->n_temps;
  for (const char *c = text; *c;) {
    if (!tc_is_c_word(*c)) {
      c++;
      continue;
    }
    const char *word = c;
    while (tc_is_c_word(*c))
      c++;
    if (*word != 'v' && *word != 't') continue;
    uint64_t id = 0;
    const char *d = word + 1;
    for (; *d >= '0' && *d <= '9' && id < n; d++)
      id = id * 10 + (uint64_t)(*d - '0');
    if (d == word + 1 || (d != c && *d != '_')) continue;
    if (*word == 't') id += w->last_id + 1;
    if (id < n) used[id] = true;
  }
}

static void make_room(const tc_cw *w, const bool *keep, tc_sb *out) {
  enum { NOTE_B = 24 };
  size_t n = 0;
  for (uint32_t i = 0; i < w->lines.n; i++)
    if (keep[i]) n += strlen(w->lines.at[i].text) + 2 * w->lines.at[i].indent + NOTE_B;
  tc_sb_room(out, n);
}

void tc_cw_join(const tc_cw *w, tc_sb *out) {
  bool *used = TC_NEW_ARRAY(w->arena, w->last_id + 1 + w->n_temps, bool);
  bool *keep = TC_NEW_ARRAY(w->arena, w->lines.n + 1, bool);
  for (uint32_t i = w->lines.n; i-- > 0;) {
    const tc_cline *line = &w->lines.at[i];
    if (line->def && !used[line->def - 1]) continue;
    keep[i] = true;
    mark(w, line->text, used);
  }
  make_room(w, keep, out);
  const char *note = "";
  for (uint32_t i = 0, last = 0; i < w->lines.n; i++) {
    const tc_cline *line = &w->lines.at[i];
    if (!keep[i]) continue;
    for (uint32_t k = 0; k < line->indent; k++)
      tc_sb_adds(out, "  ");
    tc_sb_adds(out, line->text);
    if (line->note != last) note = tc_format(w->arena, " /* line %u */", line->note);
    if (line->note) tc_sb_adds(out, note);
    last = line->note;
    tc_sb_char(out, '\n');
  }
}
