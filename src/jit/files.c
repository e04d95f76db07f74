#include "jit/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER_B = 16 * 1024 };

bool tc_path_join(char out[TC_PATH_B], const char *a, const char *b, const char *c) {
  int n = snprintf(out, TC_PATH_B, c ? "%s/%s/%s" : "%s/%s", a, b, c);
  if (n >= 0 && n < TC_PATH_B) return true;
  errno = ENAMETOOLONG;
  return false;
}

static bool is_directory(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool tc_make_dirs(const char *path) {
  char part[TC_PATH_B];
  size_t n = strlen(path);
  if (n >= sizeof part) return errno = ENAMETOOLONG, false;
  if (is_directory(path)) return true;
  memcpy(part, path, n + 1);
  for (size_t i = 1; i <= n; i++) {
    if (part[i] && part[i] != '/') continue;
    part[i] = 0;
    if (mkdir(part, 0700) && errno != EEXIST && !is_directory(part)) return false;
    if (i < n) part[i] = '/';
  }
  if (is_directory(path)) return true;
  errno = ENOTDIR;
  return false;
}

bool tc_path_is_ours(const char *path, bool directory, bool follow, char *why, size_t why_b) {
  struct stat st;
  if (follow ? stat(path, &st) : lstat(path, &st)) {
    snprintf(why, why_b, "%s", strerror(errno));
  } else if (directory ? !S_ISDIR(st.st_mode) : !S_ISREG(st.st_mode)) {
    snprintf(why, why_b, "it is not a %s", directory ? "directory" : "plain file");
  } else if (st.st_uid != geteuid()) {
    snprintf(why, why_b, "it belongs to user %lu, and this is user %lu", (unsigned long)st.st_uid,
             (unsigned long)geteuid());
  } else if (st.st_mode & (S_IWGRP | S_IWOTH)) {
    snprintf(why, why_b, "others may write to it (mode %04o)", (unsigned)(st.st_mode & 07777));
  } else {
    return true;
  }
  return false;
}

static bool write_all(int fd, const void *bytes, size_t size_b) {
  const char *at = bytes;
  while (size_b) {
    ssize_t n = write(fd, at, size_b);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    at += n, size_b -= (size_t)n;
  }
  return true;
}

bool tc_write_new(const char *path, const void *bytes, size_t size_b) {
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return false;
  bool ok = write_all(fd, bytes, size_b) && fsync(fd) == 0;
  int saved = errno;
  if (close(fd))
    ok = false; /* NFS and quotas report a full disk here */
  else
    errno = saved;
  saved = errno;
  if (!ok) unlink(path);
  errno = saved;
  return ok;
}

bool tc_sync_path(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  /* Some file systems have no fsync of directories, which is no reason not to store. */
  bool ok = fsync(fd) == 0 || errno == EINVAL || errno == EBADF;
  int saved = errno;
  close(fd);
  errno = saved;
  return ok;
}

/* A plain file of this user that nobody else may change; -1 otherwise. */
static int open_ours(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return -1;
  struct stat st;
  bool ours = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid()
              && !(st.st_mode & (S_IWGRP | S_IWOTH));
  if (ours) return fd;
  close(fd);
  return -1;
}

/* Fills as much of the buffer as the file has; -1 on an error. */
static ssize_t read_some(int fd, void *buffer, size_t size_b) {
  size_t held_b = 0;
  while (held_b < size_b) {
    ssize_t n = read(fd, (char *)buffer + held_b, size_b - held_b);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -1;
    if (n == 0) break;
    held_b += (size_t)n;
  }
  return (ssize_t)held_b;
}

bool tc_file_equals(const char *path, const void *bytes, size_t size_b) {
  char buffer[BUFFER_B];
  int fd = open_ours(path);
  if (fd < 0) return false;
  const char *at = bytes;
  bool equal = true;
  for (bool end = false; equal && !end;) {
    ssize_t n = read_some(fd, buffer, sizeof buffer);
    end = n < (ssize_t)sizeof buffer;
    equal = n >= 0 && (size_t)n <= size_b && memcmp(buffer, at, (size_t)n) == 0;
    if (equal) at += n, size_b -= (size_t)n;
  }
  close(fd);
  return equal && size_b == 0;
}

bool tc_file_digest(const char *path, uint64_t *size_b, char hex[TC_SHA256_HEX]) {
  char buffer[BUFFER_B];
  unsigned char hash[TC_SHA256_B];
  int fd = open_ours(path);
  if (fd < 0) return false;
  tc_sha256 sha;
  tc_sha256_start(&sha);
  ssize_t n = 1;
  while (n > 0) {
    n = read_some(fd, buffer, sizeof buffer);
    if (n > 0) tc_sha256_add(&sha, buffer, (size_t)n);
  }
  close(fd);
  *size_b = sha.total_b;
  tc_sha256_end(&sha, hash);
  tc_sha256_hex(hash, hex);
  return n == 0;
}

long tc_file_read(const char *path, char *text, size_t size_b) {
  int fd = open_ours(path);
  if (fd < 0) return -1;
  ssize_t n = read_some(fd, text, size_b);
  close(fd);
  if (n < 0 || (size_t)n == size_b) return -1;
  text[n] = 0;
  return (long)n;
}

bool tc_remove_dir(const char *path) {
  DIR *dir = opendir(path);
  if (dir) {
    for (struct dirent *e; (e = readdir(dir));) {
      if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
      unlinkat(dirfd(dir), e->d_name, 0);
    }
    closedir(dir);
  }
  return rmdir(path) == 0 || errno == ENOENT;
}
