/* Kernels of single threads, each with what it must leave in `out`: for the oracle and for compiled
 * code. A case is the body of a kernel; A[i] is 3 * i, out is -1 before. Who includes this defines
 * `expect`, and has SHARED_CASES among its own. */
#ifndef TESTS_THREADS_CASES_H
#define TESTS_THREADS_CASES_H

#include "text_kit.h"

static void expect(struct text_kit *k, const char *name, int grid, int threads, const char *body,
                   int32_t (*want)(int i));

#define EACH(threads, lines) "perthread %t first 0 count " threads " {\n" lines "\n}"
#define OUT(value)           "store out[%t] = " value " in_bounds"
#define LOAD_A               "%1 = load A[%t] in_bounds\n"
#define SHUFFLE(how)         EACH("64", LOAD_A "%2 = collective " how "\n" OUT("%2"))
#define VOTE(kind, operand)  EACH("64", "%2 = collective " kind " " operand "\n" OUT("int32(%2)"))
#define RED(how)             SHUFFLE(how)

/* ---- exchanges ---- */

static int32_t up_3(int i) {
  return i >= 64 ? -1 : i % 32 < 3 ? 3 * i : 3 * (i - 3);
}
static int32_t down_3_of_8(int i) {
  return i >= 64 ? -1 : i % 8 >= 5 ? 3 * i : 3 * (i + 3);
}
static int32_t xor_5(int i) {
  return i >= 64 ? -1 : 3 * (i ^ 5);
}
static int32_t idx_wraps(int i) { /* lane t + 1 of the own 4, modulo 4 */
  return i >= 64 ? -1 : 3 * (i / 4 * 4 + (i + 1) % 4);
}
static int32_t xor_leaves_segment(int i) {
  return i >= 64 ? -1 : 3 * i;
}

static void shuffles(struct text_kit *k) {
  expect(k, "shfl_up", 1, 64, SHUFFLE("shfl_up %1 lane 3"), up_3);
  expect(k, "shfl_down", 1, 64, SHUFFLE("shfl_down %1 lane 3 width 8"), down_3_of_8);
  expect(k, "shfl_xor", 1, 64, SHUFFLE("shfl_xor %1 lane 5:int64"), xor_5);
  expect(k, "shfl_idx", 1, 64, SHUFFLE("shfl_idx %1 lane %t + 1 width 4"), idx_wraps);
  expect(k, "far xor", 1, 64, SHUFFLE("shfl_xor %1 lane 8 width 4"), xor_leaves_segment);
}

static int32_t evens_below_64(int i) {
  return i >= 64 ? -1 : (int32_t)0x55555555;
}
static int32_t any_upper(int i) {
  return i >= 64 ? -1 : i >= 32 ? 1 : 0;
}
static int32_t all_upper(int i) {
  return i >= 64 ? -1 : i >= 32 ? 1 : 0;
}
static int32_t counted(int i) {
  return i >= 64 ? -1 : i < 32 ? 32 : 8;
}
static int32_t matched(int i) { /* lanes of the same eighth */
  return i >= 64 ? -1 : (int32_t)(UINT32_C(0xff) << i % 32 / 8 * 8);
}
static int32_t match_all_of(int i) {
  return i >= 64 ? -1 : i < 32 ? 0 : -1;
}
static int32_t counted_of_8(int i) {
  return i >= 64 ? -1 : i < 40 ? 8 : 0;
}

static void votes(struct text_kit *k) {
  expect(k, "ballot", 1, 64, VOTE("ballot", "%t % 2 == 0"), evens_below_64);
  expect(k, "any", 1, 64, VOTE("any", "%t == 40"), any_upper);
  expect(k, "all", 1, 64, VOTE("all", "31 < %t"), all_upper);
  expect(k, "count", 1, 64, VOTE("count", "%t < 40"), counted);
  expect(k, "count of a segment", 1, 64, VOTE("count", "%t < 40 width 8"), counted_of_8);
  expect(k, "match_any", 1, 64, VOTE("match_any", "%t / 8"), matched);
  expect(k, "match_all", 1, 64, VOTE("match_all", "max(%t, 32) / 32 * min(%t, 32)"), match_all_of);
}

static int32_t sum_of_4(int i) {
  return i >= 64 ? -1 : 12 * (i / 4 * 4) + 18;
}
static int32_t max_of_warp(int i) {
  return i >= 64 ? -1 : 3 * (i / 32 * 32 + 31);
}
static int32_t min_of_warp(int i) {
  return i >= 64 ? -1 : 3 * (i / 32 * 32);
}
static int32_t or_of_2(int i) {
  return i >= 64 ? -1 : 3 * (i & ~1) | 3 * (i | 1);
}
static int32_t and_of_2(int i) {
  return i >= 64 ? -1 : 3 * (i & ~1) & 3 * (i | 1);
}
static int32_t xor_of_2(int i) {
  return i >= 64 ? -1 : (3 * (i & ~1)) ^ (3 * (i | 1));
}
static int32_t masked(int i) {
  return i >= 64 ? -1 : i % 32 < 8 ? 3 * 8 * (i / 32 * 32) + 3 * 28 : 0;
}
static int32_t half_warp(int i) {
  return i >= 48 ? -1 : i < 32 ? 3 * 31 : 3 * 47;
}
/* Float sums have one order, halves first: the bits must be these. */
static int32_t float_bits(int i) {
  float x[32];
  if (i >= 32) return -1;
  for (int l = 0; l < 32; l++)
    x[l] = (float)((float)l * 0.1f) + 1000.0f;
  for (int d = 16; d; d /= 2)
    for (int l = 0; l < d; l++)
      x[l] = x[l] + x[l + d];
  int32_t bits;
  memcpy(&bits, x, sizeof bits);
  return bits;
}

static void reductions(struct text_kit *k) {
  expect(k, "sum", 1, 64, RED("sum %1 width 4"), sum_of_4);
  expect(k, "max", 1, 64, RED("max %1"), max_of_warp);
  expect(k, "min", 1, 64, RED("min %1"), min_of_warp);
  expect(k, "bitor", 1, 64, RED("bitor %1 width 2"), or_of_2);
  expect(k, "bitand", 1, 64, RED("bitand %1 width 2"), and_of_2);
  expect(k, "bitxor", 1, 64, RED("bitxor %1 width 2"), xor_of_2);
  expect(k, "a mask", 1, 64,
         "alloc x: var int32\n" EACH(
             "64",
             LOAD_A "%2 = collective sum %1 mask 255\n"
                    "store x[] = %2") "\n" EACH("64",
                                                OUT("0") "\nif %t % 32 < 8 {\n%3 = load x[]\n" OUT(
                                                    "%3") "\n}"),
         masked);
  expect(k, "a block that ends inside a warp", 1, 48,
         EACH("48", LOAD_A "%2 = collective max %1\n" OUT("%2")), half_warp);
  expect(k, "a float sum", 1, 32,
         EACH("32", "%1 = float32(%t) * 0.1 + 1000.0\n%2 = collective sum %1\n" OUT(
                        "reinterpret(%2, int32)")),
         float_bits);
}

static int32_t upper_half(int i) {
  return i >= 32 ? -1 : i < 8 ? 3 * 28 : 7;
}
static int32_t in_loop(int i) {
  return i >= 64 ? -1 : 3 * (i / 32 * 32 * 32 + 496);
}
static int32_t block_any(int i) {
  return i < 128 ? 128 - 100 : -1;
}
static int32_t group_votes(int i) {
  return i < 64 ? 1 : i < 128 ? 100 : -1;
}

/* Under conditions and in loops of single threads: each thread is a strand. */
static void exchanges(struct text_kit *k) {
  expect(k, "a mask under a condition", 1, 32,
         EACH("32",
              LOAD_A OUT("7") "\nif %t < 8 {\n%2 = collective sum %1 mask 255\n" OUT("%2") "\n}"),
         upper_half);
  expect(k, "a loop of shuffles", 1, 64,
         "alloc x: var int32\n" EACH(
             "64", "%1 = load A[%t] in_bounds\nstore x[] = %1\nfor %i = 0 to 5 {\n"
                   "%2 = load x[]\n%3 = collective shfl_xor %2 lane 1 << %i\n"
                   "store x[] = %2 + %3\n}\n%4 = load x[]\n" OUT("%4")),
         in_loop);
  expect(k, "a vote of the block", 1, 128,
         EACH("128", "%1 = collective count 99 < %t block\n" OUT("%1")), block_any);
  expect(k, "a vote of the block in a branch that all take", 1, 128,
         EACH("128", "if %t < 500 {\n%1 = collective count 99 < %t block\n" OUT("%1") "\n}"),
         block_any);
  expect(k, "votes of groups", 1, 128,
         "group first 0 count 64 {\nperthread %t first 0 count 64 {\n"
         "%1 = collective any %t == 63 block\n" OUT(
             "int32(%1)") "\n}\n}\ngroup first 64 count 64 {\nperthread %u first 64 count 64 {\n"
                          "%2 = collective all %u < 128 block\n"
                          "store out[%u] = int32(%2) * 100 in_bounds\n}\n}",
         group_votes);
}

/* ---- groups and blocks ---- */

static int32_t own_locals(int i) {
  return i < 32 ? 105 : i < 96 ? 207 : i < 128 ? 103 : -1;
}
static int32_t nested(int i) {
  return i < 64 ? 1 : i < 96 ? 22 : i < 128 ? 2 : -1;
}
static int32_t nested_sum(int i) {
  return i < 96 ? 1 : -1;
}

static void groups_of_threads(struct text_kit *k) {
  expect(k, "each group has its own locals", 1, 128,
         "alloc x: var int32\nalloc y: local int32[2]\nstore x[] = 100\nfill y[*] = 3\n"
         "group first 0 count 32 {\nstore y[1] = 5\n}\n"
         "group first 32 count 64 {\nstore x[] = 200\nstore y[1] = 7\n}\n"
         "%1 = load x[]\n%2 = load y[1]\n" EACH("128", OUT("%1 + %2")),
         own_locals);
  expect(k, "groups in groups", 1, 128,
         "group first 0 count 64 {\nfill out[0 :+ 64] = 1\n}\n"
         "group first 64 count 64 {\nfill out[64 :+ 64] = 2\ngroup first 64 count 32 {\n"
         "perthread %t first 64 count 32 {\n" OUT("22") "\n}\n}\n}",
         nested);
  expect(k, "a tile operation happens once", 1, 128,
         "alloc n: shared int32[1]\nfill n[*] = 0\n"
         "group first 0 count 96 {\ngroup first 32 count 32 {\n}\n"
         "atomic_tile add n[*], n[*]\natomic add n[0], 1\n%1 = atomic add n[0], 0\n"
         "perthread %t first 0 count 96 {\n" OUT("%1") "\n}\n}",
         nested_sum);
}

static int32_t of_next_block(int i) {
  return i < 8 ? 10 * ((i + 1) % 8) : -1;
}
static int32_t chained(int i) {
  return i < 8 ? i + 1 : i == 255 ? 8 : -1;
}

static void waiting_blocks(struct text_kit *k) {
  expect(k, "a barrier of the grid", 8, 32,
         "alloc w: var int32\nstore out[%bx + 100] = %bx * 10 in_bounds\nbarrier device\n"
         "%1 = load out[(%bx + 1) % 8 + 100] in_bounds\nstore w[] = %1\nbarrier device\n"
         "store out[%bx + 100] = -1 in_bounds\n%2 = load w[]\n"
         "store out[%bx] = %2 in_bounds",
         of_next_block);
  expect(k, "a chain of waits", 8, 32,
         "if %bx == 7 {\nstore out[255] = 0 in_bounds release device\n}\n"
         "wait eq out[255], 7 - %bx acquire device\n%1 = load out[255] in_bounds\n"
         "store out[7 - %bx] = %1 + 1 in_bounds\n"
         "store out[255] = %1 + 1 in_bounds release device",
         chained);
  expect(k, "a chain of spinning", 8, 32,
         "if %bx == 7 {\nstore out[255] = 0 in_bounds release device\n}\n"
         "while {\n%1 = load out[255] in_bounds acquire device\nyield %1 != 7 - %bx\n} do {\n}\n"
         "store out[7 - %bx] = 8 - %bx in_bounds\n"
         "store out[255] = 8 - %bx in_bounds release device",
         chained);
}

#define SHARED_CASES(totals)                                                                       \
  TEXT_CASE(totals, shuffles);                                                                     \
  TEXT_CASE(totals, votes);                                                                        \
  TEXT_CASE(totals, reductions);                                                                   \
  TEXT_CASE(totals, exchanges);                                                                    \
  TEXT_CASE(totals, groups_of_threads);                                                            \
  TEXT_CASE(totals, waiting_blocks)

#endif
