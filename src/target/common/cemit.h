/* The one emitter of C-family text.
 *
 * It walks regions and prints statements and scalar values; what a target spells or does in its own
 * way (tile ops, parallel loops, printing, how a failed assert leaves) comes in through tc_ctarget.
 * Pure values become const locals where tc_place_values (or ..._early) puts them, loads become
 * const locals where they stand, and everything narrower than C's types is computed in a wider one
 * and rounded after each operation (ir/scalar.h is the reference), through functions of the
 * target's prelude.
 *
 * Compute types: ints of 8 bits and more are themselves, int2/int4 an 8-bit type, bool tc_bool,
 * every float narrower than 64 bits a float that holds a value of the narrow type. A vector value
 * is one local per lane. */
#ifndef TC_TARGET_COMMON_CEMIT_H
#define TC_TARGET_COMMON_CEMIT_H

#include "ir/ir.h"
#include "ir/walk.h"
#include "rt/table.h"
#include "target/common/ranges.h"
#include "target/common/write.h"

typedef struct tc_cemit tc_cemit;

typedef struct tc_ctarget {
  const char *const *math32; /* by tc_mathfn: function for float, NULL: mathfns.def's name */
  const char *independent;   /* precedes a loop whose iterations are independent */
  const char *fail;          /* leaves the kernel; the number of the failed site follows, */
  const char *fail_end;      /* and this                                                 */
  bool narrow;               /* counters of loops have 32 bits where that suffices */
  bool early;                /* divisions that do not change in a loop are computed before it */
  /* Records that there is no text for `what`: a sentence about this target. */
  void (*report)(tc_diags *diags, tc_span span, const char *what);
  /* Prints a statement the common part does not know. False: not an op of this target. */
  bool (*statement)(tc_cemit *e, tc_value stmt);
} tc_ctarget;

struct tc_cemit {
  tc_ir *ir;
  tc_arena *arena;
  const tc_ctarget *target;
  void *own; /* the target's own state */
  tc_cw w;
  tc_placement placed;
  tc_ranges ranges;
  const char **var_names; /* by variable id: the variable in its own type       */
  const char **var_wide;  /* by variable id: the same number in 64 bits, or NULL */
  const char **buf_names; /* by buffer id: pointer to storage, or the C variable of a `var` */
  const char **aliases;   /* by value id: another name to use, or NULL */
  const char **wides;     /* by value id: the same number in 64 bits, or NULL */
  const char **raw;       /* by value id: the stored bits of a loaded element, or NULL */
  uint16_t *known;        /* by value id: > 0 while a bool value is known to hold */
  bool *defined;          /* by value id: already defined in an enclosing scope */
  /* While iterations of a loop are printed in groups: var = step * group + member. */
  struct {
    tc_value var; /* 0: they are not */
    const char *step;
    int64_t group, member;
  } phase;
  bool in_parallel;         /* the innermost loop around is a lowered parallel loop */
  TC_VEC(tc_rt_site) sites; /* where the kernel may stop                        */
  const tc_map *site_codes; /* assert -> code of its error; NULL, or not there: a device assert */
};

/* ---- values: expr.c ---- */

/* The C type values of this type are computed in (one lane). */
const char *tc_ce_type(tc_type type);
/* The C expression for an already defined value: a name or a literal. */
const char *tc_ce_ref(tc_cemit *e, tc_value v, uint32_t lane);
const char *tc_ce_const(tc_cemit *e, tc_type type, tc_imm x);
/* The expression of one lane of a pure value whose operands are defined. */
const char *tc_ce_value_text(tc_cemit *e, tc_value v, uint32_t lane);
/* Prints the definition of a pure value whose operands are defined. */
void tc_ce_define(tc_cemit *e, tc_value v);
/* Defines a value over dims and scalars, operands first, before the place it has of its own: for
 * the pointers and extents of views, once for the kernel. */
void tc_ce_define_tree(tc_cemit *e, tc_value v);
/* The value as the bits to be stored: rounds at most once from the wider computation. */
const char *tc_ce_stored(tc_cemit *e, tc_type elem, tc_value v, uint32_t lane);
/* `x`, an operand or postfix expression of type `from`, as a value of type `to`; and as the bits
 * that are stored for it. */
const char *tc_ce_cast(tc_cemit *e, tc_type from, tc_type to, const char *x);
const char *tc_ce_converted(tc_cemit *e, tc_type from, tc_type to, const char *x);
/* add, min, max, and, or, xor of two operands as a value of their type. */
const char *tc_ce_binary(tc_cemit *e, enum tc_opcode code, tc_type type, const char *a,
                         const char *b);
/* A value's bit pattern as an unsigned 64-bit expression, nothing above its width; and back. */
const char *tc_ce_bits(tc_cemit *e, tc_type type, const char *x);
const char *tc_ce_of_bits(tc_cemit *e, tc_type type, const char *bits);
/* The conjunction of a predicate's parts that are not known to hold; NULL: it holds. */
const char *tc_ce_pred(tc_cemit *e, tc_value pred, uint32_t lane);
/* Appends the parts of a conjunction. */
typedef TC_VEC(tc_value) tc_value_vec;
void tc_ce_conjuncts(tc_cemit *e, tc_value pred, tc_value_vec *out);

/* ---- indices and memory: access.c ---- */

/* A 64-bit expression equal to an index that is known to lie in [0, 2^31) (or to fit, for int64).
 */
const char *tc_ce_index(tc_cemit *e, tc_value v);
/* The sum in 64 bits; exact forms only, or forms whose wrapping part the caller has split off. */
const char *tc_ce_linear(tc_cemit *e, const tc_linear *l);
/* The same modulo 2^32, as an int32 expression. */
const char *tc_ce_linear32(tc_cemit *e, const tc_linear *l);
/* Row-major or declared stride of dimension d: constant, or a 64-bit expression. */
bool tc_ce_stride_const(tc_cemit *e, tc_buf buf, uint32_t d, int64_t *x);
const char *tc_ce_stride(tc_cemit *e, tc_buf buf, uint32_t d);
/* Elements an access touches, neighbouring or scattered: more than one where an index is a vector.
 */
uint32_t tc_ce_points(tc_cemit *e, const tc_buffer *b, const tc_value *index);
/* The pointer to a buffer's first element, as an operand of []. May define temporaries. */
const char *tc_ce_base(tc_cemit *e, tc_buf buf);
/* Element number of an index tuple. */
const char *tc_ce_offset(tc_cemit *e, tc_buf buf, const tc_value *index, uint32_t lane);
/* The same without what is constant of it, which is added to *constant: accesses that differ in
 * that alone share the rest, and it becomes an immediate of the instruction. */
const char *tc_ce_offset_parts(tc_cemit *e, tc_buf buf, const tc_value *index, uint32_t lane,
                               int64_t *constant);
/* Element `at` (an expression) of a buffer, as a value of the compute type; `lane` of it. */
const char *tc_ce_get(tc_cemit *e, tc_buf buf, const char *at);
/* The element at an index tuple. */
const char *tc_ce_get_at(tc_cemit *e, tc_buf buf, const tc_value *index, uint32_t lane);
/* The statement that sets element `at` to stored bits. */
const char *tc_ce_put(tc_cemit *e, tc_buf buf, const char *at, const char *bits);
/* Storage type of one element: "float", "tc_u16", ... */
const char *tc_ce_storage(tc_type elem);
/* Elements share bytes, so an element has no address. */
bool tc_ce_is_packed(tc_type elem);
/* The value of the compute type for stored bits, and the stored bits for any value of it. */
const char *tc_ce_decode(tc_cemit *e, tc_type elem, const char *bits);
const char *tc_ce_encode(tc_cemit *e, tc_type elem, const char *value);

/* ---- statements: stmt.c ---- */

/* Everything of a region, in order. */
void tc_ce_region(tc_cemit *e, tc_region at);
/* One statement without the values placed before it. */
void tc_ce_statement(tc_cemit *e, tc_value stmt);
/* The values placed before statement `index` of the region. */
void tc_ce_placed(tc_cemit *e, tc_region at, uint32_t index);
/* Names a variable for C and returns the name. */
const char *tc_ce_name_var(tc_cemit *e, tc_var var);
/* An identifier made of a name of the IR and a number. */
const char *tc_ce_ident(tc_cemit *e, tc_name name, uint32_t id);
/* Sets the note of the next line to the statement's source line. */
void tc_ce_at(tc_cemit *e, tc_span span);
/* printf into the emitter's arena. */
const char *tc_ce_text(tc_cemit *e, const char *fmt, ...) TC_PRINTF(2, 3);
/* a * b and a + b, parenthesised where needed; 0 and 1 vanish. */
const char *tc_ce_product(tc_cemit *e, const char *a, const char *b);
const char *tc_ce_sum(tc_cemit *e, const char *a, const char *b);
/* Adds a site at the statement's line and returns its number as text. */
const char *tc_ce_site(tc_cemit *e, tc_value stmt, uint32_t code, const char *text);
/* Refuses a statement: records the diagnostic and unwinds. */
TC_NORETURN void tc_ce_refuse(tc_cemit *e, tc_value stmt, const char *what);

tc_cemit *tc_cemit_new(tc_ir *ir, tc_region body, const tc_ctarget *target, void *own,
                       tc_arena *arena);

#endif
