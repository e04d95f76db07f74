/* Inside check. Every part only looks; what it reports is an error with a witness, or, when the
 * witness depends on the sizes a launch has, a warning. */
#ifndef TC_PASS_CHECK_H
#define TC_PASS_CHECK_H

#include "pass/pass.h"

typedef struct tc_check {
  tc_ir *ir;
  tc_prover *p;
  tc_arena *arena;
  bool deep;
  uint64_t points;       /* left for check_race in this kernel */
  TC_VEC(uint64_t) said; /* what was reported, by buffer and place */
  bool *open_loop;       /* by variable id: of a parallel loop without a constant extent */
} tc_check;

/* True once for each buffer (0: none) and place: one statement of the source is often several of
 * the IR. */
bool tc_check_is_news(tc_check *c, tc_buf buf, tc_span span);
/* "when i = 3, j = 0", as a note at `span`; nothing when the model is empty. */
void tc_check_note_model(tc_check *c, const tc_model *model, tc_span span);
/* Where a buffer was declared, and its shape. */
void tc_check_note_buf(tc_check *c, tc_buf buf);
/* The way out of a warning that depends on the sizes of a launch. */
void tc_check_help_sizes(tc_check *c);
/* The value of `v` in the model as text; "?" when it is not known. */
const char *tc_check_value_text(tc_check *c, tc_value v, const tc_model *model);
const char *tc_check_buf_name(const tc_check *c, tc_buf buf);

/* Shared, fragment and local buffers: not guarded. */
bool tc_check_is_on_chip(const tc_ir *ir, tc_buf buf);

/* One statement; the prover is right before it. */
void tc_check_bounds(tc_check *c, tc_value stmt); /* check_bounds.c */
void tc_check_values(tc_check *c, tc_value stmt); /* check_value.c: divisions, shifts, overflow */
/* A parallel loop as a whole; the prover is right before it. */
void tc_check_parallel(tc_check *c, tc_value stmt); /* check_race.c */
/* The same of a region of code per thread. */
void tc_check_threads(tc_check *c, tc_value stmt);
/* The whole function. */
void tc_check_init(tc_check *c); /* check_init.c */

#endif
