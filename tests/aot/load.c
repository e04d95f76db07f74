/* Libraries made by `tilec build`, loaded one by one and invisible to each other, have one pool of
 * threads; closing them leaves its threads alone. Arguments: two libraries, how many threads there
 * should be in the end. */
#define _DEFAULT_SOURCE
#include "gemm.h"
#include "two_steps.h"

#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { N = 500, SIDE = 96 };

typedef int gemm_fn(uint32_t abi, const float *A, const float *B, float *C, int64_t M, int64_t N_,
                    int64_t K);
typedef int two_steps_fn(uint32_t abi, const float *X, float *Y, int64_t N_);

static int count_threads(void) {
  int n = 0;
  DIR *tasks = opendir("/proc/self/task");
  for (struct dirent *d; tasks && (d = readdir(tasks));)
    n += d->d_name[0] != '.';
  if (tasks) closedir(tasks);
  return n;
}

static void *load(const char *path, const char *name, void *function) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  void *symbol = library ? dlsym(library, name) : NULL;
  if (!symbol) {
    fprintf(stderr, "%s\n", dlerror());
    exit(1);
  }
  memcpy(function, &symbol, sizeof symbol);
  return library;
}

int main(int argc, char **argv) {
  static float x[N], y[N], a[SIDE * SIDE], c[SIDE * SIDE];
  gemm_fn *call_gemm;
  two_steps_fn *call_two_steps;
  if (argc != 4) return 2;
  void *first = load(argv[1], "gemm_raw_call", &call_gemm);
  void *second = load(argv[2], "two_steps_raw_call", &call_two_steps);
  int bad = call_two_steps(TWO_STEPS_ABI, x, y, N) || y[7] != 1;
  bad |= call_gemm(GEMM_ABI, a, a, c, SIDE, SIDE, SIDE);
  if (bad) puts("wrong results");
  int n = count_threads();
  if (n != atoi(argv[3])) bad = 1, printf("%d threads, expected %s\n", n, argv[3]);
  dlclose(second);
  dlclose(first);
  usleep(20000); /* the idle threads would fall over here */
  return bad || count_threads() != n;
}
