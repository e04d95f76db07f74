#include "base/floats.h"
#include "target/common/cemit.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static const tc_dtype_info *row_of(tc_type type) {
  return tc_dtype_row((enum tc_dtype)type.dtype);
}

/* Float formats without a C type: computed in float, rounded after each operation. */
static bool is_narrow(tc_type type) {
  return tc_is_float(type) && type.dtype != TC_DT_float32 && type.dtype != TC_DT_float64;
}

const char *tc_ce_type(tc_type type) {
  const tc_dtype_info *row = row_of(type);
  if (row->kind == TC_K_BOOL) return "tc_bool";
  if (row->kind == TC_K_FLOAT) return row->bits == 64 ? "double" : "float";
  return row->c_type;
}

static bool is_signed(tc_type type) {
  return tc_type_kind(type) != TC_K_UINT;
}

/* ---- literals ---- */

/* Spelled without printf's %g and %a, which follow the locale. */
static const char *finite_text(tc_cemit *e, double x, const char *suffix) {
  const char *sign = signbit(x) ? "-" : "";
  int exponent;
  double fraction = frexp(fabs(x), &exponent);
  uint64_t digits = (uint64_t)ldexp(fraction, 53);
  exponent -= 53;
  while (digits && digits % 2 == 0)
    digits /= 2, exponent++;
  if (digits == 0) return tc_ce_text(e, "%s0.0%s", sign, suffix);
  if (exponent >= 0 && exponent < 30 && digits < 1u << 24)
    return tc_ce_text(e, "%s%" PRIu64 ".0%s", sign, digits << exponent, suffix);
  return tc_ce_text(e, "%s0x%" PRIx64 "p%d%s", sign, digits, exponent, suffix);
}

static const char *float_text(tc_cemit *e, tc_type type, double x) {
  const char *suffix = type.dtype == TC_DT_float64 ? "" : "f";
  if (isnan(x)) return tc_ce_text(e, "__builtin_nan%s(\"\")", suffix);
  const char *text = isinf(x) ? tc_ce_text(e, "%s__builtin_inf%s()", x < 0 ? "-" : "", suffix)
                              : finite_text(e, x, suffix);
  return *text == '-' ? tc_ce_text(e, "(%s)", text) : text;
}

const char *tc_ce_const(tc_cemit *e, tc_type type, tc_imm x) {
  if (tc_is_float(type)) return float_text(e, type, x.f);
  uint32_t bits = row_of(type)->bits;
  if (tc_type_kind(type) == TC_K_UINT)
    return tc_ce_text(e, bits == 64 ? "%" PRIu64 "ull" : "%" PRIu64 "u", (uint64_t)x.i);
  if (x.i == INT64_MIN) return "(-9223372036854775807ll - 1)";
  if (bits == 32 && x.i == INT32_MIN) return "(-2147483647 - 1)";
  const char *suffix = bits == 64 ? "ll" : "";
  return tc_ce_text(e, x.i < 0 ? "(%" PRId64 "%s)" : "%" PRId64 "%s", x.i, suffix);
}

TC_NORETURN static void refuse_var(tc_cemit *e, tc_var var) {
  const tc_var_info *info = tc_var_at(e->ir, var);
  if (info->kind != TC_VAR_THREAD)
    tc_bug(e->arena->unwind, "emit: variable '%s' has no value here",
           tc_name_of(e->ir, info->name));
  e->target->report(e->ir->diags, info->span, "a thread index outside per-thread code");
  tc_diag_stop(e->ir->diags);
}

const char *tc_ce_ref(tc_cemit *e, tc_value v, uint32_t lane) {
  const tc_op *op = tc_op_at(e->ir, v);
  if (e->aliases[v.id]) return e->aliases[v.id];
  if (op->opcode == TC_OP_const)
    return tc_ce_const(e, (tc_type){op->type.dtype, 0, 1}, e->ir->imms.at[op->payload]);
  if (op->opcode == TC_OP_var) {
    if (!e->var_names[op->payload]) refuse_var(e, (tc_var){op->payload});
    return e->var_names[op->payload];
  }
  if (op->type.lanes > 1) return tc_ce_text(e, "v%u_%u", v.id, lane);
  return tc_ce_text(e, "v%u", v.id);
}

/* ---- arithmetic ---- */

/* One lane of one op: its row, and the operands as text. */
typedef struct term {
  const tc_op *op;
  enum tc_opcode code;
  tc_type type, in; /* of the result and of the first operand, one lane */
  uint32_t lane;
  const char *a, *b, *c;
} term;

static const char *wrap_int(tc_cemit *e, tc_type type, const char *x) {
  const tc_dtype_info *row = row_of(type);
  if (row->kind == TC_K_BOOL || row->bits >= 32) return x;
  if (row->bits >= 8) return tc_ce_text(e, "(%s)(%s)", row->c_type, x);
  if (row->kind == TC_K_UINT) return tc_ce_text(e, "(tc_u8)((%s) & %u)", x, (1u << row->bits) - 1);
  return tc_ce_text(e, "tc_sign%u(%s)", row->bits, x);
}

static const char *round_float(tc_cemit *e, tc_type type, const char *x) {
  return is_narrow(type) ? tc_ce_text(e, "tc_%s_round(%s)", row_of(type)->name, x) : x;
}

/* The suffix of prelude functions: computation happens in 32 or 64 bits. */
static const char *width_of(tc_type type) {
  const tc_dtype_info *row = row_of(type);
  if (row->kind == TC_K_FLOAT) return row->bits == 64 ? "f64" : "f32";
  if (row->kind == TC_K_UINT) return row->bits == 64 ? "u64" : "u32";
  return row->bits == 64 ? "i64" : "i32";
}

/* Division by a positive constant or of a non-negative number needs no corrections. */
static const char *divide(tc_cemit *e, const term *t, bool quotient, bool floors) {
  tc_range a = tc_range_of(&e->ranges, tc_input(e->ir, t->op, 0));
  tc_range b = tc_range_of(&e->ranges, tc_input(e->ir, t->op, 1));
  bool power = b.lo == b.hi && b.lo > 0 && (b.lo & (b.lo - 1)) == 0;
  if (b.lo > 0 && (a.lo >= 0 || !is_signed(t->in)))
    return tc_ce_text(e, quotient ? "%s / %s" : "%s %% %s", t->a, t->b);
  if (power && floors && !quotient) return tc_ce_text(e, "%s & %s - 1", t->a, t->b);
  if (power && floors) {
    int log2 = 0;
    while (((int64_t)1 << log2) < b.lo)
      log2++;
    return tc_ce_text(e, "%s >> %d", t->a, log2);
  }
  const char *which = quotient ? "div" : "mod",
             *how = floors && is_signed(t->in) ? "floor" : "trunc";
  return tc_ce_text(e, "tc_%s%s_%s(%s, %s)", how, which, width_of(t->in), t->a, t->b);
}

static const char *shift(tc_cemit *e, const term *t) {
  uint32_t bits = row_of(t->in)->bits;
  const char *by = t->b;
  int64_t n;
  if (!tc_const_of(e->ir, tc_input(e->ir, t->op, 1), &n) || (uint64_t)n >= bits)
    by = tc_ce_text(e, "(%s & %u)", by, bits - 1);
  if (t->code == TC_OP_shr) return tc_ce_text(e, "%s >> %s", t->a, by);
  const char *type = bits == 64 ? "tc_u64" : "tc_u32";
  return tc_ce_text(e, "(%s)((%s)%s << %s)",
                    bits == 64         ? tc_ce_type(t->in)
                    : is_signed(t->in) ? "tc_i32"
                                       : "tc_u32",
                    type, t->a, by);
}

/* min and max of floats: a NaN operand loses, -0 is below +0. With a constant operand one
 * comparison says it all; its strictness decides which zero wins. */
static const char *float_extreme(tc_cemit *e, const term *t) {
  bool is_max = t->code == TC_OP_max;
  double c;
  const char *x = t->a, *k = t->b;
  bool is_const = t->op && tc_const_float_of(e->ir, tc_input(e->ir, t->op, 1), &c);
  if (t->op && !is_const && tc_const_float_of(e->ir, tc_input(e->ir, t->op, 0), &c))
    is_const = true, x = t->b, k = t->a;
  if (!is_const || isnan(c))
    return tc_ce_text(e, "tc_%s_%s(%s, %s)", is_max ? "max" : "min", width_of(t->in), t->a, t->b);
  bool ties = c == 0 && !signbit(c) == !is_max;
  return tc_ce_text(e, "%s %c%s %s ? %s : %s", x, is_max ? '>' : '<', ties ? "=" : "", k, x, k);
}

static const char *int_extreme(tc_cemit *e, const term *t) {
  char relation = t->code == TC_OP_max ? '>' : '<';
  return tc_ce_text(e, "%s %c %s ? %s : %s", t->a, relation, t->b, t->a, t->b);
}

static const char *infix(enum tc_opcode code) {
  switch ((int)code) {
  case TC_OP_add:
    return "+";
  case TC_OP_sub:
    return "-";
  case TC_OP_mul:
    return "*";
  case TC_OP_div:
    return "/";
  case TC_OP_and:
    return "&";
  case TC_OP_or:
    return "|";
  case TC_OP_xor:
    return "^";
  case TC_OP_eq:
    return "==";
  case TC_OP_ne:
    return "!=";
  case TC_OP_lt:
    return "<";
  case TC_OP_le:
    return "<=";
  default:
    return NULL;
  }
}

static const char *float_op(tc_cemit *e, const term *t);

/* A format that rounds upwards needs to know that anything was lost, however little: computed in
 * double, and what is lost on the way to float kept as its last bit. */
static const char *upward_op(tc_cemit *e, const term *t) {
  term wide = *t;
  wide.op = NULL;
  wide.in = wide.type = tc_scalar_type(TC_DT_float64);
  wide.a = tc_ce_text(e, "(double)%s", t->a);
  wide.b = tc_ce_text(e, "(double)%s", t->b);
  return tc_ce_text(e, "tc_odd_f64(%s)", float_op(e, &wide));
}

static bool rounds_up(tc_type type) {
  int format = row_of(type)->format;
  return format >= 0 && tc_float_info((enum tc_float_format)format)->rounding == TC_FLOAT_ROUND_UP;
}

/* The operation in the compute type, before wrapping or rounding. */
static const char *float_op(tc_cemit *e, const term *t) {
  const char *width = width_of(t->in);
  bool inexact = infix(t->code) != NULL || t->code == TC_OP_floormod;
  if (inexact && rounds_up(t->in)) return upward_op(e, t);
  if (t->code == TC_OP_floordiv && rounds_up(t->in)) {
    term quotient = *t;
    quotient.code = TC_OP_div;
    return tc_ce_text(e, "tc_floor_f32(%s)", round_float(e, t->in, upward_op(e, &quotient)));
  }
  switch ((int)t->code) {
  case TC_OP_floordiv:
    return tc_ce_text(e, "tc_floor_%s(%s)", width,
                      round_float(e, t->in, tc_ce_text(e, "%s / %s", t->a, t->b)));
  case TC_OP_floormod:
    return tc_ce_text(e, "tc_floormod_%s(%s, %s)", width, t->a, t->b);
  case TC_OP_min:
  case TC_OP_max:
    return float_extreme(e, t);
  case TC_OP_neg:
    return is_narrow(t->in) ? tc_ce_text(e, "-%s", t->a)
                            : tc_ce_text(e, "tc_neg_%s(%s)", width, t->a);
  case TC_OP_abs:
    return tc_ce_text(e, "tc_abs_%s(%s)", width, t->a);
  default:
    return tc_ce_text(e, "%s %s %s", t->a, infix(t->code), t->b);
  }
}

static const char *int_op(tc_cemit *e, const term *t) {
  switch ((int)t->code) {
  case TC_OP_floordiv:
    return divide(e, t, true, true);
  case TC_OP_floormod:
    return divide(e, t, false, true);
  case TC_OP_truncdiv:
    return divide(e, t, true, false);
  case TC_OP_truncmod:
    return divide(e, t, false, false);
  case TC_OP_min:
  case TC_OP_max:
    return int_extreme(e, t);
  case TC_OP_shl:
  case TC_OP_shr:
    return shift(e, t);
  case TC_OP_neg:
    return tc_ce_text(e, "-%s", t->a);
  case TC_OP_abs:
    return is_signed(t->in) ? tc_ce_text(e, "%s < 0 ? -%s : %s", t->a, t->a, t->a) : t->a;
  case TC_OP_not:
    return tc_ce_text(e, tc_is_bool(t->in) ? "!%s" : "~%s", t->a);
  case TC_OP_mul: /* the product of two 16-bit numbers exceeds int */
    if (row_of(t->in)->bits < 32) return tc_ce_text(e, "(tc_u32)%s * (tc_u32)%s", t->a, t->b);
    break;
  default:
    break;
  }
  return tc_ce_text(e, "%s %s %s", t->a, infix(t->code), t->b);
}

/* Every number has its negative in the format. Then an infinity has, too, and must keep it: the
 * rounding of arithmetic saturates. */
static bool has_negatives(tc_type type) {
  const tc_float_row *row = tc_float_info((enum tc_float_format)row_of(type)->format);
  return row->sign_bits && row->nan != TC_FLOAT_NAN_NEG_ZERO;
}

/* Ops whose float result needs the final rounding to the type; min, max and abs cannot need it. */
static bool needs_round(const term *t) {
  switch ((int)t->code) {
  case TC_OP_neg:
    return is_narrow(t->type) && !has_negatives(t->type);
  case TC_OP_add:
  case TC_OP_sub:
  case TC_OP_mul:
  case TC_OP_div:
  case TC_OP_floordiv:
  case TC_OP_floormod:
  case TC_OP_math:
  case TC_OP_cast:
    return is_narrow(t->type);
  default:
    return false;
  }
}

/* ---- conversions ---- */

/* A number as a float that rounds to every narrow format as the number itself would. */
static const char *odd_float(tc_cemit *e, tc_type from, const char *x) {
  const tc_dtype_info *row = row_of(from);
  if (row->kind == TC_K_FLOAT) return row->bits == 64 ? tc_ce_text(e, "tc_odd_f64(%s)", x) : x;
  if (row->bits <= 16) return tc_ce_text(e, "(float)%s", x);
  return tc_ce_text(e, "tc_odd_%s(%s)", width_of(from), x);
}

static const char *cast_float_to_int(tc_cemit *e, tc_type from, tc_type to, const char *x) {
  const tc_dtype_info *row = row_of(to);
  const char *source = width_of(from);
  if (row->bits >= 32) return tc_ce_text(e, "tc_%s_of_%s(%s)", width_of(to), source, x);
  tc_range r = tc_range_of_type(to);
  return tc_ce_text(e, "(%s)tc_clamp(tc_i32_of_%s(%s), %d, %d)", row->c_type, source, x, (int)r.lo,
                    (int)r.hi);
}

/* Before the rounding to a narrow float, which the caller adds. */
static const char *cast_text(tc_cemit *e, tc_type from, tc_type to, const char *x) {
  if (from.dtype == to.dtype) return x;
  bool from_float = tc_is_float(from), to_float = tc_is_float(to);
  if (tc_is_bool(to)) return tc_ce_text(e, "%s != 0", x);
  if (from_float && !to_float) return cast_float_to_int(e, from, to, x);
  if (is_narrow(to)) return odd_float(e, from, x);
  if (to_float && from_float && row_of(to)->bits <= 32) /* a narrow float is a float already */
    return row_of(from)->bits == 64 ? tc_ce_text(e, "(float)%s", x) : x;
  if (to_float) return tc_ce_text(e, "(%s)%s", tc_ce_type(to), x);
  return row_of(to)->bits >= 8 ? tc_ce_text(e, "(%s)%s", tc_ce_type(to), x) : wrap_int(e, to, x);
}

const char *tc_ce_converted(tc_cemit *e, tc_type from, tc_type to, const char *x) {
  if (from.dtype == to.dtype) return tc_ce_encode(e, to, x);
  const char *text = cast_text(e, from, to, x);
  if (is_narrow(to)) return tc_ce_text(e, "tc_%s_from(%s)", row_of(to)->name, text);
  return tc_ce_encode(e, to, text);
}

const char *tc_ce_cast(tc_cemit *e, tc_type from, tc_type to, const char *x) {
  return from.dtype == to.dtype ? x : round_float(e, to, cast_text(e, from, to, x));
}

const char *tc_ce_binary(tc_cemit *e, enum tc_opcode code, tc_type type, const char *a,
                         const char *b) {
  term t = {.code = code, .type = type, .in = type, .a = a, .b = b};
  if (tc_is_float(type))
    return needs_round(&t) ? round_float(e, type, float_op(e, &t)) : float_op(e, &t);
  return wrap_int(e, type, int_op(e, &t));
}

const char *tc_ce_bits(tc_cemit *e, tc_type type, const char *x) {
  const tc_dtype_info *row = row_of(type);
  if (row->kind == TC_K_BOOL) return tc_ce_text(e, "(tc_u64)%s", x);
  if (row->kind == TC_K_FLOAT && row->bits >= 32)
    return tc_ce_text(e, "(tc_u64)tc_bits_%s(%s)", width_of(type), x);
  if (row->kind == TC_K_FLOAT) return tc_ce_text(e, "(tc_u64)%s", tc_ce_encode(e, type, x));
  if (row->bits == 64) return tc_ce_text(e, "(tc_u64)%s", x);
  return tc_ce_text(e, "((tc_u64)%s & 0x%llxull)", x, (1ull << row->bits) - 1);
}

const char *tc_ce_of_bits(tc_cemit *e, tc_type type, const char *bits) {
  const tc_dtype_info *row = row_of(type);
  if (row->kind == TC_K_BOOL) return tc_ce_text(e, "(%s) != 0", bits);
  if (row->kind == TC_K_FLOAT && row->bits >= 32)
    return tc_ce_decode(e, type, tc_ce_text(e, "tc_%s_of_bits(%s)", width_of(type), bits));
  if (row->kind == TC_K_FLOAT)
    return tc_ce_decode(e, type, tc_ce_text(e, "(%s)(%s)", tc_ce_storage(type), bits));
  if (row->bits < 8) return wrap_int(e, type, tc_ce_text(e, "(tc_u8)(%s)", bits));
  return tc_ce_text(e, "(%s)(%s)", row->c_type, bits);
}

/* Lanes are laid side by side, lane 0 in the low bits. */
static const char *reinterpret_text(tc_cemit *e, const term *t) {
  tc_value source = tc_input(e->ir, t->op, 0);
  uint32_t in = row_of(t->in)->bits, out = row_of(t->type)->bits;
  if (t->in.dtype == t->type.dtype) return tc_ce_ref(e, source, t->lane);
  uint32_t first = t->lane * out;
  if (out <= in) {
    const char *x = tc_ce_bits(e, t->in, tc_ce_ref(e, source, first / in));
    const char *low = tc_ce_text(e, "%s >> %u", x, first % in);
    if (out < in) low = tc_ce_text(e, "(%s) & 0x%llxull", low, (1ull << out) - 1);
    return tc_ce_of_bits(e, t->type, low);
  }
  const char *all = "0";
  for (uint32_t k = 0; k < out / in; k++)
    all = tc_ce_text(e, "%s | %s << %u", all,
                     tc_ce_bits(e, t->in, tc_ce_ref(e, source, first / in + k)), k * in);
  return tc_ce_of_bits(e, t->type, all);
}

/* ---- functions ---- */

static const char *math_text(tc_cemit *e, const term *t) {
  enum tc_mathfn fn = (enum tc_mathfn)t->op->payload;
  const tc_mathfn_info *row = tc_math_row(fn);
  uint32_t bits = row_of(t->in)->bits;
  if (fn == TC_MATH_popcount || fn == TC_MATH_clz)
    return tc_ce_text(e, "tc_%s(%s, %u)", row->name, tc_ce_bits(e, t->in, t->a), bits);
  if (fn == TC_MATH_nextafter && is_narrow(t->in))
    return tc_ce_text(e, "tc_%s_next(%s, %s)", row_of(t->in)->name, t->a, t->b);
  const char *override = e->target->math32 ? e->target->math32[fn] : NULL;
  const char *name = bits == 64 ? row->c64 : override ? override : row->c32;
  if (row->arity == 1) return tc_ce_text(e, "%s(%s)", name, t->a);
  if (row->arity == 2) return tc_ce_text(e, "%s(%s, %s)", name, t->a, t->b);
  return tc_ce_text(e, "%s(%s, %s, %s)", name, t->a, t->b, t->c);
}

/* ---- one op ---- */

static const char *select_text(tc_cemit *e, const term *t) {
  if (e->known[tc_input(e->ir, t->op, 0).id]) return t->b;
  return tc_ce_text(e, "%s ? %s : %s", t->a, t->b, t->c);
}

/* The expression before rounding (floats) but wrapped (integers). table */
static const char *raw_text(tc_cemit *e, const term *t) {
  switch ((int)t->code) {
  case TC_OP_select:
    return select_text(e, t);
  case TC_OP_cast:
    return cast_text(e, t->in, t->type, t->a);
  case TC_OP_reinterpret:
    return reinterpret_text(e, t);
  case TC_OP_math:
    return math_text(e, t);
  case TC_OP_ramp:
    return wrap_int(e, t->type, tc_ce_text(e, "%s + %s * %u", t->a, t->b, t->lane));
  case TC_OP_broadcast:
    return t->a;
  case TC_OP_lane:
    return tc_ce_ref(e, tc_input(e->ir, t->op, 0), t->op->payload);
  case TC_OP_pack:
    return tc_ce_ref(e, tc_input(e->ir, t->op, t->lane), 0);
  case TC_OP_eq:
  case TC_OP_ne:
  case TC_OP_lt:
  case TC_OP_le:
    return tc_ce_text(e, "%s %s %s", t->a, infix(t->code), t->b);
  default:
    return tc_is_float(t->in) ? float_op(e, t) : wrap_int(e, t->type, int_op(e, t));
  }
}

static term term_of(tc_cemit *e, tc_value v, uint32_t lane) {
  const tc_op *op = tc_op_at(e->ir, v);
  term t = {.op = op,
            .code = (enum tc_opcode)op->opcode,
            .lane = lane,
            .type = {op->type.dtype, 0, 1},
            .in = {op->type.dtype, 0, 1}};
  if (op->n_in) t.in.dtype = tc_value_type(e->ir, tc_input(e->ir, op, 0)).dtype;
  /* pack and reinterpret take their operands by lanes of their own. */
  if (t.code == TC_OP_pack || t.code == TC_OP_reinterpret) return t;
  if (op->n_in > 0) t.a = tc_ce_ref(e, tc_input(e->ir, op, 0), lane);
  if (op->n_in > 1) t.b = tc_ce_ref(e, tc_input(e->ir, op, 1), lane);
  if (op->n_in > 2) t.c = tc_ce_ref(e, tc_input(e->ir, op, 2), lane);
  return t;
}

const char *tc_ce_value_text(tc_cemit *e, tc_value v, uint32_t lane) {
  term t = term_of(e, v, lane);
  const char *text = raw_text(e, &t);
  return needs_round(&t) ? round_float(e, t.type, text) : text;
}

void tc_ce_define(tc_cemit *e, tc_value v) {
  tc_type type = tc_value_type(e->ir, v);
  for (uint32_t lane = 0; lane < type.lanes; lane++) {
    const char *text = tc_ce_value_text(e, v, lane);
    tc_cw_def(&e->w, v.id, "const %s %s = %s;", tc_ce_type(type), tc_ce_ref(e, v, lane), text);
  }
}

void tc_ce_define_tree(tc_cemit *e, tc_value v) {
  const tc_op *op = tc_op_at(e->ir, v);
  if (!tc_op_is_pure(op) || e->defined[v.id]) return;
  if (op->opcode == TC_OP_const || op->opcode == TC_OP_var || op->opcode == TC_OP_slice) return;
  for (uint32_t i = 0; i < op->n_in; i++)
    tc_ce_define_tree(e, tc_input(e->ir, op, i));
  tc_ce_define(e, v);
  e->defined[v.id] = true;
}

const char *tc_ce_stored(tc_cemit *e, tc_type elem, tc_value v, uint32_t lane) {
  const tc_op *op = tc_op_at(e->ir, v);
  if (e->raw[v.id] && op->type.dtype == elem.dtype) return e->raw[v.id];
  if (is_narrow(elem) && tc_op_is_pure(op) && op->opcode != TC_OP_const
      && op->opcode != TC_OP_var) {
    term t = term_of(e, v, lane);
    /* Rounding and encoding in one step. */
    if (needs_round(&t) && e->placed.uses[v.id] == 1 && t.code != TC_OP_neg)
      return tc_ce_text(e, "tc_%s_from(%s)", row_of(elem)->name, raw_text(e, &t));
  }
  return tc_ce_encode(e, elem, tc_ce_ref(e, v, lane));
}

/* ---- predicates ---- */

void tc_ce_conjuncts(tc_cemit *e, tc_value pred, tc_value_vec *out) {
  if (!pred.id) return;
  const tc_op *op = tc_op_at(e->ir, pred);
  int64_t x;
  if (tc_const_of(e->ir, pred, &x) && x) return;
  if (op->opcode == TC_OP_and && out->n < 64) {
    tc_ce_conjuncts(e, tc_input(e->ir, op, 0), out);
    tc_ce_conjuncts(e, tc_input(e->ir, op, 1), out);
    return;
  }
  for (uint32_t i = 0; i < out->n; i++)
    if (out->at[i].id == pred.id) return;
  tc_vec_push(e->arena, out, pred);
}

const char *tc_ce_pred(tc_cemit *e, tc_value pred, uint32_t lane) {
  tc_value_vec parts = {0};
  tc_ce_conjuncts(e, pred, &parts);
  const char *text = NULL;
  for (uint32_t i = 0; i < parts.n; i++) {
    if (e->known[parts.at[i].id]) continue;
    const char *part = tc_ce_ref(e, parts.at[i], lane);
    text = text ? tc_ce_text(e, "%s & %s", text, part) : part;
  }
  return text;
}
