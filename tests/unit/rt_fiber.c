/* Fibers: many, deep, with their own floating-point state, ended early, without memory, and over
 * the end of their stack.
 *
 * `rt_fiber bench` prints what they cost. On one x86-64 server core at 3.5 GHz: 12 ns for a switch
 * between two fibers, 20 ns in a ring of 1024; 0.2 us to start and end a fiber, 3 us when its stack
 * is new. With ucontext (rt_fiber_portable bench): 180 and 300 ns, for two system calls. */
#include "check_kit.h"
#include "rt/fiber.h"
#include "rt/os.h"

#include <fenv.h>
#include <float.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define UNDER_TSAN 1
#endif
#if defined(UNDER_TSAN)
enum { MANY = 200, MOST = 1000 }; /* it keeps megabytes for each */
#else
enum { MANY = 1024, MOST = 4096 };
#endif
enum { STACK_B = 32 << 10 };

/* ---- a ring: each hands over to the next ---- */

typedef struct ring {
  tc_rt_fibers *fibers;
  tc_rt_fiber *at[MOST];
  int n, rounds;
  int log, wrong; /* number of the one that ran last */
} ring;

typedef struct member {
  ring *r;
  int i;
} member;

/* Keeps values alive over the switches, in memory and in registers. */
static tc_rt_fiber *take_turns(void *data) {
  member *m = data;
  ring *r = m->r;
  volatile int64_t on_stack[64];
  double a = m->i, b = m->i * 0.5, c = m->i * 0.25;
  int64_t x = m->i, y = m->i * 3, z = m->i * 7;
  for (int k = 0; k < 64; k++)
    on_stack[k] = m->i * 64 + k;
  for (int round = 0; round < r->rounds; round++) {
    if (r->log != (m->i + r->n - 1) % r->n) r->wrong++;
    r->log = m->i;
    tc_rt_fiber_switch(r->fibers, r->at[(m->i + 1) % r->n]);
    a += 1, b += 2, c += 3, x += 1, y += 2, z += 3;
  }
  for (int k = 0; k < 64; k++)
    r->wrong += on_stack[k] != m->i * 64 + k;
  r->wrong +=
      a != m->i + r->rounds || b != m->i * 0.5 + 2 * r->rounds || c != m->i * 0.25 + 3 * r->rounds;
  r->wrong +=
      x != m->i + r->rounds || y != m->i * 3 + 2 * r->rounds || z != m->i * 7 + 3 * r->rounds;
  return m->i + 1 < r->n ? r->at[m->i + 1] : NULL;
}

static void in_a_ring(tc_rt_fibers *fibers, int n, int rounds) {
  ring *r = calloc(1, sizeof *r);
  member *members = calloc((size_t)n, sizeof *members);
  *r = (ring){.fibers = fibers, .n = n, .rounds = rounds, .log = n - 1};
  int made = 0;
  for (int i = 0; i < n; i++) {
    members[i] = (member){r, i};
    r->at[i] = tc_rt_fiber_new(fibers, take_turns, &members[i]);
    made += r->at[i] != NULL;
  }
  if (CHECK(made == n)) {
    CHECK(tc_rt_fiber_data(r->at[0]) == &members[0]);
    tc_rt_fiber_switch(fibers, r->at[0]);
    CHECK(r->wrong == 0);
    CHECK(tc_rt_fiber_current(fibers) == NULL);
  }
  int finished = 0;
  for (int i = 0; i < n; i++) {
    finished += r->at[i] && tc_rt_fiber_is_finished(r->at[i]);
    tc_rt_fiber_free(r->at[i]);
  }
  CHECK(finished == n);
  free(members);
  free(r);
}

/* ---- to and from home ---- */

typedef struct counter {
  tc_rt_fibers *fibers;
  tc_rt_fiber *self;
  int n, steps;
} counter;

static int down(counter *c, int depth) {
  volatile char frame[256];
  frame[depth % 256] = (char)depth;
  if (depth == 0) {
    tc_rt_fiber_switch(c->fibers, NULL);
    c->n++;
    return 0;
  }
  return down(c, depth - 1) + (frame[depth % 256] == (char)depth);
}

static tc_rt_fiber *from_depths(void *data) {
  counter *c = data;
  for (int i = 0; i < c->steps; i++)
    if (down(c, i % 40) != i % 40) c->n = -1000000;
  if (tc_rt_fiber_current(c->fibers) != c->self) c->n = -1000000;
  return NULL;
}

static void to_home(tc_rt_fibers *fibers) {
  counter c = {.fibers = fibers, .steps = 500};
  c.self = tc_rt_fiber_new(fibers, from_depths, &c);
  int entered = 0;
  for (; !tc_rt_fiber_is_finished(c.self); entered++)
    tc_rt_fiber_switch(fibers, c.self);
  CHECK(c.n == c.steps);
  CHECK(entered == c.steps + 1);
  tc_rt_fiber_free(c.self);
  tc_rt_fiber_switch(fibers, NULL); /* home to home does nothing */
}

/* ---- fibers that start fibers, in several contexts ---- */

static tc_rt_fiber *nest(void *data) {
  counter *c = data;
  counter inner = {.steps = c->steps - 1};
  c->n++;
  if (!c->steps) return NULL;
  inner.fibers = tc_rt_fibers_new(NULL, STACK_B); /* its home is this fiber */
  tc_rt_fiber *fiber = tc_rt_fiber_new(inner.fibers, nest, &inner);
  tc_rt_fiber_switch(inner.fibers, fiber);
  tc_rt_fibers_free(inner.fibers);
  c->n += inner.n;
  return NULL;
}

static void nested(tc_rt_fibers *fibers) {
  counter c = {.steps = 10};
  tc_rt_fiber *fiber = tc_rt_fiber_new(fibers, nest, &c);
  tc_rt_fiber_switch(fibers, fiber);
  CHECK(c.n == 11);
  tc_rt_fiber_free(fiber);
}

/* ---- floating point ---- */

typedef struct rounding {
  tc_rt_fibers *fibers;
  int mode, kept;
} rounding;

static bool mode_holds(int mode) {
  volatile double one = 1, three = 3;
  volatile long double long_one = 1; /* on x86-64 its modes are in another register */
  bool up = mode == FE_UPWARD;
  bool long_holds = LDBL_MANT_DIG != 64 || (long_one / 3 > 0x1.5555555555555554p-2L) == up;
  return fegetround() == mode && (one / three > 0x1.5555555555555p-2) == up && long_holds;
}

static tc_rt_fiber *round_own_way(void *data) {
  rounding *r = data;
  fesetround(r->mode);
  for (int i = 0; i < 10; i++) {
    tc_rt_fiber_switch(r->fibers, NULL);
    r->kept += mode_holds(r->mode);
  }
  return NULL;
}

static void float_state(tc_rt_fibers *fibers) {
  rounding up = {fibers, FE_UPWARD, 0}, down_ = {fibers, FE_DOWNWARD, 0};
  tc_rt_fiber *a = tc_rt_fiber_new(fibers, round_own_way, &up);
  tc_rt_fiber *b = tc_rt_fiber_new(fibers, round_own_way, &down_);
  int home_kept = 0;
  for (int i = 0; i <= 10; i++) {
    tc_rt_fiber_switch(fibers, a);
    home_kept += fegetround() == FE_TONEAREST;
    tc_rt_fiber_switch(fibers, b);
    home_kept += fegetround() == FE_TONEAREST;
  }
  CHECK(home_kept == 22);
  CHECK(up.kept == 10 && down_.kept == 10);
  tc_rt_fiber_free(a);
  tc_rt_fiber_free(b);
}

/* ---- ended early ---- */

static tc_rt_fiber *wait_for_ever(void *data) {
  counter *c = data;
  volatile char held[4096];
  memset((char *)held, 7, sizeof held);
  c->n++;
  for (;;)
    tc_rt_fiber_switch(c->fibers, NULL);
  return NULL;
}

/* Stacks of unfinished fibers are used again, in whatever state they were left. */
static void unfinished(void) {
  tc_rt_fibers *fibers = tc_rt_fibers_new(NULL, STACK_B);
  counter c = {.fibers = fibers};
  for (int i = 0; i < 100; i++) {
    tc_rt_fiber *waiting = tc_rt_fiber_new(fibers, wait_for_ever, &c);
    tc_rt_fiber_switch(fibers, waiting);
    tc_rt_fiber_switch(fibers, waiting);
    CHECK(!tc_rt_fiber_is_finished(waiting));
    tc_rt_fiber_free(waiting);
    tc_rt_fiber_free(tc_rt_fiber_new(fibers, wait_for_ever, &c)); /* never started */
    to_home(fibers);
  }
  CHECK(c.n == 100);
  tc_rt_fiber_switch(fibers, tc_rt_fiber_new(fibers, wait_for_ever, &c));
  tc_rt_fibers_free(fibers); /* with one that waits */
  tc_rt_fibers_free(NULL);
  tc_rt_fiber_free(NULL);
}

/* ---- memory ---- */

static void *no_bytes(void *data, size_t bytes, size_t align) {
  (void)data, (void)bytes, (void)align;
  return NULL;
}

static void keep(void *data, void *at, size_t bytes) {
  (void)data, (void)at, (void)bytes;
}

static void out_of_memory(void) {
  tilec_allocator none = {sizeof none, NULL, no_bytes, keep};
  CHECK(tc_rt_fibers_new(&none, STACK_B) == NULL);
  CHECK(tc_rt_fibers_new(NULL, SIZE_MAX) == NULL);
  tc_rt_fibers *fibers = tc_rt_fibers_new(NULL, (size_t)1 << 56);
  if (CHECK(fibers != NULL)) CHECK(tc_rt_fiber_new(fibers, wait_for_ever, NULL) == NULL);
  tc_rt_fibers_free(fibers);
}

/* Stacks are cheap: address space, and the pages that are touched. */
static void stacks_are_reused(tc_rt_fibers *fibers) {
  struct rusage before, after;
  in_a_ring(fibers, MANY, 1);
  getrusage(RUSAGE_SELF, &before);
  for (int i = 0; i < 10; i++)
    in_a_ring(fibers, MANY, 1);
  getrusage(RUSAGE_SELF, &after);
#if !defined(UNDER_TSAN)
  CHECK(after.ru_maxrss - before.ru_maxrss < 8 << 10);
#endif
}

/* ---- over the end ---- */

static int overflow(volatile char *above, int depth) {
  volatile char frame[1024];
  frame[0] = above[0];
  if (depth > 0) overflow(frame, depth - 1);
  return frame[0];
}

static tc_rt_fiber *use_too_much(void *data) {
  volatile char first[1] = {0};
  overflow(first, *(int *)data);
  return NULL;
}

/* The exit status of a child in which a fiber goes `depth` KiB deep, with a neighbour below. */
static int status_of_depth(int depth) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    fclose(stderr); /* a sanitizer's report */
    signal(SIGSEGV, SIG_DFL);
    signal(SIGBUS, SIG_DFL);
    tc_rt_fibers *fibers = tc_rt_fibers_new(NULL, STACK_B);
    tc_rt_fiber *at[16];
    for (int i = 0; i < 16; i++)
      at[i] = tc_rt_fiber_new(fibers, use_too_much, &depth);
    tc_rt_fiber_switch(fibers, at[8]);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}

static void guard_page(void) {
  CHECK(status_of_depth(16) == 0);
  CHECK(status_of_depth(8192) != 0);
}

/* ---- cost ---- */

static tc_rt_fiber *switch_home(void *data) {
  counter *c = data;
  for (int i = 0; i < c->n; i++)
    tc_rt_fiber_switch(c->fibers, NULL);
  return NULL;
}

static int bench(void) {
  tc_rt_fibers *fibers = tc_rt_fibers_new(NULL, STACK_B);
  counter c = {.fibers = fibers, .n = 10000000};
  tc_rt_fiber *fiber = tc_rt_fiber_new(fibers, switch_home, &c);
  uint64_t start = tc_rt_now_ns();
  for (int i = 0; i < c.n; i++)
    tc_rt_fiber_switch(fibers, fiber);
  printf("two fibers: %.1f ns per switch\n", (double)(tc_rt_now_ns() - start) / 2 / c.n);
  for (int n = 2; n <= 1024; n *= n == 2 ? 64 : 8)
    for (int round = 0; round < 2; round++) {
      start = tc_rt_now_ns();
      in_a_ring(fibers, n, 1000000 / n);
      printf("%d fibers: %.1f ns per switch\n", n, (double)(tc_rt_now_ns() - start) / 1e6);
    }
  for (int round = 0; round < 2; round++) {
    start = tc_rt_now_ns();
    in_a_ring(fibers, MOST, 0);
    printf("%d fibers: %.0f ns to start and end one\n", MOST,
           (double)(tc_rt_now_ns() - start) / MOST);
  }
  tc_rt_fibers_free(fibers);
  return 0;
}

int main(int argc, char **argv) {
  if (argc > 1 && !strcmp(argv[1], "bench")) return bench();
  tc_rt_fibers *fibers = tc_rt_fibers_new(NULL, STACK_B);
  in_a_ring(fibers, 1, 1000);
  in_a_ring(fibers, 2, 100000);
  in_a_ring(fibers, 128, 100);
  in_a_ring(fibers, MOST, 3);
  to_home(fibers);
  nested(fibers);
  float_state(fibers);
  stacks_are_reused(fibers);
  tc_rt_fibers_free(fibers);
  unfinished();
  out_of_memory();
  guard_page();
  return check_report();
}
