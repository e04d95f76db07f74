/* CUDA text: how each primitive, access and parameter is written; and that the assembler takes all
 * of it, where there is one. */
#include "target/cuda/cuda.h"

#include "toolchain/nvrtc.h"

#include "text_kit.h"

#define HEAD                                                                                       \
  "tir 1 lane\n"                                                                                   \
  "func @f {\n"                                                                                    \
  "  dim %m: int32\n"                                                                              \
  "  scalar %alpha: float32\n"                                                                     \
  "  param A: global bfloat16[%m, 64]\n"                                                           \
  "  param F: global float32[64, 64]\n"                                                            \
  "  buffer mA: tensor_map bfloat16[128, 64] of A layout \"swizzle128\"\n"                         \
  "  alloc count: global uint32[2]\n"                                                              \
  "  kernel @k (%bx < 4) threads(%tx < 128) shared 4096 {\n"                                       \
  "    alloc S: shared bfloat16[1024] at 0\n"                                                      \
  "    alloc B: barrier uint64[4] at 2048\n"                                                       \
  "    alloc d: local float32[128]\n"                                                              \
  "    alloc i: local int32[16]\n"                                                                 \
  "    alloc w: local uint32[4]\n"

/* One line in the kernel above, and what must be in the text for it. */
static const struct {
  const char *line, *text;
} LINES[] = {
    {"%0 = prim elect()\n    if %0 {\n      prim trap()\n    }", "tc_elect()"},
    {"%0 = prim uniform(%tx)\n    store i[0] = %0", "tc_uniform("},
    {"%0 = prim shuffle_idx(3:uint32, %tx, 8)\n    store w[0] = %0", "tc_shuffle_idx(3u, "},
    {"%0 = prim shuffle_up(3:uint32, 1, 32)\n    store w[0] = %0", "tc_shuffle_up(3u, 1, 32)"},
    {"%0 = prim shuffle_down(3:uint32, 1, 32)\n    store w[0] = %0", "tc_shuffle_down("},
    {"%0 = prim shuffle_xor(3:uint32, 1, 32)\n    store w[0] = %0", "tc_shuffle_xor("},
    {"%0 = prim ballot(%tx < 7)\n    store w[0] = %0", "tc_ballot("},
    {"%0 = prim match_any(3:uint32)\n    store w[0] = %0", "tc_match_any(3u)"},
    {"prim sync_block()", "tc_sync_block();"},
    {"prim sync_named(1, 128)", "tc_sync_named(1, 128);"},
    {"prim arrive_named(1, 256)", "tc_arrive_named(1, 256);"},
    {"prim sync_warp()", "tc_sync_warp();"},
    {"prim registers_less() n 40", "tc_registers_less_40();"},
    {"prim registers_more() n 232", "tc_registers_more_232();"},
    {"prim trap()", "tc_trap();"},
    {"prim mbarrier_init(B[1 :+ 1], 8:uint32)", "tc_mbarrier_init(smem + 2056u, 8u);"},
    {"prim mbarrier_fence()", "tc_mbarrier_fence();"},
    {"prim mbarrier_arrive(B[%bx :+ 1])", "tc_mbarrier_arrive(smem + 2048u + (tc_u32)bx_"},
    {"prim mbarrier_expect(B[0 :+ 1], 4096:uint32)", "tc_mbarrier_expect(smem + 2048u, 4096u);"},
    {"prim mbarrier_wait(B[0 :+ 1], 1:uint32)", "tc_mbarrier_wait(smem + 2048u, 1u);"},
    {"prim fence_async()", "tc_fence_async();"},
    {"prim cp_async(S[0 :+ 8], A[1 :+ 1, 8 :+ 8], 16:uint32) n 16", "tc_cp_async_16(smem + 0u, A_"},
    {"prim cp_async(S[0 :+ 2], A[1 :+ 1, 8 :+ 2], 0:uint32) n 4", "tc_cp_async_4("},
    {"prim cp_async_commit()", "tc_cp_async_commit();"},
    {"prim cp_async_wait() n 2", "tc_cp_async_wait_2();"},
    {"prim tma_load(S[0 :+ 64], mA[%bx :+ 128, 8 :+ 64], B[0 :+ 1])",
     ", smem + 2048u, (tc_i32)8, (tc_i32)bx_"},
    {"prim tma_load_hint(S[0 :+ 64], mA[%bx :+ 128, 8 :+ 64], B[0 :+ 1], 7:uint64)",
     "tc_tma_load_hint_2d(smem + 0u, &mA_"},
    {"prim tma_store(mA[0 :+ 128, 0 :+ 64], S[0 :+ 64])", "tc_tma_store_2d(&mA_"},
    {"prim tma_store_hint(mA[0 :+ 128, 0 :+ 64], S[0 :+ 64], 7:uint64)",
     ", smem + 0u, 7ull, (tc_i32)0, (tc_i32)0);"},
    {"prim bulk_commit()", "tc_bulk_commit();"},
    {"prim bulk_wait() n 0", "tc_bulk_wait_0();"},
    {"prim bulk_wait_read() n 1", "tc_bulk_wait_read_1();"},
    {"prim tensor_map_fetch(mA[0 :+ 128, 0 :+ 64])", "tc_tensor_map_fetch(&mA_"},
    {"prim ldmatrix(w[0 :+ 4], S[8 :+ 8]) n 4", "tc_ldmatrix_x4(w_"},
    {"prim ldmatrix(w[0 :+ 2], S[8 :+ 8]) n 2 trans_a", "tc_ldmatrix_x2_trans(w_"},
    {"prim stmatrix(S[8 :+ 8], w[0 :+ 4]) n 4", "tc_stmatrix_x4(smem + 16u, w_"},
    {"prim stmatrix(S[8 :+ 8], w[0 :+ 1]) n 1 trans_a", "tc_stmatrix_x1_trans("},
    {"prim mma_f16(d[0 :+ 4], w[0 :+ 4], w[0 :+ 2])", "tc_mma_f16(d_"},
    {"prim mma_bf16(d[4 :+ 4], w[0 :+ 4], w[0 :+ 2])", " + 4, w_"},
    {"prim mma_tf32(d[0 :+ 4], w[0 :+ 4], w[0 :+ 2])", "tc_mma_tf32("},
    {"prim mma_s8(i[0 :+ 4], w[0 :+ 4], w[0 :+ 2])", "tc_mma_s8(i_"},
    {"prim mma_u8(i[0 :+ 4], w[0 :+ 4], w[0 :+ 2])", "tc_mma_u8(i_"},
    {"prim mma_e4m3(d[0 :+ 4], w[0 :+ 4], w[0 :+ 2])", "tc_mma_e4m3("},
    {"prim mma_e5m2(d[0 :+ 4], w[0 :+ 4], w[0 :+ 2])", "tc_mma_e5m2("},
    {"%0 = prim matrix_descriptor(S[0 :+ 64], 16, 1024, 1)\n"
     "    prim wgmma_bf16(d[0 :+ 128], %0, %0, true) n 256",
     "tc_wgmma_bf16_n256(d_"},
    {"prim wgmma_f16(d[0 :+ 96], 1:uint64, 2:uint64, false) n 192 trans_a", "_n192_tn(d_"},
    {"prim wgmma_bf16(d[0 :+ 100], 1:uint64, 2:uint64, %bx != 0) n 200 trans_b", "_n200_nt(d_"},
    {"prim wgmma_bf16(d[0 :+ 4], 1:uint64, 2:uint64, %bx != 0) n 8 trans_a trans_b", "_n8_tt(d_"},
    {"prim wgmma_tf32(d[0 :+ 4], 1:uint64, 2:uint64, true) n 8", "tc_wgmma_tf32_n8(d_"},
    {"prim wgmma_e4m3(d[0 :+ 4], 1:uint64, 2:uint64, true) n 8", "tc_wgmma_e4m3_n8(d_"},
    {"prim wgmma_e5m2(d[0 :+ 4], 1:uint64, 2:uint64, true) n 8", "tc_wgmma_e5m2_n8(d_"},
    {"prim wgmma_s8(i[0 :+ 4], 1:uint64, 2:uint64, true) n 8", "tc_wgmma_s8_n8(i_"},
    {"prim wgmma_rs_f16(d[0 :+ 4], w[0 :+ 4], 2:uint64, true) n 8", "tc_wgmma_rs_f16_n8(d_"},
    {"prim wgmma_rs_bf16(d[0 :+ 8], w[0 :+ 4], 2:uint64, false) n 16 trans_b", "_n16_nt(d_"},
    {"prim wgmma_fence()", "tc_wgmma_fence();"},
    {"prim wgmma_commit()", "tc_wgmma_commit();"},
    {"prim wgmma_wait() n 1", "tc_wgmma_wait_1();"},
    {"prim pin(d[0 :+ 128]) n 128", "tc_pin_f32_128(d_"},
    {"prim pin(i[0 :+ 16]) n 16", "tc_pin_i32_16(i_"},
    {"prim pin(w[0 :+ 4]) n 4", "tc_pin_u32_4(w_"},
    {"%0 = prim pack_f16(1.0, 2.0)\n    store w[0] = %0", "tc_pack_f16(1.0f, 2.0f)"},
    {"%0 = prim pack_bf16(1.0, 2.0)\n    store w[0] = %0", "tc_pack_bf16("},
    {"%0 = prim pack_e4m3(1.0, 2.0)\n    store w[0] = %0", "tc_pack_e4m3("},
    {"%0 = prim pack_e5m2(1.0, 2.0)\n    store w[0] = %0", "tc_pack_e5m2("},
    {"prim counter_add(count[0 :+ 1], 1:uint32)", "tc_counter_add(count_"},
    {"%0 = prim counter_read(count[1 :+ 1])\n    store w[0] = %0", "tc_counter_read(count_"},
    {"%0 = prim counter_take(count[0 :+ 1], 1:uint32)\n    store w[0] = %0", "tc_counter_take("},
    {"prim sleep() n 100", "tc_sleep_100();"},
    /* accesses */
    {"%0 = load S[%tx]\n    store S[%tx + 1] = %0", "TC_LDS(tc_bf16, smem + 0u + (tc_u32)"},
    {"%0: bfloat16x8 = load S[ramp(%tx * 8, 1, 8)]\n    store S[ramp(512, 1, 8)] = %0",
     "TC_STS(tc_v4_u32, smem + 1024u, tc_make_v4_u32("},
    {"%0: bfloat16x2 = load A[%bx, ramp(%tx * 2, 1, 2)] if %bx < %m in_bounds\n"
     "    store A[0, ramp(0, 1, 2)] = %0 in_bounds",
     "TC_LDG(tc_u32, A_"},
    {"%0: float32x4 = load F[%bx, ramp(%tx % 16 * 4, 1, 4)] in_bounds\n"
     "    store F[%bx, ramp(0, 1, 4)] = %0 if %tx < 16 in_bounds",
     "TC_STG(tc_v4_u32, F_"},
    {"store F[0, %tx % 64] = %alpha if %bx < %m in_bounds", "TC_STG(float, F_"},
    {"store d[3] = %alpha\n    %0 = load d[3]\n    store F[0, 0] = %0 in_bounds", "[3] = alpha_"},
    {"for %n = 0 to 64 unroll {\n      store F[0, %n] = 0.0 in_bounds\n    }", "for (tc_i32 n_"},
};

static const char *emit_line(struct text_kit *k, const char *line, bool simulated,
                             tc_emitted *emitted) {
  const char *text = tc_format(&k->arena, "%s    %s\n  }\n}\n", HEAD, line);
  tc_ir *ir = text_parse(k, text);
  if (!ir) {
    printf("%s", text_diags(k));
    return NULL;
  }
  const char *problem = tc_verify(ir, TC_STATE_lane);
  if (problem) {
    printf("%s: %s\n", line, problem);
    return NULL;
  }
  const tc_cuda_options options = {tc_target_at(TC_GPU_sm_90a), simulated};
  *emitted = tc_cuda_emit(ir, &options, &k->arena);
  return tc_str_dup(&k->arena, emitted->text);
}

/* Compiled for the device, all lines' texts one by one take minutes: their kernels are put into one
 * program instead. What asks for operands that do not exist (registers that nobody has) only has to
 * be assembled, not to make sense. */
static void every_line(struct text_kit *k) {
  bool seen[TC_PRIM_COUNT] = {0};
  for (size_t i = 0; i < TC_COUNT(LINES); i++) {
    tc_emitted emitted;
    const char *text = emit_line(k, LINES[i].line, true, &emitted);
    bool there = text && strstr(text, LINES[i].text);
    if (!text_check(k, there, LINES[i].line) && text) printf("%s\n", text);
    for (int p = 0; p < TC_PRIM_COUNT; p++) {
      const char *name = tc_prim_info_of((enum tc_prim_row)p)->name;
      const char *at = strstr(LINES[i].line, tc_format(&k->arena, "prim %s(", name));
      if (at) seen[p] = true;
    }
  }
  for (int p = 0; p < TC_PRIM_COUNT; p++)
    text_check(k, seen[p], tc_prim_info_of((enum tc_prim_row)p)->name);
}

static void all_assemble(struct text_kit *k) {
  tc_nvrtc nvrtc;
  tc_diags *diags = tc_diags_new(&k->arena, tc_source_new(&k->arena));
  if (!tc_nvrtc_find(&nvrtc, "", "", diags, &k->arena)) {
    printf("toolchain_cuda_text: neither NVRTC nor nvcc is there, nothing was assembled\n");
    return;
  }
  tc_sb lines = tc_sb_in(&k->arena);
  for (size_t i = 0; i < TC_COUNT(LINES); i++) {
    const char *line = LINES[i].line;
    bool gone = strstr(line, "trap") || strstr(line, "registers"), adds = strstr(line, "wgmma_");
    /* the next line may use what this one adds to */
    const char *land = adds ? "prim wgmma_commit()\n    prim wgmma_wait() n 0\n    " : "";
    if (!gone) tc_sb_printf(&lines, "if %%m == %zu {\n    %s\n    %s}\n    ", i, line, land);
  }
  /* values of two branches may have one number: they are other values */
  tc_emitted emitted;
  tc_sb numbered = tc_sb_in(&k->arena);
  uint32_t branch = 0;
  for (const char *c = lines.at; *c; c++) {
    if (strncmp(c, "if %m ==", 8) == 0) branch++;
    if (c[0] == '%' && c[1] == '0')
      tc_sb_printf(&numbered, "%%%u", branch), c++;
    else
      tc_sb_char(&numbered, *c);
  }
  if (!text_check(k, emit_line(k, numbered.at, false, &emitted) != NULL, "all lines")) return;
  tc_nvrtc_job job = {.text = emitted.text, .arch = "sm_90a", .flags = "-std=c++17"};
  tc_cubin cubin = {0};
  bool ok = tc_nvrtc_compile(&nvrtc, &job, &cubin, diags, &k->arena);
  /* Products in branches are serialised by the assembler, which is an error elsewhere. */
  tc_sb said = tc_sb_in(&k->arena);
  tc_diags_render(diags, TC_DIAG_TEXT, &said);
  ok = ok || (said.n && strstr(said.at, "E0708"));
  if (!text_check(k, ok, "the assembler refused the text")) printf("%s\n", said.n ? said.at : "");
}

static void parameters(struct text_kit *k) {
  tc_emitted emitted;
  const char *text = emit_line(k,
                               "prim tma_load(S[0 :+ 64], mA[%bx :+ 128, 8 :+ 64], B[0 :+ 1])\n"
                               "    prim counter_add(count[0 :+ 1], 1:uint32)\n"
                               "    store F[0, 0] = %alpha if %bx < %m in_bounds",
                               true, &emitted);
  if (!text_check(k, text != NULL, "parameters")) return;
  const tc_emitted_gpu *gpu = emitted.kernels[0].gpu;
  text_check(k, gpu->n_args == 5, "F, count, mA, m, alpha");
  text_check(k, gpu->args[0].kind == TC_RT_GPU_POINTER, "F is a pointer");
  text_check(k, gpu->args[1].kind == TC_RT_GPU_STATE && gpu->n_states == 1, "count is a state");
  text_check(k, gpu->args[2].kind == TC_RT_GPU_MAP && gpu->n_maps == 1, "mA is a map");
  text_check(k, gpu->args[3].kind == TC_RT_GPU_I32, "m is a number");
  text_check(k, gpu->args[4].kind == TC_RT_GPU_F32, "alpha is a float");
  text_check(k, gpu->shared_b == 4096 && gpu->block[0] == 128, "the launch");
  const tc_emitted_map *map = &gpu->maps[0];
  text_check(k, map->rank == 2 && map->type == 9 && map->swizzle == 3, "bfloat16, 128 bytes");
  text_check(k, map->box[0] == 64 && map->box[1] == 128, "the box, innermost first");
}

int main(void) {
  struct text_kit totals = {0};
  TEXT_CASE(&totals, every_line);
  TEXT_CASE(&totals, parameters);
  TEXT_CASE(&totals, all_assemble);
  return text_report(&totals, "toolchain_cuda_text");
}
