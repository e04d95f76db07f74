/* What cache.c and cache_clean.c share: the layout of the directory. */
#ifndef TC_JIT_CACHE_PRIVATE_H
#define TC_JIT_CACHE_PRIVATE_H

#include "jit/cache.h"
#include "jit/files.h"

#define TC_CACHE_LAYOUT "v1"
enum { TC_CACHE_META_B = 1024 };

typedef struct tc_cache_meta {
  uint64_t key_b, kernel_b, compile_ns;
  char kernel_hex[TC_SHA256_HEX], name[128], target[64];
} tc_cache_meta;

/* ROOT/v1/HH, and the entry below it. */
bool tc_cache_shard_path(const tc_cache *cache, const char *hex, char out[TC_PATH_B]);
bool tc_cache_entry_path(const tc_cache *cache, const char *hex, char out[TC_PATH_B]);
/* Reads and checks the form of an entry's meta. */
bool tc_cache_read_meta(const char *entry, tc_cache_meta *meta);
/* kernel.so is as the meta says. */
bool tc_cache_kernel_sound(const char *entry, const tc_cache_meta *meta);
/* Takes the entry out of the way by one rename, then removes it. */
bool tc_cache_drop(const tc_cache *cache, const char *entry);

#endif
