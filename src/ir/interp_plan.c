/* What threads mean in a kernel: whether it must run in strands, which they are, and which local
 * buffers each of them, or each thread, has for itself. */
#include "ir/interp_threads.h"

#include "ir/form.h"
#include "ir/walk.h"

#include <stdlib.h>

/* How a root buffer is used. */
enum { MADE = 1, INSIDE = 2, OUTSIDE = 4, WRITTEN_INSIDE = 8, MADE_OUTSIDE = 16 };

typedef struct place { /* of a statement */
  bool in_perthread, in_while;
} place;

typedef struct scan {
  tc_machine *m;
  tc_ir *ir;
  tc_kernel_plan *plan;
  uint8_t *uses; /* by root buffer id */
  TC_VEC(tc_range) teams;
  TC_VEC(int64_t) cuts;
} scan;

/* ---- what meets ---- */

/* An access of memory that others change meanwhile. */
static bool is_ordered(const tc_ir *ir, tc_value stmt) {
  uint16_t opcode = tc_op_at(ir, stmt)->opcode;
  return opcode == TC_OP_atomic
         || (opcode == TC_OP_load && tc_access_of(ir, stmt)->order != TC_ORDER_NONE);
}

static bool waits(const tc_ir *ir, tc_value stmt) {
  uint16_t opcode = tc_op_at(ir, stmt)->opcode;
  if (opcode == TC_OP_mbarrier) return tc_mbarrier_of(ir, stmt)->kind == TC_MBAR_WAIT;
  return opcode == TC_OP_barrier || opcode == TC_OP_collective || opcode == TC_OP_wait;
}

static uint32_t n_regions(const tc_op *op) {
  return tc_op_row((enum tc_opcode)op->opcode)->n_regions;
}

static uint64_t count_meetings(tc_ir *ir, tc_region region, bool in_while) {
  const tc_block *block = tc_block_at(ir, region);
  uint64_t n = 0;
  for (uint32_t i = 0; i < block->ops.n; i++) {
    tc_value stmt = block->ops.at[i];
    const tc_op *op = tc_op_at(ir, stmt);
    n += waits(ir, stmt) || (in_while && is_ordered(ir, stmt));
    for (uint32_t r = 0; r < n_regions(op); r++)
      n += count_meetings(ir, tc_child(ir, op, r), in_while || op->opcode == TC_OP_while);
  }
  return n;
}

bool tc_interp_meets(tc_ir *ir, tc_region body) {
  return count_meetings(ir, body, false) != 0;
}

int64_t tc_interp_lone_collective(tc_ir *ir, tc_region body) {
  const tc_block *block = tc_block_at(ir, body);
  if (count_meetings(ir, body, false) != 1) return -1;
  for (uint32_t i = 0; i < block->ops.n; i++)
    if (tc_is(ir, block->ops.at[i], TC_OP_collective)) return i;
  return -1;
}

/* ---- the walk ---- */

static void note_use(scan *s, tc_buf buf, uint32_t effect, place at) {
  uint8_t *use = &s->uses[tc_buf_at(s->ir, buf)->root.id];
  *use |= at.in_perthread ? INSIDE : OUTSIDE;
  if (at.in_perthread && (effect & TC_WRITE)) *use |= WRITTEN_INSIDE;
}

static void note_uses(scan *s, tc_value stmt, place at) {
  const tc_op *op = tc_op_at(s->ir, stmt);
  uint32_t effect = tc_op_row((enum tc_opcode)op->opcode)->effect;
  tc_buf buf;
  if (op->opcode == TC_OP_alloc) {
    uint8_t *use = &s->uses[tc_buf_at(s->ir, (tc_buf){op->payload})->root.id];
    *use |= MADE | (at.in_perthread ? INSIDE | WRITTEN_INSIDE : MADE_OUTSIDE);
    return;
  }
  if (op->opcode == TC_OP_hint) return;
  for (uint32_t k = 0; (buf = tc_stmt_buf(s->ir, op, k)).id; k++)
    note_use(s, buf, effect, at);
  for (uint32_t k = 0; k < op->n_in; k++)
    if (tc_is(s->ir, tc_input(s->ir, op, k), TC_OP_slice))
      note_use(s, tc_slice_buf(s->ir, tc_input(s->ir, op, k)), effect, at);
}

static void note_group(scan *s, const tc_group *group) {
  tc_range range = {group->first, group->count};
  if (range.first != 0 || range.count != s->plan->threads) s->plan->threaded = true;
  tc_vec_push(&s->m->arena, &s->teams, range);
  tc_vec_push(&s->m->arena, &s->cuts, range.first);
  tc_vec_push(&s->m->arena, &s->cuts, range.first + range.count);
}

static void note_barrier(scan *s, const tc_barrier *barrier, place at) {
  if (at.in_perthread || barrier->id >= 0) s->plan->threaded = true;
  bool cluster = barrier->sync_scope == TC_SYNC_CLUSTER && s->plan->clusters > 1;
  if (cluster || barrier->sync_scope == TC_SYNC_DEVICE || barrier->sync_scope == TC_SYNC_SYSTEM)
    s->plan->threaded = s->plan->coresident = true;
}

static void note_ordered(scan *s, tc_value stmt) {
  bool global = tc_buf_at(s->ir, tc_access_buf(s->ir, stmt))->scope == TC_SCOPE_global;
  s->plan->threaded = true;
  if (global && tc_is(s->ir, stmt, TC_OP_load)) s->plan->coresident = true;
}

/* table */
static void note_stmt(scan *s, tc_value stmt, place at) {
  const tc_op *op = tc_op_at(s->ir, stmt);
  tc_kernel_plan *plan = s->plan;
  switch (op->opcode) {
  case TC_OP_group:
    note_group(s, &s->ir->groups.at[op->payload]);
    break;
  case TC_OP_ring:
  case TC_OP_collective:
  case TC_OP_mbarrier:
  case TC_OP_async_commit:
  case TC_OP_async_wait:
    plan->threaded = true;
    break;
  case TC_OP_copy:
    if (tc_copy_of(s->ir, stmt)->flags & TC_COPY_ASYNC) plan->threaded = plan->flies = true;
    break;
  case TC_OP_gemm:
    if (tc_gemm_of(s->ir, stmt)->async) plan->threaded = plan->flies = true;
    break;
  case TC_OP_wait:
    plan->threaded = plan->coresident = true;
    break;
  case TC_OP_barrier:
    note_barrier(s, &s->ir->barriers.at[op->payload], at);
    break;
  case TC_OP_load:
  case TC_OP_atomic:
    if (at.in_while && is_ordered(s->ir, stmt)) note_ordered(s, stmt);
    break;
  default:
    break;
  }
}

static void scan_region(scan *s, tc_region region, place at) {
  const tc_block *block = tc_block_at(s->ir, region);
  for (uint32_t i = 0; i < block->ops.n; i++) {
    tc_value stmt = block->ops.at[i];
    const tc_op *op = tc_op_at(s->ir, stmt);
    note_uses(s, stmt, at);
    note_stmt(s, stmt, at);
    place below = at;
    below.in_perthread = at.in_perthread || op->opcode == TC_OP_perthread;
    below.in_while = at.in_while || op->opcode == TC_OP_while;
    for (uint32_t r = 0; r < n_regions(op); r++)
      scan_region(s, tc_child(s->ir, op, r), below);
  }
}

/* ---- the result ---- */

static void place_buffers(scan *s, tc_value kernel) {
  tc_kernel_plan *plan = s->plan;
  TC_VEC(tc_buf) chip = {0}, uniform = {0}, varying = {0};
  for (uint32_t id = 1; id < s->ir->bufs.n; id++) {
    const tc_buf buf = {id};
    enum tc_scope scope = tc_buf_at(s->ir, buf)->scope;
    uint8_t use = s->uses[id];
    if (!(use & MADE)) continue;
    if (scope != TC_SCOPE_local && scope != TC_SCOPE_var) {
      tc_vec_push(&s->m->arena, &chip, buf);
    } else if ((use & INSIDE) && !(use & OUTSIDE)) {
      if (use & MADE_OUTSIDE) plan->threaded = true;
      tc_vec_push(&s->m->arena, &varying, buf);
    } else {
      if (use & WRITTEN_INSIDE)
        tc_interp_unsupported(s->m, kernel,
                              tc_format(s->ir->diags->arena,
                                        "local buffer '%s', which both single threads and all of "
                                        "them together use",
                                        tc_interp_name(s->m, buf)));
      tc_vec_push(&s->m->arena, &uniform, buf);
    }
  }
  plan->chip = chip.at, plan->n_chip = chip.n;
  plan->uniform = uniform.at, plan->n_uniform = uniform.n;
  plan->varying = varying.at, plan->n_varying = varying.n;
}

static int by_value(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return x < y ? -1 : x > y;
}

/* The ranges between neighbouring bounds of groups. */
static void cut_atoms(scan *s) {
  tc_kernel_plan *plan = s->plan;
  tc_vec_push(&s->m->arena, &s->cuts, 0);
  tc_vec_push(&s->m->arena, &s->cuts, plan->threads);
  qsort(s->cuts.at, s->cuts.n, sizeof *s->cuts.at, by_value);
  plan->atoms = TC_NEW_ARRAY(&s->m->arena, s->cuts.n, tc_range);
  for (uint32_t i = 0; i + 1 < s->cuts.n; i++) {
    int64_t first = s->cuts.at[i], count = s->cuts.at[i + 1] - first;
    if (count > 0 && first >= 0 && first + count <= plan->threads)
      plan->atoms[plan->n_atoms++] = (tc_range){first, count};
  }
}

const tc_kernel_plan *tc_interp_plan(tc_machine *m, tc_value kernel) {
  tc_kernel_plan *plan = TC_NEW(&m->arena, tc_kernel_plan);
  const tc_kernel *k = tc_kernel_of(m->ir, kernel);
  scan s = {
      .m = m, .ir = m->ir, .plan = plan, .uses = TC_NEW_ARRAY(&m->arena, m->ir->bufs.n, uint8_t)};
  plan->threaded = plan->flies = m->races;
  plan->threads = tc_kernel_threads(k);
  plan->clusters = tc_kernel_cluster(k);
  tc_vec_push(&m->arena, &s.teams, ((tc_range){0, plan->threads}));
  scan_region(&s, tc_child(m->ir, tc_op_at(m->ir, kernel), 0), (place){0});
  place_buffers(&s, kernel);
  cut_atoms(&s);
  plan->teams = s.teams.at;
  plan->n_teams = s.teams.n;
  return plan;
}

int64_t tc_interp_index_of(const tc_ir *ir, const tc_buf *list, uint32_t n, tc_buf buf) {
  tc_buf root = tc_buf_at(ir, buf)->root;
  for (uint32_t i = 0; i < n; i++)
    if (list[i].id == root.id) return i;
  return -1;
}
