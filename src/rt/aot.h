/* What stands between the entry of an object made by `tilec build` and the launch.
 *
 * Such an object holds a copy of this folder with all names local to it. What objects share is one
 * hub per program: 64 bytes of zeros that every object brings along and the linker and loader make
 * one. Whoever needs threads first leaves a pointer to a tc_rt_share there, and the others use its
 * pool. The hub, and what stands before `size_b` in a share, never change; the rest belongs to
 * TC_RT_SHARE_VERSION, and an object that meets another version refuses to run. */
#ifndef TC_RT_AOT_H
#define TC_RT_AOT_H

#include "rt/aot_tensor.h"
#include "rt/launch.h"

enum { TC_RT_SHARE_MAGIC = 0x74696c65, TC_RT_SHARE_VERSION = 1 };

typedef struct tc_rt_share {
  uint32_t magic, version;
  const char *made_by; /* version of tilec, for messages */
  uint32_t size_b;     /* of this struct: fields may be added at its end within a version */
  uint32_t n_threads;
  void *pool;
  /* tc_rt_pool_run, but for the text of the error. */
  uint32_t (*run)(void *pool, tc_rt_block *block, void *data, int64_t n_blocks, uint64_t scratch_b,
                  int32_t *result);
} tc_rt_share;

typedef struct tc_rt_hub {
  _Atomic(const tc_rt_share *) share;
  uint64_t reserved[7];
} tc_rt_hub;

/* How an object whose kernels run on GPUs reaches them. */
typedef struct tc_rt_aot_gpu {
  uint32_t (*launch)(const tilec_arg *args, tc_rt_error *error);
  int32_t (*current)(void); /* the device on which memory lies that does not say where it does */
} tc_rt_aot_gpu;

/* One object. */
typedef struct tc_rt_aot {
  tc_rt_function function;
  const char *name;    /* of the entry */
  const char *made_by; /* version of tilec */
  tc_rt_hub *hub;
  void (*keep)(const tc_rt_error *error); /* remembers it for the calling thread */
  const tc_rt_aot_gpu *gpu;               /* NULL: the kernels run here          */
} tc_rt_aot;

typedef struct tc_rt_aot_arg {
  uint32_t kind; /* tilec_arg_kind */
  union {
    const tilec_aot_tensor *tensor; /* tc_rt_aot_call */
    const void *data;               /* tc_rt_aot_raw, and parameters that are bare pointers */
    int64_t i;
    double f;
  } as;
} tc_rt_aot_arg;

/* Runs the function on one argument per parameter of the table. Returns 0 or the number of the
 * error, which `keep` got. */
int tc_rt_aot_call(const tc_rt_aot *unit, const tc_rt_aot_arg *given);
/* The same with memory only: shapes and strides are computed from the dimensions, which are given
 * in the order of the table. */
int tc_rt_aot_raw(const tc_rt_aot *unit, const tc_rt_aot_arg *given, const int64_t *dims);
/* A value of the tvm-ffi C ABI, by which other languages call (0.1.9 and later 0.1). */
typedef struct tc_rt_packed {
  int32_t type;
  uint32_t small_b;
  union {
    int64_t i;
    double f;
    void *p;
  } as;
} tc_rt_packed;
/* The arguments for tc_rt_aot_call that such values stand for, floats not rounded to their type
 * yet. Returns 0 or the number of the error, which `keep` got. */
int tc_rt_aot_unpack(const tc_rt_aot *unit, const tc_rt_packed *values, int32_t n,
                     tc_rt_aot_arg *to);
/* The GPU that the first tensor lies on which is on one, else `otherwise`. */
int32_t tc_rt_aot_device(const tc_rt_aot *unit, const tc_rt_aot_arg *given, int32_t otherwise);
/* The name of the class of errors that a number belongs to, as that ABI has it. */
const char *tc_rt_aot_class(int code);

/* The pool of the program, made now if there is none. NULL with an error: no memory, or the hub
 * holds something of another version. */
const tc_rt_share *tc_rt_aot_join(tc_rt_hub *hub, const char *name, const char *made_by,
                                  tc_rt_error *error);

#endif
