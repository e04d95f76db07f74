/* What the files of pass `lower` share: the kernel being lowered, where its tiles are in memory and
 * registers, and the loop nest over a tile whose iterations threads share out.
 *
 * The pass builds each kernel's region anew. Statements that mean the same for one thread are kept
 * with other operands; tile operations become loads, stores and primitives. Old values have new
 * ones in `subst`; inside a nest each iteration has a map of its own on top of it. */
#ifndef TC_PASS_LOWER_H
#define TC_PASS_LOWER_H

#include "ir/build.h"
#include "layout/layout.h"
#include "pass/pass.h"

enum { TC_LOWER_RANK = 16, TC_LOWER_WIDTH = 16 };

/* What became of a buffer that is not in global memory. */
typedef struct tc_lower_buf {
  const tc_layout *layout; /* NULL: none */
  tc_buf *arrays;          /* fragment: of `per_array` slots each; else one array */
  uint32_t n_arrays;
  int64_t per_array;
  int64_t version; /* shared: elements from one version to the next; 0: there is one */
  /* fragment that a matrix engine adds to: how its warps or warpgroups lie over it */
  int64_t rows, columns; /* 0: none does */
  bool wgmma;
  bool words;  /* an operand of mma.sync: elements packed into 32-bit words */
  bool pinned; /* for the loop being made */
} tc_lower_buf;

struct tc_nest;

typedef struct tc_lower {
  tc_ir *ir;
  tc_arena *arena; /* of the pass */
  tc_prover *prover;
  tc_value kernel;
  tc_var thread; /* linear index within the block */
  tc_value tx;
  int64_t n_threads;
  int64_t first, count; /* the threads that execute the region */
  bool single;          /* code of single threads: nothing is shared out */
  tc_region at;         /* where statements go */
  tc_span span;         /* of the statement being lowered */
  uint32_t reason;      /* of the barrier being lowered, in ir->texts */
  tc_map subst;         /* old value -> new one */
  tc_map views;         /* old view -> new one */
  struct tc_nest *nest; /* around, or NULL */
  tc_lower_buf *bufs;   /* by id of the old buffer */
  uint32_t n_bufs;

  tc_region old, top, before; /* the kernel's region as it was, the new one; what the function
                                 allocates for it */
  const tc_layout *form_of;   /* whose coordinates `form` are */
  const tc_layout_digits *form[TC_LAYOUT_DIMS];
  int32_t next_named;             /* number of the next named barrier */
  TC_VEC(int64_t) named;          /* first and count of the ranges that have one */
  TC_VEC(int64_t) scratch;        /* first and count of ranges, and where their scratch is */
  const tc_target_limits *limits; /* may be NULL */
  TC_VEC(tc_buf) maps;            /* tensor maps made so far */
  uint32_t n_stages;              /* copies through a stage */
  bool stores_bulk;               /* bulk stores are in flight at the end */
  tc_buf lockstep;                /* its counters, 0: none yet */
  tc_buf target;                  /* what the first counter is to reach */
  tc_value step, wave; /* iteration that a lockstep counts; whether all blocks take part, 0: yes */
  tc_var block;        /* of a grid of one dimension, or 0 */
  tc_value blocks;     /* how many there are, int32 */
} tc_lower;

/* Refuses: no code is made for this yet. */
TC_NORETURN void tc_lower_refuse(tc_lower *lw, const char *what);
/* The same with a way out. */
TC_NORETURN void tc_lower_refuse_help(tc_lower *lw, const char *what, const char *help);

/* ---- values ---- */

/* The new value of an old one; inside a nest that of its iteration number k. */
tc_value tc_lower_value(tc_lower *lw, tc_value old);
tc_value tc_lower_value_of(tc_lower *lw, tc_value old, uint32_t k);
void tc_lower_map(tc_lower *lw, tc_value old, tc_value new_value);
/* int32 arithmetic. */
tc_value tc_lower_add(tc_lower *lw, tc_value a, tc_value b);
tc_value tc_lower_mul(tc_lower *lw, tc_value a, int64_t by);
tc_value tc_lower_div(tc_lower *lw, tc_value a, int64_t by);
tc_value tc_lower_mod(tc_lower *lw, tc_value a, int64_t by);
tc_value tc_lower_int(tc_lower *lw, tc_value a); /* as int32 */
tc_value tc_lower_local(tc_lower *lw);           /* the thread's index among those around */
/* What the digit form says, given its inputs by space (0: 0). */
tc_value tc_lower_digits(tc_lower *lw, const tc_layout_digits *d, const tc_value in[TC_N_SPACES]);
/* *by set when b == a + *by whatever the leaves are. */
bool tc_lower_distance(tc_lower *lw, tc_value a, tc_value b, int64_t *by);

/* ---- regions (lower.c) ---- */

void tc_lower_region(tc_lower *lw, tc_region old);
/* Statements go into the region until the matching leave; what the parent says holds. */
typedef struct tc_lower_mark {
  tc_region at;
} tc_lower_mark;
tc_lower_mark tc_lower_enter(tc_lower *lw, tc_value stmt, uint32_t region);
void tc_lower_leave(tc_lower *lw, tc_lower_mark mark);
/* An `if`, entered. 0 as the condition: nothing is entered, but leave must be called, too. */
tc_lower_mark tc_lower_if(tc_lower *lw, tc_value cond);
/* Entered: one thread of those around, or nothing when there is but one. */
tc_lower_mark tc_lower_one(tc_lower *lw);
tc_value tc_lower_lane0(tc_lower *lw); /* the condition: first lane of its warp */
tc_value tc_lower_prim(tc_lower *lw, enum tc_prim_row row, uint32_t n, const tc_value *in,
                       uint32_t n_in);
/* The elements [base, base + n) of an array as an operand of a primitive. */
tc_value tc_lower_slice(tc_lower *lw, tc_buf array, tc_value base, int64_t n);

/* ---- control (lower_control.c) ---- */

/* Lowers the run of groups that begins at statement i of the block; returns its end. */
uint32_t tc_lower_groups(tc_lower *lw, const tc_block *block, uint32_t i);
/* The same of a run of mbarrier init. */
uint32_t tc_lower_inits(tc_lower *lw, const tc_block *block, uint32_t i);
bool tc_lower_is_init(const tc_ir *ir, tc_value stmt);
/* perthread, barrier, mbarrier, async_commit, async_wait, fence and lockstep. */
void tc_lower_perthread(tc_lower *lw, tc_value stmt);
void tc_lower_barrier(tc_lower *lw, tc_value stmt);
/* A barrier of the threads around, and of the lanes of each warp. */
void tc_lower_meet(tc_lower *lw, const char *reason);
void tc_lower_lanes_meet(tc_lower *lw, const char *reason);
void tc_lower_mbarrier(tc_lower *lw, tc_value stmt);
void tc_lower_async(tc_lower *lw, tc_value stmt);
void tc_lower_fence(tc_lower *lw, tc_value stmt);
void tc_lower_lockstep(tc_lower *lw, tc_value stmt);
/* All that the threads around do, to its end: what is in flight then is waited for. */
void tc_lower_threads(tc_lower *lw, tc_region old);
/* Around the body of a loop that has been made: what a lockstep in it counts. */
typedef struct tc_lower_wave {
  tc_value step, wave;
} tc_lower_wave;
tc_lower_wave tc_lower_wave_enter(tc_lower *lw, tc_value loop, tc_region old);
void tc_lower_wave_leave(tc_lower *lw, tc_lower_wave before);

/* ---- memory (lower_memory.c) ---- */

void tc_lower_find_buffers(tc_lower *lw, tc_region kernel);
void tc_lower_alloc(tc_lower *lw, tc_value stmt);
tc_lower_buf *tc_lower_buffer(tc_lower *lw, tc_buf old);
/* The new buffer of a global one, a variable or a barrier. */
tc_buf tc_lower_other(tc_lower *lw, tc_buf old);
tc_buf tc_lower_other_of(tc_lower *lw, tc_buf old, uint32_t k); /* of iteration k */
/* The array and the index of a fragment's slot. */
tc_buf tc_lower_slot(tc_lower *lw, tc_lower_buf *b, int64_t slot, int64_t *index);
/* The elements of a fragment from a slot on that fill a word of 32 bits. */
tc_value tc_lower_word(tc_lower *lw, tc_lower_buf *b, uint32_t bits, int64_t slot);
/* An array in shared memory with an element for each of the threads around, beyond what was placed
 * there; what it holds is gone at their next use of one. */
tc_buf tc_lower_scratch(tc_lower *lw, tc_type elem);
/* Threads reuse what the matrix engine wrote: call before they touch its registers. */
void tc_lower_pin(tc_lower *lw, tc_lower_buf *b);

/* A slice of shared memory: version, then a place that is known. */
typedef struct tc_lower_tile {
  tc_lower_buf *b;
  const tc_buffer *old;
  tc_value version; /* first element of the version, int32; 0: 0 */
  int64_t origin[TC_LAYOUT_DIMS], extent[TC_LAYOUT_DIMS]; /* by dim of the layout */
} tc_lower_tile;
tc_lower_tile tc_lower_tile_of(tc_lower *lw, tc_value slice);

/* Loads or stores `n` elements, those of neighbouring iterations, with as few accesses as their
 * addresses allow. index: rank values for each element. pred: one each, 0: always. */
typedef struct tc_lower_access {
  tc_buf buf; /* new: global, or a flat array */
  uint32_t n, rank;
  uint32_t known; /* aligned groups of so many elements lie side by side, aligned; 0: not known */
  tc_value index[TC_LOWER_WIDTH][TC_LOWER_RANK];
  tc_value pred[TC_LOWER_WIDTH], other[TC_LOWER_WIDTH];
  tc_value value[TC_LOWER_WIDTH]; /* stored, or loaded */
  uint8_t order, sync_scope;
} tc_lower_access;
void tc_lower_load(tc_lower *lw, tc_lower_access *a);
/* Up to four bytes of floats that are rounded to `dtype` as one uint32; 0: there is no such step.
 */
tc_value tc_lower_pack_words(tc_lower *lw, enum tc_dtype dtype, const tc_value *x, uint32_t n);
void tc_lower_store(tc_lower *lw, tc_lower_access *a);
/* Does element `from` of a global access lie at a multiple of n elements? */
bool tc_lower_is_aligned(tc_lower *lw, const tc_lower_access *a, uint32_t from, int64_t n);
/* How warps, or groups of `unit` threads, lie over a tile whose layout repeats `fragment`. */
bool tc_lower_cover(tc_lower *lw, const tc_layout *l, enum tc_fragment fragment, int64_t unit,
                    int64_t *rows, int64_t *columns);

/* ---- nests (lower_nest.c) ---- */

typedef struct tc_nest {
  uint32_t n_dims;
  tc_var vars[TC_LAYOUT_DIMS];
  int64_t extent[TC_LAYOUT_DIMS];
  const tc_layout *map; /* thread, slot -> iteration */
  uint32_t width;       /* iterations done together */
  int64_t slot;         /* the first of them */
  tc_value coord[TC_LOWER_WIDTH][TC_LAYOUT_DIMS];
  tc_map subst[TC_LOWER_WIDTH];
  tc_value owner; /* this copy of the iteration stores; 0: always */
  tc_map bufs;    /* old variable of the body -> its new one, by id * width + k */
} tc_nest;

void tc_lower_parallel(tc_lower *lw, tc_value stmt);
/* The same of a loop that is only made for this; `map` says who does what, or NULL. */
void tc_lower_loop(tc_lower *lw, const tc_var *vars, const int64_t *extents, uint32_t n,
                   tc_region body, const tc_layout *map);
/* The map that it would choose. Loops of different bodies over one tile in shared memory, with no
 * barrier between them, take the same. */
const tc_layout *tc_lower_loop_map(tc_lower *lw, const tc_var *vars, const int64_t *extents,
                                   uint32_t n, tc_region body);
tc_value tc_lower_coordinate(tc_lower *lw, const tc_layout *map, uint32_t d, int64_t slot);
/* The coordinate as digits of thread and slot, made once for the map asked about last. */
const tc_layout_digits *tc_lower_coordinate_form(tc_lower *lw, const tc_layout *map, uint32_t d);
/* When the first iteration of the group is one; 0: always. */
tc_value tc_lower_group_condition(tc_lower *lw, const tc_nest *nest);
/* load, store, atomic: in a nest, and outside. */
void tc_lower_access_stmt(tc_lower *lw, tc_value stmt);

/* ---- tile operations ---- */

void tc_lower_copy(tc_lower *lw, tc_value stmt);
void tc_lower_fill(tc_lower *lw, tc_value stmt);
/* All that each thread holds of a fragment, by loops that the compiler writes out. */
void tc_lower_fill_slots(tc_lower *lw, tc_lower_buf *b, tc_value x);
void tc_lower_transpose(tc_lower *lw, tc_value stmt);
void tc_lower_atomic_tile(tc_lower *lw, tc_value stmt);
/* Which dimension of `to` each of `from` walks along, extents of 1 and stretched ones aside: -1 for
 * none. Refuses tiles that do not fit. */
void tc_lower_pair(tc_lower *lw, uint32_t n_to, const int64_t *to, uint32_t n_from,
                   const int64_t *from, int *map);
/* The view through which the bulk copy engine sees boxes of a global tensor. */
tc_buf tc_lower_tensor_map(tc_lower *lw, tc_buf global, const int64_t *box,
                           enum tc_swizzle swizzle);
/* The box at `base` of such a view. */
tc_value tc_lower_box(tc_lower *lw, tc_buf map, const tc_value *base);
void tc_lower_tma(tc_lower *lw, tc_value stmt);
void tc_lower_stage(tc_lower *lw, tc_value stmt);
void tc_lower_relay(tc_lower *lw, tc_value stmt);
void tc_lower_reduce(tc_lower *lw, tc_value stmt);
void tc_lower_collective(tc_lower *lw, tc_value stmt);
/* What lane (own ^ by) of the warp brings; all lanes come here. */
tc_value tc_lower_shuffle_xor(tc_lower *lw, tc_value value, int64_t by);
void tc_lower_gemm(tc_lower *lw, tc_value stmt);
void tc_lower_wgmma(tc_lower *lw, tc_value stmt);
void tc_lower_mma(tc_lower *lw, tc_value stmt);
void tc_lower_matrices(tc_lower *lw, tc_value stmt); /* a copy by ldmatrix */
void tc_lower_fma(tc_lower *lw, tc_value stmt);

#endif
