/* Runs of a grid: teams of blocks on the threads of a pool; and modules. */
#include "sim/sim_private.h"

#include "rt/os.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

const tc_sim_calls tc_sim_call_table = {
#define CALL(result, name, parameters) .name = tc_sim_##name,
#include "sim/calls.def"
#undef CALL
};

/* ---- modules ---- */

static bool give_calls(tc_sim_module *module, char *why, size_t why_b) {
  void *symbol = dlsym(module->library, "tc_sim");
  if (!symbol) {
    snprintf(why, why_b, "it is no text of the simulator");
    return false;
  }
  const tc_sim_calls *table = &tc_sim_call_table;
  memcpy(symbol, &table, sizeof table);
  return true;
}

tc_sim_module *tc_sim_load(const char *path, tc_str text, const tilec_allocator *allocator,
                           char *why, size_t why_b) {
  snprintf(why, why_b, "%s", "");
  tc_sim_module *module = tc_rt_alloc(allocator, sizeof *module, 16);
  if (!module) return NULL;
  *module = (tc_sim_module){.allocator = allocator, .text_n = text.n};
  module->text = tc_rt_alloc(allocator, text.n + 1u, 1);
  if (module->text) {
    memcpy(module->text, text.at, text.n);
    module->text[text.n] = 0;
    module->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const char *trouble = module->library ? NULL : dlerror();
    if (trouble) snprintf(why, why_b, "%s", trouble);
    if (module->library && give_calls(module, why, why_b)) return module;
  }
  tc_sim_unload(module);
  return NULL;
}

void tc_sim_unload(tc_sim_module *module) {
  if (!module) return;
  if (module->library) dlclose(module->library);
  if (module->text) tc_rt_free(module->allocator, module->text, module->text_n + 1u);
  tc_rt_free(module->allocator, module, sizeof *module);
}

/* ---- runs ---- */

static sim_entry *entry_of(const tc_sim_module *module, const tc_sim_launch *launch,
                           tc_sim_report *report) {
  char name[300];
  sim_entry *entry = NULL;
  snprintf(name, sizeof name, "tc_entry_%s", launch->kernel);
  void *symbol = dlsym(module->library, name);
  snprintf(name, sizeof name, "tc_n_args_%s", launch->kernel);
  const unsigned *n_args = dlsym(module->library, name);
  if (!symbol || !n_args) {
    snprintf(report->text, sizeof report->text, "there is no kernel '%s'", launch->kernel);
    return NULL;
  }
  if (*n_args != launch->n_args) {
    snprintf(report->text, sizeof report->text, "kernel '%s' takes %u arguments, not %u",
             launch->kernel, *n_args, launch->n_args);
    return NULL;
  }
  memcpy(&entry, &symbol, sizeof symbol);
  return entry;
}

static bool check_launch(const tc_sim_launch *launch, tc_sim_report *report) {
  enum { MOST_THREADS = 1024, MOST_SHARED = 256 << 10 };
  uint64_t threads = 1, blocks = 1;
  for (int d = 0; d < 3; d++) {
    threads *= launch->block[d];
    blocks *= launch->grid[d];
  }
  if (threads == 0 || threads > MOST_THREADS || blocks == 0 || blocks > UINT32_MAX) {
    snprintf(report->text, sizeof report->text, "%llu blocks of %llu threads",
             (unsigned long long)blocks, (unsigned long long)threads);
    return false;
  }
  if (launch->shared_b > MOST_SHARED - TC_SIM_SHARED_BASE) {
    snprintf(report->text, sizeof report->text, "%u bytes of shared memory", launch->shared_b);
    return false;
  }
  return true;
}

typedef struct team_job {
  sim_run *run;
  uint64_t n_blocks;
  uint32_t resident;
} team_job;

static int32_t run_team(void *data, int64_t number, unsigned char *scratch) {
  const team_job *job = data;
  (void)scratch;
  if (atomic_load(&job->run->stopped)) return 1;
  uint64_t first = (uint64_t)number * job->resident, left = job->n_blocks - first;
  uint32_t n = left < job->resident ? (uint32_t)left : job->resident;
  return !tc_sim_run_team(job->run, first, n);
}

static void run_grid(sim_run *run, tc_rt_pool *pool) {
  const tc_sim_launch *launch = run->launch;
  uint32_t resident = run->options->resident ? run->options->resident : 1;
  team_job job = {run, (uint64_t)launch->grid[0] * launch->grid[1] * launch->grid[2], resident};
  int64_t n_teams = (int64_t)((job.n_blocks + resident - 1) / resident);
  int32_t result = 0;
  tc_rt_error error;
  /* Clocks of global memory belong to nobody, so races are looked for on one thread. */
  if (pool && !run->options->race && n_teams > 1
      && tc_rt_pool_run(pool, run_team, &job, n_teams, 0, &result, &error) == TC_RT_OK)
    return;
  for (int64_t i = 0; i < n_teams && !result; i++)
    result = run_team(&job, i, NULL);
}

bool tc_sim_run(const tc_sim_module *module, const tc_sim_launch *launch,
                const tc_sim_options *options, tc_rt_pool *pool, const tilec_allocator *allocator,
                tc_sim_report *report) {
  enum { LIMIT_S = 60 };
  *report = (tc_sim_report){.kind = TC_SIM_KIND_launch};
  sim_run run = {.module = module,
                 .launch = launch,
                 .options = options,
                 .allocator = allocator,
                 .report = report};
  run.entry = check_launch(launch, report) ? entry_of(module, launch, report) : NULL;
  if (!run.entry) return false;
  *report = (tc_sim_report){.kind = TC_SIM_KIND_none};
  uint64_t limit_s = options->limit_s ? options->limit_s : LIMIT_S;
  run.end_ns = tc_rt_now_ns() + limit_s * 1000000000u;
  atomic_flag_clear(&run.reported);
  if (pthread_mutex_init(&run.atomics, NULL) != 0 || (options->race && !tc_sim_race_open(&run))) {
    report->kind = TC_SIM_KIND_memory;
    return false;
  }
  run_grid(&run, pool);
  if (options->race) tc_sim_race_close(&run);
  pthread_mutex_destroy(&run.atomics);
  return report->kind == TC_SIM_KIND_none;
}
