#include "toolchain/cc.h"

#include "rt/os.h"
#include "toolchain/child.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TIMEOUT_S = 60, VERSION_TIMEOUT_S = 10, MAX_WORDS = 64 };

/* ---- finding ---- */

static bool is_program(const char *path) {
  struct stat s;
  return stat(path, &s) == 0 && S_ISREG(s.st_mode) && access(path, X_OK) == 0;
}

/* The first program of this name on PATH, or NULL. */
static const char *on_path(const char *name, tc_arena *arena) {
  if (strchr(name, '/')) return is_program(name) ? tc_format(arena, "%s", name) : NULL;
  const char *dirs = getenv("PATH");
  if (!dirs || !*dirs) dirs = "/usr/local/bin:/usr/bin:/bin";
  while (*dirs) {
    size_t n = strcspn(dirs, ":");
    char path[PATH_MAX];
    int length = snprintf(path, sizeof path, "%.*s/%s", (int)n, n ? dirs : ".", name);
    if (length > 0 && length < (int)sizeof path && is_program(path))
      return tc_format(arena, "%s", path);
    dirs += n + (dirs[n] == ':');
  }
  return NULL;
}

/* Splits at blanks; at most `max` words, NULL at the end. */
static uint32_t split(tc_arena *arena, const char *text, const char **words, uint32_t max) {
  uint32_t n = 0;
  while (*(text += strspn(text, " \t"))) {
    size_t length = strcspn(text, " \t");
    if (n + 1 == max) break;
    words[n++] = tc_str_dup(arena, (tc_str){text, (uint32_t)length});
    text += length;
  }
  words[n] = NULL;
  return n;
}

static bool parse_command(tc_cc *cc, const char *command, tc_arena *arena) {
  const char *words[TC_CC_WORDS + 1];
  if (split(arena, command, words, TC_CC_WORDS + 1) == 0) return false;
  cc->path = on_path(words[0], arena);
  memcpy(cc->words, words + 1, sizeof cc->words);
  return cc->path != NULL;
}

/* argv for the compiler with the given further words. */
static uint32_t command_of(const tc_cc *cc, char **argv) {
  uint32_t n = 0;
  /* posix_spawn takes the strings without const and leaves them alone. */
  argv[n++] = (char *)(uintptr_t)cc->path;
  for (uint32_t i = 0; i < TC_CC_WORDS && cc->words[i]; i++)
    argv[n++] = (char *)(uintptr_t)cc->words[i];
  return n;
}

static bool ask_version(tc_cc *cc, tc_arena *arena) {
  char *argv[TC_CC_WORDS + 4], flag[] = "--version";
  uint32_t n = command_of(cc, argv);
  argv[n++] = flag;
  argv[n] = NULL;
  tc_child child;
  tc_child_run(argv, NULL, VERSION_TIMEOUT_S, (tc_child_poll){0}, &child);
  if (child.end != TC_CHILD_EXITED || child.status != 0) return false;
  cc->version = tc_str_dup(arena, (tc_str){child.said, (uint32_t)strcspn(child.said, "\r\n")});
  return true;
}

/* The machine this was compiled for, by GNU's name. */
static const char *host_triple(void) {
#if defined(__x86_64__)
  return "x86_64-linux-gnu";
#elif defined(__aarch64__)
  return "aarch64-linux-gnu";
#else
  return "";
#endif
}

bool tc_cc_find_for(tc_cc *cc, const char *triple, const char *wanted, tc_diags *diags,
                    tc_arena *arena) {
  static const char *const ends[] = {"gcc", "cc"};
  if ((wanted && *wanted) || !*triple || strcmp(triple, host_triple()) == 0)
    return tc_cc_find(cc, wanted, diags, arena);
  *cc = (tc_cc){0};
  for (uint32_t i = 0; i < TC_COUNT(ends); i++)
    if (parse_command(cc, tc_format(arena, "%s-%s", triple, ends[i]), arena)
        && ask_version(cc, arena))
      return true;
  TC_DIAG(diags, D_cc_missing, (tc_span){0},
          tc_format(arena, "%s-gcc and %s-cc are not on PATH", triple, triple));
  return false;
}

bool tc_cc_find(tc_cc *cc, const char *wanted, tc_diags *diags, tc_arena *arena) {
  *cc = (tc_cc){0};
  const tc_span nowhere = {0};
  if (wanted && *wanted) {
    if (parse_command(cc, wanted, arena) && ask_version(cc, arena)) return true;
    TC_DIAG(diags, D_cc_missing, nowhere,
            tc_format(arena, cc->path ? "'%s' does not answer --version" : "'%s' was not found",
                      wanted));
    return false;
  }
  static const char *const names[] = {"cc", "gcc", "clang"};
  for (uint32_t i = 0; i < TC_COUNT(names); i++)
    if (parse_command(cc, names[i], arena) && ask_version(cc, arena)) return true;
  TC_DIAG(diags, D_cc_missing, nowhere, "cc, gcc and clang are not on PATH");
  return false;
}

/* ---- the private directory ---- */

/* Removes what is in the directory; a compiler may make directories of its own. */
static void empty_dir(int dir, int depth) {
  int copy = dup(dir);
  DIR *entries = copy < 0 ? NULL : fdopendir(copy);
  if (!entries) {
    if (copy >= 0) close(copy);
    return;
  }
  for (struct dirent *d; (d = readdir(entries));) {
    if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0) continue;
    if (unlinkat(dir, d->d_name, 0) == 0 || depth == 0) continue;
    int below = openat(dir, d->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (below < 0) continue;
    empty_dir(below, depth - 1);
    close(below);
    unlinkat(dir, d->d_name, AT_REMOVEDIR);
  }
  closedir(entries);
}

typedef struct workshop {
  char path[PATH_MAX];
  int dir; /* -1: none */
  const tilec_allocator *hooks;
  bool exhausted; /* there was no memory to read the result into */
  /* What went wrong: `what` (a verb) with `name`, errno. */
  const char *what;
  char name[PATH_MAX + 16];
  int error;
} workshop;

static bool fail(workshop *w, const char *what, const char *name) {
  w->error = errno;
  w->what = what;
  snprintf(w->name, sizeof w->name, "%s", name);
  return false;
}

static bool open_workshop(workshop *w) {
  const char *base = getenv("TMPDIR");
  w->dir = -1;
  int n = snprintf(w->path, sizeof w->path, "%s/tilec-cc-XXXXXX", base && *base ? base : "/tmp");
  if (n >= (int)sizeof w->path - 8) {
    errno = ENAMETOOLONG;
    return fail(w, "make a directory in", "$TMPDIR");
  }
  if (!mkdtemp(w->path)) {
    w->path[0] = 0;
    return fail(w, "make a directory in", base && *base ? base : "/tmp");
  }
  w->dir = open(w->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  return w->dir >= 0 || fail(w, "open", w->path);
}

static void close_workshop(workshop *w) {
  if (w->dir >= 0) {
    empty_dir(w->dir, 4);
    close(w->dir);
  }
  if (w->path[0]) rmdir(w->path);
}

static bool write_file(workshop *w, const char *name, tc_str text) {
  int f = openat(w->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (f < 0) return fail(w, "create", name);
  size_t done = 0;
  while (done < text.n) {
    ssize_t n = write(f, text.at + done, text.n - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    done += (size_t)n;
  }
  bool good = done == text.n || fail(w, "write", name);
  if (close(f) && good) return fail(w, "write", name);
  return good;
}

/* The file in memory of w->hooks, or NULL. */
static unsigned char *read_file(workshop *w, const char *name, size_t *size_b) {
  struct stat s;
  int f = openat(w->dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (f < 0 || fstat(f, &s) || !S_ISREG(s.st_mode) || s.st_size <= 0) {
    fail(w, "read", name);
    if (f >= 0) close(f);
    return NULL;
  }
  unsigned char *bytes = tc_rt_alloc(w->hooks, (size_t)s.st_size, 1);
  size_t done = 0;
  while (bytes && done < (size_t)s.st_size) {
    ssize_t n = read(f, bytes + done, (size_t)s.st_size - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    done += (size_t)n;
  }
  close(f);
  *size_b = done;
  if (bytes && done == (size_t)s.st_size) return bytes;
  w->exhausted = !bytes;
  fail(w, "read", name);
  tc_rt_free(w->hooks, bytes, (size_t)s.st_size);
  return NULL;
}

/* ---- compiling ---- */

/* Everything between making and removing the directory: no allocation in an arena, since that may
 * unwind. `argv` is complete but for the two names, which have room for a path. */
static unsigned char *compile_in(workshop *w, const tc_cc_job *job, char *const *argv, char *in,
                                 char *out, size_t name_b, tc_child *child, size_t *size_b) {
  snprintf(in, name_b, "%s/%s", w->path, job->in);
  snprintf(out, name_b, "%s/%s", w->path, job->out);
  if (!write_file(w, job->in, job->text)) return NULL;
  tc_child_run(argv, w->path, job->timeout_s,
               (tc_child_poll){job->interrupted, job->interrupted_data}, child);
  if (child->end != TC_CHILD_EXITED || child->status != 0) return NULL;
  return read_file(w, job->out, size_b);
}

/* The compiler's first lines, a note each. */
static void note_output(tc_diags *diags, const tc_child *child) {
  const char *line = child->said;
  for (int i = 0; i < 8 && *line; i++) {
    size_t n = strcspn(line, "\n");
    if (n) tc_diag_note(diags, (tc_span){0}, "%.*s", (int)(n < 300 ? n : 300), line);
    line += n + (line[n] == '\n');
  }
}

static void report(tc_diags *diags, const tc_cc *cc, const workshop *w, const tc_child *child,
                   uint32_t timeout_s) {
  const tc_span nowhere = {0};
  if (w->what) {
    TC_DIAG(diags, D_cc_files, nowhere, w->what, w->name, strerror(w->error));
    return;
  }
  switch (child->end) {
  case TC_CHILD_EXITED:
    TC_DIAG(diags, D_cc_failed, nowhere, cc->path, child->status);
    note_output(diags, child);
    return;
  case TC_CHILD_SIGNAL:
    TC_DIAG(diags, D_cc_killed, nowhere, cc->path, child->status);
    note_output(diags, child);
    return;
  case TC_CHILD_TIMEOUT:
    TC_DIAG(diags, D_cc_timeout, nowhere, cc->path, timeout_s);
    return;
  case TC_CHILD_INTERRUPTED:
    TC_DIAG(diags, D_interrupted, nowhere);
    return;
  case TC_CHILD_NOT_RUN:
    TC_DIAG(diags, D_cc_files, nowhere, "run", cc->path, strerror(child->status));
    return;
  }
}

/* Moves bytes into the arena; they are freed even if that unwinds. */
static void keep(tc_cc_result *result, tc_arena *arena, unsigned char *bytes, size_t size_b) {
  tc_unwind *outer = arena->unwind, local;
  memset(&local, 0, sizeof local);
  arena->unwind = &local;
  int why = setjmp(local.at);
  if (why == 0) {
    result->bytes = tc_arena_copy(arena, bytes, size_b);
    result->size_b = size_b;
  }
  arena->unwind = outer;
  tc_rt_free(arena->hooks, bytes, size_b);
  if (why) tc_unwind_to(outer, (enum tc_why)why);
}

/* Words of a command line, without const as posix_spawn wants them. */
static uint32_t add_words(char **argv, uint32_t n, const char *const *words) {
  for (uint32_t i = 0; words[i]; i++)
    argv[n++] = (char *)(uintptr_t)words[i];
  return n;
}

static tc_cc_job with_defaults(const tc_cc_job *job) {
  tc_cc_job full = *job;
  if (!full.in) full.in = "kernel.c";
  if (!full.out) full.out = "kernel.so";
  if (!full.libraries) full.libraries = "-lm";
  if (!full.timeout_s) full.timeout_s = TIMEOUT_S;
  return full;
}

bool tc_cc_compile(const tc_cc *cc, const tc_cc_job *given, tc_cc_result *result, tc_diags *diags,
                   tc_arena *arena) {
  enum { NAME_B = PATH_MAX + 64 };
  uint64_t start_ns = tc_child_now_ns();
  tc_cc_job job = with_defaults(given);
  const char *flags[MAX_WORDS], *libraries[MAX_WORDS];
  split(arena, job.flags, flags, MAX_WORDS);
  split(arena, job.libraries, libraries, MAX_WORDS);
  char *argv[2 * MAX_WORDS + TC_CC_WORDS + 8], dash_o[] = "-o";
  char *in = tc_arena_alloc(arena, NAME_B), *out = tc_arena_alloc(arena, NAME_B);
  uint32_t n = add_words(argv, command_of(cc, argv), flags);
  argv[n++] = dash_o;
  argv[n++] = out;
  argv[n++] = in;
  argv[add_words(argv, n, libraries)] = NULL;
  tc_child *child = TC_NEW(arena, tc_child);
  workshop *w = TC_NEW(arena, workshop);
  size_t size_b = 0;
  unsigned char *bytes = NULL;
  w->hooks = arena->hooks;
  if (open_workshop(w)) bytes = compile_in(w, &job, argv, in, out, NAME_B, child, &size_b);
  close_workshop(w);
  *result = (tc_cc_result){.spent_ns = tc_child_now_ns() - start_ns};
  result->said = (tc_str){child->said, (uint32_t)child->said_b};
  if (bytes) {
    keep(result, arena, bytes, size_b);
    return true;
  }
  if (w->exhausted) tc_unwind_to(arena->unwind, TC_WHY_MEMORY);
  report(diags, cc, w, child, job.timeout_s);
  return false;
}
