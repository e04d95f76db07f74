/* Names of targets, and what each stands for. */
#include "api/api_impl.h"

#include "target/cuda/cuda.h"

#include <string.h>

#define SIM_CUDA "sim:cuda"

static const struct {
  const char *name, *help;
  uint64_t caps; /* tc_cap bits */
} KINDS[TC_TARGET_KIND_COUNT] = {
    [TC_TARGET_CPU] = {"cpu",
                       "this machine's processors, through its C compiler; cpu:ISA for another "
                       "instruction set",
                       TC_CPU_CAPS},
    [TC_TARGET_INTERP] = {"interp", "the oracle: slow, checks everything, needs nothing", 0},
    [TC_TARGET_CUDA] = {"cuda", "the first NVIDIA GPU of this machine, through its driver", 0},
    [TC_TARGET_SIM] =
        {SIM_CUDA,
         "text for NVIDIA GPUs, simulated on this machine: sim:cuda:ARCH, where no ARCH "
         "is sm_90a",
         0},
};

static const char *const GPU_NAMES[TC_GPU_COUNT] = {
#define TARGET(name, api, cc, exact, sms, block_kb, sm_kb, sm_regs, sm_threads, l2_mb, mma, doc)   \
  [TC_GPU_##name] = api ":" #name,
#include "ir/targets.def"
#undef TARGET
};

/* ---- listing ---- */

size_t tilec_target_count(void) {
  return (size_t)TC_TARGET_KIND_COUNT + TC_GPU_COUNT;
}

/* A driver with a device that runs code for the row; NULL: any device. */
static bool has_device(tilec_context *context, const tc_target_row *row) {
  tc_rt_error error;
  error.code = 0;
  tc_cuda *cuda = tc_context_cuda(context, &error);
  bool found = false;
  for (uint32_t i = 0; cuda && i < tc_cuda_count(cuda); i++) {
    uint32_t cc = tc_cuda_device_at(cuda, (int32_t)i)->cc;
    found = found || (row ? tc_target_assembled(row, cc) : tc_target_for(cc)) != NULL;
  }
  return found;
}

static bool is_available(tilec_context *context, enum tc_target_kind kind) {
  switch (kind) {
  case TC_TARGET_CPU:
    return context && tc_api_has_cc(context);
  case TC_TARGET_SIM:
    return context && tc_api_has_cc(context);
  case TC_TARGET_INTERP:
    return true;
  case TC_TARGET_CUDA:
    return context && has_device(context, NULL);
  case TC_TARGET_KIND_COUNT:
    break;
  }
  return false;
}

tilec_status tilec_target_at(tilec_context *context, size_t i, tilec_target *out) {
  if (i >= tilec_target_count() || !out) return TILEC_USAGE;
  tilec_target ours = {.size = sizeof ours};
  if (i < TC_TARGET_KIND_COUNT) {
    ours.name = KINDS[i].name;
    ours.help = KINDS[i].help;
    ours.available = is_available(context, (enum tc_target_kind)i);
  } else {
    const tc_target_row *row = tc_target_at((enum tc_gpu)(i - TC_TARGET_KIND_COUNT));
    ours.name = GPU_NAMES[i - TC_TARGET_KIND_COUNT];
    ours.help = row->doc;
    ours.available = context && has_device(context, row);
  }
  return tc_api_write_struct(out, &ours, sizeof ours) ? TILEC_OK : TILEC_USAGE;
}

/* ---- finding ---- */

bool tc_api_cpu_target(tc_session *s, const char *target, enum tc_cpu_isa *isa) {
  if (strcmp(target, "cpu") != 0 && strncmp(target, "cpu:", 4) != 0) return false;
  *isa = tc_program_isa(s, target[3] ? target + 4 : NULL);
  return true;
}

static const tc_target_row *named_gpu(tc_session *s, const char *name) {
  const tc_target_row *row = tc_target_find(tc_str_of(name));
  if (row) return row;
  tc_sb known = tc_sb_in(&s->arena);
  for (int i = 0; i < TC_GPU_COUNT; i++)
    tc_sb_printf(&known, "%s%s", i ? ", " : "", tc_target_at((enum tc_gpu)i)->name);
  tc_session_stop(s, TILEC_NO_TARGET, "", "there is no CUDA architecture '%s': expected %s", name,
                  known.at);
}

/* The architecture of the device that launches would use. */
static const tc_target_row *gpu_here(tc_session *s) {
  tc_cuda *cuda = tc_api_cuda(s);
  const tc_cuda_device *d = tc_cuda_device_at(cuda, tc_cuda_current(cuda));
  const tc_target_row *row = tc_target_for(d->cc);
  if (row) return row;
  tc_session_stop(s, TILEC_NO_TARGET, "E0673",
                  "nothing is compiled for %s: its compute capability "
                  "is %u.%u",
                  d->name, d->cc / 10, d->cc % 10);
}

tc_api_target tc_api_find_target(tc_session *s, const char *name) {
  tc_api_target target = {.kind = TC_TARGET_KIND_COUNT};
  if (!name) name = tc_api_option(s->context, TC_OPTION_target, &s->arena);
  for (int i = 0; i < TC_TARGET_KIND_COUNT; i++)
    if (strcmp(name, KINDS[i].name) == 0) target.kind = (enum tc_target_kind)i;
  if (strncmp(name, "cpu:", 4) == 0)
    target = (tc_api_target){.kind = TC_TARGET_CPU, .isa = name + 4};
  if (strncmp(name, "cuda:", 5) == 0) target.kind = TC_TARGET_CUDA;
  if (strncmp(name, SIM_CUDA ":", sizeof SIM_CUDA) == 0) target.kind = TC_TARGET_SIM;
  if (target.kind == TC_TARGET_KIND_COUNT)
    tc_session_stop(
        s, TILEC_NO_TARGET, "",
        "target '%s' is not built in: expected cpu, cpu:ISA, cuda, cuda:ARCH, sim:cuda:ARCH or "
        "interp",
        name);
  if (target.kind == TC_TARGET_CUDA) target.gpu = name[4] ? named_gpu(s, name + 5) : gpu_here(s);
  if (target.kind == TC_TARGET_SIM)
    target.gpu = name[sizeof SIM_CUDA - 1] ? named_gpu(s, name + sizeof SIM_CUDA)
                                           : tc_target_at(TC_GPU_sm_90a);
  target.caps = target.gpu ? tc_cuda_caps(target.gpu) : KINDS[target.kind].caps;
  if (target.gpu) target.limits = tc_cuda_limits(target.gpu);
  return target;
}

const tc_target_row *tc_api_gpu_meant(tc_session *s) {
  const char *name = tc_api_option(s->context, TC_OPTION_target, &s->arena);
  if (strcmp(name, SIM_CUDA) == 0) return tc_target_at(TC_GPU_sm_90a);
  if (strncmp(name, "sim:", 4) == 0) name += 4;
  if (strncmp(name, "cuda:", 5) == 0) return tc_target_find(tc_str_of(name + 5));
  if (strcmp(name, "cuda") != 0) return NULL;
  tc_rt_error error;
  error.code = 0;
  const tc_cuda *cuda = tc_context_cuda(s->context, &error);
  return cuda ? tc_target_for(tc_cuda_device_at(cuda, tc_cuda_current(cuda))->cc) : NULL;
}

const char *tc_api_gpu_name(const tc_target_row *row) {
  for (int i = 0; i < TC_GPU_COUNT; i++)
    if (tc_target_at((enum tc_gpu)i) == row) return GPU_NAMES[i];
  return "cuda";
}
