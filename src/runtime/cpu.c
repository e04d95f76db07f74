#include "runtime/cpu.h"

#include "rt/os.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

typedef int32_t block_fn(void *const *ptr, const int64_t *word, const int32_t *block,
                         const int32_t *grid, unsigned char *scratch, const tc_env *env);

struct tc_cpu_module {
  const tc_rt_table *table;
  const tilec_allocator *allocator;
  void *library;
  size_t size_b;
  block_fn *fns[];
};

/* Frames up to this size live on the stack of the launching thread. */
enum { SMALL_VALUES = 256, SMALL_POINTERS = 32, SMALL_KERNELS = 8 };
/* Asking the system how much memory there is costs more than a small allocation. */
static const uint64_t SMALL_MEMORY_B = UINT64_C(64) << 20;

static bool find_kernels(tc_cpu_module *module, char *why, size_t size_b) {
  for (uint32_t i = 0; i < module->table->n_kernels; i++) {
    /* ISO C has no conversion from void * to a function pointer; POSIX promises that they share a
     * representation. */
    void *symbol = dlsym(module->library, module->table->kernels[i].name);
    if (!symbol) {
      snprintf(why, size_b, "it has no function '%s'", module->table->kernels[i].name);
      return false;
    }
    memcpy(&module->fns[i], &symbol, sizeof symbol);
  }
  return true;
}

tc_cpu_module *tc_cpu_load(const char *path, const tc_rt_table *table,
                           const tilec_allocator *allocator, char *why, size_t size_b) {
  size_t module_b = sizeof(tc_cpu_module) + table->n_kernels * sizeof(block_fn *);
  tc_cpu_module *module = tc_rt_alloc(allocator, module_b, _Alignof(max_align_t));
  snprintf(why, size_b, "%s", "");
  if (!module) return NULL;
  *module = (tc_cpu_module){.table = table, .allocator = allocator, .size_b = module_b};
  module->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!module->library) {
    const char *text = dlerror();
    snprintf(why, size_b, "%s", text ? text : path);
  } else if (find_kernels(module, why, size_b)) {
    return module;
  }
  tc_cpu_unload(module);
  return NULL;
}

void tc_cpu_unload(tc_cpu_module *module) {
  if (!module) return;
  if (module->library) dlclose(module->library);
  tc_rt_free(module->allocator, module, module->size_b);
}

/* ---- one launch ---- */

typedef struct launch {
  const tc_cpu_module *module;
  const tc_env *env;
  tc_rt_frame frame;
  void **ptr; /* tensors, then workspaces */
  int32_t (*grids)[3];
  uint64_t *sizes_b; /* of workspaces */
} launch;

typedef struct grid_run {
  const launch *l;
  block_fn *fn;
  const int32_t *grid;
} grid_run;

static int32_t run_block(void *data, int64_t index, unsigned char *scratch) {
  const grid_run *run = data;
  int64_t x = run->grid[0], y = run->grid[1];
  int32_t block[3] = {(int32_t)(index % x), (int32_t)(index / x % y), (int32_t)(index / x / y)};
  return run->fn(run->l->ptr, run->l->frame.values, block, run->grid, scratch, run->l->env);
}

static uint32_t run_kernel(const launch *l, tc_rt_pool *pool, uint32_t k, tc_rt_error *error) {
  const tc_rt_kernel *kernel = &l->module->table->kernels[k];
  const int32_t *grid = l->grids[k];
  grid_run run = {l, l->module->fns[k], grid};
  int64_t n_blocks = (int64_t)grid[0] * grid[1] * grid[2];
  int32_t result = 0;
  if (tc_rt_pool_run(pool, run_block, &run, n_blocks, kernel->scratch_b, &result, error))
    return error->code;
  if (!result) return TC_RT_OK;
  if (result < 0 || (uint32_t)result > kernel->n_sites)
    return tc_rt_fail(error, TC_RT_E_DEVICE_ASSERT, "assertion failed in a kernel");
  const tc_rt_site *site = &kernel->sites[result - 1];
  return tc_rt_fail(error, site->code, "%s", site->text);
}

static uint32_t measure(const launch *l, tc_rt_error *error) {
  const tc_rt_table *table = l->module->table;
  uint64_t total_b = 0;
  for (uint32_t k = 0; k < table->n_kernels; k++)
    if (tc_rt_grid(table, &l->frame, k, l->grids[k], error)) return error->code;
  for (uint32_t w = 0; w < table->n_workspaces; w++) {
    if (tc_rt_workspace_size(table, &l->frame, w, &l->sizes_b[w], error)) return error->code;
    total_b = total_b > UINT64_MAX - l->sizes_b[w] ? UINT64_MAX : total_b + l->sizes_b[w];
  }
  if (total_b <= SMALL_MEMORY_B) return TC_RT_OK;
  /* An overcommitting system would grant any size and kill the process later. */
  uint64_t limit_b = tc_rt_memory_b("");
  if (total_b <= limit_b) return TC_RT_OK;
  return tc_rt_fail(error, TC_RT_E_WORKSPACE,
                    "the global buffers of %s need %llu MiB, and this machine has %llu MiB",
                    table->name, (unsigned long long)(total_b >> 20),
                    (unsigned long long)(limit_b >> 20));
}

static void free_workspaces(const launch *l) {
  const tc_rt_table *table = l->module->table;
  for (uint32_t w = 0; w < table->n_workspaces; w++)
    tc_rt_free(l->module->allocator, l->ptr[table->n_tensors + w], (size_t)l->sizes_b[w]);
}

static uint32_t take_workspaces(const launch *l, tc_rt_error *error) {
  const tc_rt_table *table = l->module->table;
  for (uint32_t w = 0; w < table->n_workspaces; w++)
    l->ptr[table->n_tensors + w] = NULL;
  for (uint32_t w = 0; w < table->n_workspaces; w++) {
    size_t size_b = (size_t)l->sizes_b[w];
    void *at = size_b == l->sizes_b[w] ? tc_rt_alloc(l->module->allocator, size_b, 64) : NULL;
    if (!at)
      return tc_rt_fail(error, TC_RT_E_WORKSPACE,
                        "%llu bytes for the global buffer '%s' cannot be had",
                        (unsigned long long)l->sizes_b[w], table->workspaces[w].name);
    l->ptr[table->n_tensors + w] = at;
  }
  return TC_RT_OK;
}

static uint32_t run_all(const launch *l, tc_rt_pool *pool, const tilec_arg *args, size_t n_args,
                        tc_rt_error *error) {
  const tc_rt_table *table = l->module->table;
  if (tc_rt_check(table, args, n_args, &l->frame, error)) return error->code;
  if (measure(l, error)) return error->code;
  if (!take_workspaces(l, error))
    for (uint32_t k = 0; k < table->n_kernels; k++)
      if (run_kernel(l, pool, k, error)) break;
  free_workspaces(l);
  return error->code;
}

/* For tables that do not fit the small frame: one block of memory with everything. */
static uint32_t launch_large(const tc_cpu_module *module, tc_rt_pool *pool, const tilec_arg *args,
                             size_t n_args, const tc_env *env, tc_rt_error *error) {
  const tc_rt_table *t = module->table;
  size_t n_values = (size_t)t->n_words + t->n_code, n_ptr = (size_t)t->n_tensors + t->n_workspaces;
  size_t size_b = n_values * sizeof(int64_t) + n_ptr * sizeof(void *)
                  + t->n_workspaces * sizeof(uint64_t) + t->n_kernels * sizeof(int32_t[3])
                  + n_values;
  char *memory = tc_rt_alloc(module->allocator, size_b, _Alignof(max_align_t));
  if (!memory) return tc_rt_fail(error, TC_RT_E_WORKSPACE, "out of memory for a launch");
  launch l = {.module = module, .env = env};
  char *at = memory; /* in order of alignment */
  l.frame.values = (int64_t *)(void *)at;
  at += n_values * sizeof(int64_t);
  l.sizes_b = (uint64_t *)(void *)at;
  at += t->n_workspaces * sizeof(uint64_t);
  l.frame.ptr = l.ptr = (void **)(void *)at;
  at += n_ptr * sizeof(void *);
  l.grids = (int32_t(*)[3])(void *)at;
  at += t->n_kernels * sizeof(int32_t[3]);
  l.frame.bad = (unsigned char *)at;
  run_all(&l, pool, args, n_args, error);
  tc_rt_free(module->allocator, memory, size_b);
  return error->code;
}

uint32_t tc_cpu_launch(const tc_cpu_module *module, tc_rt_pool *pool, const tilec_arg *args,
                       size_t n_args, const tc_env *env, tc_rt_error *error) {
  const tc_rt_table *t = module->table;
  if (t->n_words + t->n_code > SMALL_VALUES || t->n_kernels > SMALL_KERNELS
      || t->n_tensors + t->n_workspaces > SMALL_POINTERS)
    return launch_large(module, pool, args, n_args, env, error);
  int64_t values[SMALL_VALUES];
  unsigned char bad[SMALL_VALUES];
  void *ptr[SMALL_POINTERS];
  int32_t grids[SMALL_KERNELS][3];
  uint64_t sizes_b[SMALL_POINTERS];
  launch l = {.module = module,
              .env = env,
              .frame = {values, bad, ptr},
              .ptr = ptr,
              .grids = grids,
              .sizes_b = sizes_b};
  return run_all(&l, pool, args, n_args, error);
}
