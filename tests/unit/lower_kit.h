/* One kernel in the states after tile, compiled for the simulator and run there beside the
 * interpreter: what tests of the lowering share. All numbers are small integers, so that sums are
 * exact in any order and results equal bit by bit. */
#ifndef TESTS_UNIT_LOWER_KIT_H
#define TESTS_UNIT_LOWER_KIT_H

#include "base/floats.h"
#include "ir/interp.h"
#include "ir/parse.h"
#include "ir/scalar.h"
#include "ir/target.h"
#include "ir/verify.h"
#include "pass/pass.h"
#include "sim_kit.h"
#include "target/cuda/cuda.h"

enum { MAX_ARGS = 8, MAX_RANK = 6 };

typedef struct setting {
  const char *name;
  int64_t x;
} setting;

typedef struct tensor {
  uint64_t n, size_b;
  int64_t shape[MAX_RANK];
  void *want, *got;
} tensor;

typedef struct test {
  const char *file, *target;
  const setting *settings;
  uint32_t n_settings, sms;              /* sms: multiprocessors, 0: as many as the target has */
  void (*change)(tc_ir *ir, void *data); /* what to do with the IR in state lane, or NULL */
  void *data;
  tc_unwind unwind;
  tc_arena arena;
  tc_diags *diags;
  tc_str text; /* of the file */
  tc_ir *oracle, *ir;
  const tc_target_row *row;
  tensor args[MAX_ARGS];
  uint32_t n_args;
  tc_emitted emitted;
  tc_sim_module *module;
  tc_sim_report report; /* of the last run */
} test;

static tc_rt_pool *pool;

/* Ways to run a kernel, from the most frugal one on. */
static const tc_sim_options WAYS[] = {{.delivery = TC_SIM_LATE},
                                      {.delivery = TC_SIM_EARLY},
                                      {.delivery = TC_SIM_RANDOM, .seed = 3, .race = true}};

/* ---- reading ---- */

static tc_str read_file(tc_arena *arena, const char *path) {
  FILE *f = fopen(path, "rb");
  tc_sb sb = tc_sb_in(arena);
  char buffer[4096];
  size_t n;
  if (!CHECK(f != NULL)) {
    printf("no file %s\n", path);
    return tc_sb_str(&sb);
  }
  while ((n = fread(buffer, 1, sizeof buffer, f)) > 0)
    tc_sb_add(&sb, (tc_str){buffer, (uint32_t)n});
  fclose(f);
  return tc_sb_str(&sb);
}

static tc_ir *parse(test *t, tc_str text) {
  tc_ir *ir = tc_ir_parse(&t->arena, t->diags, tc_names_new(&t->arena), t->file, text);
  if (!ir) tc_diag_stop(t->diags);
  return ir;
}

/* ---- numbers ---- */

static int64_t setting_of(const test *t, const char *name) {
  for (uint32_t i = 0; i < t->n_settings; i++)
    if (strcmp(t->settings[i].name, name) == 0) return t->settings[i].x;
  printf("%s: no value for %s\n", t->file, name);
  CHECK(false);
  return 1;
}

static int64_t host_value(const test *t, tc_ir *ir, tc_value v) {
  tc_imm *by_var = TC_NEW_ARRAY(ir->arena, ir->vars.n, tc_imm);
  tc_scalar x;
  if (!v.id) return 0;
  for (uint32_t i = 1; i < ir->vars.n; i++) {
    enum tc_var_kind kind = ir->vars.at[i].kind;
    if (kind == TC_VAR_DIM || kind == TC_VAR_SCALAR)
      by_var[i].i = setting_of(t, tc_name_of(ir, ir->vars.at[i].name));
  }
  tc_interp_host(ir, v, by_var, &x);
  CHECK(!x.poison);
  return x.x.i;
}

static uint32_t bits_of(tc_type type, int64_t x) {
  tc_imm imm = tc_is_float(type) ? tc_imm_float(type, (double)x) : tc_imm_int(type, x);
  return (uint32_t)tc_imm_to_bits(type, imm);
}

static void fill(void *to, tc_type type, uint64_t n, uint32_t seed) {
  uint32_t bytes = tc_type_bits(type) / 8;
  for (uint64_t i = 0; i < n; i++) {
    seed = seed * 1664525u + 1013904223u;
    uint32_t bits =
        bits_of(type, (int64_t)(seed >> 24) % 5 - (tc_type_kind(type) == TC_K_UINT ? 0 : 2));
    memcpy((char *)to + i * bytes, &bits, bytes);
  }
}

static void make_tensor(test *t, uint32_t i) {
  tensor *x = &t->args[i];
  const tc_buffer *b = tc_buf_at(t->oracle, t->oracle->params.at[i].buf);
  CHECK(b->rank <= MAX_RANK);
  x->n = 1;
  for (uint32_t d = 0; d < b->rank; d++) {
    x->shape[d] = host_value(t, t->oracle, b->shape[d]);
    x->n *= (uint64_t)x->shape[d];
  }
  x->size_b = x->n * tc_type_bits(b->elem) / 8;
  if (posix_memalign(&x->want, 128, x->size_b + 128) != 0
      || posix_memalign(&x->got, 128, x->size_b + 128) != 0)
    abort();
  fill(x->want, b->elem, x->n, i + 1);
  memcpy(x->got, x->want, x->size_b);
}

/* ---- the oracle ---- */

static void run_oracle(test *t) {
  tc_arg args[MAX_ARGS] = {0};
  for (uint32_t i = 0; i < t->n_args; i++) {
    const tc_param *p = &t->oracle->params.at[i];
    if (p->kind == TC_PARAM_SCALAR) {
      args[i].scalar.i = setting_of(t, tc_name_of(t->oracle, tc_var_at(t->oracle, p->var)->name));
      continue;
    }
    const tc_buffer *b = tc_buf_at(t->oracle, p->buf);
    args[i].array = (tc_array){
        .data = t->args[i].want, .elem = b->elem, .rank = b->rank, .shape = t->args[i].shape};
  }
  tc_interp_result r = tc_interp_run(t->oracle, args, t->n_args, NULL, NULL, NULL);
  if (!CHECK(r.ok)) tc_diag_stop(t->diags);
}

/* ---- the simulator ---- */

/* Compiles the file, afresh each time. Where something fails, t->module is NULL. */
static void lower_and_compile(test *t) {
  tc_pass_options options = {.caps = tc_cuda_caps(t->row)};
  tc_target_limits limits = tc_cuda_limits(t->row);
  tc_cuda_options cuda = {.target = t->row, .simulated = true};
  char why[256] = "";
  tc_sb whole = tc_sb_in(&t->arena);
  if (t->sms) limits.sms = t->sms;
  options.limits = &limits;
  tc_sim_unload(t->module);
  t->module = NULL;
  t->ir = parse(t, t->text);
  tc_pipeline_run(t->ir, &options, TC_STATE_lane, NULL);
  if (t->change) t->change(t->ir, t->data);
  t->emitted = tc_cuda_emit(t->ir, &cuda, &t->arena);
  if (!CHECK(tc_sim_text(&whole, t->emitted.text, why, sizeof why))) printf("%s\n", why);
  if (getenv("TILEC_TEST_TEXT")) printf("%.*s\n", TC_ARG_STR(t->emitted.text));
  t->module = sim_compile_in(&t->arena, whole.at, t->emitted.text);
}

static uint32_t index_of(const test *t, tc_buf buf) {
  for (uint32_t i = 0; i < t->n_args; i++)
    if (t->ir->params.at[i].kind == TC_PARAM_BUFFER && t->ir->params.at[i].buf.id == buf.id)
      return i;
  CHECK(false);
  return 0;
}

static void encode(test *t, unsigned char *to, const tc_emitted_map *m) {
  char why[256] = "";
  tc_sim_map_spec spec = {.base = t->args[index_of(t, m->buf)].got,
                          .rank = m->rank,
                          .type = m->type,
                          .swizzle = m->swizzle,
                          .interleave = m->interleave,
                          .oob_fill = m->oob_fill};
  for (uint32_t d = 0; d < m->rank; d++) {
    spec.dims[d] = (uint64_t)host_value(t, t->ir, m->dims[d]);
    if (d + 1 < m->rank) spec.strides_b[d] = (uint64_t)host_value(t, t->ir, m->strides_b[d]);
    spec.box[d] = m->box[d];
    spec.step[d] = m->step[d] ? m->step[d] : 1;
  }
  if (!CHECK(tc_sim_map_encode(to, &spec, why, sizeof why))) printf("%s: %s\n", t->file, why);
}

typedef struct launch {
  _Alignas(64) unsigned char maps[MAX_ARGS][TC_SIM_MAP_B];
  void *pointers[4 * MAX_ARGS], *args[4 * MAX_ARGS];
  int64_t values[4 * MAX_ARGS];
  tc_sim_region regions[2 * MAX_ARGS];
  uint32_t n_regions;
  unsigned char *state;
  uint64_t state_b;
} launch;

static void set_arg(test *t, launch *l, const tc_emitted_gpu *gpu, uint32_t k) {
  const tc_emitted_arg *a = &gpu->args[k];
  switch (a->kind) { /* table */
  case TC_RT_GPU_POINTER:
    l->pointers[k] = t->args[index_of(t, a->buf)].got;
    l->args[k] = &l->pointers[k];
    return;
  case TC_RT_GPU_MAP:
    encode(t, l->maps[a->index], &gpu->maps[a->index]);
    l->args[k] = l->maps[a->index];
    return;
  case TC_RT_GPU_STATE:
    l->state_b = (uint64_t)host_value(t, t->ir, gpu->states[a->index].size_b);
    l->state = calloc(1, l->state_b);
    l->pointers[k] = l->state;
    l->args[k] = &l->pointers[k];
    l->regions[l->n_regions++] =
        (tc_sim_region){gpu->states[a->index].name, l->state, l->state_b, false};
    return;
  default:
    l->values[k] = host_value(t, t->ir, a->value);
    l->args[k] = &l->values[k];
  }
}

static bool run_kernel(test *t, const tc_emitted_kernel *kernel, const tc_sim_options *options) {
  const tc_emitted_gpu *gpu = kernel->gpu;
  const tc_op *op = tc_op_at(t->ir, kernel->stmt);
  launch *l = NULL;
  if (posix_memalign((void **)&l, 64, sizeof *l) != 0) abort();
  memset(l, 0, sizeof *l);
  for (uint32_t i = 0; i < t->n_args; i++)
    if (t->args[i].got)
      l->regions[l->n_regions++] =
          (tc_sim_region){"argument", t->args[i].got, t->args[i].size_b, false};
  for (uint32_t k = 0; k < gpu->n_args; k++)
    set_arg(t, l, gpu, k);
  tc_sim_launch what = {.kernel = kernel->name,
                        .grid = {1, 1, 1},
                        .block = {gpu->block[0], gpu->block[1], gpu->block[2]},
                        .shared_b = gpu->shared_b,
                        .args = l->args,
                        .n_args = gpu->n_args,
                        .regions = l->regions,
                        .n_regions = l->n_regions};
  for (uint32_t d = 0; d < op->n_in; d++)
    what.grid[d] = (uint32_t)host_value(t, t->ir, tc_input(t->ir, op, d));
  bool ran = tc_sim_run(t->module, &what, options, pool, NULL, &t->report);
  for (uint64_t i = 0; ran && i < l->state_b; i++)
    CHECK(l->state[i] == 0);
  free(l->state);
  free(l);
  return ran;
}

/* How many elements differ from the oracle's; says which is the first. */
static uint64_t compare(test *t, bool quiet) {
  uint64_t all = 0;
  for (uint32_t i = 0; i < t->n_args; i++) {
    tensor *x = &t->args[i];
    if (!x->got) continue;
    tc_type elem = tc_buf_at(t->oracle, t->oracle->params.at[i].buf)->elem;
    uint64_t wrong = 0, first = 0, bytes = tc_type_bits(elem) / 8;
    for (uint64_t k = x->n; k-- > 0;)
      if (memcmp((char *)x->want + k * bytes, (char *)x->got + k * bytes, bytes) != 0)
        wrong++, first = k;
    all += wrong;
    if (wrong && !quiet)
      printf("%s for %s: argument %u: %" PRIu64 " of %" PRIu64
             " elements are wrong, the first is %" PRIu64 "\n",
             t->file, t->target, i, wrong, x->n, first);
  }
  return all;
}

/* ---- one test ---- */

static void refill(test *t) {
  for (uint32_t i = 0; i < t->n_args; i++) {
    if (!t->args[i].got) continue;
    tc_type elem = tc_buf_at(t->oracle, t->oracle->params.at[i].buf)->elem;
    fill(t->args[i].got, elem, t->args[i].n, i + 1);
  }
}

/* Runs all kernels; false: t->report says what was found. */
static bool run_once(test *t, const tc_sim_options *options) {
  bool ran = true;
  refill(t);
  for (uint32_t k = 0; ran && k < t->emitted.n_kernels; k++)
    ran = run_kernel(t, &t->emitted.kernels[k], options);
  return ran;
}

/* Reads the file and computes what must come out. */
static void prepare(test *t) {
  t->text = read_file(&t->arena, t->file);
  t->diags = tc_diags_new(&t->arena, tc_source_new(&t->arena));
  t->row = tc_target_find(tc_str_of(t->target));
  if (!CHECK(t->row != NULL)) tc_unwind_to(&t->unwind, TC_WHY_ERROR);
  t->oracle = parse(t, t->text);
  t->n_args = t->oracle->params.n;
  CHECK(t->n_args <= MAX_ARGS);
  for (uint32_t i = 0; i < t->n_args; i++)
    if (t->oracle->params.at[i].kind == TC_PARAM_BUFFER) make_tensor(t, i);
  run_oracle(t);
}

static test *test_new(const char *file, const char *target) {
  test *t = calloc(1, sizeof *t);
  if (!t) abort();
  t->file = file;
  t->target = target;
  tc_arena_init(&t->arena, &t->unwind, 0);
  return t;
}

/* Does `step`; what unwinds out of it fails, and its diagnostics are shown. */
static bool guarded(test *t, void (*step)(test *t)) {
  int why = setjmp(t->unwind.at);
  if (why == 0) step(t);
  if (CHECK(why == 0)) return true;
  printf("%s for %s: unwound (%d): %s\n", t->file, t->target, why, t->unwind.text);
  if (t->diags && setjmp(t->unwind.at) == 0) {
    tc_sb sb = tc_sb_in(&t->arena);
    tc_diags_render(t->diags, TC_DIAG_TEXT, &sb);
    printf("%s\n", sb.at ? sb.at : "");
  }
  return false;
}

static void test_free(test *t) {
  tc_sim_unload(t->module);
  for (uint32_t i = 0; i < MAX_ARGS; i++) {
    free(t->args[i].want);
    free(t->args[i].got);
  }
  tc_arena_free(&t->arena);
  free(t);
}

#endif
