#include "pass/clone.h"

#include "ir/build.h"
#include "ir/form.h"
#include "ir/walk.h"

#include <string.h>

tc_clone tc_clone_new(tc_ir *ir, tc_arena *scratch, tc_clone_special *special, void *data) {
  return (tc_clone){.ir = ir,
                    .values = tc_map_in(scratch),
                    .bufs = tc_map_in(scratch),
                    .special = special,
                    .data = data};
}

void tc_clone_bind(tc_clone *c, tc_var var, tc_value value) {
  tc_map_put(&c->values, tc_var_value(c->ir, var).id, value.id);
}

/* ---- values and buffers ---- */

static tc_value known_value(const tc_clone *c, tc_value v) {
  uint32_t id;
  return tc_map_get(&c->values, v.id, &id) ? (tc_value){id} : (tc_value){0};
}

/* One value whose operands have their copies. */
static tc_value remake(tc_clone *c, tc_value v) {
  const tc_op *op = tc_op_at(c->ir, v);
  bool slice = op->opcode == TC_OP_slice, changed = false;
  if (!tc_op_is_pure(op) || !op->n_in) return v;
  tc_value *in = TC_NEW_ARRAY(c->ir->arena, op->n_in, tc_value);
  for (uint32_t i = 0; i < op->n_in; i++) {
    tc_value old = tc_input(c->ir, op, i);
    in[i] = known_value(c, old);
    changed = changed || in[i].id != old.id;
  }
  if (!slice) return changed ? tc_rebuild(c->ir, v, in) : v;
  tc_buf old = tc_slice_buf(c->ir, v), buf = tc_clone_buf(c, old);
  if (!changed && buf.id == old.id) return v;
  return tc_slice(c->ir, buf, in, in + op->n_in / 2u, tc_slice_in_bounds(c->ir, v));
}

tc_value tc_clone_value(tc_clone *c, tc_value v) {
  if (!v.id) return v;
  tc_value found = known_value(c, v);
  if (found.id) return found;
  tc_value_list list = tc_operands_of(c->ir, v, c->ir->arena);
  for (uint32_t i = 0; i < list.n; i++)
    if (!known_value(c, list.at[i]).id)
      tc_map_put(&c->values, list.at[i].id, remake(c, list.at[i]).id);
  return known_value(c, v);
}

static tc_value *clone_list(tc_clone *c, const tc_value *from, uint32_t n) {
  tc_value *list = TC_NEW_ARRAY(c->ir->arena, n, tc_value);
  for (uint32_t i = 0; i < n; i++)
    list[i] = tc_clone_value(c, from[i]);
  return list;
}

/* A record of its own for a buffer, with copied expressions; `root` 0: it is its own. */
static tc_buf new_buf(tc_clone *c, tc_buf buf, tc_buf root) {
  tc_ir *ir = c->ir;
  const tc_buffer *b = tc_buf_at(ir, buf);
  tc_value *shape = clone_list(c, b->shape, b->rank);
  tc_buf made = tc_buf_new(ir, tc_name_of(ir, b->name), b->elem, b->scope, b->rank, shape, b->span);
  tc_buffer *m = tc_buf_at(ir, made);
  tc_value *own = m->shape;
  *m = *b;
  m->shape = own;
  m->root = root.id ? root : made;
  if (b->strides) m->strides = clone_list(c, b->strides, b->rank);
  m->offset = tc_clone_value(c, b->offset);
  m->address = tc_clone_value(c, b->address);
  return made;
}

static bool has_other_exprs(tc_clone *c, const tc_buffer *b) {
  for (uint32_t k = 0; k < tc_buf_n_exprs(b); k++)
    if (tc_clone_value(c, tc_buf_expr(b, k)).id != tc_buf_expr(b, k).id) return true;
  return false;
}

tc_buf tc_clone_buf(tc_clone *c, tc_buf buf) {
  uint32_t id;
  if (!buf.id) return buf;
  if (tc_map_get(&c->bufs, buf.id, &id)) return (tc_buf){id};
  const tc_buffer *b = tc_buf_at(c->ir, buf);
  tc_buf root = b->root.id == buf.id ? buf : tc_clone_buf(c, b->root), made = buf;
  bool local = b->flags & TC_BUF_PARAM;
  if (!local && (root.id != b->root.id || has_other_exprs(c, b)))
    made = new_buf(c, buf, b->root.id == buf.id ? (tc_buf){0} : root);
  tc_map_put(&c->bufs, buf.id, made.id);
  return made;
}

/* ---- statements ---- */

static tc_var new_var(tc_clone *c, tc_var var) {
  if (!var.id) return var;
  tc_var_info info = *tc_var_at(c->ir, var);
  tc_var made = tc_var_new(c->ir, tc_name_of(c->ir, info.name), info.kind, info.type, info.span);
  tc_clone_bind(c, var, tc_var_value(c->ir, made));
  return made;
}

static void replace_vars(tc_clone *c, enum tc_payload_kind kind, void *record) {
  if (kind == TC_PL_LOOP) {
    tc_loop *loop = record;
    loop->var = new_var(c, loop->var);
  } else if (kind == TC_PL_GROUP) {
    tc_group *group = record;
    group->thread = new_var(c, group->thread);
  } else if (kind == TC_PL_PARALLEL) {
    tc_parallel *parallel = record;
    tc_var *vars = TC_NEW_ARRAY(c->ir->arena, parallel->n, tc_var);
    for (uint32_t i = 0; i < parallel->n; i++)
      vars[i] = new_var(c, parallel->vars[i]);
    parallel->vars = vars;
  }
}

static void replace_buf(tc_clone *c, enum tc_payload_kind kind, void *record) {
  tc_buf *buf = NULL;
  if (kind == TC_PL_ACCESS) buf = &((tc_access *)record)->buf;
  if (kind == TC_PL_ATOMIC) buf = &((tc_atomic *)record)->buf;
  if (kind == TC_PL_WAIT) buf = &((tc_wait *)record)->buf;
  if (kind == TC_PL_MBARRIER) buf = &((tc_mbarrier *)record)->buf;
  if (kind == TC_PL_PRINT) buf = &((tc_print *)record)->buf;
  if (kind == TC_PL_HINT) buf = &((tc_hint *)record)->buf;
  if (buf) *buf = tc_clone_buf(c, *buf);
}

/* `vars` are those of the regions, so operands have their copies already. */
static uint32_t clone_payload(tc_clone *c, const tc_op *op) {
  enum tc_payload_kind kind = tc_op_row((enum tc_opcode)op->opcode)->payload;
  union {
    char bytes[TC_PAYLOAD_MAX_B];
    max_align_t align;
  } copy;
  const void *record = tc_payload_at(c->ir, kind, op->payload);
  if (kind == TC_PL_BUF) return op->payload;
  if (!record || kind == TC_PL_RING) return op->payload;
  memcpy(copy.bytes, record, tc_payload_size(kind));
  replace_vars(c, kind, copy.bytes);
  replace_buf(c, kind, copy.bytes);
  return tc_payload_push(c->ir, kind, copy.bytes);
}

static void clone_alloc(tc_clone *c, tc_value stmt, tc_region to) {
  tc_buf buf = {tc_op_at(c->ir, stmt)->payload};
  tc_buf made = new_buf(c, buf, (tc_buf){0});
  tc_map_put(&c->bufs, buf.id, made.id);
  tc_alloc(c->ir, to, made, tc_op_at(c->ir, stmt)->span);
}

tc_value tc_clone_stmt(tc_clone *c, tc_value stmt, tc_region to) {
  const tc_op *op = tc_op_at(c->ir, stmt);
  if (c->special && c->special(c, stmt, to)) return (tc_value){0};
  if (op->opcode == TC_OP_alloc) {
    clone_alloc(c, stmt, to);
    return (tc_value){0};
  }
  tc_value *in = TC_NEW_ARRAY(c->ir->arena, op->n_in, tc_value);
  for (uint32_t i = 0; i < op->n_in; i++)
    in[i] = tc_clone_value(c, tc_input(c->ir, op, i));
  enum tc_opcode opcode = (enum tc_opcode)op->opcode;
  uint32_t n = tc_op_row(opcode)->n_regions, payload = clone_payload(c, op);
  tc_value made = tc_stmt(c->ir, to, opcode, op->type, in, op->n_in, payload, op->span);
  tc_map_put(&c->values, stmt.id, made.id);
  for (uint32_t r = 0; r < n; r++)
    tc_clone_region(c, tc_child(c->ir, op, r), tc_child(c->ir, tc_op_at(c->ir, made), r));
  return made;
}

void tc_clone_region(tc_clone *c, tc_region from, tc_region to) {
  for (uint32_t i = 0; i < tc_block_at(c->ir, from)->ops.n; i++)
    tc_clone_stmt(c, tc_block_at(c->ir, from)->ops.at[i], to);
}
