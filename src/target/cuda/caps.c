#include "target/cuda/cuda.h"

typedef struct row {
  enum tc_cap cap;
  uint32_t cc;
  bool exact;
} row;

static const row ROWS[] = {
#define CUDA_CAP(cap, cc, exact) {TC_CAP_##cap, cc, exact},
#include "target/cuda/caps.def"
#undef CUDA_CAP
};

uint64_t tc_cuda_caps(const tc_target_row *target) {
  uint64_t caps = 0;
  for (size_t i = 0; i < TC_COUNT(ROWS); i++) {
    const row *r = &ROWS[i];
    bool has = r->exact ? target->exact && target->cc / 10 == r->cc / 10 : target->cc >= r->cc;
    if (has) caps |= UINT64_C(1) << r->cap;
  }
  return caps;
}

tc_target_limits tc_cuda_limits(const tc_target_row *target) {
  return (tc_target_limits){.shared_b = target->block_shared_b,
                            .sms = target->n_sms,
                            .registers_per_sm = target->sm_regs,
                            .max_threads = TC_MAX_THREADS,
                            .mma_per_clock = target->mma_per_clock,
                            .l2_b = target->l2_b};
}
