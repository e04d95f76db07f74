#include "runtime/cpu.h"

#include "rt/os.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

struct tc_cpu_module {
  tc_rt_function function; /* its kernels are fns */
  void *library;
  size_t size_b;
  tc_rt_kernel_fn *fns[];
};

static bool find_kernels(tc_cpu_module *module, char *why, size_t size_b) {
  const tc_rt_table *table = module->function.table;
  for (uint32_t i = 0; i < table->n_kernels; i++) {
    /* ISO C has no conversion from void * to a function pointer; POSIX promises that they share a
     * representation. */
    void *symbol = dlsym(module->library, table->kernels[i].name);
    if (!symbol) {
      snprintf(why, size_b, "it has no function '%s'", table->kernels[i].name);
      return false;
    }
    memcpy(&module->fns[i], &symbol, sizeof symbol);
  }
  return true;
}

tc_cpu_module *tc_cpu_load(const char *path, const tc_rt_table *table,
                           const tilec_allocator *allocator, char *why, size_t size_b) {
  size_t module_b = sizeof(tc_cpu_module) + table->n_kernels * sizeof(tc_rt_kernel_fn *);
  tc_cpu_module *module = tc_rt_alloc(allocator, module_b, _Alignof(max_align_t));
  snprintf(why, size_b, "%s", "");
  if (!module) return NULL;
  *module = (tc_cpu_module){.function = {table, module->fns, allocator}, .size_b = module_b};
  module->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!module->library) {
    const char *text = dlerror();
    snprintf(why, size_b, "%s", text ? text : path);
  } else if (find_kernels(module, why, size_b)) {
    return module;
  }
  tc_cpu_unload(module);
  return NULL;
}

void tc_cpu_unload(tc_cpu_module *module) {
  if (!module) return;
  if (module->library) dlclose(module->library);
  tc_rt_free(module->function.allocator, module, module->size_b);
}

uint32_t tc_cpu_launch(const tc_cpu_module *module, tc_rt_pool *pool, const tilec_arg *args,
                       size_t n_args, const tc_env *env, tc_rt_error *error) {
  const tc_rt_runner runner = tc_rt_pool_runner(pool);
  return tc_rt_launch(&module->function, &runner, args, n_args, env, error);
}
