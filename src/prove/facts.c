/* Facts of values: an interval, known bits and a residue each, computed from the operands' facts in
 * one pass and tightened against each other. */
#include "base/checked.h"
#include "prove/prove_private.h"

#include <string.h>

/* ---- one fact ---- */

tc_fact tc_fact_of_type(tc_type type) {
  return (tc_fact){.range = tc_interval_of_type(type), .modulus = 1};
}

tc_fact tc_fact_of_const(int64_t x, tc_type type) {
  tc_fact f = {{x, x}, ~(uint64_t)x, (uint64_t)x, 0, x};
  if (type.dtype == TC_DT_uint64 && x < 0) f.modulus = 1, f.residue = 0;
  return f;
}

/* Unknown bits all 0 and all 1, the sign the other way round. */
static void range_from_bits(tc_fact *f) {
  const uint64_t sign = UINT64_C(1) << 63;
  uint64_t unknown = ~(f->zeros | f->ones) & sign;
  tc_interval r = {(int64_t)(f->ones | unknown), (int64_t)(~f->zeros & ~unknown)};
  if (r.lo <= r.hi) f->range = tc_interval_meet(f->range, r);
}

static void bits_from_range(tc_fact *f) {
  if (f->range.lo < 0) return;
  uint64_t above = (uint64_t)f->range.hi;
  for (unsigned s = 1; s < 64; s *= 2)
    above |= above >> s;
  f->zeros |= ~above & ~f->ones;
}

static uint64_t low_ones(unsigned n) {
  return n >= 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1;
}

static unsigned trailing_zeros(uint64_t x) {
  unsigned n = 0;
  for (; n < 64 && !(x >> n & 1); n++) {
  }
  return n;
}

/* The power of two in the modulus fixes as many low bits, and the other way round. */
static void bits_from_residue(tc_fact *f) {
  if (f->modulus < 2) return;
  uint64_t mask = low_ones(trailing_zeros((uint64_t)f->modulus));
  uint64_t ones = (uint64_t)f->residue & mask;
  if (f->zeros & ones || f->ones & mask & ~ones) return;
  f->ones |= ones;
  f->zeros |= mask & ~ones;
}

static void residue_from_bits(tc_fact *f) {
  unsigned n = trailing_zeros(~(f->zeros | f->ones));
  if (n > 62) n = 62;
  int64_t modulus = INT64_C(1) << n;
  if (f->modulus == 0 || modulus <= f->modulus || modulus % f->modulus != 0) return;
  f->modulus = modulus;
  f->residue = (int64_t)(f->ones & low_ones(n));
}

static void range_from_residue(tc_fact *f) {
  if (f->modulus < 2) return;
  tc_interval r = f->range;
  int64_t up = tc_floor_mod(f->residue - tc_floor_mod(r.lo, f->modulus), f->modulus);
  int64_t down = tc_floor_mod(tc_floor_mod(r.hi, f->modulus) - f->residue, f->modulus);
  if (tc_add_fits(r.lo, up, &r.lo) && tc_sub_fits(r.hi, down, &r.hi) && r.lo <= r.hi) f->range = r;
}

tc_fact tc_fact_tighten(tc_fact f, tc_type type) {
  if (type.dtype == TC_DT_uint64 && f.range.lo < 0) {
    /* The value is the pattern plus 2^64: only powers of two divide both alike. */
    f.modulus = 1, f.residue = 0;
    return f;
  }
  f.range = tc_interval_meet(tc_interval_of_type(type), f.range);
  if (f.modulus == 0) return tc_fact_of_const(f.residue, type);
  range_from_bits(&f);
  bits_from_residue(&f);
  residue_from_bits(&f);
  range_from_residue(&f);
  bits_from_range(&f);
  return tc_fact_is_const(&f) ? tc_fact_of_const(f.range.lo, type) : f;
}

/* What holds of either. */
static tc_fact join(tc_fact a, tc_fact b) {
  tc_fact r = {.range = tc_interval_join(a.range, b.range),
               .zeros = a.zeros & b.zeros,
               .ones = a.ones & b.ones,
               .modulus = 1};
  int64_t apart;
  if (!tc_sub_fits(a.residue, b.residue, &apart)) return r;
  r.modulus = tc_gcd(tc_gcd(a.modulus, b.modulus), apart);
  r.residue = r.modulus ? tc_floor_mod(a.residue, r.modulus) : a.residue;
  return r;
}

/* ---- residues ---- */

static void set_residue(tc_fact *f, int64_t modulus, int64_t residue) {
  f->modulus = modulus;
  f->residue = modulus ? tc_floor_mod(residue, modulus) : residue;
}

/* Modulo 2^bits a result that wrapped is still right. */
static void wrap_residue(tc_fact *f, tc_type type, bool exact) {
  uint32_t bits = tc_type_bits(type);
  if (!exact) set_residue(f, tc_gcd(f->modulus, INT64_C(1) << (bits > 62 ? 62 : bits)), f->residue);
}

static void residue_of_sum(tc_fact *r, const tc_fact *a, const tc_fact *b, bool minus) {
  int64_t x;
  bool fits =
      minus ? tc_sub_fits(a->residue, b->residue, &x) : tc_add_fits(a->residue, b->residue, &x);
  if (fits) set_residue(r, tc_gcd(a->modulus, b->modulus), x);
}

/* (m s + x)(n t + y) = m n st + m y s + n x t + x y */
static void residue_of_product(tc_fact *r, const tc_fact *a, const tc_fact *b) {
  int64_t mn, my, nx, xy;
  if (!tc_mul_fits(a->modulus, b->modulus, &mn) || !tc_mul_fits(a->modulus, b->residue, &my)
      || !tc_mul_fits(b->modulus, a->residue, &nx) || !tc_mul_fits(a->residue, b->residue, &xy))
    return;
  set_residue(r, tc_gcd(tc_gcd(mn, my), nx), xy);
}

/* Division by a constant c > 0 that rounds down. */
static void residue_of_division(tc_fact *r, enum tc_opcode op, const tc_fact *a, int64_t c) {
  if (op == TC_OP_floormod) {
    int64_t modulus = tc_gcd(a->modulus, c);
    if (modulus == c || a->modulus == 0)
      set_residue(r, 0, tc_floor_mod(a->residue, c));
    else
      set_residue(r, modulus, a->residue);
  } else if (a->modulus % c == 0) {
    set_residue(r, a->modulus / c, tc_floor_div(a->residue, c));
  }
}

static void residue_of_binary(tc_fact *r, enum tc_opcode op, tc_type type, const tc_fact *a,
                              const tc_fact *b) {
  bool constant = tc_fact_is_const(b);
  int64_t c = b->range.lo;
  tc_fact power;
  switch ((int)op) {
  case TC_OP_add:
  case TC_OP_sub:
    residue_of_sum(r, a, b, op == TC_OP_sub);
    wrap_residue(r, type, !tc_interval_may_wrap(op, type, a->range, b->range));
    return;
  case TC_OP_mul:
    residue_of_product(r, a, b);
    wrap_residue(r, type, !tc_interval_may_wrap(op, type, a->range, b->range));
    return;
  case TC_OP_shl:
    if (!constant || c < 0 || c > 61 || c >= (int64_t)tc_type_bits(type)) return;
    power = tc_fact_of_const(INT64_C(1) << c, type);
    residue_of_product(r, a, &power);
    wrap_residue(r, type, !tc_interval_may_wrap(TC_OP_mul, type, a->range, power.range));
    return;
  case TC_OP_truncdiv:
  case TC_OP_truncmod:
    if (a->range.lo < 0) return;
    op = op == TC_OP_truncdiv ? TC_OP_floordiv : TC_OP_floormod;
    residue_of_binary(r, op, type, a, b);
    return;
  case TC_OP_floordiv:
  case TC_OP_floormod:
    if (constant && c > 0) residue_of_division(r, op, a, c);
    return;
  case TC_OP_shr:
    if (constant && c >= 0 && c <= 61) residue_of_division(r, TC_OP_floordiv, a, INT64_C(1) << c);
    return;
  default:
    return;
  }
}

/* ---- bits ---- */

static uint64_t shifted(uint64_t x, int64_t by) {
  return x >> 63 ? ~(~x >> by) : x >> by;
}

static void bits_of_binary(tc_fact *r, enum tc_opcode op, tc_type type, const tc_fact *a,
                           const tc_fact *b) {
  int64_t by = b->range.lo;
  switch ((int)op) {
  case TC_OP_and:
    r->zeros = a->zeros | b->zeros;
    r->ones = a->ones & b->ones;
    return;
  case TC_OP_or:
    r->zeros = a->zeros & b->zeros;
    r->ones = a->ones | b->ones;
    return;
  case TC_OP_xor:
    r->zeros = (a->zeros & b->zeros) | (a->ones & b->ones);
    r->ones = (a->zeros & b->ones) | (a->ones & b->zeros);
    return;
  case TC_OP_shr:
    /* Patterns are extended to 64 bits by the type's sign, so one arithmetic shift serves all. */
    if (!tc_fact_is_const(b) || by < 0 || by > 62 || type.dtype == TC_DT_uint64) return;
    r->zeros = shifted(a->zeros, by);
    r->ones = shifted(a->ones, by);
    return;
  default:
    return;
  }
}

/* ---- values ---- */

static tc_fact binary(enum tc_opcode op, tc_type type, tc_type to, const tc_fact *a,
                      const tc_fact *b) {
  tc_fact r = tc_fact_of_type(to);
  r.range = tc_interval_binary(op, type, a->range, b->range);
  bool known = (tc_is_int(type) || tc_is_bool(type)) && type.lanes == 1;
  if (!known) return r;
  if (op == TC_OP_min || op == TC_OP_max) {
    if (type.dtype == TC_DT_uint64) return r;
    tc_interval range = r.range;
    r = join(*a, *b);
    r.range = range;
    return r;
  }
  if (type.dtype != TC_DT_uint64 || (a->range.lo >= 0 && b->range.lo >= 0))
    residue_of_binary(&r, op, type, a, b);
  bits_of_binary(&r, op, type, a, b);
  if (op == TC_OP_eq || op == TC_OP_ne) {
    /* Different residues, or a bit that is 0 here and 1 there. */
    int64_t m = tc_gcd(a->modulus, b->modulus);
    bool differ = (a->zeros & b->ones) || (a->ones & b->zeros)
                  || (m > 1 && tc_floor_mod(a->residue, m) != tc_floor_mod(b->residue, m));
    if (differ) r.range = (tc_interval){op == TC_OP_ne, op == TC_OP_ne};
  }
  return r;
}

static tc_fact cast(tc_type from, tc_type to, const tc_fact *a) {
  tc_fact r = tc_fact_of_type(to);
  r.range = tc_interval_cast(from, to, a->range);
  if (!tc_is_int(to) || !(tc_is_int(from) || tc_is_bool(from))) return r;
  if (tc_interval_inside(a->range, tc_interval_of_type(to))
      && (to.dtype != TC_DT_uint64 || a->range.lo >= 0)
      && (from.dtype != TC_DT_uint64 || a->range.lo >= 0)) {
    tc_interval range = r.range;
    r = *a;
    r.range = range;
    return r;
  }
  if (from.dtype == TC_DT_uint64 && a->range.lo < 0) return r;
  set_residue(&r, a->modulus, a->residue);
  wrap_residue(&r, to, false);
  return r;
}

static tc_fact negation(enum tc_opcode op, tc_type type, const tc_fact *a) {
  tc_fact r = tc_fact_of_type(type);
  r.range = tc_interval_unary(op, type, a->range);
  bool is_signed = tc_type_kind(type) == TC_K_INT;
  if (op == TC_OP_not && is_signed) r.zeros = a->ones, r.ones = a->zeros;
  if (op == TC_OP_neg && is_signed) {
    tc_fact zero = tc_fact_of_const(0, type);
    residue_of_sum(&r, &zero, a, true);
    wrap_residue(&r, type, false);
  }
  return r;
}

static tc_fact math(const tc_ir *ir, const tc_op *op) {
  tc_fact r = tc_fact_of_type(op->type);
  bool counts = op->payload == TC_MATH_popcount || op->payload == TC_MATH_clz;
  if (counts) {
    tc_type type = tc_value_type(ir, tc_input(ir, op, 0));
    r.range = (tc_interval){0, (int64_t)tc_type_bits(type)};
  }
  return r;
}

/* A dimension is the extent of some argument, or solved from one: never negative. */
static tc_fact fact_of_var(const tc_ir *ir, const tc_op *op) {
  tc_fact r = tc_fact_of_type(op->type);
  if (tc_var_at(ir, (tc_var){op->payload})->kind == TC_VAR_DIM) r.range.lo = 0;
  return r;
}

static const tc_fact *operand(tc_prover *p, const tc_op *op, uint32_t i) {
  return &tc_slot_at(p, tc_input(p->ir, op, i))->fact;
}

/* Operands are known by now. */
static tc_fact fact_of_op(tc_prover *p, const tc_op *op) {
  tc_type type = op->n_in ? tc_value_type(p->ir, tc_input(p->ir, op, 0)) : op->type;
  enum tc_opcode opcode = (enum tc_opcode)op->opcode;
  if (opcode >= TC_OP_add && opcode <= TC_OP_le)
    return binary(opcode, type, op->type, operand(p, op, 0), operand(p, op, 1));
  switch ((int)opcode) {
  case TC_OP_const:
    return tc_fact_of_const(p->ir->imms.at[op->payload].i, op->type);
  case TC_OP_var:
    return fact_of_var(p->ir, op);
  case TC_OP_neg:
  case TC_OP_abs:
  case TC_OP_not:
    return negation(opcode, op->type, operand(p, op, 0));
  case TC_OP_select: {
    const tc_fact *c = operand(p, op, 0);
    if (tc_fact_is_const(c)) return *operand(p, op, c->range.lo ? 1 : 2);
    return join(*operand(p, op, 1), *operand(p, op, 2));
  }
  case TC_OP_cast:
    return cast(type, op->type, operand(p, op, 0));
  case TC_OP_reinterpret: {
    const tc_fact *a = operand(p, op, 0);
    bool same = tc_is_int(type) && tc_is_int(op->type) && type.lanes == 1 && a->range.lo >= 0;
    return same && tc_interval_inside(a->range, tc_interval_of_type(op->type))
               ? *a
               : tc_fact_of_type(op->type);
  }
  case TC_OP_math:
    return math(p->ir, op);
  default:
    return tc_fact_of_type(op->type);
  }
}

static bool has_facts(const tc_op *op) {
  return op->type.lanes == 1 && (tc_is_int(op->type) || tc_is_bool(op->type));
}

static void compute(tc_prover *p, tc_value v) {
  const tc_op *op = tc_op_at(p->ir, v);
  tc_fact f = has_facts(op) ? fact_of_op(p, op) : tc_fact_of_type(op->type);
  tc_slot *slot = tc_slot_at(p, v);
  if (has_facts(op)) {
    f = tc_fact_tighten(f, op->type);
    if (slot->refinement) {
      const tc_fact *more = &p->refinements.at[slot->refinement - 1].fact;
      f.range = tc_interval_meet(f.range, more->range);
      if (!(f.zeros & more->ones) && !(f.ones & more->zeros)) {
        f.zeros |= more->zeros;
        f.ones |= more->ones;
      }
      if (f.modulus && (more->modulus == 0 || (more->modulus % f.modulus == 0)))
        f.modulus = more->modulus, f.residue = more->residue;
      f = tc_fact_tighten(f, op->type);
    }
  }
  slot->fact = f;
  slot->fact_epoch = p->epoch;
}

tc_slot *tc_slot_at(tc_prover *p, tc_value v) {
  uint32_t chunk = v.id / TC_SLOT_CHUNK;
  if (chunk >= p->n_chunks) {
    uint32_t n = chunk * 2 + 8;
    tc_slot **all = TC_NEW_ARRAY(p->arena, n, tc_slot *);
    if (p->n_chunks) memcpy(all, p->slots, p->n_chunks * sizeof *all);
    p->slots = all;
    p->n_chunks = n;
  }
  if (!p->slots[chunk]) p->slots[chunk] = TC_NEW_ARRAY(p->arena, TC_SLOT_CHUNK, tc_slot);
  return &p->slots[chunk][v.id % TC_SLOT_CHUNK];
}

/* Does this op's fact look at its operands? */
static bool descends(const tc_op *op) {
  return tc_op_is_pure(op) && has_facts(op) && op->opcode != TC_OP_lane;
}

/* An explicit stack: expressions unrolled at compile time may be as deep as they are long. */
const tc_fact *tc_fact_of(tc_prover *p, tc_value v) {
  tc_slot *slot = tc_slot_at(p, v);
  if (slot->fact_epoch == p->epoch) return &slot->fact;
  uint32_t bottom = p->work.n;
  tc_vec_push(p->arena, &p->work, v);
  while (p->work.n > bottom) {
    tc_value top = p->work.at[p->work.n - 1];
    const tc_op *op = tc_op_at(p->ir, top);
    bool ready = true;
    for (uint32_t i = 0; descends(op) && i < op->n_in; i++) {
      tc_value in = tc_input(p->ir, op, i);
      if (tc_slot_at(p, in)->fact_epoch == p->epoch) continue;
      tc_vec_push(p->arena, &p->work, in);
      ready = false;
    }
    if (!ready) continue;
    p->work.n--;
    if (tc_slot_at(p, top)->fact_epoch != p->epoch) compute(p, top);
  }
  return &slot->fact;
}

/* ---- for callers ---- */

tc_interval tc_prove_interval(tc_prover *p, tc_value v) {
  return tc_fact_of(p, v)->range;
}

void tc_prove_residue(tc_prover *p, tc_value v, int64_t *modulus, int64_t *residue) {
  const tc_fact *f = tc_fact_of(p, v);
  *modulus = f->modulus;
  *residue = f->residue;
}

bool tc_prove_multiple(tc_prover *p, tc_value v, int64_t n) {
  const tc_fact *f = tc_fact_of(p, v);
  if (!has_facts(tc_op_at(p->ir, v)) || !tc_is_plain(p, v)) return false;
  return f->modulus % n == 0 && f->residue % n == 0;
}

bool tc_is_plain(tc_prover *p, tc_value v) {
  const tc_op *op = tc_op_at(p->ir, v);
  return has_facts(op) && (op->type.dtype != TC_DT_uint64 || tc_fact_of(p, v)->range.lo >= 0);
}
