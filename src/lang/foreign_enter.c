/* The way in: another language operates on values of the evaluation while a callback runs. */
#include "lang/foreign.h"

#include <string.h>

typedef struct entry {
  tilec_trace *trace;
  tilec_op op;
  const tilec_value *args;
  size_t n;
  tilec_value *result;
} entry;

static void perform(const entry *e) {
  tc_eval *ev = &e->trace->lang->eval;
  tc_val *args = TC_NEW_ARRAY(ev->arena, e->n + 1, tc_val);
  tc_history_call(e->trace, e->op, e->args, (uint32_t)e->n);
  /* The items of what was handed out: their number is ours. */
  bool item = e->op == TILEC_OP_ITEM && e->n && e->args[0].object - 1 < e->trace->handed.n;
  for (size_t i = 0; i < e->n; i++)
    args[i] = i == 0 && item ? e->trace->handed.at[e->args[0].object - 1]
                             : tc_foreign_in(ev, &e->args[i]);
  *e->result = tc_foreign_out(ev, tc_foreign_apply(ev, e->op, args, (uint32_t)e->n));
}

/* How a call ended that could not go on. */
static tilec_status status_of(const tilec_trace *t, enum tc_why why) {
  const tc_diags *diags = t->lang->eval.diags;
  if (why == TC_WHY_MEMORY) return TILEC_MEMORY;
  if (why == TC_WHY_BUG) return TILEC_BUG;
  if (t->interrupted) return TILEC_INTERRUPTED;
  bool raised = diags->all.n && diags->all.at[diags->all.n - 1].id == D_foreign_raised;
  return raised ? TILEC_RAISED : TILEC_ERROR;
}

/* Returns why it ended early, or 0. The record of unwinding is this function's own. */
static int protect(const entry *e) {
  tc_arena *arena = e->trace->lang->arena;
  tc_unwind here = {.text = {0}}, *outer = arena->unwind;
  arena->unwind = &here;
  int why = setjmp(here.at);
  if (why == 0) perform(e);
  arena->unwind = outer;
  if (why == TC_WHY_BUG) memcpy(outer->text, here.text, sizeof outer->text);
  return why;
}

tilec_status tc_foreign_enter(tilec_trace *t, tilec_op op, const tilec_value *args, size_t n,
                              tilec_value *result) {
  tc_eval *ev = &t->lang->eval;
  entry e = {t, op, args, n, result};
  if (t->failed) return status_of(t, t->failed);
  const tc_ast *node = ev->node;
  tc_span here = ev->here;
  int why = protect(&e);
  if (why) {
    t->failed = (enum tc_why)why;
    return status_of(t, t->failed);
  }
  ev->node = node;
  ev->here = here;
  return TILEC_OK;
}
