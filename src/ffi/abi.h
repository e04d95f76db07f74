/* The part of the tvm-ffi C ABI (0.1.9 and later 0.1.x) that the adapter uses, in our own words, so
 * that nothing of tvm-ffi is needed to build. Structs and numbers are facts of that ABI; sizes and
 * places are asserted. What is added in later versions is never assumed to be there.
 *
 * A value (tc_ffi_any) is borrowed in arguments and owned in results, fields and lists: ownership
 * is by position. Unused bytes of it are 0, because values are hashed as bits. */
#ifndef TC_FFI_ABI_H
#define TC_FFI_ABI_H

#include <stddef.h>
#include <stdint.h>

enum tc_ffi_index {
  TC_FFI_ANY = -1, /* of fields only */
  TC_FFI_NONE = 0,
  TC_FFI_INT = 1,
  TC_FFI_BOOL = 2,
  TC_FFI_FLOAT = 3,
  TC_FFI_POINTER = 4,
  TC_FFI_DTYPE = 5,
  TC_FFI_DEVICE = 6,
  TC_FFI_DLTENSOR = 7,   /* borrowed DLTensor *              */
  TC_FFI_RAW_STR = 8,    /* const char *, in arguments only  */
  TC_FFI_SMALL_STR = 11, /* at most 7 bytes, in the value    */
  TC_FFI_OBJECT = 64,    /* from here on the payload is a counted object */
  TC_FFI_STR = 65,
  TC_FFI_FUNCTION = 68,
  TC_FFI_SHAPE = 69,
  TC_FFI_TENSOR = 70,
  TC_FFI_ARRAY = 71,
  TC_FFI_OPAQUE = 74, /* an object that only its own language knows */
  TC_FFI_LIST = 75,
  TC_FFI_BIGINT = 78, /* an integer that 64 bits do not hold; since 0.1.15 */
};

typedef struct tc_ffi_dtype {
  uint8_t code, bits;
  uint16_t lanes;
} tc_ffi_dtype;

typedef struct tc_ffi_device {
  int32_t type, id;
} tc_ffi_device;

typedef struct tc_ffi_header {
  uint64_t counts; /* strong in the low half, weak in the high */
  int32_t type_index;
  uint32_t zero;
  void (*deleter)(void *self, int flags);
} tc_ffi_header;
enum { TC_FFI_DELETE_CONTENTS = 1, TC_FFI_DELETE_MEMORY = 2 };

typedef struct tc_ffi_any {
  int32_t type_index;
  uint32_t small_n; /* bytes of a small string, else 0 */
  union {
    int64_t i;
    double f;
    void *ptr;
    const char *str;
    tc_ffi_header *obj;
    tc_ffi_dtype dtype;
    tc_ffi_device device;
    char small[8];
  } as;
} tc_ffi_any;

typedef struct tc_ffi_bytes { /* follows the header of strings */
  const char *data;
  size_t n;
} tc_ffi_bytes;

typedef struct tc_ffi_shape { /* follows the header of shapes */
  const int64_t *at;
  size_t n;
} tc_ffi_shape;

typedef struct tc_ffi_seq { /* follows the header of arrays and lists */
  tc_ffi_any *at;
  int64_t n, capacity;
  void (*data_deleter)(void *);
} tc_ffi_seq;

typedef struct tc_ffi_bigint { /* follows the header; words from the lowest, two's complement */
  size_t n;
  uint64_t words[];
} tc_ffi_bigint;

/* DLPack. */
typedef struct tc_dl_tensor { /* follows the header of tensors */
  void *data;
  tc_ffi_device device;
  int32_t ndim;
  tc_ffi_dtype dtype;
  int64_t *shape, *strides;
  uint64_t byte_offset;
} tc_dl_tensor;

typedef struct tc_dl_managed {
  uint32_t major, minor;
  void *manager;
  void (*deleter)(struct tc_dl_managed *self);
  uint64_t flags;
  tc_dl_tensor tensor;
} tc_dl_managed;

typedef int tc_ffi_call(void *self, const tc_ffi_any *args, int32_t n_args, tc_ffi_any *result);

/* What precedes every object since 0.1.13: who takes its memory back. */
typedef struct tc_ffi_prefix {
  void (*delete_space)(void *object);
} tc_ffi_prefix;
typedef struct tc_ffi_allocator {
  void *(*allocate)(size_t size_b, size_t align, int32_t type_index, void *context);
  void *context;
} tc_ffi_allocator;

/* ---- reflection ---- */

enum tc_ffi_field_flags { TC_FFI_WRITABLE = 1, TC_FFI_STATIC_METHOD = 4, TC_FFI_SEQ_IGNORE = 8 };
enum tc_ffi_structural { TC_FFI_NO_STRUCTURE = 0, TC_FFI_TREE = 1, TC_FFI_UNIQUE = 5 };

typedef struct tc_ffi_field {
  tc_ffi_bytes name, doc, metadata;
  int64_t flags, size_b, align, offset;
  int (*getter)(void *field, tc_ffi_any *result);
  int (*setter)(void *field, const tc_ffi_any *value);
  tc_ffi_any initial;
  int32_t static_type;
} tc_ffi_field;

typedef struct tc_ffi_method {
  tc_ffi_bytes name, doc, metadata;
  int64_t flags;
  tc_ffi_any method;
} tc_ffi_method;

typedef struct tc_ffi_type_info {
  tc_ffi_bytes doc;
  int (*creator)(void **result);
  int32_t size_b;
  int32_t structural; /* tc_ffi_structural */
} tc_ffi_type_info;

typedef struct tc_ffi_version {
  uint32_t major, minor, patch;
} tc_ffi_version;

_Static_assert(sizeof(void *) == 8, "only hosts with 64-bit pointers");
_Static_assert(sizeof(tc_ffi_any) == 16 && offsetof(tc_ffi_any, as) == 8, "value");
_Static_assert(sizeof(tc_ffi_header) == 24 && offsetof(tc_ffi_header, deleter) == 16, "header");
_Static_assert(sizeof(tc_ffi_seq) == 32, "sequence");
_Static_assert(sizeof(tc_dl_tensor) == 48 && offsetof(tc_dl_tensor, dtype) == 20
                   && offsetof(tc_dl_tensor, shape) == 24
                   && offsetof(tc_dl_tensor, byte_offset) == 40,
               "DLTensor");
_Static_assert(sizeof(tc_dl_managed) == 80 && offsetof(tc_dl_managed, tensor) == 32,
               "DLManagedTensorVersioned");
_Static_assert(sizeof(tc_ffi_field) == 120 && offsetof(tc_ffi_field, getter) == 80
                   && offsetof(tc_ffi_field, static_type) == 112,
               "field");
_Static_assert(sizeof(tc_ffi_method) == 72, "method");
_Static_assert(sizeof(tc_ffi_type_info) == 32, "type");

/* What follows an object's header. */
static inline void *tc_ffi_body(const void *object) {
  return (char *)(uintptr_t)object + sizeof(tc_ffi_header);
}

#endif
