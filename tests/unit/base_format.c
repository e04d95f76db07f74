/* Our vsnprintf gives what the C library's does, cut off anywhere. */
#include "base/format.h"

#include "check_kit.h"

#include <inttypes.h>
#include <limits.h>

static void same(const char *fmt, ...) TC_PRINTF(1, 2);
static void same(const char *fmt, ...) {
  char ours[160], theirs[160];
  va_list args;
  for (size_t room = 0; room <= sizeof ours; room += room < 40 ? 1 : 40) {
    memset(ours, '#', sizeof ours);
    memset(theirs, '#', sizeof theirs);
    va_start(args, fmt);
    int m = tc_vsnprintf(room ? ours : NULL, room, fmt, args);
    va_end(args);
    va_start(args, fmt);
    int n = vsnprintf(room ? theirs : NULL, room, fmt, args);
    va_end(args);
    if (!CHECK(m == n && memcmp(ours, theirs, sizeof ours) == 0))
      printf("'%s' in %zu bytes: %d '%.40s', expected %d '%.40s'\n", fmt, room, m, ours, n, theirs);
  }
}

static void texts(void) {
  const char open[3] = {'a', 'b', 'c'}; /* without an end */
  same("nothing in it");
  same("%s", "");
  same("%s and %s, %%", "one", "another that is longer than forty bytes, as some are");
  same("%.*s|%.*s|%.*s", 3, open, 0, open, -1, "whole");
  same("%.*s", 9, "short");
  same("%c%c", 'x', '%');
  same("%c", 0);
}

static void numbers(void) {
  static const int64_t SOME[] = {
      0,       1,        -1,        9,         10,    -10,        INT_MAX,
      INT_MIN, UINT_MAX, INT64_MAX, INT64_MIN, 99999, 1000000007, -123456789012345};
  for (size_t i = 0; i < sizeof SOME / sizeof *SOME; i++) {
    int64_t x = SOME[i];
    same("%d %u", (int)x, (unsigned)x);
    same("%ld,%lu", (long)x, (unsigned long)x);
    same("%lld;%llu", (long long)x, (unsigned long long)x);
    same("%zu %" PRId64 " %" PRIu64, (size_t)x, x, (uint64_t)x);
  }
}

/* What is left to the C library, also behind what is not. */
static void others(void) {
  same("%d %5d %-5s|", 3, 4, "a");
  same("%s %08x %02u", "tc", 255u, 7u);
  same("%.3f %g %s", 1.5, 1e300, "end");
  same("%d %*s %.*g", 1, 6, "right", 3, 2.0 / 3);
  same("%p", (void *)0);
  same("%ls", L"wide");
}

int main(void) {
  texts();
  numbers();
  others();
  return check_report();
}
