/* The n-th allocation of a compilation fails, from source to C text and launch table, with arenas
 * of tiny chunks, so that every allocation in the compiler is one of the allocator's. Each run ends
 * in "out of memory" or a result, and gives everything back. */
#include "ir/interp.h"
#include "lang/lang.h"
#include "pass/pass.h"
#include "target/common/table.h"
#include "target/cpu/cpu.h"
#include "tilec/tilec.h"

#include "check_kit.h"

#include <stdlib.h>

enum { MAX_RUNS = 2000 }; /* of one kernel: each n of a small one, evenly spread n of others */

static const char COPY[] = "import tilec.language as T\n"
                           "@T.prim_func\n"
                           "def main(A: T.Tensor((64,), 'float32')):\n"
                           "    with T.Kernel(1) as bx:\n"
                           "        T.clear(A)\n";

static const char TILES[] =
    "import tilec.language as T\n"
    "N = T.dynamic('N')\n"
    "@T.macro\n"
    "def scale(x, by):\n"
    "    for i, j in T.Parallel(16, 16):\n"
    "        x[i, j] = x[i, j] * by\n"
    "@T.prim_func\n"
    "def main(A: T.Tensor((N, 64), 'float16'), B: T.Tensor((64, 16), 'float16'),\n"
    "         C: T.Tensor((N, 16), 'float32'), S: T.Tensor((N,), 'float32')):\n"
    "    work = T.alloc_global((N * 16,), 'float32')\n"
    "    with T.Kernel(T.ceildiv(N, 16), threads=64) as bx:\n"
    "        a = T.alloc_shared((16, 16), 'float16')\n"
    "        b = T.alloc_shared((16, 16), 'float16')\n"
    "        c = T.alloc_fragment((16, 16), 'float32')\n"
    "        s = T.alloc_fragment((16,), 'float32')\n"
    "        T.clear(c)\n"
    "        for k in T.Pipelined(4, num_stages=2):\n"
    "            T.copy(A[bx * 16, k * 16], a)\n"
    "            T.copy(B[k * 16, 0], b)\n"
    "            T.gemm(a, b, c)\n"
    "        scale(c, 0.5)\n"
    "        T.reduce_sum(c, s, dim=1)\n"
    "        T.copy(c, C[bx * 16, 0])\n"
    "        for i in T.Parallel(16):\n"
    "            if bx * 16 + i < N:\n"
    "                S[bx * 16 + i] = s[i] if s[i] > 0 else T.exp(s[i])\n"
    "            work[bx * 16 + i] = s[i]\n";

/* A mistake: its diagnostics take memory, too. */
static const char WRONG[] = "import tilec.language as T\n"
                            "@T.prim_func\n"
                            "def main(A: T.Tensor((64,), 'float32')):\n"
                            "    with T.Kernel(1) as bx:\n"
                            "        s = T.alloc_shared((8,), 'float32')\n"
                            "        for i in T.Parallel(64):\n"
                            "            s[i // 16] = A[i + 1]\n";

typedef struct source {
  const char *name, *text;
  int wrong;
} source;

typedef struct run {
  long left, n_calls, n_live; /* left: until the allocation that fails; 0: none does */
  tc_unwind unwind;
  tc_arena arena;
  tc_diags *diags;
} run;

static void *take(void *data, size_t size_b, size_t align_b) {
  run *r = data;
  (void)align_b;
  r->n_calls++;
  if (r->left > 0 && --r->left == 0) return NULL;
  void *at = malloc(size_b ? size_b : 1);
  r->n_live += at != NULL;
  return at;
}

static void give(void *data, void *at, size_t size_b) {
  run *r = data;
  (void)size_b;
  r->n_live--;
  free(at);
}

static void compile(run *r, const source *s) {
  tc_source *sources = tc_source_new(&r->arena);
  r->diags = tc_diags_new(&r->arena, sources);
  tc_lang *lang = tc_lang_new(&r->arena, r->diags, tc_names_new(&r->arena));
  tc_ir *ir = tc_lang_compile(lang, "test.py", tc_str_of(s->text), NULL, NULL, 0);
  tc_pass_options options = {.caps = 0};
  tc_pipeline_run(ir, &options, TC_STATE_tile, NULL);
  tc_cpu_options target = {.isa = tc_cpu_isa_host()};
  tc_emitted emitted = tc_cpu_emit(ir, &target, &r->arena);
  const tc_rt_table *table = tc_table_build(ir, NULL, &r->arena);
  if (!emitted.n_kernels || !table) tc_bug(&r->unwind, "nothing was made");
}

/* Why the compilation was left; 0: it was not. */
static int attempt(run *r, const source *s, long fails_at) {
  tilec_allocator hooks = {sizeof hooks, r, take, give};
  memset(r, 0, sizeof *r);
  r->left = fails_at;
  tc_arena_init(&r->arena, &r->unwind, 0);
  r->arena.hooks = &hooks;
  r->arena.chunk_b = 16;
  int why = setjmp(r->unwind.at);
  if (why == 0) compile(r, s);
  if (why == TC_WHY_BUG) printf("%s: %s\n", s->name, r->unwind.text);
  tc_arena_free(&r->arena);
  return why;
}

static void exhaust(const source *s) {
  run *r = malloc(sizeof *r);
  if (!CHECK(r != NULL)) return;
  int wanted = s->wrong ? TC_WHY_ERROR : 0;
  CHECK(attempt(r, s, 0) == wanted);
  CHECK(r->n_live == 0);
  long n_calls = r->n_calls, step = n_calls / MAX_RUNS + 1, n_runs = 0;
  for (long n = 1; n <= n_calls; n += step, n_runs++) {
    CHECK(attempt(r, s, n) == TC_WHY_MEMORY);
    CHECK(r->n_live == 0);
  }
  printf("%s: %ld of %ld allocations failed, one at a time\n", s->name, n_runs, n_calls);
  free(r);
}

int main(void) {
  exhaust(&(source){"clear", COPY, 0});
  exhaust(&(source){"tiles", TILES, 0});
  exhaust(&(source){"a race", WRONG, 1});
  return check_report();
}
