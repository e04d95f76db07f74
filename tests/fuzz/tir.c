/* IR text from bytes: whatever they are, reading ends in a function or in one diagnostic. A
 * function that is valid prints to text that reads back as the same text. */
#include "ir/parse.h"
#include "ir/print.h"
#include "ir/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_b);

static const size_t MEMORY_B = (size_t)256 << 20;

static tc_str print(tc_ir *ir, tc_arena *arena) {
  tc_sb out = tc_sb_in(arena);
  tc_ir_print(ir, 0, arena, &out);
  return tc_sb_str(&out);
}

static void fail(const char *what, tc_str first, tc_str second) {
  fprintf(stderr, "%s\n--- first\n%.*s--- second\n%.*s", what, TC_ARG_STR(first),
          TC_ARG_STR(second));
  abort();
}

static void try_text(tc_arena *arena, tc_str text) {
  tc_diags *diags = tc_diags_new(arena, tc_source_new(arena));
  tc_names *names = tc_names_new(arena);
  tc_ir *ir = tc_ir_parse(arena, diags, names, "fuzz.tir", text);
  if (!ir != (diags->n_errors == 1)) fail("no function and no diagnostic", text, TC_STR(""));
  if (ir && tc_verify_report(ir)) {
    tc_str first = print(ir, arena);
    tc_ir *again = tc_ir_parse(arena, diags, names, "again.tir", first);
    if (!again) fail("printed text does not read back", text, first);
    tc_str second = print(again, arena);
    if (!tc_str_equal(first, second)) fail("printed text changes", first, second);
    if (!tc_verify_report(again)) fail("a valid function is invalid when read back", text, first);
  }
  tc_sb out = tc_sb_in(arena);
  tc_diags_render(diags, TC_DIAG_TEXT, &out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_b) {
  if (size_b > 1u << 20) return 0;
  tc_unwind unwind;
  tc_arena arena;
  tc_arena_init(&arena, &unwind, MEMORY_B);
  int why = setjmp(unwind.at);
  if (why == 0) try_text(&arena, (tc_str){(const char *)data, (uint32_t)size_b});
  if (why == TC_WHY_BUG) {
    fprintf(stderr, "bug: %s\n", unwind.text);
    abort();
  }
  tc_arena_free(&arena);
  return 0;
}
