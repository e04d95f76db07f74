/* From IR in state tile to code this process can call: emitter, cache, C compiler, loader. */
#include "api/api_impl.h"

#include "jit/cache.h"
#include "jit/files.h"
#include "runtime/cpu.h"
#include "target/common/table.h"
#include "toolchain/cc.h"

#include <errno.h>
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
  tc_cache *cache;
  tc_cache_key key;
  char path[TC_PATH_B];
} build;

/* Adds C text without its comments: they hold source lines, and a kernel that only moved down in
 * its file is the same kernel. */
static void add_code(tc_sb *out, tc_str text) {
  char quote = 0;
  uint32_t start = 0, i = 0;
  while (i < text.n) {
    char c = text.at[i];
    if (quote) {
      if (c == '\\') i++;
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '/' && i + 1 < text.n && text.at[i + 1] == '*') {
      tc_sb_add(out, (tc_str){text.at + start, i - start});
      for (i += 3; i < text.n && !(text.at[i - 1] == '*' && text.at[i] == '/'); i++)
        continue;
      start = i + 1;
    }
    i++;
  }
  if (start < text.n) tc_sb_add(out, (tc_str){text.at + start, text.n - start});
}

/* The code that is compiled is part of the key, so that a changed compiler never meets the kernels
 * of the old one, whatever its version says. */
static tc_cache_key make_key(build *b) {
  tc_sb key = tc_sb_in(&b->s->arena);
  tc_sb_printf(&key, "tilec %s\ntarget cpu\nisa %s\ncc %s\nflags %s\n", tilec_version(), b->isa,
               b->cc.version, b->flags);
  for (int i = 0; i < TC_CC_WORDS && b->cc.words[i]; i++)
    tc_sb_printf(&key, "word %s\n", b->cc.words[i]);
  tc_api_keyed_options(b->s->context, &key);
  tc_sb_adds(&key, "code\n");
  add_code(&key, b->text);
  return tc_cache_key_of(key.at, key.n);
}

static void tell_trouble(build *b) {
  tilec_context *context = b->s->context;
  if (b->cache->trouble == TC_CACHE_FINE || !tc_api_first_time(context, &context->said_cache))
    return;
  if (b->cache->trouble == TC_CACHE_FOREIGN) {
    tc_api_warn_coded(context, "E0750", D_cache_foreign_fmt, b->cache->root, b->cache->why);
  } else {
    tc_api_warn_coded(context, "E0751", D_cache_unwritable_fmt, b->cache->root, b->cache->why);
  }
}

static bool load(build *b, const char *path, char *why, size_t size_b) {
  b->kernel->module = tc_cpu_load(path, b->kernel->table, tc_api_hooks(b->s->context), why, size_b);
  if (!b->kernel->module && !*why) tc_unwind_to(&b->s->unwind, TC_WHY_MEMORY);
  return b->kernel->module != NULL;
}

/* Compiles into a private directory. */
static void compile(build *b) {
  tc_session *s = b->s;
  char why[256];
  tc_cc_job job = {.text = b->text,
                   .flags = b->flags,
                   .timeout_s = (uint32_t)tc_api_option_number(s->context, TC_OPTION_cc_timeout)};
  tc_cc_result result;
  tc_api_log(s->context, 1, "compiling %s with %s", b->kernel->name, b->cc.path);
  if (!tc_cc_compile(&b->cc, &job, &result, s->diags, &s->arena)) tc_diag_stop(s->diags);
  b->kernel->toolchain_ns = result.spent_ns;
  if (!tc_cache_workdir(b->cache, s->workdir, why, sizeof why)) {
    s->workdir[0] = 0;
    tc_session_stop(s, TILEC_ENVIRONMENT, "E0753", "cannot make a temporary directory in %s", why);
  }
  if (!tc_path_join(b->path, s->workdir, "kernel.so", NULL)
      || !tc_write_new(b->path, result.bytes, result.size_b))
    tc_session_stop(s, TILEC_ENVIRONMENT, "E0753", "cannot write %s: %s", b->path, strerror(errno));
}

/* Stores what was compiled if it can be, and loads it from wherever it then is. The directory is
 * gone when the session's files are released; the loaded kernel stays. */
static void store_and_load(build *b) {
  char why[512], stored[TC_PATH_B];
  tc_cache_note note = {b->kernel->name, tc_format(&b->s->arena, "cpu:%s", b->isa),
                        b->kernel->toolchain_ns};
  bool is_stored = tc_cache_store(b->cache, &b->key, b->s->workdir, &note, stored);
  if (is_stored) b->s->workdir[0] = 0;
  if (!load(b, is_stored ? stored : b->path, why, sizeof why))
    tc_session_stop(b->s, TILEC_ENVIRONMENT, "E0649", D_load_failed_fmt, why);
}

/* True when the cache had it. An entry that vanishes or does not load counts as not there. */
static bool from_cache(build *b) {
  char why[256];
  uint64_t wait_s = tc_api_option_number(b->s->context, TC_OPTION_cache_wait);
  b->cache = TC_NEW(&b->s->arena, tc_cache);
  tc_api_open_cache(b->s, b->cache);
  b->key = make_key(b);
  if (!tc_cache_claim(b->cache, &b->key, wait_s > 3600 ? 3600000 : (uint32_t)wait_s * 1000, b->path,
                      &b->s->lock))
    return false;
  b->kernel->cached = load(b, b->path, why, sizeof why);
  tc_api_log(b->s->context, 1, "%s: %s", b->path, b->kernel->cached ? "taken from the cache" : why);
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
  const tc_cc *cc = tc_api_find_cc(s, options.isa, false);
  if (!cc) return false;
  b->cc = *cc;
  b->isa = tc_cpu_isa_row(options.isa)->name;
  b->flags = tc_format(&s->arena, "%s -shared", tc_cpu_flags(&options, &s->arena));
  tc_emitted emitted = tc_cpu_emit(kernel->ir, &options, &s->arena);
  b->text = emitted.text;
  kernel->table = tc_api_make_table(s, kernel->ir, &emitted);
  if (!from_cache(b)) {
    compile(b);
    store_and_load(b);
  }
  tell_trouble(b);
  kernel->pool = tc_context_pool(s->context);
  if (!kernel->pool) tc_unwind_to(&s->unwind, TC_WHY_MEMORY);
  return true;
}
