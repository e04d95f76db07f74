/* Rings by value: schedules that no target asks for yet, taken to state placed and run by the
 * interpreter, which stops at reads of what is in flight and when nobody can go on. */
#include "text_kit.h"

#include "ir/interp.h"
#include "pass/pass.h"

enum { ROWS = 8, COLUMNS = 64, N = ROWS * COLUMNS };

static const char HEAD[] = "tir 1 scheduled\n"
                           "func @f {\n"
                           "  dim %n: int32\n"
                           "  param A: global int32[%n, 64]\n"
                           "  param C: global int32[%n, 64]\n"
                           "  kernel @main (%b < 1) threads(192) {\n"
                           "    alloc s: shared int32[64]\n";

/* Runs the passes and the result on A[i] = i; checks C[i] = i + 1 for the first `rows`. */
static void run(struct text_kit *k, const char *body, int64_t rows) {
  static const char *const PASSES[] = {"layout", "place", "sync"};
  static int32_t a[N], c[N];
  tc_sb text = tc_sb_in(&k->arena);
  tc_sb_printf(&text, "%s%s  }\n}\n", HEAD, body);
  tc_ir *ir = text_must_parse(k, text.at);
  tc_pass_options options = {.caps = UINT64_MAX};
  for (size_t i = 0; i < TC_COUNT(PASSES); i++)
    tc_pass_run(ir, tc_pass_find(tc_str_of(PASSES[i])), &options, NULL);
  text_check(k, ir->state == TC_STATE_placed, "the state is placed");
  text_round_trip(k, "placed text", ir);
  int64_t shape[2] = {rows, COLUMNS};
  tc_arg args[2];
  for (int32_t i = 0; i < N; i++)
    a[i] = i, c[i] = -1;
  for (int i = 0; i < 2; i++)
    args[i].array = (tc_array){.data = i ? c : a,
                               .elem = tc_scalar_type(TC_DT_int32),
                               .rank = 2,
                               .shape = shape,
                               .strides = NULL};
  tc_interp_limits limits = {.races = true};
  tc_interp_result result = tc_interp_run(ir, args, 2, &limits, NULL, NULL);
  if (!text_check(k, result.ok, "it runs")) printf("%s", text_diags(k));
  for (int32_t i = 0; i < N; i++)
    text_check(k, c[i] == (i < rows * COLUMNS ? i + 1 : -1), "an element");
}

/* Threads fill versions for other threads. */
static void handed_over(struct text_kit *k) {
  static const char BODY[] = "    ring r (s) depth 3\n"
                             "    group first 0 count 64 producer {\n"
                             "      for %i = 0 to %n {\n"
                             "        ring_acquire r\n"
                             "        copy A[%i :+ 1, 0 :+ 64] inside -> s[*] inside simt\n"
                             "        ring_commit r\n"
                             "      }\n"
                             "    }\n"
                             "    group first 64 count 128 consumer {\n"
                             "      for %j = 0 to %n {\n"
                             "        ring_wait r\n"
                             "        parallel (%x < 64) {\n"
                             "          %1 = load s[%x]\n"
                             "          store C[%j, %x] = %1 + 1 in_bounds\n"
                             "        }\n"
                             "        ring_release r\n"
                             "      }\n"
                             "    }\n";
  for (int64_t rows = 0; rows <= ROWS; rows++)
    run(k, BODY, rows);
}

/* The copy engine fills; a version is kept while the next one is waited for, and freed late. */
static void freed_late(struct text_kit *k) {
  run(k,
      "    ring r (s) depth 3\n"
      "    group first 0 count 64 producer {\n"
      "      for %i = 0 to %n {\n"
      "        ring_acquire r\n"
      "        if 0 < %n {\n"
      "          copy A[%i :+ 1, 0 :+ 64] inside -> s[*] inside async tma\n"
      "        }\n"
      "        ring_commit r\n"
      "      }\n"
      "    }\n"
      "    group first 64 count 128 consumer {\n"
      "      for %j = 0 to %n {\n"
      "        ring_wait r\n"
      "        if 0 < %j {\n"
      "          ring_release r lag 1\n"
      "        }\n"
      "        parallel (%x < 64) {\n"
      "          %1 = load s[%x]\n"
      "          store C[%j, %x] = %1 + 1 in_bounds\n"
      "        }\n"
      "      }\n"
      "      ring_release r\n"
      "    }\n",
      ROWS);
}

/* Two groups take every other version, one after the other. */
static void turns(struct text_kit *k) {
  tc_sb body = tc_sb_in(&k->arena);
  tc_sb_adds(&body, "    ring r (s) depth 3\n"
                    "    ring turn () depth 0\n"
                    "    group first 0 count 64 producer {\n"
                    "      group first 0 count 1 {\n"
                    "        for %i = 0 to %n {\n"
                    "          ring_acquire r\n"
                    "          copy A[%i :+ 1, 0 :+ 64] inside -> s[*] inside async tma\n"
                    "          ring_commit r\n"
                    "        }\n"
                    "      }\n"
                    "    }\n");
  for (int g = 0; g < 2; g++)
    tc_sb_printf(&body,
                 "    group first %d count 64 consumer {\n"
                 "      ring_skip r %d\n"
                 "      for %%j_%d = 0 to %%n / 2 {\n"
                 "        ring_wait turn\n"
                 "        ring_wait r\n"
                 "        parallel (%%x_%d < 64) {\n"
                 "          %%%d = load s[%%x_%d]\n"
                 "          store C[%%j_%d * 2 + %d, %%x_%d] = %%%d + 1 in_bounds\n"
                 "        }\n"
                 "        ring_release turn\n"
                 "        ring_release r\n"
                 "        ring_skip r 1\n"
                 "      }\n"
                 "    }\n",
                 64 + 64 * g, g, g, g, g + 1, g, g, g, g, g + 1);
  run(k, body.at, ROWS);
}

/* The same threads start copies some steps ahead. Short loops have fewer steps than the ring. */
static void ahead(struct text_kit *k) {
  static const char BODY[] = "    ring r (s) depth 4\n"
                             "    for %p = 0 to 3 {\n"
                             "      if %p < %n {\n"
                             "        ring_acquire r\n"
                             "        copy A[%p :+ 1, 0 :+ 64] -> s[*] inside async cp_async\n"
                             "        ring_commit r\n"
                             "      }\n"
                             "      async_commit cp\n"
                             "    }\n"
                             "    for %j = 0 to %n {\n"
                             "      ring_wait r\n"
                             "      if %j + 3 < %n {\n"
                             "        ring_acquire r\n"
                             "        copy A[%j + 3 :+ 1, 0 :+ 64] -> s[*] inside async cp_async\n"
                             "        ring_commit r\n"
                             "      }\n"
                             "      async_commit cp\n"
                             "      parallel (%x < 64) {\n"
                             "        %1 = load s[%x]\n"
                             "        store C[%j, %x] = %1 + 1 in_bounds\n"
                             "      }\n"
                             "      ring_release r\n"
                             "    }\n";
  for (int64_t rows = 0; rows <= ROWS; rows++)
    run(k, BODY, rows);
}

/* Code that does not see the step by which a version was taken. */
static void from_afar(struct text_kit *k) {
  run(k,
      "    ring r (s) depth 2\n"
      "    for %j = 0 to %n {\n"
      "      if 0 <= %j {\n"
      "        ring_acquire r\n"
      "      }\n"
      "      copy A[%j :+ 1, 0 :+ 64] -> s[*] inside async cp_async\n"
      "      ring_commit r\n"
      "      async_commit cp\n"
      "      if 0 <= %j {\n"
      "        ring_wait r\n"
      "      }\n"
      "      parallel (%x < 64) {\n"
      "        %1 = load s[%x]\n"
      "        store C[%j, %x] = %1 + 1 in_bounds\n"
      "      }\n"
      "      ring_release r\n"
      "    }\n",
      ROWS);
}

int main(void) {
  struct text_kit totals = {0};
  TEXT_CASE(&totals, handed_over);
  TEXT_CASE(&totals, freed_late);
  TEXT_CASE(&totals, turns);
  TEXT_CASE(&totals, ahead);
  TEXT_CASE(&totals, from_afar);
  return text_report(&totals, "pass_sync");
}
