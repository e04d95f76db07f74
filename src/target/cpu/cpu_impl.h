/* Inside the CPU target: one tc_cpu per kernel, and a file per kind of statement. */
#ifndef TC_TARGET_CPU_CPU_IMPL_H
#define TC_TARGET_CPU_CPU_IMPL_H

#include "base/map.h"
#include "target/common/cemit.h"
#include "target/cpu/cpu.h"
#include "target/cpu/strands.h"

/* Parameters of the body function, and what the exported function passes for them. */
typedef struct tc_signature {
  tc_sb formals, actuals;
} tc_signature;

typedef struct tc_cpu {
  tc_cemit *e;
  const tc_cpu_isa_info *isa;
  tc_sb *helpers;     /* functions made for this text: micro-kernels                   */
  tc_map *made;       /* hash of a helper's name -> 1                                  */
  uint64_t scratch_b; /* on-chip buffers                                               */
  uint64_t work_b;    /* what the hungriest tile op needs besides; `work` in the text  */
  uint32_t n_labels;  /* for names that must differ                                    */
  tc_signature signature;
  tc_strands *threads;
  tc_rt_range group; /* the threads that run the statement                          */
  bool in_perthread, has_clusters;
  const char **own;       /* by buffer: the array with a place for each thread           */
  uint64_t stack_b;       /* arrays in the body function's frame                         */
  uint64_t zeroed_b;      /* at the start of the scratch memory                          */
  const tc_map *codes;    /* of asserts that were inserted */
  const char **sum_lanes; /* by statement id: where an atomic keeps its sum for now, or NULL */
} tc_cpu;

static inline tc_cpu *tc_cpu_of(tc_cemit *e) {
  return e->own;
}
/* `work_b` bytes, aligned to 64, that last for the current statement. Returns the offset in `work`;
 * several calls for one statement add up from `from` on. */
uint64_t tc_cpu_work(tc_cpu *c, uint64_t from, uint64_t size_b);

/* ---- buffers: storage.c ---- */

/* Names the buffers that the kernel uses. */
void tc_cpu_name_buffers(tc_cpu *c, tc_region kernel);
void tc_cpu_alloc(tc_cpu *c, tc_value stmt);
/* `size_b` bytes that all strands of a block have in common, as `type *`. Returns the name. */
const char *tc_cpu_common(tc_cpu *c, const char *type, uint64_t size_b);
/* Bytes of an on-chip buffer; its extents must be constants. */
uint64_t tc_cpu_size_of(tc_cpu *c, tc_buf buf);
/* Within per-thread code: names what thread `name` has of the arrays with a place for each, as far
 * as the region uses them; and takes the names back. */
void tc_cpu_open_own(tc_cpu *c, tc_region region, const char *name);
void tc_cpu_close_own(tc_cpu *c);

/* ---- threads: threads.c, collective.c ---- */

/* The number by which the runtime names the place of a statement; `what` it does there. */
uint32_t tc_cpu_site(tc_cpu *c, tc_value stmt, const char *what);
/* What several strands do once, together: the last one to come does it. False: nothing opened. */
bool tc_cpu_open_meeting(tc_cpu *c, tc_value stmt);
void tc_cpu_close_meeting(tc_cpu *c);
void tc_cpu_group(tc_cpu *c, tc_value stmt);
void tc_cpu_perthread(tc_cpu *c, tc_value stmt);
void tc_cpu_barrier(tc_cpu *c, tc_value stmt);
void tc_cpu_mbarrier(tc_cpu *c, tc_value stmt);
void tc_cpu_wait(tc_cpu *c, tc_value stmt);
/* After an access at which the strand gives way: `at` and `bits` are what it saw. */
void tc_cpu_look(tc_cpu *c, tc_value stmt, const char *at, const char *bits);
/* Names the thread of a per-thread region: a 64-bit variable. */
const char *tc_cpu_name_thread(tc_cpu *c, const tc_group *g);
/* The first of them and the one after the last, of this strand. */
void tc_cpu_threads_of(tc_cpu *c, const tc_group *g, const char **first, const char **end);
/* A collective where it stands, by a strand of one thread. */
void tc_cpu_collective(tc_cpu *c, tc_value stmt);
/* A region with one collective, statement number `cut`, for all its threads. */
void tc_cpu_lockstep(tc_cpu *c, tc_value stmt, uint32_t cut);

/* ---- slices: slice.c ---- */

/* A tile operand with what is known about its numbers. Extents of 1 that are constant are kept:
 * `rank` is the buffer's. */
enum { TC_CPU_RANK = 16 };
typedef struct tc_side {
  tc_buf buf;
  const tc_buffer *b;
  const char *ptr; /* pointer to the buffer's first element */
  uint32_t rank;
  struct {
    const char *base, *extent, *stride, *shape; /* 64-bit expressions */
    int64_t extent_k, stride_k;                 /* constants, or -1 */
    tc_value base_v, extent_v;
    bool below, above; /* elements may lie before 0, or beyond the shape */
  } d[TC_CPU_RANK];
} tc_side;
tc_side tc_cpu_side(tc_cpu *c, tc_value slice);
/* Pairs the dimensions of `to` with those of `from` as a copy does; -1: none. Emits the check that
 * extents which are not constants agree. Refuses what cannot agree. */
void tc_cpu_match(tc_cpu *c, tc_value stmt, const tc_side *to, const tc_side *from, int *map);
/* Pairs dimensions of extents other than 1, leaving out `skip` of `a` (UINT32_MAX: none). */
bool tc_cpu_pair(tc_cpu *c, const tc_side *a, uint32_t skip, const tc_side *b, int *map);
/* Emits: leave the kernel unless the extents agree (when they are not equal constants). */
void tc_cpu_check_equal(tc_cpu *c, tc_value stmt, const char *a, const char *b);
/* Offset of the point whose index in dimension d is `at[d]` (64-bit text; NULL: 0). */
const char *tc_cpu_point(tc_cpu *c, const tc_side *s, const char *const *at);
/* The condition that the point lies inside the buffer, for dimensions that may leave it; NULL:
 * always. */
const char *tc_cpu_inside(tc_cpu *c, const tc_side *s, const char *const *at);
/* The interval of loop indices that lie inside in dimension d, as two temporaries. */
void tc_cpu_window(tc_cpu *c, const tc_side *s, uint32_t d, const char **lo, const char **hi);
bool tc_cpu_guarded(const tc_side *s);
/* The prelude's function that converts a contiguous row, (to, from, n), or NULL. */
const char *tc_cpu_row_converter(tc_type from, tc_type to);

/* Puts asserts before the statements of all kernels: checked.c. `codes` gets the code of the error
 * that each of them stands for. */
void tc_cpu_insert_checks(tc_ir *ir, tc_map *codes, tc_arena *arena);

/* ---- statements ---- */

void tc_cpu_parallel(tc_cpu *c, tc_value stmt); /* parallel.c */
void tc_cpu_copy(tc_cpu *c, tc_value stmt);     /* copy.c */
void tc_cpu_fill(tc_cpu *c, tc_value stmt);
void tc_cpu_transpose(tc_cpu *c, tc_value stmt);
void tc_cpu_im2col(tc_cpu *c, tc_value stmt);
void tc_cpu_reduce(tc_cpu *c, tc_value stmt); /* reduce.c */
void tc_cpu_scan(tc_cpu *c, tc_value stmt);
void tc_cpu_gemm(tc_cpu *c, tc_value stmt);   /* gemm.c */
void tc_cpu_atomic(tc_cpu *c, tc_value stmt); /* atomic.c */
void tc_cpu_atomic_tile(tc_cpu *c, tc_value stmt);
bool tc_cpu_ordered_access(tc_cpu *c, tc_value stmt); /* loads and stores with a memory order */

#endif
