#include "jit/outputs.h"

#include "jit/files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const int64_t MAX_OLD_B = INT64_C(256) << 20; /* a larger file is none of ours */

typedef struct job {
  const char *directory, *name, *workdir;
  const tc_output *at;
  uint32_t n;
  const char **paths; /* where the files go; then, in workdir, the new and the old ones */
  bool *replaced;     /* the old file was moved aside */
  tc_output_problem *problem;
  tc_arena *arena;
} job;

static bool fail(const job *o, const char *path, int error) {
  *o->problem = (tc_output_problem){path, error};
  return false;
}

static const char *path_of(const job *o, uint32_t i) {
  return o->paths[i];
}
static const char *new_of(const job *o, uint32_t i) {
  return o->paths[o->n + i];
}
static const char *old_of(const job *o, uint32_t i) {
  return o->paths[2 * o->n + i];
}

/* Memory is asked for before anything is renamed. */
static void name_files(job *o) {
  for (uint32_t i = 0; i < o->n; i++) {
    const char *suffix = o->at[i].suffix;
    o->paths[i] = tc_format(o->arena, "%s/%s%s", o->directory, o->name, suffix);
    o->paths[o->n + i] = tc_format(o->arena, "%s/new%s", o->workdir, suffix);
    o->paths[2 * o->n + i] = tc_format(o->arena, "%s/old%s", o->workdir, suffix);
  }
}

/* Like `mkdir -p`, with the rights that the process gives to new directories. */
static bool make_directory(tc_arena *arena, const char *path) {
  char *part = tc_format(arena, "%s", path);
  for (char *c = part + 1;; c++) {
    if (*c != '/' && *c) continue;
    char saved = *c;
    *c = 0;
    bool bad = mkdir(part, 0777) && errno != EEXIST;
    *c = saved;
    if (bad) return false;
    if (!saved) break;
  }
  struct stat st;
  if (stat(path, &st)) return false;
  return S_ISDIR(st.st_mode) || (errno = ENOTDIR, false);
}

static bool holds(const char *text, size_t n, const char *mark) {
  size_t k = strlen(mark);
  for (const char *at = text; n >= k && at <= text + n - k; at++)
    if (*at == *mark && memcmp(at, mark, k) == 0) return true;
  return false;
}

/* What stands at the path may be replaced: nothing, or a file that a build has made. */
static bool check_old(const job *o, uint32_t i) {
  const char *path = path_of(o, i);
  struct stat st;
  if (lstat(path, &st)) return errno == ENOENT || fail(o, path, errno);
  bool ours = S_ISREG(st.st_mode) && st.st_size <= MAX_OLD_B;
  if (ours) {
    char *text = tc_arena_alloc(o->arena, (size_t)st.st_size + 1);
    int64_t n = tc_rt_file_read(path, text, (size_t)st.st_size);
    ours = n == 0 || (n > 0 && holds(text, (size_t)n, o->at[i].mark));
  }
  return ours || fail(o, path, 0);
}

static bool put_in_place(const job *o, uint32_t i) {
  o->replaced[i] = rename(path_of(o, i), old_of(o, i)) == 0;
  if (!o->replaced[i] && errno != ENOENT) return false;
  return rename(new_of(o, i), path_of(o, i)) == 0;
}

/* Undoes the first `n`; of the last of them only the first half may have happened. */
static void take_back(const job *o, uint32_t n) {
  for (uint32_t i = n; i-- > 0;) {
    if (o->replaced[i]) {
      rename(old_of(o, i), path_of(o, i));
    } else if (i + 1 < n) {
      unlink(path_of(o, i));
    }
  }
}

static bool write_all(const job *o) {
  for (uint32_t i = 0; i < o->n; i++)
    if (!tc_rt_file_write(new_of(o, i), o->at[i].bytes.at, o->at[i].bytes.n))
      return fail(o, path_of(o, i), errno);
  for (uint32_t i = 0; i < o->n; i++) {
    if (put_in_place(o, i)) continue;
    fail(o, path_of(o, i), errno);
    take_back(o, i + 1);
    return false;
  }
  return true;
}

bool tc_outputs_write(const char *directory, const char *name, const tc_output *outputs, uint32_t n,
                      char workdir[TC_PATH_B], tc_output_problem *problem, tc_arena *arena) {
  job o = {directory, name, workdir, outputs, n, .problem = problem, .arena = arena};
  o.paths = TC_NEW_ARRAY(arena, 3 * n, const char *);
  o.replaced = TC_NEW_ARRAY(arena, n, bool);
  workdir[0] = 0;
  if (!make_directory(arena, directory)) return fail(&o, directory, errno);
  name_files(&o);
  for (uint32_t i = 0; i < n; i++)
    if (!check_old(&o, i)) return false;
  if (!tc_path_join(workdir, directory, ".tilec-build-XXXXXX", NULL) || !mkdtemp(workdir)) {
    workdir[0] = 0;
    return fail(&o, directory, errno);
  }
  name_files(&o);
  return write_all(&o);
}
