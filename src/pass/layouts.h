/* The parts of pass layout: what is known of one kernel's layouts while they are being chosen. */
#ifndef TC_PASS_LAYOUTS_H
#define TC_PASS_LAYOUTS_H

#include "pass/onchip.h"

/* A use of a fragment as it does not lie: an operand of a tile operation; accesses of a parallel
 * loop, or one access (operand -1). */
typedef struct tc_wish {
  tc_work work;
  int operand;
  tc_buf buf;
  const tc_layout *layout; /* as it is wanted; of operands */
} tc_wish;

typedef struct tc_layouts {
  tc_ir *ir;
  const tc_pass_context *cx;
  tc_arena *arena;
  tc_works works;
  const tc_layout **of;  /* by buffer id; NULL: not known yet */
  tc_value *asked;       /* by buffer id: the statement that asked for it */
  const tc_layout **map; /* by value id: of parallel loops and copies */
  TC_VEC(tc_wish) wishes;
  bool changed;
} tc_layouts;

/* The buffer lies like this, says the statement; reports a conflict when it lies otherwise. */
void tc_layouts_set(tc_layouts *l, tc_buf buf, const tc_layout *layout, tc_value stmt);
/* Reports that there is no layout, and why. */
void tc_layouts_refuse(tc_layouts *l, tc_value stmt, tc_buf buf, const char *why);
bool tc_layouts_is_fragment(const tc_layouts *l, tc_buf buf);

/* ---- layout_parts.c ---- */

/* Makes whole fragments of operands that must be some. */
void tc_layouts_parts(tc_ir *ir, tc_value kernel, tc_arena *scratch);

/* ---- layout_convert.c ---- */

/* Operand `operand` of the work wants the buffer in another layout than it may get: it is copied
 * then. Asking twice is asking once. */
void tc_layouts_wish(tc_layouts *l, const tc_work *work, int operand, tc_buf buf,
                     const tc_layout *layout);
/* Puts in what the wishes ask for, when all else has its layout. */
void tc_layouts_convert(tc_layouts *l, tc_value kernel);

/* ---- layout_gemm.c ---- */

/* What a product asks of its accumulator and of operands in registers. */
void tc_layouts_gemm(tc_layouts *l, const tc_work *work);
/* How much of its operand's last dimension a warp (wgmma: warpgroup) takes; 0: all of it. */
int64_t tc_layouts_part(tc_layouts *l, const tc_work *work, uint32_t operand);
/* A buffer in shared memory that products or the bulk copy engine use: swizzled if its rows, and
 * the parts of them that warps take, allow it. `wgmma`: padding is not an alternative. */
const tc_layout *tc_layouts_shared(tc_layouts *l, tc_buf buf, bool wgmma, int64_t part);
/* What a copy goes through on its way out: one box of the bulk copy engine, so of one panel. */
const tc_layout *tc_layouts_stage(tc_layouts *l, tc_buf buf);

/* ---- layout_loop.c ---- */

/* Carries what is known from fragments to a parallel loop's thread map, and from it to the other
 * fragments. */
void tc_layouts_loop(tc_layouts *l, const tc_work *work);
/* Shares the loop out evenly. */
void tc_layouts_share_loop(tc_layouts *l, const tc_work *work);
/* Does the loop touch fragments? */
bool tc_layouts_loop_has_fragments(tc_layouts *l, const tc_work *work);
/* Reports an access of the loop to what its thread does not hold. */
void tc_layouts_check_loop(tc_layouts *l, const tc_work *work);

/* ---- layout_hints.c ---- */

/* What the source asks of a buffer in shared memory that has no layout yet. */
void tc_layouts_hint(tc_layouts *l, const tc_work *work);
/* Says so when it was not followed. */
void tc_layouts_check_hint(tc_layouts *l, const tc_work *work);

#endif
