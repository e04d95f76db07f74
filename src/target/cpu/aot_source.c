/* NAME.c. The kernels come first: their text includes no headers, and names that it uses must not
 * meet the macros of any. */
#include "target/cpu/aot_impl.h"

#include "rt/check.h"
#include "target/common/rt_sources.h"
#include "target/common/table_text.h"

#include <string.h>

/* ---- how it is compiled ---- */

/* The words of `flags` that begin with `prefix`, without it, as strings separated by commas. */
static const char *words_after(const char *flags, const char *prefix, const char *before,
                               const char *between, const char *after, tc_arena *arena) {
  tc_sb sb = tc_sb_in(arena);
  size_t k = strlen(prefix);
  while (*(flags += strspn(flags, " "))) {
    size_t n = strcspn(flags, " ");
    if (n > k && strncmp(flags, prefix, k) == 0 && strncmp(flags, "-fPIC", n) != 0)
      tc_sb_printf(&sb, "%s%.*s", sb.n ? between : before, (int)(n - k), flags + k);
    flags += n;
  }
  if (sb.n) tc_sb_adds(&sb, after);
  return sb.n ? sb.at : "";
}

static void print_guard(const tc_aot *a, tc_sb *out) {
  const char *machine = tc_cpu_isa_row(a->isa)->machine;
  const char *macro = strncmp(machine, "x86_64", 6) == 0    ? "__x86_64__"
                      : strncmp(machine, "aarch64", 7) == 0 ? "__aarch64__"
                                                            : NULL;
  if (macro)
    tc_sb_printf(out, "#if !defined(%s)\n#error \"%s.c is for %s\"\n#endif\n", macro, a->name,
                 a->target);
  tc_sb_printf(
      out,
      "#if !defined(TILEC_BUILD) /* without the flags above: results must not change */\n"
      "#if defined(__clang__) || !defined(__GNUC__)\n"
      "#error \"compile %s.c with the flags its first lines name\"\n#endif\n"
      "#pragma GCC push_options\n%s%s#endif\n",
      a->name,
      words_after(a->flags, "-f", "#pragma GCC optimize(\"O3\", \"", "\", \"", "\")\n", out->arena),
      words_after(tc_cpu_isa_row(a->isa)->flags, "-m", "#pragma GCC target(\"", ",", "\")\n",
                  out->arena));
}

/* ---- what is particular to the function ---- */

static void print_hub(tc_sb *out) {
  tc_sb_adds(
      out, "/* One for all kernels of a process: the linker keeps one of the group, and the loader "
           "one of\n * the unique symbol, even among libraries that do not see each other. */\n"
           "#if defined(__ELF__)\n"
           "__asm__(\".pushsection .data.tilec_aot_hub,\\\"awG\\\",%progbits,tilec_aot_hub,"
           "comdat\\n\"\n"
           "        \".balign 64\\n.type tilec_aot_hub, %gnu_unique_object\\n\"\n"
           "        \".size tilec_aot_hub, 64\\ntilec_aot_hub: .zero 64\\n.popsection\\n\");\n"
           "extern tc_rt_hub tilec_aot_hub;\n"
           "#else\n"
           "__attribute__((weak)) tc_rt_hub tilec_aot_hub;\n"
           "#endif\n\n");
}

static void print_unit(const tc_aot *a, tc_sb *out) {
  const tc_rt_table *t = a->table;
  tc_sb_adds(out, "static tc_rt_kernel_fn *const tck_kernels[] = {\n");
  for (uint32_t i = 0; !a->gpu && i < t->n_kernels; i++)
    tc_sb_printf(out, "    (tc_rt_kernel_fn *)(void (*)(void))%s,\n", t->kernels[i].name);
  tc_sb_adds(out, "    NULL};\n\n");
  tc_sb_printf(out,
               "static _Thread_local char tck_text[sizeof((tc_rt_error *)0)->text];\n"
               "static _Atomic(int) tck_ready;\n\n"
               "static void tck_keep(const tc_rt_error *error) {\n"
               "  memcpy(tck_text, error->text, sizeof tck_text);\n}\n\n"
               "static const tc_rt_aot tck_unit = {\n"
               "    .function = {&tck_table, tck_kernels, NULL},\n    .name = \"%s\",\n"
               "    .made_by = \"%s\",\n    .hub = &tilec_aot_hub,\n    .keep = tck_keep%s};\n\n",
               a->name, a->version, a->gpu ? ",\n    .gpu = &tck_reach" : "");
}

/* Checks what is checked once. Runs before anything that was compiled for the instruction set. */
static void print_begin(const tc_aot *a, tc_sb *out) {
  const char *needs = tc_cpu_isa_row(a->isa)->needs;
  tc_sb_printf(
      out,
      "#if !defined(TILEC_BUILD)\n#pragma GCC pop_options\n#define TCK_BASE\n"
      "#elif defined(__x86_64__)\n"
      "#define TCK_BASE __attribute__((target(\"arch=x86-64,no-avx\")))\n"
      "#else\n#define TCK_BASE\n#endif\n"
      "#define TCK_PUBLIC __attribute__((visibility(\"default\")))\n\n"
      "TCK_BASE __attribute__((cold, noinline)) static int tck_begin(uint32_t abi) {\n"
      "  if (abi != 0x%08xu) {\n"
      "    snprintf(tck_text, sizeof tck_text, \"%%s\",\n"
      "             \"%s.o was built from another version of the kernel than the %s.h its \"\n"
      "             \"caller was compiled with: compile the caller again\");\n"
      "    return %d;\n  }\n",
      a->interface, a->name, a->name, TC_RT_E_VERSION);
  if (*needs) {
    tc_sb_adds(out, "  __builtin_cpu_init();\n  const char *lacks = NULL;\n");
    for (const char *at = needs; *(at += strspn(at, " ")); at += strcspn(at, " "))
      tc_sb_printf(out, "  if (!lacks && !__builtin_cpu_supports(\"%.*s\")) lacks = \"%.*s\";\n",
                   (int)strcspn(at, " "), at, (int)strcspn(at, " "), at);
    tc_sb_printf(
        out,
        "  if (lacks) {\n"
        "    snprintf(tck_text, sizeof tck_text, \"%s was built for %s, and this processor "
        "lacks %%s\", lacks);\n"
        "    return %d;\n  }\n",
        a->name, a->target, TC_RT_E_MACHINE);
  }
  tc_sb_adds(out, "  tck_ready = 1;\n  return 0;\n}\n\n");
}

/* One assignment to tck_args[i]: the parameter is called `ident`. */
static void print_arg(const tc_rt_param *p, uint32_t i, const char *ident, enum tc_aot_form form,
                      tc_sb *out) {
  bool scalar = p->flags & TC_RT_SCALAR, is_float = scalar && tc_aot_is_float(p);
  bool narrow = is_float && p->dtype != TILEC_FLOAT32 && p->dtype != TILEC_FLOAT64;
  bool memory = form == TC_AOT_RAW || p->flags & TILEC_PARAM_POINTER;
  const char *kind = is_float ? "FLOAT" : scalar ? "INT" : "TENSOR";
  const char *field = is_float ? "f" : scalar ? "i" : memory ? "data" : "tensor";
  tc_sb_printf(out, "  tck_args[%u].kind = TILEC_ARG_%s;\n  tck_args[%u].as.%s = ", i, kind, i,
               field);
  if (narrow) {
    tc_sb_printf(out, "tc_%s_round(%s);\n", tc_rt_dtype_name(p->dtype), ident);
  } else {
    tc_sb_printf(out, "%s%s;\n", scalar && !is_float ? "(int64_t)" : "", ident);
  }
}

static void print_args(const tc_rt_table *t, enum tc_aot_form form, tc_sb *out) {
  tc_sb list = tc_sb_in(out->arena);
  tc_aot_print_actuals(t, form, "", &list);
  const char *at = list.n ? list.at : "";
  for (uint32_t i = 0; i < t->n_params; i++) {
    size_t n = strcspn(at, ",");
    print_arg(&t->params[i], i, tc_str_dup(out->arena, (tc_str){at, (uint32_t)n}), form, out);
    at += n + strspn(at + n, ", ");
  }
  if (form == TC_AOT_RAW && t->n_dims)
    tc_sb_printf(out, "  const int64_t tck_dims[] = {%s};\n", at);
}

static void print_entry(const tc_aot *a, enum tc_aot_form form, tc_sb *out) {
  bool raw = form == TC_AOT_RAW;
  uint32_t n = a->table->n_params;
  const char *dims = !raw ? "" : a->table->n_dims ? ", tck_dims" : ", NULL";
  tc_sb_printf(out, "TCK_PUBLIC TCK_BASE int %s%s_call(", a->name, raw ? "_raw" : "");
  tc_aot_print_formals(a->table, form, "uint32_t abi", out);
  tc_sb_printf(out,
               ") {\n  tc_rt_aot_arg tck_args[%u];\n"
               "  if (__builtin_expect(abi != 0x%08xu || !tck_ready, 0)) {\n"
               "    int tck_code = tck_begin(abi);\n    if (tck_code) return tck_code;\n  }\n",
               n ? n : 1, a->interface);
  print_args(a->table, form, out);
  tc_sb_printf(out, "  return tc_rt_aot_%s(&tck_unit, tck_args%s);\n}\n\n", raw ? "raw" : "call",
               dims);
}

/* The entry by tvm-ffi's C ABI. What it needs of libtvm_ffi is imported weakly: without that
 * library the others serve, and the text of an error is in NAME_error() either way. */
static void print_packed(const tc_aot *a, tc_sb *out) {
  uint32_t n = a->table->n_params;
  tc_sb_printf(
      out,
      "#if defined(__ELF__)\n"
      "__attribute__((weak)) void TVMFFIErrorSetRaisedFromCStr(const char *, const char *);\n"
      "__attribute__((weak)) int TVMFFIEnvModRegisterSystemLibSymbol(const char *, void *);\n"
      "__attribute__((weak)) void *TVMFFIEnvGetStream(int32_t, int32_t);\n\n"
      "TCK_PUBLIC TCK_BASE int __tvm_ffi_%s(void *self, const tc_rt_packed *given, int32_t n,\n"
      "    tc_rt_packed *result) {\n"
      "  tc_rt_aot_arg tck_args[%u];\n"
      "  int code = tck_ready ? 0 : tck_begin(0x%08xu);\n"
      "  if (!code) code = tc_rt_aot_unpack(&tck_unit, given, n, tck_args);\n"
      "  if (!code) {\n",
      a->name, n ? n : 1, a->interface);
  for (uint32_t i = 0; i < n; i++) {
    const tc_rt_param *p = &a->table->params[i];
    if (!(p->flags & TC_RT_SCALAR) || !tc_aot_is_float(p) || p->dtype == TILEC_FLOAT64) continue;
    const char *round = p->dtype == TILEC_FLOAT32 ? "(float)"
                                                  : tc_format(out->arena, "tc_%s_round((float)",
                                                              tc_rt_dtype_name(p->dtype));
    tc_sb_printf(out, "    tck_args[%u].as.f = %stck_args[%u].as.f%s;\n", i, round, i,
                 p->dtype == TILEC_FLOAT32 ? "" : ")");
  }
  tc_aot_print_packed_call(a, out);
  tc_sb_printf(
      out,
      "  }\n"
      "  if (!code) return 0;\n"
      "  if (TVMFFIErrorSetRaisedFromCStr)\n"
      "    TVMFFIErrorSetRaisedFromCStr(tc_rt_aot_class(code), tck_text);\n"
      "  return -1;\n}\n\n"
      "TCK_PUBLIC TCK_BASE int %s_register(void) {\n"
      "  if (!TVMFFIEnvModRegisterSystemLibSymbol) return -1;\n"
      "  return TVMFFIEnvModRegisterSystemLibSymbol(\"__tvm_ffi_%s\", (void *)&__tvm_ffi_%s);\n"
      "}\n#endif\n\n",
      a->name, a->name, a->name);
}

const char *tc_aot_needs(const tc_rt_table *table, tc_arena *arena) {
  tc_sb sb = tc_sb_in(arena);
  for (uint32_t i = 0; i < table->n_params; i++) {
    const tc_rt_param *p = &table->params[i];
    if (p->flags & TC_RT_SCALAR && tc_aot_is_float(p))
      tc_sb_printf(&sb, "tc_%s_round ", tc_rt_dtype_name(p->dtype));
  }
  return sb.at;
}

/* Types that the kernels' text declares as well as rt/ does. */
static const char *const TWICE[] = {"tc_env", "tc_strand", "tc_strand_ops", "tc_mbar"};

void tc_aot_print_c(const tc_aot *a, tc_sb *out) {
  tc_sb_printf(out,
               "/* %s.c: the source of %s.o, complete. Made by tilec %s (tilec build) for %s.\n *\n"
               " *   cc -c -DTILEC_BUILD %s %s.c\n */\n#define _GNU_SOURCE 1\n"
               /* Its inline functions are of one instruction set, and those here of several. */
               "#undef _FORTIFY_SOURCE\n",
               a->name, a->name, a->version, a->target, a->flags, a->name);
  print_guard(a, out);
  tc_sb_adds(out, "\n#pragma GCC diagnostic ignored \"-Wunused-function\"\n"
                  "#pragma GCC diagnostic ignored \"-Wunused-parameter\"\n"
                  "#pragma GCC diagnostic ignored \"-Wunused-variable\"\n"
                  "#pragma GCC diagnostic ignored \"-Wparentheses\"\n"
                  "\n/* ---- the kernels ---- */\n\n");
  for (uint32_t i = 0; i < TC_COUNT(TWICE); i++)
    tc_sb_printf(out, "#define %s tck_%s\n", TWICE[i], TWICE[i] + 3);
  if (a->gpu) {
    tc_aot_print_image(a, out);
  } else {
    tc_sb_add(out, a->kernels);
  }
  for (uint32_t i = 0; i < TC_COUNT(TWICE); i++)
    tc_sb_printf(out, "#undef %s\n", TWICE[i]);
  tc_sb_adds(out, "\n/* ---- checking arguments, running grids (tilec's src/rt) ---- */\n\n");
  tc_rt_amalgam(a->gpu != NULL, out);
  tc_sb_adds(out, "\n/* ---- this function ---- */\n\n#include <string.h>\n\n");
  tc_table_print_c(a->table, "tck_table", out);
  tc_sb_char(out, '\n');
  print_hub(out);
  if (a->gpu) tc_aot_print_reach(a, out);
  print_unit(a, out);
  print_begin(a, out);
  print_entry(a, TC_AOT_TENSORS, out);
  print_entry(a, TC_AOT_RAW, out);
  print_packed(a, out);
  if (a->gpu) tc_aot_print_stream(a, out);
  tc_sb_printf(out, "TCK_PUBLIC TCK_BASE const char *%s_error(void) {\n  return tck_text;\n}\n",
               a->name);
}
