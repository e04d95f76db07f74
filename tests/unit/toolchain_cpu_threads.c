/* Kernels of single threads as compiled CPU code: each op that lets threads meet, and how a kernel
 * ends whose threads miss each other. A case is the body of a kernel; A[i] is 3 * i, out is -1
 * before. Each runs three times: as it is (mostly loops over threads), in strands of several
 * threads, and with a strand for each thread; the three must agree with what is expected. */
#include "cpu_kit.h"
#include "rt/strand.h"
#include "threads_cases.h"

enum { N = 256 };
enum form { AS_IS, STRANDS, SINGLE, N_FORMS };
static const char *const form_names[] = {"as it is", "in strands", "in single strands"};

typedef struct runner {
  int32_t a[N], out[N], result;
  tc_rt_pool *pool;
  tc_rt_error error;
  tc_sb printed;
  uint32_t n_strands; /* 0: it did not run so */
} runner;

static const char *text_of(struct text_kit *k, enum form form, int grid, int threads,
                           const char *body) {
  const char *more = "";
  if (form == STRANDS)
    more = tc_format(&k->arena,
                     "alloc more: barrier uint64[1]\nmbarrier init more[0], 1\n"
                     "group first 0 count %d {\n}\n",
                     threads > 32 ? 32 : threads);
  if (form == SINGLE)
    more = tc_format(&k->arena,
                     "perthread %%more first 0 count %d {\nif %%more < 9999 {\nbarrier\n}\n}\n",
                     threads);
  return tc_format(&k->arena,
                   "tir 1 tile\n"
                   "func @f {\n"
                   "  param A: global int32[256]\n"
                   "  param out: global int32[256]\n"
                   "  kernel @main (%%bx < %d) threads(%%t < %d) {\n%s%s\n  }\n"
                   "}\n",
                   grid, threads, more, body);
}

static void print_to(void *ctx, const char *text, uint64_t n) {
  tc_sb_add(&((runner *)ctx)->printed, (tc_str){text, (uint32_t)n});
}

static uint32_t run_plain(runner *r, const tc_emitted_kernel *kernel, const void *fn,
                          void *const *ptr, const int32_t *grid, const tc_env *env) {
  kit_kernel_fn *call;
  int64_t word[1] = {0};
  memcpy(&call, fn, sizeof call);
  unsigned char *scratch = aligned_alloc(64, (size_t)(kernel->scratch_b + 127) / 64 * 64);
  for (int32_t x = 0; x < grid[0] && !r->result; x++)
    r->result = call(ptr, word, (int32_t[]){x, 0, 0}, grid, scratch, (const kit_env *)env);
  free(scratch);
  return TC_RT_OK;
}

static uint32_t run_on_pool(void *pool, tc_rt_block *block, void *data, int64_t n_blocks,
                            uint64_t scratch_b, int32_t *result, tc_rt_error *error) {
  return tc_rt_pool_run(pool, block, data, n_blocks, scratch_b, result, error);
}

static uint32_t run_kernel(runner *r, const tc_emitted_kernel *kernel, const void *fn, int grid_x) {
  void *ptr[] = {r->a, r->out};
  int64_t word[1] = {0};
  int32_t grid[] = {grid_x, 1, 1};
  tc_env env = {r, print_to};
  for (int i = 0; i < N; i++) {
    r->a[i] = 3 * i;
    r->out[i] = -1;
  }
  r->result = 0;
  r->error = (tc_rt_error){0};
  r->n_strands = kernel->strands ? kernel->strands->n : 0;
  if (!kernel->strands) return run_plain(r, kernel, fn, ptr, grid, &env);
  tc_rt_strand_call call = {.plan = kernel->strands,
                            .ptr = ptr,
                            .word = word,
                            .grid = grid,
                            .env = &env,
                            .scratch_b = kernel->scratch_b};
  memcpy(&call.fn, fn, sizeof call.fn);
  return tc_rt_strand_run(run_on_pool, r->pool, &call, &r->result, &r->error);
}

/* Compiles the text and runs it. False: that could not be done. */
static bool run_text(struct text_kit *k, runner *r, const char *text, int grid) {
  tc_ir *ir = text_must_parse(k, text);
  const char *problem = tc_verify(ir, ir->state);
  if (problem) tc_bug(&k->unwind, "%s:\n%s", problem, text);
  tc_cpu_options options = {.isa = tc_cpu_isa_host()};
  tc_emitted out = tc_cpu_emit(ir, &options, &k->arena);
  tc_cc cc;
  tc_cc_result so;
  tc_cc_job job = {.text = out.text,
                   .flags =
                       tc_format(&k->arena, "%s -shared -O1", tc_cpu_flags(&options, &k->arena))};
  r->printed = tc_sb_in(&k->arena);
  if (!tc_cc_find(&cc, NULL, ir->diags, &k->arena)
      || !tc_cc_compile(&cc, &job, &so, ir->diags, &k->arena)) {
    printf("does not compile:\n%.*s\n", TC_ARG_STR(out.text));
    return false;
  }
  void *library = kit_open(&so);
  void *fn = library ? dlsym(library, out.kernels[0].name) : NULL;
  if (fn) run_kernel(r, &out.kernels[0], &fn, grid);
  if (library) dlclose(library);
  return fn != NULL;
}

/* out[i] must be want(i), in every form. */
static void expect(struct text_kit *k, const char *name, int grid, int threads, const char *body,
                   int32_t (*want)(int i)) {
  for (enum form form = AS_IS; form < N_FORMS; form++) {
    runner r = {.pool = tc_rt_pool_new(NULL, 2)};
    bool ran = run_text(k, &r, text_of(k, form, grid, threads, body), grid);
    int bad = -1;
    for (int i = N; i-- > 0;)
      if (r.out[i] != want(i)) bad = i;
    if (!text_check(k, ran && bad < 0 && !r.error.code && !r.result, name))
      printf("%s: out[%d] is %d, expected %d; %s\n", form_names[form], bad,
             r.out[bad < 0 ? 0 : bad], bad < 0 ? 0 : want(bad), r.error.text);
    text_check(k, form == AS_IS || r.n_strands, "the form it should have");
    tc_rt_pool_free(r.pool);
  }
}

/* The launch must end with this code; `part` must stand in the report. */
static void expect_error(struct text_kit *k, const char *name, int grid, int threads,
                         const char *body, uint32_t code, const char *part) {
  runner r = {.pool = tc_rt_pool_new(NULL, 2)};
  bool ran = run_text(k, &r, text_of(k, AS_IS, grid, threads, body), grid);
  if (!text_check(k, ran && r.error.code == code && strstr(r.error.text, part), name))
    printf("expected %u with \"%s\", saw %u: %s\n", code, part, r.error.code, r.error.text);
  tc_rt_pool_free(r.pool);
}

/* The kernel must be refused, for this reason. */
static void expect_refused(struct text_kit *k, const char *name, int threads, const char *body,
                           const char *part) {
  tc_ir *ir = text_must_parse(k, text_of(k, AS_IS, 1, threads, body));
  tc_cpu_options options = {.isa = tc_cpu_isa_host()};
  tc_unwind unwind, *outer = k->arena.unwind;
  if (setjmp(unwind.at) == 0) {
    k->arena.unwind = &unwind;
    tc_cpu_emit(ir, &options, &k->arena);
  }
  k->arena.unwind = outer;
  bool refused =
      ir->diags->n_errors == 1 && strcmp(tc_diag_row(ir->diags->all.at[0].id)->code, "E0390") == 0;
  if (!text_check(k, refused && strstr(text_diags(k), part), name))
    printf("expected E0390 with \"%s\", saw: %s\n", part, text_diags(k));
}

/* ---- barriers and groups ---- */

static int32_t reversed(int i) {
  return i < 64 ? 3 * (63 - i) : -1;
}
static int32_t warp_reversed(int i) {
  return i < 64 ? 3 * (i ^ 31) : -1;
}
static int32_t both_groups(int i) {
  return i < 64 ? 3 * (i ^ 32) : -1;
}
static int32_t second_half(int i) {
  return i < 64 ? (i < 32 ? -1 : 3 * (i - 32)) : -1;
}

#define STAGE(first, range)                                                                        \
  "group first " first " count 32 {\nperthread " range " first " first                             \
  " count 32 {\n%1 = load A[" range "] in_bounds\nstore s[" range "] = %1\n}\n"
#define S64 "alloc s: shared int32[64]\n"

static void barriers(struct text_kit *k) {
  expect(k, "a barrier between regions", 1, 64,
         S64 EACH("64", LOAD_A
                  "store s[%t] = %1") "\nbarrier\n" EACH("64", "%2 = load s[63 - %t]\n" OUT("%2")),
         reversed);
  expect(k, "a barrier inside the code of threads", 1, 64,
         S64 EACH("64", LOAD_A "store s[%t] = %1\nif %t < 999 {\nbarrier\n}\n"
                               "%2 = load s[63 - %t]\n" OUT("%2")),
         reversed);
  expect(k, "a barrier of a warp", 1, 64,
         S64 EACH("64", LOAD_A "store s[%t] = %1\nif %t < 999 {\nbarrier warp\n}\n"
                               "%2 = load s[%t ^ 31]\n" OUT("%2")),
         warp_reversed);
  expect(k, "a numbered barrier between groups", 1, 64,
         S64
         "group first 0 count 32 {\nperthread %t first 0 count 32 {\n%1 = load A[%t] in_bounds\n"
         "store s[%t] = %1\n}\nbarrier id 3 count 64\nperthread %t first 0 count 32 {\n"
         "%2 = load s[%t + 32]\n" OUT("%2") "\n}\n}\n"
                                            "group first 32 count 32 {\n"
                                            "perthread %t first 32 count 32 {\n"
                                            "%3 = load A[%t] in_bounds\nstore s[%t] = %3\n}\n"
                                            "barrier id 3 count 64\n"
                                            "perthread %t first 32 count 32 {\n"
                                            "%4 = load s[%t - 32]\n" OUT("%4") "\n}\n}",
         both_groups);
  expect(k, "arrive without waiting", 1, 64,
         S64
         "group first 0 count 32 {\nperthread %t first 0 count 32 {\n%1 = load A[%t] in_bounds\n"
         "store s[%t] = %1\n}\nbarrier id 1 count 64 arrive\n}\n"
         "group first 32 count 32 {\nbarrier id 1 count 64\nperthread %t first 32 count 32 {\n"
         "%2 = load s[%t - 32]\n" OUT("%2") "\n}\n}",
         second_half);
}

static int32_t gemm_of(int i) {
  return i < 128 ? 4 : -1;
}
static int32_t large_local(int i) {
  return i < 64 ? 2000 + i / 32 : -1;
}

static void groups(struct text_kit *k) {
  expect(k, "also large ones", 1, 64,
         "alloc y: local int32[2000]\nfill y[*] = 2000\n"
         "group first 32 count 32 {\nstore y[1999] = 2001\n}\n"
         "%2 = load y[1999]\n" EACH("64", OUT("%2")),
         large_local);
  expect(k, "a product", 1, 128,
         "alloc a: shared float32[4, 4]\nalloc c: fragment float32[4, 4]\nfill a[*] = 1.0\n"
         "gemm a[*], a[*] -> c[*] clear async\nasync_commit mma\nasync_wait mma\n"
         "%1 = load c[3, 3]\n" EACH("128", OUT("int32(%1)")),
         gemm_of);
}

/* ---- what threads keep ---- */

static int32_t kept(int i) {
  return i < 64 ? 6 * i + 1 : -1;
}

static void storage(struct text_kit *k) {
  expect(k, "a local outlives its region", 1, 64,
         "alloc x: local int32[2]\n" EACH("64", LOAD_A "store x[1] = %1") "\nbarrier\n" EACH(
             "64", "%2 = load x[1]\n" OUT("%2 * 2 + 1")),
         kept);
  expect(k, "a variable, and bytes", 1, 64,
         "alloc x: var int32\nalloc y: local int8[3]\n" EACH(
             "64", LOAD_A
             "store x[] = %1 * 2\nstore y[2] = 1:int8") "\nbarrier\n" EACH("64",
                                                                           "%2 = load x[]\n%3 = "
                                                                           "load y[2]\n" OUT(
                                                                               "%2 + int32(%3)")),
         kept);
  expect(k, "halves of bytes", 1, 64,
         "alloc y: local uint4[5]\n" EACH(
             "64", LOAD_A
             "store y[3] = uint4(%t % 16)\nstore y[4] = "
             "1:uint4") "\nbarrier\n" EACH("64",
                                           "%2 = load y[3]\n%3 = load y[4]\n" OUT(
                                               "(%t / 16 * 16 + int32(%2)) * 6 + int32(%3)")),
         kept);
  expect(k, "tile operations of one thread", 1, 64,
         "alloc x: local int32[2]\n" EACH(
             "64", "copy A[%t :+ 1] inside -> x[1 :+ 1]") "\nbarrier\n" EACH("64",
                                                                             "%2 = load x[1]\n" OUT(
                                                                                 "%2 * 2 + 1")),
         kept);
}

/* ---- mbarriers and asynchronous copies ---- */

static int32_t from_producer(int i) {
  return i < 128 ? 3 * i + 1 : -1;
}
static int32_t copied(int i) {
  return i < 64 ? 3 * i : -1;
}

/* Threads 0 to 31 produce, the others consume, 8 times through two stages. */
#define PIPELINE(parity)                                                                           \
  "alloc s: shared int32[2, 16]\nalloc full: barrier uint64[2]\n"                                  \
  "alloc free: barrier uint64[2]\n"                                                                \
  "mbarrier init full[0], 1\nmbarrier init full[1], 1\n"                                           \
  "mbarrier init free[0], 32\nmbarrier init free[1], 32\n"                                         \
  "group first 0 count 32 {\nfor %i = 0 to 8 {\n"                                                  \
  "mbarrier wait free[%i % 2], (%i / 2 + " parity ") % 2\n"                                        \
  "copy A[%i * 16 :+ 16] -> s[%i % 2 :+ 1, 0 :+ 16] signal full[%i % 2 :+ 1] async\n"              \
  "perthread %t first 0 count 32 {\nif %t == 0 {\nmbarrier arrive full[%i % 2]\n}\n}\n}\n}\n"      \
  "group first 32 count 32 {\nfor %j = 0 to 8 {\n"                                                 \
  "mbarrier wait full[%j % 2], %j / 2 % 2\n"                                                       \
  "perthread %u first 32 count 32 {\nif %u < 48 {\n%1 = load s[%j % 2, %u - 32]\n"                 \
  "store out[%j * 16 + %u - 32] = %1 + 1 in_bounds\n}\n}\nmbarrier arrive free[%j % 2]\n}\n}"

#define READ_S EACH("64", "%1 = load s[63 - %t]\nstore out[63 - %t] = %1 in_bounds")

static void asynchrony(struct text_kit *k) {
  expect(k, "a pipeline of two stages", 1, 64, PIPELINE("1"), from_producer);
  expect(k, "in several blocks", 7, 64, PIPELINE("1"), from_producer);
  expect(k, "commit and wait", 1, 64,
         S64 "copy A[0 :+ 64] -> s[*] async\nasync_commit cp\nasync_wait cp\nbarrier\n" READ_S,
         copied);
  expect(k, "each thread its own", 1, 64,
         S64 EACH("64", "copy A[%t :+ 1] -> s[%t :+ 1] async") "\nasync_commit cp\nasync_wait "
                                                               "cp\nbarrier\n" READ_S,
         copied);
  expect(k, "a barrier told by the copies", 1, 64,
         S64 "alloc b: barrier uint64[1]\nmbarrier init b[0], 64\n" EACH(
             "64", "copy A[%t :+ 1] -> s[%t :+ 1] async") "\nmbarrier async_arrive b[0]\nmbarrier "
                                                          "wait b[0], 0\n" READ_S,
         copied);
  expect(k, "bytes that come in two parts", 1, 64,
         S64 "alloc b: barrier uint64[1]\nmbarrier init b[0], 64\n"
             "copy A[0 :+ 64] -> s[*]\nmbarrier arrive_expect_tx b[0], 4\n"
             "mbarrier expect_tx b[0], -4\nmbarrier init b[0], 64\n"
             "mbarrier arrive b[0], 1\nmbarrier wait b[0], 0\n" READ_S,
         copied);
}

/* ---- blocks that wait for blocks ---- */

static int32_t counted_up(int i) {
  return i == 0 ? 64 : -1;
}

static void blocks(struct text_kit *k) {
  expect(k, "threads that take turns by an atomic", 2, 32,
         "if %bx == 0 {\nstore out[0] = 0 in_bounds release device\n}\nbarrier device\n" EACH(
             "32",
             "while {\n%1 = atomic cas out[0], %t * 2 + %bx + 1 expect %t * 2 + %bx in_bounds "
             "acquire device\nyield %1 != %t * 2 + %bx\n} do {\n}"),
         counted_up);
}

/* Kernels in which one thread waits for all need no strand for each thread, unless another one of
 * them could be what it waits for. */
static int32_t in_turn(int i) {
  return i < 8 ? 10 * i + 63 : i == 255 ? 8 : -1;
}
static int32_t told(int i) {
  return i == 3 ? 7 : i == 4 ? 1 : -1;
}

static void strands_of(struct text_kit *k, const char *name, int grid, const char *body,
                       int32_t (*want)(int i), uint32_t n_strands) {
  runner r = {.pool = tc_rt_pool_new(NULL, 2)};
  bool ran = run_text(k, &r, text_of(k, AS_IS, grid, 64, body), grid);
  bool good = ran && !r.error.code;
  for (int i = 0; i < N; i++)
    good = good && r.out[i] == want(i);
  if (!text_check(k, good && r.n_strands == n_strands, name))
    printf("%u strands, expected %u; %s\n", r.n_strands, n_strands, r.error.text);
  tc_rt_pool_free(r.pool);
}

#define SPIN(flag, value)                                                                          \
  "while {\n%1 = load out[" flag "] in_bounds acquire device\nyield %1 != " value "\n} do {\n}\n"
#define IN_TURN(after)                                                                             \
  "alloc x: shared int32[64]\n" EACH(                                                              \
      "64", "store x[%t] = %bx * 10 + %t\nif %t == 0 {\nif %bx == 0 {\n"                           \
            "store out[255] = 0 in_bounds release device\n}\n" SPIN("255", "%bx") "}") "\n" after  \
      EACH("64", "if %t == 63 {\n%2 = load x[63]\nstore out[%bx] = %2 in_bounds\n"                 \
                 "store out[255] = %bx + 1 in_bounds release device\n}")

static void one_waits(struct text_kit *k) {
  strands_of(k, "one waits", 8, IN_TURN("barrier\n"), in_turn, 1);
  strands_of(k, "others could go on", 8, IN_TURN(""), in_turn, 64);
  strands_of(k, "in a group", 8,
             "group first 0 count 64 {\nbarrier\nif %bx < 99 {\n" IN_TURN("barrier\n") "\n}\n}",
             in_turn, 1);
  strands_of(k, "one waits for another", 1,
             EACH("64", "if %t == 0 {\n" SPIN(
                            "3", "7") "store out[4] = 1 in_bounds\n}\n"
                                      "if %t == 9 {\nstore out[3] = 7 in_bounds release device\n}"),
             told, 64);
}

/* ---- stuck, or wrong ---- */

static void reports(struct text_kit *k) {
  expect_error(k, "the wrong parity", 1, 64, PIPELINE("0"), TC_RT_E_DEADLOCK,
               "threads 0 to 31 wait at t.tir:15: mbarrier wait (phase 0; 32 of 32 arrivals");
  expect_error(k, "nobody arrives", 1, 64,
               "alloc b: barrier uint64[1]\nmbarrier init b[0], 65\nmbarrier arrive b[0]\n"
               "mbarrier wait b[0], 0",
               TC_RT_E_DEADLOCK, "1 of 65 arrivals");
  expect_error(k, "bytes that never come", 1, 64,
               "alloc b: barrier uint64[1]\nmbarrier init b[0], 64\n"
               "mbarrier arrive_expect_tx b[0], 16\nmbarrier wait b[0], 0",
               TC_RT_E_DEADLOCK, "0 of 64 arrivals and 1024 bytes");
  expect_error(k, "not set up", 1, 64, "alloc b: barrier uint64[1]\nmbarrier arrive b[0]",
               TC_RT_E_BARRIER, "mbarrier arrive: the mbarrier has not been initialised");
  expect_error(k, "too many arrivals", 1, 64,
               "alloc b: barrier uint64[1]\nmbarrier init b[0], 1\nmbarrier arrive b[0], 2",
               TC_RT_E_BARRIER, "arrivals at an mbarrier of which");
  expect_error(k, "lanes that take another branch", 1, 32,
               EACH("32", "if %t < 20 {\n%1 = collective any true\n}"), TC_RT_E_DEADLOCK,
               "threads 0 to 19 wait at t.tir:8: exchange in a warp; threads 20 to 31 have ended");
  expect_error(k, "a barrier that some threads leave out", 1, 64,
               EACH("64", "if %t < 40 {\nbarrier\n}"), TC_RT_E_DEADLOCK, "(40 of 64 threads)");
  expect_error(k, "different counts", 1, 64,
               "group first 0 count 32 {\nbarrier id 1 count 64\n}\n"
               "group first 32 count 32 {\nbarrier id 1 count 32\n}",
               TC_RT_E_BARRIER, "barrier 1 for 32 threads, while others use it for 64");
  expect_error(k, "a tile operation that one group leaves out", 1, 64,
               "alloc f: var int32\nalloc s: shared int32[4]\nstore f[] = 0\n"
               "group first 0 count 32 {\nstore f[] = 1\n}\n%1 = load f[]\n"
               "if %1 == 1 {\nfill s[*] = 1\n} else {\nfill s[*] = 2\n}",
               TC_RT_E_DEADLOCK, "fill");
  expect_error(k, "a grid whose blocks do not all come", 4, 32, "if %bx < 3 {\nbarrier device\n}",
               TC_RT_E_DEADLOCK, "barrier of all blocks");
  expect_error(k, "spinning for ever", 2, 32,
               "while {\n%1 = load A[0] in_bounds acquire device\nyield %1 == 0\n} do {\n}",
               TC_RT_E_DEADLOCK, "a loop that waits for memory");
  expect_error(k, "a wait with a limit", 2, 32,
               "wait ge A[0], 1 acquire device deadline_ns 1000000", TC_RT_E_DEADLINE,
               "wait: nothing has come for 1000000 ns");
  expect_error(k, "too many blocks", 1000000000, 32, "barrier device", TC_RT_E_RESIDENT,
               "must run at once");
}

static void refusals(struct text_kit *k) {
  expect_refused(k, "half a warp", 64,
                 "group first 0 count 16 {\nperthread %t first 0 count 16 {\n"
                 "%1 = collective sum %t\n" OUT("%1") "\n}\n}",
                 "a part of a warp");
  expect_refused(k, "a local of both", 64,
                 "alloc x: var int32\n" EACH("64", "store x[] = 1") "\n%1 = load x[]\neval %1",
                 "'x', which single threads write and all of them together use");
  expect_refused(k, "a parallel loop that spins", 64,
                 "parallel (%i < 4) {\nwhile {\n%1 = load A[%i] in_bounds acquire device\n"
                 "yield %1 == 0\n} do {\n}\n}",
                 "a parallel loop that waits");
  expect_refused(k, "a parallel loop that waits", 64, "parallel (%i < 4) {\nwait eq A[%i], 0\n}",
                 "a wait in a parallel loop");
}

/* ---- results ---- */

static void printing(struct text_kit *k) {
  const char *body = "group first 32 count 32 {\nprint \"second\"\n}\nprint \"both\"";
  for (enum form form = AS_IS; form < N_FORMS; form++) {
    runner r = {.pool = tc_rt_pool_new(NULL, 1)};
    bool ran = run_text(k, &r, text_of(k, form, 2, 64, body), 2);
    text_check(k, ran && tc_str_is(tc_sb_str(&r.printed), "second\nboth\nsecond\nboth\n"),
               "what a group does is printed once");
    tc_rt_pool_free(r.pool);
  }
  runner r = {.pool = tc_rt_pool_new(NULL, 1)};
  const char *wrong = EACH("64", "assert %t < 40, \"t.tir: too far\"");
  for (enum form form = AS_IS; form < N_FORMS; form++)
    text_check(k, run_text(k, &r, text_of(k, form, 2, 64, wrong), 2) && r.result == 1, "an assert");
  tc_rt_pool_free(r.pool);
}

int main(void) {
  struct text_kit totals = {0};
  SHARED_CASES(&totals);
  TEXT_CASE(&totals, barriers);
  TEXT_CASE(&totals, groups);
  TEXT_CASE(&totals, storage);
  TEXT_CASE(&totals, asynchrony);
  TEXT_CASE(&totals, blocks);
  TEXT_CASE(&totals, one_waits);
  TEXT_CASE(&totals, reports);
  TEXT_CASE(&totals, refusals);
  TEXT_CASE(&totals, printing);
  return text_report(&totals, "toolchain_cpu_threads");
}
