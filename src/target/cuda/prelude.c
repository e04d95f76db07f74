/* The fixed text of CUDA programs, and the functions they mention. */
#include "target/common/prelude.h"

#include "target/cuda/cuda_impl.h"

#include <string.h>

static const char head[] =
    "typedef int tc_bool;\n"
    "typedef struct __attribute__((aligned(8))) { tc_u32 x[2]; } tc_v2_u32;\n"
    "typedef struct __attribute__((aligned(16))) { tc_u32 x[4]; } tc_v4_u32;\n"
    "typedef struct __attribute__((aligned(64))) { tc_u64 word[16]; } tc_tensor_map;\n"
    "#define TC_FN static __device__ __forceinline__\n"
    "#define TC_INLINE inline\n"
    "#define TC_KERNEL(name, threads, blocks) extern \"C\" __global__ void "
    "__launch_bounds__(threads, blocks) name\n"
    "#define TC_KERNEL_SELF\n"
    "#define TC_KERNEL_SELF_ONLY void\n"
    "#define TC_TENSOR_MAP const __grid_constant__ tc_tensor_map\n"
    "#define TC_TID ((tc_i32)(threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * "
    "threadIdx.z)))\n"
    "#define TC_BID_X ((tc_i32)blockIdx.x)\n"
    "#define TC_BID_Y ((tc_i32)blockIdx.y)\n"
    "#define TC_BID_Z ((tc_i32)blockIdx.z)\n"
    "#define TC_SMEM ((tc_u32)__cvta_generic_to_shared(tc_shared))\n"
    "#define TC_LDS(type, at) (*(const type *)__cvta_shared_to_generic(at))\n"
    "#define TC_STS(type, at, x) (*(type *)__cvta_shared_to_generic(at) = (x))\n"
    "#define TC_LDG(type, p) (*(const type *)(p))\n"
    "#define TC_STG(type, p, x) (*(type *)(p) = (x))\n"
    "#define TC_LDS_ALONE(type, at) (*(const volatile type *)__cvta_shared_to_generic(at))\n"
    "#define TC_STS_ALONE(type, at, x) (*(volatile type *)__cvta_shared_to_generic(at) = (x))\n"
    "#define TC_LDG_ALONE(type, p) (*(const volatile type *)(p))\n"
    "#define TC_STG_ALONE(type, p, x) (*(volatile type *)(p) = (x))\n"
    "#define TC_FENCE_BLOCK() __threadfence_block()\n"
    "#define TC_FENCE_DEVICE() __threadfence()\n"
    "#define TC_FENCE_SYSTEM() __threadfence_system()\n"
    "#define TC_UNROLL _Pragma(\"unroll\")\n"
    "#define TC_ARRAY(type, x, n) type x[n]\n"
    "#define TC_INDEPENDENT\n"
    "#define TC_FAIL(n) __trap()\n"
    "#define TC_FMA(a, b, c) fmaf(a, b, c)\n"
    "#define __builtin_memcpy memcpy\n"
    "#define __builtin_fabsf fabsf\n"
    "#define __builtin_fabs fabs\n"
    "#define __builtin_floorf floorf\n"
    "#define __builtin_floor floor\n"
    "#define __builtin_sqrtf sqrtf\n"
    "#define __builtin_sqrt sqrt\n"
    "#define __builtin_exp exp\n"
    "#define __builtin_pow pow\n"
    "#define __builtin_fmaf fmaf\n"
    "#define __builtin_rintf rintf\n"
    "#define __builtin_popcountll __popcll\n"
    "#define __builtin_clzll __clzll\n"
    "#define __builtin_inff() __int_as_float(0x7f800000)\n"
    "#define __builtin_inf() __longlong_as_double(0x7ff0000000000000ll)\n"
    "#define __builtin_nanf(s) __int_as_float(0x7fc00000)\n"
    "#define __builtin_nan(s) __longlong_as_double(0x7ff8000000000000ll)\n"
    "#define TC_MMA(shape, c_in) asm(\"mma.sync.aligned.\" shape \" {%0, %1, %2, %3}, "
    "{%4, "
    "%5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};\" : c_in(c[0]), c_in(c[1]), c_in(c[2]), c_in(c[3]) "
    ": \"r\"(a[0]), \"r\"(a[1]), \"r\"(a[2]), \"r\"(a[3]), \"r\"(b[0]), \"r\"(b[1]))\n"
    "extern __shared__ __attribute__((aligned(1024))) unsigned char tc_shared[];\n"
    "TC_FN tc_v2_u32 tc_make_v2_u32(tc_u32 a, tc_u32 b) { tc_v2_u32 v = {{a, b}}; return v; }\n"
    "TC_FN tc_v4_u32 tc_make_v4_u32(tc_u32 a, tc_u32 b, tc_u32 c, tc_u32 d) { tc_v4_u32 v = {{a, "
    "b, "
    "c, d}}; return v; }\n";

/* `static inline` of the library's functions becomes what a device function needs. */
static const char *device_function(tc_arena *arena, const char *text) {
  static const char *const starts[] = {"static inline ", "static TC_INLINE "};
  for (size_t i = 0; i < TC_COUNT(starts); i++)
    if (!strncmp(text, starts[i], strlen(starts[i])))
      return tc_format(arena, "TC_FN %s", text + strlen(starts[i]));
  return text;
}

/* Functions of the library that are one instruction here. NaNs lose what they carry. */
static const struct {
  const char *name, *text;
} INSTRUCTIONS[] = {
    {"tc_float16_get",
     "TC_FN float tc_float16_get(tc_u16 x) { float y; asm(\"cvt.f32.f16 %0, %1;\" : "
     "\"=f\"(y) : \"h\"(x)); return y; }"},
    {"tc_float16_from",
     "TC_FN tc_u16 tc_float16_from(float x) { tc_u16 y; asm(\"cvt.rn.f16.f32 %0, "
     "%1;\" : \"=h\"(y) : \"f\"(x)); return y; }"},
    {"tc_float16_put", "TC_FN tc_u16 tc_float16_put(float x) { return tc_float16_from(x); }"},
    {"tc_float16_round", "TC_FN float tc_float16_round(float x) { return "
                         "tc_float16_get(tc_float16_from(x)); }"},
};

static const char *find(const tc_prelude *prelude, tc_arena *arena, tc_str word) {
  (void)prelude;
  for (size_t i = 0; i < TC_COUNT(INSTRUCTIONS); i++)
    if (tc_str_is(word, INSTRUCTIONS[i].name)) return INSTRUCTIONS[i].text;
  const char *text = tc_prelude_scalar(arena, word);
  return text ? device_function(arena, text) : NULL;
}

void tc_cudatext_prelude(tc_sb *out, const tc_cudatext *c, tc_str text) {
  const tc_prelude prelude = {find, 0};
  tc_sb_adds(out, tc_prelude_types);
  tc_sb_adds(out, head);
  for (uint32_t i = 0; i < c->uses.n; i++)
    tc_cudatext_prim_text(out, &c->uses.at[i]);
  tc_sb atomics = tc_sb_in(out->arena);
  tc_cudatext_atomics(&atomics, c);
  tc_sb mentioned = tc_sb_in(out->arena);
  tc_sb_add(&mentioned, tc_sb_str(&atomics));
  tc_sb_add(&mentioned, text);
  tc_prelude_add(out, &prelude, tc_sb_str(&mentioned));
  tc_sb_add(out, tc_sb_str(&atomics));
  tc_sb_char(out, '\n');
}
