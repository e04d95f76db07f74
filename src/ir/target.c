#include "ir/target.h"

#include "rt/table.h"

static const tc_target_row ROWS[TC_GPU_COUNT] = {
#define TARGET(name, api, cc, exact, sms, block_kb, sm_kb, sm_regs, sm_threads, l2_mb, mma, doc)   \
  [TC_GPU_##                                                                                       \
      name] = {#name,           api,          doc,     cc,         exact, sms,                     \
               block_kb * 1024, sm_kb * 1024, sm_regs, sm_threads, mma,   (uint64_t)l2_mb << 20},
#include "ir/targets.def"
#undef TARGET
};

const tc_target_row *tc_target_at(enum tc_gpu gpu) {
  return &ROWS[gpu];
}

const tc_target_row *tc_target_find(tc_str name) {
  for (int i = 0; i < TC_GPU_COUNT; i++)
    if (tc_str_is(name, ROWS[i].name)) return &ROWS[i];
  return NULL;
}

bool tc_target_runs_on(const tc_target_row *row, uint32_t cc) {
  return tc_rt_gpu_runs(row->cc, row->exact, cc);
}

const tc_target_row *tc_target_for(uint32_t cc) {
  const tc_target_row *best = NULL; /* rows stand in order: the last that runs has the most */
  for (int i = 0; i < TC_GPU_COUNT; i++)
    if (tc_target_runs_on(&ROWS[i], cc)) best = &ROWS[i];
  return best;
}

const tc_target_row *tc_target_assembled(const tc_target_row *row, uint32_t cc) {
  const tc_target_row *best = NULL;
  if (tc_target_runs_on(row, cc)) return row;
  if (row->exact || cc < row->cc) return NULL;
  for (int i = 0; i < TC_GPU_COUNT; i++)
    if (!ROWS[i].exact && tc_target_runs_on(&ROWS[i], cc)) best = &ROWS[i];
  return best;
}
