/* From a program to files that C programs use without this library. */
#include "api/api_impl.h"

#include "jit/outputs.h"
#include "jit/sha256.h"
#include "target/common/table.h"
#include "target/cpu/aot.h"
#include "target/cuda/cuda.h"
#include "toolchain/cc.h"
#include "toolchain/nvrtc.h"

#include <string.h>

typedef struct aot_call {
  const tilec_program *program;
  tilec_build_options options;
  const char *files, *warnings;
} aot_call;

typedef struct aot_build {
  tc_session *s;
  const tc_cc *cc;
  tc_aot aot;
} aot_build;

static enum tc_cpu_isa find_isa(tc_session *s, const char *target) {
  enum tc_cpu_isa isa;
  if (tc_api_cpu_target(s, target, &isa)) return isa;
  tc_session_stop(s, TILEC_NO_TARGET, "",
                  "target '%s' cannot be built ahead of time: expected cpu, cpu:ISA, cuda or "
                  "cuda:ARCH",
                  target);
}

static bool is_gpu(const char *target) {
  return strncmp(target, "cuda", 4) == 0 && (!target[4] || target[4] == ':');
}

static const char *sha256_of(tc_session *s, tc_str text) {
  unsigned char hash[TC_SHA256_B];
  char *hex = tc_arena_alloc(&s->arena, TC_SHA256_HEX);
  tc_sha256 sha;
  tc_sha256_start(&sha);
  tc_sha256_add(&sha, text.at, text.n);
  tc_sha256_end(&sha, hash);
  tc_sha256_hex(hash, hex);
  return hex;
}

/* Sets what the object is for; NULL, or the GPU. The host's side of those runs on any machine. */
static const tc_api_target *find_target(aot_build *b, const char *target) {
  tc_session *s = b->s;
  if (is_gpu(target)) {
    tc_api_target *gpu = TC_NEW(&s->arena, tc_api_target);
    *gpu = tc_api_find_target(s, target);
    s->gpu = gpu->gpu;
    b->aot.isa = TC_ISA_generic;
    b->aot.target = tc_api_gpu_name(gpu->gpu);
    return gpu;
  }
  b->aot.isa = find_isa(s, target);
  const tc_cpu_isa_info *row = tc_cpu_isa_row(b->aot.isa);
  b->aot.target = tc_format(&s->arena, "cpu:%s", *row->march ? row->march : row->name);
  return NULL;
}

static void check_name(tc_session *s, const char *name) {
  const char *problem = tc_aot_name_problem(name);
  if (problem) tc_session_stop(s, TILEC_USAGE, "E0754", D_build_name_fmt, name, problem);
}

/* The kernels' binary; how it is made is nvrtc's or nvcc's work, and needs no GPU. */
static const tc_aot_gpu *assemble(tc_session *s, const tc_cuda_options *options, tc_str text) {
  tc_nvrtc nvrtc;
  tc_cubin cubin;
  tc_aot_gpu *gpu = TC_NEW(&s->arena, tc_aot_gpu);
  const tc_nvrtc_job job = {.text = text,
                            .arch = options->target->name,
                            .flags = tc_cuda_flags(options, &s->arena),
                            .timeout_s =
                                (uint32_t)tc_api_option_number(s->context, TC_OPTION_cc_timeout)};
  if (!tc_nvrtc_find(&nvrtc, tc_api_option(s->context, TC_OPTION_nvrtc, &s->arena),
                     tc_api_option(s->context, TC_OPTION_nvcc, &s->arena), s->diags, &s->arena)
      || !tc_nvrtc_compile(&nvrtc, &job, &cubin, s->diags, &s->arena))
    tc_diag_stop(s->diags);
  *gpu = (tc_aot_gpu){.arch = options->target->name,
                      .cc = options->target->cc,
                      .exact = options->target->exact,
                      .image = {(const char *)cubin.bytes, (uint32_t)cubin.size_b}};
  return gpu;
}

static void emit_gpu(aot_build *b, tc_ir *ir, const tc_target_row *target) {
  tc_session *s = b->s;
  tc_aot *a = &b->aot;
  const tc_cuda_options options = {.target = target};
  const tc_cpu_options host = {.isa = a->isa, .is_part = true};
  tc_emitted emitted = s->context->emit_cuda(ir, &options, &s->arena);
  a->table = tc_api_make_table(s, ir, &emitted);
  a->gpu = assemble(s, &options, emitted.text);
  a->flags = tc_cpu_flags(&host, &s->arena);
}

static void emit_cpu(aot_build *b, tc_ir *ir) {
  tc_session *s = b->s;
  tc_aot *a = &b->aot;
  bool complete;
  const tc_rt_table *params = tc_table_shapes(ir, &s->arena, &complete);
  tc_cpu_options options = {
      .isa = a->isa, .is_part = true, .also = tc_aot_needs(params, &s->arena)};
  tc_emitted emitted = tc_cpu_emit(ir, &options, &s->arena);
  a->kernels = emitted.text;
  a->table = tc_api_make_table(s, ir, &emitted);
  a->flags = tc_cpu_flags(&options, &s->arena);
}

/* The function's kernels and table; everything about it but the name. */
static void emit(aot_build *b, const aot_call *call, tc_ir *ir, const tc_api_target *gpu) {
  tc_session *s = b->s;
  tc_aot *a = &b->aot;
  if (gpu) {
    tc_program_to_tile(s, ir, gpu->caps, false);
    tc_program_to_state(s, ir, gpu, TC_STATE_lane, false);
    emit_gpu(b, ir, gpu->gpu);
  } else {
    tc_program_to_tile(s, ir, TC_CPU_CAPS, false);
    emit_cpu(b, ir);
  }
  a->interface = tc_aot_interface(a->table);
  a->version = tilec_version();
  a->file = call->program->path;
  a->entry = s->entry;
  a->source_sha256 = sha256_of(s, call->program->text);
  a->defines = call->program->defines;
  a->n_defines = call->program->n_defines;
}

static tc_str run_cc(const aot_build *b, tc_cc_job job) {
  tc_session *s = b->s;
  tc_cc_result result;
  job.timeout_s = (uint32_t)tc_api_option_number(s->context, TC_OPTION_cc_timeout);
  job.interrupted = s->context->interrupted;
  job.interrupted_data = s->context->data;
  if (!tc_cc_compile(b->cc, &job, &result, s->diags, &s->arena)) tc_diag_stop(s->diags);
  if (result.size_b > UINT32_MAX)
    tc_session_stop(s, TILEC_ERROR, "E0655", "%s is larger than 4 GiB", job.out);
  return (tc_str){(const char *)result.bytes, (uint32_t)result.size_b};
}

static tc_str compile_object(const aot_build *b, tc_str text) {
  tc_arena *arena = &b->s->arena;
  tc_cc_job job = {.text = text,
                   .flags = tc_format(arena, "-c -DTILEC_BUILD %s", b->aot.flags),
                   .in = tc_format(arena, "%s.c", b->aot.name),
                   .out = tc_format(arena, "%s.o", b->aot.name),
                   .libraries = ""};
  return run_cc(b, job);
}

/* The threads of the pool run code of the library that made it, so it is never unloaded. */
static tc_str link_library(const aot_build *b, tc_str object) {
  tc_arena *arena = &b->s->arena;
  tc_cc_job job = {.text = object,
#ifdef __APPLE__
                   .flags = "-shared",
#else
                   .flags = "-shared -Wl,-z,nodelete -Wl,-z,defs",
#endif
                   .in = tc_format(arena, "%s.o", b->aot.name),
                   .out = tc_format(arena, "%s.so", b->aot.name),
                   .libraries = b->aot.gpu ? "-lm -lpthread -ldl" : "-lm -lpthread"};
  return run_cc(b, job);
}

static tc_str text_of(tc_session *s, const tc_aot *aot, void (*print)(const tc_aot *, tc_sb *)) {
  tc_sb out = tc_sb_in(&s->arena);
  print(aot, &out);
  return tc_sb_str(&out);
}

static void build(tc_session *s, void *data) {
  aot_call *call = data;
  aot_build b = {.s = s};
  const char *target = call->options.target, *directory = call->options.directory;
  if (!target) target = tc_api_option(s->context, TC_OPTION_target, &s->arena);
  if (!directory || !*directory) directory = ".";
  const tc_api_target *gpu = find_target(&b, target);
  if (call->options.name) check_name(s, call->options.name);
  tc_ir *ir = tc_program_front(s, call->program);
  b.aot.name = call->options.name ? call->options.name : s->entry;
  check_name(s, b.aot.name);
  emit(&b, call, ir, gpu);
  b.cc = tc_api_find_cc(s, b.aot.isa, true);
  tc_str source = text_of(s, &b.aot, tc_aot_print_c), object = compile_object(&b, source);
  static const char TEXT_MARK[] = "Made by tilec ", BINARY_MARK[] = "tilec_aot_hub";
  const tc_output outputs[] = {
      {".c", TEXT_MARK, source},
      {".h", TEXT_MARK, text_of(s, &b.aot, tc_aot_print_h)},
      {".o", BINARY_MARK, object},
      {".so", BINARY_MARK, link_library(&b, object)},
      {".json", "\"source_sha256\": ", text_of(s, &b.aot, tc_aot_print_json)},
  };
  tc_output_problem problem;
  if (!tc_outputs_write(directory, b.aot.name, outputs, TC_COUNT(outputs), s->workdir, &problem,
                        &s->arena)) {
    if (problem.error)
      tc_session_stop(s, TILEC_ENVIRONMENT, "E0655", "cannot write %s: %s", problem.path,
                      strerror(problem.error));
    tc_session_stop(s, TILEC_ENVIRONMENT, "E0755", D_build_foreign_fmt, problem.path);
  }
  tc_sb files = tc_sb_in(&s->arena);
  for (uint32_t i = 0; i < TC_COUNT(outputs); i++)
    tc_sb_printf(&files, "%s/%s%s\n", directory, b.aot.name, outputs[i].suffix);
  call->files = files.at;
  call->warnings = tc_api_render(s).form[call->options.format];
}

tilec_status tilec_program_build(tilec_program *program, const tilec_build_options *options,
                                 tilec_text **files, tilec_text **warnings, tilec_error **error) {
  tc_session session;
  aot_call call = {.program = program};
  if (error) *error = NULL;
  if (files) *files = NULL;
  if (warnings) *warnings = NULL;
  if (!program || !options) return tc_api_usage(error, NULL, "tilec_program_build: NULL argument");
  if (!tc_api_read_struct(&call.options, sizeof call.options, options))
    return tc_api_usage(error, program->context, "tilec_build_options.size is not set");
  if ((unsigned)call.options.format >= TC_N_FORMATS)
    return tc_api_usage(error, program->context, "tilec_program_build: unknown format");
  tc_session_start(&session, program->context);
  tilec_status status = tc_api_guard(&session, build, &call, error);
  if (status == TILEC_OK && files)
    *files = tc_api_text(program->context, call.files, strlen(call.files));
  if (status == TILEC_OK && warnings)
    *warnings = tc_api_text(program->context, call.warnings, strlen(call.warnings));
  if (status == TILEC_OK && ((files && !*files) || (warnings && !*warnings))) {
    if (files) tilec_text_release(*files), *files = NULL;
    if (warnings) tilec_text_release(*warnings), *warnings = NULL;
    status = tc_api_no_memory(error);
  }
  tc_session_end(&session);
  return status;
}
