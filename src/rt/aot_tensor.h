/* The part that all headers made by `tilec build` share; it stands in each of them, word for word,
 * so that such a header needs nothing else. Its names and layouts never change. */
#ifndef TILEC_AOT_1
#define TILEC_AOT_1

#include <stddef.h>
#include <stdint.h>

/* A view of memory, laid out as DLPack's DLTensor: a pointer to one may be passed as a pointer to
 * the other. The caller owns everything it points to. */
typedef struct tilec_aot_tensor {
  void *data;                     /* may be NULL when an extent is 0                            */
  int32_t device_type, device_id; /* 1, 0: host memory; 2 and its number: a CUDA device's       */
  int32_t ndim;                   /* number of dimensions                                       */
  uint8_t type_code, type_bits;   /* the element type: the two halves of a TILEC_AOT_ constant  */
  uint16_t type_lanes;            /* 1                                                          */
  const int64_t *shape;           /* ndim extents                                               */
  const int64_t *strides;         /* ndim strides in elements, or NULL: row-major, no holes     */
  uint64_t byte_offset;           /* of the first element from `data`                           */
} tilec_aot_tensor;

/* Element types, as DLPack's code * 256 + bits. */
enum {
  TILEC_AOT_INT2 = 0x002,
  TILEC_AOT_INT4 = 0x004,
  TILEC_AOT_INT8 = 0x008,
  TILEC_AOT_INT16 = 0x010,
  TILEC_AOT_INT32 = 0x020,
  TILEC_AOT_INT64 = 0x040,
  TILEC_AOT_UINT2 = 0x102,
  TILEC_AOT_UINT4 = 0x104,
  TILEC_AOT_UINT8 = 0x108,
  TILEC_AOT_UINT16 = 0x110,
  TILEC_AOT_UINT32 = 0x120,
  TILEC_AOT_UINT64 = 0x140,
  TILEC_AOT_FLOAT16 = 0x210,
  TILEC_AOT_FLOAT32 = 0x220,
  TILEC_AOT_TFLOAT32 = 0x220,
  TILEC_AOT_FLOAT64 = 0x240,
  TILEC_AOT_POINTER = 0x340,
  TILEC_AOT_BFLOAT16 = 0x410,
  TILEC_AOT_BOOL = 0x608,
  TILEC_AOT_FLOAT8_E3M4 = 0x708,
  TILEC_AOT_FLOAT8_E4M3B11FNUZ = 0x908,
  TILEC_AOT_FLOAT8_E4M3FN = 0xa08,
  TILEC_AOT_FLOAT8_E4M3FNUZ = 0xb08,
  TILEC_AOT_FLOAT8_E5M2 = 0xc08,
  TILEC_AOT_FLOAT8_E5M2FNUZ = 0xd08,
  TILEC_AOT_FLOAT8_E8M0FNU = 0xe08,
  TILEC_AOT_FLOAT6_E2M3FN = 0xf06,
  TILEC_AOT_FLOAT6_E3M2FN = 0x1006,
  TILEC_AOT_FLOAT4_E2M1FN = 0x1104
};

/* A row-major tensor in host memory; `shape` must live as long as the result is used. */
static inline tilec_aot_tensor tilec_aot_tensor_of(const void *data, int type, int ndim,
                                                   const int64_t *shape) {
  tilec_aot_tensor t;
  t.data = (void *)(uintptr_t)data; /* kernels write only to what their header says */
  t.device_type = 1;
  t.device_id = 0;
  t.ndim = ndim;
  t.type_code = (uint8_t)(type >> 8);
  t.type_bits = (uint8_t)type;
  t.type_lanes = 1;
  t.shape = shape;
  t.strides = NULL;
  t.byte_offset = 0;
  return t;
}

#endif
