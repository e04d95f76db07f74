#include "ir/interp_threads.h"

#include "base/floats.h"

#include <string.h>

/* ---- room ---- */

void *tc_interp_room(tc_machine *m, uint64_t n, size_t size_b, tc_value stmt) {
  uint64_t left = m->max_memory_b - m->memory_b;
  if (size_b && n > left / size_b) tc_interp_out_of_memory(m, stmt);
  m->memory_b += n * size_b;
  return tc_arena_array(&m->arena, (size_t)n, size_b);
}

tc_room_mark tc_interp_mark(const tc_machine *m) {
  return (tc_room_mark){tc_arena_here(&m->arena), m->memory_b};
}

void tc_interp_drop(tc_machine *m, tc_room_mark mark) {
  tc_arena_rewind(&m->arena, mark.arena);
  m->memory_b = mark.memory_b;
}

/* ---- bits ---- */

/* `n` bits from bit `bit` on; whole bytes when n is a multiple of 8, else n < 8 and the element may
 * lie across two bytes (6-bit types). */
static uint64_t read_bits(const unsigned char *at, uint64_t bit, uint32_t n) {
  const unsigned char *p = at + bit / 8;
  uint16_t half;
  uint32_t word;
  uint64_t whole;
  switch (n) {
  case 8:
    return *p;
  case 16:
    memcpy(&half, p, sizeof half);
    return half;
  case 32:
    memcpy(&word, p, sizeof word);
    return word;
  case 64:
    memcpy(&whole, p, sizeof whole);
    return whole;
  }
  uint32_t shift = (uint32_t)(bit % 8), bits = *p;
  if (shift + n > 8) bits |= (uint32_t)p[1] << 8;
  return bits >> shift & ((1u << n) - 1);
}

static void write_bits(unsigned char *at, uint64_t bit, uint32_t n, uint64_t x) {
  unsigned char *p = at + bit / 8;
  uint16_t half = (uint16_t)x;
  uint32_t word = (uint32_t)x;
  switch (n) {
  case 8:
    *p = (unsigned char)x;
    return;
  case 16:
    memcpy(p, &half, sizeof half);
    return;
  case 32:
    memcpy(p, &word, sizeof word);
    return;
  case 64:
    memcpy(p, &x, sizeof x);
    return;
  }
  uint32_t shift = (uint32_t)(bit % 8), mask = ((1u << n) - 1) << shift;
  uint32_t bits = (uint32_t)x << shift;
  p[0] = (unsigned char)((p[0] & ~mask) | (bits & mask & 0xff));
  if (shift + n > 8) p[1] = (unsigned char)((p[1] & ~(mask >> 8)) | (bits & mask) >> 8);
}

tc_reg tc_interp_get(const tc_view *v, uint64_t bit, tc_value stmt) {
  const tc_storage *s = v->storage;
  tc_reg r = {tc_imm_from_bits(v->lane, read_bits(s->data, bit, v->lane_bits)), 0};
  if (s->shadow && read_bits(s->shadow, bit, v->lane_bits)) r.poison = stmt.id;
  return r;
}

void tc_interp_put(const tc_view *v, uint64_t bit, tc_reg x) {
  const tc_storage *s = v->storage;
  write_bits(s->data, bit, v->lane_bits, tc_imm_to_bits(v->lane, x.x));
  if (s->shadow) write_bits(s->shadow, bit, v->lane_bits, x.poison ? UINT64_MAX : 0);
}

/* ---- views ---- */

TC_NORETURN static void bad_buffer(tc_machine *m, tc_buf buf, tc_value stmt, const char *why) {
  TC_DIAG(m->ir->diags, D_bad_buffer, tc_op_at(m->ir, stmt)->span, tc_interp_name(m, buf), why);
  tc_interp_stop(m);
}

static int64_t view_number(tc_machine *m, const tc_view *v, uint32_t slot, tc_value stmt) {
  if (m->regs[slot].poison)
    tc_interp_undefined(m, stmt, m->regs[slot],
                        tc_format(m->ir->diags->arena, "the shape or address of buffer '%s'",
                                  tc_interp_name(m, v->buf)));
  return m->regs[slot].x.i;
}

/* a * b, at most INT64_MAX: a shape too large for memory must not look small. */
static uint64_t saturating_product(uint64_t a, uint64_t b) {
  return b && a > INT64_MAX / b ? INT64_MAX : a * b;
}

/* Computes where the elements lie. */
static void prepare(tc_machine *m, tc_view *v, tc_value stmt) {
  uint64_t stride = 1;
  for (uint32_t d = v->rank; d-- > 0;) {
    v->shape[d] = view_number(m, v, v->shape_reg[d], stmt);
    if (v->shape[d] < 0) bad_buffer(m, v->buf, stmt, "an extent is negative");
    v->stride[d] = v->stride_reg ? view_number(m, v, v->stride_reg[d], stmt) : (int64_t)stride;
    stride = saturating_product(stride, (uint64_t)v->shape[d]);
  }
  v->offset = v->offset_reg ? view_number(m, v, v->offset_reg, stmt) : 0;
  if (v->address_reg) {
    int64_t address = view_number(m, v, v->address_reg, stmt);
    if (!address) bad_buffer(m, v->buf, stmt, "its address is 0");
    v->own = (tc_storage){
        .data = (unsigned char *)(uintptr_t)(uint64_t)address, .live = true, .trusted = true};
  }
  v->ready = v->fixed;
}

tc_view *tc_interp_view(tc_machine *m, tc_buf buf, tc_value stmt) {
  tc_view *v = &m->views[buf.id];
  if (!v->ready) prepare(m, v, stmt);
  if (!v->storage->live) {
    if (tc_buf_at(m->ir, tc_buf_at(m->ir, buf)->root)->flags & TC_BUF_PARAM) {
      TC_DIAG(m->ir->diags, D_null_argument, tc_op_at(m->ir, stmt)->span, tc_interp_name(m, buf));
      tc_interp_stop(m);
    }
    bad_buffer(m, buf, stmt, "it has no storage yet");
  }
  return v;
}

/* Bytes that the elements of the view span, or UINT64_MAX when they are too many. */
static uint64_t span_b(const tc_view *v) {
  uint64_t last = 0; /* index of the last element */
  for (uint32_t d = 0; d < v->rank; d++) {
    if (v->shape[d] == 0) return 0;
  }
  for (uint32_t d = 0; d < v->rank; d++) {
    uint64_t steps = (uint64_t)v->shape[d] - 1, stride = (uint64_t)v->stride[d];
    if (steps && (v->stride[d] < 0 || stride > (UINT64_MAX >> 12) / steps)) return UINT64_MAX;
    last += steps * stride;
    if (last > UINT64_MAX >> 12) return UINT64_MAX;
  }
  /* An element has at most 64 lanes of 64 bits. */
  if (last > (UINT64_MAX >> 4) / v->elem_bits) return UINT64_MAX;
  return ((last + 1) * v->elem_bits + 7) / 8;
}

void tc_interp_alloc(tc_machine *m, const tc_insn *p, tc_buf buf) {
  tc_view *v = &m->views[buf.id];
  if (!v->ready) prepare(m, v, p->at);
  tc_storage *s = v->storage;
  uint64_t size_b = span_b(v);
  if (size_b == UINT64_MAX) tc_interp_out_of_memory(m, p->at);
  tc_interp_spend(m, size_b / 64, p->at);
  if (!s->data || size_b > s->cap_b) {
    s->cap_b = size_b;
    s->data = tc_interp_room(m, size_b, 1, p->at);
    s->shadow = tc_arena_alloc(&m->arena, (size_t)size_b);
  }
  s->size_b = size_b;
  s->live = true;
  if (s->bars) memset(s->bars, 0, s->n_bars * sizeof *s->bars);
  if (size_b) memset(s->shadow, 0xff, (size_t)size_b);
}

/* ---- element accesses ---- */

static uint32_t lane_of(bool wide, uint32_t j) {
  return wide ? j : 0;
}

bool tc_interp_wanted(tc_machine *m, const tc_insn *p, const tc_access_code *a, uint32_t j) {
  if (!a->pred) return true;
  return tc_interp_int(m, a->pred + lane_of(a->wide_pred, j), p->at, "the predicate of an access");
}

static void refuse_index(tc_machine *m, const tc_insn *p, const tc_view *v, uint32_t d, tc_reg r) {
  tc_interp_undefined(
      m, p->at, r,
      tc_format(m->ir->diags->arena, "index %u of '%s'", d, tc_interp_name(m, v->buf)));
}

static bool inside(const tc_view *v, uint64_t bit, uint32_t bits) {
  return v->storage->trusted
         || (bit <= v->storage->size_b * 8 && bits <= v->storage->size_b * 8 - bit);
}

/* Before `canon` accesses of global memory are guarded without saying so. */
bool tc_interp_place(tc_machine *m, const tc_insn *p, const tc_access_code *a, const tc_view *v,
                     uint32_t j, uint64_t *bit) {
  uint64_t at = (uint64_t)v->offset;
  for (uint32_t d = 0; d < a->rank; d++) {
    tc_reg r = m->regs[a->index[d] + lane_of(a->wide[d], j)];
    if (r.poison) refuse_index(m, p, v, d, r);
    if ((uint64_t)r.x.i >= (uint64_t)v->shape[d]) {
      if (m->ir->state == TC_STATE_surface && v->scope == TC_SCOPE_global) return false;
      tc_interp_out_of_bounds(m, p->at, v, d, r.x.i);
    }
    at += (uint64_t)r.x.i * (uint64_t)v->stride[d];
  }
  *bit = at * v->elem_bits;
  if (!inside(v, *bit, v->elem_bits)) tc_interp_outside(m, p->at, v);
  return true;
}

/* What an access that does not happen yields. float8_e8m0fnu has no 0; the least of its values
 * stands for it, as in a conversion. */
static tc_reg nothing(const tc_machine *m, const tc_insn *p) {
  tc_type type = tc_lane_type(tc_value_type(m->ir, p->at));
  return (tc_reg){.x = tc_is_float(type) ? tc_imm_float(type, 0) : (tc_imm){0}};
}

void tc_interp_load(tc_machine *m, const tc_insn *p) {
  const tc_access_code *a = p->record;
  tc_reg *out = &m->regs[p->out];
  const tc_view *v = NULL;
  for (uint32_t j = 0; j < a->n; j++) {
    uint32_t lanes = p->lanes / a->n;
    uint64_t bit;
    bool read = tc_interp_wanted(m, p, a, j);
    if (read && !v) v = tc_interp_view(m, a->buf, p->at);
    read = read && tc_interp_place(m, p, a, v, j, &bit);
    for (uint32_t l = 0; l < lanes; l++, out++) {
      if (read) {
        *out = tc_interp_get(v, bit + (uint64_t)l * v->lane_bits, p->at);
      } else {
        *out = a->other ? m->regs[a->other + j * lanes + l] : nothing(m, p);
      }
    }
  }
}

static void put_checked(tc_machine *m, tc_value stmt, const tc_view *v, uint64_t bit, tc_reg x) {
  if (x.poison && v->scope == TC_SCOPE_global) tc_interp_undefined_store(m, stmt, v, x);
  tc_interp_put(v, bit, x);
}

void tc_interp_store(tc_machine *m, const tc_insn *p) {
  const tc_access_code *a = p->record;
  const tc_view *v = NULL;
  for (uint32_t j = 0; j < a->n; j++) {
    uint64_t bit;
    if (!tc_interp_wanted(m, p, a, j)) continue;
    if (!v) v = tc_interp_view(m, a->buf, p->at);
    if (!tc_interp_place(m, p, a, v, j, &bit)) continue;
    uint32_t from = a->value + (a->wide_value ? j * v->lanes : 0);
    for (uint32_t l = 0; l < v->lanes; l++)
      put_checked(m, p->at, v, bit + (uint64_t)l * v->lane_bits, m->regs[from + l]);
  }
}

tc_reg tc_interp_combine(enum tc_opcode op, tc_type type, tc_reg a, tc_reg b) {
  tc_scalar r = tc_scalar_binary(op, type, tc_reg_scalar(a), tc_reg_scalar(b));
  return (tc_reg){r.x, r.poison ? (a.poison ? a.poison : b.poison) : 0};
}

tc_reg tc_interp_update(enum tc_atomic_kind kind, tc_type type, tc_reg old, tc_reg value,
                        tc_reg expected) {
  if (kind == TC_ATOMIC_EXCHANGE) return value;
  if (kind != TC_ATOMIC_CAS) return tc_interp_combine(tc_atomic_op(kind), type, old, value);
  if (old.poison) return old;
  if (expected.poison) return expected;
  /* Hardware compares the bits. */
  return tc_imm_to_bits(type, old.x) == tc_imm_to_bits(type, expected.x) ? value : old;
}

void tc_interp_atomic(tc_machine *m, const tc_insn *p) {
  const tc_access_code *a = p->record;
  for (uint32_t l = 0; p->out && l < p->lanes; l++)
    m->regs[p->out + l] = nothing(m, p);
  const tc_view *v = NULL;
  for (uint32_t j = 0; j < a->n; j++) {
    uint64_t bit;
    if (!tc_interp_wanted(m, p, a, j)) continue;
    if (!v) v = tc_interp_view(m, a->buf, p->at);
    if (!tc_interp_place(m, p, a, v, j, &bit)) continue;
    for (uint32_t l = 0; l < v->lanes; l++, bit += v->lane_bits) {
      tc_reg old = tc_interp_get(v, bit, p->at);
      uint32_t from = (a->wide_value ? j * v->lanes : 0) + l;
      tc_reg expected = a->expected ? m->regs[a->expected + from] : (tc_reg){0};
      put_checked(m, p->at, v, bit,
                  tc_interp_update((enum tc_atomic_kind)a->atomic, v->lane, old,
                                   m->regs[a->value + from], expected));
      if (p->out) m->regs[p->out + j * v->lanes + l] = old;
    }
  }
}
