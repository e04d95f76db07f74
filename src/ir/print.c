/* Statements of IR text, by their forms (forms.def), and the function around them. */
#include "ir/print_private.h"

#include <inttypes.h>

/* ---- lines and declarations ---- */

static void begin_line(tc_printer *p) {
  for (uint32_t i = 0; i < p->indent; i++)
    tc_sb_adds(p->out, "  ");
}

static void print_list(tc_printer *p, const tc_value *at, uint32_t n) {
  tc_sb_char(p->out, '[');
  for (uint32_t i = 0; i < n; i++) {
    if (i) tc_sb_adds(p->out, ", ");
    tc_print_expr(p, at[i], 0);
  }
  tc_sb_char(p->out, ']');
}

enum { ALL_FLAGS = TC_BUF_PARAM | TC_BUF_RESULT | TC_BUF_NULLABLE | TC_BUF_POINTER };

/* `flags` are those that are not said by the word before. */
static void print_declaration(tc_printer *p, tc_buf buf, uint32_t flags) {
  const tc_buffer *b = tc_buf_at(p->ir, buf);
  flags &= b->flags;
  tc_print_buf(p, buf);
  tc_sb_printf(p->out, ": %s ", tc_scope_name(b->scope));
  tc_print_type(p, b->elem);
  if (b->rank) print_list(p, b->shape, b->rank);
  if (b->strides) {
    tc_sb_adds(p->out, " strides ");
    print_list(p, b->strides, b->rank);
  }
  if (b->root.id != buf.id) {
    tc_sb_adds(p->out, " of ");
    tc_print_buf(p, b->root);
  }
  if (b->offset.id) {
    tc_sb_adds(p->out, " offset ");
    tc_print_expr(p, b->offset, 0);
  }
  if (b->address.id) {
    tc_sb_adds(p->out, " address ");
    tc_print_expr(p, b->address, 0);
  }
  if (b->layout) {
    tc_sb_adds(p->out, " layout ");
    tc_sb_quoted(p->out, tc_str_of(b->layout));
  }
  if (b->is_placed) tc_sb_printf(p->out, " at %" PRId64, b->arena_b);
  if (flags & TC_BUF_PARAM) tc_sb_adds(p->out, " argument");
  if (flags & TC_BUF_RESULT) tc_sb_adds(p->out, " result");
  if (flags & TC_BUF_NULLABLE) tc_sb_adds(p->out, " nullable");
  if (flags & TC_BUF_POINTER) tc_sb_adds(p->out, " pointer");
}

static void print_spot_values(tc_printer *p, tc_spot at) {
  uint32_t first, n = tc_textplan_at(p->plan.values, p->plan.n_values, at, &first);
  for (uint32_t i = first; i < first + n; i++) {
    tc_value v = {p->plan.values[i].id};
    begin_line(p);
    tc_print_value_name(p, v);
    tc_sb_adds(p->out, " = ");
    tc_print_op(p, v, 0);
    tc_sb_char(p->out, '\n');
  }
}

/* What stands before the statement at a spot: named values, then buffers declared on their own. */
static void print_spot(tc_printer *p, tc_spot at) {
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

static void print_region(tc_printer *p, tc_region region);

static void print_attrs(tc_printer *p, const tc_op *op, bool lead) {
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
static void print_bound(tc_printer *p, tc_var var, tc_value extent) {
  tc_print_var(p, var);
  if (var.id && var.id < p->ir->vars.n) {
    tc_type type = tc_var_at(p->ir, var)->type;
    if (type.dtype != TC_DT_int32 || type.lanes != 1) {
      tc_sb_adds(p->out, ": ");
      tc_print_type(p, type);
    }
  }
  tc_sb_adds(p->out, " < ");
  tc_print_expr(p, extent, 0);
}

static void print_bounds(tc_printer *p, const tc_op *op, const tc_var *vars, uint32_t n_vars) {
  tc_sb_adds(p->out, " (");
  for (uint32_t k = 0; k < op->n_in; k++) {
    if (k) tc_sb_adds(p->out, ", ");
    print_bound(p, k < n_vars ? vars[k] : (tc_var){0}, tc_input(p->ir, op, k));
  }
  tc_sb_char(p->out, ')');
}

static void print_extents(tc_printer *p, const char *word, const int64_t *extents,
                          const tc_var *vars) {
  uint32_t n = 3;
  while (n && extents[n - 1] == 1 && (!vars || !vars[n - 1].id))
    n--;
  if (!n) return;
  tc_sb_printf(p->out, " %s(", word);
  for (uint32_t k = 0; k < n; k++) {
    if (k) tc_sb_adds(p->out, ", ");
    if (vars && vars[k].id) {
      tc_print_var(p, vars[k]);
      tc_sb_adds(p->out, " < ");
    }
    tc_sb_printf(p->out, "%" PRId64, extents[k]);
  }
  tc_sb_char(p->out, ')');
}

static void print_kernel(tc_printer *p, const tc_op *op) {
  const tc_kernel *kernel = &p->ir->kernels.at[op->payload];
  tc_sb_adds(p->out, " @");
  tc_print_name(p, kernel->name);
  print_bounds(p, op, kernel->block, 3);
  print_extents(p, "threads", kernel->threads, kernel->thread);
  print_extents(p, "cluster", kernel->cluster, NULL);
  if (kernel->shared_b) tc_sb_printf(p->out, " shared %" PRId64, kernel->shared_b);
}

static void print_for(tc_printer *p, const tc_op *op) {
  const tc_loop *loop = &p->ir->loops.at[op->payload];
  tc_sb_char(p->out, ' ');
  tc_print_var(p, loop->var);
  if (loop->var.id && tc_var_at(p->ir, loop->var)->type.dtype != TC_DT_int32) {
    tc_sb_adds(p->out, ": ");
    tc_print_type(p, tc_var_at(p->ir, loop->var)->type);
  }
  tc_sb_adds(p->out, " = ");
  tc_print_expr(p, tc_input(p->ir, op, 0), 0);
  tc_sb_adds(p->out, " to ");
  tc_print_expr(p, tc_input(p->ir, op, 1), 0);
  int64_t step;
  if (tc_const_of(p->ir, tc_input(p->ir, op, 2), &step) && step == 1) return;
  tc_sb_adds(p->out, " step ");
  tc_print_expr(p, tc_input(p->ir, op, 2), 0);
}

static void print_new_ring(tc_printer *p, const tc_op *op) {
  const tc_ring *ring = &p->ir->rings.at[op->payload];
  tc_sb_char(p->out, ' ');
  tc_print_ring(p, op->payload);
  tc_sb_adds(p->out, " (");
  for (uint32_t k = 0; k < ring->n_bufs; k++) {
    if (k) tc_sb_adds(p->out, ", ");
    tc_print_buf(p, ring->bufs[k]);
  }
  tc_sb_char(p->out, ')');
}

static void print_access(tc_printer *p, const tc_op *op, uint32_t *k) {
  tc_buf buf = tc_stmt_buf(p->ir, op, 0);
  tc_sb_char(p->out, ' ');
  tc_print_buf(p, buf);
  uint32_t rank = buf.id && buf.id < p->ir->bufs.n ? tc_buf_at(p->ir, buf)->rank : 0;
  if (rank > op->n_in) rank = op->n_in;
  print_list(p, op->n_in ? tc_inputs_of(p->ir, op) : NULL, rank);
  *k = rank;
}

static bool has_optional(const tc_printer *p, const tc_op *op, tc_str word, uint32_t k) {
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

static uint32_t text_index(const tc_printer *p, const tc_op *op) {
  if (op->opcode == TC_OP_print) return p->ir->prints.at[op->payload].text;
  if (op->opcode == TC_OP_hint) return p->ir->hints.at[op->payload].text;
  return op->payload;
}

static void print_layout(tc_printer *p, const char *layout) {
  if (!layout) return;
  tc_sb_adds(p->out, " layout ");
  tc_sb_quoted(p->out, tc_str_of(layout));
}

static void print_parallel(tc_printer *p, const tc_parallel *parallel, const tc_op *op) {
  print_bounds(p, op, parallel->vars, parallel->n);
  print_layout(p, parallel->layout);
}

static void print_reason(tc_printer *p, uint32_t text) {
  if (!text || text >= p->ir->texts.n) return;
  tc_sb_adds(p->out, " because ");
  tc_sb_quoted(p->out, tc_str_of(p->ir->texts.at[text]));
}

static void print_arguments(tc_printer *p, const tc_op *op) {
  tc_sb_char(p->out, '(');
  for (uint32_t k = 0; k < op->n_in; k++) {
    if (k) tc_sb_adds(p->out, ", ");
    tc_print_expr(p, tc_input(p->ir, op, k), 0);
  }
  tc_sb_char(p->out, ')');
}

/* Parts of a form that are not operands. */
static void print_special(tc_printer *p, const tc_op *op, char part, uint32_t *k) {
  switch (part) { /* table */
  case 'a':
    print_access(p, op, k);
    break;
  case 'b':
    if (!tc_stmt_buf(p->ir, op, 0).id) break;
    tc_sb_adds(p->out, " buffer ");
    tc_print_buf(p, tc_stmt_buf(p->ir, op, 0));
    break;
  case 't':
    tc_sb_char(p->out, ' ');
    tc_sb_quoted(p->out, tc_str_of(p->ir->texts.at[text_index(p, op)]));
    break;
  case 'n':
    tc_sb_printf(p->out, " %u", op->payload);
    break;
  case 'd':
    tc_sb_char(p->out, ' ');
    if (p->plan.declared[op->payload] == TC_DECLARED_ALLOC) {
      print_declaration(p, (tc_buf){op->payload}, ALL_FLAGS);
    } else {
      tc_print_buf(p, (tc_buf){op->payload});
    }
    break;
  case 'r':
    tc_sb_char(p->out, ' ');
    tc_print_ring(p, p->ir->ringrefs.at[op->payload].ring);
    break;
  case 'R':
    print_new_ring(p, op);
    break;
  case 'v':
    if (!p->ir->groups.at[op->payload].thread.id) break;
    tc_sb_char(p->out, ' ');
    tc_print_var(p, p->ir->groups.at[op->payload].thread);
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

static void print_form(tc_printer *p, const tc_op *op) {
  const char *at = tc_form_of((enum tc_opcode)op->opcode).text;
  uint32_t k = 0;
  for (tc_str word; (word = tc_form_word(&at)).n;) {
    char c = word.at[0];
    if (c == 'o' && word.n == 1) {
      tc_sb_char(p->out, ' ');
      tc_print_expr(p, k < op->n_in ? tc_input(p->ir, op, k) : (tc_value){0}, 0);
      k++;
    } else if (c == '*') {
      for (; k < op->n_in; k++) {
        tc_sb_adds(p->out, ", ");
        tc_print_expr(p, tc_input(p->ir, op, k), 0);
      }
    } else if (c == '?') {
      word.at++, word.n--;
      if (!has_optional(p, op, word, k)) continue;
      tc_sb_printf(p->out, " %.*s ", TC_ARG_STR(word));
      tc_print_expr(p, tc_input(p->ir, op, k++), 0);
    } else if (c == ',') {
      tc_sb_char(p->out, ',');
    } else if (word.n == 1 && c != '=') {
      print_special(p, op, c, &k);
    } else {
      tc_sb_printf(p->out, " %.*s", TC_ARG_STR(word));
    }
  }
}

static void print_result(tc_printer *p, tc_value v) {
  const tc_op *op = tc_op_at(p->ir, v);
  if (op->type.dtype == TC_DT_void) return;
  tc_print_value_name(p, v);
  tc_buf buf = tc_stmt_buf(p->ir, op, 0);
  if (buf.id && !tc_type_equal(op->type, tc_buf_at(p->ir, buf)->elem)) {
    tc_sb_adds(p->out, ": ");
    tc_print_type(p, op->type);
  }
  tc_sb_adds(p->out, " = ");
}

static void print_place(tc_printer *p, tc_span span) {
  tc_place place;
  if (!(p->flags & TC_PRINT_PLACES) || !p->ir->diags || !p->ir->diags->source) return;
  if (tc_source_place(p->ir->diags->source, span, &place))
    tc_sb_printf(p->out, "  // %s:%u", place.file, place.line);
}

static void print_children(tc_printer *p, const tc_op *op) {
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

static void print_stmt(tc_printer *p, tc_value v) {
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

static void print_region(tc_printer *p, tc_region region) {
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

static void print_header(tc_printer *p) {
  tc_ir *ir = p->ir;
  for (uint32_t i = 1; i < ir->vars.n; i++) {
    const tc_var_info *var = &ir->vars.at[i];
    if (var->kind != TC_VAR_DIM && var->kind != TC_VAR_SCALAR) continue;
    begin_line(p);
    tc_sb_adds(p->out, var->kind == TC_VAR_DIM ? "dim " : "scalar ");
    tc_print_var(p, (tc_var){i});
    tc_sb_adds(p->out, ": ");
    tc_print_type(p, var->type);
    tc_sb_char(p->out, '\n');
  }
  print_spot(p, (tc_spot){0, 0});
  for (uint32_t i = 0; i < ir->params.n; i++) {
    const tc_param *param = &ir->params.at[i];
    begin_line(p);
    tc_sb_adds(p->out, "param ");
    if (param->kind == TC_PARAM_SCALAR) {
      tc_print_var(p, param->var);
    } else {
      print_declaration(p, param->buf, ALL_FLAGS & ~(uint32_t)TC_BUF_PARAM);
    }
    tc_sb_char(p->out, '\n');
  }
}

static void print_results(tc_printer *p) {
  const tc_ir *ir = p->ir;
  print_spot(p, (tc_spot){ir->body.id, tc_block_at(ir, ir->body)->ops.n});
  if (!ir->results.n) return;
  begin_line(p);
  for (uint32_t i = 0; i < ir->results.n; i++) {
    tc_sb_adds(p->out, i ? ", " : "return ");
    tc_print_buf(p, ir->results.at[i]);
  }
  tc_sb_char(p->out, '\n');
}

static tc_printer new_printer(tc_ir *ir, uint32_t flags, tc_arena *scratch, tc_sb *out) {
  tc_printer p = {.ir = ir, .out = out, .flags = flags, .indent = 1};
  p.plan = tc_textplan_make(ir, scratch);
  p.vars = (tc_numbering){TC_NEW_ARRAY(scratch, ir->vars.n, uint32_t), tc_map_in(scratch)};
  p.bufs = (tc_numbering){TC_NEW_ARRAY(scratch, ir->bufs.n, uint32_t), tc_map_in(scratch)};
  p.rings = (tc_numbering){TC_NEW_ARRAY(scratch, ir->rings.n, uint32_t), tc_map_in(scratch)};
  p.values = TC_NEW_ARRAY(scratch, ir->n_ops, uint32_t);
  p.open = TC_NEW_ARRAY(scratch, ir->blocks.n, bool);
  return p;
}

void tc_ir_print(tc_ir *ir, uint32_t flags, tc_arena *scratch, tc_sb *out) {
  tc_printer p = new_printer(ir, flags, scratch, out);
  tc_sb_printf(out, "tir %d %s\nfunc @", TC_TIR_VERSION, tc_state_name(ir->state));
  tc_print_name(&p, ir->name);
  tc_sb_adds(out, " {\n");
  print_header(&p);
  print_region(&p, ir->body);
  print_results(&p);
  tc_sb_adds(out, "}\n");
}

/* An extent is written out even where the text of the function would give it a name. */
static void print_extent(tc_printer *p, tc_value v) {
  if (v.id && tc_op_is_pure(tc_op_at(p->ir, v))) {
    tc_print_op(p, v, 0);
  } else {
    tc_print_expr(p, v, 0);
  }
}

static void print_tensor(tc_printer *p, tc_buf buf) {
  const tc_buffer *b = tc_buf_at(p->ir, buf);
  if (b->flags & TC_BUF_RESULT) tc_sb_adds(p->out, "out ");
  tc_print_buf(p, buf);
  tc_sb_adds(p->out, ": ");
  tc_print_type(p, b->elem);
  if (b->flags & TC_BUF_POINTER) tc_sb_char(p->out, '*');
  for (uint32_t axis = 0; axis < b->rank && !(b->flags & TC_BUF_POINTER); axis++) {
    tc_sb_adds(p->out, axis ? ", " : "[");
    print_extent(p, b->shape[axis]);
    if (axis + 1 == b->rank) tc_sb_char(p->out, ']');
  }
}

void tc_ir_print_signature(tc_ir *ir, tc_arena *scratch, tc_sb *out) {
  tc_printer p = new_printer(ir, 0, scratch, out);
  p.plain = true;
  tc_print_name(&p, ir->name);
  tc_sb_char(out, '(');
  for (uint32_t i = 0; i < ir->params.n; i++) {
    const tc_param *param = &ir->params.at[i];
    if (i) tc_sb_adds(out, ", ");
    if (param->kind == TC_PARAM_SCALAR) {
      tc_print_var(&p, param->var);
      tc_sb_adds(out, ": ");
      tc_print_type(&p, tc_var_at(ir, param->var)->type);
    } else {
      print_tensor(&p, param->buf);
    }
  }
  tc_sb_char(out, ')');
}
