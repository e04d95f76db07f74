/* Loading and launching, with a hand-written shared object and table instead of a compiled kernel.
 */
#include "check_kit.h"
#include "rt/os.h"
#include "runtime/cpu.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static const char TEXT[] =
    "typedef struct env { void *ctx; void (*print)(void *, const char *, unsigned long long); } "
    "env;\n"
    "/* out[x + gx * (y + gy * z)] += word[0]; scratch must be aligned */\n"
    "int first(void *const *ptr, const long long *word, const int *b, const int *g,\n"
    "          unsigned char *scratch, const env *e) {\n"
    "  int *out = ptr[0], *space = ptr[1];\n"
    "  (void)e;\n"
    "  int at = b[0] + g[0] * (b[1] + g[1] * b[2]);\n"
    "  if ((unsigned long long)scratch % 64 || (unsigned long long)space % 64) return 1;\n"
    "  scratch[999] = 1;\n"
    "  out[at] += (int)word[0];\n"
    "  if (at < 4) space[at] = at;\n"
    "  return 0;\n"
    "}\n"
    "/* reads what the first one left in the workspace */\n"
    "int second(void *const *ptr, const long long *word, const int *b, const int *g,\n"
    "           unsigned char *scratch, const env *e) {\n"
    "  int *space = ptr[1];\n"
    "  (void)word, (void)b, (void)g, (void)scratch;\n"
    "  e->print(e->ctx, \"hello\", 5);\n"
    "  return space[3] == 3 ? 0 : 2;\n"
    "}\n"
    "int failing(void *const *ptr, const long long *word, const int *b, const int *g,\n"
    "            unsigned char *scratch, const env *e) {\n"
    "  (void)ptr, (void)word, (void)g, (void)scratch, (void)e;\n"
    "  return b[0] == 5 ? 2 : 0;\n"
    "}\n";

#define CONSTANT(x)                                                                                \
  { .constant = (x), .is_constant = true }
static const tc_rt_number extents[] = {CONSTANT(60)}, space_extents[] = {CONSTANT(4)};
static const tc_rt_number too_much[] = {CONSTANT(INT64_C(1) << 45)};
static const tc_rt_param params[] = {
    {"out", TILEC_PARAM_READ | TILEC_PARAM_WRITTEN, 1, TILEC_INT32, 32, 1, 4, 1u << TILEC_INT32, 0,
     0, extents, NULL},
    {"s", TC_RT_SCALAR, 0, TILEC_INT32, 32, 1, 4, 0, 0, 0, NULL, NULL},
};
static const tc_rt_workspace space = {"w", 32, 1, space_extents}, huge = {"h", 32, 1, too_much};
static const tc_rt_site sites[] = {{"first text", TC_RT_E_DEVICE_ASSERT},
                                   {"second text", TC_RT_E_DIVISION}};
static const tc_rt_kernel kernels[] = {
    {.name = "first",
     .n_grid = 3,
     .grid = {CONSTANT(3), CONSTANT(4), CONSTANT(5)},
     .scratch_b = 1000},
    {.name = "second", .n_grid = 1, .grid = {CONSTANT(1)}},
    {.name = "failing", .n_grid = 1, .grid = {CONSTANT(100)}, .sites = sites, .n_sites = 2},
};

static tc_rt_table table_of(uint32_t n_kernels) {
  return (tc_rt_table){.version = TC_RT_VERSION,
                       .name = "f",
                       .params = params,
                       .workspaces = &space,
                       .kernels = kernels,
                       .n_params = 2,
                       .n_workspaces = 1,
                       .n_kernels = n_kernels,
                       .n_words = 1,
                       .n_tensors = 1,
                       .is_plain = true};
}

static char library[600], folder[300];

static bool make_library(void) {
  char source[400], command[1200];
  snprintf(folder, sizeof folder, "%s/tilec-cpu-XXXXXX",
           getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
  if (!mkdtemp(folder)) return false;
  snprintf(source, sizeof source, "%s/k.c", folder);
  snprintf(library, sizeof library, "%s/k.so", folder);
  if (!tc_rt_file_write(source, TEXT, sizeof TEXT - 1)) return false;
  snprintf(command, sizeof command, "cc -shared -fPIC -O1 '%s' -o '%s'", source, library);
  int status = system(command);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void print(void *ctx, const char *text, uint64_t n) {
  if (n == 5 && memcmp(text, "hello", 5) == 0) atomic_fetch_add((atomic_int *)ctx, 1);
}

typedef struct call {
  int32_t out[60];
  int64_t extent;
  tilec_tensor t;
  tilec_arg args[2];
  atomic_int n_printed;
  tc_env env;
  tc_rt_error error;
} call;

static uint32_t launch(const tc_cpu_module *module, tc_rt_pool *pool, call *c) {
  memset(c, 0, sizeof *c);
  c->extent = 60;
  c->t = (tilec_tensor){
      .size = sizeof c->t, .data = c->out, .shape = &c->extent, .rank = 1, .dtype = TILEC_INT32};
  c->args[0] = (tilec_arg){.kind = TILEC_ARG_TENSOR, .as.tensor = &c->t};
  c->args[1] = (tilec_arg){.kind = TILEC_ARG_INT, .as.i = 7};
  c->env = (tc_env){&c->n_printed, print};
  return tc_cpu_launch(module, pool, c->args, 2, &c->env, &c->error);
}

static void loads(void) {
  char why[256];
  tc_rt_table t = table_of(2);
  CHECK(tc_cpu_load("/nowhere/k.so", &t, NULL, why, sizeof why) == NULL);
  CHECK_TEXT(why, "/nowhere/k.so");
  CHECK(tc_cpu_load(folder, &t, NULL, why, sizeof why) == NULL && why[0]);
  static const tc_rt_kernel missing = {.name = "nobody"};
  t.kernels = &missing;
  t.n_kernels = 1;
  CHECK(tc_cpu_load(library, &t, NULL, why, sizeof why) == NULL);
  CHECK_TEXT(why, "no function 'nobody'");
  tc_cpu_unload(NULL);
}

static void runs(tc_rt_pool *pool) {
  char why[256];
  call c;
  tc_rt_table t = table_of(2);
  tc_cpu_module *module = tc_cpu_load(library, &t, NULL, why, sizeof why);
  if (!CHECK(module != NULL)) return;
  for (int again = 0; again < 100; again++) {
    CHECK(launch(module, pool, &c) == TC_RT_OK && atomic_load(&c.n_printed) == 1);
    int right = 0;
    for (int i = 0; i < 60; i++)
      right += c.out[i] == 7;
    CHECK(right == 60);
  }
  tc_cpu_unload(module);
}

/* So many instructions that the frame does not fit the stack. */
static void large(tc_rt_pool *pool) {
  static tc_rt_instr code[3000];
  char why[256];
  call c;
  tc_rt_table t = table_of(2);
  code[0] = (tc_rt_instr){.op = TC_RT_OP_const, .type = TILEC_INT32, .as.constant = 1};
  for (uint32_t i = 1; i < 3000; i++)
    code[i] = (tc_rt_instr){.op = TC_RT_OP_add, .type = TILEC_INT32, .a = i, .as.of = {i, i}};
  t.code = code;
  t.n_code = 3000;
  tc_cpu_module *module = tc_cpu_load(library, &t, NULL, why, sizeof why);
  if (!CHECK(module != NULL)) return;
  CHECK(launch(module, pool, &c) == TC_RT_OK && c.out[59] == 7);
  tc_cpu_unload(module);
}

static void asserts(tc_rt_pool *pool) {
  char why[256];
  call c;
  tc_rt_table t = table_of(3);
  tc_cpu_module *module = tc_cpu_load(library, &t, NULL, why, sizeof why);
  if (!CHECK(module != NULL)) return;
  CHECK(launch(module, pool, &c) == TC_RT_E_DIVISION);
  CHECK_TEXT(c.error.text, "second text");
  CHECK(atomic_load(&c.n_printed) == 1); /* the kernels before it ran */
  tc_cpu_unload(module);
}

static void too_large(tc_rt_pool *pool) {
  char why[256];
  call c;
  tc_rt_table t = table_of(1);
  t.workspaces = &huge;
  tc_cpu_module *module = tc_cpu_load(library, &t, NULL, why, sizeof why);
  if (!CHECK(module != NULL)) return;
  CHECK(launch(module, pool, &c) == TC_RT_E_WORKSPACE);
  CHECK_TEXT(c.error.text, "the global buffers of f need");
  CHECK(c.out[0] == 0); /* nothing ran */
  tc_cpu_unload(module);
}

int main(void) {
  if (!make_library()) { /* without a C compiler there is nothing to load */
    CHECK(system("cc --version >/dev/null 2>&1") != 0);
    return check_report();
  }
  tc_rt_pool *pool = tc_rt_pool_new(NULL, 4);
  loads();
  runs(pool);
  large(pool);
  asserts(pool);
  too_large(pool);
  tc_rt_pool_free(pool);
  char command[400];
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  CHECK(system(command) == 0);
  return check_report();
}
