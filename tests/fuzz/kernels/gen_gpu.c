/* Kernels as they are written for GPUs: a pipelined loop that copies tiles of two tensors to shared
 * memory and multiplies them, then something to the sums, then a copy out. Everything around the
 * product is decided: types, tiles, transposes, stages, threads, sizes that are no multiples of
 * tiles or are known at run time, further products and sums in the loop, the steps afterwards. */
#include "gen.h"

#include "ir/choices.h"

#include <inttypes.h>
#include <string.h>

/* Products in the loops of one kernel; more would take the interpreter too long. */
enum { MAX_VOLUME = 3 << 20 };
/* Elements of C for each thread. */
enum { FEW_SUMS = 24, MAX_SUMS = 160 };

typedef struct types {
  tilec_dtype a, b, c;
} types;

static const types TYPES[] = {
    {TILEC_FLOAT16, TILEC_FLOAT16, TILEC_FLOAT32},
    {TILEC_BFLOAT16, TILEC_BFLOAT16, TILEC_FLOAT32},
    {TILEC_FLOAT8_E4M3FN, TILEC_FLOAT8_E4M3FN, TILEC_FLOAT32},
    {TILEC_INT8, TILEC_INT8, TILEC_INT32},
    {TILEC_FLOAT32, TILEC_FLOAT32, TILEC_FLOAT32},
    {TILEC_FLOAT8_E5M2, TILEC_FLOAT8_E5M2, TILEC_FLOAT32},
    {TILEC_FLOAT8_E5M2, TILEC_FLOAT8_E4M3FN, TILEC_FLOAT32},
    {TILEC_UINT8, TILEC_UINT8, TILEC_INT32},
    {TILEC_UINT8, TILEC_INT8, TILEC_INT32},
    {TILEC_TFLOAT32, TILEC_TFLOAT32, TILEC_FLOAT32},
    {TILEC_FLOAT64, TILEC_FLOAT64, TILEC_FLOAT64},
    {TILEC_INT32, TILEC_INT32, TILEC_INT32},
    {TILEC_INT4, TILEC_INT4, TILEC_INT32},
};

/* One dimension of the problem. */
typedef struct extent {
  int64_t n, tile, blocks;
  const char *text;
  const char *index; /* of the tile */
} extent;

typedef struct product {
  types of;
  extent m, n, k, batch; /* batch.n 0: none */
  bool ta, tb, by_hand;  /* by_hand: blocks go from tile to tile by themselves */
  uint32_t threads;
  const char *a, *b, *c;   /* tiles */
  const fuzz_buf *from[2]; /* tensors */
  const char *a_raw;       /* where A arrives before it is converted, or NULL */
  tilec_dtype a_stored;    /* type of the tensor A */
  const char *sums;        /* of the rows of A, or NULL */
  const char *d, *d_sum;   /* a second product with the same A, or NULL */
  const fuzz_buf *from_d;
  const char *loop_head; /* over tiles, or NULL */
  bool registers;        /* A is multiplied from a fragment */
  bool is_fragment;      /* c                               */
} product;

static bool is_float(tilec_dtype dtype) {
  return fuzz_kind_of(dtype) == FUZZ_FLOAT;
}

/* Known at run time only. */
static bool is_named(const extent *e) {
  return e->text[0] > '9';
}

/* ---- sizes ---- */

static extent make_extent(fuzz_gen *g, const char *stem, int64_t tile, uint32_t most) {
  extent e = {.tile = tile, .blocks = 1 + fuzz_choose(g, most), .index = fuzz_name(g, "b")};
  static const uint8_t GRAINS[] = {0, 16, 8, 1};
  uint32_t grain = GRAINS[fuzz_choose(g, 4)];
  int64_t cut = grain && tile > grain ? grain * fuzz_choose(g, (uint32_t)(tile / grain)) : 0;
  e.n = e.blocks * tile - cut;
  e.text = FUZZ_TEXT(g, "%" PRId64, e.n);
  if (!fuzz_chance(g, 1, 4)) return e;
  e.text = fuzz_name(g, stem);
  tc_sb_printf(&g->module, "%s = T.dynamic(\"%s\")\n", e.text, e.text);
  return e;
}

static int64_t volume(const product *p) {
  int64_t n = p->m.tile * p->m.blocks * p->n.tile * p->n.blocks * p->k.tile * p->k.blocks;
  return p->batch.n ? n * p->batch.n : n;
}

/* Tiles, threads and the problem. */
static void make_sizes(fuzz_gen *g, product *p) {
  static const uint16_t ROWS[] = {64, 128, 16, 32, 256, 192, 48, 96};
  static const uint8_t DEPTHS[] = {32, 16, 64, 128, 8, 48, 24};
  static const uint16_t THREADS[] = {128, 256, 384, 64, 32, 512};
  int64_t rows = ROWS[fuzz_choose(g, 8)];
  int64_t cols = 8 * (1 + (int64_t)fuzz_choose(g, fuzz_chance(g, 1, 4) ? 32 : 16));
  int64_t depth = DEPTHS[fuzz_choose(g, 7)];
  p->threads = THREADS[fuzz_choose(g, 6)];
  /* What a thread does with each of its elements is written out, and the C compiler takes longest.
   */
  int64_t most = p->threads * (fuzz_chance(g, 1, 10) ? MAX_SUMS : FEW_SUMS);
  while (rows * cols > most && cols > 8)
    cols -= 8;
  while (rows * cols > most && rows > 16)
    rows = rows / 2;
  p->m = make_extent(g, "M", rows, 3);
  p->n = make_extent(g, "N", cols, 3);
  p->k = make_extent(g, "K", depth, 5);
  if (fuzz_chance(g, 1, 8)) p->batch = make_extent(g, "Q", 1, 3);
  extent *order[] = {&p->batch, &p->n, &p->m, &p->k};
  for (int i = 0; i < 4; i++) {
    extent *e = order[i];
    if (!e->n || volume(p) <= MAX_VOLUME) continue;
    e->n -= (e->blocks - 1) * e->tile;
    if (!is_named(e)) e->text = FUZZ_TEXT(g, "%" PRId64, e->n);
    e->blocks = 1;
  }
}

/* ---- tensors ---- */

static fuzz_buf *new_tensor(fuzz_gen *g, const product *p, const char *stem, tilec_dtype dtype,
                            const extent *rows, const extent *cols) {
  const extent *dims[3];
  uint32_t rank = 0;
  if (p->batch.n) dims[rank++] = &p->batch;
  if (rows) dims[rank++] = rows;
  dims[rank++] = cols;
  fuzz_buf *b = fuzz_new_buf(g, stem, FUZZ_GONE);
  b->dtype = dtype;
  b->rank = rank;
  for (uint32_t d = 0; d < rank; d++) {
    b->dim[d] = b->own[d] = dims[d]->n;
    b->dim_text[d] = dims[d]->text;
  }
  return b;
}

/* "A[b, i * 64, j * 32]" */
static const char *tile_at(fuzz_gen *g, const product *p, const fuzz_buf *b, const extent *rows,
                           const extent *cols) {
  const char *at = p->batch.n ? FUZZ_TEXT(g, "%s, ", p->batch.index) : "";
  if (rows) at = FUZZ_TEXT(g, "%s%s * %" PRId64 ", ", at, rows->index, rows->tile);
  return FUZZ_TEXT(g, "%s[%s%s * %" PRId64 "]", b->name, at, cols->index, cols->tile);
}

static const char *new_tile(fuzz_gen *g, const char *stem, const char *scope, tilec_dtype dtype,
                            int64_t rows, int64_t cols) {
  const char *name = fuzz_name(g, stem);
  const char *shape =
      rows ? FUZZ_TEXT(g, "%" PRId64 ", %" PRId64, rows, cols) : FUZZ_TEXT(g, "%" PRId64 ",", cols);
  fuzz_line(g, "%s = T.alloc_%s((%s), \"%s\")", name, scope, shape, tilec_dtype_name(dtype));
  return name;
}

/* ---- before the loop ---- */

static void make_factors(fuzz_gen *g, product *p) {
  const extent *k = &p->k, *m = &p->m, *n = &p->n;
  p->a_stored = p->of.a;
  bool wide = p->of.a == TILEC_FLOAT16 || p->of.a == TILEC_BFLOAT16 || p->of.a == TILEC_FLOAT32;
  bool converts = wide && fuzz_chance(g, 1, 8);
  if (converts) p->a_stored = fuzz_chance(g, 1, 2) ? TILEC_INT8 : TILEC_FLOAT8_E4M3FN;
  fuzz_buf *a = new_tensor(g, p, "A", p->a_stored, p->ta ? k : m, p->ta ? m : k);
  fuzz_add_param(g, a, FUZZ_SMALL);
  fuzz_buf *b = new_tensor(g, p, "B", p->of.b, p->tb ? n : k, p->tb ? k : n);
  fuzz_add_param(g, b, FUZZ_SMALL);
  p->from[0] = a;
  p->from[1] = b;
  if (!fuzz_chance(g, 1, 8)) return;
  fuzz_buf *d = new_tensor(g, p, "D", p->of.b, p->tb ? n : k, p->tb ? k : n);
  fuzz_add_param(g, d, FUZZ_SMALL);
  p->from_d = d;
}

static void make_tiles(fuzz_gen *g, product *p) {
  int64_t m = p->m.tile, n = p->n.tile, k = p->k.tile;
  int64_t ar = p->ta ? k : m, ac = p->ta ? m : k, br = p->tb ? n : k, bc = p->tb ? k : n;
  p->registers = fuzz_chance(g, 1, 10);
  if (p->a_stored != p->of.a) p->a_raw = new_tile(g, "r", "shared", p->a_stored, ar, ac);
  p->a = new_tile(g, "a", p->registers ? "fragment" : "shared", p->of.a, ar, ac);
  p->b = new_tile(g, "b", "shared", p->of.b, br, bc);
  p->is_fragment = !fuzz_chance(g, 1, 12);
  p->c = new_tile(g, "c", p->is_fragment ? "fragment" : "shared", p->of.c, m, n);
  if (p->from_d) {
    p->d = new_tile(g, "d", "shared", p->of.b, br, bc);
    p->d_sum = new_tile(g, "e", "fragment", p->of.c, m, n);
  }
  if (!p->ta && !is_named(&p->n) && fuzz_chance(g, 1, 10))
    p->sums = new_tile(g, "s", "fragment", p->of.c, 0, m);
}

/* Choices of the schedule that may be asked for (ir/choices.def). */
typedef struct request {
  const char *name;
  uint32_t words; /* bits of tc_choice_word */
} request;

#define W(word)           (1u << TC_CHOOSE_##word)
#define CHOICE_WORD(word) #word,
#define CHOICE(name, least, words, doc)
#define CHOICE_KEY(key, name, word)
#define CHOICE_PREFIX(prefix)
static const char *const WORDS[] = {
#include "ir/choices.def"
};
#undef CHOICE_WORD
#undef CHOICE
#define CHOICE_WORD(word)
#define CHOICE(name, least, words, doc) {#name, words},
static const request REQUESTS[] = {
#include "ir/choices.def"
};
#undef W
#undef CHOICE_WORD
#undef CHOICE
#undef CHOICE_KEY
#undef CHOICE_PREFIX

static void make_request(fuzz_gen *g) {
  const request *r = &REQUESTS[fuzz_choose(g, TC_COUNT(REQUESTS))];
  uint32_t word = fuzz_choose(g, TC_CHOOSE_COUNT);
  while (!(r->words >> word & 1))
    word = (word + 1) % TC_CHOOSE_COUNT;
  if (word == TC_CHOOSE_number)
    fuzz_line(g, "T.annotate_pass_configs({\"tilec.%s\": %u})", r->name, 1 + fuzz_choose(g, 6));
  else
    fuzz_line(g, "T.annotate_pass_configs({\"tilec.%s\": \"%s\"})", r->name, WORDS[word]);
}

static void make_hints(fuzz_gen *g, const product *p) {
  while (fuzz_chance(g, 1, 3))
    make_request(g);
  if (fuzz_chance(g, 1, 4))
    fuzz_line(g, "T.use_swizzle(%u%s)", 1 + fuzz_choose(g, 10),
              fuzz_chance(g, 1, 3) ? ", order=\"column\"" : "");
  const extent *all[] = {&p->m, &p->n, &p->k};
  for (int i = 0; i < 3; i++)
    if (is_named(all[i]) && all[i]->n % 8 == 0 && fuzz_chance(g, 1, 2))
      fuzz_line(g, "T.assume(%s %% %d == 0)", all[i]->text, all[i]->n % 16 ? 8 : 16);
}

/* ---- the loop ---- */

static void fetch_a(fuzz_gen *g, const product *p) {
  const extent *rows = p->ta ? &p->k : &p->m, *cols = p->ta ? &p->m : &p->k;
  fuzz_line(g, "T.copy(%s, %s)", tile_at(g, p, p->from[0], rows, cols), p->a_raw ? p->a_raw : p->a);
  if (!p->a_raw) return;
  const char *i = fuzz_name(g, "i"), *j = fuzz_name(g, "j");
  fuzz_line(g, "for %s, %s in T.Parallel(%" PRId64 ", %" PRId64 "):", i, j, rows->tile, cols->tile);
  fuzz_line(g, "    %s[%s, %s] = T.cast(%s[%s, %s], \"%s\")", p->a, i, j, p->a_raw, i, j,
            tilec_dtype_name(p->of.a));
}

static void fetch_b(fuzz_gen *g, const product *p, const fuzz_buf *from, const char *to) {
  const extent *rows = p->tb ? &p->n : &p->k, *cols = p->tb ? &p->k : &p->n;
  fuzz_line(g, "T.copy(%s, %s)", tile_at(g, p, from, rows, cols), to);
}

static void multiply(fuzz_gen *g, const product *p, const char *b, const char *sum,
                     const char *clear) {
  fuzz_line(g, "T.gemm(%s, %s, %s%s%s%s)", p->a, b, sum, p->ta ? ", transpose_A=True" : "",
            p->tb ? ", transpose_B=True" : "", clear);
}

static void statements_in_loop(fuzz_gen *g, const product *p) {
  uint32_t n_atoms = g->n_atoms;
  g->atoms[g->n_atoms++] = (fuzz_ex){p->k.index, TILEC_INT32, 0, p->k.blocks - 1, false, false};
  g->trips = p->k.blocks;
  g->depth++;
  g->in_loop = true;
  fuzz_statements(g, 2);
  g->in_loop = false;
  g->depth--;
  g->trips = 1;
  g->n_atoms = n_atoms;
}

static void make_loop(fuzz_gen *g, product *p, bool more) {
  bool lazy = fuzz_chance(g, 1, 4), first_b = fuzz_chance(g, 1, 4);
  if (!lazy) fuzz_line(g, "T.clear(%s)", p->c);
  if (p->sums) fuzz_line(g, "T.clear(%s)", p->sums);
  if (p->d) fuzz_line(g, "T.clear(%s)", p->d_sum);
  p->k.index = fuzz_name(g, "k");
  const char *trips = FUZZ_TEXT(g, "T.ceildiv(%s, %" PRId64 ")", p->k.text, p->k.tile);
  if (fuzz_chance(g, 1, 10))
    fuzz_line(g, "for %s in range(%s):", p->k.index, trips);
  else
    fuzz_line(g, "for %s in T.Pipelined(%s, num_stages=%u):", p->k.index, trips, fuzz_choose(g, 5));
  g->indent += 4;
  if (first_b) fetch_b(g, p, p->from[1], p->b);
  fetch_a(g, p);
  if (!first_b) fetch_b(g, p, p->from[1], p->b);
  bool late_d = fuzz_chance(g, 1, 2);
  if (p->d && !late_d) fetch_b(g, p, p->from_d, p->d);
  if (p->sums) fuzz_line(g, "T.reduce_sum(%s, %s, dim=1, clear=False)", p->a, p->sums);
  const char *clear = lazy ? FUZZ_TEXT(g, ", clear_accum=%s == 0", p->k.index) : "";
  multiply(g, p, p->b, p->c, clear);
  if (p->d && late_d) fetch_b(g, p, p->from_d, p->d);
  if (p->d) multiply(g, p, p->d, p->d_sum, "");
  if (more) statements_in_loop(g, p);
  g->indent -= 4;
}

/* ---- after the loop ---- */

/* What may be done to an element x; whole numbers and their halves stay exact. */
static const char *activated(fuzz_gen *g, tilec_dtype dtype, const char *x) {
  switch (fuzz_choose(g, is_float(dtype) ? 7 : 5)) {
  case 0:
    return FUZZ_TEXT(g, "T.max(%s, 0)", x);
  case 1:
    return FUZZ_TEXT(g, "%s * 2", x);
  case 2:
    return FUZZ_TEXT(g, "T.min(T.max(%s, -9), 100)", x);
  case 3:
    return FUZZ_TEXT(g, "T.if_then_else(%s > 3, %s, 1 - %s)", x, x, x);
  case 4:
    return FUZZ_TEXT(g, "T.abs(%s)", x);
  case 5:
    return FUZZ_TEXT(g, "%s * 0.5", x);
  default:
    return FUZZ_TEXT(g, "%s - 3", x);
  }
}

/* One more operand of an element: of its column, its row, or both. */
static const char *operand(fuzz_gen *g, const product *p, const char *i, const char *j) {
  static const tilec_dtype WIDE[] = {TILEC_FLOAT32, TILEC_FLOAT16, TILEC_BFLOAT16, TILEC_INT8};
  bool flt = is_float(p->of.c);
  tilec_dtype dtype = flt ? WIDE[fuzz_choose(g, 4)] : fuzz_chance(g, 1, 2) ? TILEC_INT8 : p->of.c;
  uint32_t what = fuzz_choose(g, 4);
  fuzz_buf *b = new_tensor(g, p, "E", dtype, what >= 2 ? &p->m : NULL, what == 1 ? &p->m : &p->n);
  fuzz_add_param(g, b, FUZZ_SMALL);
  const extent *rows = what >= 2 ? &p->m : NULL, *cols = what == 1 ? &p->m : &p->n;
  if (what == 3 || fuzz_chance(g, 1, 2)) {
    const char *t = new_tile(g, "t", fuzz_chance(g, 1, 2) ? "shared" : "fragment", dtype,
                             rows ? rows->tile : 0, cols->tile);
    fuzz_line(g, "T.copy(%s, %s)", tile_at(g, p, b, rows, cols), t);
    return rows ? FUZZ_TEXT(g, "%s[%s, %s]", t, i, j) : FUZZ_TEXT(g, "%s[%s]", t, what ? i : j);
  }
  const char *at = p->batch.n ? FUZZ_TEXT(g, "%s, ", p->batch.index) : "";
  if (rows) at = FUZZ_TEXT(g, "%s%s * %" PRId64 " + %s, ", at, rows->index, rows->tile, i);
  return FUZZ_TEXT(g, "%s[%s%s * %" PRId64 " + %s]", b->name, at, cols->index, cols->tile,
                   what == 1 ? i : j);
}

static void elementwise(fuzz_gen *g, const product *p) {
  const char *i = fuzz_name(g, "i"), *j = fuzz_name(g, "j");
  const char *x = FUZZ_TEXT(g, "%s[%s, %s]", p->c, i, j), *value = x;
  if (fuzz_chance(g, 2, 3)) value = FUZZ_TEXT(g, "(%s + %s)", x, operand(g, p, i, j));
  if (p->d && fuzz_chance(g, 1, 2))
    value = FUZZ_TEXT(g, "(%s - %s[%s, %s])", value, p->d_sum, i, j);
  if (fuzz_chance(g, 1, 2)) value = activated(g, p->of.c, value);
  fuzz_line(g, "for %s, %s in T.Parallel(%" PRId64 ", %" PRId64 "):", i, j, p->m.tile, p->n.tile);
  fuzz_line(g, "    %s = %s", x, value);
}

/* A value for each row, which is then taken from the row. Greatest and smallest only: sums of what
 * stands here could be inexact. */
static void by_rows(fuzz_gen *g, const product *p) {
  static const char *const NAMES[] = {"max", "min", "absmax"};
  const char *r = new_tile(g, "r", "fragment", p->of.c, 0, p->m.tile);
  const char *i = fuzz_name(g, "i"), *j = fuzz_name(g, "j");
  fuzz_line(g, "T.reduce_%s(%s, %s, dim=1)", NAMES[fuzz_choose(g, 3)], p->c, r);
  fuzz_line(g, "for %s, %s in T.Parallel(%" PRId64 ", %" PRId64 "):", i, j, p->m.tile, p->n.tile);
  fuzz_line(g, "    %s[%s, %s] = %s[%s, %s] - %s[%s]", p->c, i, j, p->c, i, j, r, i);
}

/* A dimension with one element for each tile of `e`, whose number is known. */
static extent each_block(fuzz_gen *g, const extent *e) {
  return (extent){.n = e->blocks,
                  .tile = 1,
                  .blocks = e->blocks,
                  .text = FUZZ_TEXT(g, "%" PRId64, e->blocks),
                  .index = e->index};
}

/* One value for each row or column of the block's tile, to a tensor of its own. */
static void reduced_output(fuzz_gen *g, const product *p) {
  static const char *const NAMES[] = {"max", "min", "absmax"};
  bool columns = fuzz_chance(g, 1, 3) && !p->batch.n && !p->by_hand;
  const extent *along = columns ? &p->n : &p->m, *other = columns ? &p->m : &p->n;
  if (is_named(other)) return;
  const char *r = new_tile(g, "r", "fragment", p->of.c, 0, along->tile);
  fuzz_line(g, "T.reduce_%s(%s, %s, dim=%d)", NAMES[fuzz_choose(g, 3)], p->c, r, columns ? 0 : 1);
  extent blocks = each_block(g, other);
  fuzz_buf *out = new_tensor(g, p, "R", p->of.c, &blocks, along);
  fuzz_add_param(g, out, FUZZ_PLAIN);
  fuzz_line(g, "T.copy(%s, %s)", r, tile_at(g, p, out, &blocks, along));
}

static tilec_dtype output_type(fuzz_gen *g, const product *p) {
  static const tilec_dtype FLOATS[] = {TILEC_FLOAT16, TILEC_BFLOAT16, TILEC_FLOAT8_E4M3FN,
                                       TILEC_FLOAT32};
  if (fuzz_chance(g, 1, 3) || !is_float(p->of.c)) return p->of.c;
  return FLOATS[fuzz_choose(g, 4)];
}

/* Element by element. */
static void store_out(fuzz_gen *g, const product *p, const fuzz_buf *c, const char *sum) {
  const char *i = fuzz_name(g, "i"), *j = fuzz_name(g, "j");
  const char *at = p->batch.n ? FUZZ_TEXT(g, "%s, ", p->batch.index) : "";
  at = FUZZ_TEXT(g, "%s%s * %" PRId64 " + %s, ", at, p->m.index, p->m.tile, i);
  at = FUZZ_TEXT(g, "%s%s * %" PRId64 " + %s", at, p->n.index, p->n.tile, j);
  fuzz_line(g, "for %s, %s in T.Parallel(%" PRId64 ", %" PRId64 "):", i, j, p->m.tile, p->n.tile);
  fuzz_line(g, "    %s[%s] = T.cast(%s[%s, %s], \"%s\")", c->name, at, sum, i, j,
            tilec_dtype_name(c->dtype));
}

static void copy_out(fuzz_gen *g, const product *p, const char *sum) {
  enum { DIRECT, SHARED, FRAGMENT, ELEMENTS, ATOMIC, N_HOW };
  static const uint8_t WEIGHTS[N_HOW] = {5, 2, 2, 2, 1};
  uint32_t how = fuzz_weigh(g, WEIGHTS, N_HOW);
  fuzz_buf *c = new_tensor(g, p, "C", how == ATOMIC ? p->of.c : output_type(g, p), &p->m, &p->n);
  fuzz_add_param(g, c, FUZZ_SMALL);
  const char *to = tile_at(g, p, c, &p->m, &p->n);
  if (how == ELEMENTS) {
    store_out(g, p, c, sum);
    return;
  }
  if (how == SHARED || how == FRAGMENT) {
    const char *scope = how == SHARED ? "shared" : "fragment";
    const char *t = new_tile(g, "o", scope, c->dtype, p->m.tile, p->n.tile);
    fuzz_line(g, "T.copy(%s, %s)", sum, t);
    sum = t;
  }
  if (how == ATOMIC)
    fuzz_line(g, "T.atomic_add(%s, %s)", to, sum);
  else
    fuzz_line(g, "T.copy(%s, %s)", sum, to);
}

static void sums_out(fuzz_gen *g, const product *p) {
  extent blocks = each_block(g, &p->n);
  fuzz_buf *out = new_tensor(g, p, "S", p->of.c, &blocks, &p->m);
  fuzz_add_param(g, out, FUZZ_PLAIN);
  fuzz_line(g, "T.copy(%s, %s)", p->sums, tile_at(g, p, out, &blocks, &p->m));
}

static void make_steps(fuzz_gen *g, const product *p) {
  static const uint8_t WEIGHTS[] = {8, 6, 1, 1};
  for (uint32_t i = 0; i < 3 && g->n_bufs < FUZZ_MAX_BUFS; i++) {
    uint32_t span = tape_begin(g->t), what = fuzz_weigh(g, WEIGHTS, TC_COUNT(WEIGHTS));
    if (what == 1) elementwise(g, p);
    if (what == 2) by_rows(g, p);
    if (what == 3) reduced_output(g, p);
    tape_end(g->t, span);
  }
}

/* ---- the frame ---- */

static void make_head(fuzz_gen *g, product *p) {
  const extent *x = &p->n, *y = &p->m;
  if (fuzz_chance(g, 1, 4)) x = &p->m, y = &p->n;
  const char *n_x = FUZZ_TEXT(g, "T.ceildiv(%s, %" PRId64 ")", x->text, x->tile);
  const char *n_y = FUZZ_TEXT(g, "T.ceildiv(%s, %" PRId64 ")", y->text, y->tile);
  p->by_hand = !p->batch.n && fuzz_chance(g, 1, 12);
  if (p->by_hand) {
    uint32_t n = 1 + fuzz_choose(g, 5);
    const char *w = fuzz_name(g, "w");
    fuzz_line(g, "with T.Kernel(%u, threads=%u) as %s:", n, p->threads, w);
    p->loop_head = FUZZ_TEXT(g, "for %s, %s in T.Persistent([%s, %s], %u, %s):", x->index, y->index,
                             n_x, n_y, n, w);
  } else if (p->batch.n) {
    fuzz_line(g, "with T.Kernel(%s, %s, %s, threads=%u) as (%s, %s, %s):", n_x, n_y, p->batch.text,
              p->threads, x->index, y->index, p->batch.index);
  } else {
    fuzz_line(g, "with T.Kernel(%s, %s, threads=%u) as (%s, %s):", n_x, n_y, p->threads, x->index,
              y->index);
  }
  g->indent += 4;
}

static void forget_tensors(fuzz_gen *g, uint32_t n_bufs) {
  for (uint32_t i = n_bufs; i < g->n_bufs; i++)
    g->bufs[i].place = FUZZ_GONE;
}

/* Tiles that any statement may use now. */
static void know_tile(fuzz_gen *g, const char *name, tilec_dtype dtype, bool is_fragment,
                      int64_t rows, int64_t cols, double sum) {
  fuzz_buf b = {.name = name,
                .dtype = dtype,
                .of = !is_float(dtype) ? FUZZ_IS_ANY
                      : sum > 0        ? FUZZ_IS_SUM
                                       : FUZZ_IS_SMALL,
                .place = FUZZ_TILE,
                .is_fragment = is_fragment,
                .rank = 2,
                .root = ++g->n_names,
                .dim = {rows, cols},
                .own = {rows, cols},
                .sum = sum};
  g->bufs[g->n_bufs++] = b;
}

/* Random statements may follow: they find tiles, indices and variables. */
static void open_to_others(fuzz_gen *g, const product *p) {
  const extent *grid[] = {&p->n, &p->m, &p->batch};
  int64_t k = p->k.tile;
  g->n_grid = p->batch.n ? 3 : 2;
  for (uint32_t d = 0; d < g->n_grid; d++) {
    g->grid[d] = grid[d]->blocks;
    g->block[d] = grid[d]->index;
    g->atoms[g->n_atoms++] =
        (fuzz_ex){grid[d]->index, TILEC_INT32, 0, grid[d]->blocks - 1, false, false};
  }
  g->n_kernel_atoms = g->n_atoms;
  g->tile_dims[0] = p->m.tile;
  g->tile_dims[1] = p->n.tile;
  g->tile_dims[2] = p->k.tile;
  fuzz_make_vars(g);
  if (!p->registers)
    know_tile(g, p->a, p->of.a, false, p->ta ? k : p->m.tile, p->ta ? p->m.tile : k, 0);
  know_tile(g, p->b, p->of.b, false, p->tb ? p->n.tile : k, p->tb ? k : p->n.tile, 0);
  know_tile(g, p->c, p->of.c, p->is_fragment, p->m.tile, p->n.tile, 16.0 * (double)p->k.n);
}

static void make_middle(fuzz_gen *g, product *p) {
  uint32_t first_tile = g->n_bufs;
  g->trips = 1;
  bool mixed = !p->by_hand && !p->d && p->m.tile * p->n.tile <= 64 * 64 && fuzz_chance(g, 1, 3);
  if (mixed) open_to_others(g, p);
  make_loop(g, p, mixed && fuzz_chance(g, 1, 3));
  if (mixed) fuzz_statements(g, 4);
  make_steps(g, p);
  if (mixed) fuzz_observe(g, first_tile);
}

bool fuzz_gpu_kernel(fuzz_gen *g) {
  product *p = TC_NEW(g->arena, product);
  uint32_t n_bufs = g->n_bufs, n_atoms = g->n_atoms;
  if (n_bufs + 24 > FUZZ_MAX_BUFS) return false;
  tc_sb whole = g->body;
  g->body = tc_sb_in(g->arena);
  g->indent = 4;
  p->of = TYPES[fuzz_choose(g, TC_COUNT(TYPES))];
  p->ta = fuzz_chance(g, 1, 3);
  p->tb = fuzz_chance(g, 1, 3);
  make_sizes(g, p);
  if (fuzz_bits_of(p->of.a) < 8 && (p->m.n | p->n.n | p->k.n) & 1)
    p->of = (types){TILEC_INT8, TILEC_INT8, TILEC_INT32};
  make_factors(g, p);
  make_head(g, p);
  make_tiles(g, p);
  make_hints(g, p);
  g->prologue = g->body;
  g->body = tc_sb_in(g->arena);
  tc_sb_adds(&g->body, "");
  if (p->loop_head) {
    fuzz_line(g, "%s", p->loop_head);
    g->indent += 4;
  }
  make_middle(g, p);
  if (p->sums) sums_out(g, p);
  copy_out(g, p, p->c);
  if (p->d) copy_out(g, p, p->d_sum);
  tc_sb_add(&whole, tc_sb_str(&g->prologue));
  tc_sb_add(&whole, tc_sb_str(&g->body));
  g->body = whole;
  g->n_atoms = n_atoms;
  g->n_vars = 0;
  forget_tensors(g, n_bufs);
  g->out->n_kernels++;
  return true;
}
