/* The sources of rt/, and of runtime/ what launches kernels on GPUs, inside the library, as one C
 * text for objects that run without it.
 *
 * The build puts these files and include/tilec/tilec.h into a table (tools/cmake/embed.cmake).
 * tc_rt_amalgam strings them together into what compiles as a part of one translation unit: each
 * header where it is first included, each .def wherever it is included, then the .c files, with
 * every function of the headers made static. So names local to one of these .c files must not occur
 * in another one. */
#ifndef TC_TARGET_COMMON_RT_SOURCES_H
#define TC_TARGET_COMMON_RT_SOURCES_H

#include "base/str.h"

typedef struct tc_rt_source {
  const char *path; /* "rt/check.c", "tilec/tilec.h" */
  const unsigned char *bytes;
  uint32_t n;
} tc_rt_source;

extern const tc_rt_source tc_rt_sources[];
extern const uint32_t tc_rt_n_sources;

/* Appends the text of rt/, with `gpu` that of runtime/ as well. It expects _GNU_SOURCE to be
 * defined before the first system header. */
void tc_rt_amalgam(bool gpu, tc_sb *out);
/* The text of one file; empty when there is none of that name. */
tc_str tc_rt_source_text(const char *path);

#endif
