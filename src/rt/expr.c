/* The interpreter of host expressions. Same meaning as ir/scalar.h, in the few types a host
 * expression can have; tests run both on the same operands. */
#include "rt/check.h"

#include <math.h>
#include <string.h>

enum kind { K_NONE, K_BOOL, K_INT, K_UINT, K_FLOAT };

typedef struct row {
  const char *name;
  uint32_t bits;
} row;

static const row ROWS[TILEC_DTYPE_COUNT] = {
#define X(id, code, name, bits) [code] = {#name, bits},
    TILEC_DTYPES(X)
#undef X
};

const char *tc_rt_dtype_name(uint32_t code) {
  return code < TILEC_DTYPE_COUNT && ROWS[code].name ? ROWS[code].name : "an unknown type";
}

uint32_t tc_rt_dtype_bits(uint32_t code) {
  return code < TILEC_DTYPE_COUNT ? ROWS[code].bits : 0;
}

static enum kind kind_of(uint32_t type) {
  if (type == TILEC_BOOL) return K_BOOL;
  if (type >= TILEC_INT2 && type <= TILEC_INT64) return K_INT;
  if (type >= TILEC_UINT2 && type <= TILEC_UINT64) return K_UINT;
  if (type == TILEC_POINTER) return K_INT;
  return type == TILEC_FLOAT32 || type == TILEC_FLOAT64 ? K_FLOAT : K_NONE;
}

static uint64_t u(int64_t x) {
  return (uint64_t)x;
}
static int64_t s(uint64_t x) {
  int64_t y;
  memcpy(&y, &x, sizeof y);
  return y;
}

static double to_double(int64_t x) {
  double d;
  memcpy(&d, &x, sizeof d);
  return d;
}

static int64_t from_double(uint32_t type, double d) {
  if (type == TILEC_FLOAT32) d = (double)(float)d;
  int64_t x;
  memcpy(&x, &d, sizeof x);
  return x;
}

/* The low bits of x, extended as the type says. */
static int64_t wrap(uint32_t type, uint64_t x) {
  uint32_t bits = ROWS[type].bits;
  if (bits >= 64) return s(x);
  uint64_t low = x & ((UINT64_C(1) << bits) - 1);
  bool negative = kind_of(type) == K_INT && low >> (bits - 1);
  return s(negative ? low | ~((UINT64_C(1) << bits) - 1) : low);
}

typedef struct result {
  int64_t x;
  bool bad;
} result;

static result good(int64_t x) {
  return (result){x, false};
}
static const result BAD = {0, true};

/* -0 counts as less than +0, and of a NaN and a number the number is taken. */
static double float_min(double a, double b) {
  if (isnan(a)) return b;
  bool b_less = b < a || (a == b && signbit(b) && !signbit(a));
  return b_less ? b : a;
}

static result float_op(uint32_t op, uint32_t type, double a, double b) {
  switch (op) { /* table */
  case TC_RT_OP_add:
    return good(from_double(type, a + b));
  case TC_RT_OP_sub:
    return good(from_double(type, a - b));
  case TC_RT_OP_mul:
    return good(from_double(type, a * b));
  case TC_RT_OP_div:
    return good(from_double(type, a / b));
  case TC_RT_OP_min:
    return good(from_double(type, float_min(a, b)));
  case TC_RT_OP_max:
    return good(from_double(type, -float_min(-a, -b)));
  case TC_RT_OP_neg:
    return good(from_double(type, -a));
  case TC_RT_OP_abs:
    return good(from_double(type, fabs(a)));
  case TC_RT_OP_eq:
    return good(a == b);
  case TC_RT_OP_ne:
    return good(a != b);
  case TC_RT_OP_lt:
    return good(a < b);
  case TC_RT_OP_le:
    return good(a <= b);
  default:
    return BAD;
  }
}

static result divide(uint32_t op, uint32_t type, int64_t a, int64_t b) {
  if (b == 0) return BAD;
  bool modulo = op == TC_RT_OP_floormod || op == TC_RT_OP_truncmod;
  if (kind_of(type) != K_INT) return good(s(modulo ? u(a) % u(b) : u(a) / u(b)));
  if (b == -1) return good(modulo ? 0 : wrap(type, 0 - u(a))); /* the smallest / -1 wraps */
  int64_t quotient = a / b, rest = a % b;
  bool floors = op == TC_RT_OP_floordiv || op == TC_RT_OP_floormod;
  if (floors && rest && (rest < 0) != (b < 0)) quotient--, rest += b;
  return good(modulo ? rest : quotient);
}

static result shift(uint32_t op, uint32_t type, int64_t a, int64_t b) {
  uint32_t bits = ROWS[type].bits;
  if (b < 0 || b >= (int64_t)bits) return BAD;
  if (op == TC_RT_OP_shl) return good(wrap(type, u(a) << b));
  if (kind_of(type) != K_INT || a >= 0) return good(s(u(a) >> b));
  return good(s(~(~u(a) >> b))); /* arithmetic, whatever the compiler does with >> of negatives */
}

static bool less(uint32_t type, int64_t a, int64_t b) {
  return kind_of(type) == K_INT ? a < b : u(a) < u(b);
}

static result int_op(uint32_t op, uint32_t type, int64_t a, int64_t b) {
  switch (op) { /* table */
  case TC_RT_OP_add:
    return good(wrap(type, u(a) + u(b)));
  case TC_RT_OP_sub:
    return good(wrap(type, u(a) - u(b)));
  case TC_RT_OP_mul:
    return good(wrap(type, u(a) * u(b)));
  case TC_RT_OP_floordiv:
  case TC_RT_OP_floormod:
  case TC_RT_OP_truncdiv:
  case TC_RT_OP_truncmod:
    return divide(op, type, a, b);
  case TC_RT_OP_min:
    return good(less(type, b, a) ? b : a);
  case TC_RT_OP_max:
    return good(less(type, a, b) ? b : a);
  case TC_RT_OP_and:
    return good(a & b);
  case TC_RT_OP_or:
    return good(a | b);
  case TC_RT_OP_xor:
    return good(a ^ b);
  case TC_RT_OP_shl:
  case TC_RT_OP_shr:
    return shift(op, type, a, b);
  case TC_RT_OP_eq:
    return good(a == b);
  case TC_RT_OP_ne:
    return good(a != b);
  case TC_RT_OP_lt:
    return good(less(type, a, b));
  case TC_RT_OP_le:
    return good(!less(type, b, a));
  case TC_RT_OP_neg:
    return good(wrap(type, 0 - u(a)));
  case TC_RT_OP_abs:
    return good(kind_of(type) == K_INT && a < 0 ? wrap(type, 0 - u(a)) : a);
  case TC_RT_OP_not:
    return good(type == TILEC_BOOL ? !a : wrap(type, ~u(a)));
  default:
    return BAD;
  }
}

/* Truncates and saturates; NaN gives 0. */
static int64_t float_to_int(uint32_t to, double d) {
  if (isnan(d)) return 0;
  uint32_t bits = ROWS[to].bits;
  d = trunc(d);
  if (kind_of(to) == K_UINT) {
    if (d <= 0) return 0;
    double top = ldexp(1, (int)bits);
    return d >= top ? wrap(to, UINT64_MAX) : s((uint64_t)d);
  }
  double top = ldexp(1, (int)bits - 1);
  if (d >= top) return s((UINT64_C(1) << (bits - 1)) - 1);
  return d < -top ? wrap(to, UINT64_C(1) << (bits - 1)) : (int64_t)d;
}

static result cast(uint32_t from, uint32_t to, int64_t a) {
  bool of_float = kind_of(from) == K_FLOAT;
  switch (kind_of(to)) {
  case K_NONE:
    return BAD;
  case K_BOOL:
    return good(of_float ? to_double(a) != 0 : a != 0);
  case K_INT:
  case K_UINT:
    return good(of_float ? float_to_int(to, to_double(a)) : wrap(to, u(a)));
  case K_FLOAT:
    break;
  }
  if (of_float) return good(from_double(to, to_double(a)));
  /* One rounding: int64 straight to float, not through double. */
  bool is_signed = kind_of(from) == K_INT;
  if (to == TILEC_FLOAT32)
    return good(from_double(to, is_signed ? (double)(float)a : (double)(float)u(a)));
  return good(from_double(to, is_signed ? (double)a : (double)u(a)));
}

/* Most host expressions are sizes in int32, so these are tried first. False: not one of them. */
static bool run_size(const tc_rt_instr *in, const tc_rt_frame *f, int64_t *x) {
  if (in->op == TC_RT_OP_const) return *x = in->as.constant, true;
  if (in->type != TILEC_INT32 || f->bad[in->a] || f->bad[in->as.of.b]) return false;
  int64_t a = f->values[in->a], b = f->values[in->as.of.b], r;
  switch (in->op) {
  case TC_RT_OP_add:
    r = a + b;
    break;
  case TC_RT_OP_sub:
    r = a - b;
    break;
  case TC_RT_OP_mul:
    r = a * b;
    break;
  case TC_RT_OP_floordiv:
    if (a < 0 || b <= 0) return false;
    return *x = (uint32_t)a / (uint32_t)b, true; /* a third of the time of 64 bits */
  case TC_RT_OP_floormod:
    if (a < 0 || b <= 0) return false;
    return *x = (uint32_t)a % (uint32_t)b, true;
  case TC_RT_OP_eq:
    return *x = a == b, true;
  default:
    return false;
  }
  *x = r;
  return r >= INT32_MIN && r <= INT32_MAX;
}

static result run_one(const tc_rt_instr *in, const tc_rt_frame *f) {
  uint32_t b = in->as.of.b, c = in->as.of.c;
  if (in->op == TC_RT_OP_select) {
    if (f->bad[in->a]) return BAD;
    uint32_t chosen = f->values[in->a] ? b : c;
    return (result){f->values[chosen], f->bad[chosen] != 0};
  }
  if (f->bad[in->a] || f->bad[b]) return BAD;
  if (in->op == TC_RT_OP_cast) return cast(in->from, in->type, f->values[in->a]);
  if (kind_of(in->type) == K_FLOAT)
    return float_op(in->op, in->type, to_double(f->values[in->a]), to_double(f->values[b]));
  return int_op(in->op, in->type, f->values[in->a], f->values[b]);
}

void tc_rt_run_code(const tc_rt_table *table, const tc_rt_frame *frame, uint32_t first,
                    uint32_t end) {
  int64_t *value = frame->values + table->n_words;
  unsigned char *bad = frame->bad + table->n_words;
  for (uint32_t i = first; i < end; i++) {
    bad[i] = 0;
    if (run_size(&table->code[i], frame, &value[i])) continue;
    result r = run_one(&table->code[i], frame);
    value[i] = r.bad ? TC_RT_NO_VALUE : r.x;
    bad[i] = r.bad;
  }
}
