/* Loads and stores of shared and global memory: through macros with an address, several
 * neighbouring elements at once where the index is a ramp. */
#include "ir/typing.h"
#include "target/cuda/cuda_impl.h"

#include <inttypes.h>
#include <string.h>

/* ---- addresses ---- */

static uint32_t element_b(tc_cemit *e, tc_buf buf) {
  tc_type elem = tc_buf_at(e->ir, buf)->elem;
  return tc_type_bits((tc_type){elem.dtype, 0, 1}) / 8;
}

/* Of the first element, where the index is a ramp. */
static const char *element_number(tc_cemit *e, tc_buf buf, const tc_value *index,
                                  int64_t *constant) {
  tc_value first[TC_MAX_RANK];
  for (uint32_t d = 0; d < tc_buf_at(e->ir, buf)->rank; d++)
    first[d] = tc_is(e->ir, index[d], TC_OP_ramp) ? tc_input(e->ir, tc_op_at(e->ir, index[d]), 0)
                                                  : index[d];
  return tc_ce_offset_parts(e, buf, first, 0, constant);
}

/* The constant that is added last, taken off: an immediate of the instruction. */
static tc_value without_constant(const tc_ir *ir, tc_value v, int64_t *constant) {
  *constant = 0;
  if (!tc_is(ir, v, TC_OP_add) || tc_type_bits(tc_value_type(ir, v)) < 32) return v;
  const tc_op *op = tc_op_at(ir, v);
  return tc_const_of(ir, tc_input(ir, op, 1), constant) ? tc_input(ir, op, 0) : v;
}

/* Shared memory is small: 32 bits hold every number of it, and sums modulo 2^32 are right. */
static const char *shared_address(tc_cemit *e, tc_buf buf, const tc_value *index) {
  const tc_buffer *b = tc_buf_at(e->ir, buf);
  if (!b->is_placed || b->rank != 1)
    tc_bug(e->arena->unwind, "cuda: buffer %s has no place", tc_name_of(e->ir, b->name));
  tc_value at = index[0];
  if (tc_is(e->ir, at, TC_OP_ramp)) at = tc_input(e->ir, tc_op_at(e->ir, at), 0);
  int64_t x;
  if (tc_const_of(e->ir, at, &x))
    return tc_ce_text(e, "smem + %" PRId64 "u", b->arena_b + x * element_b(e, buf));
  at = without_constant(e->ir, at, &x);
  uint32_t from = (uint32_t)((uint64_t)b->arena_b + (uint64_t)x * element_b(e, buf));
  return tc_ce_text(e, "smem + %" PRIu32 "u + (tc_u32)%s * %uu", from, tc_ce_ref(e, at, 0),
                    element_b(e, buf));
}

const char *tc_cudatext_address(tc_cemit *e, tc_buf buf, const tc_value *index) {
  enum tc_scope scope = tc_buf_at(e->ir, buf)->scope;
  if (scope == TC_SCOPE_shared || scope == TC_SCOPE_barrier) return shared_address(e, buf, index);
  int64_t constant = 0;
  const char *base = tc_ce_base(e, buf), *at = element_number(e, buf, index, &constant);
  if (strcmp(at, "0") != 0) base = tc_ce_text(e, "%s + (%s)", base, at);
  if (constant == 0) return base;
  return tc_ce_text(e, constant < 0 ? "%s - %" PRIu64 : "%s + %" PRIu64, base,
                    constant < 0 ? 0 - (uint64_t)constant : (uint64_t)constant);
}

const char *tc_cudatext_place(tc_cemit *e, tc_buf buf, const tc_value *index, uint32_t lane) {
  const tc_buffer *b = tc_buf_at(e->ir, buf);
  if (b->scope != TC_SCOPE_shared)
    return tc_ce_text(e, "%s + (%s)", tc_ce_base(e, buf), tc_ce_offset(e, buf, index, lane));
  uint32_t n = b->elem.lanes, at = lane / n % tc_value_type(e->ir, index[0]).lanes;
  return tc_ce_text(e, "smem + %" PRId64 "u + (tc_u32)%s * %uu",
                    b->arena_b + lane % n * element_b(e, buf), tc_ce_ref(e, index[0], at),
                    n * element_b(e, buf));
}

/* ---- words ---- */

/* What an access moves: `n` elements that lie side by side, as one word or a struct of words. */
typedef struct unit {
  uint32_t n, size_b; /* elements; bytes of each */
  const char *type;   /* of the whole            */
  uint32_t words;     /* of 32 bits; 0: smaller or one element */
} unit;

/* True when the last index is base + (0, 1, 2, ...) and the others are the same for all lanes. */
static bool is_run(tc_cemit *e, tc_buf buf, const tc_value *index, uint32_t *n) {
  uint32_t rank = tc_buf_at(e->ir, buf)->rank;
  *n = 1;
  for (uint32_t d = 0; d < rank; d++) {
    tc_type type = tc_value_type(e->ir, index[d]);
    if (type.lanes == 1) continue;
    int64_t step;
    if (d + 1 < rank || !tc_is(e->ir, index[d], TC_OP_ramp)) return false;
    if (!tc_const_of(e->ir, tc_input(e->ir, tc_op_at(e->ir, index[d]), 1), &step) || step != 1)
      return false;
    *n = type.lanes;
  }
  return true;
}

static bool unit_of(tc_cemit *e, tc_buf buf, const tc_value *index, unit *u) {
  const tc_buffer *b = tc_buf_at(e->ir, buf);
  if (!is_run(e, buf, index, &u->n) || b->elem.lanes != 1) return false;
  u->size_b = element_b(e, buf);
  uint32_t total_b = u->n * u->size_b;
  u->words = 0;
  u->type = tc_ce_storage(b->elem);
  if (u->n == 1) return true;
  if (total_b == 2) {
    u->type = "tc_u16";
    return true;
  }
  if (total_b != 4 && total_b != 8 && total_b != 16) return false;
  u->words = total_b / 4;
  u->type = u->words == 1 ? "tc_u32" : tc_ce_text(e, "tc_v%u_u32", u->words);
  return true;
}

/* The bits of element i of a unit held by variable `x`. */
static const char *part(tc_cemit *e, const unit *u, const char *x, uint32_t i) {
  uint32_t bit = i * u->size_b * 8;
  if (u->n == 1) return x;
  const char *word = u->words > 1 ? tc_ce_text(e, "%s.x[%u]", x, bit / 32) : x;
  if (u->size_b == 4) return word;
  if (u->size_b == 8)
    return tc_ce_text(e, "((tc_u64)%s.x[%u] << 32 | %s.x[%u])", x, bit / 32 + 1, x, bit / 32);
  const char *type = u->size_b == 2 ? "tc_u16" : "tc_u8";
  return bit % 32 ? tc_ce_text(e, "(%s)(%s >> %u)", type, word, bit % 32)
                  : tc_ce_text(e, "(%s)%s", type, word);
}

/* Stored bits as a value: of one element they have the storage's own type already. */
static const char *value_of(tc_cemit *e, const unit *u, tc_type elem, const char *bits) {
  return u->n == 1 ? tc_ce_decode(e, elem, bits) : tc_ce_of_bits(e, elem, bits);
}

/* ---- order ---- */

static const char *fence_of(uint8_t sync_scope) {
  switch ((enum tc_sync_scope)sync_scope) { /* table */
  case TC_SYNC_WARP:
  case TC_SYNC_BLOCK:
    return "TC_FENCE_BLOCK";
  case TC_SYNC_SYSTEM:
    return "TC_FENCE_SYSTEM";
  case TC_SYNC_CLUSTER:
  case TC_SYNC_DEVICE:
    break;
  }
  return "TC_FENCE_DEVICE";
}

void tc_cudatext_order(tc_cemit *e, uint8_t order, uint8_t sync_scope, bool after) {
  bool both = order == TC_ORDER_SEQ_CST || order == TC_ORDER_ACQ_REL;
  if (both || order == (after ? TC_ORDER_ACQUIRE : TC_ORDER_RELEASE))
    tc_cw_line(&e->w, "%s();", fence_of(sync_scope));
}

/* ---- statements ---- */

static bool is_shared(const tc_buffer *b) {
  return b->scope == TC_SCOPE_shared || b->scope == TC_SCOPE_barrier;
}

static bool is_ours(const tc_buffer *b) {
  return is_shared(b) || b->scope == TC_SCOPE_global;
}

static const tc_value *index_of(tc_cemit *e, tc_value stmt) {
  return tc_inputs_of(e->ir, tc_op_at(e->ir, stmt));
}

static const char *zero_of(const unit *u) {
  return u->words == 4 ? "{{0, 0, 0, 0}}" : u->words == 2 ? "{{0, 0}}" : "0";
}

static void refuse_packed(tc_cemit *e, tc_value stmt, const char *does) {
  const tc_buffer *b = tc_buf_at(e->ir, tc_access_buf(e->ir, stmt));
  tc_ce_refuse(e, stmt,
               tc_ce_text(e,
                          "%s %s of %s, several of which share a byte; keep them in a buffer of "
                          "whole bytes",
                          does, is_shared(b) ? "shared memory" : "memory",
                          tc_type_name(e->ir->arena, b->elem)));
}

/* Each lane by itself: places that do not lie side by side, elements that are vectors, or share
 * bytes. */
static void load_lanes(tc_cemit *e, tc_value stmt) {
  tc_buf buf = tc_access_buf(e->ir, stmt);
  const tc_buffer *b = tc_buf_at(e->ir, buf);
  tc_type type = tc_value_type(e->ir, stmt), elem = {b->elem.dtype, 0, 1};
  uint32_t bits = tc_type_bits(elem);
  const char *storage = tc_ce_storage(b->elem), *macro = is_shared(b) ? "TC_LDS" : "TC_LDG";
  tc_value other = tc_access_else(e->ir, stmt);
  if (bits < 8 && (is_shared(b) || 8 % bits)) refuse_packed(e, stmt, "a load from");
  for (uint32_t lane = 0; lane < type.lanes; lane++) {
    const char *cond = tc_ce_pred(e, tc_access_pred(e->ir, stmt), lane / b->elem.lanes), *x;
    if (bits < 8) {
      const char *n =
          tc_cw_temp(&e->w, "tc_i64", "%s", tc_ce_offset(e, buf, index_of(e, stmt), lane));
      x = tc_ce_text(e, "(tc_u8)(TC_LDG(tc_u8, %s + %s / %u) >> %s %% %u * %u & %u)",
                     tc_ce_base(e, buf), n, 8 / bits, n, 8 / bits, bits, (1u << bits) - 1);
      x = tc_ce_of_bits(e, elem, x);
    } else {
      x = tc_ce_text(e, "%s(%s, %s)", macro, storage,
                     tc_cudatext_place(e, buf, index_of(e, stmt), lane));
      x = tc_ce_decode(e, elem, x);
    }
    const char *none = other.id ? tc_ce_ref(e, other, lane) : "0";
    if (cond) x = tc_ce_text(e, "%s ? %s : %s", cond, x, none);
    tc_cw_def(&e->w, stmt.id, "const %s %s = %s;", tc_ce_type(elem), tc_ce_ref(e, stmt, lane), x);
  }
}

bool tc_cudatext_load(tc_cemit *e, tc_value stmt) {
  tc_buf buf = tc_access_buf(e->ir, stmt);
  const tc_buffer *b = tc_buf_at(e->ir, buf);
  tc_type type = tc_value_type(e->ir, stmt), elem = {b->elem.dtype, 0, 1};
  unit u;
  if (!is_ours(b)) return false;
  if (tc_ce_is_packed(b->elem) || !unit_of(e, buf, index_of(e, stmt), &u)) {
    load_lanes(e, stmt);
    return true;
  }
  const char *cond = tc_ce_pred(e, tc_access_pred(e->ir, stmt), 0);
  const char *at = tc_cudatext_address(e, buf, index_of(e, stmt));
  const tc_access *a = tc_access_of(e->ir, stmt);
  const char *alone = a->order ? "_ALONE" : "";
  const char *get =
      tc_ce_text(e, "%s%s(%s, %s)", is_shared(b) ? "TC_LDS" : "TC_LDG", alone, u.type, at);
  const char *word = tc_ce_text(e, "word%u", stmt.id);
  if (a->order == TC_ORDER_SEQ_CST) tc_cudatext_order(e, a->order, a->sync_scope, false);
  if (cond) {
    tc_cw_line(&e->w, "%s %s = %s;", u.type, word, zero_of(&u));
    tc_cw_line(&e->w, "if (%s) %s = %s;", cond, word, get);
  } else {
    tc_cw_line(&e->w, "const %s %s = %s;", u.type, word, get);
  }
  tc_cudatext_order(e, a->order, a->sync_scope, true);
  tc_value other = tc_access_else(e->ir, stmt);
  for (uint32_t lane = 0; lane < type.lanes; lane++) {
    const char *x = value_of(e, &u, elem, part(e, &u, word, lane));
    if (cond && other.id) x = tc_ce_text(e, "%s ? %s : %s", cond, x, tc_ce_ref(e, other, lane));
    tc_cw_def(&e->w, stmt.id, "const %s %s = %s;", tc_ce_type(type), tc_ce_ref(e, stmt, lane), x);
  }
  return true;
}

/* One 32-bit word of what is stored. */
static const char *word_of(tc_cemit *e, const unit *u, tc_type elem, tc_value value,
                           uint32_t word) {
  uint32_t lanes = tc_value_type(e->ir, value).lanes;
  if (u->size_b == 8) {
    const char *all = tc_ce_bits(e, elem, tc_ce_ref(e, value, word / 2 % lanes));
    return tc_ce_text(e, "(tc_u32)(%s >> %u)", all, word % 2 * 32);
  }
  uint32_t per_word = 4 / u->size_b;
  const char *text = NULL;
  for (uint32_t i = 0; i < per_word; i++) {
    const char *bits = tc_ce_bits(e, elem, tc_ce_ref(e, value, (word * per_word + i) % lanes));
    bits = tc_ce_text(e, i ? "(tc_u32)%s << %u" : "(tc_u32)%s", bits, i * u->size_b * 8);
    text = text ? tc_ce_text(e, "%s | %s", text, bits) : bits;
  }
  return text;
}

static const char *stored(tc_cemit *e, const unit *u, tc_type elem, tc_value value) {
  if (u->n == 1) return tc_ce_stored(e, elem, value, 0);
  if (u->words == 0)
    return tc_ce_text(e, "(tc_u16)(%s | %s << 8)", tc_ce_bits(e, elem, tc_ce_ref(e, value, 0)),
                      tc_ce_bits(e, elem, tc_ce_ref(e, value, 1)));
  if (u->words == 1) return word_of(e, u, elem, value, 0);
  const char *text = NULL;
  for (uint32_t w = 0; w < u->words; w++) {
    const char *x = word_of(e, u, elem, value, w);
    text = text ? tc_ce_text(e, "%s, %s", text, x) : x;
  }
  return tc_ce_text(e, "tc_make_v%u_u32(%s)", u->words, text);
}

static void store_lanes(tc_cemit *e, tc_value stmt) {
  tc_buf buf = tc_access_buf(e->ir, stmt);
  const tc_buffer *b = tc_buf_at(e->ir, buf);
  const tc_value *index = index_of(e, stmt);
  tc_type elem = {b->elem.dtype, 0, 1};
  tc_value value = tc_access_value(e->ir, stmt);
  uint32_t lanes = tc_value_type(e->ir, value).lanes, points = b->elem.lanes;
  for (uint32_t d = 0; d < b->rank; d++)
    if (tc_value_type(e->ir, index[d]).lanes > 1)
      points = tc_value_type(e->ir, index[d]).lanes * b->elem.lanes;
  for (uint32_t lane = 0; lane < points; lane++) {
    const char *cond = tc_ce_pred(e, tc_access_pred(e->ir, stmt), lane / b->elem.lanes);
    tc_cw_line(&e->w, "%s%s%s%s(%s, %s, %s);", cond ? "if (" : "", cond ? cond : "",
               cond ? ") " : "", is_shared(b) ? "TC_STS" : "TC_STG", tc_ce_storage(b->elem),
               tc_cudatext_place(e, buf, index, lane), tc_ce_stored(e, elem, value, lane % lanes));
  }
}

bool tc_cudatext_store(tc_cemit *e, tc_value stmt) {
  tc_buf buf = tc_access_buf(e->ir, stmt);
  const tc_buffer *b = tc_buf_at(e->ir, buf);
  tc_type elem = {b->elem.dtype, 0, 1};
  unit u;
  if (!is_ours(b)) return false;
  if (tc_ce_is_packed(b->elem)) refuse_packed(e, stmt, "a store to");
  if (!unit_of(e, buf, index_of(e, stmt), &u)) {
    store_lanes(e, stmt);
    return true;
  }
  const char *cond = tc_ce_pred(e, tc_access_pred(e->ir, stmt), 0);
  const tc_access *a = tc_access_of(e->ir, stmt);
  const char *alone = a->order ? "_ALONE" : "";
  const char *set = tc_ce_text(e, "%s%s(%s, %s, %s);", is_shared(b) ? "TC_STS" : "TC_STG", alone,
                               u.type, tc_cudatext_address(e, buf, index_of(e, stmt)),
                               stored(e, &u, elem, tc_access_value(e->ir, stmt)));
  tc_cudatext_order(e, a->order, a->sync_scope, false);
  if (cond)
    tc_cw_line(&e->w, "if (%s) %s", cond, set);
  else
    tc_cw_line(&e->w, "%s", set);
  if (a->order == TC_ORDER_SEQ_CST) tc_cudatext_order(e, a->order, a->sync_scope, true);
  return true;
}
