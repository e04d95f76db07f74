/* lower: tile operations become what each thread does.
 *
 * Input       state placed: layouts of buffers and thread maps of loops as texts, engines of tile
 *             operations, barriers and counters written out.
 * Output      state lane: groups are branches on the thread's index, fragments arrays of each
 *             thread with constant indices, shared buffers flat arrays in the order of memory, tile
 *             operations loads, stores and primitives.
 * Invariants  what the kernel does to global memory; the order of what the input orders.
 * Example     group first 0 count 128 { fill F[*] = 0.0 }  (F: two slots a thread)
 *             ->  if %tx < 128 { store F[0] = 0.0; store F[1] = 0.0 } */
#include "pass/lower.h"

#include "ir/converge.h"
#include "ir/form.h"
#include "ir/walk.h"

void tc_lower_refuse(tc_lower *lw, const char *what) {
  TC_DIAG(lw->ir->diags, D_not_lowered, lw->span, what);
  tc_diag_stop(lw->ir->diags);
}

void tc_lower_refuse_help(tc_lower *lw, const char *what, const char *help) {
  TC_DIAG(lw->ir->diags, D_not_lowered, lw->span, what);
  tc_diag_help(lw->ir->diags, "%s", help);
  tc_diag_stop(lw->ir->diags);
}

/* ---- values ---- */

tc_value tc_lower_value_of(tc_lower *lw, tc_value old, uint32_t k) {
  tc_value v = tc_substitute(lw->ir, old, &lw->subst);
  return lw->nest ? tc_substitute(lw->ir, v, &lw->nest->subst[k]) : v;
}

tc_value tc_lower_value(tc_lower *lw, tc_value old) {
  return tc_lower_value_of(lw, old, 0);
}

void tc_lower_map(tc_lower *lw, tc_value old, tc_value new_value) {
  if (old.id) tc_map_put(lw->nest ? &lw->nest->subst[0] : &lw->subst, old.id, new_value.id);
}

tc_value tc_lower_int(tc_lower *lw, tc_value a) {
  return tc_cast(lw->ir, a, tc_scalar_type(TC_DT_int32));
}

/* The constant that is added last, taken off. */
static tc_value without_constant(const tc_ir *ir, tc_value v, tc_value *constant) {
  int64_t x;
  if (!tc_is(ir, v, TC_OP_add)) return v;
  tc_value last = tc_input(ir, tc_op_at(ir, v), 1);
  if (!tc_const_of(ir, last, &x)) return v;
  *constant = last;
  return tc_input(ir, tc_op_at(ir, v), 0);
}

/* Constants stay outside, so that sums that differ in them share the rest. */
tc_value tc_lower_add(tc_lower *lw, tc_value a, tc_value b) {
  tc_value x = {0}, y = {0};
  if (!a.id) return b;
  if (!b.id) return a;
  a = without_constant(lw->ir, a, &x);
  b = without_constant(lw->ir, b, &y);
  tc_value sum = tc_binary(lw->ir, TC_OP_add, a, b);
  if (x.id) sum = tc_binary(lw->ir, TC_OP_add, sum, x);
  return y.id ? tc_binary(lw->ir, TC_OP_add, sum, y) : sum;
}

tc_value tc_lower_mul(tc_lower *lw, tc_value a, int64_t by) {
  return tc_binary(lw->ir, TC_OP_mul, a, tc_const_int(lw->ir, tc_value_type(lw->ir, a), by));
}

tc_value tc_lower_div(tc_lower *lw, tc_value a, int64_t by) {
  return tc_binary(lw->ir, TC_OP_floordiv, a, tc_i32(lw->ir, by));
}

tc_value tc_lower_mod(tc_lower *lw, tc_value a, int64_t by) {
  return tc_binary(lw->ir, TC_OP_floormod, a, tc_i32(lw->ir, by));
}

tc_value tc_lower_local(tc_lower *lw) {
  if (lw->count == 1) return tc_i32(lw->ir, 0);
  return tc_lower_add(lw, lw->tx, tc_i32(lw->ir, -lw->first));
}

/* Digits above the greatest value that the input has need no remainder. */
static tc_value term_value(tc_lower *lw, const tc_layout_term *t, tc_value in) {
  if (!in.id) return tc_i32(lw->ir, 0);
  tc_interval range = tc_prove_interval(lw->prover, in);
  tc_value x = t->div > 1 ? tc_lower_div(lw, in, t->div) : in;
  bool small = range.lo >= 0 && t->mod && range.hi / t->div < t->mod;
  if (t->mod && !small) x = tc_lower_mod(lw, x, t->mod);
  if (t->inner_div > 1) x = tc_lower_div(lw, x, t->inner_div);
  if (t->inner_mod) x = tc_lower_mod(lw, x, t->inner_mod);
  return tc_lower_mul(lw, x, t->step);
}

tc_value tc_lower_digits(tc_lower *lw, const tc_layout_digits *d, const tc_value in[TC_N_SPACES]) {
  tc_ir *ir = lw->ir;
  tc_value bits = {0}, sum = {0};
  for (uint32_t i = 0; i < d->n_terms; i++) {
    const tc_layout_term *t = &d->terms[i];
    tc_value x = term_value(lw, t, in[t->space]);
    if (!t->is_xor) sum = tc_lower_add(lw, sum, x);
    if (t->is_xor) bits = bits.id ? tc_binary(ir, TC_OP_xor, bits, x) : x;
  }
  tc_value base = tc_i32(ir, d->xor_base);
  bits = bits.id ? tc_binary(ir, TC_OP_xor, bits, base) : base;
  return tc_lower_add(lw, tc_lower_add(lw, bits, sum), tc_i32(ir, d->add_base));
}

/* ---- distances ---- */

enum { MAX_LEAVES = 24 };

typedef struct linear {
  uint32_t n;
  bool many; /* too many leaves */
  uint64_t constant;
  tc_value leaf[MAX_LEAVES];
  uint64_t by[MAX_LEAVES];
} linear;

static void linear_leaf(linear *l, tc_value v, uint64_t by) {
  for (uint32_t i = 0; i < l->n; i++)
    if (l->leaf[i].id == v.id) {
      l->by[i] += by;
      return;
    }
  if (l->n == MAX_LEAVES) {
    l->many = true;
    return;
  }
  l->leaf[l->n] = v;
  l->by[l->n++] = by;
}

static void linear_add(const tc_ir *ir, linear *l, tc_value v, uint64_t by, uint32_t depth) {
  const tc_op *op = tc_op_at(ir, v);
  int64_t x;
  if (tc_const_of(ir, v, &x)) {
    l->constant += by * (uint64_t)x;
  } else if (depth < 32 && (op->opcode == TC_OP_add || op->opcode == TC_OP_sub)) {
    linear_add(ir, l, tc_input(ir, op, 0), by, depth + 1);
    linear_add(ir, l, tc_input(ir, op, 1), op->opcode == TC_OP_add ? by : -by, depth + 1);
  } else if (depth < 32 && op->opcode == TC_OP_mul && tc_const_of(ir, tc_input(ir, op, 1), &x)) {
    linear_add(ir, l, tc_input(ir, op, 0), by * (uint64_t)x, depth + 1);
  } else {
    linear_leaf(l, v, by);
  }
}

/* Modulo 2^32, which is enough for indices in range; 64-bit ones are not taken apart. */
bool tc_lower_distance(tc_lower *lw, tc_value a, tc_value b, int64_t *by) {
  if (a.id == b.id) return *by = 0, true;
  if (!tc_type_equal(tc_value_type(lw->ir, a), tc_scalar_type(TC_DT_int32))) return false;
  if (!tc_type_equal(tc_value_type(lw->ir, b), tc_scalar_type(TC_DT_int32))) return false;
  linear l = {0};
  linear_add(lw->ir, &l, b, 1, 0);
  linear_add(lw->ir, &l, a, (uint64_t)-1, 0);
  if (l.many) return false;
  for (uint32_t i = 0; i < l.n; i++)
    if ((uint32_t)l.by[i]) return false;
  *by = (int32_t)(uint32_t)l.constant;
  return true;
}

/* ---- regions ---- */

tc_lower_mark tc_lower_enter(tc_lower *lw, tc_value stmt, uint32_t region) {
  tc_lower_mark mark = {lw->at};
  tc_prove_enter(lw->prover, stmt, region);
  lw->at = tc_child(lw->ir, tc_op_at(lw->ir, stmt), region);
  return mark;
}

void tc_lower_leave(tc_lower *lw, tc_lower_mark mark) {
  if (!mark.at.id) return;
  tc_prove_pop(lw->prover);
  lw->at = mark.at;
}

tc_lower_mark tc_lower_if(tc_lower *lw, tc_value cond) {
  int64_t x;
  if (!cond.id || (tc_const_of(lw->ir, cond, &x) && x)) return (tc_lower_mark){{0}};
  return tc_lower_enter(lw, tc_if(lw->ir, lw->at, cond, lw->span), 0);
}

tc_lower_mark tc_lower_one(tc_lower *lw) {
  if (lw->count == 1 || lw->single) return (tc_lower_mark){{0}};
  return tc_lower_if(lw, tc_binary(lw->ir, TC_OP_eq, lw->tx, tc_i32(lw->ir, lw->first)));
}

tc_value tc_lower_lane0(tc_lower *lw) {
  return tc_binary(lw->ir, TC_OP_eq, tc_lower_mod(lw, lw->tx, TC_WARP), tc_i32(lw->ir, 0));
}

tc_value tc_lower_prim(tc_lower *lw, enum tc_prim_row row, uint32_t n, const tc_value *in,
                       uint32_t n_in) {
  tc_prim what = {.row = (uint16_t)row, .n = n, .reason = lw->reason};
  return tc_prim_stmt(lw->ir, lw->at, what, in, n_in, lw->span);
}

tc_value tc_lower_slice(tc_lower *lw, tc_buf array, tc_value base, int64_t n) {
  tc_value extent = tc_i32(lw->ir, n);
  return tc_slice(lw->ir, array, &base, &extent, true);
}

/* A new loop variable where the loop is made more than once. */
static uint32_t loop_payload(tc_lower *lw, tc_value stmt) {
  tc_loop loop = *tc_loop_of(lw->ir, stmt);
  if (!lw->nest) return tc_op_at(lw->ir, stmt)->payload;
  tc_var_info info = *tc_var_at(lw->ir, loop.var);
  tc_var var = tc_var_new(lw->ir, tc_name_of(lw->ir, info.name), TC_VAR_LOOP, info.type, info.span);
  tc_lower_map(lw, tc_var_value(lw->ir, loop.var), tc_var_value(lw->ir, var));
  loop.var = var;
  return tc_pl_loop(lw->ir, loop);
}

/* The statement again, with new operands and its regions lowered. */
static void keep(tc_lower *lw, tc_value stmt) {
  tc_ir *ir = lw->ir;
  const tc_op *op = tc_op_at(ir, stmt);
  const tc_op_info *row = tc_op_row((enum tc_opcode)op->opcode);
  tc_value *in = TC_NEW_ARRAY(lw->arena, op->n_in + 1u, tc_value);
  for (uint32_t k = 0; k < op->n_in; k++)
    in[k] = tc_lower_value(lw, tc_input(ir, op, k));
  uint32_t payload = op->opcode == TC_OP_for ? loop_payload(lw, stmt) : op->payload;
  tc_value made =
      tc_stmt(ir, lw->at, (enum tc_opcode)op->opcode, op->type, in, op->n_in, payload, op->span);
  for (uint32_t r = 0; r < row->n_regions; r++) {
    tc_region body = tc_child(ir, op, r);
    tc_lower_wave wave = tc_lower_wave_enter(lw, made, body);
    tc_lower_mark mark = tc_lower_enter(lw, made, r);
    tc_lower_region(lw, body);
    tc_lower_leave(lw, mark);
    tc_lower_wave_leave(lw, wave);
  }
  tc_prove_after(lw->prover, made);
  if (op->type.dtype != TC_DT_void) tc_lower_map(lw, stmt, made);
}

/* What no code is made for yet. */
TC_NORETURN static void refuse_op(tc_lower *lw, enum tc_opcode opcode) {
  static const struct {
    enum tc_opcode opcode;
    const char *what, *help;
  } ROWS[] = {
      {TC_OP_scan, "a scan (T.cumsum, T.cummax)",
       "a T.serial loop along the dimension inside a T.Parallel loop over the others computes it"},
      {TC_OP_im2col, "T.c2d_im2col", "copy the elements with a T.Parallel loop"},
      {TC_OP_print, "T.print", "run the kernel on target interp, which prints"},
      {TC_OP_wait, "a wait for memory that others write",
       "targets interp and cpu run blocks that wait for blocks"},
  };
  for (size_t i = 0; i < TC_COUNT(ROWS); i++)
    if (ROWS[i].opcode == opcode) tc_lower_refuse_help(lw, ROWS[i].what, ROWS[i].help);
  tc_lower_refuse(lw, tc_op_row(opcode)->name);
}

static void tile_op(tc_lower *lw, tc_value stmt) {
  switch ((int)tc_op_at(lw->ir, stmt)->opcode) { /* table */
  case TC_OP_copy:
    tc_lower_copy(lw, stmt);
    return;
  case TC_OP_fill:
    tc_lower_fill(lw, stmt);
    return;
  case TC_OP_transpose:
    tc_lower_transpose(lw, stmt);
    return;
  case TC_OP_reduce:
    tc_lower_reduce(lw, stmt);
    return;
  case TC_OP_atomic_tile:
    tc_lower_atomic_tile(lw, stmt);
    return;
  case TC_OP_gemm:
    tc_lower_gemm(lw, stmt);
    return;
  case TC_OP_parallel:
    tc_lower_parallel(lw, stmt);
    return;
  }
  refuse_op(lw, (enum tc_opcode)tc_op_at(lw->ir, stmt)->opcode);
}

static void lower_stmt(tc_lower *lw, tc_value stmt) {
  switch ((int)tc_op_at(lw->ir, stmt)->opcode) { /* table */
  case TC_OP_alloc:
    tc_lower_alloc(lw, stmt);
    return;
  case TC_OP_load:
  case TC_OP_store:
  case TC_OP_atomic:
    tc_lower_access_stmt(lw, stmt);
    return;
  case TC_OP_perthread:
    tc_lower_perthread(lw, stmt);
    return;
  case TC_OP_barrier:
    tc_lower_barrier(lw, stmt);
    return;
  case TC_OP_mbarrier:
    tc_lower_mbarrier(lw, stmt);
    return;
  case TC_OP_async_commit:
  case TC_OP_async_wait:
    tc_lower_async(lw, stmt);
    return;
  case TC_OP_fence:
    tc_lower_fence(lw, stmt);
    return;
  case TC_OP_lockstep:
    tc_lower_lockstep(lw, stmt);
    return;
  case TC_OP_for:
  case TC_OP_while:
  case TC_OP_if:
  case TC_OP_break:
  case TC_OP_continue:
  case TC_OP_yield:
  case TC_OP_eval:
  case TC_OP_assert:
    keep(lw, stmt);
    return;
  case TC_OP_collective:
    tc_lower_collective(lw, stmt);
    return;
  case TC_OP_hint:
  case TC_OP_assume:
    return;
  }
  tile_op(lw, stmt);
}

void tc_lower_region(tc_lower *lw, tc_region old) {
  const tc_block *block = tc_block_at(lw->ir, old);
  for (uint32_t i = 0; i < block->ops.n;) {
    tc_value stmt = block->ops.at[i];
    const tc_op *op = tc_op_at(lw->ir, stmt);
    lw->span = op->span;
    if (op->opcode == TC_OP_group) {
      i = tc_lower_groups(lw, block, i);
    } else if (tc_lower_is_init(lw->ir, stmt)) {
      i = tc_lower_inits(lw, block, i);
    } else {
      lower_stmt(lw, stmt);
      i++;
    }
  }
}

/* ---- the kernel ---- */

static void one_dimension(tc_lower *lw, tc_value stmt) {
  tc_kernel *kernel = tc_kernel_of(lw->ir, stmt);
  lw->n_threads = tc_kernel_threads(kernel);
  lw->thread = tc_var_new(lw->ir, "tx", TC_VAR_THREAD, tc_scalar_type(TC_DT_int32),
                          tc_op_at(lw->ir, stmt)->span);
  kernel = tc_kernel_of(lw->ir, stmt);
  for (uint32_t d = 0; d < 3; d++) {
    kernel->threads[d] = d ? 1 : lw->n_threads;
    kernel->thread[d] = (tc_var){0};
  }
  kernel->thread[0] = lw->thread;
  lw->tx = tc_var_value(lw->ir, lw->thread);
  lw->count = lw->n_threads;
  if (kernel->n_grid == 1) lw->block = kernel->block[0];
  lw->blocks = tc_i32(lw->ir, 1);
  for (uint32_t d = 0; d < kernel->n_grid; d++)
    lw->blocks = tc_binary(lw->ir, TC_OP_mul, lw->blocks,
                           tc_lower_int(lw, tc_input(lw->ir, tc_op_at(lw->ir, stmt), d)));
}

/* The maps are fetched before they are needed; they are made while the body is lowered. */
static void fetch_maps(tc_lower *lw) {
  uint32_t n = tc_block_at(lw->ir, lw->top)->ops.n;
  if (!lw->maps.n) return;
  lw->at = lw->top;
  tc_lower_mark mark = tc_lower_one(lw);
  for (uint32_t i = 0; i < lw->maps.n; i++) {
    tc_value whole = tc_slice_whole(lw->ir, lw->maps.at[i]);
    tc_lower_prim(lw, TC_PRIM_tensor_map_fetch, 0, &whole, 1);
  }
  tc_lower_leave(lw, mark);
  tc_block *block = tc_block_at(lw->ir, lw->top);
  uint32_t more = block->ops.n - n;
  tc_value *made = tc_arena_copy(lw->arena, block->ops.at + n, more * sizeof *made);
  for (uint32_t i = n; i > 0; i--)
    block->ops.at[i - 1 + more] = block->ops.at[i - 1];
  for (uint32_t i = 0; i < more; i++)
    block->ops.at[i] = made[i];
}

/* Code of single threads may have them meet where only some come by. */
static void check_meetings(tc_lower *lw) {
  const char *who;
  tc_value stmt = tc_converge_find(lw->ir, lw->kernel, lw->arena, &who);
  if (!stmt.id) return;
  TC_DIAG(lw->ir->diags, D_partial_meeting, tc_op_at(lw->ir, stmt)->span, who);
  tc_diag_stop(lw->ir->diags);
}

/* Returns the region of what the function must allocate before. */
static tc_region lower_kernel(tc_ir *ir, const tc_pass_context *cx, tc_value stmt) {
  tc_lower lw = {.ir = ir, .arena = cx->scratch, .prover = cx->prover, .next_named = 1};
  lw.subst = lw.views = tc_map_in(cx->scratch);
  lw.span = tc_op_at(ir, stmt)->span;
  const tc_op *op = tc_op_at(ir, stmt);
  tc_region old = tc_child(ir, op, 0);
  lw.kernel = stmt;
  lw.old = old;
  lw.limits = cx->options->limits;
  one_dimension(&lw, stmt);
  lw.top = lw.at = tc_region_new(ir);
  lw.before = tc_region_new(ir);
  ir->child_regions.at[op->regions] = lw.top;
  tc_prove_enter(cx->prover, stmt, 0);
  tc_prove_bind(cx->prover, lw.thread, tc_i32(ir, 0), tc_i32(ir, lw.n_threads));
  tc_lower_find_buffers(&lw, old);
  tc_lower_threads(&lw, old);
  fetch_maps(&lw);
  check_meetings(&lw);
  tc_prove_pop(cx->prover);
  return lw.before;
}

void tc_pass_lower(tc_ir *ir, const tc_pass_context *cx) {
  tc_block old = *tc_block_at(ir, ir->body), made = {0};
  for (uint32_t i = 0; i < old.ops.n; i++) {
    tc_value stmt = old.ops.at[i];
    enum tc_opcode opcode = (enum tc_opcode)tc_op_at(ir, stmt)->opcode;
    if (opcode == TC_OP_kernel) {
      const tc_block *before = tc_block_at(ir, lower_kernel(ir, cx, stmt));
      for (uint32_t k = 0; k < before->ops.n; k++)
        tc_vec_push(ir->arena, &made.ops, before->ops.at[k]);
    }
    if (opcode != TC_OP_hint) tc_vec_push(ir->arena, &made.ops, stmt);
  }
  *tc_block_at(ir, ir->body) = made;
}
