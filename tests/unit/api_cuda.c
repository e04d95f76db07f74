/* Target cuda from the public interface down to the driver, without a GPU: the driver and NVRTC are
 * those of tests/fake, and an emitter of a few lines stands in for the code generator. The driver
 * "runs" the kernel by a function of this test. */
#include "api/kernels.h"

#include "api/api_impl.h"
#include "fake/cuda.h"
#include "fake/fake.h"
#include "ir/build.h"
#include "target/cuda/cuda.h"

#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

static const fake_cuda *fake;
static char driver[1100], compiler[1100], folder[300];

/* ---- the emitter: all parameters in order, then the dimensions ---- */

static const char *kernel_text = "fine";

static tc_emitted emit(tc_ir *ir, const tc_cuda_options *options, tc_arena *arena) {
  tc_emitted_arg *args = TC_NEW_ARRAY(arena, ir->params.n + ir->vars.n, tc_emitted_arg);
  tc_emitted_kernel *kernel = TC_NEW(arena, tc_emitted_kernel);
  tc_emitted_gpu *gpu = TC_NEW(arena, tc_emitted_gpu);
  const tc_block *body = tc_block_at(ir, ir->body);
  for (uint32_t i = 0; i < ir->params.n; i++) {
    tc_param p = ir->params.at[i];
    tc_emitted_arg arg = {.kind = TC_RT_GPU_POINTER, .buf = p.buf, .align_b = 16};
    if (p.kind == TC_PARAM_SCALAR)
      arg = (tc_emitted_arg){.kind = TC_RT_GPU_F32, .value = tc_var_value(ir, p.var)};
    args[gpu->n_args++] = arg;
  }
  for (uint32_t i = 1; i < ir->vars.n; i++)
    if (ir->vars.at[i].kind == TC_VAR_DIM)
      args[gpu->n_args++] =
          (tc_emitted_arg){.kind = TC_RT_GPU_I32, .value = tc_var_value(ir, (tc_var){i})};
  for (uint32_t i = 0; i < body->ops.n; i++)
    if (tc_op_at(ir, body->ops.at[i])->opcode == TC_OP_kernel) kernel->stmt = body->ops.at[i];
  gpu->block[0] = 64, gpu->block[1] = gpu->block[2] = 1;
  gpu->shared_b = 2048;
  gpu->args = args;
  *kernel = (tc_emitted_kernel){.name = "main_kernel", .stmt = kernel->stmt, .gpu = gpu};
  return (tc_emitted){tc_str_of(tc_format(arena, "%s %s", kernel_text, options->target->name)),
                      kernel, 1};
}

/* C = A + s. */
static void add(const char *name, const tc_cuda_config *config, void **p, void *data) {
  const float *a = *(const float **)p[0];
  float s = *(const float *)p[1], *c = *(float **)p[2];
  int n = *(const int *)p[3];
  CHECK(strcmp(name, "main_kernel") == 0 && config->block[0] == 64);
  for (int i = 0; i < n; i++)
    c[i] = a[i] + s;
  ++*(int *)data;
}

static tilec_context *open_context(const char *cache) {
  tilec_context *context = new_context();
  context->emit_cuda = emit;
  CHECK(tilec_context_set(context, "libcuda", driver, NULL) == TILEC_OK);
  CHECK(tilec_context_set(context, "nvrtc", compiler, NULL) == TILEC_OK);
  if (cache) tilec_context_set(context, "cache", cache, NULL);
  tilec_context_set(context, "cache_dir", folder, NULL);
  return context;
}

static tilec_kernel *try_kernel(tilec_context *context, const char *target, tilec_error **error) {
  tilec_program *program = NULL;
  tilec_kernel *kernel = NULL;
  *error = NULL;
  if (new_program(context, ADD, &program, error) == TILEC_OK)
    tilec_kernel_new(program, target, &kernel, error);
  tilec_program_release(program);
  return kernel;
}

static tilec_array *array_on(tilec_context *context, int32_t device, int64_t n) {
  tilec_array *array = NULL;
  tilec_error *error = NULL;
  CHECK(tilec_array_new_on(context, TILEC_DEVICE_CUDA, device, TILEC_FLOAT32, 1, &n, &array, &error)
        == TILEC_OK);
  if (error) puts(tilec_error_text(error));
  return array;
}

/* ---- tests ---- */

/* The phases are all there is, and what is not ours is told apart. */
static void check_phases(const tilec_kernel *kernel, const tilec_kernel_info *info) {
  static const char *const TAKEN[] = {"parse", "evaluate", "passes", "emit", "table",
                                      "key",   "find",     "ptxas",  "load"};
  tilec_phase phase = {.size = sizeof phase};
  uint64_t all_ns = 0, own_ns = 0;
  size_t n_seen = 0;
  for (size_t i = 0; tilec_kernel_phase(kernel, i, &phase) == TILEC_OK; i++) {
    all_ns += phase.ns;
    if (phase.own) own_ns += phase.ns;
    for (size_t k = 0; k < sizeof TAKEN / sizeof *TAKEN; k++)
      n_seen += phase.ns && strcmp(phase.name, TAKEN[k]) == 0;
  }
  CHECK(n_seen == sizeof TAKEN / sizeof *TAKEN);
  CHECK(own_ns == info->own_ns && own_ns < all_ns && all_ns <= info->compile_ns);
  CHECK(tilec_kernel_phase(kernel, 1000, &phase) == TILEC_USAGE);
  CHECK(tilec_kernel_phase(NULL, 0, &phase) == TILEC_USAGE);
}

static void runs(void) {
  int n_runs = 0;
  add_args host;
  tilec_error *error = NULL;
  fake->reset(1, 90);
  fake->on_launch(add, &n_runs);
  tilec_context *context = open_context(NULL);
  tilec_kernel *kernel = new_kernel(context, ADD, "cuda");
  if (!CHECK(kernel != NULL)) return;
  tilec_kernel_info info = {.size = sizeof info};
  tilec_resources r = {.size = sizeof r};
  CHECK(tilec_kernel_describe(kernel, &info) == TILEC_OK
        && strcmp(info.target, "cuda:sm_90a") == 0);
  CHECK(info.device_type == TILEC_DEVICE_CUDA && info.l2_b == 1 << 20 && info.n_grids == 1);
  CHECK(tilec_kernel_resources(kernel, 0, &r) == TILEC_OK && r.registers == 168 && r.threads == 64);
  CHECK(r.shared_b == 2048 && r.static_shared_b == 1024 && r.spill_loads_b == 32);
  CHECK(tilec_kernel_resources(kernel, 1, &r) == TILEC_USAGE);
  check_phases(kernel, &info);

  set_add_args(&host, 1000);
  tilec_array *a = array_on(context, 0, 1000), *c = array_on(context, 0, 1000);
  const tilec_tensor *ta = tilec_array_tensor(a), *tc = tilec_array_tensor(c);
  CHECK(tilec_tensor_copy(context, ta, &host.ta, &error) == TILEC_OK);
  tilec_arg args[3] = {{.kind = TILEC_ARG_TENSOR, .as.tensor = ta},
                       host.args[1],
                       {.kind = TILEC_ARG_TENSOR, .as.tensor = tc}};
  CHECK(tilec_launch(kernel, args, 3, &error) == TILEC_OK && n_runs == 1);
  CHECK_TEXT(fake->log(), "cuStreamSynchronize");
  CHECK(tilec_tensor_copy(context, &host.tc, tc, &error) == TILEC_OK && added(&host));
  fake->clear_log();
  CHECK(tilec_launch_on(kernel, args, 3, (void *)0x40, &error) == TILEC_OK && n_runs == 2);
  CHECK_TEXT(fake->log(), "stream 0x40");
  CHECK(!strstr(fake->log(), "Synchronize"));

  CHECK(tilec_launch(kernel, host.args, 3, &error) == TILEC_ARGUMENT);
  CHECK_TEXT(tilec_error_code(error), "E0665");
  tilec_error_release(error);
  tilec_tensor odd = *ta;
  odd.byte_offset = 4;
  args[0].as.tensor = &odd;
  CHECK(tilec_launch(kernel, args, 3, &error) == TILEC_ARGUMENT);
  CHECK_TEXT(tilec_error_code(error), "E0636");
  tilec_error_release(error);
  args[0].as.tensor = ta;
  fake->fail("cuLaunchKernelEx", 1, 719);
  CHECK(tilec_launch(kernel, args, 3, &error) == TILEC_ENVIRONMENT);
  CHECK_TEXT(tilec_error_code(error), "E0671");
  tilec_error_release(error);
  fake->fail("cuStreamSynchronize", 1, 719);
  CHECK(tilec_launch(kernel, args, 3, &error) == TILEC_ENVIRONMENT);
  tilec_error_release(error);
  /* The other way round: a kernel of the host gets tensors of the device. */
  tilec_kernel *oracle = new_kernel(context, ADD, "interp");
  CHECK(tilec_launch(oracle, args, 3, &error) == TILEC_ARGUMENT);
  CHECK_TEXT(tilec_error_text(error), "argument 'A' lies on a CUDA device");
  tilec_error_release(error);
  CHECK(tilec_launch_on(oracle, host.args, 3, (void *)0x40, NULL) == TILEC_USAGE);
  CHECK(tilec_launch_on(oracle, host.args, 3, NULL, NULL) == TILEC_OK);
  tilec_kernel_release(oracle);
  tilec_array_release(a);
  tilec_array_release(c);
  tilec_context_release(context); /* the kernel holds on to what it needs */
  tilec_kernel_release(kernel);
  CHECK(fake->n_live() == 0);
}

static int peer(const tilec_arg *args, size_t n_args, void *stream) {
  CHECK(n_args == 3 && !stream && args[2].as.tensor->device_type == TILEC_DEVICE_CUDA);
  return args[1].as.f < 0;
}

static void refused_by_peer(tilec_kernel *kernel, const tilec_timing *t) {
  uint64_t ns[6];
  tilec_error *error = NULL;
  CHECK(tilec_kernel_time(kernel, t, ns, &error) == TILEC_ENVIRONMENT);
  CHECK_TEXT(tilec_error_code(error), "E0675");
  CHECK_TEXT(tilec_error_text(error), "returned 1");
  tilec_error_release(error);
}

static void prepares(void) {
  tilec_error *error = NULL;
  fake->reset(2, 90);
  tilec_context *context = open_context(NULL);
  tilec_kernel *kernel = new_kernel(context, ADD, "cuda"), *oracle;
  if (!CHECK(kernel != NULL)) return;
  fake->clear_log();
  CHECK(tilec_kernel_prepare(kernel, 0, NULL) == TILEC_OK); /* there already */
  CHECK(!strstr(fake->log(), "cuModuleLoadData"));
  CHECK(tilec_kernel_prepare(kernel, 1, NULL) == TILEC_OK);
  CHECK_TEXT(fake->log(), "cuModuleLoadData");
  CHECK_TEXT(fake->log(), "cuCtxPopCurrent");
  CHECK(tilec_kernel_prepare(kernel, 2, &error) == TILEC_ARGUMENT);
  CHECK_TEXT(tilec_error_text(error), "there is no CUDA device 2, only 2");
  tilec_error_release(error);
  CHECK(tilec_kernel_prepare(NULL, 0, NULL) == TILEC_USAGE);
  oracle = new_kernel(context, ADD, "interp");
  CHECK(tilec_kernel_prepare(oracle, 0, NULL) == TILEC_OK);
  tilec_kernel_release(oracle);
  tilec_kernel_release(kernel);
  tilec_context_release(context);
}

static void times(void) {
  int n_runs = 0;
  uint64_t ns[100];
  fake->reset(1, 90);
  fake->on_launch(add, &n_runs);
  tilec_context *context = open_context(NULL);
  tilec_kernel *kernel = new_kernel(context, ADD, "cuda:sm_90");
  if (!CHECK(kernel != NULL)) return;
  tilec_array *a = array_on(context, 0, 500),
              *c[2] = {array_on(context, 0, 500), array_on(context, 0, 500)};
  tilec_arg args[2][3] = {0};
  const tilec_arg *sets[2] = {args[0], args[1]};
  for (int i = 0; i < 2; i++) {
    args[i][0] = (tilec_arg){.kind = TILEC_ARG_TENSOR, .as.tensor = tilec_array_tensor(a)};
    args[i][1] = (tilec_arg){.kind = TILEC_ARG_FLOAT, .as.f = i};
    args[i][2] = (tilec_arg){.kind = TILEC_ARG_TENSOR, .as.tensor = tilec_array_tensor(c[i])};
  }
  tilec_timing t = {.size = sizeof t,
                    .sets = sets,
                    .n_sets = 2,
                    .n_args = 3,
                    .n_warm = 4,
                    .n_runs = 100,
                    .flush = 1};
  CHECK(tilec_kernel_time(kernel, &t, ns, NULL) == TILEC_OK && n_runs == 104);
  CHECK(ns[0] == 250000 && ns[99] == 250000);           /* the fake clock */
  CHECK_TEXT(fake->log(), "cuMemsetD8Async 1 2097152"); /* twice the L2 */
  float x[500] = {0};
  int64_t n = 500;
  tilec_tensor host = {
      .size = sizeof host, .data = x, .shape = &n, .rank = 1, .dtype = TILEC_FLOAT32};
  CHECK(tilec_tensor_copy(context, &host, tilec_array_tensor(c[1]), NULL) == TILEC_OK && x[7] == 1);
  t.peer = peer;
  t.n_runs = 6;
  fake->clear_log();
  CHECK(tilec_kernel_time(kernel, &t, ns, NULL) == TILEC_OK && n_runs == 104 && ns[5] == 250000);
  CHECK(!strstr(fake->log(), "cuLaunchKernelEx"));
  args[1][1].as.f = -1; /* which the peer does not like */
  refused_by_peer(kernel, &t);
  t.peer = NULL;
  t.n_runs = 100;
  fake->fail("cuEventRecord", 3, 719);
  tilec_error *error = NULL;
  CHECK(tilec_kernel_time(kernel, &t, ns, &error) == TILEC_ENVIRONMENT);
  CHECK_TEXT(tilec_error_text(error), "cuEventRecord");
  tilec_error_release(error);
  t.n_runs = 0;
  CHECK(tilec_kernel_time(kernel, &t, ns, NULL) == TILEC_USAGE);
  tilec_array_release(a);
  tilec_array_release(c[0]);
  tilec_array_release(c[1]);
  tilec_kernel_release(kernel);
  tilec_context_release(context);
  CHECK(fake->n_live() == 0);
}

static void refused(const char *target, tilec_status status, const char *code, const char *text) {
  tilec_error *error;
  tilec_context *context = open_context(NULL);
  tilec_kernel *kernel = try_kernel(context, target, &error);
  if (!CHECK(!kernel && tilec_error_status(error) == status)) puts(tilec_error_text(error));
  CHECK(strcmp(tilec_error_code(error), code) == 0);
  CHECK_TEXT(tilec_error_diagnostics(error, TILEC_FORMAT_TEXT), text);
  tilec_error_release(error);
  tilec_kernel_release(kernel);
  tilec_context_release(context);
}

static void refusals(void) {
  char kept[sizeof compiler];
  fake->reset(1, 80);
  refused("cuda:sm_90a", TILEC_NO_TARGET, "E0673", "has compute capability 8.0");
  refused("cuda:sm_1", TILEC_NO_TARGET, "", "there is no CUDA architecture 'sm_1'");
  refused("cude", TILEC_NO_TARGET, "",
          "expected cpu, cpu:ISA, cuda, cuda:ARCH, sim:cuda:ARCH or interp");
  fake->reset(1, 70);
  refused("cuda", TILEC_NO_TARGET, "E0673", "its compute capability is 7.0");
  fake->reset(1, 90);
  fake->fail("cuModuleLoadData", 1, 200);
  refused("cuda", TILEC_ENVIRONMENT, "E0671", "CUDA_ERROR_INVALID_IMAGE");
  fake->set_function(300000, 1024);
  refused("cuda", TILEC_NO_TARGET, "E0669", "bytes of shared memory");
  fake->set_function(0, 1024);
  kernel_text = "FAIL";
  refused("cuda", TILEC_ENVIRONMENT, "E0707", "expected a \";\"");
  kernel_text = "SERIAL";
  refused("cuda", TILEC_ENVIRONMENT, "E0708", "wgmma");
  kernel_text = "fine";
  memcpy(kept, compiler, sizeof kept);
  snprintf(compiler, sizeof compiler, "/nowhere/libnvrtc.so");
  refused("cuda", TILEC_NO_TARGET, "E0706", "/nowhere/libnvrtc.so");
  memcpy(compiler, kept, sizeof kept);
  fake->reset(0, 90);
  refused("cuda", TILEC_NO_TARGET, "E0670", "CUDA_ERROR_NO_DEVICE");
  memcpy(kept, driver, sizeof kept);
  snprintf(driver, sizeof driver, "/nowhere/libcuda.so");
  refused("cuda", TILEC_NO_TARGET, "E0670", "/nowhere/libcuda.so");
  memcpy(driver, kept, sizeof kept);
}

/* The binary and what the assembler said of it come back from the cache. */
static void cached(void) {
  fake->reset(1, 89);
  for (int i = 0; i < 3; i++) {
    tilec_kernel_info info = {.size = sizeof info};
    tilec_resources r = {.size = sizeof r};
    tilec_context *context = open_context("rw");
    tilec_kernel *kernel = new_kernel(context, ADD, i < 2 ? "cuda" : "cuda:sm_80");
    CHECK(tilec_kernel_describe(kernel, &info) == TILEC_OK && info.cached == (i == 1));
    CHECK(tilec_kernel_resources(kernel, 0, &r) == TILEC_OK && r.registers == 168);
    CHECK(strcmp(r.name, "main_kernel") == 0 && r.static_shared_b == 1024);
    tilec_kernel_release(kernel);
    tilec_context_release(context);
  }
}

/* What a kernel file asks of the device is answered by the target, also for the oracle. */
static void facts(void) {
  static const char TEXT[] = "import tilec\nimport tilec.language as T\n"
                             "from tilec.carver.arch import driver\n"
                             "@T.prim_func\n"
                             "def f(A: T.Tensor((driver.get_num_sms(),), T.float32)):\n"
                             "    with T.Kernel(1):\n"
                             "        A[0] = 0.0\n";
  tilec_context *context = open_context(NULL);
  tilec_context_set(context, "target", "cuda:sm_90a", NULL);
  tilec_kernel *oracle = new_kernel(context, TEXT, "interp");
  if (!CHECK(oracle != NULL)) return;
  int64_t extent = 0;
  tilec_arg none = {0};
  CHECK(tilec_kernel_shape(oracle, &none, 1, NULL, 0, 0, &extent, NULL) == TILEC_OK);
  CHECK(extent == 132);
  tilec_kernel_release(oracle);
  tilec_context_release(context);
}

static void targets(void) {
  tilec_target row = {.size = sizeof row};
  int n_here = 0;
  fake->reset(2, 90);
  tilec_context *context = open_context(NULL);
  for (size_t i = 0; i < tilec_target_count(); i++)
    if (tilec_target_at(context, i, &row) == TILEC_OK && strncmp(row.name, "cuda", 4) == 0)
      n_here += row.available != 0;
  CHECK(n_here == 6); /* text for any of the five runs there, and `cuda` is one of them */
  tilec_text *text = NULL;
  CHECK(tilec_doctor(context, TILEC_FORMAT_TEXT, &text, NULL) == TILEC_OK);
  CHECK_TEXT(tilec_text_data(text), "Fake 1, compute capability 9.0, 4 multiprocessors, target "
                                    "cuda:sm_90a");
  CHECK_TEXT(tilec_text_data(text), "NVRTC 77.1");
  tilec_text_release(text);
  tilec_context_release(context);
}

static void arrays(void) {
  int64_t n = 10;
  tilec_array *array = NULL;
  tilec_error *error = NULL;
  fake->reset(1, 90);
  tilec_context *context = open_context(NULL);
  CHECK(tilec_array_new_on(context, TILEC_DEVICE_CUDA, 3, TILEC_INT8, 1, &n, &array, &error)
        == TILEC_NO_TARGET);
  CHECK_TEXT(tilec_error_text(error), "there is no CUDA device 3, only 1");
  tilec_error_release(error);
  CHECK(tilec_array_new_on(context, 7, 0, TILEC_INT8, 1, &n, &array, NULL) == TILEC_USAGE);
  array = array_on(context, 0, 10);
  const tilec_tensor *t = tilec_array_tensor(array);
  float host[10], back[10];
  tilec_tensor view = {
      .size = sizeof view, .data = host, .shape = &n, .rank = 1, .dtype = TILEC_FLOAT32};
  CHECK(tilec_tensor_copy(context, &view, t, NULL) == TILEC_OK && host[9] == 0);
  CHECK(tilec_tensor_random(t, TILEC_FLOAT32, 1, &error) == TILEC_USAGE);
  CHECK_TEXT(tilec_error_text(error), "not in host memory");
  tilec_error_release(error);
  for (int i = 0; i < 10; i++)
    host[i] = (float)i;
  tilec_array *other = array_on(context, 0, 10);
  CHECK(tilec_tensor_copy(context, t, &view, NULL) == TILEC_OK);
  CHECK(tilec_tensor_copy(context, tilec_array_tensor(other), t, NULL) == TILEC_OK);
  view.data = back;
  CHECK(tilec_tensor_copy(context, &view, tilec_array_tensor(other), NULL) == TILEC_OK);
  CHECK(memcmp(host, back, sizeof host) == 0);
  int64_t fewer = 9;
  view.shape = &fewer;
  CHECK(tilec_tensor_copy(context, &view, t, NULL) == TILEC_USAGE);
  tilec_array_release(other);
  tilec_array_release(array);
  tilec_context_release(context);
  CHECK(fake->n_live() == 0);
}

static void remove_folder(void) {
  char command[400];
  snprintf(command, sizeof command, "rm -r '%s'", folder);
  if (system(command)) puts("the cache could not be removed");
}

int main(void) {
  fake_cuda_get_fn *get;
  fake_path("nvrtc", compiler, sizeof compiler);
  void *handle = dlopen(fake_path("cuda", driver, sizeof driver), RTLD_NOW);
  void *symbol = handle ? dlsym(handle, "fake_cuda_get") : NULL;
  if (!CHECK(symbol != NULL)) return check_report();
  memcpy(&get, &symbol, sizeof get);
  fake = get();
  snprintf(folder, sizeof folder, "%s/tilec-api-cuda-XXXXXX", test_folder());
  if (!CHECK(mkdtemp(folder) != NULL)) return check_report();
  runs();
  times();
  prepares();
  refusals();
  cached();
  facts();
  targets();
  arrays();
  remove_folder();
  return check_report();
}
