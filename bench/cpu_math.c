/* Greatest error of the float32 functions in src/target/common/scalar.def, over every argument.
 *
 *   cc -std=gnu11 -O2 -Isrc -Iinclude bench/cpu_math.c build/libtilec.a -lm -ldl -lpthread -o
 * cpu_math
 *   ./cpu_math [FUNCTION ...]          about a minute each; TILEC_ISA chooses the instruction set
 *
 * The reference is libm in double precision, whose own error of half a unit of that type does not
 * show. Infinities, NaNs and the sign of zero must agree exactly and are counted apart. */
#include "target/cpu/prelude.h"
#include "toolchain/cc.h"

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 1 << 16 };

static double exp10_of(double x) {
  return pow(10, x);
}
static double sigmoid_of(double x) {
  return 1 / (1 + exp(-x));
}
static double rsqrt_of(double x) {
  return 1 / sqrt(x);
}

typedef double reference(double x);
static const struct {
  const char *name, *function;
  reference *want;
} functions[] = {
    {"exp", "tc_expf", exp},
    {"exp2", "tc_exp2f", exp2},
    {"exp10", "tc_exp10f", exp10_of},
    {"log", "tc_logf", log},
    {"log2", "tc_log2f", log2},
    {"tanh", "tc_tanhf", tanh},
    {"sigmoid", "tc_sigmoidf", sigmoid_of},
    {"rsqrt", "tc_rsqrtf", rsqrt_of},
    {"erf", "tc_erff", erf},
};

typedef void loop(float *y, const float *x, int n);

/* Compiles a loop over the function; the library stays open. */
static loop *compile(tc_arena *arena, tc_diags *diags, enum tc_cpu_isa isa, const char *function) {
  const char *use = tc_format(arena,
                              "TC_EXPORT void run(float *__restrict y, const float *__restrict x, "
                              "int n) { for (int i = 0; i < n; i++) y[i] = %s(x[i]); }\n",
                              function);
  tc_sb text = tc_sb_in(arena);
  tc_cpu_options options = {.isa = isa};
  tc_cpu_prelude(&text, &options, tc_str_of(use));
  tc_sb_adds(&text, use);
  tc_cc_job job = {.text = tc_sb_str(&text),
                   .flags = tc_format(arena, "%s -shared", tc_cpu_flags(&options, arena))};
  tc_cc cc;
  tc_cc_result so;
  char path[] = "/tmp/cpu_math-XXXXXX";
  if (!tc_cc_find(&cc, NULL, diags, arena) || !tc_cc_compile(&cc, &job, &so, diags, arena))
    return NULL;
  int f = mkstemp(path);
  if (f < 0 || write(f, so.bytes, so.size_b) != (ssize_t)so.size_b) return NULL;
  close(f);
  void *library = dlopen(path, RTLD_NOW), *symbol = library ? dlsym(library, "run") : NULL;
  unlink(path);
  loop *run;
  memcpy(&run, &symbol, sizeof run);
  return run;
}

typedef struct worst {
  double ulp;
  float at;
  unsigned long long wrong; /* infinities, NaNs, zeros */
} worst;

static void look(worst *w, float x, float y, double want) {
  float near = (float)want;
  if (isnan(near) || isnan(y)) {
    w->wrong += isnan(near) != isnan(y);
    return;
  }
  if (isinf(near) || isinf(y)) {
    w->wrong += near != y;
    return;
  }
  if (want == 0) w->wrong += signbit(near) != signbit(y);
  int e;
  frexp(want, &e);
  double error = fabs((double)y - want) / ldexp(1, (e < -125 ? -125 : e) - 24);
  if (error > w->ulp) w->ulp = error, w->at = x;
}

static worst all_of(loop *run, reference *want) {
  static float x[CHUNK], y[CHUNK];
  worst w = {0};
  for (uint32_t high = 0; high < 1 << 16; high++) {
    for (uint32_t low = 0; low < CHUNK; low++) {
      uint32_t bits = high << 16 | low;
      memcpy(&x[low], &bits, sizeof bits);
    }
    run(y, x, CHUNK);
    for (uint32_t i = 0; i < CHUNK; i++)
      look(&w, x[i], y[i], want((double)x[i]));
  }
  return w;
}

int main(int argc, char **argv) {
  tc_unwind unwind;
  tc_arena arena;
  tc_arena_init(&arena, &unwind, 0);
  if (setjmp(unwind.at)) return 1;
  tc_diags *diags = tc_diags_new(&arena, tc_source_new(&arena));
  enum tc_cpu_isa isa = tc_cpu_isa_host();
  const char *wanted = getenv("TILEC_ISA");
  if (wanted && !tc_cpu_isa_find(tc_str_of(wanted), &isa)) return 2;
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    int asked = argc < 2;
    for (int a = 1; a < argc; a++)
      asked |= strcmp(argv[a], functions[i].name) == 0;
    if (!asked) continue;
    loop *run = compile(&arena, diags, isa, functions[i].function);
    if (!run) {
      tc_sb text = tc_sb_in(&arena);
      tc_diags_render(diags, TC_DIAG_TEXT, &text);
      fprintf(stderr, "%s\n", text.n ? text.at : "the compiled function does not load");
      return 1;
    }
    worst w = all_of(run, functions[i].want);
    printf("%-8s %.3f ulp at %a, %llu wrong\n", functions[i].name, w.ulp, (double)w.at, w.wrong);
    fflush(stdout);
  }
  tc_arena_free(&arena);
  return 0;
}
