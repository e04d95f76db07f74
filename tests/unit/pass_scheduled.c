/* The passes from tile to scheduled and on to placed, by value: what the interpreter makes of a
 * kernel before and after them must be the same numbers, for targets of each kind, shapes with and
 * without tails, and loops with and without stages. Numbers are small and whole, so that the order
 * of sums does not matter. What the passes must have decided is looked for in the text. */
#include "ir/interp.h"
#include "ir/print.h"
#include "lang/lang.h"
#include "pass/pass.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_DEFINES = 20, WIDEST_B = 8, MOST_ELEMENTS = 1 << 17 };

/* ---- targets ---- */

#define HAS(name) TC_CAP_BIT(name)
static const uint64_t NONE = HAS(compiled) | HAS(lanes);
static const uint64_t AMPERE = HAS(compiled) | HAS(lanes) | HAS(cp_async) | HAS(mma_sync);
static const uint64_t HOPPER = HAS(compiled) | HAS(lanes) | HAS(cp_async) | HAS(mma_sync)
                               | HAS(mma_fp8) | HAS(tma) | HAS(stmatrix) | HAS(registers)
                               | HAS(wgmma);

/* Few multiprocessors, so that small grids have waves. */
static const tc_target_limits LIMITS = {.shared_b = 232448,
                                        .sms = 3,
                                        .registers_per_sm = 65536,
                                        .max_threads = 1024,
                                        .mma_per_clock = 2048};

/* ---- a case ---- */

typedef struct test {
  const char *entry, *defines; /* "M=128 K=64" */
  uint64_t caps;
  const char *has, *lacks; /* words of the text, separated by |; NULL: none */
  int64_t m, n, k;         /* of the arrays */
} test;

typedef struct arrays {
  unsigned char *data[8];
  tc_arg args[8];
  int64_t shape[8][4];
  size_t size_b[8];
} arrays;

static uint64_t n_passed, n_failed;
static const char *source_text;

static void fail(const test *t, const char *what, const char *text) {
  n_failed++;
  printf("%s (%s): %s\n%s\n", t->entry, t->defines, what, text ? text : "");
}

/* Arguments by the parameters' declared extents, dimensions replaced by m, n, k. */
static int64_t extent_of(const test *t, const tc_ir *ir, tc_value v) {
  int64_t x = 0;
  if (tc_const_of(ir, v, &x)) return x;
  const char *name = tc_name_of(ir, tc_var_at(ir, (tc_var){tc_op_at(ir, v)->payload})->name);
  return name[0] == 'm' ? t->m : name[0] == 'n' ? t->n : t->k;
}

static void put(unsigned char *at, enum tc_dtype type, int64_t x) {
  float f = (float)x;
  uint32_t bits;
  memcpy(&bits, &f, sizeof bits);
  if (type == TC_DT_int8) *(int8_t *)at = (int8_t)x;
  if (type == TC_DT_int32) memcpy(at, &(int32_t){(int32_t)x}, 4);
  if (type == TC_DT_float32 || type == TC_DT_tfloat32) memcpy(at, &f, 4);
  if (type == TC_DT_bfloat16) memcpy(at, (uint16_t[]){(uint16_t)(bits >> 16)}, 2);
  if (type == TC_DT_float16) { /* small whole numbers only */
    uint32_t exponent = (bits >> 23 & 0xff) - 112, mantissa = bits >> 13 & 0x3ff;
    uint16_t half = (uint16_t)(bits >> 16 & 0x8000);
    if (x) half = (uint16_t)(half | exponent << 10 | mantissa);
    memcpy(at, &half, 2);
  }
}

static void make_arrays(const test *t, const tc_ir *ir, arrays *a) {
  for (uint32_t i = 0; i < ir->params.n; i++) {
    const tc_buffer *b = tc_buf_at(ir, ir->params.at[i].buf);
    size_t element_b = tc_type_bits(b->elem) / 8, n = 1;
    for (uint32_t d = 0; d < b->rank; d++) {
      a->shape[i][d] = extent_of(t, ir, b->shape[d]);
      n *= (size_t)a->shape[i][d];
    }
    if (n > MOST_ELEMENTS) abort();
    a->size_b[i] = n * element_b;
    a->data[i] = calloc(n ? n : 1, element_b);
    bool result = b->name.id && tc_name_of(ir, b->name)[0] == 'C';
    uint32_t seed = 12345 + i;
    for (size_t e = 0; e < n && !result; e++) {
      seed = seed * 1664525 + 1013904223;
      put(a->data[i] + e * element_b, (enum tc_dtype)b->elem.dtype, (int64_t)(seed >> 24) % 5 - 2);
    }
    a->args[i].array =
        (tc_array){.data = a->data[i], .elem = b->elem, .rank = b->rank, .shape = a->shape[i]};
  }
}

static void drop_arrays(arrays *a) {
  for (size_t i = 0; i < 8; i++)
    free(a->data[i]);
}

/* ---- compiling ---- */

typedef struct session {
  tc_unwind unwind;
  tc_arena arena;
  tc_diags *diags;
} session;

static uint32_t read_defines(tc_arena *arena, const char *text, tc_lang_define *out) {
  uint32_t n = 0;
  while (*text && n < MOST_DEFINES) {
    size_t name = strcspn(text, "="), value = strcspn(text + name + 1, " ");
    out[n].name = tc_str_dup(arena, (tc_str){text, (uint32_t)name});
    out[n++].text = tc_str_dup(arena, (tc_str){text + name + 1, (uint32_t)value});
    text += name + 1 + value;
    text += strspn(text, " ");
  }
  return n;
}

static tc_ir *compile(session *s, const test *t) {
  tc_lang_define defines[MOST_DEFINES];
  tc_lang *lang = tc_lang_new(&s->arena, s->diags, tc_names_new(&s->arena));
  uint32_t n = read_defines(&s->arena, t->defines, defines);
  return tc_lang_compile(lang, "kernels.py", tc_str_of(source_text), t->entry, defines, n);
}

static const char *messages(session *s) {
  tc_sb sb = tc_sb_in(&s->arena);
  tc_diags_render(s->diags, TC_DIAG_TEXT, &sb);
  return sb.n ? sb.at : "";
}

static const char *print(session *s, tc_ir *ir) {
  tc_sb sb = tc_sb_in(&s->arena);
  tc_ir_print(ir, 0, &s->arena, &sb);
  return sb.at;
}

/* ---- comparing ---- */

static bool run_ir(session *s, const test *t, tc_ir *ir, arrays *a, const char *when,
                   uint64_t seed) {
  tc_interp_limits limits = {.seed = seed};
  tc_interp_result r = tc_interp_run(ir, a->args, ir->params.n, &limits, NULL, NULL);
  if (r.ok) return true;
  fail(t, when, messages(s));
  printf("%s\n", print(s, ir));
  return false;
}

static void check_words(session *s, const test *t, const char *words, bool wanted, tc_ir *ir) {
  const char *text = print(s, ir);
  while (words && *words) {
    size_t n = strcspn(words, "|");
    const char *word = tc_str_dup(&s->arena, (tc_str){words, (uint32_t)n});
    bool found = strstr(text, word) != NULL;
    if (found == wanted) {
      n_passed++;
    } else {
      fail(t, wanted ? "not found" : "found", word);
      printf("%s\n", text);
    }
    words += n + (words[n] == '|');
  }
}

static void run_state(session *s, const test *t, enum tc_state goal, const arrays *wanted) {
  arrays a = {.data = {0}};
  bool scheduled = goal == TC_STATE_scheduled;
  tc_pass_options options = {.caps = t->caps, .limits = &LIMITS};
  tc_ir *ir = compile(s, t);
  if (scheduled) options.stop_after = "rotate";
  tc_pipeline_run(ir, &options, goal, NULL);
  check_words(s, t, scheduled ? t->has : NULL, true, ir);
  check_words(s, t, scheduled ? t->lacks : NULL, false, ir);
  for (uint64_t seed = 0; seed < 2; seed++) {
    make_arrays(t, ir, &a);
    bool ran = run_ir(s, t, ir, &a, "the later form does not run", seed);
    bool same = ran;
    for (uint32_t i = 0; i < ir->params.n && same; i++)
      same = memcmp(a.data[i], wanted->data[i], a.size_b[i]) == 0;
    if (same) n_passed++;
    if (ran && !same) fail(t, "the later form gives other numbers", print(s, ir));
    drop_arrays(&a);
    if (!same) return;
  }
}

static void run_test(const test *t) {
  session s;
  arrays wanted = {.data = {0}};
  tc_arena_init(&s.arena, &s.unwind, 0);
  s.diags = tc_diags_new(&s.arena, tc_source_new(&s.arena));
  int why = setjmp(s.unwind.at);
  if (why == 0) {
    tc_ir *ir = compile(&s, t);
    tc_pipeline_run(ir, &(tc_pass_options){.caps = 0}, TC_STATE_tile, NULL);
    make_arrays(t, ir, &wanted);
    if (run_ir(&s, t, ir, &wanted, "the tile form does not run", 0)) {
      run_state(&s, t, TC_STATE_scheduled, &wanted);
      run_state(&s, t, TC_STATE_placed, &wanted);
    }
  } else {
    fail(t, s.unwind.text, messages(&s));
  }
  drop_arrays(&wanted);
  tc_arena_free(&s.arena);
}

/* ---- cases ---- */

#define ROLES  "producer|consumer|ring_acquire|wgmma"
#define SINGLE "producer|consumer|tma"
#define QUEUED "cp_async|async_commit cp|ring_wait"
#define SMALL  "BM=64 BN=32 "

static const test TESTS[] = {
#define CASE(entry, defines, caps, has, lacks, m, n, k)                                            \
  {#entry, defines, caps, has, lacks, m, n, k},
#include "unit/pass_scheduled.def"
#undef CASE
};

static char *read_file(const char *path) {
  FILE *f = fopen(path, "rb");
  size_t n = 0;
  char *text = calloc(1, 1 << 16);
  if (f) n = fread(text, 1, (1 << 16) - 1, f);
  if (f) fclose(f);
  if (!n) printf("cannot read %s\n", path);
  return text;
}

int main(int argc, char **argv) {
  char *text = read_file("tests/unit/pass_scheduled_kernels.py");
  source_text = text;
  for (size_t i = 0; i < TC_COUNT(TESTS); i++)
    if (argc < 2 || (size_t)atoi(argv[1]) == i) run_test(&TESTS[i]);
  free(text);
  printf("pass_scheduled: %llu passed, %llu failed\n", (unsigned long long)n_passed,
         (unsigned long long)n_failed);
  return n_failed != 0 || !n_passed;
}
