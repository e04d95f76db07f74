/* What the process may use, read from made-up /proc and /sys trees. */
#include "check_kit.h"
#include "rt/os.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[256];

/* Writes a file below the tree; makes its directories. */
static void put(const char *path, const char *text) {
  char whole[512];
  snprintf(whole, sizeof whole, "%s/%s", root, path);
  for (char *at = whole + 1; *at; at++) {
    if (*at != '/') continue;
    *at = 0;
    mkdir(whole, 0700);
    *at = '/';
  }
  if (!tc_rt_file_write(whole, text, strlen(text))) printf("cannot write %s\n", whole);
}

static void fresh(void) {
  snprintf(root, sizeof root, "%s/tilec-os-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
  if (!mkdtemp(root)) printf("no temporary directory\n");
}

static void clean(void) {
  char command[400];
  snprintf(command, sizeof command, "rm -rf '%s'", root);
  CHECK(system(command) == 0);
}

static uint32_t affinity(void) {
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof set, &set) ? 1 : (uint32_t)CPU_COUNT(&set);
}

static uint32_t least(uint32_t a, uint32_t b) {
  return a < b ? a : b;
}

static void version_2(void) {
  fresh();
  put("proc/self/cgroup", "0::/a/b\n");
  put("sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
  CHECK(tc_rt_cpu_count(root) == affinity());
  put("sys/fs/cgroup/a/cpu.max", "100000 100000\n"); /* the group above counts too */
  CHECK(tc_rt_cpu_count(root) == 1);
  put("sys/fs/cgroup/a/cpu.max", "150000 100000\n"); /* one and a half: two threads */
  CHECK(tc_rt_cpu_count(root) == least(2, affinity()));
  put("sys/fs/cgroup/a/b/cpu.max", "1000 100000\n");
  CHECK(tc_rt_cpu_count(root) == 1);
  put("sys/fs/cgroup/a/b/memory.max", "max\n");
  put("sys/fs/cgroup/memory.max", "123456789\n");
  CHECK(tc_rt_memory_b(root) == 123456789);
  put("sys/fs/cgroup/a/b/memory.max", "1000\n");
  CHECK(tc_rt_memory_b(root) == 1000);
  clean();
}

static void version_1(void) {
  fresh();
  put("proc/self/cgroup", "5:memory:/x\n4:cpu,cpuacct:/docker/1234\n1:name=systemd:/\n");
  put("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n"); /* the path is not mounted here */
  put("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  CHECK(tc_rt_cpu_count(root) == affinity());
  put("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "100000\n");
  CHECK(tc_rt_cpu_count(root) == 1);
  put("sys/fs/cgroup/memory/x/memory.limit_in_bytes", "77777\n");
  CHECK(tc_rt_memory_b(root) == 77777);
  clean();
}

static void nonsense(void) {
  fresh();
  CHECK(tc_rt_cpu_count(root) == affinity());
  put("proc/self/cgroup", "\n:\n::\n0::\n7:cpu\nxxxxxxxx\n0::/\n");
  put("sys/fs/cgroup/cpu.max", "hello world\n");
  put("sys/fs/cgroup/memory.max", "-5\n");
  CHECK(tc_rt_cpu_count(root) == affinity());
  put("sys/fs/cgroup/cpu.max", "0 0\n");
  CHECK(tc_rt_cpu_count(root) == affinity());
  CHECK(tc_rt_memory_b(root) > 1000000);
  clean();
}

static void files(void) {
  char buffer[16], path[512];
  fresh();
  put("x", "hello");
  snprintf(path, sizeof path, "%s/x", root);
  CHECK(tc_rt_file_size(path) == 5);
  CHECK(tc_rt_file_read(path, buffer, 3) == 3 && memcmp(buffer, "hel", 3) == 0);
  CHECK(tc_rt_file_size(root) == -1);
  CHECK(tc_rt_file_size("/dev/null") == -1);
  CHECK(tc_rt_file_size("/nowhere/at/all") == -1);
  CHECK(!tc_rt_file_write("/nowhere/at/all", "x", 1));
  clean();
}

int main(void) {
  version_2();
  version_1();
  nonsense();
  files();
  CHECK(tc_rt_cpu_count("") >= 1);
  return check_report();
}
