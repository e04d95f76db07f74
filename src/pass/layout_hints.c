/* Layouts that the source asks for with T.annotate_layout. A layout never changes results, so what
 * engines need comes first; a buffer that they leave free lies as it is asked to, when that is a
 * swizzle or rows one after the other. What is not followed is said. */
#include "ir/walk.h"
#include "pass/layouts.h"

static const char *const MAKERS[] = {
#define MAKER(name, way, which) #name,
#include "layout/makers.def"
#undef MAKER
};

/* How the memory is to lie; NULL: no layout of memory has that name. */
static const tc_layout_maker *find_maker(const tc_layouts *l, const tc_hint *hint) {
  const tc_layout_maker *maker = tc_layout_maker_find(tc_str_of(l->ir->texts.at[hint->text]));
  return maker && maker->way <= TC_MAKER_SWIZZLED ? maker : NULL;
}

/* What the maker makes of the buffer's extents, or NULL. */
static const tc_layout *made_by(tc_layouts *l, tc_buf buf, const tc_layout_maker *maker) {
  int64_t extents[TC_LAYOUT_DIMS];
  const tc_tile_wish wish = {.n_dims = tc_buf_at(l->ir, buf)->rank,
                             .extents = extents,
                             .element_bits = tc_onchip_bits(l->ir, buf)};
  return tc_onchip_extents(l->ir, buf, extents) ? tc_layout_by_maker(l->arena, maker, &wish) : NULL;
}

/* A layout that is written out is asked for like a name when it is what that name stands for. */
static const tc_layout *written_out(tc_layouts *l, const tc_hint *hint) {
  tc_str text = tc_str_of(l->ir->texts.at[hint->text]);
  const tc_layout *wanted = tc_layout_parse(l->arena, &text);
  for (size_t i = 0; wanted && i < TC_COUNT(MAKERS); i++) {
    const tc_layout_maker *maker = tc_layout_maker_find(tc_str_of(MAKERS[i]));
    const tc_layout *made = maker->way <= TC_MAKER_SWIZZLED ? made_by(l, hint->buf, maker) : NULL;
    if (made && tc_layout_equal(made, wanted)) return made;
  }
  return NULL;
}

/* NULL: there is none for these extents, or none that memory can have. */
static const tc_layout *layout_of(tc_layouts *l, const tc_hint *hint) {
  const tc_layout_maker *maker = find_maker(l, hint);
  return maker ? made_by(l, hint->buf, maker) : written_out(l, hint);
}

static const tc_hint *hint_at(const tc_layouts *l, tc_value stmt) {
  if (!tc_is(l->ir, stmt, TC_OP_hint)) return NULL;
  const tc_hint *hint = tc_hint_of(l->ir, stmt);
  return hint->kind == TC_HINT_LAYOUT && hint->buf.id ? hint : NULL;
}

void tc_layouts_hint(tc_layouts *l, const tc_work *work) {
  const tc_hint *hint = hint_at(l, work->stmt);
  if (!hint || tc_buf_at(l->ir, hint->buf)->scope != TC_SCOPE_shared || l->of[hint->buf.id]) return;
  const tc_layout *layout = layout_of(l, hint);
  if (layout) tc_layouts_set(l, hint->buf, layout, work->stmt);
}

void tc_layouts_check_hint(tc_layouts *l, const tc_work *work) {
  const tc_hint *hint = hint_at(l, work->stmt);
  const char *why = NULL;
  if (!hint || !l->of[hint->buf.id]) return;
  const tc_layout *layout = layout_of(l, hint);
  if (tc_layouts_is_fragment(l, hint->buf))
    why = "what works on a fragment says which thread has which element";
  else if (!layout && !find_maker(l, hint))
    why = "memory is laid down in rows or swizzled by 32, 64 or 128 bytes";
  else if (!layout)
    why = "its rows are not of such a size";
  else if (!tc_layout_equal(layout, l->of[hint->buf.id]))
    why = "the engines that use it need another one";
  if (why)
    TC_DIAG(l->ir->diags, D_layout_hint, tc_op_at(l->ir, work->stmt)->span,
            tc_onchip_name(l->ir, hint->buf), why);
}
