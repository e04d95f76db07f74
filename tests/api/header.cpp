// The public header in C++: it compiles, links, and works the same.
#include <tilec/tilec.h>

#include <cstdio>
#include <cstring>

static int failed = 0;

static void check(bool holds, const char *what) {
  if (holds) return;
  failed++;
  std::printf("does not hold: %s\n", what);
}

int main() {
  tilec_context *context = nullptr;
  tilec_context_options options = {};
  options.size = sizeof options;
  check(tilec_context_new(&options, &context, nullptr) == TILEC_OK, "a context");
  tilec_error *error = nullptr;
  tilec_status status = tilec_context_set(context, "cache", "sometimes", &error);
  check(status == TILEC_USAGE && std::strstr(tilec_error_text(error), "off|ro|rw"), "an error");
  tilec_error_release(error);
  const int64_t shape[] = {2, 3};
  tilec_array *array = nullptr;
  check(tilec_array_new(context, TILEC_FLOAT32, 2, shape, &array, nullptr) == TILEC_OK, "an array");
  tilec_arg arg = {};
  arg.kind = TILEC_ARG_TENSOR;
  arg.as.tensor = tilec_array_tensor(array);
  check(arg.as.tensor->shape[1] == 3, "its view");
  static_assert(TILEC_FLOAT16 == 14, "codes of element types never change");
  tilec_array_release(array);
  tilec_context_release(context);
  std::printf("%d passed, %d failed\n", 4 - failed, failed);
  return failed != 0;
}
