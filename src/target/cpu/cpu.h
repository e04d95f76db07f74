/* The CPU target: a function in `tile` state becomes C text.
 *
 * Each kernel becomes one C function that runs one block:
 *
 *   int32_t name(void *const *ptr, const int64_t *word, const int32_t *block, const int32_t *grid,
 *                unsigned char *scratch, const tc_env *env);
 *
 *   ptr      data of the buffer parameters, in order, then the function-level workspaces
 *   word     each dimension and scalar parameter, by variable id: ints extended, floats as the bits
 *            of the double
 *   scratch  scratch_b bytes aligned to 64, private to the call: shared, fragment and local buffers
 *   returns  0, or 1 + the number of the assert, or other check, that failed
 *
 * A kernel whose threads wait for each other in more than one place at a time takes one more
 * argument, `tc_strand *strand`, and is called once for each strand of a block (rt/strand.h).
 *
 * Blocks run in any order on any threads. Shared tiles are arrays that fit the caches, T.gemm a
 * register-tiled kernel of vector code, T.Parallel a loop nest the C compiler can vectorise. The
 * text includes no header and needs the flags of tc_cpu_flags. */
#ifndef TC_TARGET_CPU_CPU_H
#define TC_TARGET_CPU_CPU_H

#include "ir/ir.h"
#include "pass/pass.h"
#include "rt/table.h"
#include "target/common/emitted.h"

/* What is true of this target, for the passes. */
#define TC_CPU_CAPS (TC_CAP_BIT(compiled) | TC_CAP_BIT(flat))

enum tc_cpu_isa {
#define ISA(name, march, machine, vector_b, n_regs, flags, needs, doc) TC_ISA_##name,
#include "target/cpu/isas.def"
#undef ISA
  TC_ISA_COUNT
};
typedef struct tc_cpu_isa_info {
  const char *name, *march, *machine, *flags, *needs, *doc;
  uint32_t vector_b, n_regs;
} tc_cpu_isa_info;
const tc_cpu_isa_info *tc_cpu_isa_row(enum tc_cpu_isa isa);
/* The row of the machine we run on. */
enum tc_cpu_isa tc_cpu_isa_host(void);
/* By either name; "native" is the host's. */
bool tc_cpu_isa_find(tc_str name, enum tc_cpu_isa *isa);

typedef struct tc_cpu_options {
  enum tc_cpu_isa isa;
  bool checked;     /* asserts what the interpreter would find; adds them to the IR */
  bool is_part;     /* of a larger text: kernels are static functions                 */
  const char *also; /* functions of the prelude that the rest of it uses, or NULL     */
} tc_cpu_options;

/* What cannot be run ends in a diagnostic and unwinds with TC_WHY_ERROR. */
tc_emitted tc_cpu_emit(tc_ir *ir, const tc_cpu_options *options, tc_arena *arena);
/* All flags for the C compiler, separated by blanks, except those that say what to make (-shared or
 * -c) and name files. Results depend
 * on them: no contraction (but inside gemm and the math functions), no reassociation, wrapping
 * ints. */
const char *tc_cpu_flags(const tc_cpu_options *options, tc_arena *arena);

#endif
