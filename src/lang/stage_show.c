/* Values in diagnostics: as an author would write them, which is not quite how IR text does. */
#include "ir/form.h"
#include "lang/stage_private.h"

#include <inttypes.h>

enum { MAX_PARTS = 24 };

typedef struct shower {
  const tc_ir *ir;
  tc_sb *out;
  uint32_t parts; /* shown so far */
} shower;

static void show(shower *s, tc_value v, int level);

static void show_list(shower *s, tc_value v, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) {
    if (i) tc_sb_adds(s->out, ", ");
    show(s, tc_input(s->ir, tc_op_at(s->ir, v), i), 0);
  }
}

static const tc_infix *infix_of(const tc_op *op) {
  uint32_t n;
  const tc_infix *rows = tc_infixes(&n);
  for (uint32_t i = 0; i < n; i++)
    if (rows[i].op == op->opcode) return &rows[i];
  return NULL;
}

static void show_infix(shower *s, tc_value v, const tc_infix *infix, int level) {
  const tc_op *op = tc_op_at(s->ir, v);
  tc_value a = tc_input(s->ir, op, 0), b = tc_input(s->ir, op, 1);
  const char *symbol = op->opcode == TC_OP_floordiv ? "//" : infix->symbol;
  bool parens = infix->level < level, compares = infix->level == TC_LEVEL_COMPARE;
  int64_t c;
  if (parens) tc_sb_char(s->out, '(');
  show(s, a, compares ? TC_LEVEL_COMPARE + 1 : infix->level);
  if (op->opcode == TC_OP_add && tc_const_of(s->ir, b, &c) && c < 0 && c > INT64_MIN) {
    tc_sb_printf(s->out, " - %" PRId64, -c);
  } else {
    tc_sb_printf(s->out, " %s ", symbol);
    show(s, b, infix->level + 1);
  }
  if (parens) tc_sb_char(s->out, ')');
}

static void show_load(shower *s, tc_value v) {
  const tc_buffer *b = tc_buf_at(s->ir, tc_access_buf(s->ir, v));
  tc_sb_adds(s->out, tc_name_of(s->ir, b->name));
  if (!b->rank) return;
  tc_sb_char(s->out, '[');
  show_list(s, v, b->rank);
  tc_sb_char(s->out, ']');
}

static void show_call(shower *s, tc_value v, const char *name) {
  tc_sb_printf(s->out, "T.%s(", name);
  show_list(s, v, tc_op_at(s->ir, v)->n_in);
  tc_sb_char(s->out, ')');
}

/* table */
static void show_op(shower *s, tc_value v, int level) {
  const tc_op *op = tc_op_at(s->ir, v);
  const tc_infix *infix = op->n_in == 2 ? infix_of(op) : NULL;
  int64_t x;
  double f;
  if (tc_const_of(s->ir, v, &x)) {
    tc_sb_printf(s->out, level > TC_LEVEL_UNARY && x < 0 ? "(%" PRId64 ")" : "%" PRId64, x);
    return;
  }
  if (tc_const_float_of(s->ir, v, &f)) {
    tc_sb_printf(s->out, "%.9g", f);
    return;
  }
  if (infix) {
    show_infix(s, v, infix, level);
    return;
  }
  switch (op->opcode) {
  case TC_OP_var:
    tc_sb_adds(s->out, tc_name_of(s->ir, tc_var_at(s->ir, (tc_var){op->payload})->name));
    return;
  case TC_OP_neg:
  case TC_OP_not:
    tc_sb_char(s->out, op->opcode == TC_OP_neg ? '-' : '~');
    show(s, tc_input(s->ir, op, 0), TC_LEVEL_UNARY + 1);
    return;
  case TC_OP_load:
    show_load(s, v);
    return;
  case TC_OP_cast:
    show_call(s, v, tc_dtype_row((enum tc_dtype)op->type.dtype)->name);
    return;
  case TC_OP_select:
    show_call(s, v, "Select");
    return;
  case TC_OP_math:
    show_call(s, v, tc_math_row((enum tc_mathfn)op->payload)->name);
    return;
  default:
    if (tc_op_is_pure(op) && op->n_in)
      show_call(s, v, tc_op_row((enum tc_opcode)op->opcode)->name);
    else
      tc_sb_adds(s->out, "...");
  }
}

static void show(shower *s, tc_value v, int level) {
  if (s->parts++ < MAX_PARTS)
    show_op(s, v, level);
  else
    tc_sb_adds(s->out, "...");
}

const char *tc_stage_show_value(tc_eval *ev, tc_value v) {
  tc_sb sb = tc_sb_in(ev->arena);
  shower s = {.ir = ev->ir, .out = &sb};
  show(&s, v, 0);
  return sb.at;
}

const char *tc_stage_show_shape(tc_eval *ev, const tc_value *shape, uint32_t n) {
  tc_sb sb = tc_sb_in(ev->arena);
  for (uint32_t d = 0; d < n; d++) {
    shower s = {.ir = ev->ir, .out = &sb};
    if (d) tc_sb_char(&sb, 'x');
    show(&s, shape[d], TC_LEVEL_UNARY);
  }
  return n ? sb.at : "scalar";
}
