#include "jit/cache_private.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { TOUCH_AFTER_S = 60 };

/* ---- opening ---- */

static bool default_root(char root[TC_PATH_B]) {
  const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
  if (xdg && *xdg == '/') return tc_path_join(root, xdg, "tilec", NULL); /* relative: ignored */
  if (home && *home == '/') return tc_path_join(root, home, ".cache/tilec", NULL);
  struct passwd record, *found = NULL;
  char text[4096];
  if (getpwuid_r(geteuid(), &record, text, sizeof text, &found) || !found) return false;
  return *found->pw_dir == '/' && tc_path_join(root, found->pw_dir, ".cache/tilec", NULL);
}

static void give_up(tc_cache *cache, enum tc_cache_trouble trouble, const char *why) {
  cache->usable = false;
  cache->trouble = trouble;
  if (why != cache->why) snprintf(cache->why, sizeof cache->why, "%s", why);
}

static void unwritable(tc_cache *cache) {
  cache->trouble = TC_CACHE_UNWRITABLE;
  snprintf(cache->why, sizeof cache->why, "%s", strerror(errno));
}

static bool write_tag(const tc_cache *cache) {
  static const char TAG[] = "Signature: 8a477f597d28d172789f06886806bc55\n"
                            "# Compiled kernels of tilec; safe to remove at any time.\n"
                            "# About this file: https://bford.info/cachedir/\n";
  char path[TC_PATH_B];
  if (!tc_path_join(path, cache->root, "CACHEDIR.TAG", NULL)) return false;
  return access(path, F_OK) == 0 || tc_write_new(path, TAG, sizeof TAG - 1) || errno == EEXIST;
}

/* The directories that must be ours before anything in them is believed. */
static bool check_owner(tc_cache *cache, const char *sub, bool make) {
  char path[TC_PATH_B];
  if (!tc_path_join(path, cache->root, sub, NULL)) return false;
  if (make && mkdir(path, 0700) && errno != EEXIST)
    unwritable(cache); /* entries can still be read if they are there */
  if (access(path, F_OK)) return true;
  if (tc_path_is_ours(path, true, false, cache->why, sizeof cache->why)) return true;
  give_up(cache, TC_CACHE_FOREIGN, cache->why);
  return false;
}

void tc_cache_open(tc_cache *cache, const char *root, enum tc_cache_mode mode, uint64_t limit_b) {
  *cache = (tc_cache){.mode = mode, .limit_b = limit_b};
  if (root && *root) {
    if (strlen(root) < sizeof cache->root) memcpy(cache->root, root, strlen(root) + 1);
  } else if (!default_root(cache->root)) {
    cache->root[0] = 0;
  }
  if (mode == TC_CACHE_OFF) return;
  if (!cache->root[0]) {
    give_up(cache, TC_CACHE_UNWRITABLE, "there is no home directory, or its path is too long");
    return;
  }
  if (mode == TC_CACHE_RW && !tc_make_dirs(cache->root)) {
    give_up(cache, TC_CACHE_UNWRITABLE, strerror(errno));
    return;
  }
  if (access(cache->root, F_OK)) return; /* read-only, and nothing there to read */
  if (!tc_path_is_ours(cache->root, true, true, cache->why, sizeof cache->why)) {
    give_up(cache, TC_CACHE_FOREIGN, cache->why);
    return;
  }
  cache->usable = true;
  bool make = mode == TC_CACHE_RW;
  if (!check_owner(cache, TC_CACHE_LAYOUT, make)) return;
  if (!check_owner(cache, TC_CACHE_LAYOUT "/tmp", make)) return;
  if (make && cache->trouble == TC_CACHE_FINE && !write_tag(cache)) unwritable(cache);
}

/* ---- keys and entries ---- */

tc_cache_key tc_cache_key_of(const void *text, size_t size_b) {
  tc_cache_key key = {.text = text, .size_b = size_b};
  unsigned char hash[TC_SHA256_B];
  tc_sha256 sha;
  tc_sha256_start(&sha);
  tc_sha256_add(&sha, text, size_b);
  tc_sha256_end(&sha, hash);
  tc_sha256_hex(hash, key.hex);
  return key;
}

bool tc_cache_shard_path(const tc_cache *cache, const char *hex, char out[TC_PATH_B]) {
  char shard[3] = {hex[0], hex[1], 0};
  return tc_path_join(out, cache->root, TC_CACHE_LAYOUT, shard);
}

bool tc_cache_entry_path(const tc_cache *cache, const char *hex, char out[TC_PATH_B]) {
  char shard[TC_PATH_B];
  return tc_cache_shard_path(cache, hex, shard) && tc_path_join(out, shard, hex, NULL);
}

/* One "word value" line; the value without blanks around it. Returns the next line, or NULL. */
static const char *meta_line(const char *at, const char *word, char *value, size_t value_b) {
  size_t n = strlen(word);
  if (!at || strncmp(at, word, n) || at[n] != ' ') return NULL;
  const char *end = strchr(at, '\n');
  if (!end || (size_t)(end - at) - n - 1 >= value_b) return NULL;
  memcpy(value, at + n + 1, (size_t)(end - at) - n - 1);
  value[(size_t)(end - at) - n - 1] = 0;
  return end + 1;
}

static bool whole_number(const char *text, uint64_t *x) {
  char *end;
  if (*text < '0' || *text > '9') return false;
  errno = 0;
  *x = strtoull(text, &end, 10);
  return !*end && !errno;
}

bool tc_cache_read_meta(const char *entry, tc_cache_meta *meta) {
  char path[TC_PATH_B], text[TC_CACHE_META_B], key_b[32], kernel_b[32], ns[32], end[8];
  if (!tc_path_join(path, entry, "meta", NULL) || tc_file_read(path, text, sizeof text) < 0)
    return false;
  const char *at = text;
  at = meta_line(at, "name", meta->name, sizeof meta->name);
  at = meta_line(at, "target", meta->target, sizeof meta->target);
  at = meta_line(at, "compile_ns", ns, sizeof ns);
  at = meta_line(at, "key_b", key_b, sizeof key_b);
  at = meta_line(at, "kernel_b", kernel_b, sizeof kernel_b);
  at = meta_line(at, "kernel_sha256", meta->kernel_hex, sizeof meta->kernel_hex);
  at = meta_line(at, "end", end, sizeof end);
  return at && !*at && whole_number(key_b, &meta->key_b) && whole_number(kernel_b, &meta->kernel_b)
         && whole_number(ns, &meta->compile_ns);
}

bool tc_cache_kernel_sound(const char *entry, const tc_cache_meta *meta) {
  char path[TC_PATH_B], hex[TC_SHA256_HEX];
  uint64_t size_b;
  return tc_path_join(path, entry, "kernel.so", NULL) && tc_file_digest(path, &size_b, hex)
         && size_b == meta->kernel_b && strcmp(hex, meta->kernel_hex) == 0;
}

/* Last use is the entry's modification time; a minute more or less does not matter, and not writing
 * spares the disk. */
static void touch(const char *entry) {
  struct stat st;
  if (stat(entry, &st) || time(NULL) - st.st_mtime < TOUCH_AFTER_S) return;
  utimensat(AT_FDCWD, entry, NULL, 0);
}

bool tc_cache_find(const tc_cache *cache, const tc_cache_key *key, char path[TC_PATH_B]) {
  char shard[TC_PATH_B], entry[TC_PATH_B], key_path[TC_PATH_B], why[128];
  tc_cache_meta meta;
  if (!cache->usable) return false;
  if (!tc_cache_shard_path(cache, key->hex, shard) || !tc_path_join(entry, shard, key->hex, NULL)
      || !tc_path_join(key_path, entry, "key", NULL)
      || !tc_path_join(path, entry, "kernel.so", NULL))
    return false;
  if (!tc_path_is_ours(shard, true, false, why, sizeof why)
      || !tc_path_is_ours(entry, true, false, why, sizeof why))
    return false;
  if (!tc_cache_read_meta(entry, &meta) || !tc_file_equals(key_path, key->text, key->size_b)
      || !tc_cache_kernel_sound(entry, &meta))
    return false;
  if (cache->mode == TC_CACHE_RW) touch(entry);
  return true;
}

/* ---- locks ---- */

static void sleep_ms(uint32_t ms) {
  struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
  nanosleep(&t, NULL);
}

static uint64_t now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

bool tc_cache_claim(const tc_cache *cache, const tc_cache_key *key, uint32_t wait_ms,
                    char path[TC_PATH_B], int *lock) {
  char shard[TC_PATH_B];
  *lock = -1;
  if (tc_cache_find(cache, key, path)) return true;
  if (!cache->usable || cache->mode != TC_CACHE_RW || !tc_cache_shard_path(cache, key->hex, shard))
    return false;
  if (mkdir(shard, 0700) && errno != EEXIST) return false;
  int fd = open(shard, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return false;
  uint64_t end = now_ms() + wait_ms;
  for (uint32_t pause = 1;; pause = pause < 32 ? pause * 2 : 50) {
    bool locked = flock(fd, LOCK_EX | LOCK_NB) == 0;
    bool held = !locked && (errno == EWOULDBLOCK || errno == EINTR);
    /* Whoever held the lock before may have made the entry meanwhile. */
    if (tc_cache_find(cache, key, path)) return close(fd), true;
    if (locked) return *lock = fd, false;
    if (!held || now_ms() >= end) return close(fd), false; /* no lock: compile all the same */
    sleep_ms(pause);
  }
}

void tc_cache_unlock(int lock) {
  if (lock >= 0) close(lock);
}

/* ---- storing ---- */

bool tc_cache_workdir(tc_cache *cache, char dir[TC_PATH_B], char *why, size_t why_b) {
  if (cache->usable && cache->mode == TC_CACHE_RW) {
    if (tc_path_join(dir, cache->root, TC_CACHE_LAYOUT "/tmp/XXXXXX", NULL) && mkdtemp(dir))
      return true;
    unwritable(cache);
  }
  const char *base = getenv("TMPDIR");
  if (!base || *base != '/') base = "/tmp";
  if (tc_path_join(dir, base, "tilec-XXXXXX", NULL) && mkdtemp(dir)) return true;
  snprintf(why, why_b, "%s: %s", base, strerror(errno));
  return false;
}

void tc_cache_discard(const char *dir) {
  tc_remove_dir(dir);
}

bool tc_cache_drop(const tc_cache *cache, const char *entry) {
  char away[TC_PATH_B];
  if (!tc_path_join(away, cache->root, TC_CACHE_LAYOUT "/tmp/XXXXXX", NULL) || !mkdtemp(away))
    return tc_remove_dir(entry); /* a full disk: remove in place, meta or not */
  bool ok = rename(entry, away) == 0;
  tc_remove_dir(away);
  return ok;
}

/* The name as it may stand in a line of meta. */
static void clean_copy(char *out, size_t size_b, const char *text) {
  size_t n = 0;
  for (; text[n] && n + 1 < size_b; n++)
    out[n] = (unsigned char)text[n] < 0x20 || text[n] == 0x7f ? '?' : text[n];
  out[n] = 0;
}

static bool write_entry_files(const tc_cache_key *key, const char *dir, const tc_cache_note *note) {
  char path[TC_PATH_B], meta[TC_CACHE_META_B], hex[TC_SHA256_HEX], name[128], target[64];
  uint64_t kernel_b;
  if (!tc_path_join(path, dir, "kernel.so", NULL)) return false;
  if (chmod(path, 0600) || !tc_sync_path(path) || !tc_file_digest(path, &kernel_b, hex))
    return false;
  clean_copy(name, sizeof name, note->name);
  clean_copy(target, sizeof target, note->target);
  int n = snprintf(meta, sizeof meta,
                   "name %s\ntarget %s\ncompile_ns %llu\nkey_b %llu\nkernel_b %llu\n"
                   "kernel_sha256 %s\nend .\n",
                   name, target, (unsigned long long)note->compile_ns,
                   (unsigned long long)key->size_b, (unsigned long long)kernel_b, hex);
  if (n < 0 || (size_t)n >= sizeof meta) return errno = EOVERFLOW, false;
  return tc_path_join(path, dir, "key", NULL) && tc_write_new(path, key->text, key->size_b)
         && tc_path_join(path, dir, "meta", NULL) && tc_write_new(path, meta, (size_t)n)
         && tc_sync_path(dir);
}

/* Puts the directory in its place. An entry that is there already is kept if it is sound. */
static bool publish(const tc_cache *cache, const tc_cache_key *key, const char *dir,
                    char path[TC_PATH_B]) {
  char shard[TC_PATH_B], entry[TC_PATH_B];
  if (!tc_cache_shard_path(cache, key->hex, shard) || !tc_path_join(entry, shard, key->hex, NULL))
    return false;
  if (mkdir(shard, 0700) && errno != EEXIST) return false;
  for (int attempt = 0; attempt < 3; attempt++) {
    if (rename(dir, entry) == 0) {
      tc_sync_path(shard);
      return tc_path_join(path, entry, "kernel.so", NULL);
    }
    if (errno != ENOTEMPTY && errno != EEXIST && errno != ENOTDIR) return false;
    if (tc_cache_find(cache, key, path)) {
      tc_remove_dir(dir);
      return true;
    }
    tc_cache_drop(cache, entry); /* damaged: make room */
  }
  return errno = EBUSY, false;
}

bool tc_cache_store(tc_cache *cache, const tc_cache_key *key, const char *dir,
                    const tc_cache_note *note, char path[TC_PATH_B]) {
  if (!cache->usable || cache->mode != TC_CACHE_RW) return false;
  if (strncmp(dir, cache->root, strlen(cache->root))) return false; /* tc_cache_workdir said why */
  if (write_entry_files(key, dir, note) && publish(cache, key, dir, path)) {
    tc_cache_clean(cache, cache->limit_b ? cache->limit_b : 1);
    return true;
  }
  unwritable(cache);
  return false;
}
