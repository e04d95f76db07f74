/* Python's operators on compile-time values: numbers, text and sequences. */
#include "lang/eval_private.h"
#include "lang/foreign.h"

#include <math.h>
#include <string.h>

/* ---- integers of 64 bits that never wrap ---- */

static bool add_fits(int64_t a, int64_t b, int64_t *r) {
  if ((b > 0 && a > INT64_MAX - b) || (b < 0 && a < INT64_MIN - b)) return false;
  return *r = a + b, true;
}

static bool sub_fits(int64_t a, int64_t b, int64_t *r) {
  if ((b < 0 && a > INT64_MAX + b) || (b > 0 && a < INT64_MIN + b)) return false;
  return *r = a - b, true;
}

static bool mul_fits(int64_t a, int64_t b, int64_t *r) {
  if (a == 0 || b == 0) return *r = 0, true;
  if ((a == -1 && b == INT64_MIN) || (b == -1 && a == INT64_MIN)) return false;
  int64_t product = (int64_t)((uint64_t)a * (uint64_t)b);
  if (product / b != a) return false;
  return *r = product, true;
}

static bool shl_fits(int64_t a, int64_t b, int64_t *r) {
  if (a == 0) return *r = 0, true;
  if (b > 63) return false;
  int64_t shifted = (int64_t)((uint64_t)a << b);
  if (shifted >> b != a) return false;
  return *r = shifted, true;
}

static bool pow_fits(int64_t a, int64_t b, int64_t *r) {
  int64_t result = 1;
  while (b > 0) {
    if ((b & 1) && !mul_fits(result, a, &result)) return false;
    b >>= 1;
    if (b && !mul_fits(a, a, &a)) return false;
  }
  return *r = result, true;
}

static int64_t floor_div(int64_t a, int64_t b) {
  int64_t q = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? q - 1 : q;
}

static int64_t floor_mod(int64_t a, int64_t b) {
  int64_t m = b == -1 ? 0 : a % b;
  return m != 0 && (m < 0) != (b < 0) ? m + b : m;
}

/* a / b rounded once. Two ints that a double holds exactly divide exactly rounded; others go
 * through the longer format where the host has one. */
static double true_div(int64_t a, int64_t b) {
  const int64_t exact = INT64_C(1) << 53;
  if (a >= -exact && a <= exact && b >= -exact && b <= exact) return (double)a / (double)b;
  return (double)((long double)a / (long double)b);
}

TC_NORETURN static void bad_operands(tc_eval *ev, enum tc_ast_binop op, tc_val a, tc_val b) {
  EVAL_FAIL(ev, D_bad_operands, tc_eval_here(ev), tc_ast_binop_text(op), tc_val_kind_name(a),
            " and ", tc_val_kind_name(b));
}

static void need_divisor(tc_eval *ev, bool is_zero, enum tc_ast_binop op) {
  if (is_zero)
    EVAL_FAIL(ev, D_zero_division, tc_eval_here(ev), op == TC_BINOP_MOD ? "modulo" : "division");
}

static tc_val int_binary(tc_eval *ev, enum tc_ast_binop op, int64_t a, int64_t b) {
  int64_t r = 0;
  bool fits = true;
  if (op == TC_BINOP_DIV || op == TC_BINOP_FLOORDIV || op == TC_BINOP_MOD)
    need_divisor(ev, b == 0, op);
  if ((op == TC_BINOP_SHL || op == TC_BINOP_SHR) && b < 0)
    EVAL_FAIL(ev, D_bad_value, tc_eval_here(ev), "the shift count is negative");
  switch (op) { /* table */
  case TC_BINOP_ADD:
    fits = add_fits(a, b, &r);
    break;
  case TC_BINOP_SUB:
    fits = sub_fits(a, b, &r);
    break;
  case TC_BINOP_MUL:
    fits = mul_fits(a, b, &r);
    break;
  case TC_BINOP_DIV:
    return tc_val_float(true_div(a, b));
  case TC_BINOP_FLOORDIV:
    fits = !(a == INT64_MIN && b == -1);
    if (fits) r = floor_div(a, b);
    break;
  case TC_BINOP_MOD:
    r = floor_mod(a, b);
    break;
  case TC_BINOP_POW:
    return tc_py_power(ev, tc_val_int(a), tc_val_int(b));
  case TC_BINOP_AND:
    r = a & b;
    break;
  case TC_BINOP_OR:
    r = a | b;
    break;
  case TC_BINOP_XOR:
    r = a ^ b;
    break;
  case TC_BINOP_SHL:
    fits = shl_fits(a, b, &r);
    break;
  case TC_BINOP_SHR:
    r = b > 63 ? (a < 0 ? -1 : 0) : a >> b;
    break;
  case TC_BINOP_MATMUL:
  case TC_BINOP_COUNT:
    bad_operands(ev, op, tc_val_int(a), tc_val_int(b));
  }
  if (!fits)
    EVAL_FAIL(
        ev, D_wide_int, tc_eval_here(ev),
        tc_format(ev->arena, "%lld %s %lld", (long long)a, tc_ast_binop_text(op), (long long)b));
  return tc_val_int(r);
}

/* ---- floats ---- */

/* a = q * b + m with the sign of b for m, as CPython computes it. */
static void float_divmod(double a, double b, double *q, double *m) {
  double mod = fmod(a, b), div = (a - mod) / b;
  if (mod != 0) {
    if ((b < 0) != (mod < 0)) mod += b, div -= 1;
  } else {
    mod = copysign(0, b);
  }
  double floored = floor(div);
  if (div != 0) {
    if (div - floored > 0.5) floored += 1;
  } else {
    floored = copysign(0, a / b);
  }
  *q = floored;
  *m = mod;
}

static tc_val float_binary(tc_eval *ev, enum tc_ast_binop op, tc_val a, tc_val b) {
  double x = a.kind == TC_V_FLOAT ? a.f : (double)a.i, y = b.kind == TC_V_FLOAT ? b.f : (double)b.i;
  double q, m;
  switch (op) { /* table */
  case TC_BINOP_ADD:
    return tc_val_float(x + y);
  case TC_BINOP_SUB:
    return tc_val_float(x - y);
  case TC_BINOP_MUL:
    return tc_val_float(x * y);
  case TC_BINOP_DIV:
    need_divisor(ev, y == 0, op);
    return tc_val_float(x / y);
  case TC_BINOP_FLOORDIV:
  case TC_BINOP_MOD:
    need_divisor(ev, y == 0, op);
    float_divmod(x, y, &q, &m);
    return tc_val_float(op == TC_BINOP_MOD ? m : q);
  case TC_BINOP_POW:
    return tc_py_power(ev, a, b);
  case TC_BINOP_MATMUL:
  case TC_BINOP_AND:
  case TC_BINOP_OR:
  case TC_BINOP_XOR:
  case TC_BINOP_SHL:
  case TC_BINOP_SHR:
  case TC_BINOP_COUNT:
    break;
  }
  bad_operands(ev, op, a, b);
}

tc_val tc_py_power(tc_eval *ev, tc_val a, tc_val b) {
  bool ints = a.kind != TC_V_FLOAT && b.kind != TC_V_FLOAT;
  int64_t r;
  if (ints && b.i >= 0) {
    if (!pow_fits(a.i, b.i, &r))
      EVAL_FAIL(ev, D_wide_int, tc_eval_here(ev),
                tc_format(ev->arena, "%lld ** %lld", (long long)a.i, (long long)b.i));
    return tc_val_int(r);
  }
  double x = a.kind == TC_V_FLOAT ? a.f : (double)a.i, y = b.kind == TC_V_FLOAT ? b.f : (double)b.i;
  if (x == 0 && y < 0) EVAL_FAIL(ev, D_zero_division, tc_eval_here(ev), "negative power");
  double z = pow(x, y);
  if (isnan(z) && !isnan(x) && !isnan(y))
    EVAL_FAIL(ev, D_bad_value, tc_eval_here(ev),
              "a negative number to a fraction has no real value");
  if (isinf(z) && isfinite(x) && isfinite(y))
    EVAL_FAIL(ev, D_bad_value, tc_eval_here(ev), "the power is too large for a float");
  return tc_val_float(z);
}

/* ---- sequences and sets ---- */

static bool is_sequence(tc_val v) {
  return v.kind == TC_V_TUPLE || v.kind == TC_V_LIST;
}

static tc_val make_like(tc_eval *ev, tc_val like, const tc_val *items, uint32_t n) {
  return like.kind == TC_V_LIST ? tc_py_make_list(ev, items, n) : tc_py_make_tuple(ev, items, n);
}

static tc_val concatenate(tc_eval *ev, tc_val a, tc_val b) {
  uint32_t n = a.seq->items.n, m = b.seq->items.n;
  tc_py_check_size(ev, "the sum", (int64_t)n + m, false);
  tc_val *items = TC_NEW_ARRAY(ev->arena, n + m + 1, tc_val);
  if (n) memcpy(items, a.seq->items.at, n * sizeof *items);
  if (m) memcpy(items + n, b.seq->items.at, m * sizeof *items);
  return make_like(ev, a, items, n + m);
}

static tc_val repeat_items(tc_eval *ev, tc_val a, int64_t times) {
  uint32_t n = a.seq->items.n;
  if (times <= 0 || n == 0) return make_like(ev, a, NULL, 0);
  if (times > EVAL_MAX_ITEMS) tc_py_check_size(ev, "the product", times, false);
  tc_py_check_size(ev, "the product", n * times, false);
  tc_val *items = TC_NEW_ARRAY(ev->arena, (size_t)(n * times), tc_val);
  for (int64_t i = 0; i < times; i++)
    memcpy(items + i * n, a.seq->items.at, n * sizeof *items);
  return make_like(ev, a, items, (uint32_t)(n * times));
}

static tc_val repeat_text(tc_eval *ev, tc_str text, int64_t times) {
  tc_sb sb = tc_sb_in(ev->arena);
  if (times > EVAL_MAX_TEXT_B) tc_py_check_size(ev, "the product", times, true);
  if (times > 0) tc_py_check_size(ev, "the product", text.n * times, true);
  for (int64_t i = 0; i < times && text.n; i++)
    tc_sb_add(&sb, text);
  return tc_py_make_text(ev, tc_sb_str(&sb));
}

static tc_val set_binary(tc_eval *ev, enum tc_ast_binop op, const tc_val_seq *a,
                         const tc_val_seq *b) {
  tc_val r = tc_py_make_set(ev, NULL, 0);
  for (uint32_t i = 0; i < a->items.n; i++) {
    bool both = tc_py_key_has(ev, b, a->items.at[i]);
    bool take = op == TC_BINOP_AND ? both : op == TC_BINOP_OR ? true : !both;
    if (take) tc_py_key_add(ev, r.seq, a->items.at[i]);
  }
  if (op != TC_BINOP_OR && op != TC_BINOP_XOR) return r;
  for (uint32_t i = 0; i < b->items.n; i++)
    if (op == TC_BINOP_OR || !tc_py_key_has(ev, a, b->items.at[i]))
      tc_py_key_add(ev, r.seq, b->items.at[i]);
  return r;
}

static tc_val merge_dicts(tc_eval *ev, const tc_val_dict *a, const tc_val_dict *b) {
  tc_val r = tc_py_make_dict(ev);
  const tc_val_dict *parts[] = {a, b};
  for (int k = 0; k < 2; k++)
    for (uint32_t i = 0; i < parts[k]->keys.items.n; i++)
      tc_eval_dict_set(ev, r.dict, parts[k]->keys.items.at[i], parts[k]->values.at[i]);
  return r;
}

/* Text and containers; false when the operator does not apply. */
static bool sequence_binary(tc_eval *ev, enum tc_ast_binop op, tc_val a, tc_val b, tc_val *r) {
  tc_str x, y;
  int64_t times;
  bool sets = op == TC_BINOP_AND || op == TC_BINOP_OR || op == TC_BINOP_XOR || op == TC_BINOP_SUB;
  if (op == TC_BINOP_MUL && tc_py_as_int(a, &times) && !tc_val_is_number(b))
    return sequence_binary(ev, op, b, a, r);
  if (tc_py_as_text(ev, a, &x)) {
    if (op == TC_BINOP_MOD) return *r = tc_py_make_text(ev, tc_py_percent(ev, x, b)), true;
    if (op == TC_BINOP_MUL && tc_py_as_int(b, &times)) return *r = repeat_text(ev, x, times), true;
    if (op != TC_BINOP_ADD || !tc_py_as_text(ev, b, &y)) return false;
    tc_sb sb = tc_sb_in(ev->arena);
    tc_py_check_size(ev, "the sum", (int64_t)x.n + y.n, true);
    tc_sb_add(&sb, x);
    tc_sb_add(&sb, y);
    return *r = tc_py_make_text(ev, tc_sb_str(&sb)), true;
  }
  if (is_sequence(a)) {
    if (op == TC_BINOP_MUL && tc_py_as_int(b, &times)) return *r = repeat_items(ev, a, times), true;
    if (op != TC_BINOP_ADD || b.kind != a.kind) return false;
    return *r = concatenate(ev, a, b), true;
  }
  if (a.kind == TC_V_SET && b.kind == TC_V_SET && sets)
    return *r = set_binary(ev, op, a.seq, b.seq), true;
  if (a.kind == TC_V_DICT && b.kind == TC_V_DICT && op == TC_BINOP_OR)
    return *r = merge_dicts(ev, a.dict, b.dict), true;
  return false;
}

tc_val tc_py_binary(tc_eval *ev, enum tc_ast_binop op, tc_val a, tc_val b) {
  tc_py_need_known(ev, a, "an operand");
  tc_py_need_known(ev, b, "an operand");
  bool bits = op == TC_BINOP_AND || op == TC_BINOP_OR || op == TC_BINOP_XOR;
  if (a.kind == TC_V_ENUM) a = tc_val_int(a.enum_->number);
  if (tc_val_is_number(a) && tc_val_is_number(b)) {
    if (a.kind == TC_V_FLOAT || b.kind == TC_V_FLOAT) return float_binary(ev, op, a, b);
    tc_val r = int_binary(ev, op, a.i, b.i);
    return bits && a.kind == TC_V_BOOL && b.kind == TC_V_BOOL ? tc_val_bool(r.i != 0) : r;
  }
  tc_val r;
  if (!sequence_binary(ev, op, a, b, &r)) bad_operands(ev, op, a, b);
  return r;
}

tc_val tc_py_unary(tc_eval *ev, enum tc_ast_unop op, tc_val a) {
  if (op == TC_UNOP_NOT) return tc_val_bool(!tc_py_truth(ev, a, "the operand of 'not'"));
  tc_py_need_known(ev, a, "the operand");
  bool number = tc_val_is_number(a);
  if (!number || (op == TC_UNOP_INVERT && a.kind == TC_V_FLOAT))
    EVAL_FAIL(ev, D_bad_operands, tc_eval_here(ev), tc_ast_unop_text(op), tc_val_kind_name(a), "",
              "");
  if (op == TC_UNOP_INVERT) return tc_val_int(~a.i);
  if (a.kind == TC_V_FLOAT) return tc_val_float(op == TC_UNOP_NEG ? -a.f : a.f);
  if (op == TC_UNOP_POS) return tc_val_int(a.i);
  return int_binary(ev, TC_BINOP_SUB, 0, a.i);
}

/* ---- comparison ---- */

static int compare_int_float(int64_t i, double f) {
  if (f >= 0x1p63) return -1;
  if (f < -0x1p63) return 1;
  int64_t whole = (int64_t)f;
  if (i != whole) return i < whole ? -1 : 1;
  double rest = f - (double)whole;
  return rest > 0 ? -1 : rest < 0 ? 1 : 0;
}

/* -1, 0, 1; 2 when a NaN is in the way. */
static int order_numbers(tc_val a, tc_val b) {
  bool fa = a.kind == TC_V_FLOAT, fb = b.kind == TC_V_FLOAT;
  if ((fa && isnan(a.f)) || (fb && isnan(b.f))) return 2;
  if (fa && fb) return a.f < b.f ? -1 : a.f > b.f;
  if (fa) return -compare_int_float(b.i, a.f);
  if (fb) return compare_int_float(a.i, b.f);
  return a.i < b.i ? -1 : a.i > b.i;
}

static int order_text(tc_str a, tc_str b) {
  uint32_t n = a.n < b.n ? a.n : b.n;
  int c = n ? memcmp(a.at, b.at, n) : 0; /* the order of UTF-8 is the order of characters */
  if (c) return c < 0 ? -1 : 1;
  return a.n < b.n ? -1 : a.n > b.n;
}

static int order_of(tc_eval *ev, enum tc_ast_cmpop op, tc_val a, tc_val b);
static int order_sequences(tc_eval *ev, enum tc_ast_cmpop op, tc_val a, tc_val b) {
  uint32_t n = a.seq->items.n, m = b.seq->items.n;
  for (uint32_t i = 0; i < n && i < m; i++)
    if (!tc_eval_equal(ev, a.seq->items.at[i], b.seq->items.at[i]))
      return order_of(ev, op, a.seq->items.at[i], b.seq->items.at[i]);
  return n < m ? -1 : n > m;
}

static int order_of(tc_eval *ev, enum tc_ast_cmpop op, tc_val a, tc_val b) {
  tc_str x, y;
  tc_py_need_known(ev, a, "an operand of a comparison");
  tc_py_need_known(ev, b, "an operand of a comparison");
  if (a.kind == TC_V_ENUM) a = tc_val_int(a.enum_->number);
  if (b.kind == TC_V_ENUM) b = tc_val_int(b.enum_->number);
  if (tc_val_is_number(a) && tc_val_is_number(b)) return order_numbers(a, b);
  if (tc_py_as_text(ev, a, &x) && tc_py_as_text(ev, b, &y)) return order_text(x, y);
  if (!is_sequence(a) || a.kind != b.kind)
    EVAL_FAIL(ev, D_bad_operands, tc_eval_here(ev), tc_ast_cmpop_text(op), tc_val_kind_name(a),
              " and ", tc_val_kind_name(b));
  tc_eval_enter(ev);
  int order = order_sequences(ev, op, a, b);
  ev->nesting--;
  return order;
}

static bool subset(tc_eval *ev, const tc_val_seq *a, const tc_val_seq *b, bool proper) {
  if (a->items.n > b->items.n || (proper && a->items.n == b->items.n)) return false;
  for (uint32_t i = 0; i < a->items.n; i++)
    if (!tc_py_key_has(ev, b, a->items.at[i])) return false;
  return true;
}

static bool compare_sets(tc_eval *ev, enum tc_ast_cmpop op, tc_val a, tc_val b) {
  if (op == TC_CMPOP_GT || op == TC_CMPOP_GE) return subset(ev, b.seq, a.seq, op == TC_CMPOP_GT);
  return subset(ev, a.seq, b.seq, op == TC_CMPOP_LT);
}

static void refuse_deferred(tc_eval *ev, tc_val a, tc_val b) {
  if (a.kind == TC_V_DEFERRED) tc_py_need_known(ev, a, "an operand");
  if (b.kind == TC_V_DEFERRED) tc_py_need_known(ev, b, "an operand");
}

static bool equal_operands(tc_eval *ev, tc_val a, tc_val b) {
  tc_val method;
  if (a.kind == TC_V_INSTANCE && tc_eval_method(ev, a, "__eq__", &method))
    return tc_py_truth(ev, tc_eval_apply(ev, method, &b, 1), "the result of __eq__");
  refuse_deferred(ev, a, b);
  return tc_eval_equal(ev, a, b);
}

static bool same_operands(tc_eval *ev, tc_val a, tc_val b) {
  refuse_deferred(ev, a, b);
  return tc_py_same(a, b);
}

bool tc_py_compare(tc_eval *ev, enum tc_ast_cmpop op, tc_val a, tc_val b) {
  switch (op) { /* table */
  case TC_CMPOP_EQ:
    return equal_operands(ev, a, b);
  case TC_CMPOP_NE:
    return !equal_operands(ev, a, b);
  case TC_CMPOP_IS:
    return same_operands(ev, a, b);
  case TC_CMPOP_IS_NOT:
    return !same_operands(ev, a, b);
  case TC_CMPOP_IN:
    return tc_py_contains(ev, b, a);
  case TC_CMPOP_NOT_IN:
    return !tc_py_contains(ev, b, a);
  case TC_CMPOP_LT:
  case TC_CMPOP_LE:
  case TC_CMPOP_GT:
  case TC_CMPOP_GE:
  case TC_CMPOP_COUNT:
    break;
  }
  if (a.kind == TC_V_SET && b.kind == TC_V_SET) return compare_sets(ev, op, a, b);
  if (a.kind == TC_V_FOREIGN || b.kind == TC_V_FOREIGN)
    return tc_eval_truth(ev, tc_foreign_binary(ev, TILEC_OP_COMPARE, tc_ast_cmpop_text(op), a, b));
  int order = order_of(ev, op, a, b);
  if (order == 2) return false;
  return op == TC_CMPOP_LT   ? order < 0
         : op == TC_CMPOP_LE ? order <= 0
         : op == TC_CMPOP_GT ? order > 0
                             : order >= 0;
}

static bool range_contains(const tc_range *range, tc_val item) {
  if (item.kind == TC_V_FLOAT) {
    if (!(item.f >= -0x1p63 && item.f < 0x1p63) || (double)(int64_t)item.f != item.f) return false;
    item = tc_val_int((int64_t)item.f);
  }
  if (!tc_val_is_number(item)) return false;
  int64_t lo = range->step > 0 ? range->start : range->stop;
  int64_t hi = range->step > 0 ? range->stop : range->start;
  bool inside = range->step > 0 ? item.i >= lo && item.i < hi : item.i > lo && item.i <= hi;
  uint64_t distance = range->step > 0 ? (uint64_t)item.i - (uint64_t)range->start
                                      : (uint64_t)range->start - (uint64_t)item.i;
  uint64_t step = range->step > 0 ? (uint64_t)range->step : 0 - (uint64_t)range->step;
  return inside && distance % step == 0;
}

bool tc_py_contains(tc_eval *ev, tc_val container, tc_val item) {
  tc_str text;
  const tc_val *items;
  uint32_t n;
  tc_py_need_known(ev, container, "the right operand of 'in'");
  if (item.kind == TC_V_DEFERRED) tc_py_need_known(ev, item, "the left operand of 'in'");
  if (container.kind == TC_V_FOREIGN)
    return tc_eval_truth(ev, tc_foreign_ask(ev, TILEC_OP_CONTAINS, (tc_val[]){container, item}, 2));
  if (tc_py_as_text(ev, container, &text))
    return tc_py_find_text(ev, text, tc_py_need_text(ev, item, "the left operand of 'in'"), 0) >= 0;
  if (container.kind == TC_V_SET) return tc_py_key_has(ev, container.seq, item);
  if (container.kind == TC_V_DICT) return tc_py_key_has(ev, &container.dict->keys, item);
  if (container.kind == TC_V_RANGE && !container.range->staged)
    return range_contains(container.range, item);
  if (!tc_eval_items(ev, container, &items, &n))
    EVAL_FAIL(ev, D_not_iterable, tc_eval_here(ev), tc_val_kind_name(container));
  for (uint32_t i = 0; i < n; i++)
    if (tc_eval_equal(ev, items[i], item)) return true;
  return false;
}
