/* The C compiler as a child process: found, refused, failing, hanging, crashing, noisy; and after
 * each case the directory for temporary files is empty. */
#include "toolchain/cc.h"
#include "toolchain/child.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static unsigned n_checks, n_failures;
static char root[] = "/tmp/tilec-cc-test-XXXXXX";
static char tmp_dir[128], script_path[128], pid_path[128];

static void check(bool ok, const char *what) {
  n_checks++;
  if (ok) return;
  n_failures++;
  printf("failed: %s\n", what);
}

static unsigned entries_of(const char *dir) {
  unsigned n = 0;
  DIR *d = opendir(dir);
  if (!d) return 999;
  while (readdir(d))
    n++;
  closedir(d);
  return n - 2;
}

/* A command that answers --version and otherwise does `body`. */
static void write_script(const char *body) {
  FILE *f = fopen(script_path, "w");
  if (!f) abort();
  fprintf(f,
          "#!/bin/sh\nif [ \"$1\" = --version ]; then echo fake 1.0; echo more; exit 0; fi\n%s\n",
          body);
  fclose(f);
  chmod(script_path, 0700);
}

typedef struct outcome {
  bool found, compiled;
  char code[8], text[4096], version[64];
  size_t size_b;
  double seconds;
} outcome;

static void compile(const char *command, const char *text, uint32_t timeout_s, outcome *o) {
  tc_unwind unwind;
  tc_arena arena;
  memset(&unwind, 0, sizeof unwind);
  tc_arena_init(&arena, &unwind, 0);
  memset(o, 0, sizeof *o);
  if (setjmp(unwind.at) == 0) {
    tc_diags *diags = tc_diags_new(&arena, tc_source_new(&arena));
    tc_cc cc;
    tc_cc_result result = {0};
    tc_cc_job job = {.text = tc_str_of(text), .flags = "-O1 -fPIC -shared", .timeout_s = timeout_s};
    uint64_t start_ns = tc_child_now_ns();
    o->found = tc_cc_find(&cc, command, diags, &arena);
    if (o->found) snprintf(o->version, sizeof o->version, "%s", cc.version);
    o->compiled = o->found && tc_cc_compile(&cc, &job, &result, diags, &arena);
    o->seconds = (double)(tc_child_now_ns() - start_ns) * 1e-9;
    o->size_b = result.size_b;
    if (o->compiled && (result.size_b < 4 || memcmp(result.bytes, "\177ELF", 4) != 0))
      o->compiled = false;
    if (diags->n_errors)
      snprintf(o->code, sizeof o->code, "%s", tc_diag_row(diags->all.at[0].id)->code);
    tc_sb sb = tc_sb_in(&arena);
    tc_diags_render(diags, TC_DIAG_TEXT, &sb);
    if (sb.n) snprintf(o->text, sizeof o->text, "%s", sb.at);
  } else {
    check(false, "no unwinding");
  }
  tc_arena_free(&arena);
}

static void expect_code(const char *what, const outcome *o, const char *code, const char *part) {
  bool ok = !o->compiled && strcmp(o->code, code) == 0 && strstr(o->text, part);
  check(ok, what);
  if (!ok) printf("  saw %s: %s\n", o->code, o->text);
  check(entries_of(tmp_dir) == 0, "nothing is left behind");
}

static void success(void) {
  outcome o;
  compile(NULL, "int f(int x) { return x + 1; }", 0, &o);
  check(o.compiled && o.size_b > 1000, "a good text compiles");
  check(strlen(o.version) > 3, "the compiler has a version");
  check(entries_of(tmp_dir) == 0, "nothing is left behind");
  compile("/usr/bin/env  cc", "int f(int x) { return x + 1; }", 0, &o);
  check(o.compiled, "a command of several words");
}

static void refusals(void) {
  outcome o;
  compile("no-such-compiler", "", 0, &o);
  expect_code("an unknown command", &o, "E0701", "no-such-compiler");
  compile("/", "", 0, &o);
  expect_code("a directory", &o, "E0701", "'/'");
  compile("false", "", 0, &o);
  expect_code("a program that is no compiler", &o, "E0701", "--version");
  setenv("TILEC_CC", "also-missing", 1); /* whether the environment counts, a context decides */
  compile(NULL, "int f(int x) { return x; }", 0, &o);
  check(o.compiled, "no variable is asked");
  unsetenv("TILEC_CC");
  compile(NULL, "int f( { ;", 0, &o);
  expect_code("a bad text", &o, "E0702", "status 1");
  check(strstr(o.text, "error:") != NULL, "with what the compiler said");
}

static bool is_alive(const char *path) {
  FILE *f = fopen(path, "r");
  long pid = 0;
  if (!f || fscanf(f, "%ld", &pid) != 1) abort();
  fclose(f);
  for (int i = 0; i < 100 && kill((pid_t)pid, 0) == 0; i++) {
    /* An orphan may wait for init to reap it: gone as a process, present as a number. */
    char name[64], state = 0;
    snprintf(name, sizeof name, "/proc/%ld/stat", pid);
    FILE *s = fopen(name, "r");
    if (!s || fscanf(s, "%*d %*s %c", &state) != 1 || state == 'Z') {
      if (s) fclose(s);
      return false;
    }
    fclose(s);
    usleep(20000);
  }
  return kill((pid_t)pid, 0) == 0;
}

static void hangs(void) {
  outcome o;
  char body[512];
  snprintf(body, sizeof body,
           "touch $TMPDIR/junk; mkdir $TMPDIR/d; touch $TMPDIR/d/e; sleep 1000 & echo $! > %s; "
           "sleep 1000",
           pid_path);
  write_script(body);
  compile(script_path, "", 1, &o);
  expect_code("a compiler that hangs", &o, "E0703", "within 1 seconds");
  check(o.seconds < 5, "it is stopped in time");
  check(!is_alive(pid_path), "and so is what it started");
  /* The output is closed, but the program goes on. */
  write_script("exec >/dev/null 2>&1; sleep 1000");
  compile(script_path, "", 1, &o);
  expect_code("a silent one too", &o, "E0703", "within 1 seconds");
  /* It ends, but a child of it holds on to the output. */
  snprintf(body, sizeof body, "sleep 1000 & echo $! > %s; exit 3", pid_path);
  write_script(body);
  compile(script_path, "", 20, &o);
  expect_code("one that leaves a child", &o, "E0702", "status 3");
  check(o.seconds < 10, "nobody waits for that child");
  check(!is_alive(pid_path), "which is ended");
}

static void accidents(void) {
  outcome o;
  write_script("kill -SEGV $$");
  compile(script_path, "", 0, &o);
  expect_code("a compiler that crashes", &o, "E0704", "signal 11");
  write_script("exit 0");
  compile(script_path, "", 0, &o);
  expect_code("one that makes nothing", &o, "E0705", "kernel.so");
  write_script("i=0; while [ $i -lt 20000 ]; do echo 'line of noise, line of noise, line of "
               "noise'; i=$((i+1)); done; exit 1");
  compile(script_path, "", 30, &o);
  expect_code("a noisy one", &o, "E0702", "line of noise");
  setenv("TMPDIR", "/no/such/place", 1);
  compile(NULL, "int f;", 0, &o);
  check(!o.compiled && strcmp(o.code, "E0705") == 0 && strstr(o.text, "/no/such/place"),
        "no place for files");
  setenv("TMPDIR", tmp_dir, 1);
}

static void *compile_often(void *data) {
  unsigned *good = data;
  for (int i = 0; i < 3; i++) {
    outcome o;
    compile("cc", "int f(int x) { return x * 3; }", 0, &o);
    *good += o.compiled;
  }
  return NULL;
}

static void together(void) {
  pthread_t threads[4];
  unsigned good[4] = {0};
  for (int i = 0; i < 4; i++)
    if (pthread_create(&threads[i], NULL, compile_often, &good[i])) abort();
  for (int i = 0; i < 4; i++)
    pthread_join(threads[i], NULL);
  check(good[0] + good[1] + good[2] + good[3] == 12, "several threads compile at once");
  check(entries_of(tmp_dir) == 0, "nothing is left behind");
}

/* A limit of the arena is reached while the result is taken over: the files are gone all the same.
 */
static void out_of_memory(void) {
  tc_unwind unwind;
  tc_arena arena;
  memset(&unwind, 0, sizeof unwind);
  tc_arena_init(&arena, &unwind, 1 << 20);
  volatile bool reached = false;
  int why = setjmp(unwind.at);
  if (why == 0) {
    tc_diags *diags = tc_diags_new(&arena, tc_source_new(&arena));
    tc_cc cc;
    tc_cc_result result;
    tc_cc_job job = {.text = TC_STR("char big[3 << 20] = {1};"), .flags = "-O1 -fPIC -shared"};
    if (tc_cc_find(&cc, NULL, diags, &arena)) {
      reached = true;
      tc_cc_compile(&cc, &job, &result, diags, &arena);
    }
  }
  check(reached && why == TC_WHY_MEMORY, "too large a result unwinds");
  check(entries_of(tmp_dir) == 0, "nothing is left behind");
  tc_arena_free(&arena);
}

int main(void) {
  if (!mkdtemp(root)) return 1;
  snprintf(tmp_dir, sizeof tmp_dir, "%s/tmp", root);
  snprintf(script_path, sizeof script_path, "%s/fake-cc", root);
  snprintf(pid_path, sizeof pid_path, "%s/pid", root);
  mkdir(tmp_dir, 0700);
  setenv("TMPDIR", tmp_dir, 1);
  unsetenv("TILEC_CC");
  success();
  refusals();
  hangs();
  accidents();
  together();
  out_of_memory();
  unlink(script_path);
  unlink(pid_path);
  rmdir(tmp_dir);
  rmdir(root);
  printf("toolchain_cc: %u checks, %u failures\n", n_checks, n_failures);
  return n_failures != 0;
}
