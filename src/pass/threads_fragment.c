/* A fragment lies in the registers of the threads that work on it. Groups without a common thread
 * that use one name therefore have a tile each; here each gets a buffer of its own. What threads of
 * several groups do together with such a fragment has no meaning, and is refused. */
#include "pass/threads.h"

#include "base/map.h"
#include "ir/build.h"
#include "pass/effects.h"
#include "pass/guard.h"

typedef struct use {
  uint32_t root;
  tc_thread_range in;
  tc_value stmt; /* the first that uses it there */
} use;

typedef struct fragments {
  tc_threads *t;
  tc_ir *ir;
  TC_VEC(use) uses;
  tc_map clones; /* buffer id -> buffer id, in the range being rewritten */
  tc_thread_range in;
  uint32_t root;
  tc_values allocs;
} fragments;

static bool same_range(tc_thread_range a, tc_thread_range b) {
  return a.first == b.first && a.count == b.count;
}

static bool apart(tc_thread_range a, tc_thread_range b) {
  return a.first + a.count <= b.first || b.first + b.count <= a.first;
}

/* ---- who uses what ---- */

static void add_use(fragments *f, uint32_t root, tc_thread_range in, tc_value stmt) {
  for (uint32_t i = 0; i < f->uses.n; i++)
    if (f->uses.at[i].root == root && same_range(f->uses.at[i].in, in)) return;
  tc_vec_push(f->t->arena, &f->uses, ((use){root, in, stmt}));
}

static void collect(fragments *f, tc_region region, tc_thread_range in) {
  const tc_block *block = tc_block_at(f->ir, region);
  for (uint32_t i = 0; i < block->ops.n; i++) {
    tc_value stmt = block->ops.at[i];
    const tc_op *op = tc_op_at(f->ir, stmt);
    tc_touch touch[TC_MAX_TOUCHES];
    uint32_t n = tc_touches_of(f->ir, stmt, touch);
    for (uint32_t k = 0; k < n; k++) {
      tc_buf root = tc_root_of(f->ir, touch[k].buf);
      if (tc_buf_at(f->ir, root)->scope == TC_SCOPE_fragment) add_use(f, root.id, in, stmt);
    }
    tc_thread_range inner = in;
    if (op->opcode == TC_OP_group)
      inner = (tc_thread_range){tc_group_of(f->ir, stmt)->first, tc_group_of(f->ir, stmt)->count};
    n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
    for (uint32_t r = 0; r < n; r++)
      collect(f, tc_child(f->ir, op, r), inner);
  }
}

/* ---- copies of a buffer ---- */

static tc_buf clone_of(fragments *f, tc_buf buf) {
  uint32_t known;
  if (!buf.id || tc_root_of(f->ir, buf).id != f->root) return buf;
  if (tc_map_get(&f->clones, buf.id, &known)) return (tc_buf){known};
  const tc_buffer b = *tc_buf_at(f->ir, buf);
  tc_buf clone;
  if (buf.id == f->root) {
    clone = tc_buf_new(f->ir, "", b.elem, b.scope, b.rank, b.shape, b.span);
    tc_value alloc = tc_stmt(f->ir, tc_region_new(f->ir), TC_OP_alloc, tc_scalar_type(TC_DT_void),
                             NULL, 0, clone.id, b.span);
    tc_vec_push(f->ir->arena, &f->allocs, alloc);
  } else {
    tc_buf root = clone_of(f, (tc_buf){f->root});
    clone = tc_buf_view(f->ir, "", root, b.elem, b.rank, b.shape, b.span);
    tc_buf_at(f->ir, clone)->offset = b.offset;
  }
  tc_buf_at(f->ir, clone)->name = b.name;
  tc_map_put(&f->clones, buf.id, clone.id);
  return clone;
}

static void clone_operands(fragments *f, tc_value stmt) {
  uint32_t n = tc_op_at(f->ir, stmt)->n_in;
  tc_value *in = TC_NEW_ARRAY(f->t->arena, n + 1, tc_value);
  bool any = false;
  for (uint32_t i = 0; i < n; i++) {
    in[i] = tc_input(f->ir, tc_op_at(f->ir, stmt), i);
    if (!tc_is(f->ir, in[i], TC_OP_slice)) continue;
    tc_buf buf = tc_slice_buf(f->ir, in[i]), clone = clone_of(f, buf);
    if (clone.id == buf.id) continue;
    const tc_op *op = tc_op_at(f->ir, in[i]);
    uint32_t rank = op->n_in / 2u;
    tc_value *parts = TC_NEW_ARRAY(f->t->arena, op->n_in + 1u, tc_value);
    for (uint32_t k = 0; k < op->n_in; k++)
      parts[k] = tc_input(f->ir, op, k);
    in[i] = tc_slice(f->ir, clone, parts, parts + rank, tc_slice_in_bounds(f->ir, in[i]));
    any = true;
  }
  if (any) tc_set_inputs(f->ir, stmt, in, n);
  uint32_t op = tc_op_at(f->ir, stmt)->opcode;
  if (op == TC_OP_load || op == TC_OP_store)
    tc_access_of(f->ir, stmt)->buf = clone_of(f, tc_access_of(f->ir, stmt)->buf);
  if (op == TC_OP_print) tc_print_of(f->ir, stmt)->buf = clone_of(f, tc_print_of(f->ir, stmt)->buf);
}

static void rewrite(fragments *f, tc_region region, bool inside) {
  const tc_block *block = tc_block_at(f->ir, region);
  for (uint32_t i = 0; i < block->ops.n; i++) {
    tc_value stmt = block->ops.at[i];
    const tc_op *op = tc_op_at(f->ir, stmt);
    bool in = inside;
    if (inside) clone_operands(f, stmt);
    if (op->opcode == TC_OP_group) {
      const tc_group *g = tc_group_of(f->ir, stmt);
      in |= same_range((tc_thread_range){g->first, g->count}, f->in);
    }
    uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
    for (uint32_t r = 0; r < n; r++)
      rewrite(f, tc_child(f->ir, tc_op_at(f->ir, stmt), r), in);
  }
}

static bool insert_allocs(fragments *f, tc_region region) {
  tc_block *block = tc_block_at(f->ir, region);
  for (uint32_t i = 0; i < block->ops.n; i++) {
    const tc_op *op = tc_op_at(f->ir, block->ops.at[i]);
    uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
    for (uint32_t r = 0; r < n; r++)
      if (insert_allocs(f, tc_child(f->ir, op, r))) return true;
    if (op->opcode != TC_OP_alloc || op->payload != f->root) continue;
    tc_values out = {0};
    for (uint32_t k = 0; k < block->ops.n; k++) {
      for (uint32_t a = 0; k == i && a < f->allocs.n; a++)
        tc_vec_push(f->ir->arena, &out, f->allocs.at[a]);
      tc_vec_push(f->ir->arena, &out, block->ops.at[k]);
    }
    block->ops.at = out.at, block->ops.n = out.n, block->ops.cap = out.cap;
    return true;
  }
  return false;
}

/* ---- decisions ---- */

TC_NORETURN static void refuse(fragments *f, const use *a, const use *b) {
  tc_buf buf = {a->root};
  TC_DIAG(f->ir->diags, D_fragment_groups, tc_op_at(f->ir, b->stmt)->span,
          tc_name_of(f->ir, tc_buf_at(f->ir, buf)->name), b->in.first,
          b->in.first + b->in.count - 1);
  tc_diag_note(f->ir->diags, tc_op_at(f->ir, a->stmt)->span, "threads %lld to %lld use it here",
               (long long)a->in.first, (long long)(a->in.first + a->in.count - 1));
  tc_diag_help(f->ir->diags, "give each group a fragment of its own, or hand tiles on through "
                             "shared memory");
  tc_diag_stop(f->ir->diags);
}

static bool contains(tc_thread_range a, tc_thread_range b) {
  return a.first <= b.first && b.first + b.count <= a.first + a.count;
}

/* No other use of the fragment is by more threads, these among them. */
static bool is_outermost(const fragments *f, const use *u) {
  for (uint32_t i = 0; i < f->uses.n; i++) {
    const use *o = &f->uses.at[i];
    if (o->root == u->root && contains(o->in, u->in) && !same_range(o->in, u->in)) return false;
  }
  return true;
}

/* Of any two ranges that use a fragment one contains the other, or they have tiles of their own: no
 * third range contains both. */
static void check_uses(fragments *f, uint32_t root) {
  for (uint32_t i = 0; i < f->uses.n; i++) {
    for (uint32_t k = 0; k < i; k++) {
      const use *a = &f->uses.at[k], *b = &f->uses.at[i];
      if (a->root != root || b->root != root) continue;
      if (contains(a->in, b->in) || contains(b->in, a->in)) continue;
      bool both = is_outermost(f, a) && is_outermost(f, b) && apart(a->in, b->in);
      bool parts = !is_outermost(f, a) || !is_outermost(f, b);
      for (uint32_t l = 0; parts && l < f->uses.n; l++) {
        const use *c = &f->uses.at[l];
        both |=
            c->root == root && is_outermost(f, c) && contains(c->in, a->in) && apart(c->in, b->in);
      }
      if (!both) refuse(f, a, b);
    }
  }
}

/* The first of the outermost ranges keeps the buffer. */
static void separate(fragments *f, uint32_t root) {
  tc_region body = tc_child(f->ir, tc_op_at(f->ir, f->t->kernel), 0);
  uint32_t n = 0;
  check_uses(f, root);
  f->root = root;
  f->allocs = (tc_values){0};
  for (uint32_t i = 0; i < f->uses.n; i++) {
    const use *u = &f->uses.at[i];
    if (u->root != root || !is_outermost(f, u) || !n++) continue;
    f->in = u->in;
    f->clones = tc_map_in(f->t->arena);
    rewrite(f, body, false);
  }
  if (f->allocs.n) insert_allocs(f, body);
}

void tc_threads_fragments(tc_threads *t) {
  fragments f = {.t = t, .ir = t->ir};
  collect(&f, tc_child(t->ir, tc_op_at(t->ir, t->kernel), 0), (tc_thread_range){0, t->count});
  for (uint32_t i = 0; i < f.uses.n; i++) {
    bool first = true;
    for (uint32_t k = 0; k < i; k++)
      first &= f.uses.at[k].root != f.uses.at[i].root;
    if (first) separate(&f, f.uses.at[i].root);
  }
}
