#include "target/cpu/nest.h"
#include "ir/build.h"

/* ---- what is in the body ---- */

static bool has(const tc_map *map, uint32_t id) {
  uint32_t x;
  return tc_map_get(map, id, &x);
}

static void note_write(tc_nest *n, tc_ir *ir, tc_value stmt, tc_buf buf) {
  const tc_buffer *b = tc_buf_at(ir, buf);
  if (b->scope == TC_SCOPE_var && !has(&n->written, b->root.id))
    tc_vec_push(n->c->e->arena, &n->privates, stmt);
  tc_map_put(&n->written, b->root.id, 1);
  if (b->scope == TC_SCOPE_global) n->writes_global = true;
  if (b->address.id) n->writes_address = true;
  /* Iterations reuse the elements of a local array, so they are not independent. */
  if (b->scope == TC_SCOPE_local || tc_ce_is_packed(b->elem)) n->plain = false;
}

static bool note_statement(tc_ir *ir, tc_value stmt, void *data) {
  tc_nest *n = data;
  const tc_op *op = tc_op_at(ir, stmt);
  if (!has(&n->inside, stmt.id)) tc_map_put(&n->inside, stmt.id, 2);
  switch ((int)op->opcode) {
  case TC_OP_store:
  case TC_OP_atomic:
    note_write(n, ir, stmt, tc_access_buf(ir, stmt));
    if (op->opcode == TC_OP_atomic) tc_vec_push(n->c->e->arena, &n->atomics, stmt);
    break;
  case TC_OP_alloc:
    n->plain = n->plain && tc_buf_at(ir, (tc_buf){op->payload})->scope == TC_SCOPE_var;
    break;
  case TC_OP_for:
    tc_map_put(&n->bound, tc_loop_of(ir, stmt)->var.id, 1);
    n->plain = false;
    break;
  case TC_OP_load:
  case TC_OP_if:
  case TC_OP_eval:
  case TC_OP_assume:
  case TC_OP_hint:
    break;
  case TC_OP_assert:
    n->may_stop = true;
    n->plain = false;
    break;
  default:
    n->plain = false;
  }
  return true;
}

/* Values placed before statements of the body's top level count as inside it. */
static void note_placed(tc_nest *n) {
  tc_cemit *e = n->c->e;
  const tc_block *block = tc_block_at(e->ir, n->body);
  for (uint32_t i = 0; i < block->ops.n; i++) {
    tc_map_put(&n->inside, block->ops.at[i].id, 1);
    uint32_t first, count = tc_placed_before(&e->placed, n->body, i, &first);
    for (uint32_t k = 0; k < count; k++)
      tc_map_put(&n->inside, e->placed.at[first + k].value.id, 1);
  }
}

/* ---- dependences ---- */

static uint32_t mask_of_inputs(tc_nest *n, const tc_op *op) {
  uint32_t mask = 0;
  for (uint32_t i = 0; i < op->n_in; i++)
    mask |= tc_nest_mask(n, tc_input(n->c->e->ir, op, i));
  return mask;
}

static uint32_t mask_of_var(tc_nest *n, uint32_t var) {
  for (uint32_t k = 0; k < n->p->n; k++)
    if (n->p->vars[k].id == var) return 1u << k;
  return has(&n->bound, var) ? (uint32_t)TC_ON_BODY : 0;
}

/* A load at the body's top level moves out if nothing in the body can change what it reads. */
static uint32_t mask_of_statement(tc_nest *n, tc_value v, const tc_op *op) {
  uint32_t where;
  if (!tc_map_get(&n->inside, v.id, &where)) return 0;
  if (where != 1 || op->opcode != TC_OP_load) return TC_ON_BODY | TC_ON_BODY_LOAD;
  const tc_access *a = tc_access_of(n->c->e->ir, v);
  const tc_buffer *b = tc_buf_at(n->c->e->ir, a->buf);
  bool changes = has(&n->written, b->root.id) || a->order != TC_ORDER_NONE
                 || (n->writes_address && b->scope == TC_SCOPE_global)
                 || (n->writes_global && b->address.id);
  return changes ? (uint32_t)(TC_ON_BODY | TC_ON_BODY_LOAD)
                 : mask_of_inputs(n, op) | TC_ON_BODY_LOAD;
}

uint32_t tc_nest_mask(tc_nest *n, tc_value v) {
  uint32_t mask;
  if (!v.id) return 0;
  if (tc_map_get(&n->mask, v.id, &mask)) return mask - 1;
  const tc_op *op = tc_op_at(n->c->e->ir, v);
  if (op->opcode == TC_OP_var)
    mask = mask_of_var(n, op->payload);
  else if (tc_op_is_pure(op))
    mask = mask_of_inputs(n, op);
  else
    mask = mask_of_statement(n, v, op);
  tc_map_put(&n->mask, v.id, mask + 1);
  return mask;
}

uint32_t tc_nest_level(tc_nest *n, uint32_t mask) {
  if (mask & TC_ON_BODY) return n->p->n + 1;
  uint32_t level = 0;
  for (uint32_t k = 0; k < n->p->n; k++)
    if (mask >> n->order[k] & 1) level = k + 1;
  return level;
}

/* ---- which variable goes innermost ---- */

typedef struct score {
  tc_nest *n;
  int points[TC_NEST_VARS];
} score;

/* How well one access runs along variable k. */
static int access_points(tc_nest *n, tc_value stmt, tc_buf buf, uint32_t k) {
  tc_cemit *e = n->c->e;
  const tc_value *index = tc_inputs_of(e->ir, tc_op_at(e->ir, stmt));
  uint32_t rank = tc_buf_at(e->ir, buf)->rank;
  int64_t step = 0;
  for (uint32_t d = 0; d < rank; d++) {
    if (!(tc_nest_mask(n, index[d]) >> k & 1)) continue;
    tc_linear l = tc_linear_of(&e->ranges, index[d]);
    int64_t by = tc_linear_by(&l, n->var[k]), stride;
    if (!tc_ce_stride_const(e, buf, d, &stride)) stride = 1 << 20;
    for (uint32_t t = 0; t < l.n; t++)
      if (l.terms[t].leaf.id != n->var[k].id && (tc_nest_mask(n, l.terms[t].leaf) >> k & 1))
        return -3;
    step += by * stride;
  }
  bool store = !tc_is(e->ir, stmt, TC_OP_load);
  bool sum = tc_is(e->ir, stmt, TC_OP_atomic) && tc_buf_at(e->ir, buf)->scope != TC_SCOPE_global;
  if (step == 0) return store && !sum ? -3 : 2;
  if (step == 1 || step == -1) return store ? 5 : 4;
  return step < 5 && step > -5 ? 0 : -2;
}

static bool add_score(tc_ir *ir, tc_value stmt, void *data) {
  score *s = data;
  const tc_op *op = tc_op_at(ir, stmt);
  if (op->opcode != TC_OP_load && op->opcode != TC_OP_store && op->opcode != TC_OP_atomic)
    return true;
  tc_buf buf = tc_access_buf(ir, stmt);
  if (tc_buf_at(ir, buf)->scope == TC_SCOPE_var) return true;
  for (uint32_t k = 0; k < s->n->p->n; k++)
    s->points[k] += access_points(s->n, stmt, buf, k);
  return true;
}

static void choose_order(tc_nest *n) {
  tc_cemit *e = n->c->e;
  score s = {.n = n};
  tc_walk(e->ir, n->body, add_score, &s);
  uint32_t best = n->p->n - 1;
  for (uint32_t k = n->p->n; k-- > 0;) {
    tc_range extent = tc_range_of(&e->ranges, tc_input(e->ir, tc_op_at(e->ir, n->stmt), k));
    if (extent.hi < 4) s.points[k] -= 8; /* a loop this short is not worth vectors */
    if (s.points[k] > s.points[best]) best = k;
  }
  uint32_t at = 0;
  for (uint32_t k = 0; k < n->p->n; k++)
    if (k != best) n->order[at++] = k;
  n->order[at] = best;
}

/* ---- conditions ---- */

/* False when the statement has an effect whatever the conditions say. */
static bool condition_of(tc_ir *ir, tc_value stmt, tc_value *cond, bool *effect) {
  const tc_op *op = tc_op_at(ir, stmt);
  *effect = true;
  switch ((int)op->opcode) {
  case TC_OP_store:
  case TC_OP_atomic:
    *effect =
        op->opcode == TC_OP_atomic || tc_buf_at(ir, tc_access_buf(ir, stmt))->scope != TC_SCOPE_var;
    *cond = tc_access_pred(ir, stmt);
    return true;
  case TC_OP_if:
    *cond = tc_input(ir, op, 0);
    return tc_block_at(ir, tc_child(ir, op, 1))->ops.n == 0;
  case TC_OP_load:
  case TC_OP_alloc:
  case TC_OP_eval:
  case TC_OP_assume:
  case TC_OP_hint:
    *effect = false;
    return true;
  default:
    return false;
  }
}

static bool contains(const tc_value_vec *v, tc_value x) {
  for (uint32_t i = 0; i < v->n; i++)
    if (v->at[i].id == x.id) return true;
  return false;
}

static void keep_common(tc_value_vec *all, const tc_value_vec *some) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < all->n; i++)
    if (contains(some, all->at[i])) all->at[n++] = all->at[i];
  all->n = n;
}

/* The conditions that every effect of an iteration has in common. */
static void find_needed(tc_nest *n) {
  tc_cemit *e = n->c->e;
  const tc_block *block = tc_block_at(e->ir, n->body);
  bool any = false;
  for (uint32_t i = 0; i < block->ops.n; i++) {
    tc_value cond = {0};
    bool effect;
    tc_value_vec parts = {0};
    if (!condition_of(e->ir, block->ops.at[i], &cond, &effect)) {
      n->needed.n = 0;
      return;
    }
    if (!effect) continue;
    tc_ce_conjuncts(e, cond, &parts);
    if (any)
      keep_common(&n->needed, &parts);
    else
      n->needed = parts;
    any = true;
  }
}

bool tc_nest_is_placed(const tc_nest *n, tc_value v) {
  uint32_t where;
  return tc_map_get(&n->inside, v.id, &where) && where == 1;
}

void tc_nest_analyse(tc_nest *n) {
  for (uint32_t k = 0; k < n->p->n; k++)
    n->var[k] = tc_var_value(n->c->e->ir, n->p->vars[k]);
  note_placed(n);
  tc_walk(n->c->e->ir, n->body, note_statement, n);
  n->plain_but_atomics = n->plain;
  if (n->atomics.n) n->plain = false;
  choose_order(n);
  find_needed(n);
}
