/* tilec bench: times a kernel as it would run among others: its arguments are not in the cache,
 * because several sets of them take turns and, on a GPU, the L2 is written over before each run.
 * With --check the result of one more launch is compared with the interpreter's, after the timing,
 * so that the check does not warm or cool anything.
 *
 * With --peer something else is measured in turn with it and compared with it (cli/peer.c). */
#include "cli/run.h"

#include <stdlib.h>
#include <string.h>

enum { MIN_SETS = 2, MAX_SETS = 32, N_WARM = 3, MIN_RUNS = 10, MAX_RUNS = 1000, N_ROUNDS = 10 };
/* Where the cache is not known; and how long all runs may take. */
static const uint64_t USUAL_CACHE_B = UINT64_C(32) << 20, ENOUGH_NS = UINT64_C(500000000);
static const uint64_t MAX_SETS_B = UINT64_C(8) << 30;

/* One of those that are measured. */
typedef struct side {
  cli_job *job;
  tilec_peer *fn; /* NULL: the job's kernel */
  cli_set *sets;
  size_t n_sets, n_runs;
  uint64_t *times_ns; /* ascending, in the end */
} side;

typedef struct bench {
  cli_job job;
  cli_peer peer;
  cli_set sets[MAX_SETS], peer_sets[MAX_SETS];
  side own, other; /* other: no job when there is no peer */
  uint64_t set_b, moved_b;
} bench;

/* ---- measuring ---- */

static int make_sets(bench *b, side *s) {
  uint64_t cache_b = b->job.info.l2_b ? b->job.info.l2_b : USUAL_CACHE_B, n = MIN_SETS;
  b->set_b = cli_set_bytes(s->job, &b->moved_b);
  if (b->set_b) n = cache_b / b->set_b + MIN_SETS; /* more than the cache holds */
  if (n > MAX_SETS) n = MAX_SETS;
  while (n > MIN_SETS && n * b->set_b > MAX_SETS_B)
    n--;
  while (s->n_sets < n) {
    cli_set *set = &s->sets[s->n_sets++];
    int code = cli_set_new(s->job, set);
    if (!code) code = cli_set_fill(s->job, set);
    if (code) return code;
  }
  return EXIT_OK;
}

/* A function gets the sets of the kernel. */
static int make_sides(bench *b) {
  b->own = (side){.job = &b->job, .sets = b->sets};
  int code = make_sets(b, &b->own);
  if (code || !b->job.c->peer) return code;
  b->other = (side){.job = cli_peer_job(&b->job, &b->peer), .fn = b->peer.fn, .sets = b->peer_sets};
  if (!b->peer.fn) return make_sets(b, &b->other);
  b->other.sets = b->own.sets;
  b->other.n_sets = b->own.n_sets;
  return EXIT_OK;
}

/* Adds to the times of a side. */
static int time_runs(side *s, size_t n_warm, size_t n_runs) {
  const tilec_arg *sets[MAX_SETS];
  cli_job *j = s->job;
  for (size_t i = 0; i < s->n_sets; i++)
    sets[i] = s->sets[i].args;
  tilec_timing timing = {.size = sizeof timing,
                         .sets = sets,
                         .n_sets = s->n_sets,
                         .n_args = j->n,
                         .n_warm = n_warm,
                         .n_runs = n_runs,
                         .flush = 1,
                         .peer = s->fn};
  tilec_error *error;
  cli_progress_start(j->c, "measuring");
  tilec_status status = tilec_kernel_time(j->kernel, &timing, s->times_ns + s->n_runs, &error);
  cli_progress_end(j->c);
  s->n_runs += n_runs;
  return status == TILEC_OK ? EXIT_OK : cli_fail_with(j->c, status, error);
}

static int ascending(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

/* As many runs as take half a second, by the time of the first. */
static int count_runs(const bench *b, side *s, size_t *n_runs) {
  size_t wanted = (size_t)b->job.c->n_bench, room = wanted > MAX_RUNS ? wanted : MAX_RUNS;
  s->times_ns = cli_memory((room + N_ROUNDS) * sizeof *s->times_ns);
  int code = time_runs(s, N_WARM, 1);
  uint64_t n = ENOUGH_NS / (s->times_ns[0] + 1000);
  *n_runs = wanted ? wanted : n < MIN_RUNS ? MIN_RUNS : n > MAX_RUNS ? MAX_RUNS : (size_t)n;
  s->n_runs = 0;
  return code;
}

/* In rounds, and who is first takes turns: the other begins with a chip that is as hot as what ran
 * before made it. */
static int measure_both(bench *b, size_t n_own, size_t n_other) {
  side *sides[2] = {&b->own, &b->other};
  const size_t n[2] = {(n_own + N_ROUNDS - 1) / N_ROUNDS, (n_other + N_ROUNDS - 1) / N_ROUNDS};
  for (int i = 0; i < 2 * N_ROUNDS; i++) {
    int k = i % 4 == 1 || i % 4 == 2;
    int code = time_runs(sides[k], i < 2 ? sides[k]->n_sets : 1, n[k]);
    if (code) return code;
  }
  return EXIT_OK;
}

static int measure(bench *b) {
  size_t n_own, n_other;
  int code = count_runs(b, &b->own, &n_own);
  if (code) return code;
  if (!b->other.job) {
    code = time_runs(&b->own, b->own.n_sets, n_own);
  } else {
    code = count_runs(b, &b->other, &n_other);
    if (!code) code = measure_both(b, n_own, n_other);
    if (!code) qsort(b->other.times_ns, b->other.n_runs, sizeof(uint64_t), ascending);
  }
  qsort(b->own.times_ns, b->own.n_runs, sizeof(uint64_t), ascending);
  return code;
}

static uint64_t median_of(const side *s) {
  return s->times_ns[s->n_runs / 2];
}

/* One launch on arguments as they were at first. */
static int check(bench *b) {
  cli_job *j = &b->job;
  tilec_arg *args = cli_memory(j->n * sizeof *args);
  const cli_set *set = &b->sets[0];
  if (b->other.job)
    return cli_peer_check(j, &b->peer, set, b->peer.fn ? &b->sets[1] : &b->peer_sets[0]);
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

static void json_peer(const bench *b, uint64_t median_ns) {
  uint64_t peer_ns = median_of(&b->other);
  fputs(",\"peer\":{\"name\":", stdout);
  cli_json_string(stdout, b->peer.name);
  printf(",\"ratio\":%.6g,\"runs\":%zu,\"target\":\"%s\",\"time_ns\":%llu}",
         median_ns ? (double)peer_ns / (double)median_ns : 0, b->other.n_runs,
         b->other.job->info.target, (unsigned long long)peer_ns);
}

static void text_peer(const bench *b, uint64_t median_ns) {
  uint64_t peer_ns = median_of(&b->other);
  printf("  peer %s on %s: median %.3f us, min %.3f us, %zu runs in turn with ours", b->peer.name,
         b->other.job->info.target, (double)peer_ns / 1e3, (double)b->other.times_ns[0] / 1e3,
         b->other.n_runs);
  if (b->job.c->flops > 0) printf(", %.4g TFLOP/s", per_second(b->job.c->flops, peer_ns) / 1e12);
  printf("\n  ratio %.3f (above 1: ours is faster)\n",
         median_ns ? (double)peer_ns / (double)median_ns : 0);
  if (!b->job.checked) printf("  agrees with the peer (worst difference %.3g)\n", b->job.worst);
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
         (unsigned long long)b->own.times_ns[b->own.n_runs - 1],
         (unsigned long long)b->own.times_ns[0], b->own.n_runs, b->own.n_sets, j->info.target);
  if (j->c->flops > 0) {
    printf("%.6g", per_second(j->c->flops, median_ns) / 1e12);
  } else {
    fputs("null", stdout);
  }
  printf(",\"time_ns\":%llu", (unsigned long long)median_ns);
  if (b->other.job) json_peer(b, median_ns);
  if (j->checked || b->other.job) printf(",\"worst_difference\":%.9g", j->worst);
  puts("}");
}

static void report_text(const bench *b, uint64_t median_ns) {
  const cli_job *j = &b->job;
  tilec_resources r;
  printf("%s on %s: median %.3f us, min %.3f us, max %.3f us, %zu runs on %zu sets of arguments\n",
         j->info.name, j->info.target, (double)median_ns / 1e3, (double)b->own.times_ns[0] / 1e3,
         (double)b->own.times_ns[b->own.n_runs - 1] / 1e3, b->own.n_runs, b->own.n_sets);
  printf("  %.4g GB/s (%llu bytes)", per_second((double)b->moved_b, median_ns) / 1e9,
         (unsigned long long)b->moved_b);
  if (j->c->flops > 0) printf(", %.4g TFLOP/s", per_second(j->c->flops, median_ns) / 1e12);
  puts("");
  for (size_t i = 0; j->c->verbosity && resources_of(b, i, &r); i++)
    printf("  %s: %u threads, %u registers, %u bytes spilled by stores and %u by loads, %u + %u "
           "bytes of shared memory\n",
           r.name, r.threads, r.registers, r.spill_stores_b, r.spill_loads_b, r.static_shared_b,
           r.shared_b);
  if (b->other.job) text_peer(b, median_ns);
  if (j->c->verbosity) text_phases(b);
  if (j->checked) printf("  agrees with the interpreter (worst difference %.3g)\n", j->worst);
}

static int run_bench(bench *b) {
  int code = cli_job_open(&b->job);
  if (!code && b->job.c->peer) code = cli_peer_open(&b->job, &b->peer);
  if (!code) code = make_sides(b);
  if (!code) code = measure(b);
  if (!code && (b->job.c->check || b->job.c->peer)) code = check(b);
  if (code) return code;
  uint64_t median_ns = median_of(&b->own);
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
  for (size_t i = 0; i < MAX_SETS; i++) {
    cli_set_free(&b.sets[i]);
    cli_set_free(&b.peer_sets[i]);
  }
  cli_peer_close(&b.peer);
  cli_job_close(&b.job);
  return code;
}
