#include "ir/ir.h"

#include "base/floats.h"

/* ---- tables ---- */

static const tc_dtype_info DTYPES[] = {
#define DTYPE(name, kind, bits, format, c_type, descr, storage)                                    \
  {#name, kind, bits, (int)TC_FORMAT_##format, c_type, descr, TC_DT_##storage},
#include "ir/dtypes.def"
#undef DTYPE
};

static const struct {
  const char *name;
  enum tc_dtype dtype;
} OTHER_NAMES[] = {
#define DTYPE_NAME(name, dtype) {#name, TC_DT_##dtype},
#include "ir/dtype_names.def"
#undef DTYPE_NAME
};

const tc_dtype_info *tc_dtype_row(enum tc_dtype dtype) {
  return &DTYPES[dtype];
}

bool tc_dtype_find(tc_str name, enum tc_dtype *dtype) {
  for (int d = TC_DT_bool; d < TC_DT_slice; d++)
    if (tc_str_is(name, DTYPES[d].name)) return *dtype = (enum tc_dtype)d, true;
  for (size_t i = 0; i < TC_COUNT(OTHER_NAMES); i++)
    if (tc_str_is(name, OTHER_NAMES[i].name)) return *dtype = OTHER_NAMES[i].dtype, true;
  return false;
}

enum tc_dtype_kind tc_type_kind(tc_type type) {
  return DTYPES[type.dtype].kind;
}

bool tc_is_int(tc_type type) {
  enum tc_dtype_kind kind = tc_type_kind(type);
  return kind == TC_K_INT || kind == TC_K_UINT;
}

uint32_t tc_type_bits(tc_type type) {
  return DTYPES[type.dtype].bits * type.lanes;
}

const char *tc_type_name(tc_arena *arena, tc_type type) {
  if (type.lanes <= 1) return DTYPES[type.dtype].name;
  return tc_format(arena, "%sx%u", DTYPES[type.dtype].name, type.lanes);
}

#define PURE  TC_CLASS_PURE
#define STMT  TC_CLASS_STMT
#define READ  TC_READ
#define WRITE TC_WRITE
#define ALLOC TC_ALLOC
#define CTRL  TC_CTRL
#define SYNC  TC_SYNC
#define IO    TC_IO
static const tc_op_info OPS[] = {
    {"none", TC_CLASS_PURE, 0, 0, 0, TC_PL_NONE, "", "no op"},
#define OP(name, class, n, r, effect, payload, states, doc)                                        \
  {#name, class, n, r, effect, TC_PL_##payload, #states, doc},
#include "ir/ops.def"
#undef OP
};
#undef PURE
#undef STMT
#undef READ
#undef WRITE
#undef ALLOC
#undef CTRL
#undef SYNC
#undef IO

static const tc_prim_info PRIMS[] = {
#define THREAD                                 TC_WHO_THREAD
#define WARP                                   TC_WHO_WARP
#define WARPGROUP                              TC_WHO_WARPGROUP
#define BLOCK                                  TC_WHO_BLOCK
#define PRIM(name, result, operands, who, doc) {#name, TC_DT_##result, operands, who, doc},
#include "ir/prims.def"
#undef PRIM
#undef THREAD
#undef WARP
#undef WARPGROUP
#undef BLOCK
};

const tc_prim_info *tc_prim_info_of(enum tc_prim_row row) {
  return &PRIMS[row];
}

const tc_op_info *tc_op_row(enum tc_opcode opcode) {
  return &OPS[opcode];
}

const char *tc_state_name(enum tc_state state) {
  static const char *const NAMES[] = {
#define STATE(name, letter, doc) #name,
#include "ir/states.def"
#undef STATE
  };
  return NAMES[state];
}

#define SAME TC_MATH_SAME
#define BOOL TC_MATH_BOOL
#define I32  TC_MATH_I32
static const tc_mathfn_info MATHFNS[] = {
#define MATHFN(name, arity, result, kinds, ulp, c32, c64, doc)                                     \
  {#name, arity, result, #kinds[0], ulp, c32, c64, doc},
#include "ir/mathfns.def"
#undef MATHFN
};
#undef SAME
#undef BOOL
#undef I32

const tc_mathfn_info *tc_math_row(enum tc_mathfn fn) {
  return &MATHFNS[fn];
}

const char *tc_scope_name(enum tc_scope scope) {
  static const char *const NAMES[] = {
#define SCOPE(name, doc) #name,
#include "ir/scopes.def"
#undef SCOPE
  };
  return NAMES[scope];
}

/* ---- access ---- */

bool tc_op_is_pure(const tc_op *op) {
  return OPS[op->opcode].class_ == TC_CLASS_PURE;
}

const char *tc_name_of(const tc_ir *ir, tc_name name) {
  return tc_names_text(ir->names, name).at;
}

static uint32_t payload_of(const tc_ir *ir, tc_value v, enum tc_payload_kind kind) {
  const tc_op *op = tc_op_at(ir, v);
  if (OPS[op->opcode].payload != kind)
    tc_bug(ir->arena->unwind, "payload kind %d asked of op %s", (int)kind, OPS[op->opcode].name);
  return op->payload;
}

#define PAYLOAD(type, member, KIND)                                                                \
  tc_##type *tc_##type##_of(const tc_ir *ir, tc_value v) {                                         \
    return &ir->member.at[payload_of(ir, v, TC_PL_##KIND)];                                        \
  }
PAYLOAD(access, accesses, ACCESS)
PAYLOAD(atomic, atomics, ATOMIC)
PAYLOAD(wait, waits, WAIT)
PAYLOAD(collective, collectives, COLLECTIVE)
PAYLOAD(mbarrier, mbarriers, MBARRIER)
PAYLOAD(async, asyncs, ASYNC)
PAYLOAD(kernel, kernels, KERNEL)
PAYLOAD(loop, loops, LOOP)
PAYLOAD(parallel, parallels, PARALLEL)
PAYLOAD(group, groups, GROUP)
PAYLOAD(copy, copies, COPY)
PAYLOAD(gemm, gemms, GEMM)
PAYLOAD(reduce, reduces, REDUCE)
PAYLOAD(scan, scans, SCAN)
PAYLOAD(im2col, im2cols, IM2COL)
PAYLOAD(barrier, barriers, BARRIER)
PAYLOAD(print, prints, PRINT)
PAYLOAD(hint, hints, HINT)
PAYLOAD(prim, prims, PRIM)
PAYLOAD(ring, rings, RING)
PAYLOAD(ring_ref, ringrefs, RINGREF)
#undef PAYLOAD

const char *tc_text_of(const tc_ir *ir, tc_value v) {
  return ir->texts.at[payload_of(ir, v, TC_PL_TEXT)];
}

tc_buf tc_slice_buf(const tc_ir *ir, tc_value slice) {
  return (tc_buf){payload_of(ir, slice, TC_PL_SLICE) & ~TC_SLICE_IN_BOUNDS};
}

bool tc_slice_in_bounds(const tc_ir *ir, tc_value slice) {
  return (payload_of(ir, slice, TC_PL_SLICE) & TC_SLICE_IN_BOUNDS) != 0;
}

tc_value tc_slice_base(const tc_ir *ir, tc_value slice, uint32_t d) {
  return tc_input(ir, tc_op_at(ir, slice), d);
}

tc_value tc_slice_extent(const tc_ir *ir, tc_value slice, uint32_t d) {
  const tc_op *op = tc_op_at(ir, slice);
  return tc_input(ir, op, op->n_in / 2u + d);
}

tc_buf tc_access_buf(const tc_ir *ir, tc_value stmt) {
  if (tc_op_at(ir, stmt)->opcode == TC_OP_atomic) return tc_atomic_of(ir, stmt)->buf;
  return tc_access_of(ir, stmt)->buf;
}

static uint32_t access_flags(const tc_ir *ir, tc_value stmt) {
  if (tc_op_at(ir, stmt)->opcode == TC_OP_atomic) return tc_atomic_of(ir, stmt)->flags;
  return tc_access_of(ir, stmt)->flags;
}

tc_value tc_access_pred(const tc_ir *ir, tc_value stmt) {
  const tc_op *op = tc_op_at(ir, stmt);
  uint32_t flags = access_flags(ir, stmt), rank = tc_buf_at(ir, tc_access_buf(ir, stmt))->rank;
  if (!(flags & TC_ACCESS_PRED)) return (tc_value){0};
  /* A load's predicate follows its indices; stores and atomics have it last. */
  return tc_input(ir, op, op->opcode == TC_OP_load ? rank : op->n_in - 1u);
}

tc_value tc_access_else(const tc_ir *ir, tc_value stmt) {
  const tc_op *op = tc_op_at(ir, stmt);
  if (!(access_flags(ir, stmt) & TC_ACCESS_ELSE)) return (tc_value){0};
  return tc_input(ir, op, op->n_in - 1u);
}

tc_value tc_access_value(const tc_ir *ir, tc_value stmt) {
  return tc_input(ir, tc_op_at(ir, stmt), tc_buf_at(ir, tc_access_buf(ir, stmt))->rank);
}

tc_value tc_copy_safe(const tc_ir *ir, tc_value stmt) {
  bool there = tc_copy_of(ir, stmt)->flags & TC_COPY_SAFE;
  return there ? tc_input(ir, tc_op_at(ir, stmt), 2) : (tc_value){0};
}

tc_value tc_copy_signal(const tc_ir *ir, tc_value stmt) {
  const tc_op *op = tc_op_at(ir, stmt);
  uint32_t flags = tc_copy_of(ir, stmt)->flags;
  uint32_t at = 2u + ((flags & TC_COPY_SAFE) != 0);
  return flags & TC_COPY_SIGNAL ? tc_input(ir, op, at) : (tc_value){0};
}

tc_value tc_copy_stage(const tc_ir *ir, tc_value stmt) {
  const tc_op *op = tc_op_at(ir, stmt);
  bool there = tc_copy_of(ir, stmt)->flags & TC_COPY_STAGE;
  return there ? tc_input(ir, op, op->n_in - 1u) : (tc_value){0};
}

tc_value tc_collective_lane(const tc_ir *ir, tc_value stmt) {
  bool there = tc_collective_of(ir, stmt)->flags & TC_COLLECTIVE_LANE;
  return there ? tc_input(ir, tc_op_at(ir, stmt), 1) : (tc_value){0};
}

tc_value tc_collective_mask(const tc_ir *ir, tc_value stmt) {
  const tc_op *op = tc_op_at(ir, stmt);
  bool there = tc_collective_of(ir, stmt)->flags & TC_COLLECTIVE_MASK;
  return there ? tc_input(ir, op, op->n_in - 1u) : (tc_value){0};
}

tc_value tc_mbarrier_operand(const tc_ir *ir, tc_value stmt) {
  const tc_op *op = tc_op_at(ir, stmt);
  uint32_t rank = tc_buf_at(ir, tc_mbarrier_of(ir, stmt)->buf)->rank;
  return op->n_in > rank ? tc_input(ir, op, rank) : (tc_value){0};
}

tc_type tc_collective_type(enum tc_collective_kind kind, tc_type value) {
  switch (kind) {
  case TC_COLL_ANY:
  case TC_COLL_ALL:
    return tc_scalar_type(TC_DT_bool);
  case TC_COLL_BALLOT:
  case TC_COLL_MATCH_ANY:
  case TC_COLL_MATCH_ALL:
    return tc_scalar_type(TC_DT_uint32);
  case TC_COLL_COUNT:
    return tc_scalar_type(TC_DT_int32);
  case TC_COLL_SHFL_IDX:
  case TC_COLL_SHFL_UP:
  case TC_COLL_SHFL_DOWN:
  case TC_COLL_SHFL_XOR:
  case TC_COLL_SUM:
  case TC_COLL_MIN:
  case TC_COLL_MAX:
  case TC_COLL_BITAND:
  case TC_COLL_BITOR:
  case TC_COLL_BITXOR:
    break;
  }
  return value;
}

enum tc_opcode tc_collective_combine(enum tc_collective_kind kind) {
  switch ((int)kind) { /* table */
  case TC_COLL_SUM:
    return TC_OP_add;
  case TC_COLL_MIN:
    return TC_OP_min;
  case TC_COLL_MAX:
    return TC_OP_max;
  case TC_COLL_BITAND:
    return TC_OP_and;
  case TC_COLL_BITOR:
    return TC_OP_or;
  case TC_COLL_BITXOR:
    return TC_OP_xor;
  default:
    return TC_OP_none;
  }
}

tc_buf tc_written_buf(const tc_ir *ir, tc_value stmt) {
  const tc_op *op = tc_op_at(ir, stmt);
  uint32_t at = 1;
  switch ((int)op->opcode) {
  case TC_OP_store:
  case TC_OP_atomic:
    return tc_access_buf(ir, stmt);
  case TC_OP_fill:
  case TC_OP_atomic_tile:
    at = 0;
    break;
  case TC_OP_gemm:
    at = 2;
    break;
  case TC_OP_copy:
  case TC_OP_reduce:
  case TC_OP_scan:
  case TC_OP_transpose:
  case TC_OP_im2col:
    break;
  default:
    return (tc_buf){0};
  }
  return tc_slice_buf(ir, tc_input(ir, op, at));
}

enum tc_opcode tc_atomic_op(enum tc_atomic_kind kind) {
  switch (kind) {
  case TC_ATOMIC_ADD:
    return TC_OP_add;
  case TC_ATOMIC_MIN:
    return TC_OP_min;
  case TC_ATOMIC_MAX:
    return TC_OP_max;
  case TC_ATOMIC_AND:
    return TC_OP_and;
  case TC_ATOMIC_OR:
    return TC_OP_or;
  case TC_ATOMIC_XOR:
    return TC_OP_xor;
  case TC_ATOMIC_EXCHANGE:
  case TC_ATOMIC_CAS:
    break;
  }
  return TC_OP_none;
}

static int64_t volume(const int64_t *extent) {
  int64_t n = 1;
  for (int d = 0; d < 3; d++) {
    if (extent[d] < 1 || extent[d] > INT32_MAX / n) return INT32_MAX;
    n *= extent[d];
  }
  return n;
}

int64_t tc_kernel_threads(const tc_kernel *kernel) {
  return volume(kernel->threads);
}

int64_t tc_kernel_cluster(const tc_kernel *kernel) {
  return volume(kernel->cluster);
}

bool tc_const_of(const tc_ir *ir, tc_value v, int64_t *x) {
  if (!v.id) return false;
  const tc_op *op = tc_op_at(ir, v);
  if (op->opcode != TC_OP_const || tc_is_float(op->type)) return false;
  *x = ir->imms.at[op->payload].i;
  return true;
}

bool tc_const_float_of(const tc_ir *ir, tc_value v, double *x) {
  if (!v.id) return false;
  const tc_op *op = tc_op_at(ir, v);
  if (op->opcode != TC_OP_const || !tc_is_float(op->type)) return false;
  *x = ir->imms.at[op->payload].f;
  return true;
}
