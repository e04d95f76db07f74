/* Kernels that are functions of another language, in the public interface's terms (tilec.h): names
 * are looked up, and operations on foreign objects performed, by a resolver.
 *
 *   outwards   tc_foreign_ask: an operation on a foreign object; the arguments go out, the result
 *              comes in. Values that only have a meaning here go out as numbers.
 *   inwards    tc_foreign_enter: while a callback runs, the other language operates on such
 * numbers. It has an unwind record of its own, so that nothing jumps over foreign frames; after a
 * failure the trace is dead, and unwinding goes on when the callback has returned.
 *
 * A function whose text is known (foreign_code.c) is evaluated here like any other; its free names
 * are those of a module whose names the resolver knows. */
#ifndef TC_LANG_FOREIGN_H
#define TC_LANG_FOREIGN_H

#include "lang/eval_private.h"
#include "tilec/tilec.h"

enum { FOREIGN_MAX_DEPTH = 48, FOREIGN_MAX_ARGS = 4096 };

typedef struct foreign_file {
  const char *path;
  tc_str text;
  uint32_t first_line;
  const tc_ast *tree; /* NULL: it does not parse */
} foreign_file;

/* Where an evaluation stands in the history of its resolver (foreign_history.c). */
typedef struct tc_history_step tc_history_step;
typedef struct tc_history_record tc_history_record;
struct tc_history_cursor {
  bool begun, raised;
  uint32_t number;                /* of the evaluation, in its trace */
  uint32_t at;                    /* questions of `known` that were asked again */
  const tc_history_record *known; /* to follow; NULL: none, or no longer */
  tc_history_record *record;      /* to write; NULL: it is known */
  tc_history_step *open;          /* the innermost question the resolver is at */
};

struct tilec_trace {
  tc_lang *lang;
  tilec_resolver resolver;
  struct tc_history_cursor history;
  TC_VEC(tc_val) handed; /* what the resolver knows by its place + 1 */
  tc_map numbers;        /* of objects whose identity counts -> place in `taken` */
  TC_VEC(tc_val) taken;
  TC_VEC(foreign_file) files;
  uint32_t depth; /* callbacks that are running */
  bool begun, interrupted;
  enum tc_why failed; /* how a call from outside ended badly, or 0 */
};

/* A new evaluation: what an earlier one took in is forgotten. */
void tc_foreign_start(tilec_trace *t, tc_eval *ev);
/* The resolver forgets the trace; also after unwinding. */
void tc_foreign_end(tilec_trace *t);
/* From outside, while a callback runs (tilec_trace_do). */
tilec_status tc_foreign_enter(tilec_trace *t, tilec_op op, const tilec_value *args, size_t n,
                              tilec_value *result);

/* An evaluation begins, or the trace ends; nothing without a history. */
void tc_history_start(tilec_trace *t);
void tc_history_end(tilec_trace *t);
/* The step that answers the next question, or NULL; and doing what it says. */
const tc_history_step *tc_history_next(tilec_trace *t, tilec_op op, const tilec_value *args,
                                       uint32_t n);
tilec_status tc_history_repeat(tilec_trace *t, const tc_history_step *step, tilec_value *answer);
/* A question that goes to the resolver (NULL: it is not written down), what the resolver calls
 * while it is at it, and the answer. */
tc_history_step *tc_history_ask(tilec_trace *t, tilec_op op, const tilec_value *args, uint32_t n);
void tc_history_call(tilec_trace *t, tilec_op op, const tilec_value *args, uint32_t n);
void tc_history_answer(tilec_trace *t, tc_history_step *step, tilec_status status,
                       const tilec_value *answer);

/* Asks the resolver. UNBOUND is an answer. */
tc_val tc_foreign_ask(tc_eval *ev, tilec_op op, const tc_val *args, uint32_t n);
/* The same with a text between the first argument and the others (an operator, a name). */
tc_val tc_foreign_ask_text(tc_eval *ev, tilec_op op, tc_val first, const char *text);
tc_val tc_foreign_binary(tc_eval *ev, tilec_op op, const char *text, tc_val a, tc_val b);
tc_val tc_foreign_call(tc_eval *ev, tc_val callee, const tc_call_args *args);
/* All items of an iterable object; false when it is none. */
bool tc_foreign_items(tc_eval *ev, tc_val object, const tc_val **items, uint32_t *n);
bool tc_foreign_truth(tc_eval *ev, tc_val object);
tc_str tc_foreign_text(tc_eval *ev, tilec_op op, tc_val object);
void tc_foreign_set_attribute(tc_eval *ev, tc_val object, tc_name name, tc_val value);
/* True when an argument is a foreign object, or holds a staged value. */
bool tc_foreign_among(const tc_call_args *args);
bool tc_foreign_staged_among(const tc_call_args *args);

tc_val tc_foreign_in(tc_eval *ev, const tilec_value *v);
tilec_value tc_foreign_out(tc_eval *ev, tc_val v);
tc_val tc_foreign_object(uint64_t number);

/* The meaning here of an operation that another language asks for, or that was put off. */
tc_val tc_foreign_apply(tc_eval *ev, tilec_op op, const tc_val *args, uint32_t n);

/* The function behind a FUNCTION value; a foreign object when its text cannot be read. */
tc_val tc_foreign_function(tc_eval *ev, uint64_t object, uint32_t flags);
/* A free name of such a function. */
bool tc_foreign_lookup(tc_eval *ev, tc_module *module, tc_name name, tc_val *value);
bool tc_foreign_define(tc_eval *ev, tc_name name, tc_val *value);
tc_val tc_foreign_annotation(tc_eval *ev, const tc_function *fn, tc_name param);
tc_val tc_foreign_import(tc_eval *ev, const tc_module *from, tc_str path, uint32_t level);
tc_function *tc_foreign_entry(tc_eval *ev);

#endif
