/* Matrix products by the threads themselves: each adds up the elements of C that it holds, one step
 * of k after the other.
 *
 *   gemm A[*], B[*] -> C[*]   ->   for k { for each own (i, j): C[i, j] += A[i, k] * B[k, j] } */
#include "pass/lower.h"

#include "ir/form.h"

typedef struct product {
  tc_lower *lw;
  tc_value slice[3]; /* A, B, C */
  bool trans[2];
  tc_var vars[2]; /* row and column of C */
  int64_t extent[2], k;
  tc_type sum;
} product;

static int64_t extent_of(product *p, uint32_t operand, uint32_t from_last) {
  tc_ir *ir = p->lw->ir;
  uint32_t rank = tc_buf_at(ir, tc_slice_buf(ir, p->slice[operand]))->rank;
  int64_t x;
  if (!tc_const_of(ir, tc_slice_extent(ir, p->slice[operand], rank - 1 - from_last), &x))
    tc_lower_refuse_help(p->lw, "a product whose size is known only at run time",
                         "give the tiles constant extents; what is beyond the matrices is filled "
                         "with zeros by the copy");
  return x;
}

/* Element (row, column) of the last two dimensions of a slice. */
static void element(product *p, uint32_t operand, tc_value row, tc_value column, tc_value *at) {
  tc_ir *ir = p->lw->ir;
  uint32_t rank = tc_buf_at(ir, tc_slice_buf(ir, p->slice[operand]))->rank;
  for (uint32_t d = 0; d < rank; d++)
    at[d] = tc_lower_int(p->lw, tc_lower_value(p->lw, tc_slice_base(ir, p->slice[operand], d)));
  at[rank - 2] = tc_lower_add(p->lw, at[rank - 2], row);
  at[rank - 1] = tc_lower_add(p->lw, at[rank - 1], column);
}

static tc_value load(product *p, tc_region body, uint32_t operand, const tc_value *at) {
  tc_ir *ir = p->lw->ir;
  tc_value none = {0};
  tc_value x = tc_load(ir, body, tc_slice_buf(ir, p->slice[operand]), at, none, none, p->lw->span);
  return tc_cast(ir, x, p->sum);
}

static tc_value counter(product *p, uint32_t d) {
  return tc_var_value(p->lw->ir, p->vars[d]);
}

static void store(product *p, tc_region body, const tc_value *at, tc_value x) {
  tc_store(p->lw->ir, body, tc_slice_buf(p->lw->ir, p->slice[2]), at, x, (tc_value){0},
           p->lw->span);
}

static void clear(product *p, tc_value cond, const tc_layout *map) {
  tc_lower *lw = p->lw;
  tc_value at[TC_LOWER_RANK];
  if (!cond.id) return;
  tc_region body = tc_region_new(lw->ir);
  element(p, 2, counter(p, 0), counter(p, 1), at);
  store(p, body, at, tc_zero(lw->ir, p->sum));
  tc_lower_mark mark = tc_lower_if(lw, cond);
  tc_lower_loop(lw, p->vars, p->extent, 2, body, map);
  tc_lower_leave(lw, mark);
}

/* One step for element (i, j). */
static tc_region step(product *p, tc_value k) {
  tc_ir *ir = p->lw->ir;
  tc_value a_at[TC_LOWER_RANK], b_at[TC_LOWER_RANK], c_at[TC_LOWER_RANK];
  tc_value i = counter(p, 0), j = counter(p, 1);
  tc_region body = tc_region_new(ir);
  element(p, 0, p->trans[0] ? k : i, p->trans[0] ? i : k, a_at);
  element(p, 1, p->trans[1] ? j : k, p->trans[1] ? k : j, b_at);
  element(p, 2, i, j, c_at);
  tc_value x[3] = {load(p, body, 0, a_at), load(p, body, 1, b_at), load(p, body, 2, c_at)};
  tc_value sum = tc_is_float(p->sum)
                     ? tc_math(ir, TC_MATH_fma, x, 3)
                     : tc_binary(ir, TC_OP_add, x[2], tc_binary(ir, TC_OP_mul, x[0], x[1]));
  store(p, body, c_at, sum);
  return body;
}

/* Clears, when that is wanted, and adds up; an element always belongs to the same thread. */
static void add_up(product *p, tc_value cleared) {
  tc_lower *lw = p->lw;
  tc_ir *ir = lw->ir;
  tc_var var = tc_var_new(ir, "k", TC_VAR_LOOP, tc_scalar_type(TC_DT_int32), lw->span);
  tc_region body = step(p, tc_var_value(ir, var));
  const tc_layout *map = tc_lower_loop_map(lw, p->vars, p->extent, 2, body);
  clear(p, cleared, map);
  tc_value steps = tc_for(ir, lw->at, (tc_loop){.var = var, .kind = TC_LOOP_SERIAL}, tc_i32(ir, 0),
                          tc_i32(ir, p->k), tc_i32(ir, 1), lw->span);
  tc_lower_mark mark = tc_lower_enter(lw, steps, 0);
  tc_lower_loop(lw, p->vars, p->extent, 2, body, map);
  tc_lower_leave(lw, mark);
}

static void check(product *p) {
  tc_lower *lw = p->lw;
  tc_ir *ir = lw->ir;
  tc_type type[3];
  for (uint32_t k = 0; k < 3; k++) {
    const tc_buffer *b = tc_buf_at(ir, tc_slice_buf(ir, p->slice[k]));
    type[k] = b->elem;
    if (b->scope == TC_SCOPE_global && !tc_slice_in_bounds(ir, p->slice[k]))
      tc_lower_refuse_help(
          lw, "a product of a tile that may leave its tensor",
          "copy the tile to shared memory first; the copy fills what lies outside with zeros");
  }
  enum tc_dtype sum = type[0].dtype == TC_DT_float64 ? TC_DT_float64
                      : tc_is_float(type[0])         ? TC_DT_float32
                                                     : TC_DT_int32;
  p->sum = tc_scalar_type(sum);
  if (!tc_type_equal(type[2], p->sum) || tc_is_float(type[0]) != tc_is_float(type[1]))
    tc_lower_refuse_help(lw,
                         tc_format(ir->arena, "a product of %s and %s into %s by the threads",
                                   tc_type_name(ir->arena, type[0]),
                                   tc_type_name(ir->arena, type[1]),
                                   tc_type_name(ir->arena, type[2])),
                         tc_format(ir->arena, "add up in %s", tc_type_name(ir->arena, p->sum)));
}

void tc_lower_fma(tc_lower *lw, tc_value stmt) {
  tc_ir *ir = lw->ir;
  const tc_op *op = tc_op_at(ir, stmt);
  tc_gemm what = *tc_gemm_of(ir, stmt);
  tc_value cond = {0};
  product p = {.lw = lw, .trans = {what.trans_a, what.trans_b}};
  for (uint32_t k = 0; k < 3; k++)
    p.slice[k] = tc_input(ir, op, k);
  for (uint32_t d = 0; d < 2; d++) {
    p.vars[d] =
        tc_var_new(ir, d ? "j" : "i", TC_VAR_PARALLEL, tc_scalar_type(TC_DT_int32), lw->span);
    p.extent[d] = extent_of(&p, 2, 1 - d);
  }
  p.k = extent_of(&p, 0, what.trans_a ? 1 : 0);
  check(&p);
  if (what.clear) cond = tc_const_bool(ir, true);
  if (op->n_in == 4) cond = tc_lower_value(lw, tc_input(ir, op, 3));
  add_up(&p, cond);
}
