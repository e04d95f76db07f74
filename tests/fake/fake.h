/* Where the libraries of tests/fake lie: beside the folder of the test program. */
#ifndef TESTS_FAKE_FAKE_H
#define TESTS_FAKE_FAKE_H

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* BUILD/tests/fake/NAME.so in `path`, which has room for size_b bytes. */
static inline const char *fake_path(const char *name, char *path, size_t size_b) {
  char self[1024];
  ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
  self[n > 0 ? n : 0] = 0;
  for (int up = 0; up < 2; up++) {
    char *slash = strrchr(self, '/');
    if (slash) *slash = 0;
  }
  snprintf(path, size_b, "%s/fake/%s.so", self, name);
  return path;
}

#endif
