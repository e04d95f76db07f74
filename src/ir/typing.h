/* The type rules of pure ops, stated once: the verifier checks existing ops against them, the
 * parser asks before it builds. And the limits both keep. */
#ifndef TC_IR_TYPING_H
#define TC_IR_TYPING_H

#include "ir/ir.h"

enum {
  TC_MAX_RANK = 16,
  TC_MAX_LANES = 1024,
  TC_MAX_NESTING = 128, /* regions inside each other */
};

typedef struct tc_pure {
  enum tc_opcode op;
  const tc_value *in;
  uint32_t n, payload;
  tc_type type; /* wanted: of const, var, cast and reinterpret; lanes of ramp and broadcast */
} tc_pure;
/* NULL and *type set when the op is right; else what is wrong, in the arena or static. */
const char *tc_typing_check(const tc_ir *ir, const tc_pure *x, tc_type *type);
/* True for one lane of an integer type. */
bool tc_is_index_type(tc_type type);

/* The op that combines two elements in a reduction whose elements have this type. */
enum tc_opcode tc_reduce_op(enum tc_reduce_kind kind, tc_type type);
/* What the first element is combined with. */
tc_imm tc_reduce_neutral(enum tc_reduce_kind kind, tc_type type);

#endif
