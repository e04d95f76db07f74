/* What a resolver answered, kept to be answered again (tilec_history).
 *
 * A record is one evaluation: its questions in their order, each with what the resolver did with
 * values of the evaluation while it thought about the answer. Records are written while nobody else
 * sees them, then belong to the history and change no more. Evaluation number n of a program
 * follows record n as long as it asks the same; from its first other question on it asks itself. */
#include "lang/foreign.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

typedef struct history_call {
  tilec_op op;
  uint32_t n;
  const tilec_value *args;
} history_call;

struct tc_history_step {
  tilec_op op;
  uint32_t n;
  bool answered; /* not when unwinding went past it */
  const tilec_value *args;
  tilec_value answer;
  TC_VEC(history_call) calls;
};

struct tc_history_record {
  tc_arena arena; /* its own: it outlives the evaluation */
  TC_VEC(tc_history_step *) steps;
  tc_history_record *next; /* that of the next evaluation */
};

struct tilec_history {
  atomic_uint n_refs;
  pthread_mutex_t lock; /* of `first` and the chain behind it */
  tc_history_record *first;
};

/* ---- life ---- */

tilec_history *tilec_history_new(void) {
  tilec_history *h = calloc(1, sizeof *h);
  if (!h) return NULL;
  if (pthread_mutex_init(&h->lock, NULL)) return free(h), NULL;
  atomic_init(&h->n_refs, 1);
  return h;
}

void tilec_history_retain(tilec_history *h) {
  if (h) atomic_fetch_add_explicit(&h->n_refs, 1, memory_order_relaxed);
}

static void end_record(tc_history_record *r) {
  if (!r) return;
  tc_arena_free(&r->arena);
  free(r);
}

void tilec_history_release(tilec_history *h) {
  if (!h || atomic_fetch_sub_explicit(&h->n_refs, 1, memory_order_acq_rel) != 1) return;
  for (tc_history_record *r = h->first, *next; r; r = next) {
    next = r->next;
    end_record(r);
  }
  pthread_mutex_destroy(&h->lock);
  free(h);
}

/* ---- values ---- */

static bool has_text(uint32_t kind) {
  return kind == TILEC_VALUE_TEXT || kind == TILEC_VALUE_NAME || kind >= TILEC_VALUE_STAGED;
}

static bool same_value(const tilec_value *a, const tilec_value *b) {
  if (a->kind != b->kind || a->n != b->n || a->object != b->object) return false;
  return has_text(a->kind) ? memcmp(a->as.text, b->as.text, a->n) == 0 : a->as.i == b->as.i;
}

static bool same_values(const tilec_value *a, const tilec_value *b, uint32_t n) {
  for (uint32_t i = 0; i < n; i++)
    if (!same_value(&a[i], &b[i])) return false;
  return true;
}

static tilec_value copy_value(tc_arena *arena, const tilec_value *v) {
  tilec_value copy = *v;
  if (has_text(v->kind)) copy.as.text = tc_str_dup(arena, (tc_str){v->n ? v->as.text : "", v->n});
  return copy;
}

static const tilec_value *copy_values(tc_arena *arena, const tilec_value *from, uint32_t n) {
  tilec_value *to = TC_NEW_ARRAY(arena, (size_t)n + 1, tilec_value);
  for (uint32_t i = 0; i < n; i++)
    to[i] = copy_value(arena, &from[i]);
  return to;
}

/* The arena of what is being written; it runs out to where the evaluation does. */
static tc_arena *writing(const tilec_trace *t) {
  tc_arena *arena = &t->history.record->arena;
  arena->unwind = t->lang->arena->unwind;
  return arena;
}

/* ---- evaluations ---- */

static void finish(tilec_trace *t) {
  struct tc_history_cursor *c = &t->history;
  tilec_history *h = t->resolver.history;
  tc_history_record *r = c->record, **at = &h->first;
  c->record = NULL;
  if (!r) return;
  pthread_mutex_lock(&h->lock);
  uint32_t n = 0;
  for (; *at; at = &(*at)->next)
    n++;
  bool wanted = n == c->number && !c->raised;
  if (wanted) *at = r;
  pthread_mutex_unlock(&h->lock);
  if (!wanted) end_record(r);
}

void tc_history_start(tilec_trace *t) {
  tilec_history *h = t->resolver.history;
  struct tc_history_cursor *c = &t->history;
  if (!h) return;
  if (c->begun) finish(t);
  *c = (struct tc_history_cursor){.begun = true, .number = c->begun ? c->number + 1 : 0};
  pthread_mutex_lock(&h->lock);
  const tc_history_record *known = h->first;
  for (uint32_t i = 0; known && i < c->number; i++)
    known = known->next;
  c->known = known;
  pthread_mutex_unlock(&h->lock);
  if (known) return;
  c->record = calloc(1, sizeof *c->record);
  if (!c->record) tc_unwind_to(t->lang->arena->unwind, TC_WHY_MEMORY);
  tc_arena_init(&c->record->arena, t->lang->arena->unwind, 0);
  c->record->arena.chunk_b = 4096;
}

void tc_history_end(tilec_trace *t) {
  if (t->history.begun) finish(t);
  t->history = (struct tc_history_cursor){0};
}

/* ---- following a record ---- */

const tc_history_step *tc_history_next(tilec_trace *t, tilec_op op, const tilec_value *args,
                                       uint32_t n) {
  struct tc_history_cursor *c = &t->history;
  if (!c->known) return NULL;
  const tc_history_step *s = c->at < c->known->steps.n ? c->known->steps.at[c->at] : NULL;
  if (s && s->answered && s->op == op && s->n == n && same_values(s->args, args, n)) {
    c->at++;
    return s;
  }
  c->known = NULL;
  return NULL;
}

tilec_status tc_history_repeat(tilec_trace *t, const tc_history_step *s, tilec_value *answer) {
  tilec_value ignored;
  for (uint32_t i = 0; i < s->calls.n; i++) {
    const history_call *call = &s->calls.at[i];
    tilec_status status = tc_foreign_enter(t, call->op, call->args, call->n, &ignored);
    if (status) return status;
  }
  *answer = s->answer;
  return TILEC_OK;
}

/* ---- writing one ---- */

tc_history_step *tc_history_ask(tilec_trace *t, tilec_op op, const tilec_value *args, uint32_t n) {
  tc_history_record *r = t->history.record;
  if (!r) return NULL;
  tc_arena *arena = writing(t);
  tc_history_step *s = TC_NEW(arena, tc_history_step);
  *s = (tc_history_step){.op = op, .n = n, .args = copy_values(arena, args, n)};
  tc_vec_push(arena, &r->steps, s);
  return s;
}

void tc_history_call(tilec_trace *t, tilec_op op, const tilec_value *args, uint32_t n) {
  tc_history_step *s = t->history.open;
  if (!s) return;
  tc_arena *arena = writing(t);
  tc_vec_push(arena, &s->calls, ((history_call){op, n, copy_values(arena, args, n)}));
}

void tc_history_answer(tilec_trace *t, tc_history_step *s, tilec_status status,
                       const tilec_value *answer) {
  if (status) t->history.raised = true;
  if (status || !s) return;
  s->answer = copy_value(writing(t), answer);
  s->answered = true;
}
