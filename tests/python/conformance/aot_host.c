/* A program without tvm-ffi that calls a kernel by tvm-ffi's calling convention. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef struct value {
  int32_t type;
  uint32_t zero;
  union {
    int64_t i;
    double f;
    void *p;
  } as;
} value;

typedef struct tensor {
  void *data;
  int32_t device_type, device_id, ndim;
  uint8_t code, bits;
  uint16_t lanes;
  int64_t *shape, *strides;
  uint64_t byte_offset;
} tensor;

#ifdef __cplusplus
extern "C" {
#endif
int __tvm_ffi_axpy(void *self, const value *args, int32_t n, value *result);
const char *axpy_error(void);
int axpy_register(void);
#ifdef __cplusplus
}
#endif

static value tensor_value(tensor *t) {
  value v;
  v.type = 7;
  v.zero = 0;
  v.as.p = t;
  return v;
}

int main(void) {
  float x[3] = {1, 2, 3}, y[3] = {0, 0, 0};
  int64_t shape[1] = {3}, short_shape[1] = {2};
  tensor X = {x, 1, 0, 1, 2, 32, 1, shape, NULL, 0}, Y = {y, 1, 0, 1, 2, 32, 1, shape, NULL, 0};
  value args[3], result;
  memset(&result, 0, sizeof result);
  args[0] = tensor_value(&X);
  args[1] = tensor_value(&Y);
  args[2].type = 3;
  args[2].zero = 0;
  args[2].as.f = 0.1;
  if (__tvm_ffi_axpy(NULL, args, 3, &result) != 0) return puts(axpy_error()), 1;
  if (y[0] != 0.1f || y[2] != 0.1f * 3 || result.type != 0) return puts("wrong numbers"), 1;
  args[2].type = 1; /* an int serves as a float */
  args[2].as.i = 2;
  if (__tvm_ffi_axpy(NULL, args, 3, &result) != 0) return puts(axpy_error()), 1;
  if (__tvm_ffi_axpy(NULL, args, 2, &result) != -1) return puts("two arguments were taken"), 1;
  puts(axpy_error());
  args[2].type = 0;
  if (__tvm_ffi_axpy(NULL, args, 3, &result) != -1) return puts("nothing was taken"), 1;
  puts(axpy_error());
  args[2].type = 3;
  Y.shape = short_shape;
  if (__tvm_ffi_axpy(NULL, args, 3, &result) != -1) return puts("a wrong shape was taken"), 1;
  puts(axpy_error());
  if (axpy_register() != -1) return puts("registered with nobody"), 1;
  return 0;
}
