/* Programs of another language: traces, evaluation outside of kernels, the vocabulary. */
#include "api/api_impl.h"
#include "lang/foreign.h"

bool tc_api_read_resolver(tilec_resolver *ours, const tilec_resolver *theirs) {
  return tc_api_read_struct(ours, sizeof *ours, theirs) && ours->run;
}

tilec_trace *tc_session_trace(tc_session *s, const tilec_resolver *resolver) {
  tilec_trace *t = TC_NEW(&s->arena, tilec_trace);
  t->resolver = *resolver;
  t->numbers = tc_map_in(&s->arena);
  s->trace = t;
  return t;
}

void tc_session_end_trace(tc_session *s) {
  if (s->trace) tc_foreign_end(s->trace);
  s->trace = NULL;
}

/* ---- from callbacks ---- */

tilec_status tilec_trace_do(tilec_trace *trace, tilec_op op, const tilec_value *args, size_t n_args,
                            tilec_value *result) {
  if (!trace || !result || (n_args && !args) || n_args > FOREIGN_MAX_ARGS) return TILEC_USAGE;
  *result = (tilec_value){0};
  if ((unsigned)op >= TILEC_OP_COUNT || op < TILEC_OP_ITEM || !trace->depth) return TILEC_USAGE;
  return tc_foreign_enter(trace, op, args, n_args, result);
}

const char *tilec_trace_text(const tilec_trace *trace) {
  const tc_diags *diags = trace ? trace->lang->eval.diags : NULL;
  if (!diags || !trace->failed) return "";
  if (trace->failed == TC_WHY_MEMORY) return "out of memory";
  for (uint32_t i = 0; i < diags->all.n; i++)
    if (tc_diag_row(diags->all.at[i].id)->severity == TC_ERROR) return diags->all.at[i].text;
  return "internal error";
}

/* ---- outside of kernels ---- */

typedef struct evaluation {
  const tilec_resolver *resolver;
  tilec_op op;
  const tilec_value *args;
  size_t n_args;
} evaluation;

static void evaluate(tc_session *s, void *data) {
  evaluation *e = data;
  tc_lang *lang = tc_lang_new(&s->arena, s->diags, s->names);
  tc_lang_device device = {.n_sms = (int64_t)tc_rt_cpu_count("")};
  s->gpu = tc_api_gpu_meant(s);
  if (s->gpu)
    device = (tc_lang_device){s->gpu->n_sms, s->gpu->cc / 10, s->gpu->cc % 10, s->gpu->name};
  tc_lang_set_device(lang, &device);
  tc_lang_set_step_limit(lang, tc_api_option_number(s->context, TC_OPTION_eval_steps));
  tc_lang_set_foreign(lang, tc_session_trace(s, e->resolver));
  tc_eval *ev = tc_lang_start(lang, NULL, 0);
  tc_running top = {.module = TC_NEW(&s->arena, tc_module)};
  ev->running = &top;
  tc_val *args = TC_NEW_ARRAY(&s->arena, e->n_args + 1, tc_val);
  for (size_t i = 0; i < e->n_args; i++)
    args[i] = tc_foreign_in(ev, &e->args[i]);
  tc_val result = tc_foreign_apply(ev, e->op, args, (uint32_t)e->n_args);
  tc_foreign_ask(ev, TILEC_OP_RESULT, &result, 1);
}

tilec_status tilec_evaluate(tilec_context *context, const tilec_resolver *resolver, tilec_op op,
                            const tilec_value *args, size_t n_args, tilec_error **error) {
  tilec_resolver ours;
  tc_session session;
  if (error) *error = NULL;
  if (!context || !resolver || (n_args && !args) || n_args > FOREIGN_MAX_ARGS)
    return tc_api_usage(error, context, "tilec_evaluate: NULL argument, or too many");
  if (!tc_api_read_resolver(&ours, resolver))
    return tc_api_usage(error, context, "tilec_resolver: size and run must be set");
  if ((unsigned)op >= TILEC_OP_COUNT || op < TILEC_OP_ITEM)
    return tc_api_usage(error, context, "tilec_evaluate: no operation on values");
  evaluation e = {&ours, op, args, n_args};
  tc_session_start(&session, context);
  tilec_status status = tc_api_guard(&session, evaluate, &e, error);
  tc_session_end(&session);
  return status;
}

/* ---- the vocabulary ---- */

size_t tilec_word_count(void) {
  return tc_lang_n_words();
}

tilec_status tilec_word_at(size_t i, tilec_word *out) {
  if (!out || i >= tc_lang_n_words()) return TILEC_USAGE;
  tc_lang_word w = tc_lang_word_at((uint32_t)i);
  tilec_word word = {.size = sizeof word,
                     .name = w.name,
                     .signature = w.signature,
                     .help = w.doc,
                     .missing = w.missing,
                     .anywhere = w.anywhere};
  return tc_api_write_struct(out, &word, sizeof word) ? TILEC_OK : TILEC_USAGE;
}
