/* Reads the text that tc_ir_print writes (and what people write by hand in its form). Whatever the
 * bytes are, the answer is a function or one diagnostic E08xx with a caret; nothing is assumed
 * about the text. Names and types are resolved here, so the function is well formed; whether it
 * obeys the rules of its state is tc_verify's business. */
#ifndef TC_IR_PARSE_H
#define TC_IR_PARSE_H

#include "ir/ir.h"

/* Returns a new function, or NULL after reporting the first mistake to `diags`. The text is added
 * to the source map under the name `file`; statements and declarations get spans in it. */
tc_ir *tc_ir_parse(tc_arena *arena, tc_diags *diags, tc_names *names, const char *file,
                   tc_str text);

#endif
