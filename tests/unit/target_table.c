/* Launch tables built from IR: which dimensions are bound where, what the host computes compared
 * with ir/scalar.h on the same operands, what is refused, and what is read and written. */
#include "rt/check.h"
#include "target/common/table.h"
#include "target/common/table_text.h"
#include "unit/ir_kit.h"

typedef struct frame_of {
  int64_t values[TC_RT_MAX_VALUES];
  unsigned char bad[TC_RT_MAX_VALUES];
  void *ptr[16];
  tilec_tensor tensors[KIT_ARGS];
  tilec_arg args[KIT_ARGS];
  tc_rt_frame frame;
  tc_rt_error error;
} frame_of;

static frame_of *new_frame(struct kit *k) {
  frame_of *f = TC_NEW(&k->arena, frame_of);
  f->frame = (tc_rt_frame){f->values, f->bad, f->ptr};
  return f;
}

/* The kit's arguments as a launch gets them. */
static uint32_t check(struct kit *k, const tc_rt_table *table, frame_of *f) {
  for (uint32_t i = 0; i < k->ir->params.n; i++) {
    const tc_array *a = &k->args[i].array;
    tc_param p = k->ir->params.at[i];
    f->args[i] = (tilec_arg){.kind = TILEC_ARG_INT, .as.i = k->args[i].scalar.i};
    if (p.kind == TC_PARAM_SCALAR) {
      if (tc_is_float(tc_var_at(k->ir, p.var)->type))
        f->args[i] = (tilec_arg){.kind = TILEC_ARG_FLOAT, .as.f = k->args[i].scalar.f};
      continue;
    }
    f->tensors[i] = (tilec_tensor){.size = sizeof(tilec_tensor),
                                   .data = a->data,
                                   .shape = a->shape,
                                   .strides = a->strides,
                                   .rank = a->rank,
                                   .dtype = (uint16_t)tc_table_code((enum tc_dtype)a->elem.dtype)};
    f->args[i] = (tilec_arg){.kind = TILEC_ARG_TENSOR, .as.tensor = &f->tensors[i]};
  }
  f->error.code = 0;
  return tc_rt_check(table, f->args, k->ir->params.n, &f->frame, &f->error);
}

static tc_value scalar_param(struct kit *k, const char *name, enum tc_dtype type, tc_imm x) {
  tc_var var = tc_var_new(k->ir, name, TC_VAR_SCALAR, tc_scalar_type(type), kit_nowhere);
  k->args[k->ir->params.n].scalar = x;
  tc_vec_push(&k->arena, &k->ir->params, ((tc_param){TC_PARAM_SCALAR, {0}, var}));
  return tc_var_value(k->ir, var);
}

static const tc_rt_table *build(struct kit *k) {
  const tc_rt_table *table = tc_table_build(k->ir, NULL, &k->arena);
  kit_check(k, table != NULL, "the table is built");
  if (!table) kit_show(k);
  return table;
}

static float storage[3][4096];

/* C[m, n] = A[m, k] B[k, n]: the result comes first in the parameter list, and dims from inputs. */
static void gemm(struct kit *k) {
  tc_value m = tc_var_value(k->ir, kit_dim(k, "m")), n = tc_var_value(k->ir, kit_dim(k, "n"));
  tc_value d = tc_var_value(k->ir, kit_dim(k, "k")), bx;
  tc_buf c =
      kit_param_of(k, "C", TC_DT_float32, 2, (tc_value[]){m, n}, storage[0], (int64_t[]){32, 64});
  tc_buf a =
      kit_param_of(k, "A", TC_DT_float32, 2, (tc_value[]){m, d}, storage[1], (int64_t[]){32, 16});
  tc_buf b =
      kit_param_of(k, "B", TC_DT_float32, 2, (tc_value[]){d, n}, storage[2], (int64_t[]){16, 64});
  tc_buf_at(k->ir, c)->flags |= TC_BUF_RESULT;
  tc_value blocks = kit_op(k, TC_OP_floordiv, kit_op(k, TC_OP_add, m, kit_i(k, 31)), kit_i(k, 32));
  tc_region body = kit_kernel2(k, blocks, n, &bx, &bx);
  tc_value in[3] = {tc_slice_whole(k->ir, a), tc_slice_whole(k->ir, b), tc_slice_whole(k->ir, c)};
  kit_stmt(k, body, TC_OP_gemm, in, 3, tc_pl_gemm(k->ir, (tc_gemm){0}));
  const tc_rt_table *t = build(k);
  if (!t) return;
  kit_check(k, t->n_steps == 3 && t->is_plain && t->n_dims == 3 && t->n_tensors == 3, "plain");
  for (uint32_t i = 0; i < t->n_steps; i++)
    kit_check(k, t->steps[i].param != 0, "no dimension comes from the result");
  kit_check(k, t->params[0].flags == (TILEC_PARAM_READ | TILEC_PARAM_WRITTEN | TILEC_PARAM_RESULT),
            "C is read and written");
  kit_check(k, t->params[1].flags == TILEC_PARAM_READ, "A is read");
  frame_of *f = new_frame(k);
  kit_check(k, check(k, t, f) == TC_RT_OK, f->error.text);
  int32_t grid[3];
  kit_check(k, tc_rt_grid(t, &f->frame, 0, grid, &f->error) == TC_RT_OK, "grid");
  kit_check(k, grid[0] == 1 && grid[1] == 64 && grid[2] == 1, "grid extents");
  k->shapes[2][0] = 17;
  kit_check(k, check(k, t, f) == TC_RT_E_SHAPE, "k differs");
}

/* Shapes m + n with n from elsewhere, 2 * m, and strides. */
static void equations(struct kit *k) {
  tc_value m = tc_var_value(k->ir, kit_dim(k, "m")), n = tc_var_value(k->ir, kit_dim(k, "n")), bx;
  tc_value p = tc_var_value(k->ir, kit_dim(k, "p")), sum = kit_op(k, TC_OP_add, m, n);
  tc_value odd = kit_op(k, TC_OP_add, kit_op(k, TC_OP_mul, n, kit_i(k, 3)), kit_i(k, 1));
  kit_param_of(k, "A", TC_DT_float32, 1, &sum, storage[0], (int64_t[]){12});
  kit_param_of(k, "B", TC_DT_float32, 1, &odd, storage[1], (int64_t[]){16}); /* n = 5, m = 7 */
  tc_buf s = kit_param_of(k, "S", TC_DT_float32, 2, (tc_value[]){m, kit_i(k, 4)}, storage[2],
                          (int64_t[]){7, 4});
  static const int64_t strides[] = {9, 1};
  tc_value wanted[] = {p, kit_i(k, 1)};
  tc_buf_at(k->ir, s)->strides = tc_arena_copy(&k->arena, wanted, sizeof wanted);
  k->args[2].array.strides = strides;
  kit_kernel(k, p, &bx);
  const tc_rt_table *t = build(k);
  if (!t) return;
  frame_of *f = new_frame(k);
  kit_check(k, check(k, t, f) == TC_RT_OK, f->error.text);
  kit_check(k, f->values[0] == 7 && f->values[1] == 5 && f->values[2] == 9, "m, n, p");
  k->shapes[1][0] = 17;
  kit_check(k, check(k, t, f) == TC_RT_E_SHAPE, "17 is not 3 n + 1");
  k->shapes[1][0] = 40; /* n = 13, m = -1 */
  kit_check(k, check(k, t, f) == TC_RT_E_SHAPE, "m would be negative");
}

static void unsolvable(struct kit *k) {
  tc_value m = tc_var_value(k->ir, kit_dim(k, "m")), bx;
  tc_value square = kit_op(k, TC_OP_mul, m, m);
  kit_param_of(k, "A", TC_DT_float32, 1, &square, storage[0], (int64_t[]){9});
  kit_kernel(k, m, &bx);
  kit_check(k, tc_table_build(k->ir, NULL, &k->arena) == NULL, "m * m gives no m");
  kit_check(k, k->ir->diags->n_errors == 1 && k->ir->diags->all.at[0].id == D_dimension_unsolvable,
            "said so");
  bool complete = true;
  kit_check(k, tc_table_shapes(k->ir, &k->arena, &complete) && !complete,
            "the oracle's is partial");
}

static void nullable(struct kit *k) {
  tc_value m = tc_var_value(k->ir, kit_dim(k, "m")), n = tc_var_value(k->ir, kit_dim(k, "n")), bx;
  tc_buf a =
      kit_param_of(k, "A", TC_DT_float32, 2, (tc_value[]){m, n}, storage[0], (int64_t[]){3, 4});
  kit_param_of(k, "B", TC_DT_float32, 1, &m, storage[1], (int64_t[]){3});
  tc_buf_at(k->ir, a)->flags |= TC_BUF_NULLABLE;
  kit_kernel(k, m, &bx);
  const tc_rt_table *t = build(k);
  if (!t) return;
  frame_of *f = new_frame(k);
  kit_check(k, check(k, t, f) == TC_RT_OK, f->error.text);
  f->args[0].kind = TILEC_ARG_NONE;
  f->error.code = 0;
  kit_check(k, tc_rt_check(t, f->args, 2, &f->frame, &f->error) == TC_RT_OK,
            "m is known from B and n is not needed");
}

/* What lies behind the extents that the source names is no extent. */
static void vectors_bind_what_is_declared(struct kit *k) {
  tc_value m = tc_var_value(k->ir, kit_dim(k, "m")), bx;
  tc_buf a = kit_param_of(k, "A", TC_DT_float32, 1, &m, storage[0], (int64_t[]){3});
  tc_buffer *buf = tc_buf_at(k->ir, a);
  static tc_value behind[] = {{0}, {0x7fffffff}};
  behind[0] = m;
  buf->shape = behind;
  buf->elem.lanes = 2;
  kit_kernel(k, m, &bx);
  const tc_rt_table *t = build(k);
  kit_check(k, t && t->n_steps == 1 && t->params[0].rank == 2,
            "m comes from A, which has its lanes");
}

static void nullable_needed(struct kit *k) {
  tc_value m = tc_var_value(k->ir, kit_dim(k, "m")), bx;
  tc_buf a = kit_param_of(k, "A", TC_DT_float32, 1, &m, storage[0], (int64_t[]){3});
  tc_buf_at(k->ir, a)->flags |= TC_BUF_NULLABLE;
  kit_kernel(k, m, &bx);
  const tc_rt_table *t = build(k);
  if (!t) return;
  frame_of *f = new_frame(k);
  kit_check(k, check(k, t, f) == TC_RT_OK, f->error.text);
  f->args[0].kind = TILEC_ARG_NONE;
  kit_check(k, tc_rt_check(t, f->args, 1, &f->frame, &f->error) == TC_RT_E_DIM, "the grid needs m");
}

static void nullable_alternatives(struct kit *k) {
  tc_value m = tc_var_value(k->ir, kit_dim(k, "m")), bx;
  tc_value twice = kit_op(k, TC_OP_mul, m, kit_i(k, 2));
  tc_buf a = kit_param_of(k, "A", TC_DT_float32, 1, &m, storage[0], (int64_t[]){3});
  tc_buf c = kit_param_of(k, "C", TC_DT_float32, 1, &twice, storage[1], (int64_t[]){6});
  tc_buf_at(k->ir, a)->flags |= TC_BUF_NULLABLE;
  tc_buf_at(k->ir, c)->flags |= TC_BUF_NULLABLE;
  kit_kernel(k, m, &bx);
  const tc_rt_table *t = build(k);
  if (!t) return;
  kit_check(k, t->n_steps == 2 && t->steps[0].word == t->steps[1].word, "both tell m");
  frame_of *f = new_frame(k);
  for (uint32_t without = 0; without < 3; without++) { /* A, C, none */
    kit_check(k, check(k, t, f) == TC_RT_OK, f->error.text);
    if (without < 2) f->args[without].kind = TILEC_ARG_NONE;
    f->error.code = 0;
    uint32_t got = tc_rt_check(t, f->args, 2, &f->frame, &f->error);
    kit_check(k, got == TC_RT_OK && f->frame.values[t->steps[0].word] == 3, "m is 3");
  }
  f->args[0].kind = f->args[1].kind = TILEC_ARG_NONE;
  kit_check(k, tc_rt_check(t, f->args, 2, &f->frame, &f->error) == TC_RT_E_DIM, "nothing tells m");
}

static void asserts_and_workspaces(struct kit *k) {
  tc_value m = tc_var_value(k->ir, kit_dim(k, "m")), bx;
  tc_value s = scalar_param(k, "s", TC_DT_float32, (tc_imm){.f = 2.5});
  kit_param_of(k, "A", TC_DT_float32, 1, &m, storage[0], (int64_t[]){6});
  tc_value even = kit_op(k, TC_OP_eq, kit_op(k, TC_OP_floormod, m, kit_i(k, 2)), kit_i(k, 0));
  tc_value positive = kit_op(k, TC_OP_lt, kit_f(k, TC_DT_float32, 0), s);
  kit_stmt(k, k->body, TC_OP_assert, &even, 1, tc_pl_text(k->ir, "m must be even"));
  kit_stmt(k, k->body, TC_OP_assume, &positive, 1, 0);
  tc_buf w = tc_buf_new(k->ir, "w", tc_scalar_type(TC_DT_float16), TC_SCOPE_global, 1,
                        (tc_value[]){kit_op(k, TC_OP_mul, m, m)}, kit_nowhere);
  tc_alloc(k->ir, k->body, w, kit_nowhere);
  kit_kernel(k, m, &bx);
  kit_kernel(k, kit_i(k, 3), &bx);
  const tc_rt_table *t = build(k);
  if (!t) return;
  kit_check(k, t->n_kernels == 2 && t->n_workspaces == 1 && t->n_asserts == 2, "parts");
  frame_of *f = new_frame(k);
  uint64_t size_b = 0;
  kit_check(k, check(k, t, f) == TC_RT_OK, f->error.text);
  kit_check(k, tc_rt_workspace_size(t, &f->frame, 0, &size_b, &f->error) == 0 && size_b == 72, "w");
  k->shapes[1][0] = 5;
  kit_check(k, check(k, t, f) == TC_RT_E_ASSERT && strstr(f->error.text, "m must be even"),
            "odd m");
  k->shapes[1][0] = 6;
  k->args[0].scalar.f = -1;
  kit_check(k, check(k, t, f) == TC_RT_E_ASSERT, "s is negative");
}

static void kernel_under_condition(struct kit *k) {
  tc_value m = tc_var_value(k->ir, kit_dim(k, "m"));
  kit_param_of(k, "A", TC_DT_float32, 1, &m, storage[0], (int64_t[]){6});
  tc_if(k->ir, k->body, kit_op(k, TC_OP_lt, m, kit_i(k, 3)), kit_nowhere);
  kit_check(k, tc_table_build(k->ir, NULL, &k->arena) == NULL, "if outside of kernels");
  kit_check(k, k->ir->diags->n_errors == 1 && k->ir->diags->all.at[0].id == D_host_expression,
            "said so");
}

/* The launch of a kernel on a GPU: a map of A (whose rows are dimension 1 of the map), counters,
 * and arguments of all kinds. */
static void gpu_launch(struct kit *k) {
  tc_value m = tc_var_value(k->ir, kit_dim(k, "m")), n = tc_var_value(k->ir, kit_dim(k, "n")), bx;
  tc_value s = scalar_param(k, "s", TC_DT_float32, (tc_imm){.f = 2.5});
  tc_buf a =
      kit_param_of(k, "A", TC_DT_float32, 2, (tc_value[]){m, n}, storage[0], (int64_t[]){8, 64});
  tc_buf w =
      tc_buf_new(k->ir, "w", tc_scalar_type(TC_DT_float16), TC_SCOPE_global, 1, &m, kit_nowhere);
  tc_alloc(k->ir, k->body, w, kit_nowhere);
  kit_kernel(k, m, &bx);
  const tc_emitted_map map = {.buf = a,
                              .rank = 2,
                              .type = 7,
                              .swizzle = 3,
                              .dims = {n, m},
                              .strides_b = {kit_op(k, TC_OP_mul, n, kit_i(k, 4))},
                              .box = {32, 64}};
  const tc_emitted_state state = {"counters", kit_i(k, 8)};
  const tc_emitted_arg args[] = {{.kind = TC_RT_GPU_MAP},
                                 {.kind = TC_RT_GPU_POINTER, .buf = w},
                                 {.kind = TC_RT_GPU_STATE},
                                 {.kind = TC_RT_GPU_F32, .value = s},
                                 {.kind = TC_RT_GPU_I32, .value = kit_op(k, TC_OP_add, m, n)}};
  const tc_emitted_gpu gpu = {.block = {384, 1, 1},
                              .cluster = {2, 1, 1},
                              .shared_b = 200000,
                              .args = args,
                              .maps = &map,
                              .states = &state,
                              .n_args = 5,
                              .n_maps = 1,
                              .n_states = 1};
  tc_emitted_kernel row = {.name = "k", .gpu = &gpu};
  const tc_rt_table *t =
      tc_table_build(k->ir, &(tc_emitted){.kernels = &row, .n_kernels = 1}, &k->arena);
  kit_check(k, t && t->kernels[0].gpu, "the table is built");
  if (!t || !t->kernels[0].gpu) return;
  const tc_rt_gpu *g = t->kernels[0].gpu;
  frame_of *f = new_frame(k);
  kit_check(k, t->device == TILEC_DEVICE_CUDA, "tensors are to lie on the device");
  kit_check(k, check(k, t, f) == TC_RT_E_DEVICE, "they do not");
  f->tensors[1].device_type = TILEC_DEVICE_CUDA;
  f->error.code = 0;
  kit_check(k, tc_rt_check(t, f->args, 2, &f->frame, &f->error) == TC_RT_OK, f->error.text);
  kit_check(k, t->params[1].align_b == 16, "what a map describes is aligned");
  kit_check(k, g->args[1].index == 1 && f->values[g->args[4].index] == 72, "arguments");
  kit_check(k, f->values[g->args[3].index] == f->values[t->params[0].word], "the scalar");
  int64_t row_b = 0, rows = 0;
  kit_check(k, tc_rt_number_of(&f->frame, &g->maps[0].strides_b[0], &row_b) && row_b == 256, "row");
  kit_check(k, tc_rt_number_of(&f->frame, &g->maps[0].dims[1], &rows) && rows == 8, "rows");
  tc_sb text = tc_sb_in(&k->arena);
  tc_table_print_c(t, "t", &text);
  kit_check(k, strstr(text.at, "static const tc_rt_gpu t_gpu_0 = {{384, 1, 1}, {2, 1, 1}, 200000,"),
            text.at);
  kit_check(k, strstr(text.at, "NULL, &t_gpu_0},") != NULL, "the kernel's row has it");
  kit_check(k, strstr(text.at, ".device = 2,") != NULL, "and the table the device");
}

static void storage_types(struct kit *k) {
  tc_value bx;
  kit_param(k, "bf", TC_DT_bfloat16, storage[0], 4, -1);
  kit_param(k, "q", TC_DT_int4, storage[1], 4, 6);
  kit_param(k, "t", TC_DT_tfloat32, storage[2], 4, -1);
  kit_param(k, "six", TC_DT_float6_e2m3fn, storage[2], 4, -1);
  kit_param(k, "i8", TC_DT_int8, storage[2], 4, -1);
  kit_kernel(k, kit_i(k, 1), &bx);
  const tc_rt_table *t = build(k);
  if (!t) return;
  kit_check(k, t->params[0].accepts == (1u << TILEC_BFLOAT16 | 1u << TILEC_UINT16), "bfloat16");
  kit_check(k,
            t->params[1].accepts == 1u << TILEC_INT4 && t->params[1].pack == 2
                && t->params[1].accepts_packed == (1u << TILEC_UINT8 | 1u << TILEC_INT8),
            "int4");
  kit_check(k, t->params[2].accepts == (1u << TILEC_TFLOAT32 | 1u << TILEC_FLOAT32), "tfloat32");
  kit_check(k, t->params[3].pack == 1 && t->params[3].bits == 8, "a byte for 6 bits");
  kit_check(k, t->params[4].accepts == 1u << TILEC_INT8, "int8 stands for itself only");
}

/* ---- the same expressions in both evaluators ---- */

static const enum tc_dtype HOST_TYPES[] = {TC_DT_bool,   TC_DT_int8,    TC_DT_int16,  TC_DT_int32,
                                           TC_DT_int64,  TC_DT_uint8,   TC_DT_uint16, TC_DT_uint32,
                                           TC_DT_uint64, TC_DT_float32, TC_DT_float64};
static const int64_t INTS[] = {0,
                               1,
                               2,
                               3,
                               7,
                               31,
                               32,
                               63,
                               64,
                               100,
                               127,
                               128,
                               255,
                               32767,
                               65535,
                               INT32_MAX,
                               INT64_C(1) << 31,
                               UINT32_MAX,
                               INT64_MAX,
                               -1,
                               -2,
                               -7,
                               -31,
                               -128,
                               -32768,
                               INT32_MIN,
                               INT64_MIN};
static const double FLOATS[] = {0,         -0.0,  0.5,   1,     -1.5,    3.25,
                                1e10,      -1e10, 3e38,  1e300, -1e-300, INFINITY,
                                -INFINITY, NAN,   127.9, 255.5, -128.5};

static tc_imm sample(tc_type type, size_t i) {
  if (tc_is_float(type)) return tc_imm_float(type, FLOATS[i % TC_COUNT(FLOATS)]);
  return tc_imm_int(type, INTS[i % TC_COUNT(INTS)]);
}

static int64_t word_of(tc_type type, tc_imm x) {
  int64_t word = x.i;
  if (tc_is_float(type)) memcpy(&word, &x.f, sizeof word);
  return word;
}

static bool same(tc_type type, const frame_of *f, uint32_t at, tc_scalar wanted) {
  if (wanted.poison || f->bad[at]) return wanted.poison == (f->bad[at] != 0);
  if (!tc_is_float(type)) return f->values[at] == wanted.x.i;
  double saw;
  memcpy(&saw, &f->values[at], sizeof saw);
  return (isnan(saw) && isnan(wanted.x.f)) || word_of(type, wanted.x) == f->values[at];
}

static const char *op_text(struct kit *k, tc_rt_instr in, tc_type type, size_t i, size_t j) {
  return tc_format(&k->arena, "op %u on %s, samples %zu and %zu", in.op,
                   tc_type_name(&k->arena, type), i, j);
}

/* One instruction on words 0 and 1. */
static void one(struct kit *k, frame_of *f, tc_rt_instr in, tc_type result, tc_scalar wanted,
                const char *what) {
  tc_rt_table t = {.code = &in, .n_code = 1, .n_words = 2};
  f->bad[0] = f->bad[1] = 0;
  tc_rt_run_code(&t, &f->frame, 0, 1);
  k->n_checks++;
  if (same(result, f, 2, wanted)) return;
  k->n_failures++;
  printf("%s: %s: saw %" PRId64 "%s, expected %" PRId64 "%s\n", k->name, what, f->values[2],
         f->bad[2] ? " (bad)" : "", word_of(result, wanted.x), wanted.poison ? " (poison)" : "");
}

static bool defined_for(enum tc_opcode op, tc_type type) {
  bool is_float = tc_is_float(type), is_bool = tc_is_bool(type);
  switch (op) {
  case TC_OP_div:
    return is_float;
  case TC_OP_and:
  case TC_OP_or:
  case TC_OP_xor:
    return !is_float;
  case TC_OP_eq:
  case TC_OP_ne:
  case TC_OP_lt:
  case TC_OP_le:
    return true;
  case TC_OP_floordiv:
  case TC_OP_floormod:
  case TC_OP_truncdiv:
  case TC_OP_truncmod:
  case TC_OP_shl:
  case TC_OP_shr:
    return !is_float && !is_bool;
  default:
    return !is_bool;
  }
}

static void binary_ops(struct kit *k) {
  static const struct {
    enum tc_opcode op;
    uint8_t rt;
  } OPS[] = {
#define RT_OP(name, n) {n == 2 ? TC_OP_##name : TC_OP_none, TC_RT_OP_##name},
#include "rt/ops.def"
#undef RT_OP
  };
  frame_of *f = new_frame(k);
  for (size_t o = 0; o < TC_COUNT(OPS); o++)
    for (size_t d = 0; d < TC_COUNT(HOST_TYPES); d++) {
      tc_type type = tc_scalar_type(HOST_TYPES[d]);
      if (!OPS[o].op || !defined_for(OPS[o].op, type)) continue;
      bool compares = OPS[o].op >= TC_OP_eq && OPS[o].op <= TC_OP_le;
      tc_rt_instr in = {.op = OPS[o].rt, .type = (uint8_t)tc_table_code(HOST_TYPES[d]), .a = 0};
      in.as.of.b = 1;
      for (size_t i = 0; i < TC_COUNT(INTS); i++)
        for (size_t j = 0; j < TC_COUNT(INTS); j++) {
          tc_scalar a = {sample(type, i), false}, b = {sample(type, j), false};
          f->values[0] = word_of(type, a.x), f->values[1] = word_of(type, b.x);
          one(k, f, in, compares ? tc_scalar_type(TC_DT_bool) : type,
              tc_scalar_binary(OPS[o].op, type, a, b), op_text(k, in, type, i, j));
        }
    }
}

static void unary_ops_and_casts(struct kit *k) {
  frame_of *f = new_frame(k);
  for (size_t d = 0; d < TC_COUNT(HOST_TYPES); d++)
    for (size_t i = 0; i < TC_COUNT(INTS); i++) {
      tc_type type = tc_scalar_type(HOST_TYPES[d]);
      uint8_t code = (uint8_t)tc_table_code(HOST_TYPES[d]);
      tc_scalar a = {sample(type, i), false};
      f->values[0] = f->values[1] = word_of(type, a.x);
      tc_rt_instr neg = {.op = TC_RT_OP_neg, .type = code},
                  abs = {.op = TC_RT_OP_abs, .type = code};
      tc_rt_instr not = {.op = TC_RT_OP_not, .type = code};
      if (!tc_is_bool(type)) {
        one(k, f, neg, type, tc_scalar_unary(TC_OP_neg, type, a), op_text(k, neg, type, i, 0));
        one(k, f, abs, type, tc_scalar_unary(TC_OP_abs, type, a), op_text(k, abs, type, i, 0));
      }
      if (!tc_is_float(type))
        one(k, f, not, type, tc_scalar_unary(TC_OP_not, type, a), op_text(k, not, type, i, 0));
      for (size_t e = 0; e < TC_COUNT(HOST_TYPES); e++) {
        tc_type to = tc_scalar_type(HOST_TYPES[e]);
        tc_rt_instr cast = {
            .op = TC_RT_OP_cast, .type = (uint8_t)tc_table_code(HOST_TYPES[e]), .from = code};
        one(k, f, cast, to, tc_scalar_cast(type, to, a), op_text(k, cast, type, i, e));
      }
    }
}

int main(void) {
  struct kit totals = {0};
  KIT_CASE(&totals, gemm);
  KIT_CASE(&totals, equations);
  KIT_CASE(&totals, unsolvable);
  KIT_CASE(&totals, nullable);
  KIT_CASE(&totals, nullable_needed);
  KIT_CASE(&totals, nullable_alternatives);
  KIT_CASE(&totals, vectors_bind_what_is_declared);
  KIT_CASE(&totals, asserts_and_workspaces);
  KIT_CASE(&totals, kernel_under_condition);
  KIT_CASE(&totals, gpu_launch);
  KIT_CASE(&totals, storage_types);
  KIT_CASE(&totals, binary_ops);
  KIT_CASE(&totals, unary_ops_and_casts);
  return kit_report(&totals, "target_table");
}
