/* Linear forms. The form of a value equals it over the integers: where an op may wrap, or is not
 * linear, the value is a leaf of its own. Divisions by constants are brought to one form, so that
 * equal indices written differently get equal forms: what a divisor divides is taken out, nested
 * divisions are joined, and c * (x // c) + x % c is x again. */
#include "base/checked.h"
#include "prove/prove_private.h"

#include "ir/build.h"

/* ---- forms ---- */

tc_affine tc_affine_const(int64_t x) {
  return (tc_affine){.constant = x};
}

static tc_affine leaf_form(tc_value v) {
  tc_affine r = {.n = 1};
  r.leaf[0] = v;
  r.by[0] = 1;
  return r;
}

int64_t tc_affine_by(const tc_affine *a, tc_value leaf) {
  for (uint32_t i = 0; i < a->n; i++)
    if (a->leaf[i].id == leaf.id) return a->by[i];
  return 0;
}

static bool push_term(tc_affine *r, tc_value leaf, int64_t by) {
  if (by == 0) return true;
  if (r->n == TC_AFFINE_TERMS) return false;
  r->leaf[r->n] = leaf;
  r->by[r->n++] = by;
  return true;
}

bool tc_affine_add(const tc_affine *a, const tc_affine *b, int64_t by, tc_affine *out) {
  tc_affine r = {0};
  int64_t k;
  if (!tc_mul_fits(b->constant, by, &k) || !tc_add_fits(a->constant, k, &r.constant)) return false;
  uint32_t i = 0, j = 0;
  while (i < a->n || j < b->n) {
    bool from_a = i < a->n && (j >= b->n || a->leaf[i].id <= b->leaf[j].id);
    bool from_b = j < b->n && (i >= a->n || b->leaf[j].id <= a->leaf[i].id);
    tc_value leaf = from_a ? a->leaf[i] : b->leaf[j];
    k = 0;
    if (from_b && !tc_mul_fits(b->by[j], by, &k)) return false;
    if (from_a && !tc_add_fits(a->by[i], k, &k)) return false;
    if (!push_term(&r, leaf, k)) return false;
    i += from_a;
    j += from_b;
  }
  *out = r;
  return true;
}

bool tc_affine_range(tc_prover *p, const tc_affine *a, tc_interval *r) {
  *r = (tc_interval){a->constant, a->constant};
  for (uint32_t i = 0; i < a->n; i++) {
    tc_interval x = tc_fact_of(p, a->leaf[i])->range;
    int64_t lo, hi, by = a->by[i];
    if (!tc_mul_fits(by > 0 ? x.lo : x.hi, by, &lo) || !tc_mul_fits(by > 0 ? x.hi : x.lo, by, &hi))
      return false;
    if (!tc_add_fits(r->lo, lo, &r->lo) || !tc_add_fits(r->hi, hi, &r->hi)) return false;
  }
  return true;
}

/* Makes the sum what it is as a value of `type`: false when it may wrap at some points and not, or
 * not as far, at others. */
static bool holds(tc_prover *p, tc_type type, tc_affine *a) {
  tc_interval r, all = tc_interval_of_type(type), wrapped;
  if (!tc_affine_range(p, a, &r)) return false;
  if (type.dtype == TC_DT_uint64) all.lo = 0;
  if (tc_interval_inside(r, all)) return true;
  wrapped = r;
  int64_t by;
  return tc_interval_unwrap(type, &wrapped) && tc_sub_fits(wrapped.lo, r.lo, &by)
         && tc_add_fits(a->constant, by, &a->constant);
}

/* ---- back to values ---- */

/* The sum as a value of `type`, which must hold it. Arithmetic may wrap on the way: modulo 2^bits
 * the sum is right, and so is the result. */
static tc_value value_of(tc_ir *ir, const tc_affine *a, tc_type type) {
  tc_value sum = {0};
  for (uint32_t i = 0; i < a->n; i++) {
    tc_value term =
        tc_binary(ir, TC_OP_mul, tc_cast(ir, a->leaf[i], type), tc_const_int(ir, type, a->by[i]));
    sum = sum.id ? tc_binary(ir, TC_OP_add, sum, term) : term;
  }
  tc_value constant = tc_const_int(ir, type, a->constant);
  return sum.id ? tc_binary(ir, TC_OP_add, sum, constant) : constant;
}

/* ---- divisions by a constant c > 0, rounding down ---- */

typedef struct split {
  tc_affine quotient, rest; /* the dividend is c * quotient + rest */
} split;

static split split_by(const tc_affine *a, int64_t c) {
  split s = {.quotient = tc_affine_const(tc_floor_div(a->constant, c)),
             .rest = tc_affine_const(tc_floor_mod(a->constant, c))};
  for (uint32_t i = 0; i < a->n; i++) {
    bool divides = a->by[i] % c == 0;
    push_term(divides ? &s.quotient : &s.rest, a->leaf[i], divides ? a->by[i] / c : a->by[i]);
  }
  return s;
}

/* `a` is one leaf, x op d with a constant d > 0. */
static bool is_division(tc_prover *p, const tc_affine *a, enum tc_opcode op, tc_value *x,
                        int64_t *d) {
  if (a->n != 1 || a->constant != 0 || a->by[0] != 1 || !tc_is(p->ir, a->leaf[0], op)) return false;
  const tc_op *o = tc_op_at(p->ir, a->leaf[0]);
  *x = tc_input(p->ir, o, 0);
  return tc_const_of(p->ir, tc_input(p->ir, o, 1), d) && *d > 0;
}

/* A leaf for rest op c, the same one for equal rests. A nested division is done in the type of the
 * innermost dividend, which need not fit another. */
static tc_affine division_leaf(tc_prover *p, enum tc_opcode op, tc_type type, const tc_affine *rest,
                               int64_t c) {
  tc_ir *ir = p->ir;
  tc_value x = {0};
  int64_t d = 1, divisor = c;
  bool nested = is_division(p, rest, op, &x, &d);
  if (op == TC_OP_floordiv) nested = nested && tc_mul_fits(c, d, &divisor);
  if (op == TC_OP_floormod) nested = nested && d % c == 0;
  tc_type inner = nested ? tc_value_type(ir, x) : type;
  if (nested && divisor <= tc_interval_of_type(inner).hi)
    return leaf_form(tc_binary(ir, op, x, tc_const_int(ir, inner, divisor)));
  return leaf_form(tc_binary(ir, op, value_of(ir, rest, type), tc_const_int(ir, type, c)));
}

static tc_affine division(tc_prover *p, enum tc_opcode op, tc_value v, const tc_affine *a,
                          int64_t c) {
  tc_type type = tc_value_type(p->ir, v);
  split s = split_by(a, c);
  tc_interval r;
  if (!tc_affine_range(p, &s.rest, &r)) return leaf_form(v);
  int64_t turn = tc_floor_div(r.lo, c);
  tc_affine part, q = tc_affine_const(turn), result;
  if (turn == tc_floor_div(r.hi, c)) {
    /* The rest never crosses a multiple of c. */
    if (op == TC_OP_floordiv)
      return tc_affine_add(&s.quotient, &q, 1, &result) ? result : leaf_form(v);
    return tc_affine_add(&s.rest, &q, -c, &result) ? result : leaf_form(v);
  }
  tc_interval all = tc_interval_of_type(type);
  if (type.dtype == TC_DT_uint64) all.lo = 0;
  if (!tc_interval_inside(r, all)) return leaf_form(v);
  part = division_leaf(p, op, type, &s.rest, c);
  if (op == TC_OP_floormod) return part;
  return tc_affine_add(&s.quotient, &part, 1, &result) ? result : leaf_form(v);
}

/* k * (x % c) + k c * (x // c) is k * x, whatever leaf stands for the quotient. */
static bool join_one(tc_prover *p, tc_affine *a) {
  tc_ir *ir = p->ir;
  for (uint32_t i = 0; i < a->n; i++) {
    tc_affine rest = leaf_form(a->leaf[i]), r;
    tc_value x;
    int64_t c, by = a->by[i], kc;
    if (!is_division(p, &rest, TC_OP_floormod, &x, &c) || !tc_mul_fits(by, c, &kc)) continue;
    tc_value divisor = tc_const_int(ir, tc_value_type(ir, x), c);
    tc_affine quotient = tc_affine_of(p, tc_binary(ir, TC_OP_floordiv, x, divisor));
    if (quotient.n != 1 || quotient.by[0] != 1 || tc_affine_by(a, quotient.leaf[0]) != kc) continue;
    tc_affine whole = tc_affine_of(p, x);
    if (!tc_affine_add(a, &rest, -by, &r) || !tc_affine_add(&r, &quotient, -kc, &r)
        || !tc_affine_add(&r, &whole, by, &r))
      continue;
    *a = r;
    return true;
  }
  return false;
}

static tc_affine join_divisions(tc_prover *p, tc_affine a) {
  for (int n = 0; n < TC_AFFINE_TERMS && join_one(p, &a); n++) {
  }
  return a;
}

/* ---- ops ---- */

static tc_affine sum(tc_prover *p, tc_value v, tc_value a, tc_value b, int64_t by) {
  tc_affine x = tc_affine_of(p, a), y = tc_affine_of(p, b), r;
  if (!tc_affine_add(&x, &y, by, &r)) return leaf_form(v);
  return holds(p, tc_value_type(p->ir, v), &r) ? join_divisions(p, r) : leaf_form(v);
}

static tc_affine product(tc_prover *p, tc_value v, tc_value a, int64_t by) {
  tc_affine zero = {0}, x = tc_affine_of(p, a), r;
  if (!tc_affine_add(&zero, &x, by, &r)) return leaf_form(v);
  return holds(p, tc_value_type(p->ir, v), &r) ? r : leaf_form(v);
}

/* ---- products of unknowns ---- */

enum { MAX_FACTORS = 6 };

typedef struct factors {
  tc_value at[MAX_FACTORS]; /* by ascending id */
  uint32_t n;
} factors;

static bool push_factor(factors *f, tc_value v) {
  if (f->n == MAX_FACTORS) return false;
  uint32_t i = f->n++;
  for (; i > 0 && f->at[i - 1].id > v.id; i--)
    f->at[i] = f->at[i - 1];
  f->at[i] = v;
  return true;
}

/* A cast that keeps every value of its operand's type. */
static bool is_widening(tc_prover *p, tc_value v) {
  if (!tc_is(p->ir, v, TC_OP_cast)) return false;
  tc_type from = tc_value_type(p->ir, tc_input(p->ir, tc_op_at(p->ir, v), 0));
  return tc_is_int(from) && from.dtype != TC_DT_uint64
         && tc_interval_inside(tc_interval_of_type(from),
                               tc_interval_of_type(tc_value_type(p->ir, v)));
}

/* A product of two unknowns in int64 that cannot wrap, as product_leaf makes them. */
bool tc_affine_is_product(tc_prover *p, tc_value v) {
  const tc_op *op = tc_op_at(p->ir, v);
  if (op->opcode != TC_OP_mul || op->type.dtype != TC_DT_int64 || op->type.lanes != 1) return false;
  const tc_fact *x = tc_fact_of(p, tc_input(p->ir, op, 0));
  const tc_fact *y = tc_fact_of(p, tc_input(p->ir, op, 1));
  return !tc_fact_is_const(x) && !tc_fact_is_const(y)
         && !tc_interval_may_wrap(TC_OP_mul, op->type, x->range, y->range);
}

static bool add_factors(tc_prover *p, tc_value v, factors *f) {
  const tc_op *op = tc_op_at(p->ir, v);
  if (tc_affine_is_product(p, v))
    return add_factors(p, tc_input(p->ir, op, 0), f) && add_factors(p, tc_input(p->ir, op, 1), f);
  if (is_widening(p, v)) v = tc_input(p->ir, op, 0);
  return push_factor(f, v);
}

/* The product of two leaves as a leaf of its own, the same one however it was written. */
static bool product_leaf(tc_prover *p, tc_value a, tc_value b, tc_affine *leaf) {
  factors f = {.n = 0};
  tc_type wide = tc_scalar_type(TC_DT_int64);
  if (!add_factors(p, a, &f) || !add_factors(p, b, &f)) return false;
  tc_value product = tc_cast(p->ir, f.at[0], wide);
  for (uint32_t i = 1; i < f.n; i++) {
    tc_value next = tc_cast(p->ir, f.at[i], wide);
    tc_interval x = tc_fact_of(p, product)->range, y = tc_fact_of(p, next)->range;
    if (tc_interval_may_wrap(TC_OP_mul, wide, x, y)) return false;
    product = tc_binary(p->ir, TC_OP_mul, product, next);
  }
  *leaf = leaf_form(product);
  return true;
}

bool tc_affine_multiply(tc_prover *p, const tc_affine *a, const tc_affine *b, tc_affine *out) {
  tc_affine r, leaf;
  if (!tc_affine_add(&(tc_affine){0}, a, b->constant, &r)) return false;
  for (uint32_t j = 0; j < b->n; j++) {
    tc_affine one = leaf_form(b->leaf[j]);
    int64_t by;
    if (!tc_mul_fits(a->constant, b->by[j], &by) || !tc_affine_add(&r, &one, by, &r)) return false;
    for (uint32_t i = 0; i < a->n; i++) {
      if (!tc_mul_fits(a->by[i], b->by[j], &by)) return false;
      if (!product_leaf(p, a->leaf[i], b->leaf[j], &leaf)) return false;
      if (!tc_affine_add(&r, &leaf, by, &r)) return false;
    }
  }
  *out = r;
  return true;
}

static tc_affine product_of_unknowns(tc_prover *p, tc_value v, tc_value a, tc_value b) {
  tc_affine x = tc_affine_of(p, a), y = tc_affine_of(p, b), r;
  if (!tc_affine_multiply(p, &x, &y, &r)) return leaf_form(v);
  return holds(p, tc_value_type(p->ir, v), &r) ? r : leaf_form(v);
}

/* The power of two of which x is one less; 0 when it is not. */
static int64_t mask_size(int64_t x) {
  return x > 0 && x < INT64_MAX && !(x & (x + 1)) ? x + 1 : 0;
}

static tc_affine divided(tc_prover *p, enum tc_opcode op, tc_value v, tc_value a, int64_t c) {
  tc_affine x = tc_affine_of(p, a);
  return division(p, op, v, &x, c);
}

/* table */
static tc_affine binary_form(tc_prover *p, tc_value v, const tc_op *op) {
  tc_value a = tc_input(p->ir, op, 0), b = tc_input(p->ir, op, 1);
  const tc_fact *x = tc_fact_of(p, a), *y = tc_fact_of(p, b);
  bool constant = tc_fact_is_const(y);
  int64_t c = y->range.lo, most = tc_interval_of_type(op->type).hi;
  switch ((int)op->opcode) {
  case TC_OP_add:
    return sum(p, v, a, b, 1);
  case TC_OP_sub:
    return sum(p, v, a, b, -1);
  case TC_OP_mul:
    if (constant) return product(p, v, a, c);
    if (tc_fact_is_const(x)) return product(p, v, b, x->range.lo);
    return product_of_unknowns(p, v, a, b);
  case TC_OP_shl:
    if (!constant || c < 0 || c > 62 || c >= (int64_t)tc_type_bits(op->type)) return leaf_form(v);
    return product(p, v, a, INT64_C(1) << c);
  case TC_OP_floordiv:
  case TC_OP_floormod:
    if (!constant || c <= 0) return leaf_form(v);
    return divided(p, (enum tc_opcode)op->opcode, v, a, c);
  case TC_OP_truncdiv:
  case TC_OP_truncmod:
    if (!constant || c <= 0 || x->range.lo < 0) return leaf_form(v);
    return divided(p, op->opcode == TC_OP_truncdiv ? TC_OP_floordiv : TC_OP_floormod, v, a, c);
  case TC_OP_shr:
    if (!constant || c < 0 || c > 62 || INT64_C(1) << c > most) return leaf_form(v);
    return divided(p, TC_OP_floordiv, v, a, INT64_C(1) << c);
  case TC_OP_and:
    if (constant && mask_size(c) && mask_size(c) <= most)
      return divided(p, TC_OP_floormod, v, a, mask_size(c));
    return leaf_form(v);
  case TC_OP_or:
  case TC_OP_xor:
    return (x->zeros | y->zeros) == UINT64_MAX ? sum(p, v, a, b, 1) : leaf_form(v);
  case TC_OP_min:
    if (x->range.hi <= y->range.lo) return tc_affine_of(p, a);
    return y->range.hi <= x->range.lo ? tc_affine_of(p, b) : leaf_form(v);
  case TC_OP_max:
    if (x->range.hi <= y->range.lo) return tc_affine_of(p, b);
    return y->range.hi <= x->range.lo ? tc_affine_of(p, a) : leaf_form(v);
  default:
    return leaf_form(v);
  }
}

static tc_affine form_of_op(tc_prover *p, tc_value v) {
  const tc_op *op = tc_op_at(p->ir, v);
  if (!tc_op_is_pure(op) || !tc_is_int(op->type)) return leaf_form(v);
  for (uint32_t i = 0; i < op->n_in; i++) {
    bool is_condition = op->opcode == TC_OP_select && i == 0;
    if (!is_condition && !tc_is_plain(p, tc_input(p->ir, op, i))) return leaf_form(v);
  }
  if (op->opcode >= TC_OP_add && op->opcode <= TC_OP_xor) return binary_form(p, v, op);
  if (op->opcode == TC_OP_shl || op->opcode == TC_OP_shr) return binary_form(p, v, op);
  if (op->opcode == TC_OP_abs) {
    tc_interval r = tc_fact_of(p, tc_input(p->ir, op, 0))->range;
    if (r.lo >= 0) return tc_affine_of(p, tc_input(p->ir, op, 0));
    return r.hi <= 0 ? product(p, v, tc_input(p->ir, op, 0), -1) : leaf_form(v);
  }
  if (op->opcode == TC_OP_neg) return product(p, v, tc_input(p->ir, op, 0), -1);
  if (op->opcode == TC_OP_select) {
    const tc_fact *c = tc_fact_of(p, tc_input(p->ir, op, 0));
    if (tc_fact_is_const(c)) return tc_affine_of(p, tc_input(p->ir, op, c->range.lo ? 1 : 2));
  }
  if (op->opcode == TC_OP_cast || op->opcode == TC_OP_reinterpret) {
    tc_affine a = tc_affine_of(p, tc_input(p->ir, op, 0));
    if (holds(p, op->type, &a)) return a;
  }
  return leaf_form(v);
}

/* ---- memo ---- */

static tc_affine stored(const tc_prover *p, tc_affine_ref ref) {
  tc_affine a = {.constant = ref.constant, .n = ref.n};
  for (uint32_t i = 0; i < ref.n; i++) {
    a.leaf[i] = p->terms.at[ref.first + i].leaf;
    a.by[i] = p->terms.at[ref.first + i].by;
  }
  return a;
}

static void store(tc_prover *p, tc_value v, const tc_affine *a) {
  tc_affine_ref ref = {a->constant, a->n, p->terms.n};
  for (uint32_t i = 0; i < a->n; i++)
    tc_vec_push(p->arena, &p->terms, ((tc_term){a->leaf[i], a->by[i]}));
  tc_vec_push(p->arena, &p->affines, ref);
  tc_slot *slot = tc_slot_at(p, v);
  slot->affine = p->affines.n - 1;
  slot->affine_epoch = p->epoch;
}

enum { MAX_DEPTH = 200 };

tc_affine tc_affine_of(tc_prover *p, tc_value v) {
  const tc_fact *f = tc_fact_of(p, v);
  tc_slot *slot = tc_slot_at(p, v);
  if (slot->affine_epoch == p->epoch) return stored(p, p->affines.at[slot->affine]);
  tc_affine a;
  if (tc_fact_is_const(f) && tc_is_plain(p, v)) {
    a = tc_affine_const(f->range.lo);
  } else if (p->affine_depth >= MAX_DEPTH) {
    return leaf_form(v);
  } else {
    p->affine_depth++;
    a = form_of_op(p, v);
    p->affine_depth--;
  }
  store(p, v, &a);
  return a;
}

tc_affine tc_prove_affine(tc_prover *p, tc_value v) {
  return tc_affine_of(p, v);
}
