#include "target/cpu/prelude.h"

#include "base/floats.h"
#include "base/map.h"

#include <string.h>

/* The text is a macro argument, so a name that is also a macro of this file's headers would be
 * replaced in it; none is. */
#define TEXT(...) #__VA_ARGS__
typedef struct prelude_row {
  const char *name, *text;
} prelude_row;
static const prelude_row rows[] = {
#define PRELUDE(name, ...) {#name, TEXT(__VA_ARGS__)},
#include "target/cpu/prelude.def"
#undef PRELUDE
};

static const char head[] =
    "typedef signed char tc_i8;\n"
    "typedef unsigned char tc_u8;\n"
    "typedef short tc_i16;\n"
    "typedef unsigned short tc_u16;\n"
    "typedef int tc_i32;\n"
    "typedef unsigned int tc_u32;\n"
    "typedef long long tc_i64;\n"
    "typedef unsigned long long tc_u64;\n"
    "typedef tc_u16 tc_f16; /* the bits */\n"
    "typedef tc_u16 tc_bf16;\n"
    "typedef _Bool tc_bool;\n"
    "typedef struct tc_env {\n"
    "  void *ctx;\n"
    "  void (*print)(void *ctx, const char *text, tc_u64 n);\n"
    "} tc_env;\n"
    "#define TC_INLINE inline __attribute__((always_inline))\n"
    "#define TC_BODY static __attribute__((noinline))\n"
    "#if defined(__clang__)\n"
    "#define TC_INDEPENDENT _Pragma(\"clang loop vectorize(assume_safety)\")\n"
    "#define TC_UNROLL _Pragma(\"clang loop unroll(enable)\")\n"
    "#define TC_FUSED __attribute__((noinline))\n"
    "#define TC_FUSED_BODY _Pragma(\"clang fp contract(fast)\")\n"
    "#else\n"
    "#define TC_INDEPENDENT _Pragma(\"GCC ivdep\")\n"
    "#define TC_UNROLL _Pragma(\"GCC unroll 8\")\n"
    "#define TC_FUSED __attribute__((noinline, optimize(\"fp-contract=fast\")))\n"
    "#define TC_FUSED_BODY\n"
    "#endif\n"
    "#if defined(__clang__)\n"
    "#define TC_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)\n"
    "#else\n"
    "#define TC_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (tc_v_i32){__VA_ARGS__})\n"
    "#endif\n"
    "#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)\n"
    "#define TC_FMA(a, b, c) __builtin_fmaf(a, b, c)\n"
    "#else\n"
    "#define TC_FMA(a, b, c) ((a) * (b) + (c))\n"
    "#endif\n";

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

/* A function of libm that mathfns.def names. */
static const char *libm_function(tc_arena *arena, tc_str word) {
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

/* ---- what depends on the width of vectors ---- */

/* A square block of 32-bit elements, one vector per row, by rounds of interleaving: row i with row
 * i + n / 2, log2(n) times. The rounds are written out because a vector array would go to memory.
 */
static const char *block_text(tc_arena *arena, uint32_t n) {
  tc_sb sb = tc_sb_in(arena);
  const char *lo = "", *hi = "";
  for (uint32_t i = 0; i < n; i++) {
    const char *comma = i ? ", " : "";
    lo = tc_format(arena, "%s%s%u", lo, comma, i % 2 ? n + i / 2 : i / 2);
    hi = tc_format(arena, "%s%s%u", hi, comma, i % 2 ? n + (n + i) / 2 : (n + i) / 2);
  }
  tc_sb_adds(&sb, "static TC_INLINE void tc_transpose_block(float *to, tc_i64 to_step, const float "
                  "*from, tc_i64 from_step) {");
  for (uint32_t i = 0; i < n; i++)
    tc_sb_printf(&sb, "const tc_v_f32 r0_%u = *(const tc_w_f32 *)(from + %u * from_step);", i, i);
  uint32_t round = 0;
  for (uint32_t left = n; left > 1; left /= 2, round++) {
    for (uint32_t i = 0; i < n / 2; i++)
      tc_sb_printf(
          &sb,
          "const tc_v_f32 r%u_%u = TC_SHUFFLE(r%u_%u, r%u_%u, %s), r%u_%u = TC_SHUFFLE(r%u_%u, "
          "r%u_%u, %s);",
          round + 1, 2 * i, round, i, round, i + n / 2, lo, round + 1, 2 * i + 1, round, i, round,
          i + n / 2, hi);
  }
  for (uint32_t i = 0; i < n; i++)
    tc_sb_printf(&sb, "*(tc_w_f32 *)(to + %u * to_step) = r%u_%u;", i, round, i);
  tc_sb_adds(&sb, "}");
  return sb.at;
}

/* Combines all lanes of x: halves, quarters, ... of the vector are turned onto each other. `step`
 * combines x and y. */
static const char *fold_text(tc_arena *arena, const char *name, uint32_t n, const char *step) {
  tc_sb sb = tc_sb_in(arena);
  tc_sb_printf(&sb, "static TC_INLINE float %s(tc_v_f32 x) {tc_v_f32 y;", name);
  for (uint32_t turn = n / 2; turn; turn /= 2) {
    tc_sb_adds(&sb, "y = TC_SHUFFLE(x, x");
    for (uint32_t l = 0; l < n; l++)
      tc_sb_printf(&sb, ", %u", (l + turn) % n);
    tc_sb_printf(&sb, ");x = %s;", step);
  }
  tc_sb_adds(&sb, "return x[0];}");
  return sb.at;
}

/* Rows that need directives: instructions the C compiler does not find by itself. */
static const prelude_row machine_rows[] = {
    /* c + the dot products of pairs of int16, b's with the pair s */
    {"tc_dot2",
     "static TC_INLINE tc_v_i32 tc_dot2(tc_v_i32 c, tc_v_i32 b, tc_i32 s) {\n"
     "#if defined(__AVX512VNNI__) && TC_VECTOR_B == 64\n"
     "  const tc_v_i32 a = s - (tc_v_i32){0};\n"
     "  __asm__(\"vpdpwssd %2, %1, %0\" : \"+v\"(c) : \"v\"(b), \"v\"(a));\n"
     "  return c;\n"
     "#elif defined(__AVX512BW__) && TC_VECTOR_B == 64 || defined(__AVX2__) && TC_VECTOR_B == 32\n"
     "  const tc_v_i32 a = s - (tc_v_i32){0};\n"
     "  tc_v_i32 p;\n"
     "  __asm__(\"vpmaddwd %2, %1, %0\" : \"=v\"(p) : \"v\"(b), \"v\"(a));\n"
     "  return c + p;\n"
     "#elif defined(__SSE2__) && TC_VECTOR_B == 16\n"
     "  const tc_v_i32 a = s - (tc_v_i32){0};\n"
     "  __asm__(\"pmaddwd %1, %0\" : \"+x\"(b) : \"x\"(a));\n"
     "  return c + b;\n"
     "#else\n"
     "  return c + (b << 16 >> 16) * (s << 16 >> 16) + (b >> 16) * (s >> 16);\n"
     "#endif\n"
     "}"},
    /* the greater of two floats per lane, y where x is NaN */
    {"tc_v_max",
     "static TC_INLINE tc_v_f32 tc_v_max(tc_v_f32 x, tc_v_f32 y) {\n"
     "#if defined(__AVX512F__) && TC_VECTOR_B == 64 || defined(__AVX__) && TC_VECTOR_B == 32\n"
     "  __asm__(\"vmaxps %1, %0, %0\" : \"+v\"(x) : \"v\"(y));\n"
     "#else\n"
     "  for (int l = 0; l < TC_VECTOR_B / 4; l++) x[l] = x[l] > y[l] ? x[l] : y[l];\n"
     "#endif\n"
     "  return x;\n"
     "}"},
    {"tc_row_of_float16",
     "static inline void tc_row_of_float16(float *__restrict to, const tc_u16 *__restrict from, "
     "tc_i64 n) {\n"
     "  typedef struct { tc_u16 of[TC_VECTOR_B / 4]; } half;\n"
     "  tc_i64 i = 0;\n"
     "#if defined(__AVX512F__) && TC_VECTOR_B == 64 || defined(__F16C__) && TC_VECTOR_B == 32\n"
     "  for (; i + TC_VECTOR_B / 4 <= n; i += TC_VECTOR_B / 4) {\n"
     "    tc_v_f32 x;\n"
     "    __asm__(\"vcvtph2ps %1, %0\" : \"=v\"(x) : \"m\"(*(const half *)(from + i)));\n"
     "    *(tc_w_f32 *)(to + i) = x;\n"
     "  }\n"
     "#endif\n"
     "  TC_INDEPENDENT\n"
     "  for (tc_i64 k = i; k < n; k++) to[k] = tc_float16_get(from[k]);\n"
     "}"},
    {"tc_row_to_float16",
     "static inline void tc_row_to_float16(tc_u16 *__restrict to, const float *__restrict from, "
     "tc_i64 n) {\n"
     "  typedef struct { tc_u16 of[TC_VECTOR_B / 4]; } half;\n"
     "  tc_i64 i = 0;\n"
     "#if defined(__AVX512F__) && TC_VECTOR_B == 64 || defined(__F16C__) && TC_VECTOR_B == 32\n"
     "  for (; i + TC_VECTOR_B / 4 <= n; i += TC_VECTOR_B / 4) {\n"
     "    const tc_v_f32 x = *(const tc_w_f32 *)(from + i);\n"
     "    __asm__(\"vcvtps2ph $0, %1, %0\" : \"=m\"(*(half *)(to + i)) : \"v\"(x));\n"
     "  }\n"
     "#endif\n"
     "  TC_INDEPENDENT\n"
     "  for (tc_i64 k = i; k < n; k++) to[k] = tc_float16_from(from[k]);\n"
     "}"},
};

/* ---- closure ---- */

typedef struct closure {
  tc_sb *out;
  uint32_t lanes; /* of 32 bits in a vector */
  tc_map done;    /* by hash of the word */
} closure;

static const char *find(tc_arena *arena, tc_str word, uint32_t lanes) {
  if (tc_str_is(word, "tc_transpose_block")) return block_text(arena, lanes);
  if (tc_str_is(word, "tc_fold_sum")) return fold_text(arena, "tc_fold_sum", lanes, "x + y");
  if (tc_str_is(word, "tc_fold_max"))
    return fold_text(arena, "tc_fold_max", lanes, "tc_v_max(x, y)");
  for (uint32_t i = 0; i < TC_COUNT(machine_rows); i++)
    if (tc_str_is(word, machine_rows[i].name)) return machine_rows[i].text;
  for (uint32_t i = 0; i < TC_COUNT(rows); i++)
    if (tc_str_is(word, rows[i].name)) return rows[i].text;
  return tc_str_starts(word, "tc_") ? format_function(arena, word) : libm_function(arena, word);
}

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

static bool is_word(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static void add_mentioned(closure *c, tc_str text);

static void add_word(closure *c, tc_str word) {
  uint32_t seen;
  uint64_t key = tc_hash_bytes(word.at, word.n, 1);
  if (tc_map_get(&c->done, key, &seen)) return;
  tc_map_put(&c->done, key, 1);
  const char *text = find(c->out->arena, word, c->lanes);
  if (!text) return;
  add_mentioned(c, tc_str_of(text));
  add_lines(c->out, text);
}

static void add_mentioned(closure *c, tc_str text) {
  for (uint32_t i = 0; i < text.n;) {
    uint32_t first = i;
    while (i < text.n && is_word(text.at[i]))
      i++;
    if (i > first + 2 && !(text.at[first] >= '0' && text.at[first] <= '9'))
      add_word(c, (tc_str){text.at + first, i - first});
    if (i == first) i++;
  }
}

void tc_cpu_prelude(tc_sb *out, const tc_cpu_options *options, tc_str text) {
  const tc_cpu_isa_info *isa = tc_cpu_isa_row(options->isa);
  tc_sb_adds(out, head);
  tc_sb_printf(out, "#define TC_EXPORT %s\n",
               options->is_part ? "static" : "__attribute__((visibility(\"default\")))");
  tc_sb_printf(out,
               "#define TC_VECTOR_B %u\n"
               "typedef tc_i32 tc_v_i32 __attribute__((vector_size(TC_VECTOR_B)));\n\n",
               isa->vector_b);
  closure c = {out, isa->vector_b / 4, tc_map_in(out->arena)};
  add_mentioned(&c, text);
  if (options->also) add_mentioned(&c, tc_str_of(options->also));
  tc_sb_char(out, '\n');
}
