/* Layouts that the source asks for with T.annotate_layout. A layout never changes results, so what
 * engines need comes first; a buffer that they leave free lies as it is asked to, when that is a
 * swizzle or rows one after the other. What is not followed is said. */
#include "ir/walk.h"
#include "pass/layouts.h"

enum { ANY = -1, ROWS = 0 }; /* else tc_swizzle */

typedef struct hint_row {
  const char *name; /* as in the text of a hint */
  int swizzle;
} hint_row;
static const hint_row HINT_ROWS[] = {
    {"make_swizzled_layout", ANY},
    {"make_mma_swizzle_layout", ANY},
    {"make_wgmma_swizzled_layout", ANY},
    {"make_full_bank_swizzled_layout", TC_SWIZZLE_b128},
    {"make_half_bank_swizzled_layout", TC_SWIZZLE_b64},
    {"make_quarter_bank_swizzled_layout", TC_SWIZZLE_b32},
    {"make_linear_layout", ROWS},
};
_Static_assert(TC_SWIZZLE_none == (enum tc_swizzle)ROWS, "rows are what is not swizzled");

static const hint_row *find_row(const tc_layouts *l, const tc_hint *hint) {
  tc_str name = tc_str_of(l->ir->texts.at[hint->text]);
  for (size_t i = 0; i < TC_COUNT(HINT_ROWS); i++)
    if (tc_str_is(name, HINT_ROWS[i].name)) return &HINT_ROWS[i];
  return NULL;
}

/* The layout of the row, or the widest of them; NULL: there is none for these extents. */
static const tc_layout *layout_of(tc_layouts *l, tc_buf buf, int swizzle) {
  int64_t extents[TC_LAYOUT_DIMS];
  uint32_t n = tc_buf_at(l->ir, buf)->rank, bits = tc_onchip_bits(l->ir, buf);
  if (!tc_onchip_extents(l->ir, buf, extents)) return NULL;
  if (swizzle == ROWS) return tc_layout_row_major(l->arena, n, extents, 0);
  if (n < 2) return NULL;
  if (swizzle != ANY)
    return tc_layout_swizzled(l->arena, n, extents, bits, (enum tc_swizzle)swizzle);
  const tc_layout *found = NULL;
  for (int s = TC_N_SWIZZLES - 1; s > 0 && !found; s--)
    found = tc_layout_swizzled(l->arena, n, extents, bits, (enum tc_swizzle)s);
  return found;
}

static const tc_hint *hint_at(const tc_layouts *l, tc_value stmt) {
  if (!tc_is(l->ir, stmt, TC_OP_hint)) return NULL;
  const tc_hint *hint = tc_hint_of(l->ir, stmt);
  return hint->kind == TC_HINT_LAYOUT && hint->buf.id ? hint : NULL;
}

void tc_layouts_hint(tc_layouts *l, const tc_work *work) {
  const tc_hint *hint = hint_at(l, work->stmt);
  const hint_row *row = hint ? find_row(l, hint) : NULL;
  if (!row || tc_buf_at(l->ir, hint->buf)->scope != TC_SCOPE_shared || l->of[hint->buf.id]) return;
  const tc_layout *layout = layout_of(l, hint->buf, row->swizzle);
  if (layout) tc_layouts_set(l, hint->buf, layout, work->stmt);
}

void tc_layouts_check_hint(tc_layouts *l, const tc_work *work) {
  const tc_hint *hint = hint_at(l, work->stmt);
  const char *why = NULL;
  if (!hint || !l->of[hint->buf.id]) return;
  const hint_row *row = find_row(l, hint);
  if (tc_layouts_is_fragment(l, hint->buf)) {
    why = "what works on a fragment says which thread has which element";
  } else if (!row) {
    why = "memory is laid down in rows or swizzled by 32, 64 or 128 bytes";
  } else {
    const tc_layout *layout = layout_of(l, hint->buf, row->swizzle);
    if (!layout) why = "its rows are not of such a size";
    if (layout && !tc_layout_equal(layout, l->of[hint->buf.id]))
      why = "the engines that use it need another one";
  }
  if (why)
    TC_DIAG(l->ir->diags, D_layout_hint, tc_op_at(l->ir, work->stmt)->span,
            tc_onchip_name(l->ir, hint->buf), why);
}
