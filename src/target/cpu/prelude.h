/* The fixed text of emitted CPU programs: types, macros, and a library of small functions of which
 * a program carries those it mentions. */
#ifndef TC_TARGET_CPU_PRELUDE_H
#define TC_TARGET_CPU_PRELUDE_H

#include "base/str.h"
#include "target/cpu/cpu.h"

/* Appends the types and macros, and each library function that `text` mentions, before its users.
 */
void tc_cpu_prelude(tc_sb *out, const tc_cpu_options *options, tc_str text);

#endif
