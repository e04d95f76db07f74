/* What a compiled kernel goes through on its way into the cache and out of it, on every target. */
#ifndef TC_API_BUILD_H
#define TC_API_BUILD_H

#include "api/api_impl.h"
#include "jit/cache.h"
#include "toolchain/cc.h"

typedef struct tc_build {
  tc_session *s;
  const char *name, *target; /* for `tilec cache ls` */
  tc_cache *cache;
  tc_cache_key key;
  char path[TC_PATH_B]; /* of the compiled kernel, after each of the calls below */
} tc_build;

/* Adds generated text to a key without its comments: they hold source lines, and a kernel that only
 * moved down in its file is the same kernel. */
void tc_build_add_code(tc_sb *key, tc_str text);

/* `key` is everything that the compiled kernel depends on. */
tc_build *tc_build_new(tc_session *s, const char *name, const char *target, tc_str key);
/* True when the cache has it, perhaps after waiting for another process that compiles it. */
bool tc_build_find(tc_build *b);
/* Writes what was compiled into a private directory, which goes with the session's files. */
void tc_build_write(tc_build *b, const void *bytes, size_t size_b);
/* The same for what the C compiler makes of `text`; stops when it makes nothing. Returns how long
 * it took. */
uint64_t tc_build_compile(tc_build *b, const tc_cc *cc, tc_str text, const char *flags);
/* Moves it into the cache if that can be. */
void tc_build_store(tc_build *b, uint64_t compile_ns);
/* Says once per context what is wrong with the cache. */
void tc_build_tell(const tc_build *b);

#endif
