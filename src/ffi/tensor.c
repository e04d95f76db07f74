/* Tensors: element types as DLPack has them, and memory for what a kernel returns. */
#include "ffi/ffi.h"

#include <stdlib.h>
#include <string.h>

const tc_dl_tensor *tc_ffi_tensor_of(const tc_ffi_any *value) {
  if (value->type_index == TC_FFI_TENSOR) return tc_ffi_body(value->as.ptr);
  if (value->type_index == TC_FFI_DLTENSOR) return value->as.ptr;
  return NULL;
}

static uint32_t code_of(tc_ffi_dtype dtype) {
  return (uint32_t)dtype.code << 8 | dtype.bits;
}

tilec_dtype tc_ffi_dtype_of(tc_ffi_dtype dtype, tilec_dtype declared) {
  uint32_t code = code_of(dtype), wanted = tilec_dtype_dlpack(declared);
  if (dtype.lanes == 1) {
    if (code == wanted) return declared;
    for (int i = 1; i < TILEC_DTYPE_COUNT; i++)
      if (tilec_dtype_dlpack((tilec_dtype)i) == code) return (tilec_dtype)i;
    return TILEC_DTYPE_NONE;
  }
  /* A byte of narrow elements: extents count bytes, as in the type it is stored as. */
  bool is_byte = dtype.bits * dtype.lanes == 8 && code == wanted;
  return is_byte ? tilec_dtype_storage(declared) : TILEC_DTYPE_NONE;
}

tc_ffi_dtype tc_ffi_dtype_from(tilec_dtype dtype) {
  uint32_t code = tilec_dtype_dlpack(dtype);
  return (tc_ffi_dtype){(uint8_t)(code >> 8), (uint8_t)code, 1};
}

/* ---- making ---- */

/* A library other than this one may end it, from any thread. */
typedef struct own_tensor {
  tc_dl_managed managed;
  tilec_array *array;
  int64_t strides[TILEC_MAX_RANK];
} own_tensor;

static void end_own(tc_dl_managed *managed) {
  own_tensor *own = managed->manager;
  tilec_array_release(own->array);
  free(own);
}

static int make_own(tilec_context *context, tilec_dtype dtype, const tc_dl_tensor *prototype,
                    void **out) {
  tilec_error *error;
  own_tensor *own = calloc(1, sizeof *own);
  if (!own) return tc_ffi_no_memory();
  if (tilec_array_new_on(context, prototype->device.type, prototype->device.id, dtype,
                         (uint32_t)prototype->ndim, prototype->shape, &own->array, &error)) {
    free(own);
    return tc_ffi_raise_launch(error, "the memory of a result");
  }
  const tilec_tensor *t = tilec_array_tensor(own->array);
  int64_t stride = 1;
  for (uint32_t axis = t->rank; axis-- > 0;) {
    own->strides[axis] = stride;
    /* An empty tensor may have any other extents, and their product any value. */
    stride = (int64_t)((uint64_t)stride * (uint64_t)(t->shape[axis] ? t->shape[axis] : 1));
  }
  own->managed = (tc_dl_managed){.major = 1, .minor = 0, .manager = own, .deleter = end_own};
  own->managed.tensor = *prototype;
  own->managed.tensor.data = t->data;
  own->managed.tensor.shape = (int64_t *)(uintptr_t)t->shape;
  own->managed.tensor.strides = own->strides;
  if (tc_ffi.TensorFromDLPackVersioned(&own->managed, 0, 0, out) == 0) return 0;
  end_own(&own->managed);
  return -1;
}

/* What narrow elements are allocated as: whole bytes. */
static tilec_dtype allocated_as(tilec_dtype dtype, uint32_t rank, int64_t *shape) {
  uint64_t one = tilec_dtype_bytes(dtype, 1), eight = tilec_dtype_bytes(dtype, 8);
  if (!rank || one * 8 == eight) return dtype;
  int64_t per_byte = (int64_t)(8 / eight);
  shape[rank - 1] = shape[rank - 1] / per_byte + (shape[rank - 1] % per_byte != 0);
  return tilec_dtype_storage(dtype);
}

int tc_ffi_tensor_new(tilec_context *context, tilec_dtype dtype, uint32_t rank,
                      const int64_t *shape, tc_ffi_device device, tc_ffi_any *out) {
  int64_t extents[TILEC_MAX_RANK] = {0};
  void *tensor = NULL;
  memcpy(extents, shape, rank * sizeof *shape);
  tilec_dtype stored = allocated_as(dtype, rank, extents);
  tc_dl_tensor prototype = {.device = device,
                            .ndim = (int32_t)rank,
                            .dtype = tc_ffi_dtype_from(stored),
                            .shape = extents};
  bool has_allocator =
      tc_ffi.EnvGetDLPackManagedTensorAllocator && tc_ffi.EnvGetDLPackManagedTensorAllocator();
  int status = has_allocator ? tc_ffi.EnvTensorAlloc(&prototype, &tensor)
                             : make_own(context, stored, &prototype, &tensor);
  *out = tc_ffi_value(status ? NULL : tensor);
  return status;
}

/* ---- copying ---- */

/* As the C interface takes it; a TypeError when its elements have no name there. */
static int view_of(const tc_dl_tensor *from, tilec_tensor *to) {
  tilec_dtype dtype = tc_ffi_dtype_of(from->dtype, TILEC_DTYPE_NONE);
  if (!dtype)
    return tc_ffi_raise("TypeError",
                        "copy: no element type is of DLPack type code %u, %u bits, %u lanes",
                        from->dtype.code, from->dtype.bits, from->dtype.lanes);
  *to = (tilec_tensor){.size = sizeof *to,
                       .data = from->data,
                       .shape = from->shape,
                       .strides = from->strides,
                       .byte_offset = from->byte_offset,
                       .rank = (uint32_t)from->ndim,
                       .dtype = (uint16_t)dtype,
                       .device_type = from->device.type,
                       .device_id = from->device.id};
  return 0;
}

static int copy_to(tilec_context *context, const tc_dl_tensor *from, tc_ffi_device device,
                   tc_ffi_any *out) {
  tilec_tensor source, target;
  tilec_error *error;
  void *tensor;
  if (view_of(from, &source)) return -1;
  tc_dl_tensor prototype = *from;
  prototype.device = device;
  prototype.byte_offset = 0;
  if (make_own(context, (tilec_dtype)source.dtype, &prototype, &tensor)) return -1;
  *out = tc_ffi_value(tensor);
  int status = view_of(tc_ffi_tensor_of(out), &target);
  if (!status && tilec_tensor_copy(context, &target, &source, &error))
    status = tc_ffi_raise_launch(error, "copy");
  if (status) tc_ffi_drop(out);
  return status;
}

int tc_ffi_copy(void *self, const tc_ffi_any *args, int32_t n, tc_ffi_any *result) {
  tc_ffi_args a;
  tc_ffi_any config;
  (void)self;
  if (!tc_ffi_args_start(&a, "copy", args, n, 3, 4)) return -1;
  const tc_ffi_any *value = tc_ffi_take(&a);
  int64_t type = tc_ffi_take_int(&a, 0), id = tc_ffi_take_int(&a, 0);
  if (a.failed) return -1;
  const tc_dl_tensor *from = value ? tc_ffi_tensor_of(value) : NULL;
  if (!from)
    return tc_ffi_raise("TypeError", "copy: argument 0 is %s, expected a tensor",
                        value ? tc_ffi_what(value->type_index) : "None");
  if (type < 0 || type > INT32_MAX || id < 0 || id > INT32_MAX)
    return tc_ffi_raise("ValueError", "copy: there is no device of type %lld and number %lld",
                        (long long)type, (long long)id);
  if (tc_ffi_config_or_empty(tc_ffi_take(&a), "copy", &config)) return -1;
  tilec_context *context = tc_ffi_context_of(&config);
  int status =
      context ? copy_to(context, from, (tc_ffi_device){(int32_t)type, (int32_t)id}, result) : -1;
  tc_ffi_drop(&config);
  return status;
}
