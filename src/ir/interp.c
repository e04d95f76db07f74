#include "ir/interp_threads.h"

#include "base/checked.h"

#include <stdio.h>
#include <string.h>

static const uint64_t DEFAULT_STEPS = UINT64_C(1000000000000);
static const uint64_t DEFAULT_MEMORY_B = UINT64_C(4) << 30;

/* ---- seeded orders ---- */

tc_sequence tc_interp_order(tc_machine *m, uint64_t n) {
  if (!m->seed || n < 2) return (tc_sequence){n, 1, 0};
  m->seed = tc_hash_u64(m->seed + UINT64_C(0x9E3779B97F4A7C15));
  if (!m->seed) m->seed = 1;
  uint64_t step = tc_hash_u64(m->seed) % n;
  while (tc_gcd((int64_t)step, (int64_t)n) != 1)
    step = (step + 1) % n;
  return (tc_sequence){n, step, m->seed % n};
}

uint64_t tc_sequence_next(tc_sequence *o) {
  uint64_t at = o->at, left = o->n - o->step;
  o->at = at >= left ? at - left : at + o->step;
  return at;
}

/* ---- control ---- */

static tc_region child(const tc_machine *m, const tc_insn *p, uint32_t i) {
  return tc_child(m->ir, tc_op_at(m->ir, p->at), i);
}

void tc_interp_set_var(tc_machine *m, tc_var var, int64_t x) {
  if (!var.id) return;
  m->regs[m->var_slot[var.id]] = (tc_reg){tc_imm_int(tc_var_at(m->ir, var)->type, x), 0};
}

/* Product of the extents of a launch or a parallel loop; 0 when one is not positive. */
static uint64_t box_size(tc_machine *m, tc_value stmt, const int64_t *extent, uint32_t n) {
  uint64_t size = 1;
  for (uint32_t d = 0; d < n; d++)
    if (extent[d] <= 0) return 0;
  for (uint32_t d = 0; d < n; d++) {
    if ((uint64_t)extent[d] > m->max_steps / size) tc_interp_out_of_steps(m, stmt);
    size *= (uint64_t)extent[d];
  }
  return size;
}

static void read_extents(tc_machine *m, const tc_insn *p, const uint32_t *slot, uint32_t n,
                         const char *what, int64_t *extent) {
  for (uint32_t d = 0; d < n; d++)
    extent[d] = tc_interp_int(m, slot[d], p->at, what);
}

static void run_kernel(tc_machine *m, const tc_insn *p) {
  const tc_kernel *kernel = tc_kernel_of(m->ir, p->at);
  int64_t grid[3] = {1, 1, 1};
  const tc_kernel_code *code = p->record;
  read_extents(m, p, code->grid, kernel->n_grid, "a grid extent", grid);
  for (uint32_t d = 0; d < kernel->n_grid; d++) {
    if (grid[d] > 0) continue;
    TC_DIAG(m->ir->diags, D_grid_empty, tc_op_at(m->ir, p->at)->span, d,
            tc_name_of(m->ir, kernel->name), (long long)grid[d]);
    tc_interp_stop(m);
  }
  uint64_t size = box_size(m, p->at, grid, 3);
  tc_frame frame = {m->frames, kernel->block, kernel->n_grid};
  m->frames = &frame;
  if (code->plan->threaded) tc_interp_gangs(m, p, code->plan, grid);
  tc_sequence o = tc_interp_order(m, code->plan->threaded ? 0 : size);
  for (uint64_t i = 0; i < o.n; i++) {
    uint64_t at = tc_sequence_next(&o);
    for (uint32_t d = 0; d < kernel->n_grid; d++) {
      tc_interp_set_var(m, kernel->block[d], (int64_t)(at % (uint64_t)grid[d]));
      at /= (uint64_t)grid[d];
    }
    tc_interp_spend(m, 1, p->at);
    tc_interp_region(m, child(m, p, 0));
  }
  m->frames = frame.up;
}

/* ceil((hi - lo) / step), without overflow. */
static uint64_t trip_count(int64_t lo, int64_t hi, int64_t step) {
  if (step > 0 ? lo >= hi : lo <= hi) return 0;
  uint64_t distance = step > 0 ? (uint64_t)hi - (uint64_t)lo : (uint64_t)lo - (uint64_t)hi;
  uint64_t stride = step > 0 ? (uint64_t)step : 0 - (uint64_t)step;
  return (distance - 1) / stride + 1;
}

static void run_for(tc_machine *m, const tc_insn *p) {
  const tc_loop *loop = tc_loop_of(m->ir, p->at);
  int64_t lo = tc_interp_int(m, p->a, p->at, "a bound of the loop");
  int64_t hi = tc_interp_int(m, p->b, p->at, "a bound of the loop");
  int64_t step = tc_interp_int(m, p->c, p->at, "the step of the loop");
  if (step == 0) tc_interp_unsupported(m, p->at, "a loop with step 0");
  uint64_t n = trip_count(lo, hi, step);
  tc_frame frame = {m->frames, &loop->var, 1};
  m->frames = &frame;
  for (uint64_t i = 0; i < n; i++) {
    tc_interp_set_var(m, loop->var, (int64_t)((uint64_t)lo + i * (uint64_t)step));
    tc_interp_spend(m, 1, p->at);
    if (tc_interp_region(m, child(m, p, 0)) == TC_FLOW_BREAK) break;
  }
  m->frames = frame.up;
}

static void run_while(tc_machine *m, const tc_insn *p) {
  for (;;) {
    m->yielded = (tc_reg){0};
    tc_interp_region(m, child(m, p, 0));
    if (m->yielded.poison) tc_interp_undefined(m, p->at, m->yielded, "the condition of the loop");
    if (!m->yielded.x.i) return;
    tc_interp_spend(m, 1, p->at);
    if (tc_interp_region(m, child(m, p, 1)) == TC_FLOW_BREAK) return;
  }
}

/* Before, between and after the iterations of a parallel loop. */
static void keep_privates(tc_machine *m, const tc_parallel_code *p, tc_value stmt) {
  for (uint32_t i = 0; i < p->n_privates; i++) {
    tc_private_var *var = &p->privates[i];
    const tc_storage *s = &m->storages[var->root.id];
    if (!s->live) continue;
    if (s->size_b > var->cap_b) {
      var->data = tc_interp_room(m, s->size_b, 1, stmt);
      var->shadow = tc_arena_alloc(&m->arena, (size_t)s->size_b);
      var->cap_b = s->size_b;
    }
    memcpy(var->data, s->data, (size_t)s->size_b);
    memcpy(var->shadow, s->shadow, (size_t)s->size_b);
  }
}

static void reset_privates(tc_machine *m, const tc_parallel_code *p) {
  for (uint32_t i = 0; i < p->n_privates; i++) {
    const tc_storage *s = &m->storages[p->privates[i].root.id];
    if (!s->live) continue;
    memcpy(s->data, p->privates[i].data, (size_t)s->size_b);
    memcpy(s->shadow, p->privates[i].shadow, (size_t)s->size_b);
  }
}

static void forget_privates(tc_machine *m, const tc_parallel_code *p) {
  for (uint32_t i = 0; i < p->n_privates; i++) {
    const tc_storage *s = &m->storages[p->privates[i].root.id];
    if (s->live) memset(s->shadow, 0xff, (size_t)s->size_b);
  }
}

static void run_parallel(tc_machine *m, const tc_insn *p) {
  const tc_parallel_code *loop = p->record;
  int64_t extent[TC_INTERP_RANK];
  if (loop->n > TC_INTERP_RANK)
    tc_interp_unsupported(m, p->at, "a parallel loop of more than 16 dimensions");
  read_extents(m, p, loop->extent, loop->n, "an extent of the loop", extent);
  tc_sequence o = tc_interp_order(m, box_size(m, p->at, extent, loop->n));
  tc_frame frame = {m->frames, loop->vars, loop->n};
  m->frames = &frame;
  keep_privates(m, loop, p->at);
  uint32_t outer = m->loop;
  m->loop = ++m->n_loops;
  for (uint64_t i = 0; i < o.n; i++) {
    uint64_t at = tc_sequence_next(&o);
    m->iteration = (uint32_t)at;
    for (uint32_t d = loop->n; d-- > 0;) {
      tc_interp_set_var(m, loop->vars[d], (int64_t)(at % (uint64_t)extent[d]));
      at /= (uint64_t)extent[d];
    }
    if (i) reset_privates(m, loop);
    tc_interp_spend(m, 1, p->at);
    tc_interp_region(m, child(m, p, 0));
  }
  m->loop = outer;
  forget_privates(m, loop);
  m->frames = frame.up;
}

/* Threads that never wait for each other may run one after another. */
static void run_perthread(tc_machine *m, const tc_insn *p) {
  const tc_group *group = &m->ir->groups.at[tc_op_at(m->ir, p->at)->payload];
  tc_sequence o = tc_interp_order(m, group->count > 0 ? (uint64_t)group->count : 0);
  tc_frame frame = {m->frames, &group->thread, 1};
  m->frames = &frame;
  for (uint64_t i = 0; i < o.n; i++) {
    tc_interp_set_var(m, group->thread, group->first + (int64_t)tc_sequence_next(&o));
    tc_interp_spend(m, 1, p->at);
    tc_interp_region(m, child(m, p, 0));
  }
  m->frames = frame.up;
}

static void check_assert(tc_machine *m, const tc_insn *p) {
  if (tc_interp_int(m, p->a, p->at, "the condition of the assertion")) return;
  const char *text = tc_text_of(m->ir, p->at);
  TC_DIAG(m->ir->diags, D_assert_failed, tc_op_at(m->ir, p->at)->span, text && *text ? ": " : "",
          text ? text : "");
  tc_interp_stop(m);
}

static void check_assume(tc_machine *m, const tc_insn *p) {
  if (tc_interp_int(m, p->a, p->at, "the assumption")) return;
  TC_DIAG(m->ir->diags, D_assume_failed, tc_op_at(m->ir, p->at)->span);
  tc_interp_stop(m);
}

/* table */
enum tc_flow tc_interp_range(tc_machine *m, const tc_insn *p, const tc_insn *end) {
  for (; p < end; p++) {
    enum tc_flow flow = TC_FLOW_END;
    tc_interp_spend(m, p->lanes, p->at);
    switch ((int)p->op) {
    case TC_OP_load:
      tc_interp_load(m, p);
      break;
    case TC_OP_store:
      tc_interp_store(m, p);
      break;
    case TC_OP_atomic:
      tc_interp_atomic(m, p);
      break;
    case TC_OP_alloc:
      tc_interp_alloc(m, p, tc_buf_at(m->ir, (tc_buf){tc_op_at(m->ir, p->at)->payload})->root);
      break;
    case TC_OP_kernel:
      run_kernel(m, p);
      break;
    case TC_OP_for:
      run_for(m, p);
      break;
    case TC_OP_while:
      run_while(m, p);
      break;
    case TC_OP_parallel:
      run_parallel(m, p);
      break;
    case TC_OP_if:
      flow =
          tc_interp_region(m, child(m, p, tc_interp_int(m, p->a, p->at, "the condition") ? 0 : 1));
      break;
    case TC_OP_group:
      flow = p->record ? tc_interp_group(m, p) : tc_interp_region(m, child(m, p, 0));
      break;
    case TC_OP_perthread:
      if (p->record) {
        tc_interp_perthread(m, p);
      } else {
        run_perthread(m, p);
      }
      break;
    case TC_INSN_TEAM:
      tc_interp_team(m, p);
      break;
    case TC_INSN_COPIES:
      tc_interp_alloc_copies(m, p);
      break;
    case TC_INSN_SPIN:
      tc_interp_spin(m, p);
      break;
    case TC_INSN_FLY:
      tc_interp_fly(m, p);
      break;
    case TC_INSN_RING:
      tc_interp_ring_select(m, p);
      break;
    case TC_INSN_WATCH:
      tc_interp_watch(m, p);
      break;
    case TC_OP_barrier:
      tc_interp_barrier(m, p);
      break;
    case TC_OP_collective:
      tc_interp_collective(m, p);
      break;
    case TC_OP_mbarrier:
      tc_interp_mbarrier(m, p);
      break;
    case TC_OP_wait:
      tc_interp_wait(m, p);
      break;
    case TC_OP_ring:
      tc_interp_ring(m, p);
      break;
    case TC_OP_ring_acquire:
    case TC_OP_ring_commit:
    case TC_OP_ring_wait:
    case TC_OP_ring_release:
    case TC_OP_ring_skip:
      tc_interp_ring_step(m, p);
      break;
    case TC_OP_async_commit:
    case TC_OP_async_wait:
      tc_interp_async(m, p);
      break;
    case TC_OP_break:
      return TC_FLOW_BREAK;
    case TC_OP_continue:
      return TC_FLOW_CONTINUE;
    case TC_OP_yield:
      m->yielded = m->regs[p->a];
      break;
    case TC_OP_copy:
      tc_interp_copy(m, p);
      break;
    case TC_OP_fill:
      tc_interp_fill(m, p);
      break;
    case TC_OP_gemm:
      tc_interp_gemm(m, p);
      break;
    case TC_OP_reduce:
      tc_interp_reduce(m, p);
      break;
    case TC_OP_scan:
      tc_interp_scan(m, p);
      break;
    case TC_OP_transpose:
      tc_interp_transpose(m, p);
      break;
    case TC_OP_im2col:
      tc_interp_im2col(m, p);
      break;
    case TC_OP_atomic_tile:
      tc_interp_atomic_tile(m, p);
      break;
    case TC_OP_print:
      tc_interp_print(m, p);
      break;
    case TC_OP_assert:
      check_assert(m, p);
      break;
    case TC_OP_assume:
      check_assume(m, p);
      break;
    default:
      tc_interp_pure(m, p);
    }
    if (flow != TC_FLOW_END) return flow;
  }
  return TC_FLOW_END;
}

enum tc_flow tc_interp_region(tc_machine *m, tc_region region) {
  const tc_code *code = &m->codes[region.id];
  return code->n ? tc_interp_range(m, code->at, code->at + code->n) : TC_FLOW_END;
}

/* ---- entry ---- */

static void print_to_stdout(void *data, const char *text, size_t n) {
  (void)data;
  fwrite(text, 1, n, stdout);
}

/* The arenas that may run out on the way, and where their owner wants to be told. The diagnostics
 * live in the caller's: when that one is exhausted the caller's unwind is due, after ours, hence
 * two places to return to. */
typedef struct owners {
  tc_unwind ours, callers, *ir, *diags;
} owners;

void tc_interp_unwind_at(tc_machine *m, tc_unwind *ours, tc_unwind *callers) {
  m->arena.unwind = ours;
  m->ir->arena->unwind = m->ir->diags->arena->unwind = callers;
}

/* 0, or the code that the caller must get. */
static int guarded(tc_machine *m, owners *o, uint32_t n_args, bool *ok) {
  int why = setjmp(o->callers.at);
  if (why) return why;
  why = setjmp(o->ours.at);
  if (why == TC_WHY_MEMORY) {
    TC_DIAG(m->ir->diags, D_too_much_memory, (tc_span){0},
            (unsigned long long)(m->max_memory_b >> 20));
  }
  if (why) return 0;
  tc_interp_compile(m);
  tc_interp_bind(m, n_args);
  tc_interp_region(m, m->ir->body);
  *ok = true;
  return 0;
}

tc_interp_result tc_interp_run(tc_ir *ir, const tc_arg *args, uint32_t n_args,
                               const tc_interp_limits *limits, tc_print_to *print,
                               void *print_data) {
  tc_machine m = {.ir = ir,
                  .args = args,
                  .print = print ? print : print_to_stdout,
                  .print_data = print_data,
                  .max_steps = DEFAULT_STEPS,
                  .max_memory_b = DEFAULT_MEMORY_B};
  if (limits && limits->steps) m.max_steps = limits->steps;
  if (limits && limits->memory_b) m.max_memory_b = limits->memory_b;
  if (limits) m.seed = limits->seed;
  if (limits) m.races = limits->races;
  owners o = {.ir = ir->arena->unwind, .diags = ir->diags->arena->unwind};
  /* Limits are kept by tc_interp_room; the arena itself is bounded by what malloc gives. */
  tc_arena_init_like(&m.arena, ir->arena, &o.ours, SIZE_MAX / 2);
  tc_interp_unwind_at(&m, &o.ours, &o.callers);
  bool ok = false;
  int why = guarded(&m, &o, n_args, &ok);
  ir->arena->unwind = o.ir;
  ir->diags->arena->unwind = o.diags;
  tc_rt_fibers_free(m.fibers);
  tc_arena_free(&m.arena);
  if (why) {
    if (o.ir) memcpy(o.ir->text, o.callers.text, sizeof o.ir->text);
    tc_unwind_to(o.ir, (enum tc_why)why);
  }
  return (tc_interp_result){ok, m.steps};
}
