#include "target/cpu/cpu.h"

static const tc_cpu_isa_info rows[TC_ISA_COUNT] = {
#define ISA(name, march, machine, vector_b, n_regs, flags, needs, doc)                             \
  [TC_ISA_##name] = {#name, march, machine, flags, needs, doc, vector_b, n_regs},
#include "target/cpu/isas.def"
#undef ISA
};

const tc_cpu_isa_info *tc_cpu_isa_row(enum tc_cpu_isa isa) {
  return &rows[isa];
}

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
/* The builtin wants literals. Each test stands for the whole row: machines that have the newest
 * feature of a row have the others. */
static bool has(enum tc_cpu_isa isa) {
  switch (isa) {
  case TC_ISA_generic:
    return true;
  case TC_ISA_sse42:
    return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt");
  case TC_ISA_avx2:
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  case TC_ISA_avx512:
    return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")
           && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd");
  case TC_ISA_avx512vnni:
    return has(TC_ISA_avx512) && __builtin_cpu_supports("avx512vnni");
  case TC_ISA_neon:
  case TC_ISA_COUNT:
    break;
  }
  return false;
}
#elif defined(__aarch64__)
static bool has(enum tc_cpu_isa isa) {
  return isa == TC_ISA_generic || isa == TC_ISA_neon;
}
#else
static bool has(enum tc_cpu_isa isa) {
  return isa == TC_ISA_generic;
}
#endif

enum tc_cpu_isa tc_cpu_isa_host(void) {
  enum tc_cpu_isa best = TC_ISA_generic;
  for (int i = 0; i < TC_ISA_COUNT; i++)
    if (has((enum tc_cpu_isa)i)) best = (enum tc_cpu_isa)i;
  return best;
}

bool tc_cpu_isa_find(tc_str name, enum tc_cpu_isa *isa) {
  if (tc_str_is(name, "native")) {
    *isa = tc_cpu_isa_host();
    return true;
  }
  for (int i = 0; i < TC_ISA_COUNT; i++) {
    if (!tc_str_is(name, rows[i].name) && !(name.n && tc_str_is(name, rows[i].march))) continue;
    *isa = (enum tc_cpu_isa)i;
    return true;
  }
  return false;
}

const char *tc_cpu_flags(const tc_cpu_options *options, tc_arena *arena) {
  return tc_format(arena,
                   "-std=gnu11 -O3 -fPIC -w -ffp-contract=off -fwrapv -fno-math-errno "
                   "-fno-trapping-math -fno-strict-aliasing -fno-stack-protector %s",
                   rows[options->isa].flags);
}
