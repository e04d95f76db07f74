/* The simulator: emitted device text, compiled by the C compiler of this machine and run on it.
 *
 * Each thread of a block is a fiber; those of a block, or of some blocks together, take turns on
 * one thread of the machine, blocks run on as many as there are. What a GPU does behind the
 * threads' back (bulk copies, cp.async, products of warpgroups) is queued and done as late as the
 * kernel allows, at once, or at random; memory that is on its way holds NaNs meanwhile. So a kernel
 * that does not wait gives wrong numbers here, always, and not only on a bad day.
 *
 * Reported with the lines of text and kernel: accesses outside of memory, threads that do not come
 * together, misused barriers, missing fences, everything waiting for ever, and, with `race`,
 * accesses to shared or global memory that nothing orders. The first finding ends the run. */
#ifndef TC_SIM_SIM_H
#define TC_SIM_SIM_H

#include "base/str.h"
#include "rt/pool.h"
#include "toolchain/cc.h"

/* ---- text ---- */

/* Appends all that the C compiler gets: the simulator's prelude, the text, and entry points. False:
 * a kernel's head is not as it should be, and `why` says what. */
bool tc_sim_text(tc_sb *out, tc_str text, char *why, size_t why_b);
/* Flags for the C compiler, -shared among them. */
extern const char *const tc_sim_flags;

/* ---- modules ---- */

typedef struct tc_sim_module tc_sim_module;
/* Loads what was compiled from tc_sim_text(text); the file may go away afterwards. `text` gives
 * reports their lines and is copied. NULL: `why`, which is empty when there was no memory. */
tc_sim_module *tc_sim_load(const char *path, tc_str text, const tilec_allocator *allocator,
                           char *why, size_t why_b);
void tc_sim_unload(tc_sim_module *module);

/* ---- tensor maps ---- */

enum { TC_SIM_MAP_RANK = 5, TC_SIM_MAP_B = 128 };
typedef struct tc_sim_map_spec { /* as rt/table.h's tc_rt_map, with numbers */
  const void *base;
  uint32_t rank, type, swizzle, interleave, oob_fill; /* codes of the driver's encoder */
  uint64_t dims[TC_SIM_MAP_RANK], strides_b[TC_SIM_MAP_RANK - 1];
  uint32_t box[TC_SIM_MAP_RANK], step[TC_SIM_MAP_RANK];
} tc_sim_map_spec;
/* Writes the 128 bytes of a map; false where the driver's encoder would refuse it, and `why`. */
bool tc_sim_map_encode(unsigned char map[TC_SIM_MAP_B], const tc_sim_map_spec *spec, char *why,
                       size_t why_b);

/* ---- runs ---- */

enum tc_sim_delivery { TC_SIM_LATE, TC_SIM_EARLY, TC_SIM_RANDOM };

typedef struct tc_sim_region { /* of global memory */
  const char *name;
  void *base;
  uint64_t size_b;
  bool read_only;
} tc_sim_region;

typedef struct tc_sim_launch {
  const char *kernel;
  uint32_t grid[3], block[3], shared_b;
  void *const *args; /* as cuLaunchKernel takes them: pointers to the values, in order */
  uint32_t n_args;
  const tc_sim_region *regions; /* what the kernel may touch */
  uint32_t n_regions;
} tc_sim_launch;

typedef struct tc_sim_options {
  enum tc_sim_delivery delivery;
  uint64_t seed; /* of TC_SIM_RANDOM's deliveries; with any, not 0: of the order of threads, too */
  bool race;
  uint32_t
      resident;     /* blocks that take turns with each other; 0: 1, or the whole grid when small */
  uint32_t limit_s; /* 0: 60; then the run is reported as endless */
  const char *source; /* name of the kernel file for reports, or NULL */
} tc_sim_options;

/* What can be found: X(id, word). */
#define TC_SIM_KINDS(X)                                                                            \
  X(none, "nothing")                                                                               \
  X(launch, "launch")                                                                              \
  X(memory, "out of memory")                                                                       \
  X(shared_bounds, "shared memory bounds")                                                         \
  X(global_bounds, "global memory bounds")                                                         \
  X(alignment, "alignment")                                                                        \
  X(divergence, "divergent threads")                                                               \
  X(deadlock, "deadlock")                                                                          \
  X(endless, "endless run")                                                                        \
  X(barrier, "barrier misuse")                                                                     \
  X(proxy, "missing proxy fence")                                                                  \
  X(copy, "copy misuse")                                                                           \
  X(product, "matrix product misuse")                                                              \
  X(registers, "register budget")                                                                  \
  X(fail, "failed assertion")                                                                      \
  X(race, "race")
enum tc_sim_kind {
#define X(id, word) TC_SIM_KIND_##id,
  TC_SIM_KINDS(X)
#undef X
};
const char *tc_sim_kind_word(enum tc_sim_kind kind);

typedef struct tc_sim_report {
  enum tc_sim_kind kind;
  uint32_t site;        /* of a failed assertion */
  int line, other_line; /* of the text; 0: none  */
  int kernel_line, other_kernel_line;
  char text[4096];
} tc_sim_report;

/* Runs a grid. False: the report says what was found. */
bool tc_sim_run(const tc_sim_module *module, const tc_sim_launch *launch,
                const tc_sim_options *options, tc_rt_pool *pool, const tilec_allocator *allocator,
                tc_sim_report *report);

/* ---- launches ---- */

typedef struct tc_sim_function {
  const tc_sim_module *module;
  const tc_rt_table *table; /* its kernels have their `gpu`; the tensors lie in host memory */
  const tilec_allocator *allocator;
  tc_rt_pool *pool;
} tc_sim_function;

/* Checks the arguments, then runs all kernels of the function in order. Returns TC_RT_OK or
 * error->code: TC_RT_E_SIMULATED, and all of it in the report; TC_RT_E_DEVICE_ASSERT and the like
 * for a check of the kernel's own; or what is wrong with the arguments. Memory comes from the
 * arena.
 */
uint32_t tc_sim_launch_function(const tc_sim_function *function, const tilec_arg *args,
                                size_t n_args, const tc_sim_options *options, tc_arena *arena,
                                tc_sim_report *report, tc_rt_error *error);

#endif
