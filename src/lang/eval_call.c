/* Functions and calls: argument binding as in Python, inlining of helpers and macros, decorators.
 */
#include "lang/eval_private.h"
#include "lang/foreign.h"

#include <string.h>

/* ---- functions ---- */

static const tc_ast_list *params_of(const tc_function *fn) {
  return fn->node->kind == TC_AST_DEF ? fn->node->def.params : fn->node->lambda.params;
}

const char *tc_function_name(const tc_eval *ev, const tc_function *fn) {
  if (fn->kind == TC_FN_PARTIAL) return "partial";
  return fn->node->kind == TC_AST_DEF ? tc_eval_name(ev, fn->node->def.name) : "<lambda>";
}

tc_val tc_function_new(tc_eval *ev, const tc_ast *node, enum tc_function_kind kind) {
  tc_function *fn = TC_NEW(ev->arena, tc_function);
  *fn = (tc_function){
      .kind = kind, .node = node, .env = ev->running->env, .module = ev->running->module};
  const tc_ast_list *params = params_of(fn);
  fn->defaults = TC_NEW_ARRAY(ev->arena, params->n + 1, tc_val);
  for (uint32_t i = 0; i < params->n; i++)
    if (params->at[i]->param.default_)
      fn->defaults[i] = tc_eval_expr(ev, params->at[i]->param.default_);
  return (tc_val){.kind = TC_V_FUNCTION, .fn = fn};
}

/* ---- binding arguments ---- */

TC_NORETURN static void bad_call(tc_eval *ev, const tc_function *fn, tc_span span,
                                 const char *why) {
  TC_DIAG(ev->diags, D_bad_call, span, tc_function_name(ev, fn), why);
  if (fn->node) tc_diag_note(ev->diags, fn->node->span, "the function is defined here");
  tc_diag_stop(ev->diags);
}

/* True when an annotation is T.Ref (or the older T.Var), whatever T is called. */
static bool is_ref(tc_eval *ev, const tc_ast *annotation) {
  if (!annotation) return false;
  tc_name name = annotation->kind == TC_AST_ATTRIBUTE ? annotation->attribute.name
                 : annotation->kind == TC_AST_NAME    ? annotation->name.name
                                                      : (tc_name){0};
  tc_str text = tc_names_text(ev->names, name);
  return tc_str_is(text, "Ref") || tc_str_is(text, "Var");
}

/* Parameters are by value: what they stand for is read at the call. A T.Ref is the place itself. */
static void set_param(tc_eval *ev, const tc_function *fn, const tc_ast *param, tc_cell *cell,
                      tc_val v) {
  bool ref = fn->kind == TC_FN_MACRO && is_ref(ev, param->param.annotation);
  if (ref && v.kind != TC_V_VAR && v.kind != TC_V_ELEMENT)
    EVAL_FAIL(ev, D_bad_ref, tc_eval_here(ev), tc_eval_name(ev, param->param.name),
              tc_val_kind_name(v));
  if (!ref)
    v = v.kind == TC_V_VAR ? tc_eval_settle(ev, v) : tc_eval_bind(ev, v, param->param.name, NULL);
  tc_cell_set(ev, cell, v, param);
  cell->is_ref = ref;
}

typedef struct binding {
  tc_eval *ev;
  const tc_function *fn;
  const tc_ast_list *params;
  const tc_call_args *args;
  tc_val *values;                        /* one per parameter */
  uint32_t n_positional, star, starstar; /* places of * and **, or n */
} binding;

static void find_kinds(binding *b) {
  b->star = b->starstar = b->params->n;
  for (uint32_t i = 0; i < b->params->n; i++) {
    enum tc_ast_paramkind kind = b->params->at[i]->param.kind;
    if (kind == TC_PARAMKIND_POSITIONAL || kind == TC_PARAMKIND_PLAIN) b->n_positional = i + 1;
    if (kind == TC_PARAMKIND_STAR) b->star = i;
    if (kind == TC_PARAMKIND_STARSTAR) b->starstar = i;
  }
}

static void bind_positional(binding *b) {
  uint32_t next = 0, given = 0, n_extra = 0;
  tc_val *extra = TC_NEW_ARRAY(b->ev->arena, b->args->n + 1, tc_val);
  for (uint32_t i = 0; i < b->args->n; i++) {
    if (b->args->at[i].name.id) continue;
    given++;
    if (next < b->n_positional)
      b->values[next++] = b->args->at[i].value;
    else
      extra[n_extra++] = b->args->at[i].value;
  }
  if (n_extra && b->star == b->params->n)
    bad_call(b->ev, b->fn, tc_eval_here(b->ev),
             tc_format(b->ev->arena, "takes %u positional argument%s but %u %s given",
                       b->n_positional, b->n_positional == 1 ? "" : "s", given,
                       given == 1 ? "was" : "were"));
  if (b->star < b->params->n) b->values[b->star] = tc_py_make_tuple(b->ev, extra, n_extra);
}

static bool can_be_named(const tc_ast *param) {
  enum tc_ast_paramkind kind = param->param.kind;
  return kind == TC_PARAMKIND_PLAIN || kind == TC_PARAMKIND_KEYWORD;
}

TC_NORETURN static void unknown_keyword(const binding *b, tc_str name) {
  tc_near near = tc_near_to(name, 3);
  for (uint32_t i = 0; i < b->params->n; i++)
    if (can_be_named(b->params->at[i]))
      tc_near_offer(&near, tc_names_text(b->ev->names, b->params->at[i]->param.name));
  TC_DIAG(b->ev->diags, D_bad_call, tc_eval_here(b->ev), tc_function_name(b->ev, b->fn),
          tc_format(b->ev->arena, "has no parameter '%s' that can be given by name", name.at));
  tc_diag_note(b->ev->diags, b->fn->node->span, "the function is defined here");
  if (near.best.n) tc_diag_help(b->ev->diags, "did you mean '%s'?", near.best.at);
  tc_diag_stop(b->ev->diags);
}

static void bind_keyword(binding *b, const tc_call_arg *arg) {
  tc_str name = tc_names_text(b->ev->names, arg->name);
  for (uint32_t i = 0; i < b->params->n; i++) {
    const tc_ast *param = b->params->at[i];
    if (!can_be_named(param) || param->param.name.id != arg->name.id) continue;
    if (b->values[i].kind != TC_V_UNBOUND)
      bad_call(b->ev, b->fn, tc_eval_here(b->ev),
               tc_format(b->ev->arena, "got several values for argument '%s'", name.at));
    b->values[i] = arg->value;
    return;
  }
  if (b->starstar >= b->params->n) unknown_keyword(b, name);
  tc_eval_dict_set(b->ev, b->values[b->starstar].dict, tc_val_str(b->ev->arena, name), arg->value);
}

static void check_missing(binding *b) {
  tc_sb missing = tc_sb_in(b->ev->arena);
  uint32_t n = 0;
  for (uint32_t i = 0; i < b->params->n; i++) {
    if (b->values[i].kind == TC_V_UNBOUND) b->values[i] = b->fn->defaults[i];
    if (b->values[i].kind != TC_V_UNBOUND) continue;
    tc_sb_printf(&missing, "%s'%s'", n++ ? ", " : "",
                 tc_eval_name(b->ev, b->params->at[i]->param.name));
  }
  if (n)
    bad_call(b->ev, b->fn, tc_eval_here(b->ev),
             tc_format(b->ev->arena, "needs %s %s", n == 1 ? "argument" : "arguments", missing.at));
}

void tc_eval_bind_args(tc_eval *ev, const tc_function *fn, const tc_call_args *args, tc_env *env) {
  const tc_ast_list *params = params_of(fn);
  binding b = {.ev = ev, .fn = fn, .params = params, .args = args};
  b.values = TC_NEW_ARRAY(ev->arena, params->n + 1, tc_val);
  find_kinds(&b);
  bind_positional(&b);
  if (b.starstar < params->n) b.values[b.starstar] = tc_py_make_dict(ev);
  for (uint32_t i = 0; i < args->n; i++)
    if (args->at[i].name.id) bind_keyword(&b, &args->at[i]);
  check_missing(&b);
  const tc_ast *call = ev->node;
  for (uint32_t i = 0; i < params->n; i++) {
    tc_cell *cell = tc_env_find(env, params->at[i]->param.name);
    set_param(ev, fn, params->at[i], cell, b.values[i]);
    ev->node = call;
  }
}

/* ---- calls ---- */

static tc_val run_body(tc_eval *ev, const tc_function *fn) {
  if (fn->node->kind == TC_AST_LAMBDA) return tc_eval_expr(ev, fn->node->lambda.body);
  return tc_eval_body(ev, fn->node->def.body) == TC_FLOW_RETURN ? ev->running->result
                                                                : tc_val_none();
}

static void check_callable_here(tc_eval *ev, const tc_function *fn) {
  if (fn->kind == TC_FN_PRIM) EVAL_FAIL(ev, D_launch_inside, tc_eval_here(ev), "prim_func");
  if (fn->kind == TC_FN_MACRO && ev->lazy_operand)
    EVAL_FAIL(ev, D_lazy_statement, tc_eval_here(ev), "a macro call");
  if (fn->node->kind == TC_AST_DEF && fn->node->def.scope->is_generator)
    EVAL_FAIL(ev, D_not_evaluated, tc_eval_here(ev), "a function with 'yield'", "");
  if (ev->depth >= EVAL_MAX_CALLS)
    EVAL_FAIL(ev, D_deep_evaluation, tc_eval_here(ev), (int)EVAL_MAX_CALLS, "calls");
}

static tc_val call_function(tc_eval *ev, tc_function *fn, const tc_call_args *args) {
  check_callable_here(ev, fn);
  const tc_ast_scope *scope =
      fn->node->kind == TC_AST_DEF ? fn->node->def.scope : fn->node->lambda.scope;
  tc_env *env = tc_env_new(ev, fn->env, fn->module, scope);
  tc_eval_bind_args(ev, fn, args, env);
  const tc_ast *call = ev->node;
  tc_running run = {.caller = ev->running,
                    .env = env,
                    .module = fn->module,
                    .fn = fn,
                    .call = call,
                    .block = ev->block,
                    .kernel_code = fn->kind == TC_FN_MACRO};
  ev->running = &run;
  ev->depth++;
  tc_eval_enter(ev);
  tc_val result = run_body(ev, fn);
  /* Evaluated at the return: a place read here is not read again, later, by the caller. */
  result = tc_eval_bind(ev, result, (tc_name){0}, NULL);
  ev->nesting--;
  ev->depth--;
  ev->running = run.caller;
  ev->node = call;
  return result;
}

static tc_call_args join_args(tc_eval *ev, const tc_call_args *first, const tc_call_args *rest) {
  tc_call_arg *all = TC_NEW_ARRAY(ev->arena, (size_t)first->n + rest->n + 1, tc_call_arg);
  uint32_t n = 0;
  for (uint32_t i = 0; i < first->n; i++) {
    bool overridden = false;
    for (uint32_t k = 0; first->at[i].name.id && k < rest->n; k++)
      overridden = overridden || rest->at[k].name.id == first->at[i].name.id;
    if (!overridden) all[n++] = first->at[i];
  }
  for (uint32_t i = 0; i < rest->n; i++)
    all[n++] = rest->at[i];
  return (tc_call_args){all, n, rest->span};
}

static tc_val instantiate(tc_eval *ev, tc_class *klass, const tc_call_args *args) {
  tc_instance *instance = TC_NEW(ev->arena, tc_instance);
  *instance = (tc_instance){klass, TC_NEW(ev->arena, tc_slots), tc_block_serial(ev)};
  tc_val object = {.kind = TC_V_INSTANCE, .instance = instance}, init;
  if (tc_eval_method(ev, object, "__init__", &init))
    tc_eval_call(ev, init, args);
  else if (klass->is_dataclass)
    tc_dataclass_init(ev, object, args);
  else if (args->n)
    EVAL_FAIL(ev, D_bad_call, tc_eval_here(ev), tc_eval_name(ev, klass->name),
              "takes no arguments");
  return object;
}

/* T.float16(x) is a cast or a constant; T.float16x2(a, b) packs. */
static tc_val call_dtype(tc_eval *ev, tc_val dtype, const tc_call_args *args) {
  for (uint32_t i = 0; i < args->n; i++)
    if (args->at[i].name.id)
      EVAL_FAIL(ev, D_bad_call, tc_eval_here(ev), tc_type_name(ev->arena, dtype.type),
                "takes the value to convert");
  tc_call_args here = {args->at, args->n, tc_eval_at(ev, ev->node)};
  return tc_stage_dtype_call(ev, dtype.type, &here);
}

static tc_val call_partial(tc_eval *ev, const tc_function *partial, const tc_call_args *args) {
  tc_call_args joined = join_args(ev, &partial->given, args);
  tc_eval_enter(ev);
  tc_val result = tc_eval_call(ev, partial->callee, &joined);
  ev->nesting--;
  return result;
}

tc_val tc_eval_call(tc_eval *ev, tc_val callee, const tc_call_args *args) {
  tc_call_arg self;
  tc_call_args joined;
  tc_val method;
  switch (callee.kind) {
  case TC_V_FUNCTION:
    if (callee.fn->is_ordinary && !tc_foreign_staged_among(args))
      return tc_foreign_call(ev, callee, args);
    return callee.fn->kind == TC_FN_PARTIAL ? call_partial(ev, callee.fn, args)
                                            : call_function(ev, callee.fn, args);
  case TC_V_PYBUILTIN:
    return tc_py_call(ev, callee.pyfn, args);
  case TC_V_BUILTIN:
    tc_eval_at(ev, ev->node);
    return tc_stage_call(ev, (uint32_t)callee.i, args);
  case TC_V_METHOD:
    self = (tc_call_arg){.value = callee.method->self, .span = args->span};
    joined = join_args(ev, &(tc_call_args){&self, 1, args->span}, args);
    return tc_eval_call(ev, callee.method->callee, &joined);
  case TC_V_FOREIGN:
    return tc_foreign_call(ev, callee, args);
  case TC_V_CLASS:
    return instantiate(ev, callee.klass, args);
  case TC_V_DTYPE:
    return call_dtype(ev, callee, args);
  case TC_V_LAYOUT:
    if (tc_stage_layout_map(callee, &method)) return tc_eval_call(ev, method, args);
    break;
  case TC_V_INSTANCE:
    if (tc_eval_method(ev, callee, "__call__", &method)) return tc_eval_call(ev, method, args);
    break;
  default:
    break;
  }
  if (callee.kind == TC_V_DEFERRED) return tc_py_defer(ev, callee, "the callee");
  EVAL_FAIL(ev, D_not_callable, tc_eval_here(ev), tc_val_kind_name(callee));
}

tc_val tc_eval_apply(tc_eval *ev, tc_val callee, const tc_val *values, uint32_t n) {
  tc_call_arg *args = TC_NEW_ARRAY(ev->arena, n + 1, tc_call_arg);
  tc_span span = ev->cursor.at.id ? tc_eval_here(ev) : (tc_span){0};
  for (uint32_t i = 0; i < n; i++)
    args[i] = (tc_call_arg){.value = values[i], .span = span};
  return tc_eval_call(ev, callee, &(tc_call_args){args, n, span});
}

/* ---- call expressions ---- */

typedef TC_VEC(tc_call_arg) arg_list;

static void spread_items(tc_eval *ev, arg_list *out, const tc_ast *node, tc_span span) {
  const tc_val *items;
  uint32_t n;
  tc_val v = tc_eval_expr(ev, node->starred.value);
  ev->node = node;
  tc_py_need_items(ev, v, &items, &n);
  for (uint32_t i = 0; i < n; i++)
    tc_vec_push(ev->arena, out, ((tc_call_arg){.value = items[i], .span = span}));
}

static void spread_dict(tc_eval *ev, arg_list *out, const tc_ast *node, tc_span span) {
  const tc_val *keys, *values;
  tc_val v = tc_eval_expr(ev, node->keyword.value);
  ev->node = node;
  tc_py_need_known(ev, v, "the dict after **");
  if (v.kind != TC_V_DICT)
    EVAL_FAIL(ev, D_bad_type, tc_eval_here(ev), "** spreads a dict", tc_val_kind_name(v));
  uint32_t n = tc_eval_dict_entries(v.dict, &keys, &values);
  for (uint32_t i = 0; i < n; i++) {
    tc_name name = tc_names_add(ev->names, tc_py_need_text(ev, keys[i], "a key of **"));
    tc_vec_push(ev->arena, out, ((tc_call_arg){name, values[i], span}));
  }
}

/* Of the options of a decorator only those are evaluated that mean something here. */
static bool is_skipped(tc_eval *ev, tc_val callee, const tc_ast *arg) {
  if (callee.kind != TC_V_PYBUILTIN) return false;
  if (callee.pyfn->flags & TC_PYF_IGNORED)
    return arg->kind == TC_AST_KEYWORD || arg->kind == TC_AST_STARRED;
  if (!(callee.pyfn->flags & TC_PYF_OUT_IDX) || arg->kind != TC_AST_KEYWORD) return false;
  tc_str name = tc_names_text(ev->names, arg->keyword.name);
  bool configs = tc_str_is(name, "pass_configs") && callee.pyfn->run == tc_py_jit;
  return !configs && !tc_str_is(name, "out_idx");
}

/* T.if_then_else(c, t, f) with plain operands: lazy like a ternary, whatever the operands are made
 * of. Any other form of the call passes values, of which bare elements are still loaded lazily. */
static bool is_lazy_call(tc_val callee, const tc_ast_list *args) {
  if (callee.kind != TC_V_BUILTIN || args->n != 3 || !tc_stage_is_lazy((uint32_t)callee.i))
    return false;
  for (uint32_t i = 0; i < 3; i++)
    if (args->at[i]->kind == TC_AST_STARRED || args->at[i]->kind == TC_AST_KEYWORD) return false;
  return true;
}

tc_val tc_eval_call_node(tc_eval *ev, const tc_ast *node) {
  tc_val callee = tc_eval_expr(ev, node->call.callee);
  if (is_lazy_call(callee, node->call.args)) {
    const tc_ast *const *arg = node->call.args->at;
    return tc_eval_choose(ev, node, arg[0], arg[1], arg[2]);
  }
  bool spans = ev->cursor.at.id || callee.kind == TC_V_BUILTIN;
  arg_list out = {0};
  for (uint32_t i = 0; i < node->call.args->n; i++) {
    const tc_ast *arg = node->call.args->at[i];
    if (is_skipped(ev, callee, arg)) continue;
    tc_span span = spans ? tc_eval_span(ev, arg) : (tc_span){0};
    if (arg->kind == TC_AST_STARRED) {
      spread_items(ev, &out, arg, span);
    } else if (arg->kind == TC_AST_KEYWORD && !arg->keyword.name.id) {
      spread_dict(ev, &out, arg, span);
    } else {
      bool named = arg->kind == TC_AST_KEYWORD;
      tc_val v = tc_eval_expr(ev, named ? arg->keyword.value : arg);
      tc_vec_push(ev->arena, &out,
                  ((tc_call_arg){named ? arg->keyword.name : (tc_name){0}, v, span}));
    }
  }
  ev->node = node;
  tc_span span = spans ? tc_eval_at(ev, node) : (tc_span){0};
  return tc_eval_call(ev, callee, &(tc_call_args){out.at, out.n, span});
}

/* ---- decorators ---- */

static const tc_ast *decorator_name(const tc_ast *node) {
  return node->kind == TC_AST_CALL ? node->call.callee : node;
}

/* The value an import or a plain alias gives a decorator's name; false for anything that would have
 * to be computed. */
static bool peek(tc_eval *ev, tc_module *module, const tc_ast *node, tc_val *value) {
  if (node->kind == TC_AST_ATTRIBUTE) {
    tc_val object;
    return peek(ev, module, node->attribute.object, &object) && object.kind == TC_V_MODULE
           && tc_module_peek(ev, object.module, node->attribute.name, value);
  }
  if (node->kind != TC_AST_NAME) return false;
  if (module->foreign) return tc_module_get(ev, module, node->name.name, value);
  const tc_unit *unit = NULL;
  for (uint32_t i = 0; i < module->uses.n; i++)
    if (module->uses.at[i].name.id == node->name.name.id) unit = module->uses.at[i].unit;
  if (!unit) return false;
  if (unit->stmt->kind == TC_AST_ASSIGN) {
    const tc_ast *from = unit->stmt->assign.value;
    bool alias = from->kind == TC_AST_NAME || from->kind == TC_AST_ATTRIBUTE;
    if (!alias || (from->kind == TC_AST_NAME && from->name.name.id == node->name.name.id))
      return false;
  } else if (unit->stmt->kind != TC_AST_IMPORT && unit->stmt->kind != TC_AST_FROM_IMPORT) {
    return false;
  }
  return tc_module_get(ev, module, node->name.name, value);
}

const tc_pybuiltin *tc_eval_decorator_row(tc_eval *ev, tc_module *module, const tc_ast *node) {
  tc_val value;
  bool found = peek(ev, module, decorator_name(node), &value);
  return found && value.kind == TC_V_PYBUILTIN ? value.pyfn : NULL;
}

static tc_val deferred_function(tc_eval *ev, const tc_ast *def, tc_val decorator) {
  tc_deferred *d = TC_NEW(ev->arena, tc_deferred);
  *d = (tc_deferred){.what = tc_format(ev->arena, "function '%s', decorated with %s,",
                                       tc_eval_name(ev, def->def.name), decorator.deferred->what),
                     .span = def->def.name_span};
  return (tc_val){.kind = TC_V_DEFERRED, .deferred = d};
}

tc_val tc_eval_def(tc_eval *ev, const tc_ast *node) {
  tc_val fn = tc_function_new(ev, node, TC_FN_PLAIN);
  for (uint32_t i = node->def.decorators->n; i-- > 0;) {
    const tc_ast *decorator = node->def.decorators->at[i];
    tc_val callee = tc_eval_expr(ev, decorator_name(decorator));
    ev->node = decorator;
    if (callee.kind == TC_V_DEFERRED) return deferred_function(ev, node, callee);
    bool ignored = callee.kind == TC_V_PYBUILTIN && callee.pyfn->flags & TC_PYF_IGNORED;
    if (ignored) continue;
    if (decorator->kind == TC_AST_CALL) callee = tc_eval_expr(ev, decorator);
    ev->node = decorator;
    fn = tc_eval_apply(ev, callee, &fn, 1);
  }
  return fn;
}
