/* Many threads on one context: programs, kernels and launches at once, on both targets, with one
 * kernel shared by all and a T.print callback that launches. */
#include "api/kernels.h"

#include <pthread.h>
#include <unistd.h>

enum { N_THREADS = 8, N_ROUNDS = 40 };

static const char PRINTS[] = "import tilec\n"
                             "import tilec.language as T\n"
                             "@tilec.jit\n"
                             "def f():\n"
                             "    @T.prim_func\n"
                             "    def main(A: T.Tensor((4,), T.int32)):\n"
                             "        with T.Kernel(8, threads=32) as bx:\n"
                             "            A[0] = 1\n"
                             "            T.print(A[0])\n"
                             "    return main\n";

typedef struct shared {
  tilec_context *context;
  tilec_kernel *kernels[2];
} shared;

static void *work(void *data) {
  shared *s = data;
  add_args *x = malloc(sizeof *x);
  for (int i = 0; i < N_ROUNDS; i++) {
    for (int k = 0; k < 2; k++) {
      if (k && i % 8) continue; /* the interpreter is slow */
      set_add_args(x, 1 + i * 17 % 1000);
      CHECK(tilec_launch(s->kernels[k], x->args, 3, NULL) == TILEC_OK && added(x));
    }
    if (i % 10) continue;
    tilec_kernel *own = new_kernel(s->context, ADD, i % 20 ? "cpu" : "interp");
    set_add_args(x, 123);
    CHECK(own && tilec_launch(own, x->args, 3, NULL) == TILEC_OK && added(x));
    tilec_kernel_release(tilec_kernel_retain(own));
    tilec_kernel_release(own);
    CHECK(tilec_context_set(s->context, "cache_size", i % 20 ? "1G" : "2G", NULL) == TILEC_OK);
    tilec_error *error = NULL;
    CHECK(tilec_launch(s->kernels[0], x->args, 2, &error) == TILEC_ARGUMENT);
    CHECK_TEXT(tilec_error_text(error), "takes 3 arguments");
    tilec_error_release(error);
  }
  free(x);
  return NULL;
}

static void at_once(const char *folder) {
  pthread_t threads[N_THREADS];
  shared s = {.context = new_context()};
  CHECK(tilec_context_set(s.context, "cache", "rw", NULL) == TILEC_OK);
  CHECK(tilec_context_set(s.context, "cache_dir", folder, NULL) == TILEC_OK);
  CHECK(tilec_context_set(s.context, "jobs", "4", NULL) == TILEC_OK);
  s.kernels[0] = new_kernel(s.context, ADD, "cpu");
  s.kernels[1] = new_kernel(s.context, ADD, "interp");
  if (!CHECK(s.kernels[0] && s.kernels[1])) return;
  for (int i = 0; i < N_THREADS; i++)
    pthread_create(&threads[i], NULL, work, &s);
  for (int i = 0; i < N_THREADS; i++)
    pthread_join(threads[i], NULL);
  tilec_kernel_release(s.kernels[0]);
  tilec_context_release(s.context);
  tilec_kernel_release(s.kernels[1]);
}

/* ---- printing ---- */

typedef struct printed {
  atomic_int n_calls, n_inside, n_launched, overlap;
  tilec_kernel *other;
} printed;

static void print(void *data, const char *text, size_t n) {
  printed *p = data;
  add_args *x = malloc(sizeof *x);
  (void)text, (void)n;
  atomic_fetch_add(&p->n_calls, 1);
  if (atomic_fetch_add(&p->n_inside, 1)) atomic_store(&p->overlap, 1);
  set_add_args(x, 10);
  if (p->other && tilec_launch(p->other, x->args, 3, NULL) == TILEC_OK && added(x))
    atomic_fetch_add(&p->n_launched, 1);
  atomic_fetch_sub(&p->n_inside, 1);
  free(x);
}

static void launches_while_printing(const char *target) {
  printed p = {0};
  tilec_context_options o = {.size = sizeof o, .print = print, .data = &p};
  tilec_context *context = NULL;
  int32_t a[4] = {0};
  int64_t n = 4;
  CHECK(tilec_context_new(&o, &context, NULL) == TILEC_OK);
  tilec_context_set(context, "cache", "off", NULL);
  tilec_context_set(context, "jobs", "4", NULL);
  tilec_kernel *kernel = new_kernel(context, PRINTS, target);
  p.other = new_kernel(context, ADD, target);
  tilec_tensor t = {.size = sizeof t, .data = a, .shape = &n, .rank = 1, .dtype = TILEC_INT32};
  tilec_arg arg = {.kind = TILEC_ARG_TENSOR, .as.tensor = &t};
  CHECK(kernel && tilec_launch(kernel, &arg, 1, NULL) == TILEC_OK);
  CHECK(atomic_load(&p.n_calls) >= 8 && atomic_load(&p.n_launched) == atomic_load(&p.n_calls));
  CHECK(atomic_load(&p.overlap) == 0);
  tilec_kernel_release(kernel);
  tilec_kernel_release(p.other);
  tilec_context_release(context);
}

int main(void) {
  char folder[300], command[400];
  snprintf(folder, sizeof folder, "%s/tilec-threads-XXXXXX", test_folder());
  CHECK(mkdtemp(folder) != NULL);
  at_once(folder);
  launches_while_printing("cpu");
  launches_while_printing("interp");
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  CHECK(system(command) == 0);
  return check_report();
}
