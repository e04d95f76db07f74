#include "base/checked.h"
#include "target/common/cemit.h"

#include <inttypes.h>
#include <string.h>

/* ---- sums and products as text ---- */

static const char *factor(tc_cemit *e, const char *x) {
  return strchr(x, ' ') ? tc_ce_text(e, "(%s)", x) : x;
}

const char *tc_ce_product(tc_cemit *e, const char *a, const char *b) {
  if (strcmp(a, "0") == 0 || strcmp(b, "0") == 0) return "0";
  if (strcmp(a, "1") == 0) return b;
  if (strcmp(b, "1") == 0) return a;
  return tc_ce_text(e, "%s * %s", factor(e, a), factor(e, b));
}

const char *tc_ce_sum(tc_cemit *e, const char *a, const char *b) {
  if (strcmp(a, "0") == 0) return b;
  return strcmp(b, "0") == 0 ? a : tc_ce_text(e, "%s + %s", a, b);
}

/* ---- linear forms as text ---- */

/* A leaf in 64 bits: the loop counter itself where there is one. */
static const char *wide(tc_cemit *e, tc_value leaf) {
  const tc_op *op = tc_op_at(e->ir, leaf);
  if (e->wides[leaf.id]) return e->wides[leaf.id];
  if (op->opcode == TC_OP_var && e->var_wide[op->payload]) return e->var_wide[op->payload];
  if (op->type.dtype == TC_DT_int64) return tc_ce_ref(e, leaf, 0);
  return tc_ce_text(e, "(tc_i64)%s", tc_ce_ref(e, leaf, 0));
}

static const char *term_text(tc_cemit *e, const char *leaf, int64_t by) {
  if (by == 1) return leaf;
  return tc_ce_text(e, by < 0 ? "%s * (%" PRId64 ")" : "%s * %" PRId64, leaf, by);
}

const char *tc_ce_linear(tc_cemit *e, const tc_linear *l) {
  const char *text = NULL;
  for (uint32_t i = 0; i < l->n; i++) {
    const char *t = term_text(e, wide(e, l->terms[i].leaf), l->terms[i].by);
    text = text ? tc_ce_text(e, "%s + %s", text, t) : t;
  }
  if (!text) return tc_ce_text(e, "%" PRId64, l->constant);
  if (l->constant == 0) return text;
  return tc_ce_text(e, l->constant < 0 ? "%s - %" PRIu64 : "%s + %" PRIu64, text,
                    l->constant < 0 ? 0 - (uint64_t)l->constant : (uint64_t)l->constant);
}

const char *tc_ce_linear32(tc_cemit *e, const tc_linear *l) {
  const char *text = tc_ce_text(e, "%" PRId32, (int32_t)l->constant);
  for (uint32_t i = 0; i < l->n; i++)
    text = tc_ce_text(e, "%s + %s", text,
                      term_text(e, tc_ce_ref(e, l->terms[i].leaf, 0), l->terms[i].by));
  return tc_ce_text(e, "(tc_i64)(tc_i32)(%s)", text);
}

/* An int32 index that may wrap is split into loop counters F, 0 <= F < 2^31 over the integers, and
 * the rest R, wrapped to int32. R + F lies in [-2^31, 2^32) and is congruent to the index modulo
 * 2^32. So if the index lies in [0, 2^31), as whoever asks here knows, R + F is the index; and the
 * C compiler sees that it advances with the counters. */
const char *tc_ce_index(tc_cemit *e, tc_value v) {
  tc_linear l = tc_linear_of(&e->ranges, v);
  if (l.exact) return tc_ce_linear(e, &l);
  tc_linear counters = {0}, rest = l;
  int64_t reach = 0;
  for (uint32_t i = 0; i < l.n; i++) {
    tc_linear_term t = l.terms[i];
    const tc_op *op = tc_op_at(e->ir, t.leaf);
    if (op->opcode != TC_OP_var || !e->var_wide[op->payload] || t.by <= 0) continue;
    tc_range r = tc_range_of(&e->ranges, t.leaf);
    if (r.lo < 0 || r.hi > INT32_MAX || t.by > INT32_MAX) continue;
    if (t.by * r.hi + reach > INT32_MAX) continue;
    reach += t.by * r.hi;
    counters.terms[counters.n++] = t;
    rest = tc_linear_without(&rest, t.leaf);
  }
  if (counters.n == 0) return tc_ce_text(e, "(tc_i64)%s", tc_ce_ref(e, v, 0));
  return tc_ce_text(e, "%s + %s", tc_ce_linear32(e, &rest), tc_ce_linear(e, &counters));
}

/* ---- strides ---- */

bool tc_ce_stride_const(tc_cemit *e, tc_buf buf, uint32_t d, int64_t *x) {
  const tc_buffer *b = tc_buf_at(e->ir, buf);
  if (b->strides) return tc_const_of(e->ir, b->strides[d], x);
  int64_t stride = 1;
  for (uint32_t k = d + 1; k < b->rank; k++) {
    int64_t extent;
    if (!tc_const_of(e->ir, b->shape[k], &extent)) return false;
    stride *= extent;
  }
  *x = stride;
  return true;
}

const char *tc_ce_stride(tc_cemit *e, tc_buf buf, uint32_t d) {
  const tc_buffer *b = tc_buf_at(e->ir, buf);
  int64_t x;
  if (tc_ce_stride_const(e, buf, d, &x)) return tc_ce_text(e, "%" PRId64, x);
  if (b->strides) return tc_ce_text(e, "(tc_i64)%s", tc_ce_ref(e, b->strides[d], 0));
  const char *text = NULL;
  for (uint32_t k = d + 1; k < b->rank; k++) {
    const char *extent = tc_ce_text(e, "(tc_i64)%s", tc_ce_ref(e, b->shape[k], 0));
    text = text ? tc_ce_text(e, "%s * %s", text, extent) : extent;
  }
  return text;
}

static const char *index_lane(tc_cemit *e, tc_value index, uint32_t lane) {
  tc_type type = tc_value_type(e->ir, index);
  if (type.lanes == 1) return tc_ce_index(e, index);
  return tc_ce_text(e, "(tc_i64)%s", tc_ce_ref(e, index, lane));
}

/* Takes the constant of an index off, times its stride. */
static const char *without_constant(tc_cemit *e, tc_value index, int64_t stride, int64_t *sum) {
  tc_linear l = tc_linear_of(&e->ranges, index);
  int64_t part;
  if (!l.exact || !tc_mul_fits(l.constant, stride, &part) || !tc_add_fits(*sum, part, sum))
    return tc_ce_index(e, index);
  l.constant = 0;
  return tc_ce_linear(e, &l);
}

const char *tc_ce_offset_parts(tc_cemit *e, tc_buf buf, const tc_value *index, uint32_t lane,
                               int64_t *constant) {
  const tc_buffer *b = tc_buf_at(e->ir, buf);
  uint32_t inner = b->elem.lanes;
  const char *text = "0";
  for (uint32_t d = 0; d < b->rank; d++) {
    int64_t zero, stride;
    if (tc_const_of(e->ir, index[d], &zero) && zero == 0) continue;
    bool apart = constant && inner == 1 && tc_value_type(e->ir, index[d]).lanes == 1
                 && tc_ce_stride_const(e, buf, d, &stride);
    const char *at = apart ? without_constant(e, index[d], stride, constant)
                           : index_lane(e, index[d], lane / inner);
    text = tc_ce_sum(e, text, tc_ce_product(e, at, tc_ce_stride(e, buf, d)));
  }
  if (inner == 1) return text;
  return tc_ce_text(e, "%s + %u", tc_ce_product(e, text, tc_ce_text(e, "%u", inner)), lane % inner);
}

const char *tc_ce_offset(tc_cemit *e, tc_buf buf, const tc_value *index, uint32_t lane) {
  return tc_ce_offset_parts(e, buf, index, lane, NULL);
}

uint32_t tc_ce_points(tc_cemit *e, const tc_buffer *b, const tc_value *index) {
  uint32_t points = 1;
  for (uint32_t d = 0; d < b->rank; d++) {
    uint32_t lanes = tc_value_type(e->ir, index[d]).lanes;
    if (lanes > points) points = lanes;
  }
  return points;
}

/* ---- elements ---- */

/* Buffers without a pointer of their own begin at an address, or inside their root, that is known
 * only here. */
const char *tc_ce_base(tc_cemit *e, tc_buf buf) {
  if (e->buf_names[buf.id]) return e->buf_names[buf.id];
  const tc_buffer *b = tc_buf_at(e->ir, buf);
  const char *type = tc_ce_storage(b->elem);
  if (b->address.id && !b->offset.id)
    return tc_ce_text(e, "((%s *)%s)", type, tc_ce_ref(e, b->address, 0));
  if (b->root.id == buf.id)
    tc_bug(e->arena->unwind, "emit: buffer '%s' has no storage here", tc_name_of(e->ir, b->name));
  const char *root = b->address.id ? tc_ce_text(e, "(tc_u8 *)%s", tc_ce_ref(e, b->address, 0))
                                   : tc_ce_base(e, b->root);
  if (!b->offset.id) return tc_ce_text(e, "((%s *)%s)", type, root);
  const char *offset = tc_ce_ref(e, b->offset, 0);
  uint32_t bits = tc_type_bits(b->elem);
  return tc_ce_text(e, "((%s *)((tc_u8 *)%s + (tc_i64)%s * %u / 8))", type, root, offset, bits);
}

const char *tc_ce_storage(tc_type elem) {
  return tc_dtype_row((enum tc_dtype)elem.dtype)->c_type;
}

bool tc_ce_is_packed(tc_type elem) {
  return tc_dtype_row((enum tc_dtype)elem.dtype)->bits < 8;
}

const char *tc_ce_decode(tc_cemit *e, tc_type elem, const char *bits) {
  const tc_dtype_info *row = tc_dtype_row((enum tc_dtype)elem.dtype);
  if (row->kind == TC_K_BOOL) return tc_ce_text(e, "(%s != 0)", bits);
  if (row->kind == TC_K_FLOAT)
    return row->format < 0 || elem.dtype == TC_DT_float32
               ? bits
               : tc_ce_text(e, "tc_%s_get(%s)", row->name, bits);
  if (row->kind == TC_K_INT && row->bits < 8)
    return tc_ce_text(e, "tc_sign%u(%s)", row->bits, bits);
  return bits;
}

const char *tc_ce_encode(tc_cemit *e, tc_type elem, const char *value) {
  const tc_dtype_info *row = tc_dtype_row((enum tc_dtype)elem.dtype);
  bool plain = row->kind != TC_K_FLOAT || row->bits >= 32;
  return plain ? value : tc_ce_text(e, "tc_%s_put(%s)", row->name, value);
}

const char *tc_ce_get(tc_cemit *e, tc_buf buf, const char *at) {
  const tc_buffer *b = tc_buf_at(e->ir, buf);
  const char *name = tc_ce_base(e, buf);
  if (b->scope == TC_SCOPE_var) return name;
  uint32_t bits = tc_dtype_row((enum tc_dtype)b->elem.dtype)->bits;
  const char *stored = tc_ce_is_packed(b->elem) ? tc_ce_text(e, "tc_get%u(%s, %s)", bits, name, at)
                                                : tc_ce_text(e, "%s[%s]", name, at);
  return tc_ce_decode(e, b->elem, stored);
}

/* The number of an element as a linear form; false when it is not known to be one. */
static bool offset_form(tc_cemit *e, tc_buf buf, const tc_value *index, tc_linear *sum) {
  const tc_buffer *b = tc_buf_at(e->ir, buf);
  *sum = (tc_linear){.exact = true};
  for (uint32_t d = 0; d < b->rank; d++) {
    int64_t stride;
    if (tc_value_type(e->ir, index[d]).lanes != 1 || !tc_ce_stride_const(e, buf, d, &stride))
      return false;
    tc_linear l = tc_linear_of(&e->ranges, index[d]);
    if (!l.exact || stride > INT32_MAX || !tc_linear_add(sum, &l, stride)) return false;
  }
  return true;
}

/* A packed element of which it is known where in its byte it lies: no run-time shift, and a byte
 * number that advances evenly. NULL when it is not known. */
static const char *known_part(tc_cemit *e, tc_buf buf, const tc_value *index) {
  const tc_buffer *b = tc_buf_at(e->ir, buf);
  tc_linear at;
  uint32_t bits = tc_type_bits((tc_type){b->elem.dtype, 0, 1});
  if ((bits != 4 && bits != 2) || b->elem.lanes != 1 || !offset_form(e, buf, index, &at))
    return NULL;
  int64_t per_byte = 8 / bits, steps = 0;
  if (e->phase.var.id) {
    int64_t by = tc_linear_by(&at, e->phase.var);
    at = tc_linear_without(&at, e->phase.var);
    at.constant += by * e->phase.member;
    steps = by * e->phase.group;
  }
  int64_t part = (at.constant % per_byte + per_byte) % per_byte;
  at.constant -= part;
  if (tc_linear_gcd(&at, per_byte) != per_byte || steps % per_byte) return NULL;
  at.constant /= per_byte;
  for (uint32_t i = 0; i < at.n; i++)
    at.terms[i].by /= per_byte;
  const char *byte = tc_ce_linear(e, &at), *step = tc_ce_text(e, "%" PRId64, steps / per_byte);
  if (steps) byte = tc_ce_sum(e, tc_ce_product(e, e->phase.step, step), byte);
  return tc_ce_text(e, "(tc_u8)(%s[%s] >> %d & %u)", tc_ce_base(e, buf), byte,
                    (int)part * (int)bits, (1u << bits) - 1);
}

const char *tc_ce_get_at(tc_cemit *e, tc_buf buf, const tc_value *index, uint32_t lane) {
  tc_type elem = tc_buf_at(e->ir, buf)->elem;
  const char *part = tc_ce_is_packed(elem) ? known_part(e, buf, index) : NULL;
  if (part) return tc_ce_decode(e, elem, part);
  return tc_ce_get(e, buf, tc_ce_offset(e, buf, index, lane));
}

const char *tc_ce_put(tc_cemit *e, tc_buf buf, const char *at, const char *bits) {
  const tc_buffer *b = tc_buf_at(e->ir, buf);
  const char *name = tc_ce_base(e, buf);
  if (b->scope == TC_SCOPE_var) return tc_ce_text(e, "%s = %s;", name, bits);
  if (!tc_ce_is_packed(b->elem)) return tc_ce_text(e, "%s[%s] = %s;", name, at, bits);
  /* Blocks may own neighbouring elements of one byte. */
  const char *how = b->scope == TC_SCOPE_global ? "_atomic" : "";
  return tc_ce_text(e, "tc_put%u%s(%s, %s, (tc_u8)(%s));",
                    tc_dtype_row((enum tc_dtype)b->elem.dtype)->bits, how, name, at, bits);
}
