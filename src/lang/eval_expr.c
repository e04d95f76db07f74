/* Expressions. Python decides while operands are compile-time values; as soon as one is staged the
 * staged half makes IR. Operands that Python would not always evaluate (and, or, if-else, chained
 * comparisons) run under a predicate, so that a load in them happens only when its turn comes. */
#include "lang/eval_private.h"
#include "lang/foreign.h"

/* ---- literals and displays ---- */

typedef TC_VEC(tc_val) vals;

static tc_val eval_int(tc_eval *ev, const tc_ast *node) {
  if (node->int_.overflow || node->int_.value > INT64_MAX)
    EVAL_FAIL(ev, D_wide_int, tc_eval_span(ev, node), "this literal");
  return tc_val_int((int64_t)node->int_.value);
}

/* Items of a display, * spread. */
static void eval_display(tc_eval *ev, const tc_ast_list *list, vals *out) {
  for (uint32_t i = 0; i < list->n; i++) {
    const tc_ast *item = list->at[i];
    if (item->kind != TC_AST_STARRED) {
      tc_vec_push(ev->arena, out, tc_eval_keep(ev, tc_eval_expr(ev, item)));
      continue;
    }
    const tc_val *items;
    uint32_t n;
    tc_val spread = tc_eval_expr(ev, item->starred.value);
    ev->node = item;
    tc_py_need_items(ev, spread, &items, &n);
    tc_py_check_size(ev, "the display", (int64_t)out->n + n, false);
    for (uint32_t k = 0; k < n; k++)
      tc_vec_push(ev->arena, out, items[k]);
  }
}

static tc_val eval_tuple(tc_eval *ev, const tc_ast *node) {
  vals items = {0};
  eval_display(ev, node->tuple.items, &items);
  return tc_py_make_tuple(ev, items.at, items.n);
}

static tc_val eval_list(tc_eval *ev, const tc_ast *node) {
  vals items = {0};
  eval_display(ev, node->list.items, &items);
  return tc_py_make_list(ev, items.at, items.n);
}

static tc_val eval_set(tc_eval *ev, const tc_ast *node) {
  vals items = {0};
  eval_display(ev, node->set.items, &items);
  ev->node = node;
  return tc_py_make_set(ev, items.at, items.n);
}

static tc_val eval_dict(tc_eval *ev, const tc_ast *node) {
  tc_val dict = tc_py_make_dict(ev);
  for (uint32_t i = 0; i < node->dict.pairs->n; i++) {
    const tc_ast *pair = node->dict.pairs->at[i];
    tc_val key = {0};
    if (pair->pair.key) key = tc_eval_expr(ev, pair->pair.key);
    tc_val value = tc_eval_keep(ev, tc_eval_expr(ev, pair->pair.value));
    ev->node = pair;
    if (pair->pair.key) {
      tc_eval_dict_set(ev, dict.dict, key, value);
      continue;
    }
    if (value.kind != TC_V_DICT)
      EVAL_FAIL(ev, D_bad_type, tc_eval_here(ev), "** spreads a dict", tc_val_kind_name(value));
    const tc_val *keys, *values;
    uint32_t n = tc_eval_dict_entries(value.dict, &keys, &values);
    for (uint32_t k = 0; k < n; k++)
      tc_eval_dict_set(ev, dict.dict, keys[k], values[k]);
  }
  return dict;
}

/* ---- comprehensions: evaluated at once ---- */

typedef struct comprehension {
  const tc_ast *node;
  const tc_ast_list *clauses;
  tc_val result; /* LIST, SET or DICT */
} comprehension;

static void add_element(tc_eval *ev, comprehension *c) {
  const tc_ast *node = c->node;
  if (node->kind == TC_AST_DICT_COMP) {
    tc_val key = tc_eval_expr(ev, node->dict_comp.key);
    tc_val value = tc_eval_keep(ev, tc_eval_expr(ev, node->dict_comp.value));
    ev->node = node;
    tc_eval_dict_set(ev, c->result.dict, key, value);
    return;
  }
  tc_val item = tc_eval_expr(ev, node->kind == TC_AST_LIST_COMP  ? node->list_comp.element
                                 : node->kind == TC_AST_SET_COMP ? node->set_comp.element
                                                                 : node->generator.element);
  ev->node = node;
  item = tc_eval_keep(ev, item);
  if (node->kind == TC_AST_SET_COMP) {
    tc_py_key_add(ev, c->result.seq, item);
    return;
  }
  if (c->result.seq->items.n >= EVAL_MAX_ITEMS)
    tc_py_check_size(ev, "the list", (int64_t)EVAL_MAX_ITEMS + 1, false);
  tc_vec_push(ev->arena, &c->result.seq->items, item);
}

static void run_clause(tc_eval *ev, comprehension *c, uint32_t k, tc_val over) {
  if (k == c->clauses->n) {
    add_element(ev, c);
    return;
  }
  const tc_ast *clause = c->clauses->at[k];
  tc_py_iter it;
  tc_val item;
  if (over.kind == TC_V_UNBOUND) over = tc_eval_expr(ev, clause->comp_for.iter);
  ev->node = clause->comp_for.iter;
  if (over.kind == TC_V_DEFERRED) tc_py_need_known(ev, over, "the iterable");
  if (!tc_py_iter_open(ev, over, &it))
    EVAL_FAIL(ev, D_not_iterable, tc_eval_here(ev), tc_val_kind_name(over));
  while (tc_py_iter_next(ev, &it, &item)) {
    bool keep = true;
    tc_eval_assign(ev, clause->comp_for.target, item, NULL);
    for (uint32_t i = 0; keep && i < clause->comp_for.conditions->n; i++) {
      tc_val test = tc_eval_expr(ev, clause->comp_for.conditions->at[i]);
      ev->node = clause->comp_for.conditions->at[i];
      keep = tc_py_truth(ev, test, "the condition of a comprehension");
    }
    if (keep) run_clause(ev, c, k + 1, (tc_val){0});
  }
}

tc_val tc_eval_comprehension(tc_eval *ev, const tc_ast *node) {
  bool is_list = node->kind == TC_AST_LIST_COMP || node->kind == TC_AST_GENERATOR;
  const tc_ast_scope *scope = NULL;
  comprehension c = {.node = node};
  if (node->kind == TC_AST_DICT_COMP) {
    c.clauses = node->dict_comp.clauses;
    scope = node->dict_comp.scope;
    c.result = tc_py_make_dict(ev);
  } else { /* the other three have one layout */
    c.clauses = node->kind == TC_AST_LIST_COMP  ? node->list_comp.clauses
                : node->kind == TC_AST_SET_COMP ? node->set_comp.clauses
                                                : node->generator.clauses;
    scope = node->kind == TC_AST_LIST_COMP  ? node->list_comp.scope
            : node->kind == TC_AST_SET_COMP ? node->set_comp.scope
                                            : node->generator.scope;
    c.result = is_list ? tc_py_make_list(ev, NULL, 0) : tc_py_make_set(ev, NULL, 0);
  }
  /* The first iterable belongs to the scope outside. */
  tc_val over = tc_eval_expr(ev, c.clauses->at[0]->comp_for.iter);
  tc_env *outer = ev->running->env, *visible = outer && outer->is_class ? outer->outer : outer;
  ev->running->env = tc_env_new(ev, visible, ev->running->module, scope);
  run_clause(ev, &c, 0, over);
  ev->running->env = outer;
  return c.result;
}

/* ---- lazy operands ---- */

typedef struct lazy_state {
  tc_value pred;
  bool lazy_operand;
} lazy_state;

/* What is evaluated until lazy_end runs only where `cond` holds (or fails: `sense` false). */
static lazy_state lazy_begin(tc_eval *ev, tc_value cond, bool sense) {
  lazy_state before = {ev->cursor.pred, ev->lazy_operand};
  if (!sense) cond = tc_unary(ev->ir, TC_OP_not, cond);
  ev->cursor.pred = before.pred.id ? tc_stage_and(ev, before.pred, cond) : cond;
  ev->lazy_operand = true;
  return before;
}

static void lazy_end(tc_eval *ev, lazy_state before) {
  ev->cursor.pred = before.pred;
  ev->lazy_operand = before.lazy_operand;
}

tc_val tc_eval_settle(tc_eval *ev, tc_val v) {
  bool place = v.kind == TC_V_ELEMENT || v.kind == TC_V_VAR || v.kind == TC_V_REGION;
  if (!place || !ev->cursor.at.id) return v;
  return tc_stage_bind(ev, v, (tc_name){0}, tc_eval_at(ev, ev->node));
}

tc_val tc_eval_keep(tc_eval *ev, tc_val v) {
  return v.kind == TC_V_VAR ? v : tc_eval_settle(ev, v);
}

static tc_value condition_of(tc_eval *ev, tc_val v, const tc_ast *node) {
  tc_span span = tc_eval_at(ev, node);
  if (!tc_val_is_staged(v)) return tc_const_bool(ev->ir, tc_eval_truth(ev, v));
  return tc_stage_condition(ev, v, span);
}

/* Left to right until a compile-time operand decides. A compile-time left operand is Python's short
 * circuit: what is on its right is not even looked at. */
static tc_val eval_boolean(tc_eval *ev, const tc_ast *node) {
  bool is_and = node->boolean.op == TC_BOOLOP_AND;
  const tc_ast_list *operands = node->boolean.operands;
  tc_value acc = {0};
  for (uint32_t i = 0; i < operands->n; i++) {
    const tc_ast *operand = operands->at[i];
    lazy_state before = {0};
    if (acc.id) before = lazy_begin(ev, acc, is_and);
    tc_val v = tc_eval_expr(ev, operand);
    ev->node = operand;
    bool staged = tc_val_is_staged(v), decides = false;
    if (!staged) decides = tc_py_truth(ev, v, "the operand") != is_and;
    if (!acc.id && (decides || i + 1 == operands->n)) return v;
    if (!acc.id && !staged) continue;
    tc_value cond = condition_of(ev, v, operand);
    if (acc.id) {
      lazy_end(ev, before);
      cond = is_and ? tc_stage_and(ev, acc, cond) : tc_stage_or(ev, acc, cond);
    }
    acc = cond;
    if (decides) break;
  }
  return tc_val_expr(acc);
}

tc_val tc_eval_compare_pair(tc_eval *ev, enum tc_ast_cmpop op, tc_val a, tc_val b,
                            const tc_ast *node) {
  ev->node = node;
  bool identity = op == TC_CMPOP_IS || op == TC_CMPOP_IS_NOT;
  if (!identity && (a.kind == TC_V_FOREIGN || b.kind == TC_V_FOREIGN))
    return tc_foreign_binary(ev, TILEC_OP_COMPARE, tc_ast_cmpop_text(op), a, b);
  bool staged = tc_val_is_staged(a) || tc_val_is_staged(b);
  bool python =
      op == TC_CMPOP_IS || op == TC_CMPOP_IS_NOT || op == TC_CMPOP_IN || op == TC_CMPOP_NOT_IN;
  /* Nothing staged equals None. */
  if (a.kind == TC_V_NONE || b.kind == TC_V_NONE)
    python = python || op == TC_CMPOP_EQ || op == TC_CMPOP_NE;
  if (staged && !python) return tc_stage_compare(ev, op, a, b, tc_eval_at(ev, node));
  return tc_val_bool(tc_py_compare(ev, op, a, b));
}

static tc_val eval_compare(tc_eval *ev, const tc_ast *node) {
  const tc_ast_list *operands = node->compare.operands;
  uint32_t n = operands->n - 1;
  tc_value acc = {0};
  tc_val left = tc_eval_expr(ev, operands->at[0]);
  for (uint32_t i = 0; i < n; i++) {
    enum tc_ast_cmpop op = node->compare.ops[i];
    lazy_state before = {0};
    bool by_value = op != TC_CMPOP_IS && op != TC_CMPOP_IS_NOT;
    ev->node = operands->at[i];
    if (by_value) left = tc_eval_settle(ev, left);
    if (acc.id) before = lazy_begin(ev, acc, true);
    tc_val right = tc_eval_expr(ev, operands->at[i + 1]);
    ev->node = operands->at[i + 1];
    /* Used twice in a chain, evaluated once. */
    if (i + 1 < n) right = tc_eval_settle(ev, right);
    tc_val r = tc_eval_compare_pair(ev, op, left, right, node);
    left = right;
    bool staged = tc_val_is_staged(r);
    bool decides = !staged && (r.kind == TC_V_BOOL ? !r.i : !tc_py_truth(ev, r, "the comparison"));
    if (!acc.id && (decides || i + 1 == n)) return r;
    if (!acc.id && !staged) continue;
    tc_value cond = condition_of(ev, r, node);
    if (acc.id) {
      lazy_end(ev, before);
      cond = tc_stage_and(ev, acc, cond);
    }
    acc = cond;
    if (decides) break;
  }
  return tc_val_expr(acc);
}

tc_val tc_eval_choose(tc_eval *ev, const tc_ast *node, const tc_ast *test_node, const tc_ast *then,
                      const tc_ast *other) {
  tc_val test = tc_eval_expr(ev, test_node);
  ev->node = test_node;
  if (!tc_val_is_staged(test))
    return tc_eval_expr(ev, tc_py_truth(ev, test, "the condition") ? then : other);
  tc_value cond = tc_stage_condition(ev, test, tc_eval_at(ev, test_node));
  const tc_ast *sides[] = {then, other};
  tc_val values[2];
  for (int k = 0; k < 2; k++) {
    lazy_state before = lazy_begin(ev, cond, k == 0);
    values[k] = tc_eval_expr(ev, sides[k]);
    ev->node = sides[k];
    values[k] = tc_eval_settle(ev, values[k]); /* loads belong under the predicate */
    lazy_end(ev, before);
  }
  return tc_stage_select(ev, cond, values[0], values[1], tc_eval_at(ev, node));
}

/* ---- operators ---- */

tc_val tc_eval_binary(tc_eval *ev, enum tc_ast_binop op, tc_val a, tc_val b) {
  if (op == TC_BINOP_MATMUL)
    EVAL_FAIL(ev, D_not_evaluated, tc_eval_here(ev), "'@'", ": use T.gemm");
  if (a.kind == TC_V_FOREIGN || b.kind == TC_V_FOREIGN)
    return tc_foreign_binary(ev, TILEC_OP_BINARY, tc_ast_binop_text(op), a, b);
  if (tc_val_is_staged(a) || tc_val_is_staged(b))
    return tc_stage_binary(ev, op, a, b, tc_eval_at(ev, ev->node));
  if (a.kind == TC_V_DEFERRED) return tc_py_defer(ev, a, "an operand");
  if (b.kind == TC_V_DEFERRED) return tc_py_defer(ev, b, "an operand");
  return tc_py_binary(ev, op, a, b);
}

static tc_val eval_binary(tc_eval *ev, const tc_ast *node) {
  tc_val a = tc_eval_expr(ev, node->binary.left);
  ev->node = node->binary.left;
  a = tc_eval_settle(ev, a); /* the left side is read before the right side runs */
  tc_val b = tc_eval_expr(ev, node->binary.right);
  ev->node = node;
  return tc_eval_binary(ev, node->binary.op, a, b);
}

tc_val tc_eval_unary(tc_eval *ev, enum tc_ast_unop op, tc_val v, const tc_ast *node) {
  bool arithmetic = op != TC_UNOP_NOT;
  ev->node = node;
  if (tc_val_is_staged(v)) return tc_stage_unary(ev, op, v, tc_eval_at(ev, node));
  if (v.kind == TC_V_DEFERRED && arithmetic) return tc_py_defer(ev, v, "the operand");
  if (v.kind == TC_V_FOREIGN && arithmetic) {
    tc_val args[2] = {tc_val_str(ev->arena, tc_str_of(tc_ast_unop_text(op))), v};
    return tc_foreign_ask(ev, TILEC_OP_UNARY, args, 2);
  }
  return tc_py_unary(ev, op, v);
}

static tc_val eval_unary(tc_eval *ev, const tc_ast *node) {
  const tc_ast *operand = node->unary.operand;
  /* The smallest int has no positive literal. */
  if (node->unary.op == TC_UNOP_NEG && operand->kind == TC_AST_INT && !operand->int_.overflow
      && operand->int_.value == UINT64_C(1) << 63)
    return tc_val_int(INT64_MIN);
  return tc_eval_unary(ev, node->unary.op, tc_eval_expr(ev, operand), node);
}

/* ---- subscripts ---- */

static tc_val eval_slice(tc_eval *ev, const tc_ast *node) {
  tc_val *parts = TC_NEW_ARRAY(ev->arena, 3, tc_val);
  const tc_ast *nodes[] = {node->slice.lower, node->slice.upper, node->slice.step};
  ev->slices++;
  for (int i = 0; i < 3; i++) {
    parts[i] = nodes[i] ? tc_eval_expr(ev, nodes[i]) : tc_val_none();
    if (nodes[i]) ev->node = nodes[i];
    parts[i] = tc_eval_settle(ev, parts[i]);
  }
  ev->slices--;
  ev->node = node;
  return (tc_val){.kind = TC_V_SLICE, .slice = parts};
}

void tc_eval_index(tc_eval *ev, const tc_ast *node, const tc_val **items, uint32_t *n,
                   bool *is_tuple) {
  vals out = {0};
  *is_tuple = node->kind == TC_AST_TUPLE;
  if (*is_tuple)
    eval_display(ev, node->tuple.items, &out);
  else
    tc_vec_push(ev->arena, &out, tc_eval_expr(ev, node));
  *items = out.at;
  *n = out.n;
}

bool tc_eval_is_staged_object(tc_val object) {
  return tc_val_is_staged(object) || object.kind == TC_V_TENSOR || object.kind == TC_V_LAYOUT
         || object.kind == TC_V_FRAME;
}

static tc_val call_with_brackets(tc_eval *ev, tc_val callee, const tc_val *items, uint32_t n,
                                 tc_span span) {
  tc_call_arg *args = TC_NEW_ARRAY(ev->arena, n, tc_call_arg);
  for (uint32_t i = 0; i < n; i++)
    args[i] = (tc_call_arg){.value = items[i], .span = span};
  return tc_stage_call(ev, (uint32_t)callee.i, &(tc_call_args){args, n, span});
}

tc_val tc_eval_get_item(tc_eval *ev, tc_val object, const tc_val *items, uint32_t n,
                        bool is_tuple) {
  const tc_ast *node = ev->node;
  /* T.Tensor[shape, dtype] */
  if (object.kind == TC_V_BUILTIN)
    return call_with_brackets(ev, object, items, n, tc_eval_at(ev, node));
  if (tc_eval_is_staged_object(object)) {
    /* A tuple held in a name spreads: A[idx] is A[i, j] when idx is (i, j). */
    if (!is_tuple && items[0].kind == TC_V_TUPLE) {
      const tc_val_seq *seq = items[0].seq;
      items = seq->items.at;
      n = seq->items.n;
    }
    return tc_stage_subscript(ev, object, items, n, tc_eval_at(ev, node));
  }
  if (object.kind == TC_V_DEFERRED) return tc_py_defer(ev, object, "the object");
  return tc_py_get_item(ev, object, is_tuple ? tc_py_make_tuple(ev, items, n) : items[0]);
}

static tc_val eval_subscript(tc_eval *ev, const tc_ast *node) {
  tc_val object = tc_eval_expr(ev, node->subscript.object);
  const tc_val *items;
  uint32_t n;
  bool is_tuple;
  tc_eval_index(ev, node->subscript.index, &items, &n, &is_tuple);
  ev->node = node;
  return tc_eval_get_item(ev, object, items, n, is_tuple);
}

static tc_val eval_attribute(tc_eval *ev, const tc_ast *node) {
  tc_val object = tc_eval_expr(ev, node->attribute.object), value;
  ev->node = node;
  if (!tc_eval_attribute(ev, object, node->attribute.name, &value))
    tc_eval_no_attribute(ev, object, node->attribute.name);
  return value;
}

/* ---- all kinds ---- */

static tc_val refuse(tc_eval *ev, const tc_ast *node, const char *what) {
  EVAL_FAIL(ev, D_not_evaluated, tc_eval_span(ev, node), what, "");
}

static tc_val eval_kind(tc_eval *ev, const tc_ast *node) {
  switch (node->kind) { /* table */
  case TC_AST_INT:
    return eval_int(ev, node);
  case TC_AST_FLOAT:
    return tc_val_float(node->float_.value);
  case TC_AST_STRING:
    return tc_py_make_text(ev, node->string.value);
  case TC_AST_BYTES:
    return refuse(ev, node, "bytes");
  case TC_AST_FSTRING:
    return tc_eval_fstring(ev, node);
  case TC_AST_NONE:
    return tc_val_none();
  case TC_AST_TRUE:
    return tc_val_bool(true);
  case TC_AST_FALSE:
    return tc_val_bool(false);
  case TC_AST_ELLIPSIS:
    return refuse(ev, node, "'...'");
  case TC_AST_IMAGINARY:
    EVAL_FAIL(ev, D_imaginary_number, tc_eval_span(ev, node));
  case TC_AST_NAMED_TEXT:
    EVAL_FAIL(ev, D_named_escape, tc_eval_span(ev, node));
  case TC_AST_TEMPLATE:
    return refuse(ev, node, "a template string");
  case TC_AST_NAME:
    return tc_scope_load(ev, node->name.name, node);
  case TC_AST_ATTRIBUTE:
    return eval_attribute(ev, node);
  case TC_AST_SUBSCRIPT:
    return eval_subscript(ev, node);
  case TC_AST_SLICE:
    return eval_slice(ev, node);
  case TC_AST_CALL:
    return tc_eval_call_node(ev, node);
  case TC_AST_UNARY:
    return eval_unary(ev, node);
  case TC_AST_BINARY:
    return eval_binary(ev, node);
  case TC_AST_BOOLEAN:
    return eval_boolean(ev, node);
  case TC_AST_COMPARE:
    return eval_compare(ev, node);
  case TC_AST_TERNARY:
    return tc_eval_choose(ev, node, node->ternary.test, node->ternary.then, node->ternary.other);
  case TC_AST_LAMBDA:
    return tc_function_new(ev, node, TC_FN_PLAIN);
  case TC_AST_WALRUS:
    return refuse(ev, node, "':='");
  case TC_AST_AWAIT:
    return refuse(ev, node, "'await'");
  case TC_AST_YIELD:
  case TC_AST_YIELD_FROM:
    return refuse(ev, node, "'yield'");
  case TC_AST_STARRED:
    return refuse(ev, node, "a starred expression here");
  case TC_AST_TUPLE:
    return eval_tuple(ev, node);
  case TC_AST_LIST:
    return eval_list(ev, node);
  case TC_AST_SET:
    return eval_set(ev, node);
  case TC_AST_DICT:
    return eval_dict(ev, node);
  case TC_AST_LIST_COMP:
  case TC_AST_SET_COMP:
  case TC_AST_DICT_COMP:
  case TC_AST_GENERATOR:
    return tc_eval_comprehension(ev, node);
  default:
    tc_bug(ev->arena->unwind, "%s evaluated as an expression", tc_ast_kind_name(node->kind));
  }
}

tc_val tc_eval_expr(tc_eval *ev, const tc_ast *node) {
  ev->node = node;
  tc_eval_enter(ev);
  tc_val v = eval_kind(ev, node);
  ev->nesting--;
  return v;
}
