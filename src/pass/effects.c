#include "pass/effects.h"

#include "ir/walk.h"

typedef struct list {
  const tc_ir *ir;
  tc_touch *at;
  uint32_t n;
} list;

static void add(list *l, tc_buf buf, tc_value slice, uint32_t kind) {
  if (buf.id && l->n < TC_MAX_TOUCHES) l->at[l->n++] = (tc_touch){buf, slice, kind};
}

static void add_slice(list *l, const tc_op *op, uint32_t k, uint32_t kind) {
  tc_value slice = tc_input(l->ir, op, k);
  if (tc_is(l->ir, slice, TC_OP_slice)) add(l, tc_slice_buf(l->ir, slice), slice, kind);
}

/* Sources first, then the accumulator's old value, then the result. */
static void add_gemm(list *l, tc_value stmt, const tc_op *op) {
  const tc_gemm *g = tc_gemm_of(l->ir, stmt);
  add_slice(l, op, 0, TC_TOUCH_READ);
  add_slice(l, op, 1, TC_TOUCH_READ);
  if (!g->clear) add_slice(l, op, 2, TC_TOUCH_READ | (op->n_in > 3 ? TC_TOUCH_MAYBE : 0u));
  add_slice(l, op, 2, TC_TOUCH_WRITE);
}

static void add_print(list *l, tc_value stmt) {
  add(l, tc_print_of(l->ir, stmt)->buf, (tc_value){0}, TC_TOUCH_READ);
}

/* table */
uint32_t tc_touches_of(const tc_ir *ir, tc_value stmt, tc_touch out[TC_MAX_TOUCHES]) {
  const tc_op *op = tc_op_at(ir, stmt);
  const tc_value none = {0};
  list l = {ir, out, 0};
  switch (op->opcode) {
  case TC_OP_load:
    add(&l, tc_access_buf(ir, stmt), none, TC_TOUCH_READ);
    break;
  case TC_OP_store:
    add(&l, tc_access_buf(ir, stmt), none, TC_TOUCH_WRITE);
    break;
  case TC_OP_atomic:
    add(&l, tc_access_buf(ir, stmt), none, TC_TOUCH_READ | TC_TOUCH_WRITE | TC_TOUCH_ATOMIC);
    break;
  case TC_OP_wait:
    add(&l, ir->waits.at[op->payload].buf, none, TC_TOUCH_READ | TC_TOUCH_ATOMIC);
    break;
  case TC_OP_fill:
    add_slice(&l, op, 0, TC_TOUCH_WRITE);
    break;
  case TC_OP_copy:
  case TC_OP_scan:
  case TC_OP_transpose:
  case TC_OP_im2col:
    add_slice(&l, op, 0, TC_TOUCH_READ);
    add_slice(&l, op, 1, TC_TOUCH_WRITE);
    break;
  case TC_OP_reduce:
    add_slice(&l, op, 0, TC_TOUCH_READ);
    if (!tc_reduce_of(ir, stmt)->clear) add_slice(&l, op, 1, TC_TOUCH_READ);
    add_slice(&l, op, 1, TC_TOUCH_WRITE);
    break;
  case TC_OP_gemm:
    add_gemm(&l, stmt, op);
    break;
  case TC_OP_atomic_tile:
    add_slice(&l, op, 1, TC_TOUCH_READ);
    add_slice(&l, op, 0, TC_TOUCH_READ | TC_TOUCH_WRITE | TC_TOUCH_ATOMIC);
    break;
  case TC_OP_print:
    add_print(&l, stmt);
    break;
  default:
    break;
  }
  return l.n;
}

typedef struct search {
  tc_buf root;
  uint32_t wanted;   /* kinds to count */
  uint32_t kinds, n; /* what was found */
} search;

static bool look(tc_ir *ir, tc_value stmt, void *data) {
  search *s = data;
  tc_touch touch[TC_MAX_TOUCHES];
  uint32_t n = tc_touches_of(ir, stmt, touch);
  for (uint32_t i = 0; i < n; i++) {
    if (tc_root_of(ir, touch[i].buf).id != s->root.id) continue;
    s->kinds |= touch[i].kind;
    s->n += (touch[i].kind & s->wanted) != 0;
  }
  return true;
}

static void look_below(tc_ir *ir, tc_value stmt, search *s) {
  uint32_t n = tc_op_row((enum tc_opcode)tc_op_at(ir, stmt)->opcode)->n_regions;
  look(ir, stmt, s);
  for (uint32_t r = 0; r < n; r++)
    tc_walk(ir, tc_child(ir, tc_op_at(ir, stmt), r), look, s);
}

uint32_t tc_touch_below(tc_ir *ir, tc_value stmt, tc_buf root) {
  search s = {.root = root};
  look_below(ir, stmt, &s);
  return s.kinds;
}

uint32_t tc_touch_count(tc_ir *ir, tc_value stmt, tc_buf root, uint32_t kinds) {
  search s = {.root = root, .wanted = kinds};
  look_below(ir, stmt, &s);
  return s.n;
}
