/* IR text: what is printed reads back as the same text, for every op, every payload field and every
 * odd value; equal functions print equally; malformed text ends in a coded diagnostic. */
#include "text_kit.h"

#include "ir/build.h"
#include "ir/form.h"
#include "ir/number.h"
#include "ir/scalar.h"
#include "ir/typing.h"

#include <locale.h>
#include <math.h>

static const tc_span nowhere = {0};

/* ---- every statement ---- */

/* A function around one line, which is the whole test; it need not be valid in any state. */
static const char HEAD[] = "tir 1 surface\n"
                           "func @f {\n"
                           "  dim %n: int32\n"
                           "  scalar %c: bool\n"
                           "  param A: global float32[%n, 64]\n"
                           "  param B: global float32[64]\n"
                           "  param T: global float32[1, 8, 8, 4]\n"
                           "  param M: barrier uint64[4]\n"
                           "  ring R (A, B) depth 2\n";

static const struct {
  enum tc_opcode op;
  const char *line;
} LINES[] = {
    {TC_OP_alloc, "alloc s: shared float16x2[%n + 1, 4] strides [8, 1]"},
    {TC_OP_load, "%0 = load A[%n, 3]"},
    {TC_OP_load, "%0 = load A[%n, 3] if %c else 2.5 in_bounds guarded acquire device"},
    {TC_OP_load, "%0: float32x4 = load B[ramp(%n, 1, 4)] else broadcast(float32(%n), 4)"},
    {TC_OP_store, "store B[%n] = 1.0 if %c release system"},
    {TC_OP_atomic, "%0 = atomic min B[%n], 1.0 if %c relaxed cluster"},
    {TC_OP_atomic, "atomic cas B[%n], 1.0 expect 0.0 if %c"},
    {TC_OP_fence, "fence seq_cst system"},
    {TC_OP_wait, "wait lt B[%n], 1.0 acquire device deadline_ns 5"},
    {TC_OP_collective, "%0 = collective shfl_down 1.5 lane %n mask 255 width 8"},
    {TC_OP_collective, "%0 = collective ballot %c"},
    {TC_OP_collective, "%0 = collective count %c block"},
    {TC_OP_collective, "collective any true mask %n"},
    {TC_OP_mbarrier, "mbarrier init M[0], 128"},
    {TC_OP_mbarrier, "mbarrier async_arrive M[%n % 4]"},
    {TC_OP_async_commit, "async_commit bulk"},
    {TC_OP_async_wait, "async_wait cp pending 2 read"},
    {TC_OP_kernel,
     "kernel @k (%x: int64 < 4:int64, _ < 2) threads(4, %t < 8) cluster(1, 2) {\n  }"},
    {TC_OP_for, "for %i: int64 = 1:int64 to 9:int64 step -2:int64 pipelined stages 4 {\n  }"},
    {TC_OP_parallel, "parallel (%i < %n, %j: int64 < 4:int64) {\n  }"},
    {TC_OP_parallel, "parallel () {\n  }"},
    {TC_OP_while, "while {\n    yield %c\n  } do {\n    break\n  }"},
    {TC_OP_if, "if %c {\n    continue\n  } else {\n    break\n  }"},
    {TC_OP_if, "if ~%c {\n  }"},
    {TC_OP_break, "break"},
    {TC_OP_continue, "continue"},
    {TC_OP_yield, "yield %c"},
    {TC_OP_group, "group first 32 count 64 {\n  }"},
    {TC_OP_group, "group first 32 count 64 consumer registers 240 {\n  }"},
    {TC_OP_perthread, "perthread %t first 0 count 64 uniform {\n    eval %t\n  }"},
    {TC_OP_copy, "copy A[0 :+ 1, %n * 2 :+ 64] -> B[*]"},
    {TC_OP_copy, "copy B[*] -> A[%n :+ 1, 0 :+ 64] inside safe -1.0 async no_tma"},
    {TC_OP_copy, "copy B[*] -> B[*] signal M[%n :+ 1] async bulk"},
    {TC_OP_copy, "copy B[*] -> B[*] safe 1.0 signal M[2 :+ 1] async"},
    {TC_OP_copy, "copy B[*] -> B[*] signal M[2 :+ 1] via A[*] async tma"},
    {TC_OP_copy, "copy B[*] -> B[*] via A[*] stage"},
    {TC_OP_fill, "fill B[3 :+ 4] = 0.25"},
    {TC_OP_gemm, "gemm A[*], A[*] -> A[*]"},
    {TC_OP_gemm, "gemm A[*], A[*] -> A[*] async"},
    {TC_OP_gemm, "gemm A[*], A[*] -> A[*] clear_if %c trans_a trans_b clear full_col k_pack -3"},
    {TC_OP_reduce, "reduce bitxor A[*] -> B[*] dim 1 clear nan_propagate"},
    {TC_OP_scan, "scan sum B[*] -> B[*] dim 0 reverse"},
    {TC_OP_transpose, "transpose A[*] -> A[*]"},
    {TC_OP_im2col, "im2col T[*] -> A[*] at %n, 1 kernel 3 stride 2 dilation 1 pad 0"},
    {TC_OP_atomic_tile, "atomic_tile add B[*], B[0 :+ 4] inside in_bounds"},
    {TC_OP_ring, "ring S (A, B) depth 3"},
    {TC_OP_ring_acquire, "ring_acquire R"},
    {TC_OP_ring_commit, "ring_commit R"},
    {TC_OP_ring_wait, "ring_wait R"},
    {TC_OP_ring_release, "ring_release R"},
    {TC_OP_ring_release, "ring_release R lag 1"},
    {TC_OP_ring_skip, "ring_skip R %n / 4"},
    {TC_OP_barrier, "barrier"},
    {TC_OP_barrier, "barrier id 4 count 128 cluster"},
    {TC_OP_barrier, "barrier id 4 count 128 arrive"},
    {TC_OP_barrier, "barrier warp"},
    {TC_OP_barrier, "barrier because \"A written at line 3\" id 2 count 64"},
    {TC_OP_prim, "prim sync_block()"},
    {TC_OP_prim, "prim sync_named(1, 128)"},
    {TC_OP_prim, "prim cp_async_wait() n 2 trans_b"},
    {TC_OP_prim, "prim mbarrier_wait(M[%n :+ 1], 0:uint32)"},
    {TC_OP_lockstep, "lockstep 12"},
    {TC_OP_assert, "assert 0 < %n, \"n > 0, \\\"always\\\"\\n\""},
    {TC_OP_assume, "assume %n % 4 == 0"},
    {TC_OP_print, "print \"x = \", %n, 1.5 buffer A"},
    {TC_OP_print, "print \"\""},
    {TC_OP_eval, "eval %n"},
    {TC_OP_hint, "hint layout buffer A \"rows\" number -9223372036854775808"},
    {TC_OP_hint, "hint no_restrict \"\""},
};

static const char *in_frame(struct text_kit *k, const char *line) {
  return tc_format(&k->arena, "%s  %s\n}\n", HEAD, line);
}

static void every_statement(struct text_kit *k) {
  bool seen[TC_OP_COUNT] = {0};
  for (size_t i = 0; i < TC_COUNT(LINES); i++) {
    const char *line = LINES[i].line;
    const char *text = in_frame(k, line);
    tc_ir *ir = text_parse(k, text);
    seen[LINES[i].op] = true;
    if (!text_check(k, ir != NULL, line)) {
      printf("%s", text_diags(k));
      continue;
    }
    const tc_block *body = tc_block_at(ir, ir->body);
    text_check(k, tc_op_at(ir, body->ops.at[1])->opcode == LINES[i].op, "another op was read");
    text_equal(k, line, text_print(k, ir), text);
  }
  for (int op = 1; op < TC_OP_COUNT; op++) {
    bool stmt = tc_op_row((enum tc_opcode)op)->class_ == TC_CLASS_STMT;
    text_check(k, seen[op] == stmt, tc_op_row((enum tc_opcode)op)->name);
    text_check(k, (tc_form_of((enum tc_opcode)op).text != NULL) == stmt, "a form per statement");
  }
}

/* ---- every payload field, with every value its text can hold ---- */

static const char *line_with_payload(enum tc_payload_kind kind) {
  for (size_t i = 0; i < TC_COUNT(LINES); i++)
    if (tc_op_row(LINES[i].op)->payload == kind && LINES[i].op != TC_OP_atomic_tile)
      return LINES[i].line;
  return NULL;
}

static void try_attr(struct text_kit *k, const tc_attr *a, int64_t x) {
  const char *what = tc_format(&k->arena, "%s = %" PRId64, a->word, x);
  tc_ir *ir = text_must_parse(k, in_frame(k, line_with_payload(a->payload)));
  const tc_op *op = tc_op_at(ir, tc_block_at(ir, ir->body)->ops.at[1]);
  text_check(k, tc_attr_set(a, tc_payload_at(ir, a->payload, op->payload), x), what);
  /* A compare-and-swap has one operand more. */
  if (a->payload == TC_PL_ATOMIC && a->list == TC_WORDS_atomic && x == TC_ATOMIC_CAS) return;
  const char *text = text_print(k, ir);
  tc_ir *again = text_parse(k, text);
  if (!text_check(k, again != NULL, what)) {
    printf("%s%s", text, text_diags(k));
    return;
  }
  op = tc_op_at(again, tc_block_at(again, again->body)->ops.at[1]);
  int64_t saw = tc_attr_get(a, tc_payload_at(again, a->payload, op->payload));
  text_check(k, saw == x, what);
  text_equal(k, what, text_print(k, again), text);
}

static void every_attribute(struct text_kit *k) {
  uint32_t n;
  const tc_attr *attrs = tc_attrs(&n);
  for (uint32_t i = 0; i < n; i++) {
    const tc_attr *a = &attrs[i];
    if (!text_check(k, line_with_payload(a->payload) != NULL, "no line with this payload"))
      continue;
    if (a->kind == TC_ATTR_WORD) {
      for (int64_t x = 0; tc_word((enum tc_words)a->list, x); x++)
        try_attr(k, a, x);
    } else if (a->kind == TC_ATTR_INT) {
      int64_t hi = a->size_b == 8 ? INT64_MAX : a->is_signed ? INT32_MAX : UINT32_MAX;
      if (a->size_b == 1) hi = UINT8_MAX;
      const int64_t odd[] = {0, 1, 7, hi, a->is_signed ? -hi - 1 : 0, a->is_signed ? -1 : 2};
      for (size_t j = 0; j < TC_COUNT(odd); j++)
        try_attr(k, a, odd[j]);
    } else {
      try_attr(k, a, 0);
      try_attr(k, a, 1);
    }
  }
}

/* Words that set a field must say which one: unique within a payload. */
static void words_are_unique(struct text_kit *k) {
  uint32_t n;
  const tc_attr *attrs = tc_attrs(&n);
  for (uint32_t i = 0; i < n; i++)
    for (uint32_t j = 0; j < i; j++) {
      if (attrs[i].payload != attrs[j].payload) continue;
      bool words = attrs[i].kind == TC_ATTR_WORD && attrs[j].kind == TC_ATTR_WORD;
      int64_t x;
      for (int64_t w = 0; words && tc_word((enum tc_words)attrs[i].list, w); w++)
        text_check(k,
                   !tc_word_find((enum tc_words)attrs[j].list,
                                 tc_str_of(tc_word((enum tc_words)attrs[i].list, w)), &x),
                   "a word is in two lists of one payload");
      text_check(k, strcmp(attrs[i].word, attrs[j].word) != 0, attrs[i].word);
    }
  /* Calls: functions, ops and types share one name space. */
  enum tc_dtype dtype;
  for (int fn = 0; fn < TC_MATH_COUNT; fn++) {
    tc_str name = tc_str_of(tc_math_row((enum tc_mathfn)fn)->name);
    text_check(k, !tc_dtype_find(name, &dtype), name.at);
    for (int op = 1; op < TC_OP_COUNT; op++)
      text_check(k, !tc_str_is(name, tc_op_row((enum tc_opcode)op)->name), name.at);
  }
}

/* ---- constants ---- */

static void try_number(struct text_kit *k, tc_type type, tc_imm x) {
  tc_ir *ir = tc_ir_new(&k->arena, k->diags, k->names);
  tc_value v = tc_is_float(type) ? tc_const_float(ir, type, x.f) : tc_const_int(ir, type, x.i);
  tc_stmt(ir, ir->body, TC_OP_eval, tc_scalar_type(TC_DT_void), &v, 1, 0, nowhere);
  const char *text = text_print(k, ir);
  tc_ir *again = text_parse(k, text);
  if (!text_check(k, again != NULL, text)) return;
  tc_value w = tc_input(again, tc_op_at(again, tc_block_at(again, again->body)->ops.at[0]), 0);
  const tc_op *a = tc_op_at(ir, v), *b = tc_op_at(again, w);
  bool same = b->opcode == TC_OP_const && tc_type_equal(a->type, b->type)
              && tc_imm_equal((tc_type){type.dtype, 0, 1}, ir->imms.at[a->payload],
                              again->imms.at[b->payload]);
  text_check(k, same, text);
}

static void every_constant(struct text_kit *k) {
  const double floats[] = {0.0,         -0.0,
                           1.0,         -1.5,
                           0.1,         1e-5,
                           123456789.0, 1e15,
                           1e16,        1e300,
                           5e-324,      448.0,
                           65504.0,     0.3333333,
                           2.5e-45,     3e38,
                           1.0e-4,      99999.5,
                           1.0 / 3,     1e22,
                           1e23,        9007199254740993.0,
                           INFINITY,    -INFINITY,
                           NAN};
  const int64_t ints[] = {0,     1,         -1,        127,        128,       -128,     255,
                          65535, INT32_MIN, INT32_MAX, UINT32_MAX, INT64_MIN, INT64_MAX};
  for (int d = TC_DT_bool; d < TC_DT_slice; d++)
    for (uint16_t lanes = 1; lanes <= 4; lanes = (uint16_t)(lanes + 3)) {
      tc_type type = {(uint8_t)d, 0, lanes};
      for (size_t i = 0; tc_is_float(type) && i < TC_COUNT(floats); i++)
        try_number(k, type, (tc_imm){.f = floats[i]});
      for (size_t i = 0; !tc_is_float(type) && i < TC_COUNT(ints); i++)
        try_number(k, type, (tc_imm){.i = ints[i]});
    }
  uint64_t seed = 7;
  for (int i = 0; i < 20000; i++) {
    uint64_t bits = (uint64_t)text_random(&seed, UINT32_MAX) << 32 | text_random(&seed, UINT32_MAX);
    tc_type type = tc_scalar_type(i % 2 ? TC_DT_float64 : TC_DT_float32);
    char text[TC_NUMBER_MAX];
    tc_imm x = tc_imm_from_bits(type, i % 2 ? bits : bits >> 32);
    tc_number_print(text, type, x);
    if (isnan(x.f) || isinf(x.f)) continue;
    double back = 0;
    bool ok = tc_number_parse(tc_str_of(text + (text[0] == '-')), &back);
    back = text[0] == '-' ? -back : back;
    if (!ok || !tc_imm_equal(type, tc_imm_float(type, back), x)) text_check(k, false, text);
  }
  k->n_passed++;
}

static void numbers_ignore_the_locale(struct text_kit *k) {
  char text[TC_NUMBER_MAX];
  double x = 0;
  const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "C"};
  size_t i = 0;
  while (!setlocale(LC_NUMERIC, names[i]))
    i++;
  tc_number_print(text, tc_scalar_type(TC_DT_float64), (tc_imm){.f = 1234.5678});
  bool ok = tc_number_parse(TC_STR("1234.5678"), &x);
  setlocale(LC_NUMERIC, "C");
  text_equal(k, "a point in every locale", text, "1234.5678");
  text_check(k, ok && x == 1234.5678, "1234.5678 in every locale");
}

/* ---- structure ---- */

/* The same function, its values made in another order. */
static tc_ir *make_sum(struct text_kit *k, bool reversed) {
  tc_ir *ir = tc_ir_new(&k->arena, k->diags, k->names);
  tc_type i32 = tc_scalar_type(TC_DT_int32);
  tc_var n = tc_var_new(ir, "n", TC_VAR_DIM, i32, nowhere);
  tc_var m = tc_var_new(ir, "m", TC_VAR_DIM, i32, nowhere);
  tc_value v[6];
  for (int step = 0; step < 2; step++) {
    int part = reversed ? 1 - step : step;
    tc_value a = tc_var_value(ir, part ? m : n);
    v[part] = tc_binary(ir, TC_OP_mul, a, tc_i32(ir, part + 3));
    v[2 + part] = tc_unary(ir, TC_OP_abs, tc_binary(ir, TC_OP_floormod, a, tc_i32(ir, 5)));
  }
  v[4] = tc_binary(ir, TC_OP_add, v[0], v[1]);
  v[5] = tc_binary(ir, TC_OP_mul, tc_binary(ir, TC_OP_xor, v[2], v[3]), v[4]);
  tc_value eq = tc_binary(ir, TC_OP_eq, v[5], v[4]);
  tc_stmt(ir, ir->body, TC_OP_assume, tc_scalar_type(TC_DT_void), &eq, 1, 0, nowhere);
  return ir;
}

static void handles_do_not_show(struct text_kit *k) {
  const char *text = text_print(k, make_sum(k, false));
  text_equal(k, "order of construction", text_print(k, make_sum(k, true)), text);
  text_equal(k, "operands of + in one order", text,
             "tir 1 surface\nfunc @\"\" {\n  dim %n: int32\n  dim %m: int32\n"
             "  %0 = %n * 3 + %m * 4\n"
             "  assume (abs(%n % 5) ^ abs(%m % 5)) * %0 == %0\n}\n");
}

/* Each value uses the one before twice: as a tree it would have 2^100 nodes. */
static void text_is_never_exponential(struct text_kit *k) {
  tc_ir *ir = tc_ir_new(&k->arena, k->diags, k->names);
  tc_type i32 = tc_scalar_type(TC_DT_int32);
  tc_value v = tc_var_value(ir, tc_var_new(ir, "n", TC_VAR_DIM, i32, nowhere));
  for (int i = 0; i < 100; i++)
    v = tc_binary(ir, TC_OP_mul, v, tc_binary(ir, TC_OP_add, v, tc_i32(ir, i + 1)));
  tc_value shape[2] = {v, v};
  tc_buf b = tc_buf_new(ir, "B", i32, TC_SCOPE_global, 2, shape, nowhere);
  tc_alloc(ir, ir->body, b, nowhere);
  tc_value slice = tc_slice_whole(ir, b);
  tc_stmt(ir, ir->body, TC_OP_fill, tc_scalar_type(TC_DT_void), (tc_value[]){slice, tc_i32(ir, 0)},
          2, 0, nowhere);
  text_check(k, strlen(text_print(k, ir)) < 6000, "100 doublings fit in 6000 bytes");
  text_round_trip(k, "doublings", ir);
}

static void chains_are_long(struct text_kit *k) {
  tc_ir *ir = tc_ir_new(&k->arena, k->diags, k->names);
  tc_type f32 = tc_scalar_type(TC_DT_float32);
  tc_value x = tc_var_value(ir, tc_var_new(ir, "x", TC_VAR_SCALAR, f32, nowhere));
  tc_value a = x, b = tc_unary(ir, TC_OP_neg, x);
  for (int i = 0; i < 50000; i++) {
    a = tc_math(ir, TC_MATH_exp, &a, 1);
    b = tc_math(ir, TC_MATH_exp, &b, 1);
  }
  tc_value sum = tc_binary(ir, TC_OP_add, a, b);
  tc_stmt(ir, ir->body, TC_OP_eval, tc_scalar_type(TC_DT_void), &sum, 1, 0, nowhere);
  text_check(k, tc_verify(ir, TC_STATE_surface) == NULL, "a long chain is valid");
  const char *first = text_print(k, ir);
  tc_ir *again = text_parse(k, first);
  text_check(k, again && strcmp(text_print(k, again), first) == 0, "a chain of 50000 ops");
}

/* A value needed in one branch stays there; one needed in both comes before. */
static void values_stand_where_needed(struct text_kit *k) {
  const char *text = "tir 1 surface\n"
                     "func @f {\n"
                     "  dim %n: int32\n"
                     "  for %i = 0 to %n {\n"
                     "    %0 = %n * %i\n"
                     "    if %n == 4 {\n"
                     "      %1 = %i + 7\n"
                     "      eval %1 * %1 + %0\n"
                     "    } else {\n"
                     "      eval %0\n"
                     "    }\n"
                     "  }\n"
                     "}\n";
  text_equal(k, "places of names", text_print(k, text_must_parse(k, text)), text);
}

static void names_are_scoped(struct text_kit *k) {
  const char *text = "tir 1 surface\n"
                     "func @f {\n"
                     "  dim %n: int32\n"
                     "  for %i = 0 to %n {\n"
                     "    for %i = 0 to %i {\n"
                     "      eval %i\n"
                     "    }\n"
                     "    eval %i + 1\n"
                     "  }\n"
                     "  for %i = 0 to %n {\n"
                     "  }\n"
                     "}\n";
  tc_ir *ir = text_must_parse(k, text);
  text_check(k, tc_verify(ir, TC_STATE_surface) == NULL, "three variables named i");
  text_equal(k, "names get numbers", text_print(k, ir),
             "tir 1 surface\n"
             "func @f {\n"
             "  dim %n: int32\n"
             "  for %i = 0 to %n {\n"
             "    for %i.1 = 0 to %i {\n"
             "      eval %i.1\n"
             "    }\n"
             "    eval %i + 1\n"
             "  }\n"
             "  for %i.2 = 0 to %n {\n"
             "  }\n"
             "}\n");
}

/* Places can be shown; the reader skips them. */
static void comments_are_skipped(struct text_kit *k) {
  tc_ir *ir = text_must_parse(k, in_frame(k, "eval %n // why"));
  tc_sb with = tc_sb_in(&k->arena);
  tc_ir_print(ir, TC_PRINT_PLACES, &k->arena, &with);
  text_check(k, strstr(with.at, "eval %n  // t.tir:10\n") != NULL, with.at);
  text_equal(k, "places", text_print(k, text_must_parse(k, with.at)), text_print(k, ir));
}

/* ---- random functions ---- */

struct gen {
  tc_ir *ir;
  uint64_t seed;
  TC_VEC(tc_value) pool;
};

static uint32_t pick(struct gen *g, uint32_t below) {
  return text_random(&g->seed, below);
}

static tc_value any(struct gen *g, enum tc_dtype type) {
  for (uint32_t tries = 0; tries < 20; tries++) {
    tc_value v = g->pool.at[pick(g, g->pool.n)];
    if (tc_value_type(g->ir, v).dtype == type) return v;
  }
  if (type == TC_DT_float32) return tc_const_float(g->ir, tc_scalar_type(type), pick(g, 100) / 8.0);
  return tc_const_int(g->ir, tc_scalar_type(type), (int64_t)pick(g, 40) - 20);
}

static tc_value random_value(struct gen *g) {
  static const enum tc_dtype types[] = {TC_DT_int32, TC_DT_float32, TC_DT_int64, TC_DT_uint8};
  enum tc_dtype type = types[pick(g, TC_COUNT(types))];
  tc_value a = any(g, type), b = any(g, type), c = any(g, TC_DT_bool);
  bool is_float = type == TC_DT_float32;
  switch (pick(g, 8)) {
  case 0:
    return tc_binary(g->ir, (enum tc_opcode)(TC_OP_eq + pick(g, 4)), a, b);
  case 1:
    return tc_select(g->ir, c, a, b);
  case 2:
    return tc_cast(g->ir, a, tc_scalar_type(types[pick(g, TC_COUNT(types))]));
  case 3:
    return tc_binary(g->ir, (enum tc_opcode)(TC_OP_and + pick(g, 3)), c, any(g, TC_DT_bool));
  case 4:
    return tc_unary(g->ir, pick(g, 2) ? TC_OP_neg : TC_OP_abs, a);
  case 5:
    return tc_unary(g->ir, TC_OP_not, c);
  default:
    if (is_float)
      return tc_binary(g->ir, pick(g, 2) ? TC_OP_div : (enum tc_opcode)(TC_OP_add + pick(g, 3)), a,
                       b);
    return tc_binary(g->ir,
                     pick(g, 2) ? (enum tc_opcode)(TC_OP_floordiv + pick(g, 11))
                                : (enum tc_opcode)(TC_OP_add + pick(g, 3)),
                     a, b);
  }
}

static void random_region(struct gen *g, tc_region at, int depth) {
  uint32_t scope = g->pool.n;
  for (uint32_t n = 2 + pick(g, 5); n-- > 0;) {
    for (uint32_t i = pick(g, 8); i-- > 0;) {
      tc_value v = random_value(g);
      tc_vec_push(g->ir->arena, &g->pool, v);
    }
    uint32_t kind = depth > 4 ? 2 : pick(g, 3);
    if (kind == 0) {
      tc_loop loop = {
          .var = tc_var_new(g->ir, "i", TC_VAR_LOOP, tc_scalar_type(TC_DT_int32), nowhere)};
      tc_value f = tc_for(g->ir, at, loop, any(g, TC_DT_int32), any(g, TC_DT_int32),
                          tc_i32(g->ir, 1 + (int)pick(g, 3)), nowhere);
      tc_vec_push(g->ir->arena, &g->pool, tc_var_value(g->ir, loop.var));
      random_region(g, tc_child(g->ir, tc_op_at(g->ir, f), 0), depth + 1);
      g->pool.n = scope;
    } else if (kind == 1) {
      tc_value s = tc_if(g->ir, at, any(g, TC_DT_bool), nowhere);
      random_region(g, tc_child(g->ir, tc_op_at(g->ir, s), 0), depth + 1);
      random_region(g, tc_child(g->ir, tc_op_at(g->ir, s), 1), depth + 1);
    } else {
      tc_value v = g->pool.at[pick(g, g->pool.n)];
      tc_stmt(g->ir, at, TC_OP_eval, tc_scalar_type(TC_DT_void), &v, 1, 0, nowhere);
    }
  }
  g->pool.n = scope;
}

static void random_functions(struct text_kit *k) {
  static const enum tc_dtype types[] = {TC_DT_int32, TC_DT_float32, TC_DT_bool, TC_DT_uint8,
                                        TC_DT_int64};
  for (uint64_t seed = 1; seed <= 150; seed++) {
    struct gen g = {.ir = tc_ir_new(&k->arena, k->diags, k->names), .seed = seed};
    for (size_t i = 0; i < TC_COUNT(types); i++) {
      tc_var var = tc_var_new(g.ir, "v", TC_VAR_SCALAR, tc_scalar_type(types[i]), nowhere);
      tc_vec_push(&k->arena, &g.pool, tc_var_value(g.ir, var));
    }
    random_region(&g, g.ir->body, 0);
    const char *problem = tc_verify(g.ir, TC_STATE_surface);
    text_check(k, !problem, problem ? problem : "");
    if (!text_round_trip(k, "a random function", g.ir)) printf("seed %" PRIu64 "\n", seed);
  }
}

/* ---- malformed text ---- */

static const struct {
  const char *code, *line;
} BAD[] = {
    {"E0801", "eval"},
    {"E0801", "eval 1 2"},
    {"E0801", "eval (1"},
    {"E0801", "eval 1 +"},
    {"E0801", "store B[1] 2.0"},
    {"E0801", "if %c"},
    {"E0801", "copy A[*] B[*]"},
    {"E0801", "for i = 0 to 3 {\n  }"},
    {"E0806", "%1 = eval"},
    {"E0806", "load"},
    {"E0801", "copy A[0 :+ 1] -> B[*]"},
    {"E0801", "}\n}"},
    {"E0801", "dim %late: int32\n"},
    {"E0802", "eval 1 $ 2"},
    {"E0802", "assert %c, \"open"},
    {"E0802", "assert %c, \"\\q\""},
    {"E0802", "assert %c, \"\\x00\""},
    {"E0802", "kernel @ (1) {\n  }"},
    {"E0802", "eval 1e"},
    {"E0803", "eval %7"},
    {"E0803", "eval %nobody"},
    {"E0803", "%1 = load X[0]"},
    {"E0803", "ring_wait nobody"},
    {"E0803", "eval %n.1"},
    {"E0804", "alloc A: shared float32[4]"},
    {"E0804", "ring R () depth 1"},
    {"E0804", "barrier id 1 id 2"},
    {"E0805", "evaluate %n"},
    {"E0805", "eval sine(1.0)"},
    {"E0805", "alloc s: shared float33[4]"},
    {"E0805", "alloc s: everywhere float32[4]"},
    {"E0805", "barrier quickly"},
    {"E0806", "eval 1 + 1.0"},
    {"E0806", "eval %c + %c"},
    {"E0806", "eval 1:float32"},
    {"E0806", "eval 1.0:int32"},
    {"E0806", "eval true:int32"},
    {"E0806", "eval select(%n, 1, 2)"},
    {"E0806", "eval exp(%n)"},
    {"E0806", "eval popcount(1.0)"},
    {"E0806", "eval pack(1)"},
    {"E0806", "eval pack(1, 1.0)"},
    {"E0806", "eval lane(%n, 1)"},
    {"E0806", "eval reinterpret(%n, int64)"},
    {"E0806", "eval float32x2(%n)"},
    {"E0806", "eval -%c"},
    {"E0806", "eval ~1.0"},
    {"E0806", "copy A[1.0 :+ 1, 0 :+ 1] -> B[*]"},
    {"E0806", "load A[0, 0]"},
    {"E0806", "%1 = store B[0] = 1.0"},
    {"E0806", "%1: int32 = 4"},
    {"E0806", "for %i: float32 = 0.0 to 1.0 {\n  }"},
    {"E0807", "reduce sum A[*] -> B[*]"},
    {"E0807", "reduce A[*] -> B[*] dim 0"},
    {"E0807", "%1 = collective 1 width 4"},
    {"E0807", "async_wait pending 1"},
    {"E0807", "mbarrier M[0]"},
    {"E0804", "%1 = collective sum 1 width 4 width 8"},
    {"E0807", "group first 0 {\n  }"},
    {"E0807", "atomic cas B[0], 1.0"},
    {"E0807", "atomic add B[0], 1.0 expect 1.0"},
    {"E0807", "fence acquire"},
    {"E0808", "eval 4294967296"},
    {"E0808", "eval 256:uint8"},
    {"E0808", "eval -1:uint8"},
    {"E0808", "eval 99999999999999999999"},
    {"E0808", "eval 1.0e999"},
    {"E0808", "barrier id 99999999999"},
    {"E0808", "gemm A[*], A[*] -> A[*] k_pack 3000000000"},
    {"E0808", "lockstep -1"},
    {"E0808", "eval broadcast(1, 99999)"},
    {"E0809", "alloc s: shared int8[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]"},
};

static void expect_code(struct text_kit *k, const char *text, const char *code) {
  tc_ir *ir = text_parse(k, text);
  bool coded = !ir && k->diags->n_errors == 1
               && strcmp(tc_diag_row(k->diags->all.at[0].id)->code, code) == 0;
  if (text_check(k, coded, tc_format(&k->arena, "expected %s", code)))
    text_check(k, k->diags->all.at[0].span.id != 0, "a diagnostic without a place");
  else
    printf("--- in\n%s--- saw\n%s", text, text_diags(k));
}

static void malformed_text(struct text_kit *k) {
  for (size_t i = 0; i < TC_COUNT(BAD); i++)
    expect_code(k, in_frame(k, BAD[i].line), BAD[i].code);
  expect_code(k, "", "E0801");
  expect_code(k, "tir 2 tile\nfunc @f {\n}\n", "E0810");
  expect_code(k, "tir 1 liquid\nfunc @f {\n}\n", "E0805");
  expect_code(k, "tir 1 tile\nfunc f {\n}\n", "E0801");
  expect_code(k, "tir 1 tile\nfunc @f {\n}\nfunc @g {\n}\n", "E0801");
  expect_code(k, "tir 1 tile\nfunc @f {\n  dim %n: int32\n  dim %n: int32\n}\n", "E0804");
  expect_code(k, "tir 1 tile\nfunc @f {\n  param %n\n}\n", "E0803");
  expect_code(k, "tir 1 tile\nfunc @f {\n  return A\n}\n", "E0803");
}

static char *repeat(struct text_kit *k, const char *head, const char *part, int n) {
  tc_sb sb = tc_sb_in(&k->arena);
  tc_sb_adds(&sb, head);
  while (n-- > 0)
    tc_sb_adds(&sb, part);
  return sb.at;
}

static void deep_text(struct text_kit *k) {
  expect_code(k, in_frame(k, repeat(k, "eval ", "(", 100000)), "E0809");
  expect_code(k, in_frame(k, repeat(k, "eval ", "-(", 100000)), "E0809");
  expect_code(k, in_frame(k, repeat(k, "eval ", "~ ~", 100000)), "E0809");
  expect_code(k, in_frame(k, repeat(k, "eval ", "abs(", 100000)), "E0809");
  expect_code(k, in_frame(k, repeat(k, "", "if %c {\n", 100000)), "E0809");
  expect_code(k, in_frame(k, repeat(k, "parallel (", "%i < 1,", 100)), "E0809");
  char *sum = repeat(k, "eval %n", " * %n", 20000);
  tc_ir *ir = text_must_parse(k, in_frame(k, sum));
  text_round_trip(k, "a long product", ir);
}

/* Whatever bytes are lost or changed, the answer is a function or a diagnostic. */
static void damaged_text(struct text_kit *k) {
  uint64_t seed = 3;
  const tc_arena_mark mark = tc_arena_here(&k->arena);
  for (size_t i = 0; i < TC_COUNT(LINES); i++) {
    char text[1024];
    snprintf(text, sizeof text, "%s  %s\n}\n", HEAD, LINES[i].line);
    uint32_t n = (uint32_t)strlen(text), first = (uint32_t)strlen(HEAD);
    for (uint32_t at = first; at < n; at++) {
      char old = text[at];
      text[at] = text_random(&seed, 2) ? "%(,[{=:\"0-"[text_random(&seed, 10)]
                                       : (char)text_random(&seed, 256);
      k->names = tc_names_new(&k->arena);
      k->diags = tc_diags_new(&k->arena, tc_source_new(&k->arena));
      tc_ir *ir = tc_ir_parse(&k->arena, k->diags, k->names, "t", (tc_str){text, n});
      if (ir && !tc_verify(ir, ir->state)) text_round_trip(k, "damaged but valid text", ir);
      if (!ir && !k->diags->n_errors) text_check(k, false, "no function and no diagnostic");
      text[at] = old;
      ir = tc_ir_parse(&k->arena, k->diags, k->names, "t", (tc_str){text, at});
      if (ir && at + 1 < n) text_check(k, false, "half a text is a function");
      tc_arena_rewind(&k->arena, mark);
    }
  }
  k->names = tc_names_new(&k->arena);
  k->n_passed++;
}

int main(void) {
  struct text_kit totals = {0};
  TEXT_CASE(&totals, every_statement);
  TEXT_CASE(&totals, every_attribute);
  TEXT_CASE(&totals, words_are_unique);
  TEXT_CASE(&totals, every_constant);
  TEXT_CASE(&totals, numbers_ignore_the_locale);
  TEXT_CASE(&totals, handles_do_not_show);
  TEXT_CASE(&totals, text_is_never_exponential);
  TEXT_CASE(&totals, chains_are_long);
  TEXT_CASE(&totals, values_stand_where_needed);
  TEXT_CASE(&totals, names_are_scoped);
  TEXT_CASE(&totals, comments_are_skipped);
  TEXT_CASE(&totals, random_functions);
  TEXT_CASE(&totals, malformed_text);
  TEXT_CASE(&totals, deep_text);
  TEXT_CASE(&totals, damaged_text);
  return text_report(&totals, "ir_text");
}
