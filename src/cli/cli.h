/* The `tilec` command: what its files share. It is a client of the public API; its own business is
 * reading the command line, arrays in .npy files, and showing results as text or JSON.
 *
 * Exit codes: 0 ok, 1 the user's program or files are wrong, 2 the command line is wrong, 3 a check
 * failed, 4 no such target or no device, 5 a budget ran out, 70 a bug of ours. */
#ifndef TC_CLI_CLI_H
#define TC_CLI_CLI_H

#include "tilec/tilec.h"

#include <stdbool.h>
#include <stdio.h>

enum {
  EXIT_OK = 0,
  EXIT_USER = 1,
  EXIT_USAGE = 2,
  EXIT_CHECK = 3,
  EXIT_TARGET = 4,
  EXIT_BUDGET = 5,
  EXIT_BUG = 70,
};

typedef struct cli_pair { /* NAME=VALUE */
  const char *name, *value;
} cli_pair;

typedef struct cli_pairs {
  cli_pair *at;
  size_t n, cap;
} cli_pairs;

/* What the command line said. Strings point into argv or into memory that lives until exit. */
typedef struct cli {
  tilec_context *context;
  tilec_format format; /* of diagnostics; JSON also for results */
  bool json, quiet, help;
  int verbosity;
  const char *words[16]; /* the verb, then what is no option */
  int n_words;
  cli_pairs defines, inputs, outputs, dims, options;
  bool random, check, deep, bench, print_pipeline;
  uint64_t seed;
  int64_t n_bench;   /* 0: as many as give a stable figure */
  double rtol, atol; /* negative: the kernel's own */
  double flops;      /* of one launch; 0: not said */
  const char *emit, *passes, *output, *name;
  const char *peer, *peer_target;
  cli_pairs peer_defines;
  struct cli_progress *progress;
} cli;

typedef struct cli_verb {
  const char *name, *usage, *help;
  int (*run)(cli *c);
} cli_verb;

/* ---- args.c ---- */
/* Reads argv. Returns 0, or the exit code after saying what is wrong. */
int cli_read_args(cli *c, int argc, char **argv);
void cli_pairs_add(cli_pairs *pairs, const char *name, const char *value);
const cli_pair *cli_pairs_find(const cli_pairs *pairs, const char *name);
/* A whole number in [lowest, highest]; false for any other text. */
bool cli_parse_int(const char *text, int64_t lowest, int64_t highest, int64_t *x);
bool cli_parse_float(const char *text, double *x);
/* The words of a list separated by commas. */
char **cli_split(const char *list, size_t *n);

/* ---- main.c ---- */
/* Prints "error: ..." with a code ("" for none) in the chosen format. Returns `exit_code`. */
int cli_fail(const cli *c, int exit_code, const char *code, const char *fmt, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 4, 5)))
#endif
    ;
/* Prints an error of the library and releases it. Returns the exit code. */
int cli_fail_with(const cli *c, tilec_status status, tilec_error *error);
int cli_exit_code(tilec_status status);
void cli_warn(const cli *c, const char *line);
/* The program of the command line: FILE[:ENTRY], or - for standard input. 0 or an exit code. */
int cli_open_program(cli *c, tilec_program **program);
/* The same for verbs that read what --in names, and say by themselves what is wrong with it. */
int cli_open_to_run(cli *c, tilec_program **program);
/* Whether --in names arrays, for verbs that read none of their elements, and where a kernel could
 * not be made, perhaps for want of a shape: 0, or an exit code after saying which file has none. */
int cli_check_inputs(const cli *c);
/* Memory until exit; ends the process when there is none. */
void *cli_memory(size_t size_b);
char *cli_format(const char *fmt, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 1, 2)))
#endif
    ;
/* Writes a result to --output or standard output, all or nothing. */
int cli_give(const cli *c, const char *data, size_t n);
void cli_json_string(FILE *to, const char *text);

/* ---- run.c, bench.c, show.c ---- */
int cli_run(cli *c);
int cli_bench(cli *c);
int cli_check(cli *c);
int cli_build(cli *c);
int cli_emit(cli *c);
int cli_opt(cli *c);
int cli_explain(cli *c);
int cli_targets(cli *c);
int cli_doctor(cli *c);
int cli_cache(cli *c);
int cli_version(cli *c);
int cli_help(cli *c);

/* ---- progress.c: a line on a terminal while something takes long ---- */
void cli_progress_start(cli *c, const char *what);
void cli_progress_end(const cli *c);

#endif
