/* The session: options, -D values, and the way from a file to its function. */
#include "lang/lang.h"

#include "lang/eval_private.h"
#include "lang/foreign.h"

#include <inttypes.h>
#include <string.h>

tc_lang *tc_lang_new(tc_arena *arena, tc_diags *diags, tc_names *names) {
  tc_lang *lang = TC_NEW(arena, tc_lang);
  lang->arena = arena;
  lang->diags = diags;
  lang->names = names;
  lang->source = diags->source;
  return lang;
}

void tc_lang_set_reader(tc_lang *lang, tc_lang_read *read, void *data) {
  lang->read = read;
  lang->read_data = data;
}

void tc_lang_set_device(tc_lang *lang, const tc_lang_device *device) {
  lang->device = *device;
}

void tc_lang_set_interrupt(tc_lang *lang, int (*interrupted)(void *data), void *data) {
  lang->interrupted = interrupted;
  lang->interrupted_data = data;
}

void tc_lang_set_step_limit(tc_lang *lang, uint64_t steps) {
  lang->step_limit = steps;
}

/* ---- -D ---- */

static bool is_vocabulary(const tc_names *names, const tc_ast *node) {
  while (node->kind == TC_AST_ATTRIBUTE)
    node = node->attribute.object;
  if (node->kind != TC_AST_NAME) return false;
  tc_str root = tc_names_text(names, node->name.name);
  return tc_str_is(root, "T") || tc_str_is(root, "tilelang") || tc_str_is(root, "tilec");
}

typedef struct literal_check {
  const tc_names *names;
  bool ok;
} literal_check;

static void check_literal(void *cx, const tc_ast *node) {
  literal_check *c = cx;
  switch (node->kind) {
  case TC_AST_INT:
  case TC_AST_FLOAT:
  case TC_AST_STRING:
  case TC_AST_NONE:
  case TC_AST_TRUE:
  case TC_AST_FALSE:
    return;
  case TC_AST_ATTRIBUTE:
    c->ok = c->ok && is_vocabulary(c->names, node);
    return;
  case TC_AST_UNARY:
  case TC_AST_BINARY:
  case TC_AST_TUPLE:
  case TC_AST_LIST:
  case TC_AST_SET:
  case TC_AST_DICT:
  case TC_AST_PAIR:
    tc_ast_each_child(node, check_literal, c);
    return;
  default:
    c->ok = false;
    return;
  }
}

/* A literal, arithmetic on literals, or a T.* name; NULL for anything else, which is a bare str. */
static const tc_ast *parse_define(tc_eval *ev, const tc_define *define) {
  const char *file = tc_format(ev->arena, "-D %s", tc_eval_name(ev, define->name));
  tc_parse_cx cx = {ev->arena, ev->names, ev->source, tc_diags_new(ev->arena, ev->source)};
  uint32_t at = tc_source_add(ev->source, file, tc_str_of(define->text), 1);
  const tc_ast *node = tc_parse_expression(&cx, at);
  literal_check check = {ev->names, node != NULL};
  if (node) check_literal(&check, node);
  return check.ok ? node : NULL;
}

static tc_val evaluate_define(tc_eval *ev, const tc_define *define) {
  const tc_ast *node = parse_define(ev, define);
  if (!node) return tc_val_str(ev->arena, tc_str_of(define->text));
  tc_eval before = *ev;
  tc_module *known = tc_module_load(
      ev, "defines", "<-D>", TC_STR("import tilelang.language as T\nimport tilelang, tilec\n"));
  tc_running top = {.caller = ev->running, .module = known};
  ev->running = &top;
  ev->cursor = (tc_cursor){0};
  ev->block = NULL;
  ev->lazy_operand = false;
  tc_val value = tc_eval_expr(ev, node);
  ev->running = before.running;
  ev->cursor = before.cursor;
  ev->block = before.block;
  ev->lazy_operand = before.lazy_operand;
  ev->node = before.node;
  return value;
}

static tc_define *find_define(const tc_eval *ev, tc_name name) {
  tc_lang *lang = ev->lang;
  for (uint32_t i = 0; i < lang->n_defines; i++)
    if (lang->defines[i].name.id == name.id) return &lang->defines[i];
  return NULL;
}

bool tc_eval_is_defined(const tc_eval *ev, tc_name name) {
  return find_define(ev, name) != NULL;
}

bool tc_eval_define(tc_eval *ev, tc_name name, tc_val *value) {
  tc_lang *lang = ev->lang;
  bool asked = false;
  for (uint32_t i = 0; i < lang->asked.n; i++)
    asked = asked || lang->asked.at[i].id == name.id;
  if (!asked) tc_vec_push(ev->arena, &lang->asked, name);
  tc_define *define = find_define(ev, name);
  if (!define) return lang->foreign && tc_foreign_define(ev, name, value);
  if (!define->evaluated) define->value = evaluate_define(ev, define);
  define->evaluated = define->used = true;
  *value = define->value;
  return true;
}

typedef TC_VEC(tc_name) name_list;

/* Every name that -D may give: the parameters and T.const that were asked for, the symbolic
 * dimensions. */
static name_list definable(const tc_eval *ev) {
  name_list all = {0};
  for (uint32_t i = 0; i < ev->lang->asked.n; i++)
    tc_vec_push(ev->arena, &all, ev->lang->asked.at[i]);
  for (uint32_t i = 1; ev->ir && i < ev->ir->vars.n; i++)
    if (ev->ir->vars.at[i].kind == TC_VAR_DIM)
      tc_vec_push(ev->arena, &all, ev->ir->vars.at[i].name);
  return all;
}

static void report_unused(tc_eval *ev, const char *entry, tc_str name) {
  name_list all = definable(ev);
  tc_near near = tc_near_to(name, 4);
  tc_sb names = tc_sb_in(ev->arena);
  TC_DIAG(ev->diags, D_unused_define, (tc_span){0}, entry, name.at);
  for (uint32_t k = 0; k < all.n; k++) {
    tc_str known = tc_names_text(ev->names, all.at[k]);
    tc_near_offer(&near, known);
    tc_sb_printf(&names, "%s%s", k ? ", " : "", known.at);
  }
  if (near.best.n)
    tc_diag_help(ev->diags, "did you mean '%s'?", near.best.at);
  else
    tc_diag_help(ev->diags, "it has: %s", names.n ? names.at : "none");
  tc_diag_stop(ev->diags);
}

static void check_all_used(tc_eval *ev, const char *entry) {
  const tc_lang *lang = ev->lang;
  for (uint32_t i = 0; i < lang->n_defines; i++)
    if (!lang->defines[i].used)
      report_unused(ev, entry, tc_names_text(ev->names, lang->defines[i].name));
}

/* ---- compiling ---- */

tc_eval *tc_lang_start(tc_lang *lang, const tc_lang_define *defines, uint32_t n_defines) {
  lang->eval = (tc_eval){.lang = lang,
                         .arena = lang->arena,
                         .diags = lang->diags,
                         .names = lang->names,
                         .source = lang->source,
                         .steps_left = lang->step_limit ? lang->step_limit : 50000000};
  lang->modules.n = lang->asked.n = lang->trail.n = 0;
  lang->inlined = tc_map_in(lang->arena);
  lang->n_blocks = lang->n_loops = 0;
  lang->defines = TC_NEW_ARRAY(lang->arena, n_defines + 1, tc_define);
  lang->n_defines = n_defines;
  for (uint32_t i = 0; i < n_defines; i++)
    lang->defines[i] = (tc_define){.name = tc_names_add(lang->names, tc_str_of(defines[i].name)),
                                   .text = tc_str_dup(lang->arena, tc_str_of(defines[i].text))};
  if (lang->foreign) tc_foreign_start(lang->foreign, &lang->eval);
  return &lang->eval;
}

/* ---- T.const from the shapes of arguments ---- */

void tc_lang_set_shapes(tc_lang *lang, const tc_lang_shape *shapes, uint32_t n) {
  lang->shapes = shapes;
  lang->n_shapes = n;
}

void tc_lang_set_configs(tc_lang *lang, const tc_lang_define *configs, uint32_t n) {
  lang->configs = configs;
  lang->n_configs = n;
}

static bool was_asked(const tc_lang *lang, tc_name name) {
  for (uint32_t i = 0; i < lang->asked.n; i++)
    if (lang->asked.at[i].id == name.id) return true;
  return false;
}

typedef TC_VEC(tc_lang_define) define_list;

/* An extent that is a bare T.const name gives its value; the first argument decides. */
static void read_extents(tc_lang *lang, const tc_ir *ir, const tc_buffer *b,
                         const tc_lang_shape *shape, define_list *out) {
  bool vectors = b->elem.lanes > 1; /* whose lanes are the last extent */
  for (uint32_t d = 0; d < b->rank && b->rank + vectors == shape->rank; d++) {
    if (!tc_is(ir, b->shape[d], TC_OP_var)) continue;
    tc_name name = tc_var_at(ir, (tc_var){tc_op_at(ir, b->shape[d])->payload})->name;
    const char *text = tc_names_text(lang->names, name).at;
    bool known = !was_asked(lang, name);
    for (uint32_t i = 0; i < out->n; i++)
      known = known || strcmp(out->at[i].name, text) == 0;
    if (known) continue;
    uint32_t bits = tc_type_bits((tc_type){b->elem.dtype, 0, 1});
    int64_t extent = shape->extent[d] * (bits < 8 && d + 1 == shape->rank ? 8 / bits : 1);
    tc_lang_define define = {text, tc_format(lang->arena, "%" PRId64, extent)};
    tc_vec_push(lang->arena, out, define);
  }
}

static tc_ir *run_entry(tc_lang *lang, const char *path, tc_str text, const char **entry) {
  tc_eval *ev = &lang->eval;
  if (lang->foreign) return tc_entry_run(ev, NULL, entry);
  const char *file = tc_str_dup(lang->arena, tc_str_of(path));
  return tc_entry_run(ev, tc_module_load(ev, "__main__", file, text), entry);
}

/* Evaluates the entry up to its first kernel with every T.const symbolic, only to see how the
 * parameters are shaped. Mistakes are left to the evaluation proper, which meets them again. */
static void probe(tc_lang *lang, const char *path, tc_str text, const char *entry,
                  const tc_lang_define *defines, uint32_t n_defines, define_list *out) {
  tc_eval *ev = tc_lang_start(lang, defines, n_defines);
  tc_unwind here = {.text = {0}}, *outer = lang->arena->unwind;
  ev->diags = tc_diags_new(lang->arena, lang->source);
  ev->probing = true;
  lang->arena->unwind = &here;
  int why = setjmp(here.at);
  if (why == 0) run_entry(lang, path, text, &entry);
  lang->arena->unwind = outer;
  if (why == TC_WHY_MEMORY) tc_unwind_to(outer, TC_WHY_MEMORY);
  const tc_ir *ir = lang->eval.ir;
  for (uint32_t i = 0; ir && i < ir->params.n; i++) {
    if (ir->params.at[i].kind != TC_PARAM_BUFFER) continue;
    const tc_buffer *b = tc_buf_at(ir, ir->params.at[i].buf);
    for (uint32_t k = 0; k < lang->n_shapes; k++)
      if (tc_str_is(tc_names_text(lang->names, b->name), lang->shapes[k].name))
        read_extents(lang, ir, b, &lang->shapes[k], out);
  }
}

tc_ir *tc_lang_compile(tc_lang *lang, const char *path, tc_str text, const char *entry,
                       const tc_lang_define *defines, uint32_t n_defines) {
  define_list all = {0};
  for (uint32_t i = 0; i < n_defines; i++)
    tc_vec_push(lang->arena, &all, defines[i]);
  if (lang->n_shapes) probe(lang, path, text, entry, defines, n_defines, &all);
  tc_eval *ev = tc_lang_start(lang, all.at, all.n);
  tc_ir *ir = run_entry(lang, path, text, &entry);
  check_all_used(ev, entry);
  lang->entry = entry;
  return ir;
}

uint64_t tc_lang_parse_ns(const tc_lang *lang) {
  return lang->parse_ns;
}

const char *tc_lang_entry(const tc_lang *lang) {
  return lang->entry;
}

const tc_ast *tc_lang_parse(tc_lang *lang, const char *path, tc_str text) {
  const tc_parse_cx cx = {lang->arena, lang->names, lang->source, lang->diags};
  return tc_parse_module(&cx, tc_source_add(lang->source, path, text, 1), TC_PARSE_WHOLE);
}
