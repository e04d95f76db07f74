/* tilec: compiles tile kernels and runs them. The whole public interface, for C11 and C++.
 *
 *   context   options, memory and worker threads; everything else is made from one
 *   program   one kernel source (text or file), its -D values and its entry
 *   kernel    a program compiled for one target
 *   tensor    a view of memory: type, shape, strides
 *   layout    where the elements of a tile are
 *   error     what went wrong: a status, one line of text, all diagnostics as text or JSON
 *
 * Rules that hold for every function:
 *   - Handles are counted: *_new gives one reference to the caller, *_retain adds one, *_release
 *     takes one away and accepts NULL. An object keeps alive what it was made from, so handles may
 *     be released in any order.
 *   - Functions that can fail return a tilec_status. `error`, when not NULL, receives an object
 * that the caller releases, or NULL on success. Out parameters are written on success only, else
 * set to NULL.
 *   - Structs whose first field is `size` are versioned: the caller sets it to sizeof the struct it
 *     was compiled with. Fields beyond an older caller's size read as zero.
 *   - All functions may be called from any thread at once, on the same handles too, except that the
 *     last release of a handle must not race with its use. Nothing global is changed: no signal
 *     handlers, no atexit output, no environment variables, no locale, no working directory.
 *   - Text is UTF-8. Nothing is retained of what the caller passes in, unless said. */
#ifndef TILEC_TILEC_H
#define TILEC_TILEC_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define TILEC_API
#elif defined(__GNUC__) || defined(__clang__)
#define TILEC_API __attribute__((visibility("default")))
#else
#define TILEC_API
#endif

#define TILEC_VERSION_MAJOR 0
#define TILEC_VERSION_MINOR 1
#define TILEC_VERSION_PATCH 0

enum { TILEC_MAX_RANK = 16 };

/* ---- status ---- */

typedef enum tilec_status {
  TILEC_OK = 0,
  TILEC_ERROR = 1,        /* the kernel source is wrong: see the diagnostics                      */
  TILEC_USAGE = 2,        /* this call is wrong: NULL, struct size, unknown option, verb or entry */
  TILEC_CHECK_FAILED = 3, /* a check found a fault: bounds, race, uninitialised read (E05xx)      */
  TILEC_NO_TARGET = 4,    /* target unknown, not built in, or its device or compiler is missing   */
  TILEC_BUDGET = 5,       /* a step or time budget ran out                                        */
  TILEC_ARGUMENT = 6,     /* launch: an argument does not match its declaration, or an assert
                             failed                                                               */
  TILEC_MEMORY = 7,       /* out of memory, or a memory limit was reached                         */
  TILEC_ENVIRONMENT = 8,  /* files, the C compiler or the operating system failed                 */
  TILEC_INTERRUPTED = 9,  /* a callback asked to stop                                             */
  TILEC_RAISED = 10,      /* an exception of the host language: its resolver holds it             */
  TILEC_BUG = 70          /* internal error; please report                                        */
} tilec_status;

/* "ok", "usage", ...; static. Unknown numbers give "unknown". */
TILEC_API const char *tilec_status_name(tilec_status status);

/* "MAJOR.MINOR.PATCH" of the library; static. */
TILEC_API const char *tilec_version(void);

/* ---- element types ---- */

/* X(id, code, name, bits): codes never change. `bits` is one element. 4-bit types lie two to a
 * byte and 2-bit types four to a byte, element 0 in the low bits; 6-bit types take a byte each. */
#define TILEC_DTYPES(X)                                                                            \
  X(BOOL, 1, bool, 8)                                                                              \
  X(INT2, 2, int2, 2)                                                                              \
  X(INT4, 3, int4, 4)                                                                              \
  X(INT8, 4, int8, 8)                                                                              \
  X(INT16, 5, int16, 16)                                                                           \
  X(INT32, 6, int32, 32)                                                                           \
  X(INT64, 7, int64, 64)                                                                           \
  X(UINT2, 8, uint2, 2)                                                                            \
  X(UINT4, 9, uint4, 4)                                                                            \
  X(UINT8, 10, uint8, 8)                                                                           \
  X(UINT16, 11, uint16, 16)                                                                        \
  X(UINT32, 12, uint32, 32)                                                                        \
  X(UINT64, 13, uint64, 64)                                                                        \
  X(FLOAT16, 14, float16, 16)                                                                      \
  X(BFLOAT16, 15, bfloat16, 16)                                                                    \
  X(FLOAT32, 16, float32, 32)                                                                      \
  X(TFLOAT32, 17, tfloat32, 32)                                                                    \
  X(FLOAT64, 18, float64, 64)                                                                      \
  X(FLOAT8_E4M3FN, 19, float8_e4m3fn, 8)                                                           \
  X(FLOAT8_E4M3FNUZ, 20, float8_e4m3fnuz, 8)                                                       \
  X(FLOAT8_E4M3B11FNUZ, 21, float8_e4m3b11fnuz, 8)                                                 \
  X(FLOAT8_E5M2, 22, float8_e5m2, 8)                                                               \
  X(FLOAT8_E5M2FNUZ, 23, float8_e5m2fnuz, 8)                                                       \
  X(FLOAT8_E3M4, 24, float8_e3m4, 8)                                                               \
  X(FLOAT8_E8M0FNU, 25, float8_e8m0fnu, 8)                                                         \
  X(FLOAT6_E2M3FN, 26, float6_e2m3fn, 6)                                                           \
  X(FLOAT6_E3M2FN, 27, float6_e3m2fn, 6)                                                           \
  X(FLOAT4_E2M1FN, 28, float4_e2m1fn, 4)                                                           \
  X(POINTER, 29, handle, 64)

typedef enum tilec_dtype {
  TILEC_DTYPE_NONE = 0,
#define TILEC_X(id, code, name, bits) TILEC_##id = code,
  TILEC_DTYPES(TILEC_X)
#undef TILEC_X
      TILEC_DTYPE_COUNT = 30
} tilec_dtype;

/* "float32"; static; NULL for an unknown code. */
TILEC_API const char *tilec_dtype_name(tilec_dtype dtype);
/* Finds a name or an alias ("half", "float"); TILEC_DTYPE_NONE when there is none (or NULL). */
TILEC_API tilec_dtype tilec_dtype_find(const char *name);
/* Bytes of `n` elements that lie one after another; 0 for an unknown code, UINT64_MAX when the
 * number does not fit. */
TILEC_API uint64_t tilec_dtype_bytes(tilec_dtype dtype, uint64_t n);
/* The type an array file (.npy) stores it as: float16 -> float16, bfloat16 -> uint16, 8-bit and
 * narrower floats, int4 and the like -> uint8, tfloat32 -> float32. */
TILEC_API tilec_dtype tilec_dtype_storage(tilec_dtype dtype);
/* DLPack's type code * 256 + bits of an element; 0 for an unknown code. */
TILEC_API uint32_t tilec_dtype_dlpack(tilec_dtype dtype);

/* ---- tensors ---- */

typedef enum tilec_tensor_flags {
  TILEC_TENSOR_POISONED = 1 /* the contents are undefined: the oracle reports reads of them */
} tilec_tensor_flags;

/* Where memory lies: DLPack's codes. What host and device both reach serves as either. */
typedef enum tilec_device {
  TILEC_DEVICE_HOST = 1, /* 0 means the same */
  TILEC_DEVICE_CUDA = 2,
  TILEC_DEVICE_CUDA_HOST = 3,    /* pinned host memory */
  TILEC_DEVICE_CUDA_MANAGED = 13 /* managed memory     */
} tilec_device;

/* A view of memory, in the terms of DLPack. The caller owns everything it points to.
 *
 * `dtype` is the declared type of the parameter, or its storage type (tilec_dtype_storage; int8
 * also serves for uint8). With a packed type's own dtype, extents and strides count elements; with
 * its storage type they count bytes, so the last extent is half (a quarter) of the declared one. */
typedef struct tilec_tensor {
  size_t size;
  void *data;             /* may be NULL when an extent is 0                          */
  const int64_t *shape;   /* rank extents, none negative                              */
  const int64_t *strides; /* rank strides in elements, or NULL: row-major, no holes   */
  uint64_t byte_offset;   /* of the first element from `data`                         */
  uint32_t rank;          /* at most TILEC_MAX_RANK                                   */
  uint16_t dtype;         /* tilec_dtype                                              */
  uint16_t flags;         /* tilec_tensor_flags                                       */
  int32_t device_type;    /* tilec_device; 0: the host                                */
  int32_t device_id;      /* number of the CUDA device; else 0                        */
} tilec_tensor;

/* ---- errors ---- */

typedef struct tilec_error tilec_error;

typedef enum tilec_format { TILEC_FORMAT_TEXT, TILEC_FORMAT_COLOR, TILEC_FORMAT_JSON } tilec_format;

/* The status of the call that failed; TILEC_OK for NULL. */
TILEC_API tilec_status tilec_error_status(const tilec_error *error);
/* Code of the first error, "E0123"; "" when it has none. Lives as long as the error. */
TILEC_API const char *tilec_error_code(const tilec_error *error);
/* The first error in one line, without its place; "" for NULL. Lives as long as the error. */
TILEC_API const char *tilec_error_text(const tilec_error *error);
/* All diagnostics: for people, with carets (colour by ANSI escapes), or JSON lines with the keys
 * code, severity, message, spans, notes, help. Every line ends with \n. Lives as long as the error.
 */
TILEC_API const char *tilec_error_diagnostics(const tilec_error *error, tilec_format format);
/* Ends an error; NULL is fine. */
TILEC_API void tilec_error_release(tilec_error *error);

/* Text made by the library; terminated. */
typedef struct tilec_text tilec_text;
/* Its bytes, terminated; "" for NULL. Lives as long as the text. */
TILEC_API const char *tilec_text_data(const tilec_text *text);
/* How many bytes, without the terminator; 0 for NULL. */
TILEC_API size_t tilec_text_size(const tilec_text *text);
/* Ends a text; NULL is fine. */
TILEC_API void tilec_text_release(tilec_text *text);

/* ---- context ---- */

typedef struct tilec_context tilec_context;

/* Where the library takes its memory from: for objects, texts, arrays, workspaces, worker threads,
 * compilations and runs of the interpreter. Both functions may be called by several threads at
 * once, and must not call the library. `alloc` returns NULL when it cannot; `align` is a power of
 * two, at most 64. `free` is given what `alloc` returned, never NULL, and the same number of bytes.
 * Compilations stay within the limit of option `memory`, and give all back when they end. What the
 * C library needs for itself (directories, processes, loading of kernels) comes from malloc. */
typedef struct tilec_allocator {
  size_t size;
  void *data;
  void *(*alloc)(void *data, size_t bytes, size_t align);
  void (*free)(void *data, void *at, size_t bytes);
} tilec_allocator;

typedef struct tilec_context_options {
  size_t size;
  const tilec_allocator *allocator; /* copied; NULL: malloc                                      */
  int read_environment;             /* not 0: the TILEC_* variables set options (options.def)    */
  /* Output of T.print, whole lines, one call at a time; NULL: standard output. */
  void (*print)(void *data, const char *text, size_t n);
  /* Things the user should know that are not errors: one line without \n that begins with
   * "warning: " or "note: ". NULL: dropped. */
  void (*warn)(void *data, const char *text);
  void *data; /* passed to print, warn and interrupted */
  /* Asked from time to time while something is compiled, on the thread that does so: not 0 ends it
   * with TILEC_INTERRUPTED. NULL: never. */
  int (*interrupted)(void *data);
} tilec_context_options;

/* Makes a context. `options` may be NULL. With read_environment, a TILEC_* variable with a bad
 * value is TILEC_USAGE, one that is not known is a warning that names the nearest. returns
 * TILEC_OK, TILEC_USAGE, TILEC_MEMORY. */
TILEC_API tilec_status tilec_context_new(const tilec_context_options *options, tilec_context **out,
                                         tilec_error **error);
TILEC_API tilec_context *tilec_context_retain(tilec_context *context);
TILEC_API void tilec_context_release(tilec_context *context);

/* Sets an option by name ("cache_dir") for the programs and kernels made afterwards. The number of
 * worker threads (jobs) is fixed by the first kernel for target cpu. A NULL value restores the
 * default. returns TILEC_OK, TILEC_USAGE (unknown name; bad value, and the text says what was
 * wanted). */
TILEC_API tilec_status tilec_context_set(tilec_context *context, const char *name,
                                         const char *value, tilec_error **error);
/* The value an option has now. returns TILEC_OK, TILEC_USAGE, TILEC_MEMORY. */
TILEC_API tilec_status tilec_context_get(tilec_context *context, const char *name, tilec_text **out,
                                         tilec_error **error);

typedef struct tilec_option {
  size_t size;
  const char *name;     /* "cache_dir"                                                  */
  const char *variable; /* "TILEC_CACHE_DIR"                                            */
  const char *flag;     /* "--cache-dir", as the command spells it                      */
  const char *values;   /* what it takes: "text", "bytes", "count", "off|ro|rw", "flag" */
  const char *initial;  /* the default                                                  */
  const char *help;     /* one line                                                     */
  int keyed;            /* not 0: changes what is compiled, so it is in the cache key   */
} tilec_option;
/* How many options there are. */
TILEC_API size_t tilec_option_count(void);
/* Row `i` of the table of options; strings are static. returns TILEC_OK, TILEC_USAGE. */
TILEC_API tilec_status tilec_option_at(size_t i, tilec_option *out);

/* ---- programs ---- */

typedef struct tilec_program tilec_program;

/* A value for a factory parameter or T.const name; `text` is a Python literal or a bare word, which
 * is taken as a string. */
typedef struct tilec_define {
  const char *name, *text;
} tilec_define;

/* The shape of an argument that is known when compiling. A T.const name that is an extent of it,
 * and was not given a value, gets that extent as its value, as in a call of the function with
 * tensors. */
typedef struct tilec_shape {
  const char *name; /* of the parameter */
  uint32_t rank;
  const int64_t *extent; /* of the array: in bytes in the last dimension of a packed type */
} tilec_shape;

/* ---- programs whose names live in another language ----
 *
 * A kernel may be a function of a running program in another language, say Python. Its text comes
 * here and is evaluated here; what its names stand for is asked of a *resolver*, one callback for
 * all operations. A value is a number or text that is copied, a name that the compiler knows, a
 * function whose text is known and which is evaluated in turn, or an object, which is a number that
 * only the resolver understands and on which it performs what the kernel asks for.
 *
 * The same operations go the other way: while a callback runs it may operate on values of the
 * evaluation (buffers, expressions, T.* operations) by tilec_trace_do, so that code of the other
 * language may build parts of a kernel. */

typedef struct tilec_trace tilec_trace; /* one evaluation; valid in callbacks, from BEGIN to END */

typedef enum tilec_value_kind {
  TILEC_VALUE_UNBOUND = 0, /* nothing: there is no such name, item, default ...                   */
  TILEC_VALUE_NONE = 1,
  TILEC_VALUE_BOOL = 2,  /* as.i                                                                  */
  TILEC_VALUE_INT = 3,   /* as.i                                                                  */
  TILEC_VALUE_FLOAT = 4, /* as.f                                                                  */
  TILEC_VALUE_TEXT = 5,  /* as.text, n bytes                                                      */
  TILEC_VALUE_NAME = 6,  /* as.text, n bytes: a path that the compiler may know, such as
                            tilelang.language.copy, math.log2, builtins.len, torch.float16;
                            `object`, when it does not                                            */
  TILEC_VALUE_TUPLE = 7, /* of n items, which operation ITEM gives                                */
  TILEC_VALUE_LIST = 8,
  TILEC_VALUE_SET = 9,
  TILEC_VALUE_DICT = 10,     /* n items: a key, its value, the next key ...                       */
  TILEC_VALUE_SLICE = 11,    /* three items                                                       */
  TILEC_VALUE_FUNCTION = 12, /* a function with text: SOURCE. as.i: tilec_function_flags          */
  TILEC_VALUE_METHOD = 13,   /* two items: the receiver and a function                            */
  TILEC_VALUE_RECORD = 14,   /* an operation that was put off: item 0 is an INT, the operation
                                (tilec_op), the others are its arguments                          */
  TILEC_VALUE_OBJECT = 15,   /* anything else of the resolver's world                             */
  TILEC_VALUE_STAGED = 16,   /* a value of the evaluation; only the library makes them. as.text: its
                                kind in words ("a frame"), n bytes                                */
  TILEC_VALUE_VAR = 17,      /* the same, and a variable: of a loop, a dimension, T.alloc_var     */
  TILEC_VALUE_EXPR = 18,     /* the same, and any other number or truth value of run time         */
  TILEC_VALUE_BUFFER = 19    /* the same, and a buffer                                            */
} tilec_value_kind;

typedef enum tilec_function_flags {
  TILEC_FUNCTION_MACRO = 1,
  TILEC_FUNCTION_KERNEL = 2,   /* a prim_func; an eager function is an ENTRY without flags        */
  TILEC_FUNCTION_ORDINARY = 4, /* called by the resolver when no argument is a staged value       */
  TILEC_FUNCTION_LAMBDA = 8
} tilec_function_flags;

/* `object` identifies what is no plain number or text: in values of the resolver a number of its
 * choice, not 0 and the same whenever the object is the same; in values of the library its own.
 * Text need only live until the next callback, or the return of the function it is given to. */
typedef struct tilec_value {
  uint32_t kind; /* tilec_value_kind */
  uint32_t n;
  union {
    int64_t i;
    double f;
    const char *text;
  } as;
  uint64_t object;
} tilec_value;

/* X(NAME, what it is given -> what it gives). A text that names an operator is Python's ("+", "//",
 * "not", "<="). Keyword arguments of a call stand behind the others, each a text and a value. */
#define TILEC_OPS(X)                                                                               \
  X(BEGIN, "an evaluation begins -> nothing")                                                      \
  X(END, "it has ended, well or not: all objects and the trace are forgotten -> nothing")          \
  X(ENTRY, "-> the function to compile")                                                           \
  X(RESULT, "the result of tilec_evaluate -> nothing")                                             \
  X(DEFINE, "the name of a compile-time parameter or a T.const -> its value, or UNBOUND")          \
  X(SOURCE, "function -> text, path, number of its first line, line of the def, name; or UNBOUND") \
  X(LOOKUP, "function, name that is free in it -> its value, or UNBOUND")                          \
  X(DEFAULT, "function, parameter -> its default, or UNBOUND")                                     \
  X(ANNOTATION, "function, parameter -> its annotation, or UNBOUND: read the text")                \
  X(IMPORT, "path of a module -> the module")                                                      \
  X(ITEM, "value of several items, number -> that item")                                           \
  X(GETATTR, "object, name -> its attribute, or UNBOUND")                                          \
  X(SETATTR, "object, name, value -> nothing")                                                     \
  X(GETITEM, "object, index -> item")                                                              \
  X(SETITEM, "object, index, value -> nothing")                                                    \
  X(CALL, "callee, number of keywords, arguments, keywords and values -> result")                  \
  X(ITERATE, "object -> iterator, or UNBOUND: it is not iterable")                                 \
  X(NEXT, "iterator -> its next item, or UNBOUND: there is none")                                  \
  X(LEN, "object -> its length")                                                                   \
  X(TRUTH, "object -> a bool")                                                                     \
  X(CONTAINS, "object, item -> a bool")                                                            \
  X(BINARY, "operator, left, right -> result")                                                     \
  X(UNARY, "operator, operand -> result")                                                          \
  X(COMPARE, "operator, left, right -> result")                                                    \
  X(STR, "object -> its text for people")                                                          \
  X(REPR, "object -> its text for programmers")

typedef enum tilec_op {
#define TILEC_X(name, what) TILEC_OP_##name,
  TILEC_OPS(TILEC_X)
#undef TILEC_X
      TILEC_OP_COUNT
} tilec_op;

/* What a resolver answered in the evaluations of one function, and what it did with their values
 * meanwhile. A program is evaluated anew for every form it is wanted in; with a history its
 * resolver is asked the first time only, so that code with effects runs once, and a kernel stays
 * what it was. Where an evaluation asks something else (of another device), the resolver is asked
 * from there on. Several programs of the same function may share one. Numbers of objects must then
 * mean the same as long as the history lives. threads any. */
typedef struct tilec_history tilec_history;
/* NULL: out of memory. */
TILEC_API tilec_history *tilec_history_new(void);
TILEC_API void tilec_history_retain(tilec_history *history);
/* The last release ends it. NULL is allowed. */
TILEC_API void tilec_history_release(tilec_history *history);

typedef struct tilec_resolver {
  size_t size;
  /* Performs `op`. Sets *result and returns TILEC_OK; or keeps the exception that was raised, sets
   * *result to a text that names it, and returns TILEC_RAISED; or TILEC_INTERRUPTED. What it calls
   * must return: nothing may jump over a frame of the library, nor does the library over one of
   * its. May be called by several threads at once when a program is compiled by several. */
  tilec_status (*run)(void *data, tilec_trace *trace, tilec_op op, const tilec_value *args,
                      size_t n_args, tilec_value *result);
  /* The program that held it has ended; may be NULL. */
  void (*release)(void *data);
  void *data;
  tilec_history *history; /* NULL: none. The program keeps a reference of its own */
} tilec_resolver;

/* Performs an operation (ITEM to REPR) on values of the evaluation, while a callback of `trace`
 * runs, on its thread. Arguments may be the resolver's own values as well. Text in the result lives
 * until the callback returns.
 * returns TILEC_OK; TILEC_RAISED (the resolver raised on the way, or raises now what it kept);
 *         any other status ends the evaluation as soon as the callback returns, whatever it
 *         returns, and the error of that says why. */
TILEC_API tilec_status tilec_trace_do(tilec_trace *trace, tilec_op op, const tilec_value *args,
                                      size_t n_args, tilec_value *result);
/* The status and the first error of a trace that is about to end, in one line; "" when it is not.
 * Lives until the callback returns. */
TILEC_API const char *tilec_trace_text(const tilec_trace *trace);

/* Performs one operation outside of any kernel: its result goes to `resolver` as operation RESULT,
 * as STAGED when it has no meaning outside of a kernel. What it is about is named by NAME values.
 * returns as tilec_program_check; TILEC_RAISED, TILEC_INTERRUPTED. */
TILEC_API tilec_status tilec_evaluate(tilec_context *context, const tilec_resolver *resolver,
                                      tilec_op op, const tilec_value *args, size_t n_args,
                                      tilec_error **error);

/* A name of the T vocabulary. */
typedef struct tilec_word {
  size_t size;
  const char *name, *signature, *help; /* static; no signature: not a function */
  int missing;                         /* not 0: known, not implemented        */
  int anywhere;                        /* not 0: has a meaning outside kernels */
} tilec_word;
/* How many there are, names of types not counted. */
TILEC_API size_t tilec_word_count(void);
/* Name `i`. returns TILEC_OK, TILEC_USAGE (past the end). */
TILEC_API tilec_status tilec_word_at(size_t i, tilec_word *out);

typedef struct tilec_program_options {
  size_t size;
  const char *path;  /* shown in diagnostics; read when `text` is NULL                   */
  const char *text;  /* the source, or NULL                                              */
  size_t text_size;  /* bytes of `text`; it need not be terminated                       */
  const char *entry; /* name of the function to compile, or NULL when there is just one  */
  const tilec_define *defines;
  size_t n_defines;
  const tilec_shape *shapes; /* may be NULL; copied */
  size_t n_shapes;
  /* A program of another language: `path`, `text` and `entry` only name it (operation ENTRY gives
   * the function), and there are no defines. Copied; released with the program, or, when the
   * program cannot be made, by the caller. NULL: none. */
  const tilec_resolver *resolver;
  /* pass_configs from outside of the source, which win over those in it: keys, and values as the
   * command line spells them ("on", "pingpong", "4"). */
  const tilec_define *configs;
  size_t n_configs;
} tilec_program_options;

/* Takes a program: nothing is compiled yet. A path that ends in .tir holds IR text. All strings are
 * copied, and a file is read now, so later changes of it have no effect.
 * returns TILEC_OK, TILEC_USAGE, TILEC_MEMORY, TILEC_ENVIRONMENT (unreadable). */
TILEC_API tilec_status tilec_program_new(tilec_context *context,
                                         const tilec_program_options *options, tilec_program **out,
                                         tilec_error **error);
TILEC_API tilec_program *tilec_program_retain(tilec_program *program);
TILEC_API void tilec_program_release(tilec_program *program);

/* Evaluates and checks the program without compiling it for a target. `warnings`, when not NULL,
 * receives what is not an error, rendered as for errors, perhaps empty.
 * returns TILEC_OK, TILEC_ERROR, TILEC_CHECK_FAILED, TILEC_USAGE, TILEC_BUDGET, TILEC_MEMORY,
 *         TILEC_BUG. */
TILEC_API tilec_status tilec_program_check(tilec_program *program, tilec_format format,
                                           tilec_text **warnings, tilec_error **error);

/* One form of the program as text. `form` is one of
 *   "ast"   the syntax tree        "ir"    the IR as evaluated (state surface)
 *   "tile"  the canonical IR       "c"     what the C compiler of target cpu gets
 *   "scheduled", "placed", "lane"  the later states of the IR, for the option `target`, which must
 *           be one of GPUs
 *   "cuda"  what NVRTC gets: for the option `target` if that is cuda:ARCH or sim:cuda:ARCH, or else
 *           for the first device of this machine
 * All forms of IR parse again: they may be given to tilec_program_new as .tir.
 * returns as tilec_program_check; TILEC_USAGE for an unknown form. */
TILEC_API tilec_status tilec_program_emit(tilec_program *program, const char *form,
                                          tilec_text **out, tilec_error **error);

typedef struct tilec_build_options {
  size_t size;
  const char *target;    /* "cpu", "cpu:x86-64-v3"; NULL: the option `target`       */
  const char *directory; /* made if it is not there; NULL: the working directory    */
  const char *name;      /* of the files and functions; NULL: the entry's           */
  tilec_format format;   /* of the warnings                                         */
} tilec_build_options;
/* Compiles a program ahead of time: writes NAME.c, NAME.h, NAME.o, NAME.so and NAME.json, which a C
 * program uses without this library (docs/aot.md). All files are written, or none; those of an
 * earlier build are replaced, others never. `files` receives their paths, one a line; `warnings`
 * what is not an error. Either may be NULL.
 * returns as tilec_program_check; TILEC_NO_TARGET; TILEC_ENVIRONMENT (no C compiler, or no NVRTC,
 * or it failed; a file cannot be written). cost    one or two seconds, in the C compiler, for a GPU
 * twice that. */
TILEC_API tilec_status tilec_program_build(tilec_program *program,
                                           const tilec_build_options *options, tilec_text **files,
                                           tilec_text **warnings, tilec_error **error);

/* Runs passes by name, separated by commas, over the IR of the program, in the order given, and
 * prints the result.
 * returns as tilec_program_check; TILEC_USAGE for an unknown pass, with the nearest name. */
TILEC_API tilec_status tilec_program_opt(tilec_program *program, const char *passes,
                                         tilec_text **out, tilec_error **error);

typedef struct tilec_pass {
  size_t size;
  const char *name, *help; /* static */
} tilec_pass;
/* How many passes there are. */
TILEC_API size_t tilec_pass_count(void);
/* Pass `i`, in the order in which they run. returns TILEC_OK, TILEC_USAGE (past the end). */
TILEC_API tilec_status tilec_pass_at(size_t i, tilec_pass *out);
/* What each pass needs and gives, as a table for people. returns TILEC_OK, TILEC_USAGE,
 * TILEC_MEMORY. */
TILEC_API tilec_status tilec_pass_table(tilec_context *context, tilec_text **out,
                                        tilec_error **error);

/* ---- kernels ---- */

typedef struct tilec_kernel tilec_kernel;

typedef struct tilec_target {
  size_t size;
  const char *name, *help; /* static */
  int available;           /* not 0: kernels for it can run on this machine now */
} tilec_target;
/* How many targets are built in. */
TILEC_API size_t tilec_target_count(void);
/* Row `i` of the targets. `context` says which C compiler and driver to look for; NULL leaves
 * `available` of targets that need one at 0. returns TILEC_OK, TILEC_USAGE (past the end). */
TILEC_API tilec_status tilec_target_at(tilec_context *context, size_t i, tilec_target *out);

/* Compiles a program for a target: "cpu" (host C compiler; without one the kernel runs on the
 * interpreter and the context is warned), "cpu:ISA", "cuda" (the current device, or the first) or
 * "cuda:ARCH", "sim:cuda:ARCH" (the text for a GPU in the simulator), "interp" (the oracle); NULL:
 * the option `target`.
 * returns TILEC_OK, or as tilec_program_check, or TILEC_NO_TARGET (unknown; no driver, NVRTC or
 * device, or one that runs no such code), or TILEC_ENVIRONMENT (the compiler is missing, failed or
 * did not end in time). cost    about a second when the C compiler runs, milliseconds when the
 * cache has the kernel. */
TILEC_API tilec_status tilec_kernel_new(tilec_program *program, const char *target,
                                        tilec_kernel **out, tilec_error **error);
TILEC_API tilec_kernel *tilec_kernel_retain(tilec_kernel *kernel);
TILEC_API void tilec_kernel_release(tilec_kernel *kernel);

typedef struct tilec_kernel_info {
  size_t size;
  const char *name;      /* of the function; lives as long as the kernel           */
  const char *target;    /* what it really runs on: "cpu", "interp" or "cuda:ARCH" */
  size_t n_params;       /* arguments of tilec_launch                              */
  size_t n_dims;         /* symbolic dimensions                                    */
  int cached;            /* not 0: the binary came from the cache                  */
  uint64_t compile_ns;   /* from source to something that can be launched          */
  uint64_t toolchain_ns; /* of which the compiler of generated text                */
  int32_t device_type;   /* tilec_device where tensors must lie                    */
  int32_t device_id;     /* the device it was made for; tensors may be on others   */
  uint64_t l2_b;         /* cache of that device; 0: not known                     */
  size_t n_grids;        /* kernels that one launch runs, on a GPU                 */
  uint64_t own_ns;       /* of compile_ns, what was our own work                   */
} tilec_kernel_info;
/* What a kernel is. returns TILEC_OK, TILEC_USAGE. */
TILEC_API tilec_status tilec_kernel_describe(const tilec_kernel *kernel, tilec_kernel_info *out);
/* What a compilation went through, from the table of phases. */
typedef struct tilec_phase {
  size_t size;
  const char *name, *help; /* static; "passes"                                           */
  int own;                 /* not 0: our work, else a compiler's, a driver's or a file's */
  uint64_t ns;             /* how long it took; all phases together are compile_ns       */
} tilec_phase;
/* Phase `i` of the compilation of a kernel. returns TILEC_OK, TILEC_USAGE (past the end). */
TILEC_API tilec_status tilec_kernel_phase(const tilec_kernel *kernel, size_t i, tilec_phase *out);
/* What one of the kernels of a function takes on a GPU, as its assembler says. */
typedef struct tilec_resources {
  size_t size;
  const char *name;                       /* lives as long as the kernel               */
  uint32_t threads;                       /* of a block                                */
  uint32_t registers;                     /* of a thread; 0: not known                 */
  uint32_t spill_stores_b, spill_loads_b; /* of a thread                               */
  uint32_t stack_b;                       /* local memory of a thread                  */
  uint32_t static_shared_b, shared_b;     /* of a block: fixed, and given at launch    */
} tilec_resources;
/* Kernel `i` of n_grids. returns TILEC_OK, TILEC_USAGE (past the end). */
TILEC_API tilec_status tilec_kernel_resources(const tilec_kernel *kernel, size_t i,
                                              tilec_resources *out);
/* Warnings of its compilation, rendered as for errors; "" when there are none. Lives as long as the
 * kernel. */
TILEC_API const char *tilec_kernel_diagnostics(const tilec_kernel *kernel, tilec_format format);

typedef enum tilec_param_kind { TILEC_PARAM_TENSOR = 1, TILEC_PARAM_SCALAR = 2 } tilec_param_kind;
typedef enum tilec_param_flags {
  TILEC_PARAM_READ = 1,     /* the kernel reads it                                       */
  TILEC_PARAM_WRITTEN = 2,  /* the kernel writes it                                      */
  TILEC_PARAM_RESULT = 4,   /* made by T.empty and returned                              */
  TILEC_PARAM_NULLABLE = 8, /* may be left out: never touched                            */
  TILEC_PARAM_POINTER = 16, /* declared as a bare pointer: no shape                      */
  TILEC_PARAM_STRIDED = 32  /* declared with strides: need not be row-major              */
} tilec_param_flags;
typedef struct tilec_param {
  size_t size;
  const char *name; /* lives as long as the kernel */
  uint32_t kind;    /* tilec_param_kind            */
  uint32_t flags;   /* tilec_param_flags           */
  uint32_t rank;
  uint16_t dtype; /* tilec_dtype */
  /* What a comparison of a written tensor with the oracle's allows: element x here and y there
   * differ by at most rtol * |y| + atol + atol_scale * max |y|. All 0: bit for bit. */
  double rtol, atol, atol_scale;
} tilec_param;
/* Parameter `i`. returns TILEC_OK, TILEC_USAGE (past the end). */
TILEC_API tilec_status tilec_kernel_param(const tilec_kernel *kernel, size_t i, tilec_param *out);
/* "scale(A: float32[M, 64], alpha: float32)"; before a result stands "out". Lives as long as the
 * kernel; "" for NULL. */
TILEC_API const char *tilec_kernel_signature(const tilec_kernel *kernel);
/* Name of symbolic dimension `i`, or NULL past the end. Lives as long as the kernel. */
TILEC_API const char *tilec_kernel_dim(const tilec_kernel *kernel, size_t i);

typedef enum tilec_arg_kind {
  TILEC_ARG_NONE = 0, /* left out: nullable parameters only          */
  TILEC_ARG_TENSOR = 1,
  TILEC_ARG_INT = 2,  /* integer and bool parameters, range checked; of uint64 its bits */
  TILEC_ARG_FLOAT = 3 /* float parameters, rounded to the type       */
} tilec_arg_kind;
typedef struct tilec_arg {
  uint32_t kind, reserved; /* tilec_arg_kind; 0 */
  union {
    const tilec_tensor *tensor;
    int64_t i;
    double f;
  } as;
} tilec_arg;

/* Runs a kernel: one argument per parameter, in order, results included. Returns when it is done,
 * on GPUs too (their default stream is used). Writes go to the tensors' memory; after an error
 * found before the start (TILEC_ARGUMENT, TILEC_USAGE) nothing was written, after other errors
 * their contents are undefined. returns TILEC_OK; TILEC_ARGUMENT (count, kind, dtype, rank, shape,
 * strides, alignment, NULL, overlap, an assert or assume that does not hold; the text names the
 * argument, what was found and what was wanted); TILEC_MEMORY (workspaces); TILEC_BUDGET,
 * TILEC_CHECK_FAILED (interp); TILEC_USAGE. threads any number at once, also on one kernel, also
 * from T.print callbacks. cost    checks are some tens of nanoseconds and allocate nothing. */
TILEC_API tilec_status tilec_launch(tilec_kernel *kernel, const tilec_arg *args, size_t n_args,
                                    tilec_error **error);

/* Loads a kernel on a CUDA device now (device_id of its tensors), which else its first launch there
 * does. Other targets have nothing to do. returns TILEC_OK; TILEC_ARGUMENT (no such device);
 * TILEC_NO_TARGET (one that does not run this kernel); TILEC_ENVIRONMENT; TILEC_MEMORY;
 * TILEC_USAGE.
 */
TILEC_API tilec_status tilec_kernel_prepare(tilec_kernel *kernel, int32_t device_id,
                                            tilec_error **error);

/* As tilec_launch on a stream of a GPU (a CUstream, which is a cudaStream_t; NULL: the default
 * one), without waiting: what the kernel does wrong shows later, at some other call. The tensors
 * must live until it has run. The stream may be recording a graph; what the kernel needs besides
 * its tensors is the graph's own then, until the kernel is released. So graphs and streams may run
 * at the same time, but one graph not twice. Other targets take NULL and return when done. returns
 * as tilec_launch; TILEC_ENVIRONMENT (the driver refused). */
TILEC_API tilec_status tilec_launch_on(tilec_kernel *kernel, const tilec_arg *args, size_t n_args,
                                       void *stream, tilec_error **error);

/* Something else that does what a kernel does, to be timed beside it: starts its work on these
 * arguments, on the stream of the context that is current (NULL: the default stream; processors:
 * when it returns, it is done). 0 when it could. */
typedef int tilec_peer(const tilec_arg *args, size_t n_args, void *stream);

typedef struct tilec_timing {
  size_t size;
  const tilec_arg *const *sets; /* arguments of one launch each; run i takes set i % n_sets   */
  size_t n_sets, n_args;
  size_t n_warm; /* launches before those that are timed                                */
  size_t n_runs;
  int flush;        /* not 0: on a GPU, twice its L2 is written before each run             */
  tilec_peer *peer; /* not NULL: is called instead of launching the kernel                  */
} tilec_timing;
/* Times launches of a kernel into times_ns[n_runs]: on GPUs by events on the default stream, else
 * by a monotonic clock around each call. returns as tilec_launch. */
TILEC_API tilec_status tilec_kernel_time(tilec_kernel *kernel, const tilec_timing *timing,
                                         uint64_t *times_ns, tilec_error **error);

/* A value for a symbolic dimension. */
typedef struct tilec_dim {
  const char *name;
  int64_t value;
} tilec_dim;
/* The shape parameter `param` must have, in elements of its declared type, given some of the
 * arguments (the others TILEC_ARG_NONE) and some dimensions by name. shape has room for
 * TILEC_MAX_RANK; only the parameter's rank of them are set.
 * returns TILEC_OK; TILEC_ARGUMENT (a dimension is not known; arguments disagree); TILEC_USAGE;
 * TILEC_MEMORY. */
TILEC_API tilec_status tilec_kernel_shape(const tilec_kernel *kernel, const tilec_arg *args,
                                          size_t n_args, const tilec_dim *dims, size_t n_dims,
                                          size_t param, int64_t *shape, tilec_error **error);

/* ---- arrays: memory owned by the library ---- */

typedef struct tilec_array tilec_array;
/* A row-major array of zeros, 64-byte aligned.
 * returns TILEC_OK; TILEC_USAGE (rank, negative extent, dtype); TILEC_MEMORY (also when the size
 *         does not fit or is more than the machine has). */
TILEC_API tilec_status tilec_array_new(tilec_context *context, tilec_dtype dtype, uint32_t rank,
                                       const int64_t *shape, tilec_array **out,
                                       tilec_error **error);
/* The same in memory of a device of `context` (TILEC_DEVICE_HOST or _CUDA, and its number).
 * returns as tilec_array_new; TILEC_NO_TARGET (no driver, no such device); TILEC_ENVIRONMENT. */
TILEC_API tilec_status tilec_array_new_on(tilec_context *context, int32_t device_type,
                                          int32_t device_id, tilec_dtype dtype, uint32_t rank,
                                          const int64_t *shape, tilec_array **out,
                                          tilec_error **error);
/* Copies all elements of one row-major tensor to another of the same size in bytes, between host
 * memory and one CUDA device in any direction. Returns when it is done.
 * returns TILEC_OK; TILEC_USAGE (sizes, strides, two devices); as tilec_array_new_on. */
TILEC_API tilec_status tilec_tensor_copy(tilec_context *context, const tilec_tensor *to,
                                         const tilec_tensor *from, tilec_error **error);
TILEC_API tilec_array *tilec_array_retain(tilec_array *array);
TILEC_API void tilec_array_release(tilec_array *array);
/* The view of the whole array; lives as long as the array. NULL for NULL. */
TILEC_API const tilec_tensor *tilec_array_tensor(const tilec_array *array);
/* Bytes of its elements; 0 for NULL. */
TILEC_API size_t tilec_array_bytes(const tilec_array *array);

/* Fills a row-major tensor, read as `dtype` (its own, or a type stored as it), with values that
 * depend on `seed` and the position only: floats uniform in [-1, 1), ints in [-8, 8) or [0, 8)
 * (within their range), bools, and powers of two for float8_e8m0fnu.
 * returns TILEC_OK, TILEC_USAGE. */
TILEC_API tilec_status tilec_tensor_random(const tilec_tensor *tensor, tilec_dtype dtype,
                                           uint64_t seed, tilec_error **error);

typedef struct tilec_difference {
  size_t size;
  int64_t n_bad;                 /* elements outside the bound                           */
  int64_t index[TILEC_MAX_RANK]; /* of the first one, in elements of `dtype`             */
  double got, wanted;            /* its two values                                       */
  double bound;                  /* what they may differ by                              */
  double worst;                  /* the greatest |got - wanted| of all elements          */
} tilec_difference;
/* Compares two row-major tensors of one shape, read as `dtype`: an element is bad when
 * |got - wanted| > rtol * |wanted| + atol. NaN agrees with NaN and an infinity with itself.
 * returns TILEC_OK whether or not they differ; TILEC_USAGE. */
TILEC_API tilec_status tilec_tensor_compare(const tilec_tensor *got, const tilec_tensor *wanted,
                                            tilec_dtype dtype, double rtol, double atol,
                                            tilec_difference *out, tilec_error **error);
/* The greatest finite magnitude in a row-major tensor, read as `dtype`; 0 for an empty one. */
TILEC_API double tilec_tensor_magnitude(const tilec_tensor *tensor, tilec_dtype dtype);

/* ---- layouts: where the elements of a tile are ---- */

/* A layout says for each element of a tile in which slots of which threads it is (a fragment), or
 * at which offset of memory (a buffer), counted in elements. It never changes. Two with one text
 * are the same map, and the same digits always have one text.
 *
 *     layout(thread:[3(0,2), 8(1,0)], slot:[2(0,1)] -> [8, 6])
 *
 * lists the digits of each space, lowest first, with what each adds to the index of the element:
 * the lowest digit of the thread, below 3, adds that times 2 to the column. n^(m, ..) XORs instead.
 */
typedef struct tilec_layout tilec_layout;

enum { TILEC_LAYOUT_RANK = 6 /* the greatest rank of a tile that has one */ };

/* Where a copy of an element is. */
typedef struct tilec_layout_place {
  int64_t thread, slot, offset;
} tilec_layout_place;

typedef struct tilec_layout_spec {
  size_t size;
  /* make_linear_layout and the other names that kernels use, or an instruction's fragment: mma_c,
   * wgmma_d and so on */
  const char *name;
  uint32_t rank;        /* fragments of instructions: 0 is their own tile */
  uint32_t bits;        /* of an element; only swizzles ask */
  const int64_t *shape; /* rank extents */
  int64_t n_threads;    /* only make_fully_replicated_layout_fragment asks */
} tilec_layout_spec;

typedef struct tilec_layout_info {
  size_t size;
  uint32_t rank;
  int is_injective;  /* not 0: no place holds what another does, padding included      */
  int is_surjective; /* not 0: every element of the tile is somewhere                  */
  int is_replicated; /* not 0: some element is held by more than one thread            */
  int is_table;      /* not 0: no digits give it, so that it is a list of places       */
  int64_t shape[TILEC_LAYOUT_RANK];
  int64_t n_threads, n_slots, n_offsets; /* places of each space; 1: it is not used    */
  int64_t n_copies;                      /* places of each element                     */
} tilec_layout_info;

/* Reads a layout's text, blanks anywhere.
 * returns TILEC_OK; TILEC_ARGUMENT (no layout; the text says at which byte); TILEC_USAGE;
 * TILEC_MEMORY. */
TILEC_API tilec_status tilec_layout_parse(tilec_context *context, const char *text,
                                          tilec_layout **out, tilec_error **error);
/* Makes the layout of a name.
 * returns TILEC_OK; TILEC_ARGUMENT (the name is not known; there is none of this tile: an extent
 * below 1, rows that no swizzle fits, too many elements); TILEC_USAGE (NULL, rank, struct size);
 * TILEC_MEMORY. */
TILEC_API tilec_status tilec_layout_make(tilec_context *context, const tilec_layout_spec *spec,
                                         tilec_layout **out, tilec_error **error);
/* Makes the layout that has these places: those of each element in row-major order, its n_copies
 * one after another. A list that digits give becomes them.
 * returns TILEC_OK; TILEC_ARGUMENT (an extent below 1; not n_places of them; more than 2^20; a
 * place is negative or 2^20 and more; one place holds two elements); TILEC_USAGE; TILEC_MEMORY. */
TILEC_API tilec_status tilec_layout_fit(tilec_context *context, uint32_t rank, const int64_t *shape,
                                        int64_t n_copies, const tilec_layout_place *places,
                                        size_t n_places, tilec_layout **out, tilec_error **error);
TILEC_API tilec_layout *tilec_layout_retain(tilec_layout *layout);
TILEC_API void tilec_layout_release(tilec_layout *layout);

/* Its text, in the one form that equal layouts have. Lives as long as the layout; "" for NULL. */
TILEC_API const char *tilec_layout_text(const tilec_layout *layout);
/* What a layout is. returns TILEC_OK, TILEC_USAGE. */
TILEC_API tilec_status tilec_layout_describe(const tilec_layout *layout, tilec_layout_info *out);
/* Where copy `copy` of element index[rank] is; copy 0 is the one that stores.
 * returns TILEC_OK; TILEC_ARGUMENT (outside the tile, no such copy, or it is nowhere); TILEC_USAGE.
 * threads any number at once; allocates nothing. */
TILEC_API tilec_status tilec_layout_find(const tilec_layout *layout, const int64_t *index,
                                         int64_t copy, tilec_layout_place *out);
/* The inverse: which element is at a place, into index[rank].
 * returns TILEC_OK; TILEC_ARGUMENT (there is no such place, or it is padding); TILEC_USAGE.
 * threads any number at once; allocates nothing. */
TILEC_API tilec_status tilec_layout_element(const tilec_layout *layout,
                                            const tilec_layout_place *place, int64_t *index);

/* ---- knowing things ---- */

typedef struct tilec_diagnostic {
  size_t size;
  const char *code, *name, *message, *explanation; /* static; message is a printf format */
  int is_error;                                    /* else a warning                     */
} tilec_diagnostic;
/* How many diagnostics there are. */
TILEC_API size_t tilec_diagnostic_count(void);
/* Diagnostic `i`. returns TILEC_OK, TILEC_USAGE (past the end). */
TILEC_API tilec_status tilec_diagnostic_at(size_t i, tilec_diagnostic *out);
/* Finds "E0412" (any case) or the name; TILEC_USAGE when there is none. */
TILEC_API tilec_status tilec_diagnostic_find(const char *code, tilec_diagnostic *out);

/* What was found on this machine: compiler, processors, cache. JSON is one object.
 * returns TILEC_OK, TILEC_USAGE, TILEC_MEMORY.
 * cost    it runs compilers to ask for their versions. */
TILEC_API tilec_status tilec_doctor(tilec_context *context, tilec_format format, tilec_text **out,
                                    tilec_error **error);

/* Works on the kernel cache. `verb` is one of
 *   "ls"      one line per entry, newest first       "stat"   location, size, limits
 *   "verify"  reads every entry; TILEC_CHECK_FAILED when one is damaged
 *   "clear"   removes all entries                    "gc"     removes old ones down to the limit
 * returns TILEC_OK, TILEC_CHECK_FAILED, TILEC_USAGE, TILEC_ENVIRONMENT, TILEC_MEMORY. */
TILEC_API tilec_status tilec_cache_run(tilec_context *context, const char *verb,
                                       tilec_format format, tilec_text **out, tilec_error **error);

#ifdef __cplusplus
}
#endif

#endif
