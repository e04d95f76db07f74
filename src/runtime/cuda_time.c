/* Timing by events: they are recorded on the device, so neither the host's work for a launch nor
 * waiting for the device is in the figures. */
#include "runtime/cuda_private.h"

#include "rt/os.h"

#include <string.h>

/* Runs between two waits: the device never runs dry, and few events are alive. */
enum { BATCH = 64 };
/* Where a device does not say how large its cache is. */
static const uint64_t USUAL_L2_B = UINT64_C(64) << 20;

typedef struct timer {
  tc_cuda_module *m;
  const tc_cuda_timing *t;
  void *events[2 * BATCH]; /* before and after each run */
  int32_t device;
  void *flushed; /* memory that is written to empty the cache, or NULL */
  uint64_t flushed_b;
} timer;

static uint32_t fail(const timer *r, tc_rt_error *error, int result, const char *call) {
  return tc_cuda_fail(r->m->cuda, error, result, call, r->m->table->name);
}

static uint32_t launch(const timer *r, size_t i, tc_rt_error *error) {
  const tilec_arg *args = r->t->sets[i % r->t->n_sets];
  if (!r->t->peer) return tc_cuda_launch(r->m, NULL, args, r->t->n_args, error);
  int result = r->t->peer(args, r->t->n_args, NULL);
  return result ? tc_rt_fail(error, TC_RT_E_PEER, "the peer of %s returned %d", r->m->table->name,
                             result)
                : TC_RT_OK;
}

static uint32_t start(timer *r, tc_rt_error *error) {
  size_t n = 2 * (r->t->n_runs < BATCH ? r->t->n_runs : BATCH);
  for (size_t i = 0; i < n; i++) {
    int result = r->m->calls->event_new(&r->events[i], 0);
    if (result) return r->events[i] = NULL, fail(r, error, result, "cuEventCreate");
  }
  if (!r->t->flush) return TC_RT_OK;
  uint64_t l2_b = tc_cuda_device_at(r->m->cuda, r->device)->l2_b;
  r->flushed_b = 2 * (l2_b ? l2_b : USUAL_L2_B);
  return tc_cuda_alloc(r->m->cuda, r->device, r->flushed_b, &r->flushed, error);
}

static void end(const timer *r) {
  for (size_t i = 0; i < 2 * BATCH; i++)
    if (r->events[i]) r->m->calls->event_free(r->events[i]);
  tc_cuda_free(r->m->cuda, r->device, r->flushed);
}

static uint32_t record(const timer *r, size_t event, tc_rt_error *error) {
  int result = r->m->calls->event_record(r->events[event], NULL);
  return result ? fail(r, error, result, "cuEventRecord") : TC_RT_OK;
}

static uint32_t queue(const timer *r, size_t first, size_t n, tc_rt_error *error) {
  for (size_t i = 0; i < n; i++) {
    int result = 0;
    if (r->flushed)
      result = r->m->calls->fill((uint64_t)(uintptr_t)r->flushed, (unsigned char)i,
                                 (size_t)r->flushed_b, NULL);
    if (result) return fail(r, error, result, "cuMemsetD8Async");
    if (record(r, 2 * i, error) || launch(r, first + i, error) || record(r, 2 * i + 1, error))
      return error->code;
  }
  int result = r->m->calls->event_wait(r->events[2 * n - 1]);
  return result ? fail(r, error, result, "cuEventSynchronize") : TC_RT_OK;
}

static uint32_t read_times(const timer *r, size_t n, uint64_t *times_ns, tc_rt_error *error) {
  for (size_t i = 0; i < n; i++) {
    float ms = 0;
    int result = r->m->calls->event_elapsed(&ms, r->events[2 * i], r->events[2 * i + 1]);
    if (result) return fail(r, error, result, "cuEventElapsedTime");
    times_ns[i] = ms > 0 ? (uint64_t)((double)ms * 1e6 + 0.5) : 0;
  }
  return TC_RT_OK;
}

static uint32_t run(timer *r, uint64_t *times_ns, tc_rt_error *error) {
  if (start(r, error)) return error->code;
  for (size_t i = 0; i < r->t->n_warm; i++)
    if (launch(r, i, error)) return error->code;
  for (size_t done = 0; done < r->t->n_runs; done += BATCH) {
    size_t left = r->t->n_runs - done, n = left < BATCH ? left : BATCH;
    if (queue(r, done, n, error) || read_times(r, n, times_ns + done, error)) return error->code;
  }
  return TC_RT_OK;
}

uint32_t tc_cuda_time(tc_cuda_module *module, const tc_cuda_timing *timing, uint64_t *times_ns,
                      tc_rt_error *error) {
  timer r = {.m = module, .t = timing};
  tc_cuda_scope scope;
  if (!timing->n_sets || !timing->n_runs) return TC_RT_OK;
  r.device = tc_cuda_device_of(module->cuda, module->table, timing->sets[0], timing->n_args);
  if (tc_cuda_enter(module->cuda, r.device, &scope, error)) return error->code;
  run(&r, times_ns, error);
  end(&r);
  tc_cuda_leave(module->cuda, &scope);
  return error->code;
}
