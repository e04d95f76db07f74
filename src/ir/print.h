/* IR as text, files named *.tir: complete, readable, and canonical. tc_ir_parse reads it back
 * exactly, so any dump can be fed in again; equal functions give equal text whatever their handles
 * are, so the text is what caches hash.
 *
 * Variables and values begin with %, buffers have bare names; a second thing of one name is called
 * x.1, names that are no identifiers stand in quotes. Constants are int32, float32 or bool, or say
 * their type as in 1:int64. `/` and `%` of integers round down. A slice is A[base :+ extent, ...],
 * or A[*] for all of A, with `inside` when it was proved in range. The forms of statements are in
 * forms.def, their attributes in attrs.def. Comments begin with //. */
#ifndef TC_IR_PRINT_H
#define TC_IR_PRINT_H

#include "ir/ir.h"

enum { TC_TIR_VERSION = 1 };
enum tc_print_flags { TC_PRINT_PLACES = 1 /* `// file:line` after each statement */ };

/* A whole function:
 *
 *   tir 1 tile
 *   func @scale {
 *     dim %M: int32
 *     scalar %alpha: float32
 *     param A: global float32[%M, 64]
 *     param %alpha
 *     kernel @main (%bx < (%M + 31) / 32) threads(128) {
 *       parallel (%i < 32, %j < 64) {
 *         %0 = %bx * 32 + %i
 *         %1 = %0 < %M
 *         %2 = load A[%0, %j] if %1 guarded
 *         store A[%0, %j] = %alpha * %2 if %1 guarded
 *       }
 *     }
 *   }
 */

/* Appends the text of a whole function. `scratch` may be the arena of `out`. A broken function
 * prints too, but what it prints need not parse. */
void tc_ir_print(tc_ir *ir, uint32_t flags, tc_arena *scratch, tc_sb *out);
/* Appends what a caller needs to know: "scale(A: float32[M, 64], alpha: float32)"; before a result
 * stands "out". */
void tc_ir_print_signature(tc_ir *ir, tc_arena *scratch, tc_sb *out);

#endif
