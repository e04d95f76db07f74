/* T.gemm as register-tiled kernels.
 *
 * A micro-kernel keeps a block of C, MR rows of NV vectors, in named vector variables while it
 * walks along k: per step NV loads of B, MR broadcasts of A, MR * NV multiply-adds. It is made for
 * the strides at hand, so tiles that already lie right (A in any layout, B with contiguous columns)
 * are used where they are. Others are first copied into `work`: narrow types become float32 or
 * pairs of int16, a transposed B is transposed, columns are padded to whole vectors.
 *
 * A strip of B, the columns of one micro-kernel, is multiplied with all rows of A in turn. One that
 * must be transposed, or would not stay in the first-level cache, is copied just before that.
 *
 * Sums run in order of k for each element, starting from C; products and sums are fused where the
 * machine can. So a result differs from the oracle's by at most K * 2^-24 * |A||B| (float32). */
#include "target/cpu/cpu_impl.h"

#include <inttypes.h>
#include <string.h>

enum sums { SUM_F32, SUM_F64, SUM_I32, SUM_I64, SUM_PAIR };
typedef struct sums_info {
  const char *name;   /* in identifiers                                  */
  const char *scalar; /* C type of what is broadcast, and of C's elements */
  const char *vector; /* its vector type, and the same without alignment  */
  const char *loose;
  uint32_t bytes;
  enum tc_dtype panel; /* element type of packed operands */
  enum tc_dtype sum;   /* of C's */
} sums_info;
static const sums_info infos[] = {
    [SUM_F32] = {"f32", "float", "tc_v_f32", "tc_w_f32", 4, TC_DT_float32, TC_DT_float32},
    [SUM_F64] = {"f64", "double", "tc_v_f64", "tc_w_f64", 8, TC_DT_float64, TC_DT_float64},
    [SUM_I32] = {"i32", "tc_i32", "tc_v_i32", "tc_w_i32", 4, TC_DT_int32, TC_DT_int32},
    [SUM_I64] = {"i64", "tc_i64", "tc_v_i64", "tc_w_i64", 8, TC_DT_int64, TC_DT_int64},
    [SUM_PAIR] = {"pair", "tc_i32", "tc_v_i32", "tc_w_i32", 4, TC_DT_int16, TC_DT_int32},
};

/* B's part of a micro-kernel's walk should stay in the first-level cache. */
enum { DEPTH_MAX = 384, DEPTH_STEP = 256 };
/* A first-level cache has at least 64 sets of 8 lines. */
enum { LINE_B = 64, SETS = 64, WAYS = 8 };
/* Rows of A from which on it pays to copy a strip for them. */
enum { ROWS_MANY = 64 };

/* A matrix as the micro-kernel sees it: element (row, column) at ptr[row * row_step + column *
 * column_step] in units of `sums_info.scalar`. */
typedef struct matrix {
  const char *ptr;
  int64_t row_step, column_step;
} matrix;

typedef struct gemm {
  tc_cpu *c;
  tc_value stmt;
  tc_side a, b, d; /* d: C */
  bool trans_a, trans_b;
  enum sums kind;
  const sums_info *info;
  int64_t m, n, k;         /* -1: not constant */
  int64_t steps;           /* of k: pairs count once */
  int64_t n_padded, lanes; /* lanes of a vector */
  const char *clear;       /* "0", "1" or a name */
  uint64_t work_b;
  matrix ma, mb, md;
  bool strips;  /* B is copied strip by strip to where mb says, */
  matrix whole; /* from here                                    */
} gemm;

static tc_type scalar_of(tc_type elem) {
  return (tc_type){elem.dtype, 0, 1};
}

/* ---- micro-kernels ---- */

typedef struct micro {
  uint32_t rows, vectors;
} micro;

static void micro_head(const gemm *g, micro x, tc_sb *t) {
  const char *s = g->info->scalar, *v = g->info->vector;
  tc_sb_printf(t,
               "(const %s *__restrict a, const %s *__restrict b, %s *__restrict c, tc_i64 depth, "
               "int clear) {\n  TC_FUSED_BODY\n",
               s, s, s);
  for (uint32_t i = 0; i < x.rows; i++) {
    tc_sb_printf(t, "  %s ", v);
    for (uint32_t j = 0; j < x.vectors; j++)
      tc_sb_printf(t, "%sc%u_%u = {0}", j ? ", " : "", i, j);
    tc_sb_adds(t, ";\n");
  }
}

static void micro_load(const gemm *g, micro x, tc_sb *t) {
  for (uint32_t i = 0; i < x.rows; i++)
    for (uint32_t j = 0; j < x.vectors; j++)
      tc_sb_printf(t, "    c%u_%u = *(const %s *)(c + %" PRId64 ");\n", i, j, g->info->loose,
                   i * g->md.row_step + j * g->lanes);
}

static void micro_store(const gemm *g, micro x, tc_sb *t) {
  for (uint32_t i = 0; i < x.rows; i++)
    for (uint32_t j = 0; j < x.vectors; j++)
      tc_sb_printf(t, "  *(%s *)(c + %" PRId64 ") = c%u_%u;\n", g->info->loose,
                   i * g->md.row_step + j * g->lanes, i, j);
}

static void micro_step(const gemm *g, micro x, tc_sb *t) {
  for (uint32_t j = 0; j < x.vectors; j++)
    tc_sb_printf(t, "    const %s b%u = *(const %s *)(b + %" PRId64 ");\n", g->info->vector, j,
                 g->info->loose, (int64_t)j * g->lanes);
  for (uint32_t i = 0; i < x.rows; i++) {
    tc_sb_printf(t, "    const %s a%u = a[%" PRId64 "];\n   ", g->info->scalar, i,
                 (int64_t)i * g->ma.row_step);
    for (uint32_t j = 0; j < x.vectors; j++) {
      if (g->kind == SUM_PAIR)
        tc_sb_printf(t, " c%u_%u = tc_dot2(c%u_%u, b%u, a%u);", i, j, i, j, j, i);
      else
        tc_sb_printf(t, " c%u_%u += a%u * b%u;", i, j, i, j);
    }
    tc_sb_adds(t, "\n");
  }
}

/* The name of the micro-kernel for these strides, which is made on first use. */
static const char *micro_kernel(const gemm *g, micro x) {
  tc_cpu *c = g->c;
  const char *name = tc_ce_text(c->e, "mk_%s_%ux%u_a%" PRId64 "_%" PRId64 "_b%" PRId64 "_c%" PRId64,
                                g->info->name, x.rows, x.vectors, g->ma.row_step, g->ma.column_step,
                                g->mb.row_step, g->md.row_step);
  uint32_t seen;
  uint64_t key = tc_hash_bytes(name, strlen(name), 7);
  if (tc_map_get(c->made, key, &seen)) return name;
  tc_map_put(c->made, key, 1);
  tc_sb *t = c->helpers;
  tc_sb_printf(t, "TC_FUSED static void %s", name);
  micro_head(g, x, t);
  tc_sb_adds(t, "  if (!clear) {\n");
  micro_load(g, x, t);
  tc_sb_adds(t, "  }\n");
  tc_sb_printf(t, "  for (; depth > 0; depth--, a += %" PRId64 ", b += %" PRId64 ") {\n",
               g->ma.column_step, g->mb.row_step);
  micro_step(g, x, t);
  tc_sb_adds(t, "  }\n");
  micro_store(g, x, t);
  tc_sb_adds(t, "}\n\n");
  return name;
}

/* ---- the block structure ---- */

/* Vectors per micro-kernel: two, more when there are too few rows to hide the latency of the
 * multiply-adds (about ten accumulators do). */
static uint32_t vectors_for(const gemm *g, uint32_t left) {
  uint32_t want = 2, regs = g->c->isa->n_regs;
  if (left == 3) want = 3;
  if (g->m < 5) want = (uint32_t)(10 / g->m);
  while (want > 1 && (uint32_t)(g->m < 5 ? g->m : 4) * want + want + 1 > regs)
    want--;
  return want < left ? want : left;
}

/* ptr + row * its step + column * its step */
static const char *place(const gemm *g, const matrix *x, const char *row, const char *column) {
  tc_cemit *e = g->c->e;
  const char *y = tc_ce_product(e, row, tc_ce_text(e, "%" PRId64, x->row_step));
  const char *z = tc_ce_product(e, column, tc_ce_text(e, "%" PRId64, x->column_step));
  return tc_ce_sum(e, x->ptr, tc_ce_sum(e, y, z));
}

/* The columns from `j` on of B, rows [k, k + depth), and how to begin with C. */
typedef struct strip {
  uint32_t vectors;
  const char *j, *k, *depth, *clear;
} strip;

static void pack_strip(gemm *g, const strip *x) {
  tc_cw *w = &g->c->e->w;
  const char *from = place(g, &g->whole, x->k, x->j);
  int64_t width = x->vectors * g->lanes;
  g->mb.row_step = width;
  if (g->trans_b)
    tc_cw_line(w,
               "tc_transpose((float *)pb, %" PRId64 ", (const float *)(%s), %" PRId64 ", %" PRId64
               ", %s);",
               width, from, g->whole.column_step, width, x->depth);
  else
    tc_cw_line(w,
               "for (tc_i64 p = 0; p < %s; p++) __builtin_memcpy(pb + p * %" PRId64
               ", %s + p * %" PRId64 ", %" PRId64 ");",
               x->depth, width, from, g->whole.row_step, width * g->info->bytes);
}

/* One micro-kernel, for rows `i` and up. */
static void micro_call(const gemm *g, uint32_t rows, const strip *x) {
  const char *b = g->strips ? g->mb.ptr : place(g, &g->mb, x->k, x->j);
  tc_cw_line(&g->c->e->w, "%s(%s, %s, %s, %s, %s);", micro_kernel(g, (micro){rows, x->vectors}),
             place(g, &g->ma, "i", x->k), b, place(g, &g->md, "i", x->j), x->depth, x->clear);
}

/* All rows for one strip: blocks of nearly equal height. */
static void row_blocks(const gemm *g, const strip *x) {
  tc_cw *w = &g->c->e->w;
  uint32_t most = (g->c->isa->n_regs - x->vectors - 1) / x->vectors;
  if (most > 14) most = 14;
  int64_t blocks = (g->m + most - 1) / most, low = g->m / blocks, tall = g->m % blocks;
  int64_t split = tall * (low + 1);
  if (tall) {
    tc_cw_line(w, "for (tc_i64 i = 0; i < %" PRId64 "; i += %" PRId64 ")", split, low + 1);
    w->indent++;
    micro_call(g, (uint32_t)low + 1, x);
    w->indent--;
  }
  if (split == g->m) return;
  tc_cw_line(w, "for (tc_i64 i = %" PRId64 "; i < %" PRId64 "; i += %" PRId64 ")", split, g->m,
             low);
  w->indent++;
  micro_call(g, (uint32_t)low, x);
  w->indent--;
}

static void column_blocks(gemm *g, const char *k, const char *depth, const char *clear) {
  tc_cw *w = &g->c->e->w;
  uint32_t all = (uint32_t)(g->n_padded / g->lanes);
  for (uint32_t at = 0; at < all;) {
    uint32_t vectors = vectors_for(g, all - at), times = 1;
    while (at + (times + 1) * vectors <= all
           && vectors_for(g, all - at - times * vectors) == vectors)
      times++;
    tc_cw_open(w, "for (tc_i64 j = %" PRId64 "; j < %" PRId64 "; j += %" PRId64 ")", at * g->lanes,
               (at + times * vectors) * g->lanes, vectors * g->lanes);
    strip x = {vectors, "j", k, depth, clear};
    if (g->strips) pack_strip(g, &x);
    row_blocks(g, &x);
    tc_cw_close(w);
    at += times * vectors;
  }
}

static void multiply(gemm *g) {
  tc_cemit *e = g->c->e;
  if (g->steps <= DEPTH_MAX) {
    column_blocks(g, "0", tc_ce_text(e, "%" PRId64, g->steps), g->clear);
    return;
  }
  tc_cw_open(&e->w, "for (tc_i64 k = 0; k < %" PRId64 "; k += %d)", g->steps, DEPTH_STEP);
  tc_cw_line(&e->w, "const tc_i64 depth = tc_min64(%d, %" PRId64 " - k);", DEPTH_STEP, g->steps);
  column_blocks(g, "k", "depth", tc_ce_text(e, "%s & (k == 0)", g->clear));
  tc_cw_close(&e->w);
}

/* ---- packing ---- */

/* The element of an operand at stored position (p, q), in the panel's type, 0 outside. */
static const char *element(const gemm *g, const tc_side *s, const char *p, const char *q,
                           tc_type to) {
  tc_cemit *e = g->c->e;
  const char *at[TC_CPU_RANK] = {0};
  at[s->rank - 2] = p;
  at[s->rank - 1] = q;
  const char *x =
      tc_ce_cast(e, scalar_of(s->b->elem), to, tc_ce_get(e, s->buf, tc_cpu_point(g->c, s, at)));
  const char *in = tc_cpu_inside(g->c, s, at);
  return in ? tc_ce_text(e, "(%s ? %s : 0)", in, x) : x;
}

/* Room in `work` under a name; counted in elements of `type`. */
static const char *room(gemm *g, const char *name, const char *type, uint64_t n, uint32_t bytes) {
  uint64_t at = tc_cpu_work(g->c, g->work_b, n * bytes);
  g->work_b = at + n * bytes;
  tc_cw_line(&g->c->e->w, "%s *const %s = (%s *)(work + %" PRIu64 ");", type, name, type, at);
  return name;
}

static void open_rows(const gemm *g, int64_t rows) {
  tc_cw_open(&g->c->e->w, "for (tc_i64 p = 0; p < %" PRId64 "; p++)", rows);
}

static void open_columns(const gemm *g, int64_t columns) {
  tc_cw_prefix(&g->c->e->w, g->c->e->target->independent);
  tc_cw_open(&g->c->e->w, "for (tc_i64 q = 0; q < %" PRId64 "; q++)", columns);
}

static void close_both(const gemm *g) {
  tc_cw_close(&g->c->e->w);
  tc_cw_close(&g->c->e->w);
}

/* to[p * pitch + q] = element, in the order in which the operand is stored. */
static void pack_rows(const gemm *g, const tc_side *s, int64_t rows, int64_t columns,
                      const char *to, int64_t pitch) {
  tc_type panel = tc_scalar_type(g->info->panel);
  const char *converter = tc_cpu_row_converter(s->b->elem, panel), *at[TC_CPU_RANK] = {0};
  open_rows(g, rows);
  if (converter && !tc_cpu_guarded(s) && s->d[s->rank - 1].stride_k == 1) {
    at[s->rank - 2] = "p";
    tc_cw_line(&g->c->e->w, "%s(%s + p * %" PRId64 ", %s + %s, %" PRId64 ");", converter, to, pitch,
               s->ptr, tc_cpu_point(g->c, s, at), columns);
    tc_cw_close(&g->c->e->w);
    return;
  }
  open_columns(g, columns);
  tc_cw_line(&g->c->e->w, "%s[p * %" PRId64 " + q] = %s;", to, pitch,
             element(g, s, "p", "q", panel));
  close_both(g);
}

static void zero_columns(const gemm *g, const char *to, int64_t rows, int64_t pitch, int64_t from,
                         int64_t until) {
  if (from == until) return;
  open_rows(g, rows);
  tc_cw_line(&g->c->e->w,
             "for (tc_i64 q = %" PRId64 "; q < %" PRId64 "; q++) %s[p * %" PRId64 " + q] = 0;",
             from, until, to, pitch);
  tc_cw_close(&g->c->e->w);
}

static const char *panel_type(const gemm *g) {
  return g->kind == SUM_PAIR ? "tc_i16" : g->info->scalar;
}

static uint32_t panel_bytes(const gemm *g) {
  return g->kind == SUM_PAIR ? 2 : g->info->bytes;
}

/* True when the operand can be used where it lies. */
static bool is_direct(const gemm *g, const tc_side *s, enum tc_dtype want) {
  if (s->b->elem.dtype != want || tc_cpu_guarded(s)) return false;
  return s->d[s->rank - 1].stride_k > 0 && s->d[s->rank - 2].stride_k > 0
         && (s == &g->d || s->b->root.id != g->d.b->root.id);
}

static const char *origin(const gemm *g, const tc_side *s) {
  const char *at[TC_CPU_RANK] = {0};
  const char *point = tc_cpu_point(g->c, s, at);
  return strcmp(point, "0") ? tc_ce_text(g->c->e, "(%s + %s)", s->ptr, point) : s->ptr;
}

static void prepare_a(gemm *g) {
  const tc_side *s = &g->a;
  uint32_t r = s->rank;
  if (g->kind != SUM_PAIR && is_direct(g, s, g->info->panel)) {
    int64_t row = s->d[r - 2].stride_k, column = s->d[r - 1].stride_k;
    g->ma = (matrix){origin(g, s), g->trans_a ? column : row, g->trans_a ? row : column};
    return;
  }
  if (g->kind == SUM_PAIR) { /* rows of pairs along k */
    int64_t pitch = g->steps * 2;
    room(g, "pa", "tc_i16", (uint64_t)(g->m * pitch), 2);
    zero_columns(g, "pa", g->m, pitch, g->k, pitch);
    open_rows(g, g->m);
    tc_cw_open(&g->c->e->w, "for (tc_i64 q = 0; q < %" PRId64 "; q++)", g->k);
    tc_cw_line(
        &g->c->e->w, "pa[p * %" PRId64 " + q] = %s;", pitch,
        element(g, s, g->trans_a ? "q" : "p", g->trans_a ? "p" : "q", tc_scalar_type(TC_DT_int16)));
    close_both(g);
    g->ma = (matrix){"((const tc_i32 *)pa)", g->steps, 1};
    return;
  }
  int64_t rows = g->trans_a ? g->k : g->m, columns = g->trans_a ? g->m : g->k;
  room(g, "pa", g->info->scalar, (uint64_t)(rows * columns), g->info->bytes);
  pack_rows(g, s, rows, columns, "pa", columns);
  g->ma = (matrix){"pa", g->trans_a ? 1 : columns, g->trans_a ? columns : 1};
}

/* pb[q * pitch + p] = from[p * from_pitch + q]: 32-bit units by vector shuffles. */
static void transpose(const gemm *g, const char *from, int64_t from_pitch, int64_t rows,
                      int64_t columns) {
  tc_cw *w = &g->c->e->w;
  if (g->info->bytes == 4) {
    tc_cw_line(w,
               "tc_transpose((float *)pb, %" PRId64 ", (const float *)%s, %" PRId64 ", %" PRId64
               ", %" PRId64 ");",
               g->n_padded, from, from_pitch, rows, columns);
    return;
  }
  open_rows(g, rows);
  open_columns(g, columns);
  tc_cw_line(w, "pb[q * %" PRId64 " + p] = (%s)[p * %" PRId64 " + q];", g->n_padded, from,
             from_pitch);
  close_both(g);
}

/* pb[k / 2][n] holds the pair of rows k and k + 1. */
static void pack_pairs(const gemm *g) {
  tc_cw *w = &g->c->e->w;
  tc_type half = tc_scalar_type(TC_DT_int16);
  tc_cw_open(w, "for (tc_i64 p = 0; p < %" PRId64 "; p++)", g->steps);
  open_columns(g, g->n);
  tc_cw_line(w, "((tc_i16 *)pb)[(p * %" PRId64 " + q) * 2] = %s;", g->n_padded,
             element(g, &g->b, "2 * p", "q", half));
  const char *second = element(g, &g->b, "(2 * p + 1)", "q", half);
  if (g->k % 2) second = tc_ce_text(g->c->e, "2 * p + 1 < %" PRId64 " ? (%s) : 0", g->k, second);
  tc_cw_line(w, "((tc_i16 *)pb)[(p * %" PRId64 " + q) * 2 + 1] = %s;", g->n_padded, second);
  close_both(g);
}

static int64_t most_depth(const gemm *g) {
  return g->steps <= DEPTH_MAX ? g->steps : DEPTH_STEP;
}

/* True when the lines of a strip drive each other out of the cache: rows whose distance divides the
 * size of a way share its sets. */
static bool is_crowded(const gemm *g, int64_t row_step) {
  int64_t step_b = row_step * g->info->bytes,
          lines = (2 * g->lanes * g->info->bytes + LINE_B - 1) / LINE_B;
  int64_t apart = 1; /* rows that begin in sets of their own */
  while (apart < SETS && step_b * apart % (LINE_B * SETS) != 0)
    apart *= 2;
  int64_t sets = apart * lines < SETS ? apart * lines : SETS;
  return most_depth(g) * lines > sets * WAYS / 2;
}

/* `row`, `column`: B's strides as it is stored. */
static bool wants_strips(const gemm *g, int64_t row, int64_t column) {
  if (column != 1 || g->n != g->n_padded) return false;
  return g->trans_b ? g->info->bytes == 4 : g->m >= ROWS_MANY && is_crowded(g, row);
}

static void prepare_strips(gemm *g, int64_t k_step, int64_t n_step) {
  uint32_t all = (uint32_t)(g->n / g->lanes), most = 0;
  for (uint32_t left = 1; left <= all; left++)
    if (vectors_for(g, left) > most) most = vectors_for(g, left);
  g->strips = true;
  g->whole = (matrix){origin(g, &g->b), k_step, n_step};
  room(g, "pb", g->info->scalar, (uint64_t)(most_depth(g) * g->lanes * most), g->info->bytes);
  g->mb = (matrix){"pb", 0, 1};
}

static void prepare_b(gemm *g) {
  const tc_side *s = &g->b;
  uint32_t r = s->rank;
  bool direct = g->kind != SUM_PAIR && is_direct(g, s, g->info->panel);
  int64_t row = s->d[r - 2].stride_k, column = s->d[r - 1].stride_k;
  if (direct && wants_strips(g, row, column)) {
    prepare_strips(g, g->trans_b ? 1 : row, g->trans_b ? row : 1);
    return;
  }
  if (direct && !g->trans_b && column == 1 && g->n == g->n_padded) {
    g->mb = (matrix){origin(g, s), row, 1};
    return;
  }
  room(g, "pb", g->info->scalar, (uint64_t)(g->steps * g->n_padded), g->info->bytes);
  zero_columns(g, "pb", g->steps, g->n_padded, g->n, g->n_padded);
  g->mb = (matrix){"pb", g->n_padded, 1};
  if (!g->trans_b) {
    if (g->kind == SUM_PAIR)
      pack_pairs(g);
    else
      pack_rows(g, s, g->k, g->n, "pb", g->n_padded);
    return;
  }
  if (direct && column == 1) {
    transpose(g, origin(g, s), row, g->n, g->k);
    return;
  }
  int64_t pitch = g->kind == SUM_PAIR ? g->steps * 2 : g->k;
  room(g, "pt", panel_type(g), (uint64_t)(g->n * pitch), panel_bytes(g));
  zero_columns(g, "pt", g->n, pitch, g->k, pitch);
  pack_rows(g, s, g->n, g->k, "pt", pitch);
  transpose(g, "pt", g->steps, g->n, g->steps);
}

/* True when C must be carried through `pc`. */
static bool prepare_d(gemm *g) {
  const tc_side *s = &g->d;
  uint32_t r = s->rank;
  tc_type sum = tc_scalar_type(g->info->sum);
  if (is_direct(g, s, g->info->sum) && s->d[r - 1].stride_k == 1 && g->n == g->n_padded) {
    g->md = (matrix){origin(g, s), s->d[r - 2].stride_k, 1};
    return false;
  }
  room(g, "pc", g->info->scalar, (uint64_t)(g->m * g->n_padded), g->info->bytes);
  tc_cw_open(&g->c->e->w, "if (!(%s))", g->clear);
  zero_columns(g, "pc", g->m, g->n_padded, g->n, g->n_padded);
  open_rows(g, g->m);
  open_columns(g, g->n);
  tc_cw_line(&g->c->e->w, "pc[p * %" PRId64 " + q] = %s;", g->n_padded,
             element(g, s, "p", "q", sum));
  close_both(g);
  tc_cw_close(&g->c->e->w);
  g->md = (matrix){"pc", g->n_padded, 1};
  return true;
}

static void put_sum(const gemm *g, const char *x) {
  tc_cemit *e = g->c->e;
  const tc_side *s = &g->d;
  const char *at[TC_CPU_RANK] = {0};
  at[s->rank - 2] = "p";
  at[s->rank - 1] = "q";
  const char *bits = tc_ce_converted(e, tc_scalar_type(g->info->sum), scalar_of(s->b->elem), x);
  const char *in = tc_cpu_inside(g->c, s, at);
  const char *set = tc_ce_put(e, s->buf, tc_cpu_point(g->c, s, at), bits);
  tc_cw_line(&e->w, in ? "if (%s) %s" : "%s%s", in ? in : "", set);
}

static void write_back(const gemm *g) {
  open_rows(g, g->m);
  if (tc_ce_is_packed(g->d.b->elem))
    tc_cw_open(&g->c->e->w, "for (tc_i64 q = 0; q < %" PRId64 "; q++)", g->n);
  else
    open_columns(g, g->n);
  put_sum(g, tc_ce_text(g->c->e, "pc[p * %" PRId64 " + q]", g->n_padded));
  close_both(g);
}

/* ---- choosing ---- */

static bool fits_int16(tc_type elem) {
  return !tc_is_float(elem) && (tc_type_bits(elem) < 16 || elem.dtype == TC_DT_int16);
}

static enum sums kind_of(const gemm *g) {
  const tc_type types[] = {scalar_of(g->a.b->elem), scalar_of(g->b.b->elem),
                           scalar_of(g->d.b->elem)};
  bool any_float = false;
  for (uint32_t i = 0; i < 3; i++) {
    if (types[i].dtype == TC_DT_float64) return SUM_F64;
    any_float = any_float || tc_is_float(types[i]);
  }
  if (any_float) return SUM_F32;
  if (tc_type_bits(types[2]) == 64) return SUM_I64;
  return fits_int16(types[0]) && fits_int16(types[1]) ? SUM_PAIR : SUM_I32;
}

/* Extents that are not constant, or nothing to sum: plain loops. */
static void plain_loops(gemm *g, const char *m, const char *n, const char *k) {
  tc_cemit *e = g->c->e;
  tc_type sum = tc_scalar_type(g->info->sum);
  const char *type = g->info->scalar;
  tc_cw_open(&e->w, "for (tc_i64 p = 0; p < %s; p++)", m);
  tc_cw_open(&e->w, "for (tc_i64 q = 0; q < %s; q++)", n);
  tc_cw_line(&e->w, "%s s = 0;", type);
  tc_cw_line(&e->w, "if (!(%s)) s = %s;", g->clear, element(g, &g->d, "p", "q", sum));
  tc_cw_open(&e->w, "for (tc_i64 k = 0; k < %s; k++)", k);
  const char *x = element(g, &g->a, g->trans_a ? "k" : "p", g->trans_a ? "p" : "k", sum);
  const char *y = element(g, &g->b, g->trans_b ? "q" : "k", g->trans_b ? "k" : "q", sum);
  tc_cw_line(&e->w, "const %s x = %s, y = %s;", type, x, y);
  tc_cw_line(&e->w, "s += x * y;");
  tc_cw_close(&e->w);
  put_sum(g, "s");
  close_both(g);
}

static void want_matrix(const gemm *g, const tc_side *s) {
  tc_ir *ir = g->c->e->ir;
  if (s->b->elem.lanes != 1) tc_ce_refuse(g->c->e, g->stmt, "a gemm of vectors");
  bool fits = s->rank >= 2;
  for (uint32_t d = 0; d + 2 < s->rank; d++)
    fits = fits && s->d[d].extent_k == 1;
  if (fits) return;
  TC_DIAG(ir->diags, D_extents_differ, tc_op_at(ir, g->stmt)->span, "gemm",
          "a matrix was expected");
  tc_diag_stop(ir->diags);
}

/* Both sides' view of an extent. */
static void want_equal(const gemm *g, const tc_side *s, uint32_t d, const tc_side *t, uint32_t f) {
  tc_ir *ir = g->c->e->ir;
  int64_t x = s->d[d].extent_k, y = t->d[f].extent_k;
  if (x >= 0 && y >= 0 && x != y) {
    TC_DIAG(ir->diags, D_extents_differ, tc_op_at(ir, g->stmt)->span, "gemm", "the extents differ");
    tc_diag_stop(ir->diags);
  }
  if (s->d[d].extent_v.id != t->d[f].extent_v.id)
    tc_cpu_check_equal(g->c, g->stmt, s->d[d].extent, t->d[f].extent);
}

static gemm new_gemm(tc_cpu *c, tc_value stmt) {
  tc_cemit *e = c->e;
  const tc_op *op = tc_op_at(e->ir, stmt);
  const tc_gemm *how = tc_gemm_of(e->ir, stmt);
  gemm g = {.c = c,
            .stmt = stmt,
            .a = tc_cpu_side(c, tc_input(e->ir, op, 0)),
            .b = tc_cpu_side(c, tc_input(e->ir, op, 1)),
            .d = tc_cpu_side(c, tc_input(e->ir, op, 2)),
            .trans_a = how->trans_a,
            .trans_b = how->trans_b,
            .clear = how->clear ? "1" : "0"};
  if (op->n_in > 3) g.clear = tc_ce_ref(e, tc_input(e->ir, op, 3), 0);
  want_matrix(&g, &g.a);
  want_matrix(&g, &g.b);
  want_matrix(&g, &g.d);
  g.kind = kind_of(&g);
  g.info = &infos[g.kind];
  g.m = g.d.d[g.d.rank - 2].extent_k;
  g.n = g.d.d[g.d.rank - 1].extent_k;
  g.k = g.a.d[g.a.rank - (g.trans_a ? 2 : 1)].extent_k;
  g.lanes = c->isa->vector_b / g.info->bytes;
  g.n_padded = (g.n + g.lanes - 1) / g.lanes * g.lanes;
  g.steps = g.kind == SUM_PAIR ? (g.k + 1) / 2 : g.k;
  return g;
}

void tc_cpu_gemm(tc_cpu *c, tc_value stmt) {
  tc_cemit *e = c->e;
  tc_cw_open(&e->w, "%s", "");
  gemm g = new_gemm(c, stmt);
  uint32_t am = g.a.rank - (g.trans_a ? 1 : 2), ak = g.a.rank - (g.trans_a ? 2 : 1);
  uint32_t bk = g.b.rank - (g.trans_b ? 1 : 2), bn = g.b.rank - (g.trans_b ? 2 : 1);
  want_equal(&g, &g.a, ak, &g.b, bk);
  want_equal(&g, &g.a, am, &g.d, g.d.rank - 2);
  want_equal(&g, &g.b, bn, &g.d, g.d.rank - 1);
  if (g.m <= 0 || g.n <= 0 || g.k <= 0) {
    plain_loops(&g, g.d.d[g.d.rank - 2].extent, g.d.d[g.d.rank - 1].extent, g.a.d[ak].extent);
  } else {
    prepare_a(&g);
    prepare_b(&g);
    bool carried = prepare_d(&g);
    multiply(&g);
    if (carried) write_back(&g);
  }
  tc_cw_close(&e->w);
}
