/* layout: where the elements of tiles are.
 *
 * Input       state scheduled: engines chosen, groups known.
 * Output      every buffer in shared memory or in fragments has a layout; every parallel loop, and
 *             every copy from memory to memory that threads do, has a thread map.
 * Invariants  nothing else changes: a layout is no part of what the function computes.
 * Example     alloc acc: fragment float32[128, 256]      (wgmma, two warpgroups)
 *             -> ... layout "layout(thread:[4(0,2), 8(1,0), 8(16,0)],
 *                                   slot:[2(0,1), 2(8,0), 32(0,8)] -> [128, 256])"
 *
 * First what engines ask for, which is fixed. Then fragments that only meet others, in loops,
 * copies and reductions, take the layout of those. What is left is shared out evenly, and carries
 * its layout on in turn. Where a thread would have to use an element that it does not hold, the
 * fragment goes through shared memory (layout_convert.c). */
#include "ir/build.h"
#include "ir/walk.h"
#include "pass/layouts.h"

/* ---- setting ---- */

bool tc_layouts_is_fragment(const tc_layouts *l, tc_buf buf) {
  return tc_buf_at(l->ir, buf)->scope == TC_SCOPE_fragment;
}

void tc_layouts_refuse(tc_layouts *l, tc_value stmt, tc_buf buf, const char *why) {
  TC_DIAG(l->ir->diags, D_no_layout, tc_op_at(l->ir, stmt)->span, tc_onchip_name(l->ir, buf), why);
}

void tc_layouts_set(tc_layouts *l, tc_buf buf, const tc_layout *layout, tc_value stmt) {
  if (!l->of[buf.id]) {
    l->of[buf.id] = layout;
    l->asked[buf.id] = stmt;
    l->changed = true;
  } else if (!tc_layout_equal(l->of[buf.id], layout)) {
    TC_DIAG(l->ir->diags, D_layout_conflict, tc_op_at(l->ir, stmt)->span,
            tc_onchip_name(l->ir, buf), tc_onchip_text(l->ir, layout));
    tc_diag_note(l->ir->diags, tc_op_at(l->ir, l->asked[buf.id])->span, "and here %s",
                 tc_onchip_text(l->ir, l->of[buf.id]));
    tc_diag_help(l->ir->diags,
                 "give each a tile of its own, with a copy through shared memory between");
  }
}

/* ---- what engines ask of shared memory ---- */

static void lies(tc_layouts *l, tc_value stmt, tc_buf buf, const tc_layout *layout) {
  if (layout) {
    tc_layouts_set(l, buf, layout, stmt);
  } else {
    tc_layouts_refuse(l, stmt, buf, "rows are no whole number of 16-byte chunks");
  }
}

static bool is_open(const tc_layouts *l, tc_buf buf) {
  return tc_buf_at(l->ir, buf)->scope == TC_SCOPE_shared && !l->of[buf.id];
}

static void ask_shared(tc_layouts *l, tc_value stmt, tc_value slice, bool wgmma, int64_t part) {
  tc_buf buf = tc_slice_buf(l->ir, slice);
  if (is_open(l, buf)) lies(l, stmt, buf, tc_layouts_shared(l, buf, wgmma, part));
}

/* Products first: what they cannot do without decides. */
static void ask_gemm(tc_layouts *l, const tc_work *work) {
  if (!tc_is(l->ir, work->stmt, TC_OP_gemm) || work->single) return;
  const tc_gemm *g = tc_gemm_of(l->ir, work->stmt);
  tc_layouts_gemm(l, work);
  for (uint32_t k = 0; k < 2; k++)
    if (g->engine == TC_ENGINE_wgmma || g->engine == TC_ENGINE_mma_sync)
      ask_shared(l, work->stmt, tc_input(l->ir, tc_op_at(l->ir, work->stmt), k),
                 g->engine == TC_ENGINE_wgmma, tc_layouts_part(l, work, k));
}

/* The product that takes the fragment says what its warps take of the tile. */
static void ask_matrices(tc_layouts *l, tc_value copy) {
  const tc_op *op = tc_op_at(l->ir, copy);
  tc_buf fragment = tc_slice_buf(l->ir, tc_input(l->ir, op, 1));
  for (uint32_t i = 0; i < l->works.n; i++) {
    const tc_work *work = &l->works.at[i];
    const tc_op *user = tc_op_at(l->ir, work->stmt);
    for (uint32_t k = 0; user->opcode == TC_OP_gemm && k < 2; k++)
      if (tc_slice_buf(l->ir, tc_input(l->ir, user, k)).id == fragment.id)
        ask_shared(l, copy, tc_input(l->ir, op, 0), false, tc_layouts_part(l, work, k));
  }
}

static void ask_copy(tc_layouts *l, const tc_work *work) {
  if (!tc_is(l->ir, work->stmt, TC_OP_copy)) return;
  const tc_op *op = tc_op_at(l->ir, work->stmt);
  tc_value stage = tc_copy_stage(l->ir, work->stmt);
  if (stage.id && is_open(l, tc_slice_buf(l->ir, stage)))
    lies(l, work->stmt, tc_slice_buf(l->ir, stage),
         tc_layouts_stage(l, tc_slice_buf(l->ir, stage)));
  enum tc_engine engine = (enum tc_engine)tc_copy_of(l->ir, work->stmt)->engine;
  if (engine == TC_ENGINE_ldmatrix) ask_matrices(l, work->stmt);
  if (engine != TC_ENGINE_tma) return;
  for (uint32_t k = 0; k < 2; k++)
    ask_shared(l, work->stmt, tc_input(l->ir, op, k), true, 0);
}

/* ---- from fragment to fragment ---- */

/* `from` is known: so is `to`, by the operation. */
static const tc_layout *carried(tc_layouts *l, tc_value stmt, tc_buf from, tc_buf to,
                                bool forward) {
  static const uint32_t SWAPPED[2] = {1, 0};
  const tc_layout *layout = l->of[from.id];
  if (tc_is(l->ir, stmt, TC_OP_transpose))
    return layout->n_dims == 2 ? tc_layout_permute(l->arena, layout, SWAPPED) : NULL;
  if (!tc_is(l->ir, stmt, TC_OP_reduce)) return layout;
  uint32_t dim = tc_reduce_of(l->ir, stmt)->dim;
  if (!forward) return NULL; /* the source's layout is free in the reduced dimension */
  layout = tc_layout_reduce(l->arena, layout, dim);
  bool keeps = tc_buf_at(l->ir, to)->rank == tc_buf_at(l->ir, from)->rank;
  return layout && keeps ? tc_layout_add_dim(l->arena, layout, dim) : layout;
}

static bool carries(enum tc_opcode op) {
  return op == TC_OP_copy || op == TC_OP_reduce || op == TC_OP_scan || op == TC_OP_transpose;
}

static bool same_extents(const tc_ir *ir, tc_value a, tc_value b) {
  const tc_op *p = tc_op_at(ir, a), *q = tc_op_at(ir, b);
  if (p->n_in != q->n_in) return false;
  for (uint32_t d = 0; d < p->n_in / 2u; d++)
    if (tc_slice_extent(ir, a, d).id != tc_slice_extent(ir, b, d).id) return false;
  return true;
}

static bool is_whole_copy(const tc_ir *ir, tc_value stmt) {
  tc_value src = tc_input(ir, tc_op_at(ir, stmt), 0), dst = tc_input(ir, tc_op_at(ir, stmt), 1);
  return tc_onchip_is_whole(ir, src) && tc_onchip_is_whole(ir, dst) && same_extents(ir, src, dst);
}

static void carry(tc_layouts *l, const tc_work *work) {
  enum tc_opcode opcode = (enum tc_opcode)tc_op_at(l->ir, work->stmt)->opcode;
  if (opcode == TC_OP_parallel) tc_layouts_loop(l, work);
  if (!carries(opcode)) return;
  const tc_op *op = tc_op_at(l->ir, work->stmt);
  tc_value src = tc_input(l->ir, op, 0), dst = tc_input(l->ir, op, 1);
  tc_buf from = tc_slice_buf(l->ir, src), to = tc_slice_buf(l->ir, dst);
  if (!tc_layouts_is_fragment(l, from) || !tc_layouts_is_fragment(l, to) || from.id == to.id)
    return;
  if (opcode == TC_OP_copy && !is_whole_copy(l->ir, work->stmt)) return;
  if (!tc_onchip_is_whole(l->ir, src) || !tc_onchip_is_whole(l->ir, dst)) {
    tc_layouts_refuse(l, work->stmt, to, "a part of a fragment meets another fragment");
    return;
  }
  bool forward = l->of[from.id] != NULL;
  if (forward == (l->of[to.id] != NULL)) return; /* neither, or it is checked later */
  const tc_layout *layout =
      forward ? carried(l, work->stmt, from, to, true) : carried(l, work->stmt, to, from, false);
  if (layout) tc_layouts_set(l, forward ? to : from, layout, work->stmt);
}

/* A part that begins elsewhere than the fragment is of other threads. */
static bool begins_inside(const tc_ir *ir, tc_value slice) {
  for (uint32_t d = 0; d < tc_op_at(ir, slice)->n_in / 2u; d++) {
    int64_t base;
    if (!tc_const_of(ir, tc_slice_base(ir, slice, d), &base) || base) return true;
  }
  return false;
}

static void check_copy(tc_layouts *l, const tc_work *work) {
  tc_ir *ir = l->ir;
  tc_value src = tc_input(ir, tc_op_at(ir, work->stmt), 0);
  tc_value dst = tc_input(ir, tc_op_at(ir, work->stmt), 1);
  tc_buf from = tc_slice_buf(ir, src), to = tc_slice_buf(ir, dst);
  bool held = tc_layouts_is_fragment(l, from), kept = tc_layouts_is_fragment(l, to);
  bool whole = is_whole_copy(ir, work->stmt);
  if (held && kept && whole) {
    if (l->of[to.id] && !tc_layout_in_registers(l->of[from.id], l->of[to.id]))
      tc_layouts_wish(l, work, 0, from, NULL);
    return;
  }
  if (held && (kept || begins_inside(ir, src))) tc_layouts_wish(l, work, 0, from, NULL);
  if (kept && begins_inside(ir, dst)) tc_layouts_wish(l, work, 1, to, NULL);
}

/* Fragments that meet here, and have come to lie differently. */
static void check_carried(tc_layouts *l, const tc_work *work) {
  enum tc_opcode opcode = (enum tc_opcode)tc_op_at(l->ir, work->stmt)->opcode;
  if (opcode == TC_OP_copy && !work->single) check_copy(l, work);
  if ((opcode != TC_OP_reduce && opcode != TC_OP_transpose) || work->single) return;
  const tc_op *op = tc_op_at(l->ir, work->stmt);
  tc_buf from = tc_slice_buf(l->ir, tc_input(l->ir, op, 0));
  tc_buf to = tc_slice_buf(l->ir, tc_input(l->ir, op, 1));
  if (!tc_layouts_is_fragment(l, from) || !tc_layouts_is_fragment(l, to)) return;
  const tc_layout *need = l->of[to.id], *have = carried(l, work->stmt, from, to, true);
  if (need && have && !tc_layout_equal(have, need)) tc_layouts_wish(l, work, 1, to, have);
}

/* One element, which each thread uses that comes here. */
static void check_access(tc_layouts *l, const tc_work *work) {
  enum tc_opcode opcode = (enum tc_opcode)tc_op_at(l->ir, work->stmt)->opcode;
  if (opcode != TC_OP_load && opcode != TC_OP_store && opcode != TC_OP_atomic) return;
  tc_buf buf = tc_access_buf(l->ir, work->stmt);
  if (tc_layouts_is_fragment(l, buf) && !work->single && !work->loop.id)
    tc_layouts_wish(l, work, -1, buf, NULL);
}

static void carry_all(tc_layouts *l) {
  uint32_t n_errors = l->ir->diags->n_errors;
  do {
    l->changed = false;
    for (uint32_t i = 0; i < l->works.n; i++)
      if (!l->works.at[i].single && !l->works.at[i].loop.id) carry(l, &l->works.at[i]);
  } while (l->changed && l->ir->diags->n_errors == n_errors);
}

/* ---- what is left ---- */

static bool is_open_loop(tc_layouts *l, const tc_work *work) {
  return tc_is(l->ir, work->stmt, TC_OP_parallel) && !work->single && !l->map[work->stmt.id];
}

static bool share_fragment(tc_layouts *l, const tc_work *work, tc_value slice) {
  tc_buf buf = tc_slice_buf(l->ir, slice);
  int64_t extents[TC_LAYOUT_DIMS];
  uint32_t rank = tc_buf_at(l->ir, buf)->rank, bits = tc_onchip_bits(l->ir, buf);
  if (!tc_layouts_is_fragment(l, buf) || l->of[buf.id]) return false;
  const tc_layout *layout = NULL;
  if (rank && tc_onchip_extents(l->ir, buf, extents))
    layout = tc_onchip_share(l->arena, rank, extents, work->team.count, bits < 128 ? 128 / bits : 1,
                             true);
  if (layout) {
    tc_layouts_set(l, buf, layout, work->stmt);
  } else {
    tc_layouts_refuse(l, work->stmt, buf, "its extents are known only at run time, or too many");
  }
  return layout != NULL;
}

/* A loop or a fragment that could be shared out next; the largest decides for the others. */
typedef struct choice {
  const tc_work *work;
  tc_value slice; /* of a fragment; 0: the loop */
  int64_t elements;
} choice;

static int64_t elements_of(const int64_t *extents, uint32_t n) {
  int64_t elements = 1;
  for (uint32_t d = 0; d < n; d++)
    if (elements < INT32_MAX && extents[d] < INT32_MAX) elements *= extents[d];
  return elements;
}

static void consider_slice(tc_layouts *l, const tc_work *work, tc_value slice, choice *best) {
  int64_t extents[TC_LAYOUT_DIMS];
  if (!tc_is(l->ir, slice, TC_OP_slice)) return;
  tc_buf buf = tc_slice_buf(l->ir, slice);
  if (!tc_layouts_is_fragment(l, buf) || l->of[buf.id]) return;
  bool constant = tc_onchip_extents(l->ir, buf, extents);
  choice c = {work, slice, constant ? elements_of(extents, tc_buf_at(l->ir, buf)->rank) : 0};
  if (!best->work || c.elements > best->elements) *best = c;
}

static void consider_loop(tc_layouts *l, const tc_work *work, choice *best) {
  const tc_op *op = tc_op_at(l->ir, work->stmt);
  choice c = {.work = work, .elements = 1};
  if (!is_open_loop(l, work) || !tc_layouts_loop_has_fragments(l, work)) return;
  for (uint32_t d = 0; d < op->n_in; d++) {
    int64_t extent = 1;
    if (tc_const_of(l->ir, tc_input(l->ir, op, d), &extent)) c.elements *= elements_of(&extent, 1);
    if (c.elements > INT32_MAX) c.elements = INT32_MAX;
  }
  /* Of a loop it is known how its memory is best moved. */
  if (!best->work || c.elements > best->elements
      || (c.elements == best->elements && best->slice.id))
    *best = c;
}

/* Shares out one more loop that uses fragments, or one more fragment. */
static bool share_next(tc_layouts *l) {
  choice best = {.work = NULL};
  for (uint32_t i = 0; i < l->works.n; i++) {
    const tc_work *work = &l->works.at[i];
    const tc_op *op = tc_op_at(l->ir, work->stmt);
    if (work->single || work->loop.id) continue;
    consider_loop(l, work, &best);
    for (uint32_t k = 0; k < op->n_in; k++)
      consider_slice(l, work, tc_input(l->ir, op, k), &best);
  }
  if (!best.work) return false;
  if (best.slice.id) return share_fragment(l, best.work, best.slice);
  tc_layouts_share_loop(l, best.work);
  return l->map[best.work->stmt.id] != NULL;
}

static void share_rest(tc_layouts *l) {
  uint32_t n_errors = l->ir->diags->n_errors;
  carry_all(l);
  while (l->ir->diags->n_errors == n_errors && share_next(l))
    carry_all(l);
  for (uint32_t i = 0; i < l->works.n; i++)
    if (is_open_loop(l, &l->works.at[i])) tc_layouts_share_loop(l, &l->works.at[i]);
}

/* ---- thread maps of copies ---- */

static bool is_memory(enum tc_scope scope) {
  return scope == TC_SCOPE_global || scope == TC_SCOPE_shared;
}

static void share_copy(tc_layouts *l, const tc_work *work) {
  if (!tc_is(l->ir, work->stmt, TC_OP_copy) || work->single) return;
  tc_copy *copy = tc_copy_of(l->ir, work->stmt);
  const tc_op *op = tc_op_at(l->ir, work->stmt);
  tc_value src = tc_input(l->ir, op, 0), dst = tc_input(l->ir, op, 1);
  int64_t extents[TC_LAYOUT_DIMS];
  uint32_t n, bits = tc_onchip_bits(l->ir, tc_slice_buf(l->ir, src));
  if (copy->engine == TC_ENGINE_tma || (copy->flags & TC_COPY_OWN)) return;
  if (!is_memory(tc_onchip_scope(l->ir, src)) || !is_memory(tc_onchip_scope(l->ir, dst))) return;
  if (tc_onchip_bits(l->ir, tc_slice_buf(l->ir, dst)) > bits)
    bits = tc_onchip_bits(l->ir, tc_slice_buf(l->ir, dst));
  const tc_layout *map = NULL;
  if (tc_onchip_box(l->ir, dst, extents, &n))
    map =
        tc_onchip_share(l->arena, n, extents, work->team.count, bits < 128 ? 128 / bits : 1, false);
  if (map) {
    copy->layout = tc_onchip_text(l->ir, map);
  } else {
    TC_DIAG(l->ir->diags, D_loop_map, op->span, "its extents are known only at run time");
  }
}

/* ---- the whole ---- */

/* What nothing special is asked of lies row-major. */
static void finish_buf(tc_layouts *l, const tc_work *work) {
  if (!tc_is(l->ir, work->stmt, TC_OP_alloc)) return;
  tc_buf buf = {tc_op_at(l->ir, work->stmt)->payload};
  tc_buffer *b = tc_buf_at(l->ir, buf);
  int64_t extents[TC_LAYOUT_DIMS];
  if (b->scope == TC_SCOPE_shared && !l->of[buf.id]) {
    if (!tc_onchip_extents(l->ir, buf, extents)) {
      tc_layouts_refuse(l, work->stmt, buf, "its extents are known only at run time, or too many");
      return;
    }
    l->of[buf.id] = tc_layout_row_major(l->arena, b->rank, extents, 0);
  }
  if (b->scope == TC_SCOPE_fragment && !l->of[buf.id])
    share_fragment(l, work, tc_slice_whole(l->ir, buf));
  if (l->of[buf.id]) b->layout = tc_onchip_text(l->ir, l->of[buf.id]);
}

static void layout_kernel(tc_layouts *l, tc_value kernel) {
  uint32_t n_errors = l->ir->diags->n_errors;
  l->works.n = l->wishes.n = 0;
  tc_works_of(l->ir, kernel, l->arena, &l->works);
  for (uint32_t i = 0; i < l->works.n; i++)
    ask_gemm(l, &l->works.at[i]);
  for (uint32_t i = 0; i < l->works.n; i++)
    ask_copy(l, &l->works.at[i]);
  for (uint32_t i = 0; i < l->works.n; i++)
    tc_layouts_hint(l, &l->works.at[i]);
  share_rest(l);
  for (uint32_t i = 0; i < l->works.n; i++) {
    const tc_work *work = &l->works.at[i];
    share_copy(l, work);
    finish_buf(l, work);
    check_carried(l, work);
    check_access(l, work);
    if (!tc_is(l->ir, work->stmt, TC_OP_parallel) || !l->map[work->stmt.id]) continue;
    tc_layouts_check_loop(l, work);
    tc_parallel_of(l->ir, work->stmt)->layout = tc_onchip_text(l->ir, l->map[work->stmt.id]);
  }
  for (uint32_t i = 0; i < l->works.n; i++)
    tc_layouts_check_hint(l, &l->works.at[i]);
  if (l->ir->diags->n_errors == n_errors) tc_layouts_convert(l, kernel);
}

void tc_pass_layout(tc_ir *ir, const tc_pass_context *cx) {
  tc_layouts l = {.ir = ir, .cx = cx, .arena = cx->scratch};
  tc_kernels kernels = {.at = NULL};
  tc_kernels_of(ir, l.arena, &kernels);
  for (uint32_t i = 0; i < kernels.n; i++)
    tc_layouts_parts(ir, kernels.at[i], l.arena);
  l.of = TC_NEW_ARRAY(l.arena, ir->bufs.n, const tc_layout *);
  l.asked = TC_NEW_ARRAY(l.arena, ir->bufs.n, tc_value);
  l.map = TC_NEW_ARRAY(l.arena, ir->n_ops, const tc_layout *);
  for (uint32_t i = 0; i < kernels.n; i++)
    layout_kernel(&l, kernels.at[i]);
}
