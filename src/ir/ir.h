/* The IR: structured regions of ordered statements over a hash-consed DAG of pure values.
 *
 * Everything has one 24-byte record, a `tc_op`, named by a 32-bit handle; the same handle names the
 * op's result. PURE ops (ops.def) have no position and are found or made, so equal values are equal
 * handles. STMT ops lie in regions. Operands always have smaller handles than the pure op that uses
 * them. What does not fit the record lies in one payload array per kind. Buffers, variables and
 * regions are records of their own with stable addresses. There is no control-flow graph: loops and
 * branches are statements with child regions, and that is true down to the emitted text.
 *
 * Editing: statements may be edited in place (inputs, payload) and regions' lists rebuilt; pure ops
 * never change. Handles stay valid for the life of the `tc_ir`. One thread at a time. */
#ifndef TC_IR_IR_H
#define TC_IR_IR_H

#include "base/diag.h"
#include "base/map.h"

/* ---- handles and types ---- */

typedef struct tc_value {
  uint32_t id; /* 0: none */
} tc_value;
typedef struct tc_region {
  uint32_t id; /* 0: none */
} tc_region;
typedef struct tc_buf {
  uint32_t id; /* 0: none */
} tc_buf;
typedef struct tc_var {
  uint32_t id; /* 0: none */
} tc_var;

enum tc_dtype {
#define DTYPE(name, kind, bits, format, c_type, descr, storage) TC_DT_##name,
#include "ir/dtypes.def"
#undef DTYPE
  TC_DTYPE_COUNT
};
enum tc_dtype_kind {
  TC_K_VOID,
  TC_K_BOOL,
  TC_K_INT,
  TC_K_UINT,
  TC_K_FLOAT,
  TC_K_HANDLE,
  TC_K_SLICE
};
enum { TC_FORMAT_NONE = -1 };
typedef struct tc_dtype_info {
  const char *name;
  enum tc_dtype_kind kind;
  uint32_t bits;
  int format; /* enum tc_float_format, or TC_FORMAT_NONE */
  const char *c_type, *npy_descr;
  enum tc_dtype storage; /* what an array of it is on the host side */
} tc_dtype_info;
const tc_dtype_info *tc_dtype_row(enum tc_dtype dtype);
/* Finds "float16" or an alias ("half", "float", "double", "int", "uint", "short", "long",
 * "float8_e4m3", ...) without lanes; false when unknown. */
bool tc_dtype_find(tc_str name, enum tc_dtype *dtype);

typedef struct tc_type {
  uint8_t dtype; /* enum tc_dtype */
  uint8_t pad;   /* 0 */
  uint16_t lanes;
} tc_type;
static inline tc_type tc_scalar_type(enum tc_dtype dtype) {
  return (tc_type){(uint8_t)dtype, 0, (uint16_t)(dtype == TC_DT_void ? 0 : 1)};
}
static inline bool tc_type_equal(tc_type a, tc_type b) {
  return a.dtype == b.dtype && a.lanes == b.lanes;
}
enum tc_dtype_kind tc_type_kind(tc_type type);
static inline bool tc_is_float(tc_type type) {
  return tc_type_kind(type) == TC_K_FLOAT;
}
static inline bool tc_is_bool(tc_type type) {
  return tc_type_kind(type) == TC_K_BOOL;
}
/* int or uint, not bool */
bool tc_is_int(tc_type type);
/* Bits of the whole value (lanes included). */
uint32_t tc_type_bits(tc_type type);
/* "float32", "int8x4"; static or in the arena. */
const char *tc_type_name(tc_arena *arena, tc_type type);

/* ---- op table ---- */

enum tc_opcode {
  TC_OP_none,
#define OP(name, class, n, r, effect, payload, states, doc) TC_OP_##name,
#include "ir/ops.def"
#undef OP
  TC_OP_COUNT
};
enum tc_op_class { TC_CLASS_PURE, TC_CLASS_STMT };
enum tc_effect {
  TC_READ = 1,
  TC_WRITE = 2,
  TC_ALLOC = 4,
  TC_CTRL = 8,
  TC_SYNC = 16,
  TC_IO = 32,
};
enum tc_payload_kind {
  TC_PL_NONE,
  TC_PL_IMM,    /* ir->imms index                                     */
  TC_PL_VAR,    /* a tc_var id                                        */
  TC_PL_MATH,   /* enum tc_mathfn                                     */
  TC_PL_INDEX,  /* the number itself                                  */
  TC_PL_SLICE,  /* a tc_buf id, with TC_SLICE_IN_BOUNDS maybe         */
  TC_PL_BUF,    /* a tc_buf id                                        */
  TC_PL_TEXT,   /* ir->texts index                                    */
  TC_PL_ACCESS, /* ir->accesses index, and so on for each name below  */
  TC_PL_ATOMIC,
  TC_PL_FENCE,
  TC_PL_WAIT,
  TC_PL_COLLECTIVE,
  TC_PL_MBARRIER,
  TC_PL_ASYNC,
  TC_PL_KERNEL,
  TC_PL_LOOP,
  TC_PL_PARALLEL,
  TC_PL_GROUP,
  TC_PL_COPY,
  TC_PL_GEMM,
  TC_PL_REDUCE,
  TC_PL_SCAN,
  TC_PL_IM2COL,
  TC_PL_RING,
  TC_PL_RINGREF,
  TC_PL_BARRIER,
  TC_PL_PRINT,
  TC_PL_HINT,
  TC_PL_PRIM
};
enum tc_state {
#define STATE(name, letter, doc) TC_STATE_##name,
#include "ir/states.def"
#undef STATE
  TC_STATE_COUNT
};
typedef struct tc_op_info {
  const char *name;
  enum tc_op_class class_;
  int n_in;
  uint32_t n_regions;
  uint32_t effect;
  enum tc_payload_kind payload;
  const char *states, *doc;
} tc_op_info;
const tc_op_info *tc_op_row(enum tc_opcode opcode);
const char *tc_state_name(enum tc_state state);

enum tc_mathfn {
#define MATHFN(name, arity, result, kinds, ulp, c32, c64, doc) TC_MATH_##name,
#include "ir/mathfns.def"
#undef MATHFN
  TC_MATH_COUNT
};
enum tc_math_result { TC_MATH_SAME, TC_MATH_BOOL, TC_MATH_I32 };
typedef struct tc_mathfn_info {
  const char *name;
  uint32_t arity;
  enum tc_math_result result;
  char kinds; /* 'F', 'I' or 'A' */
  double ulp;
  const char *c32, *c64, *doc;
} tc_mathfn_info;
const tc_mathfn_info *tc_math_row(enum tc_mathfn fn);

/* Who does the work of a tile operation. */
enum tc_engine {
#define ENGINE(name, doc) TC_ENGINE_##name,
#include "ir/engines.def"
#undef ENGINE
  TC_ENGINE_COUNT
};

/* The primitives of the machine, which `lane` state is made of. */
enum tc_prim_row {
#define PRIM(name, result, operands, who, doc) TC_PRIM_##name,
#include "ir/prims.def"
#undef PRIM
  TC_PRIM_COUNT
};
/* How many threads perform a primitive together. */
enum tc_prim_who { TC_WHO_THREAD, TC_WHO_WARP, TC_WHO_WARPGROUP, TC_WHO_BLOCK };
typedef struct tc_prim_info {
  const char *name;
  enum tc_dtype result; /* void: none */
  const char *operands; /* one letter each, see prims.def */
  enum tc_prim_who who;
  const char *doc;
} tc_prim_info;
const tc_prim_info *tc_prim_info_of(enum tc_prim_row row);

enum tc_scope {
#define SCOPE(name, doc) TC_SCOPE_##name,
#include "ir/scopes.def"
#undef SCOPE
  TC_SCOPE_COUNT
};
const char *tc_scope_name(enum tc_scope scope);

/* ---- records ---- */

typedef struct tc_op {
  uint16_t opcode; /* enum tc_opcode */
  uint16_t n_in;
  tc_type type;     /* void when there is no result */
  uint32_t in;      /* ir->inputs[in .. in + n_in) */
  uint32_t regions; /* ir->child_regions[regions .. + row's n_regions) */
  uint32_t payload;
  tc_span span;
} tc_op;
_Static_assert(sizeof(tc_op) == 24, "tc_op is the hot record: keep it 24 bytes");

typedef union tc_imm {
  int64_t i; /* bool, ints: sign- or zero-extended from the type's width (uint64: the bits) */
  double f;  /* floats: the value, already rounded to the type */
} tc_imm;

enum tc_var_kind {
  TC_VAR_DIM,    /* symbolic dimension, bound from the shapes of arguments    */
  TC_VAR_SCALAR, /* scalar parameter                                          */
  TC_VAR_BLOCK,  /* block index of a kernel                                   */
  TC_VAR_THREAD, /* thread index, for perthread code                          */
  TC_VAR_LOOP,   /* induction variable of a for                               */
  TC_VAR_PARALLEL
};
typedef struct tc_var_info {
  tc_name name;
  enum tc_var_kind kind;
  tc_type type; /* int32 unless declared otherwise */
  tc_span span;
} tc_var_info;

enum tc_buf_flags {
  TC_BUF_PARAM = 1,    /* an argument of the function                               */
  TC_BUF_RESULT = 2,   /* made by T.empty and returned, or named by out_idx          */
  TC_BUF_NULLABLE = 4, /* may be absent at launch: never accessed                    */
  TC_BUF_POINTER = 8,  /* a pointer parameter without a shape; only make_tensor uses it */
};
typedef struct tc_buffer {
  tc_name name;
  tc_type elem;
  enum tc_scope scope;
  uint32_t rank;     /* 0 for `var` and scalars */
  uint32_t flags;    /* tc_buf_flags */
  tc_value *shape;   /* rank extents, int32 or int64 values of constants, dims and scalars */
  tc_value *strides; /* rank strides in elements, or NULL: row-major contiguous */
  tc_buf root;       /* the buffer whose storage this is (itself unless a view) */
  tc_value
      offset; /* view: first element, in this buffer's elements from the root's start; 0: none */
  tc_value address; /* int64 value holding the data pointer (make_tensor), or 0 */
  /* From state `placed` on: where elements lie. NULL: row-major, or not chosen yet. */
  const char *layout; /* canonical text, see layout/layout.h */
  bool is_placed;     /* in the block's shared memory, from byte arena_b on */
  int64_t arena_b;
  tc_span span; /* its declaration */
} tc_buffer;

typedef struct tc_block { /* the record behind a tc_region */
  TC_VEC(tc_value) ops;
} tc_block;

/* ---- payloads ---- */

#define TC_SLICE_IN_BOUNDS                                                                         \
  (UINT32_C(1) << 31) /* slice payload: proved in range, needs no guard                            \
                       */

enum tc_order {
  TC_ORDER_NONE,
  TC_ORDER_RELAXED,
  TC_ORDER_ACQUIRE,
  TC_ORDER_RELEASE,
  TC_ORDER_ACQ_REL,
  TC_ORDER_SEQ_CST
};
enum tc_sync_scope {
  TC_SYNC_BLOCK,
  TC_SYNC_CLUSTER,
  TC_SYNC_DEVICE,
  TC_SYNC_SYSTEM,
  TC_SYNC_WARP /* barrier and collective only */
};
enum tc_access_flags {
  TC_ACCESS_PRED = 1,      /* a predicate input is present                                 */
  TC_ACCESS_ELSE = 2,      /* load: an else input is present                               */
  TC_ACCESS_IN_BOUNDS = 4, /* proved in range (by facts), or the predicate implies it      */
  TC_ACCESS_GUARDED = 8,   /* canon added the bounds to the predicate                      */
};
typedef struct tc_access {
  tc_buf buf;
  uint8_t flags;      /* tc_access_flags */
  uint8_t order;      /* enum tc_order */
  uint8_t sync_scope; /* enum tc_sync_scope */
} tc_access;

enum tc_atomic_kind {
  TC_ATOMIC_ADD,
  TC_ATOMIC_MIN,
  TC_ATOMIC_MAX,
  TC_ATOMIC_AND,
  TC_ATOMIC_OR,
  TC_ATOMIC_XOR,
  TC_ATOMIC_EXCHANGE,
  TC_ATOMIC_CAS
};
typedef struct tc_atomic {
  tc_buf buf; /* 0 for atomic_tile, whose dst slice names it */
  uint8_t kind, flags, order, sync_scope;
} tc_atomic;

typedef struct tc_fence {
  uint8_t order, sync_scope;
  bool proxy; /* also orders them before what the bulk copy engine and wgmma do to the memory */
} tc_fence;
enum tc_relation { TC_REL_EQ, TC_REL_NE, TC_REL_GE, TC_REL_GT, TC_REL_LE, TC_REL_LT };
typedef struct tc_wait {
  tc_buf buf;
  uint8_t relation, order, sync_scope;
  int64_t deadline_ns; /* 0: none */
} tc_wait;

/* Threads are numbered linearly, x first; a warp is TC_WARP of them, a lane one of a warp. */
enum { TC_WARP = 32, TC_MAX_THREADS = 1024, TC_NAMED_BARRIERS = 16 };

enum tc_collective_kind {
  TC_COLL_SHFL_IDX, /* of lane `lane` of the own segment of `width` lanes; outside it: the own */
  TC_COLL_SHFL_UP,
  TC_COLL_SHFL_DOWN,
  TC_COLL_SHFL_XOR,
  TC_COLL_ANY, /* bool -> bool */
  TC_COLL_ALL,
  TC_COLL_BALLOT,    /* bool -> uint32: bit i is lane i's */
  TC_COLL_MATCH_ANY, /* -> uint32: the lanes with an equal value */
  TC_COLL_MATCH_ALL, /* -> uint32: all lanes that take part, or 0 when their values differ */
  TC_COLL_COUNT,     /* bool -> int32 */
  TC_COLL_SUM,
  TC_COLL_MIN,
  TC_COLL_MAX,
  TC_COLL_BITAND,
  TC_COLL_BITOR,
  TC_COLL_BITXOR
};
enum tc_collective_flags { TC_COLLECTIVE_LANE = 1, TC_COLLECTIVE_MASK = 2 /* operands there */ };
typedef struct tc_collective {
  uint8_t kind, flags;
  uint8_t sync_scope; /* TC_SYNC_WARP; TC_SYNC_BLOCK: any, all and count over the group or block */
  uint32_t width;     /* of the segments of a warp that exchange values: 1, 2, 4, ... 32 */
} tc_collective;

enum tc_mbarrier_kind {
  TC_MBAR_INIT,      /* operand: arrivals of each phase. Done once, as a tile operation */
  TC_MBAR_ARRIVE,    /* operand: how many, 1 when absent */
  TC_MBAR_EXPECT_TX, /* operand: bytes that this phase waits for */
  TC_MBAR_ARRIVE_EXPECT_TX,
  TC_MBAR_WAIT,        /* operand: parity of the phase that must have ended */
  TC_MBAR_ASYNC_ARRIVE /* one arrival, once the thread's earlier copies on queue cp are done */
};
typedef struct tc_mbarrier {
  tc_buf buf; /* of scope barrier */
  uint8_t kind;
} tc_mbarrier;

enum tc_async_queue {
  TC_ASYNC_CP,   /* copies into shared memory */
  TC_ASYNC_BULK, /* copies out of it */
  TC_ASYNC_MMA   /* matrix products */
};
typedef struct tc_async {
  uint8_t queue;
  bool read;        /* async_wait: only until the sources have been read */
  uint32_t pending; /* async_wait: closed groups that may remain in flight */
} tc_async;

typedef struct tc_kernel {
  tc_name name;
  uint32_t n_grid;    /* 1..3, as many inputs */
  tc_var block[3];    /* 0 beyond n_grid */
  int64_t threads[3]; /* extents, 1 beyond the given ones */
  tc_var thread[3];   /* thread index variables, 0 when never asked for */
  int64_t cluster[3]; /* 1 without clusters */
  int64_t shared_b;   /* bytes of shared memory of a block; 0 before `placed` */
} tc_kernel;

enum tc_loop_kind {
  TC_LOOP_SERIAL,
  TC_LOOP_UNROLL,
  TC_LOOP_VECTORIZED,
  TC_LOOP_PIPELINED,
  TC_LOOP_PERSISTENT
};
typedef struct tc_loop {
  tc_var var;
  uint8_t kind; /* enum tc_loop_kind */
  int32_t num_stages, unroll_factor;
} tc_loop;

typedef struct tc_parallel {
  uint32_t n; /* as many inputs (extents) and vars */
  tc_var *vars;
  const char *layout; /* from `placed` on: which thread does which iterations; NULL: not chosen */
} tc_parallel;

/* What a group made by the compiler is for. */
enum tc_role { TC_ROLE_ANY, TC_ROLE_PRODUCER, TC_ROLE_CONSUMER };

typedef struct tc_group {
  int64_t first, count; /* threads of the block, linear */
  tc_var thread;        /* perthread: the thread's index within the block */
  bool uniform;         /* perthread: every thread takes the same path */
  uint8_t role;         /* enum tc_role; group only, from `scheduled` on */
  uint32_t registers;   /* of each of its threads; 0: as launched. Group only */
} tc_group;

enum tc_copy_flags {
  TC_COPY_ASYNC = 1,
  TC_COPY_SAFE = 2 /* a third input is the safe value */,
  TC_COPY_NO_TMA = 4,
  TC_COPY_SIGNAL = 8,   /* async: the last input is one element of a barrier buffer */
  TC_COPY_OWN = 16,     /* of each thread by itself, not of all together */
  TC_COPY_STAGE = 32,   /* the last input is a slice of shared memory that the copy goes through */
  TC_COPY_EXPECTED = 64 /* the signal's mbarrier was told of the bytes by an expect_tx */
};
typedef struct tc_copy {
  uint32_t flags;
  uint8_t queue;      /* enum tc_async_queue; async without a signal */
  uint8_t engine;     /* enum tc_engine */
  const char *layout; /* from `placed` on, between two memories: which thread moves what; or NULL */
} tc_copy;

enum tc_policy { TC_POLICY_SQUARE, TC_POLICY_FULL_ROW, TC_POLICY_FULL_COL };
typedef struct tc_gemm {
  bool trans_a, trans_b;
  bool clear;     /* constant clear; a staged one is the fourth input (bool) */
  bool async;     /* on queue mma */
  uint8_t engine; /* enum tc_engine */
  uint8_t policy;
  int32_t k_pack;
} tc_gemm;

enum tc_reduce_kind {
  TC_RED_SUM,
  TC_RED_MAX,
  TC_RED_MIN,
  TC_RED_ABSMAX,
  TC_RED_ABSSUM,
  TC_RED_BITAND,
  TC_RED_BITOR,
  TC_RED_BITXOR
};
typedef struct tc_reduce {
  uint8_t kind;
  uint32_t dim; /* of src; dst lacks it, or has extent 1 there */
  bool clear, nan_propagate;
} tc_reduce;
typedef struct tc_scan {
  uint8_t kind; /* TC_RED_SUM or TC_RED_MAX */
  uint32_t dim;
  bool reverse;
} tc_scan;
typedef struct tc_im2col {
  int64_t kernel, stride, dilation, pad;
} tc_im2col;

typedef struct tc_ring {
  tc_name name;
  uint32_t depth, n_bufs;
  tc_buf *bufs;
} tc_ring;
typedef struct tc_ring_ref {
  uint32_t ring; /* the ring op's payload index */
  uint32_t lag;  /* ring_release: how many versions before the one waited for last */
} tc_ring_ref;
typedef struct tc_prim {
  uint16_t row;          /* enum tc_prim_row */
  uint32_t n;            /* the row's number: columns, registers, pending groups, ... */
  bool trans_a, trans_b; /* matrix primitives: the operand's other dimension is contiguous */
  uint32_t reason;       /* of a barrier: as there */
} tc_prim;
typedef struct tc_barrier {
  int32_t id;    /* named barrier, -1: the block's */
  int64_t count; /* arriving threads, 0: all */
  bool arrive;   /* is counted, does not wait */
  uint8_t sync_scope;
  uint32_t reason; /* ir->texts index: the accesses it orders; 0: the source asks for it */
} tc_barrier;
typedef struct tc_print {
  uint32_t text; /* ir->texts index */
  tc_buf buf;    /* print this buffer's contents, or 0 */
} tc_print;
enum tc_hint_kind {
  TC_HINT_LAYOUT,
  TC_HINT_SWIZZLE,
  TC_HINT_L2,
  TC_HINT_REGISTERS,
  TC_HINT_MIN_BLOCKS,
  TC_HINT_NO_RESTRICT,
  TC_HINT_FLAGS,
  TC_HINT_CHOICE, /* what a pass decided, and why: for people */
  TC_HINT_CONFIG  /* what passes shall decide (choices.def): "roles=pingpong" */
};
typedef struct tc_hint {
  uint8_t kind;
  tc_buf buf;    /* 0: the whole kernel */
  uint32_t text; /* ir->texts index: the request as written, canonical */
  int64_t number;
} tc_hint;

/* ---- the function ---- */

enum tc_param_kind { TC_PARAM_BUFFER, TC_PARAM_SCALAR };
typedef struct tc_param {
  enum tc_param_kind kind;
  tc_buf buf;
  tc_var var;
} tc_param;

typedef struct tc_ir {
  tc_arena *arena;
  tc_diags *diags;
  tc_names *names;
  enum tc_state state;

  tc_name name; /* of the function */
  TC_VEC(tc_param) params;
  TC_VEC(tc_buf) results; /* in the order of `return` */
  tc_region body;         /* prologue statements and kernels */

  TC_VEC(tc_op *) op_chunks;
  uint32_t n_ops;
  TC_VEC(tc_value) inputs;
  TC_VEC(tc_region) child_regions;
  TC_VEC(tc_block *) blocks;
  TC_VEC(tc_buffer *) bufs;
  TC_VEC(tc_var_info) vars;
  TC_VEC(tc_imm) imms;
  TC_VEC(const char *) texts;
  TC_VEC(tc_access) accesses;
  TC_VEC(tc_atomic) atomics;
  TC_VEC(tc_fence) fences;
  TC_VEC(tc_wait) waits;
  TC_VEC(tc_collective) collectives;
  TC_VEC(tc_mbarrier) mbarriers;
  TC_VEC(tc_async) asyncs;
  TC_VEC(tc_kernel) kernels;
  TC_VEC(tc_loop) loops;
  TC_VEC(tc_parallel) parallels;
  TC_VEC(tc_group) groups;
  TC_VEC(tc_copy) copies;
  TC_VEC(tc_gemm) gemms;
  TC_VEC(tc_reduce) reduces;
  TC_VEC(tc_scan) scans;
  TC_VEC(tc_im2col) im2cols;
  TC_VEC(tc_ring) rings;
  TC_VEC(tc_ring_ref) ringrefs;
  TC_VEC(tc_prim) prims;
  TC_VEC(tc_barrier) barriers;
  TC_VEC(tc_print) prints;
  TC_VEC(tc_hint) hints;
  uint32_t *cons; /* hash-cons table of pure ops: value ids, open addressing */
  uint32_t cons_n, cons_cap;
} tc_ir;

/* A function in state surface without parameters, its body empty. All of it lies in the arena. */
tc_ir *tc_ir_new(tc_arena *arena, tc_diags *diags, tc_names *names);

/* Access. Handles must be valid and not 0. */
enum { TC_CHUNK_OPS = 4096 };
static inline tc_op *tc_op_at(const tc_ir *ir, tc_value v) {
  return &ir->op_chunks.at[v.id / TC_CHUNK_OPS][v.id % TC_CHUNK_OPS];
}
static inline tc_value *tc_inputs_of(const tc_ir *ir, const tc_op *op) {
  return &ir->inputs.at[op->in];
}
static inline tc_value tc_input(const tc_ir *ir, const tc_op *op, uint32_t i) {
  return ir->inputs.at[op->in + i];
}
static inline tc_region tc_child(const tc_ir *ir, const tc_op *op, uint32_t i) {
  return ir->child_regions.at[op->regions + i];
}
static inline tc_block *tc_block_at(const tc_ir *ir, tc_region r) {
  return ir->blocks.at[r.id];
}
static inline tc_buffer *tc_buf_at(const tc_ir *ir, tc_buf b) {
  return ir->bufs.at[b.id];
}
static inline tc_var_info *tc_var_at(const tc_ir *ir, tc_var v) {
  return &ir->vars.at[v.id];
}
static inline bool tc_is(const tc_ir *ir, tc_value v, enum tc_opcode opcode) {
  return v.id && tc_op_at(ir, v)->opcode == opcode;
}
static inline tc_type tc_value_type(const tc_ir *ir, tc_value v) {
  return tc_op_at(ir, v)->type;
}
bool tc_op_is_pure(const tc_op *op);
const char *tc_name_of(const tc_ir *ir, tc_name name);

/* Payloads by kind, checked against the op's row; `v` must be such an op. */
tc_access *tc_access_of(const tc_ir *ir, tc_value v);
tc_atomic *tc_atomic_of(const tc_ir *ir, tc_value v);
tc_wait *tc_wait_of(const tc_ir *ir, tc_value v);
tc_collective *tc_collective_of(const tc_ir *ir, tc_value v);
tc_mbarrier *tc_mbarrier_of(const tc_ir *ir, tc_value v);
tc_async *tc_async_of(const tc_ir *ir, tc_value v);
tc_kernel *tc_kernel_of(const tc_ir *ir, tc_value v);
tc_loop *tc_loop_of(const tc_ir *ir, tc_value v);
tc_parallel *tc_parallel_of(const tc_ir *ir, tc_value v);
tc_group *tc_group_of(const tc_ir *ir, tc_value v);
tc_copy *tc_copy_of(const tc_ir *ir, tc_value v);
tc_gemm *tc_gemm_of(const tc_ir *ir, tc_value v);
tc_reduce *tc_reduce_of(const tc_ir *ir, tc_value v);
tc_scan *tc_scan_of(const tc_ir *ir, tc_value v);
tc_im2col *tc_im2col_of(const tc_ir *ir, tc_value v);
tc_barrier *tc_barrier_of(const tc_ir *ir, tc_value v);
tc_print *tc_print_of(const tc_ir *ir, tc_value v);
tc_hint *tc_hint_of(const tc_ir *ir, tc_value v);
tc_prim *tc_prim_of(const tc_ir *ir, tc_value v);
tc_ring *tc_ring_of(const tc_ir *ir, tc_value v);         /* of the op ring */
tc_ring_ref *tc_ring_ref_of(const tc_ir *ir, tc_value v); /* of acquire, commit, wait, ... */
const char *tc_text_of(const tc_ir *ir, tc_value v);      /* TEXT payload */
/* The buffer that a store, an atomic update or a tile op writes; 0: it is another statement. */
tc_buf tc_written_buf(const tc_ir *ir, tc_value stmt);
/* The buffer of a slice, and whether its range was proved. */
tc_buf tc_slice_buf(const tc_ir *ir, tc_value slice);
bool tc_slice_in_bounds(const tc_ir *ir, tc_value slice);
/* base[d] and extent[d] of a slice. */
tc_value tc_slice_base(const tc_ir *ir, tc_value slice, uint32_t d);
tc_value tc_slice_extent(const tc_ir *ir, tc_value slice, uint32_t d);
/* Parts of a load, store or atomic; 0 when absent. */
tc_value tc_access_pred(const tc_ir *ir, tc_value stmt);
tc_value tc_access_else(const tc_ir *ir, tc_value stmt);
tc_value tc_access_value(const tc_ir *ir, tc_value stmt); /* store, atomic */
tc_buf tc_access_buf(const tc_ir *ir, tc_value stmt);
/* Parts of a copy, a collective, an mbarrier step; 0 when absent. */
tc_value tc_copy_safe(const tc_ir *ir, tc_value stmt);
tc_value tc_copy_signal(const tc_ir *ir, tc_value stmt);
tc_value tc_copy_stage(const tc_ir *ir, tc_value stmt);
tc_value tc_collective_lane(const tc_ir *ir, tc_value stmt);
tc_value tc_collective_mask(const tc_ir *ir, tc_value stmt);
tc_value tc_mbarrier_operand(const tc_ir *ir, tc_value stmt);
/* What a collective of a value of this type yields. */
tc_type tc_collective_type(enum tc_collective_kind kind, tc_type value);
/* The op by which it combines the values of lanes; TC_OP_none: it does something else. */
enum tc_opcode tc_collective_combine(enum tc_collective_kind kind);
/* The op that an atomic update does; TC_OP_none: an exchange or a compare-and-swap. */
enum tc_opcode tc_atomic_op(enum tc_atomic_kind kind);
/* Threads of a kernel's block, blocks of its cluster; INT32_MAX when they are more than that. */
int64_t tc_kernel_threads(const tc_kernel *kernel);
int64_t tc_kernel_cluster(const tc_kernel *kernel);

/* True and *x set when `v` is an integer or bool constant. */
bool tc_const_of(const tc_ir *ir, tc_value v, int64_t *x);
/* True and *x set when `v` is a float constant. */
bool tc_const_float_of(const tc_ir *ir, tc_value v, double *x);

#endif
