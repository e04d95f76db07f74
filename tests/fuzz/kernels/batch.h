/* A batch: cases made from consecutive seeds, run in a child process of their own, so that a crash
 * or a hang is one more failure and not the end. */
#ifndef FUZZ_BATCH_H
#define FUZZ_BATCH_H

#include "gen.h"
#include "run.h"

enum { FUZZ_MAX_FAILURES = 64, FUZZ_MAX_COUNTS = 64, FUZZ_TEXT_B = 400, FUZZ_BATCH = 64 };

typedef struct fuzz_failure {
  uint64_t seed;
  enum fuzz_way way;
  char code[16]; /* of the error; "" for a mismatch, "signal" or "time" for a child */
  char text[FUZZ_TEXT_B];
} fuzz_failure;

/* Cases that were left out, by the error that said so. */
typedef struct fuzz_count {
  enum fuzz_way way;
  char code[16];
  uint32_t n;
} fuzz_count;

/* Memory that the child shares with its parent. */
typedef struct fuzz_report {
  uint64_t seed; /* what the child is doing */
  enum fuzz_way way;
  uint64_t n_cases, n_kernels, n_statements, n_skipped; /* finished */
  uint64_t n_agreed[FUZZ_N_WAYS];
  uint32_t n_failures;
  fuzz_failure failures[FUZZ_MAX_FAILURES];
  fuzz_count skips[FUZZ_MAX_COUNTS]; /* no kernels, or too long: way ORACLE, or PLACED */
  fuzz_count refusals[FUZZ_MAX_COUNTS];
} fuzz_report;

typedef struct fuzz_plan {
  uint64_t first;
  uint32_t n;
  uint32_t ways;   /* bits */
  uint32_t gpu_of; /* see fuzz_generate */
  bool thorough;   /* every way of the interpreter for every case, else one of them */
  fuzz_build build;
} fuzz_plan;

/* NULL when there is no memory to share. */
fuzz_report *fuzz_report_new(void);
/* Runs the plan and adds to the report; whatever the child does, every seed has been looked at. */
void fuzz_run_plan(const fuzz_plan *plan, fuzz_report *report);
/* Runs `body` in a child: 0 when it ended by itself, else its signal (SIGALRM: it took too long).
 */
int fuzz_in_child(void (*body)(void *data), void *data, unsigned seconds);
/* An error that says nothing about the compiler: the generator made a kernel that is not defined.
 */
bool fuzz_is_skip(const fuzz_outcome *o);
void fuzz_note_refusal(fuzz_report *report, enum fuzz_way way, const char *code);
void fuzz_note(fuzz_report *report, uint64_t seed, enum fuzz_way way, const char *code,
               const char *text);

#endif
