#include "cli/run.h"

#include <stdlib.h>
#include <string.h>

/* ---- making ---- */

static int new_array(const cli_job *j, const tilec_array *like, tilec_array **out) {
  const tilec_tensor *t = tilec_array_tensor(like);
  tilec_error *error;
  tilec_status status = tilec_array_new_on(j->c->context, j->info.device_type, j->info.device_id,
                                           (tilec_dtype)t->dtype, t->rank, t->shape, out, &error);
  return status == TILEC_OK ? EXIT_OK : cli_fail_with(j->c, status, error);
}

static size_t count_arrays(const cli_job *j) {
  size_t n = 0;
  for (size_t i = 0; i < j->n; i++)
    n += 1 + j->values[i].n_table;
  return n;
}

int cli_set_new(const cli_job *j, cli_set *set) {
  set->n_arrays = count_arrays(j);
  set->args = cli_memory(j->n * sizeof *set->args);
  set->views = cli_memory(j->n * sizeof *set->views);
  set->arrays = cli_memory(set->n_arrays * sizeof(tilec_array *));
  tilec_array **at = set->arrays;
  for (size_t i = 0; i < j->n; i++) {
    const cli_value *v = &j->values[i];
    set->args[i] = j->args[i];
    tilec_array **own = at++;
    int code = v->own.array ? new_array(j, v->own.array, own) : EXIT_OK;
    for (size_t k = 0; k < v->n_table && !code; k++)
      code = new_array(j, v->table[k].array, at++);
    if (code) return code;
    if (!v->own.array) continue;
    const tilec_tensor *there = tilec_array_tensor(*own);
    set->views[i] = v->view;
    set->views[i].data = there->data;
    set->views[i].device_type = there->device_type;
    set->views[i].device_id = there->device_id;
    set->args[i].as.tensor = &set->views[i];
  }
  return EXIT_OK;
}

void cli_set_free(cli_set *set) {
  for (size_t i = 0; i < set->n_arrays; i++)
    tilec_array_release(set->arrays[i]);
  free(set->arrays);
  free(set->views);
  free(set->args);
  *set = (cli_set){0};
}

/* ---- copying ---- */

static int copy(const cli_job *j, const tilec_array *to, const tilec_array *from) {
  tilec_error *error;
  tilec_status status =
      tilec_tensor_copy(j->c->context, tilec_array_tensor(to), tilec_array_tensor(from), &error);
  return status == TILEC_OK ? EXIT_OK : cli_fail_with(j->c, status, error);
}

/* The addresses of the set's own arrays, instead of those of the job's. */
static int fill_table(const cli_job *j, const cli_value *v, tilec_array *const *at) {
  int64_t shape[1] = {(int64_t)v->n_table};
  tilec_array *table;
  tilec_error *error;
  tilec_status status = tilec_array_new(j->c->context, TILEC_INT64, 1, shape, &table, &error);
  if (status != TILEC_OK) return cli_fail_with(j->c, status, error);
  for (size_t k = 0; k < v->n_table; k++) {
    int64_t address = (int64_t)(intptr_t)tilec_array_tensor(at[1 + k])->data;
    memcpy((char *)tilec_array_tensor(table)->data + k * sizeof address, &address, sizeof address);
  }
  int code = copy(j, at[0], table);
  tilec_array_release(table);
  return code;
}

int cli_set_fill(const cli_job *j, const cli_set *set) {
  tilec_array *const *at = set->arrays;
  for (size_t i = 0; i < j->n; at += 1 + j->values[i].n_table, i++) {
    const cli_value *v = &j->values[i];
    int code = EXIT_OK;
    if (v->own.array) code = v->table ? fill_table(j, v, at) : copy(j, at[0], v->own.array);
    for (size_t k = 0; k < v->n_table && !code; k++)
      code = copy(j, at[1 + k], v->table[k].array);
    if (code) return code;
  }
  return EXIT_OK;
}

static bool may_be_written(const cli_value *v) {
  return v->own.array && !v->table
         && v->param.flags & (TILEC_PARAM_WRITTEN | TILEC_PARAM_POINTER | TILEC_PARAM_RESULT);
}

int cli_set_fetch(const cli_job *j, const cli_set *set) {
  tilec_array *const *at = set->arrays;
  for (size_t i = 0; i < j->n; at += 1 + j->values[i].n_table, i++) {
    const cli_value *v = &j->values[i];
    int code = may_be_written(v) ? copy(j, v->own.array, at[0]) : EXIT_OK;
    for (size_t k = 0; k < v->n_table && !code; k++)
      code = copy(j, v->table[k].array, at[1 + k]);
    if (code) return code;
  }
  return EXIT_OK;
}

uint64_t cli_set_bytes(const cli_job *j, uint64_t *moved_b) {
  uint64_t total_b = 0;
  *moved_b = 0;
  for (size_t i = 0; i < j->n; i++) {
    const cli_value *v = &j->values[i];
    uint64_t own_b = v->own.array ? tilec_array_bytes(v->own.array) : 0;
    total_b += own_b;
    if (v->param.flags & TILEC_PARAM_READ) *moved_b += own_b;
    if (v->param.flags & TILEC_PARAM_WRITTEN) *moved_b += own_b;
    for (size_t k = 0; k < v->n_table; k++)
      total_b += tilec_array_bytes(v->table[k].array);
  }
  return total_b;
}
