/* A whole case: tensors, launches, and what stands around the statements of a kernel. */
#include "gen.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

uint32_t fuzz_choose(fuzz_gen *g, uint32_t n) {
  return tape_choose(g->t, n);
}

bool fuzz_chance(fuzz_gen *g, uint32_t n, uint32_t of) {
  return tape_chance(g->t, n, of);
}

uint32_t fuzz_weigh(fuzz_gen *g, const uint8_t *weights, uint32_t n) {
  uint32_t total = 0, i = 0;
  for (uint32_t k = 0; k < n; k++)
    total += weights[k];
  uint32_t x = tape_choose(g->t, total);
  while (x >= weights[i])
    x -= weights[i++];
  return i;
}

void fuzz_line(fuzz_gen *g, const char *fmt, ...) {
  va_list args;
  tc_sb_printf(&g->body, "%*s", (int)g->indent, "");
  va_start(args, fmt);
  tc_sb_vprintf(&g->body, fmt, args);
  va_end(args);
  tc_sb_char(&g->body, '\n');
  g->out->n_statements++;
}

const char *fuzz_name(fuzz_gen *g, const char *stem) {
  return FUZZ_TEXT(g, "%s%u_%u", stem, ++g->n_names, g->slot);
}

/* ---- types ---- */

typedef struct type_row {
  uint8_t weight;
  tilec_dtype dtype;
} type_row;

static const type_row TYPES[] = {
    {12, TILEC_INT32},
    {14, TILEC_FLOAT32},
    {10, TILEC_FLOAT16},
    {8, TILEC_BFLOAT16},
    {5, TILEC_INT8},
    {5, TILEC_UINT8},
    {3, TILEC_INT16},
    {3, TILEC_UINT16},
    {4, TILEC_UINT32},
    {5, TILEC_INT64},
    {3, TILEC_UINT64},
    {4, TILEC_FLOAT64},
    {4, TILEC_BOOL},
    {4, TILEC_FLOAT8_E4M3FN},
    {3, TILEC_FLOAT8_E5M2},
    {3, TILEC_INT4},
    {2, TILEC_UINT4},
    {1, TILEC_INT2},
    {1, TILEC_UINT2},
    {1, TILEC_TFLOAT32},
    {1, TILEC_FLOAT8_E4M3FNUZ},
    {1, TILEC_FLOAT8_E5M2FNUZ},
    {1, TILEC_FLOAT8_E4M3B11FNUZ},
    {1, TILEC_FLOAT8_E3M4},
    {1, TILEC_FLOAT8_E8M0FNU},
    {1, TILEC_FLOAT6_E2M3FN},
    {1, TILEC_FLOAT6_E3M2FN},
    {1, TILEC_FLOAT4_E2M1FN},
};

static tilec_dtype any_of_all(fuzz_gen *g) {
  uint8_t weights[TC_COUNT(TYPES)];
  for (uint32_t i = 0; i < TC_COUNT(TYPES); i++)
    weights[i] = TYPES[i].weight;
  return TYPES[fuzz_weigh(g, weights, TC_COUNT(TYPES))].dtype;
}

tilec_dtype fuzz_any_dtype(fuzz_gen *g) {
  tilec_dtype dtype = any_of_all(g);
  return g->whole_bytes && fuzz_bits_of(dtype) < 8 ? TILEC_FLOAT16 : dtype;
}

bool fuzz_can_be_small(tilec_dtype dtype) {
  return fuzz_kind_of(dtype) == FUZZ_FLOAT && dtype != TILEC_FLOAT8_E8M0FNU;
}

/* ---- tensors ---- */

static const uint8_t SIZES[] = {1, 2, 3, 4, 5, 7, 8, 9, 13, 16, 17, 24, 31, 33, 40, 65};

typedef struct size {
  int64_t n;
  const char *text;
} size;

static size fixed_size(fuzz_gen *g, int64_t n) {
  return (size){n, FUZZ_TEXT(g, "%" PRId64, n)};
}

static int64_t any_size(fuzz_gen *g, uint32_t most) {
  return SIZES[fuzz_choose(g, most < TC_COUNT(SIZES) ? most : (uint32_t)TC_COUNT(SIZES))];
}

/* A packed type needs whole bytes in the last dimension. */
static int64_t whole_bytes(tilec_dtype dtype, int64_t n) {
  int64_t per = fuzz_bits_of(dtype) < 6 ? 8 / fuzz_bits_of(dtype) : 1;
  return (n + per - 1) / per * per;
}

static void set_dim(fuzz_buf *b, uint32_t d, size s) {
  b->dim[d] = b->own[d] = s.n;
  b->dim_text[d] = s.text;
}

void fuzz_add_param(fuzz_gen *g, const fuzz_buf *b, enum fuzz_fill fill) {
  fuzz_arg arg = {.name = b->name,
                  .dtype = b->dtype,
                  .fill = fill,
                  .compare = b->of == FUZZ_IS_ROUGH ? FUZZ_BOUND : FUZZ_EXACT,
                  .seed = fuzz_choose(g, 1 << 20),
                  .rank = b->rank};
  bool strided = b->strides[0] != 0;
  tc_sb_printf(&g->params, "    %s: T.%sTensor((", b->name, strided ? "Strided" : "");
  for (uint32_t d = 0; d < b->rank; d++) {
    arg.shape[d] = b->dim[d];
    arg.strides[d] = b->strides[d];
    tc_sb_printf(&g->params, "%s, ", b->dim_text[d]);
  }
  tc_sb_adds(&g->params, strided ? "), (" : "");
  for (uint32_t d = 0; strided && d < b->rank; d++)
    tc_sb_printf(&g->params, "%" PRId64 ", ", b->strides[d]);
  tc_sb_printf(&g->params, "), \"%s\"),\n", tilec_dtype_name(b->dtype));
  tc_vec_push(g->arena, &g->out->args, arg);
}

fuzz_buf *fuzz_new_buf(fuzz_gen *g, const char *stem, enum fuzz_place place) {
  fuzz_buf *b = &g->bufs[g->n_bufs++];
  *b = (fuzz_buf){.name = fuzz_name(g, stem), .place = place, .root = ++g->n_names};
  return b;
}

/* Gaps between rows, or the first dimension last. */
static void make_strided(fuzz_gen *g, fuzz_buf *b) {
  if (fuzz_bits_of(b->dtype) < 8 || !fuzz_chance(g, 1, 6)) return;
  bool turned = fuzz_chance(g, 1, 3);
  int64_t n = 1 + (turned ? 0 : fuzz_choose(g, 2));
  for (uint32_t k = 0; k < b->rank; k++) {
    uint32_t d = turned ? k : b->rank - 1 - k;
    b->strides[d] = n;
    n = n * b->dim[d] + fuzz_choose(g, 3);
  }
}

fuzz_buf *fuzz_new_input(fuzz_gen *g, tilec_dtype dtype, uint32_t rank, const int64_t *dim) {
  if (g->n_bufs >= FUZZ_MAX_BUFS - 1) return NULL;
  fuzz_buf *b = fuzz_new_buf(g, "A", FUZZ_INPUT);
  b->dtype = dtype;
  b->rank = rank;
  for (uint32_t d = 0; d < rank; d++)
    set_dim(b, d, fixed_size(g, d + 1 < rank ? dim[d] : whole_bytes(dtype, dim[d])));
  if (fuzz_can_be_small(dtype)) b->of = FUZZ_IS_SMALL;
  fuzz_add_param(g, b, FUZZ_SMALL);
  return b;
}

static void make_input(fuzz_gen *g, const size *dims, uint32_t n_dims) {
  fuzz_buf *b = fuzz_new_buf(g, "A", FUZZ_INPUT);
  b->dtype = fuzz_any_dtype(g);
  b->rank = 1 + fuzz_choose(g, 3);
  for (uint32_t d = 0; d < b->rank; d++) {
    bool last = d + 1 == b->rank;
    size s = fixed_size(g, any_size(g, b->rank == 3 ? 6 : 16));
    if (last) s = fixed_size(g, whole_bytes(b->dtype, s.n));
    if (n_dims && fuzz_chance(g, 1, 2) && !(last && fuzz_bits_of(b->dtype) < 6))
      s = dims[fuzz_choose(g, n_dims)];
    set_dim(b, d, s);
  }
  enum fuzz_fill fill = (enum fuzz_fill)fuzz_choose(g, 3);
  if (fill == FUZZ_SMALL && fuzz_can_be_small(b->dtype)) b->of = FUZZ_IS_SMALL;
  make_strided(g, b);
  fuzz_add_param(g, b, fill);
}

static void make_float_scalar(fuzz_gen *g) {
  static const tilec_dtype DTYPES[] = {TILEC_FLOAT32, TILEC_FLOAT64, TILEC_FLOAT16, TILEC_INT64,
                                       TILEC_UINT8};
  fuzz_var *v = &g->vars[FUZZ_MAX_VARS - 1];
  *v = (fuzz_var){.name = fuzz_name(g, "q"),
                  .dtype = DTYPES[fuzz_choose(g, 5)],
                  .usable = true,
                  .locked = true};
  bool flt = fuzz_kind_of(v->dtype) == FUZZ_FLOAT;
  tc_sb_printf(&g->params, "    %s: T.%s,\n", v->name, tilec_dtype_name(v->dtype));
  fuzz_arg arg = {.name = v->name,
                  .is_scalar = true,
                  .dtype = v->dtype,
                  .value = flt ? (double)fuzz_choose(g, 100) / 8 - 3 : (double)fuzz_choose(g, 100)};
  tc_vec_push(g->arena, &g->out->args, arg);
}

static void make_scalar(fuzz_gen *g) {
  const char *name = fuzz_name(g, "p");
  int64_t value = fuzz_choose(g, 21);
  tc_sb_printf(&g->params, "    %s: T.int32,\n", name);
  fuzz_arg arg = {.name = name, .is_scalar = true, .dtype = TILEC_INT32, .value = (double)value};
  tc_vec_push(g->arena, &g->out->args, arg);
  g->atoms[g->n_atoms++] = (fuzz_ex){name, TILEC_INT32, 0, 20, false, false};
}

/* ---- kernels ---- */

typedef struct grid {
  uint32_t rank;
  int64_t tile[3], extent[3];
  const char *index[3];
  size total[3];
} grid;

static grid make_grid(fuzz_gen *g, const size *dims, uint32_t n_dims) {
  static const uint8_t TILES[] = {4, 1, 2, 3, 5, 8, 16, 7, 32};
  grid r = {.rank = fuzz_chance(g, 1, 10) ? 3 : 1 + fuzz_choose(g, 2)};
  const char *extents = "", *names = "";
  for (uint32_t d = 0; d < r.rank; d++) {
    r.tile[d] = TILES[fuzz_choose(g, TC_COUNT(TILES))];
    r.total[d] = fixed_size(g, any_size(g, 12));
    if (n_dims && fuzz_chance(g, 2, 3)) r.total[d] = dims[fuzz_choose(g, n_dims)];
    if (d && r.total[d].n > 17) r.total[d] = fixed_size(g, any_size(g, 8));
    while ((r.total[d].n + r.tile[d] - 1) / r.tile[d] > (r.rank == 1 ? 5 : 4 - r.rank + 1))
      r.tile[d] *= 2;
    r.extent[d] = (r.total[d].n + r.tile[d] - 1) / r.tile[d];
    const char *e = FUZZ_TEXT(g, "T.ceildiv(%s, %" PRId64 ")", r.total[d].text, r.tile[d]);
    if (fuzz_chance(g, 1, 6)) r.extent[d]++, e = FUZZ_TEXT(g, "%s + 1", e);
    r.index[d] = fuzz_name(g, "b");
    extents = FUZZ_TEXT(g, "%s%s, ", extents, e);
    names = FUZZ_TEXT(g, "%s%s%s", names, d ? ", " : "", r.index[d]);
    g->atoms[g->n_atoms++] = (fuzz_ex){r.index[d], TILEC_INT32, 0, r.extent[d] - 1, false, false};
  }
  static const uint32_t THREADS[] = {128, 32, 64, 256};
  uint32_t threads = g->n_threads ? g->n_threads : THREADS[fuzz_choose(g, 4)];
  tc_sb_printf(&g->prologue, "    with T.Kernel(%sthreads=%u) as %s%s%s:\n", extents, threads,
               r.rank > 1 ? "(" : "", names, r.rank > 1 ? ")" : "");
  return r;
}

/* A tensor with a dimension for each of the grid, and perhaps one more. */
static fuzz_buf *shape_output(fuzz_gen *g, const grid *r, fuzz_buf *b) {
  uint32_t first = fuzz_choose(g, r->rank);
  int64_t last = r->total[(r->rank - 1 + first) % r->rank].n;
  uint32_t extra = fuzz_choose(g, 4) == 3 || last != whole_bytes(b->dtype, last);
  b->rank = r->rank + extra;
  for (uint32_t k = 0; k < r->rank; k++) {
    uint32_t d = (k + first) % r->rank;
    set_dim(b, k, r->total[d]);
    b->own[k] = r->tile[d];
    b->base[k] = FUZZ_TEXT(g, "%s * %" PRId64, r->index[d], r->tile[d]);
  }
  if (extra) set_dim(b, r->rank, fixed_size(g, whole_bytes(b->dtype, any_size(g, 6))));
  return b;
}

static fuzz_buf *make_output(fuzz_gen *g, const grid *r) {
  fuzz_buf *b = fuzz_new_buf(g, "C", FUZZ_OUTPUT);
  b->dtype = fuzz_any_dtype(g);
  uint32_t what = fuzz_choose(g, 10);
  enum fuzz_fill fill = (enum fuzz_fill)fuzz_choose(g, 3);
  if (what == 9 && (b->dtype == TILEC_FLOAT32 || b->dtype == TILEC_FLOAT64))
    b->of = FUZZ_IS_ROUGH, fill = FUZZ_SMALL;
  else if (what >= 6 && fuzz_can_be_small(b->dtype))
    b->of = FUZZ_IS_SMALL, fill = FUZZ_SMALL;
  shape_output(g, r, b);
  make_strided(g, b);
  fuzz_add_param(g, b, fill);
  return b;
}

/* An element for each thread of each block. */
static void make_thread_output(fuzz_gen *g, const grid *r) {
  fuzz_buf *b = fuzz_new_buf(g, "C", FUZZ_GONE);
  b->dtype = fuzz_any_dtype(g);
  b->rank = r->rank + 1;
  for (uint32_t d = 0; d < r->rank; d++) {
    set_dim(b, d, fixed_size(g, r->extent[d]));
    b->base[d] = r->index[d];
  }
  set_dim(b, r->rank, fixed_size(g, g->n_threads));
  b->base[r->rank] = g->thread.text;
  fuzz_add_param(g, b, FUZZ_PLAIN);
  g->thread_output = b;
}

static void make_atomic(fuzz_gen *g) {
  static const tilec_dtype DTYPES[] = {TILEC_INT32,   TILEC_FLOAT32, TILEC_INT64, TILEC_UINT32,
                                       TILEC_FLOAT16, TILEC_INT8,    TILEC_UINT8, TILEC_FLOAT64,
                                       TILEC_INT16,   TILEC_BFLOAT16};
  fuzz_buf *b = fuzz_new_buf(g, "D", FUZZ_ATOMIC);
  b->dtype = DTYPES[fuzz_choose(g, TC_COUNT(DTYPES))];
  bool is_float = fuzz_kind_of(b->dtype) == FUZZ_FLOAT;
  b->of = is_float ? FUZZ_IS_SUM : FUZZ_IS_ANY;
  b->atomic = fuzz_choose(g, is_float ? 3 : 4);
  /* Partial sums in a narrow type are not exact. */
  if (b->atomic == 0 && is_float && fuzz_bits_of(b->dtype) < 32) b->atomic = 1;
  b->rank = 1 + fuzz_choose(g, 2);
  for (uint32_t d = 0; d < b->rank; d++)
    set_dim(b, d, fixed_size(g, any_size(g, 8)));
  fuzz_add_param(g, b, FUZZ_SMALL);
}

void fuzz_make_vars(fuzz_gen *g) {
  static const tilec_dtype DTYPES[] = {TILEC_INT32,   TILEC_FLOAT32, TILEC_INT64,
                                       TILEC_FLOAT16, TILEC_BOOL,    TILEC_UINT8};
  g->n_vars = 0;
  if (g->vars[FUZZ_MAX_VARS - 1].name) g->vars[g->n_vars++] = g->vars[FUZZ_MAX_VARS - 1];
  for (uint32_t i = 0; i < 4; i++) {
    fuzz_var *v = &g->vars[g->n_vars++];
    bool per_iteration = i >= 2;
    *v = (fuzz_var){.name = fuzz_name(g, "u"),
                    .dtype = DTYPES[fuzz_choose(g, TC_COUNT(DTYPES))],
                    .per_iteration = per_iteration,
                    .usable = !per_iteration};
    tc_sb_printf(&g->prologue, "        %s = T.alloc_var(\"%s\"", v->name,
                 tilec_dtype_name(v->dtype));
    if (fuzz_chance(g, 1, 2))
      tc_sb_printf(&g->prologue, ", init=%s", fuzz_number(g, v->dtype, 1).text);
    tc_sb_adds(&g->prologue, ")\n");
  }
}

/* What reads outside a tensor give; 0 unless said. */
static void make_safe_value(fuzz_gen *g) {
  if (!fuzz_chance(g, 1, 8)) return;
  const fuzz_buf *b = &g->bufs[fuzz_choose(g, g->n_bufs)];
  if (b->place != FUZZ_INPUT) return;
  tc_sb_printf(&g->prologue, "        T.annotate_safe_value({%s: %s})\n", b->name,
               fuzz_number(g, b->dtype, 3).text);
}

/* Something of what was computed goes to every output. */
static void finish(fuzz_gen *g, fuzz_buf *b) {
  uint32_t span = tape_begin(g->t);
  if (fuzz_chance(g, 1, 5) || !fuzz_parallel(g, b)) fuzz_tile_copy(g);
  tape_end(g->t, span);
}

/* One loop over all elements of a tile. Returns how many there are. */
static int64_t observe_flat(fuzz_gen *g, const fuzz_buf *z, const fuzz_buf *b, const char *block,
                            int64_t used) {
  const char *v = fuzz_name(g, "z"), *at = "";
  int64_t n = 1;
  for (uint32_t d = b->rank; d-- > 0; n *= b->dim[d])
    at = FUZZ_TEXT(g, "%s // %" PRId64 " %% %" PRId64 "%s%s", v, n, b->dim[d], *at ? ", " : "", at);
  fuzz_line(g, "for %s in T.Parallel(%" PRId64 "):", v, n);
  fuzz_line(g, "    %s[%s%" PRId64 " + %s] = T.cast(%s[%s], \"float64\")", z->name, block, used, v,
            b->name, at);
  return n;
}

/* A loop for each dimension, as threads of a GPU need it. */
static int64_t observe_tile(fuzz_gen *g, const fuzz_buf *z, const fuzz_buf *b, const char *block,
                            int64_t used) {
  const char *vars = "", *extents = "", *sum = FUZZ_TEXT(g, "%" PRId64, used);
  int64_t n = 1, below = 1;
  for (uint32_t d = 0; d < b->rank; d++)
    n *= b->dim[d];
  below = n;
  for (uint32_t d = 0; d < b->rank; d++) {
    const char *v = fuzz_name(g, "z"), *comma = d ? ", " : "";
    below /= b->dim[d];
    vars = FUZZ_TEXT(g, "%s%s%s", vars, comma, v);
    extents = FUZZ_TEXT(g, "%s%s%" PRId64, extents, comma, b->dim[d]);
    sum = FUZZ_TEXT(g, "%s + %s * %" PRId64, sum, v, below);
  }
  fuzz_line(g, "for %s in T.Parallel(%s):", vars, extents);
  fuzz_line(g, "    %s[%s%s] = T.cast(%s[%s], \"float64\")", z->name, block, sum, b->name, vars);
  return n;
}

/* Copies what is left in tiles and variables of each block to a tensor, or most mistakes would
 * never be seen. float64 holds nearly all values of all types. */
void fuzz_observe(fuzz_gen *g, uint32_t first_tile) {
  fuzz_buf *z = fuzz_new_buf(g, "Z", FUZZ_GONE);
  const char *block = "";
  int64_t used = 0;
  z->dtype = TILEC_FLOAT64;
  z->rank = g->n_grid + 1;
  for (uint32_t d = 0; d < g->n_grid; d++) {
    set_dim(z, d, fixed_size(g, g->grid[d]));
    block = FUZZ_TEXT(g, "%s%s, ", block, g->block[d]);
  }
  for (uint32_t i = first_tile; i < g->n_bufs; i++) {
    const fuzz_buf *b = &g->bufs[i];
    /* What is never read by element may be left where it came from. */
    if (b->place != FUZZ_TILE || b->is_local || fuzz_chance(g, 1, 4)) continue;
    used += fuzz_chance(g, 1, 6) ? observe_flat(g, z, b, block, used)
                                 : observe_tile(g, z, b, block, used);
  }
  for (uint32_t i = 0; i < g->n_vars && !g->n_threads; i++)
    if (!g->vars[i].per_iteration && !g->vars[i].locked)
      fuzz_line(g, "%s[%s%" PRId64 "] = T.cast(%s, \"float64\")", z->name, block, used++,
                g->vars[i].name);
  set_dim(z, g->n_grid, fixed_size(g, used));
  fuzz_add_param(g, z, FUZZ_SMALL);
}

static fuzz_buf *new_factor(fuzz_gen *g, tilec_dtype dtype, int64_t rows, int64_t cols) {
  fuzz_buf *b = fuzz_new_buf(g, "A", FUZZ_GONE);
  b->dtype = dtype;
  b->rank = 2;
  set_dim(b, 0, fixed_size(g, rows));
  set_dim(b, 1, fixed_size(g, cols));
  fuzz_add_param(g, b, FUZZ_PLAIN);
  return b;
}

bool fuzz_rough_product(fuzz_gen *g) {
  static const tilec_dtype FACTORS[] = {TILEC_FLOAT32, TILEC_FLOAT16, TILEC_BFLOAT16,
                                        TILEC_FLOAT8_E4M3FN, TILEC_FLOAT64};
  if (g->depth || g->n_grid > 2 || g->n_bufs + 4 > FUZZ_MAX_BUFS) return false;
  tilec_dtype dtype = FACTORS[fuzz_choose(g, TC_COUNT(FACTORS))];
  int64_t m = g->tile_dims[0], n = g->tile_dims[1], k = 1 + (int64_t)fuzz_choose(g, 80);
  bool ta = fuzz_chance(g, 1, 3), tb = fuzz_chance(g, 1, 3);
  const fuzz_buf *a = new_factor(g, dtype, ta ? k : m, ta ? m : k);
  const fuzz_buf *b = new_factor(g, dtype, tb ? n : k, tb ? k : n);
  fuzz_buf *c = fuzz_new_buf(g, "C", FUZZ_GONE);
  c->dtype = dtype == TILEC_FLOAT64 ? dtype : TILEC_FLOAT32;
  c->of = FUZZ_IS_ROUGH;
  c->rank = g->n_grid + 2;
  const char *at = "", *sum = fuzz_name(g, "c"), *name[2] = {fuzz_name(g, "a"), fuzz_name(g, "b")};
  for (uint32_t d = 0; d < g->n_grid; d++) {
    set_dim(c, d, fixed_size(g, g->grid[d]));
    at = FUZZ_TEXT(g, "%s%s, ", at, g->block[d]);
  }
  set_dim(c, g->n_grid, fixed_size(g, m));
  set_dim(c, g->n_grid + 1, fixed_size(g, n));
  fuzz_add_param(g, c, FUZZ_SMALL);
  for (int i = 0; i < 2; i++) {
    const fuzz_buf *from = i ? b : a;
    fuzz_line(g, "%s = T.alloc_shared((%" PRId64 ", %" PRId64 "), \"%s\")", name[i], from->dim[0],
              from->dim[1], tilec_dtype_name(dtype));
    fuzz_line(g, "T.copy(%s, %s)", from->name, name[i]);
  }
  fuzz_line(g, "%s = T.alloc_fragment((%" PRId64 ", %" PRId64 "), \"%s\")", sum, m, n,
            tilec_dtype_name(c->dtype));
  fuzz_line(g, "T.clear(%s)", sum);
  fuzz_line(g, "T.gemm(%s, %s, %s%s%s)", name[0], name[1], sum, ta ? ", transpose_A=True" : "",
            tb ? ", transpose_B=True" : "");
  fuzz_line(g, "T.copy(%s, %s[%s0, 0])", sum, c->name, at);
  return true;
}

static void make_tiles(fuzz_gen *g) {
  for (uint32_t i = 0, n = 1 + fuzz_choose(g, 3); i < n; i++) {
    int64_t dim[3] = {g->tile_dims[fuzz_choose(g, 3)], g->tile_dims[fuzz_choose(g, 3)], 3};
    uint32_t rank = fuzz_chance(g, 1, 8) ? 3 : 1 + fuzz_choose(g, 2);
    if (rank == 3 && dim[0] * dim[1] > 128) dim[0] = 2;
    tilec_dtype dtype = fuzz_any_dtype(g);
    bool small = fuzz_can_be_small(dtype) && fuzz_chance(g, 1, 2);
    fuzz_new_tile(g, dtype, small ? FUZZ_IS_SMALL : FUZZ_IS_ANY, rank, dim);
  }
}

static void note_grid(fuzz_gen *g, const grid *r) {
  g->n_kernel_atoms = g->n_atoms;
  g->n_grid = r->rank;
  memcpy(g->grid, r->extent, sizeof g->grid);
  memcpy(g->block, r->index, sizeof g->block);
}

static void make_outputs(fuzz_gen *g, const grid *r) {
  uint32_t n = 1 + fuzz_choose(g, 2);
  if (g->n_threads) {
    g->thread = (fuzz_ex){fuzz_name(g, "tx"), TILEC_INT32, 0, g->n_threads - 1, false, false};
    make_thread_output(g, r);
  }
  for (uint32_t i = 0; i < n && !g->n_threads; i++)
    make_output(g, r);
  if (fuzz_chance(g, 1, 3)) make_atomic(g);
}

/* Statements, then something to each output. */
static void make_body(fuzz_gen *g, uint32_t first_output, uint32_t end_output) {
  if (g->n_threads) {
    fuzz_thread_begin(g);
    fuzz_thread_statements(g, 8);
    fuzz_thread_end(g);
  } else {
    fuzz_statements(g, 7);
  }
  for (uint32_t i = first_output; i < end_output; i++)
    if (g->bufs[i].place == FUZZ_OUTPUT) finish(g, &g->bufs[i]);
}

/* What follows may read what was computed here, anywhere. */
static void release_outputs(fuzz_gen *g, uint32_t first_output, uint32_t end_output) {
  for (uint32_t i = first_output; i < end_output; i++) {
    fuzz_buf *b = &g->bufs[i];
    b->place = b->place == FUZZ_OUTPUT ? FUZZ_DONE : FUZZ_GONE;
    memset(b->base, 0, sizeof b->base);
    memcpy(b->own, b->dim, sizeof b->own);
  }
  g->n_bufs = end_output;
}

static void make_kernel(fuzz_gen *g, const size *dims, uint32_t n_dims) {
  static const uint8_t EXTENTS[] = {4, 3, 8, 5, 16, 1, 2, 7, 12, 17, 32};
  static const uint8_t THREADS[] = {32, 64, 128, 48, 1, 7};
  uint32_t n_atoms = g->n_atoms, first_output = g->n_bufs;
  tc_sb whole = g->body;
  g->prologue = tc_sb_in(g->arena);
  g->body = tc_sb_in(g->arena);
  g->indent = 8;
  g->trips = 1;
  for (int i = 0; i < 3; i++)
    g->tile_dims[i] = EXTENTS[fuzz_choose(g, TC_COUNT(EXTENTS))];
  g->n_threads = FUZZ_WITH_THREADS && fuzz_chance(g, 1, 3) ? THREADS[fuzz_choose(g, 6)] : 0;
  grid r = make_grid(g, dims, n_dims);
  note_grid(g, &r);
  make_outputs(g, &r);
  uint32_t end_output = g->n_bufs;
  fuzz_make_vars(g);
  make_safe_value(g);
  make_tiles(g);
  make_body(g, first_output, end_output);
  fuzz_observe(g, end_output);
  tc_sb_add(&whole, tc_sb_str(&g->prologue));
  tc_sb_add(&whole, tc_sb_str(&g->body));
  g->body = whole;
  g->n_atoms = n_atoms;
  release_outputs(g, first_output, end_output);
  g->out->n_kernels++;
}

/* ---- cases ---- */

static void make_gpu_case(fuzz_gen *g) {
  uint32_t n_kernels = fuzz_chance(g, 1, 8) ? 2 : 1;
  if (fuzz_chance(g, 1, 4)) make_scalar(g);
  for (uint32_t i = 0; i < n_kernels; i++)
    if (!fuzz_chance(g, 1, 6) || !fuzz_gpu_chain(g)) fuzz_gpu_kernel(g);
}

static void make_case(fuzz_gen *g, uint32_t gpu_of) {
  g->whole_bytes = gpu_of > 1 && !fuzz_chance(g, 1, 8);
  size dims[2];
  uint32_t n_dims = fuzz_choose(g, 3), n_inputs = 1 + fuzz_choose(g, 3);
  for (uint32_t d = 0; d < n_dims; d++) {
    const char *name = fuzz_name(g, "N");
    dims[d] = (size){any_size(g, 16), name};
    tc_sb_printf(&g->module, "%s = T.dynamic(\"%s\")\n", name, name);
    /* Every dimension is the extent of some tensor. */
    fuzz_buf *b = fuzz_new_buf(g, "A", FUZZ_INPUT);
    b->dtype = TILEC_INT32;
    b->rank = 1;
    set_dim(b, 0, dims[d]);
    fuzz_add_param(g, b, FUZZ_PLAIN);
  }
  for (uint32_t i = 0; i < n_inputs; i++)
    make_input(g, dims, n_dims);
  if (fuzz_chance(g, 1, 3)) make_scalar(g);
  if (fuzz_chance(g, 1, 4)) make_float_scalar(g);
  uint32_t n_kernels = fuzz_chance(g, 1, 4) ? 2 + fuzz_choose(g, 2) : 1;
  for (uint32_t i = 0; i < n_kernels; i++)
    if (!fuzz_chance(g, 1, 12) || !fuzz_gpu_kernel(g)) make_kernel(g, dims, n_dims);
}

void fuzz_generate(fuzz_gen *g, tape *t, uint32_t slot, uint32_t gpu_of, fuzz_case *out,
                   tc_arena *arena) {
  memset(g, 0, sizeof *g);
  *out = (fuzz_case){0};
  g->t = t;
  g->slot = slot;
  g->out = out;
  g->arena = arena;
  g->module = tc_sb_in(arena);
  g->params = tc_sb_in(arena);
  g->body = tc_sb_in(arena);
  tc_sb_adds(&g->module, "");
  if (fuzz_chance(g, gpu_of, 8))
    make_gpu_case(g);
  else
    make_case(g, gpu_of);
  out->module = tc_str_dup(arena, tc_sb_str(&g->module));
  out->params = tc_str_dup(arena, tc_sb_str(&g->params));
  out->body = tc_str_dup(arena, tc_sb_str(&g->body));
}
