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
