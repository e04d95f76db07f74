#include "ir/interp_threads.h"

#include "ir/build.h"
#include "ir/walk.h"

#include <string.h>

typedef TC_VEC(tc_insn) insn_vec;

typedef struct compiler {
  tc_machine *m;
  tc_ir *ir;
  tc_arena *arena;
  tc_placement placement;
  tc_value stmt; /* being compiled, for diagnostics */
  /* In a kernel that runs in strands, else NULL; then the number of the next group's team, and how
   * many statements of each kind lie around. */
  const tc_kernel_plan *plan;
  uint32_t next_team, in_perthread, in_parallel, in_while;
  bool *thread_is_known; /* by variable id */
  tc_map ring_bufs;      /* buffer -> its ring and its number there */
  bool has_rings;
} compiler;

static uint32_t lanes_of(tc_type type) {
  return type.lanes ? type.lanes : 1;
}

static uint32_t new_slots(compiler *c, uint32_t n) {
  uint32_t first = c->m->n_slots;
  if (n > UINT32_MAX / 2 - first) tc_interp_out_of_memory(c->m, c->stmt);
  c->m->n_slots += n;
  return first;
}

static uint32_t var_slot(compiler *c, tc_var var) {
  uint32_t *slot = &c->m->var_slot[var.id];
  tc_var_info *info = tc_var_at(c->ir, var);
  if (info->kind == TC_VAR_THREAD && !c->thread_is_known[var.id])
    tc_interp_unsupported(c->m, c->stmt, "a thread index outside of code for single threads");
  if (!*slot) *slot = new_slots(c, lanes_of(info->type));
  return *slot;
}

/* The first register of a value; 0 for none. */
static uint32_t slot_of(compiler *c, tc_value v) {
  if (!v.id) return 0;
  const tc_op *op = tc_op_at(c->ir, v);
  if (op->opcode == TC_OP_var) {
    tc_var var = {op->payload};
    c->m->var_value[var.id] = v.id;
    return var_slot(c, var);
  }
  uint32_t *slot = &c->m->value_slot[v.id];
  if (*slot) return *slot;
  if (op->opcode == TC_OP_lane) return *slot = slot_of(c, tc_input(c->ir, op, 0)) + op->payload;
  if (op->opcode == TC_OP_slice) tc_interp_unsupported(c->m, c->stmt, "a slice as a value");
  return *slot = new_slots(c, lanes_of(op->type));
}

static const uint32_t *slots_of(compiler *c, const tc_value *values, uint32_t n) {
  uint32_t *slots = TC_NEW_ARRAY(c->arena, n, uint32_t);
  for (uint32_t i = 0; i < n; i++)
    slots[i] = slot_of(c, values[i]);
  return slots;
}

static void emit_pure(compiler *c, insn_vec *code, tc_value v) {
  const tc_op *op = tc_op_at(c->ir, v);
  if (op->opcode == TC_OP_const || op->opcode == TC_OP_var || op->opcode == TC_OP_lane) {
    slot_of(c, v);
    return;
  }
  const tc_value *in = tc_inputs_of(c->ir, op);
  /* The type that rules the arithmetic: a select's condition is not it. */
  tc_type type = tc_value_type(c->ir, in[0]);
  tc_insn p = {.op = op->opcode,
               .lanes = (uint16_t)lanes_of(op->type),
               .dtype = type.dtype,
               .to = op->type.dtype,
               .a_lanes = (uint16_t)lanes_of(type),
               .out = slot_of(c, v),
               .at = v};
  if (op->opcode == TC_OP_pack) {
    p.record = slots_of(c, in, op->n_in);
  } else {
    p.a = slot_of(c, in[0]);
    p.b = op->n_in > 1 ? slot_of(c, in[1]) : 0;
    p.c = op->n_in > 2 ? slot_of(c, in[2]) : 0;
  }
  tc_vec_push(c->arena, code, p);
}

/* ---- buffers ---- */

static uint32_t view_value(compiler *c, tc_view *view, tc_value v) {
  if (!v.id) return 0;
  view->fixed = view->fixed && tc_is_host_value(c->ir, v, c->arena);
  return slot_of(c, v);
}

static void compile_view(compiler *c, tc_buf buf) {
  tc_view *v = &c->m->views[buf.id];
  const tc_buffer *b = tc_buf_at(c->ir, buf);
  if (v->buf.id) return;
  if (b->rank > TC_INTERP_RANK)
    tc_interp_unsupported(c->m, c->stmt, "a buffer of more than 16 dimensions");
  *v = (tc_view){.buf = buf,
                 .storage = b->address.id ? &v->own : &c->m->storages[b->root.id],
                 .lane = tc_lane_type(b->elem),
                 .lanes = lanes_of(b->elem),
                 .rank = b->rank,
                 .scope = b->scope,
                 .fixed = true,
                 .shape_reg = TC_NEW_ARRAY(c->arena, b->rank, uint32_t),
                 .stride_reg = b->strides ? TC_NEW_ARRAY(c->arena, b->rank, uint32_t) : NULL,
                 .shape = TC_NEW_ARRAY(c->arena, b->rank, int64_t),
                 .stride = TC_NEW_ARRAY(c->arena, b->rank, int64_t)};
  v->lane_bits = tc_type_bits(v->lane);
  v->elem_bits = v->lane_bits * v->lanes;
  if (!v->lane_bits) tc_interp_unsupported(c->m, c->stmt, "a buffer of this element type");
  for (uint32_t d = 0; d < b->rank; d++) {
    v->shape_reg[d] = view_value(c, v, b->shape[d]);
    if (b->strides) v->stride_reg[d] = view_value(c, v, b->strides[d]);
  }
  v->offset_reg = view_value(c, v, b->offset);
  v->address_reg = view_value(c, v, b->address);
}

/* ---- statements ---- */

static void compile_region(compiler *c, tc_region region);

static bool is_wide(const compiler *c, tc_value v) {
  return v.id && tc_value_type(c->ir, v).lanes > 1;
}

/* Of a vector access: one value for all elements, or one for each. */
static void want_lanes(compiler *c, tc_value v, uint32_t one, uint32_t each) {
  if (!v.id) return;
  uint32_t lanes = lanes_of(tc_value_type(c->ir, v));
  if (lanes != one && lanes != each)
    tc_interp_unsupported(c->m, c->stmt, "an access that mixes vectors of different lengths");
}

static const tc_access_code *access_code(compiler *c, tc_value stmt) {
  const tc_op *op = tc_op_at(c->ir, stmt);
  const tc_value *in = tc_inputs_of(c->ir, op);
  tc_access_code *a = TC_NEW(c->arena, tc_access_code);
  a->buf = tc_access_buf(c->ir, stmt);
  compile_view(c, a->buf);
  const tc_buffer *b = tc_buf_at(c->ir, a->buf);
  a->rank = b->rank;
  a->n = 1;
  a->index = slots_of(c, in, b->rank);
  bool *wide = TC_NEW_ARRAY(c->arena, b->rank, bool);
  for (uint32_t d = 0; d < b->rank; d++) {
    wide[d] = is_wide(c, in[d]);
    if (wide[d]) a->n = tc_value_type(c->ir, in[d]).lanes;
  }
  a->wide = wide;
  for (uint32_t d = 0; d < b->rank; d++)
    want_lanes(c, in[d], 1, a->n);
  tc_value pred = tc_access_pred(c->ir, stmt);
  want_lanes(c, pred, 1, a->n);
  a->pred = slot_of(c, pred);
  a->wide_pred = is_wide(c, pred);
  uint32_t elem = lanes_of(b->elem);
  if (op->opcode == TC_OP_load) {
    want_lanes(c, tc_access_else(c->ir, stmt), a->n * elem, a->n * elem);
    a->other = slot_of(c, tc_access_else(c->ir, stmt));
    return a;
  }
  tc_value value = tc_access_value(c->ir, stmt);
  want_lanes(c, value, elem, a->n * elem);
  a->value = slot_of(c, value);
  a->wide_value = tc_value_type(c->ir, value).lanes > elem;
  if (op->opcode == TC_OP_atomic) {
    a->atomic = tc_atomic_of(c->ir, stmt)->kind;
    if (a->atomic == TC_ATOMIC_CAS) a->expected = slot_of(c, in[b->rank + 1]);
  }
  return a;
}

/* The slices that come first, then scalars. */
static const tc_tile_code *tile_code(compiler *c, const tc_op *op) {
  tc_tile_code *t = TC_NEW(c->arena, tc_tile_code);
  uint32_t n_extra = 0;
  for (uint32_t i = 0; i < op->n_in; i++) {
    tc_value v = tc_input(c->ir, op, i);
    const tc_op *in = tc_op_at(c->ir, v);
    if (in->opcode != TC_OP_slice) {
      if (n_extra < TC_COUNT(t->extra)) t->extra[n_extra++] = slot_of(c, v);
      t->extra_type = in->type;
      continue;
    }
    if (t->n == TC_TILE_SLICES) tc_interp_unsupported(c->m, c->stmt, "a fourth slice");
    tc_slice_code *s = &t->slice[t->n++];
    s->buf = tc_slice_buf(c->ir, v);
    s->rank = in->n_in / 2u;
    s->in_bounds = tc_slice_in_bounds(c->ir, v);
    s->base = slots_of(c, tc_inputs_of(c->ir, in), s->rank);
    s->extent = slots_of(c, tc_inputs_of(c->ir, in) + s->rank, s->rank);
    compile_view(c, s->buf);
  }
  uint32_t least = op->opcode == TC_OP_gemm ? 3 : 2;
  if (op->opcode == TC_OP_fill || op->opcode == TC_OP_atomic_tile) least = 1;
  if (t->n < least) tc_interp_unsupported(c->m, c->stmt, "an operand that is no slice");
  return t;
}

/* What happens to each root buffer below a region. */
enum { ALLOCATED = 1, READ = 2, WRITTEN = 4 };

typedef struct use_search {
  uint8_t *uses; /* by root buffer id */
} use_search;

static void note_use(const tc_ir *ir, use_search *s, tc_buf buf, uint32_t effect) {
  uint8_t *use = &s->uses[tc_buf_at(ir, buf)->root.id];
  if (effect & TC_READ) *use |= READ;
  if (effect & TC_WRITE) *use |= WRITTEN;
}

static bool find_uses(tc_ir *ir, tc_value stmt, void *data) {
  use_search *s = data;
  const tc_op *op = tc_op_at(ir, stmt);
  uint32_t effect = tc_op_row((enum tc_opcode)op->opcode)->effect;
  if (op->opcode == TC_OP_alloc)
    s->uses[tc_buf_at(ir, (tc_buf){op->payload})->root.id] |= ALLOCATED;
  if (op->opcode == TC_OP_load || op->opcode == TC_OP_store || op->opcode == TC_OP_atomic)
    note_use(ir, s, tc_access_buf(ir, stmt), effect);
  for (uint32_t i = 0; i < op->n_in; i++) /* any slice of a tile op may be what it writes */
    if (tc_is(ir, tc_input(ir, op, i), TC_OP_slice))
      note_use(ir, s, tc_slice_buf(ir, tc_input(ir, op, i)), effect);
  return true;
}

static const uint8_t *uses_below(compiler *c, tc_region body) {
  use_search s = {TC_NEW_ARRAY(c->arena, c->ir->bufs.n, uint8_t)};
  tc_walk(c->ir, body, find_uses, &s);
  return s.uses;
}

static void find_privates(compiler *c, tc_parallel_code *p, tc_region body) {
  const uint8_t *uses = uses_below(c, body);
  TC_VEC(tc_private_var) found = {0};
  for (uint32_t id = 1; id < c->ir->bufs.n; id++) {
    bool mine = (uses[id] & (ALLOCATED | WRITTEN)) == WRITTEN;
    if (!mine || tc_buf_at(c->ir, (tc_buf){id})->scope != TC_SCOPE_var) continue;
    compile_view(c, (tc_buf){id});
    tc_private_var var = {.root = {id}};
    tc_vec_push(c->arena, &found, var);
  }
  p->privates = found.at;
  p->n_privates = found.n;
}

static const tc_parallel_code *parallel_code(compiler *c, tc_value stmt) {
  const tc_op *op = tc_op_at(c->ir, stmt);
  const tc_parallel *payload = tc_parallel_of(c->ir, stmt);
  tc_parallel_code *p = TC_NEW(c->arena, tc_parallel_code);
  p->n = payload->n;
  p->vars = payload->vars;
  p->extent = slots_of(c, tc_inputs_of(c->ir, op), op->n_in);
  for (uint32_t i = 0; i < p->n; i++)
    var_slot(c, p->vars[i]);
  find_privates(c, p, tc_child(c->ir, op, 0));
  return p;
}

static const tc_print_code *print_code(compiler *c, tc_value stmt) {
  const tc_op *op = tc_op_at(c->ir, stmt);
  const tc_print *payload = tc_print_of(c->ir, stmt);
  tc_print_code *p = TC_NEW(c->arena, tc_print_code);
  tc_type *types = TC_NEW_ARRAY(c->arena, op->n_in, tc_type);
  for (uint32_t i = 0; i < op->n_in; i++)
    types[i] = tc_value_type(c->ir, tc_input(c->ir, op, i));
  *p = (tc_print_code){c->ir->texts.at[payload->text], payload->buf, op->n_in,
                       op->n_in ? slots_of(c, tc_inputs_of(c->ir, op), op->n_in) : NULL, types};
  if (p->buf.id) compile_view(c, p->buf);
  return p;
}

/* The registers that the region computes get neighbouring numbers: what several regions compute was
 * numbered before, except the index of the thread. */
static const tc_perthread_code *perthread_code(compiler *c, tc_value stmt) {
  const tc_group *group = tc_group_of(c->ir, stmt);
  tc_region body = tc_child(c->ir, tc_op_at(c->ir, stmt), 0);
  if (!c->plan) {
    compile_region(c, body);
    return NULL;
  }
  tc_perthread_code *p = TC_NEW(c->arena, tc_perthread_code);
  if (group->thread.id) p->thread_slot = var_slot(c, group->thread);
  p->first_slot = c->m->n_slots;
  compile_region(c, body);
  p->n_slots = c->m->n_slots - p->first_slot;
  p->meets = tc_interp_meets(c->ir, body);
  if (tc_interp_lone_collective(c->ir, body) >= 0) {
    const tc_code *code = &c->m->codes[body.id];
    p->meets = false;
    while (code->at[p->split++].op != TC_OP_collective)
      continue;
  }
  const uint8_t *uses = uses_below(c, body);
  TC_VEC(uint32_t) own = {0};
  for (uint32_t i = 0; i < c->plan->n_varying; i++)
    if (uses[c->plan->varying[i].id]) tc_vec_push(c->arena, &own, i);
  p->own = own.at;
  p->n_own = own.n;
  return p;
}

static const tc_perthread_code *compile_perthread(compiler *c, tc_value stmt) {
  const tc_group *group = tc_group_of(c->ir, stmt);
  bool outer = c->thread_is_known[group->thread.id];
  c->thread_is_known[group->thread.id] = group->thread.id != 0;
  c->in_perthread++;
  const tc_perthread_code *p = perthread_code(c, stmt);
  c->in_perthread--;
  c->thread_is_known[group->thread.id] = outer;
  return p;
}

static const tc_collective_code *collective_code(compiler *c, tc_value stmt) {
  const tc_collective *x = tc_collective_of(c->ir, stmt);
  tc_value value = tc_input(c->ir, tc_op_at(c->ir, stmt), 0);
  tc_collective_code *p = TC_NEW(c->arena, tc_collective_code);
  *p = (tc_collective_code){.kind = (enum tc_collective_kind)x->kind,
                            .block = x->sync_scope == TC_SYNC_BLOCK,
                            .width = x->width,
                            .value = slot_of(c, value),
                            .lane = slot_of(c, tc_collective_lane(c->ir, stmt)),
                            .mask = slot_of(c, tc_collective_mask(c->ir, stmt)),
                            .type = tc_value_type(c->ir, value)};
  return p;
}

static const tc_mbarrier_code *mbarrier_code(compiler *c, tc_value stmt) {
  const tc_op *op = tc_op_at(c->ir, stmt);
  const tc_mbarrier *x = tc_mbarrier_of(c->ir, stmt);
  uint32_t rank = tc_buf_at(c->ir, x->buf)->rank;
  tc_mbarrier_code *p = TC_NEW(c->arena, tc_mbarrier_code);
  compile_view(c, x->buf);
  p->kind = (enum tc_mbarrier_kind)x->kind;
  p->place = (tc_slice_code){.buf = x->buf, .rank = rank};
  if (rank) p->place.base = slots_of(c, tc_inputs_of(c->ir, op), rank);
  p->operand = slot_of(c, tc_mbarrier_operand(c->ir, stmt));
  return p;
}

static const tc_wait_code *wait_code(compiler *c, tc_value stmt) {
  static const struct {
    enum tc_opcode op;
    bool swap;
  } how[] = {
      [TC_REL_EQ] = {TC_OP_eq, false}, [TC_REL_NE] = {TC_OP_ne, false},
      [TC_REL_GE] = {TC_OP_le, true},  [TC_REL_GT] = {TC_OP_lt, true},
      [TC_REL_LE] = {TC_OP_le, false}, [TC_REL_LT] = {TC_OP_lt, false},
  };
  const tc_op *op = tc_op_at(c->ir, stmt);
  const tc_wait *x = tc_wait_of(c->ir, stmt);
  const tc_buffer *b = tc_buf_at(c->ir, x->buf);
  tc_wait_code *p = TC_NEW(c->arena, tc_wait_code);
  compile_view(c, x->buf);
  if (b->elem.lanes != 1 || tc_value_type(c->ir, tc_input(c->ir, op, b->rank)).lanes != 1)
    tc_interp_unsupported(c->m, stmt, "a wait for a vector");
  p->access = (tc_access_code){.buf = x->buf, .rank = b->rank, .n = 1};
  if (b->rank) p->access.index = slots_of(c, tc_inputs_of(c->ir, op), b->rank);
  p->access.wide = TC_NEW_ARRAY(c->arena, b->rank, bool);
  p->access.value = slot_of(c, tc_input(c->ir, op, b->rank));
  p->compare = how[x->relation].op;
  p->swap = how[x->relation].swap;
  return p;
}

static const tc_group_code *group_code(compiler *c) {
  if (!c->plan) return NULL;
  tc_group_code *p = TC_NEW(c->arena, tc_group_code);
  p->team = ++c->next_team;
  return p;
}

static const tc_kernel_code *kernel_code(compiler *c, tc_value stmt) {
  const tc_op *op = tc_op_at(c->ir, stmt);
  const tc_kernel *kernel = tc_kernel_of(c->ir, stmt);
  tc_kernel_code *p = TC_NEW(c->arena, tc_kernel_code);
  p->grid = slots_of(c, tc_inputs_of(c->ir, op), op->n_in);
  p->plan = tc_interp_plan(c->m, stmt);
  for (uint32_t i = 0; i < kernel->n_grid; i++)
    if (kernel->block[i].id) var_slot(c, kernel->block[i]);
  return p;
}

static void compile_regions(compiler *c, const tc_op *op, const tc_insn *p) {
  uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
  bool kernel = op->opcode == TC_OP_kernel;
  const tc_kernel_plan *plan = kernel ? ((const tc_kernel_code *)p->record)->plan : c->plan;
  c->in_parallel += op->opcode == TC_OP_parallel;
  c->in_while += op->opcode == TC_OP_while;
  if (kernel) c->next_team = 0;
  if (kernel) c->plan = plan->threaded ? plan : NULL;
  for (uint32_t r = 0; r < n; r++)
    compile_region(c, tc_child(c->ir, op, r));
  if (kernel) c->plan = NULL;
  c->in_parallel -= op->opcode == TC_OP_parallel;
  c->in_while -= op->opcode == TC_OP_while;
}

/* Statements that do nothing here: what they order or ask for, this executor does anyway. */
static bool is_silent(const compiler *c, const tc_op *op) {
  switch (op->opcode) {
  case TC_OP_eval:
  case TC_OP_hint:
  case TC_OP_fence:
  case TC_OP_lockstep:
    return true;
  case TC_OP_barrier:
    /* Strands of several threads have whole warps. */
    return !c->plan
           || (!c->m->races && !c->in_perthread
               && c->ir->barriers.at[op->payload].sync_scope == TC_SYNC_WARP);
  default:
    return false;
  }
}

/* ---- what threads add ---- */

static bool is_local(const compiler *c, tc_buf buf) {
  enum tc_scope scope = tc_buf_at(c->ir, buf)->scope;
  return scope == TC_SCOPE_local || scope == TC_SCOPE_var;
}

/* What the threads of a team do once. Every strand has local buffers of its own and writes them
 * itself. table */
static bool is_shared(const compiler *c, const tc_op *op, tc_value stmt) {
  tc_buf written;
  if (!c->plan || c->in_perthread || c->in_parallel) return false;
  switch ((int)op->opcode) {
  case TC_OP_alloc:
    return !is_local(c, (tc_buf){op->payload});
  case TC_OP_mbarrier:
    return tc_mbarrier_of(c->ir, stmt)->kind == TC_MBAR_INIT;
  case TC_OP_parallel:
  case TC_OP_print:
  case TC_OP_ring:
    return true;
  default:
    written = tc_written_buf(c->ir, stmt);
    return written.id && !is_local(c, written);
  }
}

static bool is_spin(const compiler *c, const tc_op *op, tc_value stmt) {
  if (!c->plan || !c->in_while || c->in_parallel) return false;
  return op->opcode == TC_OP_atomic
         || (op->opcode == TC_OP_load && tc_access_of(c->ir, stmt)->order != TC_ORDER_NONE);
}

static bool is_async(const compiler *c, const tc_op *op, tc_value stmt) {
  uint32_t place;
  if (op->opcode == TC_OP_copy
      && tc_map_get(&c->ring_bufs, tc_slice_buf(c->ir, tc_input(c->ir, op, 1)).id, &place))
    return false; /* the ring says when it is there */
  return (op->opcode == TC_OP_copy && (tc_copy_of(c->ir, stmt)->flags & TC_COPY_ASYNC))
         || (op->opcode == TC_OP_gemm && tc_gemm_of(c->ir, stmt)->async);
}

static bool is_watched(const compiler *c, const tc_op *op) {
  uint32_t effect = tc_op_row((enum tc_opcode)op->opcode)->effect;
  return c->plan && c->plan->flies && (effect & (TC_READ | TC_WRITE)) && op->opcode != TC_OP_wait;
}

/* The buffers of rings among what the statement touches, and whether it writes them. */
static void add_use(compiler *c, tc_buf buf, bool writes, tc_ring_use *uses, uint32_t *n) {
  uint32_t place;
  if (!tc_map_get(&c->ring_bufs, tc_buf_at(c->ir, buf)->root.id, &place)) return;
  uses[(*n)++] = (tc_ring_use){place >> 8, place & 0xff, writes};
}

static tc_insn ring_insn(compiler *c, const tc_op *op, tc_value stmt) {
  enum tc_payload_kind kind = tc_op_row((enum tc_opcode)op->opcode)->payload;
  tc_buf written = tc_written_buf(c->ir, stmt);
  tc_ring_use *uses = TC_NEW_ARRAY(c->arena, op->n_in + 1u, tc_ring_use);
  tc_ring_code *code = TC_NEW(c->arena, tc_ring_code);
  if (kind == TC_PL_ACCESS) {
    tc_buf buf = tc_access_buf(c->ir, stmt);
    add_use(c, buf, written.id == buf.id, uses, &code->n);
  }
  for (uint32_t k = 0; k < op->n_in && kind != TC_PL_ACCESS; k++) {
    tc_value in = tc_input(c->ir, op, k);
    if (!tc_is(c->ir, in, TC_OP_slice)) continue;
    tc_buf buf = tc_slice_buf(c->ir, in);
    add_use(c, buf, written.id == buf.id, uses, &code->n);
  }
  code->use = uses;
  return (tc_insn){.op = TC_INSN_RING, .lanes = 1, .at = stmt, .record = code};
}

/* Adds the instruction of a statement, with what must happen before it. */
static void emit(compiler *c, insn_vec *code, tc_insn p) {
  const tc_op *op = tc_op_at(c->ir, p.at);
  insn_vec steps = {0};
  if (c->has_rings && c->plan) {
    tc_insn ring = ring_insn(c, op, p.at);
    if (((const tc_ring_code *)ring.record)->n) tc_vec_push(c->arena, &steps, ring);
  }
  if (is_spin(c, op, p.at))
    tc_vec_push(c->arena, code, ((tc_insn){.op = TC_INSN_SPIN, .lanes = 1, .at = p.at}));
  if (is_watched(c, op)) {
    tc_insn watch = {.op = TC_INSN_WATCH, .lanes = p.lanes, .at = p.at, .record = p.record};
    tc_vec_push(c->arena, &steps, watch);
  }
  tc_vec_push(c->arena, &steps, p);
  if (c->plan && is_async(c, op, p.at)) {
    tc_insn fly = {.op = TC_INSN_FLY, .lanes = 1, .at = p.at, .record = p.record};
    tc_vec_push(c->arena, &steps, fly);
  }
  if (is_shared(c, op, p.at)) {
    tc_team_code *team = TC_NEW(c->arena, tc_team_code);
    *team = (tc_team_code){steps.at, steps.n};
    tc_insn all = {.op = TC_INSN_TEAM, .lanes = p.lanes, .out = p.out, .at = p.at, .record = team};
    tc_vec_push(c->arena, code, all);
    return;
  }
  for (uint32_t i = 0; i < steps.n; i++)
    tc_vec_push(c->arena, code, steps.at[i]);
}

static void note_ring(compiler *c, const tc_op *op) {
  const tc_ring *ring = &c->ir->rings.at[op->payload];
  for (uint32_t i = 0; i < ring->n_bufs && i <= 0xff; i++)
    tc_map_put(&c->ring_bufs, ring->bufs[i].id, op->payload << 8 | i);
  c->has_rings = true;
}

/* table */
static void emit_stmt(compiler *c, insn_vec *code, tc_value stmt) {
  const tc_op *op = tc_op_at(c->ir, stmt);
  tc_insn p = {.op = op->opcode, .lanes = (uint16_t)lanes_of(op->type), .at = stmt};
  c->stmt = stmt;
  if (is_silent(c, op)) return;
  switch (op->opcode) {
  case TC_OP_alloc:
    compile_view(c, tc_buf_at(c->ir, (tc_buf){op->payload})->root);
    if (c->plan && !c->in_perthread
        && tc_interp_index_of(c->ir, c->plan->varying, c->plan->n_varying, (tc_buf){op->payload})
               >= 0)
      p.op = TC_INSN_COPIES;
    break;
  case TC_OP_load:
  case TC_OP_store:
  case TC_OP_atomic:
    p.out = op->type.lanes ? slot_of(c, stmt) : 0;
    p.record = access_code(c, stmt);
    break;
  case TC_OP_for:
    p.out = var_slot(c, tc_loop_of(c->ir, stmt)->var);
    p.a = slot_of(c, tc_input(c->ir, op, 0));
    p.b = slot_of(c, tc_input(c->ir, op, 1));
    p.c = slot_of(c, tc_input(c->ir, op, 2));
    break;
  case TC_OP_kernel:
    p.record = kernel_code(c, stmt);
    break;
  case TC_OP_parallel:
    p.record = parallel_code(c, stmt);
    break;
  case TC_OP_if:
  case TC_OP_yield:
  case TC_OP_assert:
  case TC_OP_assume:
    p.a = slot_of(c, tc_input(c->ir, op, 0));
    break;
  case TC_OP_while:
  case TC_OP_break:
  case TC_OP_continue:
  case TC_OP_barrier:
  case TC_OP_async_commit:
  case TC_OP_async_wait:
    break;
  case TC_OP_group:
    p.record = group_code(c);
    break;
  case TC_OP_perthread:
    p.record = compile_perthread(c, stmt);
    tc_vec_push(c->arena, code, p);
    return;
  case TC_OP_collective:
    p.out = op->type.lanes ? slot_of(c, stmt) : 0;
    p.record = collective_code(c, stmt);
    break;
  case TC_OP_mbarrier:
    p.record = mbarrier_code(c, stmt);
    break;
  case TC_OP_wait:
    p.record = wait_code(c, stmt);
    break;
  case TC_OP_ring:
    note_ring(c, op);
    break;
  case TC_OP_ring_skip:
    p.a = slot_of(c, tc_input(c->ir, op, 0));
    break;
  case TC_OP_ring_acquire:
  case TC_OP_ring_commit:
  case TC_OP_ring_wait:
  case TC_OP_ring_release:
    break;
  case TC_OP_copy:
  case TC_OP_fill:
  case TC_OP_gemm:
  case TC_OP_reduce:
  case TC_OP_scan:
  case TC_OP_transpose:
  case TC_OP_im2col:
  case TC_OP_atomic_tile:
    p.record = tile_code(c, op);
    break;
  case TC_OP_print:
    p.record = print_code(c, stmt);
    break;
  default:
    tc_interp_unsupported(
        c->m, stmt,
        tc_format(c->ir->diags->arena, "op '%s'", tc_op_row((enum tc_opcode)op->opcode)->name));
  }
  emit(c, code, p);
  compile_regions(c, op, &p);
}

static void compile_region(compiler *c, tc_region region) {
  const tc_block *block = tc_block_at(c->ir, region);
  insn_vec code = {0};
  for (uint32_t i = 0; i < block->ops.n; i++) {
    uint32_t first, n = tc_placed_before(&c->placement, region, i, &first);
    c->stmt = block->ops.at[i];
    for (uint32_t k = 0; k < n; k++)
      emit_pure(c, &code, c->placement.at[first + k].value);
    emit_stmt(c, &code, block->ops.at[i]);
  }
  c->m->codes[region.id] = (tc_code){code.at, code.n};
}

/* ---- registers ---- */

/* Constants get their value; everything else is undefined until computed. */
static void fill_registers(tc_machine *m) {
  m->regs = tc_interp_room(m, m->n_slots, sizeof *m->regs, (tc_value){0});
  for (uint32_t id = 1; id < m->ir->n_ops; id++) {
    const tc_op *op = tc_op_at(m->ir, (tc_value){id});
    uint32_t slot = m->value_slot[id];
    if (!slot || op->opcode == TC_OP_lane) continue;
    tc_reg r = {.poison = id};
    if (op->opcode == TC_OP_const) r = (tc_reg){.x = m->ir->imms.at[op->payload]};
    for (uint32_t l = 0; l < lanes_of(op->type); l++)
      m->regs[slot + l] = r;
  }
  for (uint32_t id = 1; id < m->ir->vars.n; id++)
    if (m->var_slot[id]) m->regs[m->var_slot[id]].poison = m->var_value[id];
}

void tc_interp_compile(tc_machine *m) {
  tc_ir *ir = m->ir;
  compiler c = {.m = m,
                .ir = ir,
                .arena = &m->arena,
                .placement = tc_place_values(ir, ir->body, &m->arena),
                .ring_bufs = tc_map_in(&m->arena),
                .thread_is_known = TC_NEW_ARRAY(&m->arena, ir->vars.n, bool)};
  m->codes = TC_NEW_ARRAY(&m->arena, ir->blocks.n, tc_code);
  m->value_slot = TC_NEW_ARRAY(&m->arena, ir->n_ops, uint32_t);
  m->var_slot = TC_NEW_ARRAY(&m->arena, ir->vars.n, uint32_t);
  m->var_value = TC_NEW_ARRAY(&m->arena, ir->vars.n, uint32_t);
  m->storages = TC_NEW_ARRAY(&m->arena, ir->bufs.n, tc_storage);
  m->views = TC_NEW_ARRAY(&m->arena, ir->bufs.n, tc_view);
  m->n_slots = 1; /* register 0: absent */
  for (uint32_t i = 0; i < ir->params.n; i++)
    if (ir->params.at[i].kind == TC_PARAM_BUFFER) compile_view(&c, ir->params.at[i].buf);
  compile_region(&c, ir->body);
  fill_registers(m);
}
