/* What `tilec build` writes besides machine code, for one function compiled for the CPU target, or
 * for a GPU: then the kernels are a binary, and what checks and launches is C for the host.
 *
 *   NAME.c     everything: the kernels, the host side of src/rt, the launch table, the entry points
 *   NAME.h     what a C or C++ program needs to call them
 *   NAME.json  the same facts for other programs; docs/aot.md describes its keys
 *
 * The entry points are NAME_call and NAME_raw_call, which take the number of the interface first
 * (the functions NAME and NAME_raw of the header pass it), and NAME_error. All else in the object
 * is local to it, but for the hub that the objects of a program share (rt/aot.h). */
#ifndef TC_TARGET_CPU_AOT_H
#define TC_TARGET_CPU_AOT_H

#include "base/str.h"
#include "rt/table.h"
#include "target/cpu/cpu.h"

/* What the assembler made. */
typedef struct tc_aot_gpu {
  const char *arch; /* "sm_90a" */
  uint32_t cc;
  bool exact;
  tc_str image;
} tc_aot_gpu;

typedef struct tc_aot {
  const char *name;          /* what the entry points begin with; tc_aot_name_problem found none */
  const char *target;        /* "cpu:x86-64-v3", "cuda:sm_90a"     */
  const char *file, *entry;  /* where the function comes from      */
  const char *version;       /* of tilec                           */
  const char *source_sha256; /* of the file, hexadecimal           */
  const tilec_define *defines; /* what it was compiled with          */
  uint32_t n_defines;
  const tc_rt_table *table;
  enum tc_cpu_isa isa;
  const char *flags;     /* tc_cpu_flags */
  tc_str kernels;        /* tc_cpu_emit with is_part */
  uint32_t interface;    /* tc_aot_interface */
  const tc_aot_gpu *gpu; /* NULL: the kernels are C */
} tc_aot;

/* Why `name` cannot name an entry in C and C++, or NULL. */
const char *tc_aot_name_problem(const char *name);
/* Functions of the prelude that NAME.c uses besides those of the kernels: tc_cpu_options.also. */
const char *tc_aot_needs(const tc_rt_table *table, tc_arena *arena);
/* A number that changes with anything callers rely on. */
uint32_t tc_aot_interface(const tc_rt_table *table);

void tc_aot_print_c(const tc_aot *aot, tc_sb *out);
void tc_aot_print_h(const tc_aot *aot, tc_sb *out);
void tc_aot_print_json(const tc_aot *aot, tc_sb *out);

#endif
