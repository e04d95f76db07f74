/* What can be asked without a program: diagnostics, this machine, the cache. */
#include "api/api_impl.h"

#include "jit/cache.h"
#include "rt/os.h"
#include "toolchain/nvrtc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- diagnostics ---- */

size_t tilec_diagnostic_count(void) {
  return TC_DIAG_COUNT;
}

static tilec_status give_row(const tc_diag_info *row, tilec_diagnostic *out) {
  tilec_diagnostic ours = {.size = sizeof ours,
                           .code = row->code,
                           .name = row->name,
                           .message = row->format,
                           .explanation = row->explain,
                           .is_error = row->severity == TC_ERROR};
  return tc_api_write_struct(out, &ours, sizeof ours) ? TILEC_OK : TILEC_USAGE;
}

tilec_status tilec_diagnostic_at(size_t i, tilec_diagnostic *out) {
  if (i >= TC_DIAG_COUNT || !out) return TILEC_USAGE;
  return give_row(tc_diag_row((enum tc_diag_id)i), out);
}

tilec_status tilec_diagnostic_find(const char *code, tilec_diagnostic *out) {
  const tc_diag_info *row = code && out ? tc_diag_find(code) : NULL;
  return row ? give_row(row, out) : TILEC_USAGE;
}

/* ---- reports: the same facts as text or as one JSON object ---- */

typedef struct report {
  tc_sb out;
  bool json, first;
} report;

static void open_report(report *r, tc_arena *arena, tilec_format format) {
  *r = (report){tc_sb_in(arena), format == TILEC_FORMAT_JSON, true};
  if (r->json) tc_sb_adds(&r->out, "{");
}

static void key(report *r, const char *name) {
  if (r->json) tc_sb_printf(&r->out, "%s\"%s\":", r->first ? "" : ",", name);
  if (!r->json) tc_sb_printf(&r->out, "%-18s ", name);
  r->first = false;
}

static void say_text(report *r, const char *name, const char *value) {
  key(r, name);
  if (r->json) {
    tc_sb_adds(&r->out, "\"");
    tc_sb_json(&r->out, tc_str_of(value));
    tc_sb_adds(&r->out, "\"");
  } else {
    tc_sb_printf(&r->out, "%s\n", value);
  }
}

static void say_number(report *r, const char *name, uint64_t value) {
  key(r, name);
  tc_sb_printf(&r->out, r->json ? "%llu" : "%llu\n", (unsigned long long)value);
}

static tc_str close_report(report *r) {
  if (r->json) tc_sb_adds(&r->out, "}\n");
  return tc_sb_str(&r->out);
}

typedef struct info_call {
  tilec_format format;
  const char *verb;
  tc_str text;
  uint32_t n_damaged;
} info_call;

static tilec_status give_text(tilec_context *context, tc_guarded *fn, info_call *call,
                              tilec_text **out, tilec_error **error) {
  tc_session session;
  tc_session_start(&session, context);
  tilec_status status = tc_api_guard(&session, fn, call, error);
  if (status == TILEC_OK) {
    *out = tc_api_text(context, call->text.at, call->text.n);
    if (!*out) status = tc_api_no_memory(error);
  }
  tc_session_end(&session);
  return status;
}

void tc_api_open_cache(tc_session *s, tc_cache *cache) {
  const char *mode = tc_api_option(s->context, TC_OPTION_cache, &s->arena);
  enum tc_cache_mode as = strcmp(mode, "off") == 0  ? TC_CACHE_OFF
                          : strcmp(mode, "ro") == 0 ? TC_CACHE_RO
                                                    : TC_CACHE_RW;
  tc_cache_open(cache, tc_api_option(s->context, TC_OPTION_cache_dir, &s->arena), as,
                tc_api_option_number(s->context, TC_OPTION_cache_size));
}

/* ---- doctor ---- */

static const char *cache_state(const tc_cache *cache) {
  if (cache->mode == TC_CACHE_OFF) return "off";
  switch (cache->trouble) {
  case TC_CACHE_FOREIGN:
    return "refused";
  case TC_CACHE_UNWRITABLE:
    return cache->usable ? "read only" : "unusable";
  case TC_CACHE_FINE:
    break;
  }
  return cache->mode == TC_CACHE_RO ? "read only" : "read and write";
}

/* What /proc/cpuinfo says about the first processor: its model, and those of its features that
 * matter to kernels. Nothing on systems without it. */
static void say_processor(tc_session *s, report *r) {
  static const char *const KNOWN[] = {
      "avx2",        "fma",         "f16c",     "avx512f",  "avx512bw", "avx512_vnni", "avx_vnni",
      "avx512_bf16", "avx512_fp16", "amx_tile", "amx_int8", "amx_bf16", "asimd",       "asimdhp",
      "asimddp",     "bf16",        "i8mm",     "sve",      "sve2"};
  enum { ROOM = 16 * 1024 };
  char *text = tc_arena_alloc(&s->arena, ROOM);
  int64_t n = tc_rt_file_read("/proc/cpuinfo", text, ROOM - 1);
  if (n <= 0) return;
  tc_sb found = tc_sb_in(&s->arena);
  bool named = false, listed = false;
  for (char *line = text, *end; line; line = end ? end + 1 : NULL) {
    end = strchr(line, '\n');
    if (end) *end = 0;
    char *colon = strchr(line, ':');
    if (!colon || !colon[1]) continue;
    if (!named && strncmp(line, "model name", 10) == 0) {
      say_text(r, "processor", colon + 2);
      named = true;
    }
    if (listed || (strncmp(line, "flags", 5) != 0 && strncmp(line, "Features", 8) != 0)) continue;
    listed = true;
    const char *words = tc_format(&s->arena, "%s ", colon + 1);
    for (size_t i = 0; i < TC_COUNT(KNOWN); i++)
      if (strstr(words, tc_format(&s->arena, " %s ", KNOWN[i])))
        tc_sb_printf(&found, "%s%s", found.n ? " " : "", KNOWN[i]);
  }
  if (found.n) say_text(r, "features", found.at);
}

/* The driver and its devices, and what compiles for them. */
static void say_cuda(tc_session *s, report *r) {
  tc_rt_error error;
  tc_nvrtc nvrtc;
  error.code = 0;
  const tc_cuda *cuda = tc_context_cuda(s->context, &error);
  say_text(r, "cuda", cuda ? tc_cuda_path(cuda) : tc_format(&s->arena, "none: %s", error.text));
  for (uint32_t i = 0; cuda && i < tc_cuda_count(cuda); i++) {
    const tc_cuda_device *d = tc_cuda_device_at(cuda, (int32_t)i);
    const tc_target_row *row = tc_target_for(d->cc);
    say_text(r, tc_format(&s->arena, "cuda_%u", i),
             tc_format(&s->arena, "%s, compute capability %u.%u, %u multiprocessors%s%s", d->name,
                       d->cc / 10, d->cc % 10, d->n_sms, row ? ", target " : "",
                       row ? tc_api_gpu_name(row) : ""));
  }
  tc_diags *unheard = tc_diags_new(&s->arena, s->source);
  bool found =
      tc_nvrtc_find(&nvrtc, tc_api_option(s->context, TC_OPTION_nvrtc, &s->arena),
                    tc_api_option(s->context, TC_OPTION_nvcc, &s->arena), unheard, &s->arena);
  say_text(r, "cuda_compiler",
           found ? tc_format(&s->arena, "%s, %s", nvrtc.version, nvrtc.path) : "none");
}

static void doctor(tc_session *s, void *data) {
  info_call *call = data;
  report r;
  tc_cache *cache = TC_NEW(&s->arena, tc_cache);
  tc_cc_facts cc = tc_api_cc_facts(s);
  open_report(&r, &s->arena, call->format);
  say_text(&r, "version", tilec_version());
  say_text(&r, "cc", cc.path ? cc.path : "none: target cpu runs on the interpreter");
  if (cc.path) say_text(&r, "cc_version", cc.version);
  say_text(&r, "isa", tc_cpu_isa_row(tc_cpu_isa_host())->name);
  say_processor(s, &r);
  say_number(&r, "threads", tc_rt_cpu_count(""));
  say_number(&r, "memory_bytes", tc_rt_memory_b(""));
  say_cuda(s, &r);
  tc_api_open_cache(s, cache);
  say_text(&r, "cache_dir", cache->root);
  say_text(&r, "cache", cache_state(cache));
  if (cache->why[0]) say_text(&r, "cache_problem", cache->why);
  for (size_t i = 0; i < tilec_option_count(); i++) {
    tilec_option row = {.size = sizeof row};
    if (tilec_option_at(i, &row) != TILEC_OK) continue;
    const char *value = tc_api_option(s->context, (enum tc_option)i, &s->arena);
    if (strcmp(value, row.initial) != 0)
      say_text(&r, tc_format(&s->arena, "option_%s", row.name), value);
  }
  call->text = close_report(&r);
}

tilec_status tilec_doctor(tilec_context *context, tilec_format format, tilec_text **out,
                          tilec_error **error) {
  if (error) *error = NULL;
  if (out) *out = NULL;
  if (!context || !out) return tc_api_usage(error, context, "tilec_doctor: NULL argument");
  info_call call = {.format = format};
  return give_text(context, doctor, &call, out, error);
}

/* ---- cache ---- */

typedef struct listing {
  tc_arena *arena;
  TC_VEC(tc_cache_entry) all;
  uint64_t total_b;
  uint32_t n_damaged;
} listing;

/* The directories that tc_cache_each holds open would be lost if memory ran out in here, so entries
 * are counted first and the room made before the second pass. */
static void count_entry(void *data, const tc_cache_entry *entry) {
  listing *list = data;
  list->total_b += entry->size_b;
  list->n_damaged += !entry->sound;
  list->all.n++;
}

static void keep_entry(void *data, const tc_cache_entry *entry) {
  listing *list = data;
  if (list->all.n < list->all.cap) list->all.at[list->all.n++] = *entry;
}

static int newest_first(const void *a, const void *b) {
  const tc_cache_entry *x = a, *y = b;
  if (x->used_s != y->used_s) return x->used_s > y->used_s ? -1 : 1;
  return strcmp(x->hex, y->hex);
}

static listing list_entries(tc_session *s, const tc_cache *cache, bool deep) {
  listing list = {.arena = &s->arena};
  tc_cache_each(cache, deep, count_entry, &list);
  list.all.cap = list.all.n;
  list.all.at = TC_NEW_ARRAY(&s->arena, list.all.cap, tc_cache_entry);
  list.all.n = 0;
  tc_cache_each(cache, false, keep_entry, &list);
  if (list.all.n) qsort(list.all.at, list.all.n, sizeof *list.all.at, newest_first);
  return list;
}

static void show_entries(const listing *list, bool json, tc_sb *out) {
  if (json) tc_sb_adds(out, "[");
  for (uint32_t i = 0; i < list->all.n; i++) {
    const tc_cache_entry *e = &list->all.at[i];
    if (!json) {
      tc_sb_printf(out, "%.12s  %8llu kB  %s  %s%s\n", e->hex,
                   (unsigned long long)(e->size_b + 1023) / 1024, e->target, e->name,
                   e->sound ? "" : "  (damaged)");
      continue;
    }
    tc_sb_printf(out, "%s{\"bytes\":%llu,\"compile_ns\":%llu,\"key\":\"%s\",\"name\":\"",
                 i ? "," : "", (unsigned long long)e->size_b, (unsigned long long)e->compile_ns,
                 e->hex);
    tc_sb_json(out, tc_str_of(e->name));
    tc_sb_printf(out, "\",\"sound\":%s,\"target\":\"", e->sound ? "true" : "false");
    tc_sb_json(out, tc_str_of(e->target));
    tc_sb_printf(out, "\",\"used_s\":%lld}", (long long)e->used_s);
  }
  if (json) tc_sb_adds(out, "]\n");
}

static void show_stat(const tc_cache *cache, const listing *list, report *r) {
  say_text(r, "cache", cache_state(cache));
  if (cache->why[0]) say_text(r, "cache_problem", cache->why);
  say_text(r, "dir", cache->root);
  say_number(r, "entries", list->all.n);
  say_number(r, "bytes", list->total_b);
  say_number(r, "limit_bytes", cache->limit_b);
}

static void run_cache(tc_session *s, void *data) {
  info_call *call = data;
  tc_cache *cache = TC_NEW(&s->arena, tc_cache);
  tc_api_open_cache(s, cache);
  if (cache->trouble == TC_CACHE_FOREIGN)
    tc_session_stop(s, TILEC_ENVIRONMENT, "E0750", D_cache_foreign_fmt, cache->root, cache->why);
  report r;
  open_report(&r, &s->arena, call->format);
  bool gc = strcmp(call->verb, "gc") == 0, clear = strcmp(call->verb, "clear") == 0;
  if (gc || clear) {
    if (cache->mode != TC_CACHE_RW)
      tc_session_stop(s, TILEC_USAGE, "", "the cache is not opened for writing (option cache)");
    say_number(&r, "removed",
               tc_cache_clean(cache, clear            ? 0
                                     : cache->limit_b ? cache->limit_b
                                                      : 1));
    call->text = close_report(&r);
    return;
  }
  listing list = list_entries(s, cache, strcmp(call->verb, "verify") == 0);
  call->n_damaged = list.n_damaged;
  if (strcmp(call->verb, "ls") == 0) {
    tc_sb out = tc_sb_in(&s->arena);
    show_entries(&list, r.json, &out);
    call->text = tc_sb_str(&out);
  } else {
    show_stat(cache, &list, &r);
    say_number(&r, "damaged", list.n_damaged);
    call->text = close_report(&r);
  }
}

tilec_status tilec_cache_run(tilec_context *context, const char *verb, tilec_format format,
                             tilec_text **out, tilec_error **error) {
  static const char *const VERBS[] = {"ls", "stat", "verify", "clear", "gc"};
  if (error) *error = NULL;
  if (out) *out = NULL;
  if (!context || !verb || !out)
    return tc_api_usage(error, context, "tilec_cache_run: NULL argument");
  bool known = false;
  for (size_t i = 0; i < TC_COUNT(VERBS); i++)
    known = known || strcmp(VERBS[i], verb) == 0;
  if (!known)
    return tc_api_usage(error, context,
                        "cache has no verb '%s': expected ls, stat, verify, clear or gc", verb);
  info_call call = {.format = format, .verb = verb};
  tilec_status status = give_text(context, run_cache, &call, out, error);
  if (status != TILEC_OK || strcmp(verb, "verify") != 0 || !call.n_damaged) return status;
  tilec_text_release(*out);
  *out = NULL;
  return tc_api_fail(error, context, TILEC_CHECK_FAILED, "E0752", D_cache_damaged_fmt,
                     call.n_damaged, call.n_damaged == 1 ? "y" : "ies");
}
