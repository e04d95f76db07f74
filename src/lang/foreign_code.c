/* Functions of another language whose text is known. Their file is parsed once; a function is the
 * def at its line, in a module of its own, whose names are looked up where they are used first and
 * keep that value. */
#include "lang/foreign.h"

#include <string.h>

/* ---- finding the text ---- */

typedef struct source {
  tc_str text, path, name;
  uint32_t first_line, line, column; /* column 0: not known */
} source;

static bool read_source(tc_eval *ev, uint64_t object, source *s) {
  tc_val asked = tc_foreign_object(object);
  tc_val v = tc_foreign_ask(ev, TILEC_OP_SOURCE, &asked, 1);
  if (v.kind != TC_V_TUPLE || v.seq->items.n < 5) return false;
  const tc_val *at = v.seq->items.at;
  *s = (source){.text = tc_py_need_text(ev, at[0], "the text of a function"),
                .path = tc_py_need_text(ev, at[1], "the path of a function"),
                .first_line = (uint32_t)tc_py_need_int(ev, at[2], "a line"),
                .line = (uint32_t)tc_py_need_int(ev, at[3], "a line"),
                .name = tc_py_need_text(ev, at[4], "the name of a function")};
  if (v.seq->items.n > 5) s->column = (uint32_t)tc_py_need_int(ev, at[5], "a column");
  return true;
}

static const foreign_file *parse_file(tc_eval *ev, const source *s) {
  tilec_trace *t = ev->lang->foreign;
  for (uint32_t i = 0; i < t->files.n; i++) {
    const foreign_file *f = &t->files.at[i];
    if (tc_str_is(s->path, f->path) && f->first_line == s->first_line
        && tc_str_equal(f->text, s->text))
      return f;
  }
  foreign_file file = {.path = tc_str_dup(ev->arena, s->path), s->text, s->first_line, NULL};
  const tc_parse_cx cx = {ev->arena, ev->names, ev->source, ev->diags};
  uint32_t at = tc_source_add(ev->source, file.path, file.text, file.first_line);
  file.tree = tc_parse_module(&cx, at, TC_PARSE_WHOLE);
  if (!file.tree) tc_diag_stop(ev->diags);
  tc_vec_push(ev->arena, &t->files, file);
  return &t->files.at[t->files.n - 1];
}

typedef struct search {
  tc_eval *ev;
  const source *want;
  bool lambdas;
  const tc_ast *found;
  uint32_t n; /* how many fit */
} search;

static bool stands_at(const search *s, const tc_ast *node) {
  tc_place place;
  if (!tc_source_place(s->ev->source, node->span, &place)) return false;
  if (place.line != s->want->line) return false;
  if (!s->want->column || !s->lambdas) return true;
  /* The column is that of the body, so nodes that begin there are inside of it. */
  bool ends_later = place.end_line > place.line || place.end_column > s->want->column;
  return place.column < s->want->column && ends_later;
}

static void visit(void *cx, const tc_ast *node) {
  search *s = cx;
  bool fits = false;
  if (s->lambdas && node->kind == TC_AST_LAMBDA) {
    fits = stands_at(s, node);
  } else if (!s->lambdas && node->kind == TC_AST_DEF
             && tc_str_equal(tc_names_text(s->ev->names, node->def.name), s->want->name)) {
    /* The line is that of the first decorator, or of the def. */
    const tc_ast_list *decorators = node->def.decorators;
    fits = stands_at(s, node) || (decorators->n && stands_at(s, decorators->at[0]));
  }
  if (fits) {
    s->found = node; /* of lambdas around one place, the innermost */
    s->n = s->want->column && s->lambdas ? 1 : s->n + 1;
  }
  tc_ast_each_child(node, visit, s);
}

/* ---- functions ---- */

static void read_defaults(tc_eval *ev, tc_function *fn) {
  bool is_def = fn->node->kind == TC_AST_DEF;
  const tc_ast_list *params = is_def ? fn->node->def.params : fn->node->lambda.params;
  fn->defaults = TC_NEW_ARRAY(ev->arena, (size_t)params->n + 1, tc_val);
  for (uint32_t i = 0; i < params->n; i++) {
    if (!params->at[i]->param.default_) continue;
    const char *name = tc_eval_name(ev, params->at[i]->param.name);
    fn->defaults[i] =
        tc_foreign_ask_text(ev, TILEC_OP_DEFAULT, tc_foreign_object(fn->object), name);
  }
}

static tc_val make_function(tc_eval *ev, uint64_t object, uint32_t flags, const tc_ast *node,
                            const char *path) {
  tc_module *module = TC_NEW(ev->arena, tc_module);
  const char *slash = strrchr(path, '/');
  *module = (tc_module){.path = path, .file = path, .limit = UINT32_MAX, .foreign = object};
  module->directory =
      slash ? tc_str_dup(ev->arena, (tc_str){path, (uint32_t)(slash - path) + 1}) : "";
  tc_function *fn = TC_NEW(ev->arena, tc_function);
  *fn = (tc_function){.kind = flags & TILEC_FUNCTION_KERNEL  ? TC_FN_PRIM
                              : flags & TILEC_FUNCTION_MACRO ? TC_FN_MACRO
                                                             : TC_FN_PLAIN,
                      .node = node,
                      .module = module,
                      .object = object,
                      .is_ordinary = (flags & TILEC_FUNCTION_ORDINARY) != 0};
  return (tc_val){.kind = TC_V_FUNCTION, .fn = fn};
}

tc_val tc_foreign_function(tc_eval *ev, uint64_t object, uint32_t flags) {
  tilec_trace *t = ev->lang->foreign;
  uint32_t at;
  if (tc_map_get(&t->numbers, object, &at)) return t->taken.at[at];
  source s;
  tc_val v = tc_foreign_object(object);
  if (read_source(ev, object, &s)) {
    search found = {.ev = ev, .want = &s, .lambdas = (flags & TILEC_FUNCTION_LAMBDA) != 0};
    const foreign_file *file = parse_file(ev, &s);
    visit(&found, file->tree);
    if (found.n == 1) v = make_function(ev, object, flags, found.found, file->path);
  }
  /* Known before its defaults are read: they may name it. */
  tc_map_put(&t->numbers, object, t->taken.n);
  tc_vec_push(ev->arena, &t->taken, v);
  if (v.kind == TC_V_FUNCTION) read_defaults(ev, v.fn);
  return v;
}

/* ---- names ---- */

bool tc_foreign_lookup(tc_eval *ev, tc_module *module, tc_name name, tc_val *value) {
  if (tc_slots_get(&module->looked_up, name, value)) return value->kind != TC_V_UNBOUND;
  *value = tc_foreign_ask_text(ev, TILEC_OP_LOOKUP, tc_foreign_object(module->foreign),
                               tc_eval_name(ev, name));
  tc_slots_set(ev, &module->looked_up, name, *value);
  return value->kind != TC_V_UNBOUND;
}

bool tc_foreign_define(tc_eval *ev, tc_name name, tc_val *value) {
  tc_val text = tc_val_str(ev->arena, tc_names_text(ev->names, name));
  *value = tc_foreign_ask(ev, TILEC_OP_DEFINE, &text, 1);
  return value->kind != TC_V_UNBOUND;
}

tc_val tc_foreign_annotation(tc_eval *ev, const tc_function *fn, tc_name param) {
  return tc_foreign_ask_text(ev, TILEC_OP_ANNOTATION, tc_foreign_object(fn->object),
                             tc_eval_name(ev, param));
}

tc_val tc_foreign_import(tc_eval *ev, const tc_module *from, tc_str path, uint32_t level) {
  tc_sb text = tc_sb_in(ev->arena);
  for (uint32_t i = 0; i < level; i++)
    tc_sb_char(&text, '.');
  tc_sb_add(&text, path);
  return tc_foreign_ask_text(ev, TILEC_OP_IMPORT, tc_foreign_object(from->foreign), text.at);
}

tc_function *tc_foreign_entry(tc_eval *ev) {
  tc_val v = tc_foreign_ask(ev, TILEC_OP_ENTRY, NULL, 0);
  if (v.kind == TC_V_FUNCTION && v.fn->object && v.fn->node->kind == TC_AST_DEF) return v.fn;
  EVAL_FAIL(ev, D_no_source, (tc_span){0});
}
