#include "rt/launch.h"

#include "rt/os.h"
#include "rt/strand.h"

/* Frames up to this size live on the stack of the launching thread. */
enum { SMALL_VALUES = 256, SMALL_POINTERS = 32, SMALL_GRIDS = 8 };
/* Asking the system how much memory there is costs more than a small allocation. */
static const uint64_t ASK_ABOVE_B = UINT64_C(64) << 20;

static uint32_t run_on_pool(void *pool, tc_rt_block *block, void *data, int64_t n_blocks,
                            uint64_t scratch_b, int32_t *result, tc_rt_error *error) {
  return tc_rt_pool_run(pool, block, data, n_blocks, scratch_b, result, error);
}

tc_rt_runner tc_rt_pool_runner(tc_rt_pool *pool) {
  return (tc_rt_runner){run_on_pool, pool};
}

/* ---- one launch ---- */

typedef struct launch {
  const tc_rt_function *function;
  const tc_rt_runner *runner;
  const tc_env *env;
  tc_rt_frame frame;
  void **ptr; /* tensors, then workspaces */
  int32_t (*grids)[3];
  uint64_t *sizes_b; /* of workspaces */
} launch;

typedef struct grid_run {
  const launch *l;
  tc_rt_kernel_fn *fn;
  const int32_t *grid;
} grid_run;

static int32_t run_block(void *data, int64_t index, unsigned char *scratch) {
  const grid_run *run = data;
  int64_t x = run->grid[0], y = run->grid[1];
  int32_t block[3] = {0};
  if (index) { /* divisions take longer than a small block */
    block[0] = (int32_t)(index % x);
    block[1] = (int32_t)(index / x % y);
    block[2] = (int32_t)(index / x / y);
  }
  return run->fn(run->l->ptr, run->l->frame.values, block, run->grid, scratch, run->l->env);
}

static uint32_t run_grid_in_strands(const launch *l, uint32_t k, int32_t *result,
                                    tc_rt_error *error) {
  const tc_rt_kernel *kernel = &l->function->table->kernels[k];
  tc_rt_strand_call call = {.plan = kernel->strands,
                            .fn = (tc_rt_strand_fn *)(void (*)(void))l->function->kernels[k],
                            .ptr = l->ptr,
                            .word = l->frame.values,
                            .grid = l->grids[k],
                            .env = l->env,
                            .scratch_b = kernel->scratch_b,
                            .allocator = l->function->allocator};
  return tc_rt_strand_run(l->runner->run, l->runner->pool, &call, result, error);
}

static uint32_t run_one_grid(const launch *l, uint32_t k, int32_t *result, tc_rt_error *error) {
  const tc_rt_kernel *kernel = &l->function->table->kernels[k];
  const int32_t *grid = l->grids[k];
  grid_run run = {l, l->function->kernels[k], grid};
  int64_t n_blocks = (int64_t)grid[0] * grid[1] * grid[2];
  if (kernel->strands) return run_grid_in_strands(l, k, result, error);
  if (n_blocks > 1 || kernel->scratch_b > TC_RT_SMALL_SCRATCH_B)
    return l->runner->run(l->runner->pool, run_block, &run, n_blocks, kernel->scratch_b, result,
                          error);
  *result = tc_rt_run_one(run_block, &run);
  return TC_RT_OK;
}

static uint32_t run_grid(const launch *l, uint32_t k, tc_rt_error *error) {
  const tc_rt_kernel *kernel = &l->function->table->kernels[k];
  int32_t result = 0;
  if (run_one_grid(l, k, &result, error)) return error->code;
  if (!result) return TC_RT_OK;
  if (result < 0 || (uint32_t)result > kernel->n_sites)
    return tc_rt_fail(error, TC_RT_E_DEVICE_ASSERT, "assertion failed in a kernel");
  const tc_rt_site *site = &kernel->sites[result - 1];
  return tc_rt_fail(error, site->code, "%s", site->text);
}

static uint32_t measure(const launch *l, tc_rt_error *error) {
  const tc_rt_table *table = l->function->table;
  uint64_t total_b = 0;
  for (uint32_t k = 0; k < table->n_kernels; k++)
    if (tc_rt_grid(table, &l->frame, k, l->grids[k], error)) return error->code;
  for (uint32_t w = 0; w < table->n_workspaces; w++) {
    if (tc_rt_workspace_size(table, &l->frame, w, &l->sizes_b[w], error)) return error->code;
    total_b = total_b > UINT64_MAX - l->sizes_b[w] ? UINT64_MAX : total_b + l->sizes_b[w];
  }
  if (total_b <= ASK_ABOVE_B) return TC_RT_OK;
  /* An overcommitting system would grant any size and kill the process later. */
  uint64_t limit_b = tc_rt_memory_b("");
  if (total_b <= limit_b) return TC_RT_OK;
  return tc_rt_fail(error, TC_RT_E_WORKSPACE,
                    "the global buffers of %s need %llu MiB, and this machine has %llu MiB",
                    table->name, (unsigned long long)(total_b >> 20),
                    (unsigned long long)(limit_b >> 20));
}

static void free_workspaces(const launch *l) {
  const tc_rt_table *table = l->function->table;
  for (uint32_t w = 0; w < table->n_workspaces; w++)
    tc_rt_free(l->function->allocator, l->ptr[table->n_tensors + w], (size_t)l->sizes_b[w]);
}

static uint32_t take_workspaces(const launch *l, tc_rt_error *error) {
  const tc_rt_table *table = l->function->table;
  for (uint32_t w = 0; w < table->n_workspaces; w++)
    l->ptr[table->n_tensors + w] = NULL;
  for (uint32_t w = 0; w < table->n_workspaces; w++) {
    size_t size_b = (size_t)l->sizes_b[w];
    void *at = size_b == l->sizes_b[w] ? tc_rt_alloc(l->function->allocator, size_b, 64) : NULL;
    if (!at)
      return tc_rt_fail(error, TC_RT_E_WORKSPACE,
                        "%llu bytes for the global buffer '%s' cannot be had",
                        (unsigned long long)l->sizes_b[w], table->workspaces[w].name);
    l->ptr[table->n_tensors + w] = at;
  }
  return TC_RT_OK;
}

static uint32_t run_all(const launch *l, const tilec_arg *args, size_t n_args, tc_rt_error *error) {
  const tc_rt_table *table = l->function->table;
  if (tc_rt_check(table, args, n_args, &l->frame, error)) return error->code;
  if (measure(l, error)) return error->code;
  if (!take_workspaces(l, error))
    for (uint32_t k = 0; k < table->n_kernels; k++)
      if (run_grid(l, k, error)) break;
  free_workspaces(l);
  return error->code;
}

/* For tables that do not fit the small frame: one block of memory with everything. */
static uint32_t launch_large(const tc_rt_function *function, const tc_rt_runner *runner,
                             const tilec_arg *args, size_t n_args, const tc_env *env,
                             tc_rt_error *error) {
  const tc_rt_table *t = function->table;
  size_t n_values = (size_t)t->n_words + t->n_code, n_ptr = (size_t)t->n_tensors + t->n_workspaces;
  size_t size_b = n_values * sizeof(int64_t) + n_ptr * sizeof(void *)
                  + t->n_workspaces * sizeof(uint64_t) + t->n_kernels * sizeof(int32_t[3])
                  + n_values;
  char *memory = tc_rt_alloc(function->allocator, size_b, _Alignof(max_align_t));
  if (!memory) return tc_rt_fail(error, TC_RT_E_WORKSPACE, "out of memory for a launch");
  launch l = {.function = function, .runner = runner, .env = env};
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
  run_all(&l, args, n_args, error);
  tc_rt_free(function->allocator, memory, size_b);
  return error->code;
}

uint32_t tc_rt_launch(const tc_rt_function *function, const tc_rt_runner *runner,
                      const tilec_arg *args, size_t n_args, const tc_env *env, tc_rt_error *error) {
  const tc_rt_table *t = function->table;
  if (t->n_words + t->n_code > SMALL_VALUES || t->n_kernels > SMALL_GRIDS
      || t->n_tensors + t->n_workspaces > SMALL_POINTERS)
    return launch_large(function, runner, args, n_args, env, error);
  int64_t values[SMALL_VALUES];
  unsigned char bad[SMALL_VALUES];
  void *ptr[SMALL_POINTERS];
  int32_t grids[SMALL_GRIDS][3];
  uint64_t sizes_b[SMALL_POINTERS];
  launch l = {.function = function,
              .runner = runner,
              .env = env,
              .frame = {values, bad, ptr},
              .ptr = ptr,
              .grids = grids,
              .sizes_b = sizes_b};
  return run_all(&l, args, n_args, error);
}
