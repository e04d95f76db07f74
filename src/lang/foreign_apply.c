/* Operations that another language performs on values of the evaluation, by the rules that text of
 * a kernel would follow. */
#include "lang/foreign.h"

typedef tc_val apply_fn(tc_eval *ev, const tc_val *a, uint32_t n);

/* A region has a value only where it is bound to a name, which is seen in text alone: read later,
 * it might have another. */
static tc_val operand(tc_eval *ev, tc_val v) {
  if (v.kind == TC_V_REGION && !v.region->loaded.id)
    EVAL_FAIL(ev, D_foreign_use, tc_eval_here(ev), "arithmetic on a region");
  return tc_eval_settle(ev, v);
}

static tc_val apply_item(tc_eval *ev, const tc_val *a, uint32_t n) {
  (void)ev, (void)n;
  uint32_t at = a[1].kind == TC_V_INT && a[1].i >= 0 ? (uint32_t)a[1].i : UINT32_MAX;
  if (a[0].kind == TC_V_SLICE) return at < 3 ? a[0].slice[at] : (tc_val){0};
  if (a[0].kind == TC_V_DICT) {
    const tc_val_dict *d = a[0].dict;
    if (at / 2 >= d->values.n) return (tc_val){0};
    return at % 2 ? d->values.at[at / 2] : d->keys.items.at[at / 2];
  }
  if (a[0].kind != TC_V_TUPLE && a[0].kind != TC_V_LIST && a[0].kind != TC_V_SET)
    return (tc_val){0};
  return at < a[0].seq->items.n ? a[0].seq->items.at[at] : (tc_val){0};
}

static tc_name name_of(tc_eval *ev, tc_val v) {
  return tc_names_add(ev->names, tc_py_need_text(ev, v, "a name"));
}

static tc_val apply_getattr(tc_eval *ev, const tc_val *a, uint32_t n) {
  (void)n;
  tc_val value;
  return tc_eval_attribute(ev, a[0], name_of(ev, a[1]), &value) ? value : (tc_val){0};
}

static tc_val apply_setattr(tc_eval *ev, const tc_val *a, uint32_t n) {
  (void)n;
  tc_eval_set_attribute(ev, a[0], name_of(ev, a[1]), a[2]);
  return tc_val_none();
}

/* x[i, j] and x[(i, j)] are the same in Python. */
static void index_of(const tc_val *index, const tc_val **items, uint32_t *n, bool *is_tuple) {
  *is_tuple = index->kind == TC_V_TUPLE;
  *items = *is_tuple ? index->seq->items.at : index;
  *n = *is_tuple ? index->seq->items.n : 1;
}

static tc_val apply_getitem(tc_eval *ev, const tc_val *a, uint32_t n) {
  const tc_val *items;
  uint32_t n_items;
  bool is_tuple;
  (void)n;
  index_of(&a[1], &items, &n_items, &is_tuple);
  tc_val v = tc_eval_get_item(ev, a[0], items, n_items, is_tuple);
  /* Its name over there is bound to what it is now. */
  return v.kind == TC_V_ELEMENT ? tc_eval_bind(ev, v, (tc_name){0}, NULL) : v;
}

static tc_val apply_setitem(tc_eval *ev, const tc_val *a, uint32_t n) {
  const tc_val *items;
  uint32_t n_items;
  bool is_tuple;
  (void)n;
  index_of(&a[1], &items, &n_items, &is_tuple);
  tc_eval_set_item(ev, a[0], items, n_items, is_tuple, a[2]);
  return tc_val_none();
}

static tc_val apply_call(tc_eval *ev, const tc_val *a, uint32_t n) {
  uint32_t n_names = a[1].kind == TC_V_INT && a[1].i >= 0 ? (uint32_t)a[1].i : UINT32_MAX, k = 0;
  if (n_names > (n - 2) / 2) tc_bug(ev->arena->unwind, "a resolver called with bad keywords");
  uint32_t n_plain = n - 2 - 2 * n_names;
  tc_call_arg *args = TC_NEW_ARRAY(ev->arena, n, tc_call_arg);
  tc_span span = tc_eval_here(ev);
  for (uint32_t i = 0; i < n_plain; i++)
    args[k++] = (tc_call_arg){.value = a[2 + i], .span = span};
  for (uint32_t i = 2 + n_plain; i + 1 < n; i += 2)
    args[k++] = (tc_call_arg){name_of(ev, a[i]), a[i + 1], span};
  return tc_eval_call(ev, a[0], &(tc_call_args){args, k, span});
}

/* Loops of the kernel need its text. */
static tc_val apply_iterate(tc_eval *ev, const tc_val *a, uint32_t n) {
  const tc_val *items;
  uint32_t n_items;
  (void)n;
  if (a[0].kind == TC_V_FRAME) EVAL_FAIL(ev, D_foreign_use, tc_eval_here(ev), "a loop");
  if (!tc_eval_items(ev, a[0], &items, &n_items)) return (tc_val){0};
  return tc_val_tuple(ev->arena, items, n_items);
}

static tc_val apply_builtin(tc_eval *ev, const char *name, tc_val v) {
  tc_val row;
  if (!tc_py_find(TC_PY_BUILTINS, tc_str_of(name), &row))
    tc_bug(ev->arena->unwind, "%s is no builtin", name);
  return tc_eval_apply(ev, row, &v, 1);
}

static tc_val apply_len(tc_eval *ev, const tc_val *a, uint32_t n) {
  (void)n;
  return apply_builtin(ev, "len", a[0]);
}

static tc_val apply_truth(tc_eval *ev, const tc_val *a, uint32_t n) {
  (void)n;
  return tc_val_bool(tc_py_truth(ev, a[0], "a condition that the program around the kernel asks"));
}

static tc_val apply_contains(tc_eval *ev, const tc_val *a, uint32_t n) {
  (void)n;
  return tc_val_bool(tc_py_contains(ev, a[0], a[1]));
}

#define X(name, text) text,
static const char *const BINOPS[] = {TC_BINOPS(X)};
static const char *const UNOPS[] = {TC_UNOPS(X)};
static const char *const CMPOPS[] = {TC_CMPOPS(X)};
#undef X

static uint32_t operator_of(tc_eval *ev, tc_val text, const char *const *names, uint32_t n) {
  tc_str want = tc_py_need_text(ev, text, "an operator");
  for (uint32_t i = 0; i < n; i++)
    if (tc_str_is(want, names[i])) return i;
  tc_bug(ev->arena->unwind, "a resolver asked for operator '%.*s'", TC_ARG_STR(want));
}

static tc_val apply_binary(tc_eval *ev, const tc_val *a, uint32_t n) {
  (void)n;
  uint32_t op = operator_of(ev, a[0], BINOPS, TC_COUNT(BINOPS));
  return tc_eval_binary(ev, (enum tc_ast_binop)op, operand(ev, a[1]), operand(ev, a[2]));
}

static tc_val apply_unary(tc_eval *ev, const tc_val *a, uint32_t n) {
  (void)n;
  uint32_t op = operator_of(ev, a[0], UNOPS, TC_COUNT(UNOPS));
  return tc_eval_unary(ev, (enum tc_ast_unop)op, operand(ev, a[1]), ev->node);
}

static tc_val apply_compare(tc_eval *ev, const tc_val *a, uint32_t n) {
  (void)n;
  uint32_t op = operator_of(ev, a[0], CMPOPS, TC_COUNT(CMPOPS));
  return tc_eval_compare_pair(ev, (enum tc_ast_cmpop)op, operand(ev, a[1]), operand(ev, a[2]),
                              ev->node);
}

static tc_val apply_str(tc_eval *ev, const tc_val *a, uint32_t n) {
  (void)n;
  tc_py_need_text_of(ev, a[0]);
  return tc_py_make_text(ev, tc_eval_str(ev, a[0]));
}

/* For people who debug: everything has one. */
static tc_val apply_repr(tc_eval *ev, const tc_val *a, uint32_t n) {
  (void)n;
  return tc_py_make_text(ev, tc_eval_repr(ev, a[0]));
}

/* By operation: how many arguments, at least, and what it does. */
static const struct {
  tilec_op op;
  uint32_t n;
  apply_fn *run;
} APPLY[] = {
    {TILEC_OP_ITEM, 2, apply_item},       {TILEC_OP_GETATTR, 2, apply_getattr},
    {TILEC_OP_SETATTR, 3, apply_setattr}, {TILEC_OP_GETITEM, 2, apply_getitem},
    {TILEC_OP_SETITEM, 3, apply_setitem}, {TILEC_OP_CALL, 2, apply_call},
    {TILEC_OP_ITERATE, 1, apply_iterate}, {TILEC_OP_LEN, 1, apply_len},
    {TILEC_OP_TRUTH, 1, apply_truth},     {TILEC_OP_CONTAINS, 2, apply_contains},
    {TILEC_OP_BINARY, 3, apply_binary},   {TILEC_OP_UNARY, 2, apply_unary},
    {TILEC_OP_COMPARE, 3, apply_compare}, {TILEC_OP_STR, 1, apply_str},
    {TILEC_OP_REPR, 1, apply_repr},
};

tc_val tc_foreign_apply(tc_eval *ev, tilec_op op, const tc_val *args, uint32_t n) {
  for (size_t i = 0; i < TC_COUNT(APPLY); i++)
    if (APPLY[i].op == op && n >= APPLY[i].n) return APPLY[i].run(ev, args, n);
  tc_bug(ev->arena->unwind, "operation %u of %u arguments asked of the evaluation", (unsigned)op,
         n);
}
