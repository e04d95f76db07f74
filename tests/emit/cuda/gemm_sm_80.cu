typedef signed char tc_i8;
typedef unsigned char tc_u8;
typedef short tc_i16;
typedef unsigned short tc_u16;
typedef int tc_i32;
typedef unsigned int tc_u32;
typedef long long tc_i64;
typedef unsigned long long tc_u64;
typedef tc_u16 tc_f16; /* the bits */
typedef tc_u16 tc_bf16;
typedef int tc_bool;
typedef struct __attribute__((aligned(8))) { tc_u32 x[2]; } tc_v2_u32;
typedef struct __attribute__((aligned(16))) { tc_u32 x[4]; } tc_v4_u32;
typedef struct __attribute__((aligned(64))) { tc_u64 word[16]; } tc_tensor_map;
#define TC_FN static __device__ __forceinline__
#define TC_INLINE inline
#define TC_KERNEL(name, threads, blocks) extern "C" __global__ void __launch_bounds__(threads, blocks) name
#define TC_KERNEL_SELF
#define TC_KERNEL_SELF_ONLY void
#define TC_TENSOR_MAP const __grid_constant__ tc_tensor_map
#define TC_TID ((tc_i32)(threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z)))
#define TC_BID_X ((tc_i32)blockIdx.x)
#define TC_BID_Y ((tc_i32)blockIdx.y)
#define TC_BID_Z ((tc_i32)blockIdx.z)
#define TC_SMEM ((tc_u32)__cvta_generic_to_shared(tc_shared))
#define TC_LDS(type, at) (*(const type *)__cvta_shared_to_generic(at))
#define TC_STS(type, at, x) (*(type *)__cvta_shared_to_generic(at) = (x))
#define TC_LDG(type, p) (*(const type *)(p))
#define TC_STG(type, p, x) (*(type *)(p) = (x))
#define TC_UNROLL _Pragma("unroll")
#define TC_ARRAY(type, x, n) type x[n]
#define TC_INDEPENDENT
#define TC_FAIL(n) __trap()
#define TC_FMA(a, b, c) fmaf(a, b, c)
#define __builtin_memcpy memcpy
#define __builtin_fabsf fabsf
#define __builtin_fabs fabs
#define __builtin_floorf floorf
#define __builtin_floor floor
#define __builtin_sqrtf sqrtf
#define __builtin_sqrt sqrt
#define __builtin_exp exp
#define __builtin_pow pow
#define __builtin_fmaf fmaf
#define __builtin_rintf rintf
#define __builtin_popcountll __popcll
#define __builtin_clzll __clzll
#define __builtin_inff() __int_as_float(0x7f800000)
#define __builtin_inf() __longlong_as_double(0x7ff0000000000000ll)
#define __builtin_nanf(s) __int_as_float(0x7fc00000)
#define __builtin_nan(s) __longlong_as_double(0x7ff8000000000000ll)
#define TC_MMA(shape, c_in) asm("mma.sync.aligned." shape " {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};" : c_in(c[0]), c_in(c[1]), c_in(c[2]), c_in(c[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]))
extern __shared__ __attribute__((aligned(1024))) unsigned char tc_shared[];
TC_FN tc_v2_u32 tc_make_v2_u32(tc_u32 a, tc_u32 b) { tc_v2_u32 v = {{a, b}}; return v; }
TC_FN tc_v4_u32 tc_make_v4_u32(tc_u32 a, tc_u32 b, tc_u32 c, tc_u32 d) { tc_v4_u32 v = {{a, b, c, d}}; return v; }
TC_FN void tc_cp_async_16(tc_u32 to, const void *from, tc_u32 bytes) { asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" :: "r"(to), "l"(from), "r"(bytes) : "memory"); }
TC_FN void tc_cp_async_commit(void) { asm volatile("cp.async.commit_group;" ::: "memory"); }
#define tc_cp_async_wait_0() asm volatile("cp.async.wait_group %0;" :: "n"(0) : "memory")
TC_FN void tc_sync_block(void) { __syncthreads(); }
TC_FN void tc_ldmatrix_x4(tc_u32 *r, tc_u32 at) { asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];" : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(at) : "memory"); }
TC_FN void tc_mma_bf16(float *c, const tc_u32 *a, const tc_u32 *b) { TC_MMA("m16n8k16.row.col.f32.bf16.bf16.f32", "+f"); }
TC_FN tc_u32 tc_pack_bf16(float lo, float hi) { tc_u32 x; asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(x) : "f"(hi), "f"(lo)); return x; }
TC_FN float tc_f32_of_bits(tc_u32 u) {
  float x;
  __builtin_memcpy(&x, &u, 4);
  return x;
}
TC_FN float tc_bfloat16_get(tc_u16 x) {
  return tc_f32_of_bits((tc_u32)x << 16);
}
TC_FN tc_u32 tc_bits_f32(float x) {
  tc_u32 u;
  __builtin_memcpy(&u, &x, 4);
  return u;
}
TC_FN tc_u16 tc_bfloat16_put(float x) {
  return (tc_u16)(tc_bits_f32(x) >> 16);
}

TC_KERNEL(main_0, 128, 1)(TC_KERNEL_SELF tc_bf16 *A_1, tc_bf16 *B_2, tc_bf16 *C_3) {
  const tc_u32 smem = TC_SMEM;
  const tc_i32 bx_1 = TC_BID_X;
  const tc_i32 by_2 = TC_BID_Y;
  const tc_i32 x_tx_5 = TC_TID;
  tc_i32 slot_7; /* line 14 */
  slot_7 = 0; /* line 14 */
  tc_i32 slot_8; /* line 14 */
  slot_8 = 0; /* line 14 */
  TC_ARRAY(float, C_local_11, 8); /* line 10 */
  const tc_i32 v126 = x_tx_5 / 4;
  const tc_i32 v127 = x_tx_5 % 4;
  const tc_i32 v128 = v127 * 8;
  const tc_i32 v132 = x_tx_5 / 8;
  const tc_i32 v133 = v132 % 4;
  const tc_i32 v135 = v133 * 72;
  const tc_i32 v136 = v128 ^ v135;
  const tc_i32 v137 = v126 % 2;
  const tc_i32 v138 = v137 * 32;
  const tc_i32 v139 = x_tx_5 / 32;
  const tc_i32 v141 = v139 * 256;
  const tc_i32 v142 = v138 + v141;
  const tc_i32 v143 = v136 + v142;
  for (tc_i32 p_4 = 0; p_4 < 1; p_4 += 1) { /* line 14 */
    const tc_i32 v123 = slot_7;
    const tc_i32 v125 = v123 * 1024;
    const tc_i32 v144 = v125 + v143;
    tc_cp_async_16(smem + 0u + (tc_u32)v144 * 2u, A_1 + (((tc_i64)by_2 * 32 + (tc_i64)v126) * 128 + (tc_i64)p_4 * 32 + (tc_i64)v127 * 8), 16u); /* line 16 */
    tc_cp_async_16(smem + 4096u + (tc_u32)v144 * 2u, B_2 + (((tc_i64)bx_1 * 32 + (tc_i64)v126) * 128 + (tc_i64)p_4 * 32 + (tc_i64)v127 * 8), 16u); /* line 17 */
    const tc_bool v152 = v123 == 1;
    const tc_i32 v153 = v123 + 1;
    const tc_i32 v154 = v152 ? 0 : v153;
    slot_7 = v154; /* line 17 */
    tc_cp_async_commit(); /* line 14 */
  }
  const tc_i32 v210 = v139 % 2;
  const tc_i32 v223 = x_tx_5 / 64;
  for (tc_i32 ko_3 = 0; ko_3 < 4; ko_3 += 1) { /* line 14 */
    tc_cp_async_wait_0(); /* line 18 */
    tc_sync_block(); /* line 18 */
    const tc_i32 v160 = slot_8;
    const tc_i32 v70 = ko_3 + 1;
    const tc_bool v71 = v70 < 4;
    if (v71) { /* line 18 */
      const tc_i32 v162 = slot_7;
      const tc_i32 v163 = v162 * 1024;
      const tc_i32 v165 = v143 + v163;
      tc_cp_async_16(smem + 0u + (tc_u32)v165 * 2u, A_1 + (((tc_i64)by_2 * 32 + (tc_i64)v126) * 128 + (tc_i64)ko_3 * 32 + (tc_i64)v127 * 8 + 32), 16u); /* line 16 */
      tc_cp_async_16(smem + 4096u + (tc_u32)v165 * 2u, B_2 + (((tc_i64)bx_1 * 32 + (tc_i64)v126) * 128 + (tc_i64)ko_3 * 32 + (tc_i64)v127 * 8 + 32), 16u); /* line 17 */
      const tc_bool v172 = v162 == 1;
      const tc_i32 v173 = v162 + 1;
      const tc_i32 v174 = v172 ? 0 : v173;
      slot_7 = v174; /* line 17 */
    }
    tc_cp_async_commit(); /* line 18 */
    const tc_bool v45 = ko_3 == 0;
    if (v45) { /* line 18 */
      C_local_11[0] = 0.0f; /* line 18 */
      C_local_11[1] = 0.0f; /* line 18 */
      C_local_11[2] = 0.0f; /* line 18 */
      C_local_11[3] = 0.0f; /* line 18 */
      C_local_11[4] = 0.0f; /* line 18 */
      C_local_11[5] = 0.0f; /* line 18 */
      C_local_11[6] = 0.0f; /* line 18 */
      C_local_11[7] = 0.0f; /* line 18 */
    }
    TC_ARRAY(tc_u32, a_12, 4); /* line 18 */
    TC_ARRAY(tc_u32, b_13, 4); /* line 18 */
    const tc_i32 v178 = v160 * 1024;
    const tc_i32 v194 = x_tx_5 / 2;
    const tc_i32 v195 = v194 % 2;
    const tc_i32 v196 = v195 * 72;
    const tc_i32 v198 = x_tx_5 / 16;
    const tc_i32 v199 = v198 % 2;
    const tc_i32 v200 = v199 * 8;
    const tc_i32 v201 = v196 ^ v200;
    const tc_i32 v202 = x_tx_5 % 2;
    const tc_i32 v203 = v202 * 32;
    const tc_i32 v205 = v137 * 144;
    const tc_i32 v206 = v203 + v205;
    const tc_i32 v207 = v132 % 2;
    const tc_i32 v208 = v207 * 256;
    const tc_i32 v209 = v206 + v208;
    const tc_i32 v212 = v210 * 512;
    const tc_i32 v213 = v209 + v212;
    const tc_i32 v214 = v201 + v213;
    const tc_i32 v215 = v178 + v214;
    tc_ldmatrix_x4(a_12, smem + 0u + (tc_u32)v215 * 2u); /* line 18 */
    const tc_i32 v219 = v207 * 8;
    const tc_i32 v220 = v196 ^ v219;
    const tc_i32 v221 = v199 * 256;
    const tc_i32 v222 = v206 + v221;
    const tc_i32 v224 = v223 * 512;
    const tc_i32 v225 = v222 + v224;
    const tc_i32 v226 = v220 + v225;
    const tc_i32 v227 = v178 + v226;
    tc_ldmatrix_x4(b_13, smem + 4096u + (tc_u32)v227 * 2u); /* line 18 */
    tc_mma_bf16(C_local_11, a_12, b_13); /* line 18 */
    tc_mma_bf16(C_local_11 + (4), a_12, b_13 + (2)); /* line 18 */
    const tc_i32 v237 = v194 % 4;
    const tc_i32 v238 = v237 * 72;
    const tc_i32 v239 = v200 ^ v238;
    const tc_i32 v240 = v203 + v208;
    const tc_i32 v241 = v212 + v240;
    const tc_i32 v242 = v239 ^ 16;
    const tc_i32 v243 = v241 + v242;
    const tc_i32 v244 = v178 + v243;
    tc_ldmatrix_x4(a_12, smem + 0u + (tc_u32)v244 * 2u); /* line 18 */
    const tc_i32 v247 = v219 ^ v238;
    const tc_i32 v248 = v203 + v221;
    const tc_i32 v249 = v224 + v248;
    const tc_i32 v250 = v247 ^ 16;
    const tc_i32 v251 = v249 + v250;
    const tc_i32 v252 = v178 + v251;
    tc_ldmatrix_x4(b_13, smem + 4096u + (tc_u32)v252 * 2u); /* line 18 */
    tc_mma_bf16(C_local_11, a_12, b_13); /* line 18 */
    tc_mma_bf16(C_local_11 + (4), a_12, b_13 + (2)); /* line 18 */
    const tc_bool v257 = v160 == 1;
    const tc_i32 v258 = v160 + 1;
    const tc_i32 v259 = v257 ? 0 : v258;
    slot_8 = v259; /* line 18 */
  }
  const float v279 = C_local_11[0];
  const float v280 = C_local_11[1];
  const float v281 = C_local_11[2];
  const float v282 = C_local_11[3];
  const float v283 = C_local_11[4];
  const float v284 = C_local_11[5];
  const float v285 = C_local_11[6];
  const float v286 = C_local_11[7];
  const tc_u32 v301 = tc_pack_bf16(v279, v280); /* line 20 */
  const tc_i32 v268 = v126 % 8;
  const float v302_0 = tc_bfloat16_get((tc_bf16)((((tc_u64)v301 & 0xffffffffull) >> 0) & 0xffffull));
  const float v302_1 = tc_bfloat16_get((tc_bf16)((((tc_u64)v301 & 0xffffffffull) >> 16) & 0xffffull));
  TC_STG(tc_u32, C_3 + (((tc_i64)by_2 * 32 + (tc_i64)v268 + (tc_i64)v210 * 16) * 64 + (tc_i64)bx_1 * 32 + (tc_i64)v127 * 2 + (tc_i64)v223 * 16), (tc_u32)(tc_u64)tc_bfloat16_put(v302_0) | (tc_u32)(tc_u64)tc_bfloat16_put(v302_1) << 16); /* line 20 */
  const tc_u32 v305 = tc_pack_bf16(v281, v282); /* line 20 */
  const float v306_0 = tc_bfloat16_get((tc_bf16)((((tc_u64)v305 & 0xffffffffull) >> 0) & 0xffffull));
  const float v306_1 = tc_bfloat16_get((tc_bf16)((((tc_u64)v305 & 0xffffffffull) >> 16) & 0xffffull));
  TC_STG(tc_u32, C_3 + (((tc_i64)by_2 * 32 + (tc_i64)v268 + (tc_i64)v210 * 16 + 8) * 64 + (tc_i64)bx_1 * 32 + (tc_i64)v127 * 2 + (tc_i64)v223 * 16), (tc_u32)(tc_u64)tc_bfloat16_put(v306_0) | (tc_u32)(tc_u64)tc_bfloat16_put(v306_1) << 16); /* line 20 */
  const tc_u32 v308 = tc_pack_bf16(v283, v284); /* line 20 */
  const float v309_0 = tc_bfloat16_get((tc_bf16)((((tc_u64)v308 & 0xffffffffull) >> 0) & 0xffffull));
  const float v309_1 = tc_bfloat16_get((tc_bf16)((((tc_u64)v308 & 0xffffffffull) >> 16) & 0xffffull));
  TC_STG(tc_u32, C_3 + (((tc_i64)by_2 * 32 + (tc_i64)v268 + (tc_i64)v210 * 16) * 64 + (tc_i64)bx_1 * 32 + (tc_i64)v127 * 2 + (tc_i64)v223 * 16 + 8), (tc_u32)(tc_u64)tc_bfloat16_put(v309_0) | (tc_u32)(tc_u64)tc_bfloat16_put(v309_1) << 16); /* line 20 */
  const tc_u32 v312 = tc_pack_bf16(v285, v286); /* line 20 */
  const float v313_0 = tc_bfloat16_get((tc_bf16)((((tc_u64)v312 & 0xffffffffull) >> 0) & 0xffffull));
  const float v313_1 = tc_bfloat16_get((tc_bf16)((((tc_u64)v312 & 0xffffffffull) >> 16) & 0xffffull));
  TC_STG(tc_u32, C_3 + (((tc_i64)by_2 * 32 + (tc_i64)v268 + (tc_i64)v210 * 16 + 8) * 64 + (tc_i64)bx_1 * 32 + (tc_i64)v127 * 2 + (tc_i64)v223 * 16 + 8), (tc_u32)(tc_u64)tc_bfloat16_put(v313_0) | (tc_u32)(tc_u64)tc_bfloat16_put(v313_1) << 16); /* line 20 */
}

