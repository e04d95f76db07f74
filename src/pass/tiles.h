/* What slices of buffers look like, as far as it is known when compiling. */
#ifndef TC_PASS_TILES_H
#define TC_PASS_TILES_H

#include "ir/ir.h"
#include "prove/prove.h"

enum { TC_TILE_RANK = 8 };

/* Elements from one index of dimension d to the next, in 64 bits. */
tc_value tc_tile_stride(tc_ir *ir, const tc_buffer *b, uint32_t d);
/* All of its buffer? */
bool tc_tile_is_whole(const tc_ir *ir, tc_value slice);
bool tc_tile_is_one(const tc_ir *ir, tc_value extent);
/* The extents, all constants; false when they are not, or too many. */
bool tc_tile_extents(const tc_ir *ir, tc_value slice, int64_t out[TC_TILE_RANK], uint32_t *rank);
/* The last two, the others being 1: rows and columns. */
bool tc_tile_matrix(const tc_ir *ir, tc_value slice, int64_t *rows, int64_t *columns);
int64_t tc_tile_elements(const tc_ir *ir, tc_value slice); /* 0: not known */
/* Bytes of a buffer with constant extents; 0: not known. */
int64_t tc_tile_buf_bytes(const tc_ir *ir, tc_buf buf);
enum tc_scope tc_tile_scope(const tc_ir *ir, tc_value slice);
tc_type tc_tile_elem(const tc_ir *ir, tc_value slice);
const char *tc_tile_name(const tc_ir *ir, tc_value slice);

#endif
