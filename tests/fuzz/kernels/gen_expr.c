/* Expressions. Integers carry ranges, so that indices of tiles can be kept inside. */
#include "gen.h"

#include <inttypes.h>
#include <string.h>

static bool is_int(tilec_dtype dtype) {
  enum fuzz_kind k = fuzz_kind_of(dtype);
  return k == FUZZ_INT || k == FUZZ_UINT;
}

static bool is_float(tilec_dtype dtype) {
  return fuzz_kind_of(dtype) == FUZZ_FLOAT;
}

static const char *name_of(tilec_dtype dtype) {
  return tilec_dtype_name(dtype);
}

/* The range of a type; that of int64 for uint64. */
fuzz_ex fuzz_unknown(const char *text, tilec_dtype dtype) {
  uint32_t bits = fuzz_bits_of(dtype);
  fuzz_ex x = {text, dtype, 0, 1, false, false};
  if (fuzz_kind_of(dtype) == FUZZ_BOOL) return x;
  if (fuzz_kind_of(dtype) == FUZZ_UINT) {
    x.hi = bits >= 63 ? INT64_MAX : (INT64_C(1) << bits) - 1;
  } else {
    x.hi = bits >= 64 ? INT64_MAX : (INT64_C(1) << (bits - 1)) - 1;
    x.lo = -x.hi - 1;
  }
  return x;
}

/* An int expression with a range; the range of the type when it does not fit. */
static fuzz_ex ranged(const char *text, tilec_dtype dtype, int64_t lo, int64_t hi) {
  fuzz_ex x = fuzz_unknown(text, dtype);
  if (is_int(dtype) && lo >= x.lo && hi <= x.hi) x.lo = lo, x.hi = hi;
  return x;
}

/* ---- leaves ---- */

fuzz_ex fuzz_number(fuzz_gen *g, tilec_dtype dtype, int64_t x) {
  const char *text = FUZZ_TEXT(g, "%" PRId64, x);
  fuzz_ex e = {text, dtype, x, x, dtype == TILEC_INT32, false};
  if (dtype == TILEC_BOOL)
    e.text = x & 1 ? "T.cast(1, \"bool\")" : "T.cast(0, \"bool\")";
  else if (dtype != TILEC_INT32)
    e.text = FUZZ_TEXT(g, "T.cast(%s, \"%s\")", text, name_of(dtype));
  return e;
}

static fuzz_ex constant(fuzz_gen *g, tilec_dtype dtype) {
  static const int64_t INTS[] = {0, 1, 2, 3, 5, 7, 8, 16, 31, 63, 100, 127};
  static const char *const FLOATS[] = {"0.0",   "1.0",  "-1.0",  "0.5",    "2.0",    "-3.0",
                                       "0.125", "1e-3", "100.0", "7.25e4", "-2.5e-6"};
  if (is_float(dtype)) {
    const char *text = FLOATS[fuzz_choose(g, TC_COUNT(FLOATS))];
    if (dtype != TILEC_FLOAT32) text = FUZZ_TEXT(g, "T.cast(%s, \"%s\")", text, name_of(dtype));
    return (fuzz_ex){text, dtype, 0, 0, dtype == TILEC_FLOAT32, false};
  }
  int64_t x = INTS[fuzz_choose(g, TC_COUNT(INTS))];
  fuzz_ex whole = fuzz_unknown("", dtype);
  if (fuzz_kind_of(dtype) == FUZZ_INT && fuzz_chance(g, 1, 3)) x = -x;
  if (x > whole.hi || x < whole.lo) x = 1;
  return fuzz_number(g, dtype, x);
}

bool fuzz_is_readable(const fuzz_gen *g, const fuzz_buf *b) {
  if (b->place == FUZZ_ATOMIC || b->place == FUZZ_GONE || b->of == FUZZ_IS_ROUGH) return false;
  if (g->in_prologue && (b->is_view || b->is_local)) return false;
  return !g->locked_root || b->root != g->locked_root;
}

fuzz_ex fuzz_load(fuzz_gen *g, const fuzz_buf *b) {
  const char *at = "";
  for (uint32_t d = 0; d < b->rank; d++) {
    fuzz_ex i;
    if (b->place == FUZZ_INPUT || b->place == FUZZ_DONE)
      i = fuzz_loose_index(g, b->dim[d]);
    else
      i = fuzz_index(g, b->own[d], 1);
    if (b->base[d]) i.text = FUZZ_TEXT(g, "%s + %s", b->base[d], i.text);
    at = FUZZ_TEXT(g, "%s%s%s", at, d ? ", " : "", i.text);
  }
  return fuzz_unknown(FUZZ_TEXT(g, "%s[%s]", b->name, at), b->dtype);
}

/* A readable buffer of the type (any type when 0) and class. */
static const fuzz_buf *readable(fuzz_gen *g, tilec_dtype dtype, bool small) {
  const fuzz_buf *found[FUZZ_MAX_BUFS];
  uint32_t n = 0;
  for (uint32_t i = 0; i < g->n_bufs; i++) {
    const fuzz_buf *b = &g->bufs[i];
    if (!fuzz_is_readable(g, b) || (dtype && b->dtype != dtype)) continue;
    if (small && b->of != FUZZ_IS_SMALL) continue;
    found[n++] = b;
  }
  return n ? found[fuzz_choose(g, n)] : NULL;
}

static fuzz_ex atom(fuzz_gen *g) {
  if (!g->n_atoms) return fuzz_number(g, TILEC_INT32, 1);
  return g->atoms[g->n_atoms - 1 - fuzz_choose(g, g->n_atoms)];
}

static const fuzz_var *usable_var(fuzz_gen *g, tilec_dtype dtype) {
  const fuzz_var *found[FUZZ_MAX_VARS];
  uint32_t n = 0;
  for (uint32_t i = 0; i < g->n_vars; i++)
    if (g->vars[i].usable && (!dtype || g->vars[i].dtype == dtype)) found[n++] = &g->vars[i];
  return n ? found[fuzz_choose(g, n)] : NULL;
}

fuzz_ex fuzz_cast(fuzz_gen *g, fuzz_ex x, tilec_dtype dtype) {
  if (x.dtype == dtype) return x;
  const char *text;
  switch (fuzz_choose(g, 2)) {
  case 0:
    text = FUZZ_TEXT(g, "T.cast(%s, \"%s\")", x.text, name_of(dtype));
    break;
  default:
    text = FUZZ_TEXT(g, "T.Cast(\"%s\", %s)", name_of(dtype), x.text);
    break;
  }
  if (is_int(x.dtype) && is_int(dtype)) return ranged(text, dtype, x.lo, x.hi);
  return fuzz_unknown(text, dtype);
}

static fuzz_ex leaf(fuzz_gen *g, tilec_dtype dtype) {
  static const uint8_t WEIGHTS[] = {3, 4, 4, 2, 3, 3};
  const fuzz_buf *b;
  const fuzz_var *v;
  switch (fuzz_weigh(g, WEIGHTS, 6)) {
  case 1:
    if ((b = readable(g, dtype, false))) return fuzz_load(g, b);
    break;
  case 2:
    return fuzz_cast(g, atom(g), dtype);
  case 3:
    if ((v = usable_var(g, dtype))) return fuzz_unknown(v->name, dtype);
    break;
  case 4:
    if ((b = readable(g, TILEC_DTYPE_NONE, false))) return fuzz_cast(g, fuzz_load(g, b), dtype);
    break;
  case 5:
    if (g->own_element.text) return fuzz_cast(g, g->own_element, dtype);
    break;
  default:
    break;
  }
  return constant(g, dtype);
}

/* ---- ranges of integer operations ---- */

static int64_t floor_div(int64_t a, int64_t b) {
  int64_t q = a / b;
  return q * b != a && (a < 0) != (b < 0) ? q - 1 : q;
}

static bool is_narrow(fuzz_ex x) {
  const int64_t limit = INT64_C(1) << 30;
  return x.lo >= -limit && x.hi <= limit;
}

static fuzz_ex binary_int(fuzz_gen *g, const char *op, fuzz_ex a, fuzz_ex b) {
  const char *text = FUZZ_TEXT(g, "(%s %s %s)", a.text, op, b.text);
  fuzz_ex whole = fuzz_unknown(text, a.dtype);
  if (!is_narrow(a) || !is_narrow(b)) return whole;
  int64_t c[4] = {a.lo * b.lo, a.lo * b.hi, a.hi * b.lo, a.hi * b.hi}, lo = c[0], hi = c[0];
  switch (op[0]) {
  case '+':
    return ranged(text, a.dtype, a.lo + b.lo, a.hi + b.hi);
  case '-':
    return ranged(text, a.dtype, a.lo - b.hi, a.hi - b.lo);
  case '*':
    for (int i = 1; i < 4; i++) {
      if (c[i] < lo) lo = c[i];
      if (c[i] > hi) hi = c[i];
    }
    return ranged(text, a.dtype, lo, hi);
  default:
    return whole;
  }
}

/* x // c or x % c for a constant c > 0. */
static fuzz_ex divide(fuzz_gen *g, fuzz_ex x, int64_t c, bool remainder) {
  fuzz_ex by = fuzz_number(g, x.dtype, c);
  const char *text = FUZZ_TEXT(g, "(%s %s %s)", x.text, remainder ? "%" : "//", by.text);
  int64_t lo = floor_div(x.lo, c), hi = floor_div(x.hi, c);
  if (!remainder) return ranged(text, x.dtype, lo, hi);
  if (lo == hi) return ranged(text, x.dtype, x.lo - lo * c, x.hi - lo * c);
  return ranged(text, x.dtype, 0, c - 1);
}

/* ---- indices ---- */

/* An int32 made of loop and block indices. */
static fuzz_ex index_sum(fuzz_gen *g, uint32_t depth) {
  static const int64_t FACTORS[] = {1, 2, 3, 4, 5, 7, 8, 16};
  fuzz_ex x = atom(g);
  if (depth == 0) return x;
  fuzz_ex c = fuzz_number(g, TILEC_INT32, FACTORS[fuzz_choose(g, TC_COUNT(FACTORS))]);
  const fuzz_buf *b;
  switch (fuzz_choose(g, 11)) {
  case 0:
    return x;
  case 9:
    if (x.lo < 0) return x;
    return ranged(FUZZ_TEXT(g, "(%s & %s)", x.text, c.text), TILEC_INT32, 0, c.lo);
  case 1:
    return binary_int(g, "+", x, c);
  case 2:
    return binary_int(g, "-", index_sum(g, depth - 1), c);
  case 3:
    return binary_int(g, "*", x, c);
  case 4:
    return binary_int(g, "+", index_sum(g, depth - 1), index_sum(g, depth - 1));
  case 5:
    return divide(g, index_sum(g, depth - 1), c.lo, false);
  case 6:
    return divide(g, index_sum(g, depth - 1), c.lo, true);
  case 7:
    return fuzz_unknown(FUZZ_TEXT(g, "(%s ^ %s)", x.text, c.text), TILEC_INT32);
  case 8:
    if (x.lo >= 0 && x.hi < 1 << 20)
      return ranged(FUZZ_TEXT(g, "(%s >> 1)", x.text), TILEC_INT32, x.lo >> 1, x.hi >> 1);
    return x;
  default:
    b = readable(g, TILEC_INT32, false);
    return b ? fuzz_load(g, b) : binary_int(g, "-", c, x);
  }
}

fuzz_ex fuzz_index(fuzz_gen *g, int64_t n, uint32_t depth) {
  if (n <= 1) return fuzz_number(g, TILEC_INT32, 0);
  fuzz_ex x = depth ? index_sum(g, fuzz_choose(g, depth + 1)) : atom(g);
  fuzz_ex top = fuzz_number(g, TILEC_INT32, n - 1);
  uint32_t how = fuzz_choose(g, 8);
  if (how == 0) return fuzz_number(g, TILEC_INT32, fuzz_choose(g, (uint32_t)n));
  if (!x.plain && x.lo >= 0 && x.hi < n && how < 6) return x;
  if (x.plain) return divide(g, x, n, true);
  if (how == 6)
    return ranged(FUZZ_TEXT(g, "T.min(T.max(%s, 0), %s)", x.text, top.text), TILEC_INT32, 0, n - 1);
  if (how == 7 && (n & (n - 1)) == 0)
    return ranged(FUZZ_TEXT(g, "(%s & %s)", x.text, top.text), TILEC_INT32, 0, n - 1);
  if (how == 5 && x.hi - x.lo < n && is_narrow(x))
    return binary_int(g, "-", x, fuzz_number(g, TILEC_INT32, x.lo));
  return divide(g, x, n, true);
}

fuzz_ex fuzz_loose_index(fuzz_gen *g, int64_t n) {
  if (fuzz_chance(g, 1, 2)) return fuzz_index(g, n, 2);
  fuzz_ex x = index_sum(g, 2);
  int64_t shift = (int64_t)fuzz_choose(g, 2 * (uint32_t)n + 1) - n;
  if (shift == -n || x.plain) return x;
  return binary_int(g, "+", x, fuzz_number(g, TILEC_INT32, shift));
}

/* ---- conditions ---- */

static fuzz_ex comparison(fuzz_gen *g, uint32_t depth) {
  static const char *const OPS[] = {"<", "<=", "==", "!=", ">", ">="};
  const char *op = OPS[fuzz_choose(g, TC_COUNT(OPS))];
  tilec_dtype dtype = fuzz_chance(g, 1, 2) ? fuzz_any_dtype(g) : TILEC_INT32;
  if (dtype == TILEC_BOOL) dtype = TILEC_INT32;
  fuzz_ex a = fuzz_value(g, dtype, depth);
  if (a.plain) a = fuzz_cast(g, atom(g), dtype);
  fuzz_ex b = fuzz_value(g, dtype, depth);
  return fuzz_unknown(FUZZ_TEXT(g, "(%s %s %s)", a.text, op, b.text), TILEC_BOOL);
}

/* An access that only happens when its index is in range. */
static fuzz_ex guarded_load(fuzz_gen *g) {
  const fuzz_buf *b = readable(g, TILEC_DTYPE_NONE, false);
  if (!b || b->rank != 1 || b->place != FUZZ_TILE) return comparison(g, 0);
  fuzz_ex i = index_sum(g, 2);
  fuzz_ex x = {.text = FUZZ_TEXT(g, "%s[%s]", b->name, i.text), .dtype = b->dtype};
  if (b->dtype != TILEC_BOOL)
    x.text = FUZZ_TEXT(g, "%s > %s", x.text, fuzz_number(g, b->dtype, 1).text);
  return fuzz_unknown(
      FUZZ_TEXT(g, "(%s >= 0 and %s < %" PRId64 " and %s)", i.text, i.text, b->dim[0], x.text),
      TILEC_BOOL);
}

fuzz_ex fuzz_condition(fuzz_gen *g, uint32_t depth) {
  static const uint8_t WEIGHTS[] = {6, 2, 2, 1, 2};
  switch (depth ? fuzz_weigh(g, WEIGHTS, 5) : 0) {
  case 1:
    return fuzz_unknown(FUZZ_TEXT(g, "(%s and %s)", fuzz_condition(g, depth - 1).text,
                                  fuzz_condition(g, depth - 1).text),
                        TILEC_BOOL);
  case 2:
    return fuzz_unknown(FUZZ_TEXT(g, "(%s or %s)", fuzz_condition(g, depth - 1).text,
                                  fuzz_condition(g, depth - 1).text),
                        TILEC_BOOL);
  case 3:
    return fuzz_unknown(FUZZ_TEXT(g, "(not %s)", fuzz_condition(g, depth - 1).text), TILEC_BOOL);
  case 4:
    return guarded_load(g);
  default:
    return comparison(g, depth ? depth - 1 : 0);
  }
}

/* ---- values ---- */

/* The result of a function of the language. */
static fuzz_ex call(const char *text, tilec_dtype dtype) {
  fuzz_ex x = fuzz_unknown(text, dtype);
  x.call = true;
  return x;
}

static fuzz_ex choice(fuzz_gen *g, fuzz_ex (*value)(fuzz_gen *, tilec_dtype, uint32_t),
                      tilec_dtype dtype, uint32_t depth) {
  fuzz_ex a = value(g, dtype, depth - 1), b = value(g, dtype, depth - 1);
  fuzz_ex c = fuzz_condition(g, depth - 1);
  const char *text;
  switch (fuzz_choose(g, 3)) {
  case 0:
    text = FUZZ_TEXT(g, "(%s if %s else %s)", a.text, c.text, b.text);
    break;
  case 1:
    text = FUZZ_TEXT(g, "T.if_then_else(%s, %s, %s)", c.text, a.text, b.text);
    break;
  default:
    text = FUZZ_TEXT(g, "T.Select(%s, %s, %s)", c.text, a.text, b.text);
    break;
  }
  fuzz_ex x = ranged(text, dtype, a.lo < b.lo ? a.lo : b.lo, a.hi > b.hi ? a.hi : b.hi);
  x.call = true;
  return x;
}

/* An operand that is no number, so that the operation is one of the language. */
static fuzz_ex not_plain(fuzz_gen *g, fuzz_ex x) {
  if (x.plain) x = fuzz_cast(g, atom(g), x.dtype);
  if (x.call && x.dtype == TILEC_INT32) x.text = FUZZ_TEXT(g, "T.cast(%s, \"int32\")", x.text);
  return x;
}

static fuzz_ex shift(fuzz_gen *g, fuzz_ex x, uint32_t depth) {
  uint32_t bits = fuzz_bits_of(x.dtype);
  fuzz_ex by = fuzz_number(g, x.dtype, fuzz_choose(g, bits < 64 ? bits : 63));
  if (bits < 8)
    by = fuzz_number(g, x.dtype, 1);
  else if (fuzz_chance(g, 1, 3))
    by.text = FUZZ_TEXT(g, "(%s & %s)", fuzz_value(g, x.dtype, depth).text,
                        fuzz_number(g, x.dtype, bits - 1).text);
  return fuzz_unknown(
      FUZZ_TEXT(g, "(%s %s %s)", x.text, fuzz_chance(g, 1, 2) ? "<<" : ">>", by.text), x.dtype);
}

static fuzz_ex quotient(fuzz_gen *g, fuzz_ex x, uint32_t depth) {
  fuzz_ex by = constant(g, x.dtype);
  if (by.lo == 0) by = fuzz_number(g, x.dtype, 1);
  if (fuzz_chance(g, 1, 3)) {
    fuzz_ex y = fuzz_value(g, x.dtype, depth);
    by.text = FUZZ_TEXT(g, "(%s | %s)", not_plain(g, y).text, fuzz_number(g, x.dtype, 1).text);
  }
  const char *a = x.text, *b = by.text;
  switch (fuzz_choose(g, 6)) {
  case 0:
    return fuzz_unknown(FUZZ_TEXT(g, "(%s // %s)", a, b), x.dtype);
  case 1:
    return fuzz_unknown(FUZZ_TEXT(g, "(%s %% %s)", a, b), x.dtype);
  case 2:
    return call(FUZZ_TEXT(g, "T.truncdiv(%s, %s)", a, b), x.dtype);
  case 3:
    return call(FUZZ_TEXT(g, "T.truncmod(%s, %s)", a, b), x.dtype);
  case 4:
    return call(FUZZ_TEXT(g, "T.floormod(%s, %s)", a, b), x.dtype);
  default:
    return call(FUZZ_TEXT(g, "T.floordiv(%s, %s)", a, b), x.dtype);
  }
}

static fuzz_ex min_max(fuzz_gen *g, fuzz_ex a, fuzz_ex b) {
  return call(FUZZ_TEXT(g, "T.%s(%s, %s)", fuzz_chance(g, 1, 2) ? "max" : "min", a.text, b.text),
              a.dtype);
}

/* The bits of a number as another type of the same size. Those of a NaN are not told. */
static fuzz_ex reinterpreted(fuzz_gen *g, tilec_dtype dtype, uint32_t depth) {
  static const tilec_dtype PAIRS[][2] = {
      {TILEC_INT32, TILEC_FLOAT32},   {TILEC_UINT32, TILEC_FLOAT32},
      {TILEC_INT16, TILEC_FLOAT16},   {TILEC_UINT16, TILEC_BFLOAT16},
      {TILEC_INT64, TILEC_FLOAT64},   {TILEC_UINT8, TILEC_FLOAT8_E4M3FN},
      {TILEC_INT8, TILEC_FLOAT8_E5M2}};
  for (uint32_t i = 0; i < TC_COUNT(PAIRS); i++) {
    for (int k = 0; k < 2; k++) {
      if (PAIRS[i][k] != dtype) continue;
      tilec_dtype other = PAIRS[i][1 - k];
      fuzz_ex x = k ? fuzz_value(g, other, depth - 1) : fuzz_small_value(g, other, depth - 1);
      if (x.plain) x = fuzz_cast(g, atom(g), other);
      return fuzz_unknown(FUZZ_TEXT(g, "T.reinterpret(%s, \"%s\")", x.text, name_of(dtype)), dtype);
    }
  }
  return leaf(g, dtype);
}

static fuzz_ex int_value(fuzz_gen *g, tilec_dtype dtype, uint32_t depth) {
  static const char *const ARITHMETIC[] = {"+", "-", "*"}, *const BITS[] = {"&", "|", "^"};
  fuzz_ex a = not_plain(g, fuzz_value(g, dtype, depth - 1));
  switch (fuzz_choose(g, 10)) {
  case 0:
  case 1:
    return binary_int(g, ARITHMETIC[fuzz_choose(g, 3)], a, fuzz_value(g, dtype, depth - 1));
  case 2:
    return binary_int(g, BITS[fuzz_choose(g, 3)], a, fuzz_value(g, dtype, depth - 1));
  case 3:
    return shift(g, a, depth - 1);
  case 4:
    return quotient(g, a, depth - 1);
  case 5:
    return min_max(g, a, fuzz_value(g, dtype, depth - 1));
  case 6:
    return fuzz_unknown(FUZZ_TEXT(g, "(~%s)", a.text), dtype);
  case 7:
    return fuzz_unknown(FUZZ_TEXT(g, "(-%s)", a.text), dtype);
  case 8:
    return call(FUZZ_TEXT(g, "T.abs(%s)", a.text), dtype);
  default:
    if (fuzz_bits_of(dtype) < 8) return a;
    return fuzz_cast(
        g,
        call(FUZZ_TEXT(g, "T.%s(%s)", fuzz_chance(g, 1, 2) ? "clz" : "popcount", a.text),
             TILEC_INT32),
        dtype);
  }
}

/* One lane of neighbouring elements, alone or added to others. */
static fuzz_ex lane_of(fuzz_gen *g, tilec_dtype dtype) {
  const fuzz_buf *b = readable(g, dtype, false);
  uint32_t lanes = fuzz_chance(g, 1, 2) ? 4 : 2, last = b ? b->rank - 1 : 0;
  if (!b || dtype == TILEC_BOOL || fuzz_bits_of(dtype) < 8 || b->own[last] < lanes)
    return leaf(g, dtype);
  const char *at = "";
  for (uint32_t d = 0; d < last; d++) {
    const char *i = fuzz_index(g, b->own[d], 1).text;
    at = FUZZ_TEXT(g, "%s%s%s%s, ", at, b->base[d] ? b->base[d] : "", b->base[d] ? " + " : "", i);
  }
  const char *base = b->base[last] ? FUZZ_TEXT(g, "%s + ", b->base[last]) : "";
  uint32_t first = fuzz_choose(g, (uint32_t)(b->own[last] - lanes) + 1);
  const char *v = FUZZ_TEXT(g, "%s[%s%s%u:%s%u]", b->name, at, base, first, base, first + lanes);
  if (fuzz_chance(g, 1, 2)) v = FUZZ_TEXT(g, "%s + %s", v, v);
  return fuzz_unknown(FUZZ_TEXT(g, "T.extract_lane(%s, %u)", v, fuzz_choose(g, lanes)), dtype);
}

/* Arithmetic that says how it rounds. */
static fuzz_ex rounded(fuzz_gen *g, tilec_dtype dtype, fuzz_ex a, uint32_t depth) {
  static const char *const MODES[] = {"rn", "rz", "ru", "rd"};
  static const char *const TWO[] = {"add", "sub", "mul", "fdiv"};
  if (dtype != TILEC_FLOAT32) return a;
  const char *mode = MODES[fuzz_choose(g, 4)], *b = fuzz_value(g, dtype, depth - 1).text;
  switch (fuzz_choose(g, 6)) {
  case 0:
    return fuzz_unknown(FUZZ_TEXT(g, "T.ieee_fsqrt(%s, \"%s\")", a.text, mode), dtype);
  case 1:
    return fuzz_unknown(FUZZ_TEXT(g, "T.ieee_fmaf(%s, %s, %s, \"%s\")", a.text, b,
                                  fuzz_value(g, dtype, depth - 1).text, mode),
                        dtype);
  case 2:
    return fuzz_unknown(FUZZ_TEXT(g, "T.ldexp(%s, %s)", a.text, fuzz_index(g, 9, 1).text), dtype);
  default:
    return fuzz_unknown(
        FUZZ_TEXT(g, "T.ieee_%s(%s, %s, \"%s\")", TWO[fuzz_choose(g, 4)], a.text, b, mode), dtype);
  }
}

static fuzz_ex float_value(fuzz_gen *g, tilec_dtype dtype, uint32_t depth) {
  static const char *const EXACT[] = {"sqrt", "floor", "ceil", "trunc", "round", "abs"};
  static const char *const OPS[] = {"+", "-", "*", "/"};
  fuzz_ex a = not_plain(g, fuzz_value(g, dtype, depth - 1));
  switch (fuzz_choose(g, 9)) {
  case 7:
    return rounded(g, dtype, a, depth);
  case 0:
  case 1:
  case 2:
    return fuzz_unknown(FUZZ_TEXT(g, "(%s %s %s)", a.text, OPS[fuzz_choose(g, 4)],
                                  fuzz_value(g, dtype, depth - 1).text),
                        dtype);
  case 3:
    return min_max(g, a, fuzz_value(g, dtype, depth - 1));
  case 4:
    return fuzz_unknown(FUZZ_TEXT(g, "T.%s(%s)", EXACT[fuzz_choose(g, 6)], a.text), dtype);
  case 5:
    return fuzz_unknown(FUZZ_TEXT(g, "(-%s)", a.text), dtype);
  case 6:
    return fuzz_unknown(FUZZ_TEXT(g, "T.fma(%s, %s, %s)", a.text,
                                  fuzz_value(g, dtype, depth - 1).text,
                                  fuzz_value(g, dtype, depth - 1).text),
                        dtype);
  default:
    if (!fuzz_can_be_small(dtype)) return a;
    return fuzz_unknown(FUZZ_TEXT(g, "T.clamp(%s, %s, %s)", a.text, fuzz_number(g, dtype, -2).text,
                                  fuzz_number(g, dtype, 2).text),
                        dtype);
  }
}

fuzz_ex fuzz_value(fuzz_gen *g, tilec_dtype dtype, uint32_t depth) {
  uint32_t span = tape_begin(g->t);
  fuzz_ex x;
  if (depth == 0 || !fuzz_chance(g, 3, 4)) {
    x = leaf(g, dtype);
  } else {
    switch (fuzz_choose(g, 12)) {
    case 0:
    case 1:
      x = choice(g, fuzz_value, dtype, depth);
      break;
    case 2:
      x = reinterpreted(g, dtype, depth);
      break;
    case 5:
      x = lane_of(g, dtype);
      break;
    case 3:
    case 4:
      x = fuzz_cast(g, fuzz_value(g, fuzz_any_dtype(g), depth - 1), dtype);
      break;
    default:
      if (is_int(dtype))
        x = int_value(g, dtype, depth);
      else if (is_float(dtype))
        x = float_value(g, dtype, depth);
      else
        x = fuzz_condition(g, depth);
      break;
    }
  }
  tape_end(g->t, span);
  return x;
}

fuzz_ex fuzz_small_value(fuzz_gen *g, tilec_dtype dtype, uint32_t depth) {
  const fuzz_buf *b;
  switch (fuzz_choose(g, 6)) {
  case 0:
    return fuzz_number(g, dtype, (int64_t)fuzz_choose(g, 9) - 4);
  case 1:
    return fuzz_cast(g, divide(g, index_sum(g, 2), 5, true), dtype);
  case 2:
    if ((b = readable(g, TILEC_DTYPE_NONE, true))) return fuzz_cast(g, fuzz_load(g, b), dtype);
    return fuzz_number(g, dtype, 3);
  case 3:
    if (depth) return choice(g, fuzz_small_value, dtype, depth);
    return fuzz_number(g, dtype, 2);
  case 4:
    if (!depth) return fuzz_number(g, dtype, -1);
    return min_max(g, fuzz_small_value(g, dtype, depth - 1), fuzz_small_value(g, dtype, depth - 1));
  default:
    if ((b = readable(g, dtype, true))) return fuzz_load(g, b);
    return fuzz_cast(
        g, binary_int(g, "-", divide(g, index_sum(g, 2), 7, true), fuzz_number(g, TILEC_INT32, 3)),
        dtype);
  }
}

fuzz_ex fuzz_value_for(fuzz_gen *g, const fuzz_buf *b, uint32_t depth) {
  if (b->of == FUZZ_IS_ANY) return fuzz_value(g, b->dtype, depth);
  if (b->of == FUZZ_IS_ROUGH) return fuzz_rough_value(g, b->dtype);
  return fuzz_small_value(g, b->dtype, depth);
}

fuzz_ex fuzz_rough_value(fuzz_gen *g, tilec_dtype dtype) {
  static const char *const FUNCTIONS[] = {"exp2",    "exp",   "log",   "log2", "sin",
                                          "cos",     "tanh",  "erf",   "atan", "sinh",
                                          "sigmoid", "rsqrt", "exp10", "cosh", "expm1"};
  fuzz_ex x = fuzz_small_value(g, dtype, 1);
  if (x.plain) x = fuzz_cast(g, atom(g), dtype);
  x.text = FUZZ_TEXT(g, "T.%s(%s)", FUNCTIONS[fuzz_choose(g, TC_COUNT(FUNCTIONS))], x.text);
  return x;
}
