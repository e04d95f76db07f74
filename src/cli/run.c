/* tilec run: a kernel on arrays from files, or on random ones, checked and measured if asked. Files
 * are written when everything has succeeded, so that no output is ever half there. */
#include "cli/run.h"

#include <stdlib.h>
#include <string.h>

typedef cli_job job;
typedef cli_value value;
typedef cli_cell cell;

/* ---- names ---- */

static const char *all_names(const job *j) {
  const char *text = "";
  for (size_t i = 0; i < j->n; i++)
    text = cli_format("%s%s%s", text, i ? ", " : "", j->values[i].param.name);
  return text;
}

static int check_names(const job *j, const cli_pairs *pairs, const char *what) {
  for (size_t i = 0; i < pairs->n; i++) {
    bool known = false;
    for (size_t k = 0; k < j->n; k++)
      known = known || strcmp(pairs->at[i].name, j->values[k].param.name) == 0;
    if (!known)
      return cli_fail(j->c, EXIT_USER, "E0657", "%s %s: %s has no parameter of this name, only %s",
                      what, pairs->at[i].name, j->info.name, all_names(j));
  }
  return EXIT_OK;
}

static int check_dims(const job *j) {
  const cli_pairs *dims = &j->c->dims;
  for (size_t i = 0; i < dims->n; i++) {
    bool known = false;
    for (size_t k = 0; tilec_kernel_dim(j->kernel, k); k++)
      known = known || strcmp(tilec_kernel_dim(j->kernel, k), dims->at[i].name) == 0;
    if (!known)
      return cli_fail(j->c, EXIT_USER, "E0657",
                      "--dim %s: %s has no symbolic dimension of this name", dims->at[i].name,
                      j->info.name);
    j->dims[i].name = dims->at[i].name;
    cli_parse_int(dims->at[i].value, 0, INT64_MAX, &j->dims[i].value); /* checked by set_dim */
  }
  return EXIT_OK;
}

static int describe(job *j) {
  j->info.size = sizeof j->info;
  tilec_kernel_describe(j->kernel, &j->info);
  j->n = j->info.n_params;
  j->values = cli_memory(j->n * sizeof *j->values);
  j->args = cli_memory(j->n * sizeof *j->args);
  j->dims = cli_memory(j->c->dims.n * sizeof *j->dims);
  for (size_t i = 0; i < j->n; i++) {
    value *v = &j->values[i];
    v->param.size = sizeof v->param;
    tilec_kernel_param(j->kernel, i, &v->param);
    v->in = cli_pairs_find(&j->c->inputs, v->param.name);
    v->out = cli_pairs_find(&j->c->outputs, v->param.name);
  }
  int code = check_names(j, &j->c->inputs, "--in");
  if (!code) code = check_names(j, &j->c->outputs, "--out");
  return code ? code : check_dims(j);
}

/* ---- arguments ---- */

static bool is_float(tilec_dtype dtype) {
  return dtype >= TILEC_FLOAT16 && dtype < TILEC_POINTER;
}

static int read_scalar(const job *j, value *v, tilec_arg *arg) {
  const char *text = v->in ? v->in->value : NULL;
  if (v->out)
    return cli_fail(j->c, EXIT_USER, "E0657", "--out %s: a scalar cannot be an output",
                    v->param.name);
  if (!text)
    return cli_fail(j->c, EXIT_USER, "E0657",
                    "nothing was given for the scalar '%s': --in %s=NUMBER", v->param.name,
                    v->param.name);
  if (is_float((tilec_dtype)v->param.dtype)) {
    arg->kind = TILEC_ARG_FLOAT;
    if (cli_parse_float(text, &arg->as.f)) return EXIT_OK;
  } else {
    arg->kind = TILEC_ARG_INT;
    bool yes = strcmp(text, "True") == 0, no = strcmp(text, "False") == 0;
    arg->as.i = yes;
    if (yes || no || cli_parse_int(text, INT64_MIN, INT64_MAX, &arg->as.i)) return EXIT_OK;
  }
  return cli_fail(j->c, EXIT_USER, "E0657", "--in %s is '%s', expected a number of type %s",
                  v->param.name, text, tilec_dtype_name((tilec_dtype)v->param.dtype));
}

/* The view a launch gets: of the array itself, or of one by columns with its extents turned round.
 */
static tilec_tensor view_of(value *v, const tilec_array *array, uint16_t flags) {
  tilec_tensor t = *tilec_array_tensor(array);
  t.flags = flags;
  if (!v->own.columns) return t;
  int64_t stride = 1;
  for (uint32_t i = 0; i < t.rank; i++) {
    v->shape[i] = t.shape[t.rank - 1 - i];
    v->strides[i] = stride;
    stride *= v->shape[i];
  }
  t.shape = v->shape;
  t.strides = v->strides;
  return t;
}

static void use_array(value *v, tilec_arg *arg, uint16_t flags) {
  v->view = view_of(v, v->own.array, flags);
  arg->kind = TILEC_ARG_TENSOR;
  arg->as.tensor = &v->view;
}

/* An array of addresses: one element per cell. */
static int make_table(const job *j, const value *v, bool oracle, tilec_array **table) {
  int64_t shape[1] = {(int64_t)v->n_table};
  tilec_error *error;
  tilec_status status = tilec_array_new(j->c->context, TILEC_INT64, 1, shape, table, &error);
  if (status != TILEC_OK) return cli_fail_with(j->c, status, error);
  for (size_t i = 0; i < v->n_table; i++) {
    const tilec_array *to = oracle ? v->table[i].oracle : v->table[i].array;
    int64_t address = (int64_t)(intptr_t)tilec_array_tensor(to)->data;
    memcpy((char *)tilec_array_tensor(*table)->data + i * sizeof address, &address, sizeof address);
  }
  return EXIT_OK;
}

/* --in NAME=a.npy,b.npy for a parameter that holds pointers. */
static int read_table(job *j, value *v) {
  size_t n_out = 0;
  char **in = cli_split(v->in->value, &v->n_table);
  char **out = v->out ? cli_split(v->out->value, &n_out) : NULL;
  if (out && n_out != v->n_table)
    return cli_fail(j->c, EXIT_USER, "E0657", "--out %s names %zu files, expected %zu as in --in",
                    v->param.name, n_out, v->n_table);
  v->table = cli_memory(v->n_table * sizeof *v->table);
  for (size_t i = 0; i < v->n_table; i++) {
    int code = npy_read(j->c, in[i], NULL, &v->table[i].array);
    if (code) return code;
    if (out) v->table[i].out = out[i];
  }
  return make_table(j, v, false, &v->own.array);
}

static int read_tensor(job *j, size_t i) {
  value *v = &j->values[i];
  bool table = v->param.dtype == TILEC_POINTER && !(v->param.flags & TILEC_PARAM_POINTER);
  bool strided = v->param.flags & TILEC_PARAM_STRIDED;
  int code = table ? read_table(j, v)
                   : npy_read(j->c, v->in->value, strided ? &v->own.columns : NULL, &v->own.array);
  if (!code) use_array(v, &j->args[i], 0);
  return code;
}

/* Says early what could not be written in the end. */
static int check_outputs(job *j, value *v) {
  if (!v->out) return EXIT_OK;
  if (!v->table) {
    v->own.out = v->out->value;
    return npy_can_write(j->c, v->own.out);
  }
  for (size_t i = 0; i < v->n_table; i++) {
    int code = npy_can_write(j->c, v->table[i].out);
    if (code) return code;
  }
  return EXIT_OK;
}

static int read_inputs(job *j) {
  for (size_t i = 0; i < j->n; i++) {
    value *v = &j->values[i];
    int code = EXIT_OK;
    if (v->param.kind == TILEC_PARAM_SCALAR) {
      code = read_scalar(j, v, &j->args[i]);
    } else if (v->in) {
      code = read_tensor(j, i);
    }
    if (!code) code = check_outputs(j, v);
    if (code) return code;
  }
  return EXIT_OK;
}

/* The shape an array of a parameter has in a file: packed types count bytes in the last extent. */
static int storage_shape(const job *j, const value *v, int64_t *shape) {
  tilec_dtype dtype = (tilec_dtype)v->param.dtype;
  int64_t bytes = (int64_t)tilec_dtype_bytes(dtype, 8), per_byte = bytes < 8 ? 8 / bytes : 1;
  if (per_byte == 1 || v->param.rank == 0) return EXIT_OK;
  int64_t *last = &shape[v->param.rank - 1];
  if (*last % per_byte)
    return cli_fail(j->c, EXIT_USER, "E0657",
                    "the last extent of '%s' is %lld, expected a multiple of %lld: %s is packed",
                    v->param.name, (long long)*last, (long long)per_byte, tilec_dtype_name(dtype));
  *last /= per_byte;
  return EXIT_OK;
}

static int create_array(job *j, size_t i) {
  value *v = &j->values[i];
  int64_t shape[TILEC_MAX_RANK];
  tilec_error *error;
  tilec_dtype dtype = (tilec_dtype)v->param.dtype;
  tilec_status status =
      tilec_kernel_shape(j->kernel, j->args, j->n, j->dims, j->c->dims.n, i, shape, &error);
  if (status != TILEC_OK) return cli_fail_with(j->c, status, error);
  int code = storage_shape(j, v, shape);
  if (code) return code;
  status = tilec_array_new(j->c->context, tilec_dtype_storage(dtype), v->param.rank, shape,
                           &v->own.array, &error);
  if (status != TILEC_OK) return cli_fail_with(j->c, status, error);
  const tilec_tensor *t = tilec_array_tensor(v->own.array);
  bool filled = j->c->random && v->param.flags & TILEC_PARAM_READ;
  if (filled) {
    status = tilec_tensor_random(t, dtype, j->c->seed * 1000003 + i, &error);
    if (status != TILEC_OK) return cli_fail_with(j->c, status, error);
  } else { /* all ones: a NaN of every float type, so that what was not written shows */
    memset(t->data, 0xff, tilec_array_bytes(v->own.array));
  }
  use_array(v, &j->args[i], filled ? 0 : TILEC_TENSOR_POISONED);
  return EXIT_OK;
}

static bool only_output(const value *v) {
  return !(v->param.flags & TILEC_PARAM_READ) && v->param.flags & TILEC_PARAM_WRITTEN;
}

static int create_others(job *j) {
  for (size_t i = 0; i < j->n; i++) {
    const value *v = &j->values[i];
    if (v->param.kind == TILEC_PARAM_SCALAR || v->own.array) continue;
    if (v->param.flags & TILEC_PARAM_NULLABLE && !v->out) continue;
    bool pointer = v->param.flags & TILEC_PARAM_POINTER || v->param.dtype == TILEC_POINTER;
    bool may = v->out || j->c->random || (only_output(v) && (j->c->check || j->c->bench));
    if (!may || pointer)
      return cli_fail(j->c, EXIT_USER, "E0657", "nothing was given for '%s': --%s %s=FILE.npy%s",
                      v->param.name, only_output(v) ? "out" : "in", v->param.name,
                      pointer ? "" : ", or --random");
    int code = create_array(j, i);
    if (code) return code;
  }
  return EXIT_OK;
}

/* ---- running ---- */

int cli_job_launch(job *j, tilec_kernel *kernel, const tilec_arg *args, const char *what) {
  tilec_error *error;
  cli_progress_start(j->c, what);
  tilec_status status = tilec_launch(kernel, args, j->n, &error);
  cli_progress_end(j->c);
  return status == TILEC_OK ? EXIT_OK : cli_fail_with(j->c, status, error);
}

static int copy_cell(const job *j, cell *x) {
  const tilec_tensor *t = tilec_array_tensor(x->array);
  tilec_error *error;
  tilec_status status =
      tilec_array_new(j->c->context, (tilec_dtype)t->dtype, t->rank, t->shape, &x->oracle, &error);
  if (status != TILEC_OK) return cli_fail_with(j->c, status, error);
  memcpy(tilec_array_tensor(x->oracle)->data, t->data, tilec_array_bytes(x->array));
  return EXIT_OK;
}

int cli_job_copy(job *j, tilec_arg *args) {
  for (size_t i = 0; i < j->n; i++) {
    value *v = &j->values[i];
    int code = EXIT_OK;
    args[i] = j->args[i];
    if (!v->own.array) continue;
    for (size_t k = 0; !code && k < v->n_table; k++)
      code = copy_cell(j, &v->table[k]);
    if (!code) code = v->table ? make_table(j, v, true, &v->own.oracle) : copy_cell(j, &v->own);
    if (code) return code;
    v->oracle_view = view_of(v, v->own.oracle, v->view.flags);
    args[i].as.tensor = &v->oracle_view;
  }
  return EXIT_OK;
}

static int say_difference(const job *j, const value *v, uint32_t rank, const tilec_difference *d,
                          int64_t total) {
  const char *index = "";
  for (uint32_t axis = 0; axis < rank; axis++)
    index = cli_format("%s%s%lld", index, axis ? ", " : "",
                       (long long)d->index[v->own.columns ? rank - 1 - axis : axis]);
  return cli_fail(j->c, EXIT_CHECK, "E0658",
                  "%s[%s] is %.9g, expected %.9g within %.3g (%lld of %lld elements differ)",
                  v->param.name, index, d->got, d->wanted, d->bound, (long long)d->n_bad,
                  (long long)total);
}

/* What is behind a pointer has the type its file has. */
static int compare(job *j, const value *v, const cell *x, tilec_dtype dtype) {
  const tilec_tensor *got = tilec_array_tensor(x->array), *want = tilec_array_tensor(x->oracle);
  tilec_difference d = {.size = sizeof d};
  tilec_error *error;
  double rtol = j->c->rtol >= 0 ? j->c->rtol : v->param.rtol;
  double atol = v->param.atol + v->param.atol_scale * tilec_tensor_magnitude(want, dtype);
  if (j->c->atol >= 0) atol = j->c->atol;
  tilec_status status = tilec_tensor_compare(got, want, dtype, rtol, atol, &d, &error);
  if (status != TILEC_OK) return cli_fail_with(j->c, status, error);
  if (d.worst > j->worst) j->worst = d.worst;
  int64_t total = 1;
  for (uint32_t axis = 0; axis < got->rank; axis++)
    total *= got->shape[axis];
  return d.n_bad ? say_difference(j, v, got->rank, &d, total) : EXIT_OK;
}

static int compare_value(job *j, const value *v) {
  int code = EXIT_OK;
  for (size_t i = 0; !code && i < v->n_table; i++) {
    const cell *x = &v->table[i];
    code = compare(j, v, x, (tilec_dtype)tilec_array_tensor(x->array)->dtype);
  }
  if (code || v->table || !v->own.array) return code;
  if (v->param.flags & TILEC_PARAM_POINTER)
    return compare(j, v, &v->own, (tilec_dtype)v->view.dtype);
  if (!(v->param.flags & TILEC_PARAM_WRITTEN)) return EXIT_OK;
  return compare(j, v, &v->own, (tilec_dtype)v->param.dtype);
}

int cli_job_oracle(job *j, const tilec_arg *args) {
  tilec_kernel *oracle;
  tilec_error *error;
  tilec_status status = tilec_kernel_new(j->program, "interp", &oracle, &error);
  if (status != TILEC_OK) return cli_fail_with(j->c, status, error);
  int code = cli_job_launch(j, oracle, args, "running on the interpreter");
  tilec_kernel_release(oracle);
  return code;
}

int cli_job_agrees(job *j) {
  int code = EXIT_OK;
  for (size_t i = 0; !code && i < j->n; i++)
    code = compare_value(j, &j->values[i]);
  return code;
}

int cli_job_compare(job *j, const tilec_arg *args) {
  int code = cli_job_oracle(j, args);
  if (!code) code = cli_job_agrees(j);
  j->checked = !code;
  return code;
}

/* On the arrays themselves where the kernel reaches them, else on a copy of them. */
static int launch_once(job *j) {
  if (j->info.device_type == TILEC_DEVICE_HOST)
    return cli_job_launch(j, j->kernel, j->args, "running");
  int code = cli_set_new(j, &j->set);
  if (!code) code = cli_set_fill(j, &j->set);
  if (!code) code = cli_job_launch(j, j->kernel, j->set.args, "running");
  return code ? code : cli_set_fetch(j, &j->set);
}

static int run_once(job *j) {
  if (!j->c->check) return launch_once(j);
  tilec_arg *args = cli_memory(j->n * sizeof *args);
  int code = cli_job_copy(j, args);
  if (!code) code = launch_once(j);
  return code ? code : cli_job_compare(j, args);
}

/* ---- outputs ---- */

/* Calls fn for the array of each parameter, and for what each table points to. */
static int each_cell(job *j, int (*fn)(const cli *c, cell *x)) {
  int code = EXIT_OK;
  for (size_t i = 0; i < j->n && !code; i++) {
    value *v = &j->values[i];
    code = fn(j->c, &v->own);
    for (size_t k = 0; k < v->n_table && !code; k++)
      code = fn(j->c, &v->table[k]);
  }
  return code;
}

static int write_cell(const cli *c, cell *x) {
  return x->out && x->array ? npy_write(c, x->out, x->array, x->columns, &x->file) : EXIT_OK;
}

static int commit_cell(const cli *c, cell *x) {
  return x->file.temporary ? npy_commit(c, &x->file) : EXIT_OK;
}

static int free_cell(const cli *c, cell *x) {
  (void)c;
  npy_forget(&x->file);
  tilec_array_release(x->array);
  tilec_array_release(x->oracle);
  return EXIT_OK;
}

/* All files are written before the first is put in its place. */
static int write_outputs(job *j) {
  int code = each_cell(j, write_cell);
  return code ? code : each_cell(j, commit_cell);
}

/* ---- measuring ---- */

enum { ENOUGH_NS = 500 * 1000 * 1000, MIN_RUNS = 5, MAX_RUNS = 10000 };

static int ascending(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

static int measure(job *j) {
  size_t wanted = j->c->n_bench ? (size_t)j->c->n_bench : MAX_RUNS;
  uint64_t *times = cli_memory(wanted * sizeof *times), total = 0;
  const tilec_arg *const args = j->set.args ? j->set.args : j->args;
  const tilec_timing timing = {
      .size = sizeof timing, .sets = &args, .n_sets = 1, .n_args = j->n, .n_runs = 1};
  cli_progress_start(j->c, "measuring");
  while (j->n_runs < wanted) {
    tilec_error *error;
    tilec_status status = tilec_kernel_time(j->kernel, &timing, &times[j->n_runs], &error);
    if (status != TILEC_OK) return cli_fail_with(j->c, status, error);
    total += times[j->n_runs++];
    if (!j->c->n_bench && j->n_runs >= MIN_RUNS && total >= ENOUGH_NS) break;
  }
  cli_progress_end(j->c);
  qsort(times, j->n_runs, sizeof *times, ascending);
  j->min_ns = times[0];
  j->median_ns = times[j->n_runs / 2];
  return EXIT_OK;
}

/* ---- the result ---- */

static void report(const job *j) {
  const cli *c = j->c;
  if (c->json) {
    printf("{\"cached\":%s,\"check\":%s,\"compile_ns\":%llu,\"kernel\":",
           j->info.cached ? "true" : "false", j->checked ? "\"ok\"" : "null",
           (unsigned long long)j->info.compile_ns);
    cli_json_string(stdout, j->info.name);
    if (j->n_runs)
      printf(",\"min_ns\":%llu,\"runs\":%zu", (unsigned long long)j->min_ns, j->n_runs);
    printf(",\"schema_version\":1,\"status\":\"ok\",\"target\":\"%s\"", j->info.target);
    if (j->n_runs) printf(",\"time_ns\":%llu", (unsigned long long)j->median_ns);
    if (j->checked) printf(",\"worst_difference\":%.9g", j->worst);
    puts("}");
    return;
  }
  if (c->quiet) return;
  if (j->checked)
    printf("%s on %s: agrees with the interpreter (worst difference %.3g)\n", j->info.name,
           j->info.target, j->worst);
  if (j->n_runs)
    printf("%s on %s: median %.3f us, min %.3f us, %zu runs\n", j->info.name, j->info.target,
           (double)j->median_ns / 1e3, (double)j->min_ns / 1e3, j->n_runs);
}

static int compile(job *j) {
  tilec_error *error;
  cli_progress_start(j->c, "compiling");
  tilec_status status = tilec_kernel_new(j->program, j->target, &j->kernel, &error);
  cli_progress_end(j->c);
  if (status != TILEC_OK) {
    int failed = cli_fail_with(j->c, status, error);
    cli_check_inputs(j->c);
    return failed;
  }
  if (!j->c->quiet) fputs(tilec_kernel_diagnostics(j->kernel, j->c->format), stderr);
  return EXIT_OK;
}

int cli_job_open(job *j) {
  int code = cli_open_to_run(j->c, &j->program);
  if (!code) code = compile(j);
  if (!code) code = describe(j);
  if (!code) code = read_inputs(j);
  return code ? code : create_others(j);
}

void cli_job_close(job *j) {
  cli_set_free(&j->set);
  each_cell(j, free_cell);
  tilec_kernel_release(j->kernel);
  tilec_program_release(j->program);
}

int cli_run(cli *c) {
  job j = {.c = c};
  int code = cli_job_open(&j);
  if (!code) code = run_once(&j);
  if (!code) code = write_outputs(&j);
  if (!code && c->bench) code = measure(&j);
  if (!code) report(&j);
  cli_job_close(&j);
  return code;
}
