/* Modules with a lazy top level. A module is cut into units: its statements, and the single names
 * of its imports. A unit is evaluated once, when a name it binds is needed, and sees the names that
 * the units above it bind. So files that also hold code for other worlds load, and what a name
 * means does not depend on the order in which names are asked for. */
#include "lang/eval_private.h"
#include "lang/foreign.h"

#include "rt/os.h"

#include <string.h>

/* ---- units ---- */

typedef struct collector {
  tc_eval *ev;
  tc_module *module;
  tc_unit *unit;
} collector;

static void use_name(collector *c, tc_name name, bool changes) {
  tc_use use = {name, c->unit, changes};
  for (uint32_t i = c->module->uses.n; i-- > 0 && c->module->uses.at[i].unit == c->unit;) {
    tc_use *old = &c->module->uses.at[i];
    if (old->name.id != name.id) continue;
    old->changes = old->changes && changes;
    return;
  }
  tc_vec_push(c->ev->arena, &c->module->uses, use);
}

/* x, x.a.b, x[i].a: the name at the root of a place. */
static void use_root(collector *c, const tc_ast *place) {
  for (;;) {
    if (place->kind == TC_AST_ATTRIBUTE)
      place = place->attribute.object;
    else if (place->kind == TC_AST_SUBSCRIPT)
      place = place->subscript.object;
    else
      break;
  }
  if (place->kind == TC_AST_NAME) use_name(c, place->name.name, true);
}

static void use_target(collector *c, const tc_ast *target) {
  const tc_ast_list *items = target->kind == TC_AST_TUPLE  ? target->tuple.items
                             : target->kind == TC_AST_LIST ? target->list.items
                                                           : NULL;
  for (uint32_t i = 0; items && i < items->n; i++)
    use_target(c, items->at[i]);
  if (target->kind == TC_AST_STARRED) use_target(c, target->starred.value);
  if (target->kind == TC_AST_NAME)
    use_name(c, target->name.name, false);
  else
    use_root(c, target);
}

static bool is_main_test(tc_eval *ev, const tc_ast *test) {
  if (test->kind != TC_AST_COMPARE) return false;
  const tc_ast *left = test->compare.operands->at[0];
  return left->kind == TC_AST_NAME
         && tc_str_is(tc_names_text(ev->names, left->name.name), "__name__");
}

static void use_body(collector *c, const tc_ast_list *body);
static void use_compound(collector *c, const tc_ast *stmt) {
  switch (stmt->kind) {
  case TC_AST_IF:
    for (uint32_t i = 0; i < stmt->if_.branches->n; i++)
      if (!is_main_test(c->ev, stmt->if_.branches->at[i]->branch.test))
        use_body(c, stmt->if_.branches->at[i]->branch.body);
    use_body(c, stmt->if_.orelse);
    break;
  case TC_AST_FOR:
    use_target(c, stmt->for_.target);
    use_body(c, stmt->for_.body);
    use_body(c, stmt->for_.orelse);
    break;
  case TC_AST_WHILE:
    use_body(c, stmt->while_.body);
    use_body(c, stmt->while_.orelse);
    break;
  case TC_AST_WITH:
    for (uint32_t i = 0; i < stmt->with.items->n; i++)
      if (stmt->with.items->at[i]->with_item.target)
        use_target(c, stmt->with.items->at[i]->with_item.target);
    use_body(c, stmt->with.body);
    break;
  case TC_AST_TRY:
    use_body(c, stmt->try_.body);
    for (uint32_t i = 0; i < stmt->try_.handlers->n; i++)
      use_body(c, stmt->try_.handlers->at[i]->handler.body);
    use_body(c, stmt->try_.orelse);
    use_body(c, stmt->try_.finally);
    break;
  default:
    break;
  }
}

static void use_stmt(collector *c, const tc_ast *stmt) {
  const tc_ast *value;
  switch (stmt->kind) {
  case TC_AST_ASSIGN:
    for (uint32_t i = 0; i < stmt->assign.targets->n; i++)
      use_target(c, stmt->assign.targets->at[i]);
    break;
  case TC_AST_AUG_ASSIGN:
    use_target(c, stmt->aug_assign.target);
    break;
  case TC_AST_ANN_ASSIGN:
    if (stmt->ann_assign.value) use_target(c, stmt->ann_assign.target);
    break;
  case TC_AST_DEF:
    use_name(c, stmt->def.name, false);
    break;
  case TC_AST_CLASS:
    use_name(c, stmt->class_.name, false);
    break;
  case TC_AST_UNSUPPORTED:
    if (stmt->unsupported.name.id) use_name(c, stmt->unsupported.name, false);
    break;
  case TC_AST_EXPR_STMT: /* x.append(...) changes x */
    value = stmt->expr_stmt.value;
    if (value->kind == TC_AST_CALL && value->call.callee->kind == TC_AST_ATTRIBUTE)
      use_root(c, value->call.callee);
    break;
  case TC_AST_IMPORT:
  case TC_AST_FROM_IMPORT: {
    const tc_ast_list *aliases =
        stmt->kind == TC_AST_IMPORT ? stmt->import.aliases : stmt->from_import.aliases;
    for (uint32_t i = 0; i < aliases->n; i++)
      if (aliases->at[i]->alias.bound.id) use_name(c, aliases->at[i]->alias.bound, false);
    break;
  }
  default:
    use_compound(c, stmt);
    break;
  }
}

static void use_body(collector *c, const tc_ast_list *body) {
  for (uint32_t i = 0; i < body->n; i++)
    use_stmt(c, body->at[i]);
}

static tc_unit *add_unit(tc_eval *ev, tc_module *module, const tc_ast *stmt, const tc_ast *alias,
                         uint32_t at) {
  tc_unit *unit = TC_NEW(ev->arena, tc_unit);
  *unit = (tc_unit){.stmt = stmt, .alias = alias, .at = at};
  tc_vec_push(ev->arena, &module->units, unit);
  return unit;
}

static void add_units(tc_eval *ev, tc_module *module, const tc_ast *stmt, uint32_t at) {
  const tc_ast_list *aliases = stmt->kind == TC_AST_IMPORT        ? stmt->import.aliases
                               : stmt->kind == TC_AST_FROM_IMPORT ? stmt->from_import.aliases
                                                                  : NULL;
  if (!aliases) {
    collector c = {ev, module, add_unit(ev, module, stmt, NULL, at)};
    use_stmt(&c, stmt);
    return;
  }
  for (uint32_t i = 0; i < aliases->n; i++) {
    const tc_ast *alias = aliases->at[i];
    collector c = {ev, module, add_unit(ev, module, stmt, alias, at)};
    if (alias->alias.bound.id)
      use_name(&c, alias->alias.bound, false);
    else
      tc_vec_push(ev->arena, &module->stars, c.unit);
  }
}

tc_module *tc_module_load(tc_eval *ev, const char *path, const char *file, tc_str text) {
  const tc_parse_cx cx = {ev->arena, ev->names, ev->source, ev->diags};
  tc_module *module = TC_NEW(ev->arena, tc_module);
  const char *slash = strrchr(file, '/');
  *module = (tc_module){.path = path, .file = file, .limit = UINT32_MAX};
  module->directory =
      slash ? tc_str_dup(ev->arena, (tc_str){file, (uint32_t)(slash - file) + 1}) : "";
  if (strcmp(slash ? slash + 1 : file, "__init__.py") == 0) module->package = module->directory;
  tc_vec_push(ev->arena, &ev->lang->modules, module);
  uint64_t start_ns = tc_rt_now_ns();
  module->tree = tc_parse_module(&cx, tc_source_add(ev->source, file, text, 1), TC_PARSE_WHOLE);
  ev->lang->parse_ns += tc_rt_now_ns() - start_ns;
  if (!module->tree) tc_diag_stop(ev->diags);
  const tc_ast_list *body = module->tree->module.body;
  for (uint32_t i = 0; i < body->n; i++)
    add_units(ev, module, body->at[i], i);
  return module;
}

/* ---- evaluating units ---- */

/* `try`, `with` and what is not Python 3.10 without async: their names exist, without a value. */
static bool is_opaque(const tc_ast *stmt) {
  return stmt->kind == TC_AST_TRY || stmt->kind == TC_AST_WITH || stmt->kind == TC_AST_UNSUPPORTED;
}

static void defer_names(tc_eval *ev, tc_module *module, tc_unit *unit) {
  for (uint32_t i = 0; i < module->uses.n; i++) {
    const tc_use *use = &module->uses.at[i];
    if (use->unit != unit || use->changes) continue;
    tc_deferred *d = TC_NEW(ev->arena, tc_deferred);
    *d = (tc_deferred){.what =
                           tc_format(ev->arena, "'%s', bound by a statement that is not evaluated,",
                                     tc_eval_name(ev, use->name)),
                       .span = unit->stmt->span};
    tc_slots_set(ev, &unit->results, use->name, (tc_val){.kind = TC_V_DEFERRED, .deferred = d});
  }
}

static void run_unit(tc_eval *ev, tc_module *module, tc_unit *unit) {
  if (unit->state != TC_UNIT_WAITING) return;
  unit->state = TC_UNIT_RUNNING;
  tc_running top = {.caller = ev->running, .module = module};
  tc_eval before = *ev;
  tc_unit *running = module->running;
  uint32_t limit = module->limit;
  /* As if it had run before everything: outside functions under construction and their blocks. */
  ev->cursor = (tc_cursor){0};
  ev->block = NULL;
  ev->lazy_operand = false;
  ev->running = &top;
  module->running = unit;
  module->limit = unit->at;
  tc_eval_enter(ev);
  if (unit->alias)
    tc_module_import(ev, unit->stmt, unit->alias);
  else if (is_opaque(unit->stmt))
    defer_names(ev, module, unit);
  else
    tc_eval_stmt(ev, unit->stmt);
  ev->nesting--;
  module->running = running;
  module->limit = limit;
  ev->cursor = before.cursor;
  ev->block = before.block;
  ev->lazy_operand = before.lazy_operand;
  ev->running = before.running;
  ev->node = before.node;
  unit->state = TC_UNIT_DONE;
}

static bool is_mutable(tc_val v) {
  return v.kind == TC_V_LIST || v.kind == TC_V_DICT || v.kind == TC_V_SET
         || v.kind == TC_V_INSTANCE;
}

/* Statements between the binding of a list (dict, ...) and here that change it. */
static void run_changes(tc_eval *ev, tc_module *module, tc_name name, uint32_t from,
                        uint32_t limit) {
  for (uint32_t i = 0; i < module->uses.n; i++) {
    tc_use use = module->uses.at[i];
    if (use.changes && use.name.id == name.id && use.unit->at > from && use.unit->at < limit)
      run_unit(ev, module, use.unit);
  }
}

/* A variable of the main module that only Python can compute may be given with -D. */
static void given_value(tc_eval *ev, const tc_module *module, const tc_unit *unit, tc_name name,
                        tc_val *value) {
  enum tc_ast_kind kind = unit->stmt->kind;
  bool variable = !unit->alias && kind != TC_AST_DEF && kind != TC_AST_CLASS;
  if (!variable || strcmp(module->path, "__main__") != 0) return;
  if (tc_eval_is_defined(ev, name)) {
    tc_eval_define(ev, name, value);
    return;
  }
  tc_deferred *named = tc_arena_copy(ev->arena, value->deferred, sizeof *value->deferred);
  named->name = name;
  value->deferred = named;
}

static bool star_name(tc_eval *ev, tc_module *module, tc_name name, tc_val *value) {
  for (uint32_t i = module->stars.n; i-- > 0;) {
    tc_unit *unit = module->stars.at[i];
    if (unit->at >= module->limit) continue;
    tc_val from, builtin;
    tc_str text = tc_names_text(ev->names, name);
    if (!tc_module_of_import(ev, module, unit->stmt, &from) || from.kind != TC_V_MODULE) continue;
    /* Whether T has a name cannot be asked without naming it: Python's own come first. */
    bool vocabulary = from.module->unknown == TC_UNKNOWN_VOCABULARY;
    if (vocabulary && tc_py_find(TC_PY_BUILTINS, text, &builtin)) continue;
    if (from.module->is_known && !vocabulary) {
      if (tc_module_peek(ev, from.module, name, value)) return true;
    } else if (tc_module_attribute(ev, from.module, name, value)) {
      return true;
    }
  }
  return false;
}

bool tc_module_get(tc_eval *ev, tc_module *module, tc_name name, tc_val *value) {
  if (module->foreign) return tc_foreign_lookup(ev, module, name, value);
  uint32_t limit = module->limit;
  if (module->running && tc_slots_get(&module->running->results, name, value)) return true;
  for (uint32_t i = module->uses.n; i-- > 0;) {
    tc_use use = module->uses.at[i];
    if (use.name.id != name.id || use.changes || use.unit->at >= limit) continue;
    run_unit(ev, module, use.unit);
    /* A branch not taken binds nothing: then the binding before it counts. */
    if (!tc_slots_get(&use.unit->results, name, value)) continue;
    if (is_mutable(*value)) run_changes(ev, module, name, use.unit->at, limit);
    if (value->kind == TC_V_DEFERRED) given_value(ev, module, use.unit, name, value);
    return true;
  }
  if (tc_str_is(tc_names_text(ev->names, name), "__name__")) {
    *value = tc_val_str(ev->arena, tc_str_of(module->path));
    return true;
  }
  return star_name(ev, module, name, value);
}

void tc_module_set(tc_eval *ev, tc_module *module, tc_name name, tc_val value) {
  if (!module->running) tc_bug(ev->arena->unwind, "a module name bound outside the module");
  tc_slots_set(ev, &module->running->results, name, value);
}
