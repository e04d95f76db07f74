/* Errors as the other side sees them. */
#include "ffi/ffi.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct kind_row {
  const char *code;
  int status;
  const char *kind;
} kind_row;
static const kind_row KINDS[] = {
#define KIND(code, status, kind) {code, status, kind},
#include "ffi/kinds.def"
#undef KIND
};

static const char *kind_of_status(const char *code, tilec_status status) {
  for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++) {
    bool fits = !*KINDS[i].code || strcmp(KINDS[i].code, code) == 0;
    if (fits && (KINDS[i].status == -1 || KINDS[i].status == (int)status)) return KINDS[i].kind;
  }
  return "RuntimeError";
}

static const char *kind_of(const tilec_error *error) {
  return kind_of_status(tilec_error_code(error), tilec_error_status(error));
}

/* Creating an error object may fail, and a caller that gets -1 without one crashes; the function
 * that only takes strings walks the stack, which is slow, so it is the last resort. */
static int raise_with(const char *kind, const char *text, const char *frames,
                      const tc_ffi_any *extra) {
  const tc_ffi_bytes k = tc_ffi_text(kind), t = tc_ffi_text(text), f = tc_ffi_text(frames);
  void *error = NULL;
  bool has_extra = extra && extra->type_index >= TC_FFI_OBJECT && tc_ffi.has_extra;
  int status = has_extra ? tc_ffi.ErrorCreateWithCauseAndExtraContext(&k, &t, &f, NULL,
                                                                      extra->as.ptr, &error)
                         : tc_ffi.ErrorCreate(&k, &t, &f, &error);
  if (status || !error) {
    tc_ffi.ErrorSetRaisedFromCStr(kind, text);
    return -1;
  }
  tc_ffi.ErrorSetRaised(error);
  tc_ffi.ObjectDecRef(error);
  return -1;
}

/* Without memory for all of it, the text ends before what may be half a character. */
static void cut(char *text, size_t n) {
  while (n && (text[n - 1] & 0x80))
    n--;
  text[n] = 0;
}

int tc_ffi_raise(const char *kind, const char *fmt, ...) {
  char some[512];
  va_list args, again;
  va_start(args, fmt);
  va_copy(again, args);
  size_t n = (size_t)vsnprintf(some, sizeof some, fmt, args);
  char *whole = n < sizeof some ? NULL : malloc(n + 1);
  if (whole) {
    vsnprintf(whole, n + 1, fmt, again);
  } else if (n >= sizeof some) {
    cut(some, sizeof some - 1);
  }
  va_end(again);
  va_end(args);
  raise_with(kind, whole ? whole : some, "", NULL);
  free(whole);
  return -1;
}

int tc_ffi_raise_status(tilec_status status, const char *text) {
  return raise_with(kind_of_status("", status), text, "", NULL);
}

int tc_ffi_no_memory(void) {
  return raise_with("MemoryError", "out of memory", "", NULL);
}

int tc_ffi_raise_launch(tilec_error *error, const char *who) {
  const char *code = tilec_error_code(error), *text = tilec_error_text(error);
  size_t size_b = strlen(who) + strlen(text) + strlen(code) + 16;
  char *line = malloc(size_b);
  if (line)
    snprintf(line, size_b, "%s: %s%s%s%s", who, text, *code ? " [" : "", code, *code ? "]" : "");
  tc_ffi_any found = {0};
  if (tc_ffi_diagnostics(tilec_error_diagnostics(error, TILEC_FORMAT_JSON), &found))
    found = (tc_ffi_any){0}; /* the error that was set now is replaced below */
  raise_with(kind_of(error), line ? line : text, "", &found);
  tc_ffi_drop(&found);
  free(line);
  tilec_error_release(error);
  return -1;
}

/* ---- frames ---- */

typedef struct frames {
  char *text;
  size_t n, room;
} frames;

static void add_frame(frames *f, const tc_ffi_instance *d, const char *name) {
  tc_ffi_bytes path;
  int64_t line = d->fields[TC_FFI_FIELD(Diagnostic, line)].as.i;
  if (line <= 0 || !tc_ffi_is_text(&d->fields[TC_FFI_FIELD(Diagnostic, path)], &path)) return;
  size_t need = path.n + strlen(name) + 64;
  if (f->n + need > f->room) {
    char *more = realloc(f->text, (f->room + need) * 2);
    if (!more) return; /* an error with fewer frames is still one */
    f->text = more;
    f->room = (f->room + need) * 2;
  }
  f->n += (size_t)snprintf(f->text + f->n, f->room - f->n, "  File \"%.*s\", line %lld, in %s\n",
                           (int)path.n, path.data, (long long)line, name);
}

static bool is_word(const tc_ffi_any *value, const char *word) {
  tc_ffi_bytes text;
  return tc_ffi_is_text(value, &text) && text.n == strlen(word)
         && memcmp(text.data, word, text.n) == 0;
}

/* The place of the first error, then the calls that led there: innermost first. */
static void add_frames(frames *f, const tc_ffi_any *found, const char *name) {
  const tc_ffi_seq *list, *notes;
  if (!tc_ffi_is_list(found, &list)) return;
  for (int64_t i = 0; i < list->n; i++) {
    const tc_ffi_instance *d = list->at[i].as.ptr;
    if (!is_word(&d->fields[TC_FFI_FIELD(Diagnostic, severity)], "error")) continue;
    add_frame(f, d, name);
    if (!tc_ffi_is_list(&d->fields[TC_FFI_FIELD(Diagnostic, notes)], &notes)) return;
    for (int64_t k = 0; k < notes->n; k++) {
      const tc_ffi_instance *note = notes->at[k].as.ptr;
      if (is_word(&note->fields[TC_FFI_FIELD(Diagnostic, severity)], "call"))
        add_frame(f, note, name);
    }
    return;
  }
}

/* Whether the handler of a signal raised, which ended the compilation: that is the error then. */
static bool has_pending(void) {
  void *error = NULL;
  tc_ffi.ErrorMoveFromRaised(&error);
  if (!error) return false;
  tc_ffi.ErrorSetRaised(error);
  tc_ffi.ObjectDecRef(error);
  return true;
}

int tc_ffi_raise_compile(tilec_error *error, const char *name) {
  if (tilec_error_status(error) == TILEC_INTERRUPTED && has_pending()) {
    tilec_error_release(error);
    return -1;
  }
  const char *forms = tilec_error_diagnostics(error, TILEC_FORMAT_TEXT);
  size_t n = strlen(forms);
  char *text = malloc(n + 1);
  if (text) {
    memcpy(text, forms, n + 1);
    while (n && text[n - 1] == '\n')
      text[--n] = 0;
  }
  tc_ffi_any found = {0};
  frames f = {0};
  if (tc_ffi_diagnostics(tilec_error_diagnostics(error, TILEC_FORMAT_JSON), &found) == 0)
    add_frames(&f, &found, name && *name ? name : "kernel");
  raise_with(kind_of(error), text && n ? text : tilec_error_text(error), f.text ? f.text : "",
             &found);
  tc_ffi_drop(&found);
  free(f.text);
  free(text);
  tilec_error_release(error);
  return -1;
}
