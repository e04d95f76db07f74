/* Tensor maps from recipes. What the driver would refuse with one error for all reasons is checked
 * here, so that the error names the argument. */
#include "runtime/cuda_private.h"

#include <inttypes.h>
#include <string.h>

enum { ALIGN_B = 16, MAX_BOX = 256, MAX_STEP = 8, INTERLEAVE_32B = 2 };
static const uint64_t MAX_EXTENT = UINT64_C(1) << 32, END_STRIDE_B = UINT64_C(1) << 40;

/* Bytes of one element by type code (CUtensorMapDataType); 0: types that are packed. */
static const uint8_t TYPE_B[] = {1, 2, 4, 4, 8, 8, 2, 4, 8, 2, 4, 4, 4};

/* "argument 'A'", or the name of a workspace. */
static const char *owner_of(const tc_rt_table *table, uint32_t slot, const char **kind) {
  *kind = "argument";
  for (uint32_t i = 0, at = 0; i < table->n_params; i++)
    if (!(table->params[i].flags & TC_RT_SCALAR) && at++ == slot) return table->params[i].name;
  *kind = "global buffer";
  uint32_t w = slot - table->n_tensors;
  return w < table->n_workspaces ? table->workspaces[w].name : "?";
}

typedef struct recipe {
  const tc_rt_table *table;
  const tc_rt_map *map;
  uint64_t dims[TC_RT_MAP_RANK], strides_b[TC_RT_MAP_RANK];
  uint64_t at;
  bool empty;
} recipe;

static uint32_t refuse(const recipe *r, tc_rt_error *error, const char *what, uint64_t found,
                       const char *wanted) {
  const char *kind, *name = owner_of(r->table, r->map->ptr, &kind);
  return tc_rt_fail(error, TC_RT_E_MAP, "%s '%s': %s is %" PRIu64 ", expected %s", kind, name, what,
                    found, wanted);
}

static uint32_t read_dims(recipe *r, const tc_rt_frame *frame, tc_rt_error *error) {
  for (uint32_t i = 0; i < r->map->rank; i++) {
    int64_t x;
    if (!tc_rt_number_of(frame, &r->map->dims[i], &x) || x < 0 || (uint64_t)x > MAX_EXTENT)
      return refuse(r, error, "an extent of its tensor map", (uint64_t)x, "at most 2^32");
    r->dims[i] = (uint64_t)x;
    r->empty = r->empty || x == 0;
  }
  return TC_RT_OK;
}

static uint32_t read_strides(recipe *r, const tc_rt_frame *frame, tc_rt_error *error) {
  uint64_t unit = r->map->interleave == INTERLEAVE_32B ? 2 * ALIGN_B : ALIGN_B;
  for (uint32_t i = 0; i + 1 < r->map->rank; i++) {
    int64_t x;
    bool known = tc_rt_number_of(frame, &r->map->strides_b[i], &x);
    if (!known || x < 0 || (uint64_t)x >= END_STRIDE_B || (uint64_t)x % unit)
      return refuse(r, error, "the distance of its rows in bytes", (uint64_t)x,
                    "a multiple of 16 below 2^40 (32 when interleaved)");
    r->strides_b[i] = (uint64_t)x;
  }
  return TC_RT_OK;
}

static uint32_t read_box(const recipe *r, uint32_t step[TC_RT_MAP_RANK], tc_rt_error *error) {
  const tc_rt_map *map = r->map;
  for (uint32_t i = 0; i < map->rank; i++) {
    step[i] = map->step[i] ? map->step[i] : 1;
    if (map->box[i] < 1 || map->box[i] > MAX_BOX)
      return refuse(r, error, "an extent of the box that is copied", map->box[i], "1 to 256");
    if (step[i] > MAX_STEP) return refuse(r, error, "a step of its tensor map", step[i], "1 to 8");
  }
  uint32_t element_b = map->type < sizeof TYPE_B ? TYPE_B[map->type] : 0;
  uint32_t row_b = map->box[0] * element_b;
  if (row_b % ALIGN_B)
    return refuse(r, error, "the width of the box that is copied, in bytes,", row_b,
                  "a multiple of 16");
  return TC_RT_OK;
}

/* ---- maps that were made before ---- */

/* All that differs between two maps of one recipe. */
typedef struct map_key {
  uint64_t words[TC_CUDA_MAP_KEY];
} map_key;

static map_key key_of(const recipe *r) {
  map_key key = {.words = {r->at}};
  for (uint32_t i = 0; i < r->map->rank; i++) {
    key.words[1 + i] = r->dims[i];
    if (i + 1 < r->map->rank) key.words[1 + TC_RT_MAP_RANK + i] = r->strides_b[i];
  }
  return key;
}

static tc_cuda_known_map *place_of(tc_cuda_known_map *known, const map_key *key) {
  uint64_t hash = 0;
  for (uint32_t i = 0; i < TC_CUDA_MAP_KEY; i++)
    hash = (hash ^ key->words[i]) * UINT64_C(0x9E3779B97F4A7C15);
  return &known[(hash >> 32) % TC_CUDA_MAP_WAYS];
}

/* What a reader takes from an entry was written before it, so its number is, too. */
static bool copy_known(const tc_cuda_known_map *k, const map_key *key, void *out) {
  uint64_t words[TC_CUDA_MAP_WORDS];
  uint64_t number = atomic_load_explicit(&k->number, memory_order_acquire);
  if (!number || number % 2) return false;
  for (uint32_t i = 0; i < TC_CUDA_MAP_KEY; i++)
    if (atomic_load_explicit(&k->key[i], memory_order_acquire) != key->words[i]) return false;
  for (uint32_t i = 0; i < TC_CUDA_MAP_WORDS; i++)
    words[i] = atomic_load_explicit(&k->words[i], memory_order_acquire);
  if (atomic_load_explicit(&k->number, memory_order_relaxed) != number) return false;
  memcpy(out, words, sizeof words);
  return true;
}

/* One writer at a time; another has no reason to wait. */
static void keep(tc_cuda_known_map *k, const map_key *key, const void *map) {
  uint64_t words[TC_CUDA_MAP_WORDS];
  uint64_t number = atomic_load_explicit(&k->number, memory_order_relaxed);
  if (number % 2
      || !atomic_compare_exchange_strong_explicit(&k->number, &number, number + 1,
                                                  memory_order_acq_rel, memory_order_relaxed))
    return;
  memcpy(words, map, sizeof words);
  for (uint32_t i = 0; i < TC_CUDA_MAP_KEY; i++)
    atomic_store_explicit(&k->key[i], key->words[i], memory_order_release);
  for (uint32_t i = 0; i < TC_CUDA_MAP_WORDS; i++)
    atomic_store_explicit(&k->words[i], words[i], memory_order_release);
  atomic_store_explicit(&k->number, number + 2, memory_order_release);
}

/* ---- making ---- */

static uint32_t encode(const tc_cuda_module *module, const recipe *r, void *out,
                       tc_rt_error *error) {
  const tc_rt_map *map = r->map;
  uint32_t step[TC_RT_MAP_RANK];
  if (read_box(r, step, error)) return error->code;
  if (r->at % ALIGN_B)
    return refuse(r, error, "the address its tensor map begins at", r->at, "a multiple of 16");
  if (!module->calls->encode_tiled)
    return tc_rt_fail(error, TC_RT_E_NO_CUDA,
                      "%s has no cuTensorMapEncodeTiled: the driver is too old",
                      tc_cuda_path(module->cuda));
  int result = module->calls->encode_tiled(out, map->type, map->rank, (void *)(uintptr_t)r->at,
                                           r->dims, r->strides_b, map->box, step, map->interleave,
                                           map->swizzle, map->l2_promotion, map->oob_fill);
  if (!result) return TC_RT_OK;
  const char *kind;
  return tc_cuda_fail(module->cuda, error, result, "cuTensorMapEncodeTiled",
                      owner_of(module->table, map->ptr, &kind));
}

uint32_t tc_cuda_map(const tc_cuda_module *module, const tc_rt_map *map, tc_cuda_known_map *known,
                     const tc_rt_frame *frame, void *const *ptr, void *out, tc_rt_error *error) {
  recipe r = {.table = module->table, .map = map};
  int64_t offset_b;
  if (read_dims(&r, frame, error)) return error->code;
  memset(out, 0, TC_RT_MAP_B);
  if (r.empty || !ptr[map->ptr]) return TC_RT_OK;
  if (read_strides(&r, frame, error)) return error->code;
  if (!tc_rt_number_of(frame, &map->offset_b, &offset_b) || offset_b < 0)
    return refuse(&r, error, "the start of its tensor map", (uint64_t)offset_b, "0 or more");
  r.at = (uint64_t)(uintptr_t)ptr[map->ptr] + (uint64_t)offset_b;
  map_key key = key_of(&r);
  tc_cuda_known_map *place = place_of(known, &key);
  if (copy_known(place, &key, out)) return TC_RT_OK;
  if (!encode(module, &r, out, error)) keep(place, &key, out);
  return error->code;
}
