#include "base/format.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef struct sink {
  char *at;
  size_t room, n; /* room for text, without the NUL; n may be more */
} sink;

static void put(sink *s, const char *text, size_t n) {
  if (s->n < s->room) {
    size_t left = s->room - s->n;
    memcpy(s->at + s->n, text, n < left ? n : left);
  }
  s->n += n;
}

static void put_number(sink *s, uint64_t x, bool minus) {
  char digits[24];
  size_t at = sizeof digits;
  do {
    digits[--at] = (char)('0' + x % 10);
    x /= 10;
  } while (x);
  if (minus) digits[--at] = '-';
  put(s, digits + at, sizeof digits - at);
}

static void put_signed(sink *s, int64_t x) {
  put_number(s, x < 0 ? 0 - (uint64_t)x : (uint64_t)x, x < 0);
}

static void put_text(sink *s, const char *text, int most) {
  if (!text) text = "(null)";
  const char *end = most < 0 ? NULL : memchr(text, 0, (size_t)most);
  put(s, text, end ? (size_t)(end - text) : most < 0 ? strlen(text) : (size_t)most);
}

/* The length modifier at *fmt: 0, 1 for l, 2 for ll, 3 for z. */
static int length_at(const char **fmt) {
  int length = 0;
  while (**fmt == 'l' && length < 2)
    length++, (*fmt)++;
  if (!length && **fmt == 'z') length = 3, (*fmt)++;
  return length;
}

static int64_t signed_arg(va_list *args, int length) {
  if (length == 0) return va_arg(*args, int);
  if (length == 1) return va_arg(*args, long);
  if (length == 2) return va_arg(*args, long long);
  return (int64_t)va_arg(*args, size_t);
}

static uint64_t unsigned_arg(va_list *args, int length) {
  if (length == 0) return va_arg(*args, unsigned);
  if (length == 1) return va_arg(*args, unsigned long);
  if (length == 2) return va_arg(*args, unsigned long long);
  return va_arg(*args, size_t);
}

/* One directive, behind its percent sign. False: it is not one of those that are known here. */
static bool directive(sink *s, const char **fmt, va_list *args) {
  if (strncmp(*fmt, ".*s", 3) == 0) {
    int most = va_arg(*args, int);
    put_text(s, va_arg(*args, const char *), most);
    *fmt += 3;
    return true;
  }
  int length = length_at(fmt);
  char kind = *(*fmt)++, c;
  switch (kind) {
  case 'd':
    return put_signed(s, signed_arg(args, length)), true;
  case 'u':
    return put_number(s, unsigned_arg(args, length), false), true;
  case 's':
    if (!length) put_text(s, va_arg(*args, const char *), -1);
    return !length;
  case 'c':
    if (length) return false;
    c = (char)va_arg(*args, int);
    return put(s, &c, 1), true;
  case '%':
    return put(s, "%", 1), !length;
  default:
    return false;
  }
}

/* The length of the text, or -1: there is something else in the format. */
static int print(char *out, size_t room, const char *fmt, va_list *args) {
  sink s = {out, room ? room - 1 : 0, 0};
  for (;;) {
    const char *percent = strchr(fmt, '%');
    put(&s, fmt, percent ? (size_t)(percent - fmt) : strlen(fmt));
    if (!percent) break;
    fmt = percent + 1;
    if (!directive(&s, &fmt, args)) return -1;
  }
  if (room) out[s.n < s.room ? s.n : s.room] = 0;
  return s.n <= INT_MAX ? (int)s.n : -1;
}

int tc_vsnprintf(char *out, size_t room, const char *fmt, va_list args) {
  va_list some;
  va_copy(some, args);
  int n = print(out, room, fmt, &some);
  va_end(some);
  return n >= 0 ? n : vsnprintf(out, room, fmt, args);
}
