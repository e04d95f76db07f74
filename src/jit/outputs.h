/* Several files that belong together: they appear all at once, or not at all.
 *
 * They are written into a directory of their own inside the one where they will be, so that what
 * can fail (a full disk, permissions) fails there. Then each is renamed into its place, after the
 * file it replaces was moved aside; when one cannot be, those before it are taken back. Only a
 * crash between two renames leaves something behind. */
#ifndef TC_JIT_OUTPUTS_H
#define TC_JIT_OUTPUTS_H

#include "base/str.h"
#include "rt/os.h"

typedef struct tc_output {
  const char *suffix; /* ".c" */
  const char *mark;   /* what a file of ours holds: no other one is replaced */
  tc_str bytes;
} tc_output;

typedef struct tc_output_problem {
  const char *path;
  int error; /* errno; 0: there is a file that is none of ours */
} tc_output_problem;

/* Writes directory/name.suffix for all of them, making the directory. `workdir` gets the path of
 * the directory inside, or "": it is the caller's to remove however this ends, because asking the
 * arena for memory may unwind. False with *problem when nothing was changed. */
bool tc_outputs_write(const char *directory, const char *name, const tc_output *outputs, uint32_t n,
                      char workdir[TC_PATH_B], tc_output_problem *problem, tc_arena *arena);

#endif
