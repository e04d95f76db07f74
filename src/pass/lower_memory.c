/* Buffers: where the elements of a tile are in memory and registers, and accesses that take several
 * elements at once where their addresses allow. */
#include "pass/lower.h"

#include "ir/form.h"
#include "ir/walk.h"

/* ---- layouts ---- */

static const tc_layout *parse_layout(tc_lower *lw, const char *text) {
  if (!text) return NULL;
  tc_str rest = tc_str_of(text);
  const tc_layout *l = tc_layout_parse(lw->arena, &rest);
  if (!l) tc_bug(lw->ir->arena->unwind, "not a layout: %.80s", text);
  return l;
}

static uint32_t element_bits(const tc_buffer *b) {
  return tc_type_bits(b->elem);
}

static bool is_on_chip(const tc_buffer *b) {
  return b->scope == TC_SCOPE_shared || b->scope == TC_SCOPE_fragment;
}

/* Layouts of versions are of one version. */
static const tc_layout *layout_of(tc_lower *lw, const tc_buffer *b) {
  const tc_layout *l = parse_layout(lw, b->layout);
  int64_t extent[TC_LAYOUT_DIMS];
  if (l || !is_on_chip(b)) return l;
  if (b->rank > TC_LAYOUT_DIMS)
    tc_lower_refuse_help(lw, "a tile of more than 6 dimensions", "merge dimensions");
  for (uint32_t d = 0; d < b->rank; d++)
    if (!tc_const_of(lw->ir, b->shape[d], &extent[d]))
      tc_lower_refuse_help(
          lw, "a tile whose size is known only at run time",
          "give the tile the largest size, and guard what lies beyond the real one");
  if (b->scope == TC_SCOPE_shared) return tc_layout_row_major(lw->arena, b->rank, extent, 0);
  return tc_layout_replicated(lw->arena, b->rank, extent, lw->count);
}

/* Distances between versions keep every version aligned like the first. */
static int64_t version_elements(const tc_layout *l, const tc_buffer *b) {
  int64_t bytes = tc_layout_bytes(l, TC_SPACE_offset, element_bits(b)), unit = 128;
  return (bytes + unit - 1) / unit * unit * 8 / element_bits(b);
}

static void learn(tc_lower *lw, tc_buf buf) {
  const tc_buffer *b = tc_buf_at(lw->ir, buf);
  tc_lower_buf *r = &lw->bufs[buf.id];
  r->layout = layout_of(lw, b);
  if (!r->layout) return;
  if (b->scope == TC_SCOPE_shared && b->layout && r->layout->n_dims + 1 == b->rank)
    r->version = version_elements(r->layout, b);
  else if (r->layout->n_dims != b->rank && b->rank)
    tc_bug(lw->ir->arena->unwind, "the layout of %s has %u dimensions", tc_name_of(lw->ir, b->name),
           r->layout->n_dims);
}

tc_lower_buf *tc_lower_buffer(tc_lower *lw, tc_buf old) {
  const tc_buffer *b = tc_buf_at(lw->ir, old);
  if (b->root.id != old.id)
    tc_lower_refuse_help(lw, "a view of memory that lies on the chip",
                         "allocate a buffer of the other shape or type, and copy the elements with "
                         "a T.Parallel loop");
  tc_lower_buf *r = &lw->bufs[old.id];
  if (!r->layout) learn(lw, old);
  return r;
}

/* ---- which fragments matrix engines add to ---- */

bool tc_lower_cover(tc_lower *lw, const tc_layout *l, enum tc_fragment fragment, int64_t unit,
                    int64_t *rows, int64_t *columns) {
  const tc_layout *atom = tc_layout_fragment(lw->arena, fragment);
  int64_t warps = l->size[TC_SPACE_thread] / unit;
  for (int64_t m = warps; m > 0 && l->n_dims == 2; m--) {
    int64_t over[2] = {m, warps / m};
    if (warps % m) continue;
    const tc_layout *all = tc_layout_cover(lw->arena, atom, l->bound, over);
    if (!all || !tc_layout_equal(all, l)) continue;
    *rows = m;
    *columns = over[1];
    return true;
  }
  return false;
}

static bool visit_buffers(tc_ir *ir, tc_value stmt, void *data) {
  tc_lower *lw = data;
  if (tc_is(ir, stmt, TC_OP_copy) && tc_copy_of(ir, stmt)->engine == TC_ENGINE_ldmatrix)
    tc_lower_buffer(lw, tc_slice_buf(ir, tc_input(ir, tc_op_at(ir, stmt), 1)))->words = true;
  if (!tc_is(ir, stmt, TC_OP_gemm)) return true;
  const tc_gemm *gemm = tc_gemm_of(ir, stmt);
  bool wgmma = gemm->engine == TC_ENGINE_wgmma;
  if (!wgmma && gemm->engine != TC_ENGINE_mma_sync) return true;
  lw->span = tc_op_at(ir, stmt)->span;
  tc_lower_buf *r = tc_lower_buffer(lw, tc_slice_buf(ir, tc_input(ir, tc_op_at(ir, stmt), 2)));
  if (r->rows) return true;
  if (!tc_lower_cover(lw, r->layout, wgmma ? TC_FRAGMENT_wgmma_d : TC_FRAGMENT_mma_c,
                      wgmma ? 4 * TC_WARP : TC_WARP, &r->rows, &r->columns))
    tc_lower_refuse(lw, "an accumulator with this layout");
  r->wgmma = wgmma;
  return true;
}

static bool count_stages(tc_ir *ir, tc_value stmt, void *data) {
  tc_lower *lw = data;
  if (tc_is(ir, stmt, TC_OP_copy)) lw->n_stages += tc_copy_stage(ir, stmt).id != 0;
  if (tc_is(ir, stmt, TC_OP_barrier)) {
    int32_t id = tc_barrier_of(ir, stmt)->id;
    if (id >= lw->next_named) lw->next_named = id + 1;
  }
  return true;
}

void tc_lower_find_buffers(tc_lower *lw, tc_region kernel) {
  lw->n_bufs = lw->ir->bufs.n;
  lw->bufs = TC_NEW_ARRAY(lw->arena, lw->n_bufs, tc_lower_buf);
  tc_walk(lw->ir, kernel, visit_buffers, lw);
  tc_walk(lw->ir, kernel, count_stages, lw);
}

/* ---- declarations ---- */

static tc_buf flat_array(tc_lower *lw, const char *name, const tc_buffer *b, int64_t n,
                         enum tc_scope scope) {
  tc_value extent = tc_i32(lw->ir, n);
  tc_buf made = tc_buf_new(lw->ir, name, b->elem, scope, 1, &extent, b->span);
  if (scope == TC_SCOPE_local) return made;
  tc_buf_at(lw->ir, made)->is_placed = b->is_placed;
  tc_buf_at(lw->ir, made)->arena_b = b->arena_b;
  return made;
}

static int64_t all_versions(tc_lower *lw, const tc_lower_buf *r, const tc_buffer *b) {
  int64_t depth;
  if (!r->version) return r->layout->size[TC_SPACE_offset];
  if (!tc_const_of(lw->ir, b->shape[0], &depth))
    tc_lower_refuse(lw, "a number of versions that is known only at run time");
  return depth * r->version;
}

static void make_fragment(tc_lower *lw, tc_lower_buf *r, const tc_buffer *b) {
  int64_t slots = r->layout->size[TC_SPACE_slot];
  tc_buffer like = *b;
  if (r->words) {
    slots = slots * element_bits(b) / 32;
    like.elem = tc_scalar_type(TC_DT_uint32);
  }
  r->per_array = r->wgmma ? r->layout->bound[1] / r->columns / 2 : slots;
  r->n_arrays = (uint32_t)(slots / r->per_array);
  r->arrays = TC_NEW_ARRAY(lw->arena, r->n_arrays, tc_buf);
  for (uint32_t i = 0; i < r->n_arrays; i++) {
    const char *name = tc_name_of(lw->ir, b->name);
    if (r->n_arrays > 1) name = tc_format(lw->ir->arena, "%s_%u", name, i);
    r->arrays[i] = flat_array(lw, name, &like, r->per_array, TC_SCOPE_local);
    tc_alloc(lw->ir, lw->at, r->arrays[i], b->span);
  }
}

static void make_shared(tc_lower *lw, tc_lower_buf *r, const tc_buffer *b) {
  r->arrays = TC_NEW(lw->arena, tc_buf);
  r->n_arrays = 1;
  r->arrays[0] =
      flat_array(lw, tc_name_of(lw->ir, b->name), b, all_versions(lw, r, b), TC_SCOPE_shared);
  tc_alloc(lw->ir, lw->at, r->arrays[0], b->span);
}

/* A variable of a nest's body exists once per iteration. */
static void make_private(tc_lower *lw, tc_buf old) {
  tc_nest *nest = lw->nest;
  tc_buffer b = *tc_buf_at(lw->ir, old);
  for (uint32_t k = 0; k < nest->width; k++) {
    tc_buf made =
        tc_buf_new(lw->ir, tc_name_of(lw->ir, b.name), b.elem, b.scope, b.rank, b.shape, b.span);
    tc_map_put(&nest->bufs, (uint64_t)old.id * TC_LOWER_WIDTH + k, made.id);
    tc_alloc(lw->ir, lw->at, made, b.span);
  }
}

void tc_lower_alloc(tc_lower *lw, tc_value stmt) {
  tc_buf old = {tc_op_at(lw->ir, stmt)->payload};
  const tc_buffer *b = tc_buf_at(lw->ir, old);
  if (b->scope == TC_SCOPE_fragment) {
    make_fragment(lw, tc_lower_buffer(lw, old), b);
  } else if (b->scope == TC_SCOPE_shared) {
    make_shared(lw, tc_lower_buffer(lw, old), b);
  } else if (lw->nest) {
    make_private(lw, old);
  } else {
    tc_alloc(lw->ir, lw->at, old, tc_op_at(lw->ir, stmt)->span);
  }
}

tc_buf tc_lower_other_of(tc_lower *lw, tc_buf old, uint32_t k) {
  uint32_t found;
  if (lw->nest && tc_map_get(&lw->nest->bufs, (uint64_t)old.id * TC_LOWER_WIDTH + k, &found))
    return (tc_buf){found};
  tc_buffer b = *tc_buf_at(lw->ir, old);
  if (!b.offset.id && !b.address.id && b.root.id == old.id) return old;
  if (tc_map_get(&lw->views, old.id, &found)) return (tc_buf){found};
  tc_value *shape = TC_NEW_ARRAY(lw->ir->arena, b.rank + 1u, tc_value), *strides = NULL;
  bool changed = false;
  if (b.strides) strides = TC_NEW_ARRAY(lw->ir->arena, b.rank + 1u, tc_value);
  for (uint32_t d = 0; d < b.rank; d++) {
    shape[d] = tc_lower_value_of(lw, b.shape[d], k);
    changed = changed || shape[d].id != b.shape[d].id;
    if (!strides) continue;
    strides[d] = tc_lower_value_of(lw, b.strides[d], k);
    changed = changed || strides[d].id != b.strides[d].id;
  }
  tc_value offset = tc_lower_value_of(lw, b.offset, k);
  tc_value address = tc_lower_value_of(lw, b.address, k);
  changed = changed || offset.id != b.offset.id || address.id != b.address.id;
  if (!changed) return old;
  tc_buf made = tc_buf_view(lw->ir, tc_name_of(lw->ir, b.name), old, b.elem, b.rank, shape, b.span);
  tc_buffer *view = tc_buf_at(lw->ir, made);
  view->strides = strides;
  view->offset = offset;
  view->address = address;
  view->flags = b.flags;
  view->root = b.root.id == old.id ? made : b.root;
  if (!lw->nest) tc_map_put(&lw->views, old.id, made.id);
  return made;
}

tc_buf tc_lower_other(tc_lower *lw, tc_buf old) {
  return tc_lower_other_of(lw, old, 0);
}

tc_buf tc_lower_slot(tc_lower *lw, tc_lower_buf *b, int64_t slot, int64_t *index) {
  if (!b->n_arrays) tc_bug(lw->ir->arena->unwind, "a fragment is used before its alloc");
  if (b->words) tc_lower_refuse(lw, "single elements of an operand of a product");
  *index = slot % b->per_array;
  return b->arrays[slot / b->per_array];
}

/* Bytes from which on the threads around may use shared memory for a moment; each range of threads
 * has a place of its own, because ranges do not wait for each other. */
static int64_t scratch_place(tc_lower *lw) {
  enum { ALIGN_B = 16, ELEMENT_B = 8 };
  tc_kernel *kernel = tc_kernel_of(lw->ir, lw->kernel);
  for (uint32_t i = 0; i + 2 < lw->scratch.n; i += 3)
    if (lw->scratch.at[i] == lw->first && lw->scratch.at[i + 1] == lw->count)
      return lw->scratch.at[i + 2];
  int64_t at = (kernel->shared_b + ALIGN_B - 1) / ALIGN_B * ALIGN_B;
  kernel->shared_b = at + lw->count * ELEMENT_B;
  if (lw->limits && kernel->shared_b > lw->limits->shared_b)
    tc_lower_refuse_help(lw, "an exchange between warps when shared memory is full",
                         "use smaller tiles or fewer stages");
  tc_vec_push(lw->arena, &lw->scratch, lw->first);
  tc_vec_push(lw->arena, &lw->scratch, lw->count);
  tc_vec_push(lw->arena, &lw->scratch, at);
  return at;
}

tc_buf tc_lower_scratch(tc_lower *lw, tc_type elem) {
  tc_buffer like = {.elem = elem, .is_placed = true, .span = lw->span};
  like.arena_b = scratch_place(lw);
  tc_buf made = flat_array(lw, "scratch", &like, lw->count, TC_SCOPE_shared);
  tc_alloc(lw->ir, lw->at, made, lw->span);
  return made;
}

void tc_lower_pin(tc_lower *lw, tc_lower_buf *b) {
  for (uint32_t i = 0; b->wgmma && i < b->n_arrays; i++) {
    tc_value all = tc_slice_whole(lw->ir, b->arrays[i]);
    tc_lower_prim(lw, TC_PRIM_pin, (uint32_t)b->per_array, &all, 1);
  }
}

/* ---- tiles of shared memory ---- */

tc_lower_tile tc_lower_tile_of(tc_lower *lw, tc_value slice) {
  tc_buf buf = tc_slice_buf(lw->ir, slice);
  tc_lower_tile t = {.b = tc_lower_buffer(lw, buf), .old = tc_buf_at(lw->ir, buf)};
  if (t.old->scope != TC_SCOPE_shared)
    tc_lower_refuse(lw, "this operation on a tile that is not in shared memory");
  uint32_t first = t.b->version ? 1 : 0;
  if (first)
    t.version = tc_lower_mul(
        lw, tc_lower_int(lw, tc_lower_value(lw, tc_slice_base(lw->ir, slice, 0))), t.b->version);
  for (uint32_t d = 0; d < t.b->layout->n_dims; d++) {
    tc_value base = tc_lower_value(lw, tc_slice_base(lw->ir, slice, d + first));
    if (!tc_const_of(lw->ir, base, &t.origin[d])
        || !tc_const_of(lw->ir, tc_slice_extent(lw->ir, slice, d + first), &t.extent[d]))
      tc_lower_refuse_help(
          lw, "a part of a tile whose place is known only at run time",
          "let the part begin at a constant, or copy it to a tile of its own first");
  }
  return t;
}

/* ---- accesses ---- */

/* The access of elements [from, from + n), whose values are alike except in the last index. */
static tc_value access_stmt(tc_lower *lw, const tc_lower_access *a, uint32_t from, uint32_t n,
                            enum tc_opcode op, tc_value value) {
  tc_ir *ir = lw->ir;
  tc_value in[TC_LOWER_RANK + 2];
  uint32_t n_in = 0;
  tc_access payload = {.buf = a->buf, .order = a->order, .sync_scope = a->sync_scope};
  for (; n_in < a->rank; n_in++)
    in[n_in] = a->index[from][n_in];
  if (n > 1)
    in[n_in - 1] =
        tc_ramp(ir, in[n_in - 1], tc_const_int(ir, tc_value_type(ir, in[n_in - 1]), 1), n);
  if (op == TC_OP_store) in[n_in++] = value;
  if (a->pred[from].id) in[n_in++] = a->pred[from], payload.flags |= TC_ACCESS_PRED;
  if (op == TC_OP_load && a->pred[from].id && a->other[from].id) {
    in[n_in++] = n > 1 ? tc_broadcast(ir, a->other[from], n) : a->other[from];
    payload.flags |= TC_ACCESS_ELSE;
  }
  tc_type type = tc_buf_at(ir, a->buf)->elem;
  if (tc_buf_at(ir, a->buf)->scope == TC_SCOPE_global) payload.flags |= TC_ACCESS_IN_BOUNDS;
  type.lanes = (uint16_t)(type.lanes * n);
  if (op == TC_OP_store) type = tc_scalar_type(TC_DT_void);
  return tc_stmt(ir, lw->at, op, type, in, n_in, tc_pl_access(ir, payload), lw->span);
}

/* Is x a multiple of n? */
static bool multiple(tc_lower *lw, tc_value x, int64_t n) {
  return tc_prove_multiple(lw->prover, x, n);
}

/* The first element lies at a multiple of n elements: rows are, and so is the place in the row. */
bool tc_lower_is_aligned(tc_lower *lw, const tc_lower_access *a, uint32_t from, int64_t n) {
  const tc_buffer *b = tc_buf_at(lw->ir, a->buf);
  if (b->address.id || (b->offset.id && !multiple(lw, b->offset, n))) return false;
  if (!multiple(lw, a->index[from][a->rank - 1], n)) return false;
  if (!b->strides) return a->rank < 2 || multiple(lw, b->shape[a->rank - 1], n);
  int64_t last;
  if (!tc_const_of(lw->ir, b->strides[a->rank - 1], &last) || last != 1) return false;
  for (uint32_t d = 0; d + 1 < a->rank; d++)
    if (!multiple(lw, b->strides[d], n) && !multiple(lw, a->index[from][d], n)) return false;
  return true;
}

/* Conditions of elements from and from + k are one: parts are equal, or compare places in one
 * aligned group with a bound between groups. */
static bool same_condition(tc_lower *lw, tc_value a, tc_value b, int64_t n, uint32_t depth) {
  tc_ir *ir = lw->ir;
  int64_t by;
  if (a.id == b.id) return true;
  if (!a.id || !b.id || depth > 16) return false;
  const tc_op *p = tc_op_at(ir, a), *q = tc_op_at(ir, b);
  if (p->opcode != q->opcode) return false;
  tc_value p0 = p->n_in == 2 ? tc_input(ir, p, 0) : (tc_value){0};
  tc_value q0 = q->n_in == 2 ? tc_input(ir, q, 0) : (tc_value){0};
  if (!p0.id || !q0.id) return false;
  tc_value p1 = tc_input(ir, p, 1), q1 = tc_input(ir, q, 1);
  if (p->opcode == TC_OP_and)
    return (same_condition(lw, p0, q0, n, depth + 1) && same_condition(lw, p1, q1, n, depth + 1))
           || (same_condition(lw, p0, q1, n, depth + 1)
               && same_condition(lw, p1, q0, n, depth + 1));
  if (p->opcode == TC_OP_lt && p1.id == q1.id && multiple(lw, p1, n) && multiple(lw, p0, n))
    return tc_lower_distance(lw, p0, q0, &by) && by > 0 && by < n;
  if (p->opcode == TC_OP_le && p0.id == q0.id && multiple(lw, p0, n) && multiple(lw, p1, n))
    return tc_lower_distance(lw, p1, q1, &by) && by > 0 && by < n;
  return false;
}

static bool is_run(tc_lower *lw, const tc_lower_access *a, uint32_t from, uint32_t n) {
  for (uint32_t k = 1; k < n; k++) {
    int64_t by;
    for (uint32_t d = 0; d + 1 < a->rank; d++)
      if (a->index[from][d].id != a->index[from + k][d].id) return false;
    if (!tc_lower_distance(lw, a->index[from][a->rank - 1], a->index[from + k][a->rank - 1], &by)
        || by != (int64_t)k)
      return false;
    if (!same_condition(lw, a->pred[from], a->pred[from + k], n, 0)) return false;
    if (a->other[from].id != a->other[from + k].id) return false;
  }
  return true;
}

/* The longest run from element `from` on that one access takes. */
static uint32_t run_at(tc_lower *lw, const tc_lower_access *a, uint32_t from) {
  const tc_buffer *b = tc_buf_at(lw->ir, a->buf);
  uint32_t bits = tc_type_bits(b->elem), n = 1;
  bool plain = a->order == TC_ORDER_NONE && a->rank && b->elem.lanes == 1 && bits >= 8
               && b->scope != TC_SCOPE_local;
  while (plain && 2 * n <= a->n - from && 2 * n * bits <= 128)
    n *= 2;
  while (n > 1 && a->known && (n > a->known || from % n))
    n /= 2;
  while (n > 1 && !(is_run(lw, a, from, n) && (a->known || tc_lower_is_aligned(lw, a, from, n))))
    n /= 2;
  return n;
}

void tc_lower_load(tc_lower *lw, tc_lower_access *a) {
  for (uint32_t from = 0; from < a->n;) {
    uint32_t n = run_at(lw, a, from);
    tc_value x = access_stmt(lw, a, from, n, TC_OP_load, (tc_value){0});
    for (uint32_t k = 0; k < n; k++)
      a->value[from + k] = n == 1 ? x : tc_lane(lw->ir, x, k);
    from += n;
  }
}

/* ---- vectors of stored values ---- */

/* All lanes of one vector, in order. */
static tc_value whole_vector(tc_lower *lw, const tc_value *x, uint32_t n) {
  if (!tc_is(lw->ir, x[0], TC_OP_lane)) return (tc_value){0};
  tc_value vector = tc_input(lw->ir, tc_op_at(lw->ir, x[0]), 0);
  if (tc_value_type(lw->ir, vector).lanes != n) return (tc_value){0};
  for (uint32_t k = 0; k < n; k++)
    if (x[k].id != tc_lane(lw->ir, vector, k).id) return (tc_value){0};
  return vector;
}

static int pack_row(enum tc_dtype dtype) {
  switch ((int)dtype) { /* table */
  case TC_DT_float16:
    return TC_PRIM_pack_f16;
  case TC_DT_bfloat16:
    return TC_PRIM_pack_bf16;
  case TC_DT_float8_e4m3fn:
    return TC_PRIM_pack_e4m3;
  case TC_DT_float8_e5m2:
    return TC_PRIM_pack_e5m2;
  default:
    return -1;
  }
}

tc_value tc_lower_pack_words(tc_lower *lw, enum tc_dtype dtype, const tc_value *x, uint32_t n) {
  tc_ir *ir = lw->ir;
  tc_type u32 = tc_scalar_type(TC_DT_uint32), f32 = tc_scalar_type(TC_DT_float32);
  tc_value wide[4], word = {0};
  int row = pack_row(dtype);
  uint32_t bits = tc_dtype_row(dtype)->bits, per = 32 / bits;
  for (uint32_t k = 0; k < per && row >= 0; k++) {
    wide[k] = k < n ? x[k] : tc_const_float(ir, f32, 0);
    if (tc_is(ir, wide[k], TC_OP_cast)) wide[k] = tc_input(ir, tc_op_at(ir, wide[k]), 0);
    if (!tc_type_equal(tc_value_type(ir, wide[k]), f32)) row = -1;
  }
  if (row < 0) return word;
  for (uint32_t k = 0; k < per && k < n; k += 2) {
    tc_value pair = tc_lower_prim(lw, (enum tc_prim_row)row, 0, &wide[k], 2);
    if (k) pair = tc_binary(ir, TC_OP_shl, pair, tc_const_int(ir, u32, (int64_t)k * bits));
    word = word.id ? tc_binary(ir, TC_OP_or, word, pair) : pair;
  }
  return word;
}

/* Floats that are rounded to narrow ones, two at a time. */
static tc_value packed_floats(tc_lower *lw, const tc_value *x, uint32_t n) {
  tc_ir *ir = lw->ir;
  tc_type type = tc_value_type(ir, x[0]), to = {type.dtype, 0, (uint16_t)n};
  uint32_t bits = tc_type_bits(type), words = n * bits / 32;
  tc_value word[4];
  for (uint32_t k = 0; k < n; k++)
    if (!tc_is(ir, x[k], TC_OP_cast)) return (tc_value){0};
  if (n * bits < 32) {
    word[0] = tc_lower_pack_words(lw, (enum tc_dtype)type.dtype, x, n);
    if (!word[0].id) return word[0];
    return tc_reinterpret(ir, tc_cast(ir, word[0], tc_scalar_type(TC_DT_uint16)), to);
  }
  for (uint32_t w = 0; w < words; w++) {
    word[w] = tc_lower_pack_words(lw, (enum tc_dtype)type.dtype, x + w * 32 / bits, 32 / bits);
    if (!word[w].id) return word[w];
  }
  return tc_reinterpret(ir, words > 1 ? tc_pack(ir, word, words) : word[0], to);
}

static tc_value vector_of(tc_lower *lw, const tc_value *x, uint32_t n) {
  tc_value v = whole_vector(lw, x, n);
  if (!v.id) v = packed_floats(lw, x, n);
  return v.id ? v : tc_pack(lw->ir, x, n);
}

void tc_lower_store(tc_lower *lw, tc_lower_access *a) {
  for (uint32_t from = 0; from < a->n;) {
    uint32_t n = run_at(lw, a, from);
    tc_value x = n == 1 ? a->value[from] : vector_of(lw, &a->value[from], n);
    access_stmt(lw, a, from, n, TC_OP_store, x);
    from += n;
  }
}
