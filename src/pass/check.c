/* check: refuses what provably goes wrong.
 *
 * Input       state tile.
 * Output      the same, or diagnostics E05xx.
 * Invariants  no report without a witness: values of the variables under which control comes to the
 *             statement and the mistake happens. What depends on data is left to run time.       */
#include "pass/check.h"

#include "prove/eval.h"

#include <inttypes.h>

/* ---- reports ---- */

bool tc_check_is_news(tc_check *c, tc_buf buf, tc_span span) {
  uint64_t key = (uint64_t)buf.id << 32 | span.id;
  if (!span.id) return true;
  for (uint32_t i = 0; i < c->said.n; i++)
    if (c->said.at[i] == key) return false;
  tc_vec_push(c->arena, &c->said, key);
  return true;
}

void tc_check_note_model(tc_check *c, const tc_model *model, tc_span span) {
  if (model->n) tc_diag_note(c->ir->diags, span, "when %s", tc_model_text(c->ir, model, c->arena));
}

static const char *shape_text(tc_check *c, const tc_buffer *b) {
  tc_sb sb = tc_sb_in(c->arena);
  for (uint32_t d = 0; d < b->rank; d++) {
    int64_t n;
    tc_sb_adds(&sb, d ? ", " : "");
    if (tc_const_of(c->ir, b->shape[d], &n))
      tc_sb_printf(&sb, "%" PRId64, n);
    else
      tc_sb_adds(&sb, tc_check_value_text(c, b->shape[d], NULL));
  }
  return sb.at ? sb.at : "";
}

void tc_check_note_buf(tc_check *c, tc_buf buf) {
  const tc_buffer *b = tc_buf_at(c->ir, buf);
  if (!b->span.id) return;
  if (b->scope == TC_SCOPE_var) {
    tc_diag_note(c->ir->diags, b->span, "'%s' is made here", tc_check_buf_name(c, buf));
    return;
  }
  tc_diag_note(c->ir->diags, b->span, "'%s' is a %s buffer of %s with shape (%s)",
               tc_check_buf_name(c, buf), tc_scope_name(b->scope), tc_type_name(c->arena, b->elem),
               shape_text(c, b));
}

void tc_check_help_sizes(tc_check *c) {
  tc_diag_help(c->ir->diags,
               "if no launch has such sizes, say so before the kernel: T.assume(...)");
}

const char *tc_check_value_text(tc_check *c, tc_value v, const tc_model *model) {
  const tc_op *op = tc_op_at(c->ir, v);
  tc_model none = {.n = 0};
  if (!model) model = &none;
  tc_eval *e = tc_eval_new(c->ir, c->arena, model->var, model->n, &v, 1, 0);
  for (uint32_t k = 0; k < model->n; k++)
    tc_eval_set(e, k, model->x[k]);
  for (uint32_t level = 0; level <= model->n; level++)
    tc_eval_run(e, level);
  tc_cell x = tc_eval_root(e, 0);
  bool is_int = tc_is_int(op->type) || tc_is_bool(op->type);
  if (x.state == TC_CELL_KNOWN && is_int) return tc_format(c->arena, "%" PRId64, x.x.i);
  if (op->opcode == TC_OP_var)
    return tc_name_of(c->ir, tc_var_at(c->ir, (tc_var){op->payload})->name);
  return "?";
}

const char *tc_check_buf_name(const tc_check *c, tc_buf buf) {
  const tc_buffer *b = tc_buf_at(c->ir, buf);
  if (tc_names_text(c->ir->names, b->name).n == 0) b = tc_buf_at(c->ir, b->root);
  return tc_name_of(c->ir, b->name);
}

bool tc_check_is_on_chip(const tc_ir *ir, tc_buf buf) {
  enum tc_scope scope = tc_buf_at(ir, buf)->scope;
  return scope == TC_SCOPE_shared || scope == TC_SCOPE_fragment || scope == TC_SCOPE_local
         || scope == TC_SCOPE_tmem;
}

/* ---- the pass ---- */

enum { RACE_POINTS = 1 << 15 };

static bool check_statement(tc_prover *p, tc_value stmt, void *data) {
  tc_check *c = data;
  (void)p;
  if (tc_is(c->ir, stmt, TC_OP_kernel)) c->points = RACE_POINTS * (c->deep ? 16u : 1u);
  tc_check_bounds(c, stmt);
  tc_check_values(c, stmt);
  if (tc_is(c->ir, stmt, TC_OP_parallel)) tc_check_parallel(c, stmt);
  if (tc_is(c->ir, stmt, TC_OP_perthread)) tc_check_threads(c, stmt);
  return true;
}

void tc_pass_check(tc_ir *ir, const tc_pass_context *cx) {
  const tc_prove_options *prove = cx->options->prove;
  tc_check c = {.ir = ir, .p = cx->prover, .arena = cx->scratch, .deep = prove && prove->deep};
  c.open_loop = TC_NEW_ARRAY(cx->scratch, ir->vars.n, bool);
  bool off = prove && (prove->off || prove->users_off >> TC_PROVE_check & 1);
  if (!off) tc_prove_walk(cx->prover, ir->body, check_statement, &c);
  tc_check_init(&c);
}
