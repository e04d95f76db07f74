/* The library of small functions that emitted text calls: a program carries those it mentions, each
 * before its users. Functions on single values are common to all targets; each target adds rows of
 * its own, or gives better ones. */
#ifndef TC_TARGET_COMMON_PRELUDE_H
#define TC_TARGET_COMMON_PRELUDE_H

#include "base/str.h"

/* tc_i8 ... tc_u64, tc_f16, tc_bf16 as typedefs. */
extern const char *const tc_prelude_types;

typedef struct tc_prelude tc_prelude;
struct tc_prelude {
  /* The text of a function or type, NULL when the word is none. */
  const char *(*find)(const tc_prelude *prelude, tc_arena *arena, tc_str word);
  uint32_t lanes; /* 32-bit elements of a vector register; 0: no vectors */
};

/* A row of scalar.def, or tc_<format>_<verb>. */
const char *tc_prelude_scalar(tc_arena *arena, tc_str word);
/* The declaration of a function of libm that mathfns.def names. */
const char *tc_prelude_libm(tc_arena *arena, tc_str word);
/* Appends everything that `text` mentions, and what that mentions. */
void tc_prelude_add(tc_sb *out, const tc_prelude *prelude, tc_str text);

#endif
