#include "jit/cache_private.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* Entries younger than this may be between another process's check and its loading of them, and
 * work directories younger than that may have a compiler at work in them. */
enum { FRESH_S = 30, ABANDONED_S = 3600 };

static bool is_hex(const char *text, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (!strchr("0123456789abcdef", text[i]) || !text[i]) return false;
  return text[n] == 0;
}

static uint64_t file_size_b(const char *entry, const char *name) {
  char path[TC_PATH_B];
  struct stat st;
  if (!tc_path_join(path, entry, name, NULL) || lstat(path, &st)) return 0;
  return (uint64_t)st.st_size;
}

static bool key_sound(const char *entry, const char *hex, const tc_cache_meta *meta) {
  char path[TC_PATH_B], found[TC_SHA256_HEX];
  uint64_t size_b;
  return tc_path_join(path, entry, "key", NULL) && tc_file_digest(path, &size_b, found)
         && size_b == meta->key_b && strcmp(found, hex) == 0;
}

static void look_at(const char *shard, const char *hex, bool deep, tc_cache_visit *visit,
                    void *data) {
  char path[TC_PATH_B], why[64];
  tc_cache_entry entry = {.sound = false};
  tc_cache_meta meta = {0};
  struct stat st;
  memcpy(entry.hex, hex, TC_SHA256_HEX);
  if (!tc_path_join(path, shard, hex, NULL) || lstat(path, &st)) return;
  entry.used_s = (int64_t)st.st_mtime;
  entry.size_b =
      file_size_b(path, "key") + file_size_b(path, "kernel.so") + file_size_b(path, "meta");
  entry.sound =
      tc_path_is_ours(path, true, false, why, sizeof why) && tc_cache_read_meta(path, &meta)
      && file_size_b(path, "kernel.so") == meta.kernel_b && file_size_b(path, "key") == meta.key_b;
  if (entry.sound && deep)
    entry.sound = key_sound(path, hex, &meta) && tc_cache_kernel_sound(path, &meta);
  memcpy(entry.name, meta.name, sizeof entry.name);
  memcpy(entry.target, meta.target, sizeof entry.target);
  entry.compile_ns = meta.compile_ns;
  visit(data, &entry);
}

void tc_cache_each(const tc_cache *cache, bool deep, tc_cache_visit *visit, void *data) {
  char layout[TC_PATH_B], shard[TC_PATH_B];
  if (!cache->usable || !tc_path_join(layout, cache->root, TC_CACHE_LAYOUT, NULL)) return;
  DIR *dir = opendir(layout);
  if (!dir) return;
  for (struct dirent *s; (s = readdir(dir));) {
    if (!is_hex(s->d_name, 2) || !tc_path_join(shard, layout, s->d_name, NULL)) continue;
    DIR *entries = opendir(shard);
    if (!entries) continue;
    for (struct dirent *e; (e = readdir(entries));)
      if (is_hex(e->d_name, TC_SHA256_HEX - 1)) look_at(shard, e->d_name, deep, visit, data);
    closedir(entries);
  }
  closedir(dir);
}

/* ---- removing ---- */

typedef struct aged {
  char hex[TC_SHA256_HEX];
  int64_t used_s;
  uint64_t size_b;
} aged;

typedef struct sweep {
  const tc_cache *cache;
  aged *list;
  size_t n, cap;
  uint64_t total_b;
  uint32_t n_removed;
  bool all; /* everything goes, fresh or not */
} sweep;

static void drop(sweep *s, const char *hex) {
  char path[TC_PATH_B];
  if (tc_cache_entry_path(s->cache, hex, path) && tc_cache_drop(s->cache, path)) s->n_removed++;
}

static void note_entry(void *data, const tc_cache_entry *entry) {
  sweep *s = data;
  if (!entry->sound || s->all) {
    drop(s, entry->hex);
    return;
  }
  s->total_b += entry->size_b;
  if (s->n == s->cap) {
    size_t cap = s->cap ? s->cap * 2 : 64;
    aged *grown = realloc(s->list, cap * sizeof *grown);
    if (!grown) return; /* it stays this time */
    s->list = grown;
    s->cap = cap;
  }
  aged *at = &s->list[s->n++];
  memcpy(at->hex, entry->hex, sizeof at->hex);
  at->used_s = entry->used_s;
  at->size_b = entry->size_b;
}

static int oldest_first(const void *a, const void *b) {
  const aged *x = a, *y = b;
  if (x->used_s != y->used_s) return x->used_s < y->used_s ? -1 : 1;
  return strcmp(x->hex, y->hex);
}

/* What processes that were killed left behind. */
static void remove_leftovers(const tc_cache *cache, bool all) {
  char tmp[TC_PATH_B], path[TC_PATH_B];
  struct stat st;
  if (!tc_path_join(tmp, cache->root, TC_CACHE_LAYOUT "/tmp", NULL)) return;
  DIR *dir = opendir(tmp);
  if (!dir) return;
  int64_t now = (int64_t)time(NULL);
  for (struct dirent *e; (e = readdir(dir));) {
    if (e->d_name[0] == '.' || !tc_path_join(path, tmp, e->d_name, NULL)) continue;
    if (lstat(path, &st) || !S_ISDIR(st.st_mode)) continue;
    if (all || now - (int64_t)st.st_mtime > ABANDONED_S) tc_remove_dir(path);
  }
  closedir(dir);
}

uint32_t tc_cache_clean(const tc_cache *cache, uint64_t limit_b) {
  sweep s = {.cache = cache, .all = limit_b == 0};
  if (!cache->usable || cache->mode != TC_CACHE_RW) return 0;
  tc_cache_each(cache, false, note_entry, &s);
  remove_leftovers(cache, s.all);
  if (s.n) qsort(s.list, s.n, sizeof *s.list, oldest_first);
  int64_t now = (int64_t)time(NULL);
  for (size_t i = 0; i < s.n && s.total_b > limit_b; i++) {
    if (now - s.list[i].used_s < FRESH_S) break; /* the rest is younger still */
    drop(&s, s.list[i].hex);
    s.total_b -= s.list[i].size_b;
  }
  free(s.list);
  return s.n_removed;
}
