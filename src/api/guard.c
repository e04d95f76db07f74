/* Sessions and the guard. */
#include "api/api_impl.h"

#include "jit/cache.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void tc_session_start(tc_session *s, tilec_context *context) {
  memset(s, 0, sizeof *s);
  s->context = context;
  s->lock = -1;
  s->phase_start_ns = tc_rt_now_ns();
  tc_arena_init(&s->arena, &s->unwind, (size_t)tc_api_option_number(context, TC_OPTION_memory));
  s->arena.hooks = tc_api_hooks(context);
}

void tc_session_release_files(tc_session *s) {
  tc_cache_unlock(s->lock);
  s->lock = -1;
  if (s->workdir[0]) tc_cache_discard(s->workdir);
  s->workdir[0] = 0;
}

void tc_session_end(tc_session *s) {
  tc_session_release_files(s);
  tc_arena_free(&s->arena);
}

void tc_session_stop(tc_session *s, tilec_status status, const char *code, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  vsnprintf(s->stop_text, sizeof s->stop_text, fmt, args);
  va_end(args);
  snprintf(s->stop_code, sizeof s->stop_code, "%s", code);
  s->status = status;
  tc_unwind_to(&s->unwind, TC_WHY_ERROR);
}

/* The one setjmp: runs a function and says how it ended, 0 for by returning. */
static int protect(tc_unwind *unwind, void (*fn)(void *data), void *data) {
  switch (setjmp(unwind->at)) {
  case 0:
    fn(data);
    return 0;
  case TC_WHY_MEMORY:
    return TC_WHY_MEMORY;
  case TC_WHY_ERROR:
    return TC_WHY_ERROR;
  case TC_WHY_BUDGET:
    return TC_WHY_BUDGET;
  default:
    return TC_WHY_BUG;
  }
}

/* ---- what a failed session says ---- */

static tilec_status status_of_diag(enum tc_diag_id id) {
  const char *code = tc_diag_row(id)->code;
  switch (id) { /* table */
  case D_argument_count:
  case D_argument_mismatch:
  case D_dimension_unknown:
  case D_grid_empty:
  case D_assert_failed:
  case D_assume_failed:
  case D_null_argument:
    return TILEC_ARGUMENT;
  case D_index_out_of_bounds:
  case D_outside_storage:
  case D_undefined_value:
  case D_divided_by_zero:
    return TILEC_CHECK_FAILED;
  case D_nvrtc_missing:
    return TILEC_NO_TARGET;
  case D_step_limit:
  case D_too_many_steps:
    return TILEC_BUDGET;
  case D_too_much_memory:
    return TILEC_MEMORY;
  case D_pass_unknown:
  case D_pass_required:
    return TILEC_USAGE;
  case D_foreign_raised:
    return TILEC_RAISED;
  case D_interrupted:
    return TILEC_INTERRUPTED;
  default:
    break;
  }
  if (strncmp(code, "E05", 3) == 0) return TILEC_CHECK_FAILED;
  return strncmp(code, "E07", 3) == 0 ? TILEC_ENVIRONMENT : TILEC_ERROR;
}

static const tc_diag_report *first_error(const tc_diags *diags) {
  for (uint32_t i = 0; diags && i < diags->all.n; i++)
    if (tc_diag_row(diags->all.at[i].id)->severity == TC_ERROR) return &diags->all.at[i];
  return NULL;
}

static tilec_status status_of(const tc_session *s, int why) {
  const tc_diag_report *first = first_error(s->diags);
  if (why == TC_WHY_MEMORY) return TILEC_MEMORY;
  if (why == TC_WHY_BUG) return TILEC_BUG;
  if (s->status != TILEC_OK) return s->status;
  if (why == TC_WHY_BUDGET) return TILEC_BUDGET;
  if (!first) return why ? TILEC_BUG : TILEC_OK;
  return status_of_diag(first->id);
}

/* The line that is in no diagnostic: of a limit, of a bug, of tc_session_stop. */
static void final_words(tc_session *s, int why) {
  const char *code = NULL;
  if (why == TC_WHY_MEMORY) {
    code = "E0901";
    snprintf(s->stop_text, sizeof s->stop_text, D_out_of_memory_fmt, s->arena.limit_b >> 20);
  } else if (why == TC_WHY_BUG || (why && !first_error(s->diags) && !s->stop_text[0])) {
    code = "E0902";
    snprintf(s->stop_text, sizeof s->stop_text, D_bug_fmt, s->unwind.text);
  }
  if (code) snprintf(s->stop_code, sizeof s->stop_code, "%s", code);
}

typedef struct rendering {
  tc_session *s;
  tc_arena arena;
  tc_unwind unwind;
  tc_str form[TC_N_FORMATS];
} rendering;

static const enum tc_diag_format DIAG_FORMATS[TC_N_FORMATS] = {
    [TILEC_FORMAT_TEXT] = TC_DIAG_TEXT,
    [TILEC_FORMAT_COLOR] = TC_DIAG_COLOR,
    [TILEC_FORMAT_JSON] = TC_DIAG_JSON,
};

static void add_stop_line(const tc_session *s, int format, tc_sb *out) {
  if (!s->stop_text[0]) return;
  if (format == TILEC_FORMAT_JSON) {
    tc_sb_printf(out, "{\"code\":\"%s\",\"severity\":\"error\",\"message\":\"", s->stop_code);
    tc_sb_json(out, tc_str_of(s->stop_text));
    tc_sb_adds(out, "\",\"spans\":[],\"notes\":[],\"help\":\"\"}\n");
    return;
  }
  bool color = format == TILEC_FORMAT_COLOR;
  tc_sb_printf(out, "%serror%s%s%s%s: %s\n", color ? "\033[1;31m" : "", s->stop_code[0] ? "[" : "",
               s->stop_code, s->stop_code[0] ? "]" : "", color ? "\033[0m" : "", s->stop_text);
}

static void render_all(void *data) {
  rendering *r = data;
  for (int f = 0; f < TC_N_FORMATS; f++) {
    tc_sb out = tc_sb_in(&r->arena);
    if (r->s->diags) tc_diags_render(r->s->diags, DIAG_FORMATS[f], &out);
    add_stop_line(r->s, f, &out);
    r->form[f] = tc_sb_str(&out);
  }
}

/* Renders in an arena of its own: the session's may be what is exhausted. */
static void make_error(tc_session *s, tilec_status status, tilec_error **error) {
  if (!error) return;
  rendering r = {.s = s};
  tc_arena_init_like(&r.arena, &s->arena, &r.unwind, 0);
  const tc_diag_report *first = first_error(s->diags);
  bool own_words = s->stop_text[0] || !first;
  const char *code = own_words ? s->stop_code : tc_diag_row(first->id)->code;
  const char *text = own_words ? s->stop_text : first->text;
  if (protect(&r.unwind, render_all, &r)) {
    tc_api_no_memory(error);
  } else {
    tc_api_make_error(error, s->context, status, code, text, r.form);
  }
  tc_arena_free(&r.arena);
}

/* ---- the guard ---- */

typedef struct guarded_call {
  tc_session *s;
  tc_guarded *fn;
  void *data;
} guarded_call;

static void run_guarded(void *data) {
  guarded_call *c = data;
  tc_session *s = c->s;
  if (!s->diags) {
    s->source = tc_source_new(&s->arena);
    s->diags = tc_diags_new(&s->arena, s->source);
    s->names = tc_names_new(&s->arena);
  }
  c->fn(s, c->data);
}

tilec_status tc_api_guard(tc_session *s, tc_guarded *fn, void *data, tilec_error **error) {
  guarded_call c = {s, fn, data};
  if (error) *error = NULL;
  int why = protect(&s->unwind, run_guarded, &c);
  tc_session_end_trace(s);
  tilec_status status = status_of(s, why);
  if (status == TILEC_OK) return status;
  final_words(s, why);
  make_error(s, status, error);
  return status;
}

tc_rendered tc_api_render(tc_session *s) {
  tc_rendered rendered = {{"", "", ""}};
  for (int f = 0; f < TC_N_FORMATS; f++) {
    tc_sb out = tc_sb_in(&s->arena);
    tc_diags_render(s->diags, DIAG_FORMATS[f], &out);
    if (out.at) rendered.form[f] = out.at;
  }
  return rendered;
}
