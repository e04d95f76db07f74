/* Device binaries: by a stand-in for NVRTC, by a script in the place of nvcc, and by the real ones
 * where they are. */
#include "toolchain/nvrtc.h"

#include "check_kit.h"
#include "fake/fake.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>

typedef struct outcome {
  bool found, compiled;
  char code[8], text[4096], version[128], key[256], path[1024];
  uint32_t n_kernels;
  tc_cubin_kernel first;
  char first_name[64];
  size_t size_b;
  char bytes[256];
} outcome;

typedef struct request {
  const char *library, *nvcc, *text, *arch, *flags;
  uint32_t timeout_s;
} request;

static void keep(outcome *o, const tc_nvrtc *nvrtc, const tc_cubin *cubin) {
  snprintf(o->version, sizeof o->version, "%s", nvrtc->version);
  snprintf(o->key, sizeof o->key, "%s", nvrtc->key);
  snprintf(o->path, sizeof o->path, "%s", nvrtc->path);
  if (!o->compiled) return;
  o->n_kernels = cubin->n_kernels;
  if (cubin->n_kernels) {
    o->first = cubin->kernels[0];
    snprintf(o->first_name, sizeof o->first_name, "%s", cubin->kernels[0].name);
  }
  o->size_b = cubin->size_b;
  memcpy(o->bytes, cubin->bytes, o->size_b < sizeof o->bytes ? o->size_b : sizeof o->bytes - 1);
}

static void run(const request *r, outcome *o) {
  tc_unwind unwind;
  tc_arena arena;
  memset(&unwind, 0, sizeof unwind);
  memset(o, 0, sizeof *o);
  tc_arena_init(&arena, &unwind, 0);
  if (setjmp(unwind.at) == 0) {
    tc_diags *diags = tc_diags_new(&arena, tc_source_new(&arena));
    tc_nvrtc nvrtc;
    tc_cubin cubin = {0};
    tc_nvrtc_job job = {tc_str_of(r->text), r->arch ? r->arch : "sm_90a", r->flags, r->timeout_s};
    o->found = tc_nvrtc_find(&nvrtc, r->library, r->nvcc, diags, &arena);
    o->compiled = o->found && tc_nvrtc_compile(&nvrtc, &job, &cubin, diags, &arena);
    if (o->found) keep(o, &nvrtc, &cubin);
    if (diags->n_errors)
      snprintf(o->code, sizeof o->code, "%s", tc_diag_row(diags->all.at[0].id)->code);
    tc_sb sb = tc_sb_in(&arena);
    tc_diags_render(diags, TC_DIAG_TEXT, &sb);
    if (sb.n) snprintf(o->text, sizeof o->text, "%s", sb.at);
  } else {
    const bool unwound = true;
    CHECK(!unwound);
  }
  tc_arena_free(&arena);
}

static void by_stand_in(const char *library) {
  outcome o;
  run(&(request){.library = library, .text = "fine", .flags = "-std=c++17  -fmad=false"}, &o);
  if (!CHECK(o.compiled)) puts(o.text);
  CHECK_TEXT(o.version, "NVRTC 77.1");
  CHECK_TEXT(o.key, "NVRTC 77.1, ");
  CHECK_TEXT(o.path, "nvrtc.so");
  CHECK_TEXT(o.bytes, "ELF -arch=sm_90a --ptxas-options=-v -std=c++17 -fmad=false\nfine");
  CHECK(o.n_kernels == 1 && strcmp(o.first_name, "main_kernel") == 0);
  CHECK(o.first.registers == 168 && o.first.barriers == 2 && o.first.shared_b == 1024);
  CHECK(o.first.stack_b == 16 && o.first.spill_stores_b == 24 && o.first.spill_loads_b == 32);

  run(&(request){.library = library, .text = "FAIL"}, &o);
  CHECK(!o.compiled && strcmp(o.code, "E0707") == 0);
  CHECK_TEXT(o.text, "kernel.cu(3): error: expected a \";\"");
  run(&(request){.library = library, .text = "NONE"}, &o);
  CHECK(!o.compiled && strcmp(o.code, "E0707") == 0);
  run(&(request){.library = library, .text = "SERIAL"}, &o);
  CHECK(!o.compiled && strcmp(o.code, "E0708") == 0);
  CHECK_TEXT(o.text, "insufficient register resources");
  run(&(request){.library = library, .text = "HANG", .timeout_s = 1}, &o);
  CHECK(!o.compiled && strcmp(o.code, "E0709") == 0);
  CHECK_TEXT(o.text, "within 1 seconds");
}

static void missing(void) {
  outcome o;
  run(&(request){.library = "/nowhere/libnvrtc.so", .text = ""}, &o);
  CHECK(!o.found && strcmp(o.code, "E0706") == 0);
  CHECK_TEXT(o.text, "/nowhere/libnvrtc.so");
  run(&(request){.library = "libc.so.6", .text = ""}, &o);
  CHECK(!o.found && strcmp(o.code, "E0706") == 0);
  CHECK_TEXT(o.text, "it has no nvrtcVersion");
  run(&(request){.library = "/nowhere/libnvrtc.so", .nvcc = "no-such-nvcc", .text = ""}, &o);
  CHECK_TEXT(o.text, "no-such-nvcc (not found)");
}

/* A command in the place of nvcc: its last word but two is the output. */
static void by_script(void) {
  char path[] = "/tmp/tilec-nvcc-XXXXXX";
  int fd = mkstemp(path);
  FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
  if (!CHECK(f != NULL)) return;
  fputs("#!/bin/sh\n"
        "if [ \"$1\" = --version ]; then echo driver; echo Build cuda_9.9; exit 0; fi\n"
        "echo \"ptxas info    : Compiling entry function 'a' for 'sm_80'\"\n"
        "echo \"ptxas info    : Used 10 registers\"\n"
        "while [ \"$1\" != -o ]; do shift; done\n"
        "grep -q BAD \"$3\" && { echo \"kernel.cu(1): error: bad\"; exit 2; }\n"
        "echo cubin > \"$2\"\n",
        f);
  fclose(f);
  chmod(path, 0700);
  outcome o;
  run(&(request){.library = "/nowhere/x.so", .nvcc = path, .text = "ok", .arch = "sm_80"}, &o);
  if (!CHECK(o.compiled)) puts(o.text);
  CHECK_TEXT(o.key, "Build cuda_9.9");
  CHECK(o.n_kernels == 1 && o.first.registers == 10 && strcmp(o.bytes, "cubin\n") == 0);
  run(&(request){.library = "/nowhere/x.so", .nvcc = path, .text = "BAD", .arch = "sm_80"}, &o);
  CHECK(!o.compiled && strcmp(o.code, "E0702") == 0);
  CHECK_TEXT(o.text, "error: bad");
  remove(path);
}

/* ---- the real one ---- */

static const char SAXPY[] =
    "extern \"C\" __global__ void __launch_bounds__(128) saxpy(float *y, const float *x, float a,\n"
    "                                                         int n) {\n"
    "  __shared__ float s[128];\n"
    "  int i = (int)blockIdx.x * 128 + (int)threadIdx.x;\n"
    "  s[threadIdx.x] = i < n ? x[i] : 0;\n"
    "  __syncthreads();\n"
    "  if (i < n) y[i] += a * s[threadIdx.x];\n"
    "}\n"
    "extern \"C\" __global__ void zero(float *y) { y[threadIdx.x] = 0; }\n";

/* The accumulator is read between two instructions that nothing waits for. */
static const char SERIAL[] =
    "extern \"C\" __global__ void __launch_bounds__(128) f(float *y, unsigned long long d, int n) "
    "{\n"
    "  float a = y[0], b = y[1], c = y[2], e = y[3];\n"
    "  asm volatile(\"wgmma.fence.sync.aligned;\");\n"
    "  for (int i = 0; i < n; i++) {\n"
    "    asm volatile(\"wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%0,%1,%2,%3}, %4, "
    "%4,\"\n"
    "                 \"1, 1, 1, 0, 0;\" : \"+f\"(a), \"+f\"(b), \"+f\"(c), \"+f\"(e) : "
    "\"l\"(d));\n"
    "    y[i] = a;\n"
    "  }\n"
    "  asm volatile(\"wgmma.commit_group.sync.aligned;\");\n"
    "  asm volatile(\"wgmma.wait_group.sync.aligned 0;\");\n"
    "  y[0] = a, y[1] = b, y[2] = c, y[3] = e;\n"
    "}\n";

static void *compile_in_thread(void *data) {
  run(&(request){.text = SAXPY, .arch = "sm_80"}, data);
  return NULL;
}

static void by_nvrtc(void) {
  outcome o;
  run(&(request){.text = SAXPY, .flags = "-std=c++17 -fmad=false"}, &o);
  if (!o.found) {
    printf("skipped: the real compiler: %s", o.text);
    return;
  }
  if (!CHECK(o.compiled)) puts(o.text);
  printf("compiled by %s (%s)\n", o.version, o.path);
  CHECK(o.size_b > 1000 && memcmp(o.bytes, "\177ELF", 4) == 0 && o.n_kernels == 2);
  run(&(request){.text = "extern \"C\" __global__ void f() { int x = ; }"}, &o);
  CHECK(!o.compiled && (strcmp(o.code, "E0707") == 0 || strcmp(o.code, "E0702") == 0));
  CHECK_TEXT(o.text, "expected an expression");
  run(&(request){.text = SERIAL}, &o);
  CHECK(!o.compiled && strcmp(o.code, "E0708") == 0);
  run(&(request){.text = SAXPY, .arch = "sm_11"}, &o);
  CHECK(!o.compiled && o.code[0]);

  pthread_t threads[2];
  outcome two[2];
  for (int i = 0; i < 2; i++)
    pthread_create(&threads[i], NULL, compile_in_thread, &two[i]);
  for (int i = 0; i < 2; i++) {
    pthread_join(threads[i], NULL);
    CHECK(two[i].compiled && two[i].n_kernels == 2);
  }
}

int main(void) {
  char library[1100];
  by_stand_in(fake_path("nvrtc", library, sizeof library));
  missing();
  by_script();
  by_nvrtc();
  return check_report();
}
