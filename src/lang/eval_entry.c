/* The entry of a module: which function it is, which of its parameters are given when compiling and
 * which when running, and the evaluation of its body into IR. */
#include "lang/eval_private.h"
#include "lang/foreign.h"

#include <string.h>

/* ---- what a function looks like ---- */

/* The last name of T.Tensor(...), T.Tensor[...], T.Tensor, Tensor. */
static tc_str last_name(tc_eval *ev, const tc_ast *node) {
  while (node->kind == TC_AST_CALL || node->kind == TC_AST_SUBSCRIPT)
    node = node->kind == TC_AST_CALL ? node->call.callee : node->subscript.object;
  tc_name name = node->kind == TC_AST_ATTRIBUTE ? node->attribute.name
                 : node->kind == TC_AST_NAME    ? node->name.name
                                                : (tc_name){0};
  return tc_names_text(ev->names, name);
}

static bool is_any(tc_str text, const char *const *words, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (tc_str_is(text, words[i])) return true;
  return false;
}

typedef struct traits {
  tc_eval *ev;
  bool makes_prim_func; /* a nested prim_func */
  bool is_body;         /* launches a kernel, or declares tensors, itself */
} traits;

static void look(void *cx, const tc_ast *node) {
  static const char *const KERNEL_WORDS[] = {"Kernel", "ClusterKernel", "const", "empty"};
  traits *t = cx;
  if (node->kind == TC_AST_DEF) {
    for (uint32_t i = 0; i < node->def.decorators->n; i++)
      if (tc_str_is(last_name(t->ev, node->def.decorators->at[i]), "prim_func"))
        t->makes_prim_func = true;
    return;
  }
  if (node->kind == TC_AST_CALL && node->call.callee->kind == TC_AST_ATTRIBUTE
      && is_any(last_name(t->ev, node), KERNEL_WORDS, TC_COUNT(KERNEL_WORDS)))
    t->is_body = true;
  tc_ast_each_child(node, look, t);
}

static bool declared_in_body(const tc_ast_list *body, tc_name name) {
  for (uint32_t i = 0; i < body->n; i++) {
    const tc_ast *s = body->at[i];
    if (s->kind == TC_AST_ANN_ASSIGN && !s->ann_assign.value
        && s->ann_assign.target->kind == TC_AST_NAME
        && s->ann_assign.target->name.name.id == name.id)
      return true;
    if (s->kind != TC_AST_IF) continue;
    for (uint32_t k = 0; k < s->if_.branches->n; k++)
      if (declared_in_body(s->if_.branches->at[k]->branch.body, name)) return true;
    if (declared_in_body(s->if_.orelse, name)) return true;
  }
  return false;
}

/* Eager: the function's own body is the kernel function. Lazy: it builds and returns a prim_func.
 */
static bool is_eager(tc_eval *ev, const tc_ast *def) {
  traits t = {.ev = ev};
  for (uint32_t i = 0; i < def->def.body->n; i++)
    look(&t, def->def.body->at[i]);
  if (t.makes_prim_func) return false;
  for (uint32_t i = 0; i < def->def.params->n; i++)
    if (declared_in_body(def->def.body, def->def.params->at[i]->param.name)) return true;
  return t.is_body;
}

/* ---- choosing ---- */

static bool is_entry_row(const tc_pybuiltin *row) {
  return row && (row->run == tc_py_jit || row->run == tc_py_prim_func);
}

static tc_name candidate_name(tc_eval *ev, tc_module *module, const tc_ast *stmt) {
  if (stmt->kind == TC_AST_DEF) {
    for (uint32_t i = 0; i < stmt->def.decorators->n; i++)
      if (is_entry_row(tc_eval_decorator_row(ev, module, stmt->def.decorators->at[i])))
        return stmt->def.name;
    return (tc_name){0};
  }
  if (stmt->kind != TC_AST_ASSIGN || stmt->assign.value->kind != TC_AST_CALL) return (tc_name){0};
  const tc_ast *target = stmt->assign.targets->at[0];
  bool makes = target->kind == TC_AST_NAME && stmt->assign.value->call.args->n
               && is_entry_row(tc_eval_decorator_row(ev, module, stmt->assign.value));
  return makes ? target->name.name : (tc_name){0};
}

typedef TC_VEC(tc_name) name_list;

static void add_candidate(tc_eval *ev, name_list *out, tc_name name) {
  for (uint32_t i = 0; i < out->n; i++)
    if (out->at[i].id == name.id) return;
  if (name.id) tc_vec_push(ev->arena, out, name);
}

static void find_candidates(tc_eval *ev, tc_module *module, name_list *out) {
  for (uint32_t i = 0; i < module->units.n; i++)
    add_candidate(ev, out, candidate_name(ev, module, module->units.at[i]->stmt));
  /* A file of plain factories, compiled by a driver: those that hold a prim_func. */
  for (uint32_t i = 0; !out->n && i < module->units.n; i++) {
    const tc_ast *stmt = module->units.at[i]->stmt;
    traits t = {.ev = ev};
    if (stmt->kind != TC_AST_DEF) continue;
    for (uint32_t k = 0; k < stmt->def.body->n; k++)
      look(&t, stmt->def.body->at[k]);
    if (t.makes_prim_func) add_candidate(ev, out, stmt->def.name);
  }
}

static const char *name_texts(tc_eval *ev, const name_list *names) {
  tc_sb sb = tc_sb_in(ev->arena);
  for (uint32_t i = 0; i < names->n; i++)
    tc_sb_printf(&sb, "%s%s", i ? ", " : "", tc_eval_name(ev, names->at[i]));
  return names->n ? sb.at : "none";
}

static tc_name choose(tc_eval *ev, tc_module *module, const char *entry) {
  name_list names = {0};
  if (entry) return tc_names_add(ev->names, tc_str_of(entry));
  find_candidates(ev, module, &names);
  if (names.n == 0)
    EVAL_FAIL(ev, D_no_entry, module->tree->span, "function that can be compiled", "");
  if (names.n > 1) EVAL_FAIL(ev, D_many_entries, (tc_span){0}, names.n, name_texts(ev, &names));
  return names.at[0];
}

static tc_function *entry_function(tc_eval *ev, tc_module *module, tc_name name) {
  tc_val v;
  if (!tc_module_get(ev, module, name, &v)) {
    name_list names = {0};
    find_candidates(ev, module, &names);
    TC_DIAG(ev->diags, D_no_entry, (tc_span){0}, "function ", tc_eval_name(ev, name));
    tc_diag_help(ev->diags, "entries of the module: %s", name_texts(ev, &names));
    tc_diag_stop(ev->diags);
  }
  tc_py_need_known(ev, v, "the entry");
  if (v.kind != TC_V_FUNCTION || v.fn->kind == TC_FN_PARTIAL || v.fn->kind == TC_FN_MACRO
      || v.fn->node->kind != TC_AST_DEF)
    EVAL_FAIL(ev, D_bad_factory, (tc_span){0}, tc_eval_name(ev, name), tc_val_kind_name(v));
  return v.fn;
}

/* ---- parameters ---- */

static bool takes_value(const tc_ast *param) {
  return param->param.kind != TC_PARAMKIND_STAR && param->param.kind != TC_PARAMKIND_STARSTAR;
}

/* The text of an annotation, when it stands on one line. */
static const char *annotation_text(tc_eval *ev, const tc_ast *param) {
  tc_place place;
  const tc_ast *annotation = param->param.annotation;
  if (!annotation || !tc_source_place(ev->source, annotation->span, &place)) return "";
  if (place.line != place.end_line || place.end_column - 1 > place.line_text.n) return "";
  tc_str text = {place.line_text.at + place.column - 1, place.end_column - place.column};
  return tc_format(ev->arena, ": %.*s", TC_ARG_STR(text));
}

typedef struct missing_list {
  tc_sb text;
  uint32_t n;
} missing_list;

static void add_missing(tc_eval *ev, missing_list *missing, const tc_ast *param) {
  tc_sb_printf(&missing->text, "%s'%s%s'", missing->n++ ? ", " : "",
               tc_eval_name(ev, param->param.name), annotation_text(ev, param));
}

static void report_missing(tc_eval *ev, const tc_function *fn, const missing_list *missing) {
  if (!missing->n) return;
  TC_DIAG(ev->diags, D_missing_parameter, fn->node->def.name_span, tc_function_name(ev, fn),
          missing->text.at);
  tc_diag_help(ev->diags, "give each with -D name=value");
  tc_diag_stop(ev->diags);
}

/* ---- building ---- */

/* An annotation is evaluated where the function is defined, unless it cannot mean a run-time
 * argument: then it may name anything, or be text. */
static tc_val evaluate_annotation(tc_eval *ev, tc_function *fn, const tc_ast *param) {
  static const char *const COMPILE_TIME[] = {"int",  "float", "bool",     "str",     "list",
                                             "dict", "tuple", "Optional", "Union",   "Callable",
                                             "Any",  "dtype", "Literal",  "DataType"};
  const tc_ast *node = param->param.annotation;
  if (!node) return (tc_val){0};
  tc_str name = last_name(ev, node);
  bool is_scalar = node->kind == TC_AST_ATTRIBUTE && tc_str_is(name, "bool"); /* T.bool */
  if (!name.n || (!is_scalar && is_any(name, COMPILE_TIME, TC_COUNT(COMPILE_TIME))))
    return (tc_val){0};
  if (fn->object) {
    ev->node = param;
    tc_val v = tc_foreign_annotation(ev, fn, param->param.name);
    if (v.kind != TC_V_UNBOUND) return v;
  }
  tc_running *body = ev->running;
  tc_running outside = {.caller = body->caller, .env = fn->env, .module = fn->module};
  ev->running = &outside;
  tc_val v = tc_eval_expr(ev, node);
  ev->running = body;
  return v;
}

static bool is_run_time(tc_eval *ev, const tc_ast *annotation, tc_val v) {
  if (v.kind == TC_V_TENSOR || v.kind == TC_V_DTYPE) return true;
  /* `p: T.ptr` and `p: T.handle` without a call. */
  if (v.kind != TC_V_BUILTIN) return false;
  tc_str name = last_name(ev, annotation);
  return tc_str_is(name, "ptr") || tc_str_is(name, "handle");
}

static void set_param(tc_eval *ev, const tc_ast *param, tc_val v) {
  tc_cell_set(ev, tc_env_find(ev->running->env, param->param.name), v, param);
}

static void bind_run_time(tc_eval *ev, const tc_ast *param, tc_val annotation) {
  ev->node = param;
  if (tc_eval_is_defined(ev, param->param.name))
    EVAL_FAIL(ev, D_runtime_define, param->span, tc_eval_name(ev, param->param.name));
  set_param(ev, param,
            tc_stage_parameter(ev, param->param.name, annotation, tc_eval_at(ev, param)));
}

/* One parameter of an eager function or prim_func; false when a value is missing. */
static bool bind_param(tc_eval *ev, tc_function *fn, uint32_t i) {
  const tc_ast *def = fn->node, *param = def->def.params->at[i];
  bool prim = fn->kind == TC_FN_PRIM;
  tc_val given;
  if (!takes_value(param)) {
    if (prim)
      EVAL_FAIL(ev, D_not_evaluated, param->span, "a variable number of kernel arguments", "");
    bool star = param->param.kind == TC_PARAMKIND_STAR;
    set_param(ev, param, star ? tc_py_make_tuple(ev, NULL, 0) : tc_py_make_dict(ev));
    return true;
  }
  tc_val annotation = evaluate_annotation(ev, fn, param);
  if (is_run_time(ev, param->param.annotation, annotation) || (prim && param->param.annotation)) {
    bind_run_time(ev, param, annotation);
    return true;
  }
  if (prim) return true; /* declared in the body */
  if (fn->defaults[i].kind == TC_V_UNBOUND && declared_in_body(def->def.body, param->param.name)) {
    if (tc_eval_is_defined(ev, param->param.name))
      EVAL_FAIL(ev, D_runtime_define, param->span, tc_eval_name(ev, param->param.name));
    return true;
  }
  if (!tc_eval_define(ev, param->param.name, &given)) given = fn->defaults[i];
  set_param(ev, param, given);
  return given.kind != TC_V_UNBOUND;
}

static tc_name param_name(const tc_ir *ir, const tc_param *param) {
  return param->kind == TC_PARAM_BUFFER ? tc_buf_at(ir, param->buf)->name
                                        : tc_var_at(ir, param->var)->name;
}

/* Parameters declared in the body come in any order; the kernel takes them in that of the header,
 * results behind. */
static void order_params(tc_eval *ev, const tc_ast *def) {
  tc_ir *ir = ev->ir;
  uint32_t n = 0;
  tc_param *ordered = TC_NEW_ARRAY(ev->arena, ir->params.n + 1, tc_param);
  bool *taken = TC_NEW_ARRAY(ev->arena, ir->params.n + 1, bool);
  for (uint32_t i = 0; i < def->def.params->n; i++)
    for (uint32_t k = 0; k < ir->params.n; k++) {
      const tc_param *p = &ir->params.at[k];
      bool result = p->kind == TC_PARAM_BUFFER && tc_buf_at(ir, p->buf)->flags & TC_BUF_RESULT;
      if (taken[k] || result || param_name(ir, p).id != def->def.params->at[i]->param.name.id)
        continue;
      taken[k] = true;
      ordered[n++] = *p;
    }
  for (uint32_t k = 0; k < ir->params.n; k++)
    if (!taken[k]) ordered[n++] = ir->params.at[k];
  if (n) memcpy(ir->params.at, ordered, n * sizeof *ordered);
}

static void check_bound(tc_eval *ev, const tc_ast *def) {
  for (uint32_t i = 0; i < def->def.params->n; i++) {
    const tc_ast *param = def->def.params->at[i];
    const tc_cell *cell = tc_env_find(ev->running->env, param->param.name);
    if (cell->value.kind == TC_V_UNBOUND && !cell->lost && !cell->bound)
      tc_stage_parameter(ev, param->param.name, (tc_val){0}, tc_eval_at(ev, param));
  }
}

/* The body, evaluated once with the builder open. */
static tc_ir *build(tc_eval *ev, tc_function *fn, tc_val out_idx, const tc_function *jit) {
  const tc_ast *def = fn->node;
  tc_running run = {.caller = ev->running,
                    .env = tc_env_new(ev, fn->env, fn->module, def->def.scope),
                    .module = fn->module,
                    .fn = fn,
                    .kernel_code = true};
  missing_list missing = {.text = tc_sb_in(ev->arena)};
  if (def->def.scope->is_generator)
    EVAL_FAIL(ev, D_not_evaluated, def->span, "a function with 'yield'", "");
  ev->running = &run;
  ev->node = def;
  ev->here = def->def.name_span;
  tc_stage_begin_function(ev, def->def.name, def->def.name_span);
  tc_stage_outer_configs(ev, ev->lang->configs, ev->lang->n_configs, jit->configs,
                         jit->configs_span.id ? jit->configs_span : ev->here);
  for (uint32_t i = 0; i < def->def.params->n; i++)
    if (!bind_param(ev, fn, i)) add_missing(ev, &missing, def->def.params->at[i]);
  report_missing(ev, fn, &missing);
  tc_val result = tc_val_none();
  if (tc_eval_body(ev, def->def.body) == TC_FLOW_RETURN) result = run.result;
  check_bound(ev, def);
  order_params(ev, def);
  tc_span span = def->def.name_span;
  tc_stage_return(ev, result, span);
  if (out_idx.kind != TC_V_UNBOUND) tc_stage_out_idx(ev, out_idx, span);
  tc_ir *ir = tc_stage_end_function(ev, span);
  ev->running = run.caller;
  return ir;
}

/* ---- factories ---- */

static tc_val call_factory(tc_eval *ev, tc_function *fn) {
  const tc_ast_list *params = fn->node->def.params;
  missing_list missing = {.text = tc_sb_in(ev->arena)};
  tc_call_arg *args = TC_NEW_ARRAY(ev->arena, params->n + 1, tc_call_arg);
  uint32_t n = 0, n_positional = 0;
  for (uint32_t i = 0; i < params->n; i++) {
    const tc_ast *param = params->at[i];
    tc_val value;
    if (!takes_value(param)) continue;
    bool given = tc_eval_define(ev, param->param.name, &value);
    if (!given && fn->defaults[i].kind == TC_V_UNBOUND) add_missing(ev, &missing, param);
    if (param->param.kind == TC_PARAMKIND_POSITIONAL) {
      args[n++].value = given ? value : fn->defaults[i];
      n_positional++;
    } else if (given) {
      args[n++] = (tc_call_arg){.name = param->param.name, .value = value};
    }
  }
  report_missing(ev, fn, &missing);
  ev->node = NULL;
  return tc_eval_call(ev, (tc_val){.kind = TC_V_FUNCTION, .fn = fn}, &(tc_call_args){args, n, {0}});
}

static tc_val prim_out_idx(const tc_function *jit, const tc_function *prim) {
  bool given = jit->out_idx.kind != TC_V_UNBOUND && jit->out_idx.kind != TC_V_NONE;
  return given ? jit->out_idx : prim->out_idx;
}

static tc_ir *run_foreign(tc_eval *ev, const char **entry) {
  tc_running top = {.module = TC_NEW(ev->arena, tc_module)};
  ev->running = &top;
  tc_function *fn = tc_foreign_entry(ev);
  *entry = tc_function_name(ev, fn);
  return build(ev, fn, (tc_val){0}, fn);
}

tc_ir *tc_entry_run(tc_eval *ev, tc_module *module, const char **entry) {
  if (!module) return run_foreign(ev, entry);
  tc_running top = {.module = module};
  ev->running = &top;
  tc_name name = choose(ev, module, *entry);
  *entry = tc_eval_name(ev, name);
  tc_function *fn = entry_function(ev, module, name);
  if (fn->kind == TC_FN_PRIM || is_eager(ev, fn->node)) return build(ev, fn, fn->out_idx, fn);
  tc_val made = call_factory(ev, fn);
  if (made.kind == TC_V_DEFERRED) tc_py_need_known(ev, made, "the result");
  if (made.kind != TC_V_FUNCTION || made.fn->kind != TC_FN_PRIM)
    EVAL_FAIL(ev, D_bad_factory, fn->node->def.name_span, *entry, tc_val_kind_name(made));
  return build(ev, made.fn, prim_out_idx(fn, made.fn), fn);
}
