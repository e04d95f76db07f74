#include "run.h"

#include <stdio.h>
#include <string.h>

enum kind { INTERP, PLACED, PROGRAM };

static const struct way_row {
  enum kind kind;
  const char *name;
} WAYS[] = {
#define WAY(id, kind, name) {kind, name},
    FUZZ_WAYS(WAY)
#undef WAY
};

const char *fuzz_way_name(enum fuzz_way way) {
  return WAYS[way].name;
}

bool fuzz_is_interp(enum fuzz_way way) {
  return WAYS[way].kind == INTERP;
}

bool fuzz_is_program(enum fuzz_way way) {
  return WAYS[way].kind == PROGRAM;
}

bool fuzz_is_gpu(enum fuzz_way way) {
  return WAYS[way].kind != INTERP && way != FUZZ_CPU;
}

uint32_t fuzz_ways_of(const char *targets, const char **bad) {
  uint32_t ways = 0;
  for (*bad = targets; **bad; *bad += **bad == ',') {
    size_t n = strcspn(*bad, ",");
    uint32_t found = 0;
    for (uint32_t w = 0; w < FUZZ_N_WAYS; w++) {
      const char *name = fuzz_is_interp((enum fuzz_way)w) ? "interp" : WAYS[w].name;
      if (strlen(name) == n && strncmp(name, *bad, n) == 0) found |= 1u << w;
    }
    if (!found) return 0;
    ways |= found;
    *bad += n;
  }
  return ways;
}

static tilec_context *new_context(void) {
  tilec_context *context = NULL;
  tilec_context_options o = {.size = sizeof o};
  tilec_context_new(&o, &context, NULL);
  tilec_context_set(context, "cache", "off", NULL);
  tilec_context_set(context, "jobs", "1", NULL);
  tilec_context_set(context, "steps", "20000000", NULL);
  return context;
}

static fuzz_outcome outcome_of(tilec_status status, tilec_error *error, tc_arena *arena) {
  fuzz_outcome o = {.status = status, .code = "", .text = ""};
  if (status != TILEC_OK) {
    o.code = tc_format(arena, "%s", tilec_error_code(error));
    o.text = tc_format(arena, "%s", tilec_error_diagnostics(error, TILEC_FORMAT_TEXT));
  }
  tilec_error_release(error);
  return o;
}

/* ---- one run ---- */

typedef struct job {
  tilec_context *context;
  tilec_program *program;
  tilec_kernel *kernel;
} job;

static void end(job *j) {
  tilec_kernel_release(j->kernel);
  tilec_program_release(j->program);
  tilec_context_release(j->context);
}

static tilec_status load(job *j, tc_str text, const char *path, tilec_error **error) {
  tilec_program_options o = {.size = sizeof o, .path = path, .text = text.at, .text_size = text.n};
  return tilec_program_new(j->context, &o, &j->program, error);
}

static fuzz_result fill(const fuzz_case *c, tc_arena *arena) {
  fuzz_result r = {TC_NEW_ARRAY(arena, c->args.n, fuzz_array)};
  for (uint32_t i = 0; i < c->args.n; i++)
    if (!c->args.at[i].is_scalar) r.arrays[i] = fuzz_array_new(&c->args.at[i], arena);
  return r;
}

static void put_args(const fuzz_case *c, const fuzz_result *r, tilec_arg *args) {
  for (uint32_t i = 0; i < c->args.n; i++) {
    const fuzz_arg *a = &c->args.at[i];
    if (!a->is_scalar) {
      args[i] = (tilec_arg){.kind = TILEC_ARG_TENSOR, .as.tensor = &r->arrays[i].tensor};
    } else if (fuzz_kind_of(a->dtype) == FUZZ_FLOAT) {
      args[i] = (tilec_arg){.kind = TILEC_ARG_FLOAT, .as.f = a->value};
    } else {
      args[i] = (tilec_arg){.kind = TILEC_ARG_INT, .as.i = (int64_t)a->value};
    }
  }
}

/* What differs from the wanted results of a case whose first parameter is `first`, or NULL. */
static const char *compare(const fuzz_case *c, const tilec_kernel *kernel, size_t first,
                           const fuzz_result *got, const fuzz_result *want, tc_arena *arena) {
  const char *why = NULL;
  for (uint32_t i = 0; i < c->args.n; i++) {
    tilec_param param = {.size = sizeof param};
    if (c->args.at[i].is_scalar) continue;
    tilec_kernel_param(kernel, first + i, &param);
    if (!fuzz_array_agrees(&c->args.at[i], &got->arrays[i], &want->arrays[i], &param, &why, arena))
      return why;
  }
  return NULL;
}

/* Compiles and runs one case in the interpreter. */
static tilec_status interpret(job *j, const fuzz_case *c, fuzz_result *result, tilec_error **error,
                              tc_arena *arena) {
  tilec_status status = tilec_kernel_new(j->program, "interp", &j->kernel, error);
  if (status != TILEC_OK) return status;
  *result = fill(c, arena);
  tilec_arg *args = TC_NEW_ARRAY(arena, c->args.n, tilec_arg);
  put_args(c, result, args);
  return tilec_launch(j->kernel, args, c->args.n, error);
}

fuzz_outcome fuzz_run_oracle(const fuzz_case *c, tc_str text, fuzz_result *result,
                             tc_arena *arena) {
  job j = {.context = new_context()};
  tilec_error *error = NULL;
  tilec_status status = load(&j, text, "fuzz.py", &error);
  if (status == TILEC_OK) status = interpret(&j, c, result, &error, arena);
  fuzz_outcome o = outcome_of(status, error, arena);
  end(&j);
  return o;
}

/* Replaces the program by its own tile IR; printing that again must give the same text. */
static tilec_status reparse(job *j, const char **mismatch, tilec_error **error) {
  tilec_text *first = NULL, *second = NULL;
  tilec_status status = tilec_program_emit(j->program, "tile", &first, error);
  tilec_program_release(j->program);
  j->program = NULL;
  tc_str text = {tilec_text_data(first), (uint32_t)tilec_text_size(first)};
  if (status == TILEC_OK) status = load(j, text, "fuzz.tir", error);
  /* As it is: passes that run again may prove more. */
  if (status == TILEC_OK) status = tilec_program_emit(j->program, "ir", &second, error);
  if (status == TILEC_OK && strcmp(tilec_text_data(first), tilec_text_data(second)) != 0)
    *mismatch = "the tile IR, printed, read and printed again, is another text";
  tilec_text_release(first);
  tilec_text_release(second);
  return status;
}

/* Replaces the program by what the passes for a GPU make of it. */
static tilec_status place(job *j, enum fuzz_way way, tilec_error **error) {
  tilec_text *placed = NULL;
  char target[32];
  snprintf(target, sizeof target, "cuda:%s", strchr(WAYS[way].name, ':') + 1);
  tilec_context_set(j->context, "target", target, NULL);
  tilec_status status = tilec_program_emit(j->program, "placed", &placed, error);
  tilec_program_release(j->program);
  j->program = NULL;
  tc_str text = {tilec_text_data(placed), (uint32_t)tilec_text_size(placed)};
  if (status == TILEC_OK) status = load(j, text, "fuzz.tir", error);
  tilec_text_release(placed);
  return status;
}

/* Elements that share a byte: no GPU has code for them yet, and the look for races goes by bytes
 * there. */
static bool has_packed(tc_str text) {
  static const char *const NAMES[] = {"int4\"", "int2\"", "float4_", "float6_"};
  for (size_t i = 0; i < TC_COUNT(NAMES); i++)
    if (strstr(text.at, NAMES[i])) return true;
  return false;
}

static void set_way(tilec_context *context, enum fuzz_way way, tc_str text) {
  if (way == FUZZ_SEED) tilec_context_set(context, "seed", "12345", NULL);
  if (way == FUZZ_NO_FACTS) tilec_context_set(context, "disable", "facts", NULL);
  if (way == FUZZ_NO_PROVER) tilec_context_set(context, "prove", "off", NULL);
  /* Barriers and counters are steps as well. */
  if (WAYS[way].kind != PLACED) return;
  tilec_context_set(context, "steps", "60000000", NULL);
  /* A look for races takes ten times as long: a quarter of the cases. */
  if (!has_packed(text) && text.n % 4 == 0) tilec_context_set(context, "races", "on", NULL);
}

bool fuzz_is_refusal(const fuzz_outcome *o) {
  return o->status == TILEC_ERROR
         && (strncmp(o->code, "E039", 4) == 0 || strncmp(o->code, "E083", 4) == 0
             || strcmp(o->code, "E0840") == 0);
}

fuzz_outcome fuzz_run_way(const fuzz_case *c, tc_str text, enum fuzz_way way,
                          const fuzz_result *want, tc_arena *arena) {
  job j = {.context = new_context()};
  tilec_error *error = NULL;
  fuzz_result got;
  const char *mismatch = NULL;
  set_way(j.context, way, text);
  tilec_status status = load(&j, text, "fuzz.py", &error);
  if (status == TILEC_OK && way == FUZZ_TEXT) status = reparse(&j, &mismatch, &error);
  if (status == TILEC_OK && WAYS[way].kind == PLACED) status = place(&j, way, &error);
  if (status == TILEC_OK) status = interpret(&j, c, &got, &error, arena);
  if (status == TILEC_OK && !mismatch) mismatch = compare(c, j.kernel, 0, &got, want, arena);
  fuzz_outcome o = outcome_of(status, error, arena);
  o.mismatch = mismatch;
  end(&j);
  return o;
}

/* ---- many cases as one program ---- */

static tilec_status launch_all(job *j, const fuzz_case *const *cases, fuzz_result *got, uint32_t n,
                               tilec_error **error, tc_arena *arena) {
  size_t n_args = 0, at = 0;
  for (uint32_t i = 0; i < n; i++)
    n_args += cases[i]->args.n;
  tilec_arg *args = TC_NEW_ARRAY(arena, n_args + 1, tilec_arg);
  for (uint32_t i = 0; i < n; i++) {
    got[i] = fill(cases[i], arena);
    put_args(cases[i], &got[i], args + at);
    at += cases[i]->args.n;
  }
  return tilec_launch(j->kernel, args, n_args, error);
}

static void set_build(tilec_context *context, enum fuzz_way way, const fuzz_build *build) {
  char seed[24];
  snprintf(seed, sizeof seed, "%llu", (unsigned long long)build->seed);
  if (build->cc) tilec_context_set(context, "cc", build->cc, NULL);
  if (build->jobs) tilec_context_set(context, "jobs", build->jobs, NULL);
  if (build->disable) tilec_context_set(context, "disable", build->disable, NULL);
  tilec_context_set(context, "target", WAYS[way].name, NULL);
  if (way == FUZZ_CPU) {
    if (build->isa) tilec_context_set(context, "isa", build->isa, NULL);
    if (build->checked) tilec_context_set(context, "checked", build->checked, NULL);
  } else {
    tilec_context_set(context, "races", "on", NULL);
    tilec_context_set(context, "seed", seed, NULL);
    if (build->delivery) tilec_context_set(context, "sim_delivery", build->delivery, NULL);
  }
}

fuzz_outcome fuzz_try_way(tc_str text, enum fuzz_way way, const fuzz_build *build,
                          tc_arena *arena) {
  job j = {.context = new_context()};
  tilec_error *error = NULL;
  tilec_text *out = NULL;
  set_build(j.context, way, build);
  tilec_status status = load(&j, text, "fuzz.py", &error);
  if (status == TILEC_OK)
    status = tilec_program_emit(j.program, way == FUZZ_CPU ? "c" : "cuda", &out, &error);
  tilec_text_release(out);
  fuzz_outcome o = outcome_of(status, error, arena);
  end(&j);
  return o;
}

fuzz_outcome fuzz_run_program(const fuzz_case *const *cases, const fuzz_result *want, uint32_t n,
                              enum fuzz_way way, const fuzz_build *build, const char **mismatch,
                              tc_arena *arena) {
  job j = {.context = new_context()};
  tilec_error *error = NULL;
  tc_str text = fuzz_case_text(cases, n, arena);
  fuzz_result *got = TC_NEW_ARRAY(arena, n + 1, fuzz_result);
  set_build(j.context, way, build);
  tilec_status status = load(&j, text, "fuzz.py", &error);
  if (status == TILEC_OK) status = tilec_kernel_new(j.program, NULL, &j.kernel, &error);
  if (status == TILEC_OK) status = launch_all(&j, cases, got, n, &error, arena);
  size_t first = 0;
  for (uint32_t i = 0; i < n && status == TILEC_OK; i++) {
    mismatch[i] = compare(cases[i], j.kernel, first, &got[i], &want[i], arena);
    first += cases[i]->args.n;
  }
  fuzz_outcome o = outcome_of(status, error, arena);
  end(&j);
  return o;
}
