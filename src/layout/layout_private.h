/* What the files of this folder share: the places of a dim, and elimination done once per layout.
 */
#ifndef TC_LAYOUT_LAYOUT_PRIVATE_H
#define TC_LAYOUT_LAYOUT_PRIVATE_H

#include "base/checked.h"
#include "layout/layout.h"

#include <string.h>

#define TC_LAYOUT_MOST (INT64_C(1) << 62)

/* A digit of one dim's coordinates: (x / place) % (next place / place). */
typedef struct tc_place {
  int64_t place, extent;
  int32_t mode;  /* the STEP, or -1 */
  int32_t row;   /* for a bit: its row of the matrix, else -1 */
  int32_t shift; /* log2 of the place, or -1 */
} tc_place;

enum { TC_LAYOUT_ROWS = 64 };

/* Gaussian elimination of the BIT modes, columns of low spaces last so that copy 0 has the lowest
 * thread.  Row r stands for one bit of one dim. */
typedef struct tc_solver {
  const tc_place *places[TC_LAYOUT_DIMS]; /* by place, lowest first */
  uint32_t n_places[TC_LAYOUT_DIMS];
  uint32_t n_rows, n_columns, n_basis, n_free;
  uint64_t *column;      /* rows that the column has; arrays have one for each BIT mode */
  uint64_t *basis;       /* a combination of columns, made so that .. */
  uint64_t *combination; /* .. these columns XOR to it */
  uint64_t *pivot;       /* one row that it has and later ones lack */
  uint64_t *kernel;      /* free column and those that undo it */
  uint8_t *column_mode;  /* column -> mode */
  uint8_t *free_column;
} tc_solver;

const tc_solver *tc_solver_new(tc_arena *arena, const tc_layout *l); /* NULL: places do not nest */
/* Columns that XOR to `rows`; false if none do. */
bool tc_solver_solve(const tc_solver *s, uint64_t rows, uint64_t *columns);

/* Modes under construction.  Errors are remembered, so that builders need not look. */
typedef struct tc_draft {
  tc_arena *arena;
  uint32_t n_dims, n, cap; /* at most TC_LAYOUT_MODES modes */
  int64_t bound[TC_LAYOUT_DIMS];
  tc_mode *at;
  bool bad;
} tc_draft;

tc_draft *tc_draft_new(tc_arena *arena, uint32_t n_dims, const int64_t *bound);
tc_draft *tc_draft_of(tc_arena *arena, const tc_layout *l); /* with its modes */
void tc_draft_mode(tc_draft *d, tc_mode mode);
void tc_draft_step(tc_draft *d, enum tc_space space, uint32_t dim, int64_t extent, int64_t step);
/* The same where powers of two are bits, which may meet others. */
void tc_draft_run(tc_draft *d, enum tc_space space, uint32_t dim, int64_t extent, int64_t step);
/* Puts the mode below all that are there. */
void tc_draft_step_below(tc_draft *d, enum tc_space space, uint32_t dim, int64_t extent,
                         int64_t step);
const tc_layout *tc_draft_finish(tc_draft *d);

/* The modes with runs joined: bits that nothing else touches become STEPs, and neighbours that
 * continue each other one mode.  Returns the count; `modes` has TC_LAYOUT_MODES of room. */
uint32_t tc_layout_runs(const tc_layout *l, tc_mode *modes);

/* Sets bits and sum to what the terms of one space, and nothing else, give for `input`. */
void tc_layout_digits_part(const tc_layout_digits *d, enum tc_space space, int64_t input,
                           int64_t *bits, int64_t *sum);

static inline bool tc_is_power_of_two(int64_t x) {
  return x > 0 && (x & (x - 1)) == 0;
}

static inline uint32_t tc_low_bit(uint64_t x) { /* x != 0 */
  uint32_t n = 0;
  for (; !(x & 1); x >>= 1)
    n++;
  return n;
}

/* Greatest power of two that divides x, x > 0. */
static inline int64_t tc_power_in(int64_t x) {
  return x & -x;
}

#endif
