/* Any bytes through the lexer and parser, as a module, as an indented piece and as one expression.
 * What must hold: it ends, a tree comes back exactly when nothing was reported, no report goes
 * beyond the limit, the tree is as low as ast.h promises, and both can be printed. */
#include "lang/parse.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok, const char *what) {
  if (ok) return;
  fprintf(stderr, "fuzz_parse: %s\n", what);
  abort();
}

typedef struct measure {
  uint32_t height, tallest;
} measure;

static void climb(void *cx, const tc_ast *node) {
  measure *m = cx;
  uint32_t height = m->height;
  m->height = tc_ast_is_stmt(node) ? 0 : height + 1;
  if (m->height > m->tallest) m->tallest = m->height;
  tc_ast_each_child(node, climb, m);
  m->height = height;
}

enum entry { MODULE, INDENTED, EXPRESSION, N_ENTRIES };

static void run(tc_arena *arena, tc_str text, enum entry entry) {
  tc_source *source = tc_source_new(arena);
  tc_parse_cx cx = {arena, tc_names_new(arena), source, tc_diags_new(arena, source)};
  uint32_t at = tc_source_add(source, "fuzz.py", text, 1);
  const tc_ast *tree =
      entry == EXPRESSION
          ? tc_parse_expression(&cx, at)
          : tc_parse_module(&cx, at, entry == INDENTED ? TC_PARSE_INDENTED : TC_PARSE_WHOLE);
  require(!tree == (cx.diags->n_errors > 0), "a tree and errors, or neither");
  require(cx.diags->n_errors <= TC_DIAG_LIMIT, "too many reports");
  tc_sb out = tc_sb_in(arena);
  tc_diags_render(cx.diags, TC_DIAG_TEXT, &out);
  tc_diags_render(cx.diags, TC_DIAG_JSON, &out);
  if (!tree) return;
  measure m = {0};
  climb(&m, tree);
  require(m.tallest <= TC_AST_MAX_HEIGHT, "the tree is too high");
  tc_ast_print(tree, cx.names, &out);
}

static void run_guarded(tc_str text, enum entry entry) {
  tc_unwind unwind;
  tc_arena arena;
  tc_arena_init(&arena, &unwind, (size_t)1 << 30);
  int why = setjmp(unwind.at);
  if (!why) run(&arena, text, entry);
  tc_arena_free(&arena);
  require(why == 0, "unwound");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size > 1 << 20) return 0;
  for (int entry = 0; entry < N_ENTRIES; entry++)
    run_guarded((tc_str){(const char *)data, (uint32_t)size}, (enum entry)entry);
  return 0;
}
