#include "ir/parse.h"
#include "ir/parse_private.h"

#include <string.h>

/* One of each payload, for the statement being read. */
typedef union record {
  tc_access access;
  tc_atomic atomic;
  tc_wait wait;
  tc_collective collective;
  tc_mbarrier mbarrier;
  tc_kernel kernel;
  tc_loop loop;
  tc_parallel parallel;
  tc_group group;
  tc_copy copy;
  tc_ring ring;
  tc_ring_ref ringref;
  tc_print print;
  tc_hint hint;
  tc_barrier barrier;
  tc_prim prim;
  unsigned char bytes[TC_PAYLOAD_MAX_B];
} record;

/* A variable the statement binds in its regions, and what its name meant outside. */
typedef struct binding {
  tc_name_key key;
  uint32_t var, outer;
} binding;

typedef struct stmt {
  enum tc_opcode op;
  const tc_op_info *row;
  uint32_t start;
  record payload;
  uint32_t index; /* payloads without a record */
  TC_VEC(tc_value) in;
  TC_VEC(binding) bindings;
  tc_buf buf;          /* the buffer accessed */
  tc_name_key ring;    /* of a new ring */
  uint32_t given;      /* bit i: attribute i of the payload was written */
  uint32_t first_attr; /* row of the payload's first attribute */
  bool has_expected;   /* atomic */
} stmt;

static void push_operand(tc_reader *r, stmt *s) {
  tc_vec_push(r->ir->arena, &s->in, tc_reader_operand(r));
  if (s->in.n > TC_MAX_LANES)
    TC_FAIL(r, D_tir_limit, tc_reader_span_here(r), (int)TC_MAX_LANES, "operands");
}

/* ---- attributes ---- */

static const char *field_text(tc_reader *r, const stmt *s, const tc_attr *a) {
  return tc_format(r->ir->arena, "%s of %s", a->word, s->row->name);
}

static void set_attr(tc_reader *r, stmt *s, uint32_t row, int64_t x, tc_span span) {
  uint32_t n;
  const tc_attr *a = &tc_attrs(&n)[row];
  uint32_t bit = UINT32_C(1) << (row - s->first_attr);
  if (s->given & bit) TC_FAIL(r, D_tir_duplicate, span, field_text(r, s, a));
  s->given |= bit;
  if (!tc_attr_set(a, &s->payload, x))
    TC_FAIL(r, D_tir_range, span, "the number", field_text(r, s, a));
}

/* Reads one attribute if the current word is one of this place. */
static bool parse_attr(tc_reader *r, stmt *s, uint32_t row, const tc_attr *a) {
  tc_span span = tc_reader_span_here(r);
  if (a->payload != s->row->payload || r->token.kind != TC_TIR_WORD) return false;
  int64_t x = 1;
  if (a->kind == TC_ATTR_WORD) {
    if (!tc_word_find((enum tc_words)a->list, r->token.text, &x)) return false;
    tc_reader_next(r);
  } else {
    if (!tc_reader_take(r, a->word)) return false;
    span = tc_reader_span_here(r);
    if (a->kind == TC_ATTR_INT) x = tc_reader_int(r, "a number");
  }
  set_attr(r, s, row, x, span);
  return true;
}

static void set_usual(stmt *s) {
  uint32_t n;
  const tc_attr *attrs = tc_attrs(&n);
  while (s->first_attr < n && attrs[s->first_attr].payload != s->row->payload)
    s->first_attr++;
  for (uint32_t i = 0; i < n; i++)
    if (attrs[i].payload == s->row->payload) tc_attr_set(&attrs[i], &s->payload, attrs[i].usual);
  if (s->op == TC_OP_kernel)
    for (int k = 0; k < 3; k++)
      s->payload.kernel.threads[k] = s->payload.kernel.cluster[k] = 1;
}

static void parse_lead(tc_reader *r, stmt *s) {
  uint32_t n;
  const tc_attr *attrs = tc_attrs(&n);
  for (uint32_t i = 0; i < n; i++) {
    if (attrs[i].payload != s->row->payload || attrs[i].place != TC_ATTR_LEAD) continue;
    if (!parse_attr(r, s, i, &attrs[i]) && !r->failed)
      TC_FAIL(r, D_tir_missing, tc_reader_span_here(r), s->row->name, attrs[i].word);
  }
}

static bool parse_one_tail(tc_reader *r, stmt *s) {
  uint32_t n;
  const tc_attr *attrs = tc_attrs(&n);
  for (uint32_t i = 0; i < n; i++)
    if (attrs[i].place != TC_ATTR_LEAD && parse_attr(r, s, i, &attrs[i])) return true;
  return false;
}

static void parse_tail(tc_reader *r, stmt *s) {
  uint32_t n;
  const tc_attr *attrs = tc_attrs(&n);
  while (parse_one_tail(r, s))
    continue;
  if (r->token.kind == TC_TIR_WORD)
    TC_FAIL(r, D_tir_word, tc_reader_span_here(r), "attribute", TC_ARG_STR(r->token.text));
  for (uint32_t i = 0; i < n; i++)
    if (attrs[i].payload == s->row->payload && attrs[i].place == TC_ATTR_MUST
        && !(s->given >> (i - s->first_attr) & 1) && !r->failed)
      TC_FAIL(r, D_tir_missing, tc_reader_span_here(r), s->row->name, attrs[i].word);
}

/* ---- binders ---- */

/* Reads `%i` or `%i: type` and makes the variable; it means something from tc_bind on. */
static tc_var parse_binder(tc_reader *r, stmt *s, enum tc_var_kind kind) {
  tc_name name = {0};
  tc_span span = tc_reader_span_here(r);
  tc_name_key key = tc_reader_name(r, TC_TIR_VAR, "a variable", &name);
  tc_type type = tc_scalar_type(TC_DT_int32);
  if (tc_reader_take(r, ":")) type = tc_reader_type(r);
  tc_var var = tc_var_new(r->ir, tc_name_of(r->ir, name), kind, type, span);
  tc_vec_push(r->ir->arena, &s->bindings, ((binding){key, var.id, 0}));
  return var;
}

static void bind(tc_reader *r, stmt *s) {
  for (uint32_t i = 0; i < s->bindings.n; i++) {
    binding *b = &s->bindings.at[i];
    tc_map_get(&r->vars, b->key, &b->outer);
    tc_map_put(&r->vars, b->key, b->var);
  }
}

static void unbind(tc_reader *r, const stmt *s) {
  for (uint32_t i = s->bindings.n; i-- > 0;)
    tc_map_put(&r->vars, s->bindings.at[i].key, s->bindings.at[i].outer);
}

/* (%i < extent, ...) */
static uint32_t parse_bounds(tc_reader *r, stmt *s, enum tc_var_kind kind, tc_var *vars,
                             uint32_t max) {
  uint32_t n = 0;
  tc_reader_want(r, "(");
  while (!r->failed && !tc_reader_is(r, ")")) {
    if (n) tc_reader_want(r, ",");
    if (n == max) TC_FAIL(r, D_tir_limit, tc_reader_span_here(r), (int)max, "extents");
    if (r->failed) break;
    vars[n++] = tc_reader_take(r, "_") ? (tc_var){0} : parse_binder(r, s, kind);
    tc_reader_want(r, "<");
    push_operand(r, s);
  }
  tc_reader_want(r, ")");
  return n;
}

/* word(128, %ty < 4, ...): up to three numbers, with variables where `vars` is given. */
static void parse_extents(tc_reader *r, stmt *s, const char *word, int64_t *extents, tc_var *vars) {
  if (!tc_reader_take(r, word)) return;
  tc_reader_want(r, "(");
  for (uint32_t n = 0; n < 3 && !tc_reader_is(r, ")"); n++) {
    if (n) tc_reader_want(r, ",");
    if (vars && r->token.kind == TC_TIR_VAR) {
      vars[n] = parse_binder(r, s, TC_VAR_THREAD);
      tc_reader_want(r, "<");
    }
    extents[n] = tc_reader_int(r, "a number");
  }
  tc_reader_want(r, ")");
}

static void parse_kernel(tc_reader *r, stmt *s) {
  tc_kernel *kernel = &s->payload.kernel;
  tc_reader_name(r, TC_TIR_AT, "the kernel's name", &kernel->name);
  kernel->n_grid = parse_bounds(r, s, TC_VAR_BLOCK, kernel->block, 3);
  parse_extents(r, s, "threads", kernel->threads, kernel->thread);
  parse_extents(r, s, "cluster", kernel->cluster, NULL);
  if (tc_reader_take(r, "shared")) kernel->shared_b = tc_reader_int(r, "a number of bytes");
}

static void parse_for(tc_reader *r, stmt *s) {
  s->payload.loop.var = parse_binder(r, s, TC_VAR_LOOP);
  tc_type type = tc_var_at(r->ir, s->payload.loop.var)->type;
  tc_reader_want(r, "=");
  push_operand(r, s);
  tc_reader_want(r, "to");
  push_operand(r, s);
  if (tc_reader_take(r, "step")) {
    push_operand(r, s);
  } else {
    bool counts = tc_is_int(type);
    if (!counts) TC_FAIL(r, D_tir_operand, tc_reader_span_here(r), "a loop variable is an integer");
    tc_vec_push(r->ir->arena, &s->in, counts ? tc_const_int(r->ir, type, 1) : (tc_value){0});
  }
}

static void parse_parallel(tc_reader *r, stmt *s) {
  tc_var vars[TC_MAX_RANK];
  uint32_t n = parse_bounds(r, s, TC_VAR_PARALLEL, vars, TC_MAX_RANK);
  s->payload.parallel =
      (tc_parallel){.n = n, .vars = tc_arena_copy(r->ir->arena, vars, n * sizeof *vars)};
  if (tc_reader_take(r, "layout")) s->payload.parallel.layout = tc_reader_text(r);
}

/* A thread variable: one of an enclosing kernel, or a new one. */
static void parse_thread(tc_reader *r, stmt *s) {
  uint32_t outer = 0;
  if (r->token.kind != TC_TIR_VAR) return;
  tc_name name = tc_names_add(r->ir->names, r->token.text);
  tc_map_get(&r->vars, (tc_name_key)name.id << 32 | r->token.suffix, &outer);
  if (outer && tc_var_at(r->ir, (tc_var){outer})->kind == TC_VAR_THREAD) {
    s->payload.group.thread = (tc_var){outer};
    tc_reader_next(r);
  } else {
    s->payload.group.thread = parse_binder(r, s, TC_VAR_THREAD);
  }
}

/* ---- parts of forms ---- */

static void set_buf(stmt *s, tc_buf buf) {
  s->buf = buf;
  switch ((int)s->row->payload) {
  case TC_PL_ACCESS:
    s->payload.access.buf = buf;
    break;
  case TC_PL_ATOMIC:
    s->payload.atomic.buf = buf;
    break;
  case TC_PL_WAIT:
    s->payload.wait.buf = buf;
    break;
  case TC_PL_MBARRIER:
    s->payload.mbarrier.buf = buf;
    break;
  case TC_PL_PRINT:
    s->payload.print.buf = buf;
    break;
  case TC_PL_HINT:
    s->payload.hint.buf = buf;
    break;
  case TC_PL_BUF:
    s->index = buf.id;
  }
}

static void parse_access(tc_reader *r, stmt *s) {
  tc_value index[TC_MAX_RANK] = {{0}};
  set_buf(s, tc_reader_buf(r));
  if (r->failed) return;
  uint32_t rank = tc_buf_at(r->ir, s->buf)->rank;
  tc_reader_list(r, index, rank, "indices");
  for (uint32_t d = 0; d < rank; d++)
    tc_vec_push(r->ir->arena, &s->in, index[d]);
}

static void parse_text(tc_reader *r, stmt *s) {
  uint32_t index = tc_pl_text(r->ir, tc_reader_text(r));
  if (s->op == TC_OP_print) s->payload.print.text = index;
  if (s->op == TC_OP_hint) s->payload.hint.text = index;
  if (s->row->payload == TC_PL_TEXT) s->index = index;
}

static void parse_number(tc_reader *r, stmt *s) {
  tc_span span = tc_reader_span_here(r);
  int64_t n = tc_reader_int(r, "a number");
  if (n < 0 || n > UINT32_MAX) TC_FAIL(r, D_tir_range, span, "the number", s->row->name);
  s->index = (uint32_t)n;
}

/* `A: shared float32[4]`, or `A` declared before. */
static void parse_alloc(tc_reader *r, stmt *s) {
  bool declares = tc_reader_ahead_is(r, ":");
  set_buf(s, declares ? tc_reader_declaration(r, 0) : tc_reader_buf(r));
}

static void parse_ring(tc_reader *r, stmt *s) {
  tc_span span = tc_reader_span_here(r);
  uint32_t start = r->token.start, size_b = r->token.size_b, id;
  tc_name_key key = tc_reader_name(r, TC_TIR_WORD, "a ring", NULL);
  if (!r->failed && !tc_map_get(&r->rings, key, &id))
    TC_FAIL(r, D_tir_unknown, span, "ring",
            tc_format(r->ir->arena, "%.*s", (int)size_b, r->text.at + start));
  if (!r->failed) s->payload.ringref.ring = id;
}

static void parse_new_ring(tc_reader *r, stmt *s) {
  tc_ring *ring = &s->payload.ring;
  tc_span span = tc_reader_span_here(r);
  uint32_t old;
  s->ring = tc_reader_name(r, TC_TIR_WORD, "the ring's name", &ring->name);
  if (!r->failed && tc_map_get(&r->rings, s->ring, &old))
    TC_FAIL(r, D_tir_duplicate, span, tc_name_of(r->ir, ring->name));
  TC_VEC(tc_buf) bufs = {0};
  tc_reader_want(r, "(");
  while (!r->failed && !tc_reader_is(r, ")")) {
    if (bufs.n) tc_reader_want(r, ",");
    tc_vec_push(r->ir->arena, &bufs, tc_reader_buf(r));
  }
  tc_reader_want(r, ")");
  ring->bufs = bufs.at;
  ring->n_bufs = bufs.n;
}

static void parse_arguments(tc_reader *r, stmt *s) {
  tc_reader_want(r, "(");
  while (!r->failed && !tc_reader_is(r, ")")) {
    if (s->in.n) tc_reader_want(r, ",");
    push_operand(r, s);
  }
  tc_reader_want(r, ")");
}

static void parse_special(tc_reader *r, stmt *s, char part) {
  switch (part) { /* table */
  case 'a':
    parse_access(r, s);
    break;
  case 'b':
    if (tc_reader_take(r, "buffer")) set_buf(s, tc_reader_buf(r));
    break;
  case 't':
    parse_text(r, s);
    break;
  case 'n':
    parse_number(r, s);
    break;
  case 'd':
    parse_alloc(r, s);
    break;
  case 'r':
    parse_ring(r, s);
    break;
  case 'R':
    parse_new_ring(r, s);
    break;
  case 'v':
    parse_thread(r, s);
    break;
  case 'F':
    parse_for(r, s);
    break;
  case 'P':
    parse_parallel(r, s);
    break;
  case 'K':
    parse_kernel(r, s);
    break;
  case 'q':
    if (!tc_reader_take(r, "because")) break;
    *(s->op == TC_OP_prim ? &s->payload.prim.reason : &s->payload.barrier.reason) =
        tc_pl_text(r->ir, tc_reader_text(r));
    break;
  case 'l':
    if (tc_reader_take(r, "layout")) s->payload.copy.layout = tc_reader_text(r);
    break;
  case 'A':
    parse_arguments(r, s);
  }
}

static void note_optional(stmt *s, tc_str word) {
  if (s->op == TC_OP_load)
    s->payload.access.flags |= tc_str_is(word, "if") ? TC_ACCESS_PRED : TC_ACCESS_ELSE;
  if (s->op == TC_OP_store) s->payload.access.flags |= TC_ACCESS_PRED;
  if (s->op == TC_OP_copy) s->payload.copy.flags |= tc_copy_option(word);
  if (s->op == TC_OP_collective)
    s->payload.collective.flags |=
        tc_str_is(word, "lane") ? TC_COLLECTIVE_LANE : TC_COLLECTIVE_MASK;
  if (s->op != TC_OP_atomic) return;
  if (tc_str_is(word, "if")) {
    s->payload.atomic.flags |= TC_ACCESS_PRED;
  } else {
    s->has_expected = true;
  }
}

static void parse_form(tc_reader *r, stmt *s) {
  const char *at = tc_form_of(s->op).text;
  for (tc_str word; !r->failed && (word = tc_form_word(&at)).n;) {
    char c = word.at[0];
    if (c == 'o' && word.n == 1) {
      push_operand(r, s);
    } else if (c == '*') {
      while (tc_reader_take(r, ","))
        push_operand(r, s);
    } else if (c == '?') {
      word.at++, word.n--;
      if (!tc_reader_take(r, tc_str_dup(r->ir->arena, word))) continue;
      note_optional(s, word);
      push_operand(r, s);
    } else if (word.n == 1 && c != ',' && c != '=') {
      parse_special(r, s, c);
    } else {
      tc_reader_want(r, tc_str_dup(r->ir->arena, word));
    }
  }
}

/* ---- whole statements ---- */

static bool yields(const stmt *s) {
  return s->op == TC_OP_load || s->op == TC_OP_atomic || s->op == TC_OP_collective
         || s->op == TC_OP_prim;
}

/* The type of a named statement's value, when the text does not say it. */
static tc_type usual_type(const tc_reader *r, const stmt *s) {
  if (s->op == TC_OP_prim)
    return tc_scalar_type(tc_prim_info_of((enum tc_prim_row)s->payload.prim.row)->result);
  if (s->op != TC_OP_collective) return tc_buf_at(r->ir, s->buf)->elem;
  return tc_collective_type((enum tc_collective_kind)s->payload.collective.kind,
                            tc_value_type(r->ir, s->in.at[0]));
}

static tc_value finish(tc_reader *r, stmt *s, tc_region at, tc_type type) {
  if (s->op == TC_OP_atomic && (s->payload.atomic.kind == TC_ATOMIC_CAS) != s->has_expected
      && !r->failed)
    TC_FAIL(r, D_tir_missing, tc_reader_span_here(r), s->has_expected ? "expect" : "atomic cas",
            s->has_expected ? "atomic cas" : "an expected value");
  if (r->failed) return (tc_value){0};
  uint32_t payload = s->index;
  if (s->row->payload >= TC_PL_ACCESS)
    payload = tc_payload_push(r->ir, s->row->payload, &s->payload);
  if (s->op == TC_OP_ring) tc_map_put(&r->rings, s->ring, payload);
  return tc_stmt(r->ir, at, s->op, type, s->in.at, s->in.n, payload,
                 tc_reader_span(r, s->start, r->last_end));
}

static void parse_body(tc_reader *r, tc_region region) {
  if (!tc_reader_take(r, "{")) tc_reader_expected(r, "'{'");
  tc_reader_want_line_end(r);
  tc_reader_region(r, region);
  tc_reader_want(r, "}");
}

static void parse_regions(tc_reader *r, stmt *s, tc_value v) {
  if (!s->row->n_regions || r->failed) return;
  if (++r->depth > TC_MAX_NESTING)
    TC_FAIL(r, D_tir_limit, tc_reader_span_here(r), (int)TC_MAX_NESTING,
            "regions inside each other");
  bind(r, s);
  for (uint32_t i = 0; i < s->row->n_regions; i++) {
    if (i && s->op == TC_OP_if && !tc_reader_is(r, "else")) break;
    if (i) tc_reader_want(r, tc_form_of(s->op).next);
    parse_body(r, tc_child(r->ir, tc_op_at(r->ir, v), i));
  }
  unbind(r, s);
  r->depth--;
}

static void parse_buffer_line(tc_reader *r) {
  tc_reader_next(r);
  tc_reader_declaration(r, 0);
  tc_reader_want_line_end(r);
}

static bool find_statement(tc_reader *r, stmt *s) {
  for (int op = 1; op < TC_OP_COUNT; op++) {
    s->row = tc_op_row((enum tc_opcode)op);
    s->op = (enum tc_opcode)op;
    if (s->row->class_ == TC_CLASS_STMT && tc_reader_take(r, s->row->name)) return true;
  }
  return false;
}

static void define(tc_reader *r, uint64_t number, tc_span span, tc_value v) {
  uint32_t old;
  if (tc_map_get(&r->values, number, &old))
    TC_FAIL(r, D_tir_duplicate, span,
            tc_format(r->ir->arena, "%%%llu", (unsigned long long)number));
  tc_map_put(&r->values, number, v.id);
}

/* `op ...`; *yielded is its value when it has one and a name. */
static void parse_op(tc_reader *r, tc_region region, bool named, const tc_type *given,
                     tc_value *yielded) {
  stmt s = {.start = r->token.start};
  tc_span span = tc_reader_span_here(r);
  if (!find_statement(r, &s)) {
    if (r->token.kind == TC_TIR_WORD)
      TC_FAIL(r, D_tir_word, span, "statement", TC_ARG_STR(r->token.text));
    tc_reader_expected(r, "a statement");
    return;
  }
  if (named ? !yields(&s) : s.op == TC_OP_load)
    TC_FAIL(r, D_tir_operand, span,
            named ? "this statement has no value"
                  : "the value of a load has a name, as in %1 = load");
  set_usual(&s);
  parse_lead(r, &s);
  parse_form(r, &s);
  parse_tail(r, &s);
  tc_type type = tc_scalar_type(TC_DT_void);
  if (named && !r->failed) type = given ? *given : usual_type(r, &s);
  tc_value v = finish(r, &s, region, type);
  parse_regions(r, &s, v);
  tc_reader_want_line_end(r);
  *yielded = v;
}

/* `%1 = expression`, or `%1 = load ...`. */
static void parse_definition(tc_reader *r, tc_region region) {
  uint64_t number = r->token.number;
  tc_span span = tc_reader_span_here(r);
  tc_type type;
  tc_value v = {0};
  tc_reader_next(r);
  bool typed = tc_reader_take(r, ":");
  if (typed) type = tc_reader_type(r);
  tc_reader_want(r, "=");
  bool statement = r->token.kind == TC_TIR_WORD && !tc_reader_ahead_is(r, "(")
                   && !tc_reader_is(r, "true") && !tc_reader_is(r, "false")
                   && !tc_reader_is(r, "inf") && !tc_reader_is(r, "nan");
  if (statement) {
    parse_op(r, region, true, typed ? &type : NULL, &v);
  } else {
    if (typed) TC_FAIL(r, D_tir_operand, span, "only statements say the type of their value");
    v = tc_reader_expr(r);
    tc_reader_want_line_end(r);
  }
  if (!r->failed) define(r, number, span, v);
}

void tc_reader_statement(tc_reader *r, tc_region region) {
  tc_value ignored;
  if (r->token.kind == TC_TIR_VALUE) {
    parse_definition(r, region);
  } else if (tc_reader_is(r, "buffer")) {
    parse_buffer_line(r);
  } else {
    parse_op(r, region, false, NULL, &ignored);
  }
}

void tc_reader_region(tc_reader *r, tc_region region) {
  while (!r->failed && !tc_reader_is(r, "}"))
    tc_reader_statement(r, region);
}
