/* Diagnostics as objects: reads the JSON lines of tilec_error_diagnostics.
 *
 * A cursor walks over the text once; keys may come in any order, and unknown ones are skipped. The
 * first place of a diagnostic is its own, those that follow are the calls that led there, which
 * become notes of severity "call". */
#include "ffi/ffi.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 16, MAX_ITEMS = 64 };

typedef struct cursor {
  const char *at;
  char *scratch; /* room for the longest string: the whole text */
  bool bad;      /* the text is not as expected                 */
  bool raised;   /* an error is set                             */
} cursor;

static bool ok(const cursor *c) {
  return !c->bad && !c->raised;
}

static void skip_space(cursor *c) {
  while (*c->at == ' ' || *c->at == '\n' || *c->at == '\r' || *c->at == '\t')
    c->at++;
}

static bool eat(cursor *c, char wanted) {
  skip_space(c);
  if (*c->at != wanted) return false;
  c->at++;
  return true;
}

static void expect(cursor *c, char wanted) {
  if (!eat(c, wanted)) c->bad = true;
}

/* ---- strings ---- */

static uint32_t take_hex(cursor *c) {
  uint32_t x = 0;
  for (int i = 0; i < 4; i++) {
    char h = *c->at;
    bool digit = h >= '0' && h <= '9', letter = (h | 32) >= 'a' && (h | 32) <= 'f';
    if (!digit && !letter) return c->bad = true, 0;
    x = x * 16 + (uint32_t)(digit ? h - '0' : (h | 32) - 'a' + 10);
    c->at++;
  }
  return x;
}

static size_t put_utf8(char *out, uint32_t x) {
  if (x < 0x80) return out[0] = (char)x, 1;
  if (x < 0x800) {
    out[0] = (char)(0xc0 | x >> 6);
    out[1] = (char)(0x80 | (x & 0x3f));
    return 2;
  }
  out[0] = (char)(0xe0 | x >> 12);
  out[1] = (char)(0x80 | (x >> 6 & 0x3f));
  out[2] = (char)(0x80 | (x & 0x3f));
  return 3;
}

static size_t take_escape(cursor *c, char *out) {
  static const char FROM[] = "nrtbf", TO[] = "\n\r\t\b\f";
  char e = *c->at;
  if (!e) return c->bad = true, 0;
  c->at++;
  if (e == 'u') return put_utf8(out, take_hex(c));
  const char *found = strchr(FROM, e);
  *out = found ? TO[found - FROM] : e;
  return 1;
}

/* Into the scratch memory, which the next string overwrites. */
static tc_ffi_bytes take_string(cursor *c) {
  size_t n = 0;
  expect(c, '"');
  while (ok(c) && *c->at != '"') {
    if (!*c->at) {
      c->bad = true;
    } else if (*c->at == '\\') {
      c->at++;
      n += take_escape(c, c->scratch + n);
    } else {
      c->scratch[n++] = *c->at++;
    }
  }
  if (ok(c)) c->at++;
  c->scratch[n] = 0;
  return tc_ffi_bytes_of(c->scratch, n);
}

static int64_t take_number(cursor *c) {
  char *end;
  skip_space(c);
  long long x = strtoll(c->at, &end, 10);
  if (end == c->at) c->bad = true;
  c->at = end;
  return x;
}

/* Any value; what it is does not matter. */
static void skip_value(cursor *c, int depth) {
  skip_space(c);
  if (depth > MAX_DEPTH) c->bad = true;
  if (!ok(c)) return;
  if (*c->at == '"') {
    take_string(c);
  } else if (*c->at == '{' || *c->at == '[') {
    char end = *c->at++ == '{' ? '}' : ']';
    if (eat(c, end)) return;
    do {
      skip_value(c, depth + 1);
      if (eat(c, ':')) skip_value(c, depth + 1);
    } while (ok(c) && eat(c, ','));
    expect(c, end);
  } else {
    size_t n = strcspn(c->at, ",]} \n");
    if (!n) c->bad = true;
    c->at += n;
  }
}

/* ---- diagnostics ---- */

typedef struct items {
  tc_ffi_any at[MAX_ITEMS];
  int32_t n;
} items;

static void drop_items(items *list) {
  while (list->n)
    tc_ffi_drop(&list->at[--list->n]);
}

static void set_text(cursor *c, tc_ffi_instance *d, int field, tc_ffi_bytes text) {
  tc_ffi_drop(&d->fields[field]);
  if (tc_ffi_string(text.data, text.n, &d->fields[field])) c->raised = true;
}

static const int TEXT_FIELDS[] = {TC_FFI_FIELD(Diagnostic, code),
                                  TC_FFI_FIELD(Diagnostic, severity),
                                  TC_FFI_FIELD(Diagnostic, message), TC_FFI_FIELD(Diagnostic, path),
                                  TC_FFI_FIELD(Diagnostic, help)};
static const int INT_FIELDS[] = {TC_FFI_FIELD(Diagnostic, line), TC_FFI_FIELD(Diagnostic, column),
                                 TC_FFI_FIELD(Diagnostic, end_line),
                                 TC_FFI_FIELD(Diagnostic, end_column)};

static tc_ffi_instance *new_diagnostic(cursor *c, const char *severity) {
  tc_ffi_instance *d;
  if (tc_ffi_new(TC_FFI_TYPE_Diagnostic, &d)) return c->raised = true, NULL;
  for (size_t i = 0; i < sizeof TEXT_FIELDS / sizeof *TEXT_FIELDS; i++)
    set_text(c, d, TEXT_FIELDS[i], tc_ffi_text(""));
  for (size_t i = 0; i < sizeof INT_FIELDS / sizeof *INT_FIELDS; i++)
    d->fields[INT_FIELDS[i]] = tc_ffi_int(0);
  set_text(c, d, TC_FFI_FIELD(Diagnostic, severity), tc_ffi_text(severity));
  return d;
}

/* Appends a new one, or ends it. */
static tc_ffi_instance *add_diagnostic(cursor *c, items *list, const char *severity) {
  tc_ffi_instance *d = new_diagnostic(c, severity);
  if (!d) return NULL;
  if (list->n == MAX_ITEMS) { /* more than anybody reads */
    tc_ffi_any last = tc_ffi_value(d);
    tc_ffi_drop(&last);
    return NULL;
  }
  list->at[list->n++] = tc_ffi_value(d);
  return d;
}

static void set_notes(cursor *c, tc_ffi_instance *d, items *notes) {
  tc_ffi_any *field = &d->fields[TC_FFI_FIELD(Diagnostic, notes)];
  tc_ffi_drop(field);
  if (tc_ffi_array(notes->at, notes->n, field)) c->raised = true;
  notes->n = 0;
}

/* The key of the next pair, or false at the end of the object. `first` starts as true. */
static bool next_key(cursor *c, bool *first, char key[16]) {
  if (*first && eat(c, '}')) return false;
  if (!*first && !eat(c, ',')) return expect(c, '}'), false;
  *first = false;
  tc_ffi_bytes name = take_string(c);
  size_t n = name.n < 15 ? name.n : 15;
  memcpy(key, name.data, n);
  key[n] = 0;
  expect(c, ':');
  return ok(c);
}

static void read_span(cursor *c, tc_ffi_instance *d, bool with_label) {
  static const char *const NAMES[] = {"line", "col", "end_line", "end_col"};
  char key[16];
  bool first = true;
  expect(c, '{');
  while (ok(c) && next_key(c, &first, key)) {
    size_t i = 0;
    while (i < 4 && strcmp(NAMES[i], key) != 0)
      i++;
    if (i < 4) {
      d->fields[INT_FIELDS[i]] = tc_ffi_int(take_number(c));
    } else if (strcmp(key, "file") == 0) {
      set_text(c, d, TC_FFI_FIELD(Diagnostic, path), take_string(c));
    } else if (with_label && strcmp(key, "label") == 0) {
      set_text(c, d, TC_FFI_FIELD(Diagnostic, message), take_string(c));
    } else {
      skip_value(c, 0);
    }
  }
}

static void read_spans(cursor *c, tc_ffi_instance *d, items *calls) {
  expect(c, '[');
  if (eat(c, ']')) return;
  for (bool first = true; ok(c) && (first || eat(c, ',')); first = false) {
    tc_ffi_instance *into = d;
    if (!first && calls) into = add_diagnostic(c, calls, "call");
    if (first || (calls && into)) {
      read_span(c, into, !first);
      if (!first) set_notes(c, into, &(items){.n = 0});
    } else {
      skip_value(c, 0);
    }
  }
  expect(c, ']');
}

static void read_diagnostic(cursor *c, tc_ffi_instance *d, int depth);

static void read_notes(cursor *c, items *notes) {
  expect(c, '[');
  if (eat(c, ']')) return;
  do {
    tc_ffi_instance *note = add_diagnostic(c, notes, "note");
    if (note) {
      read_diagnostic(c, note, 1);
    } else {
      skip_value(c, 0);
    }
  } while (ok(c) && eat(c, ','));
  expect(c, ']');
}

static void read_diagnostic(cursor *c, tc_ffi_instance *d, int depth) {
  static const char *const NAMES[] = {"code", "severity", "message"};
  char key[16];
  bool first = true;
  items calls = {.n = 0}, *notes = malloc(sizeof *notes);
  if (!notes) {
    tc_ffi_no_memory();
    c->raised = true;
    return;
  }
  notes->n = 0;
  expect(c, '{');
  while (ok(c) && next_key(c, &first, key)) {
    size_t i = 0;
    while (i < 3 && strcmp(NAMES[i], key) != 0)
      i++;
    if (i < 3) {
      set_text(c, d, TEXT_FIELDS[i], take_string(c));
    } else if (strcmp(key, "help") == 0) {
      set_text(c, d, TC_FFI_FIELD(Diagnostic, help), take_string(c));
    } else if (strcmp(key, "spans") == 0) {
      read_spans(c, d, depth ? NULL : &calls);
    } else if (strcmp(key, "notes") == 0 && !depth) {
      read_notes(c, notes);
    } else {
      skip_value(c, 0);
    }
  }
  for (int32_t i = 0; i < notes->n && calls.n < MAX_ITEMS; i++) {
    calls.at[calls.n++] = notes->at[i];
    notes->at[i] = (tc_ffi_any){0};
  }
  drop_items(notes);
  free(notes);
  set_notes(c, d, &calls);
}

int tc_ffi_diagnostics(const char *json, tc_ffi_any *out) {
  items *list = malloc(sizeof *list);
  cursor c = {.at = json, .scratch = malloc(strlen(json) + 4)};
  if (!list || !c.scratch) {
    free(list);
    free(c.scratch);
    return tc_ffi_no_memory();
  }
  list->n = 0;
  for (skip_space(&c); ok(&c) && *c.at; skip_space(&c)) {
    tc_ffi_instance *d = add_diagnostic(&c, list, "error");
    if (d) {
      read_diagnostic(&c, d, 0);
    } else {
      skip_value(&c, 0);
    }
  }
  free(c.scratch);
  int status = -1;
  if (ok(&c)) {
    status = tc_ffi_array(list->at, list->n, out);
    list->n = 0;
  } else if (c.bad) {
    tc_ffi_raise("RuntimeError", "diagnostics that cannot be read at byte %zu",
                 (size_t)(c.at - json));
  }
  drop_items(list);
  free(list);
  return status;
}
