/* What a pure value is computed from in the end: variables, and results of statements. */
#ifndef TC_PASS_DEPS_H
#define TC_PASS_DEPS_H

#include "ir/ir.h"

typedef struct tc_deps {
  TC_VEC(tc_var) vars;
  TC_VEC(tc_value) stmts;
} tc_deps;

/* Adds those of `v`, each once per call. A statement's result counts by itself; its operands do
 * not. `v` may be 0. */
void tc_deps_add(const tc_ir *ir, tc_arena *arena, tc_value v, tc_deps *deps);
bool tc_deps_has_var(const tc_deps *deps, tc_var var);
bool tc_deps_has_stmt(const tc_deps *deps, tc_value stmt);

#endif
