/* steps: operands of matrix products are in registers one step of k before they are multiplied.
 *
 * Input       loops that pass `rotate` has turned around: waits for versions, the filling of later
 *             ones, one product of mma.sync of whole versions, releases.
 * Output      the product as products of single steps of k, its operands in two fragments in turn.
 *             A step is loaded while the one before is multiplied; the first step of an iteration
 *             in the one before it, after the wait that stood at its beginning.
 * Invariants  versions are waited for, filled and released in the same order; sums are in the same
 *             order.
 * Example     for k = 0 to n {                  wait; load A0 B0
 *               wait; fill;                     for k = 0 to n - 1 {
 *               gemm A_s, B_s -> C        ->      load A1 B1; gemm A0, B0 -> C; fill; release
 *               release                           wait; load A0 B0; gemm A1, B1 -> C
 *             }                                 }
 *                                               load A1 B1; gemm A0, B0 -> C; gemm A1, B1 -> C
 *                                               release
 *
 * Without this, warps that have just met at a barrier find nothing to multiply until their first
 * loads arrive. The method is that of CUTLASS's multistage main loop. */
#include "ir/build.h"
#include "ir/walk.h"
#include "pass/clone.h"
#include "pass/effects.h"
#include "pass/onchip.h"
#include "pass/rings.h"
#include "pass/tiles.h"

enum { STEP_BITS = 256, OTHER_REGISTERS = 48, MOST_REGISTERS = 255 };

typedef struct steps {
  tc_ir *ir;
  const tc_pass_context *cx;
  const tc_works *works;
  tc_value kernel, loop, gemm;
  tc_block *body;    /* of the loop, before */
  uint32_t at;       /* of the product in it */
  int64_t step, n;   /* elements of k in a step; steps */
  tc_buf part[2][2]; /* fragments: operand, turn */
  uint32_t k_dim[2]; /* of each operand */
  int64_t by;        /* of the loop: 1 or -1 */
  bool cleared;      /* before the loop */
} steps;

/* ---- which loops ---- */

static bool is_gemm(const tc_ir *ir, tc_value stmt) {
  return tc_is(ir, stmt, TC_OP_gemm) && tc_gemm_of(ir, stmt)->engine == TC_ENGINE_mma_sync;
}

/* What stands between the waits and the product, and may as well stand elsewhere. */
static bool is_filling(const steps *s, tc_value stmt) {
  tc_ir *ir = s->ir;
  if (tc_is(ir, stmt, TC_OP_hint) || tc_ring_is_filling(ir, stmt)) return true;
  if (tc_is(ir, stmt, TC_OP_async_commit)) return tc_async_of(ir, stmt)->queue == TC_ASYNC_CP;
  if (!tc_is(ir, stmt, TC_OP_if)) return false;
  for (uint32_t r = 0; r < 2; r++) {
    const tc_block *block = tc_block_at(ir, tc_child(ir, tc_op_at(ir, stmt), r));
    for (uint32_t i = 0; i < block->ops.n; i++)
      if (!is_filling(s, block->ops.at[i])) return false;
  }
  return true;
}

static bool find_product(steps *s) {
  tc_ir *ir = s->ir;
  bool found = false;
  for (uint32_t i = 0; i < s->body->ops.n; i++) {
    tc_value stmt = s->body->ops.at[i];
    if (is_gemm(ir, stmt) && !found) {
      found = true;
      s->at = i;
      s->gemm = stmt;
    } else if (found) {
      bool last = tc_is(ir, stmt, TC_OP_ring_release) && !tc_ring_ref_of(ir, stmt)->lag;
      if (!last && !tc_is(ir, stmt, TC_OP_hint)) return false;
    } else if (!tc_is(ir, stmt, TC_OP_ring_wait) && !is_filling(s, stmt)) {
      return false;
    }
  }
  return found;
}

/* Is there a wait for the buffer's versions in the loop? */
static bool is_waited_for(const steps *s, tc_buf buf) {
  for (uint32_t i = 0; i < s->at; i++) {
    tc_value stmt = s->body->ops.at[i];
    if (!tc_is(s->ir, stmt, TC_OP_ring_wait)) continue;
    const tc_ring *ring = &s->ir->rings.at[tc_ring_ref_of(s->ir, stmt)->ring];
    for (uint32_t k = 0; k < ring->n_bufs; k++)
      if (ring->bufs[k].id == buf.id) return true;
  }
  return false;
}

static bool measure_operand(steps *s, uint32_t operand, int64_t extents[2]) {
  tc_ir *ir = s->ir;
  const tc_gemm *g = tc_gemm_of(ir, s->gemm);
  tc_value slice = tc_input(ir, tc_op_at(ir, s->gemm), operand);
  tc_buf buf = tc_slice_buf(ir, slice);
  bool k_last = operand == 0 ? !g->trans_a : g->trans_b;
  uint32_t bits = tc_onchip_bits(ir, buf);
  int64_t all[TC_LAYOUT_DIMS];
  if (tc_buf_at(ir, buf)->rank != 2 || !tc_onchip_extents(ir, buf, all)) return false;
  s->k_dim[operand] = k_last;
  s->step = STEP_BITS / bits;
  s->n = all[s->k_dim[operand]] / s->step;
  extents[0] = all[0];
  extents[1] = all[1];
  /* ldmatrix turns around elements of 16 bits only. */
  return tc_onchip_is_whole(ir, slice) && is_waited_for(s, buf) && (bits == 16 || k_last)
         && all[s->k_dim[operand]] % s->step == 0 && s->n > 1 && s->n % 2 == 0;
}

static tc_team team_of(const steps *s) {
  for (uint32_t i = 0; i < s->works->n; i++)
    if (s->works->at[i].stmt.id == s->gemm.id) return s->works->at[i].team;
  return (tc_team){0, 0};
}

/* The sum and two steps of both operands, of a thread. */
static bool has_registers(const steps *s, int64_t m, int64_t n) {
  const tc_target_limits *limits = s->cx->options->limits;
  int64_t rows, columns, most = MOST_REGISTERS;
  int64_t threads = tc_kernel_threads(tc_kernel_of(s->ir, s->kernel));
  if (!tc_warp_partition(team_of(s).count / TC_WARP, m, n, 16, 8, 1,
                         tc_gemm_sharing(tc_gemm_of(s->ir, s->gemm)), &rows, &columns))
    return false;
  if (limits && limits->registers_per_sm / threads < most)
    most = limits->registers_per_sm / threads;
  int64_t warp_m = m / rows, warp_n = n / columns;
  int64_t words = (warp_m + warp_n) * STEP_BITS / 32 / TC_WARP;
  return warp_m * warp_n / TC_WARP + 2 * words + OTHER_REGISTERS <= most;
}

static bool is_candidate(steps *s) {
  int64_t a[2], b[2];
  if (!tc_const_of(s->ir, tc_input(s->ir, tc_op_at(s->ir, s->loop), 2), &s->by)
      || (s->by != 1 && s->by != -1))
    return false;
  if (!find_product(s) || tc_gemm_of(s->ir, s->gemm)->async) return false;
  if (!measure_operand(s, 0, a) || !measure_operand(s, 1, b)) return false;
  return has_registers(s, a[1 - s->k_dim[0]], b[1 - s->k_dim[1]]);
}

/* ---- parts of the new loop ---- */

static tc_value load_slice(steps *s, uint32_t operand, int64_t number) {
  tc_ir *ir = s->ir;
  tc_buf buf = tc_slice_buf(ir, tc_input(ir, tc_op_at(ir, s->gemm), operand));
  tc_value base[2] = {tc_i32(ir, 0), tc_i32(ir, 0)}, extent[2];
  for (uint32_t d = 0; d < 2; d++)
    extent[d] = tc_buf_at(ir, buf)->shape[d];
  base[s->k_dim[operand]] = tc_i32(ir, number * s->step);
  extent[s->k_dim[operand]] = tc_i32(ir, s->step);
  return tc_slice(ir, buf, base, extent, true);
}

static void load(steps *s, int64_t number, tc_region to) {
  tc_ir *ir = s->ir;
  tc_copy copy = {.engine = TC_ENGINE_ldmatrix};
  for (uint32_t k = 0; k < 2; k++) {
    tc_value in[2] = {load_slice(s, k, number), tc_slice_whole(ir, s->part[k][number % 2])};
    tc_stmt(ir, to, TC_OP_copy, tc_scalar_type(TC_DT_void), in, 2, tc_pl_copy(ir, copy),
            tc_op_at(ir, s->gemm)->span);
  }
}

/* Of the iteration with this `k`. */
static void multiply(steps *s, int64_t number, tc_value k, tc_region to) {
  tc_ir *ir = s->ir;
  const tc_op *op = tc_op_at(ir, s->gemm);
  tc_gemm what = *tc_gemm_of(ir, s->gemm);
  tc_span span = op->span;
  tc_value in[4] = {tc_slice_whole(ir, s->part[0][number % 2]),
                    tc_slice_whole(ir, s->part[1][number % 2]), tc_input(ir, op, 2)};
  uint32_t n = number || s->cleared ? 3 : op->n_in;
  if (n == 4) {
    tc_clone c = tc_clone_new(ir, s->cx->scratch, NULL, NULL);
    tc_clone_bind(&c, tc_loop_of(ir, s->loop)->var, k);
    in[3] = tc_clone_value(&c, tc_input(ir, op, 3));
  }
  if (number) what.clear = false;
  tc_stmt(ir, to, TC_OP_gemm, tc_scalar_type(TC_DT_void), in, n, tc_pl_gemm(ir, what), span);
}

enum kind { WAITS, FILLINGS, RELEASES };

/* The statements of one kind, of the iteration with this `k`. */
static void put(steps *s, enum kind kind, tc_value k, tc_region to) {
  tc_clone c = tc_clone_new(s->ir, s->cx->scratch, NULL, NULL);
  tc_clone_bind(&c, tc_loop_of(s->ir, s->loop)->var, k);
  for (uint32_t i = 0; i < s->body->ops.n; i++) {
    bool wait = tc_is(s->ir, s->body->ops.at[i], TC_OP_ring_wait);
    enum kind own = i > s->at ? RELEASES : wait ? WAITS : FILLINGS;
    if (i != s->at && own == kind) tc_clone_stmt(&c, s->body->ops.at[i], to);
  }
}

static void begin(steps *s, tc_value k, tc_region to) {
  put(s, WAITS, k, to);
  load(s, 0, to);
}

static void declare(steps *s, tc_region to) {
  tc_ir *ir = s->ir;
  tc_span span = tc_op_at(ir, s->gemm)->span;
  for (uint32_t k = 0; k < 2; k++)
    for (uint32_t turn = 0; turn < 2; turn++) {
      tc_value slice = load_slice(s, k, 0);
      const tc_buffer *b = tc_buf_at(ir, tc_slice_buf(ir, slice));
      tc_value shape[2] = {tc_slice_extent(ir, slice, 0), tc_slice_extent(ir, slice, 1)};
      const char *name = tc_format(ir->arena, "%s_step", tc_name_of(ir, b->name));
      s->part[k][turn] = tc_buf_new(ir, name, b->elem, TC_SCOPE_fragment, 2, shape, span);
      tc_alloc(ir, to, s->part[k][turn], span);
    }
}

/* ---- the new loop ---- */

/* Is there an iteration with this k? */
static tc_value is_inside(const steps *s, tc_value k) {
  tc_value hi = tc_input(s->ir, tc_op_at(s->ir, s->loop), 1);
  return s->by > 0 ? tc_binary(s->ir, TC_OP_lt, k, hi) : tc_binary(s->ir, TC_OP_lt, hi, k);
}

/* Statements for when the loop has iterations. */
static tc_region if_any(steps *s, tc_region to) {
  tc_ir *ir = s->ir;
  const tc_op *op = tc_op_at(ir, s->loop);
  tc_value any = is_inside(s, tc_input(ir, op, 0));
  int64_t sure;
  if (tc_const_of(ir, any, &sure) && sure) return to;
  return tc_child(ir, tc_op_at(ir, tc_if(ir, to, any, op->span)), 0);
}

/* Is the sum cleared in the first iteration, and in no other? */
static bool clears_at_first(const steps *s) {
  tc_ir *ir = s->ir;
  const tc_op *op = tc_op_at(ir, s->gemm);
  if (op->n_in != 4) return false;
  const tc_op *cond = tc_op_at(ir, tc_input(ir, op, 3));
  tc_value k = tc_var_value(ir, tc_loop_of(ir, s->loop)->var);
  tc_value lo = tc_input(ir, tc_op_at(ir, s->loop), 0);
  if (cond->opcode != TC_OP_eq) return false;
  tc_value a = tc_input(ir, cond, 0), b = tc_input(ir, cond, 1);
  return (a.id == k.id && b.id == lo.id) || (b.id == k.id && a.id == lo.id);
}

static void clear(steps *s, tc_region to) {
  tc_ir *ir = s->ir;
  const tc_op *op = tc_op_at(ir, s->gemm);
  tc_value sum = tc_input(ir, op, 2);
  tc_value in[2] = {sum, tc_zero(ir, tc_buf_at(ir, tc_slice_buf(ir, sum))->elem)};
  tc_stmt(ir, to, TC_OP_fill, tc_scalar_type(TC_DT_void), in, 2, 0, op->span);
}

static void prologue(steps *s, tc_region to) {
  tc_value lo = tc_input(s->ir, tc_op_at(s->ir, s->loop), 0);
  if (s->cleared) clear(s, to);
  begin(s, lo, to);
}

/* All steps but the last, each while the next one is loaded. Later versions are filled behind the
 * first, when there is enough to multiply. */
static void most(steps *s, tc_value k, bool fills, tc_region to) {
  for (int64_t i = 0; i + 1 < s->n; i++) {
    load(s, i + 1, to);
    multiply(s, i, k, to);
    if (i == 0 && fills) put(s, FILLINGS, k, to);
  }
}

static void steady(steps *s, tc_region to) {
  tc_ir *ir = s->ir;
  tc_value k = tc_var_value(ir, tc_loop_of(ir, s->loop)->var);
  tc_value next = tc_binary(ir, TC_OP_add, k, tc_input(ir, tc_op_at(ir, s->loop), 2));
  most(s, k, true, to);
  put(s, RELEASES, k, to);
  begin(s, next, to);
  multiply(s, s->n - 1, k, to);
}

/* The last iteration: there is no version left to fill. */
static void epilogue(steps *s, tc_value last, tc_region to) {
  most(s, last, false, to);
  multiply(s, s->n - 1, last, to);
  put(s, RELEASES, last, to);
}

/* The loop and what goes around it. */
static void turn(steps *s, tc_region to) {
  tc_ir *ir = s->ir;
  const tc_op *op = tc_op_at(ir, s->loop);
  tc_value in[3] = {tc_input(ir, op, 0), tc_input(ir, op, 1), tc_input(ir, op, 2)};
  tc_value last = tc_binary(ir, TC_OP_sub, in[1], in[2]);
  tc_region body = tc_region_new(ir), after = tc_region_new(ir);
  s->cleared = clears_at_first(s);
  declare(s, to);
  prologue(s, if_any(s, to));
  steady(s, body);
  epilogue(s, last, if_any(s, after));
  s->body->ops = tc_block_at(ir, body)->ops;
  in[1] = last;
  tc_set_inputs(ir, s->loop, in, 3);
  tc_vec_push(ir->arena, &tc_block_at(ir, to)->ops, s->loop);
  for (uint32_t i = 0; i < tc_block_at(ir, after)->ops.n; i++)
    tc_vec_push(ir->arena, &tc_block_at(ir, to)->ops, tc_block_at(ir, after)->ops.at[i]);
}

static void steps_in(steps *s, tc_region region) {
  tc_ir *ir = s->ir;
  tc_region to = tc_region_new(ir);
  tc_block *block = tc_block_at(ir, region);
  for (uint32_t i = 0; i < block->ops.n; i++) {
    tc_value stmt = block->ops.at[i];
    const tc_op *op = tc_op_at(ir, stmt);
    uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
    for (uint32_t k = 0; k < n; k++)
      steps_in(s, tc_child(ir, op, k));
    s->loop = stmt;
    s->body = op->opcode == TC_OP_for ? tc_block_at(ir, tc_child(ir, op, 0)) : NULL;
    if (s->body && is_candidate(s))
      turn(s, to);
    else
      tc_vec_push(ir->arena, &tc_block_at(ir, to)->ops, stmt);
  }
  block->ops = tc_block_at(ir, to)->ops;
}

void tc_pass_steps(tc_ir *ir, const tc_pass_context *cx) {
  for (uint32_t i = 0; i < tc_block_at(ir, ir->body)->ops.n; i++) {
    tc_value stmt = tc_block_at(ir, ir->body)->ops.at[i];
    if (!tc_is(ir, stmt, TC_OP_kernel)) continue;
    tc_works works = {.at = NULL};
    tc_works_of(ir, stmt, cx->scratch, &works);
    steps s = {.ir = ir, .cx = cx, .works = &works, .kernel = stmt};
    steps_in(&s, tc_child(ir, tc_op_at(ir, stmt), 0));
  }
}
