/* The cost model of a GPU kernel's schedule: whether a choice pays, from a few numbers of the tile
 * and of the machine. Each answer comes with the sum it rests on, for `hint choice`.
 *
 * The unit is a clock of one multiprocessor, all of them at work. What is not known (a dimension of
 * the launch, a fact of the machine) is 0, and then the choice is the one that is never bad. */
#ifndef TC_PASS_COST_H
#define TC_PASS_COST_H

#include "pass/pass.h"

/* One tile of the result, and the sum behind it. */
typedef struct tc_cost_tile {
  int64_t m, n;    /* elements of the tile                       */
  int64_t k;       /* of the whole sum; 0: not known             */
  int64_t step_k;  /* in one step of its loop                    */
  int64_t in_bits; /* of an operand's element                    */
  int64_t out_b;   /* bytes of the tile as it leaves             */
  int64_t total_b; /* of both operands, whole; 0: not known      */
} tc_cost_tile;

typedef struct tc_cost {
  const tc_target_limits *limits;
  tc_arena *arena; /* of the texts */
} tc_cost;

/* Does the end of a tile cost enough to hide it behind another one's sum? */
bool tc_cost_turns(const tc_cost *c, const tc_cost_tile *t, const char **why);
/* Steps for which the loads of all blocks stay together. */
int64_t tc_cost_lockstep(const tc_cost *c, const tc_cost_tile *t, bool turns, const char **why);
/* Is there anything of the last wave in the L2 cache that walking back would find, and that would
 * not be there anyway? */
bool tc_cost_back(const tc_cost *c, const tc_cost_tile *t, const char **why);
/* Rows of tiles in a panel, `most` at most: so that a wave of `tiles` tiles loads the fewest bytes.
 * A tile loads row_b by its row alone, and column_b by its column. */
int64_t tc_cost_panel(int64_t tiles, int64_t most, int64_t row_b, int64_t column_b, int64_t *bytes);

#endif
