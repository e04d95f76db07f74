/* Names, types and expressions of IR text. */
#include "ir/number.h"
#include "ir/print_private.h"

/* ---- names and small parts ---- */

static bool is_identifier(tc_str s) {
  for (uint32_t i = 0; i < s.n; i++) {
    char c = s.at[i];
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    if (!letter && (i == 0 || c < '0' || c > '9')) return false;
  }
  return s.n != 0;
}

void tc_print_name(tc_printer *p, tc_name name) {
  tc_str text = tc_names_text(p->ir->names, name);
  if (is_identifier(text)) {
    tc_sb_add(p->out, text);
  } else {
    tc_sb_quoted(p->out, text);
  }
}

static void print_numbered(tc_printer *p, tc_numbering *n, uint32_t id, tc_name name) {
  if (!n->of[id]) {
    uint32_t count = 0;
    tc_map_get(&n->counts, name.id, &count);
    n->of[id] = count + 1;
    tc_map_put(&n->counts, name.id, count + 1);
  }
  tc_print_name(p, name);
  if (n->of[id] > 1) tc_sb_printf(p->out, ".%u", n->of[id] - 1);
}

void tc_print_var(tc_printer *p, tc_var var) {
  if (!var.id || var.id >= p->ir->vars.n) {
    tc_sb_char(p->out, '_');
    return;
  }
  if (!p->plain) tc_sb_char(p->out, '%');
  print_numbered(p, &p->vars, var.id, tc_var_at(p->ir, var)->name);
}

void tc_print_buf(tc_printer *p, tc_buf buf) {
  if (!buf.id || buf.id >= p->ir->bufs.n) {
    tc_sb_adds(p->out, "?");
    return;
  }
  print_numbered(p, &p->bufs, buf.id, tc_buf_at(p->ir, buf)->name);
}

void tc_print_ring(tc_printer *p, uint32_t ring) {
  if (ring >= p->ir->rings.n) {
    tc_sb_adds(p->out, "?");
    return;
  }
  print_numbered(p, &p->rings, ring, p->ir->rings.at[ring].name);
}

void tc_print_type(tc_printer *p, tc_type type) {
  tc_sb_adds(p->out, tc_dtype_row((enum tc_dtype)type.dtype)->name);
  if (type.lanes > 1) tc_sb_printf(p->out, "x%u", type.lanes);
}

void tc_print_value_name(tc_printer *p, tc_value v) {
  if (!p->values[v.id]) p->values[v.id] = ++p->n_values;
  tc_sb_printf(p->out, "%%%u", p->values[v.id] - 1);
}

/* ---- expressions ---- */

static void print_const(tc_printer *p, const tc_op *op) {
  char text[TC_NUMBER_MAX];
  tc_number_print(text, op->type, p->ir->imms.at[op->payload]);
  tc_sb_adds(p->out, text);
  bool plain = op->type.dtype == TC_DT_int32 || op->type.dtype == TC_DT_float32
               || op->type.dtype == TC_DT_bool;
  if (plain && op->type.lanes == 1) return;
  tc_sb_char(p->out, ':');
  tc_print_type(p, op->type);
}

static const tc_infix *infix_of(const tc_printer *p, const tc_op *op) {
  uint32_t n;
  const tc_infix *rows = tc_infixes(&n);
  bool is_float = op->n_in && tc_is_float(tc_value_type(p->ir, tc_input(p->ir, op, 0)));
  if (op->n_in != 2 || (op->opcode == TC_OP_floordiv && is_float)
      || (op->opcode == TC_OP_div && !is_float))
    return NULL;
  for (uint32_t i = 0; i < n; i++)
    if (rows[i].op == op->opcode) return &rows[i];
  return NULL;
}

/* x + (-c) is how the builder keeps x - c. */
static bool negated_constant(const tc_printer *p, const tc_op *op, tc_value v, char *text) {
  int64_t c, negative;
  tc_type type = tc_value_type(p->ir, v);
  if (op->opcode != TC_OP_add || tc_type_kind(type) != TC_K_INT || !tc_const_of(p->ir, v, &c)
      || c >= 0 || c == INT64_MIN || !tc_number_fits(type, (uint64_t)-c, false, &negative))
    return false;
  tc_number_print(text, type, (tc_imm){.i = -c});
  return true;
}

static void print_infix(tc_printer *p, tc_value v, const tc_infix *infix, int level) {
  const tc_op *op = tc_op_at(p->ir, v);
  uint32_t first = p->plan.swapped[v.id] ? 1 : 0;
  tc_value a = tc_input(p->ir, op, first), b = tc_input(p->ir, op, 1 - first);
  bool parens = infix->level < level;
  if (parens) tc_sb_char(p->out, '(');
  tc_print_expr(p, a, infix->level == TC_LEVEL_COMPARE ? TC_LEVEL_COMPARE + 1 : infix->level);
  char text[TC_NUMBER_MAX];
  tc_type type = tc_value_type(p->ir, b);
  if (negated_constant(p, op, b, text)) {
    tc_sb_printf(p->out, " - %s", text);
    if (type.dtype != TC_DT_int32 || type.lanes != 1) {
      tc_sb_char(p->out, ':');
      tc_print_type(p, type);
    }
  } else {
    tc_sb_printf(p->out, " %s ", infix->symbol);
    tc_print_expr(p, b, infix->level + 1);
  }
  if (parens) tc_sb_char(p->out, ')');
}

/* name(a, b, ...) with what follows the operands. */
static void print_call(tc_printer *p, const tc_op *op, const char *name) {
  tc_sb_printf(p->out, "%s(", name);
  for (uint32_t k = 0; k < op->n_in; k++) {
    if (k) tc_sb_adds(p->out, ", ");
    tc_print_expr(p, tc_input(p->ir, op, k), 0);
  }
  if (op->opcode == TC_OP_reinterpret) {
    tc_sb_adds(p->out, ", ");
    tc_print_type(p, op->type);
  }
  if (op->opcode == TC_OP_ramp || op->opcode == TC_OP_broadcast)
    tc_sb_printf(p->out, ", %u", op->type.lanes);
  if (op->opcode == TC_OP_lane) tc_sb_printf(p->out, ", %u", op->payload);
  tc_sb_char(p->out, ')');
}

static void print_cast(tc_printer *p, const tc_op *op) {
  tc_print_type(p, op->type);
  tc_sb_char(p->out, '(');
  tc_print_expr(p, tc_input(p->ir, op, 0), 0);
  tc_sb_char(p->out, ')');
}

static void print_unary(tc_printer *p, const tc_op *op, char symbol, int level) {
  tc_value a = tc_input(p->ir, op, 0);
  /* `-5` is a constant, so the negation of one needs its brackets. */
  bool tight = !tc_is(p->ir, a, TC_OP_const);
  if (level > TC_LEVEL_UNARY) tc_sb_char(p->out, '(');
  tc_sb_char(p->out, symbol);
  if (!tight) tc_sb_char(p->out, '(');
  tc_print_expr(p, a, tight ? TC_LEVEL_UNARY : 0);
  if (!tight) tc_sb_char(p->out, ')');
  if (level > TC_LEVEL_UNARY) tc_sb_char(p->out, ')');
}

/* Base 0 and the buffer's own extents. */
static bool is_whole(const tc_printer *p, tc_value v) {
  tc_buf buf = tc_slice_buf(p->ir, v);
  const tc_op *op = tc_op_at(p->ir, v);
  if (!buf.id || buf.id >= p->ir->bufs.n) return false;
  const tc_buffer *b = tc_buf_at(p->ir, buf);
  bool whole = op->n_in == 2 * b->rank;
  for (uint32_t d = 0; whole && d < b->rank; d++) {
    int64_t base;
    tc_value first = tc_slice_base(p->ir, v, d), extent = tc_slice_extent(p->ir, v, d);
    whole = extent.id == b->shape[d].id && tc_const_of(p->ir, first, &base) && base == 0
            && tc_type_equal(tc_value_type(p->ir, first), tc_value_type(p->ir, extent));
  }
  return whole;
}

static void print_slice(tc_printer *p, tc_value v) {
  const tc_op *op = tc_op_at(p->ir, v);
  bool whole = is_whole(p, v);
  tc_print_buf(p, tc_slice_buf(p->ir, v));
  tc_sb_adds(p->out, whole ? "[*" : "[");
  for (uint32_t d = 0; !whole && d < op->n_in / 2u; d++) {
    if (d) tc_sb_adds(p->out, ", ");
    tc_print_expr(p, tc_slice_base(p->ir, v, d), 0);
    tc_sb_adds(p->out, " :+ ");
    tc_print_expr(p, tc_slice_extent(p->ir, v, d), 0);
  }
  tc_sb_char(p->out, ']');
  if (tc_slice_in_bounds(p->ir, v)) tc_sb_adds(p->out, " inside");
}

/* The op itself, not its name. */
void tc_print_op(tc_printer *p, tc_value v, int level) {
  const tc_op *op = tc_op_at(p->ir, v);
  const tc_infix *infix = infix_of(p, op);
  if (infix) {
    print_infix(p, v, infix, level);
    return;
  }
  switch (op->opcode) {
  case TC_OP_const:
    print_const(p, op);
    return;
  case TC_OP_var:
    tc_print_var(p, (tc_var){op->payload});
    return;
  case TC_OP_neg:
    print_unary(p, op, '-', level);
    return;
  case TC_OP_not:
    print_unary(p, op, '~', level);
    return;
  case TC_OP_cast:
    print_cast(p, op);
    return;
  case TC_OP_slice:
    print_slice(p, v);
    return;
  case TC_OP_math:
    print_call(p, op, tc_math_row((enum tc_mathfn)op->payload)->name);
    return;
  default:
    print_call(p, op, tc_op_row((enum tc_opcode)op->opcode)->name);
  }
}

void tc_print_expr(tc_printer *p, tc_value v, int level) {
  if (!v.id) {
    tc_sb_adds(p->out, "?");
  } else if (p->plan.named[v.id] || !tc_op_is_pure(tc_op_at(p->ir, v))) {
    tc_print_value_name(p, v);
  } else {
    tc_print_op(p, v, level);
  }
}
