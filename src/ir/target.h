/* What is known of each GPU target (ir/targets.def). */
#ifndef TC_IR_TARGET_H
#define TC_IR_TARGET_H

#include "base/str.h"

enum tc_gpu {
#define TARGET(name, api, cc, exact, sms, block_kb, sm_kb, sm_regs, sm_threads, l2_mb, mma, doc)   \
  TC_GPU_##name,
#include "ir/targets.def"
#undef TARGET
  TC_GPU_COUNT
};

typedef struct tc_target_row {
  const char *name, *api, *doc;
  uint32_t cc; /* 10 * major + minor */
  bool exact;  /* code for it runs on this capability only */
  uint32_t n_sms, block_shared_b, sm_shared_b, sm_regs, sm_threads, mma_per_clock;
  uint64_t l2_b;
} tc_target_row;

const tc_target_row *tc_target_at(enum tc_gpu gpu);
/* By name ("sm_90a"); NULL when there is none. */
const tc_target_row *tc_target_find(tc_str name);
/* The row with the most of what a device of this capability has; NULL when none runs there. */
const tc_target_row *tc_target_for(uint32_t cc);
/* What text for `row` is assembled for, to run on a device of this capability: the row itself where
 * its code runs, else a later row without exact features. NULL: it does not run there. */
const tc_target_row *tc_target_assembled(const tc_target_row *row, uint32_t cc);
/* True when code for the row runs on a device of this capability. */
bool tc_target_runs_on(const tc_target_row *row, uint32_t cc);

#endif
