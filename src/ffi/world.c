/* Programs whose names live in Python: the resolver of the C interface as one function there.
 *
 * The function is called as world(trace, operation, kind, n, payload, object, ...), four arguments
 * for each value (value.c), and gives such a tuple, ("raised", text) when it keeps an exception, or
 * ("interrupted",). As world(trace, -1, x) it gives the four fields of an object of its own. */
#include "ffi/ffi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS = TC_FFI_VALUE_FIELDS, FIXED = 2, FEW = 8 };

/* ---- traces ---- */

/* The evaluations of a world that go on, each on a thread of its own. */
typedef struct link {
  struct link *next;
  tc_ffi_instance *trace;
} link;

typedef struct world {
  void *function;
  pthread_mutex_t lock;
  link *links;
} world;

static tc_ffi_trace *handle_of(tc_ffi_instance *trace) {
  return atomic_load(&trace->handle);
}

void tc_ffi_trace_release(void *handle) {
  tc_ffi_trace *t = handle;
  tc_ffi_drop(&t->last);
  free(t);
}

static tc_ffi_instance *new_trace(world *w, tilec_trace *trace) {
  tc_ffi_instance *object;
  tc_ffi_trace *t = calloc(1, sizeof *t);
  if (!t) return tc_ffi_no_memory(), NULL;
  *t = (tc_ffi_trace){.trace = trace, .function = w->function};
  if (tc_ffi_new(TC_FFI_TYPE_Trace, &object)) return free(t), NULL;
  atomic_store(&object->handle, t);
  object->fields[TC_FFI_FIELD(Trace, evaluation)] = tc_ffi_int((int64_t)(intptr_t)t);
  return object;
}

/* The one that goes on, or a new one; NULL with an error. */
static tc_ffi_instance *trace_of(world *w, tilec_trace *trace) {
  pthread_mutex_lock(&w->lock);
  link *l = w->links;
  while (l && handle_of(l->trace)->trace != trace)
    l = l->next;
  if (!l && (l = calloc(1, sizeof *l)) != NULL) {
    *l = (link){w->links, new_trace(w, trace)};
    if (l->trace) w->links = l;
  }
  tc_ffi_instance *found = l ? l->trace : NULL;
  if (l && !found) free(l);
  pthread_mutex_unlock(&w->lock);
  return found;
}

/* Its values may live on, but are of no use. */
static void end_trace(world *w, tc_ffi_instance *trace) {
  pthread_mutex_lock(&w->lock);
  link **at = &w->links;
  while (*at && (*at)->trace != trace)
    at = &(*at)->next;
  link *l = *at;
  if (l) *at = l->next;
  pthread_mutex_unlock(&w->lock);
  handle_of(trace)->trace = NULL;
  handle_of(trace)->function = NULL;
  tc_ffi.ObjectDecRef(trace);
  free(l);
}

/* ---- callbacks ---- */

static tilec_status say(tilec_value *result, const char *text) {
  *result =
      (tilec_value){.kind = TILEC_VALUE_TEXT, .n = (uint32_t)strlen(text), .as = {.text = text}};
  return TILEC_RAISED;
}

/* An exception that came through instead of being kept there: its text is what is left. */
static tilec_status say_raised(tc_ffi_trace *t, tilec_value *result) {
  void *error = NULL;
  tc_ffi.ErrorMoveFromRaised(&error);
  if (!error) return say(result, "an exception without a text");
  t->last = tc_ffi_value(error); /* keeps the text */
  const tc_ffi_bytes *cell = tc_ffi_body(error);
  *result = (tilec_value){
      .kind = TILEC_VALUE_TEXT, .n = (uint32_t)cell[1].n, .as = {.text = cell[1].data}};
  return TILEC_RAISED;
}

static tilec_status read_answer(const tc_ffi_instance *trace, const tc_ffi_any *given,
                                tilec_value *result) {
  const tc_ffi_seq *list;
  tc_ffi_bytes word;
  if (!tc_ffi_is_list(given, &list)) return say(result, "the resolver gave no tuple");
  if (list->n == FIELDS && tc_ffi_take_fields(trace, list->at, result)) return TILEC_OK;
  if (list->n == 1 && tc_ffi_is_text(&list->at[0], &word)) return TILEC_INTERRUPTED;
  if (list->n == 2 && tc_ffi_is_text(&list->at[1], &word)) {
    *result =
        (tilec_value){.kind = TILEC_VALUE_TEXT, .n = (uint32_t)word.n, .as = {.text = word.data}};
    return TILEC_RAISED;
  }
  return say(result, "the resolver gave a tuple that is no value");
}

/* Calls the function: fixed arguments, then the fields of each value. */
static int ask(tc_ffi_instance *trace, tilec_op op, const tilec_value *args, size_t n_args,
               tc_ffi_any *given) {
  tc_ffi_any few[FIXED + FEW * FIELDS], *values = few;
  size_t n = FIXED;
  if (n_args > FEW) values = calloc(FIXED + n_args * FIELDS, sizeof *values);
  if (!values) return tc_ffi_no_memory();
  values[0] = tc_ffi_value(trace);
  values[1] = tc_ffi_int(op);
  int status = 0;
  for (size_t i = 0; i < n_args && !status; i++, n += FIELDS)
    status = tc_ffi_give(trace, &args[i], &values[n]);
  if (!status) status = tc_ffi.FunctionCall(handle_of(trace)->function, values, (int32_t)n, given);
  while (n > FIXED)
    tc_ffi_drop(&values[--n]);
  if (values != few) free(values);
  return status;
}

static tilec_status run(void *data, tilec_trace *trace, tilec_op op, const tilec_value *args,
                        size_t n_args, tilec_value *result) {
  world *w = data;
  tc_ffi_any given = {0};
  *result = (tilec_value){0};
  tc_ffi_instance *object = trace_of(w, trace);
  if (!object) return say(result, "out of memory");
  tc_ffi_trace *t = handle_of(object);
  t->thread = pthread_self();
  t->depth++;
  int status = ask(object, op, args, n_args, &given);
  t->depth--;
  tc_ffi_drop(&t->last);
  t->last = given;
  tilec_status answered = status ? say_raised(t, result) : read_answer(object, &t->last, result);
  if (op == TILEC_OP_END) end_trace(w, object);
  return answered;
}

static void end_world(void *data) {
  world *w = data;
  while (w->links)
    end_trace(w, w->links->trace);
  pthread_mutex_destroy(&w->lock);
  tc_ffi.ObjectDecRef(w->function);
  free(w);
}

int tc_ffi_resolver(const tc_ffi_any *function, const tc_ffi_any *history, tilec_resolver *out) {
  tilec_history *kept = NULL;
  if (function->type_index != TC_FFI_FUNCTION)
    return tc_ffi_raise("TypeError", "tilec: the resolver is %s, expected a function",
                        tc_ffi_what(function->type_index));
  if (history) {
    tc_ffi_instance *object = tc_ffi_instance_of(history, TC_FFI_TYPE_History, "tilec");
    if (!object) return -1;
    kept = atomic_load(&object->handle);
  }
  world *w = calloc(1, sizeof *w);
  if (!w) return tc_ffi_no_memory();
  if (pthread_mutex_init(&w->lock, NULL)) return free(w), tc_ffi_no_memory();
  tc_ffi.ObjectIncRef(function->as.ptr);
  w->function = function->as.ptr;
  *out = (tilec_resolver){
      .size = sizeof *out, .run = run, .release = end_world, .data = w, .history = kept};
  return 0;
}

int tc_ffi_history(void *self, const tc_ffi_any *args, int32_t n, tc_ffi_any *result) {
  tc_ffi_args a;
  tc_ffi_instance *object;
  (void)self;
  if (!tc_ffi_args_start(&a, "history", args, n, 0, 0)) return -1;
  tilec_history *history = tilec_history_new();
  if (!history) return tc_ffi_no_memory();
  if (tc_ffi_new(TC_FFI_TYPE_History, &object)) return tilec_history_release(history), -1;
  atomic_store(&object->handle, history);
  *result = tc_ffi_value(object);
  return 0;
}

/* ---- the vocabulary ---- */

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
