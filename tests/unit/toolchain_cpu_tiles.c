/* Tile operations as C against the interpreter: copy, fill, gemm, reduce, scan, transpose, im2col,
 * atomic_tile, over types, sizes that fit no vector, and tiles that leave their buffers. */
#include "cpu_kit.h"

static kit_cpu native(void) {
  return (kit_cpu){.isa = tc_cpu_isa_host()};
}

static uint32_t rng_state = 4711;
static uint32_t rng(void) {
  rng_state ^= rng_state << 13;
  rng_state ^= rng_state >> 17;
  rng_state ^= rng_state << 5;
  return rng_state;
}

/* Small integers, or any numbers in [-2, 2]. */
static void *numbers(enum tc_dtype d, size_t n, bool integers) {
  tc_type type = tc_scalar_type(d);
  uint32_t bits = tc_type_bits(type);
  unsigned char *a = calloc(n + 8, (bits + 7) / 8);
  for (size_t i = 0; i < n; i++) {
    int64_t whole = (int64_t)(rng() % 7) - 3;
    if (tc_type_kind(type) == TC_K_UINT || d == TC_DT_bool) whole = whole < 0 ? -whole : whole;
    double any = (double)rng() / 1073741824.0 - 2;
    tc_imm x = tc_is_float(type) ? tc_imm_float(type, integers ? (double)whole : any)
                                 : tc_imm_int(type, whole);
    uint64_t pattern = tc_imm_to_bits(type, x);
    for (uint32_t b = 0; b < bits; b++)
      if (pattern >> b & 1) a[(i * bits + b) / 8] |= (unsigned char)(1u << (i * bits + b) % 8);
  }
  return a;
}

static tc_value slice2(struct kit *k, tc_buf b, int64_t y, int64_t x, int64_t h, int64_t w) {
  return kit_slice(k, b, (tc_value[]){kit_i(k, y), kit_i(k, x)}, (int64_t[]){h, w});
}

/* ---- copies ---- */

typedef struct copy_case {
  enum tc_dtype from, to;
  int64_t fy, fx, ty, tx, h, w; /* tile origin in source and destination, extent */
} copy_case;

/* Through shared memory of another origin, from a 20 x 30 source to a 22 x 33 destination. */
static void copies(struct kit *k, enum tc_dtype from, enum tc_dtype on_chip, enum tc_dtype to) {
  enum { M = 20, N = 30, P = 22, Q = 34 };
  static const int64_t cases[][6] = {
      {0, 0, 0, 0, 20, 30},     {4, 6, 2, 8, 8, 16},     {-3, -5, 0, 0, 12, 16},
      {12, 20, 14, 20, 16, 16}, {-4, 0, -2, -6, 30, 40}, {3, 0, 5, 0, 1, 30},
      {0, 7, 0, 9, 20, 1},      {5, 5, 6, 6, 1, 1},      {-1, 3, 2, 2, 1, 9},
      {25, 3, 2, 2, 4, 4},
  };
  void *a = numbers(from, M * N, false), *c = numbers(to, P * Q, false);
  tc_buf A = kit_param(k, "A", from, a, M, N), C = kit_param(k, "C", to, c, P, Q);
  for (uint32_t i = 0; i < TC_COUNT(cases); i++) {
    const int64_t *x = cases[i];
    tc_value bx;
    tc_region body = kit_kernel(k, kit_i(k, 1), &bx);
    tc_buf S = kit_alloc(k, body, "S", TC_SCOPE_shared, on_chip, 2, (int64_t[]){x[4], x[5]});
    tc_value in[3] = {slice2(k, A, x[0], x[1], x[4], x[5]), tc_slice_whole(k->ir, S), {0}};
    bool safe = i % 2 == 0;
    if (safe) in[2] = kit_i(k, 1);
    kit_stmt(k, body, TC_OP_copy, in, safe ? 3 : 2,
             tc_pl_copy(k->ir, (tc_copy){.flags = safe ? TC_COPY_SAFE : 0}));
    kit_copy(k, body, tc_slice_whole(k->ir, S), slice2(k, C, x[2], x[3], x[4], x[5]));
  }
  kit_cpu cpu = native();
  kit_both(k, &cpu);
  free(a), free(c);
}
static void copy_f32(struct kit *k) {
  copies(k, TC_DT_float32, TC_DT_float32, TC_DT_float32);
}
static void copy_f32_f16(struct kit *k) {
  copies(k, TC_DT_float32, TC_DT_float16, TC_DT_float32);
}
static void copy_f16_f32(struct kit *k) {
  copies(k, TC_DT_float16, TC_DT_float32, TC_DT_float16);
}
static void copy_bf16_f8(struct kit *k) {
  copies(k, TC_DT_bfloat16, TC_DT_float8_e4m3fn, TC_DT_bfloat16);
}
static void copy_i8_i32(struct kit *k) {
  copies(k, TC_DT_int8, TC_DT_int32, TC_DT_uint8);
}
static void copy_i4(struct kit *k) {
  copies(k, TC_DT_int4, TC_DT_int4, TC_DT_int4);
}
static void copy_f4_f16(struct kit *k) {
  copies(k, TC_DT_float4_e2m1fn, TC_DT_float16, TC_DT_float4_e2m1fn);
}
static void copy_f6(struct kit *k) {
  copies(k, TC_DT_float6_e3m2fn, TC_DT_float6_e3m2fn, TC_DT_float6_e2m3fn);
}
static void copy_u2(struct kit *k) {
  copies(k, TC_DT_uint2, TC_DT_uint2, TC_DT_bool);
}
static void copy_tf32(struct kit *k) {
  copies(k, TC_DT_float32, TC_DT_tfloat32, TC_DT_tfloat32);
}
static void copy_f64(struct kit *k) {
  copies(k, TC_DT_float64, TC_DT_float64, TC_DT_int16);
}

/* Broadcast, dropped dimensions, block-dependent origins, and within one buffer. */
static void copy_shapes(struct kit *k) {
  enum { M = 12, N = 16 };
  float *a = numbers(TC_DT_float32, N, false), *c = numbers(TC_DT_float32, 4 * M * N, false);
  float *col = numbers(TC_DT_float32, M, false);
  int64_t three[3] = {4, M, N};
  tc_value shape[3] = {kit_i(k, 4), kit_i(k, M), kit_i(k, N)};
  tc_buf A = kit_param(k, "A", TC_DT_float32, a, N, -1);
  tc_buf C = kit_param_of(k, "C", TC_DT_float32, 3, shape, c, three);
  tc_buf K = kit_param(k, "K", TC_DT_float32, col, M, 1);
  tc_value bx;
  tc_region body = kit_kernel(k, kit_i(k, 2), &bx);
  tc_buf S = kit_alloc(k, body, "S", TC_SCOPE_shared, TC_DT_float32, 2, (int64_t[]){M, N});
  tc_value plane =
      kit_slice(k, C, (tc_value[]){bx, kit_i(k, 0), kit_i(k, 0)}, (int64_t[]){1, M, N});
  kit_copy(k, body, tc_slice_whole(k->ir, A), tc_slice_whole(k->ir, S)); /* a row to all rows */
  kit_copy(k, body, tc_slice_whole(k->ir, S), plane);
  tc_value next = kit_op(k, TC_OP_add, bx, kit_i(k, 2));
  kit_copy(k, body, tc_slice_whole(k->ir, K),
           tc_slice_whole(k->ir, S)); /* a column to all columns */
  kit_copy(k, body, slice2(k, S, 0, 0, M - 2, N), slice2(k, S, 2, 0, M - 2, N));
  kit_copy(k, body, tc_slice_whole(k->ir, S),
           kit_slice(k, C, (tc_value[]){next, kit_i(k, 0), kit_i(k, 0)}, (int64_t[]){1, M, N}));
  kit_cpu cpu = native();
  kit_both(k, &cpu);
  free(a), free(c), free(col);
}

static void fills(struct kit *k) {
  enum { M = 10, N = 18 };
  float *c = numbers(TC_DT_float32, M * N, false);
  unsigned char *d = numbers(TC_DT_int4, M * N, false);
  tc_buf C = kit_param(k, "C", TC_DT_float32, c, M, N), D = kit_param(k, "D", TC_DT_int4, d, M, N);
  tc_value bx;
  tc_region body = kit_kernel(k, kit_i(k, 3), &bx);
  tc_value y = kit_op(k, TC_OP_sub, kit_op(k, TC_OP_mul, bx, kit_i(k, 5)), kit_i(k, 2));
  tc_value part = kit_slice(k, C, (tc_value[]){y, kit_i(k, 5)}, (int64_t[]){4, 40});
  kit_stmt(k, body, TC_OP_fill, (tc_value[]){part, kit_f(k, TC_DT_float32, 2.5)}, 2, 0);
  tc_value nibbles = kit_slice(k, D, (tc_value[]){y, kit_i(k, 3)}, (int64_t[]){2, 6});
  kit_stmt(k, body, TC_OP_fill,
           (tc_value[]){nibbles, tc_const_int(k->ir, tc_scalar_type(TC_DT_int4), -3)}, 2, 0);
  kit_stmt(
      k, body, TC_OP_fill,
      (tc_value[]){slice2(k, D, 9, 17, 1, 1), tc_const_int(k->ir, tc_scalar_type(TC_DT_int4), 7)},
      2, 0);
  kit_cpu cpu = native();
  kit_both(k, &cpu);
  free(c), free(d);
}

/* ---- gemm ---- */

/* One product per shape and transposition, C = A B + C, kept on chip; out of a kernel each. */
static void gemm_case(struct kit *k, enum tc_dtype ta, enum tc_dtype tb, enum tc_dtype tc,
                      const int64_t (*shapes)[3], uint32_t n, enum tc_cpu_isa isa) {
  enum { MAX = 150 };
  bool integers = tc != TC_DT_float32 && tc != TC_DT_float64;
  void *a = numbers(ta, MAX * MAX, integers), *b = numbers(tb, MAX * MAX, integers),
       *c = numbers(tc, MAX * MAX * 4, integers);
  tc_buf A = kit_param(k, "A", ta, a, MAX, MAX), B = kit_param(k, "B", tb, b, MAX, MAX),
         C = kit_param(k, "C", tc, c, 4 * MAX, MAX);
  for (uint32_t i = 0; i < n * 4; i++) {
    const int64_t M = shapes[i / 4][0], N = shapes[i / 4][1], K = shapes[i / 4][2];
    bool trans_a = i & 1, trans_b = i & 2;
    tc_value bx;
    tc_region body = kit_kernel(k, kit_i(k, 1), &bx);
    int64_t sa[2] = {trans_a ? K : M, trans_a ? M : K}, sb[2] = {trans_b ? N : K, trans_b ? K : N};
    tc_buf As = kit_alloc(k, body, "As", TC_SCOPE_shared, ta, 2, sa),
           Bs = kit_alloc(k, body, "Bs", TC_SCOPE_shared, tb, 2, sb);
    tc_buf Cl = kit_alloc(k, body, "Cl", TC_SCOPE_fragment, tc, 2, (int64_t[]){M, N});
    kit_copy(k, body, slice2(k, A, 0, 0, sa[0], sa[1]), tc_slice_whole(k->ir, As));
    kit_copy(k, body, slice2(k, B, 0, 0, sb[0], sb[1]), tc_slice_whole(k->ir, Bs));
    int64_t row = MAX * (i % 4);
    kit_copy(k, body, slice2(k, C, row, 0, M, N), tc_slice_whole(k->ir, Cl));
    tc_value in[3] = {tc_slice_whole(k->ir, As), tc_slice_whole(k->ir, Bs),
                      tc_slice_whole(k->ir, Cl)};
    tc_gemm how = {.trans_a = trans_a, .trans_b = trans_b, .clear = i == 5};
    kit_stmt(k, body, TC_OP_gemm, in, 3, tc_pl_gemm(k->ir, how));
    kit_copy(k, body, tc_slice_whole(k->ir, Cl), slice2(k, C, row, 0, M, N));
  }
  kit_cpu cpu = {.isa = isa};
  /* c * K * eps * |A||B| with |A|, |B| <= 2 and partial sums through the later products. */
  if (!integers) cpu.slack[2].absolute = 4 * 150.0 * 16 * (tc == TC_DT_float64 ? 0x1p-52 : 0x1p-23);
  kit_both(k, &cpu);
  free(a), free(b), free(c);
}

static const int64_t few[][3] = {{16, 32, 16}, {13, 17, 9}, {1, 40, 33}, {64, 48, 40}};
static const int64_t many[][3] = {{128, 128, 32}, {14, 16, 5}, {3, 1, 1},      {29, 100, 64},
                                  {50, 31, 150},  {2, 150, 7}, {150, 16, 128}, {5, 33, 2}};

static void gemm_f32(struct kit *k) {
  gemm_case(k, TC_DT_float32, TC_DT_float32, TC_DT_float32, many, TC_COUNT(many),
            tc_cpu_isa_host());
}
static void gemm_f32_avx2(struct kit *k) {
  enum tc_cpu_isa isa = tc_cpu_isa_host();
  gemm_case(k, TC_DT_float32, TC_DT_float32, TC_DT_float32, many, TC_COUNT(many),
            isa > TC_ISA_avx2 && isa < TC_ISA_neon ? TC_ISA_avx2 : isa);
}
static void gemm_f32_generic(struct kit *k) {
  gemm_case(k, TC_DT_float32, TC_DT_float32, TC_DT_float32, few, TC_COUNT(few), TC_ISA_generic);
}
static void gemm_f16(struct kit *k) {
  gemm_case(k, TC_DT_float16, TC_DT_float16, TC_DT_float32, few, TC_COUNT(few), tc_cpu_isa_host());
}
static void gemm_f16_f16(struct kit *k) {
  gemm_case(k, TC_DT_float16, TC_DT_float16, TC_DT_float16, few, TC_COUNT(few), tc_cpu_isa_host());
}
static void gemm_bf16(struct kit *k) {
  gemm_case(k, TC_DT_bfloat16, TC_DT_bfloat16, TC_DT_float32, few, TC_COUNT(few),
            tc_cpu_isa_host());
}
static void gemm_f8(struct kit *k) {
  gemm_case(k, TC_DT_float8_e4m3fn, TC_DT_float8_e5m2, TC_DT_float32, few, TC_COUNT(few),
            tc_cpu_isa_host());
}
static void gemm_f64(struct kit *k) {
  gemm_case(k, TC_DT_float64, TC_DT_float64, TC_DT_float64, few, TC_COUNT(few), tc_cpu_isa_host());
}
static void gemm_tf32(struct kit *k) {
  gemm_case(k, TC_DT_tfloat32, TC_DT_tfloat32, TC_DT_float32, few, TC_COUNT(few),
            tc_cpu_isa_host());
}
static void gemm_i8(struct kit *k) {
  gemm_case(k, TC_DT_int8, TC_DT_int8, TC_DT_int32, many, TC_COUNT(many), tc_cpu_isa_host());
}
static void gemm_i8_generic(struct kit *k) {
  gemm_case(k, TC_DT_int8, TC_DT_uint8, TC_DT_int32, few, TC_COUNT(few), TC_ISA_generic);
}
static void gemm_u8_i4(struct kit *k) {
  gemm_case(k, TC_DT_uint8, TC_DT_int4, TC_DT_int32, few, TC_COUNT(few), tc_cpu_isa_host());
}
static void gemm_i32(struct kit *k) {
  gemm_case(k, TC_DT_int32, TC_DT_uint16, TC_DT_int8, few, TC_COUNT(few), tc_cpu_isa_host());
}
static void gemm_i64(struct kit *k) {
  gemm_case(k, TC_DT_int32, TC_DT_uint32, TC_DT_int64, few, TC_COUNT(few), tc_cpu_isa_host());
}
static void gemm_mixed(struct kit *k) {
  gemm_case(k, TC_DT_int8, TC_DT_float16, TC_DT_int32, few, TC_COUNT(few), tc_cpu_isa_host());
}
static const int64_t deep[][3] = {{15, 32, 1000}, {3, 20, 900}};
static void gemm_deep(struct kit *k) {
  int64_t K = deep[0][2];
  float *a = numbers(TC_DT_float32, 1000 * 1000, true), *c = numbers(TC_DT_float32, 1000, true);
  tc_buf A = kit_param(k, "A", TC_DT_float32, a, 1000, 1000),
         C = kit_param(k, "C", TC_DT_float32, c, 15, 32);
  tc_value bx;
  tc_region body = kit_kernel(k, kit_i(k, 1), &bx);
  tc_buf As = kit_alloc(k, body, "As", TC_SCOPE_shared, TC_DT_float32, 2, (int64_t[]){15, K});
  tc_buf Bs = kit_alloc(k, body, "Bs", TC_SCOPE_shared, TC_DT_float32, 2, (int64_t[]){K, 32});
  kit_copy(k, body, slice2(k, A, 0, 0, 15, K), tc_slice_whole(k->ir, As));
  kit_copy(k, body, slice2(k, A, 0, 0, K, 32), tc_slice_whole(k->ir, Bs));
  /* Straight into global memory, the first of two blocks of columns through a staged clear. */
  tc_value clear = kit_op(k, TC_OP_eq, bx, kit_i(k, 0));
  tc_value in[4] = {tc_slice_whole(k->ir, As), tc_slice_whole(k->ir, Bs), tc_slice_whole(k->ir, C),
                    clear};
  kit_stmt(k, body, TC_OP_gemm, in, 4, tc_pl_gemm(k->ir, (tc_gemm){0}));
  kit_stmt(k, body, TC_OP_gemm, in, 3, tc_pl_gemm(k->ir, (tc_gemm){0}));
  /* A part of a tile times its own neighbour, guarded at the edge. */
  tc_value parts[3] = {slice2(k, As, 1, 3, 7, 20), slice2(k, Bs, 990, 2, 20, 9),
                       slice2(k, C, 10, 30, 7, 9)};
  kit_stmt(k, body, TC_OP_gemm, parts, 3, tc_pl_gemm(k->ir, (tc_gemm){0}));
  kit_cpu cpu = native();
  kit_both(k, &cpu);
  free(a), free(c);
}

/* ---- reductions and scans ---- */

static void reduce_case(struct kit *k, enum tc_dtype from, enum tc_dtype to, bool floats) {
  enum { M = 21, N = 70, ROWS = 64 };
  static const enum tc_reduce_kind kinds[] = {TC_RED_SUM,    TC_RED_MAX,    TC_RED_MIN,
                                              TC_RED_ABSMAX, TC_RED_ABSSUM, TC_RED_BITAND,
                                              TC_RED_BITOR,  TC_RED_BITXOR};
  void *a = numbers(from, M * N, false), *c = numbers(to, ROWS * N, false);
  if (floats && from == TC_DT_float32) {
    float *x = a;
    x[3] = NAN, x[N] = -0.0f, x[200] = INFINITY;
    for (int j = 0; j < N; j++)
      x[5 * N + j] = j == 40 ? 0.0f : -0.0f;
    for (int j = 0; j < N; j++)
      x[6 * N + j] = NAN;
  }
  tc_buf A = kit_param(k, "A", from, a, M, N), C = kit_param(k, "C", to, c, ROWS, N);
  tc_value bx;
  tc_region body = kit_kernel(k, kit_i(k, 1), &bx);
  tc_buf S = kit_alloc(k, body, "S", TC_SCOPE_fragment, from, 2, (int64_t[]){M, N});
  kit_copy(k, body, tc_slice_whole(k->ir, A), tc_slice_whole(k->ir, S));
  uint32_t row = 0;
  for (uint32_t i = 0; i < TC_COUNT(kinds) * 4; i++) {
    enum tc_reduce_kind kind = kinds[i / 4];
    uint32_t dim = i % 2;
    bool clear = i & 2, bits = kind >= TC_RED_BITAND;
    if (bits && floats) continue;
    tc_reduce how = {.kind = (uint8_t)kind,
                     .dim = dim,
                     .clear = clear,
                     .nan_propagate = kind == TC_RED_MAX && clear};
    tc_buf R = kit_alloc(k, body, "R", TC_SCOPE_fragment, to, 1, (int64_t[]){dim ? M : N});
    tc_value line = slice2(k, C, row, 0, 1, dim ? M : N);
    kit_copy(k, body, line, tc_slice_whole(k->ir, R));
    kit_stmt(k, body, TC_OP_reduce,
             (tc_value[]){tc_slice_whole(k->ir, S), tc_slice_whole(k->ir, R)}, 2,
             tc_pl_reduce(k->ir, how));
    kit_copy(k, body, tc_slice_whole(k->ir, R), line);
    row++;
  }
  /* One that leaves its buffer: guarded, element by element. */
  tc_reduce how = {.kind = TC_RED_SUM, .dim = 1, .clear = true};
  tc_value beyond = slice2(k, A, M - 3, N - 10, 6, 20), line = slice2(k, C, row, 0, 1, 6);
  kit_stmt(k, body, TC_OP_reduce, (tc_value[]){beyond, line}, 2, tc_pl_reduce(k->ir, how));
  kit_cpu cpu = native();
  if (floats)
    cpu.slack[1] = (kit_slack){.ulp = to == TC_DT_float32 ? 2 : 1, .absolute = N * 2 * 2 * 0x1p-24};
  kit_both(k, &cpu);
  free(a), free(c);
}
static void reduce_f32(struct kit *k) {
  reduce_case(k, TC_DT_float32, TC_DT_float32, true);
}
static void reduce_f16(struct kit *k) {
  reduce_case(k, TC_DT_float16, TC_DT_float16, true);
}
static void reduce_f16_f32(struct kit *k) {
  reduce_case(k, TC_DT_bfloat16, TC_DT_float32, true);
}
static void reduce_f64(struct kit *k) {
  reduce_case(k, TC_DT_float64, TC_DT_float64, true);
}
static void reduce_i32(struct kit *k) {
  reduce_case(k, TC_DT_int32, TC_DT_int32, false);
}
static void reduce_i8_i16(struct kit *k) {
  reduce_case(k, TC_DT_int8, TC_DT_int16, false);
}
static void reduce_u8_i4(struct kit *k) {
  reduce_case(k, TC_DT_uint8, TC_DT_int4, false);
}
static void reduce_bool(struct kit *k) {
  reduce_case(k, TC_DT_bool, TC_DT_bool, false);
}
static void reduce_i8_f32(struct kit *k) {
  reduce_case(k, TC_DT_int8, TC_DT_float32, true);
}

static void scan_case(struct kit *k, enum tc_dtype from, enum tc_dtype to) {
  enum { M = 13, N = 67 };
  void *a = numbers(from, M * N, false), *c = numbers(to, 8 * M * N, false);
  tc_buf A = kit_param(k, "A", from, a, M, N), C = kit_param(k, "C", to, c, 8 * M, N);
  tc_value bx;
  tc_region body = kit_kernel(k, kit_i(k, 1), &bx);
  tc_buf S = kit_alloc(k, body, "S", TC_SCOPE_fragment, from, 2, (int64_t[]){M, N});
  kit_copy(k, body, tc_slice_whole(k->ir, A), tc_slice_whole(k->ir, S));
  for (uint32_t i = 0; i < 8; i++) {
    tc_scan how = {
        .kind = (uint8_t)(i & 1 ? TC_RED_MAX : TC_RED_SUM), .dim = i >> 1 & 1, .reverse = i & 4};
    tc_value to_rows = slice2(k, C, (int64_t)i * M, 0, M, N);
    kit_stmt(k, body, TC_OP_scan, (tc_value[]){tc_slice_whole(k->ir, S), to_rows}, 2,
             tc_pl_scan(k->ir, how));
  }
  tc_value whole = tc_slice_whole(k->ir, S);
  kit_stmt(k, body, TC_OP_scan, (tc_value[]){whole, whole}, 2,
           tc_pl_scan(k->ir, (tc_scan){.kind = TC_RED_SUM, .dim = 1}));
  kit_stmt(k, body, TC_OP_scan, (tc_value[]){whole, whole}, 2,
           tc_pl_scan(k->ir, (tc_scan){.kind = TC_RED_SUM, .dim = 0}));
  kit_copy(k, body, whole, slice2(k, C, 0, 0, M, N));
  kit_cpu cpu = native();
  kit_both(k, &cpu);
  free(a), free(c);
}
static void scan_f32(struct kit *k) {
  scan_case(k, TC_DT_float32, TC_DT_float32);
}
static void scan_i8_i32(struct kit *k) {
  scan_case(k, TC_DT_int8, TC_DT_int32);
}
static void scan_f16(struct kit *k) {
  scan_case(k, TC_DT_float16, TC_DT_float16);
}

/* ---- transpose, im2col, atomic tiles ---- */

static void transpose_case(struct kit *k, enum tc_dtype from, enum tc_dtype to) {
  enum { M = 21, N = 37 };
  void *a = numbers(from, M * N, false), *c = numbers(to, N * M, false),
       *d = numbers(from, M * M, false);
  tc_buf A = kit_param(k, "A", from, a, M, N), C = kit_param(k, "C", to, c, N, M),
         D = kit_param(k, "D", from, d, M, M);
  tc_value bx;
  tc_region body = kit_kernel(k, kit_i(k, 1), &bx);
  kit_stmt(k, body, TC_OP_transpose,
           (tc_value[]){tc_slice_whole(k->ir, A), tc_slice_whole(k->ir, C)}, 2, 0);
  kit_stmt(k, body, TC_OP_transpose,
           (tc_value[]){slice2(k, A, 18, -2, 8, 5), slice2(k, C, 33, 3, 5, 8)}, 2, 0);
  kit_stmt(k, body, TC_OP_transpose,
           (tc_value[]){tc_slice_whole(k->ir, D), tc_slice_whole(k->ir, D)}, 2, 0);
  kit_cpu cpu = native();
  kit_both(k, &cpu);
  free(a), free(c), free(d);
}
static void transpose_f32(struct kit *k) {
  transpose_case(k, TC_DT_float32, TC_DT_float32);
}
static void transpose_f16_f32(struct kit *k) {
  transpose_case(k, TC_DT_float16, TC_DT_float32);
}
static void transpose_i4(struct kit *k) {
  transpose_case(k, TC_DT_int4, TC_DT_int4);
}

static void im2cols(struct kit *k) {
  enum { B = 2, H = 9, W = 7, CH = 5, BM = 16, BK = 12 };
  void *a = numbers(TC_DT_float16, B * H * W * CH, false);
  float *c = numbers(TC_DT_float32, 6 * BM * BK, false);
  int64_t four[4] = {B, H, W, CH};
  tc_value shape[4] = {kit_i(k, B), kit_i(k, H), kit_i(k, W), kit_i(k, CH)};
  tc_buf A = kit_param_of(k, "A", TC_DT_float16, 4, shape, a, four),
         C = kit_param(k, "C", TC_DT_float32, c, 6 * BM, BK);
  static const tc_im2col how[] = {{3, 1, 1, 1}, {3, 2, 1, 0}, {2, 1, 3, 2}};
  for (uint32_t i = 0; i < 3; i++) {
    tc_value bx, by;
    tc_region body = kit_kernel2(k, kit_i(k, 6), kit_i(k, 4), &bx, &by);
    tc_buf S = kit_alloc(k, body, "S", TC_SCOPE_shared, TC_DT_float32, 2, (int64_t[]){BM, BK});
    tc_value in[4] = {tc_slice_whole(k->ir, A), tc_slice_whole(k->ir, S), bx, by};
    kit_stmt(k, body, TC_OP_im2col, in, 4, tc_pl_im2col(k->ir, how[i]));
    tc_value y = kit_op(k, TC_OP_mul, bx, kit_i(k, BM));
    tc_value to = kit_slice(k, C, (tc_value[]){y, kit_i(k, 0)}, (int64_t[]){BM, BK});
    tc_value add[2] = {to, tc_slice_whole(k->ir, S)};
    kit_stmt(k, body, TC_OP_atomic_tile, add, 2,
             tc_pl_atomic(k->ir, (tc_atomic){.kind = TC_ATOMIC_MAX}));
  }
  kit_cpu cpu = native();
  kit_both(k, &cpu);
  free(a), free(c);
}

static void atomic_tiles(struct kit *k) {
  enum { M = 10, N = 12 };
  float *a = numbers(TC_DT_float32, M * N, true), *c = numbers(TC_DT_float32, M * N, true);
  int16_t *h = numbers(TC_DT_float16, M * N, true);
  tc_buf A = kit_param(k, "A", TC_DT_float32, a, M, N),
         C = kit_param(k, "C", TC_DT_float32, c, M, N);
  tc_buf H = kit_param(k, "H", TC_DT_float16, h, M, N);
  tc_value bx;
  tc_region body = kit_kernel(k, kit_i(k, 3), &bx);
  uint32_t add = tc_pl_atomic(k->ir, (tc_atomic){.kind = TC_ATOMIC_ADD});
  tc_buf S = kit_alloc(k, body, "S", TC_SCOPE_shared, TC_DT_float32, 2, (int64_t[]){6, 8});
  kit_copy(k, body, slice2(k, A, 0, 0, 6, 8), tc_slice_whole(k->ir, S));
  tc_value y = kit_op(k, TC_OP_mul, bx, kit_i(k, 3));
  tc_value at[2] = {y, kit_i(k, 6)};
  kit_stmt(k, body, TC_OP_atomic_tile,
           (tc_value[]){kit_slice(k, C, at, (int64_t[]){6, 8}), tc_slice_whole(k->ir, S)}, 2, add);
  kit_stmt(k, body, TC_OP_atomic_tile,
           (tc_value[]){kit_slice(k, H, at, (int64_t[]){6, 8}), tc_slice_whole(k->ir, S)}, 2, add);
  kit_stmt(k, body, TC_OP_atomic_tile,
           (tc_value[]){kit_slice(k, H, at, (int64_t[]){2, 3}), kit_i(k, 2)}, 2, add);
  kit_stmt(k, body, TC_OP_atomic_tile,
           (tc_value[]){tc_slice_whole(k->ir, S), tc_slice_whole(k->ir, S)}, 2, add);
  kit_cpu cpu = native();
  kit_both(k, &cpu);
  free(a), free(c), free(h);
}

int main(void) {
  struct kit t = {0};
  KIT_CASE(&t, copy_f32);
  KIT_CASE(&t, copy_f32_f16);
  KIT_CASE(&t, copy_f16_f32);
  KIT_CASE(&t, copy_bf16_f8);
  KIT_CASE(&t, copy_i8_i32);
  KIT_CASE(&t, copy_i4);
  KIT_CASE(&t, copy_f4_f16);
  KIT_CASE(&t, copy_f6);
  KIT_CASE(&t, copy_u2);
  KIT_CASE(&t, copy_tf32);
  KIT_CASE(&t, copy_f64);
  KIT_CASE(&t, copy_shapes);
  KIT_CASE(&t, fills);
  KIT_CASE(&t, gemm_f32);
  KIT_CASE(&t, gemm_f32_avx2);
  KIT_CASE(&t, gemm_f32_generic);
  KIT_CASE(&t, gemm_f16);
  KIT_CASE(&t, gemm_f16_f16);
  KIT_CASE(&t, gemm_bf16);
  KIT_CASE(&t, gemm_f8);
  KIT_CASE(&t, gemm_f64);
  KIT_CASE(&t, gemm_tf32);
  KIT_CASE(&t, gemm_i8);
  KIT_CASE(&t, gemm_i8_generic);
  KIT_CASE(&t, gemm_u8_i4);
  KIT_CASE(&t, gemm_i32);
  KIT_CASE(&t, gemm_i64);
  KIT_CASE(&t, gemm_mixed);
  KIT_CASE(&t, gemm_deep);
  KIT_CASE(&t, reduce_f32);
  KIT_CASE(&t, reduce_f16);
  KIT_CASE(&t, reduce_f16_f32);
  KIT_CASE(&t, reduce_f64);
  KIT_CASE(&t, reduce_i32);
  KIT_CASE(&t, reduce_i8_i16);
  KIT_CASE(&t, reduce_u8_i4);
  KIT_CASE(&t, reduce_bool);
  KIT_CASE(&t, reduce_i8_f32);
  KIT_CASE(&t, scan_f32);
  KIT_CASE(&t, scan_i8_i32);
  KIT_CASE(&t, scan_f16);
  KIT_CASE(&t, transpose_f32);
  KIT_CASE(&t, transpose_f16_f32);
  KIT_CASE(&t, transpose_i4);
  KIT_CASE(&t, im2cols);
  KIT_CASE(&t, atomic_tiles);
  return kit_report(&t, "toolchain_cpu_tiles");
}
