#include "base/diag.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const tc_diag_info ROWS[] = {
#define DIAG(code, name, severity, format, explain) {code, #name, format, explain, severity},
#include "base/diags.def"
#undef DIAG
};

const tc_diag_info *tc_diag_row(enum tc_diag_id id) {
  return &ROWS[id];
}

static bool same_code(const char *a, const char *b) {
  while (*a && toupper((unsigned char)*a) == toupper((unsigned char)*b))
    a++, b++;
  return !*a && !*b;
}

const tc_diag_info *tc_diag_find(const char *code) {
  for (size_t i = 0; i < TC_COUNT(ROWS); i++)
    if (same_code(ROWS[i].code, code) || strcmp(ROWS[i].name, code) == 0) return &ROWS[i];
  return NULL;
}

tc_diags *tc_diags_new(tc_arena *arena, tc_source *source) {
  tc_diags *diags = TC_NEW(arena, tc_diags);
  diags->arena = arena;
  diags->source = source;
  return diags;
}

/* A name or a number may be as long as its file; its beginning says which one it is. */
enum { WORD_MAX = 64, WORD_SHOWN = 60, TEXT_MAX = 4000 };

static bool in_word(char c) {
  return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

/* Appends the character that `text` begins with, or an escape for a byte that is none, and returns
 * its size. */
static uint32_t add_char(tc_sb *out, tc_str text) {
  uint32_t size = tc_utf8_size(text);
  unsigned char c = (unsigned char)*text.at;
  if (!size || (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f) {
    tc_sb_printf(out, "\\x%02x", c);
    return 1;
  }
  tc_sb_add(out, (tc_str){text.at, size});
  return size;
}

/* Shows the word that `text` begins with and returns how many bytes it has. */
static uint32_t add_word(tc_sb *out, tc_str text) {
  uint32_t n = 0, shown = 0;
  while (n < text.n && in_word(text.at[n]))
    n++;
  uint32_t limit = n > WORD_MAX ? WORD_SHOWN : n;
  while (shown < limit)
    shown += add_char(out, (tc_str){text.at + shown, n - shown});
  if (shown < n) tc_sb_adds(out, "...");
  return n;
}

static char *format_text(tc_diags *diags, const char *fmt, va_list args) {
  tc_sb whole = tc_sb_in(diags->arena), out = tc_sb_in(diags->arena);
  tc_sb_vprintf(&whole, fmt, args);
  tc_str text = tc_sb_str(&whole);
  uint32_t i = 0;
  while (i < text.n && out.n < TEXT_MAX) {
    tc_str rest = {text.at + i, text.n - i};
    i += in_word(*rest.at) ? add_word(&out, rest) : add_char(&out, rest);
  }
  if (i < text.n) tc_sb_adds(&out, "...");
  return out.at ? out.at : tc_str_dup(diags->arena, TC_STR(""));
}

/* The same message at the same place is said once: a macro inlined a hundred times is one mistake.
 */
static bool already_said(const tc_diags *diags, enum tc_diag_id id, tc_span span,
                         const char *text) {
  for (uint32_t i = 0; i < diags->all.n; i++) {
    const tc_diag_report *r = &diags->all.at[i];
    if (r->id == id && r->span.id == span.id && strcmp(r->text, text) == 0) return true;
  }
  return false;
}

bool tc_diag_emit(tc_diags *diags, enum tc_diag_id id, const char *fmt, tc_span span, ...) {
  va_list args;
  va_start(args, span);
  char *text = format_text(diags, fmt, args);
  va_end(args);
  bool error = ROWS[id].severity == TC_ERROR;
  uint32_t *count = error ? &diags->n_errors : &diags->n_warnings;
  diags->kept = *count < TC_DIAG_LIMIT && !already_said(diags, id, span, text);
  if (!diags->kept) return false;
  ++*count;
  tc_vec_push(diags->arena, &diags->all, ((tc_diag_report){.id = id, .span = span, .text = text}));
  return true;
}

void tc_diag_note(tc_diags *diags, tc_span span, const char *fmt, ...) {
  if (!diags->kept) return;
  va_list args;
  va_start(args, fmt);
  char *text = format_text(diags, fmt, args);
  va_end(args);
  tc_diag_report *report = &diags->all.at[diags->all.n - 1];
  tc_vec_push(diags->arena, &report->notes, ((tc_diag_part){span, text}));
}

void tc_diag_help(tc_diags *diags, const char *fmt, ...) {
  if (!diags->kept) return;
  va_list args;
  va_start(args, fmt);
  diags->all.at[diags->all.n - 1].help = format_text(diags, fmt, args);
  va_end(args);
}

void tc_diag_stop(tc_diags *diags) {
  tc_unwind_to(diags->arena->unwind, TC_WHY_ERROR);
}

typedef struct style {
  const char *bold, *error, *warning, *note, *help, *reset;
} style;
static const style PLAIN = {"", "", "", "", "", ""};
static const style COLOR = {"\033[1m",  "\033[1;31m", "\033[1;35m",
                            "\033[36m", "\033[32m",   "\033[0m"};

/* Long lines are shown as a window around the caret, so a 10 MB line stays readable. */
enum { WINDOW = 100 };

static uint32_t window_start(const tc_place *place) {
  return place->column > WINDOW * 3 / 4 ? place->column - 1 - WINDOW * 3 / 4 : 0;
}

/* Appends the character that `line` begins with as it is shown in an excerpt, adds the cells it
 * takes to `cells`, and returns its size. `out` may be NULL. */
static uint32_t show_char(tc_sb *out, tc_str line, uint32_t *cells) {
  uint32_t size = tc_utf8_size(line);
  unsigned char c = (unsigned char)*line.at;
  char escape[8];
  tc_str shown = {line.at, size};
  if (!size) {
    snprintf(escape, sizeof escape, "\\x%02x", c);
    shown = tc_str_of(escape);
  } else if (c == '\t') {
    shown = TC_STR("    ");
  } else if (c < 0x20 || c == 0x7f) {
    shown = TC_STR("?");
  }
  if (out) tc_sb_add(out, shown);
  *cells += size > 1 ? 1 : shown.n;
  return size ? size : 1;
}

/* The cells of bytes [from, to) of the line; a character that is cut by `to` counts. */
static uint32_t show_line(tc_sb *out, tc_str line, uint32_t from, uint32_t to) {
  uint32_t n = 0;
  while (from < to && from < line.n)
    from += show_char(out, (tc_str){line.at + from, line.n - from}, &n);
  return n;
}

/* The start of the character that byte `at` is part of. */
static uint32_t char_start(tc_str line, uint32_t at) {
  for (uint32_t back = 1; back < 4 && back <= at && at <= line.n; back++)
    if (tc_utf8_size((tc_str){line.at + at - back, line.n - at + back}) > back) return at - back;
  return at;
}

static void render_excerpt(tc_sb *out, const tc_place *place, const char *mark, const style *s) {
  tc_str line = place->line_text;
  uint32_t from = char_start(line, window_start(place)), to = line.n;
  if (to > from + WINDOW) to = from + WINDOW;
  tc_sb_printf(out, "%5u | ", place->line);
  show_line(out, line, from, to);
  tc_sb_adds(out, "\n      | ");
  uint32_t at = char_start(line, place->column - 1), skip = show_line(NULL, line, from, at);
  for (uint32_t i = 0; i < skip; i++)
    tc_sb_char(out, ' ');
  uint32_t end = place->end_line == place->line ? place->end_column - 1 : line.n;
  uint32_t n = show_line(NULL, line, at, end < to ? end : to);
  tc_sb_adds(out, mark);
  for (uint32_t i = 0; i < (n ? n : 1); i++)
    tc_sb_char(out, '^');
  tc_sb_printf(out, "%s\n", s->reset);
}

enum { CALLERS_SHOWN = 4 };

static void render_callers(const tc_diags *diags, tc_span span, const style *s, tc_sb *out) {
  tc_place place;
  for (int depth = 0; depth < CALLERS_SHOWN; depth++) {
    span = tc_source_caller(diags->source, span);
    if (!tc_source_place(diags->source, span, &place)) return;
    tc_sb_printf(out, "%s:%u:%u: %snote%s: in the call here\n", place.file, place.line,
                 place.column, s->note, s->reset);
  }
}

static void render_one(const tc_diags *diags, const tc_diag_report *r, const style *s, tc_sb *out) {
  tc_place place;
  bool error = ROWS[r->id].severity == TC_ERROR;
  bool known = tc_source_place(diags->source, r->span, &place);
  if (known)
    tc_sb_printf(out, "%s%s:%u:%u:%s ", s->bold, place.file, place.line, place.column, s->reset);
  tc_sb_printf(out, "%s%s[%s]%s: %s\n", error ? s->error : s->warning, error ? "error" : "warning",
               ROWS[r->id].code, s->reset, r->text);
  if (known) render_excerpt(out, &place, error ? s->error : s->warning, s);
  render_callers(diags, r->span, s, out);
  for (uint32_t i = 0; i < r->notes.n; i++) {
    const tc_diag_part *note = &r->notes.at[i];
    bool at = tc_source_place(diags->source, note->span, &place);
    if (at) tc_sb_printf(out, "%s:%u:%u: ", place.file, place.line, place.column);
    tc_sb_printf(out, "%snote%s: %s\n", s->note, s->reset, note->text);
    if (at) render_excerpt(out, &place, s->note, s);
  }
  if (r->help) tc_sb_printf(out, "%shelp%s: %s\n", s->help, s->reset, r->help);
}

static void json_place(const tc_diags *diags, tc_span span, const char *label, tc_sb *out) {
  tc_place place;
  if (!tc_source_place(diags->source, span, &place)) return;
  tc_sb_adds(out, "{\"file\":\"");
  tc_sb_json(out, tc_str_of(place.file));
  tc_sb_printf(out, "\",\"line\":%u,\"col\":%u,\"end_line\":%u,\"end_col\":%u,\"label\":\"",
               place.line, place.column, place.end_line, place.end_column);
  tc_sb_json(out, tc_str_of(label));
  tc_sb_adds(out, "\"}");
}

/* The calls that led to a place, as further places. */
static void json_callers(const tc_diags *diags, tc_span span, tc_sb *out) {
  tc_place place;
  for (int depth = 0; depth < CALLERS_SHOWN; depth++) {
    if (!tc_source_place(diags->source, span, &place)) return;
    span = tc_source_caller(diags->source, span);
    if (!tc_source_place(diags->source, span, &place)) return;
    tc_sb_char(out, ',');
    json_place(diags, span, "in the call here", out);
  }
}

static void render_json(const tc_diags *diags, const tc_diag_report *r, tc_sb *out) {
  tc_sb_printf(out, "{\"code\":\"%s\",\"severity\":\"%s\",\"message\":\"", ROWS[r->id].code,
               ROWS[r->id].severity == TC_ERROR ? "error" : "warning");
  tc_sb_json(out, tc_str_of(r->text));
  tc_sb_adds(out, "\",\"spans\":[");
  json_place(diags, r->span, "", out);
  json_callers(diags, r->span, out);
  tc_sb_adds(out, "],\"notes\":[");
  for (uint32_t i = 0; i < r->notes.n; i++) {
    tc_sb_printf(out, "%s{\"message\":\"", i ? "," : "");
    tc_sb_json(out, tc_str_of(r->notes.at[i].text));
    tc_sb_adds(out, "\",\"spans\":[");
    json_place(diags, r->notes.at[i].span, "", out);
    tc_sb_adds(out, "]}");
  }
  tc_sb_adds(out, "],\"help\":\"");
  tc_sb_json(out, tc_str_of(r->help ? r->help : ""));
  tc_sb_adds(out, "\"}\n");
}

void tc_diags_render(const tc_diags *diags, enum tc_diag_format format, tc_sb *out) {
  for (uint32_t i = 0; i < diags->all.n; i++) {
    if (format == TC_DIAG_JSON) {
      render_json(diags, &diags->all.at[i], out);
    } else {
      render_one(diags, &diags->all.at[i], format == TC_DIAG_COLOR ? &COLOR : &PLAIN, out);
    }
  }
}
