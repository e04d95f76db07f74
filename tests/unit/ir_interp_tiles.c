/* The oracle's tile operations against plain C written from their definitions. */
#include "unit/ir_kit.h"

static uint64_t next_random(uint64_t *state) {
  *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return *state >> 33;
}

/* Element `i` of an array in memory form, and back. */
static tc_imm element(enum tc_dtype type, const void *data, int64_t i) {
  size_t size_b = tc_dtype_row(type)->bits / 8;
  uint64_t bits = 0;
  memcpy(&bits, (const char *)data + (size_t)i * size_b, size_b);
  return tc_imm_from_bits(tc_scalar_type(type), bits);
}

static void set_element(enum tc_dtype type, void *data, int64_t i, tc_imm x) {
  size_t size_b = tc_dtype_row(type)->bits / 8;
  uint64_t bits = tc_imm_to_bits(tc_scalar_type(type), x);
  memcpy((char *)data + (size_t)i * size_b, &bits, size_b);
}

/* Small numbers, so that sums are exact in every type, or fractions when `rough`. */
static void fill_random(enum tc_dtype type, void *data, int64_t n, uint64_t seed, bool rough) {
  for (int64_t i = 0; i < n; i++) {
    int64_t x = (int64_t)(next_random(&seed) % 17) - 8;
    if (tc_dtype_row(type)->kind == TC_K_UINT) x += 8;
    if (tc_is_float(tc_scalar_type(type))) {
      set_element(type, data, i,
                  tc_imm_float(tc_scalar_type(type), rough ? (double)x / 7 : (double)x));
    } else {
      set_element(type, data, i, (tc_imm){.i = x});
    }
  }
}

static tc_value zeros[KIT_RANK];
static void set_zeros(struct kit *k) {
  for (int d = 0; d < KIT_RANK; d++)
    zeros[d] = kit_i(k, 0);
}

/* ---- copy, fill, transpose ---- */

/* Tiles of 4 x 8 at every corner: reads outside give the safe value, writes are dropped. */
static void copy_guards(struct kit *k) {
  float a[30], out[32], back[30];
  for (int n = 0; n < 30; n++)
    a[n] = (float)n, back[n] = -1;
  tc_value bx;
  tc_buf ab = kit_param(k, "A", TC_DT_float32, a, 5, 6);
  tc_buf ob = kit_param(k, "out", TC_DT_float32, out, 4, 8);
  tc_buf bb = kit_param(k, "back", TC_DT_float32, back, 5, 6);
  set_zeros(k);
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  int64_t tile[2] = {4, 8};
  tc_buf s = kit_alloc(k, kernel, "S", TC_SCOPE_shared, TC_DT_float32, 2, tile);
  tc_value corner[2] = {kit_i(k, 2), kit_i(k, -3)};
  tc_value from = kit_slice(k, ab, corner, tile), shared = kit_slice(k, s, zeros, tile);
  kit_stmt(k, kernel, TC_OP_copy, (tc_value[]){from, shared, kit_f(k, TC_DT_float32, 99)}, 3,
           tc_pl_copy(k->ir, (tc_copy){.flags = TC_COPY_SAFE}));
  kit_copy(k, kernel, shared, kit_slice(k, ob, zeros, tile));
  kit_copy(k, kernel, shared, kit_slice(k, bb, corner, tile));
  kit_run_ok(k);
  for (int i = 0; i < 4; i++) {
    for (int j = 0; j < 8; j++) {
      bool inside = 2 + i < 5 && j - 3 >= 0 && j - 3 < 6;
      kit_near(k, "out", i * 8 + j, (double)out[i * 8 + j],
               inside ? (double)a[(2 + i) * 6 + j - 3] : 99, 0);
    }
  }
  for (int n = 0; n < 30; n++) {
    bool written = n / 6 >= 2 && n % 6 < 5;
    kit_near(k, "back", n, (double)back[n], written ? n : -1, 0);
  }
}

/* A shared tile has no guard in dimensions of extent 1, and a proved one has none at all. */
static void copy_refusals(struct kit *k) {
  float a[8] = {0};
  tc_value bx;
  tc_buf ab = kit_param(k, "A", TC_DT_float32, a, 8, -1);
  set_zeros(k);
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  tc_buf s = kit_alloc(k, kernel, "S", TC_SCOPE_shared, TC_DT_float32, 2, (int64_t[]){2, 8});
  tc_value row[2] = {kit_i(k, 2), kit_i(k, 0)};
  int64_t eight = 8;
  kit_copy(k, kernel, kit_slice(k, ab, zeros, &eight), kit_slice(k, s, row, (int64_t[]){1, 8}));
  kit_run_error(k, "E0605", "index 2 is outside dimension 0 of shared buffer 'S'");
}

static void copy_wrong_proof(struct kit *k) {
  float a[8] = {0};
  tc_value bx, nine = kit_i(k, 9);
  tc_buf ab = kit_param(k, "A", TC_DT_float32, a, 8, -1);
  set_zeros(k);
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  tc_buf s = kit_alloc(k, kernel, "S", TC_SCOPE_shared, TC_DT_float32, 1, (int64_t[]){9});
  kit_copy(k, kernel, tc_slice(k->ir, ab, zeros, &nine, true), tc_slice_whole(k->ir, s));
  kit_run_error(k, "E0605", "index 8 is outside dimension 0 of global buffer 'A'");
}

static void copy_mismatch(struct kit *k) {
  float a[8] = {0};
  tc_value bx;
  tc_buf ab = kit_param(k, "A", TC_DT_float32, a, 8, -1);
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  tc_buf s = kit_alloc(k, kernel, "S", TC_SCOPE_shared, TC_DT_float32, 1, (int64_t[]){9});
  kit_copy(k, kernel, tc_slice_whole(k->ir, ab), tc_slice_whole(k->ir, s));
  kit_run_error(k, "E0614", "'A'[8] and 'S'[9]");
}

/* [3] and [2, 1] stretched over [2, 3]; extents of 1 dropped. */
static void copy_broadcast(struct kit *k) {
  int32_t row[3] = {1, 2, 3}, column[2] = {10, 20}, out[18] = {0};
  tc_value bx;
  tc_buf rb = kit_param(k, "row", TC_DT_int32, row, 3, -1);
  tc_buf cb = kit_param(k, "column", TC_DT_int32, column, 2, 1);
  tc_buf ob = kit_param(k, "out", TC_DT_int32, out, 6, 3);
  set_zeros(k);
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  tc_value at[2] = {kit_i(k, 0), kit_i(k, 0)};
  kit_copy(k, kernel, tc_slice_whole(k->ir, rb), kit_slice(k, ob, at, (int64_t[]){2, 3}));
  at[0] = kit_i(k, 2);
  kit_copy(k, kernel, tc_slice_whole(k->ir, cb), kit_slice(k, ob, at, (int64_t[]){2, 3}));
  at[0] = kit_i(k, 4);
  kit_copy(k, kernel, tc_slice_whole(k->ir, rb), kit_slice(k, ob, at, (int64_t[]){1, 3}));
  kit_run_ok(k);
  static const int wanted[18] = {1, 2, 3, 1, 2, 3, 10, 10, 10, 20, 20, 20, 1, 2, 3, 0, 0, 0};
  for (int n = 0; n < 18; n++)
    kit_near(k, "out", n, out[n], wanted[n], 0);
}

static void copy_converts(struct kit *k) {
  float a[6] = {1.4f, -2.6f, 300, -300, 1e9f, NAN};
  int8_t out[6];
  uint8_t fp8[6];
  tc_value bx;
  tc_buf ab = kit_param(k, "A", TC_DT_float32, a, 6, -1);
  tc_buf ob = kit_param(k, "out", TC_DT_int8, out, 6, -1);
  tc_buf fb = kit_param(k, "fp8", TC_DT_float8_e4m3fn, fp8, 6, -1);
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  kit_copy(k, kernel, tc_slice_whole(k->ir, ab), tc_slice_whole(k->ir, ob));
  kit_copy(k, kernel, tc_slice_whole(k->ir, ab), tc_slice_whole(k->ir, fb));
  kit_run_ok(k);
  static const int wanted[6] = {1, -2, 127, -128, 127, 0};
  static const double wanted_fp8[6] = {1.375, -2.5, 288, -288, 448, NAN};
  for (int n = 0; n < 6; n++) {
    kit_near(k, "out", n, out[n], wanted[n], 0);
    kit_near(k, "fp8", n, element(TC_DT_float8_e4m3fn, fp8, n).f, wanted_fp8[n], 0);
  }
}

/* Overlapping tiles of one buffer: as if the source was read first, in both directions. */
static void copy_overlap(struct kit *k) {
  int32_t up[10], down[10];
  for (int n = 0; n < 10; n++)
    up[n] = down[n] = n;
  tc_value bx;
  tc_buf ub = kit_param(k, "up", TC_DT_int32, up, 10, -1);
  tc_buf db = kit_param(k, "down", TC_DT_int32, down, 10, -1);
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  tc_value zero = kit_i(k, 0), two = kit_i(k, 2);
  int64_t eight = 8;
  kit_copy(k, kernel, kit_slice(k, ub, &zero, &eight), kit_slice(k, ub, &two, &eight));
  kit_copy(k, kernel, kit_slice(k, db, &two, &eight), kit_slice(k, db, &zero, &eight));
  kit_run_ok(k);
  for (int n = 0; n < 10; n++) {
    kit_near(k, "up", n, up[n], n < 2 ? n : n - 2, 0);
    kit_near(k, "down", n, down[n], n < 8 ? n + 2 : n, 0);
  }
}

static void copy_undefined(struct kit *k) {
  float out[4];
  tc_value bx;
  tc_buf ob = kit_param(k, "out", TC_DT_float32, out, 4, -1);
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  int64_t four = 4;
  tc_buf s = kit_alloc(k, kernel, "S", TC_SCOPE_shared, TC_DT_float32, 1, &four);
  tc_buf f = kit_alloc(k, kernel, "F", TC_SCOPE_fragment, TC_DT_float32, 1, &four);
  kit_copy(k, kernel, tc_slice_whole(k->ir, s), tc_slice_whole(k->ir, f));
  kit_copy(k, kernel, tc_slice_whole(k->ir, f), tc_slice_whole(k->ir, ob));
  kit_run_error(k, "E0607", "it was read here from 'F'");
}

static void fill_and_transpose(struct kit *k) {
  int32_t a[6], out[6], filled[8];
  for (int n = 0; n < 6; n++)
    a[n] = n;
  for (int n = 0; n < 8; n++)
    filled[n] = -1;
  tc_value bx, five = kit_i(k, 5);
  tc_buf ab = kit_param(k, "A", TC_DT_int32, a, 2, 3);
  tc_buf ob = kit_param(k, "out", TC_DT_int32, out, 3, 2);
  tc_buf fb = kit_param(k, "filled", TC_DT_int32, filled, 8, -1);
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  tc_value whole[2] = {tc_slice_whole(k->ir, ab), tc_slice_whole(k->ir, ob)};
  kit_stmt(k, kernel, TC_OP_transpose, whole, 2, 0);
  int64_t six = 6;
  tc_value fill[2] = {kit_slice(k, fb, &five, &six), kit_i(k, 3)};
  kit_stmt(k, kernel, TC_OP_fill, fill, 2, 0);
  kit_run_ok(k);
  for (int n = 0; n < 6; n++)
    kit_near(k, "out", n, out[n], a[n % 2 * 3 + n / 2], 0);
  for (int n = 0; n < 8; n++)
    kit_near(k, "filled", n, filled[n], n < 5 ? -1 : 3, 0);
}

/* ---- gemm ---- */

struct gemm_case {
  enum tc_dtype in, out;
  int m, n, k;
  bool trans_a, trans_b, clear, staged;
};

static const struct gemm_case gemm_cases[] = {
    {TC_DT_float16, TC_DT_float32, 5, 7, 9, false, false, false, false},
    {TC_DT_float16, TC_DT_float32, 8, 4, 16, false, true, true, false},
    {TC_DT_float32, TC_DT_float32, 6, 3, 33, true, false, false, false},
    {TC_DT_float32, TC_DT_float32, 6, 3, 33, true, true, false, true},
    {TC_DT_bfloat16, TC_DT_bfloat16, 3, 5, 40, false, true, false, false},
    {TC_DT_float16, TC_DT_float16, 4, 4, 64, false, false, true, false},
    {TC_DT_float64, TC_DT_float64, 4, 4, 10, true, false, false, false},
    {TC_DT_int8, TC_DT_int32, 4, 6, 20, false, true, false, false},
    {TC_DT_uint8, TC_DT_int32, 4, 6, 20, false, false, true, false},
    {TC_DT_float8_e4m3fn, TC_DT_float32, 4, 6, 20, false, true, false, false},
    {TC_DT_float32, TC_DT_float32, 4, 6, 0, false, false, true, false},
};

/* Sums in double; the oracle's order of float32 additions keeps within k * eps of them. */
static void check_gemm(struct kit *k, const struct gemm_case *c) {
  enum { MOST = 512 };
  double a[MOST], b[MOST], out[MOST], start[MOST];
  fill_random(c->in, a, c->m * c->k, 11, true);
  fill_random(c->in, b, c->k * c->n, 22, true);
  fill_random(c->out, out, c->m * c->n, 33, true);
  memcpy(start, out, sizeof start);
  tc_value bx, in[4];
  tc_buf ab = kit_param(k, "A", c->in, a, c->trans_a ? c->k : c->m, c->trans_a ? c->m : c->k);
  tc_buf bb = kit_param(k, "B", c->in, b, c->trans_b ? c->n : c->k, c->trans_b ? c->k : c->n);
  tc_buf cb = kit_param(k, "C", c->out, out, c->m, c->n);
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  in[0] = tc_slice_whole(k->ir, ab);
  in[1] = tc_slice_whole(k->ir, bb);
  in[2] = tc_slice_whole(k->ir, cb);
  in[3] = kit_op(k, TC_OP_eq, bx, kit_i(k, c->clear ? 0 : 5));
  tc_gemm gemm = {.trans_a = c->trans_a, .trans_b = c->trans_b, .clear = c->clear && !c->staged};
  kit_stmt(k, kernel, TC_OP_gemm, in, c->staged ? 4 : 3, tc_pl_gemm(k->ir, gemm));
  kit_run_ok(k);
  double eps = c->out == TC_DT_float64    ? 0x1p-52
               : c->out == TC_DT_bfloat16 ? 0x1p-8
               : c->out == TC_DT_float16  ? 0x1p-11
                                          : 0x1p-23;
  bool exact = !tc_is_float(tc_scalar_type(c->out));
  for (int i = 0; i < c->m; i++) {
    for (int j = 0; j < c->n; j++) {
      tc_imm old = element(c->out, start, i * c->n + j), saw = element(c->out, out, i * c->n + j);
      double sum = c->clear ? 0 : exact ? (double)old.i : old.f, size = fabs(sum);
      for (int d = 0; d < c->k; d++) {
        tc_imm x = element(c->in, a, c->trans_a ? d * c->m + i : i * c->k + d);
        tc_imm y = element(c->in, b, c->trans_b ? j * c->k + d : d * c->n + j);
        double product = exact ? (double)(x.i * y.i) : x.f * y.f;
        sum += product;
        size += fabs(product);
      }
      double sum_eps = c->out == TC_DT_float64 ? 0x1p-53 : 0x1p-24;
      double slack = exact ? 0 : size * (eps + c->k * sum_eps);
      kit_near(k, tc_dtype_row(c->in)->name, i * c->n + j, exact ? (double)saw.i : saw.f, sum,
               slack);
    }
  }
}

static const struct gemm_case *gemm_now;
static void gemm_case(struct kit *k) {
  check_gemm(k, gemm_now);
}

/* float32 sums round after every product and every addition, in order of k. */
static void gemm_order(struct kit *k) {
  float a[3] = {0x1p24f, 1, -0x1p24f}, b[3] = {1, 1, 1}, out[1] = {0};
  tc_value bx;
  tc_buf ab = kit_param(k, "A", TC_DT_float32, a, 1, 3);
  tc_buf bb = kit_param(k, "B", TC_DT_float32, b, 3, 1);
  tc_buf cb = kit_param(k, "C", TC_DT_float32, out, 1, 1);
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  tc_value in[3] = {tc_slice_whole(k->ir, ab), tc_slice_whole(k->ir, bb),
                    tc_slice_whole(k->ir, cb)};
  kit_stmt(k, kernel, TC_OP_gemm, in, 3, tc_pl_gemm(k->ir, (tc_gemm){.clear = true}));
  kit_run_ok(k);
  kit_near(k, "C", 0, (double)out[0], 0, 0); /* 2^24 + 1 rounds to 2^24 */
}

/* Tiled over blocks and a k loop with ragged edges, through shared memory and a fragment. */
static void gemm_tiled(struct kit *k) {
  enum { M = 37, N = 29, K = 50, BM = 16, BN = 8, BK = 16 };
  static float a[M * K], b[K * N], c[M * N];
  for (int n = 0; n < M * K; n++)
    a[n] = (float)(n * 7 % 11 - 5);
  for (int n = 0; n < K * N; n++)
    b[n] = (float)(n * 5 % 13 - 6);
  tc_value bx, by, i;
  tc_buf ab = kit_param(k, "A", TC_DT_float32, a, M, K);
  tc_buf bb = kit_param(k, "B", TC_DT_float32, b, K, N);
  tc_buf cb = kit_param(k, "C", TC_DT_float32, c, M, N);
  k->args[2].array.poisoned = true;
  tc_region kernel =
      kit_kernel2(k, kit_i(k, (N + BN - 1) / BN), kit_i(k, (M + BM - 1) / BM), &bx, &by);
  tc_buf as = kit_alloc(k, kernel, "As", TC_SCOPE_shared, TC_DT_float32, 2, (int64_t[]){BM, BK});
  tc_buf bs = kit_alloc(k, kernel, "Bs", TC_SCOPE_shared, TC_DT_float32, 2, (int64_t[]){BK, BN});
  tc_buf acc =
      kit_alloc(k, kernel, "acc", TC_SCOPE_fragment, TC_DT_float32, 2, (int64_t[]){BM, BN});
  tc_value fill[2] = {tc_slice_whole(k->ir, acc), kit_f(k, TC_DT_float32, 0)};
  kit_stmt(k, kernel, TC_OP_fill, fill, 2, 0);
  tc_region body = kit_for(k, kernel, kit_i(k, 0), kit_i(k, (K + BK - 1) / BK), 1, &i);
  tc_value row = kit_op(k, TC_OP_mul, by, kit_i(k, BM));
  tc_value column = kit_op(k, TC_OP_mul, bx, kit_i(k, BN));
  tc_value depth = kit_op(k, TC_OP_mul, i, kit_i(k, BK));
  kit_copy(k, body, kit_slice(k, ab, (tc_value[]){row, depth}, (int64_t[]){BM, BK}),
           tc_slice_whole(k->ir, as));
  kit_copy(k, body, kit_slice(k, bb, (tc_value[]){depth, column}, (int64_t[]){BK, BN}),
           tc_slice_whole(k->ir, bs));
  tc_value in[3] = {tc_slice_whole(k->ir, as), tc_slice_whole(k->ir, bs),
                    tc_slice_whole(k->ir, acc)};
  kit_stmt(k, body, TC_OP_gemm, in, 3, tc_pl_gemm(k->ir, (tc_gemm){0}));
  kit_copy(k, kernel, tc_slice_whole(k->ir, acc),
           kit_slice(k, cb, (tc_value[]){row, column}, (int64_t[]){BM, BN}));
  k->limits.seed = 99;
  kit_run_ok(k);
  for (int n = 0; n < M * N; n++) {
    double sum = 0;
    for (int d = 0; d < K; d++)
      sum += (double)a[n / N * K + d] * (double)b[d * N + n % N];
    kit_near(k, "C", n, (double)c[n], sum, 0);
  }
}

/* One undefined element of A makes one row of C undefined, one of B one column, no more. */
static void gemm_poison(struct kit *k) {
  float out[4] = {0};
  tc_value bx;
  tc_buf ob = kit_param(k, "out", TC_DT_float32, out, 2, 2);
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  int64_t box[2] = {2, 2};
  tc_buf a = kit_alloc(k, kernel, "A", TC_SCOPE_shared, TC_DT_float32, 2, box);
  tc_buf b = kit_alloc(k, kernel, "B", TC_SCOPE_shared, TC_DT_float32, 2, box);
  tc_buf c = kit_alloc(k, kernel, "C", TC_SCOPE_fragment, TC_DT_float32, 2, box);
  for (int n = 0; n < 3; n++) {
    kit_store2(k, kernel, a, kit_i(k, n / 2), kit_i(k, n % 2), kit_f(k, TC_DT_float32, 2));
    kit_store2(k, kernel, b, kit_i(k, n / 2), kit_i(k, n % 2), kit_f(k, TC_DT_float32, 1));
  }
  tc_value in[3] = {tc_slice_whole(k->ir, a), tc_slice_whole(k->ir, b), tc_slice_whole(k->ir, c)};
  kit_stmt(k, kernel, TC_OP_gemm, in, 3, tc_pl_gemm(k->ir, (tc_gemm){.clear = true}));
  tc_value defined = kit_i(k, 0), which = tc_var_value(k->ir, kit_dim(k, "W"));
  tc_buf wb = kit_param_of(k, "which", TC_DT_float32, 1, &which, out, (int64_t[]){0});
  (void)wb;
  kit_store2(k, kernel, ob, defined, defined, kit_load2(k, kernel, c, defined, defined));
  tc_value row = kit_op(k, TC_OP_floordiv, which, kit_i(k, 2));
  tc_value column = kit_op(k, TC_OP_floormod, which, kit_i(k, 2));
  kit_store2(k, kernel, ob, row, column, kit_load2(k, kernel, c, row, column));
  kit_run_ok(k);
  kit_near(k, "out", 0, (double)out[0], 4, 0);
  for (int n = 1; n < 4; n++) {
    k->shapes[1][0] = n;
    k->ir->diags->all.n = k->ir->diags->n_errors = 0;
    kit_run_error(k, "E0607", "'C'");
  }
}

/* Not cleared: the old C takes part, and undefined it stays. */
static void gemm_uncleared(struct kit *k) {
  float one[1] = {1}, out[1] = {0};
  tc_value bx;
  tc_buf ab = kit_param(k, "A", TC_DT_float32, one, 1, 1);
  tc_buf ob = kit_param(k, "out", TC_DT_float32, out, 1, 1);
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  tc_buf c = kit_alloc(k, kernel, "C", TC_SCOPE_fragment, TC_DT_float32, 2, (int64_t[]){1, 1});
  tc_value in[3] = {tc_slice_whole(k->ir, ab), tc_slice_whole(k->ir, ab), tc_slice_whole(k->ir, c)};
  kit_stmt(k, kernel, TC_OP_gemm, in, 3, tc_pl_gemm(k->ir, (tc_gemm){0}));
  kit_copy(k, kernel, tc_slice_whole(k->ir, c), tc_slice_whole(k->ir, ob));
  kit_run_error(k, "E0607", "global buffer 'out'");
}

static void gemm_mismatch(struct kit *k) {
  float a[12] = {0}, c[9] = {0};
  tc_value bx;
  tc_buf ab = kit_param(k, "A", TC_DT_float32, a, 3, 4);
  tc_buf bb = kit_param(k, "B", TC_DT_float32, a, 3, 4);
  tc_buf cb = kit_param(k, "C", TC_DT_float32, c, 3, 3);
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  tc_value in[3] = {tc_slice_whole(k->ir, ab), tc_slice_whole(k->ir, bb),
                    tc_slice_whole(k->ir, cb)};
  kit_stmt(k, kernel, TC_OP_gemm, in, 3, tc_pl_gemm(k->ir, (tc_gemm){0}));
  kit_run_error(k, "E0614", "'A'[3, 4] and 'B'[3, 4]");
}

/* ---- reduce and scan ---- */

struct reduce_case {
  enum tc_dtype type;
  enum tc_reduce_kind kind;
  uint32_t dim;
  bool clear, keep_dim;
};

static double combine(enum tc_reduce_kind kind, double a, double b) {
  int64_t x = (int64_t)a, y = (int64_t)b;
  switch (kind) {
  case TC_RED_SUM:
    return a + b;
  case TC_RED_ABSSUM:
    return a + fabs(b);
  case TC_RED_MAX:
    return a > b ? a : b;
  case TC_RED_ABSMAX:
    return a > fabs(b) ? a : fabs(b);
  case TC_RED_MIN:
    return a < b ? a : b;
  case TC_RED_BITAND:
    return (double)(x & y);
  case TC_RED_BITOR:
    return (double)(x | y);
  case TC_RED_BITXOR:
    return (double)(x ^ y);
  }
  return 0;
}

static double start_of(enum tc_reduce_kind kind) {
  if (kind == TC_RED_MAX) return -1e9;
  if (kind == TC_RED_MIN) return 1e9;
  return kind == TC_RED_BITAND ? -1 : 0;
}

static const struct reduce_case *reduce_now;

static void reduce_case(struct kit *k) {
  const struct reduce_case *c = reduce_now;
  enum { R = 3, C = 10 };
  double a[R * C], out[C], start[C];
  bool is_float = tc_is_float(tc_scalar_type(c->type));
  fill_random(c->type, a, R * C, 5, false);
  fill_random(c->type, out, C, 6, false);
  memcpy(start, out, sizeof start);
  int n_out = c->dim == 0 ? C : R, n_in = c->dim == 0 ? R : C;
  tc_value bx;
  tc_buf ab = kit_param(k, "A", c->type, a, R, C);
  tc_buf ob = c->keep_dim
                  ? kit_param(k, "out", c->type, out, c->dim == 0 ? 1 : R, c->dim == 0 ? C : 1)
                  : kit_param(k, "out", c->type, out, n_out, -1);
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  tc_value in[2] = {tc_slice_whole(k->ir, ab), tc_slice_whole(k->ir, ob)};
  tc_reduce reduce = {.kind = (uint8_t)c->kind, .dim = c->dim, .clear = c->clear};
  kit_stmt(k, kernel, TC_OP_reduce, in, 2, tc_pl_reduce(k->ir, reduce));
  kit_run_ok(k);
  for (int i = 0; i < n_out; i++) {
    double sum = start_of(c->kind);
    for (int j = 0; j < n_in; j++) {
      tc_imm x = element(c->type, a, c->dim == 0 ? j * C + i : i * C + j);
      sum = combine(c->kind, sum, is_float ? x.f : (double)x.i);
    }
    tc_imm old = element(c->type, start, i), saw = element(c->type, out, i);
    enum tc_reduce_kind plain = c->kind == TC_RED_ABSSUM   ? TC_RED_SUM
                                : c->kind == TC_RED_ABSMAX ? TC_RED_MAX
                                                           : c->kind;
    if (!c->clear) sum = combine(plain, sum, is_float ? old.f : (double)old.i);
    if (c->type == TC_DT_uint8) sum = (double)(uint8_t)(int64_t)sum;
    kit_near(k, tc_dtype_row(c->type)->name, i, is_float ? saw.f : (double)saw.i, sum, 0);
  }
}

static void reduce_all(struct kit *totals) {
  static const enum tc_dtype types[] = {TC_DT_float32, TC_DT_float16, TC_DT_float64,
                                        TC_DT_int32,   TC_DT_int8,    TC_DT_uint8};
  for (size_t t = 0; t < TC_COUNT(types); t++) {
    for (int kind = TC_RED_SUM; kind <= TC_RED_BITXOR; kind++) {
      if (kind >= TC_RED_BITAND && tc_is_float(tc_scalar_type(types[t]))) continue;
      for (int form = 0; form < 8; form++) {
        struct reduce_case c = {types[t], (enum tc_reduce_kind)kind, form & 1, form & 2, form & 4};
        reduce_now = &c;
        kit_run_case(totals, "reduce_case", reduce_case);
      }
    }
  }
}

static void reduce_wraps(struct kit *k) {
  int8_t a[4] = {100, 100, 1, 1}, out[1];
  tc_value bx;
  tc_buf ab = kit_param(k, "A", TC_DT_int8, a, 4, -1);
  tc_buf ob = kit_param(k, "out", TC_DT_int8, out, 1, -1);
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  tc_value in[2] = {tc_slice_whole(k->ir, ab), tc_slice_whole(k->ir, ob)};
  kit_stmt(k, kernel, TC_OP_reduce, in, 2,
           tc_pl_reduce(k->ir, (tc_reduce){.kind = TC_RED_SUM, .clear = true}));
  kit_run_ok(k);
  kit_near(k, "out", 0, out[0], -54, 0);
}

/* A sum of float16 is kept in float32: 2048 + 1 + 1 would be 2048 in float16. Rounded once. */
static void reduce_precision(struct kit *k) {
  uint16_t a[3], out[1];
  tc_type half = tc_scalar_type(TC_DT_float16);
  static const double values[3] = {2048, 1, 1};
  for (int n = 0; n < 3; n++)
    a[n] = (uint16_t)tc_imm_to_bits(half, (tc_imm){.f = values[n]});
  tc_value bx;
  tc_buf ab = kit_param(k, "A", TC_DT_float16, a, 3, -1);
  tc_buf ob = kit_param(k, "out", TC_DT_float16, out, 1, -1);
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  tc_value in[2] = {tc_slice_whole(k->ir, ab), tc_slice_whole(k->ir, ob)};
  kit_stmt(k, kernel, TC_OP_reduce, in, 2,
           tc_pl_reduce(k->ir, (tc_reduce){.kind = TC_RED_SUM, .clear = true}));
  kit_run_ok(k);
  kit_near(k, "out", 0, tc_imm_from_bits(half, out[0]).f, 2050, 0);
}

static void reduce_nan(struct kit *k) {
  float a[4] = {1, NAN, 3, 2}, out[4] = {0};
  tc_value bx;
  tc_buf ab = kit_param(k, "A", TC_DT_float32, a, 4, -1);
  tc_buf ob = kit_param(k, "out", TC_DT_float32, out, 4, -1);
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  static const enum tc_reduce_kind kinds[4] = {TC_RED_MAX, TC_RED_MIN, TC_RED_MAX, TC_RED_ABSMAX};
  int64_t one = 1;
  for (int n = 0; n < 4; n++) {
    tc_value at = kit_i(k, n);
    tc_value in[2] = {tc_slice_whole(k->ir, ab), kit_slice(k, ob, &at, &one)};
    tc_reduce reduce = {.kind = (uint8_t)kinds[n], .clear = true, .nan_propagate = n >= 2};
    kit_stmt(k, kernel, TC_OP_reduce, in, 2, tc_pl_reduce(k->ir, reduce));
  }
  kit_run_ok(k);
  static const double wanted[4] = {3, 1, NAN, NAN};
  for (int n = 0; n < 4; n++)
    kit_near(k, "out", n, (double)out[n], wanted[n], 0);
}

struct scan_case {
  enum tc_dtype type;
  enum tc_reduce_kind kind;
  uint32_t dim;
  bool reverse, in_place;
};
static const struct scan_case *scan_now;

static void scan_case(struct kit *k) {
  const struct scan_case *c = scan_now;
  enum { R = 4, C = 6 };
  double a[R * C], out[R * C], start[R * C];
  bool is_float = tc_is_float(tc_scalar_type(c->type));
  fill_random(c->type, a, R * C, 8, false);
  memcpy(start, a, sizeof start);
  tc_value bx;
  tc_buf ab = kit_param(k, "A", c->type, a, R, C);
  tc_buf ob = kit_param(k, "out", c->type, out, R, C);
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  tc_value in[2] = {tc_slice_whole(k->ir, ab), tc_slice_whole(k->ir, c->in_place ? ab : ob)};
  tc_scan scan = {.kind = (uint8_t)c->kind, .dim = c->dim, .reverse = c->reverse};
  kit_stmt(k, kernel, TC_OP_scan, in, 2, tc_pl_scan(k->ir, scan));
  kit_run_ok(k);
  int n_lines = c->dim == 0 ? C : R, n = c->dim == 0 ? R : C;
  for (int line = 0; line < n_lines; line++) {
    double sum = start_of(c->kind);
    for (int i = 0; i < n; i++) {
      int p = c->reverse ? n - 1 - i : i, at = c->dim == 0 ? p * C + line : line * C + p;
      tc_imm x = element(c->type, start, at);
      tc_imm saw = element(c->type, c->in_place ? a : out, at);
      sum = combine(c->kind, sum, is_float ? x.f : (double)x.i);
      kit_near(k, tc_dtype_row(c->type)->name, at, is_float ? saw.f : (double)saw.i, sum, 0);
    }
  }
}

static void scan_all(struct kit *totals) {
  static const enum tc_dtype types[] = {TC_DT_float32, TC_DT_bfloat16, TC_DT_int32, TC_DT_int8};
  for (size_t t = 0; t < TC_COUNT(types); t++) {
    for (int form = 0; form < 16; form++) {
      struct scan_case c = {types[t], form & 8 ? TC_RED_MAX : TC_RED_SUM, form & 1, form & 2,
                            form & 4};
      scan_now = &c;
      kit_run_case(totals, "scan_case", scan_case);
    }
  }
}

/* Rows scanned into the next rows of the same buffer: all rows are read before one is written. */
static void scan_overlap(struct kit *k) {
  int32_t a[12];
  for (int n = 0; n < 12; n++)
    a[n] = n;
  tc_value bx;
  tc_buf ab = kit_param(k, "A", TC_DT_int32, a, 4, 3);
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  int64_t box[2] = {3, 3};
  tc_value from[2] = {kit_i(k, 0), kit_i(k, 0)}, to[2] = {kit_i(k, 1), kit_i(k, 0)};
  tc_value in[2] = {kit_slice(k, ab, from, box), kit_slice(k, ab, to, box)};
  tc_scan scan = {.kind = TC_RED_SUM, .dim = 1};
  kit_stmt(k, kernel, TC_OP_scan, in, 2, tc_pl_scan(k->ir, scan));
  kit_run_ok(k);
  static const int wanted[12] = {0, 1, 2, 0, 1, 3, 3, 7, 12, 6, 13, 21};
  for (int n = 0; n < 12; n++)
    kit_near(k, "A", n, a[n], wanted[n], 0);
}

/* ---- im2col and atomic_tile ---- */

static void im2col_matrix(struct kit *k) {
  enum { N = 2, H = 5, W = 4, C = 3, KERNEL = 3, S = 2, D = 1, P = 1, BM = 4, BK = 5 };
  enum {
    OH = (H + 2 * P - D * (KERNEL - 1) - 1) / S + 1,
    OW = (W + 2 * P - D * (KERNEL - 1) - 1) / S + 1
  };
  enum { ROWS = (N * OH * OW + BM - 1) / BM, COLUMNS = (KERNEL * KERNEL * C + BK - 1) / BK };
  static float image[N * H * W * C], out[ROWS * BM * COLUMNS * BK];
  for (int n = 0; n < N * H * W * C; n++)
    image[n] = (float)(n + 1);
  tc_value bx, by, shape[4] = {kit_i(k, N), kit_i(k, H), kit_i(k, W), kit_i(k, C)};
  tc_buf ib = kit_param_of(k, "image", TC_DT_float32, 4, shape, image, (int64_t[]){N, H, W, C});
  tc_buf ob = kit_param(k, "out", TC_DT_float32, out, ROWS * BM, COLUMNS * BK);
  tc_region kernel = kit_kernel2(k, kit_i(k, ROWS), kit_i(k, COLUMNS), &bx, &by);
  tc_buf s = kit_alloc(k, kernel, "S", TC_SCOPE_shared, TC_DT_float32, 2, (int64_t[]){BM, BK});
  tc_value in[4] = {tc_slice_whole(k->ir, ib), tc_slice_whole(k->ir, s), bx, by};
  tc_im2col how = {KERNEL, S, D, P};
  kit_stmt(k, kernel, TC_OP_im2col, in, 4, tc_pl_im2col(k->ir, how));
  tc_value at[2] = {kit_op(k, TC_OP_mul, bx, kit_i(k, BM)), kit_op(k, TC_OP_mul, by, kit_i(k, BK))};
  kit_copy(k, kernel, tc_slice_whole(k->ir, s), kit_slice(k, ob, at, (int64_t[]){BM, BK}));
  kit_run_ok(k);
  for (int row = 0; row < ROWS * BM; row++) {
    for (int column = 0; column < COLUMNS * BK; column++) {
      int n = row / (OH * OW), oh = row / OW % OH, ow = row % OW;
      int kh = column / (KERNEL * C), kw = column / C % KERNEL, c = column % C;
      int h = oh * S + kh * D - P, w = ow * S + kw * D - P;
      bool inside = n < N && kh < KERNEL && h >= 0 && h < H && w >= 0 && w < W;
      double wanted = inside ? (double)image[((n * H + h) * W + w) * C + c] : 0;
      kit_near(k, "out", row * COLUMNS * BK + column, (double)out[row * COLUMNS * BK + column],
               wanted, 0);
    }
  }
}

static void atomic_tiles(struct kit *k) {
  float sums[5] = {0, 0, 0, 0, 0};
  int32_t maxima[4] = {3, 3, 3, 3};
  tc_value bx;
  tc_buf sb = kit_param(k, "sums", TC_DT_float32, sums, 5, -1);
  tc_buf mb = kit_param(k, "maxima", TC_DT_int32, maxima, 4, -1);
  tc_region kernel = kit_kernel(k, kit_i(k, 3), &bx);
  int64_t four = 4;
  tc_buf s = kit_alloc(k, kernel, "S", TC_SCOPE_shared, TC_DT_int32, 1, &four);
  for (int n = 0; n < 4; n++)
    kit_store(k, kernel, s, kit_i(k, n), kit_op(k, TC_OP_add, bx, kit_i(k, n)));
  tc_value at = kit_op(k, TC_OP_mul, bx, kit_i(k, 2));
  tc_value add[2] = {kit_slice(k, sb, &at, &four), tc_slice_whole(k->ir, s)};
  kit_stmt(k, kernel, TC_OP_atomic_tile, add, 2,
           tc_pl_atomic(k->ir, (tc_atomic){.kind = TC_ATOMIC_ADD}));
  tc_value most[2] = {tc_slice_whole(k->ir, mb), tc_slice_whole(k->ir, s)};
  kit_stmt(k, kernel, TC_OP_atomic_tile, most, 2,
           tc_pl_atomic(k->ir, (tc_atomic){.kind = TC_ATOMIC_MAX}));
  kit_run_ok(k);
  double wanted[5] = {0}, wanted_max[4] = {3, 3, 3, 3};
  for (int block = 0; block < 3; block++) {
    for (int n = 0; n < 4; n++) {
      if (block * 2 + n < 5) wanted[block * 2 + n] += block + n;
      if (block + n > wanted_max[n]) wanted_max[n] = block + n;
    }
  }
  for (int n = 0; n < 5; n++)
    kit_near(k, "sums", n, (double)sums[n], wanted[n], 0);
  for (int n = 0; n < 4; n++)
    kit_near(k, "maxima", n, maxima[n], wanted_max[n], 0);
}

/* Tiles of any size end in the limit, not in a long run. */
static void tile_limits(struct kit *k) {
  float a[4] = {0};
  tc_value bx, zero = kit_i(k, 0);
  tc_buf ab = kit_param(k, "A", TC_DT_float32, a, 4, -1);
  tc_region kernel = kit_kernel(k, kit_i(k, 1), &bx);
  int64_t huge = INT32_MAX;
  tc_value fill[2] = {kit_slice(k, ab, &zero, &huge), kit_f(k, TC_DT_float32, 1)};
  kit_stmt(k, kernel, TC_OP_fill, fill, 2, 0);
  k->limits.steps = 1000000;
  kit_run_error(k, "E0611", "steps");
}

int main(void) {
  struct kit t = {0};
  KIT_CASE(&t, copy_guards);
  KIT_CASE(&t, copy_refusals);
  KIT_CASE(&t, copy_wrong_proof);
  KIT_CASE(&t, copy_mismatch);
  KIT_CASE(&t, copy_broadcast);
  KIT_CASE(&t, copy_converts);
  KIT_CASE(&t, copy_overlap);
  KIT_CASE(&t, copy_undefined);
  KIT_CASE(&t, fill_and_transpose);
  for (size_t n = 0; n < TC_COUNT(gemm_cases); n++) {
    gemm_now = &gemm_cases[n];
    KIT_CASE(&t, gemm_case);
  }
  KIT_CASE(&t, gemm_order);
  KIT_CASE(&t, gemm_tiled);
  KIT_CASE(&t, gemm_poison);
  KIT_CASE(&t, gemm_uncleared);
  KIT_CASE(&t, gemm_mismatch);
  reduce_all(&t);
  KIT_CASE(&t, reduce_wraps);
  KIT_CASE(&t, reduce_precision);
  KIT_CASE(&t, reduce_nan);
  scan_all(&t);
  KIT_CASE(&t, scan_overlap);
  KIT_CASE(&t, im2col_matrix);
  KIT_CASE(&t, atomic_tiles);
  KIT_CASE(&t, tile_limits);
  return kit_report(&t, "ir_interp_tiles");
}
