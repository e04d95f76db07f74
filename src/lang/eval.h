/* The evaluator's own interface, in two halves that call each other:
 *
 *   the Python half  (eval_*.c)   statements, expressions, calls, closures, modules, py builtins
 *   the staged half  (stage_*.c)  everything that makes IR: operators on staged values, subscripts,
 *                                 stores, frames, and the T.* vocabulary of builtins.def
 *
 * The Python half decides what Python decides (scopes, control flow, argument binding) and asks the
 * staged half whenever an operand is staged. All functions may record a diagnostic and unwind. */
#ifndef TC_LANG_EVAL_H
#define TC_LANG_EVAL_H

#include "ir/build.h"
#include "lang/lang.h"
#include "lang/value.h"

/* Builder state of the function under construction. Copied and restored by frames. */
typedef struct tc_cursor {
  tc_region at;          /* statements go here; id 0: no function is under construction     */
  tc_value pred;         /* condition under which a lazily evaluated operand runs; 0: always */
  tc_frame *frames;      /* innermost open frame                                            */
  tc_value kernel;       /* the open kernel statement, or 0: in the prologue                */
  uint32_t block;        /* number of the staged block, for the scope rule of let names     */
  uint32_t loops;        /* run-time loops around, parallel ones not counted                */
  struct stage_rng *rng; /* state of the random numbers, or NULL                       */
} tc_cursor;

struct tc_eval {
  tc_lang *lang;
  tc_arena *arena;
  tc_diags *diags;
  tc_names *names;
  tc_source *source;
  tc_ir *ir; /* NULL outside a prim_func or eager function */
  tc_cursor cursor;
  tc_span here; /* the expression or statement being evaluated, inlining included */
  uint64_t steps_left;
  uint32_t depth;    /* Python call depth */
  uint32_t n_blocks; /* staged blocks opened so far */
  bool probing;      /* looking for the parameters' shapes only: ends at the first kernel */
  struct stage_reducer *reducers; /* of the function under construction, latest first */
  TC_VEC(const char *) outer;     /* pass_configs around the body, which win over those in it */
  bool lazy_operand; /* inside and/or/ternary: statements (a macro call) may not be emitted */
  uint32_t slices;   /* slices being evaluated: within one, a place is read once */
  /* The Python half's own: eval_private.h. */
  const tc_ast *node;            /* what is being evaluated, for diagnostics           */
  struct tc_running *running;    /* innermost function being evaluated                 */
  struct tc_staged_block *block; /* innermost staged block, for the scope rule of names */
  uint32_t nesting;              /* C recursion of the evaluator                        */
};

/* One call's arguments after * and ** were spread. */
typedef struct tc_call_arg {
  tc_name name; /* id 0: positional */
  tc_val value;
  tc_span span;
} tc_call_arg;
typedef struct tc_call_args {
  const tc_call_arg *at;
  uint32_t n;
  tc_span span; /* of the whole call */
} tc_call_args;

/* ---- the Python half ---- */
/* Calls any callable value. Macros and helpers are inlined here. */
tc_val tc_eval_call(tc_eval *ev, tc_val callee, const tc_call_args *args);
/* Calls with positional values only. */
tc_val tc_eval_apply(tc_eval *ev, tc_val callee, const tc_val *values, uint32_t n);
/* Refuses staged and deferred values where Python needs to know; `what` needs the value. */
void tc_py_need_known(tc_eval *ev, tc_val v, const char *what);
/* Python's ==, on compile-time values; staged operands are our bug. */
bool tc_eval_equal(tc_eval *ev, tc_val a, tc_val b);
/* Python's truth of a compile-time value. */
bool tc_eval_truth(tc_eval *ev, tc_val v);
/* str(v) and repr(v). */
tc_str tc_eval_str(tc_eval *ev, tc_val v);
tc_str tc_eval_repr(tc_eval *ev, tc_val v);
/* The items of a tuple, list, set, range, dict (its keys) or str. False when v is none of them. */
bool tc_eval_items(tc_eval *ev, tc_val v, const tc_val **items, uint32_t *n);
/* Dict of a call or literal; keys are compared as Python does. */
bool tc_eval_dict_get(tc_eval *ev, const tc_val_dict *dict, tc_val key, tc_val *value);
void tc_eval_dict_set(tc_eval *ev, tc_val_dict *dict, tc_val key, tc_val value);
uint32_t tc_eval_dict_entries(const tc_val_dict *dict, const tc_val **keys, const tc_val **values);
/* Whether a name was given with -D, without using it. */
bool tc_eval_is_defined(const tc_eval *ev, tc_name name);
/* The value a dimension or a factory parameter got with -D; false when none was given. */
bool tc_eval_define(tc_eval *ev, tc_name name, tc_val *value);

/* ---- the staged half ---- */
/* Operators where at least one operand is staged. */
tc_val tc_stage_unary(tc_eval *ev, enum tc_ast_unop op, tc_val a, tc_span span);
tc_val tc_stage_binary(tc_eval *ev, enum tc_ast_binop op, tc_val a, tc_val b, tc_span span);
/* EQ .. GE; `is` and `in` are Python's. */
tc_val tc_stage_compare(tc_eval *ev, enum tc_ast_cmpop op, tc_val a, tc_val b, tc_span span);
/* As an IR value: numbers become int32/float32/bool constants (literals adapt where the rules of
 * the language say so), elements and vars are loaded under the current predicate. A buffer or
 * anything else without a value is a diagnostic. */
tc_value tc_stage_value(tc_eval *ev, tc_val v, tc_span span);
/* The same, converted to bool as a condition. */
tc_value tc_stage_condition(tc_eval *ev, tc_val v, tc_span span);
/* A Python float as a constant: it keeps its precision on the way, and saturates as casts do. */
tc_value tc_stage_float(tc_eval *ev, double x, tc_type type);
/* The same as tc_stage_value, converted to `type` as a store does. */
tc_value tc_stage_convert(tc_eval *ev, tc_val v, tc_type type, tc_span span);
/* Logic of two bool values (both already evaluated, the right one under the left's predicate). */
tc_value tc_stage_and(tc_eval *ev, tc_value a, tc_value b);
tc_value tc_stage_or(tc_eval *ev, tc_value a, tc_value b);
/* Ternary join: both sides brought to one type, selected. */
tc_val tc_stage_select(tc_eval *ev, tc_value cond, tc_val a, tc_val b, tc_span span);
/* What a name keeps when `v` is bound to it: elements and vars are loaded, regions become vectors,
 * int32 constants become Python ints; compile-time values stay as they are. In the prologue pure
 * expressions stay symbolic. `name` is a hint for the IR. */
tc_val tc_stage_bind(tc_eval *ev, tc_val v, tc_name name, tc_span span);
/* object[index...]; index items are values, or TC_V_SLICE. */
tc_val tc_stage_subscript(tc_eval *ev, tc_val object, const tc_val *index, uint32_t n,
                          tc_span span);
/* target = value for ELEMENT, REGION, VAR. */
void tc_stage_store(tc_eval *ev, tc_val target, tc_val value, tc_span span);
/* object.name for staged values, dtypes, tensors, layouts, frames; false: no such attribute. */
bool tc_stage_attribute(tc_eval *ev, tc_val object, tc_str name, tc_val *value, tc_span span);
/* T.<name>: a row of builtins.def, a dtype, an enum; diagnostics for known-but-missing and
 * misspelt. */
tc_val tc_stage_vocabulary(tc_eval *ev, tc_str name, tc_span span);
/* "copy" of T.copy; static. */
const char *tc_stage_row_name(uint32_t row);
/* The index map of T.Layout(shape, map), a callable; false for layouts known by their name. */
bool tc_stage_layout_map(tc_val layout, tc_val *map);
/* True for a row whose operands after the first run only where they are chosen. */
bool tc_stage_is_lazy(uint32_t row);
/* Calls a row of builtins.def. */
tc_val tc_stage_call(tc_eval *ev, uint32_t row, const tc_call_args *args);
/* A dtype from T.float16, "float16", int, float, bool, torch-like attribute chains; else a
 * diagnostic. */
tc_type tc_stage_dtype(tc_eval *ev, tc_val v, tc_span span);
/* T.float16(x): a cast or constant; as many values as lanes pack a vector. */
tc_val tc_stage_dtype_call(tc_eval *ev, tc_type type, const tc_call_args *args);

/* Blocks. Each returns the cursor to restore with tc_stage_close. */
tc_cursor tc_stage_open(tc_eval *ev, tc_region region);
void tc_stage_close(tc_eval *ev, tc_cursor before);
/* `with frame as target`: emits the statement and enters its body; *target is what `as` binds. */
tc_cursor tc_stage_enter(tc_eval *ev, tc_frame *frame, tc_val *target, tc_span span);
void tc_stage_leave(tc_eval *ev, tc_frame *frame, tc_cursor before);
/* `for target in frame`: same for loops (range values included: pass a FRAME made of it). */
tc_frame *tc_stage_loop_of_range(tc_eval *ev, const tc_range *range, tc_span span);
bool tc_stage_is_loop(const tc_frame *frame);
/* A frame for `with` that means nothing: its body stands where it is. */
tc_frame *tc_stage_plain_frame(tc_eval *ev, tc_span span);
/* break or continue in the innermost staged loop; a diagnostic when there is none. */
void tc_stage_jump(tc_eval *ev, enum tc_opcode op, tc_span span);
void tc_stage_assert(tc_eval *ev, tc_val condition, tc_val message, tc_span span);
/* An expression statement whose value is staged. */
void tc_stage_expression(tc_eval *ev, tc_val v, tc_span span);

/* Functions. Parameters come in order; annotation is evaluated already (TENSOR, DTYPE, ...). */
void tc_stage_begin_function(tc_eval *ev, tc_name name, tc_span span);
tc_val tc_stage_parameter(tc_eval *ev, tc_name name, tc_val annotation, tc_span span);
/* `return` of a prim_func or eager function: T.empty buffers. */
void tc_stage_return(tc_eval *ev, tc_val value, tc_span span);
/* pass_configs from outside of the source, and of the decorator. Of two requests for one choice,
 * the one further outside counts. */
void tc_stage_outer_configs(tc_eval *ev, const tc_lang_define *given, uint32_t n, tc_val configs,
                            tc_span span);
/* out_idx of the decorator: parameters (negative counts from the end) that are results. */
void tc_stage_out_idx(tc_eval *ev, tc_val out_idx, tc_span span);
/* Checks what must hold at the end (all T.empty returned, at least one kernel) and gives the IR. */
tc_ir *tc_stage_end_function(tc_eval *ev, tc_span span);

#endif
