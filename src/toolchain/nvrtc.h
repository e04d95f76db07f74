/* CUDA text in, a device binary (cubin) for one architecture out.
 *
 * The compiler is NVRTC, a library that is opened when it is first needed, or else nvcc, run as a
 * child (toolchain/cc.h). Neither is needed to build or load this library. Nothing here prints or
 * keeps anything between calls, so any number of threads may compile at once. */
#ifndef TC_TOOLCHAIN_NVRTC_H
#define TC_TOOLCHAIN_NVRTC_H

#include "toolchain/cc.h"
#include "toolchain/ptxas.h"

typedef struct tc_nvrtc {
  const char *path;                   /* of the library, or of nvcc                     */
  const char *version;                /* "NVRTC 13.0"                                   */
  const char *key;                    /* for cache keys: tells patched versions apart   */
  const struct tc_nvrtc_calls *calls; /* NULL: it is nvcc                               */
  tc_cc nvcc;
} tc_nvrtc;

/* Finds the compiler. `library`, when not empty, is the only library that is tried; else it is
 * libnvrtc.so.13 and .12 as the loader finds them, below $CUDA_HOME/lib64, and below
 * /usr/local/cuda/lib64. `nvcc` is the command tried after that; empty: nvcc on PATH and below
 * those two. False: E0706 was recorded, with what was tried. */
bool tc_nvrtc_find(tc_nvrtc *nvrtc, const char *library, const char *nvcc, tc_diags *diags,
                   tc_arena *arena);

typedef struct tc_nvrtc_job {
  tc_str text;
  const char *arch;   /* "sm_90a"                              */
  const char *flags;  /* separated by blanks                   */
  uint32_t timeout_s; /* 0: 60; NVRTC before 12.8 takes no limit */
} tc_nvrtc_job;

/* Compiles the text. False: E0707 (refused, with the first lines of the log), E0708 (the assembler
 * serialised it), E0709 (too slow), or for nvcc E0702 to E0705 was recorded. */
bool tc_nvrtc_compile(const tc_nvrtc *nvrtc, const tc_nvrtc_job *job, tc_cubin *cubin,
                      tc_diags *diags, tc_arena *arena);

#endif
