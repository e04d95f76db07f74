/* Copies that add nothing where all memory is one.
 *
 *   copy K[b, k*64 : 64, 0 : 64] -> Ks        view Ks_in of K at (b * S + k * 64) * 64
 *   gemm Q, Ks -> C                       ->  gemm Q, Ks_in -> C
 *
 * A kernel written for a GPU moves each tile through shared memory and fragments. On a CPU such a
 * copy costs its time and its place in the cache. Where the tile is dense in its source, of the
 * same type, and the source does not change while the copy is read, the readers take the source. A
 * tile of scattered rows stays copied: the copy is what packs it. */
#include "ir/build.h"
#include "ir/walk.h"
#include "pass/effects.h"
#include "pass/guard.h"
#include "pass/pass.h"
#include "pass/tiles.h"

/* How a root buffer is used in the kernel at hand. */
typedef struct usage {
  uint32_t n_views, n_writes, n_reads;
  bool loads; /* by element, not as a tile */
} usage;

typedef struct forwarding {
  tc_ir *ir;
  usage *usage;     /* by root buffer id */
  bool by_address;  /* some tensor lies at an address of its own */
  tc_buf old, view; /* what is being replaced by what */
  bool *gone;       /* by buffer id: nothing uses the storage any more */
} forwarding;

/* ---- what the kernel does ---- */

static bool note(tc_ir *ir, tc_value stmt, void *data) {
  forwarding *f = data;
  tc_touch touch[TC_MAX_TOUCHES];
  uint32_t n = tc_touches_of(ir, stmt, touch);
  for (uint32_t i = 0; i < n; i++) {
    usage *u = &f->usage[tc_root_of(ir, touch[i].buf).id];
    u->n_writes += (touch[i].kind & TC_TOUCH_WRITE) != 0;
    u->n_reads += (touch[i].kind & TC_TOUCH_READ) != 0;
    u->loads = u->loads || (!touch[i].slice.id && (touch[i].kind & TC_TOUCH_READ));
  }
  return true;
}

static void note_buffers(forwarding *f) {
  for (uint32_t i = 1; i < f->ir->bufs.n; i++) {
    const tc_buffer *b = f->ir->bufs.at[i];
    f->usage[b->root.id].n_views += b->root.id != i;
    f->by_address = f->by_address || b->address.id;
  }
}

/* Threads and copies that end later make the order of statements a matter of more than one list. */
static bool has_threads(tc_ir *ir, tc_value stmt, void *found) {
  uint16_t opcode = tc_op_at(ir, stmt)->opcode;
  if (opcode == TC_OP_group || opcode == TC_OP_perthread) *(bool *)found = true;
  return true;
}

/* ---- one copy ---- */

/* The dimensions of extent other than 1 are the same in both, and as far apart. */
static bool is_dense(tc_ir *ir, tc_value src, tc_value dst) {
  const tc_buffer *from = tc_buf_at(ir, tc_slice_buf(ir, src));
  const tc_buffer *to = tc_buf_at(ir, tc_slice_buf(ir, dst));
  uint32_t at = from->rank;
  for (uint32_t d = to->rank; d-- > 0;) {
    if (tc_tile_is_one(ir, to->shape[d])) continue;
    while (at > 0 && tc_tile_is_one(ir, tc_slice_extent(ir, src, at - 1)))
      at--;
    if (at-- == 0 || tc_slice_extent(ir, src, at).id != to->shape[d].id) return false;
    if (tc_tile_stride(ir, from, at).id != tc_tile_stride(ir, to, d).id) return false;
  }
  while (at > 0 && tc_tile_is_one(ir, tc_slice_extent(ir, src, at - 1)))
    at--;
  return at == 0;
}

/* Number of the slice's first element within the root. */
static tc_value offset_of(tc_ir *ir, tc_value slice) {
  const tc_buffer *b = tc_buf_at(ir, tc_slice_buf(ir, slice));
  tc_type wide = tc_scalar_type(TC_DT_int64);
  tc_value sum = b->offset.id ? tc_cast(ir, b->offset, wide) : tc_const_int(ir, wide, 0);
  for (uint32_t d = 0; d < b->rank; d++) {
    tc_value base = tc_cast(ir, tc_slice_base(ir, slice, d), wide);
    sum = tc_binary(ir, TC_OP_add, sum, tc_binary(ir, TC_OP_mul, base, tc_tile_stride(ir, b, d)));
  }
  return sum;
}

/* May the copy's own storage go: written by nothing else, and used as tiles where its source is
 * guarded? */
static bool may_replace(const forwarding *f, const tc_buffer *to, const tc_buffer *from) {
  const usage *u = &f->usage[to->root.id];
  bool on_chip = to->scope == TC_SCOPE_shared || to->scope == TC_SCOPE_fragment;
  bool guarded = from->scope == TC_SCOPE_global;
  return on_chip && u->n_views == 0 && u->n_writes == 1 && !(guarded && u->loads);
}

/* Does the source keep its contents wherever the copy is read? `last`: the copy's last reader in
 * the block. */
static bool keeps(const forwarding *f, const tc_block *block, uint32_t at, uint32_t last,
                  const tc_buffer *from) {
  if (from->scope == TC_SCOPE_global)
    return f->usage[from->root.id].n_writes == 0 && !f->by_address;
  for (uint32_t i = at + 1; i <= last; i++)
    if (tc_touch_below(f->ir, block->ops.at[i], from->root) & TC_TOUCH_WRITE) return false;
  return true;
}

/* The last statement of the block behind the copy that reads it; 0 when one elsewhere does too, or
 * none. */
static uint32_t last_reader(const forwarding *f, const tc_block *block, uint32_t at, tc_buf root) {
  uint32_t n = 0, last = 0;
  for (uint32_t i = at + 1; i < block->ops.n; i++) {
    uint32_t reads = tc_touch_count(f->ir, block->ops.at[i], root, TC_TOUCH_READ);
    if (reads) last = i;
    n += reads;
  }
  return n == f->usage[root.id].n_reads ? last : 0;
}

static bool is_plain_copy(const tc_ir *ir, tc_value stmt) {
  const tc_op *op = tc_op_at(ir, stmt);
  if (op->opcode != TC_OP_copy || op->n_in != 2 || (tc_copy_of(ir, stmt)->flags & TC_COPY_ASYNC))
    return false;
  tc_type from = tc_buf_at(ir, tc_slice_buf(ir, tc_input(ir, op, 0)))->elem;
  tc_type to = tc_buf_at(ir, tc_slice_buf(ir, tc_input(ir, op, 1)))->elem;
  return tc_type_equal(from, to) && tc_type_bits(from) % 8 == 0;
}

/* ---- replacing ---- */

static tc_value with_view(const forwarding *f, tc_value v) {
  tc_ir *ir = f->ir;
  if (!tc_is(ir, v, TC_OP_slice) || tc_slice_buf(ir, v).id != f->old.id) return v;
  uint32_t rank = tc_buf_at(ir, f->old)->rank;
  tc_value in[2 * TC_GUARD_RANK];
  for (uint32_t d = 0; d < rank; d++) {
    in[d] = tc_slice_base(ir, v, d);
    in[rank + d] = tc_slice_extent(ir, v, d);
  }
  return tc_slice(ir, f->view, in, in + rank, tc_slice_in_bounds(ir, v));
}

static bool replace(tc_ir *ir, tc_value stmt, void *data) {
  const forwarding *f = data;
  const tc_op *op = tc_op_at(ir, stmt);
  tc_value in[TC_MAX_TOUCHES];
  bool any = false;
  if (op->opcode == TC_OP_load && tc_access_of(ir, stmt)->buf.id == f->old.id)
    tc_access_of(ir, stmt)->buf = f->view;
  if (op->opcode == TC_OP_print && tc_print_of(ir, stmt)->buf.id == f->old.id)
    tc_print_of(ir, stmt)->buf = f->view;
  if (op->n_in > TC_COUNT(in)) return true; /* no tile op has as many operands */
  for (uint32_t i = 0; i < op->n_in; i++) {
    tc_value old = tc_input(ir, op, i);
    in[i] = with_view(f, old);
    any = any || in[i].id != old.id;
  }
  if (any) tc_set_inputs(ir, stmt, in, op->n_in);
  return true;
}

static void replace_in(forwarding *f, const tc_block *block, uint32_t at, uint32_t last) {
  for (uint32_t i = at + 1; i <= last; i++) {
    const tc_op *op = tc_op_at(f->ir, block->ops.at[i]);
    uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
    replace(f->ir, block->ops.at[i], f);
    for (uint32_t r = 0; r < n; r++)
      tc_walk(f->ir, tc_child(f->ir, tc_op_at(f->ir, block->ops.at[i]), r), replace, f);
  }
}

static tc_buf view_of(tc_ir *ir, tc_value src, tc_buf to) {
  const tc_buffer *b = tc_buf_at(ir, to);
  tc_buf view = tc_buf_view(ir, tc_name_of(ir, b->name), tc_slice_buf(ir, src), b->elem, b->rank,
                            b->shape, b->span);
  tc_value offset = offset_of(ir, src);
  int64_t known;
  if (!tc_const_of(ir, offset, &known) || known) tc_buf_at(ir, view)->offset = offset;
  return view;
}

static bool forward(forwarding *f, const tc_block *block, uint32_t at) {
  tc_ir *ir = f->ir;
  if (!is_plain_copy(ir, block->ops.at[at])) return false;
  const tc_op *op = tc_op_at(ir, block->ops.at[at]);
  tc_value src = tc_input(ir, op, 0), dst = tc_input(ir, op, 1);
  tc_buf from_buf = tc_slice_buf(ir, src), to_buf = tc_slice_buf(ir, dst);
  const tc_buffer *from = tc_buf_at(ir, from_buf), *to = tc_buf_at(ir, to_buf);
  bool inside = tc_slice_in_bounds(ir, src) || tc_tile_is_whole(ir, src);
  if (from->address.id || !inside || !tc_tile_is_whole(ir, dst)) return false;
  if (!may_replace(f, to, from) || !is_dense(ir, src, dst)) return false;
  uint32_t last = last_reader(f, block, at, to->root);
  if (!last || !keeps(f, block, at, last, from)) return false;
  usage *source = &f->usage[from->root.id];
  source->n_reads += f->usage[to->root.id].n_reads - 1;
  source->n_views++;
  f->old = to_buf;
  f->view = view_of(ir, src, to_buf);
  f->gone[to_buf.id] = true;
  replace_in(f, block, at, last);
  return true;
}

/* ---- the kernel ---- */

static void find_in(forwarding *f, tc_region region) {
  tc_block *block = tc_block_at(f->ir, region);
  uint32_t kept = 0;
  for (uint32_t i = 0; i < block->ops.n; i++) {
    const tc_op *op = tc_op_at(f->ir, block->ops.at[i]);
    uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
    for (uint32_t r = 0; r < n; r++)
      find_in(f, tc_child(f->ir, op, r));
    if (!forward(f, block, i)) block->ops.at[kept++] = block->ops.at[i];
  }
  block->ops.n = kept;
}

/* Declares a buffer that is gone, or asks something for it. */
static bool is_about_gone(tc_ir *ir, tc_value stmt, void *data) {
  const forwarding *f = data;
  const tc_op *op = tc_op_at(ir, stmt);
  if (op->opcode == TC_OP_alloc) return f->gone[op->payload];
  return op->opcode == TC_OP_hint && f->gone[tc_hint_of(ir, stmt)->buf.id];
}

static bool visit_kernel(tc_ir *ir, tc_value stmt, void *data) {
  const tc_pass_context *cx = data;
  bool threads = false;
  if (!tc_is(ir, stmt, TC_OP_kernel)) return true;
  tc_region body = tc_child(ir, tc_op_at(ir, stmt), 0);
  tc_walk(ir, body, has_threads, &threads);
  if (threads) return false;
  /* A view that this pass makes is never itself replaced, so ids stay below bufs.n as it is now. */
  forwarding f = {.ir = ir,
                  .usage = TC_NEW_ARRAY(cx->scratch, ir->bufs.n, usage),
                  .gone = TC_NEW_ARRAY(cx->scratch, ir->bufs.n, bool)};
  uint32_t n_bufs = ir->bufs.n;
  note_buffers(&f);
  tc_walk(ir, body, note, &f);
  find_in(&f, body);
  if (ir->bufs.n > n_bufs) tc_drop_stmts(ir, body, is_about_gone, &f);
  return false;
}

void tc_pass_forward(tc_ir *ir, const tc_pass_context *cx) {
  tc_pass_context copy = *cx;
  tc_walk(ir, ir->body, visit_kernel, &copy);
}
