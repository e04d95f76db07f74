/* Macros, made where they are first called. */
#include "gen.h"

#include <inttypes.h>
#include <string.h>

/* What surrounds the call is not in reach of the macro's body. */
typedef struct outside {
  tc_sb body;
  uint32_t indent, n_bufs, n_vars, n_atoms, locked_root;
  fuzz_ex own_element;
} outside;

static outside step_out(fuzz_gen *g) {
  outside o = {g->body,    g->indent,      g->n_bufs,     g->n_vars,
               g->n_atoms, g->locked_root, g->own_element};
  g->body = g->module;
  g->indent = 0;
  g->n_bufs = g->n_vars = g->n_atoms = g->locked_root = 0;
  return o;
}

static void step_in(fuzz_gen *g, const outside *o) {
  g->module = g->body;
  g->body = o->body;
  g->indent = o->indent;
  g->n_bufs = o->n_bufs;
  g->n_vars = o->n_vars;
  g->n_atoms = o->n_atoms;
  g->locked_root = o->locked_root;
  g->own_element = o->own_element;
}

/* The atoms of the call are behind those of the macro's body, so they are kept aside. */
static void put_atom(fuzz_gen *g, const char *name, int64_t hi) {
  g->atoms[g->n_atoms++] = (fuzz_ex){name, TILEC_INT32, 0, hi, false, false};
}

/* An argument in the macro's body. It may be a number there, with which Python would compute, so
 * that nothing wraps. */
static const char *argument(fuzz_gen *g, const char *name) {
  return FUZZ_TEXT(g, "T.cast(%s, \"int32\")", name);
}

/* Every element of a tile, from itself, its place and a number. */
static bool on_tile(fuzz_gen *g) {
  fuzz_buf *to = fuzz_some_tile(g);
  if (!to || to->of != FUZZ_IS_ANY || to->rank > 2) return false;
  fuzz_ex kept[FUZZ_MAX_ATOMS];
  memcpy(kept, g->atoms, sizeof kept);
  const char *name = fuzz_name(g, "m");
  bool two = to->rank == 2;
  outside o = step_out(g);
  put_atom(g, "i", to->dim[0] - 1);
  if (two) put_atom(g, "j", to->dim[1] - 1);
  g->own_element = fuzz_unknown(two ? "tile[i, j]" : "tile[i]", to->dtype);
  fuzz_line(g, "@T.macro");
  fuzz_line(g, "def %s(tile, s, n=3):", name);
  if (two) fuzz_line(g, "    rows, cols = tile.shape");
  fuzz_line(g, two ? "    for i, j in T.Parallel(rows, cols):"
                   : "    for i in T.Parallel(tile.shape[0]):");
  g->atoms[g->n_atoms++] = fuzz_unknown(argument(g, "s"), TILEC_INT32);
  fuzz_line(g, "        %s = %s", g->own_element.text, fuzz_value(g, to->dtype, 2).text);
  step_in(g, &o);
  memcpy(g->atoms, kept, sizeof kept);
  fuzz_line(g, "%s(%s, %s)", name, to->name, fuzz_index(g, 9, 1).text);
  return true;
}

/* A variable or element by reference. */
static bool by_reference(fuzz_gen *g) {
  fuzz_buf *to = fuzz_some_tile(g);
  if (!to || to->of != FUZZ_IS_ANY || to->rank != 1) return false;
  fuzz_ex kept[FUZZ_MAX_ATOMS];
  memcpy(kept, g->atoms, sizeof kept);
  const char *name = fuzz_name(g, "r");
  outside o = step_out(g);
  put_atom(g, argument(g, "y"), 8);
  g->own_element = fuzz_unknown("x", to->dtype);
  fuzz_line(g, "@T.macro");
  fuzz_line(g, "def %s(x: T.Ref, y):", name);
  fuzz_line(g, "    if y > %u:", fuzz_choose(g, 8));
  fuzz_line(g, "        x = %s", fuzz_value(g, to->dtype, 2).text);
  step_in(g, &o);
  memcpy(g->atoms, kept, sizeof kept);
  const char *element =
      FUZZ_TEXT(g, "%s[%s]", to->name,
                fuzz_number(g, TILEC_INT32, (int64_t)fuzz_choose(g, (uint32_t)to->dim[0])).text);
  fuzz_line(g, "%s(%s, %s)", name, element, fuzz_index(g, 9, 1).text);
  return true;
}

bool fuzz_macro_call(fuzz_gen *g) {
  return fuzz_chance(g, 1, 3) ? by_reference(g) : on_tile(g);
}
