/* Functions that a C compiler makes poor vector code of: the machine has an instruction for part of
 * them that no C expression leads to. Where the innermost loop calls one, it is cut into chunks of
 * 64 iterations. The arguments of a chunk are computed first, the function is applied to all of
 * them at once, and then the body runs with the results.
 *
 *   for j: s[j] = exp2(s[j] - m)     ->     for each chunk:  for l < 64: x[l] = s[first + l] - m
 *                                                            tc_lanes_exp2(x, 64)
 *                                                            for l < 64: s[first + l] = x[l]
 *
 * What an argument needs is computed twice, as far as the C compiler does not see that the second
 * time is for nothing. Results are the bits of the function itself. */
#include "target/cpu/nest.h"

enum { FEWEST = 16 }; /* iterations: a vector */

static const char *const functions[TC_MATH_COUNT] = {
    [TC_MATH_exp2] = "tc_lanes_exp2",
    [TC_MATH_exp] = "tc_lanes_exp",
};

static const char *function_of(const tc_op *op) {
  bool single = op->opcode == TC_OP_math && op->type.dtype == TC_DT_float32 && op->type.lanes == 1;
  return single ? functions[op->payload] : NULL;
}

/* ---- which ---- */

/* Loads and stores only, that nothing orders: the body may be begun for many iterations before it
 * is ended for one. `n_loads`: those that stand before the first store. */
static bool is_straight(tc_nest *n, uint32_t *n_loads) {
  tc_ir *ir = n->c->e->ir;
  const tc_block *block = tc_block_at(ir, n->body);
  *n_loads = block->ops.n;
  for (uint32_t i = 0; i < block->ops.n; i++) {
    tc_value stmt = block->ops.at[i];
    bool load = tc_is(ir, stmt, TC_OP_load);
    if (!load && !tc_is(ir, stmt, TC_OP_store)) return false;
    if (tc_access_of(ir, stmt)->order != TC_ORDER_NONE) return false;
    if (!load && *n_loads > i) *n_loads = i;
  }
  return true;
}

/* The value can be computed before the body is run: from loads before the first store. */
static bool is_early(tc_nest *n, tc_value v, uint32_t n_loads) {
  tc_cemit *e = n->c->e;
  const tc_op *op = tc_op_at(e->ir, v);
  if (e->defined[v.id] || !tc_nest_is_placed(n, v)) return true;
  if (op->opcode == TC_OP_load) {
    const tc_block *block = tc_block_at(e->ir, n->body);
    uint32_t i = 0;
    while (i < n_loads && block->ops.at[i].id != v.id)
      i++;
    if (i == n_loads) return false;
  } else if (!tc_op_is_pure(op) || function_of(op)) {
    return false; /* in lanes itself, or it could be */
  }
  for (uint32_t i = 0; i < op->n_in; i++)
    if (!is_early(n, tc_input(e->ir, op, i), n_loads)) return false;
  return true;
}

static void note_call(tc_nest *n, tc_value v, uint32_t n_loads) {
  tc_cemit *e = n->c->e;
  const tc_op *op = tc_op_at(e->ir, v);
  if (e->defined[v.id] || !function_of(op)) return;
  if (is_early(n, tc_input(e->ir, op, 0), n_loads)) tc_vec_push(e->arena, &n->calls, v);
}

bool tc_nest_find_calls(tc_nest *n) {
  tc_cemit *e = n->c->e;
  const tc_block *block = tc_block_at(e->ir, n->body);
  tc_value extent = tc_input(e->ir, tc_op_at(e->ir, n->stmt), tc_nest_inner(n));
  uint32_t n_loads;
  n->calls.n = 0;
  if (n->c->isa->vector_b != 64 || !n->plain || n->atomics.n || n->phases) return false;
  if (tc_range_of(&e->ranges, extent).hi < FEWEST || n->privates.n || !is_straight(n, &n_loads))
    return false;
  for (uint32_t i = 0; i < block->ops.n; i++) {
    uint32_t first, count = tc_placed_before(&e->placed, n->body, i, &first);
    for (uint32_t k = 0; k < count; k++)
      note_call(n, e->placed.at[first + k].value, n_loads);
  }
  return n->calls.n > 0;
}

/* ---- printing ---- */

static void define(tc_nest *n, tc_value v, tc_value_vec *done) {
  tc_cemit *e = n->c->e;
  if (e->defined[v.id] || !tc_nest_is_placed(n, v)) return;
  const tc_op *op = tc_op_at(e->ir, v);
  for (uint32_t i = 0; i < op->n_in; i++)
    define(n, tc_input(e->ir, op, i), done);
  if (tc_op_is_pure(op))
    tc_ce_define(e, v);
  else
    tc_ce_statement(e, v);
  e->defined[v.id] = true;
  tc_vec_push(e->arena, done, v);
}

static const char *place_of(tc_nest *n, uint32_t i, const char *lane) {
  return tc_ce_text(n->c->e, "calls_%u[%s]", n->calls.at[i].id, lane);
}

static void print_arguments(tc_nest *n, const char *lane) {
  tc_cemit *e = n->c->e;
  tc_value_vec done = {0};
  for (uint32_t i = 0; i < n->calls.n; i++) {
    tc_value x = tc_input(e->ir, tc_op_at(e->ir, n->calls.at[i]), 0);
    define(n, x, &done);
    tc_cw_line(&e->w, "%s = %s;", place_of(n, i, lane), tc_ce_ref(e, x, 0));
  }
  for (uint32_t i = 0; i < done.n; i++)
    e->defined[done.at[i].id] = false;
}

static void open_lanes(tc_nest *n, const char *lane, const char *count) {
  tc_cemit *e = n->c->e;
  const char *name = e->var_wide[n->p->vars[tc_nest_inner(n)].id];
  tc_cw_prefix(&e->w, e->target->independent);
  tc_cw_open(&e->w, "for (tc_i64 %s = 0; %s < %s; %s++)", lane, lane, count, lane);
  tc_cw_line(&e->w, "const tc_i64 %s = first_%s + %s;", name, name, lane);
}

/* The results take the place of the calls. */
static void name_results(tc_nest *n, const char *lane) {
  tc_cemit *e = n->c->e;
  for (uint32_t i = 0; i < n->calls.n; i++) {
    tc_value call = n->calls.at[i];
    e->defined[call.id] = lane != NULL;
    e->aliases[call.id] = lane ? place_of(n, i, lane) : NULL;
  }
}

void tc_nest_calling_loop(tc_nest *n, const char *lo, const char *hi, bool whole,
                          void (*print_body)(tc_nest *n)) {
  tc_cemit *e = n->c->e;
  const char *name = e->var_wide[n->p->vars[tc_nest_inner(n)].id];
  const char *lane = tc_ce_text(e, "lane_%s", name), *first = tc_ce_text(e, "first_%s", name);
  const char *count = tc_ce_text(e, "%d", TC_CALL_LANES);
  for (uint32_t i = 0; i < n->calls.n; i++)
    tc_cw_line(&e->w, "float %s = {0};", place_of(n, i, count));
  tc_cw_open(&e->w, "for (tc_i64 %s = %s; %s < %s; %s += %d)", first, lo, first, hi, first,
             TC_CALL_LANES);
  if (!whole) count = tc_cw_temp(&e->w, "tc_i64", "tc_min64(%s, %s - %s)", count, hi, first);
  open_lanes(n, lane, count);
  print_arguments(n, lane);
  tc_cw_close(&e->w);
  for (uint32_t i = 0; i < n->calls.n; i++)
    tc_cw_line(&e->w, "%s(calls_%u, %s);", function_of(tc_op_at(e->ir, n->calls.at[i])),
               n->calls.at[i].id, count);
  open_lanes(n, lane, count);
  name_results(n, lane);
  print_body(n);
  name_results(n, NULL);
  tc_cw_close(&e->w);
  tc_cw_close(&e->w);
}
