/* Where buffers live, and what the kernel function is called with. */
#include "target/cpu/cpu_impl.h"

#include "ir/form.h"
#include "ir/walk.h"

#include <inttypes.h>

/* Local arrays up to this size are C arrays, which the C compiler keeps in registers if it can. */
enum { LOCAL_ARRAY_B = 4096 };
/* The size of a tc_mbar. */
enum { MBAR_B = 24 };

uint64_t tc_cpu_work(tc_cpu *c, uint64_t from, uint64_t size_b) {
  uint64_t at = (from + 63) / 64 * 64;
  if (at + size_b > c->work_b) c->work_b = at + size_b;
  return at;
}

/* ---- what a kernel uses ---- */

typedef struct usage {
  bool *root;     /* by buffer id: the root, or a view of it, is used */
  bool *buf;      /* by buffer id */
  bool addresses; /* memory is reached through a bare address */
} usage;

static void use(tc_ir *ir, usage *u, tc_buf buf) {
  if (!buf.id) return;
  u->buf[buf.id] = true;
  u->root[tc_buf_at(ir, buf)->root.id] = true;
  if (tc_buf_at(ir, buf)->address.id) u->addresses = true;
}

static bool note_usage(tc_ir *ir, tc_value stmt, void *data) {
  usage *u = data;
  const tc_op *op = tc_op_at(ir, stmt);
  tc_buf buf;
  for (uint32_t k = 0; op->opcode != TC_OP_hint && (buf = tc_stmt_buf(ir, op, k)).id; k++)
    use(ir, u, buf);
  for (uint32_t i = 0; i < op->n_in; i++)
    if (tc_is(ir, tc_input(ir, op, i), TC_OP_slice))
      use(ir, u, tc_slice_buf(ir, tc_input(ir, op, i)));
  return true;
}

static void define_if_host(tc_cemit *e, tc_value v) {
  if (v.id && tc_is_host_value(e->ir, v, e->arena)) tc_ce_define_tree(e, v);
}

/* ---- storage ---- */

static bool is_on_chip(enum tc_scope scope) {
  return scope != TC_SCOPE_global && scope != TC_SCOPE_var;
}

uint64_t tc_cpu_size_of(tc_cpu *c, tc_buf buf) {
  tc_cemit *e = c->e;
  const tc_buffer *b = tc_buf_at(e->ir, buf);
  uint64_t n = 1;
  for (uint32_t d = 0; d < b->rank; d++) {
    int64_t extent;
    if (!tc_const_of(e->ir, b->shape[d], &extent) || extent < 0) {
      TC_DIAG(e->ir->diags, D_shape_not_constant, b->span, tc_name_of(e->ir, b->name), d);
      tc_diag_stop(e->ir->diags);
    }
    if (extent && n > (UINT64_C(1) << 40) / (uint64_t)extent)
      n = UINT64_C(1) << 40;
    else
      n *= (uint64_t)extent;
  }
  if (n >= UINT64_C(1) << 40) {
    TC_DIAG(e->ir->diags, D_not_on_target, b->span, "an on-chip buffer of a terabyte or more");
    tc_diag_stop(e->ir->diags);
  }
  if (b->scope == TC_SCOPE_barrier) return n * MBAR_B;
  return (n * tc_type_bits(b->elem) + 7) / 8;
}

static void add_pointer(tc_cemit *e, tc_buf buf, bool alone, const char *actual) {
  tc_signature *s = &tc_cpu_of(e)->signature;
  const tc_buffer *b = tc_buf_at(e->ir, buf);
  e->buf_names[buf.id] = tc_ce_ident(e, b->name, buf.id);
  const char *type = tc_ce_storage(b->elem);
  tc_sb_printf(&s->formals, "%s *%s%s, ", type, alone ? "__restrict " : "", e->buf_names[buf.id]);
  tc_sb_printf(&s->actuals, "(%s *)%s, ", type, actual);
}

/* Every pointer is the only one to its memory: the argument checker refuses overlaps of written
 * arguments, and on-chip buffers do not overlap. Not so when the kernel makes tensors of addresses
 * or asks for it; or when other strands write the memory while this one waits. */
static bool may_alias(tc_cemit *e, const usage *u) {
  bool hinted = tc_cpu_of(e)->threads->needed;
  for (uint32_t i = 0; i < e->ir->hints.n; i++)
    hinted = hinted || e->ir->hints.at[i].kind == TC_HINT_NO_RESTRICT;
  return hinted || u->addresses;
}

static void add_globals(tc_cemit *e, const usage *u) {
  uint32_t slot = 0;
  bool alone = !may_alias(e, u);
  for (uint32_t i = 0; i < e->ir->params.n; i++) {
    const tc_param *p = &e->ir->params.at[i];
    if (p->kind != TC_PARAM_BUFFER) continue;
    if (u->root[p->buf.id]) add_pointer(e, p->buf, alone, tc_ce_text(e, "ptr[%u]", slot));
    slot++;
  }
  const tc_block *body = tc_block_at(e->ir, e->ir->body);
  for (uint32_t i = 0; i < body->ops.n; i++) {
    const tc_op *op = tc_op_at(e->ir, body->ops.at[i]);
    if (op->opcode != TC_OP_alloc) continue;
    tc_buf buf = {op->payload};
    if (tc_buf_at(e->ir, buf)->scope != TC_SCOPE_global) continue;
    if (u->root[buf.id]) add_pointer(e, buf, alone, tc_ce_text(e, "ptr[%u]", slot));
    slot++;
  }
}

/* Takes scratch memory and returns the expression for its address. */
static const char *take_scratch(tc_cpu *c, uint64_t size_b) {
  const char *at = tc_ce_text(c->e, "(scratch + %" PRIu64 ")", c->scratch_b);
  c->scratch_b += (size_b + 63) / 64 * 64;
  return at;
}

const char *tc_cpu_common(tc_cpu *c, const char *type, uint64_t size_b) {
  const char *name = tc_ce_text(c->e, "common_%u", c->n_labels++);
  const char *alone = c->threads->needed ? "" : "__restrict ";
  tc_sb_printf(&c->signature.formals, "%s *%s%s, ", type, alone, name);
  tc_sb_printf(&c->signature.actuals, "(%s *)%s, ", type, take_scratch(c, size_b));
  return name;
}

/* Barriers come first in the scratch memory: there the runtime clears it. */
static void add_barriers(tc_cpu *c, const usage *u) {
  tc_cemit *e = c->e;
  for (uint32_t i = 1; i < e->ir->bufs.n; i++) {
    const tc_buffer *b = e->ir->bufs.at[i];
    if (b->root.id == i && u->root[i] && b->scope == TC_SCOPE_barrier)
      e->buf_names[i] = tc_cpu_common(c, "tc_mbar", tc_cpu_size_of(c, b->root));
  }
  c->zeroed_b = c->scratch_b;
}

/* A place for each thread. */
static void add_own_array(tc_cpu *c, tc_buf buf) {
  const tc_buffer *b = tc_buf_at(c->e->ir, buf);
  uint64_t n = (uint64_t)c->threads->block.end;
  bool is_var = b->scope == TC_SCOPE_var;
  const char *type = is_var ? tc_ce_type(b->elem) : tc_ce_storage(b->elem);
  uint64_t size_b = is_var ? (uint64_t)b->elem.lanes * 8 : tc_cpu_size_of(c, buf);
  c->own[buf.id] = tc_cpu_common(c, type, n * size_b);
}

static void add_on_chip(tc_cpu *c, const usage *u) {
  tc_cemit *e = c->e;
  bool shared = c->threads->needed;
  for (uint32_t i = 1; i < e->ir->bufs.n; i++) {
    const tc_buffer *b = e->ir->bufs.at[i];
    if (b->root.id != i || !u->root[i] || e->buf_names[i]) continue;
    if (c->threads->own[i] && !c->threads->single) add_own_array(c, b->root);
    if (!is_on_chip(b->scope) || c->own[i]) continue;
    uint64_t size_b = tc_cpu_size_of(c, b->root);
    bool local = b->scope == TC_SCOPE_local;
    if (local && size_b <= LOCAL_ARRAY_B) continue; /* at its alloc */
    uint64_t n = local && shared ? tc_strands_count(c->threads) : 1;
    uint64_t step_b = (size_b + 63) / 64 * 64;
    const char *at = take_scratch(c, n * step_b);
    if (n > 1) at = tc_ce_text(e, "(%s + strand->index * %" PRIu64 ")", at, step_b);
    add_pointer(e, b->root, !shared, at);
  }
}

/* Views that begin at a place known at launch get a pointer of their own. */
static void name_views(tc_cemit *e, const usage *u) {
  for (uint32_t i = 1; i < e->ir->bufs.n; i++) {
    const tc_buffer *b = e->ir->bufs.at[i];
    if (!u->buf[i]) continue;
    for (uint32_t d = 0; d < b->rank; d++) {
      define_if_host(e, b->shape[d]);
      if (b->strides) define_if_host(e, b->strides[d]);
    }
    bool fixed = !b->address.id && (!b->offset.id || tc_is_host_value(e->ir, b->offset, e->arena));
    if (b->root.id == i || !fixed || !e->buf_names[b->root.id]) continue;
    define_if_host(e, b->offset);
    const char *type = tc_ce_storage(b->elem), *name = tc_ce_ident(e, b->name, i);
    const char *base = tc_ce_base(e, (tc_buf){i});
    tc_cw_line(&e->w, "%s *const %s = %s;", type, name, base);
    e->buf_names[i] = name;
  }
}

void tc_cpu_name_buffers(tc_cpu *c, tc_region kernel) {
  tc_cemit *e = c->e;
  tc_ir *ir = e->ir;
  usage u = {TC_NEW_ARRAY(e->arena, ir->bufs.n, bool), TC_NEW_ARRAY(e->arena, ir->bufs.n, bool),
             false};
  tc_walk(ir, kernel, note_usage, &u);
  c->own = TC_NEW_ARRAY(e->arena, ir->bufs.n, const char *);
  add_globals(e, &u);
  add_barriers(c, &u);
  add_on_chip(c, &u);
  name_views(e, &u);
}

/* ---- in their place ---- */

void tc_cpu_alloc(tc_cpu *c, tc_value stmt) {
  tc_cemit *e = c->e;
  tc_buf buf = {tc_op_at(e->ir, stmt)->payload};
  const tc_buffer *b = tc_buf_at(e->ir, buf);
  const char *name = tc_ce_ident(e, b->name, buf.id);
  if (c->own[buf.id]) return;
  if (b->scope == TC_SCOPE_var) {
    e->buf_names[buf.id] = name;
    const char *type = tc_ce_type(b->elem);
    if (b->elem.lanes > 1)
      tc_cw_line(&e->w, "%s %s[%u];", type, name, b->elem.lanes);
    else
      tc_cw_line(&e->w, "%s %s;", type, name);
  } else if (b->scope == TC_SCOPE_local && tc_cpu_size_of(c, buf) <= LOCAL_ARRAY_B) {
    e->buf_names[buf.id] = name;
    uint32_t bits = tc_dtype_row((enum tc_dtype)b->elem.dtype)->bits;
    uint64_t size_b = tc_cpu_size_of(c, buf), width_b = bits < 8 ? 1 : bits / 8;
    c->stack_b += size_b + 64;
    tc_cw_line(&e->w, "%s %s[%" PRIu64 "] __attribute__((aligned(64)));", tc_ce_storage(b->elem),
               name, size_b ? (size_b + width_b - 1) / width_b + (bits == 6) : 1);
  } else if (b->scope == TC_SCOPE_global) {
    tc_ce_refuse(e, stmt, "global memory allocated inside a kernel");
  }
}

/* Of the region's own arrays, what belongs to the thread `name`. */
void tc_cpu_open_own(tc_cpu *c, tc_region region, const char *name) {
  tc_cemit *e = c->e;
  usage u = {TC_NEW_ARRAY(e->arena, e->ir->bufs.n, bool),
             TC_NEW_ARRAY(e->arena, e->ir->bufs.n, bool), false};
  tc_walk(e->ir, region, note_usage, &u);
  for (uint32_t i = 1; i < e->ir->bufs.n; i++) {
    const tc_buffer *b = e->ir->bufs.at[i];
    if (!c->own[i] || !u.root[i]) continue;
    if (b->scope == TC_SCOPE_var) {
      e->buf_names[i] = b->elem.lanes == 1
                            ? tc_ce_text(e, "%s[%s]", c->own[i], name)
                            : tc_ce_text(e, "(%s + %s * %u)", c->own[i], name, b->elem.lanes);
      continue;
    }
    const char *type = tc_ce_storage(b->elem);
    e->buf_names[i] = tc_ce_ident(e, b->name, i);
    tc_cw_line(&e->w, "%s *const %s = (%s *)((tc_u8 *)%s + %s * %" PRIu64 ");", type,
               e->buf_names[i], type, c->own[i], name, tc_cpu_size_of(c, b->root));
  }
}

void tc_cpu_close_own(tc_cpu *c) {
  for (uint32_t i = 1; i < c->e->ir->bufs.n; i++)
    if (c->own[i]) c->e->buf_names[i] = NULL;
}
