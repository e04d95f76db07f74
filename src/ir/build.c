#include "ir/build.h"
#include "base/floats.h"
#include "ir/scalar.h"

#include <string.h>

/* ---- records ---- */

static tc_value new_op(tc_ir *ir) {
  if (ir->n_ops % TC_CHUNK_OPS == 0)
    tc_vec_push(ir->arena, &ir->op_chunks, TC_NEW_ARRAY(ir->arena, TC_CHUNK_OPS, tc_op));
  return (tc_value){ir->n_ops++};
}

tc_ir *tc_ir_new(tc_arena *arena, tc_diags *diags, tc_names *names) {
  tc_ir *ir = TC_NEW(arena, tc_ir);
  ir->arena = arena;
  ir->diags = diags;
  ir->names = names;
  ir->state = TC_STATE_surface;
  /* Handle 0 of everything means "none". */
  new_op(ir);
  tc_vec_push(arena, &ir->blocks, TC_NEW(arena, tc_block));
  tc_vec_push(arena, &ir->bufs, TC_NEW(arena, tc_buffer));
  tc_vec_push(arena, &ir->vars, (tc_var_info){0});
  tc_vec_push(arena, &ir->texts, "");
  ir->cons_cap = 1024;
  ir->cons = TC_NEW_ARRAY(arena, ir->cons_cap, uint32_t);
  ir->body = tc_region_new(ir);
  return ir;
}

tc_region tc_region_new(tc_ir *ir) {
  tc_vec_push(ir->arena, &ir->blocks, TC_NEW(ir->arena, tc_block));
  return (tc_region){ir->blocks.n - 1};
}

tc_var tc_var_new(tc_ir *ir, const char *name, enum tc_var_kind kind, tc_type type, tc_span span) {
  tc_var_info info = {tc_names_add(ir->names, tc_str_of(name)), kind, type, span};
  tc_vec_push(ir->arena, &ir->vars, info);
  return (tc_var){ir->vars.n - 1};
}

tc_buf tc_buf_new(tc_ir *ir, const char *name, tc_type elem, enum tc_scope scope, uint32_t rank,
                  const tc_value *shape, tc_span span) {
  tc_buffer *b = TC_NEW(ir->arena, tc_buffer);
  *b = (tc_buffer){.name = tc_names_add(ir->names, tc_str_of(name)),
                   .elem = elem,
                   .scope = scope,
                   .rank = rank,
                   .shape = tc_arena_copy(ir->arena, shape, rank * sizeof *shape),
                   .root = {ir->bufs.n},
                   .span = span};
  tc_vec_push(ir->arena, &ir->bufs, b);
  return b->root;
}

tc_buf tc_buf_view(tc_ir *ir, const char *name, tc_buf of, tc_type elem, uint32_t rank,
                   const tc_value *shape, tc_span span) {
  tc_buffer *base = tc_buf_at(ir, of);
  tc_buf view = tc_buf_new(ir, name, elem, base->scope, rank, shape, span);
  tc_buf_at(ir, view)->root = base->root;
  tc_buf_at(ir, view)->address = base->address;
  return view;
}

/* ---- hash-consing ---- */

static uint64_t hash_pure(const tc_ir *ir, const tc_op *op, const tc_value *in) {
  uint64_t h = (uint64_t)op->opcode << 48 ^ (uint64_t)op->type.dtype << 32
               ^ (uint64_t)op->type.lanes << 16 ^ op->n_in;
  uint64_t payload = op->payload;
  if (op->opcode == TC_OP_const) {
    /* NaNs of every payload are one constant; see tc_imm_equal. */
    double f = ir->imms.at[op->payload].f;
    payload = tc_is_float(op->type) && f != f ? 1 : (uint64_t)ir->imms.at[op->payload].i;
  }
  return tc_hash_bytes(in, op->n_in * sizeof *in, tc_hash_u64(h) ^ tc_hash_u64(payload + 1));
}

static bool same_pure(const tc_ir *ir, const tc_op *a, const tc_value *a_in, const tc_op *b) {
  if (a->opcode != b->opcode || a->n_in != b->n_in || !tc_type_equal(a->type, b->type))
    return false;
  if (a->opcode == TC_OP_const)
    return tc_imm_equal(a->type, ir->imms.at[a->payload], ir->imms.at[b->payload]);
  return a->payload == b->payload
         && (a->n_in == 0 || memcmp(a_in, tc_inputs_of(ir, b), a->n_in * sizeof *a_in) == 0);
}

static uint32_t *cons_slot(const tc_ir *ir, const tc_op *op, const tc_value *in) {
  uint32_t at = (uint32_t)hash_pure(ir, op, in) & (ir->cons_cap - 1);
  while (ir->cons[at] && !same_pure(ir, op, in, tc_op_at(ir, (tc_value){ir->cons[at]})))
    at = (at + 1) & (ir->cons_cap - 1);
  return &ir->cons[at];
}

static void cons_grow(tc_ir *ir) {
  uint32_t *old = ir->cons, old_cap = ir->cons_cap;
  ir->cons_cap *= 2;
  ir->cons = TC_NEW_ARRAY(ir->arena, ir->cons_cap, uint32_t);
  for (uint32_t i = 0; i < old_cap; i++) {
    if (!old[i]) continue;
    const tc_op *op = tc_op_at(ir, (tc_value){old[i]});
    *cons_slot(ir, op, op->n_in ? tc_inputs_of(ir, op) : NULL) = old[i];
  }
}

static uint32_t push_inputs(tc_ir *ir, const tc_value *in, uint32_t n) {
  uint32_t first = ir->inputs.n;
  tc_vec_reserve(ir->arena, &ir->inputs, n);
  if (n) memcpy(ir->inputs.at + first, in, n * sizeof *in);
  ir->inputs.n += n;
  return first;
}

/* Finds or makes a pure op. Two equal calls give one handle. */
static tc_value pure(tc_ir *ir, enum tc_opcode opcode, tc_type type, const tc_value *in, uint32_t n,
                     uint32_t payload) {
  tc_op op = {.opcode = (uint16_t)opcode, .n_in = (uint16_t)n, .type = type, .payload = payload};
  uint32_t *slot = cons_slot(ir, &op, in);
  if (*slot) return (tc_value){*slot};
  op.in = push_inputs(ir, in, n);
  tc_value v = new_op(ir);
  *tc_op_at(ir, v) = op;
  *slot = v.id;
  if (++ir->cons_n * 2 > ir->cons_cap) cons_grow(ir);
  return v;
}

tc_value tc_const_imm(tc_ir *ir, tc_type type, tc_imm x) {
  tc_vec_push(ir->arena, &ir->imms, x);
  tc_value v = pure(ir, TC_OP_const, type, NULL, 0, ir->imms.n - 1);
  /* An equal constant existed: its immediate stays, ours goes. */
  if (tc_op_at(ir, v)->payload != ir->imms.n - 1) ir->imms.n--;
  return v;
}

/* ---- constants ---- */

static tc_type lane_type(tc_type type) {
  return (tc_type){type.dtype, 0, 1};
}

tc_value tc_const_int(tc_ir *ir, tc_type type, int64_t x) {
  if (tc_is_float(type)) return tc_const_float(ir, type, (double)x);
  return tc_const_imm(ir, type, tc_imm_int(lane_type(type), x));
}

tc_value tc_const_float(tc_ir *ir, tc_type type, double x) {
  return tc_const_imm(ir, type, tc_imm_float(lane_type(type), x));
}

tc_value tc_const_bool(tc_ir *ir, bool x) {
  return tc_const_int(ir, tc_scalar_type(TC_DT_bool), x);
}

tc_value tc_i32(tc_ir *ir, int64_t x) {
  return tc_const_int(ir, tc_scalar_type(TC_DT_int32), x);
}

tc_value tc_zero(tc_ir *ir, tc_type type) {
  return tc_is_float(type) ? tc_const_float(ir, type, 0) : tc_const_int(ir, type, 0);
}

tc_value tc_var_value(tc_ir *ir, tc_var var) {
  return pure(ir, TC_OP_var, tc_var_at(ir, var)->type, NULL, 0, var.id);
}

static bool imm_of(const tc_ir *ir, tc_value v, tc_scalar *x) {
  const tc_op *op = tc_op_at(ir, v);
  if (op->opcode != TC_OP_const) return false;
  *x = (tc_scalar){ir->imms.at[op->payload], false};
  return true;
}

/* ---- folding ---- */

static bool is_int_const(const tc_ir *ir, tc_value v, int64_t want) {
  int64_t x;
  return tc_const_of(ir, v, &x) && x == want;
}

static bool is_float_const(const tc_ir *ir, tc_value v, double want) {
  double x;
  return tc_const_float_of(ir, v, &x) && x == want;
}

static bool is_comparison(enum tc_opcode op) {
  return op >= TC_OP_eq && op <= TC_OP_le;
}

static bool is_commutative(enum tc_opcode op) {
  return op == TC_OP_add || op == TC_OP_mul || op == TC_OP_and || op == TC_OP_or || op == TC_OP_xor
         || op == TC_OP_eq || op == TC_OP_ne;
}

static bool is_bool_op(enum tc_opcode op) {
  return op >= TC_OP_and && op <= TC_OP_xor;
}

/* Identities of one integer or bool operand with a constant on the right. 0: none applies. */
static tc_value fold_int_right(tc_ir *ir, enum tc_opcode op, tc_value a, tc_value b) {
  const tc_value none = {0};
  tc_type type = tc_value_type(ir, a);
  int64_t all = tc_imm_int(lane_type(type), -1).i;
  if (is_int_const(ir, b, 0)) {
    if (op == TC_OP_add || op == TC_OP_sub || op == TC_OP_or || op == TC_OP_xor || op == TC_OP_shl
        || op == TC_OP_shr)
      return a;
    if (op == TC_OP_mul || op == TC_OP_and) return b;
  }
  if (is_int_const(ir, b, 1) && !tc_is_bool(type)) {
    if (op == TC_OP_mul || op == TC_OP_floordiv || op == TC_OP_truncdiv) return a;
    if (op == TC_OP_floormod || op == TC_OP_truncmod) return tc_zero(ir, type);
  }
  if (is_int_const(ir, b, tc_is_bool(type) ? 1 : all)) {
    if (op == TC_OP_and) return a;
    if (op == TC_OP_or) return b;
  }
  return none;
}

/* (x + c1) + c2 -> x + (c1 + c2) and (x * c1) * c2 -> x * (c1 * c2): exact because integers wrap.
 */
static tc_value fold_reassociate(tc_ir *ir, enum tc_opcode op, tc_value a, tc_value b) {
  int64_t c1, c2;
  if ((op != TC_OP_add && op != TC_OP_mul) || !tc_is(ir, a, op) || !tc_const_of(ir, b, &c2))
    return (tc_value){0};
  const tc_op *inner = tc_op_at(ir, a);
  tc_value x = tc_input(ir, inner, 0), k = tc_input(ir, inner, 1);
  if (!tc_const_of(ir, k, &c1)) return (tc_value){0};
  return tc_binary(ir, op, x, tc_binary(ir, op, k, b));
}

static tc_value fold_same_operands(tc_ir *ir, enum tc_opcode op, tc_value a) {
  tc_type type = tc_value_type(ir, a);
  if (tc_is_float(type)) return (tc_value){0};
  switch ((int)op) {
  case TC_OP_sub:
  case TC_OP_xor:
    return tc_zero(ir, type);
  case TC_OP_and:
  case TC_OP_or:
  case TC_OP_min:
  case TC_OP_max:
    return a;
  case TC_OP_eq:
  case TC_OP_le:
    return type.lanes == 1 ? tc_const_bool(ir, true) : (tc_value){0};
  case TC_OP_ne:
  case TC_OP_lt:
    return type.lanes == 1 ? tc_const_bool(ir, false) : (tc_value){0};
  }
  return (tc_value){0};
}

/* Arithmetic ends with the conversion to its type, which turns infinities of narrow formats into
 * the greatest number. */
static bool keeps_infinity(tc_type type) {
  const tc_dtype_info *row = tc_dtype_row((enum tc_dtype)type.dtype);
  return row->bits > 8
         || tc_float_info((enum tc_float_format)row->format)->inf == TC_FLOAT_INF_NONE;
}

static tc_value fold_binary(tc_ir *ir, enum tc_opcode op, tc_value a, tc_value b) {
  tc_type type = tc_value_type(ir, a);
  tc_scalar x, y;
  if (imm_of(ir, a, &x) && imm_of(ir, b, &y)) {
    tc_scalar r = tc_scalar_binary(op, lane_type(type), x, y);
    tc_type to = is_comparison(op) ? (tc_type){TC_DT_bool, 0, type.lanes} : type;
    if (!r.poison) return tc_const_imm(ir, to, r.x);
    return (tc_value){0};
  }
  tc_value r = {0};
  if (tc_is_float(type)) {
    if (!keeps_infinity(type)) return r;
    /* x * 1 and x / 1 are exact for every x, NaN included; x + 0 is not (-0 + 0 is 0). */
    if ((op == TC_OP_mul || op == TC_OP_div) && is_float_const(ir, b, 1)) return a;
    /* So are x * -1 and x / -1. C compilers merge a product with -1 into a fused multiply-add and
     * lose the sign of a zero; a negation says what is meant. */
    if ((op == TC_OP_mul || op == TC_OP_div) && is_float_const(ir, b, -1))
      return tc_unary(ir, TC_OP_neg, a);
    return r;
  }
  r = fold_int_right(ir, op, a, b);
  if (!r.id && a.id == b.id) r = fold_same_operands(ir, op, a);
  if (!r.id) r = fold_reassociate(ir, op, a, b);
  return r;
}

tc_value tc_binary(tc_ir *ir, enum tc_opcode op, tc_value a, tc_value b) {
  tc_type type = tc_value_type(ir, a);
  if (!tc_type_equal(type, tc_value_type(ir, b)))
    tc_bug(ir->arena->unwind, "operands of %s differ in type: %s and %s", tc_op_row(op)->name,
           tc_type_name(ir->arena, type), tc_type_name(ir->arena, tc_value_type(ir, b)));
  if (tc_is_bool(type) && !is_bool_op(op) && !is_comparison(op))
    tc_bug(ir->arena->unwind, "op %s on bool operands", tc_op_row(op)->name);
  /* Commutative operands: constants last, else by handle, so that a + b and b + a are one value. */
  if (is_commutative(op)) {
    bool a_const = tc_is(ir, a, TC_OP_const), b_const = tc_is(ir, b, TC_OP_const);
    if ((a_const && !b_const) || (a_const == b_const && a.id > b.id)) {
      tc_value swap = a;
      a = b, b = swap;
    }
  }
  /* x - c is x + (-c): one form for the prover. */
  int64_t c;
  if (op == TC_OP_sub && tc_const_of(ir, b, &c) && c != INT64_MIN && !tc_is_bool(type))
    return tc_binary(ir, TC_OP_add, a, tc_const_int(ir, type, -c));
  tc_value folded = fold_binary(ir, op, a, b);
  if (folded.id) return folded;
  tc_type to = is_comparison(op) ? (tc_type){TC_DT_bool, 0, type.lanes} : type;
  return pure(ir, op, to, (tc_value[]){a, b}, 2, 0);
}

tc_value tc_unary(tc_ir *ir, enum tc_opcode op, tc_value a) {
  tc_type type = tc_value_type(ir, a);
  tc_scalar x;
  if (imm_of(ir, a, &x)) {
    tc_scalar r = tc_scalar_unary(op, lane_type(type), x);
    if (!r.poison) return tc_const_imm(ir, type, r.x);
  }
  if ((op == TC_OP_not || op == TC_OP_neg) && tc_is(ir, a, op))
    return tc_input(ir, tc_op_at(ir, a), 0);
  return pure(ir, op, type, &a, 1, 0);
}

tc_value tc_select(tc_ir *ir, tc_value c, tc_value a, tc_value b) {
  if (!tc_type_equal(tc_value_type(ir, a), tc_value_type(ir, b)))
    tc_bug(ir->arena->unwind, "sides of select differ in type");
  int64_t known;
  if (tc_const_of(ir, c, &known)) return known ? a : b;
  if (a.id == b.id) return a;
  return pure(ir, TC_OP_select, tc_value_type(ir, a), (tc_value[]){c, a, b}, 3, 0);
}

tc_value tc_cast(tc_ir *ir, tc_value a, tc_type to) {
  tc_type from = tc_value_type(ir, a);
  if (tc_type_equal(from, to)) return a;
  if (from.lanes != to.lanes) tc_bug(ir->arena->unwind, "cast changes the number of lanes");
  tc_scalar x;
  if (imm_of(ir, a, &x)) {
    tc_scalar r = tc_scalar_cast(lane_type(from), lane_type(to), x);
    if (!r.poison) return tc_const_imm(ir, to, r.x);
  }
  return pure(ir, TC_OP_cast, to, &a, 1, 0);
}

tc_value tc_reinterpret(tc_ir *ir, tc_value a, tc_type to) {
  tc_type from = tc_value_type(ir, a);
  if (tc_type_equal(from, to)) return a;
  if (tc_type_bits(from) != tc_type_bits(to)) tc_bug(ir->arena->unwind, "reinterpret changes size");
  tc_scalar x;
  if (from.lanes == 1 && to.lanes == 1 && imm_of(ir, a, &x)) {
    tc_scalar r = tc_scalar_reinterpret(from, to, x);
    if (!r.poison) return tc_const_imm(ir, to, r.x);
  }
  return pure(ir, TC_OP_reinterpret, to, &a, 1, 0);
}

tc_value tc_math(tc_ir *ir, enum tc_mathfn fn, const tc_value *args, uint32_t n) {
  const tc_mathfn_info *row = tc_math_row(fn);
  if (n != row->arity) tc_bug(ir->arena->unwind, "math %s with %u operands", row->name, n);
  tc_type type = tc_value_type(ir, args[0]), to = type;
  if (row->result == TC_MATH_BOOL) to.dtype = TC_DT_bool;
  if (row->result == TC_MATH_I32) to.dtype = TC_DT_int32;
  tc_scalar x[3];
  bool constant = true;
  for (uint32_t i = 0; i < n; i++) {
    if (!tc_type_equal(tc_value_type(ir, args[i]), type))
      tc_bug(ir->arena->unwind, "operands of %s differ in type", row->name);
    constant = constant && imm_of(ir, args[i], &x[i]);
  }
  if (constant) {
    tc_scalar r = tc_scalar_math(fn, lane_type(type), x);
    if (!r.poison) return tc_const_imm(ir, to, r.x);
  }
  return pure(ir, TC_OP_math, to, args, n, (uint32_t)fn);
}

/* ---- vectors and slices ---- */

tc_value tc_ramp(tc_ir *ir, tc_value base, tc_value stride, uint32_t lanes) {
  tc_type type = tc_value_type(ir, base);
  type.lanes = (uint16_t)lanes;
  return pure(ir, TC_OP_ramp, type, (tc_value[]){base, stride}, 2, 0);
}

tc_value tc_broadcast(tc_ir *ir, tc_value a, uint32_t lanes) {
  if (lanes == 1) return a;
  tc_type type = tc_value_type(ir, a);
  type.lanes = (uint16_t)lanes;
  tc_scalar x;
  if (imm_of(ir, a, &x)) return tc_const_imm(ir, type, x.x);
  return pure(ir, TC_OP_broadcast, type, &a, 1, 0);
}

tc_value tc_lane(tc_ir *ir, tc_value vector, uint32_t lane) {
  const tc_op *op = tc_op_at(ir, vector);
  tc_type type = op->type;
  if (lane >= type.lanes) tc_bug(ir->arena->unwind, "lane %u of %u", lane, type.lanes);
  if (type.lanes == 1) return vector;
  tc_scalar x;
  if (imm_of(ir, vector, &x)) return tc_const_imm(ir, lane_type(type), x.x);
  if (op->opcode == TC_OP_broadcast) return tc_input(ir, op, 0);
  if (op->opcode == TC_OP_pack) return tc_input(ir, op, lane);
  return pure(ir, TC_OP_lane, lane_type(type), &vector, 1, lane);
}

tc_value tc_pack(tc_ir *ir, const tc_value *scalars, uint32_t n) {
  if (n == 1) return scalars[0];
  tc_type type = tc_value_type(ir, scalars[0]);
  type.lanes = (uint16_t)n;
  return pure(ir, TC_OP_pack, type, scalars, n, 0);
}

enum { MAX_RANK = 16 };

tc_value tc_slice(tc_ir *ir, tc_buf buf, const tc_value *base, const tc_value *extent,
                  bool in_bounds) {
  const tc_buffer *b = tc_buf_at(ir, buf);
  tc_value in[2 * MAX_RANK];
  if (b->rank > MAX_RANK) tc_bug(ir->arena->unwind, "rank %u is over the limit", b->rank);
  for (uint32_t d = 0; d < b->rank; d++) {
    in[d] = base[d];
    in[b->rank + d] = extent[d];
  }
  uint32_t payload = buf.id | (in_bounds ? TC_SLICE_IN_BOUNDS : 0u);
  return pure(ir, TC_OP_slice, tc_scalar_type(TC_DT_slice), in, 2 * b->rank, payload);
}

tc_value tc_slice_whole(tc_ir *ir, tc_buf buf) {
  const tc_buffer *b = tc_buf_at(ir, buf);
  tc_value base[MAX_RANK];
  if (b->rank > MAX_RANK) tc_bug(ir->arena->unwind, "rank %u is over the limit", b->rank);
  for (uint32_t d = 0; d < b->rank; d++)
    base[d] = tc_zero(ir, tc_value_type(ir, b->shape[d]));
  return tc_slice(ir, buf, base, b->shape, true);
}

tc_value tc_and(tc_ir *ir, tc_value a, tc_value b) {
  if (!a.id || is_int_const(ir, a, 1)) return b.id ? b : a;
  if (!b.id) return a;
  return tc_binary(ir, TC_OP_and, a, b);
}

tc_value tc_rebuild(tc_ir *ir, tc_value v, const tc_value *in) {
  const tc_op *op = tc_op_at(ir, v);
  enum tc_opcode opcode = (enum tc_opcode)op->opcode;
  if (opcode >= TC_OP_add && opcode <= TC_OP_le) return tc_binary(ir, opcode, in[0], in[1]);
  switch (op->opcode) {
  case TC_OP_neg:
  case TC_OP_abs:
  case TC_OP_not:
    return tc_unary(ir, opcode, in[0]);
  case TC_OP_select:
    return tc_select(ir, in[0], in[1], in[2]);
  case TC_OP_cast:
    return tc_cast(ir, in[0], op->type);
  case TC_OP_reinterpret:
    return tc_reinterpret(ir, in[0], op->type);
  case TC_OP_math:
    return tc_math(ir, (enum tc_mathfn)op->payload, in, op->n_in);
  case TC_OP_lane:
    return tc_lane(ir, in[0], op->payload);
  case TC_OP_broadcast:
    return tc_broadcast(ir, in[0], op->type.lanes);
  default:
    return pure(ir, opcode, op->type, in, op->n_in, op->payload);
  }
}

/* ---- statements ---- */

static uint32_t push_regions(tc_ir *ir, uint32_t n) {
  uint32_t first = ir->child_regions.n;
  for (uint32_t i = 0; i < n; i++)
    tc_vec_push(ir->arena, &ir->child_regions, tc_region_new(ir));
  return first;
}

tc_value tc_stmt(tc_ir *ir, tc_region at, enum tc_opcode opcode, tc_type type, const tc_value *in,
                 uint32_t n, uint32_t payload, tc_span span) {
  tc_op op = {.opcode = (uint16_t)opcode,
              .n_in = (uint16_t)n,
              .type = type,
              .in = push_inputs(ir, in, n),
              .regions = push_regions(ir, tc_op_row(opcode)->n_regions),
              .payload = payload,
              .span = span};
  tc_value v = new_op(ir);
  *tc_op_at(ir, v) = op;
  tc_vec_push(ir->arena, &tc_block_at(ir, at)->ops, v);
  return v;
}

tc_value tc_load(tc_ir *ir, tc_region at, tc_buf buf, const tc_value *index, tc_value pred,
                 tc_value other, tc_span span) {
  const tc_buffer *b = tc_buf_at(ir, buf);
  tc_value in[MAX_RANK + 2];
  uint32_t n = 0;
  tc_access access = {.buf = buf};
  for (; n < b->rank; n++)
    in[n] = index[n];
  if (pred.id) in[n++] = pred, access.flags |= TC_ACCESS_PRED;
  if (other.id) in[n++] = other, access.flags |= TC_ACCESS_ELSE;
  return tc_stmt(ir, at, TC_OP_load, b->elem, in, n, tc_pl_access(ir, access), span);
}

void tc_store(tc_ir *ir, tc_region at, tc_buf buf, const tc_value *index, tc_value value,
              tc_value pred, tc_span span) {
  const tc_buffer *b = tc_buf_at(ir, buf);
  if (!tc_type_equal(tc_value_type(ir, value), b->elem))
    tc_bug(ir->arena->unwind, "store of %s into a buffer of %s",
           tc_type_name(ir->arena, tc_value_type(ir, value)), tc_type_name(ir->arena, b->elem));
  tc_value in[MAX_RANK + 2];
  uint32_t n = 0;
  tc_access access = {.buf = buf};
  for (; n < b->rank; n++)
    in[n] = index[n];
  in[n++] = value;
  if (pred.id) in[n++] = pred, access.flags |= TC_ACCESS_PRED;
  tc_stmt(ir, at, TC_OP_store, tc_scalar_type(TC_DT_void), in, n, tc_pl_access(ir, access), span);
}

tc_value tc_atomic_stmt(tc_ir *ir, tc_region at, tc_atomic what, const tc_value *index,
                        tc_value value, tc_value expected, tc_value pred, tc_span span) {
  const tc_buffer *b = tc_buf_at(ir, what.buf);
  tc_value in[MAX_RANK + 3];
  uint32_t n = 0;
  for (; n < b->rank; n++)
    in[n] = index[n];
  in[n++] = value;
  if (what.kind == TC_ATOMIC_CAS) in[n++] = expected;
  what.flags = (uint8_t)(what.flags & ~TC_ACCESS_PRED);
  if (pred.id) in[n++] = pred, what.flags |= TC_ACCESS_PRED;
  return tc_stmt(ir, at, TC_OP_atomic, b->elem, in, n, tc_pl_atomic(ir, what), span);
}

tc_value tc_collective_stmt(tc_ir *ir, tc_region at, tc_collective what, tc_value value,
                            tc_value lane, tc_value mask, tc_span span) {
  tc_value in[3] = {value};
  uint32_t n = 1;
  tc_type type = tc_collective_type((enum tc_collective_kind)what.kind, tc_value_type(ir, value));
  what.flags = 0;
  if (lane.id) in[n++] = lane, what.flags |= TC_COLLECTIVE_LANE;
  if (mask.id) in[n++] = mask, what.flags |= TC_COLLECTIVE_MASK;
  return tc_stmt(ir, at, TC_OP_collective, type, in, n, tc_pl_collective(ir, what), span);
}

void tc_mbarrier_stmt(tc_ir *ir, tc_region at, tc_mbarrier what, const tc_value *index,
                      tc_value operand, tc_span span) {
  tc_value in[MAX_RANK + 1];
  uint32_t n = 0;
  for (; n < tc_buf_at(ir, what.buf)->rank; n++)
    in[n] = index[n];
  if (operand.id) in[n++] = operand;
  tc_stmt(ir, at, TC_OP_mbarrier, tc_scalar_type(TC_DT_void), in, n, tc_pl_mbarrier(ir, what),
          span);
}

void tc_async_stmt(tc_ir *ir, tc_region at, enum tc_opcode op, tc_async what, tc_span span) {
  tc_stmt(ir, at, op, tc_scalar_type(TC_DT_void), NULL, 0, tc_pl_async(ir, what), span);
}

tc_value tc_group_stmt(tc_ir *ir, tc_region at, enum tc_opcode op, tc_group what, tc_span span) {
  return tc_stmt(ir, at, op, tc_scalar_type(TC_DT_void), NULL, 0, tc_pl_group(ir, what), span);
}

void tc_alloc(tc_ir *ir, tc_region at, tc_buf buf, tc_span span) {
  tc_stmt(ir, at, TC_OP_alloc, tc_scalar_type(TC_DT_void), NULL, 0, buf.id, span);
}

tc_value tc_for(tc_ir *ir, tc_region at, tc_loop loop, tc_value lo, tc_value hi, tc_value step,
                tc_span span) {
  tc_vec_push(ir->arena, &ir->loops, loop);
  return tc_stmt(ir, at, TC_OP_for, tc_scalar_type(TC_DT_void), (tc_value[]){lo, hi, step}, 3,
                 ir->loops.n - 1, span);
}

tc_value tc_parallel_stmt(tc_ir *ir, tc_region at, const tc_var *vars, const tc_value *extents,
                          uint32_t n, tc_span span) {
  tc_parallel p = {.n = n, .vars = tc_arena_copy(ir->arena, vars, n * sizeof *vars)};
  tc_vec_push(ir->arena, &ir->parallels, p);
  return tc_stmt(ir, at, TC_OP_parallel, tc_scalar_type(TC_DT_void), extents, n,
                 ir->parallels.n - 1, span);
}

tc_value tc_if(tc_ir *ir, tc_region at, tc_value cond, tc_span span) {
  return tc_stmt(ir, at, TC_OP_if, tc_scalar_type(TC_DT_void), &cond, 1, 0, span);
}

tc_value tc_kernel_stmt(tc_ir *ir, tc_region at, const tc_kernel *kernel, const tc_value *grid,
                        tc_span span) {
  tc_vec_push(ir->arena, &ir->kernels, *kernel);
  return tc_stmt(ir, at, TC_OP_kernel, tc_scalar_type(TC_DT_void), grid, kernel->n_grid,
                 ir->kernels.n - 1, span);
}

tc_value tc_prim_stmt(tc_ir *ir, tc_region at, tc_prim what, const tc_value *inputs, uint32_t n,
                      tc_span span) {
  tc_type type = tc_scalar_type(tc_prim_info_of((enum tc_prim_row)what.row)->result);
  return tc_stmt(ir, at, TC_OP_prim, type, inputs, n, tc_pl_prim(ir, what), span);
}

uint32_t tc_pl_text(tc_ir *ir, const char *text) {
  tc_vec_push(ir->arena, &ir->texts, tc_str_dup(ir->arena, tc_str_of(text)));
  return ir->texts.n - 1;
}

#define PUSH(type, member)                                                                         \
  uint32_t tc_pl_##type(tc_ir *ir, tc_##type x) {                                                  \
    tc_vec_push(ir->arena, &ir->member, x);                                                        \
    return ir->member.n - 1;                                                                       \
  }
PUSH(fence, fences)
PUSH(copy, copies)
PUSH(gemm, gemms)
PUSH(reduce, reduces)
PUSH(scan, scans)
PUSH(im2col, im2cols)
PUSH(print, prints)
PUSH(hint, hints)
PUSH(atomic, atomics)
PUSH(access, accesses)
PUSH(barrier, barriers)
PUSH(group, groups)
PUSH(collective, collectives)
PUSH(mbarrier, mbarriers)
PUSH(async, asyncs)
PUSH(wait, waits)
PUSH(ring, rings)
PUSH(ring_ref, ringrefs)
PUSH(prim, prims)
PUSH(kernel, kernels)
PUSH(loop, loops)
#undef PUSH

/* ---- editing ---- */

void tc_set_inputs(tc_ir *ir, tc_value stmt, const tc_value *inputs, uint32_t n) {
  uint32_t first = push_inputs(ir, inputs, n);
  tc_op *op = tc_op_at(ir, stmt);
  op->in = first;
  op->n_in = (uint16_t)n;
}

/* Depth is bounded by the depth of expressions, which the parser limits; loops deepen it only by
 * re-associable chains, which the builder flattens. */
tc_value tc_substitute(tc_ir *ir, tc_value v, tc_map *map) {
  uint32_t known;
  if (!v.id) return v;
  if (tc_map_get(map, v.id, &known)) return (tc_value){known};
  const tc_op *op = tc_op_at(ir, v);
  tc_value result = v;
  if (tc_op_is_pure(op) && op->n_in) {
    tc_value small[2 * MAX_RANK];
    uint32_t n = op->n_in;
    tc_value *in = n <= TC_COUNT(small) ? small : TC_NEW_ARRAY(ir->arena, n, tc_value);
    bool changed = false;
    for (uint32_t i = 0; i < n; i++) {
      tc_value old = tc_input(ir, op, i);
      in[i] = tc_substitute(ir, old, map);
      changed = changed || in[i].id != old.id;
    }
    if (changed) result = tc_rebuild(ir, v, in);
  }
  tc_map_put(map, v.id, result.id);
  return result;
}
