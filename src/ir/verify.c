#include "ir/verify.h"

#include "ir/form.h"
#include "ir/typing.h"
#include "ir/verify_private.h"

#include <string.h>

#define FAIL tc_verifier_fail

/* The letter of each state in the column `states` of ops.def. */
static const char STATE_LETTERS[] =
#define STATE(name, letter, doc) #letter
#include "ir/states.def"
#undef STATE
    ;

const char *tc_rule_name(enum tc_rule rule) {
  static const char *const NAMES[] = {
#define RULE(name, doc) #name,
#include "ir/rules.def"
#undef RULE
  };
  return NAMES[rule];
}

void tc_verifier_fail(tc_verifier *v, enum tc_rule rule, const char *fmt, ...) {
  if (v->failed) return;
  v->failed = true;
  tc_sb sb = tc_sb_in(v->ir->arena);
  if (v->stmt.id) {
    const tc_op *op = tc_op_at(v->ir, v->stmt);
    tc_sb_printf(
        &sb, "%s: ", op->opcode < TC_OP_COUNT ? tc_op_row((enum tc_opcode)op->opcode)->name : "?");
    v->problem.span = op->span;
  }
  va_list args;
  va_start(args, fmt);
  tc_sb_vprintf(&sb, fmt, args);
  va_end(args);
  tc_sb_printf(&sb, " (%s)", tc_rule_name(rule));
  v->problem.rule = rule;
  v->problem.text = sb.at;
  v->problem.stmt = v->stmt;
}

static const tc_extent ALWAYS = {0, TC_FOREVER}, NEVER = {TC_FOREVER, 0};

/* ---- handles: after this, everything reachable can be read ---- */

static bool value_ok(tc_verifier *v, tc_value x) {
  if (x.id && x.id < v->ir->n_ops) return true;
  FAIL(v, TC_RULE_handles, "value %u does not exist", x.id);
  return false;
}

static bool buf_ok(tc_verifier *v, tc_buf b) {
  if (b.id && b.id < v->ir->bufs.n) return true;
  FAIL(v, TC_RULE_handles, "buffer %u does not exist", b.id);
  return false;
}

static void inputs_ok(tc_verifier *v, const tc_op *op) {
  const tc_ir *ir = v->ir;
  if (op->n_in && ((uint64_t)op->in + op->n_in > ir->inputs.n)) {
    FAIL(v, TC_RULE_handles, "operands lie outside the list of operands");
    return;
  }
  for (uint32_t k = 0; k < op->n_in; k++)
    value_ok(v, tc_input(ir, op, k));
}

/* Buffers that may be 0, by payload kind. */
static bool buf_is_optional(const tc_op *op) {
  return op->opcode == TC_OP_print || op->opcode == TC_OP_hint || op->opcode == TC_OP_atomic_tile
         || op->opcode == TC_OP_ring;
}

static bool names_a_buf(enum tc_payload_kind kind) {
  return kind == TC_PL_BUF || kind == TC_PL_ACCESS || kind == TC_PL_ATOMIC || kind == TC_PL_WAIT
         || kind == TC_PL_MBARRIER;
}

static bool text_index_ok(const tc_ir *ir, const tc_op *op) {
  uint32_t index = 0;
  if (op->opcode == TC_OP_assert) index = op->payload;
  if (op->opcode == TC_OP_print) index = ir->prints.at[op->payload].text;
  if (op->opcode == TC_OP_hint) index = ir->hints.at[op->payload].text;
  if (op->opcode == TC_OP_barrier) index = ir->barriers.at[op->payload].reason;
  return index < ir->texts.n;
}

static void payload_ok(tc_verifier *v, const tc_op *op) {
  const tc_ir *ir = v->ir;
  enum tc_payload_kind kind = tc_op_row((enum tc_opcode)op->opcode)->payload;
  if (kind >= TC_PL_ACCESS && !tc_payload_at(ir, kind, op->payload)) {
    FAIL(v, TC_RULE_handles, "the payload does not exist");
    return;
  }
  if (!text_index_ok(ir, op)) FAIL(v, TC_RULE_handles, "the text does not exist");
  tc_buf b = tc_stmt_buf(ir, op, 0);
  if (b.id || (names_a_buf(kind) && !buf_is_optional(op))) buf_ok(v, b);
  for (uint32_t k = 0; (b = tc_stmt_buf(ir, op, k)).id; k++)
    buf_ok(v, b);
  uint32_t n;
  tc_stmt_var(ir, op, 0, &n);
  for (uint32_t k = 0; k < n; k++)
    if (tc_stmt_var(ir, op, k, &n).id >= ir->vars.n)
      FAIL(v, TC_RULE_handles, "a variable does not exist");
  if (kind == TC_PL_RINGREF && ir->ringrefs.at[op->payload].ring >= ir->rings.n)
    FAIL(v, TC_RULE_handles, "the ring does not exist");
}

static void number_region(tc_verifier *v, tc_region region, uint32_t depth);

static void number_stmt(tc_verifier *v, tc_value x, uint32_t depth) {
  v->stmt = (tc_value){0};
  if (!value_ok(v, x)) return;
  v->stmt = x;
  const tc_op *op = tc_op_at(v->ir, x);
  if (op->opcode == TC_OP_none || op->opcode >= TC_OP_COUNT || tc_op_is_pure(op)) {
    FAIL(v, TC_RULE_handles, "not a statement");
  } else if (v->stmt_time[x.id]) {
    FAIL(v, TC_RULE_handles, "the statement lies in two places");
  }
  if (v->failed) return;
  v->stmt_time[x.id] = ++v->now;
  inputs_ok(v, op);
  if (!v->failed) payload_ok(v, op);
  uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
  if (n && (uint64_t)op->regions + n > v->ir->child_regions.n)
    FAIL(v, TC_RULE_handles, "regions lie outside the list of regions");
  for (uint32_t r = 0; r < n && !v->failed; r++)
    number_region(v, tc_child(v->ir, op, r), depth + 1);
  v->end_time[x.id] = v->now + 1;
}

static void number_region(tc_verifier *v, tc_region region, uint32_t depth) {
  if (!region.id || region.id >= v->ir->blocks.n) {
    FAIL(v, TC_RULE_handles, "region %u does not exist", region.id);
  } else if (v->region_seen[region.id]) {
    FAIL(v, TC_RULE_handles, "region %u lies in two places", region.id);
  } else if (depth > TC_MAX_NESTING) {
    FAIL(v, TC_RULE_nesting, "more than %d regions inside each other", (int)TC_MAX_NESTING);
  }
  if (v->failed) return;
  v->region_seen[region.id] = true;
  const tc_block *block = tc_block_at(v->ir, region);
  for (uint32_t i = 0; i < block->ops.n && !v->failed; i++)
    number_stmt(v, block->ops.at[i], depth);
}

/* ---- which values are needed, and whether they are well formed ---- */

typedef struct reach {
  tc_verifier *v;
  bool *bufs; /* by buffer id: mentioned */
  TC_VEC(tc_value) stack;
} reach;

static void reach_value(reach *r, tc_value x) {
  if (!value_ok(r->v, x) || r->v->live[x.id]) return;
  r->v->live[x.id] = true;
  tc_vec_push(r->v->ir->arena, &r->stack, x);
}

static void reach_buf(reach *r, tc_buf buf) {
  tc_verifier *v = r->v;
  if (!buf_ok(v, buf) || r->bufs[buf.id]) return;
  r->bufs[buf.id] = true;
  const tc_buffer *b = tc_buf_at(v->ir, buf);
  if (b->rank > TC_MAX_RANK || (b->rank && !b->shape)) {
    FAIL(v, TC_RULE_buffers, "%s has rank %u without a shape or over the limit",
         tc_name_of(v->ir, b->name), b->rank);
    return;
  }
  if (!b->root.id || b->root.id >= v->ir->bufs.n) {
    FAIL(v, TC_RULE_buffers, "%s has no root", tc_name_of(v->ir, b->name));
    return;
  }
  uint32_t n = tc_buf_n_exprs(b);
  for (uint32_t k = 0; k < n && !v->failed; k++)
    reach_value(r, tc_buf_expr(b, k));
  if (!v->failed) reach_buf(r, b->root);
}

/* Handles of one pure op; its operands are put on the stack. */
static void reach_pure(reach *r, tc_value x) {
  tc_verifier *v = r->v;
  const tc_op *op = tc_op_at(v->ir, x);
  if (op->opcode == TC_OP_none || op->opcode >= TC_OP_COUNT) {
    FAIL(v, TC_RULE_handles, "value %u is no op", x.id);
    return;
  }
  if (!tc_op_is_pure(op)) return;
  inputs_ok(v, op);
  if (op->opcode == TC_OP_const && op->payload >= v->ir->imms.n)
    FAIL(v, TC_RULE_handles, "a constant has no value");
  for (uint32_t k = 0; k < op->n_in && !v->failed; k++) {
    tc_value in = tc_input(v->ir, op, k);
    if (in.id >= x.id) FAIL(v, TC_RULE_handles, "value %u is older than its operand", x.id);
    reach_value(r, in);
  }
  if (op->opcode == TC_OP_slice && !v->failed) reach_buf(r, tc_slice_buf(v->ir, x));
}

static void reach_stmt(reach *r, tc_value x) {
  const tc_op *op = tc_op_at(r->v->ir, x);
  for (uint32_t k = 0; k < op->n_in && !r->v->failed; k++)
    reach_value(r, tc_input(r->v->ir, op, k));
  tc_buf b;
  for (uint32_t k = 0; !r->v->failed && (b = tc_stmt_buf(r->v->ir, op, k)).id; k++)
    reach_buf(r, b);
  while (r->stack.n && !r->v->failed)
    reach_pure(r, r->stack.at[--r->stack.n]);
}

static void check_pure(tc_verifier *v, tc_value x) {
  const tc_op *op = tc_op_at(v->ir, x);
  const tc_op_info *row = tc_op_row((enum tc_opcode)op->opcode);
  if (!strchr(row->states, STATE_LETTERS[v->state]))
    FAIL(v, TC_RULE_states, "%s does not exist in state %s", row->name, tc_state_name(v->state));
  for (uint32_t k = 0; k < op->n_in; k++)
    if (tc_is(v->ir, tc_input(v->ir, op, k), TC_OP_slice))
      FAIL(v, TC_RULE_slices, "%s has a slice as an operand", row->name);
  tc_pure pure = {(enum tc_opcode)op->opcode, op->n_in ? tc_inputs_of(v->ir, op) : NULL, op->n_in,
                  op->payload, op->type};
  tc_type type;
  const char *why = v->failed ? NULL : tc_typing_check(v->ir, &pure, &type);
  if (why) {
    FAIL(v, TC_RULE_operands, "%s", why);
  } else if (!v->failed && !tc_type_equal(type, op->type)) {
    FAIL(v, TC_RULE_operands, "%s has type %s, its operands say %s", row->name,
         tc_type_name(v->ir->arena, op->type), tc_type_name(v->ir->arena, type));
  }
}

static void check_buf(tc_verifier *v, uint32_t id) {
  const tc_buffer *b = v->ir->bufs.at[id];
  const char *name = tc_name_of(v->ir, b->name);
  enum tc_dtype_kind kind = b->elem.dtype < TC_DTYPE_COUNT ? tc_type_kind(b->elem) : TC_K_VOID;
  if (kind == TC_K_VOID || kind == TC_K_SLICE || !b->elem.lanes)
    FAIL(v, TC_RULE_buffers, "%s has no element type", name);
  if ((uint32_t)b->scope >= TC_SCOPE_COUNT) FAIL(v, TC_RULE_buffers, "%s has no scope", name);
  if (b->scope == TC_SCOPE_var && b->rank) FAIL(v, TC_RULE_buffers, "variable %s has a rank", name);
  if (tc_buf_at(v->ir, b->root)->root.id != b->root.id)
    FAIL(v, TC_RULE_buffers, "the root of %s is itself a view", name);
  uint32_t n = tc_buf_n_exprs(b);
  for (uint32_t k = 0; k < n && !v->failed; k++) {
    tc_type type = tc_value_type(v->ir, tc_buf_expr(b, k));
    if (!tc_is_index_type(type) && tc_type_kind(type) != TC_K_HANDLE)
      FAIL(v, TC_RULE_buffers, "%s has an extent, stride, offset or address of type %s", name,
           tc_type_name(v->ir->arena, type));
  }
}

static void check_params(tc_verifier *v, reach *r) {
  const tc_ir *ir = v->ir;
  for (uint32_t i = 0; i < ir->params.n && !v->failed; i++) {
    const tc_param *p = &ir->params.at[i];
    if (p->kind == TC_PARAM_SCALAR) {
      if (!p->var.id || p->var.id >= ir->vars.n || tc_var_at(ir, p->var)->kind != TC_VAR_SCALAR)
        FAIL(v, TC_RULE_binders, "parameter %u is no scalar variable", i);
    } else if (buf_ok(v, p->buf)) {
      if (!(tc_buf_at(ir, p->buf)->flags & TC_BUF_PARAM))
        FAIL(v, TC_RULE_buffers, "parameter %s is not marked as one",
             tc_name_of(ir, tc_buf_at(ir, p->buf)->name));
      reach_buf(r, p->buf);
      v->bufs[p->buf.id] = ALWAYS;
    }
  }
  for (uint32_t i = 0; i < ir->results.n && !v->failed; i++)
    reach_buf(r, ir->results.at[i]);
  while (r->stack.n && !v->failed)
    reach_pure(r, r->stack.at[--r->stack.n]);
}

static void reach_region(reach *r, tc_region region) {
  const tc_block *block = tc_block_at(r->v->ir, region);
  for (uint32_t i = 0; i < block->ops.n && !r->v->failed; i++) {
    tc_value x = block->ops.at[i];
    r->v->stmt = x;
    reach_stmt(r, x);
    const tc_op *op = tc_op_at(r->v->ir, x);
    uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
    for (uint32_t k = 0; k < n; k++)
      reach_region(r, tc_child(r->v->ir, op, k));
  }
}

/* ---- where things may be used ---- */

static tc_extent overlap(tc_extent a, tc_extent b) {
  return (tc_extent){a.from > b.from ? a.from : b.from, a.to < b.to ? a.to : b.to};
}

static bool covers(tc_extent e, uint32_t t) {
  return e.from < t && t < e.to;
}

static enum tc_var_kind wanted_kind(const tc_op *op, uint32_t k) {
  if (op->opcode == TC_OP_for) return TC_VAR_LOOP;
  if (op->opcode == TC_OP_parallel) return TC_VAR_PARALLEL;
  return op->opcode == TC_OP_kernel && k < 3 ? TC_VAR_BLOCK : TC_VAR_THREAD;
}

static void bind_vars(tc_verifier *v, tc_value x) {
  const tc_op *op = tc_op_at(v->ir, x);
  uint32_t n;
  tc_stmt_var(v->ir, op, 0, &n);
  for (uint32_t k = 0; k < n && !v->failed; k++) {
    tc_var var = tc_stmt_var(v->ir, op, k, &n);
    if (!var.id) continue;
    const tc_var_info *info = tc_var_at(v->ir, var);
    const char *name = tc_name_of(v->ir, info->name);
    tc_extent *e = &v->vars[var.id];
    if (info->kind != wanted_kind(op, k))
      FAIL(v, TC_RULE_binders, "variable %s is of another kind", name);
    /* Code per thread may count with the thread variable of its kernel. */
    bool shared =
        op->opcode != TC_OP_kernel && info->kind == TC_VAR_THREAD && covers(*e, v->stmt_time[x.id]);
    if (shared) continue;
    if (e->to) FAIL(v, TC_RULE_binders, "variable %s is bound twice", name);
    *e = (tc_extent){v->stmt_time[x.id], v->end_time[x.id]};
  }
}

static void allocate(tc_verifier *v, tc_buf buf, tc_extent e) {
  if (v->bufs[buf.id].to)
    FAIL(v, TC_RULE_storage, "buffer %s has storage already",
         tc_name_of(v->ir, tc_buf_at(v->ir, buf)->name));
  if (tc_buf_at(v->ir, buf)->root.id != buf.id)
    FAIL(v, TC_RULE_storage, "view %s is allocated",
         tc_name_of(v->ir, tc_buf_at(v->ir, buf)->name));
  v->bufs[buf.id] = e;
}

static void define_ring(tc_verifier *v, tc_value x, tc_extent e) {
  const tc_op *op = tc_op_at(v->ir, x);
  const tc_ring *ring = &v->ir->rings.at[op->payload];
  if (v->rings[op->payload].to) FAIL(v, TC_RULE_storage, "the ring is made twice");
  v->rings[op->payload] = e;
  for (uint32_t k = 0; k < ring->n_bufs; k++)
    if (!v->bufs[ring->bufs[k].id].to) v->bufs[ring->bufs[k].id] = e;
}

/* What the statements of a region define, `end` being the number after the region. */
static void define_region(tc_verifier *v, tc_region region, uint32_t end) {
  const tc_block *block = tc_block_at(v->ir, region);
  for (uint32_t i = 0; i < block->ops.n && !v->failed; i++) {
    tc_value x = block->ops.at[i];
    const tc_op *op = tc_op_at(v->ir, x);
    tc_extent e = {v->stmt_time[x.id], end};
    v->stmt = x;
    v->values[x.id] = e;
    bind_vars(v, x);
    if (op->opcode == TC_OP_alloc) allocate(v, (tc_buf){op->payload}, e);
    if (op->opcode == TC_OP_ring) define_ring(v, x, e);
    uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
    for (uint32_t k = 0; k < n && !v->failed; k++) {
      tc_region child = tc_child(v->ir, op, k), next = {0};
      if (k + 1 < n) next = tc_child(v->ir, op, k + 1);
      const tc_block *after = next.id ? tc_block_at(v->ir, next) : NULL;
      uint32_t child_end =
          after && after->ops.n ? v->stmt_time[after->ops.at[0].id] : v->end_time[x.id];
      define_region(v, child, child_end);
    }
  }
}

static void spread_extents(tc_verifier *v) {
  for (uint32_t id = 1; id < v->ir->n_ops; id++) {
    const tc_op *op = tc_op_at(v->ir, (tc_value){id});
    if (!v->live[id] || !tc_op_is_pure(op)) continue;
    tc_extent e = op->opcode == TC_OP_var ? v->vars[op->payload] : ALWAYS;
    if (op->opcode == TC_OP_var && !e.to) e = NEVER;
    for (uint32_t k = 0; k < op->n_in; k++)
      e = overlap(e, v->values[tc_input(v->ir, op, k).id]);
    v->values[id] = e;
    v->threads[id] = tc_verify_thread_of(v, op);
  }
}

/* Buffers that no statement allocates and that are no parameters: addresses, then views. */
static void spread_buf_extents(tc_verifier *v, const bool *mentioned) {
  const tc_ir *ir = v->ir;
  for (int views = 0; views < 2; views++)
    for (uint32_t id = 1; id < ir->bufs.n; id++) {
      const tc_buffer *b = ir->bufs.at[id];
      bool is_view = mentioned[id] && b->root.id != id;
      if (!mentioned[id] || v->bufs[id].to || is_view != views) continue;
      tc_extent e = is_view ? v->bufs[b->root.id] : b->address.id ? ALWAYS : NEVER;
      uint32_t n = tc_buf_n_exprs(b);
      for (uint32_t k = 0; k < n; k++)
        e = overlap(e, v->values[tc_buf_expr(b, k).id]);
      v->bufs[id] = e;
    }
}

/* ---- statements in their surroundings ---- */

typedef struct context {
  bool in_loop, in_kernel, in_parallel, in_function; /* directly in the function's region */
  bool in_condition;
  tc_thread_scope threads;
} context;

static void check_use(tc_verifier *v, tc_value x) {
  if (covers(v->values[x.id], v->now)) return;
  const tc_op *op = tc_op_at(v->ir, x);
  if (op->opcode == TC_OP_var) {
    FAIL(v, TC_RULE_scopes, "variable %s is used outside its binder",
         tc_name_of(v->ir, tc_var_at(v->ir, (tc_var){op->payload})->name));
  } else {
    FAIL(v, TC_RULE_scopes,
         "an operand (%s) is used where it, or something it is made of, is not "
         "defined",
         tc_op_row((enum tc_opcode)op->opcode)->name);
  }
}

static void check_buf_use(tc_verifier *v, tc_buf buf) {
  if (!covers(v->bufs[buf.id], v->now))
    FAIL(v, TC_RULE_storage, "buffer %s has no storage here",
         tc_name_of(v->ir, tc_buf_at(v->ir, buf)->name));
}

static void check_uses(tc_verifier *v, tc_value x) {
  const tc_op *op = tc_op_at(v->ir, x);
  v->now = v->stmt_time[x.id];
  for (uint32_t k = 0; k < op->n_in; k++) {
    tc_value in = tc_input(v->ir, op, k);
    check_use(v, in);
    if (tc_is(v->ir, in, TC_OP_slice)) check_buf_use(v, tc_slice_buf(v->ir, in));
  }
  tc_buf b;
  if (op->opcode == TC_OP_alloc) {
    const tc_buffer *made = tc_buf_at(v->ir, (tc_buf){op->payload});
    uint32_t n = tc_buf_n_exprs(made);
    for (uint32_t k = 0; k < n; k++)
      check_use(v, tc_buf_expr(made, k));
  } else if (op->opcode != TC_OP_ring) {
    for (uint32_t k = 0; (b = tc_stmt_buf(v->ir, op, k)).id; k++)
      check_buf_use(v, b);
  }
  if (tc_op_row((enum tc_opcode)op->opcode)->payload == TC_PL_RINGREF
      && !covers(v->rings[v->ir->ringrefs.at[op->payload].ring], v->now))
    FAIL(v, TC_RULE_storage, "the ring does not exist here");
}

static void check_place(tc_verifier *v, const tc_op *op, context cx, bool last) {
  const tc_op_info *row = tc_op_row((enum tc_opcode)op->opcode);
  if (!strchr(row->states, STATE_LETTERS[v->state]))
    FAIL(v, TC_RULE_states, "the op does not exist in state %s", tc_state_name(v->state));
  if ((op->opcode == TC_OP_break || op->opcode == TC_OP_continue) && !cx.in_loop)
    FAIL(v, TC_RULE_jumps, "there is no loop to leave here");
  if (op->opcode == TC_OP_yield && !(cx.in_condition && last))
    FAIL(v, TC_RULE_yields, "yield is not the end of a condition");
  if (op->opcode != TC_OP_yield && cx.in_condition && last)
    FAIL(v, TC_RULE_yields, "the condition of a while does not end in yield");
  if (op->opcode == TC_OP_kernel && !cx.in_function)
    FAIL(v, TC_RULE_kernels, "the kernel lies inside another statement");
  if (op->opcode == TC_OP_parallel && cx.in_parallel && v->state != TC_STATE_surface)
    FAIL(v, TC_RULE_parallels, "the loop lies in another parallel loop");
}

static context inside(const tc_verifier *v, const tc_op *op, context cx, uint32_t k) {
  cx.in_function = false;
  cx.in_condition = op->opcode == TC_OP_while && k == 0;
  if (op->opcode == TC_OP_for || op->opcode == TC_OP_while) cx.in_loop = !cx.in_condition;
  if (op->opcode == TC_OP_parallel || op->opcode == TC_OP_kernel || op->opcode == TC_OP_perthread)
    cx.in_loop = false;
  if (op->opcode == TC_OP_parallel) cx.in_parallel = true;
  cx.threads = tc_thread_scope_inside(v, op, cx.threads);
  return cx;
}

static void check_region(tc_verifier *v, tc_region region, context cx) {
  const tc_block *block = tc_block_at(v->ir, region);
  if (cx.in_condition && !block->ops.n)
    FAIL(v, TC_RULE_yields, "the condition of a while is empty");
  for (uint32_t i = 0; i < block->ops.n && !v->failed; i++) {
    v->stmt = block->ops.at[i];
    tc_value x = v->stmt;
    const tc_op *op = tc_op_at(v->ir, x);
    check_place(v, op, cx, i + 1 == block->ops.n);
    if (!v->failed) tc_verify_stmt(v, op);
    if (!v->failed) check_uses(v, x);
    if (!v->failed) tc_verify_threads(v, op, &cx.threads);
    uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
    for (uint32_t k = 0; k < n && !v->failed; k++) {
      v->stmt = x;
      check_region(v, tc_child(v->ir, op, k), inside(v, op, cx, k));
    }
  }
}

static void check_function(tc_verifier *v) {
  const tc_ir *ir = v->ir;
  check_region(v, ir->body, (context){.in_function = true, .threads = tc_thread_scope_none()});
  const tc_block *body = tc_block_at(ir, ir->body);
  for (uint32_t i = 0; i < body->ops.n && !v->failed; i++)
    if (tc_is(ir, body->ops.at[i], TC_OP_kernel)) tc_verify_kernel(v, body->ops.at[i]);
  if (v->failed) return;
  v->stmt = (tc_value){0};
  v->now = TC_FOREVER - 1;
  for (uint32_t i = 0; i < ir->results.n; i++)
    check_buf_use(v, ir->results.at[i]);
  for (uint32_t i = 0; i < ir->params.n; i++) {
    if (ir->params.at[i].kind != TC_PARAM_BUFFER) continue;
    const tc_buffer *b = tc_buf_at(ir, ir->params.at[i].buf);
    uint32_t n = tc_buf_n_exprs(b);
    for (uint32_t k = 0; k < n; k++) {
      v->now = 1;
      check_use(v, tc_buf_expr(b, k));
    }
  }
}

/* ---- the whole ---- */

/* The first statement that needs value x, so that a problem of a value has a place. */
static tc_value user_of(tc_verifier *v, tc_value x) {
  tc_ir *ir = v->ir;
  bool *needs = TC_NEW_ARRAY(ir->arena, ir->n_ops, bool);
  uint32_t best = TC_FOREVER;
  tc_value found = {0};
  needs[x.id] = true;
  for (uint32_t id = 1; id < ir->n_ops; id++) {
    const tc_op *op = tc_op_at(ir, (tc_value){id});
    bool pure = v->live[id] && tc_op_is_pure(op);
    if (!pure && !v->stmt_time[id]) continue;
    bool uses = false;
    for (uint32_t k = 0; k < op->n_in; k++)
      uses = uses || needs[tc_input(ir, op, k).id];
    if (pure && uses) needs[id] = true;
  }
  for (uint32_t id = 1; id < ir->n_ops; id++) {
    const tc_op *op = tc_op_at(ir, (tc_value){id});
    for (uint32_t k = 0; v->stmt_time[id] && k < op->n_in; k++)
      if (needs[tc_input(ir, op, k).id] && v->stmt_time[id] < best)
        best = v->stmt_time[id], found = (tc_value){id};
  }
  return found;
}

static void check_values(tc_verifier *v) {
  v->stmt = (tc_value){0};
  for (uint32_t id = 1; id < v->ir->n_ops && !v->failed; id++) {
    if (!v->live[id] || !tc_op_is_pure(tc_op_at(v->ir, (tc_value){id}))) continue;
    check_pure(v, (tc_value){id});
    if (!v->failed) continue;
    v->problem.stmt = user_of(v, (tc_value){id});
    if (v->problem.stmt.id) v->problem.span = tc_op_at(v->ir, v->problem.stmt)->span;
  }
}

static void start(tc_verifier *v) {
  tc_ir *ir = v->ir;
  v->region_seen = TC_NEW_ARRAY(ir->arena, ir->blocks.n, bool);
  v->live = TC_NEW_ARRAY(ir->arena, ir->n_ops, bool);
  v->values = TC_NEW_ARRAY(ir->arena, ir->n_ops, tc_extent);
  v->vars = TC_NEW_ARRAY(ir->arena, ir->vars.n, tc_extent);
  v->bufs = TC_NEW_ARRAY(ir->arena, ir->bufs.n, tc_extent);
  v->rings = TC_NEW_ARRAY(ir->arena, ir->rings.n, tc_extent);
  v->threads = TC_NEW_ARRAY(ir->arena, ir->n_ops, uint32_t);
  v->stmt_time = TC_NEW_ARRAY(ir->arena, ir->n_ops, uint32_t);
  v->end_time = TC_NEW_ARRAY(ir->arena, ir->n_ops, uint32_t);
  for (uint32_t i = 1; i < ir->vars.n; i++)
    if (ir->vars.at[i].kind == TC_VAR_DIM || ir->vars.at[i].kind == TC_VAR_SCALAR)
      v->vars[i] = ALWAYS;
}

bool tc_verify_find(tc_ir *ir, enum tc_state state, tc_problem *problem) {
  tc_verifier v = {.ir = ir, .state = state};
  tc_arena_mark before = tc_arena_here(ir->arena);
  start(&v);
  reach r = {.v = &v, .bufs = TC_NEW_ARRAY(ir->arena, ir->bufs.n, bool)};
  number_region(&v, ir->body, 0);
  if (!v.failed) reach_region(&r, ir->body);
  v.stmt = (tc_value){0};
  if (!v.failed) check_params(&v, &r);
  if (!v.failed) check_values(&v);
  for (uint32_t i = 1; i < ir->bufs.n && !v.failed; i++)
    if (r.bufs[i]) check_buf(&v, i);
  if (!v.failed) define_region(&v, ir->body, TC_FOREVER);
  v.stmt = (tc_value){0};
  if (!v.failed) spread_extents(&v);
  if (!v.failed) spread_buf_extents(&v, r.bufs);
  if (!v.failed) check_function(&v);
  if (v.failed) {
    *problem = v.problem;
  } else {
    tc_arena_rewind(ir->arena, before);
  }
  return !v.failed;
}

const char *tc_verify(tc_ir *ir, enum tc_state state) {
  tc_problem problem;
  return tc_verify_find(ir, state, &problem) ? NULL : problem.text;
}

bool tc_verify_report(tc_ir *ir) {
  tc_problem problem;
  if (tc_verify_find(ir, ir->state, &problem)) return true;
  TC_DIAG(ir->diags, D_tir_invalid, problem.span, tc_state_name(ir->state), problem.text);
  return false;
}
