#include "pass/dump.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { TRIES = 16 };

/* A new file beside `path`; other processes may be writing the same one. */
static FILE *create_beside(char temporary[TC_DUMP_PATH_B + 8], const char *path) {
  for (int i = 0; i < TRIES; i++) {
    snprintf(temporary, TC_DUMP_PATH_B + 8, "%s.tmp%d", path, i);
    FILE *file = fopen(temporary, "wbx");
    if (file || errno != EEXIST) return file;
  }
  return NULL;
}

static const char *system_reason(void) {
  return errno ? strerror(errno) : "unknown error";
}

const char *tc_dump_write(char path[TC_DUMP_PATH_B], const char *directory, const char *name,
                          tc_str text) {
  char temporary[TC_DUMP_PATH_B + 8];
  int n = snprintf(path, TC_DUMP_PATH_B, "%s/%s", directory, name);
  if (n < 0 || n >= TC_DUMP_PATH_B) return "the path is too long";
  errno = 0;
  FILE *file = create_beside(temporary, path);
  if (!file) return system_reason();
  bool ok = fwrite(text.at, 1, text.n, file) == text.n;
  ok = fclose(file) == 0 && ok;
  if (ok && rename(temporary, path) == 0) return NULL;
  const char *why = system_reason();
  remove(temporary);
  return why;
}
