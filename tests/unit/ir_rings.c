/* Rings on the interpreter: what each step waits for, and what it refuses. */
#include "unit/ir_kit.h"

#include "ir/parse.h"

/* A ring r of two versions of S, and a baton, in a kernel of 256 threads with these statements. */
static void rings_are(struct kit *k, const char *body) {
  static int64_t sink[64];
  tc_diags *diags = tc_diags_new(&k->arena, tc_source_new(&k->arena));
  const char *text = tc_format(&k->arena,
                               "tir 1 scheduled\n"
                               "func @f {\n"
                               "  param X: global int64[64]\n"
                               "  kernel @main (%%b < 1) threads(256) {\n"
                               "    alloc S: shared int64[4]\n"
                               "    ring r (S) depth 2\n"
                               "    ring baton () depth 0\n"
                               "%s"
                               "  }\n"
                               "}\n",
                               body);
  k->ir = tc_ir_parse(&k->arena, diags, tc_names_new(&k->arena), "r.tir", tc_str_of(text));
  if (!k->ir) {
    kit_fail(k, "the text is not read");
    tc_sb out = tc_sb_in(&k->arena);
    tc_diags_render(diags, TC_DIAG_TEXT, &out);
    printf("%s\n", out.at);
    longjmp(k->unwind.at, TC_WHY_ERROR);
  }
  for (int i = 0; i < 64; i++)
    sink[i] = i;
  k->shapes[0][0] = 64;
  k->args[0].array = (tc_array){
      .data = sink, .elem = tc_scalar_type(TC_DT_int64), .rank = 1, .shape = k->shapes[0]};
}

static const int64_t *results(const struct kit *k) {
  return k->args[0].array.data;
}

/* Eight tiles go from one group to the other, two at a time at most. */
static void handed_over(struct kit *k) {
  rings_are(k, "group first 0 count 128 {\n"
               "  for %i = 0 to 8 {\n"
               "    ring_acquire r\n"
               "    copy X[%i * 4 :+ 4] inside -> S[*] inside async tma\n"
               "    ring_commit r\n"
               " \n}\n"
               "}\n"
               "group first 128 count 128 {\n"
               "  for %j = 0 to 8 {\n"
               "    ring_wait r\n"
               "    copy S[*] inside -> X[32 + %j * 4 :+ 4] inside\n"
               "    ring_release r\n"
               " \n}\n"
               "}\n");
  for (uint64_t seed = 0; seed < 4; seed++) {
    k->limits.seed = seed;
    kit_run_ok(k);
    for (int64_t i = 0; i < 32; i++)
      kit_check(k, results(k)[32 + i] == i, "each tile arrives once, in order");
  }
}

/* Two groups with every other tile each; the first to have the baton is the first group. */
static void taken_in_turn(struct kit *k) {
  rings_are(k, "group first 0 count 64 {\n"
               "  for %i = 0 to 4 {\nring_acquire r\n"
               "    copy X[%i * 4 :+ 4] inside -> S[*] inside async tma\n ring_commit r\n}\n"
               "}\n"
               "group first 64 count 64 {\n"
               "  for %j = 0 to 2 {\nring_wait baton\n ring_wait r\n"
               "    copy S[*] inside -> X[32 + %j * 8 :+ 4] inside\n"
               "    ring_release r\n ring_release baton\n ring_skip r 1\n}\n"
               "}\n"
               "group first 128 count 64 {\n"
               "  for %l = 0 to 2 {\nring_skip r 1\n ring_wait baton\n ring_wait r\n"
               "    copy S[*] inside -> X[36 + %l * 8 :+ 4] inside\n"
               "    ring_release r\n ring_release baton\n}\n"
               "}\n");
  for (uint64_t seed = 0; seed < 4; seed++) {
    k->limits.seed = seed;
    kit_run_ok(k);
    for (int64_t i = 0; i < 16; i++)
      kit_check(k, results(k)[32 + i] == i, "each group gets its own tiles");
  }
}

static void never_given_back(struct kit *k) {
  rings_are(k, "for %i = 0 to 3 {\nring_acquire r\n ring_commit r\n ring_wait r\n}\n");
  kit_run_error(k, "E0617", "ring 'r'");
}

static void never_filled(struct kit *k) {
  rings_are(k, "ring_wait r\n");
  kit_run_error(k, "E0617", "ring 'r'");
}

static void committed_twice(struct kit *k) {
  rings_are(k, "ring_acquire r\n ring_commit r\n ring_commit r\n");
  kit_run_error(k, "E0624", "no version was acquired");
}

static void acquired_twice(struct kit *k) {
  rings_are(k, "ring_acquire r\n ring_acquire r\n");
  kit_run_error(k, "E0624", "not full yet");
}

static void given_back_twice(struct kit *k) {
  rings_are(k, "ring_acquire r\n ring_commit r\n ring_wait r\n ring_release r\n ring_release r\n");
  kit_run_error(k, "E0624", "given back already");
}

static void given_back_out_of_order(struct kit *k) {
  rings_are(k, "ring_acquire r\n ring_commit r\n ring_acquire r\n ring_commit r\n"
               "ring_wait r\n ring_wait r\n ring_release r\n");
  kit_run_error(k, "E0624", "an earlier version");
}

static void read_before_wait(struct kit *k) {
  rings_are(k, "ring_acquire r\n ring_commit r\n copy S[*] inside -> X[0 :+ 4] inside\n"
               "ring_wait r\n ring_release r\n");
  kit_run_error(k, "E0624", "no version");
}

static void baton_of_another(struct kit *k) {
  rings_are(k, "group first 0 count 64 {\nring_wait baton\n ring_release baton\n}\n"
               "group first 64 count 64 {\nring_release baton\n ring_release baton\n}\n");
  kit_run_error(k, "E0624", "another group has it");
}

int main(void) {
  struct kit totals = {.name = "totals"};
  KIT_CASE(&totals, handed_over);
  KIT_CASE(&totals, taken_in_turn);
  KIT_CASE(&totals, never_given_back);
  KIT_CASE(&totals, never_filled);
  KIT_CASE(&totals, committed_twice);
  KIT_CASE(&totals, acquired_twice);
  KIT_CASE(&totals, given_back_twice);
  KIT_CASE(&totals, given_back_out_of_order);
  KIT_CASE(&totals, read_before_wait);
  KIT_CASE(&totals, baton_of_another);
  return kit_report(&totals, "ir_rings");
}
