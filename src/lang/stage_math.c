/* Scalar functions: integer forms, min and max, logic, math, conversions, constants. Calls whose
 * operands are all Python numbers stay at compile time where Python has the same meaning. */
#include "lang/stage_private.h"

#include "ir/scalar.h"

#include <math.h>

static bool all_ints(const stage_args *a, uint32_t n) {
  for (uint32_t i = 0; i < n; i++)
    if (a->v[i].kind != TC_V_INT && a->v[i].kind != TC_V_BOOL) return false;
  return true;
}

/* ---- division forms ---- */

static int64_t floor_div(int64_t a, int64_t b) {
  int64_t q = a / b;
  return q - (a % b != 0 && (a < 0) != (b < 0));
}

enum { DIV_CEIL, DIV_FLOOR, DIV_MOD, DIV_TRUNC, DIV_TRUNCMOD };

static tc_val divide_ints(tc_eval *ev, const stage_args *a, int64_t x, int64_t y) {
  if (y == 0) STAGE_FAIL(ev, D_division_by_zero, a->span, a->row->name);
  if (y == -1 && x == INT64_MIN)
    STAGE_FAIL(ev, D_literal_range, a->span, x, "int64", INT64_MIN + 1, INT64_MAX);
  int64_t up = 0;
  bool overflow = y == INT64_MIN || __builtin_add_overflow(x, y - 1, &up);
  if (a->row->aux == DIV_CEIL && overflow)
    STAGE_FAIL(ev, D_literal_range, a->span, x, "this division in int64", INT64_MIN, INT64_MAX);
  switch (a->row->aux) {
  case DIV_CEIL:
    return tc_val_int(floor_div(up, y));
  case DIV_FLOOR:
    return tc_val_int(floor_div(x, y));
  case DIV_MOD:
    return tc_val_int(x - floor_div(x, y) * y);
  case DIV_TRUNC:
    return tc_val_int(x / y);
  default:
    return tc_val_int(x % y);
  }
}

tc_val tc_do_divide(tc_eval *ev, stage_args *a) {
  if (all_ints(a, 2)) return divide_ints(ev, a, a->v[0].i, a->v[1].i);
  tc_value x = tc_stage_value(ev, a->v[0], a->at[0]), y = tc_stage_value(ev, a->v[1], a->at[1]);
  tc_stage_promote(ev, &x, &y, a->span);
  tc_type type = tc_value_type(ev->ir, x);
  bool ints_only = a->row->aux != DIV_FLOOR && a->row->aux != DIV_MOD;
  if (tc_is_bool(type) || (tc_is_float(type) && ints_only))
    STAGE_FAIL(ev, D_operator_type, a->span, a->row->name, tc_type_name(ev->arena, type));
  int64_t zero;
  if (tc_const_of(ev->ir, y, &zero) && zero == 0)
    STAGE_FAIL(ev, D_division_by_zero, a->span, a->row->name);
  static const enum tc_opcode OPS[] = {TC_OP_floordiv, TC_OP_floordiv, TC_OP_floormod,
                                       TC_OP_truncdiv, TC_OP_truncmod};
  if (a->row->aux == DIV_CEIL) {
    tc_value one = tc_const_int(ev->ir, type, 1);
    x = tc_binary(ev->ir, TC_OP_add, x, tc_binary(ev->ir, TC_OP_sub, y, one));
  }
  return tc_stage_fold(ev, tc_binary(ev->ir, OPS[a->row->aux], x, y));
}

tc_val tc_do_align_up(tc_eval *ev, stage_args *a) {
  stage_args up = *a;
  const stage_builtin row = {.name = a->row->name, .aux = DIV_CEIL};
  up.row = &row;
  tc_val tiles = tc_do_divide(ev, &up);
  int64_t product;
  if (tiles.kind == TC_V_INT && a->v[1].kind == TC_V_INT) {
    if (__builtin_mul_overflow(tiles.i, a->v[1].i, &product))
      STAGE_FAIL(ev, D_literal_range, a->span, a->v[0].i, "align_up in int64", INT64_MIN,
                 INT64_MAX);
    return tc_val_int(product);
  }
  return tc_stage_binary(ev, TC_BINOP_MUL, tiles, a->v[1], a->span);
}

/* ---- pairs and singles ---- */

tc_val tc_do_pair(tc_eval *ev, stage_args *a) {
  enum tc_opcode op = (enum tc_opcode)a->row->aux;
  bool ordered = op == TC_OP_min || op == TC_OP_max;
  if (ordered && all_ints(a, 2)) {
    bool first = (a->v[0].i < a->v[1].i) == (op == TC_OP_min);
    return a->v[first ? 0 : 1];
  }
  tc_value x = tc_stage_value(ev, a->v[0], a->at[0]), y = tc_stage_value(ev, a->v[1], a->at[1]);
  tc_stage_promote(ev, &x, &y, a->span);
  tc_type type = tc_value_type(ev->ir, x);
  bool logic = op == TC_OP_and || op == TC_OP_or || op == TC_OP_xor;
  bool ok = tc_is_float(type) ? ordered : tc_is_bool(type) ? logic : true;
  if (!ok) STAGE_FAIL(ev, D_operator_type, a->span, a->row->name, tc_type_name(ev->arena, type));
  return tc_stage_fold(ev, tc_binary(ev->ir, op, x, y));
}

tc_val tc_do_single(tc_eval *ev, stage_args *a) {
  tc_value x = tc_stage_value(ev, a->v[0], a->at[0]);
  tc_type type = tc_value_type(ev->ir, x);
  bool ok = a->row->aux == TC_OP_not ? !tc_is_float(type) : !tc_is_bool(type);
  if (!ok) STAGE_FAIL(ev, D_operator_type, a->span, a->row->name, tc_type_name(ev->arena, type));
  return tc_stage_fold(ev, tc_unary(ev->ir, (enum tc_opcode)a->row->aux, x));
}

tc_val tc_do_logic(tc_eval *ev, stage_args *a) {
  if (!a->rest.n) STAGE_FAIL(ev, D_missing_argument, a->span, a->row->name, 1, "a", "(*terms)");
  tc_value x = tc_stage_condition(ev, a->rest.at[0], a->span);
  for (uint32_t i = 1; i < a->rest.n; i++)
    x = tc_binary(ev->ir, (enum tc_opcode)a->row->aux, x,
                  tc_stage_condition(ev, a->rest.at[i], a->span));
  return tc_val_expr(x);
}

tc_val tc_do_logic_not(tc_eval *ev, stage_args *a) {
  return tc_val_expr(tc_unary(ev->ir, TC_OP_not, tc_stage_condition(ev, a->v[0], a->at[0])));
}

tc_val tc_do_clamp(tc_eval *ev, stage_args *a) {
  tc_value x = tc_stage_value(ev, a->v[0], a->at[0]);
  tc_value lo = tc_stage_value(ev, a->v[1], a->at[1]), hi = tc_stage_value(ev, a->v[2], a->at[2]);
  tc_stage_promote(ev, &x, &lo, a->span);
  x = tc_binary(ev->ir, TC_OP_max, x, lo);
  tc_stage_promote(ev, &x, &hi, a->span);
  return tc_stage_fold(ev, tc_binary(ev->ir, TC_OP_min, x, hi));
}

/* aux 0: if_then_else, whose sides are loaded only where they are taken; aux 1: Select. */
tc_val tc_do_if_then_else(tc_eval *ev, stage_args *a) {
  if (!tc_val_is_staged(a->v[0])) return a->v[tc_eval_truth(ev, a->v[0]) ? 1 : 2];
  tc_value c = tc_stage_condition(ev, a->v[0], a->at[0]);
  tc_value outer = ev->cursor.pred;
  if (!a->row->aux) ev->cursor.pred = tc_and(ev->ir, outer, c);
  tc_val t = tc_val_expr(tc_stage_value(ev, a->v[1], a->at[1]));
  if (!a->row->aux) ev->cursor.pred = tc_and(ev->ir, outer, tc_unary(ev->ir, TC_OP_not, c));
  tc_val f = tc_val_expr(tc_stage_value(ev, a->v[2], a->at[2]));
  ev->cursor.pred = outer;
  return tc_stage_select(ev, c, t, f, a->span);
}

/* ---- math ---- */

static void check_math_type(tc_eval *ev, const stage_args *a, const tc_mathfn_info *fn,
                            tc_type type) {
  bool ok = fn->kinds == 'A' || (fn->kinds == 'F' ? tc_is_float(type) : tc_is_int(type));
  if (!ok) STAGE_FAIL(ev, D_operator_type, a->span, a->row->name, tc_type_name(ev->arena, type));
}

/* Integers given to a float function become float32, as in T.exp(i). */
static tc_value math_operand(tc_eval *ev, const stage_args *a, const tc_mathfn_info *fn,
                             uint32_t i) {
  tc_value x = tc_stage_value(ev, a->v[i], a->at[i]);
  tc_type type = tc_value_type(ev->ir, x);
  if (fn->kinds == 'F' && !tc_is_float(type))
    x = tc_cast(ev->ir, x, (tc_type){TC_DT_float32, 0, type.lanes});
  return x;
}

static tc_val emit_math(tc_eval *ev, const stage_args *a, enum tc_mathfn fn) {
  const tc_mathfn_info *row = tc_math_row(fn);
  tc_value x[3];
  for (uint32_t i = 0; i < row->arity; i++)
    x[i] = math_operand(ev, a, row, i);
  for (uint32_t i = 1; i < row->arity; i++)
    tc_stage_promote(ev, &x[0], &x[i], a->span);
  for (uint32_t i = 1; i < row->arity; i++)
    x[i] = tc_stage_cast(ev, x[i], tc_value_type(ev->ir, x[0]), a->span);
  check_math_type(ev, a, row, tc_value_type(ev->ir, x[0]));
  return tc_stage_fold(ev, tc_math(ev->ir, fn, x, row->arity));
}

tc_val tc_do_math(tc_eval *ev, stage_args *a) {
  return emit_math(ev, a, (enum tc_mathfn)a->row->aux);
}

/* T.__exp and the like take floats only. */
tc_val tc_do_fast_math(tc_eval *ev, stage_args *a) {
  tc_value x = tc_stage_value(ev, a->v[0], a->at[0]);
  tc_type type = tc_value_type(ev->ir, x);
  if (!tc_is_float(type))
    STAGE_FAIL(ev, D_operator_type, a->span, a->row->name, tc_type_name(ev->arena, type));
  return tc_val_expr(tc_math(ev->ir, (enum tc_mathfn)a->row->aux, &x, 1));
}

tc_val tc_do_round(tc_eval *ev, stage_args *a) {
  tc_str mode = a->v[1].kind == TC_V_STR ? a->v[1].str->text : TC_STR("");
  if (tc_str_is(mode, "ties-to-even")) return emit_math(ev, a, TC_MATH_round);
  if (tc_str_is(mode, "ties-away-from-zero")) return emit_math(ev, a, TC_MATH_round_away);
  STAGE_FAIL(ev, D_argument_value, a->at[1], a->row->name, "rounding_mode",
             "\"ties-to-even\" or \"ties-away-from-zero\"", tc_str_dup(ev->arena, mode));
}

/* Constant exponents: 0 gives 1, positive integers become multiplications by squaring. */
static tc_value int_power(tc_eval *ev, tc_value x, int64_t n) {
  tc_value result = tc_const_int(ev->ir, tc_value_type(ev->ir, x), 1);
  for (; n > 0; n >>= 1) {
    if (n & 1) result = tc_binary(ev->ir, TC_OP_mul, result, x);
    if (n > 1) x = tc_binary(ev->ir, TC_OP_mul, x, x);
  }
  return result;
}

tc_val tc_do_pow(tc_eval *ev, stage_args *a) {
  if (a->v[1].kind == TC_V_INT && a->v[1].i >= 0) {
    tc_value x = tc_stage_value(ev, a->v[0], a->at[0]);
    if (!tc_is_bool(tc_value_type(ev->ir, x)))
      return tc_stage_fold(ev, int_power(ev, x, a->v[1].i));
  }
  tc_value x = tc_stage_value(ev, a->v[0], a->at[0]);
  if (!tc_is_float(tc_value_type(ev->ir, x)) && a->v[1].kind != TC_V_FLOAT)
    STAGE_FAIL(ev, D_operator_type, a->span, "pow with this exponent",
               tc_type_name(ev->arena, tc_value_type(ev->ir, x)));
  return emit_math(ev, a, TC_MATH_pow);
}

/* ---- constants and conversions ---- */

tc_val tc_do_limit(tc_eval *ev, stage_args *a) {
  tc_type type = tc_stage_dtype(ev, a->v[0], a->at[0]);
  if (a->row->aux == 0) {
    tc_value inf = {0};
    if (tc_is_float(type)) inf = tc_const_float(ev->ir, type, (double)INFINITY);
    double x = 0;
    if (!inf.id || !tc_const_float_of(ev->ir, inf, &x) || !isinf(x))
      STAGE_FAIL(ev, D_no_infinity, a->span, tc_type_name(ev->arena, type));
    return tc_val_expr(inf);
  }
  tc_imm x = a->row->aux == 1 ? tc_imm_highest(type) : tc_imm_lowest(type);
  tc_value v =
      tc_is_float(type) ? tc_const_float(ev->ir, type, x.f) : tc_const_int(ev->ir, type, x.i);
  return tc_stage_fold(ev, v);
}

/* A literal keeps its dtype when it is cast: T.cast(1, "int32") is a staged constant. */
tc_val tc_do_cast(tc_eval *ev, stage_args *a) {
  uint32_t value = a->row->aux ? 1 : 0, dtype = a->row->aux ? 0 : 1;
  tc_type to = tc_stage_dtype(ev, a->v[dtype], a->at[dtype]);
  if (!a->row->aux && a->v[2].kind == TC_V_STR && a->v[2].str->text.n)
    STAGE_FAIL(ev, D_not_yet, a->at[2], "cast(round=...)");
  if (a->v[value].kind == TC_V_FLOAT && tc_is_float(to))
    return tc_val_expr(tc_stage_float(ev, a->v[value].f, to));
  tc_value x = tc_stage_value(ev, a->v[value], a->at[value]);
  if (to.lanes == 1) to.lanes = tc_value_type(ev->ir, x).lanes;
  return tc_val_expr(tc_stage_cast(ev, x, to, a->span));
}

tc_val tc_do_reinterpret(tc_eval *ev, stage_args *a) {
  uint32_t value = 0, dtype = 1;
  /* The older order (dtype, value) is tolerated. */
  if (a->v[0].kind == TC_V_DTYPE || a->v[0].kind == TC_V_STR) value = 1, dtype = 0;
  /* A pointer made of a number only fills a place in T.attr. */
  if (a->v[dtype].kind == TC_V_STR && tc_str_is(a->v[dtype].str->text, "handle"))
    return a->v[value];
  tc_type to = tc_stage_dtype(ev, a->v[dtype], a->at[dtype]);
  tc_value x = tc_stage_value(ev, a->v[value], a->at[value]);
  tc_type from = tc_value_type(ev->ir, x);
  if (to.lanes == 1 && from.lanes > 1 && tc_type_bits(to) * from.lanes == tc_type_bits(from))
    to.lanes = from.lanes;
  if (tc_type_bits(from) != tc_type_bits(to) || tc_is_bool(from) || tc_is_bool(to))
    STAGE_FAIL(ev, D_reinterpret_size, a->span, tc_type_name(ev->arena, from),
               tc_type_name(ev->arena, to));
  return tc_val_expr(tc_reinterpret(ev->ir, x, to));
}

tc_val tc_do_dtype(tc_eval *ev, stage_args *a) {
  return tc_val_dtype(tc_stage_dtype(ev, a->v[0], a->at[0]));
}

tc_val tc_do_vector(tc_eval *ev, stage_args *a) {
  bool ramp = a->row->aux == 0;
  uint32_t at = ramp ? 2 : 1;
  int64_t lanes = tc_stage_int(ev, a->v[at], "lanes", a->at[at]);
  if (lanes < 1 || lanes > 64)
    STAGE_FAIL(ev, D_argument_value, a->at[at], a->row->name, "lanes", "1 to 64", "another number");
  tc_value x = tc_stage_value(ev, a->v[0], a->at[0]);
  if (!ramp) return tc_val_expr(tc_broadcast(ev->ir, x, (uint32_t)lanes));
  tc_value step = tc_stage_value(ev, a->v[1], a->at[1]);
  tc_stage_promote(ev, &x, &step, a->span);
  tc_value parts[64];
  for (int64_t i = 0; i < lanes; i++) {
    tc_value k = tc_const_int(ev->ir, tc_value_type(ev->ir, x), i);
    parts[i] = tc_binary(ev->ir, TC_OP_add, x, tc_binary(ev->ir, TC_OP_mul, step, k));
  }
  return tc_val_expr(tc_pack(ev->ir, parts, (uint32_t)lanes));
}

tc_val tc_do_coordinates(tc_eval *ev, stage_args *a) {
  tc_value shape[STAGE_MAX_RANK];
  tc_val out[STAGE_MAX_RANK];
  uint32_t rank = tc_stage_shape(ev, a->v[1], shape, "shape", a->at[1]);
  tc_value x = tc_stage_index(ev, a->v[0], "an index", a->at[0]);
  for (uint32_t d = rank; d-- > 0;) {
    int64_t extent;
    if (tc_const_of(ev->ir, shape[d], &extent) && extent < 1)
      STAGE_FAIL(ev, D_bad_extent, a->at[1], "shape", d, extent);
    out[d] = tc_stage_fold(ev, tc_stage_arith(ev, TC_OP_floormod, x, shape[d]));
    x = tc_stage_arith(ev, TC_OP_floordiv, x, shape[d]);
  }
  return tc_val_list(ev->arena, out, rank);
}
