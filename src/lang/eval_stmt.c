/* Simple statements: binding names, storing, asserting, raising, returning. */
#include "lang/eval_private.h"

/* ---- what a name keeps ---- */

static bool is_fresh(const tc_ast *rhs) {
  if (!rhs) return true;
  if (rhs->kind == TC_AST_TERNARY)
    return is_fresh(rhs->ternary.then) || is_fresh(rhs->ternary.other);
  return rhs->kind == TC_AST_CALL;
}

static const tc_ast_list *display_of(const tc_ast *rhs) {
  if (!rhs) return NULL;
  const tc_ast_list *items = rhs->kind == TC_AST_TUPLE  ? rhs->tuple.items
                             : rhs->kind == TC_AST_LIST ? rhs->list.items
                                                        : NULL;
  for (uint32_t i = 0; items && i < items->n; i++)
    if (items->at[i]->kind == TC_AST_STARRED) return NULL;
  return items;
}

static bool needs_binding(tc_val v) {
  return v.kind == TC_V_ELEMENT || v.kind == TC_V_REGION || v.kind == TC_V_VAR
         || v.kind == TC_V_TUPLE || v.kind == TC_V_LIST;
}

/* Containers hold what their items were when the container was bound. Only new ones are looked
 * through: others were when they were made. */
static tc_val bind_items(tc_eval *ev, tc_val value, const tc_ast *rhs) {
  const tc_ast_list *display = display_of(rhs);
  tc_val_seq *seq = value.seq;
  if (value.kind == TC_V_LIST && !display) return value;
  if (!display && seq->items.n > 64) return value;
  if (display && display->n != seq->items.n) display = NULL;
  tc_val *items = NULL;
  tc_eval_enter(ev);
  for (uint32_t i = 0; i < seq->items.n; i++) {
    tc_val old = seq->items.at[i];
    if (!needs_binding(old)) continue;
    tc_val v = tc_eval_bind(ev, old, (tc_name){0}, display ? display->at[i] : NULL);
    if (tc_py_same(old, v)) continue;
    if (!items) items = tc_arena_copy(ev->arena, seq->items.at, seq->items.n * sizeof *items);
    items[i] = v;
  }
  ev->nesting--;
  if (!items) return value;
  if (value.kind == TC_V_TUPLE) return tc_py_make_tuple(ev, items, seq->items.n);
  seq->items.at = items;
  seq->items.cap = seq->items.n;
  return value;
}

tc_val tc_eval_bind(tc_eval *ev, tc_val value, tc_name name, const tc_ast *rhs) {
  if (!ev->cursor.at.id) return value;
  if (value.kind == TC_V_TUPLE || value.kind == TC_V_LIST) return bind_items(ev, value, rhs);
  if (!tc_val_is_staged(value) && value.kind != TC_V_FRAME) return value;
  if (value.kind == TC_V_VAR && is_fresh(rhs)) {
    tc_buffer *buffer = tc_buf_at(ev->ir, value.buf);
    if (!buffer->name.id) buffer->name = name;
    return value;
  }
  return tc_stage_bind(ev, value, name, tc_eval_at(ev, ev->node));
}

/* ---- targets ---- */

static void assign_name(tc_eval *ev, const tc_ast *target, tc_val value, const tc_ast *rhs) {
  tc_name name = target->name.name;
  const tc_cell *cell = ev->running->env ? tc_env_find(ev->running->env, name) : NULL;
  bool makes_var = value.kind == TC_V_VAR && is_fresh(rhs);
  if (cell && (cell->is_ref || (cell->value.kind == TC_V_VAR && !makes_var))) {
    tc_eval_need_function(ev, "an assignment to a T.alloc_var");
    tc_stage_store(ev, cell->value, value, tc_eval_at(ev, ev->node));
    return;
  }
  tc_scope_store(ev, name, tc_eval_bind(ev, value, name, rhs), target);
}

static void assign_items(tc_eval *ev, const tc_ast *target, const tc_ast_list *targets,
                         tc_val value, const tc_ast *rhs) {
  const tc_val *items;
  uint32_t n;
  const tc_ast *stmt = ev->node;
  for (uint32_t i = 0; i < targets->n; i++)
    if (targets->at[i]->kind == TC_AST_STARRED)
      EVAL_FAIL(ev, D_not_evaluated, tc_eval_span(ev, targets->at[i]), "a starred target", "");
  if (value.kind == TC_V_DEFERRED) {
    tc_py_defer(ev, value, "the value to unpack");
    for (uint32_t i = 0; i < targets->n; i++)
      tc_eval_assign(ev, targets->at[i], value, NULL);
    return;
  }
  /* A loop or kernel of one dimension gives one variable, which also unpacks as (x,). */
  if (value.kind == TC_V_EXPR && targets->n == 1) {
    items = &value;
    n = 1;
  } else if (!tc_eval_items(ev, value, &items, &n)) {
    EVAL_FAIL(ev, D_not_iterable, tc_eval_span(ev, target), tc_val_kind_name(value));
  }
  if (n != targets->n) EVAL_FAIL(ev, D_unpack_count, tc_eval_span(ev, target), n, targets->n);
  const tc_ast_list *display = display_of(rhs);
  if (display && display->n != n) display = NULL;
  items = tc_arena_copy(ev->arena, items, n * sizeof *items);
  for (uint32_t i = 0; i < n; i++) {
    ev->node = stmt;
    tc_eval_assign(ev, targets->at[i], items[i], display ? display->at[i] : NULL);
  }
}

/* What stands before the brackets of a target, and inside. */
typedef struct brackets {
  tc_val object;
  const tc_val *items;
  uint32_t n;
  bool is_tuple;
} brackets;

static brackets eval_brackets(tc_eval *ev, const tc_ast *target) {
  brackets b = {.object = tc_eval_expr(ev, target->subscript.object)};
  tc_eval_index(ev, target->subscript.index, &b.items, &b.n, &b.is_tuple);
  ev->node = target;
  if (!tc_eval_is_staged_object(b.object)) return b;
  tc_eval_need_function(ev, "a store to a buffer");
  if (!b.is_tuple && b.items[0].kind == TC_V_TUPLE) tc_eval_items(ev, b.items[0], &b.items, &b.n);
  return b;
}

static tc_val key_of(tc_eval *ev, const brackets *b) {
  return b->is_tuple ? tc_py_make_tuple(ev, b->items, b->n) : b->items[0];
}

static void set_brackets(tc_eval *ev, const brackets *b, tc_val value) {
  if (tc_eval_is_staged_object(b->object)) {
    tc_span span = tc_eval_at(ev, ev->node);
    tc_stage_store(ev, tc_stage_subscript(ev, b->object, b->items, b->n, span), value, span);
    return;
  }
  tc_py_set_item(ev, b->object, key_of(ev, b), value);
}

static void assign_subscript(tc_eval *ev, const tc_ast *target, tc_val value) {
  brackets b = eval_brackets(ev, target);
  set_brackets(ev, &b, value);
}

void tc_eval_set_item(tc_eval *ev, tc_val object, const tc_val *items, uint32_t n, bool is_tuple,
                      tc_val value) {
  brackets b = {object, items, n, is_tuple};
  if (tc_eval_is_staged_object(object)) tc_eval_need_function(ev, "a store to a buffer");
  set_brackets(ev, &b, value);
}

void tc_eval_assign(tc_eval *ev, const tc_ast *target, tc_val value, const tc_ast *rhs) {
  switch (target->kind) {
  case TC_AST_NAME:
    assign_name(ev, target, value, rhs);
    return;
  case TC_AST_TUPLE:
    assign_items(ev, target, target->tuple.items, value, rhs);
    return;
  case TC_AST_LIST:
    assign_items(ev, target, target->list.items, value, rhs);
    return;
  case TC_AST_SUBSCRIPT:
    assign_subscript(ev, target, value);
    return;
  case TC_AST_ATTRIBUTE: {
    tc_val object = tc_eval_expr(ev, target->attribute.object);
    ev->node = target;
    tc_eval_set_attribute(ev, object, target->attribute.name, value);
    return;
  }
  default:
    EVAL_FAIL(ev, D_not_evaluated, tc_eval_span(ev, target), "a starred target", "");
  }
}

void tc_eval_need_function(tc_eval *ev, const char *what) {
  if (!ev->cursor.at.id) EVAL_FAIL(ev, D_no_function, tc_eval_here(ev), what);
  if (ev->lazy_operand) EVAL_FAIL(ev, D_lazy_statement, tc_eval_here(ev), what);
}

/* ---- assignments ---- */

static void exec_assign(tc_eval *ev, const tc_ast *stmt) {
  const tc_ast_list *targets = stmt->assign.targets;
  const tc_ast *rhs = stmt->assign.value;
  tc_val value = tc_eval_expr(ev, rhs);
  ev->node = stmt;
  bool unpacks = false;
  for (uint32_t i = 0; i < targets->n; i++)
    unpacks =
        unpacks || targets->at[i]->kind == TC_AST_TUPLE || targets->at[i]->kind == TC_AST_LIST;
  /* The whole right side is read before anything is written: a, b = b, a. */
  if (unpacks || targets->n > 1) value = tc_eval_bind(ev, value, (tc_name){0}, rhs);
  for (uint32_t i = 0; i < targets->n; i++) {
    ev->node = stmt;
    tc_eval_assign(ev, targets->at[i], value, rhs);
  }
}

static tc_val augmented(tc_eval *ev, const tc_ast *stmt, tc_val old) {
  old = tc_eval_settle(ev, old);
  tc_val operand = tc_eval_expr(ev, stmt->aug_assign.value);
  ev->node = stmt;
  if (old.kind == TC_V_LIST && stmt->aug_assign.op == TC_BINOP_ADD) {
    tc_py_list_extend(ev, (tc_val[]){old, operand});
    return old;
  }
  return tc_eval_binary(ev, stmt->aug_assign.op, old, operand);
}

static void augment_subscript(tc_eval *ev, const tc_ast *stmt, const tc_ast *target) {
  brackets b = eval_brackets(ev, target);
  if (tc_eval_is_staged_object(b.object)) {
    tc_val place = tc_stage_subscript(ev, b.object, b.items, b.n, tc_eval_at(ev, target));
    tc_val result = augmented(ev, stmt, place);
    tc_stage_store(ev, place, result, tc_eval_at(ev, stmt));
    return;
  }
  tc_val key = key_of(ev, &b);
  tc_val result = augmented(ev, stmt, tc_py_get_item(ev, b.object, key));
  tc_py_set_item(ev, b.object, key, result);
}

static void exec_augmented(tc_eval *ev, const tc_ast *stmt) {
  const tc_ast *target = stmt->aug_assign.target;
  if (target->kind == TC_AST_NAME) {
    tc_val old = tc_scope_load(ev, target->name.name, target);
    ev->node = target;
    tc_val result = augmented(ev, stmt, old);
    assign_name(ev, target, result, stmt);
  } else if (target->kind == TC_AST_SUBSCRIPT) {
    augment_subscript(ev, stmt, target);
  } else {
    tc_val object = tc_eval_expr(ev, target->attribute.object), old;
    ev->node = target;
    if (!tc_eval_attribute(ev, object, target->attribute.name, &old))
      tc_eval_no_attribute(ev, object, target->attribute.name);
    tc_val result = augmented(ev, stmt, old);
    tc_eval_set_attribute(ev, object, target->attribute.name, result);
  }
}

/* `A: T.Tensor(...)` in the body declares a parameter that has no annotation in the header. */
static bool declares_parameter(tc_eval *ev, const tc_ast *target) {
  const tc_running *r = ev->running;
  if (!r->fn || !r->kernel_code || r->fn->kind == TC_FN_MACRO || target->kind != TC_AST_NAME)
    return false;
  const tc_ast_list *params = r->fn->node->def.params;
  for (uint32_t i = 0; i < params->n; i++) {
    if (params->at[i]->param.name.id != target->name.name.id) continue;
    /* A tensor declared again is refused by tc_stage_parameter; an annotation of a compile-time
     * parameter has no effect, as in Python. */
    enum tc_val_kind kind = tc_scope_peek(ev, target->name.name).kind;
    return kind == TC_V_UNBOUND || kind == TC_V_BUFFER;
  }
  return false;
}

static void exec_annotated(tc_eval *ev, const tc_ast *stmt) {
  const tc_ast *target = stmt->ann_assign.target;
  if (stmt->ann_assign.value) {
    tc_val value = tc_eval_expr(ev, stmt->ann_assign.value);
    ev->node = stmt;
    tc_eval_assign(ev, target, value, stmt->ann_assign.value);
    return;
  }
  if (!declares_parameter(ev, target)) return;
  tc_val annotation = tc_eval_expr(ev, stmt->ann_assign.annotation);
  tc_val param = tc_stage_parameter(ev, target->name.name, annotation, tc_eval_at(ev, stmt));
  tc_cell_set(ev, tc_env_find(ev->running->env, target->name.name), param, target);
}

/* ---- the rest ---- */

static void exec_expression(tc_eval *ev, const tc_ast *stmt) {
  const tc_ast *node = stmt->expr_stmt.value;
  if (node->kind == TC_AST_STRING || node->kind == TC_AST_ELLIPSIS) return;
  tc_val v = tc_eval_expr(ev, node);
  tc_span span = tc_eval_at(ev, stmt);
  if (v.kind == TC_V_FRAME) EVAL_FAIL(ev, D_unentered_frame, span);
  if (tc_val_is_staged(v)) {
    tc_stage_expression(ev, v, span);
    return;
  }
  bool called = node->kind == TC_AST_CALL || node->kind == TC_AST_LIST_COMP;
  bool plain = v.kind == TC_V_NONE || v.kind == TC_V_STR || tc_val_is_number(v);
  if (!called && !plain) TC_DIAG(ev->diags, D_unused_value, span, tc_val_kind_name(v));
}

static void exec_assert(tc_eval *ev, const tc_ast *stmt) {
  tc_val test = tc_eval_expr(ev, stmt->assert_.test), message = tc_val_none();
  ev->node = stmt;
  bool staged = tc_val_is_staged(test);
  if (!staged && tc_py_truth(ev, test, "the condition")) return;
  if (stmt->assert_.message) message = tc_eval_expr(ev, stmt->assert_.message);
  tc_span span = tc_eval_at(ev, stmt);
  if (staged) {
    if (ev->lazy_operand) EVAL_FAIL(ev, D_lazy_statement, span, "an assertion");
    tc_stage_assert(ev, test, message, span);
    return;
  }
  const char *text = "";
  if (message.kind != TC_V_NONE) text = tc_str_dup(ev->arena, tc_eval_str(ev, message));
  EVAL_FAIL(ev, D_assertion, span, *text ? ": " : "", text);
}

/* raise ValueError(f"...") shows the type and the text. */
TC_NORETURN static void exec_raise(tc_eval *ev, const tc_ast *stmt) {
  const tc_ast *value = stmt->raise.value;
  const tc_ast *type = value && value->kind == TC_AST_CALL ? value->call.callee : value;
  tc_sb text = tc_sb_in(ev->arena);
  tc_sb_adds(&text, "an exception");
  if (type && type->kind == TC_AST_NAME) {
    text.n = 0;
    tc_sb_adds(&text, tc_eval_name(ev, type->name.name));
  }
  if (value && value->kind == TC_AST_CALL && value->call.args->n
      && value->call.args->at[0]->kind != TC_AST_STARRED
      && value->call.args->at[0]->kind != TC_AST_KEYWORD) {
    tc_val message = tc_eval_expr(ev, value->call.args->at[0]);
    tc_sb_adds(&text, ": ");
    tc_sb_add(&text, tc_eval_str(ev, message));
  }
  EVAL_FAIL(ev, D_raised, tc_eval_span(ev, stmt), text.at);
}

static enum tc_flow exec_return(tc_eval *ev, const tc_ast *stmt) {
  if (ev->block != ev->running->block)
    EVAL_FAIL(ev, D_staged_return, tc_eval_span(ev, stmt), tc_block_text(ev->block->kind));
  tc_val value = tc_val_none();
  if (stmt->return_.value) value = tc_eval_expr(ev, stmt->return_.value);
  ev->running->result = value;
  return TC_FLOW_RETURN;
}

static void exec_import(tc_eval *ev, const tc_ast *stmt, const tc_ast_list *aliases) {
  for (uint32_t i = 0; i < aliases->n; i++)
    tc_module_import(ev, stmt, aliases->at[i]);
}

TC_NORETURN static void refuse(tc_eval *ev, const tc_ast *stmt, const char *what) {
  EVAL_FAIL(ev, D_not_evaluated, tc_eval_span(ev, stmt), what, "");
}

static enum tc_flow exec_kind(tc_eval *ev, const tc_ast *stmt) {
  switch (stmt->kind) { /* table */
  case TC_AST_EXPR_STMT:
    exec_expression(ev, stmt);
    break;
  case TC_AST_ASSIGN:
    exec_assign(ev, stmt);
    break;
  case TC_AST_AUG_ASSIGN:
    exec_augmented(ev, stmt);
    break;
  case TC_AST_ANN_ASSIGN:
    exec_annotated(ev, stmt);
    break;
  case TC_AST_DEL:
    refuse(ev, stmt, "'del'");
  case TC_AST_PASS:
    break;
  case TC_AST_BREAK:
  case TC_AST_CONTINUE:
    return tc_eval_jump(ev, stmt);
  case TC_AST_RETURN:
    return exec_return(ev, stmt);
  case TC_AST_RAISE:
    exec_raise(ev, stmt);
  case TC_AST_GLOBAL:
    refuse(ev, stmt, "'global'");
  case TC_AST_NONLOCAL:
    refuse(ev, stmt, "'nonlocal'");
  case TC_AST_ASSERT:
    exec_assert(ev, stmt);
    break;
  case TC_AST_IMPORT:
    exec_import(ev, stmt, stmt->import.aliases);
    break;
  case TC_AST_FROM_IMPORT:
    exec_import(ev, stmt, stmt->from_import.aliases);
    break;
  case TC_AST_UNSUPPORTED:
    refuse(ev, stmt, tc_format(ev->arena, "'%.*s'", TC_ARG_STR(stmt->unsupported.what)));
  case TC_AST_IF:
    return tc_eval_if(ev, stmt);
  case TC_AST_WHILE:
    return tc_eval_while(ev, stmt);
  case TC_AST_FOR:
    return tc_eval_for(ev, stmt);
  case TC_AST_TRY:
    refuse(ev, stmt, "'try'");
  case TC_AST_WITH:
    return tc_eval_with(ev, stmt);
  case TC_AST_DEF:
    tc_scope_store(ev, stmt->def.name, tc_eval_def(ev, stmt), stmt);
    break;
  case TC_AST_CLASS:
    tc_scope_store(ev, stmt->class_.name, tc_eval_class(ev, stmt), stmt);
    break;
  default:
    tc_bug(ev->arena->unwind, "%s evaluated as a statement", tc_ast_kind_name(stmt->kind));
  }
  return TC_FLOW_NEXT;
}

enum tc_flow tc_eval_stmt(tc_eval *ev, const tc_ast *stmt) {
  ev->node = stmt;
  tc_eval_enter(ev);
  enum tc_flow flow = exec_kind(ev, stmt);
  ev->nesting--;
  return flow;
}

enum tc_flow tc_eval_body(tc_eval *ev, const tc_ast_list *body) {
  for (uint32_t i = 0; i < body->n; i++) {
    const tc_ast *stmt = body->at[i];
    enum tc_flow flow = tc_eval_stmt(ev, stmt);
    if (flow == TC_FLOW_NEXT) continue;
    bool jump = stmt->kind == TC_AST_BREAK || stmt->kind == TC_AST_CONTINUE;
    if (jump && i + 1 < body->n)
      TC_DIAG(ev->diags, D_dead_code, tc_eval_span(ev, body->at[i + 1]),
              stmt->kind == TC_AST_BREAK ? "break" : "continue");
    return flow;
  }
  return TC_FLOW_NEXT;
}
