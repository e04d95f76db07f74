/* The kernel cache: hits and misses, damage, foreign owners, full and read-only places, limits,
 * many processes on one key, and processes killed while they write. */
#include "check_kit.h"
#include "jit/cache.h"
#include "jit/files.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char base[256];

static void fresh(void) {
  snprintf(base, sizeof base, "%s/tilec-cache-XXXXXX",
           getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
  if (!mkdtemp(base)) printf("no temporary directory\n");
}

static void clean(void) {
  char command[600];
  snprintf(command, sizeof command, "chmod -R u+w '%s' 2>/dev/null; rm -rf '%s'", base, base);
  CHECK(system(command) == 0);
}

static const char *root(void) {
  static char path[300];
  snprintf(path, sizeof path, "%s/cache", base);
  return path;
}

static tc_cache open_rw(void) {
  tc_cache cache;
  tc_cache_open(&cache, root(), TC_CACHE_RW, UINT64_C(1) << 30);
  return cache;
}

static tc_cache_key key_of(const char *text) {
  return tc_cache_key_of(text, strlen(text));
}

/* Stores `content` as the kernel of `text`. */
static bool store(tc_cache *cache, const char *text, const char *content, char path[TC_PATH_B]) {
  char dir[TC_PATH_B], file[TC_PATH_B], why[128];
  tc_cache_key key = key_of(text);
  tc_cache_note note = {"gemm", "cpu:native", 123};
  if (!tc_cache_workdir(cache, dir, why, sizeof why)) return false;
  bool ok = tc_path_join(file, dir, "kernel.so", NULL)
            && tc_write_new(file, content, strlen(content))
            && tc_cache_store(cache, &key, dir, &note, path);
  if (!ok) tc_cache_discard(dir);
  return ok;
}

static bool finds(const tc_cache *cache, const char *text) {
  char path[TC_PATH_B];
  tc_cache_key key = key_of(text);
  return tc_cache_find(cache, &key, path);
}

static bool holds(const char *path, const char *content) {
  return tc_file_equals(path, content, strlen(content));
}

/* ---- one process ---- */

static void sha256(void) {
  CHECK(strcmp(key_of("").hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        == 0);
  CHECK(
      strcmp(key_of("abc").hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
      == 0);
  CHECK(strcmp(key_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq").hex,
               "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
        == 0);
  char *million = malloc(1000000);
  memset(million, 'a', 1000000);
  CHECK(strcmp(tc_cache_key_of(million, 1000000).hex,
               "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
        == 0);
  free(million);
}

static void hit_and_miss(void) {
  char path[TC_PATH_B];
  fresh();
  tc_cache cache = open_rw();
  CHECK(cache.usable && cache.trouble == TC_CACHE_FINE);
  CHECK(!finds(&cache, "k1"));
  CHECK(store(&cache, "k1", "content one", path));
  CHECK(holds(path, "content one"));
  CHECK(finds(&cache, "k1") && !finds(&cache, "k2") && !finds(&cache, ""));
  CHECK(store(&cache, "k1", "another content", path)); /* the first one stays */
  CHECK(holds(path, "content one"));
  tc_cache again = open_rw();
  CHECK(finds(&again, "k1"));
  tc_cache_open(&again, root(), TC_CACHE_RO, 0);
  CHECK(again.usable && finds(&again, "k1") && !store(&again, "k3", "x", path));
  tc_cache_open(&again, root(), TC_CACHE_OFF, 0);
  CHECK(!again.usable && !finds(&again, "k1"));
  char tag[TC_PATH_B];
  CHECK(tc_path_join(tag, root(), "CACHEDIR.TAG", NULL) && access(tag, R_OK) == 0);
  clean();
  tc_cache_open(&again, root(), TC_CACHE_RO, 0); /* read-only: nothing is made */
  CHECK(!again.usable && again.trouble == TC_CACHE_FINE && access(root(), F_OK) != 0);
}

/* Overwrites part of a file of an entry, or cuts it. */
static void damage(const char *entry, const char *name, long at, const char *text) {
  char path[TC_PATH_B];
  CHECK(tc_path_join(path, entry, name, NULL));
  int fd = open(path, O_WRONLY);
  CHECK(fd >= 0);
  if (text) {
    CHECK(pwrite(fd, text, strlen(text), at) == (ssize_t)strlen(text));
  } else {
    CHECK(ftruncate(fd, at) == 0);
  }
  close(fd);
}

static void damaged(void) {
  static const struct {
    const char *file, *text;
    long at;
  } HOW[] = {{"kernel.so", NULL, 3},  {"kernel.so", "X", 0},
             {"kernel.so", NULL, 0},  {"kernel.so", "tail", 11},
             {"key", NULL, 1},        {"key", "Z", 0},
             {"meta", NULL, 0},       {"meta", NULL, 40},
             {"meta", "\n\n\n\n", 0}, {"meta", "name a\nname b\n", 0}};
  char path[TC_PATH_B], entry[TC_PATH_B];
  for (size_t i = 0; i < sizeof HOW / sizeof *HOW; i++) {
    fresh();
    tc_cache cache = open_rw();
    CHECK(store(&cache, "k1", "content one", path));
    snprintf(entry, sizeof entry, "%.*s", (int)(strlen(path) - strlen("/kernel.so")), path);
    damage(entry, HOW[i].file, HOW[i].at, HOW[i].text);
    CHECK(!finds(&cache, "k1"));
    CHECK(store(&cache, "k1", "content one", path)); /* replaced by a sound one */
    CHECK(finds(&cache, "k1") && holds(path, "content one"));
    clean();
  }
}

/* Two keys with one hash do not exist, but a wrong entry under a hash is the same to us. */
static void content_is_compared(void) {
  char path[TC_PATH_B], other[TC_PATH_B], entry[TC_PATH_B];
  fresh();
  tc_cache cache = open_rw();
  CHECK(store(&cache, "k1", "content one", path));
  snprintf(entry, sizeof entry, "%.*s", (int)(strlen(path) - strlen("/kernel.so")), path);
  CHECK(store(&cache, "k2", "content two", other));
  damage(entry, "key", 0, "k2"); /* same length, sound otherwise */
  CHECK(!finds(&cache, "k1") && finds(&cache, "k2"));
  clean();
}

static void refused(const char *what) {
  tc_cache cache = open_rw();
  char path[TC_PATH_B], why[128];
  if (!CHECK(!cache.usable && cache.trouble == TC_CACHE_FOREIGN)) printf("  %s\n", what);
  CHECK(cache.why[0] && !finds(&cache, "k1") && !store(&cache, "k9", "x", path));
  CHECK(tc_cache_workdir(&cache, path, why, sizeof why)); /* a private place is found elsewhere */
  CHECK(strncmp(path, root(), strlen(root())) != 0);
  struct stat st;
  CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0700);
  tc_cache_discard(path);
  CHECK(access(path, F_OK) != 0);
}

static void foreign(void) {
  char path[TC_PATH_B], sub[TC_PATH_B];
  fresh();
  tc_cache cache = open_rw();
  CHECK(store(&cache, "k1", "content one", path));
  chmod(root(), 0770);
  refused("group may write");
  chmod(root(), 0707);
  refused("others may write");
  chmod(root(), 0755);
  CHECK(finds(&cache, "k1"));
  CHECK(tc_path_join(sub, root(), "v1", NULL));
  chmod(sub, 0777);
  refused("others may write one level below");
  chmod(sub, 0700);
  chmod(path, 0666); /* a single file: a miss */
  CHECK(!finds(&cache, "k1"));
  chmod(path, 0600);
  CHECK(finds(&cache, "k1"));
  if (geteuid() == 0) {
    CHECK(chown(root(), 12345, 12345) == 0);
    refused("another owner");
    CHECK(chown(root(), 0, 0) == 0);
  }
  clean();
}

static void link_instead(void) {
  char path[TC_PATH_B], moved[TC_PATH_B], entry[TC_PATH_B];
  fresh();
  tc_cache cache = open_rw();
  CHECK(store(&cache, "k1", "content one", path));
  snprintf(entry, sizeof entry, "%.*s", (int)(strlen(path) - strlen("/kernel.so")), path);
  snprintf(moved, sizeof moved, "%s/moved", base);
  CHECK(rename(entry, moved) == 0 && symlink(moved, entry) == 0);
  CHECK(!finds(&cache, "k1"));
  clean();
}

static void unusable_places(void) {
  char path[TC_PATH_B], why[128], file[300];
  tc_cache cache;
  fresh();
  snprintf(file, sizeof file, "%s/file", base);
  CHECK(tc_write_new(file, "x", 1));
  tc_cache_open(&cache, file, TC_CACHE_RW, 1000);
  CHECK(!cache.usable && cache.trouble != TC_CACHE_FINE && cache.why[0]);
  snprintf(file, sizeof file, "%s/file/below", base);
  tc_cache_open(&cache, file, TC_CACHE_RW, 1000);
  CHECK(!cache.usable && cache.trouble == TC_CACHE_UNWRITABLE);
  CHECK(tc_cache_workdir(&cache, path, why, sizeof why));
  tc_cache_discard(path);
  char *long_path = malloc(10000);
  memset(long_path, 'a', 9999);
  long_path[0] = '/', long_path[9999] = 0;
  tc_cache_open(&cache, long_path, TC_CACHE_RW, 1000);
  CHECK(!cache.usable);
  free(long_path);
  setenv("TMPDIR", "/nowhere/at/all", 1);
  CHECK(!tc_cache_workdir(&cache, path, why, sizeof why) && why[0]);
  unsetenv("TMPDIR");
  clean();
}

/* A file size limit stands for a full disk: writes fail in the middle. */
static void full_disk(void) {
  fresh();
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    char path[TC_PATH_B], content[5000];
    tc_cache cache = open_rw();
    memset(content, 'x', sizeof content - 1);
    content[sizeof content - 1] = 0;
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit = {3000, 3000};
    setrlimit(RLIMIT_FSIZE, &limit);
    bool stored = store(&cache, "k1", content, path); /* kernel.so does not fit */
    char dir[TC_PATH_B], file[TC_PATH_B], why[128];
    tc_cache_note note = {"gemm", "cpu", 1};
    tc_cache_key key = tc_cache_key_of(content, sizeof content - 1); /* the key does not fit */
    bool second = tc_cache_workdir(&cache, dir, why, sizeof why)
                  && tc_path_join(file, dir, "kernel.so", NULL) && tc_write_new(file, "ok", 2)
                  && tc_cache_store(&cache, &key, dir, &note, path);
    bool kept = access(file, R_OK) == 0; /* what was compiled is still there to be loaded */
    tc_cache_discard(dir);
    _exit(!stored && !second && kept && cache.trouble == TC_CACHE_UNWRITABLE && cache.why[0] ? 0
                                                                                             : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  tc_cache cache = open_rw();
  CHECK(!finds(&cache, "k1"));
  clean();
}

/* ---- looking after it ---- */

typedef struct tally {
  uint32_t n, n_sound;
  uint64_t size_b;
} tally;

static void count(void *data, const tc_cache_entry *entry) {
  tally *t = data;
  t->n++;
  t->n_sound += entry->sound;
  t->size_b += entry->size_b;
}

static void age(const char *kernel_path, long seconds) {
  char entry[TC_PATH_B];
  snprintf(entry, sizeof entry, "%.*s", (int)(strlen(kernel_path) - strlen("/kernel.so")),
           kernel_path);
  struct timespec times[2] = {{.tv_sec = time(NULL) - seconds}, {.tv_sec = time(NULL) - seconds}};
  CHECK(utimensat(AT_FDCWD, entry, times, 0) == 0);
}

static void limits(void) {
  char path[TC_PATH_B], key[16];
  tally t = {0};
  fresh();
  tc_cache cache = open_rw();
  for (int i = 0; i < 10; i++) {
    snprintf(key, sizeof key, "key%d", i);
    CHECK(store(&cache, key, "0123456789", path));
    age(path, 1000 - i); /* key0 is the oldest */
  }
  tc_cache_each(&cache, true, count, &t);
  CHECK(t.n == 10 && t.n_sound == 10 && t.size_b > 1000);
  CHECK(finds(&cache, "key0")); /* used: now the youngest */
  CHECK(tc_cache_clean(&cache, t.size_b / 2) == 5);
  CHECK(finds(&cache, "key0") && !finds(&cache, "key1") && !finds(&cache, "key5"));
  CHECK(finds(&cache, "key6") && finds(&cache, "key9"));
  CHECK(tc_cache_clean(&cache, 1) == 2); /* key7 and key8: the others were used a moment ago */
  CHECK(store(&cache, "bad", "content", path));
  CHECK(truncate(path, 2) == 0);
  CHECK(tc_cache_clean(&cache, UINT64_C(1) << 40) == 1); /* damaged ones go in any case */
  CHECK(tc_cache_clean(&cache, 0) == 3);
  t = (tally){0};
  tc_cache_each(&cache, false, count, &t);
  CHECK(t.n == 0);
  clean();
}

/* ---- many processes ---- */

/* As the compiler does: claim, else make and store. Returns whether the entry is right at the end.
 */
static bool get(const char *text, const char *content, uint32_t wait_ms, bool *made) {
  char path[TC_PATH_B];
  int lock;
  tc_cache cache = open_rw();
  tc_cache_key key = key_of(text);
  *made = false;
  if (!tc_cache_claim(&cache, &key, wait_ms, path, &lock)) {
    struct timespec pause = {.tv_nsec = 50 * 1000 * 1000}; /* the C compiler at work */
    nanosleep(&pause, NULL);
    *made = true;
    if (!store(&cache, text, content, path)) return tc_cache_unlock(lock), false;
  }
  tc_cache_unlock(lock);
  return holds(path, content);
}

static void sixteen_processes(uint32_t wait_ms, bool one_makes_it) {
  pid_t children[16];
  int n_made = 0, n_wrong = 0;
  fresh();
  fflush(stdout);
  for (int i = 0; i < 16; i++) {
    children[i] = fork();
    if (children[i]) continue;
    bool made, right = get("shared key", "shared content", wait_ms, &made);
    _exit(right ? made : 2);
  }
  for (int i = 0; i < 16; i++) {
    int status = -1;
    waitpid(children[i], &status, 0);
    n_wrong += !WIFEXITED(status) || WEXITSTATUS(status) > 1;
    n_made += WIFEXITED(status) && WEXITSTATUS(status) == 1;
  }
  CHECK(n_wrong == 0);
  CHECK(one_makes_it ? n_made == 1 : n_made >= 1);
  clean();
}

/* Writers are killed at random moments; what is in the cache afterwards is whole. */
static void killed(void) {
  unsigned seed = 1;
  int n_found = 0;
  char text[32], content[64];
  fresh();
  fflush(stdout);
  for (int round = 0; round < 60; round++) {
    snprintf(text, sizeof text, "key %d", round % 7);
    snprintf(content, sizeof content, "the content of %s, some more bytes", text);
    pid_t child = fork();
    if (child == 0) {
      char path[TC_PATH_B];
      for (int n = 0;; n++) {
        tc_cache cache = open_rw();
        store(&cache, text, content, path);
        if (n % 4 == 3) tc_cache_clean(&cache, 0);
      }
    }
    seed = seed * 1103515245 + 12345;
    struct timespec pause = {.tv_nsec = (long)(seed >> 8) % 60000000};
    nanosleep(&pause, NULL);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    tc_cache cache = open_rw();
    char path[TC_PATH_B];
    tc_cache_key key = key_of(text);
    if (tc_cache_find(&cache, &key, path)) n_found += CHECK(holds(path, content));
  }
  bool made;
  CHECK(get("key 0", "the content of key 0, some more bytes", 1000, &made));
  CHECK(n_found > 0); /* or this test would see nothing */
  clean();
}

/* A lock dies with its process. */
static void lock_of_the_dead(void) {
  int pipes[2];
  char byte;
  bool made;
  fresh();
  CHECK(pipe(pipes) == 0);
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    char path[TC_PATH_B];
    int lock;
    tc_cache cache = open_rw();
    tc_cache_key key = key_of("k");
    tc_cache_claim(&cache, &key, 0, path, &lock);
    byte = lock >= 0;
    if (write(pipes[1], &byte, 1) == 1) pause();
    _exit(1);
  }
  CHECK(read(pipes[0], &byte, 1) == 1 && byte == 1);
  char path[TC_PATH_B];
  int lock;
  tc_cache cache = open_rw();
  tc_cache_key key = key_of("k");
  CHECK(!tc_cache_claim(&cache, &key, 100, path, &lock) && lock == -1); /* waited in vain */
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  CHECK(get("k", "content", 5000, &made) && made);
  close(pipes[0]);
  close(pipes[1]);
  clean();
}

int main(void) {
  sha256();
  hit_and_miss();
  damaged();
  content_is_compared();
  foreign();
  link_instead();
  unusable_places();
  full_disk();
  limits();
  sixteen_processes(20000, true);
  sixteen_processes(0, false);
  killed();
  lock_of_the_dead();
  return check_report();
}
