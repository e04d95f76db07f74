/* Quotients of the innermost variable.
 *
 * Kernels on packed or grouped data index with j // 2, j % 2, j // 128. A C compiler does not see
 * that such an index advances evenly or stands still, and gives up on vectors. Two rewrites show
 * it:
 *
 *   stripes  for (s = ..; s < hi; s += 128)        q = s / 128 once, and what depends on it alone
 *              for (j = s; j < s + 128; j++)
 *   phases   for (q = lo / 2; q < hi / 2; q++)     j // 2 is q, j % 2 is 0, then 1
 *              { j = 2 q: ... } { j = 2 q + 1: ... }
 *
 * Both need the rest of the dividend to be a multiple of the length, so that j alone decides. */
#include "target/cpu/nest.h"

#include "base/checked.h"

#include <inttypes.h>

enum { STRIPE_MIN = 16, PHASES_MAX = 8 };

/* Divisor and kind of a division by a constant. */
static bool division_of(tc_ir *ir, const tc_op *op, int64_t *by, bool *is_rest) {
  if (op->n_in != 2 || !tc_const_of(ir, tc_input(ir, op, 1), by)) return false;
  *is_rest = op->opcode == TC_OP_floormod || op->opcode == TC_OP_truncmod;
  switch ((int)op->opcode) {
  case TC_OP_floordiv:
  case TC_OP_truncdiv:
  case TC_OP_floormod:
  case TC_OP_truncmod:
    return *by >= 2 && *by <= INT32_MAX;
  case TC_OP_shr:
    if (*by < 1 || *by > 30) return false;
    *by = INT64_C(1) << *by;
    return true;
  case TC_OP_and:
    *is_rest = true;
    *by += 1;
    return *by >= 2 && *by <= INT32_MAX && (*by & (*by - 1)) == 0;
  default:
    return false;
  }
}

static void note_quotient(tc_nest *n, tc_value v) {
  tc_cemit *e = n->c->e;
  const tc_op *op = tc_op_at(e->ir, v);
  tc_quotient q = {.v = v};
  if (op->type.dtype != TC_DT_int32 || op->type.lanes != 1) return;
  if (!division_of(e->ir, op, &q.by, &q.is_rest)) return;
  tc_value x = n->var[tc_nest_inner(n)], dividend = tc_input(e->ir, op, 0);
  tc_linear l = tc_linear_of(&e->ranges, dividend);
  if (!l.exact || tc_linear_by(&l, x) != 1 || tc_range_of(&e->ranges, dividend).lo < 0) return;
  q.rest = tc_linear_without(&l, x);
  for (uint32_t i = 0; i < q.rest.n; i++) /* the rest must not change with x */
    if (tc_nest_mask(n, q.rest.terms[i].leaf)
        & (TC_ON_BODY | TC_ON_BODY_LOAD | 1u << tc_nest_inner(n)))
      return;
  q.granule = tc_linear_gcd(&q.rest, q.by);
  if (q.granule >= 2) tc_vec_push(e->arena, &n->quotients, q);
}

/* Elements per byte of a packed buffer that is read along x; 1: of no use. */
static int64_t packing_of(tc_nest *n, tc_value stmt) {
  tc_cemit *e = n->c->e;
  if (!tc_is(e->ir, stmt, TC_OP_load)) return 1;
  tc_buf buf = tc_access_buf(e->ir, stmt);
  const tc_buffer *b = tc_buf_at(e->ir, buf);
  uint32_t bits = tc_type_bits(b->elem);
  if (b->rank == 0 || (bits != 4 && bits != 2)) return 1;
  tc_value last = tc_input(e->ir, tc_op_at(e->ir, stmt), b->rank - 1);
  return tc_nest_mask(n, last) >> tc_nest_inner(n) & 1 ? 8 / bits : 1;
}

static void choose_lengths(tc_nest *n) {
  tc_cemit *e = n->c->e;
  const tc_block *block = tc_block_at(e->ir, n->body);
  int64_t stripe = 0, phases = 1;
  for (uint32_t i = 0; i < n->quotients.n; i++) {
    const tc_quotient *q = &n->quotients.at[i];
    if (q->granule >= STRIPE_MIN && !q->is_rest) stripe = tc_gcd(q->granule, stripe);
    if (q->by <= PHASES_MAX && q->granule == q->by && q->by > phases) phases = q->by;
  }
  for (uint32_t i = 0; i < block->ops.n; i++) {
    int64_t packing = packing_of(n, block->ops.at[i]);
    if (packing > phases) phases = packing;
  }
  n->stripe = stripe >= STRIPE_MIN ? stripe : 0;
  tc_value extent = tc_input(e->ir, tc_op_at(e->ir, n->stmt), tc_nest_inner(n));
  bool worth = n->plain && tc_range_of(&e->ranges, extent).hi >= 4 * phases;
  bool fits = !n->stripe || n->stripe % phases == 0;
  n->phases = phases > 1 && worth && fits ? phases : 0;
}

static bool in_stripe(const tc_nest *n, const tc_quotient *q) {
  return n->stripe && q->granule % n->stripe == 0;
}

void tc_nest_find_stripes(tc_nest *n) {
  tc_cemit *e = n->c->e;
  const tc_block *block = tc_block_at(e->ir, n->body);
  for (uint32_t i = 0; i < block->ops.n; i++) {
    uint32_t first, count = tc_placed_before(&e->placed, n->body, i, &first);
    for (uint32_t k = 0; k < count; k++)
      note_quotient(n, e->placed.at[first + k].value);
  }
  choose_lengths(n);
  if (!n->stripe) return;
  /* What depends on x through such a quotient alone stands still during a stripe. */
  n->mask = tc_map_in(e->arena);
  for (uint32_t i = 0; i < n->quotients.n; i++) {
    const tc_quotient *q = &n->quotients.at[i];
    if (!in_stripe(n, q) || q->is_rest) continue;
    uint32_t mask = TC_ON_STRIPE;
    for (uint32_t t = 0; t < q->rest.n; t++)
      mask |= tc_nest_mask(n, q->rest.terms[t].leaf);
    tc_map_put(&n->mask, q->v.id, mask + 1);
  }
}

static void name_quotient(tc_nest *n, const tc_quotient *q, const char *text) {
  tc_cemit *e = n->c->e;
  e->wides[q->v.id] = text;
  e->aliases[q->v.id] = tc_ce_text(e, "((tc_i32)%s)", text);
  e->defined[q->v.id] = true;
}

static void forget_quotient(tc_nest *n, const tc_quotient *q) {
  tc_cemit *e = n->c->e;
  e->wides[q->v.id] = e->aliases[q->v.id] = NULL;
  e->defined[q->v.id] = false;
}

void tc_nest_open_stripe(tc_nest *n, const char *first) {
  tc_cemit *e = n->c->e;
  const char *x = e->var_wide[n->p->vars[tc_nest_inner(n)].id];
  for (uint32_t i = 0; i < n->quotients.n; i++) {
    const tc_quotient *q = &n->quotients.at[i];
    if (!in_stripe(n, q)) continue;
    const char *sum = tc_ce_sum(e, tc_ce_linear(e, &q->rest), first);
    const char *t = tc_cw_temp(&e->w, "tc_i64", q->is_rest ? "(%s) %% %" PRId64 : "(%s) / %" PRId64,
                               sum, q->by);
    name_quotient(n, q, q->is_rest ? tc_ce_text(e, "(%s + %s - %s)", t, x, first) : t);
  }
  n->in_stripe = true;
}

void tc_nest_close_stripe(tc_nest *n) {
  for (uint32_t i = 0; i < n->quotients.n; i++)
    if (in_stripe(n, &n->quotients.at[i])) forget_quotient(n, &n->quotients.at[i]);
  n->in_stripe = false;
}

static bool in_phase(const tc_nest *n, const tc_quotient *q) {
  return !in_stripe(n, q) && q->granule == q->by && n->phases % q->by == 0;
}

void tc_nest_open_phase(tc_nest *n, const char *step, int64_t phase) {
  tc_cemit *e = n->c->e;
  e->phase.var = n->var[tc_nest_inner(n)];
  e->phase.step = step;
  e->phase.group = n->phases;
  e->phase.member = phase;
  for (uint32_t i = 0; i < n->quotients.n; i++) {
    const tc_quotient *q = &n->quotients.at[i];
    if (!in_phase(n, q)) continue;
    if (q->is_rest) {
      name_quotient(n, q, tc_ce_text(e, "%" PRId64, phase % q->by));
      continue;
    }
    tc_linear rest = q->rest;
    rest.constant = rest.constant / q->by + phase / q->by;
    for (uint32_t t = 0; t < rest.n; t++)
      rest.terms[t].by /= q->by;
    const char *steps = tc_ce_product(e, step, tc_ce_text(e, "%" PRId64, n->phases / q->by));
    const char *sum = tc_ce_sum(e, steps, tc_ce_linear(e, &rest));
    name_quotient(n, q, sum == step ? sum : tc_ce_text(e, "(%s)", sum));
  }
}

void tc_nest_close_phase(tc_nest *n) {
  for (uint32_t i = 0; i < n->quotients.n; i++)
    if (in_phase(n, &n->quotients.at[i])) forget_quotient(n, &n->quotients.at[i]);
  n->c->e->phase.var.id = 0;
}
