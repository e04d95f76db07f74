/* check against judges that know everything. Random kernels with indices, divisions and shifts of
 * small constant ranges: check must refuse exactly those that fail when the oracle runs them.
 * Random parallel loops: it must report a race exactly when trying all pairs of iterations finds
 * one. What depends on the sizes of a launch must be a warning. */
#include "ir_kit.h"

#include "ir/print.h"
#include "pass/pass.h"

struct maker {
  struct kit *k;
  uint64_t seed;
  tc_value leaves[4];
  uint32_t n_leaves;
};

static uint32_t roll(struct maker *w, uint32_t below) {
  uint64_t z = w->seed += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
  return (uint32_t)((z ^ z >> 31) >> 32) % below;
}

static const int64_t CONSTANTS[] = {0, 1, 2, 3, 4, 5, 7, 8, 15, 16, -1, -3};

static tc_value make_int(struct maker *w, uint32_t depth) {
  static const enum tc_opcode OPS[] = {TC_OP_add, TC_OP_add,      TC_OP_sub,
                                       TC_OP_mul, TC_OP_floordiv, TC_OP_floormod,
                                       TC_OP_min, TC_OP_max,      TC_OP_xor};
  if (depth == 0)
    return roll(w, 3) ? w->leaves[roll(w, w->n_leaves)] : kit_i(w->k, CONSTANTS[roll(w, 12)]);
  enum tc_opcode op = OPS[roll(w, TC_COUNT(OPS))];
  tc_value a = make_int(w, depth - 1);
  bool by_constant = op == TC_OP_mul || op == TC_OP_floordiv || op == TC_OP_floormod;
  if (by_constant) return kit_op(w->k, op, a, kit_i(w->k, CONSTANTS[1 + roll(w, 8)]));
  return kit_op(w->k, op, a, make_int(w, roll(w, depth)));
}

static tc_value make_bool(struct maker *w) {
  static const enum tc_opcode OPS[] = {TC_OP_lt, TC_OP_le, TC_OP_eq, TC_OP_ne};
  tc_value c = kit_op(w->k, OPS[roll(w, 4)], make_int(w, 1), make_int(w, roll(w, 2)));
  return roll(w, 4) ? c : tc_unary(w->k->ir, TC_OP_not, c);
}

/* Runs check alone. Returns its first error, or 0 when there is none. */
static bool refused(struct kit *k, enum tc_diag_id *id) {
  tc_pass_options options = {0};
  tc_diags *diags = k->ir->diags;
  tc_unwind *outer = k->arena.unwind, inner;
  k->arena.unwind = &inner;
  int why = setjmp(inner.at);
  if (why == 0) tc_pass_run(k->ir, tc_pass_find(TC_STR("check")), &options, NULL);
  k->arena.unwind = outer;
  if (why && why != TC_WHY_ERROR) tc_unwind_to(outer, (enum tc_why)why);
  if (!diags->n_errors) return false;
  *id = diags->all.at[0].id;
  return true;
}

static void forget_diags(struct kit *k) {
  k->ir->diags->n_errors = k->ir->diags->n_warnings = 0;
  k->ir->diags->all.n = 0;
}

static uint32_t case_number;
static uint64_t n_refused, n_races, n_passed;

/* ---- 1. bounds, divisions, shifts ---- */

enum { GRID = 2, TRIPS = 3, WIDTH = 8, N_SHARED = 16, N_OUT = GRID * TRIPS * WIDTH };

static tc_value make_risky(struct maker *w, tc_value x) {
  static const enum tc_opcode OPS[] = {TC_OP_floordiv, TC_OP_floormod, TC_OP_truncdiv, TC_OP_shl,
                                       TC_OP_shr};
  tc_ir *ir = w->k->ir;
  tc_value by = make_int(w, roll(w, 3));
  tc_value r = kit_op(w->k, OPS[roll(w, 5)], x, by);
  if (roll(w, 3)) return r;
  return tc_select(ir, make_bool(w), r, kit_i(w->k, 3));
}

static void random_accesses(struct kit *k) {
  static int32_t out[N_OUT];
  struct maker w = {.k = k, .seed = case_number * UINT64_C(991) + 3, .n_leaves = 3};
  int64_t extent = N_SHARED;
  tc_value bx, j, i, none = {0};
  tc_buf global = kit_param(k, "OUT", TC_DT_int32, out, N_OUT, -1);
  tc_region at = kit_kernel(k, kit_i(k, GRID), &bx);
  tc_buf shared = kit_alloc(k, at, "S", TC_SCOPE_shared, TC_DT_int32, 1, &extent);
  tc_value zero = kit_i(k, 0);
  kit_stmt(k, at, TC_OP_fill, (tc_value[]){tc_slice_whole(k->ir, shared), zero}, 2, 0);
  at = kit_for(k, at, zero, kit_i(k, TRIPS), 1, &j);
  at = kit_for(k, at, zero, kit_i(k, WIDTH), 1, &i);
  w.leaves[0] = bx, w.leaves[1] = j, w.leaves[2] = i;
  tc_value place = kit_op(k, TC_OP_add, kit_op(k, TC_OP_mul, bx, kit_i(k, TRIPS)), j);
  place = kit_op(k, TC_OP_add, kit_op(k, TC_OP_mul, place, kit_i(k, WIDTH)), i);
  if (roll(&w, 2)) at = kit_child(k, tc_if(k->ir, at, make_bool(&w), kit_nowhere), roll(&w, 2));
  tc_value index = roll(&w, 4) ? kit_op(k, TC_OP_floormod, make_int(&w, 2), kit_i(k, N_SHARED))
                               : make_int(&w, 1 + roll(&w, 2));
  tc_value x =
      tc_load(k->ir, at, shared, &index, roll(&w, 2) ? none : make_bool(&w), none, kit_nowhere);
  if (roll(&w, 3) == 0)
    x = make_risky(&w, x);
  else if (roll(&w, 3) == 0)
    x = kit_op(k, TC_OP_add, x, make_risky(&w, make_int(&w, 1)));
  tc_store(k->ir, at, global, &place, x, none, kit_nowhere);
  tc_access_of(k->ir, tc_block_at(k->ir, at)->ops.at[1])->flags |= TC_ACCESS_IN_BOUNDS;
  enum tc_diag_id id;
  bool says = refused(k, &id);
  forget_diags(k);
  bool runs = kit_run(k);
  n_refused += says, n_passed += !says;
  kit_check(k, says == !runs, says ? "refused, but it runs" : "accepted, but it does not run");
  if (says == !runs) return;
  printf("case %u: %s\n", case_number, says ? tc_diag_row(id)->name : "");
  kit_show(k);
}

/* ---- 2. races ---- */

enum { ROWS = 6, COLUMNS = 5, N_ACCESSES = 3 };

struct accesses {
  tc_value index[N_ACCESSES], condition[N_ACCESSES], value[N_ACCESSES];
  bool writes[N_ACCESSES];
};

static int64_t value_at(const struct maker *w, tc_value v, const int64_t at[2]) {
  const tc_op *op = tc_op_at(w->k->ir, v);
  tc_scalar in[3] = {{.poison = true}, {.poison = true}, {.poison = true}};
  if (op->opcode == TC_OP_const) return w->k->ir->imms.at[op->payload].i;
  if (op->opcode == TC_OP_var) return v.id == w->leaves[0].id ? at[0] : at[1];
  for (uint32_t i = 0; i < op->n_in; i++)
    in[i] = (tc_scalar){.x.i = value_at(w, tc_input(w->k->ir, op, i), at)};
  tc_type type = tc_value_type(w->k->ir, tc_input(w->k->ir, op, 0));
  if (op->opcode == TC_OP_not || op->opcode == TC_OP_neg)
    return tc_scalar_unary((enum tc_opcode)op->opcode, type, in[0]).x.i;
  return tc_scalar_binary((enum tc_opcode)op->opcode, type, in[0], in[1]).x.i;
}

struct event {
  int64_t index, value;
  bool happens;
};

static struct event event_of(const struct maker *w, const struct accesses *a, int n,
                             const int64_t at[2]) {
  struct event e = {.happens = !a->condition[n].id || value_at(w, a->condition[n], at)};
  e.index = value_at(w, a->index[n], at);
  if (a->writes[n]) e.value = value_at(w, a->value[n], at);
  return e;
}

/* Did iteration `at` write the element before its access number n? Then it reads its own value. */
static bool is_own(const struct maker *w, const struct accesses *a, int n, const int64_t at[2],
                   int64_t index) {
  for (int m = 0; m < n; m++) {
    struct event e = event_of(w, a, m, at);
    if (a->writes[m] && e.happens && e.index == index) return true;
  }
  return false;
}

static bool meet(const struct maker *w, const struct accesses *a, const int64_t x[2],
                 const int64_t y[2]) {
  for (int m = 0; m < N_ACCESSES; m++)
    for (int n = 0; n < N_ACCESSES; n++) {
      struct event e = event_of(w, a, m, x), f = event_of(w, a, n, y);
      if (!a->writes[m] || !e.happens || !f.happens || e.index != f.index) continue;
      if (a->writes[n] ? e.value != f.value : !is_own(w, a, n, y, f.index)) return true;
    }
  return false;
}

static bool has_race(const struct maker *w, const struct accesses *a) {
  for (int64_t x = 0; x < ROWS * COLUMNS; x++)
    for (int64_t y = 0; y < ROWS * COLUMNS; y++) {
      int64_t p[2] = {x / COLUMNS, x % COLUMNS}, q[2] = {y / COLUMNS, y % COLUMNS};
      if (x != y && meet(w, a, p, q)) return true;
    }
  return false;
}

static struct accesses make_accesses(struct maker *w) {
  struct accesses a = {{{0}}, {{0}}, {{0}}, {false}};
  struct kit *k = w->k;
  tc_value size = kit_i(k, 32);
  tc_value row =
      kit_op(k, TC_OP_add, kit_op(k, TC_OP_mul, w->leaves[0], kit_i(k, COLUMNS)), w->leaves[1]);
  for (int n = 0; n < N_ACCESSES; n++) {
    a.writes[n] = roll(w, 3) != 0;
    a.index[n] = kit_op(k, TC_OP_floormod, make_int(w, 1 + roll(w, 2)), size);
    if (roll(w, 3)) a.index[n] = roll(w, 4) ? row : a.index[0];
    if (roll(w, 2)) a.condition[n] = make_bool(w);
    a.value[n] = make_int(w, roll(w, 3));
  }
  return a;
}

static void random_races(struct kit *k) {
  static int32_t out[ROWS * COLUMNS];
  struct maker w = {.k = k, .seed = case_number * UINT64_C(3331) + 9, .n_leaves = 2};
  int64_t extent = 32;
  tc_value bx, none = {0};
  tc_buf global = kit_param(k, "OUT", TC_DT_int32, out, ROWS * COLUMNS, -1);
  tc_region at = kit_kernel(k, kit_i(k, 1), &bx);
  tc_buf shared = kit_alloc(k, at, "S", TC_SCOPE_shared, TC_DT_int32, 1, &extent);
  kit_stmt(k, at, TC_OP_fill, (tc_value[]){tc_slice_whole(k->ir, shared), kit_i(k, 0)}, 2, 0);
  at = kit_parallel2(k, at, kit_i(k, ROWS), kit_i(k, COLUMNS), &w.leaves[0], &w.leaves[1]);
  struct accesses a = make_accesses(&w);
  tc_value place =
      kit_op(k, TC_OP_add, kit_op(k, TC_OP_mul, w.leaves[0], kit_i(k, COLUMNS)), w.leaves[1]);
  for (int n = 0; n < N_ACCESSES; n++) {
    tc_region inside = at;
    bool branch = a.condition[n].id && roll(&w, 2);
    if (branch) inside = kit_child(k, tc_if(k->ir, at, a.condition[n], kit_nowhere), 0);
    tc_value pred = branch ? none : a.condition[n];
    if (a.writes[n]) {
      tc_store(k->ir, inside, shared, &a.index[n], a.value[n], pred, kit_nowhere);
      continue;
    }
    tc_value x = tc_load(k->ir, inside, shared, &a.index[n], pred, none, kit_nowhere);
    tc_store(k->ir, inside, global, &place, x, none, kit_nowhere);
    const tc_block *block = tc_block_at(k->ir, inside);
    tc_access_of(k->ir, block->ops.at[block->ops.n - 1])->flags |= TC_ACCESS_IN_BOUNDS;
  }
  /* Two loads whose values go to one place in one iteration are no race. */
  enum tc_diag_id id = D_bug;
  bool says = refused(k, &id), wanted = has_race(&w, &a);
  n_races += wanted, n_passed += !wanted;
  bool right = !says || id == D_write_race || id == D_read_race;
  kit_check(k, says == wanted && right, says ? "a race that is none" : "a race not seen");
  if (says == wanted && right) return;
  printf("case %u\n", case_number);
  kit_show(k);
  tc_sb text = tc_sb_in(&k->arena);
  tc_ir_print(k->ir, 0, &k->arena, &text);
  printf("%s", text.at);
}

/* ---- 3. what depends on the launch ---- */

static void expect_warning(struct kit *k, enum tc_diag_id id, const char *part) {
  enum tc_diag_id error;
  kit_check(k, !refused(k, &error), "no error");
  tc_sb text = tc_sb_in(&k->arena);
  tc_diags_render(k->ir->diags, TC_DIAG_TEXT, &text);
  bool right = k->ir->diags->n_warnings == 1 && k->ir->diags->all.at[0].id == id;
  kit_check(k, right && strstr(text.at, part), part);
  if (!right) kit_show(k);
}

static void sizes_give_warnings(struct kit *k) {
  int64_t extent = 64;
  tc_value bx, i, size = tc_var_value(k->ir, kit_dim(k, "M"));
  kit_param_of(k, "A", TC_DT_int32, 1, &size, NULL, &extent);
  tc_region at = kit_kernel(k, kit_i(k, 1), &bx);
  tc_buf shared = kit_alloc(k, at, "S", TC_SCOPE_shared, TC_DT_int32, 1, &extent);
  at = kit_for(k, at, kit_i(k, 0), size, 1, &i);
  kit_store(k, at, shared, i, kit_i(k, 1));
  expect_warning(k, D_element_outside_maybe, "T.assume");
}

static void assumptions_silence_them(struct kit *k) {
  int64_t extent = 64;
  tc_value bx, i, size = tc_var_value(k->ir, kit_dim(k, "M"));
  kit_param_of(k, "A", TC_DT_int32, 1, &size, NULL, &extent);
  tc_value fits = kit_op(k, TC_OP_le, size, kit_i(k, 64));
  kit_stmt(k, k->body, TC_OP_assume, &fits, 1, 0);
  tc_region at = kit_kernel(k, kit_i(k, 1), &bx);
  tc_buf shared = kit_alloc(k, at, "S", TC_SCOPE_shared, TC_DT_int32, 1, &extent);
  at = kit_for(k, at, kit_i(k, 0), size, 1, &i);
  kit_store(k, at, shared, i, kit_i(k, 1));
  enum tc_diag_id error;
  kit_check(k, !refused(k, &error) && k->ir->diags->n_warnings == 0, "nothing to say");
}

static void tiles_give_warnings(struct kit *k) {
  int64_t extent[2] = {4, 64}, wanted[2] = {1, 64};
  tc_value bx, i, size = tc_var_value(k->ir, kit_dim(k, "M")), zero = kit_i(k, 0);
  kit_param_of(k, "A", TC_DT_int32, 1, &size, NULL, &extent[1]);
  tc_region at = kit_kernel(k, kit_i(k, 1), &bx);
  tc_buf shared = kit_alloc(k, at, "S", TC_SCOPE_shared, TC_DT_int32, 2, extent);
  at = kit_for(k, at, zero, size, 1, &i);
  tc_value slice = kit_slice(k, shared, (tc_value[]){i, zero}, wanted);
  kit_stmt(k, at, TC_OP_fill, (tc_value[]){slice, zero}, 2, 0);
  expect_warning(k, D_tile_outside_maybe, "dimension 0 covers 4 to 4");
}

static void overflow_is_refused(struct kit *k) {
  int64_t huge = INT64_C(1) << 33;
  tc_type wide = tc_scalar_type(TC_DT_int64);
  tc_value bx, size = tc_const_int(k->ir, wide, huge);
  tc_buf a = kit_param_of(k, "A", TC_DT_int8, 1, &size, NULL, &huge);
  tc_region at = kit_kernel(k, kit_i(k, 1 << 18), &bx);
  tc_value index = kit_op(k, TC_OP_mul, bx, kit_i(k, 1 << 15));
  kit_store(k, at, a, index, tc_const_int(k->ir, tc_scalar_type(TC_DT_int8), 1));
  tc_access_of(k->ir, tc_block_at(k->ir, at)->ops.at[0])->flags |= TC_ACCESS_GUARDED;
  enum tc_diag_id error;
  kit_check(k, refused(k, &error) && error == D_index_overflow, "262143 * 32768 becomes -32768");
}

static void switched_off(struct kit *k) {
  int64_t extent = 64;
  tc_value bx;
  tc_region at = kit_kernel(k, kit_i(k, 1), &bx);
  tc_buf shared = kit_alloc(k, at, "S", TC_SCOPE_shared, TC_DT_int32, 1, &extent);
  kit_store(k, at, shared, kit_i(k, 64), kit_i(k, 1));
  tc_prove_options prove = {.users_off = 1u << TC_PROVE_check};
  tc_pass_options options = {.prove = &prove};
  tc_pass_run(k->ir, tc_pass_find(TC_STR("check")), &options, NULL);
  kit_check(k, !k->ir->diags->n_errors, "without the prover there is no witness");
}

int main(void) {
  struct kit totals = {.name = "pass_check"};
  KIT_CASE(&totals, sizes_give_warnings);
  KIT_CASE(&totals, assumptions_silence_them);
  KIT_CASE(&totals, tiles_give_warnings);
  KIT_CASE(&totals, overflow_is_refused);
  KIT_CASE(&totals, switched_off);
  for (case_number = 1; case_number <= 3000 && totals.n_failures < 10; case_number++)
    KIT_CASE(&totals, random_accesses);
  kit_check(&totals, n_refused > 500 && n_passed > 500, "both kinds of kernels");
  n_passed = 0;
  for (case_number = 1; case_number <= 3000 && totals.n_failures < 10; case_number++)
    KIT_CASE(&totals, random_races);
  kit_check(&totals, n_races > 500 && n_passed > 500, "both kinds of loops");
  return kit_report(&totals, "pass_check");
}
