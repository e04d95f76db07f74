/* vsnprintf for the formats that most texts of a compiler need, which the C library takes several
 * times as long for. */
#ifndef TC_BASE_FORMAT_H
#define TC_BASE_FORMAT_H

#include "base/compiler.h"

#include <stdarg.h>
#include <stddef.h>

/* As vsnprintf, with the same result for all formats: writes at most `room` bytes, the last of them
 * NUL, and returns how long the whole text is; < 0: the C library failed. */
int tc_vsnprintf(char *out, size_t room, const char *fmt, va_list args) TC_PRINTF(3, 0);

#endif
