#include "pass/choose.h"

#include "ir/walk.h"

static void take(const tc_choices *from, tc_choices *to) {
  for (int i = 0; i < TC_CHOICE_COUNT; i++)
    if (from->of[i].asked) to->of[i] = from->of[i];
}

static bool read_hint(tc_ir *ir, tc_value stmt, void *data) {
  tc_choices *out = data;
  if (!tc_is(ir, stmt, TC_OP_hint) || tc_hint_of(ir, stmt)->kind != TC_HINT_CONFIG)
    return !tc_is(ir, stmt, TC_OP_kernel);
  tc_choices asked = {.of = {{.asked = false}}};
  tc_str text = tc_str_of(ir->texts.at[tc_hint_of(ir, stmt)->text]);
  if (!tc_choices_parse(&asked, ir->diags, text, tc_op_at(ir, stmt)->span)) tc_diag_stop(ir->diags);
  take(&asked, out);
  return true;
}

tc_choices tc_choices_of(tc_ir *ir, const tc_pass_context *cx, tc_value kernel) {
  tc_choices out = {.of = {{.asked = false}}};
  tc_walk(ir, ir->body, read_hint, &out);
  tc_walk(ir, tc_child(ir, tc_op_at(ir, kernel), 0), read_hint, &out);
  take(&cx->options->choices, &out);
  return out;
}

bool tc_choice_is(const tc_choices *choices, enum tc_choice_name name, enum tc_choice_word word) {
  return choices->of[name].word == word;
}

void tc_choice_refuse(tc_ir *ir, tc_value kernel, const tc_choices *choices,
                      enum tc_choice_name name, const char *why) {
  const tc_choice *c = &choices->of[name];
  TC_DIAG(ir->diags, D_choice_refused, c->span.id ? c->span : tc_op_at(ir, kernel)->span,
          tc_choice_text(ir->arena, name, c), why);
}
