/* Exchanges between the lanes of a warp: shuffles of 32-bit words and votes are what the machine
 * has; other types are made of words, other questions of votes, sums and the like of shuffles. */
#include "pass/lower.h"

#include "ir/form.h"
#include "ir/typing.h"

typedef struct exchange {
  tc_lower *lw;
  tc_collective what;
  tc_type type; /* of the value */
  tc_value value, lane;
} exchange;

static tc_type u32(void) {
  return tc_scalar_type(TC_DT_uint32);
}

static tc_value number(const exchange *x, int64_t n) {
  return tc_const_int(x->lw->ir, u32(), n);
}

/* The number of the thread's lane, int32. */
static tc_value own_lane(const exchange *x) {
  return tc_lower_mod(x->lw, x->lw->tx, TC_WARP);
}

/* ---- words ---- */

enum { MOST_WORDS = 2 };

static tc_type raw_type(uint32_t bits) {
  return tc_scalar_type(bits == 8    ? TC_DT_uint8
                        : bits == 16 ? TC_DT_uint16
                        : bits == 32 ? TC_DT_uint32
                                     : TC_DT_uint64);
}

/* How many there are. */
static uint32_t to_words(const exchange *x, tc_value value, tc_value *word) {
  tc_ir *ir = x->lw->ir;
  uint32_t bits = tc_is_bool(x->type) ? 32 : tc_type_bits(x->type);
  if (bits < 8) tc_lower_refuse(x->lw, "an exchange between lanes of elements below a byte");
  if (tc_is_bool(x->type))
    value = tc_cast(ir, value, u32());
  else if (!tc_type_equal(x->type, raw_type(bits)))
    value = tc_reinterpret(ir, value, raw_type(bits));
  word[0] = tc_cast(ir, value, u32());
  if (bits <= 32) return 1;
  tc_value half = tc_const_int(ir, raw_type(bits), 32);
  word[1] = tc_cast(ir, tc_binary(ir, TC_OP_shr, value, half), u32());
  return 2;
}

static tc_value of_words(const exchange *x, const tc_value *word) {
  tc_ir *ir = x->lw->ir;
  if (tc_is_bool(x->type)) return tc_binary(ir, TC_OP_ne, word[0], number(x, 0));
  tc_type raw = raw_type(tc_type_bits(x->type));
  tc_value value = tc_cast(ir, word[0], raw);
  if (tc_type_bits(x->type) > 32) {
    tc_value high = tc_binary(ir, TC_OP_shl, tc_cast(ir, word[1], raw), tc_const_int(ir, raw, 32));
    value = tc_binary(ir, TC_OP_or, value, high);
  }
  return tc_type_equal(x->type, raw) ? value : tc_reinterpret(ir, value, x->type);
}

/* ---- shuffles ---- */

static enum tc_prim_row shuffle_row(enum tc_collective_kind kind) {
  switch ((int)kind) { /* table */
  case TC_COLL_SHFL_UP:
    return TC_PRIM_shuffle_up;
  case TC_COLL_SHFL_DOWN:
    return TC_PRIM_shuffle_down;
  case TC_COLL_SHFL_XOR:
    return TC_PRIM_shuffle_xor;
  default:
    return TC_PRIM_shuffle_idx;
  }
}

static tc_value shuffle_by(const exchange *x, enum tc_prim_row row, tc_value value, tc_value lane,
                           uint32_t width) {
  tc_value word[MOST_WORDS];
  uint32_t n = to_words(x, value, word);
  for (uint32_t i = 0; i < n; i++) {
    tc_value in[3] = {word[i], lane, tc_i32(x->lw->ir, width)};
    word[i] = tc_lower_prim(x->lw, row, 0, in, 3);
  }
  return of_words(x, word);
}

/* The lane that is read, for distances that the instruction would cut to five bits. */
static tc_value source_lane(const exchange *x) {
  tc_lower *lw = x->lw;
  tc_ir *ir = lw->ir;
  int64_t width = x->what.width;
  tc_type type = tc_value_type(ir, x->lane);
  tc_value low = tc_const_int(ir, type, -TC_WARP), high = tc_const_int(ir, type, TC_WARP);
  tc_value by = tc_binary(ir, TC_OP_min, x->lane, high), own = own_lane(x);
  if (tc_type_kind(type) != TC_K_UINT) by = tc_binary(ir, TC_OP_max, by, low);
  by = tc_lower_int(lw, by);
  tc_value at = tc_lower_mod(lw, own, width), base = tc_binary(ir, TC_OP_sub, own, at);
  enum tc_opcode op = x->what.kind == TC_COLL_SHFL_UP     ? TC_OP_sub
                      : x->what.kind == TC_COLL_SHFL_DOWN ? TC_OP_add
                                                          : TC_OP_xor;
  at = tc_binary(ir, op, at, by);
  tc_value there = tc_and(ir, tc_binary(ir, TC_OP_le, tc_i32(ir, 0), at),
                          tc_binary(ir, TC_OP_lt, at, tc_i32(ir, width)));
  return tc_select(ir, there, tc_lower_add(lw, base, at), own);
}

static tc_value shuffle(const exchange *x) {
  tc_lower *lw = x->lw;
  enum tc_collective_kind kind = (enum tc_collective_kind)x->what.kind;
  int64_t by;
  if (kind == TC_COLL_SHFL_IDX) {
    tc_type type = tc_value_type(lw->ir, x->lane);
    tc_value last = tc_const_int(lw->ir, type, (int64_t)x->what.width - 1);
    tc_value at = tc_lower_int(lw, tc_binary(lw->ir, TC_OP_and, x->lane, last));
    return shuffle_by(x, TC_PRIM_shuffle_idx, x->value, at, x->what.width);
  }
  if (tc_const_of(lw->ir, x->lane, &by) && by >= 0 && by < x->what.width)
    return shuffle_by(x, shuffle_row(kind), x->value, tc_i32(lw->ir, by), x->what.width);
  return shuffle_by(x, TC_PRIM_shuffle_idx, x->value, source_lane(x), TC_WARP);
}

/* In the order that ops.def gives. */
static tc_value combine(const exchange *x) {
  tc_ir *ir = x->lw->ir;
  tc_value all = x->value;
  if (x->lw->n_threads % TC_WARP)
    tc_lower_refuse_help(x->lw, "a sum over the lanes of a partial warp",
                         "use a multiple of 32 threads");
  for (uint32_t d = x->what.width / 2; d; d /= 2) {
    tc_value other = shuffle_by(x, TC_PRIM_shuffle_xor, all, tc_i32(ir, d), TC_WARP);
    all = tc_binary(ir, tc_collective_combine((enum tc_collective_kind)x->what.kind), all, other);
  }
  return all;
}

/* ---- votes ---- */

static tc_value ballot(const exchange *x, tc_value yes) {
  return tc_lower_prim(x->lw, TC_PRIM_ballot, 0, &yes, 1);
}

/* Of the bits of a warp, those of the thread's segment. */
static tc_value segment(const exchange *x, tc_value bits) {
  tc_ir *ir = x->lw->ir;
  if (x->what.width == TC_WARP) return bits;
  tc_value own = own_lane(x), at = tc_lower_mod(x->lw, own, x->what.width);
  tc_value base = tc_cast(ir, tc_binary(ir, TC_OP_sub, own, at), u32());
  tc_value ones = number(x, (INT64_C(1) << x->what.width) - 1);
  return tc_binary(ir, TC_OP_and, bits, tc_binary(ir, TC_OP_shl, ones, base));
}

static tc_value match(const exchange *x) {
  tc_ir *ir = x->lw->ir;
  tc_value word[MOST_WORDS], same = {0};
  uint32_t n = to_words(x, x->value, word);
  for (uint32_t i = 0; i < n; i++) {
    tc_value one = tc_lower_prim(x->lw, TC_PRIM_match_any, 0, &word[i], 1);
    same = same.id ? tc_binary(ir, TC_OP_and, same, one) : one;
  }
  same = segment(x, same);
  if (x->what.kind == TC_COLL_MATCH_ANY) return same;
  tc_value all = segment(x, ballot(x, tc_const_bool(ir, true)));
  return tc_select(ir, tc_binary(ir, TC_OP_eq, same, all), all, number(x, 0));
}

static tc_value vote(const exchange *x) {
  tc_ir *ir = x->lw->ir;
  bool all = x->what.kind == TC_COLL_ALL;
  /* Lanes that a block does not have say neither yes nor no. */
  tc_value yes = segment(x, ballot(x, all ? tc_unary(ir, TC_OP_not, x->value) : x->value));
  switch ((int)x->what.kind) { /* table */
  case TC_COLL_ALL:
    return tc_binary(ir, TC_OP_eq, yes, number(x, 0));
  case TC_COLL_ANY:
    return tc_binary(ir, TC_OP_ne, yes, number(x, 0));
  case TC_COLL_COUNT:
    return tc_math(ir, TC_MATH_popcount, &yes, 1);
  default:
    return yes;
  }
}

/* Warps put their votes side by side into memory, and every thread reads all of them. */
static tc_value vote_of_all(const exchange *x) {
  tc_lower *lw = x->lw;
  tc_ir *ir = lw->ir;
  bool all = x->what.kind == TC_COLL_ALL, count = x->what.kind == TC_COLL_COUNT;
  tc_value local = tc_lower_local(lw), result = {0};
  tc_value yes = ballot(x, all ? tc_unary(ir, TC_OP_not, x->value) : x->value);
  tc_buf array = tc_lower_scratch(lw, u32());
  tc_lower_mark mark = tc_lower_if(lw, tc_lower_lane0(lw));
  tc_lower_access put = {.buf = array, .n = 1, .rank = 1};
  put.index[0][0] = tc_lower_div(lw, local, TC_WARP);
  put.value[0] = yes;
  tc_lower_store(lw, &put);
  tc_lower_leave(lw, mark);
  tc_lower_meet(lw, "all warps have put their votes");
  for (int64_t k = 0; k < (lw->count + TC_WARP - 1) / TC_WARP; k++) {
    tc_lower_access get = {.buf = array, .n = 1, .rank = 1};
    get.index[0][0] = tc_i32(ir, k);
    tc_lower_load(lw, &get);
    tc_value one = count ? tc_math(ir, TC_MATH_popcount, &get.value[0], 1) : get.value[0];
    result = result.id ? tc_binary(ir, count ? TC_OP_add : TC_OP_or, result, one) : one;
  }
  tc_lower_meet(lw, "all threads have read the votes, whose place is used again");
  if (count) return result;
  return tc_binary(ir, all ? TC_OP_eq : TC_OP_ne, result, number(x, 0));
}

/* ---- the whole ---- */

static tc_value exchanged(const exchange *x) {
  switch ((enum tc_collective_kind)x->what.kind) { /* table */
  case TC_COLL_SHFL_IDX:
  case TC_COLL_SHFL_UP:
  case TC_COLL_SHFL_DOWN:
  case TC_COLL_SHFL_XOR:
    return shuffle(x);
  case TC_COLL_ANY:
  case TC_COLL_ALL:
  case TC_COLL_BALLOT:
  case TC_COLL_COUNT:
    return vote(x);
  case TC_COLL_MATCH_ANY:
  case TC_COLL_MATCH_ALL:
    return match(x);
  case TC_COLL_SUM:
  case TC_COLL_MIN:
  case TC_COLL_MAX:
  case TC_COLL_BITAND:
  case TC_COLL_BITOR:
  case TC_COLL_BITXOR:
    break;
  }
  return combine(x);
}

tc_value tc_lower_shuffle_xor(tc_lower *lw, tc_value value, int64_t by) {
  exchange x = {.lw = lw, .type = tc_value_type(lw->ir, value)};
  return shuffle_by(&x, TC_PRIM_shuffle_xor, value, tc_i32(lw->ir, by), TC_WARP);
}

void tc_lower_collective(tc_lower *lw, tc_value stmt) {
  tc_ir *ir = lw->ir;
  const tc_op *op = tc_op_at(ir, stmt);
  exchange x = {.lw = lw, .what = *tc_collective_of(ir, stmt)};
  int64_t lanes;
  tc_value mask = tc_collective_mask(ir, stmt), lane = tc_collective_lane(ir, stmt);
  x.value = tc_lower_value(lw, tc_input(ir, op, 0));
  x.type = tc_value_type(ir, x.value);
  if (lane.id) x.lane = tc_lower_value(lw, lane);
  if (mask.id && !(tc_const_of(ir, mask, &lanes) && (uint32_t)lanes == UINT32_MAX))
    tc_lower_refuse_help(lw, "an exchange between some lanes of a warp",
                         "leave the mask out: then all lanes take part");
  bool whole = x.what.sync_scope != TC_SYNC_WARP;
  tc_lower_map(lw, stmt, whole ? vote_of_all(&x) : exchanged(&x));
}
