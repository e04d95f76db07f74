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

static void note_skip(fuzz_report *report, const char *code) {
  report->n_skipped++;
  for (int i = 0; i < FUZZ_MAX_SKIPS; i++) {
    if (report->skips[i].n && strcmp(report->skips[i].code, code) != 0) continue;
    put_text(report->skips[i].code, sizeof report->skips[i].code, code);
    report->skips[i].n++;
    return;
  }
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

static void check_cpu(batch *b) {
  const char *mismatch[FUZZ_BATCH] = {0};
  if (!b->n) return;
  at_work(b, b->seeds[0], FUZZ_CPU);
  fuzz_outcome o = fuzz_run_cpu(b->good, b->want, b->n, &b->plan->build, mismatch, &b->arena);
  /* Which one it was is found out by running each alone. */
  if (o.status != TILEC_OK && b->n > 1) abort();
  if (o.status != TILEC_OK) fuzz_note(b->report, b->seeds[0], FUZZ_CPU, o.code, o.text);
  for (uint32_t i = 0; i < b->n; i++) {
    if (mismatch[i]) fuzz_note(b->report, b->seeds[i], FUZZ_CPU, "", mismatch[i]);
    b->report->n_cases++;
    b->report->n_kernels += b->good[i]->n_kernels;
    b->report->n_statements += b->good[i]->n_statements;
  }
  b->n = b->n_params = 0;
}

static void check_ways(batch *b, uint64_t seed, const fuzz_case *c, tc_str text,
                       const fuzz_result *want) {
  for (int way = FUZZ_SEED; way < FUZZ_CPU; way++) {
    if (!b->plan->thorough && way != FUZZ_SEED + (int)(seed % (FUZZ_CPU - FUZZ_SEED))) continue;
    at_work(b, seed, (enum fuzz_way)way);
    tc_arena_mark mark = tc_arena_here(&b->arena);
    fuzz_outcome o = fuzz_run_way(c, text, (enum fuzz_way)way, want, &b->arena);
    if (o.mismatch)
      fuzz_note(b->report, seed, (enum fuzz_way)way, "", o.mismatch);
    else if (o.status != TILEC_OK && o.status != TILEC_BUDGET)
      fuzz_note(b->report, seed, (enum fuzz_way)way, o.code, o.text);
    tc_arena_rewind(&b->arena, mark);
  }
}

static void one_case(batch *b, uint64_t seed) {
  fuzz_case *c = &b->cases[b->n];
  at_work(b, seed, FUZZ_ORACLE);
  tape_record(&b->tape, seed);
  fuzz_generate(&b->gen, &b->tape, b->n, c, &b->arena);
  if (b->n_params + c->args.n > MAX_PARAMS) {
    check_cpu(b);
    b->cases[0] = *c;
    c = &b->cases[0];
  }
  const fuzz_case *one[] = {c};
  tc_str text = fuzz_case_text(one, 1, &b->arena);
  at_work(b, seed, FUZZ_ORACLE);
  fuzz_outcome o = fuzz_run_oracle(c, text, &b->want[b->n], &b->arena);
  if (o.status != TILEC_OK) {
    if (fuzz_is_skip(&o))
      note_skip(b->report, o.code);
    else
      fuzz_note(b->report, seed, FUZZ_ORACLE, o.code, o.text);
    return;
  }
  check_ways(b, seed, c, text, &b->want[b->n]);
  b->seeds[b->n] = seed;
  b->good[b->n++] = c;
  b->n_params += c->args.n;
  if (b->plan->alone || b->n == FUZZ_BATCH) check_cpu(b);
}

static void run_batch(void *data) {
  batch *b = data;
  tc_unwind unwind;
  tc_arena_init(&b->arena, &unwind, 0);
  if (setjmp(unwind.at)) abort();
  for (uint32_t i = 0; i < b->plan->n; i++)
    one_case(b, b->plan->first + i);
  check_cpu(b);
}

/* ---- in the parent ---- */

static void run_part(const fuzz_plan *plan, uint64_t first, uint32_t n, bool alone,
                     fuzz_report *report);

/* The child died at report->seed: what stands around it is run again, and it alone if it was not.
 */
static void run_rest(const fuzz_plan *plan, uint64_t first, uint32_t n, bool alone, int how,
                     fuzz_report *report) {
  uint64_t seed = report->seed;
  if (report->way == FUZZ_CPU && !alone && n > 1) {
    for (uint32_t i = 0; i < n; i++)
      run_part(plan, first + i, 1, true, report);
    return;
  }
  char text[64];
  snprintf(text, sizeof text, "the process ended with signal %d", how);
  fuzz_note(report, seed, report->way, how == SIGALRM ? "time" : "signal", text);
  uint32_t before = (uint32_t)(seed - first);
  if (before) run_part(plan, first, before, alone, report);
  if (before + 1 < n) run_part(plan, seed + 1, n - before - 1, alone, report);
}

static void run_part(const fuzz_plan *plan, uint64_t first, uint32_t n, bool alone,
                     fuzz_report *report) {
  fuzz_plan part = *plan;
  part.first = first;
  part.n = n;
  part.alone = alone;
  batch *b = calloc(1, sizeof *b);
  fuzz_report before = *report;
  if (!b) abort();
  b->plan = &part;
  b->report = report;
  int how = fuzz_in_child(run_batch, b, 120);
  free(b);
  if (!how) return;
  /* What the child counted is counted again. */
  before.seed = report->seed;
  before.way = report->way;
  *report = before;
  run_rest(plan, first, n, alone, how, report);
}

void fuzz_run_plan(const fuzz_plan *plan, fuzz_report *report) {
  run_part(plan, plan->first, plan->n, plan->alone, report);
}
