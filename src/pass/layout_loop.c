/* Thread maps of parallel loops, and the fragments that meet in them.
 *
 * An access names each dimension of a fragment by one variable of the loop, or leaves it to the
 * thread (a constant). The fragment then lies as the iterations do: variables that it does not name
 * make copies, dimensions left to the thread become slots. */
#include "ir/walk.h"
#include "pass/deps.h"
#include "pass/layouts.h"

/* In place of the number of a variable; registers have constant numbers. */
enum { OWN = -1, STRANGE = -2 };

typedef struct access {
  tc_value stmt;
  tc_buf buf;
  bool writes;
  int by[TC_LAYOUT_DIMS]; /* which variable counts each dimension */
} access;

typedef struct loop {
  tc_layouts *l;
  tc_value stmt;
  const tc_parallel *parallel;
  int64_t extents[TC_LAYOUT_DIMS];
  TC_VEC(access) accesses; /* of fragments */
  TC_VEC(access) others;   /* of memory */
  int64_t vector;          /* elements of memory that may be moved together */
} loop;

/* ---- reading the loop ---- */

static int variable_of(const loop *p, tc_value index) {
  int64_t constant;
  for (uint32_t k = 0; k < p->parallel->n && tc_is(p->l->ir, index, TC_OP_var); k++)
    if (tc_op_at(p->l->ir, index)->payload == p->parallel->vars[k].id) return (int)k;
  return tc_const_of(p->l->ir, index, &constant) ? OWN : STRANGE;
}

/* Memory is read or written in order along the last variable: only the last index depends on it. */
static void note_memory(loop *p, tc_value stmt, const tc_buffer *b) {
  tc_var last = p->parallel->vars[p->parallel->n - 1];
  int64_t most = 128 / (int64_t)tc_type_bits(b->elem);
  for (uint32_t d = 0; d < b->rank; d++) {
    tc_deps deps = {.vars = {0}};
    tc_deps_add(p->l->ir, p->l->arena, tc_input(p->l->ir, tc_op_at(p->l->ir, stmt), d), &deps);
    if (d + 1 < b->rank && tc_deps_has_var(&deps, last)) most = 1;
  }
  if (most < 1) most = 1;
  if (most < p->vector) p->vector = most;
}

static bool look(tc_ir *ir, tc_value stmt, void *data) {
  loop *p = data;
  const tc_op *op = tc_op_at(ir, stmt);
  if (op->opcode != TC_OP_load && op->opcode != TC_OP_store && op->opcode != TC_OP_atomic)
    return true;
  access a = {.stmt = stmt, .buf = tc_access_buf(ir, stmt), .writes = op->opcode != TC_OP_load};
  const tc_buffer *b = tc_buf_at(ir, a.buf);
  if (b->scope == TC_SCOPE_global || b->scope == TC_SCOPE_shared) {
    note_memory(p, stmt, b);
    tc_vec_push(p->l->arena, &p->others, a);
  }
  if (b->scope != TC_SCOPE_fragment || b->rank > TC_LAYOUT_DIMS) return true;
  for (uint32_t d = 0; d < b->rank; d++)
    a.by[d] = variable_of(p, tc_input(ir, op, d));
  tc_vec_push(p->l->arena, &p->accesses, a);
  return true;
}

static bool read_loop(tc_layouts *l, const tc_work *work, loop *p) {
  *p = (loop){.l = l, .stmt = work->stmt, .parallel = tc_parallel_of(l->ir, work->stmt)};
  p->vector = 16;
  const tc_op *op = tc_op_at(l->ir, work->stmt);
  if (p->parallel->n > TC_LAYOUT_DIMS || !p->parallel->n) return false;
  for (uint32_t k = 0; k < p->parallel->n; k++)
    if (!tc_const_of(l->ir, tc_input(l->ir, op, k), &p->extents[k]) || p->extents[k] < 1)
      return false;
  tc_walk(l->ir, tc_child(l->ir, op, 0), look, p);
  return true;
}

/* ---- between the loop's map and a fragment's layout ---- */

/* Does the access name dimensions by variables that run over all of them? */
static bool is_plain(const loop *p, const access *a) {
  int64_t shape[TC_LAYOUT_DIMS];
  bool seen[TC_LAYOUT_DIMS] = {false};
  if (!tc_onchip_extents(p->l->ir, a->buf, shape)) return false;
  for (uint32_t d = 0; d < tc_buf_at(p->l->ir, a->buf)->rank; d++) {
    if (a->by[d] == STRANGE) return false;
    if (a->by[d] == OWN) continue;
    if (seen[a->by[d]] || p->extents[a->by[d]] != shape[d]) return false;
    seen[a->by[d]] = true;
  }
  return true;
}

/* The layout that a fragment has when its elements are where the loop's iterations are. */
static const tc_layout *derive(const loop *p, const tc_layout *map, const access *a) {
  tc_arena *arena = p->l->arena;
  int64_t shape[TC_LAYOUT_DIMS];
  uint32_t rank = tc_buf_at(p->l->ir, a->buf)->rank, at[TC_LAYOUT_DIMS], order[TC_LAYOUT_DIMS];
  const tc_layout *layout = map;
  tc_onchip_extents(p->l->ir, a->buf, shape);
  uint32_t kept = 0;
  for (uint32_t k = 0; k < p->parallel->n; k++) {
    bool used = false;
    for (uint32_t d = 0; d < rank; d++)
      if (a->by[d] == (int)k) used = true, at[d] = kept;
    if (used) kept++;
    if (!used && layout) layout = tc_layout_reduce(arena, layout, kept);
  }
  for (uint32_t d = 0; d < rank && layout; d++) {
    if (a->by[d] != OWN) continue;
    at[d] = layout->n_dims;
    layout = tc_layout_add_dim(arena, layout, at[d]);
    if (layout && shape[d] > 1)
      layout = tc_layout_tile(arena, layout, at[d], shape[d], TC_SPACE_slot, TC_TILE_OUTER);
  }
  for (uint32_t d = 0; d < rank; d++)
    order[d] = at[d];
  return layout ? tc_layout_permute(arena, layout, order) : NULL;
}

/* The map of the loop that follows the fragment; NULL when the fragment does not say it all. */
static const tc_layout *follow(const loop *p, const access *a) {
  const tc_layout *layout = p->l->of[a->buf.id];
  uint32_t rank = tc_buf_at(p->l->ir, a->buf)->rank, kept = 0, order[TC_LAYOUT_DIMS];
  uint32_t named = 0;
  for (uint32_t d = 0; d < rank; d++)
    named += a->by[d] >= 0;
  if (!layout || named != p->parallel->n) return NULL;
  for (uint32_t d = 0; d < rank && layout; d++) {
    if (a->by[d] >= 0) {
      order[a->by[d]] = kept++;
    } else if (layout->bound[kept] != 1) {
      return NULL;
    } else {
      layout = tc_layout_reduce(p->l->arena, layout, kept);
    }
  }
  return layout ? tc_layout_permute(p->l->arena, layout, order) : NULL;
}

/* ---- the pass's questions ---- */

static void refuse_extents(tc_layouts *l, const tc_work *work) {
  TC_DIAG(l->ir->diags, D_loop_map, tc_op_at(l->ir, work->stmt)->span,
          "its extents are known only at run time");
}

void tc_layouts_loop(tc_layouts *l, const tc_work *work) {
  loop p;
  if (!read_loop(l, work, &p)) return;
  const tc_layout *map = l->map[work->stmt.id];
  for (int written = 1; written >= 0 && !map; written--)
    for (uint32_t i = 0; i < p.accesses.n && !map; i++)
      if (p.accesses.at[i].writes == written && is_plain(&p, &p.accesses.at[i]))
        map = follow(&p, &p.accesses.at[i]);
  if (!map) return;
  if (!l->map[work->stmt.id]) l->map[work->stmt.id] = map, l->changed = true;
  for (uint32_t i = 0; i < p.accesses.n; i++) {
    const access *a = &p.accesses.at[i];
    if (l->of[a->buf.id] || !is_plain(&p, a)) continue;
    const tc_layout *layout = derive(&p, map, a);
    if (layout) tc_layouts_set(l, a->buf, layout, a->stmt);
  }
}

bool tc_layouts_loop_has_fragments(tc_layouts *l, const tc_work *work) {
  loop p;
  return read_loop(l, work, &p) && p.accesses.n;
}

void tc_layouts_share_loop(tc_layouts *l, const tc_work *work) {
  loop p;
  if (!read_loop(l, work, &p)) {
    refuse_extents(l, work);
    return;
  }
  l->map[work->stmt.id] = tc_onchip_share(l->arena, p.parallel->n, p.extents, work->team.count,
                                          p.vector, p.accesses.n != 0);
  if (!l->map[work->stmt.id])
    TC_DIAG(l->ir->diags, D_loop_map, tc_op_at(l->ir, work->stmt)->span, "it is too large");
  l->changed = true;
}

/* Does the loop have to use the fragment's memory, not its registers? An update meets those of
 * other threads; or a thread does not hold the elements of its iterations, or not every thread that
 * holds an element writes it. */
static bool needs_memory(const loop *p, const tc_layout *map, const access *a) {
  const tc_layout *have = p->l->of[a->buf.id];
  const tc_layout *need = is_plain(p, a) ? derive(p, map, a) : NULL;
  return !need || tc_is(p->l->ir, a->stmt, TC_OP_atomic)
         || (have && !tc_layout_contains(have, need))
         || (have && a->writes && !tc_layout_contains(need, have));
}

static uint32_t root_of(const loop *p, const access *a) {
  return tc_buf_at(p->l->ir, a->buf)->root.id;
}

/* Is memory read and written? Where several threads do an iteration, one of them writes, and the
 * others may read after that. */
static bool updates_memory(const loop *p, const tc_layout *map) {
  for (uint32_t i = 0; i < p->others.n; i++)
    for (uint32_t k = 0; k < p->others.n; k++)
      if (p->others.at[i].writes && !p->others.at[k].writes
          && root_of(p, &p->others.at[i]) == root_of(p, &p->others.at[k]))
        return true;
  for (uint32_t i = 0; i < p->accesses.n; i++) {
    const access *a = &p->accesses.at[i];
    bool read = false, written = false;
    if (!needs_memory(p, map, a)) continue;
    for (uint32_t k = 0; k < p->accesses.n; k++) {
      if (p->accesses.at[k].buf.id != a->buf.id) continue;
      read = read || !p->accesses.at[k].writes;
      written = written || p->accesses.at[k].writes;
    }
    if (read && written) return true;
  }
  return false;
}

void tc_layouts_check_loop(tc_layouts *l, const tc_work *work) {
  loop p;
  const tc_layout *map = l->map[work->stmt.id];
  if (!map || !read_loop(l, work, &p)) return;
  if (tc_layout_is_replicated(map) && updates_memory(&p, map)) {
    map = tc_onchip_share(l->arena, p.parallel->n, p.extents, work->team.count, p.vector, false);
    if (map) l->map[work->stmt.id] = map;
  }
  for (uint32_t i = 0; map && i < p.accesses.n; i++)
    if (needs_memory(&p, map, &p.accesses.at[i]))
      tc_layouts_wish(l, work, -1, p.accesses.at[i].buf, NULL);
}
