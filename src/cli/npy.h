/* Arrays in files: the .npy format of NumPy, versions 1 to 3, little-endian. */
#ifndef TC_CLI_NPY_H
#define TC_CLI_NPY_H

#include "cli/cli.h"

/* Reads a file into a new array whose dtype is the file's. Where `columns` is not NULL, an array in
 * Fortran order is taken too: *columns is true then, and the array's extents are in reverse, as
 * they lie in memory. 0, or an exit code after saying what is wrong with the file (E0650 to E0656).
 * Nothing in it is believed before it is checked. */
int npy_read(const cli *c, const char *path, bool *columns, tilec_array **out);

/* As npy_read, but for the elements: 0, or an exit code after saying what is wrong. */
int npy_check(const cli *c, const char *path);

/* Only the extents of the array in a file (at most TILEC_MAX_RANK); false when it cannot be read.
 */
bool npy_extents(const char *path, int64_t *extent, uint32_t *rank);

/* A file being written: nothing is seen at `path` until npy_commit. */
typedef struct npy_file {
  const char *path;
  char *temporary;
} npy_file;
/* Writes the array beside `path`, as it was read. 0, or an exit code, and then no file is left. */
int npy_write(const cli *c, const char *path, const tilec_array *array, bool columns,
              npy_file *file);
int npy_commit(const cli *c, npy_file *file);
/* Removes what was not committed. */
void npy_forget(npy_file *file);
/* Says early when `path` can never be written. 0 or an exit code. */
int npy_can_write(const cli *c, const char *path);

#endif
