/* Any bytes as a module: the entry is compiled, and the name bound last is evaluated, under small
 * limits. Whatever the bytes are, evaluation ends in a value or in a diagnostic. */
#include "lang/eval_private.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_b);

typedef struct session {
  tc_unwind unwind;
  tc_arena arena;
  tc_diags *diags;
  tc_lang *lang;
} session;

static void evaluate_last(tc_lang *lang, tc_str text) {
  tc_eval *ev = tc_lang_start(lang, NULL, 0);
  tc_module *module = tc_module_load(ev, "__main__", "f.py", text);
  tc_running top = {.module = module};
  tc_val value;
  ev->running = &top;
  if (!module->uses.n) return;
  if (tc_module_get(ev, module, module->uses.at[module->uses.n - 1].name, &value))
    tc_eval_repr(ev, value);
}

static void run(tc_str text, bool compile) {
  session *s = calloc(1, sizeof *s);
  if (!s) abort();
  tc_arena_init(&s->arena, &s->unwind, (size_t)256 << 20);
  int why = setjmp(s->unwind.at);
  if (why == 0) {
    s->diags = tc_diags_new(&s->arena, tc_source_new(&s->arena));
    s->lang = tc_lang_new(&s->arena, s->diags, tc_names_new(&s->arena));
    tc_lang_set_step_limit(s->lang, 20000);
    if (compile)
      tc_lang_compile(s->lang, "f.py", text, NULL, NULL, 0);
    else
      evaluate_last(s->lang, text);
  } else if (why == TC_WHY_BUG || (why == TC_WHY_ERROR && !s->diags->n_errors)) {
    fprintf(stderr, "unwound with %d: %s\n", why, s->unwind.text);
    abort();
  }
  tc_arena_free(&s->arena);
  free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_b) {
  tc_str text = {(const char *)data, (uint32_t)size_b};
  if (size_b > 1 << 16) return 0;
  run(text, false);
  run(text, true);
  return 0;
}
