/* Barriers under conditions that differ between threads.
 *
 * A barrier is for all threads of a group, so none can stand where only some of them come by. When
 * two statements under such a condition hand something from thread to thread, the condition is
 * taken apart around the place, and asked twice; a loop of equal turns for all comes out of it
 * first:
 *
 *   if c { s[tx] = x; y = s[tx ^ 1] }   ->   if c { s[tx] = x }  |barrier|  if c { y = s[tx ^ 1] }
 *   if c { for k { A; B } }             ->   for k { if c { A; B } }
 *
 * Loops that threads leave at different times have no such place: they are refused. Whether two
 * threads can meet in one element at all is the prover's to say. */
#include "pass/threads.h"

#include "ir/build.h"
#include "ir/form.h"
#include "ir/walk.h"
#include "pass/deps.h"
#include "pass/guard.h"

/* ---- can two threads meet? ---- */

/* One of the two sides of the question: another thread, perhaps in another turn of loops that
 * are inside `around`. */
typedef struct other {
  tc_threads *t;
  tc_ir *ir;
  tc_map inside; /* ids of the statements below `around`, and of the variables they bind */
  tc_map map;    /* value of this thread -> of the other one */
} other;

static uint64_t var_key(tc_var var) {
  return (uint64_t)1 << 32 | var.id;
}

static bool note_inside(tc_ir *ir, tc_value stmt, void *data) {
  other *o = data;
  uint32_t n;
  const tc_op *op = tc_op_at(ir, stmt);
  tc_map_put(&o->inside, stmt.id, 1);
  tc_stmt_var(ir, op, 0, &n);
  for (uint32_t k = 0; k < n; k++)
    tc_map_put(&o->inside, var_key(tc_stmt_var(ir, op, k, &n)), 1);
  return true;
}

/* Leaves that may be something else for the other thread get a name of their own. */
static tc_value of_other(other *o, tc_value v) {
  tc_deps deps = {0};
  uint32_t known;
  tc_deps_add(o->ir, o->t->arena, v, &deps);
  for (uint32_t i = 0; i < deps.vars.n + deps.stmts.n; i++) {
    bool is_var = i < deps.vars.n;
    tc_value leaf = is_var ? tc_var_value(o->ir, deps.vars.at[i]) : deps.stmts.at[i - deps.vars.n];
    uint64_t key = is_var ? var_key(deps.vars.at[i]) : leaf.id;
    bool differs = tc_map_get(&o->inside, key, &known) || tc_threads_varies(o->t, leaf);
    if (!differs || tc_map_get(&o->map, leaf.id, &known)) continue;
    tc_type type = tc_value_type(o->ir, leaf);
    tc_var name = tc_var_new(o->ir, "other", TC_VAR_LOOP, type, (tc_span){0});
    tc_map_put(&o->map, leaf.id, tc_var_value(o->ir, name).id);
  }
  return tc_substitute(o->ir, v, &o->map);
}

static tc_value either(tc_ir *ir, tc_value a, tc_value b) {
  return a.id ? tc_binary(ir, TC_OP_or, a, b) : b;
}

static tc_value differ(tc_ir *ir, tc_value a, tc_value b) {
  tc_type wide = tc_scalar_type(TC_DT_int64);
  if (!tc_type_equal(tc_value_type(ir, a), tc_value_type(ir, b)))
    a = tc_cast(ir, a, wide), b = tc_cast(ir, b, wide);
  return tc_binary(ir, TC_OP_ne, a, b);
}

/* Is the other thread this one? 0: nobody can tell, as threads that differ in an index nobody asks
 * for look alike. */
static tc_value same_thread(other *o) {
  const tc_kernel *k = tc_kernel_of(o->ir, o->t->kernel);
  tc_value same = {0};
  bool all = true;
  for (uint32_t d = 0; d < 3; d++) {
    tc_value x = k->thread[d].id ? tc_var_value(o->ir, k->thread[d]) : (tc_value){0};
    tc_value y = x.id ? of_other(o, x) : x;
    if (x.id == y.id) {
      all = all && k->threads[d] == 1;
      continue;
    }
    tc_value lo = tc_i32(o->ir, 0), hi = tc_i32(o->ir, k->threads[d]);
    tc_prove_bind(o->t->prover, k->thread[d], lo, hi);
    tc_prove_bind(o->t->prover, (tc_var){tc_op_at(o->ir, y)->payload}, lo, hi);
    same = tc_and(o->ir, same, tc_binary(o->ir, TC_OP_eq, x, y));
  }
  return all ? same : (tc_value){0};
}

static void assume(other *o, tc_value cond, bool holds, bool is_other) {
  if (!cond.id || tc_value_type(o->ir, cond).lanes != 1) return;
  if (!holds) cond = tc_unary(o->ir, TC_OP_not, cond);
  tc_prove_assume(o->t->prover, is_other ? of_other(o, cond) : cond);
}

/* What holds where control comes to `stmt`, below region `at`. True when it is there. */
static bool assume_way(other *o, tc_region at, tc_value stmt, bool is_other) {
  const tc_block *block = tc_block_at(o->ir, at);
  for (uint32_t i = 0; i < block->ops.n; i++) {
    tc_value x = block->ops.at[i];
    if (x.id == stmt.id) return true;
    uint32_t n = tc_op_row((enum tc_opcode)tc_op_at(o->ir, x)->opcode)->n_regions;
    for (uint32_t r = 0; r < n; r++) {
      const tc_op *op = tc_op_at(o->ir, x);
      if (!assume_way(o, tc_child(o->ir, op, r), stmt, is_other)) continue;
      if (op->opcode == TC_OP_if) assume(o, tc_input(o->ir, op, 0), r == 0, is_other);
      return true;
    }
  }
  return false;
}

bool tc_threads_apart(tc_threads *t, tc_value around, tc_value a, tc_value b) {
  tc_ir *ir = t->ir;
  tc_buf buf = tc_access_buf(ir, a);
  other o = {.t = t, .ir = ir, .inside = tc_map_in(t->arena), .map = tc_map_in(t->arena)};
  tc_value fact = {0};
  if (tc_access_buf(ir, b).id != buf.id) return false;
  tc_region body = tc_child(ir, tc_op_at(ir, t->kernel), 0);
  for (uint32_t r = 0; r < tc_op_row((enum tc_opcode)tc_op_at(ir, around)->opcode)->n_regions; r++)
    tc_walk(ir, tc_child(ir, tc_op_at(ir, around), r), note_inside, &o);
  note_inside(ir, around, &o);
  for (uint32_t d = 0; d < tc_buf_at(ir, buf)->rank; d++) {
    tc_value x = tc_input(ir, tc_op_at(ir, a), d), y = tc_input(ir, tc_op_at(ir, b), d);
    if (tc_value_type(ir, x).lanes != 1 || tc_value_type(ir, y).lanes != 1) return false;
    fact = either(ir, fact, differ(ir, x, of_other(&o, y)));
  }
  tc_prove_push(t->prover);
  tc_value same = same_thread(&o);
  if (same.id) fact = either(ir, fact, same);
  assume_way(&o, body, a, false);
  assume_way(&o, body, b, true);
  assume(&o, tc_access_pred(ir, a), true, false);
  assume(&o, tc_access_pred(ir, b), true, true);
  if (!fact.id) fact = tc_const_bool(ir, false);
  bool apart = tc_prove(t->prover, TC_PROVE_threads, fact, NULL) == TC_PROVED;
  tc_prove_pop(t->prover);
  return apart;
}

/* ---- the way to a statement ---- */

typedef struct step {
  tc_region region; /* this statement of the region ... */
  uint32_t index;
  uint32_t child; /* ... and then this region of it */
} step;
typedef TC_VEC(step) steps;

static bool find(tc_threads *t, tc_region region, tc_value stmt, steps *way) {
  const tc_block *block = tc_block_at(t->ir, region);
  for (uint32_t i = 0; i < block->ops.n; i++) {
    tc_value x = block->ops.at[i];
    uint32_t n = tc_op_row((enum tc_opcode)tc_op_at(t->ir, x)->opcode)->n_regions;
    tc_vec_push(t->arena, way, ((step){region, i, 0}));
    if (x.id == stmt.id) return true;
    for (uint32_t r = 0; r < n; r++) {
      way->at[way->n - 1].child = r;
      uint32_t before = way->n;
      if (find(t, tc_child(t->ir, tc_op_at(t->ir, x), r), stmt, way)) return true;
      way->n = before;
    }
    way->n--;
  }
  return false;
}

static tc_value stmt_at(const tc_threads *t, const step *s) {
  return tc_block_at(t->ir, s->region)->ops.at[s->index];
}

/* ---- taking apart ---- */

typedef struct parting {
  tc_threads *t;
  tc_ir *ir;
  tc_threads_pair pair;
} parting;

TC_NORETURN static void refuse(parting *p, tc_value around) {
  tc_diags *diags = p->ir->diags;
  const tc_buffer *b = tc_buf_at(p->ir, tc_access_buf(p->ir, p->pair.then));
  TC_DIAG(diags, D_threads_part, tc_op_at(p->ir, p->pair.then)->span, tc_name_of(p->ir, b->name));
  if (p->pair.first.id != p->pair.then.id)
    tc_diag_note(diags, tc_op_at(p->ir, p->pair.first)->span, "the other use");
  tc_diag_note(diags, tc_op_at(p->ir, around)->span, "threads take different paths here");
  tc_diag_help(diags,
               "let all threads make equally many turns, and a condition inside say which of "
               "them work");
  tc_diag_stop(diags);
}

static void put(parting *p, tc_region region, uint32_t at, tc_value stmt) {
  tc_block *block = tc_block_at(p->ir, region);
  tc_vec_push(p->ir->arena, &block->ops, stmt);
  for (uint32_t i = block->ops.n - 1; i > at; i--)
    block->ops.at[i] = block->ops.at[i - 1];
  block->ops.at[at] = stmt;
}

static tc_value take(parting *p, tc_region region, uint32_t at) {
  tc_block *block = tc_block_at(p->ir, region);
  tc_value stmt = block->ops.at[at];
  for (uint32_t i = at; i + 1 < block->ops.n; i++)
    block->ops.at[i] = block->ops.at[i + 1];
  block->ops.n--;
  return stmt;
}

typedef struct uses {
  tc_arena *arena;
  tc_value def;
  bool found;
} uses;

static bool depends(tc_ir *ir, tc_arena *arena, tc_value v, tc_value def) {
  tc_deps deps = {0};
  tc_deps_add(ir, arena, v, &deps);
  return tc_deps_has_stmt(&deps, def);
}

static bool see_use(tc_ir *ir, tc_value stmt, void *data) {
  uses *u = data;
  const tc_op *op = tc_op_at(ir, stmt);
  for (uint32_t k = 0; k < op->n_in && !u->found; k++)
    u->found = depends(ir, u->arena, tc_input(ir, op, k), u->def);
  return true;
}

/* A view that is made of the value cannot be carried over. */
static bool makes_a_view(parting *p, tc_value def) {
  for (uint32_t id = 1; id < p->ir->bufs.n; id++) {
    const tc_buffer *b = p->ir->bufs.at[id];
    for (uint32_t k = 0; k < tc_buf_n_exprs(b); k++)
      if (depends(p->ir, p->t->arena, tc_buf_expr(b, k), def)) return true;
  }
  return false;
}

static bool replace(tc_ir *ir, tc_value stmt, void *data) {
  tc_map *map = data;
  tc_value in[UINT8_MAX];
  uint32_t n = tc_op_at(ir, stmt)->n_in;
  bool any = false;
  if (n > UINT8_MAX) tc_bug(ir->arena->unwind, "a statement of %u operands", n);
  for (uint32_t k = 0; k < n; k++) {
    tc_value old = tc_input(ir, tc_op_at(ir, stmt), k);
    in[k] = tc_substitute(ir, old, map);
    any |= in[k].id != old.id;
  }
  if (any) tc_set_inputs(ir, stmt, in, n);
  return true;
}

/* `def` in `from` is used in `to`: it goes there through a variable, whose alloc is put at *at. */
static void carry(parting *p, tc_value def, tc_region from, tc_region to, tc_region outer,
                  uint32_t *at) {
  tc_ir *ir = p->ir;
  tc_span span = tc_op_at(ir, def)->span;
  tc_region made = tc_region_new(ir);
  tc_buf buf = tc_buf_new(ir, "carried", tc_value_type(ir, def), TC_SCOPE_var, 0, NULL, span);
  tc_alloc(ir, made, buf, span);
  tc_store(ir, made, buf, NULL, def, (tc_value){0}, span);
  tc_value load = tc_load(ir, made, buf, NULL, (tc_value){0}, (tc_value){0}, span);
  const tc_block *block = tc_block_at(ir, from);
  uint32_t i = 0;
  while (block->ops.at[i].id != def.id)
    i++;
  tc_map map = tc_map_in(p->t->arena);
  tc_map_put(&map, def.id, load.id);
  tc_walk(ir, to, replace, &map);
  put(p, outer, (*at)++, tc_block_at(ir, made)->ops.at[0]);
  put(p, from, i + 1, tc_block_at(ir, made)->ops.at[1]);
  put(p, to, 0, load);
}

static void carry_values(parting *p, tc_region from, tc_region to, tc_region outer, uint32_t *at,
                         tc_value around) {
  tc_values defs = {0};
  const tc_block *block = tc_block_at(p->ir, from);
  for (uint32_t i = 0; i < block->ops.n; i++) {
    tc_value def = block->ops.at[i];
    uses u = {.arena = p->t->arena, .def = def};
    if (tc_value_type(p->ir, def).dtype == TC_DT_void) continue;
    tc_walk(p->ir, to, see_use, &u);
    if (makes_a_view(p, def)) refuse(p, around);
    if (u.found) tc_vec_push(p->t->arena, &defs, def);
  }
  for (uint32_t i = 0; i < defs.n; i++)
    carry(p, defs.at[i], from, to, outer, at);
}

/* What stands from statement number `cut` of a region of `if` number `at` on, goes into an `if` of
 * its own after it. Returns the number of that one. */
static uint32_t split(parting *p, tc_region outer, uint32_t at, uint32_t child, uint32_t cut) {
  tc_ir *ir = p->ir;
  tc_value first = tc_block_at(ir, outer)->ops.at[at];
  tc_region from = tc_child(ir, tc_op_at(ir, first), child);
  for (uint32_t i = 0; i < cut;) {
    bool alloc = tc_is(ir, tc_block_at(ir, from)->ops.at[i], TC_OP_alloc);
    if (alloc) put(p, outer, at++, take(p, from, i)), cut--;
    i += !alloc;
  }
  tc_value second =
      tc_if(ir, tc_region_new(ir), tc_input(ir, tc_op_at(ir, first), 0), tc_op_at(ir, first)->span);
  tc_region to = tc_child(ir, tc_op_at(ir, second), child);
  while (tc_block_at(ir, from)->ops.n > cut)
    put(p, to, tc_block_at(ir, to)->ops.n, take(p, from, cut));
  carry_values(p, from, to, outer, &at, first);
  put(p, outer, at + 1, second);
  return at + 1;
}

static bool can_come_out(const parting *p, tc_value cond, tc_value loop) {
  tc_ir *ir = p->ir;
  if (!tc_is(ir, loop, TC_OP_for) || p->t->diverges[loop.id]) return false;
  const tc_op *op = tc_op_at(ir, loop);
  enum tc_loop_kind kind = (enum tc_loop_kind)tc_loop_of(ir, loop)->kind;
  if (kind == TC_LOOP_PIPELINED || kind == TC_LOOP_PERSISTENT) return false;
  tc_region body = tc_child(ir, op, 0);
  if (tc_has_jump(ir, body, TC_OP_break) || tc_has_jump(ir, body, TC_OP_continue)) return false;
  other o = {.t = p->t, .ir = ir, .inside = tc_map_in(p->t->arena)};
  for (uint32_t r = 0; r < 2; r++)
    tc_walk(ir, tc_child(ir, tc_op_at(ir, cond), r), note_inside, &o);
  for (uint32_t k = 0; k < op->n_in; k++) {
    tc_deps deps = {0};
    uint32_t known;
    tc_deps_add(ir, p->t->arena, tc_input(ir, op, k), &deps);
    for (uint32_t i = 0; i < deps.stmts.n; i++)
      if (tc_map_get(&o.inside, deps.stmts.at[i].id, &known)) return false;
  }
  return true;
}

/* if c { for k { X } }  ->  for k { if c { X } }
 * What stands after the loop leaves first, then what stands before it; what the loop needs of that
 * is read from variables inside. */
static void bring_out(parting *p, tc_region outer, uint32_t at, uint32_t child, uint32_t index) {
  tc_ir *ir = p->ir;
  tc_value cond = tc_block_at(ir, outer)->ops.at[at];
  tc_region inner = tc_child(ir, tc_op_at(ir, cond), child);
  tc_region beside = tc_child(ir, tc_op_at(ir, cond), !child);
  if (tc_block_at(ir, inner)->ops.n > index + 1) {
    at = split(p, outer, at, child, index + 1) - 1;
    index = tc_block_at(ir, inner)->ops.n - 1;
  }
  if (index || tc_block_at(ir, beside)->ops.n) at = split(p, outer, at, child, index);
  cond = tc_block_at(ir, outer)->ops.at[at];
  inner = tc_child(ir, tc_op_at(ir, cond), child);
  tc_value loop = take(p, inner, tc_block_at(ir, inner)->ops.n - 1);
  tc_region body = tc_child(ir, tc_op_at(ir, loop), 0);
  while (tc_block_at(ir, body)->ops.n)
    put(p, inner, tc_block_at(ir, inner)->ops.n, take(p, body, 0));
  put(p, body, 0, cond);
  tc_block_at(ir, outer)->ops.at[at] = loop;
}

void tc_threads_part(tc_threads *t, tc_threads_pair pair) {
  parting p = {.t = t, .ir = t->ir, .pair = pair};
  tc_region body = tc_child(t->ir, tc_op_at(t->ir, t->kernel), 0);
  steps a = {0}, b = {0};
  uint32_t l = 0;
  find(t, body, pair.first, &a);
  find(t, body, pair.then, &b);
  while (!t->diverges[stmt_at(t, &b.at[l]).id])
    l++;
  for (;; l++) {
    tc_value stmt = stmt_at(t, &b.at[l]);
    const step *x = &a.at[l + 1], *y = &b.at[l + 1];
    if (!tc_is(t->ir, stmt, TC_OP_if) || a.at[l].child != b.at[l].child) refuse(&p, stmt);
    if (x->index != y->index) {
      split(&p, b.at[l].region, b.at[l].index, b.at[l].child, y->index);
      return;
    }
    tc_value inner = stmt_at(t, y);
    if (tc_is(t->ir, inner, TC_OP_if)) continue;
    if (inner.id == pair.then.id || !can_come_out(&p, stmt, inner)) refuse(&p, inner);
    bring_out(&p, b.at[l].region, b.at[l].index, b.at[l].child, y->index);
    return;
  }
}
