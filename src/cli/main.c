#include "cli/npy.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- memory ---- */

void *cli_memory(size_t size_b) {
  void *at = calloc(1, size_b ? size_b : 1);
  if (at) return at;
  fputs("tilec: out of memory\n", stderr);
  exit(EXIT_USER);
}

char *cli_format(const char *fmt, ...) {
  va_list args, again;
  va_start(args, fmt);
  va_copy(again, args);
  int n = vsnprintf(NULL, 0, fmt, args);
  char *text = cli_memory((size_t)(n < 0 ? 0 : n) + 1);
  if (n > 0) vsnprintf(text, (size_t)n + 1, fmt, again);
  va_end(again);
  va_end(args);
  return text;
}

/* ---- saying what is wrong ---- */

void cli_json_string(FILE *to, const char *text) {
  putc('"', to);
  for (; *text; text++) {
    unsigned char ch = (unsigned char)*text;
    if (ch == '"' || ch == '\\') {
      fprintf(to, "\\%c", ch);
    } else if (ch < 0x20) {
      fprintf(to, "\\u%04x", ch);
    } else {
      putc(ch, to);
    }
  }
  putc('"', to);
}

static void say(const cli *c, const char *severity, const char *code, const char *text) {
  cli_progress_end(c);
  if (c->json) {
    fprintf(stderr, "{\"code\":\"%s\",\"severity\":\"%s\",\"message\":", code, severity);
    cli_json_string(stderr, text);
    fputs(",\"spans\":[],\"notes\":[],\"help\":\"\"}\n", stderr);
    return;
  }
  bool color = c->format == TILEC_FORMAT_COLOR;
  const char *on = strcmp(severity, "error") == 0 ? "\033[1;31m" : "\033[1;35m";
  fprintf(stderr, "tilec: %s%s%s%s%s%s: %s\n", color ? on : "", severity, *code ? "[" : "", code,
          *code ? "]" : "", color ? "\033[0m" : "", text);
}

int cli_fail(const cli *c, int exit_code, const char *code, const char *fmt, ...) {
  char text[2048];
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  say(c, "error", code, text);
  return exit_code;
}

void cli_warn(const cli *c, const char *line) {
  if (c->quiet) return;
  const char *colon = strchr(line, ':');
  bool note = strncmp(line, "note:", 5) == 0;
  say(c, note ? "note" : "warning", "", colon ? colon + 2 : line);
}

int cli_exit_code(tilec_status status) {
  switch (status) {
  case TILEC_OK:
    return EXIT_OK;
  case TILEC_USAGE:
    return EXIT_USAGE;
  case TILEC_CHECK_FAILED:
    return EXIT_CHECK;
  case TILEC_NO_TARGET:
    return EXIT_TARGET;
  case TILEC_BUDGET:
    return EXIT_BUDGET;
  case TILEC_BUG:
    return EXIT_BUG;
  case TILEC_ERROR:
  case TILEC_ARGUMENT:
  case TILEC_MEMORY:
  case TILEC_ENVIRONMENT:
  case TILEC_INTERRUPTED: /* only callers with callbacks see these */
  case TILEC_RAISED:
    break;
  }
  return EXIT_USER;
}

int cli_fail_with(const cli *c, tilec_status status, tilec_error *error) {
  cli_progress_end(c);
  fputs(tilec_error_diagnostics(error, c->format), stderr);
  tilec_error_release(error);
  return cli_exit_code(status);
}

/* ---- input and output ---- */

static bool is_name(const char *text) {
  for (const char *at = text; *at; at++) {
    bool letter = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || *at == '_';
    if (!letter && (at == text || *at < '0' || *at > '9')) return false;
  }
  return *text != 0;
}

static char *read_stdin(size_t *size_b) {
  size_t n = 0, cap = 1 << 16;
  char *text = cli_memory(cap);
  for (size_t got; (got = fread(text + n, 1, cap - n, stdin)) > 0;) {
    n += got;
    if (n < cap) continue;
    char *grown = cli_memory(cap * 2);
    memcpy(grown, text, n);
    free(text);
    text = grown;
    cap *= 2;
  }
  *size_b = n;
  return text;
}

/* The extents of the arrays given with --in: they give T.const names their values. What is wrong
 * with a file is said by cli_check_inputs, or when it is read. */
static size_t read_shapes(const cli *c, tilec_shape **out) {
  tilec_shape *shapes = cli_memory(c->inputs.n * sizeof *shapes);
  size_t n = 0;
  for (size_t i = 0; i < c->inputs.n; i++) {
    int64_t *extent = cli_memory(TILEC_MAX_RANK * sizeof *extent);
    tilec_shape shape = {.name = c->inputs.at[i].name, .extent = extent};
    if (npy_extents(c->inputs.at[i].value, extent, &shape.rank)) shapes[n++] = shape;
  }
  *out = shapes;
  return n;
}

int cli_check_inputs(const cli *c) {
  for (size_t i = 0; i < c->inputs.n; i++) {
    const char *text = c->inputs.at[i].value;
    double number;
    if (cli_parse_float(text, &number) || !strcmp(text, "True") || !strcmp(text, "False")) continue;
    size_t n;
    char **files = cli_split(text, &n);
    for (size_t k = 0; k < n; k++) {
      int code = npy_check(c, files[k]);
      if (code) return code;
    }
  }
  return EXIT_OK;
}

int cli_open_to_run(cli *c, tilec_program **program) {
  tilec_program_options o = {.size = sizeof o};
  struct stat st;
  *program = NULL;
  if (c->n_words != 2)
    return cli_fail(c, EXIT_USAGE, "", "%s takes one file: FILE[:ENTRY], or - for standard input",
                    c->words[0]);
  o.path = c->words[1];
  const char *colon = strrchr(o.path, ':');
  if (colon && colon > o.path && is_name(colon + 1) && stat(o.path, &st)) {
    o.entry = colon + 1;
    o.path = cli_format("%.*s", (int)(colon - o.path), o.path);
  }
  if (strcmp(o.path, "-") == 0) {
    o.text = read_stdin(&o.text_size);
    o.path = "<stdin>";
  }
  tilec_define *defines = cli_memory(c->defines.n * sizeof *defines);
  for (size_t i = 0; i < c->defines.n; i++)
    defines[i] = (tilec_define){c->defines.at[i].name, c->defines.at[i].value};
  o.defines = defines;
  o.n_defines = c->defines.n;
  tilec_shape *shapes;
  o.n_shapes = read_shapes(c, &shapes);
  o.shapes = shapes;
  tilec_error *error;
  tilec_status status = tilec_program_new(c->context, &o, program, &error);
  return status == TILEC_OK ? EXIT_OK : cli_fail_with(c, status, error);
}

int cli_open_program(cli *c, tilec_program **program) {
  int code = cli_open_to_run(c, program);
  if (!code) code = cli_check_inputs(c);
  if (!code) return code;
  tilec_program_release(*program);
  *program = NULL;
  return code;
}

/* A device is refused: the rename would put a plain file in its place. */
static int give_file(const cli *c, const char *data, size_t n) {
  int code = npy_can_write(c, c->output);
  if (code) return code;
  char *temporary = cli_format("%s.XXXXXX", c->output);
  int fd = mkstemp(temporary);
  FILE *to = fd < 0 ? NULL : fdopen(fd, "wb");
  mode_t mask = umask(0);
  umask(mask);
  bool ok = to && fchmod(fd, 0666 & ~mask) == 0 && fwrite(data, 1, n, to) == n;
  int problem = errno;
  if (to && fclose(to) && ok) ok = false, problem = errno;
  if (ok && rename(temporary, c->output)) ok = false, problem = errno;
  if (ok) return EXIT_OK;
  if (fd >= 0) unlink(temporary);
  return cli_fail(c, EXIT_USER, "E0655", "cannot write %s: %s", c->output, strerror(problem));
}

int cli_give(const cli *c, const char *data, size_t n) {
  if (c->output && strcmp(c->output, "-") != 0) return give_file(c, data, n);
  if (fwrite(data, 1, n, stdout) == n && fflush(stdout) == 0) return EXIT_OK;
  return cli_fail(c, EXIT_USER, "E0655", "cannot write to standard output: %s", strerror(errno));
}

/* ---- verbs ---- */

static const cli_verb VERBS[] = {
    {"run", "FILE[:ENTRY] [-D NAME=VALUE] [--in NAME=FILE|NUMBER] [--out NAME=FILE]",
     "runs a kernel on arrays in .npy files, or on --random ones", cli_run},
    {"bench", "FILE[:ENTRY] [-D NAME=VALUE] [--in NAME=FILE|NUMBER] [--random] [--flops=NUMBER]",
     "times a kernel on arguments that are not in the cache", cli_bench},
    {"build", "FILE[:ENTRY] [-D NAME=VALUE] [--target=cpu:ISA|cuda:ARCH] [-o DIR] [--name=NAME]",
     "makes NAME.c, .h, .o, .so and .json, which C programs use without tilec", cli_build},
    {"check", "FILE[:ENTRY] [-D NAME=VALUE] [--deep]",
     "says what is wrong with a kernel: without running it, or --deep: by a run that looks for "
     "races",
     cli_check},
    {"emit", "FILE[:ENTRY] --emit=ast|ir|tile|scheduled|placed|lane|c|cuda [-o FILE]",
     "shows a kernel in one of its forms", cli_emit},
    {"opt", "FILE.tir --run PASS[,PASS] [-o FILE]", "runs passes over IR text", cli_opt},
    {"explain", "CODE", "explains a diagnostic, such as E0635; without a code, lists them",
     cli_explain},
    {"targets", "", "lists what kernels can be compiled for", cli_targets},
    {"doctor", "", "shows what was found on this machine", cli_doctor},
    {"cache", "ls|stat|verify|clear|gc", "looks after the compiled kernels", cli_cache},
    {"version", "", "shows the version", cli_version},
    {"help", "[VERB]", "shows this, or the help of a verb", cli_help},
};
enum { N_VERBS = sizeof VERBS / sizeof *VERBS };

static const cli_verb *find_verb(const char *name) {
  for (int i = 0; i < N_VERBS; i++)
    if (strcmp(VERBS[i].name, name) == 0) return &VERBS[i];
  return NULL;
}

static void help_options(void) {
  puts("\nOptions of every verb:\n"
       "  --format=text|json   form of results and diagnostics\n"
       "  --color=auto|always|never\n"
       "  -v, -q               say more, say less\n"
       "  -fno-PASS            leave a pass out");
  for (size_t i = 0; i < tilec_option_count(); i++) {
    tilec_option row = {.size = sizeof row};
    if (tilec_option_at(i, &row) != TILEC_OK || row.flag[1] != '-') continue;
    printf("  %-20s %s%s%s%s [%s]\n", row.flag, row.help, *row.initial ? " (default " : "",
           row.initial, *row.initial ? ")" : "", row.variable);
  }
}

static void help_run(void) {
  puts("\n  --in NAME=FILE.npy   argument NAME; for a scalar, --in NAME=NUMBER\n"
       "  --out NAME=FILE.npy  where argument NAME goes; one that is only an output is created\n"
       "  --random[=SEED]      fills what was not named with random values\n"
       "  --dim NAME=NUMBER    a symbolic dimension that no array determines (-D: a constant)\n"
       "  --check              compares with the interpreter; --rtol, --atol set the bound\n"
       "  --bench[=RUNS]       measures\n"
       "\nThe text for a GPU runs here, in a simulator that checks it, with "
       "--target=sim:cuda:sm_90a\n"
       "(or sm_80). It stops at a deadlock, at memory that is read before a copy or product has\n"
       "arrived, at a missing fence; besides:\n"
       "  --races              at accesses that nothing orders\n"
       "  --sim-delivery=WHEN  late: copies and products arrive when they are waited for; early: "
       "at\n"
       "                       once; random: in between, as --seed says\n"
       "  --seed=N             the order of threads and deliveries\n"
       "  --sim-limit=SECONDS  when a run is called endless (60)\n"
       "\nbfloat16 arrays are stored as uint16 bits, 8-bit floats as uint8, 4-bit types as uint8\n"
       "with two elements to a byte.\n"
       "\nExample: tilec run gemm.py -D M=1024 -D N=1024 -D K=512 --random --check");
}

static void help_bench(void) {
  puts(
      "\n  --in, --random, --dim as for run; no files are written\n"
      "  --runs=NUMBER   timed launches (default: half a second of them, 10 to 1000)\n"
      "  --flops=NUMBER  operations of one launch: shows how many there are in a second\n"
      "  --check         compares one more launch with the interpreter, after the timing\n"
      "  -v              what the compilation took, phase by phase; on GPUs: registers, spills "
      "and\n"
      "                  shared memory\n"
      "  --peer=FILE[:ENTRY]      measures another kernel in turn with this one, and compares "
      "what\n"
      "                           they compute; --peer-target=TARGET and --peer-define NAME=VALUE\n"
      "                           are its own, all other values those of this one but for NAME=\n"
      "  --peer=FILE.so:FUNCTION  the same with a function of the type tilec_peer (tilec.h)\n"
      "\nSeveral sets of arguments take turns, and on GPUs the L2 cache is written over before\n"
      "each run. GPUs are timed by events, processors by a clock around each call.\n"
      "\nExample: tilec bench gemm.py -D M=4096 -D N=4096 -D K=4096 --random \\\n"
      "           --flops=1.37e11 --target=cuda");
}

static void help_build(void) {
  puts("\n  -o DIR        where the files go (default .)\n"
       "  --name=NAME   of the files and functions (default: the entry's)\n"
       "  --target=cpu  for this machine; cpu:x86-64-v2, -v3, -v4 and cpu:armv8-a for others, by\n"
       "                x86_64-linux-gnu-gcc and aarch64-linux-gnu-gcc where they are needed\n"
       "\nExample: tilec build gemm.py -D N=1024 --target=cpu:x86-64-v3 -o out\n"
       "         cc main.c out/gemm.o -lm -pthread");
}

int cli_help(cli *c) {
  const cli_verb *verb = c->n_words > 1 ? find_verb(c->words[1]) : NULL;
  if (c->n_words > 1 && !verb)
    return cli_fail(c, EXIT_USAGE, "", "there is no verb '%s'; `tilec help` lists them",
                    c->words[1]);
  if (verb) {
    printf("tilec %s %s\n  %s\n", verb->name, verb->usage, verb->help);
    if (verb->run == cli_run) help_run();
    if (verb->run == cli_bench) help_bench();
    if (verb->run == cli_build) help_build();
    return EXIT_OK;
  }
  puts("tilec VERB ...: compiles and runs tile kernels\n");
  for (int i = 0; i < N_VERBS; i++)
    printf("  %-9s %s\n", VERBS[i].name, VERBS[i].help);
  help_options();
  puts("\nExit codes: 0 ok, 1 error, 2 usage, 3 check failed, 4 no such target or no device, 5 "
       "budget, 70 bug");
  return EXIT_OK;
}

/* ---- the process ---- */

static void print_text(void *data, const char *text, size_t n) {
  const cli *c = data;
  cli_progress_end(c);
  fwrite(text, 1, n, c->json ? stderr : stdout);
}

static void warn_text(void *data, const char *text) {
  cli_warn(data, text);
}

static bool wants_color(void) {
  const char *force = getenv("CLICOLOR_FORCE"), *no = getenv("NO_COLOR"), *term = getenv("TERM");
  if (no && *no) return false;
  if (force && *force && strcmp(force, "0") != 0) return true;
  return isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
}

/* Passes that are left out and choices of the schedule add up; of everything else the last word
 * counts. */
static int set_options(cli *c) {
  char *lists[2] = {cli_format("%s", ""), cli_format("%s", "")};
  tilec_error *error;
  for (size_t i = 0; i < c->options.n; i++) {
    const cli_pair *p = &c->options.at[i];
    const char *value = p->value;
    bool schedule = strcmp(p->name, "schedule") == 0;
    if (schedule || strcmp(p->name, "disable") == 0) {
      char **list = &lists[schedule];
      value = *list = cli_format("%s%s%s", *list, **list ? "," : "", p->value);
    }
    tilec_status status = tilec_context_set(c->context, p->name, value, &error);
    if (status != TILEC_OK) return cli_fail_with(c, status, error);
  }
  if (c->verbosity) {
    tilec_status status =
        tilec_context_set(c->context, "log", c->verbosity > 1 ? "2" : "1", &error);
    if (status != TILEC_OK) return cli_fail_with(c, status, error);
  }
  return EXIT_OK;
}

static int start(cli *c, int argc, char **argv) {
  c->rtol = c->atol = -1;
  c->format = wants_color() ? TILEC_FORMAT_COLOR : TILEC_FORMAT_TEXT;
  int code = cli_read_args(c, argc, argv);
  if (code) return code;
  tilec_context_options o = {
      .size = sizeof o, .read_environment = 1, .print = print_text, .warn = warn_text, .data = c};
  tilec_error *error;
  tilec_status status = tilec_context_new(&o, &c->context, &error);
  return status == TILEC_OK ? set_options(c) : cli_fail_with(c, status, error);
}

int main(int argc, char **argv) {
  cli c = {0};
  int code = start(&c, argc, argv);
  const cli_verb *verb = code || !c.n_words ? NULL : find_verb(c.words[0]);
  if (!code && !c.n_words && !c.help) {
    cli_help(&c);
    code = EXIT_USAGE;
  } else if (!code && c.help) {
    if (c.n_words) c.words[1] = c.words[0], c.words[0] = "help", c.n_words = 2;
    code = cli_help(&c);
  } else if (!code && !verb) {
    code =
        cli_fail(&c, EXIT_USAGE, "", "there is no verb '%s'; `tilec help` lists them", c.words[0]);
  } else if (!code) {
    code = verb->run(&c);
  }
  cli_progress_end(&c);
  tilec_context_release(c.context);
  if (fflush(stdout) && !code)
    code = cli_fail(&c, EXIT_USER, "E0655", "cannot write to standard output");
  /* What the command line took lives as long as the process: no need to take it apart. */
  fflush(stderr);
  _exit(code);
}
