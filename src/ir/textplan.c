#include "ir/textplan.h"

#include "ir/form.h"
#include "ir/scalar.h"

#include <math.h>
#include <stdlib.h>

/* Larger expressions get a name, which also bounds the depth of what is written in place. */
enum { MAX_INLINE = 30 };

typedef struct node { /* a value */
  tc_spot spot;
  uint64_t hash;
  uint32_t uses;
  uint32_t
      order; /* statements: number in walk order; pure values: number of the first visit, from 1 */
  uint32_t weight; /* ops below it, counted as a tree and saturating */
  uint32_t size;   /* ops written in place */
  bool live;
} node;

typedef struct buffer_node {
  tc_spot spot, alloc;
  uint32_t order; /* of first mention, from 1; 0: never mentioned */
  uint32_t n_allocs;
} buffer_node;

typedef struct frame { /* a value being visited, and its next operand */
  uint32_t id, next;
} frame;

typedef struct planner {
  tc_ir *ir;
  tc_arena *scratch;
  tc_hook *hooks;    /* by region id */
  node *nodes;       /* by value id */
  buffer_node *bufs; /* by buffer id */
  uint32_t *vars;    /* by variable id: number of its binder, from 1 */
  uint32_t n_bufs, n_vars, n_stmts, n_visits;
  TC_VEC(frame) stack;    /* of visit */
  TC_VEC(tc_value) stmts; /* in walk order */
  TC_VEC(tc_spot) spots;  /* theirs */
  tc_textplan out;
} planner;

static const tc_spot NOWHERE = {0, TC_NOWHERE};
static const tc_spot HEADER = {0, 0};

/* ---- spots ---- */

/* The innermost spot from which both are reached. */
static tc_spot meet(const planner *p, tc_spot a, tc_spot b) {
  if (a.before == TC_NOWHERE) return b;
  if (b.before == TC_NOWHERE) return a;
  return tc_spot_meet(p->hooks, a, b);
}

static bool is_leaf(const tc_op *op) {
  return !tc_op_is_pure(op) || op->opcode == TC_OP_const || op->opcode == TC_OP_var;
}

static bool is_commutative(const tc_op *op) {
  switch (op->opcode) {
  case TC_OP_add:
  case TC_OP_mul:
  case TC_OP_and:
  case TC_OP_or:
  case TC_OP_xor:
  case TC_OP_eq:
  case TC_OP_ne:
    return true;
  default:
    return false;
  }
}

/* ---- the walk: statements, buffers and variables in order ---- */

static void mention_buf(planner *p, tc_buf buf, tc_spot at) {
  if (!buf.id || buf.id >= p->ir->bufs.n) return;
  tc_buf root = tc_buf_at(p->ir, buf)->root;
  buffer_node *b = &p->bufs[buf.id];
  if (!b->order) {
    if (root.id != buf.id && root.id < p->ir->bufs.n && !p->bufs[root.id].order)
      p->bufs[root.id].order = ++p->n_bufs;
    b->order = ++p->n_bufs;
  }
  b->spot = meet(p, b->spot, at);
}

static void mention_slices(planner *p, const tc_op *op, tc_spot at) {
  for (uint32_t k = 0; k < op->n_in; k++) {
    tc_value v = tc_input(p->ir, op, k);
    if (tc_is(p->ir, v, TC_OP_slice)) mention_buf(p, tc_slice_buf(p->ir, v), at);
  }
}

static void number_var(planner *p, tc_var var) {
  if (var.id && var.id < p->ir->vars.n && !p->vars[var.id]) p->vars[var.id] = ++p->n_vars;
}

static void walk_stmt(planner *p, tc_value v, tc_spot at) {
  const tc_op *op = tc_op_at(p->ir, v);
  p->nodes[v.id].order = ++p->n_stmts;
  tc_vec_push(p->scratch, &p->stmts, v);
  tc_vec_push(p->scratch, &p->spots, at);
  mention_slices(p, op, at);
  tc_buf buf;
  for (uint32_t k = 0; (buf = tc_stmt_buf(p->ir, op, k)).id; k++)
    mention_buf(p, buf, at);
  if (op->opcode == TC_OP_alloc && op->payload < p->ir->bufs.n) {
    buffer_node *b = &p->bufs[op->payload];
    b->n_allocs++;
    b->alloc = at;
  }
  uint32_t n_vars;
  tc_stmt_var(p->ir, op, 0, &n_vars);
  for (uint32_t k = 0; k < n_vars; k++)
    number_var(p, tc_stmt_var(p->ir, op, k, &n_vars));
}

static void walk_region(planner *p, tc_region region, tc_hook from) {
  if (p->hooks[region.id].seen) return; /* not a tree: broken, but printable */
  p->hooks[region.id] = from;
  const tc_block *block = tc_block_at(p->ir, region);
  for (uint32_t i = 0; i < block->ops.n; i++) {
    tc_value v = block->ops.at[i];
    walk_stmt(p, v, (tc_spot){region.id, i});
    const tc_op *op = tc_op_at(p->ir, v);
    uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
    for (uint32_t r = 0; r < n; r++)
      walk_region(p, tc_child(p->ir, op, r), (tc_hook){region.id, i, from.depth + 1, true});
  }
}

static void walk(planner *p) {
  tc_ir *ir = p->ir;
  for (uint32_t i = 1; i < ir->vars.n; i++)
    if (ir->vars.at[i].kind == TC_VAR_DIM || ir->vars.at[i].kind == TC_VAR_SCALAR)
      number_var(p, (tc_var){i});
  for (uint32_t i = 0; i < ir->params.n; i++)
    if (ir->params.at[i].kind == TC_PARAM_BUFFER) mention_buf(p, ir->params.at[i].buf, HEADER);
  p->hooks[0] = (tc_hook){0, 0, 0, true};
  walk_region(p, ir->body, (tc_hook){0, 1, 1, true});
  tc_spot end = {ir->body.id, tc_block_at(ir, ir->body)->ops.n};
  for (uint32_t i = 0; i < ir->results.n; i++)
    mention_buf(p, ir->results.at[i], end);
}

/* ---- buffers: how each is declared ---- */

static void decide_bufs(planner *p) {
  tc_ir *ir = p->ir;
  /* A view is declared after its root, so where it stands the root must stand too. */
  for (uint32_t i = 1; i < ir->bufs.n; i++) {
    uint32_t root = ir->bufs.at[i]->root.id;
    if (p->bufs[i].order && root != i && root < ir->bufs.n)
      p->bufs[root].spot = meet(p, p->bufs[root].spot, p->bufs[i].spot);
  }
  for (uint32_t i = 1; i < ir->bufs.n; i++) {
    const buffer_node *b = &p->bufs[i];
    bool first = b->alloc.region == b->spot.region && b->alloc.before == b->spot.before;
    p->out.declared[i] = b->n_allocs == 1 && first ? TC_DECLARED_ALLOC : TC_DECLARED_LINE;
  }
  for (uint32_t i = 0; i < ir->params.n; i++) {
    tc_buf buf = ir->params.at[i].buf;
    if (ir->params.at[i].kind == TC_PARAM_BUFFER) p->out.declared[buf.id] = TC_DECLARED_PARAM;
  }
}

/* ---- values: liveness, canonical order, uses, spots ---- */

/* Calls `use` for every operand that some text needs: statement operands and declarations. */
typedef void use_fn(planner *p, tc_value v, tc_spot at);

static void use_buf(planner *p, uint32_t id, tc_spot at, use_fn *use) {
  const tc_buffer *b = p->ir->bufs.at[id];
  uint32_t n = tc_buf_n_exprs(b);
  for (uint32_t k = 0; k < n; k++)
    use(p, tc_buf_expr(b, k), at);
}

static void use_lines(planner *p, tc_spot at, use_fn *use) {
  uint32_t first, n = tc_textplan_at(p->out.bufs, p->out.n_bufs, at, &first);
  for (uint32_t i = 0; i < n; i++)
    use_buf(p, p->out.bufs[first + i].id, at, use);
}

static void each_use(planner *p, use_fn *use) {
  tc_ir *ir = p->ir;
  for (uint32_t i = 0; i < ir->params.n; i++)
    if (ir->params.at[i].kind == TC_PARAM_BUFFER) use_buf(p, ir->params.at[i].buf.id, HEADER, use);
  use_lines(p, HEADER, use);
  for (uint32_t i = 0; i < p->stmts.n; i++) {
    tc_spot at = p->spots.at[i];
    use_lines(p, at, use);
    const tc_op *op = tc_op_at(ir, p->stmts.at[i]);
    for (uint32_t k = 0; k < op->n_in; k++)
      use(p, tc_input(ir, op, k), at);
    if (op->opcode == TC_OP_alloc && op->payload < ir->bufs.n
        && p->out.declared[op->payload] == TC_DECLARED_ALLOC)
      use_buf(p, op->payload, at, use);
  }
  use_lines(p, (tc_spot){ir->body.id, tc_block_at(ir, ir->body)->ops.n}, use);
}

static void mark_live(planner *p, tc_value v, tc_spot at) {
  (void)at;
  if (v.id) p->nodes[v.id].live = true;
}

/* Operands have smaller handles than their users. */
static void spread_live(planner *p) {
  for (uint32_t id = p->ir->n_ops; id-- > 1;) {
    const tc_op *op = tc_op_at(p->ir, (tc_value){id});
    if (!p->nodes[id].live || !tc_op_is_pure(op)) continue;
    for (uint32_t k = 0; k < op->n_in; k++)
      p->nodes[tc_input(p->ir, op, k).id].live = true;
  }
}

static uint64_t payload_key(const planner *p, const tc_op *op, uint32_t id) {
  switch (tc_op_row((enum tc_opcode)op->opcode)->payload) {
  case TC_PL_IMM:
    if (tc_is_float(op->type) && isnan(p->ir->imms.at[op->payload].f)) return 1; /* all alike */
    return tc_imm_to_bits((tc_type){op->type.dtype, 0, 1}, p->ir->imms.at[op->payload]);
  case TC_PL_VAR:
    return p->vars[op->payload];
  default:
    return tc_op_is_pure(op) ? op->payload : p->nodes[id].order;
  }
}

/* A total order of values by their structure: constants last, large before small, then by op, type
 * and payload, then by what lies below, a few levels literally and the rest by hash. */
static int compare(const planner *p, uint32_t a, uint32_t b) {
  for (int level = 0; a != b && level < 8; level++) {
    const tc_op *x = tc_op_at(p->ir, (tc_value){a}), *y = tc_op_at(p->ir, (tc_value){b});
    const node *m = &p->nodes[a], *n = &p->nodes[b];
    bool x_const = x->opcode == TC_OP_const, y_const = y->opcode == TC_OP_const;
    if (x_const != y_const) return x_const ? 1 : -1;
    if (m->weight != n->weight) return m->weight > n->weight ? -1 : 1;
    if (x->opcode != y->opcode) return x->opcode < y->opcode ? -1 : 1;
    if (!tc_type_equal(x->type, y->type))
      return x->type.dtype * 65536u + x->type.lanes < y->type.dtype * 65536u + y->type.lanes ? -1
                                                                                             : 1;
    uint64_t i = payload_key(p, x, a), j = payload_key(p, y, b);
    if (i != j) return i < j ? -1 : 1;
    if (x->n_in != y->n_in) return x->n_in < y->n_in ? -1 : 1;
    uint32_t k = 0, na = a, nb = b;
    for (; k < x->n_in && na == a; k++) {
      uint32_t u = tc_input(p->ir, x, p->out.swapped[a] ? 1 - k : k).id;
      uint32_t w = tc_input(p->ir, y, p->out.swapped[b] ? 1 - k : k).id;
      if (u != w) na = u, nb = w;
    }
    if (na == a) break;
    a = na, b = nb;
  }
  uint64_t i = p->nodes[a].hash, j = p->nodes[b].hash;
  return i < j ? -1 : i > j;
}

/* Bottom up: weights, hashes and the order of commutative operands. */
static void order_operands(planner *p) {
  for (uint32_t id = 1; id < p->ir->n_ops; id++) {
    const tc_op *op = tc_op_at(p->ir, (tc_value){id});
    node *n = &p->nodes[id];
    if (!n->live) continue;
    bool pure = tc_op_is_pure(op);
    if (pure && op->n_in == 2 && is_commutative(op))
      p->out.swapped[id] = compare(p, tc_input(p->ir, op, 0).id, tc_input(p->ir, op, 1).id) > 0;
    uint64_t weight = 1, kind = (uint64_t)op->opcode << 32 | (uint64_t)op->type.dtype << 16;
    uint64_t hash = tc_hash_u64(tc_hash_u64(kind | op->type.lanes) ^ payload_key(p, op, id));
    for (uint32_t k = 0; pure && k < op->n_in; k++) {
      const node *in = &p->nodes[tc_input(p->ir, op, p->out.swapped[id] ? 1 - k : k).id];
      weight += in->weight;
      hash = tc_hash_u64(hash * 3 + in->hash);
    }
    n->weight = weight > UINT32_MAX ? UINT32_MAX : (uint32_t)weight;
    n->hash = hash;
  }
}

/* Slices are written again at each use, so what they need is needed once per use. */
static void need(planner *p, tc_value v, tc_spot at) {
  if (!v.id) return;
  const tc_op *op = tc_op_at(p->ir, v);
  if (is_leaf(op)) return;
  if (op->opcode == TC_OP_slice) {
    for (uint32_t k = 0; k < op->n_in; k++) {
      tc_value in = tc_input(p->ir, op, k);
      if (!tc_is(p->ir, in, TC_OP_slice)) need(p, in, at);
    }
    return;
  }
  p->nodes[v.id].uses++;
  p->nodes[v.id].spot = meet(p, p->nodes[v.id].spot, at);
}

static void spread_needs(planner *p) {
  for (uint32_t id = p->ir->n_ops; id-- > 1;) {
    const tc_op *op = tc_op_at(p->ir, (tc_value){id});
    if (!p->nodes[id].uses || !tc_op_is_pure(op)) continue;
    for (uint32_t k = 0; k < op->n_in; k++)
      need(p, tc_input(p->ir, op, k), p->nodes[id].spot);
  }
}

static void decide_names(planner *p) {
  for (uint32_t id = 1; id < p->ir->n_ops; id++) {
    const tc_op *op = tc_op_at(p->ir, (tc_value){id});
    node *n = &p->nodes[id];
    n->size = 1;
    if (!n->uses) continue;
    for (uint32_t k = 0; k < op->n_in; k++) {
      uint32_t in = tc_input(p->ir, op, k).id;
      n->size += p->out.named[in] ? 1 : p->nodes[in].size;
    }
    p->out.named[id] = n->uses > 1 || n->size > MAX_INLINE;
  }
}

/* Numbers values depth first, operands before users, with a stack of its own: chains are long. */
static void visit(planner *p, tc_value v, tc_spot at) {
  (void)at;
  if (!v.id) return;
  tc_vec_push(p->scratch, &p->stack, ((frame){v.id, 0}));
  while (p->stack.n) {
    frame *top = &p->stack.at[p->stack.n - 1];
    const tc_op *op = tc_op_at(p->ir, (tc_value){top->id});
    node *n = &p->nodes[top->id];
    bool done = is_leaf(op) || (n->order && op->opcode != TC_OP_slice);
    if (done || top->next == op->n_in) {
      if (!done) n->order = ++p->n_visits;
      p->stack.n--;
      continue;
    }
    uint32_t k = top->next++;
    uint32_t in = tc_input(p->ir, op, p->out.swapped[top->id] ? 1 - k : k).id;
    if (in < top->id) tc_vec_push(p->scratch, &p->stack, ((frame){in, 0}));
  }
}

/* ---- lists ---- */

static int by_spot(const void *a, const void *b) {
  const tc_spot_item *x = a, *y = b;
  if (x->spot.region != y->spot.region) return x->spot.region < y->spot.region ? -1 : 1;
  if (x->spot.before != y->spot.before) return x->spot.before < y->spot.before ? -1 : 1;
  return x->order < y->order ? -1 : x->order > y->order;
}

static void list_bufs(planner *p) {
  tc_spot_item *items = TC_NEW_ARRAY(p->scratch, p->ir->bufs.n, tc_spot_item);
  uint32_t n = 0;
  for (uint32_t i = 1; i < p->ir->bufs.n; i++)
    if (p->bufs[i].order && p->out.declared[i] == TC_DECLARED_LINE)
      items[n++] = (tc_spot_item){p->bufs[i].spot, p->bufs[i].order, i};
  qsort(items, n, sizeof *items, by_spot);
  p->out.bufs = items;
  p->out.n_bufs = n;
}

static void list_values(planner *p) {
  uint32_t n = 0;
  for (uint32_t id = 1; id < p->ir->n_ops; id++)
    n += p->out.named[id];
  tc_spot_item *items = TC_NEW_ARRAY(p->scratch, n, tc_spot_item);
  n = 0;
  for (uint32_t id = 1; id < p->ir->n_ops; id++)
    if (p->out.named[id]) items[n++] = (tc_spot_item){p->nodes[id].spot, p->nodes[id].order, id};
  if (n) qsort(items, n, sizeof *items, by_spot);
  p->out.values = items;
  p->out.n_values = n;
}

tc_textplan tc_textplan_make(tc_ir *ir, tc_arena *scratch) {
  planner p = {.ir = ir, .scratch = scratch};
  p.hooks = TC_NEW_ARRAY(scratch, ir->blocks.n, tc_hook);
  p.nodes = TC_NEW_ARRAY(scratch, ir->n_ops, node);
  p.bufs = TC_NEW_ARRAY(scratch, ir->bufs.n, buffer_node);
  p.vars = TC_NEW_ARRAY(scratch, ir->vars.n, uint32_t);
  p.out.named = TC_NEW_ARRAY(scratch, ir->n_ops, bool);
  p.out.swapped = TC_NEW_ARRAY(scratch, ir->n_ops, bool);
  p.out.declared = TC_NEW_ARRAY(scratch, ir->bufs.n, enum tc_declared);
  for (uint32_t i = 0; i < ir->n_ops; i++)
    p.nodes[i].spot = NOWHERE;
  for (uint32_t i = 0; i < ir->bufs.n; i++)
    p.bufs[i].spot = p.bufs[i].alloc = NOWHERE;
  walk(&p);
  decide_bufs(&p);
  list_bufs(&p);
  each_use(&p, mark_live);
  spread_live(&p);
  order_operands(&p);
  each_use(&p, need);
  spread_needs(&p);
  decide_names(&p);
  each_use(&p, visit);
  list_values(&p);
  return p.out;
}

uint32_t tc_textplan_at(const tc_spot_item *items, uint32_t n_items, tc_spot spot,
                        uint32_t *first) {
  tc_spot_item key = {spot, 0, 0};
  uint32_t lo = 0, hi = n_items;
  while (lo < hi) {
    uint32_t mid = lo + (hi - lo) / 2;
    if (by_spot(&items[mid], &key) < 0) {
      lo = mid + 1;
    } else {
      hi = mid;
    }
  }
  *first = lo;
  uint32_t n = 0;
  while (lo + n < n_items && items[lo + n].spot.region == spot.region
         && items[lo + n].spot.before == spot.before)
    n++;
  return n;
}
