/* What the verifier says about threads: which of them execute a statement, and the operands of the
 * statements by which they meet. */
#include "ir/verify_private.h"

#include "ir/form.h"
#include "ir/typing.h"

#define FAIL tc_verifier_fail

/* ---- where ---- */

tc_thread_scope tc_thread_scope_none(void) {
  return (tc_thread_scope){.count = INT64_MAX};
}

tc_thread_scope tc_thread_scope_inside(const tc_verifier *v, const tc_op *op,
                                       tc_thread_scope outer) {
  if (op->opcode == TC_OP_kernel)
    return (tc_thread_scope){.count = tc_kernel_threads(&v->ir->kernels.at[op->payload])};
  if (op->opcode == TC_OP_parallel) outer.in_parallel = true;
  if (op->opcode != TC_OP_group && op->opcode != TC_OP_perthread) return outer;
  const tc_group *group = &v->ir->groups.at[op->payload];
  outer.first = group->first;
  outer.count = group->count;
  outer.in_perthread = op->opcode == TC_OP_perthread;
  if (outer.in_perthread) outer.thread = group->thread;
  return outer;
}

uint32_t tc_verify_thread_of(const tc_verifier *v, const tc_op *op) {
  uint32_t found = 0;
  if (op->opcode == TC_OP_var && tc_var_at(v->ir, (tc_var){op->payload})->kind == TC_VAR_THREAD)
    found = op->payload;
  for (uint32_t k = 0; k < op->n_in; k++) {
    uint32_t other = v->threads[tc_input(v->ir, op, k).id];
    if (other && found && other != found) return UINT32_MAX;
    if (other) found = other;
  }
  return found;
}

static void check_range(tc_verifier *v, const tc_op *op, const tc_thread_scope *scope) {
  const tc_group *group = &v->ir->groups.at[op->payload];
  int64_t outer_end = scope->first + (scope->count - 1); /* the last thread */
  if (group->first < scope->first || group->first > outer_end
      || group->count - 1 > outer_end - group->first)
    FAIL(v, TC_RULE_threads, "threads %lld to %lld are not all among those around, %lld to %lld",
         (long long)group->first, (long long)(group->first + (group->count - 1)),
         (long long)scope->first, (long long)outer_end);
  if (scope->in_perthread)
    FAIL(v, TC_RULE_threads, "a range of threads inside the code of one thread");
  if (v->state != TC_STATE_surface && scope->in_parallel)
    FAIL(v, TC_RULE_threads, "a range of threads inside a parallel loop");
}

static void check_thread_uses(tc_verifier *v, const tc_op *op, const tc_thread_scope *scope) {
  for (uint32_t k = 0; k < op->n_in; k++) {
    uint32_t var = v->threads[tc_input(v->ir, op, k).id];
    if (!var || (scope->in_perthread && var == scope->thread.id)) continue;
    FAIL(v, TC_RULE_threads, "operand %u depends on a thread index that no perthread around counts",
         k);
  }
}

void tc_verify_threads(tc_verifier *v, const tc_op *op, const tc_thread_scope *scope) {
  bool coll = op->opcode == TC_OP_collective, barrier = op->opcode == TC_OP_barrier;
  if (op->opcode == TC_OP_group || op->opcode == TC_OP_perthread) check_range(v, op, scope);
  if (op->opcode == TC_OP_parallel && v->state == TC_STATE_placed && !scope->in_perthread
      && !v->ir->parallels.at[op->payload].layout)
    FAIL(v, TC_RULE_placed, "the parallel loop has no thread map");
  if (v->state == TC_STATE_surface || v->state == TC_STATE_lane) return;
  check_thread_uses(v, op, scope);
  if (coll && !scope->in_perthread)
    FAIL(v, TC_RULE_threads, "a collective outside of the code of single threads");
  if (scope->in_parallel && (coll || barrier || op->opcode == TC_OP_mbarrier))
    FAIL(v, TC_RULE_threads, "threads cannot meet inside a parallel loop");
}

/* ---- operands ---- */

static tc_type in_type(const tc_verifier *v, const tc_op *op, uint32_t k) {
  return tc_value_type(v->ir, tc_input(v->ir, op, k));
}

static void want_int(tc_verifier *v, const tc_op *op, uint32_t k, const char *what) {
  if (!tc_is_index_type(in_type(v, op, k)))
    FAIL(v, TC_RULE_operands, "the %s has type %s, wanted an integer", what,
         tc_type_name(v->ir->arena, in_type(v, op, k)));
}

static bool is_shuffle(enum tc_collective_kind kind) {
  return kind <= TC_COLL_SHFL_XOR;
}

/* Whether a value of this type can take part. */
static bool fits_collective(enum tc_collective_kind kind, tc_type type) {
  bool number = tc_is_int(type) || tc_is_float(type);
  if (type.lanes != 1) return false;
  switch (kind) {
  case TC_COLL_ANY:
  case TC_COLL_ALL:
  case TC_COLL_BALLOT:
  case TC_COLL_COUNT:
    return tc_is_bool(type);
  case TC_COLL_BITAND:
  case TC_COLL_BITOR:
  case TC_COLL_BITXOR:
    return tc_is_int(type) || tc_is_bool(type);
  case TC_COLL_SUM:
  case TC_COLL_MIN:
  case TC_COLL_MAX:
    return number;
  case TC_COLL_SHFL_IDX:
  case TC_COLL_SHFL_UP:
  case TC_COLL_SHFL_DOWN:
  case TC_COLL_SHFL_XOR:
  case TC_COLL_MATCH_ANY:
  case TC_COLL_MATCH_ALL:
    break;
  }
  return number || tc_is_bool(type);
}

static void check_collective_payload(tc_verifier *v, const tc_collective *x) {
  enum tc_collective_kind kind = (enum tc_collective_kind)x->kind;
  bool vote = kind == TC_COLL_ANY || kind == TC_COLL_ALL || kind == TC_COLL_COUNT;
  if (x->width < 1 || x->width > TC_WARP || (x->width & (x->width - 1)))
    FAIL(v, TC_RULE_payloads, "width %u is no power of two up to %d", x->width, (int)TC_WARP);
  if (x->sync_scope != TC_SYNC_WARP && x->sync_scope != TC_SYNC_BLOCK)
    FAIL(v, TC_RULE_payloads, "a collective is of a warp or a block");
  if (x->sync_scope == TC_SYNC_BLOCK && (!vote || (x->flags & TC_COLLECTIVE_MASK)))
    FAIL(v, TC_RULE_payloads, "a block has only any, all and count, without a mask");
}

static void check_collective(tc_verifier *v, const tc_op *op) {
  const tc_collective *x = &v->ir->collectives.at[op->payload];
  enum tc_collective_kind kind = (enum tc_collective_kind)x->kind;
  bool lane = x->flags & TC_COLLECTIVE_LANE, mask = x->flags & TC_COLLECTIVE_MASK;
  if (op->n_in != 1u + lane + mask) {
    FAIL(v, TC_RULE_operands, "%u operands where row and payload say %u", op->n_in,
         1u + lane + mask);
    return;
  }
  check_collective_payload(v, x);
  if (lane != is_shuffle(kind))
    FAIL(v, TC_RULE_operands, "a shuffle, and no other collective, names a lane");
  if (lane) want_int(v, op, 1, "lane");
  if (mask) want_int(v, op, op->n_in - 1u, "mask");
  tc_type type = in_type(v, op, 0), result = tc_collective_type(kind, type);
  if (!fits_collective(kind, type))
    FAIL(v, TC_RULE_operands, "this collective of a value of type %s",
         tc_type_name(v->ir->arena, type));
  if (op->type.dtype != TC_DT_void && !tc_type_equal(op->type, result))
    FAIL(v, TC_RULE_operands, "the result has type %s, wanted %s",
         tc_type_name(v->ir->arena, op->type), tc_type_name(v->ir->arena, result));
}

static void check_mbarrier(tc_verifier *v, const tc_op *op) {
  const tc_mbarrier *x = &v->ir->mbarriers.at[op->payload];
  const tc_buffer *b = tc_buf_at(v->ir, x->buf);
  bool none = x->kind == TC_MBAR_ASYNC_ARRIVE, maybe = x->kind == TC_MBAR_ARRIVE;
  if (b->scope != TC_SCOPE_barrier)
    FAIL(v, TC_RULE_barriers, "%s is no barrier", tc_name_of(v->ir, b->name));
  if (op->n_in != b->rank + !none && !(maybe && op->n_in == b->rank))
    FAIL(v, TC_RULE_operands, "%u operands where row and payload say %u", op->n_in,
         b->rank + !none);
  for (uint32_t k = 0; k < op->n_in && !v->failed; k++)
    want_int(v, op, k, k < b->rank ? "index" : "operand");
}

static void check_async(tc_verifier *v, const tc_op *op) {
  const tc_async *x = &v->ir->asyncs.at[op->payload];
  if (op->opcode == TC_OP_async_commit && (x->pending || x->read))
    FAIL(v, TC_RULE_payloads, "a commit waits for nothing");
}

static void check_barrier(tc_verifier *v, const tc_op *op) {
  const tc_barrier *x = &v->ir->barriers.at[op->payload];
  if (x->id < -1 || x->id >= TC_NAMED_BARRIERS)
    FAIL(v, TC_RULE_payloads, "there is no barrier %d", (int)x->id);
  if (x->count < 0 || x->count > TC_MAX_THREADS)
    FAIL(v, TC_RULE_payloads, "%lld threads cannot meet", (long long)x->count);
  if (x->id < 0 && (x->count || x->arrive))
    FAIL(v, TC_RULE_payloads, "only a barrier with a number has a count or can be split");
  if (x->id >= 0 && x->sync_scope != TC_SYNC_BLOCK)
    FAIL(v, TC_RULE_payloads, "a barrier with a number is of a block");
}

/* ---- barrier buffers ---- */

static bool is_signal(const tc_verifier *v, const tc_op *op, uint32_t k) {
  if (op->opcode != TC_OP_copy) return false;
  uint32_t flags = v->ir->copies.at[op->payload].flags;
  return (flags & TC_COPY_SIGNAL) && k == 2u + ((flags & TC_COPY_SAFE) != 0);
}

static void check_signal(tc_verifier *v, tc_value slice) {
  for (uint32_t d = 0; d < tc_op_at(v->ir, slice)->n_in / 2u; d++) {
    int64_t extent;
    if (!tc_const_of(v->ir, tc_slice_extent(v->ir, slice, d), &extent) || extent != 1)
      FAIL(v, TC_RULE_barriers, "a signal is one element");
  }
}

static void check_barrier_slices(tc_verifier *v, const tc_op *op) {
  for (uint32_t k = 0; k < op->n_in && op->opcode != TC_OP_prim; k++) {
    tc_value in = tc_input(v->ir, op, k);
    if (!tc_is(v->ir, in, TC_OP_slice)) continue;
    const tc_buffer *b = tc_buf_at(v->ir, tc_slice_buf(v->ir, in));
    bool signal = is_signal(v, op, k), barrier = b->scope == TC_SCOPE_barrier;
    if (signal) check_signal(v, in);
    if (b->scope == TC_SCOPE_tensor_map)
      FAIL(v, TC_RULE_operands, "%s is a tensor map", tc_name_of(v->ir, b->name));
    if (signal != barrier)
      FAIL(v, TC_RULE_barriers, signal ? "%s is no barrier" : "%s is a barrier",
           tc_name_of(v->ir, b->name));
  }
}

void tc_verify_sync(tc_verifier *v, const tc_op *op) {
  enum tc_payload_kind kind = tc_op_row((enum tc_opcode)op->opcode)->payload;
  if (kind == TC_PL_COLLECTIVE) check_collective(v, op);
  if (kind == TC_PL_MBARRIER) check_mbarrier(v, op);
  if (kind == TC_PL_ASYNC) check_async(v, op);
  if (kind == TC_PL_BARRIER) check_barrier(v, op);
  check_barrier_slices(v, op);
  if (kind != TC_PL_ACCESS && kind != TC_PL_ATOMIC && kind != TC_PL_WAIT) return;
  const tc_buffer *b = tc_buf_at(v->ir, tc_stmt_buf(v->ir, op, 0));
  if (b->scope == TC_SCOPE_tensor_map)
    FAIL(v, TC_RULE_operands, "%s is a tensor map", tc_name_of(v->ir, b->name));
  if (b->scope == TC_SCOPE_barrier)
    FAIL(v, TC_RULE_barriers, "%s is a barrier", tc_name_of(v->ir, b->name));
}
