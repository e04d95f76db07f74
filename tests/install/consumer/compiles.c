#include <tilec/tilec.h>

#include <stdio.h>
#include <string.h>

/* Compiles the file named on the command line and runs it on five numbers. */
int main(int argc, char **argv) {
  int32_t x[] = {1, 2, 3, 4, 5}, y[5];
  const int64_t n[] = {5};
  const tilec_define factor = {"factor", "2"};
  tilec_context *context = NULL;
  tilec_program *program = NULL;
  tilec_kernel *kernel = NULL;
  tilec_error *error = NULL;
  tilec_program_options o;
  tilec_tensor t[2];
  tilec_arg args[2];
  memset(&o, 0, sizeof o), memset(t, 0, sizeof t), memset(args, 0, sizeof args);
  o.size = sizeof o, o.path = argc > 1 ? argv[1] : "", o.defines = &factor, o.n_defines = 1;
  for (int i = 0; i < 2; i++) {
    t[i].size = sizeof *t, t[i].data = i ? y : x, t[i].shape = n, t[i].rank = 1;
    t[i].dtype = TILEC_INT32;
    args[i].kind = TILEC_ARG_TENSOR, args[i].as.tensor = &t[i];
  }
  if (tilec_context_new(NULL, &context, &error) || tilec_program_new(context, &o, &program, &error)
      || tilec_kernel_new(program, "cpu", &kernel, &error)
      || tilec_launch(kernel, args, 2, &error)) {
    fputs(tilec_error_diagnostics(error, TILEC_FORMAT_TEXT), stderr);
    return 1;
  }
  tilec_kernel_release(kernel);
  tilec_program_release(program);
  tilec_context_release(context);
  return y[4] == 10 && strcmp(tilec_version(), "") != 0 ? 0 : 1;
}
