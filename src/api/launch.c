/* Launches, on either kind of kernel. */
#include "api/api_impl.h"

#include "ir/interp.h"
#include "ir/scalar.h"
#include "rt/os.h"
#include "runtime/cpu.h"
#include "target/common/table.h"

#include <string.h>

/* ---- the oracle ---- */

typedef struct interp_call {
  tilec_kernel *kernel;
  const tilec_arg *args;
  size_t n_args;
} interp_call;

static void print_text(void *data, const char *text, size_t n) {
  tc_context_print(data, text, n);
}

/* Extents in elements of the declared type, whatever the argument counts. */
static void convert_shape(tc_session *s, const tc_rt_param *p, const tilec_tensor *t,
                          tc_array *array) {
  bool packed = p->pack > 1 && (p->accepts_packed >> t->dtype & 1);
  array->shape = t->shape;
  array->strides = t->strides;
  if (!packed || !t->rank) return;
  int64_t *shape = tc_arena_copy(&s->arena, t->shape, t->rank * sizeof *shape);
  if (shape[t->rank - 1] <= INT64_MAX / p->pack) shape[t->rank - 1] *= p->pack;
  array->shape = shape;
  if (!t->strides) return;
  int64_t *strides = tc_arena_copy(&s->arena, t->strides, t->rank * sizeof *strides);
  for (uint32_t axis = 0; axis + 1 < t->rank; axis++)
    strides[axis] *= p->pack;
  array->strides = strides;
}

/* The last dimension of the array of a tensor of vectors holds the lanes. An array that is not like
 * that is left as it is, which fits no tensor of vectors. */
static void convert_lanes(const tc_buffer *b, const tilec_tensor *t, tc_array *array) {
  bool fits = b->elem.lanes > 1 && t->rank == b->rank + 1 && array->shape[b->rank] == b->elem.lanes;
  int64_t stride = 1;
  for (uint32_t axis = t->rank; fits && t->strides && axis-- > 0;) {
    fits = array->shape[axis] <= 1 || array->strides[axis] == stride;
    fits = fits && (array->shape[axis] <= 0 || stride <= INT64_MAX / array->shape[axis]);
    if (fits) stride *= array->shape[axis] > 0 ? array->shape[axis] : 1;
  }
  if (!fits) return;
  array->rank--;
  array->strides = NULL;
}

static tc_arg convert_arg(tc_session *s, const tilec_kernel *kernel, uint32_t i,
                          const tilec_arg *arg) {
  const tc_param *param = &kernel->ir->params.at[i];
  const tc_rt_param *p = &kernel->table->params[i];
  tc_arg out = {0};
  if (param->kind == TC_PARAM_SCALAR) {
    tc_type type = tc_var_at(kernel->ir, param->var)->type;
    double x = arg->kind == TILEC_ARG_FLOAT ? arg->as.f : (double)arg->as.i;
    out.scalar = tc_is_float(type) ? tc_imm_float(type, x) : tc_imm_int(type, arg->as.i);
    return out;
  }
  out.array.elem = tc_buf_at(kernel->ir, param->buf)->elem;
  if (arg->kind != TILEC_ARG_TENSOR || !arg->as.tensor) return out; /* absent */
  const tilec_tensor *t = arg->as.tensor;
  out.array.data = t->data ? (char *)t->data + t->byte_offset : NULL;
  out.array.rank = t->rank;
  out.array.poisoned = t->flags & TILEC_TENSOR_POISONED;
  convert_shape(s, p, t, &out.array);
  convert_lanes(tc_buf_at(kernel->ir, param->buf), t, &out.array);
  return out;
}

/* What the launch table can say is checked by it, so that both kinds of kernels refuse the same
 * arguments in the same words. */
static void check_arguments(tc_session *s, const interp_call *call) {
  const tc_rt_table *table = call->kernel->table;
  tc_rt_error rt = {0};
  char code[TC_CODE_B];
  if (tc_rt_check_devices(table, call->args, &rt))
    tc_session_stop(s, TILEC_ARGUMENT, tc_api_code_text(rt.code, code), "%s", rt.text);
  if (!call->kernel->checked) return;
  size_t n = (size_t)table->n_words + table->n_code;
  tc_rt_frame frame = {TC_NEW_ARRAY(&s->arena, n, int64_t),
                       TC_NEW_ARRAY(&s->arena, n, unsigned char),
                       TC_NEW_ARRAY(&s->arena, table->n_tensors, void *)};
  if (!tc_rt_check(table, call->args, call->n_args, &frame, &rt)) return;
  tc_session_stop(s, TILEC_ARGUMENT, tc_api_code_text(rt.code, code), "%s", rt.text);
}

static void run_interp(tc_session *s, void *data) {
  interp_call *call = data;
  tilec_kernel *kernel = call->kernel;
  s->diags->source = kernel->store.source;
  kernel->ir->diags = s->diags;
  if (call->n_args != kernel->table->n_params)
    tc_session_stop(s, TILEC_ARGUMENT, "E0630", "%s takes %u arguments, got %zu", kernel->name,
                    kernel->table->n_params, call->n_args);
  check_arguments(s, call);
  tc_arg *args = TC_NEW_ARRAY(&s->arena, call->n_args, tc_arg);
  for (uint32_t i = 0; i < call->n_args; i++)
    args[i] = convert_arg(s, kernel, i, &call->args[i]);
  tc_interp_limits limits = {
      .steps = tc_api_option_number(s->context, TC_OPTION_steps),
      .memory_b = tc_api_option_number(s->context, TC_OPTION_memory),
      .seed = tc_api_option_number(s->context, TC_OPTION_seed),
      .races = tc_api_option_number(s->context, TC_OPTION_races) != 0,
  };
  tc_interp_result result =
      tc_interp_run(kernel->ir, args, (uint32_t)call->n_args, &limits, print_text, s->context);
  if (!result.ok && !s->diags->n_errors)
    tc_bug(&s->unwind, "the interpreter failed without a diagnostic");
}

tilec_status tc_launch_interp(tilec_kernel *kernel, const tilec_arg *args, size_t n_args,
                              tilec_error **error) {
  tc_session session;
  interp_call call = {kernel, args, n_args};
  tc_session_start(&session, kernel->context);
  pthread_mutex_lock(&kernel->lock);
  tc_diags *diags = kernel->ir->diags;
  tc_unwind *unwind = kernel->ir->arena->unwind;
  tilec_status status = tc_api_guard(&session, run_interp, &call, error);
  kernel->ir->diags = diags;
  kernel->ir->arena->unwind = unwind;
  pthread_mutex_unlock(&kernel->lock);
  tc_session_end(&session);
  return status;
}

/* ---- the processor ---- */

static void print_env(void *ctx, const char *text, uint64_t n) {
  tc_context_print(ctx, text, (size_t)n);
}

/* Scalars of narrow float types are rounded here: rt/ knows no such formats. `rounded` has a place
 * for each parameter. */
static const tilec_arg *round_scalars(const tc_rt_table *table, const tilec_arg *args,
                                      tilec_arg *rounded) {
  for (uint32_t i = 0; i < table->n_params; i++) {
    const tc_rt_param *p = &table->params[i];
    rounded[i] = args[i];
    bool is_float = p->dtype >= TILEC_FLOAT16 && p->dtype < TILEC_POINTER;
    if (!(p->flags & TC_RT_SCALAR) || !is_float) continue;
    if (args[i].kind != TILEC_ARG_FLOAT && args[i].kind != TILEC_ARG_INT) continue;
    double x = args[i].kind == TILEC_ARG_FLOAT ? args[i].as.f : (double)args[i].as.i;
    rounded[i].kind = TILEC_ARG_FLOAT;
    rounded[i].as.f = tc_imm_float(tc_scalar_type(tc_table_dtype(p->dtype)), x).f;
  }
  return rounded;
}

static void launch_compiled(tilec_kernel *kernel, const tilec_arg *args, size_t n_args,
                            void *stream, tc_rt_error *rt) {
  if (kernel->cuda) {
    tc_cuda_launch(kernel->cuda, stream, args, n_args, rt);
  } else {
    tc_env env = {kernel->context, print_env};
    tc_cpu_launch(kernel->module, kernel->pool, args, n_args, &env, rt);
  }
}

static void launch_rounded(tilec_kernel *kernel, const tilec_arg *args, size_t n_args, void *stream,
                           tc_rt_error *rt) {
  tilec_arg rounded[TC_RT_MAX_PARAMS];
  bool whole = n_args == kernel->table->n_params;
  launch_compiled(kernel, whole ? round_scalars(kernel->table, args, rounded) : args, n_args,
                  stream, rt);
}

/* On a GPU, without waiting for it. */
static tilec_status launch(tilec_kernel *kernel, const tilec_arg *args, size_t n_args, void *stream,
                           tilec_error **error) {
  if (kernel->interpreted) return tc_launch_interp(kernel, args, n_args, error);
  if (kernel->sim) return tc_launch_sim(kernel, args, n_args, error);
  tc_rt_error rt;
  rt.code = 0; /* its text is large, and only written on an error */
  if (kernel->rounds) {
    launch_rounded(kernel, args, n_args, stream, &rt);
  } else {
    launch_compiled(kernel, args, n_args, stream, &rt);
  }
  return rt.code ? tc_api_fail_rt(error, kernel->context, &rt) : TILEC_OK;
}

static tilec_status wait(const tilec_kernel *kernel, const tilec_arg *args, size_t n_args,
                         tilec_error **error) {
  tc_cuda *cuda = kernel->context->cuda;
  tc_rt_error rt;
  rt.code = 0;
  if (!tc_cuda_wait(cuda, tc_cuda_device_of(cuda, kernel->table, args, n_args), NULL, &rt))
    return TILEC_OK;
  return tc_api_fail_rt(error, kernel->context, &rt);
}

tilec_status tilec_launch(tilec_kernel *kernel, const tilec_arg *args, size_t n_args,
                          tilec_error **error) {
  if (error) *error = NULL;
  if (!kernel || (n_args && !args)) return tc_api_usage(error, NULL, "tilec_launch: NULL argument");
  tilec_status status = launch(kernel, args, n_args, NULL, error);
  if (status == TILEC_OK && kernel->cuda) status = wait(kernel, args, n_args, error);
  return status;
}

tilec_status tilec_kernel_prepare(tilec_kernel *kernel, int32_t device_id, tilec_error **error) {
  tc_rt_error rt;
  if (error) *error = NULL;
  if (!kernel) return tc_api_usage(error, NULL, "tilec_kernel_prepare: NULL argument");
  if (!kernel->cuda) return TILEC_OK;
  rt.code = 0;
  if (!tc_cuda_prepare(kernel->cuda, device_id, &rt)) return TILEC_OK;
  return tc_api_fail_rt(error, kernel->context, &rt);
}

tilec_status tilec_launch_on(tilec_kernel *kernel, const tilec_arg *args, size_t n_args,
                             void *stream, tilec_error **error) {
  if (error) *error = NULL;
  if (!kernel || (n_args && !args))
    return tc_api_usage(error, NULL, "tilec_launch_on: NULL argument");
  if (stream && !kernel->cuda)
    return tc_api_usage(error, kernel->context, "tilec_launch_on: %s has no streams", kernel->name);
  return launch(kernel, args, n_args, stream, error);
}

/* ---- timing ---- */

static tilec_status time_cuda(tilec_kernel *kernel, const tilec_timing *t, const tilec_arg **sets,
                              uint64_t *times_ns, tilec_error **error) {
  const tc_cuda_timing timing = {sets,      t->n_sets,     t->n_args, t->n_warm,
                                 t->n_runs, t->flush != 0, t->peer};
  tc_rt_error rt;
  rt.code = 0;
  tc_cuda_time(kernel->cuda, &timing, times_ns, &rt);
  return rt.code ? tc_api_fail_rt(error, kernel->context, &rt) : TILEC_OK;
}

static tilec_status call_peer(const tilec_kernel *kernel, const tilec_timing *t, size_t run,
                              tilec_error **error) {
  int result = t->peer(t->sets[run % t->n_sets], t->n_args, NULL);
  if (!result) return TILEC_OK;
  return tc_api_fail(error, kernel->context, TILEC_ENVIRONMENT, "E0675",
                     "the peer of %s returned %d", kernel->name, result);
}

static tilec_status time_calls(tilec_kernel *kernel, const tilec_timing *t, uint64_t *times_ns,
                               tilec_error **error) {
  for (size_t i = 0; i < t->n_warm + t->n_runs; i++) {
    size_t run = i < t->n_warm ? i : i - t->n_warm;
    uint64_t start_ns = tc_rt_now_ns();
    tilec_status status = t->peer
                              ? call_peer(kernel, t, run, error)
                              : tilec_launch(kernel, t->sets[run % t->n_sets], t->n_args, error);
    if (status != TILEC_OK) return status;
    if (i >= t->n_warm) times_ns[run] = tc_rt_now_ns() - start_ns;
  }
  return TILEC_OK;
}

/* All sets with their scalars rounded, in one block of memory. */
static tilec_status time_rounded(tilec_kernel *kernel, const tilec_timing *t, uint64_t *times_ns,
                                 tilec_error **error) {
  size_t size_b = t->n_sets * (sizeof(tilec_arg *) + t->n_args * sizeof(tilec_arg));
  if (t->n_args != kernel->table->n_params || t->n_sets > 1 << 20)
    return tc_api_usage(error, kernel->context, "tilec_kernel_time: %s takes %u arguments",
                        kernel->name, kernel->table->n_params);
  const tilec_arg **sets = tc_api_new(kernel->context, size_b);
  if (!sets) return tc_api_no_memory(error);
  tilec_arg *args = (tilec_arg *)(void *)(sets + t->n_sets);
  for (size_t i = 0; i < t->n_sets; i++)
    sets[i] = round_scalars(kernel->table, t->sets[i], args + i * t->n_args);
  tilec_status status = time_cuda(kernel, t, sets, times_ns, error);
  tc_api_delete(kernel->context, sets, size_b);
  return status;
}

tilec_status tilec_kernel_time(tilec_kernel *kernel, const tilec_timing *timing, uint64_t *times_ns,
                               tilec_error **error) {
  tilec_timing t;
  if (error) *error = NULL;
  if (!kernel || !timing || !times_ns)
    return tc_api_usage(error, NULL, "tilec_kernel_time: NULL argument");
  if (!tc_api_read_struct(&t, sizeof t, timing) || !t.sets || !t.n_sets || !t.n_runs)
    return tc_api_usage(error, kernel->context,
                        "tilec_timing: size, sets, n_sets and n_runs must be set");
  return kernel->cuda ? time_rounded(kernel, &t, times_ns, error)
                      : time_calls(kernel, &t, times_ns, error);
}
