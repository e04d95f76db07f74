/* Where shared values are computed. */
#include "ir/build.h"
#include "ir/walk.h"

#include "text_kit.h"

static const char TEXT[] = "tir 1 tile\n"
                           "func @f {\n"
                           "  dim %N: int32\n"
                           "  param A: global float32[%N]\n"
                           "  kernel @f (%bx < 4) threads(32) {\n"
                           "    for %i = 0 to 8 {\n"
                           "      if %i < 4 {\n"
                           "        %0 = %N / 3\n"
                           "        buffer V: global float32[3, %0] of A\n"
                           "        store V[0, %i] = 1.0 if %i < %0 guarded\n"
                           "      }\n"
                           "    }\n"
                           "    buffer W: global float32[5, %N / 5] of A\n"
                           "    fill W[0:+5, 0:+4] = 2.0\n"
                           "  }\n"
                           "}\n";

static tc_value third_of(tc_ir *ir, int64_t by) {
  for (uint32_t id = 1; id < ir->n_ops; id++) {
    int64_t c;
    tc_value v = {id};
    if (tc_is(ir, v, TC_OP_floordiv) && tc_const_of(ir, tc_input(ir, tc_op_at(ir, v), 1), &c)
        && c == by)
      return v;
  }
  return (tc_value){0};
}

static const tc_placed *place_of(const tc_placement *p, tc_value v) {
  for (uint32_t i = 0; i < p->n; i++)
    if (p->at[i].value.id == v.id) return &p->at[i];
  return NULL;
}

/* A buffer's declaration needs values like any operand: before the access, and once. */
static void declarations_count(struct text_kit *k) {
  tc_ir *ir = text_must_parse(k, TEXT);
  tc_placement p = tc_place_values(ir, ir->body, &k->arena);
  tc_value third = third_of(ir, 3), fifth = third_of(ir, 5);
  const tc_placed *inner = place_of(&p, third), *outer = place_of(&p, fifth);
  if (!text_check(k, inner && outer, "the extents of views are placed")) return;
  const tc_block *block = tc_block_at(ir, inner->region);
  text_check(k, tc_is(ir, block->ops.at[inner->before], TC_OP_store), "right before the store");
  block = tc_block_at(ir, outer->region);
  text_check(k, tc_is(ir, block->ops.at[outer->before], TC_OP_fill), "right before the fill");
  text_check(k, p.uses[third.id] == 2, "a predicate and an extent are two uses");
}

static void operands_come_first(struct text_kit *k) {
  tc_ir *ir = text_must_parse(k, TEXT);
  tc_value v = third_of(ir, 3);
  tc_value_list list = tc_operands_of(ir, v, &k->arena);
  text_check(k, list.n == 3 && list.at[2].id == v.id, "N, 3, N / 3");
  text_check(k, tc_is_host_value(ir, v, &k->arena), "it is known at launch");
  tc_value wider = tc_binary(ir, TC_OP_add, v, tc_var_value(ir, (tc_var){ir->vars.n - 1}));
  text_check(k, !tc_is_host_value(ir, wider, &k->arena), "a loop's variable is not");
}

static const char LOOPS[] = "tir 1 tile\n"
                            "func @f {\n"
                            "  dim %N: int32\n"
                            "  param A: global float32[%N]\n"
                            "  kernel @f (%bx < 4) threads(32) {\n"
                            "    for %i = 0 to 8 {\n"
                            "      %0 = load A[%i] if %i < %N guarded\n"
                            "      if 0.0 < %0 {\n"
                            "        for %j = 0 to 4 {\n"
                            "          store A[%bx / 3] = 1.0 if %bx / 3 < %N guarded\n"
                            "          store A[%i / 5] = 1.0 if %i / 5 < %N guarded\n"
                            "          store A[%j / 7] = 1.0 if %j / 7 < %N guarded\n"
                            "          store A[%bx / 16] = 1.0 if %bx / 16 < %N guarded\n"
                            "        }\n"
                            "        store A[%bx / 11] = 1.0 if %bx / 11 < %N guarded\n"
                            "        store A[%bx / 13 / %N] = 1.0 if 0 < %N guarded\n"
                            "      }\n"
                            "    }\n"
                            "    if %N < 5 {\n"
                            "      store A[%bx / 17] = 1.0 if %bx / 17 < %N guarded\n"
                            "    }\n"
                            "  }\n"
                            "}\n";

/* The statement before which `... / by` is computed. */
static tc_value early(struct text_kit *k, tc_ir *ir, const tc_placement *p, int64_t by) {
  const tc_placed *place = place_of(p, third_of(ir, by));
  if (!text_check(k, place != NULL, "it has a place")) return (tc_value){0};
  return tc_block_at(ir, place->region)->ops.at[place->before];
}

static bool is_loop_to(const tc_ir *ir, tc_value stmt, int64_t end) {
  int64_t hi;
  return stmt.id && tc_is(ir, stmt, TC_OP_for)
         && tc_const_of(ir, tc_input(ir, tc_op_at(ir, stmt), 1), &hi) && hi == end;
}

static void loops_are_left(struct text_kit *k) {
  tc_ir *ir = text_must_parse(k, LOOPS);
  tc_placement p = tc_place_values_early(ir, ir->body, &k->arena);
  text_check(k, is_loop_to(ir, early(k, ir, &p, 3), 8), "all loops, and the branch between");
  text_check(k, is_loop_to(ir, early(k, ir, &p, 5), 4), "the inner loop, not the one it is of");
  text_check(k, tc_is(ir, early(k, ir, &p, 7), TC_OP_store), "no loop when it changes in it");
  text_check(k, tc_is(ir, early(k, ir, &p, 16), TC_OP_store), "no loop when it costs little");
  text_check(k, is_loop_to(ir, early(k, ir, &p, 11), 8), "a loop, out of a branch in it");
  text_check(k, is_loop_to(ir, early(k, ir, &p, 13), 8), "what is divided by what may be 0");
  text_check(k, tc_is(ir, early(k, ir, &p, 17), TC_OP_store), "no branch without a loop around");
  for (uint32_t i = 0; i < p.n; i++) {
    const tc_op *op = tc_op_at(ir, p.at[i].value);
    int64_t by;
    if (op->opcode != TC_OP_floordiv || tc_const_of(ir, tc_input(ir, op, 1), &by)) continue;
    tc_value stmt = tc_block_at(ir, p.at[i].region)->ops.at[p.at[i].before];
    text_check(k, tc_is(ir, stmt, TC_OP_store), "a division by what may be 0 stays");
  }
}

int main(void) {
  struct text_kit totals = {0};
  TEXT_CASE(&totals, declarations_count);
  TEXT_CASE(&totals, operands_come_first);
  TEXT_CASE(&totals, loops_are_left);
  return text_report(&totals, "ir_walk");
}
