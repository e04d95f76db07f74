#include "pass/deps.h"

static void leaf(const tc_ir *ir, tc_arena *arena, tc_value v, tc_deps *deps) {
  const tc_op *op = tc_op_at(ir, v);
  if (op->opcode == TC_OP_var) tc_vec_push(arena, &deps->vars, (tc_var){op->payload});
  if (!tc_op_is_pure(op)) tc_vec_push(arena, &deps->stmts, v);
}

/* Most values are small: those seen are looked up in the list itself until it gets long. */
enum { SHORT_LIST = 24 };

typedef struct seen {
  TC_VEC(tc_value) all;
  tc_map map;
} seen;

static bool is_news(seen *s, tc_arena *arena, tc_value v) {
  uint32_t n;
  if (s->all.n <= SHORT_LIST) {
    for (uint32_t i = 0; i < s->all.n; i++)
      if (s->all.at[i].id == v.id) return false;
  } else if (tc_map_get(&s->map, v.id, &n)) {
    return false;
  }
  if (s->all.n == SHORT_LIST) {
    s->map = tc_map_in(arena);
    for (uint32_t i = 0; i < s->all.n; i++)
      tc_map_put(&s->map, s->all.at[i].id, 0);
  }
  if (s->all.n >= SHORT_LIST) tc_map_put(&s->map, v.id, 0);
  tc_vec_push(arena, &s->all, v);
  return true;
}

/* `all` is also the queue. */
void tc_deps_add(const tc_ir *ir, tc_arena *arena, tc_value v, tc_deps *deps) {
  seen s = {.all = {0}};
  if (!v.id) return;
  is_news(&s, arena, v);
  for (uint32_t i = 0; i < s.all.n; i++) {
    const tc_op *op = tc_op_at(ir, s.all.at[i]);
    leaf(ir, arena, s.all.at[i], deps);
    for (uint32_t k = 0; tc_op_is_pure(op) && k < op->n_in; k++)
      is_news(&s, arena, tc_input(ir, op, k));
  }
}

bool tc_deps_has_var(const tc_deps *deps, tc_var var) {
  for (uint32_t i = 0; i < deps->vars.n; i++)
    if (deps->vars.at[i].id == var.id) return true;
  return false;
}

bool tc_deps_has_stmt(const tc_deps *deps, tc_value stmt) {
  for (uint32_t i = 0; i < deps->stmts.n; i++)
    if (deps->stmts.at[i].id == stmt.id) return true;
  return false;
}
