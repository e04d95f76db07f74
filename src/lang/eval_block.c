/* Compound statements. A compile-time test picks a branch, a compile-time iterable is unrolled; a
 * staged one becomes a statement of the IR whose body is evaluated once, in a block of its own. */
#include "lang/eval_private.h"

/* ---- loops in general ---- */

static void jump(tc_eval *ev, enum tc_loop_place place, bool is_break, tc_span span) {
  enum tc_opcode op = is_break ? TC_OP_break : TC_OP_continue;
  if (place == TC_LOOP_STAGED)
    tc_stage_jump(ev, op, span);
  else
    tc_stmt(ev->ir, ev->cursor.at, op, tc_scalar_type(TC_DT_void), NULL, 0, 0, span);
}

enum tc_flow tc_eval_jump(tc_eval *ev, const tc_ast *stmt) {
  bool is_break = stmt->kind == TC_AST_BREAK;
  const char *word = is_break ? "break" : "continue";
  const tc_open_loop *loop = ev->running->loop;
  tc_span span = tc_eval_at(ev, stmt);
  if (!loop) tc_bug(ev->arena->unwind, "%s outside a loop", word);
  if (loop->place == TC_LOOP_PYTHON) {
    if (ev->block != loop->block) EVAL_FAIL(ev, D_staged_jump, span, word);
    return is_break ? TC_FLOW_BREAK : TC_FLOW_CONTINUE;
  }
  jump(ev, loop->place, is_break, span);
  return TC_FLOW_JUMP;
}

static enum tc_flow run_loop_body(tc_eval *ev, const tc_ast_list *body, enum tc_loop_place place) {
  tc_open_loop loop = {ev->running->loop, place, ev->block};
  ev->running->loop = &loop;
  enum tc_flow flow = tc_eval_body(ev, body);
  ev->running->loop = loop.outer;
  return flow;
}

static void refuse_else(tc_eval *ev, const tc_ast_list *orelse) {
  if (orelse->n)
    EVAL_FAIL(ev, D_not_evaluated, tc_eval_span(ev, orelse->at[0]),
              "'else' of a loop of the kernel", "");
}

/* ---- if ---- */

typedef struct staged_if {
  const tc_ast *stmt;
  uint32_t at; /* the branch */
  tc_value made;
  tc_staged_block block;
  tc_trails ended;
} staged_if;

static enum tc_flow run_branches(tc_eval *ev, const tc_ast *stmt, uint32_t at);

/* One side of a staged if: what it binds ends with it. */
static void run_side(tc_eval *ev, staged_if *s, uint32_t side) {
  const tc_ast *branch = s->stmt->if_.branches->at[s->at];
  tc_cursor before = tc_stage_open(ev, tc_child(ev->ir, tc_op_at(ev->ir, s->made), side));
  tc_block_open(ev, &s->block, TC_BLOCK_BRANCH, branch);
  if (side == 0)
    tc_eval_body(ev, branch->branch.body);
  else
    run_branches(ev, s->stmt, s->at + 1);
  tc_block_close(ev, &s->block, &s->ended);
  tc_stage_close(ev, before);
}

static void run_staged_if(tc_eval *ev, const tc_ast *stmt, uint32_t at, tc_val test) {
  staged_if s = {.stmt = stmt, .at = at};
  tc_eval_need_function(ev, "an 'if' on a run-time condition");
  tc_span span = tc_eval_at(ev, ev->node);
  tc_value cond = tc_stage_condition(ev, test, span);
  s.made = tc_if(ev->ir, ev->cursor.at, cond, span);
  run_side(ev, &s, 0);
  if (at + 1 < stmt->if_.branches->n || stmt->if_.orelse->n) run_side(ev, &s, 1);
  tc_block_forget(ev, &s.block, &s.ended);
}

static enum tc_flow run_branches(tc_eval *ev, const tc_ast *stmt, uint32_t at) {
  for (; at < stmt->if_.branches->n; at++) {
    const tc_ast *branch = stmt->if_.branches->at[at];
    tc_val test = tc_eval_expr(ev, branch->branch.test);
    ev->node = branch->branch.test;
    if (tc_val_is_staged(test)) {
      run_staged_if(ev, stmt, at, test);
      return TC_FLOW_NEXT;
    }
    if (tc_py_truth(ev, test, "the condition")) return tc_eval_body(ev, branch->branch.body);
  }
  return tc_eval_body(ev, stmt->if_.orelse);
}

enum tc_flow tc_eval_if(tc_eval *ev, const tc_ast *stmt) {
  return run_branches(ev, stmt, 0);
}

/* ---- while ---- */

/* A condition that does not depend on anything that changes: the loop never runs, or for ever. */
static enum tc_flow constant_while(tc_eval *ev, const tc_ast *stmt, bool holds) {
  tc_span span = tc_eval_span(ev, stmt->while_.test);
  if (holds) {
    TC_DIAG(ev->diags, D_endless_while, span);
    tc_diag_help(ev->diags, "count with a T.alloc_var, or use T.serial");
    tc_diag_stop(ev->diags);
  }
  TC_DIAG(ev->diags, D_dead_while, span);
  return tc_eval_body(ev, stmt->while_.orelse);
}

/* Outside kernel code `while` is Python's. */
static enum tc_flow python_while(tc_eval *ev, const tc_ast *stmt, tc_val test) {
  for (;;) {
    ev->node = stmt->while_.test;
    if (!tc_py_truth(ev, test, "the condition of this loop")) break;
    enum tc_flow flow = run_loop_body(ev, stmt->while_.body, TC_LOOP_PYTHON);
    if (flow == TC_FLOW_RETURN || flow == TC_FLOW_JUMP) return flow;
    if (flow == TC_FLOW_BREAK) return TC_FLOW_NEXT;
    test = tc_eval_expr(ev, stmt->while_.test);
  }
  return tc_eval_body(ev, stmt->while_.orelse);
}

static void run_staged_while(tc_eval *ev, const tc_ast *stmt, const tc_ast_list *body,
                             tc_value made) {
  tc_staged_block block;
  tc_trails ended = {0};
  tc_cursor before = tc_stage_open(ev, tc_child(ev->ir, tc_op_at(ev->ir, made), 1));
  ev->cursor.loops++;
  tc_block_open(ev, &block, TC_BLOCK_WHILE, stmt);
  run_loop_body(ev, body, TC_LOOP_WHILE);
  tc_block_close(ev, &block, &ended);
  tc_stage_close(ev, before);
  tc_block_forget(ev, &block, &ended);
}

/* What the condition reads belongs into its region, so the statement comes first; it goes again
 * when the condition turns out to be known. */
static tc_value open_while(tc_eval *ev, const tc_ast *stmt, const tc_ast *node, tc_val *test) {
  tc_region at = ev->cursor.at;
  uint32_t n = tc_block_at(ev->ir, at)->ops.n;
  tc_span span = tc_eval_at(ev, stmt);
  tc_value made = tc_stmt(ev->ir, at, TC_OP_while, tc_scalar_type(TC_DT_void), NULL, 0, 0, span);
  tc_cursor before = tc_stage_open(ev, tc_child(ev->ir, tc_op_at(ev->ir, made), 0));
  *test = tc_eval_expr(ev, node);
  tc_span test_span = tc_eval_at(ev, node);
  if (!tc_val_is_staged(*test)) {
    tc_stage_close(ev, before);
    tc_block_at(ev->ir, at)->ops.n = n;
    return (tc_value){0};
  }
  tc_value cond = tc_stage_condition(ev, *test, test_span);
  tc_stmt(ev->ir, ev->cursor.at, TC_OP_yield, tc_scalar_type(TC_DT_void), &cond, 1, 0, test_span);
  tc_stage_close(ev, before);
  return made;
}

enum tc_flow tc_eval_while(tc_eval *ev, const tc_ast *stmt) {
  bool in_kernel = ev->cursor.kernel.id && ev->running->kernel_code;
  if (!ev->cursor.at.id || ev->lazy_operand)
    return python_while(ev, stmt, tc_eval_expr(ev, stmt->while_.test));
  tc_val test;
  tc_value made = open_while(ev, stmt, stmt->while_.test, &test);
  if (!made.id) {
    ev->node = stmt->while_.test;
    bool holds = tc_py_truth(ev, test, "the condition");
    return in_kernel ? constant_while(ev, stmt, holds) : python_while(ev, stmt, test);
  }
  refuse_else(ev, stmt->while_.orelse);
  run_staged_while(ev, stmt, stmt->while_.body, made);
  return TC_FLOW_NEXT;
}

/* ---- for ---- */

/* Variables of the IR are called as in the source. */
static void name_variables(tc_eval *ev, const tc_ast *target, tc_val value) {
  const tc_ast_list *items = target->kind == TC_AST_TUPLE  ? target->tuple.items
                             : target->kind == TC_AST_LIST ? target->list.items
                                                           : NULL;
  if (items && value.kind == TC_V_TUPLE) {
    for (uint32_t i = 0; i < items->n && i < value.seq->items.n; i++)
      name_variables(ev, items->at[i], value.seq->items.at[i]);
    return;
  }
  if (items && items->n == 1) target = items->at[0];
  if (target->kind != TC_AST_NAME || value.kind != TC_V_EXPR) return;
  if (tc_is(ev->ir, value.value, TC_OP_var))
    tc_var_at(ev->ir, (tc_var){tc_op_at(ev->ir, value.value)->payload})->name = target->name.name;
}

static void run_staged_for(tc_eval *ev, const tc_ast *stmt, tc_frame *frame) {
  tc_staged_block block;
  tc_trails ended = {0};
  tc_val target;
  ev->node = stmt;
  refuse_else(ev, stmt->for_.orelse);
  tc_eval_need_function(ev, "a loop of the kernel");
  tc_span span = tc_eval_at(ev, stmt);
  tc_cursor before = tc_stage_enter(ev, frame, &target, span);
  tc_block_open(ev, &block, TC_BLOCK_FOR, stmt);
  name_variables(ev, stmt->for_.target, target);
  tc_eval_assign(ev, stmt->for_.target, target, NULL);
  run_loop_body(ev, stmt->for_.body, TC_LOOP_STAGED);
  tc_block_close(ev, &block, &ended);
  tc_stage_leave(ev, frame, before);
  tc_block_forget(ev, &block, &ended);
}

static enum tc_flow python_for(tc_eval *ev, const tc_ast *stmt, tc_val over) {
  tc_py_iter it;
  tc_val item;
  ev->node = stmt->for_.iter;
  if (over.kind == TC_V_DEFERRED) tc_py_need_known(ev, over, "the iterable");
  if (!tc_py_iter_open(ev, over, &it))
    EVAL_FAIL(ev, D_not_iterable, tc_eval_here(ev), tc_val_kind_name(over));
  while (tc_py_iter_next(ev, &it, &item)) {
    ev->node = stmt;
    tc_eval_assign(ev, stmt->for_.target, item, NULL);
    enum tc_flow flow = run_loop_body(ev, stmt->for_.body, TC_LOOP_PYTHON);
    if (flow == TC_FLOW_RETURN || flow == TC_FLOW_JUMP) return flow;
    if (flow == TC_FLOW_BREAK) return TC_FLOW_NEXT;
  }
  return tc_eval_body(ev, stmt->for_.orelse);
}

enum tc_flow tc_eval_for(tc_eval *ev, const tc_ast *stmt) {
  tc_val over = tc_eval_expr(ev, stmt->for_.iter);
  tc_span span = tc_eval_at(ev, stmt->for_.iter);
  bool in_kernel = ev->cursor.kernel.id && ev->running->kernel_code;
  if (over.kind == TC_V_RANGE && (over.range->staged || in_kernel)) {
    tc_eval_need_function(ev, "a loop of the kernel");
    run_staged_for(ev, stmt, tc_stage_loop_of_range(ev, over.range, span));
    return TC_FLOW_NEXT;
  }
  if (over.kind != TC_V_FRAME) return python_for(ev, stmt, over);
  if (!tc_stage_is_loop(over.frame)) EVAL_FAIL(ev, D_not_iterable, span, "a frame for 'with'");
  run_staged_for(ev, stmt, over.frame);
  return TC_FLOW_NEXT;
}

/* ---- with ---- */

/* `with T.While(c):` is `while c:`, its condition evaluated in each turn. NULL for other frames. */
static const tc_ast *while_test(tc_eval *ev, const tc_ast *stmt) {
  const tc_ast *call = stmt->with.items->at[0]->with_item.value;
  bool shape = call->kind == TC_AST_CALL && call->call.args->n == 1 && stmt->with.items->n == 1;
  if (!shape || call->call.callee->kind != TC_AST_ATTRIBUTE) return NULL;
  tc_str name = tc_names_text(ev->names, call->call.callee->attribute.name);
  if (!tc_str_is(name, "While")) return NULL;
  tc_val callee = tc_eval_expr(ev, call->call.callee);
  const tc_ast *arg = call->call.args->at[0];
  if (callee.kind != TC_V_PYBUILTIN || callee.pyfn->run != tc_py_while_frame) return NULL;
  return arg->kind == TC_AST_KEYWORD ? arg->keyword.value : arg;
}

static void run_while_frame(tc_eval *ev, const tc_ast *stmt, const tc_ast *node) {
  tc_val test;
  tc_eval_need_function(ev, "a loop of the kernel");
  if (!ev->cursor.kernel.id)
    EVAL_FAIL(ev, D_wrong_place, tc_eval_at(ev, stmt), "While", "inside `with T.Kernel(...)`");
  tc_value made = open_while(ev, stmt, node, &test);
  if (!made.id) {
    ev->node = node;
    if (tc_py_truth(ev, test, "the condition"))
      EVAL_FAIL(ev, D_endless_while, tc_eval_span(ev, node));
    TC_DIAG(ev->diags, D_dead_while, tc_eval_span(ev, node));
    return;
  }
  run_staged_while(ev, stmt, stmt->with.body, made);
}

tc_val tc_py_while_frame(tc_eval *ev, const tc_val *a) {
  (void)a;
  EVAL_FAIL(ev, D_wrong_place, tc_eval_at(ev, ev->node), "While", "as the only frame of a 'with'");
}

/* T.loop_break() in a loop of the kernel, also from a macro that the loop calls. */
static tc_val jump_from_call(tc_eval *ev, bool is_break) {
  const char *word = is_break ? "break" : "continue";
  const tc_running *running = ev->running;
  tc_span span = tc_eval_at(ev, ev->node);
  while (running && !running->loop && running->call)
    running = running->caller;
  if (!running || !running->loop)
    EVAL_FAIL(ev, D_wrong_place, span, is_break ? "loop_break" : "continue_loop", "inside a loop");
  if (running->loop->place == TC_LOOP_PYTHON) EVAL_FAIL(ev, D_staged_jump, span, word);
  jump(ev, running->loop->place, is_break, span);
  return tc_val_none();
}

tc_val tc_py_loop_break(tc_eval *ev, const tc_val *a) {
  (void)a;
  return jump_from_call(ev, true);
}

tc_val tc_py_loop_continue(tc_eval *ev, const tc_val *a) {
  (void)a;
  return jump_from_call(ev, false);
}

static enum tc_flow run_with(tc_eval *ev, const tc_ast *stmt, uint32_t k) {
  if (k == stmt->with.items->n) return tc_eval_body(ev, stmt->with.body);
  const tc_ast *item = stmt->with.items->at[k];
  tc_val v = tc_eval_expr(ev, item->with_item.value), target;
  tc_span span = tc_eval_at(ev, item->with_item.value);
  if (v.kind == TC_V_DEFERRED) tc_py_need_known(ev, v, "the frame");
  if (v.kind != TC_V_FRAME || tc_stage_is_loop(v.frame))
    EVAL_FAIL(ev, D_bad_with, span, v.kind == TC_V_FRAME ? "a loop" : tc_val_kind_name(v));
  tc_eval_need_function(ev, "a 'with' block");
  tc_staged_block block;
  tc_trails ended = {0};
  tc_cursor before = tc_stage_enter(ev, v.frame, &target, span);
  tc_block_open(ev, &block, TC_BLOCK_WITH, stmt);
  ev->node = item;
  if (item->with_item.target) {
    name_variables(ev, item->with_item.target, target);
    tc_eval_assign(ev, item->with_item.target, target, NULL);
  }
  enum tc_flow flow = run_with(ev, stmt, k + 1);
  tc_block_close(ev, &block, &ended);
  tc_stage_leave(ev, v.frame, before);
  tc_block_forget(ev, &block, &ended);
  return flow;
}

enum tc_flow tc_eval_with(tc_eval *ev, const tc_ast *stmt) {
  const tc_ast *test = while_test(ev, stmt);
  if (!test) return run_with(ev, stmt, 0);
  run_while_frame(ev, stmt, test);
  return TC_FLOW_NEXT;
}
