/* Programs whose names live in Python: the resolver of the C interface as one function there.
 *
 * A value crosses as four arguments: kind, n, payload, object (see tilec_value). The function is
 * called as world(trace, operation, kind, n, payload, object, ...) and gives such a tuple,
 * ("raised", text) when it keeps an exception, or ("interrupted",). */
#include "ffi/ffi.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS = 4, FIXED = 2, FEW = 8 };

/* ---- values ---- */

static bool has_text(uint32_t kind) {
  return kind == TILEC_VALUE_TEXT || kind == TILEC_VALUE_NAME || kind == TILEC_VALUE_STAGED;
}

static bool has_int(uint32_t kind) {
  return kind == TILEC_VALUE_BOOL || kind == TILEC_VALUE_INT || kind == TILEC_VALUE_FUNCTION;
}

/* Owned fields. */
static int give(const tilec_value *value, tc_ffi_any fields[FIELDS]) {
  int64_t object;
  memcpy(&object, &value->object, sizeof object);
  fields[0] = tc_ffi_int(value->kind);
  fields[1] = tc_ffi_int(value->n);
  fields[2] = (tc_ffi_any){0};
  fields[3] = tc_ffi_int(object);
  if (has_text(value->kind))
    return tc_ffi_string(value->as.text ? value->as.text : "", value->as.text ? value->n : 0,
                         &fields[2]);
  if (has_int(value->kind)) fields[2] = tc_ffi_int(value->as.i);
  if (value->kind == TILEC_VALUE_FLOAT) fields[2] = (tc_ffi_any){TC_FFI_FLOAT, 0, {value->as.i}};
  return 0;
}

/* Text is borrowed from the fields, which stay where they are. */
static bool take(const tc_ffi_any fields[FIELDS], tilec_value *value) {
  tc_ffi_bytes text;
  const tc_ffi_any *payload = &fields[2];
  *value = (tilec_value){0};
  for (int i = 0; i < FIELDS; i++)
    if (i != 2 && fields[i].type_index != TC_FFI_INT && fields[i].type_index != TC_FFI_BOOL)
      return false;
  value->kind = (uint32_t)fields[0].as.i;
  value->n = (uint32_t)fields[1].as.i;
  memcpy(&value->object, &fields[3].as.i, sizeof value->object);
  if (tc_ffi_is_text(payload, &text)) {
    value->as.text = text.data;
    value->n = (uint32_t)text.n;
    return has_text(value->kind);
  }
  if (payload->type_index == TC_FFI_INT || payload->type_index == TC_FFI_BOOL)
    value->as.i = payload->as.i;
  if (payload->type_index == TC_FFI_FLOAT) value->as.f = payload->as.f;
  return !has_text(value->kind) && value->kind <= TILEC_VALUE_STAGED;
}

/* ---- callbacks ---- */

/* What a callback gave last lives until the next of its evaluation. */
typedef struct answer {
  struct answer *next;
  const tilec_trace *trace;
  tc_ffi_any last;
} answer;

typedef struct world {
  void *function;
  pthread_mutex_t lock;
  answer *answers;
} world;

static answer *answer_of(world *w, const tilec_trace *trace) {
  pthread_mutex_lock(&w->lock);
  answer *a = w->answers;
  while (a && a->trace != trace)
    a = a->next;
  if (!a) {
    a = calloc(1, sizeof *a);
    if (a) *a = (answer){w->answers, trace, {0}};
    if (a) w->answers = a;
  }
  pthread_mutex_unlock(&w->lock);
  return a;
}

static void forget(world *w, const tilec_trace *trace) {
  pthread_mutex_lock(&w->lock);
  answer **at = &w->answers;
  while (*at && (*at)->trace != trace)
    at = &(*at)->next;
  answer *a = *at;
  if (a) *at = a->next;
  pthread_mutex_unlock(&w->lock);
  if (a) tc_ffi_drop(&a->last);
  free(a);
}

static tilec_status say(tilec_value *result, const char *text) {
  *result =
      (tilec_value){.kind = TILEC_VALUE_TEXT, .n = (uint32_t)strlen(text), .as = {.text = text}};
  return TILEC_RAISED;
}

/* An exception that came through instead of being kept there: its text is what is left. */
static tilec_status say_raised(answer *a, tilec_value *result) {
  void *error = NULL;
  tc_ffi.ErrorMoveFromRaised(&error);
  if (!error) return say(result, "an exception without a text");
  a->last = tc_ffi_value(error); /* keeps the text */
  const tc_ffi_bytes *cell = tc_ffi_body(error);
  *result = (tilec_value){
      .kind = TILEC_VALUE_TEXT, .n = (uint32_t)cell[1].n, .as = {.text = cell[1].data}};
  return TILEC_RAISED;
}

static tilec_status read_answer(const answer *a, tilec_value *result) {
  const tc_ffi_seq *list;
  tc_ffi_bytes word;
  if (!tc_ffi_is_list(&a->last, &list)) return say(result, "the resolver gave no tuple");
  if (list->n == FIELDS && take(list->at, result)) return TILEC_OK;
  if (list->n == 1 && tc_ffi_is_text(&list->at[0], &word)) return TILEC_INTERRUPTED;
  if (list->n == 2 && tc_ffi_is_text(&list->at[1], &word)) {
    *result =
        (tilec_value){.kind = TILEC_VALUE_TEXT, .n = (uint32_t)word.n, .as = {.text = word.data}};
    return TILEC_RAISED;
  }
  return say(result, "the resolver gave a tuple that is no value");
}

static tilec_status run(void *data, tilec_trace *trace, tilec_op op, const tilec_value *args,
                        size_t n_args, tilec_value *result) {
  world *w = data;
  tc_ffi_any few[FIXED + FEW * FIELDS], *values = few, given = {0};
  size_t n = FIXED;
  *result = (tilec_value){0};
  answer *a = answer_of(w, trace);
  if (n_args > FEW) values = calloc(FIXED + n_args * FIELDS, sizeof *values);
  if (!a || !values) return say(result, "out of memory");
  values[0] = tc_ffi_int((int64_t)(intptr_t)trace);
  values[1] = tc_ffi_int(op);
  int status = 0;
  for (size_t i = 0; i < n_args && !status; i++, n += FIELDS)
    status = give(&args[i], &values[n]);
  if (!status) status = tc_ffi.FunctionCall(w->function, values, (int32_t)n, &given);
  while (n > FIXED)
    tc_ffi_drop(&values[--n]);
  if (values != few) free(values);
  tc_ffi_drop(&a->last);
  a->last = given;
  tilec_status answered = status ? say_raised(a, result) : read_answer(a, result);
  if (op == TILEC_OP_END) forget(w, trace);
  return answered;
}

static void end_world(void *data) {
  world *w = data;
  while (w->answers)
    forget(w, w->answers->trace);
  pthread_mutex_destroy(&w->lock);
  tc_ffi.ObjectDecRef(w->function);
  free(w);
}

int tc_ffi_resolver(const tc_ffi_any *function, tilec_resolver *out) {
  if (function->type_index != TC_FFI_FUNCTION)
    return tc_ffi_raise("TypeError", "tilec: the resolver is %s, expected a function",
                        tc_ffi_what(function->type_index));
  world *w = calloc(1, sizeof *w);
  if (!w) return tc_ffi_no_memory();
  if (pthread_mutex_init(&w->lock, NULL)) return free(w), tc_ffi_no_memory();
  tc_ffi.ObjectIncRef(function->as.ptr);
  w->function = function->as.ptr;
  *out = (tilec_resolver){.size = sizeof *out, .run = run, .release = end_world, .data = w};
  return 0;
}

/* ---- the other way ---- */

/* The values behind the fixed arguments; NULL with an error. */
static tilec_value *take_values(const char *function, const tc_ffi_any *at, int32_t n) {
  tilec_value *values = calloc((size_t)n / FIELDS + 1, sizeof *values);
  if (!values) return tc_ffi_no_memory(), NULL;
  bool fits = n % FIELDS == 0;
  for (int32_t i = 0; fits && i < n / FIELDS; i++)
    fits = take(&at[i * FIELDS], &values[i]);
  if (fits) return values;
  free(values);
  tc_ffi_raise("TypeError", "tilec.%s: arguments are kinds, numbers, payloads and objects",
               function);
  return NULL;
}

static int give_failure(tilec_status status, const char *text, tc_ffi_any *result) {
  tc_ffi_any items[3];
  items[1] = tc_ffi_int((int64_t)status);
  if (tc_ffi_string("failed", 6, &items[0])) return -1;
  if (tc_ffi_string(text, strlen(text), &items[2])) return tc_ffi_drop(&items[0]), -1;
  return tc_ffi_array(items, 3, result);
}

int tc_ffi_trace_do(void *self, const tc_ffi_any *args, int32_t n, tc_ffi_any *result) {
  tc_ffi_args a;
  (void)self;
  if (!tc_ffi_args_start(&a, "trace_do", args, n, FIXED, INT32_MAX)) return -1;
  tilec_trace *trace = (tilec_trace *)(intptr_t)tc_ffi_take_int(&a, 0);
  int64_t op = tc_ffi_take_int(&a, -1);
  if (a.failed) return -1;
  if (!trace || op < 0 || op >= TILEC_OP_COUNT)
    return tc_ffi_raise("ValueError", "tilec.trace_do: no trace, or no operation");
  tilec_value *values = take_values("trace_do", args + FIXED, n - FIXED), given = {0};
  if (!values) return -1;
  tilec_status status =
      tilec_trace_do(trace, (tilec_op)op, values, (size_t)(n - FIXED) / FIELDS, &given);
  free(values);
  if (status) return give_failure(status, tilec_trace_text(trace), result);
  tc_ffi_any fields[FIELDS];
  return give(&given, fields) ? -1 : tc_ffi_array(fields, FIELDS, result);
}

int tc_ffi_evaluate(void *self, const tc_ffi_any *args, int32_t n, tc_ffi_any *result) {
  tc_ffi_args a;
  tilec_resolver resolver;
  tc_ffi_any config = {0};
  tilec_error *error;
  (void)self;
  (void)result;
  if (!tc_ffi_args_start(&a, "evaluate", args, n, FIXED, INT32_MAX)) return -1;
  const tc_ffi_any *function = tc_ffi_take(&a), none = {0};
  int64_t op = tc_ffi_take_int(&a, -1);
  if (a.failed || tc_ffi_resolver(function ? function : &none, &resolver)) return -1;
  tilec_value *values = take_values("evaluate", args + FIXED, n - FIXED);
  int status = !values || tc_ffi_config_or_empty(NULL, "evaluate", &config) ? -1 : 0;
  tilec_context *context = status ? NULL : tc_ffi_context_of(&config);
  if (!context) status = -1;
  if (!status
      && tilec_evaluate(context, &resolver, (tilec_op)op, values, (size_t)(n - FIXED) / FIELDS,
                        &error))
    status = tc_ffi_raise_compile(error, "");
  resolver.release(resolver.data);
  free(values);
  tc_ffi_drop(&config);
  return status;
}

static const char *or_empty(const char *text) {
  return text ? text : "";
}

/* One text, because making thousands of objects is most of what importing the package would cost:
 * rows end with \n, fields are separated by \t, which no row of the table holds. */
int tc_ffi_words(void *self, const tc_ffi_any *args, int32_t n, tc_ffi_any *result) {
  tc_ffi_args a;
  size_t size_b = 1, used = 0, count = tilec_word_count();
  (void)self;
  if (!tc_ffi_args_start(&a, "words", args, n, 0, 0)) return -1;
  for (size_t i = 0; i < count; i++) {
    tilec_word row = {.size = sizeof row};
    tilec_word_at(i, &row);
    size_b += strlen(row.name) + strlen(or_empty(row.signature)) + strlen(or_empty(row.help)) + 7;
  }
  char *text = malloc(size_b);
  if (!text) return tc_ffi_no_memory();
  for (size_t i = 0; i < count; i++) {
    tilec_word row = {.size = sizeof row};
    tilec_word_at(i, &row);
    used += (size_t)snprintf(text + used, size_b - used, "%s\t%s\t%s\t%d\t%d\n", row.name,
                             or_empty(row.signature), or_empty(row.help), row.missing != 0,
                             row.anywhere != 0);
  }
  int status = tc_ffi_string(text, used, result);
  free(text);
  return status;
}
