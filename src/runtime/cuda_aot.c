#include "runtime/cuda_aot.h"

#include <stdlib.h>

/* Under the lock. What fails is tried again by the next call. */
static tc_cuda_module *open_module(tc_cuda_aot *aot, tc_rt_error *error) {
  tc_cuda_module *module = atomic_load(&aot->module);
  tc_cuda *driver = atomic_load(&aot->driver);
  if (module) return module;
  if (!driver) driver = tc_cuda_open(getenv("TILEC_LIBCUDA"), NULL, error);
  if (!driver) return NULL;
  atomic_store_explicit(&aot->driver, driver, memory_order_release);
  module = tc_cuda_load(driver, &aot->code, aot->table, NULL, error);
  if (module) atomic_store_explicit(&aot->module, module, memory_order_release);
  return module;
}

static tc_cuda_module *module_of(tc_cuda_aot *aot, tc_rt_error *error) {
  tc_cuda_module *module = atomic_load_explicit(&aot->module, memory_order_acquire);
  if (module) return module;
  pthread_mutex_lock(&aot->lock);
  module = open_module(aot, error);
  pthread_mutex_unlock(&aot->lock);
  return module;
}

uint32_t tc_cuda_aot_launch(tc_cuda_aot *aot, void *stream, const tilec_arg *args,
                            tc_rt_error *error) {
  tc_cuda_module *module = module_of(aot, error);
  return module ? tc_cuda_launch(module, stream, args, aot->table->n_params, error) : error->code;
}

int32_t tc_cuda_aot_current(tc_cuda_aot *aot) {
  tc_rt_error ignored;
  ignored.code = 0;
  return module_of(aot, &ignored) ? tc_cuda_current(atomic_load(&aot->driver)) : 0;
}
