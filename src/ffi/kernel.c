/* Kernel objects, and what can be asked about them. */
#include "ffi/ffi.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_ARGS = 256 };

/* ---- making ---- */

static int make_param(const tilec_kernel *kernel, size_t i, tc_ffi_any *out) {
  tilec_param row = {.size = sizeof row};
  tc_ffi_instance *p;
  tilec_kernel_param(kernel, i, &row);
  if (tc_ffi_new(TC_FFI_TYPE_Param, &p)) return -1;
  *out = tc_ffi_value(p);
  const char *kind = row.kind == TILEC_PARAM_TENSOR ? "tensor" : "scalar";
  const char *dtype = tilec_dtype_name((tilec_dtype)row.dtype);
  p->fields[TC_FFI_FIELD(Param, rank)] = tc_ffi_int(row.rank);
  p->fields[TC_FFI_FIELD(Param, flags)] = tc_ffi_int(row.flags);
  p->fields[TC_FFI_FIELD(Param, rtol)] = (tc_ffi_any){TC_FFI_FLOAT, 0, {.f = row.rtol}};
  p->fields[TC_FFI_FIELD(Param, atol)] = (tc_ffi_any){TC_FFI_FLOAT, 0, {.f = row.atol}};
  p->fields[TC_FFI_FIELD(Param, atol_scale)] = (tc_ffi_any){TC_FFI_FLOAT, 0, {.f = row.atol_scale}};
  return tc_ffi_string(row.name, strlen(row.name), &p->fields[TC_FFI_FIELD(Param, name)])
                 || tc_ffi_string(kind, strlen(kind), &p->fields[TC_FFI_FIELD(Param, kind)])
                 || tc_ffi_string(dtype, strlen(dtype), &p->fields[TC_FFI_FIELD(Param, dtype)])
             ? -1
             : 0;
}

static int make_dim(const tilec_kernel *kernel, size_t i, tc_ffi_any *out) {
  const char *name = tilec_kernel_dim(kernel, i);
  return tc_ffi_string(name, strlen(name), out);
}

typedef int make_item(const tilec_kernel *kernel, size_t i, tc_ffi_any *out);

static int make_list(const tilec_kernel *kernel, size_t n, make_item *make, tc_ffi_any *out) {
  tc_ffi_any *items = calloc(n ? n : 1, sizeof *items);
  if (!items) return tc_ffi_no_memory();
  int status = 0;
  for (size_t i = 0; i < n && !status; i++)
    status = make(kernel, i, &items[i]);
  if (!status) status = tc_ffi_array(items, (int32_t)n, out);
  for (size_t i = 0; i < n; i++)
    tc_ffi_drop(&items[i]);
  free(items);
  return status;
}

static int fill(tc_ffi_instance *object, tilec_kernel *kernel, const tilec_kernel_info *info,
                const tc_ffi_any *config) {
  const char *signature = tilec_kernel_signature(kernel);
  tc_ffi_any *fields = object->fields;
  tilec_context *context = tc_ffi_context_of(config);
  fields[TC_FFI_FIELD(Kernel, config)] = tc_ffi_share(config);
  fields[TC_FFI_FIELD(Kernel, cached)] = tc_ffi_bool(info->cached);
  fields[TC_FFI_FIELD(Kernel, compile_ns)] = tc_ffi_int((int64_t)info->compile_ns);
  fields[TC_FFI_FIELD(Kernel, toolchain_ns)] = tc_ffi_int((int64_t)info->toolchain_ns);
  fields[TC_FFI_FIELD(Kernel, device_type)] = tc_ffi_int(info->device_type);
  fields[TC_FFI_FIELD(Kernel, device_id)] = tc_ffi_int(info->device_id);
  return !context
         || tc_ffi_string(info->name, strlen(info->name), &fields[TC_FFI_FIELD(Kernel, name)])
         || tc_ffi_string(info->target, strlen(info->target), &fields[TC_FFI_FIELD(Kernel, target)])
         || tc_ffi_string(signature, strlen(signature), &fields[TC_FFI_FIELD(Kernel, signature)])
         || make_list(kernel, info->n_params, make_param, &fields[TC_FFI_FIELD(Kernel, params)])
         || make_list(kernel, info->n_dims, make_dim, &fields[TC_FFI_FIELD(Kernel, dims)])
         || tc_ffi_kernel_function(kernel, context, signature, NULL,
                                   &fields[TC_FFI_FIELD(Kernel, function)]);
}

int tc_ffi_kernel_object(tilec_kernel *kernel, const tc_ffi_any *config, tc_ffi_any *out) {
  tilec_kernel_info info = {.size = sizeof info};
  tc_ffi_instance *object;
  tilec_kernel_describe(kernel, &info);
  if (tc_ffi_new(TC_FFI_TYPE_Kernel, &object)) return tilec_kernel_release(kernel), -1;
  atomic_store(&object->handle, kernel);
  *out = tc_ffi_value(object);
  if (!fill(object, kernel, &info, config)) return 0;
  tc_ffi_drop(out);
  return -1;
}

/* ---- methods ---- */

static tc_ffi_instance *self_of(tc_ffi_args *a) {
  const tc_ffi_any *value = tc_ffi_take(a), none = {0};
  return tc_ffi_instance_of(value ? value : &none, TC_FFI_TYPE_Kernel, a->function);
}

int tc_ffi_kernel_bind(void *self, const tc_ffi_any *args, int32_t n, tc_ffi_any *result) {
  tc_ffi_args a;
  (void)self;
  if (!tc_ffi_args_start(&a, "Kernel.bind", args, n, 2, 2)) return -1;
  tc_ffi_instance *object = self_of(&a);
  const tc_ffi_seq *outs = object ? tc_ffi_take_list(&a) : NULL;
  if (!object || a.failed) return -1;
  tilec_kernel *kernel = atomic_load(&object->handle);
  tilec_context *context = tc_ffi_context_of(&object->fields[TC_FFI_FIELD(Kernel, config)]);
  return context
             ? tc_ffi_kernel_function(kernel, context, tilec_kernel_signature(kernel), outs, result)
             : -1;
}

static int give_shape(const int64_t *shape, uint32_t rank, tc_ffi_any *result) {
  tc_ffi_any items[TILEC_MAX_RANK];
  for (uint32_t axis = 0; axis < rank; axis++)
    items[axis] = tc_ffi_int(shape[axis]);
  return tc_ffi_array(items, (int32_t)rank, result);
}

int tc_ffi_kernel_shape_of(void *self, const tc_ffi_any *args, int32_t n, tc_ffi_any *result) {
  tilec_tensor tensors[MAX_ARGS];
  tilec_arg given[MAX_ARGS];
  int64_t shape[TILEC_MAX_RANK];
  tc_ffi_args a;
  tilec_error *error;
  (void)self;
  if (!tc_ffi_args_start(&a, "Kernel.shape", args, n, 2, MAX_ARGS)) return -1;
  tc_ffi_instance *object = self_of(&a);
  int64_t i = object ? tc_ffi_take_int(&a, 0) : 0;
  if (!object || a.failed) return -1;
  tilec_kernel *kernel = atomic_load(&object->handle);
  tilec_param param = {.size = sizeof param};
  if (i < 0 || tilec_kernel_param(kernel, (size_t)i, &param))
    return tc_ffi_raise("IndexError", "Kernel.shape: there is no parameter %lld", (long long)i);
  if (tc_ffi_launch_args(kernel, args + 2, n - 2, tensors, given)) return -1;
  if (tilec_kernel_shape(kernel, given, (size_t)n - 2, NULL, 0, (size_t)i, shape, &error))
    return tc_ffi_raise_launch(error, tilec_kernel_signature(kernel));
  return give_shape(shape, param.rank, result);
}

/* Names of dimensions, found among the kernel's own, so that they live long enough. */
static int read_dims(const tilec_kernel *kernel, const tc_ffi_seq *list, tilec_dim *dims) {
  if (list->n % 2) return tc_ffi_raise("ValueError", "Kernel.shape_with: a name has no value");
  for (int64_t i = 0; i < list->n / 2; i++) {
    tc_ffi_bytes name;
    const char *own = tilec_kernel_dim(kernel, 0);
    if (!tc_ffi_is_text(&list->at[2 * i], &name) || list->at[2 * i + 1].type_index != TC_FFI_INT)
      return tc_ffi_raise("TypeError", "Kernel.shape_with: names and ints, expected");
    for (size_t k = 1; own && (strlen(own) != name.n || memcmp(own, name.data, name.n) != 0); k++)
      own = tilec_kernel_dim(kernel, k);
    if (!own)
      return tc_ffi_raise("ValueError", "Kernel.shape_with: there is no dimension '%.*s'",
                          (int)name.n, name.data);
    dims[i] = (tilec_dim){own, list->at[2 * i + 1].as.i};
  }
  return 0;
}

int tc_ffi_kernel_shape_with(void *self, const tc_ffi_any *args, int32_t n, tc_ffi_any *result) {
  static const tilec_arg NO_ARGS[MAX_ARGS];
  tilec_dim dims[MAX_ARGS];
  int64_t shape[TILEC_MAX_RANK];
  tc_ffi_args a;
  tilec_error *error;
  (void)self;
  if (!tc_ffi_args_start(&a, "Kernel.shape_with", args, n, 3, 3)) return -1;
  tc_ffi_instance *object = self_of(&a);
  int64_t i = object ? tc_ffi_take_int(&a, 0) : 0;
  const tc_ffi_seq *list = object ? tc_ffi_take_list(&a) : NULL;
  if (!object || a.failed) return -1;
  tilec_kernel *kernel = atomic_load(&object->handle);
  tilec_param param = {.size = sizeof param};
  tilec_kernel_info info = {.size = sizeof info};
  if (i < 0 || tilec_kernel_param(kernel, (size_t)i, &param))
    return tc_ffi_raise("IndexError", "Kernel.shape_with: there is no parameter %lld",
                        (long long)i);
  if (tilec_kernel_describe(kernel, &info) || info.n_params > MAX_ARGS
      || (list && list->n > 2 * MAX_ARGS))
    return tc_ffi_raise("ValueError", "Kernel.shape_with: too many parameters or dimensions");
  if (list && read_dims(kernel, list, dims)) return -1;
  if (tilec_kernel_shape(kernel, NO_ARGS, info.n_params, dims, list ? (size_t)list->n / 2 : 0,
                         (size_t)i, shape, &error))
    return tc_ffi_raise_launch(error, tilec_kernel_signature(kernel));
  return give_shape(shape, param.rank, result);
}

int tc_ffi_kernel_resources(void *self, const tc_ffi_any *args, int32_t n, tc_ffi_any *result) {
  enum { N_FIELDS = 8, MAX_GRIDS = 64 };
  tc_ffi_any items[MAX_GRIDS * N_FIELDS];
  tc_ffi_args a;
  int32_t count = 0;
  (void)self;
  if (!tc_ffi_args_start(&a, "Kernel.resources", args, n, 1, 1)) return -1;
  tc_ffi_instance *object = self_of(&a);
  if (!object) return -1;
  tilec_kernel *kernel = atomic_load(&object->handle);
  for (size_t i = 0; i < MAX_GRIDS; i++) {
    tilec_resources row = {.size = sizeof row};
    if (tilec_kernel_resources(kernel, i, &row)) break;
    if (tc_ffi_string(row.name, strlen(row.name), &items[count])) {
      while (count)
        tc_ffi_drop(&items[--count]);
      return -1;
    }
    const uint32_t numbers[N_FIELDS - 1] = {row.threads,       row.registers, row.spill_stores_b,
                                            row.spill_loads_b, row.stack_b,   row.static_shared_b,
                                            row.shared_b};
    for (int k = 0; k < N_FIELDS - 1; k++)
      items[count + 1 + k] = tc_ffi_int(numbers[k]);
    count += N_FIELDS;
  }
  return tc_ffi_array(items, count, result);
}

int tc_ffi_kernel_diagnostics(void *self, const tc_ffi_any *args, int32_t n, tc_ffi_any *result) {
  tc_ffi_args a;
  (void)self;
  if (!tc_ffi_args_start(&a, "Kernel.diagnostics", args, n, 1, 1)) return -1;
  tc_ffi_instance *object = self_of(&a);
  if (!object) return -1;
  return tc_ffi_diagnostics(
      tilec_kernel_diagnostics(atomic_load(&object->handle), TILEC_FORMAT_JSON), result);
}

static int time_runs(tilec_kernel *kernel, tilec_timing *timing, tc_ffi_any *result) {
  uint64_t *times = calloc(timing->n_runs, sizeof *times);
  tc_ffi_any *items = calloc(timing->n_runs, sizeof *items);
  tilec_error *error;
  int status = times && items ? 0 : tc_ffi_no_memory();
  if (!status && tilec_kernel_time(kernel, timing, times, &error))
    status = tc_ffi_raise_launch(error, tilec_kernel_signature(kernel));
  for (size_t i = 0; !status && i < timing->n_runs; i++)
    items[i] = tc_ffi_int((int64_t)times[i]);
  if (!status) status = tc_ffi_array(items, (int32_t)timing->n_runs, result);
  free(times);
  free(items);
  return status;
}

int tc_ffi_kernel_time(void *self, const tc_ffi_any *args, int32_t n, tc_ffi_any *result) {
  enum { FIXED = 4, MAX_RUNS = 1000000 };
  tilec_tensor tensors[MAX_ARGS];
  tilec_arg given[MAX_ARGS];
  const tilec_arg *const sets[] = {given};
  tc_ffi_args a;
  (void)self;
  if (!tc_ffi_args_start(&a, "Kernel.time", args, n, FIXED, FIXED + MAX_ARGS)) return -1;
  tc_ffi_instance *object = self_of(&a);
  if (!object) return -1;
  int64_t n_warm = tc_ffi_take_int(&a, 0), n_runs = tc_ffi_take_int(&a, 1);
  int64_t flush = tc_ffi_take_int(&a, 0);
  if (a.failed) return -1;
  if (n_warm < 0 || n_warm > MAX_RUNS || n_runs < 1 || n_runs > MAX_RUNS)
    return tc_ffi_raise("ValueError", "Kernel.time: from 1 to %d runs, expected", MAX_RUNS);
  tilec_kernel *kernel = atomic_load(&object->handle);
  if (tc_ffi_launch_args(kernel, args + FIXED, n - FIXED, tensors, given)) return -1;
  tilec_timing timing = {.size = sizeof timing,
                         .sets = sets,
                         .n_sets = 1,
                         .n_args = (size_t)(n - FIXED),
                         .n_warm = (size_t)n_warm,
                         .n_runs = (size_t)n_runs,
                         .flush = flush != 0};
  return time_runs(kernel, &timing, result);
}
