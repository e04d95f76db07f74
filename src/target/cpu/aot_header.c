#include "target/cpu/aot_impl.h"

#include "rt/check.h"
#include "target/common/rt_sources.h"
#include "target/common/table_text.h"

#include <ctype.h>
#include <string.h>

/* ---- names and types ---- */

/* Words of C and C++, macros of common headers and compilers, and what the entries call their first
 * parameter. */
static const char *const TAKEN[] = {
    "EOF",       "I",         "INFINITY",  "NAN",      "NULL",     "abi",      "alignas",
    "alignof",   "and",       "asm",       "assert",   "auto",     "bool",     "break",
    "case",      "catch",     "char",      "class",    "compl",    "concept",  "const",
    "consteval", "constexpr", "constinit", "continue", "decltype", "default",  "delete",
    "do",        "double",    "else",      "enum",     "errno",    "explicit", "export",
    "extern",    "false",     "float",     "for",      "friend",   "goto",     "i386",
    "if",        "inline",    "int",       "linux",    "long",     "main",     "mutable",
    "namespace", "new",       "noexcept",  "not",      "nullptr",  "operator", "or",
    "private",   "protected", "public",    "register", "requires", "restrict", "return",
    "short",     "signed",    "sizeof",    "static",   "stderr",   "stdin",    "stdout",
    "struct",    "switch",    "template",  "this",     "throw",    "true",     "try",
    "typedef",   "typeid",    "typename",  "typeof",   "union",    "unix",     "unsigned",
    "using",     "virtual",   "void",      "volatile", "while",    "xor",
};

static bool is_taken(const char *name) {
  for (uint32_t i = 0; i < TC_COUNT(TAKEN); i++)
    if (strcmp(name, TAKEN[i]) == 0) return true;
  return false;
}

static bool is_word_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

const char *tc_aot_name_problem(const char *name) {
  if (!*name) return "it is empty";
  if (strlen(name) > 100) return "it is longer than 100 characters";
  if (*name >= '0' && *name <= '9') return "it begins with a digit";
  for (const char *c = name; *c; c++)
    if (!is_word_char(*c)) return "it is not made of letters, digits and _";
  if (*name == '_') return "such names belong to the C compiler";
  if (strncmp(name, "tilec_", 6) == 0 || strncmp(name, "tc_", 3) == 0
      || strncmp(name, "tck_", 4) == 0)
    return "names that begin with tilec_, tc_ and tck_ are taken";
  return is_taken(name) ? "it has another meaning in C or C++" : NULL;
}

const char *tc_aot_ident(const char *name, tc_arena *arena) {
  tc_sb sb = tc_sb_in(arena);
  bool digit = *name >= '0' && *name <= '9';
  if (!*name || digit || *name == '_') tc_sb_adds(&sb, "p");
  for (; *name; name++)
    tc_sb_char(&sb, is_word_char(*name) ? *name : '_');
  if (is_taken(sb.at)) tc_sb_char(&sb, '_');
  return sb.at;
}

bool tc_aot_is_float(const tc_rt_param *p) {
  return p->dtype >= TILEC_FLOAT16 && p->dtype < TILEC_POINTER;
}

/* Floats narrower than float32 travel as float and are rounded on entry. */
static const char *scalar_type(const tc_rt_param *p) {
  static const char *const TYPES[TILEC_DTYPE_COUNT] = {
      [TILEC_BOOL] = "int",        [TILEC_INT2] = "int8_t",     [TILEC_INT4] = "int8_t",
      [TILEC_INT8] = "int8_t",     [TILEC_INT16] = "int16_t",   [TILEC_INT32] = "int32_t",
      [TILEC_INT64] = "int64_t",   [TILEC_UINT2] = "uint8_t",   [TILEC_UINT4] = "uint8_t",
      [TILEC_UINT8] = "uint8_t",   [TILEC_UINT16] = "uint16_t", [TILEC_UINT32] = "uint32_t",
      [TILEC_UINT64] = "uint64_t", [TILEC_FLOAT64] = "double",  [TILEC_POINTER] = "uint64_t",
  };
  return TYPES[p->dtype] ? TYPES[p->dtype] : "float";
}

/* Of the memory behind a tensor; types that C does not have appear as their bits. */
static const char *element_type(const tc_rt_param *p) {
  switch (p->dtype) {
  case TILEC_FLOAT32:
  case TILEC_TFLOAT32:
    return "float";
  case TILEC_FLOAT64:
    return "double";
  case TILEC_FLOAT16:
  case TILEC_BFLOAT16:
    return "uint16_t";
  case TILEC_BOOL:
    return "uint8_t";
  case TILEC_POINTER:
    return "void *";
  default:
    return tc_aot_is_float(p) ? "uint8_t" : scalar_type(p);
  }
}

/* ---- lists of parameters ---- */

typedef struct names {
  tc_arena *arena;
  TC_VEC(const char *) all;
} names;

/* The identifier of a parameter or dimension: different names may become the same one. */
static const char *unique(names *n, const char *name) {
  const char *ident = tc_aot_ident(name, n->arena);
  for (uint32_t i = 0; i < n->all.n; i++)
    if (strcmp(n->all.at[i], ident) == 0) {
      ident = tc_format(n->arena, "%s_", ident);
      i = UINT32_MAX; /* from the start */
    }
  tc_vec_push(n->arena, &n->all, ident);
  return ident;
}

static void print_list(const tc_rt_table *t, enum tc_aot_form form, const char *first, bool types,
                       tc_sb *out) {
  names n = {.arena = out->arena};
  tc_sb_adds(out, first);
  const char *comma = *first ? ", " : "";
  for (uint32_t i = 0; i < t->n_params; i++, comma = ", ") {
    const tc_rt_param *p = &t->params[i];
    const char *ident = unique(&n, p->name);
    bool written = p->flags & TILEC_PARAM_WRITTEN;
    tc_sb_adds(out, comma);
    if (!types) {
      tc_sb_adds(out, ident);
    } else if (p->flags & TC_RT_SCALAR) {
      tc_sb_printf(out, "%s %s", scalar_type(p), ident);
    } else if (p->flags & TILEC_PARAM_POINTER) {
      tc_sb_printf(out, "%svoid *%s", written ? "" : "const ", ident);
    } else if (form == TC_AOT_TENSORS) {
      tc_sb_printf(out, "const tilec_aot_tensor *%s", ident);
    } else if (p->dtype == TILEC_POINTER) {
      tc_sb_printf(out, "void *%s*%s", written ? "" : "const ", ident);
    } else {
      tc_sb_printf(out, "%s%s *%s", written ? "" : "const ", element_type(p), ident);
    }
  }
  for (uint32_t i = 0; form == TC_AOT_RAW && i < t->n_dims; i++, comma = ", ")
    tc_sb_printf(out, "%s%s%s", comma, types ? "int64_t " : "", unique(&n, t->dims[i].name));
  if (types && !*comma) tc_sb_adds(out, "void");
}

void tc_aot_print_formals(const tc_rt_table *table, enum tc_aot_form form, const char *first,
                          tc_sb *out) {
  print_list(table, form, first, true, out);
}

void tc_aot_print_actuals(const tc_rt_table *table, enum tc_aot_form form, const char *first,
                          tc_sb *out) {
  print_list(table, form, first, false, out);
}

static void print_numbers(const tc_rt_table *t, const tc_rt_number *at, uint32_t n, tc_sb *out) {
  for (uint32_t i = 0; i < n; i++) {
    const char *text = tc_table_number_text(t, &at[i], out->arena);
    tc_sb_printf(out, "%s%s", i ? ", " : "", text ? text : "...");
  }
}

const char *tc_aot_shape_text(const tc_rt_table *table, const tc_rt_param *p, tc_arena *arena) {
  tc_sb sb = tc_sb_in(arena);
  tc_sb_adds(&sb, tc_rt_dtype_name(p->dtype));
  if (p->flags & (TC_RT_SCALAR | TILEC_PARAM_POINTER)) return sb.at;
  tc_sb_adds(&sb, "[");
  print_numbers(table, p->shape, p->rank, &sb);
  tc_sb_adds(&sb, "]");
  if (!p->strides) return sb.at;
  tc_sb_adds(&sb, ", strides [");
  print_numbers(table, p->strides, p->rank, &sb);
  tc_sb_adds(&sb, "]");
  return sb.at;
}

/* ---- the header ---- */

/* Names of the user's file in a comment. */
static const char *in_comment(const char *text, tc_arena *arena) {
  tc_sb sb = tc_sb_in(arena);
  for (; *text; text++)
    tc_sb_char(&sb, *text == '*' || (unsigned char)*text < ' ' ? '?' : *text);
  return sb.n ? sb.at : "";
}

static const char *scalar_text(const tc_rt_param *p) {
  bool narrow = tc_aot_is_float(p) && p->dtype != TILEC_FLOAT32 && p->dtype != TILEC_FLOAT64;
  return narrow ? "a number, rounded to that" : "a number";
}

static void print_params(const tc_rt_table *t, tc_sb *out) {
  for (uint32_t i = 0; i < t->n_params; i++) {
    const tc_rt_param *p = &t->params[i];
    bool read = p->flags & TILEC_PARAM_READ, written = p->flags & TILEC_PARAM_WRITTEN;
    const char *use = read && written ? "read and written" : written ? "written" : "read";
    tc_sb_printf(out, " *   %-10s %s: %s%s\n", in_comment(p->name, out->arena),
                 in_comment(tc_aot_shape_text(t, p, out->arena), out->arena),
                 p->flags & TC_RT_SCALAR          ? scalar_text(p)
                 : p->flags & TILEC_PARAM_POINTER ? "a pointer, nothing is known about its memory"
                                                  : use,
                 p->flags & TILEC_PARAM_NULLABLE ? "; may be NULL: it is never touched" : "");
  }
}

static const char *upper(const char *name, tc_arena *arena) {
  char *text = tc_format(arena, "%s", name);
  for (char *c = text; *c; c++)
    if (*c >= 'a' && *c <= 'z') *c = (char)(*c - 'a' + 'A');
  return text;
}

/* A line of C, broken after commas where it is too long. */
static void print_line(tc_sb *out, tc_str line) {
  enum { WIDTH = 100, INDENT = 4 };
  uint32_t used = 0;
  for (uint32_t i = 0; i < line.n;) {
    uint32_t n = 1; /* up to and with the next ", " */
    while (i + n < line.n && !(n > 1 && line.at[i + n - 1] == ' ' && line.at[i + n - 2] == ','))
      n++;
    if (used && used + n > WIDTH) {
      out->at[--out->n] = 0; /* the blank after the comma */
      tc_sb_printf(out, "\n%*s", INDENT, "");
      used = INDENT;
    }
    tc_sb_add(out, (tc_str){line.at + i, n});
    used += n;
    i += n;
  }
  tc_sb_char(out, '\n');
}

static void print_functions(const tc_aot *a, const char *big, tc_sb *out) {
  static const char *const SUFFIX[] = {[TC_AOT_TENSORS] = "", [TC_AOT_RAW] = "_raw"};
  tc_sb_printf(out, "#define %s_ABI 0x%08xu\n", big, a->interface);
  for (int form = TC_AOT_TENSORS; form <= TC_AOT_RAW; form++) {
    tc_sb line = tc_sb_in(out->arena);
    tc_sb_printf(&line, "int %s%s_call(", a->name, SUFFIX[form]);
    tc_aot_print_formals(a->table, (enum tc_aot_form)form, "uint32_t abi", &line);
    tc_sb_adds(&line, ");");
    print_line(out, tc_sb_str(&line));
  }
  tc_sb_adds(out, "\n/* Takes tensors: types, shapes and strides are theirs. */\n");
  for (int form = TC_AOT_TENSORS; form <= TC_AOT_RAW; form++) {
    if (form == TC_AOT_RAW)
      tc_sb_adds(out, "\n/* Takes memory and the dimensions its shapes are made of; tensors are "
                      "row-major where they\n * declare no strides. */\n");
    tc_sb head = tc_sb_in(out->arena), call = tc_sb_in(out->arena);
    tc_sb_printf(&head, "static inline int %s%s(", a->name, SUFFIX[form]);
    tc_aot_print_formals(a->table, (enum tc_aot_form)form, "", &head);
    tc_sb_adds(&head, ") {");
    print_line(out, tc_sb_str(&head));
    tc_sb_printf(&call, "  return %s%s_call(", a->name, SUFFIX[form]);
    tc_aot_print_actuals(a->table, (enum tc_aot_form)form, tc_format(out->arena, "%s_ABI", big),
                         &call);
    tc_sb_adds(&call, ");");
    print_line(out, tc_sb_str(&call));
    tc_sb_adds(out, "}\n");
  }
  tc_sb_printf(out,
               "\n/* What went wrong in this thread's last call of %s that failed; \"\" before the "
               "first. */\nconst char *%s_error(void);\n",
               a->name, a->name);
  if (a->gpu)
    tc_sb_printf(
        out,
        "\n/* Later calls of this thread launch on this stream (a cudaStream_t or CUstream); NULL, "
        "as at\n * first: the default one. */\nvoid %s_use_stream(void *stream);\n",
        a->name);
  tc_sb_printf(out,
               "\n/* Makes it known to libtvm_ffi, which must be part of the program, as function "
               "%s of\n * system_lib(\"\"): 0, or -1. ELF only. */\nint %s_register(void);\n",
               a->name, a->name);
}

static void print_promises(const tc_aot *a, tc_sb *out) {
  if (a->gpu)
    tc_sb_printf(
        out,
        " * A call checks its arguments, launches on the GPU that the tensors lie on (memory "
        "without a\n"
        " * shape: on the current one), and does not wait: 0, or the number of what is wrong (633 "
        "is\n"
        " * E0633), and %s_error() has the text. After an error of the arguments nothing was "
        "launched.\n"
        " * Any number of threads may call at once; calls on one stream run one after another.\n"
        " * Link %s.o, or load %s.so, with -lm, -pthread and, where the C library wants it, "
        "-ldl.\n",
        a->name, a->name, a->name);
  else
    tc_sb_printf(
        out,
        " * A call checks its arguments, runs on all processors, and returns when it is done: 0, "
        "or "
        "the\n * number of what is wrong (633 is E0633), and %s_error() has the text. After "
        "644 and 645 what\n * is written has undefined contents; after the others it was not "
        "touched. Any number of threads\n * may call at once.\n"
        " * Link %s.o, or load %s.so, with -lm and -pthread.\n",
        a->name, a->name, a->name);
}

void tc_aot_print_h(const tc_aot *a, tc_sb *out) {
  const char *big = upper(a->name, out->arena);
  tc_sb_printf(out, "/* %s.h: function %s of %s for %s.\n *\n", a->name,
               in_comment(a->entry, out->arena), in_comment(a->file, out->arena), a->target);
  print_params(a->table, out);
  tc_sb_adds(out, " *\n");
  print_promises(a, out);
  tc_sb_printf(out,
               " *\n"
               " * Made by tilec %s (tilec build); do not edit. */\n"
               "#ifndef TILEC_AOT_%s_H\n#define TILEC_AOT_%s_H\n\n",
               a->version, big, big);
  tc_sb_add(out, tc_rt_source_text("rt/aot_tensor.h"));
  tc_sb_adds(out, "\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n");
  print_functions(a, big, out);
  tc_sb_adds(out, "\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
}

uint32_t tc_aot_interface(const tc_rt_table *t) {
  uint64_t hash = 1; /* of the calling convention */
  for (uint32_t i = 0; i < t->n_params; i++) {
    const tc_rt_param *p = &t->params[i];
    uint32_t facts[] = {p->flags, p->rank, p->dtype};
    hash = tc_hash_bytes(p->name, strlen(p->name), hash);
    hash = tc_hash_bytes(facts, sizeof facts, hash);
  }
  for (uint32_t i = 0; i < t->n_dims; i++)
    hash = tc_hash_bytes(t->dims[i].name, strlen(t->dims[i].name), hash);
  return (uint32_t)(hash ^ hash >> 32);
}
