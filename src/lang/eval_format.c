/* Text with fields: Python's format mini-language, str.format, % and f-strings. */
#include "lang/eval_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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
  for (int i = 0; i < n; i++)
    tc_sb_add(sb, s->fill);
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
static tc_str group_digits(tc_eval *ev, const spec *s, const char *head, tc_str body,
                           uint32_t whole, uint32_t every) {
  if (!s->group) return body;
  tc_sb sb = tc_sb_in(ev->arena);
  uint32_t digits_n = whole;
  if (s->align == '=' && tc_str_is(s->fill, "0")) {
    int rest = s->width - (int)strlen(head) - (int)(body.n - whole);
    while (rest > 0 && (int)(digits_n + (digits_n - 1) / every) < rest)
      digits_n++;
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
  tc_digits d;
  if (n == 0) n = 1;
  tc_digits_significant(x, n, &d);
  int kept = n;
  if (x == 0) d.point = 1;
  if (!alternate)
    while (kept > 1 && d.at[kept - 1] == '0')
      kept--;
  if (d.point > (repr_like ? n - 1 < 1 ? 1 : n - 1 : n) || d.point < -3) {
    if (kept < 1) kept = 1;
    tc_digits_exponent(sb, &d, kept, letter, alternate);
  } else {
    int decimals = (alternate ? n : kept) - d.point;
    tc_digits_plain(sb, &d, repr_like && decimals < 1 ? 1 : decimals);
    if (alternate && decimals <= 0) tc_sb_char(sb, '.');
  }
}

static void add_float_body(tc_sb *sb, const spec *s, double x) {
  tc_digits d;
  int n = s->has_precision ? s->precision : 6;
  bool upper = s->type == 'E' || s->type == 'F' || s->type == 'G';
  if (tc_digits_special(sb, x, upper)) {
    if (s->type == '%') tc_sb_char(sb, '%');
    return;
  }
  if (s->type == 'f' || s->type == 'F' || s->type == '%') {
    tc_digits_fixed(s->type == '%' ? x * 100 : x, n, &d);
    tc_digits_plain(sb, &d, n);
    if (s->alternate && !n) tc_sb_char(sb, '.');
    if (s->type == '%') tc_sb_char(sb, '%');
  } else if (s->type == 'e' || s->type == 'E') {
    tc_digits_significant(x, n + 1, &d);
    if (x == 0) d.point = 1;
    tc_digits_exponent(sb, &d, n + 1, s->type, s->alternate);
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
  while (whole < body.n && body.at[whole] >= '0' && body.at[whole] <= '9')
    whole++;
  if (whole) body = group_digits(ev, s, head, body, whole, 3);
  return pad(ev, s, head, body, '>');
}

static tc_str format_str(tc_eval *ev, const spec *s, tc_str text) {
  if (s->has_precision) text.n = tc_py_text_offset(text, (uint32_t)s->precision);
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
  while (at < field.n && field.at[at] != '.' && field.at[at] != '[')
    at++;
  tc_val value = field_start(ev, cx, (tc_str){field.at, at});
  while (at < field.n) {
    bool item = field.at[at++] == '[';
    uint32_t from = at;
    while (at < field.n
           && (item ? field.at[at] != ']' : field.at[at] != '.' && field.at[at] != '['))
      at++;
    tc_str word = {field.at + from, at - from};
    if (item) {
      if (at >= field.n || !word.n) bad_template(ev, "'[' without an index and ']'");
      at++;
      value = tc_py_get_item(ev, value,
                             all_digits(word) ? tc_val_int(atoi(tc_str_dup(ev->arena, word)))
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
  while (at < field.n && field.at[at] != ':' && field.at[at] != '!')
    at++;
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
