#include "ir/converge.h"

#include "ir/scalar.h"

#include <string.h>

typedef struct memo {
  int64_t epoch; /* thread + 1 */
  tc_scalar x;
} memo;

typedef struct converge {
  tc_ir *ir;
  tc_arena *arena;
  int64_t n;         /* threads */
  uint8_t *of_index; /* by value id: made of the thread's index and constants; 1 + how deep */
  memo *memo;        /* by value id */
  tc_map known;      /* condition -> index + 1 into `sets` */
  TC_VEC(uint8_t *) sets;
  tc_value found;
  const char *who;
} converge;

/* Deeper expressions are not looked into. */
enum { DEEP = 64 };

/* ---- values of the thread's index ---- */

static bool can_evaluate(const tc_ir *ir, const tc_op *op) {
  bool compares = op->opcode == TC_OP_eq || op->opcode == TC_OP_ne || op->opcode == TC_OP_lt
                  || op->opcode == TC_OP_le;
  bool number = tc_is_int(op->type) || tc_is_bool(op->type);
  if (op->type.lanes != 1 || !number) return false;
  for (uint32_t k = 0; k < op->n_in; k++) {
    tc_type in = tc_value_type(ir, tc_input(ir, op, k));
    if (in.lanes != 1 || tc_is_float(in)) return false;
  }
  return compares || (op->opcode >= TC_OP_add && op->opcode <= TC_OP_shr) || op->opcode == TC_OP_neg
         || op->opcode == TC_OP_not || op->opcode == TC_OP_cast;
}

static void find_values(converge *c, tc_var thread) {
  for (uint32_t id = 1; id < c->ir->n_ops; id++) {
    const tc_op *op = tc_op_at(c->ir, (tc_value){id});
    if (!tc_op_is_pure(op)) continue;
    uint8_t depth = op->opcode == TC_OP_const && !tc_is_float(op->type) && op->type.lanes == 1;
    if (op->opcode == TC_OP_var) depth = op->payload == thread.id;
    bool yes = op->n_in && can_evaluate(c->ir, op);
    for (uint32_t k = 0; k < op->n_in; k++) {
      uint8_t below = c->of_index[tc_input(c->ir, op, k).id];
      yes = yes && below && below < DEEP;
      if (yes && below >= depth) depth = (uint8_t)(below + 1);
    }
    c->of_index[id] = op->n_in && !yes ? 0 : depth;
  }
}

static tc_scalar value_of(converge *c, tc_value v, int64_t thread) {
  memo *m = &c->memo[v.id];
  if (m->epoch == thread + 1) return m->x;
  const tc_op *op = tc_op_at(c->ir, v);
  tc_scalar x = {.poison = false};
  if (op->opcode == TC_OP_const) {
    x.x = c->ir->imms.at[op->payload];
  } else if (op->opcode == TC_OP_var) {
    x.x.i = thread;
  } else {
    tc_value first = tc_input(c->ir, op, 0);
    tc_type type = tc_value_type(c->ir, first);
    tc_scalar a = value_of(c, first, thread);
    if (op->opcode == TC_OP_cast)
      x = tc_scalar_cast(type, op->type, a);
    else if (op->n_in == 1)
      x = tc_scalar_unary((enum tc_opcode)op->opcode, type, a);
    else
      x = tc_scalar_binary((enum tc_opcode)op->opcode, type, a,
                           value_of(c, tc_input(c->ir, op, 1), thread));
  }
  *m = (memo){thread + 1, x};
  return x;
}

/* By thread: whether the condition holds; 2: nobody can say. */
static const uint8_t *set_of(converge *c, tc_value cond) {
  uint32_t at;
  if (tc_map_get(&c->known, cond.id, &at)) return c->sets.at[at];
  uint8_t *set = TC_NEW_ARRAY(c->arena, (size_t)c->n, uint8_t);
  for (int64_t t = 0; t < c->n; t++) {
    tc_scalar x = value_of(c, cond, t);
    set[t] = x.poison ? 2 : x.x.i != 0;
  }
  tc_map_put(&c->known, cond.id, c->sets.n);
  tc_vec_push(c->arena, &c->sets, set);
  return set;
}

/* ---- who comes by ---- */

/* How many parts of a condition are looked at. */
enum { PARTS = 1 << 10 };

static void restrict_to(converge *c, uint8_t *active, tc_value cond, bool holds, uint32_t parts) {
  const tc_op *op = tc_op_at(c->ir, cond);
  enum tc_opcode chain = holds ? TC_OP_and : TC_OP_or;
  if (c->of_index[cond.id]) {
    const uint8_t *set = set_of(c, cond);
    for (int64_t t = 0; t < c->n; t++)
      if (set[t] != 2 && set[t] != holds) active[t] = 0;
  } else if (parts == 0) {
    return;
  } else if (op->opcode == chain && tc_is_bool(op->type)) {
    restrict_to(c, active, tc_input(c->ir, op, 0), holds, parts / 2);
    restrict_to(c, active, tc_input(c->ir, op, 1), holds, parts / 2);
  } else if (op->opcode == TC_OP_not) {
    restrict_to(c, active, tc_input(c->ir, op, 0), !holds, parts / 2);
  }
}

static void check(converge *c, const uint8_t *active, tc_value stmt, enum tc_prim_who who) {
  int64_t unit = who == TC_WHO_WARP ? TC_WARP : who == TC_WHO_WARPGROUP ? 4 * TC_WARP : c->n;
  for (int64_t first = 0; first < c->n && !c->found.id; first += unit) {
    int64_t end = first + unit < c->n ? first + unit : c->n, some = 0;
    for (int64_t t = first; t < end; t++)
      some += active[t];
    if (!some || some == end - first) continue;
    c->found = stmt;
    c->who = who == TC_WHO_WARP ? "warp" : who == TC_WHO_WARPGROUP ? "warpgroup" : "block";
  }
}

static void walk(converge *c, tc_region region, const uint8_t *active);

static void walk_if(converge *c, const tc_op *op, const uint8_t *active) {
  uint8_t *inner = TC_NEW_ARRAY(c->arena, (size_t)c->n, uint8_t);
  for (uint32_t r = 0; r < 2; r++) {
    memcpy(inner, active, (size_t)c->n);
    restrict_to(c, inner, tc_input(c->ir, op, 0), r == 0, PARTS);
    walk(c, tc_child(c->ir, op, r), inner);
  }
}

static void walk(converge *c, tc_region region, const uint8_t *active) {
  const tc_block *block = tc_block_at(c->ir, region);
  for (uint32_t i = 0; i < block->ops.n && !c->found.id; i++) {
    tc_value stmt = block->ops.at[i];
    const tc_op *op = tc_op_at(c->ir, stmt);
    uint32_t n = tc_op_row((enum tc_opcode)op->opcode)->n_regions;
    if (op->opcode == TC_OP_prim) {
      enum tc_prim_who who = tc_prim_info_of((enum tc_prim_row)tc_prim_of(c->ir, stmt)->row)->who;
      if (who != TC_WHO_THREAD) check(c, active, stmt, who);
    }
    if (op->opcode == TC_OP_if) walk_if(c, op, active);
    for (uint32_t r = 0; op->opcode != TC_OP_if && r < n; r++)
      walk(c, tc_child(c->ir, op, r), active);
  }
}

tc_value tc_converge_find(tc_ir *ir, tc_value kernel, tc_arena *arena, const char **who) {
  const tc_kernel *k = tc_kernel_of(ir, kernel);
  converge c = {.ir = ir, .arena = arena, .n = tc_kernel_threads(k), .known = tc_map_in(arena)};
  if (c.n > TC_MAX_THREADS) return c.found;
  c.of_index = TC_NEW_ARRAY(arena, ir->n_ops, uint8_t);
  c.memo = TC_NEW_ARRAY(arena, ir->n_ops, memo);
  if (k->thread[0].id && k->threads[0] == c.n) find_values(&c, k->thread[0]);
  uint8_t *all = TC_NEW_ARRAY(arena, (size_t)c.n, uint8_t);
  memset(all, 1, (size_t)c.n);
  walk(&c, tc_child(ir, tc_op_at(ir, kernel), 0), all);
  *who = c.who;
  return c.found;
}
