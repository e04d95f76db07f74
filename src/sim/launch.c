/* Launches of a whole function by its launch table, as runtime/cuda.c does them on a device: here
 * memory is the host's, tensor maps are ours, and what a kernel may touch is known. */
#include "sim/sim.h"

#include <string.h>

typedef struct launch {
  const tc_sim_function *f;
  const tc_rt_table *table;
  const tc_sim_options *options;
  tc_arena *arena;
  tc_sim_report *report;
  tc_rt_error *error;
  tc_rt_frame frame;
  tc_sim_region *regions; /* tensors, workspaces, states of all kernels */
  uint32_t n_regions, first_state;
} launch;

static void *aligned(tc_arena *arena, uint64_t size_b) {
  enum { ALIGN_B = 256 };
  uintptr_t at = (uintptr_t)tc_arena_alloc(arena, (size_t)size_b + ALIGN_B);
  return (void *)((at + ALIGN_B - 1) / ALIGN_B * ALIGN_B);
}

static void add_region(launch *l, const char *name, void *base, uint64_t size_b, bool read_only) {
  l->regions[l->n_regions++] = (tc_sim_region){name, base, size_b, read_only};
}

/* ---- memory ---- */

/* From the first element to the end of the last one. */
static uint64_t bytes_of(const tilec_tensor *t, const tc_rt_param *p) {
  uint64_t last = 0, dense = 1;
  for (uint32_t d = t->rank; d-- > 0;) {
    if (t->shape[d] == 0) return 0;
    last += (uint64_t)(t->shape[d] - 1) * (t->strides ? (uint64_t)t->strides[d] : dense);
    dense *= (uint64_t)t->shape[d];
  }
  return ((last + 1) * tc_rt_dtype_bits(t->dtype ? t->dtype : p->dtype) + 7) / 8;
}

/* Where a bare pointer ends nobody knows, so it comes after all that is known. */
static void add_tensors(launch *l, const tilec_arg *args, bool bare) {
  const uint64_t anything_b = (uint64_t)1 << 46;
  for (uint32_t i = 0, at = 0; i < l->table->n_params; i++) {
    const tc_rt_param *p = &l->table->params[i];
    if (p->flags & TC_RT_SCALAR) continue;
    void *base = l->frame.ptr[at++];
    if (bare != ((p->flags & TILEC_PARAM_POINTER) != 0)) continue;
    bool there = args[i].kind == TILEC_ARG_TENSOR && args[i].as.tensor && base;
    uint64_t size_b = bare ? anything_b : there ? bytes_of(args[i].as.tensor, p) : 0;
    add_region(l, p->name, base, size_b, !(p->flags & TILEC_PARAM_WRITTEN));
  }
}

static bool add_workspaces(launch *l) {
  for (uint32_t w = 0; w < l->table->n_workspaces; w++) {
    uint64_t size_b;
    if (tc_rt_workspace_size(l->table, &l->frame, w, &size_b, l->error)) return false;
    void *at = l->frame.ptr[l->table->n_tensors + w] = aligned(l->arena, size_b);
    memset(at, 0xff, (size_t)size_b);
    add_region(l, l->table->workspaces[w].name, at, size_b, false);
  }
  return true;
}

static bool add_states(launch *l) {
  l->first_state = l->n_regions;
  for (uint32_t k = 0; k < l->table->n_kernels; k++)
    for (uint32_t i = 0; i < l->table->kernels[k].gpu->n_states; i++) {
      const tc_rt_state *state = &l->table->kernels[k].gpu->states[i];
      int64_t size_b;
      if (!tc_rt_number_of(&l->frame, &state->size_b, &size_b) || size_b < 0) {
        tc_rt_fail(l->error, TC_RT_E_SIZE, "the size of '%s' has no value", state->name);
        return false;
      }
      add_region(l, state->name, aligned(l->arena, (uint64_t)size_b), (uint64_t)size_b, false);
    }
  return true;
}

/* ---- parameters of a kernel ---- */

static bool make_map(launch *l, const tc_rt_map *map, unsigned char *out) {
  char why[256] = "";
  tc_sim_map_spec spec = {.rank = map->rank,
                          .type = map->type,
                          .swizzle = map->swizzle,
                          .interleave = map->interleave,
                          .oob_fill = map->oob_fill};
  bool known = true, empty = !l->frame.ptr[map->ptr];
  for (uint32_t i = 0; i < map->rank && i < TC_SIM_MAP_RANK; i++) {
    int64_t dim = 0, stride_b = 0;
    known = known && tc_rt_number_of(&l->frame, &map->dims[i], &dim);
    if (i + 1 < map->rank && i + 1 < TC_SIM_MAP_RANK) {
      known = known && tc_rt_number_of(&l->frame, &map->strides_b[i], &stride_b);
      spec.strides_b[i] = (uint64_t)stride_b;
    }
    spec.dims[i] = (uint64_t)dim;
    spec.box[i] = map->box[i];
    spec.step[i] = map->step[i] ? map->step[i] : 1;
    empty = empty || dim == 0;
  }
  int64_t offset_b = 0;
  known = known && tc_rt_number_of(&l->frame, &map->offset_b, &offset_b);
  if (known && empty) return true; /* nothing is read through it */
  spec.base = (const char *)l->frame.ptr[map->ptr] + offset_b;
  if (known && tc_sim_map_encode(out, &spec, why, sizeof why)) return true;
  tc_rt_fail(l->error, TC_RT_E_MAP, "tensor map %s%s", known ? "" : "without numbers", why);
  return false;
}

/* NULL with an error. */
static void **make_args(launch *l, const tc_rt_gpu *g) {
  void **args = TC_NEW_ARRAY(l->arena, g->n_args + 1u, void *);
  uint64_t *scalars = TC_NEW_ARRAY(l->arena, g->n_args + 1u, uint64_t);
  for (uint32_t i = 0; i < g->n_args; i++) {
    const tc_rt_gpu_arg *arg = &g->args[i];
    args[i] = &scalars[i];
    switch ((enum tc_rt_gpu_arg_kind)arg->kind) {
    case TC_RT_GPU_POINTER:
      scalars[i] = (uint64_t)(uintptr_t)l->frame.ptr[arg->index];
      break;
    case TC_RT_GPU_I32:
    case TC_RT_GPU_I64:
    case TC_RT_GPU_F32:
    case TC_RT_GPU_F64:
      scalars[i] = tc_rt_gpu_scalar(&l->frame, arg);
      break;
    case TC_RT_GPU_MAP:
      args[i] = aligned(l->arena, TC_SIM_MAP_B);
      if (!make_map(l, &g->maps[arg->index], args[i])) return NULL;
      break;
    case TC_RT_GPU_STATE:
      scalars[i] = (uint64_t)(uintptr_t)l->regions[l->first_state + arg->index].base;
      break;
    }
  }
  return args;
}

/* ---- running ---- */

/* A check that the kernel makes itself has its own text. */
static uint32_t tell(const launch *l, const tc_rt_kernel *kernel) {
  uint32_t site = l->report->site;
  if (l->report->kind == TC_SIM_KIND_fail && site && site <= kernel->n_sites)
    return tc_rt_fail(l->error, kernel->sites[site - 1].code, "%s", kernel->sites[site - 1].text);
  return tc_rt_fail(l->error, TC_RT_E_SIMULATED, "%s", l->report->text);
}

static uint32_t run_kernel(launch *l, uint32_t k) {
  const tc_rt_kernel *kernel = &l->table->kernels[k];
  const tc_rt_gpu *g = kernel->gpu;
  int32_t grid[3];
  if (tc_rt_grid(l->table, &l->frame, k, grid, l->error)) return l->error->code;
  if (!grid[0] || !grid[1] || !grid[2]) return TC_RT_OK;
  tc_sim_launch run = {.kernel = kernel->name,
                       .shared_b = g->shared_b,
                       .args = make_args(l, g),
                       .n_args = g->n_args,
                       .regions = l->regions,
                       .n_regions = l->n_regions};
  if (!run.args) return l->error->code;
  /* No primitive reaches into another block, so a cluster is only a wish about places. */
  for (uint32_t i = 0; i < 3; i++) {
    run.grid[i] = (uint32_t)grid[i];
    run.block[i] = g->block[i] ? g->block[i] : 1;
  }
  tc_sim_options options = *l->options;
  if (g->cooperative) options.resident = run.grid[0] * run.grid[1] * run.grid[2];
  bool fine = tc_sim_run(l->f->module, &run, &options, l->f->pool, l->f->allocator, l->report);
  return fine ? TC_RT_OK : tell(l, kernel);
}

uint32_t tc_sim_launch_function(const tc_sim_function *function, const tilec_arg *args,
                                size_t n_args, const tc_sim_options *options, tc_arena *arena,
                                tc_sim_report *report, tc_rt_error *error) {
  tc_rt_table *table = tc_arena_copy(arena, function->table, sizeof *table);
  table->device = TILEC_DEVICE_HOST;
  size_t n = (size_t)table->n_words + table->n_code;
  uint32_t n_regions = table->n_tensors + table->n_workspaces;
  for (uint32_t k = 0; k < table->n_kernels; k++)
    n_regions += table->kernels[k].gpu->n_states;
  launch l = {.f = function,
              .table = table,
              .options = options,
              .arena = arena,
              .report = report,
              .error = error,
              .frame = {TC_NEW_ARRAY(arena, n + 1, int64_t),
                        TC_NEW_ARRAY(arena, n + 1, unsigned char),
                        TC_NEW_ARRAY(arena, table->n_tensors + table->n_workspaces + 1, void *)},
              .regions = TC_NEW_ARRAY(arena, n_regions + 1, tc_sim_region)};
  if (tc_rt_check(table, args, n_args, &l.frame, error)) return error->code;
  add_tensors(&l, args, false);
  if (!add_workspaces(&l) || !add_states(&l)) return error->code;
  add_tensors(&l, args, true);
  for (uint32_t k = 0; k < table->n_kernels; k++) {
    if (run_kernel(&l, k)) return error->code;
    l.first_state += table->kernels[k].gpu->n_states;
  }
  return TC_RT_OK;
}
