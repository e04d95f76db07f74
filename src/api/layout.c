/* Layouts as objects: made from text, by name or from places; asked where an element is. */
#include "api/api_impl.h"

#include "layout/layout.h"

#include <string.h>

struct tilec_layout {
  atomic_uint n_refs;
  tilec_context *context;
  tc_session store; /* its arena holds the map and its text */
  const tc_layout *map;
  const char *text;
};

_Static_assert((int)TILEC_LAYOUT_RANK == (int)TC_LAYOUT_DIMS, "the ranks of layouts");

enum { CHUNK_B = 4096 }; /* most are a few hundred bytes */

/* ---- making, inside the guard ---- */

typedef struct making {
  tilec_layout *layout;
  const char *text;       /* tilec_layout_parse */
  tilec_layout_spec spec; /* tilec_layout_make */
  const int64_t *shape;   /* tilec_layout_fit */
  uint32_t rank;          /* the same */
  int64_t n_copies;       /* the same */
  const tilec_layout_place *places;
  size_t n_places, next;
} making;

static bool place_of_table(void *context, const int64_t *x, int64_t replica, tc_hw *hw) {
  return tc_layout_find(context, x, replica, hw);
}

/* A list of places that someone wrote down, in the form that it has when it is fitted: that of
 * equal layouts is one. */
static const tc_layout *normal(tc_session *s, const tc_layout *l) {
  if (!l || !l->table) return l;
  return tc_layout_fit(&s->arena, l->n_dims, l->bound, l->table->n_replicas, l->size,
                       place_of_table, (void *)l);
}

static void finish(tc_session *s, making *m, const tc_layout *map) {
  tc_sb out = tc_sb_in(&s->arena);
  tc_layout_print(&out, map);
  m->layout->map = map;
  m->layout->text = out.at;
}

static void parse(tc_session *s, void *data) {
  making *m = data;
  tc_str rest = tc_str_of(m->text);
  const tc_layout *map = normal(s, tc_layout_parse(&s->arena, &rest));
  while (map && rest.n && (*rest.at == ' ' || *rest.at == '\n'))
    rest.at++, rest.n--;
  if (!map || rest.n)
    tc_session_stop(s, TILEC_ARGUMENT, "", "no layout: byte %zu of '%.60s'",
                    (size_t)(rest.at - m->text), m->text);
  finish(s, m, map);
}

static void make(tc_session *s, void *data) {
  making *m = data;
  const tc_layout_maker *maker = tc_layout_maker_find(tc_str_of(m->spec.name));
  const tc_tile_wish wish = {.n_dims = m->spec.rank,
                             .extents = m->spec.shape,
                             .element_bits = m->spec.bits,
                             .n_threads = m->spec.n_threads};
  if (!maker)
    tc_session_stop(s, TILEC_ARGUMENT, "", "there is no layout named '%.60s'", m->spec.name);
  bool is_tile = true;
  for (uint32_t d = 0; d < wish.n_dims; d++)
    is_tile &= wish.extents[d] >= 1;
  const tc_layout *map = is_tile ? tc_layout_by_maker(&s->arena, maker, &wish) : NULL;
  if (!map)
    tc_session_stop(s, TILEC_ARGUMENT, "",
                    "there is no %s of this tile (rank %u, elements of %u bits, %lld threads)",
                    maker->name, wish.n_dims, wish.element_bits, (long long)wish.n_threads);
  finish(s, m, map);
}

static bool next_place(void *context, const int64_t *x, int64_t replica, tc_hw *hw) {
  making *m = context;
  (void)x, (void)replica; /* they are asked for in the order in which they stand */
  if (m->next == m->n_places) return false;
  const tilec_layout_place *place = &m->places[m->next++];
  hw->at[TC_SPACE_thread] = place->thread;
  hw->at[TC_SPACE_slot] = place->slot;
  hw->at[TC_SPACE_offset] = place->offset;
  return true;
}

static void fit(tc_session *s, void *data) {
  making *m = data;
  const tc_layout *map =
      tc_layout_fit(&s->arena, m->rank, m->shape, m->n_copies, NULL, next_place, m);
  if (!map || m->next != m->n_places)
    tc_session_stop(s, TILEC_ARGUMENT, "",
                    "%zu places with %lld copies are no layout of this tile: an element has too "
                    "few, a place is out of range, or two elements share one",
                    m->n_places, (long long)m->n_copies);
  finish(s, m, map);
}

static tilec_status run(tilec_context *context, tc_guarded *fn, making *m, tilec_layout **out,
                        tilec_error **error) {
  tilec_layout *layout = tc_api_new(context, sizeof *layout);
  if (!layout) return tc_api_no_memory(error);
  atomic_init(&layout->n_refs, 1);
  layout->context = tilec_context_retain(context);
  tc_session_start(&layout->store, context);
  layout->store.arena.chunk_b = CHUNK_B;
  m->layout = layout;
  tilec_status status = tc_api_guard(&layout->store, fn, m, error);
  if (status == TILEC_OK) {
    *out = layout;
  } else {
    tilec_layout_release(layout);
  }
  return status;
}

/* ---- entries ---- */

tilec_status tilec_layout_parse(tilec_context *context, const char *text, tilec_layout **out,
                                tilec_error **error) {
  making m = {.text = text};
  if (out) *out = NULL;
  if (!context || !text || !out)
    return tc_api_usage(error, context, "tilec_layout_parse: an argument is NULL");
  return run(context, parse, &m, out, error);
}

tilec_status tilec_layout_make(tilec_context *context, const tilec_layout_spec *spec,
                               tilec_layout **out, tilec_error **error) {
  making m = {0};
  if (out) *out = NULL;
  if (!context || !spec || !out)
    return tc_api_usage(error, context, "tilec_layout_make: an argument is NULL");
  if (!tc_api_read_struct(&m.spec, sizeof m.spec, spec))
    return tc_api_usage(error, context, "tilec_layout_spec.size is not set");
  if (!m.spec.name || m.spec.rank > TILEC_LAYOUT_RANK || (m.spec.rank && !m.spec.shape))
    return tc_api_usage(error, context, "tilec_layout_make: name, rank %u or shape", m.spec.rank);
  return run(context, make, &m, out, error);
}

tilec_status tilec_layout_fit(tilec_context *context, uint32_t rank, const int64_t *shape,
                              int64_t n_copies, const tilec_layout_place *places, size_t n_places,
                              tilec_layout **out, tilec_error **error) {
  making m = {
      .rank = rank, .shape = shape, .n_copies = n_copies, .places = places, .n_places = n_places};
  if (out) *out = NULL;
  if (!context || !out || rank > TILEC_LAYOUT_RANK || (rank && !shape) || (n_places && !places))
    return tc_api_usage(error, context, "tilec_layout_fit: rank %u, or an argument is NULL", rank);
  return run(context, fit, &m, out, error);
}

tilec_layout *tilec_layout_retain(tilec_layout *layout) {
  if (layout) atomic_fetch_add_explicit(&layout->n_refs, 1, memory_order_relaxed);
  return layout;
}

void tilec_layout_release(tilec_layout *layout) {
  if (!layout || atomic_fetch_sub_explicit(&layout->n_refs, 1, memory_order_acq_rel) != 1) return;
  tilec_context *context = layout->context;
  tc_session_end(&layout->store);
  tc_api_delete(context, layout, sizeof *layout);
  tilec_context_release(context);
}

const char *tilec_layout_text(const tilec_layout *layout) {
  return layout ? layout->text : "";
}

tilec_status tilec_layout_describe(const tilec_layout *layout, tilec_layout_info *out) {
  if (!layout || !out) return TILEC_USAGE;
  const tc_layout *l = layout->map;
  tilec_layout_info info = {.rank = l->n_dims,
                            .is_injective = tc_layout_is_injective(l),
                            .is_surjective = tc_layout_is_surjective(l),
                            .is_replicated = tc_layout_is_replicated(l),
                            .is_table = l->table != NULL,
                            .n_threads = l->size[TC_SPACE_thread],
                            .n_slots = l->size[TC_SPACE_slot],
                            .n_offsets = l->size[TC_SPACE_offset],
                            .n_copies = tc_layout_replicas(l)};
  memcpy(info.shape, l->bound, l->n_dims * sizeof *info.shape);
  return tc_api_write_struct(out, &info, sizeof info) ? TILEC_OK : TILEC_USAGE;
}

tilec_status tilec_layout_find(const tilec_layout *layout, const int64_t *index, int64_t copy,
                               tilec_layout_place *out) {
  tc_hw hw;
  if (!layout || !out || (layout->map->n_dims && !index)) return TILEC_USAGE;
  if (!tc_layout_find(layout->map, index, copy, &hw)) return TILEC_ARGUMENT;
  *out = (tilec_layout_place){hw.at[TC_SPACE_thread], hw.at[TC_SPACE_slot], hw.at[TC_SPACE_offset]};
  return TILEC_OK;
}

tilec_status tilec_layout_element(const tilec_layout *layout, const tilec_layout_place *place,
                                  int64_t *index) {
  if (!layout || !place || (layout->map->n_dims && !index)) return TILEC_USAGE;
  tc_hw hw;
  int64_t x[TC_LAYOUT_DIMS];
  hw.at[TC_SPACE_thread] = place->thread;
  hw.at[TC_SPACE_slot] = place->slot;
  hw.at[TC_SPACE_offset] = place->offset;
  for (int s = 0; s < TC_N_SPACES; s++)
    if (hw.at[s] < 0 || hw.at[s] >= layout->map->size[s]) return TILEC_ARGUMENT;
  if (!tc_layout_apply(layout->map, &hw, x)) return TILEC_ARGUMENT;
  memcpy(index, x, layout->map->n_dims * sizeof *index);
  return TILEC_OK;
}
