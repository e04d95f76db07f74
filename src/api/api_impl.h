/* What the files of the API share. Every public entry that compiles runs inside tc_api_guard, which
 * holds the only setjmp of the library and turns every way to leave early into a status. */
#ifndef TC_API_IMPL_H
#define TC_API_IMPL_H

#include "base/diag.h"
#include "ir/ir.h"
#include "ir/target.h"
#include "pass/pass.h"
#include "prove/prove.h"
#include "rt/check.h"
#include "rt/os.h"
#include "rt/pool.h"
#include "runtime/cuda.h"
#include "target/cpu/cpu.h"
#include "tilec/tilec.h"
#include "toolchain/ptxas.h"

#include <pthread.h>
#include <stdatomic.h>

/* ---- options ---- */

enum tc_option {
#define OPTION(name, variable, flag, kind, values, initial, keyed, help) TC_OPTION_##name,
#include "api/options.def"
#undef OPTION
  TC_OPTION_COUNT
};

/* ---- phases of a compilation ---- */

enum tc_phase {
#define PHASE(name, own, help) TC_PHASE_##name,
#include "api/phases.def"
#undef PHASE
  TC_PHASE_COUNT
};

/* ---- context ---- */

/* tc_cuda_emit, which the files that need no emitter do not know. */
struct tc_cuda_options;
typedef tc_emitted tc_cuda_emitter(tc_ir *ir, const struct tc_cuda_options *options,
                                   tc_arena *arena);

struct tilec_context {
  atomic_uint n_refs;
  bool hooked;
  tilec_allocator hooks;
  void (*print)(void *data, const char *text, size_t n);
  void (*warn)(void *data, const char *text);
  int (*interrupted)(void *data); /* or NULL */
  void *data;
  tc_prove_options prove; /* from TILELANG_DISABLE_Z3 and the like */
  pthread_mutex_t lock;   /* of what follows */
  pthread_mutex_t print_lock;
  char *options[TC_OPTION_COUNT]; /* NULL: the default */
  tc_rt_pool *pool;               /* made by the first launch */
  tc_cuda *cuda;                  /* opened by the first that needs it */
  tc_cuda_emitter *emit_cuda;     /* tc_cuda_emit, but in tests        */
  bool said_no_cc, said_cache;    /* once per context, not per kernel */
};

const tilec_allocator *tc_api_hooks(const tilec_context *context);
/* Zeroed; NULL when out of memory. */
void *tc_api_new(const tilec_context *context, size_t size_b);
void tc_api_delete(const tilec_context *context, void *at, size_t size_b);
/* True the first time it is asked for this flag of the context. */
bool tc_api_first_time(tilec_context *context, bool *said);
/* Passes "warning: " and one formatted line to the context's `warn`. */
void tc_api_warn(const tilec_context *context, const char *fmt, ...) TC_PRINTF(2, 3);
/* With "[code] " before the line. */
void tc_api_warn_coded(const tilec_context *context, const char *code, const char *fmt, ...)
    TC_PRINTF(3, 4);
/* "note: " and a line. */
void tc_api_note(const tilec_context *context, const char *fmt, ...) TC_PRINTF(2, 3);
/* "note: " and a line, when option `log` is at least `level`. */
void tc_api_log(tilec_context *context, int level, const char *fmt, ...) TC_PRINTF(3, 4);

/* A copy in the arena; never NULL. */
const char *tc_api_option(tilec_context *context, enum tc_option option, tc_arena *arena);
/* COUNT, BYTES and SWITCH options. */
uint64_t tc_api_option_number(tilec_context *context, enum tc_option option);
/* Lines "name=value" of the keyed options, for the cache key. */
void tc_api_keyed_options(tilec_context *context, tc_sb *out);
/* Sets options from TILEC_* variables; warns about unknown ones. */
tilec_status tc_options_from_environment(tilec_context *context, tilec_error **error);

/* ---- errors and text ---- */

enum { TC_N_FORMATS = 3 };

/* Refuses a call: TILEC_USAGE and the like, with a formatted line and a code ("" for none). Returns
 * `status`. `context` may be NULL. */
tilec_status tc_api_fail(tilec_error **error, const tilec_context *context, tilec_status status,
                         const char *code, const char *fmt, ...) TC_PRINTF(5, 6);
tilec_status tc_api_usage(tilec_error **error, const tilec_context *context, const char *fmt, ...)
    TC_PRINTF(3, 4);
enum { TC_CODE_B = 8 };
/* "E0633". */
const char *tc_api_code_text(uint32_t number, char out[TC_CODE_B]);
/* What an error of a launch is to the caller. */
tilec_status tc_api_status_of_rt(uint32_t code);
/* An error of a launch. */
tilec_status tc_api_fail_rt(tilec_error **error, const tilec_context *context,
                            const tc_rt_error *rt);
void tc_api_make_error(tilec_error **error, const tilec_context *context, tilec_status status,
                       const char *code, const char *text, const tc_str form[TC_N_FORMATS]);
/* Out of memory; needs none. */
tilec_status tc_api_no_memory(tilec_error **error);
tilec_text *tc_api_text(const tilec_context *context, const char *data, size_t n);

/* ---- sessions: memory and diagnostics of one call ---- */

typedef struct tc_session {
  tilec_context *context;
  tc_unwind unwind;
  tc_arena arena;
  tc_source *source;
  tc_diags *diags;
  tc_names *names;
  const char *entry;         /* of the program, once tc_program_front has run */
  const tc_target_row *gpu;  /* whose facts a kernel file may ask for; NULL: this machine's */
  struct tilec_trace *trace; /* of a resolver that was told of it; NULL: none */
  tilec_status status;       /* of tc_session_stop, or TILEC_OK */
  char stop_code[TC_CODE_B], stop_text[512];
  int lock;                /* of the cache, or -1 */
  char workdir[TC_PATH_B]; /* to be removed, or "" */
  enum tc_phase phase;     /* now */
  uint64_t phase_start_ns, phase_ns[TC_PHASE_COUNT];
} tc_session;

/* What follows belongs to another phase. Returns the one that ends, to go back to. */
enum tc_phase tc_phase_enter(tc_session *s, enum tc_phase next);
/* Time that was counted as one phase's was another's. */
void tc_phase_move(tc_session *s, enum tc_phase from, enum tc_phase to, uint64_t ns);
uint64_t tc_phase_own_ns(const tc_session *s);
/* As notes, when option `time_report` is on. */
void tc_phase_report(tc_session *s);

typedef void tc_guarded(tc_session *s, void *data);
/* Starts a session; its memory is the caller's to end. */
void tc_session_start(tc_session *s, tilec_context *context);
/* Gives back locks and directories. */
void tc_session_release_files(tc_session *s);
/* The same, and all memory. */
void tc_session_end(tc_session *s);
/* Runs fn(s, data); makes s->diags and the rest first if there are none. Whatever way it ends, the
 * status says how, and *error is set from the diagnostics unless it is TILEC_OK. */
tilec_status tc_api_guard(tc_session *s, tc_guarded *fn, void *data, tilec_error **error);
/* Inside a guard: ends it with a status of its own and one line. */
TC_NORETURN void tc_session_stop(tc_session *s, tilec_status status, const char *code,
                                 const char *fmt, ...) TC_PRINTF(4, 5);

/* A trace of `resolver` in the session: tc_session_end_trace tells the resolver when it has ended,
 * which the guard calls too. */
struct tilec_trace *tc_session_trace(tc_session *s, const tilec_resolver *resolver);
void tc_session_end_trace(tc_session *s);
/* Our copy of a resolver; false when it is not well-formed. */
bool tc_api_read_resolver(tilec_resolver *ours, const tilec_resolver *theirs);

/* Warnings as text in each format, in the session's arena. */
typedef struct tc_rendered {
  const char *form[TC_N_FORMATS];
} tc_rendered;
tc_rendered tc_api_render(tc_session *s);

/* ---- programs ---- */

struct tilec_program {
  atomic_uint n_refs;
  tilec_context *context;
  tc_session store; /* its arena holds what follows */
  const char *path, *entry;
  tc_str text;
  const tilec_define *defines;
  uint32_t n_defines;
  const tilec_shape *shapes;
  uint32_t n_shapes;
  const tilec_define *configs;
  uint32_t n_configs;
  bool is_tir;
  tilec_resolver resolver; /* run NULL: none */
};

/* Compiles to state surface; inside a guard. */
tc_ir *tc_program_front(tc_session *s, const tilec_program *program);
/* To state tile, through the pipeline for a target with these capabilities (tc_cap) and with the
 * context's options (disable, dump, ...). With `may_stop` option stop_after counts too, and the
 * state may be an earlier one. */
void tc_program_to_tile(tc_session *s, tc_ir *ir, uint64_t caps, bool may_stop);
/* To a later state, for a target whose kernels have them. */
typedef struct tc_api_target tc_api_target;
void tc_program_to_state(tc_session *s, tc_ir *ir, const tc_api_target *target, enum tc_state goal,
                         bool may_stop);
/* The passes named, separated by commas. */
void tc_program_run_passes(tc_session *s, tc_ir *ir, const char *names);
/* By name; NULL: option `isa`. */
enum tc_cpu_isa tc_program_isa(tc_session *s, const char *name);

/* ---- kernels ---- */

/* How far results may be from the oracle's. */
typedef struct tc_bound {
  bool exact;
  double rtol, atol_scale;
} tc_bound;
tc_bound tc_kernel_bound(tc_ir *ir, bool tensor_cores);
/* Half the distance of 1 to the next number of a float type; 0 for other types. */
double tc_kernel_epsilon(tc_type type);
/* Distance of a narrow float type's numbers around 0; 0 for other types. */
double tc_kernel_spacing(tc_type type);

enum tc_target_kind {
  TC_TARGET_CPU,
  TC_TARGET_INTERP,
  TC_TARGET_CUDA,
  TC_TARGET_SIM,
  TC_TARGET_KIND_COUNT
};
struct tc_api_target {
  enum tc_target_kind kind;
  const char *isa;          /* cpu:ISA, or NULL */
  const tc_target_row *gpu; /* cuda, sim        */
  uint64_t caps;            /* tc_cap bits      */
  tc_target_limits limits;  /* of a GPU         */
};
/* By name; NULL: the option `target`. Inside a guard. */
tc_api_target tc_api_find_target(tc_session *s, const char *name);
/* The GPU whose facts the option `target` asks for, or NULL. */
const tc_target_row *tc_api_gpu_meant(tc_session *s);
/* "cuda:sm_90a"; static. */
const char *tc_api_gpu_name(const tc_target_row *row);
/* The driver; NULL with an error. */
tc_cuda *tc_context_cuda(tilec_context *context, tc_rt_error *error);
/* The same inside a guard, which ends when there is none. */
tc_cuda *tc_api_cuda(tc_session *s);

struct tc_cpu_module;
struct tilec_kernel {
  atomic_uint n_refs;
  tilec_context *context;
  tc_session store;
  const char *name, *signature;
  bool interpreted;
  bool checked; /* interp: the table knows all shapes, so tc_rt_check can be asked */
  bool rounds;  /* a scalar parameter has a float type narrower than float32 */
  tc_ir *ir;
  const tc_rt_table *table;
  struct tc_cpu_module *module; /* cpu */
  tc_cuda_module *cuda;         /* cuda */
  const tc_target_row *gpu;     /* cuda, sim */
  const char *target_name;      /* sim  */
  struct tc_sim_module *sim;    /* sim  */
  int32_t device;               /* cuda: that it was made for */
  tc_cubin cubin;               /* cuda */
  tc_rt_pool *pool;             /* cpu, sim; the context's */
  pthread_mutex_t lock;         /* one interpreter run at a time: it reads and marks ir */
  tc_rendered warnings;
  bool cached;
  uint64_t compile_ns, toolchain_ns;
  tc_bound bound;
};

/* Makes the module and the table of a kernel in state tile; inside a guard. `isa` NULL: the
 * option's. False when there is no C compiler. */
bool tc_kernel_build_cpu(tc_session *s, tilec_kernel *kernel, const char *isa);
/* The same for a GPU; ends the guard when there is no driver, device or compiler. */
void tc_kernel_build_cuda(tc_session *s, tilec_kernel *kernel, const tc_target_row *gpu);
/* The same for the simulator of a GPU; ends the guard when there is no C compiler. */
void tc_kernel_build_sim(tc_session *s, tilec_kernel *kernel, const tc_target_row *gpu);
tilec_status tc_launch_sim(tilec_kernel *kernel, const tilec_arg *args, size_t n_args,
                           tilec_error **error);
/* The table of a function and the kernels emitted for it; inside a guard. */
const tc_rt_table *tc_api_make_table(tc_session *s, tc_ir *ir, const tc_emitted *emitted);
struct tc_cc;
/* The C compiler for the machine of an instruction set; NULL when there is none and `must` is
 * false, else E0701. Inside a guard. */
const struct tc_cc *tc_api_find_cc(tc_session *s, enum tc_cpu_isa isa, bool must);
/* "cpu" and "cpu:ISA" of the targets: true, and *isa. */
bool tc_api_cpu_target(tc_session *s, const char *target, enum tc_cpu_isa *isa);

/* The C compiler; path NULL when there is none. Inside a guard. */
typedef struct tc_cc_facts {
  const char *path, *version;
} tc_cc_facts;
tc_cc_facts tc_api_cc_facts(tc_session *s);
struct tc_cache;
/* Opens the cache as the options say. */
void tc_api_open_cache(tc_session *s, struct tc_cache *cache);
/* True when the C compiler of the context's options is there. */
bool tc_api_has_cc(tilec_context *context);
tc_rt_pool *tc_context_pool(tilec_context *context);
tilec_status tc_launch_interp(tilec_kernel *kernel, const tilec_arg *args, size_t n_args,
                              tilec_error **error);
/* For tc_env and the oracle: one call at a time reaches the context's `print`. */
void tc_context_print(tilec_context *context, const char *text, size_t n);

/* Reads a versioned struct of the caller's `size` into ours; false when the size makes no sense. */
bool tc_api_read_struct(void *ours, size_t ours_b, const void *theirs);
/* Writes ours into the caller's, as much as it has room for. */
bool tc_api_write_struct(void *theirs, const void *ours, size_t ours_b);

#endif
