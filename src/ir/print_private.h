/* What the files that print IR share: print_value.c has names, types and expressions, print.c the
 * statements and the function around them. */
#ifndef TC_IR_PRINT_PRIVATE_H
#define TC_IR_PRINT_PRIVATE_H

#include "ir/form.h"
#include "ir/print.h"
#include "ir/textplan.h"

/* Numbers of things in order of first printing. */
typedef struct tc_numbering {
  uint32_t *of;  /* by id: 1 + how many of the same name came before; 0: not yet seen */
  tc_map counts; /* by name id: how many have this name */
} tc_numbering;

typedef struct tc_printer {
  tc_ir *ir;
  tc_sb *out;
  tc_textplan plan;
  uint32_t flags, indent;
  tc_numbering vars, bufs, rings;
  uint32_t *values; /* by value id: 1 + its number, or 0: not yet seen */
  uint32_t n_values;
  bool *open; /* by region id: being printed, or done */
  bool plain; /* names of variables as in the source  */
} tc_printer;

/* Bare where it is an identifier, else quoted. */
void tc_print_name(tc_printer *p, tc_name name);
/* Of what does not exist, as broken IR has it, they print `_` or `?`. */
void tc_print_var(tc_printer *p, tc_var var);
void tc_print_buf(tc_printer *p, tc_buf buf);
void tc_print_ring(tc_printer *p, uint32_t ring);
void tc_print_type(tc_printer *p, tc_type type);
/* %0, %1, ... in order of first printing. */
void tc_print_value_name(tc_printer *p, tc_value v);
/* In brackets when it binds weaker than `level` (ir/form.h). */
void tc_print_expr(tc_printer *p, tc_value v, int level);
/* The same for the op itself where the text of the function gives it a name. */
void tc_print_op(tc_printer *p, tc_value v, int level);

#endif
