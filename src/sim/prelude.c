/* The text around device text: types, macros and functions before it, an entry point for each
 * kernel behind it. Only what the text mentions is there. */
#include "target/common/prelude.h"
#include "base/compiler.h"
#include "sim/api.h"
#include "sim/sim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const tc_sim_flags =
    "-std=gnu11 -O1 -g1 -fPIC -shared -w -ffp-contract=off -fwrapv -fno-strict-aliasing "
    "-fno-math-errno -fno-stack-protector";

#define TEXT_OF(...) #__VA_ARGS__
#define TEXT(...)    TEXT_OF(__VA_ARGS__)

static const char *const types[] = {
    "typedef _Bool tc_bool;\n"
    "#define TC_INLINE inline __attribute__((always_inline))\n"
    "#define TC_EXPORT __attribute__((visibility(\"default\")))\n"
    "#define TC_FMA(a, b, c) __builtin_fmaf(a, b, c)\n"
    "#define TC_UNROLL\n"
    /* NaNs: registers hold anything */
    "#define TC_ARRAY(T, x, n) T x[n]; __builtin_memset(x, 255, sizeof x)\n"
    "#define TC_INDEPENDENT\n"
    "#define TC_FN static\n"
    "typedef struct tc_sim_thread tc_sim_thread;\n"
    "struct tc_sim_thread { " TEXT(
        TC_SIM_THREAD_FIELDS) " };\n"
                              "typedef struct tc_tensor_map { tc_u64 w[16]; } "
                              "__attribute__((aligned(64))) tc_tensor_map;\n"
                              "typedef struct tc_sim_calls {\n",
#define CALL(result, name, parameters) "  " #result "(*" #name ")" #parameters ";\n",
#include "sim/calls.def"
#undef CALL
    "} tc_sim_calls;\n"
    "TC_EXPORT const tc_sim_calls *tc_sim;\n"
    "enum {"
#define X(id, bits) " TC_SIM_" #id ","
    TC_SIM_TYPES(X)
#undef X
        " };\n",
};

static const char macros[] =
    "#define TC tc_self, __LINE__\n"
    "#define TC_KERNEL(name, threads, min_blocks) TC_EXPORT void name\n"
    "#define TC_KERNEL_SELF tc_sim_thread *tc_self,\n"
    "#define TC_KERNEL_SELF_ONLY tc_sim_thread *tc_self\n"
    "#define TC_DEVICE static\n"
    "#define TC_SELF tc_sim_thread *tc_self,\n"
    "#define TC_SELF_ONLY tc_sim_thread *tc_self\n"
    "#define TC_PASS tc_self,\n"
    "#define TC_PASS_ONLY tc_self\n"
    "#define TC_TENSOR_MAP const tc_tensor_map\n"
    "#define TC_TID ((tc_i32)tc_self->tid)\n"
    "#define TC_BID_X ((tc_i32)tc_self->bid[0])\n"
    "#define TC_BID_Y ((tc_i32)tc_self->bid[1])\n"
    "#define TC_BID_Z ((tc_i32)tc_self->bid[2])\n"
    "#define TC_GRID_X ((tc_i32)tc_self->grid[0])\n"
    "#define TC_GRID_Y ((tc_i32)tc_self->grid[1])\n"
    "#define TC_GRID_Z ((tc_i32)tc_self->grid[2])\n"
    "#define TC_SMEM ((tc_u32)tc_self->shared)\n"
    "#define TC_LDS(T, a) (*(const T *)tc_sim->shared_read(TC, (a), sizeof(T)))\n"
    "#define TC_STS(T, a, x) do { const T tc_x = (x); "
    "tc_sim->shared_write(TC, (a), &tc_x, sizeof(T)); } while (0)\n"
    "#define TC_LDG(T, p) (*(const T *)tc_sim->global_read(TC, (p), sizeof(T)))\n"
    "#define TC_STG(T, p, x) do { const T tc_x = (x); "
    "tc_sim->global_write(TC, (void *)(p), &tc_x, sizeof(T)); } while (0)\n"
    /* One access that others may make at the same time; whoever waits for it lets others run. */
    "#define TC_LDS_ALONE(T, a) ({ const T tc_x = *(const T *)tc_sim->shared_alone(TC, (a), "
    "sizeof(T)); tc_sim->atomic_end(tc_self); tc_sim->sleep(TC); tc_x; })\n"
    "#define TC_STS_ALONE(T, a, x) do { const T tc_x = (x); *(T *)tc_sim->shared_atomic(TC, (a), "
    "sizeof(T)) = tc_x; tc_sim->atomic_end(tc_self); } while (0)\n"
    "#define TC_LDG_ALONE(T, p) ({ const T tc_x = *(const T *)tc_sim->global_alone(TC, (p), "
    "sizeof(T)); tc_sim->atomic_end(tc_self); tc_sim->sleep(TC); tc_x; })\n"
    "#define TC_STG_ALONE(T, p, x) do { const T tc_x = (x); *(T *)tc_sim->global_atomic(TC, (void "
    "*)(p), sizeof(T)) = tc_x; tc_sim->atomic_end(tc_self); } while (0)\n"
    "#define TC_FENCE_BLOCK() ((void)0)\n"
    "#define TC_FENCE_DEVICE() ((void)0)\n"
    "#define TC_FENCE_SYSTEM() ((void)0)\n"
    "#define TC_FAIL(n) tc_sim->fail(TC, (n))\n";

/* ---- functions of the text itself ---- */

typedef struct text_row {
  const char *name, *text;
} text_row;

static const text_row text_rows[] = {
    {"tc_matrix_descriptor",
     "static TC_INLINE tc_u64 tc_matrix_descriptor(tc_u32 a, tc_u32 lead_b, tc_u32 stride_b, "
     "tc_u32 "
     "swizzle) { return (tc_u64)((a & 0x3ffff) >> 4) | (tc_u64)((lead_b & 0x3ffff) >> 4) << 16 | "
     "(tc_u64)((stride_b & 0x3ffff) >> 4) << 32 | (tc_u64)swizzle << 62; }"},
    {"tc_pack_f16", "static TC_INLINE tc_u32 tc_pack_f16(float x, float y) { return "
                    "tc_float16_from(x) | (tc_u32)tc_float16_from(y) << 16; }"},
    {"tc_pack_bf16", "static TC_INLINE tc_u32 tc_pack_bf16(float x, float y) { return "
                     "tc_bfloat16_from(x) | (tc_u32)tc_bfloat16_from(y) << 16; }"},
    {"tc_pack_e4m3", "static TC_INLINE tc_u32 tc_pack_e4m3(float x, float y) { return "
                     "tc_float8_e4m3fn_from(x) | (tc_u32)tc_float8_e4m3fn_from(y) << 8; }"},
    {"tc_pack_e5m2", "static TC_INLINE tc_u32 tc_pack_e5m2(float x, float y) { return "
                     "tc_float8_e5m2_from(x) | (tc_u32)tc_float8_e5m2_from(y) << 8; }"},
};

/* ---- atomic updates: functions for each operation and type, reached by pasting ---- */

typedef struct update_type {
  const char *name, *type; /* of the value                                        */
  const char *format;      /* of elements that are converted, or NULL             */
  bool whole;              /* has bits to and, or, xor                            */
} update_type;

static const char *const update_macros =
    "#define TC_ATOMIC_G(op, t, p, x) tc_atomic_##op##_##t((tc_at_##t *)tc_sim->global_atomic(TC, "
    "(void *)(p), sizeof(tc_at_##t)), (x), tc_self)\n"
    "#define TC_ATOMIC_S(op, t, a, x) tc_atomic_##op##_##t((tc_at_##t *)tc_sim->shared_atomic(TC, "
    "(a), sizeof(tc_at_##t)), (x), tc_self)\n"
    "#define TC_CAS_G(t, p, was, x) tc_atomic_cas_##t((tc_at_##t *)tc_sim->global_atomic(TC, "
    "(void *)(p), sizeof(tc_at_##t)), (was), (x), tc_self)\n"
    "#define TC_CAS_S(t, a, was, x) tc_atomic_cas_##t((tc_at_##t *)tc_sim->shared_atomic(TC, (a), "
    "sizeof(tc_at_##t)), (was), (x), tc_self)\n";

static void add_update(tc_sb *out, const update_type *t, const char *op, const char *now) {
  const char *get = t->format ? tc_format(out->arena, "tc_%s_get", t->format) : "";
  const char *from = t->format ? tc_format(out->arena, "tc_%s_from", t->format) : "";
  bool compares = strcmp(op, "cas") == 0;
  tc_sb_printf(out,
               "static inline %s tc_atomic_%s_%s(tc_at_%s *at, %s%s%s x, tc_sim_thread *tc_self) { "
               "const %s old = %s(*at); *at = %s(%s); tc_sim->atomic_end(tc_self); return old; }\n",
               t->type, op, t->name, t->name, compares ? t->type : "", compares ? " was, " : "",
               t->type, t->type, get, from, now);
}

static const char *update_text(tc_arena *arena) {
  static const update_type types_of[] = {
      {"i32", "tc_i32", NULL, true},      {"u32", "tc_u32", NULL, true},
      {"i64", "tc_i64", NULL, true},      {"u64", "tc_u64", NULL, true},
      {"f32", "float", NULL, false},      {"f64", "double", NULL, false},
      {"f16", "float", "float16", false}, {"bf16", "float", "bfloat16", false}};
  static const struct {
    const char *name, *now;
    bool whole;
    const char *floating; /* now, when floats are not like ints */
  } ops[] = {{"add", "old + x", false, NULL},
             {"min", "x < old ? x : old", false, "tc_min_%s(old, x)"},
             {"max", "x > old ? x : old", false, "tc_max_%s(old, x)"},
             {"exch", "x", false, NULL},
             {"cas", "__builtin_memcmp(&old, &was, sizeof old) ? old : x", false, NULL},
             {"and", "old & x", true, NULL},
             {"or", "old | x", true, NULL},
             {"xor", "old ^ x", true, NULL}};
  tc_sb sb = tc_sb_in(arena);
  for (uint32_t i = 0; i < TC_COUNT(types_of); i++) {
    const update_type *t = &types_of[i];
    tc_sb_printf(&sb, "typedef %s tc_at_%s;\n", t->format ? "tc_u16" : t->type, t->name);
    for (uint32_t k = 0; k < TC_COUNT(ops); k++)
      if (t->whole || !ops[k].whole)
        add_update(&sb, t, ops[k].name,
                   ops[k].floating && !t->whole
                       ? tc_format(arena, ops[k].floating, t->format ? "f32" : t->name)
                       : ops[k].now);
  }
  tc_sb_adds(&sb, update_macros);
  return sb.at;
}

/* ---- primitives ---- */

enum form { PLAIN, NUMBER, COUNT, RANK, SHAPE, ARRAY };
typedef struct sim_row {
  const char *name;
  enum form form;
  const char *parameters, *body;
} sim_row;
static const sim_row sim_rows[] = {
#define SIM(name, form, parameters, body) {#name, form, parameters, body},
#include "sim/prelude.def"
#undef SIM
};

typedef struct numbers {
  unsigned n;
  bool a, b;
} numbers;

/* Takes a prefix off; false: it is not there. */
static bool take(tc_str *rest, const char *prefix) {
  if (!tc_str_starts(*rest, prefix)) return false;
  uint32_t n = (uint32_t)strlen(prefix);
  *rest = (tc_str){rest->at + n, rest->n - n};
  return true;
}

static bool take_number(tc_str *rest, unsigned *n) {
  uint32_t i = 0;
  for (*n = 0; i < rest->n && i < 6 && rest->at[i] >= '0' && rest->at[i] <= '9'; i++)
    *n = *n * 10 + (unsigned)(rest->at[i] - '0');
  *rest = (tc_str){rest->at + i, rest->n - i};
  return i > 0;
}

/* What follows the primitive's name. */
static bool read_suffix(enum form form, tc_str rest, numbers *x) {
  *x = (numbers){0};
  switch (form) {
  case PLAIN:
    break;
  case NUMBER:
    if (!take(&rest, "_") || !take_number(&rest, &x->n)) return false;
    break;
  case COUNT:
    if (!take(&rest, "_x") || !take_number(&rest, &x->n)) return false;
    x->a = take(&rest, "_trans");
    break;
  case ARRAY: /* the type does not matter */
    while (rest.n && !(rest.at[rest.n - 1] == '_'))
      rest.n--;
    return rest.n > 1;
  case RANK:
    if (!take(&rest, "_") || !take_number(&rest, &x->n) || !take(&rest, "d")) return false;
    break;
  case SHAPE:
    if (!take(&rest, "_n") || !take_number(&rest, &x->n)) return false;
    x->a = tc_str_is(rest, "_tn") || tc_str_is(rest, "_tt");
    x->b = tc_str_is(rest, "_nt") || tc_str_is(rest, "_tt");
    if (x->a || x->b) rest.n = 0;
    break;
  }
  return rest.n == 0;
}

static const char *macro_text(tc_arena *arena, const sim_row *row, tc_str word, numbers x) {
  tc_sb sb = tc_sb_in(arena);
  tc_sb_printf(&sb, "#define %.*s%s ", TC_ARG_STR(word), row->parameters);
  for (const char *c = row->body; *c; c++) {
    if (*c != '$') {
      tc_sb_char(&sb, *c);
      continue;
    }
    c++;
    tc_sb_printf(&sb, "%u", *c == 'n' ? x.n : *c == 'a' ? x.a : x.b);
  }
  return sb.at;
}

static const char *primitive(tc_arena *arena, tc_str word) {
  tc_str name = {word.at + 3, word.n - 3};
  for (uint32_t i = 0; i < TC_COUNT(sim_rows); i++) {
    const sim_row *row = &sim_rows[i];
    tc_str rest = name;
    numbers x;
    if (take(&rest, row->name) && read_suffix(row->form, rest, &x))
      return macro_text(arena, row, word, x);
  }
  return NULL;
}

typedef struct element {
  const char *name, *type;
  unsigned size_b;
} element;
static const element elements[] = {{"i8", "tc_i8", 1},   {"u8", "tc_u8", 1},   {"i16", "tc_i16", 2},
                                   {"u16", "tc_u16", 2}, {"i32", "tc_i32", 4}, {"u32", "tc_u32", 4},
                                   {"i64", "tc_i64", 8}, {"u64", "tc_u64", 8}, {"f32", "float", 4},
                                   {"f64", "double", 8}};

/* tc_v4_f32, and tc_make_v4_f32, which makes one of its elements. */
static const char *vector(tc_arena *arena, tc_str word) {
  tc_str rest = word;
  unsigned n;
  bool makes = take(&rest, "tc_make_v");
  if ((!makes && !take(&rest, "tc_v")) || !take_number(&rest, &n) || !take(&rest, "_")) return NULL;
  const element *e = NULL;
  for (uint32_t i = 0; i < TC_COUNT(elements); i++)
    if (tc_str_is(rest, elements[i].name)) e = &elements[i];
  if (!e || !n || n > 16) return NULL;
  if (!makes)
    return tc_format(arena, "typedef struct %.*s { %s x[%u]; } __attribute__((aligned(%u))) %.*s;",
                     TC_ARG_STR(word), e->type, n, n * e->size_b, TC_ARG_STR(word));
  tc_sb sb = tc_sb_in(arena);
  tc_sb_printf(&sb, "static TC_INLINE tc_v%u_%s %.*s(", n, e->name, TC_ARG_STR(word));
  for (unsigned i = 0; i < n; i++)
    tc_sb_printf(&sb, "%s%s x%u", i ? ", " : "", e->type, i);
  tc_sb_printf(&sb, ") { tc_v%u_%s v; ", n, e->name);
  for (unsigned i = 0; i < n; i++)
    tc_sb_printf(&sb, "v.x[%u] = x%u; ", i, i);
  tc_sb_adds(&sb, "return v; }");
  return sb.at;
}

static const char *find(const tc_prelude *prelude, tc_arena *arena, tc_str word) {
  (void)prelude;
  for (uint32_t i = 0; i < TC_COUNT(text_rows); i++)
    if (tc_str_is(word, text_rows[i].name)) return text_rows[i].text;
  if (tc_str_is(word, "tc_updates")) return update_text(arena);
  const char *text = NULL;
  if (tc_str_starts(word, "tc_") && word.n > 3) text = primitive(arena, word);
  if (!text) text = vector(arena, word);
  return text ? text : tc_prelude_scalar(arena, word);
}

/* ---- entry points ---- */

static bool is_word(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static tc_str trimmed(tc_str s) {
  while (s.n && (*s.at == ' ' || *s.at == '\n'))
    s = (tc_str){s.at + 1, s.n - 1};
  while (s.n && (s.at[s.n - 1] == ' ' || s.at[s.n - 1] == '\n'))
    s.n--;
  return s;
}

/* Up to the character, which is taken off too. */
static bool take_until(tc_str *rest, char c, tc_str *before) {
  const char *at = memchr(rest->at, c, rest->n);
  if (!at) return false;
  uint32_t n = (uint32_t)(at - rest->at);
  *before = trimmed((tc_str){rest->at, n});
  *rest = trimmed((tc_str){at + 1, rest->n - n - 1});
  return true;
}

/* The type of a parameter: all but its last word. */
static tc_str type_of(tc_str parameter) {
  uint32_t n = parameter.n;
  while (n && is_word(parameter.at[n - 1]))
    n--;
  return trimmed((tc_str){parameter.at, n});
}

static bool add_entry(tc_sb *out, tc_str name, tc_str parameters) {
  tc_sb call = tc_sb_in(out->arena);
  unsigned n = 0;
  bool none = tc_str_is(parameters, "TC_KERNEL_SELF_ONLY");
  if (!none && !take(&parameters, "TC_KERNEL_SELF")) return false;
  for (uint32_t start = 0, i = 0; !none && i <= parameters.n; i++) {
    if (i < parameters.n && parameters.at[i] != ',') continue;
    tc_str type = type_of(trimmed((tc_str){parameters.at + start, i - start}));
    if (!type.n) return false;
    tc_sb_printf(&call, ", *(%.*s *)args[%u]", TC_ARG_STR(type), n++);
    start = i + 1;
  }
  tc_sb_printf(out,
               "TC_EXPORT const unsigned tc_n_args_%.*s = %u;\n"
               "TC_EXPORT void tc_entry_%.*s(tc_sim_thread *tc_self, void *const *args) { "
               "%.*s(tc_self%s); }\n",
               TC_ARG_STR(name), n, TC_ARG_STR(name), TC_ARG_STR(name), call.n ? call.at : "");
  return true;
}

static bool add_entries(tc_sb *out, tc_str text, char *why, size_t why_b) {
  static const char mark[] = "TC_KERNEL(";
  for (uint32_t i = 0; i + sizeof mark <= text.n; i++) {
    if (memcmp(text.at + i, mark, sizeof mark - 1) != 0) continue;
    tc_str rest = {text.at + i + sizeof mark - 1, text.n - i - (uint32_t)sizeof mark + 1};
    tc_str name, numbers_text, parameters;
    bool fine = take_until(&rest, ',', &name) && take_until(&rest, ')', &numbers_text)
                && take(&rest, "(") && take_until(&rest, ')', &parameters);
    if (!fine || !add_entry(out, name, parameters)) {
      snprintf(why, why_b, "this is no head of a kernel: %.*s",
               (int)(text.n - i < 60 ? text.n - i : 60), text.at + i);
      return false;
    }
  }
  return true;
}

bool tc_sim_text(tc_sb *out, tc_str text, char *why, size_t why_b) {
  const tc_prelude prelude = {.find = find};
  tc_sb_adds(out, tc_prelude_types);
  for (uint32_t i = 0; i < TC_COUNT(types); i++)
    tc_sb_adds(out, types[i]);
  tc_sb_adds(out, macros);
  tc_sb mentioned = tc_sb_in(out->arena);
  tc_sb_add(&mentioned, text);
  if (memmem(text.at, text.n, "TC_ATOMIC_", 10) || memmem(text.at, text.n, "TC_CAS_", 7))
    tc_sb_adds(&mentioned, " tc_updates");
  tc_prelude_add(out, &prelude, tc_sb_str(&mentioned));
  tc_sb_adds(out, "#line 1 \"text\"\n");
  tc_sb_add(out, text);
  tc_sb_char(out, '\n');
  return add_entries(out, text, why, why_b);
}
