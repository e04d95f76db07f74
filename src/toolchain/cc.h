/* A C compiler: text in, bytes of a shared object or an object file out.
 *
 * A compilation happens in a private directory (mode 0700) that is gone when the call returns,
 * whatever happened; the compiler's own temporary files lie there too. The compiler runs in its own
 * process group, which is killed when it fails or takes too long. Nothing here prints, changes the
 * process (signals, working directory, environment) or keeps anything between calls, so any number
 * of threads may compile at once. */
#ifndef TC_TOOLCHAIN_CC_H
#define TC_TOOLCHAIN_CC_H

#include "base/diag.h"

enum { TC_CC_WORDS = 8 };
typedef struct tc_cc {
  const char *path;               /* of the program that is run                             */
  const char *words[TC_CC_WORDS]; /* further words of the command ("ccache gcc"), NULL at the end */
  const char *version;            /* first line of --version, for cache keys                */
} tc_cc;

/* Finds the compiler for this machine. `wanted` is a command, by path or name; NULL or "": the
 * first of cc, gcc and clang on PATH. False: E0701 was recorded. */
bool tc_cc_find(tc_cc *cc, const char *wanted, tc_diags *diags, tc_arena *arena);

/* The same for another machine: `triple` is GNU's name of it ("aarch64-linux-gnu"). The compilers
 * asked are TRIPLE-gcc and TRIPLE-cc, and those of tc_cc_find when this is such a machine. */
bool tc_cc_find_for(tc_cc *cc, const char *triple, const char *wanted, tc_diags *diags,
                    tc_arena *arena);

typedef struct tc_cc_job {
  tc_str text;           /* C text, or the bytes of an object file that is to be linked       */
  const char *flags;     /* separated by blanks, -shared or -c among them; files are added    */
  const char *in, *out;  /* names of the files; NULL: kernel.c, kernel.so                     */
  const char *libraries; /* after the files; NULL: -lm                                        */
  uint32_t timeout_s;    /* 0: 60 */
  int (*interrupted)(void *data); /* asked meanwhile: not 0 ends it with E0256; or NULL */
  void *interrupted_data;
} tc_cc_job;

typedef struct tc_cc_result {
  unsigned char *bytes; /* what was made, in the arena */
  size_t size_b;
  tc_str said; /* the beginning of the compiler's messages */
  uint64_t spent_ns;
} tc_cc_result;

/* Compiles the text. False: E0702 (exit status, with the first lines of its messages), E0703 (too
 * slow), E0704 (signal) or E0705 (files) was recorded. */
bool tc_cc_compile(const tc_cc *cc, const tc_cc_job *job, tc_cc_result *result, tc_diags *diags,
                   tc_arena *arena);

#endif
