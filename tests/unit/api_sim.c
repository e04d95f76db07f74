/* Target sim:cuda:ARCH from the public interface to the simulator: an emitter of a few lines stands
 * in for the code generator. */
#include "api/kernels.h"

#include "api/api_impl.h"
#include "ir/build.h"
#include "target/cuda/cuda.h"

/* C = A + s, A by boxes of 64, two for each block, so that half of the grid copies nothing but
 * zeros; and a count of the blocks in memory of the kernel's own. */
static const char text[] =
    "TC_KERNEL(main_kernel, 64, 1)(TC_KERNEL_SELF TC_TENSOR_MAP mA, float s, float *C, tc_u32 "
    "*count, "
    "tc_i32 n) {\n"
    "  const tc_u32 bar = TC_SMEM + 1024u; /* line 3 */\n"
    "  if (TC_TID == 0) {\n"
    "    tc_mbarrier_init(bar, 1u);\n"
    "    tc_mbarrier_fence();\n"
    "  }\n"
    "  tc_sync_block();\n"
    "  for (tc_i32 at = TC_BID_X * BLOCK, k = 0; k < BLOCK / 64; k++, at += 64) {\n"
    "    if (TC_TID == 0) {\n"
    "      tc_mbarrier_expect(bar, 256u);\n"
    "      tc_tma_load_1d(TC_SMEM, &mA, bar, at);\n"
    "    }\n"
    "    tc_mbarrier_wait(bar, (tc_u32)(k & 1)); /* line 7 */\n"
    "    const float x = TC_LDS(float, TC_SMEM + (tc_u32)TC_TID * 4u);\n"
    "    if (at + TC_TID < n + EXTRA) TC_STG(float, C + at + TC_TID, x + s); /* line 9 */\n"
    "    tc_sync_block();\n"
    "  }\n"
    "  if (TC_TID == 0 && tc_counter_take(count, 1u) > 100u) TC_FAIL(1);\n"
    "  FAIL\n"
    "}\n";

static const char *extra = "0", *fail = "";
static uint32_t box = 64;

static const char *changed(tc_arena *arena) {
  tc_sb sb = tc_sb_in(arena);
  tc_sb_printf(&sb, "#define BLOCK 128\n#define EXTRA %s\n#define FAIL %s\n%s", extra, fail, text);
  return sb.at;
}

static tc_value variable(tc_ir *ir, enum tc_var_kind kind) {
  for (uint32_t i = 1; i < ir->vars.n; i++)
    if (ir->vars.at[i].kind == kind) return tc_var_value(ir, (tc_var){i});
  return (tc_value){0};
}

static tc_emitted emit(tc_ir *ir, const tc_cuda_options *options, tc_arena *arena) {
  static const tc_rt_site site = {"test.py:5: it is so", TC_RT_E_DEVICE_ASSERT};
  tc_emitted_arg *args = TC_NEW_ARRAY(arena, 5, tc_emitted_arg);
  tc_emitted_kernel *kernel = TC_NEW(arena, tc_emitted_kernel);
  tc_emitted_gpu *gpu = TC_NEW(arena, tc_emitted_gpu);
  tc_emitted_map *map = TC_NEW(arena, tc_emitted_map);
  tc_emitted_state *state = TC_NEW(arena, tc_emitted_state);
  const tc_block *body = tc_block_at(ir, ir->body);
  tc_value n = variable(ir, TC_VAR_DIM);
  CHECK(options->simulated);
  *map = (tc_emitted_map){
      .buf = ir->params.at[0].buf, .rank = 1, .type = 7, .dims = {n}, .box = {box}, .step = {1}};
  *state = (tc_emitted_state){"count", tc_const_int(ir, tc_scalar_type(TC_DT_int64), 4)};
  args[0] = (tc_emitted_arg){.kind = TC_RT_GPU_MAP};
  args[1] = (tc_emitted_arg){.kind = TC_RT_GPU_F32, .value = variable(ir, TC_VAR_SCALAR)};
  args[2] = (tc_emitted_arg){.kind = TC_RT_GPU_POINTER, .buf = ir->params.at[2].buf};
  args[3] = (tc_emitted_arg){.kind = TC_RT_GPU_STATE};
  args[4] = (tc_emitted_arg){.kind = TC_RT_GPU_I32, .value = n};
  *gpu = (tc_emitted_gpu){.block = {64, 1, 1},
                          .shared_b = 1032,
                          .args = args,
                          .n_args = 5,
                          .maps = map,
                          .n_maps = 1,
                          .states = state,
                          .n_states = 1};
  for (uint32_t i = 0; i < body->ops.n; i++)
    if (tc_op_at(ir, body->ops.at[i])->opcode == TC_OP_kernel) kernel->stmt = body->ops.at[i];
  *kernel = (tc_emitted_kernel){
      .name = "main_kernel", .stmt = kernel->stmt, .gpu = gpu, .sites = &site, .n_sites = 1};
  return (tc_emitted){tc_str_of(changed(arena)), kernel, 1};
}

static tilec_context *open_context(void) {
  tilec_context *context = new_context();
  context->emit_cuda = emit;
  return context;
}

static void runs(void) {
  static const char *const settings[][2] = {{"seed", "0"},
                                            {"seed", "5"},
                                            {"races", "on"},
                                            {"sim_delivery", "early"},
                                            {"sim_delivery", "random"}};
  static add_args host;
  tilec_context *context = open_context();
  tilec_kernel *kernel = new_kernel(context, ADD, "sim:cuda:sm_90a");
  tilec_kernel_info info = {.size = sizeof info};
  if (!CHECK(kernel != NULL)) return;
  CHECK(tilec_kernel_describe(kernel, &info) == TILEC_OK);
  CHECK_TEXT(info.target, "sim:cuda:sm_90a");
  CHECK(info.device_type == TILEC_DEVICE_HOST);
  for (size_t i = 0; i < TC_COUNT(settings); i++) {
    tilec_error *error = NULL;
    set_add_args(&host, 1000);
    CHECK(tilec_context_set(context, settings[i][0], settings[i][1], NULL) == TILEC_OK);
    CHECK(tilec_launch(kernel, host.args, 3, &error) == TILEC_OK && added(&host));
    if (error) puts(tilec_error_text(error));
    tilec_error_release(error);
  }
  CHECK(tilec_launch(kernel, host.args, 2, NULL) == TILEC_ARGUMENT);
  CHECK(tilec_launch_on(kernel, host.args, 3, (void *)0x40, NULL) == TILEC_USAGE);
  tilec_context_release(context);
  tilec_kernel_release(kernel);
}

static void expect_error(tilec_status status, const char *code, const char *says) {
  static add_args host;
  tilec_error *error = NULL;
  tilec_context *context = open_context();
  tilec_kernel *kernel = new_kernel(context, ADD, "sim:cuda:sm_80");
  set_add_args(&host, 1000);
  if (CHECK(kernel != NULL)) {
    CHECK(tilec_launch(kernel, host.args, 3, &error) == status);
    CHECK_TEXT(tilec_error_code(error), code);
    CHECK_TEXT(tilec_error_text(error), says);
  }
  tilec_error_release(error);
  tilec_kernel_release(kernel);
  tilec_context_release(context);
}

static void finds(void) {
  extra = "1";
  expect_error(TILEC_ERROR, "E0674", "write of 4 bytes at C + 4000, which has 4000 bytes");
  expect_error(TILEC_ERROR, "E0674", "(test.py:9)");
  extra = "0", fail = "if (TC_TID == 9) TC_FAIL(1);";
  expect_error(TILEC_ARGUMENT, "E0644", "test.py:5: it is so");
  fail = "", box = 3;
  expect_error(TILEC_ARGUMENT, "E0668", "12 bytes");
  box = 64;
}

static void targets(void) {
  tilec_context *context = open_context();
  tilec_program *program = NULL;
  tilec_kernel *kernel = NULL;
  tilec_error *error = NULL;
  tilec_text *out = NULL;
  bool listed = false;
  for (size_t i = 0; i < tilec_target_count(); i++) {
    tilec_target target = {.size = sizeof target};
    CHECK(tilec_target_at(context, i, &target) == TILEC_OK);
    listed = listed || (strcmp(target.name, "sim:cuda") == 0 && target.available);
  }
  CHECK(listed);
  CHECK(new_program(context, ADD, &program, NULL) == TILEC_OK);
  CHECK(tilec_kernel_new(program, "sim:cuda:sm_12", &kernel, &error) == TILEC_NO_TARGET);
  CHECK_TEXT(tilec_error_text(error), "no CUDA architecture 'sm_12'");
  tilec_error_release(error);
  CHECK(tilec_kernel_new(program, "sim:cpu", &kernel, &error) == TILEC_NO_TARGET);
  tilec_error_release(error);
  CHECK(tilec_context_set(context, "target", "sim:cuda", NULL) == TILEC_OK);
  CHECK(tilec_program_emit(program, "cuda", &out, NULL) == TILEC_OK);
  CHECK_TEXT(tilec_text_data(out), "TC_KERNEL(main_kernel");
  tilec_text_release(out);
  tilec_program_release(program);
  tilec_context_release(context);
}

int main(void) {
  runs();
  finds();
  targets();
  return check_report();
}
