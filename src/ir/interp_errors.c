#include "ir/interp_private.h"

#include <inttypes.h>

/* "bx = 1, by = 0, i = 7": the loops around the statement, outermost first. */
static void note_place(tc_machine *m) {
  tc_sb sb = tc_sb_in(m->ir->diags->arena);
  const tc_frame *frames[8];
  uint32_t n = 0;
  for (const tc_frame *f = m->frames; f && n < TC_COUNT(frames); f = f->up)
    frames[n++] = f;
  while (n-- > 0) {
    const tc_frame *f = frames[n];
    for (uint32_t i = 0; i < f->n; i++) {
      if (!f->vars[i].id || !m->var_slot[f->vars[i].id]) continue;
      tc_reg r = m->regs[m->var_slot[f->vars[i].id]];
      tc_sb_printf(&sb, "%s%s = %" PRId64, sb.n ? ", " : "",
                   tc_name_of(m->ir, tc_var_at(m->ir, f->vars[i])->name), r.x.i);
    }
  }
  if (sb.n) tc_diag_note(m->ir->diags, (tc_span){0}, "at %s", sb.at);
}

void tc_interp_stop(tc_machine *m) {
  note_place(m);
  tc_unwind_to(m->arena.unwind, TC_WHY_ERROR);
}

static tc_span span_of(const tc_machine *m, tc_value stmt) {
  return stmt.id ? tc_op_at(m->ir, stmt)->span : (tc_span){0};
}

const char *tc_interp_name(const tc_machine *m, tc_buf buf) {
  const char *name = tc_name_of(m->ir, tc_buf_at(m->ir, buf)->name);
  return name && *name ? name : "(unnamed)";
}

static bool is_division(enum tc_opcode op) {
  return op >= TC_OP_floordiv && op <= TC_OP_truncmod;
}

/* Where the undefined value `x` began. A division has its own message. */
static void note_origin(tc_machine *m, tc_reg x) {
  tc_value from = {x.poison};
  const tc_op *op = tc_op_at(m->ir, from);
  if (op->opcode == TC_OP_load || op->opcode == TC_OP_atomic) {
    tc_buf buf = tc_access_buf(m->ir, from);
    tc_diag_note(m->ir->diags, op->span, "it was read here from '%s', which was not written",
                 tc_interp_name(m, buf));
    tc_diag_note(m->ir->diags, tc_buf_at(m->ir, buf)->span, "'%s' is declared here",
                 tc_interp_name(m, buf));
  } else if (op->opcode == TC_OP_shl || op->opcode == TC_OP_shr) {
    tc_diag_note(m->ir->diags, op->span, "it depends on a shift by as many bits as the type has");
  } else if (op->opcode == TC_OP_var) {
    tc_diag_note(m->ir->diags, op->span, "the arguments do not determine '%s'",
                 tc_name_of(m->ir, tc_var_at(m->ir, (tc_var){op->payload})->name));
  } else if (!tc_op_is_pure(op)) {
    /* A tile op; all but gemm and atomic_tile name their source first. */
    bool known = op->n_in && tc_is(m->ir, tc_input(m->ir, op, 0), TC_OP_slice)
                 && op->opcode != TC_OP_gemm && op->opcode != TC_OP_atomic_tile;
    tc_buf buf = known ? tc_slice_buf(m->ir, tc_input(m->ir, op, 0)) : (tc_buf){0};
    tc_diag_note(m->ir->diags, op->span, "it was read here from %s%s%s, which was not written",
                 known ? "'" : "memory", known ? tc_interp_name(m, buf) : "", known ? "'" : "");
  }
}

static void say_undefined(tc_machine *m, tc_value stmt, tc_reg x, const char *what) {
  enum tc_opcode origin = (enum tc_opcode)tc_op_at(m->ir, (tc_value){x.poison})->opcode;
  if (is_division(origin)) {
    TC_DIAG(m->ir->diags, D_divided_by_zero, span_of(m, stmt), what);
  } else {
    TC_DIAG(m->ir->diags, D_undefined_value, span_of(m, stmt), what);
    note_origin(m, x);
  }
}

void tc_interp_undefined(tc_machine *m, tc_value stmt, tc_reg x, const char *what) {
  say_undefined(m, stmt, x, what);
  tc_interp_stop(m);
}

void tc_interp_undefined_store(tc_machine *m, tc_value stmt, const tc_view *view, tc_reg x) {
  say_undefined(m, stmt, x,
                tc_format(m->ir->diags->arena, "the value stored to global buffer '%s'",
                          tc_interp_name(m, view->buf)));
  tc_interp_stop(m);
}

void tc_interp_out_of_bounds(tc_machine *m, tc_value stmt, const tc_view *view, uint32_t dim,
                             int64_t index) {
  TC_DIAG(m->ir->diags, D_index_out_of_bounds, span_of(m, stmt), (long long)index, dim,
          tc_scope_name(view->scope), tc_interp_name(m, view->buf), (long long)view->shape[dim]);
  tc_diag_note(m->ir->diags, tc_buf_at(m->ir, view->buf)->span, "'%s' is declared here",
               tc_interp_name(m, view->buf));
  tc_interp_stop(m);
}

void tc_interp_outside(tc_machine *m, tc_value stmt, const tc_view *view) {
  TC_DIAG(m->ir->diags, D_outside_storage, span_of(m, stmt), tc_interp_name(m, view->buf));
  tc_interp_stop(m);
}

void tc_interp_unsupported(tc_machine *m, tc_value stmt, const char *what) {
  TC_DIAG(m->ir->diags, D_not_interpreted, span_of(m, stmt), what);
  tc_interp_stop(m);
}

static const char *box_text(const tc_machine *m, const tc_tile *tile) {
  tc_sb sb = tc_sb_in(m->ir->diags->arena);
  tc_sb_printf(&sb, "'%s'[", tc_interp_name(m, tile->view->buf));
  for (uint32_t d = 0; d < tile->rank; d++)
    tc_sb_printf(&sb, "%s%" PRId64, d ? ", " : "", tile->extent[d]);
  tc_sb_char(&sb, ']');
  return sb.at;
}

void tc_interp_extents(tc_machine *m, tc_value stmt, const tc_tile *a, const tc_tile *b) {
  const char *op = tc_op_row((enum tc_opcode)tc_op_at(m->ir, stmt)->opcode)->name;
  TC_DIAG(m->ir->diags, D_extents_differ, span_of(m, stmt), op,
          tc_format(m->ir->diags->arena, "%s and %s", box_text(m, a), box_text(m, b)));
  tc_interp_stop(m);
}

void tc_interp_out_of_memory(tc_machine *m, tc_value stmt) {
  TC_DIAG(m->ir->diags, D_too_much_memory, span_of(m, stmt),
          (unsigned long long)(m->max_memory_b >> 20));
  tc_interp_stop(m);
}

void tc_interp_out_of_steps(tc_machine *m, tc_value stmt) {
  TC_DIAG(m->ir->diags, D_too_many_steps, span_of(m, stmt), (unsigned long long)m->max_steps);
  tc_interp_stop(m);
}
