#include "rt/aot.h"

#include "rt/os.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

_Static_assert(sizeof(tilec_aot_tensor) == 48, "tilec_aot_tensor is not laid out as a DLTensor");
_Static_assert(sizeof(tc_rt_hub) == 64, "the size of the hub never changes");

enum { HOST_DEVICE = 1, STACK_NUMBERS = 256 };

static const uint16_t AOT_TYPES[TILEC_DTYPE_COUNT] = {
#define X(id, code, name, bits) [code] = TILEC_AOT_##id,
    TILEC_DTYPES(X)
#undef X
};

/* ---- the pool ---- */

static uint32_t run_on_own_pool(void *pool, tc_rt_block *block, void *data, int64_t n_blocks,
                                uint64_t scratch_b, int32_t *result) {
  tc_rt_error error;
  error.code = 0;
  return tc_rt_pool_run(pool, block, data, n_blocks, scratch_b, result, &error);
}

/* TILEC_JOBS, or 0 for as many as there are processors. */
static uint32_t wanted_threads(void) {
  const char *text = getenv("TILEC_JOBS");
  char *end;
  if (!text || *text < '0' || *text > '9') return 0;
  unsigned long n = strtoul(text, &end, 10);
  return *end || n > 4096 ? 0 : (uint32_t)n;
}

/* The share of the hub, or one made here and left there; NULL when out of memory. */
static const tc_rt_share *open_share(tc_rt_hub *hub, const char *made_by) {
  const tc_rt_share *found = NULL;
  tc_rt_pool *pool = tc_rt_pool_new(NULL, wanted_threads());
  tc_rt_share *share = pool ? tc_rt_alloc(NULL, sizeof *share, _Alignof(tc_rt_share)) : NULL;
  if (!share) {
    tc_rt_pool_free(pool);
    return NULL;
  }
  *share = (tc_rt_share){.magic = TC_RT_SHARE_MAGIC,
                         .version = TC_RT_SHARE_VERSION,
                         .made_by = made_by,
                         .size_b = sizeof *share,
                         .n_threads = tc_rt_pool_threads(pool),
                         .pool = pool,
                         .run = run_on_own_pool};
  if (atomic_compare_exchange_strong(&hub->share, &found, share)) return share;
  tc_rt_pool_free(pool); /* another thread was first */
  tc_rt_free(NULL, share, sizeof *share);
  return found;
}

static bool fits(const tc_rt_share *share) {
  return share->magic == TC_RT_SHARE_MAGIC && share->version == TC_RT_SHARE_VERSION;
}

const tc_rt_share *tc_rt_aot_join(tc_rt_hub *hub, const char *name, const char *made_by,
                                  tc_rt_error *error) {
  const tc_rt_share *share = atomic_load_explicit(&hub->share, memory_order_acquire);
  if (!share) share = open_share(hub, made_by);
  if (!share) {
    tc_rt_fail(error, TC_RT_E_WORKSPACE, "out of memory for a pool of threads");
    return NULL;
  }
  if (fits(share)) return share;
  bool known = share->magic == TC_RT_SHARE_MAGIC;
  tc_rt_fail(error, TC_RT_E_VERSION,
             "%s was built by tilec %s, which shares threads by version %d of its rules; this "
             "program also holds a kernel built by tilec %s, which uses version %" PRIu32
             ": build both with one tilec",
             name, made_by, TC_RT_SHARE_VERSION, known ? share->made_by : "(unknown)",
             known ? share->version : 0);
  return NULL;
}

static uint32_t run_on_shared_pool(void *data, tc_rt_block *block, void *block_data,
                                   int64_t n_blocks, uint64_t scratch_b, int32_t *result,
                                   tc_rt_error *error) {
  const tc_rt_aot *unit = data;
  const tc_rt_share *share = tc_rt_aot_join(unit->hub, unit->name, unit->made_by, error);
  if (!share) return error->code;
  uint32_t code = share->run(share->pool, block, block_data, n_blocks, scratch_b, result);
  if (!code) return TC_RT_OK;
  return tc_rt_fail(error, code, "%" PRIu64 " bytes of scratch memory cannot be had", scratch_b);
}

static void print_to_stdout(void *ctx, const char *text, uint64_t n) {
  (void)ctx;
  fwrite(text, 1, (size_t)n, stdout);
}

static int launch_there(const tc_rt_aot *unit, const tilec_arg *args, tc_rt_error *error) {
  if (!unit->gpu->launch(args, error)) return 0;
  unit->keep(error);
  return (int)error->code;
}

static int launch_on(const tc_rt_aot *unit, const tilec_arg *args, tc_rt_error *error) {
  if (unit->gpu) return launch_there(unit, args, error);
  const tc_rt_runner runner = {run_on_shared_pool, (void *)(uintptr_t)unit};
  const tc_env env = {NULL, print_to_stdout};
  const tc_rt_share *share = atomic_load_explicit(&unit->hub->share, memory_order_acquire);
  bool joins =
      !share || fits(share) || tc_rt_aot_join(unit->hub, unit->name, unit->made_by, error) != NULL;
  if (joins
      && !tc_rt_launch(&unit->function, &runner, args, unit->function.table->n_params, &env, error))
    return 0;
  unit->keep(error);
  return (int)error->code;
}

/* ---- arguments as DLPack has them ---- */

/* The type that counts for a parameter, or 0 with an error. */
static uint16_t type_of(const tc_rt_param *p, const tilec_aot_tensor *t, tc_rt_error *error) {
  uint32_t wanted = (uint32_t)t->type_code << 8 | t->type_bits;
  if (t->type_lanes == 1 && wanted == AOT_TYPES[p->dtype]) return p->dtype;
  for (uint16_t code = 1; t->type_lanes == 1 && code < TILEC_DTYPE_COUNT; code++)
    if (AOT_TYPES[code] == wanted) return code;
  tc_rt_fail(error, TC_RT_E_DTYPE,
             "argument '%s' holds elements of DLPack type code %u, %u bits, %u lanes, expected %s",
             p->name, t->type_code, t->type_bits, t->type_lanes, tc_rt_dtype_name(p->dtype));
  return 0;
}

/* Everything but the type; false when the tensor lies elsewhere. */
static bool take_tensor(const tc_rt_aot *unit, const tc_rt_param *p, const tilec_aot_tensor *t,
                        tilec_tensor *to, tc_rt_error *error) {
  to->size = sizeof *to;
  to->data = t->data;
  to->shape = t->shape;
  to->strides = t->strides;
  to->byte_offset = t->byte_offset;
  to->rank = (uint32_t)t->ndim; /* a negative one is no declared rank */
  to->flags = 0;
  /* On the host the only device that is let through below; a launch on a GPU checks its own. */
  to->device_type = unit->gpu ? t->device_type : TILEC_DEVICE_HOST;
  to->device_id = unit->gpu ? t->device_id : 0;
  to->dtype = type_of(p, t, error);
  if (!to->dtype) return false;
  if (unit->gpu || t->device_type == HOST_DEVICE) return true;
  tc_rt_fail(error, TC_RT_E_DEVICE,
             "argument '%s' lies on a device of DLPack type %d, expected host memory (type %d)",
             p->name, (int)t->device_type, HOST_DEVICE);
  return false;
}

/* A bare pointer: memory without a shape. */
static void take_pointer(const tc_rt_aot *unit, const tc_rt_param *p, const void *data,
                         int32_t device, tilec_tensor *to) {
  *to = (tilec_tensor){
      .size = sizeof *to, .data = (void *)(uintptr_t)data, .dtype = p->dtype}; /* rank 0 */
  if (!unit->gpu) return;
  to->device_type = TILEC_DEVICE_CUDA;
  to->device_id = device;
}

/* Scalars have the same form on both sides. */
static void take_scalar(const tc_rt_aot_arg *given, tilec_arg *arg) {
  if (given->kind == TILEC_ARG_FLOAT) {
    arg->as.f = given->as.f;
  } else {
    arg->as.i = given->as.i;
  }
}

int tc_rt_aot_call(const tc_rt_aot *unit, const tc_rt_aot_arg *given) {
  tilec_tensor tensors[TC_RT_MAX_PARAMS];
  tilec_arg args[TC_RT_MAX_PARAMS];
  const tc_rt_table *table = unit->function.table;
  tc_rt_error error; /* its text is large, and only written on an error */
  error.code = 0;
  int32_t device = unit->gpu ? tc_rt_aot_device(unit, given, unit->gpu->current()) : 0;
  for (uint32_t i = 0; i < table->n_params; i++) {
    const tc_rt_param *p = &table->params[i];
    args[i].kind = given[i].kind;
    args[i].reserved = 0;
    if (p->flags & TC_RT_SCALAR) {
      take_scalar(&given[i], &args[i]);
      continue;
    }
    args[i].as.tensor = &tensors[i];
    if (p->flags & TILEC_PARAM_POINTER) {
      take_pointer(unit, p, given[i].as.data, device, &tensors[i]);
    } else if (!given[i].as.tensor) {
      args[i].kind = TILEC_ARG_NONE;
    } else if (!take_tensor(unit, p, given[i].as.tensor, &tensors[i], &error)) {
      return unit->keep(&error), (int)error.code;
    }
  }
  return launch_on(unit, args, &error);
}

/* ---- arguments as pointers and dimensions ---- */

/* Shapes and strides of all tensors, one after another, and the arguments that hold them. */
static uint32_t take_memory(const tc_rt_aot *unit, const tc_rt_aot_arg *given,
                            const tc_rt_frame *frame, int64_t *numbers, tilec_tensor *tensors,
                            tilec_arg *args, tc_rt_error *error) {
  const tc_rt_table *table = unit->function.table;
  int32_t device = unit->gpu ? unit->gpu->current() : 0;
  for (uint32_t i = 0; i < table->n_params; i++) {
    const tc_rt_param *p = &table->params[i];
    args[i] = (tilec_arg){.kind = given[i].kind};
    if (p->flags & TC_RT_SCALAR) {
      take_scalar(&given[i], &args[i]);
      continue;
    }
    args[i].as.tensor = &tensors[i];
    if (!given[i].as.data && p->flags & TILEC_PARAM_NULLABLE) args[i].kind = TILEC_ARG_NONE;
    take_pointer(unit, p, given[i].as.data, device, &tensors[i]);
    if (p->flags & TILEC_PARAM_POINTER) continue;
    tensors[i].rank = p->rank;
    tensors[i].shape = numbers;
    for (uint32_t axis = 0; axis < p->rank; axis++)
      if (!tc_rt_number_of(frame, &p->shape[axis], numbers++))
        return tc_rt_fail(error, TC_RT_E_SHAPE, "dimension %u of argument '%s' has no value", axis,
                          p->name);
    if (p->strides) tensors[i].strides = numbers;
    for (uint32_t axis = 0; p->strides && axis < p->rank; axis++)
      if (!tc_rt_number_of(frame, &p->strides[axis], numbers++))
        return tc_rt_fail(error, TC_RT_E_STRIDE, "stride %u of argument '%s' has no value", axis,
                          p->name);
  }
  return TC_RT_OK;
}

static uint32_t count_numbers(const tc_rt_table *table) {
  uint32_t n = table->n_words + table->n_code;
  for (uint32_t i = 0; i < table->n_params; i++)
    n += table->params[i].rank * 2u;
  return n;
}

/* `numbers` has room for the values of the table and all shapes and strides, `bad` for as many. */
static int run_raw(const tc_rt_aot *unit, const tc_rt_aot_arg *given, const int64_t *dims,
                   int64_t *numbers, unsigned char *bad) {
  tilec_tensor tensors[TC_RT_MAX_PARAMS];
  tilec_arg args[TC_RT_MAX_PARAMS];
  const tc_rt_table *table = unit->function.table;
  const tc_rt_frame frame = {numbers, bad, NULL};
  uint32_t n_values = table->n_words + table->n_code;
  tc_rt_error error;
  error.code = 0;
  for (uint32_t i = 0; i < n_values; i++)
    numbers[i] = 0, bad[i] = 1;
  for (uint32_t i = 0; i < table->n_dims; i++) {
    numbers[table->dims[i].word] = dims[i];
    bad[table->dims[i].word] = 0;
  }
  for (uint32_t i = 0; i < table->n_params; i++)
    if (table->params[i].flags & TC_RT_SCALAR && given[i].kind == TILEC_ARG_INT) {
      numbers[table->params[i].word] = given[i].as.i; /* a shape may depend on it */
      bad[table->params[i].word] = 0;
    }
  tc_rt_run_code(table, &frame, 0, table->n_code);
  if (take_memory(unit, given, &frame, numbers + n_values, tensors, args, &error))
    return unit->keep(&error), (int)error.code;
  return launch_on(unit, args, &error);
}

int tc_rt_aot_raw(const tc_rt_aot *unit, const tc_rt_aot_arg *given, const int64_t *dims) {
  int64_t numbers[STACK_NUMBERS];
  unsigned char bad[STACK_NUMBERS];
  uint32_t n = count_numbers(unit->function.table);
  if (n <= STACK_NUMBERS) return run_raw(unit, given, dims, numbers, bad);
  tc_rt_error error;
  error.code = 0;
  int64_t *memory = tc_rt_alloc(NULL, n * (sizeof *memory + 1), _Alignof(max_align_t));
  if (!memory) {
    tc_rt_fail(&error, TC_RT_E_WORKSPACE, "out of memory for a launch");
    return unit->keep(&error), (int)error.code;
  }
  int code = run_raw(unit, given, dims, memory, (unsigned char *)(memory + n));
  tc_rt_free(NULL, memory, n * (sizeof *memory + 1));
  return code;
}

/* ---- arguments as tvm-ffi has them ---- */

enum { PACKED_NONE, PACKED_INT, PACKED_BOOL, PACKED_FLOAT, PACKED_POINTER, PACKED_DLTENSOR = 7 };
enum { PACKED_TENSOR = 70, PACKED_HEADER_B = 24 }; /* an object: a header and then a DLTensor */

_Static_assert(sizeof(tc_rt_packed) == 16, "a value of tvm-ffi has 16 bytes");

static bool unpack_scalar(const tc_rt_packed *value, bool is_float, tc_rt_aot_arg *to) {
  bool is_int = value->type == PACKED_INT || value->type == PACKED_BOOL;
  if (!is_int && (value->type != PACKED_FLOAT || !is_float)) return false;
  to->kind = is_float ? TILEC_ARG_FLOAT : TILEC_ARG_INT;
  if (is_float) {
    to->as.f = is_int ? (double)value->as.i : value->as.f;
  } else {
    to->as.i = value->as.i;
  }
  return true;
}

static bool unpack_tensor(const tc_rt_packed *value, bool is_pointer, tc_rt_aot_arg *to) {
  const tilec_aot_tensor *tensor = NULL;
  to->kind = TILEC_ARG_TENSOR;
  if (value->type == PACKED_DLTENSOR)
    tensor = value->as.p;
  else if (value->type == PACKED_TENSOR)
    tensor = (const void *)((const char *)value->as.p + PACKED_HEADER_B);
  else if (value->type != PACKED_NONE && !(is_pointer && value->type == PACKED_POINTER))
    return false;
  if (!is_pointer) {
    to->as.tensor = tensor;
  } else if (value->type == PACKED_POINTER) {
    to->as.data = value->as.p;
  } else {
    to->as.data = tensor ? (const char *)tensor->data + tensor->byte_offset : NULL;
  }
  return true;
}

int tc_rt_aot_unpack(const tc_rt_aot *unit, const tc_rt_packed *values, int32_t n,
                     tc_rt_aot_arg *to) {
  const tc_rt_table *table = unit->function.table;
  tc_rt_error error;
  error.code = 0;
  if (n < 0 || (uint32_t)n != table->n_params) {
    tc_rt_fail(&error, TC_RT_E_COUNT, "%s takes %u arguments, not %d", unit->name, table->n_params,
               (int)n);
    return unit->keep(&error), (int)error.code;
  }
  for (uint32_t i = 0; i < table->n_params; i++) {
    const tc_rt_param *p = &table->params[i];
    bool is_scalar = p->flags & TC_RT_SCALAR;
    uint32_t class = AOT_TYPES[p->dtype] >> 8; /* DLPack's: 0 int, 1 uint, 6 bool */
    bool is_float = class != 0 && class != 1 && class != 6;
    bool fits = is_scalar ? unpack_scalar(&values[i], is_float, &to[i])
                          : unpack_tensor(&values[i], p->flags & TILEC_PARAM_POINTER, &to[i]);
    if (fits) continue;
    tc_rt_fail(&error, TC_RT_E_KIND,
               "argument '%s' of %s is a value of type index %d, expected %s%s", p->name,
               unit->name, (int)values[i].type, is_scalar ? "" : "a tensor of ",
               tc_rt_dtype_name(p->dtype));
    return unit->keep(&error), (int)error.code;
  }
  return 0;
}

int32_t tc_rt_aot_device(const tc_rt_aot *unit, const tc_rt_aot_arg *given, int32_t otherwise) {
  const tc_rt_table *table = unit->function.table;
  for (uint32_t i = 0; i < table->n_params; i++) {
    bool is_tensor = !(table->params[i].flags & (TC_RT_SCALAR | TILEC_PARAM_POINTER));
    if (is_tensor && given[i].as.tensor && given[i].as.tensor->device_type == TILEC_DEVICE_CUDA)
      return given[i].as.tensor->device_id;
  }
  return otherwise;
}

const char *tc_rt_aot_class(int code) {
  if (code >= TC_RT_E_COUNT && code <= TC_RT_E_DTYPE) return "TypeError";
  if (code == TC_RT_E_WORKSPACE) return "MemoryError";
  bool argument = (code > TC_RT_E_DTYPE && code < TC_RT_E_DEVICE_ASSERT) || code == TC_RT_E_DEVICE;
  return argument ? "ValueError" : "RuntimeError";
}
