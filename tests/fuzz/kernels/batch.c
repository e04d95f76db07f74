#include "batch.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_PARAMS = 240 };

fuzz_report *fuzz_report_new(void) {
  void *at =
      mmap(NULL, sizeof(fuzz_report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return at == MAP_FAILED ? NULL : at;
}

int fuzz_in_child(void (*body)(void *data), void *data, unsigned seconds) {
  fflush(stdout);
  pid_t pid = fork();
  if (pid < 0) return SIGABRT;
  if (pid == 0) {
    alarm(seconds);
    body(data);
    fflush(stdout);
    _exit(0);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  if (WIFSIGNALED(status)) return WTERMSIG(status);
  return WEXITSTATUS(status) ? SIGABRT : 0;
}

/* ---- reports ---- */

static void put_text(char *to, size_t size_b, const char *text) {
  size_t n = strlen(text);
  if (n > size_b - 1) n = size_b - 1;
  memcpy(to, text, n);
  to[n] = 0;
}

void fuzz_note(fuzz_report *report, uint64_t seed, enum fuzz_way way, const char *code,
               const char *text) {
  if (report->n_failures == FUZZ_MAX_FAILURES) return;
  fuzz_failure *f = &report->failures[report->n_failures++];
  f->seed = seed;
  f->way = way;
  put_text(f->code, sizeof f->code, code);
  put_text(f->text, sizeof f->text, text);
}

static void count(fuzz_count *counts, enum fuzz_way way, const char *code) {
  for (int i = 0; i < FUZZ_MAX_COUNTS; i++) {
    fuzz_count *c = &counts[i];
    if (c->n && (c->way != way || strcmp(c->code, code) != 0)) continue;
    c->way = way;
    put_text(c->code, sizeof c->code, code);
    c->n++;
    return;
  }
}

void fuzz_note_refusal(fuzz_report *report, enum fuzz_way way, const char *code) {
  count(report->refusals, way, code);
}

bool fuzz_is_skip(const fuzz_outcome *o) {
  static const char *const CODES[] = {"E0424", "E0507", "E0607", "E0608", "E0611"};
  if (o->status == TILEC_BUDGET) return true;
  for (uint32_t i = 0; i < TC_COUNT(CODES); i++)
    if (strcmp(o->code, CODES[i]) == 0) return true;
  return false;
}

/* ---- in the child ---- */

typedef struct batch {
  const fuzz_plan *plan;
  fuzz_report *report;
  tc_arena arena;
  fuzz_gen gen;
  tape tape;
  fuzz_case cases[FUZZ_BATCH];
  const fuzz_case *good[FUZZ_BATCH];
  fuzz_result want[FUZZ_BATCH];
  uint64_t seeds[FUZZ_BATCH];
  uint32_t n, n_params;
} batch;

static void at_work(batch *b, uint64_t seed, enum fuzz_way way) {
  b->report->seed = seed;
  b->report->way = way;
}

/* The cases [first, end) of `pick` as one program; in halves when it cannot be made or run. */
static void check_range(batch *b, enum fuzz_way way, const uint32_t *pick, uint32_t n) {
  const char *mismatch[FUZZ_BATCH] = {0};
  const fuzz_case *cases[FUZZ_BATCH];
  fuzz_result want[FUZZ_BATCH];
  if (!n) return;
  for (uint32_t i = 0; i < n; i++)
    cases[i] = b->good[pick[i]], want[i] = b->want[pick[i]];
  at_work(b, b->seeds[pick[0]], way);
  fuzz_outcome o = fuzz_run_program(cases, want, n, way, &b->plan->build, mismatch, &b->arena);
  if (o.status != TILEC_OK && n > 1) {
    check_range(b, way, pick, n / 2);
    check_range(b, way, pick + n / 2, n - n / 2);
    return;
  }
  if (o.status != TILEC_OK) {
    fuzz_note(b->report, b->seeds[pick[0]], way, o.code, o.text);
    return;
  }
  for (uint32_t i = 0; i < n; i++)
    if (mismatch[i])
      fuzz_note(b->report, b->seeds[pick[i]], way, "", mismatch[i]);
    else
      b->report->n_agreed[way]++;
}

/* Whether the passes for a GPU take the case; other errors are left for the run. */
static bool is_taken(batch *b, enum fuzz_way way, uint32_t i) {
  if (!fuzz_is_gpu(way)) return true;
  at_work(b, b->seeds[i], way);
  tc_arena_mark mark = tc_arena_here(&b->arena);
  const fuzz_case *one[] = {b->good[i]};
  tc_str text = fuzz_case_text(one, 1, &b->arena);
  fuzz_outcome o = fuzz_try_way(text, way, &b->plan->build, &b->arena);
  bool refused = fuzz_is_refusal(&o);
  if (refused) fuzz_note_refusal(b->report, way, o.code);
  tc_arena_rewind(&b->arena, mark);
  return !refused;
}

static void check_programs(batch *b) {
  for (int w = 0; w < FUZZ_N_WAYS; w++) {
    enum fuzz_way way = (enum fuzz_way)w;
    uint32_t pick[FUZZ_BATCH], n = 0;
    if (!fuzz_is_program(way) || !(b->plan->ways >> w & 1)) continue;
    for (uint32_t i = 0; i < b->n; i++)
      if (is_taken(b, way, i)) pick[n++] = i;
    check_range(b, way, pick, n);
  }
  for (uint32_t i = 0; i < b->n; i++) {
    b->report->n_cases++;
    b->report->n_kernels += b->good[i]->n_kernels;
    b->report->n_statements += b->good[i]->n_statements;
  }
  b->n = b->n_params = 0;
}

/* One way of the interpreter for each case, by its seed, and all that were asked for of GPUs. */
static bool is_wanted(const batch *b, uint64_t seed, enum fuzz_way way) {
  enum { N_OTHER = FUZZ_TEXT };
  if (fuzz_is_program(way) || way == FUZZ_ORACLE || !(b->plan->ways >> way & 1)) return false;
  return b->plan->thorough || fuzz_is_gpu(way) || way == 1 + (enum fuzz_way)(seed % N_OTHER);
}

static void check_ways(batch *b, uint64_t seed, const fuzz_case *c, tc_str text,
                       const fuzz_result *want) {
  for (int w = 0; w < FUZZ_N_WAYS; w++) {
    enum fuzz_way way = (enum fuzz_way)w;
    if (!is_wanted(b, seed, way)) continue;
    at_work(b, seed, way);
    tc_arena_mark mark = tc_arena_here(&b->arena);
    fuzz_outcome o = fuzz_run_way(c, text, way, want, &b->arena);
    if (o.mismatch)
      fuzz_note(b->report, seed, way, "", o.mismatch);
    else if (fuzz_is_gpu(way) && fuzz_is_refusal(&o))
      fuzz_note_refusal(b->report, way, o.code);
    else if (o.status == TILEC_BUDGET)
      count(b->report->skips, way, o.code);
    else if (o.status != TILEC_OK)
      fuzz_note(b->report, seed, way, o.code, o.text);
    else
      b->report->n_agreed[way]++;
    tc_arena_rewind(&b->arena, mark);
  }
}

static void one_case(batch *b, uint64_t seed) {
  fuzz_case *c = &b->cases[b->n];
  at_work(b, seed, FUZZ_ORACLE);
  tape_record(&b->tape, seed);
  fuzz_generate(&b->gen, &b->tape, b->n, b->plan->gpu_of, c, &b->arena);
  if (b->n_params + c->args.n > MAX_PARAMS) {
    check_programs(b);
    b->cases[0] = *c;
    c = &b->cases[0];
  }
  const fuzz_case *one[] = {c};
  tc_str text = fuzz_case_text(one, 1, &b->arena);
  at_work(b, seed, FUZZ_ORACLE);
  fuzz_outcome o = fuzz_run_oracle(c, text, &b->want[b->n], &b->arena);
  if (o.status != TILEC_OK && fuzz_is_skip(&o)) {
    b->report->n_skipped++;
    count(b->report->skips, FUZZ_ORACLE, o.code);
    return;
  }
  if (o.status != TILEC_OK) {
    fuzz_note(b->report, seed, FUZZ_ORACLE, o.code, o.text);
    return;
  }
  check_ways(b, seed, c, text, &b->want[b->n]);
  b->seeds[b->n] = seed;
  b->good[b->n++] = c;
  b->n_params += c->args.n;
  if (b->n == FUZZ_BATCH) check_programs(b);
}

static void run_batch(void *data) {
  batch *b = data;
  tc_unwind unwind;
  tc_arena_init(&b->arena, &unwind, 0);
  if (setjmp(unwind.at)) abort();
  for (uint32_t i = 0; i < b->plan->n; i++)
    one_case(b, b->plan->first + i);
  check_programs(b);
}

/* ---- in the parent ---- */

enum { BATCH_S = 300 };

static void run_part(const fuzz_plan *plan, uint64_t first, uint32_t n, fuzz_report *report);

/* The child died. In a program it may be any of the cases: halves are run again until it is one.
 * Else it was at report->seed, and what stands around it is run again. */
static void run_rest(const fuzz_plan *plan, uint64_t first, uint32_t n, int how,
                     fuzz_report *report) {
  uint64_t seed = report->seed;
  if (fuzz_is_program(report->way) && n > 1) {
    run_part(plan, first, n / 2, report);
    run_part(plan, first + n / 2, n - n / 2, report);
    return;
  }
  char text[64];
  snprintf(text, sizeof text, "the process ended with signal %d", how);
  fuzz_note(report, seed, report->way, how == SIGALRM ? "time" : "signal", text);
  uint32_t before = (uint32_t)(seed - first);
  if (before) run_part(plan, first, before, report);
  if (before + 1 < n) run_part(plan, seed + 1, n - before - 1, report);
}

static void run_part(const fuzz_plan *plan, uint64_t first, uint32_t n, fuzz_report *report) {
  fuzz_plan part = *plan;
  part.first = first;
  part.n = n;
  batch *b = calloc(1, sizeof *b);
  fuzz_report before = *report;
  if (!b) abort();
  b->plan = &part;
  b->report = report;
  int how = fuzz_in_child(run_batch, b, BATCH_S);
  free(b);
  if (!how) return;
  /* What the child counted is counted again. */
  before.seed = report->seed;
  before.way = report->way;
  *report = before;
  run_rest(plan, first, n, how, report);
}

void fuzz_run_plan(const fuzz_plan *plan, fuzz_report *report) {
  run_part(plan, plan->first, plan->n, report);
}
