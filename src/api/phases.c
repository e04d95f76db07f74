/* A session is always in one phase, and the time goes to that: no time is counted twice or lost. */
#include "api/api_impl.h"

#include "rt/os.h"

static const tilec_phase ROWS[TC_PHASE_COUNT] = {
#define PHASE(name, own, help) {sizeof(tilec_phase), #name, help, own, 0},
#include "api/phases.def"
#undef PHASE
};

enum tc_phase tc_phase_enter(tc_session *s, enum tc_phase next) {
  uint64_t now_ns = tc_rt_now_ns();
  enum tc_phase before = s->phase;
  s->phase_ns[before] += now_ns - s->phase_start_ns;
  s->phase_start_ns = now_ns;
  s->phase = next;
  return before;
}

void tc_phase_move(tc_session *s, enum tc_phase from, enum tc_phase to, uint64_t ns) {
  if (ns > s->phase_ns[from]) ns = s->phase_ns[from];
  s->phase_ns[from] -= ns;
  s->phase_ns[to] += ns;
}

uint64_t tc_phase_own_ns(const tc_session *s) {
  uint64_t own_ns = 0;
  for (int i = 0; i < TC_PHASE_COUNT; i++)
    if (ROWS[i].own) own_ns += s->phase_ns[i];
  return own_ns;
}

void tc_phase_report(tc_session *s) {
  if (!tc_api_option_number(s->context, TC_OPTION_time_report)) return;
  tc_phase_enter(s, TC_PHASE_other);
  for (int i = 0; i < TC_PHASE_COUNT; i++)
    if (s->phase_ns[i])
      tc_api_note(s->context, "%-10s %9.3f ms  %s%s", ROWS[i].name, (double)s->phase_ns[i] * 1e-6,
                  ROWS[i].help, ROWS[i].own ? "" : " (not ours)");
  tc_api_note(s->context, "own work   %9.3f ms", (double)tc_phase_own_ns(s) * 1e-6);
}

tilec_status tilec_kernel_phase(const tilec_kernel *kernel, size_t i, tilec_phase *out) {
  if (!kernel || !out || i >= TC_PHASE_COUNT) return TILEC_USAGE;
  tilec_phase ours = ROWS[i];
  ours.ns = kernel->store.phase_ns[i];
  return tc_api_write_struct(out, &ours, sizeof ours) ? TILEC_OK : TILEC_USAGE;
}
