/* Checks for test programs without a compiler in them: CHECK(condition), CHECK_TEXT(saw, part). A
 * failed check prints its place and goes on; check_report ends the program. */
#ifndef TESTS_CHECK_KIT_H
#define TESTS_CHECK_KIT_H

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static atomic_int n_passed, n_failed;

#define CHECK(condition)      check_that(condition, #condition, __FILE__, __LINE__)
#define CHECK_TEXT(saw, part) check_text(saw, part, __FILE__, __LINE__)

static inline int check_that(int holds, const char *text, const char *file, int line) {
  if (holds) {
    atomic_fetch_add(&n_passed, 1);
  } else {
    atomic_fetch_add(&n_failed, 1);
    printf("%s:%d: does not hold: %s\n", file, line, text);
  }
  return holds;
}

/* `saw` must contain `part`. */
static inline int check_text(const char *saw, const char *part, const char *file, int line) {
  if (saw && strstr(saw, part)) {
    atomic_fetch_add(&n_passed, 1);
    return 1;
  }
  atomic_fetch_add(&n_failed, 1);
  printf("%s:%d: expected \"%s\" in: %s\n", file, line, part, saw ? saw : "(null)");
  return 0;
}

static inline int check_report(void) {
  printf("%d passed, %d failed\n", atomic_load(&n_passed), atomic_load(&n_failed));
  return atomic_load(&n_failed) != 0;
}

#endif
