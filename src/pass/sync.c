#include "pass/ringplan.h"
void tc_pass_sync(tc_ir *ir, const tc_pass_context *cx) { (void)ir; (void)cx; }
