/* canon and facts against the oracle: random functions that read and write global memory in and out
 * of range must compute the same before canon, where guards are implicit, after it, and after facts
 * has dropped the guards it could prove away. An access whose guard was dropped wrongly is an error
 * of the oracle. */
#include "ir_kit.h"

#include "ir/verify.h"
#include "pass/pass.h"

enum { M = 37, N_SMALL = 16, GRID = 4, TRIPS = 3, WIDTH = 8, N_OUT = GRID * TRIPS * WIDTH };

struct memory {
  int32_t d[M], small[N_SMALL], out[N_OUT], marks[M];
};

struct maker {
  struct kit *k;
  uint64_t seed;
  tc_value leaves[4]; /* bx, loop index, parallel index, M */
  uint32_t n_negative;
};

static uint32_t roll(struct maker *w, uint32_t below) {
  uint64_t z = w->seed += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
  return (uint32_t)((z ^ z >> 31) >> 32) % below;
}

static tc_value make_int(struct maker *w, uint32_t depth) {
  static const enum tc_opcode OPS[] = {TC_OP_add, TC_OP_add,      TC_OP_sub,
                                       TC_OP_mul, TC_OP_floordiv, TC_OP_floormod,
                                       TC_OP_min, TC_OP_max,      TC_OP_xor};
  static const int64_t CONSTANTS[] = {0, 1, 2, 3, 4, 5, 8, 16, 32, 36, 37, -1, -3};
  tc_ir *ir = w->k->ir;
  if (depth == 0) return roll(w, 4) ? w->leaves[roll(w, 4)] : kit_i(w->k, CONSTANTS[roll(w, 13)]);
  enum tc_opcode op = OPS[roll(w, TC_COUNT(OPS))];
  tc_value a = make_int(w, depth - 1);
  bool by_constant = op == TC_OP_mul || op == TC_OP_floordiv || op == TC_OP_floormod;
  if (by_constant) return tc_binary(ir, op, a, kit_i(w->k, CONSTANTS[1 + roll(w, 8)]));
  return tc_binary(ir, op, a, make_int(w, roll(w, depth)));
}

static tc_value make_bool(struct maker *w) {
  static const enum tc_opcode OPS[] = {TC_OP_lt, TC_OP_le, TC_OP_eq, TC_OP_ne};
  tc_ir *ir = w->k->ir;
  tc_value c = tc_binary(ir, OPS[roll(w, 4)], make_int(w, 1 + roll(w, 2)), make_int(w, roll(w, 2)));
  if (roll(w, 4) == 0) c = tc_binary(ir, TC_OP_and, c, make_bool(w));
  return roll(w, 6) ? c : tc_unary(ir, TC_OP_not, c);
}

/* An index that is known to be negative counts from the end, and the oracle does not know that
 * before canon. So the least index is 0, or M % 4 - 3: negative for this M, but not for each. */
static tc_value make_index(struct maker *w) {
  tc_ir *ir = w->k->ir;
  tc_value v = make_int(w, 1 + roll(w, 3));
  tc_value rest = tc_binary(ir, TC_OP_floormod, w->leaves[3], kit_i(w->k, 4));
  tc_value least = roll(w, 2) ? kit_i(w->k, 0) : tc_binary(ir, TC_OP_add, rest, kit_i(w->k, -3));
  return tc_binary(ir, TC_OP_max, v, least);
}

static void make_statement(struct maker *w, tc_region at, tc_buf d, tc_buf small, tc_buf out,
                           tc_buf marks, tc_value place) {
  struct kit *k = w->k;
  tc_ir *ir = k->ir;
  tc_value none = {0}, pred = roll(w, 3) ? none : make_bool(w);
  tc_value index = make_index(w), other = roll(w, 3) ? none : kit_i(k, 1000 + roll(w, 9));
  if (roll(w, 3) == 0) at = kit_child(k, tc_if(ir, at, make_bool(w), kit_nowhere), roll(w, 2));
  tc_value x = tc_load(ir, at, roll(w, 2) ? d : small, &index, pred, other, kit_nowhere);
  tc_value y = kit_load(k, at, small, make_index(w));
  tc_value z = kit_load(k, at, d, roll(w, 2) ? y : index); /* an index that was loaded */
  tc_value sum =
      kit_op(k, TC_OP_add, kit_op(k, TC_OP_mul, x, kit_i(k, 3)), kit_op(k, TC_OP_add, y, z));
  tc_store(ir, at, out, &place, kit_op(k, TC_OP_add, sum, kit_load(k, at, out, place)), none,
           kit_nowhere);
  index = make_index(w);
  tc_store(ir, at, marks, &index, kit_i(k, 7), roll(w, 2) ? none : make_bool(w), kit_nowhere);
}

static void make_function(struct maker *w, struct memory *m) {
  struct kit *k = w->k;
  tc_ir *ir = k->ir;
  ir->state = TC_STATE_surface;
  tc_value size = tc_var_value(ir, kit_dim(k, "M"));
  int64_t actual = M;
  tc_buf d = kit_param_of(k, "D", TC_DT_int32, 1, &size, m->d, &actual);
  tc_buf small = kit_param(k, "E", TC_DT_int32, m->small, N_SMALL, -1);
  tc_buf out = kit_param(k, "OUT", TC_DT_int32, m->out, N_OUT, -1);
  tc_buf marks = kit_param_of(k, "G", TC_DT_int32, 1, &size, m->marks, &actual);
  tc_value bx, j, i, grid = kit_i(k, GRID);
  if (roll(w, 2)) /* the same number, said with the dimension: (37 + 11) // 12 */
    grid = kit_op(k, TC_OP_floordiv, kit_op(k, TC_OP_add, size, kit_i(k, 11)), kit_i(k, 12));
  tc_region at = kit_kernel(k, grid, &bx);
  at = kit_for(k, at, kit_i(k, 0), kit_i(k, TRIPS), 1, &j);
  at = kit_parallel(k, at, kit_i(k, WIDTH), &i);
  w->leaves[0] = bx, w->leaves[1] = j, w->leaves[2] = i, w->leaves[3] = size;
  tc_value place = kit_op(k, TC_OP_add, kit_op(k, TC_OP_mul, bx, kit_i(k, TRIPS)), j);
  place = kit_op(k, TC_OP_add, kit_op(k, TC_OP_mul, place, kit_i(k, WIDTH)), i);
  uint32_t n = 1 + roll(w, 2);
  for (uint32_t s = 0; s < n; s++)
    make_statement(w, at, d, small, out, marks, place);
}

static void fill(struct memory *m) {
  memset(m, 0, sizeof *m);
  for (int i = 0; i < M; i++)
    m->d[i] = 11 * i % 41 - 2;
  for (int i = 0; i < N_SMALL; i++)
    m->small[i] = 5 * i % 43 - 3;
}

static struct memory run(struct kit *k, struct memory *m) {
  fill(m);
  kit_run_ok(k);
  return *m;
}

static void compare(struct kit *k, const char *after, const struct memory *saw,
                    const struct memory *wanted, uint32_t number) {
  k->n_checks++;
  if (memcmp(saw, wanted, sizeof *saw) == 0) return;
  k->n_failures++;
  printf("function %u: other results after %s\n", number, after);
}

static uint32_t case_number;
static uint64_t n_dropped; /* guards */

static uint64_t count_in_bounds(const tc_ir *ir) {
  uint64_t n = 0;
  for (uint32_t i = 0; i < ir->accesses.n; i++)
    n += (ir->accesses.at[i].flags & TC_ACCESS_IN_BOUNDS) != 0;
  return n;
}

static void one_function(struct kit *k) {
  static struct memory m;
  struct maker w = {.k = k, .seed = case_number * UINT64_C(77777) + 5};
  tc_pass_options options = {0};
  make_function(&w, &m);
  struct memory wanted = run(k, &m), saw;
  tc_pass_run(k->ir, tc_pass_find(TC_STR("canon")), &options, NULL);
  saw = run(k, &m);
  compare(k, "canon", &saw, &wanted, case_number);
  uint64_t before = count_in_bounds(k->ir);
  tc_pass_run(k->ir, tc_pass_find(TC_STR("facts")), &options, NULL);
  n_dropped += count_in_bounds(k->ir) - before;
  saw = run(k, &m);
  compare(k, "facts", &saw, &wanted, case_number);
}

int main(void) {
  struct kit totals = {.name = "pass_canon"};
  for (case_number = 1; case_number <= 1500 && totals.n_failures < 10; case_number++)
    KIT_CASE(&totals, one_function);
  kit_check(&totals, n_dropped > 500, "hardly any guard was dropped");
  return kit_report(&totals, "pass_canon");
}
