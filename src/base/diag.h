/* Diagnostics: what a user is told. Rows of diags.def hold code, name, severity, message format and
 * the text of `tilec explain`. A report is recorded here and rendered later, as text with carets or
 * as JSON lines. Messages are lower case without a full stop and say what was found and what was
 * wanted; a help says the way out.
 *
 *   TC_DIAG(diags, D_gemm_inner, span, m, n);      the format is checked against the arguments
 *   tc_diag_note(diags, other, "allocated here");  belongs to the report before it
 *   tc_diag_help(diags, "did you mean ...");
 *   tc_diag_stop(diags);                           unwinds to the API entry (TC_WHY_ERROR) */
#ifndef TC_BASE_DIAG_H
#define TC_BASE_DIAG_H

#include "base/source.h"

#include <inttypes.h>

enum tc_severity { TC_WARNING, TC_ERROR };

enum tc_diag_id {
#define DIAG(code, name, severity, format, explain) D_##name,
#include "base/diags.def"
#undef DIAG
  TC_DIAG_COUNT
};

/* One array per row so that the compiler checks each call's arguments against its format. */
#define DIAG(code, name, severity, format, explain)                                                \
  static const char D_##name##_fmt[] TC_UNUSED = format;
#include "base/diags.def"
#undef DIAG

typedef struct tc_diag_info {
  const char *code, *name, *format, *explain;
  enum tc_severity severity;
} tc_diag_info;
const tc_diag_info *tc_diag_row(enum tc_diag_id id);
/* The row with this code ("E0412", any case) or name, or NULL. */
const tc_diag_info *tc_diag_find(const char *code);

typedef struct tc_diag_part {
  tc_span span;
  const char *text;
} tc_diag_part;

typedef struct tc_diag_report {
  enum tc_diag_id id;
  tc_span span;
  const char *text, *help;
  TC_VEC(tc_diag_part) notes;
} tc_diag_report;

typedef struct tc_diags {
  tc_arena *arena;
  tc_source *source;
  TC_VEC(tc_diag_report) all; /* at most TC_DIAG_LIMIT errors are kept */
  uint32_t n_errors, n_warnings;
  bool kept; /* the last report is in `all`, so what follows belongs to it */
} tc_diags;
enum { TC_DIAG_LIMIT = 20 };

tc_diags *tc_diags_new(tc_arena *arena, tc_source *source);
#define TC_DIAG(diags, id, ...) tc_diag_emit(diags, id, id##_fmt, __VA_ARGS__)
/* False when the report was dropped: it was made before at this place, or there are TC_DIAG_LIMIT
 * of them. The notes and the help that follow are then dropped with it.
 * In all texts a word too long to read is clipped, and a byte that is no character is escaped. */
bool tc_diag_emit(tc_diags *diags, enum tc_diag_id id, const char *fmt, tc_span span, ...)
    TC_PRINTF(3, 5);
void tc_diag_note(tc_diags *diags, tc_span span, const char *fmt, ...) TC_PRINTF(3, 4);
void tc_diag_help(tc_diags *diags, const char *fmt, ...) TC_PRINTF(2, 3);
TC_NORETURN void tc_diag_stop(tc_diags *diags);

enum tc_diag_format { TC_DIAG_TEXT, TC_DIAG_COLOR, TC_DIAG_JSON };
/* Appends all reports: `file:LINE:COL: error[E0123]: text`, the line, a caret row, notes, help. */
void tc_diags_render(const tc_diags *diags, enum tc_diag_format format, tc_sb *out);

#endif
