/* Functions for tilec bench --peer, beside the kernel C = A + s. */
#include "tilec/tilec.h"

#define PUBLIC __attribute__((visibility("default")))
PUBLIC tilec_peer right, wrong, failing;

int right(const tilec_arg *args, size_t n_args, void *stream) {
  if (n_args != 3 || stream) return 1;
  const tilec_tensor *a = args[0].as.tensor, *c = args[2].as.tensor;
  for (int64_t i = 0; i < a->shape[0]; i++)
    ((float *)c->data)[i] = ((const float *)a->data)[i] + (float)args[1].as.f;
  return 0;
}

int wrong(const tilec_arg *args, size_t n_args, void *stream) {
  int result = right(args, n_args, stream);
  ((float *)args[2].as.tensor->data)[5] += 1;
  return result;
}

int failing(const tilec_arg *args, size_t n_args, void *stream) {
  (void)args, (void)n_args, (void)stream;
  return 3;
}
