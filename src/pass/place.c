/* place: where buffers lie in a block's shared memory.
 *
 * Input       state scheduled, every buffer has a layout.
 * Output      every buffer in shared memory has an offset, the kernel says how many bytes it needs;
 *             rings that are too deep for the target have fewer versions.
 * Invariants  buffers do not overlap; each begins at a multiple of its swizzle's period, and so
 * does each version of a ring's buffer. Example     alloc A_shared: shared bfloat16[128, 64] layout
 * "..."    (ring of depth 4)
 *             -> ... at 0, and the next buffer at 65536
 *
 * Buffers keep their bytes for the whole kernel: nothing is reused. */
#include "pass/ringplan.h"

enum { BARRIER_B = 8, LEAST_DEPTH = 2, RESERVE = 32, MOST_REGISTERS = 255 };

typedef struct arena_plan {
  tc_ir *ir;
  const tc_pass_context *cx;
  tc_value kernel;
  tc_works works;
  tc_ring_plans rings;
} arena_plan;

static int64_t align_up(int64_t x, int64_t to) {
  return (x + to - 1) / to * to;
}

static tc_buf allocated(const tc_ir *ir, tc_value stmt, enum tc_scope scope) {
  if (!tc_is(ir, stmt, TC_OP_alloc)) return (tc_buf){0};
  tc_buf buf = {tc_op_at(ir, stmt)->payload};
  return tc_buf_at(ir, buf)->scope == scope ? buf : (tc_buf){0};
}

/* Bytes of a buffer with all its versions. */
static int64_t size_of(const arena_plan *p, tc_buf buf) {
  const tc_layout *layout = tc_onchip_layout(p->ir, buf, p->cx->scratch);
  const tc_ring_plan *ring = tc_ring_plan_of_buf(p->ir, &p->rings, buf);
  if (!layout) tc_bug(p->ir->arena->unwind, "%s has no layout", tc_onchip_name(p->ir, buf));
  int64_t bytes = tc_onchip_size_b(p->cx->scratch, layout, tc_onchip_bits(p->ir, buf));
  return ring ? bytes * p->ir->rings.at[ring->ring].depth : bytes;
}

/* Lays everything out; the kernel's bytes. */
static int64_t lay_out(arena_plan *p) {
  int64_t end = 0;
  for (uint32_t i = 0; i < p->works.n; i++) {
    tc_buf buf = allocated(p->ir, p->works.at[i].stmt, TC_SCOPE_shared);
    if (!buf.id) continue;
    tc_buffer *b = tc_buf_at(p->ir, buf);
    const tc_layout *layout = tc_onchip_layout(p->ir, buf, p->cx->scratch);
    b->is_placed = true;
    b->arena_b = align_up(end, tc_onchip_align_b(p->cx->scratch, layout, tc_type_bits(b->elem)));
    end = b->arena_b + size_of(p, buf);
  }
  end = align_up(end, BARRIER_B);
  for (uint32_t i = 0; i < p->works.n; i++) {
    tc_buf buf = allocated(p->ir, p->works.at[i].stmt, TC_SCOPE_barrier);
    int64_t extents[TC_LAYOUT_DIMS], n = 1;
    if (!buf.id || !tc_onchip_extents(p->ir, buf, extents)) continue;
    for (uint32_t d = 0; d < tc_buf_at(p->ir, buf)->rank; d++)
      n *= extents[d];
    tc_buf_at(p->ir, buf)->is_placed = true;
    tc_buf_at(p->ir, buf)->arena_b = end;
    end += n * BARRIER_B;
  }
  return end;
}

/* What sync will add for rings. */
static int64_t barriers_b(const arena_plan *p) {
  int64_t bytes = 0;
  for (uint32_t i = 0; i < p->rings.n; i++) {
    uint32_t counts[2], n = tc_ring_barriers(p->ir, &p->rings.at[i], counts);
    for (uint32_t k = 0; k < n; k++)
      bytes += (int64_t)counts[k] * BARRIER_B;
  }
  return bytes;
}

/* ---- fewer versions ---- */

static int64_t version_b(const arena_plan *p, const tc_ring_plan *plan) {
  const tc_ring *ring = &p->ir->rings.at[plan->ring];
  int64_t bytes = 0;
  for (uint32_t k = 0; k < ring->n_bufs && ring->depth; k++)
    bytes += size_of(p, ring->bufs[k]) / ring->depth;
  return bytes;
}

/* Takes a version from the ring with the largest ones; false when no ring has one to give. A ring
 * of queue cp has its depth in the loops around it. */
static bool drop_version(arena_plan *p) {
  tc_ring *best = NULL;
  int64_t best_b = 0;
  for (uint32_t i = 0; i < p->rings.n; i++) {
    tc_ring *ring = &p->ir->rings.at[p->rings.at[i].ring];
    bool fixed = p->rings.at[i].kind == TC_RING_QUEUE || ring->depth <= LEAST_DEPTH;
    int64_t bytes = version_b(p, &p->rings.at[i]);
    if (!fixed && bytes > best_b) best = ring, best_b = bytes;
  }
  if (best) best->depth--;
  return best != NULL;
}

/* How many versions of its largest ring would fit; 0: not even one. */
static int64_t fitting_depth(const arena_plan *p, int64_t total, int64_t limit) {
  const tc_ring_plan *best = NULL;
  for (uint32_t i = 0; i < p->rings.n; i++)
    if (!best || version_b(p, &p->rings.at[i]) > version_b(p, best)) best = &p->rings.at[i];
  if (!best || !version_b(p, best)) return 0;
  int64_t depth = p->ir->rings.at[best->ring].depth, bytes = version_b(p, best);
  int64_t fewer = (total - limit + bytes - 1) / bytes;
  return fewer < depth ? depth - fewer : 0;
}

static void refuse_size(const arena_plan *p, int64_t total, int64_t limit) {
  tc_ir *ir = p->ir;
  TC_DIAG(ir->diags, D_shared_too_large, tc_op_at(ir, p->kernel)->span, (long long)total,
          (long long)limit);
  for (uint32_t i = 0; i < p->works.n; i++) {
    tc_buf buf = allocated(ir, p->works.at[i].stmt, TC_SCOPE_shared);
    if (!buf.id) continue;
    const tc_ring_plan *plan = tc_ring_plan_of_buf(ir, &p->rings, buf);
    uint32_t depth = plan ? ir->rings.at[plan->ring].depth : 1;
    tc_diag_note(ir->diags, tc_op_at(ir, p->works.at[i].stmt)->span, "%s: %lld bytes%s",
                 tc_onchip_name(ir, buf), (long long)size_of(p, buf),
                 depth > 1 ? tc_format(ir->arena, " in %u versions", depth) : "");
  }
  int64_t fits = fitting_depth(p, total, limit);
  if (fits > 0) {
    tc_diag_help(ir->diags, "num_stages=%lld would fit", (long long)fits);
  } else {
    tc_diag_help(ir->diags, "%smake the tiles smaller",
                 p->rings.n ? "no number of stages makes this fit: " : "");
  }
}

static void place_kernel(arena_plan *p) {
  const tc_target_limits *limits = p->cx->options->limits;
  tc_kernel *kernel = tc_kernel_of(p->ir, p->kernel);
  kernel->shared_b = lay_out(p);
  while (limits && kernel->shared_b + barriers_b(p) > limits->shared_b) {
    if (!drop_version(p)) {
      refuse_size(p, kernel->shared_b + barriers_b(p), limits->shared_b);
      return;
    }
    kernel->shared_b = lay_out(p);
  }
}

/* ---- registers ---- */

/* Registers that each thread of a group needs for its fragments. */
static int64_t fragments_of(const arena_plan *p, tc_value group, bool tell) {
  int64_t registers = 0;
  for (uint32_t i = 0; i < p->works.n; i++) {
    const tc_work *work = &p->works.at[i];
    tc_buf buf = allocated(p->ir, work->stmt, TC_SCOPE_fragment);
    if (!buf.id || work->group.id != group.id) continue;
    const tc_layout *layout = tc_onchip_layout(p->ir, buf, p->cx->scratch);
    uint32_t bits = tc_onchip_bits(p->ir, buf);
    int64_t n = layout ? (tc_layout_bytes(layout, TC_SPACE_slot, bits) + 3) / 4 : 0;
    registers += n;
    if (tell)
      tc_diag_note(p->ir->diags, tc_op_at(p->ir, work->stmt)->span, "%s: %lld registers",
                   tc_onchip_name(p->ir, buf), (long long)n);
  }
  return registers;
}

static int64_t most_registers(const arena_plan *p, int64_t threads) {
  const tc_target_limits *limits = p->cx->options->limits;
  int64_t most = limits && limits->registers_per_sm ? limits->registers_per_sm / threads / 8 * 8
                                                    : MOST_REGISTERS;
  return most < MOST_REGISTERS ? most : MOST_REGISTERS;
}

static int64_t budget_of(const arena_plan *p, tc_value group) {
  int64_t given = 0;
  if (tc_is(p->ir, group, TC_OP_group)) given = tc_group_of(p->ir, group)->registers;
  return given ? given : most_registers(p, tc_kernel_threads(tc_kernel_of(p->ir, p->kernel)));
}

/* Accumulators of wgmma that do not fit make the assembler do one product after the other; other
 * fragments go to memory. */
static bool is_critical(const arena_plan *p, tc_value group) {
  for (uint32_t i = 0; i < p->works.n; i++)
    if (tc_is(p->ir, p->works.at[i].stmt, TC_OP_gemm) && p->works.at[i].group.id == group.id
        && tc_gemm_of(p->ir, p->works.at[i].stmt)->engine == TC_ENGINE_wgmma)
      return true;
  return false;
}

/* A way out: more threads, each of which holds less. Not of groups: who made them knows how many
 * threads they have. */
static void help_registers(const arena_plan *p, tc_value group, int64_t needed) {
  const tc_target_limits *limits = p->cx->options->limits;
  int64_t threads = tc_kernel_threads(tc_kernel_of(p->ir, p->kernel));
  int64_t most = limits && limits->max_threads ? limits->max_threads : 1024;
  for (int64_t n = 2; threads * n <= most && group.id == p->kernel.id; n *= 2)
    if ((needed + n - 1) / n <= most_registers(p, threads * n) - RESERVE) {
      tc_diag_help(p->ir->diags, "threads=%lld would fit", (long long)(threads * n));
      return;
    }
  tc_diag_help(p->ir->diags, "no number of threads makes this fit: make the tiles smaller");
}

static void check_registers(const arena_plan *p, tc_value group) {
  int64_t needed = fragments_of(p, group, false), budget = budget_of(p, group);
  tc_span span = tc_op_at(p->ir, group)->span;
  if (needed <= budget - RESERVE) return;
  if (is_critical(p, group)) {
    TC_DIAG(p->ir->diags, D_registers_wgmma, span, (long long)needed, (long long)budget,
            (int)RESERVE);
  } else {
    TC_DIAG(p->ir->diags, D_registers_spill, span, (long long)needed, (long long)budget,
            (int)RESERVE);
  }
  fragments_of(p, group, true);
  help_registers(p, group, needed);
}

void tc_pass_place(tc_ir *ir, const tc_pass_context *cx) {
  tc_kernels kernels = {.at = NULL};
  tc_kernels_of(ir, cx->scratch, &kernels);
  for (uint32_t i = 0; i < kernels.n; i++) {
    uint32_t n_errors = ir->diags->n_errors;
    arena_plan p = {.ir = ir, .cx = cx, .kernel = kernels.at[i]};
    tc_works_of(ir, p.kernel, cx->scratch, &p.works);
    tc_ring_plans_of(ir, &p.works, cx->scratch, &p.rings);
    if (ir->diags->n_errors != n_errors) continue;
    place_kernel(&p);
    if (ir->diags->n_errors != n_errors) continue;
    check_registers(&p, p.kernel);
    for (uint32_t k = 0; k < p.works.n; k++)
      if (tc_is(ir, p.works.at[k].stmt, TC_OP_group)) check_registers(&p, p.works.at[k].stmt);
  }
}
