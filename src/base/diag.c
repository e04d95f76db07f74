#include "base/diag.h"

#include <ctype.h>
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

static char *format_text(tc_diags *diags, const char *fmt, va_list args) {
  tc_sb sb = tc_sb_in(diags->arena);
  tc_sb_vprintf(&sb, fmt, args);
  return sb.at ? sb.at : tc_str_dup(diags->arena, TC_STR(""));
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

void tc_diag_emit(tc_diags *diags, enum tc_diag_id id, const char *fmt, tc_span span, ...) {
  va_list args;
  va_start(args, span);
  char *text = format_text(diags, fmt, args);
  va_end(args);
  bool error = ROWS[id].severity == TC_ERROR;
  uint32_t *count = error ? &diags->n_errors : &diags->n_warnings;
  if (already_said(diags, id, span, text) || *count >= TC_DIAG_LIMIT) return;
  ++*count;
  tc_vec_push(diags->arena, &diags->all, ((tc_diag_report){.id = id, .span = span, .text = text}));
}

void tc_diag_note(tc_diags *diags, tc_span span, const char *fmt, ...) {
  if (!diags->all.n) return;
  va_list args;
  va_start(args, fmt);
  char *text = format_text(diags, fmt, args);
  va_end(args);
  tc_diag_report *report = &diags->all.at[diags->all.n - 1];
  tc_vec_push(diags->arena, &report->notes, ((tc_diag_part){span, text}));
}

void tc_diag_help(tc_diags *diags, const char *fmt, ...) {
  if (!diags->all.n) return;
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
enum { WINDOW = 100, TAB = 4 };

static uint32_t window_start(const tc_place *place) {
  return place->column > WINDOW * 3 / 4 ? place->column - 1 - WINDOW * 3 / 4 : 0;
}

static bool continuation_byte(char c) {
  return ((unsigned char)c & 0xC0) == 0x80;
}

static void add_source_line(tc_sb *out, const tc_place *place, uint32_t from, uint32_t to) {
  for (uint32_t i = from; i < to; i++) {
    char c = place->line_text.at[i];
    if (c == '\t') {
      for (int k = 0; k < TAB; k++)
        tc_sb_char(out, ' ');
    } else {
      tc_sb_char(out, (unsigned char)c < 0x20 || c == 0x7f ? '?' : c);
    }
  }
}

static uint32_t cells(const tc_place *place, uint32_t from, uint32_t to) {
  uint32_t n = 0;
  for (uint32_t i = from; i < to && i < place->line_text.n; i++) {
    char c = place->line_text.at[i];
    n += c == '\t' ? TAB : continuation_byte(c) ? 0 : 1;
  }
  return n;
}

static void render_excerpt(tc_sb *out, const tc_place *place, const char *mark, const style *s) {
  uint32_t from = window_start(place), to = place->line_text.n;
  while (from && from < to && continuation_byte(place->line_text.at[from]))
    from--;
  if (to > from + WINDOW) to = from + WINDOW;
  tc_sb_printf(out, "%5u | ", place->line);
  add_source_line(out, place, from, to);
  tc_sb_adds(out, "\n      | ");
  uint32_t skip = cells(place, from, place->column - 1);
  for (uint32_t i = 0; i < skip; i++)
    tc_sb_char(out, ' ');
  uint32_t end = place->end_line == place->line ? place->end_column - 1 : place->line_text.n;
  if (end > to) end = to;
  uint32_t n = cells(place, place->column - 1, end);
  tc_sb_adds(out, mark);
  for (uint32_t i = 0; i < (n ? n : 1); i++)
    tc_sb_char(out, '^');
  tc_sb_printf(out, "%s\n", s->reset);
}

static void render_callers(const tc_diags *diags, tc_span span, const style *s, tc_sb *out) {
  tc_place place;
  for (int depth = 0; depth < 4; depth++) {
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

static void render_json(const tc_diags *diags, const tc_diag_report *r, tc_sb *out) {
  tc_sb_printf(out, "{\"code\":\"%s\",\"severity\":\"%s\",\"message\":\"", ROWS[r->id].code,
               ROWS[r->id].severity == TC_ERROR ? "error" : "warning");
  tc_sb_json(out, tc_str_of(r->text));
  tc_sb_adds(out, "\",\"spans\":[");
  json_place(diags, r->span, "", out);
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
