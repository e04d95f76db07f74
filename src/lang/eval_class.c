/* Attributes of all values, and small classes over compile-time values: methods, properties, class
 * attributes, one base. */
#include "lang/eval_private.h"
#include "lang/foreign.h"

#include <string.h>

/* ---- slots ---- */

bool tc_slots_get(const tc_slots *slots, tc_name name, tc_val *value) {
  for (uint32_t i = 0; i < slots->n; i++)
    if (slots->at[i].name.id == name.id) return *value = slots->at[i].value, true;
  return false;
}

void tc_slots_set(tc_eval *ev, tc_slots *slots, tc_name name, tc_val value) {
  for (uint32_t i = 0; i < slots->n; i++) {
    if (slots->at[i].name.id != name.id) continue;
    slots->at[i].value = value;
    return;
  }
  tc_vec_push(ev->arena, slots, ((tc_slot){name, value}));
}

/* ---- members ---- */

static tc_val bound(tc_eval *ev, tc_val self, tc_val callee, tc_name name) {
  tc_method *method = TC_NEW(ev->arena, tc_method);
  *method = (tc_method){self, callee, name};
  return (tc_val){.kind = TC_V_METHOD, .method = method};
}

static bool class_member(const tc_class *klass, tc_name name, tc_val *value) {
  for (; klass; klass = klass->base)
    if (tc_slots_get(&klass->members, name, value)) return true;
  return false;
}

/* A member as seen through an instance (or, with `self` unbound, through the class). */
static tc_val member_value(tc_eval *ev, tc_val self, tc_class *klass, tc_val member, tc_name name) {
  if (member.kind != TC_V_FUNCTION) return member;
  switch (member.fn->role) {
  case TC_ROLE_STATIC:
    return member;
  case TC_ROLE_CLASS:
    return bound(ev, (tc_val){.kind = TC_V_CLASS, .klass = klass}, member, name);
  case TC_ROLE_PROPERTY:
    return self.kind == TC_V_UNBOUND ? member : tc_eval_apply(ev, member, &self, 1);
  case TC_ROLE_NONE:
    break;
  }
  return self.kind == TC_V_UNBOUND ? member : bound(ev, self, member, name);
}

static bool instance_attribute(tc_eval *ev, tc_val object, tc_name name, tc_val *value) {
  tc_instance *instance = object.instance;
  tc_val member;
  bool in_class = class_member(instance->klass, name, &member);
  bool property = in_class && member.kind == TC_V_FUNCTION && member.fn->role == TC_ROLE_PROPERTY;
  if (!property && tc_slots_get(instance->slots, name, value)) return true;
  if (!in_class) {
    bool is_class = tc_str_is(tc_names_text(ev->names, name), "__class__");
    if (is_class) *value = (tc_val){.kind = TC_V_CLASS, .klass = instance->klass};
    return is_class;
  }
  *value = member_value(ev, object, instance->klass, member, name);
  return true;
}

bool tc_eval_method(tc_eval *ev, tc_val instance, const char *name, tc_val *method) {
  tc_val member;
  tc_name id = tc_names_add(ev->names, tc_str_of(name));
  if (!class_member(instance.instance->klass, id, &member)) return false;
  *method = member_value(ev, instance, instance.instance->klass, member, id);
  return true;
}

/* ---- attributes of everything ---- */

static bool name_of_callable(tc_eval *ev, tc_val object, tc_val *value) {
  const char *text = NULL;
  if (object.kind == TC_V_FUNCTION) text = tc_function_name(ev, object.fn);
  if (object.kind == TC_V_CLASS) text = tc_eval_name(ev, object.klass->name);
  if (object.kind == TC_V_PYBUILTIN) text = object.pyfn->name;
  if (object.kind == TC_V_MODULE) text = object.module->path;
  if (text) *value = tc_val_str(ev->arena, tc_str_of(text));
  return text != NULL;
}

/* Any name of a module that is not there stays deferred. */
static bool deferred_attribute(tc_eval *ev, tc_val object, tc_str name, tc_val *value) {
  const char *what = object.deferred->what;
  tc_deferred *d = TC_NEW(ev->arena, tc_deferred);
  *d = (tc_deferred){.what = tc_format(ev->arena, "'%.*s' of %s", TC_ARG_STR(name), what),
                     .span = object.deferred->span};
  *value = (tc_val){.kind = TC_V_DEFERRED, .deferred = d};
  return true;
}

static bool python_attribute(tc_eval *ev, tc_val object, tc_name name, tc_val *value) {
  tc_str text = tc_names_text(ev->names, name);
  tc_val callee;
  enum tc_pyowner owner = tc_py_owner_of(object);
  if (object.kind == TC_V_RANGE && !object.range->staged) {
    const tc_range *r = object.range;
    bool start = tc_str_is(text, "start"), stop = tc_str_is(text, "stop");
    if (start || stop || tc_str_is(text, "step"))
      return *value = tc_val_int(start ? r->start : stop ? r->stop : r->step), true;
  }
  if (!tc_py_find(owner, text, &callee)) return false;
  if (object.kind == TC_V_DTYPE) object = tc_val_str(ev->arena, tc_eval_str(ev, object));
  *value = bound(ev, object, callee, name);
  return true;
}

/* str.upper and the like: the method, with the receiver as its first argument. */
static bool type_attribute(tc_eval *ev, tc_val object, tc_name name, tc_val *value) {
  static const struct {
    const char *name;
    enum tc_pyowner owner;
  } TYPES[] = {{"str", TC_PY_STR}, {"list", TC_PY_LIST}, {"dict", TC_PY_DICT},
               {"set", TC_PY_SET}, {"int", TC_PY_INT},   {"float", TC_PY_FLOAT}};
  for (size_t i = 0; i < TC_COUNT(TYPES); i++)
    if (strcmp(object.pyfn->name, TYPES[i].name) == 0
        && tc_py_find(TYPES[i].owner, tc_names_text(ev->names, name), value))
      return true;
  return false;
}

bool tc_eval_attribute(tc_eval *ev, tc_val object, tc_name name, tc_val *value) {
  tc_str text = tc_names_text(ev->names, name);
  tc_val member;
  if (tc_str_is(text, "__name__") && name_of_callable(ev, object, value)) return true;
  switch (object.kind) { /* table */
  case TC_V_MODULE:
    return tc_module_attribute(ev, object.module, name, value);
  case TC_V_DEFERRED:
    return deferred_attribute(ev, object, text, value);
  case TC_V_INSTANCE:
    return instance_attribute(ev, object, name, value);
  case TC_V_CLASS:
    if (!class_member(object.klass, name, &member)) return false;
    *value = member_value(ev, (tc_val){0}, object.klass, member, name);
    return true;
  case TC_V_FOREIGN:
    *value = tc_foreign_ask_text(ev, TILEC_OP_GETATTR, object, text.at);
    return value->kind != TC_V_UNBOUND;
  case TC_V_PYBUILTIN:
    return type_attribute(ev, object, name, value);
  case TC_V_UNBOUND:
  case TC_V_NONE:
  case TC_V_BOOL:
  case TC_V_INT:
  case TC_V_FLOAT:
  case TC_V_STR:
  case TC_V_TUPLE:
  case TC_V_LIST:
  case TC_V_SET:
  case TC_V_DICT:
  case TC_V_RANGE:
  case TC_V_SLICE:
  case TC_V_FUNCTION:
  case TC_V_METHOD:
    return python_attribute(ev, object, name, value);
  case TC_V_BUILTIN:
  case TC_V_DTYPE:
  case TC_V_ENUM:
  case TC_V_TENSOR:
  case TC_V_LAYOUT:
  case TC_V_FRAME:
  case TC_V_EXPR:
  case TC_V_BUFFER:
  case TC_V_VAR:
  case TC_V_ELEMENT:
  case TC_V_REGION:
    if (tc_stage_attribute(ev, object, text, value, tc_eval_at(ev, ev->node))) return true;
    return object.kind == TC_V_DTYPE && python_attribute(ev, object, name, value);
  }
  return false;
}

void tc_eval_no_attribute(tc_eval *ev, tc_val object, tc_name name) {
  tc_str text = tc_names_text(ev->names, name);
  const char *kind = tc_val_kind_name(object);
  if (object.kind == TC_V_INSTANCE)
    kind = tc_format(ev->arena, "'%s' object", tc_eval_name(ev, object.instance->klass->name));
  if (object.kind == TC_V_FOREIGN)
    kind = tc_str_dup(ev->arena, tc_foreign_text(ev, TILEC_OP_REPR, object));
  if (object.kind == TC_V_MODULE) kind = tc_format(ev->arena, "module '%s'", object.module->path);
  TC_DIAG(ev->diags, D_no_attribute, tc_eval_here(ev), kind, text.at);
  const char *near = tc_py_nearest(tc_py_owner_of(object), text);
  if (near) tc_diag_help(ev->diags, "did you mean '%s'?", near);
  tc_diag_stop(ev->diags);
}

void tc_eval_set_attribute(tc_eval *ev, tc_val object, tc_name name, tc_val value) {
  tc_py_need_known(ev, object, "the object of an attribute assignment");
  if (object.kind == TC_V_FOREIGN) {
    tc_foreign_set_attribute(ev, object, name, value);
    return;
  }
  if (object.kind != TC_V_INSTANCE)
    EVAL_FAIL(ev, D_bad_type, tc_eval_here(ev), "only objects of classes have attributes to assign",
              tc_val_kind_name(object));
  tc_val member;
  if (class_member(object.instance->klass, name, &member) && member.kind == TC_V_FUNCTION
      && member.fn->role == TC_ROLE_PROPERTY)
    EVAL_FAIL(ev, D_bad_value, tc_eval_here(ev),
              tc_format(ev->arena, "property '%s' has no setter", tc_eval_name(ev, name)));
  value = tc_eval_keep(ev, value);
  tc_block_check_change(ev, object.instance->block, value, "an object");
  tc_slots_set(ev, object.instance->slots, name, value);
}

/* ---- class statements ---- */

static tc_class *base_of(tc_eval *ev, const tc_ast *node, tc_val *deferred) {
  tc_class *base = NULL;
  const tc_ast_list *args = node->class_.args;
  for (uint32_t i = 0; i < args->n; i++) {
    const tc_ast *arg = args->at[i];
    bool plain = arg->kind != TC_AST_KEYWORD && arg->kind != TC_AST_STARRED;
    tc_val v = plain ? tc_eval_expr(ev, arg) : (tc_val){0};
    ev->node = arg;
    if (v.kind == TC_V_DEFERRED) {
      *deferred = v;
    } else if (v.kind == TC_V_CLASS && !base) {
      base = v.klass;
    } else if (v.kind != TC_V_PYBUILTIN) {
      EVAL_FAIL(ev, D_not_evaluated, tc_eval_here(ev),
                base ? "a class with several bases" : "this kind of base class", "");
    }
  }
  return base;
}

static tc_val deferred_class(tc_eval *ev, const tc_ast *node, tc_val reason) {
  tc_deferred *d = TC_NEW(ev->arena, tc_deferred);
  *d = (tc_deferred){.what = tc_format(ev->arena, "class '%s', which needs %s,",
                                       tc_eval_name(ev, node->class_.name), reason.deferred->what),
                     .span = node->class_.name_span};
  return (tc_val){.kind = TC_V_DEFERRED, .deferred = d};
}

static void collect_members(tc_eval *ev, tc_class *klass, const tc_env *env) {
  for (uint32_t i = 0; i < env->scope->bound->n; i++) {
    tc_val v = env->cells[i].value;
    if (v.kind == TC_V_UNBOUND) continue;
    if (v.kind == TC_V_FUNCTION && !v.fn->owner) v.fn->owner = klass;
    tc_slots_set(ev, &klass->members, env->scope->bound->at[i], v);
  }
}

tc_val tc_eval_class(tc_eval *ev, const tc_ast *node) {
  tc_val deferred = {0};
  bool dataclass = false;
  tc_class *klass = TC_NEW(ev->arena, tc_class);
  klass->name = node->class_.name;
  klass->base = base_of(ev, node, &deferred);
  for (uint32_t i = 0; i < node->class_.decorators->n; i++) {
    const tc_ast *decorator = node->class_.decorators->at[i];
    tc_val v =
        tc_eval_expr(ev, decorator->kind == TC_AST_CALL ? decorator->call.callee : decorator);
    if (v.kind == TC_V_DEFERRED)
      deferred = v;
    else if (tc_dataclass_is_decorator(v))
      dataclass = true;
    else if (v.kind != TC_V_PYBUILTIN || !(v.pyfn->flags & TC_PYF_IGNORED))
      EVAL_FAIL(ev, D_not_evaluated, tc_eval_span(ev, decorator), "a class decorator", "");
  }
  if (deferred.kind == TC_V_DEFERRED) return deferred_class(ev, node, deferred);
  tc_running *running = ev->running;
  tc_env *outer = running->env, *visible = outer && outer->is_class ? outer->outer : outer;
  tc_running body = {.caller = running->caller,
                     .env = tc_env_new(ev, visible, running->module, node->class_.scope),
                     .module = running->module,
                     .call = running->call,
                     .span = running->span,
                     .block = ev->block};
  body.env->is_class = true;
  ev->running = &body;
  tc_eval_body(ev, node->class_.body);
  ev->running = running;
  collect_members(ev, klass, body.env);
  if (dataclass) tc_dataclass_make(ev, klass, node);
  return (tc_val){.kind = TC_V_CLASS, .klass = klass};
}
