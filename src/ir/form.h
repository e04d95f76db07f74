/* The shape of IR text as data: the word of each enumerator (words.def), the attributes of each
 * payload (attrs.def) and the form of each statement (forms.def). The printer and the parser both
 * interpret these tables, so a field added to a payload and to attrs.def survives a round trip
 * without new code, and the verifier checks its range. */
#ifndef TC_IR_FORM_H
#define TC_IR_FORM_H

#include "ir/ir.h"

enum tc_words {
  TC_WORDS_order,
  TC_WORDS_sync_scope,
  TC_WORDS_atomic,
  TC_WORDS_relation,
  TC_WORDS_collective,
  TC_WORDS_mbarrier,
  TC_WORDS_queue,
  TC_WORDS_loop,
  TC_WORDS_policy,
  TC_WORDS_reduce,
  TC_WORDS_hint,
  TC_WORDS_role,
  TC_WORDS_engine,
  TC_WORDS_prim
};
/* NULL when the list has no such value. */
const char *tc_word(enum tc_words list, int64_t value);
bool tc_word_find(enum tc_words list, tc_str word, int64_t *value);

enum tc_attr_kind { TC_ATTR_FLAG, TC_ATTR_BIT, TC_ATTR_INT, TC_ATTR_WORD };
enum tc_attr_place { TC_ATTR_LEAD, TC_ATTR_MUST, TC_ATTR_TAIL };
typedef struct tc_attr {
  enum tc_payload_kind payload;
  enum tc_attr_kind kind;
  enum tc_attr_place place;
  uint32_t list; /* enum tc_words, or the bit */
  int64_t usual;
  const char *word; /* of a WORD row: what it is, for messages */
  size_t offset, size_b;
  bool is_signed;
} tc_attr;
/* All rows; those of one payload lie together. */
const tc_attr *tc_attrs(uint32_t *n);
/* The field's value in a payload record (a BIT gives 0 or 1). */
int64_t tc_attr_get(const tc_attr *attr, const void *record);
/* False, and nothing set, when the field cannot hold `x`. */
bool tc_attr_set(const tc_attr *attr, void *record, int64_t x);

/* The flag of a copy's optional operand: safe, signal or via. */
uint32_t tc_copy_option(tc_str word);

typedef struct tc_form {
  enum tc_opcode op;
  const char *text, *next;
} tc_form;
/* Text NULL for pure ops. */
tc_form tc_form_of(enum tc_opcode op);
/* The next word of a form, or an empty one at its end. */
tc_str tc_form_word(const char **at);

/* The ops written between their operands; the others are written as calls. Floor division is `/` of
 * integers; division is `/` of floats. */
typedef struct tc_infix {
  enum tc_opcode op;
  const char *symbol;
  int level; /* binds tighter when larger */
} tc_infix;
enum { TC_LEVEL_COMPARE = 1, TC_LEVEL_UNARY = 8 };
const tc_infix *tc_infixes(uint32_t *n);

/* Payload records of any kind. The record is NULL when the index is out of range or the kind has no
 * record; sizes are below TC_PAYLOAD_MAX_B. */
enum { TC_PAYLOAD_MAX_B = 128 };
void *tc_payload_at(const tc_ir *ir, enum tc_payload_kind kind, uint32_t index);
size_t tc_payload_size(enum tc_payload_kind kind); /* of a record; 0: the kind has none */
uint32_t tc_payload_push(tc_ir *ir, enum tc_payload_kind kind, const void *record);

/* The buffers a statement names in its payload, not those of slices: the k-th, or 0 beyond the
 * last. */
tc_buf tc_stmt_buf(const tc_ir *ir, const tc_op *op, uint32_t k);
/* The variables a statement binds: the k-th of *n, maybe 0. */
tc_var tc_stmt_var(const tc_ir *ir, const tc_op *op, uint32_t k, uint32_t *n);
/* The expressions of a buffer's declaration: shape, strides, offset, address; those present. */
uint32_t tc_buf_n_exprs(const tc_buffer *b);
tc_value tc_buf_expr(const tc_buffer *b, uint32_t k);

#endif
