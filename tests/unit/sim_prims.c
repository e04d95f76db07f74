/* Primitives one by one, against the formulas of the instruction set's documents: places of
 * elements in registers and in shared memory, swizzles, boxes at the edges of tensors of each rank.
 */
#include "sim_kit.h"

enum { MOST_B = 64 << 10 };

typedef struct memory {
  unsigned char *in, *out;
} memory;

static memory new_memory(void) {
  memory m;
  if (posix_memalign((void **)&m.in, 128, MOST_B) != 0) abort();
  if (posix_memalign((void **)&m.out, 128, MOST_B) != 0) abort();
  memset(m.in, 0, MOST_B);
  memset(m.out, 0xee, MOST_B);
  return m;
}

static void free_memory(memory m) {
  free(m.in);
  free(m.out);
}

/* One block; the kernel's first two arguments are `in` and `out`. */
static bool run_block(const tc_sim_module *module, const char *kernel, uint32_t threads, memory m,
                      void *const *more, uint32_t n_more) {
  const void *in = m.in, *out = m.out;
  void *args[16] = {&in, &out};
  tc_sim_report report;
  for (uint32_t i = 0; i < n_more; i++)
    args[2 + i] = more[i];
  const tc_sim_region regions[] = {{"in", m.in, MOST_B, false}, {"out", m.out, MOST_B, false}};
  tc_sim_launch launch = {.kernel = kernel,
                          .grid = {1, 1, 1},
                          .block = {threads, 1, 1},
                          .shared_b = 48 << 10,
                          .args = args,
                          .n_args = 2 + n_more,
                          .regions = regions,
                          .n_regions = 2};
  tc_sim_options options = {.race = true};
  if (tc_sim_run(module, &launch, &options, NULL, NULL, &report)) return true;
  printf("%s: %s\n", kernel, report.text);
  return false;
}

/* ---- elements ---- */

typedef struct type {
  const char *name;
  uint32_t bits;
  int format; /* tc_float_format; -1: int8, -2: uint8 */
} type;
static const type types[] = {{"f16", 16, TC_FORMAT_FLOAT16},
                             {"bf16", 16, TC_FORMAT_BFLOAT16},
                             {"tf32", 32, TC_FORMAT_TFLOAT32},
                             {"e4m3", 8, TC_FORMAT_FLOAT8_E4M3FN},
                             {"e5m2", 8, TC_FORMAT_FLOAT8_E5M2},
                             {"s8", 8, -1},
                             {"u8", 8, -2}};

static int small(uint32_t i, uint32_t j) {
  return (int)((i * 7 + j * 5 + i * j) % 7) - 3;
}

static uint32_t bits_of(const type *t, int x) {
  if (t->format < 0) return (uint32_t)(t->format == -2 ? x + 3 : x) & 255;
  return tc_float_encode((enum tc_float_format)t->format, x, false);
}
static int value_of(const type *t, int x) {
  return t->format == -2 ? x + 3 : x;
}

static void put(unsigned char *at, const type *t, int x) {
  uint32_t bits = bits_of(t, x);
  memcpy(at, &bits, t->bits / 8);
}

/* ---- wgmma: one product of each type, layout and order ---- */

enum { N = 24, ROWS = 64 };

static void add_product(tc_sb *text, const type *t, const char *flags) {
  const char *d = t->format < 0 ? "tc_i32" : "float";
  tc_sb_printf(
      text,
      "TC_KERNEL(wgmma_%s%s, 128, 1)(TC_KERNEL_SELF const tc_u32 *in, tc_u32 *out, tc_u32 la, "
      "tc_u32 sa, tc_u32 lb, tc_u32 sb, tc_u32 swizzle) {\n"
      "  for (tc_i32 i = TC_TID; i < 8192; i += 128)\n"
      "    TC_STS(tc_u32, TC_SMEM + (tc_u32)i * 4u, TC_LDG(tc_u32, in + i));\n"
      "  tc_fence_async();\n"
      "  tc_sync_block();\n"
      "  %s d[12];\n"
      "  const tc_u64 da = tc_matrix_descriptor(TC_SMEM, la, sa, swizzle);\n"
      "  const tc_u64 db = tc_matrix_descriptor(TC_SMEM + 16384u, lb, sb, swizzle);\n"
      "  tc_wgmma_fence();\n"
      "  tc_wgmma_%s_n24%s(d, da, db, 0);\n"
      "  tc_wgmma_%s_n24%s(d, da, db, 1);\n"
      "  tc_wgmma_commit();\n"
      "  tc_wgmma_wait_0();\n"
      "  for (tc_i32 i = 0; i < 12; i++)\n"
      "    TC_STG(%s, out + TC_TID * 12 + i, d[i]);\n"
      "}\n",
      t->name, flags, d, t->name, flags, t->name, flags, d);
}

/* Byte of element (row, k) of an operand, by the canonical layouts: core matrices of 8 rows of 16
 * bytes; side by side in a span when swizzled. */
typedef struct layout {
  uint32_t mode; /* 0 none, 1 128, 2 64, 3 32 bytes */
  bool mn;
  uint32_t lead_b, stride_b;
} layout;

static uint32_t byte_of(const layout *l, uint32_t element_b, uint32_t row, uint32_t k) {
  static const uint32_t spans[] = {16, 128, 64, 32};
  uint32_t span = spans[l->mode], in_span = span / element_b, t = 16 / element_b, at;
  if (!l->mn && !l->mode)
    at = row % 8 * 16 + row / 8 * l->stride_b + k % t * element_b + k / t * l->lead_b;
  else if (!l->mn)
    at = row % 8 * span + row / 8 * l->stride_b + k * element_b;
  else if (!l->mode)
    at = row % t * element_b + row / t * l->stride_b + k % 8 * 16 + k / 8 * l->lead_b;
  else
    at = row % in_span * element_b + row / in_span * l->lead_b + k % 8 * span + k / 8 * l->stride_b;
  uint32_t chunk = at / 16, line = at / 128; /* Swizzle<b, 4, 3> */
  if (l->mode) chunk ^= line & (span / 16 - 1);
  return chunk * 16 + at % 16;
}

static layout layout_for(uint32_t mode, bool mn, uint32_t rows) {
  if (!mn)
    return (layout){mode, mn, mode ? 16 : 8 * 16 * (rows / 8), mode ? 1024u >> (mode - 1) : 128};
  /* rows of MN: spans one after the other, each of all k */
  return mode ? (layout){mode, mn, (256u >> mode) * 16, 8 * (256u >> mode)}
              : (layout){mode, mn, 128 * (rows / 8), 128};
}

static bool product_is_right(const type *t, const unsigned char *out, uint32_t k_n) {
  for (uint32_t thread = 0; thread < 128; thread++)
    for (uint32_t i = 0; i < 12; i++) {
      uint32_t m = thread / 32 * 16 + thread % 32 / 4 + (i % 4 / 2) * 8;
      uint32_t n = i / 4 * 8 + thread % 4 * 2 + i % 2;
      int sum = 0, found;
      for (uint32_t k = 0; k < k_n; k++)
        sum += 2 * value_of(t, small(m, k)) * value_of(t, small(n + 9, k));
      if (t->format < 0) {
        memcpy(&found, out + (thread * 12 + i) * 4, 4);
      } else {
        float x;
        memcpy(&x, out + (thread * 12 + i) * 4, 4);
        found = (int)x;
      }
      if (found != sum) return false;
    }
  return true;
}

static void test_product(const tc_sim_module *module, const type *t, uint32_t mode, bool ta,
                         bool tb) {
  static const char *const flags[] = {"", "_tn", "_nt", "_tt"};
  char kernel[64];
  uint32_t element_b = t->bits / 8, k_n = 32 / element_b;
  layout a = layout_for(mode, ta, ROWS), b = layout_for(mode, tb, N);
  memory m = new_memory();
  for (uint32_t k = 0; k < k_n; k++) {
    for (uint32_t r = 0; r < ROWS; r++)
      put(m.in + byte_of(&a, element_b, r, k), t, small(r, k));
    for (uint32_t r = 0; r < N; r++)
      put(m.in + 16384 + byte_of(&b, element_b, r, k), t, small(r + 9, k));
  }
  snprintf(kernel, sizeof kernel, "wgmma_%s%s", t->name, flags[ta + 2 * tb]);
  void *more[] = {&a.lead_b, &a.stride_b, &b.lead_b, &b.stride_b, &mode};
  CHECK(run_block(module, kernel, 128, m, more, 5));
  if (!CHECK(product_is_right(t, m.out, k_n))) printf("%s, swizzle %u\n", kernel, mode);
  free_memory(m);
}

/* ---- mma: PTX's fragments of m16n8k(256 / bits) ---- */

static void add_mma(tc_sb *text, const type *t) {
  const char *c = t->format < 0 ? "tc_i32" : "float";
  tc_sb_printf(text,
               "TC_KERNEL(mma_%s, 32, 1)(TC_KERNEL_SELF const tc_u32 *in, tc_u32 *out) {\n"
               "  tc_u32 a[4], b[2];\n"
               "  %s c[4] = {1, 2, 3, 4};\n"
               "  for (tc_i32 i = 0; i < 4; i++) a[i] = TC_LDG(tc_u32, in + TC_TID * 6 + i);\n"
               "  for (tc_i32 i = 0; i < 2; i++) b[i] = TC_LDG(tc_u32, in + TC_TID * 6 + 4 + i);\n"
               "  tc_mma_%s(c, a, b);\n"
               "  for (tc_i32 i = 0; i < 4; i++) TC_STG(%s, out + TC_TID * 4 + i, c[i]);\n"
               "}\n",
               t->name, c, t->name, c);
}

static void test_mma(const tc_sim_module *module, const type *t) {
  char kernel[64];
  uint32_t per = 32 / t->bits, k_n = 8 * per;
  memory m = new_memory();
  for (uint32_t k = 0; k < k_n; k++) {
    uint32_t lane_k = k / per % 4, half = k / (4 * per), byte = k % per * t->bits / 8;
    for (uint32_t r = 0; r < 16; r++)
      put(m.in + ((r % 8 * 4 + lane_k) * 6 + r / 8 + 2 * half) * 4 + byte, t, small(r, k));
    for (uint32_t c = 0; c < 8; c++)
      put(m.in + ((c * 4 + lane_k) * 6 + 4 + half) * 4 + byte, t, small(c + 9, k));
  }
  snprintf(kernel, sizeof kernel, "mma_%s", t->name);
  CHECK(run_block(module, kernel, 32, m, NULL, 0));
  bool right = true;
  for (uint32_t r = 0; r < 16; r++)
    for (uint32_t c = 0; c < 8; c++) {
      uint32_t i = r / 8 * 2 + c % 2, at = (r % 8 * 4 + c / 2) * 4 + i;
      int sum = (int)i + 1, found;
      for (uint32_t k = 0; k < k_n; k++)
        sum += value_of(t, small(r, k)) * value_of(t, small(c + 9, k));
      memcpy(&found, m.out + at * 4, 4);
      float x;
      memcpy(&x, &found, 4);
      right = right && (t->format < 0 ? found == sum : (int)x == sum);
    }
  if (!CHECK(right)) printf("%s\n", kernel);
  free_memory(m);
}

/* ---- ldmatrix and stmatrix ---- */

static const char matrices_text[] =
    "TC_KERNEL(matrices, 32, 1)(TC_KERNEL_SELF const tc_u16 *in, tc_u16 *out, tc_i32 trans) {\n"
    "  for (tc_i32 i = TC_TID; i < 256; i += 32) TC_STS(tc_u16, TC_SMEM + (tc_u32)i * 2u, "
    "TC_LDG(tc_u16, in + i));\n"
    "  tc_sync_warp();\n"
    "  tc_u32 w[4];\n"
    "  const tc_u32 row = TC_SMEM + (tc_u32)TC_TID * 16u;\n"
    "  if (trans) tc_ldmatrix_x4_trans(w, row); else tc_ldmatrix_x4(w, row);\n"
    "  for (tc_i32 i = 0; i < 4; i++) TC_STG(tc_u32, out + TC_TID * 8 + i * 2, w[i]);\n"
    "  tc_ldmatrix_x2(w, row);\n"
    "  TC_STG(tc_u32, out + 256 + TC_TID * 2, w[1]);\n"
    "  tc_ldmatrix_x1(w, row);\n"
    "  TC_STG(tc_u32, out + 320 + TC_TID * 2, w[0]);\n"
    "  for (tc_i32 i = 0; i < 4; i++) w[i] = TC_LDG(tc_u32, in + TC_TID * 8 + i * 2);\n"
    "  tc_sync_warp();\n"
    "  if (trans) tc_stmatrix_x4_trans(row, w); else tc_stmatrix_x4(row, w);\n"
    "  tc_sync_warp();\n"
    "  for (tc_i32 i = TC_TID; i < 256; i += 32) TC_STG(tc_u16, out + 384 + i, TC_LDS(tc_u16, "
    "TC_SMEM + (tc_u32)i * 2u));\n"
    "}\n";

/* Number in the register image of element (r, c) of matrix i: lane r * 4 + c / 2. */
static uint32_t place(uint32_t i, uint32_t r, uint32_t c) {
  return (r * 4 + c / 2) * 8 + i * 2 + c % 2;
}

static void test_matrices(const tc_sim_module *module, int trans) {
  memory m = new_memory();
  uint16_t *in = (uint16_t *)m.in, *out = (uint16_t *)m.out;
  bool right = true;
  for (uint32_t i = 0; i < 256; i++)
    in[i] = (uint16_t)(i * 3 + 1);
  void *more[] = {&trans};
  CHECK(run_block(module, "matrices", 32, m, more, 1));
  for (uint32_t i = 0; i < 4; i++)
    for (uint32_t r = 0; r < 8; r++)
      for (uint32_t c = 0; c < 8; c++) {
        uint32_t reg = trans ? place(i, c, r) : place(i, r, c), mem = i * 64 + r * 8 + c;
        right = right && out[reg] == in[mem] && out[384 + mem] == in[reg];
        if (i == 1) right = right && out[256 + (r * 4 + c / 2) * 2 + c % 2] == in[mem];
        if (i == 0) right = right && out[320 + (r * 4 + c / 2) * 2 + c % 2] == in[mem];
      }
  CHECK(right);
  free_memory(m);
}

/* ---- between lanes ---- */

static const char lanes_text[] =
    "TC_KERNEL(lanes, 40, 1)(TC_KERNEL_SELF const tc_u32 *in, tc_u32 *out, tc_i32 by) {\n"
    "  const tc_u32 x = TC_LDG(tc_u32, in + TC_TID);\n"
    "  tc_u32 r[6];\n"
    "  r[0] = tc_shuffle_idx(x, by + TC_TID, 8);\n"
    "  r[1] = tc_shuffle_up(x, by, 16);\n"
    "  r[2] = tc_shuffle_down(x, by, 8);\n"
    "  r[3] = tc_shuffle_xor(x, by, 4);\n"
    "  r[4] = tc_ballot(x > (tc_u32)by);\n"
    "  r[5] = tc_match_any(x);\n"
    "  for (tc_i32 i = 0; i < 6; i++) TC_STG(tc_u32, out + TC_TID * 6 + i, r[i]);\n"
    "}\n";

/* Lane `at` of the segment of `lane`, or the own when the segment does not have it. */
static uint32_t in_segment(const uint32_t *x, uint32_t lane, uint32_t width, int at) {
  return at < 0 || at >= (int)width ? x[lane] : x[lane / width * width + (uint32_t)at];
}

static void test_lanes(const tc_sim_module *module, int by) {
  enum { THREADS = 40 };
  memory m = new_memory();
  uint32_t *in = (uint32_t *)m.in, *out = (uint32_t *)m.out;
  bool right = true;
  for (uint32_t i = 0; i < THREADS; i++)
    in[i] = i * 5 % 7;
  void *more[] = {&by};
  CHECK(run_block(module, "lanes", THREADS, m, more, 1));
  for (uint32_t i = 0; i < THREADS; i++) {
    uint32_t first = i / 32 * 32, n = first ? 8 : 32, lane = i - first, yes = 0, same = 0;
    for (uint32_t k = 0; k < n; k++) {
      yes |= (uint32_t)(in[first + k] > (uint32_t)by) << k;
      same |= (uint32_t)(in[first + k] == in[i]) << k;
    }
    const uint32_t *x = in + first;
    right = right && out[i * 6] == in_segment(x, lane, 8, (by + (int)i) & 7)
            && out[i * 6 + 1] == in_segment(x, lane, 16, (int)(lane % 16) - by)
            && out[i * 6 + 2] == in_segment(x, lane, 8, (int)(lane % 8) + by)
            && out[i * 6 + 3] == in_segment(x, lane, 4, (int)(lane % 4) ^ by)
            && out[i * 6 + 4] == yes && out[i * 6 + 5] == same;
  }
  CHECK(right);
  free_memory(m);
}

/* ---- boxes ---- */

static void add_boxes(tc_sb *text, uint32_t rank) {
  static const char *const at[] = {"", "x", "x, y", "x, y, z", "x, y, z, u", "x, y, z, u, v"};
  tc_sb_printf(
      text,
      "TC_KERNEL(box_%u, 32, 1)(TC_KERNEL_SELF const tc_u32 *in, tc_u32 *out, TC_TENSOR_MAP from, "
      "TC_TENSOR_MAP to, tc_i32 bytes, tc_i32 x, tc_i32 y, tc_i32 z, tc_i32 u, tc_i32 v) {\n"
      "  const tc_u32 bar = TC_SMEM + 32768u;\n"
      "  if (tc_elect()) {\n"
      "    tc_mbarrier_init(bar, 1u);\n"
      "    tc_mbarrier_fence();\n"
      "    tc_mbarrier_expect(bar, (tc_u32)bytes);\n"
      "    tc_tma_load_%ud(TC_SMEM, &from, bar, %s);\n"
      "  }\n"
      "  tc_sync_warp();\n"
      "  tc_mbarrier_wait(bar, 0u);\n"
      "  for (tc_i32 i = TC_TID; i * 4 < bytes; i += 32)\n"
      "    TC_STG(tc_u32, out + i, TC_LDS(tc_u32, TC_SMEM + (tc_u32)i * 4u));\n"
      "  tc_sync_warp();\n"
      "  if (tc_uniform(TC_TID) == TC_TID) {\n"
      "    tc_tma_store_%ud(&to, TC_SMEM, %s);\n"
      "    tc_bulk_commit();\n"
      "    tc_bulk_wait_0();\n"
      "  }\n"
      "}\n",
      rank, rank, at[rank], rank, at[rank]);
}

typedef struct box_case {
  uint32_t rank, type, element_b, swizzle, fill;
  uint32_t dims[5], box[5];
  int at[5];
} box_case;

static const box_case boxes[] = {
    {1, 0, 1, 0, 0, {1000}, {64}, {968}},
    {1, 7, 4, 0, 1, {100}, {32}, {-10}},
    {2, 9, 2, 3, 0, {100, 50}, {64, 16}, {64, -3}},
    {2, 9, 2, 3, 1, {72, 50}, {64, 16}, {-8, 40}},
    {2, 6, 2, 2, 0, {64, 40}, {32, 24}, {8, 8}},
    {2, 2, 4, 1, 0, {40, 20}, {8, 16}, {36, 10}},
    {3, 9, 2, 3, 0, {64, 9, 5}, {64, 8, 2}, {0, 4, 4}},
    {4, 0, 1, 0, 0, {64, 3, 4, 3}, {32, 2, 3, 2}, {40, 2, -1, 1}},
    {5, 7, 4, 0, 0, {8, 3, 3, 3, 2}, {8, 2, 2, 2, 2}, {4, -1, 2, 0, 1}},
};

static uint32_t round16(uint32_t x) {
  return (x + 15) & ~15u;
}

/* For byte `i` of the box in order of its rows: where it lies in shared memory, and in the tensor,
 * or -1 outside of it. */
static long tensor_byte(const box_case *b, uint32_t i, uint32_t *shared) {
  static const uint32_t spans[] = {0, 32, 64, 128};
  uint32_t row_b = b->box[0] * b->element_b, rest = i / row_b;
  long stride = round16(b->dims[0] * b->element_b), at = 0;
  long x = (long)b->at[0] * (long)b->element_b + (long)(i % row_b);
  bool inside = x >= 0 && x < (long)(b->dims[0] * b->element_b);
  for (uint32_t d = 1; d < b->rank; d++) {
    long y = b->at[d] + (long)(rest % b->box[d]);
    rest /= b->box[d];
    inside = inside && y >= 0 && y < (long)b->dims[d];
    at += y * stride;
    stride *= b->dims[d];
  }
  uint32_t chunk = i / 16, line = i / 128;
  if (b->swizzle) chunk ^= line & (spans[b->swizzle] / 16 - 1);
  *shared = chunk * 16 + i % 16;
  return inside ? at + x : -1;
}

static bool encode(const box_case *b, void *base, unsigned char *map) {
  char why[256] = "";
  tc_sim_map_spec s = {
      .base = base, .rank = b->rank, .type = b->type, .swizzle = b->swizzle, .oob_fill = b->fill};
  uint64_t stride = round16(b->dims[0] * b->element_b);
  for (uint32_t d = 0; d < b->rank; d++) {
    s.dims[d] = b->dims[d];
    s.box[d] = b->box[d];
    s.step[d] = 1;
    if (d) s.strides_b[d - 1] = stride;
    if (d) stride *= b->dims[d];
  }
  bool fine = tc_sim_map_encode(map, &s, why, sizeof why);
  if (!fine) printf("%s\n", why);
  return fine;
}

static void test_box(const tc_sim_module *module, const box_case *b) {
  _Alignas(64) unsigned char from[TC_SIM_MAP_B], to[TC_SIM_MAP_B];
  enum { TO = 32 << 10 };
  char kernel[16];
  memory m = new_memory();
  uint32_t bytes = b->element_b;
  int at[5];
  for (uint32_t i = 0; i < TO; i++)
    m.in[i] = (unsigned char)(i % 251);
  for (uint32_t d = 0; d < b->rank; d++)
    bytes *= b->box[d];
  memcpy(at, b->at, sizeof at);
  CHECK(encode(b, m.in, from) && encode(b, m.out + TO, to));
  void *more[] = {from, to, &bytes, &at[0], &at[1], &at[2], &at[3], &at[4]};
  snprintf(kernel, sizeof kernel, "box_%u", b->rank);
  CHECK(run_block(module, kernel, 32, m, more, 8));
  bool loaded = true, stored = true;
  uint32_t n_stored = 0, n_changed = 0;
  for (uint32_t i = 0; i < bytes; i++) {
    uint32_t shared;
    long place_b = tensor_byte(b, i, &shared);
    unsigned char want = place_b < 0 ? (b->fill ? 0xff : 0) : m.in[place_b];
    loaded = loaded && m.out[shared] == want;
    if (place_b < 0) continue;
    stored = stored && m.out[TO + place_b] == want;
    n_stored += want != 0xee;
  }
  for (uint32_t i = TO; i < MOST_B; i++)
    n_changed += m.out[i] != 0xee;
  CHECK(loaded);
  CHECK(stored);
  CHECK(n_stored == n_changed);
  free_memory(m);
}

/* What the encoder refuses. */
static void test_refused(void) {
  _Alignas(64) unsigned char map[TC_SIM_MAP_B], base[64];
  static const struct {
    tc_sim_map_spec spec;
    const char *says;
  } bad[] = {
      {{.rank = 6}, "rank 6"},
      {{.rank = 0}, "rank 0"},
      {{.rank = 1, .type = 13}, "element type 13"},
      {{.rank = 1, .dims = {0}, .box = {16}}, "extent 0"},
      {{.rank = 1, .dims = {99}, .box = {257}}, "extent 257"},
      {{.rank = 1, .dims = {99}, .box = {8}}, "8 bytes"},
      {{.rank = 1, .dims = {99}, .box = {64}, .swizzle = 1}, "up to 32"},
      {{.rank = 2, .dims = {99, 9}, .box = {16, 1}, .strides_b = {24}}, "stride 24"},
      {{.rank = 1, .dims = {99}, .box = {16}, .step = {2}}, "element stride 2"},
      {{.rank = 1, .dims = {99}, .box = {16}, .interleave = 1}, "interleave 1"},
  };
  for (size_t i = 0; i < TC_COUNT(bad); i++) {
    char why[256] = "";
    tc_sim_map_spec spec = bad[i].spec;
    spec.base = base;
    CHECK(!tc_sim_map_encode(map, &spec, why, sizeof why));
    CHECK_TEXT(why, bad[i].says);
  }
}

/* ---- values ---- */

static const char values_text[] =
    "TC_KERNEL(values, 64, 1)(TC_KERNEL_SELF const float *in, tc_u32 *out) {\n"
    "  const tc_i32 t = TC_TID;\n"
    "  if (t == 0) {\n"
    "    TC_STG(tc_u32, out, tc_pack_f16(1.5f, -2.0f));\n"
    "    TC_STG(tc_u32, out + 1, tc_pack_bf16(1.0f, 3.0f));\n"
    "    TC_STG(tc_u32, out + 2, tc_pack_e4m3(1.0f, 1000.0f));\n"
    "    TC_STG(tc_u32, out + 3, tc_pack_e5m2(1.0f, -1e9f));\n"
    "    TC_STG(tc_u32, out + 4, 0u);\n"
    "    TC_STG(float, out + 5, 2.5f);\n"
    "    TC_STG(tc_u32, out + 6, 0x3f80u);\n"
    "    TC_STG(tc_u32, out + 7, 5u);\n"
    "  }\n"
    "  if (t < 32) tc_sync_named(1, 64); else { tc_arrive_named(1, 64); tc_sync_named(2, 64); }\n"
    "  if (t < 32) tc_arrive_named(2, 64);\n"
    "  tc_sync_block();\n"
    "  TC_ATOMIC_G(add, u32, out + 4, 2u);\n"
    "  TC_ATOMIC_G(max, f32, out + 5, (float)t);\n"
    "  TC_ATOMIC_G(add, bf16, out + 6, 1.0f);\n"
    "  if (TC_CAS_G(u32, out + 7, 5u, 9u) == 5u) TC_ATOMIC_G(or, u32, out + 7, 16u);\n"
    "  tc_counter_add(out + 8, 1u);\n"
    "}\n";

static void test_values(void) {
  static const uint32_t want[] = {0xc0003e00u, 0x40403f80u, 0x7e38u, 0xfb3cu, 128,
                                  0x427c0000u, 0x4282u,     25,      64};
  tc_sim_module *module = sim_compile_text(values_text);
  memory m = new_memory();
  memset(m.out + 32, 0, 4);
  if (CHECK(module != NULL)) CHECK(run_block(module, "values", 64, m, NULL, 0));
  for (uint32_t i = 0; i < TC_COUNT(want); i++) {
    uint32_t found;
    memcpy(&found, m.out + 4 * i, 4);
    if (!CHECK(found == want[i])) printf("value %u is 0x%x, not 0x%x\n", i, found, want[i]);
  }
  tc_sim_unload(module);
  free_memory(m);
}

/* ---- heads ---- */

static bool is_refused(const char *text, char *why, size_t why_b) {
  tc_unwind unwind;
  tc_arena arena;
  memset(&unwind, 0, sizeof unwind);
  tc_arena_init(&arena, &unwind, 0);
  volatile bool refused = false;
  if (setjmp(unwind.at) == 0) {
    tc_sb out = tc_sb_in(&arena);
    refused = !tc_sim_text(&out, tc_str_of(text), why, why_b);
  }
  tc_arena_free(&arena);
  return refused;
}

static void test_heads(void) {
  static const char *const bad[] = {"TC_KERNEL(k, 32, 1)(const float *A) {}",
                                    "TC_KERNEL(k, 32, 1)(TC_KERNEL_SELF A) {}",
                                    "TC_KERNEL(k, 32, 1) {", "TC_KERNEL(k"};
  for (size_t i = 0; i < TC_COUNT(bad); i++) {
    char why[256] = "";
    CHECK(is_refused(bad[i], why, sizeof why));
    CHECK_TEXT(why, "no head of a kernel");
  }
}

int main(void) {
  static const char *const flags[] = {"", "_tn", "_nt", "_tt"};
  tc_unwind unwind;
  tc_arena arena;
  memset(&unwind, 0, sizeof unwind);
  tc_arena_init(&arena, &unwind, 0);
  tc_sb text = tc_sb_in(&arena);
  for (size_t i = 0; i < TC_COUNT(types); i++) {
    add_mma(&text, &types[i]);
    for (int f = 0; f < (types[i].bits == 16 ? 4 : 1) && types[i].format != -2; f++)
      add_product(&text, &types[i], flags[f]);
  }
  for (uint32_t rank = 1; rank <= 5; rank++)
    add_boxes(&text, rank);
  tc_sb_adds(&text, matrices_text);
  tc_sb_adds(&text, lanes_text);
  tc_sim_module *module = sim_compile_text(text.at);
  if (CHECK(module != NULL)) {
    for (size_t i = 0; i < TC_COUNT(types); i++) {
      test_mma(module, &types[i]);
      for (uint32_t mode = 0; mode < 4 && types[i].format != -2; mode++)
        for (int f = 0; f < (types[i].bits == 16 ? 4 : 1); f++)
          test_product(module, &types[i], mode, f & 1, f & 2);
    }
    test_matrices(module, 0);
    test_matrices(module, 1);
    for (int by = 0; by < 32; by += 3)
      test_lanes(module, by);
    for (size_t i = 0; i < TC_COUNT(boxes); i++)
      test_box(module, &boxes[i]);
  }
  tc_sim_unload(module);
  tc_arena_free(&arena);
  test_refused();
  test_values();
  test_heads();
  return check_report();
}
