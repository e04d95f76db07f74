/* k.py:1  C = A + B, four elements at a time and a tail */
TC_KERNEL(add, 64, 1)(TC_KERNEL_SELF const float *A, const float *B, float *C, tc_i32 n) {
  const tc_i32 i = (TC_BID_X * 64 + TC_TID) * 4; /* k.py:3 */
  if (i + 4 <= n) {
    const tc_v4_f32 a = TC_LDG(tc_v4_f32, A + i); /* k.py:4 */
    const tc_v4_f32 b = TC_LDG(tc_v4_f32, B + i);
    const tc_v4_f32 c =
        tc_make_v4_f32(a.x[0] + b.x[0], a.x[1] + b.x[1], a.x[2] + b.x[2], a.x[3] + b.x[3]);
    TC_STG(tc_v4_f32, C + i, c); /* k.py:5 */
  } else {
    for (tc_i32 k = i; k < n; k++) {
      const float a = TC_LDG(float, A + k);
      const float b = TC_LDG(float, B + k);
      TC_STG(float, C + k, a + b); /* k.py:6 */
    }
  }
}
