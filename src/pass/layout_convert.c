/* Fragments that an operation wants in other registers than they are in.
 *
 * Where one fragment is copied to another, and no thread needs what others hold, the copy moves
 * registers. Else, and wherever else an operation cannot use a fragment as it lies, it goes through
 * shared memory:
 *
 *   gemm f, B -> C            copy f -> x; gemm x, B -> C
 *   parallel { .. f[i] .. }   copy f -> x; parallel { .. x[i] .. }; copy x -> f
 *   reduce s -> f             reduce s -> t; copy t -> x; copy x -> f
 *
 * A fragment has one such buffer for all of its operations but products, which ask for places of
 * their own. Pass sync puts the barriers in. */
#include "ir/build.h"
#include "ir/walk.h"
#include "pass/edit.h"
#include "pass/layouts.h"

void tc_layouts_wish(tc_layouts *l, const tc_work *work, int operand, tc_buf buf,
                     const tc_layout *layout) {
  for (uint32_t i = 0; i < l->wishes.n; i++) {
    const tc_wish *w = &l->wishes.at[i];
    if (w->work.stmt.id == work->stmt.id && w->operand == operand && w->buf.id == buf.id) return;
  }
  tc_vec_push(l->arena, &l->wishes, ((tc_wish){*work, operand, buf, layout}));
}

/* ---- new buffers and statements ---- */

typedef struct converter {
  tc_layouts *l;
  tc_map shared; /* fragment -> buffer that it goes through */
  tc_edit edit;  /* buffers in shared memory are allocated first of all */
} converter;

static tc_span span_of(const converter *c, tc_value stmt) {
  return tc_op_at(c->l->ir, stmt)->span;
}

static void add_copy(converter *c, tc_region at, tc_buf from, tc_buf to, tc_span span) {
  tc_ir *ir = c->l->ir;
  tc_value in[2] = {tc_slice_whole(ir, from), tc_slice_whole(ir, to)};
  tc_copy copy = {.engine = TC_ENGINE_simt};
  tc_stmt(ir, at, TC_OP_copy, tc_scalar_type(TC_DT_void), in, 2, tc_pl_copy(ir, copy), span);
}

static tc_buf like(converter *c, tc_buf buf, enum tc_scope scope, tc_type elem, const char *suffix,
                   tc_span span) {
  tc_ir *ir = c->l->ir;
  const tc_buffer *b = tc_buf_at(ir, buf);
  return tc_buf_new(ir, tc_format(ir->arena, "%s_%s", tc_name_of(ir, b->name), suffix), elem, scope,
                    b->rank, b->shape, span);
}

static void give_layout(converter *c, tc_buf buf, const tc_layout *layout, tc_value stmt) {
  tc_ir *ir = c->l->ir;
  if (!layout) {
    tc_layouts_refuse(c->l, stmt, buf, "the tile is too large");
    tc_diag_stop(ir->diags);
  }
  tc_buf_at(ir, buf)->layout = tc_onchip_text(ir, layout);
}

/* `part`: what a warp takes of the last dimension, -1: it does not matter. */
static tc_buf new_shared(converter *c, tc_buf buf, tc_type elem, int64_t part, tc_value stmt) {
  tc_ir *ir = c->l->ir;
  bool wgmma = tc_is(ir, stmt, TC_OP_gemm) && tc_gemm_of(ir, stmt)->engine == TC_ENGINE_wgmma;
  tc_buf made = like(c, buf, TC_SCOPE_shared, elem, "shared", span_of(c, stmt));
  give_layout(c, made, tc_layouts_shared(c->l, made, wgmma, part < 0 ? 0 : part), stmt);
  tc_alloc(ir, c->edit.first, made, span_of(c, stmt));
  return made;
}

static tc_buf shared_of(converter *c, tc_buf buf, tc_value stmt) {
  uint32_t id;
  if (tc_map_get(&c->shared, buf.id, &id)) return (tc_buf){id};
  tc_buf made = new_shared(c, buf, tc_buf_at(c->l->ir, buf)->elem, -1, stmt);
  tc_map_put(&c->shared, buf.id, made.id);
  return made;
}

/* The operand is the same part of another buffer. */
static void set_operand(converter *c, tc_value stmt, uint32_t operand, tc_buf buf) {
  enum { MOST = 16 };
  tc_ir *ir = c->l->ir;
  const tc_op *op = tc_op_at(ir, stmt);
  tc_value in[MOST], base[MOST], extent[MOST], old = tc_input(ir, op, operand);
  for (uint32_t d = 0; d < tc_op_at(ir, old)->n_in / 2u; d++) {
    base[d] = tc_slice_base(ir, old, d);
    extent[d] = tc_slice_extent(ir, old, d);
  }
  for (uint32_t i = 0; i < op->n_in; i++)
    in[i] = i == operand ? tc_slice(ir, buf, base, extent, true) : tc_input(ir, op, i);
  tc_set_inputs(ir, stmt, in, op->n_in);
}

/* ---- one statement ---- */

typedef struct access_change {
  tc_buf from, to;
  bool writes;
} access_change;

static bool change_access(tc_ir *ir, tc_value stmt, void *data) {
  access_change *x = data;
  const tc_op *op = tc_op_at(ir, stmt);
  if (op->opcode != TC_OP_load && op->opcode != TC_OP_store && op->opcode != TC_OP_atomic)
    return true;
  if (tc_access_buf(ir, stmt).id != x->from.id) return true;
  if (op->opcode == TC_OP_atomic)
    tc_atomic_of(ir, stmt)->buf = x->to;
  else
    tc_access_of(ir, stmt)->buf = x->to;
  x->writes = x->writes || op->opcode != TC_OP_load;
  return true;
}

/* A loop, or an access outside of one. */
static void convert_accesses(converter *c, const tc_wish *w) {
  tc_ir *ir = c->l->ir;
  tc_value stmt = w->work.stmt;
  access_change x = {.from = w->buf, .to = shared_of(c, w->buf, stmt)};
  const tc_op *op = tc_op_at(ir, stmt);
  if (op->opcode == TC_OP_parallel)
    tc_walk(ir, tc_child(ir, op, 0), change_access, &x);
  else
    change_access(ir, stmt, &x);
  add_copy(c, tc_edit_before(&c->edit, stmt), w->buf, x.to, span_of(c, stmt));
  if (x.writes) add_copy(c, tc_edit_after(&c->edit, stmt), x.to, w->buf, span_of(c, stmt));
}

/* What is copied whole goes through the narrower of both types, so that it is rounded once. */
static void convert_copy(converter *c, const tc_wish *w) {
  tc_ir *ir = c->l->ir;
  tc_value stmt = w->work.stmt;
  tc_buf to = tc_slice_buf(ir, tc_input(ir, tc_op_at(ir, stmt), 1));
  tc_type a = tc_buf_at(ir, w->buf)->elem, b = tc_buf_at(ir, to)->elem;
  bool own = w->operand || tc_type_bits(a) <= tc_type_bits(b);
  tc_buf shared = own ? shared_of(c, w->buf, stmt) : new_shared(c, w->buf, b, -1, stmt);
  add_copy(c, tc_edit_before(&c->edit, stmt), w->buf, shared, span_of(c, stmt));
  if (w->operand) add_copy(c, tc_edit_after(&c->edit, stmt), shared, w->buf, span_of(c, stmt));
  set_operand(c, stmt, (uint32_t)w->operand, shared);
}

/* An operand that is read: registers if they only need other names, else shared memory, where the
 * engine finds it, too. */
static void convert_operand(converter *c, const tc_wish *w) {
  tc_ir *ir = c->l->ir;
  tc_value stmt = w->work.stmt;
  tc_region before = tc_edit_before(&c->edit, stmt);
  tc_buf made;
  if (w->layout && tc_layout_in_registers(c->l->of[w->buf.id], w->layout)) {
    made =
        like(c, w->buf, TC_SCOPE_fragment, tc_buf_at(ir, w->buf)->elem, "moved", span_of(c, stmt));
    give_layout(c, made, w->layout, stmt);
    tc_alloc(ir, before, made, span_of(c, stmt));
  } else {
    int64_t part = tc_layouts_part(c->l, &w->work, (uint32_t)w->operand);
    made = new_shared(c, w->buf, tc_buf_at(ir, w->buf)->elem, part, stmt);
  }
  add_copy(c, before, w->buf, made, span_of(c, stmt));
  set_operand(c, stmt, (uint32_t)w->operand, made);
}

static bool starts_over(tc_ir *ir, tc_value stmt) {
  if (tc_is(ir, stmt, TC_OP_reduce)) return tc_reduce_of(ir, stmt)->clear;
  return tc_is(ir, stmt, TC_OP_transpose) || tc_gemm_of(ir, stmt)->clear;
}

static void move(converter *c, tc_region at, tc_buf from, const tc_layout *have, tc_buf to,
                 const tc_layout *need, tc_buf through, tc_span span) {
  if (tc_layout_in_registers(have, need)) {
    add_copy(c, at, from, to, span);
  } else {
    add_copy(c, at, from, through, span);
    add_copy(c, at, through, to, span);
  }
}

/* An operand that is written, and maybe read. */
static void convert_result(converter *c, const tc_wish *w) {
  tc_ir *ir = c->l->ir;
  tc_value stmt = w->work.stmt;
  tc_span span = span_of(c, stmt);
  tc_region before = tc_edit_before(&c->edit, stmt), after = tc_edit_after(&c->edit, stmt);
  const tc_layout *own = c->l->of[w->buf.id];
  bool there = tc_layout_in_registers(own, w->layout),
       back = tc_layout_in_registers(w->layout, own);
  tc_buf through = there && back ? (tc_buf){0} : shared_of(c, w->buf, stmt);
  tc_buf made = like(c, w->buf, TC_SCOPE_fragment, tc_buf_at(ir, w->buf)->elem, "moved", span);
  give_layout(c, made, w->layout, stmt);
  tc_alloc(ir, before, made, span);
  if (!starts_over(ir, stmt)) move(c, before, w->buf, own, made, w->layout, through, span);
  move(c, after, made, w->layout, w->buf, own, through, span);
  set_operand(c, stmt, (uint32_t)w->operand, made);
}

static void convert(converter *c, const tc_wish *w) {
  switch ((int)tc_op_at(c->l->ir, w->work.stmt)->opcode) { /* table */
  case TC_OP_copy:
    convert_copy(c, w);
    break;
  case TC_OP_gemm:
    if (w->operand < 2)
      convert_operand(c, w);
    else
      convert_result(c, w);
    break;
  case TC_OP_reduce:
  case TC_OP_transpose:
    convert_result(c, w);
    break;
  default:
    convert_accesses(c, w);
  }
}

/* ---- the whole ---- */

void tc_layouts_convert(tc_layouts *l, tc_value kernel) {
  converter c = {.l = l, .shared = tc_map_in(l->arena), .edit = tc_edit_new(l->ir, l->arena)};
  for (uint32_t i = 0; i < l->wishes.n; i++)
    convert(&c, &l->wishes.at[i]);
  if (l->wishes.n) tc_edit_apply(&c.edit, tc_child(l->ir, tc_op_at(l->ir, kernel), 0));
}
