/* Hash map from 64-bit keys to 32-bit values, open addressing in an arena. Key 0 is allowed.
 * Insertion order is not kept: nothing printed may depend on iteration. */
#ifndef TC_BASE_MAP_H
#define TC_BASE_MAP_H

#include "base/arena.h"

typedef struct tc_map {
  tc_arena *arena;
  uint64_t *keys;
  uint32_t *values; /* stored + 1; 0 means empty slot */
  uint32_t n, cap;  /* cap is 0 or a power of two */
} tc_map;

/* An empty map, whose memory comes from the arena as it grows. */
tc_map tc_map_in(tc_arena *arena);
/* True and *value set when present. */
bool tc_map_get(const tc_map *map, uint64_t key, uint32_t *value);
void tc_map_put(tc_map *map, uint64_t key, uint32_t value);
uint64_t tc_hash_u64(uint64_t x);

#endif
