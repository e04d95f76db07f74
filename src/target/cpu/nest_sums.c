/* Atomics on on-chip memory in the innermost loop. One thread runs a block, so they are plain
 * updates, and what may keep a C compiler from vectors is only the order of the iterations.
 *
 *   acc[j] += x        every iteration has an element of its own: nothing to do
 *   acc[i] += x[j]     one element for the whole loop: 64 lanes, each for every 64th iteration, are
 *                      added up pairwise at the end
 *
 * Error of a sum in lanes: (n / 64 + 7) * eps * sum |x|, less than what adding in order may have.
 */
#include "ir/scalar.h"
#include "target/cpu/nest.h"

/* ---- which ---- */

typedef struct uses {
  tc_buf root;
  uint32_t n;
} uses;

static bool count_use(tc_ir *ir, tc_value stmt, void *data) {
  uses *u = data;
  const tc_op *op = tc_op_at(ir, stmt);
  bool access = op->opcode == TC_OP_load || op->opcode == TC_OP_store || op->opcode == TC_OP_atomic;
  u->n += access && tc_buf_at(ir, tc_access_buf(ir, stmt))->root.id == u->root.id;
  return true;
}

/* Alone with its buffer, always executed, and nobody asks for the old element. */
static bool is_simple(tc_nest *n, tc_value stmt) {
  tc_cemit *e = n->c->e;
  const tc_atomic *a = tc_atomic_of(e->ir, stmt);
  const tc_buffer *b = tc_buf_at(e->ir, a->buf);
  uint32_t where;
  bool top = tc_map_get(&n->inside, stmt.id, &where) && where == 1;
  bool number = b->elem.lanes == 1 && !tc_ce_is_packed(b->elem) && !tc_is_bool(b->elem);
  if (!top || !number || b->scope == TC_SCOPE_global || b->scope == TC_SCOPE_var) return false;
  if (tc_atomic_op((enum tc_atomic_kind)a->kind) == TC_OP_none) return false;
  if (e->placed.uses[stmt.id] || tc_access_pred(e->ir, stmt).id) return false;
  uses u = {.root = b->root};
  tc_walk(e->ir, n->body, count_use, &u);
  return u.n == 1;
}

enum along { ALONG_APART, ALONG_ONE, ALONG_UNKNOWN };

/* Do iterations of the innermost loop have an element each, or all the same one? */
static enum along index_along(tc_nest *n, tc_value stmt) {
  tc_ir *ir = n->c->e->ir;
  const tc_value *index = tc_inputs_of(ir, tc_op_at(ir, stmt));
  uint32_t rank = tc_buf_at(ir, tc_atomic_of(ir, stmt)->buf)->rank, inner = tc_nest_inner(n);
  uint32_t all = 0;
  for (uint32_t d = 0; d < rank; d++) {
    if (index[d].id == n->var[inner].id) return ALONG_APART;
    if (tc_value_type(ir, index[d]).lanes != 1) return ALONG_UNKNOWN;
    all |= tc_nest_mask(n, index[d]);
  }
  bool outside = !(all & (uint32_t)(TC_ON_BODY | TC_ON_BODY_LOAD | TC_ON_STRIPE));
  return outside && !(all >> inner & 1) ? ALONG_ONE : ALONG_UNKNOWN;
}

void tc_nest_find_sums(tc_nest *n) {
  tc_cemit *e = n->c->e;
  tc_value extent = tc_input(e->ir, tc_op_at(e->ir, n->stmt), tc_nest_inner(n));
  bool is_short = tc_range_of(&e->ranges, extent).hi < TC_SUM_LANES;
  if (!n->atomics.n || !n->plain_but_atomics || n->stripe || n->phases) return;
  for (uint32_t i = 0; i < n->atomics.n; i++) {
    tc_value stmt = n->atomics.at[i];
    enum along along = is_simple(n, stmt) ? index_along(n, stmt) : ALONG_UNKNOWN;
    if (along == ALONG_ONE && !is_short) tc_vec_push(e->arena, &n->sums, stmt);
    if (along == ALONG_UNKNOWN || (along == ALONG_ONE && is_short)) {
      n->sums.n = 0;
      return;
    }
  }
  n->plain = true;
}

/* ---- printing ---- */

static const char *lanes_name(tc_cemit *e, tc_value stmt) {
  return tc_ce_text(e, "sum_%u", stmt.id);
}

void tc_nest_open_sums(tc_nest *n, const char *lane) {
  tc_cemit *e = n->c->e;
  for (uint32_t i = 0; i < n->sums.n; i++) {
    tc_value stmt = n->sums.at[i];
    const tc_atomic *a = tc_atomic_of(e->ir, stmt);
    tc_type type = tc_buf_at(e->ir, a->buf)->elem;
    const char *name = lanes_name(e, stmt);
    tc_cw_line(&e->w, "%s %s[%d];", tc_ce_type(type), name, TC_SUM_LANES);
    tc_cw_line(
        &e->w, "for (int lane = 0; lane < %d; lane++) %s[lane] = %s;", TC_SUM_LANES, name,
        tc_ce_const(e, type, tc_imm_neutral(tc_atomic_op((enum tc_atomic_kind)a->kind), type)));
    n->c->sum_lanes[stmt.id] = tc_ce_text(e, "%s[%s]", name, lane);
  }
}

void tc_nest_close_sums(tc_nest *n) {
  tc_cemit *e = n->c->e;
  for (uint32_t i = 0; i < n->sums.n; i++) {
    tc_value stmt = n->sums.at[i];
    const tc_atomic *a = tc_atomic_of(e->ir, stmt);
    tc_type type = tc_buf_at(e->ir, a->buf)->elem;
    enum tc_opcode op = tc_atomic_op((enum tc_atomic_kind)a->kind);
    const char *name = lanes_name(e, stmt), *at, *low, *high;
    low = tc_ce_text(e, "%s[lane]", name);
    high = tc_ce_text(e, "%s[lane + half]", name);
    tc_cw_open(&e->w, "for (int half = %d; half; half /= 2)", TC_SUM_LANES / 2);
    tc_cw_line(&e->w, "for (int lane = 0; lane < half; lane++) %s = %s;", low,
               tc_ce_binary(e, op, type, low, high));
    tc_cw_close(&e->w);
    at = tc_cw_temp(&e->w, "tc_i64", "%s",
                    tc_ce_offset(e, a->buf, tc_inputs_of(e->ir, tc_op_at(e->ir, stmt)), 0));
    low = tc_cw_temp(&e->w, tc_ce_type(type), "%s", tc_ce_get(e, a->buf, at));
    const char *sum = tc_cw_temp(&e->w, tc_ce_type(type), "%s",
                                 tc_ce_binary(e, op, type, low, tc_ce_text(e, "%s[0]", name)));
    tc_cw_line(&e->w, "%s", tc_ce_put(e, a->buf, at, tc_ce_encode(e, type, sum)));
    n->c->sum_lanes[stmt.id] = NULL;
  }
}
