/* Builtins and methods over sequences and containers, and itertools and functools. What Python
 * gives one by one (zip, map, ...) is a list here: evaluation is never lazy. */
#include "lang/eval_private.h"

#include <string.h>

typedef TC_VEC(tc_val) vals;

static tc_val list_of(tc_eval *ev, const vals *v) {
  return tc_py_make_list(ev, v->at, v->n);
}

static void push(tc_eval *ev, vals *v, tc_val item) {
  if (v->n >= EVAL_MAX_ITEMS) tc_py_check_size(ev, "the list", (int64_t)v->n + 1, false);
  tc_eval_spend(ev, 1);
  tc_vec_push(ev->arena, v, item);
}

static void check_change(tc_eval *ev, tc_val container, tc_val item) {
  uint32_t block = container.kind == TC_V_DICT ? container.dict->keys.block : container.seq->block;
  tc_block_check_change(ev, block, item, tc_val_kind_name(container));
}

static void need_kind(tc_eval *ev, tc_val v, enum tc_val_kind kind, const char *what) {
  tc_py_need_known(ev, v, what);
  if (v.kind != kind)
    EVAL_FAIL(ev, D_bad_type, tc_eval_here(ev), tc_format(ev->arena, "%s", what),
              tc_val_kind_name(v));
}

/* ---- making sequences ---- */

static tc_val collect(tc_eval *ev, tc_val v, enum tc_val_kind kind) {
  const tc_val *items;
  uint32_t n;
  tc_py_need_items(ev, v, &items, &n);
  return kind == TC_V_LIST    ? tc_py_make_list(ev, items, n)
         : kind == TC_V_TUPLE ? tc_py_make_tuple(ev, items, n)
                              : tc_py_make_set(ev, items, n);
}

tc_val tc_py_list(tc_eval *ev, const tc_val *a) {
  return collect(ev, a[0], TC_V_LIST);
}
tc_val tc_py_tuple(tc_eval *ev, const tc_val *a) {
  return collect(ev, a[0], TC_V_TUPLE);
}
tc_val tc_py_set(tc_eval *ev, const tc_val *a) {
  return collect(ev, a[0], TC_V_SET);
}

static void update_dict(tc_eval *ev, tc_val_dict *dict, tc_val from) {
  const tc_val *items, *values, *pair;
  uint32_t n, two;
  if (from.kind == TC_V_DICT) {
    n = tc_eval_dict_entries(from.dict, &items, &values);
    for (uint32_t i = 0; i < n; i++)
      tc_eval_dict_set(ev, dict, items[i], values[i]);
    return;
  }
  tc_py_need_items(ev, from, &items, &n);
  for (uint32_t i = 0; i < n; i++) {
    tc_py_need_items(ev, items[i], &pair, &two);
    if (two != 2) EVAL_FAIL(ev, D_unpack_count, tc_eval_here(ev), two, 2u);
    tc_eval_dict_set(ev, dict, pair[0], pair[1]);
  }
}

tc_val tc_py_dict(tc_eval *ev, const tc_val *a) {
  tc_val dict = tc_py_make_dict(ev);
  update_dict(ev, dict.dict, a[0]);
  if (a[1].kind == TC_V_DICT) update_dict(ev, dict.dict, a[1]);
  return dict;
}

tc_val tc_py_dict_copy(tc_eval *ev, const tc_val *a) {
  tc_val both[2] = {a[0], {0}};
  return tc_py_dict(ev, both);
}

static bool staged_bound(tc_eval *ev, tc_val v, const char *what) {
  if (!tc_val_is_staged(v)) tc_py_need_int(ev, v, what);
  return tc_val_is_staged(v);
}

/* With a bound of run time it is a loop of the kernel and nothing else. */
static tc_val staged_range(tc_eval *ev, tc_val lo, tc_val hi, tc_val by) {
  tc_range *range = TC_NEW(ev->arena, tc_range);
  tc_span span = tc_eval_at(ev, ev->node);
  *range = (tc_range){.staged = true,
                      .step = 1,
                      .lo = tc_stage_value(ev, lo, span),
                      .hi = tc_stage_value(ev, hi, span),
                      .by = tc_stage_value(ev, by, span)};
  return (tc_val){.kind = TC_V_RANGE, .range = range};
}

tc_val tc_py_range(tc_eval *ev, const tc_val *a) {
  const tc_val *at = a[0].seq->items.at;
  uint32_t n = a[0].seq->items.n;
  if (n < 1 || n > 3)
    EVAL_FAIL(ev, D_bad_call, tc_eval_here(ev), "range", "takes 1 to 3 arguments");
  tc_val lo = n > 1 ? at[0] : tc_val_int(0), hi = n > 1 ? at[1] : at[0];
  tc_val by = n > 2 ? at[2] : tc_val_int(1);
  bool staged = staged_bound(ev, lo, "the start of range()");
  staged = staged_bound(ev, hi, "the end of range()") || staged;
  staged = staged_bound(ev, by, "the step of range()") || staged;
  if (staged) return staged_range(ev, lo, hi, by);
  return tc_py_make_range(ev, lo.i, hi.i, by.i);
}

/* ---- builtins over items ---- */

tc_val tc_py_len(tc_eval *ev, const tc_val *a) {
  const tc_val *items;
  uint32_t n;
  tc_val v = a[0], method;
  tc_str text;
  tc_py_need_known(ev, v, "the argument of len()");
  if (tc_py_as_text(ev, v, &text)) return tc_val_int(tc_py_text_length(text));
  if (v.kind == TC_V_RANGE && !v.range->staged)
    return tc_val_int((int64_t)tc_py_range_length(v.range));
  if (v.kind == TC_V_INSTANCE && tc_eval_method(ev, v, "__len__", &method))
    return tc_eval_apply(ev, method, NULL, 0);
  if (!tc_eval_items(ev, v, &items, &n))
    EVAL_FAIL(ev, D_bad_type, tc_eval_here(ev), "len() needs a sequence or container",
              tc_val_kind_name(v));
  return tc_val_int(n);
}

static tc_val key_of(tc_eval *ev, tc_val key, tc_val item) {
  return key.kind == TC_V_NONE ? item : tc_eval_apply(ev, key, &item, 1);
}

/* a: *args, key, default */
static tc_val extreme(tc_eval *ev, const tc_val *a, enum tc_ast_cmpop op, const char *name) {
  const tc_val *items = a[0].seq->items.at;
  uint32_t n = a[0].seq->items.n;
  if (n == 1) tc_py_need_items(ev, items[0], &items, &n);
  if (n == 0) {
    if (a[2].kind != TC_V_UNBOUND && a[0].seq->items.n) return a[2];
    EVAL_FAIL(ev, D_bad_value, tc_eval_here(ev),
              tc_format(ev->arena, "%s() of nothing has no value", name));
  }
  tc_val best = items[0];
  for (uint32_t i = 0; i < n; i++) {
    if (!tc_val_is_staged(items[i])) continue;
    TC_DIAG(ev->diags, D_not_constant, tc_eval_here(ev),
            tc_format(ev->arena, "an argument of %s()", name), tc_val_kind_name(items[i]));
    tc_diag_help(ev->diags, "use T.%s", name);
    tc_diag_stop(ev->diags);
  }
  tc_val best_key = key_of(ev, a[1], best);
  for (uint32_t i = 1; i < n; i++) {
    tc_val key = key_of(ev, a[1], items[i]);
    tc_eval_spend(ev, 1);
    if (tc_py_compare(ev, op, key, best_key)) best = items[i], best_key = key;
  }
  return best;
}

tc_val tc_py_min(tc_eval *ev, const tc_val *a) {
  return extreme(ev, a, TC_CMPOP_LT, "min");
}
tc_val tc_py_max(tc_eval *ev, const tc_val *a) {
  return extreme(ev, a, TC_CMPOP_GT, "max");
}

tc_val tc_py_sum(tc_eval *ev, const tc_val *a) {
  const tc_val *items;
  uint32_t n;
  tc_val sum = a[1];
  tc_py_need_items(ev, a[0], &items, &n);
  if (sum.kind == TC_V_STR)
    EVAL_FAIL(ev, D_bad_type, tc_eval_here(ev), "sum() adds numbers: use ''.join()", "a str");
  for (uint32_t i = 0; i < n; i++) {
    tc_eval_spend(ev, 1);
    sum = tc_eval_binary(ev, TC_BINOP_ADD, sum, items[i]);
  }
  return sum;
}

static bool some_is(tc_eval *ev, tc_val iterable, bool wanted) {
  const tc_val *items;
  uint32_t n;
  tc_py_need_items(ev, iterable, &items, &n);
  for (uint32_t i = 0; i < n; i++)
    if (tc_py_truth(ev, items[i], "an item of any() or all()") == wanted) return true;
  return false;
}

tc_val tc_py_any(tc_eval *ev, const tc_val *a) {
  return tc_val_bool(some_is(ev, a[0], true));
}
tc_val tc_py_all(tc_eval *ev, const tc_val *a) {
  return tc_val_bool(!some_is(ev, a[0], false));
}

typedef struct columns {
  const tc_val *items[16];
  uint32_t n[16], count, shortest, longest;
} columns;

static void read_columns(tc_eval *ev, tc_val iterables, columns *c) {
  c->count = iterables.seq->items.n;
  c->shortest = c->count ? UINT32_MAX : 0;
  c->longest = 0;
  if (c->count > TC_COUNT(c->items))
    EVAL_FAIL(ev, D_bad_value, tc_eval_here(ev), "at most 16 iterables can be combined");
  for (uint32_t i = 0; i < c->count; i++) {
    tc_py_need_items(ev, iterables.seq->items.at[i], &c->items[i], &c->n[i]);
    if (c->n[i] < c->shortest) c->shortest = c->n[i];
    if (c->n[i] > c->longest) c->longest = c->n[i];
  }
}

tc_val tc_py_zip(tc_eval *ev, const tc_val *a) {
  columns c;
  vals out = {0};
  read_columns(ev, a[0], &c);
  if (tc_py_truth(ev, a[1], "strict") && c.shortest != c.longest)
    EVAL_FAIL(ev, D_bad_value, tc_eval_here(ev), "the iterables of zip() have different lengths");
  for (uint32_t i = 0; i < c.shortest; i++) {
    tc_val row[TC_COUNT(c.items)];
    for (uint32_t k = 0; k < c.count; k++)
      row[k] = c.items[k][i];
    push(ev, &out, tc_py_make_tuple(ev, row, c.count));
  }
  return list_of(ev, &out);
}

tc_val tc_py_map(tc_eval *ev, const tc_val *a) {
  columns c;
  vals out = {0};
  read_columns(ev, a[1], &c);
  for (uint32_t i = 0; i < c.shortest; i++) {
    tc_val row[TC_COUNT(c.items)];
    for (uint32_t k = 0; k < c.count; k++)
      row[k] = c.items[k][i];
    push(ev, &out, tc_eval_apply(ev, a[0], row, c.count));
  }
  return list_of(ev, &out);
}

tc_val tc_py_filter(tc_eval *ev, const tc_val *a) {
  const tc_val *items;
  uint32_t n;
  vals out = {0};
  tc_py_need_items(ev, a[1], &items, &n);
  for (uint32_t i = 0; i < n; i++)
    if (tc_py_truth(ev, key_of(ev, a[0], items[i]), "the condition of filter()"))
      push(ev, &out, items[i]);
  return list_of(ev, &out);
}

tc_val tc_py_enumerate(tc_eval *ev, const tc_val *a) {
  const tc_val *items;
  uint32_t n;
  vals out = {0};
  int64_t start = tc_py_need_int(ev, a[1], "the start of enumerate()");
  tc_py_need_items(ev, a[0], &items, &n);
  for (uint32_t i = 0; i < n; i++) {
    tc_val number = tc_py_binary(ev, TC_BINOP_ADD, tc_val_int(start), tc_val_int(i));
    tc_val pair[2] = {number, items[i]};
    push(ev, &out, tc_py_make_tuple(ev, pair, 2));
  }
  return list_of(ev, &out);
}

tc_val tc_py_reversed(tc_eval *ev, const tc_val *a) {
  const tc_val *items;
  uint32_t n;
  vals out = {0};
  tc_py_need_items(ev, a[0], &items, &n);
  while (n)
    push(ev, &out, items[--n]);
  return list_of(ev, &out);
}

tc_val tc_py_sorted(tc_eval *ev, const tc_val *a) {
  tc_val list = collect(ev, a[0], TC_V_LIST);
  tc_py_sort(ev, list.seq->items.at, list.seq->items.n, a[1], tc_py_truth(ev, a[2], "reverse"));
  return list;
}

/* ---- list and tuple methods ---- */

tc_val tc_py_list_append(tc_eval *ev, const tc_val *a) {
  need_kind(ev, a[0], TC_V_LIST, "append() needs a list");
  check_change(ev, a[0], a[1]);
  if (a[0].seq->items.n >= EVAL_MAX_ITEMS)
    tc_py_check_size(ev, "the list", (int64_t)EVAL_MAX_ITEMS + 1, false);
  tc_vec_push(ev->arena, &a[0].seq->items, a[1]);
  return tc_val_none();
}

tc_val tc_py_list_extend(tc_eval *ev, const tc_val *a) {
  const tc_val *items;
  uint32_t n;
  need_kind(ev, a[0], TC_V_LIST, "extend() needs a list");
  tc_py_need_items(ev, a[1], &items, &n);
  tc_py_check_size(ev, "the list", (int64_t)a[0].seq->items.n + n, false);
  for (uint32_t i = 0; i < n; i++) {
    check_change(ev, a[0], items[i]);
    tc_vec_push(ev->arena, &a[0].seq->items, items[i]);
  }
  return tc_val_none();
}

tc_val tc_py_list_insert(tc_eval *ev, const tc_val *a) {
  need_kind(ev, a[0], TC_V_LIST, "insert() needs a list");
  tc_val_seq *seq = a[0].seq;
  int64_t at = tc_py_need_int(ev, a[1], "the index"), n = seq->items.n;
  if (at < 0) at = at < -n ? 0 : at + n;
  if (at > n) at = n;
  tc_py_list_append(ev, (tc_val[]){a[0], a[2]});
  tc_eval_spend(ev, (uint64_t)(n - at));
  for (int64_t i = n; i > at; i--)
    seq->items.at[i] = seq->items.at[i - 1];
  seq->items.at[at] = a[2];
  return tc_val_none();
}

tc_val tc_py_list_pop(tc_eval *ev, const tc_val *a) {
  need_kind(ev, a[0], TC_V_LIST, "pop() needs a list");
  tc_val_seq *seq = a[0].seq;
  tc_val item = tc_py_get_item(ev, a[0], tc_val_int(tc_py_need_int(ev, a[1], "the index")));
  int64_t at = a[1].i < 0 ? a[1].i + seq->items.n : a[1].i;
  check_change(ev, a[0], tc_val_none());
  tc_eval_spend(ev, seq->items.n - (uint64_t)at);
  for (uint32_t i = (uint32_t)at; i + 1 < seq->items.n; i++)
    seq->items.at[i] = seq->items.at[i + 1];
  seq->items.n--;
  return item;
}

tc_val tc_py_list_remove(tc_eval *ev, const tc_val *a) {
  tc_val at = tc_py_seq_index(ev, a);
  tc_py_list_pop(ev, (tc_val[]){a[0], at});
  return tc_val_none();
}

tc_val tc_py_list_clear(tc_eval *ev, const tc_val *a) {
  need_kind(ev, a[0], TC_V_LIST, "clear() needs a list");
  check_change(ev, a[0], tc_val_none());
  a[0].seq->items.n = 0;
  return tc_val_none();
}

tc_val tc_py_list_sort(tc_eval *ev, const tc_val *a) {
  tc_val sorted = tc_py_sorted(ev, a);
  need_kind(ev, a[0], TC_V_LIST, "sort() needs a list");
  check_change(ev, a[0], tc_val_none());
  a[0].seq->items = sorted.seq->items;
  return tc_val_none();
}

tc_val tc_py_list_reverse(tc_eval *ev, const tc_val *a) {
  tc_val reversed = tc_py_reversed(ev, a);
  need_kind(ev, a[0], TC_V_LIST, "reverse() needs a list");
  check_change(ev, a[0], tc_val_none());
  a[0].seq->items = reversed.seq->items;
  return tc_val_none();
}

tc_val tc_py_seq_index(tc_eval *ev, const tc_val *a) {
  const tc_val *items;
  uint32_t n;
  tc_py_need_items(ev, a[0], &items, &n);
  for (uint32_t i = 0; i < n; i++)
    if (tc_eval_equal(ev, items[i], a[1])) return tc_val_int(i);
  EVAL_FAIL(ev, D_bad_value, tc_eval_here(ev),
            tc_format(ev->arena, "%s is not in the %s", tc_eval_repr(ev, a[1]).at,
                      tc_val_kind_name(a[0]) + 2));
}

tc_val tc_py_seq_count(tc_eval *ev, const tc_val *a) {
  const tc_val *items;
  uint32_t n;
  int64_t count = 0;
  tc_py_need_items(ev, a[0], &items, &n);
  for (uint32_t i = 0; i < n; i++)
    count += tc_eval_equal(ev, items[i], a[1]);
  return tc_val_int(count);
}

/* ---- dict methods ---- */

static tc_val_dict *need_dict(tc_eval *ev, tc_val v) {
  need_kind(ev, v, TC_V_DICT, "the method needs a dict");
  return v.dict;
}

tc_val tc_py_dict_get(tc_eval *ev, const tc_val *a) {
  tc_val value;
  return tc_eval_dict_get(ev, need_dict(ev, a[0]), a[1], &value) ? value : a[2];
}

tc_val tc_py_dict_values(tc_eval *ev, const tc_val *a) {
  const tc_val *values;
  uint32_t n = tc_eval_dict_entries(need_dict(ev, a[0]), NULL, &values);
  return tc_py_make_list(ev, values, n);
}

tc_val tc_py_dict_items(tc_eval *ev, const tc_val *a) {
  const tc_val *keys, *values;
  uint32_t n = tc_eval_dict_entries(need_dict(ev, a[0]), &keys, &values);
  vals out = {0};
  for (uint32_t i = 0; i < n; i++)
    push(ev, &out, tc_py_make_tuple(ev, (tc_val[]){keys[i], values[i]}, 2));
  return list_of(ev, &out);
}

tc_val tc_py_dict_update(tc_eval *ev, const tc_val *a) {
  check_change(ev, (tc_val){.kind = TC_V_DICT, .dict = need_dict(ev, a[0])}, tc_val_none());
  update_dict(ev, a[0].dict, a[1]);
  update_dict(ev, a[0].dict, a[2]);
  return tc_val_none();
}

tc_val tc_py_dict_pop(tc_eval *ev, const tc_val *a) {
  tc_val value;
  tc_val_dict *dict = need_dict(ev, a[0]);
  check_change(ev, a[0], tc_val_none());
  tc_eval_spend(ev, dict->keys.items.n);
  if (tc_py_dict_remove(ev, dict, a[1], &value)) return value;
  if (a[2].kind == TC_V_UNBOUND)
    EVAL_FAIL(ev, D_missing_key, tc_eval_here(ev), tc_str_dup(ev->arena, tc_eval_repr(ev, a[1])));
  return a[2];
}

tc_val tc_py_dict_setdefault(tc_eval *ev, const tc_val *a) {
  tc_val value;
  if (tc_eval_dict_get(ev, need_dict(ev, a[0]), a[1], &value)) return value;
  check_change(ev, a[0], a[2]);
  tc_eval_dict_set(ev, a[0].dict, a[1], a[2]);
  return a[2];
}

/* ---- set methods ---- */

tc_val tc_py_set_add(tc_eval *ev, const tc_val *a) {
  need_kind(ev, a[0], TC_V_SET, "add() needs a set");
  check_change(ev, a[0], a[1]);
  tc_py_key_add(ev, a[0].seq, a[1]);
  return tc_val_none();
}

tc_val tc_py_set_discard(tc_eval *ev, const tc_val *a) {
  need_kind(ev, a[0], TC_V_SET, "discard() needs a set");
  check_change(ev, a[0], tc_val_none());
  tc_py_key_remove(ev, a[0].seq, a[1]);
  return tc_val_none();
}

tc_val tc_py_set_remove(tc_eval *ev, const tc_val *a) {
  need_kind(ev, a[0], TC_V_SET, "remove() needs a set");
  check_change(ev, a[0], tc_val_none());
  if (!tc_py_key_remove(ev, a[0].seq, a[1]))
    EVAL_FAIL(ev, D_missing_key, tc_eval_here(ev), tc_str_dup(ev->arena, tc_eval_repr(ev, a[1])));
  return tc_val_none();
}

static void add_all(tc_eval *ev, tc_val_seq *set, tc_val others) {
  const tc_val *items;
  uint32_t n;
  for (uint32_t k = 0; k < others.seq->items.n; k++) {
    tc_py_need_items(ev, others.seq->items.at[k], &items, &n);
    for (uint32_t i = 0; i < n; i++)
      tc_py_key_add(ev, set, items[i]);
  }
}

tc_val tc_py_set_update(tc_eval *ev, const tc_val *a) {
  need_kind(ev, a[0], TC_V_SET, "update() needs a set");
  check_change(ev, a[0], tc_val_none());
  add_all(ev, a[0].seq, a[1]);
  return tc_val_none();
}

tc_val tc_py_set_union(tc_eval *ev, const tc_val *a) {
  tc_val result = collect(ev, a[0], TC_V_SET);
  add_all(ev, result.seq, a[1]);
  return result;
}

static tc_val set_operator(tc_eval *ev, enum tc_ast_binop op, const tc_val *a) {
  return tc_py_binary(ev, op, collect(ev, a[0], TC_V_SET), collect(ev, a[1], TC_V_SET));
}

tc_val tc_py_set_intersection(tc_eval *ev, const tc_val *a) {
  return set_operator(ev, TC_BINOP_AND, a);
}
tc_val tc_py_set_difference(tc_eval *ev, const tc_val *a) {
  return set_operator(ev, TC_BINOP_SUB, a);
}
tc_val tc_py_set_issubset(tc_eval *ev, const tc_val *a) {
  return tc_val_bool(
      tc_py_compare(ev, TC_CMPOP_LE, collect(ev, a[0], TC_V_SET), collect(ev, a[1], TC_V_SET)));
}

/* ---- itertools and functools ---- */

tc_val tc_py_product(tc_eval *ev, const tc_val *a) {
  columns c;
  vals out = {0};
  read_columns(ev, a[0], &c);
  int64_t times = tc_py_need_int(ev, a[1], "repeat"), total = 1;
  uint32_t width = c.count * (uint32_t)(times < 0 || times > 16 ? 17 : times), at[16] = {0};
  if (width > TC_COUNT(at))
    EVAL_FAIL(ev, D_bad_value, tc_eval_here(ev), "product() takes at most 16 factors");
  for (uint32_t k = 0; k < width && total; k++) {
    total *= c.n[k % c.count];
    tc_py_check_size(ev, "the product", total, false);
  }
  while (total-- > 0) {
    tc_val row[16];
    for (uint32_t k = 0; k < width; k++)
      row[k] = c.items[k % c.count][at[k]];
    push(ev, &out, tc_py_make_tuple(ev, row, width));
    for (uint32_t k = width; k-- > 0;) {
      if (++at[k] < c.n[k % c.count]) break;
      at[k] = 0;
    }
  }
  return list_of(ev, &out);
}

tc_val tc_py_chain(tc_eval *ev, const tc_val *a) {
  tc_val list = tc_py_make_list(ev, NULL, 0);
  for (uint32_t i = 0; i < a[0].seq->items.n; i++)
    tc_py_list_extend(ev, (tc_val[]){list, a[0].seq->items.at[i]});
  return list;
}

tc_val tc_py_repeat(tc_eval *ev, const tc_val *a) {
  int64_t times = tc_py_need_int(ev, a[1], "times");
  return tc_py_binary(ev, TC_BINOP_MUL, tc_py_make_list(ev, a, 1), tc_val_int(times));
}

tc_val tc_py_accumulate(tc_eval *ev, const tc_val *a) {
  const tc_val *items;
  uint32_t n;
  vals out = {0};
  tc_py_need_items(ev, a[0], &items, &n);
  for (uint32_t i = 0; i < n; i++) {
    tc_val next = items[i];
    if (i && a[1].kind == TC_V_NONE)
      next = tc_eval_binary(ev, TC_BINOP_ADD, out.at[i - 1], items[i]);
    else if (i)
      next = tc_eval_apply(ev, a[1], (tc_val[]){out.at[i - 1], items[i]}, 2);
    push(ev, &out, next);
  }
  return list_of(ev, &out);
}

typedef struct chooser {
  const tc_val *items;
  uint32_t n, r, at[16];
  bool ordered; /* permutations */
  vals out;
} chooser;

static bool is_taken(const chooser *c, uint32_t depth, uint32_t item) {
  for (uint32_t i = 0; i < depth; i++)
    if (c->at[i] == item) return true;
  return false;
}

static void choose(tc_eval *ev, chooser *c, uint32_t depth) {
  if (depth == c->r) {
    tc_val row[16];
    for (uint32_t i = 0; i < c->r; i++)
      row[i] = c->items[c->at[i]];
    push(ev, &c->out, tc_py_make_tuple(ev, row, c->r));
    return;
  }
  uint32_t from = c->ordered || depth == 0 ? 0 : c->at[depth - 1] + 1;
  for (uint32_t i = from; i < c->n; i++) {
    tc_eval_spend(ev, 1);
    if (c->ordered && is_taken(c, depth, i)) continue;
    c->at[depth] = i;
    choose(ev, c, depth + 1);
  }
}

static tc_val choices(tc_eval *ev, const tc_val *a, bool ordered) {
  chooser c = {.ordered = ordered};
  tc_py_need_items(ev, a[0], &c.items, &c.n);
  int64_t r = a[1].kind == TC_V_NONE ? c.n : tc_py_need_int(ev, a[1], "r");
  if (r < 0 || r > 16) EVAL_FAIL(ev, D_bad_value, tc_eval_here(ev), "r is 0 to 16 here");
  c.r = (uint32_t)r;
  if (c.r <= c.n) choose(ev, &c, 0);
  return list_of(ev, &c.out);
}

tc_val tc_py_combinations(tc_eval *ev, const tc_val *a) {
  return choices(ev, a, false);
}
tc_val tc_py_permutations(tc_eval *ev, const tc_val *a) {
  return choices(ev, a, true);
}

tc_val tc_py_islice(tc_eval *ev, const tc_val *a) {
  tc_val *parts = TC_NEW_ARRAY(ev->arena, 3, tc_val);
  uint32_t n = a[1].seq->items.n;
  for (uint32_t i = 0; i < 3; i++)
    parts[i] = tc_val_none();
  if (n < 1 || n > 3) EVAL_FAIL(ev, D_bad_call, tc_eval_here(ev), "islice", "takes 1 to 3 bounds");
  for (uint32_t i = 0; i < n; i++)
    parts[n == 1 ? 1 : i] = a[1].seq->items.at[i];
  for (uint32_t i = 0; i < 3; i++)
    if (parts[i].kind != TC_V_NONE && tc_py_need_int(ev, parts[i], "a bound of islice()") < 0)
      EVAL_FAIL(ev, D_bad_value, tc_eval_here(ev), "a bound of islice() is negative");
  return tc_py_get_item(ev, collect(ev, a[0], TC_V_LIST),
                        (tc_val){.kind = TC_V_SLICE, .slice = parts});
}

tc_val tc_py_partial(tc_eval *ev, const tc_val *a) {
  const tc_val *keys, *values;
  const tc_val_seq *positional = a[1].seq;
  uint32_t n = tc_eval_dict_entries(a[2].dict, &keys, &values), m = positional->items.n;
  tc_call_arg *given = TC_NEW_ARRAY(ev->arena, (size_t)n + m + 1, tc_call_arg);
  for (uint32_t i = 0; i < m; i++)
    given[i].value = positional->items.at[i];
  for (uint32_t i = 0; i < n; i++)
    given[m + i] =
        (tc_call_arg){.name = tc_names_add(ev->names, keys[i].str->text), .value = values[i]};
  tc_function *fn = TC_NEW(ev->arena, tc_function);
  *fn = (tc_function){.kind = TC_FN_PARTIAL, .callee = a[0], .given = {given, n + m, {0}}};
  return (tc_val){.kind = TC_V_FUNCTION, .fn = fn};
}

tc_val tc_py_reduce(tc_eval *ev, const tc_val *a) {
  const tc_val *items;
  uint32_t n, i = 0;
  tc_val result = a[2];
  tc_py_need_items(ev, a[1], &items, &n);
  if (result.kind == TC_V_UNBOUND && n == 0)
    EVAL_FAIL(ev, D_bad_value, tc_eval_here(ev), "reduce() of nothing needs an initial value");
  if (result.kind == TC_V_UNBOUND) result = items[i++];
  for (; i < n; i++)
    result = tc_eval_apply(ev, a[0], (tc_val[]){result, items[i]}, 2);
  return result;
}
