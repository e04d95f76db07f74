/* The n-th allocation fails, for every n: first of the context's own hooks, which compilations use,
 * too, then of the process, which also reaches the loader and the C library. Each call ends in a
 * status, and everything is given back. Inside the compiler, tests/unit/target_memory.c looks
 * closer: an arena asks for much memory at a time. */
#include "api/kernels.h"

#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define INTERPOSED 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define INTERPOSED 0
#endif
#endif
#ifndef INTERPOSED
#define INTERPOSED 1
#endif

/* Counts down to the allocation that fails; 0: none does. */
static atomic_long countdown, n_calls, n_live;

static int refuses(void) {
  atomic_fetch_add(&n_calls, 1);
  long left = atomic_load(&countdown);
  return left > 0 && atomic_fetch_sub(&countdown, 1) == 1;
}

/* ---- the hooks ---- */

static void *hook_alloc(void *data, size_t bytes, size_t align) {
  (void)data;
  void *at = refuses() ? NULL : aligned_alloc(align, (bytes + align - 1) / align * align);
  if (at) atomic_fetch_add(&n_live, 1);
  return at;
}

static void hook_free(void *data, void *at, size_t bytes) {
  (void)data, (void)bytes;
  CHECK(at != NULL);
  atomic_fetch_sub(&n_live, 1);
  free(at);
}

/* ---- the process's malloc: glibc calls these, wherever the call comes from ---- */

static atomic_int armed;

#if INTERPOSED
extern void *__libc_malloc(size_t size_b);
extern void *__libc_calloc(size_t n, size_t size_b);
extern void *__libc_realloc(void *at, size_t size_b);
extern void *__libc_memalign(size_t align, size_t size_b);
void *malloc(size_t size_b);
void *calloc(size_t n, size_t size_b);
void *realloc(void *at, size_t size_b);
int posix_memalign(void **at, size_t align, size_t size_b);

static int fails(void) {
  return atomic_load(&armed) && refuses();
}

__attribute__((visibility("default"))) void *malloc(size_t size_b) {
  return fails() ? NULL : __libc_malloc(size_b);
}
__attribute__((visibility("default"))) void *calloc(size_t n, size_t size_b) {
  return fails() ? NULL : __libc_calloc(n, size_b);
}
__attribute__((visibility("default"))) void *realloc(void *at, size_t size_b) {
  return fails() ? NULL : __libc_realloc(at, size_b);
}
__attribute__((visibility("default"))) int posix_memalign(void **at, size_t align, size_t size_b) {
  void *made = fails() ? NULL : __libc_memalign(align, size_b);
  if (made) *at = made;
  return made ? 0 : 12;
}
#endif

/* ---- what is tried ---- */

typedef struct setting {
  const char *target, *cache; /* NULL: no cache */
  int hooked;
  const char *cc; /* NULL: the machine's */
} setting;

/* What fails in the system says so itself; the hooks are only asked for memory. */
static atomic_int system_fails;

static int allowed(tilec_status status) {
  return status == TILEC_OK || status == TILEC_MEMORY
         || (status == TILEC_ENVIRONMENT && atomic_load(&system_fails));
}

/* One call that may make a text. */
static int ended(tilec_status status, tilec_text *text, tilec_error *error) {
  CHECK(allowed(status) && (status != TILEC_OK) == (error != NULL));
  tilec_text_release(text);
  tilec_error_release(error);
  return status == TILEC_OK;
}

static int ask_everything(tilec_context *context, tilec_program *program) {
  static const char *const FORMS[] = {"ast", "ir", "tile", "c"};
  tilec_text *text = NULL;
  tilec_error *error = NULL;
  int good = 1;
  for (int i = 0; i < 4; i++) {
    tilec_status status = tilec_program_emit(program, FORMS[i], &text, &error);
    good = ended(status, text, error) && good;
  }
  tilec_status status = tilec_program_check(program, TILEC_FORMAT_TEXT, &text, &error);
  good = ended(status, text, error) && good;
  status = tilec_program_opt(program, "canon,check,facts", &text, &error);
  good = ended(status, text, error) && good;
  status = tilec_pass_table(context, &text, &error);
  good = ended(status, text, error) && good;
  status = tilec_cache_run(context, "stat", TILEC_FORMAT_JSON, &text, &error);
  return ended(status, text, error) && good;
}

static int launch_all(tilec_kernel *kernel) {
  static add_args x;
  tilec_error *error = NULL;
  set_add_args(&x, 700);
  tilec_status status = tilec_launch(kernel, x.args, 3, &error);
  CHECK(allowed(status) && (status != TILEC_OK) == (error != NULL));
  CHECK(status != TILEC_OK || added(&x));
  tilec_error_release(error);
  return status == TILEC_OK;
}

/* A list of places that no digits give, and one by name. */
static int make_layouts(tilec_context *context) {
  const int64_t shape[] = {8, 64};
  const tilec_layout_spec spec = {
      .size = sizeof spec, .name = "make_swizzled_layout", .rank = 2, .bits = 16, .shape = shape};
  tilec_layout *list = NULL, *swizzle = NULL;
  tilec_error *error = NULL;
  tilec_status status = tilec_layout_parse(
      context, "layout(table copies:1, thread:1, slot:1, offset:3 -> [3] {2+1, 0+2})", &list,
      &error);
  CHECK(allowed(status) && (status == TILEC_OK) == (list != NULL));
  tilec_error_release(error);
  status = tilec_layout_make(context, &spec, &swizzle, &error);
  CHECK(allowed(status) && (status == TILEC_OK) == (swizzle != NULL));
  tilec_error_release(error);
  int good = list && swizzle;
  tilec_layout_release(list);
  tilec_layout_release(swizzle);
  return good;
}

static int use_program(tilec_context *context, tilec_program *program, const setting *how) {
  tilec_kernel *kernel = NULL;
  tilec_error *error = NULL;
  tilec_array *array = NULL;
  int64_t shape[2] = {3, 4};
  int good = ask_everything(context, program);
  tilec_status status = tilec_array_new(context, TILEC_INT8, 2, shape, &array, &error);
  CHECK(allowed(status) && (status == TILEC_OK) == (array != NULL));
  tilec_array_release(array);
  tilec_error_release(error);
  good = good && make_layouts(context);
  status = tilec_kernel_new(program, how->target, &kernel, &error);
  if (!CHECK(allowed(status))) printf("%s", tilec_error_diagnostics(error, TILEC_FORMAT_TEXT));
  CHECK((status == TILEC_OK) == (kernel != NULL) && (status != TILEC_OK) == (error != NULL));
  CHECK(!error || *tilec_error_text(error));
  tilec_error_release(error);
  good = good && kernel && launch_all(kernel);
  tilec_kernel_release(kernel);
  return good;
}

/* Everything once. True when nothing failed. */
static int everything(const setting *how) {
  tilec_allocator hooks = {sizeof hooks, NULL, hook_alloc, hook_free};
  tilec_context_options o = {.size = sizeof o, .allocator = how->hooked ? &hooks : NULL};
  tilec_context *context = NULL;
  tilec_program *program = NULL;
  tilec_error *error = NULL;
  tilec_status status = tilec_context_new(&o, &context, &error);
  CHECK(allowed(status) && (status == TILEC_OK) == (context != NULL));
  tilec_error_release(error);
  if (!context) return 0;
  int good = tilec_context_set(context, "jobs", "1", NULL) == TILEC_OK;
  if (how->cache)
    good = good && tilec_context_set(context, "cache_dir", how->cache, NULL) == TILEC_OK;
  else
    good = good && tilec_context_set(context, "cache", "off", NULL) == TILEC_OK;
  if (how->cc) good = good && tilec_context_set(context, "cc", how->cc, NULL) == TILEC_OK;
  status = new_program(context, ADD, &program, &error);
  CHECK(allowed(status) && (status == TILEC_OK) == (program != NULL));
  tilec_error_release(error);
  good = good && program && use_program(context, program, how);
  tilec_program_release(program);
  tilec_context_release(context);
  return good;
}

static void fail_each(const setting *how, const char *what) {
  long n = 0, n_failures = 0;
  atomic_store(&system_fails, !how->hooked);
  CHECK(everything(how)); /* fills the cache, so that no compiler runs later */
  for (int good = 0; !good && n < 20000;) {
    atomic_store(&countdown, ++n);
    atomic_store(&armed, !how->hooked);
    good = everything(how) && atomic_load(&countdown) > 0;
    atomic_store(&armed, 0);
    atomic_store(&countdown, 0);
    n_failures += !good;
    CHECK(atomic_load(&n_live) == 0);
  }
  CHECK(n < 20000 && n_failures > 10);
  printf("%s: %ld allocations failed, one at a time\n", what, n_failures);
}

/* A compiler that is done at once: it takes what the real one made before. */
static void fake_compiler(const char *folder, char *path, size_t path_b) {
  snprintf(path, path_b, "%s/cc", folder);
  FILE *f = fopen(path, "w");
  if (!CHECK(f != NULL)) return;
  fprintf(f,
          "#!/bin/sh\n"
          "[ \"$1\" = --version ] && echo copy 1 && exit\n"
          "while [ \"$1\" != -o ]; do shift; done\n"
          "[ -f %s/made ] || cc -shared -fPIC -O1 -w -x c -o %s/made \"$3\"\n"
          "cp %s/made \"$2\"\n",
          folder, folder, folder);
  fclose(f);
  CHECK(chmod(path, 0700) == 0);
}

int main(void) {
  char folder[300], command[400], cc[320];
  snprintf(folder, sizeof folder, "%s/tilec-memory-XXXXXX", test_folder());
  CHECK(mkdtemp(folder) != NULL);
  fail_each(&(setting){"interp", folder, 1, NULL}, "hooks, interp");
  fail_each(&(setting){"cpu", folder, 1, NULL}, "hooks, cpu");
  fake_compiler(folder, cc, sizeof cc);
  fail_each(&(setting){"cpu", NULL, 1, cc}, "hooks, cpu, compiled each time");
  if (INTERPOSED) {
    fail_each(&(setting){"interp", folder, 0, NULL}, "malloc, interp");
    fail_each(&(setting){"cpu", folder, 0, NULL}, "malloc, cpu");
  }
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  CHECK(system(command) == 0);
  return check_report();
}
