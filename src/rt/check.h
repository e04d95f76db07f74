/* Checks one set of arguments against a launch table and computes what the kernels need.
 *
 * Order: count, kinds, dtype and rank of every argument; dimensions from shapes; code; extents,
 * strides, alignment, address; overlap; asserts. The first thing that is wrong is reported with the
 * argument's name, what was found and what was wanted. */
#ifndef TC_RT_CHECK_H
#define TC_RT_CHECK_H

#include "rt/table.h"

/* Numbers of diagnostics: code 633 is shown as E0633. */
enum tc_rt_code {
  TC_RT_OK = 0,
  TC_RT_E_OUTSIDE = 605,       /* in a checked kernel: an index outside its buffer       */
  TC_RT_E_UNDEFINED = 607,     /* an undefined value                                     */
  TC_RT_E_DIVISION = 608,      /* a division by zero                                     */
  TC_RT_E_ASSUME = 610,        /* an assumption that does not hold                       */
  TC_RT_E_COUNT = 630,         /* number of arguments                                    */
  TC_RT_E_KIND = 631,          /* tensor, scalar or nothing where another was wanted     */
  TC_RT_E_DTYPE = 632,         /* element type                                           */
  TC_RT_E_RANK = 633,          /* number of dimensions                                   */
  TC_RT_E_SHAPE = 634,         /* an extent differs, or no dimension makes it fit        */
  TC_RT_E_STRIDE = 635,        /* not row-major, or not the declared strides             */
  TC_RT_E_ALIGN = 636,         /* address not a multiple of the element size             */
  TC_RT_E_NULL = 637,          /* no memory behind a tensor with elements                */
  TC_RT_E_OVERLAP = 638,       /* a written tensor shares memory with another            */
  TC_RT_E_RANGE = 639,         /* a scalar or extent does not fit its type               */
  TC_RT_E_SIZE = 640,          /* bytes of a tensor or workspace do not fit 64 bits      */
  TC_RT_E_ASSERT = 641,        /* an assert or assume does not hold                      */
  TC_RT_E_GRID = 642,          /* a grid extent is 0, negative or too large              */
  TC_RT_E_DIM = 643,           /* a dimension cannot be known                            */
  TC_RT_E_DEVICE_ASSERT = 644, /* an assert inside a kernel failed                   */
  TC_RT_E_WORKSPACE = 645,     /* memory for a workspace or scratch cannot be had        */
  TC_RT_E_THREAD = 646,        /* the operating system refused a lock or thread          */
  TC_RT_E_DEADLOCK = 660,      /* the threads of a kernel wait for each other for ever    */
  TC_RT_E_RESIDENT = 661,      /* more blocks wait for each other than can run at once    */
  TC_RT_E_BARRIER = 662,       /* a barrier is used in a way it does not allow            */
  TC_RT_E_DEADLINE = 663,      /* what a kernel waits for has not happened in time        */
  TC_RT_E_DEVICE = 665,        /* a tensor lies elsewhere than the kernel runs           */
  TC_RT_E_MACHINE = 666,       /* the processor lacks what the kernel was compiled for   */
  TC_RT_E_VERSION = 667,       /* parts of a program come from versions that do not mix  */
  TC_RT_E_MAP = 668,           /* a tensor that a tensor map cannot describe             */
  TC_RT_E_LIMIT = 669,         /* a kernel asks for more than the device has             */
  TC_RT_E_NO_CUDA = 670,       /* no driver, or no device                                */
  TC_RT_E_CUDA = 671,          /* a call of the driver failed                            */
  TC_RT_E_CAPTURE = 672,       /* what a stream that records a graph does not allow      */
  TC_RT_E_GPU = 673,           /* compiled for another architecture than the device's    */
  TC_RT_E_SIMULATED = 674,     /* the simulator found what a GPU would not forgive       */
  TC_RT_E_PEER = 675,          /* what is timed beside a kernel failed                   */
};

typedef struct tc_rt_error {
  uint32_t code; /* enum tc_rt_code */
  char text[400];
} tc_rt_error;

/* Records the first error; `fmt` is printf's. Returns `code`. */
uint32_t tc_rt_fail(tc_rt_error *error, uint32_t code, const char *fmt, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 3, 4), cold))
#endif
    ;

/* What a value that does not exist holds: no extent is equal to it. */
#define TC_RT_NO_VALUE INT64_MIN

/* Values of one launch. `values` and `bad` have n_words + n_code places, `ptr` n_tensors. */
typedef struct tc_rt_frame {
  int64_t *values;
  unsigned char *bad; /* not 0: the value does not exist */
  void **ptr;
} tc_rt_frame;

/* Checks everything and fills the frame. Returns TC_RT_OK or error->code. */
uint32_t tc_rt_check(const tc_rt_table *table, const tilec_arg *args, size_t n_args,
                     const tc_rt_frame *frame, tc_rt_error *error);

/* As far as it goes with some arguments left out (TILEC_ARG_NONE): binds dimensions, from `known`
 * first (names of the table's dims), and runs the code. Values that need an unknown dimension are
 * marked bad; `ptr` is not used. Of the arguments that are there only kind, type and rank are
 * checked: whether they agree is for tc_rt_check. */
uint32_t tc_rt_bind(const tc_rt_table *table, const tilec_arg *args, size_t n_args,
                    const tilec_dim *known, size_t n_known, const tc_rt_frame *frame,
                    tc_rt_error *error);

/* Where a tensor lies, as a tilec_device. */
static inline uint32_t tc_rt_device_of(const tilec_tensor *t) {
  bool has = t->size >= offsetof(tilec_tensor, device_id) + sizeof t->device_id;
  return has && t->device_type ? (uint32_t)t->device_type : TILEC_DEVICE_HOST;
}
/* That all tensors among the arguments lie where the table wants them; a part of tc_rt_check. */
uint32_t tc_rt_check_devices(const tc_rt_table *table, const tilec_arg *args, tc_rt_error *error);

/* A number of the table in this frame. False when it does not exist. */
static inline bool tc_rt_number_of(const tc_rt_frame *frame, const tc_rt_number *number,
                                   int64_t *x) {
  *x = number->is_constant ? number->constant : frame->values[number->value];
  return number->is_constant || !frame->bad[number->value];
}

/* What a kernel on a GPU gets for an argument that is a word of the frame: its first bytes, as many
 * as the argument has. A word without a value gives 0. */
uint64_t tc_rt_gpu_scalar(const tc_rt_frame *frame, const tc_rt_gpu_arg *arg);
/* Grid of kernel `k`: all three extents, the unused ones 1. Each must be in [1, 2^31), or 0 for a
 * GPU, and their product must fit 63 bits. */
uint32_t tc_rt_grid(const tc_rt_table *table, const tc_rt_frame *frame, uint32_t k, int32_t grid[3],
                    tc_rt_error *error);
/* Bytes of workspace `w`. */
uint32_t tc_rt_workspace_size(const tc_rt_table *table, const tc_rt_frame *frame, uint32_t w,
                              uint64_t *size_b, tc_rt_error *error);

/* ---- parts, for tests and for this folder ---- */

/* The short way (check_quick.c): true, and the frame filled, when the table is plain and nothing is
 * wrong with the arguments. False says nothing about them. frame->bad is 0 for all words. */
bool tc_rt_check_quick(const tc_rt_table *table, const tilec_arg *args, size_t n_args,
                       const tc_rt_frame *frame);
/* A scalar argument; its value goes to *word. */
uint32_t tc_rt_check_scalar(const tc_rt_param *p, const tilec_arg *arg, int64_t *word,
                            tc_rt_error *error);

/* Runs instructions [first, end) of the table's code. */
void tc_rt_run_code(const tc_rt_table *table, const tc_rt_frame *frame, uint32_t first,
                    uint32_t end);
/* True when a * b does not fit, else *product is it. */
static inline bool tc_rt_mul_overflows(int64_t a, int64_t b, int64_t *product) {
#if defined(__GNUC__)
  return __builtin_mul_overflow(a, b, product);
#else
  if (a < 0 || b < 0 || (a && b > INT64_MAX / a)) return true;
  *product = a * b;
  return false;
#endif
}
/* "[2, 3, 4]" into text. */
void tc_rt_shape_text(char *text, size_t size_b, const int64_t *shape, uint32_t rank);
const char *tc_rt_dtype_name(uint32_t code);
/* Bits of one element, 0 when unknown. */
uint32_t tc_rt_dtype_bits(uint32_t code);

#endif
