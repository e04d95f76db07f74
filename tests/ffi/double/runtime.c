/* A double of libtvm_ffi for tests: as much of it as the adapter uses, written from the facts in
 * src/ffi/abi.h, with what a test wants to do besides: say which version it is, count what lives,
 * and refuse the n-th request for memory. Never installed. */
#include "ffi/abi.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

enum { MAX_TYPES = 64, MAX_ROWS = 64, MAX_GLOBALS = 128, FIRST_DYNAMIC = 128, NAME_B = 64 };

/* ---- what tests set and ask ---- */

static tc_ffi_version version = {0, 1, 15};
static atomic_llong n_live, fail_at;
static atomic_bool no_allocator;

EXPORT void double_set_version(uint32_t major, uint32_t minor, uint32_t patch);
EXPORT int64_t double_live(void);
EXPORT void double_fail_at(int64_t n);
EXPORT int double_armed(void);
EXPORT void double_set_tensor_allocator(int on);

void double_set_version(uint32_t major, uint32_t minor, uint32_t patch) {
  version = (tc_ffi_version){major, minor, patch};
}
int64_t double_live(void) {
  return atomic_load(&n_live);
}
/* The n-th request for memory from now on is refused; 0: none. */
void double_fail_at(int64_t n) {
  atomic_store(&fail_at, n);
}
/* Whether the request to be refused has not come yet. */
int double_armed(void) {
  return atomic_load(&fail_at) > 0;
}
void double_set_tensor_allocator(int on) {
  atomic_store(&no_allocator, !on);
}

/* ---- objects ---- */

#define API(result, name, parameters)                                                              \
  EXPORT result TVMFFI##name parameters;                                                           \
  result TVMFFI##name parameters

static void free_block(void *object) {
  free((char *)object - 16);
  atomic_fetch_sub(&n_live, 1);
}

static bool refused(void) {
  int64_t left = atomic_load(&fail_at);
  return left > 0 && atomic_fetch_sub(&fail_at, 1) == 1;
}

/* With the prefix that says who takes the memory back. */
static void *new_block(size_t size_b) {
  char *block = refused() ? NULL : aligned_alloc(16, (size_b + 31) & ~(size_t)15);
  if (!block) return NULL;
  memset(block, 0, size_b + 16);
  ((tc_ffi_prefix *)(void *)(block + 16))[-1].delete_space = free_block;
  atomic_fetch_add(&n_live, 1);
  return block + 16;
}

static void *new_object(size_t size_b, int32_t type_index, void (*deleter)(void *, int)) {
  tc_ffi_header *object = new_block(size_b);
  if (!object) return NULL;
  *object = (tc_ffi_header){UINT64_C(0x100000001), type_index, 0, deleter};
  return object;
}

static void delete_plain(void *self, int flags) {
  if (flags & TC_FFI_DELETE_MEMORY) free_block(self);
}

static _Atomic(uint64_t) *counts_of(void *object) {
  return (_Atomic(uint64_t) *)object;
}

API(int, ObjectIncRef, (void *object)) {
  atomic_fetch_add(counts_of(object), 1);
  return 0;
}

API(int, ObjectDecRef, (void *object)) {
  tc_ffi_header *header = object;
  uint64_t old = atomic_fetch_sub(counts_of(object), 1);
  if (old == UINT64_C(0x100000001)) {
    header->deleter(object, TC_FFI_DELETE_CONTENTS | TC_FFI_DELETE_MEMORY);
  } else if ((uint32_t)old == 1) {
    header->deleter(object, TC_FFI_DELETE_CONTENTS);
    if (atomic_fetch_sub(counts_of(object), UINT64_C(0x100000000)) >> 32 == 1)
      header->deleter(object, TC_FFI_DELETE_MEMORY);
  }
  return 0;
}

API(void, GetVersion, (tc_ffi_version * out)) {
  *out = version;
}

/* ---- errors: one for each thread ---- */

typedef struct error_object {
  tc_ffi_header header;
  tc_ffi_bytes kind, message, backtrace;
  void (*update)(void *self, const tc_ffi_bytes *backtrace, int32_t mode);
  void *cause, *extra; /* the text follows */
} error_object;
_Static_assert(offsetof(error_object, update) == 72, "error");

static _Thread_local error_object *raised;
static _Thread_local struct {
  error_object object;
  char kind[64], text[512];
} last_resort; /* for when there is no memory: never deleted */

static void delete_error(void *self, int flags) {
  error_object *error = self;
  if (flags & TC_FFI_DELETE_CONTENTS && error->extra) TVMFFIObjectDecRef(error->extra);
  if (flags & TC_FFI_DELETE_MEMORY) free_block(self);
}

static void keep_error(void *self, int flags) {
  (void)self;
  (void)flags;
}

API(void, ErrorSetRaised, (void *error)) {
  if (error) TVMFFIObjectIncRef(error);
  if (raised) TVMFFIObjectDecRef(raised);
  raised = error;
}

API(void, ErrorMoveFromRaised, (void **error)) {
  *error = raised;
  raised = NULL;
}

API(void, ErrorSetRaisedFromCStr, (const char *kind, const char *message)) {
  snprintf(last_resort.kind, sizeof last_resort.kind, "%s", kind);
  snprintf(last_resort.text, sizeof last_resort.text, "%s", message);
  last_resort.object = (error_object){.header = {UINT64_C(0x100000001), 67, 0, keep_error},
                                      .kind = {last_resort.kind, strlen(last_resort.kind)},
                                      .message = {last_resort.text, strlen(last_resort.text)},
                                      .backtrace = {"", 0}};
  if (raised && raised != &last_resort.object) TVMFFIObjectDecRef(raised);
  raised = &last_resort.object;
}

static int no_memory(void) {
  TVMFFIErrorSetRaisedFromCStr("MemoryError", "the double was told to refuse");
  return -1;
}

static tc_ffi_bytes copy_into(char **at, const tc_ffi_bytes *from) {
  tc_ffi_bytes out = {*at, from->n};
  if (from->n) memcpy(*at, from->data, from->n);
  *at += from->n + 1;
  return out;
}

API(int, ErrorCreateWithCauseAndExtraContext,
    (const tc_ffi_bytes *kind, const tc_ffi_bytes *message, const tc_ffi_bytes *backtrace,
     void *cause, void *extra, void **out)) {
  error_object *error =
      new_object(sizeof *error + kind->n + message->n + backtrace->n + 3, 67, delete_error);
  if (!error) return -1;
  char *at = (char *)(error + 1);
  error->kind = copy_into(&at, kind);
  error->message = copy_into(&at, message);
  error->backtrace = copy_into(&at, backtrace);
  error->cause = cause;
  error->extra = extra;
  if (extra) TVMFFIObjectIncRef(extra);
  *out = error;
  return 0;
}

API(int, ErrorCreate,
    (const tc_ffi_bytes *kind, const tc_ffi_bytes *message, const tc_ffi_bytes *backtrace,
     void **out)) {
  return TVMFFIErrorCreateWithCauseAndExtraContext(kind, message, backtrace, NULL, NULL, out);
}

/* ---- memory of others ---- */

static void *allocate(size_t size_b, size_t align, int32_t type_index, void *context) {
  (void)align;
  (void)type_index;
  (void)context;
  void *block = new_block(size_b);
  if (!block) no_memory();
  return block;
}

API(tc_ffi_allocator *, GetCustomAllocator, (void)) {
  static tc_ffi_allocator allocator = {allocate, NULL};
  return &allocator;
}

/* ---- strings and arrays ---- */

typedef struct string_object {
  tc_ffi_header header;
  tc_ffi_bytes bytes;
  char text[];
} string_object;

API(int, StringFromByteArray, (const tc_ffi_bytes *from, tc_ffi_any *out)) {
  *out = (tc_ffi_any){TC_FFI_SMALL_STR, (uint32_t)from->n, {.i = 0}};
  if (from->n <= 7) {
    if (from->n) memcpy(out->as.small, from->data, from->n);
    return 0;
  }
  string_object *s = new_object(sizeof *s + from->n + 1, TC_FFI_STR, delete_plain);
  *out = (tc_ffi_any){0};
  if (!s) return no_memory();
  memcpy(s->text, from->data, from->n);
  s->bytes = (tc_ffi_bytes){s->text, from->n};
  *out = (tc_ffi_any){TC_FFI_STR, 0, {.obj = &s->header}};
  return 0;
}

API(int, AnyViewToOwnedAny, (const tc_ffi_any *view, tc_ffi_any *out)) {
  if (view->type_index == TC_FFI_RAW_STR) {
    const tc_ffi_bytes text = {view->as.str, strlen(view->as.str)};
    return TVMFFIStringFromByteArray(&text, out);
  }
  *out = *view;
  if (view->type_index >= TC_FFI_OBJECT) TVMFFIObjectIncRef(view->as.ptr);
  return 0;
}

typedef struct array_object {
  tc_ffi_header header;
  tc_ffi_seq seq;
  tc_ffi_any items[];
} array_object;

static void delete_array(void *self, int flags) {
  array_object *array = self;
  if (flags & TC_FFI_DELETE_CONTENTS)
    for (int64_t i = 0; i < array->seq.n; i++)
      if (array->items[i].type_index >= TC_FFI_OBJECT) TVMFFIObjectDecRef(array->items[i].as.ptr);
  if (flags & TC_FFI_DELETE_MEMORY) free_block(self);
}

static int make_array(void *self, const tc_ffi_any *args, int32_t n, tc_ffi_any *result) {
  (void)self;
  array_object *array =
      new_object(sizeof *array + (size_t)n * sizeof *args, TC_FFI_ARRAY, delete_array);
  if (!array) return no_memory();
  array->seq = (tc_ffi_seq){array->items, 0, n, NULL};
  *result = (tc_ffi_any){TC_FFI_ARRAY, 0, {.obj = &array->header}};
  for (; array->seq.n < n; array->seq.n++)
    if (TVMFFIAnyViewToOwnedAny(&args[array->seq.n], &array->items[array->seq.n])) {
      TVMFFIObjectDecRef(array);
      *result = (tc_ffi_any){0};
      return -1;
    }
  return 0;
}

/* ---- functions ---- */

typedef struct function_object {
  tc_ffi_header header;
  tc_ffi_call *call;
  void *cpp_call, *self;
  tc_ffi_call *inner;
  void (*deleter)(void *self);
} function_object;

static void delete_function(void *object, int flags) {
  function_object *f = object;
  if (flags & TC_FFI_DELETE_CONTENTS && f->deleter) f->deleter(f->self);
  if (flags & TC_FFI_DELETE_MEMORY) free_block(object);
}

/* safe_call is given the object, as readers of its cell expect. */
static int call_through(void *object, const tc_ffi_any *args, int32_t n, tc_ffi_any *result) {
  function_object *f = object;
  return f->inner(f->self, args, n, result);
}

API(int, FunctionCreate, (void *self, tc_ffi_call *call, void (*deleter)(void *self), void **out)) {
  function_object *f = new_object(sizeof *f, TC_FFI_FUNCTION, delete_function);
  if (!f) return no_memory();
  f->call = call_through;
  f->inner = call;
  f->self = self;
  f->deleter = deleter;
  *out = f;
  return 0;
}

API(int, FunctionCall, (void *function, const tc_ffi_any *args, int32_t n, tc_ffi_any *result)) {
  function_object *f = function;
  return f->call(f, args, n, result);
}

static struct {
  char name[NAME_B];
  void *function;
} globals[MAX_GLOBALS];

static int find_global(const tc_ffi_bytes *name) {
  int i = 0;
  while (i < MAX_GLOBALS && globals[i].function
         && (strlen(globals[i].name) != name->n || memcmp(globals[i].name, name->data, name->n)))
    i++;
  return i;
}

API(int, FunctionSetGlobal, (const tc_ffi_bytes *name, void *function, int may_override)) {
  int i = find_global(name);
  if (i == MAX_GLOBALS || name->n >= NAME_B || (globals[i].function && !may_override)) {
    TVMFFIErrorSetRaisedFromCStr("RuntimeError", "a global function cannot be registered");
    return -1;
  }
  memcpy(globals[i].name, name->data, name->n);
  globals[i].function = function;
  return TVMFFIObjectIncRef(function);
}

API(int, FunctionGetGlobal, (const tc_ffi_bytes *name, void **out)) {
  static const char ARRAY[] = "ffi.Array";
  *out = NULL;
  if (name->n == sizeof ARRAY - 1 && memcmp(name->data, ARRAY, name->n) == 0)
    return TVMFFIFunctionCreate(NULL, make_array, NULL, out);
  int i = find_global(name);
  if (i < MAX_GLOBALS && globals[i].function) {
    *out = globals[i].function;
    TVMFFIObjectIncRef(*out);
  }
  return 0;
}

/* ---- types ---- */

typedef struct type_entry {
  char key[NAME_B];
  int32_t parent; /* index of a type, or of none that is ours */
  int32_t n_fields, n_methods, n_infos;
  tc_ffi_field fields[MAX_ROWS];
  tc_ffi_method methods[MAX_ROWS];
  tc_ffi_type_info info;
  char names[2 * MAX_ROWS][NAME_B];
} type_entry;
static type_entry types[MAX_TYPES];
static int32_t n_types;

API(int32_t, TypeGetOrAllocIndex,
    (const tc_ffi_bytes *key, int32_t fixed, int32_t depth, int32_t slots, int32_t overflow,
     int32_t parent)) {
  (void)fixed, (void)depth, (void)slots, (void)overflow;
  for (int32_t i = 0; i < n_types; i++)
    if (strlen(types[i].key) == key->n && memcmp(types[i].key, key->data, key->n) == 0)
      return FIRST_DYNAMIC + i;
  if (n_types == MAX_TYPES || key->n >= NAME_B) return -1;
  memcpy(types[n_types].key, key->data, key->n);
  types[n_types].parent = parent;
  return FIRST_DYNAMIC + n_types++;
}

static int fail_registration(void) {
  TVMFFIErrorSetRaisedFromCStr("RuntimeError", "the type is registered already, or full");
  return -1;
}

static const char *keep_name(type_entry *type, int32_t slot, const tc_ffi_bytes *name) {
  size_t n = name->n < NAME_B ? name->n : NAME_B - 1;
  memcpy(type->names[slot], name->data, n);
  return type->names[slot];
}

API(int, TypeRegisterField, (int32_t index, const tc_ffi_field *field)) {
  type_entry *type = &types[index - FIRST_DYNAMIC];
  if (type->n_fields == MAX_ROWS || type->n_infos) return fail_registration();
  int32_t i = type->n_fields++;
  type->fields[i] = *field;
  type->fields[i].name.data = keep_name(type, i, &field->name);
  return 0;
}

API(int, TypeRegisterMethod, (int32_t index, const tc_ffi_method *method)) {
  type_entry *type = &types[index - FIRST_DYNAMIC];
  if (type->n_methods == MAX_ROWS || type->n_infos) return fail_registration();
  int32_t i = type->n_methods++;
  type->methods[i] = *method;
  type->methods[i].name.data = keep_name(type, MAX_ROWS + i, &method->name);
  return TVMFFIObjectIncRef(method->method.as.ptr);
}

API(int, TypeRegisterMetadata, (int32_t index, const tc_ffi_type_info *info)) {
  type_entry *type = &types[index - FIRST_DYNAMIC];
  if (type->n_infos++) return fail_registration();
  type->info = *info;
  return 0;
}

/* For tests: the key of a type, its fields and methods by number. */
EXPORT const char *double_type_key(int32_t index);
EXPORT int double_get_field(void *object, const char *name, tc_ffi_any *result);
EXPORT void *double_method(int32_t index, const char *name);

const char *double_type_key(int32_t index) {
  return index >= FIRST_DYNAMIC && index < FIRST_DYNAMIC + n_types
             ? types[index - FIRST_DYNAMIC].key
             : NULL;
}

/* A type, then those it comes from; NULL ends them. */
static const type_entry *entry_at(int32_t index) {
  return index >= FIRST_DYNAMIC ? &types[index - FIRST_DYNAMIC] : NULL;
}

int double_get_field(void *object, const char *name, tc_ffi_any *result) {
  const type_entry *type = entry_at(((tc_ffi_header *)object)->type_index);
  for (; type; type = entry_at(type->parent))
    for (int32_t i = 0; i < type->n_fields; i++)
      if (strcmp(type->fields[i].name.data, name) == 0)
        return type->fields[i].getter((char *)object + type->fields[i].offset, result);
  return 1;
}

void *double_method(int32_t index, const char *name) {
  for (const type_entry *type = entry_at(index); type; type = entry_at(type->parent))
    for (int32_t i = 0; i < type->n_methods; i++)
      if (strcmp(type->methods[i].name.data, name) == 0) return type->methods[i].method.as.ptr;
  return NULL;
}

/* ---- tensors and the environment ---- */

typedef struct tensor_object {
  tc_ffi_header header;
  tc_dl_tensor tensor;
  tc_dl_managed *managed; /* whose memory it is, or NULL: its own */
  int64_t shape[16];
} tensor_object;

static void delete_tensor(void *self, int flags) {
  tensor_object *t = self;
  if (flags & TC_FFI_DELETE_CONTENTS) {
    if (t->managed) t->managed->deleter(t->managed);
    if (!t->managed) free(t->tensor.data);
  }
  if (flags & TC_FFI_DELETE_MEMORY) free_block(self);
}

API(int, TensorFromDLPackVersioned,
    (tc_dl_managed * from, int32_t align, int32_t contiguous, void **out)) {
  (void)align, (void)contiguous;
  tensor_object *t = new_object(sizeof *t, TC_FFI_TENSOR, delete_tensor);
  if (!t) return no_memory();
  t->tensor = from->tensor;
  t->managed = from;
  *out = t;
  return 0;
}

API(int, EnvTensorAlloc, (tc_dl_tensor * prototype, void **out)) {
  uint64_t n = 1;
  tensor_object *t = new_object(sizeof *t, TC_FFI_TENSOR, delete_tensor);
  if (!t) return no_memory();
  t->tensor = *prototype;
  t->tensor.shape = t->shape;
  for (int32_t i = 0; i < prototype->ndim; i++)
    n *= (uint64_t)(t->shape[i] = prototype->shape[i]);
  t->tensor.data =
      refused() ? NULL : aligned_alloc(64, (n * prototype->dtype.bits / 8 + 64) & ~63u);
  *out = t;
  if (t->tensor.data) return 0;
  TVMFFIObjectDecRef(t);
  *out = NULL;
  return no_memory();
}

API(void *, EnvGetDLPackManagedTensorAllocator, (void)) {
  static char something;
  return atomic_load(&no_allocator) ? NULL : &something;
}

static _Thread_local void *stream;
API(void *, EnvGetStream, (int32_t device_type, int32_t device_id)) {
  return device_type == 2 && device_id == 0 ? stream : NULL;
}
API(int, EnvSetStream, (int32_t device_type, int32_t device_id, void *now, void **before)) {
  if (before) *before = stream;
  if (device_type == 2 && device_id == 0) stream = now;
  return 0;
}
