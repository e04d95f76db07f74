/* What the prover can do, case by case: a fact that must be proved beside a twin that must not be.
 * The twin must be refuted with a model under which it is indeed false, unless it depends on data.
 */
#include "text_kit.h"

#include "ir/scalar.h"
#include "prove/eval.h"
#include "prove/prove.h"

static const char HEAD[] = "tir 1 tile\n"
                           "func @f {\n"
                           "  dim %M: int32\n"
                           "  dim %N: int64\n"
                           "  scalar %n: int32\n"
                           "  scalar %w: int64\n"
                           "  scalar %b: uint8\n"
                           "  scalar %u: uint32\n"
                           "  scalar %q: uint64\n"
                           "  scalar %x: float32\n"
                           "  param D: global int32[64]\n";

static const struct {
  const char *nest;           /* what is around, one statement a line */
  const char *fact, *refuted; /* proved; not proved. `refuted` beginning with ? : without a model */
} CASES[] = {
    /* constants and ranges */
    {"for %i = 0 to 8 {", "%i < 8", "%i < 7"},
    {"for %i = 3 to 8 {", "3 <= %i", "4 <= %i"},
    {"for %i = 0 to 20 step 4 {", "%i % 4 == 0", "%i % 8 == 0"},
    {"for %i = 0 to 20 step 4 {", "%i <= 16", "%i <= 15"},
    {"for %i = 3 to 40 step 5 {", "%i % 5 == 3", "%i < 38"},
    {"for %i = 10 to 0 step -3 {", "1 <= %i", "2 <= %i"},
    {"for %i = 10 to 0 step -3 {", "%i <= 10", "%i != 4"},
    {"parallel (%i < 16, %j < 8) {", "%i * 8 + %j < 128", "%i * 8 + %j < 127"},
    {"kernel @k (%bx < 4, %by < 6) {", "%bx * 6 + %by <= 23", "%bx * 6 + %by <= 22"},
    {"", "0 <= %M", "1 <= %M"},
    {"", "int32(%b) <= 255", "int32(%b) <= 254"},
    {"", "popcount(%n) <= 32", "popcount(%n) <= 31"},

    /* divisions */
    {"for %i = 0 to 100 {", "%i / 4 * 4 + %i % 4 == %i", "%i / 4 * 4 + %i % 3 == %i"},
    {"", "%n / 4 * 4 + %n % 4 == %n", "%n / 4 * 4 + 3 == %n"},
    {"parallel (%x0 < 9, %y < 8) {", "(%x0 * 8 + %y) / 8 == %x0", "(%x0 * 8 + %y) / 7 == %x0"},
    {"parallel (%x0 < 9, %y < 8) {", "(%x0 * 8 + %y) % 8 == %y", "(%x0 * 8 + %y + 1) % 8 == %y"},
    {"parallel (%x0 < 1000000, %y < 8) {", "(%x0 * 8 + %y) / 8 == %x0", "(%x0 * 8 + %y) / 8 == %y"},
    {"for %i = 0 to 4096 {", "%i / 4 / 8 == %i / 32", "%i / 4 / 8 == %i / 31"},
    {"for %i = 0 to 4096 {", "%i % 32 % 8 == %i % 8", "%i % 32 % 8 == %i % 32"},
    {"for %i = 0 to 4096 {", "%i / 32 * 32 + %i / 8 % 4 * 8 + %i % 8 == %i",
     "%i / 32 * 32 + %i / 8 % 4 * 8 + %i % 4 == %i"},
    {"for %i = -9 to 100 {", "%i / 4 <= 24", "0 <= %i / 4"},
    {"for %i = -9 to 100 {", "-2 <= truncdiv(%i, 4)", "-1 <= truncdiv(%i, 4)"},
    {"for %i = -9 to 100 {", "truncmod(%i, 4) <= 3", "0 <= truncmod(%i, 4)"},
    {"for %i = 0 to 64 {", "%i >> 2 == %i / 4", "%i >> 2 == %i / 5"},
    {"for %i = 0 to 64 {", "%i & 7 == %i % 8", "%i & 7 == %i % 4"},
    {"for %i = 0 to 64 {", "%i << 3 == %i * 8", "%i << 3 == %i * 9"},
    {"for %i = 0 to 64 {", "(%i * 4 | 3) == %i * 4 + 3", "(%i * 4 | 4) == %i * 4 + 4"},
    {"", "0 <= %n & 63", "1 <= %n & 63"},
    {"", "%n % 128 < 128", "%n % 128 < 127"},
    {"", "%n >> 31 <= 0", "%n >> 31 < 0"},

    /* guards of tails, under assumptions */
    {"kernel @k (%bx < (%M + 127) / 128) {\nparallel (%i < 128) {\nif %bx * 128 + %i < %M {",
     "%bx * 128 + %i < %M", "%bx * 128 + %i < %M - 1"},
    {"kernel @k (%bx < (%M + 127) / 128) {\nparallel (%i < 128) {", "0 <= %bx * 128 + %i",
     "%bx * 128 + %i < %M"},
    {"assume %M % 128 == 0\nkernel @k (%bx < (%M + 127) / 128) {\nparallel (%i < 128) {",
     "%bx * 128 + %i < %M", "%bx * 128 + %i + 1 < %M"},
    {"assume %M % 256 == 0\nkernel @k (%bx < (%M + 127) / 128) {\nparallel (%i < 128) {",
     "%bx * 128 + %i < %M", "%bx * 128 + %i < %M - 1"},
    {"assume %M % 64 == 0\nkernel @k (%bx < (%M + 127) / 128) {\nparallel (%i < 64) {",
     "%bx * 128 + %i < %M", "%bx * 128 + %i + 1 < %M"},
    {"assume %M % 16 == 0\nkernel @k (%bx < (%M + 63) / 64) {\nparallel (%i < 16) {",
     "%bx * 64 + %i < %M", "%bx * 64 + %i < %M - 1"},
    {"assume %M % 64 == 0\nkernel @k (%bx < %M / 64) {", "%bx * 64 + 64 <= %M",
     "%bx * 64 + 65 <= %M"},
    {"kernel @k (%bx < %M / 64) {\nparallel (%i < 64) {", "%bx * 64 + %i < %M",
     "%bx * 64 + %i + 1 < %M"},
    {"kernel @k (%bx < (%M + 63) / 64) {", "%bx * 64 < %M", "%bx * 64 + 1 < %M"},
    {"kernel @k (%bx < (%M + 63) / 64) {", "1 <= %M", "2 <= %M"},
    {"assume %M <= 256\nkernel @k (%bx < (%M + 63) / 64) {", "%bx < 4", "%bx < 3"},
    {"assume %M <= 256\nassume 100 <= %M", "%M - 100 <= 156", "%M <= 255"},
    {"assume %M % 4 == 0", "(%M * 3 + 8) % 4 == 0", "(%M * 3 + 8) % 8 == 0"},
    {"assume %M == 96\nkernel @k (%bx < (%M + 31) / 32) {", "%bx <= 2", "%bx <= 1"},
    {"kernel @k (%bx < (%N + 127:int64) / 128:int64) {",
     "int64(%bx) < (%N + 127:int64) / 128:int64", "int64(%bx) * 128:int64 + 1:int64 < %N"},
    {"kernel @k (%bx < 9) {\nfor %k = 0 to min(32, %M - %bx * 32) {", "%bx * 32 + %k < %M",
     "%bx * 32 + %k + 1 < %M"},
    {"kernel @k (%bx < 9) {\nfor %k = 0 to min(32, %M - %bx * 32) {", "%k < 32", "%k < 31"},
    {"kernel @k (%bx < 9) {\nfor %k = 0 to (%bx + 1) * 2 {", "%k <= 17", "%k <= 16"},
    {"assume 0 <= %n\nfor %i = 0 to %n {\nfor %j = 0 to %i {", "%j < %n - 1", "%j < %n - 2"},
    {"for %i = 0 to %n {\nif %i != 0 {", "1 <= %i", "2 <= %i"},
    {"for %i = 0 to %n {\nif %i + 1 < %n {", "%i + 1 < %n", "%i + 2 < %n"},

    /* ifs, and, or, not, select */
    {"if (%n < 8) & (0 <= %n) {", "%n * 8 < 64", "%n * 8 < 56"},
    {"if ~((8 <= %n) | (%n < 0)) {", "%n * 8 < 64", "%n * 8 < 56"},
    {"if %n < 8 {\neval 0\n} else {", "8 <= %n", "9 <= %n"},
    {"for %i = 0 to 100 {\nif 20 <= %i {\ncontinue\n}", "%i < 20", "%i < 19"},
    {"for %i = 0 to 100 {\nif %i == 10 {\nbreak\n}", "%i != 10", "?%i < 15"},
    {"for %i = 0 to 100 {\nif 7 < %n {\nif %i == 10 {\ncontinue\n}\n}", "%i < 100", "?%i < 15"},
    {"for %i = 0 to 100 {\nif %i == 10 {\neval 0\n}", "%i < 100", "%i < 15"},
    {"for %i = 0 to 4 {\nif %i == 4 {", "%i < 5", "?%n < 5"},
    {"for %i = 0 to 4 {\nif (%i * 2 == 4) & (%i * 3 == 9) {", "%i < 4", "?%n < 4"},
    {"for %i = 0 to 100 {", "(%i < 50) | (50 <= %i)", "(%i < 50) | (51 <= %i)"},
    {"", "(%n < 50) | (50 <= %n)", "(%n < 50) | (51 <= %n)"},
    {"", "(%n < 50) != (50 <= %n)", "(%n < 50) != (51 <= %n)"},
    {"", "select(%n < 8, %n, 7) < 8", "select(%n < 8, %n, 8) < 8"},
    {"", "0 <= select(0 <= %n, %n, 0)", "0 <= select(0 <= %n, %n, -1)"},
    {"for %i = 0 to 10 {", "select(%i < 3, %i + 7, %i) <= 9", "select(%i < 3, %i + 7, %i) <= 8"},
    {"", "select(%n < 3, %n < 4, true)", "select(%n < 3, %n < 2, true)"},
    {"if %x < 1.0 {", "%x < 1.0", "?%x < 0.5"},
    {"%0 = load D[0]\nif %0 < 5 {", "%0 < 6", "?%0 < 4"},

    /* minimum and maximum */
    {"", "min(%n, 7) <= 7", "min(%n, 7) <= 6"},
    {"", "min(%n, %M) <= %M", "min(%n, %M) <= %M - 1"},
    {"", "%n <= max(%n, %M)", "%n < max(%n, %M)"},
    {"", "max(min(%n, 9), 2) <= 9", "max(min(%n, 9), 2) <= 8"},
    {"", "2 <= max(min(%n, 9), 2)", "3 <= max(min(%n, 9), 2)"},
    {"if %n < %M {", "%n + 0 == min(%n, %M)", "%M == min(%n, %M)"},
    {"for %i = 0 to 100 {", "min(%i + 8, 100) - %i <= 8", "min(%i + 8, 100) - %i <= 7"},
    {"for %i = 0 to 100 {", "1 <= min(%i + 8, 100) - %i", "2 <= min(%i + 8, 100) - %i"},
    {"if (abs(%n) < 5) & (0 <= %n) {", "%n < 5", "%n < 4"},
    {"if (abs(%n) < 5) & (%n <= 0) & (-100 <= %n) {", "-5 < %n", "-4 < %n"},
    {"if abs(%n) < 5 {", "abs(%n) <= 4", "-5 < %n"},

    /* conversions between widths */
    {"for %i = 0 to 100 {", "int64(%i) * 3:int64 == int64(%i * 3)",
     "int64(%i) * 3:int64 == int64(%i * 4)"},
    {"", "int64(%n) * 2:int64 <= 4294967294:int64", "int64(%n) * 2:int64 <= 4294967293:int64"},
    {"for %i = 0:int64 to 100:int64 {", "int32(%i) < 100", "int32(%i) < 99"},
    {"", "int64(int32(%b)) < 256:int64", "int64(int32(%b)) < 255:int64"},
    {"if %w < 100:int64 {", "(%w < 0:int64) | (int32(%w) < 100)", "?int32(%w) < 100"},
    {"for %i = 0 to 300 {", "int32(uint8(%i)) <= 255", "int32(uint8(%i)) == %i"},
    {"for %i = 0 to 200 {", "int32(uint8(%i)) == %i", "int32(int8(%i)) == %i"},

    /* nothing is proved by pretending that nothing overflows */
    {"if 0 <= %n {", "0 <= %n / 2 + 1", "0 <= %n + 1"},
    {"", "int64(%n) < int64(%n) + 1:int64", "%n < %n + 1"},
    {"for %i = 0 to 65536 {", "0 <= %i * 32767", "0 <= %i * 32769"},
    {"for %i = 2147483600 to 2147483647 {", "%i + 1 <= 2147483647", "2147483600 <= %i + 2"},
    {"", "abs(%n) <= 2147483647", "0 <= abs(%n)"},
    {"if -5 <= %n {", "-%n <= 5", "-5 <= -%n"},
    {"", "0:uint32 <= %u", "%u < %u + 1:uint32"},
    {"if %u < 10:uint32 {", "%u * 2:uint32 < 19:uint32", "%u * 2:uint32 < 18:uint32"},
    {"if 10:uint32 <= %u {", "0:uint32 < %u - 9:uint32", "1:uint32 < %u - 9:uint32"},
    {"assume 1 <= %M", "0 < (%M - 1) / 2 + 1", "(%M + 127) / 128 * 128 < 2147483520"},

    {"kernel @k (%bx < 65536) {", "int64(%bx) * 32767:int64 == int64(%bx * 32767)",
     "int64(%bx) * 65536:int64 == int64(%bx * 65536)"},

    /* products of unknowns; modulo 2^32 an equation needs no bounds */
    {"", "(%n + 3) * %M == %M * %n + %M * 3", "(%n + 3) * %M == %M * %n + %M * 2"},
    {"", "(%n - %M) * (%n + %M) == %n * %n - %M * %M",
     "(%n - %M) * (%n + %M) == %n * %n + %M * %M"},
    {"", "%n * 65536 * 65536 == %M * 65536 * 65536", "%n * 65536 * 256 == %M * 65536 * 256"},
    {"", "%n * %M + 1 != %M * %n", "%n * %M + 1 != %M * 2"},
    {"", "%u * 3:uint32 - %u == %u << 1:uint32", "%u * 3:uint32 - %u == %u << 2:uint32"},
    {"", "int32(int64(%n) * %w) == %n * int32(%w)", "int64(%n * 2) == int64(%n) * 2:int64"},
    {"parallel (%i < %M, %j < %n) {", "int64(%i) * int64(%n) + int64(%j) < int64(%M) * int64(%n)",
     "int64(%i) * int64(%n) + int64(%j) + 1:int64 < int64(%M) * int64(%n)"},
    {"if 0 <= %n {\nparallel (%i < %M, %j < %n) {",
     "int64(%i) * int64(%n) + int64(%j) < int64(%M) * int64(%n)", "%i * %n + %j < %M * %n"},
    {"if (0 <= %n) & (int64(%M) * int64(%n) <= 2147483647:int64) {\nparallel (%i < %M, %j < %n) {",
     "int64(%M * %n) == int64(%n) * int64(%M)", "%i * %n + %j < %M * %n - 1"},

    /* uint64 that int64 may not hold */
    {"if %q < 16:uint64 {", "%q / 4:uint64 < 4:uint64", "%q / 4:uint64 < 3:uint64"},

    /* bits */
    {"parallel (%i < 32, %j < 8) {", "(%j ^ %i % 8) < 8", "(%j ^ %i % 16) < 8"},
    {"parallel (%i < 32, %j < 8) {", "((%j ^ %i) ^ %i) == %j", "((%j ^ %i) ^ %i % 16) == %j"},
    {"for %i = 0 to 64 {", "%i * 2 + 1 != %i / 2 * 2", "%i * 2 + 1 != %i / 2 * 2 + 1"},
    {"", "%n * 4 != %M * 2 + 1", "%n * 4 != %M * 2 + 2"},
    {"if (0 <= %n) & (%n < 99) & (%M < 99) {", "%n * 6 != %M * 3 + 1", "%n * 6 != %M * 3 + 3"},
};

/* The innermost region of the text holds one assert: the fact asked about. */
struct query {
  struct text_kit *k;
  tc_ir *ir;
  enum tc_proof saw;
  bool asked, model_is_right;
};

static tc_cell value_at(const struct query *q, tc_value v, const tc_model *model) {
  tc_eval *e = tc_eval_new(q->ir, &q->k->arena, model->var, model->n, &v, 1, 0);
  for (uint32_t i = 0; i < model->n; i++)
    tc_eval_set(e, i, model->x[i]);
  for (uint32_t level = 0; level <= model->n; level++)
    tc_eval_run(e, level);
  return tc_eval_root(e, 0);
}

/* The fact is false, and no condition in force is. */
static bool is_right(const struct query *q, tc_prover *p, tc_value fact, const tc_model *model) {
  tc_values conditions = {0};
  tc_prove_conditions(p, &q->k->arena, &conditions);
  for (uint32_t i = 0; i < conditions.n; i++) {
    tc_cell c = value_at(q, conditions.at[i], model);
    if (c.state == TC_CELL_KNOWN && !c.x.i) return false;
  }
  tc_cell c = value_at(q, fact, model);
  return c.state == TC_CELL_KNOWN && !c.x.i;
}

static bool ask(tc_prover *p, tc_value stmt, void *data) {
  struct query *q = data;
  if (tc_op_at(q->ir, stmt)->opcode != TC_OP_assert) return true;
  tc_value fact = tc_input(q->ir, tc_op_at(q->ir, stmt), 0);
  tc_model model;
  q->asked = true;
  q->saw = tc_prove(p, TC_PROVE_facts, fact, &model);
  q->model_is_right = q->saw == TC_REFUTED && is_right(q, p, fact, &model);
  return true;
}

static struct query question(struct text_kit *k, const char *nest, const char *fact,
                             const tc_prove_options *options) {
  tc_sb text = tc_sb_in(&k->arena);
  tc_sb_printf(&text, "%s%s\nassert %s, \"\"\n", HEAD, nest, fact);
  for (const char *c = nest; *c; c++) {
    if (*c == '{') tc_sb_adds(&text, "}\n");
    if (*c == '}') text.n -= 2;
  }
  tc_sb_adds(&text, "}\n");
  struct query q = {.k = k, .ir = text_must_parse(k, text.at)};
  tc_prover *p = tc_prover_new(q.ir, options, NULL, &k->arena);
  tc_prove_walk(p, q.ir->body, ask, &q);
  return q;
}

static const char *verdict_name(enum tc_proof v) {
  return v == TC_PROVED ? "proved" : v == TC_REFUTED ? "refuted" : "unknown";
}

static void provable_and_not(struct text_kit *k) {
  const tc_prove_options facts_only = {.layers_off = UINT32_C(1) << TC_LAYER_finite};
  for (size_t i = 0; i < TC_COUNT(CASES); i++) {
    const char *twin = CASES[i].refuted;
    bool with_model = *twin != '?';
    struct query q = question(k, CASES[i].nest, CASES[i].fact, &facts_only);
    if (q.saw != TC_PROVED) q = question(k, CASES[i].nest, CASES[i].fact, NULL);
    text_check(
        k, q.asked && q.saw == TC_PROVED,
        tc_format(&k->arena, "%s\n  %s: %s", CASES[i].nest, CASES[i].fact, verdict_name(q.saw)));
    q = question(k, CASES[i].nest, twin + !with_model, NULL);
    text_check(k, q.saw == (with_model ? TC_REFUTED : TC_UNKNOWN) && q.model_is_right == with_model,
               tc_format(&k->arena, "%s\n  %s: %s%s", CASES[i].nest, twin, verdict_name(q.saw),
                         q.saw == TC_REFUTED && !q.model_is_right ? ", wrong model" : ""));
    q = question(k, CASES[i].nest, twin + !with_model, &facts_only);
    text_check(k, q.saw == TC_UNKNOWN, tc_format(&k->arena, "%s, without evaluation", twin));
  }
}

int main(void) {
  struct text_kit totals = {0};
  TEXT_CASE(&totals, provable_and_not);
  return text_report(&totals, "prove_facts");
}
