/* Values on their way to the resolver and back, and operations on foreign objects. */
#include "lang/foreign.h"

#include <string.h>

/* ---- names that both sides know ---- */

static bool known_name(tc_eval *ev, tc_str path, tc_val *value) {
  if (tc_str_starts(path, "builtins."))
    return tc_py_find(TC_PY_BUILTINS, (tc_str){path.at + 9, path.n - 9}, value);
  tc_module *module = tc_module_known(ev, path);
  uint32_t end = path.n;
  while (!module && end) {
    while (end && path.at[end - 1] != '.')
      end--;
    if (end) end--;
    if (end) module = tc_module_known(ev, (tc_str){path.at, end});
  }
  if (!module) return false;
  *value = (tc_val){.kind = TC_V_MODULE, .module = module};
  while (end < path.n) {
    uint32_t from = end + 1;
    for (end = from; end < path.n && path.at[end] != '.';)
      end++;
    tc_name name = tc_names_add(ev->names, (tc_str){path.at + from, end - from});
    if (!tc_eval_attribute(ev, *value, name, value) || value->kind == TC_V_DEFERRED) return false;
  }
  return true;
}

/* The path of a name, or NULL: what has none goes out as a number. */
static const char *path_of(tc_eval *ev, tc_val v) {
  const char *owner;
  switch (v.kind) {
  case TC_V_DTYPE:
    return tc_format(ev->arena, "tilelang.language.%s", tc_type_name(ev->arena, v.type));
  case TC_V_BUILTIN:
    return tc_format(ev->arena, "tilelang.language.%s", tc_stage_row_name((uint32_t)v.i));
  case TC_V_ENUM:
    return tc_format(ev->arena, "tilelang.language.%s%s%s", v.enum_->family,
                     v.enum_->member ? "." : "", v.enum_->member ? v.enum_->member : "");
  case TC_V_MODULE:
    return v.module->is_known ? v.module->path : NULL;
  case TC_V_PYBUILTIN:
    owner = v.pyfn->owner == TC_PY_BUILTINS ? "builtins" : tc_module_of_owner(v.pyfn->owner);
    return owner ? tc_format(ev->arena, "%s.%s", owner, v.pyfn->name) : NULL;
  default:
    return NULL;
  }
}

/* ---- outwards ---- */

static uint64_t hand_out(tc_eval *ev, tc_val v) {
  tilec_trace *t = ev->lang->foreign;
  tc_vec_push(ev->arena, &t->handed, v);
  return t->handed.n;
}

static tilec_value text_value(uint32_t kind, tc_str text) {
  return (tilec_value){.kind = kind, .n = text.n, .as.text = text.n ? text.at : ""};
}

static tilec_value several(tc_eval *ev, uint32_t kind, uint32_t n, tc_val v) {
  return (tilec_value){.kind = kind, .n = n, .object = hand_out(ev, v)};
}

/* builtins.range(start, stop, step), put off. */
static tilec_value range_record(tc_eval *ev, const tc_range *range) {
  tc_val items[6] = {tc_val_int(TILEC_OP_CALL),
                     (tc_val){0},
                     tc_val_int(0),
                     tc_val_int(range->start),
                     tc_val_int(range->stop),
                     tc_val_int(range->step)};
  if (!tc_py_find(TC_PY_BUILTINS, TC_STR("range"), &items[1]))
    tc_bug(ev->arena->unwind, "range is no builtin");
  return several(ev, TILEC_VALUE_RECORD, 6, tc_val_tuple(ev->arena, items, 6));
}

/* What came from the resolver goes back as the object it was. */
static uint64_t number_of(tc_val v) {
  if (v.kind == TC_V_FOREIGN) return v.foreign;
  if (v.kind == TC_V_FUNCTION) return v.fn->object;
  if (v.kind == TC_V_LIST || v.kind == TC_V_SET) return v.seq->object;
  return v.kind == TC_V_DICT ? v.dict->keys.object : 0;
}

static uint32_t staged_kind(const tc_eval *ev, tc_val v) {
  if (v.kind == TC_V_BUFFER || v.kind == TC_V_TENSOR) return TILEC_VALUE_BUFFER;
  if (v.kind == TC_V_VAR || (v.kind == TC_V_EXPR && ev->ir && tc_is(ev->ir, v.value, TC_OP_var)))
    return TILEC_VALUE_VAR;
  return v.kind == TC_V_EXPR || v.kind == TC_V_ELEMENT ? TILEC_VALUE_EXPR : TILEC_VALUE_STAGED;
}

static tilec_value out_staged(tc_eval *ev, tc_val v) {
  const char *path = path_of(ev, v);
  if (path) return text_value(TILEC_VALUE_NAME, tc_str_of(path));
  tilec_value staged = text_value(staged_kind(ev, v), tc_str_of(tc_val_kind_name(v)));
  staged.object = hand_out(ev, v);
  return staged;
}

tilec_value tc_foreign_out(tc_eval *ev, tc_val v) {
  uint64_t number = number_of(v);
  if (number) return (tilec_value){.kind = TILEC_VALUE_OBJECT, .object = number};
  if (v.kind == TC_V_DEFERRED) tc_py_need_known(ev, v, "an argument");
  switch (v.kind) { /* table */
  case TC_V_UNBOUND:
    return (tilec_value){.kind = TILEC_VALUE_UNBOUND};
  case TC_V_NONE:
    return (tilec_value){.kind = TILEC_VALUE_NONE};
  case TC_V_BOOL:
    return (tilec_value){.kind = TILEC_VALUE_BOOL, .as.i = v.i};
  case TC_V_INT:
    return (tilec_value){.kind = TILEC_VALUE_INT, .as.i = v.i};
  case TC_V_FLOAT:
    return (tilec_value){.kind = TILEC_VALUE_FLOAT, .as.f = v.f};
  case TC_V_STR:
    return text_value(TILEC_VALUE_TEXT, v.str->text);
  case TC_V_TUPLE:
    return several(ev, TILEC_VALUE_TUPLE, v.seq->items.n, v);
  case TC_V_LIST:
    return several(ev, TILEC_VALUE_LIST, v.seq->items.n, v);
  case TC_V_SET:
    return several(ev, TILEC_VALUE_SET, v.seq->items.n, v);
  case TC_V_DICT:
    return several(ev, TILEC_VALUE_DICT, 2 * v.dict->keys.items.n, v);
  case TC_V_SLICE:
    return several(ev, TILEC_VALUE_SLICE, 3, v);
  case TC_V_RANGE:
    if (!v.range->staged) return range_record(ev, v.range);
    break;
  default:
    break;
  }
  return out_staged(ev, v);
}

/* ---- inwards ---- */

tc_val tc_foreign_object(uint64_t number) {
  return (tc_val){.kind = TC_V_FOREIGN, .foreign = number};
}

/* A value that was taken in before under this number. */
static bool taken(tc_eval *ev, uint64_t object, tc_val *v) {
  const tilec_trace *t = ev->lang->foreign;
  uint32_t at;
  if (!object || !tc_map_get(&t->numbers, object, &at)) return false;
  *v = t->taken.at[at];
  return true;
}

static void take(tc_eval *ev, uint64_t object, tc_val v) {
  tilec_trace *t = ev->lang->foreign;
  if (!object) return;
  tc_map_put(&t->numbers, object, t->taken.n);
  tc_vec_push(ev->arena, &t->taken, v);
}

static tc_val item_of(tc_eval *ev, const tilec_value *v, uint32_t i) {
  tc_val args[2] = {tc_foreign_object(v->object), tc_val_int(i)};
  return tc_foreign_ask(ev, TILEC_OP_ITEM, args, 2);
}

static tc_val *items_of(tc_eval *ev, const tilec_value *v) {
  tc_py_check_size(ev, "the value", v->n, false);
  tc_val *items = TC_NEW_ARRAY(ev->arena, (size_t)v->n + 1, tc_val);
  for (uint32_t i = 0; i < v->n; i++)
    items[i] = item_of(ev, v, i);
  return items;
}

static tc_val in_method(tc_eval *ev, const tilec_value *v) {
  tc_method *m = TC_NEW(ev->arena, tc_method);
  const tc_val *items = items_of(ev, v);
  *m = (tc_method){.self = items[0], .callee = items[1]};
  return (tc_val){.kind = TC_V_METHOD, .method = m};
}

/* What changes in one world does not in the other: such containers are read only here. */
static tc_val in_container(tc_eval *ev, const tilec_value *v) {
  tc_val made;
  if (taken(ev, v->object, &made)) return made;
  bool is_dict = v->kind == TILEC_VALUE_DICT;
  made = v->kind == TILEC_VALUE_LIST ? tc_val_list(ev->arena, NULL, 0)
         : is_dict                   ? tc_py_make_dict(ev)
                                     : tc_py_make_set(ev, NULL, 0);
  take(ev, v->object, made);
  tc_val_seq *seq = is_dict ? &made.dict->keys : made.seq;
  seq->object = v->object;
  const tc_val *items = items_of(ev, v);
  for (uint32_t i = 0; i < v->n; i++) {
    if (is_dict && i + 1 < v->n)
      tc_eval_dict_set(ev, made.dict, items[i], items[i + 1]), i++;
    else if (made.kind == TC_V_LIST)
      tc_vec_push(ev->arena, &seq->items, items[i]);
    else
      tc_py_key_add(ev, seq, items[i]);
  }
  seq->block = EVAL_READ_ONLY;
  return made;
}

static tc_val in_record(tc_eval *ev, const tilec_value *v) {
  tc_val made;
  if (taken(ev, v->object, &made)) return made;
  const tc_val *items = items_of(ev, v);
  int64_t op = v->n && items[0].kind == TC_V_INT ? items[0].i : -1;
  if (op < TILEC_OP_ITEM || op >= TILEC_OP_COUNT)
    tc_bug(ev->arena->unwind, "a resolver recorded no operation");
  made = tc_foreign_apply(ev, (tilec_op)op, items + 1, v->n - 1);
  take(ev, v->object, made);
  return made;
}

static tc_val in_name(tc_eval *ev, const tilec_value *v) {
  tc_val value;
  char *path = tc_str_dup(ev->arena, (tc_str){v->as.text, v->n});
  if (known_name(ev, (tc_str){path, v->n}, &value)) return value;
  if (v->object) return tc_foreign_object(v->object);
  EVAL_FAIL(ev, D_foreign_name, tc_eval_here(ev), path);
}

static tc_val in_several(tc_eval *ev, const tilec_value *v) {
  tc_val *items;
  switch (v->kind) {
  case TILEC_VALUE_TUPLE:
    return tc_val_tuple(ev->arena, items_of(ev, v), v->n);
  case TILEC_VALUE_SLICE:
    items = items_of(ev, v);
    if (v->n == 3) return (tc_val){.kind = TC_V_SLICE, .slice = items};
    break;
  case TILEC_VALUE_METHOD:
    if (v->n == 2) return in_method(ev, v);
    break;
  case TILEC_VALUE_RECORD:
    return in_record(ev, v);
  default:
    return in_container(ev, v);
  }
  tc_bug(ev->arena->unwind, "a resolver gave a value of %u items", v->n);
}

static tc_val in_value(tc_eval *ev, const tilec_value *v) {
  const tilec_trace *t = ev->lang->foreign;
  switch ((tilec_value_kind)v->kind) { /* table */
  case TILEC_VALUE_UNBOUND:
    return (tc_val){0};
  case TILEC_VALUE_NONE:
    return tc_val_none();
  case TILEC_VALUE_BOOL:
    return tc_val_bool(v->as.i != 0);
  case TILEC_VALUE_INT:
    return tc_val_int(v->as.i);
  case TILEC_VALUE_FLOAT:
    return tc_val_float(v->as.f);
  case TILEC_VALUE_TEXT:
    return tc_py_make_text(ev, (tc_str){v->as.text, v->n});
  case TILEC_VALUE_NAME:
    return in_name(ev, v);
  case TILEC_VALUE_TUPLE:
  case TILEC_VALUE_LIST:
  case TILEC_VALUE_SET:
  case TILEC_VALUE_DICT:
  case TILEC_VALUE_SLICE:
  case TILEC_VALUE_METHOD:
  case TILEC_VALUE_RECORD:
    return in_several(ev, v);
  case TILEC_VALUE_FUNCTION:
    return tc_foreign_function(ev, v->object, (uint32_t)v->as.i);
  case TILEC_VALUE_OBJECT:
    return tc_foreign_object(v->object);
  case TILEC_VALUE_STAGED:
  case TILEC_VALUE_VAR:
  case TILEC_VALUE_EXPR:
  case TILEC_VALUE_BUFFER:
    if (v->object && v->object <= t->handed.n) return t->handed.at[v->object - 1];
    break;
  }
  tc_bug(ev->arena->unwind, "a resolver gave a value of kind %u", v->kind);
}

tc_val tc_foreign_in(tc_eval *ev, const tilec_value *v) {
  tc_eval_enter(ev);
  tc_val value = in_value(ev, v);
  ev->nesting--;
  return value;
}

/* ---- asking ---- */

void tc_foreign_start(tilec_trace *t, tc_eval *ev) {
  t->numbers = tc_map_in(ev->arena);
  t->handed.n = t->taken.n = t->files.n = 0;
  t->failed = 0;
  t->depth = 0;
  if (t->interrupted) EVAL_FAIL(ev, D_interrupted, (tc_span){0});
  t->begun = true;
  tc_history_start(t);
  tc_running top = {.module = TC_NEW(ev->arena, tc_module)};
  ev->running = &top;
  tc_foreign_ask(ev, TILEC_OP_BEGIN, NULL, 0);
  ev->running = NULL;
}

void tc_foreign_end(tilec_trace *t) {
  tilec_value ignored = {0};
  tc_history_end(t);
  if (!t->begun) return;
  t->begun = false;
  t->resolver.run(t->resolver.data, t, TILEC_OP_END, NULL, 0, &ignored);
}

void tc_lang_set_foreign(tc_lang *lang, tilec_trace *trace) {
  lang->foreign = trace;
  trace->lang = lang;
}

/* A callback ended badly: by what it called here, whose diagnostic is made, or by itself. */
static void check_answer(tc_eval *ev, tilec_status status, const tilec_value *result) {
  tilec_trace *t = ev->lang->foreign;
  if (t->failed) tc_unwind_to(ev->arena->unwind, t->failed);
  if (status == TILEC_OK) return;
  t->interrupted = t->interrupted || status == TILEC_INTERRUPTED;
  if (status == TILEC_INTERRUPTED) EVAL_FAIL(ev, D_interrupted, tc_eval_here(ev));
  bool has_text = result->kind == TILEC_VALUE_TEXT && result->as.text;
  tc_str text = has_text ? (tc_str){result->as.text, result->n} : TC_STR("an exception");
  EVAL_FAIL(ev, D_foreign_raised, tc_eval_here(ev), tc_str_dup(ev->arena, text));
}

/* The answer that is known, or the resolver's. */
static tilec_status answer_to(tilec_trace *t, tilec_op op, const tilec_value *args, uint32_t n,
                              tilec_value *result) {
  if (op == TILEC_OP_BEGIN) return t->resolver.run(t->resolver.data, t, op, args, n, result);
  const tc_history_step *known = tc_history_next(t, op, args, n);
  if (known) return tc_history_repeat(t, known, result);
  tc_history_step *outer = t->history.open, *step = tc_history_ask(t, op, args, n);
  t->history.open = step;
  tilec_status status = t->resolver.run(t->resolver.data, t, op, args, n, result);
  t->history.open = outer;
  tc_history_answer(t, step, status, result);
  return status;
}

tc_val tc_foreign_ask(tc_eval *ev, tilec_op op, const tc_val *args, uint32_t n) {
  tilec_trace *t = ev->lang->foreign;
  tilec_value *out = TC_NEW_ARRAY(ev->arena, (size_t)n + 1, tilec_value), result = {0};
  const tc_ast *node = ev->node;
  tc_span here = ev->here;
  for (uint32_t i = 0; i < n; i++)
    out[i] = tc_foreign_out(ev, args[i]);
  if (t->depth >= FOREIGN_MAX_DEPTH)
    EVAL_FAIL(ev, D_deep_evaluation, tc_eval_here(ev), (int)FOREIGN_MAX_DEPTH,
              "calls between the kernel and the program around it");
  tc_eval_enter(ev);
  t->depth++;
  tilec_status status = answer_to(t, op, out, n, &result);
  t->depth--;
  ev->nesting--;
  ev->node = node;
  ev->here = here;
  check_answer(ev, status, &result);
  return tc_foreign_in(ev, &result);
}

tc_val tc_foreign_ask_text(tc_eval *ev, tilec_op op, tc_val first, const char *text) {
  tc_val args[2] = {first, tc_val_str(ev->arena, tc_str_of(text))};
  return tc_foreign_ask(ev, op, args, 2);
}

tc_val tc_foreign_binary(tc_eval *ev, tilec_op op, const char *text, tc_val a, tc_val b) {
  tc_val args[3] = {tc_val_str(ev->arena, tc_str_of(text)), a, b};
  return tc_foreign_ask(ev, op, args, 3);
}

tc_val tc_foreign_call(tc_eval *ev, tc_val callee, const tc_call_args *args) {
  tc_val *all = TC_NEW_ARRAY(ev->arena, 2 * (size_t)args->n + 2, tc_val);
  uint32_t n = 2, n_names = 0;
  all[0] = callee;
  for (uint32_t i = 0; i < args->n; i++)
    if (!args->at[i].name.id) all[n++] = tc_eval_keep(ev, args->at[i].value);
  for (uint32_t i = 0; i < args->n; i++) {
    if (!args->at[i].name.id) continue;
    all[n++] = tc_val_str(ev->arena, tc_names_text(ev->names, args->at[i].name));
    all[n++] = tc_eval_keep(ev, args->at[i].value);
    n_names++;
  }
  all[1] = tc_val_int(n_names);
  return tc_foreign_ask(ev, TILEC_OP_CALL, all, n);
}

void tc_foreign_set_attribute(tc_eval *ev, tc_val object, tc_name name, tc_val value) {
  tc_val text = tc_val_str(ev->arena, tc_names_text(ev->names, name));
  tc_foreign_ask(ev, TILEC_OP_SETATTR, (tc_val[]){object, text, tc_eval_keep(ev, value)}, 3);
}

bool tc_foreign_items(tc_eval *ev, tc_val object, const tc_val **items, uint32_t *n) {
  TC_VEC(tc_val) all = {0};
  tc_val iterator = tc_foreign_ask(ev, TILEC_OP_ITERATE, &object, 1);
  if (iterator.kind != TC_V_FOREIGN) return false;
  for (;;) {
    tc_val item = tc_foreign_ask(ev, TILEC_OP_NEXT, &iterator, 1);
    if (item.kind == TC_V_UNBOUND) break;
    if (all.n >= EVAL_MAX_ITEMS)
      tc_py_check_size(ev, "the iterable", (int64_t)EVAL_MAX_ITEMS + 1, false);
    tc_eval_spend(ev, 1);
    tc_vec_push(ev->arena, &all, item);
  }
  *items = all.at;
  *n = all.n;
  return true;
}

bool tc_foreign_truth(tc_eval *ev, tc_val object) {
  tc_val v = tc_foreign_ask(ev, TILEC_OP_TRUTH, &object, 1);
  return (v.kind == TC_V_BOOL || v.kind == TC_V_INT) && v.i != 0;
}

tc_str tc_foreign_text(tc_eval *ev, tilec_op op, tc_val object) {
  return tc_py_need_text(ev, tc_foreign_ask(ev, op, &object, 1), "the text of an object");
}

/* ---- what arguments are ---- */

bool tc_foreign_among(const tc_call_args *args) {
  for (uint32_t i = 0; i < args->n; i++)
    if (args->at[i].value.kind == TC_V_FOREIGN) return true;
  return false;
}

static bool holds_staged(tc_val v, uint32_t depth) {
  const tc_val_seq *seq = v.kind == TC_V_TUPLE || v.kind == TC_V_LIST ? v.seq : NULL;
  if (tc_val_is_staged(v) || v.kind == TC_V_FRAME) return true;
  if (v.kind == TC_V_FUNCTION) return !v.fn->object; /* it may close over such values */
  if (v.kind == TC_V_INSTANCE || depth > 4) return true;
  for (uint32_t i = 0; seq && i < seq->items.n; i++)
    if (holds_staged(seq->items.at[i], depth + 1)) return true;
  for (uint32_t i = 0; v.kind == TC_V_DICT && i < v.dict->values.n; i++)
    if (holds_staged(v.dict->values.at[i], depth + 1)) return true;
  return false;
}

bool tc_foreign_staged_among(const tc_call_args *args) {
  for (uint32_t i = 0; i < args->n; i++)
    if (holds_staged(args->at[i].value, 0)) return true;
  return false;
}
