/* The text form.  Printing is canonical because the runs of a layout in normal form are. */
#include "layout/layout_private.h"

#include <inttypes.h>

static const char *const space_names[TC_N_SPACES] = {
#define SPACE(id, doc) #id,
#include "layout/spaces.def"
#undef SPACE
};

/* ---- print ---- */

static void print_list(tc_sb *out, char open, char close, const char *between, uint32_t n,
                       const int64_t *at) {
  tc_sb_char(out, open);
  for (uint32_t i = 0; i < n; i++)
    tc_sb_printf(out, "%s%" PRId64, i ? between : "", at[i]);
  tc_sb_char(out, close);
}

/* Whether `high` has the masks of `low`, shifted up by `by`. */
static bool doubles(const tc_mode *low, const tc_mode *high, uint32_t by) {
  if (low->kind != TC_MODE_BIT || high->kind != TC_MODE_BIT || low->space != high->space)
    return false;
  for (uint32_t d = 0; d < TC_LAYOUT_DIMS; d++)
    if (low->mask[d] >> (62 - by) || low->mask[d] << by != high->mask[d]) return false;
  return true;
}

/* Prints the mode at `at` with the bits above it that belong to it; returns how many. */
static uint32_t print_mode(tc_sb *out, const tc_mode *at, uint32_t n, uint32_t n_dims) {
  int64_t value[TC_LAYOUT_DIMS] = {0};
  uint32_t bits = 1;
  if (at->kind == TC_MODE_STEP) {
    value[at->dim] = at->step;
    tc_sb_printf(out, "%" PRId64, at->extent);
  } else {
    while (bits < n && doubles(at, &at[bits], bits))
      bits++;
    for (uint32_t d = 0; d < TC_LAYOUT_DIMS; d++)
      value[d] = (int64_t)at->mask[d];
    tc_sb_printf(out, "%" PRId64 "^", INT64_C(1) << bits);
  }
  print_list(out, '(', ')', ",", n_dims, value);
  return bits;
}

static void print_table(tc_sb *out, const tc_layout *l) {
  const tc_layout_table *table = l->table;
  int64_t n = tc_layout_elements(l) * table->n_replicas, start = 0, count = 0;
  tc_sb_printf(out, "table copies:%" PRId64, table->n_replicas);
  for (uint32_t s = 0; s < TC_N_SPACES; s++)
    tc_sb_printf(out, ", %s:%" PRId64, space_names[s], l->size[s]);
  tc_sb_adds(out, " -> ");
  print_list(out, '[', ']', ", ", l->n_dims, l->bound);
  tc_sb_adds(out, " {");
  for (int64_t i = 0; i <= n; i++) {
    int64_t flat = -1;
    for (uint32_t s = 0; s < TC_N_SPACES && i < n; s++)
      flat = (s ? flat : 0) * l->size[s] + table->at[i * TC_N_SPACES + s];
    if (count && flat == start + count) {
      count++;
      continue;
    }
    if (count) tc_sb_printf(out, "%" PRId64 "+%" PRId64 "%s", start, count, i < n ? ", " : "");
    start = flat, count = 1;
  }
  tc_sb_adds(out, "}");
}

void tc_layout_print(tc_sb *out, const tc_layout *l) {
  tc_sb_adds(out, "layout(");
  if (l->table) {
    print_table(out, l);
    tc_sb_char(out, ')');
    return;
  }
  tc_mode runs[TC_LAYOUT_MODES];
  uint32_t n = tc_layout_runs(l, runs);
  for (uint32_t i = 0; i < n;) {
    uint32_t space = runs[i].space, first = i;
    tc_sb_printf(out, "%s%s:[", i ? ", " : "", space_names[space]);
    while (i < n && runs[i].space == space) {
      if (i > first) tc_sb_adds(out, ", ");
      i += print_mode(out, &runs[i], n - i, l->n_dims);
    }
    tc_sb_char(out, ']');
  }
  tc_sb_adds(out, n ? " -> " : "-> ");
  print_list(out, '[', ']', ", ", l->n_dims, l->bound);
  tc_sb_char(out, ')');
}

/* ---- parse: each function reads from the front, and says whether it could ---- */

static void skip_blanks(tc_str *t) {
  while (t->n && (t->at[0] == ' ' || t->at[0] == '\n' || t->at[0] == '\t' || t->at[0] == '\r'))
    t->at++, t->n--;
}

static bool take(tc_str *t, const char *token) {
  skip_blanks(t);
  if (!tc_str_starts(*t, token)) return false;
  uint32_t n = (uint32_t)strlen(token);
  t->at += n, t->n -= n;
  return true;
}

static bool take_number(tc_str *t, int64_t *x) {
  skip_blanks(t);
  uint32_t n = 0;
  *x = 0;
  for (; n < t->n && t->at[n] >= '0' && t->at[n] <= '9'; n++)
    if (*x > (TC_LAYOUT_MOST - 9) / 10)
      return false;
    else
      *x = *x * 10 + (t->at[n] - '0');
  t->at += n, t->n -= n;
  return n > 0;
}

/* Up to TC_LAYOUT_DIMS numbers between brackets. */
static bool take_list(tc_str *t, const char *open, const char *close, int64_t *at, uint32_t *n) {
  *n = 0;
  if (!take(t, open)) return false;
  if (take(t, close)) return true;
  do {
    if (*n == TC_LAYOUT_DIMS || !take_number(t, &at[*n])) return false;
    ++*n;
  } while (take(t, ","));
  return take(t, close);
}

typedef struct parsed {
  tc_mode modes[TC_LAYOUT_MODES];
  uint32_t n, n_dims;
  bool has_dims; /* a mode has said how many dims there are */
} parsed;

static bool add_parsed(parsed *p, const tc_mode *mode) {
  if (p->n == TC_LAYOUT_MODES) return false;
  p->modes[p->n++] = *mode;
  return true;
}

static bool parse_bits(parsed *p, uint32_t space, int64_t extent, const int64_t *value) {
  if (!tc_is_power_of_two(extent) || extent < 2) return false;
  for (uint32_t bit = 0; extent >> bit > 1; bit++) {
    tc_mode mode = {.kind = TC_MODE_BIT, .space = (uint8_t)space, .extent = 2};
    for (uint32_t d = 0; d < p->n_dims; d++) {
      if (value[d] >> (62 - bit)) return false;
      mode.mask[d] = (uint64_t)value[d] << bit;
    }
    if (!add_parsed(p, &mode)) return false;
  }
  return true;
}

static bool parse_step(parsed *p, uint32_t space, int64_t extent, const int64_t *value) {
  tc_mode mode = {.kind = TC_MODE_STEP, .space = (uint8_t)space, .extent = extent};
  for (uint32_t d = 0; d < p->n_dims; d++) {
    if (value[d] && mode.step) return false;
    if (value[d]) mode.dim = (uint8_t)d, mode.step = value[d];
  }
  return extent >= 2 && add_parsed(p, &mode);
}

static bool parse_mode(tc_str *t, parsed *p, uint32_t space) {
  int64_t extent, value[TC_LAYOUT_DIMS];
  uint32_t n;
  if (!take_number(t, &extent)) return false;
  bool is_bits = take(t, "^");
  if (!take_list(t, "(", ")", value, &n) || (p->has_dims && n != p->n_dims)) return false;
  p->has_dims = true, p->n_dims = n;
  return is_bits ? parse_bits(p, space, extent, value) : parse_step(p, space, extent, value);
}

static bool parse_spaces(tc_str *t, parsed *p) {
  for (uint32_t space = 0; space < TC_N_SPACES; space++) {
    if (!take(t, space_names[space])) continue;
    if (!take(t, ":") || !take(t, "[")) return false;
    do {
      if (!parse_mode(t, p, space)) return false;
    } while (take(t, ","));
    if (!take(t, "]")) return false;
    take(t, ",");
  }
  return true;
}

/* The entries {start+count, ..}, as places and, the other way, as elements. */
static bool parse_entries(tc_str *t, const tc_layout *l, int64_t n, int64_t n_hw, int64_t *at,
                          int64_t *element) {
  int64_t i = 0, start, count;
  do {
    if (!take_number(t, &start) || !take(t, "+") || !take_number(t, &count)) return false;
    if (start > n_hw || count > n_hw - start || count > n - i) return false;
    for (; count > 0; count--, start++, i++) {
      tc_hw hw = tc_layout_hw(l, start);
      if (element[start] >= 0) return false;
      element[start] = i / l->table->n_replicas;
      memcpy(at + i * TC_N_SPACES, hw.at, sizeof hw.at);
    }
  } while (take(t, ","));
  return i == n;
}

static const tc_layout *parse_table(tc_arena *arena, tc_str *t) {
  tc_layout *l = TC_NEW(arena, tc_layout);
  tc_layout_table *table = TC_NEW(arena, tc_layout_table);
  int64_t n, n_hw = 1;
  l->table = table;
  if (!take(t, "copies") || !take(t, ":") || !take_number(t, &table->n_replicas)) return NULL;
  for (uint32_t s = 0; s < TC_N_SPACES; s++) {
    if (!take(t, ",") || !take(t, space_names[s]) || !take(t, ":")) return NULL;
    if (!take_number(t, &l->size[s]) || l->size[s] < 1) return NULL;
    if (!tc_mul_fits(n_hw, l->size[s], &n_hw) || n_hw > TC_LAYOUT_POINTS) return NULL;
  }
  if (!take(t, "->") || !take_list(t, "[", "]", l->bound, &l->n_dims) || !take(t, "{")) return NULL;
  for (uint32_t d = 0; d < TC_LAYOUT_DIMS; d++)
    if (d >= l->n_dims)
      l->bound[d] = 1;
    else if (l->bound[d] < 1)
      return NULL;
  if (table->n_replicas < 1 || !tc_mul_fits(tc_layout_elements(l), table->n_replicas, &n)
      || n > n_hw)
    return NULL;
  int64_t *at = TC_NEW_ARRAY(arena, (size_t)n * TC_N_SPACES, int64_t);
  int64_t *element = TC_NEW_ARRAY(arena, (size_t)n_hw, int64_t);
  for (int64_t i = 0; i < n_hw; i++)
    element[i] = -1;
  table->at = at, table->element = element;
  return parse_entries(t, l, n, n_hw, at, element) && take(t, "}") ? l : NULL;
}

const tc_layout *tc_layout_parse(tc_arena *arena, tc_str *text) {
  parsed *p = TC_NEW(arena, parsed);
  int64_t bound[TC_LAYOUT_DIMS];
  uint32_t n;
  if (!take(text, "layout") || !take(text, "(")) return NULL;
  const tc_layout *l = NULL;
  if (take(text, "table")) {
    l = parse_table(arena, text);
  } else {
    if (!parse_spaces(text, p) || !take(text, "->") || !take_list(text, "[", "]", bound, &n))
      return NULL;
    if (p->has_dims && p->n_dims != n) return NULL;
    l = tc_layout_make(arena, n, bound, p->modes, p->n);
  }
  return l && take(text, ")") ? l : NULL;
}
