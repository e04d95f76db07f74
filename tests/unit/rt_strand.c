/* The strand scheduler with kernels written by hand: meetings, barriers of all kinds, exchanges in
 * diverged warps, grids whose blocks wait for blocks, and every way in which they get stuck. */
#include "check_kit.h"
#include "rt/strand.h"

#include <stdlib.h>

enum { MAX_THREADS = 256, STACK_B = 64 << 10 };

typedef struct results {
  int64_t at[4096];
  int64_t n;
  int order[256], n_order;
} results;

static const char *const sites[] = {"k.py:10: gemm", "k.py:20: barrier", "k.py:30: mbarrier wait",
                                    "k.py:40: shfl", "k.py:50: wait"};
enum { AT_GEMM, AT_BARRIER, AT_WAIT, AT_SHFL, AT_LOOK };

typedef struct printed {
  char text[200];
} printed;

static void print_into(void *ctx, const char *text, uint64_t n) {
  printed *p = ctx;
  size_t held = strlen(p->text);
  if (held + n < sizeof p->text) memcpy(p->text + held, text, n), p->text[held + n] = 0;
}

/* A machine for one grid. */
typedef struct bench {
  tc_rt_strands plan;
  int32_t grid[3];
  tc_rt_pool *pool;
  results *r;
  tc_rt_error error;
  int32_t result;
  printed printed;
} bench;

static const tc_rt_range halves[] = {{0, 32}, {32, 64}};
static const tc_rt_range half_groups[] = {{0, 64}, {32, 64}};
static const tc_rt_range quarters[] = {{0, 32}, {32, 64}, {64, 96}, {96, 128}};
static const tc_rt_range quarter_groups[] = {{0, 128}, {0, 64}, {64, 128}};
static const tc_rt_range singles[] = {{0, 64}, {32, 64}};

static uint32_t run_on_pool(void *pool, tc_rt_block *block, void *data, int64_t n_blocks,
                            uint64_t scratch_b, int32_t *result, tc_rt_error *error) {
  return tc_rt_pool_run(pool, block, data, n_blocks, scratch_b, result, error);
}

static uint32_t launch(bench *b, tc_rt_strand_fn *fn) {
  tc_env env = {&b->printed, print_into};
  void *ptr[] = {b->r};
  int64_t word[] = {0};
  b->plan.sites = sites;
  b->plan.n_sites = sizeof sites / sizeof *sites;
  b->plan.stack_b = STACK_B;
  for (int d = 0; d < 3; d++)
    if (!b->grid[d]) b->grid[d] = 1;
  tc_rt_strand_call call = {&b->plan, fn, ptr, word, b->grid, &env, 4096, NULL};
  b->error = (tc_rt_error){0};
  b->result = 0;
  memset(b->r, 0, sizeof *b->r);
  b->printed.text[0] = 0;
  return tc_rt_strand_run(run_on_pool, b->pool, &call, &b->result, &b->error);
}

static bench halved(tc_rt_pool *pool, results *r) {
  return (bench){.plan = {2, halves, 2, half_groups, .zeroed_b = 256}, .pool = pool, .r = r};
}

static bench quartered(tc_rt_pool *pool, results *r) {
  return (bench){.plan = {4, quarters, 3, quarter_groups, .zeroed_b = 256}, .pool = pool, .r = r};
}

static bench single(tc_rt_pool *pool, results *r) {
  return (bench){.plan = {64, NULL, 2, singles, .zeroed_b = 256}, .pool = pool, .r = r};
}

#define KERNEL(name)                                                                               \
  static int32_t name(void *const *ptr, const int64_t *word, const int32_t *block,                 \
                      const int32_t *grid, unsigned char *scratch, const tc_env *env,              \
                      tc_strand *s)
#define UNUSED (void)ptr, (void)word, (void)block, (void)grid, (void)scratch, (void)env, (void)s

/* ---- meetings: once, by the last, and everybody waits for it ---- */

KERNEL(meets) {
  UNUSED;
  results *r = ptr[0];
  int64_t *here = (int64_t *)(void *)scratch + 8, block_at = block[0] * 4;
  here[s->index] = s->index + 1;
  if (s->ops->meet(s, 0, AT_GEMM)) {
    here[4] = here[0] + here[1] + here[2] + here[3];
    s->ops->met(s, 0);
  }
  if (here[4] != 10) return 2;
  uint32_t group = s->index < 2 ? 1 : 2;
  for (int i = 0; i < 100; i++) {
    if (s->ops->meet(s, group, AT_GEMM)) here[4 + group]++, s->ops->met(s, group);
    if (here[4 + group] != i + 1) return 3;
    s->ops->barrier(s, group, AT_BARRIER);
  }
  s->ops->barrier(s, 0, AT_BARRIER);
  r->at[block_at + s->index] = here[5] + here[6];
  return 0;
}

static void meetings(tc_rt_pool *pool, results *r) {
  bench b = quartered(pool, r);
  b.grid[0] = 500;
  CHECK(launch(&b, meets) == TC_RT_OK && b.result == 0);
  int wrong = 0;
  for (int i = 0; i < 2000; i++)
    wrong += r->at[i] != 200;
  CHECK(wrong == 0);
}

/* ---- mbarriers: a producer and a consumer with two slots ---- */

KERNEL(pipeline) {
  UNUSED;
  results *r = ptr[0];
  tc_mbar *full = (tc_mbar *)(void *)scratch, *empty = full + 2;
  int64_t *slot = (int64_t *)(void *)(scratch + 512), sum = 0;
  if (s->ops->meet(s, 0, AT_GEMM)) {
    for (int i = 0; i < 2; i++)
      s->ops->init(s, &full[i], 32, AT_GEMM), s->ops->init(s, &empty[i], 32, AT_GEMM);
    s->ops->met(s, 0);
  }
  for (int i = 0; i < 50; i++) {
    if (s->index == 0) {
      s->ops->wait(s, &empty[i % 2], (i / 2 + 1) % 2, AT_WAIT);
      slot[i % 2] = i;
      s->ops->arrive(s, &full[i % 2], 31, 1, 0, AT_WAIT);
      s->ops->arrive(s, &full[i % 2], 1, 0, 64, AT_WAIT);
      s->ops->arrive(s, &full[i % 2], 1, 1, -64, AT_WAIT);
    } else {
      s->ops->wait(s, &full[i % 2], i / 2 % 2, AT_WAIT);
      if (slot[i % 2] != i) return 7;
      sum += slot[i % 2];
      slot[i % 2] = -1;
      s->ops->arrive(s, &empty[i % 2], 32, 1, 0, AT_WAIT);
    }
  }
  if (s->index == 1) r->at[block[0]] = sum;
  return 0;
}

static void mbarriers(tc_rt_pool *pool, results *r) {
  bench b = halved(pool, r);
  b.grid[0] = 40;
  CHECK(launch(&b, pipeline) == TC_RT_OK && b.result == 0);
  int wrong = 0;
  for (int i = 0; i < 40; i++)
    wrong += r->at[i] != 1225;
  CHECK(wrong == 0);
}

/* ---- numbered barriers, arriving only ---- */

KERNEL(hands_over) {
  UNUSED;
  int64_t *here = (int64_t *)(void *)(scratch + 512);
  for (int i = 0; i < 20; i++) {
    if (s->index == 0) {
      here[0] = i;
      s->ops->named(s, 1, 64, 1, AT_BARRIER);
      s->ops->named(s, 2, 64, 0, AT_BARRIER);
    } else {
      s->ops->named(s, 1, 64, 0, AT_BARRIER);
      if (here[0] != i) return 9;
      s->ops->named(s, 2, 64, 1, AT_BARRIER);
    }
  }
  return 0;
}

/* ---- warps ---- */

static int64_t sum_of(const uint64_t *lanes, uint32_t came) {
  int64_t sum = 0;
  for (int i = 0; i < 32; i++)
    if (came >> i & 1) sum += (int64_t)lanes[i];
  return sum;
}

/* Lanes leave the loop one by one; those that are left still exchange. */
KERNEL(diverges) {
  UNUSED;
  results *r = ptr[0];
  int lane = s->first % 32;
  int64_t sum = 0;
  uint64_t lanes[32];
  for (int i = 0; i <= lane; i++) {
    uint32_t mask = UINT32_MAX << i;
    uint32_t came = s->ops->warp(s, 1, i ? mask : 0, lanes, AT_SHFL);
    if (came != mask) return 3;
    sum += sum_of(lanes, came);
  }
  if (s->ops->warp(s, 1, lane ? 1 : 2, lanes, AT_GEMM)) return 4;
  s->ops->barrier(s, 0, AT_BARRIER);
  r->at[s->first] = sum;
  return 0;
}

/* Two exchanges at one place, by masks, and values of the own one only. */
KERNEL(masks) {
  UNUSED;
  results *r = ptr[0];
  int lane = s->first % 32;
  uint32_t mask = lane < 16 ? 0xffffu : 0xffff0000u;
  uint64_t lanes[32];
  int64_t sum = 0;
  for (int i = 0; i < 10; i++) {
    uint32_t came = s->ops->warp(s, (uint64_t)s->first, mask, lanes, AT_SHFL);
    if (came != mask) return 5;
    sum += sum_of(lanes, came);
  }
  r->at[s->first] = sum;
  return 0;
}

static void warps(tc_rt_pool *pool, results *r) {
  bench b = single(pool, r);
  CHECK(launch(&b, diverges) == TC_RT_OK && b.result == 0);
  int wrong = 0;
  for (int i = 0; i < 64; i++) {
    int64_t expected = 0;
    for (int k = 0; k <= i % 32; k++)
      expected += 32 - k;
    wrong += r->at[i] != expected;
  }
  CHECK(wrong == 0);
  CHECK(launch(&b, masks) == TC_RT_OK && b.result == 0);
  CHECK(r->at[3] == 1200 && r->at[20] == 3760 && r->at[40] == 6320);
}

/* ---- blocks that wait for blocks ---- */

KERNEL(round_robin) {
  UNUSED;
  results *r = ptr[0];
  int next = (block[0] + 1) % grid[0];
  for (int i = 0; i < 5; i++) {
    if (s->index == 0) {
      while (r->at[block[0]] != i)
        s->ops->look(s, &r->at[block[0]], (uint64_t)r->at[block[0]], 0, AT_LOOK);
      r->at[next] = next ? i : i + 1;
    }
    s->ops->grid(s, AT_BARRIER);
    r->n++;
  }
  return 0;
}

KERNEL(first_looks) {
  UNUSED;
  results *r = ptr[0];
  r->at[1]++;
  if (block[0]) return r->n++, 0;
  while (r->n < grid[0] - 1)
    s->ops->look(s, &r->n, (uint64_t)r->n, 0, AT_LOOK);
  return 0;
}

static void resident(tc_rt_pool *pool, results *r) {
  bench b = halved(pool, r);
  b.plan.resident = true;
  b.grid[0] = 7, b.grid[1] = 1;
  for (int i = 0; i < 3; i++) {
    CHECK(launch(&b, first_looks) == TC_RT_OK && b.result == 0);
    CHECK(r->at[1] == 14);
  }
  b.grid[0] = 60;
  r->at[0] = 0;
  CHECK(launch(&b, round_robin) == TC_RT_OK && b.result == 0);
  CHECK(r->n == 60 * 2 * 5);
  b.grid[0] = b.grid[1] = b.grid[2] = 1 << 20;
  CHECK(launch(&b, round_robin) == TC_RT_E_RESIDENT);
  CHECK_TEXT(b.error.text, "must run at once");
}

/* ---- stuck ---- */

KERNEL(one_ends) {
  UNUSED;
  if (s->index == 0) s->ops->barrier(s, 0, AT_BARRIER);
  return 0;
}

KERNEL(no_order) {
  UNUSED;
  uint32_t site = s->index ? AT_GEMM : AT_BARRIER;
  if (s->ops->meet(s, 0, site)) s->ops->met(s, 0);
  return 0;
}

KERNEL(never_full) {
  UNUSED;
  tc_mbar *bar = (tc_mbar *)(void *)scratch;
  if (s->ops->meet(s, 0, AT_GEMM)) s->ops->init(s, bar, 3, AT_GEMM), s->ops->met(s, 0);
  if (s->index == 0) s->ops->arrive(s, bar, 1, 1, 48, AT_GEMM);
  s->ops->wait(s, bar, 0, AT_WAIT);
  return 0;
}

KERNEL(too_few) {
  UNUSED;
  s->ops->named(s, 3, 96, 0, AT_BARRIER);
  return 0;
}

KERNEL(missing_lane) {
  UNUSED;
  uint64_t lanes[32];
  if (s->first == 5) s->ops->barrier(s, 0, AT_BARRIER);
  s->ops->warp(s, 1, 0x30, lanes, AT_SHFL);
  return 0;
}

KERNEL(looks_for_ever) {
  UNUSED;
  volatile int64_t *at = &((results *)ptr[0])->n;
  if (block[0] == 1) s->ops->barrier(s, 0, AT_BARRIER);
  while (*at == 0)
    s->ops->look(s, (const void *)(uintptr_t)at, (uint64_t)*at, 0, AT_LOOK);
  return 0;
}

KERNEL(deadline) {
  UNUSED;
  for (;;)
    s->ops->look(s, ptr[0], 0, 1000000, AT_LOOK);
  return 0;
}

static void deadlocks(tc_rt_pool *pool, results *r) {
  bench b = halved(pool, r), t = single(pool, r);
  b.grid[0] = 3;
  CHECK(launch(&b, one_ends) == TC_RT_E_DEADLOCK);
  CHECK_TEXT(b.error.text, "stuck in block (");
  CHECK_TEXT(b.error.text, "threads 0 to 31 wait at k.py:20: barrier (32 of 64 threads); "
                           "threads 32 to 63 have ended");
  CHECK(launch(&b, no_order) == TC_RT_E_DEADLOCK);
  CHECK_TEXT(b.error.text, "threads 0 to 31 wait at k.py:20");
  CHECK_TEXT(b.error.text, "threads 32 to 63 wait at k.py:10");
  CHECK(launch(&b, never_full) == TC_RT_E_DEADLOCK);
  CHECK_TEXT(b.error.text, "k.py:30: mbarrier wait (phase 0; 2 of 3 arrivals and 48 bytes");
  CHECK(launch(&b, too_few) == TC_RT_E_DEADLOCK);
  CHECK_TEXT(b.error.text, "(64 of 96 threads)");
  CHECK(launch(&t, missing_lane) == TC_RT_E_DEADLOCK);
  CHECK_TEXT(t.error.text, "thread 5 waits at k.py:20");
  b.plan.resident = true;
  CHECK(launch(&b, looks_for_ever) == TC_RT_E_DEADLOCK);
  CHECK_TEXT(b.error.text, "block (0, 0, 0); threads 0 to 63 wait at k.py:50: wait; and");
  CHECK(launch(&b, deadline) == TC_RT_E_DEADLINE);
  CHECK_TEXT(b.error.text, "k.py:50: wait: nothing has come for 1000000 ns");
}

/* ---- barriers used wrongly ---- */

KERNEL(not_initialised) {
  UNUSED;
  s->ops->wait(s, (tc_mbar *)(void *)scratch, 1, AT_WAIT);
  return 0;
}

KERNEL(too_many) {
  UNUSED;
  tc_mbar *bar = (tc_mbar *)(void *)scratch;
  s->ops->init(s, bar, 2, AT_GEMM);
  s->ops->arrive(s, bar, 1, 3, 0, AT_BARRIER);
  return 0;
}

KERNEL(no_arrivals) {
  UNUSED;
  s->ops->init(s, (tc_mbar *)(void *)scratch, 0, AT_GEMM);
  return 0;
}

KERNEL(two_counts) {
  UNUSED;
  s->ops->named(s, 3, s->index ? 64 : 128, 0, AT_BARRIER);
  return 0;
}

KERNEL(overfull) {
  UNUSED;
  s->ops->named(s, 3, 16, 0, AT_BARRIER);
  return 0;
}

static void misuse(tc_rt_pool *pool, results *r) {
  bench b = halved(pool, r);
  CHECK(launch(&b, not_initialised) == TC_RT_E_BARRIER);
  CHECK_TEXT(b.error.text, "k.py:30: mbarrier wait: the mbarrier has not been initialised");
  CHECK(launch(&b, too_many) == TC_RT_E_BARRIER);
  CHECK_TEXT(b.error.text, "3 arrivals at an mbarrier of which 2 are missing");
  CHECK(launch(&b, no_arrivals) == TC_RT_E_BARRIER);
  CHECK(launch(&b, two_counts) == TC_RT_E_BARRIER);
  CHECK_TEXT(b.error.text, "barrier 3 for 64 threads, while others use it for 128");
  CHECK(launch(&b, overfull) == TC_RT_E_BARRIER);
}

/* ---- results and printing ---- */

KERNEL(fails_in_one) {
  UNUSED;
  s->ops->barrier(s, 0, AT_BARRIER);
  if (s->index == 1 && block[0] == 3) return 4;
  s->ops->barrier(s, 0, AT_BARRIER);
  return 0;
}

KERNEL(prints) {
  UNUSED;
  char line[2] = {(char)('a' + s->index), 0};
  env->print(env->ctx, line, 1);
  s->ops->barrier(s, 0, AT_BARRIER);
  env->print(env->ctx, line, 1);
  return 0;
}

static void outcomes(tc_rt_pool *pool, results *r) {
  bench b = quartered(pool, r);
  b.grid[0] = 5;
  CHECK(launch(&b, fails_in_one) == TC_RT_OK && b.result == 4);
  b.grid[0] = 1;
  CHECK(launch(&b, prints) == TC_RT_OK && b.result == 0);
  CHECK_TEXT(b.printed.text, "abcddabc");
}

static void *no_bytes(void *data, size_t bytes, size_t align) {
  (void)data;
  return bytes > 4096 ? NULL : aligned_alloc(align, (bytes + align - 1) / align * align);
}

static void give_back(void *data, void *at, size_t bytes) {
  (void)data, (void)bytes;
  free(at);
}

static void out_of_memory(tc_rt_pool *pool, results *r) {
  tilec_allocator none = {sizeof none, NULL, no_bytes, give_back};
  bench b = single(pool, r);
  void *ptr[] = {r};
  int64_t word[] = {0};
  int32_t grid[] = {4, 1, 1}, result = 0;
  tc_env env = {&b.printed, print_into};
  tc_rt_error error = {0};
  b.plan.stack_b = 4096;
  tc_rt_strand_call call = {&b.plan, prints, ptr, word, grid, &env, 4096, &none};
  CHECK(tc_rt_strand_run(run_on_pool, pool, &call, &result, &error) == TC_RT_E_WORKSPACE);
  call.allocator = NULL;
  b.plan.stack_b = UINT32_MAX;
  b.plan.n = 1 << 17; /* more address space than there is */
  CHECK(tc_rt_strand_run(run_on_pool, pool, &call, &result, &error) == TC_RT_E_RESIDENT);
}

int main(void) {
  results *r = calloc(1, sizeof *r);
  for (uint32_t n = 1; n <= 4; n += 3) {
    tc_rt_pool *pool = tc_rt_pool_new(NULL, n);
    meetings(pool, r);
    mbarriers(pool, r);
    bench b = halved(pool, r);
    CHECK(launch(&b, hands_over) == TC_RT_OK && b.result == 0);
    warps(pool, r);
    resident(pool, r);
    deadlocks(pool, r);
    misuse(pool, r);
    outcomes(pool, r);
    out_of_memory(pool, r);
    tc_rt_pool_free(pool);
  }
  free(r);
  return check_report();
}
