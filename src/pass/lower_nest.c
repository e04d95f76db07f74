/* Loops over a tile whose iterations the threads share out: each thread does the iterations of its
 * slots, several side by side, so that their accesses can become one.
 *
 *   parallel (%i < 64, %j < 32) { %x = load S[%i, %j]; store C[%m + %i, %j] = %x }
 *   thread map: thread = 4 i + j / 8, slot = j % 8 + ..
 *   -> for each eight slots: x = load S[.., ramp(.., 1, 8)]; store C[.., ramp(.., 1, 8)] = x */
#include "pass/lower.h"

#include "ir/form.h"
#include "ir/walk.h"

#include <string.h>

/* ---- indices as functions of the loop ---- */

typedef struct form {
  bool known;
  int64_t constant, by[TC_LAYOUT_DIMS];
} form;

static void add_to_form(const tc_lower *lw, const tc_nest *nest, form *f, tc_value v, int64_t by) {
  const tc_ir *ir = lw->ir;
  const tc_op *op = tc_op_at(ir, v);
  int64_t x;
  if (tc_const_of(ir, v, &x)) {
    f->constant += by * x;
  } else if (op->opcode == TC_OP_add || op->opcode == TC_OP_sub) {
    add_to_form(lw, nest, f, tc_input(ir, op, 0), by);
    add_to_form(lw, nest, f, tc_input(ir, op, 1), op->opcode == TC_OP_add ? by : -by);
  } else if (op->opcode == TC_OP_mul && tc_const_of(ir, tc_input(ir, op, 1), &x) && x > -(1 << 20)
             && x < 1 << 20 && by > -(1 << 20) && by < 1 << 20) {
    add_to_form(lw, nest, f, tc_input(ir, op, 0), by * x);
  } else if (op->opcode == TC_OP_cast && tc_is_int(op->type)) {
    add_to_form(lw, nest, f, tc_input(ir, op, 0), by);
  } else {
    bool found = false;
    for (uint32_t d = 0; d < nest->n_dims && op->opcode == TC_OP_var; d++)
      if (op->payload == nest->vars[d].id) f->by[d] += by, found = true;
    f->known = f->known && found;
  }
}

static form form_of(tc_lower *lw, const tc_nest *nest, tc_value old) {
  form f = {.known = true};
  add_to_form(lw, nest, &f, tc_substitute(lw->ir, old, &lw->subst), 1);
  return f;
}

/* The one variable that an index is, maybe plus a constant; -1: a constant; -2: neither. */
static int plain_var(const tc_nest *nest, const form *f) {
  int found = -1;
  if (!f->known) return -2;
  for (uint32_t d = 0; d < nest->n_dims; d++) {
    if (!f->by[d]) continue;
    if (f->by[d] != 1 || found >= 0) return -2;
    found = (int)d;
  }
  return found;
}

/* ---- fragments ---- */

typedef struct indices {
  tc_value stmt;
  uint32_t rank;
  form f[TC_LOWER_RANK];
} indices;

static indices indices_of(tc_lower *lw, tc_value stmt) {
  indices x = {.stmt = stmt};
  const tc_op *op = tc_op_at(lw->ir, stmt);
  x.rank = tc_buf_at(lw->ir, tc_stmt_buf(lw->ir, op, 0))->rank;
  for (uint32_t d = 0; d < x.rank && lw->nest; d++)
    x.f[d] = form_of(lw, lw->nest, tc_input(lw->ir, op, d));
  return x;
}

static bool is_identity(const tc_nest *nest, const indices *x) {
  if (x->rank != nest->n_dims) return false;
  for (uint32_t d = 0; d < x->rank; d++)
    if (plain_var(nest, &x->f[d]) != (int)d || x->f[d].constant) return false;
  return true;
}

static void element_at(const indices *x, uint32_t n_dims, const int64_t *at, int64_t *element) {
  for (uint32_t d = 0; d < x->rank; d++) {
    element[d] = x->f[d].constant;
    for (uint32_t k = 0; k < n_dims; k++)
      element[d] += x->f[d].by[k] * at[k];
  }
}

static int64_t slot_in_thread(const tc_layout *l, const int64_t *element, int64_t thread) {
  tc_hw hw;
  for (int64_t r = 0; tc_layout_find(l, element, r, &hw); r++)
    if (hw.at[TC_SPACE_thread] == thread) return hw.at[TC_SPACE_slot];
  return -1;
}

/* The slot of the fragment that iteration `slot` of the nest needs, the same in every thread; -1:
 * some thread does not have it there. */
static int64_t slot_of(const tc_nest *nest, const indices *x, const tc_layout *l, int64_t slot) {
  int64_t found = -1, n = nest->map->size[TC_SPACE_thread];
  for (int64_t t = 0; t < n; t++) {
    tc_hw hw = {{t, slot, 0}}, there;
    int64_t at[TC_LAYOUT_DIMS], element[TC_LOWER_RANK], have[TC_LAYOUT_DIMS];
    if (!tc_layout_apply(nest->map, &hw, at)) continue;
    element_at(x, nest->n_dims, at, element);
    int64_t thread = t % l->size[TC_SPACE_thread];
    if (found < 0) {
      found = slot_in_thread(l, element, thread);
      if (found < 0) return -1;
      continue;
    }
    there = (tc_hw){{thread, found, 0}};
    if (!tc_layout_apply(l, &there, have)) return -1;
    for (uint32_t d = 0; d < x->rank; d++)
      if (have[d] != element[d]) return -1;
  }
  return found;
}

static void fragment_slot(tc_lower *lw, const indices *x, tc_lower_buf *b, uint32_t k,
                          tc_lower_access *a) {
  tc_nest *nest = lw->nest;
  for (uint32_t d = 0; d < x->rank; d++)
    if (!x->f[d].known) tc_lower_refuse(lw, "an index of a fragment that is not the loop's");
  int64_t slot = nest->slot + k, index;
  if (!(is_identity(nest, x) && tc_layout_equal(nest->map, b->layout)))
    slot = slot_of(nest, x, b->layout, slot);
  if (slot < 0) tc_lower_refuse(lw, "an element of a fragment that another thread holds");
  a->buf = tc_lower_slot(lw, b, slot, &index);
  a->index[k][0] = tc_i32(lw->ir, index);
}

/* ---- shared memory ---- */

/* The nest's map over the dimensions of a buffer: those that no variable counts are of extent 1. */
static const tc_layout *map_over(tc_lower *lw, const indices *x, uint32_t first,
                                 const tc_layout *memory, int64_t *origin) {
  const tc_nest *nest = lw->nest;
  uint32_t order[TC_LAYOUT_DIMS], n = 0, n_memory = memory->n_dims;
  for (uint32_t d = 0; d < n_memory; d++) {
    const form *f = &x->f[d + first];
    int var = plain_var(nest, f);
    if (var == -2) return NULL;
    origin[d] = f->constant;
    if (var < 0) continue;
    for (uint32_t i = 0; i < n; i++)
      if (order[i] == (uint32_t)var) return NULL;
    order[n++] = (uint32_t)var;
  }
  if (n != nest->n_dims) return NULL;
  const tc_layout *l = tc_layout_permute(lw->arena, nest->map, order);
  for (uint32_t d = 0; d < n_memory && l; d++)
    if (plain_var(nest, &x->f[d + first]) < 0) l = tc_layout_add_dim(lw->arena, l, d);
  return l;
}

/* Indices that are known only at run time: one or two dimensions that are not row-major. */
static tc_value dynamic_offset(tc_lower *lw, const tc_layout *memory, const tc_value *index) {
  uint32_t n = memory->n_dims;
  const tc_layout *rows = tc_layout_row_major(lw->arena, n, memory->bound, 0);
  if (rows && tc_layout_equal(rows, memory)) {
    tc_value sum = tc_i32(lw->ir, 0);
    for (uint32_t d = 0; d < n; d++)
      sum = tc_lower_add(lw, tc_lower_mul(lw, sum, memory->bound[d]), index[d]);
    return sum;
  }
  if (n > 2) tc_lower_refuse(lw, "an index of a tile with this layout");
  tc_mode modes[2] = {{.kind = TC_MODE_STEP,
                       .space = TC_SPACE_thread,
                       .dim = (uint8_t)(n - 1),
                       .extent = memory->bound[n - 1],
                       .step = 1},
                      {.kind = TC_MODE_STEP,
                       .space = TC_SPACE_slot,
                       .dim = 0,
                       .extent = memory->bound[0],
                       .step = 1}};
  const tc_layout *l = tc_layout_make(lw->arena, n, memory->bound, modes, n);
  const tc_layout_digits *digits = l ? tc_layout_compose(lw->arena, memory, l, NULL) : NULL;
  if (!digits) tc_lower_refuse(lw, "an index of a tile with this layout");
  tc_value in[TC_N_SPACES] = {index[n - 1], n > 1 ? index[0] : (tc_value){0}, {0}};
  return tc_lower_digits(lw, digits, in);
}

static void shared_offsets(tc_lower *lw, const indices *x, tc_lower_buf *b, tc_lower_access *a) {
  tc_ir *ir = lw->ir;
  uint32_t first = b->version ? 1 : 0;
  int64_t origin[TC_LAYOUT_DIMS];
  const tc_layout *over = lw->nest ? map_over(lw, x, first, b->layout, origin) : NULL;
  const tc_layout_digits *digits = NULL;
  if (over) digits = tc_layout_compose(lw->arena, b->layout, over, origin);
  if (digits) a->known = (uint32_t)tc_layout_vector(lw->arena, b->layout, over, origin, a->n);
  for (uint32_t k = 0; k < a->n; k++) {
    tc_value flat = {0}, index[TC_LAYOUT_DIMS];
    if (first)
      flat = tc_lower_mul(
          lw, tc_lower_int(lw, tc_lower_value_of(lw, tc_input(ir, tc_op_at(ir, x->stmt), 0), k)),
          b->version);
    if (digits) {
      uint32_t in_run = k % a->known;
      const tc_layout_digits *at =
          tc_layout_digits_fix(lw->arena, digits, TC_SPACE_slot, lw->nest->slot + (k - in_run));
      tc_value in[TC_N_SPACES] = {tc_lower_local(lw), {0}, {0}};
      flat = tc_lower_add(lw, flat, tc_lower_digits(lw, at, in));
      flat = tc_lower_add(lw, flat, tc_i32(ir, in_run));
    } else {
      for (uint32_t d = 0; d < b->layout->n_dims; d++)
        index[d] = tc_lower_int(
            lw, tc_lower_value_of(lw, tc_input(ir, tc_op_at(ir, x->stmt), d + first), k));
      flat = tc_lower_add(lw, flat, dynamic_offset(lw, b->layout, index));
    }
    a->index[k][0] = flat;
  }
}

/* ---- one access ---- */

static void other_indices(tc_lower *lw, tc_value stmt, tc_lower_access *a) {
  const tc_op *op = tc_op_at(lw->ir, stmt);
  for (uint32_t k = 0; k < a->n; k++)
    for (uint32_t d = 0; d < a->rank; d++)
      a->index[k][d] = tc_lower_value_of(lw, tc_input(lw->ir, op, d), k);
}

static void conditions(tc_lower *lw, tc_value stmt, bool writes, tc_lower_access *a) {
  for (uint32_t k = 0; k < a->n; k++) {
    tc_value pred = tc_access_pred(lw->ir, stmt);
    tc_value other = tc_is(lw->ir, stmt, TC_OP_load) ? tc_access_else(lw->ir, stmt) : (tc_value){0};
    if (pred.id) pred = tc_lower_value_of(lw, pred, k);
    if (other.id) other = tc_lower_value_of(lw, other, k);
    if (writes && lw->nest) pred = tc_and(lw->ir, pred, lw->nest->owner);
    a->pred[k] = pred;
    a->other[k] = other;
  }
}

static void do_atomic(tc_lower *lw, tc_value stmt, const tc_lower_access *a) {
  tc_ir *ir = lw->ir;
  tc_atomic what = *tc_atomic_of(ir, stmt);
  what.buf = a->buf;
  what.flags |= TC_ACCESS_IN_BOUNDS; /* or the predicate says so */
  for (uint32_t k = 0; k < a->n; k++) {
    tc_value expected = {0};
    if (what.kind == TC_ATOMIC_CAS)
      expected = tc_lower_value_of(
          lw, tc_input(ir, tc_op_at(ir, stmt), tc_buf_at(ir, tc_access_buf(ir, stmt))->rank + 1),
          k);
    tc_value made =
        tc_atomic_stmt(ir, lw->at, what, a->index[k], a->value[k], expected, a->pred[k], lw->span);
    tc_map *map = lw->nest ? &lw->nest->subst[k] : &lw->subst;
    tc_map_put(map, stmt.id, made.id);
  }
}

static void do_load(tc_lower *lw, tc_value stmt, tc_lower_access *a) {
  tc_lower_load(lw, a);
  for (uint32_t k = 0; k < a->n; k++) {
    tc_map *map = lw->nest ? &lw->nest->subst[k] : &lw->subst;
    tc_map_put(map, stmt.id, a->value[k].id);
  }
}

static void fragment_access(tc_lower *lw, const indices *x, tc_lower_buf *b, bool load,
                            tc_lower_access *all) {
  for (uint32_t k = 0; k < all->n; k++) {
    tc_lower_access a = {.n = 1, .rank = 1};
    fragment_slot(lw, x, b, k, all);
    a.buf = all->buf;
    a.index[0][0] = all->index[k][0];
    a.pred[0] = all->pred[k];
    a.other[0] = all->other[k];
    a.value[0] = all->value[k];
    if (load)
      tc_lower_load(lw, &a);
    else
      tc_lower_store(lw, &a);
    all->value[k] = a.value[0];
    if (load) tc_map_put(&lw->nest->subst[k], x->stmt.id, a.value[0].id);
  }
}

static tc_lower_access *new_access(tc_lower *lw, tc_value stmt, bool load, bool seen) {
  tc_lower_access *a = TC_NEW(lw->arena, tc_lower_access);
  a->n = lw->nest ? lw->nest->width : 1;
  a->rank = tc_buf_at(lw->ir, tc_access_buf(lw->ir, stmt))->rank;
  if (!tc_is(lw->ir, stmt, TC_OP_atomic)) {
    a->order = tc_access_of(lw->ir, stmt)->order;
    a->sync_scope = tc_access_of(lw->ir, stmt)->sync_scope;
  }
  conditions(lw, stmt, !load && seen, a);
  for (uint32_t k = 0; k < a->n && !load; k++)
    a->value[k] = tc_lower_value_of(lw, tc_access_value(lw->ir, stmt), k);
  return a;
}

static bool is_used(tc_lower *lw, tc_value stmt) {
  return tc_place_values(lw->ir, lw->old, lw->arena).uses[stmt.id] > 0;
}

/* Loads, stores and atomics of arrays; what all threads write together, others see: one does it. */
static void array_access(tc_lower *lw, tc_value stmt, bool once, tc_lower_access *a) {
  bool atomic = tc_is(lw->ir, stmt, TC_OP_atomic);
  if (once && atomic && is_used(lw, stmt))
    tc_lower_refuse_help(
        lw, "the old value of an atomic that the block does once",
        "let one thread do it, in code for single threads: if T.get_thread_binding() == 0");
  tc_lower_mark mark = once ? tc_lower_one(lw) : (tc_lower_mark){{0}};
  if (atomic)
    do_atomic(lw, stmt, a);
  else if (tc_is(lw->ir, stmt, TC_OP_load))
    do_load(lw, stmt, a);
  else
    tc_lower_store(lw, a);
  tc_lower_leave(lw, mark);
}

void tc_lower_access_stmt(tc_lower *lw, tc_value stmt) {
  tc_ir *ir = lw->ir;
  tc_buf old = tc_access_buf(ir, stmt);
  enum tc_scope scope = tc_buf_at(ir, old)->scope;
  bool load = tc_is(ir, stmt, TC_OP_load), shared = scope == TC_SCOPE_shared;
  bool seen = shared || scope == TC_SCOPE_global; /* by other threads */
  tc_lower_access *a = new_access(lw, stmt, load, seen);
  indices x = indices_of(lw, stmt);
  if (scope == TC_SCOPE_fragment) {
    if (!lw->nest || tc_is(ir, stmt, TC_OP_atomic))
      tc_lower_refuse(lw, "this use of a single element of a fragment");
    fragment_access(lw, &x, tc_lower_buffer(lw, old), load, a);
    return;
  }
  if (shared) {
    tc_lower_buf *b = tc_lower_buffer(lw, old);
    a->buf = b->arrays[0];
    shared_offsets(lw, &x, b, a);
    a->rank = 1;
  } else {
    a->buf = tc_lower_other(lw, old);
    other_indices(lw, stmt, a);
  }
  array_access(lw, stmt, seen && !load && !lw->nest && !lw->single, a);
}

/* ---- the map ---- */

typedef struct body_facts {
  tc_lower *lw;
  const tc_nest *nest;
  bool straight; /* loads, stores and the like */
  uint32_t bits; /* of the narrowest element in shared or global memory; 0: none */
  const tc_layout *map, *read_map;
  bool is_partial; /* stores to a fragment say nothing of who does which iteration */
} body_facts;

/* A fragment all of whose indices are variables of the nest tells who does which iteration;
 * dimensions of one element do not count. */
static const tc_layout *map_of_fragment(tc_lower *lw, const tc_nest *nest, tc_value stmt) {
  indices x = indices_of(lw, stmt);
  uint32_t order[TC_LAYOUT_DIMS] = {0}, seen = 0, n = 0;
  const tc_layout *l = tc_lower_buffer(lw, tc_access_buf(lw->ir, stmt))->layout;
  for (uint32_t d = 0; d < x.rank && l; d++) {
    int var = plain_var(nest, &x.f[d]);
    if (var == -2 || x.f[d].constant) return NULL;
    if (var >= 0) {
      order[var] = n++;
      seen |= 1u << var;
    } else if (l->bound[n] == 1) {
      l = tc_layout_reduce(lw->arena, l, n);
    } else {
      return NULL;
    }
  }
  for (uint32_t v = 0; v < nest->n_dims && l; v++) {
    if (seen >> v & 1 || nest->extent[v] != 1) continue;
    l = tc_layout_add_dim(lw->arena, l, n);
    order[v] = n++;
    seen |= 1u << v;
  }
  if (!l || n != nest->n_dims || seen + 1 != 1u << n) return NULL;
  l = tc_layout_permute(lw->arena, l, order);
  return l ? tc_layout_bounded(lw->arena, l, nest->extent) : NULL;
}

static bool visit_body(tc_ir *ir, tc_value stmt, void *data) {
  body_facts *f = data;
  const tc_op *op = tc_op_at(ir, stmt);
  bool access = op->opcode == TC_OP_load || op->opcode == TC_OP_store;
  if (!access && op->opcode != TC_OP_atomic && op->opcode != TC_OP_alloc) f->straight = false;
  if (!access) return true;
  const tc_buffer *b = tc_buf_at(ir, tc_access_buf(ir, stmt));
  uint32_t bits = tc_type_bits(b->elem);
  if ((b->scope == TC_SCOPE_shared || b->scope == TC_SCOPE_global) && (!f->bits || bits < f->bits))
    f->bits = bits;
  if (b->scope != TC_SCOPE_fragment) return true;
  const tc_layout *l = map_of_fragment(f->lw, f->nest, stmt);
  if (op->opcode == TC_OP_store && !l) f->is_partial = true;
  if (op->opcode == TC_OP_store && !f->map) f->map = l;
  if (op->opcode == TC_OP_load && !f->read_map) f->read_map = l;
  return true;
}

static const tc_layout *partition(tc_lower *lw, const tc_nest *nest, uint32_t bits) {
  int64_t vector = bits && bits < 128 ? 128 / bits : 1, n = 1,
          last = nest->extent[nest->n_dims - 1];
  for (uint32_t d = 0; d < nest->n_dims; d++)
    n *= nest->extent[d];
  while (vector > 1 && (last % vector || n / vector < lw->count))
    vector /= 2;
  return tc_layout_partition(lw->arena, nest->n_dims, nest->extent, lw->count, vector, false);
}

static void choose_map(tc_lower *lw, tc_nest *nest, const body_facts *f) {
  if (lw->single)
    nest->map = tc_layout_replicated(lw->arena, nest->n_dims, nest->extent, 1);
  else if (!nest->map && f->is_partial) /* all threads that hold an element must write it */
    tc_lower_refuse_help(lw, "a part of a fragment is written",
                         "write all of it, or let T.Parallel run over the part");
  else if (!nest->map)
    nest->map = f->map ? f->map : f->read_map ? f->read_map : partition(lw, nest, f->bits);
  if (!nest->map || nest->map->n_dims != nest->n_dims || nest->map->table
      || nest->map->size[TC_SPACE_thread] > (lw->single ? 1 : lw->count))
    tc_lower_refuse(lw, "a loop with this thread map");
}

/* In a dimension with padding, the slots of each group must be one place, or lie side by side and
 * aligned: then the extent, a multiple of the group, ends between groups. */
static bool groups_are_whole(const tc_layout *map, uint32_t d, uint32_t w) {
  for (int64_t slot = 0; slot < map->size[TC_SPACE_slot]; slot += w) {
    int64_t first[TC_LAYOUT_DIMS], x[TC_LAYOUT_DIMS];
    tc_hw hw = {{0}};
    hw.at[TC_SPACE_slot] = slot;
    tc_layout_apply(map, &hw, first);
    for (uint32_t k = 1; k < w; k++) {
      hw.at[TC_SPACE_slot] = slot + k;
      tc_layout_apply(map, &hw, x);
      bool together = x[d] == first[d] || (x[d] == first[d] + k && first[d] % w == 0);
      if (!together) return false;
    }
  }
  return true;
}

/* Iterations side by side: an aligned group is valid as a whole. */
static void choose_width(tc_nest *nest, const body_facts *f) {
  uint32_t most = f->bits && f->bits < 128 ? 128 / f->bits : 1;
  nest->width = 1;
  if (!f->straight) return;
  for (uint32_t w = 2; w <= most && w <= TC_LOWER_WIDTH; w *= 2) {
    if (nest->map->size[TC_SPACE_slot] % w) return;
    for (uint32_t d = 0; d < nest->n_dims; d++)
      if (tc_layout_box(nest->map, d) > nest->extent[d]
          && (nest->extent[d] % w || !groups_are_whole(nest->map, d, w)))
        return;
    nest->width = w;
  }
}

static void choose_owner(tc_lower *lw, tc_nest *nest) {
  tc_ir *ir = lw->ir;
  if (lw->single || !tc_layout_is_replicated(nest->map)) return;
  const tc_layout_digits *copy = tc_layout_copy(lw->arena, nest->map);
  if (!copy) tc_lower_refuse(lw, "a loop with this thread map");
  for (uint32_t i = 0; i < copy->n_terms; i++) {
    tc_layout_digits one = {.n_terms = 1, .terms = &copy->terms[i]};
    tc_value in[TC_N_SPACES] = {tc_lower_local(lw), {0}, {0}};
    if (copy->terms[i].space != TC_SPACE_thread) tc_lower_refuse(lw, "a loop with this thread map");
    nest->owner = tc_and(ir, nest->owner,
                         tc_binary(ir, TC_OP_eq, tc_lower_digits(lw, &one, in), tc_i32(ir, 0)));
  }
}

/* ---- the nest ---- */

const tc_layout_digits *tc_lower_coordinate_form(tc_lower *lw, const tc_layout *map, uint32_t d) {
  if (lw->form_of != map) memset(lw->form, 0, sizeof lw->form);
  lw->form_of = map;
  if (!lw->form[d]) lw->form[d] = tc_layout_coordinate(lw->arena, map, d);
  return lw->form[d];
}

tc_value tc_lower_coordinate(tc_lower *lw, const tc_layout *map, uint32_t d, int64_t slot) {
  const tc_layout_digits *digits = tc_lower_coordinate_form(lw, map, d);
  digits = tc_layout_digits_fix(lw->arena, digits, TC_SPACE_slot, slot);
  tc_value in[TC_N_SPACES] = {lw->single ? tc_i32(lw->ir, 0) : tc_lower_local(lw), {0}, {0}};
  return tc_lower_digits(lw, digits, in);
}

/* Threads beyond those of the map, and padding, do nothing. */
tc_value tc_lower_group_condition(tc_lower *lw, const tc_nest *nest) {
  tc_ir *ir = lw->ir;
  tc_value cond = {0};
  int64_t threads = nest->map->size[TC_SPACE_thread];
  if (!lw->single && threads < lw->count)
    cond = tc_binary(ir, TC_OP_lt, tc_lower_local(lw), tc_i32(ir, threads));
  for (uint32_t d = 0; d < nest->n_dims; d++)
    if (tc_layout_box(nest->map, d) > nest->extent[d])
      cond =
          tc_and(ir, cond, tc_binary(ir, TC_OP_lt, nest->coord[0][d], tc_i32(ir, nest->extent[d])));
  return cond;
}

static void do_group(tc_lower *lw, tc_nest *nest, tc_region body) {
  for (uint32_t k = 0; k < nest->width; k++) {
    nest->subst[k] = tc_map_in(lw->arena);
    for (uint32_t d = 0; d < nest->n_dims; d++) {
      nest->coord[k][d] = tc_lower_coordinate(lw, nest->map, d, nest->slot + k);
      tc_value var = tc_var_value(lw->ir, nest->vars[d]);
      tc_map_put(&nest->subst[k], var.id,
                 tc_cast(lw->ir, nest->coord[k][d], tc_value_type(lw->ir, var)).id);
    }
  }
  int64_t x;
  tc_value cond = tc_lower_group_condition(lw, nest);
  if (cond.id && tc_const_of(lw->ir, cond, &x) && !x) return;
  nest->bufs = tc_map_in(lw->arena);
  tc_lower_mark mark = tc_lower_if(lw, cond);
  tc_lower_region(lw, body);
  tc_lower_leave(lw, mark);
}

static bool pin_touched(tc_ir *ir, tc_value stmt, void *data) {
  tc_lower *lw = data;
  const tc_op *op = tc_op_at(ir, stmt);
  if (op->opcode != TC_OP_load && op->opcode != TC_OP_store) return true;
  tc_buf buf = tc_access_buf(ir, stmt);
  if (tc_buf_at(ir, buf)->scope != TC_SCOPE_fragment) return true;
  tc_lower_buf *b = tc_lower_buffer(lw, buf);
  if (b->wgmma && !b->pinned) tc_lower_pin(lw, b);
  b->pinned = true;
  return true;
}

static bool unpin_touched(tc_ir *ir, tc_value stmt, void *data) {
  tc_lower *lw = data;
  const tc_op *op = tc_op_at(ir, stmt);
  if (op->opcode != TC_OP_load && op->opcode != TC_OP_store) return true;
  tc_buf buf = tc_access_buf(ir, stmt);
  if (tc_buf_at(ir, buf)->scope == TC_SCOPE_fragment) tc_lower_buffer(lw, buf)->pinned = false;
  return true;
}

/* Iterations are written out one by one, which no compiler could digest for ever. */
static void refuse_long(tc_lower *lw, int64_t n) {
  enum { MOST = 4096 };
  if (n <= MOST) return;
  TC_DIAG(lw->ir->diags, D_loop_map, lw->span,
          tc_format(lw->ir->arena, "each thread would do %lld iterations, and %d are the most",
                    (long long)n, (int)MOST));
  tc_diag_help(lw->ir->diags, "put a serial loop around a smaller tile");
  tc_diag_stop(lw->ir->diags);
}

/* Enters a nest over these variables, and looks at what its body does. */
static void open_nest(tc_lower *lw, const tc_var *vars, const int64_t *extents, uint32_t n,
                      tc_region body, tc_nest *nest, body_facts *facts) {
  *nest = (tc_nest){.n_dims = n};
  if (lw->nest)
    tc_lower_refuse_help(lw, "a loop over a tile inside another one",
                         "make the inner loop T.serial");
  if (n > TC_LAYOUT_DIMS || !n)
    tc_lower_refuse_help(lw, "a loop over a tile of so many dimensions", "merge dimensions");
  for (uint32_t d = 0; d < n; d++) {
    nest->vars[d] = vars[d];
    nest->extent[d] = extents[d];
  }
  lw->nest = nest;
  *facts = (body_facts){.lw = lw, .nest = nest, .straight = true};
  tc_walk(lw->ir, body, visit_body, facts);
}

static bool is_empty(const tc_nest *nest) {
  for (uint32_t d = 0; d < nest->n_dims; d++)
    if (nest->extent[d] <= 0) return true;
  return false;
}

const tc_layout *tc_lower_loop_map(tc_lower *lw, const tc_var *vars, const int64_t *extents,
                                   uint32_t n, tc_region body) {
  tc_nest nest;
  body_facts facts;
  open_nest(lw, vars, extents, n, body, &nest, &facts);
  if (!is_empty(&nest)) choose_map(lw, &nest, &facts);
  lw->nest = NULL;
  return nest.map;
}

void tc_lower_loop(tc_lower *lw, const tc_var *vars, const int64_t *extents, uint32_t n,
                   tc_region body, const tc_layout *map) {
  tc_nest nest;
  body_facts facts;
  open_nest(lw, vars, extents, n, body, &nest, &facts);
  if (is_empty(&nest)) {
    lw->nest = NULL;
    return;
  }
  nest.map = map;
  choose_map(lw, &nest, &facts);
  refuse_long(lw, nest.map->size[TC_SPACE_slot]);
  choose_width(&nest, &facts);
  choose_owner(lw, &nest);
  tc_walk(lw->ir, body, pin_touched, lw);
  tc_walk(lw->ir, body, unpin_touched, lw);
  for (; nest.slot < nest.map->size[TC_SPACE_slot]; nest.slot += nest.width)
    do_group(lw, &nest, body);
  lw->nest = NULL;
}

void tc_lower_parallel(tc_lower *lw, tc_value stmt) {
  const tc_op *op = tc_op_at(lw->ir, stmt);
  const tc_parallel *p = tc_parallel_of(lw->ir, stmt);
  int64_t extents[TC_LAYOUT_DIMS];
  const tc_layout *map = NULL;
  if (p->n > TC_LAYOUT_DIMS)
    tc_lower_refuse_help(lw, "a parallel loop of more than 6 dimensions", "merge dimensions");
  for (uint32_t d = 0; d < p->n; d++)
    if (!tc_const_of(lw->ir, tc_lower_value(lw, tc_input(lw->ir, op, d)), &extents[d]))
      tc_lower_refuse_help(lw, "a parallel loop whose extent is known only at run time",
                           "loop over a fixed tile and test the bound inside");
  if (p->layout) {
    tc_str text = tc_str_of(p->layout);
    map = tc_layout_parse(lw->arena, &text);
    if (!map) tc_bug(lw->ir->arena->unwind, "not a layout: %.80s", p->layout);
  }
  tc_lower_loop(lw, p->vars, extents, p->n, tc_child(lw->ir, op, 0), map);
}
