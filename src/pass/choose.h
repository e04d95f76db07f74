/* Choices of the schedule as the passes see them: what was asked for, and what cannot be had. */
#ifndef TC_PASS_CHOOSE_H
#define TC_PASS_CHOOSE_H

#include "pass/pass.h"

/* What is asked for of a kernel. The command line comes first, then the kernel, then the function.
 */
tc_choices tc_choices_of(tc_ir *ir, const tc_pass_context *cx, tc_value kernel);
bool tc_choice_is(const tc_choices *choices, enum tc_choice_name name, enum tc_choice_word word);
/* Reports that what was asked for cannot be had. */
void tc_choice_refuse(tc_ir *ir, tc_value kernel, const tc_choices *choices,
                      enum tc_choice_name name, const char *why);

#endif
