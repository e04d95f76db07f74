/* How parameters are spelled in C, for the header and the source alike. */
#ifndef TC_TARGET_CPU_AOT_IMPL_H
#define TC_TARGET_CPU_AOT_IMPL_H

#include "target/cpu/aot.h"

enum tc_aot_form {
  TC_AOT_TENSORS, /* NAME: tensors as structs        */
  TC_AOT_RAW,     /* NAME_raw: pointers, dimensions  */
};

/* A name of the kernel as a C identifier that is no keyword. */
const char *tc_aot_ident(const char *name, tc_arena *arena);
/* "const tilec_aot_tensor *A, float alpha", or "void" when there are none and `first` is empty.
 * `first` stands before them. */
void tc_aot_print_formals(const tc_rt_table *table, enum tc_aot_form form, const char *first,
                          tc_sb *out);
/* "first, A, alpha" */
void tc_aot_print_actuals(const tc_rt_table *table, enum tc_aot_form form, const char *first,
                          tc_sb *out);
/* "float32[M, K]" */
const char *tc_aot_shape_text(const tc_rt_table *table, const tc_rt_param *p, tc_arena *arena);
bool tc_aot_is_float(const tc_rt_param *p);

/* ---- GPUs (aot_gpu.c) ---- */

/* The binary, and the functions of the prelude that the host's side needs. */
void tc_aot_print_image(const tc_aot *a, tc_sb *out);
/* What tck_unit.gpu points to. */
void tc_aot_print_reach(const tc_aot *a, tc_sb *out);
/* NAME_use_stream. */
void tc_aot_print_stream(const tc_aot *a, tc_sb *out);
/* The call in the entry by tvm-ffi's C ABI, which knows of streams. */
void tc_aot_print_packed_call(const tc_aot *a, tc_sb *out);

#endif
