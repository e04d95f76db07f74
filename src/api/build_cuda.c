/* From IR in state tile to code on a GPU: emitter, cache, NVRTC, driver. */
#include "api/build.h"

#include "target/cuda/cuda.h"
#include "toolchain/nvrtc.h"

#include <stdio.h>
#include <string.h>

typedef struct build {
  tc_session *s;
  tilec_kernel *kernel;
  tc_cuda_options options;
  tc_nvrtc nvrtc;
  const tc_target_row *arch; /* what the text is assembled for */
  const char *flags;
  tc_str text;
  tc_build *kept;
} build;

static tc_str make_key(const build *b) {
  tc_sb key = tc_sb_in(&b->s->arena);
  tc_sb_printf(&key, "tilec %s\ntarget %s\narch %s\ncompiler %s\nflags %s\n", tilec_version(),
               tc_api_gpu_name(b->options.target), b->arch->name, b->nvrtc.key, b->flags);
  tc_api_keyed_options(b->s->context, &key);
  tc_sb_adds(&key, "code\n");
  tc_build_add_code(&key, b->text);
  return tc_sb_str(&key);
}

/* ---- an entry of the cache: what the assembler said, a line for each kernel, then the binary ----
 */

#define ENTRY_HEAD  "tilec cubin 1\n"
#define KERNEL_LINE "%u %u %u %u %u %u "

static tc_str to_entry(const build *b, const tc_cubin *cubin) {
  tc_sb out = tc_sb_in(&b->s->arena);
  tc_sb_printf(&out, ENTRY_HEAD "%u\n", cubin->n_kernels);
  for (uint32_t i = 0; i < cubin->n_kernels; i++) {
    const tc_cubin_kernel *k = &cubin->kernels[i];
    tc_sb_printf(&out, KERNEL_LINE "%s\n", k->registers, k->barriers, k->stack_b, k->spill_stores_b,
                 k->spill_loads_b, k->shared_b, k->name);
  }
  tc_sb_add(&out, (tc_str){(const char *)cubin->bytes, (uint32_t)cubin->size_b});
  return tc_sb_str(&out);
}

/* The line that begins at *at, terminated; NULL at the end of the text. */
static char *take_line(char **at, const char *end) {
  char *line = *at, *stop = memchr(line, '\n', (size_t)(end - line));
  if (!stop) return NULL;
  *stop = 0;
  *at = stop + 1;
  return line;
}

static bool read_kernel(const char *line, tc_cubin_kernel *k) {
  int n = 0;
  if (sscanf(line, KERNEL_LINE "%n", &k->registers, &k->barriers, &k->stack_b, &k->spill_stores_b,
             &k->spill_loads_b, &k->shared_b, &n)
      != 6)
    return false;
  k->name = line + n;
  return true;
}

/* The driver reads the image as words, so it lies at its own start of memory. */
static bool from_entry(const build *b, char *text, size_t n, tc_cubin *cubin) {
  char *at = text, *end = text + n;
  unsigned n_kernels;
  if (n < sizeof ENTRY_HEAD || memcmp(text, ENTRY_HEAD, sizeof ENTRY_HEAD - 1) != 0) return false;
  at += sizeof ENTRY_HEAD - 1;
  const char *line = take_line(&at, end);
  if (!line || sscanf(line, "%u", &n_kernels) != 1 || n_kernels > 10000) return false;
  tc_cubin_kernel *kernels = TC_NEW_ARRAY(&b->s->arena, n_kernels, tc_cubin_kernel);
  for (unsigned i = 0; i < n_kernels; i++) {
    line = take_line(&at, end);
    if (!line || !read_kernel(line, &kernels[i])) return false;
  }
  *cubin = (tc_cubin){.kernels = kernels, .n_kernels = n_kernels, .messages = {"", 0}};
  cubin->size_b = (size_t)(end - at);
  cubin->bytes = tc_arena_copy(&b->s->arena, at, cubin->size_b);
  return true;
}

static bool from_cache(build *b) {
  tc_session *s = b->s;
  tc_phase_enter(s, TC_PHASE_key);
  b->kept = tc_build_new(s, b->kernel->name, tc_api_gpu_name(b->options.target), make_key(b));
  tc_phase_enter(s, TC_PHASE_cache);
  if (!tc_build_find(b->kept)) return false;
  int64_t size_b = tc_rt_file_size(b->kept->path);
  if (size_b <= 0 || size_b > INT32_MAX) return false;
  char *text = tc_arena_alloc(&s->arena, (size_t)size_b);
  int64_t n = tc_rt_file_read(b->kept->path, text, (size_t)size_b);
  b->kernel->cached = n > 0 && from_entry(b, text, (size_t)n, &b->kernel->cubin);
  tc_api_log(s->context, 1, "%s: %s", b->kept->path,
             b->kernel->cached ? "taken from the cache" : "is no binary of ours");
  return b->kernel->cached;
}

/* ---- building ---- */

static void compile(build *b) {
  tc_session *s = b->s;
  tc_phase_enter(s, TC_PHASE_compile);
  tc_nvrtc_job job = {.text = b->text,
                      .arch = b->arch->name,
                      .flags = b->flags,
                      .timeout_s =
                          (uint32_t)tc_api_option_number(s->context, TC_OPTION_cc_timeout)};
  tc_api_log(s->context, 1, "compiling %s with %s (%s)", b->kernel->name, b->nvrtc.version,
             b->nvrtc.path);
  if (!tc_nvrtc_compile(&b->nvrtc, &job, &b->kernel->cubin, s->diags, &s->arena))
    tc_diag_stop(s->diags);
  b->kernel->toolchain_ns = b->kernel->cubin.spent_ns;
  tc_phase_enter(s, TC_PHASE_cache);
  tc_phase_move(s, TC_PHASE_compile, TC_PHASE_ptxas, b->kernel->cubin.ptxas_ns);
  if (b->kept->cache->mode != TC_CACHE_RW) return;
  tc_str entry = to_entry(b, &b->kernel->cubin);
  tc_build_write(b->kept, entry.at, entry.n);
  tc_build_store(b->kept, b->kernel->toolchain_ns);
}

static void log_resources(const build *b) {
  for (uint32_t i = 0; i < b->kernel->cubin.n_kernels; i++) {
    const tc_cubin_kernel *k = &b->kernel->cubin.kernels[i];
    tc_api_log(b->s->context, 1,
               "%s: %u registers, %u bytes spilled by stores and %u by loads, stack of %u bytes, "
               "%u bytes of static shared memory",
               k->name, k->registers, k->spill_stores_b, k->spill_loads_b, k->stack_b, k->shared_b);
  }
}

TC_NORETURN static void stop_with(tc_session *s, const tc_rt_error *error) {
  char code[TC_CODE_B];
  tc_session_stop(s, tc_api_status_of_rt(error->code), tc_api_code_text(error->code, code), "%s",
                  error->text);
}

static const tc_target_row *assembled_for(const build *b, const tc_cuda *cuda, int32_t device) {
  return tc_target_assembled(b->options.target, tc_cuda_device_at(cuda, device)->cc);
}

/* The current device, or the first one that text for the target can run on. */
static void choose_device(build *b, const tc_cuda *cuda) {
  int32_t at = tc_cuda_current(cuda);
  b->arch = assembled_for(b, cuda, at);
  for (int32_t i = 0; !b->arch && i < (int32_t)tc_cuda_count(cuda); i++)
    if ((b->arch = assembled_for(b, cuda, i))) at = i;
  if (!b->arch) b->arch = b->options.target;
  b->kernel->device = at;
}

static void load(build *b, tc_cuda *cuda) {
  tilec_kernel *kernel = b->kernel;
  tc_phase_enter(b->s, TC_PHASE_load);
  tc_rt_error error;
  const tc_cuda_code code = {kernel->cubin.bytes, kernel->cubin.size_b, b->arch->name, b->arch->cc,
                             b->arch->exact};
  error.code = 0;
  kernel->cuda = tc_cuda_load(cuda, &code, kernel->table, tc_api_hooks(b->s->context), &error);
  if (!kernel->cuda || tc_cuda_prepare(kernel->cuda, kernel->device, &error))
    stop_with(b->s, &error);
}

void tc_kernel_build_cuda(tc_session *s, tilec_kernel *kernel, const tc_target_row *gpu) {
  build *b = TC_NEW(&s->arena, build);
  tc_phase_enter(s, TC_PHASE_driver);
  tc_cuda *cuda = tc_api_cuda(s);
  *b = (build){.s = s, .kernel = kernel, .options = {.target = gpu}};
  kernel->gpu = gpu;
  choose_device(b, cuda);
  tc_phase_enter(s, TC_PHASE_emit);
  tc_emitted emitted = s->context->emit_cuda(kernel->ir, &b->options, &s->arena);
  b->text = emitted.text;
  b->flags = tc_cuda_flags(&b->options, &s->arena);
  tc_phase_enter(s, TC_PHASE_table);
  kernel->table = tc_api_make_table(s, kernel->ir, &emitted);
  tc_phase_enter(s, TC_PHASE_find);
  if (!tc_nvrtc_find(&b->nvrtc, tc_api_option(s->context, TC_OPTION_nvrtc, &s->arena),
                     tc_api_option(s->context, TC_OPTION_nvcc, &s->arena), s->diags, &s->arena))
    tc_diag_stop(s->diags);
  if (!from_cache(b)) compile(b);
  tc_phase_enter(s, TC_PHASE_other);
  tc_build_tell(b->kept);
  log_resources(b);
  load(b, cuda);
  tc_phase_enter(s, TC_PHASE_other);
}
