#include "case.h"

#include "base/floats.h"
#include "tape.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const FILLS[] = {"small", "plain", "wild", "poison"};
static const char *const COMPARES[] = {"exact", "bound"};

/* ---- types ---- */

uint32_t fuzz_bits_of(tilec_dtype dtype) {
  switch (dtype) {
#define ROW(id, code, name, bits)                                                                  \
  case TILEC_##id:                                                                                 \
    return bits;
    TILEC_DTYPES(ROW)
#undef ROW
  default:
    return 0;
  }
}

enum fuzz_kind fuzz_kind_of(tilec_dtype dtype) {
  if (dtype == TILEC_BOOL) return FUZZ_BOOL;
  if (dtype >= TILEC_INT2 && dtype <= TILEC_INT64) return FUZZ_INT;
  if (dtype >= TILEC_UINT2 && dtype <= TILEC_UINT64) return FUZZ_UINT;
  return FUZZ_FLOAT;
}

/* The format of base/floats.h, or -1: float64 and what is no float. */
static int format_of(tilec_dtype dtype) {
  for (int f = 0; f < TC_N_FLOAT_FORMATS; f++)
    if (strcmp(tc_float_info((enum tc_float_format)f)->name, tilec_dtype_name(dtype)) == 0)
      return f;
  return -1;
}

/* ---- text ---- */

tc_str fuzz_case_text(const fuzz_case *const *cases, uint32_t n, tc_arena *arena) {
  tc_sb sb = tc_sb_in(arena);
  if (n == 1 && cases[0]->whole.n) return cases[0]->whole;
  tc_sb_adds(&sb, "import tilec.language as T\n\n");
  for (uint32_t i = 0; i < n; i++)
    tc_sb_adds(&sb, cases[i]->module);
  tc_sb_adds(&sb, "\n@T.prim_func\ndef main(\n");
  for (uint32_t i = 0; i < n; i++)
    tc_sb_adds(&sb, cases[i]->params);
  tc_sb_adds(&sb, "):\n");
  for (uint32_t i = 0; i < n; i++)
    tc_sb_adds(&sb, cases[i]->body);
  return tc_sb_str(&sb);
}

tc_str fuzz_case_header(const fuzz_case *c, tc_arena *arena) {
  tc_sb sb = tc_sb_in(arena);
  for (uint32_t i = 0; i < c->args.n; i++) {
    const fuzz_arg *a = &c->args.at[i];
    if (a->is_scalar) {
      tc_sb_printf(&sb, "# scalar %s %s %.17g\n", a->name, tilec_dtype_name(a->dtype), a->value);
      continue;
    }
    tc_sb_printf(&sb, "# arg %s %s %s %" PRIu64 " %s", a->name, tilec_dtype_name(a->dtype),
                 FILLS[a->fill], a->seed, COMPARES[a->compare]);
    for (uint32_t d = 0; d < a->rank; d++)
      tc_sb_printf(&sb, " %" PRId64, a->shape[d]);
    for (uint32_t d = 0; a->strides[0] && d < a->rank; d++)
      tc_sb_printf(&sb, "%s %" PRId64, d ? "" : " /", a->strides[d]);
    tc_sb_adds(&sb, "\n");
  }
  return tc_sb_str(&sb);
}

static int word_at(const char *const *words, int n, const char *word) {
  for (int i = 0; i < n; i++)
    if (strcmp(words[i], word) == 0) return i;
  return -1;
}

static bool parse_array(const char *line, fuzz_arg *a, tc_arena *arena) {
  char name[64], dtype[32], fill[16], compare[16];
  int used;
  if (sscanf(line, "# arg %63s %31s %15s %" SCNu64 " %15s%n", name, dtype, fill, &a->seed, compare,
             &used)
      != 5)
    return false;
  int f = word_at(FILLS, 4, fill), c = word_at(COMPARES, 2, compare);
  a->name = tc_format(arena, "%s", name);
  a->dtype = tilec_dtype_find(dtype);
  if (f < 0 || c < 0 || !a->dtype) return false;
  a->fill = (enum fuzz_fill)f;
  a->compare = (enum fuzz_compare)c;
  for (line += used; a->rank < FUZZ_RANK; a->rank++, line += used)
    if (sscanf(line, "%" SCNd64 "%n", &a->shape[a->rank], &used) != 1) break;
  line += strspn(line, " ");
  if (*line != '/') return *line == 0;
  line++;
  for (uint32_t d = 0; d < a->rank; d++, line += used)
    if (sscanf(line, "%" SCNd64 "%n", &a->strides[d], &used) != 1) return false;
  return true;
}

static bool parse_scalar(const char *line, fuzz_arg *a, tc_arena *arena) {
  char name[64], dtype[32];
  a->is_scalar = true;
  if (sscanf(line, "# scalar %63s %31s %lf", name, dtype, &a->value) != 3) return false;
  a->name = tc_format(arena, "%s", name);
  a->dtype = tilec_dtype_find(dtype);
  return a->dtype != TILEC_DTYPE_NONE;
}

bool fuzz_case_parse(tc_str text, fuzz_case *c, tc_arena *arena, const char **why) {
  *c = (fuzz_case){.module = "", .params = "", .body = ""};
  for (uint32_t at = 0; at < text.n;) {
    uint32_t end = at;
    while (end < text.n && text.at[end] != '\n')
      end++;
    const char *line = tc_str_dup(arena, (tc_str){text.at + at, end - at});
    fuzz_arg a = {0};
    bool array = strncmp(line, "# arg ", 6) == 0, scalar = strncmp(line, "# scalar ", 9) == 0;
    if ((array && !parse_array(line, &a, arena)) || (scalar && !parse_scalar(line, &a, arena))) {
      *why = tc_format(arena, "bad line: %s", line);
      return false;
    }
    if (array || scalar) tc_vec_push(arena, &c->args, a);
    if (strncmp(line, "# runs on ", 10) == 0) c->runs_on = line + 10;
    at = end + 1;
  }
  return true;
}

/* ---- arrays ---- */

static uint64_t low_bits(uint32_t n) {
  return n >= 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1;
}

/* The pattern of a number in a format; -1: float64. */
static uint64_t float_bits(int format, double x) {
  if (format >= 0) return tc_float_encode((enum tc_float_format)format, x, true);
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

static uint64_t element_bits(const fuzz_arg *arg, int format, uint64_t r) {
  uint32_t bits = fuzz_bits_of(arg->dtype);
  enum fuzz_kind kind = fuzz_kind_of(arg->dtype);
  uint64_t mask = low_bits(bits);
  if (kind == FUZZ_BOOL) return r & 1;
  if (arg->fill == FUZZ_WILD) return r & mask & (arg->dtype == TILEC_TFLOAT32 ? ~0x1fffull : mask);
  int64_t small = (int64_t)(r % 9) - 4;
  if (kind != FUZZ_FLOAT) {
    if (arg->fill == FUZZ_SMALL) return (uint64_t)(kind == FUZZ_UINT ? labs(small) : small) & mask;
    /* Half of them small, or nothing but the high bits would ever be seen. */
    return (r >> 63 ? r >> 8 : (uint64_t)((int64_t)(r >> 8 & 63) - 20)) & mask;
  }
  if (arg->fill == FUZZ_SMALL) return float_bits(format, (double)small);
  double x = ((double)(int64_t)(r >> 20 & 0xffff) - 0x8000) / 1024;
  return float_bits(format, ldexp(x, (int)(r & 7) - 4));
}

static void put_bits(unsigned char *data, uint32_t bits, int64_t i, uint64_t x) {
  if (bits < 6) {
    uint32_t at = (uint32_t)(i * bits % 8);
    data[i * bits / 8] = (unsigned char)((data[i * bits / 8] & ~(low_bits(bits) << at))
                                         | (x & low_bits(bits)) << at);
  } else {
    uint32_t size_b = (bits + 7) / 8;
    memcpy(data + i * size_b, &x, size_b);
  }
}

static uint64_t get_bits(const unsigned char *data, uint32_t bits, int64_t i) {
  uint64_t x = 0;
  if (bits < 6) return data[i * bits / 8] >> (i * bits % 8) & low_bits(bits);
  memcpy(&x, data + i * ((bits + 7) / 8), (bits + 7) / 8);
  return x;
}

/* What lies before and behind the elements must not change. */
enum { FENCE_B = 64, FENCE = 0xa5 };

static void put_fences(fuzz_array *a) {
  memset(a->data - FENCE_B, FENCE, FENCE_B);
  memset(a->data + a->size_b, FENCE, FENCE_B);
}

static bool are_fences_whole(const fuzz_array *a) {
  for (int i = 1; i <= FENCE_B; i++)
    if (a->data[-i] != FENCE || a->data[a->size_b + (size_t)i - 1] != FENCE) return false;
  return true;
}

fuzz_array fuzz_array_new(const fuzz_arg *arg, tc_arena *arena) {
  fuzz_array a = {.n = 1};
  bool strided = arg->rank > 0 && arg->strides[0] != 0;
  for (uint32_t d = 0; d < arg->rank; d++)
    a.n = strided ? a.n + (arg->shape[d] - 1) * arg->strides[d] : a.n * arg->shape[d];
  a.size_b = (size_t)tilec_dtype_bytes(arg->dtype, (uint64_t)a.n);
  /* As aligned as what a GPU's allocator gives; the fences keep that. */
  a.data = tc_arena_alloc(arena, a.size_b + 3 * FENCE_B);
  a.data += 2 * FENCE_B - (uintptr_t)a.data % FENCE_B;
  put_fences(&a);
  uint64_t state = arg->seed;
  int format = format_of(arg->dtype);
  for (int64_t i = 0; i < a.n && arg->fill != FUZZ_POISON; i++)
    put_bits(a.data, fuzz_bits_of(arg->dtype), i, element_bits(arg, format, tape_mix(&state)));
  a.tensor = (tilec_tensor){.size = sizeof a.tensor,
                            .data = a.data,
                            .shape = arg->shape,
                            .strides = strided ? arg->strides : NULL,
                            .rank = arg->rank,
                            .dtype = (uint16_t)arg->dtype,
                            .flags = arg->fill == FUZZ_POISON ? TILEC_TENSOR_POISONED : 0};
  return a;
}

/* ---- comparing ---- */

static double float_value(int format, uint64_t bits) {
  if (format >= 0) return tc_float_decode((enum tc_float_format)format, (uint32_t)bits);
  double x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

bool fuzz_array_agrees(const fuzz_arg *arg, const fuzz_array *got, const fuzz_array *want,
                       const tilec_param *param, const char **why, tc_arena *arena) {
  uint32_t bits = fuzz_bits_of(arg->dtype);
  bool is_float = fuzz_kind_of(arg->dtype) == FUZZ_FLOAT;
  int format = format_of(arg->dtype);
  double top = 0;
  if (!are_fences_whole(got)) {
    *why = tc_format(arena, "%s: something wrote beside it", arg->name);
    return false;
  }
  if (arg->compare == FUZZ_BOUND) top = tilec_tensor_magnitude(&want->tensor, arg->dtype);
  for (int64_t i = 0; i < want->n; i++) {
    uint64_t g = get_bits(got->data, bits, i), w = get_bits(want->data, bits, i);
    if (g == w) continue;
    double x = is_float ? float_value(format, g) : (double)g;
    double y = is_float ? float_value(format, w) : (double)w;
    if (isnan(x) && isnan(y)) continue;
    if (arg->compare == FUZZ_BOUND
        && fabs(x - y) <= param->rtol * fabs(y) + param->atol + param->atol_scale * top)
      continue;
    *why = tc_format(arena, "%s[%" PRId64 "]: %.9g (0x%" PRIx64 "), expected %.9g (0x%" PRIx64 ")",
                     arg->name, i, x, g, y, w);
    return false;
  }
  return true;
}
