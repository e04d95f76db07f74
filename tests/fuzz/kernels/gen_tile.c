/* Statements that work on whole tiles. */
#include "gen.h"

#include <inttypes.h>
#include <string.h>

static bool is_float(tilec_dtype dtype) {
  return fuzz_kind_of(dtype) == FUZZ_FLOAT;
}

/* ---- choosing buffers ---- */

static bool is_tile(const fuzz_buf *b) {
  return b->place == FUZZ_TILE;
}

static fuzz_buf *any_tile(fuzz_gen *g, uint32_t rank) {
  fuzz_buf *found[FUZZ_MAX_BUFS];
  uint32_t n = 0;
  for (uint32_t i = 0; i < g->n_bufs; i++)
    if (is_tile(&g->bufs[i]) && (!rank || g->bufs[i].rank == rank)) found[n++] = &g->bufs[i];
  return n ? found[fuzz_choose(g, n)] : NULL;
}

fuzz_buf *fuzz_writable(fuzz_gen *g) {
  fuzz_buf *found[FUZZ_MAX_BUFS];
  uint32_t n = 0;
  for (uint32_t i = 0; i < g->n_bufs; i++) {
    fuzz_buf *b = &g->bufs[i];
    if (b->place == FUZZ_OUTPUT || is_tile(b)) found[n++] = b;
  }
  return n ? found[fuzz_choose(g, n)] : NULL;
}

static bool same_dims(const fuzz_buf *b, uint32_t rank, const int64_t *dim) {
  return b->rank == rank && memcmp(b->dim, dim, rank * sizeof *dim) == 0;
}

fuzz_buf *fuzz_new_tile(fuzz_gen *g, tilec_dtype dtype, enum fuzz_class of, uint32_t rank,
                        const int64_t *dim) {
  if (g->n_bufs >= FUZZ_MAX_BUFS - 2) return NULL;
  fuzz_buf b = {.name = fuzz_name(g, "t"),
                .dtype = dtype,
                .of = is_float(dtype) ? of : FUZZ_IS_ANY,
                .place = FUZZ_TILE,
                .rank = rank,
                .root = ++g->n_names,
                .is_fragment = !g->n_threads && fuzz_chance(g, 1, 2)};
  const char *shape = "";
  for (uint32_t d = 0; d < rank; d++) {
    b.dim[d] = b.own[d] = dim[d];
    shape = FUZZ_TEXT(g, "%s%" PRId64 ", ", shape, dim[d]);
  }
  /* The lines go to the top of the kernel, so the indices of loops are not known there. */
  tc_sb body = g->body;
  uint32_t indent = g->indent, n_atoms = g->n_atoms;
  g->body = g->prologue;
  g->indent = 8;
  g->n_atoms = g->n_kernel_atoms;
  g->in_prologue = true;
  fuzz_line(g, "%s = T.alloc_%s((%s), \"%s\")", b.name, b.is_fragment ? "fragment" : "shared",
            shape, tilec_dtype_name(dtype));
  fuzz_initialise(g, &b);
  g->in_prologue = false;
  g->prologue = g->body;
  g->body = body;
  g->indent = indent;
  g->n_atoms = n_atoms;
  g->bufs[g->n_bufs] = b;
  return &g->bufs[g->n_bufs++];
}

/* An existing tile of this kind or a new one. */
static fuzz_buf *need_tile(fuzz_gen *g, tilec_dtype dtype, enum fuzz_class of, uint32_t rank,
                           const int64_t *dim, const fuzz_buf *but) {
  fuzz_buf *found[FUZZ_MAX_BUFS];
  uint32_t n = 0;
  if (!is_float(dtype)) of = FUZZ_IS_ANY;
  for (uint32_t i = 0; i < g->n_bufs; i++) {
    fuzz_buf *b = &g->bufs[i];
    if (is_tile(b) && b->dtype == dtype && b->of == of && same_dims(b, rank, dim)
        && (!but || b->root != but->root))
      found[n++] = b;
  }
  if (n && !fuzz_chance(g, 1, 4)) return found[fuzz_choose(g, n)];
  return fuzz_new_tile(g, dtype, of, rank, dim);
}

static const char *loose_slice(fuzz_gen *g, const fuzz_buf *b, const int64_t *n, bool origin);

/* From a parameter of which the tile is some whole rows, or one entry. */
static bool copy_rows(fuzz_gen *g, const fuzz_buf *to) {
  int64_t dim[FUZZ_RANK] = {1 + (int64_t)fuzz_choose(g, 3)};
  bool entry = fuzz_chance(g, 1, 2) && to->rank < FUZZ_RANK;
  uint32_t rank = to->rank + entry;
  for (uint32_t d = 0; d < to->rank; d++)
    dim[d + entry] = to->dim[d] * (d || entry ? 1 : dim[0]);
  const fuzz_buf *from = fuzz_new_input(g, to->dtype, rank, dim);
  if (!from) return false;
  const char *at = fuzz_index(g, 4, 1).text, *zeros = "";
  for (uint32_t d = 1; d < rank; d++)
    zeros = FUZZ_TEXT(g, "%s, 0", zeros);
  if (!entry) at = FUZZ_TEXT(g, "(%s) * %" PRId64, at, to->dim[0]);
  if (fuzz_chance(g, 1, 8))
    fuzz_line(g, "T.annotate_safe_value({%s: %s})", from->name, fuzz_number(g, to->dtype, 2).text);
  fuzz_line(g, "T.copy(%s[%s%s], %s)", from->name, at, zeros, to->name);
  return true;
}

/* Takes a tile's first contents from somewhere in a parameter. */
static bool copy_parameter(fuzz_gen *g, const fuzz_buf *to) {
  if (fuzz_chance(g, 1, 3) && copy_rows(g, to)) return true;
  const fuzz_buf *found[FUZZ_MAX_BUFS];
  uint32_t n = 0;
  for (uint32_t i = 0; i < g->n_bufs; i++) {
    const fuzz_buf *b = &g->bufs[i];
    bool fits = to->of == FUZZ_IS_ANY || b->of == FUZZ_IS_SMALL;
    if (b->place == FUZZ_INPUT && b->rank == to->rank && fits) found[n++] = b;
  }
  if (!n) return false;
  const char *from = loose_slice(g, found[fuzz_choose(g, n)], to->dim, fuzz_chance(g, 1, 2));
  fuzz_line(g, "T.copy(%s, %s)", from, to->name);
  return true;
}

void fuzz_initialise(fuzz_gen *g, fuzz_buf *b) {
  static const char *const NAMES[] = {"i", "j", "k", "l"};
  const char *vars = "", *extents = "", *at = "", *sum = "";
  uint32_t how = fuzz_choose(g, 6);
  if (how >= 3 && copy_parameter(g, b)) return;
  if (how == 0 || b->rank > 3) {
    fuzz_line(g, "T.fill(%s, %s)", b->name, fuzz_number(g, b->dtype, 2).text);
    return;
  }
  for (uint32_t d = 0; d < b->rank; d++) {
    const char *v = FUZZ_TEXT(g, "%s%u", NAMES[d], ++g->n_names);
    const char *comma = d ? ", " : "";
    vars = FUZZ_TEXT(g, "%s%s%s", vars, comma, v);
    extents = FUZZ_TEXT(g, "%s%s%" PRId64, extents, comma, b->dim[d]);
    at = FUZZ_TEXT(g, "%s%s%s", at, comma, v);
    sum = FUZZ_TEXT(g, "%s%s%s * %u", sum, d ? " + " : "", v, 3 + 4 * d);
  }
  fuzz_line(g, "for %s in T.Parallel(%s):", vars, extents);
  bool sign = how == 2 && fuzz_kind_of(b->dtype) != FUZZ_UINT && b->dtype != TILEC_BOOL;
  fuzz_line(g, "    %s[%s] = (%s) %% 5%s", b->name, at, sum, sign ? " - 2" : "");
}

/* ---- copies, fills ---- */

/* "t[1:4, 0:7]" with extents `n`, somewhere in this block's part; whole buffers sometimes by name.
 */
static const char *slice_of(fuzz_gen *g, const fuzz_buf *b, const int64_t *n) {
  const char *at = "";
  bool whole = is_tile(b) && same_dims(b, b->rank, n);
  if (whole && fuzz_chance(g, 1, 2)) return b->name;
  for (uint32_t d = 0; d < b->rank; d++) {
    int64_t first = fuzz_choose(g, (uint32_t)(b->own[d] - n[d] + 1));
    const char *base = b->base[d] ? FUZZ_TEXT(g, "%s + ", b->base[d]) : "";
    at = FUZZ_TEXT(g, "%s%s%s%" PRId64 ":%s%" PRId64, at, d ? ", " : "", base, first, base,
                   first + n[d]);
  }
  return FUZZ_TEXT(g, "%s[%s]", b->name, at);
}

/* Any place of a global tensor, also outside: "A[e:e + 4, f:f + 7]", or "A[e, f]". */
static const char *loose_slice(fuzz_gen *g, const fuzz_buf *b, const int64_t *n, bool origin) {
  const char *at = "";
  for (uint32_t d = 0; d < b->rank; d++) {
    fuzz_ex x = fuzz_loose_index(g, b->dim[d]);
    /* A negative constant counts from the end, as in Python, and may end before it begins. */
    if (x.lo == x.hi && x.lo < 0) x = fuzz_number(g, TILEC_INT32, 0);
    if (!origin && !x.plain) {
      const char *name = fuzz_name(g, "o");
      /* Of a variable the name alone would be another name of it, not its value. */
      fuzz_line(g, "%s = %s + 0", name, x.text);
      x.text = name;
    }
    at = FUZZ_TEXT(g, "%s%s%s", at, d ? ", " : "", x.text);
    if (!origin) at = FUZZ_TEXT(g, "%s:%s + %" PRId64, at, x.text, n[d]);
  }
  return FUZZ_TEXT(g, "%s[%s]", b->name, at);
}

static bool holds(const fuzz_buf *from, const fuzz_buf *to) {
  if (to->of == FUZZ_IS_ANY) return true;
  return to->of != FUZZ_IS_ROUGH && from->of == FUZZ_IS_SMALL;
}

static const fuzz_buf *copy_source(fuzz_gen *g, const fuzz_buf *to) {
  const fuzz_buf *found[FUZZ_MAX_BUFS];
  uint32_t n = 0;
  for (uint32_t i = 0; i < g->n_bufs; i++) {
    const fuzz_buf *b = &g->bufs[i];
    if (b->root != to->root && fuzz_is_readable(g, b) && b->rank <= to->rank && holds(b, to))
      found[n++] = b;
  }
  return n ? found[fuzz_choose(g, n)] : NULL;
}

/* Extents of `to` into `n`: all of its part or less. */
static void part_of(fuzz_gen *g, const fuzz_buf *to, int64_t *n) {
  bool whole = fuzz_chance(g, 1, 2);
  for (uint32_t d = 0; d < to->rank; d++)
    n[d] = whole ? to->own[d] : 1 + fuzz_choose(g, (uint32_t)to->own[d]);
}

bool fuzz_tile_copy(fuzz_gen *g) {
  fuzz_buf *to = fuzz_writable(g);
  const fuzz_buf *from = to ? copy_source(g, to) : NULL;
  if (!from) return false;
  int64_t n[FUZZ_RANK];
  part_of(g, to, n);
  uint32_t missing = to->rank - from->rank;
  bool loose = from->place == FUZZ_INPUT || from->place == FUZZ_DONE;
  /* A source of lower rank is stretched; its extents are the last ones. Extents of 1 say nothing,
   * so that they must not decide what stretches. */
  for (uint32_t d = 0; d < to->rank; d++)
    if (missing && n[d] == 1) return false;
  for (uint32_t d = 0; d < from->rank && !loose; d++)
    if (n[d + missing] > from->own[d]) n[d + missing] = from->own[d];
  for (uint32_t d = 0; d < to->rank; d++)
    if (missing && n[d] == 1) return false;
  const char *source = loose ? loose_slice(g, from, n + missing, !missing && fuzz_chance(g, 1, 2))
                             : slice_of(g, from, n + missing);
  fuzz_line(g, "T.copy(%s, %s)", source, slice_of(g, to, n));
  return true;
}

bool fuzz_tile_fill(fuzz_gen *g) {
  fuzz_buf *b = fuzz_writable(g);
  int64_t n[FUZZ_RANK];
  if (!b || b->of == FUZZ_IS_ROUGH) return false;
  part_of(g, b, n);
  if (fuzz_chance(g, 1, 4)) {
    fuzz_line(g, "T.clear(%s)", slice_of(g, b, n));
    return true;
  }
  fuzz_ex x = fuzz_value_for(g, b, 1);
  fuzz_line(g, "T.fill(%s, %s)", slice_of(g, b, n), x.text);
  return true;
}

/* ---- products ---- */

typedef struct gemm_types {
  tilec_dtype a, b, c;
} gemm_types;

static const gemm_types GEMMS[] = {
    {TILEC_FLOAT32, TILEC_FLOAT32, TILEC_FLOAT32},
    {TILEC_FLOAT16, TILEC_FLOAT16, TILEC_FLOAT32},
    {TILEC_BFLOAT16, TILEC_BFLOAT16, TILEC_FLOAT32},
    {TILEC_FLOAT16, TILEC_FLOAT16, TILEC_FLOAT16},
    {TILEC_INT8, TILEC_INT8, TILEC_INT32},
    {TILEC_UINT8, TILEC_INT8, TILEC_INT32},
    {TILEC_FLOAT8_E4M3FN, TILEC_FLOAT8_E4M3FN, TILEC_FLOAT32},
    {TILEC_FLOAT8_E5M2, TILEC_FLOAT8_E4M3FN, TILEC_FLOAT32},
    {TILEC_FLOAT64, TILEC_FLOAT64, TILEC_FLOAT64},
    {TILEC_INT32, TILEC_INT32, TILEC_INT32},
    {TILEC_INT4, TILEC_INT4, TILEC_INT32},
    {TILEC_INT16, TILEC_INT16, TILEC_INT64},
    {TILEC_FLOAT16, TILEC_BFLOAT16, TILEC_FLOAT32},
    {TILEC_BFLOAT16, TILEC_BFLOAT16, TILEC_BFLOAT16},
    {TILEC_TFLOAT32, TILEC_TFLOAT32, TILEC_FLOAT32},
    {TILEC_FLOAT4_E2M1FN, TILEC_FLOAT4_E2M1FN, TILEC_FLOAT32},
};

/* Room for `terms` sums of products of small numbers in every element. */
static bool can_add(const fuzz_gen *g, fuzz_buf *to, double most) {
  if (!is_float(to->dtype)) return true;
  to->sum += most * (double)g->trips;
  return to->sum <= 0x1p22;
}

/* A tile of these extents, or a larger one of which a part will be taken. */
static fuzz_buf *need_room(fuzz_gen *g, tilec_dtype dtype, enum fuzz_class of, const int64_t *dim,
                           const fuzz_buf *but) {
  int64_t larger[2] = {dim[0], dim[1]};
  for (int d = 0; d < 2; d++)
    if (fuzz_chance(g, 1, 8)) larger[d] += 1 + fuzz_choose(g, 4);
  return need_tile(g, dtype, of, 2, larger, but);
}

bool fuzz_tile_gemm(fuzz_gen *g) {
  const gemm_types *t = &GEMMS[fuzz_choose(g, TC_COUNT(GEMMS))];
  int64_t m = g->tile_dims[fuzz_choose(g, 3)], n = g->tile_dims[fuzz_choose(g, 3)];
  int64_t k = g->tile_dims[fuzz_choose(g, 3)];
  bool ta = fuzz_chance(g, 1, 3), tb = fuzz_chance(g, 1, 3);
  const int64_t da[] = {ta ? k : m, ta ? m : k}, db[] = {tb ? n : k, tb ? k : n}, dc[] = {m, n};
  fuzz_buf *a = need_room(g, t->a, FUZZ_IS_SMALL, da, NULL);
  fuzz_buf *b = a ? need_room(g, t->b, FUZZ_IS_SMALL, db, NULL) : NULL;
  fuzz_buf *c = b ? need_room(g, t->c, FUZZ_IS_SUM, dc, a) : NULL;
  if (!c || c->root == b->root || !can_add(g, c, 16 * (double)k)) return false;
  const char *sum = slice_of(g, c, dc);
  if (fuzz_chance(g, 1, 4)) fuzz_line(g, "T.clear(%s)", sum);
  fuzz_line(g, "T.gemm(%s, %s, %s%s%s%s)", slice_of(g, a, da), slice_of(g, b, db), sum,
            ta ? ", transpose_A=True" : "", tb ? ", transpose_B=True" : "",
            fuzz_chance(g, 1, 4) ? ", clear_accum=True" : "");
  return true;
}

/* ---- reductions, scans ---- */

/* What a statement reads as a whole: a tile, a part of one, or a place of a global tensor. */
typedef struct source {
  const fuzz_buf *b;
  const char *text;
  int64_t dim[FUZZ_RANK];
} source;

static bool take_source(fuzz_gen *g, uint32_t rank, source *s) {
  const fuzz_buf *found[FUZZ_MAX_BUFS];
  uint32_t n = 0;
  bool global = fuzz_chance(g, 1, 6);
  for (uint32_t i = 0; i < g->n_bufs; i++) {
    const fuzz_buf *b = &g->bufs[i];
    bool fits =
        (is_tile(b) && !global) || (global && (b->place == FUZZ_INPUT || b->place == FUZZ_DONE));
    if (fits && fuzz_is_readable(g, b) && (!rank || b->rank == rank)) found[n++] = b;
  }
  if (!n) return false;
  s->b = found[fuzz_choose(g, n)];
  bool part = global || fuzz_chance(g, 1, 6);
  for (uint32_t d = 0; d < s->b->rank; d++)
    s->dim[d] =
        !part ? s->b->dim[d] : 1 + fuzz_choose(g, s->b->dim[d] > 8 ? 8 : (uint32_t)s->b->dim[d]);
  s->text = global ? loose_slice(g, s->b, s->dim, false)
            : part ? slice_of(g, s->b, s->dim)
                   : s->b->name;
  return true;
}

enum { R_SUM, R_MAX, R_MIN, R_ABSMAX, R_ABSSUM, R_BITAND, R_BITOR, R_BITXOR, N_REDUCERS };

bool fuzz_tile_reduce(fuzz_gen *g) {
  static const char *const NAMES[] = {"sum",    "max",    "min",   "absmax",
                                      "abssum", "bitand", "bitor", "bitxor"};
  source from;
  if (!take_source(g, 0, &from)) return false;
  const fuzz_buf *b = from.b;
  uint32_t dim = fuzz_choose(g, b->rank), kind = fuzz_choose(g, N_REDUCERS), rank = 0;
  bool sums = kind == R_SUM || kind == R_ABSSUM, flt = is_float(b->dtype);
  if (flt && kind >= R_BITAND) kind = R_MAX;
  if (flt && sums && b->of != FUZZ_IS_SMALL) return false;
  bool keep = b->rank == 1 || fuzz_chance(g, 1, 3);
  int64_t to_dim[FUZZ_RANK];
  for (uint32_t d = 0; d < b->rank; d++)
    if (d != dim || keep) to_dim[rank++] = d == dim ? 1 : from.dim[d];
  tilec_dtype dtype = b->dtype;
  if (fuzz_chance(g, 1, 3)) dtype = flt ? TILEC_FLOAT32 : TILEC_INT32;
  enum fuzz_class of = flt && sums ? FUZZ_IS_SUM : b->of == FUZZ_IS_SUM ? FUZZ_IS_ANY : b->of;
  fuzz_buf *to = need_tile(g, dtype, of, rank, to_dim, b);
  if (!to || (flt && sums && !can_add(g, to, 4 * (double)from.dim[dim]))) return false;
  bool clear = kind == R_ABSSUM || !fuzz_chance(g, 1, 3), nan = kind == R_MAX || kind == R_MIN;
  fuzz_line(g, "T.reduce_%s(%s, %s, dim=%d%s%s)", NAMES[kind], from.text, to->name,
            fuzz_chance(g, 1, 3) ? (int)dim - (int)b->rank : (int)dim, clear ? "" : ", clear=False",
            nan && flt && fuzz_chance(g, 1, 3) ? ", nan_propagate=True" : "");
  return true;
}

bool fuzz_tile_scan(fuzz_gen *g) {
  source from;
  if (!take_source(g, 0, &from)) return false;
  const fuzz_buf *b = from.b;
  uint32_t dim = fuzz_choose(g, b->rank);
  bool is_max = fuzz_chance(g, 1, 2), flt = is_float(b->dtype), in_place = fuzz_chance(g, 1, 3);
  const char *reverse = fuzz_chance(g, 1, 2) ? ", reverse=True" : "";
  if (flt && !is_max && b->of != FUZZ_IS_SMALL) return false;
  if (in_place && is_tile(b) && (is_max || !flt)) {
    fuzz_line(g, "T.cum%s(%s, dim=%u%s)", is_max ? "max" : "sum", from.text, dim, reverse);
    return true;
  }
  enum fuzz_class of = !flt ? FUZZ_IS_ANY : !is_max ? FUZZ_IS_SUM : b->of;
  fuzz_buf *to = need_tile(g, b->dtype, of, b->rank, from.dim, b);
  if (!to || (of == FUZZ_IS_SUM && !can_add(g, to, 4 * (double)from.dim[dim]))) return false;
  fuzz_line(g, "T.cum%s(%s, %s, dim=%u%s)", is_max ? "max" : "sum", from.text, to->name, dim,
            reverse);
  return true;
}

bool fuzz_tile_transpose(fuzz_gen *g) {
  source from;
  if (!take_source(g, 2, &from)) return false;
  const int64_t dim[] = {from.dim[1], from.dim[0]};
  bool any = from.b->of == FUZZ_IS_ANY;
  tilec_dtype dtype = any && fuzz_chance(g, 1, 3) ? fuzz_any_dtype(g) : from.b->dtype;
  enum fuzz_class of = from.b->of == FUZZ_IS_SUM ? FUZZ_IS_ANY : from.b->of;
  fuzz_buf *to = need_tile(g, dtype, of, 2, dim, from.b);
  if (!to) return false;
  fuzz_line(g, "T.transpose(%s, %s)", from.text, to->name);
  return true;
}

/* ---- atomics ---- */

static const char *const ATOMICS[] = {"add", "max", "min", "or"};

static fuzz_buf *atomic_target(fuzz_gen *g) {
  fuzz_buf *found[FUZZ_MAX_BUFS];
  uint32_t n = 0;
  for (uint32_t i = 0; i < g->n_bufs; i++)
    if (g->bufs[i].place == FUZZ_ATOMIC) found[n++] = &g->bufs[i];
  return n ? found[fuzz_choose(g, n)] : NULL;
}

/* A whole tile onto any place of a tensor, or a value onto one element. */
bool fuzz_tile_atomic(fuzz_gen *g) {
  fuzz_buf *to = atomic_target(g);
  if (!to || !can_add(g, to, g->in_parallel ? 64 * 1024 : 64 * 16)) return false;
  if (!g->in_parallel && to->atomic != 3 && fuzz_chance(g, 1, 2)) {
    fuzz_buf *from = any_tile(g, to->rank);
    if (from && (!is_float(to->dtype) || (from->of == FUZZ_IS_SMALL && is_float(from->dtype)))
        && is_float(from->dtype) == is_float(to->dtype)) {
      fuzz_line(g, "T.atomic_%s(%s, %s)", ATOMICS[to->atomic],
                loose_slice(g, to, from->dim, fuzz_chance(g, 1, 2)), from->name);
      return true;
    }
  }
  const char *at = "";
  for (uint32_t d = 0; d < to->rank; d++)
    at = FUZZ_TEXT(g, "%s%s%s", at, d ? ", " : "", fuzz_loose_index(g, to->dim[d]).text);
  fuzz_ex x = is_float(to->dtype) ? fuzz_small_value(g, to->dtype, 1) : fuzz_value(g, to->dtype, 1);
  fuzz_line(g, "T.atomic_%s(%s[%s], %s)", ATOMICS[to->atomic], to->name, at, x.text);
  return true;
}

fuzz_buf *fuzz_some_tile(fuzz_gen *g) {
  fuzz_buf *b = any_tile(g, 0);
  return b && b->of != FUZZ_IS_SUM ? b : NULL;
}

/* ---- convolution ---- */

static int64_t windows(int64_t n, int64_t kernel, int64_t stride, int64_t dilation, int64_t pad) {
  int64_t span = n + 2 * pad - dilation * (kernel - 1) - 1;
  return span < 0 ? 0 : span / stride + 1;
}

bool fuzz_tile_im2col(fuzz_gen *g) {
  fuzz_buf *to = any_tile(g, 2);
  if (!to || to->of == FUZZ_IS_SUM) return false;
  int64_t dim[4], kernel = 1 + fuzz_choose(g, 3), stride = 1 + fuzz_choose(g, 2);
  int64_t dilation = 1 + fuzz_choose(g, 2), pad = fuzz_choose(g, 3);
  for (int d = 0; d < 4; d++)
    dim[d] = 1 + fuzz_choose(g, d == 0 ? 2 : 7);
  if (!windows(dim[1], kernel, stride, dilation, pad)) return false;
  if (!windows(dim[2], kernel, stride, dilation, pad)) return false;
  const fuzz_buf *from = fuzz_new_input(g, to->dtype, 4, dim);
  if (!from) return false;
  fuzz_line(g, "T.im2col(%s, %s, %s, %s, %" PRId64 ", %" PRId64 ", %" PRId64 ", %" PRId64 ")",
            from->name, to->name, fuzz_index(g, 3, 1).text, fuzz_index(g, 3, 1).text, kernel,
            stride, dilation, pad);
  return true;
}

/* ---- views ---- */

bool fuzz_tile_view(fuzz_gen *g) {
  fuzz_buf *from = any_tile(g, 0);
  if (!from || from->is_fragment || g->n_bufs >= FUZZ_MAX_BUFS - 1) return false;
  int64_t n = 1, first = 1;
  for (uint32_t d = 0; d < from->rank; d++)
    n *= from->dim[d];
  for (int64_t k = 2; k <= 8; k++)
    if (n % k == 0 && fuzz_chance(g, 1, 2)) first = k;
  fuzz_buf b = *from;
  b.is_view = true;
  b.name = fuzz_name(g, "v");
  b.rank = first > 1 ? 2 : 1;
  b.dim[0] = b.own[0] = first > 1 ? first : n;
  b.dim[1] = b.own[1] = n / first;
  const char *shape = first > 1 ? FUZZ_TEXT(g, "%" PRId64 ", %" PRId64, first, n / first)
                                : FUZZ_TEXT(g, "%" PRId64 ",", n);
  fuzz_line(g, "%s = T.%s(%s, (%s))", b.name, fuzz_chance(g, 1, 2) ? "view" : "reshape", from->name,
            shape);
  g->bufs[g->n_bufs++] = b;
  return true;
}
