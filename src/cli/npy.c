#include "cli/npy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char MAGIC[] = "\x93NUMPY";
enum { MAGIC_B = 6, MAX_HEADER_B = 64 * 1024, ALIGN_B = 64 };

/* ---- types ---- */

static const struct {
  const char *descr;
  tilec_dtype dtype;
} DESCRS[] = {
    {"|b1", TILEC_BOOL},   {"|i1", TILEC_INT8},    {"<i2", TILEC_INT16},   {"<i4", TILEC_INT32},
    {"<i8", TILEC_INT64},  {"|u1", TILEC_UINT8},   {"<u2", TILEC_UINT16},  {"<u4", TILEC_UINT32},
    {"<u8", TILEC_UINT64}, {"<f2", TILEC_FLOAT16}, {"<f4", TILEC_FLOAT32}, {"<f8", TILEC_FLOAT64},
    {"|V2", TILEC_UINT16}, /* how NumPy stores bfloat16 and the 8-bit floats of extension types */
    {"|V1", TILEC_UINT8},
};
enum { N_DESCRS = sizeof DESCRS / sizeof *DESCRS };

static tilec_dtype dtype_of(const char *descr) {
  for (int i = 0; i < N_DESCRS; i++) {
    const char *known = DESCRS[i].descr;
    /* One-byte types may carry any byte order, "=" and "<" mean the same on our hosts. */
    bool order = descr[0] == known[0] || descr[0] == '=' || descr[0] == '<' || known[0] == '|';
    bool fits = strchr("<>=|", descr[0]) && descr[0];
    if (known[0] == '<' && descr[0] == '>') continue;
    if (known[1] == 'V' && descr[0] == '>') continue;
    if (fits && order && strcmp(descr + 1, known + 1) == 0) return DESCRS[i].dtype;
  }
  return TILEC_DTYPE_NONE;
}

static const char *descr_of(tilec_dtype dtype) {
  for (int i = 0; i < N_DESCRS; i++)
    if (DESCRS[i].dtype == dtype) return DESCRS[i].descr;
  return NULL;
}

/* ---- the header: a Python dict literal of three keys ---- */

typedef struct header {
  char descr[32];
  bool fortran, has_descr, has_fortran, has_shape;
  uint32_t rank;
  int64_t shape[TILEC_MAX_RANK];
  const char *problem, *code; /* of what is wrong */
} header;

typedef struct cursor {
  const char *at, *end;
} cursor;

static void blanks(cursor *in) {
  while (in->at < in->end && (*in->at == ' ' || *in->at == '\n' || *in->at == '\t'))
    in->at++;
}

static bool take(cursor *in, char c) {
  blanks(in);
  if (in->at == in->end || *in->at != c) return false;
  in->at++;
  return true;
}

static bool take_word(cursor *in, const char *word) {
  size_t n = strlen(word);
  blanks(in);
  if ((size_t)(in->end - in->at) < n || memcmp(in->at, word, n) != 0) return false;
  in->at += n;
  return true;
}

static bool take_string(cursor *in, char *out, size_t size_b) {
  blanks(in);
  if (in->at == in->end || (*in->at != '\'' && *in->at != '"')) return false;
  char quote = *in->at++;
  size_t n = 0;
  while (in->at < in->end && *in->at != quote && *in->at != '\\') {
    if (n + 1 >= size_b || (unsigned char)*in->at < 0x20) return false;
    out[n++] = *in->at++;
  }
  out[n] = 0;
  return take(in, quote);
}

static bool take_extent(cursor *in, int64_t *x) {
  blanks(in);
  const char *start = in->at;
  *x = 0;
  for (; in->at < in->end && *in->at >= '0' && *in->at <= '9'; in->at++) {
    int digit = *in->at - '0';
    if (*x > (INT64_MAX - digit) / 10) return false;
    *x = *x * 10 + digit;
  }
  bool any = in->at > start;
  if (any && in->at < in->end && *in->at == 'L') in->at++; /* Python 2 wrote 3L */
  return any;
}

static bool take_shape(cursor *in, header *h) {
  if (!take(in, '(')) return false;
  while (!take(in, ')')) {
    if (h->rank == TILEC_MAX_RANK) {
      h->problem = "it has more than 16 dimensions";
      h->code = "E0650";
      return false;
    }
    if (!take_extent(in, &h->shape[h->rank++])) return false;
    if (!take(in, ',')) return take(in, ')');
  }
  return true;
}

static bool take_entry(cursor *in, header *h) {
  char name[32];
  if (!take_string(in, name, sizeof name) || !take(in, ':')) return false;
  if (strcmp(name, "descr") == 0 && !h->has_descr) {
    h->has_descr = true;
    blanks(in);
    if (in->at < in->end && *in->at == '[') {
      h->problem = "it holds records (a structured type)";
      h->code = "E0651";
      return false;
    }
    return take_string(in, h->descr, sizeof h->descr);
  }
  if (strcmp(name, "fortran_order") == 0 && !h->has_fortran) {
    h->has_fortran = true;
    h->fortran = take_word(in, "True");
    return h->fortran || take_word(in, "False");
  }
  if (strcmp(name, "shape") == 0 && !h->has_shape) {
    h->has_shape = true;
    return take_shape(in, h);
  }
  return false;
}

static bool parse_header(const char *text, size_t n, header *h) {
  cursor in = {text, text + n};
  h->problem = "its header is not a dictionary of descr, fortran_order and shape";
  h->code = "E0650";
  if (!take(&in, '{')) return false;
  while (!take(&in, '}')) {
    if (!take_entry(&in, h)) return false;
    if (!take(&in, ',')) {
      if (!take(&in, '}')) return false;
      break;
    }
  }
  blanks(&in);
  return in.at == in.end && h->has_descr && h->has_fortran && h->has_shape;
}

/* True when row-major and column-major order are the same. */
static bool order_free(const header *h) {
  int wide = 0;
  for (uint32_t i = 0; i < h->rank; i++) {
    if (h->shape[i] == 0) return true;
    wide += h->shape[i] != 1;
  }
  return wide <= 1;
}

/* ---- reading ---- */

static bool read_all(int fd, void *to, size_t size_b) {
  char *at = to;
  while (size_b) {
    ssize_t n = read(fd, at, size_b > 1 << 30 ? 1 << 30 : size_b);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    at += n, size_b -= (size_t)n;
  }
  return true;
}

static bool read_header(int fd, char *text, header *h, int64_t *header_b) {
  unsigned char start[12];
  h->code = "E0650";
  h->problem = "it is not a .npy file";
  if (!read_all(fd, start, 10) || memcmp(start, MAGIC, MAGIC_B) != 0) return false;
  h->problem = "it is a .npy file of an unknown version";
  if (start[6] < 1 || start[6] > 3) return false;
  size_t n = (size_t)start[8] | (size_t)start[9] << 8, before = 10;
  h->problem = "its header is cut off";
  if (start[6] > 1) {
    if (!read_all(fd, start + 10, 2)) return false;
    n |= (size_t)start[10] << 16 | (size_t)start[11] << 24;
    before = 12;
  }
  h->problem = "its header is larger than 64 KiB";
  if (n > MAX_HEADER_B) return false;
  h->problem = "its header is cut off";
  if (!read_all(fd, text, n)) return false;
  *header_b = (int64_t)(before + n);
  return parse_header(text, n, h);
}

/* Bytes of the elements; false when 63 bits do not hold them. */
static bool payload_b(const header *h, tilec_dtype dtype, int64_t *size_b) {
  uint64_t n = 1;
  for (uint32_t i = 0; i < h->rank; i++)
    if (h->shape[i] == 0) return *size_b = 0, true;
  for (uint32_t i = 0; i < h->rank; i++) {
    if (n > (uint64_t)INT64_MAX / (uint64_t)h->shape[i]) return false;
    n *= (uint64_t)h->shape[i];
  }
  uint64_t bytes = tilec_dtype_bytes(dtype, n);
  *size_b = (int64_t)bytes;
  return bytes <= INT64_MAX;
}

static void reverse(int64_t *shape, uint32_t rank) {
  for (uint32_t i = 0; i < rank / 2; i++) {
    int64_t x = shape[i];
    shape[i] = shape[rank - 1 - i];
    shape[rank - 1 - i] = x;
  }
}

/* An open file up to its elements. */
typedef struct opened {
  int fd;
  int64_t size_b, header_b;
  char *text;
  header header;
} opened;

static int open_header(const cli *c, const char *path, opened *f) {
  struct stat st;
  *f = (opened){.fd = -1};
  /* Opening a pipe would wait for its writer; O_NONBLOCK does not, and fstat then refuses it. */
  f->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (f->fd < 0)
    return cli_fail(c, EXIT_USER, "E0656", "cannot read %s: %s", path, strerror(errno));
  if (fstat(f->fd, &st) || !S_ISREG(st.st_mode))
    return cli_fail(c, EXIT_USER, "E0656", "cannot read %s: it is not a plain file", path);
  f->size_b = st.st_size;
  f->text = malloc(MAX_HEADER_B);
  if (!f->text) return cli_fail(c, EXIT_USER, "E0654", "%s: out of memory", path);
  if (read_header(f->fd, f->text, &f->header, &f->header_b)) return EXIT_OK;
  return cli_fail(c, EXIT_USER, f->header.code, "%s: %s", path, f->header.problem);
}

static void close_header(opened *f) {
  free(f->text);
  if (f->fd >= 0) close(f->fd);
}

static int read_elements(const cli *c, const char *path, opened *f, bool *columns,
                         tilec_array **out) {
  header h = f->header;
  int64_t data_b = 0;
  tilec_dtype dtype = dtype_of(h.descr);
  if (!dtype)
    return cli_fail(c, EXIT_USER, "E0651",
                    "%s holds elements of type '%s', which no argument can be", path, h.descr);
  bool by_columns = h.fortran && !order_free(&h);
  if (by_columns && !columns)
    return cli_fail(c, EXIT_USER, "E0652",
                    "%s is in Fortran order, expected row-major: save numpy.ascontiguousarray(a)",
                    path);
  if (by_columns) reverse(h.shape, h.rank);
  if (columns) *columns = by_columns;
  if (!payload_b(&h, dtype, &data_b))
    return cli_fail(c, EXIT_USER, "E0654", "%s: the size of its array does not fit 64 bits", path);
  if (f->size_b - f->header_b < data_b)
    return cli_fail(c, EXIT_USER, "E0653", "%s is truncated: %lld bytes of elements, expected %lld",
                    path, (long long)(f->size_b - f->header_b), (long long)data_b);
  tilec_error *error;
  tilec_status status = tilec_array_new(c->context, dtype, h.rank, h.shape, out, &error);
  if (status != TILEC_OK) return cli_fail_with(c, status, error);
  errno = 0;
  if (read_all(f->fd, tilec_array_tensor(*out)->data, (size_t)data_b)) return EXIT_OK;
  tilec_array_release(*out);
  *out = NULL;
  return cli_fail(c, EXIT_USER, "E0653", "%s: %s", path,
                  errno ? strerror(errno) : "it is truncated");
}

int npy_read(const cli *c, const char *path, bool *columns, tilec_array **out) {
  opened f;
  *out = NULL;
  int code = open_header(c, path, &f);
  if (!code) code = read_elements(c, path, &f, columns, out);
  close_header(&f);
  return code;
}

int npy_check(const cli *c, const char *path) {
  opened f;
  int code = open_header(c, path, &f);
  close_header(&f);
  return code;
}

/* ---- writing ---- */

bool npy_extents(const char *path, int64_t *extent, uint32_t *rank) {
  header h = {.rank = 0};
  int64_t header_b;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return false;
  char *text = malloc(MAX_HEADER_B);
  bool ok = text && read_header(fd, text, &h, &header_b);
  free(text);
  close(fd);
  for (uint32_t d = 0; ok && d < h.rank; d++)
    extent[d] = h.shape[d];
  *rank = h.rank;
  return ok;
}

static int cannot_write(const cli *c, const char *path, int problem) {
  return cli_fail(c, EXIT_USER, "E0655", "cannot write %s: %s", path, strerror(problem));
}

int npy_can_write(const cli *c, const char *path) {
  struct stat st;
  if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
    if (S_ISDIR(st.st_mode)) return cannot_write(c, path, EISDIR);
    return cli_fail(c, EXIT_USER, "E0655", "cannot write %s: it is not a plain file", path);
  }
  const char *slash = strrchr(path, '/');
  char *folder = slash ? cli_format("%.*s", (int)(slash - path + 1), path) : cli_format(".");
  if (!*path) return cannot_write(c, "''", ENOENT);
  return access(folder, W_OK | X_OK) ? cannot_write(c, path, errno) : EXIT_OK;
}

static bool write_all(int fd, const void *from, size_t size_b) {
  const char *at = from;
  while (size_b) {
    ssize_t n = write(fd, at, size_b > 1 << 30 ? 1 << 30 : size_b);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    at += n, size_b -= (size_t)n;
  }
  return true;
}

/* Version 1: magic, version, length, dict padded with blanks to a multiple of 64 bytes. */
static size_t make_header(char *out, size_t size_b, const tilec_tensor *t, bool columns) {
  char dict[768];
  size_t n = (size_t)snprintf(dict, sizeof dict, "{'descr': '%s', 'fortran_order': %s, 'shape': (",
                              descr_of((tilec_dtype)t->dtype), columns ? "True" : "False");
  for (uint32_t i = 0; i < t->rank; i++)
    n += (size_t)snprintf(dict + n, sizeof dict - n, "%lld,%s",
                          (long long)t->shape[columns ? t->rank - 1 - i : i],
                          i + 1 < t->rank ? " " : "");
  if (t->rank > 1) n--; /* (2, 3) but (2,) */
  n += (size_t)snprintf(dict + n, sizeof dict - n, "), }");
  size_t whole = (10 + n + 1 + ALIGN_B - 1) / ALIGN_B * ALIGN_B;
  if (whole > size_b) return 0;
  memset(out, ' ', whole);
  memcpy(out, MAGIC, MAGIC_B);
  out[6] = 1, out[7] = 0;
  out[8] = (char)((whole - 10) & 0xff), out[9] = (char)((whole - 10) >> 8);
  memcpy(out + 10, dict, n);
  out[whole - 1] = '\n';
  return whole;
}

int npy_write(const cli *c, const char *path, const tilec_array *array, bool columns,
              npy_file *file) {
  char head[1024];
  const tilec_tensor *tensor = tilec_array_tensor(array);
  *file = (npy_file){path, cli_format("%s.XXXXXX", path)};
  if (!descr_of((tilec_dtype)tensor->dtype))
    return cli_fail(c, EXIT_BUG, "E0902", "internal error: no .npy type for %s",
                    tilec_dtype_name((tilec_dtype)tensor->dtype));
  int fd = mkstemp(file->temporary);
  if (fd < 0) {
    file->temporary = NULL;
    return cannot_write(c, path, errno);
  }
  mode_t mask = umask(0);
  umask(mask);
  size_t n = make_header(head, sizeof head, tensor, columns);
  bool ok = fchmod(fd, 0666 & ~mask) == 0 && write_all(fd, head, n)
            && write_all(fd, tensor->data, tilec_array_bytes(array));
  int problem = errno;
  if (close(fd) && ok) ok = false, problem = errno; /* where a full disk may show */
  if (ok) return EXIT_OK;
  npy_forget(file);
  return cannot_write(c, path, problem);
}

int npy_commit(const cli *c, npy_file *file) {
  if (rename(file->temporary, file->path)) {
    int problem = errno;
    npy_forget(file);
    return cannot_write(c, file->path, problem);
  }
  file->temporary = NULL;
  return EXIT_OK;
}

void npy_forget(npy_file *file) {
  if (file->temporary) unlink(file->temporary);
  file->temporary = NULL;
}
