#include "pass/dead.h"

#include "ir/form.h"
#include "pass/guard.h"

/* Uses stand behind definitions, so one walk from the end to the start sees every user of a value
 * before the statement that makes it. */
typedef struct sweep {
  tc_ir *ir;
  tc_arena *scratch;
  bool *needed;     /* by value id */
  bool *needed_buf; /* by buffer id */
  TC_VEC(tc_value) work;
} sweep;

static void need_buf(sweep *s, tc_buf buf) {
  if (!buf.id || s->needed_buf[buf.id]) return;
  s->needed_buf[buf.id] = true;
  const tc_buffer *b = tc_buf_at(s->ir, buf);
  for (uint32_t k = 0; k < tc_buf_n_exprs(b); k++)
    tc_vec_push(s->scratch, &s->work, tc_buf_expr(b, k));
  need_buf(s, b->root.id == buf.id ? (tc_buf){0} : b->root);
}

static void need_operands(sweep *s, tc_value v) {
  const tc_op *op = tc_op_at(s->ir, v);
  for (uint32_t i = 0; i < op->n_in; i++)
    tc_vec_push(s->scratch, &s->work, tc_input(s->ir, op, i));
  if (op->opcode == TC_OP_slice) need_buf(s, tc_slice_buf(s->ir, v));
  if (tc_op_is_pure(op)) return;
  for (uint32_t k = 0;; k++) {
    tc_buf buf = tc_stmt_buf(s->ir, op, k);
    if (!buf.id) return;
    need_buf(s, buf);
  }
}

static void need(sweep *s, tc_value stmt) {
  need_operands(s, stmt);
  while (s->work.n) {
    tc_value v = s->work.at[--s->work.n];
    if (!v.id || s->needed[v.id]) continue;
    s->needed[v.id] = true;
    /* A statement's own operands are needed when the walk comes to it. */
    if (tc_op_is_pure(tc_op_at(s->ir, v))) need_operands(s, v);
  }
}

/* An access whose predicate is the constant false. */
static bool never_happens(const sweep *s, tc_value stmt) {
  int64_t known;
  if (s->needed[stmt.id] || !tc_guard_is_access(s->ir, stmt)) return false;
  return tc_const_of(s->ir, tc_access_pred(s->ir, stmt), &known) && !known;
}

static bool is_effect_free(const sweep *s, tc_value stmt) {
  const tc_op *op = tc_op_at(s->ir, stmt);
  if (never_happens(s, stmt)) return true;
  if (op->opcode == TC_OP_eval) return true;
  if (op->opcode == TC_OP_load)
    return !s->needed[stmt.id] && tc_access_of(s->ir, stmt)->order == TC_ORDER_NONE;
  bool control = op->opcode == TC_OP_if || op->opcode == TC_OP_for || op->opcode == TC_OP_parallel;
  uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
  for (uint32_t r = 0; control && r < n; r++)
    control = tc_block_at(s->ir, tc_child(s->ir, op, r))->ops.n == 0;
  return control;
}

static void sweep_region(sweep *s, tc_region region) {
  tc_block *block = tc_block_at(s->ir, region);
  for (uint32_t i = block->ops.n; i-- > 0;) {
    tc_value stmt = block->ops.at[i];
    const tc_op *op = tc_op_at(s->ir, stmt);
    uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
    for (uint32_t r = n; r-- > 0;)
      sweep_region(s, tc_child(s->ir, op, r));
    if (is_effect_free(s, stmt))
      block->ops.at[i] = (tc_value){0};
    else
      need(s, stmt);
  }
  uint32_t kept = 0;
  for (uint32_t i = 0; i < block->ops.n; i++)
    if (block->ops.at[i].id) block->ops.at[kept++] = block->ops.at[i];
  block->ops.n = kept;
}

void tc_drop_dead(tc_ir *ir, tc_arena *scratch) {
  sweep s = {.ir = ir,
             .scratch = scratch,
             .needed = TC_NEW_ARRAY(scratch, ir->n_ops, bool),
             .needed_buf = TC_NEW_ARRAY(scratch, ir->bufs.n, bool)};
  for (uint32_t i = 0; i < ir->params.n; i++)
    if (ir->params.at[i].kind == TC_PARAM_BUFFER) need_buf(&s, ir->params.at[i].buf);
  sweep_region(&s, ir->body);
}
