/* Numbers as digits and back, whatever the locale of the process, and repr and str of compile-time
 * values. */
#include "lang/eval_private.h"
#include "lang/foreign.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- digits ---- */

/* Takes apart what %.*e prints; the decimal sign may be anything. */
static void read_exponent_form(const char *text, tc_digits *d) {
  d->n = 0;
  for (; *text && *text != 'e'; text++)
    if (*text >= '0' && *text <= '9') d->at[d->n++] = *text;
  d->point = *text ? atoi(text + 1) + 1 : 1;
}

void tc_digits_significant(double x, int n, tc_digits *d) {
  char text[1100];
  if (n > 1000) n = 1000;
  snprintf(text, sizeof text, "%.*e", n - 1, fabs(x));
  read_exponent_form(text, d);
}

void tc_digits_fixed(double x, int n, tc_digits *d) {
  char text[1500];
  if (n > 1000) n = 1000;
  snprintf(text, sizeof text, "%.*f", n, fabs(x));
  d->n = d->point = 0;
  const char *c = text;
  for (; *c >= '0' && *c <= '9'; c++)
    d->at[d->n++] = *c;
  d->point = d->n;
  for (; *c && d->n < (int)sizeof d->at - 1; c++)
    if (*c >= '0' && *c <= '9') d->at[d->n++] = *c;
}

static double value_of(const tc_digits *d) {
  char text[64];
  snprintf(text, sizeof text, "%.*se%d", d->n, d->at, d->point - d->n);
  return strtod(text, NULL);
}

/* The next greater number of as many digits. */
static void bump(tc_digits *d) {
  int i = d->n - 1;
  while (i >= 0 && d->at[i] == '9')
    d->at[i--] = '0';
  if (i >= 0) {
    d->at[i]++;
    return;
  }
  d->at[0] = '1'; /* 99 -> 100 */
  d->point++;
}

/* The fewest digits that read back as x. Where x lies midway between two of them, the one that was
 * rounded away from may be the one that reads back. */
static void digits_shortest(double x, tc_digits *d) {
  for (int n = 1; n <= 17; n++) {
    tc_digits_significant(x, n, d);
    if (value_of(d) == fabs(x)) break;
    bump(d);
    if (value_of(d) == fabs(x)) break;
  }
  while (d->n > 1 && d->at[d->n - 1] == '0')
    d->n--;
}

static void add_zeros(tc_sb *sb, int n) {
  for (int i = 0; i < n; i++)
    tc_sb_char(sb, '0');
}

static void add_digits(tc_sb *sb, const tc_digits *d, int from, int n) {
  for (int i = from; i < from + n; i++)
    tc_sb_char(sb, i >= 0 && i < d->n ? d->at[i] : '0');
}

void tc_digits_plain(tc_sb *sb, const tc_digits *d, int decimals) {
  if (d->point <= 0)
    tc_sb_char(sb, '0');
  else
    add_digits(sb, d, 0, d->point);
  if (decimals <= 0) return;
  tc_sb_char(sb, '.');
  int zeros = d->point < 0 ? -d->point : 0;
  if (zeros > decimals) zeros = decimals;
  add_zeros(sb, zeros);
  add_digits(sb, d, d->point < 0 ? 0 : d->point, decimals - zeros);
}

void tc_digits_exponent(tc_sb *sb, const tc_digits *d, int n, char letter, bool point) {
  tc_sb_char(sb, d->at[0]);
  if (n > 1 || point) tc_sb_char(sb, '.');
  add_digits(sb, d, 1, n - 1);
  int e = d->point - 1;
  tc_sb_printf(sb, "%c%c%02d", letter, e < 0 ? '-' : '+', e < 0 ? -e : e);
}

bool tc_digits_special(tc_sb *sb, double x, bool upper) {
  if (isnan(x)) return tc_sb_adds(sb, upper ? "NAN" : "nan"), true;
  if (isinf(x)) return tc_sb_adds(sb, upper ? "INF" : "inf"), true;
  return false;
}

void tc_py_float_repr(tc_sb *sb, double x) {
  tc_digits d;
  if (signbit(x) && !isnan(x)) tc_sb_char(sb, '-');
  if (tc_digits_special(sb, x, false)) return;
  digits_shortest(x, &d);
  if (x == 0) d.point = 1;
  if (d.point > 16 || d.point < -3) {
    tc_digits_exponent(sb, &d, d.n, 'e', false);
  } else {
    int decimals = d.n - d.point;
    tc_digits_plain(sb, &d, decimals > 0 ? decimals : 1);
  }
}

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/* inf, infinity and nan in any case. */
static bool float_word(tc_str text, tc_sb *clean) {
  static const char *const WORDS[] = {"inf", "infinity", "nan"};
  for (size_t k = 0; k < TC_COUNT(WORDS); k++) {
    bool same = text.n == strlen(WORDS[k]);
    for (uint32_t i = 0; same && i < text.n; i++)
      same = (text.at[i] | 0x20) == WORDS[k][i];
    if (same) return tc_sb_adds(clean, WORDS[k]), true;
  }
  return false;
}

static bool read_exponent(tc_eval *ev, tc_str text, int *exponent) {
  char *copy = tc_str_dup(ev->arena, text), *end;
  long e = strtol(copy, &end, 10);
  *exponent = e > 99999 ? 99999 : e < -99999 ? -99999 : (int)e;
  return end != copy && !*end && *copy != ' ';
}

/* Digits with one point, then an exponent. The point becomes part of the exponent, since strtod's
 * point depends on the locale. */
static bool float_digits(tc_eval *ev, tc_str text, tc_sb *clean) {
  bool digit = false;
  int decimals = -1, exponent = 0;
  for (uint32_t i = 0; i < text.n; i++) {
    char c = text.at[i];
    bool joins =
        c == '_' && i && i + 1 < text.n && is_digit(text.at[i - 1]) && is_digit(text.at[i + 1]);
    if (joins) continue;
    if (is_digit(c)) {
      tc_sb_char(clean, c);
      digit = true;
      decimals += decimals >= 0;
    } else if (c == '.' && decimals < 0) {
      decimals = 0;
    } else if ((c == 'e' || c == 'E') && digit) {
      if (!read_exponent(ev, (tc_str){text.at + i + 1, text.n - i - 1}, &exponent)) return false;
      break;
    } else {
      return false;
    }
  }
  tc_sb_printf(clean, "e%d", exponent - (decimals > 0 ? decimals : 0));
  return digit;
}

tc_val tc_py_float_of_text(tc_eval *ev, tc_str text) {
  static const char BLANKS[] = " \t\n\r\f\v";
  tc_sb clean = tc_sb_in(ev->arena);
  tc_str rest = text;
  while (rest.n && memchr(BLANKS, *rest.at, sizeof BLANKS - 1))
    rest.at++, rest.n--;
  while (rest.n && memchr(BLANKS, rest.at[rest.n - 1], sizeof BLANKS - 1))
    rest.n--;
  if (rest.n && (*rest.at == '+' || *rest.at == '-')) {
    tc_sb_char(&clean, *rest.at);
    rest.at++, rest.n--;
  }
  bool ok = rest.n > 0 && rest.n < 1500;
  if (!ok || !(float_word(rest, &clean) || float_digits(ev, rest, &clean)))
    EVAL_FAIL(ev, D_bad_value, tc_eval_here(ev),
              tc_format(ev->arena, "not a float: '%.*s'", TC_ARG_STR(text)));
  return tc_val_float(strtod(clean.at, NULL));
}

/* ---- repr and str ---- */

static void repr_text(tc_sb *sb, tc_str text) {
  bool single = memchr(text.at, '\'', text.n) != NULL, twice = memchr(text.at, '"', text.n) != NULL;
  char quote = single && !twice ? '"' : '\'';
  tc_sb_char(sb, quote);
  for (uint32_t i = 0; i < text.n; i++) {
    unsigned char c = (unsigned char)text.at[i];
    if (c == (unsigned char)quote || c == '\\')
      tc_sb_printf(sb, "\\%c", c);
    else if (c == '\n' || c == '\r' || c == '\t')
      tc_sb_printf(sb, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
    else if (c < 0x20 || c == 0x7f)
      tc_sb_printf(sb, "\\x%02x", c);
    else
      tc_sb_char(sb, (char)c);
  }
  tc_sb_char(sb, quote);
}

static void add_repr(tc_eval *ev, tc_sb *sb, tc_val v);

static void repr_items(tc_eval *ev, tc_sb *sb, const tc_val_seq *seq, const char *brackets) {
  tc_sb_char(sb, brackets[0]);
  for (uint32_t i = 0; i < seq->items.n; i++) {
    if (i) tc_sb_adds(sb, ", ");
    add_repr(ev, sb, seq->items.at[i]);
  }
  if (brackets[0] == '(' && seq->items.n == 1) tc_sb_char(sb, ',');
  tc_sb_char(sb, brackets[1]);
}

static void repr_dict(tc_eval *ev, tc_sb *sb, const tc_val_dict *dict) {
  tc_sb_char(sb, '{');
  for (uint32_t i = 0; i < dict->keys.items.n; i++) {
    if (i) tc_sb_adds(sb, ", ");
    add_repr(ev, sb, dict->keys.items.at[i]);
    tc_sb_adds(sb, ": ");
    add_repr(ev, sb, dict->values.at[i]);
  }
  tc_sb_char(sb, '}');
}

static void repr_instance(tc_eval *ev, tc_sb *sb, tc_val v) {
  tc_val method;
  if (tc_eval_method(ev, v, "__repr__", &method) || tc_eval_method(ev, v, "__str__", &method))
    tc_sb_add(sb,
              tc_py_need_text(ev, tc_eval_apply(ev, method, NULL, 0), "the result of __repr__"));
  else
    tc_sb_printf(sb, "<%s object>", tc_eval_name(ev, v.instance->klass->name));
}

static void repr_range(tc_eval *ev, tc_sb *sb, const tc_range *r) {
  (void)ev;
  if (r->staged)
    tc_sb_adds(sb, "<run-time range>");
  else if (r->step == 1)
    tc_sb_printf(sb, "range(%lld, %lld)", (long long)r->start, (long long)r->stop);
  else
    tc_sb_printf(sb, "range(%lld, %lld, %lld)", (long long)r->start, (long long)r->stop,
                 (long long)r->step);
}

/* A run-time value in a message: `M % 8`. */
static void repr_value(tc_eval *ev, tc_sb *sb, tc_value v, int depth) {
  static const struct {
    enum tc_opcode op;
    const char *text;
  } OPS[] = {{TC_OP_add, "+"},       {TC_OP_sub, "-"},      {TC_OP_mul, "*"},
             {TC_OP_floordiv, "//"}, {TC_OP_floormod, "%"}, {TC_OP_eq, "=="},
             {TC_OP_ne, "!="},       {TC_OP_lt, "<"},       {TC_OP_le, "<="}};
  const tc_op *op = tc_op_at(ev->ir, v);
  int64_t x;
  if (tc_const_of(ev->ir, v, &x)) {
    tc_sb_printf(sb, "%lld", (long long)x);
    return;
  }
  if (op->opcode == TC_OP_var) {
    tc_sb_adds(sb, tc_name_of(ev->ir, tc_var_at(ev->ir, (tc_var){op->payload})->name));
    return;
  }
  for (size_t i = 0; depth < 4 && i < TC_COUNT(OPS); i++) {
    if (op->opcode != OPS[i].op) continue;
    tc_sb_adds(sb, depth ? "(" : "");
    repr_value(ev, sb, tc_input(ev->ir, op, 0), depth + 1);
    tc_sb_printf(sb, " %s ", OPS[i].text);
    repr_value(ev, sb, tc_input(ev->ir, op, 1), depth + 1);
    tc_sb_adds(sb, depth ? ")" : "");
    return;
  }
  tc_sb_adds(sb, "<run-time value>");
}

static void repr_other(tc_eval *ev, tc_sb *sb, tc_val v) {
  tc_str name;
  switch (v.kind) { /* table */
  case TC_V_DTYPE:
    tc_sb_adds(sb, tc_type_name(ev->arena, v.type));
    return;
  case TC_V_ENUM:
    tc_sb_printf(sb, v.enum_->member ? "%s.%s" : "<enum %s>", v.enum_->family, v.enum_->member);
    return;
  case TC_V_FUNCTION:
    tc_sb_printf(sb, "<function %s>", tc_function_name(ev, v.fn));
    return;
  case TC_V_PYBUILTIN:
    tc_sb_printf(sb, v.pyfn->flags & TC_PYF_TYPE ? "<class '%s'>" : "<built-in function %s>",
                 v.pyfn->name);
    return;
  case TC_V_CLASS:
    tc_sb_printf(sb, "<class '%s'>", tc_eval_name(ev, v.klass->name));
    return;
  case TC_V_MODULE:
    tc_sb_printf(sb, "<module '%s'>", v.module->path);
    return;
  case TC_V_EXPR:
    repr_value(ev, sb, v.value, 0);
    return;
  case TC_V_BUFFER:
  case TC_V_VAR:
    name = tc_names_text(ev->names, tc_buf_at(ev->ir, v.buf)->name);
    tc_sb_printf(sb, "%s", name.n ? name.at : "<buffer>");
    return;
  default:
    tc_sb_printf(sb, "<%s>", tc_val_kind_name(v));
    return;
  }
}

static void add_value_repr(tc_eval *ev, tc_sb *sb, tc_val v) {
  switch (v.kind) { /* table */
  case TC_V_NONE:
    tc_sb_adds(sb, "None");
    return;
  case TC_V_BOOL:
    tc_sb_adds(sb, v.i ? "True" : "False");
    return;
  case TC_V_INT:
    tc_sb_printf(sb, "%lld", (long long)v.i);
    return;
  case TC_V_FLOAT:
    tc_py_float_repr(sb, v.f);
    return;
  case TC_V_STR:
    repr_text(sb, v.str->text);
    return;
  case TC_V_TUPLE:
    repr_items(ev, sb, v.seq, "()");
    return;
  case TC_V_LIST:
    repr_items(ev, sb, v.seq, "[]");
    return;
  case TC_V_SET:
    if (v.seq->items.n)
      repr_items(ev, sb, v.seq, "{}");
    else
      tc_sb_adds(sb, "set()");
    return;
  case TC_V_DICT:
    repr_dict(ev, sb, v.dict);
    return;
  case TC_V_RANGE:
    repr_range(ev, sb, v.range);
    return;
  case TC_V_INSTANCE:
    repr_instance(ev, sb, v);
    return;
  case TC_V_FOREIGN:
    tc_sb_add(sb, tc_foreign_text(ev, TILEC_OP_REPR, v));
    return;
  default:
    repr_other(ev, sb, v);
    return;
  }
}

static void add_repr(tc_eval *ev, tc_sb *sb, tc_val v) {
  tc_eval_enter(ev);
  if (sb->n > EVAL_MAX_TEXT_B) tc_py_check_size(ev, "the text", (int64_t)sb->n, true);
  add_value_repr(ev, sb, v);
  ev->nesting--;
}

void tc_py_need_text_of(tc_eval *ev, tc_val v) {
  /* Messages may name what a kernel computes with, but the contents of memory have no text. */
  if (v.kind != TC_V_EXPR && v.kind != TC_V_BUFFER) tc_py_need_known(ev, v, "the text of a value");
}

tc_str tc_eval_repr(tc_eval *ev, tc_val v) {
  tc_sb sb = tc_sb_in(ev->arena);
  add_repr(ev, &sb, v);
  return tc_sb_str(&sb);
}

tc_str tc_eval_str(tc_eval *ev, tc_val v) {
  tc_str text;
  tc_val method;
  if (tc_py_as_text(ev, v, &text)) return text;
  if (v.kind == TC_V_FOREIGN) return tc_foreign_text(ev, TILEC_OP_STR, v);
  if (v.kind == TC_V_INSTANCE && tc_eval_method(ev, v, "__str__", &method))
    return tc_py_need_text(ev, tc_eval_apply(ev, method, NULL, 0), "the result of __str__");
  return tc_eval_repr(ev, v);
}
