/* What we emit for GPUs becomes binaries in which every accumulator has its register: nothing is
 * spilled, no product is made to wait for the one before, and a block's threads all fit.
 *
 *   toolchain_cubin [TEXT]   only the files whose names have TEXT
 *
 * Skipped, aloud, where neither NVRTC nor nvcc is there. */
#include "ir/target.h"
#include "pass/pass.h"
#include "target/cuda/cuda.h"
#include "text_kit.h"
#include "toolchain/nvrtc.h"

static const struct row {
  const char *file, *target;
  uint32_t registers; /* of a thread, at most; 0: as many as fit */
} ROWS[] = {
    {"tests/emit/cuda/gemm_sm_80.tir", "sm_80", 64},
    {"tests/emit/cuda/ring_sm_80.tir", "sm_80", 0},
    {"tests/sim/kernels/gemm_nn_s8.tir", "sm_80", 0},
    {"tests/sim/kernels/gemm_bias_dynamic.tir", "sm_80", 0},
    {"tests/emit/cuda/gemm_sm_90a.tir", "sm_90a", 0},
    {"tests/emit/cuda/cooperative_sm_90a.tir", "sm_90a", 0},
    {"tests/emit/cuda/pingpong_sm_90a.tir", "sm_90a", 0},
    {"tests/emit/cuda/odd_sm_90a.tir", "sm_90a", 0},
    {"tests/sim/kernels/gemm_tn.tir", "sm_90a", 0},
    {"tests/sim/kernels/gemm_nt_e4m3.tir", "sm_90a", 0},
    {"tests/sim/kernels/gemm_bias_dynamic.tir", "sm_90a", 0},
};

static const char *only = "";
static bool skipped;

static tc_str file_text(struct text_kit *k, const char *path) {
  FILE *f = fopen(path, "rb");
  tc_sb sb = tc_sb_in(&k->arena);
  for (int c; f && (c = fgetc(f)) != EOF;)
    tc_sb_char(&sb, (char)c);
  if (f) fclose(f);
  return tc_sb_str(&sb);
}

static tc_emitted emit(struct text_kit *k, const struct row *r, const tc_target_row *target,
                       const tc_cuda_options *cuda) {
  tc_ir *ir = tc_ir_parse(&k->arena, k->diags, k->names, r->file, file_text(k, r->file));
  tc_target_limits limits = tc_cuda_limits(target);
  tc_pass_options options = {.caps = tc_cuda_caps(target), .limits = &limits};
  if (!ir) tc_diag_stop(k->diags);
  tc_pipeline_run(ir, &options, TC_STATE_lane, NULL);
  return tc_cuda_emit(ir, cuda, &k->arena);
}

static void look_at(struct text_kit *k, const struct row *r, const tc_target_row *target,
                    const tc_cubin_kernel *c, int64_t threads) {
  bool fits =
      c->registers * threads <= target->sm_regs && (!r->registers || c->registers <= r->registers);
  bool fine = fits && !c->spill_stores_b && !c->spill_loads_b && !c->stack_b;
  if (!text_check(k, fine, r->file))
    printf("%s for %s: %u registers in %d threads, %u and %u bytes spilled, stack of %u\n", r->file,
           r->target, c->registers, (int)threads, c->spill_stores_b, c->spill_loads_b, c->stack_b);
}

static void build(struct text_kit *k, const struct row *r) {
  tc_nvrtc nvrtc;
  tc_diags *missing = tc_diags_new(&k->arena, tc_source_new(&k->arena));
  if (!tc_nvrtc_find(&nvrtc, "", "", missing, &k->arena)) {
    if (!skipped) printf("toolchain_cubin: skipped: neither NVRTC nor nvcc is there\n");
    skipped = true;
    return;
  }
  const tc_target_row *target = tc_target_find(tc_str_of(r->target));
  const tc_cuda_options cuda = {.target = target};
  tc_emitted emitted = emit(k, r, target, &cuda);
  tc_nvrtc_job job = {
      .text = emitted.text, .arch = r->target, .flags = tc_cuda_flags(&cuda, &k->arena)};
  tc_cubin cubin = {0};
  if (!text_check(k, tc_nvrtc_compile(&nvrtc, &job, &cubin, k->diags, &k->arena), r->file))
    tc_diag_stop(k->diags);
  text_check(k, cubin.n_kernels == emitted.n_kernels, "figures of each kernel");
  for (uint32_t i = 0; i < cubin.n_kernels && i < emitted.n_kernels; i++) {
    const uint32_t *block = emitted.kernels[i].gpu->block;
    look_at(k, r, target, &cubin.kernels[i], (int64_t)block[0] * block[1] * block[2]);
  }
}

static const struct row *current;
static void build_current(struct text_kit *k) {
  if (setjmp(k->unwind.at) == 0) {
    build(k, current);
    return;
  }
  text_check(k, false, current->file);
  printf("%s for %s: %s\n", current->file, current->target, text_diags(k));
}

int main(int argc, char **argv) {
  struct text_kit totals = {0};
  if (argc > 1) only = argv[1];
  for (size_t i = 0; i < TC_COUNT(ROWS); i++) {
    current = &ROWS[i];
    if (strstr(current->file, only)) TEXT_CASE(&totals, build_current);
  }
  return text_report(&totals, "toolchain_cubin");
}
