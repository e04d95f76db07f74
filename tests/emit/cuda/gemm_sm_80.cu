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
#define TC_LDS_ALONE(type, at) (*(const volatile type *)__cvta_shared_to_generic(at))
#define TC_STS_ALONE(type, at, x) (*(volatile type *)__cvta_shared_to_generic(at) = (x))
#define TC_LDG_ALONE(type, p) (*(const volatile type *)(p))
#define TC_STG_ALONE(type, p, x) (*(volatile type *)(p) = (x))
#define TC_FENCE_BLOCK() __threadfence_block()
#define TC_FENCE_DEVICE() __threadfence()
#define TC_FENCE_SYSTEM() __threadfence_system()
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
TC_FN void tc_sync_warp(void) { __syncwarp(); }
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
  tc_i32 slot_12; /* line 14 */
  slot_12 = 0; /* line 14 */
  tc_i32 slot_13; /* line 14 */
  slot_13 = 0; /* line 14 */
  TC_ARRAY(float, C_local_17, 8); /* line 10 */
  const tc_i32 v201 = x_tx_5 / 4;
  const tc_i32 v202 = x_tx_5 % 4;
  const tc_i32 v203 = v202 * 8;
  const tc_i32 v207 = x_tx_5 / 8;
  const tc_i32 v208 = v207 % 4;
  const tc_i32 v210 = v208 * 72;
  const tc_i32 v211 = v203 ^ v210;
  const tc_i32 v212 = v201 % 2;
  const tc_i32 v213 = v212 * 32;
  const tc_i32 v214 = x_tx_5 / 32;
  const tc_i32 v216 = v214 * 256;
  const tc_i32 v217 = v213 + v216;
  const tc_i32 v218 = v211 + v217;
  for (tc_i32 p_4 = 0; p_4 < 1; p_4 += 1) { /* line 14 */
    const tc_i32 v199 = slot_12;
    const tc_i32 v200 = v199 * 1024;
    const tc_i32 v219 = v200 + v218;
    tc_cp_async_16(smem + 0u + (tc_u32)v219 * 2u, A_1 + (((tc_i64)by_2 * 32 + (tc_i64)v201) * 128 + (tc_i64)p_4 * 32 + (tc_i64)v202 * 8), 16u); /* line 16 */
    tc_cp_async_16(smem + 4096u + (tc_u32)v219 * 2u, B_2 + (((tc_i64)bx_1 * 32 + (tc_i64)v201) * 128 + (tc_i64)p_4 * 32 + (tc_i64)v202 * 8), 16u); /* line 17 */
    const tc_bool v227 = v199 == 1;
    const tc_i32 v228 = v199 + 1;
    const tc_i32 v229 = v227 ? 0 : v228;
    slot_12 = v229; /* line 17 */
    tc_cp_async_commit(); /* line 14 */
  }
  TC_ARRAY(tc_u32, A_shared_step_18, 4); /* line 18 */
  TC_ARRAY(tc_u32, A_shared_step_19, 4); /* line 18 */
  TC_ARRAY(tc_u32, B_shared_step_20, 4); /* line 18 */
  TC_ARRAY(tc_u32, B_shared_step_21, 4); /* line 18 */
  TC_UNROLL
  for (tc_i32 slot_6 = 0; slot_6 < 8; slot_6 += 1) { /* line 18 */
    C_local_17[(tc_i64)slot_6] = 0.0f; /* line 18 */
  }
  tc_cp_async_wait_0(); /* line 18 */
  tc_sync_block(); /* A_shared_ring: a version was filled and is read */ /* line 18 */
  const tc_i32 v241 = slot_13;
  const tc_bool v242 = v241 == 1;
  const tc_i32 v243 = v241 + 1;
  const tc_i32 v244 = v242 ? 0 : v243;
  slot_13 = v244; /* line 18 */
  const tc_i32 v246 = v241 * 1024;
  const tc_i32 v247 = x_tx_5 / 2;
  const tc_i32 v248 = v247 % 2;
  const tc_i32 v249 = v248 * 72;
  const tc_i32 v250 = x_tx_5 / 16;
  const tc_i32 v251 = v250 % 2;
  const tc_i32 v252 = v251 * 8;
  const tc_i32 v253 = v249 ^ v252;
  const tc_i32 v254 = x_tx_5 % 2;
  const tc_i32 v255 = v254 * 32;
  const tc_i32 v257 = v212 * 144;
  const tc_i32 v258 = v255 + v257;
  const tc_i32 v259 = v207 % 2;
  const tc_i32 v260 = v259 * 256;
  const tc_i32 v261 = v258 + v260;
  const tc_i32 v262 = v214 % 2;
  const tc_i32 v264 = v262 * 512;
  const tc_i32 v265 = v261 + v264;
  const tc_i32 v266 = v253 + v265;
  const tc_i32 v267 = v246 + v266;
  tc_ldmatrix_x4(A_shared_step_18, smem + 0u + (tc_u32)v267 * 2u); /* line 18 */
  const tc_i32 v271 = v259 * 8;
  const tc_i32 v272 = v249 ^ v271;
  const tc_i32 v273 = v251 * 256;
  const tc_i32 v274 = v258 + v273;
  const tc_i32 v275 = x_tx_5 / 64;
  const tc_i32 v276 = v275 * 512;
  const tc_i32 v277 = v274 + v276;
  const tc_i32 v278 = v272 + v277;
  const tc_i32 v279 = v246 + v278;
  tc_ldmatrix_x4(B_shared_step_20, smem + 4096u + (tc_u32)v279 * 2u); /* line 18 */
  const tc_i32 v291 = v247 % 4;
  const tc_i32 v292 = v291 * 72;
  const tc_i32 v293 = v252 ^ v292;
  const tc_i32 v294 = v255 + v260;
  const tc_i32 v295 = v264 + v294;
  const tc_i32 v296 = v293 ^ 16;
  const tc_i32 v297 = v295 + v296;
  const tc_i32 v308 = v271 ^ v292;
  const tc_i32 v309 = v255 + v273;
  const tc_i32 v310 = v276 + v309;
  const tc_i32 v311 = v308 ^ 16;
  const tc_i32 v312 = v310 + v311;
  for (tc_i32 ko_3 = 0; ko_3 < 3; ko_3 += 1) { /* line 14 */
    const tc_i32 v285 = slot_13;
    const tc_bool v286 = v285 < 1;
    const tc_i32 v287 = v285 + 1;
    const tc_i32 v288 = v285 + (-1);
    const tc_i32 v289 = v286 ? v287 : v288;
    const tc_i32 v290 = v289 * 1024;
    const tc_i32 v298 = v290 + v297;
    tc_ldmatrix_x4(A_shared_step_19, smem + 0u + (tc_u32)v298 * 2u); /* line 18 */
    const tc_i32 v302 = slot_13;
    const tc_bool v303 = v302 < 1;
    const tc_i32 v304 = v302 + 1;
    const tc_i32 v305 = v302 + (-1);
    const tc_i32 v306 = v303 ? v304 : v305;
    const tc_i32 v307 = v306 * 1024;
    const tc_i32 v313 = v307 + v312;
    tc_ldmatrix_x4(B_shared_step_21, smem + 4096u + (tc_u32)v313 * 2u); /* line 18 */
    tc_mma_bf16(C_local_17, A_shared_step_18, B_shared_step_20); /* line 18 */
    tc_mma_bf16(C_local_17 + 4, A_shared_step_18, B_shared_step_20 + 2); /* line 18 */
    const tc_i32 v74 = ko_3 + 1;
    const tc_bool v75 = v74 < 4;
    if (v75) { /* line 18 */
      const tc_i32 v324 = slot_12;
      const tc_i32 v325 = v324 * 1024;
      const tc_i32 v327 = v218 + v325;
      tc_cp_async_16(smem + 0u + (tc_u32)v327 * 2u, A_1 + (((tc_i64)by_2 * 32 + (tc_i64)v201) * 128 + (tc_i64)ko_3 * 32 + (tc_i64)v202 * 8) + 32, 16u); /* line 16 */
      tc_cp_async_16(smem + 4096u + (tc_u32)v327 * 2u, B_2 + (((tc_i64)bx_1 * 32 + (tc_i64)v201) * 128 + (tc_i64)ko_3 * 32 + (tc_i64)v202 * 8) + 32, 16u); /* line 17 */
      const tc_bool v334 = v324 == 1;
      const tc_i32 v335 = v324 + 1;
      const tc_i32 v336 = v334 ? 0 : v335;
      slot_12 = v336; /* line 17 */
    }
    tc_cp_async_commit(); /* line 18 */
    tc_cp_async_wait_0(); /* line 18 */
    tc_sync_block(); /* A_shared_ring: a version was filled and is read */ /* line 18 */
    const tc_i32 v342 = slot_13;
    const tc_i32 v343 = v342 * 1024;
    const tc_i32 v344 = v266 + v343;
    tc_ldmatrix_x4(A_shared_step_18, smem + 0u + (tc_u32)v344 * 2u); /* line 18 */
    const tc_i32 v347 = v278 + v343;
    tc_ldmatrix_x4(B_shared_step_20, smem + 4096u + (tc_u32)v347 * 2u); /* line 18 */
    const tc_bool v350 = v342 == 1;
    const tc_i32 v351 = v342 + 1;
    const tc_i32 v352 = v350 ? 0 : v351;
    slot_13 = v352; /* line 18 */
    tc_mma_bf16(C_local_17, A_shared_step_19, B_shared_step_21); /* line 18 */
    tc_mma_bf16(C_local_17 + 4, A_shared_step_19, B_shared_step_21 + 2); /* line 18 */
  }
  const tc_i32 v358 = slot_13;
  const tc_bool v359 = v358 < 1;
  const tc_i32 v360 = v358 + 1;
  const tc_i32 v361 = v358 + (-1);
  const tc_i32 v362 = v359 ? v360 : v361;
  const tc_i32 v363 = v362 * 1024;
  const tc_i32 v364 = v297 + v363;
  tc_ldmatrix_x4(A_shared_step_19, smem + 0u + (tc_u32)v364 * 2u); /* line 18 */
  const tc_i32 v367 = slot_13;
  const tc_bool v368 = v367 < 1;
  const tc_i32 v369 = v367 + 1;
  const tc_i32 v370 = v367 + (-1);
  const tc_i32 v371 = v368 ? v369 : v370;
  const tc_i32 v372 = v371 * 1024;
  const tc_i32 v373 = v312 + v372;
  tc_ldmatrix_x4(B_shared_step_21, smem + 4096u + (tc_u32)v373 * 2u); /* line 18 */
  tc_mma_bf16(C_local_17, A_shared_step_18, B_shared_step_20); /* line 18 */
  tc_mma_bf16(C_local_17 + 4, A_shared_step_18, B_shared_step_20 + 2); /* line 18 */
  tc_mma_bf16(C_local_17, A_shared_step_19, B_shared_step_21); /* line 18 */
  tc_mma_bf16(C_local_17 + 4, A_shared_step_19, B_shared_step_21 + 2); /* line 18 */
  const float v394 = C_local_17[0];
  const float v397 = C_local_17[1];
  const tc_u32 v399 = tc_pack_bf16(v394, v397); /* line 20 */
  const tc_i32 v383 = x_tx_5 % 32;
  const tc_i32 v384 = v383 / 16;
  const tc_i32 v385 = v384 * 72;
  const tc_i32 v386 = v383 % 4;
  const tc_i32 v387 = v386 * 2;
  const tc_i32 v388 = v383 / 4;
  const tc_i32 v389 = v388 % 4;
  const tc_i32 v390 = v389 * 16;
  const tc_i32 v391 = v387 + v390;
  const tc_i32 v392 = v385 + v391;
  const tc_i32 v393 = v216 + v392;
  const float v400_0 = tc_bfloat16_get((tc_bf16)((((tc_u64)v399 & 0xffffffffull) >> 0) & 0xffffull));
  const float v400_1 = tc_bfloat16_get((tc_bf16)((((tc_u64)v399 & 0xffffffffull) >> 16) & 0xffffull));
  TC_STS(tc_u32, smem + 8192u + (tc_u32)v393 * 2u, (tc_u32)(tc_u64)tc_bfloat16_put(v400_0) | (tc_u32)(tc_u64)tc_bfloat16_put(v400_1) << 16); /* line 20 */
  const float v405 = C_local_17[2];
  const float v409 = C_local_17[3];
  const tc_u32 v411 = tc_pack_bf16(v405, v409); /* line 20 */
  const float v412_0 = tc_bfloat16_get((tc_bf16)((((tc_u64)v411 & 0xffffffffull) >> 0) & 0xffffull));
  const float v412_1 = tc_bfloat16_get((tc_bf16)((((tc_u64)v411 & 0xffffffffull) >> 16) & 0xffffull));
  TC_STS(tc_u32, smem + 8448u + (tc_u32)v393 * 2u, (tc_u32)(tc_u64)tc_bfloat16_put(v412_0) | (tc_u32)(tc_u64)tc_bfloat16_put(v412_1) << 16); /* line 20 */
  const float v418 = C_local_17[4];
  const float v422 = C_local_17[5];
  const tc_u32 v424 = tc_pack_bf16(v418, v422); /* line 20 */
  const tc_i32 v415 = v385 ^ 8;
  const tc_i32 v416 = v391 + v415;
  const tc_i32 v417 = v216 + v416;
  const float v425_0 = tc_bfloat16_get((tc_bf16)((((tc_u64)v424 & 0xffffffffull) >> 0) & 0xffffull));
  const float v425_1 = tc_bfloat16_get((tc_bf16)((((tc_u64)v424 & 0xffffffffull) >> 16) & 0xffffull));
  TC_STS(tc_u32, smem + 8192u + (tc_u32)v417 * 2u, (tc_u32)(tc_u64)tc_bfloat16_put(v425_0) | (tc_u32)(tc_u64)tc_bfloat16_put(v425_1) << 16); /* line 20 */
  const float v431 = C_local_17[6];
  const float v435 = C_local_17[7];
  const tc_u32 v437 = tc_pack_bf16(v431, v435); /* line 20 */
  const float v438_0 = tc_bfloat16_get((tc_bf16)((((tc_u64)v437 & 0xffffffffull) >> 0) & 0xffffull));
  const float v438_1 = tc_bfloat16_get((tc_bf16)((((tc_u64)v437 & 0xffffffffull) >> 16) & 0xffffull));
  TC_STS(tc_u32, smem + 8448u + (tc_u32)v417 * 2u, (tc_u32)(tc_u64)tc_bfloat16_put(v438_0) | (tc_u32)(tc_u64)tc_bfloat16_put(v438_1) << 16); /* line 20 */
  tc_sync_warp(); /* all lanes have filled their part of the slot */ /* line 20 */
  const tc_i32 v444 = v383 % 2;
  const tc_i32 v445 = v444 * 8;
  const tc_i32 v446 = v383 / 8;
  const tc_i32 v447 = v446 % 2;
  const tc_i32 v448 = v447 * 72;
  const tc_i32 v449 = v445 ^ v448;
  const tc_i32 v450 = v383 / 2;
  const tc_i32 v451 = v450 % 4;
  const tc_i32 v452 = v451 * 16;
  const tc_i32 v453 = v384 * 128;
  const tc_i32 v454 = v452 + v453;
  const tc_i32 v455 = v449 + v454;
  const tc_i32 v456 = v216 + v455;
  const tc_v4_u32 word481 = TC_LDS(tc_v4_u32, smem + 8192u + (tc_u32)v456 * 2u); /* line 20 */
  const float v481_0 = tc_bfloat16_get((tc_bf16)((tc_u16)word481.x[0]));
  const float v481_1 = tc_bfloat16_get((tc_bf16)((tc_u16)(word481.x[0] >> 16)));
  const float v481_2 = tc_bfloat16_get((tc_bf16)((tc_u16)word481.x[1]));
  const float v481_3 = tc_bfloat16_get((tc_bf16)((tc_u16)(word481.x[1] >> 16)));
  const float v481_4 = tc_bfloat16_get((tc_bf16)((tc_u16)word481.x[2]));
  const float v481_5 = tc_bfloat16_get((tc_bf16)((tc_u16)(word481.x[2] >> 16)));
  const float v481_6 = tc_bfloat16_get((tc_bf16)((tc_u16)word481.x[3]));
  const float v481_7 = tc_bfloat16_get((tc_bf16)((tc_u16)(word481.x[3] >> 16)));
  const tc_i32 v381 = v214 / 2;
  TC_STG(tc_v4_u32, C_3 + (((tc_i64)by_2 * 32 + (tc_i64)v262 * 16 + (tc_i64)v450) * 64 + (tc_i64)bx_1 * 32 + (tc_i64)v381 * 16 + (tc_i64)v444 * 8), tc_make_v4_u32((tc_u32)(tc_u64)tc_bfloat16_put(v481_0) | (tc_u32)(tc_u64)tc_bfloat16_put(v481_1) << 16, (tc_u32)(tc_u64)tc_bfloat16_put(v481_2) | (tc_u32)(tc_u64)tc_bfloat16_put(v481_3) << 16, (tc_u32)(tc_u64)tc_bfloat16_put(v481_4) | (tc_u32)(tc_u64)tc_bfloat16_put(v481_5) << 16, (tc_u32)(tc_u64)tc_bfloat16_put(v481_6) | (tc_u32)(tc_u64)tc_bfloat16_put(v481_7) << 16)); /* line 20 */
}

