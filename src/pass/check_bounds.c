#include "pass/check.h"

#include "ir/build.h"
#include "pass/deps.h"
#include "pass/guard.h"

/* ---- elements ---- */

static void report_element(tc_check *c, tc_value stmt, uint32_t d, const tc_model *model) {
  tc_buf buf = tc_access_buf(c->ir, stmt);
  tc_span span = tc_op_at(c->ir, stmt)->span;
  tc_value index = tc_input(c->ir, tc_op_at(c->ir, stmt), d);
  tc_value extent = tc_buf_at(c->ir, buf)->shape[d];
  if (!tc_check_is_news(c, buf, span)) return;
  const char *name = tc_check_buf_name(c, buf);
  const char *x = tc_check_value_text(c, index, model), *n = tc_check_value_text(c, extent, model);
  if (model->chosen)
    TC_DIAG(c->ir->diags, D_element_outside_maybe, span, name, d, x, n);
  else
    TC_DIAG(c->ir->diags, D_element_outside, span, name, d, x, n);
  tc_check_note_model(c, model, span);
  tc_check_note_buf(c, buf);
  if (model->chosen) tc_check_help_sizes(c);
}

/* True when the fact was refuted and reported. */
static bool refuted(tc_check *c, tc_value fact, tc_model *model) {
  return tc_prove(c->p, TC_PROVE_check, fact, model) == TC_REFUTED;
}

static void check_element(tc_check *c, tc_value stmt) {
  tc_buf buf = tc_access_buf(c->ir, stmt);
  const tc_buffer *b = tc_buf_at(c->ir, buf);
  tc_value pred = tc_access_pred(c->ir, stmt);
  if (!tc_check_is_on_chip(c->ir, buf)) return;
  tc_prove_push(c->p);
  if (pred.id && tc_value_type(c->ir, pred).lanes == 1) tc_prove_assume(c->p, pred);
  for (uint32_t d = 0; d < b->rank; d++) {
    tc_value index = tc_input(c->ir, tc_op_at(c->ir, stmt), d);
    tc_model model;
    if (tc_value_type(c->ir, index).lanes != 1) continue;
    if (refuted(c, tc_guard_upper(c->ir, index, b->shape[d]), &model)
        || refuted(c, tc_guard_lower(c->ir, index), &model)) {
      report_element(c, stmt, d, &model);
      break;
    }
  }
  tc_prove_pop(c->p);
}

/* A fragment is laid out for loops of constant extent. */
static void check_fragment_loops(tc_check *c, tc_value stmt) {
  tc_buf buf = tc_access_buf(c->ir, stmt);
  const tc_buffer *b = tc_buf_at(c->ir, buf);
  tc_span span = tc_op_at(c->ir, stmt)->span;
  if (b->scope != TC_SCOPE_fragment) return;
  for (uint32_t d = 0; d < b->rank; d++) {
    tc_deps deps = {0};
    tc_deps_add(c->ir, c->arena, tc_input(c->ir, tc_op_at(c->ir, stmt), d), &deps);
    for (uint32_t i = 0; i < deps.vars.n; i++) {
      tc_var var = deps.vars.at[i];
      if (!c->open_loop[var.id] || !tc_check_is_news(c, buf, span)) continue;
      TC_DIAG(c->ir->diags, D_fragment_extent, span, tc_check_buf_name(c, buf),
              tc_name_of(c->ir, tc_var_at(c->ir, var)->name));
      tc_diag_note(c->ir->diags, tc_var_at(c->ir, var)->span, "the loop");
      tc_check_note_buf(c, buf);
    }
  }
}

/* ---- tiles ---- */

static void report_tile(tc_check *c, tc_value stmt, tc_value slice, uint32_t d,
                        const tc_model *model) {
  tc_buf buf = tc_slice_buf(c->ir, slice);
  tc_span span = tc_op_at(c->ir, stmt)->span;
  if (!tc_check_is_news(c, buf, span)) return;
  tc_type wide = tc_scalar_type(TC_DT_int64);
  tc_value base = tc_cast(c->ir, tc_slice_base(c->ir, slice, d), wide);
  tc_value extent = tc_cast(c->ir, tc_slice_extent(c->ir, slice, d), wide);
  tc_value last = tc_binary(c->ir, TC_OP_sub, tc_binary(c->ir, TC_OP_add, base, extent),
                            tc_const_int(c->ir, wide, 1));
  const char *name = tc_check_buf_name(c, buf);
  const char *from = tc_check_value_text(c, base, model), *to = tc_check_value_text(c, last, model);
  const char *n = tc_check_value_text(c, tc_buf_at(c->ir, buf)->shape[d], model);
  if (model->chosen)
    TC_DIAG(c->ir->diags, D_tile_outside_maybe, span, name, d, from, to, n);
  else
    TC_DIAG(c->ir->diags, D_tile_outside, span, name, d, from, to, n);
  tc_check_note_model(c, model, span);
  tc_check_note_buf(c, buf);
  if (model->chosen) tc_check_help_sizes(c);
}

/* A tile that reaches over the edge is cut off there, by definition; one that lies beyond it
 * altogether cannot be meant, and where it is one element wide it is not guarded either. */
static void check_tile(tc_check *c, tc_value stmt, tc_value slice) {
  tc_buf buf = tc_slice_buf(c->ir, slice);
  const tc_buffer *b = tc_buf_at(c->ir, buf);
  if (!tc_check_is_on_chip(c->ir, buf) || tc_slice_in_bounds(c->ir, slice)) return;
  for (uint32_t d = 0; d < b->rank; d++) {
    tc_value base = tc_slice_base(c->ir, slice, d), extent = tc_slice_extent(c->ir, slice, d);
    tc_type wide = tc_scalar_type(TC_DT_int64);
    tc_value end =
        tc_binary(c->ir, TC_OP_add, tc_cast(c->ir, base, wide), tc_cast(c->ir, extent, wide));
    tc_model model;
    if (!refuted(c, tc_guard_upper(c->ir, base, b->shape[d]), &model)
        && !refuted(c, tc_binary(c->ir, TC_OP_lt, tc_const_int(c->ir, wide, 0), end), &model))
      continue;
    report_tile(c, stmt, slice, d, &model);
    return;
  }
}

/* ---- statements ---- */

/* Remembers loops whose extents are not constants. */
static void note_loop(tc_check *c, tc_value stmt) {
  const tc_parallel *loop = tc_parallel_of(c->ir, stmt);
  for (uint32_t i = 0; i < loop->n; i++) {
    int64_t n;
    c->open_loop[loop->vars[i].id] =
        !tc_const_of(c->ir, tc_input(c->ir, tc_op_at(c->ir, stmt), i), &n);
  }
}

void tc_check_bounds(tc_check *c, tc_value stmt) {
  const tc_op *op = tc_op_at(c->ir, stmt);
  if (op->opcode == TC_OP_parallel) note_loop(c, stmt);
  if (tc_guard_is_access(c->ir, stmt)) {
    check_element(c, stmt);
    check_fragment_loops(c, stmt);
    return;
  }
  for (uint32_t i = 0; i < op->n_in; i++) {
    tc_value in = tc_input(c->ir, tc_op_at(c->ir, stmt), i);
    if (tc_is(c->ir, in, TC_OP_slice)) check_tile(c, stmt, in);
  }
}
