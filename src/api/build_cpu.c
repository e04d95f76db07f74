/* From IR in state tile to code this process can call: emitter, cache, C compiler, loader. */
#include "api/build.h"

#include "runtime/cpu.h"
#include "target/common/table.h"
#include "toolchain/cc.h"

#include <string.h>

/* ---- what is found ---- */

const tc_cc *tc_api_find_cc(tc_session *s, enum tc_cpu_isa isa, bool must) {
  tc_cc *cc = TC_NEW(&s->arena, tc_cc);
  const char *wanted = tc_api_option(s->context, TC_OPTION_cc, &s->arena);
  tc_diags *unheard = tc_diags_new(&s->arena, s->source);
  if (tc_cc_find_for(cc, tc_cpu_isa_row(isa)->machine, wanted, must || *wanted ? s->diags : unheard,
                     &s->arena))
    return cc;
  if (s->diags->n_errors) tc_diag_stop(s->diags);
  return NULL;
}

tc_cc_facts tc_api_cc_facts(tc_session *s) {
  tc_cc cc = {0};
  const char *wanted = tc_api_option(s->context, TC_OPTION_cc, &s->arena);
  tc_diags *unheard = tc_diags_new(&s->arena, s->source);
  bool found = tc_cc_find(&cc, *wanted ? wanted : NULL, unheard, &s->arena);
  return (tc_cc_facts){found ? cc.path : NULL, found ? cc.version : NULL};
}

static void look_for_cc(tc_session *s, void *data) {
  bool *found = data;
  *found = tc_api_cc_facts(s).path != NULL;
}

bool tc_api_has_cc(tilec_context *context) {
  tc_session session;
  bool found = false;
  tc_session_start(&session, context);
  tc_api_guard(&session, look_for_cc, &found, NULL);
  tc_session_end(&session);
  return found;
}

enum tc_cpu_isa tc_program_isa(tc_session *s, const char *name) {
  enum tc_cpu_isa isa;
  if (!name) name = tc_api_option(s->context, TC_OPTION_isa, &s->arena);
  if (tc_cpu_isa_find(tc_str_of(name), &isa)) return isa;
  tc_sb known = tc_sb_in(&s->arena);
  for (int i = 0; i < TC_ISA_COUNT; i++) {
    const tc_cpu_isa_info *row = tc_cpu_isa_row((enum tc_cpu_isa)i);
    tc_sb_printf(&known, ", %s%s%s%s", row->name, *row->march ? " (" : "", row->march,
                 *row->march ? ")" : "");
  }
  tc_session_stop(s, TILEC_NO_TARGET, "", "there is no instruction set '%s': expected native%s",
                  name, known.at);
}

/* Code for instructions this machine lacks would end in a signal. Rows of isas.def grow within one
 * architecture, so what stands before the host's row runs too, except on AArch64. */
static void require_isa(tc_session *s, enum tc_cpu_isa isa) {
  enum tc_cpu_isa host = tc_cpu_isa_host();
  bool runs = isa == TC_ISA_generic || isa == host || (host != TC_ISA_neon && isa < host);
  if (!runs)
    tc_session_stop(s, TILEC_NO_TARGET, "", "this machine does not run %s code; what it has is %s",
                    tc_cpu_isa_row(isa)->name, tc_cpu_isa_row(host)->name);
}

/* ---- building ---- */

typedef struct build {
  tc_session *s;
  tilec_kernel *kernel;
  tc_cc cc;
  const char *flags, *isa;
  tc_str text;
  tc_build *kept;
} build;

/* The code that is compiled is part of the key, so that a changed compiler never meets the kernels
 * of the old one, whatever its version says. */
static tc_str make_key(build *b) {
  tc_sb key = tc_sb_in(&b->s->arena);
  tc_sb_printf(&key, "tilec %s\ntarget cpu\nisa %s\ncc %s\nflags %s\n", tilec_version(), b->isa,
               b->cc.version, b->flags);
  for (int i = 0; i < TC_CC_WORDS && b->cc.words[i]; i++)
    tc_sb_printf(&key, "word %s\n", b->cc.words[i]);
  tc_api_keyed_options(b->s->context, &key);
  tc_sb_adds(&key, "code\n");
  tc_build_add_code(&key, b->text);
  return tc_sb_str(&key);
}

static bool load(build *b, const char *path, char *why, size_t size_b) {
  enum tc_phase before = tc_phase_enter(b->s, TC_PHASE_load);
  b->kernel->module = tc_cpu_load(path, b->kernel->table, tc_api_hooks(b->s->context), why, size_b);
  tc_phase_enter(b->s, before);
  if (!b->kernel->module && !*why) tc_unwind_to(&b->s->unwind, TC_WHY_MEMORY);
  return b->kernel->module != NULL;
}

/* Stores what was compiled if it can be, and loads it from wherever it then is. The directory is
 * gone when the session's files are released; the loaded kernel stays. */
static void store_and_load(build *b) {
  char why[512];
  tc_build_store(b->kept, b->kernel->toolchain_ns);
  if (!load(b, b->kept->path, why, sizeof why))
    tc_session_stop(b->s, TILEC_ENVIRONMENT, "E0649", D_load_failed_fmt, why);
}

/* True when the cache had it. An entry that vanishes or does not load counts as not there. */
static bool from_cache(build *b) {
  char why[256];
  tc_phase_enter(b->s, TC_PHASE_key);
  tc_str key = make_key(b);
  b->kept = tc_build_new(b->s, b->kernel->name, tc_format(&b->s->arena, "cpu:%s", b->isa), key);
  tc_phase_enter(b->s, TC_PHASE_cache);
  if (!tc_build_find(b->kept)) return false;
  b->kernel->cached = load(b, b->kept->path, why, sizeof why);
  tc_api_log(b->s->context, 1, "%s: %s", b->kept->path,
             b->kernel->cached ? "taken from the cache" : why);
  return b->kernel->cached;
}

const tc_rt_table *tc_api_make_table(tc_session *s, tc_ir *ir, const tc_emitted *emitted) {
  const tc_rt_table *table = tc_table_build(ir, emitted, &s->arena);
  if (!table) tc_diag_stop(s->diags);
  if (table->n_kernels != emitted->n_kernels)
    tc_bug(&s->unwind, "%u kernels in the launch table, %u emitted", table->n_kernels,
           emitted->n_kernels);
  return table;
}

bool tc_kernel_build_cpu(tc_session *s, tilec_kernel *kernel, const char *isa_name) {
  build *b = TC_NEW(&s->arena, build);
  b->s = s;
  b->kernel = kernel;
  tc_cpu_options options = {.isa = tc_program_isa(s, isa_name),
                            .checked = tc_api_option_number(s->context, TC_OPTION_checked)};
  require_isa(s, options.isa);
  tc_phase_enter(s, TC_PHASE_find);
  const tc_cc *cc = tc_api_find_cc(s, options.isa, false);
  tc_phase_enter(s, TC_PHASE_emit);
  if (!cc) return false;
  b->cc = *cc;
  b->isa = tc_cpu_isa_row(options.isa)->name;
  b->flags = tc_format(&s->arena, "%s -shared", tc_cpu_flags(&options, &s->arena));
  tc_emitted emitted = tc_cpu_emit(kernel->ir, &options, &s->arena);
  b->text = emitted.text;
  tc_phase_enter(s, TC_PHASE_table);
  kernel->table = tc_api_make_table(s, kernel->ir, &emitted);
  if (!from_cache(b)) {
    b->kernel->toolchain_ns = tc_build_compile(b->kept, &b->cc, b->text, b->flags);
    store_and_load(b);
  }
  tc_phase_enter(s, TC_PHASE_other);
  tc_build_tell(b->kept);
  kernel->pool = tc_context_pool(s->context);
  if (!kernel->pool) tc_unwind_to(&s->unwind, TC_WHY_MEMORY);
  return true;
}
