/* Layouts: where the elements of a tile are, as mathematics on integers.
 *
 * A layout is a function from hardware coordinates to logical ones,
 *
 *     (thread, slot, offset)  ->  (x0, .., x5),      each input below its size, each x below 2^62.
 *
 * A fragment uses thread and slot, a buffer in memory uses offset; an unused space has size 1.  The
 * function is total on the inputs.  Its values fill a box that may be larger than the tile: a value
 * is *valid* when each x[d] < bound[d], and the rest is padding.  Several inputs with one value
 * hold copies; copy 0 is the one that stores.
 *
 * Each input is written in mixed radix, its lowest digit first; a digit is a *mode*.  A BIT mode is
 * a column of a matrix over GF(2): it XORs a mask into the dims.  A STEP mode (any extent) adds
 * digit * step to one dim; step 0 makes copies.  All XORs come before all sums, and in each dim the
 * bits and the steps nest like the digits of a number, so no sum carries and all questions below
 * are small eliminations.  For example 8 x 6 elements, two in each of 24 threads,
 *
 *     layout(thread:[3(0,2), 8(1,0)], slot:[2(0,1)] -> [8, 6]):
 *         thread 0: (0,0) (0,1)   thread 1: (0,2) (0,3)   thread 2: (0,4) (0,5)   thread 3: (1,0)
 * ..
 *
 * Layouts live in an arena, never change, and are in a normal form: equal functions are equal mode
 * by mode.  A function that does not fit the form can still be a layout as a table of its points.
 * NULL means "there is no such layout"; the contract says when. */
#ifndef TC_LAYOUT_LAYOUT_H
#define TC_LAYOUT_LAYOUT_H

#include "base/str.h"

enum {
  TC_LAYOUT_DIMS = 6,
  TC_LAYOUT_MODES = 96,
  TC_LAYOUT_POINTS = 1 << 20 /* the most points that a question looks at one by one */
};

enum tc_space {
#define SPACE(id, doc) TC_SPACE_##id,
#include "layout/spaces.def"
#undef SPACE
  TC_N_SPACES
};

enum tc_mode_kind { TC_MODE_STEP, TC_MODE_BIT };

typedef struct tc_mode {
  uint8_t kind, space, dim;      /* enum tc_mode_kind, enum tc_space; dim of a STEP */
  int64_t extent;                /* 2 for a BIT */
  int64_t step;                  /* STEP: what the digit is multiplied with; 0: copies */
  uint64_t mask[TC_LAYOUT_DIMS]; /* BIT: what is XORed into each dim */
} tc_mode;

/* A layout that is only known by its points: at[x] is where element x (row-major over the bounds)
 * is, replica by replica: at[(x * n_replicas + replica) * TC_N_SPACES + space]. */
typedef struct tc_layout_table {
  int64_t n_replicas;
  const int64_t *at;
  const int64_t *element; /* the inverse: row-major over (thread, slot, offset); -1: padding */
} tc_layout_table;

typedef struct tc_layout {
  uint32_t n_dims, n_modes;
  int64_t bound[TC_LAYOUT_DIMS];  /* the tile's extents, 1 <= bound < 2^62; 1 for dim >= n_dims */
  int64_t size[TC_N_SPACES];      /* inputs in each space */
  const tc_mode *modes;           /* by space, and lowest digit first */
  const struct tc_solver *solver; /* what finding needs, see layout_private.h */
  const tc_layout_table *table;   /* NULL unless opaque; then there are no modes */
} tc_layout;

/* ---- build (build.c) ---- */

enum tc_fragment {
#define FRAGMENT(id, ...) TC_FRAGMENT_##id,
#include "layout/fragments.def"
#undef FRAGMENT
  TC_N_FRAGMENTS
};

typedef struct tc_fragment_row {
  const char *name, *doc;
  uint8_t bits, rows, columns;
} tc_fragment_row;

enum tc_swizzle {
#define SWIZZLE(id, ...) TC_SWIZZLE_##id,
#include "layout/swizzles.def"
#undef SWIZZLE
  TC_N_SWIZZLES
};

typedef struct tc_swizzle_row {
  const char *name;
  uint8_t bits;       /* how many address bits are changed */
  uint16_t span_b;    /* bytes of a row of a panel; 0: any */
  uint16_t align_b;   /* what a buffer must be aligned to */
  uint8_t wgmma, tma; /* codes */
} tc_swizzle_row;

const tc_fragment_row *tc_fragment_info(enum tc_fragment fragment);
const tc_swizzle_row *tc_swizzle_info(enum tc_swizzle swizzle);

/* The layout of these modes in normal form.  Modes of a space are given lowest digit first; spaces
 * may be mixed.  A BIT of one dim that shares no bit with another is a STEP of extent 2.  NULL if
 * an extent, a step or a dim is out of range, the sizes together or a dim exceed 2^62, there are
 * too many modes or bits, or the places of a dim do not nest: with each bit that a mask has (extent
 * 2) and each STEP's step sorted, no two are equal, and each is a multiple of the one below it and
 * at least that times its extent. */
const tc_layout *tc_layout_make(tc_arena *arena, uint32_t n_dims, const int64_t *bound,
                                const tc_mode *modes, uint32_t n_modes);
/* One row of fragments.def: dims are (row, column). */
const tc_layout *tc_layout_fragment(tc_arena *arena, enum tc_fragment fragment);
/* Memory, last dim fastest.  With pitch > the last extent, rows are that many elements apart and
 * the rest of a row is padding; pitch 0: dense.  NULL: pitch is smaller, or too many elements. */
const tc_layout *tc_layout_row_major(tc_arena *arena, uint32_t n_dims, const int64_t *extents,
                                     int64_t pitch);
/* Memory as one TMA box per column panel writes it: the last two dims are (rows, columns), cut into
 * panels of the swizzle's span, panels slower than rows, other dims slower than panels.  NULL if
 * columns * element is not a multiple of the span, or rows not one of 8, or an element is not of 8,
 * 16, 32 or 64 bits, or n_dims < 2.  `none` is row-major. */
const tc_layout *tc_layout_swizzled(tc_arena *arena, uint32_t n_dims, const int64_t *extents,
                                    uint32_t element_bits, enum tc_swizzle swizzle);
/* All of the tile in each of n threads: slots row-major. */
const tc_layout *tc_layout_replicated(tc_arena *arena, uint32_t n_dims, const int64_t *extents,
                                      int64_t n_threads);

/* ---- by the names that kernels use (makers.c) ---- */

enum tc_maker_way {
  TC_MAKER_ROWS,       /* row-major memory */
  TC_MAKER_WIDEST,     /* the widest swizzle that the tile takes */
  TC_MAKER_SWIZZLED,   /* this one */
  TC_MAKER_FRAGMENT,   /* a row of fragments.def */
  TC_MAKER_TRANSPOSED, /* the same, columns for rows */
  TC_MAKER_REPLICATED  /* all of it in each thread */
};
typedef struct tc_layout_maker {
  const char *name;
  uint8_t way, which; /* enum tc_maker_way; a tc_swizzle or tc_fragment */
} tc_layout_maker;

typedef struct tc_tile_wish {
  uint32_t n_dims; /* a fragment takes 0: the instruction's own tile */
  const int64_t *extents;
  uint32_t element_bits; /* swizzles */
  int64_t n_threads;     /* REPLICATED */
} tc_tile_wish;

/* A row of makers.def or fragments.def; NULL: there is none. */
const tc_layout_maker *tc_layout_maker_find(tc_str name);
/* NULL: there is no such layout of this tile. A fragment covers more than its own tile by slots. */
const tc_layout *tc_layout_by_maker(tc_arena *arena, const tc_layout_maker *maker,
                                    const tc_tile_wish *wish);

/* ---- from one layout to another (build.c); NULL where the result is not a layout, and for a
 * table ---- */

enum tc_tile_order { TC_TILE_OUTER, TC_TILE_INNER }; /* the new digit above, or below, all others */

/* `count` copies of the tile side by side along `dim`, the copy chosen by a new digit of `space`.
 * The step is the tile's bound, so a padded tile (bound below its box) cannot be repeated. */
const tc_layout *tc_layout_tile(tc_arena *arena, const tc_layout *l, uint32_t dim, int64_t count,
                                enum tc_space space, enum tc_tile_order order);
/* A new digit of `space` on which nothing depends: `count` copies of every element. */
const tc_layout *tc_layout_replicate(tc_arena *arena, const tc_layout *l, int64_t count,
                                     enum tc_space space, enum tc_tile_order order);
/* `atom` repeated until it covers `extents`: in each dim first over slots (last dim fastest), then
 * over warps[d] groups of the atom's threads, dim 0 fastest.  Bounds are `extents`; what does not
 * divide is padding.  NULL if n_dims differ. */
const tc_layout *tc_layout_cover(tc_arena *arena, const tc_layout *atom, const int64_t *extents,
                                 const int64_t *warps);
/* What is left of a fragment when `dim` is reduced: without the dim; digits of slots that only
 * counted in that dim are gone, threads that differed only there hold copies. */
const tc_layout *tc_layout_reduce(tc_arena *arena, const tc_layout *l, uint32_t dim);
/* Adds a dim of extent 1 before `dim`; permutes: dim d of the result is dim order[d] of l. */
const tc_layout *tc_layout_add_dim(tc_arena *arena, const tc_layout *l, uint32_t dim);
const tc_layout *tc_layout_permute(tc_arena *arena, const tc_layout *l, const uint32_t *order);
/* The same elements in row-major order under other extents.  NULL if the counts differ, the old
 * tile has padding that would come to lie inside, or a digit would straddle two dims. */
const tc_layout *tc_layout_reshape(tc_arena *arena, const tc_layout *l, uint32_t n_dims,
                                   const int64_t *extents);
/* The same map with smaller bounds, or with larger ones up to the box. */
const tc_layout *tc_layout_bounded(tc_arena *arena, const tc_layout *l, const int64_t *bound);
/* Copies of slots removed (slots renumbered); threads keep theirs. */
const tc_layout *tc_layout_condense(tc_arena *arena, const tc_layout *l);

enum tc_warp_policy { TC_WARPS_SQUARE, TC_WARPS_ROWS, TC_WARPS_COLUMNS };

/* How `n_warps` warps share an m x n tile: rows * columns == n_warps, each warp gets a whole number
 * of m_step x n_step atoms, rows is a multiple of row_unit (4 for warpgroups).  ROWS: most rows;
 * COLUMNS: most columns; SQUARE: warp tiles with the least rows and columns to load, fewer rows of
 * warps on a tie.  False: no way. */
bool tc_warp_partition(int64_t n_warps, int64_t m, int64_t n, int64_t m_step, int64_t n_step,
                       int64_t row_unit, enum tc_warp_policy policy, int64_t *rows,
                       int64_t *columns);

/* ---- questions (apply.c) ---- */

typedef struct tc_hw {
  int64_t at[TC_N_SPACES];
} tc_hw;

/* Sets x[0..n_dims) to the logical coordinates of `hw`; each hw->at[s] must be below size[s].
 * Returns whether they are valid; a table has nothing but 0 to say about padding. */
bool tc_layout_apply(const tc_layout *l, const tc_hw *hw, int64_t *x);
/* Sets *hw to where copy `replica` of element x is.  Returns false if x is not valid, there is no
 * such copy, or nothing holds x.  Copy 0 is the lowest in thread, then slot, then offset; in a
 * table it is the user's copy 0. */
bool tc_layout_find(const tc_layout *l, const int64_t *x, int64_t replica, tc_hw *hw);
/* The offset of element x in memory; -1: none. */
int64_t tc_layout_offset(const tc_layout *l, const int64_t *x);
/* How many hw coordinates share one value: the same number for each value. */
int64_t tc_layout_replicas(const tc_layout *l);
/* The input of number `flat`, row-major over (thread, slot, offset). */
tc_hw tc_layout_hw(const tc_layout *l, int64_t flat);
/* No two hw coordinates, padding included, share a value. */
bool tc_layout_is_injective(const tc_layout *l);
/* Every element of the tile is somewhere. */
bool tc_layout_is_surjective(const tc_layout *l);
/* Some element is held by more than one thread. */
bool tc_layout_is_replicated(const tc_layout *l);
/* hw is copy 0 of what it holds. */
bool tc_layout_is_owner(const tc_layout *l, const tc_hw *hw);
/* Every valid element that thread t holds under `need`, it also holds under `have` (contains.c).
 * Beyond TC_LAYOUT_POINTS inputs it may be that only nobody has shown it. */
bool tc_layout_contains(const tc_layout *have, const tc_layout *need);
/* The slot in which `have` holds, the same in each thread, what slot `slot` of `need` holds but for
 * dimension `drop` (-1: none). -1: there is no such; -2: `slot` is padding in all threads. */
int64_t tc_layout_same_slot(const tc_layout *have, const tc_layout *need, int64_t slot, int drop);
/* Every slot of `need` is some slot of `have`: threads need not exchange anything. */
bool tc_layout_in_registers(const tc_layout *have, const tc_layout *need);
bool tc_layout_equal(const tc_layout *a, const tc_layout *b);
int64_t tc_layout_elements(const tc_layout *l); /* product of the bounds; INT64_MAX: too many */
int64_t tc_layout_inputs(const tc_layout *l);   /* product of the sizes */
/* Bytes of one thread's slots, or of the buffer, at this width. */
int64_t tc_layout_bytes(const tc_layout *l, enum tc_space space, uint32_t element_bits);
/* Greatest value in `dim`, padding included, plus 1. */
int64_t tc_layout_box(const tc_layout *l, uint32_t dim);

/* ---- digit form (compose.c): what a code generator prints ----
 *
 *     value = (xor_base ^ x1 ^ x2 ..) + add_base + a1 + a2 ..
 *
 * where each xi or ai is a term: ((input / div) % mod) * step, mod 0 meaning no `%`. */
typedef struct tc_layout_term {
  uint8_t space;
  bool is_xor;
  int64_t div, mod, step;
  int64_t inner_div, inner_mod; /* in the rare case: ((input/div % mod) / inner_div % inner_mod)
                                 * step; 1 and 0 otherwise */
} tc_layout_term;

typedef struct tc_layout_digits {
  int64_t xor_base, add_base;
  uint32_t n_terms;
  const tc_layout_term *terms;
} tc_layout_digits;

/* Offset in `memory` of what (thread, slot) of `fragment` holds, the fragment lying at `origin` of
 * the buffer (NULL: 0).  Right for each input whose coordinate is valid in both; what other inputs
 * give is unspecified.  NULL: n_dims differ, or there is no digit form (a table, digits that
 * straddle): then tc_layout_apply and tc_layout_offset still know. */
const tc_layout_digits *tc_layout_compose(tc_arena *arena, const tc_layout *memory,
                                          const tc_layout *fragment, const int64_t *origin);
/* Coordinate `dim` of a layout as digits of its inputs.  NULL for a table. */
const tc_layout_digits *tc_layout_coordinate(tc_arena *arena, const tc_layout *l, uint32_t dim);
/* Terms that are all 0 exactly in copy 0: the condition of a store.  NULL for a table. */
const tc_layout_digits *tc_layout_copy(tc_arena *arena, const tc_layout *l);
int64_t tc_layout_digits_at(const tc_layout_digits *d, const tc_hw *hw);
/* The form for a known value of one input: its terms become constants. */
const tc_layout_digits *tc_layout_digits_fix(tc_arena *arena, const tc_layout_digits *d,
                                             enum tc_space space, int64_t value);

/* ---- memory access (access.c) ---- */

/* Greatest power of two v <= most such that for each thread and each aligned group of v slots,
 * either all or none are valid and the valid ones lie side by side at an offset that v divides. */
int64_t tc_layout_vector(tc_arena *arena, const tc_layout *memory, const tc_layout *fragment,
                         const int64_t *origin, int64_t most);

/* Shared-memory wavefronts of one warp access: byte address and size (1 to 16) of each lane, active
 * lanes by mask.  Up to 4 bytes all lanes go together, 8 bytes half of them, 16 a quarter; each
 * part takes as many wavefronts as the busiest of 32 banks has different 4-byte words. */
int32_t tc_bank_wavefronts(const int64_t byte_at[32], uint32_t active, uint32_t size_b);

typedef struct tc_bank_cost {
  int64_t wavefronts; /* over all warps and all groups of slots */
  int64_t least;      /* what they would be without conflicts */
} tc_bank_cost;
/* For accesses of `vector` slots per lane (see tc_layout_vector); copies access, too.  Zeros if an
 * access is wider than 16 bytes or the fragment has more than TC_LAYOUT_POINTS inputs. */
tc_bank_cost tc_layout_banks(tc_arena *arena, const tc_layout *memory, const tc_layout *fragment,
                             const int64_t *origin, uint32_t element_bits, int64_t vector);

/* ---- legality (legal.c); the buffer's offset 0 is aligned as swizzles.def says ---- */

enum tc_legal {
#define REASON(id, text) TC_LEGAL_##id,
#include "layout/reasons.def"
#undef REASON
  TC_N_LEGAL
};
const char *tc_legal_text(enum tc_legal reason);

/* ldmatrix and stmatrix. */
typedef struct tc_matrix_move {
  uint32_t n_matrices; /* 1, 2 or 4: 32-bit registers per instruction */
  bool trans;
  int64_t slots;                   /* slots per instruction, n_matrices * 32 / element_bits; it
                                      moves slots [i * slots, (i + 1) * slots) */
  const tc_layout_digits *address; /* element offset that each thread gives, for slot i * slots */
} tc_matrix_move;
/* Uses the largest number of matrices, at most `most` (1, 2, 4). */
enum tc_legal tc_layout_matrix_move(tc_arena *arena, const tc_layout *memory,
                                    const tc_layout *fragment, const int64_t *origin,
                                    uint32_t element_bits, uint32_t most, tc_matrix_move *move);

/* A wgmma operand in shared memory: `mn` rows of A, or columns of B, by `n_steps` instructions of
 * 32 bytes of k each, at `origin` of the buffer. */
typedef struct tc_wgmma_tile {
  uint32_t mn_dim, k_dim;
  int64_t mn, n_steps;
  const int64_t *origin; /* NULL: 0 */
  uint32_t element_bits;
} tc_wgmma_tile;

typedef struct tc_wgmma_operand {
  enum tc_swizzle swizzle;
  bool mn_major;
  int64_t leading_b, stride_b; /* LBO and SBO in bytes */
  const int64_t *start_b;      /* start address of each step, in bytes from the buffer's begin */
} tc_wgmma_operand;
enum tc_legal tc_layout_wgmma(tc_arena *arena, const tc_layout *memory, const tc_wgmma_tile *tile,
                              tc_wgmma_operand *operand);
/* The 64-bit descriptor without its start address. */
uint64_t tc_wgmma_descriptor(const tc_wgmma_operand *operand);

/* TMA boxes that together are the whole buffer. */
typedef struct tc_tma_boxes {
  enum tc_swizzle swizzle;
  int64_t extent[TC_LAYOUT_DIMS]; /* of a box, by dim of the layout */
  int64_t count[TC_LAYOUT_DIMS];  /* boxes along each dim */
  int64_t n_boxes, box_b;
  const int64_t *start_b; /* of each box, row-major over count */
} tc_tma_boxes;
/* order: dims from the tensor's fastest to its slowest; NULL: last to first. */
enum tc_legal tc_layout_tma(tc_arena *arena, const tc_layout *memory, uint32_t element_bits,
                            const uint32_t *order, tc_tma_boxes *boxes);

/* ---- partitions and users' maps (partition.c) ---- */

/* A loop nest over T threads, `vector` elements of the last dim at a time.  If the row-major index
 * f splits evenly, thread = f / vector % T and slot = f / vector / T * vector + f % vector.
 * Otherwise threads are shared out dim by dim with the least padding, and the bounds say what is
 * valid.  With fewer elements than T * vector some threads hold padding or, if `copies`, copies
 * when the count divides.  `vector` must divide the last extent.  NULL: it does not, or too large.
 */
const tc_layout *tc_layout_partition(tc_arena *arena, uint32_t n_dims, const int64_t *extents,
                                     int64_t n_threads, int64_t vector, bool copies);

/* Where copy `replica` of element x is, by a user's function.  False: it cannot say. */
typedef bool tc_layout_fn(void *context, const int64_t *x, int64_t replica, tc_hw *hw);

/* The layout with these places, as modes if it has that form, else as a table; each point is
 * checked. `size` is what each space has at least (NULL: as needed).  NULL: more than
 * TC_LAYOUT_POINTS elements or places, fn says no, a place is negative, or two elements share a
 * place. */
const tc_layout *tc_layout_fit(tc_arena *arena, uint32_t n_dims, const int64_t *extents,
                               int64_t n_replicas, const int64_t *size, tc_layout_fn *fn,
                               void *context);

/* ---- text (text.c) ----
 *
 *     layout(thread:[4(0,2), 8(1,0)], slot:[2(0,1), 2(8,0), 22(0,8)] -> [64, 176])
 *
 * Modes are lowest digit first, and joined as far as they go.  n(s..) is a digit below n that adds
 * digit * s.  n^(m..), with n a power of two, are bits with masks m, 2m, 4m.. that meet other bits.
 * A table is layout(table copies:1, thread:1, slot:1, offset:16 -> [4, 4] {4+4, 0+4, 8+8}): where
 * each element is, row-major and copy by copy, as runs start+count over (thread, slot, offset). */
void tc_layout_print(tc_sb *out, const tc_layout *l);
/* Reads what print writes (any blanks), from the front of *text, which is moved past it.  NULL: not
 * a layout; *text is then where it stopped. */
const tc_layout *tc_layout_parse(tc_arena *arena, tc_str *text);

#endif
