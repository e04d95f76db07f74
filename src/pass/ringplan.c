#include "pass/ringplan.h"

#include "pass/effects.h"

int64_t tc_team_warps(tc_team team) {
  return (team.count + TC_WARP - 1) / TC_WARP;
}

const tc_ring_plan *tc_ring_plan_of(const tc_ring_plans *plans, uint32_t ring) {
  for (uint32_t i = 0; i < plans->n; i++)
    if (plans->at[i].ring == ring) return &plans->at[i];
  return NULL;
}

static bool has_buf(const tc_ir *ir, const tc_ring_plan *plan, tc_buf buf) {
  const tc_ring *ring = &ir->rings.at[plan->ring];
  for (uint32_t k = 0; k < ring->n_bufs; k++)
    if (ring->bufs[k].id == buf.id) return true;
  return false;
}

const tc_ring_plan *tc_ring_plan_of_buf(const tc_ir *ir, const tc_ring_plans *plans, tc_buf buf) {
  for (uint32_t i = 0; i < plans->n; i++)
    if (has_buf(ir, &plans->at[i], buf)) return &plans->at[i];
  return NULL;
}

/* ---- who uses it ---- */

static void add_consumer(tc_ir *ir, tc_ring_plan *plan, const tc_work *work) {
  for (uint32_t i = 0; i < plan->n_consumers; i++)
    if (plan->consumer[i].id == work->group.id) return;
  if (plan->n_consumers == TC_RING_GROUPS) {
    TC_DIAG(ir->diags, D_ring_use, tc_op_at(ir, work->stmt)->span, "too many groups use it");
    return;
  }
  plan->consumer[plan->n_consumers] = work->group;
  plan->using[plan->n_consumers++] = work->team;
}

static void add_step(tc_ir *ir, tc_ring_plan *plan, const tc_work *work) {
  enum tc_opcode op = (enum tc_opcode)tc_op_at(ir, work->stmt)->opcode;
  if (work->single)
    TC_DIAG(ir->diags, D_ring_use, tc_op_at(ir, work->stmt)->span,
            "a step of it is in the code of single threads");
  if (op == TC_OP_ring_skip) plan->shared_out = true;
  if (op != TC_OP_ring_acquire && op != TC_OP_ring_commit) {
    add_consumer(ir, plan, work);
  } else if (!plan->producer.id) {
    plan->producer = work->group;
    plan->filling = work->team;
  } else if (plan->producer.id != work->group.id) {
    TC_DIAG(ir->diags, D_ring_use, tc_op_at(ir, work->stmt)->span, "two groups fill it");
  }
}

static void add_readers(tc_ir *ir, const tc_works *works, tc_ring_plan *plan) {
  for (uint32_t i = 0; i < works->n; i++) {
    tc_touch touch[TC_MAX_TOUCHES];
    tc_value stmt = works->at[i].stmt;
    uint32_t n = tc_touches_of(ir, stmt, touch);
    bool engine = tc_is(ir, stmt, TC_OP_gemm) && tc_gemm_of(ir, stmt)->engine == TC_ENGINE_wgmma;
    for (uint32_t k = 0; k < n; k++) {
      if ((touch[k].kind & TC_TOUCH_WRITE) || !has_buf(ir, plan, touch[k].buf)) continue;
      plan->read_by_engine = plan->read_by_engine || engine;
      plan->read_by_threads = plan->read_by_threads || !engine;
    }
  }
}

static bool fills(const tc_ir *ir, const tc_ring_plan *plan, tc_value stmt) {
  tc_touch touch[TC_MAX_TOUCHES];
  uint32_t n = tc_touches_of(ir, stmt, touch);
  for (uint32_t i = 0; i < n; i++)
    if ((touch[i].kind & TC_TOUCH_WRITE) && has_buf(ir, plan, touch[i].buf)) return true;
  return false;
}

static enum tc_ring_kind kind_of(tc_ir *ir, const tc_works *works, const tc_ring_plan *plan) {
  uint32_t bulk = 0, other = 0;
  if (!ir->rings.at[plan->ring].depth) return TC_RING_BATON;
  for (uint32_t i = 0; i < works->n; i++) {
    tc_value stmt = works->at[i].stmt;
    if (!fills(ir, plan, stmt)) continue;
    bool is_bulk = tc_is(ir, stmt, TC_OP_copy) && tc_copy_of(ir, stmt)->engine == TC_ENGINE_tma;
    bulk += is_bulk;
    other += !is_bulk;
  }
  if (bulk && other)
    TC_DIAG(ir->diags, D_ring_use, tc_op_at(ir, plan->stmt)->span,
            "the bulk copy engine and threads both fill it");
  if (bulk) return TC_RING_BULK;
  bool same = plan->n_consumers == 1 && plan->consumer[0].id == plan->producer.id;
  return same ? TC_RING_QUEUE : TC_RING_HANDED;
}

static bool is_step(const tc_ir *ir, tc_value stmt) {
  return tc_op_row((enum tc_opcode)tc_op_at(ir, stmt)->opcode)->payload == TC_PL_RINGREF;
}

void tc_ring_plans_of(tc_ir *ir, const tc_works *works, tc_arena *arena, tc_ring_plans *out) {
  for (uint32_t i = 0; i < works->n; i++)
    if (tc_is(ir, works->at[i].stmt, TC_OP_ring))
      tc_vec_push(arena, out,
                  ((tc_ring_plan){.ring = tc_op_at(ir, works->at[i].stmt)->payload,
                                  .stmt = works->at[i].stmt}));
  for (uint32_t i = 0; i < works->n; i++) {
    if (!is_step(ir, works->at[i].stmt)) continue;
    uint32_t ring = tc_ring_ref_of(ir, works->at[i].stmt)->ring;
    for (uint32_t k = 0; k < out->n; k++)
      if (out->at[k].ring == ring) add_step(ir, &out->at[k], &works->at[i]);
  }
  for (uint32_t k = 0; k < out->n; k++) {
    out->at[k].kind = kind_of(ir, works, &out->at[k]);
    add_readers(ir, works, &out->at[k]);
  }
}

/* ---- barriers in memory ---- */

uint32_t tc_ring_barriers(const tc_ir *ir, const tc_ring_plan *plan, uint32_t counts[2]) {
  counts[0] = counts[1] = ir->rings.at[plan->ring].depth;
  if (plan->kind == TC_RING_BATON) counts[0] = plan->n_consumers;
  if (plan->kind == TC_RING_QUEUE) return 0;
  return plan->kind == TC_RING_BATON ? 1 : 2;
}

int64_t tc_ring_releases(const tc_ring_plan *plan) {
  int64_t warps = 0;
  for (uint32_t i = 0; i < plan->n_consumers; i++)
    if (!plan->shared_out || i == 0) warps += tc_team_warps(plan->using[i]);
  return warps;
}
