/* Runs one function on the interpreter and as compiled CPU code, and compares all arrays. */
#ifndef TESTS_UNIT_CPU_KIT_H
#define TESTS_UNIT_CPU_KIT_H

#include "base/floats.h"
#include "ir_kit.h"
#include "target/cpu/cpu.h"
#include "toolchain/cc.h"

#include <dlfcn.h>
#include <unistd.h>

/* Declared the same way in emitted text. */
typedef struct kit_env {
  void *ctx;
  void (*print)(void *ctx, const char *text, unsigned long long n);
} kit_env;
typedef int32_t kit_kernel_fn(void *const *ptr, const int64_t *word, const int32_t *block,
                              const int32_t *grid, unsigned char *scratch, const kit_env *env);

/* How far a compiled result may lie from the interpreter's. */
typedef struct kit_slack {
  double ulp;      /* in units in the last place of the element's type */
  double absolute; /* and this much */
} kit_slack;

typedef struct kit_cpu {
  enum tc_cpu_isa isa;
  kit_slack slack[KIT_ARGS];
  int64_t words[64]; /* by variable id: dims and scalar parameters */
  bool show;         /* prints the text */
  int32_t returned;  /* of the last kernel that did not return 0 */
  uint64_t text_n;
  double compile_s;
  tc_sb printed;
} kit_cpu;

static TC_UNUSED void kit_cpu_print(void *ctx, const char *text, unsigned long long n) {
  tc_sb_add(ctx, (tc_str){text, (uint32_t)n});
}

static TC_UNUSED size_t kit_array_b(const tc_array *a) {
  uint64_t n = 1;
  for (uint32_t d = 0; d < a->rank; d++)
    n *= (uint64_t)a->shape[d];
  return (size_t)((n * tc_type_bits(a->elem) + 7) / 8);
}

static TC_UNUSED uint64_t kit_bits(const tc_array *a, uint64_t i) {
  const unsigned char *p = a->data;
  uint32_t bits = tc_dtype_row((enum tc_dtype)a->elem.dtype)->bits;
  uint64_t x = 0;
  for (uint32_t b = 0; b < bits; b++) {
    uint64_t at = i * bits + b;
    x |= (uint64_t)(p[at / 8] >> at % 8 & 1) << b;
  }
  return x;
}

/* Size of one unit in the last place at x. */
static TC_UNUSED double kit_ulp(enum tc_dtype type, double x) {
  if (type == TC_DT_float64) return fabs(x) * 0x1p-52;
  const tc_float_row *row = tc_float_info((enum tc_float_format)tc_dtype_row(type)->format);
  int e;
  frexp(x, &e);
  int least = 2 - row->bias;
  return ldexp(1, (e < least ? least : e) - 1 - row->mantissa_bits);
}

static TC_UNUSED void kit_compare(struct kit *k, uint32_t arg, const void *expected,
                                  kit_slack slack) {
  const tc_array *a = &k->args[arg].array;
  tc_array want = *a;
  want.data = (void *)(uintptr_t)expected;
  tc_type type = {a->elem.dtype, 0, 1};
  uint64_t n = a->elem.lanes, shown = 0;
  for (uint32_t d = 0; d < a->rank; d++)
    n *= (uint64_t)a->shape[d];
  for (uint64_t i = 0; i < n; i++) {
    uint64_t x = kit_bits(a, i), y = kit_bits(&want, i);
    k->n_checks++;
    if (x == y) continue;
    if (tc_is_float(type)) {
      double p = tc_imm_from_bits(type, x).f, q = tc_imm_from_bits(type, y).f;
      if (isnan(p) && isnan(q)) continue;
      double allowed = slack.absolute + slack.ulp * kit_ulp((enum tc_dtype)type.dtype, q);
      if (allowed > 0 && fabs(p - q) <= allowed) continue;
      if (shown++ < 4)
        printf("%s: array %u[%llu]: cpu %.17g, expected %.17g\n", k->name, arg,
               (unsigned long long)i, p, q);
    } else if (shown++ < 4) {
      printf("%s: array %u[%llu]: cpu %llx, expected %llx\n", k->name, arg, (unsigned long long)i,
             (unsigned long long)x, (unsigned long long)y);
    }
    k->n_failures++;
  }
}

/* dlopen needs a file; it is gone again once it is open. */
static TC_UNUSED void *kit_open(const tc_cc_result *so) {
  char path[] = "/tmp/tilec-test-XXXXXX";
  int f = mkstemp(path);
  if (f < 0) return NULL;
  bool good = write(f, so->bytes, so->size_b) == (ssize_t)so->size_b;
  close(f);
  void *library = good ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
  if (!library) printf("dlopen: %s\n", dlerror());
  unlink(path);
  return library;
}

static TC_UNUSED void kit_run_blocks(struct kit *k, kit_cpu *c, const tc_emitted_kernel *kernel,
                                     kit_kernel_fn *fn) {
  void *ptr[KIT_ARGS + 8] = {0};
  int64_t word[64] = {0};
  tc_imm by_var[64] = {0};
  uint32_t n_ptr = 0, n_word = 0;
  for (uint32_t i = 0; i < k->ir->params.n; i++)
    if (k->ir->params.at[i].kind == TC_PARAM_BUFFER) ptr[n_ptr++] = k->args[i].array.data;
  for (uint32_t v = 1; v < k->ir->vars.n && v < 64; v++) {
    enum tc_var_kind kind = k->ir->vars.at[v].kind;
    by_var[v].i = c->words[v];
    if (kind == TC_VAR_DIM || kind == TC_VAR_SCALAR) word[n_word++] = c->words[v];
  }
  int32_t grid[3] = {1, 1, 1};
  const tc_op *op = tc_op_at(k->ir, kernel->stmt);
  for (uint32_t d = 0; d < op->n_in; d++) {
    tc_scalar x;
    tc_interp_host(k->ir, tc_input(k->ir, op, d), by_var, &x);
    grid[d] = (int32_t)x.x.i;
  }
  size_t scratch_b = (size_t)(kernel->scratch_b + 127) / 64 * 64;
  unsigned char *scratch = aligned_alloc(64, scratch_b);
  kit_env env = {&c->printed, kit_cpu_print};
  for (int32_t z = 0; z < grid[2]; z++)
    for (int32_t y = 0; y < grid[1]; y++)
      for (int32_t x = 0; x < grid[0]; x++) {
        memset(scratch, 0xfb, scratch_b); /* contents are undefined: NaNs and odd numbers */
        int32_t r = fn(ptr, word, (int32_t[]){x, y, z}, grid, scratch, &env);
        if (r) c->returned = r;
      }
  free(scratch);
}

/* The compiled form runs on the arguments as they are. False: it could not be made. */
static TC_UNUSED bool kit_run_compiled(struct kit *k, kit_cpu *c) {
  tc_cpu_options options = {.isa = c->isa};
  tc_emitted out = tc_cpu_emit(k->ir, &options, &k->arena);
  c->text_n = out.text.n;
  c->printed = tc_sb_in(&k->arena);
  if (c->show) printf("%.*s\n", TC_ARG_STR(out.text));
  tc_cc cc;
  tc_cc_result so;
  const char *more = getenv("KIT_FLAGS"); /* for instance sanitizers */
  tc_cc_job job = {.text = out.text,
                   .flags = tc_format(&k->arena, "%s -shared %s", tc_cpu_flags(&options, &k->arena),
                                      more ? more : "")};
  bool made = tc_cc_find(&cc, NULL, k->ir->diags, &k->arena)
              && tc_cc_compile(&cc, &job, &so, k->ir->diags, &k->arena);
  if (!made) {
    kit_fail(k, "the text does not compile");
    kit_show(k);
    printf("%.*s\n", TC_ARG_STR(out.text));
    return false;
  }
  c->compile_s = (double)so.spent_ns * 1e-9;
  void *library = kit_open(&so);
  if (!library) return false;
  for (uint32_t i = 0; i < out.n_kernels; i++) {
    kit_kernel_fn *fn;
    void *symbol = dlsym(library, out.kernels[i].name);
    memcpy(&fn, &symbol, sizeof fn);
    if (!fn) kit_fail(k, "a kernel is missing");
    if (fn) kit_run_blocks(k, c, &out.kernels[i], fn);
  }
  dlclose(library);
  return true;
}

static TC_UNUSED void kit_both(struct kit *k, kit_cpu *c) {
  void *before[KIT_ARGS] = {0}, *expected[KIT_ARGS] = {0};
  for (uint32_t i = 0; i < k->ir->params.n; i++) {
    size_t size_b = kit_array_b(&k->args[i].array);
    if (!k->args[i].array.data) continue;
    before[i] = tc_arena_copy(&k->arena, k->args[i].array.data, size_b);
  }
  kit_run_ok(k);
  for (uint32_t i = 0; i < k->ir->params.n; i++) {
    size_t size_b = kit_array_b(&k->args[i].array);
    if (!before[i]) continue;
    expected[i] = tc_arena_copy(&k->arena, k->args[i].array.data, size_b);
    memcpy(k->args[i].array.data, before[i], size_b);
  }
  if (!kit_run_compiled(k, c)) return;
  for (uint32_t i = 0; i < k->ir->params.n; i++)
    if (expected[i]) kit_compare(k, i, expected[i], c->slack[i]);
  kit_check(k,
            c->printed.n == k->printed.n
                && (!k->printed.n || memcmp(c->printed.at, k->printed.at, k->printed.n) == 0),
            "the same is printed");
}

#endif
