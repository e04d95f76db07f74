/* Small functions as IR, made and run in a few lines each. A case is a function that gets a fresh
 * `struct kit`; what unwinds out of it, or any failed check, is a failure of the program. */
#ifndef TESTS_UNIT_IR_KIT_H
#define TESTS_UNIT_IR_KIT_H

#include "ir/build.h"
#include "ir/interp.h"
#include "ir/scalar.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KIT_ARGS = 8, KIT_RANK = 6 };

struct kit {
  const char *name;
  uint64_t n_checks, n_failures;
  tc_unwind unwind;
  tc_arena arena;
  tc_ir *ir;
  tc_region body;
  tc_arg args[KIT_ARGS];
  int64_t shapes[KIT_ARGS][KIT_RANK];
  tc_interp_limits limits;
  tc_interp_result result;
  tc_sb printed;
};

typedef void kit_case(struct kit *k);

static TC_UNUSED void kit_fail(struct kit *k, const char *what) {
  k->n_failures++;
  printf("%s: %s\n", k->name, what);
}

static TC_UNUSED void kit_check(struct kit *k, bool ok, const char *what) {
  k->n_checks++;
  if (!ok) kit_fail(k, what);
}

/* Values equal when both are NaN, or within `slack`. */
static TC_UNUSED void kit_near(struct kit *k, const char *what, int64_t at, double saw,
                               double wanted, double slack) {
  k->n_checks++;
  if ((isnan(saw) && isnan(wanted)) || saw == wanted || fabs(saw - wanted) <= slack) return;
  k->n_failures++;
  printf("%s: %s[%" PRId64 "]: saw %.17g, expected %.17g\n", k->name, what, at, saw, wanted);
}

static TC_UNUSED void kit_run_case(struct kit *totals, const char *name, kit_case *fn) {
  struct kit *k = calloc(1, sizeof *k);
  if (!k) abort();
  k->name = name;
  tc_arena_init(&k->arena, &k->unwind, 0);
  int why = setjmp(k->unwind.at);
  if (why == 0) {
    tc_diags *diags = tc_diags_new(&k->arena, tc_source_new(&k->arena));
    k->ir = tc_ir_new(&k->arena, diags, tc_names_new(&k->arena));
    k->ir->state = TC_STATE_tile;
    k->ir->name = tc_names_add(k->ir->names, TC_STR("f"));
    k->body = k->ir->body;
    k->printed = tc_sb_in(&k->arena);
    fn(k);
  } else {
    printf("%s: unwound with %d: %s\n", name, why, k->unwind.text);
    k->n_failures++;
  }
  totals->n_checks += k->n_checks;
  totals->n_failures += k->n_failures;
  tc_arena_free(&k->arena);
  free(k);
}

/* ---- values and buffers ---- */

static const tc_span kit_nowhere = {0};

static TC_UNUSED tc_value kit_i(struct kit *k, int64_t x) {
  return tc_i32(k->ir, x);
}
static TC_UNUSED tc_value kit_f(struct kit *k, enum tc_dtype type, double x) {
  return tc_const_float(k->ir, tc_scalar_type(type), x);
}
static TC_UNUSED tc_value kit_op(struct kit *k, enum tc_opcode op, tc_value a, tc_value b) {
  return tc_binary(k->ir, op, a, b);
}
static TC_UNUSED tc_var kit_dim(struct kit *k, const char *name) {
  return tc_var_new(k->ir, name, TC_VAR_DIM, tc_scalar_type(TC_DT_int32), kit_nowhere);
}

/* A parameter with extents given as values, and the argument for it. */
static TC_UNUSED tc_buf kit_param_of(struct kit *k, const char *name, enum tc_dtype type,
                                     uint32_t rank, const tc_value *shape, void *data,
                                     const int64_t *actual) {
  uint32_t i = k->ir->params.n;
  if (i >= KIT_ARGS || rank > KIT_RANK) abort();
  tc_buf b =
      tc_buf_new(k->ir, name, tc_scalar_type(type), TC_SCOPE_global, rank, shape, kit_nowhere);
  tc_buf_at(k->ir, b)->flags = TC_BUF_PARAM;
  tc_vec_push(&k->arena, &k->ir->params, ((tc_param){TC_PARAM_BUFFER, b, {0}}));
  for (uint32_t d = 0; d < rank; d++)
    k->shapes[i][d] = actual[d];
  k->args[i].array =
      (tc_array){.data = data, .elem = tc_scalar_type(type), .rank = rank, .shape = k->shapes[i]};
  return b;
}

/* The same with constant extents; a second extent of -1: rank 1. */
static TC_UNUSED tc_buf kit_param(struct kit *k, const char *name, enum tc_dtype type, void *data,
                                  int64_t n0, int64_t n1) {
  int64_t actual[2] = {n0, n1};
  tc_value shape[2] = {kit_i(k, n0), kit_i(k, n1)};
  return kit_param_of(k, name, type, n1 < 0 ? 1 : 2, shape, data, actual);
}

static TC_UNUSED tc_buf kit_alloc(struct kit *k, tc_region at, const char *name,
                                  enum tc_scope scope, enum tc_dtype type, uint32_t rank,
                                  const int64_t *extent) {
  tc_value shape[KIT_RANK];
  for (uint32_t d = 0; d < rank; d++)
    shape[d] = kit_i(k, extent[d]);
  tc_buf b = tc_buf_new(k->ir, name, tc_scalar_type(type), scope, rank, shape, kit_nowhere);
  tc_alloc(k->ir, at, b, kit_nowhere);
  return b;
}

static TC_UNUSED tc_value kit_load(struct kit *k, tc_region at, tc_buf b, tc_value i) {
  return tc_load(k->ir, at, b, &i, (tc_value){0}, (tc_value){0}, kit_nowhere);
}
static TC_UNUSED tc_value kit_load2(struct kit *k, tc_region at, tc_buf b, tc_value i, tc_value j) {
  return tc_load(k->ir, at, b, (tc_value[]){i, j}, (tc_value){0}, (tc_value){0}, kit_nowhere);
}
static TC_UNUSED void kit_store(struct kit *k, tc_region at, tc_buf b, tc_value i, tc_value x) {
  tc_store(k->ir, at, b, &i, x, (tc_value){0}, kit_nowhere);
}
static TC_UNUSED void kit_store2(struct kit *k, tc_region at, tc_buf b, tc_value i, tc_value j,
                                 tc_value x) {
  tc_store(k->ir, at, b, (tc_value[]){i, j}, x, (tc_value){0}, kit_nowhere);
}
static TC_UNUSED tc_value kit_get(struct kit *k, tc_region at, tc_buf var) {
  return tc_load(k->ir, at, var, NULL, (tc_value){0}, (tc_value){0}, kit_nowhere);
}
static TC_UNUSED void kit_set(struct kit *k, tc_region at, tc_buf var, tc_value x) {
  tc_store(k->ir, at, var, NULL, x, (tc_value){0}, kit_nowhere);
}

/* ---- control ---- */

static TC_UNUSED tc_value kit_new_var(struct kit *k, const char *name, enum tc_var_kind kind,
                                      tc_var *var) {
  *var = tc_var_new(k->ir, name, kind, tc_scalar_type(TC_DT_int32), kit_nowhere);
  return tc_var_value(k->ir, *var);
}

static TC_UNUSED tc_region kit_child(struct kit *k, tc_value stmt, uint32_t i) {
  return tc_child(k->ir, tc_op_at(k->ir, stmt), i);
}

/* A kernel with a grid of gx * gy blocks; bx and by get the block indices. */
static TC_UNUSED tc_region kit_kernel2(struct kit *k, tc_value gx, tc_value gy, tc_value *bx,
                                       tc_value *by) {
  tc_kernel kernel = {.name = tc_names_add(k->ir->names, TC_STR("main")),
                      .n_grid = 2,
                      .threads = {128, 1, 1},
                      .cluster = {1, 1, 1}};
  *bx = kit_new_var(k, "bx", TC_VAR_BLOCK, &kernel.block[0]);
  *by = kit_new_var(k, "by", TC_VAR_BLOCK, &kernel.block[1]);
  tc_value grid[2] = {gx, gy};
  return kit_child(k, tc_kernel_stmt(k->ir, k->body, &kernel, grid, kit_nowhere), 0);
}

static TC_UNUSED tc_region kit_kernel(struct kit *k, tc_value gx, tc_value *bx) {
  tc_value by;
  return kit_kernel2(k, gx, kit_i(k, 1), bx, &by);
}

static TC_UNUSED tc_region kit_for(struct kit *k, tc_region at, tc_value lo, tc_value hi,
                                   int64_t step, tc_value *i) {
  tc_loop loop = {.kind = TC_LOOP_SERIAL};
  *i = kit_new_var(k, "i", TC_VAR_LOOP, &loop.var);
  return kit_child(k, tc_for(k->ir, at, loop, lo, hi, kit_i(k, step), kit_nowhere), 0);
}

static TC_UNUSED tc_region kit_parallel(struct kit *k, tc_region at, tc_value n, tc_value *i) {
  tc_var var;
  *i = kit_new_var(k, "i", TC_VAR_PARALLEL, &var);
  return kit_child(k, tc_parallel_stmt(k->ir, at, &var, &n, 1, kit_nowhere), 0);
}

static TC_UNUSED tc_region kit_parallel2(struct kit *k, tc_region at, tc_value n, tc_value m,
                                         tc_value *i, tc_value *j) {
  tc_var vars[2];
  *i = kit_new_var(k, "i", TC_VAR_PARALLEL, &vars[0]);
  *j = kit_new_var(k, "j", TC_VAR_PARALLEL, &vars[1]);
  tc_value extents[2] = {n, m};
  return kit_child(k, tc_parallel_stmt(k->ir, at, vars, extents, 2, kit_nowhere), 0);
}

/* A statement without a result. */
static TC_UNUSED tc_value kit_stmt(struct kit *k, tc_region at, enum tc_opcode op,
                                   const tc_value *in, uint32_t n, uint32_t payload) {
  return tc_stmt(k->ir, at, op, tc_scalar_type(TC_DT_void), in, n, payload, kit_nowhere);
}

static TC_UNUSED tc_value kit_slice(struct kit *k, tc_buf b, const tc_value *base,
                                    const int64_t *extent) {
  tc_value extents[KIT_RANK];
  for (uint32_t d = 0; d < tc_buf_at(k->ir, b)->rank; d++)
    extents[d] = kit_i(k, extent[d]);
  return tc_slice(k->ir, b, base, extents, false);
}

static TC_UNUSED void kit_copy(struct kit *k, tc_region at, tc_value from, tc_value to) {
  kit_stmt(k, at, TC_OP_copy, (tc_value[]){from, to}, 2, tc_pl_copy(k->ir, (tc_copy){0}));
}

/* ---- running ---- */

static TC_UNUSED void kit_print(void *data, const char *text, size_t n) {
  struct kit *k = data;
  tc_sb_add(&k->printed, (tc_str){text, (uint32_t)n});
}

static TC_UNUSED bool kit_run(struct kit *k) {
  k->result = tc_interp_run(k->ir, k->args, k->ir->params.n, &k->limits, kit_print, k);
  return k->result.ok;
}

static TC_UNUSED void kit_show(struct kit *k) {
  tc_sb text = tc_sb_in(&k->arena);
  tc_diags_render(k->ir->diags, TC_DIAG_TEXT, &text);
  if (text.n) printf("%s\n", text.at);
}

static TC_UNUSED void kit_run_ok(struct kit *k) {
  k->n_checks++;
  if (kit_run(k) && !k->ir->diags->n_errors) return;
  kit_fail(k, "the run should succeed");
  kit_show(k);
}

/* The run must end in this error, with `part` in its message, notes or help. */
static TC_UNUSED void kit_run_error(struct kit *k, const char *code, const char *part) {
  k->n_checks++;
  bool ok = kit_run(k);
  tc_sb text = tc_sb_in(&k->arena);
  tc_diags_render(k->ir->diags, TC_DIAG_TEXT, &text);
  bool coded = k->ir->diags->n_errors == 1
               && strcmp(tc_diag_row(k->ir->diags->all.at[0].id)->code, code) == 0;
  if (!ok && coded && strstr(text.at, part)) return;
  k->n_failures++;
  printf("%s: expected %s with \"%s\", saw: %s\n", k->name, code, part,
         text.n ? text.at : "no error");
}

#define KIT_CASE(totals, fn) kit_run_case(totals, #fn, fn)

static TC_UNUSED int kit_report(const struct kit *totals, const char *program) {
  printf("%s: %" PRIu64 " checks, %" PRIu64 " failures\n", program, totals->n_checks,
         totals->n_failures);
  return totals->n_failures != 0;
}

#endif
