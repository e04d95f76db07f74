/* Two objects in one program have one pool of threads, and may be called by many threads at once;
 * each thread has its own error text. The argument is how many threads there should be in the end.
 */
#define _DEFAULT_SOURCE
#include "gemm.h"
#include "two_steps.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N = 500, SIDE = 96, CALLERS = 4 };

static int count_threads(void) {
  int n = 0;
  DIR *tasks = opendir("/proc/self/task");
  if (!tasks) return -1;
  for (struct dirent *d; (d = readdir(tasks));)
    n += d->d_name[0] != '.';
  closedir(tasks);
  return n;
}

static int run_both(void) {
  static float ones[SIDE * SIDE];
  float *x = calloc(N, sizeof *x), *y = calloc(N, sizeof *y), *c = calloc(SIDE * SIDE, sizeof *c);
  int bad = !x || !y || !c;
  for (int i = 0; i < 20 && !bad; i++) {
    bad = two_steps_raw(x, y, N) || gemm_raw(ones, ones + 1, c, SIDE, SIDE, SIDE - 1);
    bad = bad || y[0] != 1 || y[N - 1] != 1 || c[5] != 0;
  }
  free(x), free(y), free(c);
  return bad;
}

static void *caller(void *data) {
  const int *shape = data;
  float x[4];
  long bad = 0;
  for (int i = 0; i < 200; i++) {
    char wanted[32];
    const int64_t n[] = {*shape, *shape + 1};
    tilec_aot_tensor t = tilec_aot_tensor_of(x, TILEC_AOT_FLOAT32, 2, n);
    snprintf(wanted, sizeof wanted, "shape [%d, %d]", *shape, *shape + 1);
    bad |= gemm(&t, &t, &t) != 634 || !strstr(gemm_error(), wanted);
    if (i % 50 == 0) bad |= run_both();
  }
  return bad ? data : NULL;
}

int main(int argc, char **argv) {
  pthread_t threads[CALLERS];
  int shapes[CALLERS], bad = run_both();
  for (int i = 0; i < CALLERS; i++)
    shapes[i] = i + 2, pthread_create(&threads[i], NULL, caller, &shapes[i]);
  for (int i = 0; i < CALLERS; i++) {
    void *result;
    pthread_join(threads[i], &result);
    bad |= result != NULL;
  }
  if (bad) puts("wrong results or texts");
  int n = count_threads();
  if (argc > 1 && n != atoi(argv[1])) bad = 1, printf("%d threads, expected %s\n", n, argv[1]);
  pid_t child = fork(); /* has no threads but its own */
  if (child == 0) _exit(run_both());
  int status = 1;
  waitpid(child, &status, 0);
  if (status) bad = 1, puts("wrong in a child of fork()");
  return bad;
}
