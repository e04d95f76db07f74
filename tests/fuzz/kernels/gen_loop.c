/* Statements with control flow: loops, branches, variables, parallel loops. */
#include "gen.h"

#include <inttypes.h>
#include <string.h>

enum { MAX_DEPTH = 3, MAX_TRIPS = 16 };

static void push_atom(fuzz_gen *g, const char *name, int64_t lo, int64_t hi) {
  if (g->n_atoms < FUZZ_MAX_ATOMS)
    g->atoms[g->n_atoms++] = (fuzz_ex){name, TILEC_INT32, lo, hi, false, false};
}

/* What a nested block adds is gone after it. */
typedef struct scope {
  uint32_t n_atoms, indent, depth;
  int64_t trips;
  bool in_loop;
} scope;

static scope enter(fuzz_gen *g) {
  scope s = {.n_atoms = g->n_atoms,
             .indent = g->indent,
             .depth = g->depth,
             .trips = g->trips,
             .in_loop = g->in_loop};
  g->indent += 4;
  g->depth++;
  return s;
}

static void leave(fuzz_gen *g, const scope *s) {
  g->n_atoms = s->n_atoms;
  g->indent = s->indent;
  g->depth = s->depth;
  g->trips = s->trips;
  g->in_loop = s->in_loop;
}

/* ---- variables ---- */

bool fuzz_assign(fuzz_gen *g) {
  fuzz_var *found[FUZZ_MAX_VARS];
  uint32_t n = 0;
  for (uint32_t i = 0; i < g->n_vars; i++) {
    fuzz_var *v = &g->vars[i];
    if (v->usable && !v->locked && v->per_iteration == g->in_parallel) found[n++] = v;
  }
  if (!n) return false;
  const fuzz_var *v = found[fuzz_choose(g, n)];
  static const char *const OPS[] = {"=", "+=", "-=", "*="};
  bool is_bool = v->dtype == TILEC_BOOL;
  fuzz_line(g, "%s %s %s", v->name, OPS[is_bool ? 0 : fuzz_choose(g, 4)],
            fuzz_value(g, v->dtype, 2).text);
  return true;
}

/* ---- parallel loops ---- */

typedef struct target {
  const char *index; /* "i, j" */
  const char *extents, *vars;
} target;

static const char *based(fuzz_gen *g, const fuzz_buf *b, uint32_t d, const char *i) {
  return b->base[d] ? FUZZ_TEXT(g, "%s + %s", b->base[d], i) : i;
}

/* One loop over all elements of the part; dimensions are its digits. */
static target flat_target(fuzz_gen *g, const fuzz_buf *b) {
  int64_t n = 1, below = 1;
  for (uint32_t d = 0; d < b->rank; d++)
    n *= b->own[d];
  const char *v = fuzz_name(g, "f"), *index = "";
  push_atom(g, v, 0, n - 1);
  for (uint32_t d = b->rank; d-- > 0;) {
    const char *i = below == 1 ? v : FUZZ_TEXT(g, "%s // %" PRId64, v, below);
    if (d) i = FUZZ_TEXT(g, "%s %% %" PRId64, i, b->own[d]);
    index = FUZZ_TEXT(g, "%s%s%s", based(g, b, d, i), index[0] ? ", " : "", index);
    below *= b->own[d];
  }
  return (target){index, FUZZ_TEXT(g, "%" PRId64, n), v};
}

/* One loop per dimension, in any order, each running over all or some of it. */
static target nested_target(fuzz_gen *g, const fuzz_buf *b) {
  target t = {"", "", ""};
  const char *at[FUZZ_RANK];
  uint32_t first = fuzz_choose(g, b->rank);
  for (uint32_t k = 0; k < b->rank; k++) {
    uint32_t d = (first + k) % b->rank;
    int64_t own = b->own[d], n = fuzz_chance(g, 1, 4) ? 1 + fuzz_choose(g, (uint32_t)own) : own;
    const char *v = fuzz_name(g, "i");
    bool free = !b->base[d] && b->place == FUZZ_OUTPUT;
    if (free && fuzz_chance(g, 1, 4)) n = own + fuzz_choose(g, 5);
    switch (fuzz_choose(g, 5)) {
    case 3:
      at[d] = FUZZ_TEXT(g, "%" PRId64 " - %s", n < own ? n - 1 : own - 1, v);
      if (n > own) at[d] = v;
      break;
    case 1:
      at[d] = n < own ? FUZZ_TEXT(g, "%s + %" PRId64, v, own - n) : v;
      break;
    case 2:
      at[d] = n <= own ? FUZZ_TEXT(g, "(%s + %u) %% %" PRId64, v, fuzz_choose(g, 9), own) : v;
      break;
    default:
      at[d] = v;
      break;
    }
    push_atom(g, v, 0, n - 1);
    t.vars = FUZZ_TEXT(g, "%s%s%s", t.vars, k ? ", " : "", v);
    t.extents = FUZZ_TEXT(g, "%s%s%" PRId64, t.extents, k ? ", " : "", n);
  }
  for (uint32_t d = 0; d < b->rank; d++)
    t.index = FUZZ_TEXT(g, "%s%s%s", t.index, d ? ", " : "", based(g, b, d, at[d]));
  return t;
}

/* A variable of the iteration, and a loop that changes it. */
static void iterate_var(fuzz_gen *g) {
  fuzz_var *v = NULL;
  for (uint32_t i = 0; i < g->n_vars && !v; i++)
    if (g->vars[i].per_iteration && !g->vars[i].usable) v = &g->vars[i];
  if (!v) return;
  fuzz_line(g, "%s = %s", v->name, fuzz_value(g, v->dtype, 1).text);
  v->usable = true;
  if (!fuzz_chance(g, 1, 2)) return;
  const char *k = fuzz_name(g, "s");
  int64_t n = 1 + fuzz_choose(g, 4);
  fuzz_line(g, "for %s in T.serial(%" PRId64 "):", k, n);
  scope s = enter(g);
  push_atom(g, k, 0, n - 1);
  if (fuzz_chance(g, 1, 4)) {
    fuzz_line(g, "if %s:", fuzz_condition(g, 1).text);
    fuzz_line(g, "    %s", fuzz_chance(g, 1, 2) ? "break" : "continue");
  }
  fuzz_assign(g);
  leave(g, &s);
}

static void store(fuzz_gen *g, const fuzz_buf *to, const char *index) {
  static const char *const OPS[] = {"=", "+=", "-=", "*="};
  const char *op = "=";
  if (to->of == FUZZ_IS_ANY && to->dtype != TILEC_BOOL) op = OPS[fuzz_choose(g, 4)];
  fuzz_ex x = fuzz_value_for(g, to, 3);
  if (op[0] != '=' && x.plain && fuzz_kind_of(to->dtype) != FUZZ_FLOAT)
    x = fuzz_number(g, to->dtype, 1);
  fuzz_line(g, "%s[%s] %s %s", to->name, index, op, x.text);
}

static void parallel_body(fuzz_gen *g, const fuzz_buf *to, const char *index) {
  if (fuzz_chance(g, 1, 4)) iterate_var(g);
  if (fuzz_chance(g, 1, 8)) fuzz_tile_atomic(g);
  uint32_t form = fuzz_choose(g, 6);
  if (form == 4) {
    const char *x = fuzz_name(g, "x");
    fuzz_ex e = fuzz_value_for(g, to, 2);
    fuzz_line(g, "%s = %s", x, e.text);
    fuzz_line(g, "%s[%s] = %s", to->name, index, x);
    return;
  }
  if (form != 5) {
    store(g, to, index);
    return;
  }
  fuzz_line(g, "if %s:", fuzz_condition(g, 2).text);
  g->indent += 4;
  store(g, to, index);
  g->indent -= 4;
  if (!fuzz_chance(g, 1, 2)) return;
  fuzz_line(g, "else:");
  g->indent += 4;
  store(g, to, index);
  g->indent -= 4;
}

bool fuzz_parallel(fuzz_gen *g, fuzz_buf *to) {
  if (!to || to->of == FUZZ_IS_SUM) return false;
  scope s = enter(g);
  g->in_parallel = true;
  target t = fuzz_chance(g, 1, 4) ? flat_target(g, to) : nested_target(g, to);
  g->indent -= 4;
  fuzz_line(g, "for %s in T.Parallel(%s):", t.vars, t.extents);
  g->indent += 4;
  g->locked_root = to->root;
  if (to->of == FUZZ_IS_ANY)
    g->own_element = fuzz_unknown(FUZZ_TEXT(g, "%s[%s]", to->name, t.index), to->dtype);
  parallel_body(g, to, t.index);
  g->locked_root = 0;
  g->own_element.text = NULL;
  g->in_parallel = false;
  for (uint32_t i = 0; i < g->n_vars; i++)
    if (g->vars[i].per_iteration) g->vars[i].usable = false;
  leave(g, &s);
  return true;
}

/* ---- serial control flow ---- */

static bool loop(fuzz_gen *g) {
  int64_t n = 1 + fuzz_choose(g, 4);
  if (g->depth >= MAX_DEPTH || g->trips * n > MAX_TRIPS) return false;
  const char *k = fuzz_name(g, "k"), *head;
  int64_t lo = 0, hi = n - 1;
  switch (fuzz_choose(g, 6)) {
  case 0:
    head = FUZZ_TEXT(g, "range(%" PRId64 ")", n);
    break;
  case 1:
    head = FUZZ_TEXT(g, "T.unroll(%" PRId64 ")", n);
    break;
  case 2:
    head = FUZZ_TEXT(g, "T.Pipelined(%" PRId64 ", num_stages=%u)", n, fuzz_choose(g, 4));
    break;
  case 3:
    lo = 1, hi = n;
    head = FUZZ_TEXT(g, "T.serial(1, %" PRId64 ")", n + 1);
    break;
  case 4:
    head = FUZZ_TEXT(g, "T.serial(%" PRId64 ", -1, -1)", n - 1);
    break;
  default:
    lo = 0, hi = 3 * (n - 1);
    head = FUZZ_TEXT(g, "T.serial(0, %" PRId64 ", 3)", 3 * n - 2);
    break;
  }
  fuzz_line(g, "for %s in %s:", k, head);
  scope s = enter(g);
  g->trips *= n;
  g->in_loop = true;
  push_atom(g, k, lo, hi);
  if (fuzz_chance(g, 1, 8)) {
    fuzz_line(g, "if %s:", fuzz_condition(g, 1).text);
    fuzz_line(g, "    %s", fuzz_chance(g, 1, 2) ? "break" : "continue");
  }
  fuzz_statements(g, 3);
  leave(g, &s);
  return true;
}

static bool while_loop(fuzz_gen *g) {
  int64_t n = 1 + fuzz_choose(g, 4);
  if (g->depth >= MAX_DEPTH || g->trips * n > MAX_TRIPS) return false;
  const char *w = fuzz_name(g, "w");
  fuzz_line(g, "%s = T.alloc_var(\"int32\", init=0)", w);
  fuzz_ex more = {"", TILEC_BOOL, 0, 1, false, false};
  if (fuzz_chance(g, 1, 3)) more.text = FUZZ_TEXT(g, " and %s", fuzz_condition(g, 1).text);
  fuzz_line(g, "while %s < %" PRId64 "%s:", w, n, more.text);
  scope s = enter(g);
  g->trips *= n;
  fuzz_line(g, "%s += 1", w);
  push_atom(g, w, 1, n);
  fuzz_statements(g, 3);
  leave(g, &s);
  return true;
}

static bool branch(fuzz_gen *g) {
  if (g->depth >= MAX_DEPTH) return false;
  fuzz_line(g, "if %s:", fuzz_condition(g, 2).text);
  scope s = enter(g);
  fuzz_statements(g, 2);
  leave(g, &s);
  if (!fuzz_chance(g, 1, 3)) return true;
  fuzz_line(g, "else:");
  s = enter(g);
  fuzz_statements(g, 2);
  leave(g, &s);
  return true;
}

/* One element, by the block as a whole. */
static bool scalar_store(fuzz_gen *g) {
  fuzz_buf *to = fuzz_writable(g);
  if (!to || to->of == FUZZ_IS_SUM) return false;
  const char *index = "";
  for (uint32_t d = 0; d < to->rank; d++)
    index = FUZZ_TEXT(g, "%s%s%s", index, d ? ", " : "",
                      based(g, to, d, fuzz_index(g, to->own[d], 1).text));
  fuzz_line(g, "%s[%s] = %s", to->name, index, fuzz_value_for(g, to, 2).text);
  return true;
}

/* One element after another, which may read those before. */
static bool vectorized(fuzz_gen *g) {
  fuzz_buf *to = fuzz_some_tile(g);
  if (!to || to->rank > 2) return false;
  const char *v = fuzz_name(g, "v"), *index = "";
  int64_t n = to->dim[to->rank - 1];
  fuzz_line(g, "for %s in T.vectorized(%" PRId64 "):", v, n);
  scope s = enter(g);
  push_atom(g, v, 0, n - 1);
  if (to->rank == 2) index = FUZZ_TEXT(g, "%s, ", fuzz_index(g, to->dim[0], 1).text);
  fuzz_line(g, "%s[%s%s] = %s", to->name, index, v, fuzz_value_for(g, to, 2).text);
  leave(g, &s);
  return true;
}

static bool swap(fuzz_gen *g) {
  fuzz_buf *b = fuzz_some_tile(g);
  if (!b || b->rank != 1) return false;
  const char *x = FUZZ_TEXT(g, "%s[%s]", b->name, fuzz_index(g, b->dim[0], 1).text);
  const char *y = FUZZ_TEXT(g, "%s[%s]", b->name, fuzz_index(g, b->dim[0], 1).text);
  fuzz_line(g, "%s, %s = %s, %s", x, y, y, x);
  return true;
}

static bool parallel_anywhere(fuzz_gen *g) {
  return fuzz_parallel(g, fuzz_writable(g));
}

/* ---- statements ---- */

typedef struct statement {
  uint8_t weight;
  bool (*make)(fuzz_gen *g);
} statement;

static const statement STATEMENTS[] = {
    {12, parallel_anywhere}, {8, fuzz_tile_copy},  {2, fuzz_tile_fill},      {5, fuzz_tile_gemm},
    {5, fuzz_tile_reduce},   {3, fuzz_tile_scan},  {3, fuzz_tile_transpose}, {3, fuzz_tile_atomic},
    {2, fuzz_tile_view},     {3, scalar_store},    {2, fuzz_assign},         {4, loop},
    {2, while_loop},         {3, branch},          {2, vectorized},          {1, swap},
    {1, fuzz_tile_im2col},   {2, fuzz_macro_call}, {1, fuzz_rough_product},
};

static void one_statement(fuzz_gen *g) {
  uint8_t weights[TC_COUNT(STATEMENTS)];
  for (uint32_t i = 0; i < TC_COUNT(STATEMENTS); i++)
    weights[i] = STATEMENTS[i].weight;
  for (int tries = 0; tries < 8; tries++)
    if (STATEMENTS[fuzz_weigh(g, weights, TC_COUNT(STATEMENTS))].make(g)) return;
  fuzz_line(g, "T.evaluate(0)");
}

void fuzz_statements(fuzz_gen *g, uint32_t most) {
  bool first = true;
  uint32_t n_bufs = g->n_bufs;
  for (uint32_t i = 0; i < most; i++) {
    uint32_t span = tape_begin(g->t);
    bool more = fuzz_chance(g, 3, 4);
    if (more) one_statement(g), first = false;
    tape_end(g->t, span);
  }
  if (first) fuzz_line(g, "T.evaluate(0)");
  /* Views made here have no name outside; tiles are made at the top of the kernel. */
  for (uint32_t i = n_bufs; i < g->n_bufs; i++)
    if (g->depth > 0 && g->bufs[i].is_view) g->bufs[i].place = FUZZ_GONE;
}
