/* The verifier: says whether a function obeys the rules of a state. Passes are checked with it
 * after every run, text when it was read. It never crashes on what the builder can make, however
 * wrong; the checks go from handles to types to scopes, and stop at the first problem. */
#ifndef TC_IR_VERIFY_H
#define TC_IR_VERIFY_H

#include "ir/ir.h"

enum tc_rule {
#define RULE(name, doc) TC_RULE_##name,
#include "ir/rules.def"
#undef RULE
  TC_RULE_COUNT
};
const char *tc_rule_name(enum tc_rule rule);

typedef struct tc_problem {
  enum tc_rule rule;
  const char *text; /* "op: what is wrong (rule)", in the function's arena */
  tc_value stmt;    /* 0: the function itself */
  tc_span span;
} tc_problem;

/* False and *problem set when a rule is broken. */
bool tc_verify_find(tc_ir *ir, enum tc_state state, tc_problem *problem);
/* NULL when every rule holds, else the first problem as text. */
const char *tc_verify(tc_ir *ir, enum tc_state state);
/* For text that people wrote: reports the problem as E0811 at its statement. True when valid. */
bool tc_verify_report(tc_ir *ir);

#endif
