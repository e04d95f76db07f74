/* The thread pool under load: every block once, several runs at once, runs inside runs, early ends,
 * floating-point state, fork, and no memory. */
#include "check_kit.h"
#include "rt/os.h"
#include "rt/pool.h"

#include <fenv.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MANY = 20000 };

typedef struct count {
  atomic_int *hits;
  atomic_int n;
  tc_rt_pool *pool;
  int depth;
} count;

static int32_t hit(void *data, int64_t block, unsigned char *scratch) {
  count *c = data;
  atomic_fetch_add(&c->hits[block], 1);
  memset(scratch, (int)block, 256);
  return (uintptr_t)scratch % 64 != 0;
}

static void every_block_once(tc_rt_pool *pool, int64_t n) {
  count c = {.hits = calloc((size_t)n + 1, sizeof(atomic_int))};
  tc_rt_error error = {0};
  int32_t result = -1;
  CHECK(tc_rt_pool_run(pool, hit, &c, n, 256, &result, &error) == TC_RT_OK && result == 0);
  int wrong = 0;
  for (int64_t i = 0; i < n; i++)
    wrong += atomic_load(&c.hits[i]) != 1;
  CHECK(wrong == 0);
  free(c.hits);
}

static void *hammer(void *data) {
  for (int i = 0; i < 50; i++)
    every_block_once(data, 1 + i * 7 % 300);
  return NULL;
}

static void many_callers(tc_rt_pool *pool) {
  pthread_t threads[8];
  for (int i = 0; i < 8; i++)
    pthread_create(&threads[i], NULL, hammer, pool);
  for (int i = 0; i < 8; i++)
    pthread_join(threads[i], NULL);
}

static int32_t nest(void *data, int64_t block, unsigned char *scratch) {
  count *c = data;
  count inner = {.hits = c->hits, .pool = c->pool, .depth = c->depth - 1};
  tc_rt_error error = {0};
  int32_t result = 0;
  (void)block, (void)scratch;
  if (!c->depth) return atomic_fetch_add(&c->hits[0], 1) < 0;
  return (int32_t)tc_rt_pool_run(c->pool, nest, &inner, 4, 64, &result, &error) + result;
}

static void runs_in_runs(tc_rt_pool *pool) {
  atomic_int hits[1] = {0};
  count c = {.hits = hits, .pool = pool, .depth = 4};
  tc_rt_error error = {0};
  int32_t result;
  CHECK(tc_rt_pool_run(pool, nest, &c, 4, 64, &result, &error) == TC_RT_OK && result == 0);
  CHECK(atomic_load(&hits[0]) == 4 * 4 * 4 * 4 * 4);
}

static int32_t fail_at(void *data, int64_t block, unsigned char *scratch) {
  count *c = data;
  (void)scratch;
  atomic_fetch_add(&c->n, 1);
  return block == 100 ? 7 : 0;
}

static void stops_early(tc_rt_pool *pool) {
  count c = {0};
  tc_rt_error error = {0};
  int32_t result = 0;
  CHECK(tc_rt_pool_run(pool, fail_at, &c, 100000000, 0, &result, &error) == TC_RT_OK);
  CHECK(result == 7);
  CHECK(atomic_load(&c.n) < 90000000);
}

static int32_t rounding(void *data, int64_t block, unsigned char *scratch) {
  (void)data, (void)block, (void)scratch;
  return fegetround() != FE_TONEAREST;
}

static void default_rounding(tc_rt_pool *pool) {
  tc_rt_error error = {0};
  int32_t result = 0;
  fesetround(FE_UPWARD);
  CHECK(tc_rt_pool_run(pool, rounding, NULL, 64, 0, &result, &error) == TC_RT_OK && result == 0);
  CHECK(fegetround() == FE_UPWARD);
  fesetround(FE_TONEAREST);
}

static void *small_only(void *data, size_t bytes, size_t align) {
  (void)data;
  return bytes > 1 << 20 ? NULL : aligned_alloc(align, (bytes + align - 1) / align * align);
}

static void give_back(void *data, void *at, size_t bytes) {
  (void)data, (void)bytes;
  free(at);
}

static void no_memory(void) {
  tilec_allocator hooks = {sizeof hooks, NULL, small_only, give_back};
  tc_rt_pool *pool = tc_rt_pool_new(&hooks, 3);
  tc_rt_error error = {0};
  int32_t result = 0;
  CHECK(tc_rt_pool_run(pool, fail_at, NULL, 4, 2 << 20, &result, &error) == TC_RT_E_WORKSPACE);
  CHECK_TEXT(error.text, "scratch memory");
  every_block_once(pool, 100);
  tc_rt_pool_free(pool);
}

static void after_fork(tc_rt_pool *pool) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    count c = {.hits = calloc(100, sizeof(atomic_int))};
    tc_rt_error error = {0};
    int32_t result = -1;
    alarm(20);
    bool ok = tc_rt_pool_run(pool, hit, &c, 100, 256, &result, &error) == TC_RT_OK && result == 0;
    for (int i = 0; i < 100; i++)
      ok = ok && atomic_load(&c.hits[i]) == 1;
    tc_rt_pool_free(pool);
    _exit(ok ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Idle workers must not use the processor. */
static void sleeps(tc_rt_pool *pool) {
  struct rusage before, after;
  every_block_once(pool, 1000);
  struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
  nanosleep(&pause, NULL); /* the last ones go to sleep */
  getrusage(RUSAGE_SELF, &before);
  pause.tv_nsec = 300 * 1000 * 1000;
  nanosleep(&pause, NULL);
  getrusage(RUSAGE_SELF, &after);
  long used_us = (after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1000000 + after.ru_utime.tv_usec
                 - before.ru_utime.tv_usec;
  CHECK(used_us < 100000);
}

int main(void) {
  for (uint32_t n = 1; n <= 9; n += 4) {
    tc_rt_pool *pool = tc_rt_pool_new(NULL, n);
    CHECK(tc_rt_pool_threads(pool) == n);
    every_block_once(pool, 1);
    every_block_once(pool, 2);
    every_block_once(pool, MANY);
    many_callers(pool);
    runs_in_runs(pool);
    stops_early(pool);
    default_rounding(pool);
    after_fork(pool);
    sleeps(pool);
    every_block_once(pool, MANY);
    tc_rt_pool_free(pool);
  }
  tc_rt_pool_free(tc_rt_pool_new(NULL, 0)); /* never used */
  tc_rt_pool_free(NULL);
  no_memory();
  return check_report();
}
