#include "shrink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct attempt {
  tape *t;
  const fuzz_failure *want;
  const fuzz_plan *plan;
  fuzz_report *report;
} attempt;

static void note(attempt *a, const fuzz_outcome *o, const char *mismatch) {
  if (mismatch)
    fuzz_note(a->report, 0, a->want->way, "", mismatch);
  else if (o->status != TILEC_OK)
    fuzz_note(a->report, 0, a->want->way, o->code, o->text);
}

/* Runs the case of a tape in the oracle, then in the way that failed. */
static void run_attempt(void *data) {
  attempt *a = data;
  tc_unwind unwind;
  tc_arena arena;
  tc_arena_init(&arena, &unwind, 0);
  if (setjmp(unwind.at)) return;
  fuzz_gen *gen = TC_NEW(&arena, fuzz_gen);
  fuzz_case c;
  fuzz_generate(gen, a->t, 0, a->plan->gpu_of, &c, &arena);
  const fuzz_case *one[] = {&c};
  tc_str text = fuzz_case_text(one, 1, &arena);
  fuzz_result want;
  a->report->way = FUZZ_ORACLE;
  fuzz_outcome o = fuzz_run_oracle(&c, text, &want, &arena);
  if (a->want->way == FUZZ_ORACLE) note(a, &o, NULL);
  if (a->want->way == FUZZ_ORACLE || o.status != TILEC_OK) return;
  a->report->way = a->want->way;
  if (fuzz_is_program(a->want->way)) {
    const char *mismatch = NULL;
    o = fuzz_run_program(one, &want, 1, a->want->way, &a->plan->build, &mismatch, &arena);
    note(a, &o, mismatch);
  } else {
    o = fuzz_run_way(&c, text, a->want->way, &want, &arena);
    note(a, &o, o.mismatch);
  }
}

/* True when the tape fails in the same way; leaves what it said in `said`. */
static bool fails(tape *t, const fuzz_failure *want, const fuzz_plan *plan, fuzz_report *report,
                  fuzz_failure *said) {
  attempt a = {t, want, plan, report};
  report->n_failures = 0;
  int how = fuzz_in_child(run_attempt, &a, 30);
  bool died = strcmp(want->code, "signal") == 0 || strcmp(want->code, "time") == 0;
  if (died || how) return died && how && report->way == want->way;
  if (!report->n_failures || strcmp(report->failures[0].code, want->code) != 0) return false;
  snprintf(said->text, sizeof said->text, "%s", report->failures[0].text);
  return true;
}

typedef struct shrinker {
  tape best; /* a whole record of the smallest case so far */
  fuzz_failure *f;
  const fuzz_plan *plan;
  fuzz_report *report;
  uint32_t tries;
} shrinker;

/* Generates from the tape so that its decisions and spans are all there. */
static void complete(tape *t, uint32_t gpu_of) {
  tc_unwind unwind;
  tc_arena arena;
  fuzz_case c;
  tc_arena_init(&arena, &unwind, 0);
  if (setjmp(unwind.at)) abort();
  fuzz_generate(TC_NEW(&arena, fuzz_gen), t, 0, gpu_of, &c, &arena);
  tc_arena_free(&arena);
}

static uint64_t weight(const tape *t) {
  uint64_t sum = 0;
  for (uint32_t i = 0; i < t->n; i++)
    sum += t->at[i];
  return (uint64_t)t->n * 1000 + sum / 16 + (sum > 0);
}

/* Tries these decisions; keeps them when they are smaller and still fail. */
static bool try_decisions(shrinker *s, const uint32_t *at, uint32_t n) {
  if (!s->tries) return false;
  tape t = {0};
  tape_replay(&t, at, n);
  complete(&t, s->plan->gpu_of);
  bool better = weight(&t) < weight(&s->best);
  if (better) {
    s->tries--;
    tape again = {0};
    tape_replay(&again, t.at, t.n);
    better = fails(&again, s->f, s->plan, s->report, s->f);
    tape_free(&again);
  }
  if (better) {
    tape old = s->best;
    s->best = t;
    t = old;
  }
  tape_free(&t);
  return better;
}

static bool try_without(shrinker *s, uint32_t first, uint32_t end, bool zero) {
  uint32_t n = s->best.n;
  if (first >= end || end > n) return false;
  uint32_t *at = malloc((n + 1) * sizeof *at);
  if (!at) abort();
  memcpy(at, s->best.at, n * sizeof *at);
  if (zero) {
    memset(at + first, 0, (end - first) * sizeof *at);
  } else {
    memmove(at + first, at + end, (n - end) * sizeof *at);
    n -= end - first;
  }
  bool better = try_decisions(s, at, n);
  free(at);
  return better;
}

/* Whole statements and expressions, larger ones first. */
static bool drop_spans(shrinker *s) {
  bool any = false;
  for (uint32_t size = s->best.n; size; size /= 2) {
    for (uint32_t i = 0; i < s->best.n_spans && s->tries; i++) {
      tape_span span = s->best.spans[i];
      uint32_t n = span.end - span.first;
      if (n > size || n <= size / 2) continue;
      if (try_without(s, span.first, span.end, false) || try_without(s, span.first, span.end, true))
        any = true;
    }
  }
  return any;
}

static bool drop_runs(shrinker *s) {
  bool any = false;
  for (uint32_t size = s->best.n / 2; size; size /= 2)
    for (uint32_t at = 0; at + size <= s->best.n && s->tries;)
      if (try_without(s, at, at + size, size > 3) || try_without(s, at, at + size, false))
        any = true;
      else
        at += size;
  return any;
}

static bool lower_numbers(shrinker *s) {
  bool any = false;
  for (uint32_t i = 0; i < s->best.n && s->tries; i++) {
    uint32_t x = s->best.at[i];
    const uint32_t lower[] = {0, x / 2, x - 1};
    for (int k = 0; k < 3 && x; k++) {
      if (i >= s->best.n) break;
      uint32_t *at = malloc(s->best.n * sizeof *at);
      if (!at) abort();
      memcpy(at, s->best.at, s->best.n * sizeof *at);
      at[i] = lower[k];
      bool better = lower[k] < x && try_decisions(s, at, s->best.n);
      free(at);
      if (better) {
        any = true;
        break;
      }
    }
  }
  return any;
}

bool fuzz_shrink(fuzz_failure *f, const fuzz_plan *plan, uint32_t tries, tape *t) {
  shrinker s = {.f = f, .plan = plan, .report = fuzz_report_new(), .tries = tries};
  if (!s.report) return false;
  tape_record(&s.best, f->seed);
  complete(&s.best, plan->gpu_of);
  tape first = {0};
  tape_replay(&first, s.best.at, s.best.n);
  bool again = fails(&first, f, plan, s.report, f);
  tape_free(&first);
  for (bool more = again; more && s.tries;) {
    more = drop_spans(&s);
    more = drop_runs(&s) || more;
    more = lower_numbers(&s) || more;
  }
  *t = s.best;
  return again;
}
