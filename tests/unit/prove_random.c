/* Soundness: thousands of random functions of a few variables with small ranges, some of them next
 * to the ends of their types. Whatever the prover claims is compared with the values that
 * ir/scalar.h gives at every point that satisfies what was assumed. */
#include "text_kit.h"

#include "ir/build.h"
#include "ir/scalar.h"
#include "prove/prove_private.h"

enum { N_VARS = 3, MAX_POINTS = 512, MAX_VALUES = 4000 };

struct world {
  struct text_kit *k;
  tc_ir *ir;
  tc_prover *p;
  uint64_t seed;
  tc_var vars[N_VARS];
  int64_t lo[N_VARS], n[N_VARS];
  int64_t at[N_VARS]; /* the point being looked at */
  tc_values conditions;
  uint32_t case_number;
};

static uint32_t roll(struct world *w, uint32_t below) {
  return text_random(&w->seed, below);
}

/* ---- making expressions ---- */

static const enum tc_dtype INTS[] = {TC_DT_int32, TC_DT_int32,  TC_DT_int32,
                                     TC_DT_int64, TC_DT_int8,   TC_DT_uint8,
                                     TC_DT_int16, TC_DT_uint32, TC_DT_uint64};

static tc_value make_int(struct world *w, tc_type type, uint32_t depth);

static tc_value make_const(struct world *w, tc_type type) {
  static const int64_t POOL[] = {0,  1,  2,     3,         4,         5,         7,        8,
                                 12, 16, 31,    64,        100,       127,       -1,       -2,
                                 -4, -7, 65536, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
  uint32_t small = roll(w, 4) ? 14 : (uint32_t)TC_COUNT(POOL);
  return tc_const_int(w->ir, type, POOL[roll(w, small)]);
}

static tc_value make_leaf(struct world *w, tc_type type) {
  if (roll(w, 3) == 0) return make_const(w, type);
  return tc_cast(w->ir, tc_var_value(w->ir, w->vars[roll(w, N_VARS)]), type);
}

static tc_value make_bool(struct world *w, uint32_t depth) {
  static const enum tc_opcode COMPARE[] = {TC_OP_lt, TC_OP_le, TC_OP_eq, TC_OP_ne};
  static const enum tc_opcode JOIN[] = {TC_OP_and, TC_OP_or, TC_OP_xor, TC_OP_eq};
  uint32_t what = roll(w, 10);
  if (depth > 0 && what == 0)
    return tc_binary(w->ir, JOIN[roll(w, 4)], make_bool(w, depth - 1), make_bool(w, depth - 1));
  if (depth > 0 && what == 1) return tc_unary(w->ir, TC_OP_not, make_bool(w, depth - 1));
  if (depth > 1 && what == 2)
    return tc_select(w->ir, make_bool(w, 0), make_bool(w, depth - 1), make_bool(w, depth - 1));
  tc_type type = tc_scalar_type(INTS[roll(w, TC_COUNT(INTS))]);
  tc_value a = make_int(w, type, depth);
  return tc_binary(w->ir, COMPARE[roll(w, 4)], a, make_int(w, type, roll(w, depth + 1)));
}

static tc_value make_int(struct world *w, tc_type type, uint32_t depth) {
  static const enum tc_opcode OPS[] = {
      TC_OP_add,      TC_OP_add,      TC_OP_sub,      TC_OP_mul,      TC_OP_mul,
      TC_OP_floordiv, TC_OP_floordiv, TC_OP_floormod, TC_OP_floormod, TC_OP_truncdiv,
      TC_OP_truncmod, TC_OP_min,      TC_OP_max,      TC_OP_and,      TC_OP_or,
      TC_OP_xor,      TC_OP_shl,      TC_OP_shr};
  if (depth == 0) return make_leaf(w, type);
  uint32_t what = roll(w, 16);
  if (what == 0) return tc_unary(w->ir, TC_OP_neg, make_int(w, type, depth - 1));
  if (what == 1) return tc_unary(w->ir, TC_OP_abs, make_int(w, type, depth - 1));
  if (what == 2) return tc_unary(w->ir, TC_OP_not, make_int(w, type, depth - 1));
  if (what == 3) {
    tc_type from = tc_scalar_type(INTS[roll(w, TC_COUNT(INTS))]);
    return tc_cast(w->ir, make_int(w, from, depth - 1), type);
  }
  if (what == 4)
    return tc_select(w->ir, make_bool(w, 1), make_int(w, type, depth - 1),
                     make_int(w, type, depth - 1));
  if (what == 5) return tc_cast(w->ir, make_bool(w, depth - 1), type);
  enum tc_opcode op = OPS[roll(w, TC_COUNT(OPS))];
  tc_value a = make_int(w, type, depth - 1);
  bool constant = op != TC_OP_add && op != TC_OP_sub && roll(w, 3);
  tc_value b = constant ? make_const(w, type) : make_int(w, type, depth - 1);
  return tc_binary(w->ir, op, a, b);
}

/* ---- what it really is ---- */

static tc_scalar value_at(const struct world *w, tc_value v) {
  const tc_op *op = tc_op_at(w->ir, v);
  enum tc_opcode opcode = (enum tc_opcode)op->opcode;
  tc_scalar in[3] = {{.poison = true}, {.poison = true}, {.poison = true}};
  if (opcode == TC_OP_const) return (tc_scalar){w->ir->imms.at[op->payload], false};
  if (opcode == TC_OP_var) {
    for (uint32_t i = 0; i < N_VARS; i++)
      if (w->vars[i].id == op->payload) return (tc_scalar){.x.i = w->at[i]};
    return in[0];
  }
  tc_type type = tc_value_type(w->ir, tc_input(w->ir, op, 0));
  for (uint32_t i = 0; i < op->n_in; i++)
    in[i] = value_at(w, tc_input(w->ir, op, i));
  if (opcode >= TC_OP_add && opcode <= TC_OP_le)
    return tc_scalar_binary(opcode, type, in[0], in[1]);
  if (opcode == TC_OP_select) return in[0].poison ? in[0] : in[0].x.i ? in[1] : in[2];
  if (opcode == TC_OP_cast) return tc_scalar_cast(type, op->type, in[0]);
  return tc_scalar_unary(opcode, op->type, in[0]);
}

static bool is_inside(const struct world *w) {
  for (uint32_t i = 0; i < w->conditions.n; i++) {
    tc_scalar c = value_at(w, w->conditions.at[i]);
    if (c.poison || !c.x.i) return false;
  }
  return true;
}

static bool next_point(struct world *w, bool first) {
  if (first) {
    for (uint32_t i = 0; i < N_VARS; i++)
      w->at[i] = w->lo[i];
    return true;
  }
  for (uint32_t i = N_VARS; i-- > 0;) {
    if (w->at[i] + 1 < w->lo[i] + w->n[i]) return w->at[i]++, true;
    w->at[i] = w->lo[i];
  }
  return false;
}

/* ---- comparing ---- */

static void wrong(struct world *w, const char *what, tc_value v, int64_t x) {
  tc_ir *ir = w->ir;
  text_check(w->k, false,
             tc_format(&w->k->arena,
                       "case %u: %s: value %u is %" PRId64 " at (%" PRId64 ", %" PRId64 ", %" PRId64
                       ")",
                       w->case_number, what, v.id, x, w->at[0], w->at[1], w->at[2]));
  tc_stmt(ir, ir->body, TC_OP_eval, tc_scalar_type(TC_DT_void), &v, 1, 0, (tc_span){0});
  for (uint32_t i = 0; i < w->conditions.n; i++)
    tc_stmt(ir, ir->body, TC_OP_assume, tc_scalar_type(TC_DT_void), &w->conditions.at[i], 1, 0,
            (tc_span){0});
  printf("%s", text_print(w->k, ir));
}

static bool affine_agrees(const struct world *w, const tc_affine *a, int64_t x) {
  uint64_t sum = (uint64_t)a->constant;
  for (uint32_t i = 0; i < a->n; i++) {
    tc_scalar leaf = value_at(w, a->leaf[i]);
    if (leaf.poison) return true;
    sum += (uint64_t)a->by[i] * (uint64_t)leaf.x.i;
  }
  return sum == (uint64_t)x;
}

static bool fact_agrees(const tc_fact *f, tc_type type, int64_t x) {
  if (x < f->range.lo || x > f->range.hi) return false;
  if (((uint64_t)x & f->zeros) || (~(uint64_t)x & f->ones)) return false;
  if (type.dtype == TC_DT_uint64 && x < 0) return f->modulus == 1;
  if (f->modulus == 0) return x == f->residue;
  int64_t rest = x % f->modulus;
  return (rest < 0 ? rest + f->modulus : rest) == f->residue;
}

/* Facts and linear forms of every int and bool below `v`, at the current point. */
static bool compare_value(struct world *w, tc_value v) {
  const tc_op *op = tc_op_at(w->ir, v);
  for (uint32_t i = 0; i < op->n_in; i++)
    if (!compare_value(w, tc_input(w->ir, op, i))) return false;
  tc_scalar x = value_at(w, v);
  if (x.poison) return true;
  w->k->n_passed++;
  if (!fact_agrees(tc_fact_of(w->p, v), op->type, x.x.i)) return wrong(w, "fact", v, x.x.i), false;
  tc_affine a = tc_affine_of(w->p, v);
  if (!affine_agrees(w, &a, x.x.i)) return wrong(w, "linear form", v, x.x.i), false;
  return true;
}

static void compare(struct world *w, tc_value fact) {
  tc_model model;
  enum tc_proof facts = tc_decide(w->p, fact, 64);
  enum tc_proof all = tc_prove(w->p, TC_PROVE_facts, fact, &model);
  uint64_t n_inside = 0, n_true = 0;
  for (bool more = next_point(w, true); more; more = next_point(w, false)) {
    if (!is_inside(w)) continue;
    if (!compare_value(w, fact)) return;
    tc_scalar x = value_at(w, fact);
    bool yes = x.poison || x.x.i;
    n_inside++;
    n_true += !x.poison && x.x.i;
    if (!yes && facts == TC_PROVED) wrong(w, "facts prove", fact, 0);
    if (!yes && all == TC_PROVED) wrong(w, "finite proves", fact, 0);
    if (x.poison || !x.x.i || facts != TC_REFUTED) continue;
    wrong(w, "facts refute", fact, 1);
  }
  if (all == TC_REFUTED) {
    for (uint32_t k = 0; k < N_VARS; k++)
      w->at[k] = w->lo[k];
    for (uint32_t i = 0; i < model.n; i++)
      for (uint32_t k = 0; k < N_VARS; k++)
        if (model.var[i].id == w->vars[k].id) w->at[k] = model.x[i];
    tc_scalar x = value_at(w, fact);
    if (x.poison || x.x.i) wrong(w, "a model", fact, x.x.i);
  }
  uint64_t counted;
  if (n_inside && w->conditions.n == 0 && tc_prove_count(w->p, TC_PROVE_facts, fact, &counted)) {
    /* Variables that do not occur multiply nothing. */
    if (counted == 0 ? n_true != 0 : n_true % counted != 0)
      wrong(w, "count", fact, (int64_t)counted);
  }
}

/* ---- one case ---- */

static void bind_variables(struct world *w) {
  static const int64_t STARTS[] = {0, 0, 0, 0, 1, -3, 10, 126, 1000, INT32_MAX - 8, INT32_MIN};
  static const char *const NAMES[] = {"i", "j", "k"};
  tc_type type = tc_scalar_type(TC_DT_int32);
  for (uint32_t v = 0; v < N_VARS; v++) {
    w->vars[v] = tc_var_new(w->ir, NAMES[v], TC_VAR_LOOP, type, (tc_span){0});
    w->lo[v] = STARTS[roll(w, TC_COUNT(STARTS))];
    w->n[v] = 1 + roll(w, 8);
    tc_value lo = tc_const_int(w->ir, type, w->lo[v]);
    tc_value hi = tc_const_int(w->ir, type, w->lo[v] + w->n[v]);
    tc_prove_bind(w->p, w->vars[v], lo, hi);
    /* A bound that depends on the variables before. */
    if (v == 0 || roll(w, 3)) continue;
    tc_value bound = tc_cast(w->ir, tc_var_value(w->ir, w->vars[v - 1]), type);
    if (roll(w, 2)) bound = tc_binary(w->ir, TC_OP_floordiv, bound, tc_i32(w->ir, 2));
    bound = tc_binary(w->ir, TC_OP_add, bound, tc_i32(w->ir, (int64_t)roll(w, 6) - 1));
    tc_prove_bind(w->p, w->vars[v], (tc_value){0}, bound);
    tc_value below = tc_binary(w->ir, TC_OP_lt, tc_var_value(w->ir, w->vars[v]), bound);
    tc_vec_push(&w->k->arena, &w->conditions, below);
  }
}

static void one_case(struct text_kit *k, uint32_t number) {
  struct world w = {.k = k, .case_number = number, .seed = number * UINT64_C(0x9e3779b9) + 1};
  tc_prove_options options = {.budget = 1 << 20};
  w.ir = tc_ir_new(&k->arena, k->diags, tc_names_new(&k->arena));
  w.p = tc_prover_new(w.ir, &options, NULL, &k->arena);
  tc_prove_push(w.p);
  bind_variables(&w);
  uint32_t n = roll(&w, 3);
  for (uint32_t i = 0; i < n; i++) {
    tc_value condition = make_bool(&w, 1 + roll(&w, 2));
    tc_prove_assume(w.p, condition);
    tc_vec_push(&k->arena, &w.conditions, condition);
  }
  for (uint32_t i = 0; i < 3; i++)
    compare(&w, make_bool(&w, 1 + roll(&w, 3)));
  tc_prove_pop(w.p);
}

static void random_functions(struct text_kit *k) {
  for (uint32_t i = 0; i < 6000; i++) {
    tc_arena_mark mark = tc_arena_here(&k->arena);
    one_case(k, i);
    tc_arena_rewind(&k->arena, mark);
    if (k->n_failed > 10) return;
  }
}

int main(void) {
  struct text_kit totals = {0};
  TEXT_CASE(&totals, random_functions);
  return text_report(&totals, "prove_random");
}
