/* Element types, arrays, and what is done with their contents: filling and comparing. */
#include "api/api_impl.h"

#include "base/floats.h"
#include "ir/scalar.h"
#include "rt/aot_tensor.h"
#include "rt/os.h"
#include "target/common/table.h"

#include <math.h>
#include <string.h>

/* ---- element types ---- */

const char *tilec_dtype_name(tilec_dtype dtype) {
  return tc_rt_dtype_bits((uint32_t)dtype) ? tc_rt_dtype_name((uint32_t)dtype) : NULL;
}

tilec_dtype tilec_dtype_find(const char *name) {
  enum tc_dtype dtype;
  return name && tc_dtype_find(tc_str_of(name), &dtype) ? tc_table_code(dtype) : TILEC_DTYPE_NONE;
}

/* Storage bits of one element: 6-bit types take a byte. */
static uint32_t stored_bits(uint32_t dtype) {
  uint32_t bits = tc_rt_dtype_bits(dtype);
  return bits == 6 ? 8 : bits;
}

uint64_t tilec_dtype_bytes(tilec_dtype dtype, uint64_t n) {
  uint32_t bits = stored_bits((uint32_t)dtype);
  if (bits >= 8 && n > UINT64_MAX / (bits / 8)) return UINT64_MAX;
  if (bits >= 8) return n * (bits / 8);
  return bits ? n / (8 / bits) + (n % (8 / bits) != 0) : 0;
}

tilec_dtype tilec_dtype_storage(tilec_dtype dtype) {
  return tc_table_code(tc_dtype_row(tc_table_dtype((uint32_t)dtype))->storage);
}

uint32_t tilec_dtype_dlpack(tilec_dtype dtype) {
  static const uint16_t CODES[TILEC_DTYPE_COUNT] = {
#define X(id, code, name, bits) [code] = TILEC_AOT_##id,
      TILEC_DTYPES(X)
#undef X
  };
  return (unsigned)dtype < TILEC_DTYPE_COUNT ? CODES[dtype] : 0;
}

/* ---- arrays ---- */

struct tilec_array {
  atomic_uint n_refs;
  tilec_context *context;
  size_t data_b;
  bool on_device; /* the data is memory of the context's driver */
  tilec_tensor view;
  int64_t shape[TILEC_MAX_RANK];
};

enum { ARRAY_ALIGN_B = 64 };
/* Below this size asking how much memory there is costs more than it tells. */
static const uint64_t SMALL_B = UINT64_C(64) << 20;

static bool count_elements(uint32_t rank, const int64_t *shape, uint64_t *n) {
  bool overflow = false;
  *n = 1;
  for (uint32_t i = 0; i < rank; i++) {
    uint64_t extent = (uint64_t)shape[i];
    if (extent == 0) return *n = 0, true;
    overflow = overflow || *n > (UINT64_MAX >> 1) / extent;
    *n *= extent;
  }
  return !overflow;
}

/* The bytes of an array, or a status with an error. */
static tilec_status measure(const tilec_context *context, tilec_dtype dtype, uint32_t rank,
                            const int64_t *shape, uint64_t *data_b, tilec_error **error) {
  uint64_t n;
  if (rank > TILEC_MAX_RANK || !tilec_dtype_name(dtype))
    return tc_api_usage(error, context, "tilec_array_new: rank %u or dtype %d", rank, (int)dtype);
  for (uint32_t i = 0; i < rank; i++)
    if (shape[i] < 0)
      return tc_api_usage(error, context, "tilec_array_new: extent %u is %lld", i,
                          (long long)shape[i]);
  *data_b = count_elements(rank, shape, &n) ? tilec_dtype_bytes(dtype, n) : UINT64_MAX;
  return TILEC_OK;
}

/* Zeros in host memory. */
static tilec_status take_memory(tilec_array *array, tilec_dtype dtype, uint64_t data_b,
                                tilec_error **error) {
  if (data_b > SIZE_MAX / 2 || (data_b > SMALL_B && data_b > tc_rt_memory_b("")))
    return tc_api_fail(error, array->context, TILEC_MEMORY, "E0654",
                       "an array of %s needs more memory than this machine has",
                       tilec_dtype_name(dtype));
  array->view.data = tc_rt_alloc(tc_api_hooks(array->context), (size_t)data_b, ARRAY_ALIGN_B);
  if (!array->view.data) return tc_api_no_memory(error);
  memset(array->view.data, 0, (size_t)data_b);
  return TILEC_OK;
}

static tilec_status take_device_memory(tilec_array *array, int32_t device, uint64_t data_b,
                                       tilec_error **error) {
  tc_rt_error rt;
  rt.code = 0;
  tc_cuda *cuda = tc_context_cuda(array->context, &rt);
  if (cuda && !tc_cuda_device_at(cuda, device))
    tc_rt_fail(&rt, TC_RT_E_NO_CUDA, "there is no CUDA device %d, only %u", (int)device,
               tc_cuda_count(cuda));
  if (!rt.code) tc_cuda_alloc(cuda, device, data_b, &array->view.data, &rt);
  if (rt.code) return tc_api_fail_rt(error, array->context, &rt);
  array->on_device = true;
  array->view.device_type = TILEC_DEVICE_CUDA;
  array->view.device_id = device;
  return TILEC_OK;
}

tilec_status tilec_array_new_on(tilec_context *context, int32_t device_type, int32_t device_id,
                                tilec_dtype dtype, uint32_t rank, const int64_t *shape,
                                tilec_array **out, tilec_error **error) {
  uint64_t data_b = 0;
  if (error) *error = NULL;
  if (out) *out = NULL;
  if (!context || !out || (rank && !shape))
    return tc_api_usage(error, context, "tilec_array_new: NULL argument");
  bool host = device_type == 0 || device_type == TILEC_DEVICE_HOST;
  if (!host && device_type != TILEC_DEVICE_CUDA)
    return tc_api_usage(error, context, "tilec_array_new_on: device type %d", (int)device_type);
  tilec_status status = measure(context, dtype, rank, shape, &data_b, error);
  if (status != TILEC_OK) return status;
  tilec_array *array = tc_api_new(context, sizeof *array);
  if (!array) return tc_api_no_memory(error);
  atomic_init(&array->n_refs, 1);
  array->context = tilec_context_retain(context);
  array->data_b = (size_t)data_b;
  if (rank) memcpy(array->shape, shape, rank * sizeof *shape);
  array->view = (tilec_tensor){
      .size = sizeof array->view, .shape = array->shape, .rank = rank, .dtype = (uint16_t)dtype};
  status = host ? take_memory(array, dtype, data_b, error)
                : take_device_memory(array, device_id, data_b, error);
  if (status != TILEC_OK) {
    tilec_array_release(array);
  } else {
    *out = array;
  }
  return status;
}

tilec_status tilec_array_new(tilec_context *context, tilec_dtype dtype, uint32_t rank,
                             const int64_t *shape, tilec_array **out, tilec_error **error) {
  return tilec_array_new_on(context, TILEC_DEVICE_HOST, 0, dtype, rank, shape, out, error);
}

tilec_array *tilec_array_retain(tilec_array *array) {
  if (array) atomic_fetch_add_explicit(&array->n_refs, 1, memory_order_relaxed);
  return array;
}

void tilec_array_release(tilec_array *array) {
  if (!array || atomic_fetch_sub_explicit(&array->n_refs, 1, memory_order_acq_rel) != 1) return;
  tilec_context *context = array->context;
  if (array->on_device) {
    tc_cuda_free(context->cuda, array->view.device_id, array->view.data);
  } else {
    tc_rt_free(tc_api_hooks(context), array->view.data, array->data_b);
  }
  tc_api_delete(context, array, sizeof *array);
  tilec_context_release(context);
}

const tilec_tensor *tilec_array_tensor(const tilec_array *array) {
  return array ? &array->view : NULL;
}
size_t tilec_array_bytes(const tilec_array *array) {
  return array ? array->data_b : 0;
}

/* ---- contents ---- */

/* A row-major tensor read as one element type. */
typedef struct elements {
  unsigned char *at;
  tc_type type;
  uint32_t bits;
  uint64_t n;
  uint32_t rank;
  int64_t shape[TILEC_MAX_RANK]; /* in elements of the type */
} elements;

/* Wherever it lies. */
static const char *open_anywhere(const tilec_tensor *t, tilec_dtype dtype, elements *e) {
  tilec_tensor v;
  if (!t || !tc_api_read_struct(&v, sizeof v, t)) return "tensor is NULL or has no size";
  uint32_t bits = stored_bits((uint32_t)dtype), own = stored_bits(v.dtype);
  if (!bits || !own) return "unknown dtype";
  if (v.rank > TILEC_MAX_RANK || (v.rank && !v.shape)) return "bad rank or no shape";
  bool packed = bits < 8 && own == 8;
  if (own != bits && !packed) return "the dtype is not stored like the tensor's";
  *e = (elements){.at = (unsigned char *)v.data + v.byte_offset,
                  .type = tc_scalar_type(tc_table_dtype((uint32_t)dtype)),
                  .bits = bits,
                  .rank = v.rank};
  for (uint32_t i = 0; i < v.rank; i++)
    e->shape[i] = v.shape[i];
  if (packed && v.rank && e->shape[v.rank - 1] <= INT64_MAX / 8)
    e->shape[v.rank - 1] *= 8 / (int64_t)bits;
  int64_t stride = 1;
  for (uint32_t i = v.rank; i-- > 0;) {
    if (v.shape[i] < 0) return "negative extent";
    if (v.strides && v.shape[i] != 1 && v.strides[i] != stride)
      return "the tensor is not row-major";
    stride = (int64_t)((uint64_t)stride * (uint64_t)v.shape[i]);
  }
  if (!count_elements(e->rank, e->shape, &e->n)) return "too many elements";
  return e->n && !v.data ? "no memory" : NULL;
}

static const char *open_elements(const tilec_tensor *t, tilec_dtype dtype, elements *e) {
  const char *why = open_anywhere(t, dtype, e);
  return why                                       ? why
         : tc_rt_device_of(t) == TILEC_DEVICE_CUDA ? "the tensor is not in host memory"
                                                   : NULL;
}

/* ---- copies ---- */

static const char *bytes_of(const tilec_tensor *t, elements *e, uint64_t *size_b) {
  if (!t) return "tensor is NULL";
  const char *why = open_anywhere(t, (tilec_dtype)t->dtype, e);
  if (!why) *size_b = tilec_dtype_bytes((tilec_dtype)t->dtype, e->n);
  return why;
}

tilec_status tilec_tensor_copy(tilec_context *context, const tilec_tensor *to,
                               const tilec_tensor *from, tilec_error **error) {
  elements x, y;
  uint64_t to_b = 0, from_b = 0;
  if (error) *error = NULL;
  if (!context) return tc_api_usage(error, NULL, "tilec_tensor_copy: NULL argument");
  const char *why = bytes_of(to, &x, &to_b);
  if (!why) why = bytes_of(from, &y, &from_b);
  if (!why && to_b != from_b) why = "the tensors differ in size";
  if (why) return tc_api_usage(error, context, "tilec_tensor_copy: %s", why);
  bool to_device = tc_rt_device_of(to) == TILEC_DEVICE_CUDA;
  bool from_device = tc_rt_device_of(from) == TILEC_DEVICE_CUDA;
  if (to_device && from_device && to->device_id != from->device_id)
    return tc_api_usage(error, context, "tilec_tensor_copy: the tensors lie on two devices");
  if (!to_device && !from_device) {
    if (to_b) memmove(x.at, y.at, (size_t)to_b);
    return TILEC_OK;
  }
  tc_rt_error rt;
  rt.code = 0;
  tc_cuda *cuda = tc_context_cuda(context, &rt);
  int32_t device = to_device ? to->device_id : from->device_id;
  if (cuda) tc_cuda_copy(cuda, device, x.at, to_device, y.at, from_device, to_b, &rt);
  return rt.code ? tc_api_fail_rt(error, context, &rt) : TILEC_OK;
}

/* ---- elements ---- */

static tc_imm get_element(const elements *e, uint64_t i) {
  uint64_t bits = 0;
  if (e->bits == 4) {
    bits = tc_nibble_get(e->at, (int64_t)i);
  } else if (e->bits == 2) {
    bits = tc_crumb_get(e->at, (int64_t)i);
  } else {
    memcpy(&bits, e->at + i * (e->bits / 8), e->bits / 8); /* little-endian hosts only */
  }
  return tc_imm_from_bits(e->type, bits);
}

static void set_element(const elements *e, uint64_t i, tc_imm x) {
  uint64_t bits = tc_imm_to_bits(e->type, x);
  if (e->bits == 4) {
    tc_nibble_set(e->at, (int64_t)i, (uint8_t)bits);
  } else if (e->bits == 2) {
    tc_crumb_set(e->at, (int64_t)i, (uint8_t)bits);
  } else {
    memcpy(e->at + i * (e->bits / 8), &bits, e->bits / 8);
  }
}

static double element_as_double(const elements *e, uint64_t i) {
  tc_imm x = get_element(e, i);
  if (tc_is_float(e->type)) return x.f;
  return e->type.dtype == TC_DT_uint64 ? (double)(uint64_t)x.i : (double)x.i;
}

/* One random number per position, so that the contents do not depend on any order. */
static uint64_t random_at(uint64_t seed, uint64_t i) {
  return tc_hash_u64(tc_hash_u64(seed ^ UINT64_C(0x9E3779B97F4A7C15)) + i);
}

static tc_imm random_element(tc_type type, uint64_t r) {
  if (type.dtype == TC_DT_float8_e8m0fnu) return tc_imm_float(type, ldexp(1, (int)(r % 5) - 2));
  if (tc_is_float(type)) {
    double x = (double)(r >> 11) * 0x1p-52 - 1; /* [-1, 1) */
    tc_imm imm = tc_imm_float(type, x);
    if (imm.f >= 1) imm = tc_imm_float(type, 0.5); /* rounded up to the open end */
    return imm;
  }
  if (tc_is_bool(type)) return (tc_imm){.i = (int64_t)(r & 1)};
  int64_t lowest = tc_imm_lowest(type).i, x = (int64_t)(r >> 33) % 16;
  if (tc_type_bits(type) < 4) return tc_imm_int(type, x);
  return (tc_imm){.i = lowest < 0 ? x - 8 : x % 8};
}

tilec_status tilec_tensor_random(const tilec_tensor *tensor, tilec_dtype dtype, uint64_t seed,
                                 tilec_error **error) {
  elements e;
  if (error) *error = NULL;
  const char *why = open_elements(tensor, dtype, &e);
  if (why) return tc_api_usage(error, NULL, "tilec_tensor_random: %s", why);
  for (uint64_t i = 0; i < e.n; i++)
    set_element(&e, i, random_element(e.type, random_at(seed, i)));
  return TILEC_OK;
}

double tilec_tensor_magnitude(const tilec_tensor *tensor, tilec_dtype dtype) {
  elements e;
  double most = 0;
  if (open_elements(tensor, dtype, &e)) return 0;
  for (uint64_t i = 0; i < e.n; i++) {
    double x = fabs(element_as_double(&e, i));
    if (x > most && isfinite(x)) most = x;
  }
  return most;
}

static void unravel(const elements *e, uint64_t i, int64_t index[TILEC_MAX_RANK]) {
  for (uint32_t axis = e->rank; axis-- > 0;) {
    uint64_t extent = (uint64_t)e->shape[axis];
    index[axis] = (int64_t)(i % extent);
    i /= extent;
  }
}

static void compare_all(const elements *got, const elements *wanted, double rtol, double atol,
                        tilec_difference *d) {
  for (uint64_t i = 0; i < got->n; i++) {
    double x = element_as_double(got, i), y = element_as_double(wanted, i);
    if (x == y || (isnan(x) && isnan(y))) continue;
    double off = fabs(x - y), bound = rtol * fabs(y) + atol;
    bool bad = !(off <= bound) || isinf(x) || isinf(y);
    if (off > d->worst || isnan(off)) d->worst = isnan(off) ? INFINITY : off;
    if (!bad || d->n_bad++) continue;
    unravel(got, i, d->index);
    d->got = x, d->wanted = y, d->bound = bound;
  }
}

tilec_status tilec_tensor_compare(const tilec_tensor *got, const tilec_tensor *wanted,
                                  tilec_dtype dtype, double rtol, double atol,
                                  tilec_difference *out, tilec_error **error) {
  elements x, y;
  if (error) *error = NULL;
  if (!out) return tc_api_usage(error, NULL, "tilec_tensor_compare: out is NULL");
  const char *why = open_elements(got, dtype, &x);
  if (!why) why = open_elements(wanted, dtype, &y);
  if (!why && (x.rank != y.rank || memcmp(x.shape, y.shape, x.rank * sizeof *x.shape)))
    why = "the shapes differ";
  if (why) return tc_api_usage(error, NULL, "tilec_tensor_compare: %s", why);
  tilec_difference d = {.size = sizeof d};
  compare_all(&x, &y, rtol, atol, &d);
  return tc_api_write_struct(out, &d, sizeof d)
             ? TILEC_OK
             : tc_api_usage(error, NULL, "tilec_difference.size is not set");
}
