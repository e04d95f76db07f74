#include "rt/os.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

void *tc_rt_alloc(const tilec_allocator *allocator, size_t size_b, size_t align_b) {
  if (!size_b) size_b = 1;
  if (allocator) return allocator->alloc(allocator->data, size_b, align_b);
  if (align_b <= _Alignof(max_align_t)) return malloc(size_b);
  void *at = NULL;
  return posix_memalign(&at, align_b, size_b) ? NULL : at;
}

void tc_rt_free(const tilec_allocator *allocator, void *at, size_t size_b) {
  if (!at) return;
  if (allocator) {
    allocator->free(allocator->data, at, size_b ? size_b : 1);
  } else {
    free(at);
  }
}

bool tc_rt_lock_init_recursive(pthread_mutex_t *lock) {
  pthread_mutexattr_t attr;
  if (pthread_mutexattr_init(&attr)) return false;
  pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
  bool ok = pthread_mutex_init(lock, &attr) == 0;
  pthread_mutexattr_destroy(&attr);
  return ok;
}

uint64_t tc_rt_now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

/* ---- files ---- */

int64_t tc_rt_file_size(const char *path) {
  struct stat st;
  if (stat(path, &st)) return -1;
  if (S_ISREG(st.st_mode)) return (int64_t)st.st_size;
  errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
  return -1;
}

int64_t tc_rt_file_read(const char *path, void *buffer, size_t size_b) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  size_t held_b = 0;
  while (held_b < size_b) {
    ssize_t n = read(fd, (char *)buffer + held_b, size_b - held_b);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      int saved = errno;
      close(fd);
      errno = saved;
      return -1;
    }
    if (n == 0) break;
    held_b += (size_t)n;
  }
  close(fd);
  return (int64_t)held_b;
}

bool tc_rt_file_write(const char *path, const void *bytes, size_t size_b) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) return false;
  const char *at = bytes;
  int problem = 0;
  while (size_b && !problem) {
    ssize_t n = write(fd, at, size_b);
    if (n < 0 && errno != EINTR) problem = errno;
    if (n > 0) at += n, size_b -= (size_t)n;
  }
  if (close(fd) && !problem) problem = errno;
  if (problem) unlink(path);
  errno = problem;
  return !problem;
}

bool tc_rt_file_exists(const char *path) {
  return access(path, F_OK) == 0;
}

/* The beginning of a small file, terminated. False when it cannot be read. */
static bool read_small(char *text, size_t size_b, const char *path) {
  int64_t n = tc_rt_file_read(path, text, size_b - 1);
  if (n < 0) return false;
  text[n] = 0;
  return true;
}

/* ---- processors and memory ---- */

/* One cgroup controller: the directories from the process's group up to the mount, each visited. In
 * a container the group's path may lie outside what is mounted, so the mount itself is always
 * tried. */
typedef void visit(const char *directory, void *data);

static void walk_up(const char *mount, const char *group, visit *fn, void *data) {
  char path[TC_PATH_B];
  size_t mount_n = strlen(mount);
  int n = snprintf(path, sizeof path, "%s%s", mount, group);
  if (n < 0 || (size_t)n >= sizeof path) return;
  for (size_t end = (size_t)n; end > mount_n; end--) {
    if (path[end] && path[end] != '/') continue;
    path[end] = 0;
    fn(path, data);
  }
  fn(mount, data);
}

/* True when the comma-separated list holds the word. */
static bool list_has(const char *list, size_t n, const char *word) {
  size_t word_n = strlen(word);
  for (size_t at = 0; at < n;) {
    size_t end = at;
    while (end < n && list[end] != ',')
      end++;
    if (end - at == word_n && strncmp(list + at, word, word_n) == 0) return true;
    at = end + 1;
  }
  return false;
}

/* Lines of /proc/self/cgroup are ID:CONTROLLERS:PATH; version 2 has no controllers. */
static void each_group(const char *root, const char *controller, visit *v1, visit *v2, void *data) {
  char path[TC_PATH_B], text[8192], mount[TC_PATH_B];
  snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
  if (!read_small(text, sizeof text, path)) return;
  char *save = NULL;
  for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
    char *list = strchr(line, ':'), *group = list ? strchr(list + 1, ':') : NULL;
    if (!group) continue;
    size_t list_n = (size_t)(group - list - 1);
    if (list_n == 0) {
      snprintf(mount, sizeof mount, "%s/sys/fs/cgroup", root);
      walk_up(mount, group + 1, v2, data);
    } else if (list_has(list + 1, list_n, controller)) {
      snprintf(mount, sizeof mount, "%s/sys/fs/cgroup/%.*s", root, (int)list_n, list + 1);
      walk_up(mount, group + 1, v1, data);
      snprintf(mount, sizeof mount, "%s/sys/fs/cgroup/%s", root, controller);
      walk_up(mount, group + 1, v1, data);
    }
  }
}

static bool read_number(const char *directory, const char *file, long long *x) {
  char path[TC_PATH_B], text[64];
  int n = snprintf(path, sizeof path, "%s/%s", directory, file);
  if (n < 0 || (size_t)n >= sizeof path) return false;
  return read_small(text, sizeof text, path) && sscanf(text, "%lld", x) == 1;
}

static void cap_cpus(long long quota, long long period, void *data) {
  uint32_t *count = data;
  if (quota <= 0 || period <= 0) return;
  long long whole = quota / period + (quota % period != 0);
  if (whole < *count) *count = (uint32_t)whole;
}

static void cpus_v2(const char *directory, void *data) {
  char path[TC_PATH_B], text[64];
  long long quota, period;
  int n = snprintf(path, sizeof path, "%s/cpu.max", directory);
  if (n < 0 || (size_t)n >= sizeof path || !read_small(text, sizeof text, path)) return;
  if (sscanf(text, "%lld %lld", &quota, &period) == 2) cap_cpus(quota, period, data);
}

static void cpus_v1(const char *directory, void *data) {
  long long quota, period;
  if (read_number(directory, "cpu.cfs_quota_us", &quota)
      && read_number(directory, "cpu.cfs_period_us", &period))
    cap_cpus(quota, period, data);
}

uint32_t tc_rt_cpu_count(const char *root) {
  uint32_t count = 1;
#ifdef __linux__
  /* A fixed cpu_set_t is too small for the kernel of a machine with more than 1024 processors. */
  for (int n_cpus = 1024; n_cpus <= 1 << 18; n_cpus *= 4) {
    cpu_set_t *set = CPU_ALLOC((size_t)n_cpus);
    if (!set) break;
    size_t size_b = CPU_ALLOC_SIZE((size_t)n_cpus);
    bool known = sched_getaffinity(0, size_b, set) == 0;
    if (known) count = (uint32_t)CPU_COUNT_S(size_b, set);
    CPU_FREE(set);
    if (known) break;
  }
#else
  long online = sysconf(_SC_NPROCESSORS_ONLN);
  if (online > 0) count = (uint32_t)online;
#endif
  each_group(root, "cpu", cpus_v1, cpus_v2, &count);
  return count ? count : 1;
}

static void cap_memory(const char *directory, const char *file, void *data) {
  uint64_t *limit_b = data;
  long long x;
  if (read_number(directory, file, &x) && x > 0 && (uint64_t)x < *limit_b) *limit_b = (uint64_t)x;
}

static void memory_v2(const char *directory, void *data) {
  cap_memory(directory, "memory.max", data);
}

static void memory_v1(const char *directory, void *data) {
  cap_memory(directory, "memory.limit_in_bytes", data);
}

uint64_t tc_rt_memory_b(const char *root) {
  long pages = sysconf(_SC_PHYS_PAGES), page_b = sysconf(_SC_PAGESIZE);
  uint64_t limit_b = pages > 0 && page_b > 0 ? (uint64_t)pages * (uint64_t)page_b : UINT64_MAX;
  each_group(root, "memory", memory_v1, memory_v2, &limit_b);
  return limit_b;
}
