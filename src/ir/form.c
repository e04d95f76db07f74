#include "ir/form.h"

#include <string.h>

/* ---- words ---- */

static const struct {
  enum tc_words list;
  int64_t value;
  const char *word;
} WORDS[] = {
#define WORD(list, value, word) {TC_WORDS_##list, value, word},
#include "ir/words.def"
#undef WORD
#define ENGINE(name, doc) {TC_WORDS_engine, TC_ENGINE_##name, #name},
#include "ir/engines.def"
#undef ENGINE
#define PRIM(name, result, operands, who, doc) {TC_WORDS_prim, TC_PRIM_##name, #name},
#include "ir/prims.def"
#undef PRIM
};

const char *tc_word(enum tc_words list, int64_t value) {
  for (size_t i = 0; i < TC_COUNT(WORDS); i++)
    if (WORDS[i].list == list && WORDS[i].value == value) return WORDS[i].word;
  return NULL;
}

bool tc_word_find(enum tc_words list, tc_str word, int64_t *value) {
  for (size_t i = 0; i < TC_COUNT(WORDS); i++)
    if (WORDS[i].list == list && tc_str_is(word, WORDS[i].word))
      return *value = WORDS[i].value, true;
  return false;
}

/* ---- attributes ---- */

#define IS_SIGNED(x) _Generic((x), int32_t : true, int64_t : true, default : false)
static const tc_attr ATTRS[] = {
#define ATTR(payload, type, member, kind, list, place, usual, word)                                \
  {TC_PL_##payload,                                                                                \
   TC_ATTR_##kind,                                                                                 \
   TC_ATTR_##place,                                                                                \
   list,                                                                                           \
   usual,                                                                                          \
   word,                                                                                           \
   offsetof(type, member),                                                                         \
   sizeof(((type *)0)->member),                                                                    \
   IS_SIGNED(((type *)0)->member)},
#include "ir/attrs.def"
#undef ATTR
};

const tc_attr *tc_attrs(uint32_t *n) {
  *n = TC_COUNT(ATTRS);
  return ATTRS;
}

static int64_t get_int(const tc_attr *attr, const void *record) {
  const unsigned char *at = (const unsigned char *)record + attr->offset;
  uint8_t u8;
  uint16_t u16;
  uint32_t u32;
  uint64_t u64;
  switch (attr->size_b) {
  case 1:
    memcpy(&u8, at, 1);
    return u8;
  case 2:
    memcpy(&u16, at, 2);
    return u16;
  case 4:
    memcpy(&u32, at, 4);
    return attr->is_signed ? (int64_t)(int32_t)u32 : (int64_t)u32;
  default:
    memcpy(&u64, at, 8);
    return (int64_t)u64;
  }
}

static void set_int(const tc_attr *attr, void *record, int64_t x) {
  unsigned char *at = (unsigned char *)record + attr->offset;
  uint8_t u8 = (uint8_t)x;
  uint16_t u16 = (uint16_t)x;
  uint32_t u32 = (uint32_t)x;
  switch (attr->size_b) {
  case 1:
    memcpy(at, &u8, 1);
    break;
  case 2:
    memcpy(at, &u16, 2);
    break;
  case 4:
    memcpy(at, &u32, 4);
    break;
  default:
    memcpy(at, &x, 8);
  }
}

int64_t tc_attr_get(const tc_attr *attr, const void *record) {
  int64_t x = get_int(attr, record);
  return attr->kind == TC_ATTR_BIT ? (x & attr->list) != 0 : x;
}

bool tc_attr_set(const tc_attr *attr, void *record, int64_t x) {
  if (attr->kind == TC_ATTR_BIT) {
    int64_t old = get_int(attr, record), bit = attr->list;
    set_int(attr, record, x ? old | bit : old & ~bit);
    return true;
  }
  int64_t lo = attr->is_signed ? INT64_MIN : 0, hi = INT64_MAX;
  if (attr->size_b == 1) hi = UINT8_MAX;
  if (attr->size_b == 2) hi = UINT16_MAX;
  if (attr->size_b == 4) hi = attr->is_signed ? INT32_MAX : UINT32_MAX;
  if (attr->size_b == 4 && attr->is_signed) lo = INT32_MIN;
  if (x < lo || x > hi) return false;
  set_int(attr, record, x);
  return true;
}

uint32_t tc_copy_option(tc_str word) {
  if (tc_str_is(word, "safe")) return TC_COPY_SAFE;
  return tc_str_is(word, "signal") ? TC_COPY_SIGNAL : TC_COPY_STAGE;
}

/* ---- forms and operators ---- */

static const tc_form FORMS[TC_OP_COUNT] = {
#define FORM(op, text, next) [TC_OP_##op] = {TC_OP_##op, text, next},
#include "ir/forms.def"
#undef FORM
};

tc_form tc_form_of(enum tc_opcode op) {
  return FORMS[op];
}

tc_str tc_form_word(const char **at) {
  while (**at == ' ')
    ++*at;
  const char *first = *at;
  while (**at && **at != ' ')
    ++*at;
  return (tc_str){first, (uint32_t)(*at - first)};
}

static const tc_infix INFIXES[] = {
    {TC_OP_eq, "==", TC_LEVEL_COMPARE},
    {TC_OP_ne, "!=", TC_LEVEL_COMPARE},
    {TC_OP_lt, "<", TC_LEVEL_COMPARE},
    {TC_OP_le, "<=", TC_LEVEL_COMPARE},
    {TC_OP_or, "|", 2},
    {TC_OP_xor, "^", 3},
    {TC_OP_and, "&", 4},
    {TC_OP_shl, "<<", 5},
    {TC_OP_shr, ">>", 5},
    {TC_OP_add, "+", 6},
    {TC_OP_sub, "-", 6},
    {TC_OP_mul, "*", 7},
    {TC_OP_div, "/", 7},
    {TC_OP_floordiv, "/", 7},
    {TC_OP_floormod, "%", 7},
};

const tc_infix *tc_infixes(uint32_t *n) {
  *n = TC_COUNT(INFIXES);
  return INFIXES;
}

/* ---- payload records ---- */

/* X(KIND, member of tc_ir, type) */
#define RECORDS(X)                                                                                 \
  X(ACCESS, accesses, tc_access)                                                                   \
  X(ATOMIC, atomics, tc_atomic)                                                                    \
  X(FENCE, fences, tc_fence)                                                                       \
  X(WAIT, waits, tc_wait)                                                                          \
  X(COLLECTIVE, collectives, tc_collective)                                                        \
  X(MBARRIER, mbarriers, tc_mbarrier)                                                              \
  X(ASYNC, asyncs, tc_async)                                                                       \
  X(KERNEL, kernels, tc_kernel)                                                                    \
  X(LOOP, loops, tc_loop)                                                                          \
  X(PARALLEL, parallels, tc_parallel)                                                              \
  X(GROUP, groups, tc_group)                                                                       \
  X(COPY, copies, tc_copy)                                                                         \
  X(GEMM, gemms, tc_gemm)                                                                          \
  X(REDUCE, reduces, tc_reduce)                                                                    \
  X(SCAN, scans, tc_scan)                                                                          \
  X(IM2COL, im2cols, tc_im2col)                                                                    \
  X(RING, rings, tc_ring)                                                                          \
  X(RINGREF, ringrefs, tc_ring_ref)                                                                \
  X(PRIM, prims, tc_prim)                                                                          \
  X(BARRIER, barriers, tc_barrier)                                                                 \
  X(PRINT, prints, tc_print)                                                                       \
  X(HINT, hints, tc_hint)
#define NO_RECORD                                                                                  \
  case TC_PL_NONE:                                                                                 \
  case TC_PL_IMM:                                                                                  \
  case TC_PL_VAR:                                                                                  \
  case TC_PL_MATH:                                                                                 \
  case TC_PL_INDEX:                                                                                \
  case TC_PL_SLICE:                                                                                \
  case TC_PL_BUF:                                                                                  \
  case TC_PL_TEXT:
#define X(KIND, member, type)                                                                      \
  _Static_assert(sizeof(type) <= TC_PAYLOAD_MAX_B, "raise TC_PAYLOAD_MAX_B");
RECORDS(X)
#undef X

void *tc_payload_at(const tc_ir *ir, enum tc_payload_kind kind, uint32_t index) {
  switch (kind) { /* table */
#define X(KIND, member, type)                                                                      \
  case TC_PL_##KIND:                                                                               \
    return index < ir->member.n ? &ir->member.at[index] : NULL;
    RECORDS(X)
#undef X
    NO_RECORD
    break;
  }
  return NULL;
}

size_t tc_payload_size(enum tc_payload_kind kind) {
  switch (kind) { /* table */
#define X(KIND, member, type)                                                                      \
  case TC_PL_##KIND:                                                                               \
    return sizeof(type);
    RECORDS(X)
#undef X
    NO_RECORD
    break;
  }
  return 0;
}

uint32_t tc_payload_push(tc_ir *ir, enum tc_payload_kind kind, const void *record) {
  switch (kind) { /* table */
#define X(KIND, member, type)                                                                      \
  case TC_PL_##KIND:                                                                               \
    tc_vec_push(ir->arena, &ir->member, *(const type *)record);                                    \
    return ir->member.n - 1;
    RECORDS(X)
#undef X
    NO_RECORD
    break;
  }
  return 0;
}

static tc_buf ring_buf(const tc_ring *ring, uint32_t k) {
  return k < ring->n_bufs ? ring->bufs[k] : (tc_buf){0};
}

tc_buf tc_stmt_buf(const tc_ir *ir, const tc_op *op, uint32_t k) {
  enum tc_payload_kind kind = tc_op_row((enum tc_opcode)op->opcode)->payload;
  const tc_buf none = {0};
  if (kind == TC_PL_BUF) return k ? none : (tc_buf){op->payload};
  const void *record = tc_payload_at(ir, kind, op->payload);
  if (!record) return none;
  if (kind == TC_PL_RING) return ring_buf(record, k);
  if (k) return none;
  if (kind == TC_PL_ACCESS) return ((const tc_access *)record)->buf;
  if (kind == TC_PL_ATOMIC) return ((const tc_atomic *)record)->buf;
  if (kind == TC_PL_WAIT) return ((const tc_wait *)record)->buf;
  if (kind == TC_PL_MBARRIER) return ((const tc_mbarrier *)record)->buf;
  if (kind == TC_PL_PRINT) return ((const tc_print *)record)->buf;
  if (kind == TC_PL_HINT) return ((const tc_hint *)record)->buf;
  return none;
}

tc_var tc_stmt_var(const tc_ir *ir, const tc_op *op, uint32_t k, uint32_t *n) {
  enum tc_payload_kind kind = tc_op_row((enum tc_opcode)op->opcode)->payload;
  const void *record = tc_payload_at(ir, kind, op->payload);
  const tc_var none = {0};
  *n = 0;
  if (!record) return none;
  if (kind == TC_PL_LOOP) {
    *n = 1;
    return k ? none : ((const tc_loop *)record)->var;
  }
  if (kind == TC_PL_GROUP) {
    *n = 1;
    return k ? none : ((const tc_group *)record)->thread;
  }
  if (kind == TC_PL_PARALLEL) {
    const tc_parallel *p = record;
    *n = p->n;
    return k < p->n ? p->vars[k] : none;
  }
  if (kind == TC_PL_KERNEL) {
    const tc_kernel *kernel = record;
    *n = 6;
    return k < 3 ? kernel->block[k] : k < 6 ? kernel->thread[k - 3] : none;
  }
  return none;
}

uint32_t tc_buf_n_exprs(const tc_buffer *b) {
  return b->rank + (b->strides ? b->rank : 0) + (b->offset.id != 0) + (b->address.id != 0);
}

tc_value tc_buf_expr(const tc_buffer *b, uint32_t k) {
  if (k < b->rank) return b->shape[k];
  k -= b->rank;
  if (b->strides) {
    if (k < b->rank) return b->strides[k];
    k -= b->rank;
  }
  if (b->offset.id && k-- == 0) return b->offset;
  if (b->address.id && k == 0) return b->address;
  return (tc_value){0};
}
