/* Random kernels. What is made is defined and free of races by construction:
 *
 *   - every on-chip tile is filled where it is allocated; indices of tiles stay in their ranges,
 *     which every integer expression carries; global tensors are indexed by anything;
 *   - a block writes only its own part of a global tensor, and a parallel loop writes an element
 *     once and reads none that another iteration writes; the rest is atomics of one kind;
 *   - sums of floats are exact, because what is summed are small whole numbers (FUZZ_IS_SMALL), so
 *     every order gives the same; functions with a bound stand last, in tensors compared by it.
 *
 * So the oracle must accept every kernel, and every target must give its bits. */
#ifndef FUZZ_GEN_H
#define FUZZ_GEN_H

#include "case.h"
#include "tape.h"

/* Whether kernels with code for single threads are made. */
enum { FUZZ_WITH_THREADS = 1 };

enum { FUZZ_MAX_BUFS = 40, FUZZ_MAX_VARS = 12, FUZZ_MAX_ATOMS = 24 };

/* What may be stored in a buffer of floats; ints are exact anyway and always FUZZ_IS_ANY. */
enum fuzz_class {
  FUZZ_IS_ANY,
  FUZZ_IS_SMALL, /* whole numbers, at most 4 in magnitude                     */
  FUZZ_IS_SUM,   /* sums of such, at most 2^22; only sums add to it           */
  FUZZ_IS_ROUGH  /* global, compared by bound: written by functions, not read */
};

enum fuzz_place {
  FUZZ_INPUT,  /* global, read only                                  */
  FUZZ_OUTPUT, /* global, each block has its own part                */
  FUZZ_ATOMIC, /* global, touched by atomics of one kind only        */
  FUZZ_DONE,   /* global, written by an earlier kernel: read only    */
  FUZZ_TILE,   /* shared or fragment                                 */
  FUZZ_GONE    /* its name is out of scope                           */
};

typedef struct fuzz_buf {
  const char *name;
  tilec_dtype dtype;
  enum fuzz_class of;
  enum fuzz_place place;
  bool is_fragment, is_view; /* a view is made by a statement of the body */
  bool is_local;             /* one for each thread */
  uint32_t rank, root;       /* buffers with equal roots share storage */
  int64_t dim[FUZZ_RANK];
  const char *dim_text[FUZZ_RANK];
  const char *base[FUZZ_RANK]; /* where this block's part begins, NULL: at 0 */
  int64_t own[FUZZ_RANK];      /* its extents */
  uint32_t atomic;             /* kind, for FUZZ_ATOMIC */
  double sum;                  /* bound of what was added, for FUZZ_IS_SUM */
  int64_t strides[FUZZ_RANK];  /* of a global tensor; all 0: row-major */
} fuzz_buf;

typedef struct fuzz_var {
  const char *name;
  tilec_dtype dtype;
  bool per_iteration; /* belongs to parallel loops, else to the block */
  bool usable, locked;
} fuzz_var;

/* An expression. Ints have a range; `plain` ones are numbers that Python folds, in integers that do
 * not wrap. `call`: the result of a function, such a number when the arguments are constant. */
typedef struct fuzz_ex {
  const char *text;
  tilec_dtype dtype;
  int64_t lo, hi;
  bool plain, call;
} fuzz_ex;

typedef struct fuzz_gen {
  tape *t;
  tc_arena *arena;
  fuzz_case *out;
  uint32_t slot; /* part of every name */
  uint32_t n_names;
  tc_sb module, params, body, prologue;
  uint32_t indent;
  bool whole_bytes; /* no elements of four bits and the like */
  bool in_prologue; /* of a kernel, where views do not exist yet */

  fuzz_buf bufs[FUZZ_MAX_BUFS + 8]; /* at the end of a kernel some more */
  uint32_t n_bufs;
  fuzz_var vars[FUZZ_MAX_VARS];
  uint32_t n_vars;
  fuzz_ex atoms[FUZZ_MAX_ATOMS]; /* int32: loop and block indices, scalar parameters */
  uint32_t n_atoms;
  uint32_t n_kernel_atoms; /* of which known where the kernel begins */
  uint32_t n_grid;
  int64_t grid[3];
  const char *block[3]; /* the indices of the block */
  uint32_t n_threads;   /* of a kernel with code for single threads, else 0 */
  fuzz_ex thread;       /* the index of the thread, an atom there */
  const fuzz_buf *thread_output;
  const char *turn;     /* the number of the innermost loop of all threads, or NULL */
  int64_t tile_dims[3]; /* extents that tiles of this kernel have */
  int64_t trips;        /* of all enclosing loops together */
  uint32_t depth;       /* of statements */
  bool in_parallel, in_loop;
  uint32_t locked_root; /* written by the current parallel loop; 0: none */
  fuzz_ex own_element;  /* of it, at the index being written; text NULL: none */
} fuzz_gen;

/* Decides on a whole case by the tape; `gpu_of` of 8 are as they are written for GPUs. */
void fuzz_generate(fuzz_gen *g, tape *t, uint32_t slot, uint32_t gpu_of, fuzz_case *out,
                   tc_arena *arena);

/* ---- shared by the files of the generator ---- */

uint32_t fuzz_choose(fuzz_gen *g, uint32_t n);
bool fuzz_chance(fuzz_gen *g, uint32_t n, uint32_t of);
/* An index of `weights`, which are n numbers; the first one is the simplest. */
uint32_t fuzz_weigh(fuzz_gen *g, const uint8_t *weights, uint32_t n);
#define FUZZ_TEXT(g, ...) tc_format((g)->arena, __VA_ARGS__)
/* A line of the body. */
void fuzz_line(fuzz_gen *g, const char *fmt, ...) TC_PRINTF(2, 3);
const char *fuzz_name(fuzz_gen *g, const char *stem);
tilec_dtype fuzz_any_dtype(fuzz_gen *g);
bool fuzz_can_be_small(tilec_dtype dtype);
/* A new tensor, of which nothing but the name is there yet. */
fuzz_buf *fuzz_new_buf(fuzz_gen *g, const char *stem, enum fuzz_place place);
/* Makes it a parameter of the function. */
void fuzz_add_param(fuzz_gen *g, const fuzz_buf *b, enum fuzz_fill fill);
/* A new parameter of the function, read only. NULL when there is no room. */
fuzz_buf *fuzz_new_input(fuzz_gen *g, tilec_dtype dtype, uint32_t rank, const int64_t *dim);

/* gen_expr.c */
fuzz_ex fuzz_number(fuzz_gen *g, tilec_dtype dtype, int64_t x);
fuzz_ex fuzz_value(fuzz_gen *g, tilec_dtype dtype, uint32_t depth);
fuzz_ex fuzz_small_value(fuzz_gen *g, tilec_dtype dtype, uint32_t depth);
/* For a store into a buffer of this class. */
fuzz_ex fuzz_value_for(fuzz_gen *g, const fuzz_buf *b, uint32_t depth);
fuzz_ex fuzz_condition(fuzz_gen *g, uint32_t depth);
/* An int32 in [0, n). */
fuzz_ex fuzz_index(fuzz_gen *g, int64_t n, uint32_t depth);
/* An int32 mostly near [0, n). */
fuzz_ex fuzz_loose_index(fuzz_gen *g, int64_t n);
/* "A[i, j]" with any valid indices; for reading. */
fuzz_ex fuzz_load(fuzz_gen *g, const fuzz_buf *b);
/* `text`, of which nothing but the type is known. */
fuzz_ex fuzz_unknown(const char *text, tilec_dtype dtype);
fuzz_ex fuzz_cast(fuzz_gen *g, fuzz_ex x, tilec_dtype dtype);
/* Whether expressions may read the buffer now. */
bool fuzz_is_readable(const fuzz_gen *g, const fuzz_buf *b);
/* f(x) of a function with a bound, for a tensor compared by it. */
fuzz_ex fuzz_rough_value(fuzz_gen *g, tilec_dtype dtype);

/* gen_tile.c: statements on whole tiles; false when there is nothing to apply them to */
fuzz_buf *fuzz_new_tile(fuzz_gen *g, tilec_dtype dtype, enum fuzz_class of, uint32_t rank,
                        const int64_t *dim);
/* A random buffer this block may write, or NULL. */
fuzz_buf *fuzz_writable(fuzz_gen *g);
bool fuzz_tile_copy(fuzz_gen *g);
bool fuzz_tile_fill(fuzz_gen *g);
bool fuzz_tile_gemm(fuzz_gen *g);
bool fuzz_tile_reduce(fuzz_gen *g);
bool fuzz_tile_scan(fuzz_gen *g);
bool fuzz_tile_transpose(fuzz_gen *g);
bool fuzz_tile_atomic(fuzz_gen *g);
bool fuzz_tile_view(fuzz_gen *g);
bool fuzz_tile_im2col(fuzz_gen *g);
/* A tile of any class and type but FUZZ_IS_SUM. */
fuzz_buf *fuzz_some_tile(fuzz_gen *g);
/* Fills a tile where it is allocated, before anything else is computed. */
void fuzz_initialise(fuzz_gen *g, fuzz_buf *b);

/* gen.c */
/* Variables of the block and of iterations of parallel loops. */
void fuzz_make_vars(fuzz_gen *g);
/* Writes what is left in the tiles from `first_tile` on to a tensor. */
void fuzz_observe(fuzz_gen *g, uint32_t first_tile);
/* A product of floats that are not whole, into a tensor compared by bound. */
bool fuzz_rough_product(fuzz_gen *g);

/* gen_loop.c: statements with control flow */
void fuzz_statements(fuzz_gen *g, uint32_t most);
bool fuzz_parallel(fuzz_gen *g, fuzz_buf *to);

/* A value to a variable, or to one of it by an operator. False when there is none. */
bool fuzz_assign(fuzz_gen *g);

/* gen_thread.c */
/* Binds the index of the thread, and makes what each thread has of its own. */
void fuzz_thread_begin(fuzz_gen *g);
void fuzz_thread_statements(fuzz_gen *g, uint32_t most);
/* Every thread writes its element of the output from what it has; a barrier at the end. */
void fuzz_thread_end(fuzz_gen *g);

/* gen_gpu.c: a whole launch; false when there is no room for its tensors */
bool fuzz_gpu_kernel(fuzz_gen *g);
/* gen_chain.c: the same */
bool fuzz_gpu_chain(fuzz_gen *g);

/* gen_macro.c */
bool fuzz_macro_call(fuzz_gen *g);

#endif
