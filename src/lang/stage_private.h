/* Shared by the staged half only: bound arguments of a T.* call, frames, and the small helpers the
 * families of ops are written with. */
#ifndef TC_LANG_STAGE_PRIVATE_H
#define TC_LANG_STAGE_PRIVATE_H

#include "ir/choices.h"
#include "lang/eval.h"

enum { STAGE_MAX_ARGS = 24, STAGE_MAX_RANK = 16, STAGE_MAX_LANES = 64 };

/* ---- the vocabulary ---- */

enum stage_where {
  W_ANY,      /* wherever an expression may stand */
  W_FUNC,     /* inside a prim_func or eager function, kernels included */
  W_PROLOGUE, /* inside a function, outside kernels */
  W_KERNEL,   /* inside a kernel, also inside loops and parallel bodies */
  W_TILE,     /* inside a kernel, not inside a parallel loop */
  W_THREAD,   /* the same, because iterations are no threads */
};

typedef struct stage_args {
  const struct stage_builtin *row;
  tc_span span; /* of the call */
  uint32_t n;   /* parameters of the signature, the variadic one excepted */
  tc_str names[STAGE_MAX_ARGS];
  tc_val v[STAGE_MAX_ARGS];
  tc_span at[STAGE_MAX_ARGS]; /* where the value stands; the call's span for a default */
  bool given[STAGE_MAX_ARGS];
  TC_VEC(tc_val) rest;       /* of `*name` */
  TC_VEC(tc_call_arg) extra; /* of `**name` */
} stage_args;

typedef tc_val stage_handler(tc_eval *ev, stage_args *a);
typedef struct stage_builtin {
  const char *name, *signature, *doc;
  enum stage_where where;
  stage_handler *run; /* NULL: known, not implemented yet */
  int aux;            /* what tells rows apart that share a handler */
} stage_builtin;
const stage_builtin *tc_stage_row(uint32_t row);
/* Binds arguments to a signature "(a, b=1, *, c=None, **extra)"; diagnostics name the row. */
void tc_stage_bind_args(tc_eval *ev, const stage_builtin *row, const tc_call_args *args,
                        stage_args *out);

/* Every handler named by builtins.def. */
#define BUILTIN(name, signature, where, handler, aux, doc) stage_handler tc_do_##handler;
#define MISSING(name)
#include "lang/builtins.def"
#undef BUILTIN
#undef MISSING

/* ---- frames ---- */

enum stage_frame_kind {
  F_KERNEL,
  F_PARALLEL,
  F_LOOP,
  F_PERSISTENT,
  F_BLOCK,
  F_IF,
  F_SIDE,
  F_GROUP, /* T.ws: threads for which extent[0] holds                               */
  F_ASYNC, /* element stores from global to shared memory are asynchronous copies   */
  F_BOUND, /* T.thread_binding: the index is extent[0], one of `group` threads, 0: of a block */
  F_REDUCE /* `wave` is the combiner of T.tvm_thread_allreduce                      */
};
/* aux of votes: the collective's kind, + VOTE_BLOCK for all threads of the block. */
enum { VOTE_BLOCK = 32, VOTE_BALLOT64 = 64 };

typedef struct stage_safe {
  tc_buf buf;
  tc_val value;
} stage_safe;

struct tc_frame {
  enum stage_frame_kind kind;
  tc_frame *outer;
  tc_span span;
  uint32_t n; /* extents, loops or grid dimensions */
  tc_value lo[STAGE_MAX_RANK], hi[STAGE_MAX_RANK], step[STAGE_MAX_RANK]; /* F_LOOP */
  tc_value extent[STAGE_MAX_RANK]; /* F_KERNEL, F_PARALLEL, F_PERSISTENT */
  tc_loop loop;                    /* F_LOOP: kind and hints; var is made on entry */
  int64_t threads[3], cluster[3];
  bool says_threads;  /* F_KERNEL: their number is the source's own */
  tc_val wave, index; /* F_PERSISTENT */
  int64_t group;
  tc_var thread[3];            /* F_KERNEL */
  tc_value at[STAGE_MAX_RANK]; /* F_KERNEL: the block; F_PARALLEL: the loop variables */
  tc_frame *inner;             /* F_PARALLEL: the one directly inside, entered last */
  uint32_t loops;              /* F_PARALLEL: run-time loops around it */
  tc_value test;               /* F_IF: the condition, then the statement */
  uint32_t side;               /* F_SIDE: 0 then, 1 else */
  tc_region body;              /* where the statements of the frame go */
  bool has_effect;             /* a statement with an effect was emitted inside      */
  bool has_inner;              /* F_PARALLEL: another parallel loop was nested in it */
  TC_VEC(stage_safe) safe;     /* annotate_safe_value, this frame and inwards */
};

typedef struct stage_rng stage_rng;
/* After a T.Parallel: the numbers that its iterations drew are used up. */
void tc_stage_rng_leave(tc_eval *ev, const tc_frame *frame);
tc_frame *tc_stage_frame_new(tc_eval *ev, enum stage_frame_kind kind, tc_span span);
/* A statement with an effect is about to be emitted; refuses it between nested parallel loops. */
void tc_stage_effect(tc_eval *ev, tc_span span);
/* The innermost open frame of a kind, or NULL. */
tc_frame *tc_stage_frame(tc_eval *ev, enum stage_frame_kind kind);
bool tc_stage_in_kernel(const tc_eval *ev);
/* The safe value annotated for `buf`, converted to its type; id 0 when none. */
tc_value tc_stage_safe_of(tc_eval *ev, tc_buf buf, tc_span span);

/* ---- functions ---- */

/* The IR exists from the first T.* call on: factories build shapes before a function begins. */
void tc_stage_ensure_ir(tc_eval *ev);
/* The dimension `name`, made on first use. */
tc_value tc_stage_dim(tc_eval *ev, tc_str name, tc_type type, tc_span span);

/* ---- values ---- */

tc_type tc_i32_type(void);
/* Both sides brought to their common type (language: promotion). */
void tc_stage_promote(tc_eval *ev, tc_value *a, tc_value *b, tc_span span);
tc_type tc_stage_common(tc_eval *ev, tc_type a, tc_type b, tc_span span);
/* One dtype converted to another as a store does. */
tc_value tc_stage_cast(tc_eval *ev, tc_value v, tc_type to, tc_span span);
/* A compile-time int or a diagnostic naming `what`. */
int64_t tc_stage_int(tc_eval *ev, tc_val v, const char *what, tc_span span);
bool tc_stage_bool(tc_eval *ev, tc_val v, const char *what, tc_span span);
/* An index or extent: int32 or int64 value. */
tc_value tc_stage_index(tc_eval *ev, tc_val v, const char *what, tc_span span);
/* Shape given as int, expression, tuple or list of them. Returns the rank. */
uint32_t tc_stage_shape(tc_eval *ev, tc_val v, tc_value *shape, const char *what, tc_span span);
/* The shape a layout was made for; false when it has none. */
bool tc_stage_layout_shape(tc_eval *ev, tc_val layout, tc_val *shape);
tc_val tc_stage_shape_tuple(tc_eval *ev, const tc_value *shape, uint32_t n);
/* The bits of that many elements, an int64. */
tc_value tc_stage_bits(tc_eval *ev, const tc_value *shape, uint32_t rank, tc_type elem);
/* Do two shapes hold as many bits? Extents that the host knows are compared as the numbers they
 * stand for; that none of them wraps is then asserted. */
bool tc_stage_same_size(tc_eval *ev, const tc_buffer *b, const tc_value *shape, uint32_t rank,
                        tc_type elem, tc_span span);
/* int32 constants as Python ints, everything else as EXPR. */
tc_val tc_stage_fold(tc_eval *ev, tc_value v);
/* What a name that is bound to a frame stands for. */
tc_val tc_stage_bound_index(tc_eval *ev, tc_val v);
/* A value as an author would write it, "n * 4 + 1", and a shape, "128x(n + 1)"; in the arena. Long
 * ones end in "...". */
const char *tc_stage_show_value(tc_eval *ev, tc_value v); /* stage_show.c */
const char *tc_stage_show_shape(tc_eval *ev, const tc_value *shape, uint32_t n);
/* Adds a host assert, before the kernel it may be in, that an extent computed in 32 bits did not
 * wrap; nothing when it cannot in a launch that is refused when the extent is below `least`. */
void tc_stage_assert_no_wrap(tc_eval *ev, tc_value extent, int64_t least, const char *what,
                             tc_span span);
/* Arithmetic on index values of possibly different widths. */
tc_value tc_stage_arith(tc_eval *ev, enum tc_opcode op, tc_value a, tc_value b);
tc_val tc_stage_load(tc_eval *ev, tc_buf buf, const tc_value *index, tc_span span);
/* Under the current predicate, with conversion. */
void tc_stage_store_at(tc_eval *ev, tc_buf buf, const tc_value *index, tc_val value, tc_span span);
/* Allocates what `a->v[0]` says the shape of. */
tc_val tc_stage_alloc(tc_eval *ev, const stage_args *a, enum tc_scope scope, tc_type elem);

/* ---- reducers: stage_reducer.c ---- */

/* Refuses to do `what` ("read", "viewed") to a reducer that has no value. */
void tc_stage_not_reducer(tc_eval *ev, tc_buf buf, const char *what, tc_span span);
/* A load, or a store, of what may be a reducer. True: the store was a contribution and is done. */
void tc_stage_reducer_read(tc_eval *ev, tc_buf buf, tc_value load, tc_span span);
bool tc_stage_reducer_store(tc_eval *ev, tc_buf buf, const tc_value *index, tc_val value,
                            tc_span span);
/* A fill of a whole buffer. True: it opened a reducer. */
bool tc_stage_reducer_fill(tc_eval *ev, tc_buf buf, tc_val value, const char *op, tc_span span);
/* At the end of a function: every reducer was finalized. */
void tc_stage_check_reducers(tc_eval *ev);

/* The linear index of the thread. */
tc_value tc_stage_thread(tc_eval *ev, tc_span span);
/* Its index in a dimension; 0 where there is only one. */
tc_value tc_stage_thread_index(tc_eval *ev, uint32_t d, tc_span span);

/* ---- tile operands ---- */

/* A tile operand in box form. `origin` operands (elements, or partial indices) have open extents
 * until the other side closes them. */
typedef struct stage_box {
  tc_buf buf;
  uint32_t rank;
  tc_value base[STAGE_MAX_RANK], extent[STAGE_MAX_RANK];
  bool open; /* extents come from the other operand */
  bool whole;
  tc_span span;
} stage_box;
stage_box tc_stage_box(tc_eval *ev, tc_val v, const char *what, tc_span span);
tc_value tc_stage_box_slice(tc_eval *ev, const stage_box *box);
/* Extents of `box` whose constant 1s are dropped; returns how many. */
uint32_t tc_stage_box_dims(tc_eval *ev, const stage_box *box, tc_value *extent, uint32_t *at);
const tc_buffer *tc_stage_buffer(const tc_eval *ev, tc_buf buf);
const char *tc_stage_buf_name(const tc_eval *ev, tc_buf buf);
/* A note with the place and shape of a buffer's declaration. */
void tc_stage_note_buf(tc_eval *ev, tc_buf buf);
/* The checked product of three boxes; `a` is the call, for messages. */
void tc_stage_gemm(tc_eval *ev, const stage_args *a, const stage_box box[3], tc_gemm p,
                   tc_val clear_accum, tc_span clear_at);
tc_value tc_stage_tile_stmt(tc_eval *ev, enum tc_opcode op, const tc_value *in, uint32_t n,
                            uint32_t payload, tc_span span);

/* The operands of a copy, src and dst being the first two arguments, with extents that match. */
void tc_stage_copy_boxes(tc_eval *ev, const stage_args *a, stage_box *src, stage_box *dst);
/* `signal` may be 0. */
void tc_stage_emit_copy(tc_eval *ev, const stage_box *src, const stage_box *dst, tc_copy payload,
                        tc_value signal, tc_span span);
/* Stores an element asynchronously where T.attr asks for it and it can be; false when not. */
bool tc_stage_async_store(tc_eval *ev, tc_val target, tc_val value, tc_span span);

#define STAGE_FAIL(ev, id, ...)                                                                    \
  do {                                                                                             \
    TC_DIAG((ev)->diags, id, __VA_ARGS__);                                                         \
    tc_diag_stop((ev)->diags);                                                                     \
  } while (0)

#endif
