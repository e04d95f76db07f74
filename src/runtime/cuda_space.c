/* Memory that a launch needs besides its tensors: workspaces, and counters that are 0 between
 * launches.
 *
 * Launches that may run at the same time must not share either, so each stream has its own, and so
 * has each recording of a graph (tc_cuda_queue). What a recorded launch was given stays its
 * graph's: all replays use it, so one graph, as with its tensors, must not run beside itself.
 *
 * The driver is asked in relaxed mode, which allows that while a stream records, and zeros are
 * written on a stream of our own: nothing of it becomes a part of the graph. Counters come from a
 * stock that is made with the module, so a usual first launch asks for nothing. */
#include "runtime/cuda_private.h"

#include "rt/os.h"

#include <stdio.h>
#include <string.h>

/* Queues for which a stock has counters. */
enum { STOCK_QUEUES = 32 };

/* ---- asking the driver ---- */

static uint32_t fail_alloc(const tc_cuda_module *m, uint64_t size_b, int result, const char *call,
                           tc_rt_error *error) {
  char about[96];
  snprintf(about, sizeof about, "%llu bytes for the global buffers of a launch",
           (unsigned long long)size_b);
  return tc_cuda_fail(m->cuda, error, result, call, about);
}

/* Returns when they are 0, for all streams. */
static int write_zeros(const tc_cuda_module *m, uint64_t at, uint64_t size_b, const char **call) {
  void *stream = NULL;
  *call = "cuStreamCreate";
  int result = m->calls->stream_new(&stream, TC_CUDA_STREAM_ALONE);
  if (result) return result;
  *call = "cuMemsetD8Async";
  result = m->calls->fill(at, 0, (size_t)size_b, stream);
  if (!result) {
    *call = "cuStreamSynchronize";
    result = m->calls->stream_wait(stream);
  }
  m->calls->stream_free(stream);
  return result;
}

static uint32_t get_memory(const tc_cuda_module *m, uint64_t size_b, bool zeros, uint64_t *at,
                           tc_rt_error *error) {
  int mode = TC_CUDA_CAPTURE_RELAXED;
  const char *call = "cuMemAlloc";
  m->calls->capture_mode(&mode);
  int result = m->calls->mem_alloc(at, (size_t)size_b);
  if (!result && zeros) {
    result = write_zeros(m, *at, size_b, &call);
    if (result) m->calls->mem_free(*at);
  }
  m->calls->capture_mode(&mode);
  return result ? fail_alloc(m, size_b, result, call, error) : TC_RT_OK;
}

/* ---- counters ---- */

static uint32_t grow_stock(tc_cuda_module *m, tc_cuda_instance *instance, uint64_t size_b,
                           tc_rt_error *error) {
  tc_cuda_stock_block *block = tc_rt_alloc(m->allocator, sizeof *block, _Alignof(max_align_t));
  if (!block) return tc_rt_fail(error, TC_RT_E_WORKSPACE, "out of memory for a launch");
  *block = (tc_cuda_stock_block){.next = instance->stock, .size_b = size_b};
  if (get_memory(m, size_b, true, &block->address, error)) {
    tc_rt_free(m->allocator, block, sizeof *block);
    return error->code;
  }
  instance->stock = block;
  return TC_RT_OK;
}

uint32_t tc_cuda_stock(tc_cuda_module *m, tc_cuda_instance *instance, tc_rt_error *error) {
  if (!m->usual_zeroed_b) return TC_RT_OK;
  return grow_stock(m, instance, STOCK_QUEUES * m->usual_zeroed_b, error);
}

static uint32_t take_zeros(tc_cuda_module *m, tc_cuda_instance *instance, uint64_t size_b,
                           uint64_t *at, tc_rt_error *error) {
  const tc_cuda_stock_block *newest = instance->stock;
  uint64_t usual_b = STOCK_QUEUES * m->usual_zeroed_b;
  if (!newest || newest->size_b - newest->used_b < size_b)
    if (grow_stock(m, instance, size_b > usual_b ? size_b : usual_b, error)) return error->code;
  *at = instance->stock->address + instance->stock->used_b;
  instance->stock->used_b += size_b;
  return TC_RT_OK;
}

/* ---- spaces ---- */

static bool is_of(const tc_cuda_space *s, const tc_cuda_queue *q) {
  return s->queue.stream == q->stream && s->queue.capture == q->capture
         && s->queue.thread == q->thread;
}

static tc_cuda_space *find_space(tc_cuda_instance *instance, const tc_cuda_queue *q,
                                 uint64_t zeroed_b, uint64_t rest_b) {
  tc_cuda_space *s = atomic_load_explicit(&instance->spaces[q->capture != 0], memory_order_acquire);
  while (s && (!is_of(s, q) || s->zeroed_b < zeroed_b || s->rest_b < rest_b))
    s = s->next;
  return s;
}

static uint64_t grown(uint64_t wanted_b, uint64_t before_b) {
  uint64_t least_b = before_b + before_b / 2;
  return wanted_b <= before_b ? before_b : wanted_b > least_b ? wanted_b : least_b;
}

/* What grows, grows by half at least: what was there before stays until the module goes. */
static uint32_t fill_space(tc_cuda_module *m, tc_cuda_instance *instance, tc_cuda_space *s,
                           const tc_cuda_space *old, tc_rt_error *error) {
  bool has_zeros = old && old->zeroed_b >= s->zeroed_b, has_rest = old && old->rest_b >= s->rest_b;
  if (has_zeros) s->zeroed = old->zeroed, s->zeroed_b = old->zeroed_b;
  if (has_rest) s->rest = old->rest, s->rest_b = old->rest_b;
  bool wants_zeros = !has_zeros && s->zeroed_b;
  if (wants_zeros && take_zeros(m, instance, s->zeroed_b, &s->zeroed, error)) return error->code;
  if (has_rest || !s->rest_b) return TC_RT_OK;
  s->rest_b = grown(s->rest_b, old ? old->rest_b : 0);
  return get_memory(m, s->rest_b, false, &s->rest, error);
}

static tc_cuda_space *new_space(tc_cuda_module *m, tc_cuda_instance *instance,
                                const tc_cuda_queue *q, uint64_t zeroed_b, uint64_t rest_b,
                                tc_rt_error *error) {
  tc_cuda_space *s = tc_rt_alloc(m->allocator, sizeof *s, _Alignof(max_align_t));
  if (!s) {
    tc_rt_fail(error, TC_RT_E_WORKSPACE, "out of memory for a launch");
    return NULL;
  }
  *s = (tc_cuda_space){.queue = *q, .zeroed_b = zeroed_b, .rest_b = rest_b};
  if (!fill_space(m, instance, s, find_space(instance, q, 0, 0), error)) return s;
  tc_rt_free(m->allocator, s, sizeof *s);
  return NULL;
}

static uint32_t queue_of(const tc_cuda_module *m, void *stream, tc_cuda_queue *q,
                         tc_rt_error *error) {
  int recording = 0;
  uint64_t id = 0;
  int result = m->calls->stream_capture(stream, &recording, &id);
  if (result) return tc_cuda_fail(m->cuda, error, result, "cuStreamGetCaptureInfo", m->table->name);
  *q = (tc_cuda_queue){.stream = stream, .capture = recording ? id : 0};
  if ((uintptr_t)stream == TC_CUDA_STREAM_OF_THREAD) {
    pthread_t self = pthread_self();
    memcpy(&q->thread, &self, sizeof self < sizeof q->thread ? sizeof self : sizeof q->thread);
  }
  return TC_RT_OK;
}

const tc_cuda_space *tc_cuda_space_on(tc_cuda_module *m, tc_cuda_instance *instance, void *stream,
                                      uint64_t zeroed_b, uint64_t rest_b, tc_rt_error *error) {
  tc_cuda_queue q = {0};
  if (queue_of(m, stream, &q, error)) return NULL;
  tc_cuda_space *s = find_space(instance, &q, zeroed_b, rest_b);
  if (s) return s;
  pthread_mutex_lock(&m->lock);
  s = find_space(instance, &q, zeroed_b, rest_b);
  if (!s) {
    s = new_space(m, instance, &q, zeroed_b, rest_b, error);
    if (s) {
      _Atomic(tc_cuda_space *) *list = &instance->spaces[q.capture != 0];
      s->next = atomic_load(list);
      atomic_store_explicit(list, s, memory_order_release);
    }
  }
  pthread_mutex_unlock(&m->lock);
  return s;
}

/* ---- the end ---- */

/* A space that grew shares what did not grow with the one before it. */
static bool is_shared(const tc_cuda_space *s) {
  for (const tc_cuda_space *older = s->next; older; older = older->next)
    if (older->rest == s->rest) return true;
  return false;
}

void tc_cuda_free_spaces(const tc_cuda_module *m, tc_cuda_instance *instance, bool alive) {
  for (int i = 0; i < 2; i++)
    for (tc_cuda_space *s = atomic_load(&instance->spaces[i]), *next; s; s = next) {
      next = s->next;
      if (alive && s->rest && !is_shared(s)) m->calls->mem_free(s->rest);
      tc_rt_free(m->allocator, s, sizeof *s);
    }
  for (tc_cuda_stock_block *b = instance->stock, *next; b; b = next) {
    next = b->next;
    if (alive) m->calls->mem_free(b->address);
    tc_rt_free(m->allocator, b, sizeof *b);
  }
}
