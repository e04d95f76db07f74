/* Kernels: a program compiled for a target, and what can be asked about it. */
#include "api/api_impl.h"

#include "ir/print.h"
#include "rt/os.h"
#include "runtime/cpu.h"
#include "sim/sim.h"
#include "target/common/table.h"

#include <string.h>

/* ---- making ---- */

typedef struct kernel_call {
  const tilec_program *program;
  tilec_kernel *kernel;
  const char *target;
} kernel_call;

static void use_interpreter(tc_session *s, tilec_kernel *kernel) {
  kernel->interpreted = true;
  kernel->table = tc_table_shapes(kernel->ir, &s->arena, &kernel->checked);
}

static bool has_narrow_scalar(const tc_rt_table *table) {
  for (uint32_t i = 0; i < table->n_params; i++) {
    const tc_rt_param *p = &table->params[i];
    bool is_float = p->dtype >= TILEC_FLOAT16 && p->dtype < TILEC_POINTER;
    if (p->flags & TC_RT_SCALAR && is_float && p->dtype != TILEC_FLOAT32
        && p->dtype != TILEC_FLOAT64)
      return true;
  }
  return false;
}

static const char *signature_of(tc_session *s, tc_ir *ir) {
  tc_sb out = tc_sb_in(&s->arena);
  tc_ir_print_signature(ir, &s->arena, &out);
  return tc_str_dup(&s->arena, tc_sb_str(&out));
}

static void make_kernel(tc_session *s, void *data) {
  kernel_call *call = data;
  tilec_kernel *kernel = call->kernel;
  tc_api_target target = tc_api_find_target(s, call->target);
  s->gpu = target.gpu ? target.gpu : tc_api_gpu_meant(s);
  kernel->ir = tc_program_front(s, call->program);
  kernel->name = tc_name_of(kernel->ir, kernel->ir->name);
  kernel->signature = signature_of(s, kernel->ir);
  tc_program_to_tile(s, kernel->ir, target.caps, false);
  kernel->bound = tc_kernel_bound(kernel->ir, target.kind == TC_TARGET_CUDA);
  if (target.kind == TC_TARGET_INTERP) {
    use_interpreter(s, kernel);
  } else if (target.kind == TC_TARGET_CUDA) {
    tc_program_to_state(s, kernel->ir, &target, TC_STATE_lane, false);
    tc_kernel_build_cuda(s, kernel, target.gpu);
  } else if (target.kind == TC_TARGET_SIM) {
    tc_program_to_state(s, kernel->ir, &target, TC_STATE_lane, false);
    tc_kernel_build_sim(s, kernel, target.gpu);
  } else if (!tc_kernel_build_cpu(s, kernel, target.isa)) {
    if (tc_api_first_time(s->context, &s->context->said_no_cc))
      tc_api_warn(s->context, "no C compiler was found, so target cpu runs on the interpreter, "
                              "which is slow: install cc, or name one with TILEC_CC");
    use_interpreter(s, kernel);
  }
  kernel->rounds = has_narrow_scalar(kernel->table);
  kernel->warnings = tc_api_render(s);
  tc_phase_enter(s, TC_PHASE_other);
  tc_phase_report(s);
}

tilec_status tilec_kernel_new(tilec_program *program, const char *target, tilec_kernel **out,
                              tilec_error **error) {
  if (error) *error = NULL;
  if (out) *out = NULL;
  if (!program || !out) return tc_api_usage(error, NULL, "tilec_kernel_new: NULL argument");
  tilec_context *context = program->context;
  tilec_kernel *kernel = tc_api_new(context, sizeof *kernel);
  if (!kernel) return tc_api_no_memory(error);
  uint64_t start_ns = tc_rt_now_ns();
  atomic_init(&kernel->n_refs, 1);
  kernel->context = tilec_context_retain(context);
  if (!tc_rt_lock_init_recursive(&kernel->lock)) {
    tc_api_delete(context, kernel, sizeof *kernel);
    tilec_context_release(context);
    return tc_api_no_memory(error);
  }
  tc_session_start(&kernel->store, context);
  kernel_call call = {program, kernel, target};
  tilec_status status = tc_api_guard(&kernel->store, make_kernel, &call, error);
  tc_session_release_files(&kernel->store);
  kernel->compile_ns = tc_rt_now_ns() - start_ns;
  if (status != TILEC_OK) {
    tilec_kernel_release(kernel);
  } else {
    *out = kernel;
  }
  return status;
}

tilec_kernel *tilec_kernel_retain(tilec_kernel *kernel) {
  if (kernel) atomic_fetch_add_explicit(&kernel->n_refs, 1, memory_order_relaxed);
  return kernel;
}

void tilec_kernel_release(tilec_kernel *kernel) {
  if (!kernel || atomic_fetch_sub_explicit(&kernel->n_refs, 1, memory_order_acq_rel) != 1) return;
  tilec_context *context = kernel->context;
  tc_cpu_unload(kernel->module);
  tc_cuda_unload(kernel->cuda);
  tc_sim_unload(kernel->sim);
  tc_session_end(&kernel->store);
  pthread_mutex_destroy(&kernel->lock);
  tc_api_delete(context, kernel, sizeof *kernel);
  tilec_context_release(context);
}

/* ---- describing ---- */

tilec_status tilec_kernel_describe(const tilec_kernel *kernel, tilec_kernel_info *out) {
  if (!kernel || !out) return TILEC_USAGE;
  const tc_cuda_device *device = NULL;
  if (kernel->cuda) device = tc_cuda_device_at(kernel->context->cuda, kernel->device);
  tilec_kernel_info ours = {.size = sizeof ours,
                            .name = kernel->name,
                            .target = kernel->interpreted   ? "interp"
                                      : kernel->target_name ? kernel->target_name
                                      : kernel->gpu         ? tc_api_gpu_name(kernel->gpu)
                                                            : "cpu",
                            .device_type = device ? TILEC_DEVICE_CUDA : TILEC_DEVICE_HOST,
                            .device_id = kernel->device,
                            .l2_b = device ? device->l2_b : 0,
                            .n_grids = device ? kernel->table->n_kernels : 0,
                            .n_params = kernel->table->n_params,
                            .n_dims = kernel->table->n_dims,
                            .cached = kernel->cached,
                            .compile_ns = kernel->compile_ns,
                            .toolchain_ns = kernel->toolchain_ns,
                            .own_ns = tc_phase_own_ns(&kernel->store)};
  return tc_api_write_struct(out, &ours, sizeof ours) ? TILEC_OK : TILEC_USAGE;
}

tilec_status tilec_kernel_resources(const tilec_kernel *kernel, size_t i, tilec_resources *out) {
  if (!kernel || !out || !kernel->cuda || i >= kernel->table->n_kernels) return TILEC_USAGE;
  const tc_rt_kernel *k = &kernel->table->kernels[i];
  tilec_resources ours = {.size = sizeof ours,
                          .name = k->name,
                          .threads = k->gpu->block[0] * k->gpu->block[1] * k->gpu->block[2],
                          .shared_b = k->gpu->shared_b};
  for (uint32_t j = 0; j < kernel->cubin.n_kernels; j++) {
    const tc_cubin_kernel *c = &kernel->cubin.kernels[j];
    if (strcmp(c->name, k->name) != 0) continue;
    ours.registers = c->registers;
    ours.spill_stores_b = c->spill_stores_b;
    ours.spill_loads_b = c->spill_loads_b;
    ours.stack_b = c->stack_b;
    ours.static_shared_b = c->shared_b;
  }
  return tc_api_write_struct(out, &ours, sizeof ours) ? TILEC_OK : TILEC_USAGE;
}

const char *tilec_kernel_diagnostics(const tilec_kernel *kernel, tilec_format format) {
  if (!kernel || (unsigned)format >= TC_N_FORMATS) return "";
  return kernel->warnings.form[format];
}

tilec_status tilec_kernel_param(const tilec_kernel *kernel, size_t i, tilec_param *out) {
  if (!kernel || !out || i >= kernel->table->n_params) return TILEC_USAGE;
  const tc_rt_param *p = &kernel->table->params[i];
  bool scalar = p->flags & TC_RT_SCALAR;
  tilec_param ours = {.size = sizeof ours,
                      .name = p->name,
                      .kind = scalar ? TILEC_PARAM_SCALAR : TILEC_PARAM_TENSOR,
                      .flags = p->flags & 0xff,
                      .rank = p->rank,
                      .dtype = p->dtype};
  if (!kernel->bound.exact) {
    /* Stored results are rounded once more; integers may come from rounded floats. */
    tc_type type = tc_scalar_type(tc_table_dtype(p->dtype));
    double eps = tc_kernel_epsilon(type);
    ours.rtol = kernel->bound.rtol > 2 * eps ? kernel->bound.rtol : 2 * eps;
    ours.atol = eps > 0 || p->dtype == TILEC_POINTER || !p->dtype ? tc_kernel_spacing(type) : 1;
    ours.atol_scale = kernel->bound.atol_scale;
  }
  return tc_api_write_struct(out, &ours, sizeof ours) ? TILEC_OK : TILEC_USAGE;
}

const char *tilec_kernel_dim(const tilec_kernel *kernel, size_t i) {
  return kernel && i < kernel->table->n_dims ? kernel->table->dims[i].name : NULL;
}

const char *tilec_kernel_signature(const tilec_kernel *kernel) {
  return kernel ? kernel->signature : "";
}

/* ---- shapes ---- */

static bool name_unknown_dim(const tc_rt_table *table, const tc_rt_frame *frame,
                             const tilec_context *context, const char *param, tilec_error **error) {
  for (uint32_t d = 0; d < table->n_dims; d++)
    if (frame->bad[table->dims[d].word])
      return tc_api_fail(error, context, TILEC_ARGUMENT, "E0643",
                         "the shape of '%s' is not known: nothing says what '%s' is", param,
                         table->dims[d].name),
             true;
  return false;
}

static tilec_status shape_in(const tilec_kernel *kernel, const tilec_arg *args, size_t n_args,
                             const tilec_dim *dims, size_t n_dims, size_t param,
                             const tc_rt_frame *frame, int64_t *shape, tilec_error **error) {
  const tc_rt_table *table = kernel->table;
  const tc_rt_param *p = &table->params[param];
  tc_rt_error rt = {0};
  if (tc_rt_bind(table, args, n_args, dims, n_dims, frame, &rt))
    return tc_api_fail_rt(error, kernel->context, &rt);
  for (uint32_t axis = 0; axis < p->rank; axis++) {
    if (!tc_rt_number_of(frame, &p->shape[axis], &shape[axis])) {
      if (name_unknown_dim(table, frame, kernel->context, p->name, error)) return TILEC_ARGUMENT;
      return tc_api_fail(error, kernel->context, TILEC_ARGUMENT, "E0643",
                         "dimension %u of '%s' cannot be computed", axis, p->name);
    }
    if (shape[axis] < 0)
      return tc_api_fail(error, kernel->context, TILEC_ARGUMENT, "E0640",
                         "dimension %u of '%s' comes out as %lld, expected 0 or more", axis,
                         p->name, (long long)shape[axis]);
  }
  return TILEC_OK;
}

tilec_status tilec_kernel_shape(const tilec_kernel *kernel, const tilec_arg *args, size_t n_args,
                                const tilec_dim *dims, size_t n_dims, size_t param, int64_t *shape,
                                tilec_error **error) {
  if (error) *error = NULL;
  if (!kernel || (n_args && !args) || (n_dims && !dims) || !shape)
    return tc_api_usage(error, NULL, "tilec_kernel_shape: NULL argument");
  const tc_rt_table *table = kernel->table;
  if (param >= table->n_params || n_args != table->n_params)
    return tc_api_usage(error, kernel->context, "tilec_kernel_shape: %s has %u parameters",
                        kernel->name, table->n_params);
  for (size_t i = 0; i < n_dims; i++)
    if (!dims[i].name) return tc_api_usage(error, kernel->context, "tilec_kernel_shape: NULL name");
  size_t n = (size_t)table->n_words + table->n_code, size_b = n * (sizeof(int64_t) + 1);
  int64_t *memory = tc_api_new(kernel->context, size_b);
  if (!memory) return tc_api_no_memory(error);
  tc_rt_frame frame = {memory, (unsigned char *)(memory + n), NULL};
  tilec_status status = shape_in(kernel, args, n_args, dims, n_dims, param, &frame, shape, error);
  tc_api_delete(kernel->context, memory, size_b);
  return status;
}
