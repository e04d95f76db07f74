/* k.py:1  C[M, N] = A[M, K] B[N, K]^T of bfloat16: a producer fills a ring of three stages by TMA,
 * two groups of consumers multiply 64 x 128 each; tiles of 128 x 128 x 64, a persistent grid, and
 * an epilogue that leaves by TMA while the next tile begins. */
TC_KERNEL(gemm_wgmma, 384, 1)
(TC_KERNEL_SELF TC_TENSOR_MAP mA, TC_TENSOR_MAP mB, TC_TENSOR_MAP mC, tc_i32 tiles_n, tc_i32 tiles,
 tc_i32 nk) {
  const tc_i32 tid = TC_TID, lane = tid & 31, warp = tid >> 5;
  const tc_u32 base = TC_SMEM, stage = base + 98304u, full = stage + 32768u, empty = full + 24u;
  if (tid == 0) {
    for (tc_i32 i = 0; i < 3; i++) {
      tc_mbarrier_init(full + (tc_u32)i * 8u, 1u);
      tc_mbarrier_init(empty + (tc_u32)i * 8u, 8u); /* k.py:4 */
    }
    tc_mbarrier_fence();
  }
  tc_sync_block();
  if (tid < 128) {
    tc_registers_less_40();
    if (tid == 0) {
      tc_u32 s = 0, ph = 0;
      tc_tensor_map_fetch(&mA);
      for (tc_i32 t = TC_BID_X; t < tiles; t += TC_GRID_X) {
        const tc_i32 m0 = t / tiles_n * 128, n0 = t % tiles_n * 128;
        for (tc_i32 k = 0; k < nk; k++) {
          const tc_u32 bar = full + s * 8u, at = base + s * 32768u;
          tc_mbarrier_wait(empty + s * 8u, ph ^ 1u); /* k.py:7 */
          tc_mbarrier_expect(bar, 32768u);
          tc_tma_load_2d(at, &mA, bar, k * 64, m0);          /* k.py:8 */
          tc_tma_load_2d(at + 16384u, &mB, bar, k * 64, n0); /* k.py:9 */
          s = s + 1u == 3u ? 0u : s + 1u;
          ph ^= s == 0u;
        }
      }
    }
  } else {
    const tc_i32 group = (tid >> 7) - 1;
    float d[64];
    tc_u32 s = 0, ph = 0;
    tc_registers_more_232();
    for (tc_i32 t = TC_BID_X; t < tiles; t += TC_GRID_X) {
      const tc_i32 m0 = t / tiles_n * 128 + group * 64, n0 = t % tiles_n * 128;
      for (tc_i32 k = 0; k < nk; k++) {
        const tc_u32 at = base + s * 32768u;
        tc_mbarrier_wait(full + s * 8u, ph); /* k.py:11 */
        const tc_u64 da = tc_matrix_descriptor(at + (tc_u32)group * 8192u, 16u, 1024u, 1u);
        const tc_u64 db = tc_matrix_descriptor(at + 16384u, 16u, 1024u, 1u);
        tc_wgmma_fence();
        tc_wgmma_bf16_n128(d, da, db, k != 0); /* k.py:12 */
        tc_wgmma_bf16_n128(d, da + 2u, db + 2u, 1);
        tc_wgmma_bf16_n128(d, da + 4u, db + 4u, 1);
        tc_wgmma_bf16_n128(d, da + 6u, db + 6u, 1);
        tc_wgmma_commit();
        tc_wgmma_wait_0(); /* k.py:13 */
        tc_pin_f32_64(d);
        if (lane == 0) tc_mbarrier_arrive(empty + s * 8u); /* k.py:14 */
        s = s + 1u == 3u ? 0u : s + 1u;
        ph ^= s == 0u;
      }
      for (tc_i32 half = 0; half < 2; half++) {
        const tc_u32 slot = stage + (tc_u32)(warp - 4) * 4096u + (tc_u32)half * 2048u;
        const tc_u32 row = (tc_u32)(lane & 15);
        if (lane == 0) tc_bulk_wait_read_1(); /* k.py:16 */
        tc_sync_warp();
        for (tc_i32 j = 0; j < 4; j++) {
          const float *x = d + half * 32 + j * 8;
          tc_u32 r[4];
          r[0] = tc_pack_bf16(x[0], x[1]);
          r[1] = tc_pack_bf16(x[2], x[3]);
          r[2] = tc_pack_bf16(x[4], x[5]);
          r[3] = tc_pack_bf16(x[6], x[7]);
          tc_stmatrix_x4(slot + row * 128u
                             + ((((tc_u32)j * 2u + (tc_u32)(lane >> 4)) ^ (row & 7u)) << 4),
                         r); /* k.py:17 */
        }
        tc_fence_async(); /* k.py:18 */
        tc_sync_warp();
        if (lane == 0) {
          tc_tma_store_hint_2d(&mC, slot, 0x12F0000000000000ull, n0 + half * 64,
                               m0 + (warp & 3) * 16); /* k.py:19 */
          tc_bulk_commit();
        }
      }
    }
    if (lane == 0) tc_bulk_wait_0(); /* k.py:21 */
  }
}
