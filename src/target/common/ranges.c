#include "target/common/ranges.h"

#include "base/checked.h"

#include "ir/walk.h"

static const tc_range far_range = {-TC_RANGE_FAR, TC_RANGE_FAR};

static int64_t clamp(int64_t x) {
  if (x > TC_RANGE_FAR) return TC_RANGE_FAR;
  return x < -TC_RANGE_FAR ? -TC_RANGE_FAR : x;
}

static int64_t add_far(int64_t a, int64_t b) {
  return clamp(clamp(a) + clamp(b));
}

/* Clamped operands have a sum that fits; a product is tested by division. */
static int64_t mul_far(int64_t a, int64_t b) {
  a = clamp(a), b = clamp(b);
  if (a == 0 || b == 0) return 0;
  int64_t limit = TC_RANGE_FAR / (b < 0 ? -b : b);
  if (a > limit || a < -limit) return (a < 0) == (b < 0) ? TC_RANGE_FAR : -TC_RANGE_FAR;
  return a * b;
}

static int64_t least(int64_t a, int64_t b) {
  return a < b ? a : b;
}
static int64_t most(int64_t a, int64_t b) {
  return a > b ? a : b;
}

static tc_range range_add(tc_range a, tc_range b) {
  return (tc_range){add_far(a.lo, b.lo), add_far(a.hi, b.hi)};
}

static tc_range range_scale(tc_range a, int64_t by) {
  int64_t x = mul_far(a.lo, by), y = mul_far(a.hi, by);
  return (tc_range){least(x, y), most(x, y)};
}

static tc_range range_mul(tc_range a, tc_range b) {
  tc_range x = range_scale(a, b.lo), y = range_scale(a, b.hi);
  return (tc_range){least(x.lo, y.lo), most(x.hi, y.hi)};
}

static int64_t floor_div(int64_t a, int64_t b) {
  int64_t q = a / b;
  return q * b != a && (a < 0) != (b < 0) ? q - 1 : q;
}

/* Only divisors that are known to be positive: the others are rare in index arithmetic. */
static tc_range range_floordiv(tc_range a, tc_range b) {
  if (b.lo <= 0) return far_range;
  int64_t w = floor_div(a.lo, b.lo), x = floor_div(a.lo, b.hi);
  int64_t y = floor_div(a.hi, b.lo), z = floor_div(a.hi, b.hi);
  return (tc_range){least(least(w, x), least(y, z)), most(most(w, x), most(y, z))};
}

static tc_range range_floormod(tc_range a, tc_range b) {
  if (b.lo <= 0) return far_range;
  if (a.lo >= 0 && a.hi < b.lo) return a;
  return (tc_range){0, a.lo >= 0 ? least(a.hi, b.hi - 1) : b.hi - 1};
}

tc_range tc_range_of_type(tc_type type) {
  const tc_dtype_info *row = tc_dtype_row((enum tc_dtype)type.dtype);
  if (row->kind == TC_K_BOOL) return (tc_range){0, 1};
  if (row->bits >= 63 || !tc_is_int(type)) return far_range;
  int64_t half = (int64_t)1 << (row->bits - 1);
  return row->kind == TC_K_UINT ? (tc_range){0, 2 * half - 1} : (tc_range){-half, half - 1};
}

/* The result of an op that would be `exact` over the integers, in a type that wraps. A far bound of
 * a 64-bit type may have wrapped as well. */
static tc_range wrapped(tc_range exact, tc_range type) {
  bool near = exact.lo > -TC_RANGE_FAR && exact.hi < TC_RANGE_FAR;
  return near && tc_range_inside(exact, type) ? exact : type;
}

/* table */
static tc_range of_op(tc_ranges *r, const tc_op *op, tc_range type) {
  tc_range a = op->n_in > 0 ? tc_range_of(r, tc_input(r->ir, op, 0)) : far_range;
  tc_range b = op->n_in > 1 ? tc_range_of(r, tc_input(r->ir, op, 1)) : far_range;
  switch ((int)op->opcode) {
  case TC_OP_const:
    return (tc_range){r->ir->imms.at[op->payload].i, r->ir->imms.at[op->payload].i};
  case TC_OP_var:
    return r->of_var[op->payload];
  case TC_OP_add:
    return range_add(a, b);
  case TC_OP_sub:
    return range_add(a, range_scale(b, -1));
  case TC_OP_mul:
    return range_mul(a, b);
  case TC_OP_neg:
    return range_scale(a, -1);
  case TC_OP_floordiv:
    return range_floordiv(a, b);
  case TC_OP_floormod:
    return range_floormod(a, b);
  case TC_OP_truncdiv:
    return a.lo >= 0 ? range_floordiv(a, b) : type;
  case TC_OP_truncmod:
    return a.lo >= 0 ? range_floormod(a, b) : type;
  case TC_OP_shl:
    return b.lo == b.hi && b.lo >= 0 && b.lo < 62 ? range_scale(a, (int64_t)1 << b.lo) : type;
  case TC_OP_shr:
    return b.lo == b.hi && b.lo >= 0 && b.lo < 62
               ? range_floordiv(a, (tc_range){(int64_t)1 << b.lo, (int64_t)1 << b.lo})
               : type;
  case TC_OP_and:
    return a.lo >= 0 && b.lo >= 0 ? (tc_range){0, least(a.hi, b.hi)} : type;
  case TC_OP_min:
    return (tc_range){least(a.lo, b.lo), least(a.hi, b.hi)};
  case TC_OP_max:
    return (tc_range){most(a.lo, b.lo), most(a.hi, b.hi)};
  case TC_OP_select: {
    tc_range c = tc_range_of(r, tc_input(r->ir, op, 2));
    return (tc_range){least(b.lo, c.lo), most(b.hi, c.hi)};
  }
  case TC_OP_cast:
    return tc_is_float(tc_value_type(r->ir, tc_input(r->ir, op, 0))) ? type : a;
  default:
    return type;
  }
}

tc_range tc_range_of(tc_ranges *r, tc_value v) {
  const tc_op *op = tc_op_at(r->ir, v);
  if (op->type.lanes != 1 || tc_is_float(op->type)) return far_range;
  if (r->known[v.id]) return r->of_value[v.id];
  tc_range type = tc_range_of_type(op->type);
  tc_range x = tc_op_is_pure(op) ? wrapped(of_op(r, op, type), type) : type;
  r->of_value[v.id] = x;
  r->known[v.id] = true;
  return x;
}

/* ---- variables ---- */

static void set_var(tc_ranges *r, tc_var var, int64_t lo, int64_t hi) {
  if (!var.id) return;
  tc_range type = tc_range_of_type(tc_var_at(r->ir, var)->type);
  /* An empty loop leaves hi below lo; then no value of the body is ever computed. */
  r->of_var[var.id] = wrapped((tc_range){lo, most(lo, hi)}, type);
}

static void bind_loop(tc_ranges *r, tc_value stmt) {
  const tc_op *op = tc_op_at(r->ir, stmt);
  tc_range lo = tc_range_of(r, tc_input(r->ir, op, 0)), hi = tc_range_of(r, tc_input(r->ir, op, 1));
  int64_t step = 1;
  tc_const_of(r->ir, tc_input(r->ir, op, 2), &step);
  if (step > 0)
    set_var(r, tc_loop_of(r->ir, stmt)->var, lo.lo, hi.hi - 1);
  else
    set_var(r, tc_loop_of(r->ir, stmt)->var, hi.lo + 1, lo.hi);
}

static bool bind(tc_ir *ir, tc_value stmt, void *data) {
  tc_ranges *r = data;
  const tc_op *op = tc_op_at(ir, stmt);
  if (op->opcode == TC_OP_kernel) {
    const tc_kernel *k = tc_kernel_of(ir, stmt);
    for (uint32_t i = 0; i < 3; i++)
      set_var(r, k->thread[i], 0, k->threads[i] - 1);
    for (uint32_t i = 0; i < k->n_grid; i++)
      set_var(r, k->block[i], 0, tc_range_of(r, tc_input(ir, op, i)).hi - 1);
  } else if (op->opcode == TC_OP_for) {
    bind_loop(r, stmt);
  } else if (op->opcode == TC_OP_parallel) {
    const tc_parallel *p = tc_parallel_of(ir, stmt);
    for (uint32_t i = 0; i < p->n; i++)
      set_var(r, p->vars[i], 0, tc_range_of(r, tc_input(ir, op, i)).hi - 1);
  } else if (op->opcode == TC_OP_perthread) {
    const tc_group *g = tc_group_of(ir, stmt);
    set_var(r, g->thread, g->first, g->first + g->count - 1);
  }
  return true;
}

tc_ranges tc_ranges_new(tc_ir *ir, tc_region body, tc_arena *arena) {
  tc_ranges r = {ir, TC_NEW_ARRAY(arena, ir->vars.n, tc_range),
                 TC_NEW_ARRAY(arena, ir->n_ops, tc_range), TC_NEW_ARRAY(arena, ir->n_ops, bool)};
  for (uint32_t i = 1; i < ir->vars.n; i++) {
    tc_range type = tc_range_of_type(ir->vars.at[i].type);
    /* The argument checker refuses negative extents; 2^48 elements exceed any address space. */
    if (ir->vars.at[i].kind == TC_VAR_DIM) type = (tc_range){0, least(type.hi, (int64_t)1 << 48)};
    r.of_var[i] = type;
  }
  tc_walk(ir, body, bind, &r);
  return r;
}

/* ---- linear forms ---- */

static int64_t wrap_to(tc_type type, int64_t x) {
  return tc_dtype_row((enum tc_dtype)type.dtype)->bits == 32
             ? (int64_t)(int32_t)(uint32_t)(uint64_t)x
             : x;
}

static int64_t mul_wrap(int64_t a, int64_t b) {
  return (int64_t)((uint64_t)a * (uint64_t)b);
}
static int64_t add_wrap(int64_t a, int64_t b) {
  return (int64_t)((uint64_t)a + (uint64_t)b);
}

static bool add_term(tc_linear *l, tc_type type, tc_value leaf, int64_t by) {
  for (uint32_t i = 0; i < l->n; i++) {
    if (l->terms[i].leaf.id != leaf.id) continue;
    l->terms[i].by = wrap_to(type, add_wrap(l->terms[i].by, by));
    if (l->terms[i].by == 0) l->terms[i] = l->terms[--l->n];
    return true;
  }
  if (by == 0) return true;
  if (l->n == TC_LINEAR_TERMS) return false;
  l->terms[l->n++] = (tc_linear_term){leaf, by};
  return true;
}

/* Adds by * v; `budget` bounds the walk, since shared values make it a walk over paths. */
static bool gather(tc_ranges *r, tc_linear *l, tc_type type, tc_value v, int64_t by, int *budget) {
  const tc_op *op = tc_op_at(r->ir, v);
  if (--*budget < 0) return false;
  tc_value a = op->n_in > 0 ? tc_input(r->ir, op, 0) : v,
           b = op->n_in > 1 ? tc_input(r->ir, op, 1) : v;
  int64_t x;
  if (tc_const_of(r->ir, v, &x)) {
    l->constant = wrap_to(type, add_wrap(l->constant, mul_wrap(by, x)));
    return true;
  }
  if (op->type.dtype != type.dtype) return add_term(l, type, v, by);
  switch ((int)op->opcode) {
  case TC_OP_add:
    return gather(r, l, type, a, by, budget) && gather(r, l, type, b, by, budget);
  case TC_OP_sub:
    return gather(r, l, type, a, by, budget)
           && gather(r, l, type, b, wrap_to(type, mul_wrap(by, -1)), budget);
  case TC_OP_neg:
    return gather(r, l, type, a, wrap_to(type, mul_wrap(by, -1)), budget);
  case TC_OP_mul:
    if (tc_const_of(r->ir, b, &x))
      return gather(r, l, type, a, wrap_to(type, mul_wrap(by, x)), budget);
    return add_term(l, type, v, by);
  case TC_OP_shl:
    if (tc_const_of(r->ir, b, &x) && x >= 0 && x < 31)
      return gather(r, l, type, a, wrap_to(type, mul_wrap(by, (int64_t)1 << x)), budget);
    return add_term(l, type, v, by);
  default:
    return add_term(l, type, v, by);
  }
}

tc_range tc_linear_range(tc_ranges *r, const tc_linear *l) {
  tc_range sum = {l->constant, l->constant};
  for (uint32_t i = 0; i < l->n; i++)
    sum = range_add(sum, range_scale(tc_range_of(r, l->terms[i].leaf), l->terms[i].by));
  return sum;
}

/* Replaces a leaf that widens an int32 value by that value's own linear form, if nothing in it can
 * wrap. */
static void open_casts(tc_ranges *r, tc_linear *l, tc_type type) {
  for (uint32_t i = 0; i < l->n; i++) {
    tc_linear_term t = l->terms[i];
    if (!tc_is(r->ir, t.leaf, TC_OP_cast)) continue;
    tc_value from = tc_input(r->ir, tc_op_at(r->ir, t.leaf), 0);
    if (tc_value_type(r->ir, from).dtype != TC_DT_int32) continue;
    tc_linear inner = tc_linear_of(r, from), out = tc_linear_without(l, t.leaf);
    bool fits = inner.exact;
    for (uint32_t k = 0; k < inner.n && fits; k++)
      fits = add_term(&out, type, inner.terms[k].leaf, mul_wrap(t.by, inner.terms[k].by));
    if (!fits) continue;
    out.constant = add_wrap(out.constant, mul_wrap(t.by, inner.constant));
    *l = out;
    i = UINT32_MAX; /* start again: terms have moved; casts only ever become int32 leaves */
  }
}

tc_linear tc_linear_of(tc_ranges *r, tc_value v) {
  tc_type type = tc_value_type(r->ir, v);
  tc_linear l = {0};
  int budget = 48;
  bool linear = type.lanes == 1 && (type.dtype == TC_DT_int32 || type.dtype == TC_DT_int64);
  if (!linear || !gather(r, &l, type, v, 1, &budget)) l = (tc_linear){.n = 1, .terms = {{v, 1}}};
  if (type.dtype == TC_DT_int64) {
    open_casts(r, &l, type);
    l.exact = true; /* modulo 2^64, which is what 64-bit text computes */
  } else {
    l.exact = tc_range_inside(tc_linear_range(r, &l), tc_range_of_type(type));
  }
  return l;
}

int64_t tc_linear_by(const tc_linear *l, tc_value leaf) {
  for (uint32_t i = 0; i < l->n; i++)
    if (l->terms[i].leaf.id == leaf.id) return l->terms[i].by;
  return 0;
}

tc_linear tc_linear_without(const tc_linear *l, tc_value leaf) {
  tc_linear out = *l;
  out.n = 0;
  for (uint32_t i = 0; i < l->n; i++)
    if (l->terms[i].leaf.id != leaf.id) out.terms[out.n++] = l->terms[i];
  return out;
}

bool tc_linear_add(tc_linear *l, const tc_linear *other, int64_t by) {
  for (uint32_t i = 0; i < other->n; i++)
    if (!add_term(l, tc_scalar_type(TC_DT_int64), other->terms[i].leaf, other->terms[i].by * by))
      return false;
  l->constant += other->constant * by;
  return true;
}

int64_t tc_linear_gcd(const tc_linear *l, int64_t n) {
  n = tc_gcd(n, l->constant);
  for (uint32_t i = 0; i < l->n; i++)
    n = tc_gcd(n, l->terms[i].by);
  return n;
}

bool tc_is_multiple(tc_ranges *r, tc_value v, int64_t n) {
  tc_linear l = tc_linear_of(r, v);
  if (l.constant % n != 0) return false;
  for (uint32_t i = 0; i < l.n; i++)
    if (l.terms[i].by % n != 0) return false;
  return true; /* n is a power of two below 2^31, so wrapping keeps multiples */
}
