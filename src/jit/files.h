/* Files as the cache needs them: every function says whether all of it worked, and leaves errno. */
#ifndef TC_JIT_FILES_H
#define TC_JIT_FILES_H

#include "jit/sha256.h"
#include "rt/os.h"

#include <stdbool.h>

/* "a/b" or "a/b/c" (c may be NULL). False (ENAMETOOLONG) when it does not fit. */
bool tc_path_join(char out[TC_PATH_B], const char *a, const char *b, const char *c);
/* Makes a directory and those above it, mode 0700. True when it exists afterwards. */
bool tc_make_dirs(const char *path);
/* True when only this user can change what is at `path`: it belongs to the user the process acts
 * as, is a directory or a plain file as wanted, no link, and neither group nor others may write.
 * For the root of a tree `follow` allows a link. `why` says what is wrong. */
bool tc_path_is_ours(const char *path, bool directory, bool follow, char *why, size_t why_b);
/* Writes a new file and flushes it to the disk. On failure no file is left. */
bool tc_write_new(const char *path, const void *bytes, size_t size_b);
bool tc_sync_path(const char *path);
/* True when the file holds exactly these bytes. */
bool tc_file_equals(const char *path, const void *bytes, size_t size_b);
/* Size and SHA-256 of a plain file of ours. */
bool tc_file_digest(const char *path, uint64_t *size_b, char hex[TC_SHA256_HEX]);
/* Up to size_b - 1 bytes, terminated; -1 when it cannot be read or is larger. */
long tc_file_read(const char *path, char *text, size_t size_b);
/* Removes a directory with the plain files in it. */
bool tc_remove_dir(const char *path);

#endif
