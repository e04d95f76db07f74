/* The kernel cache: compiled kernels by content, shared by all processes of one user.
 *
 *   ROOT/CACHEDIR.TAG        so that backups leave it out
 *   ROOT/v1/HH/HASH/         one entry; HASH is the SHA-256 of its key, HH the first two digits
 *        key                 the key itself, compared on every hit
 *        kernel.so           what was compiled
 *        meta                lines "word value": sizes and the hash of kernel.so
 *   ROOT/v1/tmp/XXXXXX/      entries being written or removed
 *
 * An entry appears by rename and is never changed, so that a reader sees a whole one or none, also
 * after kill -9; whatever does not fit its meta is a miss. Nothing is loaded from a directory that
 * someone else owns or may write to. A lock per HH (flock on the directory) lets one process
 * compile while others wait for its entry; without a working flock both compile, and the first
 * rename wins. */
#ifndef TC_JIT_CACHE_H
#define TC_JIT_CACHE_H

#include "jit/sha256.h"
#include "rt/os.h"

#include <stdbool.h>

enum tc_cache_mode { TC_CACHE_OFF, TC_CACHE_RO, TC_CACHE_RW };
enum tc_cache_trouble {
  TC_CACHE_FINE,
  TC_CACHE_FOREIGN,    /* not ours, or open to others: nothing is read or written */
  TC_CACHE_UNWRITABLE, /* cannot be made or written: nothing is stored            */
};

typedef struct tc_cache {
  char root[TC_PATH_B]; /* "" when there is no place for one */
  enum tc_cache_mode mode;
  uint64_t limit_b;
  bool usable; /* entries may be read */
  enum tc_cache_trouble trouble;
  char why[256];
} tc_cache;

/* Opens the cache at `root`, or with NULL or "" at $XDG_CACHE_HOME/tilec or ~/.cache/tilec; makes
 * the directory in mode RW. Never fails: a cache that cannot be used is one that never hits. */
void tc_cache_open(tc_cache *cache, const char *root, enum tc_cache_mode mode, uint64_t limit_b);

typedef struct tc_cache_key {
  const void *text; /* everything the compiled kernel depends on */
  size_t size_b;
  char hex[TC_SHA256_HEX];
} tc_cache_key;
/* `text` is not copied: it must outlive the key. */
tc_cache_key tc_cache_key_of(const void *text, size_t size_b);

/* True when the cache holds a sound entry; its kernel.so is then `path`, which may vanish as soon
 * as another process cleans up. */
bool tc_cache_find(const tc_cache *cache, const tc_cache_key *key, char path[TC_PATH_B]);

/* Waits up to wait_ms until the entry appears or this caller is the one to make it. Returns true
 * when the entry is there (as tc_cache_find). *lock, when not -1, is to be given back by
 * tc_cache_unlock. */
bool tc_cache_claim(const tc_cache *cache, const tc_cache_key *key, uint32_t wait_ms,
                    char path[TC_PATH_B], int *lock);
void tc_cache_unlock(int lock);

/* A new private directory for a kernel that is being made: in the cache if it can be written, else
 * below $TMPDIR or /tmp. False, and the reason in `why`, when there is none. */
bool tc_cache_workdir(tc_cache *cache, char dir[TC_PATH_B], char *why, size_t why_b);
/* Removes a work directory and the plain files in it. */
void tc_cache_discard(const char *dir);

typedef struct tc_cache_note {
  const char *name, *target; /* for `tilec cache ls` */
  uint64_t compile_ns;
} tc_cache_note;

/* Makes `dir`, which holds kernel.so, an entry, and removes old entries beyond the limit. True, and
 * the kernel's new path, when it was stored or another process had stored the same. Otherwise the
 * directory still exists, and `cache->why` says why not. */
bool tc_cache_store(tc_cache *cache, const tc_cache_key *key, const char *dir,
                    const tc_cache_note *note, char path[TC_PATH_B]);

/* ---- looking after it ---- */

typedef struct tc_cache_entry {
  char hex[TC_SHA256_HEX];
  char name[128], target[64];
  uint64_t size_b, compile_ns;
  int64_t used_s; /* last use, Unix time */
  bool sound;     /* meta readable; with `deep`, also key and kernel.so as it says */
} tc_cache_entry;
typedef void tc_cache_visit(void *data, const tc_cache_entry *entry);
/* Calls `visit` for every entry, in no order. */
void tc_cache_each(const tc_cache *cache, bool deep, tc_cache_visit *visit, void *data);
/* Removes damaged entries, leftovers of dead processes, and the entries used longest ago until at
 * most `limit_b` bytes are left (0: everything). Returns how many entries went. */
uint32_t tc_cache_clean(const tc_cache *cache, uint64_t limit_b);

#endif
