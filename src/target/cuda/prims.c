#include "target/cuda/cuda_impl.h"

#include <string.h>

#define TEXT(...) #__VA_ARGS__

enum kind { NOT_THERE, FUNCTION, INSTRUCTION, MADE };
typedef struct row {
  enum kind kind;
  char spelling;             /* MADE */
  const char *result, *text; /* FUNCTION; INSTRUCTION: the text alone */
} row;

static const row ROWS[TC_PRIM_COUNT] = {
#define CUDA_PRIM(name, result, ...) [TC_PRIM_##name] = {FUNCTION, 0, #result, TEXT(__VA_ARGS__)},
#define CUDA_ASM(name, text)         [TC_PRIM_##name] = {INSTRUCTION, 0, "", text},
#define CUDA_MADE(name, spelling)    [TC_PRIM_##name] = {MADE, spelling, "", ""},
#include "target/cuda/prims.def"
#undef CUDA_PRIM
#undef CUDA_ASM
#undef CUDA_MADE
};

static const char *plain_name(enum tc_prim_row prim) {
  return tc_prim_info_of(prim)->name;
}

static const char *element_name(enum tc_dtype elem) {
  if (elem == TC_DT_float32) return "f32";
  return elem == TC_DT_int32 ? "i32" : "u32";
}

void tc_cudatext_name_prim(tc_arena *arena, tc_cudatext_use *use) {
  const tc_prim *p = &use->prim;
  const char *name = plain_name((enum tc_prim_row)p->row);
  const char *trans = p->trans_a ? "_trans" : "";
  if (ROWS[p->row].kind == INSTRUCTION) {
    use->name = tc_format(arena, "tc_%s_%u", name, p->n);
    return;
  }
  switch (ROWS[p->row].spelling) {
  case 'n':
    use->name = tc_format(arena, "tc_%s_%u", name, p->n);
    break;
  case 'x':
    use->name = tc_format(arena, "tc_%s_x%u%s", name, p->n, trans);
    break;
  case 'd':
    use->name = tc_format(arena, "tc_%s_%ud", name, use->rank);
    break;
  case 'w':
    trans = p->trans_a ? (p->trans_b ? "_tt" : "_tn") : p->trans_b ? "_nt" : "";
    use->name = tc_format(arena, "tc_%s_n%u%s", name, p->n, trans);
    break;
  case 't':
    use->name = tc_format(arena, "tc_%s_%s_%u", name, element_name(use->elem), p->n);
    break;
  default:
    use->name = tc_format(arena, "tc_%s", name);
  }
}

/* ---- texts that are made ---- */

/* {%first, ..., %(first + n - 1)} */
static void add_list(tc_sb *out, uint32_t first, uint32_t n) {
  tc_sb_char(out, '{');
  for (uint32_t i = 0; i < n; i++)
    tc_sb_printf(out, "%s%%%u", i ? ", " : "", first + i);
  tc_sb_char(out, '}');
}

/* "constraint"(array[0]), ... */
static void add_operands(tc_sb *out, const char *constraint, const char *array, uint32_t n) {
  for (uint32_t i = 0; i < n; i++)
    tc_sb_printf(out, "%s\"%s\"(%s[%u])", i ? ", " : "", constraint, array, i);
}

static void cp_async_text(tc_sb *out, const tc_cudatext_use *use) {
  uint32_t n = use->prim.n;
  tc_sb_printf(out,
               "TC_FN void %s(tc_u32 to, const void *from, tc_u32 bytes) { asm "
               "volatile(\"cp.async.%s.shared.global [%%0], [%%1], %u, %%2;\" :: \"r\"(to), "
               "\"l\"(from), \"r\"(bytes) : \"memory\"); }\n",
               use->name, n == 16 ? "cg" : "ca", n);
}

/* ", tc_i32 c0, ..." and the coordinates among the instruction's operands. */
static void add_coordinates(tc_sb *out, uint32_t rank) {
  for (uint32_t i = 0; i < rank; i++)
    tc_sb_printf(out, ", tc_i32 c%u", i);
}

static void tma_text(tc_sb *out, const tc_cudatext_use *use) {
  bool hint = use->prim.row == TC_PRIM_tma_load_hint || use->prim.row == TC_PRIM_tma_store_hint;
  bool load = use->prim.row == TC_PRIM_tma_load || use->prim.row == TC_PRIM_tma_load_hint;
  uint32_t rank = use->rank, first = (load ? 3u : 2u) + hint;
  tc_sb_printf(out, "TC_FN void %s(%s%s", use->name,
               load ? "tc_u32 to, const tc_tensor_map *map, tc_u32 bar"
                    : "const tc_tensor_map *map, tc_u32 from",
               hint ? ", tc_u64 policy" : "");
  add_coordinates(out, rank);
  tc_sb_printf(out, ") { asm volatile(\"cp.async.bulk.tensor.%ud.%s%s [%%0%s, ", rank,
               load ? "shared::cluster.global.mbarrier::complete_tx::bytes"
                    : "global.shared::cta.bulk_group",
               hint ? ".L2::cache_hint" : "", load ? "], [%1" : "");
  add_list(out, first, rank);
  tc_sb_printf(out, "], [%%%d]%s;\" :: ", load ? 2 : 1, !hint ? "" : load ? ", %3" : ", %2");
  tc_sb_adds(out, load ? "\"r\"(to), \"l\"((tc_u64)map), \"r\"(bar)"
                       : "\"l\"((tc_u64)map), \"r\"(from)");
  if (hint) tc_sb_adds(out, ", \"l\"(policy)");
  for (uint32_t i = 0; i < rank; i++)
    tc_sb_printf(out, ", \"r\"(c%u)", i);
  tc_sb_adds(out, " : \"memory\"); }\n");
}

static void ldmatrix_text(tc_sb *out, const tc_cudatext_use *use) {
  uint32_t n = use->prim.n;
  const char *trans = use->prim.trans_a ? ".trans" : "";
  bool load = use->prim.row == TC_PRIM_ldmatrix;
  tc_sb_printf(out,
               "TC_FN void %s(%s) { asm volatile(\"%smatrix.sync.aligned.m8n8.x%u%s.shared.b16 ",
               use->name, load ? "tc_u32 *r, tc_u32 at" : "tc_u32 at, const tc_u32 *r",
               load ? "ld" : "st", n, trans);
  if (load) {
    add_list(out, 0, n);
    tc_sb_printf(out, ", [%%%u];\" : ", n);
    add_operands(out, "=r", "r", n);
    tc_sb_adds(out, " : \"r\"(at) : \"memory\"); }\n");
  } else {
    tc_sb_adds(out, "[%0], ");
    add_list(out, 1, n);
    tc_sb_adds(out, ";\" :: \"r\"(at), ");
    add_operands(out, "r", "r", n);
    tc_sb_adds(out, " : \"memory\"); }\n");
  }
}

/* The instruction's names of types and depth, by primitive. */
static const struct {
  uint32_t prim;
  const char *k, *types;
  bool is_int, has_scale, has_major, held; /* held: A is in registers */
} WGMMA[] = {
    {TC_PRIM_wgmma_f16, "k16", "f32.f16.f16", false, true, true, false},
    {TC_PRIM_wgmma_bf16, "k16", "f32.bf16.bf16", false, true, true, false},
    {TC_PRIM_wgmma_tf32, "k8", "f32.tf32.tf32", false, true, false, false},
    {TC_PRIM_wgmma_e4m3, "k32", "f32.e4m3.e4m3", false, true, false, false},
    {TC_PRIM_wgmma_e5m2, "k32", "f32.e5m2.e5m2", false, true, false, false},
    {TC_PRIM_wgmma_s8, "k32", "s32.s8.s8", true, false, false, false},
    {TC_PRIM_wgmma_rs_f16, "k16", "f32.f16.f16", false, true, true, true},
    {TC_PRIM_wgmma_rs_bf16, "k16", "f32.bf16.bf16", false, true, true, true},
};

static void wgmma_text(tc_sb *out, const tc_cudatext_use *use) {
  uint32_t at = 0, regs = use->prim.n / 2;
  while (WGMMA[at].prim != use->prim.row)
    at++;
  bool is_int = WGMMA[at].is_int, held = WGMMA[at].held;
  uint32_t n_a = held ? 4 : 1; /* registers of A, or its descriptor */
  tc_sb_printf(out,
               "TC_FN void %s(%s *d, %s, tc_u64 b, tc_bool add) { asm volatile(\"{ .reg "
               ".pred p; setp.ne.b32 p, %%%u, 0; wgmma.mma_async.sync.aligned.m64n%u%s.%s ",
               use->name, is_int ? "tc_i32" : "float", held ? "const tc_u32 *a" : "tc_u64 a",
               regs + n_a + 1, use->prim.n, WGMMA[at].k, WGMMA[at].types);
  add_list(out, 0, regs);
  tc_sb_adds(out, ", ");
  if (held)
    add_list(out, regs, n_a);
  else
    tc_sb_printf(out, "%%%u", regs);
  tc_sb_printf(out, ", %%%u, p", regs + n_a);
  if (WGMMA[at].has_scale) tc_sb_adds(out, ", 1, 1");
  if (WGMMA[at].has_major && !held) tc_sb_printf(out, ", %d", use->prim.trans_a);
  if (WGMMA[at].has_major) tc_sb_printf(out, ", %d", use->prim.trans_b);
  tc_sb_adds(out, "; }\" : ");
  add_operands(out, is_int ? "+r" : "+f", "d", regs);
  tc_sb_adds(out, " : ");
  if (held)
    add_operands(out, "r", "a", n_a);
  else
    tc_sb_adds(out, "\"l\"(a)");
  tc_sb_adds(out, ", \"l\"(b), \"r\"((tc_i32)add)); }\n");
}

static void pin_text(tc_sb *out, const tc_cudatext_use *use) {
  bool is_float = use->elem == TC_DT_float32;
  tc_sb_printf(out, "TC_FN void %s(%s *d) { asm volatile(\"\" : ", use->name,
               is_float                   ? "float"
               : use->elem == TC_DT_int32 ? "tc_i32"
                                          : "tc_u32");
  add_operands(out, is_float ? "+f" : "+r", "d", use->prim.n);
  tc_sb_adds(out, " :: \"memory\"); }\n");
}

static void made_text(tc_sb *out, const tc_cudatext_use *use) {
  switch (ROWS[use->prim.row].spelling) {
  case 'n':
    cp_async_text(out, use);
    break;
  case 'x':
    ldmatrix_text(out, use);
    break;
  case 'd':
    tma_text(out, use);
    break;
  case 'w':
    wgmma_text(out, use);
    break;
  case 't':
    pin_text(out, use);
  }
}

void tc_cudatext_prim_text(tc_sb *out, const tc_cudatext_use *use) {
  const row *r = &ROWS[use->prim.row];
  switch (r->kind) {
  case FUNCTION:
    tc_sb_printf(out, "TC_FN %s %s%s\n", r->result, use->name, r->text);
    break;
  case INSTRUCTION:
    tc_sb_printf(out, "#define %s() asm volatile(\"%s\" :: \"n\"(%u) : \"memory\")\n", use->name,
                 r->text, use->prim.n);
    break;
  case MADE:
    made_text(out, use);
    break;
  case NOT_THERE:
    tc_bug(out->arena->unwind, "cuda: no text for primitive %s", use->name);
  }
}
