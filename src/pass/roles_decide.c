/* The numbers of pass roles: how many consumers, with how many registers, in which order. */
#include "ir/walk.h"
#include "pass/cost.h"
#include "pass/effects.h"
#include "pass/roles_private.h"
#include "pass/tiles.h"

typedef struct registers_row {
  int64_t consumers, accumulators, producer, consumer;
} registers_row;
static const registers_row REGISTER_ROWS[] = {
#define REGISTERS(consumers, accumulators, producer, consumer)                                     \
  {consumers, accumulators, producer, consumer},
#include "pass/roles.def"
#undef REGISTERS
};

enum {
  MOST_WARPGROUPS = 3,
  MOST_ACCUMULATORS = 208 /* registers of a consumer's thread; 216 spill (measured) */
};

/* ---- what products and fragments need ---- */

typedef struct needs {
  const tc_role_plan *plan;
  int64_t warpgroups;
  bool fits, rows; /* all products can be dealt out; by rows alone */
  int64_t fragment_b;
  tc_cost_tile tile; /* of the largest product */
  tc_span span;      /* of the last fragment */
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
  if (m * columns < n->tile.m * n->tile.n) return true;
  n->tile.m = m, n->tile.n = columns;
  n->tile.step_k = tc_gemm_of(ir, stmt)->trans_a ? a0 : a1;
  n->tile.in_bits = (int64_t)tc_type_bits(tc_tile_elem(ir, tc_input(ir, op, 0)));
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

/* ---- the tile, for the cost model ---- */

typedef struct traffic {
  int64_t out_b, total_b;
  bool unknown; /* the extent of a tensor is */
  tc_arena *scratch;
  TC_VEC(tc_buf) seen;
} traffic;

static void add_tensor(tc_ir *ir, tc_value slice, traffic *t) {
  tc_buf root = tc_root_of(ir, tc_slice_buf(ir, slice));
  int64_t bytes = tc_tile_buf_bytes(ir, root);
  for (uint32_t i = 0; i < t->seen.n; i++)
    if (t->seen.at[i].id == root.id) return;
  tc_vec_push(t->scratch, &t->seen, root);
  t->unknown = t->unknown || !bytes;
  t->total_b += bytes;
}

static bool add_traffic(tc_ir *ir, tc_value stmt, void *data) {
  traffic *t = data;
  if (!tc_is(ir, stmt, TC_OP_copy)) return true;
  tc_value from = tc_input(ir, tc_op_at(ir, stmt), 0), to = tc_input(ir, tc_op_at(ir, stmt), 1);
  if (tc_ring_is_filling(ir, stmt)) add_tensor(ir, from, t);
  if (tc_copy_between(ir, stmt, TC_SCOPE_fragment, TC_SCOPE_global))
    t->out_b += tc_tile_elements(ir, to) * (int64_t)tc_type_bits(tc_tile_elem(ir, to)) / 8;
  return true;
}

/* A tile whose end is not a copy leaves as 16-bit elements do. */
static tc_cost_tile describe(const tc_role_plan *p, const needs *n) {
  tc_cost_tile tile = n->tile;
  traffic t = {.scratch = p->cx->scratch};
  tc_walk(p->ir, tc_child(p->ir, tc_op_at(p->ir, p->kernel), 0), add_traffic, &t);
  tile.k = p->steps > 0 ? p->steps * tile.step_k : 0;
  tile.out_b = t.out_b ? t.out_b : tile.m * tile.n * 2;
  tile.total_b = t.unknown ? 0 : t.total_b;
  return tile;
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

static bool asks(const tc_role_plan *p, enum tc_choice_name name, enum tc_choice_word word) {
  return tc_choice_is(&p->choices, name, word);
}

static const char *refuse_turns(const tc_role_plan *p, const needs *n) {
  if (!p->waves.id) return "blocks do not go from tile to tile";
  if (!p->sum.id) return "the loop is more than one sum";
  if (!has_one_ring(p)) return "its tiles wait for each other in more than one ring";
  if (p->steps <= 0) return "the length of the sum is known only at launch";
  if (!n->fits) return "one warpgroup cannot do the product";
  if (accumulators(n) > MOST_ACCUMULATORS)
    return tc_format(p->ir->arena, "one warpgroup would need %d registers a thread for it",
                     (int)accumulators(n));
  return NULL;
}

/* False: what was asked for cannot be had. */
static bool choose_turns(tc_role_plan *p, const tc_cost *cost) {
  needs n = measure(p, 1);
  bool asked = asks(p, TC_CHOICE_roles, TC_CHOOSE_pingpong);
  p->why_turns = refuse_turns(p, &n);
  if (asked && p->why_turns) {
    tc_choice_refuse(p->ir, p->kernel, &p->choices, TC_CHOICE_roles, p->why_turns);
    return false;
  }
  if (asked || asks(p, TC_CHOICE_roles, TC_CHOOSE_cooperative)) {
    p->turns = asked;
    p->why_turns = "it is asked for";
  } else if (!p->why_turns) {
    tc_cost_tile tile = describe(p, &n);
    p->turns = tc_cost_turns(cost, &tile, &p->why_turns);
  }
  return true;
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

/* Both need waves of tiles, and a sum whose steps may come in any order. */
static bool choose_order(tc_role_plan *p, const tc_cost *cost) {
  static const enum tc_choice_name NAMES[] = {TC_CHOICE_lockstep, TC_CHOICE_k_serpentine};
  static const enum tc_choice_word WORDS[] = {TC_CHOOSE_number, TC_CHOOSE_on};
  bool sum = p->waves.id && p->sum.id;
  for (size_t i = 0; !sum && i < TC_COUNT(NAMES); i++) {
    if (!asks(p, NAMES[i], WORDS[i])) continue;
    tc_choice_refuse(p->ir, p->kernel, &p->choices, NAMES[i], "the loop is more than one sum");
    return false;
  }
  if (!sum) return true;
  needs n = measure(p, p->warpgroups);
  tc_cost_tile tile = describe(p, &n);
  const tc_choice *lockstep = &p->choices.of[TC_CHOICE_lockstep];
  p->lockstep = tc_cost_lockstep(cost, &tile, p->turns, &p->why_lockstep);
  p->back = tc_cost_back(cost, &tile, &p->why_back);
  if (lockstep->word) p->lockstep = lockstep->number, p->why_lockstep = "it is asked for";
  if (p->choices.of[TC_CHOICE_k_serpentine].word) {
    p->back = asks(p, TC_CHOICE_k_serpentine, TC_CHOOSE_on);
    p->why_back = "it is asked for";
  }
  return true;
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
  static const tc_target_limits UNKNOWN = {.sms = 0};
  const tc_target_limits *limits = p->cx->options->limits;
  tc_cost cost = {.limits = limits ? limits : &UNKNOWN, .arena = p->ir->arena};
  if (!choose_turns(p, &cost)) return false;
  p->warpgroups = p->turns ? 1 : choose_warpgroups(p);
  if (!p->warpgroups) {
    refuse_size(p);
    return false;
  }
  choose_registers(p);
  return choose_order(p, &cost);
}
