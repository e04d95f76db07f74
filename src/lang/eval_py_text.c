/* Methods of str. Text is UTF-8; case and character classes are those of ASCII, other characters
 * count as letters that have no case. */
#include "lang/eval_private.h"

#include <string.h>

static tc_str self_of(tc_eval *ev, const tc_val *a) {
  return tc_py_need_text(ev, a[0], "the receiver");
}

static tc_str slice(tc_str s, uint32_t from, uint32_t to) {
  return (tc_str){s.at + from, to - from};
}

static bool is_blank(char c) {
  return c && strchr(" \t\n\r\v\f", c);
}
static bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
static bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
static bool is_alpha(char c) {
  return is_upper(c) || is_lower(c) || (unsigned char)c >= 0x80;
}
static bool is_alnum(char c) {
  return is_alpha(c) || is_digit(c);
}

/* ---- searching ---- */

int64_t tc_py_find_text(tc_eval *ev, tc_str text, tc_str part, uint32_t from) {
  if (part.n > text.n) return -1;
  if (!part.n) return from <= text.n ? (int64_t)from : -1;
  for (uint32_t i = from; i + part.n <= text.n; i++) {
    const char *hit = memchr(text.at + i, part.at[0], text.n - part.n - i + 1);
    if (!hit) return -1;
    i = (uint32_t)(hit - text.at);
    tc_eval_spend(ev, 1 + part.n / 64);
    if (memcmp(hit, part.at, part.n) == 0) return i;
  }
  return -1;
}

static int64_t char_index(tc_str text, int64_t byte) {
  return byte < 0 ? -1 : (int64_t)tc_py_text_length(slice(text, 0, (uint32_t)byte));
}

tc_val tc_py_str_find(tc_eval *ev, const tc_val *a) {
  tc_str text = self_of(ev, a);
  return tc_val_int(
      char_index(text, tc_py_find_text(ev, text, tc_py_need_text(ev, a[1], "the text sought"), 0)));
}

tc_val tc_py_str_rfind(tc_eval *ev, const tc_val *a) {
  tc_str text = self_of(ev, a), part = tc_py_need_text(ev, a[1], "the text sought");
  int64_t last = part.n ? -1 : (int64_t)text.n;
  for (int64_t at = 0; part.n && (at = tc_py_find_text(ev, text, part, (uint32_t)at)) >= 0; at++)
    last = at;
  return tc_val_int(char_index(text, last));
}

tc_val tc_py_str_index(tc_eval *ev, const tc_val *a) {
  tc_val at = tc_py_str_find(ev, a);
  if (at.i < 0) EVAL_FAIL(ev, D_bad_value, tc_eval_here(ev), "the text sought does not occur");
  return at;
}

tc_val tc_py_str_count(tc_eval *ev, const tc_val *a) {
  tc_str text = self_of(ev, a), part = tc_py_need_text(ev, a[1], "the text sought");
  int64_t n = 0, at = 0;
  if (!part.n) return tc_val_int((int64_t)tc_py_text_length(text) + 1);
  for (; (at = tc_py_find_text(ev, text, part, (uint32_t)at)) >= 0; at += part.n)
    n++;
  return tc_val_int(n);
}

static bool has_end(tc_str text, tc_str part, bool front) {
  return part.n <= text.n
         && memcmp(front ? text.at : text.at + text.n - part.n, part.at, part.n) == 0;
}

static tc_val test_end(tc_eval *ev, const tc_val *a, bool front) {
  tc_str text = self_of(ev, a);
  const tc_val *parts = &a[1];
  uint32_t n = 1;
  if (a[1].kind == TC_V_TUPLE) tc_py_need_items(ev, a[1], &parts, &n);
  for (uint32_t i = 0; i < n; i++)
    if (has_end(text, tc_py_need_text(ev, parts[i], "the text sought"), front))
      return tc_val_bool(true);
  return tc_val_bool(false);
}

tc_val tc_py_str_startswith(tc_eval *ev, const tc_val *a) {
  return test_end(ev, a, true);
}
tc_val tc_py_str_endswith(tc_eval *ev, const tc_val *a) {
  return test_end(ev, a, false);
}

tc_val tc_py_str_removeprefix(tc_eval *ev, const tc_val *a) {
  tc_str text = self_of(ev, a), part = tc_py_need_text(ev, a[1], "the prefix");
  return tc_py_make_text(ev, has_end(text, part, true) ? slice(text, part.n, text.n) : text);
}

tc_val tc_py_str_removesuffix(tc_eval *ev, const tc_val *a) {
  tc_str text = self_of(ev, a), part = tc_py_need_text(ev, a[1], "the suffix");
  return tc_py_make_text(ev, has_end(text, part, false) ? slice(text, 0, text.n - part.n) : text);
}

/* ---- joining and cutting ---- */

tc_val tc_py_str_join(tc_eval *ev, const tc_val *a) {
  tc_str between = self_of(ev, a);
  const tc_val *items;
  uint32_t n;
  tc_sb sb = tc_sb_in(ev->arena);
  tc_py_need_items(ev, a[1], &items, &n);
  for (uint32_t i = 0; i < n; i++) {
    if (i) tc_sb_add(&sb, between);
    tc_str item = tc_py_need_text(ev, items[i], "an item of join()");
    tc_py_check_size(ev, "the str", (int64_t)sb.n + item.n + between.n, true);
    tc_sb_add(&sb, item);
  }
  return tc_py_make_text(ev, tc_sb_str(&sb));
}

tc_val tc_py_str_format(tc_eval *ev, const tc_val *a) {
  const tc_val_seq *args = a[1].seq;
  return tc_py_make_text(
      ev, tc_py_format_text(ev, self_of(ev, a), args->items.at, args->items.n, a[2].dict));
}

static void add_part(tc_eval *ev, tc_val list, tc_str part) {
  tc_py_list_append(ev, (tc_val[]){list, tc_py_make_text(ev, part)});
}

static void split_blanks(tc_eval *ev, tc_val list, tc_str text, int64_t most) {
  uint32_t at = 0;
  for (;;) {
    while (at < text.n && is_blank(text.at[at]))
      at++;
    if (at >= text.n) return;
    uint32_t from = at;
    while (at < text.n && (most == 0 || !is_blank(text.at[at])))
      at++;
    add_part(ev, list, slice(text, from, at));
    if (most-- == 0) return;
  }
}

tc_val tc_py_str_split(tc_eval *ev, const tc_val *a) {
  tc_str text = self_of(ev, a);
  tc_val list = tc_py_make_list(ev, NULL, 0);
  int64_t most = tc_py_need_int(ev, a[2], "maxsplit"), hit;
  if (a[1].kind == TC_V_NONE) {
    split_blanks(ev, list, text, most);
    return list;
  }
  tc_str sep = tc_py_need_text(ev, a[1], "the separator");
  if (!sep.n) EVAL_FAIL(ev, D_bad_value, tc_eval_here(ev), "the separator is empty");
  uint32_t from = 0;
  while (most-- != 0 && (hit = tc_py_find_text(ev, text, sep, from)) >= 0) {
    add_part(ev, list, slice(text, from, (uint32_t)hit));
    from = (uint32_t)hit + sep.n;
  }
  add_part(ev, list, slice(text, from, text.n));
  return list;
}

/* From the right: split everywhere, then join again what exceeds maxsplit. */
tc_val tc_py_str_rsplit(tc_eval *ev, const tc_val *a) {
  tc_str text = self_of(ev, a);
  tc_val all = tc_py_str_split(ev, (tc_val[]){a[0], a[1], tc_val_int(-1)});
  int64_t most = tc_py_need_int(ev, a[2], "maxsplit"), n = all.seq->items.n;
  if (most < 0 || n - 1 <= most) return all;
  tc_val list = tc_py_make_list(ev, NULL, 0);
  const tc_val *items = all.seq->items.at;
  uint32_t rest = text.n, sep = 1;
  if (a[1].kind == TC_V_NONE)
    while (rest && is_blank(text.at[rest - 1]))
      rest--;
  else
    sep = tc_py_need_text(ev, a[1], "the separator").n;
  for (int64_t i = 0; i < most; i++) {
    rest -= items[n - 1 - i].str->text.n;
    if (a[1].kind != TC_V_NONE)
      rest -= sep;
    else
      while (rest && is_blank(text.at[rest - 1]))
        rest--;
  }
  add_part(ev, list, slice(text, 0, rest));
  for (int64_t i = n - most; i < n; i++)
    tc_py_list_append(ev, (tc_val[]){list, items[i]});
  return list;
}

tc_val tc_py_str_splitlines(tc_eval *ev, const tc_val *a) {
  tc_str text = self_of(ev, a);
  tc_val list = tc_py_make_list(ev, NULL, 0);
  for (uint32_t at = 0; at < text.n;) {
    uint32_t from = at;
    while (at < text.n && text.at[at] != '\n' && text.at[at] != '\r')
      at++;
    add_part(ev, list, slice(text, from, at));
    at += at + 1 < text.n && text.at[at] == '\r' && text.at[at + 1] == '\n' ? 2 : 1;
  }
  return list;
}

tc_val tc_py_str_partition(tc_eval *ev, const tc_val *a) {
  tc_str text = self_of(ev, a), sep = tc_py_need_text(ev, a[1], "the separator");
  if (!sep.n) EVAL_FAIL(ev, D_bad_value, tc_eval_here(ev), "the separator is empty");
  int64_t hit = tc_py_find_text(ev, text, sep, 0);
  uint32_t at = hit < 0 ? text.n : (uint32_t)hit, after = hit < 0 ? text.n : at + sep.n;
  tc_val parts[] = {tc_py_make_text(ev, slice(text, 0, at)),
                    tc_py_make_text(ev, slice(text, at, after)),
                    tc_py_make_text(ev, slice(text, after, text.n))};
  return tc_py_make_tuple(ev, parts, 3);
}

tc_val tc_py_str_replace(tc_eval *ev, const tc_val *a) {
  tc_str text = self_of(ev, a), old = tc_py_need_text(ev, a[1], "the old text");
  tc_str with = tc_py_need_text(ev, a[2], "the new text");
  int64_t most = tc_py_need_int(ev, a[3], "the count");
  tc_sb sb = tc_sb_in(ev->arena);
  uint32_t at = 0;
  while (most-- != 0) {
    int64_t hit = tc_py_find_text(ev, text, old, at);
    if (hit < 0) break;
    tc_py_check_size(ev, "the str", (int64_t)sb.n + with.n + text.n, true);
    tc_sb_add(&sb, slice(text, at, (uint32_t)hit));
    tc_sb_add(&sb, with);
    at = (uint32_t)hit + old.n;
    if (old.n) continue;
    /* The empty text stands before every character and at the end. */
    if (at >= text.n) break;
    uint32_t next = at + tc_py_text_offset(slice(text, at, text.n), 1);
    tc_sb_add(&sb, slice(text, at, next));
    at = next;
  }
  tc_sb_add(&sb, slice(text, at, text.n));
  return tc_py_make_text(ev, tc_sb_str(&sb));
}

static tc_val strip(tc_eval *ev, const tc_val *a, bool left, bool right) {
  tc_str text = self_of(ev, a), chars = TC_STR(" \t\n\r\v\f");
  if (a[1].kind != TC_V_NONE) chars = tc_py_need_text(ev, a[1], "the characters");
  uint32_t from = 0, to = text.n;
  while (left && from < to && memchr(chars.at, text.at[from], chars.n))
    from++;
  while (right && to > from && memchr(chars.at, text.at[to - 1], chars.n))
    to--;
  return tc_py_make_text(ev, slice(text, from, to));
}

tc_val tc_py_str_strip(tc_eval *ev, const tc_val *a) {
  return strip(ev, a, true, true);
}
tc_val tc_py_str_lstrip(tc_eval *ev, const tc_val *a) {
  return strip(ev, a, true, false);
}
tc_val tc_py_str_rstrip(tc_eval *ev, const tc_val *a) {
  return strip(ev, a, false, true);
}

/* ---- case ---- */

enum letter_case { UPPER, LOWER, TITLE, CAPITAL };

static tc_val with_case(tc_eval *ev, const tc_val *a, enum letter_case how) {
  tc_val copy = tc_py_make_text(ev, self_of(ev, a));
  tc_str text = copy.str->text;
  char *at = tc_str_dup(ev->arena, text);
  bool inside = false; /* a word */
  for (uint32_t i = 0; i < text.n; i++) {
    bool up = how == UPPER || (how == TITLE && !inside) || (how == CAPITAL && i == 0);
    inside = is_alpha(at[i]);
    if (up && is_lower(at[i]))
      at[i] = (char)(at[i] - 32);
    else if (!up && is_upper(at[i]))
      at[i] = (char)(at[i] + 32);
  }
  return tc_py_make_text(ev, (tc_str){at, text.n});
}

tc_val tc_py_str_upper(tc_eval *ev, const tc_val *a) {
  return with_case(ev, a, UPPER);
}
tc_val tc_py_str_lower(tc_eval *ev, const tc_val *a) {
  return with_case(ev, a, LOWER);
}
tc_val tc_py_str_title(tc_eval *ev, const tc_val *a) {
  return with_case(ev, a, TITLE);
}
tc_val tc_py_str_capitalize(tc_eval *ev, const tc_val *a) {
  return with_case(ev, a, CAPITAL);
}

/* ---- character classes ---- */

static tc_val all_are(tc_eval *ev, const tc_val *a, bool (*is)(char)) {
  tc_str text = self_of(ev, a);
  for (uint32_t i = 0; i < text.n; i++)
    if (!is(text.at[i])) return tc_val_bool(false);
  return tc_val_bool(text.n > 0);
}

tc_val tc_py_str_isdigit(tc_eval *ev, const tc_val *a) {
  return all_are(ev, a, is_digit);
}
tc_val tc_py_str_isalpha(tc_eval *ev, const tc_val *a) {
  return all_are(ev, a, is_alpha);
}
tc_val tc_py_str_isalnum(tc_eval *ev, const tc_val *a) {
  return all_are(ev, a, is_alnum);
}
tc_val tc_py_str_isspace(tc_eval *ev, const tc_val *a) {
  return all_are(ev, a, is_blank);
}

static tc_val cased(tc_eval *ev, const tc_val *a, bool (*wanted)(char), bool (*other)(char)) {
  tc_str text = self_of(ev, a);
  bool some = false;
  for (uint32_t i = 0; i < text.n; i++) {
    if (other(text.at[i])) return tc_val_bool(false);
    some = some || wanted(text.at[i]);
  }
  return tc_val_bool(some);
}

tc_val tc_py_str_isupper(tc_eval *ev, const tc_val *a) {
  return cased(ev, a, is_upper, is_lower);
}
tc_val tc_py_str_islower(tc_eval *ev, const tc_val *a) {
  return cased(ev, a, is_lower, is_upper);
}

/* ---- padding ---- */

static tc_val pad(tc_eval *ev, const tc_val *a, char align) {
  tc_str text = self_of(ev, a), fill = tc_py_need_text(ev, a[2], "the fill character");
  int64_t n = tc_py_text_length(text), room = tc_py_need_int(ev, a[1], "the width") - n;
  if (tc_py_text_length(fill) != 1)
    EVAL_FAIL(ev, D_bad_value, tc_eval_here(ev), "the fill is one character");
  if (room <= 0) return a[0].kind == TC_V_STR ? a[0] : tc_py_make_text(ev, text);
  if (room > EVAL_MAX_TEXT_B) tc_py_check_size(ev, "the str", room, true);
  /* An odd rest goes where CPython puts it. */
  int64_t left = align == '>' ? room : align == '<' ? 0 : room / 2 + (room & (n + room) & 1);
  tc_sb sb = tc_sb_in(ev->arena);
  for (int64_t i = 0; i < left; i++)
    tc_sb_add(&sb, fill);
  tc_sb_add(&sb, text);
  for (int64_t i = left; i < room; i++)
    tc_sb_add(&sb, fill);
  return tc_py_make_text(ev, tc_sb_str(&sb));
}

tc_val tc_py_str_ljust(tc_eval *ev, const tc_val *a) {
  return pad(ev, a, '<');
}
tc_val tc_py_str_rjust(tc_eval *ev, const tc_val *a) {
  return pad(ev, a, '>');
}
tc_val tc_py_str_center(tc_eval *ev, const tc_val *a) {
  return pad(ev, a, '^');
}

tc_val tc_py_str_zfill(tc_eval *ev, const tc_val *a) {
  tc_str text = self_of(ev, a);
  bool sign = text.n && (text.at[0] == '-' || text.at[0] == '+');
  tc_str digits = slice(text, sign ? 1 : 0, text.n);
  int64_t width = tc_py_need_int(ev, a[1], "the width");
  tc_val args[] = {tc_py_make_text(ev, digits), tc_val_int(width - (sign ? width > INT64_MIN : 0)),
                   tc_val_str(ev->arena, TC_STR("0"))};
  tc_val padded = pad(ev, args, '>');
  if (!sign) return padded;
  tc_sb sb = tc_sb_in(ev->arena);
  tc_sb_char(&sb, text.at[0]);
  tc_sb_add(&sb, padded.str->text);
  return tc_py_make_text(ev, tc_sb_str(&sb));
}

/* ---- characters and numbers ---- */

tc_val tc_py_ord(tc_eval *ev, const tc_val *a) {
  tc_str text = tc_py_need_text(ev, a[0], "the argument of ord()");
  if (tc_py_text_length(text) != 1)
    EVAL_FAIL(ev, D_bad_value, tc_eval_here(ev), "ord() takes one character");
  unsigned char first = (unsigned char)text.at[0];
  int64_t c = first < 0x80   ? first
              : first < 0xE0 ? first & 0x1F
              : first < 0xF0 ? first & 0x0F
                             : first & 0x07;
  for (uint32_t i = 1; i < text.n; i++)
    c = c << 6 | ((unsigned char)text.at[i] & 0x3F);
  return tc_val_int(c);
}

tc_val tc_py_chr(tc_eval *ev, const tc_val *a) {
  int64_t c = tc_py_need_int(ev, a[0], "the argument of chr()");
  char text[4];
  uint32_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  if (c < 0 || c > 0x10FFFF)
    EVAL_FAIL(ev, D_bad_value, tc_eval_here(ev), "chr() takes a number from 0 to 0x10ffff");
  static const unsigned char FIRST[] = {0, 0, 0xC0, 0xE0, 0xF0};
  for (uint32_t i = n; i-- > 1; c >>= 6)
    text[i] = (char)(0x80 | (c & 0x3F));
  text[0] = (char)(FIRST[n] | c);
  return tc_py_make_text(ev, (tc_str){text, n});
}
