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
TC_FN void tc_tensor_map_fetch(const tc_tensor_map *map) { asm volatile("prefetch.tensormap [%0];" :: "l"((tc_u64)map) : "memory"); }
TC_FN void tc_mbarrier_init(tc_u32 bar, tc_u32 n) { asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" :: "r"(bar), "r"(n) : "memory"); }
TC_FN void tc_mbarrier_fence(void) { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }
TC_FN void tc_sync_block(void) { __syncthreads(); }
#define tc_registers_less_40() asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" :: "n"(40) : "memory")
TC_FN void tc_mbarrier_wait(tc_u32 bar, tc_u32 parity) { asm volatile("{ .reg .pred P; AGAIN: mbarrier.try_wait.parity.shared::cta.b64 P, [%0], %1, 0x989680; @P bra DONE; bra AGAIN; DONE: }" :: "r"(bar), "r"(parity) : "memory"); }
TC_FN void tc_mbarrier_expect(tc_u32 bar, tc_u32 n) { asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" :: "r"(bar), "r"(n) : "memory"); }
TC_FN void tc_tma_load_2d(tc_u32 to, const tc_tensor_map *map, tc_u32 bar, tc_i32 c0, tc_i32 c1) { asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4}], [%2];" :: "r"(to), "l"((tc_u64)map), "r"(bar), "r"(c0), "r"(c1) : "memory"); }
#define tc_registers_less_232() asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" :: "n"(232) : "memory")
TC_FN void tc_wgmma_fence(void) { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
TC_FN tc_u64 tc_matrix_descriptor(tc_u32 at, tc_i32 leading, tc_i32 stride, tc_i32 swizzle) { return (tc_u64)((at & 0x3ffffu) >> 4) | (tc_u64)((tc_u32)leading >> 4) << 16 | (tc_u64)((tc_u32)stride >> 4) << 32 | (tc_u64)(tc_u32)swizzle << 62; }
TC_FN void tc_wgmma_bf16_n32(float *d, tc_u64 a, tc_u64 b, tc_bool add) { asm volatile("{ .reg .pred p; setp.ne.b32 p, %18, 0; wgmma.mma_async.sync.aligned.m64n32k16.f32.bf16.bf16 {%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15}, %16, %17, p, 1, 1, 0, 0; }" : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7]), "+f"(d[8]), "+f"(d[9]), "+f"(d[10]), "+f"(d[11]), "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15]) : "l"(a), "l"(b), "r"((tc_i32)add)); }
TC_FN void tc_wgmma_commit(void) { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
#define tc_wgmma_wait_0() asm volatile("wgmma.wait_group.sync.aligned %0;" :: "n"(0) : "memory")
TC_FN void tc_mbarrier_arrive(tc_u32 bar) { asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" :: "r"(bar) : "memory"); }
TC_FN void tc_pin_f32_16(float *d) { asm volatile("" : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7]), "+f"(d[8]), "+f"(d[9]), "+f"(d[10]), "+f"(d[11]), "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15]) :: "memory"); }
#define tc_bulk_wait_read_0() asm volatile("cp.async.bulk.wait_group.read %0;" :: "n"(0) : "memory")
TC_FN void tc_sync_warp(void) { __syncwarp(); }
TC_FN tc_u32 tc_pack_bf16(float lo, float hi) { tc_u32 x; asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(x) : "f"(hi), "f"(lo)); return x; }
TC_FN void tc_stmatrix_x4(tc_u32 at, const tc_u32 *r) { asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};" :: "r"(at), "r"(r[0]), "r"(r[1]), "r"(r[2]), "r"(r[3]) : "memory"); }
TC_FN void tc_fence_async(void) { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }
TC_FN void tc_tma_store_hint_2d(const tc_tensor_map *map, tc_u32 from, tc_u64 policy, tc_i32 c0, tc_i32 c1) { asm volatile("cp.async.bulk.tensor.2d.global.shared::cta.bulk_group.L2::cache_hint [%0, {%3, %4}], [%1], %2;" :: "l"((tc_u64)map), "r"(from), "l"(policy), "r"(c0), "r"(c1) : "memory"); }
TC_FN void tc_bulk_commit(void) { asm volatile("cp.async.bulk.commit_group;" ::: "memory"); }
#define tc_bulk_wait_0() asm volatile("cp.async.bulk.wait_group %0;" :: "n"(0) : "memory")

TC_KERNEL(main_0, 256, 1)(TC_KERNEL_SELF TC_TENSOR_MAP A_map_18, TC_TENSOR_MAP B_map_19, TC_TENSOR_MAP C_map_21) {
  const tc_u32 smem = TC_SMEM;
  const tc_i32 bx_1 = TC_BID_X;
  const tc_i32 by_2 = TC_BID_Y;
  const tc_i32 x_tx_8 = TC_TID;
  const tc_bool v153 = x_tx_8 == 0;
  if (v153) { /* line 20 */
    tc_tensor_map_fetch(&A_map_18); /* line 20 */
    tc_tensor_map_fetch(&B_map_19); /* line 20 */
    tc_tensor_map_fetch(&C_map_21); /* line 20 */
  }
  TC_UNROLL
  for (tc_i32 i_6 = 0; i_6 < 2; i_6 += 1) { /* line 14 */
    if (v153) { /* line 14 */
      tc_mbarrier_init(smem + 32768u + (tc_u32)i_6 * 8u, 1u); /* line 14 */
      tc_mbarrier_init(smem + 32784u + (tc_u32)i_6 * 8u, 4u); /* line 14 */
      tc_mbarrier_fence(); /* line 14 */
    }
  }
  tc_sync_block(); /* the barriers of rings are set up before they are used */ /* line 14 */
  const tc_i32 v14 = by_2 * 64;
  const tc_i32 v16 = bx_1 * 32;
  const tc_bool v164 = x_tx_8 < 128;
  if (v164) { /* line 7 */
    tc_registers_less_40(); /* line 7 */
    if (v153) { /* line 7 */
      tc_i32 slot_11; /* line 14 */
      slot_11 = 0; /* line 14 */
      tc_i32 phase_12; /* line 14 */
      phase_12 = 1; /* line 14 */
      for (tc_i32 ko_4 = 0; ko_4 < 2; ko_4 += 1) { /* line 14 */
        const tc_i32 v175 = slot_11;
        const tc_i32 v176 = phase_12;
        const tc_u32 v178 = (tc_u32)v176;
        const tc_u32 v179 = v178 & 1u;
        tc_mbarrier_wait(smem + 32784u + (tc_u32)v175 * 8u, v179); /* line 17 */
        tc_mbarrier_expect(smem + 32768u + (tc_u32)v175 * 8u, 12288u); /* line 17 */
        const tc_i32 v70 = ko_4 * 64;
        const tc_i32 v184 = v175 * 4096;
        tc_tma_load_2d(smem + 0u + (tc_u32)v184 * 2u, &A_map_18, smem + 32768u + (tc_u32)v175 * 8u, (tc_i32)v70, (tc_i32)v14); /* line 16 */
        const tc_i32 v189 = v175 * 2048;
        tc_tma_load_2d(smem + 16384u + (tc_u32)v189 * 2u, &B_map_19, smem + 32768u + (tc_u32)v175 * 8u, (tc_i32)v70, (tc_i32)v16); /* line 17 */
        const tc_bool v193 = v175 == 1;
        const tc_i32 v194 = v175 + 1;
        const tc_i32 v195 = v193 ? 0 : v194;
        slot_11 = v195; /* line 17 */
        const tc_i32 v197 = v176 ^ 1;
        const tc_i32 v198 = v193 ? v197 : v176;
        phase_12 = v198; /* line 17 */
      }
    }
  } else {
    tc_registers_less_232(); /* line 7 */
    tc_i32 slot_13; /* line 14 */
    slot_13 = 0; /* line 14 */
    tc_i32 phase_14; /* line 14 */
    phase_14 = 0; /* line 14 */
    TC_ARRAY(float, C_local_20, 16); /* line 10 */
    const tc_i32 v246 = x_tx_8 % 32;
    const tc_bool v247 = v246 == 0;
    for (tc_i32 ko_5 = 0; ko_5 < 2; ko_5 += 1) { /* line 14 */
      const tc_i32 v210 = slot_13;
      const tc_i32 v211 = phase_14;
      const tc_u32 v213 = (tc_u32)v211;
      const tc_u32 v214 = v213 & 1u;
      tc_mbarrier_wait(smem + 32768u + (tc_u32)v210 * 8u, v214); /* line 18 */
      tc_wgmma_fence(); /* line 18 */
      const tc_i32 v216 = v210 * 4096;
      const tc_u64 v225 = tc_matrix_descriptor(smem + 0u + (tc_u32)v216 * 2u, 0, 1024, 1); /* line 18 */
      const tc_i32 v217 = v210 * 2048;
      const tc_u64 v227 = tc_matrix_descriptor(smem + 16384u + (tc_u32)v217 * 2u, 0, 1024, 1); /* line 18 */
      const tc_bool v230 = ko_5 != 0;
      tc_wgmma_bf16_n32(C_local_20, v225, v227, v230); /* line 18 */
      const tc_u64 v233 = v225 + 2ull;
      const tc_u64 v234 = v227 + 2ull;
      tc_wgmma_bf16_n32(C_local_20, v233, v234, 1); /* line 18 */
      const tc_u64 v237 = v225 + 4ull;
      const tc_u64 v238 = v227 + 4ull;
      tc_wgmma_bf16_n32(C_local_20, v237, v238, 1); /* line 18 */
      const tc_u64 v241 = v225 + 6ull;
      const tc_u64 v242 = v227 + 6ull;
      tc_wgmma_bf16_n32(C_local_20, v241, v242, 1); /* line 18 */
      tc_wgmma_commit(); /* line 18 */
      tc_wgmma_wait_0(); /* line 18 */
      if (v247) { /* line 18 */
        tc_mbarrier_arrive(smem + 32784u + (tc_u32)v210 * 8u); /* line 18 */
      }
      const tc_bool v252 = v210 == 1;
      const tc_i32 v253 = v210 + 1;
      const tc_i32 v254 = v252 ? 0 : v253;
      slot_13 = v254; /* line 18 */
      const tc_i32 v256 = v211 ^ 1;
      const tc_i32 v257 = v252 ? v256 : v211;
      phase_14 = v257; /* line 18 */
    }
    tc_pin_f32_16(C_local_20); /* line 20 */
    if (v247) { /* line 20 */
      tc_bulk_wait_read_0(); /* line 20 */
    }
    tc_sync_warp(); /* the slot was sent on, and is filled again */ /* line 20 */
    TC_ARRAY(tc_u32, words_22, 4); /* line 20 */
    const float v267 = C_local_20[0];
    const float v269 = C_local_20[1];
    const tc_u32 v271 = tc_pack_bf16(v267, v269); /* line 20 */
    words_22[0] = v271; /* line 20 */
    const float v273 = C_local_20[2];
    const float v276 = C_local_20[3];
    const tc_u32 v278 = tc_pack_bf16(v273, v276); /* line 20 */
    words_22[1] = v278; /* line 20 */
    const float v280 = C_local_20[4];
    const float v283 = C_local_20[5];
    const tc_u32 v285 = tc_pack_bf16(v280, v283); /* line 20 */
    words_22[2] = v285; /* line 20 */
    const float v288 = C_local_20[6];
    const float v291 = C_local_20[7];
    const tc_u32 v293 = tc_pack_bf16(v288, v291); /* line 20 */
    words_22[3] = v293; /* line 20 */
    const tc_i32 v220 = x_tx_8 + (-128);
    const tc_i32 v259 = v220 >> 5;
    const tc_i32 v295 = v220 & 32 - 1;
    const tc_i32 v296 = v295 / 2;
    const tc_i32 v297 = v296 % 4;
    const tc_i32 v299 = v297 * 72;
    const tc_i32 v300 = v295 / 16;
    const tc_i32 v301 = v300 * 8;
    const tc_i32 v302 = v299 ^ v301;
    const tc_i32 v303 = v295 % 2;
    const tc_i32 v304 = v303 * 32;
    const tc_i32 v305 = v295 / 8;
    const tc_i32 v306 = v305 % 2;
    const tc_i32 v307 = v306 * 256;
    const tc_i32 v308 = v304 + v307;
    const tc_i32 v309 = v302 + v308;
    const tc_i32 v310 = v259 * 1024;
    const tc_i32 v311 = v309 + v310;
    tc_stmatrix_x4(smem + 24576u + (tc_u32)v311 * 2u, words_22); /* line 20 */
    TC_ARRAY(tc_u32, words_23, 4); /* line 20 */
    const float v316 = C_local_20[8];
    const float v319 = C_local_20[9];
    const tc_u32 v321 = tc_pack_bf16(v316, v319); /* line 20 */
    words_23[0] = v321; /* line 20 */
    const float v324 = C_local_20[10];
    const float v327 = C_local_20[11];
    const tc_u32 v329 = tc_pack_bf16(v324, v327); /* line 20 */
    words_23[1] = v329; /* line 20 */
    const float v332 = C_local_20[12];
    const float v335 = C_local_20[13];
    const tc_u32 v337 = tc_pack_bf16(v332, v335); /* line 20 */
    words_23[2] = v337; /* line 20 */
    const float v340 = C_local_20[14];
    const float v343 = C_local_20[15];
    const tc_u32 v345 = tc_pack_bf16(v340, v343); /* line 20 */
    words_23[3] = v345; /* line 20 */
    const tc_i32 v347 = v302 ^ 16;
    const tc_i32 v348 = v308 + v347;
    const tc_i32 v349 = v310 + v348;
    tc_stmatrix_x4(smem + 24576u + (tc_u32)v349 * 2u, words_23); /* line 20 */
    tc_fence_async(); /* line 20 */
    tc_sync_warp(); /* all lanes have filled their part of the slot */ /* line 20 */
    if (v247) { /* line 20 */
      const tc_i32 v260 = v259 & 4 - 1;
      const tc_i32 v261 = v260 * 16;
      const tc_i32 v355 = v14 + v261;
      tc_tma_store_hint_2d(&C_map_21, smem + 24576u + (tc_u32)v310 * 2u, 1364590687093260288ull, (tc_i32)v16, (tc_i32)v355); /* line 20 */
      tc_bulk_commit(); /* line 20 */
    }
    if (v247) { /* line 20 */
      tc_bulk_wait_0(); /* line 20 */
    }
  }
}

