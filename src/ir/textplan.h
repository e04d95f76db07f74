/* What the printer decides before it writes: which pure values get a name, and where; in which
 * order the operands of commutative ops are shown; where buffers without an `alloc` of their own
 * are declared. All of it depends only on the structure of the function, never on handle numbers,
 * because the text is hashed and compared.
 *
 * A value gets a name when it is used more than once or is too large to read in place; its name
 * stands where tc_place_values would compute it, but the expressions of buffer declarations count
 * as uses too. Constants, variables, statement results and slices are always written in place. */
#ifndef TC_IR_TEXTPLAN_H
#define TC_IR_TEXTPLAN_H

#include "ir/walk.h"

/* In a tc_spot, region 0 stands for the function's header; TC_NOWHERE as `before` marks what has no
 * spot. */
#define TC_NOWHERE UINT32_MAX

enum tc_declared { TC_DECLARED_LINE, TC_DECLARED_PARAM, TC_DECLARED_ALLOC };

/* Things to write at a spot; sorted by region, before, order. */
typedef struct tc_spot_item {
  tc_spot spot;
  uint32_t order, id; /* of a value or a buffer */
} tc_spot_item;

typedef struct tc_textplan {
  bool *named;                /* by value id */
  bool *swapped;              /* by value id: show the second operand first */
  enum tc_declared *declared; /* by buffer id */
  tc_spot_item *values, *bufs;
  uint32_t n_values, n_bufs;
} tc_textplan;

/* The plan of a function, in the arena. Good until the function changes. */
tc_textplan tc_textplan_make(tc_ir *ir, tc_arena *scratch);
/* The items at a spot: [*first, *first + n). */
uint32_t tc_textplan_at(const tc_spot_item *items, uint32_t n_items, tc_spot spot, uint32_t *first);

#endif
