/* Runs a program with a time limit and keeps the beginning of what it says. */
#ifndef TC_TOOLCHAIN_CHILD_H
#define TC_TOOLCHAIN_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tc_child_end {
  TC_CHILD_EXITED,      /* `status` is the exit status */
  TC_CHILD_SIGNAL,      /* `status` is the signal */
  TC_CHILD_TIMEOUT,     /* it was killed */
  TC_CHILD_INTERRUPTED, /* the same, because the caller wanted to stop */
  TC_CHILD_NOT_RUN      /* `status` is an errno */
};

typedef struct tc_child {
  enum tc_child_end end;
  int status;
  char said[4096]; /* standard output and error, cut and terminated */
  size_t said_b;
} tc_child;

/* Asked again and again while a child runs: not 0 ends it. */
typedef struct tc_child_poll {
  int (*interrupted)(void *data); /* or NULL */
  void *data;
} tc_child_poll;

/* argv[0] is a path. `tmpdir`, when not NULL, becomes the child's TMPDIR. The child and whatever it
 * started in its process group are dead when this returns, unless it exited with 0. */
void tc_child_run(char *const *argv, const char *tmpdir, uint32_t timeout_s, tc_child_poll poll,
                  tc_child *child);
uint64_t tc_child_now_ns(void);

#endif
