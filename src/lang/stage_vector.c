/* Short vectors: packed pairs, lanes, and loads and stores of so many bits, which move the bytes
 * that lie behind an element whatever their type. */
#include "lang/stage_private.h"

#include <string.h>

/* ---- packed pairs ---- */

enum { PAIR_ADD, PAIR_SUB, PAIR_MUL, PAIR_FMA, PAIR_MAX, PAIR_MIN, PAIR_ABS };

static tc_value pair_operand(tc_eval *ev, const stage_args *a, uint32_t i, tc_type type) {
  tc_value x = tc_stage_value(ev, a->v[i], a->at[i]);
  tc_type have = tc_value_type(ev->ir, x);
  bool ok = have.lanes == 2
            && (have.dtype == TC_DT_float32 || have.dtype == TC_DT_float16
                || have.dtype == TC_DT_bfloat16);
  if (!ok || (i && !tc_type_equal(have, type)))
    STAGE_FAIL(ev, D_argument_value, a->at[i], a->row->name, i ? "operands" : "its operand",
               i ? "pairs of one type" : "float32x2, float16x2 or bfloat16x2",
               tc_type_name(ev->arena, have));
  return x;
}

tc_val tc_do_packed(tc_eval *ev, stage_args *a) {
  static const enum tc_opcode OPS[] = {
      [PAIR_ADD] = TC_OP_add,  [PAIR_SUB] = TC_OP_sub, [PAIR_MUL] = TC_OP_mul,
      [PAIR_FMA] = TC_OP_math, [PAIR_MAX] = TC_OP_max, [PAIR_MIN] = TC_OP_min,
      [PAIR_ABS] = TC_OP_abs};
  tc_value x[3];
  x[0] = pair_operand(ev, a, 0, (tc_type){0});
  for (uint32_t i = 1; i < a->n; i++)
    x[i] = pair_operand(ev, a, i, tc_value_type(ev->ir, x[0]));
  if (a->row->aux == PAIR_FMA) return tc_val_expr(tc_math(ev->ir, TC_MATH_fma, x, 3));
  if (a->row->aux == PAIR_ABS) return tc_val_expr(tc_unary(ev->ir, TC_OP_abs, x[0]));
  return tc_val_expr(tc_binary(ev->ir, OPS[a->row->aux], x[0], x[1]));
}

/* ---- lanes ---- */

tc_val tc_do_extract_lane(tc_eval *ev, stage_args *a) {
  tc_value x = tc_stage_value(ev, a->v[0], a->at[0]);
  int64_t lane = tc_stage_int(ev, a->v[1], "lane", a->at[1]);
  tc_type type = tc_value_type(ev->ir, x);
  if (lane < 0 || lane >= type.lanes)
    STAGE_FAIL(ev, D_lane_range, a->at[1], lane, tc_type_name(ev->arena, type));
  return tc_stage_fold(ev, type.lanes == 1 ? x : tc_lane(ev->ir, x, (uint32_t)lane));
}

/* T.Shuffle(vectors, indices): the lanes of all vectors in a row, picked by number. */
tc_val tc_do_pick_lanes(tc_eval *ev, stage_args *a) {
  const tc_val *vectors = NULL, *picks = NULL;
  uint32_t n_vectors = 0, n_picks = 0, n = 0;
  tc_value lanes[STAGE_MAX_LANES], out[STAGE_MAX_LANES];
  bool lists = tc_eval_items(ev, a->v[0], &vectors, &n_vectors)
               && tc_eval_items(ev, a->v[1], &picks, &n_picks);
  if (!lists || !n_vectors || !n_picks || n_picks > STAGE_MAX_LANES)
    STAGE_FAIL(ev, D_argument_value, a->span, a->row->name, "vectors and indices",
               "two lists of 1 to 64 items", "something else");
  for (uint32_t i = 0; i < n_vectors; i++) {
    tc_value x = tc_stage_value(ev, vectors[i], a->at[0]);
    tc_type type = tc_value_type(ev->ir, x);
    if (n + type.lanes > STAGE_MAX_LANES)
      STAGE_FAIL(ev, D_argument_value, a->at[0], a->row->name, "vectors", "64 lanes at most",
                 "more");
    for (uint32_t k = 0; k < type.lanes; k++)
      lanes[n++] = type.lanes == 1 ? x : tc_lane(ev->ir, x, k);
  }
  for (uint32_t i = 0; i < n_picks; i++) {
    int64_t at = tc_stage_int(ev, picks[i], "an index", a->at[1]);
    if (at < 0 || at >= n)
      STAGE_FAIL(ev, D_lane_range, a->at[1], at, tc_format(ev->arena, "%u lanes", n));
    out[i] = lanes[at];
    tc_stage_promote(ev, &out[0], &out[i], a->span);
  }
  return tc_val_expr(n_picks == 1 ? out[0] : tc_pack(ev->ir, out, n_picks));
}

/* ---- so many bits ---- */

/* Elements in the order of memory, from the one an operand names. */
typedef struct run {
  tc_buf buf; /* one-dimensional, or the operand's own */
  uint32_t n, rank;
  tc_value index[STAGE_MAX_RANK];
} run;

/* aux: the bits to move; negative for shared memory. */
static uint32_t bits_of(const stage_builtin *row) {
  return (uint32_t)(row->aux < 0 ? -row->aux : row->aux);
}

static void check_place(tc_eval *ev, const stage_args *a, const tc_buffer *b) {
  bool shared = a->row->aux < 0;
  enum tc_scope want = shared ? TC_SCOPE_shared : TC_SCOPE_global;
  if ((enum tc_scope)b->scope == want) return;
  STAGE_FAIL(ev, D_argument_value, a->at[0], a->row->name, "its place",
             shared ? "shared memory" : "global memory",
             tc_format(ev->arena, "'%s' in %s memory", tc_name_of(ev->ir, b->name),
                       tc_scope_name(b->scope)));
}

static run run_behind(tc_eval *ev, const stage_args *a, uint32_t bits) {
  stage_box box = tc_stage_box(ev, a->v[0], "the place", a->at[0]);
  const tc_buffer *b = tc_buf_at(ev->ir, box.buf);
  uint32_t elem_bits = tc_type_bits(b->elem);
  check_place(ev, a, b);
  if (tc_is_bool(b->elem) || b->elem.lanes != 1 || elem_bits > bits || bits % elem_bits)
    STAGE_FAIL(ev, D_argument_value, a->at[0], a->row->name, "elements",
               tc_format(ev->arena, "numbers that fill %u bits", bits),
               tc_type_name(ev->arena, b->elem));
  run r = {.buf = box.buf, .n = bits / elem_bits, .rank = box.rank};
  memcpy(r.index, box.base, box.rank * sizeof *r.index);
  if (box.rank < 2 || b->strides) return r;
  tc_value total = tc_const_int(ev->ir, tc_scalar_type(TC_DT_int64), 1);
  tc_value at = tc_zero(ev->ir, tc_scalar_type(TC_DT_int64));
  for (uint32_t d = 0; d < box.rank; d++) {
    total = tc_stage_arith(ev, TC_OP_mul, total, b->shape[d]);
    at = tc_stage_arith(ev, TC_OP_mul, at, b->shape[d]);
    at = tc_stage_arith(ev, TC_OP_add, at, box.base[d]);
  }
  r.buf = tc_buf_view(ev->ir, "", box.buf, b->elem, 1, &total, a->span);
  tc_buf_at(ev->ir, r.buf)->name = tc_buf_at(ev->ir, box.buf)->name;
  r.rank = 1;
  r.index[0] = at;
  return r;
}

static void index_of(tc_eval *ev, const run *r, uint32_t k, tc_value *index) {
  memcpy(index, r->index, r->rank * sizeof *index);
  tc_value step = tc_i32(ev->ir, k);
  if (r->rank) index[r->rank - 1] = tc_stage_arith(ev, TC_OP_add, index[r->rank - 1], step);
}

/* The condition of the call, on top of that of the place it stands in. */
static tc_value enter_predicate(tc_eval *ev, const stage_args *a, uint32_t i) {
  tc_value outer = ev->cursor.pred;
  if (i < a->n && a->v[i].kind != TC_V_NONE)
    ev->cursor.pred = tc_and(ev->ir, outer, tc_stage_condition(ev, a->v[i], a->at[i]));
  return outer;
}

static tc_type words_of(uint32_t bits) {
  return (tc_type){TC_DT_uint32, 0, (uint16_t)(bits / 32)};
}

tc_val tc_do_load_bits(tc_eval *ev, stage_args *a) {
  uint32_t bits = bits_of(a->row);
  tc_value lanes[STAGE_MAX_LANES], index[STAGE_MAX_RANK];
  run r = run_behind(ev, a, bits);
  tc_value outer = enter_predicate(ev, a, 1);
  for (uint32_t k = 0; k < r.n; k++) {
    index_of(ev, &r, k, index);
    lanes[k] = tc_stage_load(ev, r.buf, index, a->span).value;
  }
  ev->cursor.pred = outer;
  tc_value all = r.n == 1 ? lanes[0] : tc_pack(ev->ir, lanes, r.n);
  tc_type words = words_of(bits);
  if (tc_type_equal(tc_value_type(ev->ir, all), words)) return tc_val_expr(all);
  return tc_val_expr(tc_reinterpret(ev->ir, all, words));
}

tc_val tc_do_store_bits(tc_eval *ev, stage_args *a) {
  uint32_t bits = bits_of(a->row);
  run r = run_behind(ev, a, bits);
  tc_value x = tc_stage_value(ev, a->v[1], a->at[1]), index[STAGE_MAX_RANK];
  tc_type have = tc_value_type(ev->ir, x), want = tc_buf_at(ev->ir, r.buf)->elem;
  if (tc_is_bool(have) || tc_type_bits(have) != bits)
    STAGE_FAIL(ev, D_argument_value, a->at[1], a->row->name, "value",
               tc_format(ev->arena, "%u bits", bits), tc_type_name(ev->arena, have));
  want.lanes = (uint16_t)r.n;
  if (!tc_type_equal(have, want)) x = tc_reinterpret(ev->ir, x, want);
  tc_value outer = enter_predicate(ev, a, 2);
  for (uint32_t k = 0; k < r.n; k++) {
    index_of(ev, &r, k, index);
    tc_value part = r.n == 1 ? x : tc_lane(ev->ir, x, k);
    tc_stage_store_at(ev, r.buf, index, tc_val_expr(part), a->span);
  }
  ev->cursor.pred = outer;
  return tc_val_none();
}

/* T.__ldg(A[i]), T.__ldg(A, i): a load that says nobody writes there. */
tc_val tc_do_read_only(tc_eval *ev, stage_args *a) {
  tc_val place = a->v[0];
  if (a->v[1].kind != TC_V_NONE) place = tc_stage_subscript(ev, place, &a->v[1], 1, a->span);
  return tc_val_expr(tc_stage_value(ev, place, a->at[0]));
}
