/* The oracle's threads: each op that lets threads meet, and each way in which they miss each other.
 * A case is the body of a kernel; A[i] is 3 * i, F[i] is i / 2, out is -1 before. */
#include "threads_cases.h"

#include "ir/interp.h"

enum { N = 256 };

typedef struct runner {
  int32_t a[N], out[N];
  float f[N], g[N];
  tc_interp_limits limits;
} runner;

static const char *text_of(struct text_kit *k, int grid, int threads, const char *body) {
  return tc_format(&k->arena,
                   "tir 1 tile\n"
                   "func @f {\n"
                   "  param A: global int32[256]\n"
                   "  param F: global float32[256]\n"
                   "  param out: global int32[256]\n"
                   "  param G: global float32[256]\n"
                   "  kernel @main (%%bx < %d) threads(%%t < %d) {\n%s\n  }\n"
                   "}\n",
                   grid, threads, body);
}

static bool run_text(struct text_kit *k, runner *r, const char *text) {
  tc_ir *ir = text_must_parse(k, text);
  const char *problem = tc_verify(ir, ir->state);
  if (problem) tc_bug(&k->unwind, "%s:\n%s", problem, text);
  const int64_t n = N;
  tc_type i32 = tc_scalar_type(TC_DT_int32), f32 = tc_scalar_type(TC_DT_float32);
  tc_arg args[4] = {{.array = {.data = r->a, .elem = i32, .rank = 1, .shape = &n}},
                    {.array = {.data = r->f, .elem = f32, .rank = 1, .shape = &n}},
                    {.array = {.data = r->out, .elem = i32, .rank = 1, .shape = &n}},
                    {.array = {.data = r->g, .elem = f32, .rank = 1, .shape = &n}}};
  for (int i = 0; i < N; i++) {
    r->a[i] = 3 * i;
    r->f[i] = (float)i / 2;
    r->out[i] = -1;
    r->g[i] = -1;
  }
  return tc_interp_run(ir, args, 4, &r->limits, NULL, NULL).ok;
}

/* Runs the body under several orders of threads; out[i] must be want(i) every time. */
static void expect(struct text_kit *k, const char *name, int grid, int threads, const char *body,
                   int32_t (*want)(int i)) {
  for (uint64_t seed = 0; seed < 5; seed++) {
    runner r = {.limits = {.seed = seed, .steps = 100000000, .races = seed == 4}};
    if (!run_text(k, &r, text_of(k, grid, threads, body))) {
      text_check(k, false, name);
      printf("%s\n", text_diags(k));
      return;
    }
    int bad = -1;
    for (int i = N; i-- > 0;)
      if (r.out[i] != want(i)) bad = i;
    if (!text_check(k, bad < 0, name))
      printf("seed %d: out[%d] is %d, expected %d\n", (int)seed, bad, r.out[bad], want(bad));
  }
}

/* The run must end in this error; `parts` must stand in the report, in order, separated by '|'. */
static void expect_error_in(struct text_kit *k, const char *name, int grid, int threads,
                            const char *body, const char *code, const char *parts, bool races) {
  for (uint64_t seed = 0; seed < 2; seed++) {
    runner r = {.limits = {.seed = seed, .steps = 100000000, .races = races}};
    bool ok = run_text(k, &r, text_of(k, grid, threads, body));
    bool coded = !ok && k->diags->n_errors == 1
                 && strcmp(tc_diag_row(k->diags->all.at[0].id)->code, code) == 0;
    const char *at = text_diags(k);
    char part[200];
    for (const char *p = parts; coded && *p; p += strcspn(p, "|"), p += *p == '|') {
      snprintf(part, sizeof part, "%.*s", (int)strcspn(p, "|"), p);
      at = strstr(at, part);
      if (!at) break;
    }
    if (!text_check(k, coded && at, name))
      printf("expected %s with \"%s\", saw:\n%s\n", code, parts, text_diags(k));
  }
}

static void expect_error(struct text_kit *k, const char *name, int grid, int threads,
                         const char *body, const char *code, const char *parts) {
  expect_error_in(k, name, grid, threads, body, code, parts, false);
}

static void expect_race(struct text_kit *k, const char *name, int grid, int threads,
                        const char *body, const char *parts) {
  expect_error_in(k, name, grid, threads, body, "E0623", parts, true);
}

/* ---- collectives ---- */

static void missed_collectives(struct text_kit *k) {
  expect_error(k, "lanes that take another branch", 1, 32,
               EACH("32", "if %t < 20 {\n%1 = collective any true\n}"), "E0617",
               "20 wait in kernel 'main'|threads 0 to 19 wait here for the other lanes of "
               "their warp");
  expect_error(k, "two places", 1, 32,
               EACH("32", "if %t < 20 {\n%1 = collective any true\n} else {\n"
                          "%2 = collective any true\n}"),
               "E0617", "thread|other lanes");
  expect_error(k, "half a warp", 1, 64,
               "group first 0 count 16 {\nperthread %t first 0 count 16 {\n"
               "%1 = collective sum %t\n}\n}",
               "E0618", "comes here while others|should take part");
  expect_error(k, "masks that differ", 1, 32,
               EACH("32", "%1 = collective any true mask select(%t == 0, 3, 1 << %t)"), "E0618",
               "names other lanes");
  expect_error(k, "the value of a lane that is not there", 1, 32,
               EACH("32", "%1 = collective shfl_down 5 lane 1 mask 65535\n" OUT("%1")), "E0607",
               "undefined");
}

/* ---- barriers ---- */

static int32_t reversed_64(int i) {
  return i < 64 ? 3 * (63 - i) : -1;
}
static int32_t warp_reversed(int i) {
  return i < 64 ? 3 * (i ^ 31) : -1;
}
static int32_t both_groups(int i) {
  return i < 64 ? 3 * (i ^ 32) : -1;
}

static void barriers(struct text_kit *k) {
  expect(k, "a barrier inside the code of threads", 1, 64,
         "alloc s: shared int32[64]\n" EACH(
             "64", "%1 = load A[%t] in_bounds\nstore s[%t] = %1\nif %t < 999 {\nbarrier\n}\n"
                   "%2 = load s[63 - %t]\n" OUT("%2")),
         reversed_64);
  expect(k, "a barrier of a warp", 1, 64,
         "alloc s: shared int32[64]\n" EACH(
             "64", "%1 = load A[%t] in_bounds\nstore s[%t] = %1\nif %t < 999 {\nbarrier warp\n}\n"
                   "%2 = load s[%t ^ 31]\n" OUT("%2")),
         warp_reversed);
  expect(k, "a numbered barrier between groups", 1, 64,
         "alloc s: shared int32[64]\n"
         "group first 0 count 32 {\nperthread %t first 0 count 32 {\n%1 = load A[%t] in_bounds\n"
         "store s[%t] = %1\n}\nbarrier id 3 count 64\nperthread %t first 0 count 32 {\n"
         "%2 = load s[%t + 32]\n" OUT(
             "%2") "\n}\n}\n"
                   "group first 32 count 32 {\nperthread %t first 32 count 32 {\n%3 = load A[%t] "
                   "in_bounds\n"
                   "store s[%t] = %3\n}\nbarrier id 3 count 64\nperthread %t first 32 count 32 {\n"
                   "%4 = load s[%t - 32]\n" OUT("%4") "\n}\n}",
         both_groups);
}

static int32_t from_producer(int i) {
  return i < 128 ? 3 * i + 1 : -1;
}
static int32_t split_phase(int i) {
  return i < 64 ? (i < 32 ? -1 : 3 * (i - 32)) : -1;
}

static void split_barriers(struct text_kit *k) {
  expect(k, "arrive without waiting", 1, 64,
         "alloc s: shared int32[32]\n"
         "group first 0 count 32 {\nperthread %t first 0 count 32 {\n%1 = load A[%t] in_bounds\n"
         "store s[%t] = %1\n}\nbarrier id 1 count 64 arrive\n}\n"
         "group first 32 count 32 {\nbarrier id 1 count 64\nperthread %t first 32 count 32 {\n"
         "%2 = load s[%t - 32]\n" OUT("%2") "\n}\n}",
         split_phase);
  expect_error(k, "a barrier that half of the threads reach", 1, 64,
               "group first 0 count 32 {\nbarrier id 1 count 64\n}", "E0617",
               "32 wait in|other threads: 32 of 64 have come");
  expect_error(k, "different counts", 1, 64,
               "group first 0 count 32 {\nbarrier id 1 count 64\n}\n"
               "group first 32 count 32 {\nbarrier id 1 count 32\n}",
               "E0621", "64|came to it here");
  expect_error(k, "too many threads", 1, 64,
               "group first 0 count 32 {\nbarrier id 1 count 48\n}\n"
               "group first 32 count 32 {\nbarrier id 1 count 48\n}",
               "E0621", "64 threads come to a barrier of 48");
  expect_error(k, "a barrier that some threads leave out", 1, 64,
               EACH("64", "if %t < 40 {\nbarrier\n}"), "E0617",
               "40 wait in|threads 0 to 39 wait here for other threads: 40 of 64");
}

/* ---- groups ---- */

static void groups(struct text_kit *k) {
  expect_error(k, "a tile operation that one group leaves out", 1, 64,
               "alloc f: var int32\nalloc s: shared int32[4]\nstore f[] = 0\n"
               "group first 0 count 32 {\nstore f[] = 1\n}\n%1 = load f[]\n"
               "if %1 == 1 {\nfill s[*] = 1\n} else {\nfill s[*] = 2\n}",
               "E0618", "come");
  expect_error(k, "a tile operation that nobody else comes to", 1, 64,
               "alloc f: var int32\nalloc s: shared int32[4]\nstore f[] = 0\n"
               "group first 0 count 32 {\nstore f[] = 1\n}\n%1 = load f[]\n"
               "if %1 == 1 {\nfill s[*] = 1\n}",
               "E0617", "to do this together");
}

/* ---- storage of threads ---- */

static int32_t kept(int i) {
  return i < 64 ? 6 * i + 1 : -1;
}

static void thread_storage(struct text_kit *k) {
  expect(
      k, "a local outlives its region", 1, 64,
      "alloc x: local int32[2]\n" EACH(
          "64",
          "%1 = load A[%t] in_bounds\nstore x[1] = %1") "\nbarrier\n" EACH("64",
                                                                           "%2 = load x[1]\n" OUT(
                                                                               "%2 * 2 + 1")),
      kept);
  expect(k, "and serves tile operations of one thread", 1, 64,
         "alloc x: local int32[2]\n" EACH(
             "64", "copy A[%t :+ 1] inside -> x[1 :+ 1]") "\nbarrier\n" EACH("64",
                                                                             "%2 = load x[1]\n" OUT(
                                                                                 "%2 * 2 + 1")),
         kept);
  expect(k, "two blocks do not see each other's", 2, 64,
         "alloc x: var int32\nif %bx == 0 {\n" EACH("64", "store x[] = %t * 6 + 1\n%1 = load "
                                                          "x[]\n" OUT("%1")) "\n}",
         kept);
  expect_error(k, "a local that was not written", 1, 64,
               "alloc x: var int32\n" EACH("64", "if %t < 63 {\nstore x[] = 1\n}\n"
                                                 "%1 = load x[]\n" OUT("%1")),
               "E0607", "read here from 'x'|t = 63");
  expect_error(k, "the next block's local is fresh", 2, 64,
               "alloc x: var int32\n" EACH("64", "if %bx == 0 {\nstore x[] = 1\n}\n"
                                                 "%1 = load x[]\n" OUT("%1")),
               "E0607", "read here from 'x'");
  expect_error(k, "a local of both", 1, 64,
               "alloc x: var int32\n" EACH("64", "store x[] = 1") "\n%1 = load x[]", "E0615",
               "local buffer 'x'");
}

/* ---- barriers in memory ---- */

/* Threads 0 to 31 produce, the others consume, `steps` times through two stages. */
static const char *pipeline(struct text_kit *k, const char *empty_parity) {
  return tc_format(&k->arena,
                   "alloc s: shared int32[2, 16]\nalloc full: barrier uint64[2]\n"
                   "alloc free: barrier uint64[2]\n"
                   "mbarrier init full[0], 1\nmbarrier init full[1], 1\n"
                   "mbarrier init free[0], 32\nmbarrier init free[1], 32\n"
                   "group first 0 count 32 {\nfor %%i = 0 to 8 {\n"
                   "mbarrier wait free[%%i %% 2], (%%i / 2 + %s) %% 2\n"
                   "copy A[%%i * 16 :+ 16] -> s[%%i %% 2 :+ 1, 0 :+ 16] signal full[%%i %% 2 :+ 1] "
                   "async\n"
                   "perthread %%t first 0 count 32 {\nif %%t == 0 {\n"
                   "mbarrier arrive full[%%i %% 2]\n}\n}\n}\n}\n"
                   "group first 32 count 32 {\nfor %%j = 0 to 8 {\n"
                   "mbarrier wait full[%%j %% 2], %%j / 2 %% 2\n"
                   "perthread %%u first 32 count 32 {\nif %%u < 48 {\n"
                   "%%1 = load s[%%j %% 2, %%u - 32]\n"
                   "store out[%%j * 16 + %%u - 32] = %%1 + 1 in_bounds\n}\n}\n"
                   "mbarrier arrive free[%%j %% 2]\n}\n}",
                   empty_parity);
}

static void memory_barriers(struct text_kit *k) {
  expect(k, "a pipeline of two stages", 1, 64, pipeline(k, "1"), from_producer);
  expect_error(k, "the wrong parity", 1, 64, pipeline(k, "0"), "E0617",
               "wait in|for phase 0 of 'free'");
  expect_error(k, "nobody arrives", 1, 64,
               "alloc b: barrier uint64[1]\nmbarrier init b[0], 65\nmbarrier arrive b[0]\n"
               "mbarrier wait b[0], 0",
               "E0617",
               "threads 0 to 63 wait here for phase 0 of 'b', which lacks 1 of 65 arrivals");
  expect_error(k, "bytes that never come", 1, 64,
               "alloc b: barrier uint64[1]\nmbarrier init b[0], 64\n"
               "mbarrier arrive_expect_tx b[0], 16\nmbarrier wait b[0], 0",
               "E0617", "which lacks 1024 bytes");
  expect_error(k, "a barrier that was not set up", 1, 64,
               "alloc b: barrier uint64[1]\nmbarrier arrive b[0]", "E0620", "not been set up");
  expect_error(k, "too many arrivals", 1, 64,
               "alloc b: barrier uint64[1]\nmbarrier init b[0], 96\nmbarrier arrive b[0]\n"
               "mbarrier arrive b[0]",
               "E0620", "'b': 64 more arrive, but its phase lacks only 32 of 96 arrivals");
  expect_error(k, "a count of nothing", 1, 64, "alloc b: barrier uint64[1]\nmbarrier init b[0], 0",
               "E0620", "cannot count");
  expect_error(k, "an element that is not there", 1, 64,
               "alloc b: barrier uint64[2]\nmbarrier init b[%bx + 2], 1", "E0605", "'b'");
}

/* ---- asynchronous copies ---- */

static int32_t copied(int i) {
  return i < 64 ? 3 * i : -1;
}
static int32_t copied_back(int i) {
  return i < 64 ? 3 * i : i < 128 ? 3 * (i - 64) : -1;
}

#define S      "alloc s: shared int32[64]\n"
#define READ_S EACH("64", "%1 = load s[63 - %t]\nstore out[63 - %t] = %1 in_bounds")

static void asynchronous_copies(struct text_kit *k) {
  const char *in = S "copy A[0 :+ 64] -> s[*] async\n";
  expect(k, "commit and wait", 1, 64,
         tc_format(&k->arena, "%sasync_commit cp\nasync_wait cp\nbarrier\n%s", in, READ_S), copied);
  expect(k, "each thread its own", 1, 64,
         S EACH("64", "copy A[%t :+ 1] -> s[%t :+ 1] async") "\nasync_commit cp\nasync_wait "
                                                             "cp\nbarrier\n" READ_S,
         copied);
  expect(k, "a barrier told by the copies", 1, 64,
         S "alloc b: barrier uint64[1]\nmbarrier init b[0], 64\n" EACH(
             "64", "copy A[%t :+ 1] -> s[%t :+ 1] async") "\nmbarrier async_arrive b[0]\nmbarrier "
                                                          "wait b[0], 0\n" READ_S,
         copied);
  expect(k, "the older of two groups", 1, 64,
         S "alloc z: shared int32[64]\ncopy A[0 :+ 64] -> s[*] async\nasync_commit cp\n"
           "copy A[64 :+ 64] -> z[*] async\nasync_commit cp\nasync_wait cp pending 1\n"
           "barrier\n" READ_S,
         copied);
  expect(k, "out of shared memory", 1, 64,
         S "copy A[0 :+ 64] -> s[*]\ncopy s[*] -> out[0 :+ 64] async bulk\nasync_commit bulk\n"
           "async_wait bulk read\nfill s[*] = 9\nasync_wait bulk\n"
           "copy out[0 :+ 64] -> out[64 :+ 64]",
         copied_back);
}

static void copies_in_flight(struct text_kit *k) {
  const char *in = S "copy A[0 :+ 64] -> s[*] async\n";
#define WITH(text) tc_format(&k->arena, "%s%s", in, text)
  expect_error(k, "no wait", 1, 64, WITH(READ_S), "E0619", "'s' is read|the copy was issued here");
  expect_error(k, "a wait without a commit", 1, 64, WITH("async_wait cp\n" READ_S), "E0619",
               "'s' is read");
  expect_error(k, "a wait for too few", 1, 64,
               WITH("async_commit cp\nasync_wait cp pending 1\n" READ_S), "E0619", "'s' is read");
  expect_error(k, "a wait for another queue", 1, 64,
               WITH("async_commit cp\nasync_wait bulk\n" READ_S), "E0619", "'s' is read");
  expect_error(
      k, "a wait by some threads", 1, 64,
      WITH("async_commit cp\ngroup first 0 count 32 {\nasync_wait cp\n}\nbarrier\n" READ_S),
      "E0619", "not all threads that issued it");
  expect_error(k, "written too early", 1, 64, WITH("fill s[0 :+ 1] = 1"), "E0619",
               "'s' is written");
  expect_error(k, "an atomic too early", 1, 64, WITH("%1 = atomic add s[0], 1"), "E0619", "'s'");
  expect_error(k, "the source is written", 1, 64,
               S "fill s[*] = 1\ncopy s[*] -> out[0 :+ 64] async bulk\nstore s[5] = 1", "E0619",
               "'s' is written while an asynchronous copy");
  expect_error(k, "a result in global memory", 1, 64,
               S "fill s[*] = 1\ncopy s[*] -> out[0 :+ 64] async bulk\nasync_commit bulk\n"
                 "async_wait bulk read\n%1 = load out[3] in_bounds",
               "E0619", "'out' is read");
  expect_error(k, "a signal that nobody waited for", 1, 64,
               S "alloc b: barrier uint64[1]\nmbarrier init b[0], 64\n"
                 "copy A[0 :+ 64] -> s[*] signal b[0 :+ 1] async\nmbarrier arrive b[0]\n" READ_S,
               "E0619", "nobody has waited for its barrier");
  expect_error(k, "a signal without a barrier", 1, 64,
               S "alloc b: barrier uint64[1]\ncopy A[0 :+ 64] -> s[*] signal b[0 :+ 1] async",
               "E0620", "not been set up");
#undef WITH
}

/* A product in flight; one more on the same accumulator is in order. */
#define MMA                                                                                        \
  "alloc a: shared float32[4, 4]\nalloc c: fragment float32[4, 4]\nfill a[*] = 1.0\n"              \
  "gemm a[*], a[*] -> c[*] clear async\ngemm a[*], a[*] -> c[*] async\nasync_commit mma\n"

static void products_in_flight(struct text_kit *k) {
  runner r = {.limits = {.seed = 0}};
  const char *body = MMA "async_wait mma\n%1 = load c[3, 3]\nstore G[0] = %1 in_bounds";
  text_check(k, run_text(k, &r, text_of(k, 1, 128, body)) && r.g[0] == 8.0f, "two products");
  expect_error(k, "a result too early", 1, 128, MMA "%1 = load c[3, 3]", "E0619",
               "'c' is read while an asynchronous matrix product");
  expect_error(k, "an operand too early", 1, 128, MMA "store a[0, 0] = 2.0", "E0619",
               "'a' is written");
}

/* ---- blocks that wait for blocks ---- */

static void blocks_wait(struct text_kit *k) {
  expect_error(k, "a flag that nobody sets", 8, 32, "wait ge A[0], 1 + %bx", "E0617",
               "an element of 'A'|of block");
  expect_error(k, "spinning for ever", 2, 32,
               "while {\n%1 = load A[0] in_bounds acquire device\nyield %1 == 0\n} do {\n}",
               "E0617", "look here at 'A' again and again");
  expect_error(k, "a grid whose blocks do not all come", 4, 32, "if %bx < 3 {\nbarrier device\n}",
               "E0617", "96 of 128 have come");
  expect_error(k, "too many blocks", 100000, 32, "barrier device", "E0622", "more than");
}

/* ---- errors and limits inside strands ---- */

static void errors_in_strands(struct text_kit *k) {
  expect(k, "nothing to do", 1, 64,
         EACH("64", "") "\n" EACH("64", "if %t < 0 {\nbarrier\n}\n" OUT("3 * %t")), copied);
  expect_error(k, "an assertion of one thread", 1, 64,
               EACH("64", "if %t < 99 {\nbarrier\n}\nassert %t < 60, \"few\""), "E0609",
               "few|t = 6");
  expect_error(
      k, "an index of one thread", 1, 64,
      "alloc s: shared int32[60]\n" EACH("64", "if %t < 99 {\nbarrier\n}\nstore s[%t] = 1"),
      "E0605", "extent 60|t = 6");
  expect_error(k, "an assertion of a group", 1, 64,
               "group first 32 count 32 {\nassert false, \"never\"\n}", "E0609", "never");
  expect_error(k, "a loop without end", 1, 64,
               "alloc x: var int32\n" EACH("64", "while {\nyield true\n} do {\nbarrier\n}"),
               "E0611", "steps");
  for (int lim = 0; lim < 3; lim++) {
    runner r = {.limits = {.memory_b = (uint64_t[]){20000, 60000, 200000}[lim]}};
    bool ok = run_text(k, &r,
                       text_of(k, 1, 256,
                               EACH("256", "for %i = 0 to 4 {\nbarrier\n}\n"
                                           "%1 = load A[%t] in_bounds\n" OUT("%1"))));
    text_check(k, !ok && strstr(text_diags(k), "E0612"), "memory of strands is limited");
  }
  tc_sb deep = tc_sb_in(&k->arena);
  tc_sb_adds(&deep, "perthread %t first 0 count 64 {\n");
  for (int i = 0; i < 120; i++)
    tc_sb_adds(&deep, "if %t < 999 {\n");
  tc_sb_adds(&deep, "barrier\n" OUT("3 * %t") "\n");
  for (int i = 0; i < 121; i++)
    tc_sb_adds(&deep, "}\n");
  expect(k, "deep inside", 1, 64, deep.at, copied);
}

/* ---- data races ---- */

static int32_t sevens(int i) {
  return i < 64 ? 7 : -1;
}
static int32_t all_votes(int i) {
  return i == 0 ? 64 : -1;
}

static void races(struct text_kit *k) {
  const char *write = S EACH("64", "store s[%t] = 7") "\n";
#define THEN(text) tc_format(&k->arena, "%s%s", write, text)
  expect_race(k, "read after a write", 1, 64, THEN(EACH("64", "%1 = load s[%t ^ 1]")),
              "data race on 's[|]': thread|reads what thread|wrote|wrote it here");
  expect_race(k, "write after a write", 1, 64, THEN(EACH("64", "store s[%t ^ 1] = %t")),
              "writes what thread");
  expect_race(k, "write after a read", 1, 64,
              THEN("barrier\n" EACH("64", "%1 = load s[5]\nif %t == 9 {\nstore s[5] = 1\n}")),
              "data race on 's[5]'");
  expect_race(k, "a warp's barrier is of a warp", 1, 64,
              THEN(EACH("64", "barrier warp\n%1 = load s[%t ^ 32]")), "reads what thread");
  expect(k, "a warp's barrier", 1, 64,
         THEN(EACH("64", "barrier warp\n%1 = load s[%t ^ 1]\n" OUT("%1"))), sevens);
  expect(k, "a warp's barrier between regions", 1, 64,
         THEN("barrier warp\n" EACH("64", "%1 = load s[%t ^ 1]\n" OUT("%1"))), sevens);
  expect_race(k, "a warp's barrier between regions is of a warp", 1, 64,
              THEN("barrier warp\n" EACH("64", "%1 = load s[%t ^ 32]")), "reads what thread");
  expect(k, "the same value from all threads", 1, 64,
         S EACH("64", "store s[0] = 7") "\nbarrier\n" EACH("64", "%1 = load s[0]\n" OUT("%1")),
         sevens);
  expect(k, "a collective orders its lanes", 1, 64,
         THEN(EACH("64", "%2 = collective any true\n%1 = load s[%t ^ 1]\n" OUT("%1"))), sevens);
  expect_race(k, "other lanes than those of a collective", 1, 64,
              THEN(EACH("64", "%2 = collective any true mask 1 << %t % 32\n%1 = load s[%t ^ 1]")),
              "reads what thread");
  expect_race(k, "between groups", 1, 64,
              S "group first 0 count 32 {\nfill s[*] = 7\n}\n"
                "group first 32 count 32 {\nfill s[3 :+ 1] = 8\n}",
              "data race on 's[3]': thread");
  expect(k, "a vote of the block orders", 1, 64,
         THEN(EACH("64", "%2 = collective any true block\n%1 = load s[63 - %t]\n" OUT("%1"))),
         sevens);
  expect(k, "a tile operation orders", 1, 64,
         THEN("copy s[*] -> out[0 :+ 64]\n" EACH("64", "store s[63 - %t] = 3")), sevens);
  expect_race(k, "a copy that begins too early", 1, 64,
              THEN("barrier\n" EACH("64", "%1 = load s[%t]") "\n" EACH(
                  "64", "if %t == 0 {\ncopy A[0 :+ 64] -> s[*] async\n}")),
              "writes what thread");
#undef THEN
}

static void races_of_atomics(struct text_kit *k) {
  const char *head = "alloc s: shared int32[2]\nfill s[*] = 0\n";
#define WITH(text) tc_format(&k->arena, "%s%s", head, text)
  expect(k, "atomics do not race", 1, 64,
         WITH(EACH("64", "atomic add s[0], 1") "\nbarrier\n" EACH(
             "64", "if %t == 0 {\n%1 = load s[0]\n" OUT("%1") "\n}")),
         all_votes);
  expect_race(k, "an atomic and a store", 1, 64,
              WITH(EACH("64", "if %t == 3 {\nstore s[0] = 1\n} else {\natomic add s[0], 1\n}")),
              "'s[0]'");
  expect(k, "a flag hands data over", 1, 64,
         WITH("group first 0 count 32 {\nperthread %t first 0 count 32 {\nif %t == 0 {\n"
              "store s[1] = 64\nstore s[0] = 1 release\n}\n}\n}\n"
              "group first 32 count 32 {\nwait eq s[0], 1 acquire\n"
              "perthread %t first 32 count 32 {\nif %t == 32 {\n%1 = load s[1]\n"
              "store out[0] = %1 in_bounds\n}\n}\n}"),
         all_votes);
  expect_race(k, "a flag that orders nothing", 1, 64,
              WITH("group first 0 count 32 {\nperthread %t first 0 count 32 {\nif %t == 0 {\n"
                   "store s[0] = 1 release\nstore s[1] = 64\n}\n}\n}\n"
                   "group first 32 count 32 {\nwait eq s[0], 1 acquire\n"
                   "perthread %t first 32 count 32 {\nif %t == 32 {\nstore s[1] = 1\n}\n}\n}"),
              "data race on 's[1]'");
#undef WITH
}

static void races_of_iterations_and_blocks(struct text_kit *k) {
  expect_race(k, "iterations of a loop", 1, 64, S "parallel (%i < 64) {\nstore s[%i / 2] = %i\n}",
              "data race on 's[|iteration|writes what iteration");
  expect_race(k, "iterations that read", 1, 64,
              S "fill s[*] = 1\nparallel (%i < 63) {\n%1 = load s[%i + 1]\nstore s[%i] = %1\n}",
              "iteration");
  expect(k, "iterations on their own", 1, 64,
         S "fill s[*] = 3\nparallel (%i < 64) {\n%1 = load s[%i]\nstore s[%i] = %1 + 4\n}\n"
           "parallel (%j < 64) {\n%2 = load s[63 - %j]\nstore out[%j] = %2 in_bounds\n}",
         sevens);
  expect_race(k, "blocks", 2, 64, "fill out[%bx * 32 :+ 64] = 7",
              "data race on 'out[|block|writes what block|wrote");
  expect(k, "blocks on their own", 2, 64, "fill out[%bx * 32 :+ 32] = 7", sevens);
}

int main(void) {
  struct text_kit totals = {0};
  SHARED_CASES(&totals);
  TEXT_CASE(&totals, missed_collectives);
  TEXT_CASE(&totals, barriers);
  TEXT_CASE(&totals, split_barriers);
  TEXT_CASE(&totals, groups);
  TEXT_CASE(&totals, thread_storage);
  TEXT_CASE(&totals, memory_barriers);
  TEXT_CASE(&totals, asynchronous_copies);
  TEXT_CASE(&totals, copies_in_flight);
  TEXT_CASE(&totals, products_in_flight);
  TEXT_CASE(&totals, blocks_wait);
  TEXT_CASE(&totals, errors_in_strands);
  TEXT_CASE(&totals, races);
  TEXT_CASE(&totals, races_of_atomics);
  TEXT_CASE(&totals, races_of_iterations_and_blocks);
  return text_report(&totals, "ir_threads");
}
