#include "pass/rings.h"

#include "ir/build.h"
#include "ir/walk.h"
#include "pass/deps.h"
#include "pass/effects.h"
#include "pass/tiles.h"

tc_value tc_ring_stmt(tc_ir *ir, tc_region at, enum tc_opcode op, uint32_t ring, uint32_t lag,
                      tc_span span) {
  tc_ring_ref ref = {.ring = ring, .lag = lag};
  return tc_stmt(ir, at, op, tc_scalar_type(TC_DT_void), NULL, 0, tc_pl_ring_ref(ir, ref), span);
}

bool tc_ring_is_step(const tc_ir *ir, tc_value stmt) {
  uint16_t op = tc_op_at(ir, stmt)->opcode;
  return op == TC_OP_ring_acquire || op == TC_OP_ring_commit || op == TC_OP_ring_wait
         || op == TC_OP_ring_release;
}

bool tc_ring_is_filling(const tc_ir *ir, tc_value stmt) {
  uint16_t op = tc_op_at(ir, stmt)->opcode;
  if (op == TC_OP_ring_acquire || op == TC_OP_ring_commit) return true;
  if (op != TC_OP_copy) return false;
  const tc_copy *copy = tc_copy_of(ir, stmt);
  bool engine = copy->engine == TC_ENGINE_tma || copy->engine == TC_ENGINE_cp_async;
  return engine && (copy->flags & TC_COPY_ASYNC) && !(copy->flags & (TC_COPY_SIGNAL | TC_COPY_OWN));
}

bool tc_ring_is_steady_load(tc_ir *ir, tc_value kernel, tc_value stmt) {
  if (!tc_is(ir, stmt, TC_OP_load)) return false;
  const tc_access *access = tc_access_of(ir, stmt);
  if (access->order != TC_ORDER_NONE) return false;
  tc_buf root = tc_root_of(ir, access->buf);
  return tc_buf_at(ir, root)->scope == TC_SCOPE_global
         && !(tc_touch_below(ir, kernel, root) & TC_TOUCH_WRITE);
}

static bool has(const tc_values *list, tc_value v) {
  for (uint32_t i = 0; i < list->n; i++)
    if (list->at[i].id == v.id) return true;
  return false;
}

bool tc_ring_inputs(tc_ir *ir, tc_value kernel, tc_value stmt, tc_arena *scratch,
                    tc_values *loads) {
  for (uint32_t next = loads->n;; next++) {
    tc_deps deps = {.vars = {0}};
    const tc_op *op = tc_op_at(ir, stmt);
    for (uint32_t k = 0; k < op->n_in; k++)
      tc_deps_add(ir, scratch, tc_input(ir, op, k), &deps);
    for (uint32_t k = 0; k < deps.stmts.n; k++) {
      if (has(loads, deps.stmts.at[k])) continue;
      if (!tc_ring_is_steady_load(ir, kernel, deps.stmts.at[k])) return false;
      tc_vec_push(scratch, loads, deps.stmts.at[k]);
    }
    if (next >= loads->n) return true;
    stmt = loads->at[next];
  }
}

/* ---- what the source does itself ---- */

static const char *own_sync(const tc_ir *ir, tc_value stmt) {
  switch ((int)tc_op_at(ir, stmt)->opcode) { /* table */
  case TC_OP_group:
  case TC_OP_perthread:
  case TC_OP_collective:
    return "the source has code for ranges of threads";
  case TC_OP_mbarrier:
  case TC_OP_barrier:
  case TC_OP_fence:
    return "the source synchronises its threads";
  case TC_OP_wait:
    return "blocks wait for each other";
  case TC_OP_async_commit:
  case TC_OP_async_wait:
    return "the source orders asynchronous steps itself";
  case TC_OP_copy:
    return tc_copy_of(ir, stmt)->flags & TC_COPY_ASYNC ? "the source has asynchronous copies"
                                                       : NULL;
  case TC_OP_gemm:
    return tc_gemm_of(ir, stmt)->async ? "the source has asynchronous products" : NULL;
  default:
    return NULL;
  }
}

static bool look(tc_ir *ir, tc_value stmt, void *data) {
  const char **why = data;
  if (!*why) *why = own_sync(ir, stmt);
  return true;
}

const char *tc_ring_user_sync(tc_ir *ir, tc_value kernel) {
  const char *why = NULL;
  tc_walk(ir, tc_child(ir, tc_op_at(ir, kernel), 0), look, &why);
  return why;
}

/* ---- lists ---- */

void tc_ring_put_first(tc_ir *ir, tc_region body, tc_region front) {
  tc_block *block = tc_block_at(ir, body), *first = tc_block_at(ir, front);
  for (uint32_t i = 0; i < block->ops.n; i++)
    tc_vec_push(ir->arena, &first->ops, block->ops.at[i]);
  block->ops = first->ops;
}

/* ---- shared memory ---- */

/* Swizzles repeat within 1024 bytes; other tiles are placed at multiples of 128. */
enum { RING_ALIGN_B = 1024, ALIGN_B = 128, BARRIERS_B = 1024 };

static int64_t round_up(int64_t x, int64_t to) {
  return (x + to - 1) / to * to;
}

typedef struct shared_use {
  int64_t plain_b;
  tc_ring *rings[16];
  int64_t version_b[16];
  uint32_t n_rings;
} shared_use;

static int64_t version_b(const tc_ir *ir, const tc_ring *ring) {
  int64_t sum = 0;
  for (uint32_t i = 0; i < ring->n_bufs; i++)
    sum += round_up(tc_tile_buf_bytes(ir, ring->bufs[i]), RING_ALIGN_B);
  return sum;
}

static bool measure(tc_ir *ir, tc_value stmt, void *data) {
  shared_use *use = data;
  const tc_op *op = tc_op_at(ir, stmt);
  if (op->opcode == TC_OP_ring && use->n_rings < TC_COUNT(use->rings)) {
    tc_ring *ring = tc_ring_of(ir, stmt);
    use->version_b[use->n_rings] = version_b(ir, ring);
    use->rings[use->n_rings++] = ring;
    for (uint32_t i = 0; i < ring->n_bufs; i++) /* counted as plain ones, too */
      use->plain_b -= round_up(tc_tile_buf_bytes(ir, ring->bufs[i]), ALIGN_B);
  }
  bool shared =
      op->opcode == TC_OP_alloc && tc_buf_at(ir, (tc_buf){op->payload})->scope == TC_SCOPE_shared;
  if (shared) use->plain_b += round_up(tc_tile_buf_bytes(ir, (tc_buf){op->payload}), ALIGN_B);
  return true;
}

static int64_t total_b(const shared_use *use) {
  int64_t sum = use->plain_b + BARRIERS_B;
  for (uint32_t i = 0; i < use->n_rings; i++)
    sum += use->version_b[i] * use->rings[i]->depth;
  return sum;
}

void tc_ring_fit(tc_ir *ir, const tc_target_limits *limits, tc_value kernel) {
  shared_use use = {.plain_b = 0};
  if (!limits) return;
  tc_walk(ir, tc_child(ir, tc_op_at(ir, kernel), 0), measure, &use);
  while (total_b(&use) > limits->shared_b) {
    uint32_t most = use.n_rings;
    for (uint32_t i = 0; i < use.n_rings; i++)
      if (use.rings[i]->depth > 2
          && (most == use.n_rings
              || use.version_b[i] * use.rings[i]->depth
                     > use.version_b[most] * use.rings[most]->depth))
        most = i;
    if (most == use.n_rings) return; /* pass place says what does not fit */
    use.rings[most]->depth--;
  }
}
