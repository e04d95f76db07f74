/* The rows of pybuiltins.def: looking them up, and binding a call's arguments to their signatures.
 */
#include "lang/eval_private.h"
#include "lang/foreign.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const tc_pybuiltin ROWS[] = {
#define PYMODULE(path, owner, unknown)
#define PY(owner, name, function, flags, signature, doc)                                           \
  {TC_PY_##owner, #name, signature, doc, tc_py_##function, NULL, 0, TC_PYF_##flags},
#define PYREAL(owner, name, function, doc)                                                         \
  {TC_PY_##owner, #name, "(x, /)", doc, NULL, function, 0, 0},
#define PYCONST(owner, name, value, doc) {TC_PY_##owner, #name, "", doc, NULL, NULL, value, 0},
#define PYNONE(owner, name, doc)         {TC_PY_##owner, #name, "", doc, NULL, NULL, 0, TC_PYF_NONE},
#define PYLIB(owner, name, doc)          {TC_PY_##owner, #name, "", doc, NULL, NULL, 0, TC_PYF_LIBRARY},
#include "lang/pybuiltins.def"
};

double tc_py_degrees(double x) {
  return x * (180 / 3.14159265358979323846);
}
double tc_py_radians(double x) {
  return x * (3.14159265358979323846 / 180);
}

bool tc_py_find(enum tc_pyowner owner, tc_str name, tc_val *value) {
  for (size_t i = 0; i < TC_COUNT(ROWS); i++) {
    const tc_pybuiltin *row = &ROWS[i];
    if (row->owner != owner || !tc_str_is(name, row->name)) continue;
    bool constant = !row->run && !row->real && !(row->flags & TC_PYF_LIBRARY);
    if (row->flags & TC_PYF_NONE) return *value = tc_val_none(), true;
    *value = constant ? tc_val_float(row->constant) : (tc_val){.kind = TC_V_PYBUILTIN, .pyfn = row};
    return true;
  }
  return false;
}

tc_near tc_py_near(tc_str name) {
  uint32_t third = name.n / 3;
  return tc_near_to(name, third < 2 ? third + 1 : 3);
}

const char *tc_py_nearest(enum tc_pyowner owner, tc_str name) {
  tc_near near = tc_py_near(name);
  for (size_t i = 0; i < TC_COUNT(ROWS); i++)
    if (ROWS[i].owner == owner) tc_near_offer(&near, tc_str_of(ROWS[i].name));
  return near.best.at;
}

/* ---- types ---- */

enum tc_pyowner tc_py_owner_of(tc_val v) {
  switch (v.kind) {
  case TC_V_STR:
  case TC_V_DTYPE:
    return TC_PY_STR;
  case TC_V_LIST:
    return TC_PY_LIST;
  case TC_V_TUPLE:
    return TC_PY_TUPLE;
  case TC_V_DICT:
    return TC_PY_DICT;
  case TC_V_SET:
    return TC_PY_SET;
  case TC_V_RANGE:
    return TC_PY_RANGE;
  case TC_V_BOOL:
  case TC_V_INT:
    return TC_PY_INT;
  case TC_V_FLOAT:
    return TC_PY_FLOAT;
  case TC_V_MODULE:
    return v.module->is_known ? (enum tc_pyowner)v.module->owner : TC_PY_NOTHING;
  default:
    return TC_PY_NOTHING;
  }
}

const tc_pybuiltin *tc_py_type_of(tc_val v) {
  const char *name = NULL;
  switch (v.kind) { /* table */
  case TC_V_BOOL:
    name = "bool";
    break;
  case TC_V_INT:
    name = "int";
    break;
  case TC_V_FLOAT:
    name = "float";
    break;
  case TC_V_STR:
    name = "str";
    break;
  case TC_V_TUPLE:
    name = "tuple";
    break;
  case TC_V_LIST:
    name = "list";
    break;
  case TC_V_SET:
    name = "set";
    break;
  case TC_V_DICT:
    name = "dict";
    break;
  case TC_V_RANGE:
    name = "range";
    break;
  case TC_V_CLASS:
  case TC_V_PYBUILTIN:
    name = "type";
    break;
  default:
    return NULL;
  }
  tc_val row;
  return tc_py_find(TC_PY_BUILTINS, tc_str_of(name), &row) ? row.pyfn : NULL;
}

/* ---- signatures ---- */

typedef struct param {
  tc_str name;
  tc_val value;
  bool required, positional, named, star, starstar;
} param;

typedef struct signature {
  param at[EVAL_MAX_PY_PARAMS];
  uint32_t n;
} signature;

static tc_val default_of(tc_eval *ev, const char *text) {
  if (text[0] == 'N') return tc_val_none();
  if (text[0] == 'T' || text[0] == 'F') return tc_val_bool(text[0] == 'T');
  if (text[0] == '(') return tc_val_tuple(ev->arena, NULL, 0);
  if (text[0] == '.') return (tc_val){0};
  if (text[0] == '\'')
    return tc_val_str(ev->arena, (tc_str){text + 1, (uint32_t)strcspn(text + 1, "'")});
  return tc_val_int(strtoll(text, NULL, 10));
}

/* One parameter, `/` or `*`; returns what follows it. */
static const char *read_param(tc_eval *ev, const char *c, signature *s, bool *keyword_only) {
  const char *from = c;
  while (*c == '*')
    c++;
  size_t stars = (size_t)(c - from), n = strcspn(c, ",=)");
  if (*c == '/') {
    for (uint32_t i = 0; i < s->n; i++)
      s->at[i].named = false;
    return c + 1;
  }
  if (stars) *keyword_only = true;
  if (stars == 1 && n == 0) return c;
  param *p = &s->at[s->n++];
  *p = (param){.name = {c, (uint32_t)n},
               .required = !stars,
               .positional = !*keyword_only,
               .named = !stars,
               .star = stars == 1,
               .starstar = stars == 2};
  c += n;
  if (*c != '=') return c;
  p->required = false;
  p->value = default_of(ev, ++c);
  if (*c == '\'') return strchr(c + 1, '\'') + 1;
  if (*c == '(') return c + 2;
  return c + strcspn(c, ",)");
}

static void read_signature(tc_eval *ev, const tc_pybuiltin *row, signature *s) {
  bool keyword_only = false;
  const char *c = row->signature;
  s->n = 0;
  while (*c && *c != ')') {
    while (*c == '(' || *c == ',' || *c == ' ')
      c++;
    if (*c && *c != ')') c = read_param(ev, c, s, &keyword_only);
  }
}

TC_NORETURN static void bad_call(tc_eval *ev, const tc_pybuiltin *row, const char *why) {
  TC_DIAG(ev->diags, D_bad_call, tc_eval_here(ev), row->name, why);
  tc_diag_help(ev->diags, "it takes %s", row->signature);
  tc_diag_stop(ev->diags);
}

static param *find_param(signature *s, tc_str name) {
  for (uint32_t i = 0; i < s->n; i++)
    if (s->at[i].named && tc_str_equal(s->at[i].name, name)) return &s->at[i];
  return NULL;
}

static void bind_named(tc_eval *ev, const tc_pybuiltin *row, signature *s, bool *given,
                       const tc_call_arg *arg) {
  tc_str name = tc_names_text(ev->names, arg->name);
  param *p = find_param(s, name);
  if (p) {
    if (given[p - s->at])
      bad_call(ev, row, tc_format(ev->arena, "got several values for argument '%s'", name.at));
    given[p - s->at] = true;
    p->value = arg->value;
    return;
  }
  if (!s->n || !s->at[s->n - 1].starstar)
    bad_call(ev, row,
             tc_format(ev->arena, "has no parameter '%s' that can be given by name", name.at));
  param *rest = &s->at[s->n - 1];
  tc_eval_dict_set(ev, rest->value.dict, tc_val_str(ev->arena, name), arg->value);
}

static void bind(tc_eval *ev, const tc_pybuiltin *row, const tc_call_args *args, signature *s) {
  bool given[EVAL_MAX_PY_PARAMS] = {0};
  uint32_t next = 0, star = s->n, n_extra = 0;
  tc_val *extra = TC_NEW_ARRAY(ev->arena, args->n + 1, tc_val);
  for (uint32_t i = 0; i < s->n; i++) {
    if (s->at[i].star) star = i;
    if (s->at[i].starstar) s->at[i].value = tc_py_make_dict(ev);
  }
  for (uint32_t i = 0; i < args->n; i++) {
    if (args->at[i].name.id) continue;
    if (next < s->n && s->at[next].positional) {
      given[next] = true;
      s->at[next++].value = args->at[i].value;
    } else {
      extra[n_extra++] = args->at[i].value;
    }
  }
  if (n_extra && star == s->n) bad_call(ev, row, "got too many positional arguments");
  if (star < s->n) s->at[star].value = tc_py_make_tuple(ev, extra, n_extra);
  for (uint32_t i = 0; i < args->n; i++)
    if (args->at[i].name.id) bind_named(ev, row, s, given, &args->at[i]);
  for (uint32_t i = 0; i < s->n; i++)
    if (s->at[i].required && !given[i])
      bad_call(ev, row, tc_format(ev->arena, "needs argument '%.*s'", TC_ARG_STR(s->at[i].name)));
}

/* math.exp and the like: NaN out of a number is a domain error, infinity out of one an overflow. */
static tc_val call_real(tc_eval *ev, const tc_pybuiltin *row, tc_val arg) {
  double x = tc_py_as_float(ev, arg, "the argument"), y = row->real(x);
  if (isnan(y) && !isnan(x))
    EVAL_FAIL(ev, D_bad_value, tc_eval_here(ev),
              tc_format(ev->arena, "math.%s is not defined for this argument", row->name));
  if (isinf(y) && isfinite(x))
    EVAL_FAIL(ev, D_bad_value, tc_eval_here(ev),
              tc_format(ev->arena, "the result of math.%s is too large", row->name));
  return tc_val_float(y);
}

tc_val tc_py_call(tc_eval *ev, const tc_pybuiltin *row, const tc_call_args *args) {
  signature s;
  tc_val values[EVAL_MAX_PY_PARAMS];
  /* Python's own functions of Python's objects are Python's business. */
  bool plain = row->owner == TC_PY_BUILTINS || row->owner == TC_PY_MATH
               || row->owner == TC_PY_ITERTOOLS || row->owner == TC_PY_FUNCTOOLS;
  /* partial() only keeps what it is given. */
  if (plain && row->run != tc_py_partial && tc_foreign_among(args))
    return tc_foreign_call(ev, (tc_val){.kind = TC_V_PYBUILTIN, .pyfn = row}, args);
  read_signature(ev, row, &s);
  bind(ev, row, args, &s);
  bool keeps = row->owner == TC_PY_LIST || row->owner == TC_PY_DICT || row->owner == TC_PY_SET;
  for (uint32_t i = 0; i < s.n; i++)
    values[i] = keeps ? tc_eval_keep(ev, s.at[i].value) : s.at[i].value;
  if (row->real) return call_real(ev, row, values[0]);
  tc_eval_enter(ev);
  tc_val result = row->run(ev, values);
  ev->nesting--;
  return result;
}
