#include "runtime/cuda_private.h"

#include "rt/os.h"

#include <inttypes.h>
#include <string.h>

/* Launches up to this size need no memory but the launching thread's stack. */
enum { SMALL_B = 8192, MAP_ALIGN_B = 64, MAX_GRID_YZ = 65535 };
/* Beyond what any device has; sums below it do not overflow. */
static const uint64_t MAX_SPACE_B = UINT64_C(1) << 50;

typedef struct gpu_launch {
  tc_cuda_module *m;
  void *stream;
  tc_rt_frame frame;
  void **ptr;          /* tensors, then workspaces           */
  uint64_t *offsets_b; /* of all kernels' states, and on from them, of the workspaces */
  int32_t (*grids)[3]; /* by kernel                          */
  unsigned char *maps; /* of all kernels, in order           */
  void **params;       /* of the kernel that is launched now */
  uint64_t *scalars;   /* what params of numbers point to    */
  uint64_t space_b, zeroed_b;
  const tc_cuda_space *space; /* NULL: none is needed               */
  const tc_cuda_instance *instance;
} gpu_launch;

/* ---- memory of a launch ---- */

/* Places n objects of a size at the next multiple of their alignment; only counts when `base` is
 * NULL. */
static void *place(unsigned char *base, size_t *used, size_t n, size_t size_b, size_t align_b) {
  size_t at = (*used + align_b - 1) / align_b * align_b;
  *used = at + n * size_b;
  return base ? base + at : NULL;
}

static size_t lay_out(gpu_launch *l, unsigned char *base) {
  const tc_cuda_module *m = l->m;
  const tc_rt_table *t = m->table;
  size_t used = 0, n_values = (size_t)t->n_words + t->n_code;
  size_t n_ptr = (size_t)t->n_tensors + t->n_workspaces;
  l->maps = place(base, &used, m->n_maps, TC_RT_MAP_B, MAP_ALIGN_B);
  l->frame.values = place(base, &used, n_values, sizeof(int64_t), sizeof(int64_t));
  l->offsets_b =
      place(base, &used, (size_t)m->n_states + t->n_workspaces, sizeof(uint64_t), sizeof(uint64_t));
  l->scalars = place(base, &used, m->most_args, sizeof(uint64_t), sizeof(uint64_t));
  l->frame.ptr = l->ptr = place(base, &used, n_ptr, sizeof(void *), sizeof(void *));
  l->params = place(base, &used, m->most_args, sizeof(void *), sizeof(void *));
  l->grids = place(base, &used, t->n_kernels, sizeof(int32_t[3]), sizeof(int32_t));
  l->frame.bad = place(base, &used, n_values, 1, 1);
  return used;
}

/* ---- checking all before launching any ---- */

static uint32_t check_grid(const gpu_launch *l, uint32_t k, tc_rt_error *error) {
  const tc_rt_kernel *kernel = &l->m->table->kernels[k];
  const tc_rt_gpu *g = kernel->gpu;
  if (tc_rt_grid(l->m->table, &l->frame, k, l->grids[k], error)) return error->code;
  for (uint32_t i = 0; i < 3; i++) {
    int32_t x = l->grids[k][i];
    if (i && x > MAX_GRID_YZ)
      return tc_rt_fail(error, TC_RT_E_GRID,
                        "grid extent %u of kernel '%s' is %" PRId32
                        ", and CUDA devices take at most %d in all but the first",
                        i, kernel->name, x, MAX_GRID_YZ);
    if (g->cluster[i] && (uint32_t)x % g->cluster[i])
      return tc_rt_fail(error, TC_RT_E_GRID,
                        "grid extent %u of kernel '%s' is %" PRId32
                        ", expected a multiple of %u, its blocks in a cluster",
                        i, kernel->name, x, g->cluster[i]);
  }
  return TC_RT_OK;
}

static uint32_t add_space(gpu_launch *l, uint32_t slot, uint64_t size_b, const char *name,
                          tc_rt_error *error) {
  if (size_b > MAX_SPACE_B || l->space_b > MAX_SPACE_B)
    return tc_rt_fail(error, TC_RT_E_WORKSPACE,
                      "%llu bytes for the global buffer '%s' cannot be had",
                      (unsigned long long)size_b, name);
  l->offsets_b[slot] = l->space_b;
  l->space_b += tc_cuda_padded(size_b);
  return TC_RT_OK;
}

static uint32_t measure_states(gpu_launch *l, tc_rt_error *error) {
  const tc_rt_table *t = l->m->table;
  uint32_t slot = 0;
  for (uint32_t k = 0; k < t->n_kernels; k++)
    for (uint32_t i = 0; i < t->kernels[k].gpu->n_states; i++) {
      const tc_rt_state *state = &t->kernels[k].gpu->states[i];
      int64_t size_b;
      if (!tc_rt_number_of(&l->frame, &state->size_b, &size_b) || size_b < 0)
        return tc_rt_fail(error, TC_RT_E_SIZE, "the size of '%s' of kernel '%s' has no value",
                          state->name, t->kernels[k].name);
      if (add_space(l, slot++, (uint64_t)size_b, state->name, error)) return error->code;
    }
  l->zeroed_b = l->space_b;
  return TC_RT_OK;
}

static uint32_t take_space(gpu_launch *l, tc_cuda_instance *instance, tc_rt_error *error) {
  const tc_rt_table *t = l->m->table;
  if (measure_states(l, error)) return error->code;
  for (uint32_t w = 0; w < t->n_workspaces; w++) {
    uint64_t size_b;
    if (tc_rt_workspace_size(t, &l->frame, w, &size_b, error)
        || add_space(l, l->m->n_states + w, size_b, t->workspaces[w].name, error))
      return error->code;
  }
  if (!l->space_b) return TC_RT_OK;
  l->space =
      tc_cuda_space_on(l->m, instance, l->stream, l->zeroed_b, l->space_b - l->zeroed_b, error);
  if (!l->space) return error->code;
  for (uint32_t w = 0; w < t->n_workspaces; w++)
    l->ptr[t->n_tensors + w] =
        (void *)(uintptr_t)(l->space->rest - l->zeroed_b + l->offsets_b[l->m->n_states + w]);
  return TC_RT_OK;
}

static uint32_t make_maps(gpu_launch *l, tc_rt_error *error) {
  const tc_rt_table *t = l->m->table;
  unsigned char *at = l->maps;
  tc_cuda_known_maps *known = l->m->known;
  for (uint32_t k = 0; k < t->n_kernels; k++)
    for (uint32_t i = 0; i < t->kernels[k].gpu->n_maps; i++, at += TC_RT_MAP_B, known++)
      if (tc_cuda_map(l->m, &t->kernels[k].gpu->maps[i], *known, &l->frame, l->ptr, at, error))
        return error->code;
  return TC_RT_OK;
}

/* True when no kernel has a block. */
static bool is_empty(const gpu_launch *l) {
  for (uint32_t k = 0; k < l->m->table->n_kernels; k++)
    if (l->grids[k][0] && l->grids[k][1] && l->grids[k][2]) return false;
  return true;
}

/* ---- launching ---- */

/* What kernel k of the launch gets: its states and maps come after those of the kernels before. */
typedef struct parts {
  unsigned char *maps;
  uint32_t first_state;
} parts;

static void set_params(const gpu_launch *l, const tc_rt_gpu *g, const parts *p) {
  for (uint32_t i = 0; i < g->n_args; i++) {
    const tc_rt_gpu_arg *arg = &g->args[i];
    l->params[i] = &l->scalars[i];
    switch ((enum tc_rt_gpu_arg_kind)arg->kind) {
    case TC_RT_GPU_POINTER:
      l->scalars[i] = (uint64_t)(uintptr_t)l->ptr[arg->index];
      break;
    case TC_RT_GPU_I32:
    case TC_RT_GPU_I64:
    case TC_RT_GPU_F32:
    case TC_RT_GPU_F64:
      l->scalars[i] = tc_rt_gpu_scalar(&l->frame, arg);
      break;
    case TC_RT_GPU_MAP:
      l->params[i] = p->maps + (size_t)arg->index * TC_RT_MAP_B;
      break;
    case TC_RT_GPU_STATE:
      l->scalars[i] = l->space->zeroed + l->offsets_b[p->first_state + arg->index];
      break;
    }
  }
}

static uint32_t launch_kernel(const gpu_launch *l, uint32_t k, const parts *p, tc_rt_error *error) {
  const tc_rt_kernel *kernel = &l->m->table->kernels[k];
  const tc_rt_gpu *g = kernel->gpu;
  tc_cuda_attribute attributes[2];
  tc_cuda_config config = {.shared_b = g->shared_b, .stream = l->stream, .attributes = attributes};
  for (uint32_t i = 0; i < 3; i++) {
    config.grid[i] = (uint32_t)l->grids[k][i];
    config.block[i] = g->block[i];
  }
  if (g->cluster[0]) {
    tc_cuda_attribute *a = &attributes[config.n_attributes++];
    memset(a, 0, sizeof *a);
    a->id = TC_CUDA_LAUNCH_CLUSTER;
    memcpy(a->as.three, g->cluster, sizeof g->cluster);
  }
  if (g->cooperative) {
    tc_cuda_attribute *a = &attributes[config.n_attributes++];
    memset(a, 0, sizeof *a);
    a->id = TC_CUDA_LAUNCH_COOPERATIVE;
    a->as.number = 1;
  }
  set_params(l, g, p);
  int result = l->m->calls->launch(&config, l->instance->functions[k], l->params, NULL);
  if (!result) return TC_RT_OK;
  return tc_cuda_fail(l->m->cuda, error, result, "cuLaunchKernelEx", kernel->name);
}

static uint32_t launch_all(const gpu_launch *l, tc_rt_error *error) {
  const tc_rt_table *t = l->m->table;
  parts p = {l->maps, 0};
  for (uint32_t k = 0; k < t->n_kernels; k++) {
    const int32_t *grid = l->grids[k];
    if (grid[0] && grid[1] && grid[2] && launch_kernel(l, k, &p, error)) return error->code;
    p.maps += (size_t)t->kernels[k].gpu->n_maps * TC_RT_MAP_B;
    p.first_state += t->kernels[k].gpu->n_states;
  }
  return TC_RT_OK;
}

/* With a context of the device current. */
static uint32_t run_in(gpu_launch *l, void *context, int32_t device, tc_rt_error *error) {
  tc_cuda_instance *instance = tc_cuda_instance_in(l->m, context, device, error);
  if (!instance) return error->code;
  l->instance = instance;
  if (take_space(l, instance, error) || make_maps(l, error)) return error->code;
  return launch_all(l, error);
}

int32_t tc_cuda_device_of(const tc_cuda *cuda, const tc_rt_table *table, const tilec_arg *args,
                          size_t n_args) {
  for (uint32_t i = 0; i < table->n_params && i < n_args; i++)
    if (args[i].kind == TILEC_ARG_TENSOR && args[i].as.tensor
        && tc_rt_device_of(args[i].as.tensor) == TILEC_DEVICE_CUDA)
      return args[i].as.tensor->device_id;
  return tc_cuda_current(cuda);
}

static uint32_t check_and_run(gpu_launch *l, const tilec_arg *args, size_t n_args,
                              tc_rt_error *error) {
  const tc_rt_table *t = l->m->table;
  if (tc_rt_check(t, args, n_args, &l->frame, error)) return error->code;
  for (uint32_t k = 0; k < t->n_kernels; k++)
    if (check_grid(l, k, error)) return error->code;
  if (is_empty(l)) return TC_RT_OK;
  int32_t device = tc_cuda_device_of(l->m->cuda, t, args, n_args);
  tc_cuda_scope scope;
  if (tc_cuda_enter(l->m->cuda, device, &scope, error)) return error->code;
  run_in(l, scope.context, device, error);
  tc_cuda_leave(l->m->cuda, &scope);
  return error->code;
}

uint32_t tc_cuda_launch(tc_cuda_module *module, void *stream, const tilec_arg *args, size_t n_args,
                        tc_rt_error *error) {
  _Alignas(MAP_ALIGN_B) unsigned char small[SMALL_B];
  gpu_launch l = {.m = module, .stream = stream};
  if (!module->calls->launch)
    return tc_rt_fail(error, TC_RT_E_NO_CUDA, "%s has no cuLaunchKernelEx: the driver is too old",
                      tc_cuda_path(module->cuda));
  size_t size_b = lay_out(&l, NULL);
  unsigned char *memory = small;
  if (size_b > sizeof small) memory = tc_rt_alloc(module->allocator, size_b, MAP_ALIGN_B);
  if (!memory) return tc_rt_fail(error, TC_RT_E_WORKSPACE, "out of memory for a launch");
  lay_out(&l, memory);
  check_and_run(&l, args, n_args, error);
  if (memory != small) tc_rt_free(module->allocator, memory, size_b);
  return error->code;
}
