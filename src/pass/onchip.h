/* What layout, place and sync share: who does which statement, and the buffers of a block's own
 * memory and registers.
 *
 * Threads in layouts and thread maps count from the first one of the innermost group around. */
#ifndef TC_PASS_ONCHIP_H
#define TC_PASS_ONCHIP_H

#include "layout/layout.h"
#include "pass/pass.h"

/* ---- who ---- */

typedef struct tc_team {
  int64_t first, count; /* threads of the block */
} tc_team;

/* A statement of a kernel. */
typedef struct tc_work {
  tc_value stmt;
  tc_team team;   /* the threads that do it together */
  bool single;    /* in the code of single threads */
  tc_value group; /* the innermost group around, or the kernel */
  tc_value loop;  /* the parallel loop around, or 0 */
} tc_work;
typedef TC_VEC(tc_work) tc_works;

/* All statements of a kernel, parents first. */
void tc_works_of(tc_ir *ir, tc_value kernel, tc_arena *arena, tc_works *out);
/* The kernels of the function. */
typedef TC_VEC(tc_value) tc_kernels;
void tc_kernels_of(tc_ir *ir, tc_arena *arena, tc_kernels *out);

/* ---- boxes ---- */

/* A buffer's extents when all are constants and not too many; else false. */
bool tc_onchip_extents(const tc_ir *ir, tc_buf buf, int64_t out[TC_LAYOUT_DIMS]);
/* A slice's extents without those that are 1 (at least one stays); false: not constant. */
bool tc_onchip_box(const tc_ir *ir, tc_value slice, int64_t out[TC_LAYOUT_DIMS], uint32_t *n);
/* Does the slice cover its buffer? */
bool tc_onchip_is_whole(const tc_ir *ir, tc_value slice);
enum tc_scope tc_onchip_scope(const tc_ir *ir, tc_value slice);
uint32_t tc_onchip_bits(const tc_ir *ir, tc_buf buf); /* of an element */
const char *tc_onchip_name(const tc_ir *ir, tc_buf buf);

/* ---- layouts ---- */

/* NULL: none was chosen. */
const tc_layout *tc_onchip_layout(const tc_ir *ir, tc_buf buf, tc_arena *arena);
const char *tc_onchip_text(tc_ir *ir, const tc_layout *layout);
/* What a buffer with this layout is aligned to. */
int64_t tc_onchip_align_b(tc_arena *arena, const tc_layout *layout, uint32_t element_bits);
/* From one version of the buffer to the next, or all of it. */
int64_t tc_onchip_size_b(tc_arena *arena, const tc_layout *layout, uint32_t element_bits);

/* A loop nest or a box over the threads of a team: elements of `vector_bits` together at most, when
 * they come out even. */
const tc_layout *tc_onchip_share(tc_arena *arena, uint32_t n, const int64_t *extents,
                                 int64_t threads, int64_t vector, bool copies);

#endif
