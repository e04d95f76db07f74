/* tilec bench: times a kernel as it would run among others: its arguments are not in the cache,
 * because several sets of them take turns and, on a GPU, the L2 is written over before each run.
 * With --check the result of one more launch is compared with the interpreter's, after the timing,
 * so that the check does not warm or cool anything. */
#include "cli/run.h"

#include <stdlib.h>
#include <string.h>

enum { MIN_SETS = 2, MAX_SETS = 32, N_WARM = 3, MIN_RUNS = 10, MAX_RUNS = 1000 };
/* Where the cache is not known; and how long all runs may take. */
static const uint64_t USUAL_CACHE_B = UINT64_C(32) << 20, ENOUGH_NS = UINT64_C(500000000);
static const uint64_t MAX_SETS_B = UINT64_C(8) << 30;

typedef struct bench {
  cli_job job;
  cli_set sets[MAX_SETS];
  size_t n_sets, n_runs;
  uint64_t set_b, moved_b;
  uint64_t *times_ns; /* ascending, in the end */
} bench;

/* ---- measuring ---- */

static int make_sets(bench *b) {
  uint64_t cache_b = b->job.info.l2_b ? b->job.info.l2_b : USUAL_CACHE_B, n = MIN_SETS;
  b->set_b = cli_set_bytes(&b->job, &b->moved_b);
  if (b->set_b) n = cache_b / b->set_b + MIN_SETS; /* more than the cache holds */
  if (n > MAX_SETS) n = MAX_SETS;
  while (n > MIN_SETS && n * b->set_b > MAX_SETS_B)
    n--;
  while (b->n_sets < n) {
    cli_set *set = &b->sets[b->n_sets++];
    int code = cli_set_new(&b->job, set);
    if (!code) code = cli_set_fill(&b->job, set);
    if (code) return code;
  }
  return EXIT_OK;
}

static int time_runs(bench *b, size_t n_warm, size_t n_runs) {
  const tilec_arg *sets[MAX_SETS];
  for (size_t i = 0; i < b->n_sets; i++)
    sets[i] = b->sets[i].args;
  tilec_timing timing = {.size = sizeof timing,
                         .sets = sets,
                         .n_sets = b->n_sets,
                         .n_args = b->job.n,
                         .n_warm = n_warm,
                         .n_runs = n_runs,
                         .flush = 1};
  tilec_error *error;
  cli_progress_start(b->job.c, "measuring");
  tilec_status status = tilec_kernel_time(b->job.kernel, &timing, b->times_ns, &error);
  cli_progress_end(b->job.c);
  return status == TILEC_OK ? EXIT_OK : cli_fail_with(b->job.c, status, error);
}

static int ascending(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

/* As many runs as take half a second, by the time of the first. */
static int measure(bench *b) {
  size_t wanted = (size_t)b->job.c->n_bench, room = wanted > MAX_RUNS ? wanted : MAX_RUNS;
  b->times_ns = cli_memory(room * sizeof *b->times_ns);
  int code = time_runs(b, N_WARM, 1);
  if (code) return code;
  uint64_t n = ENOUGH_NS / (b->times_ns[0] + 1000);
  b->n_runs = wanted ? wanted : n < MIN_RUNS ? MIN_RUNS : n > MAX_RUNS ? MAX_RUNS : (size_t)n;
  code = time_runs(b, b->n_sets, b->n_runs);
  if (!code) qsort(b->times_ns, b->n_runs, sizeof *b->times_ns, ascending);
  return code;
}

/* One launch on arguments as they were at first. */
static int check(bench *b) {
  cli_job *j = &b->job;
  tilec_arg *args = cli_memory(j->n * sizeof *args);
  const cli_set *set = &b->sets[0];
  int code = cli_job_copy(j, args);
  if (!code) code = cli_set_fill(j, set);
  if (!code) code = cli_job_launch(j, j->kernel, set->args, "running");
  if (!code) code = cli_set_fetch(j, set);
  return code ? code : cli_job_compare(j, args);
}

/* ---- the result ---- */

static double per_second(double amount, uint64_t time_ns) {
  return time_ns ? amount / (double)time_ns * 1e9 : 0;
}

/* Only GPUs have any. */
static bool resources_of(const bench *b, size_t i, tilec_resources *r) {
  *r = (tilec_resources){.size = sizeof *r};
  return tilec_kernel_resources(b->job.kernel, i, r) == TILEC_OK;
}

/* Milliseconds of the phases that took any. */
static void json_phases(const bench *b) {
  tilec_phase phase = {.size = sizeof phase};
  const char *comma = "";
  printf("\"compile_ns\":%llu,\"own_ns\":%llu,\"phases\":{",
         (unsigned long long)b->job.info.compile_ns, (unsigned long long)b->job.info.own_ns);
  for (size_t i = 0; tilec_kernel_phase(b->job.kernel, i, &phase) == TILEC_OK; i++) {
    if (!phase.ns) continue;
    printf("%s\"%s\":%llu", comma, phase.name, (unsigned long long)phase.ns);
    comma = ",";
  }
  fputs("},", stdout);
}

static void text_phases(const bench *b) {
  tilec_phase phase = {.size = sizeof phase};
  printf("  compiled in %.2f ms, of which our own work took %.2f ms\n",
         (double)b->job.info.compile_ns / 1e6, (double)b->job.info.own_ns / 1e6);
  for (size_t i = 0; tilec_kernel_phase(b->job.kernel, i, &phase) == TILEC_OK; i++)
    if (phase.ns)
      printf("    %-10s %9.3f ms  %s%s\n", phase.name, (double)phase.ns / 1e6, phase.help,
             phase.own ? "" : " (not ours)");
}

static void report_json(const bench *b, uint64_t median_ns) {
  const cli_job *j = &b->job;
  tilec_resources r;
  printf("{\"bytes\":%llu,\"cached\":%s,\"check\":%s,\"gb_per_s\":%.6g,\"grids\":[",
         (unsigned long long)b->moved_b, j->info.cached ? "true" : "false",
         j->checked ? "\"ok\"" : "null", per_second((double)b->moved_b, median_ns) / 1e9);
  for (size_t i = 0; resources_of(b, i, &r); i++) {
    printf("%s{\"name\":", i ? "," : "");
    cli_json_string(stdout, r.name);
    printf(",\"registers\":%u,\"shared_bytes\":%u,\"spill_load_bytes\":%u,"
           "\"spill_store_bytes\":%u,\"stack_bytes\":%u,\"static_shared_bytes\":%u,"
           "\"threads\":%u}",
           r.registers, r.shared_b, r.spill_loads_b, r.spill_stores_b, r.stack_b, r.static_shared_b,
           r.threads);
  }
  fputs("],", stdout);
  json_phases(b);
  fputs("\"kernel\":", stdout);
  cli_json_string(stdout, j->info.name);
  printf(",\"max_ns\":%llu,\"min_ns\":%llu,\"runs\":%zu,\"schema_version\":1,\"sets\":%zu,"
         "\"status\":\"ok\",\"target\":\"%s\",\"tflop_per_s\":",
         (unsigned long long)b->times_ns[b->n_runs - 1], (unsigned long long)b->times_ns[0],
         b->n_runs, b->n_sets, j->info.target);
  if (j->c->flops > 0) {
    printf("%.6g", per_second(j->c->flops, median_ns) / 1e12);
  } else {
    fputs("null", stdout);
  }
  printf(",\"time_ns\":%llu", (unsigned long long)median_ns);
  if (j->checked) printf(",\"worst_difference\":%.9g", j->worst);
  puts("}");
}

static void report_text(const bench *b, uint64_t median_ns) {
  const cli_job *j = &b->job;
  tilec_resources r;
  printf("%s on %s: median %.3f us, min %.3f us, max %.3f us, %zu runs on %zu sets of arguments\n",
         j->info.name, j->info.target, (double)median_ns / 1e3, (double)b->times_ns[0] / 1e3,
         (double)b->times_ns[b->n_runs - 1] / 1e3, b->n_runs, b->n_sets);
  printf("  %.4g GB/s (%llu bytes)", per_second((double)b->moved_b, median_ns) / 1e9,
         (unsigned long long)b->moved_b);
  if (j->c->flops > 0) printf(", %.4g TFLOP/s", per_second(j->c->flops, median_ns) / 1e12);
  puts("");
  for (size_t i = 0; j->c->verbosity && resources_of(b, i, &r); i++)
    printf("  %s: %u threads, %u registers, %u bytes spilled by stores and %u by loads, %u + %u "
           "bytes of shared memory\n",
           r.name, r.threads, r.registers, r.spill_stores_b, r.spill_loads_b, r.static_shared_b,
           r.shared_b);
  if (j->c->verbosity) text_phases(b);
  if (j->checked) printf("  agrees with the interpreter (worst difference %.3g)\n", j->worst);
}

static int run_bench(bench *b) {
  int code = cli_job_open(&b->job);
  if (!code) code = make_sets(b);
  if (!code) code = measure(b);
  if (!code && b->job.c->check) code = check(b);
  if (code) return code;
  uint64_t median_ns = b->times_ns[b->n_runs / 2];
  if (b->job.c->json) {
    report_json(b, median_ns);
  } else {
    report_text(b, median_ns);
  }
  return EXIT_OK;
}

int cli_bench(cli *c) {
  bench b = {.job = {.c = c}};
  c->bench = true; /* what is only written need not be named */
  if (c->outputs.n)
    return cli_fail(c, EXIT_USAGE, "", "bench writes no files: --out belongs to run");
  int code = run_bench(&b);
  for (size_t i = 0; i < b.n_sets; i++)
    cli_set_free(&b.sets[i]);
  cli_job_close(&b.job);
  return code;
}
