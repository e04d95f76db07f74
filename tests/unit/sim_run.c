/* Device texts of tests/sim give the right numbers in every way to run them, and each planted fault
 * is found: by a report of the right kind, or, where `wrong` says so, by wrong numbers. */
#include "sim_kit.h"

typedef struct problem {
  int m, n, k;
} problem;

typedef struct outcome {
  bool ran;
  size_t wrong;
  tc_sim_report report;
} outcome;

static tc_sim_region region(const char *name, void *base, uint64_t size_b, bool read_only) {
  return (tc_sim_region){name, base, size_b, read_only};
}

static uint16_t *numbers(size_t n, uint32_t seed) {
  uint16_t *x = NULL;
  if (posix_memalign((void **)&x, 64, n * sizeof *x) != 0) abort();
  sim_fill(x, n, seed);
  if (!seed) memset(x, 0xff, n * sizeof *x);
  return x;
}

/* ---- the two products ---- */

static tc_rt_pool *pool;

static void launch_mma(const tc_sim_module *module, const tc_sim_options *options, const problem *p,
                       uint16_t *const x[3], const tc_sim_region *regions, outcome *o) {
  const void *a = x[0], *b = x[1], *c = x[2];
  int m = p->m, n = p->n, k = p->k;
  void *args[] = {&a, &b, &c, &m, &n, &k};
  tc_sim_launch launch = {.kernel = "gemm_mma",
                          .grid = {(uint32_t)(n + 63) / 64, (uint32_t)(m + 63) / 64, 1},
                          .block = {128, 1, 1},
                          .shared_b = 3 * 8192,
                          .args = args,
                          .n_args = 6,
                          .regions = regions,
                          .n_regions = 3};
  o->ran = tc_sim_run(module, &launch, options, pool, NULL, &o->report);
}

static void encode(unsigned char map[TC_SIM_MAP_B], uint16_t *x, int rows, int columns,
                   uint32_t box_rows) {
  char why[256];
  tc_sim_map_spec spec = {.base = x,
                          .rank = 2,
                          .type = 9,
                          .swizzle = 3,
                          .dims = {(uint64_t)columns, (uint64_t)rows},
                          .strides_b = {(uint64_t)columns * 2},
                          .box = {64, box_rows},
                          .step = {1, 1}};
  if (!CHECK(tc_sim_map_encode(map, &spec, why, sizeof why))) printf("%s\n", why);
}

static void launch_wgmma(const tc_sim_module *module, const tc_sim_options *options,
                         const problem *p, uint16_t *const x[3], const tc_sim_region *regions,
                         outcome *o) {
  _Alignas(64) unsigned char maps[3][TC_SIM_MAP_B];
  encode(maps[0], x[0], p->m, p->k, 128);
  encode(maps[1], x[1], p->n, p->k, 128);
  encode(maps[2], x[2], p->m, p->n, 16);
  int tiles_n = (p->n + 127) / 128, tiles = tiles_n * ((p->m + 127) / 128), nk = (p->k + 63) / 64;
  void *args[] = {maps[0], maps[1], maps[2], &tiles_n, &tiles, &nk};
  tc_sim_launch launch = {.kernel = "gemm_wgmma",
                          .grid = {(uint32_t)(tiles + 1) / 2, 1, 1},
                          .block = {384, 1, 1},
                          .shared_b = 98304 + 32768 + 48,
                          .args = args,
                          .n_args = 6,
                          .regions = regions,
                          .n_regions = 3};
  o->ran = tc_sim_run(module, &launch, options, pool, NULL, &o->report);
}

static outcome run_gemm(const tc_sim_module *module, bool wgmma, const tc_sim_options *options,
                        const problem *p) {
  outcome o = {0};
  size_t n[3] = {(size_t)(p->m * p->k), (size_t)(p->n * p->k), (size_t)(p->m * p->n)};
  uint16_t *x[3] = {numbers(n[0], 1), numbers(n[1], 2), numbers(n[2], 0)};
  const tc_sim_region regions[] = {region("A", x[0], n[0] * 2, true),
                                   region("B", x[1], n[1] * 2, true),
                                   region("C", x[2], n[2] * 2, false)};
  if (wgmma)
    launch_wgmma(module, options, p, x, regions, &o);
  else
    launch_mma(module, options, p, x, regions, &o);
  if (o.ran) o.wrong = sim_wrong(x[0], x[1], x[2], p->m, p->n, p->k);
  for (int i = 0; i < 3; i++)
    free(x[i]);
  return o;
}

static const tc_sim_options ways[] = {
    {.delivery = TC_SIM_LATE},
    {.delivery = TC_SIM_EARLY},
    {.delivery = TC_SIM_LATE, .seed = 7},
    {.delivery = TC_SIM_RANDOM, .seed = 1},
    {.delivery = TC_SIM_RANDOM, .seed = 2, .resident = 2},
    {.delivery = TC_SIM_LATE, .race = true},
    {.delivery = TC_SIM_RANDOM, .seed = 3, .race = true},
};

static void expect_right(const char *file, bool wgmma, const problem *p) {
  const sim_text text = {file, NULL, NULL};
  tc_sim_module *module = sim_compile(&text);
  for (size_t i = 0; module && i < TC_COUNT(ways); i++) {
    uint64_t start_ns = tc_rt_now_ns();
    outcome o = run_gemm(module, wgmma, &ways[i], p);
    double ms = (double)(tc_rt_now_ns() - start_ns) * 1e-6;
    if (!o.ran || o.wrong) printf("%s, way %zu: %zu wrong; %s\n", file, i, o.wrong, o.report.text);
    if (getenv("TILEC_TEST_TIMES"))
      printf("%s %dx%dx%d way %zu: %.0f ms\n", file, p->m, p->n, p->k, i, ms);
    CHECK(o.ran && o.wrong == 0);
  }
  CHECK(module != NULL);
  tc_sim_unload(module);
}

/* ---- planted faults ---- */

enum found_by { BY_VALUE, BY_REPORT, BY_RACE };
typedef struct fault {
  const char *name;
  sim_text text;
  enum found_by by;
  enum tc_sim_kind kind;
  const char *says; /* part of the report */
} fault;

static const fault faults[] = {
    {"cp.async without wait", {"gemm_mma", "tc_cp_async_wait_1();", ""}, BY_VALUE, 0, ""},
    {"cp.async waits for too little", {"gemm_mma", "wait_1()", "wait_2()"}, BY_VALUE, 0, ""},
    {"barrier after the wait dropped",
     {"gemm_mma", "tc_sync_block();", ""},
     BY_RACE,
     TC_SIM_KIND_race,
     "shared + "},
    {"shared memory too small",
     {"gemm_mma", "% 3) * 8192u;", "% 3) * 8200u;"},
     BY_REPORT,
     TC_SIM_KIND_alignment,
     "is not aligned to 16 bytes"},
    {"a stage too many",
     {"gemm_mma", "(load % 3)", "(load % 4)"},
     BY_REPORT,
     TC_SIM_KIND_shared_bounds,
     "which has 24576 bytes"},
    {"global access out of range",
     {"gemm_mma", "n0 + row < N ?", "n0 + row <= N ?"},
     BY_REPORT,
     TC_SIM_KIND_global_bounds,
     "at B + 87040"},
    {"swizzle of the copy and of ldmatrix differ",
     {"gemm_mma", "((ca ^ (ra >> 1)) & 3)", "((ca ^ ra) & 3)"},
     BY_VALUE,
     0,
     ""},
    {"ldmatrix in half a warp",
     {"gemm_mma", "tc_ldmatrix_x4(a", "if (lane < 16) tc_ldmatrix_x4(a"},
     BY_REPORT,
     TC_SIM_KIND_divergence,
     "ldmatrix"},

    {"barrier after the initialisation dropped",
     {"gemm_wgmma", "tc_sync_block();", ""},
     BY_RACE,
     TC_SIM_KIND_race,
     "initialised by thread 0"},
    {"phase off by one",
     {"gemm_wgmma", "full + s * 8u, ph);", "full + s * 8u, ph ^ 1u);"},
     BY_VALUE,
     0,
     ""},
    {"producer's phase off by one",
     {"gemm_wgmma", "ph ^ 1u", "ph"},
     BY_REPORT,
     TC_SIM_KIND_deadlock,
     "wait for phase 0 of the mbarrier"},
    {"early release",
     {"gemm_wgmma", "tc_wgmma_wait_0();",
      "if (lane == 0) tc_mbarrier_arrive(empty + s * 8u); tc_wgmma_wait_0(); if (0)"},
     BY_VALUE,
     0,
     ""},
    {"expects too few bytes",
     {"gemm_wgmma", "expect(bar, 32768u)", "expect(bar, 16384u)"},
     BY_REPORT,
     TC_SIM_KIND_barrier,
     "bytes"},
    {"expects too many bytes",
     {"gemm_wgmma", "expect(bar, 32768u)", "expect(bar, 32784u)"},
     BY_REPORT,
     TC_SIM_KIND_deadlock,
     "lacks 0 of 1 arrivals and 16 bytes"},
    {"swapped swizzle", {"gemm_wgmma", "*16u, 1024u, 1u)", "16u, 1024u, 2u)"}, BY_VALUE, 0, ""},
    {"proxy fence dropped",
     {"gemm_wgmma", "tc_fence_async();", ""},
     BY_REPORT,
     TC_SIM_KIND_proxy,
     "without a fence_async"},
    {"no sync between fence and store",
     {"gemm_wgmma", "tc_sync_warp();\n        if (lane == 0) {", "if (lane == 0) {"},
     BY_REPORT,
     TC_SIM_KIND_proxy,
     "without a fence_async"},
    {"wait for the product dropped",
     {"gemm_wgmma", "tc_wgmma_wait_0();", ""},
     BY_REPORT,
     TC_SIM_KIND_product,
     "in flight"},
    {"one product may be in flight",
     {"gemm_wgmma", "wgmma_wait_0", "wgmma_wait_1"},
     BY_REPORT,
     TC_SIM_KIND_product,
     "in flight"},
    {"no fence before the products",
     {"gemm_wgmma", "tc_wgmma_fence();", ""},
     BY_REPORT,
     TC_SIM_KIND_product,
     "no wgmma_fence"},
    {"empty barrier expects an arrival too many",
     {"gemm_wgmma", "(tc_u32)i * 8u, 8u)", "(tc_u32)i * 8u, 9u)"},
     BY_REPORT,
     TC_SIM_KIND_deadlock,
     "lacks 1 of 9 arrivals"},
    {"empty barrier expects half of the arrivals",
     {"gemm_wgmma", "(tc_u32)i * 8u, 8u)", "(tc_u32)i * 8u, 4u)"},
     BY_REPORT,
     TC_SIM_KIND_barrier,
     "so did the next one"},
    {"slot written while it is stored",
     {"gemm_wgmma", "tc_bulk_wait_read_1();", "{}"},
     BY_VALUE,
     0,
     ""},
    {"store not waited for",
     {"gemm_wgmma", "tc_bulk_wait_0();", "{}"},
     BY_REPORT,
     TC_SIM_KIND_copy,
     "waits for the tma_store"},
    {"mbarrier fence dropped",
     {"gemm_wgmma", "tc_mbarrier_fence();", ""},
     BY_REPORT,
     TC_SIM_KIND_proxy,
     "without a mbarrier_fence"},
    {"registers over the budget",
     {"gemm_wgmma", "registers_more_232", "registers_more_240"},
     BY_REPORT,
     TC_SIM_KIND_deadlock,
     "want registers"},
    {"one thread issues a product",
     {"gemm_wgmma", "tc_wgmma_commit();", "if (lane == 0) tc_wgmma_commit();"},
     BY_REPORT,
     TC_SIM_KIND_divergence,
     "wgmma_commit"},
    {"destination between boxes",
     {"gemm_wgmma", "at + 16384u, &mB", "at + 16400u, &mB"},
     BY_REPORT,
     TC_SIM_KIND_alignment,
     "128 bytes"},
    {"one coordinate",
     {"gemm_wgmma", "tma_load_2d(at, &mA, bar, k * 64, m0)", "tma_load_1d(at, &mA, bar, k * 64)"},
     BY_REPORT,
     TC_SIM_KIND_copy,
     "2 dimensions"},
};

static void expect_found(const fault *f) {
  static const problem p = {192, 136, 320};
  tc_sim_module *module = sim_compile(&f->text);
  if (!CHECK(module != NULL)) return;
  bool wgmma = strcmp(f->text.file, "gemm_wgmma") == 0;
  tc_sim_options options = {.race = f->by == BY_RACE};
  outcome o = run_gemm(module, wgmma, &options, &p);
  bool found = f->by == BY_VALUE
                   ? !o.ran || o.wrong
                   : !o.ran && o.report.kind == f->kind && strstr(o.report.text, f->says);
  if (!found || getenv("TILEC_TEST_REPORTS"))
    printf("%s: %zu wrong, report: %s\n", f->name, o.wrong, o.report.text);
  CHECK(found);
  CHECK(f->by == BY_VALUE || o.report.kind == TC_SIM_KIND_deadlock || o.report.line > 0);
  tc_sim_unload(module);
}

/* ---- the small ones ---- */

static outcome run_sum(const sim_text *text, const tc_sim_options *options) {
  enum { BLOCKS = 5, N = BLOCKS * 128 };
  int a[N], s[BLOCKS] = {0}, h[2] = {0}, want_h[2] = {0}, want[BLOCKS] = {0};
  outcome o = {0};
  for (int i = 0; i < N; i++) {
    a[i] = i * 37 % 101;
    want[i / 128] += a[i];
    want_h[a[i] & 1]++;
  }
  const void *pa = a, *ps = s, *ph = h;
  void *args[] = {&pa, &ps, &ph};
  const tc_sim_region regions[] = {region("A", a, sizeof a, true), region("S", s, sizeof s, false),
                                   region("H", h, sizeof h, false)};
  tc_sim_launch launch = {.kernel = "sum",
                          .grid = {BLOCKS, 1, 1},
                          .block = {128, 1, 1},
                          .shared_b = 520,
                          .args = args,
                          .n_args = 3,
                          .regions = regions,
                          .n_regions = 3};
  tc_sim_module *module = sim_compile(text);
  if (!CHECK(module != NULL)) return o;
  o.ran = tc_sim_run(module, &launch, options, pool, NULL, &o.report);
  o.wrong = memcmp(s, want, sizeof s) != 0 || memcmp(h, want_h, sizeof h) != 0;
  tc_sim_unload(module);
  return o;
}

static void test_sum(void) {
  sim_text text = {"sum", NULL, NULL};
  for (size_t i = 0; i < TC_COUNT(ways); i++) {
    outcome o = run_sum(&text, &ways[i]);
    if (!o.ran) printf("way %zu: %s\n", i, o.report.text);
    CHECK(o.ran && !o.wrong);
  }
  static const struct {
    const char *find, *put, *says;
    enum tc_sim_kind kind;
    bool race;
  } bad[] = {
      {"tc_sync_block(); /* barrier two */", "", "with nothing to order them", TC_SIM_KIND_race,
       true},
      {"tc_sync_block(); /* barrier one */", "", "", TC_SIM_KIND_race, true},
      {"tc_sync_block(); /* barrier two */", "if (tid < 64) tc_sync_block();", "threads 64 to 127",
       TC_SIM_KIND_deadlock, false},
      {"tc_sync_block(); /* barrier two */", "tc_sync_named(1, 96);",
       "barrier 1 has 64 of 96 threads", TC_SIM_KIND_deadlock, false},
      {"tc_sync_block(); /* barrier two */", "tc_sync_named(1, 160);",
       "barrier 1 has 128 of 160 threads", TC_SIM_KIND_deadlock, false},
      {"tc_sync_block(); /* barrier two */",
       "if (tid < 64) tc_sync_named(1, 64); else tc_sync_named(1, 128);", "barrier 1 is for",
       TC_SIM_KIND_barrier, false},
      {"tc_sync_block(); /* barrier two */", "if (tid & 1) tc_sync_block(); else tc_sync_warp();",
       "lanes of its warp are at", TC_SIM_KIND_divergence, false},
      {"S + TC_BID_X", "S + TC_BID_X + 1", "S + 20, which has 20 bytes", TC_SIM_KIND_global_bounds,
       false},
      {"S + TC_BID_X", "A + TC_BID_X", "A, which is only read", TC_SIM_KIND_global_bounds, false},
      {"(tc_u32)tid * 4u;", "(tc_u32)tid * 5u;", "is not aligned to 4 bytes", TC_SIM_KIND_alignment,
       false},
      {"(tc_u32)tid * 4u;", "(tc_u32)tid * 8u;", "which has 520 bytes", TC_SIM_KIND_shared_bounds,
       false},
      {"  TC_STG", "TC_FAIL(3); TC_STG", "check number 3", TC_SIM_KIND_fail, false},
      {"  TC_STG", "while (tid == 5) tc_sleep_100(); TC_STG", "longer than its limit",
       TC_SIM_KIND_endless, false},
      {"S + TC_BID_X", "S", "which another block (number 0) wrote", TC_SIM_KIND_race, true},
  };
  for (size_t i = 0; i < TC_COUNT(bad); i++) {
    sim_text changed = {"sum", bad[i].find, bad[i].put};
    tc_sim_options options = {.race = bad[i].race, .limit_s = 1};
    outcome o = run_sum(&changed, &options);
    CHECK(!o.ran);
    if (!CHECK(o.report.kind == bad[i].kind) || getenv("TILEC_TEST_REPORTS"))
      printf("%s: %s\n", bad[i].put, o.report.text);
    CHECK_TEXT(o.report.text, bad[i].says);
  }
}

static void test_add(void) {
  enum { N = 1003 };
  static _Alignas(16) float a[N], b[N], c[N];
  const sim_text text = {"add", NULL, NULL};
  tc_sim_module *module = sim_compile(&text);
  const void *pa = a, *pb = b, *pc = c;
  int n = N;
  void *args[] = {&pa, &pb, &pc, &n};
  const tc_sim_region regions[] = {region("A", a, sizeof a, true), region("B", b, sizeof b, true),
                                   region("C", c, sizeof c, false)};
  tc_sim_launch launch = {.kernel = "add",
                          .grid = {4, 1, 1},
                          .block = {64, 1, 1},
                          .args = args,
                          .n_args = 4,
                          .regions = regions,
                          .n_regions = 3};
  for (int i = 0; i < N; i++) {
    a[i] = (float)i;
    b[i] = 0.5f * (float)i;
  }
  for (size_t i = 0; module && i < TC_COUNT(ways); i++) {
    tc_sim_report report;
    bool fine = true;
    memset(c, 0xff, sizeof c);
    if (!CHECK(tc_sim_run(module, &launch, &ways[i], pool, NULL, &report)))
      printf("%s\n", report.text);
    for (int k = 0; k < N; k++)
      fine = fine && c[k] == 1.5f * (float)k;
    CHECK(fine);
  }
  tc_sim_report report;
  launch.n_args = 3;
  CHECK(module && !tc_sim_run(module, &launch, &ways[0], pool, NULL, &report));
  CHECK_TEXT(report.text, "takes 4 arguments, not 3");
  tc_sim_unload(module);
}

int main(int argc, char **argv) {
  static const problem mma = {100, 130, 200}, wgmma = {300, 200, 200}, large = {256, 256, 128};
  pool = tc_rt_pool_new(NULL, 2);
  const char *only = argc > 1 ? argv[1] : "";
  if (!*only) {
    test_add();
    test_sum();
    expect_right("gemm_mma", false, &mma);
    expect_right("gemm_wgmma", true, &wgmma);
    expect_right("gemm_wgmma", true, &large);
  }
  for (size_t i = 0; i < TC_COUNT(faults); i++)
    if (strstr(faults[i].name, only)) expect_found(&faults[i]);
  tc_rt_pool_free(pool);
  return check_report();
}
