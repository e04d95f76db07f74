#include "toolchain/nvrtc.h"

#include "toolchain/child.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { TIMEOUT_S = 60, VERSION_TIMEOUT_S = 10, MAX_OPTIONS = 32, NOTED_LINES = 8 };
enum { NVRTC_SUCCESS = 0, NVRTC_ERROR_COMPILATION = 6 };

struct tc_nvrtc_calls {
#define NVRTC_CALL(name, needed, parameters) int(*name) parameters;
#include "toolchain/nvrtc_calls.def"
#undef NVRTC_CALL
};

/* ---- finding ---- */

/* What was tried, for the message when all of it fails. */
static void note_try(tc_sb *tried, const char *what, const char *why) {
  tc_sb_printf(tried, "%s%s (%s)", tried->n ? ", " : "", what, why);
}

/* dlsym's object pointer as the function pointer it stands for. */
static bool take(void *library, const char *name, void *place, bool needed) {
  void *symbol = dlsym(library, name);
  memcpy(place, &symbol, sizeof symbol);
  return symbol || !needed;
}

static const char *take_all(void *library, struct tc_nvrtc_calls *calls) {
#define NVRTC_CALL(name, needed, parameters)                                                       \
  if (!take(library, #name, &calls->name, needed)) return #name;
#include "toolchain/nvrtc_calls.def"
#undef NVRTC_CALL
  return NULL;
}

/* The library has one version number for several builds of it, so its size goes into the key. */
static void describe(tc_nvrtc *nvrtc, const struct tc_nvrtc_calls *calls, const char *path,
                     tc_arena *arena) {
  Dl_info info = {0};
  struct stat file = {0};
  void *symbol;
  int major = 0, minor = 0;
  memcpy(&symbol, &calls->nvrtcVersion, sizeof symbol);
  if (dladdr(symbol, &info) && info.dli_fname) path = info.dli_fname;
  calls->nvrtcVersion(&major, &minor);
  if (stat(path, &file)) file.st_size = 0;
  nvrtc->path = tc_str_dup(arena, tc_str_of(path));
  nvrtc->version = tc_format(arena, "NVRTC %d.%d", major, minor);
  nvrtc->key = tc_format(arena, "%s, %lld bytes", nvrtc->version, (long long)file.st_size);
}

/* The library stays in the process once it was opened: it keeps state of its own that does not
 * survive unloading. */
static bool open_library(tc_nvrtc *nvrtc, const char *path, tc_sb *tried, tc_arena *arena) {
  struct tc_nvrtc_calls calls;
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (!library) {
    const char *why = dlerror();
    note_try(tried, path, why ? why : "cannot be opened");
    return false;
  }
  const char *missing = take_all(library, &calls);
  dlclose(library);
  if (missing) {
    note_try(tried, path, tc_format(arena, "it has no %s", missing));
    return false;
  }
  describe(nvrtc, &calls, path, arena);
  nvrtc->calls = tc_arena_copy(arena, &calls, sizeof calls);
  return true;
}

static bool find_library(tc_nvrtc *nvrtc, const char *home, tc_sb *tried, tc_arena *arena) {
  static const char *const NAMES[] = {"libnvrtc.so.13", "libnvrtc.so.12"};
  const char *const dirs[] = {"", home && *home ? home : NULL, "/usr/local/cuda"};
  for (size_t d = 0; d < TC_COUNT(dirs); d++)
    for (size_t i = 0; dirs[d] && i < TC_COUNT(NAMES); i++) {
      const char *path = d ? tc_format(arena, "%s/lib64/%s", dirs[d], NAMES[i]) : NAMES[i];
      if (open_library(nvrtc, path, tried, arena)) return true;
    }
  return false;
}

/* What it says of its version takes several lines, of which the last is the exact one. */
static const char *version_of_nvcc(const char *path, tc_arena *arena) {
  char flag[] = "--version", *argv[] = {(char *)(uintptr_t)path, flag, NULL};
  tc_child child;
  tc_child_run(argv, NULL, VERSION_TIMEOUT_S, (tc_child_poll){0}, &child);
  const char *build = strstr(child.said, "Build ");
  if (child.end != TC_CHILD_EXITED || child.status || !build) return "nvcc";
  return tc_str_dup(arena, (tc_str){build, (uint32_t)strcspn(build, "\r\n")});
}

static bool try_nvcc(tc_nvrtc *nvrtc, const char *command, tc_sb *tried, tc_diags *unheard,
                     tc_arena *arena) {
  if (!tc_cc_find(&nvrtc->nvcc, command, unheard, arena)) {
    note_try(tried, command, "not found");
    return false;
  }
  nvrtc->path = nvrtc->nvcc.path;
  nvrtc->key = version_of_nvcc(nvrtc->path, arena);
  nvrtc->version = tc_format(arena, "nvcc, %s", nvrtc->key);
  return true;
}

bool tc_nvrtc_find(tc_nvrtc *nvrtc, const char *library, const char *nvcc, tc_diags *diags,
                   tc_arena *arena) {
  const char *home = getenv("CUDA_HOME");
  tc_diags *unheard = tc_diags_new(arena, diags->source);
  tc_sb tried = tc_sb_in(arena);
  *nvrtc = (tc_nvrtc){0};
  if (library && *library) {
    if (open_library(nvrtc, library, &tried, arena)) return true;
  } else if (find_library(nvrtc, home, &tried, arena)) {
    return true;
  }
  if (nvcc && *nvcc) {
    if (try_nvcc(nvrtc, nvcc, &tried, unheard, arena)) return true;
  } else if (!library || !*library) {
    if (try_nvcc(nvrtc, "nvcc", &tried, unheard, arena)) return true;
    const char *below = home && *home ? tc_format(arena, "%s/bin/nvcc", home) : NULL;
    if (below && try_nvcc(nvrtc, below, &tried, unheard, arena)) return true;
    if (try_nvcc(nvrtc, "/usr/local/cuda/bin/nvcc", &tried, unheard, arena)) return true;
  }
  TC_DIAG(diags, D_nvrtc_missing, (tc_span){0}, tried.at);
  return false;
}

/* ---- compiling by the library ---- */

typedef struct compilation {
  const struct tc_nvrtc_calls *calls;
  const tc_nvrtc_job *job;
  tc_diags *diags;
  tc_arena *arena;
  void *program;
  uint64_t deadline_ns;
  uint32_t timeout_s;
  bool stopped;
  tc_str log;
  tc_cubin *cubin;
} compilation;

/* NVRTC asks now and then whether it is to go on. */
static int is_late(void *data, void *reserved) {
  compilation *c = data;
  (void)reserved;
  c->stopped = c->stopped || tc_child_now_ns() > c->deadline_ns;
  return c->stopped;
}

static void read_log(compilation *c) {
  size_t size_b = 0;
  if (c->calls->nvrtcGetProgramLogSize(c->program, &size_b) || size_b < 2) return;
  char *log = tc_arena_alloc(c->arena, size_b);
  if (c->calls->nvrtcGetProgramLog(c->program, log)) return;
  log[size_b - 1] = 0;
  c->log = tc_str_of(log);
}

static void note_lines(tc_diags *diags, const char *text, int n) {
  for (; n > 0 && *text; n--) {
    size_t line = strcspn(text, "\n");
    if (line) tc_diag_note(diags, (tc_span){0}, "%.*s", (int)(line < 300 ? line : 300), text);
    text += line + (text[line] == '\n');
  }
}

static bool refuse(compilation *c, int result, const char *call) {
  const char *why = result == NVRTC_ERROR_COMPILATION
                        ? "the text does not compile"
                        : tc_format(c->arena, "%s returned %d", call, result);
  if (c->stopped) {
    TC_DIAG(c->diags, D_nvrtc_timeout, (tc_span){0}, c->timeout_s);
    return false;
  }
  TC_DIAG(c->diags, D_nvrtc_failed, (tc_span){0}, why);
  if (c->log.n) note_lines(c->diags, c->log.at, NOTED_LINES);
  return false;
}

static int options_of(compilation *c, const char **options) {
  int n = 0;
  options[n++] = tc_format(c->arena, "-arch=%s", c->job->arch);
  options[n++] = "--ptxas-options=-v";
  const char *at = c->job->flags ? c->job->flags : "";
  while (*(at += strspn(at, " ")) && n < MAX_OPTIONS) {
    uint32_t length = (uint32_t)strcspn(at, " ");
    options[n++] = tc_str_dup(c->arena, (tc_str){at, length});
    at += length;
  }
  return n;
}

static bool take_cubin(compilation *c) {
  size_t size_b = 0;
  int result = c->calls->nvrtcGetCUBINSize(c->program, &size_b);
  if (result || !size_b) return refuse(c, result, "nvrtcGetCUBINSize");
  char *bytes = tc_arena_alloc(c->arena, size_b);
  result = c->calls->nvrtcGetCUBIN(c->program, bytes);
  if (result) return refuse(c, result, "nvrtcGetCUBIN");
  c->cubin->bytes = (const unsigned char *)bytes;
  c->cubin->size_b = size_b;
  return true;
}

static bool compile_program(compilation *c) {
  const char *options[MAX_OPTIONS];
  const char *text = tc_str_dup(c->arena, c->job->text);
  int n = options_of(c, options);
  int result = c->calls->nvrtcCreateProgram(&c->program, text, "kernel.cu", 0, NULL, NULL);
  if (result) return refuse(c, result, "nvrtcCreateProgram");
  if (c->calls->nvrtcSetFlowCallback)
    c->calls->nvrtcSetFlowCallback(c->program, is_late, c); /* without it: no limit */
  result = c->calls->nvrtcCompileProgram(c->program, n, options);
  read_log(c);
  if (result != NVRTC_SUCCESS) return refuse(c, result, "nvrtcCompileProgram");
  return take_cubin(c);
}

/* The program is destroyed also when asking for memory unwinds. */
static bool compile_by_library(compilation *c) {
  tc_unwind *outer = c->arena->unwind, local;
  volatile bool ok = false;
  memset(&local, 0, sizeof local);
  c->arena->unwind = &local;
  int why = setjmp(local.at);
  if (why == 0) ok = compile_program(c);
  c->arena->unwind = outer;
  if (c->program) c->calls->nvrtcDestroyProgram(&c->program);
  if (why) tc_unwind_to(outer, (enum tc_why)why);
  return ok;
}

/* ---- either way ---- */

static bool compile_by_nvcc(const tc_nvrtc *nvrtc, const tc_nvrtc_job *job, tc_cubin *cubin,
                            tc_diags *diags, tc_arena *arena) {
  tc_cc_result result;
  tc_cc_job cc = {.text = job->text,
                  .flags = tc_format(arena, "-cubin -arch=%s --ptxas-options=-v %s", job->arch,
                                     job->flags ? job->flags : ""),
                  .in = "kernel.cu",
                  .out = "kernel.cubin",
                  .libraries = "",
                  .timeout_s = job->timeout_s};
  if (!tc_cc_compile(&nvrtc->nvcc, &cc, &result, diags, arena)) return false;
  cubin->bytes = result.bytes;
  cubin->size_b = result.size_b;
  cubin->messages = result.said;
  return true;
}

bool tc_nvrtc_compile(const tc_nvrtc *nvrtc, const tc_nvrtc_job *job, tc_cubin *cubin,
                      tc_diags *diags, tc_arena *arena) {
  uint64_t start_ns = tc_child_now_ns();
  *cubin = (tc_cubin){.messages = {"", 0}};
  if (nvrtc->calls) {
    compilation *c = TC_NEW(arena, compilation);
    *c = (compilation){.calls = nvrtc->calls,
                       .job = job,
                       .diags = diags,
                       .arena = arena,
                       .timeout_s = job->timeout_s ? job->timeout_s : TIMEOUT_S,
                       .log = {"", 0},
                       .cubin = cubin};
    c->deadline_ns = start_ns + c->timeout_s * UINT64_C(1000000000);
    if (!compile_by_library(c)) return false;
    cubin->messages = c->log;
  } else if (!compile_by_nvcc(nvrtc, job, cubin, diags, arena)) {
    return false;
  }
  cubin->spent_ns = tc_child_now_ns() - start_ns;
  tc_ptxas_read(cubin, cubin->messages, arena);
  return tc_ptxas_is_content(cubin->messages, diags, arena);
}
