/* Our types there: made from the rows of objects.def, so that a type is its rows and nothing else.
 * All fields are values of 16 bytes; a kind says which values a field takes. */
#include "ffi/ffi.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void release_context(void *handle) {
  tilec_context_release(handle);
}
static void release_program(void *handle) {
  tilec_program_release(handle);
}
static void release_kernel(void *handle) {
  tilec_kernel_release(handle);
}
static void release_history(void *handle) {
  tilec_history_release(handle);
}
static void release_layout(void *handle) {
  tilec_layout_release(handle);
}

/* ---- the tables ---- */

enum structure { TREE = TC_FFI_TREE, UNIQUE = TC_FFI_UNIQUE };

typedef struct type_row {
  const char *key, *doc;
  int parent; /* a type, or TC_FFI_TYPE_NONE */
  enum structure structure;
  void (*release)(void *handle);
} type_row;

/* Those that follow from another field of theirs cannot be set. */
enum field_kind {
  TEXT,
  INT,
  BOOL,
  FLOAT,
  LIST,
  TEXTS,
  OBJECT_KIND,
  LAYOUT,
  FOLLOWS_INT,
  FOLLOWS_BOOL,
  FOLLOWS_LIST
};
typedef struct field_row {
  enum tc_ffi_type type;
  enum field_kind kind;
  int place;
  int64_t flags;
  const char *name, *schema, *doc;
} field_row;

typedef struct method_row {
  enum tc_ffi_type type;
  int64_t flags;
  const char *name, *doc;
  tc_ffi_call *call;
} method_row;

static const type_row TYPES[] = {
#define OBJECT(type, key, parent, structure, release, doc)                                         \
  {key, doc, TC_FFI_TYPE_##parent, structure, release},
#define FIELD(type, name, kind, flags, schema, doc)
#define METHOD(type, name, function, flags, doc)
#include "ffi/objects.def"
#undef OBJECT
#undef FIELD
#undef METHOD
};

static const field_row FIELDS[] = {
#define OBJECT(type, key, parent, structure, release, doc)
#define FIELD(type, name, kind, flags, schema, doc)                                                \
  {TC_FFI_TYPE_##type, KIND_##kind, TC_FFI_FIELD(type, name), flags, #name, schema, doc},
#define METHOD(type, name, function, flags, doc)
#define KIND_TEXT         TEXT
#define KIND_INT          INT
#define KIND_BOOL         BOOL
#define KIND_FLOAT        FLOAT
#define KIND_LIST         LIST
#define KIND_TEXTS        TEXTS
#define KIND_OBJECT       OBJECT_KIND
#define KIND_LAYOUT       LAYOUT
#define KIND_FOLLOWS_INT  FOLLOWS_INT
#define KIND_FOLLOWS_BOOL FOLLOWS_BOOL
#define KIND_FOLLOWS_LIST FOLLOWS_LIST
#include "ffi/objects.def"
#undef OBJECT
#undef FIELD
#undef METHOD
};

static const method_row METHODS[] = {
#define OBJECT(type, key, parent, structure, release, doc)
#define FIELD(type, name, kind, flags, schema, doc)
#define METHOD(type, name, function, flags, doc) {TC_FFI_TYPE_##type, flags, #name, doc, function},
#include "ffi/objects.def"
#undef OBJECT
#undef FIELD
#undef METHOD
};
enum { N_FIELDS = sizeof FIELDS / sizeof *FIELDS, N_METHODS = sizeof METHODS / sizeof *METHODS };

/* What the other side calls the types, and how many objects live. */
static int32_t indices[TC_FFI_N_TYPES];
static atomic_llong n_live;

/* Whether a type is another, or comes from it. */
static bool comes_from(int type, int other) {
  while (type != other && type != TC_FFI_TYPE_NONE)
    type = TYPES[type].parent;
  return type == other;
}

/* Its own come behind those of its parent. */
static int count_fields(int type) {
  int n = 0;
  for (int i = 0; i < N_FIELDS; i++)
    n += comes_from(type, (int)FIELDS[i].type);
  return n;
}

static size_t size_of(enum tc_ffi_type type) {
  return sizeof(tc_ffi_instance) + (size_t)count_fields(type) * sizeof(tc_ffi_any);
}

/* ---- objects ---- */

/* Memory as the runtime wants it: before the object stands who takes it back. */
enum { OWN_PREFIX_B = 16 };

static void free_own(void *object) {
  free((char *)object - OWN_PREFIX_B);
}

static void *allocate(size_t size_b, int32_t type_index) {
  if (tc_ffi.GetCustomAllocator) {
    tc_ffi_allocator *a = tc_ffi.GetCustomAllocator();
    return a->allocate(size_b, 16, type_index, a->context); /* sets an error itself */
  }
  char *block = aligned_alloc(16, (size_b + OWN_PREFIX_B + 15) & ~(size_t)15);
  if (!block) return tc_ffi_no_memory(), NULL;
  char *object = block + OWN_PREFIX_B;
  ((tc_ffi_prefix *)(void *)object)[-1].delete_space = free_own;
  return object;
}

static void delete_object(void *self, int flags) {
  tc_ffi_instance *object = self;
  if (flags & TC_FFI_DELETE_CONTENTS) {
    for (int type = 0; type < TC_FFI_N_TYPES; type++) {
      if (indices[type] != object->header.type_index) continue;
      void *handle = atomic_load(&object->handle);
      if (handle && TYPES[type].release) TYPES[type].release(handle);
      for (int i = count_fields(type); i-- > 0;)
        tc_ffi_drop(&object->fields[i]);
    }
    atomic_fetch_sub_explicit(&n_live, 1, memory_order_relaxed);
  }
  if (flags & TC_FFI_DELETE_MEMORY) {
    tc_ffi_prefix *prefix = (tc_ffi_prefix *)self - 1;
    if (prefix->delete_space) prefix->delete_space(self);
  }
}

int tc_ffi_new(enum tc_ffi_type type, tc_ffi_instance **out) {
  size_t size_b = size_of(type);
  tc_ffi_instance *object = allocate(size_b, indices[type]);
  *out = object;
  if (!object) return -1;
  memset(object, 0, size_b);
  object->header.counts = UINT64_C(0x100000001);
  object->header.type_index = indices[type];
  object->header.deleter = delete_object;
  atomic_fetch_add_explicit(&n_live, 1, memory_order_relaxed);
  return 0;
}

bool tc_ffi_is(const tc_ffi_any *value, enum tc_ffi_type type) {
  if (value->type_index < TC_FFI_OBJECT) return false;
  for (int t = 0; t < TC_FFI_N_TYPES; t++)
    if (value->type_index == indices[t]) return comes_from(t, (int)type);
  return false;
}

tc_ffi_instance *tc_ffi_instance_of(const tc_ffi_any *value, enum tc_ffi_type type,
                                    const char *function) {
  if (tc_ffi_is(value, type)) return value->as.ptr;
  tc_ffi_raise("TypeError", "%s: got %s, expected a %s", function, tc_ffi_what(value->type_index),
               TYPES[type].key);
  return NULL;
}

int tc_ffi_live(void *self, const tc_ffi_any *args, int32_t n, tc_ffi_any *result) {
  tc_ffi_args a;
  (void)self;
  if (!tc_ffi_args_start(&a, "live", args, n, 0, 0)) return -1;
  *result = tc_ffi_int(atomic_load_explicit(&n_live, memory_order_relaxed));
  return 0;
}

/* ---- fields ---- */

static int get_field(void *field, tc_ffi_any *result) {
  *result = tc_ffi_share(field);
  return 0;
}

/* Python never calls a setter, because no field is writable, but reading JSON does. */
static int set_value(tc_ffi_any *field, const tc_ffi_any *value, bool fits, const char *wanted) {
  if (!fits)
    return tc_ffi_raise("TypeError", "a field of tilec was given %s, expected %s",
                        tc_ffi_what(value->type_index), wanted);
  tc_ffi_any owned = {0};
  if (tc_ffi.AnyViewToOwnedAny(value, &owned)) return -1;
  tc_ffi_drop(field);
  *field = owned;
  return 0;
}

static int set_text(void *field, const tc_ffi_any *value) {
  tc_ffi_bytes text;
  return set_value(field, value, tc_ffi_is_text(value, &text), "a str");
}
static int set_int(void *field, const tc_ffi_any *value) {
  return set_value(field, value, value->type_index == TC_FFI_INT, "an int");
}
static int set_bool(void *field, const tc_ffi_any *value) {
  bool fits = value->type_index == TC_FFI_BOOL || value->type_index == TC_FFI_INT;
  const tc_ffi_any converted = tc_ffi_bool(fits && value->as.i != 0);
  return set_value(field, fits ? &converted : value, fits, "a bool");
}
static int set_float(void *field, const tc_ffi_any *value) {
  bool is_int = value->type_index == TC_FFI_INT;
  const tc_ffi_any converted = {TC_FFI_FLOAT, 0, {.f = is_int ? (double)value->as.i : 0}};
  return set_value(field, is_int ? &converted : value, is_int || value->type_index == TC_FFI_FLOAT,
                   "a float");
}
static int set_list(void *field, const tc_ffi_any *value) {
  return set_value(field, value, value->type_index == TC_FFI_ARRAY, "a list");
}
static int set_texts(void *field, const tc_ffi_any *value) {
  tc_ffi_bytes text;
  const tc_ffi_seq *list;
  bool fits = value->type_index == TC_FFI_ARRAY && tc_ffi_is_list(value, &list);
  for (int64_t i = 0; fits && i < list->n; i++)
    fits = tc_ffi_is_text(&list->at[i], &text);
  return set_value(field, value, fits, "a list of str");
}
static int set_object(void *field, const tc_ffi_any *value) {
  return set_value(field, value, value->type_index >= TC_FFI_OBJECT, "an object");
}

static int set_nothing(void *field, const tc_ffi_any *value) {
  (void)field, (void)value;
  return 0;
}

typedef int field_setter(void *field, const tc_ffi_any *value);
static const struct kind_row {
  field_setter *set;
  int32_t static_type;
} KINDS[] = {
    [TEXT] = {set_text, TC_FFI_STR},
    [INT] = {set_int, TC_FFI_INT},
    [BOOL] = {set_bool, TC_FFI_BOOL},
    [FLOAT] = {set_float, TC_FFI_FLOAT},
    [LIST] = {set_list, TC_FFI_ARRAY},
    [TEXTS] = {set_texts, TC_FFI_ARRAY},
    [OBJECT_KIND] = {set_object, TC_FFI_OBJECT},
    [LAYOUT] = {tc_ffi_layout_set_text, TC_FFI_STR},
    [FOLLOWS_INT] = {set_nothing, TC_FFI_INT},
    [FOLLOWS_BOOL] = {set_nothing, TC_FFI_BOOL},
    [FOLLOWS_LIST] = {set_nothing, TC_FFI_ARRAY},
};

/* ---- creators: one for each type that is made of its fields alone ---- */

static int create(enum tc_ffi_type type, void **result) {
  tc_ffi_instance *object;
  if (tc_ffi_new(type, &object)) return -1;
  for (int i = 0; i < N_FIELDS; i++) {
    if (!comes_from((int)type, (int)FIELDS[i].type)) continue;
    tc_ffi_any *field = &object->fields[FIELDS[i].place];
    switch (KINDS[FIELDS[i].kind].static_type) {
    case TC_FFI_INT:
      *field = tc_ffi_int(0);
      break;
    case TC_FFI_BOOL:
      *field = tc_ffi_bool(false);
      break;
    case TC_FFI_FLOAT:
      *field = (tc_ffi_any){TC_FFI_FLOAT, 0, {.f = 0}};
      break;
    case TC_FFI_STR:
      *field = (tc_ffi_any){TC_FFI_SMALL_STR, 0, {.i = 0}};
      break;
    default:
      break;
    }
  }
  *result = object;
  return 0;
}

#define OBJECT(type, key, parent, structure, release, doc)                                         \
  static int create_##type(void **result) {                                                        \
    return create(TC_FFI_TYPE_##type, result);                                                     \
  }
#define FIELD(type, name, kind, flags, schema, doc)
#define METHOD(type, name, function, flags, doc)
#include "ffi/objects.def"
#undef OBJECT
#undef FIELD
#undef METHOD

static int (*const CREATORS[])(void **) = {
#define OBJECT(type, key, parent, structure, release, doc) create_##type,
#define FIELD(type, name, kind, flags, schema, doc)
#define METHOD(type, name, function, flags, doc)
#include "ffi/objects.def"
#undef OBJECT
#undef FIELD
#undef METHOD
};

/* ---- registering ---- */

static int register_field(const field_row *row) {
  char schema[80];
  snprintf(schema, sizeof schema, "{\"type_schema\": \"{\\\"type\\\":\\\"%s\\\"}\"}", row->schema);
  const tc_ffi_field field = {.name = tc_ffi_text(row->name),
                              .doc = tc_ffi_text(row->doc),
                              .metadata = tc_ffi_text(schema),
                              .flags = row->flags,
                              .size_b = sizeof(tc_ffi_any),
                              .align = 8,
                              .offset = (int64_t)(offsetof(tc_ffi_instance, fields)
                                                  + (size_t)row->place * sizeof(tc_ffi_any)),
                              .getter = get_field,
                              .setter = KINDS[row->kind].set,
                              .static_type = KINDS[row->kind].static_type};
  return tc_ffi.TypeRegisterField(indices[row->type], &field);
}

static int register_method(const method_row *row) {
  void *function = NULL;
  if (tc_ffi.FunctionCreate(NULL, row->call, NULL, &function)) return -1;
  const tc_ffi_method method = {.name = tc_ffi_text(row->name),
                                .doc = tc_ffi_text(row->doc),
                                .metadata = tc_ffi_text("{}"),
                                .flags = row->flags,
                                .method = tc_ffi_value(function)};
  int status = tc_ffi.TypeRegisterMethod(indices[row->type], &method);
  tc_ffi.ObjectDecRef(function);
  return status;
}

static int register_type(enum tc_ffi_type type) {
  const type_row *row = &TYPES[type];
  const tc_ffi_bytes key = tc_ffi_text(row->key);
  int32_t depth = 1;
  for (int t = row->parent; t != TC_FFI_TYPE_NONE; t = TYPES[t].parent)
    depth++;
  int32_t parent = row->parent == TC_FFI_TYPE_NONE ? TC_FFI_OBJECT : indices[row->parent];
  indices[type] = tc_ffi.TypeGetOrAllocIndex(&key, -1, depth, 0, 1, parent);
  if (indices[type] < 0) return tc_ffi_raise("RuntimeError", "no type index for %s", row->key);
  for (int i = 0; i < N_FIELDS; i++)
    if (FIELDS[i].type == type && register_field(&FIELDS[i])) return -1;
  for (int i = 0; i < N_METHODS; i++)
    if (METHODS[i].type == type && register_method(&METHODS[i])) return -1;
  bool is_data = row->structure == TREE;
  const tc_ffi_type_info info = {.doc = tc_ffi_text(row->doc),
                                 .creator = is_data ? CREATORS[type] : NULL,
                                 .size_b = (int32_t)size_of(type),
                                 .structural = (int32_t)row->structure};
  return tc_ffi.TypeRegisterMetadata(indices[type], &info);
}

int tc_ffi_register_types(void) {
  for (int type = 0; type < TC_FFI_N_TYPES; type++)
    if (register_type((enum tc_ffi_type)type)) return -1;
  return 0;
}
