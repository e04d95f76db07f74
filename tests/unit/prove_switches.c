/* Switches, budgets and counters of the prover; poison, counting and the helpers for emitters;
 * expressions of hostile shapes. */
#include "text_kit.h"

#include "ir/build.h"
#include "prove/prove.h"

/* ---- options ---- */

static void words(struct text_kit *k) {
  tc_prove_options o = {0};
  tc_str bad = {0};
  text_check(k, tc_prove_parse_switches(TC_STR(""), &o, &bad), "nothing");
  text_check(k, tc_prove_parse_switches(TC_STR(" deep, no-check;no-finite budget=77"), &o, &bad),
             "several words");
  text_check(k, o.deep && !o.off && o.budget == 77, "deep and budget");
  text_check(k, o.users_off == UINT32_C(1) << TC_PROVE_check, "one user");
  text_check(k, o.layers_off == UINT32_C(1) << TC_LAYER_finite, "one layer");
  text_check(k, tc_prove_parse_switches(TC_STR("OFF"), &o, &bad) && o.off, "off, any case");
  text_check(k, tc_prove_parse_switches(TC_STR("on"), &o, &bad) && !o.off, "on");
  o = (tc_prove_options){0};
  text_check(k, tc_prove_parse_switches(TC_STR("no-facts-pass"), &o, &bad), "facts, the pass");
  text_check(k, o.users_off == UINT32_C(1) << TC_PROVE_facts && !o.layers_off, "not the layer");
  text_check(k, tc_prove_parse_switches(TC_STR("no-facts"), &o, &bad), "facts, the layer");
  text_check(k, o.layers_off == UINT32_C(1) << TC_LAYER_facts, "the layer");
  static const char *const WRONG[] = {
      "no-",   "no-such", "budget=", "budget=x", "depe", "on,of", "budget=99999999999999999999999",
      "no-off"};
  for (size_t i = 0; i < TC_COUNT(WRONG); i++)
    text_check(k, !tc_prove_parse_switches(tc_str_of(WRONG[i]), &o, &bad) && bad.n, WRONG[i]);
  text_check(k, !tc_prove_parse_switches(TC_STR("deep,of,on"), &o, &bad) && tc_str_is(bad, "of"),
             "the word is named");
}

static void foreign_names(struct text_kit *k) {
  tc_prove_options o = {0};
  text_check(k, tc_prove_parse_z3(TC_STR("TILELANG_DISABLE_Z3"), TC_STR("1"), &o), "global");
  text_check(k, o.off && !o.layers_off && !o.users_off, "every answer is unknown");
  o = (tc_prove_options){0};
  text_check(k, tc_prove_parse_z3(TC_STR("TILELANG_DISABLE_Z3_FACTS"), TC_STR("ON"), &o), "a pass");
  text_check(k, o.users_off == 1u << TC_PROVE_facts && !o.layers_off, "its effect");
  o = (tc_prove_options){0};
  text_check(k, tc_prove_parse_z3(TC_STR("TILELANG_DISABLE_Z3"), TC_STR("0"), &o), "0 is no");
  text_check(k, !o.layers_off && !o.users_off && !o.off, "0 changes nothing");
  text_check(k, !tc_prove_parse_z3(TC_STR("TILELANG_DISABLE_Z3_X"), TC_STR("1"), &o), "no user");
  text_check(k, !tc_prove_parse_z3(TC_STR("TILELANG_DISABLE_Z"), TC_STR("1"), &o), "a prefix");
  text_check(k, !tc_prove_parse_z3(TC_STR("TILEC_PROVE"), TC_STR("1"), &o), "another variable");
}

/* ---- one fact under options ---- */

/* i ^ (i >> 1) takes every value once: nothing but evaluation shows it. */
static const char GRAY[] =
    "tir 1 tile\n"
    "func @f {\n"
    "  kernel @k (%bx < 4) {\n"
    "    for %i = 0 to 64 {\n"
    "      for %j = 0 to 64 {\n"
    "        assert ((%i ^ %i >> 1) != (%j ^ %j >> 1)) | (%i == %j), \"hard\"\n"
    "        assert %i + %j < 127, \"easy\"\n"
    "        assert (%i ^ %i >> 1) + (%j ^ %j >> 1) != 99, \"false\"\n"
    "      }\n"
    "    }\n"
    "  }\n"
    "}\n";

struct survey {
  tc_ir *ir;
  enum tc_proof hard, easy, wrong;
};

static bool look(tc_prover *p, tc_value stmt, void *data) {
  struct survey *s = data;
  if (tc_op_at(s->ir, stmt)->opcode != TC_OP_assert) return true;
  const char *name = tc_text_of(s->ir, stmt);
  enum tc_proof r = tc_prove(p, TC_PROVE_facts, tc_input(s->ir, tc_op_at(s->ir, stmt), 0), NULL);
  *(name[0] == 'h' ? &s->hard : name[0] == 'e' ? &s->easy : &s->wrong) = r;
  return true;
}

static struct survey survey_with(struct text_kit *k, const char *switches, tc_prove_stats *stats) {
  tc_prove_options o = {0};
  tc_str bad;
  struct survey s = {.ir = text_must_parse(k, GRAY)};
  text_check(k, tc_prove_parse_switches(tc_str_of(switches), &o, &bad), switches);
  tc_prover *p = tc_prover_new(s.ir, &o, stats, &k->arena);
  tc_prove_walk(p, s.ir->body, look, &s);
  return s;
}

static void switches_work(struct text_kit *k) {
  tc_prove_stats stats = {0};
  struct survey s = survey_with(k, "", &stats);
  text_check(k, s.hard == TC_PROVED && s.easy == TC_PROVED && s.wrong == TC_REFUTED, "all on");
  text_check(k, stats.by[TC_PROVE_facts][TC_LAYER_facts].proved == 1, "facts proved one");
  text_check(k, stats.by[TC_PROVE_facts][TC_LAYER_finite].asked == 2, "evaluation was asked twice");
  text_check(k, stats.by[TC_PROVE_facts][TC_LAYER_finite].proved == 1, "and proved one");
  text_check(k, stats.by[TC_PROVE_facts][TC_LAYER_finite].refuted == 1, "and refuted one");
  text_check(k, stats.by[TC_PROVE_check][TC_LAYER_facts].asked == 0, "check did not ask");
  text_check(k, stats.evaluations >= 64 * 64 && stats.exhausted == 0, "evaluations are counted");
  tc_prove_stats again = {0};
  survey_with(k, "", &again);
  text_check(k, memcmp(&stats, &again, sizeof stats) == 0, "the same again");
  s = survey_with(k, "no-finite", &stats);
  text_check(k, s.hard == TC_UNKNOWN && s.easy == TC_PROVED && s.wrong == TC_UNKNOWN, "no-finite");
  s = survey_with(k, "no-facts", &stats);
  text_check(k, s.hard == TC_PROVED && s.easy == TC_PROVED && s.wrong == TC_REFUTED, "no-facts");
  s = survey_with(k, "off", &stats);
  text_check(k, s.hard == TC_UNKNOWN && s.easy == TC_UNKNOWN && s.wrong == TC_UNKNOWN, "off");
  s = survey_with(k, "no-facts-pass", &stats);
  text_check(k, s.hard == TC_UNKNOWN && s.easy == TC_UNKNOWN, "the user is off");
  s = survey_with(k, "no-check", &stats);
  text_check(k, s.hard == TC_PROVED, "another user is off");
}

static void budgets_work(struct text_kit *k) {
  tc_prove_stats stats = {0};
  struct survey s = survey_with(k, "budget=3000", &stats);
  text_check(k, s.hard == TC_UNKNOWN, "3000 points are too few for 4096");
  text_check(k, s.easy == TC_PROVED, "facts need no points");
  text_check(k, stats.evaluations <= 3000, "the budget is kept");
  memset(&stats, 0, sizeof stats);
  s = survey_with(k, "budget=40000", &stats);
  text_check(k, s.hard == TC_PROVED && stats.evaluations <= 40000, "40000 are enough");
}

/* ---- poison and counting ---- */

static const char RISKS[] = "tir 1 tile\n"
                            "func @f {\n"
                            "  dim %M: int32\n"
                            "  for %i = 0 to 16 {\n"
                            "    eval 100 / (%i - 3)\n"
                            "    eval select(%i == 3, 0, 100 / (%i - 3))\n"
                            "    eval select(%i == 4, 0, 100 / (%i - 3))\n"
                            "    eval 1 << %i * 2\n"
                            "    eval 1 << %i * 3\n"
                            "    eval 7 % %M\n"
                            "    eval %i / (%i % 4 + 1)\n"
                            "  }\n"
                            "}\n";

struct risks {
  struct text_kit *k;
  tc_ir *ir;
  uint32_t n;
};

static bool look_at_risk(tc_prover *p, tc_value stmt, void *data) {
  struct risks *r = data;
  static const struct {
    enum tc_proof wanted;
    int64_t i;
  } WANTED[] = {{TC_REFUTED, 3},  {TC_PROVED, 0},  {TC_REFUTED, 3}, {TC_PROVED, 0},
                {TC_REFUTED, 11}, {TC_UNKNOWN, 0}, {TC_PROVED, 0}};
  if (tc_op_at(r->ir, stmt)->opcode != TC_OP_eval) return true;
  tc_model m;
  tc_value culprit, v = tc_input(r->ir, tc_op_at(r->ir, stmt), 0);
  enum tc_proof saw = tc_prove_defined(p, TC_PROVE_check, v, &m, &culprit);
  const char *what = tc_format(&r->k->arena, "risk %u", r->n);
  text_check(r->k, saw == WANTED[r->n].wanted, what);
  if (saw == TC_REFUTED) {
    text_check(r->k, m.n == 1 && m.x[0] == WANTED[r->n].i, what);
    text_check(r->k, !m.chosen, what);
    bool divides = tc_op_at(r->ir, culprit)->opcode == TC_OP_floordiv
                   || tc_op_at(r->ir, culprit)->opcode == TC_OP_floormod;
    text_check(r->k, divides || tc_op_at(r->ir, culprit)->opcode == TC_OP_shl, what);
  }
  r->n++;
  return true;
}

static void poison_is_found(struct text_kit *k) {
  struct risks r = {.k = k, .ir = text_must_parse(k, RISKS)};
  tc_prove_walk(tc_prover_new(r.ir, NULL, NULL, &k->arena), r.ir->body, look_at_risk, &r);
  text_check(k, r.n == 7, "all were looked at");
}

static void helpers(struct text_kit *k) {
  tc_ir *ir = tc_ir_new(&k->arena, k->diags, k->names);
  tc_type type = tc_scalar_type(TC_DT_int32);
  tc_prover *p = tc_prover_new(ir, NULL, NULL, &k->arena);
  tc_var i = tc_var_new(ir, "i", TC_VAR_LOOP, type, (tc_span){0});
  tc_value v = tc_var_value(ir, i), eight = tc_i32(ir, 8);
  tc_prove_push(p);
  tc_prove_bind(p, i, tc_i32(ir, 2), tc_i32(ir, 34));
  tc_value x = tc_binary(ir, TC_OP_add, tc_binary(ir, TC_OP_mul, v, eight), tc_i32(ir, 16));
  tc_interval r = tc_prove_interval(p, x);
  text_check(k, r.lo == 32 && r.hi == 280, "interval");
  text_check(k, tc_prove_multiple(p, x, 8) && tc_prove_multiple(p, x, 2), "multiple");
  text_check(k, !tc_prove_multiple(p, x, 16) && !tc_prove_multiple(p, v, 2), "no multiple");
  int64_t modulus, residue;
  tc_prove_residue(p, tc_binary(ir, TC_OP_add, x, tc_i32(ir, 3)), &modulus, &residue);
  text_check(k, modulus == 8 && residue == 3, "residue");
  tc_affine a = tc_prove_affine(p, x);
  text_check(k, a.n == 1 && a.leaf[0].id == v.id && a.by[0] == 8 && a.constant == 16,
             "linear form");
  uint64_t n;
  tc_value odd =
      tc_binary(ir, TC_OP_eq, tc_binary(ir, TC_OP_floormod, v, tc_i32(ir, 5)), tc_i32(ir, 1));
  text_check(k, tc_prove_count(p, TC_PROVE_check, odd, &n) && n == 6, "6, 11, 16, 21, 26, 31");
  tc_prove_pop(p);
  r = tc_prove_interval(p, v);
  text_check(k, r.lo == INT32_MIN && r.hi == INT32_MAX, "unbound again");
  text_check(k, !tc_prove_count(p, TC_PROVE_check, odd, &n), "too many to count");
}

/* ---- hostile shapes ---- */

static void hostile_expressions(struct text_kit *k) {
  tc_ir *ir = tc_ir_new(&k->arena, k->diags, k->names);
  tc_type type = tc_scalar_type(TC_DT_int32);
  tc_value n = tc_var_value(ir, tc_var_new(ir, "n", TC_VAR_SCALAR, type, (tc_span){0}));
  tc_prover *p = tc_prover_new(ir, NULL, NULL, &k->arena);
  tc_value chain = n, doubled = n, all = tc_binary(ir, TC_OP_lt, n, tc_i32(ir, 7));
  for (int i = 0; i < 50000; i++)
    chain = tc_binary(ir, TC_OP_xor, tc_binary(ir, TC_OP_add, chain, n), tc_i32(ir, i));
  for (int i = 0; i < 200; i++)
    doubled = tc_binary(ir, TC_OP_mul, doubled, tc_binary(ir, TC_OP_add, doubled, tc_i32(ir, i)));
  for (int i = 0; i < 50000; i++)
    all = tc_binary(ir, TC_OP_and, all, tc_binary(ir, TC_OP_lt, n, tc_i32(ir, 100 + i)));
  tc_model m;
  tc_value zero = tc_i32(ir, 0);
  text_check(k, tc_prove(p, TC_PROVE_facts, tc_binary(ir, TC_OP_lt, chain, zero), &m) != TC_PROVED,
             "a deep chain");
  text_check(k,
             tc_prove(p, TC_PROVE_facts, tc_binary(ir, TC_OP_lt, doubled, zero), &m) != TC_PROVED,
             "a shared chain");
  text_check(k, tc_prove(p, TC_PROVE_facts, all, &m) != TC_PROVED, "a long conjunction");
  tc_prove_push(p);
  tc_prove_assume(p, all);
  text_check(k, tc_prove(p, TC_PROVE_facts, all, NULL) == TC_PROVED, "assumed as a whole");
  tc_prove_pop(p);
  text_check(k, tc_prove(p, TC_PROVE_facts, all, NULL) != TC_PROVED, "forgotten");
}

int main(void) {
  struct text_kit totals = {0};
  TEXT_CASE(&totals, words);
  TEXT_CASE(&totals, foreign_names);
  TEXT_CASE(&totals, switches_work);
  TEXT_CASE(&totals, budgets_work);
  TEXT_CASE(&totals, poison_is_found);
  TEXT_CASE(&totals, helpers);
  TEXT_CASE(&totals, hostile_expressions);
  return text_report(&totals, "prove_switches");
}
