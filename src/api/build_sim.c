/* Target sim:cuda:ARCH: the text for a GPU, compiled by this machine's C compiler and run in the
 * simulator. */
#include "api/build.h"

#include "sim/sim.h"
#include "target/cuda/cuda.h"
#include "toolchain/cc.h"

typedef struct build {
  tc_session *s;
  tilec_kernel *kernel;
  tc_cc cc;
  tc_str device, text; /* what is simulated; all that the compiler gets */
  tc_build *kept;
} build;

static tc_str make_key(const build *b) {
  tc_sb key = tc_sb_in(&b->s->arena);
  tc_sb_printf(&key, "tilec %s\ntarget %s\ncc %s\nflags %s\n", tilec_version(),
               b->kernel->target_name, b->cc.version, tc_sim_flags);
  for (int i = 0; i < TC_CC_WORDS && b->cc.words[i]; i++)
    tc_sb_printf(&key, "word %s\n", b->cc.words[i]);
  tc_api_keyed_options(b->s->context, &key);
  tc_sb_adds(&key, "code\n");
  tc_sb_add(&key, b->text); /* with its comments: lines are compiled into it */
  return tc_sb_str(&key);
}

static bool load(build *b, char *why, size_t why_b) {
  enum tc_phase before = tc_phase_enter(b->s, TC_PHASE_load);
  b->kernel->sim = tc_sim_load(b->kept->path, b->device, tc_api_hooks(b->s->context), why, why_b);
  tc_phase_enter(b->s, before);
  if (!b->kernel->sim && !*why) tc_unwind_to(&b->s->unwind, TC_WHY_MEMORY);
  return b->kernel->sim != NULL;
}

static bool from_cache(build *b) {
  char why[512];
  tc_phase_enter(b->s, TC_PHASE_key);
  b->kept = tc_build_new(b->s, b->kernel->name, b->kernel->target_name, make_key(b));
  tc_phase_enter(b->s, TC_PHASE_cache);
  if (!tc_build_find(b->kept)) return false;
  b->kernel->cached = load(b, why, sizeof why);
  return b->kernel->cached;
}

static void compile(build *b) {
  char why[512];
  b->kernel->toolchain_ns = tc_build_compile(b->kept, &b->cc, b->text, tc_sim_flags);
  tc_build_store(b->kept, b->kernel->toolchain_ns);
  if (!load(b, why, sizeof why))
    tc_session_stop(b->s, TILEC_ENVIRONMENT, "E0649", D_load_failed_fmt, why);
}

void tc_kernel_build_sim(tc_session *s, tilec_kernel *kernel, const tc_target_row *gpu) {
  build *b = TC_NEW(&s->arena, build);
  char why[256];
  tc_phase_enter(s, TC_PHASE_find);
  *b = (build){.s = s, .kernel = kernel, .cc = *tc_api_find_cc(s, tc_cpu_isa_host(), true)};
  tc_phase_enter(s, TC_PHASE_emit);
  kernel->gpu = gpu;
  kernel->target_name = tc_format(&s->arena, "sim:%s", tc_api_gpu_name(gpu));
  const tc_cuda_options options = {.target = gpu, .simulated = true};
  tc_emitted emitted = s->context->emit_cuda(kernel->ir, &options, &s->arena);
  tc_sb text = tc_sb_in(&s->arena);
  b->device = emitted.text;
  if (!tc_sim_text(&text, emitted.text, why, sizeof why))
    tc_bug(&s->unwind, "the simulator does not know the text: %s", why);
  b->text = tc_sb_str(&text);
  tc_phase_enter(s, TC_PHASE_table);
  kernel->table = tc_api_make_table(s, kernel->ir, &emitted);
  if (!from_cache(b)) compile(b);
  tc_phase_enter(s, TC_PHASE_other);
  tc_build_tell(b->kept);
  kernel->pool = tc_context_pool(s->context);
  if (!kernel->pool) tc_unwind_to(&s->unwind, TC_WHY_MEMORY);
}

/* ---- launches ---- */

typedef struct sim_call {
  tilec_kernel *kernel;
  const tilec_arg *args;
  size_t n_args;
} sim_call;

/* The kernel file's name, for reports. */
static const char *file_of(const tilec_kernel *kernel) {
  const tc_block *body = tc_block_at(kernel->ir, kernel->ir->body);
  tc_place place;
  for (uint32_t i = 0; i < body->ops.n; i++)
    if (tc_source_place(kernel->store.source, tc_op_at(kernel->ir, body->ops.at[i])->span, &place))
      return place.file;
  return NULL;
}

static enum tc_sim_delivery delivery_of(tc_session *s) {
  const char *name = tc_api_option(s->context, TC_OPTION_sim_delivery, &s->arena);
  return *name == 'e' ? TC_SIM_EARLY : *name == 'r' ? TC_SIM_RANDOM : TC_SIM_LATE;
}

static void launch(tc_session *s, void *data) {
  const sim_call *call = data;
  const tilec_kernel *kernel = call->kernel;
  const tc_sim_function function = {kernel->sim, kernel->table, tc_api_hooks(s->context),
                                    kernel->pool};
  const tc_sim_options options = {
      .delivery = delivery_of(s),
      .seed = tc_api_option_number(s->context, TC_OPTION_seed),
      .race = tc_api_option_number(s->context, TC_OPTION_races) != 0,
      .limit_s = (uint32_t)tc_api_option_number(s->context, TC_OPTION_sim_limit),
      .source = file_of(kernel)};
  tc_sim_report *report = TC_NEW(&s->arena, tc_sim_report);
  tc_rt_error rt;
  char code[TC_CODE_B];
  rt.code = 0;
  if (!tc_sim_launch_function(&function, call->args, call->n_args, &options, &s->arena, report,
                              &rt))
    return;
  if (rt.code != TC_RT_E_SIMULATED)
    tc_session_stop(s, tc_api_status_of_rt(rt.code), tc_api_code_text(rt.code, code), "%s",
                    rt.text);
  TC_DIAG(s->diags, D_simulated, (tc_span){0}, *report->text ? report->text : rt.text);
  tc_diag_stop(s->diags);
}

tilec_status tc_launch_sim(tilec_kernel *kernel, const tilec_arg *args, size_t n_args,
                           tilec_error **error) {
  tc_session session;
  sim_call call = {kernel, args, n_args};
  tc_session_start(&session, kernel->context);
  tilec_status status = tc_api_guard(&session, launch, &call, error);
  tc_session_end(&session);
  return status;
}
