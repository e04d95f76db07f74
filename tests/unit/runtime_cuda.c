/* Loading and launching through a driver that records what it is asked (tests/fake/cuda.c). */
#include "ir/target.h"
#include "runtime/cuda.h"

#include "check_kit.h"
#include "fake/cuda.h"
#include "fake/fake.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>

static char library[1100];
static const fake_cuda *fake;
static const char IMAGE[] = "\177ELF and so on";

/* ---- a function of two kernels: first(map of A, w, state, n, alpha), second(B, w) ---- */

#define CONSTANT(x)                                                                                \
  { .constant = (x), .is_constant = true }
#define WORD(x)                                                                                    \
  { .value = (x) }

static const tc_rt_number a_shape[] = {WORD(0), CONSTANT(64)}, b_shape[] = {WORD(0)};
static const tc_rt_param params[] = {
    {"A", TILEC_PARAM_READ, 2, TILEC_FLOAT16, 16, 1, 16, 1u << TILEC_FLOAT16, 0, 0, a_shape, NULL},
    {"B", TILEC_PARAM_WRITTEN, 1, TILEC_FLOAT32, 32, 1, 4, 1u << TILEC_FLOAT32, 0, 0, b_shape,
     NULL},
    {"alpha", TC_RT_SCALAR, 0, TILEC_FLOAT32, 32, 1, 4, 0, 0, 1, NULL, NULL},
};
static const tc_rt_step steps[] = {
    {.word = 0, .param = 0, .axis = 0, .factor = 1, .highest = INT32_MAX}};
static const tc_rt_dim dims[] = {{"n", 0, TILEC_INT32}};
static const tc_rt_workspace spaces[] = {{"w", 32, 1, b_shape}};
/* value 2: n + n */
static const tc_rt_instr code[] = {{.op = TC_RT_OP_add, .type = TILEC_INT32, .as.of = {0, 0}}};

static const tc_rt_number map_dims[] = {CONSTANT(64), WORD(0)}, map_strides[] = {CONSTANT(128)};
static const tc_rt_map maps[] = {{.ptr = 0,
                                  .rank = 2,
                                  .type = 6,
                                  .swizzle = 3,
                                  .l2_promotion = 2,
                                  .dims = map_dims,
                                  .strides_b = map_strides,
                                  .offset_b = CONSTANT(0),
                                  .box = {64, 128}}};
static const tc_rt_state states[] = {{"counters", CONSTANT(8)}};
static const tc_rt_gpu_arg first_args[] = {{TC_RT_GPU_MAP, 0},   {TC_RT_GPU_POINTER, 2},
                                           {TC_RT_GPU_STATE, 0}, {TC_RT_GPU_I32, 0},
                                           {TC_RT_GPU_F32, 1},   {TC_RT_GPU_I64, 2}};
static const tc_rt_gpu_arg second_args[] = {{TC_RT_GPU_POINTER, 1}, {TC_RT_GPU_POINTER, 2}};
static const tc_rt_gpu first_gpu = {.block = {384, 1, 1},
                                    .cluster = {2, 1, 1},
                                    .shared_b = 200000,
                                    .n_args = 6,
                                    .n_maps = 1,
                                    .n_states = 1,
                                    .args = first_args,
                                    .maps = maps,
                                    .states = states};
static const tc_rt_gpu second_gpu = {
    .block = {128, 1, 1}, .n_args = 2, .args = second_args, .cooperative = true};
static const tc_rt_kernel kernels[] = {
    {.name = "first", .n_grid = 1, .grid = {WORD(2)}, .gpu = &first_gpu},
    {.name = "second", .n_grid = 2, .grid = {CONSTANT(3), WORD(0)}, .gpu = &second_gpu},
};

static tc_rt_table whole_table(void) {
  return (tc_rt_table){.version = TC_RT_VERSION,
                       .name = "f",
                       .params = params,
                       .steps = steps,
                       .code = code,
                       .dims = dims,
                       .workspaces = spaces,
                       .kernels = kernels,
                       .n_params = 3,
                       .n_code = 1,
                       .n_dims = 1,
                       .n_workspaces = 1,
                       .n_kernels = 2,
                       .n_steps = 1,
                       .is_plain = true,
                       .n_words = 2,
                       .n_tensors = 2,
                       .device = TILEC_DEVICE_CUDA};
}

/* ---- one test's driver, module and arguments ---- */

typedef struct bench {
  tc_rt_table table;
  tc_cuda *cuda;
  tc_cuda_module *module;
  int64_t a_extents[2], b_extents[1];
  tilec_tensor a, b;
  tilec_arg args[3];
  tc_rt_error error;
} bench;

static _Alignas(256) char memory_a[64 * 1024], memory_b[64 * 1024];

static void set_rows(bench *x, int64_t n) {
  x->a_extents[0] = n;
  x->b_extents[0] = n;
}

static bool start(bench *x, int n_devices, int cc, enum tc_gpu gpu) {
  memset(x, 0, sizeof *x);
  fake->reset(n_devices, cc);
  x->table = whole_table();
  x->cuda = tc_cuda_open(library, NULL, &x->error);
  if (!CHECK(x->cuda != NULL)) return puts(x->error.text), false;
  const tc_target_row *row = tc_target_at(gpu);
  const tc_cuda_code image = {IMAGE, sizeof IMAGE, row->name, row->cc, row->exact};
  x->module = tc_cuda_load(x->cuda, &image, &x->table, NULL, &x->error);
  x->a_extents[1] = 64;
  set_rows(x, 10);
  x->a = (tilec_tensor){.size = sizeof x->a,
                        .data = memory_a,
                        .shape = x->a_extents,
                        .rank = 2,
                        .dtype = TILEC_FLOAT16,
                        .device_type = TILEC_DEVICE_CUDA};
  x->b = (tilec_tensor){.size = sizeof x->b,
                        .data = memory_b,
                        .shape = x->b_extents,
                        .rank = 1,
                        .dtype = TILEC_FLOAT32,
                        .device_type = TILEC_DEVICE_CUDA};
  x->args[0] = (tilec_arg){.kind = TILEC_ARG_TENSOR, .as.tensor = &x->a};
  x->args[1] = (tilec_arg){.kind = TILEC_ARG_TENSOR, .as.tensor = &x->b};
  x->args[2] = (tilec_arg){.kind = TILEC_ARG_FLOAT, .as.f = 0.1};
  return CHECK(x->module != NULL);
}

static void stop(bench *x) {
  tc_cuda_unload(x->module);
  tc_cuda_close(x->cuda);
  CHECK(fake->n_live() == 0);
}

static uint32_t launch(bench *x, void *stream) {
  x->error.code = 0;
  x->error.text[0] = 0;
  return tc_cuda_launch(x->module, stream, x->args, 3, &x->error);
}

/* ---- tests ---- */

typedef struct seen {
  int n_first, n_second;
  uint64_t map_at, w_first, w_second, counters, b;
  int n;
  float alpha;
  int64_t twice;
} seen;

static void look(const char *name, const tc_cuda_config *config, void **p, void *data) {
  seen *s = data;
  (void)config;
  if (strcmp(name, "first") == 0) {
    s->n_first++;
    memcpy(&s->map_at, p[0], 8);
    memcpy(&s->w_first, p[1], 8);
    memcpy(&s->counters, p[2], 8);
    memcpy(&s->n, p[3], 4);
    memcpy(&s->alpha, p[4], 4);
    memcpy(&s->twice, p[5], 8);
  } else {
    s->n_second++;
    memcpy(&s->b, p[0], 8);
    memcpy(&s->w_second, p[1], 8);
  }
}

static bool are_zeros(uint64_t at) {
  static const char ZEROS[256];
  return at && memcmp((void *)(uintptr_t)at, ZEROS, sizeof ZEROS) == 0;
}

static void launches(void) {
  bench x;
  seen s = {0};
  if (!start(&x, 1, 90, TC_GPU_sm_90a)) return;
  fake->on_launch(look, &s);
  CHECK(launch(&x, (void *)0x40) == TC_RT_OK);
  if (x.error.code) puts(x.error.text);
  const char *log = fake->log();
  CHECK_TEXT(log, "cuFuncSetAttribute first 8 200000");
  CHECK_TEXT(log, "cuTensorMapEncodeTiled type 6 rank 2 dim 64 box 64 step 1 dim 10 box 128 step 1 "
                  "stride 128 modes 0 3 2 0");
  CHECK_TEXT(log, "cuMemAlloc 8192"); /* 8 bytes of counters, to a multiple of 256, 32 times */
  CHECK_TEXT(log, "cuMemsetD8Async 0 8192 ");
  CHECK_TEXT(log, "cuMemAlloc 256"); /* 40 bytes of workspace */
  CHECK_TEXT(log, "cuLaunchKernelEx first grid 20 1 1 block 384 1 1 shared 200000 stream 0x40\n"
                  "attribute 4 2 1 1\n");
  CHECK_TEXT(log, "cuLaunchKernelEx second grid 3 10 1 block 128 1 1 shared 0 stream 0x40\n"
                  "attribute 2 1");
  CHECK_TEXT(log, "cuDevicePrimaryCtxRetain 0"); /* no context was current */
  CHECK(s.n_first == 1 && s.n_second == 1);
  CHECK(s.map_at == (uint64_t)(uintptr_t)memory_a && s.b == (uint64_t)(uintptr_t)memory_b);
  CHECK(s.n == 10 && s.alpha == 0.1f && s.twice == 20);
  CHECK(s.w_first == s.w_second && s.w_first && are_zeros(s.counters));
  stop(&x);
  CHECK_TEXT(fake->log(), "cuModuleUnload");
  CHECK_TEXT(fake->log(), "cuDevicePrimaryCtxRelease 0");
}

/* What a launch after the first may do: the stream might be recording a graph. */
static void nothing_but_launches(void) {
  bench x;
  if (!start(&x, 1, 90, TC_GPU_sm_90a)) return;
  static const char *const FORBIDDEN[] = {"Alloc",  "Free",   "Synchronize", "Memset", "Memcpy",
                                          "Module", "Retain", "FuncSet",     "Event"};
  for (int graph = 0; graph < 2; graph++) {
    fake->set_capturing(graph);
    CHECK(launch(&x, NULL) == TC_RT_OK);
    fake->clear_log();
    CHECK(launch(&x, NULL) == TC_RT_OK);
    for (size_t i = 0; i < sizeof FORBIDDEN / sizeof *FORBIDDEN; i++)
      if (!CHECK(!strstr(fake->log(), FORBIDDEN[i]))) puts(fake->log());
  }
  CHECK_TEXT(fake->log(), "cuLaunchKernelEx second");
  stop(&x);
}

/* What a launch gets on a stream: no graph is recorded, or graph `id` is. */
static seen launched(bench *x, void *stream, int id) {
  seen s = {0};
  fake->on_launch(look, &s);
  fake->set_capturing(id);
  if (!CHECK(launch(x, stream) == TC_RT_OK)) puts(x->error.text);
  fake->set_capturing(0);
  return s;
}

/* A kernel's first launch may be recorded, and no two of what may run at the same time share
 * memory: streams, and the graphs recorded from them. */
static void recorded(void) {
  bench x;
  void *stream = (void *)0x40;
  if (!start(&x, 1, 90, TC_GPU_sm_90a)) return;
  seen graph = launched(&x, stream, 7);
  CHECK(are_zeros(graph.counters) && graph.w_first);
  CHECK(!strstr(fake->log(), "Async 0 8192 0x40")); /* nothing of it is in the graph */
  seen again = launched(&x, stream, 7), other = launched(&x, stream, 8);
  CHECK(again.counters == graph.counters && again.w_first == graph.w_first);
  CHECK(are_zeros(other.counters) && other.counters != graph.counters);
  CHECK(other.w_first != graph.w_first);
  seen eager = launched(&x, stream, 0), beside = launched(&x, (void *)0x80, 0);
  CHECK(eager.counters != graph.counters && eager.counters != other.counters);
  CHECK(beside.counters != eager.counters && beside.w_first != eager.w_first);
  seen forked = launched(&x, (void *)0x80, 7); /* a stream that has joined the recording */
  CHECK(forked.counters != graph.counters && forked.counters != beside.counters);
  set_rows(&x, 200); /* more than there is: the counters stay */
  seen large = launched(&x, stream, 7);
  CHECK(large.counters == graph.counters && large.w_first != graph.w_first);
  set_rows(&x, 5);
  CHECK(launched(&x, stream, 7).w_first == large.w_first); /* fewer rows fit */
  fake->fail("cuStreamGetCaptureInfo", 1, 906);
  CHECK(launch(&x, NULL) == TC_RT_E_CAPTURE);
  CHECK_TEXT(x.error.text, "f: cuStreamGetCaptureInfo returned CUDA_ERROR_STREAM_CAPTURE_IMPLICIT");
  stop(&x);
}

/* More streams than the stock has counters for. */
static void many_streams(void) {
  enum { STREAMS = 100 };
  bench x;
  uint64_t counters[STREAMS];
  if (!start(&x, 1, 90, TC_GPU_sm_90a)) return;
  for (size_t i = 0; i < STREAMS; i++) {
    counters[i] = launched(&x, (void *)(64 + 64 * i), i % 2 ? 5 : 0).counters;
    CHECK(are_zeros(counters[i]));
    for (size_t k = 0; k < i; k++)
      CHECK(counters[k] != counters[i]);
  }
  CHECK(fake->n_live() == 4 + STREAMS); /* each has a workspace */
  CHECK(launched(&x, (void *)64, 0).counters == counters[0]);
  stop(&x);
}

static void *launch_on_own(void *data) {
  bench *x = data;
  tc_rt_error error;
  error.code = 0;
  CHECK(tc_cuda_launch(x->module, (void *)2, x->args, 3, &error) == TC_RT_OK);
  return NULL;
}

/* One handle means another stream in each thread. */
static void streams_of_threads(void) {
  bench x;
  pthread_t thread;
  seen there = {0};
  if (!start(&x, 1, 90, TC_GPU_sm_90a)) return;
  seen here = launched(&x, (void *)2, 0);
  fake->on_launch(look, &there);
  pthread_create(&thread, NULL, launch_on_own, &x);
  pthread_join(thread, NULL);
  CHECK(there.counters && there.counters != here.counters && there.w_first != here.w_first);
  CHECK(launched(&x, (void *)2, 0).counters == here.counters);
  stop(&x);
}

/* ---- maps that were made before ---- */

static bool encodes(bench *x) {
  fake->clear_log();
  CHECK(launch(x, NULL) == TC_RT_OK);
  return strstr(fake->log(), "cuTensorMapEncodeTiled") != NULL;
}

static void known_maps(void) {
  bench x;
  seen s = {0};
  if (!start(&x, 1, 90, TC_GPU_sm_90a)) return;
  fake->on_launch(look, &s);
  CHECK(encodes(&x) && !encodes(&x));
  CHECK(s.map_at == (uint64_t)(uintptr_t)memory_a);
  x.a.data = memory_a + 256;
  CHECK(encodes(&x) && s.map_at == (uint64_t)(uintptr_t)memory_a + 256);
  set_rows(&x, 11); /* another shape at an address that is known */
  CHECK(encodes(&x) && !encodes(&x));
  for (int i = 0; i < 100; i++) { /* more than are kept */
    x.a.data = memory_a + 256 * i;
    launch(&x, NULL);
    CHECK(s.map_at == (uint64_t)(uintptr_t)x.a.data);
  }
  fake->fail("cuTensorMapEncodeTiled", 1, 1); /* what failed is not kept */
  set_rows(&x, 12);
  CHECK(launch(&x, NULL) == TC_RT_E_CUDA && encodes(&x));
  stop(&x);
}

static void look_at_map(const char *name, const tc_cuda_config *config, void **p, void *data) {
  uint64_t at;
  float alpha;
  (void)config, (void)data;
  if (strcmp(name, "first") != 0) return;
  memcpy(&at, p[0], sizeof at);
  memcpy(&alpha, p[4], sizeof alpha);
  CHECK(at == (uint64_t)(uintptr_t)memory_a + 256 * (uint64_t)alpha);
}

static void *launch_rotated(void *data) {
  bench own = *(bench *)data; /* the module is the same */
  own.a.shape = own.a_extents;
  own.b.shape = own.b_extents;
  own.args[0].as.tensor = &own.a;
  own.args[1].as.tensor = &own.b;
  for (int i = 0; i < 400; i++) {
    own.args[2].as.f = i * 7 % 40;
    own.a.data = memory_a + 256 * (i * 7 % 40);
    CHECK(launch(&own, NULL) == TC_RT_OK);
  }
  return NULL;
}

static void known_maps_of_threads(void) {
  bench x;
  pthread_t ids[4];
  if (!start(&x, 1, 90, TC_GPU_sm_90a)) return;
  fake->on_launch(look_at_map, NULL);
  for (size_t i = 0; i < 4; i++)
    pthread_create(&ids[i], NULL, launch_rotated, &x);
  for (size_t i = 0; i < 4; i++)
    pthread_join(ids[i], NULL);
  stop(&x);
}

static void no_driver(void) {
  tc_rt_error error = {0};
  CHECK(!tc_cuda_open("/nowhere/libcuda.so.1", NULL, &error));
  CHECK(error.code == TC_RT_E_NO_CUDA);
  CHECK_TEXT(error.text, "/nowhere/libcuda.so.1");
  error = (tc_rt_error){0};
  CHECK(!tc_cuda_open("libc.so.6", NULL, &error) && error.code == TC_RT_E_NO_CUDA);
  CHECK_TEXT(error.text, "libc.so.6 has no cuInit");
  fake->reset(1, 90);
  fake->fail("cuInit", 1, 100);
  error = (tc_rt_error){0};
  CHECK(!tc_cuda_open(library, NULL, &error) && error.code == TC_RT_E_NO_CUDA);
  CHECK_TEXT(error.text, "CUDA_ERROR_NO_DEVICE (100): no CUDA-capable device");
  fake->reset(0, 90);
  error = (tc_rt_error){0};
  CHECK(!tc_cuda_open(library, NULL, &error) && error.code == TC_RT_E_NO_CUDA);
}

/* Each call that can fail does, and the next launch works. */
static void failing_calls(void) {
  static const struct {
    const char *symbol, *shown;
    int result;
    uint32_t code;
  } CASES[] = {
      {"cuModuleLoadData", "f: cuModuleLoadData returned CUDA_ERROR_INVALID_IMAGE (200): device",
       200, TC_RT_E_CUDA},
      {"cuModuleLoadData", "209", 209, TC_RT_E_GPU},
      {"cuModuleGetFunction", "first: cuModuleGetFunction", 500, TC_RT_E_CUDA},
      {"cuFuncSetAttribute", "first: cuFuncSetAttribute", 1, TC_RT_E_CUDA},
      {"cuDevicePrimaryCtxRetain", "cuDevicePrimaryCtxRetain", 2, TC_RT_E_WORKSPACE},
      {"cuMemAlloc", "8192 bytes for the global buffers of a launch: cuMemAlloc", 2,
       TC_RT_E_WORKSPACE},
      {"cuStreamCreate", "cuStreamCreate", 719, TC_RT_E_CUDA},
      {"cuStreamSynchronize", "cuStreamSynchronize", 719, TC_RT_E_CUDA},
      {"cuMemsetD8Async", "cuMemsetD8Async", 719, TC_RT_E_CUDA},
      {"cuTensorMapEncodeTiled", "A: cuTensorMapEncodeTiled", 1, TC_RT_E_CUDA},
      {"cuLaunchKernelEx", "first: cuLaunchKernelEx returned CUDA_ERROR_LAUNCH_FAILED (719)", 719,
       TC_RT_E_CUDA},
      {"cuCtxPushCurrent", "cuCtxPushCurrent", 201, TC_RT_E_CUDA},
  };
  for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
    bench x;
    if (!start(&x, 1, 90, TC_GPU_sm_90a)) return;
    fake->fail(CASES[i].symbol, 1, CASES[i].result);
    if (!CHECK(launch(&x, NULL) == CASES[i].code)) puts(CASES[i].symbol);
    CHECK_TEXT(x.error.text, CASES[i].shown);
    if (strcmp(CASES[i].symbol, "cuCtxPushCurrent") != 0) CHECK(launch(&x, NULL) == TC_RT_OK);
    stop(&x);
  }
}

/* The second kernel fails its checks: the first one was not launched. */
static void all_or_nothing(void) {
  bench x;
  if (!start(&x, 1, 90, TC_GPU_sm_90a)) return;
  set_rows(&x, 100);
  tc_rt_kernel own[2] = {kernels[0], kernels[1]};
  own[1].grid[1] = (tc_rt_number)CONSTANT(70000);
  x.table.kernels = own;
  CHECK(launch(&x, NULL) == TC_RT_E_GRID);
  CHECK_TEXT(x.error.text, "grid extent 1 of kernel 'second' is 70000");
  CHECK(!strstr(fake->log(), "cuLaunchKernelEx"));
  own[1].grid[1] = (tc_rt_number)WORD(0);
  tc_rt_gpu gpu = second_gpu;
  gpu.maps = (tc_rt_map[]){
      {.ptr = 1, .rank = 1, .type = 7, .dims = b_shape, .offset_b = CONSTANT(4), .box = {4}}};
  gpu.n_maps = 1;
  own[1].gpu = &gpu;
  tc_cuda_unload(x.module);
  const tc_cuda_code image = {IMAGE, sizeof IMAGE, "sm_90a", 90, true};
  x.module = tc_cuda_load(x.cuda, &image, &x.table, NULL, &x.error);
  CHECK(launch(&x, NULL) == TC_RT_E_MAP);
  CHECK_TEXT(x.error.text, "argument 'B': the address its tensor map begins at");
  CHECK(!strstr(fake->log(), "cuLaunchKernelEx"));
  own[1].gpu = &second_gpu;
  own[0].grid[0] = (tc_rt_number)CONSTANT(3);
  CHECK(launch(&x, NULL) == TC_RT_E_GRID);
  CHECK_TEXT(x.error.text, "expected a multiple of 2, its blocks in a cluster");
  stop(&x);
}

static void empty_grids(void) {
  bench x;
  if (!start(&x, 1, 90, TC_GPU_sm_90a)) return;
  set_rows(&x, 0);
  fake->clear_log();
  CHECK(launch(&x, NULL) == TC_RT_OK && !*fake->log());
  tc_rt_kernel own[2] = {kernels[0], kernels[1]};
  own[1].grid[1] = (tc_rt_number)CONSTANT(1);
  x.table.kernels = own; /* the first is empty, the second is not */
  CHECK(launch(&x, NULL) == TC_RT_OK);
  CHECK(!strstr(fake->log(), "cuLaunchKernelEx first"));
  CHECK_TEXT(fake->log(), "cuLaunchKernelEx second");
  stop(&x);
}

static void bad_arguments(void) {
  bench x;
  if (!start(&x, 2, 90, TC_GPU_sm_90a)) return;
  x.a.byte_offset = 8;
  CHECK(launch(&x, NULL) == TC_RT_E_ALIGN);
  CHECK_TEXT(x.error.text, "argument 'A'");
  x.a.byte_offset = 0;
  x.a.device_type = 0;
  CHECK(launch(&x, NULL) == TC_RT_E_DEVICE);
  CHECK_TEXT(x.error.text, "argument 'A' lies in host memory (DLPack type 1)");
  x.a.device_type = TILEC_DEVICE_CUDA;
  x.b.device_id = 1;
  CHECK(launch(&x, NULL) == TC_RT_E_DEVICE);
  CHECK_TEXT(x.error.text, "argument 'B' lies on CUDA device 1, others on device 0");
  x.a.device_id = 7;
  x.b.device_id = 7;
  CHECK(launch(&x, NULL) == TC_RT_E_DEVICE);
  CHECK_TEXT(x.error.text, "there is no CUDA device 7, only 2");
  x.a.device_id = x.b.device_id = 0;
  x.a.device_type = TILEC_DEVICE_CUDA_MANAGED;
  CHECK(launch(&x, NULL) == TC_RT_OK);
  stop(&x);
}

/* Every constraint of a tensor map, by a recipe that breaks it. */
static void bad_maps(void) {
  static const tc_rt_number odd[] = {CONSTANT(136)}, far[] = {CONSTANT(INT64_C(1) << 40)};
  static const tc_rt_number wide[] = {CONSTANT((INT64_C(1) << 32) + 1), WORD(0)};
  struct {
    const char *shown;
    tc_rt_map map;
  } cases[] = {
      {"the distance of its rows in bytes is 136, expected a multiple of 16", maps[0]},
      {"the distance of its rows in bytes is 1099511627776", maps[0]},
      {"an extent of its tensor map is 4294967297, expected at most 2^32", maps[0]},
      {"an extent of the box that is copied is 257, expected 1 to 256", maps[0]},
      {"an extent of the box that is copied is 0, expected 1 to 256", maps[0]},
      {"the width of the box that is copied, in bytes, is 6, expected a multiple of 16", maps[0]},
      {"a step of its tensor map is 9, expected 1 to 8", maps[0]},
      {"the address its tensor map begins at", maps[0]},
  };
  cases[0].map.strides_b = odd;
  cases[1].map.strides_b = far;
  cases[2].map.dims = wide;
  cases[3].map.box[1] = 257;
  cases[4].map.box[0] = 0;
  cases[5].map.box[0] = 3;
  cases[6].map.step[1] = 9;
  cases[7].map.offset_b.constant = 8;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    bench x;
    if (!start(&x, 1, 90, TC_GPU_sm_90a)) return;
    tc_rt_kernel own[2] = {kernels[0], kernels[1]};
    tc_rt_gpu gpu = first_gpu;
    gpu.maps = &cases[i].map;
    own[0].gpu = &gpu;
    x.table.kernels = own;
    CHECK(launch(&x, NULL) == TC_RT_E_MAP);
    CHECK_TEXT(x.error.text, "argument 'A': ");
    CHECK_TEXT(x.error.text, cases[i].shown);
    stop(&x);
  }
}

static void limits(void) {
  bench x;
  if (!start(&x, 1, 90, TC_GPU_sm_90a)) return;
  fake->set_function(40000, 1024);
  CHECK(launch(&x, NULL) == TC_RT_E_LIMIT);
  CHECK_TEXT(x.error.text, "kernel 'first' needs 240000 bytes of shared memory, and a block has "
                           "232448 on CUDA device 0 (Fake 0)");
  fake->set_function(0, 256);
  CHECK(launch(&x, NULL) == TC_RT_E_LIMIT);
  CHECK_TEXT(x.error.text, "has 384 threads in a block");
  fake->set_function(0, 1024);
  CHECK(tc_cuda_prepare(x.module, 0, &x.error) != TC_RT_OK); /* the first error stays */
  x.error.code = 0;
  CHECK(tc_cuda_prepare(x.module, 0, &x.error) == TC_RT_OK);
  stop(&x);
  if (!start(&x, 1, 80, TC_GPU_sm_90a)) return;
  CHECK(launch(&x, NULL) == TC_RT_E_GPU);
  CHECK_TEXT(x.error.text,
             "f was compiled for sm_90a, and CUDA device 0 (Fake 0) has compute capability 8.0");
  stop(&x);
}

static void several_devices(void) {
  bench x;
  if (!start(&x, 3, 89, TC_GPU_sm_80)) return;
  tc_rt_gpu gpu = first_gpu;
  gpu.cluster[0] = 0;
  gpu.shared_b = 1000;
  tc_rt_kernel own[2] = {kernels[0], kernels[1]};
  own[0].gpu = &gpu;
  x.table.kernels = own;
  for (int again = 0; again < 2; again++)
    for (int id = 2; id >= 0; id--) {
      fake->clear_log();
      x.a.device_id = x.b.device_id = id;
      CHECK(launch(&x, NULL) == TC_RT_OK);
      CHECK((strstr(fake->log(), "cuModuleLoadData") != NULL) == !again);
      char push[40];
      snprintf(push, sizeof push, "cuCtxPushCurrent %d\n", id);
      CHECK_TEXT(fake->log(), push);
    }
  fake->set_current(1); /* another library's choice is used, and stays */
  fake->clear_log();
  x.a.device_id = x.b.device_id = 1;
  CHECK(launch(&x, NULL) == TC_RT_OK && !strstr(fake->log(), "cuCtxPushCurrent"));
  CHECK(tc_cuda_current(x.cuda) == 1);
  x.a.device_id = x.b.device_id = 0;
  CHECK(launch(&x, NULL) == TC_RT_OK && tc_cuda_current(x.cuda) == 1);
  fake->set_current(-1);
  stop(&x);
}

/* Nothing of a tensor without elements is described. */
static void absent_memory(void) {
  bench x;
  seen s = {.map_at = 1};
  if (!start(&x, 1, 90, TC_GPU_sm_90a)) return;
  tc_rt_kernel own[2] = {kernels[0], kernels[1]};
  own[0].grid[0] = own[1].grid[1] = (tc_rt_number)CONSTANT(2);
  x.table.kernels = own;
  set_rows(&x, 0);
  x.a.data = NULL;
  fake->on_launch(look, &s);
  CHECK(launch(&x, NULL) == TC_RT_OK && s.n_first == 1 && s.map_at == 0);
  CHECK(!strstr(fake->log(), "cuTensorMapEncodeTiled"));
  stop(&x);
}

/* Tables that fit no small frame. */
static void large(void) {
  static tc_rt_instr much[3000];
  bench x;
  if (!start(&x, 1, 90, TC_GPU_sm_90a)) return;
  for (size_t i = 0; i < sizeof much / sizeof *much; i++)
    much[i] = code[0];
  x.table.code = much;
  x.table.n_code = sizeof much / sizeof *much;
  CHECK(launch(&x, NULL) == TC_RT_OK);
  if (x.error.code) puts(x.error.text);
  stop(&x);
}

static void *launch_often(void *data) {
  bench *shared = data;
  for (int i = 0; i < 200; i++) {
    tc_rt_error error;
    error.code = 0;
    void *stream = (void *)(uintptr_t)(64 + 64 * (i % 3));
    CHECK(tc_cuda_launch(shared->module, stream, shared->args, 3, &error) == TC_RT_OK);
  }
  return NULL;
}

static void threads(void) {
  bench x;
  pthread_t ids[4];
  if (!start(&x, 1, 90, TC_GPU_sm_90a)) return;
  for (size_t i = 0; i < 4; i++)
    pthread_create(&ids[i], NULL, launch_often, &x);
  for (size_t i = 0; i < 4; i++)
    pthread_join(ids[i], NULL);
  CHECK(fake->n_live() == 1 + 3); /* counters, and a workspace for each stream */
  const char *log = fake->log(), *load = strstr(log, "cuModuleLoadData");
  CHECK(load && !strstr(load + 1, "cuModuleLoadData"));
  stop(&x);
}

typedef struct on_device {
  bench own;
  int id;
} on_device;

static void *launch_on_device(void *data) {
  on_device *x = data;
  x->own.a.shape = x->own.a_extents;
  x->own.b.shape = x->own.b_extents;
  x->own.args[0].as.tensor = &x->own.a;
  x->own.args[1].as.tensor = &x->own.b;
  x->own.a.device_id = x->own.b.device_id = x->id;
  fake->set_current((x->id + 1) % 3); /* this thread works on another device */
  for (int i = 0; i < 100; i++)
    CHECK(launch(&x->own, NULL) == TC_RT_OK);
  CHECK(tc_cuda_current(x->own.cuda) == (x->id + 1) % 3);
  return NULL;
}

/* Two threads for each of three devices: one module each, and everybody's device stays. */
static void threads_on_devices(void) {
  bench x;
  pthread_t ids[6];
  static on_device each[6];
  size_t n_loads = 0;
  if (!start(&x, 3, 90, TC_GPU_sm_90a)) return;
  for (int i = 0; i < 6; i++) {
    each[i] = (on_device){x, i % 3};
    pthread_create(&ids[i], NULL, launch_on_device, &each[i]);
  }
  for (size_t i = 0; i < 6; i++)
    pthread_join(ids[i], NULL);
  for (const char *at = fake->log(); (at = strstr(at, "cuModuleLoadData")); at++)
    n_loads++;
  CHECK(n_loads == 3);
  CHECK(fake->n_live() == 3 * 2); /* counters and a workspace on each */
  stop(&x);
}

static void memory(void) {
  bench x;
  void *at;
  int there[4] = {1, 2, 3, 4}, back[4] = {0};
  if (!start(&x, 2, 90, TC_GPU_sm_90a)) return;
  CHECK(tc_cuda_alloc(x.cuda, 1, sizeof there, &at, &x.error) == TC_RT_OK && at);
  CHECK(tc_cuda_copy(x.cuda, 1, at, true, there, false, sizeof there, &x.error) == TC_RT_OK);
  CHECK(tc_cuda_copy(x.cuda, 1, back, false, at, true, sizeof there, &x.error) == TC_RT_OK);
  CHECK(memcmp(there, back, sizeof there) == 0);
  CHECK(tc_cuda_wait(x.cuda, 1, NULL, &x.error) == TC_RT_OK);
  tc_cuda_free(x.cuda, 1, at);
  fake->fail("cuMemAlloc", 1, 2);
  CHECK(tc_cuda_alloc(x.cuda, 1, 5000, &at, &x.error) == TC_RT_E_WORKSPACE && !at);
  CHECK_TEXT(x.error.text, "5000 bytes on device 1: cuMemAlloc returned CUDA_ERROR_OUT_OF_MEMORY");
  stop(&x);
}

int main(void) {
  fake_cuda_get_fn *get;
  void *handle = dlopen(fake_path("cuda", library, sizeof library), RTLD_NOW);
  void *symbol = handle ? dlsym(handle, "fake_cuda_get") : NULL;
  if (!CHECK(symbol != NULL)) return check_report();
  memcpy(&get, &symbol, sizeof get);
  fake = get();
  no_driver();
  launches();
  nothing_but_launches();
  recorded();
  many_streams();
  streams_of_threads();
  known_maps();
  known_maps_of_threads();
  failing_calls();
  all_or_nothing();
  empty_grids();
  bad_arguments();
  bad_maps();
  limits();
  several_devices();
  absent_memory();
  large();
  threads();
  threads_on_devices();
  memory();
  return check_report();
}
