#include "target/cpu/prelude.h"

#include "target/common/prelude.h"

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
    {"tc_v_fma", "static TC_INLINE tc_v_f32 tc_v_fma(tc_v_f32 a, tc_v_f32 b, tc_v_f32 c) {\n"
                 "  __asm__(\"vfmadd213ps %2, %1, %0\" : \"+v\"(a) : \"v\"(b), \"v\"(c));\n"
                 "  return a;\n"
                 "}"},
    /* x, but at least lo and at most hi; NaN stays */
    {"tc_v_clamp", "static TC_INLINE tc_v_f32 tc_v_clamp(tc_v_f32 x, float lo, float hi) {\n"
                   "  const tc_v_f32 zero = {0}, least = zero + lo, most = zero + hi;\n"
                   "  __asm__(\"vminps %0, %1, %0\" : \"+v\"(x) : \"v\"(most));\n"
                   "  __asm__(\"vmaxps %0, %1, %0\" : \"+v\"(x) : \"v\"(least));\n"
                   "  return x;\n"
                   "}"},
    /* x * 2^n */
    {"tc_v_scale2", "static TC_INLINE tc_v_f32 tc_v_scale2(tc_v_f32 x, tc_v_f32 n) {\n"
                    "  __asm__(\"vscalefps %1, %0, %0\" : \"+v\"(x) : \"v\"(n));\n"
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

static const char *find(const tc_prelude *prelude, tc_arena *arena, tc_str word) {
  if (tc_str_is(word, "tc_transpose_block")) return block_text(arena, prelude->lanes);
  if (tc_str_is(word, "tc_fold_sum"))
    return fold_text(arena, "tc_fold_sum", prelude->lanes, "x + y");
  if (tc_str_is(word, "tc_fold_max"))
    return fold_text(arena, "tc_fold_max", prelude->lanes, "tc_v_max(x, y)");
  for (uint32_t i = 0; i < TC_COUNT(machine_rows); i++)
    if (tc_str_is(word, machine_rows[i].name)) return machine_rows[i].text;
  for (uint32_t i = 0; i < TC_COUNT(rows); i++)
    if (tc_str_is(word, rows[i].name)) return rows[i].text;
  const char *text = tc_prelude_scalar(arena, word);
  return text ? text : tc_prelude_libm(arena, word);
}

void tc_cpu_prelude(tc_sb *out, const tc_cpu_options *options, tc_str text) {
  const tc_cpu_isa_info *isa = tc_cpu_isa_row(options->isa);
  tc_sb_adds(out, tc_prelude_types);
  tc_sb_adds(out, head);
  tc_sb_printf(out, "#define TC_EXPORT %s\n",
               options->is_part ? "static" : "__attribute__((visibility(\"default\")))");
  tc_sb_printf(out,
               "#define TC_VECTOR_B %u\n"
               "typedef tc_i32 tc_v_i32 __attribute__((vector_size(TC_VECTOR_B)));\n\n",
               isa->vector_b);
  const tc_prelude prelude = {find, isa->vector_b / 4};
  tc_sb all = tc_sb_in(out->arena);
  tc_sb_printf(&all, "%.*s\n%s", TC_ARG_STR(text), options->also ? options->also : "");
  tc_prelude_add(out, &prelude, tc_sb_str(&all));
  tc_sb_char(out, '\n');
}
