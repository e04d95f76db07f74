#include "ir/parse.h"

#include "ir/parse_private.h"
#include "ir/print.h"

static void skip_empty_lines(tc_reader *r) {
  while (r->token.kind == TC_TIR_NEWLINE)
    tc_reader_next(r);
}

static void parse_first_line(tc_reader *r) {
  skip_empty_lines(r);
  tc_reader_want(r, "tir");
  tc_span span = tc_reader_span_here(r);
  int64_t version = tc_reader_int(r, "the version");
  if (!r->failed && version != TC_TIR_VERSION)
    TC_FAIL(r, D_tir_version, span, (unsigned long long)version, (int)TC_TIR_VERSION);
  for (int s = 0; s < TC_STATE_COUNT; s++) {
    if (!tc_reader_take(r, tc_state_name((enum tc_state)s))) continue;
    r->ir->state = (enum tc_state)s;
    tc_reader_want_line_end(r);
    return;
  }
  if (r->token.kind == TC_TIR_WORD)
    TC_FAIL(r, D_tir_word, tc_reader_span_here(r), "state", TC_ARG_STR(r->token.text));
  tc_reader_expected(r, "a state");
}

static void parse_var_line(tc_reader *r, enum tc_var_kind kind) {
  tc_name name = {0};
  tc_reader_next(r);
  tc_span span = tc_reader_span_here(r);
  tc_name_key key = tc_reader_name(r, TC_TIR_VAR, "a variable", &name);
  uint32_t old;
  if (tc_map_get(&r->vars, key, &old))
    TC_FAIL(r, D_tir_duplicate, span, tc_format(r->ir->arena, "%%%s", tc_name_of(r->ir, name)));
  tc_reader_want(r, ":");
  tc_type type = tc_reader_type(r);
  tc_var var = tc_var_new(r->ir, tc_name_of(r->ir, name), kind, type, span);
  tc_map_put(&r->vars, key, var.id);
  tc_reader_want_line_end(r);
}

static void parse_scalar_param(tc_reader *r) {
  tc_span span = tc_reader_span_here(r);
  uint32_t id = 0;
  tc_str text = r->token.text;
  tc_name_key key = tc_reader_name(r, TC_TIR_VAR, "a variable", NULL);
  if (r->failed) return;
  if (!tc_map_get(&r->vars, key, &id) || tc_var_at(r->ir, (tc_var){id})->kind != TC_VAR_SCALAR)
    TC_FAIL(r, D_tir_unknown, span, "scalar", tc_str_dup(r->ir->arena, text));
  tc_param param = {.kind = TC_PARAM_SCALAR, .var = {id}};
  tc_vec_push(r->ir->arena, &r->ir->params, param);
}

static void parse_param(tc_reader *r) {
  tc_reader_next(r);
  if (r->token.kind == TC_TIR_VAR) {
    parse_scalar_param(r);
  } else {
    tc_param param = {.kind = TC_PARAM_BUFFER, .buf = tc_reader_declaration(r, TC_BUF_PARAM)};
    if (!r->failed) tc_vec_push(r->ir->arena, &r->ir->params, param);
  }
  tc_reader_want_line_end(r);
}

static void parse_results(tc_reader *r) {
  do {
    tc_reader_next(r);
    tc_buf buf = tc_reader_buf(r);
    if (!r->failed) tc_vec_push(r->ir->arena, &r->ir->results, buf);
  } while (tc_reader_is(r, ","));
  tc_reader_want_line_end(r);
  if (!tc_reader_is(r, "}")) tc_reader_expected(r, "'}', because `return` comes last");
}

/* Declarations, which come before the first statement, or one statement. */
static void parse_function_line(tc_reader *r) {
  bool declares = tc_reader_is(r, "dim") || tc_reader_is(r, "scalar") || tc_reader_is(r, "param");
  if (declares && tc_block_at(r->ir, r->ir->body)->ops.n) {
    tc_reader_expected(r, "a statement, because declarations come first");
  } else if (tc_reader_is(r, "dim")) {
    parse_var_line(r, TC_VAR_DIM);
  } else if (tc_reader_is(r, "scalar")) {
    parse_var_line(r, TC_VAR_SCALAR);
  } else if (declares) {
    parse_param(r);
  } else if (tc_reader_is(r, "return")) {
    parse_results(r);
  } else {
    tc_reader_statement(r, r->ir->body);
  }
}

static void parse_function(tc_reader *r) {
  tc_reader_want(r, "func");
  tc_reader_name(r, TC_TIR_AT, "the function's name", &r->ir->name);
  tc_reader_want(r, "{");
  tc_reader_want_line_end(r);
  while (!r->failed && !tc_reader_is(r, "}"))
    parse_function_line(r);
  tc_reader_want(r, "}");
  skip_empty_lines(r);
  if (r->token.kind != TC_TIR_END) tc_reader_expected(r, "the end of the text");
}

tc_ir *tc_ir_parse(tc_arena *arena, tc_diags *diags, tc_names *names, const char *file,
                   tc_str text) {
  tc_reader r = {.ir = tc_ir_new(arena, diags, names), .diags = diags};
  r.base = tc_source_add(diags->source, file, text, 1);
  uint32_t first;
  r.text = tc_source_text(diags->source, r.base, &first);
  r.vars = tc_map_in(arena);
  r.bufs = tc_map_in(arena);
  r.rings = tc_map_in(arena);
  r.values = tc_map_in(arena);
  tc_reader_next(&r);
  tc_reader_next(&r);
  parse_first_line(&r);
  parse_function(&r);
  return r.failed ? NULL : r.ir;
}
