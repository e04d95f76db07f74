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
  C_local_17[0] = 0.0f; /* line 18 */
  C_local_17[1] = 0.0f; /* line 18 */
  C_local_17[2] = 0.0f; /* line 18 */
  C_local_17[3] = 0.0f; /* line 18 */
  C_local_17[4] = 0.0f; /* line 18 */
  C_local_17[5] = 0.0f; /* line 18 */
  C_local_17[6] = 0.0f; /* line 18 */
  C_local_17[7] = 0.0f; /* line 18 */
  tc_cp_async_wait_0(); /* line 18 */
  tc_sync_block(); /* line 18 */
  const tc_i32 v265 = slot_13;
  const tc_bool v266 = v265 == 1;
  const tc_i32 v267 = v265 + 1;
  const tc_i32 v268 = v266 ? 0 : v267;
  slot_13 = v268; /* line 18 */
  const tc_i32 v240 = v214 % 2;
  const tc_i32 v270 = v265 * 1024;
  const tc_i32 v271 = x_tx_5 / 2;
  const tc_i32 v272 = v271 % 2;
  const tc_i32 v273 = v272 * 72;
  const tc_i32 v274 = x_tx_5 / 16;
  const tc_i32 v275 = v274 % 2;
  const tc_i32 v276 = v275 * 8;
  const tc_i32 v277 = v273 ^ v276;
  const tc_i32 v278 = x_tx_5 % 2;
  const tc_i32 v279 = v278 * 32;
  const tc_i32 v281 = v212 * 144;
  const tc_i32 v282 = v279 + v281;
  const tc_i32 v283 = v207 % 2;
  const tc_i32 v284 = v283 * 256;
  const tc_i32 v285 = v282 + v284;
  const tc_i32 v287 = v240 * 512;
  const tc_i32 v288 = v285 + v287;
  const tc_i32 v289 = v277 + v288;
  const tc_i32 v290 = v270 + v289;
  tc_ldmatrix_x4(A_shared_step_18, smem + 0u + (tc_u32)v290 * 2u); /* line 18 */
  const tc_i32 v244 = x_tx_5 / 64;
  const tc_i32 v294 = v283 * 8;
  const tc_i32 v295 = v273 ^ v294;
  const tc_i32 v296 = v275 * 256;
  const tc_i32 v297 = v282 + v296;
  const tc_i32 v298 = v244 * 512;
  const tc_i32 v299 = v297 + v298;
  const tc_i32 v300 = v295 + v299;
  const tc_i32 v301 = v270 + v300;
  tc_ldmatrix_x4(B_shared_step_20, smem + 4096u + (tc_u32)v301 * 2u); /* line 18 */
  const tc_i32 v313 = v271 % 4;
  const tc_i32 v314 = v313 * 72;
  const tc_i32 v315 = v276 ^ v314;
  const tc_i32 v316 = v279 + v284;
  const tc_i32 v317 = v287 + v316;
  const tc_i32 v318 = v315 ^ 16;
  const tc_i32 v319 = v317 + v318;
  const tc_i32 v330 = v294 ^ v314;
  const tc_i32 v331 = v279 + v296;
  const tc_i32 v332 = v298 + v331;
  const tc_i32 v333 = v330 ^ 16;
  const tc_i32 v334 = v332 + v333;
  for (tc_i32 ko_3 = 0; ko_3 < 3; ko_3 += 1) { /* line 14 */
    const tc_i32 v307 = slot_13;
    const tc_bool v308 = v307 < 1;
    const tc_i32 v309 = v307 + 1;
    const tc_i32 v310 = v307 + (-1);
    const tc_i32 v311 = v308 ? v309 : v310;
    const tc_i32 v312 = v311 * 1024;
    const tc_i32 v320 = v312 + v319;
    tc_ldmatrix_x4(A_shared_step_19, smem + 0u + (tc_u32)v320 * 2u); /* line 18 */
    const tc_i32 v324 = slot_13;
    const tc_bool v325 = v324 < 1;
    const tc_i32 v326 = v324 + 1;
    const tc_i32 v327 = v324 + (-1);
    const tc_i32 v328 = v325 ? v326 : v327;
    const tc_i32 v329 = v328 * 1024;
    const tc_i32 v335 = v329 + v334;
    tc_ldmatrix_x4(B_shared_step_21, smem + 4096u + (tc_u32)v335 * 2u); /* line 18 */
    tc_mma_bf16(C_local_17, A_shared_step_18, B_shared_step_20); /* line 18 */
    tc_mma_bf16(C_local_17 + 4, A_shared_step_18, B_shared_step_20 + 2); /* line 18 */
    const tc_i32 v74 = ko_3 + 1;
    const tc_bool v75 = v74 < 4;
    if (v75) { /* line 18 */
      const tc_i32 v346 = slot_12;
      const tc_i32 v347 = v346 * 1024;
      const tc_i32 v349 = v218 + v347;
      tc_cp_async_16(smem + 0u + (tc_u32)v349 * 2u, A_1 + (((tc_i64)by_2 * 32 + (tc_i64)v201) * 128 + (tc_i64)ko_3 * 32 + (tc_i64)v202 * 8) + 32, 16u); /* line 16 */
      tc_cp_async_16(smem + 4096u + (tc_u32)v349 * 2u, B_2 + (((tc_i64)bx_1 * 32 + (tc_i64)v201) * 128 + (tc_i64)ko_3 * 32 + (tc_i64)v202 * 8) + 32, 16u); /* line 17 */
      const tc_bool v356 = v346 == 1;
      const tc_i32 v357 = v346 + 1;
      const tc_i32 v358 = v356 ? 0 : v357;
      slot_12 = v358; /* line 17 */
    }
    tc_cp_async_commit(); /* line 18 */
    tc_cp_async_wait_0(); /* line 18 */
    tc_sync_block(); /* line 18 */
    const tc_i32 v364 = slot_13;
    const tc_i32 v365 = v364 * 1024;
    const tc_i32 v366 = v289 + v365;
    tc_ldmatrix_x4(A_shared_step_18, smem + 0u + (tc_u32)v366 * 2u); /* line 18 */
    const tc_i32 v369 = v300 + v365;
    tc_ldmatrix_x4(B_shared_step_20, smem + 4096u + (tc_u32)v369 * 2u); /* line 18 */
    const tc_bool v372 = v364 == 1;
    const tc_i32 v373 = v364 + 1;
    const tc_i32 v374 = v372 ? 0 : v373;
    slot_13 = v374; /* line 18 */
    tc_mma_bf16(C_local_17, A_shared_step_19, B_shared_step_21); /* line 18 */
    tc_mma_bf16(C_local_17 + 4, A_shared_step_19, B_shared_step_21 + 2); /* line 18 */
  }
  const tc_i32 v380 = slot_13;
  const tc_bool v381 = v380 < 1;
  const tc_i32 v382 = v380 + 1;
  const tc_i32 v383 = v380 + (-1);
  const tc_i32 v384 = v381 ? v382 : v383;
  const tc_i32 v385 = v384 * 1024;
  const tc_i32 v386 = v319 + v385;
  tc_ldmatrix_x4(A_shared_step_19, smem + 0u + (tc_u32)v386 * 2u); /* line 18 */
  const tc_i32 v389 = slot_13;
  const tc_bool v390 = v389 < 1;
  const tc_i32 v391 = v389 + 1;
  const tc_i32 v392 = v389 + (-1);
  const tc_i32 v393 = v390 ? v391 : v392;
  const tc_i32 v394 = v393 * 1024;
  const tc_i32 v395 = v334 + v394;
  tc_ldmatrix_x4(B_shared_step_21, smem + 4096u + (tc_u32)v395 * 2u); /* line 18 */
  tc_mma_bf16(C_local_17, A_shared_step_18, B_shared_step_20); /* line 18 */
  tc_mma_bf16(C_local_17 + 4, A_shared_step_18, B_shared_step_20 + 2); /* line 18 */
  tc_mma_bf16(C_local_17, A_shared_step_19, B_shared_step_21); /* line 18 */
  tc_mma_bf16(C_local_17 + 4, A_shared_step_19, B_shared_step_21 + 2); /* line 18 */
  const float v415 = C_local_17[0];
  const float v418 = C_local_17[1];
  const tc_u32 v420 = tc_pack_bf16(v415, v418); /* line 20 */
  const tc_i32 v404 = x_tx_5 % 32;
  const tc_i32 v405 = v404 / 16;
  const tc_i32 v406 = v405 * 72;
  const tc_i32 v407 = v404 % 4;
  const tc_i32 v408 = v407 * 2;
  const tc_i32 v409 = v404 / 4;
  const tc_i32 v410 = v409 % 4;
  const tc_i32 v411 = v410 * 16;
  const tc_i32 v412 = v408 + v411;
  const tc_i32 v413 = v406 + v412;
  const tc_i32 v414 = v216 + v413;
  const float v421_0 = tc_bfloat16_get((tc_bf16)((((tc_u64)v420 & 0xffffffffull) >> 0) & 0xffffull));
  const float v421_1 = tc_bfloat16_get((tc_bf16)((((tc_u64)v420 & 0xffffffffull) >> 16) & 0xffffull));
  TC_STS(tc_u32, smem + 8192u + (tc_u32)v414 * 2u, (tc_u32)(tc_u64)tc_bfloat16_put(v421_0) | (tc_u32)(tc_u64)tc_bfloat16_put(v421_1) << 16); /* line 20 */
  const float v426 = C_local_17[2];
  const float v430 = C_local_17[3];
  const tc_u32 v432 = tc_pack_bf16(v426, v430); /* line 20 */
  const float v433_0 = tc_bfloat16_get((tc_bf16)((((tc_u64)v432 & 0xffffffffull) >> 0) & 0xffffull));
  const float v433_1 = tc_bfloat16_get((tc_bf16)((((tc_u64)v432 & 0xffffffffull) >> 16) & 0xffffull));
  TC_STS(tc_u32, smem + 8448u + (tc_u32)v414 * 2u, (tc_u32)(tc_u64)tc_bfloat16_put(v433_0) | (tc_u32)(tc_u64)tc_bfloat16_put(v433_1) << 16); /* line 20 */
  const float v439 = C_local_17[4];
  const float v442 = C_local_17[5];
  const tc_u32 v444 = tc_pack_bf16(v439, v442); /* line 20 */
  const tc_i32 v436 = v406 ^ 8;
  const tc_i32 v437 = v412 + v436;
  const tc_i32 v438 = v216 + v437;
  const float v445_0 = tc_bfloat16_get((tc_bf16)((((tc_u64)v444 & 0xffffffffull) >> 0) & 0xffffull));
  const float v445_1 = tc_bfloat16_get((tc_bf16)((((tc_u64)v444 & 0xffffffffull) >> 16) & 0xffffull));
  TC_STS(tc_u32, smem + 8192u + (tc_u32)v438 * 2u, (tc_u32)(tc_u64)tc_bfloat16_put(v445_0) | (tc_u32)(tc_u64)tc_bfloat16_put(v445_1) << 16); /* line 20 */
  const float v450 = C_local_17[6];
  const float v453 = C_local_17[7];
  const tc_u32 v455 = tc_pack_bf16(v450, v453); /* line 20 */
  const float v456_0 = tc_bfloat16_get((tc_bf16)((((tc_u64)v455 & 0xffffffffull) >> 0) & 0xffffull));
  const float v456_1 = tc_bfloat16_get((tc_bf16)((((tc_u64)v455 & 0xffffffffull) >> 16) & 0xffffull));
  TC_STS(tc_u32, smem + 8448u + (tc_u32)v438 * 2u, (tc_u32)(tc_u64)tc_bfloat16_put(v456_0) | (tc_u32)(tc_u64)tc_bfloat16_put(v456_1) << 16); /* line 20 */
  tc_sync_warp(); /* line 20 */
  const tc_i32 v462 = v404 % 2;
  const tc_i32 v463 = v462 * 8;
  const tc_i32 v464 = v404 / 8;
  const tc_i32 v465 = v464 % 2;
  const tc_i32 v466 = v465 * 72;
  const tc_i32 v467 = v463 ^ v466;
  const tc_i32 v468 = v404 / 2;
  const tc_i32 v469 = v468 % 4;
  const tc_i32 v470 = v469 * 16;
  const tc_i32 v471 = v405 * 128;
  const tc_i32 v472 = v470 + v471;
  const tc_i32 v473 = v467 + v472;
  const tc_i32 v474 = v216 + v473;
  const tc_v4_u32 word499 = TC_LDS(tc_v4_u32, smem + 8192u + (tc_u32)v474 * 2u); /* line 20 */
  const float v499_0 = tc_bfloat16_get((tc_bf16)((tc_u16)word499.x[0]));
  const float v499_1 = tc_bfloat16_get((tc_bf16)((tc_u16)(word499.x[0] >> 16)));
  const float v499_2 = tc_bfloat16_get((tc_bf16)((tc_u16)word499.x[1]));
  const float v499_3 = tc_bfloat16_get((tc_bf16)((tc_u16)(word499.x[1] >> 16)));
  const float v499_4 = tc_bfloat16_get((tc_bf16)((tc_u16)word499.x[2]));
  const float v499_5 = tc_bfloat16_get((tc_bf16)((tc_u16)(word499.x[2] >> 16)));
  const float v499_6 = tc_bfloat16_get((tc_bf16)((tc_u16)word499.x[3]));
  const float v499_7 = tc_bfloat16_get((tc_bf16)((tc_u16)(word499.x[3] >> 16)));
  const tc_i32 v402 = v214 / 2;
  TC_STG(tc_v4_u32, C_3 + (((tc_i64)by_2 * 32 + (tc_i64)v240 * 16 + (tc_i64)v468) * 64 + (tc_i64)bx_1 * 32 + (tc_i64)v402 * 16 + (tc_i64)v462 * 8), tc_make_v4_u32((tc_u32)(tc_u64)tc_bfloat16_put(v499_0) | (tc_u32)(tc_u64)tc_bfloat16_put(v499_1) << 16, (tc_u32)(tc_u64)tc_bfloat16_put(v499_2) | (tc_u32)(tc_u64)tc_bfloat16_put(v499_3) << 16, (tc_u32)(tc_u64)tc_bfloat16_put(v499_4) | (tc_u32)(tc_u64)tc_bfloat16_put(v499_5) << 16, (tc_u32)(tc_u64)tc_bfloat16_put(v499_6) | (tc_u32)(tc_u64)tc_bfloat16_put(v499_7) << 16)); /* line 20 */
}

