#include "toolchain/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

uint64_t tc_child_now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

/* The environment with messages in English and temporary files where we remove them. `room` holds
 * the new strings. NULL: no memory. */
static char **child_environment(const char *tmpdir, char *room, size_t room_b) {
  size_t n = 0;
  while (environ[n])
    n++;
  char **env = calloc(n + 3, sizeof *env);
  if (!env) return NULL;
  size_t k = 0;
  for (size_t i = 0; i < n; i++) {
    bool ours = strncmp(environ[i], "LC_ALL=", 7) == 0
                || (tmpdir && strncmp(environ[i], "TMPDIR=", 7) == 0);
    if (!ours) env[k++] = environ[i];
  }
  /* Two strings side by side. */
  size_t first_b = (size_t)snprintf(room, room_b, "LC_ALL=C") + 1;
  env[k++] = room;
  int second = tmpdir ? snprintf(room + first_b, room_b - first_b, "TMPDIR=%s", tmpdir) : -1;
  if (second > 0 && (size_t)second < room_b - first_b) env[k++] = room + first_b;
  return env;
}

/* Default signals, own process group, no input, output into `pipe_in`. An error number or 0. */
static int spawn(char *const *argv, char *const *env, int pipe_in, pid_t *pid) {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attr;
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  int e = posix_spawn_file_actions_init(&files);
  if (e) return e;
  e = posix_spawnattr_init(&attr);
  if (e) {
    posix_spawn_file_actions_destroy(&files);
    return e;
  }
  if (!e) e = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  if (!e) e = posix_spawn_file_actions_adddup2(&files, pipe_in, 1);
  if (!e) e = posix_spawn_file_actions_adddup2(&files, pipe_in, 2);
  if (!e) e = posix_spawnattr_setsigmask(&attr, &none);
  if (!e) e = posix_spawnattr_setsigdefault(&attr, &all);
  if (!e) e = posix_spawnattr_setpgroup(&attr, 0);
  if (!e)
    e = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK
                                            | POSIX_SPAWN_SETSIGDEF);
  if (!e) e = posix_spawn(pid, argv[0], &files, &attr, argv, env);
  posix_spawnattr_destroy(&attr);
  posix_spawn_file_actions_destroy(&files);
  return e;
}

/* Takes what is there. False at the end of the output. */
static bool drain(int out, tc_child *child) {
  char more[4096];
  for (;;) {
    ssize_t n = read(out, more, sizeof more);
    if (n == 0) return false;
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    size_t room = sizeof child->said - 1 - child->said_b;
    size_t take = (size_t)n < room ? (size_t)n : room;
    memcpy(child->said + child->said_b, more, take);
    child->said_b += take;
    child->said[child->said_b] = 0;
  }
}

/* True when the child has ended; it is not reaped, so its process group cannot be anybody else's.
 */
static bool has_ended(pid_t pid, siginfo_t *info) {
  memset(info, 0, sizeof *info);
  return waitid(P_PID, (id_t)pid, info, WEXITED | WNOHANG | WNOWAIT) != 0 || info->si_pid == pid;
}

static void wait_for(pid_t pid, int out, uint64_t deadline_ns, tc_child_poll asked,
                     tc_child *child) {
  siginfo_t info;
  bool open = true, ended = false, stopped = false;
  while (!(ended = has_ended(pid, &info)) && !stopped && tc_child_now_ns() < deadline_ns) {
    stopped = asked.interrupted && asked.interrupted(asked.data);
    struct pollfd p = {out, POLLIN, 0};
    if (open && poll(&p, 1, 20) > 0) open = drain(out, child);
    if (!open) {
      struct timespec nap = {0, 500000};
      nanosleep(&nap, NULL);
    }
  }
  if (open) drain(out, child);
  bool good = ended && info.si_code == CLD_EXITED && info.si_status == 0;
  if (!good) kill(-pid, SIGKILL);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  child->end = WIFEXITED(status) ? TC_CHILD_EXITED : TC_CHILD_SIGNAL;
  if (!ended) child->end = stopped ? TC_CHILD_INTERRUPTED : TC_CHILD_TIMEOUT;
  child->status = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
}

void tc_child_run(char *const *argv, const char *tmpdir, uint32_t timeout_s, tc_child_poll asked,
                  tc_child *child) {
  memset(child, 0, sizeof *child);
  child->end = TC_CHILD_NOT_RUN;
  int ends[2];
  char room[4096];
  uint64_t deadline_ns = tc_child_now_ns() + timeout_s * UINT64_C(1000000000);
  char **env = child_environment(tmpdir, room, sizeof room);
  if (!env || pipe2(ends, O_CLOEXEC)) {
    child->status = env ? errno : ENOMEM;
    free(env);
    return;
  }
  pid_t pid = -1;
  child->status = spawn(argv, env, ends[1], &pid);
  close(ends[1]);
  free(env);
  if (child->status == 0) {
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    wait_for(pid, ends[0], deadline_ns, asked, child);
  }
  close(ends[0]);
}
