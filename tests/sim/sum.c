/* k.py:1  per block: the sum of 128 ints, and a histogram of their low bit */
TC_KERNEL(sum, 128, 1)(TC_KERNEL_SELF const tc_i32 *A, tc_i32 *S, tc_i32 *H) {
  const tc_i32 tid = TC_TID;
  const tc_u32 at = TC_SMEM + (tc_u32)tid * 4u;
  const tc_i32 x = TC_LDG(tc_i32, A + TC_BID_X * 128 + tid);
  TC_STS(tc_i32, at, x); /* k.py:3 */
  if (tid < 2) TC_STS(tc_i32, TC_SMEM + 512u + (tc_u32)tid * 4u, 0);
  tc_sync_block(); /* barrier one */
  TC_ATOMIC_S(add, i32, TC_SMEM + 512u + (tc_u32)(x & 1) * 4u, 1);
  for (tc_i32 step = 64; step > 0; step >>= 1) {
    if (tid < step) {
      const tc_i32 a = TC_LDS(tc_i32, at);
      const tc_i32 b = TC_LDS(tc_i32, at + (tc_u32)step * 4u); /* k.py:5 */
      TC_STS(tc_i32, at, a + b);                               /* k.py:6 */
    }
    tc_sync_block(); /* barrier two */
  }
  TC_STG(tc_i32, S + TC_BID_X, TC_LDS(tc_i32, TC_SMEM)); /* by all threads, which is no race */
  if (tid < 2) TC_ATOMIC_G(add, i32, H + tid, TC_LDS(tc_i32, TC_SMEM + 512u + (tc_u32)tid * 4u));
}
