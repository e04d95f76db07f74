/* Imports: the modules of pybuiltins.def, sibling files through the reader, and a deferred value
 * for everything else. */
#include "lang/eval_private.h"
#include "lang/foreign.h"

#include <string.h>

typedef struct known_module {
  const char *path;
  enum tc_pyowner owner;
  enum tc_unknown unknown;
} known_module;
static const known_module KNOWN[] = {
#define PYMODULE(path, owner, unknown) {path, TC_PY_##owner, TC_UNKNOWN_##unknown},
#define PY(owner, name, function, flags, signature, doc)
#define PYREAL(owner, name, function, doc)
#define PYCONST(owner, name, value, doc)
#define PYNONE(owner, name, doc)
#define PYLIB(owner, name, doc)
#include "lang/pybuiltins.def"
};

static tc_val module_val(tc_module *module) {
  return (tc_val){.kind = TC_V_MODULE, .module = module};
}

static tc_val deferred(tc_eval *ev, const char *what, tc_span span) {
  tc_deferred *d = TC_NEW(ev->arena, tc_deferred);
  *d = (tc_deferred){.what = what, .span = span};
  return (tc_val){.kind = TC_V_DEFERRED, .deferred = d};
}

/* tilec is another name of tilelang. */
static tc_str canonical(tc_eval *ev, tc_str path) {
  bool ours = tc_str_is(path, "tilec") || tc_str_starts(path, "tilec.");
  if (!ours) return path;
  return tc_str_of(tc_format(ev->arena, "tilelang%.*s", (int)path.n - 5, path.at + 5));
}

tc_module *tc_module_known(tc_eval *ev, tc_str path) {
  path = canonical(ev, path);
  for (uint32_t i = 0; i < ev->lang->modules.n; i++) {
    tc_module *module = ev->lang->modules.at[i];
    if (module->is_known && tc_str_is(path, module->path)) return module;
  }
  for (size_t i = 0; i < TC_COUNT(KNOWN); i++) {
    if (!tc_str_is(path, KNOWN[i].path)) continue;
    tc_module *module = TC_NEW(ev->arena, tc_module);
    *module = (tc_module){.path = KNOWN[i].path,
                          .is_known = true,
                          .owner = KNOWN[i].owner,
                          .unknown = KNOWN[i].unknown,
                          .limit = UINT32_MAX};
    tc_vec_push(ev->arena, &ev->lang->modules, module);
    return module;
  }
  return NULL;
}

const char *tc_module_of_owner(enum tc_pyowner owner) {
  for (size_t i = 0; i < TC_COUNT(KNOWN); i++)
    if (owner != TC_PY_NOTHING && KNOWN[i].owner == owner) return KNOWN[i].path;
  return NULL;
}

/* ---- files ---- */

static tc_module *load_file(tc_eval *ev, const char *path, const char *file) {
  for (uint32_t i = 0; i < ev->lang->modules.n; i++) {
    tc_module *module = ev->lang->modules.at[i];
    if (module->file && strcmp(module->file, file) == 0) return module;
  }
  if (!ev->lang->read) return NULL;
  tc_str text = ev->lang->read(ev->lang->read_data, ev->arena, file);
  return text.at ? tc_module_load(ev, path, file, text) : NULL;
}

/* Module a.b.c below `directory`: a/b/c.py or a/b/c/__init__.py. */
static tc_module *find_file(tc_eval *ev, const char *directory, tc_str path) {
  char *slashed = tc_str_dup(ev->arena, path), *name = tc_str_dup(ev->arena, path);
  for (char *c = slashed; *c; c++)
    if (*c == '.') *c = '/';
  tc_module *module = load_file(ev, name, tc_format(ev->arena, "%s%s.py", directory, slashed));
  if (module) return module;
  return load_file(ev, name, tc_format(ev->arena, "%s%s/__init__.py", directory, slashed));
}

/* A folder without __init__.py: only its submodules exist. */
static tc_module *folder_module(tc_eval *ev, const char *directory, tc_str name) {
  tc_module *module = TC_NEW(ev->arena, tc_module);
  *module = (tc_module){.path = tc_str_dup(ev->arena, name),
                        .directory = directory,
                        .package = tc_format(ev->arena, "%s%.*s/", directory, TC_ARG_STR(name)),
                        .limit = UINT32_MAX};
  return module;
}

static const char *parent_directory(tc_eval *ev, const char *directory, uint32_t up) {
  size_t n = strlen(directory);
  for (; up && n; up--) {
    n--;
    while (n && directory[n - 1] != '/')
      n--;
  }
  if (!up) return tc_str_dup(ev->arena, (tc_str){directory, (uint32_t)n});
  tc_sb sb = tc_sb_in(ev->arena);
  for (; up; up--)
    tc_sb_adds(&sb, "../");
  return sb.at;
}

static tc_val import_module(tc_eval *ev, const tc_module *from, tc_str path, uint32_t level,
                            tc_span span) {
  if (from->foreign) return tc_foreign_import(ev, from, path, level);
  tc_module *module = level ? NULL : tc_module_known(ev, path);
  if (module) return module_val(module);
  const char *directory = from->directory ? from->directory : "";
  if (level > 1) directory = parent_directory(ev, directory, level - 1);
  if (level && !path.n) {
    module = folder_module(ev, directory, path);
    module->package = directory;
    return module_val(module);
  }
  tc_str root = canonical(ev, path);
  bool ours = !level && (tc_str_is(root, "tilelang") || tc_str_starts(root, "tilelang."));
  if (!ours) module = find_file(ev, directory, path);
  if (module) return module_val(module);
  return deferred(ev, tc_format(ev->arena, "module '%.*s'", TC_ARG_STR(path)), span);
}

bool tc_module_of_import(tc_eval *ev, tc_module *module, const tc_ast *stmt, tc_val *value) {
  if (stmt->kind != TC_AST_FROM_IMPORT) return false;
  *value = import_module(ev, module, tc_names_text(ev->names, stmt->from_import.module),
                         stmt->from_import.level, stmt->span);
  return true;
}

/* ---- attributes of modules ---- */

bool tc_module_peek(tc_eval *ev, tc_module *module, tc_name name, tc_val *value) {
  tc_str text = tc_names_text(ev->names, name);
  if (!module->is_known) return false;
  if (tc_py_find((enum tc_pyowner)module->owner, text, value)) {
    bool library = value->kind == TC_V_PYBUILTIN && value->pyfn->flags & TC_PYF_LIBRARY;
    if (library) *value = tc_library_get(ev, name);
    return true;
  }
  const char *path = tc_format(ev->arena, "%s.%.*s", module->path, TC_ARG_STR(text));
  tc_module *sub = tc_module_known(ev, tc_str_of(path));
  if (sub) *value = module_val(sub);
  return sub != NULL;
}

bool tc_module_attribute(tc_eval *ev, tc_module *module, tc_name name, tc_val *value) {
  tc_str text = tc_names_text(ev->names, name);
  enum tc_dtype dtype;
  if (tc_module_peek(ev, module, name, value)) return true;
  if (!module->is_known) {
    if (module->tree && tc_module_get(ev, module, name, value)) return true;
    tc_module *sub = module->package ? find_file(ev, module->package, text) : NULL;
    if (sub) *value = module_val(sub);
    return sub != NULL;
  }
  switch (module->unknown) {
  case TC_UNKNOWN_VOCABULARY:
    *value = tc_stage_vocabulary(ev, text, tc_eval_at(ev, ev->node));
    return true;
  case TC_UNKNOWN_TYPES:
    if (tc_str_is(text, "TYPE_CHECKING")) return *value = tc_val_bool(false), true;
    return tc_py_find(TC_PY_BUILTINS, TC_STR("object"), value);
  case TC_UNKNOWN_DTYPES:
    if (tc_dtype_find(text, &dtype)) return *value = tc_val_dtype(tc_scalar_type(dtype)), true;
    break;
  case TC_UNKNOWN_DEFER:
    break;
  }
  *value =
      deferred(ev, tc_format(ev->arena, "'%s.%.*s'", module->path, TC_ARG_STR(text)), (tc_span){0});
  return true;
}

/* ---- statements ---- */

static tc_val from_import(tc_eval *ev, const tc_ast *stmt, const tc_ast *alias) {
  tc_val from, value;
  tc_str text = tc_names_text(ev->names, alias->alias.name);
  if (!alias->alias.bound.id)
    EVAL_FAIL(ev, D_not_evaluated, tc_eval_span(ev, stmt), "'import *' in a function", "");
  tc_module_of_import(ev, ev->running->module, stmt, &from);
  ev->node = alias;
  if (tc_eval_attribute(ev, from, alias->alias.name, &value)) return value;
  EVAL_FAIL(ev, D_import_missing, tc_eval_span(ev, alias),
            from.kind == TC_V_MODULE ? from.module->path : "", text.at);
}

void tc_module_import(tc_eval *ev, const tc_ast *stmt, const tc_ast *alias) {
  const tc_module *here = ev->running->module;
  ev->node = alias;
  if (stmt->kind == TC_AST_FROM_IMPORT) {
    tc_val value = from_import(ev, stmt, alias);
    tc_scope_store(ev, alias->alias.bound, value, alias);
    return;
  }
  tc_str path = tc_names_text(ev->names, alias->alias.name);
  tc_val value = import_module(ev, here, path, 0, alias->span);
  if (!alias->alias.as_name.id
      && !tc_str_equal(path, tc_names_text(ev->names, alias->alias.bound))) {
    /* import a.b binds a. */
    tc_str root = tc_names_text(ev->names, alias->alias.bound);
    bool found = value.kind == TC_V_MODULE;
    value = import_module(ev, here, root, 0, alias->span);
    if (found && value.kind != TC_V_MODULE)
      value = module_val(folder_module(ev, here->directory, root));
  }
  tc_scope_store(ev, alias->alias.bound, value, alias);
}
