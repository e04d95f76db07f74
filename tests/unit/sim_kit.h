/* Device texts of tests/sim in the simulator: compiled as they are or with a fault planted, run,
 * and their results or the report looked at. */
#ifndef TESTS_UNIT_SIM_KIT_H
#define TESTS_UNIT_SIM_KIT_H

#include "base/floats.h"
#include "check_kit.h"
#include "rt/os.h"
#include "sim/sim.h"

#include <stdlib.h>
#include <unistd.h>

/* A text of tests/sim in which `find` is replaced, once, or everywhere when `find` begins with '*'.
 */
typedef struct sim_text {
  const char *file, *find, *put;
} sim_text;

static inline char *sim_read(const char *file) {
  char path[256];
  snprintf(path, sizeof path, "tests/sim/%s.c", file);
  FILE *f = fopen(path, "rb");
  if (!f) return NULL;
  char *bytes = calloc(1, 1 << 16);
  if (bytes && fread(bytes, 1, (1 << 16) - 1, f) == 0) bytes[0] = 0;
  fclose(f);
  return bytes;
}

/* Replaces; counts. */
static inline int sim_replace(tc_sb *out, const sim_text *what, const char *whole) {
  const char *find = what->find, *rest = whole;
  int n = 0;
  bool all = find && *find == '*';
  if (all) find++;
  for (const char *at; find && (all || !n) && (at = strstr(rest, find)) != NULL; n++) {
    tc_sb_add(out, (tc_str){rest, (uint32_t)(at - rest)});
    tc_sb_adds(out, what->put);
    rest = at + strlen(find);
  }
  tc_sb_adds(out, rest);
  return n;
}

static inline tc_sim_module *sim_compile_in(tc_arena *arena, const char *text, tc_str device) {
  char path[] = "/tmp/tilec-sim-test-XXXXXX", why[512];
  tc_diags *diags = tc_diags_new(arena, tc_source_new(arena));
  tc_cc cc;
  tc_cc_result result;
  tc_cc_job job = {.text = tc_str_of(text), .flags = tc_sim_flags};
  bool made =
      tc_cc_find(&cc, NULL, diags, arena) && tc_cc_compile(&cc, &job, &result, diags, arena);
  if (!made) {
    tc_sb sb = tc_sb_in(arena);
    tc_diags_render(diags, TC_DIAG_TEXT, &sb);
    printf("%s\n", sb.at);
    return NULL;
  }
  int fd = mkstemp(path);
  if (fd < 0) return NULL;
  close(fd);
  CHECK(tc_rt_file_write(path, result.bytes, result.size_b));
  tc_sim_module *module = tc_sim_load(path, device, NULL, why, sizeof why);
  if (!module) printf("%s\n", why);
  unlink(path);
  return module;
}

static inline tc_sim_module *sim_make(tc_arena *arena, const sim_text *what, const char *file) {
  char why[256] = "";
  tc_sb device = tc_sb_in(arena), whole = tc_sb_in(arena);
  int n = sim_replace(&device, what, file);
  if (!CHECK(!what->find || n > 0))
    printf("no \"%s\" in %s\n", what->find ? what->find : "", what->file);
  if (!CHECK(tc_sim_text(&whole, tc_sb_str(&device), why, sizeof why))) printf("%s\n", why);
  return sim_compile_in(arena, whole.at, tc_sb_str(&device));
}

/* NULL: it failed, and said why. */
static inline tc_sim_module *sim_compile_as(const sim_text *what, const char *text) {
  tc_unwind unwind;
  tc_arena arena;
  memset(&unwind, 0, sizeof unwind);
  tc_arena_init(&arena, &unwind, 0);
  tc_sim_module *volatile module = NULL;
  if (setjmp(unwind.at) == 0) module = sim_make(&arena, what, text);
  tc_arena_free(&arena);
  return module;
}

static inline tc_sim_module *sim_compile(const sim_text *what) {
  char *file = sim_read(what->file);
  tc_sim_module *module = CHECK(file != NULL) ? sim_compile_as(what, file) : NULL;
  free(file);
  return module;
}

static inline tc_sim_module *sim_compile_text(const char *text) {
  static const sim_text as_it_is = {"", NULL, NULL};
  return sim_compile_as(&as_it_is, text);
}

/* ---- bfloat16 matrices of small integers, so that every sum is exact ---- */

static inline void sim_fill(uint16_t *x, size_t n, uint32_t seed) {
  for (size_t i = 0; i < n; i++) {
    seed = seed * 1664525u + 1013904223u;
    x[i] = tc_f32_to_bf16((float)((int)(seed >> 24) % 7 - 3));
  }
}

static inline size_t sim_wrong(const uint16_t *a, const uint16_t *b, const uint16_t *c, int m,
                               int n, int k) {
  size_t wrong = 0;
  for (int i = 0; i < m; i++)
    for (int j = 0; j < n; j++) {
      float sum = 0;
      for (int l = 0; l < k; l++)
        sum += tc_bf16_to_f32(a[i * k + l]) * tc_bf16_to_f32(b[j * k + l]);
      wrong += c[i * n + j] != tc_f32_to_bf16(sum);
    }
  return wrong;
}

#endif
