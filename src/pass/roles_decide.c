/* The numbers of pass roles: how many consumers, with how many registers, in which order. */
#include "ir/walk.h"
#include "pass/roles_private.h"
#include "pass/tiles.h"

typedef struct registers_row {
  int64_t consumers, accumulators, producer, consumer;
} registers_row;
static const registers_row REGISTER_ROWS[] = {
#define REGISTERS(consumers, accumulators, producer, consumer)                                     \
  {consumers, accumulators, producer, consumer},
#define LOCKSTEP(turns, elements, steps)
#include "pass/roles.def"
#undef REGISTERS
#undef LOCKSTEP
};

typedef struct lockstep_row {
  bool turns;
  int64_t elements, steps;
} lockstep_row;
static const lockstep_row LOCKSTEP_ROWS[] = {
#define REGISTERS(consumers, accumulators, producer, consumer)
#define LOCKSTEP(turns, elements, steps) {turns, elements, steps},
#include "pass/roles.def"
#undef REGISTERS
#undef LOCKSTEP
};

enum {
  MOST_WARPGROUPS = 3,
  MOST_ACCUMULATORS = 208, /* registers of a consumer's thread; 216 spill (measured) */
  SHORT_SUM = 2048         /* elements of K up to which taking turns pays (measured) */
};

/* ---- what products and fragments need ---- */

typedef struct needs {
  const tc_role_plan *plan;
  int64_t warpgroups;
  bool fits, rows; /* all products can be dealt out; by rows alone */
  int64_t fragment_b, tile, k;
  tc_span span; /* of the last fragment */
} needs;

static bool add(tc_ir *ir, tc_value stmt, void *data) {
  needs *n = data;
  const tc_op *op = tc_op_at(ir, stmt);
  if (op->opcode == TC_OP_alloc) {
    tc_buf buf = {op->payload};
    if (tc_buf_at(ir, buf)->scope != TC_SCOPE_fragment) return true;
    n->fragment_b += tc_tile_buf_bytes(ir, buf);
    n->span = op->span;
  }
  if (op->opcode != TC_OP_gemm) return true;
  int64_t m, columns, a0, a1;
  const char *why =
      tc_engine_refuses_gemm(ir, n->plan->cx->caps, TC_ENGINE_wgmma, stmt, 4 * n->warpgroups);
  n->fits = n->fits && !why;
  if (!tc_tile_matrix(ir, tc_input(ir, op, 2), &m, &columns)
      || !tc_tile_matrix(ir, tc_input(ir, op, 0), &a0, &a1))
    return true;
  n->rows = n->rows && m % (64 * n->warpgroups) == 0;
  n->tile = m * columns > n->tile ? m * columns : n->tile;
  n->k = tc_gemm_of(ir, stmt)->trans_a ? a0 : a1;
  return true;
}

static needs measure(const tc_role_plan *p, int64_t warpgroups) {
  needs n = {.plan = p, .warpgroups = warpgroups, .fits = true, .rows = true};
  tc_walk(p->ir, tc_child(p->ir, tc_op_at(p->ir, p->kernel), 0), add, &n);
  return n;
}

static int64_t accumulators(const needs *n) {
  int64_t per_thread_b = 4 * 4 * TC_WARP * n->warpgroups;
  return (n->fragment_b + per_thread_b - 1) / per_thread_b;
}

/* Two warpgroups hide each other's waits; by rows each reads its own part of A. */
static int64_t choose_warpgroups(const tc_role_plan *p) {
  static const int64_t ORDER[] = {2, 3, 1};
  for (int rows = 1; rows >= 0; rows--)
    for (size_t i = 0; i < TC_COUNT(ORDER); i++) {
      needs n = measure(p, ORDER[i]);
      if (n.fits && (n.rows || !rows) && accumulators(&n) <= MOST_ACCUMULATORS) return ORDER[i];
    }
  return 0;
}

/* ---- decisions ---- */

/* Versions of other rings would be shared by those who take turns. */
static bool has_one_ring(const tc_role_plan *p) {
  const tc_block *block = tc_block_at(p->ir, tc_child(p->ir, tc_op_at(p->ir, p->kernel), 0));
  uint32_t n = 0;
  for (uint32_t i = 0; i < block->ops.n; i++)
    n += tc_is(p->ir, block->ops.at[i], TC_OP_ring);
  return n == 1;
}

static bool choose_turns(const tc_role_plan *p) {
  needs n = measure(p, 1);
  return p->sum.id && has_one_ring(p) && p->steps > 0 && p->steps * n.k <= SHORT_SUM && n.fits
         && accumulators(&n) <= MOST_ACCUMULATORS;
}

static void choose_registers(tc_role_plan *p) {
  int64_t consumers = p->turns ? 2 : p->warpgroups;
  needs n = measure(p, p->warpgroups);
  for (size_t i = 0; i < TC_COUNT(REGISTER_ROWS); i++) {
    const registers_row *r = &REGISTER_ROWS[i];
    if (r->consumers != consumers || accumulators(&n) > r->accumulators) continue;
    p->producer_registers = r->producer;
    p->consumer_registers = r->consumer;
    return;
  }
}

static void choose_lockstep(tc_role_plan *p) {
  needs n = measure(p, p->warpgroups);
  for (size_t i = 0; i < TC_COUNT(LOCKSTEP_ROWS); i++) {
    const lockstep_row *r = &LOCKSTEP_ROWS[i];
    if (r->turns != p->turns) continue;
    p->lockstep = r->steps;
    if (n.tile <= r->elements) return;
  }
}

static bool note_fragment(tc_ir *ir, tc_value stmt, void *data) {
  (void)data;
  const tc_op *op = tc_op_at(ir, stmt);
  tc_buf buf = {op->payload};
  if (op->opcode == TC_OP_alloc && tc_buf_at(ir, buf)->scope == TC_SCOPE_fragment)
    tc_diag_note(ir->diags, op->span, "%s: %lld bytes", tc_name_of(ir, tc_buf_at(ir, buf)->name),
                 (long long)tc_tile_buf_bytes(ir, buf));
  return true;
}

static void refuse_size(const tc_role_plan *p) {
  needs n = measure(p, 2);
  int64_t room = MOST_ACCUMULATORS * 4 * 2 * 4 * TC_WARP;
  TC_DIAG(p->ir->diags, D_fragments_too_large, n.span, n.fragment_b, room);
  tc_walk(p->ir, tc_child(p->ir, tc_op_at(p->ir, p->kernel), 0), note_fragment, NULL);
  tc_diag_help(p->ir->diags, "make the tiles smaller");
}

bool tc_role_decide(tc_role_plan *p) {
  p->turns = choose_turns(p);
  p->warpgroups = p->turns ? 1 : choose_warpgroups(p);
  if (!p->warpgroups) {
    refuse_size(p);
    return false;
  }
  choose_registers(p);
  if (p->waves.id && p->sum.id) choose_lockstep(p);
  p->back = p->waves.id && p->sum.id;
  return true;
}
