#include "ir/interp_private.h"

#include <string.h>

/* The op that an undefined result goes back to: that of its first undefined operand, else this one.
 */
static tc_reg reg_of(tc_scalar r, const tc_insn *p, uint32_t a, uint32_t b, uint32_t c) {
  if (!r.poison) return (tc_reg){r.x, 0};
  return (tc_reg){r.x, a ? a : b ? b : c ? c : p->at.id};
}

static void binary(tc_reg *regs, const tc_insn *p) {
  tc_type type = {p->dtype, 0, 1};
  const tc_reg *a = &regs[p->a], *b = &regs[p->b];
  tc_reg *out = &regs[p->out];
  for (uint32_t l = 0; l < p->lanes; l++) {
    tc_scalar r =
        tc_scalar_binary((enum tc_opcode)p->op, type, tc_reg_scalar(a[l]), tc_reg_scalar(b[l]));
    out[l] = reg_of(r, p, a[l].poison, b[l].poison, 0);
  }
}

static void unary(tc_reg *regs, const tc_insn *p) {
  tc_type type = {p->dtype, 0, 1};
  for (uint32_t l = 0; l < p->lanes; l++) {
    tc_reg a = regs[p->a + l];
    regs[p->out + l] =
        reg_of(tc_scalar_unary((enum tc_opcode)p->op, type, tc_reg_scalar(a)), p, a.poison, 0, 0);
  }
}

static void select_lanes(tc_reg *regs, const tc_insn *p) {
  for (uint32_t l = 0; l < p->lanes; l++) {
    tc_reg c = regs[p->a + (l < p->a_lanes ? l : 0)];
    tc_reg chosen = regs[(c.x.i ? p->b : p->c) + l];
    if (c.poison) chosen.poison = c.poison;
    regs[p->out + l] = chosen;
  }
}

static void cast(tc_reg *regs, const tc_insn *p) {
  tc_type from = {p->dtype, 0, 1}, to = {p->to, 0, 1};
  for (uint32_t l = 0; l < p->lanes; l++) {
    tc_reg a = regs[p->a + l];
    regs[p->out + l] = reg_of(tc_scalar_cast(from, to, tc_reg_scalar(a)), p, a.poison, 0, 0);
  }
}

/* Bit `i` of the concatenated lanes of the operand. */
static uint64_t bit_of(const tc_reg *a, tc_type from, uint32_t bits, uint32_t i) {
  return tc_imm_to_bits(from, a[i / bits].x) >> i % bits & 1;
}

static void reinterpret(tc_reg *regs, const tc_insn *p) {
  tc_type from = {p->dtype, 0, 1}, to = {p->to, 0, 1};
  const tc_reg *a = &regs[p->a];
  uint32_t from_bits = tc_type_bits(from), to_bits = tc_type_bits(to), poison = 0;
  for (uint32_t l = 0; l < p->a_lanes; l++)
    if (a[l].poison) poison = a[l].poison;
  for (uint32_t l = 0; l < p->lanes; l++) {
    uint64_t x = 0;
    for (uint32_t i = 0; i < to_bits; i++)
      x |= bit_of(a, from, from_bits, l * to_bits + i) << i;
    regs[p->out + l] = (tc_reg){tc_imm_from_bits(to, x), poison};
  }
}

static void math(tc_reg *regs, const tc_insn *p, enum tc_mathfn fn) {
  tc_type type = {p->dtype, 0, 1};
  for (uint32_t l = 0; l < p->lanes; l++) {
    tc_reg a = regs[p->a + l], b = p->b ? regs[p->b + l] : (tc_reg){0};
    tc_reg c = p->c ? regs[p->c + l] : (tc_reg){0};
    tc_scalar args[3] = {tc_reg_scalar(a), tc_reg_scalar(b), tc_reg_scalar(c)};
    regs[p->out + l] = reg_of(tc_scalar_math(fn, type, args), p, a.poison, b.poison, c.poison);
  }
}

static void ramp(tc_reg *regs, const tc_insn *p) {
  tc_type type = {p->dtype, 0, 1};
  tc_scalar base = tc_reg_scalar(regs[p->a]), stride = tc_reg_scalar(regs[p->b]);
  for (uint32_t l = 0; l < p->lanes; l++) {
    tc_scalar lane = {tc_imm_int(type, (int64_t)l), false};
    if (tc_is_float(type)) lane.x = tc_imm_float(type, (double)l);
    tc_scalar r =
        tc_scalar_binary(TC_OP_add, type, base, tc_scalar_binary(TC_OP_mul, type, stride, lane));
    regs[p->out + l] = reg_of(r, p, regs[p->a].poison, regs[p->b].poison, 0);
  }
}

static void pack(tc_reg *regs, const tc_insn *p) {
  const uint32_t *from = p->record;
  for (uint32_t l = 0; l < p->lanes; l++)
    regs[p->out + l] = regs[from[l]];
}

/* table */
void tc_interp_pure(tc_machine *m, const tc_insn *p) {
  switch ((int)p->op) {
  case TC_OP_neg:
  case TC_OP_abs:
  case TC_OP_not:
    unary(m->regs, p);
    return;
  case TC_OP_select:
    select_lanes(m->regs, p);
    return;
  case TC_OP_cast:
    cast(m->regs, p);
    return;
  case TC_OP_reinterpret:
    reinterpret(m->regs, p);
    return;
  case TC_OP_math:
    math(m->regs, p, (enum tc_mathfn)tc_op_at(m->ir, p->at)->payload);
    return;
  case TC_OP_ramp:
    ramp(m->regs, p);
    return;
  case TC_OP_broadcast:
    for (uint32_t l = 0; l < p->lanes; l++)
      m->regs[p->out + l] = m->regs[p->a];
    return;
  case TC_OP_pack:
    pack(m->regs, p);
    return;
  default:
    binary(m->regs, p);
  }
}
