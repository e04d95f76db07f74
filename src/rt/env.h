/* What a kernel gets to reach the outside; declared the same way in emitted text. */
#ifndef TC_RT_ENV_H
#define TC_RT_ENV_H

#include <stdint.h>

typedef struct tc_env {
  void *ctx;
  void (*print)(void *ctx, const char *text, uint64_t n); /* may be called by several threads */
} tc_env;

#endif
