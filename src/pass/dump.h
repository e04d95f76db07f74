/* Writing files of text next to a compilation: complete or not at all. */
#ifndef TC_PASS_DUMP_H
#define TC_PASS_DUMP_H

#include "base/str.h"

enum { TC_DUMP_PATH_B = 4096 };

/* Writes DIRECTORY/NAME and puts that path into `path`. NULL when done, else why not (static or
 * strerror's). Allocates nothing. */
const char *tc_dump_write(char path[TC_DUMP_PATH_B], const char *directory, const char *name,
                          tc_str text);

#endif
