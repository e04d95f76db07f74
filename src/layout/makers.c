/* Layouts by the names that kernels call them. */
#include "layout/layout_private.h"

static const tc_layout_maker makers[] = {
#define MAKER(name, way, which) {#name, TC_MAKER_##way, which},
#include "layout/makers.def"
#undef MAKER
#define FRAGMENT(id, ...) {#id, TC_MAKER_FRAGMENT, TC_FRAGMENT_##id},
#include "layout/fragments.def"
#undef FRAGMENT
};
enum { N_MAKERS = sizeof makers / sizeof *makers };

const tc_layout_maker *tc_layout_maker_find(tc_str name) {
  for (size_t i = 0; i < N_MAKERS; i++)
    if (tc_str_is(name, makers[i].name)) return &makers[i];
  return NULL;
}

static const tc_layout *widest(tc_arena *arena, const tc_tile_wish *wish) {
  const tc_layout *found = NULL;
  for (int s = TC_N_SWIZZLES - 1; s > 0 && !found; s--)
    found = tc_layout_swizzled(arena, wish->n_dims, wish->extents, wish->element_bits,
                               (enum tc_swizzle)s);
  return found;
}

/* An atom as it is, or over slots until it covers the tile. */
static const tc_layout *covering(tc_arena *arena, const tc_layout *atom, const tc_tile_wish *wish) {
  static const int64_t ONE_GROUP[TC_LAYOUT_DIMS] = {1, 1, 1, 1, 1, 1};
  if (wish->n_dims == 0 || !atom) return atom;
  return wish->n_dims == atom->n_dims ? tc_layout_cover(arena, atom, wish->extents, ONE_GROUP)
                                      : NULL;
}

const tc_layout *tc_layout_by_maker(tc_arena *arena, const tc_layout_maker *maker,
                                    const tc_tile_wish *wish) { /* table */
  static const uint32_t SWAPPED[] = {1, 0};
  const tc_layout *atom;
  switch (maker->way) {
  case TC_MAKER_ROWS:
    return tc_layout_row_major(arena, wish->n_dims, wish->extents, 0);
  case TC_MAKER_WIDEST:
    return wish->n_dims < 2 ? NULL : widest(arena, wish);
  case TC_MAKER_SWIZZLED:
    return wish->n_dims < 2 ? NULL
                            : tc_layout_swizzled(arena, wish->n_dims, wish->extents,
                                                 wish->element_bits, (enum tc_swizzle)maker->which);
  case TC_MAKER_FRAGMENT:
    return covering(arena, tc_layout_fragment(arena, (enum tc_fragment)maker->which), wish);
  case TC_MAKER_TRANSPOSED:
    atom = tc_layout_fragment(arena, (enum tc_fragment)maker->which);
    return covering(arena, tc_layout_permute(arena, atom, SWAPPED), wish);
  case TC_MAKER_REPLICATED:
    return wish->n_threads < 1
               ? NULL
               : tc_layout_replicated(arena, wish->n_dims, wish->extents, wish->n_threads);
  default:
    return NULL;
  }
}
