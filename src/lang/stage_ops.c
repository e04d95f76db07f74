/* Operators on staged values: the dtype promotion rules and the Python operators built on them. */
#include "lang/stage_private.h"

#include "base/map.h"
#include "ir/walk.h"
#include "prove/prove.h"

#include <string.h>

tc_type tc_i32_type(void) {
  return tc_scalar_type(TC_DT_int32);
}

/* ---- promotion ---- */

/* How a dtype behaves in a mixed operation, weakest first. Within INT and IEEE the wider wins; two
 * different NARROW floats have no common type. */
enum rank { RANK_BOOL, RANK_INT, RANK_NARROW, RANK_IEEE };

static enum rank rank_of(tc_type type) {
  switch (tc_type_kind(type)) {
  case TC_K_BOOL:
    return RANK_BOOL;
  case TC_K_INT:
  case TC_K_UINT:
    return RANK_INT;
  case TC_K_FLOAT:
    return type.dtype == TC_DT_float16 || type.dtype == TC_DT_float32 || type.dtype == TC_DT_float64
               ? RANK_IEEE
               : RANK_NARROW;
  case TC_K_VOID:
  case TC_K_HANDLE:
  case TC_K_SLICE:
    break;
  }
  return RANK_INT;
}

static uint32_t dtype_bits(tc_type type) {
  return tc_dtype_row((enum tc_dtype)type.dtype)->bits;
}

static enum tc_dtype common_dtype(tc_eval *ev, tc_type a, tc_type b, tc_span span) {
  enum rank ra = rank_of(a), rb = rank_of(b);
  if (a.dtype == b.dtype) return (enum tc_dtype)a.dtype;
  if (ra != rb) return (enum tc_dtype)(ra > rb ? a.dtype : b.dtype);
  if (ra == RANK_NARROW)
    STAGE_FAIL(ev, D_no_common_type, span, tc_type_name(ev->arena, a), tc_type_name(ev->arena, b));
  uint32_t bits_a = dtype_bits(a), bits_b = dtype_bits(b);
  if (bits_a != bits_b) return (enum tc_dtype)(bits_a > bits_b ? a.dtype : b.dtype);
  return (enum tc_dtype)(tc_type_kind(a) == TC_K_UINT ? a.dtype : b.dtype);
}

tc_type tc_stage_common(tc_eval *ev, tc_type a, tc_type b, tc_span span) {
  if (a.lanes != b.lanes && a.lanes != 1 && b.lanes != 1)
    STAGE_FAIL(ev, D_lanes_differ, span, tc_type_name(ev->arena, a), tc_type_name(ev->arena, b));
  tc_type common = tc_scalar_type(common_dtype(ev, a, b, span));
  common.lanes = a.lanes > b.lanes ? a.lanes : b.lanes;
  return common;
}

tc_value tc_stage_cast(tc_eval *ev, tc_value v, tc_type to, tc_span span) {
  tc_type from = tc_value_type(ev->ir, v);
  if (tc_type_kind(from) == TC_K_SLICE || tc_type_kind(from) == TC_K_VOID)
    tc_bug(ev->arena->unwind, "a slice used as a value");
  if (from.lanes != to.lanes && from.lanes != 1)
    STAGE_FAIL(ev, D_lanes_differ, span, tc_type_name(ev->arena, from),
               tc_type_name(ev->arena, to));
  v = tc_cast(ev->ir, v, (tc_type){to.dtype, 0, from.lanes});
  return from.lanes == to.lanes ? v : tc_broadcast(ev->ir, v, to.lanes);
}

void tc_stage_promote(tc_eval *ev, tc_value *a, tc_value *b, tc_span span) {
  tc_type common = tc_stage_common(ev, tc_value_type(ev->ir, *a), tc_value_type(ev->ir, *b), span);
  *a = tc_stage_cast(ev, *a, common, span);
  *b = tc_stage_cast(ev, *b, common, span);
}

/* ---- values ---- */

static tc_value int_literal(tc_eval *ev, int64_t x) {
  bool small = x >= INT32_MIN && x <= INT32_MAX;
  return tc_const_int(ev->ir, tc_scalar_type(small ? TC_DT_int32 : TC_DT_int64), x);
}

static tc_value region_value(tc_eval *ev, tc_region_val *region, tc_span span) {
  if (region->loaded.id) return region->loaded;
  tc_val bound =
      tc_stage_bind(ev, (tc_val){.kind = TC_V_REGION, .region = region}, (tc_name){0}, span);
  if (bound.kind == TC_V_EXPR) return bound.value;
  if (!bound.region->loaded.id)
    STAGE_FAIL(ev, D_region_as_value, span, tc_stage_buf_name(ev, region->buf));
  return bound.region->loaded;
}

tc_value tc_stage_value(tc_eval *ev, tc_val v, tc_span span) {
  switch (v.kind) {
  case TC_V_BOOL:
    return tc_const_bool(ev->ir, v.i != 0);
  case TC_V_INT:
    return int_literal(ev, v.i);
  case TC_V_FLOAT:
    return tc_const_float(ev->ir, tc_scalar_type(TC_DT_float32), v.f);
  case TC_V_ENUM:
    return int_literal(ev, v.enum_->number);
  case TC_V_EXPR:
    return v.value;
  case TC_V_VAR:
    return tc_stage_load(ev, v.buf, NULL, span).value;
  case TC_V_ELEMENT:
    if (v.element->loaded.id) return v.element->loaded;
    return tc_stage_load(ev, v.element->buf, v.element->index, span).value;
  case TC_V_REGION:
    return region_value(ev, v.region, span);
  case TC_V_BUFFER:
    STAGE_FAIL(ev, D_buffer_as_value, span, tc_stage_buf_name(ev, v.buf));
  default:
    if (v.kind == TC_V_DEFERRED) tc_py_need_known(ev, v, "an operand");
    STAGE_FAIL(ev, D_not_a_value, span, tc_val_kind_name(v));
  }
}

tc_value tc_stage_condition(tc_eval *ev, tc_val v, tc_span span) {
  tc_value x = tc_stage_value(ev, v, span);
  tc_type type = tc_value_type(ev->ir, x);
  if (type.lanes != 1) STAGE_FAIL(ev, D_vector_condition, span, tc_type_name(ev->arena, type));
  return tc_cast(ev->ir, x, tc_scalar_type(TC_DT_bool));
}

/* A literal must fit the type it is given to; a computed value wraps like everywhere else. */
static void check_literal(tc_eval *ev, tc_val v, tc_type type, tc_span span) {
  if (v.kind != TC_V_INT || !tc_is_int(type)) return;
  uint32_t bits = dtype_bits(type);
  bool is_signed = tc_type_kind(type) == TC_K_INT;
  int64_t lowest = is_signed ? (bits == 64 ? INT64_MIN : -(INT64_C(1) << (bits - 1))) : 0;
  int64_t highest = bits == 64  ? INT64_MAX
                    : is_signed ? (INT64_C(1) << (bits - 1)) - 1
                                : (int64_t)((UINT64_C(1) << bits) - 1);
  if (v.i < lowest || v.i > highest)
    STAGE_FAIL(ev, D_literal_range, span, v.i, tc_type_name(ev->arena, type), lowest, highest);
}

tc_value tc_stage_float(tc_eval *ev, double x, tc_type type) {
  tc_type wide = {TC_DT_float64, 0, type.lanes};
  return tc_cast(ev->ir, tc_const_float(ev->ir, wide, x), type);
}

tc_value tc_stage_convert(tc_eval *ev, tc_val v, tc_type type, tc_span span) {
  check_literal(ev, v, type, span);
  if (v.kind == TC_V_FLOAT && tc_is_float(type)) return tc_stage_float(ev, v.f, type);
  if (v.kind == TC_V_INT && v.i >= 0 && type.dtype == TC_DT_uint64 && type.lanes == 1)
    return tc_const_int(ev->ir, type, v.i);
  return tc_stage_cast(ev, tc_stage_value(ev, v, span), type, span);
}

tc_val tc_stage_fold(tc_eval *ev, tc_value v) {
  int64_t x;
  tc_type type = tc_value_type(ev->ir, v);
  if (type.dtype == TC_DT_int32 && type.lanes == 1 && tc_const_of(ev->ir, v, &x))
    return tc_val_int(x);
  return tc_val_expr(v);
}

/* ---- operators ---- */

/* What a Python operator means on staged operands; `ints` and `floats` say which kinds it takes. */
typedef struct binop_row {
  enum tc_opcode op;
  bool ints, floats, bools;
} binop_row;
static const binop_row BINOPS[TC_BINOP_COUNT] = {
    [TC_BINOP_ADD] = {TC_OP_add, true, true, false},
    [TC_BINOP_SUB] = {TC_OP_sub, true, true, false},
    [TC_BINOP_MUL] = {TC_OP_mul, true, true, false},
    [TC_BINOP_DIV] = {TC_OP_div, false, true, false},
    [TC_BINOP_FLOORDIV] = {TC_OP_floordiv, true, true, false},
    [TC_BINOP_MOD] = {TC_OP_floormod, true, true, false},
    [TC_BINOP_POW] = {TC_OP_none, false, false, false},
    [TC_BINOP_MATMUL] = {TC_OP_none, false, false, false},
    [TC_BINOP_AND] = {TC_OP_and, true, false, true},
    [TC_BINOP_OR] = {TC_OP_or, true, false, true},
    [TC_BINOP_XOR] = {TC_OP_xor, true, false, true},
    [TC_BINOP_SHL] = {TC_OP_shl, true, false, false},
    [TC_BINOP_SHR] = {TC_OP_shr, true, false, false},
};

static void refuse_operator(tc_eval *ev, enum tc_ast_binop op, tc_type type, tc_span span) {
  TC_DIAG(ev->diags, D_operator_type, span, tc_ast_binop_text(op), tc_type_name(ev->arena, type));
  if (op == TC_BINOP_DIV)
    tc_diag_help(ev->diags,
                 "use // for the floor, T.truncdiv for C's division, or cast to a float");
  if (op == TC_BINOP_POW) tc_diag_help(ev->diags, "use T.pow(x, y)");
  tc_diag_stop(ev->diags);
}

static tc_value bool_to_int(tc_eval *ev, tc_value v) {
  tc_type type = tc_value_type(ev->ir, v);
  if (!tc_is_bool(type)) return v;
  return tc_cast(ev->ir, v, (tc_type){TC_DT_int32, 0, type.lanes});
}

tc_val tc_stage_binary(tc_eval *ev, enum tc_ast_binop op, tc_val a, tc_val b, tc_span span) {
  const binop_row *row = &BINOPS[op];
  tc_value x = tc_stage_value(ev, a, span), y = tc_stage_value(ev, b, span);
  tc_stage_promote(ev, &x, &y, span);
  if (!row->bools) x = bool_to_int(ev, x), y = bool_to_int(ev, y);
  tc_type type = tc_value_type(ev->ir, x);
  bool ok = tc_is_float(type) ? row->floats : tc_is_bool(type) ? row->bools : row->ints;
  if (!ok) refuse_operator(ev, op, type, span);
  int64_t divisor;
  bool divides = op == TC_BINOP_FLOORDIV || op == TC_BINOP_MOD;
  if (divides && tc_const_of(ev->ir, y, &divisor) && divisor == 0)
    STAGE_FAIL(ev, D_division_by_zero, span, tc_ast_binop_text(op));
  return tc_val_expr(tc_binary(ev->ir, row->op, x, y));
}

tc_val tc_stage_unary(tc_eval *ev, enum tc_ast_unop op, tc_val a, tc_span span) {
  tc_value x = tc_stage_value(ev, a, span);
  tc_type type = tc_value_type(ev->ir, x);
  switch (op) {
  case TC_UNOP_POS:
    return tc_val_expr(x);
  case TC_UNOP_NEG:
    return tc_val_expr(tc_unary(ev->ir, TC_OP_neg, bool_to_int(ev, x)));
  case TC_UNOP_INVERT:
    if (tc_is_float(type))
      STAGE_FAIL(ev, D_operator_type, span, "~", tc_type_name(ev->arena, type));
    return tc_val_expr(tc_unary(ev->ir, TC_OP_not, x));
  case TC_UNOP_NOT:
  case TC_UNOP_COUNT:
    break;
  }
  return tc_val_expr(tc_unary(ev->ir, TC_OP_not, tc_stage_condition(ev, tc_val_expr(x), span)));
}

tc_val tc_stage_compare(tc_eval *ev, enum tc_ast_cmpop op, tc_val a, tc_val b, tc_span span) {
  tc_value x = tc_stage_value(ev, a, span), y = tc_stage_value(ev, b, span);
  tc_stage_promote(ev, &x, &y, span);
  bool swap = op == TC_CMPOP_GT || op == TC_CMPOP_GE;
  enum tc_opcode code = op == TC_CMPOP_EQ                        ? TC_OP_eq
                        : op == TC_CMPOP_NE                      ? TC_OP_ne
                        : op == TC_CMPOP_LT || op == TC_CMPOP_GT ? TC_OP_lt
                                                                 : TC_OP_le;
  return tc_val_expr(swap ? tc_binary(ev->ir, code, y, x) : tc_binary(ev->ir, code, x, y));
}

tc_value tc_stage_and(tc_eval *ev, tc_value a, tc_value b) {
  return tc_binary(ev->ir, TC_OP_and, a, b);
}

tc_value tc_stage_or(tc_eval *ev, tc_value a, tc_value b) {
  return tc_binary(ev->ir, TC_OP_or, a, b);
}

tc_val tc_stage_select(tc_eval *ev, tc_value cond, tc_val a, tc_val b, tc_span span) {
  tc_value x = tc_stage_value(ev, a, span), y = tc_stage_value(ev, b, span);
  tc_stage_promote(ev, &x, &y, span);
  return tc_stage_fold(ev, tc_select(ev->ir, cond, x, y));
}

/* ---- reading compile-time arguments ---- */

int64_t tc_stage_int(tc_eval *ev, tc_val v, const char *what, tc_span span) {
  int64_t x;
  if (v.kind == TC_V_INT || v.kind == TC_V_BOOL) return v.i;
  if (v.kind == TC_V_ENUM) return v.enum_->number;
  if (v.kind == TC_V_EXPR && tc_const_of(ev->ir, v.value, &x)) return x;
  TC_DIAG(ev->diags, D_need_constant, span, what, tc_val_kind_name(v));
  tc_diag_stop(ev->diags);
}

bool tc_stage_bool(tc_eval *ev, tc_val v, const char *what, tc_span span) {
  if (v.kind == TC_V_NONE) return false;
  return tc_stage_int(ev, v, what, span) != 0;
}

tc_value tc_stage_index(tc_eval *ev, tc_val v, const char *what, tc_span span) {
  tc_value x = bool_to_int(ev, tc_stage_value(ev, v, span));
  tc_type type = tc_value_type(ev->ir, x);
  if (!tc_is_int(type)) STAGE_FAIL(ev, D_index_type, span, what, tc_type_name(ev->arena, type));
  /* Narrow indices widen to int32; unsigned 32-bit ones need 64 bits to keep their value. */
  enum tc_dtype to =
      dtype_bits(type) == 64 || type.dtype == TC_DT_uint32 ? TC_DT_int64 : TC_DT_int32;
  return tc_cast(ev->ir, x, (tc_type){(uint8_t)to, 0, type.lanes});
}

uint32_t tc_stage_shape(tc_eval *ev, tc_val v, tc_value *shape, const char *what, tc_span span) {
  const tc_val *items = &v;
  uint32_t n = 1;
  if (v.kind == TC_V_TUPLE || v.kind == TC_V_LIST) tc_eval_items(ev, v, &items, &n);
  if (n > STAGE_MAX_RANK) STAGE_FAIL(ev, D_rank_limit, span, what, n, (uint32_t)STAGE_MAX_RANK);
  for (uint32_t d = 0; d < n; d++) {
    shape[d] = tc_stage_index(ev, items[d], what, span);
    int64_t extent;
    if (tc_const_of(ev->ir, shape[d], &extent) && extent < 0)
      STAGE_FAIL(ev, D_bad_extent, span, what, d, extent);
  }
  return n;
}

tc_val tc_stage_shape_tuple(tc_eval *ev, const tc_value *shape, uint32_t n) {
  tc_val items[STAGE_MAX_RANK];
  for (uint32_t d = 0; d < n; d++)
    items[d] = tc_stage_fold(ev, shape[d]);
  return tc_val_tuple(ev->arena, items, n);
}

/* The same expression over 64-bit numbers. */
static tc_value in_64_bits(tc_eval *ev, tc_value v) {
  tc_type wide = tc_scalar_type(TC_DT_int64);
  tc_map done = tc_map_in(ev->arena);
  tc_value_list list = tc_operands_of(ev->ir, v, ev->arena);
  tc_value r = v;
  for (uint32_t i = 0; i < list.n; i++) {
    const tc_op *op = tc_op_at(ev->ir, list.at[i]);
    enum tc_opcode opcode = (enum tc_opcode)op->opcode;
    bool arithmetic = opcode == TC_OP_add || opcode == TC_OP_sub || opcode == TC_OP_mul
                      || opcode == TC_OP_floordiv || opcode == TC_OP_floormod || opcode == TC_OP_min
                      || opcode == TC_OP_max;
    uint32_t a = 0, b = 0;
    if (arithmetic && tc_map_get(&done, tc_input(ev->ir, op, 0).id, &a)
        && tc_map_get(&done, tc_input(ev->ir, op, 1).id, &b))
      r = tc_binary(ev->ir, opcode, (tc_value){a}, (tc_value){b});
    else if (tc_is_int(op->type) && op->type.lanes == 1)
      r = tc_cast(ev->ir, list.at[i], wide);
    else
      continue;
    tc_map_put(&done, list.at[i].id, r.id);
  }
  return r;
}

/* Does a launch that gets past its own checks, where the extent is at least `least`, show that the
 * sum did not wrap? (N + 63) // 64 of an N that is too large is negative. */
static bool is_proved(tc_eval *ev, tc_value same, tc_value extent, int64_t least) {
  tc_prover *p = tc_prover_new(ev->ir, NULL, NULL, ev->arena);
  const tc_block *body = tc_block_at(ev->ir, ev->ir->body);
  tc_prove_push(p);
  for (uint32_t i = 0; i < body->ops.n; i++)
    tc_prove_after(p, body->ops.at[i]);
  tc_value low = tc_const_int(ev->ir, tc_value_type(ev->ir, extent), least);
  tc_prove_assume(p, tc_binary(ev->ir, TC_OP_le, low, extent));
  return tc_prove(p, TC_PROVE_check, same, NULL) == TC_PROVED;
}

/* Brings the statement just added to the body before the kernel that is being built. */
static void move_before_kernel(tc_eval *ev) {
  tc_block *body = tc_block_at(ev->ir, ev->ir->body);
  uint32_t last = body->ops.n - 1;
  if (last == 0 || body->ops.at[last - 1].id != ev->cursor.kernel.id) return;
  tc_value added = body->ops.at[last];
  body->ops.at[last] = body->ops.at[last - 1];
  body->ops.at[last - 1] = added;
}

void tc_stage_assert_no_wrap(tc_eval *ev, tc_value extent, int64_t least, const char *what,
                             tc_span span) {
  if (tc_value_type(ev->ir, extent).dtype != TC_DT_int32) return;
  tc_value wide = in_64_bits(ev, extent);
  tc_value same =
      tc_binary(ev->ir, TC_OP_eq, wide, tc_cast(ev->ir, extent, tc_scalar_type(TC_DT_int64)));
  if (is_proved(ev, same, extent, least)) return;
  const char *text = tc_format(ev->arena, "%s does not fit int32", what);
  tc_stmt(ev->ir, ev->ir->body, TC_OP_assert, tc_scalar_type(TC_DT_void), &same, 1,
          tc_pl_text(ev->ir, text), span);
  move_before_kernel(ev);
}

tc_value tc_stage_arith(tc_eval *ev, enum tc_opcode op, tc_value a, tc_value b) {
  tc_stage_promote(ev, &a, &b, ev->here);
  return tc_binary(ev->ir, op, a, b);
}

/* ---- showing ---- */
