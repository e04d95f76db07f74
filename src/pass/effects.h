/* Which storage a statement reads and writes by itself, its regions left out: the op table's effect
 * column, resolved to buffers. */
#ifndef TC_PASS_EFFECTS_H
#define TC_PASS_EFFECTS_H

#include "ir/ir.h"

enum tc_touch_kind {
  TC_TOUCH_READ = 1,
  TC_TOUCH_WRITE = 2,
  TC_TOUCH_ATOMIC = 4, /* as one step: the old value does not escape half written */
  TC_TOUCH_MAYBE = 8,  /* whether there is a read depends on a condition */
};
typedef struct tc_touch {
  tc_buf buf;
  tc_value slice; /* of a tile op; 0 for an element or a whole buffer */
  uint32_t kind;  /* tc_touch_kind */
} tc_touch;

enum { TC_MAX_TOUCHES = 8 };
/* Returns how many; reads come before writes. */
uint32_t tc_touches_of(const tc_ir *ir, tc_value stmt, tc_touch out[TC_MAX_TOUCHES]);
/* Everything that the statement and those inside it do to a root buffer: tc_touch_kind bits. */
uint32_t tc_touch_below(tc_ir *ir, tc_value stmt, tc_buf root);
/* How often they do one of `kinds` to it. */
uint32_t tc_touch_count(tc_ir *ir, tc_value stmt, tc_buf root, uint32_t kinds);
/* The buffer whose storage this is. */
static inline tc_buf tc_root_of(const tc_ir *ir, tc_buf buf) {
  return tc_buf_at(ir, buf)->root;
}

#endif
