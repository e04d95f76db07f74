/* Matrices of a warp: ldmatrix, stmatrix, and mma with the documented places of elements in the
 * lanes' registers.
 *
 * Products are exact in float32, for 16-bit, 8-bit and tfloat32 elements; they are added one after
 * the other, k ascending, each sum rounded to nearest. Machines add several at a time, with fewer
 * bits and truncation, so results agree to the bound of the sum's length and not in every bit. */
#include "sim/sim_private.h"

#include "base/floats.h"

#include <string.h>

uint32_t tc_sim_type_bits(int type) {
  static const uint8_t bits[] = {
#define X(id, n) n,
      TC_SIM_TYPES(X)
#undef X
  };
  return bits[type];
}

static float decode_byte(int type, uint8_t x) {
  if (type == TC_SIM_s8) return (float)(int8_t)x;
  if (type == TC_SIM_u8) return (float)x;
  return (float)tc_float_decode(
      type == TC_SIM_e4m3 ? TC_FORMAT_FLOAT8_E4M3FN : TC_FORMAT_FLOAT8_E5M2, x);
}

void tc_sim_decode(int type, const void *from, uint32_t n, float *to) {
  uint32_t bits = tc_sim_type_bits(type);
  for (uint32_t i = 0; i < n; i++) {
    uint32_t word = 0;
    memcpy(&word, (const unsigned char *)from + i * bits / 8, bits / 8);
    if (type == TC_SIM_bf16) word <<= 16;
    if (type == TC_SIM_tf32) word &= ~(uint32_t)0x1fff; /* the unit ignores these bits */
    memcpy(&to[i], &word, sizeof word);
    if (type == TC_SIM_f16) to[i] = tc_f16_to_f32((uint16_t)word);
    if (bits == 8) to[i] = decode_byte(type, (uint8_t)word);
  }
}

/* ---- ldmatrix, stmatrix ---- */

typedef struct matrix_arg {
  unsigned char *row; /* of shared memory, for the lanes that bring an address */
  uint32_t *registers;
  uint32_t n;
  bool trans;
} matrix_arg;

/* Element (r, c) of matrix i, in shared memory and in the registers. */
static unsigned char *in_shared(sim_block *block, uint32_t first, uint32_t i, uint32_t r,
                                uint32_t c) {
  const matrix_arg *lane = block->threads[first + 8 * i + r].meet_arg;
  return lane->row + 2 * c;
}
static unsigned char *in_register(sim_block *block, uint32_t first, uint32_t i, uint32_t r,
                                  uint32_t c) {
  const matrix_arg *lane = block->threads[first + 4 * r + c / 2].meet_arg;
  return (unsigned char *)&lane->registers[i] + 2 * (c % 2);
}

static void move_matrices(sim_block *block, uint32_t first, bool loads) {
  const matrix_arg *arg = block->threads[first].meet_arg;
  for (uint32_t i = 0; i < arg->n; i++)
    for (uint32_t r = 0; r < 8; r++)
      for (uint32_t c = 0; c < 8; c++) {
        unsigned char *s = in_shared(block, first, i, r, c);
        unsigned char *g =
            arg->trans ? in_register(block, first, i, c, r) : in_register(block, first, i, r, c);
        memcpy(loads ? g : s, loads ? s : g, 2);
      }
}

static void do_ldmatrix(sim_block *block, uint32_t first, uint32_t n, int line) {
  (void)n, (void)line;
  move_matrices(block, first, true);
}
static void do_stmatrix(sim_block *block, uint32_t first, uint32_t n, int line) {
  (void)n, (void)line;
  move_matrices(block, first, false);
}

enum { ROW_B = 16 };

static void check_whole_warp(tc_sim_thread *t, const char *what) {
  if (t->warp->n < SIM_WARP)
    tc_sim_fault(t, TC_SIM_KIND_divergence, 0, "%s in a warp of %u threads", what, t->warp->n);
}

static matrix_arg matrix_row(tc_sim_thread *t, int line, uint32_t n, int trans, void *registers,
                             uint32_t addr, bool writes) {
  const char *what = writes ? "stmatrix" : "ldmatrix";
  t->line = line;
  check_whole_warp(t, what);
  matrix_arg arg = {.registers = registers, .n = n, .trans = trans != 0};
  if ((uint32_t)t->tid % SIM_WARP >= 8 * n) return arg;
  arg.row = tc_sim_shared_at(t, what, addr, ROW_B, ROW_B);
  tc_sim_check_no_barrier(t, addr, ROW_B);
  if (tc_sim_races(t->block)) tc_sim_race_access(t, addr, ROW_B, writes ? TC_SIM_ANY : NULL, line);
  if (writes) tc_sim_generic_wrote(t, addr, ROW_B);
  return arg;
}

void tc_sim_ldmatrix(tc_sim_thread *t, int line, unsigned n, int trans, void *to, unsigned addr) {
  matrix_arg arg = matrix_row(t, line, n, trans, to, addr, false);
  tc_sim_meet_warp(t, line, SIM_MEET_LDMATRIX, n, (uint32_t)trans, &arg, do_ldmatrix);
}

void tc_sim_stmatrix(tc_sim_thread *t, int line, unsigned n, int trans, unsigned addr,
                     const void *from) {
  uint32_t registers[4];
  memcpy(registers, from, n * sizeof *registers);
  matrix_arg arg = matrix_row(t, line, n, trans, registers, addr, true);
  tc_sim_meet_warp(t, line, SIM_MEET_STMATRIX, n, (uint32_t)trans, &arg, do_stmatrix);
}

/* ---- mma ---- */

typedef struct mma_arg {
  int type;
  void *c;
  const uint32_t *a, *b;
} mma_arg;

enum { MMA_M = 16, MMA_N = 8, MMA_K = 32 };

/* A as rows, B as columns. An element takes 32 / e bits; a register holds e along k. */
static void gather(sim_block *block, uint32_t first, float a[MMA_M][MMA_K], float b[MMA_N][MMA_K]) {
  for (uint32_t lane = 0; lane < SIM_WARP; lane++) {
    const mma_arg *arg = block->threads[first + lane].meet_arg;
    uint32_t e = 32 / tc_sim_type_bits(arg->type), row = lane / 4, k = lane % 4 * e;
    for (uint32_t r = 0; r < 4; r++)
      tc_sim_decode(arg->type, &arg->a[r], e, &a[row + 8 * (r % 2)][k + r / 2 * 4 * e]);
    for (uint32_t r = 0; r < 2; r++)
      tc_sim_decode(arg->type, &arg->b[r], e, &b[row][k + r * 4 * e]);
  }
}

static void add_float(float *c, const float *a, const float *b, uint32_t k) {
  float sum = *c;
  for (uint32_t i = 0; i < k; i++)
    sum += a[i] * b[i];
  *c = sum;
}

static void add_int(uint32_t *c, const float *a, const float *b, uint32_t k) {
  uint32_t sum = *c;
  for (uint32_t i = 0; i < k; i++)
    sum += (uint32_t)((int32_t)a[i] * (int32_t)b[i]);
  *c = sum;
}

static void do_mma(sim_block *block, uint32_t first, uint32_t n, int line) {
  float a[MMA_M][MMA_K], b[MMA_N][MMA_K];
  (void)n, (void)line;
  gather(block, first, a, b);
  for (uint32_t lane = 0; lane < SIM_WARP; lane++) {
    const mma_arg *arg = block->threads[first + lane].meet_arg;
    uint32_t k = 8 * 32 / tc_sim_type_bits(arg->type);
    bool ints = arg->type == TC_SIM_s8 || arg->type == TC_SIM_u8;
    for (uint32_t i = 0; i < 4; i++) {
      const float *row = a[lane / 4 + 8 * (i / 2)], *column = b[lane % 4 * 2 + i % 2];
      if (ints) add_int((uint32_t *)arg->c + i, row, column, k);
      if (!ints) add_float((float *)arg->c + i, row, column, k);
    }
  }
}

void tc_sim_mma(tc_sim_thread *t, int line, int type, void *c, const void *a, const void *b) {
  mma_arg arg = {type, c, a, b};
  t->line = line;
  check_whole_warp(t, "mma");
  tc_sim_meet_warp(t, line, SIM_MEET_MMA, (uint32_t)type, 0, &arg, do_mma);
}
