#include "ir/verify_private.h"

#include "ir/form.h"
#include "ir/typing.h"

#define FAIL tc_verifier_fail

static const char *type_name(tc_verifier *v, tc_type type) {
  return tc_type_name(v->ir->arena, type);
}

static tc_type in_type(const tc_verifier *v, const tc_op *op, uint32_t k) {
  return tc_value_type(v->ir, tc_input(v->ir, op, k));
}

/* ---- what operands must be ---- */

static void want_type(tc_verifier *v, const tc_op *op, uint32_t k, const char *what, tc_type type) {
  tc_type found = in_type(v, op, k);
  if (!tc_type_equal(found, type))
    FAIL(v, TC_RULE_operands, "the %s has type %s, wanted %s", what, type_name(v, found),
         type_name(v, type));
}

static void want_bool(tc_verifier *v, const tc_op *op, uint32_t k, const char *what) {
  want_type(v, op, k, what, tc_scalar_type(TC_DT_bool));
}

static void want_index(tc_verifier *v, const tc_op *op, uint32_t k, const char *what) {
  tc_type found = in_type(v, op, k);
  if (!tc_is_index_type(found))
    FAIL(v, TC_RULE_operands, "the %s has type %s, wanted an integer", what, type_name(v, found));
}

static void want_data(tc_verifier *v, const tc_op *op, uint32_t k) {
  enum tc_dtype_kind kind = tc_type_kind(in_type(v, op, k));
  if (kind == TC_K_VOID) FAIL(v, TC_RULE_operands, "operand %u has no value", k);
}

static void want_count(tc_verifier *v, const tc_op *op, uint32_t n) {
  if (op->n_in != n)
    FAIL(v, TC_RULE_operands, "%u operands where row and payload say %u", op->n_in, n);
}

static void want_result(tc_verifier *v, const tc_op *op, tc_type type) {
  if (!tc_type_equal(op->type, type))
    FAIL(v, TC_RULE_operands, "the result has type %s, wanted %s", type_name(v, op->type),
         type_name(v, type));
}

/* src dst safe? signal? stage? */
static uint32_t copy_slices(uint32_t flags) {
  uint32_t bits = 3, k = 2;
  if (flags & TC_COPY_SAFE) k++;
  if (flags & TC_COPY_SIGNAL) bits |= UINT32_C(1) << k++;
  if (flags & TC_COPY_STAGE) bits |= UINT32_C(1) << k;
  return bits;
}

/* Which operands are slices: bit k for operand k. */
static uint32_t slice_operands(const tc_ir *ir, const tc_op *op) {
  if (op->opcode == TC_OP_copy) return copy_slices(ir->copies.at[op->payload].flags);
  switch ((int)op->opcode) { /* table */
  case TC_OP_fill:
    return 1;
  case TC_OP_reduce:
  case TC_OP_scan:
  case TC_OP_transpose:
  case TC_OP_im2col:
  case TC_OP_atomic_tile:
    return 3;
  case TC_OP_gemm:
    return 7;
  default:
    return 0;
  }
}

static void check_slices(tc_verifier *v, const tc_op *op) {
  uint32_t wanted = slice_operands(v->ir, op);
  if (op->opcode == TC_OP_prim) return; /* tc_verify_prim knows */
  for (uint32_t k = 0; k < op->n_in; k++) {
    bool want = k < 32 && (wanted >> k & 1), is = tc_is(v->ir, tc_input(v->ir, op, k), TC_OP_slice);
    if (want && !is) FAIL(v, TC_RULE_slices, "operand %u is no slice", k);
    if (is && !want) FAIL(v, TC_RULE_slices, "operand %u is a slice", k);
  }
}

static tc_buffer *slice_buffer(const tc_verifier *v, const tc_op *op, uint32_t k) {
  return tc_buf_at(v->ir, tc_slice_buf(v->ir, tc_input(v->ir, op, k)));
}

/* ---- accesses ---- */

typedef struct access {
  tc_buf buf;
  uint32_t flags, n_values; /* values between the indices and the predicate */
} access;

/* Indices are integers, all with one lane or one common number of lanes; the element's lanes are
 * multiplied by it. */
static tc_type check_indices(tc_verifier *v, const tc_op *op, const tc_buffer *b) {
  uint32_t lanes = 1;
  for (uint32_t k = 0; k < b->rank && k < op->n_in; k++) {
    tc_type t = in_type(v, op, k);
    if (!tc_is_int(t))
      FAIL(v, TC_RULE_operands, "index %u has type %s, wanted an integer", k, type_name(v, t));
    if (t.lanes > 1 && lanes > 1 && t.lanes != lanes)
      FAIL(v, TC_RULE_operands, "indices have %u and %u lanes", lanes, t.lanes);
    if (t.lanes > 1) lanes = t.lanes;
  }
  return (tc_type){b->elem.dtype, 0, (uint16_t)(b->elem.lanes * lanes)};
}

static void check_pred(tc_verifier *v, const tc_op *op, uint32_t k, tc_type value) {
  tc_type t = in_type(v, op, k);
  if (!tc_is_bool(t) || (t.lanes != 1 && t.lanes != value.lanes))
    FAIL(v, TC_RULE_operands, "the predicate has type %s", type_name(v, t));
}

static void check_guard(tc_verifier *v, const tc_buffer *b, uint32_t flags) {
  bool marked = flags & (TC_ACCESS_GUARDED | TC_ACCESS_IN_BOUNDS);
  if (v->state != TC_STATE_surface && b->scope == TC_SCOPE_global && b->rank && !marked)
    FAIL(v, TC_RULE_guards, "the access to %s is neither guarded nor in_bounds",
         tc_name_of(v->ir, b->name));
}

/* Loads, stores, atomics and waits: indices, values, predicate, else. */
static void check_access(tc_verifier *v, const tc_op *op, const access *a) {
  const tc_buffer *b = tc_buf_at(v->ir, a->buf);
  bool pred = a->flags & TC_ACCESS_PRED, other = a->flags & TC_ACCESS_ELSE;
  want_count(v, op, b->rank + a->n_values + pred + other);
  if (v->failed) return;
  tc_type type = check_indices(v, op, b);
  uint32_t k = b->rank;
  for (uint32_t i = 0; i < a->n_values; i++)
    want_type(v, op, k++, "value", type);
  if (pred) check_pred(v, op, k++, type);
  if (other) want_type(v, op, k, "else value", type);
  if (op->opcode == TC_OP_load) want_result(v, op, type);
  if (op->opcode == TC_OP_atomic && op->type.dtype != TC_DT_void) want_result(v, op, type);
  if (op->opcode != TC_OP_wait) check_guard(v, b, a->flags);
}

static void check_load(tc_verifier *v, const tc_op *op) {
  const tc_access *x = &v->ir->accesses.at[op->payload];
  check_access(v, op, &(access){x->buf, x->flags, 0});
}

static void check_store(tc_verifier *v, const tc_op *op) {
  const tc_access *x = &v->ir->accesses.at[op->payload];
  if (x->flags & TC_ACCESS_ELSE) FAIL(v, TC_RULE_payloads, "a store has no else value");
  check_access(v, op, &(access){x->buf, x->flags, 1});
}

static void check_atomic(tc_verifier *v, const tc_op *op) {
  const tc_atomic *x = &v->ir->atomics.at[op->payload];
  if (x->flags & TC_ACCESS_ELSE) FAIL(v, TC_RULE_payloads, "an atomic has no else value");
  check_access(v, op, &(access){x->buf, x->flags, x->kind == TC_ATOMIC_CAS ? 2 : 1});
}

static void check_wait(tc_verifier *v, const tc_op *op) {
  const tc_wait *x = &v->ir->waits.at[op->payload];
  check_access(v, op, &(access){x->buf, 0, 1});
  if (x->deadline_ns < 0) FAIL(v, TC_RULE_payloads, "the deadline is negative");
}

/* ---- control ---- */

static void check_kernel(tc_verifier *v, const tc_op *op) {
  const tc_kernel *x = &v->ir->kernels.at[op->payload];
  if (x->n_grid < 1 || x->n_grid > 3) FAIL(v, TC_RULE_payloads, "%u grid extents", x->n_grid);
  want_count(v, op, x->n_grid);
  for (uint32_t k = 0; k < op->n_in; k++)
    want_index(v, op, k, "grid extent");
  for (uint32_t k = 0; k < 3; k++) {
    if (k >= x->n_grid && x->block[k].id)
      FAIL(v, TC_RULE_payloads, "block variable %u has no grid extent", k);
    if (x->threads[k] < 1 || x->cluster[k] < 1)
      FAIL(v, TC_RULE_payloads, "thread and cluster extents are at least 1");
  }
}

static void check_for(tc_verifier *v, const tc_op *op) {
  const tc_loop *x = &v->ir->loops.at[op->payload];
  if (!x->var.id) FAIL(v, TC_RULE_binders, "the loop has no variable");
  tc_type type = tc_var_at(v->ir, x->var)->type;
  if (!tc_is_index_type(type)) FAIL(v, TC_RULE_operands, "the loop variable is no integer");
  want_type(v, op, 0, "lower bound", type);
  want_type(v, op, 1, "upper bound", type);
  want_type(v, op, 2, "step", type);
  int64_t step;
  if (!tc_const_of(v->ir, tc_input(v->ir, op, 2), &step) || step == 0)
    FAIL(v, TC_RULE_steps, "the step is no constant other than 0");
}

static void check_parallel(tc_verifier *v, const tc_op *op) {
  const tc_parallel *x = &v->ir->parallels.at[op->payload];
  want_count(v, op, x->n);
  for (uint32_t k = 0; k < x->n && !v->failed; k++) {
    if (!x->vars[k].id) {
      FAIL(v, TC_RULE_binders, "dimension %u has no variable", k);
      return;
    }
    tc_type type = tc_var_at(v->ir, x->vars[k])->type;
    if (!tc_is_index_type(type)) FAIL(v, TC_RULE_operands, "the loop variable is no integer");
    want_type(v, op, k, "extent", type);
  }
}

static void check_group(tc_verifier *v, const tc_op *op) {
  const tc_group *x = &v->ir->groups.at[op->payload];
  if (x->first < 0 || x->count < 1) FAIL(v, TC_RULE_payloads, "the range of threads is empty");
}

/* ---- tile ops ---- */

static void check_copy(tc_verifier *v, const tc_op *op) {
  uint32_t flags = v->ir->copies.at[op->payload].flags;
  bool safe = flags & TC_COPY_SAFE, signal = flags & TC_COPY_SIGNAL;
  bool stage = flags & TC_COPY_STAGE;
  want_count(v, op, 2u + safe + signal + stage);
  if (!v->failed && safe) want_data(v, op, 2);
  if (signal && !(flags & TC_COPY_ASYNC))
    FAIL(v, TC_RULE_payloads, "a copy that is not async has a signal");
  if (!signal && (flags & TC_COPY_EXPECTED))
    FAIL(v, TC_RULE_payloads, "a copy without a signal has its bytes expected");
}

static void check_fill(tc_verifier *v, const tc_op *op) {
  want_type(v, op, 1, "value", slice_buffer(v, op, 0)->elem);
}

static void check_gemm(tc_verifier *v, const tc_op *op) {
  if (op->n_in != 4) want_count(v, op, 3);
  if (op->n_in == 4) want_bool(v, op, 3, "clear operand");
  for (uint32_t k = 0; k < 3 && !v->failed; k++)
    if (slice_buffer(v, op, k)->rank < 2)
      FAIL(v, TC_RULE_operands, "operand %u has fewer than two dimensions", k);
}

static void check_dim(tc_verifier *v, const tc_op *op, uint32_t dim) {
  if (dim >= slice_buffer(v, op, 0)->rank)
    FAIL(v, TC_RULE_payloads, "there is no dimension %u", dim);
}

static void check_scan(tc_verifier *v, const tc_op *op) {
  const tc_scan *x = &v->ir->scans.at[op->payload];
  check_dim(v, op, x->dim);
  if (x->kind != TC_RED_SUM && x->kind != TC_RED_MAX)
    FAIL(v, TC_RULE_payloads, "a scan is a sum or a max");
}

static void check_im2col(tc_verifier *v, const tc_op *op) {
  const tc_im2col *x = &v->ir->im2cols.at[op->payload];
  want_count(v, op, 4);
  if (v->failed) return;
  want_index(v, op, 2, "nhw step");
  want_index(v, op, 3, "c step");
  if (x->kernel < 1 || x->stride < 1 || x->dilation < 1 || x->pad < 0)
    FAIL(v, TC_RULE_payloads, "kernel, stride and dilation are at least 1, pad at least 0");
}

static void check_transpose(tc_verifier *v, const tc_op *op) {
  for (uint32_t k = 0; k < 2 && !v->failed; k++)
    if (slice_buffer(v, op, k)->rank < 2)
      FAIL(v, TC_RULE_operands, "operand %u has fewer than two dimensions", k);
}

/* ---- state placed ---- */

static void check_is_placed(tc_verifier *v, const tc_op *op) {
  const tc_buffer *b = tc_buf_at(v->ir, (tc_buf){op->payload});
  bool memory = b->scope == TC_SCOPE_shared || b->scope == TC_SCOPE_barrier;
  bool tile = b->scope == TC_SCOPE_shared || b->scope == TC_SCOPE_fragment;
  const char *name = tc_name_of(v->ir, b->name);
  if (memory && !b->is_placed) FAIL(v, TC_RULE_placed, "%s has no place", name);
  if (tile && !b->layout) FAIL(v, TC_RULE_placed, "%s has no layout", name);
}

/* ---- dispatch ---- */

static void check_words(tc_verifier *v, const tc_op *op) {
  enum tc_payload_kind kind = tc_op_row((enum tc_opcode)op->opcode)->payload;
  const void *record = tc_payload_at(v->ir, kind, op->payload);
  uint32_t n;
  const tc_attr *attrs = tc_attrs(&n);
  for (uint32_t i = 0; record && i < n; i++) {
    if (attrs[i].payload != kind || attrs[i].kind != TC_ATTR_WORD) continue;
    int64_t x = tc_attr_get(&attrs[i], record);
    if (!tc_word((enum tc_words)attrs[i].list, x))
      FAIL(v, TC_RULE_payloads, "%d is not %s", (int)x, attrs[i].word);
  }
}

static void check_operands(tc_verifier *v, const tc_op *op) {
  switch ((int)op->opcode) { /* table */
  case TC_OP_alloc:
    if (v->state == TC_STATE_placed) check_is_placed(v, op);
    break;
  case TC_OP_load:
    check_load(v, op);
    break;
  case TC_OP_store:
    check_store(v, op);
    break;
  case TC_OP_atomic:
    check_atomic(v, op);
    break;
  case TC_OP_wait:
    check_wait(v, op);
    break;
  case TC_OP_kernel:
    check_kernel(v, op);
    break;
  case TC_OP_for:
    check_for(v, op);
    break;
  case TC_OP_parallel:
    check_parallel(v, op);
    break;
  case TC_OP_group:
  case TC_OP_perthread:
    check_group(v, op);
    break;
  case TC_OP_if:
  case TC_OP_yield:
  case TC_OP_assert:
  case TC_OP_assume:
    want_bool(v, op, 0, "condition");
    break;
  case TC_OP_copy:
    check_copy(v, op);
    break;
  case TC_OP_fill:
    check_fill(v, op);
    break;
  case TC_OP_gemm:
    check_gemm(v, op);
    break;
  case TC_OP_reduce:
    check_dim(v, op, v->ir->reduces.at[op->payload].dim);
    break;
  case TC_OP_scan:
    check_scan(v, op);
    break;
  case TC_OP_transpose:
    check_transpose(v, op);
    break;
  case TC_OP_im2col:
    check_im2col(v, op);
    break;
  case TC_OP_print:
    for (uint32_t k = 0; k < op->n_in; k++)
      want_data(v, op, k);
    break;
  case TC_OP_eval:
    want_data(v, op, 0);
    break;
  case TC_OP_prim:
    tc_verify_prim(v, op);
    break;
  case TC_OP_ring_skip:
    want_index(v, op, 0, "count");
  }
}

void tc_verify_stmt(tc_verifier *v, const tc_op *op) {
  const tc_op_info *row = tc_op_row((enum tc_opcode)op->opcode);
  if (row->n_in >= 0) want_count(v, op, (uint32_t)row->n_in);
  check_words(v, op);
  uint32_t needed = slice_operands(v->ir, op);
  if (!v->failed && needed >> op->n_in)
    FAIL(v, TC_RULE_operands, "%u operands are too few", op->n_in);
  if (!v->failed) check_slices(v, op);
  if (!v->failed) check_operands(v, op);
  if (!v->failed) tc_verify_sync(v, op);
  if (row->payload != TC_PL_ACCESS && row->payload != TC_PL_ATOMIC
      && row->payload != TC_PL_COLLECTIVE && row->payload != TC_PL_PRIM && op->type.dtype)
    FAIL(v, TC_RULE_operands, "the statement has a result type");
}
