/* Code for single threads. A statement that touches shared memory ends with a barrier; between two
 * barriers a thread writes elements of its own and reads none that another thread writes. Values
 * are exchanged where all threads of the block meet. */
#include "gen.h"

#include <inttypes.h>
#include <string.h>

/* Left out, the language puts one where it is needed. */
static void sync(fuzz_gen *g) {
  if (!fuzz_chance(g, 1, 4)) fuzz_line(g, "T.sync_threads()");
}

static bool is_shared(const fuzz_buf *b) {
  return b->place == FUZZ_TILE && !b->is_local && b->of != FUZZ_IS_SUM;
}

static fuzz_buf *shared_tile(fuzz_gen *g) {
  fuzz_buf *found[FUZZ_MAX_BUFS];
  uint32_t n = 0;
  for (uint32_t i = 0; i < g->n_bufs; i++)
    if (is_shared(&g->bufs[i])) found[n++] = &g->bufs[i];
  return n ? found[fuzz_choose(g, n)] : NULL;
}

/* A variable; of 32 bits when it is to be exchanged. */
static fuzz_var *some_var(fuzz_gen *g, bool exchanged) {
  fuzz_var *found[FUZZ_MAX_VARS];
  uint32_t n = 0;
  for (uint32_t i = 0; i < g->n_vars; i++) {
    fuzz_var *v = &g->vars[i];
    bool fits = !exchanged || (v->dtype != TILEC_BOOL && fuzz_bits_of(v->dtype) == 32);
    if (v->usable && !v->locked && fits) found[n++] = v;
  }
  return n ? found[fuzz_choose(g, n)] : NULL;
}

/* ---- shared memory ---- */

/* Which element the thread writes: one that no other does. */
static const char *own_number(fuzz_gen *g, int64_t n) {
  uint32_t p = g->n_threads;
  const char *tx = g->thread.text;
  if (n < p) return tx;
  switch (fuzz_choose(g, 6)) {
  case 5: /* in the next turn that of another thread */
    return g->turn ? FUZZ_TEXT(g, "(%s + %s) %% %u", tx, g->turn, p) : tx;
  case 1:
    return FUZZ_TEXT(g, "%u - %s", p - 1, tx);
  case 2:
    return FUZZ_TEXT(g, "(%s + %u) %% %u", tx, fuzz_choose(g, 40), p);
  case 3:
    return (p & (p - 1)) == 0 ? FUZZ_TEXT(g, "(%s ^ %u)", tx, fuzz_choose(g, p)) : tx;
  case 4:
    return FUZZ_TEXT(g, "%s + %" PRId64, tx, n - p);
  default:
    return tx;
  }
}

static const char *index_of(fuzz_gen *g, const fuzz_buf *b, const char *number) {
  const char *at = "";
  int64_t below = 1;
  for (uint32_t d = b->rank; d-- > 0; below *= b->dim[d]) {
    const char *i = FUZZ_TEXT(g, "(%s) // %" PRId64 " %% %" PRId64, number, below, b->dim[d]);
    at = FUZZ_TEXT(g, "%s%s%s", i, *at ? ", " : "", at);
  }
  return at;
}

static bool shared_store(fuzz_gen *g) {
  fuzz_buf *b = shared_tile(g);
  if (!b) return false;
  int64_t n = 1;
  for (uint32_t d = 0; d < b->rank; d++)
    n *= b->dim[d];
  uint32_t indent = g->indent;
  const char *index = index_of(g, b, own_number(g, n));
  if (n < g->n_threads) {
    fuzz_line(g, "if %s < %" PRId64 ":", g->thread.text, n);
    g->indent += 4;
  }
  g->locked_root = b->root;
  if (fuzz_chance(g, 1, 4)) {
    fuzz_line(g, "if %s:", fuzz_condition(g, 1).text);
    g->indent += 4;
  }
  if (b->of == FUZZ_IS_ANY)
    g->own_element = fuzz_unknown(FUZZ_TEXT(g, "%s[%s]", b->name, index), b->dtype);
  fuzz_line(g, "%s[%s] = %s", b->name, index, fuzz_value_for(g, b, 2).text);
  g->locked_root = 0;
  g->own_element.text = NULL;
  g->indent = indent;
  sync(g);
  return true;
}

/* ---- what a thread does by itself ---- */

static bool own_loop(fuzz_gen *g) {
  const char *k = fuzz_name(g, "k");
  uint32_t n_atoms = g->n_atoms, n = 1 + fuzz_choose(g, 4);
  bool varies = fuzz_chance(g, 1, 3);
  if (n_atoms + 1 >= FUZZ_MAX_ATOMS) return false;
  fuzz_line(g, varies ? "for %s in T.serial(%s %% %u):" : "for %s in T.serial(%.0s%u):", k,
            g->thread.text, n + 1);
  g->indent += 4;
  g->atoms[g->n_atoms++] = (fuzz_ex){k, TILEC_INT32, 0, n, false, false};
  if (fuzz_chance(g, 1, 4)) {
    fuzz_line(g, "if %s:", fuzz_condition(g, 1).text);
    fuzz_line(g, "    %s", fuzz_chance(g, 1, 2) ? "break" : "continue");
  }
  fuzz_assign(g);
  g->indent -= 4;
  g->n_atoms = n_atoms;
  sync(g);
  return true;
}

static bool own_branch(fuzz_gen *g) {
  fuzz_line(g, "if %s:", fuzz_condition(g, 2).text);
  g->indent += 4;
  fuzz_assign(g);
  g->indent -= 4;
  if (fuzz_chance(g, 1, 2)) {
    fuzz_line(g, "else:");
    g->indent += 4;
    fuzz_assign(g);
    g->indent -= 4;
  }
  sync(g);
  return true;
}

static bool own_assign(fuzz_gen *g) {
  if (!fuzz_assign(g)) return false;
  sync(g);
  return true;
}

static bool local_store(fuzz_gen *g) {
  fuzz_buf *found[FUZZ_MAX_BUFS];
  uint32_t n = 0;
  for (uint32_t i = 0; i < g->n_bufs; i++)
    if (g->bufs[i].is_local) found[n++] = &g->bufs[i];
  if (!n) return false;
  const fuzz_buf *b = found[fuzz_choose(g, n)];
  fuzz_line(g, "%s[%s] = %s", b->name, fuzz_index(g, b->dim[0], 1).text,
            fuzz_value_for(g, b, 2).text);
  sync(g);
  return true;
}

static bool own_output(fuzz_gen *g) {
  const fuzz_buf *b = g->thread_output;
  const char *at = "";
  for (uint32_t d = 0; d < b->rank; d++)
    at = FUZZ_TEXT(g, "%s%s%s", at, d ? ", " : "", b->base[d]);
  g->own_element = fuzz_unknown(FUZZ_TEXT(g, "%s[%s]", b->name, at), b->dtype);
  fuzz_line(g, "%s[%s] = %s", b->name, at, fuzz_value(g, b->dtype, 2).text);
  g->own_element.text = NULL;
  sync(g);
  return true;
}

static bool atomic(fuzz_gen *g) {
  g->in_parallel = true; /* one element, by everyone */
  bool made = fuzz_tile_atomic(g);
  g->in_parallel = false;
  return made;
}

/* ---- exchanges ---- */

static bool shuffle(fuzz_gen *g) {
  static const char *const NAMES[] = {"xor", "up", "down", "sync"};
  static const uint8_t WIDTHS[] = {32, 16, 8, 4, 2};
  const fuzz_var *v = some_var(g, true);
  if (!v || g->n_threads % 32) return false;
  uint32_t width = WIDTHS[fuzz_choose(g, 5)];
  const char *lane = FUZZ_TEXT(g, "%u", fuzz_choose(g, width));
  uint32_t which = fuzz_choose(g, 4);
  if (which == 3 && fuzz_chance(g, 1, 2))
    lane = FUZZ_TEXT(g, "(%s + %u) %% %u", g->thread.text, fuzz_choose(g, 9), width);
  fuzz_line(g, "%s %s T.shfl_%s(%s, %s, %u)", v->name,
            fuzz_chance(g, 1, 2) ? "=" : "+=", NAMES[which], v->name, lane, width);
  return true;
}

static bool warp_reduction(fuzz_gen *g) {
  static const char *const NAMES[] = {"sum", "max", "min", "bitand", "bitor"};
  const fuzz_var *v = some_var(g, true);
  if (!v || g->n_threads % 32) return false;
  uint32_t n = fuzz_kind_of(v->dtype) == FUZZ_FLOAT ? 3 : 5;
  fuzz_line(g, "%s = T.warp_reduce_%s(%s)", v->name, NAMES[fuzz_choose(g, n)], v->name);
  return true;
}

static bool vote(fuzz_gen *g) {
  static const char *const NAMES[] = {"syncthreads_count", "syncthreads_and", "syncthreads_or",
                                      "any_sync",          "all_sync",        "ballot_sync"};
  const fuzz_var *v = some_var(g, false);
  if (!v) return false;
  uint32_t which = fuzz_choose(g, g->n_threads % 32 ? 3 : 6);
  const char *c = fuzz_name(g, "c");
  fuzz_line(g, "%s = T.%s(%s)", c, NAMES[which], fuzz_condition(g, 1).text);
  fuzz_line(g, "%s = T.cast(%s, \"%s\")", v->name, c, tilec_dtype_name(v->dtype));
  sync(g);
  return true;
}

/* ---- what all threads do together ---- */

static bool together(fuzz_gen *g) {
  uint32_t n_atoms = g->n_atoms, n = 1 + fuzz_choose(g, 3);
  if (g->depth >= 2 || n_atoms + 1 >= FUZZ_MAX_ATOMS) return false;
  const char *k = fuzz_name(g, "k"), *outer = g->turn;
  fuzz_line(g, "for %s in T.serial(%u):", k, n);
  g->indent += 4;
  g->depth++;
  g->turn = k;
  g->trips *= n;
  g->atoms[g->n_atoms++] = (fuzz_ex){k, TILEC_INT32, 0, n - 1, false, false};
  fuzz_thread_statements(g, 3);
  g->turn = outer;
  g->trips /= n;
  g->depth--;
  g->indent -= 4;
  g->n_atoms = n_atoms;
  return true;
}

/* A statement on tiles, whose operands are the same for all threads. */
static bool on_tiles(fuzz_gen *g, bool (*make)(fuzz_gen *g)) {
  uint32_t n_atoms = g->n_atoms, n_vars = g->n_vars, locals = g->n_bufs;
  fuzz_ex kept[FUZZ_MAX_ATOMS];
  memcpy(kept, g->atoms, sizeof kept);
  g->n_atoms = 0;
  for (uint32_t i = 0; i < n_atoms; i++)
    if (strcmp(kept[i].text, g->thread.text) != 0) g->atoms[g->n_atoms++] = kept[i];
  g->n_vars = 0;
  for (uint32_t i = 0; i < locals; i++)
    if (g->bufs[i].is_local) g->bufs[i].place = FUZZ_GONE;
  sync(g);
  bool made = make(g);
  sync(g);
  for (uint32_t i = 0; i < locals; i++)
    if (g->bufs[i].is_local) g->bufs[i].place = FUZZ_TILE;
  memcpy(g->atoms, kept, sizeof kept);
  g->n_atoms = n_atoms;
  g->n_vars = n_vars;
  return made;
}

static bool parallel_on_tile(fuzz_gen *g) {
  fuzz_buf *b = shared_tile(g);
  return b && fuzz_parallel(g, b);
}

static bool tiles_together(fuzz_gen *g) {
  static bool (*const MAKE[])(fuzz_gen *) = {parallel_on_tile,   fuzz_tile_fill, fuzz_tile_copy,
                                             fuzz_tile_reduce,   fuzz_tile_gemm, fuzz_tile_scan,
                                             fuzz_tile_transpose};
  return on_tiles(g, MAKE[fuzz_choose(g, TC_COUNT(MAKE))]);
}

typedef struct statement {
  uint8_t weight;
  bool (*make)(fuzz_gen *g);
} statement;

static const statement STATEMENTS[] = {
    {8, shared_store},   {4, own_assign}, {3, own_loop}, {3, own_branch},
    {2, local_store},    {2, own_output}, {2, atomic},   {4, shuffle},
    {2, warp_reduction}, {3, vote},       {3, together}, {4, tiles_together},
};

void fuzz_thread_statements(fuzz_gen *g, uint32_t most) {
  uint8_t weights[TC_COUNT(STATEMENTS)];
  for (uint32_t i = 0; i < TC_COUNT(STATEMENTS); i++)
    weights[i] = STATEMENTS[i].weight;
  bool any = false;
  for (uint32_t i = 0; i < most; i++) {
    uint32_t span = tape_begin(g->t);
    bool more = fuzz_chance(g, 3, 4);
    for (int tries = 0; more && tries < 4; tries++) {
      if (!STATEMENTS[fuzz_weigh(g, weights, TC_COUNT(STATEMENTS))].make(g)) continue;
      any = true;
      break;
    }
    tape_end(g->t, span);
  }
  if (!any) fuzz_line(g, "T.sync_threads()");
}

/* ---- the frame ---- */

void fuzz_thread_begin(fuzz_gen *g) {
  fuzz_line(g, "%s = T.get_thread_binding()", g->thread.text);
  g->atoms[g->n_atoms++] = g->thread;
  const char *name = fuzz_name(g, "l");
  tilec_dtype dtype = fuzz_any_dtype(g);
  if (fuzz_bits_of(dtype) < 8) dtype = TILEC_INT32;
  fuzz_line(g, "%s = T.alloc_local((4,), \"%s\")", name, tilec_dtype_name(dtype));
  fuzz_line(g, "for l in T.serial(4):");
  fuzz_line(g, "    %s[l] = %s", name, fuzz_value(g, dtype, 1).text);
  if (g->n_bufs < FUZZ_MAX_BUFS - 1)
    g->bufs[g->n_bufs++] = (fuzz_buf){.name = name,
                                      .dtype = dtype,
                                      .place = FUZZ_TILE,
                                      .is_local = true,
                                      .rank = 1,
                                      .root = ++g->n_names,
                                      .dim = {4},
                                      .own = {4}};
  sync(g);
}

void fuzz_thread_end(fuzz_gen *g) {
  const fuzz_buf *b = g->thread_output;
  const char *at = "", *sum = "";
  for (uint32_t d = 0; d < b->rank; d++)
    at = FUZZ_TEXT(g, "%s%s%s", at, d ? ", " : "", b->base[d]);
  for (uint32_t i = 0; i < g->n_vars; i++) {
    const fuzz_var *v = &g->vars[i];
    if (!v->usable) continue;
    sum = FUZZ_TEXT(g, "%s%sT.cast(%s, \"%s\")", sum, *sum ? " + " : "", v->name,
                    tilec_dtype_name(b->dtype));
    if (b->dtype == TILEC_BOOL) break;
  }
  if (*sum) fuzz_line(g, "%s[%s] = %s", b->name, at, sum);
  sync(g);
  g->n_atoms = g->n_kernel_atoms;
}
