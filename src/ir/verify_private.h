/* Inside of the verifier: its state, and what verify.c and verify_ops.c share. */
#ifndef TC_IR_VERIFY_PRIVATE_H
#define TC_IR_VERIFY_PRIVATE_H

#include "ir/verify.h"

/* Statements are numbered in walk order, and a region ends at the number after its last one. What
 * is defined by statement `from` and lives to `to` may be used by statement t when from < t < to.
 */
typedef struct tc_extent {
  uint32_t from, to;
} tc_extent;
#define TC_FOREVER UINT32_MAX

typedef struct tc_verifier {
  tc_ir *ir;
  enum tc_state state;
  bool failed;
  tc_problem problem;
  tc_value stmt;     /* being checked */
  uint32_t now;      /* its number */
  bool *region_seen; /* by region id */
  bool *live;        /* by value id: some statement or declaration needs it */
  tc_extent *values; /* by value id: where it may be used */
  tc_extent *vars, *bufs, *rings;
  uint32_t *threads;              /* by value id: the thread variable it depends on, 0: none */
  uint32_t *stmt_time, *end_time; /* by value id: number, and number after its last child */
} tc_verifier;

void tc_verifier_fail(tc_verifier *v, enum tc_rule rule, const char *fmt, ...) TC_PRINTF(3, 4);
/* Operand counts and types, result type and payload of a statement whose handles are in range. */
void tc_verify_stmt(tc_verifier *v, const tc_op *op);

/* ---- verify_threads.c ---- */

/* The threads that execute a region. */
typedef struct tc_thread_scope {
  int64_t first, count;
  tc_var thread; /* of the perthread around */
  bool in_perthread, in_parallel;
} tc_thread_scope;
tc_thread_scope tc_thread_scope_none(void);
/* The scope of the child regions of a statement that stands in `outer`. */
tc_thread_scope tc_thread_scope_inside(const tc_verifier *v, const tc_op *op,
                                       tc_thread_scope outer);
/* The thread variable that a pure op depends on, given its operands'; UINT32_MAX: several. */
uint32_t tc_verify_thread_of(const tc_verifier *v, const tc_op *op);
/* The rule `threads`. */
void tc_verify_threads(tc_verifier *v, const tc_op *op, const tc_thread_scope *scope);
/* Operands and payload of collective, mbarrier, async_commit, async_wait and barrier, and the rule
 * `barriers` for every statement. Its slices and operand count are right already. */
void tc_verify_sync(tc_verifier *v, const tc_op *op);

/* ---- verify_prim.c ---- */

bool tc_verify_prim_takes_slice(const tc_op *op, const tc_ir *ir, uint32_t k);
/* Operands of a primitive, whose row exists. */
void tc_verify_prim(tc_verifier *v, const tc_op *op);

/* ---- verify_lane.c ---- */

/* The rules converged, registers and flight, of a kernel that keeps the others. */
void tc_verify_kernel(tc_verifier *v, tc_value kernel);

#endif
