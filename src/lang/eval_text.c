/* Text of compile-time values: repr and str, Python's format mini-language, str.format and %. Numbers
 * do not depend on the locale of the process. */
#include "lang/eval_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- digits ---- */

/* Decimal digits of |x|: x = 0.d1 d2 ... * 10^point. */
typedef struct digits {
  char at[1100];
  int n, point;
} digits;

/* Takes apart what %.*e prints; the decimal sign may be anything. */
static void read_exponent_form(const char *text, digits *d) {
  d->n = 0;
  for (; *text && *text != 'e'; text++)
    if (*text >= '0' && *text <= '9') d->at[d->n++] = *text;
  d->point = *text ? atoi(text + 1) + 1 : 1;
}

/* `n` significant digits, at least 1, correctly rounded. */
static void digits_significant(double x, int n, digits *d) {
  char text[1100];
  if (n > 1000) n = 1000;
  snprintf(text, sizeof text, "%.*e", n - 1, fabs(x));
  read_exponent_form(text, d);
}

/* `n` digits after the point, correctly rounded. */
static void digits_fixed(double x, int n, digits *d) {
  char text[1500];
  if (n > 1000) n = 1000;
  snprintf(text, sizeof text, "%.*f", n, fabs(x));
  d->n = d->point = 0;
  const char *c = text;
  for (; *c >= '0' && *c <= '9'; c++) d->at[d->n++] = *c;
  d->point = d->n;
  for (; *c && d->n < (int)sizeof d->at - 1; c++)
    if (*c >= '0' && *c <= '9') d->at[d->n++] = *c;
}

static double value_of(const digits *d) {
  char text[64];
  snprintf(text, sizeof text, "%.*se%d", d->n, d->at, d->point - d->n);
  return strtod(text, NULL);
}

/* The next greater number of as many digits. */
static void bump(digits *d) {
  int i = d->n - 1;
  while (i >= 0 && d->at[i] == '9') d->at[i--] = '0';
  if (i >= 0) {
    d->at[i]++;
    return;
  }
  d->at[0] = '1'; /* 99 -> 100 */
  d->point++;
}

/* The fewest digits that read back as x. Where x lies midway between two of them, the one that was
 * rounded away from may be the one that reads back. */
static void digits_shortest(double x, digits *d) {
  for (int n = 1; n <= 17; n++) {
    digits_significant(x, n, d);
    if (value_of(d) == fabs(x)) break;
    bump(d);
    if (value_of(d) == fabs(x)) break;
  }
  while (d->n > 1 && d->at[d->n - 1] == '0') d->n--;
}

static void add_zeros(tc_sb *sb, int n) {
  for (int i = 0; i < n; i++) tc_sb_char(sb, '0');
}

static void add_digits(tc_sb *sb, const digits *d, int from, int n) {
  for (int i = from; i < from + n; i++) tc_sb_char(sb, i >= 0 && i < d->n ? d->at[i] : '0');
}

static void add_plain(tc_sb *sb, const digits *d, int decimals) {
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

static void add_exponent_form(tc_sb *sb, const digits *d, int n, char letter, bool point) {
  tc_sb_char(sb, d->at[0]);
  if (n > 1 || point) tc_sb_char(sb, '.');
  add_digits(sb, d, 1, n - 1);
  int e = d->point - 1;
  tc_sb_printf(sb, "%c%c%02d", letter, e < 0 ? '-' : '+', e < 0 ? -e : e);
}

static bool add_special(tc_sb *sb, double x, bool upper) {
  if (isnan(x)) return tc_sb_adds(sb, upper ? "NAN" : "nan"), true;
  if (isinf(x)) return tc_sb_adds(sb, upper ? "INF" : "inf"), true;
  return false;
}

void tc_py_float_repr(tc_sb *sb, double x) {
  digits d;
  if (signbit(x) && !isnan(x)) tc_sb_char(sb, '-');
  if (add_special(sb, x, false)) return;
  digits_shortest(x, &d);
  if (x == 0) d.point = 1;
  if (d.point > 16 || d.point < -3) {
    add_exponent_form(sb, &d, d.n, 'e', false);
  } else {
    int decimals = d.n - d.point;
    add_plain(sb, &d, decimals > 0 ? decimals : 1);
  }
}

tc_val tc_py_float_of_text(tc_eval *ev, tc_str text) {
  tc_sb clean = tc_sb_in(ev->arena);
  uint32_t from = 0, to = text.n;
  while (from < to && strchr(" \t\n\r\f\v", text.at[from])) from++;
  while (to > from && strchr(" \t\n\r\f\v", text.at[to - 1])) to--;
  bool seen_digit = false, ok = to > from && to - from < 400, word = false;
  /* The point becomes an exponent, since strtod's depends on the locale. */
  int decimals = -1, exponent = 0;
  uint32_t i = from;
  if (ok && (text.at[i] == '+' || text.at[i] == '-')) tc_sb_char(&clean, text.at[i++]);
  tc_str rest = {text.at + i, to - i};
  static const char *const WORDS[] = {"inf", "infinity", "nan"};
  for (size_t k = 0; k < TC_COUNT(WORDS); k++) {
    bool same = rest.n == strlen(WORDS[k]);
    for (uint32_t c = 0; same && c < rest.n; c++) same = (rest.at[c] | 0x20) == WORDS[k][c];
    if (same) tc_sb_adds(&clean, WORDS[k]), word = true;
  }
  for (; ok && !word && i < to; i++) {
    char c = text.at[i];
    bool between = c == '_' && seen_digit && i + 1 < to && text.at[i + 1] >= '0' &&
                   text.at[i + 1] <= '9' && text.at[i - 1] != '_' && text.at[i - 1] != '.';
    if (between) continue;
    if (c >= '0' && c <= '9') {
      tc_sb_char(&clean, c);
      seen_digit = true;
      decimals += decimals >= 0;
    } else if (c == '.' && decimals < 0) {
      decimals = 0;
    } else if ((c == 'e' || c == 'E') && seen_digit) {
      char *end;
      char *tail = tc_str_dup(ev->arena, (tc_str){text.at + i + 1, to - i - 1});
      long e = strtol(tail, &end, 10);
      ok = end != tail && !*end && *tail != ' ';
      exponent = e > 99999 ? 99999 : e < -99999 ? -99999 : (int)e;
      break;
    } else {
      ok = false;
    }
  }
  if (!ok || (!word && !seen_digit))
    EVAL_FAIL(ev, D_bad_value, tc_eval_here(ev),
              tc_format(ev->arena, "not a float: '%.*s'", TC_ARG_STR(text)));
  if (!word) tc_sb_printf(&clean, "e%d", exponent - (decimals > 0 ? decimals : 0));
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
    tc_sb_add(sb, tc_py_need_text(ev, tc_eval_apply(ev, method, NULL, 0), "the result of __repr__"));
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
  } OPS[] = {{TC_OP_add, "+"},  {TC_OP_sub, "-"}, {TC_OP_mul, "*"}, {TC_OP_floordiv, "//"},
             {TC_OP_floormod, "%"}, {TC_OP_eq, "=="}, {TC_OP_ne, "!="}, {TC_OP_lt, "<"},
             {TC_OP_le, "<="}};
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
  if (v.kind == TC_V_INSTANCE && tc_eval_method(ev, v, "__str__", &method))
    return tc_py_need_text(ev, tc_eval_apply(ev, method, NULL, 0), "the result of __str__");
  return tc_eval_repr(ev, v);
}

/* ---- the format mini-language ---- */

typedef struct spec {
  tc_str fill; /* one character */
  char align, sign, type, group;
  bool alternate, has_precision;
  int width, precision;
} spec;

static bool read_number(tc_str text, uint32_t *at, int *x) {
  uint32_t from = *at;
  *x = 0;
  while (*at < text.n && text.at[*at] >= '0' && text.at[*at] <= '9') {
    if (*x > 100000) return false;
    *x = *x * 10 + (text.at[(*at)++] - '0');
  }
  return *at > from;
}

static bool is_one_of(tc_str text, uint32_t at, const char *set) {
  return at < text.n && text.at[at] && strchr(set, text.at[at]);
}

static bool read_spec(tc_str text, spec *s) {
  uint32_t at = 0;
  *s = (spec){.fill = TC_STR(" ")};
  uint32_t first = tc_py_text_offset(text, 1);
  if (is_one_of(text, first, "<>=^")) {
    s->fill = (tc_str){text.at, first};
    s->align = text.at[first];
    at = first + 1;
  } else if (is_one_of(text, 0, "<>=^")) {
    s->align = text.at[at++];
  }
  if (is_one_of(text, at, "+- ")) s->sign = text.at[at++];
  if (is_one_of(text, at, "#")) s->alternate = true, at++;
  if (is_one_of(text, at, "0")) {
    at++;
    if (!s->align) s->align = '=', s->fill = TC_STR("0");
  }
  read_number(text, &at, &s->width);
  if (is_one_of(text, at, ",_")) s->group = text.at[at++];
  if (is_one_of(text, at, ".")) {
    at++;
    s->has_precision = true;
    if (!read_number(text, &at, &s->precision) || s->precision > 1000) return false;
  }
  if (at < text.n) s->type = text.at[at++];
  return at == text.n && s->width <= 100000;
}

TC_NORETURN static void bad_spec(tc_eval *ev, tc_str text, tc_val v) {
  EVAL_FAIL(ev, D_bad_format, tc_eval_here(ev), tc_str_dup(ev->arena, text), tc_val_kind_name(v));
}

static void add_fill(tc_sb *sb, const spec *s, int n) {
  for (int i = 0; i < n; i++) tc_sb_add(sb, s->fill);
}

/* sign and prefix, padding inside, then the body. */
static tc_str pad(tc_eval *ev, const spec *s, const char *head, tc_str body, char default_align) {
  tc_sb sb = tc_sb_in(ev->arena);
  int room = s->width - (int)strlen(head) - (int)tc_py_text_length(body);
  char align = s->align ? s->align : default_align;
  if (room < 0) room = 0;
  int left = align == '>' ? room : align == '^' ? room / 2 : 0;
  add_fill(&sb, s, left);
  tc_sb_adds(&sb, head);
  if (align == '=') add_fill(&sb, s, room);
  tc_sb_add(&sb, body);
  if (align == '<' || align == '^') add_fill(&sb, s, room - left);
  return tc_sb_str(&sb);
}

/* Separators every `every` digits of the integer part, which is `whole` bytes long; zeros that pad
 * belong to the number and are separated too. */
static tc_str group_digits(tc_eval *ev, const spec *s, const char *head, tc_str body, uint32_t whole,
                           uint32_t every) {
  if (!s->group) return body;
  tc_sb sb = tc_sb_in(ev->arena);
  uint32_t digits_n = whole;
  if (s->align == '=' && tc_str_is(s->fill, "0")) {
    int rest = s->width - (int)strlen(head) - (int)(body.n - whole);
    while (rest > 0 && (int)(digits_n + (digits_n - 1) / every) < rest) digits_n++;
  }
  for (uint32_t i = 0; i < digits_n; i++) {
    uint32_t left = digits_n - i;
    if (i && left % every == 0) tc_sb_char(&sb, s->group);
    tc_sb_char(&sb, i < digits_n - whole ? '0' : body.at[i - (digits_n - whole)]);
  }
  tc_sb_add(&sb, (tc_str){body.at + whole, body.n - whole});
  return tc_sb_str(&sb);
}

static const char *sign_of(const spec *s, bool negative) {
  return negative ? "-" : s->sign == '+' ? "+" : s->sign == ' ' ? " " : "";
}

static tc_str format_int(tc_eval *ev, const spec *s, int64_t x) {
  static const char DIGITS[] = "0123456789abcdef";
  char type = s->type ? s->type : 'd', text[72];
  uint32_t base = type == 'b' ? 2 : type == 'o' ? 8 : type == 'x' || type == 'X' ? 16 : 10;
  uint64_t magnitude = x < 0 ? 0 - (uint64_t)x : (uint64_t)x;
  uint32_t at = sizeof text;
  do {
    char c = DIGITS[magnitude % base];
    text[--at] = type == 'X' && c >= 'a' ? (char)(c - 32) : c;
    magnitude /= base;
  } while (magnitude);
  const char *prefix = !s->alternate || base == 10 ? ""
                       : base == 2                 ? "0b"
                       : base == 8                 ? "0o"
                       : type == 'X'               ? "0X"
                                                   : "0x";
  const char *head = tc_format(ev->arena, "%s%s", sign_of(s, x < 0), prefix);
  tc_str body = {text + at, (uint32_t)sizeof text - at};
  body = group_digits(ev, s, head, body, body.n, base == 10 ? 3 : 4);
  return pad(ev, s, head, body, '>');
}

/* %g: `n` significant digits, shorter when the rest is zeros. */
static void add_general(tc_sb *sb, double x, int n, char letter, bool alternate, bool repr_like) {
  digits d;
  if (n == 0) n = 1;
  digits_significant(x, n, &d);
  int kept = n;
  if (x == 0) d.point = 1;
  if (!alternate)
    while (kept > 1 && d.at[kept - 1] == '0') kept--;
  if (d.point > (repr_like ? n - 1 < 1 ? 1 : n - 1 : n) || d.point < -3) {
    if (kept < 1) kept = 1;
    add_exponent_form(sb, &d, kept, letter, alternate);
  } else {
    int decimals = (alternate ? n : kept) - d.point;
    add_plain(sb, &d, repr_like && decimals < 1 ? 1 : decimals);
    if (alternate && decimals <= 0) tc_sb_char(sb, '.');
  }
}

static void add_float_body(tc_sb *sb, const spec *s, double x) {
  digits d;
  int n = s->has_precision ? s->precision : 6;
  bool upper = s->type == 'E' || s->type == 'F' || s->type == 'G';
  if (add_special(sb, x, upper)) {
    if (s->type == '%') tc_sb_char(sb, '%');
    return;
  }
  if (s->type == 'f' || s->type == 'F' || s->type == '%') {
    digits_fixed(s->type == '%' ? x * 100 : x, n, &d);
    add_plain(sb, &d, n);
    if (s->alternate && !n) tc_sb_char(sb, '.');
    if (s->type == '%') tc_sb_char(sb, '%');
  } else if (s->type == 'e' || s->type == 'E') {
    digits_significant(x, n + 1, &d);
    if (x == 0) d.point = 1;
    add_exponent_form(sb, &d, n + 1, s->type, s->alternate);
  } else if (s->type == 'g' || s->type == 'G' || s->type == 'n') {
    add_general(sb, x, n, s->type == 'G' ? 'E' : 'e', s->alternate, false);
  } else if (s->has_precision) {
    add_general(sb, x, n, 'e', s->alternate, true);
  } else {
    tc_py_float_repr(sb, fabs(x));
  }
}

static tc_str format_float(tc_eval *ev, const spec *s, double x) {
  tc_sb sb = tc_sb_in(ev->arena);
  add_float_body(&sb, s, x);
  const char *head = sign_of(s, signbit(x) && !isnan(x));
  tc_str body = tc_sb_str(&sb);
  uint32_t whole = 0;
  while (whole < body.n && body.at[whole] >= '0' && body.at[whole] <= '9') whole++;
  if (whole) body = group_digits(ev, s, head, body, whole, 3);
  return pad(ev, s, head, body, '>');
}

static tc_str format_str(tc_eval *ev, const spec *s, tc_str text) {
  if (s->has_precision)
    text.n = tc_py_text_offset(text, (uint32_t)s->precision);
  return pad(ev, s, "", text, '<');
}

tc_str tc_py_format_value(tc_eval *ev, tc_val v, tc_str text) {
  spec s;
  tc_py_need_text_of(ev, v);
  if (!text.n) return tc_eval_str(ev, v);
  if (!read_spec(text, &s)) bad_spec(ev, text, v);
  char type = s.type ? s.type : ' ';
  bool is_int = v.kind == TC_V_INT || (v.kind == TC_V_BOOL && s.type);
  if (v.kind == TC_V_ENUM && strchr("dxX", type)) v = tc_val_int(v.enum_->number), is_int = true;
  if (is_int && strchr(" dbxXon", type)) {
    if (s.has_precision || (s.group == ',' && strchr("bxXo", type))) bad_spec(ev, text, v);
    return format_int(ev, &s, v.i);
  }
  if (is_int && strchr("eEfFgG%", type)) return format_float(ev, &s, (double)v.i);
  if (v.kind == TC_V_FLOAT && strchr(" eEfFgGn%", type)) return format_float(ev, &s, v.f);
  bool plain = v.kind == TC_V_STR || v.kind == TC_V_DTYPE || v.kind == TC_V_BOOL;
  if (!plain || !strchr(" s", type) || s.sign || s.alternate || s.group || s.align == '=') {
    if (!(plain && s.align == '=' && tc_str_is(s.fill, "0") && strchr(" s", type)))
      bad_spec(ev, text, v);
    s.align = '<';
  }
  return format_str(ev, &s, tc_eval_str(ev, v));
}

/* ---- str.format ---- */

typedef struct format_cx {
  tc_str text;
  uint32_t at, next; /* next automatic number */
  const tc_val *args;
  uint32_t n;
  const tc_val_dict *named;
} format_cx;

TC_NORETURN static void bad_template(tc_eval *ev, const char *why) {
  EVAL_FAIL(ev, D_bad_value, tc_eval_here(ev), tc_format(ev->arena, "str.format: %s", why));
}

static bool all_digits(tc_str s) {
  for (uint32_t i = 0; i < s.n; i++)
    if (s.at[i] < '0' || s.at[i] > '9') return false;
  return s.n > 0 && s.n < 7;
}

static tc_val field_start(tc_eval *ev, format_cx *cx, tc_str name) {
  tc_val value;
  if (!name.n || all_digits(name)) {
    uint32_t k = name.n ? (uint32_t)atoi(tc_str_dup(ev->arena, name)) : cx->next++;
    if (k >= cx->n) bad_template(ev, "there are not enough arguments");
    return cx->args[k];
  }
  if (!cx->named || !tc_eval_dict_get(ev, cx->named, tc_val_str(ev->arena, name), &value))
    bad_template(ev, tc_format(ev->arena, "no argument '%.*s'", TC_ARG_STR(name)));
  return value;
}

/* name.attribute[item] */
static tc_val field_value(tc_eval *ev, format_cx *cx, tc_str field) {
  uint32_t at = 0;
  while (at < field.n && field.at[at] != '.' && field.at[at] != '[') at++;
  tc_val value = field_start(ev, cx, (tc_str){field.at, at});
  while (at < field.n) {
    bool item = field.at[at++] == '[';
    uint32_t from = at;
    while (at < field.n && (item ? field.at[at] != ']' : field.at[at] != '.' && field.at[at] != '['))
      at++;
    tc_str word = {field.at + from, at - from};
    if (item) {
      if (at >= field.n || !word.n) bad_template(ev, "'[' without an index and ']'");
      at++;
      value = tc_py_get_item(ev, value, all_digits(word)
                                            ? tc_val_int(atoi(tc_str_dup(ev->arena, word)))
                                            : tc_val_str(ev->arena, word));
    } else {
      tc_name name = tc_names_add(ev->names, word);
      tc_val object = value;
      if (!tc_eval_attribute(ev, object, name, &value)) tc_eval_no_attribute(ev, object, name);
    }
  }
  return value;
}

static void format_into(tc_eval *ev, format_cx *cx, tc_sb *sb, tc_str text, int depth);

/* Inside the braces: name, !conversion, :spec with fields of its own. */
static void format_field(tc_eval *ev, format_cx *cx, tc_sb *sb, tc_str field, int depth) {
  uint32_t at = 0;
  while (at < field.n && field.at[at] != ':' && field.at[at] != '!') at++;
  tc_val value = field_value(ev, cx, (tc_str){field.at, at});
  if (at < field.n && field.at[at] == '!') {
    char c = at + 1 < field.n ? field.at[at + 1] : 0;
    if (c != 's' && c != 'r') bad_template(ev, "the conversion is !s or !r");
    tc_py_need_text_of(ev, value);
    value = tc_val_str(ev->arena, c == 'r' ? tc_eval_repr(ev, value) : tc_eval_str(ev, value));
    at += 2;
    if (at < field.n && field.at[at] != ':') bad_template(ev, "':' is expected after a conversion");
  }
  tc_sb spec_text = tc_sb_in(ev->arena);
  if (at < field.n)
    format_into(ev, cx, &spec_text, (tc_str){field.at + at + 1, field.n - at - 1}, depth + 1);
  tc_sb_add(sb, tc_py_format_value(ev, value, tc_sb_str(&spec_text)));
}

static void format_into(tc_eval *ev, format_cx *cx, tc_sb *sb, tc_str text, int depth) {
  if (depth > 2) bad_template(ev, "fields are nested too deep");
  for (uint32_t i = 0; i < text.n; i++) {
    char c = text.at[i];
    bool doubled = i + 1 < text.n && text.at[i + 1] == c;
    if (c != '{' && c != '}') {
      tc_sb_char(sb, c);
    } else if (doubled && depth == 0) {
      tc_sb_char(sb, c);
      i++;
    } else if (c == '}') {
      bad_template(ev, "a single '}'");
    } else {
      uint32_t from = ++i, open = 1;
      for (; i < text.n; i++) {
        open += text.at[i] == '{';
        open -= text.at[i] == '}';
        if (!open) break;
      }
      if (i >= text.n) bad_template(ev, "a '{' that is not closed");
      format_field(ev, cx, sb, (tc_str){text.at + from, i - from}, depth);
    }
  }
}

tc_str tc_py_format_text(tc_eval *ev, tc_str format, const tc_val *args, uint32_t n,
                         const tc_val_dict *named) {
  tc_sb sb = tc_sb_in(ev->arena);
  format_cx cx = {.text = format, .args = args, .n = n, .named = named};
  format_into(ev, &cx, &sb, format, 0);
  return tc_sb_str(&sb);
}

/* ---- text % values ---- */

static tc_str percent_one(tc_eval *ev, spec *s, tc_val v) {
  char type = s->type;
  if (type == 's' || type == 'r') {
    tc_py_need_text_of(ev, v);
    tc_str text = type == 'r' ? tc_eval_repr(ev, v) : tc_eval_str(ev, v);
    if (!s->align) s->align = '>';
    s->fill = TC_STR(" ");
    return format_str(ev, s, text);
  }
  if (!strchr("dixXoeEfFgG", type)) bad_template(ev, "after %: s r d i x X o e f g or %");
  if (strchr("eEfFgG", type)) return format_float(ev, s, tc_py_as_float(ev, v, "the value for %"));
  if (type == 'd' || type == 'i') s->type = 'd';
  if (v.kind == TC_V_FLOAT && s->type == 'd') v = tc_py_int(ev, (tc_val[]){v, {0}});
  s->has_precision = false;
  return format_int(ev, s, tc_py_need_int(ev, v, "the value for %"));
}

/* One conversion after '%': flags, width, precision, type. */
static uint32_t read_percent(tc_str format, uint32_t at, spec *s) {
  *s = (spec){.fill = TC_STR(" ")};
  for (; is_one_of(format, at, "-+ #0"); at++) {
    char c = format.at[at];
    if (c == '-') s->align = '<', s->fill = TC_STR(" ");
    if (c == '+' || (c == ' ' && !s->sign)) s->sign = c;
    if (c == '#') s->alternate = true;
    if (c == '0' && s->align != '<') s->align = '=', s->fill = TC_STR("0");
  }
  read_number(format, &at, &s->width);
  if (is_one_of(format, at, ".")) {
    at++;
    s->has_precision = true;
    read_number(format, &at, &s->precision);
    if (s->precision > 1000) s->precision = 1000;
  }
  s->type = at < format.n ? format.at[at] : ' ';
  return at;
}

tc_str tc_py_percent(tc_eval *ev, tc_str format, tc_val args) {
  tc_sb sb = tc_sb_in(ev->arena);
  const tc_val *items = args.kind == TC_V_TUPLE ? args.seq->items.at : &args;
  uint32_t n = args.kind == TC_V_TUPLE ? args.seq->items.n : 1, next = 0;
  for (uint32_t i = 0; i < format.n; i++) {
    spec s;
    if (format.at[i] != '%') {
      tc_sb_char(&sb, format.at[i]);
      continue;
    }
    i = read_percent(format, i + 1, &s);
    if (s.type == '%') {
      tc_sb_char(&sb, '%');
      continue;
    }
    if (next == n) bad_template(ev, "not enough values for the % conversions");
    tc_sb_add(&sb, percent_one(ev, &s, items[next++]));
  }
  if (next != n) bad_template(ev, "more values than % conversions");
  return tc_sb_str(&sb);
}

/* ---- f-strings ---- */

static tc_str field_text(tc_eval *ev, const tc_ast *field) {
  tc_val v = tc_eval_expr(ev, field->field.value);
  ev->node = field;
  tc_py_need_text_of(ev, v);
  enum tc_ast_conversion conversion = field->field.conversion;
  if (conversion == TC_CONVERSION_STR) v = tc_val_str(ev->arena, tc_eval_str(ev, v));
  if (conversion == TC_CONVERSION_REPR || conversion == TC_CONVERSION_ASCII)
    v = tc_val_str(ev->arena, tc_eval_repr(ev, v));
  tc_str spec_text = {0};
  if (field->field.spec) {
    tc_val s = tc_eval_expr(ev, field->field.spec);
    ev->node = field;
    spec_text = tc_py_need_text(ev, s, "the format");
  }
  return tc_py_format_value(ev, v, spec_text);
}

tc_val tc_eval_fstring(tc_eval *ev, const tc_ast *node) {
  tc_sb sb = tc_sb_in(ev->arena);
  const tc_ast_list *parts = node->fstring.parts;
  for (uint32_t i = 0; i < parts->n; i++) {
    const tc_ast *part = parts->at[i];
    tc_sb_add(&sb, part->kind == TC_AST_STRING ? part->string.value : field_text(ev, part));
  }
  return tc_py_make_text(ev, tc_sb_str(&sb));
}
