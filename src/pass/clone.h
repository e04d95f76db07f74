/* Copies of statements with other variables, buffers and operands.
 *
 * Variables and buffers that the copied statements bind or allocate are new in the copy, so that
 * original and copy may both stay. What a caller wants replaced it puts into the maps before. */
#ifndef TC_PASS_CLONE_H
#define TC_PASS_CLONE_H

#include "base/map.h"
#include "ir/ir.h"

typedef struct tc_clone tc_clone;
/* Called for each statement before it is copied to `to`; true when it was dealt with there, by
 * another statement or by none. */
typedef bool tc_clone_special(tc_clone *c, tc_value stmt, tc_region to);

struct tc_clone {
  tc_ir *ir;
  tc_map values; /* id of a value -> id of what stands for it in the copy */
  tc_map bufs;   /* likewise of buffers */
  tc_clone_special *special;
  void *data;
};
tc_clone tc_clone_new(tc_ir *ir, tc_arena *scratch, tc_clone_special *special, void *data);
/* Uses of `var` become uses of `value`. */
void tc_clone_bind(tc_clone *c, tc_var var, tc_value value);
tc_value tc_clone_value(tc_clone *c, tc_value v);
tc_buf tc_clone_buf(tc_clone *c, tc_buf buf);
/* Copies one statement with all its regions, or all statements of a region. */
tc_value tc_clone_stmt(tc_clone *c, tc_value stmt, tc_region to);
void tc_clone_region(tc_clone *c, tc_region from, tc_region to);

#endif
