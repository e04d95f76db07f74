/* roles: some threads only fetch, the others only compute.
 *
 * Input       kernels with rings that the bulk copy engine fills.
 * Output      a producer group, of whose warpgroup one thread works, with everything that fills the
 *             rings; and one consumer group, or two, with the rest. Each has the loops and the
 *             conditions around its statements.
 * Invariants  versions are filled and used in the order of the program, each once.
 * Example     for w { for k { acquire; copy; commit; wait; gemm; release }; copy C_l -> C }
 *             ->
 *             group producer { group 0..1 { for w { for k { acquire; copy; commit } } } }
 *             group consumer { for w { for k { wait; gemm; release }; copy C_l -> C } }
 * Sources     warp specialisation as CUTLASS, DeepGEMM and FlashAttention 3 have it; the numbers of
 *             roles.def are measured.
 *
 * Consumers are one group whose warpgroups share a tile, or two that take turns with a tile each:
 * then the end of one tile overlaps the sum of the other, which pays when sums are short. */
#include "ir/build.h"
#include "ir/walk.h"
#include "pass/dead.h"
#include "pass/deps.h"
#include "pass/roles_private.h"
#include "pass/tiles.h"

/* ---- may it be done? ---- */

typedef struct search {
  const char *why;
  bool loop;
} search;

static bool look(tc_ir *ir, tc_value stmt, void *data) {
  search *s = data;
  uint16_t op = tc_op_at(ir, stmt)->opcode;
  if (op == TC_OP_break || op == TC_OP_continue || op == TC_OP_while)
    s->why = "a loop may end early";
  s->loop = s->loop
            || (op == TC_OP_for && tc_loop_of(ir, stmt)->kind == TC_LOOP_PIPELINED
                && tc_loop_of(ir, stmt)->num_stages > 1);
  return true;
}

const char *tc_roles_refuse(tc_ir *ir, uint64_t caps, tc_value kernel) {
  uint64_t needed = TC_CAP_BIT(tma) | TC_CAP_BIT(registers) | TC_CAP_BIT(wgmma);
  search s = {.why = NULL};
  if ((caps & needed) != needed) return "the target's threads do not play roles";
  if (tc_kernel_cluster(tc_kernel_of(ir, kernel)) != 1) return "blocks form clusters";
  tc_walk(ir, tc_child(ir, tc_op_at(ir, kernel), 0), look, &s);
  if (!s.loop) return "no loop is pipelined";
  return s.why ? s.why : tc_ring_user_sync(ir, kernel);
}

/* ---- the form of the kernel ---- */

static tc_value only_loop(const tc_ir *ir, tc_region region, bool persistent) {
  const tc_block *block = tc_block_at(ir, region);
  tc_value found = {0};
  for (uint32_t i = 0; i < block->ops.n; i++) {
    tc_value stmt = block->ops.at[i];
    if (!tc_is(ir, stmt, TC_OP_for)) continue;
    tc_region inside = tc_child(ir, tc_op_at(ir, stmt), 0);
    bool is = persistent ? tc_loop_of(ir, stmt)->kind == TC_LOOP_PERSISTENT
                         : tc_has_op(ir, inside, TC_OP_ring_wait);
    if (is && found.id) return (tc_value){0};
    if (is) found = stmt;
  }
  return found;
}

/* The step shows in nothing but where the first one clears. */
static bool ignores_step(tc_ir *ir, tc_value gemm, tc_value loop, tc_arena *scratch) {
  const tc_op *op = tc_op_at(ir, gemm);
  tc_var var = tc_loop_of(ir, loop)->var;
  tc_deps deps = {.vars = {0}};
  for (uint32_t k = 0; k < 3; k++)
    tc_deps_add(ir, scratch, tc_input(ir, op, k), &deps);
  if (tc_deps_has_var(&deps, var) || deps.stmts.n) return false;
  if (op->n_in < 4) return true;
  tc_value first =
      tc_binary(ir, TC_OP_eq, tc_var_value(ir, var), tc_input(ir, tc_op_at(ir, loop), 0));
  return tc_input(ir, op, 3).id == first.id;
}

bool tc_role_is_sum(tc_ir *ir, tc_value loop, tc_arena *scratch) {
  static const enum tc_opcode ORDER[] = {TC_OP_ring_wait, TC_OP_gemm, TC_OP_async_commit,
                                         TC_OP_async_wait, TC_OP_ring_release};
  const tc_op *op = tc_op_at(ir, loop);
  const tc_block *body = tc_block_at(ir, tc_child(ir, op, 0));
  int64_t lo, step;
  uint32_t at = 0;
  if (!tc_const_of(ir, tc_input(ir, op, 0), &lo) || lo != 0) return false;
  if (!tc_const_of(ir, tc_input(ir, op, 2), &step) || step != 1) return false;
  for (uint32_t i = 0; i < body->ops.n; i++) {
    tc_value stmt = body->ops.at[i];
    uint16_t code = tc_op_at(ir, stmt)->opcode;
    if (tc_ring_is_filling(ir, stmt) || code == TC_OP_hint || code == TC_OP_load) continue;
    if (code == TC_OP_gemm && !ignores_step(ir, stmt, loop, scratch)) return false;
    if (at < TC_COUNT(ORDER) && code == ORDER[at]) {
      at++;
    } else {
      return false;
    }
  }
  return at == TC_COUNT(ORDER);
}

static void find_form(tc_role_plan *p) {
  tc_ir *ir = p->ir;
  tc_region body = tc_child(ir, tc_op_at(ir, p->kernel), 0);
  p->steps = -1;
  p->waves = only_loop(ir, body, true);
  if (!p->waves.id) return;
  tc_value sum = only_loop(ir, tc_child(ir, tc_op_at(ir, p->waves), 0), false);
  if (!sum.id || !tc_role_is_sum(ir, sum, p->cx->scratch)) return;
  p->sum = sum;
  if (!tc_const_of(ir, tc_input(ir, tc_op_at(ir, sum), 1), &p->steps)) p->steps = -1;
}

/* ---- the kernel ---- */

/* What needs waves of tiles was asked for, and pass persist, which makes them, may be off. */
static bool check_requests(const tc_role_plan *p, bool bulk) {
  static const struct {
    enum tc_choice_name name;
    enum tc_choice_word word;
    bool waves;
  } NEED[] = {{TC_CHOICE_persistent, TC_CHOOSE_on, true},
              {TC_CHOICE_lockstep, TC_CHOOSE_number, true},
              {TC_CHOICE_k_serpentine, TC_CHOOSE_on, true},
              {TC_CHOICE_roles, TC_CHOOSE_pingpong, true},
              {TC_CHOICE_roles, TC_CHOOSE_cooperative, false}};
  const char *why = !bulk ? "the bulk copy engine fills no tile ahead of its use" : NULL;
  bool ok = true;
  if (!why && !p->waves.id) why = "blocks do not go from tile to tile";
  for (size_t i = 0; why && i < TC_COUNT(NEED); i++) {
    if (!tc_choice_is(&p->choices, NEED[i].name, NEED[i].word)) continue;
    if (bulk && !NEED[i].waves) continue;
    tc_choice_refuse(p->ir, p->kernel, &p->choices, NEED[i].name, why);
    ok = false;
  }
  return ok;
}

static void visit_kernel(tc_ir *ir, const tc_pass_context *cx, tc_value kernel) {
  tc_role_plan plan = {.ir = ir, .cx = cx, .kernel = kernel};
  bool bulk = tc_ring_has_bulk(ir, kernel);
  plan.choices = tc_choices_of(ir, cx, kernel);
  if (bulk) find_form(&plan);
  if (!check_requests(&plan, bulk) || !bulk) return;
  if (tc_role_decide(&plan)) tc_role_build(&plan);
}

void tc_pass_roles(tc_ir *ir, const tc_pass_context *cx) {
  uint32_t n_errors = ir->diags->n_errors;
  for (uint32_t i = 0; i < tc_block_at(ir, ir->body)->ops.n; i++) {
    tc_value stmt = tc_block_at(ir, ir->body)->ops.at[i];
    if (tc_is(ir, stmt, TC_OP_kernel)) visit_kernel(ir, cx, stmt);
  }
  if (ir->diags->n_errors == n_errors) tc_drop_dead(ir, cx->scratch);
}
