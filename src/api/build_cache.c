#include "api/build.h"

#include "jit/files.h"

#include <errno.h>
#include <string.h>

void tc_build_add_code(tc_sb *out, tc_str text) {
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

tc_build *tc_build_new(tc_session *s, const char *name, const char *target, tc_str key) {
  tc_build *b = TC_NEW(&s->arena, tc_build);
  b->s = s;
  b->name = name;
  b->target = target;
  b->cache = TC_NEW(&s->arena, tc_cache);
  tc_api_open_cache(s, b->cache);
  b->key = tc_cache_key_of(key.at, key.n);
  return b;
}

bool tc_build_find(tc_build *b) {
  uint64_t wait_s = tc_api_option_number(b->s->context, TC_OPTION_cache_wait);
  return tc_cache_claim(b->cache, &b->key, wait_s > 3600 ? 3600000 : (uint32_t)wait_s * 1000,
                        b->path, &b->s->lock);
}

void tc_build_write(tc_build *b, const void *bytes, size_t size_b) {
  tc_session *s = b->s;
  char why[256];
  if (!tc_cache_workdir(b->cache, s->workdir, why, sizeof why)) {
    s->workdir[0] = 0;
    tc_session_stop(s, TILEC_ENVIRONMENT, "E0753", "cannot make a temporary directory in %s", why);
  }
  if (!tc_path_join(b->path, s->workdir, "kernel.so", NULL)
      || !tc_write_new(b->path, bytes, size_b))
    tc_session_stop(s, TILEC_ENVIRONMENT, "E0753", "cannot write %s: %s", b->path, strerror(errno));
}

uint64_t tc_build_compile(tc_build *b, const tc_cc *cc, tc_str text, const char *flags) {
  tc_session *s = b->s;
  tc_phase_enter(s, TC_PHASE_compile);
  tc_cc_job job = {.text = text,
                   .flags = flags,
                   .timeout_s = (uint32_t)tc_api_option_number(s->context, TC_OPTION_cc_timeout),
                   .interrupted = s->context->interrupted,
                   .interrupted_data = s->context->data};
  tc_cc_result result;
  tc_api_log(s->context, 1, "compiling %s for %s with %s", b->name, b->target, cc->path);
  if (!tc_cc_compile(cc, &job, &result, s->diags, &s->arena)) tc_diag_stop(s->diags);
  tc_phase_enter(s, TC_PHASE_cache);
  tc_build_write(b, result.bytes, result.size_b);
  return result.spent_ns;
}

void tc_build_store(tc_build *b, uint64_t compile_ns) {
  char stored[TC_PATH_B];
  tc_cache_note note = {b->name, b->target, compile_ns};
  if (!tc_cache_store(b->cache, &b->key, b->s->workdir, &note, stored)) return;
  b->s->workdir[0] = 0;
  memcpy(b->path, stored, sizeof stored);
}

void tc_build_tell(const tc_build *b) {
  tilec_context *context = b->s->context;
  if (b->cache->trouble == TC_CACHE_FINE || !tc_api_first_time(context, &context->said_cache))
    return;
  if (b->cache->trouble == TC_CACHE_FOREIGN) {
    tc_api_warn_coded(context, "E0750", D_cache_foreign_fmt, b->cache->root, b->cache->why);
  } else {
    tc_api_warn_coded(context, "E0751", D_cache_unwritable_fmt, b->cache->root, b->cache->why);
  }
}
