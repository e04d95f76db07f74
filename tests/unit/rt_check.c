/* The argument checker on hand-made launch tables: every way an argument can be wrong, the
 * equations it solves, and how long it takes. */
#include "check_kit.h"
#include "rt/check.h"
#include "rt/os.h"

#include <stdlib.h>

#define ALL(code) (UINT32_C(1) << TILEC_##code)
#define CONSTANT(x)                                                                                \
  { .constant = (x), .is_constant = true }
#define VALUE(i)                                                                                   \
  { .value = (i) }

enum { MAX_ARGS = 4 };

typedef struct fixture {
  int64_t values[64];
  unsigned char bad[64];
  void *ptr[8];
  int64_t shapes[MAX_ARGS][TILEC_MAX_RANK], strides[MAX_ARGS][TILEC_MAX_RANK];
  tilec_tensor tensors[MAX_ARGS];
  tilec_arg args[MAX_ARGS];
  tc_rt_error error;
} fixture;

static float memory[3][4096];

/* gemm: A[m, k], B[k, n], C[m, n]; m, k from A, n from B; grid ceildiv(m, 32) */
static const tc_rt_number shape_a[] = {VALUE(0), VALUE(1)}, shape_b[] = {VALUE(1), VALUE(2)},
                          shape_c[] = {VALUE(0), VALUE(2)};
static const tc_rt_param gemm_params[] = {
    {"A", TILEC_PARAM_READ, 2, TILEC_FLOAT32, 32, 1, 4, ALL(FLOAT32), 0, 0, shape_a, NULL},
    {"B", TILEC_PARAM_READ, 2, TILEC_FLOAT32, 32, 1, 4, ALL(FLOAT32), 0, 0, shape_b, NULL},
    {"C", TILEC_PARAM_WRITTEN, 2, TILEC_FLOAT32, 32, 1, 4, ALL(FLOAT32), 0, 0, shape_c, NULL},
};
static const tc_rt_step gemm_steps[] = {
    {.word = 0, .param = 0, .axis = 0, .factor = 1, .highest = INT32_MAX},
    {.word = 1, .param = 0, .axis = 1, .factor = 1, .highest = INT32_MAX},
    {.word = 2, .param = 1, .axis = 1, .factor = 1, .highest = INT32_MAX},
    {.word = 0, .param = 2, .axis = 0, .factor = 1}, /* the other ways begin here */
    {.word = 2, .param = 2, .axis = 1, .factor = 1},
};
static const tc_rt_instr gemm_code[] = {
    {.op = TC_RT_OP_const, .type = TILEC_INT32, .as.constant = 31},
    {.op = TC_RT_OP_add, .type = TILEC_INT32, .a = 0, .as.of = {3, 0}},
    {.op = TC_RT_OP_const, .type = TILEC_INT32, .as.constant = 32},
    {.op = TC_RT_OP_floordiv, .type = TILEC_INT32, .a = 4, .as.of = {5, 0}},
    {.op = TC_RT_OP_floormod, .type = TILEC_INT32, .a = 1, .as.of = {5, 0}},
    {.op = TC_RT_OP_const, .type = TILEC_INT32, .as.constant = 0},
    {.op = TC_RT_OP_eq, .type = TILEC_INT32, .a = 7, .as.of = {8, 0}},
};
static const tc_rt_dim gemm_dims[] = {
    {"m", 0, TILEC_INT32}, {"k", 1, TILEC_INT32}, {"n", 2, TILEC_INT32}};
static const tc_rt_assert gemm_asserts[] = {{"gemm.py:3: k % 32 == 0", 9}};
static const tc_rt_kernel gemm_kernels[] = {
    {.name = "main", .n_grid = 2, .grid = {VALUE(6), CONSTANT(4)}}};
static const tc_rt_table gemm = {
    .version = TC_RT_VERSION,
    .name = "gemm",
    .params = gemm_params,
    .steps = gemm_steps,
    .code = gemm_code,
    .dims = gemm_dims,
    .asserts = gemm_asserts,
    .kernels = gemm_kernels,
    .n_params = 3,
    .n_steps = 3,
    .n_more = 2,
    .n_code = 7,
    .n_dims = 3,
    .n_asserts = 1,
    .n_kernels = 1,
    .is_plain = true,
    .n_words = 3,
    .n_tensors = 3,
};

static void set_tensor(fixture *f, int i, tilec_dtype dtype, void *data, int64_t d0, int64_t d1) {
  f->shapes[i][0] = d0;
  f->shapes[i][1] = d1;
  f->tensors[i] = (tilec_tensor){.size = sizeof(tilec_tensor),
                                 .data = data,
                                 .shape = f->shapes[i],
                                 .rank = 2,
                                 .dtype = (uint16_t)dtype};
  f->args[i] = (tilec_arg){.kind = TILEC_ARG_TENSOR, .as.tensor = &f->tensors[i]};
}

static void good_gemm(fixture *f, int64_t m, int64_t n, int64_t k) {
  memset(f, 0, sizeof *f);
  set_tensor(f, 0, TILEC_FLOAT32, memory[0], m, k);
  set_tensor(f, 1, TILEC_FLOAT32, memory[1], k, n);
  set_tensor(f, 2, TILEC_FLOAT32, memory[2], m, n);
}

static uint32_t run(fixture *f, const tc_rt_table *table, size_t n_args) {
  tc_rt_frame frame = {f->values, f->bad, f->ptr};
  f->error.code = 0;
  f->error.text[0] = 0;
  return tc_rt_check(table, f->args, n_args, &frame, &f->error);
}

#define EXPECT(f, table, n, want, part)                                                            \
  do {                                                                                             \
    CHECK(run(f, table, n) == (want));                                                             \
    CHECK_TEXT((f)->error.text, part);                                                             \
  } while (0)

/* ---- cases ---- */

static void accepts(void) {
  fixture f;
  good_gemm(&f, 33, 40, 64);
  EXPECT(&f, &gemm, 3, TC_RT_OK, "");
  CHECK(f.values[0] == 33 && f.values[1] == 64 && f.values[2] == 40);
  CHECK(f.ptr[0] == memory[0] && f.ptr[2] == memory[2]);
  tc_rt_frame frame = {f.values, f.bad, f.ptr};
  int32_t grid[3];
  CHECK(tc_rt_grid(&gemm, &frame, 0, grid, &f.error) == TC_RT_OK);
  CHECK(grid[0] == 2 && grid[1] == 4 && grid[2] == 1);
  good_gemm(&f, 3, 4, 0); /* k = 0: no memory needed */
  f.tensors[0].data = f.tensors[1].data = NULL;
  EXPECT(&f, &gemm, 3, TC_RT_OK, "");
}

static void kinds(void) {
  fixture f;
  good_gemm(&f, 32, 32, 32);
  EXPECT(&f, &gemm, 2, TC_RT_E_COUNT, "gemm takes 3 arguments, got 2");
  f.args[1].kind = TILEC_ARG_NONE;
  EXPECT(&f, &gemm, 3, TC_RT_E_KIND, "argument 'B' is nothing, expected a tensor");
  f.args[1] = (tilec_arg){.kind = TILEC_ARG_INT};
  EXPECT(&f, &gemm, 3, TC_RT_E_KIND, "argument 'B' is an integer, expected a tensor");
  f.args[1] = (tilec_arg){.kind = TILEC_ARG_TENSOR};
  EXPECT(&f, &gemm, 3, TC_RT_E_KIND, "argument 'B' is nothing");
  f.args[1] = (tilec_arg){.kind = 77};
  EXPECT(&f, &gemm, 3, TC_RT_E_KIND, "unknown kind");
}

static void types_and_ranks(void) {
  fixture f;
  good_gemm(&f, 32, 32, 32);
  f.tensors[0].dtype = TILEC_FLOAT64;
  EXPECT(&f, &gemm, 3, TC_RT_E_DTYPE, "argument 'A' holds float64, expected float32");
  f.tensors[0].dtype = 0;
  EXPECT(&f, &gemm, 3, TC_RT_E_DTYPE, "an unknown type");
  f.tensors[0].dtype = 4000;
  EXPECT(&f, &gemm, 3, TC_RT_E_DTYPE, "an unknown type");
  good_gemm(&f, 32, 32, 32);
  f.tensors[2].rank = 1;
  EXPECT(&f, &gemm, 3, TC_RT_E_RANK, "argument 'C' has rank 1 [32], expected rank 2");
  f.tensors[2].rank = 100000;
  EXPECT(&f, &gemm, 3, TC_RT_E_RANK, "has rank 100000");
  f.tensors[2].rank = 2;
  f.tensors[2].shape = NULL;
  EXPECT(&f, &gemm, 3, TC_RT_E_RANK, "argument 'C'");
}

static void shapes(void) {
  fixture f;
  good_gemm(&f, 32, 32, 32);
  f.shapes[1][0] = 31;
  EXPECT(&f, &gemm, 3, TC_RT_E_SHAPE,
         "argument 'B': dimension 0 of shape [31, 32] is 31, expected 32");
  good_gemm(&f, 32, 32, 32);
  f.shapes[0][0] = -1;
  EXPECT(&f, &gemm, 3, TC_RT_E_SHAPE, "argument 'A'");
  good_gemm(&f, (int64_t)1 << 31, 32, 32);
  EXPECT(&f, &gemm, 3, TC_RT_E_RANGE, "dimension 'm' is 2147483648, which int32 does not hold");
  good_gemm(&f, 32, 32, 33);
  EXPECT(&f, &gemm, 3, TC_RT_E_ASSERT, "gemm.py:3: k % 32 == 0");
}

static void memory_checks(void) {
  fixture f;
  good_gemm(&f, 32, 32, 32);
  f.tensors[0].data = NULL;
  EXPECT(&f, &gemm, 3, TC_RT_E_NULL, "argument 'A' is a null pointer");
  good_gemm(&f, 32, 32, 32);
  f.tensors[0].byte_offset = 2;
  EXPECT(&f, &gemm, 3, TC_RT_E_ALIGN, "argument 'A' starts at address");
  f.tensors[0].byte_offset = 8;
  EXPECT(&f, &gemm, 3, TC_RT_OK, "");
  CHECK(f.ptr[0] == (char *)memory[0] + 8);
  f.tensors[0].byte_offset = UINT64_MAX - 3;
  EXPECT(&f, &gemm, 3, TC_RT_E_SIZE, "argument 'A'");
  good_gemm(&f, 32, 32, 32);
  f.tensors[2].data = memory[1] + 512;
  EXPECT(&f, &gemm, 3, TC_RT_E_OVERLAP,
         "argument 'C' is written and shares memory with argument 'B'");
  f.tensors[2].data = memory[1] + 1024; /* side by side is fine */
  EXPECT(&f, &gemm, 3, TC_RT_OK, "");
  f.tensors[1].data = memory[0]; /* two that are only read may be the same */
  EXPECT(&f, &gemm, 3, TC_RT_OK, "");
  good_gemm(&f, 32, 0, 32); /* an empty tensor inside another shares nothing */
  f.tensors[2].data = memory[0] + 16;
  EXPECT(&f, &gemm, 3, TC_RT_OK, "");
}

static void contiguous_strides(void) {
  fixture f;
  good_gemm(&f, 32, 1, 32);
  f.tensors[0].strides = f.strides[0];
  f.strides[0][0] = 32, f.strides[0][1] = 1;
  EXPECT(&f, &gemm, 3, TC_RT_OK, "");
  f.strides[0][0] = 64;
  EXPECT(&f, &gemm, 3, TC_RT_E_STRIDE,
         "argument 'A': stride 0 of strides [64, 1] is 64, expected 32");
  f.strides[0][0] = 32;
  f.tensors[1].strides = f.strides[1]; /* [32, 1]: the stride of the extent 1 does not matter */
  f.strides[1][0] = 1, f.strides[1][1] = 12345;
  EXPECT(&f, &gemm, 3, TC_RT_OK, "");
}

/* DLPack says strides of every tensor, so a call from Python always has them. */
static void strides_take_the_short_way(void) {
  fixture f;
  good_gemm(&f, 32, 1, 32);
  const tc_rt_frame frame = {f.values, f.bad, f.ptr};
  for (int i = 0; i < 3; i++) {
    f.tensors[i].strides = f.strides[i];
    f.strides[i][0] = f.shapes[i][1], f.strides[i][1] = 1;
  }
  CHECK(tc_rt_check_quick(&gemm, f.args, 3, &frame));
  CHECK(f.values[0] == 32 && f.values[2] == 1 && f.ptr[2] == memory[2]);
  f.strides[1][1] = 12345; /* of an extent of 1 */
  CHECK(tc_rt_check_quick(&gemm, f.args, 3, &frame));
  f.strides[0][0] = 33;
  CHECK(!tc_rt_check_quick(&gemm, f.args, 3, &frame));
}

static void grids(void) {
  fixture f;
  int32_t grid[3];
  tc_rt_frame frame = {f.values, f.bad, f.ptr};
  good_gemm(&f, 0, 32, 32);
  EXPECT(&f, &gemm, 3, TC_RT_OK, "");
  CHECK(tc_rt_grid(&gemm, &frame, 0, grid, &f.error) == TC_RT_E_GRID);
  CHECK_TEXT(f.error.text, "grid extent 0 of kernel 'main' is 0");
}

/* Shapes of results from the arguments that are there, or from names. */
static void partial(void) {
  fixture f;
  int64_t x;
  tc_rt_frame frame = {f.values, f.bad, f.ptr};
  good_gemm(&f, 32, 64, 32);
  f.args[2].kind = TILEC_ARG_NONE;
  CHECK(tc_rt_bind(&gemm, f.args, 3, NULL, 0, &frame, &f.error) == TC_RT_OK);
  CHECK(tc_rt_number_of(&frame, &shape_c[0], &x) && x == 32);
  CHECK(tc_rt_number_of(&frame, &shape_c[1], &x) && x == 64);
  f.args[0].kind = TILEC_ARG_NONE;
  CHECK(tc_rt_bind(&gemm, f.args, 3, NULL, 0, &frame, &f.error) == TC_RT_OK);
  CHECK(!tc_rt_number_of(&frame, &shape_c[0], &x));
  CHECK(tc_rt_number_of(&frame, &shape_c[1], &x) && x == 64);
  CHECK(f.bad[6]); /* the grid depends on m */
  tilec_dim known[] = {{"m", 7}, {"nobody", 1}};
  CHECK(tc_rt_bind(&gemm, f.args, 3, known, 2, &frame, &f.error) == TC_RT_OK);
  CHECK(tc_rt_number_of(&frame, &shape_c[0], &x) && x == 7);
  f.args[1].kind = TILEC_ARG_NONE; /* C alone gives m and n through the other steps */
  f.args[2].kind = TILEC_ARG_TENSOR;
  CHECK(tc_rt_bind(&gemm, f.args, 3, NULL, 0, &frame, &f.error) == TC_RT_OK);
  CHECK(tc_rt_number_of(&frame, &shape_b[1], &x) && x == 64);
}

/* A[2 * m], B[m + n, packed 4-bit], s: int8, g: float32 */
static const tc_rt_number twice[] = {VALUE(6), CONSTANT(8)}, sum[] = {VALUE(4), VALUE(7)};
static const tc_rt_param odd_params[] = {
    {"A", TILEC_PARAM_READ, 2, TILEC_FLOAT32, 32, 1, 4, ALL(FLOAT32), 0, 0, twice, NULL},
    {"B", TILEC_PARAM_READ, 2, TILEC_INT4, 4, 2, 1, ALL(INT4), ALL(UINT8) | ALL(INT8), 0, sum,
     NULL},
    {"s", TC_RT_SCALAR, 0, TILEC_INT8, 8, 1, 1, 0, 0, 2, NULL, NULL},
    {"g", TC_RT_SCALAR, 0, TILEC_FLOAT32, 32, 1, 4, 0, 0, 3, NULL, NULL},
};
static const tc_rt_instr odd_code[] = {
    {.op = TC_RT_OP_add, .type = TILEC_INT32, .a = 0, .as.of = {1, 0}}, /* 4: m + n */
    {.op = TC_RT_OP_const, .type = TILEC_INT32, .as.constant = 2},      /* 5 */
    {.op = TC_RT_OP_mul, .type = TILEC_INT32, .a = 5, .as.of = {0, 0}}, /* 6: 2 * m */
    {.op = TC_RT_OP_mul, .type = TILEC_INT32, .a = 1, .as.of = {5, 0}}, /* 7: 2 * n */
};
static const tc_rt_step odd_steps[] = {
    {.word = 0, .param = 0, .axis = 0, .factor = 2},
    {.word = 1, .param = 1, .axis = 0, .factor = 1, .has_rest = true, .rest = 0},
};
static const tc_rt_dim odd_dims[] = {{"m", 0, TILEC_INT32}, {"n", 1, TILEC_INT64}};
static const tc_rt_table odd = {
    .version = TC_RT_VERSION,
    .name = "odd",
    .params = odd_params,
    .steps = odd_steps,
    .code = odd_code,
    .dims = odd_dims,
    .n_params = 4,
    .n_steps = 2,
    .n_code = 4,
    .n_dims = 2,
    .n_words = 4,
    .n_tensors = 2,
};

static void good_odd(fixture *f) {
  memset(f, 0, sizeof *f);
  set_tensor(f, 0, TILEC_FLOAT32, memory[0], 10, 8); /* m = 5 */
  set_tensor(f, 1, TILEC_UINT8, memory[1], 8, 3);    /* n = 3, 2 n = 6 elements in 3 bytes */
  f->args[2] = (tilec_arg){.kind = TILEC_ARG_INT, .as.i = -128};
  f->args[3] = (tilec_arg){.kind = TILEC_ARG_FLOAT, .as.f = 0.1};
}

static void equations(void) {
  fixture f;
  double g;
  good_odd(&f);
  EXPECT(&f, &odd, 4, TC_RT_OK, "");
  CHECK(f.values[0] == 5 && f.values[1] == 3 && f.values[2] == -128);
  memcpy(&g, &f.values[3], sizeof g);
  CHECK(g == (double)0.1f);
  f.shapes[0][0] = 11;
  EXPECT(&f, &odd, 4, TC_RT_E_SHAPE,
         "argument 'A': dimension 0 is 11, but no m >= 0 makes 2 * m + 0");
  good_odd(&f);
  f.shapes[1][0] = 4; /* n = -1 */
  EXPECT(&f, &odd, 4, TC_RT_E_SHAPE, "argument 'B': dimension 0 is 4, but no n >= 0");
}

/* A[-m]: no caller can have such an array, and no number crashes the check. */
static void negative_factor(void) {
  fixture f;
  tc_rt_step steps[2] = {odd_steps[0], odd_steps[1]};
  tc_rt_table minus = odd;
  minus.steps = steps;
  steps[0].factor = -1;
  good_odd(&f);
  f.shapes[0][0] = INT64_MIN;
  EXPECT(&f, &minus, 4, TC_RT_E_SHAPE, "argument 'A': dimension 0 is -9223372036854775808");
  good_odd(&f);
  EXPECT(&f, &minus, 4, TC_RT_E_SHAPE, "argument 'A': dimension 0 is 10, but no m >= 0 makes -1");
}

static void packed_and_scalars(void) {
  fixture f;
  good_odd(&f);
  f.shapes[1][1] = 6; /* bytes where elements were meant */
  EXPECT(&f, &odd, 4, TC_RT_E_SHAPE, "[8, 6] (the last dimension counts bytes) is 12, expected 6");
  f.tensors[1].dtype = TILEC_INT4; /* with its own type it counts elements */
  EXPECT(&f, &odd, 4, TC_RT_OK, "");
  f.tensors[1].dtype = TILEC_FLOAT32;
  EXPECT(&f, &odd, 4, TC_RT_E_DTYPE, "expected int4 (stored as int8 or uint8)");
  good_odd(&f);
  f.tensors[1].strides = f.strides[1]; /* in bytes, as the extents */
  f.strides[1][0] = 3, f.strides[1][1] = 1;
  EXPECT(&f, &odd, 4, TC_RT_OK, "");
  f.strides[1][0] = 4;
  EXPECT(&f, &odd, 4, TC_RT_E_STRIDE, "argument 'B'");
  good_odd(&f);
  f.args[2].as.i = 128;
  EXPECT(&f, &odd, 4, TC_RT_E_RANGE, "argument 's' is 128, which int8 does not hold (-128 to 127)");
  f.args[2] = (tilec_arg){.kind = TILEC_ARG_FLOAT, .as.f = 1};
  EXPECT(&f, &odd, 4, TC_RT_E_KIND, "argument 's' is a float, expected an integer");
  good_odd(&f);
  f.args[3] = (tilec_arg){.kind = TILEC_ARG_INT, .as.i = 2};
  EXPECT(&f, &odd, 4, TC_RT_OK, "");
  f.args[3].kind = TILEC_ARG_NONE;
  EXPECT(&f, &odd, 4, TC_RT_E_KIND, "argument 'g' is nothing, expected a number");
}

/* X[4, 8] strides [p, 1], read; Y the same, written; Z nullable with a dimension of its own. */
static const tc_rt_number fixed[] = {CONSTANT(4), CONSTANT(8)}, pitch[] = {VALUE(0), CONSTANT(1)},
                          pitch_y[] = {VALUE(1), CONSTANT(1)}, own[] = {VALUE(2), VALUE(2)};
static const tc_rt_param strided_params[] = {
    {"X", TILEC_PARAM_READ | TILEC_PARAM_STRIDED, 2, TILEC_FLOAT32, 32, 1, 4, ALL(FLOAT32), 0, 0,
     fixed, pitch},
    {"Y", TILEC_PARAM_WRITTEN | TILEC_PARAM_STRIDED, 2, TILEC_FLOAT32, 32, 1, 4, ALL(FLOAT32), 0, 0,
     fixed, pitch_y},
    {"Z", TILEC_PARAM_NULLABLE, 2, TILEC_FLOAT32, 32, 1, 4, ALL(FLOAT32), 0, 0, own, NULL},
};
static const tc_rt_step strided_steps[] = {
    {.word = 0, .param = 0, .axis = 0, .is_stride = true, .factor = 1},
    {.word = 1, .param = 1, .axis = 0, .is_stride = true, .factor = 1},
    {.word = 2, .param = 2, .axis = 0, .factor = 1, .optional = true},
};
static tc_rt_table strided = {
    .version = TC_RT_VERSION,
    .name = "strided",
    .params = strided_params,
    .steps = strided_steps,
    .n_params = 3,
    .n_steps = 3,
    .n_words = 3,
    .n_tensors = 3,
};

static void good_strided(fixture *f, int64_t x_pitch, int64_t y_pitch) {
  memset(f, 0, sizeof *f);
  set_tensor(f, 0, TILEC_FLOAT32, memory[0], 4, 8);
  set_tensor(f, 1, TILEC_FLOAT32, memory[1], 4, 8);
  for (int i = 0; i < 2; i++) {
    f->tensors[i].strides = f->strides[i];
    f->strides[i][0] = i ? y_pitch : x_pitch;
    f->strides[i][1] = 1;
  }
}

static void declared_strides(void) {
  fixture f;
  good_strided(&f, 16, 20);
  EXPECT(&f, &strided, 3, TC_RT_OK, "");
  CHECK(f.values[0] == 16 && f.values[1] == 20 && f.ptr[2] == NULL);
  f.strides[0][1] = 2;
  EXPECT(&f, &strided, 3, TC_RT_E_STRIDE,
         "argument 'X': stride 1 of strides [16, 2] is 2, expected 1");
  good_strided(&f, 0, 20); /* a broadcast may be read */
  EXPECT(&f, &strided, 3, TC_RT_OK, "");
  good_strided(&f, 16, 0); /* but not written */
  EXPECT(&f, &strided, 3, TC_RT_E_OVERLAP, "argument 'Y' is written, but its strides");
  good_strided(&f, 16, 7);
  EXPECT(&f, &strided, 3, TC_RT_E_OVERLAP, "argument 'Y' is written, but its strides");
  good_strided(&f, -16, 20);
  EXPECT(&f, &strided, 3, TC_RT_E_SHAPE, "argument 'X': stride 0 is -16");
  good_strided(&f, INT64_MAX / 2, 20);
  EXPECT(&f, &strided, 3, TC_RT_E_SIZE, "argument 'X'");
  good_strided(&f, 16, 16); /* columns 0..8 and 8..16 of one matrix */
  f.tensors[1].data = memory[0] + 8;
  EXPECT(&f, &strided, 3, TC_RT_OK, "");
  f.tensors[1].data = memory[0] + 7;
  EXPECT(&f, &strided, 3, TC_RT_E_OVERLAP, "argument 'Y' is written and shares memory");
  good_strided(&f, 16, 20);
  f.tensors[1].data = memory[0] + 8;
  EXPECT(&f, &strided, 3, TC_RT_E_OVERLAP, "argument 'Y' is written and shares memory");
}

static void nullable(void) {
  fixture f;
  good_strided(&f, 16, 20);
  EXPECT(&f, &strided, 3, TC_RT_OK, "");
  set_tensor(&f, 2, TILEC_FLOAT32, memory[2], 5, 5);
  EXPECT(&f, &strided, 3, TC_RT_OK, "");
  CHECK(f.values[2] == 5);
  f.shapes[2][1] = 6;
  EXPECT(&f, &strided, 3, TC_RT_E_SHAPE, "argument 'Z'");
  f.shapes[2][1] = 5;
  f.tensors[2].data = NULL;
  EXPECT(&f, &strided, 3, TC_RT_OK, "");
  tc_rt_step steps[3];
  memcpy(steps, strided_steps, sizeof steps);
  steps[2].optional = false;
  tc_rt_table needed = strided;
  needed.steps = steps;
  f.args[2].kind = TILEC_ARG_NONE;
  EXPECT(&f, &needed, 3, TC_RT_E_DIM, "argument 'Z' was left out");
}

static void workspaces(void) {
  static const tc_rt_number shape[] = {VALUE(0), CONSTANT(3)}, huge[] = {VALUE(0), VALUE(0)};
  static const tc_rt_workspace spaces[] = {
      {"w", 32, 2, shape}, {"p", 4, 2, shape}, {"h", 64, 2, huge}};
  tc_rt_table t = {.n_words = 1, .workspaces = spaces, .n_workspaces = 3};
  int64_t values[1] = {5};
  unsigned char bad[1] = {0};
  uint64_t size_b;
  tc_rt_frame frame = {values, bad, NULL};
  tc_rt_error error = {0};
  CHECK(tc_rt_workspace_size(&t, &frame, 0, &size_b, &error) == TC_RT_OK && size_b == 60);
  CHECK(tc_rt_workspace_size(&t, &frame, 1, &size_b, &error) == TC_RT_OK && size_b == 8);
  values[0] = -1;
  CHECK(tc_rt_workspace_size(&t, &frame, 0, &size_b, &error) == TC_RT_E_SIZE);
  error.code = 0;
  values[0] = INT64_C(1) << 31;
  CHECK(tc_rt_workspace_size(&t, &frame, 2, &size_b, &error) == TC_RT_E_SIZE);
}

static void pointers(void) {
  static const tc_rt_param params[] = {{.name = "P", .flags = TILEC_PARAM_POINTER, .align_b = 1}};
  tc_rt_table t = {.name = "raw", .params = params, .n_params = 1, .n_tensors = 1};
  fixture f;
  memset(&f, 0, sizeof f);
  set_tensor(&f, 0, TILEC_INT16, memory[0], 3, 3);
  f.tensors[0].byte_offset = 3;
  EXPECT(&f, &t, 1, TC_RT_OK, "");
  CHECK(f.ptr[0] == (char *)memory[0] + 3);
}

/* Not a bound that a loaded machine could miss, only a number to look at: the least of many short
 * rounds, of three tensors of rank 2 with their strides. */
static void speed_of(const char *what, const tc_rt_table *table) {
  enum { ROUNDS = 2000, AGAIN = 300 };
  fixture f;
  good_gemm(&f, 32, 32, 32);
  for (int i = 0; i < 3; i++) {
    f.tensors[i].strides = f.strides[i];
    f.strides[i][0] = 32, f.strides[i][1] = 1;
  }
  uint64_t best = UINT64_MAX;
  uint32_t wrong = 0;
  for (int again = 0; again < AGAIN; again++) {
    uint64_t start = tc_rt_now_ns();
    for (int i = 0; i < ROUNDS; i++)
      wrong += run(&f, table, 3);
    uint64_t took = tc_rt_now_ns() - start;
    if (took < best) best = took;
  }
  CHECK(wrong == 0);
  printf("%s: %.1f ns\n", what, (double)best / ROUNDS);
}

static void speed(void) {
  tc_rt_table shapes_only = gemm;
  shapes_only.n_code = shapes_only.n_asserts = 0;
  speed_of("three tensors", &shapes_only);
  speed_of("three tensors, seven host expressions, an assert", &gemm);
}

int main(void) {
  accepts();
  kinds();
  types_and_ranks();
  shapes();
  memory_checks();
  contiguous_strides();
  strides_take_the_short_way();
  grids();
  partial();
  equations();
  negative_factor();
  packed_and_scalars();
  declared_strides();
  nullable();
  workspaces();
  pointers();
  speed();
  return check_report();
}
