/* Kernels in the states after tile, run in the simulator, do what the interpreter makes of them:
 *
 *   sim_lower                                   the cases below
 *   sim_lower FILE.tir TARGET [name=value ..]   one file, in any state before lane
 */
#include "lower_kit.h"

static void run_way(test *t, const tc_sim_options *options) {
  if (CHECK(run_once(t, options)))
    CHECK(compare(t, false) == 0);
  else
    printf("%s for %s: %s\n", t->file, t->target, t->report.text);
}

static void run_case(const char *file, const char *target, const setting *settings, uint32_t n,
                     bool all) {
  test *t = test_new(file, target);
  t->settings = settings;
  t->n_settings = n;
  if (guarded(t, prepare) && guarded(t, lower_and_compile) && CHECK(t->module != NULL))
    for (size_t i = 0; i < (all ? TC_COUNT(WAYS) : 1); i++)
      run_way(t, &WAYS[i]);
  test_free(t);
}

typedef struct row {
  const char *file; /* in tests/sim/kernels */
  const char *target;
  setting settings[4];
  bool once; /* one way to run it will do */
} row;

static const row CASES[] = {
    {"placed_ring", "sm_80", {{NULL, 0}}, false},
    {"placed_roles", "sm_90a", {{NULL, 0}}, false},
    {"gemm_nt", "sm_80", {{NULL, 0}}, true},
    {"gemm_nt", "sm_90a", {{NULL, 0}}, false},
    {"gemm_tn", "sm_80", {{NULL, 0}}, true},
    {"gemm_tn", "sm_90a", {{NULL, 0}}, true},
    {"gemm_nn_s8", "sm_80", {{NULL, 0}}, true},
    {"gemm_nn_s8", "sm_90a", {{NULL, 0}}, true},
    {"gemm_nt_e4m3", "sm_90a", {{NULL, 0}}, true},
    {"gemm_f32_out", "sm_90a", {{NULL, 0}}, true},
    {"gemm_tail", "sm_80", {{NULL, 0}}, true},
    {"gemm_tail", "sm_90a", {{NULL, 0}}, true},
    {"gemm_odd", "sm_80", {{NULL, 0}}, true},
    {"gemm_odd", "sm_90a", {{NULL, 0}}, true},
    {"gemm_f32", "sm_80", {{NULL, 0}}, true},
    {"gemm_nt_e4m3", "sm_80", {{NULL, 0}}, true},
    {"gemm_seams", "sm_80", {{NULL, 0}}, true},
    {"gemm_seams", "sm_90a", {{NULL, 0}}, true},
    {"gemm_n200", "sm_90a", {{NULL, 0}}, true},
    {"gemm_n40", "sm_90a", {{NULL, 0}}, true},
    {"gemm_pingpong", "sm_90a", {{NULL, 0}}, true},
    {"gemm_bias_dynamic", "sm_80", {{"M", 200}, {"N", 136}, {"K", 72}}, true},
    {"gemm_bias_dynamic", "sm_80", {{"M", 129}, {"N", 131}, {"K", 77}}, true},
    {"gemm_bias_dynamic", "sm_90a", {{"M", 200}, {"N", 136}, {"K", 72}}, true},
    {"reduce_columns", "sm_80", {{NULL, 0}}, false},
    {"tiles", "sm_80", {{NULL, 0}}, false},
    {"axpy", "sm_80", {{"N", 3000}}, false},
};

static void run_row(const row *r) {
  uint32_t n = 0;
  while (n < TC_COUNT(r->settings) && r->settings[n].name)
    n++;
  char path[256];
  snprintf(path, sizeof path, "tests/sim/kernels/%s.tir", r->file);
  run_case(path, r->target, r->settings, n, !r->once);
}

int main(int argc, char **argv) {
  setting settings[16];
  uint32_t n = 0;
  pool = tc_rt_pool_new(NULL, 2);
  for (int i = 3; i < argc && n < TC_COUNT(settings); i++) {
    char *equal = strchr(argv[i], '=');
    if (!equal) continue;
    *equal = 0;
    settings[n++] = (setting){argv[i], strtoll(equal + 1, NULL, 10)};
  }
  if (argc > 2) run_case(argv[1], argv[2], settings, n, false);
  for (size_t i = 0; argc <= 2 && i < TC_COUNT(CASES); i++)
    run_row(&CASES[i]);
  tc_rt_pool_free(pool);
  return check_report();
}
