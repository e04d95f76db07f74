/* tilec for tvm-ffi: what Python and other languages of that runtime get.
 *
 * This folder is a client of include/tilec. The library libtilec_ffi is the core with this adapter,
 * exports one function, and needs nothing of tvm-ffi to be built or loaded: tilec_ffi_attach finds
 * the copy of libtvm_ffi that the process has, takes its functions (calls.def), and registers our
 * types (objects.def) and functions (functions.def) there, once.
 *
 * Rules of every function that tvm-ffi calls: it may run in several threads at once; it keeps
 * nothing of its arguments unless it makes them its own; it returns 0, or -1 with an error set. */
#ifndef TC_FFI_FFI_H
#define TC_FFI_FFI_H

#include "ffi/abi.h"
#include "tilec/tilec.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

/* Attaches to libtvm_ffi: the copy at `library`, or with NULL the one that is loaded already.
 * Attaching again to the same copy does nothing.
 * returns 0; else another number, and a line in text[size_b] says why.
 * threads one at a time. */
TILEC_API int tilec_ffi_attach(const char *library, char *text, size_t size_b);

/* ---- the runtime we are attached to ---- */

typedef struct tc_ffi_runtime {
#define CALL(need, result, name, parameters) result(*name) parameters;
#include "ffi/calls.def"
#undef CALL
  tc_ffi_version version;
  void *make_array; /* the function ffi.Array */
  bool has_extra;   /* errors hold a cause and a context */
} tc_ffi_runtime;

/* Written once, by tilec_ffi_attach before anything is registered that could read it. */
extern tc_ffi_runtime tc_ffi;

/* Registers all types, then all functions. 0, or -1 with an error set. */
int tc_ffi_register_types(void);
int tc_ffi_register_functions(void);

/* ---- errors (error.c) ---- */

/* Sets an error of a kind, by which the other side finds its class, and returns -1. */
int tc_ffi_raise(const char *kind, const char *fmt, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3), cold))
#endif
    ;
int tc_ffi_no_memory(void);
/* Sets the error of a launch, whose text `who` precedes, releases it and returns -1. */
int tc_ffi_raise_launch(tilec_error *error, const char *who);
/* Sets the error of an operation that gave this status. */
int tc_ffi_raise_status(tilec_status status, const char *text);
/* Sets the error of a compilation: its diagnostics are the error's context and the places they name
 * its innermost frames, in a function called `name`. Releases it and returns -1. */
int tc_ffi_raise_compile(tilec_error *error, const char *name);

/* ---- diagnostics (json.c) ---- */

/* Makes the array of the diagnostics in `json`, lines as tilec_error_diagnostics gives them. */
int tc_ffi_diagnostics(const char *json, tc_ffi_any *out);

/* ---- values (convert.c) ---- */

static inline tc_ffi_bytes tc_ffi_bytes_of(const char *text, size_t n) {
  return (tc_ffi_bytes){text, n};
}
tc_ffi_bytes tc_ffi_text(const char *text);
static inline tc_ffi_any tc_ffi_int(int64_t x) {
  return (tc_ffi_any){TC_FFI_INT, 0, {.i = x}};
}
static inline tc_ffi_any tc_ffi_bool(bool x) {
  return (tc_ffi_any){TC_FFI_BOOL, 0, {.i = x}};
}
/* `object` as a value; who owns it does not change. */
tc_ffi_any tc_ffi_value(void *object);
/* Ends an owned value and leaves none. */
void tc_ffi_drop(tc_ffi_any *value);
int tc_ffi_string(const char *text, size_t n, tc_ffi_any *out);
/* An array of n owned values, which are ended whether or not it succeeds. */
int tc_ffi_array(tc_ffi_any *items, int32_t n, tc_ffi_any *out);
/* The bytes of a string, which live as long as the value stays where it is; false: it is none. */
bool tc_ffi_is_text(const tc_ffi_any *value, tc_ffi_bytes *text);
/* The items of an array or list. */
bool tc_ffi_is_list(const tc_ffi_any *value, const tc_ffi_seq **list);
/* What a value is, in the words of an error: "a str". */
const char *tc_ffi_what(int32_t type_index);

/* A call whose arguments are read one after another; the first that does not fit sets an error. */
typedef struct tc_ffi_args {
  const char *function;
  const tc_ffi_any *at;
  int32_t n, next;
  bool failed;
} tc_ffi_args;
/* False, with an error, when there are not between `least` and `most` arguments. */
bool tc_ffi_args_start(tc_ffi_args *args, const char *function, const tc_ffi_any *at, int32_t n,
                       int32_t least, int32_t most);
/* Terminated text that lives as long as the arguments; with `may_lack`, NULL for None or nothing.
 */
const char *tc_ffi_take_text(tc_ffi_args *args, bool may_lack, char small[8]);
int64_t tc_ffi_take_int(tc_ffi_args *args, int64_t initial);
/* NULL when it is None or nothing. */
const tc_ffi_seq *tc_ffi_take_list(tc_ffi_args *args);
/* An argument, or NULL for None or nothing. */
const tc_ffi_any *tc_ffi_take(tc_ffi_args *args);

/* ---- tensors (tensor.c) ---- */

/* The DLTensor of a value, or NULL when it is none. */
const tc_dl_tensor *tc_ffi_tensor_of(const tc_ffi_any *value);
/* The element type of parameters declared as `declared` that DLPack's type stands for; 0: none. */
tilec_dtype tc_ffi_dtype_of(tc_ffi_dtype dtype, tilec_dtype declared);
/* DLPack's type of one of ours. */
tc_ffi_dtype tc_ffi_dtype_from(tilec_dtype dtype);
/* A new row-major tensor, by the caller's allocator, or by ours when it has none. */
int tc_ffi_tensor_new(tilec_context *context, tilec_dtype dtype, uint32_t rank,
                      const int64_t *shape, tc_ffi_device device, tc_ffi_any *out);

/* ---- objects (registrar.c) ---- */

/* Every object of ours: fields are values, and some hold a handle of the C interface. */
typedef struct tc_ffi_instance {
  tc_ffi_header header;
  _Atomic(void *) handle; /* a Config makes its own when it is first used */
  tc_ffi_any fields[];
} tc_ffi_instance;

enum tc_ffi_type {
  TC_FFI_TYPE_NONE = -1,
#define OBJECT(type, key, parent, structure, release, doc) TC_FFI_TYPE_##type,
#define FIELD(type, name, kind, flags, schema, doc)
#define METHOD(type, name, function, flags, doc)
#include "ffi/objects.def"
#undef OBJECT
#undef FIELD
#undef METHOD
  TC_FFI_N_TYPES
};

/* Places of fields: TC_FFI_FIELD(Kernel, name) indexes tc_ffi_instance.fields. */
enum tc_ffi_place {
#define OBJECT(type, key, parent, structure, release, doc)                                         \
  TC_FFI_FIRST_##type, TC_FFI_BEFORE_##type = TC_FFI_FIRST_##type - 1,
#define FIELD(type, name, kind, flags, schema, doc) TC_FFI_AT_##type##_##name,
#define METHOD(type, name, function, flags, doc)
#include "ffi/objects.def"
#undef OBJECT
#undef FIELD
#undef METHOD
  TC_FFI_N_PLACES
};
#define TC_FFI_FIELD(type, name) (TC_FFI_AT_##type##_##name - TC_FFI_FIRST_##type)

/* A new instance, all of whose fields are None. */
int tc_ffi_new(enum tc_ffi_type type, tc_ffi_instance **out);
/* The instance a value holds; NULL, with a TypeError, when it is of another type. */
tc_ffi_instance *tc_ffi_instance_of(const tc_ffi_any *value, enum tc_ffi_type type,
                                    const char *function);
/* Whether it is one, or of a type that comes from it, without an error. */
bool tc_ffi_is(const tc_ffi_any *value, enum tc_ffi_type type);
/* One more reference. */
tc_ffi_any tc_ffi_share(const tc_ffi_any *value);

/* ---- options (config.c) ---- */

/* The context of a Config, or with NULL the one without options; NULL with an error. It lives as
 * long as the Config. */
tilec_context *tc_ffi_context_of(const tc_ffi_any *config);
/* The Config of an argument that may be left out: one more reference, or an empty one. */
int tc_ffi_config_or_empty(const tc_ffi_any *config, const char *function, tc_ffi_any *out);

/* ---- kernels (kernel.c, function.c) ---- */

/* A Kernel object; takes over the reference to `kernel`. `config` is borrowed. */
int tc_ffi_kernel_object(tilec_kernel *kernel, const tc_ffi_any *config, tc_ffi_any *out);

/* The function that launches a kernel. The parameters listed in outs, and its results, are made and
 * returned when a call has not as many arguments as there are parameters. */
int tc_ffi_kernel_function(tilec_kernel *kernel, tilec_context *context, const char *signature,
                           const tc_ffi_seq *outs, tc_ffi_any *out);
/* Reads a call's arguments into those of a launch. `tensors` and `args` have a place for each. */
int tc_ffi_launch_args(const tilec_kernel *kernel, const tc_ffi_any *given, int32_t n,
                       tilec_tensor *tensors, tilec_arg *args);

/* ---- layouts (layout.c) ---- */

/* The setter of the field `text` of a Layout: reads it, and sets all other fields, too. */
int tc_ffi_layout_set_text(void *field, const tc_ffi_any *value);

/* ---- resolvers (world.c) ---- */

/* The resolver that a function of the other side is, with a History or NULL; `release` ends it. */
int tc_ffi_resolver(const tc_ffi_any *function, const tc_ffi_any *history, tilec_resolver *out);

/* The handle of a Trace. */
typedef struct tc_ffi_trace {
  tilec_trace *trace; /* NULL: the evaluation has ended */
  void *function;     /* the world that answers; as long as there is a trace */
  pthread_t thread;   /* where a callback is running */
  uint32_t depth;     /* of callbacks */
  tc_ffi_any last;    /* what the last one gave; texts in it live until the next */
} tc_ffi_trace;
void tc_ffi_trace_release(void *handle);

/* ---- values of kernels (value.c) ---- */

/* A value crosses as four fields: kind, n, payload, object (see tilec_value); the payload of a
 * staged one is a Value object. */
enum { TC_FFI_VALUE_FIELDS = 4, TC_FFI_OP_ENCODE = -1 };
/* Owned fields. */
int tc_ffi_give(tc_ffi_instance *trace, const tilec_value *value,
                tc_ffi_any fields[TC_FFI_VALUE_FIELDS]);
/* Text is borrowed from the fields, which must stay where they are. `trace` may be NULL. */
bool tc_ffi_take_fields(const tc_ffi_instance *trace, const tc_ffi_any fields[TC_FFI_VALUE_FIELDS],
                        tilec_value *value);
void tc_ffi_value_release(void *handle);

/* Functions and methods: the rows of functions.def and objects.def. */
#define FUNCTION(name, function, doc) tc_ffi_call function;
#include "ffi/functions.def"
#undef FUNCTION
#define OBJECT(type, key, parent, structure, release, doc)
#define FIELD(type, name, kind, flags, schema, doc)
#define METHOD(type, name, function, flags, doc) tc_ffi_call function;
#include "ffi/objects.def"
#undef OBJECT
#undef FIELD
#undef METHOD

#endif
