#include "prove/eval.h"

#include "base/map.h"

#include <stdlib.h>

/* How an op is executed. */
enum path { PATH_GENERIC, PATH_INT, PATH_SELECT, PATH_LEAF, PATH_NAME };

/* a, b, c are the operands' cells; of a named load, e->extra[a .. a + b) are, then its predicate
 * and its else value. Cell 0 stands for no operand. */
typedef struct insn {
  uint16_t op;
  uint8_t path;
  uint8_t shift; /* PATH_INT: 64 - bits of the type */
  tc_type type, to;
  uint32_t a, b, c, out;
  tc_value at;
} insn;

struct tc_eval {
  tc_ir *ir;
  insn *code;      /* sorted by level, operands first */
  uint32_t *first; /* code[first[k] .. first[k + 1]) is level k */
  uint32_t n_levels;
  tc_cell *cells;     /* number 0 is unused */
  uint32_t *var_cell; /* by number of variable; 0: does not occur */
  uint32_t *root, *root_level;
  TC_VEC(uint32_t) extra;
};

/* ---- compiling ---- */

typedef struct node {
  tc_value v;
  uint32_t level, cell;
} node;

typedef struct compiler {
  tc_ir *ir;
  tc_arena *arena;
  const tc_var *vars;
  uint32_t n_vars, flags;
  tc_map number; /* value id -> number in nodes */
  TC_VEC(node) nodes;
  TC_VEC(tc_value) work;
} compiler;

static bool names(const compiler *c, const tc_op *op) {
  return (c->flags & TC_EVAL_NAME_LOADS) && op->opcode == TC_OP_load && op->type.lanes == 1;
}

static bool is_scalar(tc_type type) {
  enum tc_dtype_kind kind = tc_type_kind(type);
  return type.lanes == 1 && kind != TC_K_VOID && kind != TC_K_SLICE;
}

/* Does the program compute it from operands? */
static bool descends(const compiler *c, const tc_op *op) {
  if (names(c, op)) return true;
  if (!tc_op_is_pure(op) || !is_scalar(op->type) || op->opcode == TC_OP_slice) return false;
  for (uint32_t i = 0; i < op->n_in; i++)
    if (!is_scalar(tc_value_type(c->ir, tc_input(c->ir, op, i)))) return false;
  return true;
}

static uint32_t level_of_leaf(const compiler *c, const tc_op *op) {
  if (op->opcode != TC_OP_var || tc_is_float(op->type)) return 0;
  for (uint32_t k = 0; k < c->n_vars; k++)
    if (c->vars[k].id == op->payload) return k + 1;
  return 0;
}

static bool numbered(const compiler *c, tc_value v, uint32_t *n) {
  return tc_map_get(&c->number, v.id, n);
}

/* Operands first, each value once. */
static void collect(compiler *c, tc_value v) {
  uint32_t n;
  tc_vec_push(c->arena, &c->work, v);
  while (c->work.n) {
    tc_value top = c->work.at[c->work.n - 1];
    const tc_op *op = tc_op_at(c->ir, top);
    uint32_t level = level_of_leaf(c, op), pending = c->work.n;
    bool inner = descends(c, op);
    for (uint32_t i = 0; inner && i < op->n_in; i++) {
      tc_value in = tc_input(c->ir, op, i);
      if (!numbered(c, in, &n))
        tc_vec_push(c->arena, &c->work, in);
      else if (c->nodes.at[n].level > level)
        level = c->nodes.at[n].level;
    }
    if (c->work.n > pending) continue;
    c->work.n--;
    if (numbered(c, top, &n)) continue;
    tc_map_put(&c->number, top.id, c->nodes.n);
    node last = {top, level, c->nodes.n + 1};
    tc_vec_push(c->arena, &c->nodes, last);
  }
}

static uint32_t cell_of(const compiler *c, tc_value v) {
  uint32_t n = 0;
  return numbered(c, v, &n) ? c->nodes.at[n].cell : 0;
}

/* Ops that are exact on 64-bit patterns once the result is wrapped to the type. */
static bool is_int_op(const tc_op *op, tc_type type) {
  if (!tc_is_int(type) && !tc_is_bool(type)) return false;
  if (type.dtype == TC_DT_uint64) return false;
  switch (op->opcode) {
  case TC_OP_add:
  case TC_OP_sub:
  case TC_OP_mul:
  case TC_OP_min:
  case TC_OP_max:
  case TC_OP_and:
  case TC_OP_or:
  case TC_OP_xor:
  case TC_OP_eq:
  case TC_OP_ne:
  case TC_OP_lt:
  case TC_OP_le:
  case TC_OP_floordiv:
  case TC_OP_floormod:
    return true;
  default:
    return false;
  }
}

static void translate_load(tc_eval *e, const compiler *c, insn *i) {
  const tc_op *op = tc_op_at(c->ir, i->at);
  tc_value pred = tc_access_pred(c->ir, i->at), other = tc_access_else(c->ir, i->at);
  i->path = PATH_NAME;
  i->a = e->extra.n;
  i->b = tc_buf_at(c->ir, tc_access_buf(c->ir, i->at))->rank;
  for (uint32_t k = 0; k < i->b; k++)
    tc_vec_push(c->arena, &e->extra, cell_of(c, tc_input(c->ir, op, k)));
  tc_vec_push(c->arena, &e->extra, pred.id ? cell_of(c, pred) : 0);
  tc_vec_push(c->arena, &e->extra, other.id ? cell_of(c, other) : 0);
}

static insn translate(tc_eval *e, const compiler *c, const node *n) {
  const tc_op *op = tc_op_at(c->ir, n->v);
  insn i = {.op = op->opcode, .path = PATH_LEAF, .to = op->type, .out = n->cell, .at = n->v};
  if (names(c, op)) {
    translate_load(e, c, &i);
    return i;
  }
  if (!descends(c, op) || op->n_in == 0) return i;
  i.type = tc_value_type(c->ir, tc_input(c->ir, op, 0));
  i.a = cell_of(c, tc_input(c->ir, op, 0));
  if (op->n_in > 1) i.b = cell_of(c, tc_input(c->ir, op, 1));
  if (op->n_in > 2) i.c = cell_of(c, tc_input(c->ir, op, 2));
  i.path = op->opcode == TC_OP_select ? PATH_SELECT
           : is_int_op(op, i.type)    ? PATH_INT
                                      : PATH_GENERIC;
  if (i.path == PATH_INT && !tc_is_bool(i.type)) i.shift = (uint8_t)(64 - tc_type_bits(i.type));
  return i;
}

static void set_leaf(tc_eval *e, const insn *i) {
  const tc_op *op = tc_op_at(e->ir, i->at);
  tc_cell *cell = &e->cells[i->out];
  cell->state = TC_CELL_OPAQUE;
  cell->x.i = (int64_t)tc_hash_u64(i->at.id);
  if (op->opcode != TC_OP_const || op->type.lanes != 1) return;
  cell->state = TC_CELL_KNOWN;
  cell->x = e->ir->imms.at[op->payload];
}

static void place(tc_eval *e, const compiler *c) {
  uint32_t n = 0;
  e->code = TC_NEW_ARRAY(c->arena, c->nodes.n, insn);
  e->first = TC_NEW_ARRAY(c->arena, e->n_levels + 1, uint32_t);
  for (uint32_t level = 0; level < e->n_levels; level++) {
    e->first[level] = n;
    for (uint32_t k = 0; k < c->nodes.n; k++) {
      if (c->nodes.at[k].level != level) continue;
      insn i = translate(e, c, &c->nodes.at[k]);
      bool is_var = i.op == TC_OP_var && level > 0;
      if (is_var) e->var_cell[level - 1] = i.out;
      if (i.path == PATH_LEAF)
        set_leaf(e, &i);
      else
        e->code[n++] = i;
    }
  }
  e->first[e->n_levels] = n;
}

tc_eval *tc_eval_new(tc_ir *ir, tc_arena *arena, const tc_var *vars, uint32_t n_vars,
                     const tc_value *roots, uint32_t n_roots, uint32_t flags) {
  compiler c = {.ir = ir, .arena = arena, .vars = vars, .n_vars = n_vars, .flags = flags};
  c.number = tc_map_in(arena);
  for (uint32_t i = 0; i < n_roots; i++)
    collect(&c, roots[i]);
  tc_eval *e = TC_NEW(arena, tc_eval);
  e->ir = ir;
  e->n_levels = n_vars + 1;
  e->cells = TC_NEW_ARRAY(arena, c.nodes.n + 1, tc_cell);
  e->var_cell = TC_NEW_ARRAY(arena, n_vars, uint32_t);
  place(e, &c);
  e->root = TC_NEW_ARRAY(arena, n_roots, uint32_t);
  e->root_level = TC_NEW_ARRAY(arena, n_roots, uint32_t);
  for (uint32_t i = 0; i < n_roots; i++) {
    uint32_t n = 0;
    numbered(&c, roots[i], &n);
    e->root[i] = c.nodes.at[n].cell;
    e->root_level[i] = c.nodes.at[n].level;
  }
  return e;
}

/* ---- running ---- */

void tc_eval_set(tc_eval *e, uint32_t k, int64_t x) {
  if (e->var_cell[k]) e->cells[e->var_cell[k]] = (tc_cell){.x.i = x};
}

tc_cell tc_eval_root(const tc_eval *e, uint32_t i) {
  return e->cells[e->root[i]];
}

uint32_t tc_eval_level(const tc_eval *e, uint32_t i) {
  return e->root_level[i];
}

uint32_t tc_eval_size(const tc_eval *e, uint32_t level) {
  return e->first[level + 1] - e->first[level];
}

/* Sign- or zero-extends the low bits of a result. */
static int64_t wrapped(const insn *i, uint64_t x) {
  if (i->shift == 0) return (int64_t)x;
  x <<= i->shift;
  if (tc_type_kind(i->to) == TC_K_UINT) return (int64_t)(x >> i->shift);
  uint64_t low = x >> i->shift, sign = UINT64_C(1) << (63 - i->shift);
  return (int64_t)((low ^ sign) - sign);
}

/* False when the divisor needs the general rules. */
static bool divide(const insn *i, int64_t a, int64_t b, int64_t *r) {
  if (b <= 0) return false;
  int64_t rest = a % b, quotient = a / b;
  if (rest < 0) rest += b, quotient--;
  *r = i->op == TC_OP_floordiv ? quotient : rest;
  return true;
}

/* table */
static bool int_op(const insn *i, int64_t a, int64_t b, int64_t *r) {
  switch (i->op) {
  case TC_OP_add:
    *r = wrapped(i, (uint64_t)a + (uint64_t)b);
    return true;
  case TC_OP_sub:
    *r = wrapped(i, (uint64_t)a - (uint64_t)b);
    return true;
  case TC_OP_mul:
    *r = wrapped(i, (uint64_t)a * (uint64_t)b);
    return true;
  case TC_OP_floordiv:
  case TC_OP_floormod:
    return divide(i, a, b, r);
  case TC_OP_min:
    *r = a < b ? a : b;
    return true;
  case TC_OP_max:
    *r = a > b ? a : b;
    return true;
  case TC_OP_and:
    *r = a & b;
    return true;
  case TC_OP_or:
    *r = a | b;
    return true;
  case TC_OP_xor:
    *r = a ^ b;
    return true;
  case TC_OP_eq:
    *r = a == b;
    return true;
  case TC_OP_ne:
    *r = a != b;
    return true;
  case TC_OP_lt:
    *r = a < b;
    return true;
  case TC_OP_le:
    *r = a <= b;
    return true;
  default:
    return false;
  }
}

static uint64_t name_of_cell(const tc_cell *c) {
  return tc_hash_u64((uint64_t)c->x.i ^ (uint64_t)c->state << 62);
}

static tc_cell opaque(uint64_t name) {
  return (tc_cell){.x.i = (int64_t)name, .state = TC_CELL_OPAQUE};
}

/* An op on something unknown: named after the op and its operands. */
static tc_cell unknown_result(const tc_eval *e, const insn *i) {
  uint64_t h =
      (uint64_t)i->op << 32 ^ (uint64_t)i->to.dtype << 24 ^ tc_op_at(e->ir, i->at)->payload;
  const uint32_t in[] = {i->a, i->b, i->c};
  for (int k = 0; k < 3; k++)
    if (in[k]) h = tc_hash_u64(h + (uint64_t)k) ^ name_of_cell(&e->cells[in[k]]);
  return opaque(h);
}

/* false and x is false, true or x is true, whatever x is. */
static bool absorbs(const insn *i, const tc_cell *a) {
  if (!tc_is_bool(i->type) || a->state != TC_CELL_KNOWN) return false;
  return (i->op == TC_OP_and && !a->x.i) || (i->op == TC_OP_or && a->x.i);
}

static tc_cell generic_result(tc_eval *e, const insn *i) {
  const tc_cell *a = &e->cells[i->a];
  tc_scalar x[3] = {{a->x, false}, {e->cells[i->b].x, false}, {e->cells[i->c].x, false}}, r;
  if (i->op >= TC_OP_add && i->op <= TC_OP_le)
    r = tc_scalar_binary((enum tc_opcode)i->op, i->type, x[0], x[1]);
  else if (i->op == TC_OP_neg || i->op == TC_OP_abs || i->op == TC_OP_not)
    r = tc_scalar_unary((enum tc_opcode)i->op, i->type, x[0]);
  else if (i->op == TC_OP_cast)
    r = tc_scalar_cast(i->type, i->to, x[0]);
  else if (i->op == TC_OP_reinterpret)
    r = tc_scalar_reinterpret(i->type, i->to, x[0]);
  else if (i->op == TC_OP_math)
    r = tc_scalar_math((enum tc_mathfn)tc_op_at(e->ir, i->at)->payload, i->type, x);
  else
    return unknown_result(e, i);
  if (r.poison) return (tc_cell){.x.i = i->at.id, .state = TC_CELL_POISON};
  return (tc_cell){.x = r.x};
}

/* A divisor or a shift amount that is poison whatever the other operand is. */
static bool makes_poison(const insn *i, const tc_cell *b) {
  if (b->state != TC_CELL_KNOWN || !tc_is_int(i->type)) return false;
  if (i->op >= TC_OP_floordiv && i->op <= TC_OP_truncmod) return b->x.i == 0;
  return (i->op == TC_OP_shl || i->op == TC_OP_shr) && (uint64_t)b->x.i >= tc_type_bits(i->type);
}

static tc_cell pure_result(tc_eval *e, const insn *i) {
  const tc_cell *a = &e->cells[i->a], *b = &e->cells[i->b], *c = &e->cells[i->c];
  tc_cell r = {.state = TC_CELL_KNOWN};
  if (a->state == TC_CELL_POISON) return *a;
  if (i->b && b->state == TC_CELL_POISON) return *b;
  if (i->c && c->state == TC_CELL_POISON) return *c;
  bool known = a->state == TC_CELL_KNOWN && (!i->b || b->state == TC_CELL_KNOWN)
               && (!i->c || c->state == TC_CELL_KNOWN);
  if (!known) {
    if (i->b && makes_poison(i, b)) return (tc_cell){.x.i = i->at.id, .state = TC_CELL_POISON};
    if (absorbs(i, a)) return *a;
    return i->b && absorbs(i, b) ? *b : unknown_result(e, i);
  }
  if (i->path == PATH_INT && int_op(i, a->x.i, b->x.i, &r.x.i)) return r;
  return generic_result(e, i);
}

static tc_cell select_result(const tc_eval *e, const insn *i) {
  const tc_cell *c = &e->cells[i->a], *a = &e->cells[i->b], *b = &e->cells[i->c];
  if (c->state == TC_CELL_POISON) return *c;
  if (c->state == TC_CELL_KNOWN) return c->x.i ? *a : *b;
  if (a->state == TC_CELL_POISON && b->state == TC_CELL_POISON) return *a;
  if (a->state == TC_CELL_OPAQUE && b->state == TC_CELL_OPAQUE && a->x.i == b->x.i) return *a;
  if (a->state == TC_CELL_KNOWN && b->state == TC_CELL_KNOWN && tc_imm_equal(i->to, a->x, b->x))
    return *a;
  return unknown_result(e, i);
}

static tc_cell named_load(const tc_eval *e, const insn *i) {
  const uint32_t *in = &e->extra.at[i->a];
  const tc_cell *pred = &e->cells[in[i->b]], *other = &e->cells[in[i->b + 1]];
  uint64_t h = tc_hash_u64((uint64_t)tc_access_buf(e->ir, i->at).id + (UINT64_C(1) << 40));
  if (in[i->b] && pred->state == TC_CELL_KNOWN && !pred->x.i) {
    if (in[i->b + 1]) return *other;
    return (tc_cell){.state = TC_CELL_KNOWN};
  }
  for (uint32_t k = 0; k < i->b; k++)
    h = tc_hash_u64(h + k) ^ name_of_cell(&e->cells[in[k]]);
  if (in[i->b] && pred->state != TC_CELL_KNOWN) h ^= tc_hash_u64((uint64_t)pred->x.i);
  return opaque(h);
}

void tc_eval_run(tc_eval *e, uint32_t level) {
  for (uint32_t k = e->first[level]; k < e->first[level + 1]; k++) {
    const insn *i = &e->code[k];
    tc_cell *out = &e->cells[i->out];
    if (i->path == PATH_SELECT)
      *out = select_result(e, i);
    else if (i->path == PATH_NAME)
      *out = named_load(e, i);
    else
      *out = pure_result(e, i);
  }
}
