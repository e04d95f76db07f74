/* What `tilec run` and `tilec bench` share: a kernel with its arguments, and copies of them where
 * the kernel runs. */
#ifndef TC_CLI_RUN_H
#define TC_CLI_RUN_H

#include "cli/npy.h"

/* An array, and its copy for the interpreter. */
typedef struct cli_cell {
  tilec_array *array, *oracle;
  bool columns; /* lies by columns in memory and in its file */
  const char *out;
  npy_file file;
} cli_cell;

typedef struct cli_value { /* one parameter */
  tilec_param param;
  const cli_pair *in, *out;
  cli_cell own;    /* no array: scalar, or left out */
  cli_cell *table; /* a table of pointers: what they point to */
  size_t n_table;
  tilec_tensor view, oracle_view;                         /* as the launches get it */
  int64_t shape[TILEC_MAX_RANK], strides[TILEC_MAX_RANK]; /* of an array by columns */
} cli_value;

/* A copy of the arguments where the kernel runs. */
typedef struct cli_set {
  tilec_arg *args; /* for a launch */
  tilec_tensor *views;
  tilec_array **arrays; /* of each value its own, and what its table points to, in order */
  size_t n_arrays;
} cli_set;

typedef struct cli_job {
  cli *c;
  const char *target; /* NULL: the option's */
  tilec_program *program;
  tilec_kernel *kernel;
  tilec_kernel_info info;
  cli_value *values;
  tilec_arg *args;
  size_t n;
  tilec_dim *dims;
  cli_set set; /* what was launched, when it is not the arrays themselves */
  /* results */
  bool checked;
  double worst;
  uint64_t median_ns, min_ns;
  size_t n_runs;
} cli_job;

/* ---- run.c: all return 0 or an exit code ---- */

/* Opens the program, compiles it, and makes its arguments in host memory. */
int cli_job_open(cli_job *j);
void cli_job_close(cli_job *j);
/* Copies of all arguments for the interpreter, as they are now; args has a place for each. */
int cli_job_copy(cli_job *j, tilec_arg *args);
/* Runs the interpreter on those. */
int cli_job_oracle(cli_job *j, const tilec_arg *args);
/* Compares the written arguments with the copies. */
int cli_job_agrees(cli_job *j);
/* Both. */
int cli_job_compare(cli_job *j, const tilec_arg *args);
/* tilec_launch, with a line on the terminal while it runs. */
int cli_job_launch(cli_job *j, tilec_kernel *kernel, const tilec_arg *args, const char *what);

/* ---- peer.c: what is measured beside the kernel ---- */

typedef struct cli_peer {
  const char *name; /* as the command line has it */
  void *library;    /* of a function */
  tilec_peer *fn;   /* or NULL: */
  cli own;          /* the command line of another kernel */
  cli_job job;
} cli_peer;
/* Opens what --peer names: a function of a shared object, or a kernel that takes what j's takes. */
int cli_peer_open(const cli_job *j, cli_peer *peer);
void cli_peer_close(cli_peer *peer);
/* The job whose arguments the peer gets, and its kernel, which gives the clock. */
cli_job *cli_peer_job(cli_job *j, cli_peer *peer);
/* Runs both on sets of arguments of their jobs that hold what they were given first. They must
 * agree with each other, or with --check both with the interpreter. */
int cli_peer_check(cli_job *j, cli_peer *peer, const cli_set *own, const cli_set *other);

/* ---- set.c ---- */

int cli_set_new(const cli_job *j, cli_set *set);
void cli_set_free(cli_set *set);
/* From the arrays of the job, and back: only what the kernel may have written. */
int cli_set_fill(const cli_job *j, const cli_set *set);
int cli_set_fetch(const cli_job *j, const cli_set *set);
/* Bytes of a set, and how many of them a launch reads and writes at least. */
uint64_t cli_set_bytes(const cli_job *j, uint64_t *moved_b);

#endif
