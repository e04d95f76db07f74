/* Random kernels, interpreter against all else: see gen.h for what is made, run.h for what is
 * compared.
 *
 *   kernels [--seed N] [--kernels N] [--seconds N] [--targets LIST] [--gpu N] [--thorough]
 *           [--out DIR] [--tries N]
 *   kernels [--gpu N] --show SEED         the text of one case
 *   kernels [--targets LIST] FILE...      cases from files
 *
 * LIST names ways of run.h; --gpu N makes N of 8 launches such as are written for GPUs. A failure
 * is reduced and written to DIR as a file that runs without the generator. The last line says how
 * many cases agreed and how many did not. */
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
  uint32_t ways, gpu_of;
  bool thorough;
  const char *out, *targets, *show;
} options;

#define EVERYTHING "interp,cpu,placed:sm_80,placed:sm_90a,sim:cuda:sm_80,sim:cuda:sm_90a"

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
  static const char *const DELIVERIES[] = {"late", "random", "early", "random"};
  static const char *const ISAS[] = {"native", "avx2", "generic"};
  static const char *const WITHOUT[] = {"facts",   "forward", "clears", "facts,forward,clears",
                                        "persist", "rotate"};
  uint64_t state = number;
  uint64_t r = tape_mix(&state);
  fuzz_build b = {.isa = ISAS[r % 3], .jobs = (r >> 28) % 4 ? "1" : "3"};
  uint32_t level = (r >> 8) % 96 < 91 ? 0 : (r >> 8) % 96 < 95 ? 1 : 2;
  const char *path = c->path[(r >> 16) % 4 != 0][level];
  if (!*path) path = c->path[0][level];
  if (*path) b.cc = path;
  if ((r >> 20) % 4 == 0) b.disable = WITHOUT[(r >> 24) % TC_COUNT(WITHOUT)];
  if ((r >> 30) % 8 == 0) b.checked = "on";
  b.delivery = DELIVERIES[(r >> 34) % 4];
  b.seed = r >> 40;
  return b;
}

/* ---- failures ---- */

static void write_case(const options *o, const fuzz_failure *f, const fuzz_plan *plan, tape *t) {
  const fuzz_build *build = &plan->build;
  tc_unwind unwind;
  tc_arena arena;
  fuzz_case c;
  tc_arena_init(&arena, &unwind, 0);
  if (setjmp(unwind.at)) return;
  tape_replay(t, t->at, t->n);
  fuzz_generate(TC_NEW(&arena, fuzz_gen), t, 0, plan->gpu_of, &c, &arena);
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

static void tell(const options *o, fuzz_failure *f, const fuzz_plan *plan) {
  printf("FAIL seed %" PRIu64 " %s: %s %s\n", f->seed, fuzz_way_name(f->way), f->code, f->text);
  if (!o->tries) return;
  tape t = {0};
  if (fuzz_shrink(f, plan, (uint32_t)o->tries, &t))
    write_case(o, f, plan, &t);
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

static void tell_counts(const fuzz_report *r) {
  for (int w = FUZZ_ORACLE + 1; w < FUZZ_N_WAYS; w++)
    if (r->n_agreed[w])
      printf("%s: %" PRIu64 " agreed\n", fuzz_way_name((enum fuzz_way)w), r->n_agreed[w]);
  for (int i = 0; i < FUZZ_MAX_COUNTS && r->skips[i].n; i++)
    printf("skipped by %s for %s: %u\n", fuzz_way_name(r->skips[i].way), r->skips[i].code,
           r->skips[i].n);
  for (int i = 0; i < FUZZ_MAX_COUNTS && r->refusals[i].n; i++)
    printf("refused by %s with %s: %u\n", fuzz_way_name(r->refusals[i].way), r->refusals[i].code,
           r->refusals[i].n);
}

enum { BATCH = 48 };

static int run_random(const options *o) {
  compilers c = {0};
  fuzz_report *report = fuzz_report_new();
  if (!report || !find_compilers(&c)) return 2;
  double start = seconds_now(), told = start;
  uint64_t n_failed = 0;
  for (uint64_t i = 0;; i++) {
    if (o->kernels && report->n_kernels >= o->kernels) break;
    if (o->seconds && seconds_now() - start >= (double)o->seconds) break;
    fuzz_plan plan = {.first = o->seed + i * BATCH, .n = BATCH, .thorough = o->thorough};
    plan.ways = o->ways;
    plan.gpu_of = o->gpu_of;
    plan.build = choose_build(&c, plan.first);
    report->n_failures = 0;
    fuzz_run_plan(&plan, report);
    n_failed += report->n_failures;
    for (uint32_t k = 0; k < report->n_failures; k++)
      tell(o, &report->failures[k], &plan);
    if (seconds_now() - told > 60) progress(report, start), told = seconds_now();
  }
  progress(report, start);
  tell_counts(report);
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
  uint32_t ways;
  fuzz_report *report;
} replay;

static bool must_run(const fuzz_case *c, enum fuzz_way way) {
  const char *bad;
  return c->runs_on && (fuzz_ways_of(c->runs_on, &bad) >> way & 1);
}

/* A refusal is fine, but not on a target that the file names: `# runs on sim:cuda:sm_90a`. */
static void note_file(const fuzz_case *c, enum fuzz_way way, uint32_t build, const fuzz_outcome *o,
                      const char *mismatch, fuzz_report *report) {
  if (fuzz_is_gpu(way) && fuzz_is_refusal(o) && !must_run(c, way))
    fuzz_note_refusal(report, way, o->code);
  else if (o->status != TILEC_OK || mismatch)
    fuzz_note(report, build, way, o->code, mismatch ? mismatch : o->text);
}

static void run_file_in(const fuzz_case *c, tc_str text, const fuzz_result *want, enum fuzz_way way,
                        fuzz_report *report, tc_arena *arena) {
  static const fuzz_build CPU[] = {
      {0}, {.isa = "generic"}, {.disable = "facts"}, {.checked = "on"}};
  static const fuzz_build SIM[] = {{.delivery = "late"}, {.delivery = "random", .seed = 7}};
  const fuzz_build *builds = fuzz_is_gpu(way) ? SIM : CPU;
  uint32_t n = fuzz_is_gpu(way) ? TC_COUNT(SIM) : TC_COUNT(CPU);
  if (!fuzz_is_program(way)) {
    fuzz_outcome o = fuzz_run_way(c, text, way, want, arena);
    note_file(c, way, 0, &o, o.mismatch, report);
    return;
  }
  for (uint32_t i = 0; i < n; i++) {
    const char *why = NULL;
    fuzz_outcome o = fuzz_run_program(&c, want, 1, way, &builds[i], &why, arena);
    note_file(c, way, i, &o, why, report);
  }
}

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
  for (int way = FUZZ_SEED; way < FUZZ_N_WAYS; way++)
    if (r->ways >> way & 1) run_file_in(&c, text, &want, (enum fuzz_way)way, r->report, &arena);
}

static int run_files(char **paths, int n, uint32_t ways) {
  int n_failed = 0;
  fuzz_report *report = fuzz_report_new();
  if (!report) return 2;
  for (int i = 0; i < n; i++) {
    replay r = {paths[i], ways, report};
    report->n_failures = 0;
    int how = fuzz_in_child(run_file, &r, 240);
    if (how) printf("FAIL %s: ended with signal %d\n", paths[i], how);
    for (uint32_t k = 0; k < report->n_failures; k++)
      printf("FAIL %s: %s: %s %s\n", paths[i], fuzz_way_name(report->failures[k].way),
             report->failures[k].code, report->failures[k].text);
    n_failed += how || report->n_failures;
  }
  tell_counts(report);
  printf("kernels: %d passed, %d failed\n", n - n_failed, n_failed);
  return n_failed != 0;
}

static int show(uint64_t seed, uint32_t gpu_of) {
  tc_unwind unwind;
  tc_arena arena;
  fuzz_case c;
  tape t = {0};
  tc_arena_init(&arena, &unwind, 0);
  if (setjmp(unwind.at)) return 2;
  tape_record(&t, seed);
  fuzz_generate(TC_NEW(&arena, fuzz_gen), &t, 0, gpu_of, &c, &arena);
  const fuzz_case *one[] = {&c};
  tc_str text = fuzz_case_text(one, 1, &arena), header = fuzz_case_header(&c, &arena);
  printf("%.*s%.*s", TC_ARG_STR(header), TC_ARG_STR(text));
  return 0;
}

static bool set_option(options *o, const char *name, const char *value) {
  uint64_t number = strtoull(value, NULL, 0);
  if (strcmp(name, "--seed") == 0)
    o->seed = number;
  else if (strcmp(name, "--kernels") == 0)
    o->kernels = number;
  else if (strcmp(name, "--seconds") == 0)
    o->seconds = number;
  else if (strcmp(name, "--tries") == 0)
    o->tries = number;
  else if (strcmp(name, "--out") == 0)
    o->out = value;
  else if (strcmp(name, "--gpu") == 0)
    o->gpu_of = (uint32_t)number;
  else if (strcmp(name, "--show") == 0)
    o->show = value;
  else if (strcmp(name, "--targets") == 0)
    o->targets = value;
  else
    return false;
  return true;
}

int main(int argc, char **argv) {
  options o = {.seed = 1, .tries = 400, .out = "found", .gpu_of = 1};
  int n_files = 0;
  const char *bad;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--thorough") == 0)
      o.thorough = true;
    else if (argv[i][0] != '-')
      argv[n_files++] = argv[i];
    else if (!set_option(&o, argv[i], i + 1 < argc ? argv[i + 1] : ""))
      return fprintf(stderr, "kernels: unknown option %s\n", argv[i]), 2;
    else
      i++;
  }
  if (!o.targets) o.targets = n_files ? EVERYTHING : "interp,cpu";
  o.ways = fuzz_ways_of(o.targets, &bad);
  if (!o.ways) return fprintf(stderr, "kernels: there is no target %s\n", bad), 2;
  if (o.show) return show(strtoull(o.show, NULL, 0), o.gpu_of);
  if (n_files) return run_files(argv, n_files, o.ways);
  if (!o.kernels && !o.seconds) o.kernels = 400;
  return run_random(&o);
}
