/* Every way to call the API wrongly ends in a status, never in a crash, and leaves out parameters
 * NULL. */
#include "api/kernels.h"

#define USAGE(call) CHECK((call) == TILEC_USAGE)

static void nothing_given(void) {
  tilec_context *context = NULL;
  tilec_program *program = NULL;
  tilec_kernel *kernel = NULL;
  tilec_text *text = NULL;
  tilec_array *array = NULL;
  tilec_layout *layout = NULL;
  tilec_error *error = NULL;
  int64_t shape[TILEC_MAX_RANK];
  USAGE(tilec_context_new(NULL, NULL, &error));
  CHECK(error && tilec_error_status(error) == TILEC_USAGE);
  tilec_error_release(error);
  USAGE(tilec_context_new(NULL, NULL, NULL));
  USAGE(tilec_context_set(NULL, "jobs", "1", NULL));
  USAGE(tilec_context_get(NULL, "jobs", &text, NULL));
  USAGE(tilec_program_new(NULL, NULL, &program, NULL));
  USAGE(tilec_program_check(NULL, TILEC_FORMAT_TEXT, NULL, NULL));
  USAGE(tilec_program_emit(NULL, "ir", &text, NULL));
  USAGE(tilec_program_build(NULL, NULL, &text, NULL, NULL));
  USAGE(tilec_program_opt(NULL, "canon", &text, NULL));
  USAGE(tilec_kernel_new(NULL, NULL, &kernel, NULL));
  USAGE(tilec_kernel_describe(NULL, NULL));
  USAGE(tilec_kernel_param(NULL, 0, NULL));
  USAGE(tilec_kernel_shape(NULL, NULL, 0, NULL, 0, 0, shape, NULL));
  USAGE(tilec_launch(NULL, NULL, 0, NULL));
  USAGE(tilec_array_new(NULL, TILEC_INT8, 0, NULL, &array, NULL));
  USAGE(tilec_tensor_random(NULL, TILEC_INT8, 0, NULL));
  USAGE(tilec_tensor_compare(NULL, NULL, TILEC_INT8, 0, 0, NULL, NULL));
  USAGE(tilec_layout_parse(NULL, "layout(-> [1])", &layout, NULL));
  USAGE(tilec_layout_make(NULL, NULL, &layout, NULL));
  USAGE(tilec_layout_fit(NULL, 0, NULL, 1, NULL, 0, &layout, NULL));
  USAGE(tilec_layout_describe(NULL, NULL));
  USAGE(tilec_layout_find(NULL, shape, 0, NULL));
  USAGE(tilec_layout_element(NULL, NULL, shape));
  CHECK(!layout && !*tilec_layout_text(NULL) && !tilec_layout_retain(NULL));
  tilec_layout_release(NULL);
  USAGE(tilec_doctor(NULL, TILEC_FORMAT_TEXT, &text, NULL));
  USAGE(tilec_cache_run(NULL, "ls", TILEC_FORMAT_TEXT, &text, NULL));
  USAGE(tilec_pass_table(NULL, &text, NULL));
  USAGE(tilec_diagnostic_find(NULL, NULL));
  CHECK(tilec_kernel_dim(NULL, 0) == NULL && tilec_array_tensor(NULL) == NULL);
  CHECK(!*tilec_kernel_diagnostics(NULL, TILEC_FORMAT_TEXT) && !*tilec_text_data(NULL));
  CHECK(tilec_error_status(NULL) == TILEC_OK && !*tilec_error_text(NULL));
  CHECK(!*tilec_error_diagnostics(NULL, TILEC_FORMAT_JSON) && !*tilec_error_code(NULL));
  CHECK(tilec_context_retain(NULL) == NULL && tilec_program_retain(NULL) == NULL);
  tilec_context_release(context);
  tilec_program_release(program);
  tilec_kernel_release(kernel);
  tilec_array_release(array);
  tilec_text_release(text);
  tilec_error_release(NULL);
}

static void sizes(void) {
  tilec_context *context = new_context();
  tilec_context_options o = {.size = 0};
  tilec_context *other = context;
  USAGE(tilec_context_new(&o, &other, NULL));
  CHECK(other == NULL);
  o.size = 1000000;
  USAGE(tilec_context_new(&o, &other, NULL));
  tilec_allocator half = {.size = sizeof half};
  o = (tilec_context_options){.size = sizeof o, .allocator = &half};
  USAGE(tilec_context_new(&o, &other, NULL));
  tilec_program_options p = {.path = "x.py"};
  tilec_program *program = (tilec_program *)context;
  USAGE(tilec_program_new(context, &p, &program, NULL));
  CHECK(program == NULL);
  tilec_option row = {.size = 0};
  USAGE(tilec_option_at(0, &row));
  row.size = sizeof row.size + sizeof row.name; /* a caller from before the other fields */
  row.help = "untouched";
  CHECK(tilec_option_at(0, &row) == TILEC_OK && row.name && strcmp(row.help, "untouched") == 0);
  struct { /* a caller from the future */
    tilec_option row;
    char *more;
  } future = {{.size = sizeof future}, (char *)&row};
  CHECK(tilec_option_at(0, &future.row) == TILEC_OK && future.row.help && future.more == NULL);
  tilec_context_release(context);
}

static void options(void) {
  tilec_context *context = new_context();
  tilec_text *text = NULL;
  tilec_error *error = NULL;
  USAGE(tilec_context_set(context, "cache_dri", "/x", &error));
  CHECK_TEXT(tilec_error_text(error), "did you mean 'cache_dir'?");
  tilec_error_release(error);
  USAGE(tilec_context_set(context, "cache", "maybe", &error));
  CHECK_TEXT(tilec_error_text(error), "cache is 'maybe', expected off|ro|rw");
  tilec_error_release(error);
  USAGE(tilec_context_set(context, "jobs", "-1", NULL));
  USAGE(tilec_context_set(context, "jobs", "99999999999999999999999", NULL));
  USAGE(tilec_context_set(context, "cache_size", "2X", NULL));
  USAGE(tilec_context_set(context, "cache_size", "99999999999T", NULL));
  USAGE(tilec_context_set(context, NULL, "1", NULL));
  USAGE(tilec_context_get(context, "nothing", &text, NULL));
  CHECK(tilec_context_set(context, "cache_size", "500M", NULL) == TILEC_OK);
  CHECK(tilec_context_get(context, "cache_size", &text, NULL) == TILEC_OK);
  CHECK(strcmp(tilec_text_data(text), "500M") == 0 && tilec_text_size(text) == 4);
  tilec_text_release(text);
  CHECK(tilec_context_set(context, "cache_size", NULL, NULL) == TILEC_OK);
  CHECK(tilec_context_get(context, "cache_size", &text, NULL) == TILEC_OK);
  CHECK(strcmp(tilec_text_data(text), "2G") == 0);
  tilec_text_release(text);
  for (size_t i = 0; i < tilec_option_count(); i++) {
    tilec_option row = {.size = sizeof row};
    CHECK(tilec_option_at(i, &row) == TILEC_OK && row.name && row.variable && row.help);
    CHECK(tilec_context_set(context, row.name, row.initial, NULL) == TILEC_OK);
  }
  tilec_option row = {.size = sizeof row};
  USAGE(tilec_option_at(tilec_option_count(), &row));
  tilec_context_release(context);
}

static void programs(void) {
  tilec_context *context = new_context();
  tilec_program_options p = {.size = sizeof p};
  tilec_program *program = NULL;
  tilec_error *error = NULL;
  USAGE(tilec_program_new(context, &p, &program, NULL)); /* neither path nor text */
  p.path = "/nowhere/at/all.py";
  CHECK(tilec_program_new(context, &p, &program, &error) == TILEC_ENVIRONMENT && !program);
  CHECK_TEXT(tilec_error_text(error), "cannot read /nowhere/at/all.py");
  CHECK(strcmp(tilec_error_code(error), "E0656") == 0);
  tilec_error_release(error);
  p.path = test_folder();
  CHECK(tilec_program_new(context, &p, &program, NULL) == TILEC_ENVIRONMENT);
  p.n_defines = 3; /* and no array of them */
  USAGE(tilec_program_new(context, &p, &program, NULL));
  tilec_define define = {NULL, "1"};
  p.n_defines = 1;
  p.defines = &define;
  USAGE(tilec_program_new(context, &p, &program, NULL));
  CHECK(new_program(context, "def f(:\n", &program, NULL) == TILEC_OK);
  CHECK(tilec_program_check(program, TILEC_FORMAT_TEXT, NULL, &error) == TILEC_ERROR);
  CHECK_TEXT(tilec_error_diagnostics(error, TILEC_FORMAT_TEXT), "test.py:1:");
  CHECK_TEXT(tilec_error_diagnostics(error, TILEC_FORMAT_JSON), "\"severity\":\"error\"");
  CHECK_TEXT(tilec_error_diagnostics(error, TILEC_FORMAT_COLOR), "\033[");
  CHECK(!*tilec_error_diagnostics(error, (tilec_format)77));
  CHECK(tilec_error_code(error)[0] == 'E' && *tilec_error_text(error));
  tilec_error_release(error);
  tilec_text *text = (tilec_text *)context;
  USAGE(tilec_program_emit(program, "assembly", &text, NULL));
  CHECK(text == NULL);
  USAGE(tilec_program_check(program, (tilec_format)9, NULL, NULL));
  tilec_build_options build = {.target = "interp"};
  USAGE(tilec_program_build(program, &build, &text, NULL, NULL));
  build.size = sizeof build;
  CHECK(tilec_program_build(program, &build, &text, NULL, NULL) == TILEC_NO_TARGET && !text);
  build.target = "cpu";
  CHECK(tilec_program_build(program, &build, NULL, &text, NULL) == TILEC_ERROR && !text);
  build.format = (tilec_format)9;
  USAGE(tilec_program_build(program, &build, NULL, NULL, NULL));
  build.format = TILEC_FORMAT_TEXT;
  build.name = "9";
  USAGE(tilec_program_build(program, &build, NULL, NULL, NULL));
  tilec_kernel *kernel = NULL;
  CHECK(tilec_kernel_new(program, "cpu", &kernel, NULL) == TILEC_ERROR && !kernel);
  tilec_program_release(program);
  tilec_context_release(context);
}

static void targets(void) {
  tilec_context *context = new_context();
  tilec_program *program = NULL;
  tilec_kernel *kernel = NULL;
  tilec_error *error = NULL;
  CHECK(new_program(context, ADD, &program, NULL) == TILEC_OK);
  CHECK(tilec_kernel_new(program, "rocket", &kernel, &error) == TILEC_NO_TARGET && !kernel);
  CHECK_TEXT(tilec_error_text(error), "'rocket' is not built in");
  tilec_error_release(error);
  tilec_context_set(context, "libcuda", "/nowhere/libcuda.so", NULL);
  CHECK(tilec_kernel_new(program, "cuda:sm_90a", &kernel, &error) == TILEC_NO_TARGET && !kernel);
  CHECK_TEXT(tilec_error_text(error), "no CUDA driver: /nowhere/libcuda.so");
  tilec_error_release(error);
  CHECK(tilec_kernel_new(program, "cuda:sm_1", &kernel, NULL) == TILEC_NO_TARGET);
  CHECK(tilec_kernel_new(program, "cpu:z80", &kernel, NULL) == TILEC_NO_TARGET);
  CHECK(tilec_kernel_new(program, "", &kernel, NULL) == TILEC_NO_TARGET);
  CHECK(tilec_context_set(context, "cc", "/nowhere/cc", NULL) == TILEC_OK);
  CHECK(tilec_kernel_new(program, "cpu", &kernel, NULL) == TILEC_ENVIRONMENT);
  CHECK(tilec_context_set(context, "cc", "/bin/false", NULL) == TILEC_OK);
  CHECK(tilec_kernel_new(program, "cpu", &kernel, NULL) == TILEC_ENVIRONMENT);
  CHECK(tilec_context_set(context, "cc", NULL, NULL) == TILEC_OK);
  CHECK(tilec_context_set(context, "disable", "nonsense", NULL) == TILEC_OK);
  CHECK(tilec_kernel_new(program, "cpu", &kernel, NULL) != TILEC_OK);
  tilec_target row = {.size = sizeof row};
  USAGE(tilec_target_at(context, tilec_target_count(), &row));
  CHECK(tilec_target_at(NULL, 0, &row) == TILEC_OK && !row.available);
  tilec_program_release(program);
  tilec_context_release(context);
}

static void launches(const char *target) {
  tilec_context *context = new_context();
  tilec_kernel *kernel = new_kernel(context, ADD, target);
  tilec_error *error = NULL;
  add_args x;
  set_add_args(&x, 700);
  if (!CHECK(kernel != NULL)) return;
  USAGE(tilec_launch(kernel, NULL, 3, NULL));
  CHECK(tilec_launch(kernel, x.args, 2, &error) == TILEC_ARGUMENT);
  CHECK_TEXT(tilec_error_text(error), "takes 3 arguments, got 2");
  CHECK(strcmp(tilec_error_code(error), "E0630") == 0);
  tilec_error_release(error);
  x.args[1].kind = TILEC_ARG_NONE;
  CHECK(tilec_launch(kernel, x.args, 3, &error) == TILEC_ARGUMENT);
  CHECK_TEXT(tilec_error_text(error), "argument 's'");
  tilec_error_release(error);
  set_add_args(&x, 700);
  x.tc.data = x.a + 100;
  CHECK(tilec_launch(kernel, x.args, 3, &error) == TILEC_ARGUMENT);
  CHECK_TEXT(tilec_error_text(error), "'C' is written and shares memory with argument 'A'");
  tilec_error_release(error);
  set_add_args(&x, 0);
  CHECK(tilec_launch(kernel, x.args, 3, NULL) == TILEC_ARGUMENT); /* an empty grid */
  set_add_args(&x, 700);
  x.ta.dtype = 12345;
  CHECK(tilec_launch(kernel, x.args, 3, NULL) == TILEC_ARGUMENT);
  set_add_args(&x, 700);
  CHECK(tilec_launch(kernel, x.args, 3, NULL) == TILEC_OK && added(&x));
  tilec_context_release(context); /* the kernel keeps what it needs */
  set_add_args(&x, 999);
  CHECK(tilec_launch(kernel, x.args, 3, NULL) == TILEC_OK && added(&x));
  tilec_kernel_retain(kernel);
  tilec_kernel_release(kernel);
  CHECK(tilec_launch(kernel, x.args, 3, NULL) == TILEC_OK);
  tilec_kernel_release(kernel);
}

static void kernels(void) {
  tilec_context *context = new_context();
  tilec_kernel *kernel = new_kernel(context, ADD, "interp");
  tilec_kernel_info info = {.size = sizeof info};
  tilec_param param = {.size = sizeof param};
  int64_t shape[TILEC_MAX_RANK] = {0};
  tilec_error *error = NULL;
  add_args x;
  set_add_args(&x, 700);
  if (!CHECK(kernel != NULL)) return;
  CHECK(tilec_kernel_describe(kernel, &info) == TILEC_OK && info.n_params == 3 && info.n_dims == 1);
  CHECK(strcmp(info.target, "interp") == 0);
  CHECK(tilec_kernel_param(kernel, 0, &param) == TILEC_OK && strcmp(param.name, "A") == 0);
  CHECK(param.kind == TILEC_PARAM_TENSOR && param.rank == 1 && param.dtype == TILEC_FLOAT32);
  CHECK(param.flags == TILEC_PARAM_READ && param.rtol == 0 && param.atol == 0);
  CHECK(tilec_kernel_param(kernel, 1, &param) == TILEC_OK && param.kind == TILEC_PARAM_SCALAR);
  CHECK(tilec_kernel_param(kernel, 2, &param) == TILEC_OK && param.flags == TILEC_PARAM_WRITTEN);
  USAGE(tilec_kernel_param(kernel, 3, &param));
  CHECK(strcmp(tilec_kernel_dim(kernel, 0), "n") == 0 && tilec_kernel_dim(kernel, 1) == NULL);
  x.args[2].kind = TILEC_ARG_NONE;
  CHECK(tilec_kernel_shape(kernel, x.args, 3, NULL, 0, 2, shape, NULL) == TILEC_OK);
  CHECK(shape[0] == 700);
  x.args[0].kind = TILEC_ARG_NONE;
  CHECK(tilec_kernel_shape(kernel, x.args, 3, NULL, 0, 2, shape, &error) == TILEC_ARGUMENT);
  CHECK_TEXT(tilec_error_text(error), "nothing says what 'n' is");
  tilec_error_release(error);
  tilec_dim n = {"n", 33};
  CHECK(tilec_kernel_shape(kernel, x.args, 3, &n, 1, 2, shape, NULL) == TILEC_OK && shape[0] == 33);
  n.value = -1;
  CHECK(tilec_kernel_shape(kernel, x.args, 3, &n, 1, 2, shape, NULL) == TILEC_ARGUMENT);
  n.name = NULL;
  USAGE(tilec_kernel_shape(kernel, x.args, 3, &n, 1, 2, shape, NULL));
  USAGE(tilec_kernel_shape(kernel, x.args, 2, NULL, 0, 2, shape, NULL));
  USAGE(tilec_kernel_shape(kernel, x.args, 3, NULL, 0, 3, shape, NULL));
  tilec_kernel_release(kernel);
  tilec_context_release(context);
}

static void arrays(void) {
  tilec_context *context = new_context();
  tilec_array *array = NULL;
  int64_t shape[3] = {3, 5, 7}, huge[2] = {INT64_MAX, 2}, large[1] = {INT64_C(1) << 50};
  int64_t negative[1] = {-1};
  USAGE(tilec_array_new(context, (tilec_dtype)99, 1, shape, &array, NULL));
  USAGE(tilec_array_new(context, TILEC_INT8, 17, shape, &array, NULL));
  USAGE(tilec_array_new(context, TILEC_INT8, 1, negative, &array, NULL));
  CHECK(tilec_array_new(context, TILEC_INT64, 2, huge, &array, NULL) == TILEC_MEMORY);
  CHECK(tilec_array_new(context, TILEC_INT64, 1, large, &array, NULL) == TILEC_MEMORY);
  CHECK(array == NULL);
  CHECK(tilec_array_new(context, TILEC_INT4, 3, shape, &array, NULL) == TILEC_OK);
  CHECK(tilec_array_bytes(array) == 53);
  tilec_context_release(context); /* the array keeps its context */
  const tilec_tensor *t = tilec_array_tensor(array);
  CHECK(t->rank == 3 && t->shape[2] == 7 && (uintptr_t)t->data % 64 == 0);
  CHECK(tilec_tensor_random(t, TILEC_INT4, 1, NULL) == TILEC_OK);
  USAGE(tilec_tensor_random(t, TILEC_FLOAT32, 1, NULL));
  tilec_array_retain(array);
  tilec_array_release(array);
  tilec_array_release(array);
}

/* Random contents and comparisons, in every element type. */
static void contents(void) {
  tilec_context *context = new_context();
  for (int code = 1; code < TILEC_DTYPE_COUNT; code++) {
    tilec_dtype dtype = (tilec_dtype)code;
    tilec_array *a = NULL, *b = NULL;
    int64_t shape[2] = {9, 16};
    tilec_difference d = {.size = sizeof d};
    if (dtype == TILEC_POINTER) continue;
    CHECK(tilec_dtype_find(tilec_dtype_name(dtype)) == dtype);
    CHECK(tilec_array_new(context, dtype, 2, shape, &a, NULL) == TILEC_OK);
    CHECK(tilec_array_new(context, dtype, 2, shape, &b, NULL) == TILEC_OK);
    const tilec_tensor *x = tilec_array_tensor(a), *y = tilec_array_tensor(b);
    CHECK(tilec_tensor_random(x, dtype, 5, NULL) == TILEC_OK);
    CHECK(tilec_tensor_magnitude(x, dtype) > 0 && tilec_tensor_magnitude(x, dtype) <= 8);
    CHECK(tilec_tensor_compare(x, y, dtype, 0, 0, &d, NULL) == TILEC_OK && d.n_bad > 50);
    CHECK(d.got != d.wanted && d.worst > 0);
    CHECK(tilec_tensor_random(y, dtype, 5, NULL) == TILEC_OK);
    CHECK(tilec_tensor_compare(x, y, dtype, 0, 0, &d, NULL) == TILEC_OK && d.n_bad == 0);
    tilec_array_release(a);
    tilec_array_release(b);
  }
  CHECK(tilec_dtype_find("no such type") == TILEC_DTYPE_NONE && !tilec_dtype_find(NULL));
  CHECK(tilec_dtype_find("half") == TILEC_FLOAT16 && !tilec_dtype_name((tilec_dtype)77));
  CHECK(tilec_dtype_bytes(TILEC_INT64, UINT64_MAX) == UINT64_MAX);
  CHECK(tilec_dtype_bytes(TILEC_FLOAT4_E2M1FN, 5) == 3 && tilec_dtype_bytes(TILEC_UINT2, 5) == 2);
  CHECK(tilec_dtype_storage(TILEC_BFLOAT16) == TILEC_UINT16);
  tilec_context_release(context);
}

static void near_values(void) {
  float x[4] = {1, 2, 1.0f / 0.0f, 0.0f / 0.0f}, y[4] = {1, 2.5f, 1.0f / 0.0f, 0.0f / 0.0f};
  int64_t shape[2] = {2, 2}, other[2] = {4, 1}, strides[2] = {1, 2};
  tilec_tensor t = {.size = sizeof t, .data = x, .shape = shape, .rank = 2, .dtype = TILEC_FLOAT32};
  tilec_tensor u = t;
  tilec_difference d = {.size = sizeof d};
  u.data = y;
  CHECK(tilec_tensor_compare(&t, &u, TILEC_FLOAT32, 0, 0.4, &d, NULL) == TILEC_OK);
  CHECK(d.n_bad == 1 && d.index[0] == 0 && d.index[1] == 1 && d.got == 2 && d.wanted == 2.5);
  CHECK(tilec_tensor_compare(&t, &u, TILEC_FLOAT32, 0.2, 0, &d, NULL) == TILEC_OK && !d.n_bad);
  y[2] = -y[2];
  CHECK(tilec_tensor_compare(&t, &u, TILEC_FLOAT32, 1e30, 1e30, &d, NULL) == TILEC_OK);
  CHECK(d.n_bad == 1 && d.index[0] == 1 && d.index[1] == 0);
  y[2] = x[2], y[3] = 7;
  CHECK(tilec_tensor_compare(&t, &u, TILEC_FLOAT32, 1, 1e9, &d, NULL) == TILEC_OK && d.n_bad == 1);
  u.shape = other;
  USAGE(tilec_tensor_compare(&t, &u, TILEC_FLOAT32, 0, 0, &d, NULL));
  u.shape = shape;
  u.strides = strides;
  USAGE(tilec_tensor_compare(&t, &u, TILEC_FLOAT32, 0, 0, &d, NULL));
  d.size = 0;
  USAGE(tilec_tensor_compare(&t, &t, TILEC_FLOAT32, 0, 0, &d, NULL));
}

static void tables(void) {
  tilec_diagnostic d = {.size = sizeof d};
  tilec_pass p = {.size = sizeof p};
  CHECK(tilec_diagnostic_find("e0633", &d) == TILEC_OK && strcmp(d.code, "E0633") == 0);
  CHECK(tilec_diagnostic_find("launch_rank", &d) == TILEC_OK && d.is_error && *d.explanation);
  USAGE(tilec_diagnostic_find("E9999", &d));
  USAGE(tilec_diagnostic_at(tilec_diagnostic_count(), &d));
  USAGE(tilec_pass_at(tilec_pass_count(), &p));
  for (int code = 630; code <= 658; code++) { /* every number of rt/check.h and of the command */
    char text[8];
    snprintf(text, sizeof text, "E%04d", code);
    CHECK(tilec_diagnostic_find(text, &d) == TILEC_OK);
  }
  CHECK(strcmp(tilec_status_name((tilec_status)1234), "unknown") == 0);
  CHECK(strncmp(tilec_version(), "0.", 2) == 0);
}

int main(void) {
  nothing_given();
  sizes();
  options();
  programs();
  targets();
  launches("interp");
  launches("cpu");
  kernels();
  arrays();
  contents();
  near_values();
  tables();
  return check_report();
}
