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
  const tc_i32 v221 = x_tx_5 / 4;
  const tc_i32 v222 = x_tx_5 % 4;
  const tc_i32 v223 = v222 * 8;
  const tc_i32 v227 = x_tx_5 / 8;
  const tc_i32 v228 = v227 % 4;
  const tc_i32 v230 = v228 * 72;
  const tc_i32 v231 = v223 ^ v230;
  const tc_i32 v232 = v221 % 2;
  const tc_i32 v233 = v232 * 32;
  const tc_i32 v234 = x_tx_5 / 32;
  const tc_i32 v236 = v234 * 256;
  const tc_i32 v237 = v233 + v236;
  const tc_i32 v238 = v231 + v237;
  for (tc_i32 p_4 = 0; p_4 < 1; p_4 += 1) { /* line 14 */
    const tc_i32 v219 = slot_12;
    const tc_i32 v220 = v219 * 1024;
    const tc_i32 v239 = v220 + v238;
    tc_cp_async_16(smem + 0u + (tc_u32)v239 * 2u, A_1 + (((tc_i64)by_2 * 32 + (tc_i64)v221) * 128 + (tc_i64)p_4 * 32 + (tc_i64)v222 * 8), 16u); /* line 16 */
    tc_cp_async_16(smem + 4096u + (tc_u32)v239 * 2u, B_2 + (((tc_i64)bx_1 * 32 + (tc_i64)v221) * 128 + (tc_i64)p_4 * 32 + (tc_i64)v222 * 8), 16u); /* line 17 */
    const tc_bool v247 = v219 == 1;
    const tc_i32 v248 = v219 + 1;
    const tc_i32 v249 = v247 ? 0 : v248;
    slot_12 = v249; /* line 17 */
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
  const tc_i32 v285 = slot_13;
  const tc_bool v286 = v285 == 1;
  const tc_i32 v287 = v285 + 1;
  const tc_i32 v288 = v286 ? 0 : v287;
  slot_13 = v288; /* line 18 */
  const tc_i32 v260 = v234 % 2;
  const tc_i32 v290 = v285 * 1024;
  const tc_i32 v291 = x_tx_5 / 2;
  const tc_i32 v292 = v291 % 2;
  const tc_i32 v293 = v292 * 72;
  const tc_i32 v294 = x_tx_5 / 16;
  const tc_i32 v295 = v294 % 2;
  const tc_i32 v296 = v295 * 8;
  const tc_i32 v297 = v293 ^ v296;
  const tc_i32 v298 = x_tx_5 % 2;
  const tc_i32 v299 = v298 * 32;
  const tc_i32 v301 = v232 * 144;
  const tc_i32 v302 = v299 + v301;
  const tc_i32 v303 = v227 % 2;
  const tc_i32 v304 = v303 * 256;
  const tc_i32 v305 = v302 + v304;
  const tc_i32 v307 = v260 * 512;
  const tc_i32 v308 = v305 + v307;
  const tc_i32 v309 = v297 + v308;
  const tc_i32 v310 = v290 + v309;
  tc_ldmatrix_x4(A_shared_step_18, smem + 0u + (tc_u32)v310 * 2u); /* line 18 */
  const tc_i32 v264 = x_tx_5 / 64;
  const tc_i32 v314 = v303 * 8;
  const tc_i32 v315 = v293 ^ v314;
  const tc_i32 v316 = v295 * 256;
  const tc_i32 v317 = v302 + v316;
  const tc_i32 v318 = v264 * 512;
  const tc_i32 v319 = v317 + v318;
  const tc_i32 v320 = v315 + v319;
  const tc_i32 v321 = v290 + v320;
  tc_ldmatrix_x4(B_shared_step_20, smem + 4096u + (tc_u32)v321 * 2u); /* line 18 */
  if (1) { /* line 18 */
    const tc_i32 v326 = slot_12;
    const tc_i32 v327 = v326 * 1024;
    const tc_i32 v329 = v238 + v327;
    tc_cp_async_16(smem + 0u + (tc_u32)v329 * 2u, A_1 + (((tc_i64)by_2 * 32 + (tc_i64)v221) * 128 + (tc_i64)v222 * 8 + 32), 16u); /* line 16 */
    tc_cp_async_16(smem + 4096u + (tc_u32)v329 * 2u, B_2 + (((tc_i64)bx_1 * 32 + (tc_i64)v221) * 128 + (tc_i64)v222 * 8 + 32), 16u); /* line 17 */
    const tc_bool v336 = v326 == 1;
    const tc_i32 v337 = v326 + 1;
    const tc_i32 v338 = v336 ? 0 : v337;
    slot_12 = v338; /* line 17 */
  }
  tc_cp_async_commit(); /* line 18 */
  const tc_i32 v349 = v291 % 4;
  const tc_i32 v350 = v349 * 72;
  const tc_i32 v351 = v296 ^ v350;
  const tc_i32 v352 = v299 + v304;
  const tc_i32 v353 = v307 + v352;
  const tc_i32 v354 = v351 ^ 16;
  const tc_i32 v355 = v353 + v354;
  const tc_i32 v366 = v314 ^ v350;
  const tc_i32 v367 = v299 + v316;
  const tc_i32 v368 = v318 + v367;
  const tc_i32 v369 = v366 ^ 16;
  const tc_i32 v370 = v368 + v369;
  for (tc_i32 ko_3 = 0; ko_3 < 3; ko_3 += 1) { /* line 14 */
    const tc_i32 v343 = slot_13;
    const tc_bool v344 = v343 < 1;
    const tc_i32 v345 = v343 + 1;
    const tc_i32 v346 = v343 + (-1);
    const tc_i32 v347 = v344 ? v345 : v346;
    const tc_i32 v348 = v347 * 1024;
    const tc_i32 v356 = v348 + v355;
    tc_ldmatrix_x4(A_shared_step_19, smem + 0u + (tc_u32)v356 * 2u); /* line 18 */
    const tc_i32 v360 = slot_13;
    const tc_bool v361 = v360 < 1;
    const tc_i32 v362 = v360 + 1;
    const tc_i32 v363 = v360 + (-1);
    const tc_i32 v364 = v361 ? v362 : v363;
    const tc_i32 v365 = v364 * 1024;
    const tc_i32 v371 = v365 + v370;
    tc_ldmatrix_x4(B_shared_step_21, smem + 4096u + (tc_u32)v371 * 2u); /* line 18 */
    tc_mma_bf16(C_local_17, A_shared_step_18, B_shared_step_20); /* line 18 */
    tc_mma_bf16(C_local_17 + (4), A_shared_step_18, B_shared_step_20 + (2)); /* line 18 */
    tc_cp_async_wait_0(); /* line 18 */
    tc_sync_block(); /* line 18 */
    const tc_i32 v383 = slot_13;
    const tc_i32 v384 = v383 * 1024;
    const tc_i32 v385 = v309 + v384;
    tc_ldmatrix_x4(A_shared_step_18, smem + 0u + (tc_u32)v385 * 2u); /* line 18 */
    const tc_i32 v388 = v320 + v384;
    tc_ldmatrix_x4(B_shared_step_20, smem + 4096u + (tc_u32)v388 * 2u); /* line 18 */
    tc_mma_bf16(C_local_17, A_shared_step_19, B_shared_step_21); /* line 18 */
    tc_mma_bf16(C_local_17 + (4), A_shared_step_19, B_shared_step_21 + (2)); /* line 18 */
    const tc_i32 v119 = ko_3 + 2;
    const tc_bool v120 = v119 < 4;
    if (v120) { /* line 18 */
      const tc_i32 v396 = slot_12;
      const tc_i32 v397 = v396 * 1024;
      const tc_i32 v399 = v238 + v397;
      tc_cp_async_16(smem + 0u + (tc_u32)v399 * 2u, A_1 + (((tc_i64)by_2 * 32 + (tc_i64)v221) * 128 + (tc_i64)ko_3 * 32 + (tc_i64)v222 * 8 + 64), 16u); /* line 16 */
      tc_cp_async_16(smem + 4096u + (tc_u32)v399 * 2u, B_2 + (((tc_i64)bx_1 * 32 + (tc_i64)v221) * 128 + (tc_i64)ko_3 * 32 + (tc_i64)v222 * 8 + 64), 16u); /* line 17 */
      const tc_bool v406 = v396 == 1;
      const tc_i32 v407 = v396 + 1;
      const tc_i32 v408 = v406 ? 0 : v407;
      slot_12 = v408; /* line 17 */
    }
    const tc_bool v411 = v383 == 1;
    const tc_i32 v412 = v383 + 1;
    const tc_i32 v413 = v411 ? 0 : v412;
    slot_13 = v413; /* line 18 */
    tc_cp_async_commit(); /* line 18 */
  }
  const tc_i32 v416 = slot_13;
  const tc_bool v417 = v416 < 1;
  const tc_i32 v418 = v416 + 1;
  const tc_i32 v419 = v416 + (-1);
  const tc_i32 v420 = v417 ? v418 : v419;
  const tc_i32 v421 = v420 * 1024;
  const tc_i32 v422 = v355 + v421;
  tc_ldmatrix_x4(A_shared_step_19, smem + 0u + (tc_u32)v422 * 2u); /* line 18 */
  const tc_i32 v425 = slot_13;
  const tc_bool v426 = v425 < 1;
  const tc_i32 v427 = v425 + 1;
  const tc_i32 v428 = v425 + (-1);
  const tc_i32 v429 = v426 ? v427 : v428;
  const tc_i32 v430 = v429 * 1024;
  const tc_i32 v431 = v370 + v430;
  tc_ldmatrix_x4(B_shared_step_21, smem + 4096u + (tc_u32)v431 * 2u); /* line 18 */
  tc_mma_bf16(C_local_17, A_shared_step_18, B_shared_step_20); /* line 18 */
  tc_mma_bf16(C_local_17 + (4), A_shared_step_18, B_shared_step_20 + (2)); /* line 18 */
  tc_mma_bf16(C_local_17, A_shared_step_19, B_shared_step_21); /* line 18 */
  tc_mma_bf16(C_local_17 + (4), A_shared_step_19, B_shared_step_21 + (2)); /* line 18 */
  const float v451 = C_local_17[0];
  const float v454 = C_local_17[1];
  const tc_u32 v456 = tc_pack_bf16(v451, v454); /* line 20 */
  const tc_i32 v440 = x_tx_5 % 32;
  const tc_i32 v441 = v440 / 16;
  const tc_i32 v442 = v441 * 72;
  const tc_i32 v443 = v440 % 4;
  const tc_i32 v444 = v443 * 2;
  const tc_i32 v445 = v440 / 4;
  const tc_i32 v446 = v445 % 4;
  const tc_i32 v447 = v446 * 16;
  const tc_i32 v448 = v444 + v447;
  const tc_i32 v449 = v442 + v448;
  const tc_i32 v450 = v236 + v449;
  const float v457_0 = tc_bfloat16_get((tc_bf16)((((tc_u64)v456 & 0xffffffffull) >> 0) & 0xffffull));
  const float v457_1 = tc_bfloat16_get((tc_bf16)((((tc_u64)v456 & 0xffffffffull) >> 16) & 0xffffull));
  TC_STS(tc_u32, smem + 8192u + (tc_u32)v450 * 2u, (tc_u32)(tc_u64)tc_bfloat16_put(v457_0) | (tc_u32)(tc_u64)tc_bfloat16_put(v457_1) << 16); /* line 20 */
  const float v462 = C_local_17[2];
  const float v466 = C_local_17[3];
  const tc_u32 v468 = tc_pack_bf16(v462, v466); /* line 20 */
  const tc_i32 v461 = v450 + 128;
  const float v469_0 = tc_bfloat16_get((tc_bf16)((((tc_u64)v468 & 0xffffffffull) >> 0) & 0xffffull));
  const float v469_1 = tc_bfloat16_get((tc_bf16)((((tc_u64)v468 & 0xffffffffull) >> 16) & 0xffffull));
  TC_STS(tc_u32, smem + 8192u + (tc_u32)v461 * 2u, (tc_u32)(tc_u64)tc_bfloat16_put(v469_0) | (tc_u32)(tc_u64)tc_bfloat16_put(v469_1) << 16); /* line 20 */
  const float v475 = C_local_17[4];
  const float v478 = C_local_17[5];
  const tc_u32 v480 = tc_pack_bf16(v475, v478); /* line 20 */
  const tc_i32 v472 = v442 ^ 8;
  const tc_i32 v473 = v448 + v472;
  const tc_i32 v474 = v236 + v473;
  const float v481_0 = tc_bfloat16_get((tc_bf16)((((tc_u64)v480 & 0xffffffffull) >> 0) & 0xffffull));
  const float v481_1 = tc_bfloat16_get((tc_bf16)((((tc_u64)v480 & 0xffffffffull) >> 16) & 0xffffull));
  TC_STS(tc_u32, smem + 8192u + (tc_u32)v474 * 2u, (tc_u32)(tc_u64)tc_bfloat16_put(v481_0) | (tc_u32)(tc_u64)tc_bfloat16_put(v481_1) << 16); /* line 20 */
  const float v486 = C_local_17[6];
  const float v489 = C_local_17[7];
  const tc_u32 v491 = tc_pack_bf16(v486, v489); /* line 20 */
  const tc_i32 v485 = v474 + 128;
  const float v492_0 = tc_bfloat16_get((tc_bf16)((((tc_u64)v491 & 0xffffffffull) >> 0) & 0xffffull));
  const float v492_1 = tc_bfloat16_get((tc_bf16)((((tc_u64)v491 & 0xffffffffull) >> 16) & 0xffffull));
  TC_STS(tc_u32, smem + 8192u + (tc_u32)v485 * 2u, (tc_u32)(tc_u64)tc_bfloat16_put(v492_0) | (tc_u32)(tc_u64)tc_bfloat16_put(v492_1) << 16); /* line 20 */
  tc_sync_warp(); /* line 20 */
  const tc_i32 v498 = v440 % 2;
  const tc_i32 v499 = v498 * 8;
  const tc_i32 v500 = v440 / 8;
  const tc_i32 v501 = v500 % 2;
  const tc_i32 v502 = v501 * 72;
  const tc_i32 v503 = v499 ^ v502;
  const tc_i32 v504 = v440 / 2;
  const tc_i32 v505 = v504 % 4;
  const tc_i32 v506 = v505 * 16;
  const tc_i32 v507 = v441 * 128;
  const tc_i32 v508 = v506 + v507;
  const tc_i32 v509 = v503 + v508;
  const tc_i32 v510 = v236 + v509;
  const tc_v4_u32 word535 = TC_LDS(tc_v4_u32, smem + 8192u + (tc_u32)v510 * 2u); /* line 20 */
  const float v535_0 = tc_bfloat16_get((tc_bf16)((tc_u16)word535.x[0]));
  const float v535_1 = tc_bfloat16_get((tc_bf16)((tc_u16)(word535.x[0] >> 16)));
  const float v535_2 = tc_bfloat16_get((tc_bf16)((tc_u16)word535.x[1]));
  const float v535_3 = tc_bfloat16_get((tc_bf16)((tc_u16)(word535.x[1] >> 16)));
  const float v535_4 = tc_bfloat16_get((tc_bf16)((tc_u16)word535.x[2]));
  const float v535_5 = tc_bfloat16_get((tc_bf16)((tc_u16)(word535.x[2] >> 16)));
  const float v535_6 = tc_bfloat16_get((tc_bf16)((tc_u16)word535.x[3]));
  const float v535_7 = tc_bfloat16_get((tc_bf16)((tc_u16)(word535.x[3] >> 16)));
  const tc_i32 v438 = v234 / 2;
  TC_STG(tc_v4_u32, C_3 + (((tc_i64)by_2 * 32 + (tc_i64)v260 * 16 + (tc_i64)v504) * 64 + (tc_i64)bx_1 * 32 + (tc_i64)v438 * 16 + (tc_i64)v498 * 8), tc_make_v4_u32((tc_u32)(tc_u64)tc_bfloat16_put(v535_0) | (tc_u32)(tc_u64)tc_bfloat16_put(v535_1) << 16, (tc_u32)(tc_u64)tc_bfloat16_put(v535_2) | (tc_u32)(tc_u64)tc_bfloat16_put(v535_3) << 16, (tc_u32)(tc_u64)tc_bfloat16_put(v535_4) | (tc_u32)(tc_u64)tc_bfloat16_put(v535_5) << 16, (tc_u32)(tc_u64)tc_bfloat16_put(v535_6) | (tc_u32)(tc_u64)tc_bfloat16_put(v535_7) << 16)); /* line 20 */
}

