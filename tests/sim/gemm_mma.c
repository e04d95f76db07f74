/* k.py:1  C[M, N] = A[M, K] B[N, K]^T of bfloat16: a ring of cp.async stages, ldmatrix, mma.
 * 64 x 64 x 32 tiles, 2 x 2 warps of 32 x 32; rows of 64 bytes, chunks swizzled by row / 2. */
TC_KERNEL(gemm_mma, 128, 1)
(TC_KERNEL_SELF const tc_bf16 *A, const tc_bf16 *B, tc_bf16 *C, tc_i32 M, tc_i32 N, tc_i32 K) {
  const tc_i32 tid = TC_TID, lane = tid & 31, warp = tid >> 5;
  const tc_i32 m0 = TC_BID_Y * 64, n0 = TC_BID_X * 64, nk = (K + 31) / 32;
  const tc_u32 base = TC_SMEM;
  float c[32];
  for (tc_i32 i = 0; i < 32; i++)
    c[i] = 0.0f;
  for (tc_i32 ko = -2; ko < nk; ko++) {
    const tc_i32 load = ko + 2;
    if (ko >= 0) {
      tc_cp_async_wait_1(); /* k.py:7 */
      tc_sync_block();      /* k.py:8 stage is there, and the one before is free */
    }
    if (load < nk) {
      const tc_u32 to = base + (tc_u32)(load % 3) * 8192u;
      for (tc_i32 i = 0; i < 2; i++) {
        const tc_i32 row = (tid >> 2) + i * 32, chunk = tid & 3;
        const tc_u32 at = (tc_u32)row * 64u + (tc_u32)((chunk ^ (row >> 1)) & 3) * 16u;
        const tc_i32 left = K - load * 32 - chunk * 8, all = left < 0 ? 0 : left < 8 ? left : 8;
        const tc_u32 na = m0 + row < M ? (tc_u32)all * 2u : 0u,
                     nb = n0 + row < N ? (tc_u32)all * 2u : 0u;
        tc_cp_async_16(to + at, A + (tc_i64)(m0 + row) * K + load * 32 + chunk * 8,
                       na); /* k.py:10 */
        tc_cp_async_16(to + 4096u + at, B + (tc_i64)(n0 + row) * K + load * 32 + chunk * 8,
                       nb); /* k.py:11 */
      }
    }
    tc_cp_async_commit();
    if (ko >= 0) {
      const tc_u32 sa = base + (tc_u32)(ko % 3) * 8192u, sb = sa + 4096u;
      for (tc_i32 k = 0; k < 2; k++) {
        tc_u32 a[8], b[8];
        for (tc_i32 i = 0; i < 2; i++) {
          const tc_i32 ra = (warp & 1) * 32 + i * 16 + (lane & 15), ca = k * 2 + (lane >> 4);
          tc_ldmatrix_x4(a + i * 4, sa + (tc_u32)ra * 64u
                                        + (tc_u32)((ca ^ (ra >> 1)) & 3) * 16u); /* k.py:13 */
          const tc_i32 rb = (warp >> 1) * 32 + i * 16 + (lane & 7) + ((lane >> 4) << 3),
                       cb = k * 2 + ((lane >> 3) & 1);
          tc_ldmatrix_x4(b + i * 4, sb + (tc_u32)rb * 64u + (tc_u32)((cb ^ (rb >> 1)) & 3) * 16u);
        }
        for (tc_i32 i = 0; i < 2; i++)
          for (tc_i32 j = 0; j < 4; j++)
            tc_mma_bf16(c + (i * 4 + j) * 4, a + i * 4, b + j * 2); /* k.py:14 */
      }
    }
  }
  for (tc_i32 i = 0; i < 2; i++)
    for (tc_i32 j = 0; j < 4; j++)
      for (tc_i32 h = 0; h < 2; h++) {
        const tc_i32 row = m0 + (warp & 1) * 32 + i * 16 + h * 8 + (lane >> 2);
        const tc_i32 col = n0 + (warp >> 1) * 32 + j * 8 + (lane & 3) * 2;
        if (row < M && col < N)
          TC_STG(tc_u32, C + (tc_i64)row * N + col,
                 tc_pack_bf16(c[(i * 4 + j) * 4 + h * 2],
                              c[(i * 4 + j) * 4 + h * 2 + 1])); /* k.py:16 */
      }
}
