/* Frames: what `with T.Kernel(...)` and `for ... in T.Parallel(...)` open and close. */
#include "lang/stage_private.h"

#include "ir/walk.h"

#include <string.h>

/* ---- blocks ---- */

tc_cursor tc_stage_open(tc_eval *ev, tc_region region) {
  tc_cursor before = ev->cursor;
  ev->cursor.at = region;
  ev->cursor.block = ++ev->n_blocks;
  return before;
}

void tc_stage_close(tc_eval *ev, tc_cursor before) {
  ev->cursor = before;
}

tc_frame *tc_stage_frame_new(tc_eval *ev, enum stage_frame_kind kind, tc_span span) {
  tc_frame *frame = TC_NEW(ev->arena, tc_frame);
  frame->kind = kind;
  frame->span = span;
  return frame;
}

tc_frame *tc_stage_frame(tc_eval *ev, enum stage_frame_kind kind) {
  tc_frame *frame = ev->cursor.frames;
  while (frame && frame->kind != kind)
    frame = frame->outer;
  return frame;
}

bool tc_stage_in_kernel(const tc_eval *ev) {
  return ev->cursor.kernel.id != 0;
}

bool tc_stage_is_loop(const tc_frame *frame) {
  return frame->kind == F_PARALLEL || frame->kind == F_LOOP || frame->kind == F_PERSISTENT
         || frame->kind == F_BOUND;
}

void tc_stage_effect(tc_eval *ev, tc_span span) {
  for (tc_frame *frame = ev->cursor.frames; frame; frame = frame->outer) {
    frame->has_effect = true;
    if (frame->kind != F_PARALLEL) continue;
    /* A statement beside an inner parallel loop runs once per outer index while the inner loop
     * spreads over the same threads: neither nest can be mapped. */
    if (frame->has_inner && ev->cursor.frames == frame) {
      TC_DIAG(ev->diags, D_parallel_nest, span, "a statement stands beside a nested T.Parallel");
      tc_diag_note(ev->diags, frame->span, "the outer loop");
      tc_diag_help(ev->diags, "write one T.Parallel(a, b) or move the statement out of the nest");
      tc_diag_stop(ev->diags);
    }
    return;
  }
}

tc_value tc_stage_safe_of(tc_eval *ev, tc_buf buf, tc_span span) {
  for (tc_frame *frame = ev->cursor.frames; frame; frame = frame->outer)
    for (uint32_t i = frame->safe.n; i-- > 0;)
      if (frame->safe.at[i].buf.id == buf.id)
        return tc_stage_convert(ev, frame->safe.at[i].value, tc_buf_at(ev->ir, buf)->elem, span);
  return (tc_value){0};
}

/* ---- the kernel ---- */

static tc_val var_values(tc_eval *ev, const tc_var *vars, uint32_t n) {
  tc_val items[STAGE_MAX_RANK];
  for (uint32_t i = 0; i < n; i++)
    items[i] = tc_val_expr(tc_var_value(ev->ir, vars[i]));
  return n == 1 ? items[0] : tc_val_tuple(ev->arena, items, n);
}

/* The index of a block has the type of its extent: with an int64 dimension, `bx * n + i` counts in
 * 64 bits. */
static tc_val block_values(tc_eval *ev, const tc_var *vars, const tc_value *grid, uint32_t n) {
  tc_val items[3];
  for (uint32_t i = 0; i < n; i++) {
    tc_value v = tc_var_value(ev->ir, vars[i]);
    tc_type type = tc_value_type(ev->ir, grid[i]);
    items[i] = tc_val_expr(type.dtype == TC_DT_int64 ? tc_cast(ev->ir, v, type) : v);
  }
  return n == 1 ? items[0] : tc_val_tuple(ev->arena, items, n);
}

static tc_cursor enter_kernel(tc_eval *ev, tc_frame *f, tc_val *target, tc_span span) {
  static const char *const NAMES[] = {"bx", "by", "bz"};
  if (ev->probing) tc_diag_stop(ev->diags);
  if (!ev->cursor.at.id || ev->cursor.kernel.id || ev->cursor.at.id != ev->ir->body.id) {
    TC_DIAG(ev->diags, D_kernel_place, span);
    tc_diag_stop(ev->diags);
  }
  tc_kernel kernel = {.name = ev->ir->name, .n_grid = f->n, .cluster = {1, 1, 1}};
  for (uint32_t d = 0; d < 3; d++) {
    kernel.threads[d] = f->threads[d];
    kernel.cluster[d] = f->cluster[d];
  }
  for (uint32_t d = 0; d < f->n; d++)
    kernel.block[d] = tc_var_new(ev->ir, NAMES[d], TC_VAR_BLOCK, tc_i32_type(), span);
  tc_value grid[3];
  for (uint32_t d = 0; d < f->n; d++) {
    grid[d] = f->extent[d];
    tc_stage_assert_no_wrap(ev, grid[d], 1, "a grid extent", span);
  }
  tc_value stmt = tc_kernel_stmt(ev->ir, ev->cursor.at, &kernel, grid, span);
  *target = block_values(ev, kernel.block, grid, f->n);
  for (uint32_t d = 0; d < f->n; d++)
    f->at[d] = tc_var_value(ev->ir, kernel.block[d]);
  f->body = tc_child(ev->ir, tc_op_at(ev->ir, stmt), 0);
  tc_cursor before = tc_stage_open(ev, f->body);
  ev->cursor.kernel = stmt;
  return before;
}

/* ---- loops ---- */

static bool uses_parallel_index(tc_eval *ev, tc_value v) {
  tc_value_list list = tc_operands_of(ev->ir, v, ev->arena);
  for (uint32_t i = 0; i < list.n; i++) {
    const tc_op *op = tc_op_at(ev->ir, list.at[i]);
    if (op->opcode == TC_OP_var
        && tc_var_at(ev->ir, (tc_var){op->payload})->kind == TC_VAR_PARALLEL)
      return true;
  }
  return false;
}

static void check_parallel_nest(tc_eval *ev, tc_frame *f, tc_span span) {
  tc_frame *outer = tc_stage_frame(ev, F_PARALLEL);
  if (!outer) return;
  const char *why = NULL;
  if (ev->cursor.frames != outer)
    why = "a loop stands between two T.Parallel loops";
  else if (outer->has_effect)
    why = "a statement stands between two T.Parallel loops";
  else if (ev->cursor.at.id != outer->body.id)
    why = "a branch stands between two T.Parallel loops";
  else if (outer->has_inner)
    why = "two T.Parallel loops stand side by side inside a third";
  for (uint32_t d = 0; d < f->n; d++)
    if (uses_parallel_index(ev, f->extent[d])) why = "an inner extent depends on an outer index";
  if (why) {
    TC_DIAG(ev->diags, D_parallel_nest, span, why);
    tc_diag_note(ev->diags, outer->span, "the outer loop");
    tc_diag_help(ev->diags, "write one T.Parallel(a, b), or make the inner loop T.serial");
    tc_diag_stop(ev->diags);
  }
  outer->has_inner = true;
  outer->inner = f;
}

static tc_cursor enter_parallel(tc_eval *ev, tc_frame *f, tc_val *target, tc_span span) {
  check_parallel_nest(ev, f, span);
  tc_var vars[STAGE_MAX_RANK];
  for (uint32_t d = 0; d < f->n; d++)
    vars[d] = tc_var_new(ev->ir, tc_format(ev->arena, "p%u", d), TC_VAR_PARALLEL,
                         tc_value_type(ev->ir, f->extent[d]), span);
  tc_value stmt = tc_parallel_stmt(ev->ir, ev->cursor.at, vars, f->extent, f->n, span);
  *target = var_values(ev, vars, f->n);
  for (uint32_t d = 0; d < f->n; d++)
    f->at[d] = tc_var_value(ev->ir, vars[d]);
  f->loops = ev->cursor.loops;
  f->body = tc_child(ev->ir, tc_op_at(ev->ir, stmt), 0);
  return tc_stage_open(ev, f->body);
}

static tc_region open_for(tc_eval *ev, tc_region at, tc_loop loop, tc_value lo, tc_value hi,
                          tc_value step, tc_span span, tc_value *index) {
  tc_type type = tc_stage_common(ev, tc_value_type(ev->ir, lo), tc_value_type(ev->ir, hi), span);
  lo = tc_stage_cast(ev, lo, type, span);
  hi = tc_stage_cast(ev, hi, type, span);
  step = tc_stage_cast(ev, step, type, span);
  loop.var = tc_var_new(ev->ir, "i", TC_VAR_LOOP, type, span);
  *index = tc_var_value(ev->ir, loop.var);
  tc_value stmt = tc_for(ev->ir, at, loop, lo, hi, step, span);
  return tc_child(ev->ir, tc_op_at(ev->ir, stmt), 0);
}

static tc_cursor enter_loop(tc_eval *ev, tc_frame *f, tc_val *target, tc_span span) {
  tc_region at = ev->cursor.at;
  tc_val items[STAGE_MAX_RANK];
  for (uint32_t d = 0; d < f->n; d++) {
    tc_value index;
    at = open_for(ev, at, f->loop, f->lo[d], f->hi[d], f->step[d], span, &index);
    items[d] = tc_val_expr(index);
  }
  *target = f->n == 1 ? items[0] : tc_val_tuple(ev->arena, items, f->n);
  f->body = at;
  tc_cursor before = tc_stage_open(ev, at);
  ev->cursor.loops++;
  return before;
}

/* T.Persistent: worker `index` of `wave` takes tiles index, index + wave, ... of the row-major
 * domain. The order of tiles is a matter of speed only. */
static tc_cursor enter_persistent(tc_eval *ev, tc_frame *f, tc_val *target, tc_span span) {
  tc_value total = tc_i32(ev->ir, 1), one = tc_i32(ev->ir, 1), turn;
  for (uint32_t d = 0; d < f->n; d++)
    total = tc_stage_arith(ev, TC_OP_mul, total, f->extent[d]);
  tc_value wave = tc_stage_index(ev, f->wave, "the wave size", span);
  tc_value index = tc_stage_index(ev, f->index, "the worker index", span);
  tc_value round = tc_stage_arith(ev, TC_OP_sub, wave, one);
  tc_value waves =
      tc_stage_arith(ev, TC_OP_floordiv, tc_stage_arith(ev, TC_OP_add, total, round), wave);
  tc_loop loop = {.kind = TC_LOOP_PERSISTENT};
  tc_region body = open_for(ev, ev->cursor.at, loop, tc_i32(ev->ir, 0), waves, one, span, &turn);
  tc_value tile = tc_stage_arith(ev, TC_OP_add, tc_stage_arith(ev, TC_OP_mul, turn, wave), index);
  tc_value stmt = tc_if(ev->ir, body, tc_stage_arith(ev, TC_OP_lt, tile, total), span);
  tc_val items[STAGE_MAX_RANK];
  for (uint32_t d = f->n; d-- > 0;) {
    bool first = d == 0;
    items[d] = tc_val_expr(first ? tile : tc_stage_arith(ev, TC_OP_floormod, tile, f->extent[d]));
    tile = tc_stage_arith(ev, TC_OP_floordiv, tile, f->extent[d]);
  }
  *target = f->n == 1 ? items[0] : tc_val_tuple(ev->arena, items, f->n);
  f->body = tc_child(ev->ir, tc_op_at(ev->ir, stmt), 0);
  tc_cursor before = tc_stage_open(ev, f->body);
  ev->cursor.loops++;
  return before;
}

tc_frame *tc_stage_loop_of_range(tc_eval *ev, const tc_range *range, tc_span span) {
  tc_frame *f = tc_stage_frame_new(ev, F_LOOP, span);
  tc_stage_ensure_ir(ev);
  f->n = 1;
  f->lo[0] = range->staged ? range->lo : tc_stage_value(ev, tc_val_int(range->start), span);
  f->hi[0] = range->staged ? range->hi : tc_stage_value(ev, tc_val_int(range->stop), span);
  f->step[0] = range->staged ? range->by : tc_stage_value(ev, tc_val_int(range->step), span);
  int64_t step;
  if (!tc_const_of(ev->ir, f->step[0], &step)) STAGE_FAIL(ev, D_loop_step, span, "not a constant");
  if (step == 0) STAGE_FAIL(ev, D_loop_step, span, "0");
  return f;
}

/* ---- T.If, T.Then, T.Else ---- */

/* Between `with T.If(c):` and its sides nothing may stand: what does goes to a region of its own,
 * which must be empty in the end. */
static tc_cursor enter_if(tc_eval *ev, tc_frame *f, tc_span span) {
  f->test = tc_if(ev->ir, ev->cursor.at, f->test, span);
  f->body = tc_region_new(ev->ir);
  return tc_stage_open(ev, f->body);
}

static tc_cursor enter_side(tc_eval *ev, tc_frame *f, tc_span span) {
  const tc_frame *outer = ev->cursor.frames;
  if (!outer || outer->kind != F_IF)
    STAGE_FAIL(ev, D_wrong_place, span, f->side ? "Else" : "Then",
               "directly inside `with T.If(...)`");
  f->body = tc_child(ev->ir, tc_op_at(ev->ir, outer->test), f->side);
  return tc_stage_open(ev, f->body);
}

static void leave_if(tc_eval *ev, const tc_frame *f) {
  if (tc_block_at(ev->ir, f->body)->ops.n)
    STAGE_FAIL(ev, D_wrong_place, f->span, "If",
               "around `with T.Then():` and `with T.Else():` only");
}

tc_frame *tc_stage_plain_frame(tc_eval *ev, tc_span span) {
  return tc_stage_frame_new(ev, F_BLOCK, span);
}

/* ---- threads ---- */

static tc_cursor enter_group(tc_eval *ev, tc_frame *f, tc_span span) {
  tc_value stmt = tc_if(ev->ir, ev->cursor.at, f->extent[0], span);
  f->body = tc_child(ev->ir, tc_op_at(ev->ir, stmt), 0);
  return tc_stage_open(ev, f->body);
}

/* Threads beyond the extent skip the body. */
static tc_cursor enter_bound(tc_eval *ev, tc_frame *f, tc_val *target, tc_span span) {
  tc_value index = f->extent[0], count = tc_stage_arith(ev, TC_OP_sub, f->hi[0], f->lo[0]);
  int64_t n;
  tc_region at = ev->cursor.at;
  if (f->group && tc_const_of(ev->ir, count, &n) && n < f->group) {
    tc_value stmt = tc_if(ev->ir, at, tc_stage_arith(ev, TC_OP_lt, index, count), span);
    at = tc_child(ev->ir, tc_op_at(ev->ir, stmt), 0);
  }
  *target = tc_stage_fold(ev, tc_stage_arith(ev, TC_OP_add, index, f->lo[0]));
  f->body = at;
  return tc_stage_open(ev, at);
}

/* `tx = T.thread_binding(...)` is entered where it stands: the name is the index from here on. A
 * frame of fewer threads than there are would hide what follows from the others, and stays a frame.
 */
tc_val tc_stage_bound_index(tc_eval *ev, tc_val v) {
  const tc_frame *f = v.frame;
  int64_t n;
  if (f->kind != F_BOUND) return v;
  tc_value count = tc_stage_arith(ev, TC_OP_sub, f->hi[0], f->lo[0]);
  if (f->group && (!tc_const_of(ev->ir, count, &n) || n != f->group)) return v;
  return tc_stage_fold(ev, tc_stage_arith(ev, TC_OP_add, f->extent[0], f->lo[0]));
}

/* ---- enter and leave ---- */

tc_cursor tc_stage_enter(tc_eval *ev, tc_frame *frame, tc_val *target, tc_span span) {
  tc_cursor before = ev->cursor;
  *target = tc_val_none();
  bool loop = tc_stage_is_loop(frame) || frame->kind == F_GROUP;
  if (loop && !tc_stage_in_kernel(ev))
    tc_bug(ev->arena->unwind, "a loop frame was made outside a kernel");
  switch (frame->kind) { /* table */
  case F_KERNEL:
    before = enter_kernel(ev, frame, target, span);
    break;
  case F_PARALLEL:
    before = enter_parallel(ev, frame, target, span);
    break;
  case F_LOOP:
    before = enter_loop(ev, frame, target, span);
    break;
  case F_PERSISTENT:
    before = enter_persistent(ev, frame, target, span);
    break;
  case F_IF:
    before = enter_if(ev, frame, span);
    break;
  case F_SIDE:
    before = enter_side(ev, frame, span);
    break;
  case F_GROUP:
    before = enter_group(ev, frame, span);
    break;
  case F_BOUND:
    before = enter_bound(ev, frame, target, span);
    break;
  case F_BLOCK:
  case F_ASYNC:
  case F_REDUCE:
    break;
  }
  frame->outer = before.frames;
  frame->has_effect = frame->has_inner = false;
  frame->safe.n = 0;
  ev->cursor.frames = frame;
  return before;
}

void tc_stage_leave(tc_eval *ev, tc_frame *frame, tc_cursor before) {
  if (frame->kind == F_IF) leave_if(ev, frame);
  ev->cursor = before;
  tc_stage_rng_leave(ev, frame);
}

void tc_stage_jump(tc_eval *ev, enum tc_opcode op, tc_span span) {
  const char *word = op == TC_OP_break ? "break" : "continue";
  tc_frame *frame = ev->cursor.frames;
  while (frame && !tc_stage_is_loop(frame))
    frame = frame->outer;
  if (frame && (frame->kind == F_PARALLEL || frame->kind == F_BOUND))
    STAGE_FAIL(ev, D_jump_parallel, span, word);
  tc_stmt(ev->ir, ev->cursor.at, op, tc_scalar_type(TC_DT_void), NULL, 0, 0, span);
}

/* ---- statements ---- */

void tc_stage_assert(tc_eval *ev, tc_val condition, tc_val message, tc_span span) {
  tc_value c = tc_stage_condition(ev, condition, span);
  tc_str text = message.kind == TC_V_NONE ? TC_STR("assertion failed") : tc_eval_str(ev, message);
  uint32_t payload = tc_pl_text(ev->ir, tc_str_dup(ev->arena, text));
  /* A factory's check of a symbolic size comes before the function begins: it opens the prologue.
   */
  tc_region at = ev->cursor.at.id ? ev->cursor.at : ev->ir->body;
  tc_stmt(ev->ir, at, TC_OP_assert, tc_scalar_type(TC_DT_void), &c, 1, payload, span);
}

void tc_stage_expression(tc_eval *ev, tc_val v, tc_span span) {
  if (v.kind == TC_V_BUFFER || v.kind == TC_V_FRAME || !ev->cursor.at.id) return;
  tc_value x = tc_stage_value(ev, v, span);
  tc_stmt(ev->ir, ev->cursor.at, TC_OP_eval, tc_scalar_type(TC_DT_void), &x, 1, 0, span);
}
