#include "base/map.h"

uint64_t tc_hash_u64(uint64_t x) {
  /* The finaliser of SplitMix64 (Steele, Lea, Flood 2014): every input bit reaches every output
   * bit. */
  x ^= x >> 30;
  x *= UINT64_C(0xBF58476D1CE4E5B9);
  x ^= x >> 27;
  x *= UINT64_C(0x94D049BB133111EB);
  return x ^ (x >> 31);
}

tc_map tc_map_in(tc_arena *arena) {
  return (tc_map){.arena = arena};
}

static uint32_t slot_of(const tc_map *map, uint64_t key) {
  uint32_t at = (uint32_t)tc_hash_u64(key) & (map->cap - 1);
  while (map->values[at] && map->keys[at] != key)
    at = (at + 1) & (map->cap - 1);
  return at;
}

bool tc_map_get(const tc_map *map, uint64_t key, uint32_t *value) {
  if (!map->cap) return false;
  uint32_t at = slot_of(map, key);
  if (!map->values[at]) return false;
  *value = map->values[at] - 1;
  return true;
}

static void map_grow(tc_map *map) {
  tc_map old = *map;
  map->cap = old.cap ? old.cap * 2 : 16;
  map->keys = TC_NEW_ARRAY(map->arena, map->cap, uint64_t);
  map->values = TC_NEW_ARRAY(map->arena, map->cap, uint32_t);
  for (uint32_t i = 0; i < old.cap; i++) {
    if (!old.values[i]) continue;
    uint32_t at = slot_of(map, old.keys[i]);
    map->keys[at] = old.keys[i];
    map->values[at] = old.values[i];
  }
}

void tc_map_put(tc_map *map, uint64_t key, uint32_t value) {
  if ((map->n + 1) * 2 > map->cap) map_grow(map);
  uint32_t at = slot_of(map, key);
  if (!map->values[at]) map->n++;
  map->keys[at] = key;
  map->values[at] = value + 1;
}
