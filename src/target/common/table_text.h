/* Launch tables as text: as C that compiles to the same table, and single numbers of it as
 * expressions for people and for k.json. */
#ifndef TC_TARGET_COMMON_TABLE_TEXT_H
#define TC_TARGET_COMMON_TABLE_TEXT_H

#include "base/str.h"
#include "rt/table.h"

/* Appends definitions of static constants; the table itself is called `name`, and what it points to
 * begins with that. */
void tc_table_print_c(const tc_rt_table *table, const char *name, tc_sb *out);
/* "(M + 127) // 128": Python's operators, and truncdiv(), truncmod(), min(), max(), abs() and casts
 * as calls. NULL for an expression of more than some hundred characters. */
const char *tc_table_number_text(const tc_rt_table *table, const tc_rt_number *number,
                                 tc_arena *arena);
/* A C string literal with these bytes. */
void tc_table_print_string(const char *text, tc_sb *out);

#endif
