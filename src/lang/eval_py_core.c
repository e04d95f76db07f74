/* Python's builtin functions, and our own module's. */
#include "lang/eval_private.h"

#include <math.h>
#include <string.h>

/* ---- conversions ---- */

static int64_t int_of_float(tc_eval *ev, double x) {
  if (!(x > -0x1p63 - 1 && x < 0x1p63) || x < -0x1p63)
    EVAL_FAIL(ev, D_bad_value, tc_eval_here(ev), "the float does not fit an int of 64 bits");
  return (int64_t)x;
}

static int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'z') return c - 'a' + 10;
  if (c >= 'A' && c <= 'Z') return c - 'A' + 10;
  return 99;
}

/* "0x1f", " -12 ", "1_000"; base 0 takes the prefix. */
static bool parse_int(tc_str s, int64_t base, bool *fits, int64_t *x) {
  while (s.n && strchr(" \t\n\r", *s.at))
    s.at++, s.n--;
  while (s.n && strchr(" \t\n\r", s.at[s.n - 1]))
    s.n--;
  bool negative = s.n && *s.at == '-', digit = false;
  if (s.n && (*s.at == '-' || *s.at == '+')) s.at++, s.n--;
  if (s.n > 2 && *s.at == '0') {
    char c = (char)(s.at[1] | 0x20);
    int64_t prefix = c == 'x' ? 16 : c == 'o' ? 8 : c == 'b' ? 2 : 0;
    if (prefix && (base == prefix || base == 0)) base = prefix, s.at += 2, s.n -= 2;
  }
  if (base == 0) base = 10;
  uint64_t sum = 0, most = negative ? UINT64_C(1) << 63 : (uint64_t)INT64_MAX;
  *fits = true;
  for (uint32_t i = 0; i < s.n; i++) {
    int d = digit_of(s.at[i]);
    if (s.at[i] == '_' && digit && i + 1 < s.n) {
      digit = false;
      continue;
    }
    if (d >= base) return false;
    digit = true;
    if (sum > (most - (uint64_t)d) / (uint64_t)base) *fits = false;
    sum = sum * (uint64_t)base + (uint64_t)d;
  }
  *x = (int64_t)(negative ? 0 - sum : sum);
  return digit;
}

tc_val tc_py_int(tc_eval *ev, const tc_val *a) {
  tc_str text;
  tc_py_need_known(ev, a[0], "the argument of int()");
  if (a[0].kind == TC_V_FLOAT) return tc_val_int(int_of_float(ev, a[0].f));
  if (a[0].kind == TC_V_ENUM) return tc_val_int(a[0].enum_->number);
  if (tc_val_is_number(a[0])) return tc_val_int(a[0].i);
  text = tc_py_need_text(ev, a[0], "the argument of int()");
  int64_t base = a[1].kind == TC_V_UNBOUND ? 10 : tc_py_need_int(ev, a[1], "the base"), x = 0;
  bool fits = true;
  if ((base != 0 && base < 2) || base > 36)
    EVAL_FAIL(ev, D_bad_value, tc_eval_here(ev), "the base of int() is 0 or 2 to 36");
  if (!parse_int(text, base, &fits, &x))
    EVAL_FAIL(ev, D_bad_value, tc_eval_here(ev),
              tc_format(ev->arena, "not an int: '%.*s'", TC_ARG_STR(text)));
  if (!fits) EVAL_FAIL(ev, D_wide_int, tc_eval_here(ev), "int()");
  return tc_val_int(x);
}

tc_val tc_py_float(tc_eval *ev, const tc_val *a) {
  tc_str text;
  if (tc_py_as_text(ev, a[0], &text)) return tc_py_float_of_text(ev, text);
  return tc_val_float(tc_py_as_float(ev, a[0], "the argument of float()"));
}

tc_val tc_py_bool(tc_eval *ev, const tc_val *a) {
  return tc_val_bool(tc_py_truth(ev, a[0], "the argument of bool()"));
}

tc_val tc_py_str(tc_eval *ev, const tc_val *a) {
  tc_py_need_text_of(ev, a[0]);
  return tc_py_make_text(ev, tc_eval_str(ev, a[0]));
}

tc_val tc_py_repr(tc_eval *ev, const tc_val *a) {
  tc_py_need_text_of(ev, a[0]);
  return tc_py_make_text(ev, tc_eval_repr(ev, a[0]));
}

tc_val tc_py_format(tc_eval *ev, const tc_val *a) {
  return tc_py_make_text(ev, tc_py_format_value(ev, a[0], tc_py_need_text(ev, a[1], "the format")));
}

tc_val tc_py_object(tc_eval *ev, const tc_val *a) {
  (void)a;
  EVAL_FAIL(ev, D_not_evaluated, tc_eval_here(ev), "an object without a class", "");
}

/* ---- numbers ---- */

tc_val tc_py_abs(tc_eval *ev, const tc_val *a) {
  if (tc_val_is_staged(a[0])) {
    TC_DIAG(ev->diags, D_not_constant, tc_eval_here(ev), "the argument of abs()",
            tc_val_kind_name(a[0]));
    tc_diag_help(ev->diags, "use T.abs");
    tc_diag_stop(ev->diags);
  }
  if (a[0].kind == TC_V_FLOAT) return tc_val_float(fabs(a[0].f));
  int64_t x = tc_py_need_int(ev, a[0], "the argument of abs()");
  return x < 0 ? tc_py_unary(ev, TC_UNOP_NEG, tc_val_int(x)) : tc_val_int(x);
}

/* x to a multiple of 10 ** -digits, half to even. */
static tc_val round_int(tc_eval *ev, int64_t x, int64_t digits) {
  if (digits >= 0) return tc_val_int(x);
  if (digits < -18) return tc_val_int(0);
  int64_t unit = 1;
  for (int64_t i = 0; i < -digits; i++)
    unit *= 10;
  int64_t down = x / unit * unit, rest = x - down, half = unit / 2;
  int64_t magnitude = rest < 0 ? -rest : rest;
  bool away = magnitude > half || (magnitude == half && (down / unit) % 2 != 0);
  if (!away) return tc_val_int(down);
  return tc_py_binary(ev, TC_BINOP_ADD, tc_val_int(down), tc_val_int(x < 0 ? -unit : unit));
}

tc_val tc_py_round(tc_eval *ev, const tc_val *a) {
  tc_py_need_known(ev, a[0], "the argument of round()");
  if (a[0].kind != TC_V_FLOAT) {
    int64_t x = tc_py_need_int(ev, a[0], "the argument of round()");
    return round_int(ev, x, a[1].kind == TC_V_NONE ? 0 : tc_py_need_int(ev, a[1], "ndigits"));
  }
  double x = a[0].f;
  if (a[1].kind == TC_V_NONE) {
    double whole = floor(x), rest = x - whole;
    bool up = rest > 0.5 || (rest == 0.5 && fmod(whole, 2) != 0);
    return tc_val_int(int_of_float(ev, up ? whole + 1 : whole));
  }
  int64_t digits = tc_py_need_int(ev, a[1], "ndigits");
  if (!isfinite(x) || digits > 300) return a[0];
  if (digits < -300) return tc_val_float(copysign(0, x));
  if (digits < 0) {
    double unit = pow(10, (double)-digits), q = x / unit, whole = floor(q), rest = q - whole;
    bool up = rest > 0.5 || (rest == 0.5 && fmod(whole, 2) != 0);
    return tc_val_float((up ? whole + 1 : whole) * unit);
  }
  tc_str spec = tc_str_of(tc_format(ev->arena, ".%df", (int)digits));
  return tc_py_float_of_text(ev, tc_py_format_value(ev, a[0], spec));
}

tc_val tc_py_divmod(tc_eval *ev, const tc_val *a) {
  tc_val both[] = {tc_eval_binary(ev, TC_BINOP_FLOORDIV, a[0], a[1]),
                   tc_eval_binary(ev, TC_BINOP_MOD, a[0], a[1])};
  return tc_py_make_tuple(ev, both, 2);
}

static int64_t mul_mod(int64_t a, int64_t b, int64_t m) {
  int64_t sum = 0;
  for (; b; b >>= 1) {
    if (b & 1) sum = sum >= m - a ? sum - (m - a) : sum + a;
    a = a >= m - a ? a - (m - a) : a + a;
  }
  return sum;
}

tc_val tc_py_pow(tc_eval *ev, const tc_val *a) {
  if (a[2].kind == TC_V_NONE) return tc_eval_binary(ev, TC_BINOP_POW, a[0], a[1]);
  int64_t base = tc_py_need_int(ev, a[0], "the base"), m = tc_py_need_int(ev, a[2], "the modulus");
  int64_t exp = tc_py_need_int(ev, a[1], "the exponent"), result = 1;
  if (exp < 0 || m < 1)
    EVAL_FAIL(ev, D_bad_value, tc_eval_here(ev),
              "pow() with a modulus needs a positive modulus and no negative exponent");
  base = tc_py_binary(ev, TC_BINOP_MOD, tc_val_int(base), tc_val_int(m)).i;
  for (result %= m; exp; exp >>= 1) {
    if (exp & 1) result = mul_mod(result, base, m);
    base = mul_mod(base, base, m);
  }
  return tc_val_int(result);
}

static tc_val in_base(tc_eval *ev, tc_val v, const char *spec) {
  return tc_py_make_text(
      ev,
      tc_py_format_value(ev, tc_val_int(tc_py_need_int(ev, v, "the argument")), tc_str_of(spec)));
}

tc_val tc_py_bin(tc_eval *ev, const tc_val *a) {
  return in_base(ev, a[0], "#b");
}
tc_val tc_py_oct(tc_eval *ev, const tc_val *a) {
  return in_base(ev, a[0], "#o");
}
tc_val tc_py_hex(tc_eval *ev, const tc_val *a) {
  return in_base(ev, a[0], "#x");
}

tc_val tc_py_int_bit_length(tc_eval *ev, const tc_val *a) {
  (void)ev;
  uint64_t x = a[0].i < 0 ? 0 - (uint64_t)a[0].i : (uint64_t)a[0].i;
  int64_t n = 0;
  for (; x; x >>= 1)
    n++;
  return tc_val_int(n);
}

tc_val tc_py_int_bit_count(tc_eval *ev, const tc_val *a) {
  (void)ev;
  uint64_t x = a[0].i < 0 ? 0 - (uint64_t)a[0].i : (uint64_t)a[0].i;
  int64_t n = 0;
  for (; x; x &= x - 1)
    n++;
  return tc_val_int(n);
}

tc_val tc_py_float_is_integer(tc_eval *ev, const tc_val *a) {
  (void)ev;
  return tc_val_bool(isfinite(a[0].f) && floor(a[0].f) == a[0].f);
}

/* ---- types and attributes ---- */

tc_class *tc_eval_class_of(tc_val v) {
  return v.kind == TC_V_INSTANCE ? v.instance->klass : NULL;
}

/* isinstance(x, T.dtype) and the like. */
static bool is_vocabulary_kind(tc_eval *ev, tc_val v, tc_val type) {
  static const struct {
    const char *name;
    enum tc_val_kind kind;
  } KINDS[] = {{"dtype", TC_V_DTYPE},       {"Buffer", TC_V_BUFFER},
               {"Tensor", TC_V_BUFFER},     {"Layout", TC_V_LAYOUT},
               {"Fragment", TC_V_LAYOUT},   {"KernelLaunchFrame", TC_V_FRAME},
               {"PrimFunc", TC_V_FUNCTION}, {"PrimExpr", TC_V_EXPR}};
  tc_span span = tc_eval_at(ev, ev->node);
  for (size_t i = 0; i < TC_COUNT(KINDS); i++) {
    tc_val known = tc_stage_vocabulary(ev, tc_str_of(KINDS[i].name), span);
    if (!tc_py_same(known, type)) continue;
    return v.kind == KINDS[i].kind && (v.kind != TC_V_FUNCTION || v.fn->kind == TC_FN_PRIM);
  }
  EVAL_FAIL(ev, D_not_evaluated, span, "isinstance() with this T.* name", "");
}

static bool is_a(tc_eval *ev, tc_val v, tc_val type) {
  if (type.kind == TC_V_TUPLE) {
    tc_eval_enter(ev);
    bool any = false;
    for (uint32_t i = 0; !any && i < type.seq->items.n; i++)
      any = is_a(ev, v, type.seq->items.at[i]);
    ev->nesting--;
    return any;
  }
  if (type.kind == TC_V_CLASS) {
    tc_class *klass = tc_eval_class_of(v);
    while (klass && klass != type.klass)
      klass = klass->base;
    return klass != NULL;
  }
  if (type.kind == TC_V_BUILTIN) return is_vocabulary_kind(ev, v, type);
  /* Nothing here is an object of a module that is not there. */
  if (type.kind == TC_V_DEFERRED) return false;
  if (type.kind != TC_V_PYBUILTIN || !(type.pyfn->flags & TC_PYF_TYPE))
    EVAL_FAIL(ev, D_bad_type, tc_eval_here(ev), "isinstance() needs a type or a tuple of types",
              tc_val_kind_name(type));
  if (strcmp(type.pyfn->name, "object") == 0) return true;
  const tc_pybuiltin *own = tc_py_type_of(v);
  if (strcmp(type.pyfn->name, "int") == 0 && v.kind == TC_V_BOOL) return true;
  if (strcmp(type.pyfn->name, "str") == 0 && v.kind == TC_V_DTYPE) return true;
  return own == type.pyfn;
}

/* What is not there could be anything. */
static void refuse_deferred(tc_eval *ev, tc_val v) {
  if (v.kind == TC_V_DEFERRED) tc_py_need_known(ev, v, "the argument");
}

tc_val tc_py_isinstance(tc_eval *ev, const tc_val *a) {
  refuse_deferred(ev, a[0]);
  return tc_val_bool(is_a(ev, a[0], a[1]));
}

tc_val tc_py_type(tc_eval *ev, const tc_val *a) {
  tc_class *klass = tc_eval_class_of(a[0]);
  if (klass) return (tc_val){.kind = TC_V_CLASS, .klass = klass};
  const tc_pybuiltin *row = tc_py_type_of(a[0]);
  if (row) return (tc_val){.kind = TC_V_PYBUILTIN, .pyfn = row};
  EVAL_FAIL(ev, D_bad_type, tc_eval_here(ev), "type() knows the types of Python values",
            tc_val_kind_name(a[0]));
}

static tc_name attribute_name(tc_eval *ev, tc_val v) {
  return tc_names_add(ev->names, tc_py_need_text(ev, v, "the attribute name"));
}

tc_val tc_py_getattr(tc_eval *ev, const tc_val *a) {
  tc_val value;
  tc_name name = attribute_name(ev, a[1]);
  if (tc_eval_attribute(ev, a[0], name, &value)) return value;
  if (a[2].kind == TC_V_UNBOUND) tc_eval_no_attribute(ev, a[0], name);
  return a[2];
}

tc_val tc_py_hasattr(tc_eval *ev, const tc_val *a) {
  tc_val value;
  refuse_deferred(ev, a[0]);
  return tc_val_bool(tc_eval_attribute(ev, a[0], attribute_name(ev, a[1]), &value)
                     && value.kind != TC_V_DEFERRED);
}

tc_val tc_py_callable(tc_eval *ev, const tc_val *a) {
  tc_val method;
  refuse_deferred(ev, a[0]);
  if (a[0].kind == TC_V_INSTANCE) return tc_val_bool(tc_eval_method(ev, a[0], "__call__", &method));
  return tc_val_bool(a[0].kind == TC_V_FUNCTION || a[0].kind == TC_V_PYBUILTIN
                     || a[0].kind == TC_V_BUILTIN || a[0].kind == TC_V_METHOD
                     || a[0].kind == TC_V_CLASS || a[0].kind == TC_V_DTYPE);
}

tc_val tc_py_print(tc_eval *ev, const tc_val *a) {
  tc_sb sb = tc_sb_in(ev->arena);
  for (uint32_t i = 0; i < a[0].seq->items.n; i++) {
    if (i) tc_sb_char(&sb, ' ');
    tc_sb_add(&sb, tc_eval_str(ev, a[0].seq->items.at[i]));
  }
  TC_DIAG(ev->diags, D_compile_time_print, tc_eval_here(ev), tc_sb_str(&sb).at);
  return tc_val_none();
}

/* ---- classes ---- */

static tc_val with_role(tc_eval *ev, tc_val v, enum tc_function_role role) {
  if (v.kind != TC_V_FUNCTION)
    EVAL_FAIL(ev, D_bad_type, tc_eval_here(ev), "this decorator takes a function",
              tc_val_kind_name(v));
  tc_function *fn = tc_arena_copy(ev->arena, v.fn, sizeof *v.fn);
  fn->role = role;
  return (tc_val){.kind = TC_V_FUNCTION, .fn = fn};
}

tc_val tc_py_property(tc_eval *ev, const tc_val *a) {
  return with_role(ev, a[0], TC_ROLE_PROPERTY);
}
tc_val tc_py_staticmethod(tc_eval *ev, const tc_val *a) {
  return with_role(ev, a[0], TC_ROLE_STATIC);
}
tc_val tc_py_classmethod(tc_eval *ev, const tc_val *a) {
  return with_role(ev, a[0], TC_ROLE_CLASS);
}

/* The same object, its methods looked up from the base of the class the running method stands in.
 */
tc_val tc_py_super(tc_eval *ev, const tc_val *a) {
  (void)a;
  const tc_function *fn = ev->running->fn;
  tc_val self = {0};
  if (fn && fn->owner && ev->running->env->scope->bound->n) self = ev->running->env->cells[0].value;
  if (self.kind != TC_V_INSTANCE)
    EVAL_FAIL(ev, D_not_evaluated, tc_eval_here(ev), "super() outside a method", "");
  tc_instance *view = tc_arena_copy(ev->arena, self.instance, sizeof *self.instance);
  static const tc_class EMPTY = {.base = NULL};
  view->klass = fn->owner->base;
  if (!view->klass) view->klass = tc_arena_copy(ev->arena, &EMPTY, sizeof EMPTY);
  return (tc_val){.kind = TC_V_INSTANCE, .instance = view};
}

/* ---- ourselves ---- */

static tc_val decorator(tc_eval *ev, const char *name, enum tc_pyowner owner) {
  tc_val row = {0};
  tc_py_find(owner, tc_str_of(name), &row);
  (void)ev;
  return row;
}

static tc_val as_kind(tc_eval *ev, tc_val v, enum tc_function_kind kind) {
  if (v.kind != TC_V_FUNCTION || v.fn->kind == TC_FN_PARTIAL || v.fn->node->kind != TC_AST_DEF)
    EVAL_FAIL(ev, D_bad_type, tc_eval_here(ev), "this decorator takes a function",
              tc_val_kind_name(v));
  v.fn = tc_arena_copy(ev->arena, v.fn, sizeof *v.fn);
  v.fn->kind = kind;
  return v;
}

tc_val tc_py_prim_func(tc_eval *ev, const tc_val *a) {
  if (a[0].kind == TC_V_NONE) return decorator(ev, "prim_func", TC_PY_LANGUAGE);
  return as_kind(ev, a[0], TC_FN_PRIM);
}

tc_val tc_py_macro(tc_eval *ev, const tc_val *a) {
  if (a[0].kind == TC_V_NONE) return decorator(ev, "macro", TC_PY_LANGUAGE);
  return as_kind(ev, a[0], TC_FN_MACRO);
}

tc_val tc_py_jit(tc_eval *ev, const tc_val *a) {
  if (a[0].kind == TC_V_NONE) {
    tc_function *later = TC_NEW(ev->arena, tc_function);
    tc_call_arg *given = TC_NEW_ARRAY(ev->arena, 2, tc_call_arg);
    given[0] = (tc_call_arg){.name = tc_names_add(ev->names, TC_STR("out_idx")), .value = a[1]};
    given[1] =
        (tc_call_arg){.name = tc_names_add(ev->names, TC_STR("pass_configs")), .value = a[2]};
    *later = (tc_function){.kind = TC_FN_PARTIAL,
                           .callee = decorator(ev, "jit", TC_PY_TILELANG),
                           .given = {given, 2, {0}}};
    return (tc_val){.kind = TC_V_FUNCTION, .fn = later};
  }
  tc_val entry = a[0];
  if (entry.kind == TC_V_FUNCTION) entry = as_kind(ev, entry, entry.fn->kind);
  if (entry.kind != TC_V_FUNCTION)
    EVAL_FAIL(ev, D_bad_type, tc_eval_here(ev), "tilec.jit takes a function",
              tc_val_kind_name(entry));
  entry.fn->is_jit = true;
  entry.fn->out_idx = a[1];
  entry.fn->configs = a[2];
  entry.fn->configs_span = tc_eval_here(ev);
  return entry;
}

tc_val tc_py_ignored(tc_eval *ev, const tc_val *a) {
  if (a[0].kind == TC_V_FUNCTION) return a[0];
  return decorator(ev, "cache", TC_PY_FUNCTOOLS);
}

tc_val tc_py_cdiv(tc_eval *ev, const tc_val *a) {
  tc_val top =
      tc_eval_binary(ev, TC_BINOP_SUB, tc_eval_binary(ev, TC_BINOP_ADD, a[0], a[1]), tc_val_int(1));
  return tc_eval_binary(ev, TC_BINOP_FLOORDIV, top, a[1]);
}

tc_val tc_py_next_power(tc_eval *ev, const tc_val *a) {
  int64_t n = tc_py_need_int(ev, a[0], "the argument of next_power_of_2"), p = 1;
  if (n > INT64_C(1) << 62) EVAL_FAIL(ev, D_wide_int, tc_eval_here(ev), "next_power_of_2");
  while (p < n)
    p *= 2;
  return tc_val_int(p);
}

tc_val tc_py_num_sms(tc_eval *ev, const tc_val *a) {
  (void)a;
  if (ev->lang->device.n_sms <= 0)
    EVAL_FAIL(ev, D_deferred_use, tc_eval_here(ev), "the number of multiprocessors");
  return tc_val_int(ev->lang->device.n_sms);
}
