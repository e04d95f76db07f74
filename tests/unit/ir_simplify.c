/* Constructors fold and reorder; what they build must be what was asked for. Random expressions of
 * every type are evaluated twice, as they were written and as they were built, at points that hold
 * the special values of their types. Poison may be folded away; it must not appear. */
#include "text_kit.h"

#include "ir/build.h"
#include "ir/scalar.h"

#include <math.h>

enum { N_VARS = 4, N_POINTS = 24, MAX_NODES = 64 };

/* An expression as it was written. */
struct node {
  enum tc_opcode op; /* TC_OP_const, TC_OP_var, ... */
  enum tc_mathfn fn;
  tc_type type;
  const struct node *in[3];
  uint32_t n_in, var;
  tc_imm x;
};

struct world {
  struct text_kit *k;
  tc_ir *ir;
  uint64_t seed;
  tc_type type[N_VARS];
  tc_var var[N_VARS];
  tc_imm at[N_VARS]; /* the point being looked at */
};

static uint32_t roll(struct world *w, uint32_t below) {
  return text_random(&w->seed, below);
}

/* ---- writing expressions ---- */

static const enum tc_dtype TYPES[] = {
#define DTYPE(name, ...) TC_DT_##name,
#include "ir/dtypes.def"
#undef DTYPE
};

static tc_type random_type(struct world *w) {
  for (;;) {
    enum tc_dtype dtype = TYPES[roll(w, TC_COUNT(TYPES))];
    if (roll(w, 3) == 0) dtype = roll(w, 2) ? TC_DT_int32 : TC_DT_float32;
    if (dtype != TC_DT_void && dtype != TC_DT_handle && dtype != TC_DT_slice)
      return tc_scalar_type(dtype);
  }
}

static tc_imm random_number(struct world *w, tc_type type) {
  static const double FLOATS[] = {0, -0.0, 1, -1, 0.5, 2, -3, 1e-40, 3e38, 65504, 448, -1e-7};
  static const int64_t INTS[] = {0, 1, -1, 2, 3, 7, 8, -8, 31, 64, 100, INT32_MAX, INT32_MIN};
  uint32_t what = roll(w, 4);
  if (what == 0) return tc_is_float(type) ? tc_imm_float(type, 1) : tc_imm_int(type, 1);
  if (what == 1 && tc_is_float(type)) return tc_imm_float(type, FLOATS[roll(w, TC_COUNT(FLOATS))]);
  if (what == 1) return tc_imm_int(type, INTS[roll(w, TC_COUNT(INTS))]);
  uint64_t bits = (uint64_t)roll(w, UINT32_MAX) << 32 | roll(w, UINT32_MAX);
  if (tc_is_float(type)) return tc_imm_from_bits(type, bits);
  return tc_imm_int(type, (int64_t)(what == 2 ? bits : bits % 5));
}

static struct node *new_node(struct world *w, enum tc_opcode op, tc_type type) {
  struct node *n = TC_NEW(&w->k->arena, struct node);
  n->op = op;
  n->type = type;
  return n;
}

static const struct node *make(struct world *w, tc_type type, uint32_t depth);

static const struct node *leaf(struct world *w, tc_type type) {
  struct node *n;
  uint32_t v = roll(w, N_VARS);
  if (roll(w, 3) == 0) {
    n = new_node(w, TC_OP_const, type);
    n->x = random_number(w, type);
    return n;
  }
  struct node *var = new_node(w, TC_OP_var, w->type[v]);
  var->var = v;
  if (tc_type_equal(type, w->type[v])) return var;
  n = new_node(w, TC_OP_cast, type);
  n->in[0] = var;
  n->n_in = 1;
  return n;
}

static const struct node *with(struct world *w, enum tc_opcode op, tc_type type, tc_type operand,
                               uint32_t n_in, uint32_t depth) {
  struct node *n = new_node(w, op, type);
  n->n_in = n_in;
  for (uint32_t i = 0; i < n_in; i++)
    n->in[i] = make(w, operand, depth - 1);
  /* Equal operands, and constants on one side, are what foldings look for. */
  if (n_in == 2 && roll(w, 8) == 0) n->in[1] = n->in[0];
  if (n_in == 2 && roll(w, 4) == 0) n->in[roll(w, 2)] = leaf(w, operand);
  return n;
}

static const struct node *make_bool(struct world *w, uint32_t depth) {
  static const enum tc_opcode COMPARE[] = {TC_OP_eq, TC_OP_ne, TC_OP_lt, TC_OP_le};
  static const enum tc_opcode JOIN[] = {TC_OP_and, TC_OP_or, TC_OP_xor, TC_OP_eq, TC_OP_ne};
  tc_type type = tc_scalar_type(TC_DT_bool);
  if (roll(w, 3) == 0) return with(w, JOIN[roll(w, 5)], type, type, 2, depth);
  if (roll(w, 5) == 0) return with(w, TC_OP_not, type, type, 1, depth);
  tc_type operand = random_type(w);
  return with(w, COMPARE[roll(w, tc_is_bool(operand) ? 2 : 4)], type, operand, 2, depth);
}

/* A function of the type's kind with a result of that type. */
static const struct node *make_math(struct world *w, tc_type type, uint32_t depth) {
  static const enum tc_mathfn FNS[] = {TC_MATH_sqrt,  TC_MATH_floor, TC_MATH_ceil,
                                       TC_MATH_trunc, TC_MATH_round, TC_MATH_fmod,
                                       TC_MATH_exp,   TC_MATH_fma,   TC_MATH_copysign};
  enum tc_mathfn fn = FNS[roll(w, TC_COUNT(FNS))];
  uint32_t arity = tc_math_row(fn)->arity;
  struct node *n = new_node(w, TC_OP_math, type);
  n->fn = fn;
  n->n_in = arity;
  for (uint32_t i = 0; i < arity; i++)
    n->in[i] = make(w, type, depth - 1);
  return n;
}

static const struct node *make_number(struct world *w, tc_type type, uint32_t depth) {
  static const enum tc_opcode INTS[] = {
      TC_OP_add,      TC_OP_sub,      TC_OP_mul, TC_OP_floordiv, TC_OP_floormod,
      TC_OP_truncdiv, TC_OP_truncmod, TC_OP_min, TC_OP_max,      TC_OP_and,
      TC_OP_or,       TC_OP_xor,      TC_OP_shl, TC_OP_shr};
  static const enum tc_opcode FLOATS[] = {TC_OP_add, TC_OP_sub, TC_OP_mul,
                                          TC_OP_div, TC_OP_min, TC_OP_max};
  uint32_t what = roll(w, 8);
  bool is_float = tc_is_float(type);
  if (what == 0) return with(w, TC_OP_neg, type, type, 1, depth);
  if (what == 1)
    return with(w, is_float || roll(w, 2) ? TC_OP_abs : TC_OP_not, type, type, 1, depth);
  if (what == 2 && is_float) return make_math(w, type, depth);
  enum tc_opcode op = is_float ? FLOATS[roll(w, TC_COUNT(FLOATS))] : INTS[roll(w, TC_COUNT(INTS))];
  return with(w, op, type, type, 2, depth);
}

static const struct node *make(struct world *w, tc_type type, uint32_t depth) {
  if (depth == 0) return leaf(w, type);
  uint32_t what = roll(w, 6);
  if (what == 0) {
    tc_type from = random_type(w);
    bool same = tc_type_bits(from) == tc_type_bits(type) && !tc_is_bool(from) && !tc_is_bool(type);
    return with(w, same && roll(w, 2) ? TC_OP_reinterpret : TC_OP_cast, type, from, 1, depth);
  }
  if (what == 1) {
    struct node *n = new_node(w, TC_OP_select, type);
    n->n_in = 3;
    n->in[0] = make(w, tc_scalar_type(TC_DT_bool), depth - 1);
    n->in[1] = make(w, type, depth - 1);
    n->in[2] = roll(w, 6) ? make(w, type, depth - 1) : n->in[1];
    return n;
  }
  return tc_is_bool(type) ? make_bool(w, depth) : make_number(w, type, depth);
}

/* ---- as written ---- */

static tc_scalar evaluate(enum tc_opcode op, enum tc_mathfn fn, tc_type from, tc_type to,
                          const tc_scalar *in) {
  switch ((int)op) {
  case TC_OP_select:
    return in[0].poison ? in[0] : in[0].x.i ? in[1] : in[2];
  case TC_OP_cast:
    return tc_type_equal(from, to) ? in[0] : tc_scalar_cast(from, to, in[0]);
  case TC_OP_reinterpret:
    /* Which bits a NaN has is open. */
    if (tc_is_float(from) && isnan(in[0].x.f)) return (tc_scalar){.poison = true};
    return tc_type_equal(from, to) ? in[0] : tc_scalar_reinterpret(from, to, in[0]);
  case TC_OP_math:
    /* And so is its sign. */
    if (fn == TC_MATH_copysign && isnan(in[1].x.f)) return (tc_scalar){.poison = true};
    return tc_scalar_math(fn, from, in);
  case TC_OP_neg:
  case TC_OP_abs:
  case TC_OP_not:
    return tc_scalar_unary(op, from, in[0]);
  default:
    return tc_scalar_binary(op, from, in[0], in[1]);
  }
}

static tc_scalar as_written(const struct world *w, const struct node *n) {
  tc_scalar in[3];
  if (n->op == TC_OP_const) return (tc_scalar){.x = n->x};
  if (n->op == TC_OP_var) return (tc_scalar){.x = w->at[n->var]};
  for (uint32_t i = 0; i < n->n_in; i++)
    in[i] = as_written(w, n->in[i]);
  return evaluate(n->op, n->fn, n->in[0]->type, n->type, in);
}

/* ---- as built ---- */

static tc_value build(struct world *w, const struct node *n) {
  tc_value in[3];
  for (uint32_t i = 0; i < n->n_in; i++)
    in[i] = build(w, n->in[i]);
  switch ((int)n->op) {
  case TC_OP_const:
    if (tc_is_float(n->type)) return tc_const_float(w->ir, n->type, n->x.f);
    return tc_const_int(w->ir, n->type, n->x.i);
  case TC_OP_var:
    return tc_var_value(w->ir, w->var[n->var]);
  case TC_OP_select:
    return tc_select(w->ir, in[0], in[1], in[2]);
  case TC_OP_cast:
    return tc_cast(w->ir, in[0], n->type);
  case TC_OP_reinterpret:
    return tc_reinterpret(w->ir, in[0], n->type);
  case TC_OP_math:
    return tc_math(w->ir, n->fn, in, n->n_in);
  case TC_OP_neg:
  case TC_OP_abs:
  case TC_OP_not:
    return tc_unary(w->ir, n->op, in[0]);
  default:
    return tc_binary(w->ir, n->op, in[0], in[1]);
  }
}

static tc_scalar as_built(const struct world *w, tc_value v) {
  const tc_op *op = tc_op_at(w->ir, v);
  tc_scalar in[3];
  if (op->opcode == TC_OP_const) return (tc_scalar){.x = w->ir->imms.at[op->payload]};
  if (op->opcode == TC_OP_var) {
    uint32_t i = 0;
    while (w->var[i].id != op->payload)
      i++;
    return (tc_scalar){.x = w->at[i]};
  }
  for (uint32_t i = 0; i < op->n_in; i++)
    in[i] = as_built(w, tc_input(w->ir, op, i));
  return evaluate((enum tc_opcode)op->opcode, (enum tc_mathfn)op->payload,
                  tc_value_type(w->ir, tc_input(w->ir, op, 0)), op->type, in);
}

/* ---- comparing ---- */

static void print_written(struct world *w, const struct node *n) {
  if (n->op == TC_OP_const)
    printf("0x%" PRIx64, tc_imm_to_bits(n->type, n->x));
  else if (n->op == TC_OP_var)
    printf("%c=0x%" PRIx64, 'a' + (char)n->var, tc_imm_to_bits(n->type, w->at[n->var]));
  else
    printf("%s", n->op == TC_OP_math ? tc_math_row(n->fn)->name : tc_op_row(n->op)->name);
  printf(":%s", tc_type_name(&w->k->arena, n->type));
  for (uint32_t i = 0; i < n->n_in; i++) {
    printf(i ? ", " : "(");
    print_written(w, n->in[i]);
  }
  if (n->n_in) printf(")");
}

static void show(struct world *w, const struct node *n, tc_value v) {
  print_written(w, n);
  printf("\n");
  tc_stmt(w->ir, w->ir->body, TC_OP_eval, tc_scalar_type(TC_DT_void), &v, 1, 0, (tc_span){0});
  printf("%s", text_print(w->k, w->ir));
}

static void one_expression(struct world *w) {
  tc_type type = random_type(w);
  const struct node *n = make(w, type, 1 + roll(w, 4));
  tc_value v = build(w, n);
  if (!text_check(w->k, tc_type_equal(tc_value_type(w->ir, v), type), "another type"))
    show(w, n, v);
  for (uint32_t i = 0; i < N_POINTS; i++) {
    for (uint32_t k = 0; k < N_VARS; k++)
      w->at[k] = random_number(w, w->type[k]);
    tc_scalar want = as_written(w, n), got = as_built(w, v);
    if (want.poison) continue;
    if (!text_check(w->k, !got.poison && tc_imm_equal(type, want.x, got.x), "another value")) {
      printf("%s: %g (%" PRId64 "), built: %g (%" PRId64 ")%s\n", tc_type_name(&w->k->arena, type),
             want.x.f, want.x.i, got.x.f, got.x.i, got.poison ? ", poison" : "");
      show(w, n, v);
      return;
    }
  }
}

static void random_expressions(struct text_kit *k) {
  static const char *const NAMES[N_VARS] = {"a", "b", "c", "d"};
  for (uint32_t i = 0; i < 8000 && k->n_failed < 5; i++) {
    tc_arena_mark mark = tc_arena_here(&k->arena);
    struct world w = {.k = k, .seed = i * UINT64_C(0x9e3779b9) + 7};
    w.ir = tc_ir_new(&k->arena, k->diags, tc_names_new(&k->arena));
    for (uint32_t v = 0; v < N_VARS; v++) {
      w.type[v] = random_type(&w);
      w.var[v] = tc_var_new(w.ir, NAMES[v], TC_VAR_LOOP, w.type[v], (tc_span){0});
    }
    for (uint32_t e = 0; e < 3; e++)
      one_expression(&w);
    tc_arena_rewind(&k->arena, mark);
  }
}

int main(void) {
  struct text_kit totals = {0};
  TEXT_CASE(&totals, random_expressions);
  return text_report(&totals, "ir_simplify");
}
