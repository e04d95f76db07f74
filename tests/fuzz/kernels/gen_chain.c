/* Two products in one loop of which the second takes what the first made, as attention does:
 *
 *   for each tile of K and V:  S = Q K';  P = narrow(S);  O += P V */
#include "gen.h"

#include <inttypes.h>

typedef struct chain {
  tilec_dtype dtype, sum;
  int64_t rows, m_tile, cols, n_tile, inner,
      out;     /* Q: rows x inner, K: cols x inner, V: cols x out */
  bool tk, tv; /* K and V lie turned */
  const char *cols_text, *by, *j;
  const char *q, *k, *v, *s, *p, *o;
} chain;

static const char *tile(fuzz_gen *g, const char *stem, const char *scope, tilec_dtype dtype,
                        int64_t rows, int64_t cols, bool turned) {
  const char *name = fuzz_name(g, stem);
  fuzz_line(g, "%s = T.alloc_%s((%" PRId64 ", %" PRId64 "), \"%s\")", name, scope,
            turned ? cols : rows, turned ? rows : cols, tilec_dtype_name(dtype));
  return name;
}

/* A matrix whose rows are `text` many. */
static fuzz_buf *matrix(fuzz_gen *g, const char *stem, tilec_dtype dtype, int64_t rows,
                        const char *text, int64_t cols, bool turned) {
  fuzz_buf *b = fuzz_new_buf(g, stem, FUZZ_GONE);
  uint32_t r = turned, c = !turned;
  b->dtype = dtype;
  b->rank = 2;
  b->dim[r] = b->own[r] = rows;
  b->dim_text[r] = text ? text : FUZZ_TEXT(g, "%" PRId64, rows);
  b->dim[c] = b->own[c] = cols;
  b->dim_text[c] = FUZZ_TEXT(g, "%" PRId64, cols);
  fuzz_add_param(g, b, FUZZ_SMALL);
  return b;
}

static chain make_chain(fuzz_gen *g) {
  static const tilec_dtype TYPES[] = {TILEC_FLOAT16, TILEC_BFLOAT16, TILEC_INT8, TILEC_FLOAT32,
                                      TILEC_FLOAT8_E4M3FN};
  static const uint8_t TILES[] = {64, 32, 16, 128}, WIDTHS[] = {32, 64, 16, 24, 8, 96};
  chain c = {.dtype = TYPES[fuzz_choose(g, 5)]};
  c.sum = c.dtype == TILEC_INT8 ? TILEC_INT32 : TILEC_FLOAT32;
  c.m_tile = TILES[fuzz_choose(g, 4)];
  c.n_tile = TILES[fuzz_choose(g, 3)];
  c.inner = WIDTHS[fuzz_choose(g, 6)];
  c.out = WIDTHS[fuzz_choose(g, 6)];
  c.rows = c.m_tile * (1 + fuzz_choose(g, 2)) - fuzz_choose(g, 9);
  c.cols = c.n_tile * (1 + fuzz_choose(g, 4)) - (fuzz_chance(g, 1, 2) ? 8 * fuzz_choose(g, 2) : 0);
  c.tk = fuzz_chance(g, 1, 4);
  c.tv = fuzz_chance(g, 1, 4);
  c.cols_text = FUZZ_TEXT(g, "%" PRId64, c.cols);
  if (!fuzz_chance(g, 1, 4)) return c;
  c.cols_text = fuzz_name(g, "N");
  tc_sb_printf(&g->module, "%s = T.dynamic(\"%s\")\n", c.cols_text, c.cols_text);
  return c;
}

static const char *piece(fuzz_gen *g, const fuzz_buf *b, const chain *c, bool turned) {
  const char *at = FUZZ_TEXT(g, "%s * %" PRId64, c->j, c->n_tile);
  return turned ? FUZZ_TEXT(g, "%s[0, %s]", b->name, at) : FUZZ_TEXT(g, "%s[%s, 0]", b->name, at);
}

/* Small again, so that the next sum is exact. */
static void narrow(fuzz_gen *g, const chain *c) {
  const char *i = fuzz_name(g, "i"), *l = fuzz_name(g, "l");
  const char *x = FUZZ_TEXT(g, "%s[%s, %s]", c->s, i, l), *value = x;
  if (fuzz_chance(g, 1, 2))
    value = FUZZ_TEXT(g, "T.if_then_else(%s * %" PRId64 " + %s <= %s * %" PRId64 " + %s, %s, 0)",
                      c->j, c->n_tile, l, c->by, c->m_tile, i, x);
  fuzz_line(g, "for %s, %s in T.Parallel(%" PRId64 ", %" PRId64 "):", i, l, c->m_tile, c->n_tile);
  fuzz_line(g, "    %s = T.min(T.max(%s, -4), 4)", x, value);
  fuzz_line(g, "T.copy(%s, %s)", c->s, c->p);
}

static void make_loop(fuzz_gen *g, chain *c, const fuzz_buf *k, const fuzz_buf *v) {
  bool early = fuzz_chance(g, 1, 2), lazy = fuzz_chance(g, 1, 2);
  c->j = fuzz_name(g, "j");
  fuzz_line(g, "for %s in T.Pipelined(T.ceildiv(%s, %" PRId64 "), num_stages=%u):", c->j,
            c->cols_text, c->n_tile, fuzz_choose(g, 4));
  g->indent += 4;
  fuzz_line(g, "T.copy(%s, %s)", piece(g, k, c, c->tk), c->k);
  if (early) fuzz_line(g, "T.copy(%s, %s)", piece(g, v, c, c->tv), c->v);
  if (!lazy) fuzz_line(g, "T.clear(%s)", c->s);
  fuzz_line(g, "T.gemm(%s, %s, %s%s%s)", c->q, c->k, c->s, c->tk ? "" : ", transpose_B=True",
            lazy ? ", clear_accum=True" : "");
  if (!early) fuzz_line(g, "T.copy(%s, %s)", piece(g, v, c, c->tv), c->v);
  narrow(g, c);
  fuzz_line(g, "T.gemm(%s, %s, %s%s)", c->p, c->v, c->o, c->tv ? ", transpose_B=True" : "");
  g->indent -= 4;
}

bool fuzz_gpu_chain(fuzz_gen *g) {
  uint32_t n_bufs = g->n_bufs;
  if (n_bufs + 8 > FUZZ_MAX_BUFS) return false;
  chain c = make_chain(g);
  g->indent = 4;
  fuzz_buf *q = matrix(g, "Q", c.dtype, c.rows, NULL, c.inner, false);
  fuzz_buf *k = matrix(g, "K", c.dtype, c.cols, c.cols_text, c.inner, c.tk);
  fuzz_buf *v = matrix(g, "V", c.dtype, c.cols, c.cols_text, c.out, c.tv);
  fuzz_buf *o = matrix(g, "O", c.sum, c.rows, NULL, c.out, false);
  c.by = fuzz_name(g, "b");
  fuzz_line(g, "with T.Kernel(T.ceildiv(%" PRId64 ", %" PRId64 "), threads=%u) as %s:", c.rows,
            c.m_tile, 128u << fuzz_choose(g, 2), c.by);
  g->indent += 4;
  c.q = tile(g, "q", "shared", c.dtype, c.m_tile, c.inner, false);
  c.k = tile(g, "k", "shared", c.dtype, c.n_tile, c.inner, c.tk);
  c.v = tile(g, "v", "shared", c.dtype, c.n_tile, c.out, c.tv);
  c.s = tile(g, "s", "fragment", c.sum, c.m_tile, c.n_tile, false);
  c.p = tile(g, "p", fuzz_chance(g, 1, 2) ? "fragment" : "shared", c.dtype, c.m_tile, c.n_tile,
             false);
  c.o = tile(g, "o", "fragment", c.sum, c.m_tile, c.out, false);
  fuzz_line(g, "T.copy(%s[%s * %" PRId64 ", 0], %s)", q->name, c.by, c.m_tile, c.q);
  fuzz_line(g, "T.clear(%s)", c.o);
  make_loop(g, &c, k, v);
  fuzz_line(g, "T.copy(%s, %s[%s * %" PRId64 ", 0])", c.o, o->name, c.by, c.m_tile);
  for (uint32_t i = n_bufs; i < g->n_bufs; i++)
    g->bufs[i].place = FUZZ_GONE;
  g->out->n_kernels++;
  return true;
}
