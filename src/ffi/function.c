/* Calls of kernels: from the caller's values to a launch, and back.
 *
 * The function that a Kernel holds is called without anything in between, so this is the whole host
 * side of a call in Python: read the values, launch, and make what is returned. Shapes, strides,
 * memory and the rest are checked by the launch; kinds that it does not know are refused here. */
#include "ffi/ffi.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_PARAMS = 256, FEW_PARAMS = 16 };

typedef struct parameter {
  const char *name;    /* lives as long as the kernel */
  tc_ffi_dtype dlpack; /* of whole elements */
  uint16_t dtype;
  uint8_t rank;
  bool is_tensor, is_pointer, is_out;
} parameter;

typedef struct kernel_function {
  tilec_kernel *kernel;
  tilec_context *context;
  char *signature;
  int32_t n_params, n_outs;
  tc_ffi_device device; /* where it runs */
  parameter params[];
} kernel_function;

static int refuse(const char *who, int32_t i, const char *name, const tc_ffi_any *value,
                  const char *wanted) {
  return tc_ffi_raise("TypeError", "%s: argument %d ('%s') is %s (type index %d), expected %s", who,
                      i, name, tc_ffi_what(value->type_index), value->type_index, wanted);
}

/* ---- reading ---- */

/* An unsigned number of 64 bits may need one more. */
static bool take_bigint(const parameter *p, const tc_ffi_any *value, tilec_arg *arg) {
  const tc_ffi_bigint *big = tc_ffi_body(value->as.ptr);
  if (p->dtype != TILEC_UINT64 || big->n != 2 || big->words[1] != 0) return false;
  memcpy(&arg->as.i, &big->words[0], sizeof arg->as.i);
  arg->kind = TILEC_ARG_INT;
  return true;
}

static int take_scalar(const char *who, int32_t i, const parameter *p, const tc_ffi_any *value,
                       tilec_arg *arg) {
  switch (value->type_index) {
  case TC_FFI_INT:
  case TC_FFI_BOOL:
    if (value->as.i < 0 && p->dtype == TILEC_UINT64) /* a launch would take its bits */
      return tc_ffi_raise("ValueError",
                          "%s: argument '%s' is %lld, which uint64 does not hold (0 to "
                          "18446744073709551615) [E0639]",
                          who, p->name, (long long)value->as.i);
    arg->kind = TILEC_ARG_INT;
    arg->as.i = value->as.i;
    return 0;
  case TC_FFI_FLOAT:
    arg->kind = TILEC_ARG_FLOAT;
    arg->as.f = value->as.f;
    return 0;
  case TC_FFI_BIGINT:
    if (take_bigint(p, value, arg)) return 0;
    return tc_ffi_raise("OverflowError",
                        "%s: argument %d ('%s') is an int of more than 64 bits, expected %s", who,
                        i, p->name, tilec_dtype_name((tilec_dtype)p->dtype));
  default:
    return refuse(who, i, p->name, value, "a number");
  }
}

static inline void copy_tensor(const tc_dl_tensor *from, uint16_t dtype, tilec_tensor *to) {
  to->size = sizeof *to;
  to->data = from->data;
  to->shape = from->shape;
  to->strides = from->strides;
  to->byte_offset = from->byte_offset;
  to->rank = (uint32_t)from->ndim; /* a negative one is no declared rank */
  to->dtype = dtype;
  to->flags = 0;
  to->device_type = from->device.type;
  to->device_id = from->device.id;
}

static inline bool same_dtype(tc_ffi_dtype a, tc_ffi_dtype b) {
  return memcmp(&a, &b, sizeof a) == 0; /* one comparison of 32 bits */
}

static int fill_tensor(const char *who, int32_t i, const parameter *p, const tc_dl_tensor *from,
                       tilec_tensor *to) {
  bool plain = same_dtype(from->dtype, p->dlpack);
  copy_tensor(from,
              plain ? p->dtype : (uint16_t)tc_ffi_dtype_of(from->dtype, (tilec_dtype)p->dtype), to);
  if (to->dtype || p->is_pointer) return 0;
  return tc_ffi_raise("TypeError",
                      "%s: argument %d ('%s') holds elements of DLPack type code %u, %u bits, %u "
                      "lanes, expected %s",
                      who, i, p->name, from->dtype.code, from->dtype.bits, from->dtype.lanes,
                      tilec_dtype_name((tilec_dtype)p->dtype));
}

static int take_tensor(const char *who, int32_t i, const parameter *p, tc_ffi_device device,
                       const tc_ffi_any *value, tilec_tensor *to, tilec_arg *arg) {
  arg->kind = TILEC_ARG_TENSOR;
  arg->as.tensor = to;
  if (value->type_index == TC_FFI_TENSOR)
    return fill_tensor(who, i, p, tc_ffi_body(value->as.ptr), to);
  if (value->type_index == TC_FFI_DLTENSOR && value->as.ptr)
    return fill_tensor(who, i, p, value->as.ptr, to);
  if (value->type_index == TC_FFI_NONE) return arg->kind = TILEC_ARG_NONE, 0;
  bool is_address = value->type_index == TC_FFI_POINTER || value->type_index == TC_FFI_INT;
  if (!p->is_pointer || !is_address)
    return refuse(who, i, p->name, value,
                  p->is_pointer ? "a tensor, a pointer or an address" : "a tensor");
  void *address = value->as.ptr;
  if (value->type_index == TC_FFI_INT) address = (void *)(uintptr_t)value->as.i;
  if (!address) return arg->kind = TILEC_ARG_NONE, 0;
  *to = (tilec_tensor){.size = sizeof *to,
                       .data = address,
                       .dtype = p->dtype,
                       .device_type = device.type,
                       .device_id = device.id};
  return 0;
}

static int take_argument(const char *who, int32_t i, const parameter *p, tc_ffi_device device,
                         const tc_ffi_any *value, tilec_tensor *tensor, tilec_arg *arg) {
  arg->reserved = 0;
  return p->is_tensor ? take_tensor(who, i, p, device, value, tensor, arg)
                      : take_scalar(who, i, p, value, arg);
}

/* ---- calling ---- */

/* The device of the first tensor there, or where the kernel was made for. */
static tc_ffi_device device_of(const kernel_function *f, const tilec_arg *args) {
  for (int32_t i = 0; i < f->n_params; i++) {
    if (!f->params[i].is_tensor || args[i].kind != TILEC_ARG_TENSOR) continue;
    const tilec_tensor *t = args[i].as.tensor;
    if (t->device_type == f->device.type) return (tc_ffi_device){t->device_type, t->device_id};
  }
  return f->device;
}

/* A bare address is of the device that the tensors beside it are on, if there are any. */
static void place_addresses(const kernel_function *f, tilec_tensor *tensors,
                            const tilec_arg *args) {
  const tilec_tensor *known = NULL;
  for (int32_t i = 0; i < f->n_params && !known; i++)
    if (args[i].kind == TILEC_ARG_TENSOR && args[i].as.tensor->shape) known = args[i].as.tensor;
  for (int32_t i = 0; i < f->n_params && known; i++) {
    if (!f->params[i].is_pointer || args[i].kind != TILEC_ARG_TENSOR || tensors[i].shape) continue;
    tensors[i].device_type = known->device_type;
    tensors[i].device_id = known->device_id;
  }
}

static int launch(const kernel_function *f, tilec_tensor *tensors, const tilec_arg *args) {
  tilec_error *error;
  void *stream = NULL;
  if (f->device.type == TILEC_DEVICE_CUDA) {
    place_addresses(f, tensors, args);
    tc_ffi_device device = device_of(f, args);
    stream = tc_ffi.EnvGetStream(device.type, device.id);
  }
  if (tilec_launch_on(f->kernel, args, (size_t)f->n_params, stream, &error) == TILEC_OK) return 0;
  return tc_ffi_raise_launch(error, f->signature);
}

static int refuse_count(const kernel_function *f, int32_t n) {
  if (f->n_outs)
    return tc_ffi_raise("TypeError", "%s takes %d arguments, or %d with its outputs, got %d",
                        f->signature, f->n_params - f->n_outs, f->n_params, n);
  return tc_ffi_raise("TypeError", "%s takes %d arguments, got %d", f->signature, f->n_params, n);
}

/* Makes output i, whose shape follows from the arguments that are there. */
static int make_out(const kernel_function *f, int32_t i, tilec_tensor *tensor, tilec_arg *args,
                    tc_ffi_any *out) {
  const parameter *p = &f->params[i];
  int64_t shape[TILEC_MAX_RANK];
  tilec_error *error;
  *out = (tc_ffi_any){0};
  if (tilec_kernel_shape(f->kernel, args, (size_t)f->n_params, NULL, 0, (size_t)i, shape, &error))
    return tc_ffi_raise_launch(error, f->signature);
  if (tc_ffi_tensor_new(f->context, (tilec_dtype)p->dtype, p->rank, shape, device_of(f, args), out))
    return -1;
  return take_tensor(f->signature, i, p, f->device, out, tensor, &args[i]);
}

/* The made tensors are the caller's, or nobody's. */
static int call_with_outs(const kernel_function *f, const tc_ffi_any *given, tc_ffi_any *result) {
  tilec_tensor tensors[MAX_PARAMS];
  tilec_arg args[MAX_PARAMS];
  tc_ffi_any outs[MAX_PARAMS];
  int32_t n_outs = 0, next = 0;
  for (int32_t i = 0; i < f->n_params; i++) {
    args[i] = (tilec_arg){.kind = TILEC_ARG_NONE};
    if (f->params[i].is_out) continue;
    if (take_argument(f->signature, next, &f->params[i], f->device, &given[next], &tensors[i],
                      &args[i]))
      return -1;
    next++;
  }
  int status = 0;
  for (int32_t i = 0; i < f->n_params && !status; i++)
    if (f->params[i].is_out) {
      status = make_out(f, i, &tensors[i], args, &outs[n_outs]);
      if (outs[n_outs].type_index != TC_FFI_NONE) n_outs++;
    }
  if (!status) status = launch(f, tensors, args);
  if (!status && f->n_outs == 1) return *result = outs[0], 0;
  if (!status) return tc_ffi_array(outs, n_outs, result);
  while (n_outs)
    tc_ffi_drop(&outs[--n_outs]);
  return -1;
}

/* What nearly every argument is: a tensor of the declared type. False says nothing about it. */
static inline bool take_usual(const parameter *p, const tc_ffi_any *value, tilec_tensor *to,
                              tilec_arg *arg) {
  if (!p->is_tensor || value->type_index != TC_FFI_TENSOR) return false;
  const tc_dl_tensor *from = tc_ffi_body(value->as.ptr);
  if (!same_dtype(from->dtype, p->dlpack)) return false;
  copy_tensor(from, p->dtype, to);
  *arg = (tilec_arg){.kind = TILEC_ARG_TENSOR, .as.tensor = to};
  return true;
}

static inline int call_with(const kernel_function *f, const tc_ffi_any *given,
                            tilec_tensor *tensors, tilec_arg *args) {
  for (int32_t i = 0; i < f->n_params; i++) {
    const parameter *p = &f->params[i];
    if (take_usual(p, &given[i], &tensors[i], &args[i])) continue;
    if (take_argument(f->signature, i, p, f->device, &given[i], &tensors[i], &args[i])) return -1;
  }
  return launch(f, tensors, args);
}

/* The many are not kept where the few are: what a call touches lies in few pages of the stack. */
static int call_with_many(const kernel_function *f, const tc_ffi_any *given) {
  tilec_tensor tensors[MAX_PARAMS];
  tilec_arg args[MAX_PARAMS];
  return call_with(f, given, tensors, args);
}

static int call_with_few(const kernel_function *f, const tc_ffi_any *given) {
  tilec_tensor tensors[FEW_PARAMS];
  tilec_arg args[FEW_PARAMS];
  return call_with(f, given, tensors, args);
}

static int call_kernel(void *self, const tc_ffi_any *given, int32_t n, tc_ffi_any *result) {
  const kernel_function *f = self;
  if (n == f->n_params) return n <= FEW_PARAMS ? call_with_few(f, given) : call_with_many(f, given);
  return f->n_outs && n == f->n_params - f->n_outs ? call_with_outs(f, given, result)
                                                   : refuse_count(f, n);
}

/* ---- making ---- */

static void end_function(void *self) {
  kernel_function *f = self;
  tilec_kernel_release(f->kernel);
  tilec_context_release(f->context);
  free(f->signature);
  free(f);
}

static void read_parameter(const tilec_kernel *kernel, int32_t i, parameter *p) {
  tilec_param param = {.size = sizeof param};
  tilec_kernel_param(kernel, (size_t)i, &param);
  *p = (parameter){.name = param.name,
                   .dtype = param.dtype,
                   .dlpack = tc_ffi_dtype_from((tilec_dtype)param.dtype),
                   .rank = (uint8_t)param.rank,
                   .is_tensor = param.kind == TILEC_PARAM_TENSOR,
                   .is_pointer = param.flags & TILEC_PARAM_POINTER,
                   .is_out = param.flags & TILEC_PARAM_RESULT};
}

static int mark_outs(kernel_function *f, const tc_ffi_seq *outs) {
  for (int64_t k = 0; outs && k < outs->n; k++) {
    if (outs->at[k].type_index != TC_FFI_INT)
      return tc_ffi_raise("TypeError", "%s: an output is %s, expected the number of a parameter",
                          f->signature, tc_ffi_what(outs->at[k].type_index));
    int64_t i = outs->at[k].as.i, at = i < 0 ? i + f->n_params : i;
    if (at < 0 || at >= f->n_params)
      return tc_ffi_raise("IndexError", "%s has %d parameters, but output %lld was asked for",
                          f->signature, f->n_params, (long long)i);
    parameter *p = &f->params[at];
    if (!p->is_tensor || p->is_pointer)
      return tc_ffi_raise("ValueError",
                          "%s: '%s' cannot be an output: it is no tensor with a shape",
                          f->signature, p->name);
    p->is_out = true;
  }
  for (int32_t i = 0; i < f->n_params; i++)
    f->n_outs += f->params[i].is_out;
  return 0;
}

int tc_ffi_kernel_function(tilec_kernel *kernel, tilec_context *context, const char *signature,
                           const tc_ffi_seq *outs, tc_ffi_any *out) {
  tilec_kernel_info info = {.size = sizeof info};
  tilec_kernel_describe(kernel, &info);
  if (info.n_params > MAX_PARAMS)
    return tc_ffi_raise("ValueError", "%s has more than %d parameters", signature, MAX_PARAMS);
  size_t n = strlen(signature) + 1;
  kernel_function *f = calloc(1, sizeof *f + info.n_params * sizeof *f->params);
  char *copy = malloc(n);
  if (!f || !copy) return free(f), free(copy), tc_ffi_no_memory();
  f->kernel = tilec_kernel_retain(kernel);
  f->context = tilec_context_retain(context);
  f->signature = memcpy(copy, signature, n);
  f->n_params = (int32_t)info.n_params;
  f->device = (tc_ffi_device){info.device_type, info.device_id};
  for (int32_t i = 0; i < f->n_params; i++)
    read_parameter(kernel, i, &f->params[i]);
  void *function = NULL;
  if (mark_outs(f, outs) || tc_ffi.FunctionCreate(f, call_kernel, end_function, &function)) {
    end_function(f);
    return -1;
  }
  *out = tc_ffi_value(function);
  return 0;
}

int tc_ffi_launch_args(const tilec_kernel *kernel, const tc_ffi_any *given, int32_t n,
                       tilec_tensor *tensors, tilec_arg *args) {
  tilec_kernel_info info = {.size = sizeof info};
  tilec_kernel_describe(kernel, &info);
  if ((size_t)n != info.n_params)
    return tc_ffi_raise("TypeError", "%s has %d parameters, got %d arguments", info.name,
                        (int)info.n_params, n);
  for (int32_t i = 0; i < n; i++) {
    parameter p;
    read_parameter(kernel, i, &p);
    args[i] = (tilec_arg){.kind = TILEC_ARG_NONE};
    if (given[i].type_index != TC_FFI_NONE
        && take_argument(info.name, i, &p, (tc_ffi_device){info.device_type, info.device_id},
                         &given[i], &tensors[i], &args[i]))
      return -1;
  }
  return 0;
}
