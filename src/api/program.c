/* Programs: the source is kept and compiled anew for each use, in memory that ends with it. */
#include "api/api_impl.h"

#include "ir/parse.h"
#include "ir/print.h"
#include "ir/verify.h"
#include "lang/foreign.h"
#include "rt/os.h"
#include "target/cpu/cpu.h"
#include "target/cuda/cuda.h"

#include <errno.h>
#include <string.h>

static const int64_t MAX_SOURCE_B = INT64_C(64) << 20;

/* ---- reading ---- */

/* No descriptor is open while memory is asked for, because asking may unwind. */
static tc_str read_source(tc_session *s, const char *path) {
  int64_t size_b = tc_rt_file_size(path);
  if (size_b < 0)
    tc_session_stop(s, TILEC_ENVIRONMENT, "E0656", "cannot read %s: %s", path, strerror(errno));
  if (size_b > MAX_SOURCE_B)
    tc_session_stop(s, TILEC_ERROR, "E0656", "cannot read %s: it is larger than 64 MiB", path);
  char *text = tc_arena_alloc(&s->arena, (size_t)size_b + 1);
  int64_t n = tc_rt_file_read(path, text, (size_t)size_b);
  if (n < 0)
    tc_session_stop(s, TILEC_ENVIRONMENT, "E0656", "cannot read %s: %s", path, strerror(errno));
  text[n] = 0;
  return (tc_str){text, (uint32_t)n};
}

/* For `import` of a sibling file: missing is an answer, not an error. */
static tc_str read_sibling(void *data, tc_arena *arena, const char *path) {
  (void)data;
  int64_t size_b = tc_rt_file_size(path);
  if (size_b < 0 || size_b > MAX_SOURCE_B) return (tc_str){NULL, 0};
  char *text = tc_arena_alloc(arena, (size_t)size_b + 1);
  int64_t n = tc_rt_file_read(path, text, (size_t)size_b);
  return n < 0 ? (tc_str){NULL, 0} : (tc_str){text, (uint32_t)n};
}

static bool ends_with(const char *text, const char *end) {
  size_t n = strlen(text), k = strlen(end);
  return n >= k && strcmp(text + n - k, end) == 0;
}

static const char *copy_text(tc_session *s, const char *text) {
  return text ? tc_str_dup(&s->arena, tc_str_of(text)) : NULL;
}

static const tilec_define *copy_pairs(tc_session *s, const tilec_define *from, size_t n) {
  tilec_define *to = TC_NEW_ARRAY(&s->arena, n, tilec_define);
  for (size_t i = 0; i < n; i++)
    to[i] = (tilec_define){copy_text(s, from[i].name), copy_text(s, from[i].text)};
  return to;
}

typedef struct new_program {
  tilec_program *program;
  const tilec_program_options *options;
} new_program;

static void copy_options(tc_session *s, void *data) {
  new_program *call = data;
  const tilec_program_options *o = call->options;
  tilec_program *p = call->program;
  p->path = copy_text(s, o->path ? o->path : "<text>");
  p->entry = copy_text(s, o->entry);
  p->defines = copy_pairs(s, o->defines, o->n_defines);
  p->n_defines = (uint32_t)o->n_defines;
  tilec_shape *shapes = TC_NEW_ARRAY(&s->arena, o->n_shapes, tilec_shape);
  for (size_t i = 0; i < o->n_shapes; i++) {
    const tilec_shape *from = &o->shapes[i];
    shapes[i] = (tilec_shape){copy_text(s, from->name), from->rank,
                              tc_arena_copy(&s->arena, from->extent, from->rank * sizeof(int64_t))};
  }
  p->shapes = shapes;
  p->n_shapes = (uint32_t)o->n_shapes;
  p->configs = copy_pairs(s, o->configs, o->n_configs);
  p->n_configs = (uint32_t)o->n_configs;
  p->is_tir = !o->resolver && ends_with(p->path, ".tir");
  if (!o->text && o->resolver) {
    p->text = TC_STR("");
  } else if (!o->text) {
    p->text = read_source(s, p->path);
  } else {
    if (o->text_size > (size_t)MAX_SOURCE_B)
      tc_session_stop(s, TILEC_ERROR, "E0656", "the source text is larger than 64 MiB");
    p->text = (tc_str){o->text, (uint32_t)o->text_size};
    p->text.at = tc_str_dup(&s->arena, p->text);
  }
}

/* ---- compiling ---- */

static const tc_lang_define *lang_pairs(tc_session *s, const tilec_define *from, uint32_t n) {
  tc_lang_define *to = TC_NEW_ARRAY(&s->arena, n, tc_lang_define);
  for (uint32_t i = 0; i < n; i++)
    to[i] = (tc_lang_define){from[i].name, from[i].text};
  return to;
}

tc_ir *tc_program_front(tc_session *s, const tilec_program *p) {
  if (p->is_tir) {
    if (p->n_defines)
      tc_session_stop(s, TILEC_USAGE, "", "-D %s: IR text takes no values", p->defines[0].name);
    enum tc_phase before = tc_phase_enter(s, TC_PHASE_parse);
    tc_ir *ir = tc_ir_parse(&s->arena, s->diags, s->names, p->path, p->text);
    tc_phase_enter(s, before);
    if (!ir) tc_diag_stop(s->diags);
    if (!tc_verify_report(ir)) tc_diag_stop(s->diags);
    s->entry = tc_name_of(ir, ir->name);
    return ir;
  }
  const tc_lang_define *defines = lang_pairs(s, p->defines, p->n_defines);
  tc_lang *lang = tc_lang_new(&s->arena, s->diags, s->names);
  if (p->resolver.run) tc_lang_set_foreign(lang, tc_session_trace(s, &p->resolver));
  tc_lang_set_interrupt(lang, s->context->interrupted, s->context->data);
  tc_lang_set_reader(lang, read_sibling, NULL);
  tc_lang_set_step_limit(lang, tc_api_option_number(s->context, TC_OPTION_eval_steps));
  tc_lang_device device = {.n_sms = (int64_t)tc_rt_cpu_count("")};
  if (s->gpu)
    device = (tc_lang_device){s->gpu->n_sms, s->gpu->cc / 10, s->gpu->cc % 10, s->gpu->name};
  tc_lang_set_device(lang, &device);
  tc_lang_shape *shapes = TC_NEW_ARRAY(&s->arena, p->n_shapes, tc_lang_shape);
  for (uint32_t i = 0; i < p->n_shapes; i++)
    shapes[i] = (tc_lang_shape){p->shapes[i].name, p->shapes[i].rank, p->shapes[i].extent};
  tc_lang_set_shapes(lang, shapes, p->n_shapes);
  tc_lang_set_configs(lang, lang_pairs(s, p->configs, p->n_configs), p->n_configs);
  enum tc_phase before = tc_phase_enter(s, TC_PHASE_evaluate);
  tc_ir *ir = tc_lang_compile(lang, p->path, p->text, p->entry, defines, p->n_defines);
  tc_phase_enter(s, before);
  tc_phase_move(s, TC_PHASE_evaluate, TC_PHASE_parse, tc_lang_parse_ns(lang));
  s->entry = tc_lang_entry(lang);
  tc_session_end_trace(s);
  return ir;
}

/* ---- life ---- */

static bool bad_pairs(const tilec_define *pairs, size_t n) {
  if (n > UINT16_MAX || (n && !pairs)) return true;
  for (size_t i = 0; i < n; i++)
    if (!pairs[i].name || !pairs[i].text) return true;
  return false;
}

static bool bad_options(const tilec_program_options *o) {
  if (!o->path && !o->text) return true;
  if (o->resolver && o->n_defines) return true;
  if (bad_pairs(o->defines, o->n_defines) || bad_pairs(o->configs, o->n_configs)) return true;
  if (o->n_shapes > UINT16_MAX || (o->n_shapes && !o->shapes)) return true;
  for (size_t i = 0; i < o->n_shapes; i++) {
    const tilec_shape *s = &o->shapes[i];
    if (!s->name || s->rank > TILEC_MAX_RANK || (s->rank && !s->extent)) return true;
  }
  return false;
}

tilec_status tilec_program_new(tilec_context *context, const tilec_program_options *options,
                               tilec_program **out, tilec_error **error) {
  tilec_program_options o;
  tilec_resolver resolver = {0};
  if (error) *error = NULL;
  if (out) *out = NULL;
  if (!context || !options || !out)
    return tc_api_usage(error, context, "tilec_program_new: NULL argument");
  if (!tc_api_read_struct(&o, sizeof o, options))
    return tc_api_usage(error, context, "tilec_program_options.size is not set");
  if (bad_options(&o))
    return tc_api_usage(error, context,
                        "tilec_program_options: no path and no text, or a NULL define");
  if (o.resolver && !tc_api_read_resolver(&resolver, o.resolver))
    return tc_api_usage(error, context, "tilec_resolver: size and run must be set");
  tilec_program *program = tc_api_new(context, sizeof *program);
  if (!program) return tc_api_no_memory(error);
  atomic_init(&program->n_refs, 1);
  program->context = tilec_context_retain(context);
  tc_session_start(&program->store, context);
  new_program call = {program, &o};
  tilec_status status = tc_api_guard(&program->store, copy_options, &call, error);
  if (status != TILEC_OK) {
    tilec_program_release(program);
  } else {
    program->resolver = resolver;
    tilec_history_retain(resolver.history);
    *out = program;
  }
  return status;
}

tilec_program *tilec_program_retain(tilec_program *program) {
  if (program) atomic_fetch_add_explicit(&program->n_refs, 1, memory_order_relaxed);
  return program;
}

void tilec_program_release(tilec_program *program) {
  if (!program || atomic_fetch_sub_explicit(&program->n_refs, 1, memory_order_acq_rel) != 1) return;
  tilec_context *context = program->context;
  tc_session_end(&program->store);
  if (program->resolver.run && program->resolver.release)
    program->resolver.release(program->resolver.data);
  tilec_history_release(program->resolver.history);
  tc_api_delete(context, program, sizeof *program);
  tilec_context_release(context);
}

/* ---- forms ---- */

typedef struct form_call {
  const tilec_program *program;
  const char *what; /* form, or names of passes */
  tilec_format format;
  tc_str text;
} form_call;

/* Runs fn in a session of its own and gives its text to the caller. */
static tilec_status make_text(tilec_program *program, tc_guarded *fn, form_call *call,
                              tilec_text **out, tilec_error **error) {
  tc_session session;
  tc_session_start(&session, program->context);
  call->program = program;
  tilec_status status = tc_api_guard(&session, fn, call, error);
  if (status == TILEC_OK && out) {
    *out = tc_api_text(program->context, call->text.at, call->text.n);
    if (!*out) status = tc_api_no_memory(error);
  }
  tc_session_end(&session);
  return status;
}

static void check(tc_session *s, void *data) {
  form_call *call = data;
  s->gpu = tc_api_gpu_meant(s);
  tc_program_to_tile(s, tc_program_front(s, call->program), 0, false);
  call->text = tc_str_of(tc_api_render(s).form[call->format]);
}

tilec_status tilec_program_check(tilec_program *program, tilec_format format, tilec_text **warnings,
                                 tilec_error **error) {
  if (error) *error = NULL;
  if (warnings) *warnings = NULL;
  if (!program || (unsigned)format >= TC_N_FORMATS)
    return tc_api_usage(error, NULL, "tilec_program_check: NULL argument or unknown format");
  form_call call = {.format = format};
  return make_text(program, check, &call, warnings, error);
}

static void emit_ast(tc_session *s, form_call *call, tc_sb *out) {
  const tilec_program *p = call->program;
  if (p->is_tir || p->resolver.run)
    tc_session_stop(s, TILEC_USAGE, "", "only a program of text has a syntax tree");
  tc_lang *lang = tc_lang_new(&s->arena, s->diags, s->names);
  const tc_ast *tree = tc_lang_parse(lang, p->path, p->text);
  if (!tree) tc_diag_stop(s->diags);
  tc_ast_print(tree, s->names, out);
}

static void emit_cuda(tc_session *s, form_call *call) {
  const char *name = tc_api_option(s->context, TC_OPTION_target, &s->arena);
  bool named = strncmp(name, "cuda:", 5) == 0 || strncmp(name, "sim:", 4) == 0;
  tc_api_target target = tc_api_find_target(s, named ? name : "cuda");
  s->gpu = target.gpu;
  tc_ir *ir = tc_program_front(s, call->program);
  tc_program_to_state(s, ir, &target, TC_STATE_lane, false);
  const tc_cuda_options options = {.target = target.gpu, .simulated = target.kind == TC_TARGET_SIM};
  tc_phase_enter(s, TC_PHASE_emit);
  call->text = s->context->emit_cuda(ir, &options, &s->arena).text;
}

/* The states that not all targets have; TC_STATE_COUNT for any other form. */
static enum tc_state later_state(const char *form) {
  int state = TC_STATE_scheduled;
  while (state < TC_STATE_COUNT && strcmp(form, tc_state_name((enum tc_state)state)) != 0)
    state++;
  return (enum tc_state)state;
}

static void emit_state(tc_session *s, form_call *call, tc_sb *out) {
  tc_api_target target = tc_api_find_target(s, NULL);
  if (!(target.caps & TC_CAP_BIT(lanes)))
    tc_session_stop(s, TILEC_USAGE, "",
                    "form '%s' is of GPUs: name one, as in --target=cuda:sm_90a", call->what);
  s->gpu = target.gpu;
  tc_ir *ir = tc_program_front(s, call->program);
  tc_program_to_state(s, ir, &target, later_state(call->what), true);
  tc_phase_enter(s, TC_PHASE_emit);
  tc_ir_print(ir, 0, &s->arena, out);
  call->text = tc_sb_str(out);
}

static void emit_form(tc_session *s, void *data) {
  form_call *call = data;
  tc_sb out = tc_sb_in(&s->arena);
  if (strcmp(call->what, "ast") == 0) {
    emit_ast(s, call, &out);
    call->text = tc_sb_str(&out);
    return;
  }
  if (strcmp(call->what, "cuda") == 0) {
    emit_cuda(s, call);
    return;
  }
  if (later_state(call->what) != TC_STATE_COUNT) {
    emit_state(s, call, &out);
    return;
  }
  s->gpu = tc_api_gpu_meant(s);
  tc_ir *ir = tc_program_front(s, call->program);
  bool c = strcmp(call->what, "c") == 0;
  if (strcmp(call->what, "ir") != 0) tc_program_to_tile(s, ir, c ? TC_CPU_CAPS : 0, !c);
  tc_phase_enter(s, TC_PHASE_emit);
  if (c) {
    tc_cpu_options options = {.isa = tc_program_isa(s, NULL),
                              .checked = tc_api_option_number(s->context, TC_OPTION_checked)};
    call->text = tc_cpu_emit(ir, &options, &s->arena).text;
  } else {
    tc_ir_print(ir, 0, &s->arena, &out);
    call->text = tc_sb_str(&out);
  }
}

static void emit(tc_session *s, void *data) {
  emit_form(s, data);
  tc_phase_report(s);
}

tilec_status tilec_program_emit(tilec_program *program, const char *form, tilec_text **out,
                                tilec_error **error) {
  static const char *const FORMS[] = {"ast",    "ir",   "tile", "scheduled",
                                      "placed", "lane", "c",    "cuda"};
  if (error) *error = NULL;
  if (out) *out = NULL;
  if (!program || !form || !out)
    return tc_api_usage(error, NULL, "tilec_program_emit: NULL argument");
  for (size_t i = 0; i < TC_COUNT(FORMS); i++) {
    if (strcmp(FORMS[i], form)) continue;
    form_call call = {.what = form};
    return make_text(program, emit, &call, out, error);
  }
  return tc_api_usage(
      error, program->context,
      "there is no form '%s': expected ast, ir, tile, scheduled, placed, lane, c or cuda", form);
}

static void opt(tc_session *s, void *data) {
  form_call *call = data;
  tc_ir *ir = tc_program_front(s, call->program);
  tc_program_run_passes(s, ir, call->what);
  tc_sb out = tc_sb_in(&s->arena);
  tc_ir_print(ir, 0, &s->arena, &out);
  call->text = tc_sb_str(&out);
}

tilec_status tilec_program_opt(tilec_program *program, const char *passes, tilec_text **out,
                               tilec_error **error) {
  if (error) *error = NULL;
  if (out) *out = NULL;
  if (!program || !passes || !out)
    return tc_api_usage(error, NULL, "tilec_program_opt: NULL argument");
  form_call call = {.what = passes};
  return make_text(program, opt, &call, out, error);
}
