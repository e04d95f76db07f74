#include "ir/print.h"

#include "ir/form.h"
#include "ir/number.h"
#include "ir/textplan.h"

#include <inttypes.h>
#include <string.h>

/* Numbers of things in order of first printing. */
typedef struct numbering {
  uint32_t *of;  /* by id: 1 + how many of the same name came before; 0: not yet seen */
  tc_map counts; /* by name id: how many have this name */
} numbering;

typedef struct printer {
  tc_ir *ir;
  tc_sb *out;
  tc_textplan plan;
  uint32_t flags, indent;
  numbering vars, bufs, rings;
  uint32_t *values; /* by value id: 1 + its number */
  uint32_t n_values;
  bool *open; /* by region id: being printed, or done */
  bool plain; /* names of variables as in the source  */
} printer;

/* ---- names and small parts ---- */

static bool is_identifier(tc_str s) {
  for (uint32_t i = 0; i < s.n; i++) {
    char c = s.at[i];
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    if (!letter && (i == 0 || c < '0' || c > '9')) return false;
  }
  return s.n != 0;
}

static void print_quoted(printer *p, tc_str s) {
  tc_sb_char(p->out, '"');
  for (uint32_t i = 0; i < s.n; i++) {
    unsigned char c = (unsigned char)s.at[i];
    if (c == '"' || c == '\\') {
      tc_sb_printf(p->out, "\\%c", c);
    } else if (c == '\n') {
      tc_sb_adds(p->out, "\\n");
    } else if (c < 0x20 || c == 0x7f) {
      tc_sb_printf(p->out, "\\x%02x", c);
    } else {
      tc_sb_char(p->out, (char)c);
    }
  }
  tc_sb_char(p->out, '"');
}

static void print_name(printer *p, tc_name name) {
  tc_str text = tc_names_text(p->ir->names, name);
  if (is_identifier(text)) {
    tc_sb_add(p->out, text);
  } else {
    print_quoted(p, text);
  }
}

static void print_numbered(printer *p, numbering *n, uint32_t id, tc_name name) {
  if (!n->of[id]) {
    uint32_t count = 0;
    tc_map_get(&n->counts, name.id, &count);
    n->of[id] = count + 1;
    tc_map_put(&n->counts, name.id, count + 1);
  }
  print_name(p, name);
  if (n->of[id] > 1) tc_sb_printf(p->out, ".%u", n->of[id] - 1);
}

static void print_var(printer *p, tc_var var) {
  if (!var.id || var.id >= p->ir->vars.n) {
    tc_sb_char(p->out, '_');
    return;
  }
  if (!p->plain) tc_sb_char(p->out, '%');
  print_numbered(p, &p->vars, var.id, tc_var_at(p->ir, var)->name);
}

static void print_buf(printer *p, tc_buf buf) {
  if (!buf.id || buf.id >= p->ir->bufs.n) {
    tc_sb_adds(p->out, "?");
    return;
  }
  print_numbered(p, &p->bufs, buf.id, tc_buf_at(p->ir, buf)->name);
}

static void print_ring(printer *p, uint32_t ring) {
  if (ring >= p->ir->rings.n) {
    tc_sb_adds(p->out, "?");
    return;
  }
  print_numbered(p, &p->rings, ring, p->ir->rings.at[ring].name);
}

static void print_type(printer *p, tc_type type) {
  tc_sb_adds(p->out, tc_dtype_row((enum tc_dtype)type.dtype)->name);
  if (type.lanes > 1) tc_sb_printf(p->out, "x%u", type.lanes);
}

static void print_value_name(printer *p, tc_value v) {
  if (!p->values[v.id]) p->values[v.id] = ++p->n_values;
  tc_sb_printf(p->out, "%%%u", p->values[v.id] - 1);
}

/* ---- expressions ---- */

static void print_expr(printer *p, tc_value v, int level);

static void print_const(printer *p, const tc_op *op) {
  char text[TC_NUMBER_MAX];
  tc_number_print(text, op->type, p->ir->imms.at[op->payload]);
  tc_sb_adds(p->out, text);
  bool plain = op->type.dtype == TC_DT_int32 || op->type.dtype == TC_DT_float32
               || op->type.dtype == TC_DT_bool;
  if (plain && op->type.lanes == 1) return;
  tc_sb_char(p->out, ':');
  print_type(p, op->type);
}

static const tc_infix *infix_of(const printer *p, const tc_op *op) {
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
static bool negated_constant(const printer *p, const tc_op *op, tc_value v, char *text) {
  int64_t c, negative;
  tc_type type = tc_value_type(p->ir, v);
  if (op->opcode != TC_OP_add || tc_type_kind(type) != TC_K_INT || !tc_const_of(p->ir, v, &c)
      || c >= 0 || c == INT64_MIN || !tc_number_fits(type, (uint64_t)-c, false, &negative))
    return false;
  tc_number_print(text, type, (tc_imm){.i = -c});
  return true;
}

static void print_infix(printer *p, tc_value v, const tc_infix *infix, int level) {
  const tc_op *op = tc_op_at(p->ir, v);
  uint32_t first = p->plan.swapped[v.id] ? 1 : 0;
  tc_value a = tc_input(p->ir, op, first), b = tc_input(p->ir, op, 1 - first);
  bool parens = infix->level < level;
  if (parens) tc_sb_char(p->out, '(');
  print_expr(p, a, infix->level == TC_LEVEL_COMPARE ? TC_LEVEL_COMPARE + 1 : infix->level);
  char text[TC_NUMBER_MAX];
  tc_type type = tc_value_type(p->ir, b);
  if (negated_constant(p, op, b, text)) {
    tc_sb_printf(p->out, " - %s", text);
    if (type.dtype != TC_DT_int32 || type.lanes != 1) {
      tc_sb_char(p->out, ':');
      print_type(p, type);
    }
  } else {
    tc_sb_printf(p->out, " %s ", infix->symbol);
    print_expr(p, b, infix->level + 1);
  }
  if (parens) tc_sb_char(p->out, ')');
}

/* name(a, b, ...) with what follows the operands. */
static void print_call(printer *p, const tc_op *op, const char *name) {
  tc_sb_printf(p->out, "%s(", name);
  for (uint32_t k = 0; k < op->n_in; k++) {
    if (k) tc_sb_adds(p->out, ", ");
    print_expr(p, tc_input(p->ir, op, k), 0);
  }
  if (op->opcode == TC_OP_reinterpret) {
    tc_sb_adds(p->out, ", ");
    print_type(p, op->type);
  }
  if (op->opcode == TC_OP_ramp || op->opcode == TC_OP_broadcast)
    tc_sb_printf(p->out, ", %u", op->type.lanes);
  if (op->opcode == TC_OP_lane) tc_sb_printf(p->out, ", %u", op->payload);
  tc_sb_char(p->out, ')');
}

static void print_cast(printer *p, const tc_op *op) {
  print_type(p, op->type);
  tc_sb_char(p->out, '(');
  print_expr(p, tc_input(p->ir, op, 0), 0);
  tc_sb_char(p->out, ')');
}

static void print_unary(printer *p, const tc_op *op, char symbol, int level) {
  tc_value a = tc_input(p->ir, op, 0);
  /* `-5` is a constant, so the negation of one needs its brackets. */
  bool tight = !tc_is(p->ir, a, TC_OP_const);
  if (level > TC_LEVEL_UNARY) tc_sb_char(p->out, '(');
  tc_sb_char(p->out, symbol);
  if (!tight) tc_sb_char(p->out, '(');
  print_expr(p, a, tight ? TC_LEVEL_UNARY : 0);
  if (!tight) tc_sb_char(p->out, ')');
  if (level > TC_LEVEL_UNARY) tc_sb_char(p->out, ')');
}

/* Base 0 and the buffer's own extents. */
static bool is_whole(const printer *p, tc_value v) {
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

static void print_slice(printer *p, tc_value v) {
  const tc_op *op = tc_op_at(p->ir, v);
  bool whole = is_whole(p, v);
  print_buf(p, tc_slice_buf(p->ir, v));
  tc_sb_adds(p->out, whole ? "[*" : "[");
  for (uint32_t d = 0; !whole && d < op->n_in / 2u; d++) {
    if (d) tc_sb_adds(p->out, ", ");
    print_expr(p, tc_slice_base(p->ir, v, d), 0);
    tc_sb_adds(p->out, " :+ ");
    print_expr(p, tc_slice_extent(p->ir, v, d), 0);
  }
  tc_sb_char(p->out, ']');
  if (tc_slice_in_bounds(p->ir, v)) tc_sb_adds(p->out, " inside");
}

/* The op itself, not its name. */
static void print_op(printer *p, tc_value v, int level) {
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
    print_var(p, (tc_var){op->payload});
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

static void print_expr(printer *p, tc_value v, int level) {
  if (!v.id) {
    tc_sb_adds(p->out, "?");
  } else if (p->plan.named[v.id] || !tc_op_is_pure(tc_op_at(p->ir, v))) {
    print_value_name(p, v);
  } else {
    print_op(p, v, level);
  }
}

/* ---- lines and declarations ---- */

static void begin_line(printer *p) {
  for (uint32_t i = 0; i < p->indent; i++)
    tc_sb_adds(p->out, "  ");
}

static void print_list(printer *p, const tc_value *at, uint32_t n) {
  tc_sb_char(p->out, '[');
  for (uint32_t i = 0; i < n; i++) {
    if (i) tc_sb_adds(p->out, ", ");
    print_expr(p, at[i], 0);
  }
  tc_sb_char(p->out, ']');
}

enum { ALL_FLAGS = TC_BUF_PARAM | TC_BUF_RESULT | TC_BUF_NULLABLE | TC_BUF_POINTER };

/* `flags` are those that are not said by the word before. */
static void print_declaration(printer *p, tc_buf buf, uint32_t flags) {
  const tc_buffer *b = tc_buf_at(p->ir, buf);
  flags &= b->flags;
  print_buf(p, buf);
  tc_sb_printf(p->out, ": %s ", tc_scope_name(b->scope));
  print_type(p, b->elem);
  if (b->rank) print_list(p, b->shape, b->rank);
  if (b->strides) {
    tc_sb_adds(p->out, " strides ");
    print_list(p, b->strides, b->rank);
  }
  if (b->root.id != buf.id) {
    tc_sb_adds(p->out, " of ");
    print_buf(p, b->root);
  }
  if (b->offset.id) {
    tc_sb_adds(p->out, " offset ");
    print_expr(p, b->offset, 0);
  }
  if (b->address.id) {
    tc_sb_adds(p->out, " address ");
    print_expr(p, b->address, 0);
  }
  if (b->layout) {
    tc_sb_adds(p->out, " layout ");
    print_quoted(p, tc_str_of(b->layout));
  }
  if (b->is_placed) tc_sb_printf(p->out, " at %" PRId64, b->arena_b);
  if (flags & TC_BUF_PARAM) tc_sb_adds(p->out, " argument");
  if (flags & TC_BUF_RESULT) tc_sb_adds(p->out, " result");
  if (flags & TC_BUF_NULLABLE) tc_sb_adds(p->out, " nullable");
  if (flags & TC_BUF_POINTER) tc_sb_adds(p->out, " pointer");
}

static void print_spot_values(printer *p, tc_spot at) {
  uint32_t first, n = tc_textplan_at(p->plan.values, p->plan.n_values, at, &first);
  for (uint32_t i = first; i < first + n; i++) {
    tc_value v = {p->plan.values[i].id};
    begin_line(p);
    print_value_name(p, v);
    tc_sb_adds(p->out, " = ");
    print_op(p, v, 0);
    tc_sb_char(p->out, '\n');
  }
}

/* What stands before the statement at a spot: named values, then buffers declared on their own. */
static void print_spot(printer *p, tc_spot at) {
  print_spot_values(p, at);
  uint32_t first, n = tc_textplan_at(p->plan.bufs, p->plan.n_bufs, at, &first);
  for (uint32_t i = first; i < first + n; i++) {
    begin_line(p);
    tc_sb_adds(p->out, "buffer ");
    print_declaration(p, (tc_buf){p->plan.bufs[i].id}, ALL_FLAGS);
    tc_sb_char(p->out, '\n');
  }
}

/* ---- statements ---- */

static void print_region(printer *p, tc_region region);

static void print_attrs(printer *p, const tc_op *op, bool lead) {
  enum tc_payload_kind kind = tc_op_row((enum tc_opcode)op->opcode)->payload;
  const void *record = tc_payload_at(p->ir, kind, op->payload);
  uint32_t n;
  const tc_attr *attrs = tc_attrs(&n);
  for (uint32_t i = 0; record && i < n; i++) {
    const tc_attr *a = &attrs[i];
    if (a->payload != kind || (a->place == TC_ATTR_LEAD) != lead) continue;
    int64_t x = tc_attr_get(a, record);
    if (a->place == TC_ATTR_TAIL && x == a->usual) continue;
    if (a->kind == TC_ATTR_INT) {
      tc_sb_printf(p->out, " %s %" PRId64, a->word, x);
    } else if (a->kind == TC_ATTR_WORD) {
      const char *word = tc_word((enum tc_words)a->list, x);
      tc_sb_printf(p->out, " %s", word ? word : "?");
    } else {
      tc_sb_printf(p->out, " %s", a->word);
    }
  }
}

/* `%i < extent`, with the type when it is not the usual one. */
static void print_bound(printer *p, tc_var var, tc_value extent) {
  print_var(p, var);
  if (var.id && var.id < p->ir->vars.n) {
    tc_type type = tc_var_at(p->ir, var)->type;
    if (type.dtype != TC_DT_int32 || type.lanes != 1) {
      tc_sb_adds(p->out, ": ");
      print_type(p, type);
    }
  }
  tc_sb_adds(p->out, " < ");
  print_expr(p, extent, 0);
}

static void print_bounds(printer *p, const tc_op *op, const tc_var *vars, uint32_t n_vars) {
  tc_sb_adds(p->out, " (");
  for (uint32_t k = 0; k < op->n_in; k++) {
    if (k) tc_sb_adds(p->out, ", ");
    print_bound(p, k < n_vars ? vars[k] : (tc_var){0}, tc_input(p->ir, op, k));
  }
  tc_sb_char(p->out, ')');
}

static void print_extents(printer *p, const char *word, const int64_t *extents,
                          const tc_var *vars) {
  uint32_t n = 3;
  while (n && extents[n - 1] == 1 && (!vars || !vars[n - 1].id))
    n--;
  if (!n) return;
  tc_sb_printf(p->out, " %s(", word);
  for (uint32_t k = 0; k < n; k++) {
    if (k) tc_sb_adds(p->out, ", ");
    if (vars && vars[k].id) {
      print_var(p, vars[k]);
      tc_sb_adds(p->out, " < ");
    }
    tc_sb_printf(p->out, "%" PRId64, extents[k]);
  }
  tc_sb_char(p->out, ')');
}

static void print_kernel(printer *p, const tc_op *op) {
  const tc_kernel *kernel = &p->ir->kernels.at[op->payload];
  tc_sb_adds(p->out, " @");
  print_name(p, kernel->name);
  print_bounds(p, op, kernel->block, 3);
  print_extents(p, "threads", kernel->threads, kernel->thread);
  print_extents(p, "cluster", kernel->cluster, NULL);
  if (kernel->shared_b) tc_sb_printf(p->out, " shared %" PRId64, kernel->shared_b);
}

static void print_for(printer *p, const tc_op *op) {
  const tc_loop *loop = &p->ir->loops.at[op->payload];
  tc_sb_char(p->out, ' ');
  print_var(p, loop->var);
  if (loop->var.id && tc_var_at(p->ir, loop->var)->type.dtype != TC_DT_int32) {
    tc_sb_adds(p->out, ": ");
    print_type(p, tc_var_at(p->ir, loop->var)->type);
  }
  tc_sb_adds(p->out, " = ");
  print_expr(p, tc_input(p->ir, op, 0), 0);
  tc_sb_adds(p->out, " to ");
  print_expr(p, tc_input(p->ir, op, 1), 0);
  int64_t step;
  if (tc_const_of(p->ir, tc_input(p->ir, op, 2), &step) && step == 1) return;
  tc_sb_adds(p->out, " step ");
  print_expr(p, tc_input(p->ir, op, 2), 0);
}

static void print_new_ring(printer *p, const tc_op *op) {
  const tc_ring *ring = &p->ir->rings.at[op->payload];
  tc_sb_char(p->out, ' ');
  print_ring(p, op->payload);
  tc_sb_adds(p->out, " (");
  for (uint32_t k = 0; k < ring->n_bufs; k++) {
    if (k) tc_sb_adds(p->out, ", ");
    print_buf(p, ring->bufs[k]);
  }
  tc_sb_char(p->out, ')');
}

static void print_access(printer *p, const tc_op *op, uint32_t *k) {
  tc_buf buf = tc_stmt_buf(p->ir, op, 0);
  tc_sb_char(p->out, ' ');
  print_buf(p, buf);
  uint32_t rank = buf.id && buf.id < p->ir->bufs.n ? tc_buf_at(p->ir, buf)->rank : 0;
  if (rank > op->n_in) rank = op->n_in;
  print_list(p, op->n_in ? tc_inputs_of(p->ir, op) : NULL, rank);
  *k = rank;
}

static bool has_optional(const printer *p, const tc_op *op, tc_str word, uint32_t k) {
  if (k >= op->n_in) return false;
  if (op->opcode == TC_OP_load)
    return p->ir->accesses.at[op->payload].flags
           & (tc_str_is(word, "if") ? TC_ACCESS_PRED : TC_ACCESS_ELSE);
  if (op->opcode == TC_OP_atomic && tc_str_is(word, "expect"))
    return p->ir->atomics.at[op->payload].kind == TC_ATOMIC_CAS;
  if (op->opcode == TC_OP_copy) return p->ir->copies.at[op->payload].flags & tc_copy_option(word);
  if (op->opcode == TC_OP_collective)
    return p->ir->collectives.at[op->payload].flags
           & (tc_str_is(word, "lane") ? TC_COLLECTIVE_LANE : TC_COLLECTIVE_MASK);
  return true;
}

static uint32_t text_index(const printer *p, const tc_op *op) {
  if (op->opcode == TC_OP_print) return p->ir->prints.at[op->payload].text;
  if (op->opcode == TC_OP_hint) return p->ir->hints.at[op->payload].text;
  return op->payload;
}

static void print_layout(printer *p, const char *layout) {
  if (!layout) return;
  tc_sb_adds(p->out, " layout ");
  print_quoted(p, tc_str_of(layout));
}

static void print_parallel(printer *p, const tc_parallel *parallel, const tc_op *op) {
  print_bounds(p, op, parallel->vars, parallel->n);
  print_layout(p, parallel->layout);
}

static void print_reason(printer *p, uint32_t text) {
  if (!text || text >= p->ir->texts.n) return;
  tc_sb_adds(p->out, " because ");
  print_quoted(p, tc_str_of(p->ir->texts.at[text]));
}

static void print_arguments(printer *p, const tc_op *op) {
  tc_sb_char(p->out, '(');
  for (uint32_t k = 0; k < op->n_in; k++) {
    if (k) tc_sb_adds(p->out, ", ");
    print_expr(p, tc_input(p->ir, op, k), 0);
  }
  tc_sb_char(p->out, ')');
}

/* Parts of a form that are not operands. */
static void print_special(printer *p, const tc_op *op, char part, uint32_t *k) {
  switch (part) { /* table */
  case 'a':
    print_access(p, op, k);
    break;
  case 'b':
    if (!tc_stmt_buf(p->ir, op, 0).id) break;
    tc_sb_adds(p->out, " buffer ");
    print_buf(p, tc_stmt_buf(p->ir, op, 0));
    break;
  case 't':
    tc_sb_char(p->out, ' ');
    print_quoted(p, tc_str_of(p->ir->texts.at[text_index(p, op)]));
    break;
  case 'n':
    tc_sb_printf(p->out, " %u", op->payload);
    break;
  case 'd':
    tc_sb_char(p->out, ' ');
    if (p->plan.declared[op->payload] == TC_DECLARED_ALLOC) {
      print_declaration(p, (tc_buf){op->payload}, ALL_FLAGS);
    } else {
      print_buf(p, (tc_buf){op->payload});
    }
    break;
  case 'r':
    tc_sb_char(p->out, ' ');
    print_ring(p, p->ir->ringrefs.at[op->payload].ring);
    break;
  case 'R':
    print_new_ring(p, op);
    break;
  case 'v':
    if (!p->ir->groups.at[op->payload].thread.id) break;
    tc_sb_char(p->out, ' ');
    print_var(p, p->ir->groups.at[op->payload].thread);
    break;
  case 'F':
    print_for(p, op);
    break;
  case 'P':
    print_parallel(p, &p->ir->parallels.at[op->payload], op);
    break;
  case 'q':
    print_reason(p, op->opcode == TC_OP_prim ? p->ir->prims.at[op->payload].reason
                                             : p->ir->barriers.at[op->payload].reason);
    break;
  case 'l':
    print_layout(p, p->ir->copies.at[op->payload].layout);
    break;
  case 'A':
    print_arguments(p, op);
    *k = op->n_in;
    break;
  case 'K':
    print_kernel(p, op);
  }
}

static void print_form(printer *p, const tc_op *op) {
  const char *at = tc_form_of((enum tc_opcode)op->opcode).text;
  uint32_t k = 0;
  for (tc_str word; (word = tc_form_word(&at)).n;) {
    char c = word.at[0];
    if (c == 'o' && word.n == 1) {
      tc_sb_char(p->out, ' ');
      print_expr(p, k < op->n_in ? tc_input(p->ir, op, k) : (tc_value){0}, 0);
      k++;
    } else if (c == '*') {
      for (; k < op->n_in; k++) {
        tc_sb_adds(p->out, ", ");
        print_expr(p, tc_input(p->ir, op, k), 0);
      }
    } else if (c == '?') {
      word.at++, word.n--;
      if (!has_optional(p, op, word, k)) continue;
      tc_sb_printf(p->out, " %.*s ", TC_ARG_STR(word));
      print_expr(p, tc_input(p->ir, op, k++), 0);
    } else if (c == ',') {
      tc_sb_char(p->out, ',');
    } else if (word.n == 1 && c != '=') {
      print_special(p, op, c, &k);
    } else {
      tc_sb_printf(p->out, " %.*s", TC_ARG_STR(word));
    }
  }
}

static void print_result(printer *p, tc_value v) {
  const tc_op *op = tc_op_at(p->ir, v);
  if (op->type.dtype == TC_DT_void) return;
  print_value_name(p, v);
  tc_buf buf = tc_stmt_buf(p->ir, op, 0);
  if (buf.id && !tc_type_equal(op->type, tc_buf_at(p->ir, buf)->elem)) {
    tc_sb_adds(p->out, ": ");
    print_type(p, op->type);
  }
  tc_sb_adds(p->out, " = ");
}

static void print_place(printer *p, tc_span span) {
  tc_place place;
  if (!(p->flags & TC_PRINT_PLACES) || !p->ir->diags || !p->ir->diags->source) return;
  if (tc_source_place(p->ir->diags->source, span, &place))
    tc_sb_printf(p->out, "  // %s:%u", place.file, place.line);
}

static void print_children(printer *p, const tc_op *op) {
  tc_form form = tc_form_of((enum tc_opcode)op->opcode);
  uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
  for (uint32_t r = 0; r < n; r++) {
    tc_region region = tc_child(p->ir, op, r);
    if (r && op->opcode == TC_OP_if && !tc_block_at(p->ir, region)->ops.n) break;
    if (r) {
      begin_line(p);
      tc_sb_printf(p->out, "} %s {\n", form.next);
    }
    p->indent++;
    print_region(p, region);
    p->indent--;
  }
  if (!n) return;
  begin_line(p);
  tc_sb_adds(p->out, "}\n");
}

static void print_stmt(printer *p, tc_value v) {
  const tc_op *op = tc_op_at(p->ir, v);
  const tc_op_info *row = tc_op_row((enum tc_opcode)op->opcode);
  begin_line(p);
  if (row->class_ == TC_CLASS_PURE) { /* broken: a value in a region */
    tc_sb_adds(p->out, "?\n");
    return;
  }
  print_result(p, v);
  tc_sb_adds(p->out, row->name);
  print_attrs(p, op, true);
  print_form(p, op);
  print_attrs(p, op, false);
  if (row->n_regions) tc_sb_adds(p->out, " {");
  print_place(p, op->span);
  tc_sb_char(p->out, '\n');
  print_children(p, op);
}

static void print_region(printer *p, tc_region region) {
  const tc_block *block = tc_block_at(p->ir, region);
  if (p->open[region.id]) {
    begin_line(p);
    tc_sb_adds(p->out, "?\n");
    return;
  }
  p->open[region.id] = true;
  for (uint32_t i = 0; i < block->ops.n; i++) {
    print_spot(p, (tc_spot){region.id, i});
    print_stmt(p, block->ops.at[i]);
  }
}

/* ---- the function ---- */

static void print_header(printer *p) {
  tc_ir *ir = p->ir;
  for (uint32_t i = 1; i < ir->vars.n; i++) {
    const tc_var_info *var = &ir->vars.at[i];
    if (var->kind != TC_VAR_DIM && var->kind != TC_VAR_SCALAR) continue;
    begin_line(p);
    tc_sb_adds(p->out, var->kind == TC_VAR_DIM ? "dim " : "scalar ");
    print_var(p, (tc_var){i});
    tc_sb_adds(p->out, ": ");
    print_type(p, var->type);
    tc_sb_char(p->out, '\n');
  }
  print_spot(p, (tc_spot){0, 0});
  for (uint32_t i = 0; i < ir->params.n; i++) {
    const tc_param *param = &ir->params.at[i];
    begin_line(p);
    tc_sb_adds(p->out, "param ");
    if (param->kind == TC_PARAM_SCALAR) {
      print_var(p, param->var);
    } else {
      print_declaration(p, param->buf, ALL_FLAGS & ~(uint32_t)TC_BUF_PARAM);
    }
    tc_sb_char(p->out, '\n');
  }
}

static void print_results(printer *p) {
  const tc_ir *ir = p->ir;
  print_spot(p, (tc_spot){ir->body.id, tc_block_at(ir, ir->body)->ops.n});
  if (!ir->results.n) return;
  begin_line(p);
  for (uint32_t i = 0; i < ir->results.n; i++) {
    tc_sb_adds(p->out, i ? ", " : "return ");
    print_buf(p, ir->results.at[i]);
  }
  tc_sb_char(p->out, '\n');
}

static printer new_printer(tc_ir *ir, uint32_t flags, tc_arena *scratch, tc_sb *out) {
  printer p = {.ir = ir, .out = out, .flags = flags, .indent = 1};
  p.plan = tc_textplan_make(ir, scratch);
  p.vars = (numbering){TC_NEW_ARRAY(scratch, ir->vars.n, uint32_t), tc_map_in(scratch)};
  p.bufs = (numbering){TC_NEW_ARRAY(scratch, ir->bufs.n, uint32_t), tc_map_in(scratch)};
  p.rings = (numbering){TC_NEW_ARRAY(scratch, ir->rings.n, uint32_t), tc_map_in(scratch)};
  p.values = TC_NEW_ARRAY(scratch, ir->n_ops, uint32_t);
  p.open = TC_NEW_ARRAY(scratch, ir->blocks.n, bool);
  return p;
}

void tc_ir_print(tc_ir *ir, uint32_t flags, tc_arena *scratch, tc_sb *out) {
  printer p = new_printer(ir, flags, scratch, out);
  tc_sb_printf(out, "tir %d %s\nfunc @", TC_TIR_VERSION, tc_state_name(ir->state));
  print_name(&p, ir->name);
  tc_sb_adds(out, " {\n");
  print_header(&p);
  print_region(&p, ir->body);
  print_results(&p);
  tc_sb_adds(out, "}\n");
}

/* An extent is written out even where the text of the function would give it a name. */
static void print_extent(printer *p, tc_value v) {
  if (v.id && tc_op_is_pure(tc_op_at(p->ir, v))) {
    print_op(p, v, 0);
  } else {
    print_expr(p, v, 0);
  }
}

static void print_tensor(printer *p, tc_buf buf) {
  const tc_buffer *b = tc_buf_at(p->ir, buf);
  if (b->flags & TC_BUF_RESULT) tc_sb_adds(p->out, "out ");
  print_buf(p, buf);
  tc_sb_adds(p->out, ": ");
  print_type(p, b->elem);
  if (b->flags & TC_BUF_POINTER) tc_sb_char(p->out, '*');
  for (uint32_t axis = 0; axis < b->rank && !(b->flags & TC_BUF_POINTER); axis++) {
    tc_sb_adds(p->out, axis ? ", " : "[");
    print_extent(p, b->shape[axis]);
    if (axis + 1 == b->rank) tc_sb_char(p->out, ']');
  }
}

void tc_ir_print_signature(tc_ir *ir, tc_arena *scratch, tc_sb *out) {
  printer p = new_printer(ir, 0, scratch, out);
  p.plain = true;
  print_name(&p, ir->name);
  tc_sb_char(out, '(');
  for (uint32_t i = 0; i < ir->params.n; i++) {
    const tc_param *param = &ir->params.at[i];
    if (i) tc_sb_adds(out, ", ");
    if (param->kind == TC_PARAM_SCALAR) {
      print_var(&p, param->var);
      tc_sb_adds(out, ": ");
      print_type(&p, tc_var_at(ir, param->var)->type);
    } else {
      print_tensor(&p, param->buf);
    }
  }
  tc_sb_char(out, ')');
}
