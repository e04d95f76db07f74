#include "target/common/prelude.h"
#include "target/common/write.h"

#include "base/floats.h"
#include "base/map.h"
#include "ir/ir.h"

#include <string.h>

/* The text is a macro argument, so a name that is also a macro of this file's headers would be
 * replaced in it; none is. */
#define TEXT(...) #__VA_ARGS__
static const struct {
  const char *name, *text;
} rows[] = {
#define PRELUDE(name, ...) {#name, TEXT(__VA_ARGS__)},
#include "target/common/scalar.def"
#undef PRELUDE
};

const char *const tc_prelude_types = "typedef signed char tc_i8;\n"
                                     "typedef unsigned char tc_u8;\n"
                                     "typedef short tc_i16;\n"
                                     "typedef unsigned short tc_u16;\n"
                                     "typedef int tc_i32;\n"
                                     "typedef unsigned int tc_u32;\n"
                                     "typedef long long tc_i64;\n"
                                     "typedef unsigned long long tc_u64;\n"
                                     "typedef tc_u16 tc_f16; /* the bits */\n"
                                     "typedef tc_u16 tc_bf16;\n";

/* ---- the functions of one narrow float format ---- */

/* Patterns of a format as numbers; see the columns of floats.def. */
typedef struct format {
  const tc_float_row *row;
  int top; /* position of the sign */
  bool ieee, no_minus_zero;
  uint32_t max, infinity, nan, nan_mask, nan_bits;
  bool nan_sign;
} format;

static format format_of(enum tc_float_format id) {
  const tc_float_row *row = tc_float_info(id);
  format f = {.row = row, .top = row->exponent_bits + row->mantissa_bits, .nan_bits = 1};
  uint32_t ones = ((uint32_t)1 << f.top) - 1;
  f.ieee = row->nan == TC_FLOAT_NAN_IEEE;
  f.no_minus_zero = row->nan == TC_FLOAT_NAN_NEG_ZERO;
  f.max = tc_float_encode(id, row->max_finite, true);
  f.infinity = f.ieee ? f.max + 1 : f.max;
  switch (row->nan) {
  case TC_FLOAT_NAN_NONE:
    f.nan = f.max;
    break;
  case TC_FLOAT_NAN_IEEE:
    f.nan = f.infinity | (uint32_t)1 << (row->mantissa_bits - 1);
    f.nan_sign = true;
    break;
  case TC_FLOAT_NAN_ALL_ONES:
    f.nan = f.nan_mask = f.nan_bits = ones;
    f.nan_sign = true;
    break;
  case TC_FLOAT_NAN_NEG_ZERO:
    f.nan = f.nan_bits = ones + 1;
    f.nan_mask = 2 * ones + 1;
    break;
  }
  return f;
}

static const char *from_text(tc_arena *arena, const format *f, const char *verb, uint32_t beyond) {
  const char *bits = f->row->bits == 16 ? "tc_u16" : "tc_u8";
  return tc_format(arena,
                   "static inline %s tc_%s_%s(float x) { return (%s)tc_small_from(x, %d, %d, %d, "
                   "0x%x, 0x%x, 0x%x, %d, %d); }",
                   bits, f->row->name, verb, bits, f->row->mantissa_bits, f->row->bias, f->top,
                   f->max, beyond, f->nan, f->nan_sign, f->no_minus_zero);
}

static const char *round_text(tc_arena *arena, const format *f, bool saturates) {
  uint32_t max = 0;
  float largest = (float)f->row->max_finite;
  memcpy(&max, &largest, sizeof max);
  return tc_format(arena,
                   "static inline float tc_%s_round(float x) { return tc_small_round(x, %d, %d, "
                   "tc_f32_of_bits(0x%xu), tc_f32_of_bits(0x%xu), %d, %d); }",
                   f->row->name, f->row->mantissa_bits, f->row->bias, max,
                   saturates ? max : 0x7f800000u, f->row->nan == TC_FLOAT_NAN_NONE,
                   f->no_minus_zero);
}

static const char *get_text(tc_arena *arena, const format *f) {
  return tc_format(arena,
                   "static inline float tc_%s_get(%s x) { return tc_small_get(x, %d, %d, %d, %d, "
                   "0x%x, 0x%x); }",
                   f->row->name, f->row->bits == 16 ? "tc_u16" : "tc_u8", f->row->mantissa_bits,
                   f->row->bias, f->top, f->ieee, f->nan_mask, f->nan_bits);
}

static const char *next_text(tc_arena *arena, const format *f) {
  bool is_tf32 = f->row->bits == 32;
  const char *name = f->row->name;
  uint32_t sign = f->row->sign_bits ? (uint32_t)1 << (f->row->bits - 1) : 0;
  const char *get = is_tf32 ? "tc_f32_of_bits" : tc_format(arena, "tc_%s_get", name);
  const char *put = is_tf32 ? "tc_bits_f32" : tc_format(arena, "tc_%s_put", name);
  return tc_format(arena,
                   "static inline float tc_%s_next(float x, float to) { if (x != x || to != to) "
                   "return __builtin_nanf(\"\"); return x == to ? to : %s(tc_small_step(%s(x), x, "
                   "to, 0x%xu, 0x%xu, %d)); }",
                   name, get, put, sign, is_tf32 ? 1u << 13 : 1u, f->no_minus_zero);
}

/* tc_<format>_<verb>; NULL when the word is nothing of that kind. */
static const char *format_function(tc_arena *arena, tc_str word) {
  for (int id = 0; id < TC_N_FLOAT_FORMATS; id++) {
    format f = format_of((enum tc_float_format)id);
    uint32_t n = (uint32_t)strlen(f.row->name);
    if (word.n < n + 5 || memcmp(word.at + 3, f.row->name, n) != 0 || word.at[3 + n] != '_')
      continue;
    tc_str verb = {word.at + n + 4, word.n - n - 4};
    bool saturates = f.row->bits <= 8;
    if (tc_str_is(verb, "get")) return get_text(arena, &f);
    if (tc_str_is(verb, "put")) return from_text(arena, &f, "put", f.infinity);
    if (tc_str_is(verb, "from"))
      return from_text(arena, &f, "from", saturates ? f.max : f.infinity);
    if (tc_str_is(verb, "round")) return round_text(arena, &f, saturates);
    if (tc_str_is(verb, "next")) return next_text(arena, &f);
  }
  return NULL;
}

const char *tc_prelude_libm(tc_arena *arena, tc_str word) {
  for (int fn = 0; fn < TC_MATH_COUNT; fn++) {
    const tc_mathfn_info *m = tc_math_row((enum tc_mathfn)fn);
    bool is32 = tc_str_is(word, m->c32);
    if (!*m->c32 || (!is32 && !tc_str_is(word, m->c64))) continue;
    const char *type = is32 ? "float" : "double", *name = is32 ? m->c32 : m->c64;
    if (m->arity == 1) return tc_format(arena, "%s %s(%s);", type, name, type);
    if (m->arity == 2) return tc_format(arena, "%s %s(%s, %s);", type, name, type, type);
    return tc_format(arena, "%s %s(%s, %s, %s);", type, name, type, type, type);
  }
  return NULL;
}

const char *tc_prelude_scalar(tc_arena *arena, tc_str word) {
  for (uint32_t i = 0; i < TC_COUNT(rows); i++)
    if (tc_str_is(word, rows[i].name)) return rows[i].text;
  return tc_str_starts(word, "tc_") ? format_function(arena, word) : NULL;
}

/* ---- closure ---- */

typedef struct closure {
  tc_sb *out;
  const tc_prelude *prelude;
  tc_map done; /* by hash of the word */
} closure;

/* A row is one line of text: statements get lines of their own. */
static void add_lines(tc_sb *out, const char *text) {
  int depth = 0, round = 0;
  for (const char *c = text; *c; c++) {
    if (*c == '(') round++;
    if (*c == ')') round--;
    if (*c == '}') depth--;
    tc_sb_char(out, *c);
    if (*c == '{') depth++;
    bool ends = (*c == ';' || *c == '{' || *c == '}') && round == 0 && c[1] != '\n';
    if (!ends) continue;
    while (c[1] == ' ')
      c++;
    tc_sb_char(out, '\n');
    for (int i = 0; i < depth - (c[1] == '}'); i++)
      tc_sb_adds(out, "  ");
  }
  if (out->at[out->n - 1] != '\n') tc_sb_char(out, '\n');
}

static void add_mentioned(closure *c, tc_str text);

/* v1, v2, ...: what the emitter calls its own values. */
static bool is_value(tc_str word) {
  uint32_t i = 1;
  while (i < word.n && word.at[i] >= '0' && word.at[i] <= '9')
    i++;
  return word.at[0] == 'v' && i == word.n;
}

static void add_word(closure *c, tc_str word) {
  uint32_t seen;
  if (is_value(word)) return;
  uint64_t key = tc_hash_bytes(word.at, word.n, 1);
  if (tc_map_get(&c->done, key, &seen)) return;
  tc_map_put(&c->done, key, 1);
  const char *text = c->prelude->find(c->prelude, c->out->arena, word);
  if (!text) return;
  add_mentioned(c, tc_str_of(text));
  add_lines(c->out, text);
}

static void add_mentioned(closure *c, tc_str text) {
  for (uint32_t i = 0; i < text.n;) {
    uint32_t first = i;
    while (i < text.n && tc_is_c_word(text.at[i]))
      i++;
    if (i > first + 2 && !(text.at[first] >= '0' && text.at[first] <= '9'))
      add_word(c, (tc_str){text.at + first, i - first});
    if (i == first) i++;
  }
}

void tc_prelude_add(tc_sb *out, const tc_prelude *prelude, tc_str text) {
  closure c = {out, prelude, tc_map_in(out->arena)};
  add_mentioned(&c, text);
}
