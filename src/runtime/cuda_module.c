/* What is made once: modules in contexts. */
#include "runtime/cuda_private.h"

#include "rt/os.h"

#include <string.h>

/* States beyond this are got when they are needed. */
enum { MOST_STATE_B = 1 << 16 };

/* ---- life ---- */

static void count_parts(tc_cuda_module *m) {
  for (uint32_t k = 0; k < m->table->n_kernels; k++) {
    const tc_rt_gpu *g = m->table->kernels[k].gpu;
    m->n_maps += g->n_maps;
    m->n_states += g->n_states;
    for (uint32_t i = 0; i < g->n_states; i++) {
      const tc_rt_number *size_b = &g->states[i].size_b;
      bool fits = size_b->is_constant && size_b->constant > 0 && size_b->constant <= MOST_STATE_B;
      if (fits) m->usual_zeroed_b += tc_cuda_padded((uint64_t)size_b->constant);
    }
    if (g->n_args > m->most_args) m->most_args = g->n_args;
  }
}

tc_cuda_module *tc_cuda_load(tc_cuda *cuda, const tc_cuda_code *code, const tc_rt_table *table,
                             const tilec_allocator *allocator, tc_rt_error *error) {
  tc_cuda_module *m = tc_rt_alloc(allocator, sizeof *m, _Alignof(max_align_t));
  if (!m) {
    tc_rt_fail(error, TC_RT_E_WORKSPACE, "out of memory for a CUDA module");
    return NULL;
  }
  memset(m, 0, sizeof *m);
  m->cuda = cuda;
  m->calls = tc_cuda_table(cuda);
  m->code = *code;
  m->table = table;
  m->allocator = allocator;
  atomic_init(&m->instances, NULL);
  count_parts(m);
  size_t maps_b = m->n_maps * sizeof *m->known;
  if (maps_b) m->known = tc_rt_alloc(allocator, maps_b, _Alignof(max_align_t));
  if (maps_b && !m->known) {
    tc_rt_fail(error, TC_RT_E_WORKSPACE, "out of memory for a CUDA module");
  } else {
    if (maps_b) memset(m->known, 0, maps_b);
    if (pthread_mutex_init(&m->lock, NULL) == 0) return m;
    tc_rt_fail(error, TC_RT_E_THREAD, "no lock for a CUDA module");
  }
  if (m->known) tc_rt_free(allocator, m->known, maps_b);
  tc_rt_free(allocator, m, sizeof *m);
  return NULL;
}

/* With the instance's context current, if it still exists. */
static void free_instance(const tc_cuda_module *m, tc_cuda_instance *instance) {
  tc_cuda_scope scope;
  tc_rt_error ignored;
  ignored.code = 0;
  bool alive = !tc_cuda_enter_context(m->cuda, instance->context, &scope, &ignored);
  tc_cuda_free_spaces(m, instance, alive);
  if (alive && instance->module) m->calls->module_unload(instance->module);
  tc_cuda_leave(m->cuda, &scope);
  tc_rt_free(m->allocator, instance, instance->size_b);
}

void tc_cuda_unload(tc_cuda_module *m) {
  if (!m) return;
  for (tc_cuda_instance *i = atomic_load(&m->instances), *next; i; i = next) {
    next = i->next;
    free_instance(m, i);
  }
  pthread_mutex_destroy(&m->lock);
  if (m->known) tc_rt_free(m->allocator, m->known, m->n_maps * sizeof *m->known);
  tc_rt_free(m->allocator, m, sizeof *m);
}

/* ---- one context ---- */

static uint32_t fits_device(const tc_cuda_module *m, int32_t id, tc_rt_error *error) {
  const tc_cuda_device *d = tc_cuda_device_at(m->cuda, id);
  if (tc_rt_gpu_runs(m->code.cc, m->code.exact, d->cc)) return TC_RT_OK;
  return tc_rt_fail(error, TC_RT_E_GPU,
                    "%s was compiled for %s, and CUDA device %d (%s) has compute capability %u.%u",
                    m->table->name, m->code.arch, (int)id, d->name, d->cc / 10, d->cc % 10);
}

/* What one function of the binary may ask for on the device. */
static uint32_t check_limits(const tc_cuda_module *m, const tc_rt_kernel *kernel, void *function,
                             int32_t id, tc_rt_error *error) {
  const tc_cuda_device *d = tc_cuda_device_at(m->cuda, id);
  const tc_rt_gpu *g = kernel->gpu;
  int fixed_b = 0, threads = 0;
  int result = m->calls->function_get(&fixed_b, TC_CUDA_FUNCTION_SHARED, function);
  if (!result) result = m->calls->function_get(&threads, TC_CUDA_FUNCTION_THREADS, function);
  if (result) return tc_cuda_fail(m->cuda, error, result, "cuFuncGetAttribute", kernel->name);
  uint64_t shared_b = (uint64_t)fixed_b + g->shared_b;
  uint64_t wanted = (uint64_t)g->block[0] * g->block[1] * g->block[2];
  if (d->block_shared_b && shared_b > d->block_shared_b)
    return tc_rt_fail(error, TC_RT_E_LIMIT,
                      "kernel '%s' needs %llu bytes of shared memory, and a block has %u on CUDA "
                      "device %d (%s)",
                      kernel->name, (unsigned long long)shared_b, d->block_shared_b, (int)id,
                      d->name);
  if (wanted > (uint64_t)threads)
    return tc_rt_fail(error, TC_RT_E_LIMIT,
                      "kernel '%s' has %llu threads in a block, and with its registers at most %d "
                      "fit on CUDA device %d (%s)",
                      kernel->name, (unsigned long long)wanted, threads, (int)id, d->name);
  if (g->cluster[0] && d->cc < 90)
    return tc_rt_fail(error, TC_RT_E_LIMIT,
                      "kernel '%s' uses clusters of blocks, which CUDA device %d (%s) has not",
                      kernel->name, (int)id, d->name);
  return TC_RT_OK;
}

static uint32_t set_limits(const tc_cuda_module *m, const tc_rt_kernel *kernel, void *function,
                           tc_rt_error *error) {
  enum { PORTABLE_CLUSTER = 8 };
  const tc_rt_gpu *g = kernel->gpu;
  int result = 0;
  if (g->shared_b)
    result = m->calls->function_set(function, TC_CUDA_FUNCTION_DYNAMIC, (int)g->shared_b);
  if (!result && g->cluster[0] * g->cluster[1] * g->cluster[2] > PORTABLE_CLUSTER)
    result = m->calls->function_set(function, TC_CUDA_FUNCTION_ANY_CLUSTER, 1);
  if (result) return tc_cuda_fail(m->cuda, error, result, "cuFuncSetAttribute", kernel->name);
  /* Code that is loaded at its first launch could not be launched while a graph is recorded. */
  if (m->calls->function_load) result = m->calls->function_load(function);
  return result ? tc_cuda_fail(m->cuda, error, result, "cuFuncLoad", kernel->name) : TC_RT_OK;
}

static uint32_t load_module(const tc_cuda_module *m, tc_cuda_instance *instance,
                            tc_rt_error *error) {
  int result = m->calls->module_load(&instance->module, m->code.bytes);
  if (result) return tc_cuda_fail(m->cuda, error, result, "cuModuleLoadData", m->table->name);
  for (uint32_t k = 0; k < m->table->n_kernels; k++) {
    const tc_rt_kernel *kernel = &m->table->kernels[k];
    result = m->calls->module_function(&instance->functions[k], instance->module, kernel->name);
    if (result) return tc_cuda_fail(m->cuda, error, result, "cuModuleGetFunction", kernel->name);
    if (check_limits(m, kernel, instance->functions[k], instance->device, error)
        || set_limits(m, kernel, instance->functions[k], error))
      return error->code;
  }
  return TC_RT_OK;
}

static unsigned long long id_of(const tc_cuda_module *m, void *context) {
  unsigned long long id = 0;
  return m->calls->ctx_id && m->calls->ctx_id(context, &id) == 0 ? id : 0;
}

static tc_cuda_instance *find_instance(tc_cuda_module *m, void *context, unsigned long long id) {
  tc_cuda_instance *i = atomic_load_explicit(&m->instances, memory_order_acquire);
  while (i && (i->context != context || i->context_id != id))
    i = i->next;
  return i;
}

static tc_cuda_instance *new_instance(tc_cuda_module *m, void *context, unsigned long long id,
                                      int32_t device, tc_rt_error *error) {
  size_t size_b = sizeof(tc_cuda_instance) + m->table->n_kernels * sizeof(void *);
  if (fits_device(m, device, error)) return NULL;
  tc_cuda_instance *i = tc_rt_alloc(m->allocator, size_b, _Alignof(max_align_t));
  if (!i) {
    tc_rt_fail(error, TC_RT_E_WORKSPACE, "out of memory for a CUDA module");
    return NULL;
  }
  memset(i, 0, size_b);
  i->context = context;
  i->context_id = id;
  i->device = device;
  i->size_b = size_b;
  atomic_init(&i->spaces[0], NULL);
  atomic_init(&i->spaces[1], NULL);
  /* Another stream of this thread may be recording a graph. */
  int mode = TC_CUDA_CAPTURE_RELAXED;
  m->calls->capture_mode(&mode);
  if (!load_module(m, i, error)) tc_cuda_stock(m, i, error);
  m->calls->capture_mode(&mode);
  if (!error->code) return i;
  free_instance(m, i);
  return NULL;
}

tc_cuda_instance *tc_cuda_instance_in(tc_cuda_module *m, void *context, int32_t device,
                                      tc_rt_error *error) {
  unsigned long long id = id_of(m, context);
  tc_cuda_instance *i = find_instance(m, context, id);
  if (i) return i;
  pthread_mutex_lock(&m->lock);
  i = find_instance(m, context, id);
  if (!i) i = new_instance(m, context, id, device, error);
  if (i && !find_instance(m, context, id)) {
    i->next = atomic_load(&m->instances);
    atomic_store_explicit(&m->instances, i, memory_order_release);
  }
  pthread_mutex_unlock(&m->lock);
  return i;
}

uint32_t tc_cuda_prepare(tc_cuda_module *m, int32_t device, tc_rt_error *error) {
  tc_cuda_scope scope;
  if (tc_cuda_enter(m->cuda, device, &scope, error)) return error->code;
  tc_cuda_instance_in(m, scope.context, device, error);
  tc_cuda_leave(m->cuda, &scope);
  return error->code;
}
