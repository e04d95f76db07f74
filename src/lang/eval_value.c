/* Compile-time values: making them, identity, equality, truth, hashing, and the two containers that
 * hash (set and dict). */
#include "lang/eval_private.h"
#include "lang/foreign.h"

#include <math.h>
#include <string.h>

const char *tc_val_kind_name(tc_val v) {
  switch (v.kind) { /* table */
  case TC_V_UNBOUND:
    return "nothing";
  case TC_V_NONE:
    return "None";
  case TC_V_BOOL:
    return "a bool";
  case TC_V_INT:
    return "an int";
  case TC_V_FLOAT:
    return "a float";
  case TC_V_STR:
    return "a str";
  case TC_V_TUPLE:
    return "a tuple";
  case TC_V_LIST:
    return "a list";
  case TC_V_SET:
    return "a set";
  case TC_V_DICT:
    return "a dict";
  case TC_V_RANGE:
    return "a range";
  case TC_V_SLICE:
    return "a slice";
  case TC_V_FUNCTION:
    return v.fn->kind == TC_FN_MACRO  ? "a macro"
           : v.fn->kind == TC_FN_PRIM ? "a prim_func"
                                      : "a function";
  case TC_V_PYBUILTIN:
    return v.pyfn->flags & TC_PYF_TYPE ? "a type" : "a builtin function";
  case TC_V_BUILTIN:
    return "a T.* operation";
  case TC_V_METHOD:
    return "a method";
  case TC_V_MODULE:
    return "a module";
  case TC_V_CLASS:
    return "a class";
  case TC_V_INSTANCE:
    return "an object";
  case TC_V_DEFERRED:
    return v.deferred->what;
  case TC_V_FOREIGN:
    return "an object of the program around the kernel";
  case TC_V_DTYPE:
    return "a dtype";
  case TC_V_ENUM:
    return "an enum member";
  case TC_V_TENSOR:
    return "a tensor type";
  case TC_V_LAYOUT:
    return "a layout";
  case TC_V_FRAME:
    return "a frame";
  case TC_V_EXPR:
    return "a run-time expression";
  case TC_V_BUFFER:
    return "a buffer";
  case TC_V_VAR:
    return "a T.alloc_var";
  case TC_V_ELEMENT:
    return "a buffer element";
  case TC_V_REGION:
    return "a buffer region";
  }
  return "a value";
}

/* ---- making ---- */

tc_val tc_val_str(tc_arena *arena, tc_str text) {
  tc_strval *s = TC_NEW(arena, tc_strval);
  s->text = (tc_str){tc_str_dup(arena, text), text.n};
  return (tc_val){.kind = TC_V_STR, .str = s};
}

static tc_val make_seq(tc_arena *arena, enum tc_val_kind kind, const tc_val *items, uint32_t n) {
  tc_val_seq *seq = TC_NEW(arena, tc_val_seq);
  if (n) {
    tc_vec_reserve(arena, &seq->items, n);
    memcpy(seq->items.at, items, n * sizeof *items);
    seq->items.n = n;
  }
  return (tc_val){.kind = kind, .seq = seq};
}

tc_val tc_val_tuple(tc_arena *arena, const tc_val *items, uint32_t n) {
  return make_seq(arena, TC_V_TUPLE, items, n);
}

tc_val tc_val_list(tc_arena *arena, const tc_val *items, uint32_t n) {
  return make_seq(arena, TC_V_LIST, items, n);
}

void tc_py_check_size(tc_eval *ev, const char *what, int64_t n, bool is_text) {
  int64_t most = is_text ? EVAL_MAX_TEXT_B : EVAL_MAX_ITEMS;
  if (n > most)
    EVAL_FAIL(ev, D_large_value, tc_eval_here(ev), what, (long long)n, is_text ? "bytes" : "items",
              (int)most);
  if (n > 0) tc_eval_spend(ev, (uint64_t)(is_text ? n / 64 : n));
}

tc_val tc_py_make_list(tc_eval *ev, const tc_val *items, uint32_t n) {
  tc_py_check_size(ev, "the list", n, false);
  tc_val v = tc_val_list(ev->arena, items, n);
  v.seq->block = tc_block_serial(ev);
  return v;
}

tc_val tc_py_make_tuple(tc_eval *ev, const tc_val *items, uint32_t n) {
  tc_py_check_size(ev, "the tuple", n, false);
  return tc_val_tuple(ev->arena, items, n);
}

tc_val tc_py_make_text(tc_eval *ev, tc_str text) {
  tc_py_check_size(ev, "the str", text.n, true);
  return tc_val_str(ev->arena, text);
}

tc_val tc_py_make_dict(tc_eval *ev) {
  tc_val_dict *dict = TC_NEW(ev->arena, tc_val_dict);
  dict->keys.block = tc_block_serial(ev);
  return (tc_val){.kind = TC_V_DICT, .dict = dict};
}

tc_val tc_py_make_set(tc_eval *ev, const tc_val *items, uint32_t n) {
  tc_val v = {.kind = TC_V_SET, .seq = TC_NEW(ev->arena, tc_val_seq)};
  v.seq->block = tc_block_serial(ev);
  for (uint32_t i = 0; i < n; i++)
    tc_py_key_add(ev, v.seq, items[i]);
  return v;
}

/* ---- as numbers and text ---- */

bool tc_py_as_int(tc_val v, int64_t *x) {
  if (v.kind != TC_V_INT && v.kind != TC_V_BOOL) return false;
  *x = v.i;
  return true;
}

bool tc_py_as_text(tc_eval *ev, tc_val v, tc_str *text) {
  if (v.kind == TC_V_STR) return *text = v.str->text, true;
  if (v.kind == TC_V_DTYPE) return *text = tc_str_of(tc_type_name(ev->arena, v.type)), true;
  return false;
}

void tc_py_need_known(tc_eval *ev, tc_val v, const char *what) {
  if (tc_val_is_staged(v))
    EVAL_FAIL(ev, D_not_constant, tc_eval_here(ev), what, tc_val_kind_name(v));
  if (v.kind == TC_V_DEFERRED) {
    TC_DIAG(ev->diags, D_deferred_use, tc_eval_here(ev), v.deferred->what);
    if (v.deferred->span.id) tc_diag_note(ev->diags, v.deferred->span, "it comes from here");
    if (v.deferred->name.id)
      tc_diag_help(ev->diags, "give '%s' a value with -D", tc_eval_name(ev, v.deferred->name));
    tc_diag_stop(ev->diags);
  }
}

tc_val tc_py_defer(tc_eval *ev, tc_val v, const char *what) {
  if (ev->running->env) tc_py_need_known(ev, v, what);
  return v;
}

int64_t tc_py_need_int(tc_eval *ev, tc_val v, const char *what) {
  int64_t x = 0;
  tc_py_need_known(ev, v, what);
  if (!tc_py_as_int(v, &x))
    EVAL_FAIL(ev, D_bad_type, tc_eval_here(ev), tc_format(ev->arena, "%s must be an int", what),
              tc_val_kind_name(v));
  return x;
}

double tc_py_as_float(tc_eval *ev, tc_val v, const char *what) {
  tc_py_need_known(ev, v, what);
  if (v.kind == TC_V_FLOAT) return v.f;
  return (double)tc_py_need_int(ev, v, what);
}

tc_str tc_py_need_text(tc_eval *ev, tc_val v, const char *what) {
  tc_str text = {0};
  tc_py_need_known(ev, v, what);
  if (!tc_py_as_text(ev, v, &text))
    EVAL_FAIL(ev, D_bad_type, tc_eval_here(ev), tc_format(ev->arena, "%s must be a str", what),
              tc_val_kind_name(v));
  return text;
}

/* ---- truth ---- */

static bool truth_of_instance(tc_eval *ev, tc_val v) {
  tc_val method;
  if (tc_eval_method(ev, v, "__bool__", &method))
    return tc_eval_truth(ev, tc_eval_apply(ev, method, NULL, 0));
  if (tc_eval_method(ev, v, "__len__", &method))
    return tc_eval_truth(ev, tc_eval_apply(ev, method, NULL, 0));
  return true;
}

bool tc_eval_truth(tc_eval *ev, tc_val v) {
  switch (v.kind) { /* table */
  case TC_V_NONE:
    return false;
  case TC_V_BOOL:
  case TC_V_INT:
    return v.i != 0;
  case TC_V_FLOAT:
    return v.f != 0;
  case TC_V_STR:
    return v.str->text.n != 0;
  case TC_V_TUPLE:
  case TC_V_LIST:
  case TC_V_SET:
    return v.seq->items.n != 0;
  case TC_V_DICT:
    return v.dict->keys.items.n != 0;
  case TC_V_RANGE:
    if (v.range->staged) tc_py_need_known(ev, tc_val_expr(v.range->hi), "the length of the range");
    return tc_py_range_length(v.range) != 0;
  case TC_V_INSTANCE:
    return truth_of_instance(ev, v);
  case TC_V_FOREIGN:
    return tc_foreign_truth(ev, v);
  case TC_V_ENUM:
    return v.enum_->member == NULL || v.enum_->number != 0;
  case TC_V_UNBOUND:
  case TC_V_SLICE:
  case TC_V_FUNCTION:
  case TC_V_PYBUILTIN:
  case TC_V_BUILTIN:
  case TC_V_METHOD:
  case TC_V_MODULE:
  case TC_V_CLASS:
  case TC_V_DTYPE:
  case TC_V_TENSOR:
  case TC_V_LAYOUT:
  case TC_V_FRAME:
    return true;
  case TC_V_DEFERRED:
  case TC_V_EXPR:
  case TC_V_BUFFER:
  case TC_V_VAR:
  case TC_V_ELEMENT:
  case TC_V_REGION:
    break;
  }
  tc_py_need_known(ev, v, "this condition");
  return false;
}

bool tc_py_truth(tc_eval *ev, tc_val v, const char *what) {
  tc_py_need_known(ev, v, what);
  return tc_eval_truth(ev, v);
}

/* ---- identity and equality ---- */

bool tc_py_same(tc_val a, tc_val b) {
  if (a.kind != b.kind) return false;
  switch (a.kind) { /* table */
  case TC_V_UNBOUND:
  case TC_V_NONE:
    return true;
  case TC_V_BOOL:
  case TC_V_INT:
  case TC_V_BUILTIN:
    return a.i == b.i;
  case TC_V_FLOAT:
    return memcmp(&a.f, &b.f, sizeof a.f) == 0;
  case TC_V_STR:
    return tc_str_equal(a.str->text, b.str->text);
  case TC_V_FOREIGN:
    return a.foreign == b.foreign;
  case TC_V_DTYPE:
    return tc_type_equal(a.type, b.type);
  case TC_V_EXPR:
    return a.value.id == b.value.id;
  case TC_V_BUFFER:
  case TC_V_VAR:
    return a.buf.id == b.buf.id;
  case TC_V_ENUM:
    return a.enum_->number == b.enum_->number && strcmp(a.enum_->family, b.enum_->family) == 0
           && !a.enum_->member == !b.enum_->member;
  case TC_V_METHOD:
    return tc_py_same(a.method->self, b.method->self)
           && tc_py_same(a.method->callee, b.method->callee);
  case TC_V_TUPLE:
  case TC_V_LIST:
  case TC_V_SET:
    return a.seq == b.seq;
  case TC_V_DICT:
    return a.dict == b.dict;
  case TC_V_RANGE:
    return a.range == b.range;
  case TC_V_SLICE:
    return a.slice == b.slice;
  case TC_V_FUNCTION:
    return a.fn == b.fn;
  case TC_V_PYBUILTIN:
    return a.pyfn == b.pyfn;
  case TC_V_MODULE:
    return a.module == b.module;
  case TC_V_CLASS:
    return a.klass == b.klass;
  case TC_V_INSTANCE:
    return a.instance->slots == b.instance->slots;
  case TC_V_DEFERRED:
    return a.deferred == b.deferred;
  case TC_V_TENSOR:
    return a.tensor == b.tensor;
  case TC_V_LAYOUT:
    return a.layout == b.layout;
  case TC_V_FRAME:
    return a.frame == b.frame;
  case TC_V_ELEMENT:
    return a.element == b.element;
  case TC_V_REGION:
    return a.region == b.region;
  }
  return false;
}

static bool equal_numbers(tc_val a, tc_val b) {
  if (a.kind != TC_V_FLOAT && b.kind != TC_V_FLOAT) return a.i == b.i;
  if (a.kind == TC_V_FLOAT && b.kind == TC_V_FLOAT) return a.f == b.f;
  double f = a.kind == TC_V_FLOAT ? a.f : b.f;
  int64_t i = a.kind == TC_V_FLOAT ? b.i : a.i;
  return f >= -0x1p63 && f < 0x1p63 && (double)(int64_t)f == f && (int64_t)f == i;
}

static bool equal_sequences(tc_eval *ev, const tc_val_seq *a, const tc_val_seq *b) {
  if (a->items.n != b->items.n) return false;
  for (uint32_t i = 0; i < a->items.n; i++)
    if (!tc_eval_equal(ev, a->items.at[i], b->items.at[i])) return false;
  return true;
}

static bool equal_sets(tc_eval *ev, const tc_val_seq *a, const tc_val_seq *b) {
  if (a->items.n != b->items.n) return false;
  for (uint32_t i = 0; i < a->items.n; i++)
    if (!tc_py_key_has(ev, b, a->items.at[i])) return false;
  return true;
}

static bool equal_dicts(tc_eval *ev, const tc_val_dict *a, const tc_val_dict *b) {
  if (a->keys.items.n != b->keys.items.n) return false;
  for (uint32_t i = 0; i < a->keys.items.n; i++) {
    tc_val other;
    if (!tc_eval_dict_get(ev, b, a->keys.items.at[i], &other)) return false;
    if (!tc_eval_equal(ev, a->values.at[i], other)) return false;
  }
  return true;
}

static bool equal_ranges(const tc_range *a, const tc_range *b) {
  if (a->staged || b->staged) return a == b;
  uint64_t n = tc_py_range_length(a);
  if (n != tc_py_range_length(b)) return false;
  return n == 0 || (a->start == b->start && (n == 1 || a->step == b->step));
}

static bool equal_values(tc_eval *ev, tc_val a, tc_val b) {
  tc_str x, y;
  if (tc_val_is_number(a) && tc_val_is_number(b)) return equal_numbers(a, b);
  if (a.kind == TC_V_FOREIGN || b.kind == TC_V_FOREIGN)
    return tc_eval_truth(ev, tc_foreign_binary(ev, TILEC_OP_COMPARE, "==", a, b));
  /* Of equal kinds: containers by content; a dtype and a str by the name. */
  if (tc_py_as_text(ev, a, &x) && tc_py_as_text(ev, b, &y)) return tc_str_equal(x, y);
  if (a.kind == TC_V_ENUM && b.kind == TC_V_INT) return a.enum_->number == b.i;
  if (a.kind == TC_V_INT && b.kind == TC_V_ENUM) return a.i == b.enum_->number;
  if (a.kind != b.kind) return false;
  if (a.kind == TC_V_TUPLE || a.kind == TC_V_LIST) return equal_sequences(ev, a.seq, b.seq);
  if (a.kind == TC_V_SET) return equal_sets(ev, a.seq, b.seq);
  if (a.kind == TC_V_DICT) return equal_dicts(ev, a.dict, b.dict);
  if (a.kind == TC_V_RANGE) return equal_ranges(a.range, b.range);
  if (a.kind == TC_V_INSTANCE && a.instance->klass->is_dataclass)
    return tc_dataclass_equal(ev, a.instance, b.instance);
  return tc_py_same(a, b);
}

static bool is_run_time_number(tc_val v) {
  return tc_val_is_staged(v) && v.kind != TC_V_BUFFER;
}

bool tc_eval_equal(tc_eval *ev, tc_val a, tc_val b) {
  if (a.kind != TC_V_FLOAT && tc_py_same(a, b)) return true;
  /* Whether two run-time numbers inside containers are equal is not known here. */
  bool run_a = is_run_time_number(a), run_b = is_run_time_number(b);
  if (run_a && (run_b || tc_val_is_number(b)))
    tc_py_need_known(ev, a, "the comparison of containers");
  if (run_b && tc_val_is_number(a)) tc_py_need_known(ev, b, "the comparison of containers");
  if (tc_val_is_staged(a) || tc_val_is_staged(b)) return false;
  tc_eval_enter(ev);
  bool equal = equal_values(ev, a, b);
  ev->nesting--;
  return equal;
}

/* ---- hashing ---- */

/* Keys are compared by ==, buffers and variables by which one they are. */
static bool key_equal(tc_eval *ev, tc_val a, tc_val b) {
  if (tc_val_is_staged(a) || tc_val_is_staged(b)) return tc_py_same(a, b);
  return tc_py_same(a, b) || tc_eval_equal(ev, a, b);
}

static uint64_t hash_number(tc_val v) {
  if (v.kind == TC_V_FLOAT && !(v.f >= -0x1p63 && v.f < 0x1p63 && (double)(int64_t)v.f == v.f)) {
    uint64_t bits;
    memcpy(&bits, &v.f, sizeof bits);
    return tc_hash_u64(bits + 3);
  }
  return tc_hash_u64((uint64_t)(v.kind == TC_V_FLOAT ? (int64_t)v.f : v.i));
}

static uint64_t hash_tuple(tc_eval *ev, const tc_val_seq *seq);
static uint64_t hash_of(tc_eval *ev, tc_val v) {
  tc_str text;
  if (tc_val_is_number(v)) return hash_number(v);
  if (tc_py_as_text(ev, v, &text)) return tc_hash_bytes(text.at, text.n, 7);
  switch (v.kind) { /* table */
  case TC_V_TUPLE:
    return hash_tuple(ev, v.seq);
  case TC_V_ENUM:
    return tc_hash_u64((uint64_t)v.enum_->number);
  case TC_V_BUFFER:
  case TC_V_VAR:
    return tc_hash_u64(UINT64_C(0x100000000) + v.buf.id);
  case TC_V_NONE:
  case TC_V_FUNCTION:
  case TC_V_PYBUILTIN:
  case TC_V_BUILTIN:
  case TC_V_MODULE:
  case TC_V_CLASS:
  case TC_V_INSTANCE:
  case TC_V_FOREIGN:
    return (uint64_t)v.kind; /* rare keys: one chain for each kind */
  default:
    break;
  }
  tc_py_need_known(ev, v, "a dict key or set item");
  EVAL_FAIL(ev, D_unhashable, tc_eval_here(ev), tc_val_kind_name(v));
}

static uint64_t hash_tuple(tc_eval *ev, const tc_val_seq *seq) {
  uint64_t h = seq->items.n;
  tc_eval_enter(ev);
  for (uint32_t i = 0; i < seq->items.n; i++)
    h = tc_hash_u64(h * 31 + hash_of(ev, seq->items.at[i]));
  ev->nesting--;
  return h;
}

/* The slot of `key`: it holds 0, or 1 + the place of an equal item. */
static uint32_t *key_slot(tc_eval *ev, const tc_val_seq *keys, tc_val key) {
  uint32_t at = (uint32_t)hash_of(ev, key) & (keys->n_slots - 1);
  while (keys->slots[at] && !key_equal(ev, keys->items.at[keys->slots[at] - 1], key)) {
    tc_eval_spend(ev, 1);
    at = (at + 1) & (keys->n_slots - 1);
  }
  return &keys->slots[at];
}

static void index_keys(tc_eval *ev, tc_val_seq *keys) {
  uint32_t n = 8;
  while (n < keys->items.n * 2 + 2)
    n *= 2;
  keys->n_slots = n;
  keys->slots = TC_NEW_ARRAY(ev->arena, n, uint32_t);
  tc_eval_spend(ev, keys->items.n);
  for (uint32_t i = 0; i < keys->items.n; i++)
    *key_slot(ev, keys, keys->items.at[i]) = i + 1;
}

/* The place of `key`; added when it is missing, and *added is set. */
static uint32_t key_add(tc_eval *ev, tc_val_seq *keys, tc_val key, bool *added) {
  if ((keys->items.n + 1) * 2 > keys->n_slots) index_keys(ev, keys);
  uint32_t *slot = key_slot(ev, keys, key);
  *added = *slot == 0;
  if (*added) {
    if (keys->items.n >= EVAL_MAX_ITEMS)
      tc_py_check_size(ev, "the set or dict", (int64_t)keys->items.n + 1, false);
    tc_vec_push(ev->arena, &keys->items, key);
    *slot = keys->items.n;
  }
  return *slot - 1;
}

static bool key_find(tc_eval *ev, const tc_val_seq *keys, tc_val key, uint32_t *at) {
  if (!keys->n_slots) return hash_of(ev, key), false;
  uint32_t slot = *key_slot(ev, keys, key);
  if (slot) *at = slot - 1;
  return slot != 0;
}

static void key_remove(tc_eval *ev, tc_val_seq *keys, uint32_t at) {
  keys->items.n--;
  for (uint32_t i = at; i < keys->items.n; i++)
    keys->items.at[i] = keys->items.at[i + 1];
  index_keys(ev, keys);
}

bool tc_py_key_add(tc_eval *ev, tc_val_seq *set, tc_val item) {
  bool added;
  key_add(ev, set, item, &added);
  return added;
}

bool tc_py_key_has(tc_eval *ev, const tc_val_seq *set, tc_val item) {
  uint32_t at;
  return key_find(ev, set, item, &at);
}

bool tc_py_key_remove(tc_eval *ev, tc_val_seq *set, tc_val item) {
  uint32_t at;
  if (!key_find(ev, set, item, &at)) return false;
  key_remove(ev, set, at);
  return true;
}

bool tc_eval_dict_get(tc_eval *ev, const tc_val_dict *dict, tc_val key, tc_val *value) {
  uint32_t at;
  if (!key_find(ev, &dict->keys, key, &at)) return false;
  *value = dict->values.at[at];
  return true;
}

void tc_eval_dict_set(tc_eval *ev, tc_val_dict *dict, tc_val key, tc_val value) {
  bool added;
  uint32_t at = key_add(ev, &dict->keys, key, &added);
  if (added)
    tc_vec_push(ev->arena, &dict->values, value);
  else
    dict->values.at[at] = value;
}

bool tc_py_dict_remove(tc_eval *ev, tc_val_dict *dict, tc_val key, tc_val *value) {
  uint32_t at;
  if (!key_find(ev, &dict->keys, key, &at)) return false;
  *value = dict->values.at[at];
  dict->values.n--;
  for (uint32_t i = at; i < dict->values.n; i++)
    dict->values.at[i] = dict->values.at[i + 1];
  key_remove(ev, &dict->keys, at);
  return true;
}

uint32_t tc_eval_dict_entries(const tc_val_dict *dict, const tc_val **keys, const tc_val **values) {
  if (keys) *keys = dict->keys.items.at;
  if (values) *values = dict->values.at;
  return dict->keys.items.n;
}
