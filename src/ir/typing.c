#include "ir/typing.h"

#include "ir/scalar.h"

static tc_type with_lanes(tc_type type, uint32_t lanes) {
  return (tc_type){type.dtype, 0, (uint16_t)lanes};
}

bool tc_is_index_type(tc_type type) {
  return type.lanes == 1 && tc_is_int(type);
}

static bool is_number(tc_type type) {
  return tc_is_int(type) || tc_is_float(type);
}

/* Something that can be computed with: no slice, nothing without a value. */
static bool is_data(tc_type type) {
  enum tc_dtype_kind kind = tc_type_kind(type);
  return kind != TC_K_VOID && kind != TC_K_SLICE && type.lanes >= 1;
}

static const char *name(const tc_ir *ir, tc_type type) {
  return tc_type_name(ir->arena, type);
}

static const char *wants(const tc_ir *ir, const tc_pure *x, const char *what, tc_type found) {
  return tc_format(ir->arena, "%s takes %s, found %s", tc_op_row(x->op)->name, what,
                   name(ir, found));
}

static bool binary_kind_ok(enum tc_opcode op, tc_type t, const char **what) {
  switch ((int)op) { /* table */
  case TC_OP_div:
    *what = "floats";
    return tc_is_float(t);
  case TC_OP_truncdiv:
  case TC_OP_truncmod:
  case TC_OP_shl:
  case TC_OP_shr:
    *what = "integers";
    return tc_is_int(t);
  case TC_OP_and:
  case TC_OP_or:
  case TC_OP_xor:
    *what = "integers or bools";
    return tc_is_int(t) || tc_is_bool(t);
  case TC_OP_eq:
  case TC_OP_ne:
  case TC_OP_lt:
  case TC_OP_le:
    *what = "values";
    return is_data(t);
  default:
    *what = "numbers";
    return is_number(t);
  }
}

static const char *check_binary(const tc_ir *ir, const tc_pure *x, tc_type *type) {
  tc_type a = tc_value_type(ir, x->in[0]), b = tc_value_type(ir, x->in[1]);
  const char *what;
  if (!tc_type_equal(a, b))
    return tc_format(ir->arena, "operands of %s differ in type: %s and %s", tc_op_row(x->op)->name,
                     name(ir, a), name(ir, b));
  if (!binary_kind_ok(x->op, a, &what)) return wants(ir, x, what, a);
  bool comparison = x->op >= TC_OP_eq && x->op <= TC_OP_le;
  *type = comparison ? (tc_type){TC_DT_bool, 0, a.lanes} : a;
  return NULL;
}

static const char *check_select(const tc_ir *ir, const tc_pure *x, tc_type *type) {
  tc_type c = tc_value_type(ir, x->in[0]);
  tc_type a = tc_value_type(ir, x->in[1]), b = tc_value_type(ir, x->in[2]);
  if (!tc_is_bool(c) || (c.lanes != 1 && c.lanes != a.lanes))
    return wants(ir, x, "a bool condition with one lane or as many as its sides", c);
  if (!is_data(a)) return wants(ir, x, "values", a);
  if (!tc_type_equal(a, b))
    return tc_format(ir->arena, "sides of select differ in type: %s and %s", name(ir, a),
                     name(ir, b));
  *type = a;
  return NULL;
}

static const char *check_conversion(const tc_ir *ir, const tc_pure *x, tc_type *type) {
  tc_type a = tc_value_type(ir, x->in[0]), to = x->type;
  if (!is_data(a)) return wants(ir, x, "a value", a);
  if (!is_data(to)) return wants(ir, x, "a data type to convert to", to);
  if (x->op == TC_OP_cast && a.lanes != to.lanes)
    return tc_format(ir->arena, "cast from %s to %s changes the number of lanes", name(ir, a),
                     name(ir, to));
  if (x->op == TC_OP_reinterpret && tc_type_bits(a) != tc_type_bits(to))
    return tc_format(ir->arena, "reinterpret from %s (%u bits) to %s (%u bits) changes the size",
                     name(ir, a), tc_type_bits(a), name(ir, to), tc_type_bits(to));
  *type = to;
  return NULL;
}

static const char *check_math(const tc_ir *ir, const tc_pure *x, tc_type *type) {
  if (x->payload >= TC_MATH_COUNT) return "math names no row of mathfns.def";
  const tc_mathfn_info *row = tc_math_row((enum tc_mathfn)x->payload);
  if (x->n != row->arity)
    return tc_format(ir->arena, "%s takes %u operands, found %u", row->name, row->arity, x->n);
  tc_type a = tc_value_type(ir, x->in[0]);
  bool ok = (row->kinds != 'I' && tc_is_float(a)) || (row->kinds != 'F' && tc_is_int(a));
  if (!ok)
    return tc_format(ir->arena, "%s takes %s, found %s", row->name,
                     row->kinds == 'F'   ? "floats"
                     : row->kinds == 'I' ? "integers"
                                         : "numbers",
                     name(ir, a));
  for (uint32_t k = 1; k < x->n; k++)
    if (!tc_type_equal(tc_value_type(ir, x->in[k]), a))
      return tc_format(ir->arena, "operands of %s differ in type", row->name);
  *type = a;
  if (row->result == TC_MATH_BOOL) type->dtype = TC_DT_bool;
  if (row->result == TC_MATH_I32) type->dtype = TC_DT_int32;
  return NULL;
}

static const char *check_vector(const tc_ir *ir, const tc_pure *x, tc_type *type) {
  tc_type a = tc_value_type(ir, x->in[0]);
  uint32_t lanes = x->op == TC_OP_pack ? x->n : x->type.lanes;
  if (!is_data(a) || a.lanes != 1) return wants(ir, x, "scalars", a);
  if (lanes < 2 || lanes > TC_MAX_LANES)
    return tc_format(ir->arena, "%s makes 2 to %d lanes, found %u", tc_op_row(x->op)->name,
                     TC_MAX_LANES, lanes);
  if (x->op == TC_OP_ramp && !tc_is_int(a)) return wants(ir, x, "integers", a);
  for (uint32_t k = 1; k < x->n; k++)
    if (!tc_type_equal(tc_value_type(ir, x->in[k]), a))
      return tc_format(ir->arena, "operands of %s differ in type", tc_op_row(x->op)->name);
  *type = with_lanes(a, lanes);
  return NULL;
}

static const char *check_lane(const tc_ir *ir, const tc_pure *x, tc_type *type) {
  tc_type a = tc_value_type(ir, x->in[0]);
  if (!is_data(a) || x->payload >= a.lanes)
    return tc_format(ir->arena, "there is no lane %u in %s", x->payload, name(ir, a));
  *type = with_lanes(a, 1);
  return NULL;
}

static const char *check_slice(const tc_ir *ir, const tc_pure *x, tc_type *type) {
  uint32_t buf = x->payload & ~(uint32_t)TC_SLICE_IN_BOUNDS;
  if (!buf || buf >= ir->bufs.n) return "a slice names no buffer";
  const tc_buffer *b = ir->bufs.at[buf];
  if (x->n != 2 * b->rank)
    return tc_format(ir->arena, "a slice of %s needs %u bases and extents, found %u operands",
                     tc_name_of(ir, b->name), b->rank, x->n);
  for (uint32_t k = 0; k < x->n; k++)
    if (!tc_is_index_type(tc_value_type(ir, x->in[k])))
      return wants(ir, x, "integer bases and extents", tc_value_type(ir, x->in[k]));
  *type = tc_scalar_type(TC_DT_slice);
  return NULL;
}

static const char *check_unary(const tc_ir *ir, const tc_pure *x, tc_type *type) {
  tc_type a = tc_value_type(ir, x->in[0]);
  bool ok = x->op == TC_OP_not ? tc_is_int(a) || tc_is_bool(a) : is_number(a);
  if (!ok) return wants(ir, x, x->op == TC_OP_not ? "integers or bools" : "numbers", a);
  *type = a;
  return NULL;
}

const char *tc_typing_check(const tc_ir *ir, const tc_pure *x, tc_type *type) {
  int n_in = tc_op_row(x->op)->n_in;
  if (n_in >= 0 && x->n != (uint32_t)n_in)
    return tc_format(ir->arena, "%s takes %d operands, found %u", tc_op_row(x->op)->name, n_in,
                     x->n);
  switch ((int)x->op) { /* table */
  case TC_OP_const:
    *type = x->type;
    return is_data(x->type) ? NULL : "a constant needs a data type";
  case TC_OP_var:
    if (!x->payload || x->payload >= ir->vars.n) return "var names no variable";
    *type = ir->vars.at[x->payload].type;
    return NULL;
  case TC_OP_neg:
  case TC_OP_abs:
  case TC_OP_not:
    return check_unary(ir, x, type);
  case TC_OP_select:
    return check_select(ir, x, type);
  case TC_OP_cast:
  case TC_OP_reinterpret:
    return check_conversion(ir, x, type);
  case TC_OP_math:
    return check_math(ir, x, type);
  case TC_OP_pack:
    if (!x->n) return "pack needs operands";
    return check_vector(ir, x, type);
  case TC_OP_ramp:
  case TC_OP_broadcast:
    return check_vector(ir, x, type);
  case TC_OP_lane:
    return check_lane(ir, x, type);
  case TC_OP_slice:
    return check_slice(ir, x, type);
  default:
    return check_binary(ir, x, type);
  }
}

enum tc_opcode tc_reduce_op(enum tc_reduce_kind kind, tc_type type) {
  switch (kind) {
  case TC_RED_SUM:
  case TC_RED_ABSSUM:
    /* The sum of bools is their or, as 1 + 1 has no other value there. */
    return tc_is_bool(type) ? TC_OP_or : TC_OP_add;
  case TC_RED_MAX:
  case TC_RED_ABSMAX:
    return TC_OP_max;
  case TC_RED_MIN:
    return TC_OP_min;
  case TC_RED_BITAND:
    return TC_OP_and;
  case TC_RED_BITOR:
    return TC_OP_or;
  case TC_RED_BITXOR:
    return TC_OP_xor;
  }
  return TC_OP_none;
}

tc_imm tc_reduce_neutral(enum tc_reduce_kind kind, tc_type type) {
  /* No magnitude is below 0. */
  enum tc_opcode op = kind == TC_RED_ABSMAX ? TC_OP_add : tc_reduce_op(kind, type);
  return tc_imm_neutral(op, type);
}
