#include "ir/parse_private.h"

#include "ir/number.h"

#include <math.h>

enum { MAX_DEPTH = 200, MAX_OPERANDS = TC_MAX_LANES };

/* ---- types and constants ---- */

static bool split_type(tc_str text, tc_str *base, uint32_t *lanes) {
  uint32_t at = text.n;
  while (at && text.at[at - 1] >= '0' && text.at[at - 1] <= '9')
    at--;
  *base = (tc_str){text.at, at - 1};
  if (at < 2 || at == text.n || text.at[at - 1] != 'x' || text.n - at > 5) return false;
  for (*lanes = 0; at < text.n; at++)
    *lanes = *lanes * 10 + (uint32_t)(text.at[at] - '0');
  return *lanes >= 2 && *lanes <= TC_MAX_LANES;
}

static bool find_type(tc_str text, tc_type *type) {
  enum tc_dtype dtype;
  uint32_t lanes = 1;
  tc_str base;
  if (!tc_dtype_find(text, &dtype)
      && !(split_type(text, &base, &lanes) && tc_dtype_find(base, &dtype)))
    return false;
  *type = (tc_type){(uint8_t)dtype, 0, (uint16_t)lanes};
  return true;
}

tc_type tc_reader_type(tc_reader *r) {
  tc_type type = tc_scalar_type(TC_DT_int32);
  if (r->token.kind != TC_TIR_WORD) {
    tc_reader_expected(r, "a type");
  } else if (!find_type(r->token.text, &type)) {
    TC_FAIL(r, D_tir_word, tc_reader_span_here(r), "type", TC_ARG_STR(r->token.text));
  }
  tc_reader_next(r);
  return type;
}

/* The type written after a literal, or the usual one. */
static tc_type literal_type(tc_reader *r, enum tc_dtype usual) {
  return tc_reader_take(r, ":") ? tc_reader_type(r) : tc_scalar_type(usual);
}

static tc_value literal_mismatch(tc_reader *r, tc_span span, const char *what, tc_type type) {
  if (!r->failed)
    TC_FAIL(
        r, D_tir_operand, span,
        tc_format(r->ir->arena, "%s cannot have type %s", what, tc_type_name(r->ir->arena, type)));
  return (tc_value){0};
}

static tc_value parse_int_literal(tc_reader *r, bool negative) {
  tc_span span = tc_reader_span_here(r);
  uint64_t magnitude = r->token.number;
  tc_reader_next(r);
  tc_type type = literal_type(r, TC_DT_int32);
  int64_t x;
  if (!tc_is_int(type) && tc_type_kind(type) != TC_K_HANDLE)
    return literal_mismatch(r, span, "an integer", type);
  if (!tc_number_fits(type, magnitude, negative, &x)) {
    TC_FAIL(r, D_tir_range, span, "the number", tc_type_name(r->ir->arena, type));
    return (tc_value){0};
  }
  return tc_const_int(r->ir, type, x);
}

static tc_value parse_float_literal(tc_reader *r, bool negative) {
  tc_span span = tc_reader_span_here(r);
  double x = 0;
  if (tc_reader_is(r, "inf")) {
    x = (double)INFINITY;
  } else if (tc_reader_is(r, "nan")) {
    x = (double)NAN;
  } else if (!tc_number_parse(r->token.text, &x)) {
    TC_FAIL(r, D_tir_character, span, "malformed number");
  } else if (isinf(x)) {
    TC_FAIL(r, D_tir_range, span, "the number", "a float");
  }
  tc_reader_next(r);
  tc_type type = literal_type(r, TC_DT_float32);
  if (!tc_is_float(type)) return literal_mismatch(r, span, "a float", type);
  return tc_const_float(r->ir, type, negative ? -x : x);
}

static tc_value parse_bool_literal(tc_reader *r) {
  tc_span span = tc_reader_span_here(r);
  bool x = tc_reader_is(r, "true");
  tc_reader_next(r);
  tc_type type = literal_type(r, TC_DT_bool);
  if (!tc_is_bool(type)) return literal_mismatch(r, span, "a bool", type);
  return tc_const_int(r->ir, type, x);
}

static bool at_float_literal(const tc_reader *r) {
  return r->token.kind == TC_TIR_FLOAT || tc_reader_is(r, "inf") || tc_reader_is(r, "nan");
}

/* ---- making ops ---- */

static tc_value make(tc_reader *r, tc_span span, const tc_pure *x) {
  tc_type type;
  const char *why = r->failed ? "" : tc_typing_check(r->ir, x, &type);
  if (why) {
    TC_FAIL(r, D_tir_operand, span, why);
    return (tc_value){0};
  }
  switch ((int)x->op) { /* table */
  case TC_OP_neg:
  case TC_OP_abs:
  case TC_OP_not:
    return tc_unary(r->ir, x->op, x->in[0]);
  case TC_OP_select:
    return tc_select(r->ir, x->in[0], x->in[1], x->in[2]);
  case TC_OP_cast:
    return tc_cast(r->ir, x->in[0], type);
  case TC_OP_reinterpret:
    return tc_reinterpret(r->ir, x->in[0], type);
  case TC_OP_math:
    return tc_math(r->ir, (enum tc_mathfn)x->payload, x->in, x->n);
  case TC_OP_ramp:
    return tc_ramp(r->ir, x->in[0], x->in[1], type.lanes);
  case TC_OP_broadcast:
    return tc_broadcast(r->ir, x->in[0], type.lanes);
  case TC_OP_lane:
    return tc_lane(r->ir, x->in[0], x->payload);
  case TC_OP_pack:
    return tc_pack(r->ir, x->in, x->n);
  default:
    return tc_binary(r->ir, x->op, x->in[0], x->in[1]);
  }
}

static tc_value make_binary(tc_reader *r, tc_span span, enum tc_opcode op, tc_value a, tc_value b) {
  tc_value in[2] = {a, b};
  /* `/` is written for two ops. */
  if (op == TC_OP_div && !r->failed && tc_is_int(tc_value_type(r->ir, a))) op = TC_OP_floordiv;
  tc_pure x = {.op = op, .in = in, .n = 2};
  return make(r, span, &x);
}

/* ---- calls ---- */

/* Which op the word before a bracket names. */
static bool find_call(tc_str word, tc_pure *x) {
  for (int op = 1; op < TC_OP_COUNT; op++) {
    const tc_op_info *row = tc_op_row((enum tc_opcode)op);
    bool called = op != TC_OP_const && op != TC_OP_var && op != TC_OP_cast && op != TC_OP_math
                  && op != TC_OP_slice && row->class_ == TC_CLASS_PURE;
    if (called && tc_str_is(word, row->name)) return x->op = (enum tc_opcode)op, true;
  }
  x->op = TC_OP_cast;
  if (find_type(word, &x->type)) return true;
  x->op = TC_OP_math;
  for (uint32_t fn = 0; fn < TC_MATH_COUNT; fn++)
    if (tc_str_is(word, tc_math_row((enum tc_mathfn)fn)->name)) return x->payload = fn, true;
  return false;
}

/* The part of a call's bracket that is no operand: a type, or a count of lanes. */
static void parse_call_tail(tc_reader *r, tc_pure *x) {
  if (x->op == TC_OP_reinterpret) {
    tc_reader_want(r, ",");
    x->type = tc_reader_type(r);
  }
  if (x->op != TC_OP_ramp && x->op != TC_OP_broadcast && x->op != TC_OP_lane) return;
  tc_reader_want(r, ",");
  tc_span span = tc_reader_span_here(r);
  int64_t n = tc_reader_int(r, "a number of lanes");
  if (n < 0 || n > TC_MAX_LANES) TC_FAIL(r, D_tir_range, span, "the number", "a lane");
  if (x->op == TC_OP_lane) x->payload = (uint32_t)n;
  x->type.lanes = (uint16_t)n;
}

static tc_value parse_call(tc_reader *r) {
  uint32_t start = r->token.start;
  tc_pure x = {.op = TC_OP_none};
  if (!find_call(r->token.text, &x))
    TC_FAIL(r, D_tir_word, tc_reader_span_here(r), "function", TC_ARG_STR(r->token.text));
  tc_reader_next(r);
  tc_reader_want(r, "(");
  int wanted = r->failed ? 0 : tc_op_row(x.op)->n_in;
  TC_VEC(tc_value) in = {0};
  while (!r->failed && (wanted < 0 ? !tc_reader_is(r, ")") : in.n < (uint32_t)wanted)) {
    if (in.n) tc_reader_want(r, ",");
    tc_vec_push(r->ir->arena, &in, tc_reader_expr(r));
    if (in.n > MAX_OPERANDS)
      TC_FAIL(r, D_tir_limit, tc_reader_span_here(r), (int)MAX_OPERANDS, "operands");
  }
  x.in = in.at;
  x.n = in.n;
  parse_call_tail(r, &x);
  tc_reader_want(r, ")");
  return make(r, tc_reader_span(r, start, r->last_end), &x);
}

/* ---- operators ---- */

static tc_value parse_level(tc_reader *r, int level);

static tc_value parse_name(tc_reader *r, tc_map *map, tc_name_key key, const char *what) {
  uint32_t id = 0;
  if (!tc_map_get(map, key, &id) || !id) {
    if (!r->failed)
      TC_FAIL(r, D_tir_unknown, tc_reader_span_here(r), what,
              tc_format(r->ir->arena, "%.*s", (int)r->token.size_b, r->text.at + r->token.start));
    id = 0;
  }
  tc_reader_next(r);
  return (tc_value){id};
}

static tc_value parse_primary(tc_reader *r) {
  const tc_tir_token *t = &r->token;
  if (t->kind == TC_TIR_INT) return parse_int_literal(r, false);
  if (at_float_literal(r)) return parse_float_literal(r, false);
  if (tc_reader_is(r, "true") || tc_reader_is(r, "false")) return parse_bool_literal(r);
  if (t->kind == TC_TIR_VALUE) return parse_name(r, &r->values, t->number, "value");
  if (t->kind == TC_TIR_VAR) {
    tc_name name = tc_names_add(r->ir->names, t->text);
    tc_name_key key = (tc_name_key)name.id << 32 | t->suffix;
    tc_value var = parse_name(r, &r->vars, key, "variable");
    return r->failed ? var : tc_var_value(r->ir, (tc_var){var.id});
  }
  if (tc_reader_take(r, "(")) {
    tc_value v = parse_level(r, TC_LEVEL_COMPARE);
    tc_reader_want(r, ")");
    return v;
  }
  if (t->kind == TC_TIR_WORD && tc_reader_ahead_is(r, "(")) return parse_call(r);
  tc_reader_expected(r, "an expression");
  return (tc_value){0};
}

static tc_value parse_unary(tc_reader *r) {
  uint32_t start = r->token.start;
  bool negate = tc_reader_is(r, "-");
  if (!negate && !tc_reader_is(r, "~")) return parse_primary(r);
  tc_reader_next(r);
  if (negate && r->token.kind == TC_TIR_INT) return parse_int_literal(r, true);
  if (negate && at_float_literal(r)) return parse_float_literal(r, true);
  if (++r->nesting > MAX_DEPTH)
    TC_FAIL(r, D_tir_limit, tc_reader_span_here(r), (int)MAX_DEPTH, "levels of nesting");
  tc_value a = parse_unary(r);
  r->nesting--;
  tc_pure x = {.op = negate ? TC_OP_neg : TC_OP_not, .in = &a, .n = 1};
  return make(r, tc_reader_span(r, start, r->last_end), &x);
}

static const tc_infix *infix_here(const tc_reader *r) {
  uint32_t n;
  const tc_infix *rows = tc_infixes(&n);
  if (r->token.kind != TC_TIR_PUNCT) return NULL;
  for (uint32_t i = 0; i < n; i++)
    if (tc_str_is(r->token.text, rows[i].symbol)) return &rows[i];
  return NULL;
}

static tc_value parse_level(tc_reader *r, int level) {
  if (++r->nesting > MAX_DEPTH)
    TC_FAIL(r, D_tir_limit, tc_reader_span_here(r), (int)MAX_DEPTH, "levels of nesting");
  uint32_t start = r->token.start;
  tc_value a = parse_unary(r);
  for (const tc_infix *op; (op = infix_here(r)) != NULL && op->level >= level;) {
    tc_reader_next(r);
    tc_value b = parse_level(r, op->level + 1);
    a = make_binary(r, tc_reader_span(r, start, r->last_end), op->op, a, b);
  }
  r->nesting--;
  return a;
}

tc_value tc_reader_expr(tc_reader *r) {
  return parse_level(r, TC_LEVEL_COMPARE);
}

/* ---- buffers ---- */

tc_buf tc_reader_buf(tc_reader *r) {
  tc_span span = tc_reader_span_here(r);
  uint32_t start = r->token.start, size_b = r->token.size_b, id = 0;
  tc_name_key key = tc_reader_name(r, TC_TIR_WORD, "a buffer", NULL);
  if (!r->failed && !tc_map_get(&r->bufs, key, &id))
    TC_FAIL(r, D_tir_unknown, span, "buffer",
            tc_format(r->ir->arena, "%.*s", (int)size_b, r->text.at + start));
  return (tc_buf){id};
}

/* `*`, or base :+ extent of each dimension. */
static void parse_box(tc_reader *r, const tc_buffer *b, tc_value *base, tc_value *extent) {
  bool whole = tc_reader_take(r, "*");
  for (uint32_t d = 0; d < b->rank && !r->failed; d++) {
    tc_span span = tc_reader_span_here(r);
    if (whole) {
      extent[d] = b->shape[d];
      base[d] = tc_zero(r->ir, tc_value_type(r->ir, extent[d]));
    } else {
      if (d) tc_reader_want(r, ",");
      base[d] = tc_reader_expr(r);
      tc_reader_want(r, ":+");
      extent[d] = tc_reader_expr(r);
    }
    if (!r->failed
        && (!tc_is_index_type(tc_value_type(r->ir, base[d]))
            || !tc_is_index_type(tc_value_type(r->ir, extent[d]))))
      TC_FAIL(r, D_tir_operand, span, "bases and extents of slices are integers");
  }
}

tc_value tc_reader_operand(tc_reader *r) {
  bool name = r->token.kind == TC_TIR_WORD || r->token.kind == TC_TIR_STRING;
  if (!name || !tc_reader_ahead_is(r, "[")) return tc_reader_expr(r);
  tc_buf buf = tc_reader_buf(r);
  tc_value base[TC_MAX_RANK], extent[TC_MAX_RANK];
  tc_reader_want(r, "[");
  if (!r->failed) parse_box(r, tc_buf_at(r->ir, buf), base, extent);
  tc_reader_want(r, "]");
  bool in_bounds = tc_reader_take(r, "inside");
  return r->failed ? (tc_value){0} : tc_slice(r->ir, buf, base, extent, in_bounds);
}

void tc_reader_list(tc_reader *r, tc_value *out, uint32_t n, const char *what) {
  tc_reader_want(r, "[");
  for (uint32_t d = 0; d < n; d++) {
    if (d) tc_reader_want(r, ",");
    out[d] = tc_reader_expr(r);
  }
  if (!tc_reader_take(r, "]"))
    tc_reader_expected(r, tc_format(r->ir->arena, "']' after %u %s", n, what));
}

const char *tc_reader_text(tc_reader *r) {
  if (r->token.kind != TC_TIR_STRING) {
    tc_reader_expected(r, "a text in double quotes");
    return "";
  }
  const char *text = tc_str_dup(r->ir->arena, r->token.text);
  tc_reader_next(r);
  return text;
}

static enum tc_scope parse_scope(tc_reader *r) {
  for (int s = 0; s < TC_SCOPE_COUNT; s++)
    if (tc_reader_take(r, tc_scope_name((enum tc_scope)s))) return (enum tc_scope)s;
  if (r->token.kind == TC_TIR_WORD)
    TC_FAIL(r, D_tir_word, tc_reader_span_here(r), "scope", TC_ARG_STR(r->token.text));
  tc_reader_expected(r, "a scope");
  return TC_SCOPE_global;
}

/* [e, ...] of any length up to the greatest rank. */
static uint32_t parse_shape(tc_reader *r, tc_value *shape) {
  uint32_t rank = 0;
  tc_reader_want(r, "[");
  while (!r->failed && !tc_reader_is(r, "]")) {
    if (rank) tc_reader_want(r, ",");
    if (rank == TC_MAX_RANK)
      TC_FAIL(r, D_tir_limit, tc_reader_span_here(r), (int)TC_MAX_RANK, "dimensions");
    else
      shape[rank++] = tc_reader_expr(r);
  }
  tc_reader_want(r, "]");
  return rank;
}

static void parse_buf_rest(tc_reader *r, tc_buf buf) {
  tc_buffer *b = tc_buf_at(r->ir, buf);
  if (tc_reader_take(r, "strides")) {
    b->strides = TC_NEW_ARRAY(r->ir->arena, b->rank + 1u, tc_value);
    tc_reader_list(r, b->strides, b->rank, "strides");
  }
  if (tc_reader_take(r, "of")) {
    tc_buf of = tc_reader_buf(r);
    if (!r->failed) b->root = tc_buf_at(r->ir, of)->root;
  }
  if (tc_reader_take(r, "offset")) b->offset = tc_reader_expr(r);
  if (tc_reader_take(r, "address")) b->address = tc_reader_expr(r);
  if (tc_reader_take(r, "layout")) b->layout = tc_reader_text(r);
  if (tc_reader_take(r, "at")) {
    b->is_placed = true;
    b->arena_b = tc_reader_int(r, "a number of bytes");
  }
  if (tc_reader_take(r, "argument")) b->flags |= TC_BUF_PARAM;
  if (tc_reader_take(r, "result")) b->flags |= TC_BUF_RESULT;
  if (tc_reader_take(r, "nullable")) b->flags |= TC_BUF_NULLABLE;
  if (tc_reader_take(r, "pointer")) b->flags |= TC_BUF_POINTER;
}

tc_buf tc_reader_declaration(tc_reader *r, uint32_t flags) {
  tc_name name = {0};
  tc_span span = tc_reader_span_here(r);
  tc_name_key key = tc_reader_name(r, TC_TIR_WORD, "a buffer's name", &name);
  uint32_t old;
  if (tc_map_get(&r->bufs, key, &old)) TC_FAIL(r, D_tir_duplicate, span, tc_name_of(r->ir, name));
  tc_reader_want(r, ":");
  enum tc_scope scope = parse_scope(r);
  tc_type elem = tc_reader_type(r);
  tc_value shape[TC_MAX_RANK] = {{0}};
  uint32_t rank = tc_reader_is(r, "[") ? parse_shape(r, shape) : 0;
  if (r->failed) return (tc_buf){0};
  tc_buf buf = tc_buf_new(r->ir, tc_name_of(r->ir, name), elem, scope, rank, shape, span);
  tc_buf_at(r->ir, buf)->flags = flags;
  parse_buf_rest(r, buf);
  tc_map_put(&r->bufs, key, buf.id);
  return buf;
}
