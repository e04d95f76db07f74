/* Random kernels, interpreter against compiled code: see gen.h for what is made, run.h for what is
 * compared.
 *
 *   kernels [--seed N] [--kernels N] [--seconds N] [--thorough] [--out DIR] [--tries N]
 *   kernels --show SEED         the text of one case
 *   kernels FILE...             cases from files
 *
 * A failure is reduced and written to DIR as a file that runs without the generator. The last line
 * says how many cases agreed and how many did not. */
#include "shrink.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

typedef struct options {
  uint64_t seed, kernels, seconds, tries;
  bool thorough, quiet;
  const char *out;
} options;

/* ---- compilers ---- */

enum { N_LEVELS = 3 };
typedef struct compilers {
  char folder[64];
  char path[2][N_LEVELS][128]; /* scripts that add -O0, -O1, nothing; "" when there is none */
} compilers;

static bool is_on_path(const char *name) {
  const char *path = getenv("PATH");
  char at[512];
  while (path && *path) {
    int n = (int)strcspn(path, ":");
    snprintf(at, sizeof at, "%.*s/%s", n, path, name);
    if (access(at, X_OK) == 0) return true;
    path += n + (path[n] == ':');
  }
  return false;
}

static bool find_compilers(compilers *c) {
  static const char *const NAMES[] = {"gcc", "clang"}, *const LEVELS[] = {" -O0", " -O1", ""};
  snprintf(c->folder, sizeof c->folder, "/tmp/tilec-fuzz-XXXXXX");
  if (!mkdtemp(c->folder)) return false;
  for (int i = 0; i < 2; i++) {
    for (int k = 0; k < N_LEVELS && is_on_path(NAMES[i]); k++) {
      snprintf(c->path[i][k], sizeof c->path[i][k], "%s/%s%d", c->folder, NAMES[i], k);
      FILE *f = fopen(c->path[i][k], "w");
      if (!f) return false;
      fprintf(f, "#!/bin/sh\nexec %s \"$@\"%s\n", NAMES[i], LEVELS[k]);
      fclose(f);
      chmod(c->path[i][k], 0700);
    }
  }
  return true;
}

static void forget_compilers(const compilers *c) {
  for (int i = 0; i < 2; i++)
    for (int k = 0; k < N_LEVELS; k++)
      if (c->path[i][k][0]) unlink(c->path[i][k]);
  rmdir(c->folder);
}

/* Most programs are compiled without optimisation, which is quick; what the C compiler may do with
 * them is for the others. */
static fuzz_build choose_build(const compilers *c, uint64_t number) {
  static const char *const ISAS[] = {"native", "avx2", "generic"};
  static const char *const WITHOUT[] = {"facts", "forward", "clears", "facts,forward,clears"};
  uint64_t state = number;
  uint64_t r = tape_mix(&state);
  fuzz_build b = {.isa = ISAS[r % 3], .jobs = (r >> 28) % 4 ? "1" : "3"};
  uint32_t level = (r >> 8) % 96 < 91 ? 0 : (r >> 8) % 96 < 95 ? 1 : 2;
  const char *path = c->path[(r >> 16) % 4 != 0][level];
  if (!*path) path = c->path[0][level];
  if (*path) b.cc = path;
  if ((r >> 20) % 4 == 0) b.disable = WITHOUT[(r >> 24) % TC_COUNT(WITHOUT)];
  if ((r >> 30) % 8 == 0) b.checked = "on";
  return b;
}

/* ---- failures ---- */

static void write_case(const options *o, const fuzz_failure *f, const fuzz_build *build, tape *t) {
  tc_unwind unwind;
  tc_arena arena;
  fuzz_case c;
  tc_arena_init(&arena, &unwind, 0);
  if (setjmp(unwind.at)) return;
  tape_replay(t, t->at, t->n);
  fuzz_generate(TC_NEW(&arena, fuzz_gen), t, 0, &c, &arena);
  const fuzz_case *one[] = {&c};
  tc_str text = fuzz_case_text(one, 1, &arena), header = fuzz_case_header(&c, &arena);
  const char *path = tc_format(&arena, "%s/%" PRIu64 ".py", o->out, f->seed);
  mkdir(o->out, 0777);
  FILE *file = fopen(path, "w");
  if (!file) {
    printf("cannot write %s\n", path);
  } else {
    fprintf(file, "# seed %" PRIu64 ", %s%s%s%s%s: ", f->seed, fuzz_way_name(f->way),
            build->isa ? " " : "", build->isa ? build->isa : "", *f->code ? " " : "", f->code);
    fprintf(file, "%.*s\n", (int)strcspn(f->text, "\n"), f->text);
    fprintf(file, "%.*s%.*s", TC_ARG_STR(header), TC_ARG_STR(text));
    fclose(file);
    printf("wrote %s\n", path);
  }
  tc_arena_free(&arena);
}

static void tell(const options *o, fuzz_failure *f, const fuzz_build *build) {
  printf("FAIL seed %" PRIu64 " %s: %s %s\n", f->seed, fuzz_way_name(f->way), f->code, f->text);
  if (!o->tries) return;
  tape t = {0};
  if (fuzz_shrink(f, build, (uint32_t)o->tries, &t))
    write_case(o, f, build, &t);
  else
    printf("it did not come again when run alone\n");
  tape_free(&t);
}

/* ---- the long run ---- */

static double seconds_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void progress(const fuzz_report *r, double since) {
  double s = seconds_now() - since;
  printf("%" PRIu64 " cases, %" PRIu64 " kernels, %" PRIu64 " lines, %" PRIu64
         " skipped (%.2f %%), %.1f kernels/s\n",
         r->n_cases, r->n_kernels, r->n_statements, r->n_skipped,
         100 * (double)r->n_skipped / (double)(r->n_cases + r->n_skipped + 1),
         (double)r->n_kernels / s);
  fflush(stdout);
}

static int run_random(const options *o) {
  compilers c = {0};
  fuzz_report *report = fuzz_report_new();
  if (!report || !find_compilers(&c)) return 2;
  double start = seconds_now(), told = start;
  uint64_t n_failed = 0;
  for (uint64_t i = 0;; i++) {
    if (o->kernels && report->n_kernels >= o->kernels) break;
    if (o->seconds && seconds_now() - start >= (double)o->seconds) break;
    fuzz_plan plan = {.first = o->seed + i * 48, .n = 48, .thorough = o->thorough};
    plan.build = choose_build(&c, plan.first);
    report->n_failures = 0;
    fuzz_run_plan(&plan, report);
    n_failed += report->n_failures;
    for (uint32_t k = 0; k < report->n_failures; k++)
      tell(o, &report->failures[k], &plan.build);
    if (seconds_now() - told > 60) progress(report, start), told = seconds_now();
  }
  progress(report, start);
  for (int i = 0; i < FUZZ_MAX_SKIPS && report->skips[i].n; i++)
    printf("skipped for %s: %u\n", report->skips[i].code, report->skips[i].n);
  forget_compilers(&c);
  printf("kernels: %" PRIu64 " passed, %" PRIu64 " failed\n", report->n_cases, n_failed);
  return n_failed != 0;
}

/* ---- cases from files ---- */

static tc_str read_whole(const char *path, tc_arena *arena) {
  tc_sb sb = tc_sb_in(arena);
  char block[4096];
  FILE *f = fopen(path, "r");
  for (size_t n; f && (n = fread(block, 1, sizeof block, f)) > 0;)
    tc_sb_add(&sb, (tc_str){block, (uint32_t)n});
  if (f) fclose(f);
  tc_sb_adds(&sb, "");
  return tc_sb_str(&sb);
}

typedef struct replay {
  const char *path;
  fuzz_report *report;
} replay;

static void run_file(void *data) {
  const replay *r = data;
  tc_unwind unwind;
  tc_arena arena;
  fuzz_case c;
  const char *why = NULL;
  tc_arena_init(&arena, &unwind, 0);
  if (setjmp(unwind.at)) abort();
  tc_str text = read_whole(r->path, &arena);
  if (!fuzz_case_parse(text, &c, &arena, &why)) {
    fuzz_note(r->report, 0, FUZZ_ORACLE, "file", why);
    return;
  }
  c.whole = text;
  fuzz_result want;
  fuzz_outcome o = fuzz_run_oracle(&c, text, &want, &arena);
  if (o.status != TILEC_OK) {
    fuzz_note(r->report, 0, FUZZ_ORACLE, o.code, o.text);
    return;
  }
  for (int way = FUZZ_SEED; way < FUZZ_CPU; way++) {
    o = fuzz_run_way(&c, text, (enum fuzz_way)way, &want, &arena);
    if (o.status != TILEC_OK || o.mismatch)
      fuzz_note(r->report, 0, (enum fuzz_way)way, o.code, o.mismatch ? o.mismatch : o.text);
  }
  static const fuzz_build BUILDS[] = {
      {0}, {.isa = "generic"}, {.disable = "facts"}, {.checked = "on"}};
  const fuzz_case *one[] = {&c};
  for (uint32_t i = 0; i < TC_COUNT(BUILDS); i++) {
    o = fuzz_run_cpu(one, &want, 1, &BUILDS[i], &why, &arena);
    if (o.status != TILEC_OK || why) fuzz_note(r->report, i, FUZZ_CPU, o.code, why ? why : o.text);
  }
}

static int run_files(char **paths, int n) {
  int n_failed = 0;
  fuzz_report *report = fuzz_report_new();
  if (!report) return 2;
  for (int i = 0; i < n; i++) {
    replay r = {paths[i], report};
    report->n_failures = 0;
    int how = fuzz_in_child(run_file, &r, 120);
    if (how) printf("FAIL %s: ended with signal %d\n", paths[i], how);
    for (uint32_t k = 0; k < report->n_failures; k++)
      printf("FAIL %s: %s: %s %s\n", paths[i], fuzz_way_name(report->failures[k].way),
             report->failures[k].code, report->failures[k].text);
    n_failed += how || report->n_failures;
  }
  printf("kernels: %d passed, %d failed\n", n - n_failed, n_failed);
  return n_failed != 0;
}

static int show(uint64_t seed) {
  tc_unwind unwind;
  tc_arena arena;
  fuzz_case c;
  tape t = {0};
  tc_arena_init(&arena, &unwind, 0);
  if (setjmp(unwind.at)) return 2;
  tape_record(&t, seed);
  fuzz_generate(TC_NEW(&arena, fuzz_gen), &t, 0, &c, &arena);
  const fuzz_case *one[] = {&c};
  tc_str text = fuzz_case_text(one, 1, &arena), header = fuzz_case_header(&c, &arena);
  printf("%.*s%.*s", TC_ARG_STR(header), TC_ARG_STR(text));
  return 0;
}

int main(int argc, char **argv) {
  options o = {.seed = 1, .tries = 400, .out = "found"};
  int n_files = 0;
  for (int i = 1; i < argc; i++) {
    const char *value = i + 1 < argc ? argv[i + 1] : "";
    if (strcmp(argv[i], "--thorough") == 0) {
      o.thorough = true;
      continue;
    }
    if (argv[i][0] != '-') {
      argv[n_files++] = argv[i];
      continue;
    }
    i++;
    uint64_t number = strtoull(value, NULL, 0);
    if (strcmp(argv[i - 1], "--seed") == 0)
      o.seed = number;
    else if (strcmp(argv[i - 1], "--kernels") == 0)
      o.kernels = number;
    else if (strcmp(argv[i - 1], "--seconds") == 0)
      o.seconds = number;
    else if (strcmp(argv[i - 1], "--tries") == 0)
      o.tries = number;
    else if (strcmp(argv[i - 1], "--out") == 0)
      o.out = value;
    else if (strcmp(argv[i - 1], "--show") == 0)
      return show(number);
    else
      return fprintf(stderr, "kernels: unknown option %s\n", argv[i - 1]), 2;
  }
  if (n_files) return run_files(argv, n_files);
  if (!o.kernels && !o.seconds) o.kernels = 400;
  return run_random(&o);
}
