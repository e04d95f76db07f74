/* Sequences of Python: ranges, iteration, subscripts with indices and slices, sorting. */
#include "lang/eval_private.h"
#include "lang/foreign.h"

#include <string.h>

/* ---- ranges ---- */

tc_val tc_py_make_range(tc_eval *ev, int64_t start, int64_t stop, int64_t step) {
  tc_range *range = TC_NEW(ev->arena, tc_range);
  *range = (tc_range){.start = start, .stop = stop, .step = step};
  if (step == 0) EVAL_FAIL(ev, D_bad_value, tc_eval_here(ev), "the step of a range is 0");
  return (tc_val){.kind = TC_V_RANGE, .range = range};
}

uint64_t tc_py_range_length(const tc_range *range) {
  bool up = range->step > 0;
  int64_t lo = up ? range->start : range->stop, hi = up ? range->stop : range->start;
  if (lo >= hi) return 0;
  uint64_t step = up ? (uint64_t)range->step : 0 - (uint64_t)range->step;
  return ((uint64_t)hi - (uint64_t)lo - 1) / step + 1;
}

static void need_fixed_range(tc_eval *ev, const tc_range *range) {
  if (range->staged)
    tc_py_need_known(ev, tc_val_expr(range->hi), "a range outside the header of a for");
}

static tc_val range_at(const tc_range *range, uint64_t at) {
  return tc_val_int((int64_t)((uint64_t)range->start + at * (uint64_t)range->step));
}

/* ---- text by characters ---- */

static uint32_t char_size(unsigned char first) {
  return first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

uint32_t tc_py_text_length(tc_str text) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < text.n; i++)
    n += ((unsigned char)text.at[i] & 0xC0) != 0x80;
  return n;
}

uint32_t tc_py_text_offset(tc_str text, uint32_t at) {
  uint32_t i = 0;
  while (at-- && i < text.n)
    i += char_size((unsigned char)text.at[i]);
  return i < text.n ? i : text.n;
}

static tc_str char_at(tc_str text, uint32_t offset) {
  uint32_t n = char_size((unsigned char)text.at[offset]);
  if (n > text.n - offset) n = text.n - offset;
  return (tc_str){text.at + offset, n};
}

static tc_val_seq *chars_of(tc_eval *ev, tc_str text) {
  tc_val_seq *seq = TC_NEW(ev->arena, tc_val_seq);
  tc_py_check_size(ev, "the items", tc_py_text_length(text), false);
  for (uint32_t at = 0; at < text.n;) {
    tc_str c = char_at(text, at);
    tc_vec_push(ev->arena, &seq->items, tc_val_str(ev->arena, c));
    at += c.n;
  }
  return seq;
}

/* ---- iteration ---- */

bool tc_py_iter_open(tc_eval *ev, tc_val over, tc_py_iter *it) {
  tc_str text;
  *it = (tc_py_iter){.over = over};
  if (over.kind == TC_V_LIST || over.kind == TC_V_RANGE) {
    if (over.kind == TC_V_RANGE) need_fixed_range(ev, over.range);
    return true;
  }
  const tc_val_seq *seq = over.kind == TC_V_TUPLE || over.kind == TC_V_SET ? over.seq
                          : over.kind == TC_V_DICT                         ? &over.dict->keys
                                                                           : NULL;
  /* A dtype is a str. */
  if (tc_py_as_text(ev, over, &text)) seq = chars_of(ev, text);
  if (over.kind == TC_V_FOREIGN) return tc_foreign_items(ev, over, &it->items, &it->n);
  if (!seq) return false;
  it->items = seq->items.at;
  it->n = seq->items.n;
  return true;
}

bool tc_py_iter_next(tc_eval *ev, tc_py_iter *it, tc_val *item) {
  tc_eval_spend(ev, 1);
  if (it->over.kind == TC_V_RANGE) {
    if (it->at >= tc_py_range_length(it->over.range)) return false;
    *item = range_at(it->over.range, it->at++);
    return true;
  }
  /* A list may grow or shrink while a loop runs over it. */
  const tc_val *items = it->over.kind == TC_V_LIST ? it->over.seq->items.at : it->items;
  uint32_t n = it->over.kind == TC_V_LIST ? it->over.seq->items.n : it->n;
  if (it->at >= n) return false;
  *item = items[it->at++];
  return true;
}

bool tc_eval_items(tc_eval *ev, tc_val v, const tc_val **items, uint32_t *n) {
  tc_py_iter it;
  if (!tc_py_iter_open(ev, v, &it)) return false;
  if (v.kind == TC_V_LIST) {
    *items = v.seq->items.at;
    *n = v.seq->items.n;
    return true;
  }
  if (v.kind != TC_V_RANGE) {
    *items = it.items;
    *n = it.n;
    return true;
  }
  uint64_t length = tc_py_range_length(v.range);
  tc_py_check_size(ev, "the range", length > INT64_MAX ? INT64_MAX : (int64_t)length, false);
  tc_val *all = TC_NEW_ARRAY(ev->arena, length, tc_val);
  for (uint64_t i = 0; i < length; i++)
    all[i] = range_at(v.range, i);
  *items = all;
  *n = (uint32_t)length;
  return true;
}

void tc_py_need_items(tc_eval *ev, tc_val v, const tc_val **items, uint32_t *n) {
  if (v.kind == TC_V_DEFERRED) tc_py_need_known(ev, v, "the iterable");
  if (!tc_eval_items(ev, v, items, n))
    EVAL_FAIL(ev, D_not_iterable, tc_eval_here(ev), tc_val_kind_name(v));
}

/* ---- subscripts ---- */

static uint32_t need_place(tc_eval *ev, tc_val index, uint64_t n, const char *what) {
  int64_t given = tc_py_need_int(ev, index, "the index"), at = given;
  if (at < 0) at += (int64_t)n;
  if (at < 0 || (uint64_t)at >= n)
    EVAL_FAIL(ev, D_index_range, tc_eval_here(ev), (long long)given, what, (uint32_t)n);
  return (uint32_t)at;
}

typedef struct slice_range {
  int64_t start, step;
  uint32_t n; /* items it selects */
} slice_range;

static int64_t slice_bound(tc_eval *ev, tc_val v, int64_t n, bool down, int64_t absent) {
  if (v.kind == TC_V_NONE) return absent;
  int64_t at = tc_py_need_int(ev, v, "a slice bound");
  if (at < 0) at = at < -n ? -1 : at + n;
  int64_t lowest = down ? -1 : 0, highest = down ? n - 1 : n;
  return at < lowest ? lowest : at > highest ? highest : at;
}

static slice_range slice_of(tc_eval *ev, const tc_val *parts, uint32_t length) {
  int64_t n = length, step = 1;
  if (parts[2].kind != TC_V_NONE) step = tc_py_need_int(ev, parts[2], "a slice step");
  if (step == 0) EVAL_FAIL(ev, D_bad_value, tc_eval_here(ev), "the step of a slice is 0");
  bool down = step < 0;
  int64_t start = slice_bound(ev, parts[0], n, down, down ? n - 1 : 0);
  int64_t stop = slice_bound(ev, parts[1], n, down, down ? -1 : n);
  tc_range range = {.start = start, .stop = stop, .step = step};
  return (slice_range){start, step, (uint32_t)tc_py_range_length(&range)};
}

static tc_val slice_items(tc_eval *ev, tc_val object, slice_range s) {
  tc_val *items = TC_NEW_ARRAY(ev->arena, s.n + 1, tc_val);
  for (uint32_t i = 0; i < s.n; i++)
    items[i] = object.seq->items.at[s.start + i * s.step];
  return object.kind == TC_V_LIST ? tc_py_make_list(ev, items, s.n)
                                  : tc_py_make_tuple(ev, items, s.n);
}

static tc_val slice_text(tc_eval *ev, tc_str text, slice_range s) {
  if (s.step == 1) {
    uint32_t from = tc_py_text_offset(text, (uint32_t)s.start);
    tc_str rest = {text.at + from, text.n - from};
    return tc_py_make_text(ev, (tc_str){rest.at, tc_py_text_offset(rest, s.n)});
  }
  tc_sb sb = tc_sb_in(ev->arena);
  const tc_val_seq *chars = chars_of(ev, text);
  for (uint32_t i = 0; i < s.n; i++)
    tc_sb_add(&sb, chars->items.at[s.start + i * s.step].str->text);
  return tc_py_make_text(ev, tc_sb_str(&sb));
}

static tc_val slice_range_value(tc_eval *ev, const tc_range *range, slice_range s) {
  int64_t start = range_at(range, (uint64_t)s.start).i;
  int64_t step = (int64_t)((uint64_t)range->step * (uint64_t)s.step);
  int64_t stop = (int64_t)((uint64_t)start + (uint64_t)step * s.n);
  return tc_py_make_range(ev, start, stop, step);
}

static tc_val get_from_dict(tc_eval *ev, tc_val object, tc_val key) {
  tc_val value;
  if (!tc_eval_dict_get(ev, object.dict, key, &value)) {
    tc_str text = tc_eval_repr(ev, key);
    EVAL_FAIL(ev, D_missing_key, tc_eval_here(ev), tc_str_dup(ev->arena, text));
  }
  return value;
}

static tc_val get_from_text(tc_eval *ev, tc_str text, tc_val index) {
  uint32_t n = tc_py_text_length(text);
  tc_eval_spend(ev, text.n / 64);
  if (index.kind == TC_V_SLICE) return slice_text(ev, text, slice_of(ev, index.slice, n));
  uint32_t at = need_place(ev, index, n, "str");
  return tc_py_make_text(ev, char_at(text, tc_py_text_offset(text, at)));
}

static tc_val get_from_range(tc_eval *ev, const tc_range *range, tc_val index) {
  need_fixed_range(ev, range);
  uint64_t n = tc_py_range_length(range);
  if (n > UINT32_MAX) tc_py_check_size(ev, "the range", INT64_MAX, false);
  if (index.kind == TC_V_SLICE)
    return slice_range_value(ev, range, slice_of(ev, index.slice, (uint32_t)n));
  return range_at(range, need_place(ev, index, n, "range"));
}

tc_val tc_py_get_item(tc_eval *ev, tc_val object, tc_val index) {
  tc_val method;
  tc_str text;
  tc_py_need_known(ev, object, "the object");
  if (object.kind == TC_V_FOREIGN)
    return tc_foreign_ask(ev, TILEC_OP_GETITEM, (tc_val[]){object, index}, 2);
  if (object.kind == TC_V_DICT) return get_from_dict(ev, object, index);
  if (tc_py_as_text(ev, object, &text)) return get_from_text(ev, text, index);
  if (object.kind == TC_V_RANGE) return get_from_range(ev, object.range, index);
  if (object.kind == TC_V_TUPLE || object.kind == TC_V_LIST) {
    uint32_t n = object.seq->items.n;
    if (index.kind == TC_V_SLICE) return slice_items(ev, object, slice_of(ev, index.slice, n));
    const char *what = object.kind == TC_V_LIST ? "list" : "tuple";
    return object.seq->items.at[need_place(ev, index, n, what)];
  }
  /* Annotations such as list[int] or Optional[int] mean nothing here. */
  if (object.kind == TC_V_PYBUILTIN && object.pyfn->flags & TC_PYF_TYPE) return object;
  if (object.kind == TC_V_INSTANCE && tc_eval_method(ev, object, "__getitem__", &method))
    return tc_eval_apply(ev, method, &index, 1);
  EVAL_FAIL(ev, D_bad_type, tc_eval_here(ev), "only sequences, dicts and buffers take an index",
            tc_val_kind_name(object));
}

static void set_slice(tc_eval *ev, tc_val_seq *seq, const tc_val *parts, tc_val value) {
  const tc_val *items;
  uint32_t n, old = seq->items.n;
  slice_range s = slice_of(ev, parts, old);
  tc_py_need_items(ev, value, &items, &n);
  if (s.step != 1) {
    if (n != s.n) EVAL_FAIL(ev, D_unpack_count, tc_eval_here(ev), n, s.n);
    items = tc_arena_copy(ev->arena, items, n * sizeof *items);
    for (uint32_t i = 0; i < n; i++)
      seq->items.at[s.start + i * s.step] = items[i];
    return;
  }
  tc_py_check_size(ev, "the list", (int64_t)old + n, false);
  tc_val *all = TC_NEW_ARRAY(ev->arena, (size_t)old + n + 1, tc_val);
  uint32_t start = (uint32_t)s.start, rest = old - start - s.n;
  if (start) memcpy(all, seq->items.at, start * sizeof *all);
  if (n) memcpy(all + start, items, n * sizeof *all);
  if (rest) memcpy(all + start + n, seq->items.at + start + s.n, rest * sizeof *all);
  seq->items.at = all;
  seq->items.cap = old + n + 1;
  seq->items.n = start + n + rest;
}

void tc_py_set_item(tc_eval *ev, tc_val object, tc_val index, tc_val value) {
  value = tc_eval_keep(ev, value);
  tc_val method, both[2] = {index, value};
  tc_py_need_known(ev, object, "the object");
  if (object.kind == TC_V_DICT) {
    tc_block_check_change(ev, object.dict->keys.block, value, "a dict");
    tc_eval_dict_set(ev, object.dict, index, value);
  } else if (object.kind == TC_V_LIST) {
    tc_block_check_change(ev, object.seq->block, value, "a list");
    if (index.kind == TC_V_SLICE)
      set_slice(ev, object.seq, index.slice, value);
    else
      object.seq->items.at[need_place(ev, index, object.seq->items.n, "list")] = value;
  } else if (object.kind == TC_V_INSTANCE && tc_eval_method(ev, object, "__setitem__", &method)) {
    tc_eval_apply(ev, method, both, 2);
  } else if (object.kind == TC_V_FOREIGN) {
    tc_foreign_ask(ev, TILEC_OP_SETITEM, (tc_val[]){object, index, value}, 3);
  } else {
    EVAL_FAIL(ev, D_bad_type, tc_eval_here(ev),
              "only lists, dicts and buffers have items to assign", tc_val_kind_name(object));
  }
}

/* ---- sorting: a stable merge sort ---- */

typedef struct sort_item {
  tc_val key, item;
} sort_item;

static void merge_halves(tc_eval *ev, sort_item *at, sort_item *room, uint32_t half, uint32_t n,
                         bool reverse) {
  uint32_t i = 0, j = half, k = 0;
  memcpy(room, at, n * sizeof *at);
  while (i < half && j < n) {
    /* Equal keys keep their order, also in reverse. */
    bool second = reverse ? tc_py_compare(ev, TC_CMPOP_LT, room[i].key, room[j].key)
                          : tc_py_compare(ev, TC_CMPOP_LT, room[j].key, room[i].key);
    tc_eval_spend(ev, 1);
    at[k++] = second ? room[j++] : room[i++];
  }
  while (i < half)
    at[k++] = room[i++];
  while (j < n)
    at[k++] = room[j++];
}

static void merge_sort(tc_eval *ev, sort_item *at, sort_item *room, uint32_t n, bool reverse) {
  if (n < 2) return;
  merge_sort(ev, at, room, n / 2, reverse);
  merge_sort(ev, at + n / 2, room, n - n / 2, reverse);
  merge_halves(ev, at, room, n / 2, n, reverse);
}

void tc_py_sort(tc_eval *ev, tc_val *items, uint32_t n, tc_val key, bool reverse) {
  sort_item *all = TC_NEW_ARRAY(ev->arena, (size_t)n * 2 + 1, sort_item);
  for (uint32_t i = 0; i < n; i++) {
    tc_val k = key.kind == TC_V_NONE ? items[i] : tc_eval_apply(ev, key, &items[i], 1);
    all[i] = (sort_item){k, items[i]};
  }
  merge_sort(ev, all, all + n, n, reverse);
  for (uint32_t i = 0; i < n; i++)
    items[i] = all[i].item;
}
