#include "ir/poly.h"

#include "base/checked.h"
#include "ir/build.h"

#include <string.h>

/* Values are a graph whose unfolded tree may be huge, so the ops that are visited are counted. */
enum { MAX_OPS = 256, MAX_DEPTH = 32 };

typedef struct reader {
  const tc_ir *ir;
  enum tc_poly_ring ring;
  uint32_t bits; /* of the ring */
  uint32_t ops, depth;
} reader;

/* ---- coefficients ---- */

/* The number of the ring that is `x` modulo 2^bits, from -2^(bits - 1) on. */
static int64_t in_ring(const reader *r, uint64_t x) {
  if (r->bits >= 64) return (int64_t)x;
  uint64_t sign = UINT64_C(1) << (r->bits - 1);
  return (int64_t)(((x & (2 * sign - 1)) ^ sign) - sign);
}

static bool add_by(const reader *r, int64_t a, int64_t b, int64_t *out) {
  bool fits = tc_add_fits(a, b, out);
  *out = in_ring(r, (uint64_t)*out);
  return fits || r->ring == TC_POLY_WRAPPING;
}

static bool multiply_by(const reader *r, int64_t a, int64_t b, int64_t *out) {
  bool fits = tc_mul_fits(a, b, out);
  *out = in_ring(r, (uint64_t)*out);
  return fits || r->ring == TC_POLY_WRAPPING;
}

/* ---- polynomials ---- */

static bool same_factors(const tc_monomial *a, const tc_monomial *b) {
  return a->n == b->n && memcmp(a->factor, b->factor, a->n * sizeof a->factor[0]) == 0;
}

static bool add_term(const reader *r, tc_poly *p, const tc_monomial *m) {
  if (m->by == 0) return true;
  for (uint32_t i = 0; i < p->n; i++) {
    if (!same_factors(&p->term[i], m)) continue;
    if (!add_by(r, p->term[i].by, m->by, &p->term[i].by)) return false;
    if (p->term[i].by == 0) p->term[i] = p->term[--p->n];
    return true;
  }
  if (p->n == TC_POLY_TERMS) return false;
  p->term[p->n++] = *m;
  return true;
}

static bool product_of(const reader *r, const tc_monomial *a, const tc_monomial *b,
                       tc_monomial *out) {
  if (a->n + b->n > TC_POLY_DEGREE || !multiply_by(r, a->by, b->by, &out->by)) return false;
  out->n = a->n + b->n;
  for (uint32_t i = 0, j = 0; i + j < out->n;) {
    bool from_a = j == b->n || (i < a->n && a->factor[i].id <= b->factor[j].id);
    out->factor[i + j] = from_a ? a->factor[i] : b->factor[j];
    from_a ? i++ : j++;
  }
  return true;
}

/* Adds a * b to `p`. */
static bool add_product(const reader *r, tc_poly *p, const tc_poly *a, const tc_poly *b) {
  for (uint32_t i = 0; i < a->n; i++)
    for (uint32_t j = 0; j < b->n; j++) {
      tc_monomial m;
      if (!product_of(r, &a->term[i], &b->term[j], &m) || !add_term(r, p, &m)) return false;
    }
  return true;
}

static tc_poly constant(const reader *r, int64_t x) {
  tc_poly p = {.n = x != 0};
  if (x) p.term[0] = (tc_monomial){.by = in_ring(r, (uint64_t)x)};
  if (p.n && p.term[0].by == 0) p.n = 0;
  return p;
}

/* ---- values ---- */

static bool add_value(reader *r, tc_poly *p, tc_value v, int64_t by);

static bool add_unknown(const reader *r, tc_poly *p, tc_value v, int64_t by) {
  return add_term(r, p, &(tc_monomial){.by = by, .n = 1, .factor = {v}});
}

/* Does a cast between these keep the number of the ring? */
static bool is_kept(const reader *r, tc_type from, tc_type to) {
  if (!tc_is_int(from) || !tc_is_int(to)) return false;
  if (r->ring == TC_POLY_WRAPPING)
    return tc_type_bits(from) >= r->bits && tc_type_bits(to) >= r->bits;
  bool from_signed = tc_type_kind(from) == TC_K_INT, to_signed = tc_type_kind(to) == TC_K_INT;
  if (from_signed == to_signed) return tc_type_bits(to) >= tc_type_bits(from);
  return to_signed && tc_type_bits(to) > tc_type_bits(from);
}

static bool add_multiple(reader *r, tc_poly *p, tc_value a, tc_value b, int64_t by) {
  tc_poly x = {0}, y = {0};
  return add_value(r, &x, a, by) && add_value(r, &y, b, 1) && add_product(r, p, &x, &y);
}

/* table */
static bool add_op(reader *r, tc_poly *p, tc_value v, const tc_op *op, int64_t by) {
  tc_value a = op->n_in ? tc_input(r->ir, op, 0) : v;
  tc_value b = op->n_in ? tc_input(r->ir, op, op->n_in - 1u) : v;
  int64_t c, minus;
  tc_poly x;
  switch ((int)op->opcode) {
  case TC_OP_const:
    x = constant(r, r->ir->imms.at[op->payload].i);
    return x.n == 0
           || (multiply_by(r, x.term[0].by, by, &x.term[0].by) && add_term(r, p, &x.term[0]));
  case TC_OP_add:
    return add_value(r, p, a, by) && add_value(r, p, b, by);
  case TC_OP_sub:
    return multiply_by(r, by, -1, &minus) && add_value(r, p, a, by) && add_value(r, p, b, minus);
  case TC_OP_neg:
    return multiply_by(r, by, -1, &minus) && add_value(r, p, a, minus);
  case TC_OP_mul:
    return add_multiple(r, p, a, b, by);
  case TC_OP_shl:
    if (!tc_const_of(r->ir, b, &c) || c < 0 || c > 62 || c >= (int64_t)tc_type_bits(op->type))
      return add_unknown(r, p, v, by);
    return multiply_by(r, by, INT64_C(1) << c, &c) && add_value(r, p, a, c);
  case TC_OP_cast:
    if (is_kept(r, tc_value_type(r->ir, a), op->type)) return add_value(r, p, a, by);
    return add_unknown(r, p, v, by);
  default:
    return add_unknown(r, p, v, by);
  }
}

static bool add_value(reader *r, tc_poly *p, tc_value v, int64_t by) {
  const tc_op *op = tc_op_at(r->ir, v);
  bool known = tc_op_is_pure(op) && tc_is_int(op->type) && op->type.lanes == 1;
  /* Of a uint64 constant the sign bit is not a sign. */
  bool large = op->type.dtype == TC_DT_uint64 && r->ring == TC_POLY_EXACT;
  if (!known || large || r->depth == MAX_DEPTH || r->ops == MAX_OPS)
    return add_unknown(r, p, v, by);
  r->ops++;
  r->depth++;
  bool fits = add_op(r, p, v, op, by);
  r->depth--;
  return fits;
}

bool tc_poly_difference(const tc_ir *ir, enum tc_poly_ring ring, tc_value a, tc_value b,
                        tc_poly *out) {
  reader r = {.ir = ir, .ring = ring, .bits = 64};
  if (ring == TC_POLY_WRAPPING) r.bits = tc_type_bits(tc_value_type(ir, a));
  out->n = 0;
  return add_value(&r, out, a, 1) && add_value(&r, out, b, -1);
}
