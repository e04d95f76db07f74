/* @dataclass: a class whose annotated names are its fields. The options of the decorator change
 * nothing here: fields are compared in order, and a frozen object is not protected. */
#include "lang/eval_private.h"

static tc_name name_of(tc_eval *ev, const char *text) {
  return tc_names_add(ev->names, tc_str_of(text));
}

tc_val tc_py_dataclass(tc_eval *ev, const tc_val *a) {
  (void)a;
  EVAL_FAIL(ev, D_not_evaluated, tc_eval_here(ev), "dataclass() as a function",
            ": decorate a class");
}

/* field(...): an object that holds what was given, until the class is made. */
tc_val tc_py_dataclass_field(tc_eval *ev, const tc_val *a) {
  tc_class *klass = TC_NEW(ev->arena, tc_class);
  tc_instance *instance = TC_NEW(ev->arena, tc_instance);
  klass->name = name_of(ev, "dataclass field");
  *instance = (tc_instance){klass, TC_NEW(ev->arena, tc_slots), tc_block_serial(ev)};
  if (a[0].kind != TC_V_UNBOUND) tc_slots_set(ev, instance->slots, name_of(ev, "default"), a[0]);
  if (a[1].kind != TC_V_UNBOUND) tc_slots_set(ev, instance->slots, name_of(ev, "factory"), a[1]);
  return (tc_val){.kind = TC_V_INSTANCE, .instance = instance};
}

bool tc_dataclass_is_decorator(tc_val v) {
  return v.kind == TC_V_PYBUILTIN && v.pyfn->run == tc_py_dataclass;
}

static void add_field(tc_eval *ev, tc_class *klass, tc_name name) {
  for (uint32_t i = 0; i < klass->fields.n; i++)
    if (klass->fields.at[i].id == name.id) return;
  tc_vec_push(ev->arena, &klass->fields, name);
}

void tc_dataclass_make(tc_eval *ev, tc_class *klass, const tc_ast *node) {
  const tc_ast_list *body = node->class_.body;
  klass->is_dataclass = true;
  for (uint32_t i = 0; klass->base && i < klass->base->fields.n; i++)
    add_field(ev, klass, klass->base->fields.at[i]);
  for (uint32_t i = 0; i < body->n; i++) {
    const tc_ast *s = body->at[i];
    if (s->kind == TC_AST_ANN_ASSIGN && s->ann_assign.target->kind == TC_AST_NAME)
      add_field(ev, klass, s->ann_assign.target->name.name);
  }
}

/* What a field has without an argument; UNBOUND when it needs one. */
static tc_val default_of(tc_eval *ev, const tc_class *klass, tc_name name) {
  tc_val member = {0}, value;
  for (const tc_class *k = klass; k; k = k->base)
    if (tc_slots_get(&k->members, name, &member)) break;
  if (member.kind != TC_V_INSTANCE
      || member.instance->klass->name.id != name_of(ev, "dataclass field").id)
    return member;
  if (tc_slots_get(member.instance->slots, name_of(ev, "default"), &value)) return value;
  if (tc_slots_get(member.instance->slots, name_of(ev, "factory"), &value))
    return tc_eval_apply(ev, value, NULL, 0);
  return (tc_val){0};
}

TC_NORETURN static void bad_call(tc_eval *ev, const tc_class *klass, const char *why) {
  EVAL_FAIL(ev, D_bad_call, tc_eval_here(ev), tc_eval_name(ev, klass->name), why);
}

static uint32_t place_of(tc_eval *ev, const tc_class *klass, tc_name name) {
  for (uint32_t i = 0; i < klass->fields.n; i++)
    if (klass->fields.at[i].id == name.id) return i;
  bad_call(ev, klass, tc_format(ev->arena, "has no field '%s'", tc_eval_name(ev, name)));
}

void tc_dataclass_init(tc_eval *ev, tc_val object, const tc_call_args *args) {
  const tc_class *klass = object.instance->klass;
  tc_val *values = TC_NEW_ARRAY(ev->arena, klass->fields.n + 1, tc_val), post;
  uint32_t next = 0;
  for (uint32_t i = 0; i < args->n; i++) {
    if (!args->at[i].name.id && next == klass->fields.n)
      bad_call(ev, klass, tc_format(ev->arena, "has %u fields", klass->fields.n));
    uint32_t at = args->at[i].name.id ? place_of(ev, klass, args->at[i].name) : next++;
    if (values[at].kind != TC_V_UNBOUND)
      bad_call(ev, klass,
               tc_format(ev->arena, "got several values for field '%s'",
                         tc_eval_name(ev, klass->fields.at[at])));
    values[at] = args->at[i].value;
  }
  for (uint32_t i = 0; i < klass->fields.n; i++) {
    tc_name name = klass->fields.at[i];
    if (values[i].kind == TC_V_UNBOUND) values[i] = default_of(ev, klass, name);
    if (values[i].kind == TC_V_UNBOUND)
      bad_call(ev, klass, tc_format(ev->arena, "needs field '%s'", tc_eval_name(ev, name)));
    tc_slots_set(ev, object.instance->slots, name, tc_eval_keep(ev, values[i]));
  }
  if (tc_eval_method(ev, object, "__post_init__", &post)) tc_eval_apply(ev, post, NULL, 0);
}

bool tc_dataclass_equal(tc_eval *ev, const tc_instance *a, const tc_instance *b) {
  if (a->klass != b->klass) return false;
  for (uint32_t i = 0; i < a->klass->fields.n; i++) {
    tc_val x, y;
    tc_name name = a->klass->fields.at[i];
    bool both = tc_slots_get(a->slots, name, &x) && tc_slots_get(b->slots, name, &y);
    if (!both || !tc_eval_equal(ev, x, y)) return false;
  }
  return true;
}
